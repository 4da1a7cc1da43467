//! Step 10: every instrument steps on its ladder, by rule, with its cause (R13).

mod drawdown;

use super::{Moment, close};
use crate::event::{Cause, Event};
use crate::state::{Breaker, Condition, Feed, Instrument, Level, Pool};
use crate::table::{FeedId, InstrumentId, PoolId, Table};
use crate::units::{Ratio, Time};
use alloc::collections::BTreeSet;

/// Steps the ladder of every instrument. `cascading` are the feeds whose markets a cascade threatens, where this block
/// has measured it.
pub(super) fn step(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    cascading: Option<&BTreeSet<FeedId>>,
    now: Moment,
    say: &mut dyn FnMut(Event),
) {
    let drawdown = drawdown::of(pool);
    for instrument in pool.instruments.ids() {
        let listed = &pool.instruments[instrument];
        let feed = &feeds[listed.parameters.feed];
        if !listed.counts() {
            continue;
        }
        let cascades = match cascading {
            Some(feeds) => feeds.contains(&listed.parameters.feed),
            None => was_cascading(pool, listed),
        };
        let wanted = wanted(pool, listed, feed, (drawdown, cascades));
        if !now.restart {
            go_on_beneath(&mut pool.instruments[instrument].breaker, wanted, now);
        }
        let next = next(pool, &pool.instruments[instrument], feed, wanted, now);
        enter(pool, id, instrument, next, wanted, now, say);
        if next.0 == Level::WindDown && !pool.instruments[instrument].is_spot() {
            // R13.3, R12.4: a market that cannot reopen ends at the last index that its feed agreed on.
            let price = pool.instruments[instrument].averaging(now.time).worth(feed.index);
            close::close_at(pool, id, instrument, price, say);
        }
    }
    drawdown::forgive(pool, now.time);
}

/// What the last measurement said holds until the next: it was the cause, and has been present since.
fn was_cascading(pool: &Pool, instrument: &Instrument) -> bool {
    instrument.breaker.stands().1 == Cause::Cascade && instrument.breaker.caused_at >= pool.fund.measured_at
}

/// R13.8: while orders collect, the ladder beneath goes up at once and not down.
fn go_on_beneath(breaker: &mut Breaker, wanted: (Level, Cause), now: Moment) {
    if breaker.level == Level::CallAuction && wanted.0 > Level::Normal && wanted.0 >= breaker.resumes.0 {
        breaker.resumes = wanted;
        breaker.caused_at = now.time;
    }
}

/// R13.1: the step that the present causes ask for.
fn wanted(pool: &Pool, instrument: &Instrument, feed: &Feed, (drawdown, cascades): (Ratio, bool)) -> (Level, Cause) {
    let parameters = &pool.parameters;
    if feed.condition == Condition::Down {
        return (Level::ReduceOnly, Cause::FeedDown);
    }
    // Whoever buys collateral has paid for it, and it is never bought to reduce anything: forced sales need them, then most of all.
    if drawdown >= parameters.reduce_only_drawdown && !instrument.is_spot() {
        return (Level::ReduceOnly, Cause::FundDrawdown);
    }
    let stress = pool.stresses.get(&instrument.parameters.feed).map_or(Ratio::ONE, |stress| stress.raw);
    let limit =
        feed.slow.abs().max(instrument.parameters.stress_base).times_ceil(stress.times_ceil(parameters.cautious_move));
    if drawdown >= parameters.cautious_drawdown {
        (Level::Cautious, Cause::FundDrawdown)
    } else if (feed.index - feed.slow).abs() > limit {
        (Level::Cautious, Cause::LargeMove)
    } else if cascades {
        (Level::Cautious, Cause::Cascade)
    } else if feed.condition == Condition::Degraded {
        (Level::Cautious, Cause::FeedDegraded)
    } else {
        (Level::Normal, Cause::Calm)
    }
}

/// R13.2, R13.3: up at once; down one step after a calm; out of a halt only through a call auction; never in it for ever.
fn next(pool: &Pool, instrument: &Instrument, feed: &Feed, wanted: (Level, Cause), now: Moment) -> (Level, Cause) {
    let breaker = &instrument.breaker;
    let standing = (breaker.level, breaker.cause);
    let too_long = now.time - breaker.since > pool.parameters.max_halt;
    // R3.10: a balance is owned, not owed: there is nothing to close it at. It is worth nothing until its feed is back, and a restart is no
    // reason to value it again.
    if instrument.is_worthless() {
        let is_back = feed.condition != Condition::Down && !now.restart;
        return if is_back { (Level::CallAuction, Cause::Reopening) } else { standing };
    }
    if now.restart {
        return (Level::Halted, Cause::Restart);
    }
    match breaker.level {
        Level::Halted if feed.condition != Condition::Down => (Level::CallAuction, Cause::Reopening),
        Level::Halted if too_long => (Level::WindDown, Cause::HaltTooLong),
        Level::Halted | Level::WindDown => standing,
        Level::CallAuction if breaker.call_until.is_some_and(|until| until > now.time) => standing,
        // R13.8: a call auction over, the ladder goes on where it stood.
        Level::CallAuction => step_from(pool, feed, breaker.resumes, wanted, (breaker.caused_at, now)),
        Level::ReduceOnly if breaker.cause == Cause::FeedDown && feed.condition == Condition::Down && too_long => {
            (Level::WindDown, Cause::HaltTooLong)
        }
        _ => step_from(pool, feed, standing, wanted, (breaker.caused_at, now)),
    }
}

fn step_from(
    pool: &Pool,
    feed: &Feed,
    standing: (Level, Cause),
    wanted: (Level, Cause),
    (caused_at, now): (Time, Moment),
) -> (Level, Cause) {
    match standing.0 {
        Level::ReduceOnly if standing.1 == Cause::FeedDown && feed.condition != Condition::Down => {
            (Level::CallAuction, Cause::Reopening)
        }
        _ if wanted.0 >= standing.0 => wanted,
        _ if now.time - caused_at < pool.parameters.calm => standing,
        Level::ReduceOnly => (Level::Cautious.max(wanted.0), wanted.1),
        _ => wanted,
    }
}

fn enter(
    pool: &mut Pool,
    id: PoolId,
    instrument: InstrumentId,
    next: (Level, Cause),
    wanted: (Level, Cause),
    now: Moment,
    say: &mut dyn FnMut(Event),
) {
    let (call_auction, grace) = (pool.parameters.call_auction, pool.parameters.grace);
    let breaker = &mut pool.instruments[instrument].breaker;
    let (level, cause) = next;
    if wanted.0 >= level && level > Level::Normal {
        breaker.caused_at = now.time;
    }
    if cause == Cause::FeedDown && breaker.cause != Cause::FeedDown {
        // R13.3: what cannot reopen is wound down by how long its feed has been down, not by what came before.
        breaker.since = now.time;
    }
    if level == breaker.level && breaker.call_until.is_none_or(|until| until > now.time) {
        breaker.cause = cause;
        return;
    }
    if breaker.is_called_by_orders() {
        breaker.open_since = now.time;
    }
    if level >= Level::CallAuction {
        breaker.resumes = goes_on_from(breaker);
    } else if !breaker.is_closed() || level != breaker.resumes.0 {
        breaker.caused_at = now.time;
    }
    if cause == Cause::Reopening {
        breaker.grace_until = now.time + call_auction + grace;
    }
    breaker.since = now.time;
    breaker.call_until = (level == Level::CallAuction).then(|| now.time + call_auction);
    breaker.level = level;
    breaker.cause = cause;
    say(Event::BreakerStepped { pool: id, instrument, level, cause });
}

/// R13.8: from where the ladder goes on after a call auction or a halt. A feed that was down has proved itself by then.
fn goes_on_from(breaker: &Breaker) -> (Level, Cause) {
    let stands = breaker.stands();
    if stands.1 == Cause::FeedDown { (Level::Normal, Cause::Calm) } else { stands }
}

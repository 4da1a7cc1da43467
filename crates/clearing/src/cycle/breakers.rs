//! Step 10: every instrument steps on its ladder, by rule, with its cause (R13).

use super::{Moment, close};
use crate::event::{Cause, Event};
use crate::margin;
use crate::state::{Condition, FUND, Feed, Instrument, Level, Pool};
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
    let drawdown = fund_drawdown(pool);
    for instrument in pool.instruments.ids() {
        let listed = &pool.instruments[instrument];
        let feed = &feeds[listed.parameters.feed];
        if !feed.priced || listed.settled.is_some() {
            continue;
        }
        let cascades = match cascading {
            Some(feeds) => feeds.contains(&listed.parameters.feed),
            None => was_cascading(pool, listed),
        };
        let wanted = if now.restart {
            (Level::Halted, Cause::Restart)
        } else {
            wanted(pool, listed, feed, (drawdown, cascades))
        };
        let next = next(pool, listed, feed, wanted, now);
        enter(pool, id, instrument, next, wanted, now, say);
        if next.0 == Level::WindDown {
            // R13.3, R12.4: a market that cannot reopen ends at the last index that its feed agreed on.
            let price = pool.instruments[instrument].averaging(now.time).worth(feed.index);
            close::close_at(pool, id, instrument, price, say);
        }
    }
    forgive_old_drawdown(pool, now.time);
}

/// How much of its high the fund has lost.
fn fund_drawdown(pool: &Pool) -> Ratio {
    let fund = &pool.accounts[FUND];
    let equity = margin::equity(&pool.matrices, fund.cash, &fund.positions);
    let lost = (pool.fund.high - equity).or_zero();
    if lost.is_zero() { Ratio::ZERO } else { lost.ratio_to_floor(pool.fund.high, Ratio::ONE) }
}

/// What the last measurement said holds until the next: it was the cause, and has been present since.
fn was_cascading(pool: &Pool, instrument: &Instrument) -> bool {
    instrument.breaker.cause == Cause::Cascade && instrument.breaker.caused_at >= pool.fund.measured_at
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
    // A balance is owned, not owed: there is nothing to close it at, so it waits for its feed.
    let too_long = now.time - breaker.since > pool.parameters.max_halt && !instrument.is_spot();
    if now.restart {
        return wanted;
    }
    match breaker.level {
        Level::Halted if feed.condition != Condition::Down => (Level::CallAuction, Cause::Reopening),
        Level::Halted if too_long => (Level::WindDown, Cause::HaltTooLong),
        Level::Halted | Level::WindDown => standing,
        Level::CallAuction if breaker.call_until.is_some_and(|until| until > now.time) => standing,
        Level::CallAuction => wanted,
        Level::ReduceOnly if breaker.cause == Cause::FeedDown && feed.condition != Condition::Down => {
            (Level::CallAuction, Cause::Reopening)
        }
        Level::ReduceOnly if breaker.cause == Cause::FeedDown && too_long => (Level::WindDown, Cause::HaltTooLong),
        _ if wanted.0 >= breaker.level => wanted,
        _ if now.time - breaker.caused_at < pool.parameters.calm => standing,
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
    if level == breaker.level {
        breaker.cause = cause;
        return;
    }
    breaker.since = now.time;
    breaker.caused_at = now.time;
    breaker.call_until = (level == Level::CallAuction).then(|| now.time + call_auction);
    if cause == Cause::Reopening {
        breaker.grace_until = now.time + call_auction + grace;
    }
    breaker.level = level;
    breaker.cause = cause;
    say(Event::BreakerStepped { pool: id, instrument, level, cause });
}

/// R13.3: a drawdown counts for as long as a halt may last; then what the fund has is the new high.
fn forgive_old_drawdown(pool: &mut Pool, time: Time) {
    let limit = pool.parameters.max_halt;
    let old = |instrument: &Instrument| {
        let breaker = &instrument.breaker;
        breaker.level == Level::ReduceOnly && breaker.cause == Cause::FundDrawdown && time - breaker.since > limit
    };
    if pool.instruments.iter().any(|(_, instrument)| old(instrument)) {
        let fund = &pool.accounts[FUND];
        pool.fund.high = margin::equity(&pool.matrices, fund.cash, &fund.positions);
    }
}

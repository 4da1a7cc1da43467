//! Changes whose notice is over: as a whole, or in steps that wait while they would put somebody into breach (R7.6 to R7.8).
//!
//! What is judged looks at every account, so it happens in the first block of a minute and there once a pool, whatever waits: all steps
//! that are due are judged together.

use super::Moment;
use super::stress::raw_stress;
use crate::command::Rejection;
use crate::commands::{apply_feed, feed_fits, instrument_fits, pool_fits};
use crate::event::Event;
use crate::margin;
use crate::parallel;
use crate::parameters::{FeedParameters, InstrumentParameters, PoolParameters};
use crate::rows;
use crate::screen::Screen;
use crate::state::{Condition, Course, FUND, Feed, Pending, Pool};
use crate::table::{AccountId, FeedId, InstrumentId, PoolId, Table};
use crate::units::{Money, Price, Ratio, Time, scaled_floor};
use alloc::vec::Vec;

/// How often a step is taken, and how often what waits is judged. R7.7
const MINUTE: Time = Time::new(60_000);

type Feeds = Table<FeedId, Feed>;

/// What may be due in a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    /// What nobody's breach defers.
    Firm,
    /// What is judged first.
    Judged,
}

/// Whether and how a change is due. R7.7
fn due<T>(change: &Pending<T>, now: Moment) -> Option<Due> {
    if now.time < change.effective_at {
        return None;
    }
    let minute = |time: Time| scaled_floor(i128::from(time.get()), 1, i128::from(MINUTE.get()));
    let is_minute = minute(now.time) != minute(now.time - now.elapsed);
    match change.course {
        Course::Whole => Some(Due::Firm),
        Course::Steps { .. } if !is_minute => None,
        Course::Steps { firm_at, .. } => Some(if now.time < firm_at { Due::Judged } else { Due::Firm }),
    }
}

/// How many steps a change has left, this one included.
fn steps_left(course: Course) -> u8 {
    match course {
        Course::Whole => 1,
        Course::Steps { left, .. } => left,
    }
}

/// Counts a step that was taken; after the last one nothing waits any more.
fn advance<T>(slot: &mut Option<Pending<T>>) -> Event {
    let left = slot.as_ref().map_or(0, |change| steps_left(change.course).saturating_sub(1));
    if left == 0 {
        *slot = None;
        return Event::ChangeApplied;
    }
    if let Some(Pending { course: Course::Steps { left: waiting, .. }, .. }) = slot {
        *waiting = left;
    }
    Event::ChangeStepped { left }
}

/// Opens and closes lines whose time has come. R7.8
pub(super) fn apply_due_lines(pools: &mut Table<PoolId, Pool>, now: Moment, events: &mut Vec<Event>) {
    for (_, pool) in pools.iter_mut() {
        if pool.line.pending.as_ref().is_some_and(|change| change.effective_at <= now.time) {
            pool.line.apply();
            events.push(Event::ChangeApplied);
        }
    }
}

/// Applies the changes of feeds that have waited long enough.
pub(super) fn apply_due_feeds(
    feeds: &mut Feeds,
    pools: &mut Table<PoolId, Pool>,
    now: Moment,
    events: &mut Vec<Event>,
) {
    for (id, next) in feed_steps(feeds, Due::Firm, now) {
        step_feed(feeds, pools, id, next, events);
    }
    let judged = feed_steps(feeds, Due::Judged, now);
    if judged.is_empty() {
        return;
    }
    let mut candidate = feeds.clone();
    for (id, next) in &judged {
        candidate[*id].parameters = next.clone();
    }
    let uses = |pool: &Pool| judged.iter().any(|(id, _)| pool.stresses.contains_key(id));
    let using = pools.iter_mut().filter(|(_, pool)| uses(pool));
    let harmed = using.map(|(_, pool)| {
        let same_rules = pool.without_members();
        harmed(pool, feeds, same_rules, &candidate, now.time)
    });
    let accounts = harmed.fold(0, u32::saturating_add);
    for (id, next) in judged {
        if accounts > 0 {
            events.push(Event::FeedChangeDeferred { feed: id, accounts });
        } else {
            step_feed(feeds, pools, id, next, events);
        }
    }
}

/// What the feeds' changes that are due make of them next.
fn feed_steps(feeds: &Feeds, which: Due, now: Moment) -> Vec<(FeedId, FeedParameters)> {
    let step = |(id, feed): (FeedId, &Feed)| {
        let change = feed.pending.as_ref().filter(|change| due(change, now) == Some(which))?;
        Some((id, feed.parameters.towards(&change.parameters, steps_left(change.course))))
    };
    feeds.iter().filter_map(step).collect()
}

fn step_feed(
    feeds: &mut Feeds,
    pools: &Table<PoolId, Pool>,
    id: FeedId,
    next: FeedParameters,
    events: &mut Vec<Event>,
) {
    let feed = &mut feeds[id];
    // R7.8: what it fitted when it was announced may have changed.
    if let Err(reason) = feed_fits(pools, id, &next) {
        feed.pending = None;
        events.push(Event::ChangeDropped { reason });
        return;
    }
    apply_feed(feed, next);
    events.push(advance(&mut feed.pending));
}

/// What a change makes of a pool next.
enum Next {
    Pool(PoolParameters),
    Instrument(InstrumentId, InstrumentParameters),
}

/// Applies the changes of a pool and its instruments that have waited long enough.
pub(super) fn apply_due(pool: &mut Pool, id: PoolId, feeds: &Feeds, now: Moment, say: &mut dyn FnMut(Event)) {
    for next in steps(pool, Due::Firm, now) {
        match fits(pool, feeds, &next) {
            Ok(()) => take(pool, next, say),
            Err(reason) => give_up(pool, &next, reason, say),
        }
    }
    let due = steps(pool, Due::Judged, now);
    if due.is_empty() {
        return;
    }
    let mut candidate = pool.without_members();
    let mut judged = Vec::new();
    for next in due {
        match fits(&candidate, feeds, &next) {
            Ok(()) => {
                put(&mut candidate, &next);
                judged.push(next);
            }
            Err(reason) => give_up(pool, &next, reason, say),
        }
    }
    if judged.is_empty() {
        return;
    }
    let accounts = harmed(pool, feeds, candidate, feeds, now.time);
    for next in judged {
        match next {
            next if accounts == 0 => take(pool, next, say),
            Next::Pool(_) => say(Event::PoolChangeDeferred { pool: id, accounts }),
            Next::Instrument(instrument, _) => say(Event::ChangeDeferred { pool: id, instrument, accounts }),
        }
    }
}

/// What the changes of a pool and its instruments that are due make of them next.
fn steps(pool: &Pool, which: Due, now: Moment) -> Vec<Next> {
    let is_due = |found: Option<Due>| found == Some(which);
    let own = pool.pending.as_ref().filter(|change| is_due(due(change, now)));
    let own = own.map(|change| Next::Pool(pool.parameters.towards(&change.parameters, steps_left(change.course))));
    let listed = pool.instruments.iter().filter_map(|(id, listed)| {
        let change = listed.pending.as_ref().filter(|change| is_due(due(change, now)))?;
        Some(Next::Instrument(id, listed.parameters.towards(&change.parameters, steps_left(change.course))))
    });
    own.into_iter().chain(listed).collect()
}

/// R7.8: what a change fitted when it was announced may have changed.
fn fits(pool: &Pool, feeds: &Feeds, next: &Next) -> Result<(), Rejection> {
    match next {
        Next::Pool(parameters) => pool_fits(feeds, pool, parameters),
        Next::Instrument(_, parameters) => instrument_fits(feeds, pool, parameters),
    }
}

fn put(pool: &mut Pool, next: &Next) {
    match next {
        Next::Pool(parameters) => pool.set_parameters(parameters.clone()),
        Next::Instrument(id, parameters) => pool.set_instrument_parameters(*id, parameters.clone()),
    }
}

fn take(pool: &mut Pool, next: Next, say: &mut dyn FnMut(Event)) {
    put(pool, &next);
    say(match next {
        Next::Pool(_) => advance(&mut pool.pending),
        Next::Instrument(id, _) => advance(&mut pool.instruments[id].pending),
    });
}

fn give_up(pool: &mut Pool, next: &Next, reason: Rejection, say: &mut dyn FnMut(Event)) {
    match next {
        Next::Pool(_) => pool.pending = None,
        Next::Instrument(id, _) => pool.instruments[*id].pending = None,
    }
    say(Event::ChangeDropped { reason });
}

/// R7.7: how many accounts that are sound would breach, or would have to sell for a loan, at unchanged prices if the pool and the feeds were
/// those of the change: on rows built anew, with the stress to which the change leads in the end. Who is spared by doubt today is asked
/// without it as well: doubt goes, and the change stays.
fn harmed(pool: &mut Pool, feeds: &Feeds, mut changed: Pool, then: &Feeds, time: Time) -> u32 {
    pool.catch_up();
    let same = pool.without_members();
    lead(&mut changed, then, &same, feeds, time);
    let with_rows = |mut rules: Pool, feeds: &Feeds| {
        rules.matrices = rows::build(&rules, feeds, time);
        rules
    };
    let surely = put_into_breach(
        pool,
        &with_rows(without_doubt(&same), &all_sure(feeds)),
        &with_rows(without_doubt(&changed), &all_sure(then)),
    );
    let (same, changed) = (with_rows(same, feeds), with_rows(changed, then));
    let doubtfully = put_into_breach(pool, &same, &changed);
    let breaching = surely.into_iter().zip(doubtfully).filter(|(one, other)| *one || *other).count();
    let selling = made_to_sell(pool, &same, &changed);
    u32::try_from(breaching).expect("the number of accounts is bounded").saturating_add(selling)
}

/// For each account, whether it breaches by the changed rules and not by the same ones: a filter names those that may.
fn put_into_breach(pool: &Pool, same: &Pool, changed: &Pool) -> Vec<bool> {
    let screen = Screen::of(changed);
    let breaches = |rules: &Pool, id: AccountId| {
        let held = &pool.accounts[id];
        held.is_good() && margin::breaches(rules, held.cash, &held.positions)
    };
    let surely_sound = |id: AccountId| screen.slack(pool.accounts.lanes(), id).is_sound();
    let ids: Vec<AccountId> = pool.accounts.ids().collect();
    debug_assert!(ids.iter().all(|id| !surely_sound(*id) || !breaches(changed, *id)), "the screen errs");
    parallel::map(&ids, |id| !surely_sound(*id) && breaches(changed, *id) && !breaches(same, *id))
}

/// The pool with marks that nobody doubts.
fn without_doubt(pool: &Pool) -> Pool {
    let mut sure = pool.without_members();
    for (_, listed) in sure.instruments.iter_mut() {
        listed.premium = Price::ZERO;
        listed.breaker.grace_until = Time::ZERO;
    }
    sure
}

/// The feeds as if every publisher agreed.
fn all_sure(feeds: &Feeds) -> Feeds {
    let mut sure = feeds.clone();
    for (_, feed) in sure.iter_mut() {
        feed.confidence = Price::ZERO;
        feed.condition = Condition::Live;
    }
    sure
}

/// Brings stresses to where the changed settings lead, if that is further than the same ones lead: rate limits would show it too late.
fn lead(changed: &mut Pool, then: &Feeds, same: &Pool, feeds: &Feeds, time: Time) {
    let aim = |pool: &Pool, feeds: &Feeds, id: FeedId| {
        raw_stress(pool, id, &feeds[id], time).times_ceil(pool.parameters.maintenance_share)
    };
    let priced = same.stresses.keys().copied().filter(|id| feeds[*id].priced);
    let aims = priced.map(|id| (id, aim(same, feeds, id), aim(changed, then, id)));
    let raised: Vec<(FeedId, Ratio)> =
        aims.filter(|(_, before, after)| after > before).map(|(id, _, after)| (id, after)).collect();
    for (id, after) in raised {
        if let Some(stress) = changed.stresses.get_mut(&id) {
            stress.maintenance = stress.maintenance.max(after);
            stress.initial = stress.initial.max(stress.maintenance);
        }
    }
}

/// How many would have to sell collateral under a lower limit, and have not to now. R2.5
fn made_to_sell(pool: &Pool, same: &Pool, changed: &Pool) -> u32 {
    let (before, after) = (&same.parameters, &changed.parameters);
    if after.account_loan_limit >= before.account_loan_limit && after.pool_loan_limit >= before.pool_loan_limit {
        return 0;
    }
    let good = pool.accounts.iter().filter(|(id, held)| *id != FUND && held.is_good());
    let owed: Vec<Money> = good.map(|(_, held)| same.loan_of(held)).collect();
    let all: Money = owed.iter().copied().sum();
    let sells = |limits: &PoolParameters, loan: Money| {
        loan > limits.account_loan_limit || (loan.is_positive() && all > limits.pool_loan_limit)
    };
    let made = owed.iter().filter(|loan| sells(after, **loan) && !sells(before, **loan)).count();
    u32::try_from(made).expect("the number of accounts is bounded")
}

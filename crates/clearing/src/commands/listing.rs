//! Feeds, pools and instruments: what governance and listers may add and change (R7.5, R7.6).

use super::{Outcome, custody, know_loans, own_account, pool_of, require, require_amount};
use crate::command::{Key, Rejection};
use crate::event::Event;
use crate::parameters::{Direction, FeedParameters, InstrumentParameters, Kind, PoolParameters, charges_fit};
use crate::rows::rows_needed;
use crate::state::{Band, Condition, Course, Feed, Instrument, Pending, Pool, Publisher, State, Volatility};
use crate::table::{AccountId, FeedId, InstrumentId, PoolId, Table};
use crate::units::{MAX_INSTRUMENTS, MAX_ROWS, Money, Price, Quantity, Ratio, Time};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

/// Most feeds, and most pools, of a system. R1.7
pub(crate) const MAX_FEEDS: usize = 1_024;

fn require_name(name: &str) -> Outcome {
    require(!name.is_empty() && name.len() <= 32, Rejection::NameNotValid)
}

pub(super) fn list_feed(
    state: &mut State,
    signer: Key,
    name: String,
    parameters: FeedParameters,
    events: &mut Vec<Event>,
) -> Outcome {
    require_name(&name)?;
    parameters.check()?;
    require(signer == state.governance, Rejection::NotAuthorised)?;
    require(state.feeds.len() < MAX_FEEDS, Rejection::TooManyFeeds)?;
    require(parameters.has_enough_sources(), Rejection::TooManyPublishers)?;

    let feed = state.feeds.push(new_feed(name, parameters));
    events.push(Event::FeedListed { feed });
    Ok(())
}

fn new_feed(name: String, parameters: FeedParameters) -> Feed {
    let first = i128::from(parameters.long_run_volatility.get());
    Feed {
        name,
        pending: None,
        publishers: parameters.publishers.iter().map(|_| Publisher::default()).collect(),
        condition: Condition::Down,
        priced: false,
        index: Price::ZERO,
        confidence: Price::ZERO,
        band: Band::default(),
        slow: Price::ZERO,
        confirmed: Price::ZERO,
        jump_seen: 0,
        fresh: 0,
        quorum_lost: None,
        volatility: Volatility { variance: first.saturating_mul(first), ..Volatility::default() },
        forecast: None,
        parameters,
    }
}

pub(super) fn set_feed(
    state: &mut State,
    signer: Key,
    feed: FeedId,
    parameters: FeedParameters,
    events: &mut Vec<Event>,
) -> Outcome {
    parameters.check()?;
    require(signer == state.governance, Rejection::NotAuthorised)?;
    let found = state.feeds.find(feed).ok_or(Rejection::FeedNotFound)?;
    feed_fits(&state.pools, feed, &parameters)?;
    // R7.8: everybody who depends on the feed has the longest notice of any pool that uses it.
    let uses = |pool: &Pool| open_instruments(pool).any(|listed| listed.feed == feed);
    let users = state.pools.iter().filter(|(_, pool)| uses(pool));
    let notice = users.filter_map(|(_, pool)| pool.notice()).max();
    let wait = waits(found.parameters.direction(&parameters), notice)?;

    let time = state.time;
    let found = &mut state.feeds[feed];
    match wait {
        None => {
            found.pending = None;
            apply_feed(found, parameters);
            events.push(Event::ChangeApplied);
        }
        Some(wait) => found.pending = Some(schedule(parameters, time, wait, events)),
    }
    Ok(())
}

/// Whether parameters of a feed contradict neither themselves nor a pool that uses it.
pub(crate) fn feed_fits(pools: &Table<PoolId, Pool>, feed: FeedId, parameters: &FeedParameters) -> Outcome {
    parameters.check()?;
    require(parameters.has_enough_sources(), Rejection::TooManyPublishers)?;
    for (_, pool) in pools.iter() {
        let own = open_instruments(pool).filter(|listed| listed.feed == feed);
        own.into_iter().try_for_each(|listed| charges_fit(parameters, listed, &pool.parameters))?;
    }
    Ok(())
}

/// The parameters of what can still be held in a pool.
fn open_instruments(pool: &Pool) -> impl Iterator<Item = &InstrumentParameters> {
    pool.instruments.iter().filter(|(_, listed)| listed.settled.is_none()).map(|(_, listed)| &listed.parameters)
}

/// How many steps a tightening takes, one a minute. R7.7
const STEPS: u8 = 16;

/// A notice, and whether the change then moves in steps.
struct Wait {
    notice: Time,
    in_steps: bool,
}

/// How long a change waits: not at all where nothing is taken from anybody, or nobody is there. R7.6, R7.7
fn waits(direction: Direction, notice: Option<Time>) -> Result<Option<Wait>, Rejection> {
    match (direction, notice) {
        (Direction::Restricts, _) | (_, None) => Ok(None),
        (Direction::TooLarge, Some(_)) => Err(Rejection::StepTooLarge),
        (Direction::Loosens, Some(notice)) => Ok(Some(Wait { notice, in_steps: false })),
        (Direction::Tightens, Some(notice)) => Ok(Some(Wait { notice, in_steps: true })),
    }
}

/// A change that waits. It takes the place of one that waits already, and everything in it has its whole notice. R7.8
fn schedule<T>(parameters: T, time: Time, wait: Wait, events: &mut Vec<Event>) -> Pending<T> {
    let effective_at = time + wait.notice;
    events.push(Event::ChangeScheduled { effective_at });
    // R7.7: what would put somebody into breach is put off for as long again, and no longer.
    let steps = Course::Steps { left: STEPS, firm_at: effective_at + wait.notice };
    Pending { parameters, effective_at, course: if wait.in_steps { steps } else { Course::Whole } }
}

/// Replaces a feed's parameters; what publishers said stays with their keys.
pub(crate) fn apply_feed(feed: &mut Feed, parameters: FeedParameters) {
    let said: BTreeMap<Key, Publisher> = feed
        .parameters
        .publishers
        .iter()
        .map(|publisher| publisher.key)
        .zip(core::mem::take(&mut feed.publishers))
        .collect();
    feed.publishers =
        parameters.publishers.iter().map(|publisher| said.get(&publisher.key).cloned().unwrap_or_default()).collect();
    feed.parameters = parameters;
}

pub(super) fn open_pool(
    state: &mut State,
    signer: Key,
    name: String,
    parameters: PoolParameters,
    events: &mut Vec<Event>,
) -> Outcome {
    require_name(&name)?;
    parameters.check()?;
    require(signer == state.governance, Rejection::NotAuthorised)?;
    require(state.pools.len() < MAX_FEEDS, Rejection::TooManyPools)?;

    let pool = state.pools.push(Pool::new(name, signer, parameters, state.time));
    events.push(Event::PoolOpened { pool });
    Ok(())
}

/// Who lists a pool of their own, and with what.
pub(super) struct Lister {
    pub(super) signer: Key,
    pub(super) pool: PoolId,
    pub(super) account: AccountId,
    pub(super) first_loss: Money,
}

/// The least first loss of an own pool: ten thousand USD. R7.5
const LEAST_FIRST_LOSS: Money = Money::new(10_000_000_000);

pub(super) fn open_own_pool(
    state: &mut State,
    lister: &Lister,
    name: String,
    feed: FeedId,
    events: &mut Vec<Event>,
) -> Outcome {
    require_name(&name)?;
    require_amount(lister.first_loss)?;
    require(lister.first_loss >= LEAST_FIRST_LOSS, Rejection::AmountOutOfRange)?;
    know_loans(state, lister.pool);
    let (from, _) = own_account(state, lister.signer, lister.pool, lister.account)?;
    let quoted = state.feeds.find(feed).ok_or(Rejection::FeedNotFound)?;
    require(quoted.condition == Condition::Live, Rejection::FeedNotLive)?;
    require(state.pools.len() < MAX_FEEDS, Rejection::TooManyPools)?;
    custody::check_withdrawal(from, lister.account, lister.first_loss)?;

    // R7.5: the parameters follow from the feed's own history and the posted first loss, not from the lister's wishes.
    let mut parameters = from.parameters.clone();
    parameters.venues = Vec::new();
    parameters.named_rows = Vec::new();
    parameters.cash_cap = lister.first_loss.times_floor(Ratio::new(64_000_000)).min(from.parameters.cash_cap);
    let listed = derived_instrument(feed, quoted, lister.first_loss);
    charges_fit(&quoted.parameters, &listed, &parameters)?;
    require(lots_are_worth_counting(quoted, &listed), Rejection::LotTooSmall)?;
    let mut pool = Pool::new(name.clone(), lister.signer, parameters, state.time);
    pool.own_capital = lister.first_loss;
    pool.custody = lister.first_loss;
    push_instrument(&mut pool, name, listed, state.time);
    let from = &mut state.pools[lister.pool];
    from.custody -= lister.first_loss;
    from.accounts.edit(lister.account).cash -= lister.first_loss;
    let pool = state.pools.push(pool);
    events.push(Event::PoolOpened { pool });
    events.push(Event::InstrumentListed { pool, instrument: InstrumentId(0) });
    Ok(())
}

/// R5.6: whether a quantum a lot is nothing beside what a lot is worth: 0.1 USD, of which a quantum is a thousandth of a percent. A feed
/// that has no price yet says nothing about it.
fn lots_are_worth_counting(feed: &Feed, parameters: &InstrumentParameters) -> bool {
    const LEAST: Price = Price::new(100_000);
    !feed.priced || feed.index.abs().max(parameters.stress_base) >= LEAST
}

/// A perpetual whose open interest is bounded by what the lister posted: initial stress rises from 5 × to 20 × the first loss.
fn derived_instrument(feed: FeedId, quoted: &Feed, first_loss: Money) -> InstrumentParameters {
    let multiple = |times: i64| first_loss.times_floor(Ratio::new(times));
    InstrumentParameters {
        feed,
        kind: Kind::Perpetual,
        exit_cost: alloc::vec![crate::parameters::Tier { from: Quantity::ZERO, rate: Ratio::new(5_000) }],
        initial_exit_cost: Vec::new(),
        depth: Vec::new(),
        band: Ratio::new(50_000),
        mark_band: Ratio::new(5_000),
        impact: multiple(100_000),
        mark_time: Time::new(60_000),
        fee: Ratio::new(1_000),
        negative_prices: false,
        stress_base: Price::ZERO,
        open_interest_low: multiple(5_000_000),
        open_interest_high: multiple(20_000_000),
        daily_volume: multiple(5_000_000),
        max_position: first_loss.lots_floor(quoted.index.abs().max(Price::new(1))).max(Quantity::new(1)),
        max_funding: Ratio::new(5_000),
    }
}

pub(super) fn list_instrument(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    name: String,
    parameters: InstrumentParameters,
    events: &mut Vec<Event>,
) -> Outcome {
    require_name(&name)?;
    parameters.check()?;
    let found = pool_of(state, pool)?;
    require(signer == state.governance, Rejection::NotAuthorised)?;
    let feed = state.feeds.find(parameters.feed).ok_or(Rejection::FeedNotFound)?;
    charges_fit(&feed.parameters, &parameters, &found.parameters)?;
    require(!found.winding_down, Rejection::PoolWindingDown)?;
    require(lots_are_worth_counting(feed, &parameters), Rejection::LotTooSmall)?;
    let expired = matches!(parameters.kind, Kind::Dated { expiry, .. } if expiry <= state.time);
    require(!expired, Rejection::ParametersNotValid)?;
    require(found.instruments.len() < MAX_INSTRUMENTS, Rejection::TooManyInstruments)?;
    // A change that waits will bring its own rows.
    let waiting = found.pending.as_ref().map_or(0, |change| change.parameters.named_rows.len());
    let named = found.parameters.named_rows.len().max(waiting);
    require(rows_fit(found, Some(&parameters), named), Rejection::TooManyInstruments)?;

    // R7.6: whoever is in the pool already has notice before something new is margined together with what they hold.
    let notice = found.notice().unwrap_or_default();
    let opens_at = state.time + notice;
    let instrument = push_instrument(&mut state.pools[pool], name, parameters, opens_at);
    if notice.is_positive() {
        events.push(Event::ChangeScheduled { effective_at: opens_at });
    }
    events.push(Event::InstrumentListed { pool, instrument });
    Ok(())
}

/// Whether the scenario set stays within its bound with one instrument more, when all that is listed has opened. R5.2, R4.7
fn rows_fit(pool: &Pool, more: Option<&InstrumentParameters>, named: usize) -> bool {
    let all = || open_instruments(pool).chain(more);
    let feeds: BTreeSet<FeedId> = all().map(|parameters| parameters.feed).collect();
    let spots = all().filter(|parameters| matches!(parameters.kind, Kind::Spot { .. })).count();
    rows_needed(feeds.len(), spots, named) <= MAX_ROWS
}

fn push_instrument(pool: &mut Pool, name: String, parameters: InstrumentParameters, time: Time) -> InstrumentId {
    pool.instruments.push(Instrument::new(name, parameters, time))
}

pub(super) fn set_instrument(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    instrument: InstrumentId,
    parameters: InstrumentParameters,
    events: &mut Vec<Event>,
) -> Outcome {
    parameters.check()?;
    let found = pool_of(state, pool)?;
    require(signer == state.governance, Rejection::NotAuthorised)?;
    let listed = found.instruments.find(instrument).ok_or(Rejection::InstrumentNotFound)?;
    require(listed.parameters.keeps_identity(&parameters), Rejection::WrongKind)?;
    instrument_fits(&state.feeds, found, &parameters)?;
    let wait = waits(listed.parameters.direction(&parameters), found.notice())?;

    let time = state.time;
    let found = &mut state.pools[pool];
    match wait {
        None => {
            found.instruments[instrument].pending = None;
            found.set_instrument_parameters(instrument, parameters);
            events.push(Event::ChangeApplied);
        }
        Some(wait) => found.instruments[instrument].pending = Some(schedule(parameters, time, wait, events)),
    }
    Ok(())
}

/// Whether parameters of an instrument contradict neither themselves nor its pool and its feed.
pub(crate) fn instrument_fits(feeds: &Table<FeedId, Feed>, pool: &Pool, parameters: &InstrumentParameters) -> Outcome {
    parameters.check()?;
    charges_fit(&feeds[parameters.feed].parameters, parameters, &pool.parameters)
}

pub(super) fn set_pool(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    parameters: PoolParameters,
    events: &mut Vec<Event>,
) -> Outcome {
    parameters.check()?;
    let found = pool_of(state, pool)?;
    require(signer == state.governance, Rejection::NotAuthorised)?;
    pool_fits(&state.feeds, found, &parameters)?;
    let wait = waits(found.parameters.direction(&parameters), found.notice())?;

    let time = state.time;
    let found = &mut state.pools[pool];
    match wait {
        None => {
            found.pending = None;
            found.set_parameters(parameters);
            events.push(Event::ChangeApplied);
        }
        Some(wait) => found.pending = Some(schedule(parameters, time, wait, events)),
    }
    Ok(())
}

/// Whether parameters of a pool contradict neither themselves nor what is listed in it.
pub(crate) fn pool_fits(feeds: &Table<FeedId, Feed>, pool: &Pool, parameters: &PoolParameters) -> Outcome {
    parameters.check()?;
    require(rows_fit(pool, None, parameters.named_rows.len()), Rejection::ParametersNotValid)?;
    open_instruments(pool).try_for_each(|listed| charges_fit(&feeds[listed.feed].parameters, listed, parameters))
}

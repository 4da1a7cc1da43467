//! Step 2: how far each feed may move before a liquidation is done (R4).

use super::Moment;
use super::prices::standard_deviation;
use crate::state::{Correlation, Feed, Instrument, Level, Pool, Stress};
use crate::table::{FeedId, Table};
use crate::units::{Money, Ratio, Time};
use alloc::collections::BTreeSet;

const HOUR: Time = Time::new(3_600_000);
/// Rate limits are worked off in steps of at least this length, so that short blocks do not round them away.
const STEP: Time = Time::new(1_000);

/// The weight of the old correlation in the short and in the long window: half-lives of about 11 and 140 samples. R4.5
const SHORT_WINDOW: Ratio = Ratio::new(940_000);
const LONG_WINDOW: Ratio = Ratio::new(995_000);

/// Recalibrates the stress of every feed of the pool, and their correlations.
///
/// R4.7: a feed has a stress while an instrument that counts depends on it. Correlations are learnt from the listing on, so that a
/// market that opens after its notice is no stranger to the others.
pub(super) fn calibrate(pool: &mut Pool, feeds: &Table<FeedId, Feed>, now: Moment) {
    let used = feeds_of(pool, Instrument::counts);
    let listed = feeds_of(pool, |instrument| instrument.settled.is_none());
    pool.stresses.retain(|id, _| used.contains(id));
    pool.correlations.retain(|(one, other), _| listed.contains(one) && listed.contains(other));
    for id in used {
        let raw = raw_stress(pool, id, &feeds[id], now.time);
        let caution = caution(pool, id);
        let next = next(pool.stresses.get(&id), raw, caution, pool, now.time);
        pool.stresses.insert(id, next);
    }
    for (_, instrument) in pool.instruments.iter_mut() {
        instrument.interest_share = instrument.share_of_interest();
    }
    correlate(pool, feeds, &listed, now.time);
}

/// The feeds of some of the pool's instruments.
fn feeds_of(pool: &Pool, some: fn(&Instrument) -> bool) -> BTreeSet<FeedId> {
    let own = pool.instruments.iter().filter(|(_, instrument)| some(instrument));
    own.map(|(_, instrument)| instrument.parameters.feed).collect()
}

/// R4.1: z · σ · √(T ⁄ interval), where σ is the largest of estimate, valid forecast and long-run floor.
pub(super) fn raw_stress(pool: &Pool, id: FeedId, feed: &Feed, time: Time) -> Ratio {
    let parameters = &feed.parameters;
    // R4.6: a forecast can only raise stress, stays below its ceiling, and is forgotten when it is old.
    let fresh = |at: Time| time - at <= parameters.forecast_max_age;
    let forecast = feed
        .forecast
        .as_ref()
        .filter(|forecast| fresh(forecast.at))
        .map_or(Ratio::ZERO, |forecast| forecast.volatility);
    let volatility = standard_deviation(feed.volatility.variance)
        .max(parameters.long_run_volatility)
        .max(forecast.min(parameters.forecast_ceiling));
    parameters.stress_over(volatility, horizon(pool, id, feed, time))
}

/// R4.2: base horizon + age of the oracle + inclusion delay + time to unwind the open interest.
fn horizon(pool: &Pool, id: FeedId, feed: &Feed, time: Time) -> Time {
    let newest = feed
        .publishers
        .iter()
        .filter_map(|publisher| publisher.observation.as_ref())
        .map(|seen| seen.published_at)
        .max();
    let age = newest.map_or(Time::ZERO, |newest| time - newest).min(feed.parameters.down_after);
    let limit = pool.parameters.max_horizon;
    (pool.parameters.horizon + age + pool.parameters.inclusion_delay + time_to_unwind(pool, id)).min(limit)
}

/// The instruments that count and depend on this feed. R4.7
fn fed_by(pool: &Pool, id: FeedId) -> impl Iterator<Item = &Instrument> {
    let own = move |instrument: &&Instrument| instrument.parameters.feed == id && instrument.counts();
    pool.instruments.iter().map(|(_, instrument)| instrument).filter(own)
}

/// How long it takes to unwind what is open on a feed, at most the longest horizon: each instrument in its own volume, and their mean by
/// open interest. So an instrument in which nothing is open has no say, whatever volume it was listed with, and one in which little is open
/// has little. R4.2
fn time_to_unwind(pool: &Pool, id: FeedId) -> Time {
    let limit = pool.parameters.max_horizon;
    let in_volume = |interest: Money, volume: Money| {
        Time::to_trade_ceil(interest, volume.times_floor(pool.parameters.participation), limit)
    };
    let all: Money = fed_by(pool, id).map(Instrument::open_value).sum();
    if all.is_zero() {
        return in_volume(all, fed_by(pool, id).map(|instrument| instrument.parameters.daily_volume).sum());
    }
    let part = |instrument: &Instrument| {
        let interest = instrument.open_value();
        // A share is rounded up: too long a horizon is the careful side.
        let share = (interest.ratio_to_floor(all, Ratio::ONE) + Ratio::new(1)).min(Ratio::ONE);
        in_volume(interest, instrument.parameters.daily_volume).times_ceil(share)
    };
    let held = fed_by(pool, id).filter(|instrument| !instrument.open_value().is_zero());
    held.map(part).sum::<Time>().min(limit)
}

/// R13.1: what widens initial stress: a derivative of the feed that is cautious, beneath whatever call auction or halt is its own.
fn caution(pool: &Pool, id: FeedId) -> Ratio {
    let cautious = |instrument: &Instrument| !instrument.is_spot() && instrument.breaker.stands().0 >= Level::Cautious;
    if fed_by(pool, id).any(cautious) { pool.parameters.cautious_widening } else { Ratio::ONE }
}

/// R4.4: the next stress from the last, each part inside its rate limit; none is the last of a feed that is new to the pool.
fn next(old: Option<&Stress>, raw: Ratio, caution: Ratio, pool: &Pool, time: Time) -> Stress {
    let parameters = &pool.parameters;
    let aim = raw.times_ceil(parameters.maintenance_share);
    let ceiling = raw.times_ceil(Ratio::ONE + parameters.buffer).min(Ratio::ONE);
    let widened = |buffered: Ratio| buffered.times_ceil(caution).min(Ratio::ONE);
    let Some(old) = old.filter(|old| !old.moved_at.is_zero()) else {
        let (buffered, initial) = (ceiling, widened(ceiling));
        return Stress { raw, buffered, initial, maintenance: aim, moved_at: time };
    };
    let elapsed = time - old.moved_at;
    let due = elapsed >= STEP;
    let limit = |value: Ratio, rate: Ratio| {
        if due { value.times_ceil(rate.over_ceil(elapsed.min(HOUR), HOUR)) } else { Ratio::ZERO }
    };
    let step = limit(old.buffered, parameters.initial_move_an_hour);
    let buffered = if old.buffered > ceiling {
        (old.buffered - step).max(ceiling)
    } else {
        // Below raw it rises at once; between raw and the full buffer it is rebuilt slowly: in stress the buffer is used up.
        (old.buffered + step).min(ceiling).max(raw)
    };
    let initial = widened(buffered);
    let reach = limit(old.maintenance.max(Ratio::new(1_000)), parameters.maintenance_move_an_hour);
    let maintenance = aim.max(old.maintenance - reach).min(old.maintenance + reach).min(initial);
    Stress { raw, buffered, initial, maintenance, moved_at: if due { time } else { old.moved_at } }
}

/// R4.5: the exponentially weighted mean of products of standardised returns, over a short and a long window.
fn correlate(pool: &mut Pool, feeds: &Table<FeedId, Feed>, used: &BTreeSet<FeedId>, time: Time) {
    let sampled = |id: FeedId| feeds[id].volatility.sampled_at == time;
    for one in used.iter().filter(|id| sampled(**id)) {
        for other in used.iter().filter(|id| *id > one && sampled(**id)) {
            let product = feeds[*one].volatility.standardised.times_floor(feeds[*other].volatility.standardised);
            let pair = pool
                .correlations
                .entry((*one, *other))
                .or_insert(Correlation { short: Ratio::ZERO, long: Ratio::ZERO });
            pair.short = blend(pair.short, product, SHORT_WINDOW);
            pair.long = blend(pair.long, product, LONG_WINDOW);
        }
    }
}

fn blend(old: Ratio, new: Ratio, kept: Ratio) -> Ratio {
    (old.times_floor(kept) + new.times_floor(Ratio::ONE - kept)).max(-Ratio::ONE).min(Ratio::ONE)
}

//! Step 2: how far each feed may move before a liquidation is done (R4).

use super::Moment;
use super::prices::standard_deviation;
use crate::state::{Correlation, Feed, Level, Pool, Stress};
use crate::table::{FeedId, Table};
use crate::units::{Money, Ratio, Time};
use alloc::vec::Vec;

const HOUR: Time = Time::new(3_600_000);
/// Rate limits are worked off in steps of at least this length, so that short blocks do not round them away.
const STEP: Time = Time::new(1_000);

/// The weight of the old correlation in the short and in the long window: half-lives of about 11 and 140 samples. R4.5
const SHORT_WINDOW: Ratio = Ratio::new(940_000);
const LONG_WINDOW: Ratio = Ratio::new(995_000);

/// Recalibrates the stress of every feed of the pool, and their correlations.
pub(super) fn calibrate(pool: &mut Pool, feeds: &Table<FeedId, Feed>, now: Moment) {
    let used: Vec<FeedId> = pool.stresses.keys().copied().collect();
    for id in &used {
        let feed = &feeds[*id];
        if feed.priced {
            let raw = raw_stress(pool, *id, feed, now.time);
            let scaling = initial_scaling(pool, *id);
            let old = pool.stresses.get(id).cloned().expect("the feed is one of the pool's");
            pool.stresses.insert(*id, next(&old, raw, &scaling, pool, now.time));
        }
    }
    correlate(pool, feeds, &used, now.time);
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
    let own = || pool.instruments.iter().filter(|(_, instrument)| instrument.parameters.feed == id);
    let interest: Money = own().map(|(_, instrument)| instrument.mark.abs() * instrument.open_interest).sum();
    let volume: Money = own().map(|(_, instrument)| instrument.parameters.daily_volume).sum();
    let limit = pool.parameters.max_horizon;
    let unwind = Time::to_trade_ceil(interest, volume.times_floor(pool.parameters.participation), limit);
    (pool.parameters.horizon + age + pool.parameters.inclusion_delay + unwind).min(limit)
}

/// What initial stress depends on besides the raw stress.
struct Scaling {
    /// How far open interest has come from its low to its high mark, 0 to 1. R4.3
    interest: Ratio,
    /// The widening of the cautious state, 1 or more. R13.1
    caution: Ratio,
}

fn initial_scaling(pool: &Pool, id: FeedId) -> Scaling {
    let own =
        || pool.instruments.iter().filter(|(_, instrument)| instrument.parameters.feed == id && !instrument.is_spot());
    let cautious = own().any(|(_, instrument)| instrument.breaker.level >= Level::Cautious);
    let share = |instrument: &crate::state::Instrument| {
        let (low, high) = (instrument.parameters.open_interest_low, instrument.parameters.open_interest_high);
        let interest = instrument.mark.abs() * instrument.open_interest;
        (interest - low).or_zero().ratio_to_floor(high - low, Ratio::ONE)
    };
    let interest = own().map(|(_, instrument)| share(instrument)).max().unwrap_or_default();
    Scaling { interest, caution: if cautious { pool.parameters.cautious_widening } else { Ratio::ONE } }
}

/// R4.4: the next stress from the last, each part inside its rate limit.
fn next(old: &Stress, raw: Ratio, scaling: &Scaling, pool: &Pool, time: Time) -> Stress {
    let parameters = &pool.parameters;
    let aim = raw.times_ceil(parameters.maintenance_share);
    let ceiling = raw.times_ceil(Ratio::ONE + parameters.buffer).min(Ratio::ONE);
    if old.moved_at.is_zero() {
        let maintenance = aim;
        return Stress { raw, buffered: ceiling, initial: initial(ceiling, scaling), maintenance, moved_at: time };
    }
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
    let initial = initial(buffered, scaling);
    let reach = limit(old.maintenance.max(Ratio::new(1_000)), parameters.maintenance_move_an_hour);
    let maintenance = aim.max(old.maintenance - reach).min(old.maintenance + reach).min(initial);
    Stress { raw, buffered, initial, maintenance, moved_at: if due { time } else { old.moved_at } }
}

/// Initial stress: widened by caution, and raised towards 100 % by open interest. R4.3
fn initial(buffered: Ratio, scaling: &Scaling) -> Ratio {
    let widened = buffered.times_ceil(scaling.caution).min(Ratio::ONE);
    widened + (Ratio::ONE - widened).times_ceil(scaling.interest)
}

/// R4.5: the exponentially weighted mean of products of standardised returns, over a short and a long window.
fn correlate(pool: &mut Pool, feeds: &Table<FeedId, Feed>, used: &[FeedId], time: Time) {
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

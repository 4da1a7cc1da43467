//! Step 1: what publishers said becomes an index with a confidence and a condition; the index becomes marks (R3).

use super::Moment;
use crate::event::Event;
use crate::parameters::{FeedParameters, Kind, MIN_SOURCES, PublisherParameters};
use crate::state::{Condition, Feed, Instrument, Pool, Publisher};
use crate::table::{FeedId, Table};
use crate::units::{MAX_RATIO, PPM, Price, Ratio, Time, scaled_floor, square_root_floor};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// An outlier is further from the median than this many median absolute deviations, scaled to a standard deviation. R3.3
const OUTLIER_DEVIATIONS: Ratio = Ratio::new(4_447_800); // 3 × 1.4826
/// What an outlier loses of its weight a second, what it regains, and the most it can lose. R3.3
const PENALTY_A_SECOND: Ratio = Ratio::new(2_000);
const RECOVERY_A_SECOND: Ratio = Ratio::new(500);
const MAX_PENALTY: Ratio = Ratio::new(500_000);

const SECOND: Time = Time::new(1_000);

/// A band opens at once; each of these lengths of time closes it by its whole width, block by block in proportion. R3.2
const BAND_CLOSES: Time = Time::new(10_000);

/// Brings every feed up to the block's time.
pub(super) fn aggregate(feeds: &mut Table<FeedId, Feed>, now: Moment, events: &mut Vec<Event>) {
    for (id, feed) in feeds.iter_mut() {
        let before = feed.condition;
        if now.restart {
            // R13.4: after a restart every feed proves itself again.
            feed.condition = Condition::Down;
            feed.fresh = 0;
        }
        let votes = valid_votes(feed, now.time);
        feed.condition = if has_quorum(&feed.parameters, &votes) {
            with_quorum(feed, &votes, now.elapsed)
        } else {
            without_quorum(feed, now.time)
        };
        if feed.priced {
            flag_outliers(id, feed, now, events);
            move_slow(feed, now.elapsed);
            sample_volatility(feed, now.time);
        }
        if feed.condition != before {
            events.push(Event::FeedConditionChanged { feed: id, condition: feed.condition });
        }
    }
}

/// A publisher's observation with its share of its source's weight.
struct Vote {
    price: Price,
    confidence: Price,
    weight: i128,
    source: u16,
}

/// R3.2: publishers of one source share one weight; R3.3: an outlier has lost a part of its own. Shares of a weight are
/// rounded down to millionths.
fn valid_votes(feed: &Feed, time: Time) -> Vec<Vote> {
    let pairs = || feed.parameters.publishers.iter().zip(&feed.publishers);
    let valid = |(_, publisher): &(&PublisherParameters, &Publisher)| publisher.counts(&feed.parameters, time);
    let mut of_source: BTreeMap<u16, i128> = BTreeMap::new();
    for (parameters, _) in pairs().filter(valid) {
        let count = of_source.entry(parameters.source).or_default();
        *count = count.saturating_add(1);
    }
    let vote = |(parameters, publisher): (&PublisherParameters, &Publisher)| {
        let seen = publisher.observation.as_ref()?;
        let kept = i128::from((Ratio::ONE - publisher.penalty).get());
        let sharing = of_source.get(&parameters.source).copied().unwrap_or(1);
        let weight = scaled_floor(i128::from(parameters.weight), kept, sharing);
        Some(Vote { price: seen.price, confidence: seen.confidence, weight, source: parameters.source })
    };
    pairs().filter(valid).filter_map(vote).collect()
}

/// R3.2: at least three sources, and two thirds of the weight of all sources. Penalties do not count here.
fn has_quorum(parameters: &FeedParameters, votes: &[Vote]) -> bool {
    let mut weight_of: BTreeMap<u16, u64> = BTreeMap::new();
    for publisher in &parameters.publishers {
        let weight = weight_of.entry(publisher.source).or_default();
        *weight = (*weight).max(u64::from(publisher.weight));
    }
    let total: u64 = weight_of.values().sum();
    weight_of.retain(|source, _| votes.iter().any(|vote| vote.source == *source));
    let reporting: u64 = weight_of.values().sum();
    weight_of.len() >= MIN_SOURCES && reporting.saturating_mul(3) >= total.saturating_mul(2)
}

/// The smallest price at which the cumulated weight reaches `quarters` quarters of the whole: the tie rule of R3.2.
fn weighted_quantile(sorted: &[(Price, i128)], quarters: i128) -> Price {
    let whole: i128 = sorted.iter().map(|(_, weight)| weight).sum();
    let mut reached = 0_i128;
    for (price, weight) in sorted {
        reached = reached.saturating_add(*weight);
        if reached.saturating_mul(4) >= whole.saturating_mul(quarters) {
            return *price;
        }
    }
    sorted.last().map_or(Price::ZERO, |(price, _)| *price)
}

/// R3.2: the index is the weighted median of p − c, p and p + c of every vote; the confidence is the larger distance to
/// the quartiles. Source of the three-point vote: the Pyth aggregation proposal.
fn index_and_confidence(votes: &[Vote]) -> (Price, Price) {
    let points = |vote: &Vote| {
        [vote.price - vote.confidence, vote.price, vote.price + vote.confidence].map(|price| (price, vote.weight))
    };
    let mut sorted: Vec<(Price, i128)> = votes.iter().flat_map(points).collect();
    sorted.sort_unstable();
    let index = weighted_quantile(&sorted, 2);
    let (low, high) = (weighted_quantile(&sorted, 1), weighted_quantile(&sorted, 3));
    (index, (index - low).max(high - index))
}

fn with_quorum(feed: &mut Feed, votes: &[Vote], elapsed: Time) -> Condition {
    let first = !feed.priced;
    let remembered = remembered_band(feed, elapsed);
    (feed.index, feed.confidence) = index_and_confidence(votes);
    feed.quorum_lost = None;
    feed.fresh = feed.fresh.saturating_add(1);
    if first {
        feed.confirmed = feed.index;
        feed.slow = feed.index;
        feed.priced = true;
        // A feed that nobody has relied on yet has nothing to come back from.
        feed.fresh = feed.parameters.fresh_needed;
    }
    let jump = jump_is_open(feed);
    let too_wide = feed.is_wide();
    feed.confidence = feed.confidence.max(remembered);
    if feed.condition == Condition::Down && feed.fresh < feed.parameters.fresh_needed {
        // R13.2: a feed that was down comes back after K fresh prices.
        return Condition::Down;
    }
    if jump || too_wide { Condition::Degraded } else { Condition::Live }
}

/// R3.2: what is left of the band of the block before: publishers that agree by chance in one block do not prove a price.
/// The band of a jump is not remembered: R3.4's confirmations prove it, or it is gone.
fn remembered_band(feed: &Feed, elapsed: Time) -> Price {
    if feed.jump_seen > 0 {
        return Price::ZERO;
    }
    let closed = Ratio::ONE.over_floor(elapsed.min(BAND_CLOSES), BAND_CLOSES);
    feed.confidence - feed.confidence.times_floor(closed)
}

/// R3.4: a move beyond the jump limit counts once it has been seen in enough blocks in a row; until then the band
/// reaches back to the last confirmed index, so that the jump by itself liquidates nobody.
fn jump_is_open(feed: &mut Feed) -> bool {
    let move_size = (feed.index - feed.confirmed).abs();
    if move_size <= feed.size_of(feed.confirmed).times_ceil(feed.parameters.jump_limit) {
        feed.confirmed = feed.index;
        feed.jump_seen = 0;
        return false;
    }
    feed.jump_seen = feed.jump_seen.saturating_add(1);
    if feed.jump_seen >= feed.parameters.jump_confirmations {
        feed.confirmed = feed.index;
        feed.jump_seen = 0;
        return false;
    }
    feed.confidence = feed.confidence.max(move_size);
    true
}

/// R3.4: the index stays, its band widens, and after a while the feed is down.
fn without_quorum(feed: &mut Feed, time: Time) -> Condition {
    let since = *feed.quorum_lost.get_or_insert(time);
    if feed.priced {
        let least = feed.size_of(feed.index).times_ceil(feed.parameters.confidence_limit);
        feed.confidence = feed.confidence.max(least);
    }
    if feed.condition == Condition::Down || time - since > feed.parameters.down_after {
        feed.fresh = 0;
        return Condition::Down;
    }
    Condition::Degraded
}

/// R3.3: publishers beyond max(3 · 1.4826 · MAD, floor) lose weight slowly; the others regain it.
fn flag_outliers(id: FeedId, feed: &mut Feed, now: Moment, events: &mut Vec<Event>) {
    let index = feed.index;
    let floor = feed.size_of(index).times_ceil(feed.parameters.outlier_floor);
    let parameters = &feed.parameters;
    let mut distances: Vec<Price> = feed
        .publishers
        .iter()
        .filter(|publisher| publisher.counts(parameters, now.time))
        .filter_map(|publisher| publisher.observation.as_ref().map(|seen| (seen.price - index).abs()))
        .collect();
    distances.sort_unstable();
    let deviation = distances.get(distances.len() >> 1).copied().unwrap_or_default();
    let limit = deviation.times_ceil(OUTLIER_DEVIATIONS).max(floor);
    for (at, publisher) in feed.publishers.iter_mut().enumerate() {
        let Some(seen) = publisher.observation.as_ref() else { continue };
        let outlier = publisher.counts(parameters, now.time) && (seen.price - index).abs() > limit;
        if !outlier {
            publisher.penalty = (publisher.penalty - RECOVERY_A_SECOND.over_floor(now.elapsed, SECOND)).or_zero();
            continue;
        }
        if publisher.penalty.is_zero() {
            let position = u16::try_from(at).expect("the number of publishers is bounded");
            events.push(Event::PublisherFlagged { feed: id, publisher: position, price: seen.price, index });
        }
        publisher.penalty = (publisher.penalty + PENALTY_A_SECOND.over_ceil(now.elapsed, SECOND)).min(MAX_PENALTY);
    }
}

/// R3.5: the slow price moves towards the index by at most κ a second.
fn move_slow(feed: &mut Feed, elapsed: Time) {
    let rate = feed.parameters.slow_rate.over_floor(elapsed.min(Time::new(86_400_000)), SECOND).min(Ratio::ONE);
    let step = feed.size_of(feed.slow).times_ceil(rate).max(Price::new(1));
    feed.slow += (feed.index - feed.slow).max(-step).min(step);
}

/// R4.1: the exponentially weighted variance of clipped returns, one a sampling interval.
fn sample_volatility(feed: &mut Feed, time: Time) {
    let size = feed.size_of(feed.volatility.sampled);
    let estimate = &mut feed.volatility;
    if estimate.sampled.is_zero() {
        estimate.sampled = feed.index;
        estimate.sampled_at = time;
        return;
    }
    if time - estimate.sampled_at < feed.parameters.sample_interval || feed.condition == Condition::Down {
        return;
    }
    let deviation = standard_deviation(estimate.variance);
    let clip = deviation.times_ceil(feed.parameters.clip).max(Ratio::new(1)).min(Ratio::new(MAX_RATIO));
    let change = (feed.index - estimate.sampled).ratio_to_floor(size, clip);
    let square = i128::from(change.get()).saturating_mul(i128::from(change.get()));
    let kept = i128::from(feed.parameters.decay.get());
    let weighted = scaled_floor(estimate.variance, kept, i128::from(PPM));
    estimate.variance =
        weighted.saturating_add(scaled_floor(square, i128::from(PPM).saturating_sub(kept), i128::from(PPM)));
    estimate.standardised =
        Price::new(change.get()).ratio_to_floor(Price::new(deviation.get().max(1)), Ratio::new(3_000_000));
    estimate.sampled = feed.index;
    estimate.sampled_at = time;
}

/// √variance, as a ratio.
pub(super) fn standard_deviation(variance: i128) -> Ratio {
    Ratio::new(i64::try_from(square_root_floor(variance)).expect("a volatility fits 64 bits"))
}

/// Brings every mark of a pool up to the block's time. R3.6
pub(super) fn mark(pool: &mut Pool, feeds: &Table<FeedId, Feed>, now: Moment) {
    for (_, instrument) in pool.instruments.iter_mut() {
        let feed = &feeds[instrument.parameters.feed];
        if !feed.priced || instrument.settled.is_some() || now.time < instrument.listed_at {
            continue;
        }
        // R13.8: what passes while nobody can trade moves neither the premium nor what is paid for it.
        let traded = if instrument.breaker.is_closed() { Time::ZERO } else { now.elapsed };
        if instrument.breaker.is_closed() {
            instrument.stand_still(now.elapsed, now.time);
        }
        let fair = fair_price(instrument, feed.index, now.time);
        move_premium(instrument, fair, traded);
        instrument.mark = instrument.within_sign(fair + instrument.premium);
        instrument.premium_time = instrument.premium_time.saturating_add(instrument.premium.over(traded));
        instrument.priced = true;
    }
}

/// The index, or the index with the basis that is left until expiry.
fn fair_price(instrument: &Instrument, index: Price, time: Time) -> Price {
    let Kind::Dated { expiry, basis_a_day, .. } = instrument.parameters.kind else { return index };
    let left = (expiry - time).or_zero().min(Time::new(31_536_000_000));
    index + index.times_floor(basis_a_day.over_floor(left, Time::new(86_400_000)))
}

/// R3.6: an exponential mean of (book mid − fair), inside its band; without a book it goes back to zero.
fn move_premium(instrument: &mut Instrument, fair: Price, elapsed: Time) {
    if instrument.is_spot() {
        return;
    }
    let band = fair.abs().times_floor(instrument.parameters.mark_band);
    let seen = instrument.mid.map_or(Price::ZERO, |mid| (mid - fair).max(-band).min(band));
    let part = u64::try_from(elapsed.get()).unwrap_or(0);
    let whole = u64::try_from(instrument.parameters.mark_time.get()).unwrap_or(1);
    instrument.premium = instrument.premium.towards_floor(seen, part, whole).max(-band).min(band);
}

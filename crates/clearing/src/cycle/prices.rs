//! Step 1: what publishers said becomes an index with a confidence and a condition; the index becomes marks (R3).

use super::Moment;
use crate::event::Event;
use crate::parameters::{FeedParameters, Kind, MIN_SOURCES, PublisherParameters};
use crate::state::{Band, Condition, Feed, Instrument, Pool, Publisher, Quotes};
use crate::table::{FeedId, Table};
use crate::units::{MAX_RATIO, PPM, Price, Ratio, Time, scaled_floor, square_root_floor};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// An outlier is further from the median than this many median absolute deviations, scaled to a standard deviation. R3.3
const OUTLIER_DEVIATIONS: Ratio = Ratio::new(4_447_800); // 3 × 1.4826
/// What an outlier loses of its weight a second, what it regains, and the most it can lose. R3.3
const PENALTY_A_SECOND: Ratio = Ratio::new(2_000);
const RECOVERY_A_SECOND: Ratio = Ratio::new(500);
const MAX_PENALTY: Ratio = Ratio::new(500_000);

const SECOND: Time = Time::new(1_000);

/// A band opens at once, and is closed this long after. R3.2
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
        let agreeing = agreeing(feed, &votes);
        feed.condition = if has_quorum(feed, &votes, agreeing.is_some()) {
            with_quorum(feed, &agreeing.unwrap_or(votes), now.time)
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
#[derive(Clone)]
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

/// The weight of each source of a feed: that of its heaviest publisher. Penalties do not count here.
fn source_weights(parameters: &FeedParameters) -> BTreeMap<u16, u64> {
    let mut weight_of: BTreeMap<u16, u64> = BTreeMap::new();
    for publisher in &parameters.publishers {
        let weight = weight_of.entry(publisher.source).or_default();
        *weight = (*weight).max(u64::from(publisher.weight));
    }
    weight_of
}

/// R3.2: two thirds of the weight of all sources, and at least three sources; after its first price, two thirds of its sources that agree
/// are enough, so that nobody takes a feed of three down by falling silent.
fn has_quorum(feed: &Feed, votes: &[Vote], agreed: bool) -> bool {
    let mut weight_of = source_weights(&feed.parameters);
    let total: u64 = weight_of.values().sum();
    weight_of.retain(|source, _| votes.iter().any(|vote| vote.source == *source));
    let reporting: u64 = weight_of.values().sum();
    (weight_of.len() >= MIN_SOURCES || agreed && feed.priced) && reporting.saturating_mul(3) >= total.saturating_mul(2)
}

/// R3.2: the votes near the median of prices, if enough of the feed's sources are: two thirds of them, with more than half of the weight.
/// What is further away, or doubts itself by more, has then no vote in this block. Silence agrees with nobody.
fn agreeing(feed: &Feed, votes: &[Vote]) -> Option<Vec<Vote>> {
    let mut sorted: Vec<(Price, i128)> = votes.iter().map(|vote| (vote.price, vote.weight)).collect();
    sorted.sort_unstable();
    let middle = weighted_quantile(&sorted, 2);
    let limit = feed.size_of(middle).times_floor(feed.parameters.confidence_limit);
    let near = |vote: &&Vote| (vote.price - middle).abs() <= limit && vote.confidence <= limit;
    let near: Vec<Vote> = votes.iter().filter(near).cloned().collect();
    let mut weight_of = source_weights(&feed.parameters);
    let (sources, total) = (weight_of.len(), weight_of.values().sum::<u64>());
    weight_of.retain(|source, _| near.iter().any(|vote| vote.source == *source));
    let weight: u64 = weight_of.values().sum();
    let enough = weight_of.len().saturating_mul(3) >= sources.saturating_mul(2) && weight.saturating_mul(2) > total;
    enough.then_some(near)
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
/// the quartiles, of less than three sources to the furthest price. Source of the three-point vote: the Pyth aggregation proposal.
fn index_and_confidence(votes: &[Vote]) -> (Price, Price) {
    let points = |vote: &Vote| {
        [vote.price - vote.confidence, vote.price, vote.price + vote.confidence].map(|price| (price, vote.weight))
    };
    let mut sorted: Vec<(Price, i128)> = votes.iter().flat_map(points).collect();
    sorted.sort_unstable();
    let index = weighted_quantile(&sorted, 2);
    let (low, high) = (weighted_quantile(&sorted, 1), weighted_quantile(&sorted, 3));
    let furthest = votes.iter().map(|vote| (vote.price - index).abs()).max().unwrap_or_default();
    let least = if are_few(votes) { furthest } else { Price::ZERO };
    (index, (index - low).max(high - index).max(least))
}

/// R3.2: whether so few sources have a vote that no majority of them settles what they differ by.
fn are_few(votes: &[Vote]) -> bool {
    let sources: BTreeSet<u16> = votes.iter().map(|vote| vote.source).collect();
    sources.len() < MIN_SOURCES
}

fn with_quorum(feed: &mut Feed, votes: &[Vote], time: Time) -> Condition {
    let first = !feed.priced;
    (feed.index, feed.confidence) = index_and_confidence(votes);
    let remembered = feed.band.left_at(time);
    if feed.confidence >= remembered {
        feed.band = Band { width: feed.confidence, opened_at: time };
    }
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

impl Band {
    /// R3.2: what is left of a band that closes evenly: publishers that agree by chance in one block do not prove a price. The band of a
    /// jump is none: R3.4's confirmations prove it, or it is gone.
    fn left_at(&self, time: Time) -> Price {
        let open_for = (time - self.opened_at).min(BAND_CLOSES);
        self.width - self.width.times_floor(Ratio::ONE.over_floor(open_for, BAND_CLOSES))
    }
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
        feed.band = Band { width: feed.confidence, opened_at: time };
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
        if feed.condition == Condition::Down && instrument.priced {
            // R3.10: prices that have not proved themselves move no mark.
            continue;
        }
        let fair = Fair::of(instrument, feed.index, now.time);
        move_premium(instrument, &fair, traded);
        instrument.mark = instrument.with_open_part(fair.fixed, fair.open + instrument.premium);
        instrument.priced = true;
    }
}

/// A fair price, in the part that is fixed and the part that still moves. R3.6
struct Fair {
    fixed: Price,
    open: Price,
}

impl Fair {
    /// The index, or what a dated future settles at if the index stays where it is, with the basis that is left until then. R16.2
    fn of(instrument: &Instrument, index: Price, time: Time) -> Self {
        let Kind::Dated { expiry, basis_a_day, .. } = instrument.parameters.kind else {
            return Self { fixed: Price::ZERO, open: index };
        };
        let averaging = instrument.averaging(time);
        let days = (expiry - time).or_zero().min(Time::new(31_536_000_000));
        let basis = basis_a_day.over_floor(days, Time::new(86_400_000)).times_floor(averaging.share_left());
        let fixed = averaging.fixed();
        Self { fixed, open: averaging.worth(index) - fixed + index.times_floor(basis) }
    }

    fn price(&self) -> Price {
        self.fixed + self.open
    }
}

/// R3.6: an exponential mean of what the book offers above the fair price or below it, inside its band; without a book on both sides it
/// goes back to zero.
fn move_premium(instrument: &mut Instrument, fair: &Fair, elapsed: Time) {
    if instrument.is_spot() {
        return;
    }
    let band = fair.open.abs().times_floor(instrument.parameters.mark_band);
    let seen = instrument.quotes.map_or(Price::ZERO, |quotes| quotes.premium_over(fair.price()));
    let seen = seen.max(-band).min(band);
    let part = u64::try_from(elapsed.get()).unwrap_or(0);
    let whole = u64::try_from(instrument.parameters.mark_time.get()).unwrap_or(1);
    instrument.premium = instrument.premium.towards_floor(seen, part, whole).max(-band).min(band);
}

impl Quotes {
    /// By how much buyers pay more than a price, or sellers ask less: what somebody who trades at it elsewhere would gain here. A price
    /// between the two says nothing against itself, however far apart they are.
    fn premium_over(&self, price: Price) -> Price {
        (self.pays - price).or_zero() - (price - self.asks).or_zero()
    }
}

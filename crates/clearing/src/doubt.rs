//! How far marks may be from the truth, and what that may cost an account or spare it: net, feed by feed (R3.4).

use crate::state::{Condition, Feed, Instrument, Pool, Position};
use crate::table::{FeedId, InstrumentId, Table};
use crate::units::{Exposure, Money, Price, Quantity, Ratio, Time};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// How far the mark of an instrument may be from the truth, either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Doubt {
    /// What it shares with its feed, for a lot that makes the feed's whole move: the confidence, and more while the feed is down.
    pub shared: Price,
    /// The least that an instrument of the pool on this feed shares with it: what a lot on the other side surely takes off.
    pub least_shared: Price,
    /// What is its own: the premium that the book put on the fair price.
    pub own: Price,
    /// The share of its feed's move that a lot makes.
    pub share: Ratio,
    /// Whether the feed is so sure that its doubt shields nobody who is below zero.
    pub is_limited: bool,
}

impl Doubt {
    /// How far the mark may be from the truth.
    #[must_use]
    pub fn of_lot(&self) -> Price {
        self.shared.times_ceil(self.share) + self.own
    }

    /// The same for as many lots as make one whole move of the feed, rounded down.
    pub(crate) fn in_full(&self) -> Price {
        self.shared + self.own.in_full_floor(self.share)
    }
}

/// The doubts of a pool's marks, by instrument.
pub(crate) fn of(pool: &Pool, feeds: &Table<FeedId, Feed>, time: Time) -> Vec<Doubt> {
    let mut least: BTreeMap<FeedId, Price> = BTreeMap::new();
    let mut graced: BTreeMap<FeedId, bool> = BTreeMap::new();
    for (_, instrument) in pool.instruments.iter() {
        let shared = shared(pool, feeds, instrument, time);
        let feed = instrument.parameters.feed;
        let lowest = least.entry(feed).or_insert(shared);
        *lowest = shared.min(*lowest);
        *graced.entry(feed).or_default() |= instrument.is_in_grace(time);
    }
    let doubt = |instrument: &Instrument| {
        let id = instrument.parameters.feed;
        let feed = &feeds[id];
        Doubt {
            shared: shared(pool, feeds, instrument, time),
            least_shared: least.get(&id).copied().unwrap_or_default(),
            own: instrument.premium.abs(),
            share: instrument.share_left(time),
            is_limited: feed.condition == Condition::Live && !feed.is_wide() && graced.get(&id) == Some(&false),
        }
    };
    pool.instruments.iter().map(|(_, instrument)| doubt(instrument)).collect()
}

/// R3.4, R3.8: the feed's confidence, and a whole stress more while the feed is down or a market has just reopened: neither a
/// noisy feed nor the first prices after a halt liquidate by themselves.
fn shared(pool: &Pool, feeds: &Table<FeedId, Feed>, instrument: &Instrument, time: Time) -> Price {
    if instrument.is_worthless() {
        return Price::ZERO;
    }
    let feed = &feeds[instrument.parameters.feed];
    if feed.condition != Condition::Down && !instrument.is_in_grace(time) {
        return feed.confidence;
    }
    let stress = pool.stresses.get(&instrument.parameters.feed).map_or(Ratio::ZERO, |stress| stress.initial);
    let stressed = feed.confidence + instrument.mark.abs().max(instrument.parameters.stress_base).times_ceil(stress);
    // R3.10: the mark waits where it was, so the band reaches to what publishers say while they prove themselves.
    if feed.condition == Condition::Down { stressed + (feed.index - instrument.mark).abs() } else { stressed }
}

/// The doubt in an account's favour, before its limit. R3.4
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Favour {
    /// Of feeds whose doubt is at most the maintenance margin.
    pub(crate) limited: Money,
    /// Of the others.
    pub(crate) unlimited: Money,
}

/// A position as a part of what an account has on a feed.
struct Leg {
    feed: FeedId,
    /// The doubt of as many lots as make one whole move of the feed.
    doubt: Price,
    exposure: Exposure,
    is_limited: bool,
}

/// The legs of a vector, those of a feed together, the least doubtful first.
fn legs(pool: &Pool, positions: &[Position]) -> Vec<Leg> {
    let leg = |position: &Position| {
        let about = pool.matrices.doubt_about(position.instrument);
        Leg {
            feed: pool.instruments[position.instrument].parameters.feed,
            doubt: about.in_full(),
            exposure: position.quantity.exposed(about.share),
            is_limited: about.is_limited,
        }
    };
    let mut legs: Vec<Leg> = positions.iter().map(leg).collect();
    legs.sort_by_key(|leg| (leg.feed, leg.doubt));
    legs
}

/// What may be wrong in an account's favour: of every feed as many lots as its legs come to together, the least doubtful
/// first. A hedge takes off one side what it adds to the other, and so adds nothing. R3.4
pub(crate) fn in_favour(pool: &Pool, positions: &[Position]) -> Favour {
    let mut favour = Favour::default();
    for legs in legs(pool, positions).chunk_by(|one, other| one.feed == other.feed) {
        let net: Exposure = legs.iter().map(|leg| leg.exposure).sum();
        let mut left = net.abs();
        let mut sum = Money::ZERO;
        for leg in legs.iter().filter(|leg| leg.exposure.signum() == net.signum()) {
            let part = leg.exposure.abs().min(left);
            sum += leg.doubt.of_exposure_floor(part);
            left -= part;
        }
        let limited = legs.iter().all(|leg| leg.is_limited);
        *(if limited { &mut favour.limited } else { &mut favour.unlimited }) += sum;
    }
    favour
}

/// What may be wrong against an account, if every position may end anywhere between two bounds: (instrument, lowest, highest). R3.4, R7.2
pub(crate) fn against(pool: &Pool, ranges: impl Iterator<Item = (InstrumentId, Quantity, Quantity)>) -> Money {
    let mut shared: BTreeMap<FeedId, (Money, Money)> = BTreeMap::new();
    let mut own = Money::ZERO;
    for (id, lowest, highest) in ranges {
        let doubt = pool.matrices.doubt_about(id);
        own += doubt.own * lowest.abs().max(highest.abs());
        let (if_long, if_short) = shared.entry(pool.instruments[id].parameters.feed).or_default();
        *if_long += shared_against(doubt, highest);
        *if_short += shared_against(doubt, -lowest);
    }
    own + shared.into_values().map(|(if_long, if_short)| if_long.max(if_short)).sum::<Money>()
}

/// What lots add to a loss on the long side, or take off it where they are short. Never falls in the lots, and is convex in them.
fn shared_against(doubt: &Doubt, lots: Quantity) -> Money {
    let exposure = lots.exposed(doubt.share);
    if lots.is_negative() {
        doubt.least_shared.of_exposure_ceil(exposure)
    } else {
        doubt.shared.of_exposure_ceil(exposure)
    }
}

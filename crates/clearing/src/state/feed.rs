//! What is remembered of a feed: what its publishers said, and what follows from it.

use super::Pending;
use crate::parameters::FeedParameters;
use crate::units::{Price, Ratio, Time};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// One external quantity, for example ETH/USD. R3.1
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Feed {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub parameters: FeedParameters,
    /// A change that waits.
    pub pending: Option<Pending<FeedParameters>>,
    /// What each publisher reported last, in the order of the parameters.
    pub publishers: Vec<Publisher>,
    /// Whether it can be relied on. R3.4
    pub condition: Condition,
    /// Whether there has ever been a quorum, so that the index means something.
    pub priced: bool,
    /// The weighted median, money quanta per lot. R3.2
    pub index: Price,
    /// How far the true price may be from the index, either way. R3.2
    pub confidence: Price,
    /// The widest band of votes that has not closed yet. R3.2
    pub band: Band,
    /// The index through a rate limiter. R3.5
    pub slow: Price,
    /// The last index that was not an unconfirmed jump.
    pub confirmed: Price,
    /// In how many blocks in a row the present jump has been seen.
    pub jump_seen: u16,
    /// In how many blocks in a row there has been a quorum, since it was last down.
    pub fresh: u16,
    /// Since when there has been no quorum.
    pub quorum_lost: Option<Time>,
    /// The volatility estimate. R4.1
    pub volatility: Volatility,
    /// The latest forecast. R4.6
    pub forecast: Option<Forecast>,
}

impl Feed {
    /// What a share of this price is a share of: its size, or the feed's base if that is more. R3.4
    #[must_use]
    pub fn size_of(&self, price: Price) -> Price {
        price.abs().max(self.parameters.share_base)
    }

    /// Whether the index says so little that the feed is not live for it alone. R3.4
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.confidence > self.size_of(self.index).times_floor(self.parameters.confidence_limit)
    }
}

/// A band that opened once, and closes little by little. R3.2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Band {
    /// How wide it opened, either way.
    pub width: Price,
    /// When.
    pub opened_at: Time,
}

/// A publisher's last word.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Publisher {
    /// What it reported, if it ever did.
    pub observation: Option<Observation>,
    /// The share of its weight that it has lost for being an outlier. R3.3
    pub penalty: Ratio,
}

impl Publisher {
    /// Whether its last word counts at this time: fresh, inside the hard bounds and not equal to one, and from a venue whose
    /// transfers work. R3.1
    #[must_use]
    pub fn counts(&self, parameters: &FeedParameters, time: Time) -> bool {
        self.observation.as_ref().is_some_and(|seen| {
            time - seen.published_at <= parameters.max_age
                && seen.price > parameters.minimum
                && seen.price < parameters.maximum
                && !seen.transfers_suspended
        })
    }
}

/// A publisher's report of a price. R3.1
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Observation {
    /// Money quanta per lot.
    pub price: Price,
    /// How far the true price may be, either way.
    pub confidence: Price,
    /// When the publisher saw it.
    pub published_at: Time,
    /// Whether transfers at the venue behind it are suspended.
    pub transfers_suspended: bool,
}

/// Whether a feed can be relied on. R3.4
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Condition {
    /// Yes.
    Live,
    /// With care: quorum lost, confidence too wide, or a jump not confirmed.
    Degraded,
    /// No.
    Down,
}

/// The running estimate of a feed's volatility. R4.1
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Volatility {
    /// The variance of returns over one sampling interval, in ppm².
    pub variance: i128,
    /// The index at the last sample; zero before the first.
    pub sampled: Price,
    /// When it was taken.
    pub sampled_at: Time,
    /// The last return in units of its standard deviation, for the correlation.
    pub standardised: Ratio,
}

/// A forecast of volatility. R4.6
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Forecast {
    /// The standard deviation over one sampling interval.
    pub volatility: Ratio,
    /// When it arrived.
    pub at: Time,
}

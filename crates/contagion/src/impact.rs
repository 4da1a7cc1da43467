//! How far a forced sale moves the price, from what governance says about a market: λ of R14.1, a log-move a USD.
//!
//! First choice: the instrument's own curve of its market's depth (`depth`, R13.6). Its tiers say by which share of the mark
//! the last lot of a sale is conceded; between the starts of tiers it is read as a straight line, beyond the last one as its
//! continuation, and the first tier's rate (half the spread) moves nothing. Where there is one tier only, the market's volume: a
//! day's volume moves the price by a day's standard deviation (Kyle, A. S. (1985), "Continuous Auctions and Insider Trading",
//! Econometrica 53(6), with the usual magnitude), from `daily_volume` (R4.2) and the feed's volatility (R4.1). Where neither is
//! there, the impact is not known and nothing is claimed.
//!
//! Resting orders are not read: makers quote for one block at a time, so what rests between two blocks is not what a sale will meet.

use clearing::state::{Feed, Instrument, Pool};
use clearing::table::{FeedId, Table};
use clearing::units::{Price, Quantity, square_root_floor};
use serde::Serialize;

/// What an impact was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The depth of its instruments' markets. R13.6
    Depth,
    /// Volume and volatility. R4.1, R4.2
    Volume,
    /// Nothing says how deep the market is.
    Unknown,
}

/// The concession of one instrument by the size of a sale: points (USD sold, share of the price), the first at (0, 0).
#[derive(Clone, Debug, PartialEq)]
pub struct Impact {
    points: Vec<(f64, f64)>,
    origin: Origin,
}

impl Impact {
    /// The impact of sales of an instrument.
    #[must_use]
    pub fn of(instrument: &Instrument, feed: &Feed) -> Self {
        let mark = instrument.mark.get().unsigned_abs() as f64 / 1e6;
        let tiers = &instrument.parameters.depth;
        let base = tiers.first().map_or(0.0, |tier| tier.rate.get() as f64);
        let point = |(at, (from, rate)): (usize, (Quantity, i64))| {
            (if at == 0 { 0.0 } else { from.get() as f64 * mark }, (rate as f64 - base) / 1e6)
        };
        let points: Vec<(f64, f64)> =
            tiers.iter().map(|tier| (tier.from, tier.rate.get())).enumerate().map(point).collect();
        let rises = points.last().is_some_and(|(usd, share)| *usd > 0.0 && *share > 0.0);
        if rises {
            return Self { points, origin: Origin::Depth };
        }
        let volume = instrument.parameters.daily_volume.get() as f64 / 1e6;
        let daily = daily_deviation(feed);
        if mark > 0.0 && volume > 0.0 && daily > 0.0 {
            return Self { points: vec![(0.0, 0.0), (volume, daily)], origin: Origin::Volume };
        }
        Self { points: vec![(0.0, 0.0)], origin: Origin::Unknown }
    }

    /// What it was read from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// By which log-move the price goes when this many USD are sold at once; zero where nothing is known.
    #[must_use]
    pub fn displacement(&self, sold_usd: f64) -> f64 {
        let ends = self.points.windows(2).find(|pair| sold_usd <= pair[1].0).or_else(|| self.points.windows(2).last());
        let Some([low, high]) = ends else { return 0.0 };
        let share = low.1 + (high.1 - low.1) * (sold_usd - low.0) / (high.0 - low.0);
        // A concession of all the price is the end of it: ln would have no bound.
        -(1.0 - share.clamp(0.0, 0.999)).ln()
    }

    /// λ for a sale of this size: its log-move over its USD, the slope at zero for no sale.
    #[must_use]
    pub fn per_usd(&self, sold_usd: f64) -> f64 {
        const SMALL: f64 = 1e-6;
        let whole = self.points.last().map_or(1.0, |(usd, _)| usd.max(1.0));
        let sold = sold_usd.max(whole * SMALL);
        self.displacement(sold) / sold
    }
}

/// The impact of all instruments of a feed in a pool together: their depths add, because one price binds them.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketImpact(Vec<Impact>);

impl MarketImpact {
    /// The market of a feed in a pool: its derivatives, or its balances where it has no other instrument.
    #[must_use]
    pub fn of(pool: &Pool, feeds: &Table<FeedId, Feed>, feed: FeedId) -> Self {
        let listed =
            || pool.instruments.iter().map(|(_, listed)| listed).filter(|listed| listed.parameters.feed == feed);
        let has_derivative = listed().any(|listed| !listed.is_spot());
        let counts = |listed: &&Instrument| listed.settled.is_none() && (!has_derivative || !listed.is_spot());
        Self(listed().filter(counts).map(|listed| Impact::of(listed, &feeds[feed])).collect())
    }

    /// λ for a sale of this size, a log-move a USD; none where nothing is known.
    #[must_use]
    pub fn per_usd(&self, sold_usd: f64) -> Option<f64> {
        let known = self.0.iter().filter(|impact| impact.origin != Origin::Unknown);
        let depth: f64 = known.map(|impact| 1.0 / impact.per_usd(sold_usd)).sum();
        (depth > 0.0).then(|| 1.0 / depth)
    }

    /// The least certain of what it was read from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.0.iter().map(Impact::origin).max().unwrap_or(Origin::Unknown)
    }
}

/// The standard deviation of a day's return: the larger of the running estimate and the long-run floor (R4.1), scaled by √time.
fn daily_deviation(feed: &Feed) -> f64 {
    let estimate = square_root_floor(feed.volatility.variance.max(0)) as f64;
    let sigma = estimate.max(feed.parameters.long_run_volatility.get() as f64) / 1e6;
    let interval = feed.parameters.sample_interval.get().max(1) as f64;
    sigma * (86_400_000.0 / interval).sqrt()
}

/// The value of lots at a price, USD.
pub(crate) fn value(lots: f64, price: Price) -> f64 {
    lots * price.get() as f64 / 1e6
}

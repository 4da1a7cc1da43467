//! How an asset is listed, from what could be known of it on the day before: one formula for every exhibit, so that no incident has
//! parameters made for it.

use super::Capital;
use crate::catalogue;
use crate::drill::convert::{lots, money, price, ratio};
use crate::drill::keys::key_of;
use crate::drill::rules;
use crate::plan::CorePlan;
use clearing::command::Key;
use clearing::parameters::{FeedParameters, InstrumentParameters, Kind, PoolParameters, PublisherParameters};
use clearing::table::FeedId;
use clearing::units::{MAX_PRICE, MAX_QUANTITY, Price, Quantity, Ratio, Time};
use serde::{Deserialize, Serialize};

/// Open interest at which initial stress is 100 % (R4.3): a share of what the asset's spot markets trade in a day, and so many times what they
/// show within one percent. Pushing a price by x and letting it go costs 50 · x² depths and gains x for each unit of open interest, so that it may
/// pay up to x = interest ⁄ 50 depths. At twenty depths initial stress is two and a half times that move (docs/decisions/0033-twenty-depths.md).
const HIGHEST_INTEREST: (f64, f64) = (0.5, 20.0);
const DAY_S: f64 = 86_400.0;

/// What could be known of an asset when it was listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Its name.
    pub symbol: String,
    /// Units in a lot.
    pub lot_size: f64,
    /// USD a unit, on the day before.
    pub price_usd: f64,
    /// Standard deviation of daily returns, as a share.
    pub daily_volatility: f64,
    /// What its spot markets traded in a day, USD.
    pub daily_volume_usd: f64,
    /// What they showed within one percent of the price, a side, USD.
    pub depth_usd_1pct: f64,
    /// Half the spread, as a share.
    pub half_spread: f64,
    /// Who publishes its price; three venues of equal weight if none is named.
    #[serde(default = "three")]
    pub sources: Vec<String>,
    /// Whether a perpetual is listed.
    #[serde(default = "yes")]
    pub perpetual: bool,
    /// Whether it is collateral, and how.
    #[serde(default)]
    pub collateral: Option<Collateral>,
    /// Prices at or below zero are prices; stress and doubt are shares of at least so many USD a unit.
    #[serde(default)]
    pub negative_from_usd: Option<f64>,
}

/// An asset as collateral.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collateral {
    /// The drop that is assumed if it alone crashes, as a share.
    pub crash: f64,
    /// The most that the pool holds, USD at the price of the listing.
    pub cap_usd: f64,
}

fn three() -> Vec<String> {
    ["venue 1", "venue 2", "venue 3"].map(str::to_owned).to_vec()
}

fn yes() -> bool {
    true
}

/// The core's settings of the first drill.
pub(crate) fn core() -> CorePlan {
    let drill = catalogue::Exhibit::find("october-2025").expect("the program carries it");
    drill.plan().expect("its description is sound").core
}

pub(super) fn publisher(asset: &Asset, source: &str) -> Key {
    let mut name = format!("{}/{source}", asset.symbol);
    name.truncate(32);
    key_of(&name)
}

pub(super) fn feed(core: &CorePlan, asset: &Asset) -> FeedParameters {
    let of = |(source, name): (usize, &String)| PublisherParameters {
        key: publisher(asset, name),
        weight: 100,
        source: u16::try_from(source).expect("few"),
    };
    let publishers = asset.sources.iter().enumerate().map(of).collect();
    let minimum = if asset.negative_from_usd.is_some() { Price::new(-MAX_PRICE) } else { Price::ZERO };
    FeedParameters { minimum, share_base: base(asset), ..rules::feed(core, publishers, asset.daily_volatility) }
}

pub(super) fn pool(core: &CorePlan, capital: &Capital) -> PoolParameters {
    rules::pool(core, capital.fund_usd)
}

/// Of what margin and doubt are a share at least.
fn base(asset: &Asset) -> Price {
    asset.negative_from_usd.map_or(Price::ZERO, |usd| price(usd, asset.lot_size))
}

pub(super) fn perpetual(core: &CorePlan, asset: &Asset, feed: FeedId) -> InstrumentParameters {
    // Up to here the market unwinds within the base horizon (R4.2), for which its margin is made.
    let low = asset.daily_volume_usd * core.participation * core.horizon_s / DAY_S;
    let high = (asset.daily_volume_usd * HIGHEST_INTEREST.0).min(asset.depth_usd_1pct * HIGHEST_INTEREST.1);
    InstrumentParameters {
        feed,
        kind: Kind::Perpetual,
        exit_cost: rules::exit_cost(asset.half_spread),
        initial_exit_cost: Vec::new(),
        depth: rules::depth(asset.half_spread, asset.depth_usd_1pct / asset.price_usd, asset.lot_size),
        band: ratio(core.band),
        mark_band: ratio(0.005),
        impact: rules::impact(asset.depth_usd_1pct),
        mark_time: Time::new(60_000),
        fee: ratio(core.fee),
        negative_prices: asset.negative_from_usd.is_some(),
        stress_base: base(asset),
        open_interest_low: money(low),
        open_interest_high: money(high.max(2.0 * low)),
        daily_volume: money(asset.daily_volume_usd),
        max_position: Quantity::new(MAX_QUANTITY),
        max_funding: ratio(0.0005),
    }
}

pub(super) fn spot(core: &CorePlan, asset: &Asset, collateral: &Collateral, feed: FeedId) -> InstrumentParameters {
    let cap = lots(collateral.cap_usd / asset.price_usd, asset.lot_size);
    InstrumentParameters {
        kind: Kind::Spot { cap, ramp: Time::ZERO, crash: ratio(collateral.crash) },
        mark_band: Ratio::ZERO,
        max_funding: Ratio::ZERO,
        ..perpetual(core, asset, feed)
    }
}

//! Decides what an account is worth on a venue of the day and how much margin its fixed tiers ask.

use crate::plan::{Plan, Tier};
use crate::population::Population;

use super::market::Market;

/// A position in one market.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Leg {
    pub(super) market: usize,
    /// Signed units.
    pub(super) units: f64,
    /// Entry price: read by the ranking of auto-deleveraging only.
    pub(super) entry: f64,
}

/// Where an account stands with the keepers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    /// Breached `since` a second; keepers try from `ready_at`; `attempted` once a keeper has acted on it.
    Waiting {
        since: usize,
        ready_at: usize,
        attempted: bool,
    },
    Closed,
}

/// Cash, collateral and positions. A trade of q units at price p moves +q and −q·p: equity is cash plus everything at
/// its price.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Account {
    pub(super) pool: usize,
    /// Index among the population's traders; none for a maker.
    pub(super) trader: Option<usize>,
    pub(super) cash: f64,
    pub(super) collateral: Vec<(usize, f64)>,
    pub(super) legs: Vec<Leg>,
    pub(super) standing: Standing,
}

/// An asset that is posted as collateral.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asset {
    pub(super) symbol: String,
    weight: f64,
    fixed_price: f64,
    market: Option<usize>,
}

impl Asset {
    /// Price in USD: the venue's own mark where it lists the asset.
    pub(super) fn price(&self, prices: &[f64]) -> f64 {
        self.market.map_or(self.fixed_price, |market| prices[market])
    }
}

impl Account {
    pub(super) fn empty() -> Self {
        Self { pool: 0, trader: None, cash: 0.0, collateral: Vec::new(), legs: Vec::new(), standing: Standing::Good }
    }

    /// Everything at its price, USD.
    pub(super) fn equity(&self, prices: &[f64], assets: &[Asset]) -> f64 {
        self.cash + self.leg_value(prices) + self.collateral_value(prices, assets, |_| 1.0)
    }

    /// What the margin counts, USD: collateral at its fixed weight.
    pub(super) fn margin_equity(&self, prices: &[f64], assets: &[Asset]) -> f64 {
        self.cash + self.leg_value(prices) + self.collateral_value(prices, assets, |asset| asset.weight)
    }

    fn leg_value(&self, prices: &[f64]) -> f64 {
        self.legs.iter().map(|leg| leg.units * prices[leg.market]).sum()
    }

    fn collateral_value(&self, prices: &[f64], assets: &[Asset], weight: impl Fn(&Asset) -> f64) -> f64 {
        self.collateral
            .iter()
            .map(|(asset, units)| units * assets[*asset].price(prices) * weight(&assets[*asset]))
            .sum()
    }

    /// Σ |notional|, USD.
    pub(super) fn notional(&self, prices: &[f64]) -> f64 {
        self.legs.iter().map(|leg| leg.units.abs() * prices[leg.market]).sum()
    }

    /// Maintenance margin, USD.
    pub(super) fn maintenance(&self, prices: &[f64], markets: &[Market]) -> f64 {
        self.legs.iter().map(|leg| markets[leg.market].maintenance(leg.units.abs() * prices[leg.market])).sum()
    }

    /// The position that needs most margin.
    pub(super) fn heaviest_leg(&self, prices: &[f64], markets: &[Market]) -> Option<Leg> {
        let need = |leg: &Leg| markets[leg.market].maintenance(leg.units.abs() * prices[leg.market]);
        self.legs.iter().copied().max_by(|a, b| need(a).total_cmp(&need(b)))
    }

    /// Buys (`units` > 0) or sells at a price.
    pub(super) fn trade(&mut self, market: usize, units: f64, price: f64) {
        self.cash -= units * price;
        self.add_units(market, units);
    }

    /// Adds units without paying; a position that is down to rounding is removed.
    pub(super) fn add_units(&mut self, market: usize, units: f64) {
        match self.legs.iter_mut().find(|leg| leg.market == market) {
            Some(leg) if (leg.units + units).abs() <= 1e-9 * units.abs() => {
                self.legs.retain(|leg| leg.market != market);
            }
            Some(leg) => leg.units += units,
            None if units != 0.0 => self.legs.push(Leg { market, units, entry: 0.0 }),
            None => {}
        }
    }

    pub(super) fn add_collateral(&mut self, asset: usize, units: f64) {
        match self.collateral.iter_mut().find(|(held, _)| *held == asset) {
            Some((_, balance)) => *balance += units,
            None => self.collateral.push((asset, units)),
        }
    }
}

/// Maintenance margin of a position of `notional` USD under tiers: each slice of notional at its own tier's rate, so
/// it is continuous.
pub(super) fn tiered_maintenance(tiers: &[Tier], maintenance_over_initial: f64, notional: f64) -> f64 {
    let mut total = 0.0;
    for (index, tier) in tiers.iter().enumerate() {
        let until = tiers.get(index + 1).map_or(f64::INFINITY, |next| next.from_usd);
        let slice = notional.min(until) - tier.from_usd;
        if slice <= 0.0 {
            break;
        }
        total += slice * maintenance_over_initial / tier.max_leverage;
    }
    total
}

pub(super) fn assets_of(plan: &Plan, markets: &[Market]) -> Vec<Asset> {
    let market_of = |symbol: &str| markets.iter().position(|market| market.symbol == symbol);
    let asset = |collateral: &crate::plan::CollateralPlan| Asset {
        symbol: collateral.asset.clone(),
        weight: collateral.static_weight,
        fixed_price: collateral.fixed_price_usd.unwrap_or(0.0),
        market: if collateral.fixed_price_usd.is_some() { None } else { market_of(&collateral.asset) },
    };
    plan.collateral.iter().map(asset).collect()
}

/// Traders, then makers. Positions are struck at the first marks, so equity is cash plus collateral.
pub(super) fn accounts_of(
    population: &Population,
    markets: &[Market],
    assets: &[Asset],
    marks: &[f64],
) -> Vec<Account> {
    let market_of = |symbol: &str| markets.iter().position(|market| market.symbol == symbol);
    let asset_of = |symbol: &str| assets.iter().position(|asset| asset.symbol == symbol);
    let strike = |pool, trader, cash: f64, legs: Vec<Leg>, collateral| {
        let paid: f64 = legs.iter().map(|leg| leg.units * marks[leg.market]).sum();
        Account { pool, trader, cash: cash - paid, collateral, legs, standing: Standing::Good }
    };
    let legs = |positions: &[(String, f64)], entries: &[f64]| -> Vec<Leg> {
        let leg = |(index, (symbol, units)): (usize, &(String, f64))| {
            let market = market_of(symbol)?;
            let entry = entries.get(index).copied().unwrap_or(marks[market]);
            (*units != 0.0).then_some(Leg { market, units: *units, entry })
        };
        positions.iter().enumerate().filter_map(leg).collect()
    };
    let traders = population.traders.iter().enumerate().map(|(index, trader)| {
        let posted = trader.collateral.iter().filter_map(|(symbol, units)| Some((asset_of(symbol)?, *units))).collect();
        strike(trader.pool, Some(index), trader.cash_usd, legs(&trader.positions, &trader.entry_prices), posted)
    });
    let makers = population
        .makers
        .iter()
        .map(|maker| strike(maker.pool, None, maker.capital_usd, legs(&maker.inventory, &[]), Vec::new()));
    traders.chain(makers).collect()
}

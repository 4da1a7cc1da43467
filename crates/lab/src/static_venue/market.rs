//! Decides the venue's own mark in each second, and at what price its thinning book takes forced flow.

use crate::plan::{Plan, StaticRules, Tier};
use crate::population::{Liquidity, Quote};
use crate::tape::{AssetTape, MarketKind, Tape};

use super::StaticVenueError;
use super::account::tiered_maintenance;

/// One instrument on the venue.
#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) symbol: String,
    /// The venue's own last print in each second.
    pub(super) prints: Vec<f64>,
    /// Median of the honest venues in each second: what the venue does not look at.
    pub(super) honest: Vec<f64>,
    /// The venue's mark now: its last print, moved by its own forced flow.
    pub(super) mark: f64,
    quotes: Vec<Quote>,
    /// Logarithm of mark over print.
    offset: f64,
    second: usize,
    tiers: Vec<Tier>,
    maintenance_over_initial: f64,
}

impl Market {
    pub(super) fn all(plan: &Plan, tape: &Tape) -> Result<Vec<Self>, StaticVenueError> {
        let liquidity = Liquidity::new(plan, tape);
        plan.instruments.iter().map(|instrument| Self::new(plan, tape, &liquidity, &instrument.symbol)).collect()
    }

    fn new(plan: &Plan, tape: &Tape, liquidity: &Liquidity, symbol: &str) -> Result<Self, StaticVenueError> {
        let missing = || StaticVenueError::NoPrints { symbol: symbol.to_owned() };
        let asset = tape.assets.iter().find(|asset| asset.symbol == symbol).ok_or_else(missing)?;
        let prints = own_prints(asset, &plan.static_rules, tape.seconds).ok_or_else(missing)?;
        let honest = filled(tape.honest_median(symbol, 60), tape.seconds).unwrap_or_else(|| prints.clone());
        let nothing = Quote { half_spread: 0.0, bid_usd_1pct: 1.0, ask_usd_1pct: 1.0 };
        let quotes = (0..tape.seconds).map(|second| liquidity.quote(symbol, second).unwrap_or(nothing)).collect();
        let tiers = plan.instrument(symbol).map(|plan| plan.tiers.clone()).unwrap_or_default();
        let maintenance_over_initial = plan.static_rules.maintenance_over_initial;
        let mark = prints[0];
        let symbol = symbol.to_owned();
        Ok(Self { symbol, prints, honest, mark, quotes, offset: 0.0, second: 0, tiers, maintenance_over_initial })
    }

    /// The mark of a second: the last print, and what is left of the impact of forced flow.
    pub(super) fn step(&mut self, second: usize, impact_half_life_s: f64) -> f64 {
        self.offset *= 0.5_f64.powf(1.0 / impact_half_life_s);
        self.second = second;
        self.mark = self.prints[second] * self.offset.exp();
        self.mark
    }

    /// Buys (`units` > 0) or sells into the book: units filled, and their average price.
    ///
    /// The book is linear: depth within 1 % tells how much moves the price by 1 %. Half the move is paid on average,
    /// and the half-spread. Nothing fills once forced flow has moved the mark by `impact_cap`.
    pub(super) fn fill(&mut self, units: f64, second: usize, impact_cap: f64) -> (f64, f64) {
        let quote = self.quotes[second];
        let side = units.signum();
        let depth = if side > 0.0 { quote.ask_usd_1pct } else { quote.bid_usd_1pct };
        let room = (impact_cap - side * self.offset).max(0.0);
        let notional = (units.abs() * self.mark).min(room * depth / 0.01);
        if notional <= 0.0 {
            return (0.0, self.mark);
        }
        let impact = 0.01 * notional / depth;
        // A quoted spread never reaches the whole band: nobody sells for nothing.
        let price = self.mark * (1.0 + side * (quote.half_spread.min(impact_cap) + impact / 2.0));
        let share = notional / (units.abs() * self.mark);
        self.offset += side * impact;
        self.mark = self.prints[self.second] * self.offset.exp();
        (units * share, price)
    }

    pub(super) fn maintenance(&self, notional: f64) -> f64 {
        tiered_maintenance(&self.tiers, self.maintenance_over_initial, notional)
    }
}

/// Prints of the first preferred venue that has any; else of a perpetual; else of whoever prints.
fn own_prints(asset: &AssetTape, rules: &StaticRules, seconds: usize) -> Option<Vec<f64>> {
    let preferred = rules.mark_venues.iter().filter_map(|name| asset.venues.iter().find(|venue| venue.venue == *name));
    let perpetual = asset.venues.iter().filter(|venue| matches!(venue.kind, MarketKind::Perpetual));
    let mut candidates = preferred.chain(perpetual).chain(&asset.venues);
    candidates.find_map(|venue| filled(venue.prints.iter().map(|print| print.unwrap_or(f64::NAN)).collect(), seconds))
}

/// Each gap takes the value before it, a gap at the start the first value; none if there is no value at all.
fn filled(mut path: Vec<f64>, seconds: usize) -> Option<Vec<f64>> {
    let usable = |price: &f64| price.is_finite() && *price > 0.0;
    let mut last = *path.iter().find(|price| usable(price))?;
    path.resize(seconds, f64::NAN);
    for price in &mut path {
        if usable(price) {
            last = *price;
        }
        *price = last;
    }
    Some(path)
}

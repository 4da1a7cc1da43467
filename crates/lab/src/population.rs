//! Decides who trades in a drill, with how much and against whom, which publishers misbehave, and how much the book
//! shows: all by seed.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution, StandardNormal};
use serde::Serialize;

use crate::plan::{FaultKind, FaultPlan, InstrumentPlan, Plan};
use crate::tape::Tape;

/// Everyone in a drill at its first second. Positions sum to zero for each symbol, counted in lots.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Population {
    /// Traders, pool after pool.
    pub traders: Vec<Trader>,
    /// Market makers, pool after pool; they hold what the traders' positions leave over.
    pub makers: Vec<Maker>,
    /// Standing bidders of portfolio auctions.
    pub bidders: Vec<Bidder>,
    /// What goes wrong with which publisher, and when.
    pub faults: Vec<Fault>,
}

/// What a trader is after. It shapes the book and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// All legs on one side.
    Directional,
    /// A long and a short of equal notional.
    Hedged,
    /// Short a perpetual against the asset itself as collateral.
    Basis,
}

/// A trader's account. Its equity at the start is cash plus collateral: profit on positions up to then is settled in
/// cash.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trader {
    /// Index of the pool.
    pub pool: usize,
    /// What the trader is after.
    pub style: Style,
    /// Cash, USD, ≥ 0.
    pub cash_usd: f64,
    /// Assets posted, units, a whole number of lots each.
    pub collateral: Vec<(String, f64)>,
    /// Positions, signed units, a whole number of lots each.
    pub positions: Vec<(String, f64)>,
    /// Price at which each position was entered, same order; only the ranking of auto-deleveraging reads it.
    pub entry_prices: Vec<f64>,
    /// Share of the maximum leverage in use at the start, 0 to 1.
    pub leverage_use: f64,
}

/// A market maker: capital, a share of the book, and an inventory that offsets the traders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Maker {
    /// Index of the pool.
    pub pool: usize,
    /// Cash, USD.
    pub capital_usd: f64,
    /// Share of the book's depth that is this maker's, 0 to 1; the makers of a pool together 1.
    pub share_of_depth: f64,
    /// Positions, signed units, a whole number of lots each.
    pub inventory: Vec<(String, f64)>,
}

/// A standing bidder of portfolio auctions, with limited capital.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bidder {
    /// Index of the pool.
    pub pool: usize,
    /// Cash, USD.
    pub capital_usd: f64,
    /// Premium asked, parts per million of notional taken over.
    pub premium_ppm: u32,
    /// Most notional taken over, USD.
    pub capacity_usd: f64,
}

/// One misbehaviour of one publisher.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fault {
    /// Publisher: a venue of the tape.
    pub publisher: String,
    /// Symbols concerned; empty means all.
    pub symbols: Vec<String>,
    /// What goes wrong.
    pub kind: FaultKind,
    /// First second, from the start of the window.
    pub from_s: usize,
    /// First second after it.
    pub until_s: usize,
    /// Seconds of age for a lag, factor on the price for a lie.
    pub magnitude: f64,
}

/// Why a population cannot be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PopulationError {
    /// A map lacks a symbol.
    #[error("{what} of {symbol}: found none or not above 0, allowed: a finite number above 0")]
    Missing {
        /// `price` or `initial margin ratio`.
        what: &'static str,
        /// The symbol.
        symbol: String,
    },
}

impl Population {
    /// Draws a population. The same arguments give the same population.
    ///
    /// `prices` are USD for each unit at the start; `initial_margin_ratio` is the initial margin for each symbol, as
    /// a share of notional, that the drill's rules ask at the start: every trader's initial margin stays within its
    /// discounted equity by construction.
    ///
    /// # Errors
    /// [`PopulationError::Missing`] when a listed symbol has no price or no initial margin ratio.
    pub fn generate(
        plan: &Plan,
        prices: &BTreeMap<String, f64>,
        initial_margin_ratio: &BTreeMap<String, f64>,
        accounts: usize,
        seed: u64,
    ) -> Result<Self, PopulationError> {
        check_map("price", plan, prices)?;
        check_map("initial margin ratio", plan, initial_margin_ratio)?;
        let mut draw = Draw { plan, prices, margin: initial_margin_ratio, random: ChaCha8Rng::seed_from_u64(seed) };
        let mut population = Self { traders: Vec::new(), makers: Vec::new(), bidders: Vec::new(), faults: Vec::new() };
        for (pool, count) in
            split_count(accounts, plan.pools.iter().map(|pool| pool.trader_share)).into_iter().enumerate()
        {
            let traders = draw.traders(pool, count);
            population.makers.extend(draw.makers(pool, &traders));
            population.bidders.extend(draw.bidders(pool));
            population.traders.extend(traders);
        }
        population.faults = plan.faults.iter().filter_map(|class| draw.fault(class)).collect();
        Ok(population)
    }

    /// Σ |notional| of the traders at `prices`, USD.
    #[must_use]
    pub fn notional_usd(&self, prices: &BTreeMap<String, f64>) -> f64 {
        let legs = self.traders.iter().flat_map(|trader| &trader.positions);
        legs.map(|(symbol, units)| units.abs() * prices.get(symbol).copied().unwrap_or(0.0)).sum()
    }
}

fn check_map(what: &'static str, plan: &Plan, map: &BTreeMap<String, f64>) -> Result<(), PopulationError> {
    let usable = |symbol: &String| map.get(symbol).is_some_and(|value| value.is_finite() && *value > 0.0);
    match plan.instruments.iter().find(|instrument| !usable(&instrument.symbol)) {
        Some(instrument) => Err(PopulationError::Missing { what, symbol: instrument.symbol.clone() }),
        None => Ok(()),
    }
}

/// Splits a count by shares; the rounding goes to the last.
fn split_count(total: usize, shares: impl Iterator<Item = f64>) -> Vec<usize> {
    let mut counts: Vec<usize> = shares.map(|share| (total as f64 * share).floor() as usize).collect();
    let given: usize = counts.iter().sum();
    if let Some(last) = counts.last_mut() {
        *last += total - given;
    }
    counts
}

struct Draw<'a> {
    plan: &'a Plan,
    prices: &'a BTreeMap<String, f64>,
    margin: &'a BTreeMap<String, f64>,
    random: ChaCha8Rng,
}

impl Draw<'_> {
    fn traders(&mut self, pool: usize, count: usize) -> Vec<Trader> {
        let sizes = self.sizes(pool, count);
        let median = median(&sizes);
        sizes.iter().map(|&notional| self.trader(pool, notional, notional / median)).collect()
    }

    /// Notional of each trader, USD: lognormal, none above the plan's largest share, scaled to the pool's total.
    fn sizes(&mut self, pool: usize, count: usize) -> Vec<f64> {
        let sigma = self.plan.population.size_log_sigma;
        let total = self.plan.population.total_notional_usd * self.plan.pools[pool].notional_share;
        let cap = total * self.plan.population.largest_account_share.max(1.0 / count.max(1) as f64);
        let mut sizes: Vec<f64> = (0..count).map(|_| (sigma * self.normal()).exp()).collect();
        // What the cap cuts off goes to the others, which can lift one of them to the cap: eight rounds settle it.
        for _ in 0..8 {
            let sum: f64 = sizes.iter().sum();
            sizes.iter_mut().for_each(|size| *size = (*size * total / sum).min(cap));
        }
        sizes
    }

    fn trader(&mut self, pool: usize, notional: f64, relative_size: f64) -> Trader {
        let style = self.style(pool);
        let legs = self.legs(pool, style, notional);
        let leverage_use = self.leverage_use(relative_size);
        let required: f64 =
            legs.iter().map(|(symbol, units)| units.abs() * self.prices[symbol] * self.margin[symbol]).sum();
        let equity = required / leverage_use;
        let (cash_usd, collateral) = match style {
            Style::Basis => self.basis_collateral(&legs, equity),
            _ => self.collateral(equity),
        };
        let sigma = self.plan.population.entry_log_sigma;
        let entry_prices = legs.iter().map(|(symbol, _)| self.prices[symbol] * (sigma * self.normal()).exp()).collect();
        Trader { pool, style, cash_usd, collateral, positions: legs, entry_prices, leverage_use }
    }

    fn style(&mut self, pool: usize) -> Style {
        let population = &self.plan.population;
        let toss = self.random.random::<f64>();
        let can_hedge = self.plan.pools[pool].symbols.len() > 1;
        if toss < population.hedged_share && can_hedge {
            Style::Hedged
        } else if toss < population.hedged_share + population.basis_share && !self.basis_symbols(pool).is_empty() {
            Style::Basis
        } else {
            Style::Directional
        }
    }

    /// Symbols of the pool that are accepted as collateral too.
    fn basis_symbols(&self, pool: usize) -> Vec<&InstrumentPlan> {
        let accepted = |symbol: &str| self.plan.collateral.iter().any(|plan| plan.asset == symbol);
        self.instruments(pool).into_iter().filter(|plan| accepted(&plan.symbol)).collect()
    }

    fn instruments(&self, pool: usize) -> Vec<&InstrumentPlan> {
        self.plan.pools[pool].symbols.iter().filter_map(|symbol| self.plan.instrument(symbol)).collect()
    }

    fn legs(&mut self, pool: usize, style: Style, notional: f64) -> Vec<(String, f64)> {
        match style {
            Style::Directional => {
                let most = self.plan.population.most_symbols.min(self.plan.pools[pool].symbols.len());
                let chosen = self.choose(pool, most);
                let side = if self.random.random::<f64>() < self.plan.population.long_share { 1.0 } else { -1.0 };
                let weights: Vec<f64> = chosen.iter().map(|_| 0.2 + self.random.random::<f64>()).collect();
                let sum: f64 = weights.iter().sum();
                let shares = weights.iter().map(|weight| side * weight / sum);
                chosen.iter().zip(shares).map(|(symbol, share)| self.leg(symbol, share * notional)).collect()
            }
            Style::Hedged => {
                let pair = self.choose_exactly(pool, 2);
                vec![self.leg(&pair[0], notional / 2.0), self.leg(&pair[1], -notional / 2.0)]
            }
            Style::Basis => {
                let symbols: Vec<String> = self.basis_symbols(pool).iter().map(|plan| plan.symbol.clone()).collect();
                let symbol = &symbols[self.random.random_range(0..symbols.len() as u32) as usize];
                vec![self.leg(symbol, -notional)]
            }
        }
    }

    /// A position of about `notional` USD, at least one lot.
    fn leg(&self, symbol: &str, notional: f64) -> (String, f64) {
        let lot_size = self.plan.instrument(symbol).map_or(1.0, |plan| plan.lot_size);
        let lots = (notional.abs() / (self.prices[symbol] * lot_size)).round().max(1.0);
        (symbol.to_owned(), notional.signum() * lots * lot_size)
    }

    /// One to `most` different symbols, by weight.
    fn choose(&mut self, pool: usize, most: usize) -> Vec<String> {
        let count = 1 + self.random.random_range(0..most as u32) as usize;
        self.choose_exactly(pool, count)
    }

    fn choose_exactly(&mut self, pool: usize, count: usize) -> Vec<String> {
        let mut left: Vec<(String, f64)> =
            self.instruments(pool).iter().map(|plan| (plan.symbol.clone(), plan.notional_weight)).collect();
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count && !left.is_empty() {
            let index = self.pick(left.iter().map(|(_, weight)| *weight));
            chosen.push(left.remove(index).0);
        }
        chosen
    }

    /// An index, with a chance proportional to its weight.
    fn pick(&mut self, weights: impl Iterator<Item = f64>) -> usize {
        let weights: Vec<f64> = weights.collect();
        let mut toss = self.random.random::<f64>() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            toss -= weight;
            if toss < 0.0 {
                return index;
            }
        }
        weights.len() - 1
    }

    fn leverage_use(&mut self, relative_size: f64) -> f64 {
        let population = &self.plan.population;
        let [low, high] = population.leverage_use_range;
        // The plan has checked both shapes to be positive, so the distribution exists.
        let share = Beta::new(population.leverage_alpha, population.leverage_beta)
            .map_or(low, |beta| beta.sample(&mut self.random));
        (share * relative_size.max(1e-9).powf(-population.leverage_size_exponent)).clamp(low, high)
    }

    /// Cash, and for some an asset, worth `equity` after the haircut.
    fn collateral(&mut self, equity: f64) -> (f64, Vec<(String, f64)>) {
        let population = &self.plan.population;
        if self.plan.collateral.is_empty() || self.random.random::<f64>() >= population.multi_asset_share {
            return (equity, Vec::new());
        }
        let [low, high] = population.non_cash_equity_share;
        let share = low + (high - low) * self.random.random::<f64>();
        let index = self.pick(self.plan.collateral.iter().map(|plan| plan.popularity));
        self.posted(index, equity * share, equity)
    }

    /// The shorted asset itself as collateral, about as much as was shorted, topped up with cash.
    fn basis_collateral(&mut self, legs: &[(String, f64)], equity: f64) -> (f64, Vec<(String, f64)>) {
        let (symbol, units) = &legs[0];
        let index = self.plan.collateral.iter().position(|plan| plan.asset == *symbol);
        let hedge = units.abs() * self.prices[symbol] * (0.9 + 0.1 * self.random.random::<f64>());
        let haircut = index.map_or(0.0, |index| self.plan.collateral[index].haircut);
        index.map_or((equity, Vec::new()), |index| self.posted(index, hedge * (1.0 - haircut), equity))
    }

    /// Collateral worth `discounted` USD after its haircut, and cash for the rest of `equity`.
    fn posted(&self, index: usize, discounted: f64, equity: f64) -> (f64, Vec<(String, f64)>) {
        let plan = &self.plan.collateral[index];
        let price = plan.fixed_price_usd.or_else(|| self.prices.get(&plan.asset).copied()).unwrap_or(1.0);
        let haircut = plan.haircut;
        let lots = (discounted / ((1.0 - haircut) * price * plan.lot_size)).floor();
        if lots < 1.0 {
            return (equity, Vec::new());
        }
        let units = lots * plan.lot_size;
        let cash = (equity - units * price * (1.0 - haircut)).max(0.0);
        (cash, vec![(plan.asset.clone(), units)])
    }

    /// The pool's makers: together they hold minus what its traders hold, to the lot.
    fn makers(&mut self, pool: usize, traders: &[Trader]) -> Vec<Maker> {
        let plan = &self.plan.makers;
        let weights: Vec<f64> = (0..plan.per_pool).map(|rank| plan.concentration.powi(-(rank as i32))).collect();
        let sum: f64 = weights.iter().sum();
        let mut makers: Vec<Maker> = weights
            .iter()
            .map(|weight| Maker { pool, capital_usd: 0.0, share_of_depth: weight / sum, inventory: Vec::new() })
            .collect();
        for instrument in self.instruments(pool) {
            offset(&mut makers, instrument, -lots_held(traders, instrument));
        }
        for maker in &mut makers {
            let inventory = maker.inventory.iter();
            let required: f64 =
                inventory.map(|(symbol, units)| units.abs() * self.prices[symbol] * self.margin[symbol]).sum();
            maker.capital_usd = (required * plan.capital_over_margin).max(plan.least_capital_usd);
        }
        makers
    }

    fn bidders(&mut self, pool: usize) -> Vec<Bidder> {
        let plan = &self.plan.bidders;
        let notional = self.plan.population.total_notional_usd * self.plan.pools[pool].notional_share;
        let weights: Vec<f64> = (0..plan.per_pool).map(|_| 0.3 + self.random.random::<f64>()).collect();
        let sum: f64 = weights.iter().sum();
        let [low, high] = plan.premium_range_ppm;
        let bidder = |weight: &f64| {
            let capital_usd = notional * plan.capital_share_of_notional * weight / sum;
            let premium_ppm = (low + (high - low) * self.random.random::<f64>()).round() as u32;
            Bidder { pool, capital_usd, premium_ppm, capacity_usd: capital_usd * plan.capacity_over_capital }
        };
        weights.iter().map(bidder).collect()
    }

    /// One instance of a class of faults, if the seed wants one.
    fn fault(&mut self, class: &FaultPlan) -> Option<Fault> {
        // Every draw is taken whatever the toss says, so that one class's probability does not move the others' times.
        let toss = self.random.random::<f64>();
        let from_s = self.whole_between(class.start_range_s);
        let duration = self.whole_between(class.duration_range_s);
        let [low, high] = class.magnitude_range;
        let magnitude = low + (high - low) * self.random.random::<f64>();
        (toss < class.probability).then(|| Fault {
            publisher: class.publisher.clone(),
            symbols: class.symbols.clone(),
            kind: class.kind,
            from_s,
            until_s: from_s + duration,
            magnitude,
        })
    }

    fn whole_between(&mut self, [low, high]: [usize; 2]) -> usize {
        low + self.random.random_range(0..=(high - low) as u64) as usize
    }

    fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.random)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(1.0)
}

/// Whole lots of `units` of an instrument.
#[must_use]
pub fn lots(units: f64, lot_size: f64) -> i64 {
    (units / lot_size).round() as i64
}

fn lots_held(traders: &[Trader], instrument: &InstrumentPlan) -> i64 {
    let legs = traders.iter().flat_map(|trader| &trader.positions).filter(|(symbol, _)| *symbol == instrument.symbol);
    legs.map(|(_, units)| lots(*units, instrument.lot_size)).sum()
}

/// Spreads `total` lots over the makers by their share of depth; the rounding goes to the first, which is the largest.
fn offset(makers: &mut [Maker], instrument: &InstrumentPlan, total: i64) {
    let mut left = total;
    for maker in makers.iter_mut().rev() {
        let share = (total as f64 * maker.share_of_depth).trunc() as i64;
        left -= share;
        maker.inventory.push((instrument.symbol.clone(), share as f64 * instrument.lot_size));
    }
    if let Some(leg) = makers.first_mut().and_then(|maker| maker.inventory.last_mut()) {
        leg.1 = (lots(leg.1, instrument.lot_size) + left) as f64 * instrument.lot_size;
    }
}

/// What the book of one instrument shows in one second, all makers together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quote {
    /// Half the spread, as a share of the price.
    pub half_spread: f64,
    /// Bids within 1 % of the mid, USD.
    pub bid_usd_1pct: f64,
    /// Offers within 1 % of the mid, USD.
    pub ask_usd_1pct: f64,
}

/// The makers' quotes over time: the plan's calm depth, thinned as the recorded book thinned, with spreads that widen
/// with volatility.
#[derive(Debug, Clone)]
pub struct Liquidity {
    /// Recorded depth over its calm median, each second.
    share: Vec<f64>,
    books: BTreeMap<String, Book>,
}

#[derive(Debug, Clone)]
struct Book {
    calm_depth: f64,
    exponent: f64,
    floor: f64,
    half_spread: f64,
    widening: Vec<f64>,
}

impl Liquidity {
    /// Prepares the quotes of every instrument of the plan that the tape has.
    #[must_use]
    pub fn new(plan: &Plan, tape: &Tape) -> Self {
        let book = |instrument: &InstrumentPlan| {
            let path = tape.honest_median(&instrument.symbol, 60);
            Book {
                calm_depth: instrument.calm_depth_usd_1pct,
                exponent: instrument.thinning_exponent,
                floor: plan.depth.floor,
                half_spread: instrument.half_spread_ppm / 1e6,
                widening: widening(plan, &path),
            }
        };
        let books = plan.instruments.iter().map(|instrument| (instrument.symbol.clone(), book(instrument))).collect();
        Self { share: recorded_share(plan, tape), books }
    }

    /// The quote of a symbol in a second of the tape; none for an unknown symbol or a second beyond the end.
    #[must_use]
    pub fn quote(&self, symbol: &str, second: usize) -> Option<Quote> {
        let book = self.books.get(symbol)?;
        let depth = book.calm_depth * self.share.get(second)?.powf(book.exponent).max(book.floor);
        let half_spread = book.half_spread * book.widening.get(second).copied().unwrap_or(1.0);
        Some(Quote { half_spread, bid_usd_1pct: depth, ask_usd_1pct: depth })
    }
}

/// Recorded depth over its calm median, each second, floor to 1. The thinner side counts for both: one side of the
/// recording can be stuck (a stale quote at an old price pins the mid, and the side never changes again), and a stuck
/// side always looks calm.
fn recorded_share(plan: &Plan, tape: &Tape) -> Vec<f64> {
    let calm = &tape.depth[..plan.depth.calm_seconds.min(tape.depth.len())];
    let calm_bid = median(&calm.iter().map(|point| point.bid_usd[0]).collect::<Vec<_>>()).max(1.0);
    let calm_ask = median(&calm.iter().map(|point| point.ask_usd[0]).collect::<Vec<_>>()).max(1.0);
    let mut shares: Vec<f64> = tape
        .depth
        .iter()
        .map(|point| (point.bid_usd[0] / calm_bid).min(point.ask_usd[0] / calm_ask))
        .map(|share| if share.is_finite() { share.clamp(plan.depth.floor, 1.0) } else { plan.depth.floor })
        .collect();
    shares.resize(tape.seconds, shares.last().copied().unwrap_or(1.0));
    shares
}

/// Multiple of the calm spread, each second, from an exponentially weighted volatility of one-second log returns.
fn widening(plan: &Plan, path: &[f64]) -> Vec<f64> {
    let depth = &plan.depth;
    let mut variance = depth.calm_volatility.powi(2);
    let mut previous = f64::NAN;
    let step = |price: &f64| {
        let change = (price / previous).ln();
        if change.is_finite() {
            variance = depth.volatility_decay * variance + (1.0 - depth.volatility_decay) * change * change;
        }
        previous = if price.is_finite() { *price } else { previous };
        (variance.sqrt() / depth.calm_volatility).clamp(1.0, depth.widest_spread_multiple)
    };
    path.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan::parse(include_str!("../../../drills/october-2025/drill.toml"), "drill.toml").expect("the shipped plan")
    }

    fn maps(plan: &Plan) -> (BTreeMap<String, f64>, BTreeMap<String, f64>) {
        let prices = plan.instruments.iter().enumerate().map(|(i, p)| (p.symbol.clone(), 10.0 * (i + 1) as f64));
        let margins = plan.instruments.iter().map(|p| (p.symbol.clone(), 2.0 / p.tiers[0].max_leverage));
        (prices.collect(), margins.collect())
    }

    fn draw(seed: u64) -> Population {
        let plan = plan();
        let (prices, margins) = maps(&plan);
        Population::generate(&plan, &prices, &margins, 2_000, seed).expect("the maps are complete")
    }

    #[test]
    fn the_same_seed_gives_the_same_population_and_another_does_not() {
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn positions_sum_to_zero_lots_for_each_symbol() {
        let population = draw(1);
        for instrument in plan().instruments {
            let legs = population.traders.iter().flat_map(|trader| &trader.positions);
            let all = legs.chain(population.makers.iter().flat_map(|maker| &maker.inventory));
            let sum: i64 = all
                .filter(|(symbol, _)| *symbol == instrument.symbol)
                .map(|(_, units)| lots(*units, instrument.lot_size))
                .sum();
            assert_eq!(sum, 0, "{}", instrument.symbol);
        }
    }

    #[test]
    fn every_trader_meets_the_initial_margin_it_was_given() {
        let plan = plan();
        let (prices, margins) = maps(&plan);
        let population = Population::generate(&plan, &prices, &margins, 2_000, 3).expect("the maps are complete");
        for trader in &population.traders {
            let required: f64 =
                trader.positions.iter().map(|(symbol, units)| units.abs() * prices[symbol] * margins[symbol]).sum();
            let posted: f64 =
                trader.collateral.iter().map(|(asset, units)| discounted(&plan, &prices, asset, *units)).sum();
            assert!(trader.cash_usd >= 0.0 && trader.cash_usd + posted >= required, "{trader:?}");
        }
    }

    fn discounted(plan: &Plan, prices: &BTreeMap<String, f64>, asset: &str, units: f64) -> f64 {
        let collateral = plan.collateral.iter().find(|plan| plan.asset == asset).expect("a listed asset");
        units * collateral.fixed_price_usd.unwrap_or_else(|| prices[asset]) * (1.0 - collateral.haircut)
    }

    #[test]
    fn the_total_notional_and_the_mix_are_as_planned() {
        let plan = plan();
        let (prices, margins) = maps(&plan);
        let population = Population::generate(&plan, &prices, &margins, 10_000, 5).expect("the maps are complete");
        let total = population.notional_usd(&prices);
        assert!((total / plan.population.total_notional_usd - 1.0).abs() < 0.01, "{total}");
        let directional: Vec<_> = population.traders.iter().filter(|t| t.style == Style::Directional).collect();
        let long = directional.iter().filter(|trader| trader.positions[0].1 > 0.0).count() as f64;
        assert!((long / directional.len() as f64 - plan.population.long_share).abs() < 0.02);
        let posting = population.traders.iter().filter(|trader| !trader.collateral.is_empty()).count() as f64;
        assert!((0.28..0.42).contains(&(posting / 10_000.0)), "{posting}");
    }

    #[test]
    fn a_missing_price_is_named() {
        let plan = plan();
        let (mut prices, margins) = maps(&plan);
        prices.remove("SOL");
        let message = Population::generate(&plan, &prices, &margins, 10, 1).expect_err("must refuse").to_string();
        assert!(message.starts_with("price of SOL"), "{message}");
    }
}

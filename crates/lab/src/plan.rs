//! Decides what a drill's description (`drills/<name>/drill.toml`) may say, and refuses one that contradicts itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A whole drill: its window, its pools and instruments, and the parameters of everything that is drawn by seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Folder name of the drill, for example `october-2025`.
    pub name: String,
    /// One line that a stranger understands.
    pub title: String,
    /// The stretch of time that is replayed.
    pub window: Window,
    /// Risk domains (R2.1). At least three, one of them thin.
    pub pools: Vec<PoolPlan>,
    /// Perpetuals, each in exactly one pool.
    pub instruments: Vec<InstrumentPlan>,
    /// Assets that accounts post besides the settlement cash.
    pub collateral: Vec<CollateralPlan>,
    /// How traders are drawn.
    pub population: PopulationPlan,
    /// How market makers are drawn.
    pub makers: MakerPlan,
    /// How standing bidders of portfolio auctions are drawn.
    pub bidders: BidderPlan,
    /// How recorded book depth becomes quotes.
    pub depth: DepthPlan,
    /// Publishers that fail, lag, freeze or lie; when and how much is drawn by seed.
    #[serde(default)]
    pub faults: Vec<FaultPlan>,
    /// What the clearing core is configured with, used by `--rules seawall` only.
    pub core: CorePlan,
    /// The venue of the day, used by `--rules static` only.
    pub static_rules: StaticRules,
}

/// The configuration of the clearing core. Lengths of time are seconds, shares are of one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorePlan {
    /// Standard deviations that stress covers (R4.1).
    pub stress_z: f64,
    /// Base liquidation horizon (R4.2).
    pub horizon_s: f64,
    /// Longest horizon (R4.2).
    pub max_horizon_s: f64,
    /// Share of the market's volume at which open interest can be unwound (R4.2).
    pub participation: f64,
    /// Maintenance stress over raw stress.
    pub maintenance_share: f64,
    /// A feed is degraded while its confidence is wider than this share of the index (R3.4).
    pub confidence_limit: f64,
    /// A larger move of the index in one step must be confirmed (R3.4).
    pub jump_limit: f64,
    /// Width of the price band (R8.3).
    pub band: f64,
    /// Blocks over which a liquidation concedes to the bankruptcy price (R10.3).
    pub concession_blocks: u16,
    /// Most of a position that one block sells (R10.4).
    pub position_share: f64,
    /// Most of the opposite depth that liquidations take in one block (R10.4).
    pub depth_share: f64,
    /// Equity below this share of maintenance margin: portfolio auction (R10.5).
    pub auction_below: f64,
    /// Fee on liquidated value (R10.6).
    pub liquidation_fee: f64,
    /// Fee on a fill.
    pub fee: f64,
    /// Pool's own capital over its fund (R12.1).
    pub own_capital_over_fund: f64,
    /// Backstop providers' tranche over the fund (R12.1).
    pub tranche_over_fund: f64,
    /// Line on the shared reserve over the fund (R11.6).
    pub line_over_fund: f64,
    /// Open interest from which initial stress rises, over the open interest at the start (R4.3).
    pub open_interest_low: f64,
    /// Open interest at which it reaches 100 %, over the open interest at the start (R4.3).
    pub open_interest_high: f64,
}

/// The replayed stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// First second, unix milliseconds UTC.
    pub start_ms: i64,
    /// Length in seconds, 60 to 86,400.
    pub seconds: usize,
    /// First second of the cascade, counted from the start: what plots zoom into.
    pub focus_from_s: usize,
    /// First second after the cascade, counted from the start.
    pub focus_until_s: usize,
}

/// A risk domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolPlan {
    /// Name shown in reports.
    pub name: String,
    /// Symbols of the pool's instruments.
    pub symbols: Vec<String>,
    /// Share of the traders that live here, 0 to 1; all pools together 1.
    pub trader_share: f64,
    /// Share of the total notional that is traded here, 0 to 1; all pools together 1.
    pub notional_share: f64,
    /// The fund at the start, USD.
    pub fund_usd: f64,
}

/// A perpetual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentPlan {
    /// Asset symbol, as in the tape: `BTC`.
    pub symbol: String,
    /// Units of the asset in one lot.
    pub lot_size: f64,
    /// Traded volume of a normal day across the market's largest venue, USD.
    pub daily_volume_usd: f64,
    /// Relative weight of the instrument inside its pool's notional, > 0.
    pub notional_weight: f64,
    /// Book depth within 1 % of the mid on the drill's venue in calm, USD a side.
    pub calm_depth_usd_1pct: f64,
    /// How much faster than the recorded book this one thins: depth share = recorded share ^ exponent, ≥ 0.
    pub thinning_exponent: f64,
    /// Long-run standard deviation of a day's return, share of the price: the floor of the volatility estimate (R4.1).
    pub long_run_volatility_a_day: f64,
    /// Half the bid–ask spread in calm, parts per million of the price.
    pub half_spread_ppm: f64,
    /// Leverage tiers of the venue of the day, ascending; the first starts at 0.
    pub tiers: Vec<Tier>,
}

/// One step of a tiered leverage table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Position notional from which the tier applies, USD.
    pub from_usd: f64,
    /// Highest leverage in this tier, ≥ 1.
    pub max_leverage: f64,
}

/// An asset that can be posted besides cash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollateralPlan {
    /// Asset symbol: a tape's symbol, or a stable asset.
    pub asset: String,
    /// Units of the asset in one lot.
    pub lot_size: f64,
    /// A fixed price in USD for an asset without a tape; absent for the others.
    pub fixed_price_usd: Option<f64>,
    /// Haircut assumed when a trader's leverage is drawn, 0 to 1.
    pub haircut: f64,
    /// Weight of the asset in the margin of the venue of the day, 0 to 1.
    pub static_weight: f64,
    /// Relative frequency among traders who post collateral.
    pub popularity: f64,
}

/// How traders are drawn. Every share is 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationPlan {
    /// Accounts when the command line names none.
    pub default_accounts: usize,
    /// Σ |notional| of all traders at the start, USD.
    pub total_notional_usd: f64,
    /// Standard deviation of the logarithm of account size.
    pub size_log_sigma: f64,
    /// Largest share of its pool's notional that one account holds.
    pub largest_account_share: f64,
    /// Share of directional traders that are long.
    pub long_share: f64,
    /// Share of traders with a hedged book: a long and a short of equal notional.
    pub hedged_share: f64,
    /// Share of traders that are short a perpetual against the same asset as collateral, where the pool lists one.
    pub basis_share: f64,
    /// Share of traders that post assets besides cash.
    pub multi_asset_share: f64,
    /// Share of the equity of those traders that is not cash, lowest and highest.
    pub non_cash_equity_share: [f64; 2],
    /// First shape of the Beta distribution of the share of the maximum leverage used.
    pub leverage_alpha: f64,
    /// Second shape of that distribution.
    pub leverage_beta: f64,
    /// Lowest and highest share of the maximum leverage used; the highest is below 1.
    pub leverage_use_range: [f64; 2],
    /// How strongly leverage falls with size: multiplies the share by size^(−exponent) relative to the median, 0 to 1.
    pub leverage_size_exponent: f64,
    /// Most symbols in one directional book.
    pub most_symbols: usize,
    /// Standard deviation of the logarithm of entry price over start price.
    pub entry_log_sigma: f64,
}

/// How market makers are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakerPlan {
    /// Makers in each pool.
    pub per_pool: usize,
    /// Capital over the initial margin of the inventory, ≥ 1.
    pub capital_over_margin: f64,
    /// Least capital of one maker, USD.
    pub least_capital_usd: f64,
    /// Ratio of the largest maker's share of depth to the next one's, ≥ 1.
    pub concentration: f64,
}

/// How standing bidders are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidderPlan {
    /// Bidders in each pool.
    pub per_pool: usize,
    /// Capital of all bidders of a pool as a share of the pool's notional, 0 to 1.
    pub capital_share_of_notional: f64,
    /// Notional a bidder takes over for each USD of capital, > 0.
    pub capacity_over_capital: f64,
    /// Premium asked, lowest and highest, parts per million of notional.
    pub premium_range_ppm: [f64; 2],
}

/// How recorded book depth becomes quotes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthPlan {
    /// Seconds at the start of the tape whose median is "calm".
    pub calm_seconds: usize,
    /// Depth never falls below this share of calm, 0 to 1.
    pub floor: f64,
    /// Volatility (standard deviation of one-second log returns) at which spreads start to widen.
    pub calm_volatility: f64,
    /// Decay of the volatility estimate for each second, 0 to 1.
    pub volatility_decay: f64,
    /// Spreads never exceed this multiple of calm.
    pub widest_spread_multiple: f64,
}

/// What goes wrong with a publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// Publishes nothing; magnitude is not used.
    Fail,
    /// Publishes old prices with their old time; magnitude is seconds of age.
    Lag,
    /// Repeats its last price with a fresh time; magnitude is not used.
    Freeze,
    /// Publishes a wrong price; magnitude is the factor.
    Lie,
}

/// A class of faults, from which a seed draws instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// Publisher that suffers it: a venue of the tape.
    pub publisher: String,
    /// Symbols concerned; empty means all of its symbols at once.
    #[serde(default)]
    pub symbols: Vec<String>,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Chance that it happens in a run, 0 to 1.
    pub probability: f64,
    /// Earliest and latest start, seconds from the start of the window.
    pub start_range_s: [usize; 2],
    /// Shortest and longest duration, seconds.
    pub duration_range_s: [usize; 2],
    /// Lowest and highest magnitude: see [`FaultKind`].
    pub magnitude_range: [f64; 2],
}

/// The rules of a venue of the day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticRules {
    /// Venues whose own prints are the mark, in order of preference.
    pub mark_venues: Vec<String>,
    /// Maintenance rate over the initial rate at maximum leverage, 0 to 1.
    pub maintenance_over_initial: f64,
    /// Accounts that keepers attempt to liquidate in one second.
    pub attempts_per_second: usize,
    /// Seconds from a breach to the first attempt when nothing else is waiting.
    pub detection_delay_s: usize,
    /// Further delay for each 1,000 accounts waiting, seconds.
    pub overload_delay_s_per_1000: f64,
    /// Share of a position that one attempt closes, 0 to 1.
    pub attempt_share: f64,
    /// Least and largest notional of one attempt, USD. The house too sells at most the largest, each second and market.
    pub attempt_range_usd: [f64; 2],
    /// Liquidation fee paid to the fund out of what is left of the account, share of notional.
    pub fee: f64,
    /// The venue's own mark returns to its prints: half-life of the impact, seconds.
    pub impact_half_life_s: f64,
    /// Largest gap between the venue's mark and its prints that forced flow can cause, share of the price.
    pub impact_cap: f64,
    /// Positions up to this notional are auto-deleveraged whole, larger ones to what the deficit needs, USD.
    pub adl_whole_position_up_to_usd: f64,
}

/// Why a plan was refused.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not a plan; the message has line, column and field.
    #[error("{origin}: {source}")]
    Parse {
        /// The file, or `drill.toml` for a built-in plan.
        origin: String,
        /// What the reader said.
        source: Box<toml::de::Error>,
    },
    /// A field has a value that is not allowed.
    #[error("{field}: found {found}, allowed: {allowed}")]
    Field {
        /// Path of the field.
        field: String,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: String,
    },
}

impl Plan {
    /// Reads and checks a plan.
    ///
    /// # Errors
    /// [`PlanError`] names the file, the line or the field, what was found and what is allowed.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let text = std::fs::read_to_string(path).map_err(|source| PlanError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Parses and checks a plan; `origin` names the text in messages.
    ///
    /// # Errors
    /// As [`Plan::read`].
    pub fn parse(text: &str, origin: &str) -> Result<Self, PlanError> {
        let plan: Self = toml::from_str(text)
            .map_err(|source| PlanError::Parse { origin: origin.to_owned(), source: Box::new(source) })?;
        plan.check()?;
        Ok(plan)
    }

    /// The instrument of a symbol.
    #[must_use]
    pub fn instrument(&self, symbol: &str) -> Option<&InstrumentPlan> {
        self.instruments.iter().find(|instrument| instrument.symbol == symbol)
    }

    /// Index of the pool that lists a symbol.
    #[must_use]
    pub fn pool_of(&self, symbol: &str) -> Option<usize> {
        self.pools.iter().position(|pool| pool.symbols.iter().any(|listed| listed == symbol))
    }

    /// All funds together, USD: the venue of the day holds them as one.
    #[must_use]
    pub fn fund_usd(&self) -> f64 {
        self.pools.iter().map(|pool| pool.fund_usd).sum()
    }

    /// Initial margin for each symbol at the published maximum leverage of its first tier, share of notional.
    #[must_use]
    pub fn published_initial_margin(&self) -> BTreeMap<String, f64> {
        self.instruments.iter().map(|plan| (plan.symbol.clone(), 1.0 / plan.tiers[0].max_leverage)).collect()
    }

    fn check(&self) -> Result<(), PlanError> {
        self.check_window()?;
        self.check_pools()?;
        for (index, instrument) in self.instruments.iter().enumerate() {
            check_instrument(index, instrument)?;
        }
        for (index, asset) in self.collateral.iter().enumerate() {
            check_collateral(index, asset)?;
        }
        self.check_population()?;
        self.check_liquidity()?;
        self.check_faults()?;
        self.check_core()?;
        self.check_static_rules()
    }

    fn check_window(&self) -> Result<(), PlanError> {
        let window = &self.window;
        within("window.seconds", window.seconds as f64, 60.0, 86_400.0)?;
        within("window.focus_until_s", window.focus_until_s as f64, 1.0, window.seconds as f64)?;
        within("window.focus_from_s", window.focus_from_s as f64, 0.0, window.focus_until_s as f64)
    }

    fn check_pools(&self) -> Result<(), PlanError> {
        within("pools (count)", self.pools.len() as f64, 1.0, 256.0)?;
        let mut listed = BTreeSet::new();
        for (index, pool) in self.pools.iter().enumerate() {
            within(&format!("pools[{index}].symbols (count)"), pool.symbols.len() as f64, 1.0, 256.0)?;
            within(&format!("pools[{index}].trader_share"), pool.trader_share, 0.0, 1.0)?;
            within(&format!("pools[{index}].notional_share"), pool.notional_share, 0.0, 1.0)?;
            within(&format!("pools[{index}].fund_usd"), pool.fund_usd, 0.0, 1e12)?;
            for symbol in &pool.symbols {
                let known = self.instrument(symbol).is_some();
                refuse_unless(known, &format!("pools[{index}].symbols"), symbol, "a symbol of [[instruments]]")?;
                let fresh = listed.insert(symbol.clone());
                refuse_unless(fresh, &format!("pools[{index}].symbols"), symbol, "a symbol that no other pool lists")?;
            }
        }
        for (index, instrument) in self.instruments.iter().enumerate() {
            let symbol = &instrument.symbol;
            let field = format!("instruments[{index}].symbol");
            refuse_unless(listed.remove(symbol), &field, symbol, "a symbol that exactly one pool lists, given once")?;
        }
        sums_to_one("pools[..].trader_share", self.pools.iter().map(|pool| pool.trader_share))?;
        sums_to_one("pools[..].notional_share", self.pools.iter().map(|pool| pool.notional_share))
    }

    fn check_core(&self) -> Result<(), PlanError> {
        let core = &self.core;
        within("core.stress_z", core.stress_z, 1.0, 16.0)?;
        within("core.horizon_s", core.horizon_s, 1.0, 86_400.0)?;
        within("core.max_horizon_s", core.max_horizon_s, core.horizon_s, 864_000.0)?;
        within("core.participation", core.participation, 0.001, 1.0)?;
        within("core.maintenance_share", core.maintenance_share, 0.1, 1.0)?;
        within("core.confidence_limit", core.confidence_limit, 1e-6, 1.0)?;
        within("core.jump_limit", core.jump_limit, 1e-6, 1.0)?;
        within("core.band", core.band, 1e-6, 1.0)?;
        within("core.concession_blocks", f64::from(core.concession_blocks), 1.0, 10_000.0)?;
        within("core.position_share", core.position_share, 0.001, 1.0)?;
        within("core.depth_share", core.depth_share, 0.001, 1.0)?;
        within("core.auction_below", core.auction_below, 0.0, 1.0)?;
        within("core.liquidation_fee", core.liquidation_fee, 0.0, 0.05)?;
        within("core.fee", core.fee, 0.0, 0.1)?;
        within("core.own_capital_over_fund", core.own_capital_over_fund, 0.0, 10.0)?;
        within("core.tranche_over_fund", core.tranche_over_fund, 0.0, 10.0)?;
        within("core.line_over_fund", core.line_over_fund, 0.0, 1.0)?;
        within("core.open_interest_low", core.open_interest_low, 0.0, 1e3)?;
        within("core.open_interest_high", core.open_interest_high, core.open_interest_low + 1e-6, 1e4)
    }

    fn check_population(&self) -> Result<(), PlanError> {
        let population = &self.population;
        within("population.default_accounts", population.default_accounts as f64, 1.0, 1e7)?;
        within("population.total_notional_usd", population.total_notional_usd, 1.0, 1e12)?;
        within("population.size_log_sigma", population.size_log_sigma, 0.0, 5.0)?;
        within("population.largest_account_share", population.largest_account_share, 1e-6, 1.0)?;
        within("population.long_share", population.long_share, 0.0, 1.0)?;
        within("population.hedged_share", population.hedged_share, 0.0, 1.0)?;
        within("population.basis_share", population.basis_share, 0.0, 1.0 - population.hedged_share)?;
        within("population.multi_asset_share", population.multi_asset_share, 0.0, 1.0)?;
        range_within("population.non_cash_equity_share", population.non_cash_equity_share, 0.0, 1.0)?;
        within("population.leverage_alpha", population.leverage_alpha, 0.05, 100.0)?;
        within("population.leverage_beta", population.leverage_beta, 0.05, 100.0)?;
        range_within("population.leverage_use_range", population.leverage_use_range, 0.001, 0.999)?;
        within("population.leverage_size_exponent", population.leverage_size_exponent, 0.0, 1.0)?;
        within("population.most_symbols", population.most_symbols as f64, 1.0, 16.0)?;
        within("population.entry_log_sigma", population.entry_log_sigma, 0.0, 2.0)
    }

    fn check_liquidity(&self) -> Result<(), PlanError> {
        within("makers.per_pool", self.makers.per_pool as f64, 1.0, 1_000.0)?;
        within("makers.capital_over_margin", self.makers.capital_over_margin, 1.0, 1_000.0)?;
        within("makers.least_capital_usd", self.makers.least_capital_usd, 0.0, 1e12)?;
        within("makers.concentration", self.makers.concentration, 1.0, 10.0)?;
        within("bidders.per_pool", self.bidders.per_pool as f64, 0.0, 1_000.0)?;
        within("bidders.capital_share_of_notional", self.bidders.capital_share_of_notional, 0.0, 1.0)?;
        within("bidders.capacity_over_capital", self.bidders.capacity_over_capital, 0.001, 1_000.0)?;
        range_within("bidders.premium_range_ppm", self.bidders.premium_range_ppm, 0.0, 1e6)?;
        within("depth.calm_seconds", self.depth.calm_seconds as f64, 1.0, self.window.seconds as f64)?;
        within("depth.floor", self.depth.floor, 1e-6, 1.0)?;
        within("depth.calm_volatility", self.depth.calm_volatility, 1e-9, 1.0)?;
        within("depth.volatility_decay", self.depth.volatility_decay, 0.0, 1.0)?;
        within("depth.widest_spread_multiple", self.depth.widest_spread_multiple, 1.0, 1e6)
    }

    fn check_faults(&self) -> Result<(), PlanError> {
        for (index, fault) in self.faults.iter().enumerate() {
            let field = |name: &str| format!("faults[{index}].{name}");
            within(&field("probability"), fault.probability, 0.0, 1.0)?;
            let start = fault.start_range_s.map(|second| second as f64);
            range_within(&field("start_range_s"), start, 0.0, self.window.seconds as f64)?;
            range_within(&field("duration_range_s"), fault.duration_range_s.map(|s| s as f64), 1.0, 86_400.0)?;
            range_within(&field("magnitude_range"), fault.magnitude_range, 0.0, 1e6)?;
            for symbol in &fault.symbols {
                refuse_unless(self.instrument(symbol).is_some(), &field("symbols"), symbol, "a listed symbol")?;
            }
        }
        Ok(())
    }

    fn check_static_rules(&self) -> Result<(), PlanError> {
        let rules = &self.static_rules;
        within("static_rules.mark_venues (count)", rules.mark_venues.len() as f64, 1.0, 64.0)?;
        within("static_rules.maintenance_over_initial", rules.maintenance_over_initial, 0.01, 1.0)?;
        within("static_rules.attempts_per_second", rules.attempts_per_second as f64, 1.0, 1e6)?;
        within("static_rules.detection_delay_s", rules.detection_delay_s as f64, 0.0, 3_600.0)?;
        within("static_rules.overload_delay_s_per_1000", rules.overload_delay_s_per_1000, 0.0, 3_600.0)?;
        within("static_rules.attempt_share", rules.attempt_share, 0.001, 1.0)?;
        range_within("static_rules.attempt_range_usd", rules.attempt_range_usd, 1.0, 1e12)?;
        within("static_rules.fee", rules.fee, 0.0, 0.1)?;
        within("static_rules.impact_half_life_s", rules.impact_half_life_s, 0.1, 86_400.0)?;
        within("static_rules.impact_cap", rules.impact_cap, 0.0, 0.5)?;
        within("static_rules.adl_whole_position_up_to_usd", rules.adl_whole_position_up_to_usd, 0.0, 1e12)
    }
}

fn check_instrument(index: usize, plan: &InstrumentPlan) -> Result<(), PlanError> {
    let field = |name: &str| format!("instruments[{index}].{name}");
    within(&field("lot_size"), plan.lot_size, 1e-12, 1e12)?;
    within(&field("daily_volume_usd"), plan.daily_volume_usd, 1.0, 1e15)?;
    within(&field("notional_weight"), plan.notional_weight, 1e-9, 1e9)?;
    within(&field("calm_depth_usd_1pct"), plan.calm_depth_usd_1pct, 1.0, 1e12)?;
    within(&field("long_run_volatility_a_day"), plan.long_run_volatility_a_day, 1e-5, 1.0)?;
    within(&field("thinning_exponent"), plan.thinning_exponent, 0.0, 10.0)?;
    within(&field("half_spread_ppm"), plan.half_spread_ppm, 0.0, 1e6)?;
    let starts_at_zero = plan.tiers.first().is_some_and(|tier| tier.from_usd == 0.0);
    refuse_unless(starts_at_zero, &field("tiers"), "no tier from 0 USD", "a first tier with from_usd = 0")?;
    for pair in plan.tiers.windows(2) {
        let ordered = pair[1].from_usd > pair[0].from_usd && pair[1].max_leverage <= pair[0].max_leverage;
        refuse_unless(ordered, &field("tiers"), "tiers out of order", "rising from_usd with falling max_leverage")?;
    }
    plan.tiers.iter().try_for_each(|tier| within(&field("tiers[..].max_leverage"), tier.max_leverage, 1.0, 1_000.0))
}

fn check_collateral(index: usize, plan: &CollateralPlan) -> Result<(), PlanError> {
    let field = |name: &str| format!("collateral[{index}].{name}");
    within(&field("lot_size"), plan.lot_size, 1e-12, 1e12)?;
    within(&field("fixed_price_usd"), plan.fixed_price_usd.unwrap_or(1.0), 1e-12, 1e12)?;
    within(&field("haircut"), plan.haircut, 0.0, 0.99)?;
    within(&field("static_weight"), plan.static_weight, 0.0, 1.0)?;
    within(&field("popularity"), plan.popularity, 0.0, 1e6)
}

fn within(field: &str, value: f64, low: f64, high: f64) -> Result<(), PlanError> {
    let allowed = format!("{low} to {high}");
    refuse_unless(value.is_finite() && (low..=high).contains(&value), field, &value.to_string(), &allowed)
}

fn range_within(field: &str, range: [f64; 2], low: f64, high: f64) -> Result<(), PlanError> {
    within(field, range[0], low, high)?;
    within(field, range[1], range[0], high)
}

fn sums_to_one(field: &str, shares: impl Iterator<Item = f64>) -> Result<(), PlanError> {
    let sum: f64 = shares.sum();
    refuse_unless((sum - 1.0).abs() < 1e-9, field, &format!("a sum of {sum}"), "shares that sum to 1")
}

fn refuse_unless(allowed_value: bool, field: &str, found: &str, allowed: &str) -> Result<(), PlanError> {
    if allowed_value {
        return Ok(());
    }
    Err(PlanError::Field { field: field.to_owned(), found: found.to_owned(), allowed: allowed.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../../drills/october-2025/drill.toml");

    #[test]
    fn the_october_plan_is_valid() {
        let plan = Plan::parse(TEXT, "drill.toml").expect("the shipped plan parses");
        assert!(plan.pools.len() >= 3);
        assert_eq!(plan.pool_of("BTC"), Some(0));
    }

    #[test]
    fn an_unknown_field_is_named() {
        let text = TEXT.replacen("size_log_sigma", "size_log_sigmas", 1);
        let message = Plan::parse(&text, "drill.toml").expect_err("must refuse").to_string();
        assert!(message.contains("size_log_sigmas"), "{message}");
    }

    #[test]
    fn a_value_out_of_range_is_named_with_what_is_allowed() {
        let text = TEXT.replacen("long_share = 0.", "long_share = 7.", 1);
        let message = Plan::parse(&text, "drill.toml").expect_err("must refuse").to_string();
        assert!(message.contains("population.long_share") && message.contains("allowed: 0 to 1"), "{message}");
    }

    #[test]
    fn a_symbol_in_two_pools_is_refused() {
        let text = TEXT.replacen("symbols = [\"BTC\",", "symbols = [\"BTC\", \"AAVE\",", 1);
        let message = Plan::parse(&text, "drill.toml").expect_err("must refuse").to_string();
        assert!(message.contains("no other pool"), "{message}");
    }
}

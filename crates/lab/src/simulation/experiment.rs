//! What an experiment file may say, and how its cells follow from it: every setting may be swept by its path in the file.

use super::prices::PricePlan;
use crate::museum::stage::{Asset, Capital, Stage};
use crate::plan::CorePlan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most cells of a sweep.
const MOST_CELLS: usize = 10_000;
/// The most members of each kind.
const MOST_MEMBERS: usize = 100_000;
/// The most money of all members together: a seventh of what the core takes in a pool (R1.7), because draws differ.
const MOST_MONEY_USD: f64 = 1e10;
/// The most blocks of a run: a day of seconds, twice.
const MOST_BLOCKS: f64 = 172_800.0;

/// An experiment: one market, what its cells vary, and how many seeds each is run with.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// What it is about.
    pub title: String,
    /// The cells, in the order of the sweep: the last named setting varies fastest.
    pub cells: Vec<Cell>,
    /// Which seeds each cell is run with.
    pub seeds: std::ops::Range<u64>,
    /// What `tune` may search, and for what.
    pub tune: Option<TunePlan>,
    source: toml::Table,
}

/// One choice of every swept setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The swept settings by their path in the file, with their values.
    pub settings: Vec<(String, f64)>,
    /// The market with these settings.
    pub market: MarketPlan,
}

/// A market to simulate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketPlan {
    /// What it is about.
    pub title: String,
    /// How long, and in what steps.
    pub time: TimePlan,
    /// Where prices come from.
    pub prices: PricePlan,
    /// What is traded.
    pub asset: Vec<Asset>,
    /// What the markets outside are like.
    pub outside: OutsidePlan,
    /// What the pool begins with.
    pub capital: Capital,
    /// Who trades.
    pub members: MembersPlan,
    /// Whose prices are late.
    #[serde(default)]
    pub publishers: PublishersPlan,
    /// Who attacks.
    #[serde(default)]
    pub attacker: Vec<AttackerPlan>,
    /// Settings of the core; those that are not named are those of the drill `october-2025`.
    pub rules: CorePlan,
}

/// Length and steps of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimePlan {
    /// Hours, above zero.
    pub hours: f64,
    /// Seconds between blocks, a whole number of at least one.
    pub block_s: u32,
}

/// Spot markets outside: an asset's `depth_usd_1pct` says what moves its price by one percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsidePlan {
    /// In how many seconds half of a push fades.
    pub half_life_s: f64,
    /// Depth falls with this power of volatility over its usual level: 0 does not, 1 halves where volatility doubles.
    pub thins: f64,
    /// The part of what it was above which depth stays, however volatile it is.
    pub least_depth: f64,
    /// From this multiple of the usual volatility commands begin to be lost to congestion.
    pub congested_from: f64,
    /// The most of them that are lost, as a share.
    pub congestion: f64,
}

/// Who trades.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MembersPlan {
    /// Traders without an opinion.
    pub noise: TraderPlan,
    /// Traders who follow the price.
    pub trend: TraderPlan,
    /// Market makers.
    pub makers: MakerPlan,
    /// Arbitrageurs between the pool and the markets outside.
    pub arbitrageurs: ArbitrageurPlan,
    /// Backstop bidders of portfolio auctions.
    pub bidders: BidderPlan,
}

/// Leveraged traders.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraderPlan {
    /// How many.
    pub count: usize,
    /// Median money of each, USD.
    pub equity_usd: f64,
    /// Standard deviation of its logarithm.
    pub equity_spread: f64,
    /// Most notional over equity; each uses a share of it, drawn once.
    pub leverage: f64,
    /// The share of them that is long at the start.
    pub long_share: f64,
    /// How often each acts on average, seconds.
    pub every_s: f64,
    /// The part of its money at the start that a trader in danger can pay in once more.
    pub top_up: f64,
}

/// Market makers, whose depth together is an asset's depth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakerPlan {
    /// How many.
    pub count: usize,
    /// Money of each, USD.
    pub equity_usd: f64,
    /// What all of them together show within one percent, over the depth outside.
    pub depth_share: f64,
    /// How often each renews its quotes, seconds.
    pub every_s: f64,
    /// At which multiple of the usual volatility a maker leaves.
    pub leaves_at: f64,
    /// The share of its inventory that a maker offsets outside whenever it acts.
    pub hedges: f64,
}

/// Arbitrageurs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArbitrageurPlan {
    /// How many.
    pub count: usize,
    /// Money of each, USD.
    pub equity_usd: f64,
    /// Most notional over equity.
    pub leverage: f64,
    /// The gap between pool and outside from which they trade, as a share of the price.
    pub opens_at: f64,
    /// How often each looks, seconds.
    pub every_s: f64,
}

/// Bidders of portfolio auctions (R10.5).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidderPlan {
    /// How many.
    pub count: usize,
    /// Money of each, USD.
    pub equity_usd: f64,
    /// Most initial margin that each takes over, USD.
    pub capacity_usd: f64,
    /// What it asks, as a share of initial margin.
    pub premium: f64,
    /// At which multiple of the usual volatility it leaves.
    pub leaves_at: f64,
}

/// Publishers whose prices are late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishersPlan {
    /// How many of each asset's sources.
    pub lagging: usize,
    /// By how many seconds.
    pub lag_s: u32,
}

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackerPlan {
    /// Which.
    pub kind: AttackKind,
    /// Money in the pool, USD; as much again may be used outside.
    pub capital_usd: f64,
    /// Which asset, counted from zero.
    pub asset: usize,
    /// When, as a share of the run.
    pub at: f64,
    /// How far prices are to be pushed, as a share; for walls, how far above the market they stand.
    pub push: f64,
    /// How many of the asset's sources say what the attacker wants.
    #[serde(default)]
    pub sources: usize,
}

/// How to attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackKind {
    /// Buys, pushes the price outside, takes out what it seems worth (Mango 2022).
    PumpAndWithdraw,
    /// Two accounts trade with each other away from the market; the winner leaves (dYdX 2023, Hyperliquid 2025).
    SelfTrade,
    /// Sources say a wrong price while the attacker holds the other side.
    OraclePush,
    /// A wall of bids under a leveraged long, pulled at once (POPCAT 2025).
    Wall,
    /// Whoever builds blocks sees orders first and trades around them.
    Sandwich,
}

/// What `seawall tune` is to find.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunePlan {
    /// What may be chosen.
    pub setting: Vec<TuneSetting>,
    /// The figure to make small, by its name in the results.
    pub minimise: String,
    /// The figure that has a limit.
    pub limit: String,
    /// Its tail: the mean of the worst share of the runs (expected shortfall), 0.001 for ES 99.9.
    pub worst_share: f64,
    /// The most that this mean may be.
    pub at_most: f64,
}

/// A setting that may be chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuneSetting {
    /// Its path in the file.
    pub name: String,
    /// From.
    pub low: f64,
    /// To.
    pub high: f64,
}

/// Why an experiment cannot be run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExperimentError {
    /// Not TOML, or not an experiment.
    #[error("{name}: {fault}")]
    Malformed {
        /// Of the file.
        name: String,
        /// What is wrong, with its line if it is known.
        fault: String,
    },
    /// A figure is outside its range.
    #[error("{what}: found {found}, allowed: {allowed}")]
    Range {
        /// Which.
        what: String,
        /// As it is.
        found: String,
        /// As it may be.
        allowed: &'static str,
    },
    /// The core does not list what is described.
    #[error("{0}")]
    Refused(String),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Runs {
    seeds: u64,
    #[serde(default)]
    first: u64,
}

impl Experiment {
    /// Reads an experiment. `name` is the file's, for messages.
    ///
    /// # Errors
    /// [`ExperimentError`] says what is wrong and where.
    pub fn parse(text: &str, name: &str) -> Result<Self, ExperimentError> {
        let malformed = |fault: String| ExperimentError::Malformed { name: name.to_owned(), fault };
        let mut source: toml::Table = text.parse().map_err(|error: toml::de::Error| malformed(error.to_string()))?;
        let taken = |source: &mut toml::Table, key: &str| source.remove(key).unwrap_or(toml::Table::new().into());
        let runs =
            Runs::deserialize(taken(&mut source, "runs")).map_err(|error| malformed(format!("[runs]: {error}")))?;
        let sweep: BTreeMap<String, Vec<f64>> = Deserialize::deserialize(taken(&mut source, "sweep"))
            .map_err(|error: toml::de::Error| malformed(format!("[sweep]: {error}")))?;
        let tune = source.remove("tune").map(TunePlan::deserialize).transpose();
        let tune = tune.map_err(|error| malformed(format!("[tune]: {error}")))?;
        fill_rules(&mut source).map_err(malformed)?;
        in_range("runs.seeds", runs.seeds as f64, 1.0, 1e6, "1 to 1,000,000")?;
        in_range("runs.first", runs.first as f64, 0.0, 1e15, "0 to 10^15")?;
        let title = source.get("title").and_then(toml::Value::as_str).unwrap_or(name).to_owned();
        let cells = combinations(&sweep)?;
        let cell = |settings: Vec<(String, f64)>| {
            let market = market(&source, &settings).map_err(malformed)?;
            market.check()?;
            Ok(Cell { settings, market })
        };
        let cells = cells.into_iter().map(cell).collect::<Result<_, _>>()?;
        Ok(Self { title, cells, seeds: runs.first..runs.first + runs.seeds, tune, source })
    }

    /// The market with these settings in place of the file's.
    ///
    /// # Errors
    /// If a path leads nowhere or the market would contradict itself.
    pub fn with(&self, settings: &[(String, f64)]) -> Result<MarketPlan, ExperimentError> {
        let malformed = |fault: String| ExperimentError::Malformed { name: self.title.clone(), fault };
        let market = market(&self.source, settings).map_err(malformed)?;
        market.check().map(|()| market)
    }
}

/// What `[rules]` does not name is as in the first drill.
pub(crate) fn fill_rules(source: &mut toml::Table) -> Result<(), String> {
    let core = crate::museum::stage::core();
    let mut rules = toml::Table::try_from(core).map_err(|error| error.to_string())?;
    match source.remove("rules") {
        Some(toml::Value::Table(named)) => rules.extend(named),
        Some(other) => return Err(format!("rules: found {}, allowed: a table", other.type_str())),
        None => (),
    }
    source.insert("rules".to_owned(), rules.into());
    Ok(())
}

/// Every combination of the swept values.
fn combinations(sweep: &BTreeMap<String, Vec<f64>>) -> Result<Vec<Vec<(String, f64)>>, ExperimentError> {
    let count = sweep.values().try_fold(1_usize, |count, values| count.checked_mul(values.len()));
    let count = count.unwrap_or(usize::MAX);
    in_range("cells of the sweep", count as f64, 1.0, MOST_CELLS as f64, "1 to 10,000")?;
    let mut cells: Vec<Vec<(String, f64)>> = vec![Vec::new()];
    for (name, values) in sweep {
        let longer = |cell: &Vec<(String, f64)>| {
            let cell = cell.clone();
            values.iter().map(move |value| [cell.clone(), vec![(name.clone(), *value)]].concat()).collect::<Vec<_>>()
        };
        cells = cells.iter().flat_map(longer).collect();
    }
    Ok(cells)
}

fn market(source: &toml::Table, settings: &[(String, f64)]) -> Result<MarketPlan, String> {
    let mut document = toml::Value::Table(source.clone());
    for (path, value) in settings {
        let place = path.split('.').try_fold(&mut document, |at, step| match at {
            toml::Value::Table(table) => table.get_mut(step),
            toml::Value::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            _ => None,
        });
        let Some(place) = place else { return Err(format!("{path}: found no such setting in this experiment")) };
        *place = match place {
            toml::Value::Integer(_) if value.fract() == 0.0 => toml::Value::Integer(*value as i64),
            toml::Value::Integer(_) | toml::Value::Float(_) => toml::Value::Float(*value),
            other => return Err(format!("{path}: found {}, allowed: a number", other.type_str())),
        };
    }
    MarketPlan::deserialize(document).map_err(|error| error.to_string())
}

fn in_range(what: &str, found: f64, low: f64, high: f64, allowed: &'static str) -> Result<(), ExperimentError> {
    if (low..=high).contains(&found) {
        return Ok(());
    }
    Err(ExperimentError::Range { what: what.to_owned(), found: found.to_string(), allowed })
}

const POSITIVE: &str = "above 0, at most 10^12";
const TINY: f64 = 1e-12;
const HUGE: f64 = 1e12;

impl MarketPlan {
    /// How many blocks a run has.
    #[must_use]
    pub fn blocks(&self) -> usize {
        (self.time.hours * 3_600.0 / f64::from(self.time.block_s)).round() as usize
    }

    fn check(&self) -> Result<(), ExperimentError> {
        in_range("time.block_s", f64::from(self.time.block_s), 1.0, 3_600.0, "1 to 3,600")?;
        in_range("time.hours", self.time.hours, TINY, 24.0 * 366.0, "above 0, at most 8,784")?;
        let blocks = self.time.hours * 3_600.0 / f64::from(self.time.block_s);
        in_range("blocks of a run", blocks, 1.0, MOST_BLOCKS, "1 to 172,800")?;
        in_range("assets", self.asset.len() as f64, 1.0, 64.0, "1 to 64")?;
        for asset in &self.asset {
            asset_in_range(asset)?;
        }
        self.outside_in_range()?;
        self.members_in_range()?;
        in_range("capital.fund_usd", self.capital.fund_usd, 0.0, HUGE, "0 to 10^12")?;
        in_range("capital.own_capital_usd", self.capital.own_capital_usd, 0.0, HUGE, "0 to 10^12")?;
        self.prices.check().map_err(|(what, found, allowed)| ExperimentError::Range { what, found, allowed })?;
        for attacker in &self.attacker {
            in_range("attacker.asset", attacker.asset as f64, 0.0, self.asset.len() as f64 - 1.0, "an asset's place")?;
            in_range("attacker.at", attacker.at, 0.0, 1.0, "0 to 1")?;
            in_range("attacker.push", attacker.push, -0.95, 100.0, "-0.95 to 100")?;
            in_range("attacker.capital_usd", attacker.capital_usd, TINY, HUGE, POSITIVE)?;
        }
        in_range("money of all members, USD", self.money_usd(), 0.0, MOST_MONEY_USD, "0 to 10^10")?;
        rules_in_range(&self.rules)?;
        let listed = Stage::just_listed(&self.rules, &self.asset, self.capital);
        listed.map(|_| ()).map_err(ExperimentError::Refused)
    }

    /// What all members come with, about: a lognormal's mean is its median times the exponential of half its variance.
    fn money_usd(&self) -> f64 {
        let MembersPlan { noise, trend, makers, arbitrageurs, bidders } = &self.members;
        let traders =
            [noise, trend].map(|own| own.count as f64 * own.equity_usd * (own.equity_spread.powi(2) / 2.0).exp());
        let others = [
            (makers.count, makers.equity_usd),
            (arbitrageurs.count, arbitrageurs.equity_usd),
            (bidders.count, bidders.equity_usd),
        ];
        let others = others.iter().map(|(count, usd)| *count as f64 * usd);
        traders.into_iter().chain(others).chain(self.attacker.iter().map(|own| own.capital_usd)).sum()
    }

    fn outside_in_range(&self) -> Result<(), ExperimentError> {
        let outside = &self.outside;
        in_range("outside.half_life_s", outside.half_life_s, TINY, HUGE, POSITIVE)?;
        in_range("outside.thins", outside.thins, 0.0, 4.0, "0 to 4")?;
        in_range("outside.least_depth", outside.least_depth, 0.001, 1.0, "0.001 to 1")?;
        in_range("outside.congested_from", outside.congested_from, 0.0, HUGE, "0 to 10^12")?;
        in_range("outside.congestion", outside.congestion, 0.0, 0.99, "0 to 0.99")
    }

    fn members_in_range(&self) -> Result<(), ExperimentError> {
        let MembersPlan { noise, trend, makers, arbitrageurs, bidders } = &self.members;
        let counts = [noise.count, trend.count, makers.count, arbitrageurs.count, bidders.count];
        for count in counts {
            in_range("members of a kind", count as f64, 0.0, MOST_MEMBERS as f64, "0 to 100,000")?;
        }
        in_range("members.makers.count", makers.count as f64, 1.0, 1_000.0, "1 to 1,000")?;
        for (name, plan) in [("noise", noise), ("trend", trend)] {
            let positive = [("equity_usd", plan.equity_usd), ("leverage", plan.leverage), ("every_s", plan.every_s)];
            for (what, found) in positive {
                in_range(&format!("members.{name}.{what}"), found, TINY, HUGE, POSITIVE)?;
            }
            in_range(&format!("members.{name}.long_share"), plan.long_share, 0.0, 1.0, "0 to 1")?;
            in_range(&format!("members.{name}.equity_spread"), plan.equity_spread, 0.0, 4.0, "0 to 4")?;
            in_range(&format!("members.{name}.top_up"), plan.top_up, 0.0, 100.0, "0 to 100")?;
        }
        let positive = [
            ("makers.equity_usd", makers.equity_usd),
            ("makers.every_s", makers.every_s),
            ("makers.depth_share", makers.depth_share),
            ("makers.leaves_at", makers.leaves_at),
            ("arbitrageurs.equity_usd", arbitrageurs.equity_usd),
            ("arbitrageurs.leverage", arbitrageurs.leverage),
            ("arbitrageurs.opens_at", arbitrageurs.opens_at),
            ("arbitrageurs.every_s", arbitrageurs.every_s),
            ("bidders.equity_usd", bidders.equity_usd),
            ("bidders.capacity_usd", bidders.capacity_usd),
            ("bidders.leaves_at", bidders.leaves_at),
        ];
        for (what, found) in positive {
            in_range(&format!("members.{what}"), found, TINY, HUGE, POSITIVE)?;
        }
        in_range("members.makers.hedges", makers.hedges, 0.0, 1.0, "0 to 1")?;
        in_range("members.bidders.premium", bidders.premium, 0.0, 1.0, "0 to 1")
    }
}

pub(crate) fn asset_in_range(asset: &Asset) -> Result<(), ExperimentError> {
    let positive = [
        ("lot_size", asset.lot_size),
        ("price_usd", asset.price_usd),
        ("daily_volatility", asset.daily_volatility),
        ("daily_volume_usd", asset.daily_volume_usd),
        ("depth_usd_1pct", asset.depth_usd_1pct),
    ];
    for (what, found) in positive {
        in_range(&format!("{}: {what}", asset.symbol), found, TINY, HUGE, POSITIVE)?;
    }
    in_range(&format!("{}: half_spread", asset.symbol), asset.half_spread, 0.0, 0.1, "0 to 0.1")?;
    let sources = asset.sources.len() as f64;
    in_range(&format!("{}: sources", asset.symbol), sources, 3.0, 16.0, "3 to 16")?;
    in_range(&format!("{}: characters of its name", asset.symbol), asset.symbol.len() as f64, 1.0, 12.0, "1 to 12")
}

/// The core checks its own settings; these are the bounds inside which it can be asked at all.
pub(crate) fn rules_in_range(rules: &CorePlan) -> Result<(), ExperimentError> {
    let settings = [
        ("stress_z", rules.stress_z, 1.0, 64.0, "1 to 64"),
        ("horizon_s", rules.horizon_s, 1.0, 864_000.0, "1 to 864,000"),
        ("max_horizon_s", rules.max_horizon_s, rules.horizon_s, 8_640_000.0, "horizon_s to 8,640,000"),
        ("participation", rules.participation, 0.000_001, 1.0, "0.000001 to 1"),
        ("maintenance_share", rules.maintenance_share, 0.01, 1.0, "0.01 to 1"),
        ("position_share", rules.position_share, 0.001, 1.0, "0.001 to 1"),
        ("depth_share", rules.depth_share, 0.001, 1.0, "0.001 to 1"),
        ("auction_below", rules.auction_below, 0.0, 1.0, "0 to 1"),
        ("liquidation_fee", rules.liquidation_fee, 0.0, 0.1, "0 to 0.1"),
        ("fee", rules.fee, 0.0, 0.1, "0 to 0.1"),
    ];
    for (name, found, low, high, allowed) in settings {
        in_range(&format!("rules.{name}"), found, low, high, allowed)?;
    }
    Ok(())
}

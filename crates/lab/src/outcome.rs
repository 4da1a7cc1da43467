//! Decides what a run of a drill answers: the figures of `--json`, their spread over several seeds, and the series behind the report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which venue cleared the drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rules {
    /// The clearing core under test.
    Seawall,
    /// The model of a venue of the day.
    Static,
}

impl Rules {
    /// The name used on the command line and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Seawall => "seawall",
            Self::Static => "static",
        }
    }
}

/// The result of one run, field for field the object that `seawall drill run --json` prints. Money is USD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The drill's folder name, for example `october-2025`.
    pub name: String,
    /// Who cleared.
    pub rules: Rules,
    /// Seed of everything drawn.
    pub seed: u64,
    /// Accounts at the start, of every kind.
    pub accounts: u64,
    /// Blocks applied.
    pub blocks: u64,
    /// The index of each symbol, USD.
    pub feeds: BTreeMap<String, Span>,
    /// Times that an account fell below maintenance (R6.3).
    pub breaches: u64,
    /// Accounts liquidated at least once.
    pub liquidated_accounts: u64,
    /// Liquidated although sound at the median of the honest venues, every second from 10 s before to 10 s after.
    pub wrongful_liquidations: u64,
    /// Blocks from a breach to its liquidation, the slowest; 0 is the same block.
    pub liquidation_latency_blocks_max: u64,
    /// Notional sold or taken over by force.
    pub forced_notional_usd: f64,
    /// Portfolio auctions held (R10.5).
    pub portfolio_auctions: u64,
    /// Equity of the funds of all pools together.
    pub fund: Span,
    /// Auto-deleveraging (R12.2).
    pub adl: Adl,
    /// Loss beyond the defaulters' own collateral by the layer that bore it (R12.1), as named in [`LAYERS`].
    pub loss_by_layer: BTreeMap<String, f64>,
    /// Loss beyond the defaulters' own collateral, the pool's own capital and the fund: what others bore.
    pub bad_debt_usd: f64,
    /// Whether the books balanced (R2.4).
    pub conservation: Conservation,
    /// Pools in which any layer beyond the defaulters' own collateral was used.
    pub pools_touched: Vec<String>,
    /// State root after the last block, hexadecimal; empty for a venue without one.
    pub state_root: String,
    /// Wall-clock time of the run. This and `block_ms` differ between two runs of one seed, and nothing else.
    pub elapsed_ms: u64,
    /// Wall-clock time to apply a block, over all blocks of the window; none for a venue without blocks.
    pub block_ms: Option<Percentiles>,
}

/// Percentiles of something measured block by block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// Exceeded by a tenth.
    pub p90: f64,
    /// Exceeded by a hundredth.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Percentiles {
    /// The percentiles of the values, each the smallest value that reaches its share; none of no values.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |percent: usize| values[(values.len() * percent).div_ceil(100).saturating_sub(1).min(last)];
        Some(Self { p50: at(50), p90: at(90), p99: at(99), max: values[last] })
    }
}

/// A figure at the start, at its lowest and at the end of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// At the first block.
    pub start: f64,
    /// At its lowest.
    pub low: f64,
    /// At the last block.
    pub end: f64,
}

impl Span {
    /// The first, the lowest and the last of the finite values; all NaN when there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut finite = values.iter().copied().filter(|value| value.is_finite());
        let Some(start) = finite.next() else {
            return Self { start: f64::NAN, low: f64::NAN, end: f64::NAN };
        };
        finite.fold(Self { start, low: start, end: start }, |span, value| Self {
            low: span.low.min(value),
            end: value,
            ..span
        })
    }
}

/// Auto-deleveraging of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Adl {
    /// Different accounts reduced.
    pub accounts: u64,
    /// Notional closed, USD.
    pub notional_usd: f64,
    /// Taken from winners beyond the deficit it was taken for, USD.
    pub overshoot_usd: f64,
}

/// Checks of the books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conservation {
    /// Blocks after which the books were summed.
    pub blocks_checked: u64,
    /// Blocks after which they did not balance.
    pub violations: u64,
}

/// Layers of the waterfall in the order in which they pay (R12.1): key in `loss_by_layer`, and name for people.
pub const LAYERS: [(&str, &str); 8] = [
    ("own_capital", "Pool's own capital"),
    ("fund", "Fund"),
    ("tranche", "Backstop providers' tranche"),
    ("line", "Line on the shared reserve"),
    ("auto_deleveraging", "Auto-deleveraging"),
    ("gains_haircut", "Haircut of gains"),
    ("wind_down", "Wind-down"),
    ("uncovered", "Nobody paid"),
];

/// Several seeds of one drill, as `--seeds K --json` prints them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    /// One entry a seed.
    pub runs: Vec<Outcome>,
    /// Their spread.
    pub summary: Summary,
}

impl Runs {
    /// The runs together with their spread.
    #[must_use]
    pub fn new(runs: Vec<Outcome>) -> Self {
        let summary = Summary::of(&runs);
        Self { runs, summary }
    }
}

/// The spread of each figure over the seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of runs.
    pub seeds: usize,
    /// Spread by name of the figure, `adl.overshoot_usd` for one inside another.
    pub figures: BTreeMap<String, Spread>,
    /// Seeds that missed a promise of the drill. Promises are made for the rules under test; a static venue misses them by design.
    pub missed: Vec<Missed>,
}

/// Smallest, middle and largest value over the seeds. With an even number of seeds the median is the mean of the middle two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Smallest.
    pub min: f64,
    /// Middle.
    pub median: f64,
    /// Largest.
    pub max: f64,
}

/// A promise that a run did not keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Missed {
    /// Seed of the run.
    pub seed: u64,
    /// Name of the figure.
    pub figure: String,
    /// What it was.
    pub value: f64,
    /// The most that was promised; overshoot must stay below it, the others may reach it.
    pub bound: f64,
}

/// More than the value of one lot of any instrument that a drill lists, USD: what ADL may overshoot by (R12.2).
pub const ONE_LOT_USD: f64 = 1.0;

impl Summary {
    /// The spread of `runs`; no figures when there are none.
    #[must_use]
    pub fn of(runs: &[Outcome]) -> Self {
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, value) in runs.iter().flat_map(figures) {
            values.entry(name.to_owned()).or_default().push(value);
        }
        let figures = values.into_iter().map(|(name, values)| (name, Spread::of(values))).collect();
        Self { seeds: runs.len(), figures, missed: runs.iter().flat_map(missed).collect() }
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
        Self {
            min: values[0],
            median: f64::midpoint(values[low], values[high]),
            max: values.last().copied().unwrap_or(f64::NAN),
        }
    }
}

/// The single numbers of a run by name.
fn figures(run: &Outcome) -> [(&'static str, f64); 17] {
    [
        ("breaches", run.breaches as f64),
        ("liquidated_accounts", run.liquidated_accounts as f64),
        ("wrongful_liquidations", run.wrongful_liquidations as f64),
        ("liquidation_latency_blocks_max", run.liquidation_latency_blocks_max as f64),
        ("forced_notional_usd", run.forced_notional_usd),
        ("portfolio_auctions", run.portfolio_auctions as f64),
        ("fund.start", run.fund.start),
        ("fund.low", run.fund.low),
        ("fund.end", run.fund.end),
        ("adl.accounts", run.adl.accounts as f64),
        ("adl.notional_usd", run.adl.notional_usd),
        ("adl.overshoot_usd", run.adl.overshoot_usd),
        ("bad_debt_usd", run.bad_debt_usd),
        ("conservation.violations", run.conservation.violations as f64),
        ("pools_touched", run.pools_touched.len() as f64),
        ("blocks", run.blocks as f64),
        ("elapsed_ms", run.elapsed_ms as f64),
    ]
}

fn missed(run: &Outcome) -> Vec<Missed> {
    let bounds = [
        ("bad_debt_usd", run.bad_debt_usd, 0.0),
        ("wrongful_liquidations", run.wrongful_liquidations as f64, 0.0),
        ("conservation.violations", run.conservation.violations as f64, 0.0),
        ("liquidation_latency_blocks_max", run.liquidation_latency_blocks_max as f64, 0.0),
        ("adl.overshoot_usd", run.adl.overshoot_usd, ONE_LOT_USD),
    ];
    // NaN keeps no promise, so the comparison asks what holds.
    let holds = |value: f64, bound: f64| if bound > 0.0 { value < bound } else { value <= bound };
    let broken = bounds.into_iter().filter(|(_, value, bound)| !holds(*value, *bound));
    broken.map(|(figure, value, bound)| Missed { seed: run.seed, figure: figure.to_owned(), value, bound }).collect()
}

/// How a run went over time. Feeds the report, not the JSON. Every `Vec<f64>` of this type and of the types inside it is as long as
/// `time_ms`, with NaN where there is no value, or empty when the figure was not recorded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Times of the samples, unix milliseconds UTC, ascending, one a second to one every ten seconds.
    pub time_ms: Vec<i64>,
    /// The cascade, first and last millisecond: what plots zoom into. `None` lets the report look for it.
    pub focus_ms: Option<(i64, i64)>,
    /// One entry a feed.
    pub feeds: Vec<FeedSeries>,
    /// One entry a listed instrument.
    pub instruments: Vec<InstrumentSeries>,
    /// Forced sales by minute.
    pub minutes: Vec<MinuteCounts>,
    /// Equity of the funds of all pools together, USD.
    pub fund_usd: Vec<f64>,
    /// Loss allocated so far by layer (key of [`LAYERS`]), USD, never falling.
    pub layers_usd: Vec<(String, Vec<f64>)>,
    /// Initial margin of all accounts over their gross notional, ppm.
    pub average_initial_margin_ppm: Vec<f64>,
    /// The book's health at a few moments: start, low, end.
    pub equity: Vec<EquitySnapshot>,
    /// Time to apply a block, microseconds: percentiles of the minute before.
    pub block_us: BlockTimes,
    /// The figures of R14, where they were taken.
    pub systemic: Option<SystemicSeries>,
}

/// How far markets were from a cascade, once a minute (R14.1), and what the times of liquidations say of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SystemicSeries {
    /// Times of the samples, unix milliseconds UTC: the first second of each minute.
    pub time_ms: Vec<i64>,
    /// One entry a market.
    pub markets: Vec<SystemicMarket>,
    /// The largest spectral radius of first steps across the markets of a pool.
    pub coupled: Vec<f64>,
    /// The branching ratio of the stream of liquidations, of the whole run and of its busiest quarter of an hour.
    pub streams: Vec<LiquidationStream>,
    /// Spearman's rank correlation, over minutes, of the number of liquidations with the largest branching number at the minute's start,
    /// and with the nearness of the nearest cascade then (the smallest distance, negated); none where either never changes.
    pub agreement: [Option<f64>; 2],
}

/// A market once a minute. As long as the times, NaN where there is no value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SystemicMarket {
    /// Its symbol.
    pub symbol: String,
    /// The largest branching number of a step from the mark.
    pub at_mark: Vec<f64>,
    /// The smallest move with a branching number of one or more, as a share of the price, unsigned; NaN where none was seen.
    pub distance: Vec<f64>,
}

/// What the times of liquidations say: each is one event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiquidationStream {
    /// Which part of the run.
    pub name: String,
    /// Liquidations that began.
    pub events: usize,
    /// The fit of an exponential kernel, where there are enough events.
    pub fit: Option<contagion::hawkes::Fit>,
    /// The branching ratio by counts in windows, where there are enough windows.
    pub by_counts: Option<f64>,
}

/// Percentiles of the time to apply a block, each over the minute before the sample, microseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BlockTimes {
    /// The median.
    pub p50: Vec<f64>,
    /// Exceeded by a tenth.
    pub p90: Vec<f64>,
    /// The largest.
    pub max: Vec<f64>,
}

/// A feed over time. Prices and band edges are USD.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeedSeries {
    /// Symbol of the feed.
    pub symbol: String,
    /// What each publisher said.
    pub publishers: Vec<PublisherSeries>,
    /// The index (R3.2).
    pub index: Vec<f64>,
    /// Index minus confidence.
    pub band_low: Vec<f64>,
    /// Index plus confidence.
    pub band_high: Vec<f64>,
    /// The slow price (R3.5).
    pub slow: Vec<f64>,
    /// Feed state (R3.4) at each sample.
    pub state: Vec<FeedState>,
    /// Maintenance stress (R4), ppm.
    pub maintenance_stress_ppm: Vec<f64>,
    /// Initial stress (R4), ppm.
    pub initial_stress_ppm: Vec<f64>,
}

/// One publisher of one feed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PublisherSeries {
    /// Name of the publisher or venue.
    pub name: String,
    /// Its last price, USD; NaN while it is silent.
    pub price: Vec<f64>,
}

/// Whether a feed can be trusted (R3.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeedState {
    /// Full quorum, narrow band.
    #[default]
    Live,
    /// Quorum lost, band too wide, or a jump not confirmed.
    Degraded,
    /// No usable price.
    Down,
}

/// An instrument over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstrumentSeries {
    /// Symbol of the instrument.
    pub symbol: String,
    /// Open interest, one side, at the index, USD.
    pub open_interest_usd: Vec<f64>,
    /// Steps of its breaker, ascending in time; `Normal` before the first.
    pub breakers: Vec<BreakerStep>,
}

/// A breaker that moved.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerStep {
    /// When, unix milliseconds UTC.
    pub time_ms: i64,
    /// Where it stands from then on.
    pub state: BreakerState,
    /// Why, in a few words.
    pub cause: String,
}

/// The ladder of R13.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerState {
    /// Trading as usual.
    #[default]
    Normal,
    /// Initial rows are wider.
    Cautious,
    /// Only orders that reduce a position.
    ReduceOnly,
    /// Orders are collected and cleared in one call auction.
    CallAuction,
    /// No trading.
    Halted,
    /// The market is being closed for good.
    WindDown,
}

/// Forced sales of one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MinuteCounts {
    /// First millisecond of the minute, unix UTC.
    pub time_ms: i64,
    /// Accounts that entered liquidation.
    pub liquidations: u64,
    /// Notional sold or taken over by force, USD.
    pub forced_notional_usd: f64,
    /// Portfolio auctions held.
    pub portfolio_auctions: u64,
}

/// Edges of the bins of [`EquitySnapshot`]: equity over maintenance margin. Below 0 an account is bankrupt, below 1 in breach.
/// The first bin holds everything below the first edge, the last everything from the last edge on.
pub const EQUITY_EDGES: [f64; 9] = [0.0, 0.5, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0];

/// How many accounts stand how far from breach at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EquitySnapshot {
    /// `start`, `low` or `end`.
    pub label: String,
    /// When, unix milliseconds UTC.
    pub time_ms: i64,
    /// Accounts by bin of [`EQUITY_EDGES`].
    pub accounts: [u64; EQUITY_EDGES.len() + 1],
}

impl EquitySnapshot {
    /// Counts accounts with positions by equity over maintenance margin; NaN is left out.
    #[must_use]
    pub fn count(label: &str, time_ms: i64, ratios: impl IntoIterator<Item = f64>) -> Self {
        let mut snapshot = Self { label: label.to_owned(), time_ms, ..Self::default() };
        for ratio in ratios.into_iter().filter(|ratio| !ratio.is_nan()) {
            snapshot.accounts[EQUITY_EDGES.partition_point(|edge| *edge <= ratio)] += 1;
        }
        snapshot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn sample(seed: u64, bad_debt_usd: f64) -> Outcome {
        Outcome {
            name: "sample".into(),
            rules: Rules::Seawall,
            seed,
            accounts: 10,
            blocks: 60,
            feeds: BTreeMap::from([("BTC".into(), Span { start: 3.0, low: 1.0, end: 2.0 })]),
            breaches: seed,
            liquidated_accounts: 2,
            wrongful_liquidations: 0,
            liquidation_latency_blocks_max: 0,
            forced_notional_usd: 5.0,
            portfolio_auctions: 1,
            fund: Span::default(),
            adl: Adl::default(),
            loss_by_layer: BTreeMap::from([("fund".into(), 1.0)]),
            bad_debt_usd,
            conservation: Conservation { blocks_checked: 60, violations: 0 },
            pools_touched: vec![],
            state_root: "ab".into(),
            elapsed_ms: 7,
            block_ms: None,
        }
    }

    #[test]
    fn the_json_has_exactly_the_promised_fields() {
        let json = serde_json::to_value(sample(1, 0.0)).expect("an outcome is plain data");
        let mut names: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut promised = vec![
            "name",
            "rules",
            "seed",
            "accounts",
            "blocks",
            "feeds",
            "breaches",
            "liquidated_accounts",
            "wrongful_liquidations",
            "liquidation_latency_blocks_max",
            "forced_notional_usd",
            "portfolio_auctions",
            "fund",
            "adl",
            "loss_by_layer",
            "bad_debt_usd",
            "conservation",
            "pools_touched",
            "state_root",
            "elapsed_ms",
            "block_ms",
        ];
        names.sort_unstable();
        promised.sort_unstable();
        assert_eq!(names, promised);
        assert_eq!(json["rules"], "seawall");
        assert_eq!(json["feeds"]["BTC"]["low"], 1.0);
        assert_eq!(serde_json::from_value::<Outcome>(json).expect("reads back"), sample(1, 0.0));
    }

    #[test]
    fn several_seeds_are_summed_up_and_missed_promises_named() {
        let runs = Runs::new(vec![sample(4, 0.0), sample(1, 9.0), sample(2, 0.0), sample(3, f64::NAN)]);
        assert_eq!(runs.summary.figures["breaches"], Spread { min: 1.0, median: 2.5, max: 4.0 });
        let missed: Vec<(u64, &str)> = runs.summary.missed.iter().map(|miss| (miss.seed, &*miss.figure)).collect();
        assert_eq!(missed, [(1, "bad_debt_usd"), (3, "bad_debt_usd")]);
        assert!(Summary::of(&[]).figures.is_empty());
    }

    #[test]
    fn overshoot_must_stay_below_a_lot() {
        let mut run = sample(1, 0.0);
        run.adl.overshoot_usd = 0.99;
        assert_eq!(missed(&run), []);
        run.adl.overshoot_usd = ONE_LOT_USD;
        assert_eq!(missed(&run).len(), 1);
    }

    #[test]
    fn a_span_skips_what_is_missing() {
        assert_eq!(Span::of(&[f64::NAN, 3.0, 1.0, 2.0, f64::NAN]), Span { start: 3.0, low: 1.0, end: 2.0 });
        assert!(Span::of(&[]).low.is_nan());
    }

    #[test]
    fn equity_is_counted_by_distance_from_breach() {
        let snapshot = EquitySnapshot::count("start", 0, [-1.0, 0.0, 0.99, 1.0, 10.0, 1e9, f64::NAN]);
        assert_eq!(snapshot.accounts, [1, 1, 1, 1, 0, 0, 0, 0, 0, 2]);
    }
}

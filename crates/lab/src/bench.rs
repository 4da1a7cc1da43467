//! Decides what the benchmark suite measures, in which order, and what a row of its table says.
//!
//! Every workload goes through the core's public door, [`clearing::Engine::apply`], on a synthetic market that is the same
//! for the same seed: one pool, 64 instruments on four feeds, 32 rows, four positions an account.

mod rules;
mod population;
mod market;
pub mod naive;
mod walk;
mod scan;
mod margin;
mod calm;
mod crash;
mod liquidation;
mod commands;
pub mod auction;
mod storage;
mod memory;
mod growth;

pub use growth::{Growth, plot};
pub use market::{Market, MarketError};
pub use rules::{FEEDS, INSTRUMENTS, POSITIONS};
pub use scan::full_scan;

use crate::block_log::BlockLogError;
use clearing::command::Block;
use clearing::event::Receipt;
use scan::Scan;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Most accounts that a run may ask for: the fund, makers and bidders need their own.
pub const MAX_ACCOUNTS: u32 = clearing::units::MAX_ACCOUNTS as u32 - rules::MEMBERS_BESIDE_TRADERS;

/// How often a single block is measured.
const REPETITIONS: usize = 7;

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The workload that measured it, as `--only` names it.
    pub workload: &'static str,
    /// What was measured.
    pub what: String,
    /// On what.
    pub on: String,
    /// The figure; none where this machine cannot measure it.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// The figure against another of the same run.
    pub ratio: Option<f64>,
    /// What that other is, and which way the ratio goes.
    pub ratio_to: Option<&'static str>,
    /// What was aimed at, on a two-core machine at a million accounts.
    pub target: Option<&'static str>,
    /// Whether the aim was met.
    pub met: Option<bool>,
}

impl Row {
    /// A figure without a ratio and a target.
    fn new(workload: Workload, what: impl Into<String>, on: impl Into<String>, value: f64, unit: &'static str) -> Self {
        let (what, on, value) = (what.into(), on.into(), Some(value));
        Self { workload: workload.name(), what, on, value, unit, ratio: None, ratio_to: None, target: None, met: None }
    }

    fn against(self, ratio: f64, ratio_to: &'static str) -> Self {
        Self { ratio: Some(ratio), ratio_to: Some(ratio_to), ..self }
    }

    fn aiming(self, target: &'static str, met: bool) -> Self {
        Self { target: Some(target), met: Some(met), ..self }
    }
}

/// A part of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// The margin of one account.
    Margin,
    /// Blocks of small price moves.
    Calm,
    /// Eight hours in which every price halves.
    Crash,
    /// Every account evaluated.
    Scan,
    /// One block in which many accounts breach.
    Liquidation,
    /// Orders, cancellations and trades.
    Commands,
    /// One instrument's auction with many orders.
    Auction,
    /// Snapshot, restore and replay.
    Storage,
    /// Resident memory.
    Memory,
}

impl Workload {
    /// Every workload, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::Margin,
        Self::Calm,
        Self::Crash,
        Self::Scan,
        Self::Liquidation,
        Self::Commands,
        Self::Auction,
        Self::Storage,
        Self::Memory,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Margin => "margin",
            Self::Calm => "calm",
            Self::Crash => "crash",
            Self::Scan => "scan",
            Self::Liquidation => "liquidation",
            Self::Commands => "commands",
            Self::Auction => "auction",
            Self::Storage => "storage",
            Self::Memory => "memory",
        }
    }
}

/// How large a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Traders' accounts, 1 to [`MAX_ACCOUNTS`]; an odd number is rounded up, because trades have two sides.
    pub accounts: u32,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Fewer blocks, commands and repetitions; the same workloads.
    pub quick: bool,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is going on.
    pub doing: &'static str,
    /// Steps done.
    pub done: u64,
    /// Steps in all.
    pub of: u64,
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The market could not be set up.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// The recorded run could not be written.
    #[error("block log not written: {0}")]
    Log(#[from] std::io::Error),
    /// The recorded run could not be replayed.
    #[error(transparent)]
    Replay(#[from] BlockLogError),
    /// The replay, or the restored engine, has another root than the original.
    #[error("state root differs after {0}")]
    Root(&'static str),
}

/// What workloads share: the market, built once, and the time of its full scan.
struct Suite<'a> {
    setting: Setting,
    tell: &'a mut dyn FnMut(Progress),
    base: Option<Market>,
    scan: Option<Scan>,
}

impl Suite<'_> {
    fn tell(&mut self, doing: &'static str, done: usize, of: usize) {
        (self.tell)(Progress { doing, done: done as u64, of: of as u64 });
    }

    /// The market with every account of the setting.
    fn base(&mut self) -> Result<&Market, BenchError> {
        if self.base.is_none() {
            let Setting { accounts, seed, .. } = self.setting;
            self.base = Some(Market::build(accounts, seed, &mut |_, _| (), self.tell)?);
        }
        Ok(self.base.as_ref().expect("it was just built"))
    }

    /// The time of a full scan of that market, measured once.
    fn scan(&mut self) -> Result<Scan, BenchError> {
        if let Some(scan) = &self.scan {
            return Ok(scan.clone());
        }
        let quick = self.setting.quick;
        let scan = Scan::measure(self.base()?, quick);
        self.scan = Some(scan.clone());
        Ok(scan)
    }

    /// A market of its own for a workload on fewer accounts, or a copy of the suite's if that is small enough.
    fn market_of_at_most(&mut self, accounts: u32) -> Result<Market, BenchError> {
        if self.setting.accounts <= accounts {
            return self.base().cloned();
        }
        Ok(Market::build(accounts, self.setting.seed, &mut |_, _| (), self.tell)?)
    }

    fn run(&mut self, workload: Workload) -> Result<Vec<Row>, BenchError> {
        match workload {
            Workload::Margin => margin::run(self),
            Workload::Calm => calm::run(self),
            Workload::Crash => crash::run(self),
            Workload::Scan => scan::run(self),
            Workload::Liquidation => liquidation::run(self),
            Workload::Commands => commands::run(self),
            Workload::Auction => auction::run(self),
            Workload::Storage => storage::run(self),
            Workload::Memory => memory::run(self),
        }
    }
}

/// Runs workloads one after the other and answers their rows.
///
/// # Errors
/// If the core refuses what the market is made of, or a replay differs.
pub fn run(setting: Setting, workloads: &[Workload], tell: &mut dyn FnMut(Progress)) -> Result<Vec<Row>, BenchError> {
    let mut suite = Suite { setting, tell, base: None, scan: None };
    let mut rows = Vec::new();
    for workload in workloads {
        rows.extend(suite.run(*workload)?);
    }
    Ok(rows)
}

/// What a call answers, and how long it took.
fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let answer = call();
    (answer, begun.elapsed())
}

/// What a block answers, and the median of how long it takes, each time on a copy of the market.
fn repeated(market: &Market, block: &Block, quick: bool) -> (Receipt, Duration) {
    let once = || {
        let mut copy = market.clone();
        timed(|| copy.apply(block))
    };
    let (receipt, first) = once();
    let others = (1..if quick { 1 } else { REPETITIONS }).map(|_| once().1);
    let times: Vec<Duration> = others.chain([first]).collect();
    (receipt, quantile(&times, 0.5))
}

/// How often one is as long as another.
fn times_as_long(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(1e-12)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The smallest of the times that at least this share of all does not exceed.
fn quantile(times: &[Duration], share: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or_default()
}

/// A count with thousands apart.
fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;

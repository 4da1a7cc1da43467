//! Crashes that have not happened yet: a market of agents around the clearing core, thousands of times.
//!
//! An [`Experiment`] says what the market is, who trades in it, what prices do, and which settings vary. Each run is one cell with one seed:
//! agents wake at their own times ([`agents`]), spot markets outside give way to whoever trades there ([`market`]), and every decision about
//! money is the core's, through [`crate::museum::stage::Stage`]. Runs are independent and share the processors; a seed decides all of one.

mod agents;
mod experiment;
mod figures;
mod market;
mod prices;
mod results;
mod run;
mod summary;
mod tune;

pub use experiment::{Cell, Experiment, ExperimentError, MarketPlan, TunePlan, TuneSetting};
pub(crate) use experiment::{asset_in_range, fill_rules, rules_in_range};
pub use figures::{FIGURES, Figures, place_of};
pub use prices::{Calibration, SourceError};
pub use results::{ResultsError, write_parquet};
pub use summary::{CellSummary, Spread, label_of};
pub use tune::{TuneError, Tuned, tune};

use prices::Generator;
use rayon::prelude::*;
use serde::Serialize;

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Which cell, counted from zero.
    pub cell: usize,
    /// Its seed.
    pub seed: u64,
    /// What it came to.
    pub figures: Figures,
}

/// All runs of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Results {
    /// What the experiment is about.
    pub title: String,
    /// Each cell's swept settings.
    pub cells: Vec<Vec<(String, f64)>>,
    /// Cell after cell, seed after seed.
    pub runs: Vec<Run>,
    /// What prices were calibrated on: the first cell's.
    pub calibration: Calibration,
    /// Agents of a run, and blocks of a run, of the first cell.
    pub agents: usize,
    /// See `agents`.
    pub blocks: usize,
}

impl MarketPlan {
    /// How many agents act in it.
    #[must_use]
    pub fn agents(&self) -> usize {
        let members = &self.members;
        let kinds = [members.noise.count, members.trend.count, members.makers.count, members.arbitrageurs.count];
        kinds.iter().sum::<usize>() + members.bidders.count + self.attacker.len()
    }

    fn has_prices_of(&self, other: &Self) -> bool {
        self.prices == other.prices && self.asset == other.asset && self.time == other.time
    }

    fn generator(&self) -> Result<Generator, SourceError> {
        let assets: Vec<(String, f64)> =
            self.asset.iter().map(|asset| (asset.symbol.clone(), asset.daily_volatility)).collect();
        Generator::new(&self.prices, &assets, f64::from(self.time.block_s))
    }
}

/// Runs every cell with every seed, on every processor; `done` is told after each run.
///
/// # Errors
/// If prices have no source.
pub fn simulate(experiment: &Experiment, done: &(dyn Fn() + Sync)) -> Result<Results, SourceError> {
    let first = &experiment.cells[0].market;
    let calibration = first.generator()?.calibration();
    let mut runs = Vec::new();
    let mut kept: Option<(&MarketPlan, Generator)> = None;
    for (at, cell) in experiment.cells.iter().enumerate() {
        // Most sweeps leave prices as they are: read once.
        let generator = match kept.take() {
            Some((before, generator)) if before.has_prices_of(&cell.market) => generator,
            _ => cell.market.generator()?,
        };
        runs.extend(run_seeds(&cell.market, &generator, at, experiment.seeds.clone(), done));
        kept = Some((&cell.market, generator));
    }
    Ok(Results {
        title: experiment.title.clone(),
        cells: experiment.cells.iter().map(|cell| cell.settings.clone()).collect(),
        runs,
        calibration,
        agents: first.agents(),
        blocks: first.blocks(),
    })
}

fn run_seeds(
    market: &MarketPlan,
    generator: &Generator,
    cell: usize,
    seeds: std::ops::Range<u64>,
    done: &(dyn Fn() + Sync),
) -> Vec<Run> {
    let one = |seed: u64| {
        let figures = run::run(market, generator, seed);
        done();
        Run { cell, seed, figures }
    };
    seeds.into_par_iter().map(one).collect()
}

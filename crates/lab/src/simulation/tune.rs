//! Looks for settings that cost least while a tail stays within its limit.
//!
//! Every choice is run with the same seeds, so that two choices differ by what was chosen and not by luck (common random numbers). The search
//! is Nelder and Mead's simplex (1965) over settings scaled to 0…1; a choice beyond the limit costs more the further it is beyond.

use super::experiment::{Experiment, ExperimentError, TunePlan};
use super::figures::place_of;
use super::{Run, SourceError, run_seeds};
use argmin::core::{CostFunction, Error, Executor};
use argmin::solver::neldermead::NelderMead;
use serde::Serialize;
use std::sync::Mutex;

/// How much a choice that exceeds its limit by all of it costs more, as a multiple of its cost.
const PENALTY: f64 = 10.0;
/// The simplex of the beginning: its first corner, and how far the others are from it, in shares of the ranges.
const CORNER: (f64, f64) = (0.3, 0.4);

/// A choice that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// Settings by path.
    pub settings: Vec<(String, f64)>,
    /// Mean of the figure to make small.
    pub cost: f64,
    /// Mean of the worst share of the figure that has a limit.
    pub tail: f64,
    /// Whether the tail is within the limit.
    pub within: bool,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuned {
    /// The cheapest choice within the limit; none if no choice that was tried is.
    pub best: Option<Choice>,
    /// Everything that was tried, in order.
    pub tried: Vec<Choice>,
    /// How many runs the tail is the mean of, and of how many.
    pub tail_runs: (usize, usize),
}

/// Why a search cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// The experiment has no `[tune]`.
    #[error("the experiment has no [tune]: found nothing to choose")]
    Nothing,
    /// A figure has no such name.
    #[error("tune: found figure \"{0}\", allowed: one of the results' names, see docs/lab.md")]
    Figure(String),
    /// A number of `[tune]` is outside its range.
    #[error("tune.{what}: found {found}, allowed: {allowed}")]
    Range {
        /// Which.
        what: String,
        /// As it is.
        found: f64,
        /// As it may be.
        allowed: &'static str,
    },
    /// A choice makes no market.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// Prices have no source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The search itself failed.
    #[error("the search failed: {0}")]
    Search(String),
}

struct Search<'e> {
    experiment: &'e Experiment,
    plan: &'e TunePlan,
    places: [usize; 2],
    done: &'e (dyn Fn() + Sync),
    tried: Mutex<Vec<Choice>>,
}

/// Searches with at most so many choices; `done` is told after each run.
///
/// # Errors
/// [`TuneError`] says why a search is impossible.
pub fn tune(experiment: &Experiment, choices: u64, done: &(dyn Fn() + Sync)) -> Result<Tuned, TuneError> {
    let plan = experiment.tune.as_ref().ok_or(TuneError::Nothing)?;
    check(plan)?;
    let place = |name: &String| place_of(name).ok_or_else(|| TuneError::Figure(name.clone()));
    let places = [place(&plan.minimise)?, place(&plan.limit)?];
    let search = Search { experiment, plan, places, done, tried: Mutex::new(Vec::new()) };
    // A choice that makes no market ends the search before it begins.
    for end in [0.0, 1.0] {
        experiment.with(&search.settings(&vec![end; plan.setting.len()]))?;
    }
    let corner = vec![CORNER.0; plan.setting.len()];
    let others = (0..plan.setting.len()).map(|at| {
        let mut other = corner.clone();
        other[at] += CORNER.1;
        other
    });
    let simplex: Vec<Vec<f64>> = std::iter::once(corner.clone()).chain(others).collect();
    let first = simplex.len() as u64;
    let solver = NelderMead::new(simplex);
    let failed = |error: Error| TuneError::Search(error.to_string());
    // An iteration tries one or two choices, a shrinking one as many as there are settings: what is over the budget answers without a run.
    let budget = choices.max(first + 1);
    let budgeted = Budgeted { search: &search, budget };
    Executor::new(budgeted, solver).configure(|state| state.max_iters(budget)).run().map_err(failed)?;
    let tried = search.tried.into_inner().expect("nobody panics while holding the lock");
    let within = tried.iter().filter(|choice| choice.within);
    let best = within.min_by(|one, other| one.cost.total_cmp(&other.cost)).cloned();
    let runs = usize::try_from(experiment.seeds.end - experiment.seeds.start).unwrap_or(usize::MAX);
    Ok(Tuned { best, tried, tail_runs: (tail_size(runs, plan.worst_share), runs) })
}

fn check(plan: &TunePlan) -> Result<(), TuneError> {
    let range = |what: &str, found: f64, holds: bool, allowed: &'static str| {
        if holds { Ok(()) } else { Err(TuneError::Range { what: what.to_owned(), found, allowed }) }
    };
    let count = plan.setting.len();
    range("setting", count as f64, (1..=8).contains(&count), "1 to 8 of them")?;
    range("worst_share", plan.worst_share, plan.worst_share > 0.0 && plan.worst_share <= 1.0, "above 0, at most 1")?;
    range("at_most", plan.at_most, plan.at_most.is_finite(), "a finite number")?;
    for setting in &plan.setting {
        let holds = setting.low.is_finite() && setting.high.is_finite() && setting.low < setting.high;
        range(&format!("setting {}: low", setting.name), setting.low, holds, "a finite number below high")?;
    }
    Ok(())
}

/// How many of so many runs are the worst share of them: at least one.
fn tail_size(runs: usize, share: f64) -> usize {
    ((runs as f64 * share).ceil() as usize).clamp(1, runs.max(1))
}

impl Search<'_> {
    fn settings(&self, shares: &[f64]) -> Vec<(String, f64)> {
        let of = |(setting, share): (&super::TuneSetting, &f64)| {
            (setting.name.clone(), setting.low + share.clamp(0.0, 1.0) * (setting.high - setting.low))
        };
        self.plan.setting.iter().zip(shares).map(of).collect()
    }

    fn choice(&self, shares: &[f64]) -> Result<Choice, TuneError> {
        let settings = self.settings(shares);
        let market = self.experiment.with(&settings)?;
        let runs = run_seeds(&market, &market.generator()?, 0, self.experiment.seeds.clone(), self.done);
        let values = |place: usize| runs.iter().map(move |run: &Run| run.figures.values[place]);
        let cost = values(self.places[0]).sum::<f64>() / runs.len() as f64;
        let mut limited: Vec<f64> = values(self.places[1]).collect();
        limited.sort_by(|one, other| other.total_cmp(one));
        let worst = &limited[..tail_size(limited.len(), self.plan.worst_share)];
        let tail = worst.iter().sum::<f64>() / worst.len() as f64;
        Ok(Choice { settings, cost, tail, within: tail <= self.plan.at_most })
    }
}

/// The search with an end.
struct Budgeted<'s, 'e> {
    search: &'s Search<'e>,
    budget: u64,
}

impl CostFunction for Budgeted<'_, '_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, shares: &Vec<f64>) -> Result<f64, Error> {
        let tried = || self.search.tried.lock().expect("nobody panics while holding the lock");
        if tried().len() as u64 >= self.budget {
            return Ok(f64::MAX);
        }
        let choice = self.search.choice(shares).map_err(|error| Error::msg(error.to_string()))?;
        // The simplex may leave the ranges: what is outside costs what the edge costs, and more the further outside.
        let outside: f64 = shares.iter().map(|share| (share - share.clamp(0.0, 1.0)).abs()).sum();
        let scale = self.search.plan.at_most.abs().max(1.0);
        let beyond = ((choice.tail - self.search.plan.at_most) / scale).max(0.0) + outside;
        let cost = choice.cost + (choice.cost.abs() + 1e-9) * PENALTY * beyond;
        tried().push(choice);
        Ok(cost)
    }
}

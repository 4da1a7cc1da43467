//! Looks for settings that cost least while a tail stays within its limit.
//!
//! Every choice is run with the same seeds, so that two choices differ by what was chosen and not by luck (common random numbers). The search
//! is Powell's COBYLA (1994: linear models of the cost and of the limit, without derivatives; crate `cobyla`) over settings scaled to 0…1.

use super::experiment::{Experiment, ExperimentError, TunePlan};
use super::figures::place_of;
use super::{Run, SourceError, run_seeds};
use cobyla::{RhoBeg, StopTols, minimize};
use serde::Serialize;
use std::cell::RefCell;

/// Where the search begins, and how far its first steps go, in shares of the ranges.
const BEGINS: (f64, f64) = (0.5, 0.3);
/// Steps below this share of the ranges are not worth a choice.
const FINEST: f64 = 0.005;

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
}

struct Search<'e> {
    experiment: &'e Experiment,
    plan: &'e TunePlan,
    places: [usize; 2],
    done: &'e (dyn Fn() + Sync),
    tried: RefCell<Vec<(Vec<f64>, Choice)>>,
    failed: RefCell<Option<TuneError>>,
}

/// Searches with about so many choices at most; `done` is told after each run.
///
/// # Errors
/// [`TuneError`] says why a search is impossible.
pub fn tune(experiment: &Experiment, choices: u64, done: &(dyn Fn() + Sync)) -> Result<Tuned, TuneError> {
    let plan = experiment.tune.as_ref().ok_or(TuneError::Nothing)?;
    check(plan)?;
    let place = |name: &String| place_of(name).ok_or_else(|| TuneError::Figure(name.clone()));
    let places = [place(&plan.minimise)?, place(&plan.limit)?];
    let (tried, failed) = (RefCell::default(), RefCell::default());
    let search = Search { experiment, plan, places, done, tried, failed };
    let count = plan.setting.len();
    // A choice that makes no market ends the search before it begins.
    for end in [0.0, 1.0] {
        experiment.with(&search.settings(&vec![end; count]))?;
    }
    let scale = plan.at_most.abs().max(1.0);
    let cost = |shares: &[f64], (): &mut ()| search.look(shares).map_or(f64::MAX, |choice| choice.cost);
    let room =
        |shares: &[f64], (): &mut ()| search.look(shares).map_or(-1.0, |choice| (plan.at_most - choice.tail) / scale);
    let stop = StopTols { xtol_abs: vec![FINEST; count], ..StopTols::default() };
    let most = usize::try_from(choices).unwrap_or(usize::MAX);
    // It stops at its budget or at its finest step: both are answers, the choices that were tried are the result.
    let _ = minimize(
        cost,
        &vec![BEGINS.0; count],
        &vec![(0.0, 1.0); count],
        &[room],
        (),
        most,
        RhoBeg::All(BEGINS.1),
        Some(stop),
    );
    if let Some(error) = search.failed.into_inner() {
        return Err(error);
    }
    let tried: Vec<Choice> = search.tried.into_inner().into_iter().map(|(_, choice)| choice).collect();
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
            (
                setting.name.clone(),
                (setting.low + share * (setting.high - setting.low)).clamp(setting.low, setting.high),
            )
        };
        self.plan.setting.iter().zip(shares).map(of).collect()
    }

    /// The choice at these shares, made once: cost and limit ask for the same.
    fn look(&self, shares: &[f64]) -> Option<Choice> {
        let known = self.tried.borrow().iter().find(|(at, _)| at == shares).map(|(_, choice)| choice.clone());
        if known.is_some() || self.failed.borrow().is_some() {
            return known;
        }
        match self.choice(shares) {
            Ok(choice) => {
                self.tried.borrow_mut().push((shares.to_vec(), choice.clone()));
                Some(choice)
            }
            Err(error) => {
                *self.failed.borrow_mut() = Some(error);
                None
            }
        }
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

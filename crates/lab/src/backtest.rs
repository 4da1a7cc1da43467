//! Margin judged as supervisors judge a clearing house's: does it cover what it says it covers, and what does it cost?
//!
//! Every rule answers, hour by hour, what a long and a short must post for the next hour, from what was known at its beginning. Rules are
//! calibrated on the first half of the data and judged on the second. Seawall's own stress (R4) is the core's: an engine hears the prices
//! and is asked for its margin ([`core_margin`]); nothing of it is written again here.

mod core_margin;
mod coverage;
mod garch;
mod made;
mod rules;
mod score;
mod series;

pub use coverage::{Christoffersen, christoffersen, kupiec};
pub use garch::{Garch, fit as fit_garch};
pub use rules::{RULES, Rule};
pub use score::{Score, Verdict};
pub use series::{BacktestError, Series};

use rayon::prelude::*;
use serde::Serialize;

/// The least hours of a series.
pub const LEAST_HOURS: usize = 2_000;

/// What is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Levels of coverage, as shares: 0.995 covers 99.5 % of hours on each side.
    pub levels: Vec<f64>,
    /// The share of each series that calibrates and is not judged.
    pub train: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { levels: vec![0.99, 0.995, 0.997], train: 0.5 }
    }
}

/// One rule on one series at one level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// The series: an asset, or a portfolio of all.
    pub series: String,
    /// The rule's name.
    pub rule: &'static str,
    /// The level, as a share.
    pub level: f64,
    /// What came out.
    pub score: Score,
}

/// Margin over time on one series, for a plot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Course {
    /// The series.
    pub series: String,
    /// The rule's name.
    pub rule: &'static str,
    /// Hours since the test began, and margin of a long as a share.
    pub points: Vec<(f64, f64)>,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backtest {
    /// Each series with its hours that calibrated and its hours that were judged.
    pub series: Vec<(String, usize, usize)>,
    /// Every rule on every series at every level.
    pub judged: Vec<Judged>,
    /// Margin over time on the first and the last series at the middle level.
    #[serde(skip)]
    pub courses: Vec<Course>,
    /// What a long lost of each of them, for the same plots: hours since the test began, and shares.
    #[serde(skip)]
    pub losses: Vec<(String, Vec<(f64, f64)>)>,
}

impl Backtest {
    /// What one rule came to on each series at a level, in the order of the series.
    #[must_use]
    pub fn of(&self, rule: &str, level: f64) -> Vec<&Judged> {
        self.judged.iter().filter(|judged| judged.rule == rule && judged.level == level).collect()
    }

    /// One rule at one level over all series.
    #[must_use]
    pub fn summary(&self, rule: &str, level: f64) -> Summary {
        let own = self.of(rule, level);
        let sides: Vec<_> = own.iter().flat_map(|judged| &judged.score.sides).collect();
        let count = |verdict: Verdict| sides.iter().filter(|side| side.verdict == verdict).count();
        let mean = |of: fn(&Score) -> f64| own.iter().map(|judged| of(&judged.score)).sum::<f64>() / own.len() as f64;
        let most = |of: &dyn Fn(&Score) -> f64| own.iter().map(|judged| of(&judged.score)).fold(0.0, f64::max);
        Summary {
            coverage: mean(|score| score.coverage),
            fits: count(Verdict::Fits),
            under: count(Verdict::Under),
            over: count(Verdict::Over),
            scattered: sides.iter().filter(|side| side.is_scattered()).count(),
            average: mean(|score| score.average),
            largest_over_margin: sides.iter().map(|side| side.largest_over_margin).fold(0.0, f64::max),
            peak_to_trough: most(&|score| score.peak_to_trough),
            rises: [0, 1, 2].map(|at| most(&|score| score.rises[at])),
        }
    }
}

/// One rule at one level over all series: means of coverage and cost, the worst of everything else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Mean share of hours covered.
    pub coverage: f64,
    /// Sides of series whose exceedances are as many as they should be.
    pub fits: usize,
    /// Sides with too many.
    pub under: usize,
    /// Sides with too few.
    pub over: usize,
    /// Sides whose exceedances do not come in clusters.
    pub scattered: usize,
    /// Mean margin, as a share of notional.
    pub average: f64,
    /// The largest loss over its margin.
    pub largest_over_margin: f64,
    /// The largest margin over the smallest.
    pub peak_to_trough: f64,
    /// The largest rise of margin within 1, 5 and 30 days, as a share.
    pub rises: [f64; 3],
}

/// Judges every rule on every series; `done` is told after each rule of each series.
///
/// # Errors
/// If a series is too short or has prices that the core cannot hold.
pub fn backtest(series: &[Series], settings: &Settings, done: &(dyn Fn() + Sync)) -> Result<Backtest, BacktestError> {
    let jobs: Vec<(&Series, &Rule)> = series.iter().flat_map(|own| RULES.iter().map(move |rule| (own, rule))).collect();
    let found: Vec<(Vec<Judged>, Course)> = jobs
        .into_par_iter()
        .map(|(own, rule)| {
            let judged = judge(own, rule, settings);
            done();
            judged
        })
        .collect::<Result<_, BacktestError>>()?;
    let (judged, courses): (Vec<Vec<Judged>>, Vec<Course>) = found.into_iter().unzip();
    let split = |own: &Series| own.split(settings.train);
    let spans = series.iter().map(|own| (own.name.clone(), split(own), own.returns.len() - split(own))).collect();
    let drawn: Vec<&Series> = series.iter().take(1).chain(series.iter().skip(1).last()).collect();
    let lost = |own: &&Series| {
        let losses =
            own.returns[split(own)..].iter().enumerate().map(|(hour, change)| (hour as f64, (-change).max(0.0)));
        (own.name.clone(), losses.collect())
    };
    let is_drawn = |course: &Course| drawn.iter().any(|own| own.name == course.series);
    Ok(Backtest {
        series: spans,
        judged: judged.into_iter().flatten().collect(),
        courses: courses.into_iter().filter(is_drawn).collect(),
        losses: drawn.iter().map(lost).collect(),
    })
}

/// One rule on one series at every level, and its margin over time at the middle one.
fn judge(series: &Series, rule: &Rule, settings: &Settings) -> Result<(Vec<Judged>, Course), BacktestError> {
    let split = series.split(settings.train);
    let basis = rule.basis(series, split)?;
    let judged = settings.levels.iter().map(|level| {
        let margins = basis.margins(series, split, *level);
        let score = Score::of(&margins[split..], &series.returns[split..], *level);
        Judged { series: series.name.clone(), rule: rule.name, level: *level, score }
    });
    let judged = judged.collect();
    let middle = settings.levels[settings.levels.len() / 2];
    let margins = basis.margins(series, split, middle);
    let points = margins[split..].iter().enumerate().map(|(hour, margin)| (hour as f64, margin[0])).collect();
    Ok((judged, Course { series: series.name.clone(), rule: rule.name, points }))
}

//! The rules that are compared: what each asks of a long and of a short for the next hour.

use super::core_margin::{Which, margins_of_core};
use super::garch::{Garch, fit};
use super::series::{BacktestError, Series};
use statrs::distribution::{ContinuousCDF, Normal};

/// The weight of the old variance in an exponentially weighted one: RiskMetrics (1996) has 0.97 for slower data.
const DECAY: f64 = 0.97;
/// Hours of standardised losses that filtered historical simulation looks back on, and how often it sorts them.
const FILTERED: (usize, usize) = (4_000, 24);
/// A static range looks back on a year and is set each thirty days.
const STATIC: (usize, usize) = (8_760, 720);

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Flat,
    Static,
    Ewma,
    Garch,
    Filtered,
    Core(Which, Scale),
}

/// What decides how many deviations the core's stress covers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    /// The calibrating half: as many as cover the level there.
    Level,
    /// The first drill's setting.
    Drill,
}

/// Every rule, simplest first.
pub const RULES: &[Rule] = &[
    Rule { name: "flat rate", kind: Kind::Flat },
    Rule { name: "static range", kind: Kind::Static },
    Rule { name: "EWMA, normal", kind: Kind::Ewma },
    Rule { name: "GARCH(1,1), normal", kind: Kind::Garch },
    Rule { name: "filtered history", kind: Kind::Filtered },
    Rule { name: "Seawall maintenance", kind: Kind::Core(Which::Maintenance, Scale::Level) },
    Rule { name: "Seawall initial", kind: Kind::Core(Which::Initial, Scale::Level) },
    Rule { name: "Seawall initial, as in the drill", kind: Kind::Core(Which::Initial, Scale::Drill) },
];

/// What a rule has computed before it is told a level.
pub(super) enum Basis {
    Flat,
    Static,
    /// Deviations an hour, each from the hours before it, and whether quantiles are of history or normal.
    Deviations {
        deviations: Vec<f64>,
        filtered: bool,
    },
    /// The core's margins for long and short, as shares.
    Core {
        margins: Vec<[f64; 2]>,
        scale: bool,
    },
}

impl Rule {
    /// Everything that does not depend on the level. Whatever is fitted is fitted on the first `split` hours.
    pub(super) fn basis(&self, series: &Series, split: usize) -> Result<Basis, BacktestError> {
        Ok(match self.kind {
            Kind::Flat => Basis::Flat,
            Kind::Static => Basis::Static,
            Kind::Ewma => Basis::Deviations { deviations: ewma(&series.returns), filtered: false },
            Kind::Filtered => Basis::Deviations { deviations: ewma(&series.returns), filtered: true },
            Kind::Garch => {
                let process: Garch = fit(&series.returns[..split]);
                let variances = process.variances(&series.returns, 168);
                Basis::Deviations { deviations: variances.iter().map(|own| own.sqrt()).collect(), filtered: false }
            }
            Kind::Core(which, scale) => {
                Basis::Core { margins: margins_of_core(series, which, split)?, scale: scale == Scale::Level }
            }
        })
    }
}

/// Each hour's deviation from the hours before it; a week begins it.
fn ewma(returns: &[f64]) -> Vec<f64> {
    let week = &returns[..168.min(returns.len())];
    let mut variance = week.iter().map(|change| change * change).sum::<f64>() / week.len() as f64;
    let next = |change: &f64| {
        let now = variance.sqrt();
        variance = DECAY * variance + (1.0 - DECAY) * change * change;
        now
    };
    returns.iter().map(next).collect()
}

/// The smallest value that at least this share is at or below.
fn quantile(values: impl Iterator<Item = f64>, share: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(at - 1).copied().unwrap_or(0.0)
}

impl Basis {
    /// Margin of a long and of a short for each hour, as shares of notional. What an hour must post depends on hours before it alone.
    pub(super) fn margins(&self, series: &Series, split: usize, level: f64) -> Vec<[f64; 2]> {
        let returns = &series.returns;
        let losses =
            |from: usize, until: usize, side: f64| returns[from..until].iter().map(move |change| -side * change);
        match self {
            Self::Flat => vec![[1.0, -1.0].map(|side| quantile(losses(0, split, side), level)); returns.len()],
            Self::Static => renewed(returns.len(), STATIC.1, |hour| {
                [1.0, -1.0].map(|side| quantile(losses(hour.saturating_sub(STATIC.0), hour, side), level))
            }),
            Self::Deviations { deviations, filtered: false } => {
                let z = Normal::standard().inverse_cdf(level);
                deviations.iter().map(|deviation| [z * deviation; 2]).collect()
            }
            Self::Deviations { deviations, filtered: true } => {
                let standard = |from: usize, until: usize, side: f64| {
                    (from..until).map(move |hour| -side * returns[hour] / deviations[hour].max(1e-9))
                };
                let quantiles = renewed(returns.len(), FILTERED.1, |hour| {
                    [1.0, -1.0].map(|side| quantile(standard(hour.saturating_sub(FILTERED.0), hour, side), level))
                });
                quantiles.iter().zip(deviations).map(|(pair, deviation)| pair.map(|z| z * deviation)).collect()
            }
            Self::Core { margins, scale } => {
                // Margin is linear in z: the z that covers the level in the first half, the larger of both sides.
                let relative = |place: usize, side: f64| {
                    quantile((0..split).map(|hour| -side * returns[hour] / margins[hour][place].max(1e-9)), level)
                };
                let factor = if *scale { relative(0, 1.0).max(relative(1, -1.0)) } else { 1.0 };
                margins.iter().map(|pair| pair.map(|margin| (margin * factor).min(1.0))).collect()
            }
        }
    }
}

/// A value that is set anew each `every` hours from the hours before.
fn renewed(count: usize, every: usize, of: impl Fn(usize) -> [f64; 2]) -> Vec<[f64; 2]> {
    let mut now = [0.0; 2];
    let next = |hour: usize| {
        if hour.is_multiple_of(every) {
            now = of(hour);
        }
        now
    };
    (0..count).map(next).collect()
}

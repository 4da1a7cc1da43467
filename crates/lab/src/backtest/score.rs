//! What a rule's margin is worth: how often and how far it was exceeded, and what it cost.

use super::coverage::{christoffersen, kupiec};
use serde::Serialize;

/// A p-value below this rejects.
const REJECTS: f64 = 0.05;
const DAY: usize = 24;

/// Whether the number of exceedances fits the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As many as should be, to chance.
    Fits,
    /// Too many: the margin covers less than it says.
    Under,
    /// Too few: it covers more than it says.
    Over,
}

/// A side of the market.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Side {
    /// Hours whose loss was more than the margin.
    pub exceeded: usize,
    /// Kupiec's p-value and what it says.
    pub kupiec: f64,
    /// See `kupiec`.
    pub verdict: Verdict,
    /// Christoffersen's p-value of independence: below 0.05 exceedances come in clusters.
    pub independence: f64,
    /// Christoffersen's p-value of conditional coverage.
    pub conditional: f64,
    /// The largest loss over its margin.
    pub largest_over_margin: f64,
    /// The largest loss beyond its margin, as a share of the price.
    pub largest_beyond: f64,
}

impl Side {
    /// Whether exceedances do not come in clusters, to chance.
    #[must_use]
    pub fn is_scattered(&self) -> bool {
        self.independence >= REJECTS
    }
}

/// A rule on a series at a level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Hours judged.
    pub hours: usize,
    /// The share of hours covered, both sides together.
    pub coverage: f64,
    /// Long and short.
    pub sides: [Side; 2],
    /// Mean margin, as a share of notional.
    pub average: f64,
    /// The largest margin over the smallest.
    pub peak_to_trough: f64,
    /// The largest rise of margin within 1, 5 and 30 days, as a share of what it was.
    pub rises: [f64; 3],
}

impl Score {
    /// Judges margins for long and short against the returns that followed.
    pub(super) fn of(margins: &[[f64; 2]], returns: &[f64], level: f64) -> Self {
        assert_eq!(margins.len(), returns.len(), "an hour each");
        let side = |place: usize, sign: f64| {
            let losses: Vec<f64> = returns.iter().map(|change| -sign * change).collect();
            let bad: Vec<bool> = losses.iter().zip(margins).map(|(loss, margin)| *loss > margin[place]).collect();
            let exceeded = bad.iter().filter(|bad| **bad).count();
            let (count, clusters) = (kupiec(bad.len(), exceeded, 1.0 - level), christoffersen(&bad, 1.0 - level));
            let few = (exceeded as f64) < bad.len() as f64 * (1.0 - level);
            let verdict = match count.p < REJECTS {
                false => Verdict::Fits,
                true if few => Verdict::Over,
                true => Verdict::Under,
            };
            let pairs = || losses.iter().zip(margins);
            Side {
                exceeded,
                kupiec: count.p,
                verdict,
                independence: clusters.independence.p,
                conditional: clusters.conditional.p,
                largest_over_margin: pairs().map(|(loss, margin)| loss / margin[place].max(1e-9)).fold(0.0, f64::max),
                largest_beyond: pairs().map(|(loss, margin)| loss - margin[place]).fold(0.0, f64::max),
            }
        };
        let sides = [side(0, 1.0), side(1, -1.0)];
        let both: Vec<f64> = margins.iter().map(|pair| (pair[0] + pair[1]) / 2.0).collect();
        let hours = returns.len();
        let exceeded = (sides[0].exceeded + sides[1].exceeded) as f64;
        let (low, high) = both.iter().fold((f64::MAX, 0.0_f64), |(low, high), own| (low.min(*own), high.max(*own)));
        Self {
            hours,
            coverage: 1.0 - exceeded / (2.0 * hours as f64),
            sides,
            average: both.iter().sum::<f64>() / hours as f64,
            peak_to_trough: high / low.max(1e-9),
            rises: [1, 5, 30].map(|days| largest_rise(&both, days * DAY)),
        }
    }
}

/// The largest rise from an hour to another at most `within` later, as a share.
fn largest_rise(margins: &[f64], within: usize) -> f64 {
    // The lowest margins of the window, increasing, with their hours.
    let mut lows: std::collections::VecDeque<(usize, f64)> = std::collections::VecDeque::new();
    let mut most: f64 = 0.0;
    for (hour, margin) in margins.iter().enumerate() {
        while lows.front().is_some_and(|(at, _)| at + within < hour) {
            lows.pop_front();
        }
        while lows.back().is_some_and(|(_, low)| low >= margin) {
            lows.pop_back();
        }
        lows.push_back((hour, *margin));
        let low = lows.front().map_or(*margin, |(_, low)| *low);
        most = most.max(margin / low.max(1e-9) - 1.0);
    }
    most
}

//! GARCH(1,1) by maximum likelihood. Source: Bollerslev (1986), "Generalized autoregressive conditional heteroskedasticity".

use cobyla::{RhoBeg, StopTols, minimize};
use serde::Serialize;

/// r = μ + e, e ~ N(0, h), h' = ω + α e² + β h.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Garch {
    /// Mean return.
    pub mu: f64,
    /// Constant part of the variance, > 0.
    pub omega: f64,
    /// Weight of the last square, ≥ 0.
    pub alpha: f64,
    /// Weight of the last variance, ≥ 0; α + β < 1.
    pub beta: f64,
}

impl Garch {
    /// The variance forecast for each return from those before it. What came before the first stands at the mean square of `start` returns, as
    /// Fiorentini, Calzolari and Panattoni (1996) begin it.
    #[must_use]
    pub fn variances(&self, returns: &[f64], start: usize) -> Vec<f64> {
        let first = &returns[..start.clamp(1, returns.len())];
        let before = first.iter().map(|change| (change - self.mu).powi(2)).sum::<f64>() / first.len() as f64;
        let mut variance = self.omega + (self.alpha + self.beta) * before;
        let next = |change: &f64| {
            let now = variance;
            variance = self.omega + self.alpha * (change - self.mu).powi(2) + self.beta * variance;
            now
        };
        returns.iter().map(next).collect()
    }
}

/// The process of highest likelihood. Returns are scaled to a deviation of one while it searches.
///
/// # Panics
/// If there are no returns.
#[must_use]
pub fn fit(returns: &[f64]) -> Garch {
    assert!(!returns.is_empty(), "a fit needs returns");
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let scale = (returns.iter().map(|change| (change - mean).powi(2)).sum::<f64>() / count).sqrt().max(1e-12);
    let scaled: Vec<f64> = returns.iter().map(|change| change / scale).collect();
    // (μ, ln ω, persistence α + β, α's share of it): α ≥ 0, β ≥ 0 and α + β < 1 are bounds.
    let of = |x: &[f64]| Garch { mu: x[0], omega: x[1].exp(), alpha: x[2] * x[3], beta: x[2] * (1.0 - x[3]) };
    let cost = |x: &[f64], (): &mut ()| {
        let process = of(x);
        let variances = process.variances(&scaled, scaled.len());
        let terms = scaled.iter().zip(&variances).map(|(change, variance)| {
            0.5 * (variance.max(1e-12).ln() + (change - process.mu).powi(2) / variance.max(1e-12))
        });
        terms.sum::<f64>() / count
    };
    let bounds = [(-1.0, 1.0), (-14.0, 1.0), (0.3, 0.999_9), (0.001, 0.9)];
    let none: [&dyn cobyla::Func<()>; 0] = [];
    let stop = StopTols { ftol_rel: 1e-12, xtol_abs: vec![1e-7; 4], ..StopTols::default() };
    let search = |start: &[f64], step: f64| {
        let found = minimize(cost, start, &bounds, &none, (), 6_000, RhoBeg::All(step), Some(stop.clone()));
        found.map_or_else(|(_, x, value)| (x, value), |(_, x, value)| (x, value))
    };
    let starts = [(0.95, 0.15), (0.99, 0.05), (0.8, 0.3)];
    let tried = starts.map(|(persistence, share): (f64, f64)| {
        search(&[mean / scale, (1.0 - persistence).ln(), persistence, share], 0.1)
    });
    let (mut best, mut least) =
        tried.into_iter().min_by(|one, other| one.1.total_cmp(&other.1)).expect("there are starts");
    // The likelihood is a narrow valley: a search that has stopped in it goes on when it is begun again.
    for _ in 0..20 {
        let (x, value) = search(&best, 0.02);
        let gained = least - value;
        if gained > 0.0 {
            (best, least) = (x, value);
        }
        if gained < 1e-11 {
            break;
        }
    }
    let found = of(&best);
    Garch { mu: found.mu * scale, omega: found.omega * scale * scale, ..found }
}

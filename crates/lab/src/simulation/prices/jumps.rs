//! Jump-diffusion with stochastic volatility, one variance and one stream of jumps for the whole market.
//!
//! Source of the model: Bates (1996), "Jumps and stochastic volatility". Calibrated by moments on returns: what lies beyond four
//! local deviations is a jump; the mean reversion and the spread of variance follow from the variance of hours.

use super::history::{History, deviation};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// A return beyond so many usual ones is a jump.
const JUMP: f64 = 4.0;
/// Variance is looked at in windows of so many returns.
const WINDOW: usize = 30;

/// The model, in steps of the history that it was calibrated on.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulation) struct Jumps {
    /// For each asset, the deviation of returns without jumps.
    pub deviation: Vec<f64>,
    /// Correlation between any two assets.
    pub correlation: f64,
    /// The share of its distance to the mean that variance closes in a step.
    pub reversion: f64,
    /// Standard deviation of the variance around its mean of one, in the long run.
    pub spread: f64,
    /// Jumps a step, for the whole market.
    pub jumps: f64,
    /// For each asset, mean and standard deviation of its log-move in a jump.
    pub size: Vec<(f64, f64)>,
}

impl Jumps {
    /// The model of a history.
    pub(super) fn of(history: &History) -> Self {
        let factor = history.factor();
        let usual = super::history::deviation(&factor);
        let is_jump: Vec<bool> = factor.iter().map(|value| value.abs() > JUMP * usual).collect();
        let pick = |own: &Vec<f64>, jumped: bool| -> Vec<f64> {
            own.iter().zip(&is_jump).filter(|(_, is)| **is == jumped).map(|(change, _)| *change).collect()
        };
        let count = is_jump.iter().filter(|is| **is).count();
        let size = |own: &Vec<f64>| {
            let moves = pick(own, true);
            let mean = moves.iter().sum::<f64>() / moves.len().max(1) as f64;
            let centred: Vec<f64> = moves.iter().map(|change| change - mean).collect();
            (mean, deviation(&centred))
        };
        let calm = pick(&factor, false);
        let (reversion, spread) = variance_of_variance(&calm);
        Self {
            deviation: history.returns.iter().map(|own| deviation(&pick(own, false))).collect(),
            correlation: history.correlation(),
            reversion,
            spread,
            jumps: count as f64 / history.count() as f64,
            size: history.returns.iter().map(size).collect(),
        }
    }

    pub(super) fn figures(&self) -> Vec<(String, f64)> {
        vec![
            ("correlation".to_owned(), self.correlation),
            ("jumps a step".to_owned(), self.jumps),
            ("mean jump of the first asset".to_owned(), self.size.first().map_or(0.0, |size| size.0)),
            ("reversion of variance a step".to_owned(), self.reversion),
            ("deviation of variance around 1".to_owned(), self.spread),
        ]
    }

    /// Returns of each asset, at a step that is `scale` steps of the history.
    pub(super) fn draw(&self, scale: f64, steps: usize, random: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
        let mut drawn = vec![Vec::with_capacity(steps); self.deviation.len()];
        let reversion = (self.reversion * scale).min(1.0);
        // A square-root process whose variance in the long run is spread²: ξ² = 2 κ spread².
        let noise = (2.0 * reversion).sqrt() * self.spread;
        let (shared, own_part) = (self.correlation.sqrt(), (1.0 - self.correlation).sqrt());
        let mut variance: f64 = 1.0;
        let normal = |random: &mut ChaCha8Rng| Distribution::<f64>::sample(&StandardNormal, random);
        for _ in 0..steps {
            let market = normal(random);
            let jumped = random.random::<f64>() < self.jumps * scale;
            for ((own, deviation), (mean, width)) in drawn.iter_mut().zip(&self.deviation).zip(&self.size) {
                let moved = deviation * (variance * scale).sqrt() * (shared * market + own_part * normal(random));
                own.push(if jumped { moved + mean + width * normal(random) } else { moved });
            }
            variance += reversion * (1.0 - variance) + noise * variance.sqrt() * normal(random);
            variance = variance.max(0.01);
        }
        drawn
    }
}

/// How fast variance comes back to its mean in a step, and how far from it it is usually: from the variance of windows and its
/// correlation with the next window's.
fn variance_of_variance(factor: &[f64]) -> (f64, f64) {
    let whole = deviation(factor).powi(2).max(1e-12);
    let windows: Vec<f64> = factor.chunks_exact(WINDOW).map(|window| deviation(window).powi(2) / whole - 1.0).collect();
    if windows.len() < 4 {
        return (1.0, 0.0);
    }
    let variance = deviation(&windows).powi(2);
    let products: Vec<f64> = windows.windows(2).map(|pair| pair[0] * pair[1]).collect();
    let covariance = products.iter().sum::<f64>() / products.len() as f64;
    let correlation = (covariance / variance.max(1e-12)).clamp(0.01, 0.99);
    // Sampling alone makes the variance of a window of n normal returns vary by 2/n.
    let spread = (variance - 2.0 / WINDOW as f64).max(0.0).sqrt().min(3.0);
    (1.0 - correlation.powf(1.0 / WINDOW as f64), spread)
}

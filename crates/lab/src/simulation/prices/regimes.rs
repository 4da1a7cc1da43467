//! A calm and a stressed regime that alternate at random, each with its own volatility.
//!
//! Source: Hamilton (1989), "A new approach to the economic analysis of nonstationary time series"; fitted to the market's common factor by
//! expectation and maximisation (Baum and others 1970).

use super::history::{History, deviation};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Rounds of the fit.
const ROUNDS: usize = 60;

/// The model, in steps of the history that it was fitted to.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulation) struct Regimes {
    /// For each asset, the deviation of returns in calm and in stress.
    pub deviation: Vec<[f64; 2]>,
    /// Correlation between any two assets in calm and in stress.
    pub correlation: [f64; 2],
    /// The chance to stay in calm and in stress for another step.
    pub stays: [f64; 2],
}

impl Regimes {
    /// The model of a history.
    pub(super) fn of(history: &History) -> Self {
        let factor = history.factor();
        let (weights, stays) = fit(&factor);
        let weighted = |values: &dyn Fn(usize) -> f64, state: usize| {
            let sum: f64 = weights.iter().enumerate().map(|(step, weight)| weight[state] * values(step).powi(2)).sum();
            (sum / weights.iter().map(|weight| weight[state]).sum::<f64>().max(1e-12)).sqrt()
        };
        let deviation: Vec<[f64; 2]> =
            history.returns.iter().map(|own| [0, 1].map(|state| weighted(&|step| own[step], state))).collect();
        let count = history.returns.len() as f64;
        let correlation = [0, 1].map(|state| {
            if count < 2.0 {
                return 1.0;
            }
            let scaled = |step: usize| {
                let sum: f64 = history
                    .returns
                    .iter()
                    .zip(&deviation)
                    .map(|(own, own_deviation)| own[step] / own_deviation[state].max(1e-12))
                    .sum();
                sum / count
            };
            ((weighted(&scaled, state).powi(2) * count - 1.0) / (count - 1.0)).clamp(0.0, 1.0)
        });
        Self { deviation, correlation, stays }
    }

    pub(super) fn figures(&self) -> Vec<(String, f64)> {
        let first = self.deviation.first().copied().unwrap_or_default();
        vec![
            ("stress over calm volatility, first asset".to_owned(), first[1] / first[0].max(1e-12)),
            ("correlation in calm".to_owned(), self.correlation[0]),
            ("correlation in stress".to_owned(), self.correlation[1]),
            ("mean steps in calm".to_owned(), 1.0 / (1.0 - self.stays[0])),
            ("mean steps in stress".to_owned(), 1.0 / (1.0 - self.stays[1])),
        ]
    }

    /// Returns of each asset, at a step that is `scale` steps of the history.
    pub(super) fn draw(&self, scale: f64, steps: usize, random: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
        let mut drawn = vec![Vec::with_capacity(steps); self.deviation.len()];
        let leaves = self.stays.map(|stays| ((1.0 - stays) * scale).min(1.0));
        let mut state = usize::from(random.random::<f64>() < leaves[0] / (leaves[0] + leaves[1]));
        let normal = |random: &mut ChaCha8Rng| Distribution::<f64>::sample(&StandardNormal, random);
        for _ in 0..steps {
            let market = normal(random);
            let (shared, own_part) = (self.correlation[state].sqrt(), (1.0 - self.correlation[state]).sqrt());
            for (own, deviation) in drawn.iter_mut().zip(&self.deviation) {
                own.push(deviation[state] * scale.sqrt() * (shared * market + own_part * normal(random)));
            }
            if random.random::<f64>() < leaves[state] {
                state = 1 - state;
            }
        }
        drawn
    }
}

/// The chance of each regime at every step, and the chance to stay in each: a hidden chain of two zero-mean normals.
fn fit(factor: &[f64]) -> (Vec<[f64; 2]>, [f64; 2]) {
    let usual = deviation(factor).max(1e-12);
    let (mut widths, mut stays) = ([0.6 * usual, 2.5 * usual], [0.99, 0.95]);
    let mut chances = vec![[0.5, 0.5]; factor.len()];
    for _ in 0..ROUNDS {
        let stayed = expect(factor, widths, stays, &mut chances);
        for state in [0, 1] {
            let weight: f64 = chances.iter().map(|chance| chance[state]).sum::<f64>().max(1e-9);
            let square: f64 = chances.iter().zip(factor).map(|(chance, value)| chance[state] * value * value).sum();
            widths[state] = (square / weight).sqrt().max(1e-9 * usual);
            stays[state] = (stayed[state] / weight).clamp(0.5, 0.999_99);
        }
    }
    if widths[0] > widths[1] {
        chances.iter_mut().for_each(|chance| chance.reverse());
        stays.reverse();
    }
    (chances, stays)
}

/// Forward and backward over the chain: fills the chances, answers the expected number of times that each regime stayed.
fn expect(factor: &[f64], widths: [f64; 2], stays: [f64; 2], chances: &mut [[f64; 2]]) -> [f64; 2] {
    let density = |value: f64| widths.map(|width| (-0.5 * (value / width).powi(2)).exp() / width + 1e-300);
    let step = |from: [f64; 2]| {
        [from[0] * stays[0] + from[1] * (1.0 - stays[1]), from[0] * (1.0 - stays[0]) + from[1] * stays[1]]
    };
    let normal = |pair: [f64; 2]| pair.map(|part| part / (pair[0] + pair[1]));
    let mut forward = Vec::with_capacity(factor.len());
    let mut now = [0.5, 0.5];
    for value in factor {
        let (before, seen) = (step(now), density(*value));
        now = normal([before[0] * seen[0], before[1] * seen[1]]);
        forward.push(now);
    }
    let (mut behind, mut stayed) = ([1.0, 1.0], [0.0, 0.0]);
    for at in (0..factor.len()).rev() {
        chances[at] = normal([forward[at][0] * behind[0], forward[at][1] * behind[1]]);
        if at == 0 {
            break;
        }
        let seen = density(factor[at]);
        let ahead = [seen[0] * behind[0], seen[1] * behind[1]];
        let before = forward[at - 1];
        let pairs = [
            [before[0] * stays[0] * ahead[0], before[0] * (1.0 - stays[0]) * ahead[1]],
            [before[1] * (1.0 - stays[1]) * ahead[0], before[1] * stays[1] * ahead[1]],
        ];
        let all: f64 = pairs.iter().flatten().sum();
        stayed = [stayed[0] + pairs[0][0] / all, stayed[1] + pairs[1][1] / all];
        behind = normal([
            stays[0] * ahead[0] + (1.0 - stays[0]) * ahead[1],
            (1.0 - stays[1]) * ahead[0] + stays[1] * ahead[1],
        ]);
    }
    stayed
}

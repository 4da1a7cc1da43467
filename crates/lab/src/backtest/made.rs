//! Prices that are made, for a machine without the data folder and for tests: their volatility is known.

use super::series::{BacktestError, Series};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StudentT};
use std::collections::BTreeMap;

/// Three years of hours.
const HOURS: usize = 26_280;
/// 1 January 2020, unix milliseconds: any hour would do.
const BEGINS_MS: i64 = 1_577_836_800_000;
const HOUR_MS: i64 = 3_600_000;
/// Long-run deviation an hour of each coin: a large one, a middling one, a wild one.
const COINS: [(&str, f64); 3] = [("made large", 0.006), ("made middling", 0.009), ("made wild", 0.014)];
/// GARCH(1,1): weights of the last square and of the last variance, as hourly coins have them; they are near one together.
const WEIGHTS: (f64, f64) = (0.08, 0.90);
/// Degrees of freedom of Student's t: tails about as fat as the coins' after their volatility is taken out.
const FREEDOM: f64 = 4.0;
/// The share of a coin's shock that all have in common, as a correlation.
const COMMON: f64 = 0.6;

impl Series {
    /// Three coins whose volatility comes in clusters (GARCH(1,1) with Student's t), and a portfolio of them.
    ///
    /// # Errors
    /// None that a seed can cause.
    pub fn made(seed: u64) -> Result<Vec<Self>, BacktestError> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let student = StudentT::new(FREEDOM).expect("degrees of freedom are above zero");
        // Student's t has the variance ν ⁄ (ν − 2).
        let unit = (FREEDOM / (FREEDOM - 2.0)).sqrt();
        let mut shock = || student.sample(&mut random) / unit;
        let mut variances = COINS.map(|(_, deviation)| deviation * deviation);
        let mut prices = COINS.map(|_| 100.0_f64);
        let mut paths = COINS.map(|_| BTreeMap::new());
        for hour in 0..HOURS {
            let time = BEGINS_MS + HOUR_MS * i64::try_from(hour).expect("three years are few hours");
            let common = shock();
            for (at, (_, deviation)) in COINS.iter().enumerate() {
                paths[at].insert(time, prices[at]);
                let change = variances[at].sqrt() * (COMMON.sqrt() * common + (1.0 - COMMON).sqrt() * shock());
                prices[at] *= change.exp();
                let (square, last) = WEIGHTS;
                variances[at] =
                    (1.0 - square - last) * deviation * deviation + square * change * change + last * variances[at];
            }
        }
        let mut series: Vec<Self> = COINS
            .iter()
            .zip(&paths)
            .map(|((name, _), path)| Self::of(name, &[path], &[1.0]))
            .collect::<Result<_, _>>()?;
        let legs: Vec<&BTreeMap<i64, f64>> = paths.iter().collect();
        series.push(Self::of("two against one", &legs, &[0.5, -0.25, 0.25])?);
        Ok(series)
    }
}

//! Where prices come from: history drawn again in blocks, or a model calibrated on it; then made worse than history on purpose.
//!
//! A generator answers log-moves of every asset at every block of a run, jointly, so that assets that fall together in history fall together
//! here.

mod bootstrap;
mod history;
mod jumps;
mod regimes;

pub use history::SourceError;

use history::History;
use jumps::Jumps;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use regimes::Regimes;
use serde::{Deserialize, Serialize};

/// Where prices come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PricePlan {
    /// How they are made.
    pub kind: Kind,
    /// From what: `october-2025`, the recording inside the program, or DATASET/VENUE/STEP of the data folder, `luna2022/okx_perp/5m`.
    pub source: String,
    /// Mean length of the blocks that are drawn from history, seconds.
    #[serde(default = "ten_minutes")]
    pub mean_block_s: f64,
    /// Every log-move is multiplied by this: 1 is history.
    #[serde(default = "one")]
    pub worse: f64,
    /// A fall on top.
    #[serde(default)]
    pub shock: Option<Shock>,
}

/// How prices are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Stationary block bootstrap of all assets together (Politis and Romano 1994).
    Bootstrap,
    /// Jump-diffusion with stochastic volatility (Bates 1996), calibrated on the source.
    Jumps,
    /// A calm and a stressed regime that alternate (Hamilton 1989), calibrated on the source.
    Regimes,
}

/// A fall on top of what the generator makes: the first asset falls by `fall`, the others by as much more as they are more volatile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shock {
    /// When it begins, as a share of the run.
    pub at: f64,
    /// How far the first asset falls, as a share, below one.
    pub fall: f64,
    /// In how many seconds.
    pub over_s: f64,
    /// The part of it that comes back, in three times as long.
    pub back: f64,
}

fn ten_minutes() -> f64 {
    600.0
}

fn one() -> f64 {
    1.0
}

/// An asset's largest log-move in a run, either way: beyond a factor of a million nothing is a price any more.
const FURTHEST: f64 = 13.8;

impl PricePlan {
    pub(super) fn check(&self) -> Result<(), (String, String, &'static str)> {
        let check = |what: &str, found: f64, low: f64, high: f64, allowed: &'static str| {
            if (low..=high).contains(&found) {
                Ok(())
            } else {
                Err((format!("prices.{what}"), found.to_string(), allowed))
            }
        };
        check("mean_block_s", self.mean_block_s, 1.0, 1e7, "1 to 10^7")?;
        check("worse", self.worse, 0.0, 10.0, "0 to 10")?;
        let Some(shock) = &self.shock else { return Ok(()) };
        check("shock.at", shock.at, 0.0, 1.0, "0 to 1")?;
        check("shock.fall", shock.fall, 0.0, 0.95, "0 to 0.95")?;
        check("shock.over_s", shock.over_s, 1.0, 1e7, "1 to 10^7")?;
        check("shock.back", shock.back, 0.0, 1.0, "0 to 1")
    }
}

/// A generator with what it was calibrated on.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    plan: PricePlan,
    history: History,
    model: Model,
    /// Each asset's volatility over the first one's.
    beta: Vec<f64>,
    step_s: f64,
}

#[derive(Debug, Clone)]
enum Model {
    Bootstrap,
    Jumps(Jumps),
    Regimes(Regimes),
}

/// What a model was found to be, for the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Of what.
    pub source: String,
    /// How many joint returns, and how long each is in seconds.
    pub returns: usize,
    /// See `returns`.
    pub step_s: f64,
    /// Each asset with its standard deviation a day, as a share.
    pub daily_volatility: Vec<(String, f64)>,
    /// The largest fall within an hour of any asset in the source, as a share.
    pub largest_hourly_fall: f64,
    /// The model's own figures by name.
    pub figures: Vec<(String, f64)>,
}

impl Generator {
    /// Reads and calibrates.
    ///
    /// # Errors
    /// If the source is missing or has not every asset.
    pub(super) fn new(plan: &PricePlan, assets: &[(String, f64)], step_s: f64) -> Result<Self, SourceError> {
        let symbols: Vec<String> = assets.iter().map(|(symbol, _)| symbol.clone()).collect();
        let history = History::read(&plan.source, &symbols, step_s)?;
        let model = match plan.kind {
            Kind::Bootstrap => Model::Bootstrap,
            Kind::Jumps => Model::Jumps(Jumps::of(&history)),
            Kind::Regimes => Model::Regimes(Regimes::of(&history)),
        };
        let first = assets.first().map_or(1.0, |(_, volatility)| *volatility);
        let beta = assets.iter().map(|(_, volatility)| volatility / first).collect();
        Ok(Self { plan: plan.clone(), history, model, beta, step_s })
    }

    /// What it was calibrated on, and what came out.
    pub(super) fn calibration(&self) -> Calibration {
        let steps_a_day = 86_400.0 / self.history.step_s;
        let volatility = |at: usize| history::deviation(&self.history.returns[at]) * steps_a_day.sqrt();
        Calibration {
            source: self.plan.source.clone(),
            returns: self.history.count(),
            step_s: self.history.step_s,
            daily_volatility: self.history.symbols.iter().cloned().zip((0..).map(volatility)).collect(),
            largest_hourly_fall: self.history.largest_hourly_fall(),
            figures: match &self.model {
                Model::Bootstrap => vec![("mean block, s".to_owned(), self.plan.mean_block_s)],
                Model::Jumps(jumps) => jumps.figures(),
                Model::Regimes(regimes) => regimes.figures(),
            },
        }
    }

    /// Log-moves from the start: for each asset, one for each block, the first of them zero. The same seed gives the same path.
    pub(super) fn path(&self, blocks: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let steps = blocks + 1;
        let returns = match &self.model {
            Model::Bootstrap => bootstrap::draw(&self.history, self.plan.mean_block_s, self.step_s, steps, &mut random),
            Model::Jumps(jumps) => jumps.draw(self.step_s / self.history.step_s, steps, &mut random),
            Model::Regimes(regimes) => regimes.draw(self.step_s / self.history.step_s, steps, &mut random),
        };
        let paths = returns.iter().zip(&self.beta).map(|(returns, beta)| {
            let mut at = 0.0;
            let moved = returns.iter().enumerate().map(|(step, change)| {
                let here = at + self.shock(step, steps, *beta);
                at += change * self.plan.worse;
                here.clamp(-FURTHEST, FURTHEST)
            });
            moved.collect()
        });
        paths.collect()
    }

    /// How far the shock has brought an asset by a step, in logarithms.
    fn shock(&self, step: usize, steps: usize, beta: f64) -> f64 {
        let Some(shock) = &self.plan.shock else { return 0.0 };
        let since = step as f64 * self.step_s - shock.at * steps as f64 * self.step_s;
        let fallen = (since / shock.over_s).clamp(0.0, 1.0);
        let back = ((since - shock.over_s) / (3.0 * shock.over_s)).clamp(0.0, 1.0) * shock.back;
        // Nothing falls by more than 95 percent.
        ((1.0 - shock.fall).ln() * beta).max(0.05_f64.ln()) * (fallen - back)
    }
}

#[cfg(test)]
mod tests;

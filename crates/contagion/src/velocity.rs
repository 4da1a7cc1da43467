//! How fast a cascade grows: the growth equation of R14.1.
//!
//! A sale answers a move after a reaction time with density g. Sales then grow as e^{ρt}, where n·∫ g(u) e^{−ρu} du = 1 (Euler and
//! Lotka; Lotka, A. J. (1939)). Here g is a few delays with weights; Seawall's own is one block, whatever the length of that: the block
//! in which a price makes an account breach is the block in which it sells (R9.1). Then ρ = ln n ⁄ τ, and sales double every τ·ln 2 ⁄ ln n.

use crate::error::MethodError;
use serde::Serialize;

/// How a cascade goes on once it has begun. Times are seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Velocity {
    /// ρ, a second; negative where a shock dies out.
    pub growth: f64,
    /// Until sales have doubled; none where they do not grow.
    pub doubling_s: Option<f64>,
    /// Until a tenth of the system's equity has been sold by force; none if that does not happen.
    pub tenth_of_equity_s: Option<f64>,
    /// Until half of it has.
    pub half_of_equity_s: Option<f64>,
}

/// Reactions after delays (seconds, > 0) with weights (≥ 0, their sum > 0), used as shares.
#[derive(Clone, Debug, PartialEq)]
pub struct Reaction(Vec<(f64, f64)>);

impl Reaction {
    /// All reactions after one delay.
    ///
    /// # Errors
    /// [`MethodError::Value`] where the delay is not finite and above zero.
    pub fn after(delay_s: f64) -> Result<Self, MethodError> {
        Self::spread(vec![(delay_s, 1.0)])
    }

    /// Reactions after several delays.
    ///
    /// # Errors
    /// [`MethodError`] where there is none, or a delay or weight is outside its range.
    pub fn spread(delays: Vec<(f64, f64)>) -> Result<Self, MethodError> {
        let whole: f64 = delays.iter().map(|(_, weight)| weight).sum();
        let wrong = |(delay, weight): &(f64, f64)| !(delay.is_finite() && *delay > 0.0 && *weight >= 0.0);
        if let Some(at) = delays.iter().position(wrong) {
            let allowed = "a delay above zero and a weight that is not negative";
            return Err(MethodError::Value { what: "reaction", at, found: delays[at].0, allowed });
        }
        if !(whole.is_finite() && whole > 0.0) {
            return Err(MethodError::TooFew { what: "reactions with a weight", found: 0, least: 1 });
        }
        Ok(Self(delays.into_iter().map(|(delay, weight)| (delay, weight / whole)).collect()))
    }

    /// The mean delay, seconds.
    #[must_use]
    pub fn mean_s(&self) -> f64 {
        self.0.iter().map(|(delay, weight)| delay * weight).sum()
    }

    /// ρ with n·Σ w e^{−ρu} = 1, a second. −∞ where nothing is answered.
    ///
    /// # Errors
    /// [`MethodError::Value`] where n is not finite or negative.
    pub fn growth(&self, branching: f64) -> Result<f64, MethodError> {
        if !(branching.is_finite() && branching >= 0.0) {
            let allowed = "a finite number that is not negative";
            return Err(MethodError::Value { what: "branching number", at: 0, found: branching, allowed });
        }
        if branching == 0.0 {
            return Ok(f64::NEG_INFINITY);
        }
        let delays = || self.0.iter().filter(|(_, weight)| *weight > 0.0).map(|(delay, _)| *delay);
        let (shortest, longest) = (delays().fold(f64::MAX, f64::min), delays().fold(0.0, f64::max));
        // The root lies between the answers for the shortest and for the longest delay.
        let ends = [branching.ln() / shortest, branching.ln() / longest];
        let (mut low, mut high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        let more = |rho: f64| {
            self.0.iter().map(|(delay, weight)| weight * (-rho * delay).exp()).sum::<f64>() * branching > 1.0
        };
        for _ in 0..200 {
            let middle = f64::midpoint(low, high);
            if more(middle) { low = middle } else { high = middle }
        }
        Ok(f64::midpoint(low, high))
    }

    /// How a cascade of this branching number goes on whose first round sells `first_usd`, in a system of this equity.
    ///
    /// # Errors
    /// [`MethodError::Value`] where n is not finite or negative.
    pub fn velocity(&self, branching: f64, first_usd: f64, equity_usd: f64) -> Result<Velocity, MethodError> {
        let growth = self.growth(branching)?;
        let until = |share: f64| self.until(branching, growth, first_usd, equity_usd * share);
        Ok(Velocity {
            growth,
            doubling_s: (growth > 0.0).then(|| std::f64::consts::LN_2 / growth),
            tenth_of_equity_s: until(0.1),
            half_of_equity_s: until(0.5),
        })
    }

    /// Seconds until rounds of first, first·n, first·n², … sum to an amount; none if they never do.
    fn until(&self, branching: f64, growth: f64, first: f64, amount: f64) -> Option<f64> {
        if !(first > 0.0 && amount > 0.0) {
            return None;
        }
        if first >= amount {
            return Some(0.0);
        }
        if (branching - 1.0).abs() < 1e-9 {
            return Some((amount / first - 1.0) * self.mean_s());
        }
        let grown = 1.0 + (branching - 1.0) * amount / first;
        // The sum of a shrinking series is bounded by first ⁄ (1 − n).
        (grown > 0.0).then(|| ((grown.ln() - branching.ln()) / growth).max(0.0)).filter(|time| time.is_finite())
    }
}

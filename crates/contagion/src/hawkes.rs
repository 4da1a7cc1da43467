//! How many events one event causes, from nothing but their times: a Hawkes process with an exponential kernel.
//!
//! Hawkes, A. G. (1971), "Spectra of some self-exciting and mutually exciting point processes", Biometrika 58(1): the intensity is
//! λ(t) = μ + Σ n β e^{−β(t − tᵢ)} over earlier events. n is the branching ratio: the mean number of events that one event causes
//! itself. The likelihood is computed in one pass (Ogata 1981) and maximised over (ln μ, ln n, ln β) without derivatives by COBYLA
//! (crate `cobyla`), from several starts. How good the fit is: the compensator turns the times into a Poisson process of rate one if
//! the model is right (time rescaling, Ogata 1988), which a Kolmogorov–Smirnov distance measures.
//!
//! A branching ratio from times alone counts whatever makes events come together as self-excitation, also a common cause outside:
//! a price that falls for everybody. It is an upper bound to what is endogenous, not a proof.

use crate::error::{MAX_EVENTS, MethodError};
use cobyla::{RhoBeg, StopTols, minimize};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Fewest events an estimate is made from.
pub const FEWEST: usize = 20;

/// A process. Times are seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hawkes {
    /// Events a second that nothing inside causes, > 0.
    pub background: f64,
    /// The branching ratio: events that one event causes itself, ≥ 0; below 1 the process is stationary.
    pub branching: f64,
    /// 1 ⁄ the mean time from cause to effect, a second, > 0.
    pub decay: f64,
}

/// An estimate and how good it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The process of highest likelihood.
    pub process: Hawkes,
    /// Its log-likelihood.
    pub log_likelihood: f64,
    /// The log-likelihood of the best process without self-excitation.
    pub poisson_log_likelihood: f64,
    /// The Kolmogorov–Smirnov distance of rescaled waiting times from the exponential distribution, 0 to 1.
    pub distance: f64,
    /// The probability of at least that distance if the model were right (asymptotic; parameters were fitted, so it is too high).
    pub p_value: f64,
}

/// The largest branching ratio that is looked for: an unstable process is told apart from a stable one, not measured.
const MOST_BRANCHING: f64 = 5.0;

/// Fits a process to event times in seconds, strictly rising, observed from 0 to `until`.
///
/// # Errors
/// [`MethodError`] where there are fewer than [`FEWEST`] events or too many, times are not finite, do not rise, are tied (see
/// [`spread`]), or lie outside the observation.
pub fn fit(times: &[f64], until: f64) -> Result<Fit, MethodError> {
    check(times, until)?;
    let count = times.len() as f64;
    let rate = count / until;
    let objective = |x: &[f64], _: &mut ()| {
        let value = -log_likelihood(&of(x), times, until);
        if value.is_finite() { value } else { f64::MAX / 4.0 }
    };
    let wide = 30.0_f64;
    let bounds =
        [(rate.ln() - 12.0, rate.ln() + 0.5), (-9.0, MOST_BRANCHING.ln()), (rate.ln() - wide, rate.ln() + wide)];
    let tolerance = StopTols { ftol_rel: 1e-10, xtol_abs: vec![1e-6; 3], ..StopTols::default() };
    let none: [&dyn cobyla::Func<()>; 0] = [];
    let starts =
        [-3.0, 0.0, 3.0].into_iter().flat_map(|scale: f64| [0.3, 0.8].map(|branching: f64| (scale, branching)));
    let tried = starts.map(|(scale, branching)| {
        let start = [(rate * (1.0 - branching)).ln(), branching.ln(), rate.ln() + scale];
        let found = minimize(objective, &start, &bounds, &none, (), 4_000, RhoBeg::All(0.5), Some(tolerance.clone()));
        found.map_or_else(|(_, x, value)| (x, value), |(_, x, value)| (x, value))
    });
    let (best, value) = tried.min_by(|one, other| one.1.total_cmp(&other.1)).expect("there are starts");
    let process = of(&best);
    let (distance, p_value) = goodness(&process, times);
    let poisson_log_likelihood = count * rate.ln() - count;
    Ok(Fit { process, log_likelihood: -value, poisson_log_likelihood, distance, p_value })
}

fn of(x: &[f64]) -> Hawkes {
    Hawkes { background: x[0].exp(), branching: x[1].exp(), decay: x[2].exp() }
}

/// ln L = Σ ln λ(tᵢ) − ∫₀ᵀ λ, in one pass: A(tᵢ) = e^{−β Δt}(1 + A(tᵢ₋₁)) carries what earlier events left.
fn log_likelihood(process: &Hawkes, times: &[f64], until: f64) -> f64 {
    let Hawkes { background, branching, decay } = *process;
    let (mut left, mut last, mut sum, mut caused) = (0.0_f64, f64::NEG_INFINITY, 0.0_f64, 0.0_f64);
    for time in times {
        left = if last.is_finite() { (-decay * (time - last)).exp() * (1.0 + left) } else { 0.0 };
        sum += (background + branching * decay * left).ln();
        caused -= (-decay * (until - time)).exp_m1();
        last = *time;
    }
    sum - background * until - branching * caused
}

/// The distance of rescaled waiting times from Exp(1), and how likely it is.
fn goodness(process: &Hawkes, times: &[f64]) -> (f64, f64) {
    let Hawkes { background, branching, decay } = *process;
    let (mut left, mut last) = (0.0_f64, 0.0_f64);
    let mut shares = Vec::with_capacity(times.len());
    for time in times {
        // ∫ λ from the last event to this one: `left` is what is still to come of all earlier events just after the last.
        let passed = time - last;
        let spent = -(-decay * passed).exp_m1();
        shares.push(-(-(background * passed + branching * left * spent)).exp_m1());
        left = left * (1.0 - spent) + 1.0;
        last = *time;
    }
    shares.sort_by(f64::total_cmp);
    let count = shares.len() as f64;
    let off = |(at, share): (usize, &f64)| (share - at as f64 / count).max((at + 1) as f64 / count - share);
    let distance = shares.iter().enumerate().map(off).fold(0.0, f64::max);
    (distance, kolmogorov(distance * (count.sqrt() + 0.12 + 0.11 / count.sqrt())))
}

/// Q(x) = 2 Σ (−1)^{k−1} e^{−2k²x²}: Kolmogorov's limit distribution (Stephens 1970 for the small-sample argument).
fn kolmogorov(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0;
    }
    let term = |k: i32| (if k % 2 == 1 { 2.0 } else { -2.0 }) * (-2.0 * f64::from(k * k) * x * x).exp();
    (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

/// The branching ratio from counts alone: n = 1 − √(mean ⁄ variance) of the numbers of events in windows of `window` seconds, much
/// longer than the kernel (Hardiman, S. and Bouchaud, J.-P. (2014), "Branching-ratio approximation for the self-exciting Hawkes
/// process", arXiv 1403.5227). Below zero where events keep their distance. Times may be tied.
///
/// # Errors
/// [`MethodError`] where times are malformed, or fewer than [`FEWEST`] events or 10 whole windows are there.
pub fn branching_by_counts(times: &[f64], until: f64, window: f64) -> Result<f64, MethodError> {
    shape(times, until)?;
    if !(window.is_finite() && window > 0.0) {
        return Err(MethodError::Value { what: "window", at: 0, found: window, allowed: "a finite number above zero" });
    }
    let windows = (until / window).floor();
    if windows < 10.0 {
        return Err(MethodError::TooFew { what: "windows", found: windows as usize, least: 10 });
    }
    if windows > MAX_EVENTS as f64 {
        return Err(MethodError::TooMany { what: "windows", found: windows as usize, most: MAX_EVENTS });
    }
    let mut counts = vec![0.0_f64; windows as usize];
    for time in times {
        if let Some(count) = counts.get_mut((time / window) as usize) {
            *count += 1.0;
        }
    }
    let mean = counts.iter().sum::<f64>() / windows;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (windows - 1.0);
    Ok(1.0 - (mean / variance).sqrt())
}

/// Events of one instant spread at random over the clock's resolution (seconds), as is usual for coarse time stamps (Filimonov and
/// Sornette, arXiv 1201.3572). The result rises strictly; the same seed gives the same result.
///
/// # Errors
/// [`MethodError`] where times are malformed or the resolution is not above zero.
pub fn spread(times: &[f64], resolution: f64, seed: u64) -> Result<Vec<f64>, MethodError> {
    if !(resolution.is_finite() && resolution > 0.0) {
        let allowed = "a finite number above zero";
        return Err(MethodError::Value { what: "resolution", at: 0, found: resolution, allowed });
    }
    rising(times)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut spread: Vec<f64> = times.iter().map(|time| time + resolution * random.random::<f64>()).collect();
    spread.sort_by(f64::total_cmp);
    for at in 1..spread.len() {
        if spread[at] <= spread[at - 1] {
            spread[at] = spread[at - 1].next_up();
        }
    }
    Ok(spread)
}

/// Draws the events of a process from 0 to `until` seconds, by its clusters' own definition (Ogata's thinning). The same seed gives
/// the same events; at most [`MAX_EVENTS`].
///
/// # Errors
/// [`MethodError`] where a parameter is not finite, not positive, or the branching ratio is not below one.
pub fn simulate(process: &Hawkes, until: f64, seed: u64) -> Result<Vec<f64>, MethodError> {
    let Hawkes { background, branching, decay } = *process;
    for (what, found) in [("background", background), ("decay", decay), ("length", until)] {
        if !(found.is_finite() && found > 0.0) {
            return Err(MethodError::Value { what, at: 0, found, allowed: "a finite number above zero" });
        }
    }
    if !(0.0..1.0).contains(&branching) {
        return Err(MethodError::Value { what: "branching", at: 0, found: branching, allowed: "0 to below 1" });
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = || 1.0 - random.random::<f64>();
    let (mut time, mut excited, mut times) = (0.0_f64, 0.0_f64, Vec::new());
    while times.len() < MAX_EVENTS {
        let most = background + excited;
        let wait = -uniform().ln() / most;
        time += wait;
        if time > until {
            break;
        }
        excited *= (-decay * wait).exp();
        if uniform() * most <= background + excited {
            times.push(time);
            excited += branching * decay;
        }
    }
    Ok(times)
}

fn check(times: &[f64], until: f64) -> Result<(), MethodError> {
    shape(times, until)?;
    let tied = times.windows(2).position(|pair| pair[0] == pair[1]);
    tied.map_or(Ok(()), |at| Err(MethodError::Tied { at }))
}

fn shape(times: &[f64], until: f64) -> Result<(), MethodError> {
    if times.len() < FEWEST {
        return Err(MethodError::TooFew { what: "events", found: times.len(), least: FEWEST });
    }
    rising(times)?;
    let (first, last) = (times[0], times[times.len() - 1]);
    if first < 0.0 {
        return Err(MethodError::Value { what: "times", at: 0, found: first, allowed: "zero or later" });
    }
    if !(until.is_finite() && until >= last && until > 0.0) {
        let allowed = "a finite time after the last event";
        return Err(MethodError::Value { what: "end of the observation", at: 0, found: until, allowed });
    }
    Ok(())
}

fn rising(times: &[f64]) -> Result<(), MethodError> {
    if times.len() > MAX_EVENTS {
        return Err(MethodError::TooMany { what: "events", found: times.len(), most: MAX_EVENTS });
    }
    let wrong = times.iter().position(|time| !time.is_finite());
    let falling = || times.windows(2).position(|pair| pair[1] < pair[0]).map(|at| at + 1);
    wrong.or_else(falling).map_or(Ok(()), |at| {
        let allowed = "a finite number, not before the event before it";
        Err(MethodError::Value { what: "times", at, found: times[at], allowed })
    })
}

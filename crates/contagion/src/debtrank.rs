//! Distress that travels along exposures: DebtRank, and its differential form.
//!
//! Battiston, S. et al. (2012), "DebtRank: Too Central to Fail?", Scientific Reports 2:541: with W_ij = min(1, A_ij ⁄ E_i), distress
//! h_i(t+1) = min(1, h_i(t) + Σ W_ij h_j(t)) over nodes j in distress for the first time; every node passes its distress on once.
//! DebtRank R = Σ h_i(T) v_i − Σ h_i(0) v_i is the share of economic value that is lost beyond the shock itself.
//! Bardoscia, M. et al. (2015), "DebtRank: A Microscopic Foundation for Shock Propagation", PLoS ONE 10(6): Δh(t+1) = Λ Δh(t) with
//! Λ_ij = A_ij ⁄ E_i, every round passed on; it dies out exactly if the spectral radius of Λ is below one, and then ends at
//! (I − Λ)⁻¹ h(0) where no node is lost.

use crate::error::MethodError;
use crate::matrix::{self, Matrix};
use serde::Serialize;

/// Where distress ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DebtRank {
    /// Share of its equity that each node has lost, 0 to 1.
    pub distress: Vec<f64>,
    /// Share of the economic value lost beyond the shock, −1 to 1.
    pub rank: f64,
}

/// Where distress ends if every round is passed on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differential {
    /// Share of its equity that each node has lost, 0 to 1.
    pub distress: Vec<f64>,
    /// The spectral radius of Λ: shocks grow from 1 on.
    pub radius: f64,
    /// Rounds until nothing moved any more.
    pub rounds: usize,
}

const IN_A_NODE: (f64, f64) = (0.0, 1.0);

/// DebtRank of a shock. `exposures[i][j]` is what i loses if j is lost, `equities[i]` what i can lose (> 0), both in one unit;
/// `values` are weights of economic value (≥ 0, used as shares of their sum), `shock` the first distress, 0 to 1.
///
/// # Errors
/// [`MethodError`] where shapes differ, or a number is not finite or outside its range.
pub fn debtrank(
    exposures: &[Vec<f64>],
    equities: &[f64],
    values: &[f64],
    shock: &[f64],
) -> Result<DebtRank, MethodError> {
    let leverage = leverage(exposures, equities)?;
    let nodes = leverage.nodes();
    matrix::vector("values", values, nodes, (0.0, f64::MAX), "a finite number that is not negative")?;
    matrix::vector("shock", shock, nodes, IN_A_NODE, "0 to 1")?;
    let impact = leverage.map(|_, _, share| share.min(1.0));
    let mut distress = shock.to_vec();
    // A node is undistressed, then passes on once, then is inactive for good.
    let mut active: Vec<bool> = shock.iter().map(|first| *first > 0.0).collect();
    let mut spent = vec![false; nodes];
    while active.contains(&true) {
        let passed: Vec<f64> = (0..nodes).map(|node| if active[node] { distress[node] } else { 0.0 }).collect();
        for (after, more) in distress.iter_mut().zip(impact.times(&passed)) {
            *after = (*after + more).min(1.0);
        }
        for node in 0..nodes {
            spent[node] |= active[node];
            active[node] = !spent[node] && distress[node] > 0.0;
        }
    }
    let whole: f64 = values.iter().sum();
    let share = |value: &f64| if whole > 0.0 { value / whole } else { 0.0 };
    let rank = (0..nodes).map(|node| (distress[node] - shock[node]) * share(&values[node])).sum();
    Ok(DebtRank { distress, rank })
}

/// Rounds after which a shock that still moves is said not to settle.
const MOST_ROUNDS: usize = 100_000;
/// What is called no movement.
const STILL: f64 = 1e-13;

/// The differential form. Inputs as in [`debtrank`]; a lost node passes on no more than it was worth.
///
/// # Errors
/// [`MethodError`] as [`debtrank`], and where distress has not settled after a hundred thousand rounds.
pub fn differential(exposures: &[Vec<f64>], equities: &[f64], shock: &[f64]) -> Result<Differential, MethodError> {
    let leverage = leverage(exposures, equities)?;
    matrix::vector("shock", shock, leverage.nodes(), IN_A_NODE, "0 to 1")?;
    let radius = radius_of(&leverage);
    let (mut distress, mut step) = (shock.to_vec(), shock.to_vec());
    for rounds in 0..MOST_ROUNDS {
        if step.iter().all(|step| *step <= STILL) {
            return Ok(Differential { distress, radius, rounds });
        }
        let more = leverage.times(&step);
        for ((step, distress), more) in step.iter_mut().zip(&mut distress).zip(more) {
            let after = (*distress + more).min(1.0);
            *step = after - *distress;
            *distress = after;
        }
    }
    Err(MethodError::NotSettled { what: "differential DebtRank", rounds: MOST_ROUNDS })
}

/// The spectral radius of a matrix of numbers that are not negative: its largest growth a round.
///
/// # Errors
/// [`MethodError`] where the matrix is empty, not square, too large, negative or not finite.
pub fn spectral_radius(matrix: &[Vec<f64>]) -> Result<f64, MethodError> {
    Ok(radius_of(&Matrix::not_negative("matrix", matrix)?))
}

/// Power iteration on I + A, whose largest eigenvalue is one more and which does not swing; the bounds of Collatz and Wielandt say when
/// it is near enough.
fn radius_of(matrix: &Matrix) -> f64 {
    const ROUNDS: usize = 20_000;
    let scale = matrix.rows().map(|row| row.iter().sum::<f64>()).fold(0.0, f64::max);
    if scale == 0.0 || !scale.is_finite() {
        return scale;
    }
    let mut vector = vec![1.0; matrix.nodes()];
    let mut growth = 1.0;
    for _ in 0..ROUNDS {
        let next: Vec<f64> =
            matrix.times(&vector).iter().zip(&vector).map(|(moved, stayed)| moved / scale + stayed).collect();
        let largest = next.iter().copied().fold(0.0, f64::max);
        let before = growth;
        growth = largest / vector.iter().copied().fold(0.0, f64::max);
        vector = next.into_iter().map(|entry| entry / largest).collect();
        if (growth - before).abs() <= 1e-15 {
            break;
        }
    }
    (growth - 1.0).max(0.0) * scale
}

/// Λ: each exposure as a share of who bears it.
fn leverage(exposures: &[Vec<f64>], equities: &[f64]) -> Result<Matrix, MethodError> {
    let exposures = Matrix::not_negative("exposures", exposures)?;
    let positive = (f64::MIN_POSITIVE, f64::MAX);
    matrix::vector("equities", equities, exposures.nodes(), positive, "a finite number above zero")?;
    let leverage = exposures.map(|row, _, exposure| exposure / equities[row]);
    let whole = leverage.rows().flatten().position(|share| !share.is_finite());
    whole.map_or(Ok(leverage), |at| {
        let allowed = "a share of equity that is finite";
        Err(MethodError::Value { what: "exposures over equities", at, found: f64::INFINITY, allowed })
    })
}

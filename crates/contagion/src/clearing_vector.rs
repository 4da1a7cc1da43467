//! Who pays how much when everybody's debts depend on everybody's payments: the clearing vector of Eisenberg and Noe.
//!
//! Eisenberg, L. and Noe, T. (2001), "Systemic Risk in Financial Systems", Management Science 47(2): a payment vector
//! p = min(p̄, e + Πᵀp), with p̄ the debts of each node, Π their shares by creditor and e what a node has from outside. Limited
//! liability, creditors of one node equal, debts before equity. The greatest solution is found by their fictitious default
//! algorithm: assume that all pay, find who cannot, solve for those, and again, at most once a node. Payments of the defaulted
//! solve (I − Π_DDᵀ) p_D = e_D + Π_NDᵀ p̄_N exactly (Gaussian elimination), so the result has the precision of a float, not of an
//! iteration.

use crate::error::MethodError;
use crate::matrix::{self, Matrix};
use serde::Serialize;

/// What settling all debts at once comes to. Amounts are in the unit of the input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClearingVector {
    /// What each node pays, 0 to what it owes.
    pub payments: Vec<f64>,
    /// What each node has left: e + Πᵀp − p, not negative. The sum is that of `external`.
    pub equities: Vec<f64>,
    /// Who cannot pay in full, round by round of the algorithm, each round containing the one before.
    pub rounds: Vec<Vec<usize>>,
}

impl ClearingVector {
    /// Who defaults in the end, in order.
    #[must_use]
    pub fn defaulted(&self) -> &[usize] {
        self.rounds.last().map_or(&[], Vec::as_slice)
    }
}

/// Differences below this share of the larger number are rounding.
const ROUNDING: f64 = 1e-12;

/// The greatest clearing vector. `debts[i][j]` is what node i owes node j, and `external[i]` what it has from outside; both ≥ 0, in one
/// unit. The diagonal must be zero.
///
/// # Errors
/// [`MethodError`] where the matrix is empty, not square, too large, negative or not finite, or a node owes itself.
pub fn clearing_vector(debts: &[Vec<f64>], external: &[f64]) -> Result<ClearingVector, MethodError> {
    let debts = Matrix::not_negative("debts", debts)?;
    let nodes = debts.nodes();
    matrix::vector("external assets", external, nodes, (0.0, f64::MAX), "a finite number that is not negative")?;
    if let Some(at) = (0..nodes).find(|node| debts.row(*node)[*node] > 0.0) {
        let (found, allowed) = (debts.row(at)[at], "zero: nobody owes itself");
        return Err(MethodError::Value { what: "debts", at: at * nodes + at, found, allowed });
    }
    let owed: Vec<f64> = debts.rows().map(|row| row.iter().sum()).collect();
    if let Some(at) = owed.iter().position(|sum| !sum.is_finite()) {
        return Err(MethodError::Value { what: "debts of a node", at, found: owed[at], allowed: "a finite sum" });
    }
    let shares = debts.map(|row, _, debt| if owed[row] > 0.0 { debt / owed[row] } else { 0.0 });
    let mut payments = owed.clone();
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for _ in 0..=nodes {
        let has = resources(&shares, external, &payments);
        let fails = |node: &usize| has[*node] < owed[*node] * (1.0 - ROUNDING);
        let before = rounds.last().map_or(&[][..], Vec::as_slice);
        // Who has defaulted stays so: the algorithm only ever adds, which is what bounds its rounds.
        let now: Vec<usize> = (0..nodes).filter(|node| before.contains(node) || fails(node)).collect();
        if now.len() == before.len() {
            let equities = has.iter().zip(&payments).map(|(has, paid)| (has - paid).max(0.0)).collect();
            return Ok(ClearingVector { payments, equities, rounds });
        }
        payments = payments_when(&now, &shares, external, &owed);
        rounds.push(now);
    }
    Err(MethodError::NotSettled { what: "clearing vector", rounds: nodes })
}

/// What each node has to pay with: e + Πᵀp.
fn resources(shares: &Matrix, external: &[f64], payments: &[f64]) -> Vec<f64> {
    let mut has = external.to_vec();
    for (row, paid) in shares.rows().zip(payments) {
        for (has, share) in has.iter_mut().zip(row) {
            *has += share * paid;
        }
    }
    has
}

/// The payments if exactly these nodes default: they pay all they have, the others all they owe.
fn payments_when(defaulted: &[usize], shares: &Matrix, external: &[f64], owed: &[f64]) -> Vec<f64> {
    let mut payments = owed.to_vec();
    for node in defaulted {
        payments[*node] = 0.0;
    }
    let from_others = resources(shares, external, &payments);
    let coefficient = |row: usize, column: usize| {
        let own = if row == column { 1.0 } else { 0.0 };
        own - shares.row(column)[row]
    };
    let mut system: Vec<Vec<f64>> = defaulted
        .iter()
        .map(|row| defaulted.iter().map(|column| coefficient(*row, *column)).chain([from_others[*row]]).collect())
        .collect();
    for (node, paid) in defaulted.iter().zip(solve(&mut system)) {
        payments[*node] = paid.clamp(0.0, owed[*node]);
    }
    payments
}

/// Gaussian elimination with partial pivoting; a row is the coefficients and then the right side. A column without a pivot (nodes that
/// owe only each other and have nothing) is zero.
fn solve(system: &mut [Vec<f64>]) -> Vec<f64> {
    let size = system.len();
    let mut pivots = vec![None; size];
    let mut next = 0;
    for (column, pivot) in pivots.iter_mut().enumerate() {
        let largest =
            (next..size).max_by(|one, other| system[*one][column].abs().total_cmp(&system[*other][column].abs()));
        let Some(row) = largest.filter(|row| system[*row][column].abs() > ROUNDING) else { continue };
        system.swap(next, row);
        let (head, tail) = system.split_at_mut(next + 1);
        let leading = &head[next];
        for other in tail {
            let factor = other[column] / leading[column];
            for (entry, above) in other.iter_mut().zip(leading).skip(column) {
                *entry -= factor * above;
            }
        }
        *pivot = Some(next);
        next += 1;
    }
    let mut solution = vec![0.0; size];
    for column in (0..size).rev() {
        let Some(row) = pivots[column] else { continue };
        let known: f64 = (column + 1..size).map(|later| system[row][later] * solution[later]).sum();
        solution[column] = (system[row][size] - known) / system[row][column];
    }
    solution
}

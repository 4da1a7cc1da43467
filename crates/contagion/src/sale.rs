//! What an account must sell where it breaches (R10.2, R6.3, R10.5), asked of the core's margin.

use clearing::margin;
use clearing::state::{Account, Pool, Position, Standing};
use clearing::table::InstrumentId;
use clearing::units::{Money, Quantity};

/// What is sold by force.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sale {
    /// Nothing.
    Nothing,
    /// These lots of these instruments, signed as the positions.
    Part(Vec<(InstrumentId, f64)>),
    /// Everything: too little is left to sell slowly.
    Whole,
}

/// Whether an account is looked at by liquidation at all.
pub(crate) fn is_watched(account: &Account) -> bool {
    account.standing != Standing::Closed && !account.positions.is_empty()
}

/// Whether its liquidation is under way or begins here.
pub(crate) fn sells(pool: &Pool, account: &Account) -> bool {
    matches!(account.standing, Standing::Liquidating { .. }) || margin::breaches(pool, account.cash, &account.positions)
}

/// What an account whose liquidation has begun must sell at these rows to be back at its target.
///
/// R10.2 takes the legs that release most margin for each dollar, one after the other. Here derivatives go in proportion, at their
/// marks, balances only where there is nothing else: the same for an account with one position, otherwise never less than the least
/// that would do. The share sold is the root of a chord of a concave function from below, so it is not too small either.
pub(crate) fn of(pool: &Pool, account: &Account) -> Sale {
    let (cash, positions) = (account.cash, account.positions.as_slice());
    let missing = margin::target_worst(pool, cash, positions);
    if !missing.is_negative() {
        return Sale::Nothing;
    }
    let equity = margin::equity(&pool.matrices, cash, positions);
    let least = margin::maintenance_margin(pool, cash, positions).times_ceil(pool.parameters.auction_below);
    if equity <= least.or_zero() {
        return Sale::Whole;
    }
    let is_spot = |position: &Position| pool.instruments[position.instrument].is_spot();
    let all_spot = positions.iter().all(is_spot);
    let goes = |position: &Position| all_spot || !is_spot(position);
    let after = |share: f64| {
        let (mut cash, mut left) = (cash, Vec::with_capacity(positions.len()));
        for position in positions {
            let sold = if goes(position) { lots(position.quantity, share) } else { Quantity::ZERO };
            cash += pool.matrices.mark(position.instrument) * sold;
            let quantity = position.quantity - sold;
            if !quantity.is_zero() {
                left.push(Position { quantity, ..position.clone() });
            }
        }
        margin::target_worst(pool, cash, &left)
    };
    let whole = after(1.0);
    if whole.is_negative() {
        return Sale::Whole;
    }
    let mut share = chord(missing, whole, 1.0);
    for _ in 0..2 {
        let reached = after(share);
        // Near enough: a thousandth of what was missing.
        if reached.get() * 1_000 <= -missing.get() {
            break;
        }
        share = chord(missing, reached, share);
    }
    let sold = positions.iter().filter(|position| goes(position));
    Sale::Part(sold.map(|position| (position.instrument, position.quantity.get() as f64 * share)).collect())
}

/// Where the line from `low` (< 0) at zero to `high` (≥ 0) at `share` crosses zero.
fn chord(low: Money, high: Money, share: f64) -> f64 {
    let (low, high) = (-(low.get() as f64), high.get() as f64);
    share * low / (low + high)
}

/// A share of a position, in whole lots away from zero.
fn lots(quantity: Quantity, share: f64) -> Quantity {
    let lots = (quantity.get().unsigned_abs() as f64 * share).ceil().min(quantity.get().unsigned_abs() as f64);
    Quantity::new(lots as i64).on_side(quantity.signum())
}

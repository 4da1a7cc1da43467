//! How an account that is short of initial margin gets rid of risk: what it may become, and at which limit (R7.2, R6.5).
//!
//! A better limit raises what a fill leaves by the same amount in every row, so one number says how much is missing. Between no fill and a
//! whole one every row is concave in the lots, and so is the lowest of them: both ends speak for every part.

use crate::margin;
use crate::state::{Account, Order, Pool};
use crate::units::{Money, Price};

/// How much the account that a fill would leave is short of being allowed, in money; nothing is missing at zero or below.
///
/// Every initial row must be above the bar, or no worse than it was. An account that is below initial margin, and only reduces, may
/// instead meet the bar at which a liquidation would leave it. Either way equity may not fall below zero: what a smaller position saves of
/// exit cost and doubt was never money that could be paid away.
pub(super) fn missing(pool: &Pool, owner: &Account, after: &Account, only_reduces: bool) -> Money {
    let rows = |account: &Account| margin::order_rows(pool, account, &account.orders);
    let (was, is) = (margin::target_bars(pool, owner), margin::target_bars(pool, after));
    let equity = shortfall(was.get(..1).unwrap_or_default(), is.get(..1).unwrap_or_default());
    let by_row = shortfall(&rows(owner), &rows(after)).max(equity);
    if !only_reduces || pool.meets_initial_with(owner, [].iter()) {
        return by_row;
    }
    by_row.min(shortfall(&was, &is))
}

/// By how much the furthest value is below zero, and below where it was.
fn shortfall(before: &[Money], after: &[Money]) -> Money {
    let short = |(before, after): (&Money, &Money)| (*before).min(Money::ZERO) - *after;
    before.iter().zip(after).map(short).max().unwrap_or(Money::ZERO)
}

/// The worst limit of an order at which its whole fill brings that much more than at its present limit, fees counted.
pub(super) fn better_limit(pool: &Pool, order: &Order, missing: Money) -> Option<Price> {
    let size = order.quantity.abs();
    let fee = |limit: Price| pool.fee_bound(order.instrument, limit * order.quantity);
    let better = |step: Price| if order.quantity.is_negative() { order.limit + step } else { order.limit - step };
    let is_enough = |step: Price| step * size + fee(order.limit) - fee(better(step)) >= missing;
    // A fee takes at most half of what a better price brings, and rounding a few quanta.
    let mut enough = (missing + missing + Money::new(32)).per_lot_ceil(size);
    if !is_enough(enough) {
        return None;
    }
    let mut short = Price::ZERO;
    while enough - short > Price::new(1) {
        let middle = short.middle_floor(enough);
        if is_enough(middle) { enough = middle } else { short = middle }
    }
    Some(better(enough))
}

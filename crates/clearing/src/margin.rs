//! An account against the rows: equity, margin, and whether it may do what it wants (R6, R7.2, R7.4).
//!
//! The functions take a vector as `cash` and `positions`, so that a command, the cycle and a calculator can ask about
//! accounts that do not exist yet.

use crate::doubt;
use crate::exit_cost::Bar;
use crate::rows::{Matrices, Rows};
use crate::state::{Account, Order, Pool, Position};
use crate::table::InstrumentId;
use crate::units::{MAX_ROWS, Money, Price, Quantity};
use alloc::vec::Vec;

/// The lowest value of a vector over the rows of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worst {
    /// The lowest stressed value.
    pub value: Money,
    /// The first row in which it occurs.
    pub row: usize,
}

fn exit_costs(pool: &Pool, positions: &[Position], bar: Bar) -> Money {
    let one = |position: &Position| pool.matrices.exit_costs.of_position(position.instrument, position.quantity, bar);
    positions.iter().map(one).sum()
}

/// The maintenance exit cost of a vector. R5.6
#[must_use]
pub fn maintenance_exit_cost(pool: &Pool, positions: &[Position]) -> Money {
    exit_costs(pool, positions, Bar::Maintenance)
}

/// The initial exit cost of a vector, which contains the maintenance exit cost. R5.6
#[must_use]
pub fn initial_exit_cost(pool: &Pool, positions: &[Position]) -> Money {
    exit_costs(pool, positions, Bar::Initial)
}

/// Equity: the vector times today's row. R6.1
#[must_use]
pub fn equity(matrices: &Matrices, cash: Money, positions: &[Position]) -> Money {
    cash + positions.iter().map(|position| matrices.mark(position.instrument) * position.quantity).sum()
}

/// The value of a vector in every row of a matrix, before exit cost. R6.1
#[must_use]
pub fn row_values(rows: &Rows, cash: Money, positions: &[Position]) -> Vec<Money> {
    let mut values = [Money::ZERO; MAX_ROWS];
    accumulate(&mut values, rows, cash, positions).to_vec()
}

/// Fills the front of `values` with the vector's value in every row.
fn accumulate<'a>(
    values: &'a mut [Money; MAX_ROWS],
    rows: &Rows,
    cash: Money,
    positions: &[Position],
) -> &'a mut [Money] {
    let (values, _) = values.split_at_mut(rows.len());
    values.fill(cash);
    for position in positions {
        for (value, price) in values.iter_mut().zip(rows.column(position.instrument)) {
            *value += *price * position.quantity;
        }
    }
    values
}

/// The lowest value of a vector over a matrix, before exit cost. A matrix without rows has only the cash.
#[must_use]
pub fn worst(rows: &Rows, cash: Money, positions: &[Position]) -> Worst {
    if let Some(lowest) = narrow_worst(rows, cash, positions) {
        return lowest;
    }
    let mut values = [Money::ZERO; MAX_ROWS];
    let lowest = accumulate(&mut values, rows, cash, positions).iter().enumerate().min_by_key(|(_, value)| **value);
    lowest.map_or(Worst { value: cash, row: 0 }, |(row, value)| Worst { value: *value, row })
}

/// The same in 64 bits, which is several times faster; none if anything overflows on the way.
fn narrow_worst(rows: &Rows, cash: Money, positions: &[Position]) -> Option<Worst> {
    let mut values = [i64::try_from(cash.get()).ok()?; MAX_ROWS];
    let values = values.get_mut(..rows.len())?;
    for position in positions {
        let quantity = position.quantity.get();
        for (value, price) in values.iter_mut().zip(rows.column(position.instrument)) {
            *value = price.get().checked_mul(quantity).and_then(|worth| value.checked_add(worth))?;
        }
    }
    let (row, value) = values.iter().enumerate().min_by_key(|(_, value)| **value)?;
    Some(Worst { value: Money::new(i128::from(*value)), row })
}

/// What the uncertainty of marks spares the account: of feeds that are sure never more than its maintenance margin. R3.4, R3.8
#[must_use]
pub fn doubt_in_favour(pool: &Pool, cash: Money, positions: &[Position]) -> Money {
    let favour = doubt::in_favour(pool, positions);
    favour.limited.min(maintenance_margin(pool, cash, positions)) + favour.unlimited
}

/// What it may cost the account. R3.4
#[must_use]
pub fn doubt_against(pool: &Pool, positions: &[Position]) -> Money {
    doubt::against(pool, positions.iter().map(|position| (position.instrument, position.quantity, position.quantity)))
}

/// The lowest stressed equity over maintenance rows, exit cost subtracted. R6.1
#[must_use]
pub fn maintenance_worst(pool: &Pool, cash: Money, positions: &[Position]) -> Worst {
    let lowest = worst(&pool.matrices.maintenance, cash, positions);
    Worst { value: lowest.value - exit_costs(pool, positions, Bar::Maintenance), ..lowest }
}

/// Whether the account breaches: stressed equity below zero in some maintenance row, even where every doubtful price is
/// as good for the account as it may be. R6.3, R3.4
#[must_use]
pub fn breaches(pool: &Pool, cash: Money, positions: &[Position]) -> bool {
    breaches_at(pool, cash, positions, maintenance_worst(pool, cash, positions).value)
}

/// The same where the lowest stressed equity over maintenance rows is known.
pub(crate) fn breaches_at(pool: &Pool, cash: Money, positions: &[Position], stressed: Money) -> bool {
    if positions.is_empty() {
        return cash.is_negative();
    }
    let favour = doubt::in_favour(pool, positions);
    // Doubt that is at most the maintenance margin lifts the lowest row at most to equity.
    let lifted = (stressed + favour.limited).min(equity(&pool.matrices, cash, positions));
    (lifted + favour.unlimited).is_negative()
}

/// The lowest stressed equity over the rows at which a liquidation ends. R6.3
#[must_use]
pub fn target_worst(pool: &Pool, cash: Money, positions: &[Position]) -> Money {
    target_worst_at(pool, cash, positions, maintenance_worst(pool, cash, positions).value)
}

/// The same where the lowest stressed equity over maintenance rows is known.
pub(crate) fn target_worst_at(pool: &Pool, cash: Money, positions: &[Position], stressed: Money) -> Money {
    let lowest = worst(&pool.matrices.target, cash, positions).value;
    stressed.min(lowest - exit_costs(pool, positions, Bar::Maintenance))
}

/// Free collateral: the lowest stressed equity over initial rows, which contain maintenance and target rows; doubtful
/// prices count at the edge that is bad for the account, and collateral whose feed is not live for nothing. R6.2, R5.3, R3.10
#[must_use]
pub fn free_collateral(pool: &Pool, cash: Money, positions: &[Position]) -> Money {
    match without_dormant(&pool.matrices, positions) {
        None => free_of_all(pool, cash, positions),
        // R6.4: what leaving it would cost may be more than it is worth.
        Some(backing) => free_of_all(pool, cash, &backing).min(target_worst(pool, cash, positions)),
    }
}

/// What is left of a vector without collateral that backs nothing new; none where all of it does. R3.10
#[must_use]
pub fn without_dormant(matrices: &Matrices, positions: &[Position]) -> Option<Vec<Position>> {
    let backs = |position: &&Position| matrices.backs(position.instrument);
    let all_do = matrices.dormant.is_empty() || positions.iter().all(|position| backs(&position));
    (!all_do).then(|| positions.iter().filter(backs).cloned().collect())
}

/// The lowest stressed equity over initial rows, of a vector all of which counts.
fn free_of_all(pool: &Pool, cash: Money, positions: &[Position]) -> Money {
    let rows = [&pool.matrices.maintenance, &pool.matrices.target, &pool.matrices.initial];
    let lowest = rows.iter().map(|rows| worst(rows, cash, positions).value).min().unwrap_or(cash);
    lowest - exit_costs(pool, positions, Bar::Initial) - doubt_against(pool, positions)
}

/// Maintenance margin: equity − the lowest stressed equity over maintenance rows. R6.2
#[must_use]
pub fn maintenance_margin(pool: &Pool, cash: Money, positions: &[Position]) -> Money {
    equity(&pool.matrices, cash, positions) - maintenance_worst(pool, cash, positions).value
}

/// Initial margin: equity − free collateral. R6.2
#[must_use]
pub fn initial_margin(pool: &Pool, cash: Money, positions: &[Position]) -> Money {
    equity(&pool.matrices, cash, positions) - free_collateral(pool, cash, positions)
}

/// What an account would lose beyond what it has if every initial row came true twice over; not negative. R11.5
#[must_use]
pub fn loss_beyond_equity(pool: &Pool, account: &Account) -> Money {
    let equity = equity(&pool.matrices, account.cash, &account.positions);
    let loss = equity - free_of_all(pool, account.cash, &account.positions);
    (loss + loss - equity).or_zero()
}

/// Σ |quantity| × |mark| of derivatives.
#[must_use]
pub fn notional(pool: &Pool, positions: &[Position]) -> Money {
    let derivatives = positions.iter().filter(|position| !pool.instruments[position.instrument].is_spot());
    derivatives.map(|position| pool.matrices.mark(position.instrument).abs() * position.quantity.abs()).sum()
}

/// What the account owes in settlement money: cash and the value of its derivatives, where below zero. R2.5
#[must_use]
pub fn loan(pool: &Pool, account: &Account) -> Money {
    (-settlement_value(pool, account)).or_zero()
}

/// What the account may come to owe if its orders are filled: every purchase of collateral at its limit, every order in a derivative at
/// what its limit gives away beside the mark, and fees. What sales would bring in is not counted. R2.5
#[must_use]
pub fn promised_loan(pool: &Pool, account: &Account) -> Money {
    let cost = |order: &Order| {
        let listed = &pool.instruments[order.instrument];
        let value = order.limit * order.quantity;
        let worth = if listed.is_spot() { Money::ZERO } else { pool.matrices.mark(order.instrument) * order.quantity };
        let has_fee = !listed.parameters.fee.is_zero();
        let fee = if has_fee { pool.fee_bound(order.instrument, value) } else { Money::ZERO };
        (value - worth + fee).or_zero()
    };
    let orders: Money = account.orders.iter().map(cost).sum();
    (orders - settlement_value(pool, account)).or_zero()
}

/// What the account has in settlement money: cash and the value of its derivatives.
pub(crate) fn settlement_value(pool: &Pool, account: &Account) -> Money {
    let derivatives = account.positions.iter().filter(|position| !pool.instruments[position.instrument].is_spot());
    let value = derivatives.map(|position| pool.matrices.mark(position.instrument) * position.quantity);
    account.cash + value.sum()
}

/// The stressed equity in every initial row if the worst subset of the orders for that row fills at its limits. R7.2
#[must_use]
pub fn order_rows(pool: &Pool, account: &Account, orders: &[Order]) -> Vec<Money> {
    let mut values = Vec::with_capacity(MAX_ROWS.saturating_mul(3));
    visit_order_rows(pool, account, orders.iter(), Counted::Backing, |rows| {
        values.extend_from_slice(rows);
        true
    });
    values
}

/// Which collateral counts. R3.10
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// What backs something new.
    Backing,
    /// All of it.
    All,
}

/// Computes the rows of [`order_rows`] matrix by matrix, until `visit` has seen enough; answers whether it never had.
fn visit_order_rows<'a>(
    pool: &Pool,
    account: &Account,
    orders: impl Iterator<Item = &'a Order> + Clone,
    counted: Counted,
    mut visit: impl FnMut(&[Money]) -> bool,
) -> bool {
    let matrices = &pool.matrices;
    let counts = |instrument: InstrumentId| counted == Counted::All || matrices.backs(instrument);
    let backing = without_dormant(matrices, &account.positions).filter(|_| counted == Counted::Backing);
    let positions = backing.as_deref().unwrap_or(&account.positions);
    let deducted = exit_cost_and_doubt(pool, account, orders.clone(), counts);
    let with_fee = |order: &'a Order| (order, pool.fee_bound(order.instrument, order.limit * order.quantity));
    let orders: Vec<(&Order, Money)> = orders.map(with_fee).collect();
    let mut block = [Money::ZERO; MAX_ROWS];
    [&matrices.maintenance, &matrices.target, &matrices.initial].into_iter().all(|rows| {
        let block = accumulate(&mut block, rows, account.cash - deducted, positions);
        for (order, fee) in &orders {
            let counts = counts(order.instrument);
            for (value, price) in block.iter_mut().zip(rows.column(order.instrument)) {
                let price = if counts { *price } else { Price::ZERO };
                *value += ((price - order.limit) * order.quantity - *fee).min(Money::ZERO);
            }
        }
        visit(block)
    })
}

/// The largest |position| in an instrument that a subset of the orders can reach. R7.2
#[must_use]
pub fn reachable<'a>(
    quantity: Quantity,
    orders: impl IntoIterator<Item = &'a Order>,
    instrument: InstrumentId,
) -> Quantity {
    let (lowest, highest) = reachable_ends(quantity, orders, instrument);
    lowest.abs().max(highest.abs())
}

/// The lowest and the highest position in an instrument that a subset of the orders can reach.
fn reachable_ends<'a>(
    quantity: Quantity,
    orders: impl IntoIterator<Item = &'a Order>,
    instrument: InstrumentId,
) -> (Quantity, Quantity) {
    let own = orders.into_iter().filter(|order| order.instrument == instrument);
    own.fold((quantity, quantity), |(lowest, highest), order| {
        (lowest + order.quantity.min(Quantity::ZERO), highest + order.quantity.or_zero())
    })
}

/// Initial exit cost at the largest size that a subset of the orders can reach, instrument by instrument, and the largest doubt that one
/// can reach, feed by feed. R7.2
fn exit_cost_and_doubt<'a>(
    pool: &Pool,
    account: &Account,
    orders: impl Iterator<Item = &'a Order> + Clone,
    counts: impl Fn(InstrumentId) -> bool,
) -> Money {
    let held = account.positions.iter().map(|position| position.instrument);
    let mut touched: Vec<InstrumentId> = held.chain(orders.clone().map(|order| order.instrument)).collect();
    touched.sort_unstable();
    touched.dedup();
    // R3.10: what counts for nothing has neither doubt nor a cost.
    touched.retain(|id| counts(*id));
    let range = |id: InstrumentId| {
        let (lowest, highest) = reachable_ends(account.quantity(id), orders.clone(), id);
        (id, lowest, highest)
    };
    let ranges: Vec<(InstrumentId, Quantity, Quantity)> = touched.into_iter().map(range).collect();
    let leaving = |(id, lowest, highest): &(InstrumentId, Quantity, Quantity)| {
        pool.matrices.exit_costs.of_position(*id, lowest.abs().max(highest.abs()), Bar::Initial)
    };
    ranges.iter().map(leaving).sum::<Money>() + doubt::against(pool, ranges.into_iter())
}

/// Whether the account stays sound whichever subset of its orders fills. R7.2
#[must_use]
pub fn meets_initial_with_orders(pool: &Pool, account: &Account) -> bool {
    meets_initial_with(pool, account, account.orders.iter())
}

/// Whether the account stays sound whichever subset of these orders fills. R7.2
pub(crate) fn meets_initial_with<'a>(
    pool: &Pool,
    account: &Account,
    orders: impl Iterator<Item = &'a Order> + Clone,
) -> bool {
    visit_order_rows(pool, account, orders, Counted::Backing, |rows| rows.iter().all(|value| !value.is_negative()))
}

/// Whether its orders may rest because they would be sound if all of the account's collateral counted. R7.2, R3.10
pub(crate) fn may_rest(pool: &Pool, account: &Account) -> bool {
    let holds_dormant = without_dormant(&pool.matrices, &account.positions).is_some();
    let is_sound = |rows: &[Money]| rows.iter().all(|value| !value.is_negative());
    holds_dormant && visit_order_rows(pool, account, account.orders.iter(), Counted::All, is_sound)
}

/// Whether going from `before` to `after` is allowed: every row is above the bar, or no worse than it was. R6.5
#[must_use]
pub fn may_go(before: &[Money], after: &[Money]) -> bool {
    before.iter().zip(after).all(|(before, after)| !after.is_negative() || after >= before)
}

/// What a liquidation judges an account by (equity, and the lowest stressed equity over maintenance and over target rows), if the worst
/// subset of its orders for each row fills at its limits. R6.3, R6.5
pub(crate) fn target_bars(pool: &Pool, account: &Account) -> [Money; 3] {
    let matrices = &pool.matrices;
    let fee = |order: &Order| pool.fee_bound(order.instrument, order.limit * order.quantity);
    let orders: Vec<(&Order, Money)> = account.orders.iter().map(|order| (order, fee(order))).collect();
    let lost = |(order, fee): &(&Order, Money), price: Price| lost_by(order, *fee, price);
    let mut touched: Vec<InstrumentId> = account.positions.iter().map(|position| position.instrument).collect();
    touched.extend(account.orders.iter().map(|order| order.instrument));
    touched.sort_unstable();
    touched.dedup();
    let cost = |id: InstrumentId| {
        matrices.exit_costs.of_position(id, reachable(account.quantity(id), &account.orders, id), Bar::Maintenance)
    };
    let deducted: Money = touched.into_iter().map(cost).sum();
    let mut block = [Money::ZERO; MAX_ROWS];
    let mut lowest = |rows: &Rows| {
        let block = accumulate(&mut block, rows, account.cash - deducted, &account.positions);
        for order in &orders {
            let column = rows.column(order.0.instrument);
            block.iter_mut().zip(column).for_each(|(value, price)| *value += lost(order, *price));
        }
        block.iter().copied().min().unwrap_or(account.cash)
    };
    let (maintenance, target) = (lowest(&matrices.maintenance), lowest(&matrices.target));
    [lowest_equity(pool, account), maintenance, target]
}

/// What a fill at the order's limit loses where a lot is worth this much; nothing where it gains.
fn lost_by(order: &Order, fee: Money, price: Price) -> Money {
    ((price - order.limit) * order.quantity - fee).min(Money::ZERO)
}

/// The equity that the worst subset of the account's orders leaves at today's marks: collateral that backs nothing new is worth something
/// there. R6.5
pub(crate) fn lowest_equity(pool: &Pool, account: &Account) -> Money {
    let lost = |order: &Order| {
        let fee = pool.fee_bound(order.instrument, order.limit * order.quantity);
        lost_by(order, fee, pool.matrices.mark(order.instrument))
    };
    let at_marks: Money = account.orders.iter().map(lost).sum();
    equity(&pool.matrices, account.cash, &account.positions) + at_marks
}

/// The initial rows of an account as it stands, without its orders.
#[must_use]
pub fn initial_rows(pool: &Pool, account: &Account) -> Vec<Money> {
    order_rows(pool, account, &[])
}

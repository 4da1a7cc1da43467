//! Part of step 5: collateral sold because a loan is too large (R2.6): first by whoever went beyond a limit, then by everybody.

use super::book::{Book, Interest, Origin, remove_orders};
use super::concession::forced_limit;
use super::liquidate::Budget;
use crate::event::{Event, Removal};
use crate::margin;
use crate::state::{FUND, Order, Pool, Position};
use crate::table::{AccountId, PoolId};
use crate::units::{Money, Price, Quantity, share_exactly};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What those who owe too much sell in this block, beside what `liquidations` sell.
pub(super) fn orders(
    pool: &mut Pool,
    id: PoolId,
    book: &mut Book,
    liquidations: &[Interest],
    say: &mut dyn FnMut(Event),
) -> Vec<Interest> {
    let due = due(pool);
    // Whoever owes no more than they may begins anew another time.
    pool.converting.retain(|account, _| due.contains_key(account));
    let mut all = Vec::new();
    if due.is_empty() {
        return all;
    }
    let accounts: Vec<AccountId> = due.keys().copied().collect();
    let mut budget = Budget::of(pool, book, &accounts);
    budget.take(liquidations);
    for (account, amount) in due {
        let orders = sales(pool, account, amount, &budget);
        // What it offers itself, at whatever price, must not keep it from selling: such orders leave where the balance is not enough for both.
        for order in &orders {
            let (instrument, sold) = (order.instrument, -order.quantity);
            if pool.accounts[account].quantity(instrument) - book.offered(instrument, account) < sold {
                book.take_back(instrument, account);
                let offers = |own: &Order| own.instrument == instrument && own.quantity.is_negative();
                remove_orders(pool, id, account, Removal::LoanCalledIn, offers, say);
            }
        }
        budget.take(&orders);
        if !orders.is_empty() {
            let blocks = pool.converting.entry(account).or_default();
            *blocks = blocks.saturating_add(1);
        }
        for order in &orders {
            let (instrument, quantity) = (order.instrument, -order.quantity);
            say(Event::CollateralConverted { pool: id, account, instrument, quantity });
        }
        all.extend(orders);
    }
    all
}

/// R2.6: how much each account has to repay. Who owes more than an account may repays everything. Where the others together owe more
/// than the pool lends, first those repay by whom the loans have grown beyond what was lent, then everybody in proportion.
fn due(pool: &mut Pool) -> BTreeMap<AccountId, Money> {
    let mut loans = pool.ask_for_loans();
    loans.retain(|(account, _)| pool.accounts[*account].is_good() && *account != FUND);
    let limit = pool.parameters.account_loan_limit;
    let (beyond, within): (Vec<_>, Vec<_>) = loans.into_iter().partition(|(_, loan)| *loan > limit);
    let owed: Money = within.iter().map(|(_, loan)| *loan).sum();
    let excess = (owed - pool.parameters.pool_loan_limit).or_zero();
    let grown: Vec<Money> =
        within.iter().map(|(account, loan)| (*loan - pool.accounts[*account].granted).or_zero()).collect();
    let first = excess.min(grown.iter().copied().sum());
    let lent = within.iter().zip(&grown).map(|((_, loan), grown)| *loan - *grown);
    let shares = shared(first, grown.iter().copied()).into_iter().zip(shared(excess - first, lent));
    let parts = within.iter().zip(shares).map(|((account, _), (first, then))| (*account, first + then));
    beyond.into_iter().chain(parts).filter(|(_, amount)| amount.is_positive()).collect()
}

fn shared(total: Money, weights: impl Iterator<Item = Money>) -> Vec<Money> {
    let weights: Vec<i128> = weights.map(Money::get).collect();
    share_exactly(total.get(), &weights).into_iter().map(Money::new).collect()
}

/// The balances that an account sells for what it has to repay, as a liquidation would: each as far as the throttle and the book allow
/// (R10.4), at a limit that concedes block by block (R10.3), and none that has no price or no market.
fn sales(pool: &Pool, account: AccountId, mut due: Money, budget: &Budget) -> Vec<Interest> {
    let held = &pool.accounts[account];
    let equity = margin::equity(&pool.matrices, held.cash, &held.positions);
    let blocks = pool.converting.get(&account).copied().unwrap_or_default();
    let can_go = |position: &&Position| {
        let listed = &pool.instruments[position.instrument];
        listed.is_spot() && listed.mark.is_positive() && pool.can_trade(position.instrument)
    };
    let mut orders = Vec::new();
    for position in held.positions.iter().filter(can_go) {
        let instrument = position.instrument;
        let mark = pool.instruments[instrument].mark;
        let room = position.quantity.times_ceil(pool.parameters.position_share).min(budget.left(instrument, -1));
        let lots: Quantity = due.or_zero().lots_ceil(mark).min(room);
        if lots.is_positive() {
            due -= mark * lots;
            let limit = forced_limit(pool, &held.positions, equity, position, u64::from(blocks)).max(Price::new(1));
            orders.push(Interest { account, instrument, quantity: -lots, limit, origin: Origin::Conversion });
        }
    }
    orders
}

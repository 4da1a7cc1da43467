//! What a closed account leaves behind: legs that waited for their market are the pool's, and go to the fund once nobody is owed (R10.8).
//!
//! Others have borne what the account could not pay even at the good edges of those legs. Were it to keep what they turn out to be worth,
//! a loss could be left with the pool and the gain taken out later.

use crate::event::Event;
use crate::state::{FUND, Pool, Position, Standing};
use crate::table::{AccountId, PoolId};
use crate::units::{Money, Price};
use alloc::vec::Vec;

/// R3.10: collateral of a closed account that has had no price for too long is sold to nobody: the fund has it, should it ever be worth
/// anything again.
pub(super) fn retire(pool: &mut Pool, id: PoolId, account: AccountId, say: &mut dyn FnMut(Event)) {
    if pool.accounts[account].standing == Standing::Closed {
        let is_dead = |position: &Position| pool.instruments[position.instrument].is_worthless();
        let dead: Vec<Position> = pool.accounts[account].positions.iter().filter(|leg| is_dead(leg)).cloned().collect();
        hand_over(pool, id, account, &dead, say);
    }
}

/// What is left of a closed account that owes nothing and has no derivative to close.
pub(super) fn forfeit(pool: &mut Pool, id: PoolId, account: AccountId, say: &mut dyn FnMut(Event)) {
    let held = &pool.accounts[account];
    let is_balance = |position: &Position| pool.instruments[position.instrument].is_spot();
    if !held.is_being_closed() || held.cash.is_negative() || !held.positions.iter().all(is_balance) {
        return;
    }
    let (balances, amount) = (held.positions.clone(), held.cash);
    hand_over(pool, id, account, &balances, say);
    if amount.is_positive() {
        pool.accounts.edit(account).cash = Money::ZERO;
        pool.accounts.edit(FUND).cash += amount;
        say(Event::RemainderForfeited { pool: id, account, amount });
    }
}

/// Gives balances to the fund, for nothing.
fn hand_over(pool: &mut Pool, id: PoolId, account: AccountId, balances: &[Position], say: &mut dyn FnMut(Event)) {
    for Position { instrument, quantity, .. } in balances {
        pool.trade(account, *instrument, -*quantity, Price::ZERO);
        pool.trade(FUND, *instrument, *quantity, Price::ZERO);
        say(Event::CollateralForfeited { pool: id, account, instrument: *instrument, quantity: *quantity });
    }
}

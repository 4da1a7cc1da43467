//! Part of step 6a: what is bought on credit waits where there is none (R2.5).
//!
//! An order that buys collateral was within the limits when it was accepted. Until it is filled marks move, the account borrows in other
//! ways, and others fill orders that were accepted beside it.

use super::book::Book;
use crate::margin;
use crate::state::Pool;
use crate::table::{AccountId, InstrumentId};
use crate::units::{Money, Quantity};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Leaves in the book what buyers of collateral may owe if it is filled: each within the limit of an account, and all of them, in
/// order, within what the pool can still lend. The others' purchases rest until there is room.
pub(super) fn hold_back(pool: &mut Pool, book: &mut Book) {
    let buys = |pool: &Pool, instrument: InstrumentId, quantity: Quantity| {
        pool.instruments[instrument].is_spot() && quantity.is_positive()
    };
    let all = book.interests.values().flatten().filter(|order| buys(pool, order.instrument, order.quantity));
    let buyers: BTreeSet<AccountId> = all.map(|order| order.account).collect();
    let promised = |account: AccountId| {
        let held = &pool.accounts[account];
        let (is, was) = (margin::promised_loan(pool, held), pool.loan_of(held));
        (is > was).then(|| (account, is, is - was))
    };
    let promised: Vec<(AccountId, Money, Money)> = buyers.into_iter().filter_map(promised).collect();
    if promised.is_empty() {
        return;
    }
    pool.know_loans(promised.iter().map(|(_, _, more)| *more).sum());
    let (most, all) = pool.limits_for_borrowing();
    let mut room = all - pool.total_loans();
    let mut waiting = BTreeSet::new();
    for (account, loan, more) in promised {
        if loan <= most && more <= room {
            room -= more;
        } else {
            waiting.insert(account);
        }
    }
    for (instrument, orders) in &mut book.interests {
        orders.retain(|order| !waiting.contains(&order.account) || !buys(pool, *instrument, order.quantity));
    }
}

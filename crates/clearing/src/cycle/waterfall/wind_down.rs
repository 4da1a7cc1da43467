//! The end of a pool, in one block: everything closes by rule, what is lacking is borne, what is owed is handed over, and what is left is
//! somebody's (R12.4, R12.8, R12.9).
//!
//! Afterwards no cash is negative and all cash together is what custody holds, so that whoever has anything can take all of it, in any order.

use super::estate;
use super::handover;
use super::layers;
use super::loss::{Loss, Owing};
use crate::cycle::book::remove_orders;
use crate::cycle::{claims, funding};
use crate::event::{Event, Removal};
use crate::margin;
use crate::state::{FUND, Feed, Pool, Position, Standing};
use crate::table::{AccountId, FeedId, PoolId, Table};
use crate::units::Money;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What others bore for whom.
pub(super) type Shortfalls = BTreeMap<AccountId, Money>;

/// Ends a pool. `before` are those for whom layers have paid in this block already. Work grows with the accounts and what they hold, once.
pub(super) fn end(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    reserve: &mut Money,
    before: Vec<Owing>,
    say: &mut dyn FnMut(Event),
) {
    // R16.1: nothing accrues from here on, and what has accrued is settled before anybody's worth is asked.
    funding::pay(pool, id, feeds, say);
    pool.winding_down = true;
    settle_derivatives(pool, feeds);
    close_accounts(pool, id, say);
    inherit_estates(pool, id, &before, say);
    let lacking = bear(pool, id, reserve, say);
    let shortfalls = shortfalls(before, lacking);
    give_back(pool, id, reserve, say);
    handover::settle(pool, id, &shortfalls, say);
    end_standings(pool, id, &shortfalls, say);
    say(Event::PoolWoundDown { pool: id });
}

/// R12.4: a derivative is worth what its feed last agreed on. It is the mark from here on, so that nobody gives anything away to it (R12.6).
fn settle_derivatives(pool: &mut Pool, feeds: &Table<FeedId, Feed>) {
    pool.pending = None;
    let time = pool.now.0;
    for (_, listed) in pool.instruments.iter_mut() {
        listed.pending = None;
        if !listed.is_spot() && listed.settled.is_none() {
            listed.mark = listed.within_sign(listed.averaging(time).worth(feeds[listed.parameters.feed].index));
            listed.settled = Some(listed.mark);
            listed.quotes = None;
        }
    }
}

/// One walk over everybody: orders, seals and bids end, and every position in a derivative closes. Positions sum to zero, so money is
/// conserved exactly.
fn close_accounts(pool: &mut Pool, id: PoolId, say: &mut dyn FnMut(Event)) {
    pool.bids.clear();
    pool.converting.clear();
    pool.carried = 0;
    for account in pool.accounts.ids() {
        if pool.accounts[account].seal.is_some() {
            pool.accounts.edit(account).seal = None;
        }
        remove_orders(pool, id, account, Removal::InstrumentClosed, |_| true, say);
        let is_derivative = |held: &&Position| !pool.instruments[held.instrument].is_spot();
        let legs: Vec<Position> = pool.accounts[account].positions.iter().filter(is_derivative).cloned().collect();
        for leg in legs {
            let price = pool.instruments[leg.instrument].mark;
            pool.trade(account, leg.instrument, -leg.quantity, price);
        }
    }
}

/// R10.8: what others have paid for is not its owner's, in this block or before. What it is worth goes to the fund first, so that it pays losses.
fn inherit_estates(pool: &mut Pool, id: PoolId, before: &[Owing], say: &mut dyn FnMut(Event)) {
    let being_closed = pool.accounts.iter().filter(|(_, held)| held.is_being_closed()).map(|(account, _)| account);
    let paid_for = before.iter().filter(|owing| owing.left < owing.owed).map(|owing| owing.account);
    let estates: Vec<AccountId> = being_closed.chain(paid_for).collect();
    estates.into_iter().for_each(|account| estate::inherit(pool, id, account, say));
}

/// What is lacking now goes through the layers anew, with everything that the fund has; the rest is everybody's, by what they have. R12.4
fn bear(pool: &mut Pool, id: PoolId, reserve: &mut Money, say: &mut dyn FnMut(Event)) -> Loss {
    let is_below = |account: &AccountId| worth(pool, *account).is_negative();
    let below: Vec<AccountId> = pool.accounts.ids().filter(is_below).collect();
    let mut loss = Loss::of(pool, id, &below, say);
    layers::cover(pool, reserve, &mut loss, say);
    layers::cut_everything(pool, &mut loss, say);
    assert!(loss.left().is_zero(), "what a pool has, all together, is not less than nothing");
    loss
}

/// What an account has at the last prices.
pub(super) fn worth(pool: &Pool, account: AccountId) -> Money {
    let held = &pool.accounts[account];
    margin::equity(&pool.matrices, held.cash, &held.positions)
}

/// What others bore for each: in the block's layers before, and at the end.
fn shortfalls(before: Vec<Owing>, lacking: Loss) -> Shortfalls {
    let mut all = Shortfalls::new();
    let earlier = before.into_iter().map(|owing| (owing.account, owing.owed - owing.left));
    for (account, borne) in earlier.chain(lacking.owing.into_iter().map(|owing| (owing.account, owing.owed))) {
        if borne.is_positive() {
            *all.entry(account).or_default() += borne;
        }
    }
    all
}

/// R12.9: the pool's own money becomes the fund's, which repays what it can of its claims; backstop providers have theirs back at once.
fn give_back(pool: &mut Pool, id: PoolId, reserve: &mut Money, say: &mut dyn FnMut(Event)) {
    let own = [&mut pool.own_capital, &mut pool.fees, &mut pool.rounding];
    let own: Money = own.into_iter().map(core::mem::take).sum();
    pool.accounts.edit(FUND).cash += own;
    claims::repay_at_the_end(pool, id, reserve, worth(pool, FUND).or_zero(), say);
    for (provider, share) in core::mem::take(&mut pool.tranche) {
        pool.accounts.edit(provider).credit(share.amount);
    }
    pool.line.close();
}

/// Nobody stays in liquidation: whoever made others bear is closed, everybody else is good. The fund's account is the pool's owner's. R12.9
fn end_standings(pool: &mut Pool, id: PoolId, shortfalls: &Shortfalls, say: &mut dyn FnMut(Event)) {
    let ends = |account: &AccountId| {
        let held = &pool.accounts[*account];
        matches!(held.standing, Standing::Liquidating { .. }) || held.is_being_closed()
    };
    let liquidating: Vec<AccountId> = pool.accounts.ids().filter(ends).collect();
    for account in liquidating {
        pool.accounts.edit(account).standing = Standing::Good;
        if !shortfalls.contains_key(&account) {
            say(Event::AccountRestored { pool: id, account, equity: worth(pool, account) });
        }
    }
    for (account, shortfall) in shortfalls {
        // A claim that was repaid at the end is its owner's.
        let held = &pool.accounts[*account];
        let has_nothing = held.cash.is_zero() && held.positions.is_empty();
        if *account != FUND && has_nothing {
            pool.accounts.edit(*account).standing = Standing::Closed;
        }
        say(Event::AccountClosed { pool: id, account: *account, shortfall: *shortfall });
    }
    pool.accounts.edit(FUND).owner = pool.owner;
}

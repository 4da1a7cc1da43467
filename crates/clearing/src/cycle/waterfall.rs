//! Step 8: a loss beyond the defaulter's own collateral is taken layer by layer, each to its cap (R12).

mod layers;
mod deleverage;

use crate::event::Event;
use crate::margin;
use crate::state::{Feed, Pool, Standing};
use crate::table::{AccountId, FeedId, PoolId, Table};
use crate::units::Money;
use alloc::vec::Vec;

/// Closes what nobody took and allocates every shortfall.
pub(super) fn allocate(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    reserve: &mut Money,
    accounts: Vec<AccountId>,
    say: &mut dyn FnMut(Event),
) {
    for account in accounts {
        if holds_derivatives(pool, account) {
            close_rest(pool, id, reserve, account, say);
        }
        if pool.accounts[account].positions.is_empty() {
            settle_shortfall(pool, id, feeds, reserve, account, say);
        }
    }
}

fn holds_derivatives(pool: &Pool, account: AccountId) -> bool {
    pool.accounts[account].positions.iter().any(|position| !pool.instruments[position.instrument].is_spot())
}

/// R12.2: nobody took the rest: the layers above pay what they can of its deficit, and its positions are closed against
/// opposing ones at the price that leaves the rest of the deficit with them.
fn close_rest(pool: &mut Pool, id: PoolId, reserve: &mut Money, account: AccountId, say: &mut dyn FnMut(Event)) {
    let held = &pool.accounts[account];
    let deficit = (-margin::equity(&pool.matrices, held.cash, &held.positions)).or_zero();
    let uncovered = layers::cover(pool, id, reserve, account, deficit, say);
    deleverage::close(pool, id, account, uncovered, say);
}

/// What an account without positions still owes goes down the layers; in the end it owes nothing and is closed.
fn settle_shortfall(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    reserve: &mut Money,
    account: AccountId,
    say: &mut dyn FnMut(Event),
) {
    let shortfall = (-pool.accounts[account].cash).or_zero();
    if shortfall.is_zero() {
        pool.accounts.edit(account).standing = Standing::Good;
        return;
    }
    let uncovered = layers::cover(pool, id, reserve, account, shortfall, say);
    let uncovered = layers::cut_gains(pool, id, account, uncovered, say);
    if uncovered.is_positive() {
        layers::wind_down(pool, id, feeds, account, say);
    }
    assert!(!pool.accounts[account].cash.is_negative(), "the layers of the waterfall cover every loss");
    // The fund is never closed: it stands there empty until capital comes in.
    let fund = account == crate::state::FUND;
    pool.accounts.edit(account).standing = if fund { Standing::Good } else { Standing::Closed };
    say(Event::AccountClosed { pool: id, account, shortfall });
}

//! Step 8: a loss beyond the defaulter's own collateral is taken layer by layer, each to its cap (R12).

mod layers;
mod deleverage;

use crate::event::Event;
use crate::margin;
use crate::state::{FUND, Feed, Pool, Standing};
use crate::table::{AccountId, FeedId, PoolId, Table};
use crate::units::Money;
use alloc::vec::Vec;
use deleverage::Holders;

/// Closes what nobody took and allocates every shortfall.
pub(super) fn allocate(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    reserve: &mut Money,
    accounts: Vec<AccountId>,
    say: &mut dyn FnMut(Event),
) {
    let mut holders = Holders::default();
    for account in accounts {
        let mut borne = Money::ZERO;
        if holds_derivatives(pool, account) {
            borne = close_rest(pool, id, reserve, account, &mut holders, say);
        }
        if pool.accounts[account].positions.is_empty() {
            borne += settle_shortfall(pool, id, feeds, reserve, account, say);
            stand_after(pool, id, account, borne, say);
        }
    }
}

fn holds_derivatives(pool: &Pool, account: AccountId) -> bool {
    pool.accounts[account].positions.iter().any(|position| !pool.instruments[position.instrument].is_spot())
}

/// R12.2: nobody took the rest: the layers above pay what they can of its deficit, and its positions are closed against
/// opposing ones at the price that leaves the rest of the deficit with them.
/// Answers what others bore of the deficit.
fn close_rest(
    pool: &mut Pool,
    id: PoolId,
    reserve: &mut Money,
    account: AccountId,
    holders: &mut Holders,
    say: &mut dyn FnMut(Event),
) -> Money {
    let owed = |pool: &Pool| {
        let held = &pool.accounts[account];
        (-margin::equity(&pool.matrices, held.cash, &held.positions)).or_zero()
    };
    let deficit = owed(pool);
    let uncovered = layers::cover(pool, id, reserve, account, deficit, say);
    deleverage::close(pool, id, account, uncovered, holders, say);
    deficit - owed(pool)
}

/// What an account without positions still owes goes down the layers; in the end it owes nothing. Answers what it owed.
fn settle_shortfall(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    reserve: &mut Money,
    account: AccountId,
    say: &mut dyn FnMut(Event),
) -> Money {
    let shortfall = (-pool.accounts[account].cash).or_zero();
    let uncovered = layers::cover(pool, id, reserve, account, shortfall, say);
    let uncovered = layers::cut_gains(pool, id, account, uncovered, say);
    if uncovered.is_positive() {
        layers::wind_down(pool, id, feeds, account, say);
    }
    assert!(!pool.accounts[account].cash.is_negative(), "the layers of the waterfall cover every loss");
    shortfall
}

/// Who made others bear a loss is closed. The fund is never: it stands there empty until capital comes in.
fn stand_after(pool: &mut Pool, id: PoolId, account: AccountId, borne: Money, say: &mut dyn FnMut(Event)) {
    let closed = borne.is_positive() && account != FUND;
    pool.accounts.edit(account).standing = if closed { Standing::Closed } else { Standing::Good };
    if borne.is_positive() {
        say(Event::AccountClosed { pool: id, account, shortfall: borne });
    }
}

//! Step 8: the losses of a block beyond the defaulters' own collateral are taken together, layer by layer, each to its cap (R12).

mod loss;
mod layers;
mod deleverage;

use super::claims;
use crate::event::Event;
use crate::state::{FUND, Feed, Pool, Standing};
use crate::table::{AccountId, FeedId, PoolId, Table};
use crate::units::{Money, Time};
use alloc::vec::Vec;
pub(super) use layers::fund_dues;
use loss::{Loss, Owing};

/// Closes what nobody took of all these accounts, and allocates what they all lack together: whose turn comes first decides nothing.
pub(super) fn allocate(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    time: Time,
    reserve: &mut Money,
    mut accounts: Vec<AccountId>,
    say: &mut dyn FnMut(Event),
) {
    // Collateral alone has no other side to be closed against: what is owed is seen when it is gone (R10.5).
    accounts.retain(|account| pool.accounts[*account].positions.is_empty() || holds_derivatives(pool, *account));
    if accounts.is_empty() {
        return;
    }
    let claims_stood = pool.claims_stand();
    let closed = deleverage::close(pool, &accounts);
    let mut loss = Loss::of(pool, id, &accounts, say);
    layers::cover(pool, reserve, &mut loss, say);
    deleverage::charge(pool, &closed, &mut loss, say);
    layers::cut_gains(pool, &mut loss, say);
    layers::cut_equity(pool, &mut loss, say);
    if loss.left_claims() {
        claims::remember(pool, claims_stood);
    }
    if let Some(first) = loss.first_uncovered(pool) {
        layers::wind_down(pool, id, feeds, time, first, say);
        pool.claims = crate::state::Claims::default();
    }
    for owing in loss.owing {
        stand_after(pool, id, &owing, say);
    }
}

fn holds_derivatives(pool: &Pool, account: AccountId) -> bool {
    pool.accounts[account].positions.iter().any(|position| !pool.instruments[position.instrument].is_spot())
}

/// Who made others bear a loss is closed. The fund is never: it stands there empty until capital comes in.
fn stand_after(pool: &mut Pool, id: PoolId, owing: &Owing, say: &mut dyn FnMut(Event)) {
    let account = owing.account;
    if !pool.accounts[account].positions.is_empty() {
        return;
    }
    assert!(!pool.accounts[account].cash.is_negative(), "the layers of the waterfall cover every loss");
    let closed = owing.owed.is_positive() && account != FUND;
    pool.accounts.edit(account).standing = if closed { Standing::Closed } else { Standing::Good };
    if owing.owed.is_positive() {
        say(Event::AccountClosed { pool: id, account, shortfall: owing.owed });
    }
}

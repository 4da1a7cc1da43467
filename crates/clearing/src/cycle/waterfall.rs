//! Step 8: the losses of a block beyond the defaulters' own collateral are taken together, layer by layer, each to its cap (R12).

mod loss;
mod layers;
mod deleverage;
mod estate;

use super::claims;
use crate::event::Event;
use crate::state::{FUND, Feed, Pool, Position, Standing};
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
    accounts: Vec<AccountId>,
    say: &mut dyn FnMut(Event),
) {
    accounts.iter().for_each(|account| estate::retire(pool, id, *account, say));
    let due: Vec<AccountId> = accounts.iter().copied().filter(|account| is_due(pool, *account)).collect();
    if !due.is_empty() {
        allocate_together(pool, id, feeds, time, reserve, &due, say);
    }
    accounts.iter().for_each(|account| estate::forfeit(pool, id, *account, say));
}

fn allocate_together(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    time: Time,
    reserve: &mut Money,
    accounts: &[AccountId],
    say: &mut dyn FnMut(Event),
) {
    let claims_stood = pool.claims_stand();
    let closed = deleverage::close(pool, accounts);
    let mut loss = Loss::of(pool, id, accounts, say);
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

/// Whether an account has derivatives to close, or nothing left to sell. Collateral alone has no other side to be closed against: what is
/// owed is seen when it is gone (R10.5). What a closed account owes beyond the good edge of the legs that wait was borne when it was closed,
/// and the rest is when they are gone (R10.8).
fn is_due(pool: &Pool, account: AccountId) -> bool {
    let held = &pool.accounts[account];
    let open = pool.open_legs(&held.positions);
    let waits_for_the_rest = held.is_being_closed() && !held.positions.is_empty();
    let is_derivative = |position: &Position| !pool.instruments[position.instrument].is_spot();
    open.iter().any(is_derivative) || open.is_empty() && !waits_for_the_rest
}

/// Who made others bear a loss is closed, with whatever nobody has taken yet. The fund is never: it stands there empty until capital comes in.
fn stand_after(pool: &mut Pool, id: PoolId, owing: &Owing, say: &mut dyn FnMut(Event)) {
    let account = owing.account;
    let held = &pool.accounts[account];
    let covered = !pool.open_legs(&held.positions).is_empty() || !pool.best_equity(held).is_negative();
    assert!(covered, "the layers of the waterfall cover every loss");
    let (is_empty, is_closed) = (held.positions.is_empty(), held.standing == Standing::Closed);
    if owing.owed.is_positive() && account != FUND {
        pool.accounts.edit(account).standing = Standing::Closed;
    } else if is_empty && !is_closed {
        pool.accounts.edit(account).standing = Standing::Good;
    }
    if owing.owed.is_positive() {
        say(Event::AccountClosed { pool: id, account, shortfall: owing.owed });
    }
}

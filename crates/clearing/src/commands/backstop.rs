//! Money that stands behind the pool: bids, tranche, capital and lines (R10.5, R11.6, R12.1).

use super::{Outcome, account_of, custody, know_loans, own_account, pool_of, require, require_amount};
use crate::command::{Capital, Key, Rejection};
use crate::event::Event;
use crate::state::{Bid, FUND, LineChange, State};
use crate::table::{AccountId, PoolId};
use crate::units::{MAX_MONEY, Money, Ratio};
use alloc::vec::Vec;

/// A bid stands in advance: a liquidation waits for nobody's transaction. R10.7
pub(super) fn place_bid(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    account: AccountId,
    premium: Ratio,
    capacity: Money,
) -> Outcome {
    require_amount(capacity)?;
    require(!premium.is_negative(), Rejection::RatioOutOfRange)?;
    let (found, bidder) = own_account(state, signer, pool, account)?;
    require(premium <= found.parameters.max_premium, Rejection::RatioOutOfRange)?;
    require(!found.winding_down, Rejection::PoolWindingDown)?;
    require(bidder.is_good(), Rejection::AccountNotGood)?;

    state.pools[pool].bids.insert(account, Bid { premium, capacity });
    Ok(())
}

pub(super) fn cancel_bid(state: &mut State, signer: Key, pool: PoolId, account: AccountId) -> Outcome {
    let (found, _) = own_account(state, signer, pool, account)?;
    require(found.bids.contains_key(&account), Rejection::BidNotFound)?;

    state.pools[pool].bids.remove(&account);
    Ok(())
}

pub(super) fn join_tranche(state: &mut State, signer: Key, pool: PoolId, account: AccountId, amount: Money) -> Outcome {
    require_amount(amount)?;
    know_loans(state, pool);
    let (found, _) = own_account(state, signer, pool, account)?;
    require(!found.winding_down, Rejection::PoolWindingDown)?;
    custody::check_withdrawal(found, account, amount)?;

    let found = &mut state.pools[pool];
    found.accounts.edit(account).cash -= amount;
    found.tranche.entry(account).or_default().amount += amount;
    Ok(())
}

pub(super) fn leave_tranche(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    account: AccountId,
    amount: Money,
) -> Outcome {
    require_amount(amount)?;
    let (found, _) = own_account(state, signer, pool, account)?;
    let share = found.tranche.get(&account).ok_or(Rejection::BalanceTooSmall)?;
    require(share.amount >= amount, Rejection::BalanceTooSmall)?;

    let leaves_at = state.time + found.parameters.tranche_notice;
    let share = state.pools[pool].tranche.entry(account).or_default();
    share.leaving = amount;
    share.leaves_at = leaves_at;
    Ok(())
}

pub(super) fn capitalise(state: &mut State, signer: Key, pool: PoolId, capital: Capital, amount: Money) -> Outcome {
    require_amount(amount)?;
    require(signer == state.custodian, Rejection::NotAuthorised)?;
    let found = pool_of(state, pool)?;
    account_of(found, FUND)?;
    // R7.9: the cap is for members' money; what bears their losses is never kept out by it.
    require((found.custody + amount).get() <= MAX_MONEY, Rejection::PoolCapExceeded)?;

    let found = &mut state.pools[pool];
    found.custody += amount;
    match capital {
        Capital::OwnCapital => found.own_capital += amount,
        Capital::Fund => {
            found.accounts.edit(FUND).cash += amount;
            found.fund_was_given(amount);
        }
    }
    Ok(())
}

pub(super) fn fund_reserve(state: &mut State, signer: Key, amount: Money) -> Outcome {
    require_amount(amount)?;
    require(signer == state.custodian, Rejection::NotAuthorised)?;
    require((state.reserve + amount).get() <= MAX_MONEY, Rejection::PoolCapExceeded)?;

    state.reserve += amount;
    Ok(())
}

pub(super) fn set_line(state: &mut State, signer: Key, pool: PoolId, cap: Money, events: &mut Vec<Event>) -> Outcome {
    require(!cap.is_negative() && cap.get() <= MAX_MONEY, Rejection::AmountOutOfRange)?;
    require(signer == state.governance, Rejection::NotAuthorised)?;
    let found = pool_of(state, pool)?;
    // R11.6: every line is posted in advance: the reserve covers all that may still be drawn at once.
    let others: Money =
        state.pools.iter().filter(|(id, _)| *id != pool).map(|(_, other)| other.line.cap - other.line.drawn).sum();
    require(cap >= found.line.drawn, Rejection::AmountOutOfRange)?;
    require(others + cap - found.line.drawn <= state.reserve, Rejection::ReserveTooSmall)?;

    // R7.8: a line that rises takes from what stands behind everybody, one that falls from the pool's own members.
    let members = state.pools.iter().filter(|(_, pool)| !pool.has_no_members());
    let notice = members.map(|(_, pool)| pool.parameters.timelock).max().unwrap_or_default();
    let effective_at = state.time + notice;
    let line = &mut state.pools[pool].line;
    line.cap = cap.max(line.open);
    line.pending = (cap != line.open).then_some(LineChange { cap, effective_at });
    if notice.is_zero() {
        line.apply();
    } else if line.pending.is_some() {
        events.push(Event::ChangeScheduled { effective_at });
    }
    Ok(())
}

//! Accounts, deposits and withdrawals (R2, R7.4).

use super::{Outcome, account_of, know_loans, own_account, pool_of, require, require_amount, require_lots};
use crate::command::{Key, Rejection};
use crate::event::Event;
use crate::margin;
use crate::parameters::Kind;
use crate::state::{Account, FUND, Instrument, Pool, State};
use crate::table::{AccountId, InstrumentId, PoolId};
use crate::units::{MAX_ACCOUNTS, MAX_MONEY, MAX_QUANTITY, Money, Price, Quantity, Ratio, Time};
use alloc::vec::Vec;

pub(super) fn open_account(state: &mut State, signer: Key, pool: PoolId, events: &mut Vec<Event>) -> Outcome {
    let found = pool_of(state, pool)?;
    require(!found.winding_down, Rejection::PoolWindingDown)?;
    require(found.accounts.len() < MAX_ACCOUNTS, Rejection::TooManyAccounts)?;

    let account = state.pools[pool].accounts.push(Account::new(signer));
    events.push(Event::AccountOpened { pool, account });
    Ok(())
}

pub(super) fn deposit(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    account: AccountId,
    amount: Money,
    events: &mut Vec<Event>,
) -> Outcome {
    require_amount(amount)?;
    require(signer == state.custodian, Rejection::NotAuthorised)?;
    let found = pool_of(state, pool)?;
    let owner = account_of(found, account)?;
    require(account != FUND, Rejection::NotAuthorised)?;
    require(!owner.is_being_closed(), Rejection::AccountBeingClosed)?;
    // R7.9: who fills a pool keeps nobody from paying in margin.
    let after = found.custody + amount;
    let beyond = amount.min(after - found.parameters.cash_cap);
    let fits = !beyond.is_positive() || beyond <= margin_room(found, owner);
    require(fits && after.get() <= MAX_MONEY, Rejection::PoolCapExceeded)?;

    // R13.2: deposits work in every state of the breakers.
    let found = &mut state.pools[pool];
    found.custody += amount;
    found.accounts.edit(account).credit(amount);
    events.push(Event::Deposited { pool, account, amount });
    Ok(())
}

/// The most money that the account may need beyond what it has: what it owes, or what is missing to the value of its derivatives and
/// their initial margin. Beyond the cap of the pool it may still pay in that much. R7.9
#[must_use]
pub fn margin_room(pool: &Pool, account: &Account) -> Money {
    let equity = margin::equity(&pool.matrices, account.cash, &account.positions);
    let needs =
        margin::notional(pool, &account.positions) + margin::initial_margin(pool, account.cash, &account.positions);
    (needs - equity).or_zero().max(margin::loan(pool, account))
}

/// The cap on a collateral asset, which grows from zero after listing. R7.6
fn cap_now(instrument: &Instrument, time: Time) -> Option<Quantity> {
    let Kind::Spot { cap, ramp, .. } = instrument.parameters.kind else { return None };
    let age = time - instrument.listed_at;
    if age.is_negative() {
        return Some(Quantity::ZERO);
    }
    if age >= ramp {
        return Some(cap);
    }
    Some(cap.times_floor(Ratio::ONE.over_floor(age, ramp)))
}

pub(super) fn deposit_collateral(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    account: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
    events: &mut Vec<Event>,
) -> Outcome {
    require_lots(quantity)?;
    require(signer == state.custodian, Rejection::NotAuthorised)?;
    let found = pool_of(state, pool)?;
    let asset = found.instruments.find(instrument).ok_or(Rejection::InstrumentNotFound)?;
    let owner = account_of(found, account)?;
    require(account != FUND, Rejection::NotAuthorised)?;
    require(!owner.is_being_closed(), Rejection::AccountBeingClosed)?;
    let cap = cap_now(asset, state.time).ok_or(Rejection::WrongKind)?;
    require(asset.total + quantity <= cap, Rejection::CollateralCapExceeded)?;
    require((owner.quantity(instrument) + quantity).get() <= MAX_QUANTITY, Rejection::QuantityOutOfRange)?;

    // A balance comes in from custody, not from another account: no money moves.
    let found = &mut state.pools[pool];
    found.accounts.edit(account).reopen();
    found.trade(account, instrument, quantity, Price::ZERO);
    events.push(Event::CollateralDeposited { pool, account, instrument, quantity });
    Ok(())
}

/// Whether the account as it would be may let value go: sound in every initial row whatever its orders do, and with at
/// least the withdrawal floor of its notional left. R7.4
fn may_leave(pool: &Pool, after: &Account) -> bool {
    // R3.10: nobody is lent anything on collateral that has no live price.
    let backing = margin::without_dormant(&pool.matrices, &after.positions);
    let backing = backing.as_deref().unwrap_or(&after.positions);
    let equity = margin::equity(&pool.matrices, after.cash, backing);
    let floor = margin::notional(pool, &after.positions).times_ceil(pool.parameters.withdrawal_floor);
    let unburdened = after.positions.is_empty() && after.orders.is_empty();
    let covered = if unburdened { !after.cash.is_negative() } else { margin::meets_initial_with_orders(pool, after) };
    covered && equity >= floor
}

/// Whether the account as it would be owes no more than the limits, or no more than before; [`Pool::know_loans`] comes first. R2.5
pub(super) fn loan_allows(pool: &Pool, before: &Account, after: &Account) -> bool {
    let (was, is) = (margin::promised_loan(pool, before), margin::promised_loan(pool, after));
    if is <= was {
        return true;
    }
    let (account, all) = pool.limits_for_borrowing();
    is <= account && pool.total_loans() - pool.loan_of(before) + is <= all
}

pub(super) fn withdraw(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    account: AccountId,
    amount: Money,
    events: &mut Vec<Event>,
) -> Outcome {
    require_amount(amount)?;
    know_loans(state, pool);
    let (found, _) = own_account(state, signer, pool, account)?;
    check_withdrawal(found, account, amount)?;

    let found = &mut state.pools[pool];
    found.custody -= amount;
    found.accounts.edit(account).cash -= amount;
    events.push(Event::Withdrawn { pool, account, amount });
    Ok(())
}

/// What a withdrawal of money must pass once the signer is known. What has accrued against the account stays behind. R7.4
pub(super) fn check_withdrawal(pool: &Pool, account: AccountId, amount: Money) -> Outcome {
    let before = pool.net(account);
    require(before.is_good(), Rejection::AccountNotGood)?;
    require(pool.custody >= amount, Rejection::BalanceTooSmall)?;
    let mut after = before.clone().into_owned();
    after.cash -= amount;
    require(loan_allows(pool, &before, &after), Rejection::LoanLimitExceeded)?;
    require(may_leave(pool, &after), Rejection::WithdrawalMarginNotMet)
}

pub(super) fn withdraw_collateral(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    account: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
    events: &mut Vec<Event>,
) -> Outcome {
    require_lots(quantity)?;
    let (found, before) = own_account(state, signer, pool, account)?;
    let asset = found.instruments.find(instrument).ok_or(Rejection::InstrumentNotFound)?;
    require(asset.is_spot(), Rejection::WrongKind)?;
    require(before.is_good(), Rejection::AccountNotGood)?;
    let offered: Quantity = before
        .orders
        .iter()
        .filter(|order| order.instrument == instrument)
        .map(|order| (-order.quantity).or_zero())
        .sum();
    require(before.quantity(instrument) - offered >= quantity, Rejection::BalanceTooSmall)?;
    let mut after = found.net(account).into_owned();
    remove_lots(&mut after, instrument, quantity);
    require(may_leave(found, &after), Rejection::WithdrawalMarginNotMet)?;

    state.pools[pool].trade(account, instrument, -quantity, Price::ZERO);
    events.push(Event::CollateralWithdrawn { pool, account, instrument, quantity });
    Ok(())
}

fn remove_lots(account: &mut Account, instrument: InstrumentId, quantity: Quantity) {
    for position in account.positions.iter_mut().filter(|position| position.instrument == instrument) {
        position.quantity -= quantity;
    }
    account.positions.retain(|position| !position.quantity.is_zero());
}

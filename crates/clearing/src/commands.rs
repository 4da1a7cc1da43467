//! Commands: check everything, then change the state in a way that cannot fail (R7.1).
//!
//! A function here reads as a list of refusals, in the order shape, authority, existence, standing, limits, margin, and
//! then a plain change.

mod listing;
mod custody;
mod orders;
mod closing;
mod venues;
mod backstop;
mod prices;

pub use custody::margin_room;
pub(crate) use listing::{apply_feed, feed_fits, instrument_fits, pool_fits};
pub(crate) use orders::lifetime_is_over;
pub use orders::{highest_number, judge, seal_of};

use crate::command::{Command, Key, Rejection, Signed};
use crate::event::Event;
use crate::state::{Account, FUND, Pool, State, VenueLeave};
use crate::table::{AccountId, PoolId};
use crate::units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, Money, Price, Quantity};
use alloc::vec::Vec;

/// What a command comes to.
pub(crate) type Outcome = Result<(), Rejection>;

/// Executes one command, or says why not.
pub(crate) fn execute(state: &mut State, signed: &Signed, events: &mut Vec<Event>) -> Outcome {
    let signer = signed.signer;
    match signed.command.clone() {
        Command::ListFeed { name, parameters } => listing::list_feed(state, signer, name, parameters, events),
        Command::SetFeed { feed, parameters } => listing::set_feed(state, signer, feed, parameters, events),
        Command::OpenPool { name, parameters } => listing::open_pool(state, signer, name, parameters, events),
        Command::OpenOwnPool { name, from_pool, from_account, first_loss, feed } => {
            let lister = listing::Lister { signer, pool: from_pool, account: from_account, first_loss };
            listing::open_own_pool(state, &lister, name, feed, events)
        }
        Command::SetPool { pool, parameters } => listing::set_pool(state, signer, pool, parameters, events),
        Command::ListInstrument { pool, name, parameters } => {
            listing::list_instrument(state, signer, pool, name, parameters, events)
        }
        Command::SetInstrument { pool, instrument, parameters } => {
            listing::set_instrument(state, signer, pool, instrument, parameters, events)
        }
        Command::SetLine { pool, cap } => backstop::set_line(state, signer, pool, cap, events),
        Command::FundReserve { amount } => backstop::fund_reserve(state, signer, amount),
        Command::Capitalise { pool, capital, amount } => backstop::capitalise(state, signer, pool, capital, amount),
        Command::OpenAccount { pool } => custody::open_account(state, signer, pool, events),
        Command::Deposit { pool, account, amount } => custody::deposit(state, signer, pool, account, amount, events),
        Command::DepositCollateral { pool, account, instrument, quantity } => {
            custody::deposit_collateral(state, signer, pool, account, instrument, quantity, events)
        }
        Command::Withdraw { pool, account, amount } => custody::withdraw(state, signer, pool, account, amount, events),
        Command::WithdrawCollateral { pool, account, instrument, quantity } => {
            custody::withdraw_collateral(state, signer, pool, account, instrument, quantity, events)
        }
        Command::PlaceOrder { pool, account, order } => orders::place(state, signer, pool, account, &order, events),
        Command::CancelOrder { pool, account, number } => orders::cancel(state, signer, pool, account, number, events),
        Command::CancelAll { pool, account } => orders::cancel_all(state, signer, pool, account, events),
        Command::SealOrder { pool, account, seal } => orders::seal(state, signer, pool, account, seal),
        Command::RevealOrder { pool, account, order, salt } => {
            orders::reveal(state, signer, pool, account, &order, &salt, events)
        }
        Command::Trade { pool, instrument, buyer, seller, quantity, price } => {
            let trade = orders::VenueTrade { instrument, buyer, seller, quantity, price };
            orders::trade(state, signer, pool, &trade, events)
        }
        Command::PlaceBid { pool, account, premium, capacity } => {
            backstop::place_bid(state, signer, pool, account, premium, capacity)
        }
        Command::CancelBid { pool, account } => backstop::cancel_bid(state, signer, pool, account),
        Command::JoinTranche { pool, account, amount } => backstop::join_tranche(state, signer, pool, account, amount),
        Command::LeaveTranche { pool, account, amount } => {
            backstop::leave_tranche(state, signer, pool, account, amount)
        }
        Command::Observe { feed, price, confidence, published_at, transfers_suspended } => {
            let seen = crate::state::Observation { price, confidence, published_at, transfers_suspended };
            prices::observe(state, signer, feed, seen)
        }
        Command::Forecast { feed, volatility } => prices::forecast(state, signer, feed, volatility),
        Command::AllowVenue { pool, account, venue, loss, margin } => {
            venues::allow(state, signer, pool, account, VenueLeave { venue, loss, margin })
        }
    }
}

/// Brings what is known of a pool's loans up to date, before a command asks whether it may lend more. R2.5
fn know_loans(state: &mut State, pool: PoolId) {
    if state.pools.find(pool).is_some() {
        let (one, _) = state.pools[pool].limits_for_borrowing();
        state.pools[pool].know_loans(one);
    }
}

/// The refusal, unless the condition holds.
fn require(condition: bool, rejection: Rejection) -> Outcome {
    if condition { Ok(()) } else { Err(rejection) }
}

fn require_amount(amount: Money) -> Outcome {
    require(amount.is_positive() && amount.get() <= MAX_MONEY, Rejection::AmountOutOfRange)
}

fn require_lots(quantity: Quantity) -> Outcome {
    require(quantity.is_positive() && quantity.get() <= MAX_QUANTITY, Rejection::QuantityOutOfRange)
}

fn require_price(price: Price) -> Outcome {
    require(price.get().checked_abs().is_some_and(|size| size <= MAX_PRICE), Rejection::PriceOutOfRange)
}

fn pool_of(state: &State, pool: PoolId) -> Result<&Pool, Rejection> {
    state.pools.find(pool).ok_or(Rejection::PoolNotFound)
}

fn account_of(pool: &Pool, account: AccountId) -> Result<&Account, Rejection> {
    pool.accounts.find(account).ok_or(Rejection::AccountNotFound)
}

/// The account if the signer owns it. Nobody owns the fund.
fn own_account(state: &State, signer: Key, pool: PoolId, account: AccountId) -> Result<(&Pool, &Account), Rejection> {
    let pool = pool_of(state, pool)?;
    let found = account_of(pool, account)?;
    require(found.owner == signer && account != FUND, Rejection::NotAuthorised)?;
    Ok((pool, found))
}

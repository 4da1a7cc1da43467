//! The usual commands, in the units of people.

use crate::error::ClientError;
use authority::{Request, Scopes};
use clearing::command::{Command, Lifetime, NewOrder, OrderNumber};
use clearing::table::{AccountId, InstrumentId, PoolId};
use clearing::units::{Money, Time};
use protocol::decimal::{parse_price, parse_quantity, parse_usd};
use protocol::shapes::Market;

/// A market's places: a lot of 0.001 has three.
///
/// # Errors
/// If the market's lot is not 1, or 0.1, 0.01 and so on.
pub fn places(market: &Market) -> Result<u8, ClientError> {
    let found = &market.lot_size;
    let not_valid =
        || ClientError::NotUnderstood(format!("lot size of {}: found {found:?}, allowed a power of ten", market.name));
    let Some((whole, fraction)) = found.split_once('.') else {
        return if found == "1" { Ok(0) } else { Err(not_valid()) };
    };
    let zeros = fraction.len().checked_sub(1).map(|zeros| "0".repeat(zeros) + "1");
    if whole != "0" || zeros.as_deref() != Some(fraction) {
        return Err(not_valid());
    }
    u8::try_from(fraction.len()).map_err(|_| not_valid())
}

/// An order of `quantity` units at `limit` USD a unit or better, or at any price that the band allows. Its number follows the clock of this
/// machine; it rests until it is cancelled.
///
/// # Errors
/// If an amount is not a decimal number in whole lots or quanta.
pub fn order(market: &Market, side: &str, quantity: &str, limit: Option<&str>) -> Result<NewOrder, ClientError> {
    let places = places(market)?;
    let size = parse_quantity(quantity, places).filter(|size| size.is_positive());
    let size = size.ok_or_else(|| amount("quantity", quantity, "a decimal number of whole lots above zero"))?;
    let signed = match side {
        "buy" => size,
        "sell" => -size,
        other => return Err(amount("side", other, "buy or sell")),
    };
    let limit = limit.map(|text| {
        parse_price(text, places).ok_or_else(|| amount("limit", text, "a decimal number of whole quanta a lot"))
    });
    Ok(NewOrder {
        number: 0,
        instrument: InstrumentId(market.instrument),
        quantity: signed,
        limit: limit.transpose()?,
        lifetime: Lifetime::UntilCancelled,
        reduce_only: false,
    })
}

/// Places an order.
#[must_use]
pub fn place(pool: PoolId, account: AccountId, order: NewOrder) -> Request {
    Request::Act(Command::PlaceOrder { pool, account, order })
}

/// Cancels an order.
#[must_use]
pub fn cancel(pool: PoolId, account: AccountId, number: OrderNumber) -> Request {
    Request::Act(Command::CancelOrder { pool, account, number })
}

/// Cancels every order of an account.
#[must_use]
pub fn cancel_all(pool: PoolId, account: AccountId) -> Request {
    Request::Act(Command::CancelAll { pool, account })
}

/// Opens an account of the signer.
#[must_use]
pub fn open_account(pool: PoolId) -> Request {
    Request::Act(Command::OpenAccount { pool })
}

/// Takes money out.
///
/// # Errors
/// If the amount is not a decimal number of USD with at most six places.
pub fn withdraw(pool: PoolId, account: AccountId, usd: &str) -> Result<Request, ClientError> {
    Ok(Request::Act(Command::Withdraw { pool, account, amount: money(usd)? }))
}

/// Lets a session key trade for the signer until a time, at most 30 days from now.
#[must_use]
pub fn grant_session(session: [u8; 32], scopes: Scopes, expires: Time) -> Request {
    Request::GrantSession { session, scopes, expires }
}

fn money(usd: &str) -> Result<Money, ClientError> {
    parse_usd(usd).ok_or_else(|| amount("amount", usd, "a decimal number of USD with at most six places"))
}

fn amount(field: &'static str, found: &str, allowed: &'static str) -> ClientError {
    ClientError::Amount { field, found: found.chars().take(40).collect(), allowed }
}

//! Closing an instrument for good: every position ends at one price given by rule (R12.4, R16.2).

use super::book;
use crate::event::{Event, Removal};
use crate::state::Pool;
use crate::table::{InstrumentId, PoolId};
use crate::units::Price;

/// Closes every position in a derivative at one price and removes its orders. Positions sum to zero, so money is conserved
/// exactly.
pub(super) fn close_at(
    pool: &mut Pool,
    id: PoolId,
    instrument: InstrumentId,
    price: Price,
    say: &mut dyn FnMut(Event),
) {
    let price = pool.instruments[instrument].within_sign(price);
    // It is the mark from here on, so that nobody gives anything away to it. R12.6
    pool.instruments[instrument].mark = price;
    for account in pool.accounts.ids() {
        let quantity = pool.accounts[account].quantity(instrument);
        if !quantity.is_zero() {
            pool.trade(account, instrument, -quantity, price);
        }
        book::remove_orders(pool, id, account, Removal::InstrumentClosed, |order| order.instrument == instrument, say);
    }
    let listed = &mut pool.instruments[instrument];
    listed.settled = Some(price);
    listed.quotes = None;
}

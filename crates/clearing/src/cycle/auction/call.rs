//! When a call auction is called by orders, whom it binds, and when it has lost its reason (R8.3).
//!
//! A call auction keeps everybody from trading. So it is not called by what is gone in the next block, by what drifted over the edge of
//! the band by a cent, by a lot in a market of millions, or where the others still trade; and who calls it stays in it.

use super::{Band, Crossing, crosses, uniform_price};
use crate::command::Lifetime;
use crate::cycle::Moment;
use crate::cycle::book::{Interest, Origin};
use crate::event::{Cause, Event};
use crate::state::{Instrument, Level, Order, Pool};
use crate::table::{InstrumentId, PoolId};
use crate::units::{Price, Ratio, Time};
use alloc::vec::Vec;

/// The share of what is open that must want to trade outside the band: what is stopped and what stops it are of one size.
const LEAST_SHARE: Ratio = Ratio::new(62_500);
const HALF: Ratio = Ratio::new(500_000);

/// Where orders that stay want to trade outside the band: further than half of the way from its edge to that of the band at a call
/// auction's end, and as much as a sixteenth of the open interest. The market has been open for a calm since orders last called one.
pub(super) fn wanted(pool: &Pool, instrument: InstrumentId, wishes: &[Interest], now: Moment) -> Option<Price> {
    let listed = &pool.instruments[instrument];
    let width = listed.band_width();
    let wide = width.times_ceil(pool.parameters.call_band);
    let band = Band::around(listed, wide);
    let may_be_called =
        listed.breaker.level < Level::ReduceOnly && now.time - listed.breaker.open_since >= pool.parameters.calm;
    // Nearly always nothing crosses, and nobody's orders have to be looked up.
    if !may_be_called || !crosses(wishes, &band) {
        return None;
    }
    let mut staying = staying(pool, wishes, now.time + pool.parameters.call_auction);
    staying.iter_mut().for_each(|wish| wish.limit = band.cut(wish));
    let crossing = Crossing::of(&staying)?;
    let far = width + (wide - width).times_floor(HALF);
    let price = uniform_price(&crossing, listed.mark).filter(|price| (*price - listed.mark).abs() > far)?;
    counts(listed, &crossing, price).then_some(price)
}

/// Whether what would trade at a price is enough of the open interest to stop the market for.
fn counts(listed: &Instrument, crossing: &Crossing, price: Price) -> bool {
    let lots = crossing.buys.at(price, 1).min(crossing.sells.at(price, -1));
    lots.is_positive() && lots >= listed.open_interest.times_ceil(LEAST_SHARE)
}

/// The orders of members that will still be there at that time, and as large.
fn staying(pool: &Pool, wishes: &[Interest], end: Time) -> Vec<Interest> {
    let stays = |wish: &&Interest| {
        let Origin::Order(number) = wish.origin else { return false };
        let orders = &pool.accounts[wish.account].orders;
        // R7.2: numbers rise.
        let found = orders.binary_search_by_key(&number, |order| order.number).ok().and_then(|at| orders.get(at));
        found.is_some_and(|order| order.quantity == wish.quantity && lasts(order, end))
    };
    wishes.iter().filter(stays).cloned().collect()
}

fn lasts(order: &Order, end: Time) -> bool {
    let lives = match order.lifetime {
        Lifetime::UntilCancelled => true,
        Lifetime::Until(last) => last >= end,
        Lifetime::ThisBlock => false,
    };
    lives && !order.reduce_only
}

/// Nothing trades; orders collect for a while and then clear at one price.
pub(super) fn begin(
    pool: &mut Pool,
    id: PoolId,
    instrument: InstrumentId,
    price: Price,
    now: Moment,
    say: &mut dyn FnMut(Event),
) {
    let until = now.time + pool.parameters.call_auction;
    let breaker = &mut pool.instruments[instrument].breaker;
    breaker.resumes = breaker.stands();
    breaker.level = Level::CallAuction;
    breaker.cause = Cause::OutsideBand;
    breaker.since = now.time;
    breaker.call_until = Some(until);
    breaker.called_at = price;
    say(Event::BreakerStepped { pool: id, instrument, level: Level::CallAuction, cause: Cause::OutsideBand });
}

/// Ends a call auction whose orders are gone: for want of margin, by a liquidation, or against orders of the same account.
pub(super) fn end_without_reason(pool: &mut Pool, instrument: InstrumentId, wishes: &[Interest], now: Moment) {
    let listed = &pool.instruments[instrument];
    let collects_until = listed.breaker.call_until.filter(|until| *until > now.time);
    let Some(until) = collects_until.filter(|_| listed.breaker.is_called_by_orders()) else { return };
    let crossing = Crossing::of(&staying(pool, wishes, until));
    if !crossing.is_some_and(|crossing| counts(listed, &crossing, listed.breaker.called_at)) {
        pool.instruments[instrument].breaker.call_until = Some(now.time);
    }
}

/// R8.3: while orders collect because some want to trade outside the band, whoever wants to is bound to it.
pub(crate) fn binds(instrument: &Instrument, order: &Order) -> bool {
    let outside = (order.limit - instrument.mark).abs() > instrument.band_width();
    let lasts = order.lifetime != Lifetime::ThisBlock && !order.reduce_only;
    instrument.breaker.is_called_by_orders() && outside && lasts
}

//! Part of step 5: the fund sells its inventory, on a schedule, and gives up no more than it was paid to take it (R11.4, R11.8).

use super::Moment;
use super::book::{Book, Interest, Origin};
use super::concession::{concede, leaving};
use crate::margin;
use crate::state::{Account, FUND, Instrument, Pool, Position};
use crate::units::{Money, Price, Quantity, Ratio, Time};
use alloc::vec::Vec;

/// Sells the fund's inventory in proportion to what is left, which is the Almgren–Chriss schedule without a deadline,
/// x(t) = X·e^(−κt), and never more than its share of the resting depth. R11.4
pub(super) fn orders(pool: &Pool, book: &Book, now: Moment) -> Vec<Interest> {
    let fund = &pool.accounts[FUND];
    if !fund.is_good() || pool.winding_down {
        return Vec::new();
    }
    let share =
        pool.parameters.unwind_rate.over_ceil(now.elapsed.min(Time::new(3_600_000)), Time::new(1_000)).min(Ratio::ONE);
    let mut left = fund.clone();
    let mut concession = pool.fund.concession.or_zero();
    let mut orders = Vec::new();
    for position in &fund.positions {
        let listed = &pool.instruments[position.instrument];
        if !pool.can_trade(position.instrument) {
            continue;
        }
        let Some(order) = leg(pool, position, share, concession, book, now) else { continue };
        // R10.2 holds for the fund too: a leg that hedges the others stays until they are gone.
        let mut after = left.clone();
        after.fill(order.instrument, order.quantity, order.limit);
        let lowest = |account: &Account| margin::maintenance_worst(pool, account.cash, &account.positions).value;
        let (was, is) = (lowest(&left), lowest(&after));
        if is >= was || !is.is_negative() {
            left = after;
            concession -= given_up(listed, order.quantity, order.limit).or_zero();
            orders.push(order);
        }
    }
    orders
}

/// What the schedule sells of one position.
fn leg(
    pool: &Pool,
    position: &Position,
    share: Ratio,
    concession: Money,
    book: &Book,
    now: Moment,
) -> Option<Interest> {
    let against = position.quantity.signum().saturating_neg();
    let depth = book.depth_against(pool, position.instrument, against).times_floor(pool.parameters.depth_share);
    let lots: Quantity = position.quantity.abs().times_ceil(share).min(depth);
    let limit = limit(pool, position, lots, concession, now);
    let quantity = lots.on_side(against);
    let interest = Interest { account: FUND, instrument: position.instrument, quantity, limit, origin: Origin::Fund };
    lots.is_positive().then_some(interest)
}

/// R11.8: from the good edge of the mark's band towards what the concession, spread over the inventory by notional, allows; or towards
/// what leaving costs (R5.6) where that is further and the concession carries the whole order there. Within half the band.
fn limit(pool: &Pool, position: &Position, lots: Quantity, concession: Money, now: Moment) -> Price {
    let listed = &pool.instruments[position.instrument];
    let mark = |position: &Position| pool.matrices.mark(position.instrument).abs();
    let worth: Money = pool.accounts[FUND].positions.iter().map(|held| mark(held) * held.quantity.abs()).sum();
    let one = Quantity::new(1);
    let spread = concession.share_floor(mark(position) * one, worth.max(Money::new(1))).per_lot_floor(one);
    let leaving = leaving(pool, position);
    let given = if leaving > spread && leaving * lots <= concession { leaving } else { spread };
    let half = listed.band_width().times_floor(Ratio::new(500_000));
    let sign = position.quantity.signum();
    let anchor = anchor(listed, sign);
    let furthest =
        if sign < 0 { (anchor + given).min(listed.mark + half) } else { (anchor - given).max(listed.mark - half) };
    let waited = u64::try_from((now.time - pool.fund.since).or_zero().get()).unwrap_or(0);
    let whole = u64::try_from(pool.parameters.unwind_time.get()).unwrap_or(1);
    concede(pool, position.instrument, sign, furthest, (waited, whole))
}

/// From where a concession is counted, for a position of this sign: the mark, or the fair price where the book has pushed the mark away from
/// it against the fund.
fn anchor(listed: &Instrument, sign: i64) -> Price {
    let fair = listed.mark - listed.premium;
    if sign < 0 { listed.mark.min(fair) } else { listed.mark.max(fair) }
}

/// What a fill of the fund's gives up; less than nothing where it is better than that. R11.8
pub(super) fn given_up(listed: &Instrument, fill: Quantity, price: Price) -> Money {
    (price - anchor(listed, fill.signum().saturating_neg())) * fill
}

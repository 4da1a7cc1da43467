//! Step 6a: every instrument clears at one uniform price (R8).

pub(super) mod call;

use super::book::{self, Book, Interest, Origin, Passing, clears_now};
use super::unwind::given_up;
use super::{Moment, interest};
use crate::event::Event;
use crate::state::{FUND, Instrument, Pool, Quotes};
use crate::table::{AccountId, InstrumentId, PoolId};
use crate::units::{Money, Price, Quantity, share_exactly};
use alloc::vec::Vec;

/// Clears every instrument whose auction is due, with the open orders and the forced ones.
pub(super) fn clear(
    pool: &mut Pool,
    id: PoolId,
    book: Book,
    forced: Vec<Interest>,
    now: Moment,
    say: &mut dyn FnMut(Event),
) {
    let Book { mut interests, passing } = book;
    for interest in forced {
        interests.entry(interest.instrument).or_default().push(interest);
    }
    // R3.6: what a block's auction leaves is all that is known of the book; where there is none, nothing is.
    pool.instruments.iter_mut().for_each(|(_, listed)| listed.quotes = None);
    for instrument in pool.instruments.ids() {
        let wishes = interests.remove(&instrument).unwrap_or_default();
        call::end_without_reason(pool, instrument, &wishes, now);
        if !wishes.is_empty() && clears_now(&pool.instruments[instrument], now) {
            clear_one(pool, id, instrument, wishes, &passing, now, say);
        }
    }
    book::drop_orders_of_this_block(pool);
}

fn clear_one(
    pool: &mut Pool,
    id: PoolId,
    instrument: InstrumentId,
    mut wishes: Vec<Interest>,
    passing: &Passing,
    now: Moment,
    say: &mut dyn FnMut(Event),
) {
    let listed = &pool.instruments[instrument];
    // At the end of a call auction the price may be further from the mark.
    let ends_call = listed.breaker.call_until.is_some();
    let wide = listed.band_width().times_ceil(pool.parameters.call_band);
    let band = Band::around(listed, if ends_call { wide } else { listed.band_width() });
    let may_call = !ends_call && !crosses(&wishes, &band);
    let called_at = may_call.then(|| call::wanted(pool, instrument, &wishes, now)).flatten();
    wishes.iter_mut().for_each(|wish| wish.limit = band.cut(wish));
    let crossing = Crossing::of(&wishes);
    let best = crossing.and_then(|crossing| Some((uniform_price(&crossing, listed.mark)?, crossing)));
    let Some((price, crossing)) = best else {
        pool.instruments[instrument].quotes = quotes(listed, &wishes, &[], passing);
        if let Some(price) = called_at {
            call::begin(pool, id, instrument, price, now, say);
        }
        return;
    };
    let mut fills = fills_at(&wishes, &crossing, price);
    interest::hold_back(pool, instrument, &wishes, &mut fills);
    let quantity: Quantity = fills.iter().map(|fill| fill.or_zero()).sum();
    pool.instruments[instrument].quotes = quotes(&pool.instruments[instrument], &wishes, &fills, passing);
    if quantity.is_zero() {
        return;
    }
    for (wish, fill) in wishes.iter().zip(&fills).filter(|(_, fill)| !fill.is_zero()) {
        settle_fill(pool, id, wish, *fill, price, say);
    }
    say(Event::AuctionCleared { pool: id, instrument, price, quantity });
}

/// The prices at which an auction may clear. R8.3
struct Band {
    low: Price,
    high: Price,
}

impl Band {
    fn around(instrument: &Instrument, width: Price) -> Self {
        Self { low: instrument.mark - width, high: instrument.mark + width }
    }

    /// A limit as it counts: what is more eager than the band allows is as eager as it allows. So no auction clears outside of it.
    fn cut(&self, wish: &Interest) -> Price {
        if wish.quantity.is_negative() { wish.limit.max(self.low) } else { wish.limit.min(self.high) }
    }
}

/// Whether somebody would buy inside the band at what somebody would sell at.
fn crosses(wishes: &[Interest], band: &Band) -> bool {
    let of_side = |sign: i64| wishes.iter().filter(move |wish| wish.quantity.signum() == sign);
    let highest = of_side(1).map(|wish| band.cut(wish)).max();
    let lowest = of_side(-1).map(|wish| band.cut(wish)).min();
    highest.zip(lowest).is_some_and(|(highest, lowest)| lowest <= highest)
}

/// One side of the market: limits from the most to the least eager, each with the quantity wanted up to there.
struct Side {
    steps: Vec<(Price, Quantity)>,
}

impl Side {
    fn new(mut wishes: Vec<(Price, Quantity)>, sign: i64) -> Self {
        wishes.sort_unstable_by_key(|(limit, _)| if sign < 0 { limit.get() } else { limit.get().saturating_neg() });
        let mut sum = Quantity::ZERO;
        let steps = wishes.into_iter().map(|(limit, quantity)| {
            sum += quantity;
            (limit, sum)
        });
        Self { steps: steps.collect() }
    }

    /// The quantity wanted at a price.
    fn at(&self, price: Price, sign: i64) -> Quantity {
        let eager = |limit: Price| if sign < 0 { limit <= price } else { limit >= price };
        let count = self.steps.partition_point(|(limit, _)| eager(*limit));
        count.checked_sub(1).and_then(|last| self.steps.get(last)).map_or(Quantity::ZERO, |(_, sum)| *sum)
    }
}

/// The part of both sides that could trade with the other side's best limit: outside of it no price has any volume.
struct Crossing {
    lowest: Price,
    highest: Price,
    buys: Side,
    sells: Side,
}

impl Crossing {
    /// None if nothing crosses.
    fn of(wishes: &[Interest]) -> Option<Self> {
        let of_side = |sign: i64| wishes.iter().filter(move |wish| wish.quantity.signum() == sign);
        let highest = of_side(1).map(|wish| wish.limit).max()?;
        let lowest = of_side(-1).map(|wish| wish.limit).min().filter(|lowest| *lowest <= highest)?;
        let side = |sign: i64, crosses: fn(Price, Price) -> bool, other: Price| {
            let own = of_side(sign).filter(|wish| crosses(wish.limit, other));
            Side::new(own.map(|wish| (wish.limit, wish.quantity.abs())).collect(), sign)
        };
        let buys = side(1, |limit, lowest| limit >= lowest, lowest);
        let sells = side(-1, |limit, highest| limit <= highest, highest);
        Some(Self { lowest, highest, buys, sells })
    }
}

/// R8.1: maximum volume, then minimum imbalance, then nearest to the mark, then the lower price.
///
/// Demand and supply only change at limits, so the best price is a limit, one quantum beside a limit, or the mark.
fn uniform_price(crossing: &Crossing, mark: Price) -> Option<Price> {
    let Crossing { lowest, highest, buys, sells } = crossing;
    let quantum = Price::new(1);
    let near = |(limit, _): &(Price, Quantity)| [*limit - quantum, *limit, *limit + quantum];
    let limits = buys.steps.iter().chain(&sells.steps);
    let mut candidates: Vec<Price> = limits.flat_map(near).chain([mark]).collect();
    candidates.retain(|price| lowest <= price && price <= highest);
    candidates.sort_unstable();
    candidates.dedup();
    // Prices rise: sellers come in from the first step on, buyers drop out from the last.
    let (mut demand, mut supply) = (buys.steps.iter().rev().peekable(), sells.steps.iter().peekable());
    let mut offered = Quantity::ZERO;
    let rank = |price: Price| {
        while let Some((_, sum)) = supply.next_if(|(limit, _)| *limit <= price) {
            offered = *sum;
        }
        while demand.next_if(|(limit, _)| *limit < price).is_some() {}
        let wanted = demand.peek().map_or(Quantity::ZERO, |(_, sum)| *sum);
        (-wanted.min(offered), (wanted - offered).abs(), (price - mark).abs(), price)
    };
    candidates.into_iter().map(rank).min().map(|best| best.3)
}

/// R8.2: better limits first; at the margin pro-rata by size, largest remainder, ties by account and order number.
fn fills_at(wishes: &[Interest], crossing: &Crossing, price: Price) -> Vec<Quantity> {
    let volume = crossing.buys.at(price, 1).min(crossing.sells.at(price, -1));
    let mut fills: Vec<Quantity> = wishes.iter().map(|_| Quantity::ZERO).collect();
    for sign in [1, -1] {
        fill_side(wishes, price, sign, volume, &mut fills);
    }
    fills
}

fn fill_side(wishes: &[Interest], price: Price, sign: i64, volume: Quantity, fills: &mut [Quantity]) {
    let eligible = |wish: &Interest| {
        wish.quantity.signum() == sign && if sign < 0 { wish.limit <= price } else { wish.limit >= price }
    };
    let mut order: Vec<(i64, (AccountId, u64), usize, Quantity)> = wishes
        .iter()
        .enumerate()
        .filter(|(_, wish)| eligible(wish))
        .map(|(at, wish)| {
            let eagerness = if sign < 0 { wish.limit.get() } else { wish.limit.get().saturating_neg() };
            (eagerness, tie(wish), at, wish.quantity.abs())
        })
        .collect();
    order.sort_unstable();
    let mut left = volume;
    for group in order.chunk_by(|one, other| one.0 == other.0) {
        let wanted: Vec<i128> = group.iter().map(|(_, _, _, size)| i128::from(size.get())).collect();
        let whole: Quantity = group.iter().map(|(_, _, _, size)| *size).sum();
        let shared = share_exactly(i128::from(left.min(whole).get()), &wanted);
        for ((_, _, at, _), part) in group.iter().zip(shared) {
            let lots = Quantity::new(i64::try_from(part).expect("a part is at most the whole"));
            *fills.get_mut(*at).expect("there is a fill for every wish") = lots.on_side(sign);
            left -= lots;
        }
    }
    assert!(left.is_zero(), "what clears is what both sides want");
}

/// The order of equals: by account, then forced before open orders, then by order number. R8.2
fn tie(wish: &Interest) -> (AccountId, u64) {
    match wish.origin {
        Origin::Order(number) => (wish.account, number.saturating_add(1)),
        Origin::Liquidation | Origin::Fund | Origin::Conversion => (wish.account, 0),
    }
}

/// What the open orders that are left pay and ask for the instrument's `impact`; none where either side holds less. Counted are those that
/// rest and that could trade: a price far from the mark, or for this block only, is nobody's offer. R3.6
fn quotes(listed: &Instrument, wishes: &[Interest], fills: &[Quantity], passing: &Passing) -> Option<Quotes> {
    if listed.is_spot() {
        return None;
    }
    let size = listed.mark.abs().max(listed.parameters.stress_base).max(Price::new(1));
    let lots = listed.parameters.impact.lots_ceil(size).max(Quantity::new(1));
    let width = listed.band_width();
    let (lowest, highest) = (listed.mark - width, listed.mark + width);
    let filled = fills.iter().copied().chain(core::iter::repeat(Quantity::ZERO));
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    for (wish, fill) in wishes.iter().zip(filled) {
        let Origin::Order(number) = wish.origin else { continue };
        let left = wish.quantity - fill;
        if passing.contains(&(wish.account, number)) {
            continue;
        }
        if left.is_positive() && wish.limit >= lowest {
            bids.push((wish.limit, left));
        } else if left.is_negative() && wish.limit <= highest {
            asks.push((wish.limit, left.abs()));
        }
    }
    let pays = value_of_first(lots, Side::new(bids, 1))?.per_lot_floor(lots);
    Some(Quotes { pays, asks: value_of_first(lots, Side::new(asks, -1))?.per_lot_ceil(lots) })
}

/// The value of the first lots of a side at their limits; none where it holds fewer.
fn value_of_first(lots: Quantity, side: Side) -> Option<Money> {
    let mut left = lots;
    let mut before = Quantity::ZERO;
    let mut value = Money::ZERO;
    for (limit, sum) in side.steps {
        let taken = (sum - before).min(left);
        value += limit * taken;
        left -= taken;
        before = sum;
        if left.is_zero() {
            return Some(value);
        }
    }
    None
}

fn settle_fill(pool: &mut Pool, id: PoolId, wish: &Interest, fill: Quantity, price: Price, say: &mut dyn FnMut(Event)) {
    let (account, instrument) = (wish.account, wish.instrument);
    let fee = match wish.origin {
        Origin::Order(_) => pool.fee(instrument, price * fill),
        Origin::Liquidation | Origin::Fund | Origin::Conversion => Money::ZERO,
    };
    if wish.origin == Origin::Fund {
        // R11.8: what a sale gives up is gone; what it brings beyond is earned.
        pool.fund.concession -= given_up(&pool.instruments[instrument], fill, price).or_zero();
    }
    pool.trade(account, instrument, fill, price);
    if let Origin::Order(number) = wish.origin {
        pool.accounts.edit(account).cash -= fee;
        pool.fees += fee;
        shrink(pool, wish, number, fill);
    }
    let paid = if wish.origin == Origin::Liquidation { pay_liquidation_fee(pool, wish, price * fill) } else { fee };
    say(Event::Filled {
        pool: id,
        account,
        instrument,
        quantity: fill,
        price,
        fee: paid,
        forced: wish.origin == Origin::Liquidation,
    });
}

fn shrink(pool: &mut Pool, wish: &Interest, number: u64, fill: Quantity) {
    let orders = &mut pool.accounts.edit(wish.account).orders;
    for order in orders.iter_mut().filter(|order| order.number == number) {
        order.quantity -= fill;
    }
    orders.retain(|order| !order.quantity.is_zero());
}

/// R10.6: a share of the value to the fund, and nothing from an account that has nothing left.
fn pay_liquidation_fee(pool: &mut Pool, wish: &Interest, value: Money) -> Money {
    let equity = pool.sure_equity(&pool.accounts[wish.account]);
    let fee = value.abs().times_floor(pool.parameters.liquidation_fee).min(equity.or_zero());
    pool.accounts.edit(wish.account).cash -= fee;
    pool.accounts.edit(FUND).cash += fee;
    fee
}

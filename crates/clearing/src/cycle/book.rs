//! The orders that may trade in this block, gathered by instrument (R8).
//!
//! An order that would no longer be sound, or that only the account itself could fill, leaves before the auction; an
//! order that its instrument's state does not allow to trade rests.

use super::Moment;
use crate::command::{Lifetime, OrderNumber};
use crate::commands::lifetime_is_over;
use crate::event::{Event, Removal};
use crate::parallel;
use crate::state::{Account, Condition, Feed, Instrument, Level, Order, Pool, Position};
use crate::table::{AccountId, FeedId, InstrumentId, PoolId, Table};
use crate::units::{Price, Quantity, Time};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Why somebody wants to trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// An open order.
    Order(OrderNumber),
    /// A liquidation.
    Liquidation,
    /// The fund unwinds.
    Fund,
    /// Collateral is sold to repay a loan.
    Conversion,
}

/// A wish to trade in this block's auction.
#[derive(Clone, Debug)]
pub(super) struct Interest {
    pub(super) account: AccountId,
    pub(super) instrument: InstrumentId,
    /// Lots, positive to buy.
    pub(super) quantity: Quantity,
    pub(super) limit: Price,
    pub(super) origin: Origin,
}

/// The open orders that take part, by instrument.
#[derive(Default)]
pub(super) struct Book {
    pub(super) interests: BTreeMap<InstrumentId, Vec<Interest>>,
}

impl Book {
    /// The lots resting inside the price band that an order of this sign could trade with. R10.4
    pub(super) fn depth_against(&self, pool: &Pool, instrument: InstrumentId, sign: i64) -> Quantity {
        let listed = &pool.instruments[instrument];
        let width = listed.band_width();
        let near = |interest: &&Interest| {
            let inside =
                if sign < 0 { interest.limit >= listed.mark - width } else { interest.limit <= listed.mark + width };
            inside && interest.quantity.opposes(Quantity::new(sign))
        };
        let resting = self.interests.get(&instrument).map_or(&[][..], Vec::as_slice);
        resting.iter().filter(near).map(|interest| interest.quantity.abs()).sum()
    }

    /// Takes out what an account offers to sell.
    pub(super) fn take_back(&mut self, instrument: InstrumentId, account: AccountId) {
        if let Some(resting) = self.interests.get_mut(&instrument) {
            resting.retain(|interest| interest.account != account || !interest.quantity.is_negative());
        }
    }

    /// The lots that an account's own orders offer to sell.
    pub(super) fn offered(&self, instrument: InstrumentId, account: AccountId) -> Quantity {
        let resting = self.interests.get(&instrument).map_or(&[][..], Vec::as_slice);
        resting
            .iter()
            .filter(|interest| interest.account == account)
            .map(|interest| (-interest.quantity).or_zero())
            .sum()
    }
}

/// Whether an instrument's auction clears in this block. R8.3
pub(super) fn clears_now(instrument: &Instrument, now: Moment) -> bool {
    let open = instrument.breaker.level < Level::Halted && !is_collecting(instrument, now.time);
    instrument.priced && instrument.settled.is_none() && open
}

/// Whether orders collect for a call auction. R8.3
pub(super) fn is_collecting(instrument: &Instrument, time: Time) -> bool {
    instrument.breaker.call_until.is_some_and(|until| until > time)
}

/// Whether only orders that reduce a position may trade. R3.4, R13.1
fn only_reductions(instrument: &Instrument, feeds: &Table<FeedId, Feed>) -> bool {
    feeds[instrument.parameters.feed].condition != Condition::Live || instrument.breaker.level == Level::ReduceOnly
}

/// Gathers the open orders that may trade now.
pub(super) fn gather(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    now: Moment,
    say: &mut dyn FnMut(Event),
) -> Book {
    let mut book = Book::default();
    if pool.winding_down {
        return book;
    }
    let ordering: Vec<AccountId> =
        pool.accounts.with_orders().filter(|(_, account)| !account.orders.is_empty()).map(|(id, _)| id).collect();
    let at_rest = parallel::map(&ordering, |account| interests_at_rest(pool, feeds, *account, now));
    for (account, at_rest) in ordering.into_iter().zip(at_rest) {
        let interests = at_rest.unwrap_or_else(|| {
            put_in_order(pool, id, account, now, say);
            interests_of(pool, feeds, account)
        });
        for interest in interests {
            book.interests.entry(interest.instrument).or_default().push(interest);
        }
    }
    book
}

/// What the account's orders come to, if every one of them stays: the same as if it had been put in order.
fn interests_at_rest(
    pool: &Pool,
    feeds: &Table<FeedId, Feed>,
    account: AccountId,
    now: Moment,
) -> Option<Vec<Interest>> {
    let held = &*pool.net(account);
    let all_stay = held.orders.iter().all(|order| !lifetime_is_over(order.lifetime, now.time))
        && crossing(&held.orders).is_none()
        && pool.meets_initial_with(held, held.orders.iter());
    all_stay.then(|| interests_of(pool, feeds, account))
}

/// Removes the orders of an account that may not rest any longer.
fn put_in_order(pool: &mut Pool, id: PoolId, account: AccountId, now: Moment, say: &mut dyn FnMut(Event)) {
    let is_over = |order: &Order| lifetime_is_over(order.lifetime, now.time);
    remove_orders(pool, id, account, Removal::LifetimeOver, is_over, say);
    net_self_matches(pool, id, account, say);
    let held = pool.net(account);
    let is_sound = pool.meets_initial_with(&held, held.orders.iter());
    if !is_sound {
        // R7.2 holds at this block's prices, or the orders that add risk leave.
        let mut room = room_of(&pool.accounts[account]);
        remove_orders(pool, id, account, Removal::InitialMarginNotMet, |order| !takes_room(&mut room, order), say);
    }
}

/// Removes the orders of an account that match.
pub(super) fn remove_orders(
    pool: &mut Pool,
    id: PoolId,
    account: AccountId,
    reason: Removal,
    mut leaves: impl FnMut(&Order) -> bool,
    say: &mut dyn FnMut(Event),
) {
    let gone: Vec<OrderNumber> =
        pool.accounts[account].orders.iter().filter(|order| leaves(order)).map(|order| order.number).collect();
    if gone.is_empty() {
        return;
    }
    pool.accounts.edit(account).orders.retain(|order| !gone.contains(&order.number));
    gone.into_iter().for_each(|number| say(Event::OrderRemoved { pool: id, account, number, reason }));
}

/// How many lots of each position can be reduced, by instrument and by the sign of the orders that reduce it.
type Room = BTreeMap<(InstrumentId, i64), Quantity>;

/// The size of every position, for the orders on the other side.
fn room_of(account: &Account) -> Room {
    let room = |position: &Position| {
        ((position.instrument, position.quantity.signum().saturating_neg()), position.quantity.abs())
    };
    account.positions.iter().map(room).collect()
}

/// Whether the whole order reduces, together with those before it; if so, it takes its room.
fn takes_room(room: &mut Room, order: &Order) -> bool {
    let Some(left) = room.get_mut(&(order.instrument, order.quantity.signum())) else { return false };
    let fits = order.quantity.abs() <= *left;
    if fits {
        *left -= order.quantity.abs();
    }
    fits
}

/// R8.2: crossing orders of one account take each other off, best prices first.
fn net_self_matches(pool: &mut Pool, id: PoolId, account: AccountId, say: &mut dyn FnMut(Event)) {
    while let Some((bid, ask, quantity)) = crossing(&pool.accounts[account].orders) {
        for order in &mut pool.accounts.edit(account).orders {
            if order.number == bid {
                order.quantity -= quantity;
            } else if order.number == ask {
                order.quantity += quantity;
            }
        }
        remove_orders(pool, id, account, Removal::SelfMatch, |order| order.quantity.is_zero(), say);
    }
}

/// The best bid and the best ask of the same account in one instrument, if they cross.
fn crossing(orders: &[Order]) -> Option<(OrderNumber, OrderNumber, Quantity)> {
    if orders.len() < 2 {
        return None;
    }
    let best_bid = |instrument: InstrumentId| {
        let bids = orders.iter().filter(|order| order.instrument == instrument && order.quantity.is_positive());
        bids.max_by_key(|order| (order.limit, core::cmp::Reverse(order.number)))
    };
    let mut asks: Vec<&Order> = orders.iter().filter(|order| order.quantity.is_negative()).collect();
    asks.sort_unstable_by_key(|order| (order.limit, order.number));
    asks.into_iter().find_map(|ask| {
        let bid = best_bid(ask.instrument).filter(|bid| bid.limit >= ask.limit)?;
        Some((bid.number, ask.number, bid.quantity.min(ask.quantity.abs())))
    })
}

/// The account's orders as they may trade: reductions are cut to what is left to reduce.
fn interests_of(pool: &Pool, feeds: &Table<FeedId, Feed>, id: AccountId) -> Vec<Interest> {
    let account = &pool.accounts[id];
    let mut left: Option<Room> = None;
    let mut interests = Vec::new();
    for order in &account.orders {
        let listed = &pool.instruments[order.instrument];
        if !listed.is_open() || listed.breaker.level >= Level::Halted {
            continue;
        }
        let sells_balance = listed.is_spot() && order.quantity.is_negative();
        let capped = order.reduce_only || sells_balance || only_reductions(listed, feeds);
        let side = (order.instrument, order.quantity.signum());
        let mut size = order.quantity.abs();
        if capped {
            let left = left.get_or_insert_with(|| room_to_reduce(pool, feeds, account));
            let room = left.get(&side).copied().unwrap_or_default();
            size = size.min(room);
            left.insert(side, room - size);
        }
        if size.is_zero() {
            continue;
        }
        let quantity = size.on_side(order.quantity.signum());
        interests.push(Interest {
            account: id,
            instrument: order.instrument,
            quantity,
            limit: order.limit,
            origin: Origin::Order(order.number),
        });
    }
    interests
}

/// What orders that may only reduce may take of each position: what other orders on that side, filling as well, would leave.
fn room_to_reduce(pool: &Pool, feeds: &Table<FeedId, Feed>, account: &Account) -> Room {
    let room = |position: &Position| {
        let sign = position.quantity.signum().saturating_neg();
        let listed = &pool.instruments[position.instrument];
        if listed.is_spot() || only_reductions(listed, feeds) {
            // Every order on that side is cut, so all of them share the position.
            return ((position.instrument, sign), position.quantity.abs());
        }
        let free = |order: &&Order| {
            order.instrument == position.instrument && order.quantity.signum() == sign && !order.reduce_only
        };
        let taken: Quantity = account.orders.iter().filter(free).map(|order| order.quantity.abs()).sum();
        ((position.instrument, sign), (position.quantity.abs() - taken).or_zero())
    };
    account.positions.iter().map(room).collect()
}

/// Orders for one block leave after its auction, without an event: their sender knows.
pub(super) fn drop_orders_of_this_block(pool: &mut Pool) {
    let of_this_block = |order: &Order| order.lifetime == Lifetime::ThisBlock;
    let ordering: Vec<AccountId> = pool
        .accounts
        .with_orders()
        .filter(|(_, account)| account.orders.iter().any(of_this_block))
        .map(|(id, _)| id)
        .collect();
    for account in ordering {
        pool.accounts.edit(account).orders.retain(|order| !of_this_block(order));
    }
}

//! The orders that may trade in this block, gathered by instrument (R8).
//!
//! An order that would no longer be sound, or that only the account itself could fill, leaves before the auction; an
//! order that its instrument's state does not allow to trade rests.

use super::Moment;
use crate::command::{Lifetime, OrderNumber};
use crate::commands::lifetime_is_over;
use crate::event::{Event, Removal};
use crate::margin;
use crate::parallel;
use crate::state::{Account, Condition, Feed, Instrument, Level, Order, Pool, Position};
use crate::table::{AccountId, FeedId, InstrumentId, PoolId, Table};
use crate::units::{Price, Quantity, Time};
use alloc::collections::{BTreeMap, BTreeSet};
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

/// Orders that leave with their block: they trade, and never rest.
pub(super) type Passing = BTreeSet<(AccountId, OrderNumber)>;

/// The open orders that take part, by instrument.
#[derive(Default)]
pub(super) struct Book {
    pub(super) interests: BTreeMap<InstrumentId, Vec<Interest>>,
    pub(super) passing: Passing,
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
            put_in_order(pool, id, feeds, account, now, say);
            interests_of(pool, feeds, account)
        });
        for interest in interests {
            book.interests.entry(interest.instrument).or_default().push(interest);
        }
        let passing = pool.accounts[account].orders.iter().filter(|order| is_of_this_block(order));
        book.passing.extend(passing.map(|order| (account, order.number)));
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
        && crossing(pool, feeds, held).is_none()
        && (pool.meets_initial_with(held, held.orders.iter()) || margin::may_rest(pool, held));
    all_stay.then(|| interests_of(pool, feeds, account))
}

/// Removes the orders of an account that may not rest any longer.
fn put_in_order(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    account: AccountId,
    now: Moment,
    say: &mut dyn FnMut(Event),
) {
    let is_over = |order: &Order| lifetime_is_over(order.lifetime, now.time);
    remove_orders(pool, id, account, Removal::LifetimeOver, is_over, say);
    // R16.1: what has accrued against the account is not there to cover an order.
    let mut netted = pool.net(account).into_owned();
    let gone = net_self_matches(pool, feeds, &mut netted);
    if pool.meets_initial_with(&netted, netted.orders.iter()) || margin::may_rest(pool, &netted) {
        if netted.orders != pool.accounts[account].orders {
            pool.accounts.edit(account).orders = netted.orders;
        }
        let reason = Removal::SelfMatch;
        gone.into_iter().for_each(|number| say(Event::OrderRemoved { pool: id, account, number, reason }));
        return;
    }
    // R7.2 holds at this block's prices, or the orders that add risk leave: before they could take off what reduces it.
    let kept = reductions_of(&pool.accounts[account]);
    let leaves = |order: &Order| !kept.contains(&order.number);
    remove_orders(pool, id, account, Removal::InitialMarginNotMet, leaves, say);
}

/// R8.4: in every account an order that may only reduce ends with the position.
pub(super) fn end_with_positions(pool: &mut Pool, id: PoolId, say: &mut dyn FnMut(Event)) {
    let has_ended = |account: &Account| account.orders.iter().any(|order| account.has_ended(order));
    let ended: Vec<AccountId> =
        pool.accounts.with_orders().filter(|(_, account)| has_ended(account)).map(|(id, _)| id).collect();
    ended.into_iter().for_each(|account| end_with_position(pool, id, account, say));
}

/// The same in one account, whose positions have changed.
pub(crate) fn end_with_position(pool: &mut Pool, id: PoolId, account: AccountId, say: &mut dyn FnMut(Event)) {
    let held = &pool.accounts[account];
    let ended: Vec<OrderNumber> =
        held.orders.iter().filter(|order| held.has_ended(order)).map(|order| order.number).collect();
    let leaves = |order: &Order| ended.contains(&order.number);
    remove_orders(pool, id, account, Removal::NothingToReduce, leaves, say);
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

/// The orders that together only reduce, the most eager first: who is short of margin can always close at the market. R7.2
fn reductions_of(account: &Account) -> Vec<OrderNumber> {
    let mut room = room_of(account);
    let mut eager: Vec<&Order> = account.orders.iter().collect();
    eager.sort_by_key(|order| eagerness(order));
    eager.into_iter().filter(|order| takes_room(&mut room, order)).map(|order| order.number).collect()
}

/// Whether the whole order reduces, together with those before it, or may do nothing else; if so, it takes its room.
fn takes_room(room: &mut Room, order: &Order) -> bool {
    let Some(left) = room.get_mut(&(order.instrument, order.quantity.signum())) else { return false };
    let size = order.quantity.abs();
    let fits = size <= *left || order.reduce_only && left.is_positive();
    if fits {
        *left -= size.min(*left);
    }
    fits
}

/// R8.2: crossing orders of one account take each other off, best prices first, and never more than they could trade: a reduction is cut
/// to what there is to reduce before it meets another order. Returns the orders of which nothing is left.
fn net_self_matches(pool: &Pool, feeds: &Table<FeedId, Feed>, account: &mut Account) -> Vec<OrderNumber> {
    let mut gone = Vec::new();
    while let Some(((bid, wanted), (ask, offered))) = crossing(pool, feeds, account) {
        let off = wanted.min(offered);
        for order in &mut account.orders {
            if order.number == bid {
                order.quantity = wanted - off;
            } else if order.number == ask {
                order.quantity = off - offered;
            }
        }
        let is_gone = |order: &&Order| order.quantity.is_zero();
        gone.extend(account.orders.iter().filter(is_gone).map(|order| order.number));
        account.orders.retain(|order| !order.quantity.is_zero());
    }
    gone
}

/// An order with the lots that it may trade now.
type Tradable = (OrderNumber, Quantity);

/// The best bid and the best ask of the same account in one instrument, if they cross and both may trade.
fn crossing(pool: &Pool, feeds: &Table<FeedId, Feed>, account: &Account) -> Option<(Tradable, Tradable)> {
    let whole: Vec<Quantity> = account.orders.iter().map(|order| order.quantity.abs()).collect();
    best_crossing(&account.orders, &whole)?;
    best_crossing(&account.orders, &tradable(pool, feeds, account))
}

/// The same where the lots that may be traded of each order are known. In an instrument the best two cross, or none do.
fn best_crossing(orders: &[Order], sizes: &[Quantity]) -> Option<(Tradable, Tradable)> {
    if orders.len() < 2 {
        return None;
    }
    let mut best: BTreeMap<InstrumentId, [Option<(&Order, Quantity)>; 2]> = BTreeMap::new();
    for (order, size) in orders.iter().zip(sizes).filter(|(_, size)| !size.is_zero()) {
        let [bid, ask] = best.entry(order.instrument).or_default();
        let of_side = if order.quantity.is_negative() { ask } else { bid };
        if of_side.is_none_or(|(other, _)| eagerness(order) < eagerness(other)) {
            *of_side = Some((order, *size));
        }
    }
    let crosses = |[bid, ask]: [Option<(&Order, Quantity)>; 2]| {
        let (bid, ask) = bid.zip(ask).filter(|((bid, _), (ask, _))| bid.limit >= ask.limit)?;
        Some((eagerness(ask.0), (bid.0.number, bid.1), (ask.0.number, ask.1)))
    };
    best.into_values().filter_map(crosses).min().map(|(_, bid, ask)| (bid, ask))
}

/// How many lots of each order may trade, in their order: nothing while its market is closed, and reductions are cut to what is left to
/// reduce, the most eager first. R8.4
fn tradable(pool: &Pool, feeds: &Table<FeedId, Feed>, account: &Account) -> Vec<Quantity> {
    let is_open = |order: &Order| pool.instruments[order.instrument].is_open();
    let whole = |order: &Order| if is_open(order) { order.quantity.abs() } else { Quantity::ZERO };
    let mut sizes: Vec<Quantity> = account.orders.iter().map(whole).collect();
    let only_reduces = only_reduces(pool, account);
    let mut cut: Vec<(&Order, &mut Quantity)> =
        account.orders.iter().zip(&mut sizes).filter(|(order, _)| only_reduces || is_cut(pool, feeds, order)).collect();
    if cut.is_empty() {
        return sizes;
    }
    cut.sort_by_key(|(order, _)| eagerness(order));
    let mut left = room_to_reduce(pool, feeds, account, only_reduces);
    for (order, size) in cut {
        let room = left.entry((order.instrument, order.quantity.signum())).or_default();
        *size = (*size).min(*room);
        *room -= *size;
    }
    sizes
}

/// R3.10: what rests on collateral that backs nothing new waits for its feed.
fn only_reduces(pool: &Pool, account: &Account) -> bool {
    let holds_dormant = margin::without_dormant(&pool.matrices, &account.positions).is_some();
    holds_dormant && !pool.meets_initial_with(account, account.orders.iter())
}

/// Whether an order may do no more than reduce: because it says so, because it sells a balance, or because of its market.
fn is_cut(pool: &Pool, feeds: &Table<FeedId, Feed>, order: &Order) -> bool {
    let listed = &pool.instruments[order.instrument];
    let sells_balance = listed.is_spot() && order.quantity.is_negative();
    order.reduce_only || sells_balance || only_reductions(listed, feeds)
}

/// Lower for those who would pay more or take less; among equals the older comes first.
fn eagerness(order: &Order) -> (Price, OrderNumber) {
    (if order.quantity.is_negative() { order.limit } else { -order.limit }, order.number)
}

/// The account's orders as they may trade.
fn interests_of(pool: &Pool, feeds: &Table<FeedId, Feed>, id: AccountId) -> Vec<Interest> {
    let account = &pool.accounts[id];
    let sizes = tradable(pool, feeds, account);
    let trading = account.orders.iter().zip(sizes).filter(|(_, size)| !size.is_zero());
    let interest = |(order, size): (&Order, Quantity)| Interest {
        account: id,
        instrument: order.instrument,
        quantity: size.on_side(order.quantity.signum()),
        limit: order.limit,
        origin: Origin::Order(order.number),
    };
    trading.map(interest).collect()
}

/// What orders that may only reduce may take of each position: what other orders on that side, filling as well, would leave.
fn room_to_reduce(pool: &Pool, feeds: &Table<FeedId, Feed>, account: &Account, only_reduces: bool) -> Room {
    let room = |position: &Position| {
        let sign = position.quantity.signum().saturating_neg();
        let listed = &pool.instruments[position.instrument];
        if only_reduces || listed.is_spot() || only_reductions(listed, feeds) {
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

fn is_of_this_block(order: &Order) -> bool {
    order.lifetime == Lifetime::ThisBlock
}

/// Orders for one block leave after its auction, without an event: their sender knows.
pub(super) fn drop_orders_of_this_block(pool: &mut Pool) {
    let ordering: Vec<AccountId> = pool
        .accounts
        .with_orders()
        .filter(|(_, account)| account.orders.iter().any(is_of_this_block))
        .map(|(id, _)| id)
        .collect();
    for account in ordering {
        pool.accounts.edit(account).orders.retain(|order| !is_of_this_block(order));
    }
}

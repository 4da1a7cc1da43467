//! Orders and trades: what may be placed, cancelled, sealed and reported (R7.2, R7.3, R8.4).

use super::{
    Outcome, account_of, closing, custody, know_loans, own_account, pool_of, require, require_lots, require_price,
    venues,
};
use crate::accounts::hash_of;
use crate::command::{Key, Lifetime, NewOrder, OrderNumber, Rejection};
use crate::cycle::{binds, end_with_position};
use crate::engine::MAX_TIME;
use crate::event::{Event, Removal};
use crate::margin;
use crate::state::{Account, Condition, FUND, Feed, Instrument, Level, Order, Pool, State};
use crate::table::{AccountId, FeedId, InstrumentId, PoolId, Table};
use crate::units::{MAX_QUANTITY, Price, Quantity, Time};
use alloc::boxed::Box;
use alloc::vec::Vec;

const SEAL: u8 = 4;

/// The seal of an order: the Keccak-256 hash of a tag, the order's encoding and a salt. R8.4
#[must_use]
pub fn seal_of(order: &NewOrder, salt: &[u8; 32]) -> [u8; 32] {
    let encoded = borsh::to_vec(order).expect("writing to memory succeeds");
    hash_of(SEAL, &[&encoded, salt])
}

pub(super) fn place(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    account: AccountId,
    order: &NewOrder,
    events: &mut Vec<Event>,
) -> Outcome {
    if may_raise_a_loan(state, pool, account, order.instrument) {
        know_loans(state, pool);
    }
    let accepted = accept(state, signer, pool, account, order)?;

    let number = accepted.number;
    let owner = state.pools[pool].accounts.edit(account);
    owner.last_number = number;
    owner.orders.push(accepted);
    events.push(Event::OrderPlaced { pool, account, number });
    Ok(())
}

/// Whether a trade may come to be owed against collateral: it buys collateral, or who trades has some to lose against. R2.5
fn may_raise_a_loan(state: &State, pool: PoolId, account: AccountId, instrument: InstrumentId) -> bool {
    let Some(pool) = state.pools.find(pool) else { return false };
    pool.instruments.find(instrument).is_some_and(Instrument::is_spot)
        || pool.accounts.find(account).is_some_and(|account| has_collateral(pool, account))
}

fn has_collateral(pool: &Pool, account: &Account) -> bool {
    account.positions.iter().any(|position| pool.instruments[position.instrument].is_spot())
}

/// Every check on a new order; the order as it will rest.
fn accept(state: &State, signer: Key, pool: PoolId, account: AccountId, order: &NewOrder) -> Result<Order, Rejection> {
    require_shape(state.time, order)?;
    let (found, _) = own_account(state, signer, pool, account)?;
    // R16.1: what has accrued against the account is not there to be traded away.
    let owner = &*found.net(account);
    let resting = judge_shaped(&state.feeds, state.time, found, owner, order)?;
    let is_checked = found.instruments[order.instrument].is_spot() || !has_collateral(found, owner);
    let allowed = is_checked || only_reduces(owner, order) || loan_allows(found, owner, &resting);
    require(allowed, Rejection::LoanLimitExceeded)?;
    Ok(resting)
}

/// R2.5: whether an account may owe what it would with this order as well, whichever of its orders are filled.
fn loan_allows(pool: &Pool, owner: &Account, order: &Order) -> bool {
    let mut after = owner.clone();
    after.orders.push(order.clone());
    custody::loan_allows(pool, owner, &after)
}

/// What [`crate::command::Command::PlaceOrder`] would say to an order of this account, and how the order would rest: for readers, who
/// hold a pool without members. What an order may add to a loan is judged by the commands alone, because what the whole pool owes
/// is known to them alone.
///
/// # Errors
/// The rejection.
pub fn judge(
    feeds: &Table<FeedId, Feed>,
    time: Time,
    pool: &Pool,
    owner: &Account,
    order: &NewOrder,
) -> Result<Order, Rejection> {
    require_shape(time, order)?;
    judge_shaped(feeds, time, pool, owner, order)
}

fn require_shape(time: Time, order: &NewOrder) -> Outcome {
    let size = order.quantity.get().unsigned_abs();
    require(size >= 1 && size <= MAX_QUANTITY.unsigned_abs(), Rejection::QuantityOutOfRange)?;
    order.limit.map_or(Ok(()), require_price)?;
    require(!lifetime_is_over(order.lifetime, time), Rejection::LifetimeOver)
}

/// Order numbers for each millisecond of a block's time: whatever number was used, the next block has as many more. R7.2
const NUMBERS_A_MILLISECOND: u64 = 65_536;
const _: () = assert!(MAX_TIME.get().unsigned_abs().checked_mul(NUMBERS_A_MILLISECOND).is_some());

/// The highest number that an order may have in a block of this time. R7.2
#[must_use]
pub fn highest_number(time: Time) -> OrderNumber {
    u64::try_from(time.get()).unwrap_or(0).saturating_mul(NUMBERS_A_MILLISECOND)
}

fn judge_shaped(
    feeds: &Table<FeedId, Feed>,
    time: Time,
    pool: &Pool,
    owner: &Account,
    order: &NewOrder,
) -> Result<Order, Rejection> {
    let instrument = pool.instruments.find(order.instrument).ok_or(Rejection::InstrumentNotFound)?;
    let signed = order.limit.is_none_or(|limit| limit.is_positive() || instrument.parameters.negative_prices);
    require(signed, Rejection::PriceOutOfRange)?;
    require_standing(is_live(feeds, instrument), pool, owner, instrument, order)?;
    let reduces = only_reduces(owner, order);
    let held = owner.quantity(order.instrument).abs();
    // R8.4: what may only reduce is no larger than what there is to reduce.
    let size = if order.reduce_only && reduces { order.quantity.abs().min(held) } else { order.quantity.abs() };
    let resting = Order {
        number: order.number,
        instrument: order.instrument,
        quantity: size.on_side(order.quantity.signum()),
        limit: order.limit.unwrap_or_else(|| band_edge(instrument, order.quantity)),
        lifetime: order.lifetime,
        reduce_only: order.reduce_only,
    };
    require(order.number <= highest_number(time), Rejection::OrderNumberTooHigh)?;
    require_limits(pool, owner, instrument, &resting, reduces)?;
    with_margin(pool, owner, instrument, resting, reduces, order.limit.is_none())
}

pub(crate) fn lifetime_is_over(lifetime: Lifetime, time: Time) -> bool {
    matches!(lifetime, Lifetime::Until(last) if last < time)
}

/// The worst price that the band allows: the limit of a market order. R8.4
fn band_edge(instrument: &Instrument, quantity: Quantity) -> Price {
    let width = instrument.band_width();
    if quantity.is_negative() { instrument.mark - width } else { instrument.mark + width }
}

/// Whether the order can only bring the position nearer to zero, together with the account's other orders.
fn only_reduces(owner: &Account, order: &NewOrder) -> bool {
    let held = owner.quantity(order.instrument);
    let same_side =
        |other: &&Order| other.instrument == order.instrument && other.quantity.signum() == order.quantity.signum();
    let offered: Quantity = owner.orders.iter().filter(same_side).map(|other| other.quantity.abs()).sum();
    held.opposes(order.quantity) && (order.reduce_only || order.quantity.abs() + offered <= held.abs())
}

fn is_live(feeds: &Table<FeedId, Feed>, instrument: &Instrument) -> bool {
    feeds[instrument.parameters.feed].condition == Condition::Live
}

fn require_standing(is_live: bool, pool: &Pool, owner: &Account, instrument: &Instrument, order: &NewOrder) -> Outcome {
    require(!pool.winding_down, Rejection::PoolWindingDown)?;
    require(owner.is_good(), Rejection::AccountNotGood)?;
    require(instrument.priced && pool.matrices.covers(order.instrument), Rejection::InstrumentNotPriced)?;
    require(instrument.settled.is_none() && instrument.breaker.level < Level::WindDown, Rejection::InstrumentHalted)?;
    // R13.2: an order that reduces a position works in every state of the breakers.
    if only_reduces(owner, order) {
        return Ok(());
    }
    require(instrument.breaker.level != Level::Halted, Rejection::InstrumentHalted)?;
    require(instrument.breaker.level != Level::ReduceOnly, Rejection::ReduceOnlyInForce)?;
    // R3.4: no new risk on a feed that cannot be relied on.
    require(is_live, Rejection::FeedNotLive)
}

fn require_limits(pool: &Pool, owner: &Account, instrument: &Instrument, order: &Order, only_reduces: bool) -> Outcome {
    require(owner.orders.len() < usize::from(pool.parameters.max_orders), Rejection::TooManyOrders)?;
    require(order.number > owner.last_number, Rejection::OrderNumberUsed)?;
    require(inside_band(instrument, order.quantity, order.limit), Rejection::LimitOutsideBand)?;
    let held = owner.quantity(order.instrument);
    require(!order.reduce_only || held.opposes(order.quantity), Rejection::NothingToReduce)?;
    let orders = || owner.orders.iter().chain([order]);
    let reach = margin::reachable(held, orders(), order.instrument);
    require(only_reduces || reach <= instrument.parameters.max_position, Rejection::PositionLimitExceeded)?;
    if !instrument.is_spot() {
        return Ok(());
    }
    let own = orders().filter(|other| other.instrument == order.instrument);
    let sold: Quantity = own.map(|other| (-other.quantity).or_zero()).sum();
    require(sold <= held, Rejection::BalanceTooSmall)?;
    require(order.quantity.is_negative() || loan_allows(pool, owner, order), Rejection::LoanLimitExceeded)
}

/// Whether the limit is inside the price band on its aggressive side: a patient limit may lie anywhere. R8.3
fn inside_band(instrument: &Instrument, quantity: Quantity, limit: Price) -> bool {
    let edge = band_edge(instrument, quantity);
    if quantity.is_negative() { limit >= edge } else { limit <= edge }
}

/// R7.2, R6.5: the order, if the account is sound whichever subset fills, or no row worse than it was. An order that can only reduce is
/// judged by the account that it would leave behind, because what it saves of exit cost and doubt counts as well; a market order that
/// only reduces gets the worst limit that passes.
fn with_margin(
    pool: &Pool,
    owner: &Account,
    instrument: &Instrument,
    order: Order,
    only_reduces: bool,
    at_market: bool,
) -> Result<Order, Rejection> {
    if pool.meets_initial_with(owner, owner.orders.iter().chain([&order])) {
        return Ok(order);
    }
    if leaves_no_row_worse(pool, owner, &order) {
        return Ok(order);
    }
    require(only_reduces, Rejection::InitialMarginNotMet)?;
    let filled = pool.after_trade(owner, order.instrument, order.quantity, order.limit);
    let missing = closing::missing(pool, owner, &filled, only_reduces);
    if !missing.is_positive() {
        return Ok(order);
    }
    require(at_market, Rejection::InitialMarginNotMet)?;
    let limit = closing::better_limit(pool, &order, missing).ok_or(Rejection::InitialMarginNotMet)?;
    let is_price = require_price(limit).is_ok() && (limit.is_positive() || instrument.parameters.negative_prices);
    require(is_price, Rejection::InitialMarginNotMet)?;
    Ok(Order { limit, ..order })
}

/// R6.5: whether no failing row is worse with the order, and equity is not below zero by it: a row in which collateral counts for nothing
/// (R3.10) says nothing of what that is sold for.
fn leaves_no_row_worse(pool: &Pool, owner: &Account, order: &Order) -> bool {
    let mut after = owner.clone();
    after.orders.push(order.clone());
    let rows = |account: &Account| margin::order_rows(pool, account, &account.orders);
    margin::may_go(&[margin::lowest_equity(pool, owner)], &[margin::lowest_equity(pool, &after)])
        && margin::may_go(&rows(owner), &rows(&after))
}

pub(super) fn cancel(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    account: AccountId,
    number: OrderNumber,
    events: &mut Vec<Event>,
) -> Outcome {
    let (found, owner) = own_account(state, signer, pool, account)?;
    let at = owner.orders.iter().position(|order| order.number == number).ok_or(Rejection::OrderNotFound)?;
    let bound = owner.orders.get(at).is_some_and(|order| is_bound(found, order));
    require(!bound, Rejection::InstrumentHalted)?;

    state.pools[pool].accounts.edit(account).orders.remove(at);
    events.push(Event::OrderRemoved { pool, account, number, reason: Removal::Cancelled });
    Ok(())
}

pub(super) fn cancel_all(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    account: AccountId,
    events: &mut Vec<Event>,
) -> Outcome {
    let (found, owner) = own_account(state, signer, pool, account)?;
    require(!owner.orders.is_empty(), Rejection::OrderNotFound)?;
    let (bound, free): (Vec<Order>, Vec<Order>) =
        owner.orders.iter().cloned().partition(|order| is_bound(found, order));
    require(!free.is_empty(), Rejection::InstrumentHalted)?;

    state.pools[pool].accounts.edit(account).orders = bound;
    let removed =
        |order: Order| Event::OrderRemoved { pool, account, number: order.number, reason: Removal::Cancelled };
    events.extend(free.into_iter().map(removed));
    Ok(())
}

/// R8.3: who has called an auction takes part in it.
fn is_bound(pool: &Pool, order: &Order) -> bool {
    binds(&pool.instruments[order.instrument], order)
}

pub(super) fn seal(state: &mut State, signer: Key, pool: PoolId, account: AccountId, seal: [u8; 32]) -> Outcome {
    let (_, owner) = own_account(state, signer, pool, account)?;
    require(owner.is_good(), Rejection::AccountNotGood)?;

    let height = state.height;
    state.pools[pool].accounts.edit(account).seal = Some(Box::new((seal, height)));
    Ok(())
}

pub(super) fn reveal(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    account: AccountId,
    order: &NewOrder,
    salt: &[u8; 32],
    events: &mut Vec<Event>,
) -> Outcome {
    let (_, owner) = own_account(state, signer, pool, account)?;
    let sealed = owner
        .seal
        .as_deref()
        .is_some_and(|(seal, at)| at.saturating_add(1) == state.height && *seal == seal_of(order, salt));
    require(sealed, Rejection::SealNotFound)?;
    place(state, signer, pool, account, order, events)?;

    state.pools[pool].accounts.edit(account).seal = None;
    Ok(())
}

/// A trade that a venue reports.
pub(super) struct VenueTrade {
    pub(super) instrument: InstrumentId,
    pub(super) buyer: AccountId,
    pub(super) seller: AccountId,
    pub(super) quantity: Quantity,
    pub(super) price: Price,
}

// R7.3: both sides are checked as if filled; if either would be short, nothing happens.
pub(super) fn trade(
    state: &mut State,
    signer: Key,
    pool: PoolId,
    trade: &VenueTrade,
    events: &mut Vec<Event>,
) -> Outcome {
    require_lots(trade.quantity)?;
    require_price(trade.price)?;
    require(trade.buyer != trade.seller, Rejection::SameAccount)?;
    if [trade.buyer, trade.seller].iter().any(|side| may_raise_a_loan(state, pool, *side, trade.instrument)) {
        know_loans(state, pool);
    }
    let found = pool_of(state, pool)?;
    require(found.parameters.venues.contains(&signer), Rejection::NotAuthorised)?;
    let instrument = found.instruments.find(trade.instrument).ok_or(Rejection::InstrumentNotFound)?;
    require(instrument.breaker.level != Level::CallAuction, Rejection::InstrumentHalted)?;
    let inside =
        inside_band(instrument, trade.quantity, trade.price) && inside_band(instrument, -trade.quantity, trade.price);
    let sides = [(trade.buyer, trade.quantity), (trade.seller, -trade.quantity)];
    for (side, _) in sides {
        require(side != FUND, Rejection::NotAuthorised)?;
        let owner = account_of(found, side)?;
        require(owner.leaves.iter().any(|leave| leave.venue == signer), Rejection::VenueNotAllowed)?;
    }
    for (side, quantity) in sides {
        let owner = &*found.net(side);
        require_standing(is_live(&state.feeds, instrument), found, owner, instrument, &as_order(trade, quantity))?;
        require(inside, Rejection::LimitOutsideBand)?;
        require_side(found, owner, instrument, trade, quantity)?;
    }

    let after = instrument.open_interest + growth(found, trade);
    let allowed = after <= instrument.open_interest || instrument.excess_interest(after).is_zero();
    require(allowed, Rejection::OpenInterestFull)?;
    let mut left = Vec::with_capacity(sides.len());
    for (side, quantity) in sides {
        let lots = (trade.instrument, quantity, trade.price);
        left.push(venues::after_trade(found, account_of(found, side)?, signer, lots)?);
    }

    let fee = found.fee(trade.instrument, trade.price * trade.quantity);
    let found = &mut state.pools[pool];
    for ((side, quantity), left) in sides.into_iter().zip(left) {
        found.trade(side, trade.instrument, quantity, trade.price);
        let owner = found.accounts.edit(side);
        owner.cash -= fee;
        venues::keep(owner, left);
        found.fees += fee;
        let (instrument, price) = (trade.instrument, trade.price);
        events.push(Event::Filled { pool, account: side, instrument, quantity, price, fee, forced: false });
        end_with_position(found, pool, side, &mut |event| events.push(event));
    }
    Ok(())
}

/// By how much a trade raises open interest.
fn growth(pool: &Pool, trade: &VenueTrade) -> Quantity {
    let long = |account: AccountId, quantity: Quantity| {
        let before = pool.accounts[account].quantity(trade.instrument);
        (before + quantity).or_zero() - before.or_zero()
    };
    long(trade.buyer, trade.quantity) + long(trade.seller, -trade.quantity)
}

fn as_order(trade: &VenueTrade, quantity: Quantity) -> NewOrder {
    NewOrder {
        number: 0,
        instrument: trade.instrument,
        quantity,
        limit: Some(trade.price),
        lifetime: Lifetime::ThisBlock,
        reduce_only: false,
    }
}

fn require_side(
    pool: &Pool,
    owner: &Account,
    instrument: &Instrument,
    trade: &VenueTrade,
    quantity: Quantity,
) -> Outcome {
    let mut after = owner.clone();
    after.fill(trade.instrument, quantity, trade.price);
    after.cash -= pool.fee(trade.instrument, trade.price * quantity);
    let reach = margin::reachable(after.quantity(trade.instrument), &after.orders, trade.instrument);
    let smaller = after.quantity(trade.instrument).abs() < owner.quantity(trade.instrument).abs();
    require(smaller || reach <= instrument.parameters.max_position, Rejection::PositionLimitExceeded)?;
    if instrument.is_spot() {
        let offered: Quantity = after
            .orders
            .iter()
            .filter(|order| order.instrument == trade.instrument)
            .map(|order| (-order.quantity).or_zero())
            .sum();
        require(after.quantity(trade.instrument) >= offered, Rejection::BalanceTooSmall)?;
    }
    let asks = instrument.is_spot() || (has_collateral(pool, owner) && !smaller);
    require(!asks || custody::loan_allows(pool, owner, &after), Rejection::LoanLimitExceeded)?;
    if pool.meets_initial_with(&after, after.orders.iter()) {
        return Ok(());
    }
    let missing = closing::missing(pool, owner, &after, only_reduces(owner, &as_order(trade, quantity)));
    require(!missing.is_positive(), Rejection::InitialMarginNotMet)
}

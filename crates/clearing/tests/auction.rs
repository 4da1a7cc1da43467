//! The batch auction against a naive twin: whole lives of books, block after block, told a second time in plain integers.
//!
//! The twin reads R8 and nothing of the core but which orders were accepted, the marks, and whether feeds are live. Where
//! everybody is rich the two must agree on every event, position, quantum of cash and order that is left. Where margin
//! takes orders away and accounts are liquidated, what R8 promises to each side is checked by itself.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::integer_division,
    clippy::disallowed_types,
    missing_docs,
    unreachable_pub,
    reason = "a test may compute and fail as it likes"
)]

#[path = "auction/lives.rs"]
mod lives;
#[path = "reference/market.rs"]
#[allow(dead_code, reason = "only its auction is needed here")]
mod market;
#[path = "reference/model.rs"]
#[allow(dead_code, reason = "the market is written with its fractions")]
mod model;
#[path = "properties/world.rs"]
mod world;

use clearing::command::{Capital, Command, Lifetime, NewOrder, Rejection, Signed};
use clearing::commands::judge;
use clearing::event::{Cause, Event, Receipt, Removal};
use clearing::parameters::InstrumentParameters;
use clearing::state::{Account, Condition, FUND, Instrument, Level, Order};
use clearing::table::{AccountId, InstrumentId, PoolId};
use clearing::units::{MAX_PRICE, Money, PPM, Price, Quantity, Ratio, Time};
use lives::{Step, life, listed};
use market::Bid;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use world::{CUSTODIAN, USD, VENUE, World, by, feed_parameters, pool_parameters};

const POOL: PoolId = PoolId(0);
/// The instrument that is no perpetual but a balance, the last of those listed.
const BALANCE: u16 = 3;
/// The accounts of members; their owners sign as this much more.
const MEMBERS: std::ops::RangeInclusive<u32> = 1..=7;
const SIGNS_AS: u8 = 20;
/// Where the two feeds start. The second may go below zero.
const START: [i64; 2] = [100, 0];
/// Nobody's limit is further than this from any mark.
const FURTHEST: i64 = 80;
/// How long a call auction collects.
const COLLECTS: i64 = 1_400;
/// How much wider the band is at its end, in ppm.
const CALL_BAND: i64 = 1_500_000;
/// How long a market stays open, at least, before orders call another auction.
const CALM: i64 = 2_000;

/// The first of the instruments; members with this much money each and positions on either side of every perpetual.
fn world_of(count: usize, cash: i128) -> World {
    let mut rules = pool_parameters();
    (rules.max_orders, rules.call_auction, rules.call_band) = (1_000, Time::new(COLLECTS), Ratio::new(CALL_BAND));
    rules.calm = Time::new(CALM);
    // A fee is the instrument's rate and nothing else.
    (rules.fund_floor, rules.fee_surcharge, rules.fee_rebate) = (Money::ZERO, Ratio::ZERO, Ratio::ZERO);
    let mut feed = feed_parameters();
    (feed.minimum, feed.share_base) = (Price::new(-MAX_PRICE), Price::new(1));
    let mut world = World::with_feeds(&START, &[feed.clone(), feed], &[(rules, listed()[..count].to_vec())]);
    for account in MEMBERS {
        assert_eq!(world.open(0, SIGNS_AS + account as u8, cash), account);
    }
    let mut commands = Vec::new();
    for at in 0..BALANCE {
        for (buyer, seller, lots) in [(1, 2, 9), (3, 4, 25)] {
            let (buyer, seller, instrument) = (AccountId(buyer), AccountId(seller), InstrumentId(at));
            let (quantity, price) = (Quantity::new(lots), world.pool(0).instruments[instrument].mark);
            let trade = Command::Trade { pool: POOL, instrument, buyer, seller, quantity, price };
            commands.push(by(VENUE, trade));
        }
    }
    for account in MEMBERS.filter(|account| count > usize::from(BALANCE) && *account < 4) {
        let (account, instrument, quantity) = (AccountId(account), InstrumentId(BALANCE), Quantity::new(30));
        commands.push(by(CUSTODIAN, Command::DepositCollateral { pool: POOL, account, instrument, quantity }));
    }
    world.must(1, commands);
    world
}

/// So much money that no margin is ever in doubt.
static RICH: LazyLock<World> = LazyLock::new(|| world_of(4, 1_000_000 * USD));

/// A few hundred lots at most, and a jump ruins most: with a small fund, so that it trades as well.
static POOR: LazyLock<World> = LazyLock::new(|| {
    let mut world = world_of(3, 400);
    let capital = |capital| by(CUSTODIAN, Command::Capitalise { pool: POOL, capital, amount: Money::new(900) });
    world.must(1, vec![capital(Capital::Fund), capital(Capital::OwnCapital)]);
    world
});

/// The commands of a step: quotes first, then orders whose numbers rise.
fn commands_of(world: &World, step: &Step, next_number: &mut u64) -> Vec<Signed> {
    let time = world.time() + step.elapsed;
    let quote = |feed: usize| {
        // Six in a hundred are more than a live feed may be unsure of.
        let doubt = if step.doubtful { step.indices[feed].abs() * 6 / 100 } else { 0 };
        world.quote(feed as u16, step.indices[feed], doubt, time)
    };
    let mut commands = [quote(0), quote(1)].concat();
    for (account, order) in &step.wishes {
        *next_number += 1;
        let mut order = NewOrder { number: *next_number, ..order.clone() };
        let mark = world.pool(0).instruments[order.instrument].mark;
        order.limit = order.limit.map(|away| mark + away);
        if let Lifetime::Until(last) = &mut order.lifetime {
            *last += Time::new(time);
        }
        let place = Command::PlaceOrder { pool: POOL, account: AccountId(*account), order };
        commands.push(by(SIGNS_AS + *account as u8, place));
    }
    commands
}

/// An order as the twin keeps it.
#[derive(Clone, Debug, PartialEq)]
struct Open {
    account: u32,
    number: u64,
    instrument: u16,
    lots: i64,
    limit: i64,
    lifetime: Lifetime,
    reduce_only: bool,
}

impl Open {
    fn of(account: u32, order: &Order) -> Self {
        let (instrument, lots, limit) = (order.instrument.0, order.quantity.get(), order.limit.get());
        let Order { number, lifetime, reduce_only, .. } = *order;
        Self { account, number, instrument, lots, limit, lifetime, reduce_only }
    }

    fn as_bid(&self) -> Bid {
        Bid { account: self.account, number: self.number, lots: self.lots, limit: self.limit, passing: false }
    }

    fn side(&self) -> i64 {
        self.lots.signum()
    }

    /// Higher for those who would pay more or take less.
    fn eagerness(&self) -> i64 {
        self.side() * self.limit
    }
}

/// Every order that rests in the core.
fn resting(world: &World) -> Vec<Open> {
    let of = |account: u32| world.account(0, account).orders.iter().map(move |order| Open::of(account, order));
    MEMBERS.flat_map(of).collect()
}

/// The share of an amount in ppm, rounded up.
fn share_ceil(amount: i64, ppm: i64) -> i64 {
    (amount * ppm + PPM - 1).div_euclid(PPM)
}

/// R8.3: the half width of the band around a mark.
fn band_width(mark: i64, rules: &InstrumentParameters) -> i64 {
    share_ceil(mark.abs().max(rules.stress_base.get()), rules.band.get()).max(1)
}

/// The twin: members, their orders, and what is known of each instrument.
struct Twin {
    rules: Vec<InstrumentParameters>,
    marks: Vec<i64>,
    live: Vec<bool>,
    /// Until when orders collect for a call auction, and since when the market has been open after the last.
    until: Vec<Option<i64>>,
    open_since: Vec<i64>,
    /// The price that orders wanted when they called it.
    called_at: Vec<i64>,
    cash: BTreeMap<u32, i128>,
    lots: BTreeMap<(u32, u16), i64>,
    fees: i128,
    open: Vec<Open>,
    events: Vec<Event>,
}

impl Twin {
    /// The core as the twin sees it.
    fn of(world: &World, receipt: &[Event]) -> Self {
        let (state, pool) = (world.engine.state(), world.pool(0));
        let listed = || pool.instruments.iter();
        let live = |(_, listed): (_, &Instrument)| state.feeds[listed.parameters.feed].condition == Condition::Live;
        let held =
            |account: u32| listed().map(move |(id, _)| ((account, id.0), world.account(0, account).quantity(id).get()));
        let mut events: Vec<Event> = receipt.iter().filter(|event| is_of_auctions(event)).cloned().collect();
        events.sort_by_key(|event| format!("{event:?}"));
        Self {
            rules: listed().map(|(_, listed)| listed.parameters.clone()).collect(),
            marks: listed().map(|(_, listed)| listed.mark.get()).collect(),
            live: listed().map(live).collect(),
            until: listed().map(|(_, listed)| listed.breaker.call_until.map(Time::get)).collect(),
            open_since: listed().map(|(_, listed)| listed.breaker.open_since.get()).collect(),
            called_at: listed().map(|(_, listed)| listed.breaker.called_at.get()).collect(),
            cash: MEMBERS.map(|account| (account, world.account(0, account).cash.get())).collect(),
            lots: MEMBERS.flat_map(held).collect(),
            fees: pool.fees.get(),
            open: resting(world),
            events,
        }
    }

    /// The lots of a position that orders of this side can reduce.
    fn reducible(&self, account: u32, instrument: u16, side: i64) -> i64 {
        (-side * self.lots[&(account, instrument)]).max(0)
    }

    /// R8.3, R8.4: takes the orders that the core accepted; returns those that it should have judged otherwise.
    fn take(&mut self, commands: &[Signed], refused: &[(u32, Rejection)]) -> Vec<(Open, Option<Rejection>)> {
        let refused: BTreeMap<usize, Rejection> = refused.iter().map(|(at, why)| (*at as usize, *why)).collect();
        let mut wrong = Vec::new();
        for (at, signed) in commands.iter().enumerate() {
            let Command::PlaceOrder { account, order, .. } = &signed.command else { continue };
            let (instrument, lots) = (order.instrument.0, order.quantity.get());
            let (mark, rules) = (self.marks[usize::from(instrument)], &self.rules[usize::from(instrument)]);
            let edge = mark + lots.signum() * band_width(mark, rules);
            let limit = order.limit.map_or(edge, Price::get);
            let (lifetime, reduce_only) = (order.lifetime, order.reduce_only);
            let reducible = self.reducible(account.0, instrument, lots.signum());
            let idle = reduce_only && reducible == 0;
            // R8.4: what may only reduce is no larger than the position.
            let lots = if reduce_only && !idle { lots.signum() * lots.abs().min(reducible) } else { lots };
            let open =
                Open { account: account.0, number: order.number, instrument, lots, limit, lifetime, reduce_only };
            let outside = open.eagerness() > open.side() * edge;
            let same = |other: &&Open| (other.account, other.instrument) == (account.0, instrument);
            let sold: i64 = self.open.iter().filter(same).map(|other| (-other.lots).max(0)).sum();
            let right = match refused.get(&at) {
                None => !outside && !idle,
                Some(Rejection::LimitOutsideBand) => outside,
                Some(Rejection::NothingToReduce) => idle,
                // R3.4: what is more than a reduction is new risk.
                Some(Rejection::FeedNotLive) => !self.live[usize::from(instrument)],
                Some(Rejection::BalanceTooSmall) => instrument == BALANCE && lots < 0 && sold - lots > reducible,
                Some(_) => false,
            };
            if !right {
                wrong.push((open.clone(), refused.get(&at).copied()));
            }
            if !refused.contains_key(&at) {
                self.open.push(open);
            }
        }
        wrong
    }

    /// One block, after its commands, at the core's marks.
    fn clear(&mut self, time: i64, core: &Self) {
        (self.marks, self.live, self.events) = (core.marks.clone(), core.live.clone(), Vec::new());
        self.open.sort_by_key(|order| (order.account, order.number));
        let over = |order: &Open| matches!(order.lifetime, Lifetime::Until(last) if last.get() < time);
        self.remove(over, Removal::LifetimeOver);
        self.net();
        self.remove(|order| order.lots == 0, Removal::SelfMatch);
        for instrument in 0..self.rules.len() as u16 {
            self.auction(instrument, time);
        }
        // R8.4
        self.open.retain(|order| order.lots != 0 && order.lifetime != Lifetime::ThisBlock);
        let lots = self.lots.clone();
        let ended = |order: &Open| order.reduce_only && order.side() * lots[&(order.account, order.instrument)] >= 0;
        self.remove(ended, Removal::NothingToReduce);
        self.events.sort_by_key(|event| format!("{event:?}"));
    }

    /// R8.2: crossing orders of one account take each other off, the most eager and among equals the older first; an order that may only
    /// reduce is cut before to what it could trade.
    fn net(&mut self) {
        while let Some((buys, sells)) = self.crossing() {
            let off = buys.lots.min(-sells.lots);
            for order in &mut self.open {
                if order.number == buys.number {
                    order.lots = buys.lots - off;
                } else if order.number == sells.number {
                    order.lots = sells.lots + off;
                }
            }
        }
    }

    /// Two orders of one account that could trade with each other.
    fn crossing(&self) -> Option<(Open, Open)> {
        let mut eager: Vec<Open> =
            (0..self.rules.len() as u16).flat_map(|instrument| self.tradable(instrument)).collect();
        eager.sort_by_key(|order| (-order.eagerness(), order.number));
        let asks = |buys: &Open| {
            let (account, instrument, limit) = (buys.account, buys.instrument, buys.limit);
            let crosses = move |sells: &&Open| {
                (sells.account, sells.instrument) == (account, instrument) && sells.lots < 0 && sells.limit <= limit
            };
            eager.iter().find(crosses).cloned()
        };
        eager.iter().filter(|order| order.lots > 0).find_map(|buys| Some((buys.clone(), asks(buys)?)))
    }

    fn remove(&mut self, leaves: impl Fn(&Open) -> bool, reason: Removal) {
        for order in self.open.iter().filter(|order| leaves(order)) {
            let (account, number) = (AccountId(order.account), order.number);
            self.events.push(Event::OrderRemoved { pool: POOL, account, number, reason });
        }
        self.open.retain(|order| !leaves(order));
    }

    /// R8.3
    fn auction(&mut self, instrument: u16, time: i64) {
        let at = usize::from(instrument);
        let (mark, width) = (self.marks[at], band_width(self.marks[at], &self.rules[at]));
        let wide = share_ceil(width, CALL_BAND);
        if let Some(until) = self.until[at].filter(|until| *until > time) {
            if self.counts(instrument, &self.staying(instrument, until, FURTHEST), self.called_at[at]) {
                return;
            }
            self.until[at] = Some(time);
        }
        let ends_call = self.until[at].take().is_some();
        if ends_call {
            self.open_since[at] = time;
        }
        let reach = if ends_call { wide } else { width };
        let wishes = self.tradable(instrument);
        let bids: Vec<Bid> = wishes.iter().map(|wish| cut(wish, mark, reach)).collect();
        let Some(price) = market::uniform_price(&bids, mark, mark - reach..=mark + reach) else {
            let staying = self.staying(instrument, time + COLLECTS, wide);
            let wanted = market::uniform_price(&staying, mark, mark - FURTHEST..=mark + FURTHEST);
            let far = |price: &i64| (price - mark).abs() > width + (wide - width) / 2;
            let wanted = wanted.filter(|price| far(price) && self.counts(instrument, &staying, *price));
            if let Some(price) = wanted.filter(|_| !ends_call && time - self.open_since[at] >= CALM) {
                (self.until[at], self.called_at[at]) = (Some(time + COLLECTS), price);
                let (level, cause) = (Level::CallAuction, Cause::OutsideBand);
                self.events.push(Event::BreakerStepped {
                    pool: POOL,
                    instrument: InstrumentId(instrument),
                    level,
                    cause,
                });
            }
            return;
        };
        let instrument = InstrumentId(instrument);
        let fills = market::fills(&bids, price);
        for (order, fill) in wishes.iter().zip(&fills).filter(|(_, fill)| **fill != 0) {
            self.fill(order, *fill, price);
        }
        let quantity = Quantity::new(fills.iter().filter(|fill| **fill > 0).sum());
        self.events.push(Event::AuctionCleared { pool: POOL, instrument, price: Price::new(price), quantity });
    }

    /// Orders that are as large as ever and last until then.
    fn staying(&self, instrument: u16, until: i64, reach: i64) -> Vec<Bid> {
        let mark = self.marks[usize::from(instrument)];
        let whole = |wish: &&Open| self.open.iter().any(|open| open.number == wish.number && open.lots == wish.lots);
        let lasts = |wish: &&Open| match wish.lifetime {
            Lifetime::UntilCancelled => !wish.reduce_only,
            Lifetime::Until(last) => !wish.reduce_only && last.get() >= until,
            Lifetime::ThisBlock => false,
        };
        let wishes = self.tradable(instrument);
        wishes.iter().filter(whole).filter(lasts).map(|wish| cut(wish, mark, reach)).collect()
    }

    /// Whether what would trade at a price is a sixteenth of the open interest, or more.
    fn counts(&self, instrument: u16, bids: &[Bid], price: i64) -> bool {
        let wanted = |side: i64| -> i64 {
            let own = bids.iter().filter(|bid| bid.lots.signum() == side && accepts(bid, price));
            own.map(|bid| bid.lots.abs()).sum()
        };
        let open: i64 = self.lots.iter().filter(|((_, of), _)| *of == instrument).map(|(_, lots)| (*lots).max(0)).sum();
        let volume = wanted(1).min(wanted(-1));
        volume > 0 && volume >= share_ceil(open, 62_500)
    }

    /// The orders of an instrument as they may trade: those that may only reduce are cut, the most eager take first.
    fn tradable(&self, instrument: u16) -> Vec<Open> {
        let (live, spot) = (self.live[usize::from(instrument)], instrument == BALANCE);
        let mut cut: Vec<Open> = Vec::new();
        let mut reduced: BTreeMap<u32, i64> = BTreeMap::new();
        let mut eager: Vec<&Open> = self.open.iter().filter(|order| order.instrument == instrument).collect();
        eager.sort_by_key(|order| (-order.eagerness(), order.number));
        for order in eager {
            let mut size = order.lots.abs();
            // R8.4, R3.4: a balance is never oversold, and what is not live only reduces.
            if order.reduce_only || !live || spot && order.lots < 0 {
                let free = |other: &&Open| {
                    // What other orders may close as well is not there to reduce; if all are cut, they share it instead.
                    let same = (other.account, other.instrument) == (order.account, instrument);
                    live && !spot && same && other.side() == order.side() && !other.reduce_only
                };
                let taken: i64 = self.open.iter().filter(free).map(|other| other.lots.abs()).sum();
                let before = reduced.entry(order.account).or_default();
                let room = (self.reducible(order.account, instrument, order.side()) - taken).max(0) - *before;
                size = size.min(room.max(0));
                *before += size;
            }
            cut.push(Open { lots: order.side() * size, ..order.clone() });
        }
        cut.retain(|order| order.lots != 0);
        cut
    }

    fn fill(&mut self, order: &Open, fill: i64, price: i64) {
        let value = price * fill;
        let fee = share_ceil(value.abs(), self.rules[usize::from(order.instrument)].fee.get());
        *self.lots.get_mut(&(order.account, order.instrument)).unwrap() += fill;
        *self.cash.get_mut(&order.account).unwrap() -= i128::from(value + fee);
        self.fees += i128::from(fee);
        self.open.iter_mut().find(|open| open.number == order.number).unwrap().lots -= fill;
        self.events.push(Event::Filled {
            pool: POOL,
            account: AccountId(order.account),
            instrument: InstrumentId(order.instrument),
            quantity: Quantity::new(fill),
            price: Price::new(price),
            fee: Money::new(fee.into()),
            forced: false,
        });
    }
}

fn accepts(bid: &Bid, price: i64) -> bool {
    if bid.lots > 0 { bid.limit >= price } else { bid.limit <= price }
}

/// A wish no more eager than a band allows.
fn cut(wish: &Open, mark: i64, reach: i64) -> Bid {
    let limit = if wish.lots < 0 { wish.limit.max(mark - reach) } else { wish.limit.min(mark + reach) };
    Bid { limit, ..wish.as_bid() }
}

/// What the twin says as well.
fn is_of_auctions(event: &Event) -> bool {
    let called = matches!(event, Event::BreakerStepped { cause: Cause::OutsideBand, .. });
    called || matches!(event, Event::OrderRemoved { .. } | Event::Filled { .. } | Event::AuctionCleared { .. })
}

/// Lets a world live; shows every block with the world before and after it.
fn live_through(
    mut world: World,
    life: &[Step],
    mut look: impl FnMut(&World, &World, &[Signed], &Receipt) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut next_number = 0;
    for step in life {
        let before = world.clone();
        let commands = commands_of(&world, step, &mut next_number);
        let receipt = world.apply(step.elapsed, commands.clone());
        if world.pool(0).winding_down {
            // R12.4: a pool that is wound down has no auctions.
            break;
        }
        look(&before, &world, &commands, &receipt)?;
    }
    Ok(())
}

/// The orders that rest after a block's commands: a market order of somebody short of margin has a limit that only margin knows.
fn accepted(before: &World, time: i64, commands: &[Signed], receipt: &Receipt) -> Vec<Open> {
    let (state, pool) = (before.engine.state(), before.pool(0));
    let mut owners: BTreeMap<u32, Account> =
        MEMBERS.map(|account| (account, before.account(0, account).clone())).collect();
    for (at, signed) in commands.iter().enumerate() {
        let Command::PlaceOrder { account, order, .. } = &signed.command else { continue };
        if receipt.rejections.iter().all(|(refused, _)| *refused as usize != at) {
            let owner = owners.get_mut(&account.0).unwrap();
            let order = judge(&state.feeds, Time::new(time), pool, owner, order).unwrap();
            owner.orders.push(order);
        }
    }
    owners.iter().flat_map(|(account, owner)| owner.orders.iter().map(|order| Open::of(*account, order))).collect()
}

/// The orders that went into a block's auctions, each with what was filled of it: what the block took off, less what it
/// took off before the auctions. Orders for one block only are not among them, nobody could tell how they ended.
fn filled_of(before: &World, after: &World, commands: &[Signed], receipt: &Receipt) -> Vec<(Open, i64)> {
    let mut twin = Twin::of(before, &[]);
    twin.open = accepted(before, after.time(), commands, receipt);
    let mut removed = BTreeMap::new();
    for event in &receipt.events {
        if let Event::OrderRemoved { number, reason, .. } = event {
            removed.insert(*number, *reason);
        }
    }
    let reason = |order: &Open| removed.get(&order.number).copied();
    let before_auctions = [Removal::LifetimeOver, Removal::Liquidation, Removal::InitialMarginNotMet];
    twin.open.retain(|order| reason(order).is_none_or(|reason| !before_auctions.contains(&reason)));
    // R3.4, R13.1: what may only reduce in this block.
    let reduces = |(id, listed): (InstrumentId, &Instrument)| {
        before.pool(0).instruments[id].breaker.level == Level::ReduceOnly
            || after.engine.state().feeds[listed.parameters.feed].condition != Condition::Live
    };
    twin.live = after.pool(0).instruments.iter().map(|listed| !reduces(listed)).collect();
    twin.net();
    twin.open.retain(|order| order.lots != 0);
    let left: BTreeMap<u64, i64> = resting(after).iter().map(|order| (order.number, order.lots)).collect();
    // What had nothing left to reduce was taken off after the auctions; the most eager had the fills that nobody else had. R8.4
    twin.open.sort_by_key(|order| (-order.eagerness(), order.number));
    let mut filled: Vec<(Open, i64)> =
        twin.open.iter().map(|order| (order.clone(), order.lots - left.get(&order.number).unwrap_or(&0))).collect();
    let has_ended = |order: &Open| reason(order) == Some(Removal::NothingToReduce);
    for at in (0..filled.len()).filter(|at| has_ended(&twin.open[*at])) {
        let order = &twin.open[at];
        let same = |other: &Open| (other.account, other.instrument) == (order.account, order.instrument);
        let of_others =
            filled.iter().enumerate().filter(|(other, (open, _))| same(open) && (*other < at || !has_ended(open)));
        let known: i64 = of_others.map(|(_, (_, filled))| filled).sum();
        let rest = fills_of(receipt, order) - known;
        filled[at].1 = if rest * order.side() > 0 { order.side() * rest.abs().min(order.lots.abs()) } else { 0 };
    }
    filled
}

/// What an account traded in an instrument of its own will.
fn fills_of(receipt: &Receipt, order: &Open) -> i64 {
    let own = receipt.events.iter().map(|event| match event {
        Event::Filled { account, instrument, quantity, forced: false, .. }
            if (account.0, instrument.0) == (order.account, order.instrument) =>
        {
            quantity.get()
        }
        _ => 0,
    });
    own.sum()
}

/// What one auction promises to everybody in it.
fn keeps_promises(
    before: &World,
    after: &World,
    receipt: &Receipt,
    id: InstrumentId,
    orders: &[(Open, i64)],
) -> Result<(), TestCaseError> {
    let (was, is) = (&before.pool(0).instruments[id], &after.pool(0).instruments[id]);
    let cleared = receipt.events.iter().find_map(|event| match event {
        Event::AuctionCleared { instrument, price, .. } if *instrument == id => Some(price.get()),
        _ => None,
    });
    let (mut bought, mut sides, mut of_member) = (0, BTreeMap::new(), BTreeMap::<AccountId, i64>::new());
    for event in &receipt.events {
        let Event::Filled { account, instrument, quantity, price, forced, .. } = event else { continue };
        if *instrument != id {
            continue;
        }
        prop_assert_eq!(Some(price.get()), cleared, "one price");
        let side = *sides.entry(*account).or_insert(quantity.signum());
        prop_assert_eq!(side, quantity.signum(), "{} trades on both sides", account);
        bought += quantity.get();
        if !forced && *account != FUND {
            *of_member.entry(*account).or_default() += quantity.get();
        }
    }
    prop_assert_eq!(bought, 0, "what is bought is sold");
    let width = band_width(is.mark.get(), &is.parameters);
    let width = if was.breaker.call_until.is_some() { share_ceil(width, CALL_BAND) } else { width };
    prop_assert!(cleared.is_none_or(|price| (price - is.mark.get()).abs() <= width), "outside the band");
    for (order, filled) in orders {
        prop_assert!(filled * order.side() >= 0 && filled.abs() <= order.lots.abs(), "{:?} filled {}", order, filled);
        prop_assert!(
            *filled == 0 || cleared.is_some_and(|price| order.eagerness() >= order.side() * price),
            "{:?} at {:?}",
            order,
            cleared
        );
        *of_member.entry(AccountId(order.account)).or_default() -= filled;
    }
    prop_assert!(of_member.values().all(|rest| *rest == 0), "fills are fills of orders: {:?}", of_member);
    let feed = &after.engine.state().feeds[is.parameters.feed];
    if feed.condition != Condition::Live || was.breaker.level == Level::ReduceOnly {
        return Ok(());
    }
    // Who may only reduce can be left over for another reason.
    let waiting = orders.iter().filter(|(order, filled)| order.lots != *filled && !order.reduce_only);
    let trading: Vec<&Open> = orders.iter().filter(|(_, filled)| *filled != 0).map(|(order, _)| order).collect();
    for (first, _) in waiting {
        // Beyond the edge all are equally eager.
        let eagerness = |order: &Open| order.side() * cut(order, is.mark.get(), width).limit;
        let passed = |other: &&&Open| first.side() == other.side() && eagerness(first) > eagerness(other);
        prop_assert_eq!(trading.iter().find(passed), None, "trades and leaves {:?} waiting", first);
    }
    Ok(())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(6_000))]

    // R8.1, R8.2, R8.3, R8.4, R3.4
    #[test]
    fn the_auction_agrees_with_a_naive_twin(life in life(4)) {
        let mut twin = Twin::of(&RICH, &[]);
        live_through(RICH.clone(), &life, |before, after, commands, receipt| {
            // R8.1: the same block with the members in another order.
            let mut permuted = before.block_of(after.time() - before.time(), commands.to_vec());
            permuted.commands.sort_by_key(|signed| std::cmp::Reverse(signed.signer));
            let other = before.engine.clone().apply(&permuted);
            prop_assert_eq!(other.root, receipt.root, "the order of commands decides something");
            prop_assert_eq!(twin.take(commands, &receipt.rejections), Vec::new());
            let core = Twin::of(after, &receipt.events);
            twin.clear(after.time(), &core);
            prop_assert_eq!(&twin.events, &core.events);
            prop_assert_eq!(&twin.open, &core.open);
            prop_assert_eq!(&twin.lots, &core.lots);
            prop_assert_eq!((&twin.cash, twin.fees, &twin.until), (&core.cash, core.fees, &core.until));
            prop_assert_eq!(&twin.open_since, &core.open_since);
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(config(3_000))]

    // R8.1, R8.2, R8.3: while margin takes orders away and liquidations and the fund trade as well.
    #[test]
    fn whoever_is_liquidated_everybody_gets_what_the_auction_promises(mut life in life(3)) {
        let wishes = life.iter_mut().flat_map(|step| &mut step.wishes);
        let lasting = wishes.filter(|(_, order)| order.lifetime == Lifetime::ThisBlock);
        lasting.for_each(|(_, order)| order.lifetime = Lifetime::UntilCancelled);
        live_through(POOR.clone(), &life, |before, after, commands, receipt| {
            let orders = filled_of(before, after, commands, receipt);
            for id in after.pool(0).instruments.ids() {
                let own: Vec<(Open, i64)> = orders.iter().filter(|(order, _)| order.instrument == id.0).cloned().collect();
                keeps_promises(before, after, receipt, id, &own)?;
            }
            Ok(())
        })?;
    }
}

/// The lives above are not vacuous: everything that they are about happens in a few hundred of them.
#[test]
fn lives_reach_what_they_are_about() {
    const OUTSIDE: &str = "cleared outside the ordinary band";
    let about = [
        "SelfMatch",
        "NothingToReduce",
        "LifetimeOver",
        "OutsideBand",
        "Degraded",
        "InitialMarginNotMet",
        "AccountLiquidated",
    ];
    let about = about.into_iter().chain(["forced: true", "Filled { pool: PoolId(0), account: AccountId(0)"]);
    let mut seen: BTreeMap<&str, u32> = about.chain([OUTSIDE]).map(|name| (name, 0)).collect();
    let mut runner = TestRunner::deterministic();
    for (world, instruments) in [(&RICH, 4), (&POOR, 3)].repeat(700) {
        let life = life(instruments).new_tree(&mut runner).unwrap().current();
        let count = |_: &World, after: &World, _: &[Signed], receipt: &Receipt| {
            for event in &receipt.events {
                let outside = matches!(event, Event::AuctionCleared { instrument, price, .. } if {
                    let listed = &after.pool(0).instruments[*instrument];
                    (*price - listed.mark).abs() > listed.band_width()
                });
                let text = if outside { OUTSIDE.to_string() } else { format!("{event:?}") };
                seen.iter_mut().filter(|(name, _)| text.contains(**name)).for_each(|(_, times)| *times += 1);
            }
            Ok(())
        };
        live_through(World::clone(world), &life, count).unwrap();
    }
    assert!(seen.values().all(|times| *times >= 20), "{seen:?}");
}

//! Step 5: what a breached account must sell, and how much of it at once (R10).

use super::Moment;
use super::book::{Book, Interest, Origin, remove_orders};
use super::concession::forced_limit;
use super::guards::Guard;
use super::watch::Breached;
use crate::event::{Event, Removal};
use crate::margin;
use crate::parallel;
use crate::rows::Rows;
use crate::state::{Account, Pool, Position, Standing};
use crate::table::{AccountId, InstrumentId, PoolId};
use crate::units::{Money, Price, Quantity, Ratio};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// What the liquidations of a block come to.
pub(super) struct Plan {
    /// Reduce-only orders for the batch auctions.
    pub(super) orders: Vec<Interest>,
    /// Accounts that reducing cannot save: their whole portfolios are auctioned. R10.5
    pub(super) portfolios: Vec<AccountId>,
}

/// Begins the liquidation of accounts that breach, and ends it for accounts that have reached the target. R10.2, R6.3
pub(super) fn begin(
    pool: &mut Pool,
    id: PoolId,
    breached: &Breached,
    now: Moment,
    say: &mut dyn FnMut(Event),
) -> Vec<AccountId> {
    pool.carried = breached.carried;
    if breached.carried > 0 {
        say(Event::LiquidationsCarried { pool: id, accounts: breached.carried });
    }
    let mut active = Vec::new();
    // R16.1: what they owe of funding and interest is paid before anybody is paid for taking their portfolios.
    breached.accounts.iter().for_each(|account| pool.collect(*account));
    let figures = parallel::map(&breached.accounts, |account| Figures::of(pool, *account));
    for (account, Figures { equity, found }) in breached.accounts.iter().zip(figures) {
        match found {
            Found::New { maintenance_margin } => {
                pool.accounts.edit(*account).standing = Standing::Liquidating { since: now.height };
                pool.bids.remove(account);
                say(Event::AccountLiquidated { pool: id, account: *account, equity, maintenance_margin });
                remove_orders(pool, id, *account, Removal::Liquidation, |_| true, say);
                active.push(*account);
            }
            Found::GoesOn => active.push(*account),
            Found::Done => {
                pool.accounts.edit(*account).standing = Standing::Good;
                say(Event::AccountRestored { pool: id, account: *account, equity });
            }
        }
    }
    active.iter().for_each(|account| wait_a_block(pool, *account));
    active
}

/// R10.8: a block in which nothing of an account can trade is none of those that its liquidation counts.
fn wait_a_block(pool: &mut Pool, account: AccountId) {
    let held = &pool.accounts[account];
    let Standing::Liquidating { since } = held.standing else { return };
    if waits(pool, held) {
        pool.accounts.edit(account).standing = Standing::Liquidating { since: since.saturating_add(1) };
    }
}

/// Whether an account holds something and nothing of it can trade in this block.
fn waits(pool: &Pool, held: &Account) -> bool {
    !held.positions.is_empty() && !held.positions.iter().any(|position| pool.can_trade(position.instrument))
}

/// Where an account stands in its liquidation.
enum Found {
    New {
        maintenance_margin: Money,
    },
    GoesOn,
    /// R6.3: it is at its target.
    Done,
}

struct Figures {
    equity: Money,
    found: Found,
}

impl Figures {
    fn of(pool: &Pool, account: AccountId) -> Self {
        let held = &pool.accounts[account];
        let found = match held.standing {
            Standing::Good => {
                Found::New { maintenance_margin: margin::maintenance_margin(pool, held.cash, &held.positions) }
            }
            Standing::Closed => Found::GoesOn,
            Standing::Liquidating { .. } if is_below_target(pool, held) => Found::GoesOn,
            // R10.8: a guard ends no liquidation. What it spares for a while would only have the account liquidated again, from the start.
            Standing::Liquidating { .. } if waits(pool, held) => Found::GoesOn,
            Standing::Liquidating { .. } if margin::breaches(pool, held.cash, &held.positions) => Found::GoesOn,
            Standing::Liquidating { .. } => Found::Done,
        };
        Self { equity: margin::equity(&pool.matrices, held.cash, &held.positions), found }
    }
}

/// R6.3: whether a liquidation goes on. Legs that wait count at their good edge. R3.8
fn is_below_target(pool: &Pool, held: &Account) -> bool {
    (margin::target_worst(pool, held.cash, &held.positions) + pool.spared(&held.positions)).is_negative()
}

/// Decides for every account under liquidation what it sells in this block, worst first.
///
/// The accounts share the depth of the book, but few of them are bound by it: they are all sized against the whole depth side by
/// side, and again, in turn, those to whom what is left says something else.
pub(super) fn plan(pool: &Pool, liquidating: &[AccountId], book: &Book, now: Moment) -> Plan {
    let whole = Budget::of(pool, book, liquidating);
    let sized = parallel::map(liquidating, |account| Sized::of(&Seller::new(pool, *account, now), &whole));
    let mut left = whole.clone();
    let mut plan = Plan { orders: Vec::new(), portfolios: Vec::new() };
    for (account, mut sized) in liquidating.iter().zip(sized) {
        if !sized.rooms.iter().all(|room| room.says_the_same(&whole, &left)) {
            sized = Sized::of(&Seller::new(pool, *account, now), &left);
        }
        match sized.sale {
            Sale::Orders(orders) => {
                left.take(&orders);
                plan.orders.extend(orders);
            }
            Sale::Portfolio => plan.portfolios.push(*account),
            Sale::Both(orders) => {
                left.take(&orders);
                plan.orders.extend(orders);
                plan.portfolios.push(*account);
            }
        }
    }
    plan
}

/// The portfolios that are auctioned: those that the block's orders have not brought to their target.
pub(super) fn still_due(pool: &Pool, mut portfolios: Vec<AccountId>) -> Vec<AccountId> {
    portfolios.retain(|account| {
        let held = &pool.accounts[*account];
        held.is_being_closed() || is_below_target(pool, held)
    });
    portfolios
}

/// What liquidations may still take of the resting depth in this block, by instrument and by the sign of their orders. R10.4
#[derive(Clone)]
pub(super) struct Budget(BTreeMap<(InstrumentId, i64), Quantity>);

impl Budget {
    /// Of the instruments that the accounts hold.
    pub(super) fn of(pool: &Pool, book: &Book, accounts: &[AccountId]) -> Self {
        let held = accounts.iter().flat_map(|account| &pool.accounts[*account].positions);
        let sides: BTreeSet<(InstrumentId, i64)> =
            held.map(|position| (position.instrument, position.quantity.signum().saturating_neg())).collect();
        let share = |(instrument, sign): (InstrumentId, i64)| {
            let depth = book.depth_against(pool, instrument, sign).times_ceil(pool.parameters.depth_share);
            ((instrument, sign), depth)
        };
        Self(sides.into_iter().map(share).collect())
    }

    pub(super) fn left(&self, instrument: InstrumentId, sign: i64) -> Quantity {
        self.0.get(&(instrument, sign)).copied().unwrap_or_default()
    }

    /// Orders take what they want of it; those in what nobody here holds take nothing.
    pub(super) fn take(&mut self, orders: &[Interest]) {
        for order in orders {
            if let Some(left) = self.0.get_mut(&(order.instrument, order.quantity.signum())) {
                *left = (*left - order.quantity.abs()).or_zero();
            }
        }
    }
}

/// What an account sells, and where the depth of the book came into it.
struct Sized {
    sale: Sale,
    rooms: Vec<Room>,
}

/// How an account under liquidation sells in this block.
enum Sale {
    Orders(Vec<Interest>),
    Portfolio,
    /// What the orders leave is handed over: collateral that nobody took (R10.5), and whatever goes while another leg waits (R10.8).
    Both(Vec<Interest>),
}

/// What an account can sell in the book.
struct Reduction {
    orders: Vec<Interest>,
    /// Whether that brings it to its target, or more can be sold later.
    suffices: bool,
}

/// How many lots of a throttled position may be sold at most, were the book deep enough.
struct Room {
    instrument: InstrumentId,
    /// The sign of the orders.
    sign: i64,
    most: Quantity,
}

impl Room {
    /// Whether two budgets leave the same room.
    fn says_the_same(&self, one: &Budget, other: &Budget) -> bool {
        let room = |budget: &Budget| self.most.min(budget.left(self.instrument, self.sign));
        room(one) == room(other)
    }
}

impl Sized {
    fn of(seller: &Seller, budget: &Budget) -> Self {
        if seller.is_closed {
            return Self { sale: Sale::Both(seller.sell_all()), rooms: Vec::new() };
        }
        let goes = seller.can_go() && seller.is_beyond_reduction();
        if goes && !seller.is_stuck_with_collateral() {
            return Self { sale: Sale::Portfolio, rooms: Vec::new() };
        }
        let Reduction { orders, suffices } = seller.reduce(budget);
        let sale = match suffices {
            _ if goes => Sale::Both(orders),
            false if seller.can_go() => Sale::Portfolio,
            _ if seller.owes_for_certain() => Sale::Both(orders),
            _ => Sale::Orders(orders),
        };
        Self { sale, rooms: seller.throttled_rooms() }
    }
}

/// An account under liquidation.
struct Seller<'a> {
    pool: &'a Pool,
    id: AccountId,
    cash: Money,
    positions: &'a [Position],
    /// With legs that are not handed over at their good edge. R10.8
    equity: Money,
    /// What it can pay, however those legs come back.
    sure_equity: Money,
    maintenance_margin: Money,
    /// Blocks since the breach in which something of it could trade.
    age: u64,
    /// It is the pool's already: everything goes.
    is_closed: bool,
}

/// A position that can be reduced in this block.
struct Leg {
    instrument: InstrumentId,
    /// The sign of the position.
    sign: i64,
    /// How many lots may still be sold (or bought back).
    room: Quantity,
    /// Whether the throttle, not the position, ends the room.
    throttled: bool,
    limit: Price,
    taken: Quantity,
}

impl<'a> Seller<'a> {
    fn new(pool: &'a Pool, id: AccountId, now: Moment) -> Self {
        let account = &pool.accounts[id];
        let since = if let Standing::Liquidating { since } = account.standing { since } else { now.height };
        let is_closed = account.is_being_closed();
        Self {
            pool,
            id,
            cash: account.cash,
            positions: &account.positions,
            equity: pool.best_equity(account),
            sure_equity: pool.sure_equity(account),
            maintenance_margin: margin::maintenance_margin(pool, account.cash, &account.positions),
            age: if is_closed { u64::MAX } else { now.height.saturating_sub(since) },
            is_closed,
        }
    }

    /// R10.5: too little equity is left to sell slowly, or selling has taken too long.
    fn is_beyond_reduction(&self) -> bool {
        let least = self.maintenance_margin.times_ceil(self.pool.parameters.auction_below);
        self.positions.is_empty()
            || self.equity <= least.or_zero()
            || self.age >= u64::from(self.pool.parameters.concession_blocks)
    }

    /// R10.5: nobody took it when it was auctioned, and there is no other side to close it against (R12.2).
    fn is_stuck_with_collateral(&self) -> bool {
        let is_spot = |position: &Position| self.pool.instruments[position.instrument].is_spot();
        let open = self.pool.open_legs(self.positions);
        self.age > u64::from(self.pool.parameters.concession_blocks) && !open.is_empty() && open.iter().all(is_spot)
    }

    /// R10.8: the legs with an open market are handed over without the others. Where they hedge a leg that waits, and the account would stand
    /// worse without them, they stay while it has something left and reducing has blocks left.
    fn can_go(&self) -> bool {
        let open = self.pool.open_legs(self.positions);
        if open.len() == self.positions.len() {
            return true;
        }
        let mut left = self.positions.to_vec();
        left.retain(|position| self.pool.guard(position.instrument) != Guard::Open);
        let cash = margin::equity(&self.pool.matrices, self.cash, &open);
        let is_over = self.age >= u64::from(self.pool.parameters.concession_blocks) || !self.equity.is_positive();
        let hedges = || self.lowest(cash, &left).value < self.lowest(self.cash, self.positions).value;
        !open.is_empty() && (is_over || !hedges())
    }

    /// R10.8: nothing of it has an open market, no leg will soon have one, and it is short even at the good edges of them all: others
    /// bear that now, and not later.
    fn owes_for_certain(&self) -> bool {
        let waits_for_nobody =
            |position: &Position| matches!(self.pool.guard(position.instrument), Guard::Shut | Guard::BookOnly);
        self.equity.is_negative() && self.positions.iter().all(waits_for_nobody)
    }

    /// R10.8: everything that can trade, at the limit that has conceded most.
    fn sell_all(&self) -> Vec<Interest> {
        let whole = |position: &Position| Interest {
            account: self.id,
            instrument: position.instrument,
            quantity: -position.quantity,
            limit: self.limit(position),
            origin: Origin::Liquidation,
        };
        self.tradable().map(whole).collect()
    }

    /// R10.2: the fewest dollars that bring the account to its target, or as near to it as what it may sell does.
    fn reduce(&self, budget: &Budget) -> Reduction {
        let mut legs = self.legs(budget);
        let (mut cash, mut positions) = (self.cash, self.positions.to_vec());
        let mut lowest = self.lowest(cash, &positions);
        let rounds = legs.len().saturating_mul(4);
        for _ in 0..=rounds {
            if !lowest.value.is_negative() {
                break;
            }
            let Some((at, gain)) = self.best_leg(&legs, &positions, &lowest) else { break };
            let leg = legs.get_mut(at).expect("the best leg is one of the legs");
            let lots = (-lowest.value).lots_ceil(gain).max(Quantity::new(1)).min(leg.room);
            let (after_cash, after) = self.sold(cash, &positions, leg, lots);
            let lower = self.lowest(after_cash, &after);
            if lower.value < lowest.value {
                // R10.2: a step never lowers the worst stressed equity.
                leg.room = Quantity::ZERO;
                continue;
            }
            leg.room -= lots;
            leg.taken += lots;
            (cash, positions, lowest) = (after_cash, after, lower);
        }
        let reached = !lowest.value.is_negative();
        let dropped = self.drop_unsafe(&mut legs);
        let waits = legs.iter().any(|leg| leg.throttled);
        let orders = legs.iter().filter(|leg| leg.taken.is_positive()).map(|leg| self.order(leg)).collect();
        Reduction { orders, suffices: (reached && !dropped) || waits }
    }

    /// R10.2 holds whichever of the orders fill: while some subset of them could lower the worst stressed equity, the order
    /// that costs most in that row is dropped. Whether any was.
    fn drop_unsafe(&self, legs: &mut [Leg]) -> bool {
        let floor = self.lowest(self.cash, self.positions).value;
        let cost = margin::maintenance_exit_cost(self.pool, self.positions) - self.pool.spared(self.positions);
        let mut fills: Vec<Fill> = legs.iter().enumerate().filter_map(|(at, leg)| self.fill(at, leg)).collect();
        let planned = fills.len();
        for rows in [&self.pool.matrices.maintenance, &self.pool.matrices.target] {
            let values = margin::row_values(rows, self.cash, self.positions);
            for (row, value) in values.into_iter().enumerate() {
                while let Some(costliest) = costliest(&fills, rows, row, value - cost - floor) {
                    fills.remove(costliest);
                }
            }
        }
        for (at, leg) in legs.iter_mut().enumerate() {
            if fills.iter().all(|fill| fill.leg != at) {
                leg.taken = Quantity::ZERO;
            }
        }
        fills.len() < planned
    }

    /// What filling a leg's order at its limit comes to, if it has one.
    fn fill(&self, at: usize, leg: &Leg) -> Option<Fill> {
        let leaving = self.pool.matrices.exit_costs.maintenance(leg.instrument);
        let held = self.pool.accounts[self.id].quantity(leg.instrument).abs();
        let saved = leaving.of_position(held) - leaving.of_position(held - leg.taken);
        let quantity = leg.taken.on_side(leg.sign);
        let value = leg.limit * quantity;
        let kept = value - value.abs().times_ceil(self.pool.parameters.liquidation_fee) + saved;
        leg.taken.is_positive().then_some(Fill { leg: at, instrument: leg.instrument, quantity, kept })
    }

    /// R10.4: whether the account is well enough to sell slowly.
    fn is_throttled(&self) -> bool {
        self.equity >= self.maintenance_margin.times_ceil(self.pool.parameters.throttle_off)
    }

    /// The positions that can trade now.
    fn tradable(&self) -> impl Iterator<Item = &Position> {
        self.positions.iter().filter(|position| self.pool.can_trade(position.instrument))
    }

    /// What the throttle leaves of each position, before the depth of the book.
    fn throttled_rooms(&self) -> Vec<Room> {
        let share = self.pool.parameters.position_share;
        let room = |position: &Position| Room {
            instrument: position.instrument,
            sign: position.quantity.signum().saturating_neg(),
            most: position.quantity.abs().min(position.quantity.abs().times_ceil(share)),
        };
        if self.is_throttled() { self.tradable().map(room).collect() } else { Vec::new() }
    }

    /// The positions that can trade now, each with its room and limit. R10.3, R10.4
    fn legs(&self, budget: &Budget) -> Vec<Leg> {
        let rooms = self.throttled_rooms();
        let leg = |(at, position): (usize, &Position)| {
            let whole = position.quantity.abs();
            let allowed = |room: &Room| room.most.min(budget.left(room.instrument, room.sign));
            let room = rooms.get(at).map_or(whole, allowed);
            Leg {
                instrument: position.instrument,
                sign: position.quantity.signum(),
                room,
                throttled: room < whole,
                limit: self.limit(position),
                taken: Quantity::ZERO,
            }
        };
        self.tradable().enumerate().map(leg).collect()
    }

    /// R10.3, for a leg of this account: what it can pay for certain, spread over what can trade.
    fn limit(&self, leg: &Position) -> Price {
        let tradable: Vec<Position> = self.tradable().cloned().collect();
        forced_limit(self.pool, &tradable, self.sure_equity, leg, self.age)
    }

    /// The failing row that matters: the lowest over maintenance and target rows. Legs that wait count at their good edge. R3.8
    fn lowest(&self, cash: Money, positions: &[Position]) -> Lowest {
        let rows = [&self.pool.matrices.maintenance, &self.pool.matrices.target];
        let cost = margin::maintenance_exit_cost(self.pool, positions) - self.pool.spared(positions);
        let worst = rows.map(|rows| margin::worst(rows, cash, positions));
        let [maintenance, target] = worst;
        let (widened, lowest) = if target.value < maintenance.value { (true, target) } else { (false, maintenance) };
        Lowest { value: lowest.value - cost, row: lowest.row, widened }
    }

    /// R10.2: the leg that releases most margin in the failing row for each dollar sold, and what a lot of it releases.
    fn best_leg(&self, legs: &[Leg], positions: &[Position], lowest: &Lowest) -> Option<(usize, Price)> {
        let rows = if lowest.widened { &self.pool.matrices.target } else { &self.pool.matrices.maintenance };
        let mut best: Option<(Ratio, usize, Price)> = None;
        for (at, leg) in legs.iter().enumerate().filter(|(_, leg)| leg.room.is_positive()) {
            let Some(price) = rows.column(leg.instrument).get(lowest.row) else { continue };
            let mark = self.pool.matrices.mark(leg.instrument);
            let held = positions.iter().find(|position| position.instrument == leg.instrument);
            let leaving = self.pool.matrices.exit_costs.maintenance(leg.instrument);
            let saved = held.map_or(Price::ZERO, |position| leaving.of_last_lot(position.quantity));
            let kept = if leg.sign < 0 { *price - leg.limit } else { leg.limit - *price };
            let gain = kept + saved - leg.limit.abs().times_ceil(self.pool.parameters.liquidation_fee);
            let score = gain.ratio_to_floor(mark.abs().max(Price::new(1)), Ratio::new(64_000_000));
            if gain.is_positive() && best.is_none_or(|(high, _, _)| score > high) {
                best = Some((score, at, gain));
            }
        }
        best.map(|(_, at, gain)| (at, gain))
    }

    /// The vector after selling lots of a leg at its limit, fee paid.
    fn sold(&self, cash: Money, positions: &[Position], leg: &Leg, lots: Quantity) -> (Money, Vec<Position>) {
        let signed = lots.on_side(leg.sign);
        let value = leg.limit * signed;
        let fee = value.abs().times_ceil(self.pool.parameters.liquidation_fee);
        let mut after = positions.to_vec();
        for position in after.iter_mut().filter(|position| position.instrument == leg.instrument) {
            position.quantity -= signed;
        }
        after.retain(|position| !position.quantity.is_zero());
        (cash + value - fee, after)
    }

    fn order(&self, leg: &Leg) -> Interest {
        Interest {
            account: self.id,
            instrument: leg.instrument,
            quantity: leg.taken.on_side(leg.sign.saturating_neg()),
            limit: leg.limit,
            origin: Origin::Liquidation,
        }
    }
}

/// An order of a liquidation as if filled at its limit.
struct Fill {
    /// The position of its leg.
    leg: usize,
    instrument: InstrumentId,
    /// What leaves the account, signed as the position.
    quantity: Quantity,
    /// What the account receives, fee paid, with the exit cost that it saves.
    kept: Money,
}

impl Fill {
    /// What it costs the stressed equity of a row; zero if it adds to it.
    fn cost(&self, rows: &Rows, row: usize) -> Money {
        let price = rows.column(self.instrument).get(row).copied().unwrap_or_default();
        (price * self.quantity - self.kept).or_zero()
    }
}

/// The fill that costs most in a row, if the costly fills together cost more than `spare`.
fn costliest(fills: &[Fill], rows: &Rows, row: usize, spare: Money) -> Option<usize> {
    let whole: Money = fills.iter().map(|fill| fill.cost(rows, row)).sum();
    let largest = fills.iter().enumerate().max_by_key(|(_, fill)| fill.cost(rows, row));
    largest.filter(|_| whole > spare).map(|(at, _)| at)
}

/// The lowest stressed equity over the rows at which a liquidation ends.
struct Lowest {
    value: Money,
    row: usize,
    /// Whether the row is one of the target matrix.
    widened: bool,
}

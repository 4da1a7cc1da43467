//! The naive twins that fast code is measured against: straight from the rulebook, in exact 128-bit integers.

use clearing::margin;
use clearing::state::{Account, Order, Pool, Position};
use clearing::table::{FeedId, InstrumentId};
use clearing::units::{Money, Price, Quantity};
use std::collections::BTreeSet;

/// The lowest stressed equity over maintenance rows less exit cost, row after row. R6.1
///
/// Equals [`margin::maintenance_worst`].
#[must_use]
pub fn maintenance_worst(pool: &Pool, cash: Money, positions: &[Position]) -> Money {
    let rows = &pool.matrices.maintenance;
    let mut lowest: Option<i128> = None;
    for row in 0..rows.len() {
        let mut value = cash.get();
        for position in positions {
            let price = rows.column(position.instrument)[row];
            value += i128::from(price.get()) * i128::from(position.quantity.get());
        }
        lowest = Some(lowest.map_or(value, |lowest| lowest.min(value)));
    }
    Money::new(lowest.unwrap_or(cash.get())) - margin::maintenance_exit_cost(pool, positions)
}

/// How many accounts breach, by asking about each of them exactly: the definition that every faster way must equal. R9.2
#[must_use]
pub fn full_scan(pool: &Pool) -> usize {
    pool.accounts.iter().filter(|(_, account)| margin::breaches(pool, account.cash, &account.positions)).count()
}

/// The stressed equity in every initial row if the worst subset of the orders for that row fills, row after row. R7.2
///
/// Equals [`margin::order_rows`].
#[must_use]
pub fn order_rows(pool: &Pool, account: &Account, orders: &[Order]) -> Vec<Money> {
    let held = account.positions.iter().map(|position| position.instrument);
    let touched: BTreeSet<InstrumentId> = held.chain(orders.iter().map(|order| order.instrument)).collect();
    let reach = |instrument: InstrumentId| {
        let quantity = margin::reachable(account.quantity(instrument), orders, instrument);
        Position { instrument, quantity, entry: Money::ZERO }
    };
    let ends: Vec<Ends> = touched.iter().map(|instrument| Ends::of(account, orders, *instrument)).collect();
    let reached: Vec<Position> = touched.into_iter().map(reach).collect();
    let deducted = margin::initial_exit_cost(pool, &reached) + largest_doubt(pool, &ends);
    let mut values = Vec::new();
    for rows in [&pool.matrices.maintenance, &pool.matrices.target, &pool.matrices.initial] {
        for row in 0..rows.len() {
            let mut value = account.cash;
            for position in &account.positions {
                value += rows.column(position.instrument)[row] * position.quantity;
            }
            for order in orders {
                let fee = pool.fee_bound(order.instrument, order.limit * order.quantity);
                let gain = (rows.column(order.instrument)[row] - order.limit) * order.quantity - fee;
                value += gain.min(Money::ZERO);
            }
            values.push(value - deducted);
        }
    }
    values
}

/// The lowest and the highest position that a subset of the orders can reach.
struct Ends {
    instrument: InstrumentId,
    lowest: Quantity,
    highest: Quantity,
}

impl Ends {
    fn of(account: &Account, orders: &[Order], instrument: InstrumentId) -> Self {
        let held = account.quantity(instrument);
        let (mut lowest, mut highest) = (held, held);
        for order in orders.iter().filter(|order| order.instrument == instrument) {
            lowest += order.quantity.min(Quantity::ZERO);
            highest += order.quantity.max(Quantity::ZERO);
        }
        Self { instrument, lowest, highest }
    }
}

/// What may be wrong against an account wherever its orders leave it: on every feed the worse side, and every premium at its largest size. R3.4
fn largest_doubt(pool: &Pool, ends: &[Ends]) -> Money {
    let feed_of = |ends: &Ends| pool.instruments[ends.instrument].parameters.feed;
    let side = |feed: FeedId, is_long: bool| -> Money {
        let shared = |ends: &Ends| {
            let about = pool.matrices.doubt_about(ends.instrument);
            let lots = if is_long { ends.highest } else { -ends.lowest };
            let shared = if lots.is_negative() { about.least_shared } else { about.shared };
            shared.of_exposure_ceil(lots.exposed(about.share))
        };
        ends.iter().filter(|ends| feed_of(ends) == feed).map(shared).sum()
    };
    let feeds: BTreeSet<FeedId> = ends.iter().map(feed_of).collect();
    let shared: Money = feeds.into_iter().map(|feed| side(feed, true).max(side(feed, false)).max(Money::ZERO)).sum();
    let own = |ends: &Ends| pool.matrices.doubt_about(ends.instrument).own * ends.lowest.abs().max(ends.highest.abs());
    shared + ends.iter().map(own).sum::<Money>()
}

/// What somebody wants in an auction: signed lots and the worst price.
pub type Wish = (Quantity, Price);

/// The volume at the price where most trades, asking everybody again at every limit: quadratic. R8.1
#[must_use]
pub fn most_volume(wishes: &[Wish]) -> Quantity {
    let wanted = |price: Price, sign: i64| -> Quantity {
        let eager = |limit: Price| if sign < 0 { limit <= price } else { limit >= price };
        let own = wishes.iter().filter(|(quantity, limit)| quantity.signum() == sign && eager(*limit));
        own.map(|(quantity, _)| quantity.abs()).sum()
    };
    wishes.iter().map(|(_, limit)| wanted(*limit, 1).min(wanted(*limit, -1))).max().unwrap_or_default()
}

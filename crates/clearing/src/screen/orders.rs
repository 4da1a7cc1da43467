//! The filter for accounts with orders (R7.2): it shows that an account is sound in every initial row for certain, whichever
//! subset of its orders fills, or leaves the decision to [`crate::margin`]. Its error is bounded as its parent says.
#![expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::disallowed_types,
    reason = "R9.3: floats, as a filter that leaves every decision to exact integers"
)]

use super::{ROUNDING, beyond, least_of, steps_of};
use crate::margin::reachable;
use crate::rows::Rows;
use crate::state::{Account, Instrument, Order, Pool};
use crate::table::{Id, InstrumentId};
use crate::units::{MAX_ROWS, Money, PPM, Price};
use alloc::vec::Vec;

/// Rows of all three matrices together, at most.
const ROWS: usize = 3 * MAX_ROWS;

/// Every row of the initial test as floats: maintenance, target and initial rows, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderScreen {
    rows: usize,
    /// Prices, instrument by instrument.
    prices: Vec<f64>,
    listed: Vec<Listed>,
}

#[derive(Clone, Debug)]
struct Listed {
    /// The lowest and the highest price of a row.
    range: (f64, f64),
    /// The largest |price| of a row.
    largest: f64,
    doubt: f64,
    /// Steps of the maintenance and of the initial exit cost.
    tiers: Vec<(f64, f64)>,
    /// What a lot adds at most to exit cost and doubt.
    steepest: f64,
    /// The highest fee for a quantum, and the quanta that rounding up twice and the two of the bound may add.
    fee: (f64, f64),
}

impl OrderScreen {
    /// The screen of a pool's matrices as they are.
    pub(crate) fn of(pool: &Pool) -> Self {
        let matrices = &pool.matrices;
        let all: [&Rows; 3] = [&matrices.maintenance, &matrices.target, &matrices.initial];
        let rows = all.iter().map(|rows| rows.len()).sum();
        let mut screen = Self { rows, ..Self::default() };
        for (id, instrument) in pool.instruments.iter() {
            let column = || all.iter().flat_map(|rows| rows.column(id));
            if column().count() != rows {
                // Without a price in every row nothing is certain.
                return Self::default();
            }
            if !matrices.backs(id) {
                // R3.10: it counts for nothing, and costs nothing but the fee of an order.
                screen.prices.extend(column().map(|_| 0.0));
                screen.listed.push(Listed::of(pool, id, instrument, Price::ZERO, Default::default()));
                continue;
            }
            screen.prices.extend(column().map(|price| price.get() as f64));
            let range = (column().min().copied().unwrap_or_default(), column().max().copied().unwrap_or_default());
            screen.listed.push(Listed::of(pool, id, instrument, matrices.doubt(id), range));
        }
        screen
    }

    /// Whether the account is sound for certain, whichever subset of these orders fills. Before the first cycle nothing is.
    ///
    /// Most accounts would be even if each instrument were in its own worst row; the others have every row added up.
    pub(crate) fn is_surely_sound<'a>(
        &self,
        account: &Account,
        orders: impl Iterator<Item = &'a Order> + Clone,
    ) -> bool {
        if self.rows == 0 {
            return false;
        }
        let Some(bound) = self.bound(account, orders.clone()) else { return false };
        bound.apart >= bound.needed || self.lowest(account, orders).is_some_and(|lowest| lowest >= bound.needed)
    }

    /// What the account is worth at least, and what it needs; none if an instrument has no rows.
    fn bound<'a>(&self, account: &Account, orders: impl Iterator<Item = &'a Order> + Clone) -> Option<Bound> {
        let cash = float(account.cash);
        let (mut apart, mut terms, mut quanta, mut deducted) = (cash, cash.abs(), 1.0, 0.0);
        for position in &account.positions {
            let (_, listed) = self.find(position.instrument)?;
            let quantity = position.quantity.get() as f64;
            apart += quantity * listed.worst_for(quantity);
            terms += listed.largest * quantity.abs();
            quanta += 2.0;
            if orders.clone().all(|order| order.instrument != position.instrument) {
                deducted += listed.deducted(quantity.abs());
                terms += listed.steepest * quantity.abs();
            }
        }
        for (at, order) in orders.clone().enumerate() {
            let (_, listed) = self.find(order.instrument)?;
            let (quantity, limit) = (order.quantity.get() as f64, order.limit.get() as f64);
            let fee = listed.fee(limit * quantity);
            apart += loss((listed.worst_for(quantity) - limit) * quantity - fee);
            terms += (listed.largest + limit.abs()) * quantity.abs() + fee;
            quanta += 2.0;
            if orders.clone().take(at).all(|other| other.instrument != order.instrument) {
                let held = account.quantity(order.instrument);
                let reach = reachable(held, orders.clone(), order.instrument).get() as f64;
                deducted += listed.deducted(reach);
                terms += listed.steepest * reach;
            }
        }
        Some(Bound { apart, needed: deducted + terms * ROUNDING + quanta })
    }

    /// The value of the account in its lowest row, with the orders that lose there.
    fn lowest<'a>(&self, account: &Account, orders: impl Iterator<Item = &'a Order>) -> Option<f64> {
        let cash = float(account.cash);
        let mut values = [0.0; ROWS];
        let values = values.get_mut(..self.rows)?;
        values.fill(cash);
        for position in &account.positions {
            let (column, _) = self.find(position.instrument)?;
            let quantity = position.quantity.get() as f64;
            values.iter_mut().zip(column).for_each(|(value, price)| *value += price * quantity);
        }
        for order in orders {
            let (column, listed) = self.find(order.instrument)?;
            let (quantity, limit) = (order.quantity.get() as f64, order.limit.get() as f64);
            let fee = listed.fee(limit * quantity);
            values.iter_mut().zip(column).for_each(|(value, price)| *value += loss((price - limit) * quantity - fee));
        }
        Some(least_of(values, cash))
    }

    fn find(&self, instrument: InstrumentId) -> Option<(&[f64], &Listed)> {
        let at = instrument.position();
        let column = self.prices.get(at * self.rows..(at + 1) * self.rows)?;
        Some((column, self.listed.get(at)?))
    }
}

/// What an account has for certain, and what it must have.
struct Bound {
    /// Its value if each instrument were in its own worst row: never above its value in any row.
    apart: f64,
    /// Exit cost, doubt and the allowance for rounding.
    needed: f64,
}

/// A gain does not count: the order may not fill.
fn loss(gain: f64) -> f64 {
    if gain < 0.0 { gain } else { 0.0 }
}

/// The nearest float; amounts nearly always fit 64 bits, from which the machine converts by itself.
fn float(money: Money) -> f64 {
    i64::try_from(money.get()).map_or(money.get() as f64, |quanta| quanta as f64)
}

impl Listed {
    fn of(pool: &Pool, id: InstrumentId, instrument: &Instrument, doubt: Price, (low, high): (Price, Price)) -> Self {
        let range = (low.get() as f64, high.get() as f64);
        let parameters = &instrument.parameters;
        let costs = &pool.matrices.exit_costs;
        let tiers = [steps_of(costs.maintenance(id)), steps_of(costs.added(id))].concat();
        let doubt = doubt.get() as f64;
        let steepest = doubt + tiers.iter().map(|(_, step)| step.abs()).sum::<f64>();
        let surcharged = 1.0 + pool.parameters.fee_surcharge.get() as f64 / PPM as f64;
        let fee = (parameters.fee.get() as f64 / PPM as f64 * surcharged, surcharged + 3.0);
        Self { range, largest: range.0.abs().max(range.1.abs()), doubt, tiers, steepest, fee }
    }

    /// Not less than [`Pool::fee_bound`] of a fill at the limit, but for rounding.
    fn fee(&self, value: f64) -> f64 {
        value.abs() * self.fee.0 + self.fee.1
    }

    /// The price that is worst for a holder of these lots.
    fn worst_for(&self, quantity: f64) -> f64 {
        if quantity < 0.0 { self.range.1 } else { self.range.0 }
    }

    /// Initial exit cost and doubt of a size.
    fn deducted(&self, lots: f64) -> f64 {
        lots * self.doubt + self.tiers.iter().map(|tier| beyond(lots, *tier)).sum::<f64>()
    }
}

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
use crate::parameters::Tier;
use crate::rows::Rows;
use crate::state::{Account, Instrument, Order, Pool};
use crate::table::{Id, InstrumentId};
use crate::units::{MAX_ROWS, Money, Price};
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
    /// The largest |price| of a row.
    largest: f64,
    doubt: f64,
    /// Steps of the maintenance and of the initial exit cost.
    tiers: Vec<(f64, f64)>,
    /// What a lot adds at most to exit cost and doubt.
    steepest: f64,
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
            screen.prices.extend(column().map(|price| price.get() as f64));
            let largest = column().map(|price| price.abs().get()).max().unwrap_or(0) as f64;
            screen.listed.push(Listed::of(instrument, matrices.mark(id), matrices.doubt(id), largest));
        }
        screen
    }

    /// Whether the account is sound for certain, whichever subset of these orders fills. Before the first cycle nothing is.
    pub(crate) fn is_surely_sound<'a>(
        &self,
        pool: &Pool,
        account: &Account,
        orders: impl Iterator<Item = &'a Order> + Clone,
    ) -> bool {
        let cash = float(account.cash);
        let mut values = [0.0; ROWS];
        let Some(values) = values.get_mut(..self.rows) else { return false };
        values.fill(cash);
        let (mut terms, mut quanta, mut deducted) = (cash.abs(), 1.0, 0.0);
        for position in &account.positions {
            let Some((column, listed)) = self.find(position.instrument) else { return false };
            let quantity = position.quantity.get() as f64;
            values.iter_mut().zip(column).for_each(|(value, price)| *value += price * quantity);
            terms += listed.largest * quantity.abs();
            quanta += 2.0;
            if orders.clone().all(|order| order.instrument != position.instrument) {
                deducted += listed.deducted(quantity.abs());
                terms += listed.steepest * quantity.abs();
            }
        }
        for (at, order) in orders.clone().enumerate() {
            let Some((column, listed)) = self.find(order.instrument) else { return false };
            let (quantity, limit) = (order.quantity.get() as f64, order.limit.get() as f64);
            let fee = float(pool.fee_bound(order.instrument, order.limit * order.quantity));
            for (value, price) in values.iter_mut().zip(column) {
                let gain = (price - limit) * quantity - fee;
                *value += if gain < 0.0 { gain } else { 0.0 };
            }
            terms += (listed.largest + limit.abs()) * quantity.abs() + fee;
            quanta += 2.0;
            if orders.clone().take(at).all(|other| other.instrument != order.instrument) {
                let held = account.quantity(order.instrument);
                let reach = reachable(held, orders.clone(), order.instrument).get() as f64;
                deducted += listed.deducted(reach);
                terms += listed.steepest * reach;
            }
        }
        let lowest = least_of(values, cash);
        self.rows > 0 && lowest - deducted - terms * ROUNDING - quanta >= 0.0
    }

    fn find(&self, instrument: InstrumentId) -> Option<(&[f64], &Listed)> {
        let at = instrument.position();
        let column = self.prices.get(at * self.rows..(at + 1) * self.rows)?;
        Some((column, self.listed.get(at)?))
    }
}

/// The nearest float; amounts nearly always fit 64 bits, from which the machine converts by itself.
fn float(money: Money) -> f64 {
    i64::try_from(money.get()).map_or(money.get() as f64, |quanta| quanta as f64)
}

impl Listed {
    fn of(instrument: &Instrument, mark: Price, doubt: Price, largest: f64) -> Self {
        let mark = mark.abs().get() as f64;
        let parameters = &instrument.parameters;
        let steps = |tiers: &[Tier]| steps_of(tiers, mark);
        let tiers = [steps(&parameters.exit_cost), steps(&parameters.initial_exit_cost)].concat();
        let doubt = doubt.get() as f64;
        let steepest = doubt + tiers.iter().map(|(_, step)| step.abs()).sum::<f64>();
        Self { largest, doubt, tiers, steepest }
    }

    /// Initial exit cost and doubt of a size.
    fn deducted(&self, lots: f64) -> f64 {
        lots * self.doubt + self.tiers.iter().map(|tier| beyond(lots, *tier)).sum::<f64>()
    }
}

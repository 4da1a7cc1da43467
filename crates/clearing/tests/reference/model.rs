//! Margin by definition: a vector, matrices of prices, every subset of orders, in exact rationals (R5.6, R6, R7.2, R7.4).

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};

pub type Exact = BigRational;

pub fn whole(value: impl Into<BigInt>) -> Exact {
    Exact::from_integer(value.into())
}

/// Parts per million as a fraction.
pub fn ppm(value: i64) -> Exact {
    Exact::new(value.into(), 1_000_000.into())
}

/// What is known about one instrument.
#[derive(Clone, Debug)]
pub struct Column {
    pub today: i64,
    pub doubt: i64,
    pub maintenance: Vec<i64>,
    pub target: Vec<i64>,
    pub initial: Vec<i64>,
    /// Corner and rate (ppm) of each tier.
    pub tiers: Vec<(i64, i64)>,
    pub initial_tiers: Vec<(i64, i64)>,
    pub fee: Exact,
    pub is_spot: bool,
}

/// An account: cash, and lots of each instrument in the order of the columns.
#[derive(Clone, Debug)]
pub struct Vector {
    pub cash: Exact,
    pub lots: Vec<i64>,
}

#[derive(Clone, Debug)]
pub struct Wish {
    pub instrument: usize,
    pub lots: i64,
    pub limit: i64,
}

#[derive(Clone, Copy)]
pub enum Bar {
    Maintenance,
    Target,
    Initial,
}

/// R5.6: a lot costs its tier's share of the mark, rounded up to a quantum; each corner makes every lot beyond it dearer by the step.
pub fn exit_cost(tiers: &[(i64, i64)], size: i64, mark: i64) -> Exact {
    let mut cost = Exact::zero();
    let mut before = Exact::zero();
    for (corner, rate) in tiers {
        let beyond = (size.abs() - corner).max(0);
        let lot = (whole(mark.abs()) * ppm(*rate)).ceil();
        cost += whole(beyond) * (lot.clone() - before);
        before = lot;
    }
    cost
}

fn prices(column: &Column, bar: Bar) -> Vec<i64> {
    // R5.3: target contains maintenance, initial contains both.
    let mut prices = column.maintenance.clone();
    if matches!(bar, Bar::Target | Bar::Initial) {
        prices.extend(&column.target);
    }
    if matches!(bar, Bar::Initial) {
        prices.extend(&column.initial);
    }
    prices
}

pub fn equity(market: &[Column], vector: &Vector) -> Exact {
    let values = market.iter().zip(&vector.lots).map(|(column, lots)| whole(column.today) * whole(*lots));
    values.fold(vector.cash.clone(), |sum, value| sum + value)
}

/// Exit cost, and at the initial bar the initial extra and the doubt about prices, of positions of these sizes.
pub fn deductions(market: &[Column], sizes: &[i64], bar: Bar) -> Exact {
    let mut sum = Exact::zero();
    for (column, size) in market.iter().zip(sizes) {
        sum += exit_cost(&column.tiers, *size, column.today);
        if matches!(bar, Bar::Initial) {
            sum += exit_cost(&column.initial_tiers, *size, column.today);
            sum += whole(column.doubt) * whole(size.abs());
        }
    }
    sum
}

/// R6.1: the stressed equity in every row of a bar.
pub fn stressed(market: &[Column], vector: &Vector, bar: Bar) -> Vec<Exact> {
    let columns: Vec<Vec<i64>> = market.iter().map(|column| prices(column, bar)).collect();
    let deducted = deductions(market, &vector.lots, bar);
    let rows = columns.first().map_or(0, Vec::len);
    let value = |row: usize| {
        let parts = columns.iter().zip(&vector.lots).map(|(column, lots)| whole(column[row]) * whole(*lots));
        parts.fold(vector.cash.clone() - &deducted, |sum, part| sum + part)
    };
    (0..rows).map(value).collect()
}

pub fn lowest(values: &[Exact]) -> Exact {
    values.iter().min().cloned().unwrap_or_else(Exact::zero)
}

/// R7.2 by its words: the stressed equity in every initial row, for the worst of all subsets of the orders; the exit cost
/// is that of the largest |quantity| that any subset reaches.
pub fn with_orders(market: &[Column], vector: &Vector, wishes: &[Wish]) -> Vec<Exact> {
    let subsets: Vec<Vector> =
        (0..1_u32 << wishes.len()).map(|subset| filled(market, vector, wishes, subset)).collect();
    let largest = |at: usize| subsets.iter().map(|after| after.lots[at].abs()).max().unwrap_or(0);
    let reached: Vec<i64> = (0..market.len()).map(largest).collect();
    let deducted = deductions(market, &reached, Bar::Initial);
    let columns: Vec<Vec<i64>> = market.iter().map(|column| prices(column, Bar::Initial)).collect();
    let value = |after: &Vector, row: usize| {
        let parts = columns.iter().zip(&after.lots).map(|(column, lots)| whole(column[row]) * whole(*lots));
        parts.fold(after.cash.clone() - &deducted, |sum, part| sum + part)
    };
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).map(|row| subsets.iter().map(|after| value(after, row)).min().unwrap()).collect()
}

/// The vector after the orders of a subset are filled at their limits, fees paid.
fn filled(market: &[Column], vector: &Vector, wishes: &[Wish], subset: u32) -> Vector {
    let mut after = vector.clone();
    for (at, wish) in wishes.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1) {
        let paid = whole(wish.limit) * whole(wish.lots);
        let fee = paid.abs() * &market[wish.instrument].fee;
        after.cash = after.cash - paid - fee;
        after.lots[wish.instrument] += wish.lots;
        assert!(at < 32);
    }
    after
}

/// R7.4: the most that may be withdrawn.
pub fn withdrawable(market: &[Column], vector: &Vector, floor: &Exact) -> Exact {
    let notional = market.iter().zip(&vector.lots).filter(|(column, _)| !column.is_spot);
    let notional = notional.map(|(column, lots)| whole(column.today.abs()) * whole(lots.abs()));
    let kept = notional.fold(Exact::zero(), |sum, part| sum + part) * floor;
    lowest(&stressed(market, vector, Bar::Initial)).min(equity(market, vector) - kept)
}

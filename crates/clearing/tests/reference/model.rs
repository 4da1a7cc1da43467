//! Margin by definition: a vector, matrices of prices, every subset of orders, in exact rationals (R5.6, R6, R7.2, R7.4).

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::BTreeSet;

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
    pub doubt: Doubt,
    pub maintenance: Vec<i64>,
    pub target: Vec<i64>,
    pub initial: Vec<i64>,
    /// Corner and rate (ppm) of each tier.
    pub tiers: Vec<(i64, i64)>,
    pub initial_tiers: Vec<(i64, i64)>,
    pub fee: Exact,
    pub is_spot: bool,
    /// R3.10: it backs nothing new.
    pub is_dormant: bool,
}

/// R3.4: how far the mark of an instrument may be from the truth.
#[derive(Clone, Debug)]
pub struct Doubt {
    pub feed: usize,
    /// What the instrument shares with its feed, for a lot that makes the feed's whole move.
    pub shared: i64,
    /// |premium|.
    pub own: i64,
    /// The share of the feed's move that a lot makes, ppm.
    pub share: i64,
    /// Whether the feed is sure.
    pub is_limited: bool,
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

/// R3.10: what backs nothing new is worth nothing at the initial bar, and neither costs nor doubts anything there.
fn counts(column: &Column, bar: Bar) -> bool {
    !(column.is_dormant && matches!(bar, Bar::Initial))
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
    if counts(column, bar) { prices } else { vec![0; prices.len()] }
}

pub fn equity(market: &[Column], vector: &Vector) -> Exact {
    let values = market.iter().zip(&vector.lots).map(|(column, lots)| whole(column.today) * whole(*lots));
    values.fold(vector.cash.clone(), |sum, value| sum + value)
}

/// Exit cost of positions of these sizes, and at the initial bar the initial extra.
pub fn leaving(market: &[Column], sizes: &[i64], bar: Bar) -> Exact {
    let mut sum = Exact::zero();
    for (column, size) in market.iter().zip(sizes).filter(|(column, _)| counts(column, bar)) {
        sum += exit_cost(&column.tiers, *size, column.today);
        if matches!(bar, Bar::Initial) {
            sum += exit_cost(&column.initial_tiers, *size, column.today);
        }
    }
    sum
}

/// What a position is exposed to: as many lots as make the feed's whole move.
fn exposure(column: &Column, lots: i64) -> Exact {
    whole(lots) * ppm(column.doubt.share)
}

fn feeds(market: &[Column]) -> BTreeSet<usize> {
    market.iter().map(|column| column.doubt.feed).collect()
}

/// R3.4: what is shared with one feed is net, against an account that is long of it, or short (`side` −1): a lot takes off another lot's what the least
/// doubtful instrument of that feed shares.
fn shared_against(market: &[Column], lots: &[i64], feed: usize, side: i64) -> Exact {
    let on_feed = || market.iter().zip(lots).filter(|(column, _)| column.doubt.feed == feed);
    let least = on_feed().map(|(column, _)| column.doubt.shared).min().unwrap_or(0);
    on_feed().filter(|(column, _)| counts(column, Bar::Initial)).fold(Exact::zero(), |sum, (column, lots)| {
        let exposure = exposure(column, lots * side);
        let shared = if exposure.is_negative() { least } else { column.doubt.shared };
        sum + exposure * whole(shared)
    })
}

/// R3.4: the doubt against an account whose positions may be any of these vectors: what is shared net, premiums gross,
/// and nothing of what does not count at the initial bar (R3.10).
pub fn against(market: &[Column], reached: &[Vec<i64>]) -> Exact {
    let mut sum = Exact::zero();
    for feed in feeds(market) {
        let ends = reached.iter().flat_map(|lots| [1, -1].map(|side| shared_against(market, lots, feed, side)));
        sum += ends.fold(Exact::zero(), Exact::max);
    }
    for (at, column) in market.iter().enumerate().filter(|(_, column)| counts(column, Bar::Initial)) {
        let largest = reached.iter().map(|lots| lots[at].abs()).max().unwrap_or(0);
        sum += whole(column.doubt.own) * whole(largest);
    }
    sum
}

/// R3.4: of one feed, as many lots as its legs come to when added up, of the legs on that side, in the order in which they are in doubt least: found by
/// trying every order.
fn favour_of(market: &[Column], lots: &[i64], feed: usize) -> Exact {
    let held: Vec<(Exact, &Doubt)> = market
        .iter()
        .zip(lots)
        .filter(|(column, lots)| column.doubt.feed == feed && **lots != 0)
        .map(|(column, lots)| (exposure(column, *lots), &column.doubt))
        .collect();
    let net = held.iter().fold(Exact::zero(), |sum, (exposure, _)| sum + exposure);
    let side: Vec<(Exact, &Doubt)> = held.into_iter().filter(|(exposure, _)| (exposure * &net).is_positive()).collect();
    let taken = |order: &[usize]| {
        let (mut left, mut sum) = (net.abs(), Exact::zero());
        for at in order {
            let (exposure, doubt) = &side[*at];
            let part = exposure.abs().min(left.clone());
            sum += &part * (whole(doubt.shared) + whole(doubt.own) / ppm(doubt.share));
            left -= part;
        }
        sum
    };
    orders_of((0..side.len()).collect()).iter().map(|order| taken(order)).min().unwrap_or_else(Exact::zero)
}

fn orders_of(things: Vec<usize>) -> Vec<Vec<usize>> {
    if things.len() < 2 {
        return vec![things];
    }
    let first = |at: usize| {
        let mut rest = things.clone();
        let first = rest.remove(at);
        orders_of(rest).into_iter().map(move |rest| [vec![first], rest].concat())
    };
    (0..things.len()).flat_map(first).collect()
}

/// R3.4: the doubt in an account's favour: of sure feeds at most its maintenance margin.
pub fn in_favour(market: &[Column], vector: &Vector) -> Exact {
    let sum = |limited: bool| {
        let is_limited = |feed: &usize| {
            let held =
                market.iter().zip(&vector.lots).filter(|(column, lots)| column.doubt.feed == *feed && **lots != 0);
            held.into_iter().all(|(column, _)| column.doubt.is_limited)
        };
        let feeds = feeds(market).into_iter().filter(|feed| is_limited(feed) == limited);
        feeds.fold(Exact::zero(), |sum, feed| sum + favour_of(market, &vector.lots, feed))
    };
    let margin = equity(market, vector) - lowest(&stressed(market, vector, Bar::Maintenance));
    sum(true).min(margin) + sum(false)
}

/// R6.1, R6.2: the stressed equity in every row of a bar; at the initial bar less the doubt against the account.
pub fn stressed(market: &[Column], vector: &Vector, bar: Bar) -> Vec<Exact> {
    let columns: Vec<Vec<i64>> = market.iter().map(|column| prices(column, bar)).collect();
    let mut deducted = leaving(market, &vector.lots, bar);
    if matches!(bar, Bar::Initial) {
        deducted += against(market, std::slice::from_ref(&vector.lots));
    }
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
/// is that of the largest |quantity| that any subset reaches, and doubt the largest that any reaches.
pub fn with_orders(market: &[Column], vector: &Vector, wishes: &[Wish]) -> Vec<Exact> {
    let subsets: Vec<Vector> =
        (0..1_u32 << wishes.len()).map(|subset| filled(market, vector, wishes, subset)).collect();
    let largest = |at: usize| subsets.iter().map(|after| after.lots[at].abs()).max().unwrap_or(0);
    let reached: Vec<i64> = (0..market.len()).map(largest).collect();
    let vectors: Vec<Vec<i64>> = subsets.iter().map(|after| after.lots.clone()).collect();
    let deducted = leaving(market, &reached, Bar::Initial) + against(market, &vectors);
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

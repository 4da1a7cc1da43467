//! Which lots of whom close against the defaulters': by gain first, without pushing anybody below their own target, then by size (R12.2).

use super::{Closed, Side};
use crate::margin;
use crate::parallel;
use crate::state::Pool;
use crate::table::{AccountId, InstrumentId};
use crate::units::{Money, Quantity, share_exactly, share_up_to_caps};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Lots bought (or sold, below zero) by market and account.
type Lots = BTreeMap<(InstrumentId, AccountId), Quantity>;

/// The lots that others close. Defaulters on both sides of a market close against each other first.
pub(super) fn lots(pool: &Pool, closed: &Closed) -> Lots {
    let needed = needed(closed);
    let mut without = BTreeSet::new();
    let planned = by_gain(pool, closed, &needed, &without);
    // R12.2: nobody is pushed below their own target: who would be leaves, once, and the others share again.
    without.extend(pushed_below_target(pool, &planned));
    let mut planned = by_gain(pool, closed, &needed, &without);
    let pushed = pushed_below_target(pool, &planned);
    planned.retain(|(_, account), _| !pushed.contains(account));
    for (side, lots) in needed {
        let given: Quantity = of_market(&planned, side.0).map(|(_, lots)| lots.abs()).sum();
        let rest = by_size(pool, closed, side, lots - given, &planned);
        for (account, part) in rest {
            *planned.entry((side.0, account)).or_default() += part.on_side(closing_sign(side));
        }
    }
    planned.retain(|_, lots| !lots.is_zero());
    planned
}

/// The sign of what those on a side trade to close.
fn closing_sign(side: Side) -> i64 {
    side.1.saturating_neg()
}

/// How many lots others must close, and on which side they stand: what is left of the defaulters' lots against each other.
fn needed(closed: &Closed) -> BTreeMap<Side, Quantity> {
    let mut nets: BTreeMap<InstrumentId, Quantity> = BTreeMap::new();
    for leg in &closed.legs {
        *nets.entry(leg.instrument).or_default() += leg.quantity;
    }
    let against = nets.into_iter().filter(|(_, net)| !net.is_zero());
    against.map(|(instrument, net)| ((instrument, net.signum().saturating_neg()), net.abs())).collect()
}

fn of_market(lots: &Lots, instrument: InstrumentId) -> impl Iterator<Item = (AccountId, Quantity)> {
    let market = (instrument, AccountId(0))..=(instrument, AccountId(u32::MAX));
    lots.range(market).map(|((_, account), lots)| (*account, *lots))
}

/// Lots in proportion to the gain of the whole portfolio, capped by the position.
fn by_gain(pool: &Pool, closed: &Closed, needed: &BTreeMap<Side, Quantity>, without: &BTreeSet<AccountId>) -> Lots {
    let mut planned = Lots::new();
    for (side, lots) in needed {
        let counts =
            |(account, _): &(AccountId, Quantity)| closed.gain(*account).is_positive() && !without.contains(account);
        let winners: Vec<(AccountId, Quantity)> = holders(pool, closed, *side).filter(counts).collect();
        let gains: Vec<i128> = winners.iter().map(|(account, _)| closed.gain(*account).get()).collect();
        let sizes: Vec<i128> = winners.iter().map(|(_, size)| i128::from(size.get())).collect();
        let parts = share_up_to_caps(i128::from(lots.get()), &gains, &sizes).parts;
        for ((account, _), part) in winners.iter().zip(parts).filter(|(_, part)| *part > 0) {
            planned.insert((side.0, *account), part_of(part).on_side(closing_sign(*side)));
        }
    }
    planned
}

/// What winners could not close, by size, from everybody on that side.
fn by_size(pool: &Pool, closed: &Closed, side: Side, lots: Quantity, planned: &Lots) -> Vec<(AccountId, Quantity)> {
    if lots.is_zero() {
        return Vec::new();
    }
    let left = |(account, size): (AccountId, Quantity)| {
        (account, size - planned.get(&(side.0, account)).copied().unwrap_or_default().abs())
    };
    let others: Vec<(AccountId, Quantity)> = holders(pool, closed, side).map(left).collect();
    let sizes: Vec<i128> = others.iter().map(|(_, size)| i128::from(size.get())).collect();
    let parts = share_exactly(i128::from(lots.get()), &sizes);
    others.into_iter().map(|(account, _)| account).zip(parts.into_iter().map(part_of)).collect()
}

/// Those who hold a side now, each with its size.
fn holders<'a>(pool: &'a Pool, closed: &'a Closed, side: Side) -> impl Iterator<Item = (AccountId, Quantity)> + 'a {
    let (instrument, sign) = side;
    let there = closed.against.get(&side).into_iter().flatten();
    let held = move |account: &AccountId| (*account, pool.accounts[*account].quantity(instrument));
    there.map(held).filter(move |(_, held)| held.signum() == sign).map(|(account, held)| (account, held.abs()))
}

fn part_of(lots: i128) -> Quantity {
    Quantity::new(i64::try_from(lots).expect("a part is at most the position"))
}

/// Those whom closing these lots at the mark would put below their own target, or further below it: hedged books.
fn pushed_below_target(pool: &Pool, planned: &Lots) -> BTreeSet<AccountId> {
    let mut trades: BTreeMap<AccountId, Vec<(InstrumentId, Quantity)>> = BTreeMap::new();
    for ((instrument, account), lots) in planned {
        trades.entry(*account).or_default().push((*instrument, *lots));
    }
    let trades: Vec<(AccountId, Vec<(InstrumentId, Quantity)>)> = trades.into_iter().collect();
    let is_pushed = |(account, lots): &(AccountId, Vec<(InstrumentId, Quantity)>)| {
        let before = &pool.accounts[*account];
        let mut after = before.clone();
        for (instrument, lots) in lots {
            after.fill(*instrument, *lots, pool.matrices.mark(*instrument));
        }
        let was: Money = margin::target_worst(pool, before.cash, &before.positions);
        let is = margin::target_worst(pool, after.cash, &after.positions);
        is.is_negative() && is < was
    };
    let pushed = parallel::map(&trades, is_pushed);
    trades.into_iter().zip(pushed).filter(|(_, pushed)| *pushed).map(|((account, _), _)| account).collect()
}

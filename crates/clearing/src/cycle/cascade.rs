//! Once a minute: would what a move forces members to sell move a market by as much again? (R13.6)

use crate::margin;
use crate::parallel;
use crate::parameters::Tier;
use crate::rows::{self, Scenario, Way};
use crate::screen::Screen;
use crate::state::{FUND, Feed, Pool, Position};
use crate::table::{AccountId, FeedId, Id, Table};
use crate::units::{Money, Quantity, Ratio, Time};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The feeds whose markets could not take what would be sold by force if every feed moved by its maintenance stress at once, either
/// way, without moving as far again.
pub(super) fn threatened(pool: &mut Pool, feeds: &Table<FeedId, Feed>, time: Time) -> BTreeSet<FeedId> {
    pool.catch_up();
    let pool = &*pool;
    [Way::Up, Way::Down].into_iter().flat_map(|way| threatened_by(pool, feeds, way, time)).collect()
}

/// What a market would be asked to take, and what it takes before it has moved by its maintenance stress.
#[derive(Default)]
struct Market {
    sold: Money,
    depth: Money,
    is_known: bool,
}

fn threatened_by(pool: &Pool, feeds: &Table<FeedId, Feed>, way: Way, time: Time) -> Vec<FeedId> {
    let there = moved(pool, feeds, way, time);
    let sold = forced_sales(pool, &there);
    let mut markets: BTreeMap<FeedId, Market> = BTreeMap::new();
    for (id, listed) in there.instruments.iter().filter(|(_, listed)| !listed.is_spot() && listed.counts()) {
        let feed = listed.parameters.feed;
        let stress = there.stresses.get(&feed).map_or(Ratio::ONE, |stress| stress.maintenance);
        let lots = depth(&listed.parameters.depth, stress);
        let market = markets.entry(feed).or_insert(Market { is_known: true, ..Market::default() });
        // Sales carry a fall on, purchases a rise.
        let value = listed.mark.abs() * sold.get(id.position()).copied().unwrap_or_default();
        market.sold += if way == Way::Down { value } else { -value };
        market.depth += lots.map_or(Money::ZERO, |lots| listed.mark.abs() * lots);
        market.is_known &= lots.is_some();
    }
    let carries_on = |market: &Market| market.is_known && market.sold.is_positive() && market.sold >= market.depth;
    markets.into_iter().filter(|(_, market)| carries_on(market)).map(|(feed, _)| feed).collect()
}

/// The pool without members, with every mark where the common row of the maintenance matrix has it. Stress and doubt stay.
fn moved(pool: &Pool, feeds: &Table<FeedId, Feed>, way: Way, time: Time) -> Pool {
    let mut there = pool.without_members();
    let rows = &pool.matrices.maintenance;
    let common = rows.scenarios.iter().position(|scenario| *scenario == Scenario::Common(way));
    for (id, instrument) in there.instruments.iter_mut() {
        let price = common.and_then(|row| rows.column(id).get(row).copied());
        instrument.mark = price.unwrap_or(instrument.mark);
    }
    there.matrices = rows::build(&there, feeds, time);
    there
}

/// Lots that would be sold by force there, by instrument; bought are negative. The watch names who may breach there.
fn forced_sales(pool: &Pool, there: &Pool) -> Vec<Quantity> {
    let everybody = || pool.accounts.ids().collect();
    let mut near: Vec<AccountId> = pool.watch.near_at(there).unwrap_or_else(everybody);
    // In the order of memory: most of the time goes into reading what they have.
    near.sort_unstable();
    let sold = sales_of(pool, there, &near);
    debug_assert_eq!(sold, sales_of(pool, there, &everybody()), "the watch overlooks an account");
    sold
}

fn sales_of(pool: &Pool, there: &Pool, accounts: &[AccountId]) -> Vec<Quantity> {
    let screen = Screen::of(there);
    let nothing = alloc::vec![Quantity::ZERO; there.instruments.len()];
    let sales_of_some = |accounts: &[AccountId]| {
        let mut sold = nothing.clone();
        let lanes = pool.accounts.lanes();
        let unsure = accounts.iter().filter(|id| **id != FUND && !screen.slack(lanes, **id).is_sound());
        unsure.for_each(|id| lanes.show(*id, |cash, positions| add_sales(there, cash, positions, &mut sold)));
        sold
    };
    let mut sold = nothing.clone();
    for some in parallel::map_chunks(accounts, sales_of_some) {
        sold.iter_mut().zip(some).for_each(|(all, lots)| *all += lots);
    }
    sold
}

/// Adds what an account must sell to be back at its target, every derivative in proportion. The share is where the line from what is
/// missing to what is left without positions crosses zero; margin is concave in it, so it is never too small.
fn add_sales(there: &Pool, cash: Money, positions: &[Position], sold: &mut [Quantity]) {
    let stressed = margin::maintenance_worst(there, cash, positions).value;
    if !margin::breaches_at(there, cash, positions, stressed) {
        return;
    }
    let missing = (-margin::target_worst_at(there, cash, positions, stressed)).or_zero();
    let equity = margin::equity(&there.matrices, cash, positions).or_zero();
    let share = (missing.ratio_to_floor(missing + equity, Ratio::ONE) + Ratio::new(1)).min(Ratio::ONE);
    for position in positions.iter().filter(|position| !there.instruments[position.instrument].is_spot()) {
        let lots = position.quantity.abs().times_ceil(share).on_side(position.quantity.signum());
        *sold.get_mut(position.instrument.position()).expect("every instrument has a place") += lots;
    }
}

/// How many lots may be sold at once before the last of them concedes `stress` more than the first: the tiers of the market's depth, joined
/// by straight lines and continued by the last of them. None where it does not grow: then nothing says how deep the market is.
fn depth(tiers: &[Tier], stress: Ratio) -> Option<Quantity> {
    let first = tiers.first()?;
    let wanted = first.rate + stress;
    let ends = tiers.windows(2).map(|pair| (pair.first(), pair.last()));
    let segments: Vec<(&Tier, &Tier)> = ends.filter_map(|(low, high)| low.zip(high)).collect();
    let reached = segments.iter().find(|(_, high)| high.rate >= wanted).or(segments.last());
    let (low, high) = reached.filter(|(low, high)| high.rate > low.rate)?;
    let length = Money::new(i128::from((high.from - low.from).get()));
    let part = Money::new(i128::from((wanted - low.rate).get()));
    let lots = length.share_floor(part, Money::new(i128::from((high.rate - low.rate).get())));
    // Deeper than can be counted is as if nothing said how deep.
    i64::try_from((lots + Money::new(i128::from(low.from.get()))).get()).ok().map(Quantity::new)
}

//! Once a minute: would what a move forces members to sell move a market by as much again? (R13.6)

use crate::margin;
use crate::parallel;
use crate::parameters::Tier;
use crate::rows::{self, Scenario, Way};
use crate::screen::Screen;
use crate::state::{Account, FUND, Feed, Pool, Standing};
use crate::table::{AccountId, FeedId, InstrumentId, Table};
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
    for (id, listed) in there.instruments.iter().filter(|(_, listed)| !listed.is_spot() && listed.settled.is_none()) {
        let feed = listed.parameters.feed;
        let stress = there.stresses.get(&feed).map_or(Ratio::ONE, |stress| stress.maintenance);
        let lots = depth(&listed.parameters.exit_cost, stress);
        let market = markets.entry(feed).or_insert(Market { is_known: true, ..Market::default() });
        // Sales carry a fall on, purchases a rise.
        let value = sold.get(&id).copied().unwrap_or_default();
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

/// What would be sold by force there, by instrument at the mark there; bought is negative. The watch names who may breach there.
fn forced_sales(pool: &Pool, there: &Pool) -> BTreeMap<InstrumentId, Money> {
    let everybody = || pool.accounts.ids().collect();
    let sold = sales_of(pool, there, pool.watch.near_at(there).unwrap_or_else(everybody));
    debug_assert_eq!(sold, sales_of(pool, there, everybody()), "the watch overlooks an account");
    sold
}

fn sales_of(pool: &Pool, there: &Pool, accounts: Vec<AccountId>) -> BTreeMap<InstrumentId, Money> {
    let screen = Screen::of(there);
    let sale = |id: &AccountId| {
        let sells_nothing = *id == FUND || screen.slack(pool.accounts.lanes(), *id).is_sound();
        if sells_nothing { Vec::new() } else { sale_of(there, &pool.accounts[*id]) }
    };
    let mut sold: BTreeMap<InstrumentId, Money> = BTreeMap::new();
    for (instrument, lots) in parallel::map(&accounts, sale).into_iter().flatten() {
        *sold.entry(instrument).or_default() += there.instruments[instrument].mark.abs() * lots;
    }
    sold
}

/// What an account must sell to be back at its target, every derivative in proportion. The share is where the line from what is missing
/// to what is left without positions crosses zero; margin is concave in it, so it is never too small.
fn sale_of(there: &Pool, account: &Account) -> Vec<(InstrumentId, Quantity)> {
    let (cash, positions) = (account.cash, account.positions.as_slice());
    if account.standing == Standing::Closed || !margin::breaches(there, cash, positions) {
        return Vec::new();
    }
    let missing = (-margin::target_worst(there, cash, positions)).or_zero();
    let equity = margin::equity(&there.matrices, cash, positions).or_zero();
    let share = missing.ratio_to_floor(missing + equity, Ratio::ONE) + Ratio::new(1);
    let derivatives = positions.iter().filter(|position| !there.instruments[position.instrument].is_spot());
    let lots = |quantity: Quantity| quantity.abs().times_ceil(share.min(Ratio::ONE)).on_side(quantity.signum());
    derivatives.map(|position| (position.instrument, lots(position.quantity))).collect()
}

/// How many lots may be sold at once before the last of them concedes `stress` more than the first: exit cost's tiers (R5.6), joined by
/// straight lines and continued by the last of them. None where it does not grow: then nothing says how deep the market is.
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

//! What members do while the market falls: makers quote as deep as the recorded book was, bidders work off what they took.

use super::convert::{price, usd_a_unit};
use super::world::{World, bidder_key, maker_key};
use crate::population::{Liquidity, Population, Quote};
use clearing::command::{Command, Key, Lifetime, NewOrder, Signed};
use clearing::state::{Condition, Level};
use clearing::table::{AccountId, InstrumentId, PoolId};
use clearing::units::{Price, Quantity};
use std::collections::BTreeMap;

/// A maker's two quotes a side: how far beyond the half spread, as a share of the price, and which part of the depth
/// within 1 %.
const LEVELS: [(f64, f64); 2] = [(0.001, 0.4), (0.006, 0.6)];
/// What a bidder works off of each position in a block, and how far from the mark it goes.
const WORK_OFF: f64 = 0.02;
const WORK_OFF_LIMIT: f64 = 0.004;
/// Order numbers rise with the second; this many fit into one.
const NUMBERS_A_SECOND: u64 = 1_000;

/// What an actor needs to know of an instrument in a second.
struct Market {
    pool: PoolId,
    instrument: InstrumentId,
    lot_size: f64,
    /// What the asset trades at, USD a unit.
    price: f64,
    quote: Quote,
    mark: Price,
    /// Whether orders that add risk are accepted.
    open: bool,
}

/// The orders of every maker and bidder in one second. `prices` are the honest medians, NaN where there is none.
pub(super) fn act(
    world: &World,
    population: &Population,
    liquidity: &Liquidity,
    prices: &BTreeMap<String, Vec<f64>>,
    second: usize,
) -> Vec<Signed> {
    let mut commands = Vec::new();
    let mut seats: Vec<(usize, usize)> = world.pools.iter().map(|_| (0, 0)).collect();
    for (at, maker) in population.makers.iter().enumerate() {
        let seat = &mut seats[maker.pool].0;
        let account = world.pools[maker.pool].makers[*seat];
        *seat += 1;
        let mut numbers = numbers(second);
        for market in markets(world, maker.pool, liquidity, prices, second) {
            quote(world, &market, account, maker_key(at), maker.share_of_depth, &mut numbers, &mut commands);
        }
    }
    for (at, bidder) in population.bidders.iter().enumerate() {
        let seat = &mut seats[bidder.pool].1;
        let account = world.pools[bidder.pool].bidders[*seat];
        *seat += 1;
        work_off(world, world.pools[bidder.pool].id, account, bidder_key(at), &mut numbers(second), &mut commands);
    }
    commands
}

fn numbers(second: usize) -> impl Iterator<Item = u64> {
    (second as u64 + 1) * NUMBERS_A_SECOND..
}

fn markets<'w>(
    world: &'w World,
    pool: usize,
    liquidity: &'w Liquidity,
    prices: &'w BTreeMap<String, Vec<f64>>,
    second: usize,
) -> impl Iterator<Item = Market> + 'w {
    let own = &world.pools[pool];
    let state = &world.engine.state().pools[own.id];
    own.instruments.iter().filter_map(move |(symbol, instrument)| {
        let listed = &state.instruments[*instrument];
        let price = prices.get(symbol)?.get(second).copied().filter(|price| price.is_finite())?;
        let quote = liquidity.quote(symbol, second)?;
        let live = world.engine.state().feeds[listed.parameters.feed].condition == Condition::Live;
        let lot_size = world.plan.instrument(symbol)?.lot_size;
        let open = live && listed.breaker.level != Level::ReduceOnly && listed.breaker.level < Level::Halted;
        Some(Market { pool: own.id, instrument: *instrument, lot_size, price, quote, mark: listed.mark, open })
    })
}

/// Two bids and two offers around what the asset trades at; only the side that reduces while the market is not open.
fn quote(
    world: &World,
    market: &Market,
    account: AccountId,
    signer: Key,
    share: f64,
    numbers: &mut impl Iterator<Item = u64>,
    commands: &mut Vec<Signed>,
) {
    let state = &world.engine.state().pools[market.pool];
    let held = state.accounts[account].quantity(market.instrument);
    let width = state.instruments[market.instrument].band_width();
    for side in [1.0_f64, -1.0] {
        let reduces = held.get() as f64 * side < 0.0;
        if !market.open && !reduces {
            continue;
        }
        let depth = if side > 0.0 { market.quote.bid_usd_1pct } else { market.quote.ask_usd_1pct };
        for (distance, part) in LEVELS {
            let limit = price(market.price * (1.0 - side * (market.quote.half_spread + distance)), market.lot_size);
            let lots = (depth * share * part / (market.price * market.lot_size)).floor();
            let quantity = Quantity::new((lots * side) as i64);
            let inside = if side > 0.0 { limit <= market.mark + width } else { limit >= market.mark - width };
            if quantity.is_zero() || !limit.is_positive() || !inside {
                continue;
            }
            let order = NewOrder {
                number: numbers.next().unwrap_or(u64::MAX),
                instrument: market.instrument,
                quantity,
                limit: Some(limit),
                lifetime: Lifetime::ThisBlock,
                reduce_only: !market.open,
            };
            commands.push(Signed { signer, command: Command::PlaceOrder { pool: market.pool, account, order } });
        }
    }
}

fn work_off(
    world: &World,
    pool: PoolId,
    account: AccountId,
    signer: Key,
    numbers: &mut impl Iterator<Item = u64>,
    commands: &mut Vec<Signed>,
) {
    let state = &world.engine.state().pools[pool];
    for position in &state.accounts[account].positions {
        let listed = &state.instruments[position.instrument];
        let size = (position.quantity.abs().get() as f64 * WORK_OFF).ceil() as i64;
        let sign = position.quantity.signum();
        let mark = usd_a_unit(listed.mark, 1.0);
        let limit = price(mark * (1.0 - sign as f64 * WORK_OFF_LIMIT), 1.0);
        let order = NewOrder {
            number: numbers.next().unwrap_or(u64::MAX),
            instrument: position.instrument,
            quantity: Quantity::new(-sign * size),
            limit: Some(limit),
            lifetime: Lifetime::ThisBlock,
            reduce_only: true,
        };
        commands.push(Signed { signer, command: Command::PlaceOrder { pool, account, order } });
    }
}

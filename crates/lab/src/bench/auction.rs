//! One instrument's auction with 100,000 orders in one block: once accepted and cleared together, once resting and swept.

use super::market::{maker_of, place, trader};
use super::{BenchError, Market, Row, Suite, Workload, count, ms, timed};
use clearing::command::Signed;
use clearing::event::{Event, Receipt};
use clearing::table::InstrumentId;
use clearing::units::{Price, Quantity};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ORDERS: usize = 100_000;
const QUICK_ORDERS: usize = 5_000;
const ACCOUNTS: u32 = 100_000;
/// The most orders that the pool allows an account.
const ORDERS_AN_ACCOUNT: usize = 64;
/// Perpetual on the first feed.
const INSTRUMENT: InstrumentId = InstrumentId(0);

/// Orders of one lot to four, half of them to buy, with limits up to 2 % on either side of the mark; `gap` parts buyers from
/// sellers, ppm of the mark: below zero they cross.
#[must_use]
pub fn orders(market: &mut Market, count: usize, gap: i64, seed: u64) -> Vec<Signed> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mark = market.mark(INSTRUMENT).get();
    let traders = market.traders();
    let count = count.min(traders as usize * ORDERS_AN_ACCOUNT);
    (0..count)
        .map(|at| {
            let side = if at.is_multiple_of(2) { 1 } else { -1 };
            let away = gap / 2 + random.random_range(0..20_000_i64);
            let limit = Price::new(mark - side * (mark * away / 1_000_000));
            let quantity = Quantity::new(side * random.random_range(1..=4_i64));
            place(trader(at as u32 % traders), market.limit_order(INSTRUMENT, quantity, limit))
        })
        .collect()
}

fn filled(receipt: &Receipt) -> u64 {
    receipt.events.iter().filter(|event| matches!(event, Event::Filled { .. })).count() as u64
}

/// Accepted and cleared: limits overlap, so about a half of the orders trades.
fn together(market: &mut Market, size: usize, seed: u64) -> Row {
    let orders = orders(market, size, -20_000, seed);
    let (given, block) = (orders.len(), market.block(orders));
    let (receipt, time) = timed(|| market.apply(&block));
    let refused = receipt.rejections.len();
    let on = format!(
        "{} orders in one instrument, acceptance included; {} fills, {refused} refused",
        count(given as u64),
        count(filled(&receipt))
    );
    Row::new(Workload::Auction, "auction, accepted and cleared in a block", on, ms(time), "ms")
}

/// One order that is large enough to take every resting buyer among so many orders.
#[must_use]
pub fn sweep(market: &mut Market, orders: usize) -> Signed {
    let limit = Price::new(market.mark(INSTRUMENT).get() * 96 / 100);
    let order = market.limit_order(INSTRUMENT, Quantity::new(-2 * orders as i64), limit);
    place(maker_of(usize::from(INSTRUMENT.0)), order)
}

/// Resting orders of which half are swept by one large order.
fn swept(market: &mut Market, size: usize, seed: u64) -> Row {
    let orders = orders(market, size, 2_000, seed);
    let (given, block) = (orders.len(), market.block(orders));
    market.apply(&block);
    let sweep = sweep(market, given);
    let block = market.block(vec![sweep]);
    let (receipt, time) = timed(|| market.apply(&block));
    let (given, fills) = (count(given as u64), count(filled(&receipt)));
    let on = format!("{given} resting orders, one order sweeps a side; {fills} fills");
    Row::new(Workload::Auction, "auction, orders at rest", on, ms(time), "ms")
}

/// Both.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    let market = suite.market_of_at_most(ACCOUNTS)?;
    let size = if suite.setting.quick { QUICK_ORDERS } else { ORDERS };
    let seed = suite.setting.seed;
    suite.tell("auction", 0, 2);
    let first = together(&mut market.clone(), size, seed);
    suite.tell("auction", 1, 2);
    let mut market = market;
    Ok(vec![first, swept(&mut market, size, seed)])
}

//! One instrument's auction with 100,000 orders in one block: once accepted and cleared together, once resting and swept.

use super::market::{maker_of, place, trader};
use super::{BenchError, Market, Row, Setting, Suite, Workload, count, ms, repeated, timed, times_as_long};
use clearing::command::{Block, Command, Signed};
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

/// A block of the auction's instrument, measured on copies, against the least that an auction needs: its limits in order.
fn row(what: &str, on: String, market: &Market, block: &Block, limits: &[Price], quick: bool) -> Row {
    let (_, time) = repeated(market, block, quick);
    let mut sorted = limits.to_vec();
    let ((), sorting) = timed(|| sorted.sort_unstable());
    Row::new(Workload::Auction, what, on, ms(time), "ms")
        .against(times_as_long(time, sorting), "× the time of only sorting the limits")
}

fn limits_of(orders: &[Signed]) -> Vec<Price> {
    let limit = |signed: &Signed| match &signed.command {
        Command::PlaceOrder { order, .. } => order.limit,
        _ => None,
    };
    orders.iter().filter_map(limit).collect()
}

/// Accepted and cleared: limits overlap, so about a half of the orders trades.
fn together(mut market: Market, size: usize, setting: Setting) -> Row {
    let orders = orders(&mut market, size, -20_000, setting.seed);
    let limits = limits_of(&orders);
    let block = market.block(orders);
    let receipt = market.clone().apply(&block);
    let on = format!(
        "{} orders in one instrument, acceptance included; {} fills, {} refused",
        count(limits.len() as u64),
        count(filled(&receipt)),
        receipt.rejections.len()
    );
    row("auction, accepted and cleared in a block", on, &market, &block, &limits, setting.quick)
}

/// One order that is large enough to take every resting buyer among so many orders.
#[must_use]
pub fn sweep(market: &mut Market, orders: usize) -> Signed {
    let limit = Price::new(market.mark(INSTRUMENT).get() * 96 / 100);
    let order = market.limit_order(INSTRUMENT, Quantity::new(-2 * orders as i64), limit);
    place(maker_of(usize::from(INSTRUMENT.0)), order)
}

/// Resting orders: a block in which nothing crosses, and one in which half of them are swept by one large order.
fn at_rest(mut market: Market, size: usize, setting: Setting) -> [Row; 2] {
    let orders = orders(&mut market, size, 2_000, setting.seed);
    let limits = limits_of(&orders);
    let block = market.block(orders);
    market.apply(&block);
    let given = count(limits.len() as u64);
    let quiet = market.block(Vec::new());
    let on = format!("{given} resting orders, none of which crosses another");
    let resting = row("auction, orders at rest", on, &market, &quiet, &limits, setting.quick);
    let sweep = sweep(&mut market, limits.len());
    let block = market.block(vec![sweep]);
    let fills = count(filled(&market.clone().apply(&block)));
    let on = format!("{given} resting orders, one order sweeps a side; {fills} fills");
    [resting, row("auction, a side swept", on, &market, &block, &limits, setting.quick)]
}

/// The auction on its own market, or on the suite's where that has no more accounts.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    let market = suite.market_of_at_most(ACCOUNTS)?;
    let size = if suite.setting.quick { QUICK_ORDERS } else { ORDERS };
    suite.tell("auction", 0, 2);
    let first = together(market.clone(), size, suite.setting);
    suite.tell("auction", 1, 2);
    let [resting, swept] = at_rest(market, size, suite.setting);
    Ok(vec![first, resting, swept])
}

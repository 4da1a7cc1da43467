//! Commands a second: a mix of orders, cancellations and venue trades with margin checks, on 100,000 accounts.
//!
//! Only `apply` is timed, of large blocks at unchanged prices, on one thread. The cycle of each block is inside that time.

use super::market::{POOL, by, place, trader};
use super::rules::{INSTRUMENTS, LOT_USD, Who, feed_of};
use super::{BenchError, Market, Row, Suite, Workload, count, timed, times_as_long};
use clearing::command::{Block, Command, OrderNumber, Signed};
use clearing::event::{Event, Receipt};
use clearing::table::{AccountId, InstrumentId};
use clearing::units::{Price, Quantity};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::time::Duration;

const ACCOUNTS: u32 = 100_000;
const BLOCKS: usize = 10;
const BLOCK_COMMANDS: usize = 100_000;
const QUICK_BLOCK_COMMANDS: usize = 10_000;
/// Of a hundred commands, how many are orders and how many cancellations; the others are trades. Assumption.
const ORDERS: u32 = 50;
const CANCELLATIONS: u32 = 35;
/// An order or trade is worth up to this.
const LARGEST_USD: f64 = 100.0;
const TARGET: f64 = 500_000.0;

/// Makes blocks of the mix and remembers which orders rest.
pub(super) struct Mix {
    random: ChaCha8Rng,
    resting: Vec<(AccountId, OrderNumber)>,
    /// Orders of the block that is being made, by their position in it.
    placed: Vec<(usize, AccountId, OrderNumber)>,
}

impl Mix {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), resting: Vec::new(), placed: Vec::new() }
    }

    /// The commands of a block.
    pub(super) fn commands(&mut self, market: &mut Market, count: usize) -> Vec<Signed> {
        self.placed.clear();
        (0..count).map(|at| self.command(market, at)).collect()
    }

    fn command(&mut self, market: &mut Market, at: usize) -> Signed {
        let kind = self.random.random_range(0..100_u32);
        if kind < ORDERS + CANCELLATIONS {
            let cancelled = kind >= ORDERS && !self.resting.is_empty();
            return if cancelled { self.cancellation() } else { self.order(market, at) };
        }
        self.trade(market)
    }

    /// An order between 0.5 % and 3 % away from the mark: it rests.
    fn order(&mut self, market: &mut Market, at: usize) -> Signed {
        let account = trader(self.random.random_range(0..market.traders()));
        let (instrument, lots) = self.some_lots();
        let side = if self.random.random_range(0..2_u32) == 0 { 1 } else { -1 };
        let mark = market.mark(instrument).get();
        let limit = Price::new(mark - side * (mark * self.random.random_range(5..30_i64) / 1_000));
        let order = market.limit_order(instrument, Quantity::new(side * lots), limit);
        self.placed.push((at, account, order.number));
        place(account, order)
    }

    /// Takes back an order of an earlier block.
    fn cancellation(&mut self) -> Signed {
        let at = self.random.random_range(0..self.resting.len());
        let (account, number) = self.resting.swap_remove(at);
        by(Who::Account(account.0), Command::CancelOrder { pool: POOL, account, number })
    }

    fn trade(&mut self, market: &Market) -> Signed {
        let traders = market.traders();
        let first = self.random.random_range(0..traders);
        let second = (first + self.random.random_range(1..traders.max(2))) % traders;
        let (instrument, lots) = self.some_lots();
        let (price, quantity) = (market.mark(instrument), Quantity::new(lots));
        let (buyer, seller) = (trader(first), trader(second));
        by(Who::Venue, Command::Trade { pool: POOL, instrument, buyer, seller, quantity, price })
    }

    fn some_lots(&mut self) -> (InstrumentId, i64) {
        let at = self.random.random_range(0..INSTRUMENTS);
        let usd = self.random.random_range(1.0..LARGEST_USD);
        (InstrumentId(at as u16), (usd / LOT_USD[feed_of(at)]).ceil() as i64)
    }

    /// Remembers what became of the block's orders; its commands begin at `first`.
    pub(super) fn settle(&mut self, receipt: &Receipt, first: usize) {
        let refused: BTreeSet<usize> = receipt.rejections.iter().map(|(at, _)| *at as usize).collect();
        let kept = self.placed.iter().filter(|(at, _, _)| !refused.contains(&(at + first)));
        self.resting.extend(kept.map(|(_, account, number)| (*account, *number)));
        let gone: BTreeSet<(AccountId, OrderNumber)> = receipt.events.iter().filter_map(gone).collect();
        self.resting.retain(|order| !gone.contains(order));
    }
}

fn gone(event: &Event) -> Option<(AccountId, OrderNumber)> {
    match event {
        Event::OrderRemoved { account, number, .. } => Some((*account, *number)),
        _ => None,
    }
}

/// The mix on its own market, or on the suite's where that has no more accounts.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    let mut market = suite.market_of_at_most(ACCOUNTS)?;
    let size = if suite.setting.quick { QUICK_BLOCK_COMMANDS } else { BLOCK_COMMANDS };
    let size = size.min(market.traders() as usize * 2);
    let mut mix = Mix::new(suite.setting.seed);
    let (mut total, mut reading, mut commands, mut refused) = (Duration::ZERO, Duration::ZERO, 0, 0);
    for done in 0..=BLOCKS {
        suite.tell("commands", done, BLOCKS + 1);
        let some = mix.commands(&mut market, size);
        let block = market.block(some);
        let (receipt, time) = timed(|| market.apply(&block));
        mix.settle(&receipt, block.commands.len() - size);
        if done > 0 {
            // The first block only gives the cancellations something to cancel.
            total += time;
            reading += time_to_read(&block);
            commands += size;
            refused += receipt.rejections.len();
        }
    }
    let rate = commands as f64 / total.as_secs_f64().max(1e-12);
    let on = format!(
        "{} accounts; {} commands in {BLOCKS} blocks, cycle included; 50 % orders, 35 % cancellations, 15 % trades; {:.1} % refused",
        count(market.traders().into()),
        count(commands as u64),
        100.0 * refused as f64 / commands.max(1) as f64
    );
    let row = Row::new(Workload::Commands, "commands", on, rate, "commands/s");
    let row = row.against(times_as_long(total, reading), "× the time of only decoding them");
    Ok(vec![row.aiming("≥ 500,000 commands/s", rate >= TARGET)])
}

/// What nobody can do without: decoding the block.
fn time_to_read(block: &Block) -> Duration {
    let bytes = borsh::to_vec(block).expect("writing to memory succeeds");
    let (read, time) = timed(|| borsh::from_slice::<Block>(&bytes));
    assert_eq!(read.expect("what was written is read").height, block.height);
    time
}

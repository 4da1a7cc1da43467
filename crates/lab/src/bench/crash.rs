//! A crash path: every price halves in eight hours, with noise, while makers quote and accounts are liquidated all the way.

use super::{BenchError, Row, Suite, Workload, count, ms, timed, walk};
use clearing::event::{Event, Receipt};
use clearing::table::AccountId;
use std::collections::BTreeSet;
use std::time::Duration;

/// Eight hours of blocks of a second.
const BLOCKS: usize = 28_800;
/// Blocks of a quick run, over the same fall.
const QUICK_BLOCKS: usize = 240;
/// The standard deviation of a block's noise: 9 % a day. Assumption.
const DEVIATION: f64 = 0.0003;
const END: f64 = 0.5;
/// Makers quote anew every so many blocks.
const QUOTE_EVERY: usize = 10;
const TARGET_WORST_MS: f64 = 50.0;

/// Whether a block had any liquidation to work on: one that began, went on or ended.
fn has_liquidations(receipt: &Receipt) -> bool {
    receipt.events.iter().any(|event| {
        matches!(
            event,
            Event::AccountLiquidated { .. }
                | Event::AccountRestored { .. }
                | Event::AccountClosed { .. }
                | Event::LiquidationsCarried { .. }
                | Event::PortfolioAuctioned { .. }
                | Event::AutoDeleveraged { .. }
                | Event::Filled { forced: true, .. }
        )
    })
}

#[derive(Default)]
struct Path {
    total: Duration,
    worst_without: Duration,
    worst_with: Duration,
    blocks_without: usize,
    begun: usize,
    liquidated: BTreeSet<AccountId>,
    looked_at: usize,
}

impl Path {
    fn add(&mut self, receipt: &Receipt, time: Duration) {
        self.total += time;
        for event in &receipt.events {
            if let Event::AccountLiquidated { account, .. } = event {
                self.begun += 1;
                self.liquidated.insert(*account);
            }
        }
        if has_liquidations(receipt) {
            self.worst_with = self.worst_with.max(time);
        } else {
            self.blocks_without += 1;
            self.worst_without = self.worst_without.max(time);
        }
    }
}

/// The whole path, against a full scan in every block.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    let scan = suite.scan()?;
    let mut market = suite.base()?.clone();
    let blocks = if suite.setting.quick { QUICK_BLOCKS } else { BLOCKS };
    let mut path = Path::default();
    for (done, factors) in walk::fall(blocks, DEVIATION, END, suite.setting.seed).into_iter().enumerate() {
        let quotes = if done.is_multiple_of(QUOTE_EVERY) { market.quotes() } else { Vec::new() };
        market.move_prices(factors);
        let block = market.block(quotes);
        let (receipt, time) = timed(|| market.apply(&block));
        path.add(&receipt, time);
        path.looked_at += market.looked_at();
        suite.tell("crash path", done, blocks);
    }
    let (accounts, all) = (count(market.traders().into()), count(blocks as u64));
    let on = format!("{accounts} accounts, −50 % in {all} blocks");
    let quiet = format!("{on}: the {} without a liquidation", count(path.blocks_without as u64));
    let looked_at = path.looked_at as f64 / blocks as f64;
    let again = format!("{on}; {} liquidations begun", count(path.begun as u64));
    let ratio = ms(scan.time) * blocks as f64 / ms(path.total).max(1e-9);
    let worst = ms(path.worst_without);
    let (all, liquidated) = (f64::from(market.traders()), path.liquidated.len() as f64);
    let faster = "× the speed of the full scan";
    Ok(vec![
        Row::new(Workload::Crash, "crash path, total", on.clone(), ms(path.total), "ms")
            .against(ratio, "× the speed of a full scan in every block"),
        Row::new(Workload::Crash, "crash path, worst block", quiet, worst, "ms")
            .against(ms(scan.time) / worst.max(1e-9), faster)
            .aiming("≤ 50 ms without liquidations", path.blocks_without > 0 && worst <= TARGET_WORST_MS),
        Row::new(Workload::Crash, "crash path, worst block with liquidations", on.clone(), ms(path.worst_with), "ms")
            .against(ms(scan.time) / ms(path.worst_with).max(1e-9), faster),
        Row::new(Workload::Crash, "crash path, accounts re-evaluated", on, looked_at, "accounts a block")
            .against(looked_at / all, "of all accounts"),
        Row::new(Workload::Crash, "crash path, accounts liquidated", again, liquidated, "accounts")
            .against(liquidated / all, "of all accounts"),
    ])
}

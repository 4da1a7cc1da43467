//! A price block in calm markets: every feed moves by about 0.05 %, hardly anybody breaches, and the block should cost next
//! to nothing.

use super::{BenchError, Row, Suite, Workload, count, ms, quantile, timed, walk};
use clearing::event::Event;

const BLOCKS: usize = 200;
/// The standard deviation of a block's move.
const DEVIATION: f64 = 0.0005;
const TARGET_MS: f64 = 1.0;
const TARGET_RATIO: f64 = 50.0;

/// Blocks that hold nothing but prices.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    let scan = suite.scan()?;
    let mut market = suite.base()?.clone();
    let mut times = Vec::with_capacity(BLOCKS);
    let (mut liquidated, mut looked_at) = (0, Vec::with_capacity(BLOCKS));
    for (done, factors) in walk::moves(BLOCKS, DEVIATION, suite.setting.seed).into_iter().enumerate() {
        market.move_prices(factors);
        let block = market.block(Vec::new());
        let (receipt, time) = timed(|| market.apply(&block));
        times.push(time);
        liquidated += receipt.events.iter().filter(|event| matches!(event, Event::AccountLiquidated { .. })).count();
        looked_at.push(market.looked_at());
        suite.tell("calm price blocks", done, BLOCKS);
    }
    let on = format!(
        "{} accounts × 4 positions × 32 rows, 64 instruments; {BLOCKS} blocks, {liquidated} liquidations",
        count(market.traders().into())
    );
    let (median, slow) = (ms(quantile(&times, 0.5)), ms(quantile(&times, 0.99)));
    looked_at.sort_unstable();
    let median_looked_at = looked_at.get(BLOCKS / 2).copied().unwrap_or_default() as f64;
    let mean_looked_at = looked_at.iter().sum::<usize>() as f64 / BLOCKS as f64;
    let all = f64::from(market.traders());
    let ratio = |block: f64| ms(scan.time) / block.max(1e-9);
    let met = median <= TARGET_MS && ratio(median) >= TARGET_RATIO;
    let faster = "× the speed of the full scan";
    Ok(vec![
        Row::new(Workload::Calm, "price block, calm, median", on.clone(), median, "ms")
            .against(ratio(median), faster)
            .aiming("≤ 1 ms and ≥ 50 × faster than the full scan", met),
        Row::new(Workload::Calm, "price block, calm, 99 %", on.clone(), slow, "ms").against(ratio(slow), faster),
        Row::new(Workload::Calm, "accounts re-evaluated, median", on.clone(), median_looked_at, "accounts a block")
            .against(median_looked_at / all, "of all accounts"),
        Row::new(Workload::Calm, "accounts re-evaluated, mean", on, mean_looked_at, "accounts a block")
            .against(mean_looked_at / all, "of all accounts"),
    ])
}

//! Resident memory an account takes, where the system tells (`VmRSS` of `/proc/self/status`).
//!
//! Measured as the growth over making a copy of the whole engine: the largest over several copies, which are all kept, so that
//! the first ones fill the holes that earlier work left in the allocator's memory.

use super::{BenchError, Market, Row, Suite, Workload, count};
use std::hint::black_box;

const TARGET_BYTES: f64 = 400.0;
/// Accounts that are enough to measure.
const LARGE: usize = 100_000;
const MOST_COPIES: usize = 200;
/// How many times that is made.
const ROUNDS: usize = 6;

/// Resident memory of this process, bytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
}

/// Copies of a small market, so that together they are large against a page.
fn copies(accounts: usize) -> usize {
    (LARGE / accounts.max(1)).clamp(1, MOST_COPIES)
}

/// Bytes an account.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    suite.tell("memory", 0, 1);
    let market = suite.base()?;
    let accounts = market.pool().accounts.len();
    let copies = copies(accounts);
    let mut kept = Vec::with_capacity(ROUNDS);
    let mut growth = None;
    for _ in 0..ROUNDS {
        let before = resident();
        kept.push(black_box((0..copies).map(|_| market.clone()).collect::<Vec<Market>>()));
        let grown = before.zip(resident()).map(|(before, after)| after.saturating_sub(before));
        growth = growth.max(grown);
    }
    let bytes = growth.map(|growth| growth as f64 / (copies * accounts) as f64);
    let on = format!("{} accounts × 4 positions, a copy of the engine", count(accounts as u64));
    let row = Row::new(Workload::Memory, "memory", on, 0.0, "bytes an account");
    let least = super::scan::account_bytes(market.pool()) as f64 / accounts.max(1) as f64;
    Ok(vec![Row {
        value: bytes,
        ratio: bytes.map(|bytes| bytes / least),
        ratio_to: bytes.map(|_| "× its cash and positions alone"),
        target: Some("≤ 400 bytes an account"),
        met: bytes.map(|bytes| bytes <= TARGET_BYTES),
        ..row
    }])
}

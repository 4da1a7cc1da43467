//! Snapshot, restore, and the replay of a recorded run, root by root.

use super::commands::Mix;
use super::{BenchError, Market, Progress, Row, Suite, Workload, count, timed, times_as_long};
use crate::block_log::{BlockLogWriter, replay};
use clearing::Engine;
use std::cell::RefCell;
use std::hint::black_box;
use std::time::Duration;

const COMMANDS: usize = 10_000_000;
/// A quick run replays how its market came to be, and this many commands.
const QUICK_COMMANDS: usize = 20_000;
const BLOCK_COMMANDS: usize = 100_000;
const TARGET_RESTORE_S: f64 = 2.0;

/// Snapshot and restore of the suite's market.
fn snapshot(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    suite.tell("snapshot", 0, 1);
    let market = suite.base()?;
    let on = format!("{} accounts", count(market.traders().into()));
    let (bytes, taken) = timed(|| market.engine().snapshot());
    let (restored, loaded) = timed(|| Engine::restore(&bytes));
    let root = restored.map(|engine| engine.root());
    if root != Ok(market.engine().root()) {
        return Err(BenchError::Root("restore"));
    }
    let row = |what: &str, value: f64, unit| Row::new(Workload::Storage, what, on.clone(), value, unit);
    let (_, copying) = timed(|| black_box(bytes.clone()));
    let against =
        |row: Row, time: Duration| row.against(times_as_long(time, copying), "× the time of copying its bytes");
    let restore = row("restore", loaded.as_secs_f64(), "s");
    let restore = restore.aiming("≤ 2 s", loaded.as_secs_f64() <= TARGET_RESTORE_S);
    let an_account = bytes.len() as f64 / f64::from(market.traders());
    Ok(vec![
        against(row("snapshot", taken.as_secs_f64(), "s"), taken),
        row("snapshot, size", bytes.len() as f64 / 1e6, "MB").against(an_account, "bytes an account"),
        against(restore, loaded),
    ])
}

/// How the market came to be, then the mix of commands: as a compressed block log.
fn record(suite: &mut Suite<'_>) -> Result<Vec<u8>, BenchError> {
    let mut bytes = Vec::new();
    let log = RefCell::new(BlockLogWriter::new(&mut bytes)?);
    let genesis = super::rules::genesis();
    log.borrow_mut().genesis(&genesis, &Engine::new(&genesis).root());
    let mut recorded = 0;
    let super::Setting { accounts, seed, quick } = suite.setting;
    let mut market = Market::build(
        accounts,
        seed,
        &mut |block, receipt| {
            recorded += block.commands.len();
            log.borrow_mut().block(block, receipt);
        },
        suite.tell,
    )?;
    let goal = if quick { recorded + QUICK_COMMANDS.min(accounts as usize * 8) } else { COMMANDS.max(recorded) };
    let mut mix = Mix::new(seed);
    while recorded < goal {
        let some = mix.commands(&mut market, BLOCK_COMMANDS.min(goal - recorded));
        let (made, block) = (some.len(), market.block(some));
        let receipt = market.apply(&block);
        mix.settle(&receipt, block.commands.len() - made);
        log.borrow_mut().block(&block, &receipt);
        recorded += made;
        (suite.tell)(Progress { doing: "recording commands", done: recorded as u64, of: goal as u64 });
    }
    log.into_inner().finish()?;
    Ok(bytes)
}

/// Three rows of a snapshot and two of a replay.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    let mut rows = snapshot(suite)?;
    let log = record(suite)?;
    let mut blocks = 0;
    let (found, time) = timed(|| {
        replay(log.as_slice(), |_| {
            blocks += 1;
            (suite.tell)(Progress { doing: "replaying blocks", done: blocks, of: blocks });
        })
    });
    let found = found?;
    if found.divergence.is_some() {
        return Err(BenchError::Root("replay"));
    }
    let (_, decompressing) = timed(|| zstd::decode_all(log.as_slice()));
    let on = format!(
        "{} commands in {} blocks that make {} accounts and go on; decompressed, decoded, every root compared",
        count(found.commands),
        count(found.blocks),
        count(suite.setting.accounts.into())
    );
    let rate = found.commands as f64 / time.as_secs_f64().max(1e-12);
    let replayed = Row::new(Workload::Storage, "replay", on.clone(), rate, "commands/s");
    rows.push(replayed.against(times_as_long(time, decompressing), "× the time of only decompressing the log"));
    let size = Row::new(Workload::Storage, "replay, size of the log", on, log.len() as f64 / 1e6, "MB");
    rows.push(size.against(log.len() as f64 / found.commands.max(1) as f64, "bytes a command"));
    Ok(rows)
}

//! Decides what a full scan is, the yardstick of the watch: every account of the pool looked at, by the core's own scan and by
//! the naive one, and how near that comes to the speed of memory.
//!
//! Bytes are counted as what a scan cannot do without: cash (16) and, for each position, instrument (2) and quantity (8);
//! not entry values, owners or orders. Memory bandwidth is that of copying a buffer much larger than the caches, a part on
//! every processor at once, bytes read plus bytes written.

use super::market::Market;
use super::{BenchError, Row, Suite, Workload, count, naive, quantile, timed};
use clearing::state::Pool;
use std::hint::black_box;
use std::time::Duration;

const CASH_BYTES: usize = 16;
const POSITION_BYTES: usize = 10;
const TARGET_NS: f64 = 60.0;
const TARGET_SHARE: f64 = 0.5;

/// How many accounts breach, by the core's fastest way to look at all of them.
#[must_use]
pub fn full_scan(pool: &Pool) -> usize {
    clearing::watch::full_scan(pool).len()
}

/// The bytes of account data that a scan needs.
pub(super) fn account_bytes(pool: &Pool) -> usize {
    pool.accounts.iter().map(|(_, account)| CASH_BYTES + POSITION_BYTES * account.positions.len()).sum()
}

/// The time of a full scan, by the core and naively.
#[derive(Clone)]
pub(super) struct Scan {
    /// Accounts scanned.
    accounts: usize,
    /// The median time of the core's scan.
    pub(super) time: Duration,
    /// The median time of the naive scan.
    pub(super) naive: Duration,
    /// Bytes of account data.
    bytes: usize,
}

impl Scan {
    /// The medians of three scans, or of seven.
    pub(super) fn measure(market: &Market, quick: bool) -> Self {
        let pool = market.pool();
        assert_eq!(full_scan(pool), naive::full_scan(pool), "the twins agree");
        let median = |scan: fn(&Pool) -> usize| {
            let times: Vec<Duration> =
                (0..if quick { 3 } else { 7 }).map(|_| timed(|| black_box(scan(black_box(pool)))).1).collect();
            quantile(&times, 0.5)
        };
        let (time, naive) = (median(full_scan), median(naive::full_scan));
        Self { accounts: pool.accounts.len(), time, naive, bytes: account_bytes(pool) }
    }

    fn ns_an_account(&self) -> f64 {
        self.time.as_secs_f64() * 1e9 / self.accounts.max(1) as f64
    }

    fn gigabytes_a_second(&self) -> f64 {
        self.bytes as f64 / self.time.as_secs_f64().max(1e-12) / 1e9
    }
}

/// Gigabytes a second of a large copy: the median of several, read and written bytes both counted.
fn copy_gigabytes_a_second(quick: bool) -> f64 {
    let (words, repetitions) = if quick { (8 << 20, 3) } else { (64 << 20, 9) };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let source: Vec<u64> = (0..words).collect();
    let mut target = vec![0_u64; source.len()];
    let part = source.len().div_ceil(processors);
    let mut copy = || {
        std::thread::scope(|scope| {
            for (from, to) in source.chunks(part).zip(target.chunks_mut(part)) {
                scope.spawn(move || black_box(to).copy_from_slice(black_box(from)));
            }
        });
    };
    copy(); // the first copy also asks for the pages
    let times: Vec<Duration> = (0..repetitions).map(|_| timed(&mut copy).1).collect();
    let bytes = 2.0 * size_of_val(source.as_slice()) as f64;
    bytes / quantile(&times, 0.5).as_secs_f64().max(1e-12) / 1e9
}

/// The full scan against memory.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    suite.tell("scanning every account", 0, 1);
    let scan = suite.scan()?;
    let memory = copy_gigabytes_a_second(suite.setting.quick);
    let share = scan.gigabytes_a_second() / memory;
    let on = format!("{} accounts", count(scan.accounts as u64));
    let data = format!("{on}, {:.1} MB of cash and positions", scan.bytes as f64 / 1e6);
    let met = scan.ns_an_account() <= TARGET_NS || share >= TARGET_SHARE;
    let faster = scan.naive.as_secs_f64() / scan.time.as_secs_f64().max(1e-12);
    Ok(vec![
        Row::new(Workload::Scan, "full scan", on.clone(), scan.ns_an_account(), "ns an account")
            .against(share, "of memory bandwidth")
            .aiming("≤ 60 ns an account, or ≥ 0.5 of memory bandwidth", met),
        Row::new(Workload::Scan, "full scan, all accounts", on.clone(), super::ms(scan.time), "ms")
            .against(faster, "× the speed of asking every account exactly"),
        Row::new(Workload::Scan, "full scan, naive", on, super::ms(scan.naive), "ms"),
        Row::new(Workload::Scan, "full scan, account data", data, scan.gigabytes_a_second(), "GB/s"),
        Row::new(Workload::Scan, "memory bandwidth", "a large copy, bytes read plus bytes written", memory, "GB/s"),
    ])
}

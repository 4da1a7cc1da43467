//! The margin of one account: the product of a vector and 32 rows, against a naive exact loop.

use super::rules::INSTRUMENTS;
use super::{BenchError, Market, Row, Suite, Workload, naive, quantile, timed};
use clearing::margin;
use clearing::state::{Pool, Position};
use clearing::table::InstrumentId;
use clearing::units::{Money, Quantity};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;
use std::time::Duration;

const SIZES: [usize; 4] = [1, 4, 8, 16];
/// Different vectors, so that nothing about one of them is learnt by heart.
const VECTORS: usize = 1_024;
/// Traders of the market whose rows are used; the rows do not depend on it.
const TRADERS: u32 = 64;

/// Random accounts with this many positions each.
fn vectors(count: usize, positions: usize, seed: u64) -> Vec<(Money, Vec<Position>)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut instruments: Vec<u16> = (0..INSTRUMENTS as u16).collect();
    let mut draw = || {
        instruments.shuffle(&mut random);
        let mut held = instruments[..positions].to_vec();
        held.sort_unstable();
        let mut lots = || Quantity::new(random.random_range(-5_000..5_000_i64) * 2 + 1);
        let position = |at: u16, quantity| Position { instrument: InstrumentId(at), quantity, entry: Money::ZERO };
        let positions = held.into_iter().map(|at| position(at, lots())).collect();
        (Money::new(random.random_range(-10_000_000_000..10_000_000_000_i64).into()), positions)
    };
    (0..count).map(|_| draw()).collect()
}

/// Nanoseconds a call of `evaluate`: the median of several passes over all vectors.
fn nanoseconds(
    vectors: &[(Money, Vec<Position>)],
    passes: usize,
    pool: &Pool,
    evaluate: impl Fn(&Pool, Money, &[Position]) -> Money,
) -> f64 {
    let pass = || {
        for (cash, held) in vectors {
            black_box(evaluate(black_box(pool), *cash, black_box(held)));
        }
    };
    pass();
    let times: Vec<Duration> = (0..passes).map(|_| timed(pass).1).collect();
    quantile(&times, 0.5).as_secs_f64() * 1e9 / vectors.len().max(1) as f64
}

/// One row for each number of positions.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    let market = Market::build(TRADERS, suite.setting.seed, &mut |_, _| (), &mut |_| ())?;
    let pool = market.pool();
    let (rows, passes) = (pool.matrices.maintenance.len(), if suite.setting.quick { 5 } else { 101 });
    let mut answer = Vec::new();
    for (done, positions) in SIZES.into_iter().enumerate() {
        suite.tell("margin of one account", done, SIZES.len());
        let vectors = vectors(VECTORS, positions, suite.setting.seed);
        let ours = |pool: &Pool, cash: Money, held: &[Position]| margin::maintenance_worst(pool, cash, held).value;
        for (cash, held) in &vectors {
            assert_eq!(ours(pool, *cash, held), naive::maintenance_worst(pool, *cash, held), "the twins agree");
        }
        let fast = nanoseconds(&vectors, passes, pool, ours);
        let slow = nanoseconds(&vectors, passes, pool, naive::maintenance_worst);
        let on = format!("{positions} {} × {rows} rows", if positions == 1 { "position" } else { "positions" });
        answer.push(
            Row::new(Workload::Margin, "margin of one account", on, fast, "ns")
                .against(slow / fast.max(1e-9), "× the speed of the naive exact loop"),
        );
    }
    Ok(answer)
}

//! Decides who holds what in the benchmark's market, by seed: four positions an account, longs equal to shorts, leverage
//! from a skewed distribution.
//!
//! Assumptions: a position is log-normal with a median of 1,000 USD and a standard deviation of 1 of its logarithm (mean
//! 1,650 USD). Gross leverage is log-normal with a median of 8 and a standard deviation of 0.6, cut where an account would
//! hold less than 1.1 times its initial margin, so that nobody breaches at the start. Half of the four positions are short
//! on average: what an account has at risk is less than its gross leverage says, and 2 % of accounts breach after a fall of
//! 4.5 %.

use super::rules::{INSTRUMENTS, LOT_USD, POSITIONS, feed_of};
use clearing::table::InstrumentId;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

const MEDIAN_POSITION_USD: f64 = 1_000.0;
const POSITION_LOG_SIGMA: f64 = 1.0;
/// The mean of a position: e^(σ² ⁄ 2) times its median.
const MEAN_POSITION_USD: f64 = MEDIAN_POSITION_USD * 1.648_721_270_700_128;
const MEDIAN_LEVERAGE: f64 = 8.0;
const LEVERAGE_LOG_SIGMA: f64 = 0.6;

/// A trade that gives two traders their positions; traders count from zero.
#[derive(Clone, Copy)]
pub(super) struct Struck {
    pub(super) instrument: InstrumentId,
    pub(super) buyer: u32,
    pub(super) seller: u32,
    pub(super) lots: i64,
}

/// What one trader will hold: an instrument and signed lots for each trade, in the order of trades.
pub(super) type Holding = [(InstrumentId, i64); POSITIONS];

/// Everybody's trades.
pub(super) struct Population {
    /// One list for each of an account's positions.
    pub(super) trades: Vec<Vec<Struck>>,
    /// What each trader holds after all of them.
    pub(super) holdings: Vec<Holding>,
    /// The leverage that each trader wants.
    pub(super) leverages: Vec<f64>,
}

impl Population {
    /// Draws an even number of traders. Each round pairs everybody with somebody, in one of the 16 instruments of the round:
    /// so nobody meets an instrument twice, and each account's positions are against four different accounts.
    pub(super) fn draw(traders: u32, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let sizes = LogNormal::new(MEDIAN_POSITION_USD.ln(), POSITION_LOG_SIGMA).expect("the deviation is positive");
        let leverages = LogNormal::new(MEDIAN_LEVERAGE.ln(), LEVERAGE_LOG_SIGMA).expect("the deviation is positive");
        let mut order: Vec<u32> = (0..traders).collect();
        let trades: Vec<Vec<Struck>> = (0..POSITIONS)
            .map(|round| {
                order.shuffle(&mut random);
                order.chunks_exact(2).map(|pair| strike(pair, round, &sizes, &mut random)).collect()
            })
            .collect();
        let mut holdings = vec![[(InstrumentId(0), 0); POSITIONS]; traders as usize];
        for (round, struck) in trades.iter().enumerate() {
            for Struck { instrument, buyer, seller, lots } in struck {
                holdings[*buyer as usize][round] = (*instrument, *lots);
                holdings[*seller as usize][round] = (*instrument, -lots);
            }
        }
        let leverages = (0..traders).map(|_| leverages.sample(&mut random)).collect();
        Self { trades, holdings, leverages }
    }
}

/// A trade between a pair, in one of the round's instruments.
fn strike(pair: &[u32], round: usize, sizes: &LogNormal<f64>, random: &mut ChaCha8Rng) -> Struck {
    let at = random.random_range(0..INSTRUMENTS / POSITIONS) * POSITIONS + round;
    let lots = (sizes.sample(random) / LOT_USD[feed_of(at)]).round().max(1.0) as i64;
    Struck { instrument: InstrumentId(at as u16), buyer: pair[0], seller: pair[1], lots }
}

/// What all traders' positions in one instrument are worth on one side, on average, USD.
pub(super) fn open_interest_usd(traders: u32) -> f64 {
    f64::from(traders) * POSITIONS as f64 * MEAN_POSITION_USD / 2.0 / INSTRUMENTS as f64
}

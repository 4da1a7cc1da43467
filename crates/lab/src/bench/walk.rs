//! Decides how the benchmark's prices move: seeded random walks, with or without a fall that they must end at.

use super::rules::FEEDS;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The share of a move that all feeds make together: the correlation of feeds is its square. Assumption.
const TOGETHER: f64 = 0.8;

/// Factors on each feed's price, block after block: normal moves of this standard deviation.
pub(super) fn moves(blocks: usize, deviation: f64, seed: u64) -> Vec<[f64; FEEDS]> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || -> f64 { StandardNormal.sample(&mut random) };
    let alone = (1.0 - TOGETHER * TOGETHER).sqrt();
    (0..blocks)
        .map(|_| {
            let common = draw();
            [(); FEEDS].map(|()| (deviation * (TOGETHER * common + alone * draw())).exp())
        })
        .collect()
}

/// Such moves around an even fall: every feed ends at `end` times its price.
pub(super) fn fall(blocks: usize, deviation: f64, end: f64, seed: u64) -> Vec<[f64; FEEDS]> {
    let mut steps = moves(blocks, deviation, seed);
    for feed in 0..FEEDS {
        let reached: f64 = steps.iter().map(|step| step[feed]).product();
        let correction = (end / reached).powf(1.0 / blocks.max(1) as f64);
        steps.iter_mut().for_each(|step| step[feed] *= correction);
    }
    steps
}

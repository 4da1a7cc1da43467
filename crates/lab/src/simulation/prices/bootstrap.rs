//! History drawn again in blocks of random length, all assets from the same moments, so that they fall together as they did.
//! Source: Politis and Romano (1994), "The stationary bootstrap".

use super::history::History;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Returns at the step of the run, for each asset.
pub(super) fn draw(
    history: &History,
    mean_block_s: f64,
    step_s: f64,
    steps: usize,
    random: &mut ChaCha8Rng,
) -> Vec<Vec<f64>> {
    // How many steps of the run make one of history; history is never finer.
    let parts = (history.step_s / step_s).round().max(1.0) as usize;
    let stays = 1.0 - (history.step_s / mean_block_s).min(1.0);
    let mut at = random.random_range(0..history.count());
    let mut drawn = vec![Vec::with_capacity(steps + parts); history.returns.len()];
    while drawn[0].len() < steps {
        for (asset, own) in drawn.iter_mut().enumerate() {
            split(history.returns[asset][at], history.local[asset][at], parts, own, random);
        }
        at = if random.random::<f64>() < stays {
            (at + 1) % history.count()
        } else {
            random.random_range(0..history.count())
        };
    }
    drawn.iter_mut().for_each(|own| own.truncate(steps));
    drawn
}

/// A return in parts that sum to it, with the noise that was usual around it: a Brownian bridge.
fn split(whole: f64, usual: f64, parts: usize, into: &mut Vec<f64>, random: &mut ChaCha8Rng) {
    if parts == 1 {
        into.push(whole);
        return;
    }
    let scale = usual / (parts as f64).sqrt();
    let noise: Vec<f64> = (0..parts).map(|_| scale * Distribution::<f64>::sample(&StandardNormal, random)).collect();
    let mean = (noise.iter().sum::<f64>() - whole) / parts as f64;
    into.extend(noise.iter().map(|part| part - mean));
}

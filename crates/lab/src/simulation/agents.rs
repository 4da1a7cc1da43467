//! Who acts in a run. Each agent wakes when it said it would, looks at the market, sends commands, and says when it wants to wake again.
//!
//! To add one: a file with a struct that is an [`Agent`], a line in `run.rs` that seats it, and a table in `experiment.rs` if it has settings.

mod arbitrageur;
mod attackers;
mod bidder;
mod maker;
mod trader;

pub(super) use arbitrageur::Arbitrageur;
pub(super) use attackers::seat as seat_attacker;
pub(super) use bidder::Bidder;
pub(super) use maker::Maker;
pub(super) use trader::{Opinion, Trader};

use super::market::Market;
use crate::museum::stage::Member;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Somebody who acts.
pub(super) trait Agent: Send {
    /// Acts before the next block; answers in how many seconds it wants to act again.
    fn act(&mut self, market: &mut Market, random: &mut ChaCha8Rng) -> f64;

    /// Whether it builds blocks: then it acts in every block, after all others have sent what they send.
    fn builds_blocks(&self) -> bool {
        false
    }

    /// Its accounts, if it attacks.
    fn accounts(&self) -> &[Member] {
        &[]
    }

    /// What it has made outside the pool, USD, if it attacks.
    fn made_outside_usd(&self, _market: &Market) -> f64 {
        0.0
    }
}

/// An exponential wait with this mean, seconds.
pub(super) fn wait(mean_s: f64, random: &mut ChaCha8Rng) -> f64 {
    -mean_s * (1.0 - random.random::<f64>()).ln()
}

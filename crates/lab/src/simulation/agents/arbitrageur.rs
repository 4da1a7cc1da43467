//! Arbitrageurs: they stand in the pool a little off the price outside, offset what they are filled with there, and go back when the gap has
//! closed. Through them a forced sale in the pool moves the price outside.

use super::Agent;
use crate::museum::stage::Member;
use crate::simulation::experiment::ArbitrageurPlan;
use crate::simulation::market::Market;
use rand_chacha::ChaCha8Rng;

/// The share of what they could hold that they offer at once.
const OFFERS: f64 = 0.2;

/// An arbitrageur in one asset.
pub(in crate::simulation) struct Arbitrageur {
    pub(in crate::simulation) member: Member,
    pub(in crate::simulation) plan: ArbitrageurPlan,
    pub(in crate::simulation) asset: usize,
    /// What it holds outside, units.
    pub(in crate::simulation) outside: f64,
}

impl Agent for Arbitrageur {
    fn act(&mut self, market: &mut Market, _random: &mut ChaCha8Rng) -> f64 {
        let held = market.position(self.member, self.asset);
        let open = held + self.outside;
        let price = market.outside[self.asset].price();
        if open.abs() * price > 1.0 {
            market.outside[self.asset].trade(-open);
            self.outside -= open;
        }
        let equity = market.stage.account(self.member).equity_usd;
        let most = (equity * self.plan.leverage / price).max(0.0);
        let gap = market.mark(self.asset) / price - 1.0;
        let offered = most * OFFERS;
        for side in [1.0, -1.0] {
            // It gets out at the price itself once the gap has closed, and in only for its share.
            let reduces = held * side < 0.0;
            let asks = if reduces && gap.abs() < self.plan.opens_at / 2.0 { 0.0 } else { self.plan.opens_at };
            let room = if reduces { held.abs() } else { most - held.abs() };
            let units = offered.min(room);
            if units > 0.0 {
                market.order(self.member, self.asset, side * units, Some(price * (1.0 - side * asks)));
            }
        }
        self.plan.every_s
    }
}

//! Market makers: they quote both sides around the price outside, lean against their inventory, offset a part of it outside, show less when
//! prices move more, and leave when they move too much.

use super::Agent;
use crate::museum::stage::Member;
use crate::simulation::experiment::MakerPlan;
use crate::simulation::market::Market;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// How far a maker moves its quotes for an inventory worth its equity, as a share of the price.
const LEANS: f64 = 0.004;
/// Half the spread at usual volatility, as a share.
const HALF_SPREAD: f64 = 0.0003;

/// A market maker.
pub(in crate::simulation) struct Maker {
    pub(in crate::simulation) member: Member,
    pub(in crate::simulation) plan: MakerPlan,
    /// What it holds outside, units of each asset.
    pub(in crate::simulation) outside: Vec<f64>,
}

impl Agent for Maker {
    fn act(&mut self, market: &mut Market, _random: &mut ChaCha8Rng) -> f64 {
        let equity = market.stage.account(self.member).equity_usd;
        market.stage.cancel_all(self.member);
        for asset in 0..market.outside.len() {
            self.offset(market, asset);
            self.quote(market, asset, equity);
        }
        self.plan.every_s
    }
}

impl Maker {
    /// Offsets a part of what is not offset yet.
    fn offset(&mut self, market: &mut Market, asset: usize) {
        let open = market.position(self.member, asset) + self.outside[asset];
        let units = -open * self.plan.hedges;
        if units.abs() * market.outside[asset].price() > 1.0 {
            market.outside[asset].trade(units);
            self.outside[asset] += units;
        }
    }

    fn quote(&self, market: &mut Market, asset: usize, equity: f64) {
        let volatility = market.outside[asset].volatility().max(1.0);
        if volatility > self.plan.leaves_at || equity <= 0.0 || !market.gets_in() {
            return;
        }
        let price = market.outside[asset].price();
        let open = (market.position(self.member, asset) + self.outside[asset]) * price;
        let middle = price * (1.0 - LEANS * (open / equity).clamp(-1.0, 1.0));
        let depth = market.outside[asset].depth_usd(&market.plan) * self.plan.depth_share / self.plan.count as f64;
        let symbol = Arc::clone(&market.outside[asset].symbol);
        for side in [1.0, -1.0] {
            for (distance, part) in [(0.001, 0.4), (0.006, 0.6)] {
                let limit = middle * (1.0 - side * (HALF_SPREAD * volatility + distance));
                market.stage.rest(self.member, &symbol, side * depth * part / limit, limit);
            }
        }
    }
}

//! Backstop bidders: they stand by to take portfolios, leave when prices move too much, and sell what they took over time.

use super::Agent;
use crate::museum::stage::Member;
use crate::simulation::experiment::BidderPlan;
use crate::simulation::market::Market;
use rand_chacha::ChaCha8Rng;

/// The share of what it took that a bidder sells each time it acts, and how often that is, seconds.
const SELLS: f64 = 0.1;
const EVERY_S: f64 = 60.0;
/// What it pays to get out, as a share of the price.
const PATIENCE: f64 = 0.002;

/// A standing bidder of portfolio auctions.
pub(in crate::simulation) struct Bidder {
    pub(in crate::simulation) member: Member,
    pub(in crate::simulation) plan: BidderPlan,
    /// Whether it stands by at present.
    pub(in crate::simulation) stands: bool,
}

impl Agent for Bidder {
    fn act(&mut self, market: &mut Market, _random: &mut ChaCha8Rng) -> f64 {
        let stays = market.stress() <= self.plan.leaves_at;
        if stays != self.stands && market.gets_in() {
            if stays {
                market.stage.bid(self.member, self.plan.premium, self.plan.capacity_usd);
            } else {
                market.stage.cancel_bid(self.member);
            }
            self.stands = stays;
        }
        if market.stage.has_positions(self.member) {
            for asset in 0..market.outside.len() {
                let held = market.position(self.member, asset);
                if held != 0.0 {
                    let limit = market.outside[asset].price() * (1.0 - PATIENCE * held.signum());
                    market.reduce(self.member, asset, -held * SELLS, Some(limit));
                }
            }
        }
        EVERY_S
    }
}

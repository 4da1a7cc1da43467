//! Leveraged traders: those without an opinion, and those who follow the price. Both let the market move their leverage and cut or add late;
//! what they cannot hold is liquidated.

use super::{Agent, wait};
use crate::museum::stage::Member;
use crate::simulation::experiment::TraderPlan;
use crate::simulation::market::Market;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// How far from the market a trader pays to trade, as a share of the price.
const PATIENCE: f64 = 0.003;
/// A change of position below this share of what is wanted is not worth an order.
const WORTH_IT: f64 = 0.1;
/// Below this share of its money at the start a trader pays in once more, if it can.
const IN_DANGER: f64 = 0.4;
/// Below this it stays away.
const RUINED: f64 = 0.05;

/// What moves a trader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulation) enum Opinion {
    /// Chance.
    None,
    /// The trend.
    Trend,
}

/// A leveraged trader.
pub(in crate::simulation) struct Trader {
    pub(in crate::simulation) member: Member,
    pub(in crate::simulation) opinion: Opinion,
    pub(in crate::simulation) asset: usize,
    pub(in crate::simulation) plan: TraderPlan,
    pub(in crate::simulation) money_usd: f64,
    /// The share of the most leverage that it uses.
    pub(in crate::simulation) uses: f64,
    /// What it can still pay in, USD.
    pub(in crate::simulation) reserve_usd: f64,
}

impl Trader {
    /// What it wants to hold, over its equity.
    fn wanted(&self, market: &Market, random: &mut ChaCha8Rng) -> f64 {
        let most = self.plan.leverage * self.uses;
        match self.opinion {
            Opinion::None => {
                let side = if random.random::<f64>() < self.plan.long_share { 1.0 } else { -1.0 };
                side * most * random.random::<f64>()
            }
            Opinion::Trend => most * (2.0 * market.outside[self.asset].trend()).tanh(),
        }
    }
}

impl Agent for Trader {
    fn act(&mut self, market: &mut Market, random: &mut ChaCha8Rng) -> f64 {
        let next = wait(self.plan.every_s, random);
        let account = market.stage.account(self.member);
        if account.equity_usd < self.money_usd * IN_DANGER && self.reserve_usd > 0.0 && market.gets_in() {
            let reserve = std::mem::take(&mut self.reserve_usd);
            market.stage.pay_in(self.member, reserve);
            return next;
        }
        if account.equity_usd < self.money_usd * RUINED {
            return next * 10.0;
        }
        let price = market.outside[self.asset].price();
        let (held, wanted) =
            (market.position(self.member, self.asset), self.wanted(market, random) * account.equity_usd / price);
        let change = wanted - held;
        if change.abs() < WORTH_IT * wanted.abs().max(held.abs()) {
            return next;
        }
        let limit = Some(price * (1.0 + PATIENCE * change.signum()));
        if held * change < 0.0 && change.abs() <= held.abs() {
            market.reduce(self.member, self.asset, change, limit);
        } else {
            market.order(self.member, self.asset, change, limit);
        }
        next
    }
}

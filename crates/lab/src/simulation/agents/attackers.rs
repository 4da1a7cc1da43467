//! Attackers. Each begins at its time, goes through its steps, and lets go; what it gains in the pool and outside is its own line of the results.
//!
//! They are written from the incidents of the museum, where each is played alone with its historic figures; here they meet a market full of
//! others.

use super::Agent;
use crate::museum::stage::Member;
use crate::simulation::experiment::{AttackKind, AttackerPlan};
use crate::simulation::market::Market;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// How long the attacker opens, pushes and lets go, seconds.
const OPENS_S: f64 = 600.0;
const PUSHES_S: f64 = 900.0;
const LETS_GO_S: f64 = 900.0;
/// How often it acts, seconds.
const EVERY_S: f64 = 10.0;
/// The part of what margin allows that is asked for at once.
const PART: f64 = 0.5;
/// A sandwich is worth it from this share of the depth within one percent, and trades this part of it.
const SANDWICH: (f64, f64) = (0.0005, 0.5);

/// Somebody with two accounts and money outside.
struct Attacker {
    plan: AttackerPlan,
    accounts: [Member; 2],
    /// Held outside, units, and paid for it, USD.
    outside: (f64, f64),
    /// Whether the wall of bids stands.
    wall: bool,
}

/// Where an attack is.
enum Step {
    Waits(f64),
    Opens,
    Pushes,
    LetsGo,
    Over,
}

/// Seats an attacker whose accounts have joined.
pub(in crate::simulation) fn seat(plan: AttackerPlan, accounts: [Member; 2]) -> Box<dyn Agent> {
    Box::new(Attacker { plan, accounts, outside: (0.0, 0.0), wall: false })
}

impl Agent for Attacker {
    fn act(&mut self, market: &mut Market, _random: &mut ChaCha8Rng) -> f64 {
        match self.step(market) {
            Step::Waits(left) => return left,
            Step::Opens => self.open(market),
            Step::Pushes => self.push(market),
            Step::LetsGo => self.let_go(market),
            Step::Over => return market.length_s(),
        }
        EVERY_S
    }

    fn builds_blocks(&self) -> bool {
        self.plan.kind == AttackKind::Sandwich
    }

    fn accounts(&self) -> &[Member] {
        &self.accounts
    }

    fn made_outside_usd(&self, market: &Market) -> f64 {
        self.outside.0 * market.outside[self.plan.asset].price() - self.outside.1
    }
}

impl Attacker {
    fn step(&self, market: &Market) -> Step {
        let since = market.time_s() - self.plan.at * market.length_s();
        match since {
            left if left < 0.0 => Step::Waits(-left),
            at if at < OPENS_S => Step::Opens,
            at if at < OPENS_S + PUSHES_S => Step::Pushes,
            at if at < OPENS_S + PUSHES_S + LETS_GO_S => Step::LetsGo,
            _ => Step::Over,
        }
    }

    fn symbol(&self, market: &Market) -> Arc<str> {
        Arc::clone(&market.outside[self.plan.asset].symbol)
    }

    /// Half of what margin still allows, on a side.
    fn room(&self, market: &Market, account: usize, side: f64) -> f64 {
        market.stage.most_units(self.accounts[account], &self.symbol(market), side) * PART
    }

    fn open(&mut self, market: &mut Market) {
        let (asset, [first, second]) = (self.plan.asset, self.accounts);
        let price = market.outside[asset].price();
        let up = self.plan.push.signum();
        match self.plan.kind {
            AttackKind::PumpAndWithdraw => {
                let units = self.room(market, 0, up).min(self.room(market, 1, -up));
                let mark = Some(market.mark(asset));
                market.order(first, asset, up * units, mark);
                market.order(second, asset, -up * units, mark);
            }
            AttackKind::OraclePush => {
                let units = self.room(market, 0, up);
                market.order(first, asset, up * units, Some(price * (1.0 + 0.003 * up)));
            }
            AttackKind::Wall => self.build_wall(market, price),
            AttackKind::SelfTrade | AttackKind::Sandwich => self.push(market),
        }
    }

    /// The wall stands under the market; the other account buys on it.
    fn build_wall(&mut self, market: &mut Market, price: f64) {
        let symbol = self.symbol(market);
        if !self.wall {
            let limit = price * (1.0 - self.plan.push.abs());
            let units = self.room(market, 0, 1.0);
            market.stage.rest(self.accounts[0], &symbol, units, limit);
            self.wall = true;
        }
        let units = self.room(market, 1, 1.0);
        market.order(self.accounts[1], self.plan.asset, units, Some(price * 1.005));
    }

    fn push(&mut self, market: &mut Market) {
        let asset = self.plan.asset;
        match self.plan.kind {
            AttackKind::PumpAndWithdraw => self.push_outside(market, 1.0 + self.plan.push),
            AttackKind::OraclePush => market.outside[asset].own_sources(self.plan.sources, 1.0 + self.plan.push),
            AttackKind::Wall => {
                if std::mem::take(&mut self.wall) {
                    market.stage.cancel_all(self.accounts[0]);
                }
                self.push_outside(market, 1.0 - self.plan.push.abs());
            }
            AttackKind::SelfTrade => self.trade_with_itself(market),
            AttackKind::Sandwich => return self.sandwich(market),
        }
        self.take_out(market);
    }

    /// Pushes the price outside with what money is left there, a part at a time.
    fn push_outside(&mut self, market: &mut Market, factor: f64) {
        let outside = &mut market.outside[self.plan.asset];
        let spent = self.outside.1.abs();
        if spent >= self.plan.capital_usd {
            return;
        }
        let step = self.plan.capital_usd * EVERY_S / PUSHES_S;
        let price = outside.price();
        let far_enough = if factor > 1.0 { price >= outside.low.1.max(price / factor) * factor } else { false };
        if !far_enough {
            let units = step / price * (factor - 1.0).signum();
            let paid = outside.trade(units);
            self.outside = (self.outside.0 + units, self.outside.1 + paid);
        }
    }

    /// One account sells to the other away from the market.
    fn trade_with_itself(&self, market: &mut Market) {
        // Further from the mark than the band nothing trades (R8.3).
        let price = market.mark(self.plan.asset) * (1.0 - self.plan.push.abs().min(market.band * 0.95));
        let units = self.room(market, 0, -1.0).min(self.room(market, 1, 1.0));
        market.order(self.accounts[0], self.plan.asset, -units, Some(price));
        market.order(self.accounts[1], self.plan.asset, units, Some(price));
    }

    /// Trades with what waits in this block and back against it in the next.
    fn sandwich(&self, market: &mut Market) {
        let asset = self.plan.asset;
        let symbol = self.symbol(market);
        let (held, price) = (market.position(self.accounts[0], asset), market.outside[asset].price());
        if held != 0.0 {
            market.stage.reduce(self.accounts[0], &symbol, -held, Some(price * (1.0 - 0.002 * held.signum())));
            return;
        }
        let waiting = market.stage.waiting_units(&symbol);
        let depth = market.outside[asset].depth_usd(&market.plan);
        if waiting.abs() * price > SANDWICH.0 * depth {
            let units = (waiting.abs() * SANDWICH.1).min(self.room(market, 0, waiting.signum()));
            let limit = price * (1.0 + 0.002 * waiting.signum());
            market.stage.order(self.accounts[0], &symbol, units * waiting.signum(), Some(limit));
        }
    }

    fn take_out(&self, market: &mut Market) {
        for account in self.accounts {
            let free = market.stage.withdrawable_usd(account);
            if free > 1.0 {
                market.stage.withdraw(account, free);
            }
        }
    }

    /// Sells outside what was bought there, gives sources back, closes what is open.
    fn let_go(&mut self, market: &mut Market) {
        let asset = self.plan.asset;
        market.outside[asset].own_sources(self.plan.sources, 1.0);
        let units = -self.outside.0 * 0.1;
        let paid = market.outside[asset].trade(units);
        self.outside = (self.outside.0 + units, self.outside.1 + paid);
        let price = market.outside[asset].price();
        for account in self.accounts {
            let held = market.position(account, asset);
            if held != 0.0 {
                market.reduce(account, asset, -held, Some(price * (1.0 - 0.005 * held.signum())));
            }
        }
        self.take_out(market);
    }
}

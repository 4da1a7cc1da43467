//! Decides what a drill's population would have gone through on a venue of the day: fixed tiers, one venue's prints,
//! keepers that queue.
//!
//! The model is small on purpose, and every figure of it is in the plan's `[static_rules]`, with a source or the word
//! "assumption". One second is one step:
//!
//! 1. **mark** — the venue's own last print, moved by its own forced flow, which decays (`market.rs`). There is no
//!    index of several venues, no slow price.
//! 2. **watch** — accounts below the fixed, tiered maintenance margin (`account.rs`) join a queue. Keepers see them
//!    after a delay that grows with the number waiting.
//! 3. **work** — keepers attempt a fixed number of accounts a second, first come first served; one attempt sells part
//!    of one position into the venue's thinning book. An account that has recovered in the meantime is left alone.
//! 4. **take over** — an account without equity goes to the house, which is the fund. The house sells into the same
//!    book.
//! 5. **deleverage** — when the fund is used up, winners on the other side close at the bankruptcy price, in the
//!    order of gain × leverage, one account at a time (`deleverage.rs`). What is left after that is nobody's to pay:
//!    it is reported as uncovered.
//!
//! What the model leaves out: funding, new orders and deposits during the window, and the makers' own unwinding.
//! Nobody opens a short into the fall, so nearly all forced closures are longs, where the published share was 84 to
//! 91 %. Impact of forced flow comes on top of prints that already contain the real venue's cascade; `impact_cap` and
//! `impact_half_life_s` bound that double counting.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::plan::Plan;
use crate::population::Population;
use crate::tape::Tape;

mod account;
mod deleverage;
mod market;
mod outcome;

use account::{Account, Asset, Standing, accounts_of, assets_of};
use market::Market;
pub use outcome::{AdlOutcome, Conservation, FundOutcome, Latency, Minute, Reason, StaticOutcome};
use outcome::{Records, clock};

/// Seconds before and after a liquidation in which a sound account makes it wrongful.
const WRONGFUL_WINDOW_S: usize = 10;
/// Money may drift by this share of what is at stake through rounding of floats.
const CONSERVATION_TOLERANCE: f64 = 1e-9;

/// Why the model cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StaticVenueError {
    /// An instrument has no usable prints.
    #[error("{symbol}: found no prints of any venue in the tape, allowed: at least one")]
    NoPrints {
        /// The instrument.
        symbol: String,
    },
}

/// A venue of the day in the middle of a run.
pub struct StaticVenue<'a> {
    plan: &'a Plan,
    population: &'a Population,
    assets: Vec<Asset>,
    markets: Vec<Market>,
    marks: Vec<f64>,
    accounts: Vec<Account>,
    /// The fund: its cash, and the positions it has taken over.
    house: Account,
    /// Everybody outside who buys and sells in the book.
    outside: Account,
    /// Losses that nobody paid, as negative cash.
    uncovered: Account,
    queue: VecDeque<usize>,
    random: ChaCha8Rng,
    records: Records,
}

impl<'a> StaticVenue<'a> {
    /// Runs the population through the tape under the plan's static rules. `progress` is called once a second.
    ///
    /// # Errors
    /// [`StaticVenueError::NoPrints`] when the tape lacks an instrument of the plan.
    pub fn run(
        plan: &'a Plan,
        tape: &Tape,
        population: &'a Population,
        seed: u64,
        progress: &mut dyn FnMut(usize),
    ) -> Result<StaticOutcome, StaticVenueError> {
        let mut venue = Self::open(plan, tape, population, seed)?;
        let before = venue.ledger();
        for second in 0..tape.seconds {
            venue.mark(second);
            venue.watch(second);
            venue.work(second);
            venue.unwind_house(second);
            venue.settle_house(second);
            venue.records.fund_low_usd = venue.records.fund_low_usd.min(venue.fund_usd());
            if second % 60 == 59 || second + 1 == tape.seconds {
                venue.close_minute(second, tape.start_ms, &before);
            }
            progress(second);
        }
        Ok(venue.outcome(tape, seed))
    }

    fn open(plan: &'a Plan, tape: &Tape, population: &'a Population, seed: u64) -> Result<Self, StaticVenueError> {
        let markets = Market::all(plan, tape)?;
        let marks: Vec<f64> = markets.iter().map(|market| market.prints[0]).collect();
        let assets = assets_of(plan, &markets);
        let accounts = accounts_of(population, &markets, &assets, &marks);
        let mut house = Account::empty();
        house.cash = plan.fund_usd();
        Ok(Self {
            plan,
            population,
            assets,
            markets,
            marks,
            accounts,
            house,
            outside: Account::empty(),
            uncovered: Account::empty(),
            queue: VecDeque::new(),
            random: ChaCha8Rng::seed_from_u64(seed ^ 0x5EA_AA11),
            records: Records::new(plan.fund_usd(), plan.pools.len()),
        })
    }

    /// The fund with what it has taken over, at the venue's own marks, USD.
    fn fund_usd(&self) -> f64 {
        self.house.equity(&self.marks, &self.assets)
    }

    fn mark(&mut self, second: usize) {
        let half_life = self.plan.static_rules.impact_half_life_s;
        for (market, mark) in self.markets.iter_mut().zip(&mut self.marks) {
            *mark = market.step(second, half_life);
        }
    }

    fn below_maintenance(&self, index: usize, prices: &[f64]) -> bool {
        let account = &self.accounts[index];
        !account.legs.is_empty()
            && account.margin_equity(prices, &self.assets) < account.maintenance(prices, &self.markets)
    }

    /// Finds accounts that have fallen below maintenance and puts them at the end of the queue.
    fn watch(&mut self, second: usize) {
        for index in 0..self.accounts.len() {
            let idle = self.accounts[index].standing == Standing::Good;
            if idle && self.below_maintenance(index, &self.marks) {
                let ready_at = second + self.keeper_delay_s();
                self.accounts[index].standing = Standing::Waiting { since: second, ready_at, attempted: false };
                self.queue.push_back(index);
                self.records.breaches += 1;
            }
        }
    }

    fn keeper_delay_s(&mut self) -> usize {
        let rules = &self.plan.static_rules;
        let overload = rules.overload_delay_s_per_1000 * self.queue.len() as f64 / 1_000.0;
        // The daemon polls: where in its loop a breach falls is chance.
        let phase = self.random.random_range(0..=1_u32) as usize;
        rules.detection_delay_s + phase + overload.round() as usize
    }

    /// The keepers' attempts of one second, first come first served.
    fn work(&mut self, second: usize) {
        let attempts = self.plan.static_rules.attempts_per_second.min(self.queue.len());
        for _ in 0..attempts {
            let Some(index) = self.queue.front().copied() else { return };
            let Standing::Waiting { ready_at, .. } = self.accounts[index].standing else { return };
            if ready_at > second {
                return;
            }
            self.queue.pop_front();
            self.attempt(index, second);
        }
    }

    fn attempt(&mut self, index: usize, second: usize) {
        if !self.below_maintenance(index, &self.marks) {
            self.resolve(index, Standing::Good, second);
            return;
        }
        self.note_first_attempt(index, second);
        if self.accounts[index].equity(&self.marks, &self.assets) < 0.0 {
            self.take_over(index, second);
            return;
        }
        self.sell_part(index, second);
        if self.accounts[index].legs.is_empty() {
            self.close_out(index, second);
        } else if self.below_maintenance(index, &self.marks) {
            if let Standing::Waiting { ready_at, .. } = &mut self.accounts[index].standing {
                *ready_at = second + 1;
            }
            self.queue.push_back(index);
        } else {
            self.resolve(index, Standing::Good, second);
        }
    }

    /// The account is out of the keepers' hands; how long that took counts only if they acted on it.
    fn resolve(&mut self, index: usize, standing: Standing, second: usize) {
        let before = std::mem::replace(&mut self.accounts[index].standing, standing);
        if let Standing::Waiting { since, attempted: true, .. } = before {
            self.records.resolutions.push(second - since);
        }
    }

    /// Sells one attempt's worth of the position that needs most margin; the fee comes out of what is left of the
    /// account.
    fn sell_part(&mut self, index: usize, second: usize) {
        let rules = &self.plan.static_rules;
        let account = &mut self.accounts[index];
        let Some(leg) = account.heaviest_leg(&self.marks, &self.markets) else { return };
        let market_index = leg.market;
        let mark = self.marks[market_index];
        let [least, most] = rules.attempt_range_usd;
        let notional = (leg.units.abs() * mark * rules.attempt_share).clamp(least, most);
        let units = -leg.units.signum() * (notional / mark).min(leg.units.abs());
        let market = &mut self.markets[market_index];
        let (filled, price) = market.fill(units, second, rules.impact_cap);
        self.marks[market_index] = market.mark;
        account.trade(market_index, filled, price);
        self.outside.trade(market_index, -filled, price);
        let traded = filled.abs() * price;
        let fee = (rules.fee * traded).min(account.equity(&self.marks, &self.assets).max(0.0));
        account.cash -= fee;
        self.house.cash += fee;
        self.records.fees_usd += fee;
        self.records.note_forced(-filled.signum(), traded);
    }

    /// An account without positions pays what it owes from its collateral; if that is not enough the house takes the
    /// rest.
    fn close_out(&mut self, index: usize, second: usize) {
        if self.accounts[index].cash < 0.0 {
            self.sell_collateral(index);
        }
        if self.accounts[index].cash < 0.0 {
            self.take_over(index, second);
        } else {
            self.resolve(index, Standing::Closed, second);
        }
    }

    fn sell_collateral(&mut self, index: usize) {
        let account = &mut self.accounts[index];
        for (asset, units) in std::mem::take(&mut account.collateral) {
            let value = units * self.assets[asset].price(&self.marks);
            account.cash += value;
            self.outside.cash -= value;
            self.outside.add_collateral(asset, units);
        }
    }

    /// The house takes an account without equity as it is: positions, debts and all.
    fn take_over(&mut self, index: usize, second: usize) {
        let deficit = -self.accounts[index].equity(&self.marks, &self.assets);
        self.sell_collateral(index);
        self.records.note_deficit(index, &self.accounts[index], deficit, second, self.worst_gap(index, second));
        let account = &mut self.accounts[index];
        self.house.cash += std::mem::take(&mut account.cash);
        for leg in std::mem::take(&mut account.legs) {
            self.house.add_units(leg.market, leg.units);
            self.records.note_forced(leg.units.signum(), leg.units.abs() * self.marks[leg.market]);
        }
        self.resolve(index, Standing::Closed, second);
        self.settle_house(second);
    }

    /// The house sells what it has taken over, at most one attempt's notional for each market and second.
    fn unwind_house(&mut self, second: usize) {
        let rules = &self.plan.static_rules;
        for leg in self.house.legs.clone() {
            let market = &mut self.markets[leg.market];
            let most = rules.attempt_range_usd[1] / market.mark;
            let units = -leg.units.signum() * leg.units.abs().min(most);
            let (filled, price) = market.fill(units, second, rules.impact_cap);
            self.marks[leg.market] = market.mark;
            self.house.trade(leg.market, filled, price);
            self.outside.trade(leg.market, -filled, price);
        }
    }

    /// Latency, and whether the liquidation is wrongful: noted at the first attempt of each breach.
    fn note_first_attempt(&mut self, index: usize, second: usize) {
        let Standing::Waiting { since, attempted, .. } = &mut self.accounts[index].standing else { return };
        if std::mem::replace(attempted, true) {
            return;
        }
        let latency = second - *since;
        let gap = self.worst_gap(index, second);
        if self.sound_at_honest_prices(index, second) {
            self.records.note_wrongful(index, &self.accounts[index], &self.marks, second, gap.clone());
        }
        self.records.note_liquidation(index, &self.accounts[index], latency, second, gap);
    }

    fn sound_at_honest_prices(&self, index: usize, second: usize) -> bool {
        let last = self.markets.iter().map(|market| market.honest.len() - 1).min().unwrap_or(0);
        let from = second.saturating_sub(WRONGFUL_WINDOW_S);
        (from..=(second + WRONGFUL_WINDOW_S).min(last)).all(|moment| {
            let honest: Vec<f64> = self.markets.iter().map(|market| market.honest[moment]).collect();
            !self.below_maintenance(index, &honest)
        })
    }

    /// The leg whose own mark is furthest from the honest median: symbol, own mark, honest median.
    fn worst_gap(&self, index: usize, second: usize) -> (String, f64, f64) {
        let gap = |market: &Market| (market.mark / market.honest[second]).ln().abs();
        let legs = self.accounts[index].legs.iter().map(|leg| &self.markets[leg.market]);
        let worst = legs.max_by(|a, b| gap(a).total_cmp(&gap(b)));
        worst.map_or_else(Default::default, |market| (market.symbol.clone(), market.mark, market.honest[second]))
    }

    fn close_minute(&mut self, second: usize, start_ms: i64, before: &outcome::Ledger) {
        let now = self.ledger();
        self.records.check(before, &now, CONSERVATION_TOLERANCE);
        let minute = Minute {
            time_ms: start_ms + second as i64 * 1_000,
            time_utc: clock(start_ms, second),
            own_mark: self.markets.iter().map(|market| (market.symbol.clone(), market.mark)).collect(),
            honest_median: self.markets.iter().map(|market| (market.symbol.clone(), market.honest[second])).collect(),
            liquidations: std::mem::take(&mut self.records.liquidations_this_minute),
            deleveraged: std::mem::take(&mut self.records.deleveraged_this_minute),
            queue_length: self.queue.len(),
            fund_usd: self.fund_usd(),
            uncovered_usd: 0.0 - self.uncovered.cash,
        };
        self.records.minutes.push(minute);
    }

    /// Sums that trading cannot change.
    fn ledger(&self) -> outcome::Ledger {
        let mut ledger = outcome::Ledger::new(self.markets.len(), self.assets.len());
        let others = [&self.house, &self.outside, &self.uncovered];
        for account in self.accounts.iter().chain(others) {
            ledger.add(account);
        }
        ledger
    }

    fn outcome(mut self, tape: &Tape, seed: u64) -> StaticOutcome {
        let end = self.fund_usd();
        self.records.fund_low_usd = self.records.fund_low_usd.min(end);
        let unfinished = self.queue.len();
        let uncovered = 0.0 - self.uncovered.cash;
        let names: Vec<String> = self.plan.pools.iter().map(|pool| pool.name.clone()).collect();
        self.records.into_outcome(
            tape,
            seed,
            &names,
            self.population,
            outcome::End { fund_usd: end, uncovered, unfinished },
        )
    }
}

#[cfg(test)]
mod tests;

//! A small market under the clearing core: one pool, a feed and its instruments for each asset, publishers who say what they are told to say,
//! members with names. Parameters follow from what could be known of an asset when it was listed, the same way in every exhibit.

mod crowd;
mod lend;
mod listing;
mod take_over;
mod tell;

pub(crate) use listing::core;
pub use listing::{Asset, Collateral};
pub use take_over::{Needs, TakenOver};
pub use tell::Account;

use super::exhibit::Held;
use crate::drill::convert::{lots, money, price, usd, usd_a_unit};
use crate::drill::judge;
use crate::drill::keys::key_of;
use crate::plan::CorePlan;
use clearing::Engine;
use clearing::command::{BLOCK_VERSION, Block, Command, Key, Lifetime, NewOrder, Signed};
use clearing::engine::Genesis;
use clearing::event::{Event, Layer, Receipt};
use clearing::state::FUND;
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{MAX_MONEY, Money, Price, Time};
use std::collections::{BTreeMap, BTreeSet};

const POOL: PoolId = PoolId(0);
const GOVERNANCE: &str = "governance";
const CUSTODIAN: &str = "custodian";
/// When every stage begins; no exhibit depends on the date.
const BEGINS: Time = Time::new(1_600_000_000_000);
/// Hours of calm before an exhibit begins: buffers are full then (R4.4).
const CALM_HOURS: i64 = 24;
const HOUR_S: i64 = 3_600;
/// Confidence of a fresh price, as a share of it; as in the drills.
const CONFIDENCE: f64 = 0.0002;

/// Somebody with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member(usize);

/// What a venue says of an asset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Said {
    /// USD a unit; NaN says nothing.
    pub price: f64,
    /// How far the true price may be, as a share.
    pub confidence: f64,
    /// Whether deposits or withdrawals are suspended there.
    pub transfers_suspended: bool,
}

struct Listed {
    asset: Asset,
    feed: FeedId,
    perpetual: Option<InstrumentId>,
    spot: Option<InstrumentId>,
    /// Who publishes it, in the order of its sources.
    keys: Vec<Key>,
    said: Vec<Said>,
    /// Between what it is worth, whatever the venues say; NaN: what they say is not doubted.
    honest: [f64; 2],
}

struct Known {
    key: Key,
    account: AccountId,
    next_order: u64,
    paid_in: f64,
    taken_out: f64,
}

/// What the pool begins with.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capital {
    /// The fund, USD.
    pub fund_usd: f64,
    /// The pool's own capital, the first to bear a loss, USD.
    pub own_capital_usd: f64,
}

/// The market.
pub struct Stage {
    engine: Engine,
    time: Time,
    listed: Vec<Listed>,
    members: Vec<Known>,
    queued: Vec<Signed>,
    capital: Capital,
    losses: BTreeMap<Layer, f64>,
    /// What members have borne of others' losses, by who bore it.
    borne: BTreeMap<Member, f64>,
    liquidated: BTreeMap<Member, u64>,
    wrongful: BTreeSet<Member>,
    refused: BTreeMap<String, u64>,
    /// Every account as it stood after the last block.
    before: Vec<clearing::state::Account>,
    last: Vec<Event>,
    /// Seconds since the exhibit began, and every index.
    course: Vec<(f64, Vec<f64>)>,
}

impl Stage {
    /// Lists everything with the settings of the first drill, and lets a day of calm pass.
    ///
    /// # Panics
    /// If the core refuses a listing: the exhibit's own description is wrong.
    #[must_use]
    pub fn new(assets: &[Asset], capital: Capital) -> Self {
        Self::with_rules(&core(), assets, capital)
    }

    /// Lists everything with these settings, and lets a day of calm pass.
    ///
    /// # Panics
    /// If the core refuses a listing.
    #[must_use]
    pub fn with_rules(core: &CorePlan, assets: &[Asset], capital: Capital) -> Self {
        Self::try_with_rules(core, assets, capital).unwrap_or_else(|refused| panic!("{refused}"))
    }

    /// The same with settings that somebody else chose.
    ///
    /// # Errors
    /// What the core refused.
    pub fn try_with_rules(core: &CorePlan, assets: &[Asset], capital: Capital) -> Result<Self, String> {
        let mut stage = Self::just_listed(core, assets, capital)?;
        for _ in 0..CALM_HOURS {
            stage.pass(HOUR_S);
        }
        stage.refused.clear();
        stage.course.clear();
        Ok(stage)
    }

    /// Lists everything, and nothing more.
    ///
    /// # Errors
    /// What the core refused.
    pub fn just_listed(core: &CorePlan, assets: &[Asset], capital: Capital) -> Result<Self, String> {
        let genesis = Genesis { time: BEGINS, governance: key_of(GOVERNANCE), custodian: key_of(CUSTODIAN) };
        let mut stage = Self {
            engine: Engine::new(&genesis),
            time: BEGINS,
            listed: Vec::new(),
            members: Vec::new(),
            queued: Vec::new(),
            capital,
            losses: BTreeMap::new(),
            borne: BTreeMap::new(),
            liquidated: BTreeMap::new(),
            wrongful: BTreeSet::new(),
            refused: BTreeMap::new(),
            before: Vec::new(),
            last: Vec::new(),
            course: Vec::new(),
        };
        stage.list(core, assets)?;
        Ok(stage)
    }

    fn list(&mut self, core: &CorePlan, assets: &[Asset]) -> Result<(), String> {
        let mut next = 0;
        let mut id = || {
            next += 1;
            InstrumentId(next - 1)
        };
        let mut all = Vec::new();
        self.queue(
            GOVERNANCE,
            Command::OpenPool { name: "museum".into(), parameters: listing::pool(core, &self.capital) },
        );
        for (at, asset) in assets.iter().enumerate() {
            let feed = FeedId(u16::try_from(at).expect("an exhibit has few assets"));
            let name = asset.symbol.clone();
            let listed = Listed {
                feed,
                perpetual: asset.perpetual.then(&mut id),
                spot: asset.collateral.is_some().then(&mut id),
                keys: asset.sources.iter().map(|source| listing::publisher(asset, source)).collect(),
                said: asset.sources.iter().map(|_| Said::honest(asset.price_usd)).collect(),
                honest: [f64::NAN; 2],
                asset: asset.clone(),
            };
            self.queue(GOVERNANCE, Command::ListFeed { name: name.clone(), parameters: listing::feed(core, asset) });
            if listed.perpetual.is_some() {
                let parameters = listing::perpetual(core, asset, feed);
                self.queue(
                    GOVERNANCE,
                    Command::ListInstrument { pool: POOL, name: format!("{name}-PERP"), parameters },
                );
            }
            if let Some(collateral) = asset.collateral {
                let parameters = listing::spot(core, asset, &collateral, feed);
                self.queue(GOVERNANCE, Command::ListInstrument { pool: POOL, name, parameters });
            }
            all.push(listed);
        }
        let capitals = [
            (clearing::command::Capital::Fund, self.capital.fund_usd),
            (clearing::command::Capital::OwnCapital, self.capital.own_capital_usd),
        ];
        for (capital, usd) in capitals.into_iter().filter(|(_, usd)| *usd > 0.0) {
            self.queue(CUSTODIAN, Command::Capitalise { pool: POOL, capital, amount: money(usd) });
        }
        self.must("list the pool and its markets")?;
        // Nobody publishes before.
        self.listed = all;
        self.must("take the first prices")
    }

    /// Applies what is queued, of which nothing may be refused.
    fn must(&mut self, what: &str) -> Result<(), String> {
        let before = self.refused.clone();
        self.pass(1);
        if self.refused == before {
            return Ok(());
        }
        let new = self.refused.iter().filter(|(name, times)| before.get(*name) != Some(times));
        let names: Vec<&str> = new.map(|(name, _)| name.as_str()).collect();
        Err(format!("the core refused to {what}: {}", names.join(", ")))
    }

    fn queue(&mut self, who: &str, command: Command) {
        self.queued.push(Signed { signer: key_of(who), command });
    }

    /// Somebody joins with so much money.
    ///
    /// # Panics
    /// If the core refuses the account or the money.
    pub fn join(&mut self, name: &str, usd: f64) -> Member {
        self.try_join(name, usd).unwrap_or_else(|refused| panic!("{refused}"))
    }

    /// The same with money that somebody else chose.
    ///
    /// # Errors
    /// What the core refused.
    pub fn try_join(&mut self, name: &str, usd: f64) -> Result<Member, String> {
        let account = AccountId(u32::try_from(self.members.len() + 1).expect("an exhibit has few members"));
        let member = Member(self.members.len());
        let key = key_of(name);
        self.members.push(Known { key, account, next_order: 1, paid_in: 0.0, taken_out: 0.0 });
        self.queued.push(Signed { signer: key, command: Command::OpenAccount { pool: POOL } });
        if usd > 0.0 {
            self.pay_in(member, usd);
        }
        self.must("open an account").map(|()| member)
    }

    /// Money comes in with the next block.
    pub fn pay_in(&mut self, member: Member, usd: f64) {
        let known = &mut self.members[member.0];
        known.paid_in += usd;
        let account = known.account;
        self.queue(CUSTODIAN, Command::Deposit { pool: POOL, account, amount: money(usd) });
    }

    /// Collateral comes in with the next block; it counts as paid in at its present mark.
    pub fn pay_in_collateral(&mut self, member: Member, symbol: &str, units: f64) {
        let listed = self.of(symbol);
        let instrument = listed.spot.unwrap_or_else(|| panic!("{symbol} is no collateral here"));
        let quantity = lots(units, listed.asset.lot_size);
        let worth = units * self.index(symbol);
        let known = &mut self.members[member.0];
        known.paid_in += worth;
        let account = known.account;
        self.queue(CUSTODIAN, Command::DepositCollateral { pool: POOL, account, instrument, quantity });
    }

    /// Asks for money in the next block.
    pub fn withdraw(&mut self, member: Member, usd: f64) {
        self.act(member, |account| Command::Withdraw { pool: POOL, account, amount: money(usd) });
    }

    /// Places an order for the next block: units above zero buy. Without a limit it takes what is inside the band.
    pub fn order(&mut self, member: Member, symbol: &str, units: f64, limit: Option<f64>) {
        self.order_with(member, symbol, units, limit, Lifetime::ThisBlock, false);
    }

    /// Places an order that only reduces.
    pub fn reduce(&mut self, member: Member, symbol: &str, units: f64, limit: Option<f64>) {
        self.order_with(member, symbol, units, limit, Lifetime::ThisBlock, true);
    }

    /// Places an order that stays until it is cancelled.
    pub fn rest(&mut self, member: Member, symbol: &str, units: f64, limit: f64) {
        self.order_with(member, symbol, units, Some(limit), Lifetime::UntilCancelled, false);
    }

    fn order_with(
        &mut self,
        member: Member,
        symbol: &str,
        units: f64,
        limit: Option<f64>,
        lifetime: Lifetime,
        reduce_only: bool,
    ) {
        let listed = self.of(symbol);
        let instrument = listed.perpetual.or(listed.spot).expect("every asset has an instrument");
        let lot = listed.asset.lot_size;
        let quantity = lots(units, lot);
        if quantity.is_zero() {
            return;
        }
        let number = self.members[member.0].next_order;
        self.members[member.0].next_order += 1;
        let limit = limit.map(|limit| price(limit, lot));
        let order = NewOrder { number, instrument, quantity, limit, lifetime, reduce_only };
        self.act(member, |account| Command::PlaceOrder { pool: POOL, account, order });
    }

    /// Quotes both sides around a price: `depth_usd` on each side, in two levels inside one percent. Near and below zero, percents are of what
    /// stress is a share of.
    pub fn quote(&mut self, member: Member, symbol: &str, mid: f64, half_spread: f64, depth_usd: f64) {
        const LEVELS: [(f64, f64); 2] = [(0.001, 0.4), (0.006, 0.6)];
        let scale = mid.abs().max(self.of(symbol).asset.negative_from_usd.unwrap_or(0.0));
        for side in [1.0, -1.0] {
            for (distance, part) in LEVELS {
                let limit = mid - side * scale * (half_spread + distance);
                self.order(member, symbol, side * depth_usd * part / scale, Some(limit));
            }
        }
    }

    /// Takes every order back.
    pub fn cancel_all(&mut self, member: Member) {
        self.act(member, |account| Command::CancelAll { pool: POOL, account });
    }

    /// Stands ready to take portfolios: the premium is a share of their initial margin, the capacity initial margin in USD.
    pub fn bid(&mut self, member: Member, premium: f64, capacity_usd: f64) {
        let (premium, capacity) = (crate::drill::convert::ratio(premium), money(capacity_usd));
        self.act(member, |account| Command::PlaceBid { pool: POOL, account, premium, capacity });
    }

    fn act(&mut self, member: Member, command: impl FnOnce(AccountId) -> Command) {
        let known = &self.members[member.0];
        self.queued.push(Signed { signer: known.key, command: command(known.account) });
    }

    /// A registered venue reports a trade at the mark with the next block: how positions of the beginning come to be.
    pub fn strike(&mut self, buyer: Member, seller: Member, symbol: &str, units: f64) {
        let listed = self.of(symbol);
        let instrument = listed.perpetual.expect("a perpetual");
        let quantity = lots(units, listed.asset.lot_size);
        let price = self.engine.state().pools[POOL].matrices.mark(instrument);
        // R7.10: both let the venue trade, as much as it likes.
        let (venue, most) = (key_of(crate::drill::rules::VENUE), Money::new(MAX_MONEY));
        for member in [buyer, seller] {
            self.act(member, |account| Command::AllowVenue { pool: POOL, account, venue, loss: most, margin: most });
        }
        let [buyer, seller] = [buyer, seller].map(|member| self.members[member.0].account);
        self.queue(
            crate::drill::rules::VENUE,
            Command::Trade { pool: POOL, instrument, buyer, seller, quantity, price },
        );
    }

    /// Every venue says this price from now on.
    pub fn say(&mut self, symbol: &str, usd: f64) {
        self.of_mut(symbol).said.fill(Said::honest(usd));
    }

    /// One venue says this from now on.
    pub fn say_at(&mut self, symbol: &str, venue: usize, said: Said) {
        self.of_mut(symbol).said[venue] = said;
    }

    /// What an asset is worth, whatever venues say: by it liquidations are judged. NaN trusts the index.
    pub fn honest(&mut self, symbol: &str, usd: f64) {
        self.honest_between(symbol, usd, usd);
    }

    /// The same where it moves: whoever is not sound at either end may be liquidated.
    pub fn honest_between(&mut self, symbol: &str, low: f64, high: f64) {
        self.of_mut(symbol).honest = [low, high];
    }

    fn of(&self, symbol: &str) -> &Listed {
        let found = self.listed.iter().find(|listed| listed.asset.symbol == symbol);
        found.unwrap_or_else(|| panic!("{symbol} is not listed here"))
    }

    fn of_mut(&mut self, symbol: &str) -> &mut Listed {
        let found = self.listed.iter_mut().find(|listed| listed.asset.symbol == symbol);
        found.unwrap_or_else(|| panic!("{symbol} is not listed here"))
    }

    /// Makes a block so many seconds after the last one; answers what happened.
    ///
    /// # Panics
    /// If the books do not balance: that ends every exhibit.
    pub fn pass(&mut self, seconds: i64) -> &[Event] {
        self.time += Time::new(seconds * 1_000);
        let mut commands = self.observations();
        commands.append(&mut self.queued);
        let height = self.engine.height() + 1;
        let block = Block { version: BLOCK_VERSION, height, time: self.time, restart: false, commands };
        let receipt = self.engine.apply(&block);
        self.count(&receipt);
        self.last = receipt.events;
        self.course.push((self.seconds() as f64, self.indices()));
        &self.last
    }

    /// A block a second for so long, each after `each` has had its say; `each` is told the second.
    pub fn play(&mut self, seconds: i64, mut each: impl FnMut(&mut Self, i64)) {
        for second in 0..seconds {
            each(self, second);
            self.pass(1);
        }
    }

    /// The network stands still for so long and comes back: the next block is a restart (R13.1).
    pub fn outage(&mut self, seconds: i64) {
        self.time += Time::new(seconds * 1_000);
        let height = self.engine.height() + 1;
        let commands = std::mem::take(&mut self.queued);
        let block = Block { version: BLOCK_VERSION, height, time: self.time, restart: true, commands };
        let receipt = self.engine.apply(&block);
        self.count(&receipt);
        self.last = receipt.events;
    }

    fn observations(&self) -> Vec<Signed> {
        let mut commands = Vec::new();
        for listed in &self.listed {
            for (signer, said) in listed.keys.iter().zip(&listed.said) {
                if said.price.is_nan() {
                    continue;
                }
                let lot = listed.asset.lot_size;
                let confidence = price(said.price.abs() * said.confidence, lot).max(Price::new(1));
                let command = Command::Observe {
                    feed: listed.feed,
                    price: price(said.price, lot),
                    confidence,
                    published_at: self.time,
                    transfers_suspended: said.transfers_suspended,
                };
                commands.push(Signed { signer: *signer, command });
            }
        }
        commands
    }

    fn count(&mut self, receipt: &Receipt) {
        for (_, rejection) in &receipt.rejections {
            *self.refused.entry(rejection.name().to_owned()).or_default() += 1;
        }
        for event in &receipt.events {
            match event {
                Event::LossAllocated { layer, amount, bearer, .. } => {
                    let lost = usd(*amount);
                    *self.losses.entry(*layer).or_default() += lost;
                    if let Some(member) = bearer.and_then(|bearer| self.member_of(bearer)) {
                        *self.borne.entry(member).or_default() += lost;
                    }
                }
                Event::AccountLiquidated { account, .. } => {
                    let Some(member) = self.member_of(*account) else { continue };
                    *self.liquidated.entry(member).or_default() += 1;
                    if self.was_sound(*account) {
                        self.wrongful.insert(member);
                    }
                }
                Event::Withdrawn { account, amount, .. } => {
                    if let Some(member) = self.member_of(*account) {
                        self.members[member.0].taken_out += usd(*amount);
                    }
                }
                _ => (),
            }
        }
        self.follow(&receipt.events);
    }

    /// Copies the accounts that a block changed.
    fn follow(&mut self, events: &[Event]) {
        let Some(pool) = self.engine.state().pools.find(POOL) else { return };
        if judge::changes_everybody(events) || self.before.len() != pool.accounts.len() {
            self.before = pool.accounts.iter().map(|(_, held)| held.clone()).collect();
            return;
        }
        // Fees reach the fund without an event of their own.
        for (_, account) in events.iter().flat_map(judge::accounts_in).chain([(POOL, FUND)]) {
            self.before[account.0 as usize].clone_from(&pool.accounts[account]);
        }
        debug_assert!(
            !self.engine.height().is_multiple_of(61)
                || pool
                    .accounts
                    .iter()
                    .zip(&self.before)
                    .all(|((_, held), copy)| { held.cash == copy.cash && held.positions == copy.positions }),
            "an account changed and no event says so"
        );
    }

    fn member_of(&self, account: AccountId) -> Option<Member> {
        // Accounts are numbered as members join; the pool's fund is account 0.
        let at = (account.0 as usize).checked_sub(1)?;
        (at < self.members.len()).then_some(Member(at))
    }

    /// Whether an account was sound at what its assets were worth.
    fn was_sound(&self, account: AccountId) -> bool {
        let Some(before) = self.before.get(account.0 as usize) else { return false };
        // Rows of after the block, at which it was liquidated, and holdings of before.
        let pool = &self.engine.state().pools[POOL];
        (0..2).all(|end| {
            judge::is_sound(pool, before, |instrument, mark| {
                let listed = self.listed.iter().find(|listed| listed.feed == instrument.parameters.feed)?;
                let honest = listed.honest[end];
                (!honest.is_nan()).then(|| honest / usd_a_unit(mark, listed.asset.lot_size))
            })
        })
    }

    /// What the clearing core did until now: the attackers' gain is theirs in the pool, plus what they made elsewhere. Bad debt is what
    /// others than attackers bore.
    #[must_use]
    pub fn held(&self, attackers: &[Member], elsewhere_usd: f64) -> Held {
        let bad_debt = |member: &Member, borne: f64| if attackers.contains(member) { 0.0 } else { borne };
        self.held_with(attackers, elsewhere_usd, bad_debt)
    }

    /// The same where prices were pushed and are back at the end: who bore something of a gain that was never real, and still has not
    /// lost, bore nothing.
    #[must_use]
    pub fn held_after_a_push(&self, attackers: &[Member], elsewhere_usd: f64) -> Held {
        let bad_debt = |member: &Member, borne: f64| {
            if attackers.contains(member) { 0.0 } else { borne.min(-self.account(*member).profit_usd).max(0.0) }
        };
        self.held_with(attackers, elsewhere_usd, bad_debt)
    }

    fn held_with(&self, attackers: &[Member], elsewhere_usd: f64, bad_debt: impl Fn(&Member, f64) -> f64) -> Held {
        let gain = attackers.iter().map(|member| self.account(*member).profit_usd).sum::<f64>() + elsewhere_usd;
        let beyond = [
            Layer::Tranche,
            Layer::Line,
            Layer::AutoDeleveraging,
            Layer::GainsHaircut,
            Layer::MembersEquity,
            Layer::WindDown,
        ];
        let all: f64 = beyond.iter().filter_map(|layer| self.losses.get(layer)).sum();
        // What no member bore by name, the tranche's and the reserve's part for example, is bad debt whoever attacks.
        let unnamed = all - self.borne.values().sum::<f64>();
        let named: f64 = self.borne.iter().map(|(member, borne)| bad_debt(member, *borne)).sum();
        let wrongful = self.wrongful.iter().filter(|member| !attackers.contains(member)).count();
        Held {
            bad_debt_usd: (unnamed + named).max(0.0),
            venue_loss_usd: self.venue_loss_usd(),
            attacker_gain_usd: (!attackers.is_empty()).then_some(gain),
            wrongful_liquidations: wrongful as u64,
            refused: self.refused.clone(),
            course: self.index_course(),
            ..Held::default()
        }
    }
}

impl Said {
    /// A fresh and ordinary price.
    #[must_use]
    pub fn honest(price: f64) -> Self {
        Self { price, confidence: CONFIDENCE, transfers_suspended: false }
    }

    /// Nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::honest(f64::NAN)
    }
}

//! A pool with one perpetual at 1 USD a lot, driven by commands.
#![allow(dead_code, reason = "each test uses a part of it")]

use crate::parameters::key;
use crate::world::{Preset, feed, perpetual, publishers};
use clearing::Engine;
use clearing::command::{BLOCK_VERSION, Block, Command, Lifetime, NewOrder, Signed};
use clearing::engine::Genesis;
use clearing::event::Receipt;
use clearing::parameters::{FeedParameters, PoolParameters};
use clearing::state::{Account, Pool};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{Money, Price, Quantity, Ratio, Time};

pub const POOL: PoolId = PoolId(0);
pub const USD: i128 = 1_000_000;

pub struct Rig {
    pub engine: Engine,
    pub price: i64,
    queue: Vec<Signed>,
    /// Who opened the account of each number.
    owners: Vec<String>,
}

impl Rig {
    pub fn new(shape: impl FnOnce(&mut PoolParameters)) -> Self {
        let time = Time::new(1_767_225_600_000);
        let engine = Engine::new(&Genesis { time, governance: key("governance"), custodian: key("custodian") });
        let mut rig = Self { engine, price: 1_000_000, queue: Vec::new(), owners: vec!["nobody".into()] };
        let forecasters = vec![key("forecaster"), key("second")];
        let parameters = FeedParameters { publishers: publishers("BTC", 3), forecasters, ..feed(25_000) };
        rig.say("governance", Command::ListFeed { name: "BTC".into(), parameters });
        let mut parameters = Preset::standard().0.pool;
        shape(&mut parameters);
        rig.say("governance", Command::OpenPool { name: "main".into(), parameters });
        let parameters = perpetual(FeedId(0));
        rig.say("governance", Command::ListInstrument { pool: POOL, name: "BTC".into(), parameters });
        rig.block();
        rig
    }

    pub fn say(&mut self, who: &str, command: Command) {
        self.queue.push(Signed { signer: key(who), command });
    }

    pub fn open(&mut self, who: &str, count: u32) {
        for _ in 0..count {
            self.owners.push(who.into());
            self.say(who, Command::OpenAccount { pool: POOL });
        }
    }

    pub fn deposit(&mut self, account: u32, amount: Money) {
        self.say("custodian", Command::Deposit { pool: POOL, account: AccountId(account), amount });
    }

    pub fn withdraw(&mut self, who: &str, account: u32, amount: Money) {
        self.say(who, Command::Withdraw { pool: POOL, account: AccountId(account), amount });
    }

    /// A venue's trade at the price, which both sides let it make.
    pub fn trade(&mut self, buyer: u32, seller: u32, lots: i64) {
        let (price, quantity) = (Price::new(self.price), Quantity::new(lots));
        for account in [buyer, seller] {
            let (loss, margin) = (Money::new(1_000_000 * USD), Money::new(1_000_000_000 * USD));
            let who = self.owners[account as usize].clone();
            let account = AccountId(account);
            self.say(&who, Command::AllowVenue { pool: POOL, account, venue: key("venue"), loss, margin });
        }
        let (buyer, seller) = (AccountId(buyer), AccountId(seller));
        self.say("venue", Command::Trade { pool: POOL, instrument: InstrumentId(0), buyer, seller, quantity, price });
    }

    pub fn order(&mut self, who: &str, account: u32, lots: i64, limit: i64) {
        let order = NewOrder {
            number: 1,
            instrument: InstrumentId(0),
            quantity: Quantity::new(lots),
            limit: Some(Price::new(limit)),
            lifetime: Lifetime::UntilCancelled,
            reduce_only: false,
        };
        self.say(who, Command::PlaceOrder { pool: POOL, account: AccountId(account), order });
    }

    pub fn bid(&mut self, account: u32, capacity: Money) {
        let who = self.owners[account as usize].clone();
        self.say(&who, Command::PlaceBid { pool: POOL, account: AccountId(account), premium: Ratio::ZERO, capacity });
    }

    /// The block that comes next, with everything that waits for it and what publishers say.
    pub fn next(&mut self) -> Block {
        let state = self.engine.state();
        let (height, time) = (state.height + 1, state.time + Time::new(1_000));
        let mut commands = std::mem::take(&mut self.queue);
        let price = Price::new(self.price);
        let seen = Command::Observe {
            feed: FeedId(0),
            price,
            confidence: Price::ZERO,
            published_at: time,
            transfers_suspended: false,
        };
        commands.extend((1..=3).map(|at| Signed { signer: key(&format!("BTC/{at}")), command: seen.clone() }));
        Block { version: BLOCK_VERSION, height, time, restart: false, commands }
    }

    pub fn apply(&mut self, block: &Block) -> Receipt {
        self.engine.apply(block)
    }

    pub fn block(&mut self) -> Receipt {
        let block = self.next();
        self.apply(&block)
    }

    pub fn pool(&self) -> &Pool {
        &self.engine.state().pools[POOL]
    }

    pub fn account(&self, account: u32) -> &Account {
        &self.pool().accounts[AccountId(account)]
    }
}

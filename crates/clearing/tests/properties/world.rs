//! A seeded world for tests: pools, publishers that jump, traders that trade too much, and hostile commands.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the world")]

use clearing::Engine;
use clearing::command::{BLOCK_VERSION, Block, Capital, Command, Key, Lifetime, NewOrder, Signed};
use clearing::engine::Genesis;
use clearing::event::Receipt;
use clearing::parameters::{FeedParameters, InstrumentParameters, Kind, PoolParameters, PublisherParameters, Tier};
use clearing::state::{Account, Pool};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, Money, Price, Quantity, Ratio, Time};

/// A small generator of numbers that looks random and is the same everywhere: SplitMix64.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = (high - low) as u64 + 1;
        low + (self.next() % span) as i64
    }

    pub fn one_in(&mut self, sides: u64) -> bool {
        self.next().is_multiple_of(sides)
    }

    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[(self.next() % choices.len() as u64) as usize].clone()
    }

    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            things.swap(at, self.between(0, at as i64) as usize);
        }
    }
}

pub fn key(number: u8) -> Key {
    Key([number; 32])
}

pub const GOVERNANCE: u8 = 1;
pub const CUSTODIAN: u8 = 2;
pub const VENUE: u8 = 3;
pub const FORECASTER: u8 = 4;
pub const PUBLISHERS: [u8; 3] = [5, 6, 7];
pub const STRANGER: u8 = 99;
pub const START: i64 = 1_700_000_000_000;
/// One USD in quanta.
pub const USD: i128 = 1_000_000;

pub fn genesis() -> Genesis {
    Genesis { time: Time::new(START), governance: key(GOVERNANCE), custodian: key(CUSTODIAN) }
}

pub fn by(signer: u8, command: Command) -> Signed {
    Signed { signer: key(signer), command }
}

pub fn feed_parameters() -> FeedParameters {
    FeedParameters {
        minimum: Price::ZERO,
        maximum: Price::new(MAX_PRICE),
        share_base: Price::ZERO,
        publishers: PUBLISHERS
            .iter()
            .map(|number| PublisherParameters { key: key(*number), weight: 100, source: u16::from(*number) })
            .collect(),
        forecasters: vec![key(FORECASTER)],
        max_age: Time::new(30_000),
        confidence_limit: Ratio::new(50_000),
        jump_limit: Ratio::new(64_000_000),
        jump_confirmations: 1,
        outlier_floor: Ratio::new(20_000),
        down_after: Time::new(60_000),
        fresh_needed: 3,
        slow_rate: Ratio::new(10_000),
        sample_interval: Time::new(60_000),
        decay: Ratio::new(940_000),
        clip: Ratio::new(4_000_000),
        long_run_volatility: Ratio::new(2_000),
        forecast_ceiling: Ratio::new(50_000),
        forecast_max_age: Time::new(3_600_000),
        stress_z: Ratio::new(4_000_000),
    }
}

pub fn pool_parameters() -> PoolParameters {
    PoolParameters {
        venues: vec![key(VENUE)],
        named_rows: Vec::new(),
        cash_cap: Money::new(MAX_MONEY),
        max_orders: 8,
        horizon: Time::new(600_000),
        inclusion_delay: Time::new(10_000),
        participation: Ratio::new(100_000),
        max_horizon: Time::new(3_600_000),
        maintenance_share: Ratio::new(600_000),
        buffer: Ratio::new(250_000),
        initial_move_an_hour: Ratio::new(250_000),
        maintenance_move_an_hour: Ratio::new(100_000),
        target_buffer: Ratio::new(200_000),
        stressed_correlation: Ratio::new(500_000),
        cautious_widening: Ratio::new(1_250_000),
        withdrawal_floor: Ratio::new(20_000),
        account_loan_limit: Money::new(20_000 * USD),
        pool_loan_limit: Money::new(100_000 * USD),
        loan_rate: Ratio::new(10),
        loan_slope: Ratio::new(100),
        funding_interval: Time::new(60_000),
        max_liquidations: 3,
        position_share: Ratio::new(300_000),
        depth_share: Ratio::new(500_000),
        throttle_off: Ratio::new(500_000),
        auction_below: Ratio::new(250_000),
        concession_blocks: 5,
        liquidation_fee: Ratio::new(5_000),
        max_premium: Ratio::new(400_000),
        unwind_rate: Ratio::new(50_000),
        unwind_time: Time::new(3_600_000),
        fund_floor: Money::new(1_000 * USD),
        fee_surcharge: Ratio::new(500_000),
        fee_rebate: Ratio::new(100_000),
        gain_memory: Time::new(600_000),
        tranche_notice: Time::new(60_000),
        cautious_move: Ratio::new(2_000_000),
        cautious_drawdown: Ratio::new(300_000),
        reduce_only_drawdown: Ratio::new(950_000),
        calm: Time::new(5_000),
        call_auction: Time::new(5_000),
        call_band: Ratio::new(2_000_000),
        grace: Time::new(5_000),
        max_halt: Time::new(3_600_000),
        timelock: Time::new(60_000),
    }
}

pub fn perpetual(feed: u16) -> InstrumentParameters {
    InstrumentParameters {
        feed: FeedId(feed),
        kind: Kind::Perpetual,
        exit_cost: vec![
            Tier { from: Quantity::ZERO, rate: Ratio::new(500) },
            Tier { from: Quantity::new(50_000), rate: Ratio::new(3_000) },
        ],
        initial_exit_cost: vec![Tier { from: Quantity::new(10_000), rate: Ratio::new(1_000) }],
        depth: Vec::new(),
        band: Ratio::new(100_000),
        mark_band: Ratio::new(10_000),
        impact: Money::new(100 * USD),
        mark_time: Time::new(30_000),
        fee: Ratio::new(500),
        negative_prices: false,
        stress_base: Price::ZERO,
        open_interest_low: Money::new(500_000 * USD),
        open_interest_high: Money::new(50_000_000 * USD),
        daily_volume: Money::new(1_000_000_000 * USD),
        max_position: Quantity::new(10_000_000),
        max_funding: Ratio::new(1_000),
    }
}

pub fn dated(feed: u16, expiry: i64) -> InstrumentParameters {
    let kind =
        Kind::Dated { expiry: Time::new(expiry), settlement_window: Time::new(30_000), basis_a_day: Ratio::new(100) };
    InstrumentParameters { kind, ..perpetual(feed) }
}

pub fn spot(feed: u16) -> InstrumentParameters {
    let kind = Kind::Spot { cap: Quantity::new(MAX_QUANTITY), ramp: Time::ZERO, crash: Ratio::new(300_000) };
    InstrumentParameters { kind, ..perpetual(feed) }
}

/// Lets the venue trade as it likes for an account. R7.10
pub fn leave(signer: u8, pool: PoolId, account: AccountId) -> Signed {
    let all = Money::new(MAX_MONEY);
    by(signer, Command::AllowVenue { pool, account, venue: key(VENUE), loss: all, margin: all })
}

pub fn new_order(number: u64, instrument: u16, quantity: i64, limit: Option<i64>) -> NewOrder {
    NewOrder {
        number,
        instrument: InstrumentId(instrument),
        quantity: Quantity::new(quantity),
        limit: limit.map(Price::new),
        lifetime: Lifetime::UntilCancelled,
        reduce_only: false,
    }
}

/// A trader of the world: one account in one pool.
#[derive(Clone)]
pub struct Trader {
    pub signer: u8,
    pub pool: PoolId,
    pub account: AccountId,
    number: u64,
    /// The side it keeps adding to.
    side: i64,
}

/// The engine with everybody around it.
#[derive(Clone)]
pub struct World {
    pub engine: Engine,
    pub log: Vec<Block>,
    pub prices: Vec<i64>,
    pub traders: Vec<Trader>,
    pub dice: Dice,
    sealed: Option<(Trader, NewOrder)>,
}

impl World {
    /// An engine without anything.
    pub fn empty(seed: u64) -> Self {
        let engine = Engine::new(&genesis());
        Self { engine, log: Vec::new(), prices: Vec::new(), traders: Vec::new(), dice: Dice(seed), sealed: None }
    }

    pub fn time(&self) -> i64 {
        self.engine.state().time.get()
    }

    pub fn pool(&self, pool: u16) -> &Pool {
        &self.engine.state().pools[PoolId(pool)]
    }

    pub fn account(&self, pool: u16, account: u32) -> &Account {
        &self.pool(pool).accounts[AccountId(account)]
    }

    /// The next block as it would be.
    pub fn block_of(&self, elapsed_ms: i64, commands: Vec<Signed>) -> Block {
        Block {
            version: BLOCK_VERSION,
            height: self.engine.height() + 1,
            time: Time::new(self.time() + elapsed_ms),
            restart: false,
            commands,
        }
    }

    /// Applies a block and remembers it.
    pub fn apply(&mut self, elapsed_ms: i64, commands: Vec<Signed>) -> Receipt {
        let block = self.block_of(elapsed_ms, commands);
        self.apply_block(block)
    }

    pub fn apply_block(&mut self, block: Block) -> Receipt {
        self.log.push(block.clone());
        self.engine.apply(&block)
    }

    /// Applies a block of which no command may be refused.
    pub fn must(&mut self, elapsed_ms: i64, commands: Vec<Signed>) -> Receipt {
        let receipt = self.apply(elapsed_ms, commands);
        assert!(receipt.rejections.is_empty(), "refused: {:?}", receipt.rejections);
        receipt
    }

    /// What every publisher says about one feed, at the present block's time.
    pub fn quote(&self, feed: u16, price: i64, confidence: i64, published_at: i64) -> Vec<Signed> {
        let observation = |publisher: &u8| {
            by(
                *publisher,
                Command::Observe {
                    feed: FeedId(feed),
                    price: Price::new(price),
                    confidence: Price::new(confidence),
                    published_at: Time::new(published_at),
                    transfers_suspended: false,
                },
            )
        };
        PUBLISHERS.iter().map(observation).collect()
    }

    /// Quotes of every feed at the world's prices for a block that comes after `elapsed_ms`.
    pub fn quotes(&self, elapsed_ms: i64) -> Vec<Signed> {
        let at = self.time() + elapsed_ms;
        (0..self.prices.len()).flat_map(|feed| self.quote(feed as u16, self.prices[feed], 0, at)).collect()
    }

    /// A block in which nothing but prices arrives.
    pub fn tick(&mut self, elapsed_ms: i64) -> Receipt {
        self.apply(elapsed_ms, self.quotes(elapsed_ms))
    }

    /// Feeds at these prices, and a pool with these instruments; one more block has priced them.
    pub fn with(prices: &[i64], pools: &[(PoolParameters, Vec<InstrumentParameters>)]) -> Self {
        let feeds: Vec<FeedParameters> = prices.iter().map(|_| feed_parameters()).collect();
        Self::with_feeds(prices, &feeds, pools)
    }

    pub fn with_feeds(
        prices: &[i64],
        feeds: &[FeedParameters],
        pools: &[(PoolParameters, Vec<InstrumentParameters>)],
    ) -> Self {
        let mut world = Self::empty(0);
        let list = |(at, parameters): (usize, &FeedParameters)| {
            by(GOVERNANCE, Command::ListFeed { name: format!("feed {at}"), parameters: parameters.clone() })
        };
        let mut commands: Vec<Signed> = feeds.iter().enumerate().map(list).collect();
        for (at, (parameters, instruments)) in pools.iter().enumerate() {
            let name = format!("pool {at}");
            commands.push(by(GOVERNANCE, Command::OpenPool { name, parameters: parameters.clone() }));
            for (number, parameters) in instruments.iter().enumerate() {
                let (pool, name) = (PoolId(at as u16), format!("instrument {number}"));
                commands.push(by(GOVERNANCE, Command::ListInstrument { pool, name, parameters: parameters.clone() }));
            }
        }
        world.must(1_000, commands);
        world.prices = prices.to_vec();
        let quotes = world.quotes(1_000);
        world.must(1_000, quotes);
        world
    }

    /// Opens an account with money in it; returns its id.
    pub fn open(&mut self, pool: u16, signer: u8, amount: i128) -> u32 {
        let account = self.pool(pool).accounts.len() as u32;
        let pool = PoolId(pool);
        let mut commands = vec![by(signer, Command::OpenAccount { pool }), leave(signer, pool, AccountId(account))];
        if amount > 0 {
            let (account, amount) = (AccountId(account), Money::new(amount));
            commands.push(by(CUSTODIAN, Command::Deposit { pool, account, amount }));
        }
        self.must(1, commands);
        account
    }

    /// A populated world: three feeds, two pools, traders, a fund and a tranche that are too small for what comes.
    pub fn populated(seed: u64) -> Self {
        let mut first = pool_parameters();
        (first.fund_floor, first.max_liquidations) = (Money::new(2_000 * USD), 1);
        let mut second = pool_parameters();
        second.max_liquidations = 1_000;
        second.position_share = Ratio::ONE;
        second.depth_share = Ratio::ONE;
        let expiry = START + 400_000;
        let mut world = Self::with(
            &[2_000_000, 60_000_000, 1_000_000],
            &[
                (first, vec![perpetual(0), perpetual(1), spot(0), spot(2)]),
                (second, vec![perpetual(0), dated(1, expiry)]),
            ],
        );
        world.dice = Dice(seed);
        world.settle_in();
        world
    }

    fn settle_in(&mut self) {
        let mut commands = vec![by(CUSTODIAN, Command::FundReserve { amount: Money::new(20_000 * USD) })];
        for pool in [PoolId(0), PoolId(1)] {
            let own = Money::new(i128::from(self.dice.between(1, 2_000)) * USD);
            let fund = Money::new(i128::from(self.dice.between(1, 5_000)) * USD);
            commands.push(by(CUSTODIAN, Command::Capitalise { pool, capital: Capital::OwnCapital, amount: own }));
            commands.push(by(CUSTODIAN, Command::Capitalise { pool, capital: Capital::Fund, amount: fund }));
            commands.push(by(GOVERNANCE, Command::SetLine { pool, cap: Money::new(3_000 * USD) }));
            for at in 0..8_u8 {
                let (signer, account) = (20 + at, AccountId(u32::from(at) + 1));
                let side = if at.is_multiple_of(2) { 1 } else { -1 };
                commands.extend([by(signer, Command::OpenAccount { pool }), leave(signer, pool, account)]);
                let amount = Money::new(i128::from(self.dice.between(1_000, 50_000)) * USD);
                commands.push(by(CUSTODIAN, Command::Deposit { pool, account, amount }));
                self.traders.push(Trader { signer, pool, account, number: 0, side });
            }
        }
        for at in 1..4 {
            let (pool, account, instrument) = (PoolId(0), AccountId(at), InstrumentId(self.dice.between(2, 3) as u16));
            let quantity = Quantity::new(self.dice.between(1, 20_000));
            commands.push(by(CUSTODIAN, Command::DepositCollateral { pool, account, instrument, quantity }));
        }
        self.must(1_000, commands);
    }

    /// Lets the owner of an account trade in the world.
    pub fn enter(&mut self, signer: u8, pool: PoolId, account: AccountId) {
        let side = if account.0.is_multiple_of(2) { 1 } else { -1 };
        self.traders.push(Trader { signer, pool, account, number: 0, side });
    }

    /// Moves the world's prices: mostly a little, sometimes a crash.
    pub fn move_prices(&mut self) {
        for at in 0..self.prices.len() {
            let ppm = if self.dice.one_in(40) {
                self.dice.between(-600_000, 900_000)
            } else if self.dice.one_in(6) {
                self.dice.between(-60_000, 60_000)
            } else {
                self.dice.between(-3_000, 3_000)
            };
            // The third feed is a stable asset: it seldom leaves its peg.
            let ppm = if at == 2 { ppm / 8 } else { ppm };
            let moved = i128::from(self.prices[at]) * i128::from(1_000_000 + ppm) / 1_000_000;
            self.prices[at] = (moved as i64).clamp(1_000, 1 << 40);
        }
    }

    /// How long until the next block.
    pub fn next_elapsed(&mut self) -> i64 {
        if self.dice.one_in(12) { self.dice.between(1, 30_000) } else { self.dice.between(100, 3_000) }
    }

    /// What arrives in the next block: prices, and what traders want.
    pub fn next_commands(&mut self, elapsed_ms: i64) -> Vec<Signed> {
        self.move_prices();
        // Sometimes a publisher is silent, and sometimes all are.
        let mut commands = self.quotes(elapsed_ms);
        // Sometimes nobody is sure of a price.
        if self.dice.one_in(10) {
            let unsure = FeedId(self.dice.between(0, self.prices.len() as i64 - 1) as u16);
            let share = self.dice.pick(&[5, 20, 49, 200]);
            for signed in &mut commands {
                if let Command::Observe { feed, price, confidence, .. } = &mut signed.command {
                    *confidence = if *feed == unsure { Price::new(price.get() / 1_000 * share) } else { *confidence };
                }
            }
        }
        if self.dice.one_in(30) {
            let from = self.dice.between(0, commands.len() as i64) as usize;
            commands.truncate(from);
        }
        // And sometimes no two publishers of the first feed agree.
        if self.dice.one_in(30) {
            let at = self.time() + elapsed_ms;
            let apart = self.dice.between(60, 400);
            for (place, publisher) in PUBLISHERS.iter().enumerate() {
                let price = self.prices[0] * (1_000 + (place as i64 - 1) * apart) / 1_000;
                let differs = self.quote(0, price, 0, at).into_iter().find(|said| said.signer == key(*publisher));
                commands.retain(|said| !matches!(said.command, Command::Observe { feed: FeedId(0), .. } if said.signer == key(*publisher)));
                commands.extend(differs);
            }
        }
        self.reveal(&mut commands);
        for at in 0..self.traders.len() {
            if self.dice.one_in(2) {
                let command = self.wish_of(at);
                commands.extend(command);
            }
        }
        if self.dice.one_in(3) {
            let command = self.venue_trade();
            commands.push(command);
        }
        commands
    }

    fn reveal(&mut self, commands: &mut Vec<Signed>) {
        if let Some((trader, order)) = self.sealed.take() {
            let (pool, account) = (trader.pool, trader.account);
            commands.push(by(trader.signer, Command::RevealOrder { pool, account, order, salt: [7; 32] }));
        }
    }

    fn wish_of(&mut self, at: usize) -> Option<Signed> {
        let Trader { signer, pool, account, .. } = self.traders[at].clone();
        let amount = Money::new(i128::from(self.dice.between(1, 10_000)) * USD);
        let command = match self.dice.between(0, 40) {
            0 => Command::CancelAll { pool, account },
            1 => Command::Withdraw { pool, account, amount },
            2 => {
                return Some(by(CUSTODIAN, Command::Deposit { pool, account, amount }));
            }
            3 => {
                let premium = Ratio::new(self.dice.between(0, 200_000));
                Command::PlaceBid { pool, account, premium, capacity: amount + amount }
            }
            4 => Command::JoinTranche { pool, account, amount: Money::new(amount.get() / 8) },
            5 => Command::LeaveTranche { pool, account, amount: Money::new(amount.get() / 16) },
            6 => {
                let instrument = InstrumentId(self.dice.between(2, 3) as u16);
                let quantity = Quantity::new(self.dice.between(1, 20_000));
                let command = Command::DepositCollateral { pool, account, instrument, quantity };
                return Some(by(CUSTODIAN, command));
            }
            7 => {
                let instrument = InstrumentId(self.dice.between(2, 3) as u16);
                let quantity = Quantity::new(self.dice.between(1, 2_000));
                Command::WithdrawCollateral { pool, account, instrument, quantity }
            }
            8 => {
                let order = self.order_of(at)?;
                let seal = clearing::commands::seal_of(&order, &[7; 32]);
                self.sealed = Some((self.traders[at].clone(), order));
                Command::SealOrder { pool, account, seal }
            }
            9 => Command::CancelOrder { pool, account, number: self.traders[at].number },
            10 => Command::CancelBid { pool, account },
            _ => Command::PlaceOrder { pool, account, order: self.order_of(at)? },
        };
        Some(by(signer, command))
    }

    /// An order of about as much as the account can carry, mostly on the trader's side and mostly near the mark.
    fn order_of(&mut self, at: usize) -> Option<NewOrder> {
        self.traders[at].number += 1;
        let Trader { pool, account, number, side, .. } = self.traders[at].clone();
        let state = self.engine.state();
        let (pool, held) = (&state.pools[pool], &state.pools[pool].accounts[account]);
        let choices = pool.instruments.len() as i64 - 1;
        let instrument = InstrumentId(self.dice.between(0, choices.max(0)) as u16);
        let mark = pool.matrices.mark(instrument).get();
        if mark <= 0 {
            return None;
        }
        let equity = clearing::margin::equity(&pool.matrices, held.cash, &held.positions).get().max(USD);
        let leverage = self.dice.between(1, 12);
        let most = (equity * i128::from(leverage) / i128::from(mark)).clamp(1, 1 << 30) as i64;
        let size = self.dice.between(1, most);
        let side = if self.dice.one_in(4) { -side } else { side };
        let limit = match self.dice.between(0, 5) {
            0 => None,
            1 | 2 => Some(mark + side * self.dice.between(0, mark / 20)),
            _ => Some(mark - side * self.dice.between(-mark / 50, mark / 50)),
        };
        let lifetime = match self.dice.between(0, 9) {
            0 => Lifetime::ThisBlock,
            1 => Lifetime::Until(Time::new(self.time() + self.dice.between(0, 10_000))),
            _ => Lifetime::UntilCancelled,
        };
        let reduce_only = self.dice.one_in(10);
        let limit = limit.map(|limit| Price::new(limit.max(1)));
        Some(NewOrder { number, instrument, quantity: Quantity::new(side * size), limit, lifetime, reduce_only })
    }

    fn venue_trade(&mut self) -> Signed {
        let last = self.engine.state().pools.len() as i64 - 1;
        let pool = PoolId(self.dice.between(0, last.min(1)) as u16);
        let instrument = InstrumentId(self.dice.between(0, 2) as u16);
        let mark = self.engine.state().pools[pool].matrices.mark(instrument).get().max(1);
        let price = Price::new(mark + self.dice.between(-mark / 20, mark / 20));
        let quantity = Quantity::new(self.dice.between(1, (40_000 * USD as i64 / mark).max(1)));
        let (buyer, seller) = (AccountId(self.dice.between(1, 8) as u32), AccountId(self.dice.between(1, 8) as u32));
        by(VENUE, Command::Trade { pool, instrument, buyer, seller, quantity, price })
    }

    /// One block of the world as it goes on.
    pub fn step(&mut self) -> Receipt {
        let elapsed = self.next_elapsed();
        let commands = self.next_commands(elapsed);
        self.apply(elapsed, commands)
    }
}

/// Integers where bugs live.
pub fn edge(dice: &mut Dice) -> i64 {
    let bounds = [
        0,
        1,
        2,
        3,
        MAX_PRICE,
        MAX_QUANTITY,
        MAX_MONEY as i64,
        1_000_000,
        64_000_000,
        1 << 32,
        i64::MAX,
        i64::MIN + 1,
        START,
    ];
    let value = match dice.between(0, 3) {
        0 => dice.between(-1_000, 1_000),
        1 => dice.next() as i64,
        _ => dice.pick(&bounds),
    };
    let value = value.saturating_add(dice.between(-1, 1));
    if dice.one_in(4) { value.saturating_neg() } else { value }
}

fn id(dice: &mut Dice, count: i64) -> i64 {
    if dice.one_in(8) { dice.pick(&[65_535, 4_000_000_000, count + 1]) } else { dice.between(0, count) }
}

/// A command with anything in it, signed by anybody.
pub fn hostile(dice: &mut Dice) -> Signed {
    let signer = dice.pick(&[0, GOVERNANCE, CUSTODIAN, VENUE, FORECASTER, 5, 6, 7, 20, 21, 22, 23, STRANGER]);
    let pool = PoolId(id(dice, 2) as u16);
    let account = AccountId(id(dice, 9) as u32);
    let instrument = InstrumentId(id(dice, 4) as u16);
    let feed = FeedId(id(dice, 3) as u16);
    let amount = Money::new(if dice.one_in(10) { i128::MIN + i128::from(dice.next()) } else { edge(dice).into() });
    let (quantity, price) = (Quantity::new(edge(dice)), Price::new(edge(dice)));
    let order = NewOrder {
        number: edge(dice) as u64 % (1 << dice.between(1, 63)),
        instrument,
        quantity,
        limit: (!dice.one_in(3)).then_some(price),
        lifetime: dice.pick(&[
            Lifetime::UntilCancelled,
            Lifetime::ThisBlock,
            Lifetime::Until(Time::new(quantity.get())),
        ]),
        reduce_only: dice.one_in(3),
    };
    let name: String = dice.pick(&["x", "", "a name that is longer than thirty-two bytes", "ü"]).into();
    let command = match dice.between(0, 26) {
        0 => Command::ListFeed { name, parameters: wild_feed(dice) },
        1 => Command::SetFeed { feed, parameters: wild_feed(dice) },
        2 => Command::OpenPool { name, parameters: wild_pool(dice) },
        3 => Command::OpenOwnPool { name, from_pool: pool, from_account: account, first_loss: amount, feed },
        4 => Command::SetPool { pool, parameters: wild_pool(dice) },
        5 => Command::ListInstrument { pool, name, parameters: wild_instrument(dice) },
        6 => Command::SetInstrument { pool, instrument, parameters: wild_instrument(dice) },
        7 => Command::SetLine { pool, cap: amount },
        8 => Command::FundReserve { amount },
        9 => Command::Capitalise { pool, capital: dice.pick(&[Capital::Fund, Capital::OwnCapital]), amount },
        10 => Command::OpenAccount { pool },
        11 => Command::Deposit { pool, account, amount },
        12 => Command::DepositCollateral { pool, account, instrument, quantity },
        13 => Command::Withdraw { pool, account, amount },
        14 => Command::WithdrawCollateral { pool, account, instrument, quantity },
        15 => Command::PlaceOrder { pool, account, order },
        16 => Command::CancelOrder { pool, account, number: order.number },
        17 => Command::CancelAll { pool, account },
        18 => Command::SealOrder { pool, account, seal: [dice.next() as u8; 32] },
        19 => Command::RevealOrder { pool, account, order, salt: [7; 32] },
        20 => Command::Trade { pool, instrument, buyer: account, seller: AccountId(1), quantity, price },
        21 => Command::PlaceBid { pool, account, premium: Ratio::new(edge(dice)), capacity: amount },
        22 => Command::JoinTranche { pool, account, amount },
        23 => Command::LeaveTranche { pool, account, amount },
        24 => Command::Observe {
            feed,
            price,
            confidence: Price::new(edge(dice)),
            published_at: Time::new(edge(dice)),
            transfers_suspended: dice.one_in(9),
        },
        25 => Command::Forecast { feed, volatility: Ratio::new(edge(dice)) },
        _ => {
            let (venue, margin) = (key(dice.pick(&[VENUE, STRANGER])), Money::new(edge(dice).into()));
            Command::AllowVenue { pool, account, venue, loss: amount, margin }
        }
    };
    Signed { signer: key(signer), command }
}

/// Valid parameters with some settings thrown to the ends of their range, or beyond.
pub fn wild_feed(dice: &mut Dice) -> FeedParameters {
    let mut wild = feed_parameters();
    let ppm = |dice: &mut Dice| Ratio::new(dice.pick(&[1, 999_999, 1_000_000]));
    let wide = |dice: &mut Dice| Ratio::new(dice.pick(&[1_000_000, 64_000_000]));
    let length = |dice: &mut Dice| Time::new(dice.pick(&[1, 1_000, 315_360_000_000]));
    if dice.one_in(2) {
        wild.minimum = Price::new(dice.pick(&[-MAX_PRICE, -1, 0]));
        wild.share_base = Price::new(dice.pick(&[0, 1, 1_000_000, MAX_PRICE]));
    }
    if dice.one_in(2) {
        wild.max_age = length(dice);
        wild.down_after = length(dice);
        wild.sample_interval = length(dice);
        wild.forecast_max_age = length(dice);
    }
    if dice.one_in(2) {
        wild.confidence_limit = ppm(dice);
        wild.jump_limit = Ratio::new(dice.pick(&[1, 100_000, 64_000_000]));
        wild.jump_confirmations = dice.pick(&[1, 3, u16::MAX]);
        wild.outlier_floor = ppm(dice);
        wild.fresh_needed = dice.pick(&[1, 2, u16::MAX]);
    }
    if dice.one_in(2) {
        wild.slow_rate = ppm(dice);
        wild.decay = Ratio::new(dice.pick(&[0, 500_000, 999_999]));
        wild.clip = wide(dice);
        wild.stress_z = wide(dice);
        wild.long_run_volatility = ppm(dice);
        wild.forecast_ceiling = Ratio::ONE;
    }
    if dice.one_in(10) {
        wild.publishers.truncate(2);
    }
    if dice.one_in(10) {
        wild.max_age = Time::new(edge(dice));
    }
    wild
}

/// As [`wild_feed`].
pub fn wild_pool(dice: &mut Dice) -> PoolParameters {
    let mut wild = pool_parameters();
    let length = |dice: &mut Dice| Time::new(dice.pick(&[1, 1_000, 315_360_000_000]));
    let share = |dice: &mut Dice| Ratio::new(dice.pick(&[1_000, 999_999, 1_000_000]));
    if dice.one_in(2) {
        wild.horizon = Time::new(dice.pick(&[1, 1_000]));
        wild.max_horizon = length(dice).max(wild.horizon);
        wild.inclusion_delay = length(dice);
        wild.maintenance_share = Ratio::new(dice.pick(&[100_000, 1_000_000]));
        wild.buffer = Ratio::new(dice.pick(&[0, 1_000_000]));
        wild.initial_move_an_hour = Ratio::new(dice.pick(&[1, 64_000_000]));
        wild.maintenance_move_an_hour = Ratio::new(dice.pick(&[1, 64_000_000]));
        wild.target_buffer = Ratio::new(dice.pick(&[0, 1_000_000]));
        wild.stressed_correlation = Ratio::new(dice.pick(&[0, 1_000_000]));
        wild.cautious_widening = Ratio::new(dice.pick(&[1_000_000, 4_000_000]));
        wild.withdrawal_floor = Ratio::new(dice.pick(&[0, 1_000_000]));
    }
    if dice.one_in(2) {
        wild.account_loan_limit = Money::new(dice.pick(&[0, MAX_MONEY]));
        wild.pool_loan_limit = Money::new(dice.pick(&[0, 1, MAX_MONEY]));
        wild.loan_rate = Ratio::new(dice.pick(&[0, 100_000]));
        wild.loan_slope = Ratio::new(dice.pick(&[0, 100_000]));
        wild.funding_interval = length(dice);
        wild.fee_surcharge = Ratio::new(dice.pick(&[0, 4_000_000]));
        wild.fee_rebate = Ratio::new(dice.pick(&[0, 1_000_000]));
        wild.fund_floor = Money::new(dice.pick(&[0, MAX_MONEY]));
        wild.timelock = Time::new(dice.pick(&[0, 1, 2_592_000_000]));
        wild.tranche_notice = Time::new(dice.pick(&[0, 1, 315_360_000_000]));
    }
    if dice.one_in(2) {
        wild.max_liquidations = dice.pick(&[1, u32::MAX]);
        wild.concession_blocks = dice.pick(&[1, u16::MAX]);
        wild.position_share = share(dice);
        wild.depth_share = share(dice);
        wild.throttle_off = Ratio::new(dice.pick(&[0, 1_000_000]));
        wild.auction_below = Ratio::new(dice.pick(&[0, 1_000_000]));
        wild.liquidation_fee = Ratio::new(dice.pick(&[0, 50_000]));
        wild.max_premium = Ratio::new(dice.pick(&[0, 4_000_000]));
        wild.unwind_rate = Ratio::new(dice.pick(&[1, 1_000_000]));
        wild.unwind_time = length(dice);
    }
    if dice.one_in(2) {
        wild.cautious_move = Ratio::new(dice.pick(&[1, 64_000_000]));
        wild.calm = length(dice);
        wild.call_auction = length(dice);
        wild.call_band = Ratio::new(dice.pick(&[1_000_000, 16_000_000]));
        wild.grace = Time::new(dice.pick(&[0, 315_360_000_000]));
        wild.max_halt = length(dice);
    }
    if dice.one_in(4) {
        let moves = vec![(FeedId(0), Ratio::new(dice.pick(&[-1_000_000, 64_000_000])))];
        let row = clearing::parameters::NamedRow { name: "2020-03-12".into(), moves };
        wild.named_rows = vec![row; dice.between(0, 16) as usize];
    }
    if dice.one_in(10) {
        wild.horizon = Time::new(edge(dice));
    }
    wild
}

/// As [`wild_feed`].
pub fn wild_instrument(dice: &mut Dice) -> InstrumentParameters {
    let feed = id(dice, 3) as u16;
    let mut wild = match dice.between(0, 3) {
        0 => spot(feed),
        1 => {
            let mut wild = dated(feed, dice.pick(&[START + 60_000, i64::MAX, START + 86_400_000 * 400]));
            let settlement_window = Time::new(dice.pick(&[1, 315_360_000_000]));
            let basis_a_day = Ratio::new(dice.pick(&[-10_000, 0, 10_000]));
            if let Kind::Dated { expiry, .. } = wild.kind {
                wild.kind = Kind::Dated { expiry, settlement_window, basis_a_day };
            }
            wild
        }
        _ => perpetual(feed),
    };
    if dice.one_in(2) {
        wild.band = Ratio::new(dice.pick(&[1, 1_000_000]));
        wild.mark_band = Ratio::new(dice.pick(&[0, 1_000_000]));
        wild.mark_time = Time::new(dice.pick(&[1, 315_360_000_000]));
        wild.fee = Ratio::new(dice.pick(&[0, 1, 100_000]));
        wild.max_funding = Ratio::new(dice.pick(&[0, 100_000]));
    }
    if dice.one_in(2) {
        wild.stress_base = Price::new(dice.pick(&[0, 1, MAX_PRICE]));
        wild.open_interest_low = Money::ZERO;
        wild.open_interest_high = Money::new(dice.pick(&[1, MAX_MONEY]));
        wild.daily_volume = Money::new(dice.pick(&[0, 1, MAX_MONEY]));
        wild.max_position = Quantity::new(dice.pick(&[1, MAX_QUANTITY]));
    }
    if dice.one_in(2) {
        wild.exit_cost = dice.pick(&[
            Vec::new(),
            vec![Tier { from: Quantity::new(MAX_QUANTITY), rate: Ratio::new(4_000_000) }],
            vec![Tier { from: Quantity::ZERO, rate: Ratio::new(4_000_000) }],
        ]);
    }
    if dice.one_in(4) && !matches!(wild.kind, Kind::Spot { .. }) {
        wild.negative_prices = true;
        wild.stress_base = Price::new(dice.pick(&[1, 1_000_000, MAX_PRICE]));
    }
    wild
}

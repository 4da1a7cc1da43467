//! The world of a scenario: an engine, the names of everything in it, and an independent count of what it must hold.

use crate::parameters::key;
use clearing::Engine;
use clearing::command::{BLOCK_VERSION, Block, Command, Signed};
use clearing::engine::Genesis;
use clearing::event::Event;
use clearing::parameters::{FeedParameters, InstrumentParameters, Kind, PoolParameters, PublisherParameters};
use clearing::state::{Account, FUND, Pool};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{MAX_MONEY, Money, Price, Quantity, Ratio, Time};
use std::collections::{BTreeMap, BTreeSet};

const START: Time = Time::new(1_767_225_600_000); // 1 January 2026
const NOT_THERE: usize = 60_000;

/// A publisher's standing word, repeated in every block until it says something else or falls silent.
#[derive(Clone, Copy)]
pub struct Word {
    pub price: Price,
    pub confidence: Price,
    pub suspended: bool,
    pub silent: bool,
}

pub struct FeedNames {
    pub name: String,
    pub words: Vec<Word>,
}

#[derive(Default)]
pub struct PoolNames {
    pub name: String,
    pub instruments: Vec<String>,
    pub accounts: Vec<String>,
    pub numbers: BTreeMap<String, u64>,
}

/// A command that waits for its block, with the line that it stands on and the refusal that the line announces.
pub struct Queued {
    pub line: usize,
    pub signed: Signed,
    pub refused: Option<String>,
}

/// What the first block lists.
pub struct Preset {
    pub feeds: Vec<(String, FeedParameters)>,
    pub pool: PoolParameters,
    pub instruments: Vec<(String, InstrumentParameters)>,
    /// What stands behind the pool before anybody joins it.
    pub backing: Vec<Queued>,
}

pub struct World {
    pub engine: Engine,
    pub preset: Preset,
    pub started: bool,
    pub feeds: Vec<FeedNames>,
    pub pools: Vec<PoolNames>,
    /// The pool that the present line speaks of.
    pub pool: usize,
    pub queue: Vec<Queued>,
    /// Whose leave for a venue a line has set, by pool and account: others let a venue trade at the mark.
    pub leaves: BTreeSet<(usize, AccountId, String)>,
    /// What happened in the last `block` or `blocks` line.
    pub events: Vec<Event>,
    /// Everything that ever happened.
    pub history: Vec<Event>,
    /// Money that came in and did not go out, over all pools and the reserve.
    custody: Money,
    /// Lots of collateral that came in and did not go out.
    balances: BTreeMap<(PoolId, InstrumentId), Quantity>,
}

/// A feed with three publishers. Its stress is plain: z 4 × σ × √1 interval.
pub fn feed(volatility_ppm: i64) -> FeedParameters {
    FeedParameters {
        minimum: Price::ZERO,
        maximum: Price::new(10_000_000_000),
        share_base: Price::ZERO,
        publishers: Vec::new(),
        forecasters: vec![key("forecaster")],
        max_age: Time::new(10_000),
        confidence_limit: Ratio::new(20_000),
        jump_limit: Ratio::new(500_000),
        jump_confirmations: 1,
        outlier_floor: Ratio::new(10_000),
        down_after: Time::new(30_000),
        fresh_needed: 3,
        slow_rate: Ratio::new(1_000_000),
        sample_interval: Time::new(3_600_000),
        decay: Ratio::new(940_000),
        clip: Ratio::new(5_000_000),
        long_run_volatility: Ratio::new(volatility_ppm),
        forecast_ceiling: Ratio::new(200_000),
        forecast_max_age: Time::new(3_600_000),
        stress_z: Ratio::new(4_000_000),
    }
}

/// Publishers of a feed, each a source of its own.
pub fn publishers(feed: &str, count: u16) -> Vec<PublisherParameters> {
    (1..=count)
        .map(|number| PublisherParameters { key: key(&format!("{feed}/{number}")), weight: 1_000, source: number })
        .collect()
}

/// A perpetual without fees, exit costs or a premium of the book over the index.
pub fn perpetual(feed: FeedId) -> InstrumentParameters {
    InstrumentParameters {
        feed,
        kind: Kind::Perpetual,
        exit_cost: Vec::new(),
        initial_exit_cost: Vec::new(),
        depth: Vec::new(),
        band: Ratio::new(100_000),
        mark_band: Ratio::ZERO,
        impact: Money::new(10_000_000_000),
        mark_time: Time::new(1_000),
        fee: Ratio::ZERO,
        negative_prices: false,
        stress_base: Price::ZERO,
        open_interest_low: Money::new(1_000_000_000_000_000),
        open_interest_high: Money::new(2_000_000_000_000_000),
        daily_volume: Money::new(1_000_000_000_000),
        max_position: Quantity::new(100_000_000),
        max_funding: Ratio::new(10_000),
    }
}

/// A collateral asset.
pub fn spot(feed: FeedId, crash_ppm: i64) -> InstrumentParameters {
    let cap = Quantity::new(10_000_000_000);
    InstrumentParameters { kind: Kind::Spot { cap, ramp: Time::ZERO, crash: Ratio::new(crash_ppm) }, ..perpetual(feed) }
}

/// A pool whose rules are neutral wherever they can be: initial, target and maintenance stress are 100 %, 60 % and 50 % of raw.
fn pool() -> PoolParameters {
    let seconds = |count: i64| Time::new(count * 1_000);
    let usd = |count: i128| Money::new(count * 1_000_000);
    PoolParameters {
        venues: vec![key("venue")],
        named_rows: Vec::new(),
        cash_cap: Money::new(MAX_MONEY),
        max_orders: 20,
        horizon: seconds(3_600),
        inclusion_delay: Time::ZERO,
        participation: Ratio::new(100_000),
        max_horizon: seconds(3_600),
        maintenance_share: Ratio::new(500_000),
        buffer: Ratio::ZERO,
        initial_move_an_hour: Ratio::new(100_000),
        maintenance_move_an_hour: Ratio::new(100_000),
        target_buffer: Ratio::new(200_000),
        stressed_correlation: Ratio::new(500_000),
        cautious_widening: Ratio::new(1_500_000),
        withdrawal_floor: Ratio::new(100_000),
        account_loan_limit: usd(1_000),
        pool_loan_limit: usd(10_000),
        loan_rate: Ratio::ZERO,
        loan_slope: Ratio::ZERO,
        funding_interval: seconds(3_600),
        max_liquidations: 1_000,
        position_share: Ratio::ONE,
        depth_share: Ratio::ONE,
        throttle_off: Ratio::new(500_000),
        auction_below: Ratio::new(200_000),
        concession_blocks: 4,
        liquidation_fee: Ratio::ZERO,
        max_premium: Ratio::new(500_000),
        unwind_rate: Ratio::new(1),
        unwind_time: seconds(3_600),
        fund_floor: Money::ZERO,
        fee_surcharge: Ratio::ZERO,
        fee_rebate: Ratio::ZERO,
        gain_memory: Time::new(600_000),
        tranche_notice: seconds(60),
        cautious_move: Ratio::new(64_000_000),
        cautious_drawdown: Ratio::ONE,
        reduce_only_drawdown: Ratio::ONE,
        calm: seconds(10),
        call_auction: seconds(5),
        call_band: Ratio::new(3_000_000),
        grace: seconds(10),
        max_halt: seconds(300),
        timelock: seconds(60),
    }
}

impl Preset {
    /// `world standard`: feeds BTC 100, ETH 10 and USDC 1 with three publishers each; perpetuals BTC and ETH, collateral WETH and USDC.
    pub fn standard() -> (Self, Vec<FeedNames>) {
        let mut feeds = Vec::new();
        let mut names = Vec::new();
        for (name, volatility, price) in [("BTC", 25_000, 1_000_000), ("ETH", 25_000, 100_000), ("USDC", 2_500, 10_000)]
        {
            let parameters = FeedParameters { publishers: publishers(name, 3), ..feed(volatility) };
            names.push(FeedNames::new(name, 3, Price::new(price)));
            feeds.push((name.to_string(), parameters));
        }
        let instruments = vec![
            ("BTC".to_string(), perpetual(FeedId(0))),
            ("ETH".to_string(), perpetual(FeedId(1))),
            ("WETH".to_string(), spot(FeedId(1), 200_000)),
            ("USDC".to_string(), spot(FeedId(2), 100_000)),
        ];
        (Self { feeds, pool: pool(), instruments, backing: Vec::new() }, names)
    }
}

impl FeedNames {
    pub fn new(name: &str, publishers: usize, price: Price) -> Self {
        let word = Word { price, confidence: Price::ZERO, suspended: false, silent: false };
        Self { name: name.to_string(), words: vec![word; publishers] }
    }
}

impl World {
    pub fn standard() -> Self {
        let (preset, feeds) = Preset::standard();
        let genesis = Genesis { time: START, governance: key("governance"), custodian: key("custodian") };
        let accounts = vec!["fund".to_string()];
        let main = PoolNames { name: "main".to_string(), accounts, ..PoolNames::default() };
        Self {
            engine: Engine::new(&genesis),
            preset,
            started: false,
            feeds,
            pools: vec![main],
            pool: 0,
            queue: Vec::new(),
            leaves: BTreeSet::new(),
            events: Vec::new(),
            history: Vec::new(),
            custody: Money::ZERO,
            balances: BTreeMap::new(),
        }
    }

    /// The first block: everything is listed and priced, what stands behind the pool is there, and `maker` has a million.
    pub fn start(&mut self) -> Vec<(usize, String)> {
        if self.started {
            return Vec::new();
        }
        self.started = true;
        for (name, parameters) in self.preset.feeds.clone() {
            self.say(0, "governance", Command::ListFeed { name, parameters });
        }
        let parameters = self.preset.pool.clone();
        self.say(0, "governance", Command::OpenPool { name: "main".to_string(), parameters });
        for (name, parameters) in self.preset.instruments.clone() {
            self.pools[0].instruments.push(name.clone());
            self.say(0, "governance", Command::ListInstrument { pool: PoolId(0), name, parameters });
        }
        self.queue.append(&mut self.preset.backing);
        let maker = self.account_or_open(0, "maker");
        self.say(
            0,
            "custodian",
            Command::Deposit { pool: PoolId(0), account: maker, amount: Money::new(1_000_000_000_000) },
        );
        self.block(Time::new(1_000), false)
    }

    pub fn say(&mut self, line: usize, signer: &str, command: Command) {
        self.queue.push(Queued { line, signed: Signed { signer: key(signer), command }, refused: None });
    }

    pub fn pool_id(&self) -> PoolId {
        PoolId(self.pool as u16)
    }

    pub fn feed_id(&self, name: &str) -> FeedId {
        FeedId(self.feeds.iter().position(|feed| feed.name == name).unwrap_or(NOT_THERE) as u16)
    }

    pub fn instrument_id(&self, name: &str) -> InstrumentId {
        let known = self.pools.get(self.pool).and_then(|pool| pool.instruments.iter().position(|known| known == name));
        InstrumentId(known.unwrap_or(NOT_THERE) as u16)
    }

    pub fn account_id(&self, name: &str) -> AccountId {
        let known = self.pools.get(self.pool).and_then(|pool| pool.accounts.iter().position(|known| known == name));
        AccountId(known.unwrap_or(NOT_THERE) as u32)
    }

    /// The account of this name in the present pool, opened now if it is new.
    pub fn account_or_open(&mut self, line: usize, name: &str) -> AccountId {
        let pool = self.pool_id();
        let new = self.pools.get(self.pool).is_some_and(|pool| !pool.accounts.iter().any(|known| known == name));
        if new && !name.starts_with("no-") {
            self.pools[self.pool].accounts.push(name.to_string());
            self.say(line, name, Command::OpenAccount { pool });
        }
        self.account_id(name)
    }

    /// The leave that accounts give to a venue for a trade at the mark, unless a line has said what they let it do: the fee of the trade,
    /// and lots without a limit. R7.10
    pub fn let_trade(
        &mut self,
        line: usize,
        venue: &str,
        instrument: InstrumentId,
        quantity: Quantity,
        sides: &[AccountId],
    ) {
        let (at, pool) = (self.pool, self.pool_id());
        let Some(found) = self.engine.state().pools.find(pool) else { return };
        if !found.parameters.venues.contains(&key(venue)) {
            return;
        }
        let fee = |_| found.fee_bound(instrument, found.matrices.mark(instrument) * quantity);
        let (loss, margin) = (found.instruments.find(instrument).map_or(Money::ZERO, fee), Money::new(MAX_MONEY));
        for account in sides.iter().copied().filter(|account| *account != FUND) {
            let names = &self.pools[at].accounts;
            let Some(name) = names.get(account.0 as usize).cloned() else { continue };
            if !self.leaves.contains(&(at, account, venue.to_string())) {
                self.say(line, &name, Command::AllowVenue { pool, account, venue: key(venue), loss, margin });
            }
        }
    }

    pub fn state_of_pool(&self) -> &Pool {
        self.engine.state().pools.find(self.pool_id()).expect("the scenario speaks of a pool that exists")
    }

    pub fn state_of(&self, account: &str) -> Option<&Account> {
        self.state_of_pool().accounts.find(self.account_id(account))
    }

    /// What the publishers say in this block.
    fn words(&self, time: Time) -> Vec<Signed> {
        let mut words = Vec::new();
        for (at, feed) in self.feeds.iter().enumerate() {
            for (number, word) in feed.words.iter().enumerate().filter(|(_, word)| !word.silent) {
                let command = Command::Observe {
                    feed: FeedId(at as u16),
                    price: word.price,
                    confidence: word.confidence,
                    published_at: time,
                    transfers_suspended: word.suspended,
                };
                words.push(Signed { signer: key(&format!("{}/{}", feed.name, number + 1)), command });
            }
        }
        words
    }

    /// Applies a block of what waits and of what publishers say; returns what the scenario did not announce.
    pub fn block(&mut self, length: Time, restart: bool) -> Vec<(usize, String)> {
        let state = self.engine.state();
        let (height, time) = (state.height + 1, state.time + length);
        let queued = std::mem::take(&mut self.queue);
        let mut commands: Vec<Signed> = queued.iter().map(|queued| queued.signed.clone()).collect();
        commands.extend(self.words(time));
        let block = Block { version: BLOCK_VERSION, height, time, restart, commands };
        let engine = &mut self.engine;
        let applied = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| engine.apply(&block)));
        let receipt = match applied {
            Ok(receipt) => receipt,
            Err(cause) => {
                let text = cause.downcast_ref::<String>().cloned();
                let text = text.or(cause.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
                return vec![(usize::MAX, format!("the core stopped: {text}"))];
            }
        };
        let mut surprises = Vec::new();
        for (at, queued) in queued.iter().enumerate() {
            let found = receipt.rejections.iter().find(|(place, _)| *place as usize == at).map(|(_, why)| why.name());
            if found.is_none() {
                self.count(&queued.signed.command);
            }
            if found != queued.refused.as_deref() {
                surprises.push((queued.line, found.unwrap_or("accepted").to_string()));
            }
        }
        self.events.extend(receipt.events.clone());
        self.history.extend(receipt.events);
        if let Some(broken) = self.find_leak() {
            surprises.push((usize::MAX, broken));
        }
        surprises
    }

    /// Counts what crossed the border, from the accepted commands alone.
    fn count(&mut self, command: &Command) {
        let mut lots = |pool: PoolId, instrument: InstrumentId, quantity: Quantity| {
            *self.balances.entry((pool, instrument)).or_default() += quantity;
        };
        match *command {
            Command::Deposit { amount, .. } | Command::Capitalise { amount, .. } | Command::FundReserve { amount } => {
                self.custody += amount;
            }
            Command::Withdraw { amount, .. } => self.custody -= amount,
            Command::DepositCollateral { pool, instrument, quantity, .. } => lots(pool, instrument, quantity),
            Command::WithdrawCollateral { pool, instrument, quantity, .. } => lots(pool, instrument, -quantity),
            _ => {}
        }
    }

    /// R2.4 by an independent sum: what anybody is owed is what came in, and every trade had two sides.
    pub fn find_leak(&self) -> Option<String> {
        let state = self.engine.state();
        let mut owed = state.reserve;
        for (id, pool) in state.pools.iter() {
            owed += pool.own_capital + pool.fees + pool.rounding + pool.prepaid;
            let mut lots: BTreeMap<InstrumentId, Quantity> = BTreeMap::new();
            for (_, account) in pool.accounts.iter() {
                owed += account.cash;
                for position in &account.positions {
                    *lots.entry(position.instrument).or_default() += position.quantity;
                }
            }
            for share in pool.tranche.values() {
                owed += share.amount;
            }
            for instrument in pool.instruments.ids() {
                let held = lots.get(&instrument).copied().unwrap_or_default();
                let came = self.balances.get(&(id, instrument)).copied().unwrap_or_default();
                if held != came {
                    return Some(format!(
                        "conservation broken: instrument {instrument} of pool {id} sums to {held:?}, not {came:?}"
                    ));
                }
            }
        }
        let custody = self.custody;
        (owed != custody).then(|| format!("conservation broken: {owed:?} owed, {custody:?} came in"))
    }
}

//! Decides what readers see: the state after a block, published whole, that no reader can hold up.
//!
//! After each block the node follows the accounts that the core names as changed and publishes a new [`View`]. Views share what did not
//! change (persistent vectors), so that publishing costs what changed and reading costs the node nothing.

use crate::system::{Applied, Sealed, System};
use clearing::event::Event;
use clearing::state::{Account, Feed, Pool, Standing, State};
use clearing::table::{AccountId, Id, InstrumentId, PoolId, Table};
use clearing::units::{Money, Price, Quantity, Time};
use imbl::{OrdSet, Vector};
use replication::Machine;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Blocks that are remembered: an hour of full ones.
const MOST_BLOCKS: usize = 36_000;
/// Events that are remembered, at most.
const MOST_EVENTS: u64 = 2_000_000;
/// A sample is taken of the first block in each second, counted from 1970, so that whoever applies the journal again takes the same ones;
/// and of blocks that pay funding, which are few.
const SECOND_MS: i64 = 1_000;
/// Samples that are kept: the last hour.
const MOST_SAMPLES: usize = 3_600;

/// What a block did, for those who ask later.
#[derive(Debug)]
pub struct BlockRecord {
    /// Its height.
    pub height: u64,
    /// Its time.
    pub time: Time,
    /// The root after it.
    pub root: [u8; 32],
    /// How many envelopes it had.
    pub commands: usize,
    /// How many of them the core refused.
    pub rejections: usize,
    /// How many of them the gate refused.
    pub refusals: usize,
    /// The number of its first event.
    pub first_event: u64,
    /// What happened.
    pub events: Vec<Event>,
    /// How long it took to apply and to write, microseconds.
    pub took_us: u64,
}

/// A pool without members, and its members beside it.
#[derive(Clone, Debug)]
pub struct PoolView {
    /// Everything but the members; enough to value an account with.
    pub pool: Arc<Pool>,
    /// Every account, by id.
    pub accounts: Vector<Arc<Account>>,
    /// Those with open orders.
    pub with_orders: OrdSet<u32>,
    /// Those under liquidation.
    pub liquidating: OrdSet<u32>,
    /// The last auction of each instrument: height, price, quantity.
    pub auctions: BTreeMap<InstrumentId, (u64, Price, Quantity)>,
}

/// The prices of an instrument at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketSample {
    /// Its pool.
    pub pool: PoolId,
    /// Its id.
    pub instrument: InstrumentId,
    /// Its mark, once it has one.
    pub mark: Option<Price>,
    /// What funding is a share of: the index, but not less than the base of its stress. R16.1
    pub funding_base: Price,
    /// Σ of long positions.
    pub open_interest: Quantity,
}

/// A point of the plots.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The height of the block.
    pub height: u64,
    /// When.
    pub time: Time,
    /// Index, slow price and confidence of each feed.
    pub feeds: Vec<(Price, Price, Price)>,
    /// Equity of the fund, accounts under liquidation and open notional of each pool.
    pub pools: Vec<(Money, usize, Money)>,
    /// Every instrument, in the order of pools and ids.
    pub markets: Vec<MarketSample>,
}

/// The state after a block.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The height of the last block.
    pub height: u64,
    /// Its time.
    pub time: Time,
    /// The root after it.
    pub root: [u8; 32],
    /// What the root commits to.
    pub sealed: Arc<Sealed>,
    /// The feeds.
    pub feeds: Arc<Table<clearing::table::FeedId, Feed>>,
    /// The pools, by id.
    pub pools: Vec<PoolView>,
    /// The money behind every pool's line.
    pub reserve: Money,
    /// The last blocks, oldest first.
    pub blocks: Vector<Arc<BlockRecord>>,
    /// How many events there have been: the number of the next.
    pub events: u64,
    /// The last hour, oldest first.
    pub samples: Vector<Arc<Sample>>,
}

impl View {
    /// The view of a state of which nothing is known yet.
    #[must_use]
    pub fn of(system: &System) -> Self {
        let (state, sealed) = (system.engine().state(), Arc::clone(system.sealed()));
        let mut view = Self { root: system.root(), events: system.events(), sealed, ..Self::default() };
        for (_, pool) in state.pools.iter() {
            let mut own = PoolView::empty(pool);
            pool.accounts.iter().for_each(|(id, account)| own.set(id, account));
            view.pools.push(own);
        }
        view.follow(state);
        view
    }

    /// Goes on to the state after the next block.
    pub fn advance(&mut self, state: &State, applied: Applied, commands: Counts) {
        for (id, pool) in state.pools.iter() {
            if self.pools.len() <= id.position() {
                self.pools.push(PoolView::empty(pool));
            }
            let own = self.pools.get_mut(id.position()).expect("pools are followed in order");
            pool.accounts.changed().iter().for_each(|id| own.set(*id, &pool.accounts[*id]));
        }
        for event in &applied.events {
            if let Event::AuctionCleared { pool, instrument, price, quantity } = event {
                let own = self.pools.get_mut(pool.position()).expect("events name pools that exist");
                own.auctions.insert(*instrument, (applied.height, *price, *quantity));
            }
        }
        self.root = applied.root;
        self.sealed = Arc::clone(&applied.sealed);
        self.events = applied.first_event + applied.events.len() as u64;
        self.blocks.push_back(Arc::new(BlockRecord {
            height: applied.height,
            time: applied.time,
            root: applied.root,
            commands: commands.all,
            rejections: commands.rejected,
            refusals: commands.refused,
            first_event: applied.first_event,
            events: applied.events,
            took_us: commands.took_us,
        }));
        while self.blocks.len() > MOST_BLOCKS || self.remembered() > MOST_EVENTS && self.blocks.len() > 1 {
            self.blocks.pop_front();
        }
        self.follow(state);
    }

    /// The number of the oldest event that is remembered.
    #[must_use]
    pub fn oldest_event(&self) -> u64 {
        self.blocks.front().map_or(self.events, |block| block.first_event)
    }

    /// The pool of this id.
    #[must_use]
    pub fn pool(&self, id: PoolId) -> Option<&PoolView> {
        self.pools.get(id.position())
    }

    /// The remembered blocks with events from this number on.
    pub fn blocks_from(&self, event: u64) -> impl Iterator<Item = &Arc<BlockRecord>> {
        let (mut low, mut high) = (0, self.blocks.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let over =
                self.blocks.get(middle).is_some_and(|block| block.first_event + block.events.len() as u64 <= event);
            if over { low = middle + 1 } else { high = middle }
        }
        self.blocks.iter().skip(low)
    }

    fn remembered(&self) -> u64 {
        self.events - self.oldest_event()
    }

    /// What is small enough to be copied in every block.
    fn follow(&mut self, state: &State) {
        let second = |time: Time| time.get().div_euclid(SECOND_MS);
        let pays =
            |block: &Arc<BlockRecord>| block.events.iter().any(|event| matches!(event, Event::FundingPaid { .. }));
        let is_first = second(self.time) != second(state.time);
        let due = self.samples.is_empty() || is_first || self.blocks.back().is_some_and(pays);
        (self.height, self.time, self.reserve) = (state.height, state.time, state.reserve);
        self.feeds = Arc::new(state.feeds.clone());
        for ((_, pool), own) in state.pools.iter().zip(&mut self.pools) {
            own.pool = Arc::new(pool.without_members());
        }
        if due {
            self.samples.push_back(Arc::new(self.sample()));
            while self.samples.len() > MOST_SAMPLES {
                self.samples.pop_front();
            }
        }
    }

    fn sample(&self) -> Sample {
        let feeds = self.feeds.iter().map(|(_, feed)| (feed.index, feed.slow, feed.confidence)).collect();
        let pools = self.pools.iter().map(|own| (own.fund_equity(), own.liquidating.len(), own.open_notional()));
        let markets = self.pools.iter().zip(0..).flat_map(|(own, at)| self.markets_of(&own.pool, PoolId(at)));
        Sample { height: self.height, time: self.time, feeds, pools: pools.collect(), markets: markets.collect() }
    }

    fn markets_of<'a>(&'a self, pool: &'a Pool, id: PoolId) -> impl Iterator<Item = MarketSample> + 'a {
        pool.instruments.iter().map(move |(instrument, listed)| MarketSample {
            pool: id,
            instrument,
            mark: listed.priced.then_some(listed.mark),
            funding_base: self.feeds[listed.parameters.feed].index.abs().max(listed.parameters.stress_base),
            open_interest: listed.open_interest,
        })
    }
}

/// What is counted of a block besides its events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Its envelopes.
    pub all: usize,
    /// Those that the core refused.
    pub rejected: usize,
    /// Those that the gate refused.
    pub refused: usize,
    /// How long it took to apply and to write, microseconds.
    pub took_us: u64,
}

impl PoolView {
    fn empty(pool: &Pool) -> Self {
        Self {
            pool: Arc::new(pool.without_members()),
            accounts: Vector::new(),
            with_orders: OrdSet::new(),
            liquidating: OrdSet::new(),
            auctions: BTreeMap::new(),
        }
    }

    /// The account of this id.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(id.position())
    }

    /// Accounts with open orders.
    pub fn resting(&self) -> impl Iterator<Item = (AccountId, &Arc<Account>)> {
        self.with_orders.iter().filter_map(|id| Some((AccountId(*id), self.account(AccountId(*id))?)))
    }

    /// What the fund's account is worth.
    #[must_use]
    pub fn fund_equity(&self) -> Money {
        self.account(clearing::state::FUND)
            .map_or(Money::ZERO, |fund| clearing::margin::equity(&self.pool.matrices, fund.cash, &fund.positions))
    }

    /// Σ of long positions at their marks.
    #[must_use]
    pub fn open_notional(&self) -> Money {
        let derivatives = self.pool.instruments.iter().filter(|(_, listed)| !listed.is_spot());
        derivatives.map(|(_, listed)| listed.mark.abs() * listed.open_interest).sum()
    }

    fn set(&mut self, id: AccountId, account: &Account) {
        let at = id.position();
        let copy = Arc::new(account.clone());
        if at < self.accounts.len() {
            self.accounts.set(at, copy);
        } else {
            assert_eq!(at, self.accounts.len(), "accounts are followed in order");
            self.accounts.push_back(copy);
        }
        keep(&mut self.with_orders, id.0, !account.orders.is_empty());
        keep(&mut self.liquidating, id.0, matches!(account.standing, Standing::Liquidating { .. }));
    }
}

fn keep(set: &mut OrdSet<u32>, id: u32, belongs: bool) {
    if belongs != set.contains(&id) {
        if belongs {
            set.insert(id)
        } else {
            set.remove(&id)
        };
    }
}

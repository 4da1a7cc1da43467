//! Decides how the benchmark's market comes to be, by commands alone, and makes its next blocks.

use super::Progress;
use super::population::{Holding, Population, open_interest_usd};
use super::rules::{
    self, BIDDERS, BLOCK, FEE, FEE_SURCHARGE, FEEDS, INSTRUMENTS, LOT_USD, MAKERS, MEMBERS_BESIDE_TRADERS, PUBLISHERS,
    Who, feed_of, key_of, money, price,
};
use clearing::Engine;
use clearing::command::{BLOCK_VERSION, Block, Capital, Command, Lifetime, NewOrder, OrderNumber, Rejection, Signed};
use clearing::event::Receipt;
use clearing::margin;
use clearing::state::{Pool, Position};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{MAX_MONEY, Money, Price, Quantity, Ratio};

/// The one pool.
pub(super) const POOL: PoolId = PoolId(0);
/// Commands of a block while the market is built: far below the core's bound, to keep memory small.
const BLOCK_COMMANDS: usize = 1 << 17;
/// A trader holds at least this multiple of initial margin.
const LEAST_COVER: f64 = 1.1;
/// What the fund, and what all bidders together hold, as a share of gross notional.
const FUND_SHARE: f64 = 0.02;
/// A maker's capital over what one side of its instrument is worth.
const MAKER_COVER: f64 = 2.0;
/// A bidder takes over this multiple of its capital in a block.
const BIDDER_REACH: f64 = 5.0;

/// Why a market could not be built.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// The core refused commands that the market is made of.
    #[error("the market could not be built: {commands} commands were refused, the first because of {first:?}")]
    Refused {
        /// How many.
        commands: usize,
        /// Why the first was.
        first: Rejection,
    },
}

/// An engine with one pool, its traders, makers and bidders, and the prices that publishers report next.
#[derive(Clone)]
pub struct Market {
    engine: Engine,
    /// USD a lot on each feed.
    prices: [f64; FEEDS],
    traders: u32,
    last_number: OrderNumber,
}

type Watch<'a> = &'a mut dyn FnMut(&Block, &Receipt);

impl Market {
    /// Lists feeds, pool and instruments, opens accounts, pays in and strikes every trade. `watch` sees each block with its
    /// receipt. An odd number of traders is rounded up.
    ///
    /// # Errors
    /// If the core refuses a command.
    pub fn build(
        traders: u32,
        seed: u64,
        watch: Watch<'_>,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Self, MarketError> {
        let traders = traders.next_multiple_of(2);
        let engine = Engine::new(&rules::genesis());
        let mut market = Self { engine, prices: LOT_USD, traders, last_number: 0 };
        market.must(market.listings(), watch)?;
        market.must(Vec::new(), watch)?;
        let population = Population::draw(traders, seed);
        let opening = (1..MEMBERS_BESIDE_TRADERS + traders)
            .map(|account| by(Who::Account(account), Command::OpenAccount { pool: POOL }));
        let deposits: Vec<Money> = population
            .holdings
            .iter()
            .zip(&population.leverages)
            .map(|(holding, leverage)| market.deposit_of(holding, *leverage))
            .collect();
        let paying = market.members().into_iter().chain(deposits.into_iter().enumerate().map(|(trader, amount)| {
            let account = AccountId(trader as u32 + MEMBERS_BESIDE_TRADERS);
            by(Who::Custodian, Command::Deposit { pool: POOL, account, amount })
        }));
        let struck = population.trades.iter().flatten();
        let marks: Vec<Price> = (0..INSTRUMENTS).map(|at| market.mark(InstrumentId(at as u16))).collect();
        let trading = struck.map(|trade| {
            let [buyer, seller] = [trade.buyer, trade.seller].map(|trader| AccountId(trader + MEMBERS_BESIDE_TRADERS));
            let price = marks[usize::from(trade.instrument.0)];
            let (instrument, quantity) = (trade.instrument, Quantity::new(trade.lots));
            by(Who::Venue, Command::Trade { pool: POOL, instrument, buyer, seller, quantity, price })
        });
        let venue = rules::key_of(Who::Venue);
        let most = Money::new(MAX_MONEY);
        let leaves = (MEMBERS_BESIDE_TRADERS..MEMBERS_BESIDE_TRADERS + traders).map(|account| {
            let leave =
                Command::AllowVenue { pool: POOL, account: AccountId(account), venue, loss: most, margin: most };
            by(Who::Account(account), leave)
        });
        let all = opening.chain(leaves).chain(paying).chain(trading).chain(bids(traders));
        market.in_blocks(all, traders as usize * 4, watch, tell)?;
        Ok(market)
    }

    /// Applies commands in blocks, none of which may be refused.
    fn in_blocks(
        &mut self,
        commands: impl Iterator<Item = Signed>,
        about: usize,
        watch: Watch<'_>,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<(), MarketError> {
        let (mut commands, mut done) = (commands.peekable(), 0);
        while commands.peek().is_some() {
            let some: Vec<Signed> = commands.by_ref().take(BLOCK_COMMANDS).collect();
            done += some.len();
            self.must(some, watch)?;
            tell(Progress { doing: "building the market", done: done as u64, of: (about as u64).max(done as u64) });
        }
        Ok(())
    }

    fn must(&mut self, commands: Vec<Signed>, watch: Watch<'_>) -> Result<(), MarketError> {
        let block = self.block(commands);
        let receipt = self.apply(&block);
        watch(&block, &receipt);
        match receipt.rejections.first() {
            Some((_, first)) => Err(MarketError::Refused { commands: receipt.rejections.len(), first: *first }),
            None => Ok(()),
        }
    }

    fn listings(&self) -> Vec<Signed> {
        let fund = FUND_SHARE * self.gross_usd();
        let feeds =
            (0..FEEDS).map(|feed| Command::ListFeed { name: format!("feed {feed}"), parameters: rules::feed() });
        let pool = Command::OpenPool { name: "bench".to_owned(), parameters: rules::pool(fund) };
        let instruments = (0..INSTRUMENTS).map(|at| Command::ListInstrument {
            pool: POOL,
            name: format!("instrument {at}"),
            parameters: rules::instrument(at),
        });
        let listed = feeds.chain([pool]).chain(instruments).map(|command| by(Who::Governance, command));
        let capital = [(Capital::Fund, fund), (Capital::OwnCapital, fund / 4.0)]
            .map(|(capital, usd)| by(Who::Custodian, Command::Capitalise { pool: POOL, capital, amount: money(usd) }));
        listed.chain(capital).collect()
    }

    /// What makers and bidders pay in.
    fn members(&self) -> Vec<Signed> {
        let maker = money(MAKER_COVER * open_interest_usd(self.traders));
        let bidder = money(bidder_usd(self.traders));
        let pay = |account: u32, amount: Money| {
            by(Who::Custodian, Command::Deposit { pool: POOL, account: AccountId(account), amount })
        };
        let makers = (1..=MAKERS).map(|account| pay(account, maker));
        makers.chain((0..BIDDERS).map(|bidder_at| pay(1 + MAKERS + bidder_at, bidder))).collect()
    }

    /// What a trader pays in: what its leverage asks for, or enough for initial margin after each of its trades; and fees.
    fn deposit_of(&self, holding: &Holding, leverage: f64) -> Money {
        let pool = self.pool();
        let positions: Vec<Position> = holding
            .iter()
            .filter(|(_, lots)| *lots != 0)
            .map(|(instrument, lots)| Position {
                instrument: *instrument,
                quantity: Quantity::new(*lots),
                entry: Money::ZERO,
            })
            .collect();
        let gross = margin::notional(pool, &positions).get() as f64 / 1e6;
        let needs = (1..=positions.len()).map(|count| margin::initial_margin(pool, Money::ZERO, &positions[..count]));
        let needed = needs.max().unwrap_or_default().get() as f64 / 1e6;
        let fees = gross * FEE * (1.0 + FEE_SURCHARGE) * 1.01 + 0.01;
        money((gross / leverage).max(needed * LEAST_COVER) + fees)
    }

    /// What all positions are worth, both sides, USD, on average.
    fn gross_usd(&self) -> f64 {
        open_interest_usd(self.traders) * INSTRUMENTS as f64 * 2.0
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The pool.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.engine.state().pools[POOL]
    }

    /// The number of traders.
    #[must_use]
    pub fn traders(&self) -> u32 {
        self.traders
    }

    /// How many accounts the watch looked at in the last block.
    pub(super) fn looked_at(&self) -> usize {
        self.pool().watch.looked_at()
    }

    /// The mark of an instrument.
    #[must_use]
    pub fn mark(&self, instrument: InstrumentId) -> Price {
        self.pool().matrices.mark(instrument)
    }

    /// An order number above all that were used.
    pub(super) fn number(&mut self) -> OrderNumber {
        self.last_number += 1;
        self.last_number
    }

    /// Moves the price of each feed by a factor; publishers report it in the next block.
    pub fn move_prices(&mut self, factors: [f64; FEEDS]) {
        for (price, factor) in self.prices.iter_mut().zip(factors) {
            *price *= factor;
        }
    }

    /// The next block: what publishers report, then these commands.
    #[must_use]
    pub fn block(&self, commands: Vec<Signed>) -> Block {
        let time = self.engine.state().time + BLOCK;
        let listed = self.engine.state().feeds.len();
        let observe = |(feed, usd): (usize, &f64), publisher: u64| {
            let (feed, price, confidence) = (FeedId(feed as u16), price(*usd), Price::ZERO);
            let command = Command::Observe { feed, price, confidence, published_at: time, transfers_suspended: false };
            by(Who::Publisher(publisher), command)
        };
        let mut all: Vec<Signed> = Vec::with_capacity(commands.len() + FEEDS * PUBLISHERS as usize);
        for quoted in self.prices.iter().enumerate().take(listed) {
            all.extend((0..PUBLISHERS).map(|publisher| observe(quoted, publisher)));
        }
        all.extend(commands);
        Block { version: BLOCK_VERSION, height: self.engine.height() + 1, time, restart: false, commands: all }
    }

    /// Applies a block that [`Market::block`] made.
    pub fn apply(&mut self, block: &Block) -> Receipt {
        self.engine.apply(block)
    }

    /// Every maker takes its old quote back and shows both sides, half a tenth of a percent from the mark, each a fifth of
    /// what traders hold on one side of its instrument.
    pub(super) fn quotes(&mut self) -> Vec<Signed> {
        let mut commands = Vec::with_capacity(INSTRUMENTS * 3);
        for at in 0..INSTRUMENTS {
            let (instrument, account) = (InstrumentId(at as u16), maker_of(at));
            let mark = self.mark(instrument).get();
            let lots = (open_interest_usd(self.traders) / 5.0 / LOT_USD[feed_of(at)]).ceil() as i64;
            commands.push(by(Who::Account(account.0), Command::CancelAll { pool: POOL, account }));
            for side in [1, -1] {
                let limit = Price::new(mark - side * (mark / 2_000).max(1));
                let order = self.limit_order(instrument, Quantity::new(side * lots), limit);
                commands.push(place(account, order));
            }
        }
        commands
    }

    /// An order that rests until it is cancelled.
    pub(super) fn limit_order(&mut self, instrument: InstrumentId, quantity: Quantity, limit: Price) -> NewOrder {
        NewOrder {
            number: self.number(),
            instrument,
            quantity,
            limit: Some(limit),
            lifetime: Lifetime::UntilCancelled,
            reduce_only: false,
        }
    }
}

/// The account of a trader.
pub(super) fn trader(at: u32) -> AccountId {
    AccountId(MEMBERS_BESIDE_TRADERS + at)
}

/// The account that makes the market in an instrument.
pub(super) fn maker_of(instrument: usize) -> AccountId {
    AccountId(1 + instrument as u32)
}

pub(super) fn place(account: AccountId, order: NewOrder) -> Signed {
    by(Who::Account(account.0), Command::PlaceOrder { pool: POOL, account, order })
}

pub(super) fn by(who: Who, command: Command) -> Signed {
    Signed { signer: key_of(who), command }
}

fn bidder_usd(traders: u32) -> f64 {
    FUND_SHARE * open_interest_usd(traders) * INSTRUMENTS as f64 * 2.0 / f64::from(BIDDERS)
}

/// Bidders ask between 0.5 % and 4 % of initial margin.
fn bids(traders: u32) -> impl Iterator<Item = Signed> {
    (0..BIDDERS).map(move |at| {
        let account = AccountId(1 + MAKERS + at);
        let (premium, capacity) = (Ratio::new(5_000 * (i64::from(at) + 1)), money(bidder_usd(traders) * BIDDER_REACH));
        by(Who::Account(account.0), Command::PlaceBid { pool: POOL, account, premium, capacity })
    })
}

//! The world before the first second: feeds, pools, instruments, capital, everybody's accounts and positions, all by
//! commands through the engine's one door.

use super::convert::{lots, money, price, ratio};
use super::keys::key_of;
use super::publishers::FeedPublishers;
use super::{DrillError, Record, rules};
use crate::plan::Plan;
use crate::population::Population;
use crate::tape::Tape;
use clearing::Engine;
use clearing::command::{BLOCK_VERSION, Block, Capital, Command, Key, Rejection, Signed};
use clearing::engine::{Genesis, MAX_COMMANDS};
use clearing::event::Receipt;
use clearing::parameters::PublisherParameters;
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{MAX_MONEY, Money, Price, Quantity, Time};
use std::collections::BTreeMap;

const GOVERNANCE: &str = "governance";
const CUSTODIAN: &str = "custodian";
/// How long before the first second the world is set up: long enough for rate-limited stress to settle.
const SETUP: Time = Time::new(12 * 3_600_000 + 10_000);
const HOUR: Time = Time::new(3_600_000);
const SECOND: Time = Time::new(1_000);
const MILLISECOND: Time = Time::new(1);
/// Stable assets have no tape: three publishers repeat the plan's fixed price.
const STABLE_PUBLISHERS: [&str; 3] = ["stable/a", "stable/b", "stable/c"];

/// A pool of the world.
pub(super) struct PoolWorld {
    pub(super) id: PoolId,
    pub(super) instruments: BTreeMap<String, InstrumentId>,
    pub(super) spots: BTreeMap<String, InstrumentId>,
    pub(super) makers: Vec<AccountId>,
    pub(super) bidders: Vec<AccountId>,
    pub(super) traders: Vec<AccountId>,
}

/// The engine with everything that its state does not name.
pub(super) struct World<'a> {
    pub(super) plan: &'a Plan,
    pub(super) engine: Engine,
    pub(super) feeds: BTreeMap<String, FeedId>,
    pub(super) publishers: Vec<FeedPublishers>,
    pub(super) pools: Vec<PoolWorld>,
    pub(super) recorder: Option<&'a mut dyn Record>,
}

impl<'a> World<'a> {
    /// Lists every feed, pool and instrument, and publishes the first prices.
    pub(super) fn new(
        plan: &'a Plan,
        tape: &Tape,
        population: &Population,
        prices: &BTreeMap<String, f64>,
        recorder: Option<&'a mut dyn Record>,
    ) -> Self {
        let time = Time::new(tape.start_ms) - SETUP;
        let genesis = Genesis { time, governance: key_of(GOVERNANCE), custodian: key_of(CUSTODIAN) };
        let engine = Engine::new(&genesis);
        let mut world =
            Self { plan, engine, feeds: BTreeMap::new(), publishers: Vec::new(), pools: Vec::new(), recorder };
        if let Some(recorder) = world.recorder.as_mut() {
            recorder.genesis(&genesis, &world.engine.root());
        }
        let mut commands = world.list_feeds(tape, population);
        commands.extend(world.list_pools(prices));
        world.apply(time + SECOND, commands);
        let first = world.first_prices(time + SECOND + SECOND);
        world.apply(time + SECOND + SECOND, first);
        world
    }

    /// Applies a block of commands, recording it if a recorder is there.
    pub(super) fn apply(&mut self, time: Time, commands: Vec<Signed>) -> Receipt {
        let height = self.engine.height() + 1;
        let block = Block { version: BLOCK_VERSION, height, time, restart: false, commands };
        let receipt = self.engine.apply(&block);
        if let Some(recorder) = self.recorder.as_mut() {
            recorder.block(&block, &receipt);
        }
        receipt
    }

    /// Applies commands in as few blocks as hold them, a millisecond apart; answers why any were refused.
    fn apply_all(&mut self, time: Time, commands: Vec<Signed>) -> Vec<Rejection> {
        let mut refused = Vec::new();
        let mut left = commands.into_iter().peekable();
        let mut at = time;
        loop {
            let receipt = self.apply(at, left.by_ref().take(MAX_COMMANDS).collect());
            refused.extend(receipt.rejections.into_iter().map(|(_, rejection)| rejection));
            if left.peek().is_none() {
                return refused;
            }
            at += MILLISECOND;
        }
    }

    fn list_feeds(&mut self, tape: &Tape, population: &Population) -> Vec<Signed> {
        let mut commands = Vec::new();
        let mut list = |feeds: &mut BTreeMap<String, FeedId>, name: &str, parameters| {
            let id = FeedId(u16::try_from(feeds.len()).expect("a drill has few feeds"));
            feeds.insert(name.to_owned(), id);
            commands.push(by(GOVERNANCE, Command::ListFeed { name: name.to_owned(), parameters }));
        };
        for listed in &self.plan.instruments {
            let publishers = FeedPublishers::of(tape, &listed.symbol, listed.lot_size, &population.faults);
            let publishers = publishers.expect("the caller checked that the tape has every symbol");
            list(
                &mut self.feeds,
                &listed.symbol,
                rules::feed(&self.plan.core, publishers.parameters(), listed.long_run_volatility_a_day),
            );
            self.publishers.push(publishers);
        }
        for asset in self.plan.collateral.iter().filter(|asset| asset.fixed_price_usd.is_some()) {
            let of = |(source, name): (usize, &&str)| PublisherParameters {
                key: key_of(name),
                weight: 100,
                source: source as u16,
            };
            let publishers = STABLE_PUBLISHERS.iter().enumerate().map(of).collect();
            // A stable asset moves by about a tenth of a percent a day: assumption.
            list(&mut self.feeds, &asset.asset, rules::feed(&self.plan.core, publishers, 0.001));
        }
        commands
    }

    fn list_pools(&mut self, prices: &BTreeMap<String, f64>) -> Vec<Signed> {
        let mut commands = vec![by(CUSTODIAN, Command::FundReserve { amount: money(self.plan.fund_usd().max(1.0)) })];
        for (at, planned) in self.plan.pools.iter().enumerate() {
            let pool = PoolId(u16::try_from(at).expect("a drill has few pools"));
            let parameters = rules::pool(&self.plan.core, planned.fund_usd);
            commands.push(by(GOVERNANCE, Command::OpenPool { name: planned.name.clone(), parameters }));
            let mut world = PoolWorld {
                id: pool,
                instruments: BTreeMap::new(),
                spots: BTreeMap::new(),
                makers: vec![],
                bidders: vec![],
                traders: vec![],
            };
            for symbol in &planned.symbols {
                let listed = self.plan.instrument(symbol).expect("the plan has checked its symbols");
                let id = InstrumentId(world.instruments.len() as u16);
                world.instruments.insert(symbol.clone(), id);
                let notional = notional_at_start(self.plan, at, symbol);
                let parameters = rules::perpetual(self.plan, listed, self.feeds[symbol], notional, prices[symbol]);
                commands.push(by(GOVERNANCE, Command::ListInstrument { pool, name: symbol.clone(), parameters }));
            }
            for asset in &self.plan.collateral {
                let id = InstrumentId((world.instruments.len() + world.spots.len()) as u16);
                world.spots.insert(asset.asset.clone(), id);
                let parameters = rules::spot(self.plan, asset, self.feeds[&asset.asset]);
                commands.push(by(
                    GOVERNANCE,
                    Command::ListInstrument { pool, name: format!("{} spot", asset.asset), parameters },
                ));
            }
            let (core, fund) = (&self.plan.core, planned.fund_usd);
            let capitals = [(Capital::Fund, fund), (Capital::OwnCapital, fund * core.own_capital_over_fund)];
            for (capital, usd) in capitals.into_iter().filter(|(_, usd)| *usd > 0.0) {
                commands.push(by(CUSTODIAN, Command::Capitalise { pool, capital, amount: money(usd) }));
            }
            commands.push(by(GOVERNANCE, Command::SetLine { pool, cap: money(fund * core.line_over_fund) }));
            self.pools.push(world);
        }
        commands
    }

    fn first_prices(&self, time: Time) -> Vec<Signed> {
        let mut commands: Vec<Signed> =
            self.publishers.iter().flat_map(|feed| feed.first(self.feeds[&feed.symbol], time)).collect();
        commands.extend(self.stable_prices(time));
        commands
    }

    /// What the publishers of stable assets say.
    pub(super) fn stable_prices(&self, time: Time) -> Vec<Signed> {
        let mut commands = Vec::new();
        for asset in &self.plan.collateral {
            let Some(usd) = asset.fixed_price_usd else { continue };
            let (seen, confidence) = (price(usd, asset.lot_size), Price::new(1));
            let feed = self.feeds[&asset.asset];
            commands.extend(STABLE_PUBLISHERS.iter().map(|name| {
                by(
                    name,
                    Command::Observe { feed, price: seen, confidence, published_at: time, transfers_suspended: false },
                )
            }));
        }
        commands
    }

    /// Opens everybody's account, pays in what they have, and strikes their positions at the marks.
    pub(super) fn populate(&mut self, population: &Population) -> Result<(), DrillError> {
        let time = self.engine.state().time;
        let (open, leaves) = self.open_accounts(population);
        self.apply_all(time + SECOND, open);
        // A node hears nothing else from a key that has no account yet: leaves go into a later block.
        let mut fund = leaves;
        fund.extend(self.deposits(population));
        fund.extend(self.stable_prices(time + SECOND + SECOND));
        self.apply_all(time + SECOND + SECOND, fund);
        let strike = self.strikes(population);
        let refused = self.apply_all(time + SECOND + SECOND + SECOND, strike);
        if let Some(first) = refused.first() {
            return Err(DrillError::NotStruck { trades: refused.len(), first: *first });
        }
        self.rest(time + SECOND + SECOND + SECOND);
        let stand_by = self.stand_by(population);
        self.apply(self.engine.state().time + SECOND, stand_by);
        Ok(())
    }

    /// Hours of unchanged prices, in which stress settles at what the open interest asks.
    fn rest(&mut self, from: Time) {
        let mut time = from;
        for _ in 0..11 {
            time += HOUR;
            let prices = self.first_prices(time);
            self.apply(time, prices);
        }
    }

    /// What opens everybody's account, and then what lets the venue bring their first trades. R7.10
    fn open_accounts(&mut self, population: &Population) -> (Vec<Signed>, Vec<Signed>) {
        let (mut commands, mut leaves) = (Vec::new(), Vec::new());
        let mut next: Vec<u32> = self.pools.iter().map(|_| 1).collect();
        let mut open =
            |at: usize, owner: Key, pools: &mut Vec<PoolWorld>, who: fn(&mut PoolWorld) -> &mut Vec<AccountId>| {
                let account = AccountId(next[at]);
                next[at] += 1;
                who(&mut pools[at]).push(account);
                let (pool, venue, most) = (pools[at].id, key_of(rules::VENUE), Money::new(MAX_MONEY));
                commands.push(Signed { signer: owner, command: Command::OpenAccount { pool } });
                let leave = Command::AllowVenue { pool, account, venue, loss: most, margin: most };
                leaves.push(Signed { signer: owner, command: leave });
            };
        for (at, maker) in population.makers.iter().enumerate() {
            open(maker.pool, maker_key(at), &mut self.pools, |pool| &mut pool.makers);
        }
        for (at, bidder) in population.bidders.iter().enumerate() {
            open(bidder.pool, bidder_key(at), &mut self.pools, |pool| &mut pool.bidders);
        }
        for (at, trader) in population.traders.iter().enumerate() {
            open(trader.pool, trader_key(at), &mut self.pools, |pool| &mut pool.traders);
        }
        (commands, leaves)
    }

    /// The accounts of the members in the order of the population, with what each holds.
    pub(super) fn members<'p>(&self, population: &'p Population) -> Vec<Member<'p>> {
        let mut seats: Vec<(usize, usize, usize)> = self.pools.iter().map(|_| (0, 0, 0)).collect();
        let mut members = Vec::new();
        for maker in &population.makers {
            let seat = &mut seats[maker.pool].0;
            let account = self.pools[maker.pool].makers[*seat];
            *seat += 1;
            members.push(Member {
                pool: maker.pool,
                account,
                cash_usd: maker.capital_usd,
                collateral: &[],
                positions: &maker.inventory,
            });
        }
        for bidder in &population.bidders {
            let seat = &mut seats[bidder.pool].1;
            let account = self.pools[bidder.pool].bidders[*seat];
            *seat += 1;
            members.push(Member {
                pool: bidder.pool,
                account,
                cash_usd: bidder.capital_usd,
                collateral: &[],
                positions: &[],
            });
        }
        for trader in &population.traders {
            let seat = &mut seats[trader.pool].2;
            let account = self.pools[trader.pool].traders[*seat];
            *seat += 1;
            let (cash_usd, collateral) = (trader.cash_usd, trader.collateral.as_slice());
            members.push(Member { pool: trader.pool, account, cash_usd, collateral, positions: &trader.positions });
        }
        members
    }

    /// Everything that publishers say in a second.
    pub(super) fn publish(&mut self, second: usize, time: Time) -> Vec<Signed> {
        let mut said = self.stable_prices(time);
        for feed in &mut self.publishers {
            said.extend(feed.say(self.feeds[&feed.symbol], second, time));
        }
        said
    }

    /// The symbol of a feed.
    pub(super) fn symbol_of(&self, feed: FeedId) -> &str {
        self.feeds.iter().find(|(_, id)| **id == feed).map_or("", |(symbol, _)| symbol)
    }

    pub(super) fn lot_size(&self, symbol: &str) -> f64 {
        let listed = self.plan.instrument(symbol).map(|listed| listed.lot_size);
        let posted = || self.plan.collateral.iter().find(|asset| asset.asset == symbol).map(|asset| asset.lot_size);
        listed.or_else(posted).expect("the plan names every symbol in use")
    }

    fn deposits(&self, population: &Population) -> Vec<Signed> {
        let mut commands = Vec::new();
        for member in self.members(population) {
            let world = &self.pools[member.pool];
            let (pool, account) = (world.id, member.account);
            // Striking the positions costs a fee, which is paid in on top.
            let fees: f64 =
                member.positions.iter().map(|(symbol, units)| units.abs() * self.mark_usd(member.pool, symbol)).sum();
            let amount = money(member.cash_usd + fees * self.plan.core.fee * 1.5 + 0.01).min(Money::new(MAX_MONEY));
            commands.push(by(CUSTODIAN, Command::Deposit { pool, account, amount }));
            for (asset, units) in member.collateral {
                let quantity = lots(*units, self.lot_size(asset));
                let instrument = world.spots[asset];
                commands.push(by(CUSTODIAN, Command::DepositCollateral { pool, account, instrument, quantity }));
            }
        }
        commands
    }

    /// The mark of a symbol in USD a unit.
    pub(super) fn mark_usd(&self, pool: usize, symbol: &str) -> f64 {
        let world = &self.pools[pool];
        let mark = self.engine.state().pools[world.id].matrices.mark(world.instruments[symbol]);
        super::convert::usd_a_unit(mark, self.lot_size(symbol))
    }

    /// Trades between longs and shorts, in order, until everybody has their position.
    fn strikes(&self, population: &Population) -> Vec<Signed> {
        let members = self.members(population);
        let mut commands = Vec::new();
        for (at, world) in self.pools.iter().enumerate() {
            for (symbol, instrument) in &world.instruments {
                let price = self.engine.state().pools[world.id].matrices.mark(*instrument);
                let sides = |sign: f64| -> Vec<(AccountId, Quantity)> {
                    let own = members.iter().filter(|member| member.pool == at);
                    let legs = own.flat_map(|member| {
                        member.positions.iter().map(move |(name, units)| (member.account, name, *units))
                    });
                    let held = legs.filter(|(_, name, units)| *name == symbol && units * sign > 0.0);
                    held.map(|(account, _, units)| (account, lots(units.abs(), self.lot_size(symbol)))).collect()
                };
                for (buyer, seller, quantity) in pair_up(sides(1.0), sides(-1.0)) {
                    let command =
                        Command::Trade { pool: world.id, instrument: *instrument, buyer, seller, quantity, price };
                    commands.push(by(rules::VENUE, command));
                }
            }
        }
        commands
    }

    /// Standing bids, and the bidders' money in the tranche.
    fn stand_by(&self, population: &Population) -> Vec<Signed> {
        let mut commands = Vec::new();
        let mut seats: Vec<usize> = self.pools.iter().map(|_| 0).collect();
        for (at, bidder) in population.bidders.iter().enumerate() {
            let world = &self.pools[bidder.pool];
            let account = world.bidders[seats[bidder.pool]];
            seats[bidder.pool] += 1;
            let margin = self.average_initial_margin(bidder.pool);
            // The plan's premium and capacity are shares of notional; the core's are of initial margin.
            let premium = ratio(f64::from(bidder.premium_ppm) / 1e6 / margin).min(ratio(1.0));
            let capacity = money((bidder.capacity_usd * margin).max(1.0));
            let planned = &self.plan.pools[bidder.pool];
            let count = population.bidders.iter().filter(|other| other.pool == bidder.pool).count() as f64;
            let tranche = (planned.fund_usd * self.plan.core.tranche_over_fund / count).min(bidder.capital_usd * 0.2);
            let signer = bidder_key(at);
            commands.push(Signed { signer, command: Command::PlaceBid { pool: world.id, account, premium, capacity } });
            if tranche > 0.0 {
                commands.push(Signed {
                    signer,
                    command: Command::JoinTranche { pool: world.id, account, amount: money(tranche) },
                });
            }
        }
        commands
    }

    /// The initial stress of a pool's perpetuals, averaged by their weight in the plan.
    fn average_initial_margin(&self, pool: usize) -> f64 {
        let weights = |symbol: &String| self.plan.instrument(symbol).map_or(0.0, |listed| listed.notional_weight);
        let ratios = self.initial_margin_ratios();
        let symbols = &self.plan.pools[pool].symbols;
        let whole: f64 = symbols.iter().map(weights).sum();
        symbols.iter().map(|symbol| weights(symbol) * ratios[symbol]).sum::<f64>() / whole
    }

    /// What a small position in each symbol needs as initial margin, as a share of its notional: read off the engine.
    pub(super) fn initial_margin_ratios(&self) -> BTreeMap<String, f64> {
        let mut ratios = BTreeMap::new();
        for world in &self.pools {
            let pool = &self.engine.state().pools[world.id];
            for (symbol, instrument) in &world.instruments {
                let mark = pool.matrices.mark(*instrument);
                let quantity = Quantity::new(1_000);
                let position = clearing::state::Position { instrument: *instrument, quantity, entry: Money::ZERO };
                let margin = |quantity: Quantity| {
                    let position = clearing::state::Position { quantity, ..position.clone() };
                    clearing::margin::initial_margin(pool, Money::ZERO, &[position])
                };
                let needed = margin(quantity).max(margin(-quantity));
                ratios.insert(symbol.clone(), needed.get() as f64 / (mark * quantity).get() as f64);
            }
        }
        ratios
    }
}

/// Whoever holds an account at the start.
pub(super) struct Member<'p> {
    pub(super) pool: usize,
    pub(super) account: AccountId,
    pub(super) cash_usd: f64,
    pub(super) collateral: &'p [(String, f64)],
    pub(super) positions: &'p [(String, f64)],
}

/// Open interest of a symbol at the start, USD: its weight in its pool's share of the whole.
fn notional_at_start(plan: &Plan, pool: usize, symbol: &str) -> f64 {
    let planned = &plan.pools[pool];
    let weight = |symbol: &String| plan.instrument(symbol).map_or(0.0, |listed| listed.notional_weight);
    let whole: f64 = planned.symbols.iter().map(weight).sum();
    plan.population.total_notional_usd * planned.notional_share * weight(&symbol.to_owned()) / whole
}

/// Matches two lists of lots, each in order.
fn pair_up(
    longs: Vec<(AccountId, Quantity)>,
    shorts: Vec<(AccountId, Quantity)>,
) -> Vec<(AccountId, AccountId, Quantity)> {
    let mut pairs = Vec::new();
    let mut shorts = shorts.into_iter();
    let mut short = shorts.next();
    for (buyer, mut left) in longs {
        while left.is_positive() {
            let Some((seller, room)) = short.as_mut() else { return pairs };
            let size = left.min(*room);
            pairs.push((buyer, *seller, size));
            left -= size;
            *room -= size;
            if room.is_zero() {
                short = shorts.next();
            }
        }
    }
    pairs
}

fn by(name: &str, command: Command) -> Signed {
    Signed { signer: key_of(name), command }
}

pub(super) fn maker_key(at: usize) -> Key {
    key_of(&format!("maker/{at}"))
}

pub(super) fn bidder_key(at: usize) -> Key {
    key_of(&format!("bidder/{at}"))
}

fn trader_key(at: usize) -> Key {
    key_of(&format!("trader/{at}"))
}

//! What simulated members do: publishers repeat the recorded day, makers quote around it, traders take leverage, bidders wait.

use super::NodeArgs;
use super::dev::Market;
use super::keys::Actor;
use authority::Envelope;
use clearing::command::{Command, Lifetime, NewOrder};
use clearing::state::{Level, Standing};
use clearing::table::{AccountId, Id, InstrumentId, PoolId};
use clearing::units::{Quantity, Ratio, Time};
use lab::drill::convert::{lots, money, price};
use node::{Intake, NotTaken, Published};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::{Duration, Instant};

const POOL: PoolId = PoolId(0);
const TICK: Duration = Duration::from_millis(250);
const MAKERS: usize = 4;
const BIDDERS: usize = 2;
/// USD that each begins with.
const MAKER_USD: f64 = 2_000_000.0;
const BIDDER_USD: f64 = 500_000.0;
const TRADER_USD: (f64, f64) = (2_000.0, 60_000.0);
/// A maker's quotes a side: how far from the price, and how much of its size.
const LEVELS: [(f64, f64); 4] = [(0.0004, 0.1), (0.001, 0.2), (0.003, 0.3), (0.008, 0.4)];
/// What a maker shows a side in each instrument, USD.
const SHOWN_USD: f64 = 150_000.0;
/// Quotes live a little longer than until the next ones.
const QUOTE_LIFE: Time = Time::new(1_500);
const QUOTE_EVERY: u64 = 4;
/// How often a trader looks at the market, on average: once in so many ticks.
const TRADES_ONE_IN: u32 = 40;
const MOST_LEVERAGE: f64 = 18.0;

/// Who a member is.
struct Member {
    actor: Actor,
    account: AccountId,
    role: Role,
    number: u64,
}

#[derive(Clone, Copy)]
enum Role {
    Maker,
    Bidder,
    Trader { usd: f64, leverage: f64, is_long: bool },
}

/// Everybody who is simulated.
pub(super) struct Cast {
    market: Market,
    members: Vec<Member>,
    random: ChaCha8Rng,
    intake: Intake,
    published: Published,
    speed: usize,
    traders: usize,
    begun: Instant,
    ticks: u64,
}

impl Cast {
    pub(super) fn new(market: Market, args: &NodeArgs, intake: Intake, published: Published) -> Self {
        let random = ChaCha8Rng::seed_from_u64(market.seed);
        let (speed, traders) = (args.speed as usize, usize::from(args.traders));
        Self { market, members: Vec::new(), random, intake, published, speed, traders, begun: Instant::now(), ticks: 0 }
    }

    /// Sets everything up that is not there yet, then trades until the node stops.
    pub(super) async fn play(mut self) {
        if self.set_up().await.is_none() {
            return;
        }
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            self.ticks += 1;
            let envelopes = self.tick();
            for share in envelopes.chunks(protocol::MAX_ENVELOPES) {
                // Whoever is busy or refused says so in the counters; simulated members try again anyway.
                if matches!(self.intake.submit(share.to_vec()).await, Err(NotTaken::Stopping)) {
                    return;
                }
            }
        }
    }

    /// The time of the last block, or the wall clock's before there is one that means anything.
    fn now(&self) -> Time {
        let elapsed = i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(0);
        self.published.view.load().time.max(Time::new(elapsed))
    }

    fn elapsed(&self) -> usize {
        usize::try_from(self.begun.elapsed().as_millis()).unwrap_or(0) * self.speed / 1_000
    }

    /// None if the node stops meanwhile.
    async fn set_up(&mut self) -> Option<()> {
        // Nothing is signed before the first block has told the time.
        let mut heights = self.published.height.clone();
        heights.changed().await.ok()?;
        let (domain, now) = (self.intake.domain(), self.now());
        if self.published.view.load().pools.is_empty() {
            let commands = self.market.setup(now);
            let sign = |(by_governance, command): (bool, Command)| {
                let actor = if by_governance { &mut self.market.governance } else { &mut self.market.custodian };
                actor.sign(&domain, now, command)
            };
            let envelopes: Vec<Envelope> = commands.into_iter().map(sign).collect();
            self.submit(envelopes).await?;
        }
        let prices = self.observations();
        self.submit(prices).await?;
        let names = self.names();
        let newcomers =
            names.iter().map(|(name, _)| Actor::named(name)).filter(|actor| self.account_of(actor).is_none());
        let mut newcomers: Vec<Actor> = newcomers.collect();
        let open = newcomers.iter_mut().map(|actor| actor.sign(&domain, now, Command::OpenAccount { pool: POOL }));
        let open: Vec<Envelope> = open.collect();
        // A few at a time: newcomers share an allowance.
        for share in open.chunks(20) {
            self.submit(share.to_vec()).await?;
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        let mut money_in = Vec::new();
        for (name, role) in names {
            let actor = Actor::named(&name);
            let Some(account) = self.account_of(&actor) else { continue };
            if newcomers.iter().any(|newcomer| newcomer.key() == actor.key()) {
                let amount = money(usd_of(role));
                let deposit = Command::Deposit { pool: POOL, account, amount };
                money_in.push(self.market.custodian.sign(&domain, now, deposit));
            }
            self.members.push(Member { actor, account, role, number: 0 });
        }
        self.submit(money_in).await?;
        let bids = self.bids();
        self.submit(bids).await
    }

    async fn submit(&self, envelopes: Vec<Envelope>) -> Option<()> {
        if envelopes.is_empty() {
            return Some(());
        }
        match self.intake.submit(envelopes).await {
            Err(NotTaken::Stopping) => None,
            _ => Some(()),
        }
    }

    fn names(&mut self) -> Vec<(String, Role)> {
        let mut names: Vec<(String, Role)> = (0..MAKERS).map(|at| (format!("maker {at}"), Role::Maker)).collect();
        names.extend((0..BIDDERS).map(|at| (format!("bidder {at}"), Role::Bidder)));
        for at in 0..self.traders {
            let usd = self.random.random_range(TRADER_USD.0..TRADER_USD.1);
            let leverage = self.random.random_range(2.0..MOST_LEVERAGE);
            let is_long = self.random.random::<f64>() < 0.7;
            names.push((format!("trader {at}"), Role::Trader { usd, leverage, is_long }));
        }
        names
    }

    fn account_of(&self, actor: &Actor) -> Option<AccountId> {
        let view = self.published.view.load();
        let accounts = &view.pool(POOL)?.accounts;
        let at = accounts.iter().position(|account| account.owner == actor.key())?;
        AccountId::at(at)
    }

    fn bids(&mut self) -> Vec<Envelope> {
        let (domain, now) = (self.intake.domain(), self.now());
        let bidders = self.members.iter_mut().filter(|member| matches!(member.role, Role::Bidder)).enumerate();
        let bid = |(at, member): (usize, &mut Member)| {
            let premium = Ratio::new(40_000 + 20_000 * i64::try_from(at).unwrap_or(0));
            let capacity = money(BIDDER_USD / 2.0);
            member.actor.sign(
                &domain,
                now,
                Command::PlaceBid { pool: POOL, account: member.account, premium, capacity },
            )
        };
        bidders.map(bid).collect()
    }

    fn observations(&mut self) -> Vec<Envelope> {
        let (domain, now, elapsed) = (self.intake.domain(), self.now(), self.elapsed());
        let said = self.market.observations(elapsed, now);
        let sign = |(feed, at, command): (usize, usize, Command)| {
            let publisher = self.market.listed.get_mut(feed)?.publishers.get_mut(at)?;
            Some(publisher.sign(&domain, now, command))
        };
        said.into_iter().filter_map(sign).collect()
    }

    fn tick(&mut self) -> Vec<Envelope> {
        let mut envelopes = self.observations();
        let quotes = self.ticks.is_multiple_of(QUOTE_EVERY);
        let mut members = std::mem::take(&mut self.members);
        for member in &mut members {
            let commands = match member.role {
                Role::Maker if quotes => self.quotes(member),
                Role::Trader { usd, leverage, is_long } if self.random.random_range(0..TRADES_ONE_IN) == 0 => {
                    self.trade(member, usd, leverage, is_long).into_iter().collect()
                }
                _ => Vec::new(),
            };
            let (domain, now) = (self.intake.domain(), self.now());
            envelopes.extend(commands.into_iter().map(|command| member.actor.sign(&domain, now, command)));
        }
        self.members = members;
        envelopes
    }

    /// Every instrument that trades: its id, the size of its lot, what its asset trades at, and whether anybody may add risk.
    fn markets(&self) -> Vec<(InstrumentId, f64, f64, bool)> {
        let view = self.published.view.load();
        let Some(own) = view.pool(POOL) else { return Vec::new() };
        let elapsed = self.elapsed();
        let market = |(id, instrument): (InstrumentId, &clearing::state::Instrument)| {
            let listed = self.market.listed.get(instrument.parameters.feed.position())?;
            let price = self.market.price(&listed.symbol, elapsed)?;
            let is_open = instrument.is_open() && instrument.breaker.level != Level::ReduceOnly;
            Some((id, listed.lot_size, price, is_open))
        };
        own.pool.instruments.iter().filter_map(market).collect()
    }

    fn quotes(&self, member: &mut Member) -> Vec<Command> {
        let until = self.now() + QUOTE_LIFE;
        let mut commands = Vec::new();
        for (instrument, lot_size, usd, is_open) in self.markets() {
            for (side, (distance, share)) in [1.0, -1.0].into_iter().flat_map(|side| LEVELS.map(|level| (side, level)))
            {
                let limit = price(usd * (1.0 - side * distance), lot_size);
                let size = lots(SHOWN_USD * share / usd, lot_size);
                let quantity = if side > 0.0 { size } else { -size };
                let order = NewOrder {
                    number: member.next_number(until),
                    instrument,
                    quantity,
                    limit: Some(limit),
                    lifetime: Lifetime::Until(until),
                    reduce_only: !is_open,
                };
                commands.push(Command::PlaceOrder { pool: POOL, account: member.account, order });
            }
        }
        commands
    }

    /// Goes towards the leverage that the trader likes, in an instrument at random; half of it back now and then.
    fn trade(&mut self, member: &mut Member, usd: f64, leverage: f64, is_long: bool) -> Option<Command> {
        let markets = self.markets();
        let chosen = self.random.random_range(0..u32::try_from(markets.len()).ok().filter(|count| *count > 0)?);
        let (instrument, lot_size, asset_usd, is_open) = *markets.get(chosen as usize)?;
        let view = self.published.view.load();
        let account = view.pool(POOL)?.account(member.account)?;
        if account.standing != Standing::Good {
            return None;
        }
        let wanted = lots(usd * leverage / markets.len() as f64 / asset_usd, lot_size);
        let wanted = if is_long { wanted } else { -wanted };
        let held = account.quantity(instrument);
        let leaves = self.random.random_range(0..4_u32) == 0 && !held.is_zero();
        let quantity = if leaves { Quantity::new(-held.get() / 2) } else { wanted - held };
        let reduce_only = leaves || !is_open;
        if quantity.is_zero() {
            return None;
        }
        let now = self.now();
        let order = NewOrder {
            number: member.next_number(now),
            instrument,
            quantity,
            limit: None,
            lifetime: Lifetime::ThisBlock,
            reduce_only,
        };
        Some(Command::PlaceOrder { pool: POOL, account: member.account, order })
    }
}

impl Member {
    /// Numbers follow the time, so that a member who comes back does not use one twice.
    fn next_number(&mut self, now: Time) -> u64 {
        let from_time = u64::try_from(now.get()).unwrap_or(0).saturating_mul(1_000);
        self.number = from_time.max(self.number.saturating_add(1));
        self.number
    }
}

fn usd_of(role: Role) -> f64 {
    match role {
        Role::Maker => MAKER_USD,
        Role::Bidder => BIDDER_USD,
        Role::Trader { usd, .. } => usd,
    }
}

//! Everybody who is simulated, tick by tick: publishers repeat the recorded day, makers quote around it, traders take leverage, bidders
//! wait. All of them sign, and come in by the same door as anybody else.

mod moves;
mod opening;

use super::NodeArgs;
use super::dev::Market;
use super::keys::Actor;
use authority::Envelope;
use clearing::command::Command;
use clearing::state::FUND;
use clearing::table::{AccountId, Id, PoolId};
use clearing::units::Time;
use moves::{Member, Role, Stage};
use node::system::Answer;
use node::{Intake, NotTaken, Pace, Published};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::num::NonZeroU32;
use std::time::Duration;

const POOL: PoolId = PoolId(0);
/// Between two ticks, and between two blocks of a day that passes quickly: the less of it passes between them, the better rules can follow.
const TICK: Duration = Duration::from_millis(250);
const FAST_TICK: Duration = Duration::from_millis(50);
const FAST: u32 = 5;
/// A trader who wants more than its margin allows makes do with this share of it.
const MAKES_DO: f64 = 0.8;

/// Everybody who is simulated.
pub(super) struct Cast {
    market: Market,
    members: Vec<Member>,
    random: ChaCha8Rng,
    intake: Intake,
    published: Published,
    speed: u32,
    traders: usize,
    ticks: usize,
    lap: usize,
}

/// What is sent, and which member each is from, if its answer matters.
#[derive(Default)]
struct Sent {
    envelopes: Vec<Envelope>,
    from: Vec<Option<usize>>,
}

impl Sent {
    fn push(&mut self, from: Option<usize>, envelope: Envelope) {
        self.envelopes.push(envelope);
        self.from.push(from);
    }
}

/// How often blocks of a simulated market are made.
pub(super) fn pace(speed: u32) -> Pace {
    let usual = Pace { simulated: NonZeroU32::new(speed), ..Pace::default() };
    if speed >= FAST { Pace { interval: FAST_TICK, ..usual } } else { usual }
}

impl Cast {
    pub(super) fn new(market: Market, args: &NodeArgs, intake: Intake, published: Published) -> Self {
        let random = ChaCha8Rng::seed_from_u64(market.seed);
        let (speed, traders) = (args.speed, usize::from(args.traders));
        Self { market, members: Vec::new(), random, intake, published, speed, traders, ticks: 0, lap: 0 }
    }

    /// Sets everything up that is not there yet, then trades until the node stops.
    pub(super) async fn play(mut self) {
        if self.set_up().await.is_none() {
            return;
        }
        self.lap = self.market.day.lap(self.elapsed_s());
        let mut ticks = tokio::time::interval(self.tick_length());
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.ticks += 1;
            let sent = self.tick();
            if self.send(sent).await.is_none() {
                return;
            }
        }
    }

    fn tick_length(&self) -> Duration {
        if self.speed >= FAST { FAST_TICK } else { TICK }
    }

    /// The time of the last block.
    fn now(&self) -> Time {
        self.published.view.load().time
    }

    /// How much of the replay has passed: it began when the first instrument was listed, and goes on with the network's time.
    fn elapsed_s(&self) -> usize {
        let view = self.published.view.load();
        let listed =
            view.pool(POOL).and_then(|own| own.pool.instruments.iter().next().map(|(_, first)| first.listed_at));
        listed.map_or(0, |listed| usize::try_from((view.time - listed).get() / 1_000).unwrap_or(0))
    }

    /// None if the node stops meanwhile.
    async fn send(&mut self, sent: Sent) -> Option<()> {
        let Sent { mut envelopes, mut from } = sent;
        while !envelopes.is_empty() {
            let rest = envelopes.split_off(envelopes.len().min(protocol::MAX_ENVELOPES));
            let rest_from = from.split_off(envelopes.len());
            let answers = match self.intake.submit(envelopes).await {
                Err(NotTaken::Stopping) => return None,
                // Simulated members try again with the next tick.
                Err(_) => Vec::new(),
                Ok(answers) => answers,
            };
            for (answered, from) in answers.iter().zip(from) {
                self.hear(from, answered.answer);
            }
            (envelopes, from) = (rest, rest_from);
        }
        Some(())
    }

    /// A trader to whom its margin says no wants less from then on.
    fn hear(&mut self, from: Option<usize>, answer: Answer) {
        let Some(member) = from.and_then(|at| self.members.get_mut(at)) else { return };
        if let (Role::Trader { leverage, .. }, Answer::Rejected(_)) = (&mut member.role, answer) {
            *leverage *= MAKES_DO;
        }
    }

    fn tick(&mut self) -> Sent {
        let mut sent = Sent::default();
        self.observations().into_iter().for_each(|envelope| sent.push(None, envelope));
        self.new_day(&mut sent);
        let stage = self.stage();
        let (domain, mut members) = (self.intake.domain(), std::mem::take(&mut self.members));
        let makers = members.iter().filter(|member| matches!(member.role, Role::Maker)).count();
        for (at, member) in members.iter_mut().enumerate() {
            let commands = match member.role {
                // One maker a tick, the others the next ones.
                Role::Maker if at == self.ticks % makers.max(1) => stage.quotes(member),
                Role::Bidder if self.ticks.is_multiple_of(4) => stage.work_off(member),
                Role::Trader { .. } => stage.trade(member, self.traders, &mut self.random).into_iter().collect(),
                _ => Vec::new(),
            };
            for command in commands {
                let heard = matches!(member.role, Role::Trader { .. }).then_some(at);
                sent.push(heard, member.actor.sign(&domain, stage.now, command));
            }
            if stage.starts_over(member, &mut self.random) {
                self.come_again(member, stage.now).into_iter().for_each(|envelope| sent.push(None, envelope));
            }
            if let Some(amount) = stage.wants(member, &mut self.random) {
                let deposit = Command::Deposit { pool: POOL, account: member.account, amount };
                sent.push(None, self.market.custodian.sign(&domain, stage.now, deposit));
            }
        }
        self.members = members;
        sent
    }

    fn stage(&self) -> Stage {
        let (view, scenes) = (self.published.view.load_full(), self.market.scenes(self.elapsed_s()));
        let lot_sizes: Vec<f64> = self.market.listed.iter().map(|listed| listed.lot_size).collect();
        let tick_ms = i64::try_from(self.tick_length().as_millis()).unwrap_or(0) * i64::from(self.speed);
        Stage::new(view, &scenes, &lot_sizes, Time::new(tick_ms))
    }

    fn observations(&mut self) -> Vec<Envelope> {
        let (domain, now, elapsed_s) = (self.intake.domain(), self.now(), self.elapsed_s());
        let said = self.market.observations(elapsed_s, now);
        let sign = |(feed, at, command): (usize, usize, Command)| {
            let publisher = self.market.listed.get_mut(feed)?.publishers.get_mut(at)?;
            Some(publisher.sign(&domain, now, command))
        };
        said.into_iter().filter_map(sign).collect()
    }

    /// When the day begins again, traders think anew and the fund has what it began with.
    fn new_day(&mut self, sent: &mut Sent) {
        let lap = self.market.day.lap(self.elapsed_s());
        if lap == self.lap {
            return;
        }
        self.lap = lap;
        for member in &mut self.members {
            member.role = member.role.anew(&mut self.random);
        }
        let view = self.published.view.load_full();
        let Some(own) = view.pool(POOL) else { return };
        let (domain, now) = (self.intake.domain(), view.time);
        let own_capital = own.pool.own_capital;
        let fund = own.account(FUND).map_or(own_capital, |_| own.fund_equity());
        for command in self.market.refill(fund, own_capital) {
            sent.push(None, self.market.custodian.sign(&domain, now, command));
        }
    }

    fn account_of(&self, actor: &Actor) -> Option<AccountId> {
        let view = self.published.view.load();
        let accounts = &view.pool(POOL)?.accounts;
        let at = accounts.iter().position(|account| account.owner == actor.key())?;
        AccountId::at(at)
    }

    fn draw(&mut self) -> Role {
        let usd = self.random.random_range(moves::TRADER_USD.0..moves::TRADER_USD.1);
        Role::Trader { usd, leverage: 0.0, is_long: true }.anew(&mut self.random)
    }
}

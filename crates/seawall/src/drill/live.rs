//! A drill against a live node: the same members' commands, signed and sent over the API, and what a client saw of it.
//!
//! The reference engine runs beside it, in a thread of its own, and decides what makers, bidders and traders do, as in every drill. Each
//! block's commands get real keys ([`rekey`]), times of the node's clock, and signatures, and go to the node over a few senders.
//! A signer's commands keep their order: each signer has one sender.

mod rekey;
mod measured;

use super::RunArgs;
use crate::failure::Failure;
use crate::node::keys::secret_of;
use crate::output;
use authority::{Domain, Request};
use clearing::command::{Block, Command, Lifetime, Signed};
use clearing::engine::Genesis;
use clearing::event::Receipt;
use clearing::table::{AccountId, PoolId};
use clearing::units::Time;
use client::{Client, ClientError};
use indicatif::{ProgressBar, ProgressStyle};
use lab::catalogue::Exhibit;
use lab::drill::{Drill, DrillError, Progress, Record};
use measured::Measured;
use protocol::MAX_ENVELOPES;
use protocol::hex::unhex;
use rekey::Keys;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Blocks that the reference engine may be ahead.
const AHEAD: usize = 64;
/// Commands that wait for a sender, at most: then nothing more is scheduled.
const WAITING: usize = 4_000;
/// Whoever places so many orders in a second of the drill is a maker, whose quotes replace those before.
const QUOTES: usize = 4;
/// How long a node may take to make its first block, before which it has no time to sign at.
const FIRST_BLOCK: Duration = Duration::from_secs(10);
/// The shortest life of an order on the node: longer than a block, shorter than anybody waits.
const SHORTEST_LIFE: Time = Time::new(1_000);

/// How fast the drill's clock runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Speed {
    /// So many seconds in one.
    Times(f64),
    /// As fast as the node answers.
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let speed = text.parse().ok().filter(|speed: &f64| (0.01..=100_000.0).contains(speed));
        speed.map(Self::Times).ok_or_else(|| "allowed 0.01 to 100000, or max".to_owned())
    }
}

/// Runs the drill; answers the exit code.
pub(super) fn run(args: &RunArgs, url: &str) -> Result<u8, Failure> {
    let secret = |name: &str| match &args.keys {
        Some(folder) => read_key(&folder.join(format!("{name}.key"))),
        None => Ok(secret_of(name)),
    };
    let keys = Keys::new(secret("governance")?, secret("custodian")?);
    let client = Client::new(url).map_err(|error| Failure::usage(format!("--node: {error}")))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| Failure::io(&error))?;
    let (send, blocks) = mpsc::channel(AHEAD);
    let stop = Arc::new(AtomicBool::new(false));
    let exhibit = Exhibit::find(&args.name).ok_or_else(|| super::unknown_drill(&args.name))?;
    let plan = exhibit.plan().map_err(Failure::data)?;
    let recording = exhibit.recording(&plan, args.data.as_deref()).map_err(Failure::data)?;
    let accounts = args.accounts.map_or(plan.population.default_accounts, |accounts| accounts as usize);
    let bar = ProgressBar::new(plan.window.seconds as u64);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:32} {percent:>3}% {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    std::thread::scope(|scope| {
        let reference = scope.spawn(|| {
            let drill = Drill { plan: &plan, recording: &recording, systemic: false };
            let setting = drill.setting(accounts, args.seed).map_err(Failure::data)?;
            let mut feed = Feed { send: Some(send) };
            let mut go_on = |_: &Progress| {
                if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            // Whether the members do well is told by the drill itself; here they only have to ask.
            match drill.run(&setting, args.seed, Some(&mut feed), &mut go_on) {
                Ok(_) | Err(DrillError::Stopped) => Ok(()),
                Err(error) => Err(Failure::data(error)),
            }
        });
        let begins = plan.window.start_ms;
        let driver = Driver { client, keys, args, begins, bar: &bar };
        let driven = runtime.block_on(driver.drive(blocks));
        stop.store(true, Ordering::Relaxed);
        let refused = reference.join().map_err(|_| Failure::broken("the reference engine stopped"))?;
        bar.finish_and_clear();
        let measured = driven?;
        refused?;
        measured.print(args.json)?;
        Ok(0)
    })
}

/// A secret key as `seawall init` writes it.
fn read_key(path: &Path) -> Result<[u8; 32], Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::file(path))?;
    let bytes = unhex(text.trim()).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Failure::data(format!("{}: allowed 64 hexadecimal digits", path.display())))
}

/// Hands the reference engine's blocks on.
struct Feed {
    send: Option<mpsc::Sender<Block>>,
}

impl Record for Feed {
    fn genesis(&mut self, _: &Genesis, _: &[u8; 32]) {}

    fn block(&mut self, block: &Block, _: &Receipt) {
        // Nobody listens any more: the drill is about to be stopped.
        if self.send.as_ref().is_some_and(|send| send.blocking_send(block.clone()).is_err()) {
            self.send = None;
        }
    }
}

/// A command on its way.
struct Sent {
    signed: Signed,
    /// When it should have left.
    due: Instant,
}

struct Driver<'a> {
    client: Client,
    keys: Keys,
    args: &'a RunArgs,
    /// The first second of the drill, ms: what comes before is set-up.
    begins: i64,
    bar: &'a ProgressBar,
}

impl Driver<'_> {
    async fn drive(mut self, mut blocks: mpsc::Receiver<Block>) -> Result<Measured, Failure> {
        let domain = self.client.domain().await.map_err(|error| Failure::io(&error))?;
        let (pools, feeds) = (self.client.pools().await, self.client.feeds().await);
        let listed = pools.map_err(|error| Failure::io(&error))?.pools.len()
            + feeds.map_err(|error| Failure::io(&error))?.feeds.len();
        if listed > 0 {
            let hint = "hint: start one with seawall node --dev --bare, or seawall init";
            return Err(Failure::data(format!(
                "{}: found {listed} pools and feeds, allowed none\n{hint}",
                self.client.address()
            )));
        }
        self.first_block().await?;
        let mut measured = Measured::default();
        let mut next = blocks.recv().await;
        self.bar.set_message("setting up");
        while let Some(block) = next.take_if(|block| block.time.get() < self.begins) {
            self.set_up(&domain, block, &mut measured).await?;
            next = blocks.recv().await;
        }
        if let Some(refused) = measured.not_set_up() {
            let hint = "hint: the network's keys are named with --keys; a node's limits are for strangers";
            return Err(Failure::data(format!("not taken while setting up: {refused}\n{hint}")));
        }
        measured.begin();
        self.send_all(&domain, next, blocks, &mut measured).await?;
        let status = self.client.status().await.map_err(|error| Failure::io(&error))?;
        let recent = self.client.blocks(1_000).await.map_err(|error| Failure::io(&error))?;
        measured.node(&status, &recent.blocks);
        Ok(measured)
    }

    /// Waits until the node has a time.
    async fn first_block(&self) -> Result<(), Failure> {
        let until = Instant::now() + FIRST_BLOCK;
        while self.client.status().await.map_err(|error| Failure::io(&error))?.height == 0 {
            if Instant::now() > until {
                let waited = FIRST_BLOCK.as_secs();
                return Err(Failure::data(format!("{}: no block in {waited} s", self.client.address())));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// One request after the other: ids are given in the order of commands.
    async fn set_up(&mut self, domain: &Domain, block: Block, measured: &mut Measured) -> Result<(), Failure> {
        for share in block.commands.chunks(MAX_ENVELOPES) {
            let now = self.client.now().await.map_err(|error| Failure::io(&error))?;
            let mut envelopes = Vec::with_capacity(share.len());
            for signed in share {
                let shifted = shifted(signed.command.clone(), block.time, now, 1.0);
                let (signer, command) = self.keys.rekeyed(signed.signer, shifted);
                envelopes.push(signer.sign(domain, now, Request::Act(command)).map_err(Failure::data)?);
            }
            let answers = self.client.submit_until_answered(&envelopes).await.map_err(|error| Failure::io(&error))?;
            answers.iter().for_each(|answer| measured.set_up(answer));
        }
        Ok(())
    }

    async fn send_all(
        &self,
        domain: &Domain,
        first: Option<Block>,
        mut blocks: mpsc::Receiver<Block>,
        measured: &mut Measured,
    ) -> Result<(), Failure> {
        let senders = usize::from(self.args.senders);
        let scale = if let Speed::Times(speed) = self.args.speed { speed } else { 100.0 };
        let (mut lanes, mut tasks) = (Vec::new(), Vec::new());
        let keys = self.keys.shared_among(senders);
        for keys in keys {
            let (lane, waiting) = mpsc::channel(WAITING);
            lanes.push(lane);
            tasks.push(tokio::spawn(send(self.client.clone(), *domain, keys, scale, waiting)));
        }
        let begun = Instant::now();
        let ends = self.args.stop_after.map(Duration::from_secs);
        let mut next = first;
        let interrupted = tokio::signal::ctrl_c();
        let mut interrupted = std::pin::pin!(interrupted);
        while let Some(block) = next {
            let passed = (block.time.get() - self.begins).max(0) as f64 / 1e3;
            let due = match self.args.speed {
                Speed::Times(speed) => begun + Duration::from_secs_f64(passed / speed),
                Speed::Max => Instant::now(),
            };
            self.bar.set_position(passed as u64);
            self.bar.set_message(format!(
                "{} UTC  {} commands",
                output::clock(block.time.get()),
                output::count(measured.sent)
            ));
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => (),
                _ = &mut interrupted => { measured.cut_short = true; break }
            }
            if ends.is_some_and(|ends| begun.elapsed() >= ends) {
                measured.cut_short = true;
                break;
            }
            measured.block();
            for signed in with_replacements(block.commands) {
                let lane = lanes.get(rekey::lane_of(signed.signer, senders)).expect("one lane a sender");
                let age = (block.time, Sent { signed, due });
                measured.sent += 1;
                if lane.send(age).await.is_err() {
                    return Err(Failure::broken("a sender has stopped"));
                }
            }
            next = blocks.recv().await;
        }
        drop(lanes);
        blocks.close();
        finish(tasks, measured).await
    }
}

/// Waits for what is on its way.
async fn finish(tasks: Vec<JoinHandle<Result<Measured, ClientError>>>, measured: &mut Measured) -> Result<(), Failure> {
    for task in tasks {
        let seen = task.await.map_err(|error| Failure::broken(&error.to_string()))?;
        measured.merge(seen.map_err(|error| Failure::io(&error))?);
    }
    measured.end();
    Ok(())
}

/// Sends what waits, up to a full request at a time, and waits for the answers before the next.
async fn send(
    client: Client,
    domain: Domain,
    mut keys: Keys,
    scale: f64,
    mut waiting: mpsc::Receiver<(Time, Sent)>,
) -> Result<Measured, ClientError> {
    let mut measured = Measured::default();
    let mut taken = Vec::new();
    let clock = NodeClock { at: client.now().await?, read: Instant::now() };
    while waiting.recv_many(&mut taken, MAX_ENVELOPES).await > 0 {
        let now = clock.now();
        let mut dues = Vec::with_capacity(taken.len());
        let mut envelopes = Vec::with_capacity(taken.len());
        for (time, sent) in taken.drain(..) {
            let shifted = shifted(sent.signed.command, time, now, scale);
            let (signer, command) = keys.rekeyed(sent.signed.signer, shifted);
            envelopes.push(signer.sign(&domain, now, Request::Act(command))?);
            dues.push(sent.due);
        }
        let left = Instant::now();
        let answers = client.submit_until_answered(&envelopes).await?;
        let answered = Instant::now();
        for (answer, due) in answers.iter().zip(dues) {
            measured.answer(answer, answered - left, answered - due.min(left));
        }
    }
    Ok(measured)
}

/// The node's clock, read once and followed.
struct NodeClock {
    at: Time,
    read: Instant,
}

impl NodeClock {
    fn now(&self) -> Time {
        self.at + Time::new(i64::try_from(self.read.elapsed().as_millis()).unwrap_or(0))
    }
}

/// In a drill quotes end with their second and new ones follow. Faster than the clock several seconds are one block of the node, so that
/// whoever quotes anew cancels first, as makers do.
fn with_replacements(commands: Vec<Signed>) -> Vec<Signed> {
    let mut quotes: BTreeMap<(PoolId, AccountId), usize> = BTreeMap::new();
    let whose = |command: &Command| match command {
        Command::PlaceOrder { pool, account, .. } => Some((*pool, *account)),
        _ => None,
    };
    for place in commands.iter().filter_map(|signed| whose(&signed.command)) {
        *quotes.entry(place).or_default() += 1;
    }
    let mut all = Vec::with_capacity(commands.len());
    for signed in commands {
        if let Some((pool, account)) = whose(&signed.command)
            && quotes.remove(&(pool, account)).is_some_and(|count| count >= QUOTES)
        {
            all.push(Signed { signer: signed.signer, command: Command::CancelAll { pool, account } });
        }
        all.push(signed);
    }
    all
}

/// A command of the drill's time at a time of the node: prices as old as they were, orders for as long as they were, in the drill's pace.
fn shifted(command: Command, was: Time, now: Time, scale: f64) -> Command {
    let life = |until: Time| {
        let left = ((until - was).get() as f64 / scale) as i64;
        now + Time::new(left).max(SHORTEST_LIFE)
    };
    match command {
        Command::Observe { feed, price, confidence, published_at, transfers_suspended } => {
            let published_at = now - (was - published_at);
            Command::Observe { feed, price, confidence, published_at, transfers_suspended }
        }
        Command::PlaceOrder { pool, account, mut order } => {
            if let Lifetime::Until(until) = order.lifetime {
                order.lifetime = Lifetime::Until(life(until));
            }
            Command::PlaceOrder { pool, account, order }
        }
        other => other,
    }
}

//! The node's one thread of blocks: take what waits, apply it, write it, publish it, answer.

use crate::clock::{Clock, ClockBehind};
use crate::intake::{Answered, Submission};
use crate::lanes::Lanes;
use crate::system::{Answer, Applied, Batch, SYSTEM_VERSION, System};
use crate::view::{Counts, View};
use arc_swap::ArcSwap;
use authority::Envelope;
use clearing::engine::BlockError;
use replication::{Alone, Machine, OrderError};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::{error, info, warn};

/// When blocks are made, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long a block waits for more, unless it is full.
    pub interval: Duration,
    /// How long a node that is asked nothing goes without a block: timelocks, expiries and feeds need the time.
    pub idle: Duration,
    /// Most commands of a block.
    pub most_commands: usize,
    /// How many blocks lie between two snapshots, at least.
    pub snapshot_blocks: u64,
    /// How many seconds of a simulation pass in one of this machine; none where time is the wall clock's.
    pub simulated: Option<NonZeroU32>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(100),
            idle: Duration::from_secs(1),
            most_commands: 20_000,
            snapshot_blocks: 6_000,
            simulated: None,
        }
    }
}

/// Snapshots that are kept.
const KEPT_SNAPSHOTS: usize = 3;

/// Why a node stops.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The journal or the core refuses.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The machine's clock is wrong.
    #[error(transparent)]
    Clock(#[from] ClockBehind),
}

/// What readers share with the thread of blocks.
#[derive(Clone, Debug)]
pub struct Published {
    /// The state after the last block.
    pub view: Arc<ArcSwap<View>>,
    /// The height of the last block, for those who wait for the next.
    pub height: watch::Receiver<u64>,
}

/// The thread of blocks before it runs.
#[derive(Debug)]
pub struct Runner {
    alone: Alone<System>,
    clock: Clock,
    lanes: Arc<Lanes<Submission>>,
    pace: Pace,
    view: View,
    published: Arc<ArcSwap<View>>,
    height: watch::Sender<u64>,
    /// Whether this is a node that has come back and has made no block yet. R13.4
    restart: bool,
    last_snapshot: u64,
}

impl Runner {
    /// A thread of blocks for a node that was created or has come back.
    ///
    /// # Errors
    /// If the machine's clock is behind the last block.
    pub fn new(
        alone: Alone<System>,
        lanes: Arc<Lanes<Submission>>,
        pace: Pace,
    ) -> Result<(Self, Published), NodeError> {
        let engine = alone.machine().engine();
        let clock = Clock::start(engine.state().time, pace.simulated)?;
        let view = View::of(alone.machine());
        let published = Arc::new(ArcSwap::from_pointee(view.clone()));
        let (height, heard) = watch::channel(engine.height());
        let (restart, last_snapshot) = (engine.height() > 0, engine.height());
        let shared = Published { view: Arc::clone(&published), height: heard };
        Ok((Self { alone, clock, lanes, pace, view, published, height, restart, last_snapshot }, shared))
    }

    /// Makes blocks until the lanes are closed and empty; then writes a snapshot, so that the next start is short.
    ///
    /// # Errors
    /// If the journal cannot be written. Whoever waits then hears nothing, and asks again.
    pub fn run(mut self) -> Result<(), NodeError> {
        let mut last_block = Instant::now();
        let mut tick = last_block + self.pace.interval;
        while let Some(taken) = self.lanes.take(tick, self.pace.most_commands) {
            let now = Instant::now();
            // A late block does not make the next ones early.
            tick = (tick + self.pace.interval).max(now);
            if taken.is_empty() && now.duration_since(last_block) < self.pace.idle {
                continue;
            }
            last_block = now;
            self.make_block(taken)?;
        }
        self.snapshot();
        info!(height = self.view.height, "stopped");
        Ok(())
    }

    fn make_block(&mut self, taken: Vec<Submission>) -> Result<(), NodeError> {
        let time = self.clock.next();
        let system = self.alone.machine();
        let mut envelopes: Vec<Envelope> = Vec::new();
        let mut waiting = Vec::with_capacity(taken.len());
        for submission in taken {
            // What the gate would refuse anyway does not take room in the journal.
            let admits = |envelope: &Envelope| system.admits(envelope, time).err();
            let refused: Vec<_> = submission.envelopes.iter().map(admits).collect();
            let admitted = submission.envelopes.into_iter().zip(&refused).filter(|(_, refusal)| refusal.is_none());
            envelopes.extend(admitted.map(|(envelope, _)| envelope));
            waiting.push((submission.reply, refused));
        }
        let height = system.height() + 1;
        let batch = Batch { version: SYSTEM_VERSION, height, time, restart: self.restart, envelopes };
        let begun = Instant::now();
        let applied = match self.alone.commit(&batch) {
            Ok(applied) => applied,
            Err(OrderError::Block(BlockError::Time { found, after })) => {
                unreachable!("the clock gives later times only: {found:?} after {after:?}")
            }
            Err(failure) => {
                error!(%failure, height, "a block was not written: the node stops");
                return Err(failure.into());
            }
        };
        self.restart = false;
        let took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut answers = applied.answers.clone().into_iter();
        self.publish(applied, batch.envelopes.len(), took_us);
        for (reply, refused) in waiting {
            let answer = |refusal| match refusal {
                Some(refusal) => Some(Answered { height: None, answer: Answer::Refused(refusal) }),
                None => Some(Answered { height: Some(height), answer: answers.next()? }),
            };
            // Whoever has hung up meanwhile does not want to know.
            let _ = reply.send(refused.into_iter().filter_map(answer).collect());
        }
        if self.view.height - self.last_snapshot >= self.pace.snapshot_blocks {
            self.snapshot();
        }
        Ok(())
    }

    fn publish(&mut self, applied: Applied, all: usize, took_us: u64) {
        let rejected = applied.answers.iter().filter(|answer| matches!(answer, Answer::Rejected(_))).count();
        let refused = applied.answers.iter().filter(|answer| matches!(answer, Answer::Refused(_))).count();
        let height = applied.height;
        self.view.advance(self.alone.machine().engine().state(), applied, Counts { all, rejected, refused, took_us });
        self.published.store(Arc::new(self.view.clone()));
        self.height.send_replace(height);
    }

    /// A snapshot is encoded here and written by a thread of its own. A node without one starts slower, and no worse.
    fn snapshot(&mut self) {
        if self.view.height == self.last_snapshot {
            return;
        }
        self.last_snapshot = self.view.height;
        let (snapshot, snapshots) = (self.alone.snapshot(), self.alone.journal().snapshots());
        let written = std::thread::spawn(move || {
            if let Err(failure) = snapshots.write(&snapshot).and_then(|()| snapshots.keep(KEPT_SNAPSHOTS)) {
                warn!(%failure, height = snapshot.height, "a snapshot was not written");
            }
        });
        if self.lanes.is_closed() {
            // The process is about to end.
            let _ = written.join();
        }
    }
}

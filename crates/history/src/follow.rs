//! Decides when a running node's blocks become files, and what happens if they cannot.
//!
//! A thread of its own reads published views; the thread of blocks does not know of it. A view remembers an hour, so a disk that refuses
//! for less costs nothing. If it refuses for longer history stops, the node goes on, and the next start reads the rest from the journal.

use crate::error::HistoryError;
use crate::folder::{Folder, Rotation};
use crate::replay;
use journal::Journal;
use node::Published;
use node::system::System;
use protocol::decimal::Places;
use replication::{Machine, Replay};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::{error, info, warn};

/// What an operator decides about history.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory, made if need be.
    pub directory: PathBuf,
    /// How much goes into a file.
    pub rotation: Rotation,
    /// How long is waited after the disk has refused.
    pub retry: Duration,
    /// The places of each asset's lot.
    pub places: Places,
}

impl Settings {
    /// The usual settings for a directory.
    #[must_use]
    pub fn of(directory: PathBuf, places: Places) -> Self {
        Self { directory, rotation: Rotation::default(), retry: Duration::from_secs(30), places }
    }
}

/// How history fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Blocks up to this height are in files.
    Written(u64),
    /// The disk refused after this height, and is asked again.
    Refused(u64),
    /// Nothing more is written until the node is started again.
    Stopped(u64),
}

/// History that has caught up with a journal, before its node makes blocks.
#[derive(Debug)]
pub struct CaughtUp {
    folder: Folder,
    retry: Duration,
}

/// History of a running node.
#[derive(Debug)]
pub struct History {
    progress: watch::Receiver<Progress>,
    thread: JoinHandle<()>,
}

impl CaughtUp {
    /// Brings the files of a directory up to the last block of a journal: what they do not cover is applied again from the newest
    /// snapshot that reaches back far enough, or from the genesis.
    ///
    /// # Errors
    /// If the directory cannot be used, has files of another network or damaged ones, or the journal cannot be replayed.
    pub fn with(settings: &Settings, journal: &Journal, system: &System) -> Result<Self, HistoryError> {
        let Settings { directory, rotation, places, .. } = settings;
        let mut folder = Folder::open(directory, &system.domain().network, places.clone(), *rotation)?;
        let (covered, height) = (folder.covered(), system.height());
        if covered > height {
            return Err(HistoryError::Ahead { path: directory.clone(), found: covered, allowed: height });
        }
        if covered < height {
            info!(from = covered + 1, to = height, "history is made from the journal");
            replay::follow(Replay::after(journal, covered)?, &mut folder, height, &mut tell)?;
        }
        Ok(Self { folder, retry: settings.retry })
    }

    /// Follows a running node until its thread of blocks ends.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn follow(self, published: Published) -> Result<History, HistoryError> {
        let directory = self.folder.path().to_owned();
        let (sender, progress) = watch::channel(Progress::Written(self.folder.covered()));
        let run = move || self.run(published, &sender);
        let thread = std::thread::Builder::new().name("history".to_owned()).spawn(run);
        Ok(History { progress, thread: thread.map_err(HistoryError::io(&directory))? })
    }

    fn run(mut self, mut published: Published, progress: &watch::Sender<Progress>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let Ok(runtime) = runtime else {
            error!("history has no runtime and is not written");
            return;
        };
        let mut refused: Option<Instant> = None;
        loop {
            let goes_on = runtime.block_on(published.height.changed()).is_ok();
            let waits = refused.is_some_and(|since| since.elapsed() < self.retry);
            if goes_on && waits {
                continue;
            }
            let written = self.folder.follow(&published.view.load_full(), !goes_on);
            let covered = self.folder.covered();
            match written {
                Ok(()) => {
                    if refused.take().is_some() {
                        warn!(covered, "history is written again");
                    }
                    progress.send_replace(Progress::Written(covered));
                }
                Err(failure @ HistoryError::Io { .. }) if goes_on => {
                    error!(%failure, covered, "history is not written; the node goes on, and the disk is asked again");
                    refused = Some(Instant::now());
                    progress.send_replace(Progress::Refused(covered));
                }
                Err(failure) => {
                    error!(%failure, covered, "history stops; the node goes on, and its next start makes the rest");
                    progress.send_replace(Progress::Stopped(covered));
                    return;
                }
            }
            if !goes_on {
                return;
            }
        }
    }
}

impl History {
    /// How it fares, now and later.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Waits until everything is written, after the thread of blocks has ended.
    pub fn finish(self) {
        if self.thread.join().is_err() {
            error!("history stopped in a panic; the next start makes the rest");
        }
    }
}

/// An operator who waits for a long replay sees that it goes on.
fn tell(height: u64, to: u64) {
    const EVERY: u64 = 10_000;
    if height.is_multiple_of(EVERY) {
        info!(height, to, "history is made from the journal");
    }
}

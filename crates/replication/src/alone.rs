//! Decides the order of blocks where one node decides alone: what is applied, what is written, and what counts as done.
//!
//! A block is checked, applied in memory, written durably with the root it led to, and only then given out. So a block that stops the
//! core is never in the journal, one that is in the journal has a root, and what somebody was told survives a loss of power. If
//! the power goes between applying and writing, nobody was told.

use crate::error::OrderError;
use crate::machine::Machine;
use crate::replay::Replay;
use clearing::Engine;
use journal::{Damaged, Entry, Journal, Snapshot};
use std::path::Path;

/// A core and its journal, held by one node.
#[derive(Debug)]
pub struct Alone<M = Engine> {
    machine: M,
    journal: Journal,
    /// Whether the core is ahead of what could be written.
    stopped: bool,
}

/// How a node came back.
#[derive(Debug)]
pub struct Recovered {
    /// The height of the snapshot that it began with; 0 for the genesis.
    pub snapshot: u64,
    /// How many blocks were applied after it.
    pub replayed: u64,
    /// Heights at the end of the journal that were damaged, and are lost.
    pub cut: Vec<u64>,
    /// Snapshot files that could not be read.
    pub damaged: Vec<Damaged>,
    /// Snapshots that were read and refused.
    pub refused: Vec<OrderError>,
}

impl<M: Machine> Alone<M> {
    /// A new system in a directory.
    ///
    /// # Errors
    /// If the genesis is none, there is a journal already, or the disk refuses.
    pub fn create(directory: &Path, genesis: &[u8]) -> Result<Self, OrderError> {
        let machine = M::begin(genesis).ok_or(OrderError::Genesis)?;
        let journal = Journal::create(directory, genesis)?;
        Ok(Self { machine, journal, stopped: false })
    }

    /// The system of a directory as it was when its last block was given out: the newest snapshot that is whole, then the blocks
    /// after it, root by root. The first block that is proposed then has `restart` set (R13.4).
    ///
    /// # Errors
    /// If there is no journal, it is damaged before its end, or the core comes to another root than it once did.
    pub fn open(directory: &Path) -> Result<(Self, Recovered), OrderError> {
        let (journal, opened) = Journal::open(directory)?;
        let mut replay: Replay<'_, M> = Replay::after(&journal, journal.height())?;
        let snapshot = replay.machine().height();
        while let Some(applied) = replay.apply_next() {
            applied?;
        }
        let replayed = replay.machine().height() - snapshot;
        let (machine, damaged, refused) = replay.end();
        let recovered = Recovered { snapshot, replayed, cut: opened.cut, damaged, refused };
        Ok((Self { machine, journal, stopped: false }, recovered))
    }

    /// The core, to look at.
    #[must_use]
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The journal, to look at.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Commits the next block: when this answers, the block and what it led to survive a loss of power.
    ///
    /// # Errors
    /// If the block may not come next, which changes nothing; or if it cannot be written, after which nothing more is taken.
    ///
    /// # Panics
    /// If an invariant of the core breaks. The block is then not in the journal.
    pub fn commit(&mut self, block: &M::Block) -> Result<M::Receipt, OrderError> {
        if self.stopped {
            return Err(OrderError::Stopped);
        }
        self.machine.check(block)?;
        // From here on the core is ahead of the journal, until the journal has it too.
        self.stopped = true;
        let receipt = self.machine.apply(block);
        let bytes = borsh::to_vec(block).expect("writing to memory succeeds");
        let (height, root) = (self.machine.height(), self.machine.root());
        let entry = Entry { height, root, certificate: Vec::new(), block: bytes };
        self.journal.append(&[entry])?;
        self.stopped = false;
        Ok(receipt)
    }

    /// The state as it is, for [`journal::Snapshots::write`], which another thread may do.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { height: self.machine.height(), root: self.machine.root(), bytes: self.machine.snapshot() }
    }
}

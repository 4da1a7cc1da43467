//! Decides the order of blocks where one node decides alone: what is applied, what is written, and what counts as done.
//!
//! A block is checked, applied in memory, written durably with the root it led to, and only then given out. So a block that stops the
//! core is never in the journal, one that is in the journal has a root, and what somebody was told survives a loss of power. If
//! the power goes between applying and writing, nobody was told.

use crate::error::OrderError;
use clearing::Engine;
use clearing::command::Block;
use clearing::engine::Genesis;
use clearing::event::Receipt;
use journal::{Damaged, Entry, Journal, Snapshot};
use std::path::Path;

/// A core and its journal, held by one node.
#[derive(Debug)]
pub struct Alone {
    engine: Engine,
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

impl Alone {
    /// A new system in a directory.
    ///
    /// # Errors
    /// If there is a journal already, or the disk refuses.
    pub fn create(directory: &Path, genesis: &Genesis) -> Result<Self, OrderError> {
        let encoded = borsh::to_vec(genesis).expect("writing to memory succeeds");
        let journal = Journal::create(directory, &encoded)?;
        Ok(Self { engine: Engine::new(genesis), journal, stopped: false })
    }

    /// The system of a directory as it was when its last block was given out: the newest snapshot that is whole, then the blocks
    /// after it, root by root. The first block that is proposed then has `restart` set (R13.4).
    ///
    /// # Errors
    /// If there is no journal, it is damaged before its end, or the core comes to another root than it once did.
    pub fn open(directory: &Path) -> Result<(Self, Recovered), OrderError> {
        let (journal, opened) = Journal::open(directory)?;
        let mut recovered =
            Recovered { snapshot: 0, replayed: 0, cut: opened.cut, damaged: Vec::new(), refused: Vec::new() };
        let mut engine = begin(&journal, &mut recovered)?;
        recovered.snapshot = engine.height();
        for entry in journal.blocks(engine.height() + 1) {
            replay(&mut engine, &entry?)?;
            recovered.replayed += 1;
        }
        Ok((Self { engine, journal, stopped: false }, recovered))
    }

    /// The core, to look at.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
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
    pub fn commit(&mut self, block: &Block) -> Result<Receipt, OrderError> {
        if self.stopped {
            return Err(OrderError::Stopped);
        }
        self.engine.check(block)?;
        // From here on the core is ahead of the journal, until the journal has it too.
        self.stopped = true;
        let receipt = self.engine.apply(block);
        let bytes = borsh::to_vec(block).expect("writing to memory succeeds");
        let entry = Entry { height: block.height, root: receipt.root, certificate: Vec::new(), block: bytes };
        self.journal.append(&[entry])?;
        self.stopped = false;
        Ok(receipt)
    }

    /// The state as it is, for [`journal::Snapshots::write`], which another thread may do.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { height: self.engine.height(), root: self.engine.root(), bytes: self.engine.snapshot() }
    }
}

/// The newest snapshot that is whole, that the core takes and that the journal agrees with; else the genesis.
fn begin(journal: &Journal, recovered: &mut Recovered) -> Result<Engine, OrderError> {
    let mut up_to = journal.height();
    loop {
        let (snapshot, damaged) = journal.snapshots().newest(up_to)?;
        recovered.damaged.extend(damaged);
        let Some(snapshot) = snapshot else { break };
        match restore(journal, &snapshot) {
            Ok(engine) => return Ok(engine),
            Err(error @ (OrderError::Snapshot { .. } | OrderError::Divergence { .. })) => recovered.refused.push(error),
            Err(error) => return Err(error),
        }
        let Some(older) = snapshot.height.checked_sub(1) else { break };
        up_to = older;
    }
    let genesis: Genesis = borsh::from_slice(journal.genesis()).map_err(|_| OrderError::Genesis)?;
    Ok(Engine::new(&genesis))
}

fn restore(journal: &Journal, snapshot: &Snapshot) -> Result<Engine, OrderError> {
    let height = snapshot.height;
    let engine = Engine::restore(&snapshot.bytes).map_err(|source| OrderError::Snapshot { height, source })?;
    // No block led to height zero: a snapshot of it agrees with nothing.
    let then = journal.get(height)?.map_or([0; 32], |entry| entry.root);
    let agrees = engine.height() == height && engine.root() == then;
    if agrees { Ok(engine) } else { Err(OrderError::Divergence { height, found: engine.root(), journal: then }) }
}

fn replay(engine: &mut Engine, entry: &Entry) -> Result<(), OrderError> {
    let height = entry.height;
    let block: Block = borsh::from_slice(&entry.block)
        .map_err(|_| OrderError::Entry { height, what: "its bytes are no block".to_owned() })?;
    engine.check(&block).map_err(|error| OrderError::Entry { height, what: error.to_string() })?;
    let found = engine.apply(&block).root;
    if found == entry.root { Ok(()) } else { Err(OrderError::Divergence { height, found, journal: entry.root }) }
}

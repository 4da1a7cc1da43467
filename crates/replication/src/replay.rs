//! Decides from which state the blocks of a journal are applied again, and that each leads to the root that it once led to.

use crate::error::OrderError;
use crate::machine::Machine;
use journal::{Blocks, Damaged, Entry, Journal, Snapshot};

/// A machine on its way through a journal.
#[derive(Debug)]
pub struct Replay<'a, M> {
    machine: M,
    blocks: Blocks<'a>,
    /// Snapshot files that could not be read.
    damaged: Vec<Damaged>,
    /// Snapshots that were read and refused.
    refused: Vec<OrderError>,
}

impl<'a, M: Machine> Replay<'a, M> {
    /// Begins with the newest snapshot up to a height that is whole, that the machine takes and that the journal agrees with; without
    /// one, with the genesis.
    ///
    /// # Errors
    /// If the journal cannot be read, or its genesis is none.
    pub fn after(journal: &'a Journal, height: u64) -> Result<Self, OrderError> {
        let (mut damaged, mut refused) = (Vec::new(), Vec::new());
        let machine: M = begin(journal, height, &mut damaged, &mut refused)?;
        let blocks = journal.blocks(machine.height() + 1);
        Ok(Self { machine, blocks, damaged, refused })
    }

    /// The machine as it is now.
    #[must_use]
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// Applies the next block; none at the end of the journal, and after an error.
    pub fn apply_next(&mut self) -> Option<Result<M::Receipt, OrderError>> {
        let entry = self.blocks.next()?;
        Some(entry.map_err(OrderError::from).and_then(|entry| apply(&mut self.machine, &entry)))
    }

    /// The machine, and what was wrong with snapshots.
    pub(crate) fn end(self) -> (M, Vec<Damaged>, Vec<OrderError>) {
        (self.machine, self.damaged, self.refused)
    }
}

fn begin<M: Machine>(
    journal: &Journal,
    mut up_to: u64,
    damaged: &mut Vec<Damaged>,
    refused: &mut Vec<OrderError>,
) -> Result<M, OrderError> {
    loop {
        let (snapshot, unreadable) = journal.snapshots().newest(up_to)?;
        damaged.extend(unreadable);
        let Some(snapshot) = snapshot else { break };
        match restore(journal, &snapshot) {
            Ok(machine) => return Ok(machine),
            Err(error @ (OrderError::Snapshot { .. } | OrderError::Divergence { .. })) => refused.push(error),
            Err(error) => return Err(error),
        }
        let Some(older) = snapshot.height.checked_sub(1) else { break };
        up_to = older;
    }
    M::begin(journal.genesis()).ok_or(OrderError::Genesis)
}

fn restore<M: Machine>(journal: &Journal, snapshot: &Snapshot) -> Result<M, OrderError> {
    let height = snapshot.height;
    let machine = M::restore(&snapshot.bytes).map_err(|what| OrderError::Snapshot { height, what })?;
    // No block led to height zero: a snapshot of it agrees with nothing.
    let then = journal.get(height)?.map_or([0; 32], |entry| entry.root);
    let agrees = machine.height() == height && machine.root() == then;
    if agrees { Ok(machine) } else { Err(OrderError::Divergence { height, found: machine.root(), journal: then }) }
}

fn apply<M: Machine>(machine: &mut M, entry: &Entry) -> Result<M::Receipt, OrderError> {
    let height = entry.height;
    let block: M::Block = borsh::from_slice(&entry.block)
        .map_err(|_| OrderError::Entry { height, what: "its bytes are no block".to_owned() })?;
    machine.check(&block).map_err(|error| OrderError::Entry { height, what: error.to_string() })?;
    let receipt = machine.apply(&block);
    let found = machine.root();
    if found == entry.root { Ok(receipt) } else { Err(OrderError::Divergence { height, found, journal: entry.root }) }
}

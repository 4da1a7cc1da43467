//! Why a block is not committed, or a node does not come back.

use clearing::engine::BlockError;
use journal::JournalError;

/// What can go wrong between a core, its journal and the disk.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The block may not come next. Nothing has changed.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An earlier block could not be written: the core is ahead of the journal, so that nothing may follow.
    #[error("node stopped: a block could not be written\nhint: open it again once the disk takes writes")]
    Stopped,
    /// The genesis in the journal is none.
    #[error("genesis in the journal not readable")]
    Genesis,
    /// A block in the journal is none, or may not come next.
    #[error("block {height} in the journal not valid: {what}")]
    Entry {
        /// Its height.
        height: u64,
        /// What is wrong.
        what: String,
    },
    /// The core comes to another state than it once did: another version, or another machine's arithmetic.
    #[error("state root differs after block {height}: found {}, journal {}", short(found), short(journal))]
    Divergence {
        /// The height of the block.
        height: u64,
        /// The root now.
        found: [u8; 32],
        /// The root then.
        journal: [u8; 32],
    },
    /// A snapshot cannot be used.
    #[error("snapshot at height {height} not used: {what}")]
    Snapshot {
        /// Its height.
        height: u64,
        /// Why.
        what: String,
    },
}

/// The first bytes of a root, which is what people compare.
fn short(root: &[u8; 32]) -> String {
    root.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>() + "…"
}

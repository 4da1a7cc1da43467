//! The durable sequence of blocks that a node writes before it acknowledges anything, and the snapshots beside it.
//!
//! A journal takes bytes and gives the same bytes back: it does not know what a block means, and depends on nothing of ours. Start
//! reading at [`Journal`]: `create`, `open`, `append`, `blocks`. What a block is chained with stands in [`entry`], what a file on
//! disk may have wrong in [`JournalError`].
//!
//! ```text
//! DIR/journal.redb              one table of blocks by height, one of what the journal is (format, genesis)
//! DIR/snapshots/HEIGHT.snapshot one file a snapshot, written beside the journal while it grows
//! ```

pub mod entry;
mod error;
mod store;
mod journal;
mod snapshots;
mod export;
mod verify;

pub use entry::{Entry, Hash};
pub use error::JournalError;
pub use export::EXPORT_VERSION;
pub use journal::{Blocks, Journal, Opened};
pub use snapshots::{Damaged, Snapshot, Snapshots};
pub use store::{MAX_BLOCK_BYTES, MAX_CERTIFICATE_BYTES, MAX_GENESIS_BYTES};
pub use verify::{Report, verify};

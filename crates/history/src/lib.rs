//! What happened on a node, as Parquet files that data tools read directly: fills, liquidations, losses, funding, prices, blocks.
//!
//! ```text
//! a running node:   published views ──► follow (a thread of its own) ──► folder ──► file
//! a journal alone:  journal ──► replay ──► the same views ─────────────────┘
//! ```
//!
//! Files show, they decide nothing: the journal is the record, and whatever is missing here is made from it again. `docs/history.md` says
//! what the columns mean. Read in this order.

mod table;
mod rows;
mod file;
mod folder;
mod replay;
mod follow;
mod error;

pub use error::HistoryError;
pub use folder::Rotation;
pub use follow::{CaughtUp, History, Progress, Settings};
pub use replay::{Export, export};
pub use table::Table;

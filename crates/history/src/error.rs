//! Why history is not written, in words for whoever runs the node.

use replication::OrderError;
use std::path::{Path, PathBuf};

/// What can go wrong between a node and the files of its history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The system refused: no space, no permission, no such directory.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file with the name of one of ours is not what was written.
    #[error("history file not usable: {}: {what}\nhint: move it away; its rows are made again from the journal", path.display())]
    NotUsable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The files tell of another network.
    #[error("history of another network: {}: found {found}, allowed {allowed}\nhint: name another directory", path.display())]
    Network {
        /// The file.
        path: PathBuf,
        /// The network that it names.
        found: String,
        /// The network of the journal.
        allowed: String,
    },
    /// The files tell of blocks that the journal does not have.
    #[error("history ahead of the journal: {}: found blocks up to {found}, allowed {allowed}\nhint: is this the newest journal?", path.display())]
    Ahead {
        /// The directory.
        path: PathBuf,
        /// The last height that is told of.
        found: u64,
        /// The last height of the journal.
        allowed: u64,
    },
    /// A file that is to be made is there already.
    #[error("directory not empty: {}\nhint: name another one", path.display())]
    Exists {
        /// The directory.
        path: PathBuf,
    },
    /// The blocks that come next are no longer remembered by the node.
    #[error(
        "blocks from {from} on are no longer remembered\nhint: restart the node, which reads them from its journal"
    )]
    Forgotten {
        /// The first height that is missing.
        from: u64,
    },
    /// The journal cannot be replayed.
    #[error(transparent)]
    Order(#[from] OrderError),
}

impl HistoryError {
    /// An error of the system with the path it is about.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

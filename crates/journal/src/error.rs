//! What can go wrong between a journal and the disk, in words for whoever runs the node.

use std::path::{Path, PathBuf};

/// Why a journal cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused: no space, no permission, no such directory.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no journal in the directory.
    #[error("no journal found: {}\nhint: a new one is made with a genesis", path.display())]
    NotFound {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// There is one already where a new one was to be made.
    #[error("journal exists already: {}", path.display())]
    Exists {
        /// Its file.
        path: PathBuf,
    },
    /// Another process, or another handle of this one, has it open.
    #[error("journal in use by another process: {}", path.display())]
    InUse {
        /// Its file.
        path: PathBuf,
    },
    /// The file is a database, but not a journal.
    #[error("not a journal: {}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The format is not known.
    #[error("journal version not known: found {found}, allowed {allowed}: {}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: u16,
        /// What is known.
        allowed: u16,
    },
    /// The storage layer cannot make sense of the file.
    #[error("journal damaged: {}: {what}\nhint: restore the directory from a copy, or from another node", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// A block is not what was written, and whole blocks come after it.
    #[error("journal damaged at height {height}, with whole blocks after it: {}\nhint: restore the directory from a copy, or from another node", path.display())]
    DamagedBlock {
        /// The file.
        path: PathBuf,
        /// The first height that is damaged or missing.
        height: u64,
    },
    /// The next entry does not come next.
    #[error("journal entry out of order: found height {found}, allowed {expected}")]
    Height {
        /// What was given.
        found: u64,
        /// What comes next.
        expected: u64,
    },
    /// A part is larger than a journal takes.
    #[error("{what} too large: found {found} bytes, allowed {allowed}")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The largest.
        allowed: usize,
    },
    /// An earlier write failed: what is on disk is known again only when the journal is opened again.
    #[error("journal closed after a failed write: {}\nhint: open it again once the disk takes writes", path.display())]
    Closed {
        /// The file.
        path: PathBuf,
    },
}

impl JournalError {
    /// An error of the system with the path it is about.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// An error of the storage layer.
    pub(crate) fn store(path: &Path) -> impl FnOnce(redb::Error) -> Self {
        let path = path.to_owned();
        move |error| match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse { path },
            // The storage layer says so of bytes that are no database; the system never does.
            redb::Error::Io(source) if source.kind() == std::io::ErrorKind::InvalidData => {
                Self::Damaged { path, what: source.to_string() }
            }
            redb::Error::Io(source) => Self::Io { path, source },
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => Self::Closed { path },
            redb::Error::TableDoesNotExist(_) | redb::Error::TableTypeMismatch { .. } => Self::Foreign { path },
            other => Self::Damaged { path, what: other.to_string() },
        }
    }
}

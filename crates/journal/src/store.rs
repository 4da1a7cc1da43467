//! Decides how rows get to the disk and back: one database file, one durable commit for each group of rows.
//!
//! The storage layer promises that a commit is there as a whole or not at all, whenever the power goes. It does not promise to keep
//! its temper with a file that somebody else has changed: then it may stop the thread, which becomes an error here.

use crate::entry::{Hash, chain_of_genesis};
use crate::error::JournalError;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// The format of the rows and of what is said about them.
pub(crate) const VERSION: u16 = 1;
/// The largest block, bytes.
pub const MAX_BLOCK_BYTES: usize = 256 << 20;
/// The largest certificate, bytes.
pub const MAX_CERTIFICATE_BYTES: usize = 1 << 20;
/// The largest genesis, bytes.
pub const MAX_GENESIS_BYTES: usize = 64 << 20;

const FILE: &str = "journal.redb";
/// A journal that is being made, and is none yet.
const UNFINISHED: &str = "journal.new";
const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");
const ABOUT_VERSION: &str = "version";
const ABOUT_GENESIS: &str = "genesis";
const ABOUT_CHAIN: &str = "chain of the genesis";
/// Memory for pages: blocks are written once and read in order, so that little is gained by more.
const CACHE_BYTES: usize = 64 << 20;

/// The database of a journal.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) path: PathBuf,
    database: Database,
}

/// What a call of the storage layer answers, with the file named in errors.
fn guarded<T>(path: &Path, call: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, JournalError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(answer) => answer.map_err(JournalError::store(path)),
        Err(_) => {
            Err(JournalError::Damaged { path: path.to_owned(), what: "the storage layer cannot read it".to_owned() })
        }
    }
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), JournalError> {
    let opened = std::fs::File::open(directory).map_err(JournalError::io(directory))?;
    opened.sync_all().map_err(JournalError::io(directory))
}

impl Store {
    /// A new database with a genesis. A crash on the way leaves no journal.
    pub(crate) fn create(directory: &Path, genesis: &[u8]) -> Result<Self, JournalError> {
        std::fs::create_dir_all(directory).map_err(JournalError::io(directory))?;
        let (path, unfinished) = (directory.join(FILE), directory.join(UNFINISHED));
        if path.exists() {
            return Err(JournalError::Exists { path });
        }
        if unfinished.exists() {
            std::fs::remove_file(&unfinished).map_err(JournalError::io(&unfinished))?;
        }
        guarded(&unfinished, || {
            let database = Database::create(&unfinished)?;
            let write = database.begin_write()?;
            {
                write.open_table(BLOCKS)?;
                let mut about = write.open_table(ABOUT)?;
                about.insert(ABOUT_VERSION, VERSION.to_le_bytes().as_slice())?;
                about.insert(ABOUT_GENESIS, genesis)?;
                about.insert(ABOUT_CHAIN, chain_of_genesis(genesis).as_slice())?;
            }
            write.commit()?;
            Ok(database.close()?)
        })?;
        std::fs::rename(&unfinished, &path).map_err(JournalError::io(&unfinished))?;
        sync_directory(directory)?;
        Self::open(directory)
    }

    /// The database of a directory. What a crash has torn is repaired by the storage layer.
    pub(crate) fn open(directory: &Path) -> Result<Self, JournalError> {
        let path = directory.join(FILE);
        if !path.exists() {
            return Err(JournalError::NotFound { path });
        }
        let database = guarded(&path, || Ok(Database::builder().set_cache_size(CACHE_BYTES).open(&path)?))?;
        Ok(Self { path, database })
    }

    fn damaged(&self, what: &str) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), what: what.to_owned() }
    }

    /// The genesis, once the format is known.
    pub(crate) fn genesis(&self) -> Result<Vec<u8>, JournalError> {
        let read = |key: &str| {
            guarded(&self.path, || {
                let about = self.database.begin_read()?.open_table(ABOUT)?;
                Ok(about.get(key)?.map(|value| value.value().to_vec()))
            })
        };
        let foreign = || JournalError::Foreign { path: self.path.clone() };
        let version: [u8; 2] = read(ABOUT_VERSION)?.and_then(|bytes| bytes.try_into().ok()).ok_or_else(foreign)?;
        let found = u16::from_le_bytes(version);
        if found != VERSION {
            return Err(JournalError::Version { path: self.path.clone(), found, allowed: VERSION });
        }
        let genesis = read(ABOUT_GENESIS)?.ok_or_else(foreign)?;
        let chain: Hash = read(ABOUT_CHAIN)?.and_then(|bytes| bytes.try_into().ok()).ok_or_else(foreign)?;
        if chain_of_genesis(&genesis) != chain {
            return Err(self.damaged("the genesis is not what was written"));
        }
        Ok(genesis)
    }

    /// Writes rows: all of them durably, or none.
    pub(crate) fn put(&self, rows: &[(u64, Vec<u8>)]) -> Result<(), JournalError> {
        guarded(&self.path, || {
            let write = self.database.begin_write()?;
            {
                let mut blocks = write.open_table(BLOCKS)?;
                for (height, row) in rows {
                    blocks.insert(height, row.as_slice())?;
                }
            }
            Ok(write.commit()?)
        })
    }

    /// Removes the rows from a height on.
    pub(crate) fn cut(&self, from: u64) -> Result<(), JournalError> {
        guarded(&self.path, || {
            let write = self.database.begin_write()?;
            write.open_table(BLOCKS)?.retain_in(from.., |_, _| false)?;
            Ok(write.commit()?)
        })
    }

    /// The row at a height.
    pub(crate) fn row(&self, height: u64) -> Result<Option<Vec<u8>>, JournalError> {
        guarded(&self.path, || {
            let blocks = self.database.begin_read()?.open_table(BLOCKS)?;
            Ok(blocks.get(height)?.map(|row| row.value().to_vec()))
        })
    }

    /// The number of rows, and the heights of the first and the last.
    pub(crate) fn extent(&self) -> Result<(u64, Option<(u64, u64)>), JournalError> {
        guarded(&self.path, || {
            let blocks = self.database.begin_read()?.open_table(BLOCKS)?;
            let ends = blocks.first()?.zip(blocks.last()?);
            Ok((blocks.len()?, ends.map(|(first, last)| (first.0.value(), last.0.value()))))
        })
    }

    /// Whether every page of the file is what was written. Reads the whole file, and repairs what follows from the rest.
    pub(crate) fn check(&mut self) -> Result<bool, JournalError> {
        let (path, database) = (&self.path, &mut self.database);
        guarded(path, || Ok(database.check_integrity()?))
    }
}

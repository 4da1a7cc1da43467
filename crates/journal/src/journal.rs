//! Decides what belongs to the sequence: which entry may come next, and what of a file found on the disk is whole.

use crate::entry::{Entry, Hash, Row, chain_of_genesis};
use crate::error::JournalError;
use crate::snapshots::Snapshots;
use crate::store::{MAX_BLOCK_BYTES, MAX_CERTIFICATE_BYTES, MAX_GENESIS_BYTES, Store};
use std::path::{Path, PathBuf};

/// How many of the last blocks are read when a journal is opened. All others are checked when they are read.
const TAIL: u64 = 1_024;

/// A sequence of blocks on disk, held by this handle alone.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    store: Store,
    genesis: Vec<u8>,
    height: u64,
    chain: Hash,
    root: Option<Hash>,
}

/// What was found when a journal was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The height of the last whole block; 0 without any.
    pub height: u64,
    /// The heights of blocks at the end that were damaged, and were cut off.
    pub cut: Vec<u64>,
}

impl Journal {
    /// A new journal in a directory, which is made if need be. The genesis is whatever the first block comes after.
    ///
    /// # Errors
    /// If there is a journal already, the genesis is longer than [`MAX_GENESIS_BYTES`], or the disk refuses.
    pub fn create(directory: &Path, genesis: &[u8]) -> Result<Self, JournalError> {
        require_length("genesis", genesis, MAX_GENESIS_BYTES)?;
        let store = Store::create(directory, genesis)?;
        Ok(Self {
            directory: directory.to_owned(),
            store,
            genesis: genesis.to_vec(),
            height: 0,
            chain: chain_of_genesis(genesis),
            root: None,
        })
    }

    /// Opens the journal of a directory. The last blocks are read: those that are damaged at the very end are cut off, which
    /// [`Opened`] says.
    ///
    /// # Errors
    /// If there is none, another process has it, it has another format, or it is damaged before its end.
    pub fn open(directory: &Path) -> Result<(Self, Opened), JournalError> {
        let store = Store::open(directory)?;
        let genesis = store.genesis()?;
        let last = last_without_gap(&store)?;
        let whole = whole_end(&store, &genesis, last)?;
        if whole < last {
            store.cut(whole + 1)?;
        }
        let chain = chain_at(&store, &genesis, whole)?;
        let root = row_at(&store, whole)?.map(|row| row.root());
        let opened = Opened { height: whole, cut: (whole + 1..=last).collect() };
        Ok((Self { directory: directory.to_owned(), store, genesis, height: whole, chain, root }, opened))
    }

    /// What the first block comes after.
    #[must_use]
    pub fn genesis(&self) -> &[u8] {
        &self.genesis
    }

    /// The height of the last block; 0 without any.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.height
    }

    /// The chain after the last block: two journals with the same head have the same history.
    #[must_use]
    pub fn head(&self) -> Hash {
        self.chain
    }

    /// The state root after the last block; none without any.
    #[must_use]
    pub fn root(&self) -> Option<Hash> {
        self.root
    }

    /// The snapshots beside the journal, for any thread.
    #[must_use]
    pub fn snapshots(&self) -> Snapshots {
        Snapshots::of(&self.directory)
    }

    /// Appends entries in one commit. When this returns without an error all of them survive a loss of power; with an error,
    /// none of them is in this journal.
    ///
    /// # Errors
    /// If the first does not come next or the others do not follow, a part is too large, or the disk refuses. After the disk has
    /// refused, the journal takes nothing more until it is opened again.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), JournalError> {
        let (mut height, mut chain) = (self.height, self.chain);
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let expected = height + 1;
            if entry.height != expected {
                return Err(JournalError::Height { found: entry.height, expected });
            }
            require_length("block", &entry.block, MAX_BLOCK_BYTES)?;
            require_length("certificate", &entry.certificate, MAX_CERTIFICATE_BYTES)?;
            (height, chain) = (expected, entry.chain(&chain));
            rows.push((height, entry.to_row(&chain)));
        }
        let Some(last) = entries.last() else { return Ok(()) };
        self.store.put(&rows)?;
        (self.height, self.chain, self.root) = (height, chain, Some(last.root));
        Ok(())
    }

    /// The entry at a height, checked against the one before; none beyond the end.
    ///
    /// # Errors
    /// If it is damaged or the disk refuses.
    pub fn get(&self, height: u64) -> Result<Option<Entry>, JournalError> {
        if height == 0 || height > self.height {
            return Ok(None);
        }
        let before = chain_at(&self.store, &self.genesis, height - 1)?;
        let entry = row_at(&self.store, height)?.and_then(|row| row.after(&before));
        entry.map(Some).ok_or_else(|| damaged_at(&self.store, height))
    }

    /// The entries from a height on, each checked against the one before.
    #[must_use]
    pub fn blocks(&self, from: u64) -> Blocks<'_> {
        Blocks { journal: self, next: from.max(1), before: None }
    }

    pub(crate) fn store(&mut self) -> &mut Store {
        &mut self.store
    }
}

/// The entries of a journal, in order. After an error it ends.
#[derive(Debug)]
pub struct Blocks<'a> {
    journal: &'a Journal,
    next: u64,
    /// The chain before the next entry, once it is known.
    before: Option<Hash>,
}

impl Blocks<'_> {
    fn read(&mut self) -> Result<Entry, JournalError> {
        let (journal, height) = (self.journal, self.next);
        let before = match self.before {
            Some(before) => before,
            None => chain_at(&journal.store, &journal.genesis, height - 1)?,
        };
        let row = row_at(&journal.store, height)?.ok_or_else(|| damaged_at(&journal.store, height))?;
        self.before = Some(row.chain);
        row.after(&before).ok_or_else(|| damaged_at(&journal.store, height))
    }
}

impl Iterator for Blocks<'_> {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.journal.height {
            return None;
        }
        let entry = self.read();
        self.next = if entry.is_ok() { self.next + 1 } else { u64::MAX };
        Some(entry)
    }
}

fn require_length(what: &'static str, bytes: &[u8], allowed: usize) -> Result<(), JournalError> {
    let found = bytes.len();
    if found <= allowed { Ok(()) } else { Err(JournalError::TooLarge { what, found, allowed }) }
}

fn damaged_at(store: &Store, height: u64) -> JournalError {
    JournalError::DamagedBlock { path: store.path.clone(), height }
}

fn row_at(store: &Store, height: u64) -> Result<Option<Row>, JournalError> {
    Ok(store.row(height)?.and_then(|bytes| Row::read(height, &bytes)))
}

/// What a row says the chain is after it.
fn chain_at(store: &Store, genesis: &[u8], height: u64) -> Result<Hash, JournalError> {
    if height == 0 {
        return Ok(chain_of_genesis(genesis));
    }
    row_at(store, height)?.map(|row| row.chain).ok_or_else(|| damaged_at(store, height))
}

/// The last height. Every one from the first on must have a row.
fn last_without_gap(store: &Store) -> Result<u64, JournalError> {
    let (count, ends) = store.extent()?;
    let Some((first, last)) = ends else { return Ok(0) };
    if first == 1 && count == last {
        return Ok(last);
    }
    let mut height = 1;
    while store.row(height)?.is_some() {
        height += 1;
    }
    Err(damaged_at(store, height))
}

/// The height at which the whole blocks end, among the last ones: behind it there is nothing but damage.
fn whole_end(store: &Store, genesis: &[u8], last: u64) -> Result<u64, JournalError> {
    let from = last.saturating_sub(TAIL);
    let mut before = Some(chain_at(store, genesis, from)?);
    let (mut end, mut damaged) = (from, None);
    for height in from + 1..=last {
        let row = row_at(store, height)?;
        let chain = row.as_ref().map(|row| row.chain);
        let whole = row.zip(before).is_some_and(|(row, before)| row.after(&before).is_some());
        before = chain;
        match (whole, damaged) {
            (true, Some(damaged)) => return Err(damaged_at(store, damaged)),
            (true, None) => end = height,
            (false, _) => damaged = damaged.or(Some(height)),
        }
    }
    // Where a whole tail is damaged there is no telling what is before it.
    if end == from && from > 0 { Err(damaged_at(store, from + 1)) } else { Ok(end) }
}

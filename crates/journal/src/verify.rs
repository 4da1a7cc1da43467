//! Decides whether a journal is what was written: every page, every block, every snapshot.

use crate::entry::Hash;
use crate::error::JournalError;
use crate::journal::Journal;
use crate::snapshots::{Damaged, read_file};
use std::path::Path;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The height of the last block.
    pub height: u64,
    /// The chain after it.
    pub head: Hash,
    /// Heights of damaged blocks at the end that opening cut off.
    pub cut: Vec<u64>,
    /// Bytes of all blocks.
    pub bytes: u64,
    /// The heights of whole snapshots.
    pub snapshots: Vec<u64>,
    /// Files that are no whole snapshots.
    pub damaged: Vec<Damaged>,
}

/// Walks everything. `tell` hears how many blocks of how many are done. Nobody else may have the journal open.
///
/// # Errors
/// If the journal cannot be opened, a page or a block before the end is damaged, or the disk refuses.
pub fn verify(directory: &Path, tell: &mut dyn FnMut(u64, u64)) -> Result<Report, JournalError> {
    let (mut journal, opened) = Journal::open(directory)?;
    journal.store().check()?;
    let mut bytes = 0;
    for entry in journal.blocks(1) {
        let entry = entry?;
        bytes += entry.block.len() as u64;
        tell(entry.height, opened.height);
    }
    let (mut snapshots, mut damaged) = (Vec::new(), Vec::new());
    for (height, path) in journal.snapshots().files()? {
        match read_file(&path, height).map_err(JournalError::io(&path))? {
            Ok(_) => snapshots.push(height),
            Err(what) => damaged.push(Damaged { path, what }),
        }
    }
    Ok(Report { height: opened.height, head: journal.head(), cut: opened.cut, bytes, snapshots, damaged })
}

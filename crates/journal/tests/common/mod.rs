//! What the tests of the journal share: entries that follow from their height, so that anybody can tell whether one is right.

use journal::{Entry, Journal};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

pub(crate) const GENESIS: &[u8] = b"what the first block comes after";

/// The only entry that belongs to a height.
pub(crate) fn entry(height: u64) -> Entry {
    let mut random = ChaCha8Rng::seed_from_u64(height);
    let length = random.random_range(0..600_usize);
    let block = (0..length).map(|_| random.random_range(0..=255_u8)).collect();
    let certificate = vec![height as u8; random.random_range(0..40_usize)];
    Entry { height, root: [height as u8; 32], certificate, block }
}

pub(crate) fn entries(heights: impl IntoIterator<Item = u64>) -> Vec<Entry> {
    heights.into_iter().map(entry).collect()
}

/// A closed journal of so many blocks, some of them in groups.
#[allow(dead_code, reason = "not every test file needs one")]
pub(crate) fn journal_of(directory: &Path, blocks: u64) {
    let mut journal = Journal::create(directory, GENESIS).expect("a new journal");
    let mut random = ChaCha8Rng::seed_from_u64(blocks);
    while journal.height() < blocks {
        let next = journal.height() + 1;
        let last = (next + random.random_range(0..4_u64)).min(blocks);
        journal.append(&entries(next..=last)).expect("appended");
    }
}

//! Durable appends of 200-byte blocks: the journal beside a plain file that is appended to and synced, which is what the disk can do.

use divan::{Bencher, black_box, counter::ItemsCount};
use journal::{Entry, Journal};
use std::fs::File;
use std::io::Write;
use tempfile::TempDir;

const BATCHES: [u64; 3] = [1, 100, 1_000];
const BLOCK_BYTES: usize = 200;

fn main() {
    divan::main();
}

fn entry(height: u64) -> Entry {
    Entry { height, root: [7; 32], certificate: Vec::new(), block: vec![height as u8; BLOCK_BYTES] }
}

#[divan::bench(args = BATCHES, sample_count = 50)]
fn journal_commit(bencher: Bencher<'_, '_>, batch: u64) {
    let home = TempDir::new().expect("a directory");
    let mut journal = Journal::create(home.path(), b"").expect("a new journal");
    bencher.counter(ItemsCount::new(batch)).bench_local(|| {
        let next = journal.height() + 1;
        let entries: Vec<Entry> = (next..next + batch).map(entry).collect();
        journal.append(black_box(&entries)).expect("appended");
    });
}

#[divan::bench(args = BATCHES, sample_count = 50)]
fn plain_append_and_sync(bencher: Bencher<'_, '_>, batch: u64) {
    let home = TempDir::new().expect("a directory");
    let mut file = File::create(home.path().join("plain")).expect("a file");
    let mut height = 0;
    bencher.counter(ItemsCount::new(batch)).bench_local(|| {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES * batch as usize);
        for _ in 0..batch {
            height += 1;
            bytes.extend(entry(height).block);
        }
        file.write_all(black_box(&bytes)).expect("written");
        file.sync_data().expect("synced");
    });
}

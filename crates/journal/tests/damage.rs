//! Files that a disk, a crash or somebody has changed: an error, or exactly what was written up to a height and a word about the rest.

mod common;

use common::{GENESIS, entries, entry, journal_of};
use journal::{Entry, Journal, JournalError, Snapshot, verify};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use redb::ReadableTable;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::tempdir;

const FILE: &str = "journal.redb";
const BLOCKS: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("blocks");

/// How a journal that was damaged presents itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Whole,
    Cut,
    Refused,
    RefusedWhenRead,
}

/// Opens what was a journal of so many blocks: whatever it gives must be what was written.
fn look(directory: &Path, blocks: u64) -> Seen {
    let (journal, opened) = match Journal::open(directory) {
        Ok(opened) => opened,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return Seen::Refused;
        }
    };
    let all: Vec<u64> = (1..=opened.height).chain(opened.cut.iter().copied()).collect();
    assert!(all.iter().copied().eq(1..=blocks), "{opened:?}: every block is there or named");
    assert_eq!(journal.genesis(), GENESIS);
    for (found, expected) in journal.blocks(1).zip(entries(1..=opened.height)) {
        match found {
            Ok(found) => assert_eq!(found, expected),
            Err(_) => return Seen::RefusedWhenRead,
        }
    }
    if opened.cut.is_empty() { Seen::Whole } else { Seen::Cut }
}

/// Damages copies of a journal and counts how they present themselves.
fn damage(blocks: u64, times: u64, harm: impl Fn(u64, &mut ChaCha8Rng, &mut Vec<u8>)) -> BTreeMap<Seen, u64> {
    let home = tempdir().expect("a directory");
    let original = home.path().join("original");
    journal_of(&original, blocks);
    let bytes = std::fs::read(original.join(FILE)).expect("read");
    let mut seen = BTreeMap::new();
    for seed in 0..times {
        let mut copy = bytes.clone();
        harm(seed, &mut ChaCha8Rng::seed_from_u64(seed), &mut copy);
        let directory = home.path().join(seed.to_string());
        std::fs::create_dir(&directory).expect("made");
        std::fs::write(directory.join(FILE), copy).expect("written");
        *seen.entry(look(&directory, blocks)).or_default() += 1;
        std::fs::remove_dir_all(&directory).expect("removed");
    }
    seen
}

#[test]
fn a_flipped_bit_is_harmless_or_seen() {
    let seen = damage(40, 250, |_, random, bytes| {
        // Half of the flips where blocks are: most of a small file is empty.
        let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        let at = if random.random_range(0..2_u8) == 0 {
            used[random.random_range(0..used.len())]
        } else {
            random.random_range(0..bytes.len())
        };
        bytes[at] ^= 1 << random.random_range(0..8_u8);
    });
    assert!(seen.contains_key(&Seen::Whole) && seen.contains_key(&Seen::Refused), "{seen:?}");
}

#[test]
fn a_flipped_bit_in_the_header_is_harmless_or_seen() {
    // The header says which commit is the newest: the one before it must not pass for the end.
    let seen = damage(40, 8 * 320, |seed, _, bytes| bytes[seed as usize / 8] ^= 1 << (seed % 8));
    assert!(seen.contains_key(&Seen::Refused), "{seen:?}");
}

#[test]
fn a_shorter_file_is_seen() {
    let seen = damage(40, 60, |_, random, bytes| bytes.truncate(random.random_range(0..bytes.len())));
    assert!(seen.contains_key(&Seen::Refused), "{seen:?}");
}

#[test]
fn a_page_of_noise_is_harmless_or_seen() {
    damage(40, 60, |_, random, bytes| {
        let page = random.random_range(0..bytes.len() / 4_096) * 4_096;
        bytes[page..page + 4_096].iter_mut().for_each(|byte| *byte = random.random_range(0..=255_u8));
    });
}

/// Changes rows behind the journal's back.
fn rewrite(directory: &Path, change: impl Fn(u64, &mut Vec<u8>) -> bool) {
    let database = redb::Database::open(directory.join(FILE)).expect("a database");
    let write = database.begin_write().expect("a transaction");
    {
        let mut blocks = write.open_table(BLOCKS).expect("a table");
        for height in 1..=u64::from(u16::MAX) {
            let Some(mut row) = blocks.get(height).expect("read").map(|row| row.value().to_vec()) else { break };
            if change(height, &mut row) {
                blocks.insert(height, row.as_slice()).expect("inserted");
            } else {
                blocks.remove(height).expect("removed");
            }
        }
    }
    write.commit().expect("committed");
}

#[test]
fn a_damaged_end_is_cut_off_and_named() {
    let home = tempdir().expect("a directory");
    journal_of(home.path(), 12);
    rewrite(home.path(), |height, row| {
        if height >= 11 {
            let last = row.len() - 1;
            row[last] ^= 1;
        }
        true
    });
    let (mut journal, opened) = Journal::open(home.path()).expect("a journal");
    assert_eq!((opened.height, opened.cut), (10, vec![11, 12]));
    assert_eq!((journal.height(), journal.root()), (10, Some([10; 32])));
    journal.append(&entries(11..=13)).expect("it goes on");
    drop(journal);
    assert_eq!(look(home.path(), 13), Seen::Whole);
}

#[test]
fn every_part_of_the_last_row_counts() {
    for part in [0, 40, 70, 97, 104] {
        let home = tempdir().expect("a directory");
        journal_of(home.path(), 6);
        let last = Entry { certificate: vec![7; 9], ..entry(7) };
        Journal::open(home.path()).expect("a journal").0.append(&[last]).expect("appended");
        rewrite(home.path(), |height, row| {
            row[part] ^= u8::from(height == 7);
            true
        });
        let (_, opened) = Journal::open(home.path()).expect("a journal");
        assert_eq!((opened.height, opened.cut), (6, vec![7]), "byte {part}");
    }
}

#[test]
fn rows_of_any_length_are_no_blocks() {
    for length in [0, 31, 99, 100, 4_000] {
        let home = tempdir().expect("a directory");
        journal_of(home.path(), 3);
        rewrite(home.path(), |height, row| {
            if height == 3 {
                *row = vec![0xff; length];
            }
            true
        });
        assert_eq!(Journal::open(home.path()).expect("a journal").1.cut, [3], "{length} bytes");
    }
}

fn refused_at(directory: &Path) -> u64 {
    match Journal::open(directory) {
        Err(JournalError::DamagedBlock { height, .. }) => height,
        other => panic!("it is damaged before its end: {other:?}"),
    }
}

#[test]
fn damage_before_whole_blocks_is_refused() {
    let home = tempdir().expect("a directory");
    for (name, harm) in [("flipped", 0_u8), ("missing", 1), ("swapped", 2)] {
        let directory = home.path().join(name);
        journal_of(&directory, 12);
        rewrite(&directory, |height, row| {
            let last = row.len() - 1;
            match (height, harm) {
                (5, 0) => row[last] ^= 1,
                (5, 2) => row[100..].reverse(),
                _ => (),
            }
            height != 5 || harm != 1
        });
        assert_eq!(refused_at(&directory), 5, "{name}");
    }
}

#[test]
fn old_damage_is_seen_when_it_is_read() {
    let home = tempdir().expect("a directory");
    journal_of(home.path(), 1_100);
    rewrite(home.path(), |height, row| {
        row[0] ^= u8::from(height == 7);
        true
    });
    let (journal, opened) = Journal::open(home.path()).expect("the last blocks are whole");
    assert_eq!(opened.height, 1_100);
    assert_eq!(
        journal.get(7).expect_err("damaged").to_string().lines().next().map(|line| line.contains("height 7")),
        Some(true)
    );
    assert_eq!(journal.blocks(1).filter(Result::is_ok).count(), 6, "nothing comes after damage");
    assert_eq!(journal.get(100).expect("whole"), Some(entry(100)));
    drop(journal);
    assert!(matches!(verify(home.path(), &mut |_, _| ()), Err(JournalError::DamagedBlock { height: 7, .. })));
}

#[test]
fn the_newest_whole_snapshot_is_used() {
    let home = tempdir().expect("a directory");
    let journal = Journal::create(home.path(), GENESIS).expect("a new journal");
    let snapshots = journal.snapshots();
    assert_eq!(snapshots.newest(u64::MAX).expect("read"), (None, Vec::new()));
    let snapshot = |height: u64| Snapshot { height, root: [height as u8; 32], bytes: vec![height as u8; 5_000] };
    for height in [10, 20, 30, 40] {
        snapshots.write(&snapshot(height)).expect("written");
    }
    let path = |height: u64| home.path().join(format!("snapshots/{height:020}.snapshot"));
    assert_eq!(snapshots.newest(u64::MAX).expect("read").0, Some(snapshot(40)));
    assert_eq!(snapshots.newest(39).expect("read").0, Some(snapshot(30)), "one from the future is no help");
    let whole = std::fs::read(path(40)).expect("read");
    for at in (0..90).chain([whole.len() - 1]) {
        let mut copy = whole.clone();
        copy[at] ^= 0x10;
        std::fs::write(path(40), copy).expect("written");
        let (found, damaged) = snapshots.newest(u64::MAX).expect("read");
        assert_eq!((found, damaged.len()), (Some(snapshot(30)), 1), "byte {at}");
        assert_eq!(damaged[0].path, path(40));
    }
    for length in [0, 8, 89, 90, whole.len() - 1, whole.len() + 1] {
        let mut copy = whole.clone();
        copy.resize(length, 0);
        std::fs::write(path(40), copy).expect("written");
        assert_eq!(snapshots.newest(u64::MAX).expect("read").0, Some(snapshot(30)), "{length} bytes");
    }
    std::fs::rename(path(10), path(50)).expect("renamed");
    assert_eq!(snapshots.newest(u64::MAX).expect("read").1.len(), 2, "its name is not its height");
    drop(journal);
    let report = verify(home.path(), &mut |_, _| ()).expect("the journal is whole");
    assert_eq!((report.snapshots, report.damaged.len()), (vec![20, 30], 2));
    assert_eq!((snapshots.keep(2).expect("removed"), snapshots.keep(2).expect("removed")), (2, 0));
    std::fs::write(home.path().join("snapshots/readme.txt"), b"not ours").expect("written");
    assert_eq!(snapshots.keep(0).expect("removed"), 2, "what is not ours stays");
}

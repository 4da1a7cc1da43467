//! The journal as its users meet it: what goes in comes out, in order, and nothing else goes in.

mod common;

use common::{GENESIS, entries, entry, journal_of};
use journal::{Entry, Journal, JournalError, MAX_BLOCK_BYTES, MAX_CERTIFICATE_BYTES, MAX_GENESIS_BYTES, verify};
use std::collections::BTreeSet;
use tempfile::tempdir;

#[test]
fn what_goes_in_comes_out() {
    let home = tempdir().expect("a directory");
    let directory = home.path().join("deep/below");
    journal_of(&directory, 57);
    let (journal, opened) = Journal::open(&directory).expect("a journal");
    assert_eq!((opened.height, opened.cut.len()), (57, 0));
    assert_eq!((journal.height(), journal.genesis(), journal.root()), (57, GENESIS, Some([57; 32])));
    let found: Vec<Entry> = journal.blocks(1).map(|entry| entry.expect("whole")).collect();
    assert_eq!(found, entries(1..=57));
    let later: Vec<Entry> = journal.blocks(50).map(|entry| entry.expect("whole")).collect();
    assert_eq!(later, entries(50..=57));
    assert_eq!(journal.get(20).expect("whole"), Some(entry(20)));
    assert_eq!((journal.get(0).expect("none"), journal.get(58).expect("none")), (None, None));
    assert_eq!(journal.blocks(58).count(), 0);
}

#[test]
fn an_empty_journal_is_one() {
    let home = tempdir().expect("a directory");
    drop(Journal::create(home.path(), GENESIS).expect("a new journal"));
    let (mut journal, opened) = Journal::open(home.path()).expect("a journal");
    assert_eq!((opened.height, journal.root(), journal.blocks(0).count()), (0, None, 0));
    journal.append(&[]).expect("nothing is appended");
    journal.append(&entries(1..=2)).expect("appended");
    assert_eq!(journal.height(), 2);
}

#[test]
fn groups_do_not_matter_and_everything_else_does() {
    let head_of = |genesis: &[u8], groups: &[Vec<Entry>]| {
        let home = tempdir().expect("a directory");
        let mut journal = Journal::create(home.path(), genesis).expect("a new journal");
        groups.iter().for_each(|group| journal.append(group).expect("appended"));
        let head = journal.head();
        drop(journal);
        assert_eq!(Journal::open(home.path()).expect("a journal").0.head(), head, "the head is kept");
        head
    };
    let one_by_one: Vec<Vec<Entry>> = (1..=5).map(|height| vec![entry(height)]).collect();
    let head = head_of(GENESIS, &[entries(1..=5)]);
    assert_eq!(head, head_of(GENESIS, &one_by_one));
    let changed = |change: fn(&mut Entry)| {
        let mut all = entries(1..=5);
        change(&mut all[2]);
        head_of(GENESIS, &[all])
    };
    assert_eq!(head, changed(|entry| entry.certificate.push(1)), "certificates are outside of the chain");
    let others = [
        head_of(b"", &[entries(1..=5)]),
        head_of(GENESIS, &[entries(1..=4)]),
        changed(|entry| entry.block.push(0)),
        changed(|entry| entry.root[31] ^= 1),
        head,
    ];
    assert_eq!(BTreeSet::from(others).len(), others.len());
}

#[test]
fn what_does_not_come_next_is_refused_and_changes_nothing() {
    let home = tempdir().expect("a directory");
    let mut journal = Journal::create(home.path(), GENESIS).expect("a new journal");
    journal.append(&entries(1..=3)).expect("appended");
    let head = journal.head();
    for wrong in [entries([3]), entries([5]), entries([0]), entries([4, 6]), entries([4, 4]), entries([u64::MAX])] {
        assert!(matches!(journal.append(&wrong), Err(JournalError::Height { .. })), "{wrong:?}");
    }
    let message = journal.append(&entries([9])).expect_err("refused").to_string();
    assert_eq!(message, "journal entry out of order: found height 9, allowed 4");
    let large = Entry { certificate: vec![0; MAX_CERTIFICATE_BYTES + 1], ..entry(4) };
    assert!(matches!(journal.append(&[large]), Err(JournalError::TooLarge { what: "certificate", .. })));
    let large = Entry { block: vec![0; MAX_BLOCK_BYTES + 1], ..entry(4) };
    assert!(matches!(journal.append(&[large]), Err(JournalError::TooLarge { what: "block", .. })));
    assert_eq!((journal.height(), journal.head()), (3, head));
    journal.append(&entries([4])).expect("the next one is taken");
    assert_eq!(journal.blocks(1).map(|entry| entry.expect("whole")).collect::<Vec<_>>(), entries(1..=4));
}

#[test]
fn there_is_one_journal_in_a_directory_and_one_who_has_it() {
    let home = tempdir().expect("a directory");
    assert!(matches!(Journal::open(home.path()), Err(JournalError::NotFound { .. })));
    assert!(matches!(Journal::open(&home.path().join("nowhere")), Err(JournalError::NotFound { .. })));
    let large = vec![0; MAX_GENESIS_BYTES + 1];
    assert!(matches!(Journal::create(home.path(), &large), Err(JournalError::TooLarge { what: "genesis", .. })));
    std::fs::write(home.path().join("journal.new"), b"left by a crash").expect("written");
    let journal = Journal::create(home.path(), GENESIS).expect("a new journal");
    assert!(matches!(Journal::create(home.path(), GENESIS), Err(JournalError::Exists { .. })));
    assert!(matches!(Journal::open(home.path()), Err(JournalError::InUse { .. })));
    drop(journal);
    Journal::open(home.path()).expect("nobody has it any more");
}

#[test]
fn a_database_of_somebody_else_is_not_a_journal() {
    let home = tempdir().expect("a directory");
    let path = home.path().join("journal.redb");
    drop(redb::Database::create(&path).expect("a database"));
    assert!(matches!(Journal::open(home.path()), Err(JournalError::Foreign { .. })));
    std::fs::remove_file(&path).expect("removed");
    journal_of(home.path(), 3);
    let about: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("about");
    let set = |key: &str, value: &[u8]| {
        let database = redb::Database::open(&path).expect("a database");
        let write = database.begin_write().expect("a transaction");
        write.open_table(about).expect("a table").insert(key, value).expect("inserted");
        write.commit().expect("committed");
    };
    set("version", &7_u16.to_le_bytes());
    let message = Journal::open(home.path()).expect_err("refused").to_string();
    assert!(message.starts_with("journal version not known: found 7, allowed 1"), "{message}");
    set("version", &1_u16.to_le_bytes());
    set("genesis", b"another");
    let message = Journal::open(home.path()).expect_err("refused").to_string();
    assert!(message.contains("the genesis is not what was written"), "{message}");
    set("genesis", GENESIS);
    assert_eq!(Journal::open(home.path()).expect("a journal").0.height(), 3);
}

#[test]
fn verification_reads_everything() {
    let home = tempdir().expect("a directory");
    journal_of(home.path(), 20);
    let mut told = Vec::new();
    let report = verify(home.path(), &mut |done, of| told.push((done, of))).expect("whole");
    assert_eq!((report.height, report.cut.len(), report.damaged.len()), (20, 0, 0));
    assert_eq!(report.bytes, entries(1..=20).iter().map(|entry| entry.block.len() as u64).sum::<u64>());
    assert_eq!((told.len(), told.last()), (20, Some(&(20, 20))));
}

#[test]
fn an_export_is_read_front_to_back() {
    let home = tempdir().expect("a directory");
    journal_of(home.path(), 9);
    let (journal, _) = Journal::open(home.path()).expect("a journal");
    let export = |heights| {
        let mut bytes = Vec::new();
        let count = journal.export(heights, &mut bytes, "memory".as_ref()).expect("exported");
        (count, bytes)
    };
    let (count, bytes) = export(1..=u64::MAX);
    let mut expected = b"SEAWBLKS\x01\x00".to_vec();
    expected.extend((GENESIS.len() as u64).to_le_bytes());
    expected.extend(GENESIS);
    for entry in entries(1..=9) {
        expected.push(1);
        expected.extend(entry.height.to_le_bytes());
        expected.extend(entry.root);
        expected.extend((entry.certificate.len() as u32).to_le_bytes());
        expected.extend(entry.certificate);
        expected.extend((entry.block.len() as u64).to_le_bytes());
        expected.extend(entry.block);
    }
    expected.push(0);
    expected.extend(journal.head());
    assert_eq!((count, bytes), (9, expected));
    let (count, part) = export(4..=6);
    assert_eq!((count, part.ends_with(&[0; 33])), (3, true));
    assert_eq!(export(10..=12).0, 0);
    let refusal = journal.export(1..=9, &mut [0_u8; 30].as_mut_slice(), "full.blocks".as_ref());
    assert!(refusal.expect_err("there is no room").to_string().starts_with("full.blocks: "));
}

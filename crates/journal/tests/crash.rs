//! A process that is killed while it appends, and a disk that takes no more: what was acknowledged is there, and nothing twice.
//!
//! The process is this test program itself, told by the environment to be the writer. `JOURNAL_KILLS` asks for more kills.

mod common;

use common::{GENESIS, entries, entry, journal_of};
use journal::{Journal, JournalError, Snapshot, Snapshots};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::tempdir;

const WRITER: &str = "JOURNAL_TEST_WRITER";
/// More than any test waits for.
const MOST_BLOCKS: u64 = 1_000_000;

fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word}").and_then(|()| out.flush()).expect("the parent listens");
}

/// Appends groups of one to four blocks and says each height that is durable; ends at the first error, which it says as well.
#[test]
fn writer() {
    let Ok(directory) = std::env::var(WRITER) else { return };
    let directory = Path::new(&directory);
    let mut journal = match Journal::open(directory) {
        Ok((journal, _)) => journal,
        Err(JournalError::NotFound { .. }) => Journal::create(directory, GENESIS).expect("a new journal"),
        Err(error) => panic!("{error}"),
    };
    while journal.height() < MOST_BLOCKS {
        let (before, head, next) = (journal.height(), journal.head(), journal.height() + 1);
        if let Err(error) = journal.append(&entries(next..=next + next % 4)) {
            assert_eq!((journal.height(), journal.head()), (before, head), "a failed append changes nothing");
            assert!(journal.append(&entries([next])).is_err(), "and nothing is appended after it");
            return say(&format!("error: {error}"));
        }
        say(&format!("durable: {}", journal.height()));
    }
}

/// The writer on a directory, with file sizes limited to so many blocks of 512 bytes if wanted.
fn start(directory: &Path, limit: Option<u32>) -> std::process::Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = match limit {
        None => Command::new(program),
        Some(blocks) => {
            // The signal that comes with the limit is ignored, so that the write fails instead: like a full disk.
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]).arg(program);
            shell
        }
    };
    let command = command.args(["--exact", "writer", "--nocapture", "--test-threads=1"]).env(WRITER, directory);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the writer starts")
}

fn height_in(line: &str) -> Option<u64> {
    line.rsplit_once("durable: ")?.1.parse().ok()
}

/// Every block up to the journal's height is right, and the height is not below what was acknowledged.
fn holds(directory: &Path, acknowledged: u64) -> u64 {
    let (journal, opened) = Journal::open(directory).expect("a killed writer leaves a whole journal");
    assert!(opened.cut.is_empty() && opened.height >= acknowledged, "{opened:?}, acknowledged {acknowledged}");
    let from = acknowledged.saturating_sub(2_000).max(1);
    for (found, height) in journal.blocks(from).zip(from..) {
        assert_eq!(found.expect("whole"), entry(height));
    }
    opened.height
}

#[test]
fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    let kills: u64 = std::env::var("JOURNAL_KILLS").map_or(12, |kills| kills.parse().expect("a number"));
    let home = tempdir().expect("a directory");
    let mut random = ChaCha8Rng::seed_from_u64(kills);
    let mut height = 0;
    for _ in 0..kills {
        let mut child = start(home.path(), None);
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let wanted = random.random_range(1..60_usize);
        let mut acknowledged = height;
        for line in lines.map_while(Result::ok).filter_map(|line| height_in(&line)).take(wanted) {
            acknowledged = acknowledged.max(line);
        }
        std::thread::sleep(Duration::from_micros(random.random_range(0..3_000)));
        child.kill().expect("killed");
        child.wait().expect("it has ended");
        height = holds(home.path(), acknowledged);
        assert!(height > 0 && acknowledged > 0);
    }
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let home = tempdir().expect("a directory");
    let mut child = start(home.path(), Some(16_384));
    let mut said = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("it has ended").success(), "{said}");
    let acknowledged = said.lines().filter_map(height_in).max().expect("some blocks fit");
    let refusal = said.lines().find_map(|line| line.rsplit_once("error: ")).expect("then none does").1;
    assert!(refusal.contains("journal.redb") && refusal.contains("File too large"), "{refusal}");
    let height = holds(home.path(), acknowledged);
    let (mut journal, _) = Journal::open(home.path()).expect("a journal");
    journal.append(&entries(height + 1..=height + 9)).expect("there is room again");
    assert_eq!(height, acknowledged, "what failed is not there");
}

#[test]
fn a_snapshot_that_does_not_fit_leaves_the_one_before() {
    let home = tempdir().expect("a directory");
    let snapshots: Snapshots = Journal::create(home.path(), GENESIS).expect("a new journal").snapshots();
    let snapshot = Snapshot { height: 3, root: [3; 32], bytes: vec![3; 1_000] };
    snapshots.write(&snapshot).expect("written");
    let folder = home.path().join("snapshots");
    // A directory where the file should go: the last step, giving it its name, fails.
    std::fs::create_dir_all(folder.join(format!("{:020}.snapshot/in the way", 4))).expect("made");
    let refusal = snapshots.write(&Snapshot { height: 4, ..snapshot.clone() }).expect_err("it has no place");
    assert!(refusal.to_string().contains("4.snapshot"), "{refusal}");
    assert_eq!(snapshots.newest(3).expect("read").0, Some(snapshot));
    assert!(!folder.join(format!("{:020}.new", 4)).exists(), "nothing unfinished is left");
}

#[test]
fn a_directory_that_takes_no_files_is_an_error() {
    let home = tempdir().expect("a directory");
    let file = home.path().join("file");
    std::fs::write(&file, b"in the way").expect("written");
    let refusal = Journal::create(&file.join("journal"), GENESIS).expect_err("a file has no entries");
    assert!(matches!(&refusal, JournalError::Io { path, .. } if path.ends_with("file/journal")), "{refusal}");
    let shut = home.path().join("shut");
    std::fs::create_dir(&shut).expect("made");
    let mut permissions = std::fs::metadata(&shut).expect("read").permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&shut, permissions).expect("set");
    if std::fs::write(shut.join("probe"), b"").is_ok() {
        println!("not tested: permissions do not bind this user");
        return;
    }
    assert!(matches!(Journal::create(&shut, GENESIS), Err(JournalError::Io { .. })));
}

#[test]
fn snapshots_do_not_stop_appends() {
    let home = tempdir().expect("a directory");
    journal_of(home.path(), 3);
    let (mut journal, _) = Journal::open(home.path()).expect("a journal");
    let snapshots = journal.snapshots();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for height in 1..=20 {
                let snapshot = Snapshot { height, root: [0; 32], bytes: vec![height as u8; 200_000] };
                snapshots.write(&snapshot).expect("written");
                snapshots.keep(2).expect("removed");
            }
        });
        for height in 4..=40 {
            journal.append(&entries([height])).expect("appended");
        }
    });
    assert_eq!(journal.snapshots().newest(u64::MAX).expect("read").0.map(|snapshot| snapshot.height), Some(20));
    assert_eq!(journal.height(), 40);
}

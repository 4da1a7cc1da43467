//! One node with its journal: whatever happens to the process or its files, it comes back to the state that it told others about, or
//! says why it cannot.
//!
//! The killed process is this test program itself, told by the environment to be the node. `NODE_KILLS` asks for more kills.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "the world below is written for the core's tests"
)]

#[path = "../../clearing/tests/properties/world.rs"]
mod world;

use clearing::Engine;
use clearing::command::Block;
use journal::{Entry, Journal, JournalError, Snapshot};
use replication::{Alone, OrderError};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::tempdir;
use world::{Dice, World, genesis};

const NODE: &str = "REPLICATION_TEST_NODE";
const SEED: u64 = 11;
/// More than any test waits for.
const MOST_BLOCKS: usize = 3_000;

/// A world that lives for so many blocks, and every one of them.
fn life(blocks: usize) -> World {
    let mut world = World::populated(SEED);
    while world.log.len() < blocks {
        world.step();
    }
    world
}

fn encoded_genesis() -> Vec<u8> {
    borsh::to_vec(&genesis()).expect("encoded")
}

/// A node that has committed so many blocks of that life.
fn node_of(directory: &Path, blocks: &[Block]) -> Alone {
    let mut node = Alone::<Engine>::create(directory, &encoded_genesis()).expect("a new node");
    for block in blocks {
        let receipt = node.commit(block).expect("committed");
        assert_eq!((receipt.height, receipt.root), (block.height, node.machine().root()));
    }
    node
}

#[test]
fn it_comes_back_from_the_genesis_and_from_snapshots() {
    let home = tempdir().expect("a directory");
    let world = life(60);
    let mut node = node_of(home.path(), &world.log[..40]);
    assert_eq!(node.journal().root(), Some(node.machine().root()));
    let (early, snapshots) = (node.snapshot(), node.journal().snapshots());
    for block in &world.log[40..] {
        node.commit(block).expect("committed");
    }
    let late = node.snapshot();
    let root = node.machine().root();
    assert_eq!(root, world.engine.root());
    drop(node);

    let back = |snapshot: u64, replayed: u64, unread: usize, refused: usize| {
        let (node, recovered) = Alone::<Engine>::open(home.path()).expect("it comes back");
        assert_eq!((node.machine().height(), node.machine().root()), (60, root));
        assert_eq!((recovered.snapshot, recovered.replayed), (snapshot, replayed), "{recovered:?}");
        assert_eq!((recovered.damaged.len(), recovered.refused.len()), (unread, refused), "{recovered:?}");
        assert!(recovered.cut.is_empty());
    };
    back(0, 60, 0, 0);
    snapshots.write(&early).expect("written");
    back(40, 20, 0, 0);
    snapshots.write(&late).expect("written");
    back(60, 0, 0, 0);
    // The newest file is torn: the one before serves.
    let path = home.path().join(format!("snapshots/{:020}.snapshot", 60));
    let bytes = std::fs::read(&path).expect("read");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
    back(40, 20, 1, 0);
    // Whole files that are not the state of their height.
    snapshots.write(&Snapshot { height: 60, ..early.clone() }).expect("written");
    snapshots.write(&Snapshot { height: 50, root: [0; 32], bytes: b"no state at all".to_vec() }).expect("written");
    snapshots.write(&Snapshot { height: 0, ..early.clone() }).expect("written");
    back(40, 20, 0, 2);
    snapshots.write(&Snapshot { height: 40, ..late }).expect("written");
    back(0, 60, 0, 4);
}

#[test]
fn what_may_not_come_next_changes_nothing() {
    let home = tempdir().expect("a directory");
    let world = life(30);
    let mut node = node_of(home.path(), &world.log[..20]);
    let (root, head) = (node.machine().root(), node.journal().head());
    for wrong in [0, 19, 21, 29] {
        assert!(matches!(node.commit(&world.log[wrong]), Err(OrderError::Block(_))), "block {wrong}");
    }
    assert_eq!((node.machine().root(), node.journal().head(), node.journal().height()), (root, head, 20));
    node.commit(&world.log[20]).expect("the next one is taken");
    assert!(matches!(
        Alone::<Engine>::create(home.path(), &encoded_genesis()),
        Err(OrderError::Journal(JournalError::Exists { .. }))
    ));
    assert!(matches!(Alone::<Engine>::open(home.path()), Err(OrderError::Journal(JournalError::InUse { .. }))));
}

/// A journal that nobody's core has written.
fn forged(genesis: &[u8], entries: &[Entry]) -> OrderError {
    let home = tempdir().expect("a directory");
    let mut journal = Journal::create(home.path(), genesis).expect("a new journal");
    journal.append(entries).expect("appended");
    drop(journal);
    Alone::<Engine>::open(home.path()).expect_err("it is not believed")
}

#[test]
fn a_journal_of_somebody_else_is_not_believed() {
    let first = life(1).log.remove(0);
    let encoded = encoded_genesis();
    let entry = |root: [u8; 32], block: Vec<u8>| Entry { height: 1, root, certificate: Vec::new(), block };
    let bytes = borsh::to_vec(&first).expect("encoded");
    assert!(matches!(forged(b"", &[]), OrderError::Genesis));
    assert!(matches!(forged(&encoded[..encoded.len() - 1], &[]), OrderError::Genesis));
    let error = forged(&encoded, &[entry([9; 32], bytes.clone())]);
    assert!(matches!(error, OrderError::Divergence { height: 1, journal, .. } if journal == [9; 32]), "{error}");
    assert!(error.to_string().starts_with("state root differs after block 1: found "), "{error}");
    for block in [Vec::new(), bytes[..bytes.len() - 1].to_vec(), vec![0xff; 500], [bytes.as_slice(), b"!"].concat()] {
        assert!(matches!(forged(&encoded, &[entry([0; 32], block)]), OrderError::Entry { height: 1, .. }));
    }
    let early = Block { time: clearing::units::Time::new(1), ..first };
    let error = forged(&encoded, &[entry([0; 32], borsh::to_vec(&early).expect("encoded"))]);
    assert!(error.to_string().contains("block time out of order"), "{error}");
}

fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word}").and_then(|()| out.flush()).expect("the parent listens");
}

/// Lives on from where the journal ends: says every block's height and root once it is committed, and writes snapshots now and then.
#[test]
fn node() {
    let Ok(directory) = std::env::var(NODE) else { return };
    let directory = Path::new(&directory);
    let mut node = match Alone::<Engine>::open(directory) {
        Ok((node, _)) => node,
        Err(OrderError::Journal(JournalError::NotFound { .. })) => {
            Alone::create(directory, &encoded_genesis()).expect("new")
        }
        Err(error) => panic!("{error}"),
    };
    let done = node.machine().height() as usize;
    let mut world = life(done);
    // Setting the world up takes blocks of its own: they are in its log from the start.
    let mut at = done;
    while at < MOST_BLOCKS {
        if world.log.len() == at {
            world.step();
        }
        let block = world.log[at].clone();
        match node.commit(&block) {
            Ok(receipt) => say(&format!("committed: {} {:02x?}", receipt.height, receipt.root)),
            Err(error) => {
                assert!(matches!(node.commit(&block), Err(OrderError::Stopped)), "nothing follows a failed write");
                return say(&format!("error: {error}"));
            }
        }
        at += 1;
        if at.is_multiple_of(25) {
            let (snapshots, snapshot) = (node.journal().snapshots(), node.snapshot());
            // A disk that is full stops the node at the next block; a snapshot is only a help.
            std::thread::spawn(move || snapshots.write(&snapshot).and_then(|()| snapshots.keep(2)));
        }
    }
}

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
    let command = command.args(["--exact", "node", "--nocapture", "--test-threads=1"]).env(NODE, directory);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the node starts")
}

/// The height and the root that a line acknowledges.
fn acknowledged(line: &str) -> Option<(u64, String)> {
    let (height, root) = line.rsplit_once("committed: ")?.1.split_once(' ')?;
    Some((height.parse().ok()?, root.to_owned()))
}

#[test]
fn a_killed_node_comes_back_to_what_it_said() {
    let kills: usize = std::env::var("NODE_KILLS").map_or(10, |kills| kills.parse().expect("a number"));
    let home = tempdir().expect("a directory");
    let mut dice = Dice(kills as u64);
    let mut told: BTreeMap<u64, String> = BTreeMap::new();
    for _ in 0..kills {
        let mut child = start(home.path(), None);
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let wanted = dice.between(1, 40) as usize;
        for (height, root) in lines.map_while(Result::ok).filter_map(|line| acknowledged(&line)).take(wanted) {
            assert_eq!(told.insert(height, root), None, "no block is committed twice");
        }
        std::thread::sleep(Duration::from_micros(dice.between(0, 3_000) as u64));
        child.kill().expect("killed");
        child.wait().expect("it has ended");
        let (journal, opened) = Journal::open(home.path()).expect("a journal");
        let last = told.keys().next_back().copied().unwrap_or_default();
        assert!(opened.height >= last && opened.cut.is_empty(), "{opened:?}, acknowledged {last}");
        // A block may be durable and its word lost with the process: it counts as said.
        for entry in journal.blocks(last + 1) {
            let entry = entry.expect("whole");
            told.insert(entry.height, format!("{:02x?}", entry.root));
        }
    }
    let (node, recovered) = Alone::<Engine>::open(home.path()).expect("it comes back");
    let world = life(node.machine().height() as usize);
    assert_eq!(node.machine().root(), world.engine.root(), "as if nothing had ever happened");
    assert!(recovered.refused.is_empty() && recovered.snapshot > 0, "{recovered:?}");
    for (entry, block) in node.journal().blocks(1).zip(&world.log) {
        let entry = entry.expect("whole");
        assert_eq!(entry.block, borsh::to_vec(block).expect("encoded"), "block {}", entry.height);
        assert_eq!(told.get(&entry.height), Some(&format!("{:02x?}", entry.root)));
    }
}

#[test]
fn a_node_on_a_full_disk_stops_and_comes_back() {
    let home = tempdir().expect("a directory");
    let mut child = start(home.path(), Some(8_192));
    let mut said = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("it has ended").success(), "{said}");
    let (height, root) = said.lines().filter_map(acknowledged).next_back().expect("some blocks fit");
    assert!(said.lines().any(|line| line.contains("error: ") && line.contains("journal.redb")), "then none does");
    let (mut node, _) = Alone::<Engine>::open(home.path()).expect("it comes back");
    assert_eq!((node.machine().height(), format!("{:02x?}", node.machine().root())), (height, root));
    node.commit(&life(height as usize + 1).log[height as usize]).expect("it goes on");
}

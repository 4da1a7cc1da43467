//! Decides whether a block log replays to the roots it was recorded with, and whether hostile bytes are refused by name.

use clearing::Engine;
use clearing::command::{BLOCK_VERSION, Block, Command, Key, Signed};
use clearing::engine::{BlockError, Genesis};
use clearing::units::{Money, Time};
use lab::block_log::{BlockLogError, BlockLogWriter, Divergence, Replay, replay};

const BLOCKS: u64 = 6;
const CUSTODIAN: Key = Key([2; 32]);
/// Bytes before the genesis: the magic and the version.
const HEADER: usize = 10;
/// Bytes of the end: a length of zero and the number of blocks.
const END: usize = 12;
/// Where a block says whether its node was restarted, after its length, version, height and time.
const RESTART: usize = 4 + 2 + 8 + 8;

/// A log before compression, taken apart.
struct Content {
    /// Magic, version, and the genesis with its root.
    start: Vec<u8>,
    /// Each block with its length before it and its root behind it.
    blocks: Vec<Vec<u8>>,
    /// The end mark and the number of blocks.
    end: Vec<u8>,
    root: [u8; 32],
}

impl Content {
    fn log(&self) -> Vec<u8> {
        compress(&self.bytes())
    }

    fn bytes(&self) -> Vec<u8> {
        [self.start.clone(), self.blocks.concat(), self.end.clone()].concat()
    }
}

fn compress(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 3).expect("memory can be compressed")
}

fn read(log: &[u8]) -> Result<Replay, BlockLogError> {
    replay(log, |_| ())
}

fn refused(log: &[u8]) -> BlockLogError {
    read(log).expect_err("the log is broken")
}

/// Money arrives in every block, so that every root differs.
fn block(height: u64) -> Block {
    let command = Command::FundReserve { amount: Money::new(1_000_000 * i128::from(height)) };
    let commands = vec![Signed { signer: CUSTODIAN, command }];
    Block { version: BLOCK_VERSION, height, time: Time::new(1_000 * height as i64 + 1_000), restart: false, commands }
}

fn recorded() -> (Vec<u8>, [u8; 32]) {
    let genesis = Genesis { time: Time::new(1_000), governance: Key([1; 32]), custodian: CUSTODIAN };
    let mut engine = Engine::new(&genesis);
    let path = tempfile();
    let mut log = BlockLogWriter::new(std::fs::File::create(&path).expect("a temporary file")).expect("a compressor");
    log.genesis(&genesis, &engine.root());
    for height in 1..=BLOCKS {
        let block = block(height);
        let receipt = engine.apply(&block);
        assert!(receipt.rejections.is_empty(), "{:?}", receipt.rejections);
        log.block(&block, &receipt);
    }
    log.finish().expect("the log is written");
    let bytes = std::fs::read(&path).expect("the log is there");
    std::fs::remove_file(path).expect("the log can be removed");
    (bytes, engine.root())
}

fn tempfile() -> std::path::PathBuf {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    std::env::temp_dir().join(format!("seawall-block-log-{}-{next}", std::process::id()))
}

/// Reads the drawn format by hand, so that the test holds the file to its description and not to its reader.
fn content() -> Content {
    let (log, root) = recorded();
    let bytes = zstd::decode_all(log.as_slice()).expect("the log is a zstd stream");
    let sized = |at: usize| 4 + u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let mut at = HEADER + sized(HEADER) + 32;
    let end = bytes.len() - END;
    let start = bytes[..at].to_vec();
    let mut blocks = Vec::new();
    while at < end {
        let length = sized(at) + 32;
        blocks.push(bytes[at..at + length].to_vec());
        at += length;
    }
    Content { start, blocks, end: bytes[end..].to_vec(), root }
}

#[test]
fn a_recorded_run_replays_to_the_same_root() {
    let (log, root) = recorded();
    let mut heights = Vec::new();
    let found = replay(log.as_slice(), |block| heights.push(block.height)).expect("the log is whole");
    assert_eq!(found, Replay { blocks: BLOCKS, commands: BLOCKS, root, divergence: None });
    assert_eq!(heights, (1..=BLOCKS).collect::<Vec<_>>());
}

#[test]
fn the_file_is_as_drawn() {
    let content = content();
    assert_eq!(content.start[..HEADER], *b"SEAWALL\0\x02\0");
    assert_eq!(content.blocks.len() as u64, BLOCKS);
    assert_eq!(content.blocks.last().expect("six blocks")[content.blocks[5].len() - 32..], content.root);
    assert_eq!(content.end, [&[0; 4][..], &BLOCKS.to_le_bytes()].concat());
}

#[test]
fn a_block_left_out_at_the_end_or_bytes_behind_it_are_refused() {
    let mut fewer = content();
    fewer.blocks.pop();
    let error = refused(&fewer.log());
    assert!(matches!(error, BlockLogError::End { after: 5, found: BLOCKS }), "{error}");
    let mut longer = content();
    longer.end.push(0);
    let error = refused(&longer.log());
    assert!(matches!(error, BlockLogError::End { after: BLOCKS, found: BLOCKS }), "{error}");
}

#[test]
fn a_genesis_of_another_run_diverges_before_the_first_block() {
    let mut content = content();
    content.start[HEADER + 4] ^= 1;
    let replay = read(&content.log()).expect("a root that differs is an answer, not an error");
    assert_eq!((replay.blocks, replay.divergence.expect("another genesis").height), (0, 0));
}

#[test]
fn a_flipped_root_diverges_at_its_block_and_the_replay_stops_there() {
    for height in 1..=BLOCKS {
        let mut content = content();
        let entry = &mut content.blocks[height as usize - 1];
        let at = entry.len() - 32;
        let found: [u8; 32] = entry[at..].try_into().expect("a root");
        entry[at] ^= 1;
        let mut recorded = found;
        recorded[0] ^= 1;
        let replay = read(&content.log()).expect("a root that differs is an answer, not an error");
        assert_eq!(replay.divergence, Some(Divergence { height, recorded, found }));
        assert_eq!((replay.blocks, replay.root), (height, found));
    }
}

#[test]
fn a_file_cut_anywhere_is_broken() {
    let (log, _) = recorded();
    for length in 0..log.len() {
        let error = refused(&log[..length]);
        assert!(matches!(error, BlockLogError::Broken { .. }), "{length} bytes: {error}");
    }
}

#[test]
fn content_cut_anywhere_is_broken_after_the_last_whole_block() {
    let content = content();
    let bytes = content.bytes();
    let mut ends = vec![content.start.len()];
    for entry in &content.blocks {
        ends.push(ends.last().expect("never empty") + entry.len());
    }
    for length in 0..bytes.len() {
        let log = compress(&bytes[..length]);
        let whole = ends.iter().filter(|end| **end <= length).count().saturating_sub(1) as u64;
        let error = refused(&log);
        assert!(matches!(error, BlockLogError::Broken { after, .. } if after == whole), "{length} bytes: {error}");
    }
}

#[test]
fn what_is_no_log_is_refused_by_what_was_found() {
    assert!(matches!(refused(b""), BlockLogError::Broken { after: 0, .. }));
    assert!(matches!(refused(b"no zstd stream at all, but long enough"), BlockLogError::Broken { after: 0, .. }));
    assert!(matches!(refused(&compress(b"")), BlockLogError::Broken { after: 0, .. }));
    let error = refused(&compress(b"SEAWTAPE and so on"));
    assert!(matches!(error, BlockLogError::Magic { found } if found == *b"SEAWTAPE"), "{error}");
    let mut later = content();
    later.start[8..HEADER].copy_from_slice(&[2, 1]);
    let error = refused(&later.log());
    assert!(matches!(error, BlockLogError::Version { found: 258 }), "{error}");
    assert_eq!(error.to_string(), "block log version not known: found 258, allowed 2");
}

#[test]
fn a_length_that_lies_is_refused_wherever_it_stands() {
    for (lie, too_long) in [(u32::MAX, true), ((256 << 20) + 1, true), (256 << 20, false)] {
        for height in 0..=BLOCKS {
            let mut content = content();
            match height {
                0 => content.start[HEADER..HEADER + 4].copy_from_slice(&lie.to_le_bytes()),
                _ => content.blocks[height as usize - 1][..4].copy_from_slice(&lie.to_le_bytes()),
            }
            let last = height.saturating_sub(1);
            match refused(&content.log()) {
                BlockLogError::TooLong { after, found } => assert!(too_long && after == last && found == lie),
                BlockLogError::Broken { after, .. } => assert!(!too_long && after == last),
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_block_out_of_order_is_refused_by_its_height() {
    let orders: [(&[usize], u64, u64); 3] = [(&[0, 2, 1], 3, 2), (&[0, 0], 1, 2), (&[1], 2, 1)];
    for (order, found, expected) in orders {
        let mut content = content();
        content.blocks = order.iter().map(|at| content.blocks[*at].clone()).collect();
        let error = refused(&content.log());
        let BlockLogError::Refused { height, source } = error else { panic!("{error}") };
        assert_eq!((height, source), (found, BlockError::Height { found, expected }));
    }
}

#[test]
fn no_flipped_bit_panics_or_changes_the_run_unseen() {
    let content = content();
    let bytes = content.bytes();
    // What changes nothing in this run cannot change a root: a restart halts pools, of which there are none.
    let mut idle: Vec<usize> = Vec::new();
    let mut at = content.start.len();
    for entry in &content.blocks {
        idle.push(at + RESTART);
        at += entry.len();
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok(replay) = read(&compress(&flipped)) else { continue };
        if idle.contains(&(bit / 8)) {
            assert_eq!((replay.root, replay.divergence), (content.root, None), "bit {bit}");
        } else {
            assert!(replay.divergence.is_some(), "bit {bit} passed unseen");
        }
    }
}

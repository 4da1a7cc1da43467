//! `seawall replay` as a stranger meets it: a whole log, a log that lies, and files that are no log.

use clearing::Engine;
use clearing::command::{BLOCK_VERSION, Block, Command as Order, Key, Signed};
use clearing::engine::Genesis;
use clearing::units::{Money, Time};
use lab::block_log::BlockLogWriter;
use serde_json::{Value, json};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Output};

const DIVERGED: i32 = 1;
const NOT_A_LOG: i32 = 65;
const CANNOT_BE_READ: i32 = 74;
const BLOCKS: u64 = 5;
const CUSTODIAN: Key = Key([2; 32]);

/// A file of this test alone, removed when the test ends, however it ends.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("seawall-replay-{}-{name}.log", std::process::id())))
    }

    fn holding(name: &str, bytes: &[u8]) -> Self {
        let file = Self::new(name);
        std::fs::write(&file.0, bytes).expect("a temporary file");
        file
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("temporary files have plain names")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A short run; the root recorded for `wrong_at`, if any, is not the one that the block gives.
fn record(file: &Temporary, wrong_at: Option<u64>) -> String {
    let genesis = Genesis { time: Time::new(1_000), governance: Key([1; 32]), custodian: CUSTODIAN };
    let mut engine = Engine::new(&genesis);
    let mut log = BlockLogWriter::new(File::create(&file.0).expect("a temporary file")).expect("a compressor");
    log.genesis(&genesis, &engine.root());
    for height in 1..=BLOCKS {
        let time = Time::new(1_000 + 1_000 * height as i64);
        let commands =
            vec![Signed { signer: CUSTODIAN, command: Order::FundReserve { amount: Money::new(1_000_000) } }];
        let block = Block { version: BLOCK_VERSION, height, time, restart: false, commands };
        let mut receipt = engine.apply(&block);
        if wrong_at == Some(height) {
            receipt.root = [0; 32];
        }
        log.block(&block, &receipt);
    }
    log.finish().expect("the log is written");
    engine.root().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn seawall(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seawall")).args(arguments).output().expect("the binary runs")
}

fn answer(arguments: &[&str], code: i32) -> String {
    let output = seawall(arguments);
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("answers are text");
    assert!(!text.contains('\x1b'), "colours belong on a terminal: {text:?}");
    text
}

/// What is said of a file that must be refused; the message names it.
fn refusal(path: &str, code: i32) -> String {
    let output = seawall(&["replay", path]);
    let message = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(output.stdout.is_empty(), "nothing is answered");
    assert!(message.starts_with(&format!("error: {path}: ")), "{message}");
    assert!(!message.contains("panicked") && !message.contains('\x1b'), "{message:?}");
    message
}

#[test]
fn a_whole_log_answers_its_blocks_and_its_root() {
    let file = Temporary::new("whole");
    let root = record(&file, None);
    let found: Value = serde_json::from_str(&answer(&["replay", file.path(), "--json"], 0)).expect("JSON");
    assert_eq!(found, json!({ "blocks": BLOCKS, "commands": BLOCKS, "state_root": root, "divergence": null }));
    let text = answer(&["replay", file.path()], 0);
    assert!(text.contains(&root) && text.ends_with("every root is the recorded one\n"), "{text}");
}

#[test]
fn a_log_that_lies_ends_with_one_and_names_the_block() {
    let file = Temporary::new("lies");
    record(&file, Some(3));
    let found: Value = serde_json::from_str(&answer(&["replay", file.path(), "--json"], DIVERGED)).expect("JSON");
    assert_eq!((&found["blocks"], &found["divergence"]["height"]), (&3.into(), &3.into()));
    assert_eq!(found["divergence"]["recorded"], "0".repeat(64));
    assert_eq!(found["divergence"]["found"], found["state_root"]);
    assert!(answer(&["replay", file.path()], DIVERGED).contains("first divergence at block 3: recorded 0000"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    refusal(Temporary::new("missing").path(), CANNOT_BE_READ);
}

#[test]
fn a_file_that_is_no_whole_log_is_named() {
    let whole = Temporary::new("to-cut");
    record(&whole, None);
    let bytes = std::fs::read(&whole.0).expect("the log is there");
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("garbage", &b"{\"this\": \"is no log\"}"[..]),
        ("half", &bytes[..bytes.len() / 2]),
        ("one-byte-short", &bytes[..bytes.len() - 1]),
    ] {
        let message = refusal(Temporary::holding(name, bytes).path(), NOT_A_LOG);
        assert!(message.contains("block log broken after block"), "{name}: {message}");
    }
}

//! `seawall journal` as an operator meets it: a whole journal, torn ends, damage, and directories that hold none.

use journal::{Entry, Journal, Snapshot};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::{TempDir, tempdir};

const NOT_WHOLE: i32 = 1;
const USAGE: i32 = 2;
const NO_JOURNAL: i32 = 65;
const CANNOT_BE_READ: i32 = 74;

/// A directory with a journal of five blocks and a snapshot.
fn home() -> TempDir {
    let home = tempdir().expect("a directory");
    let mut journal = Journal::create(home.path(), b"genesis").expect("a new journal");
    for height in 1..=5 {
        let block = vec![height as u8; 1_000];
        let entry = Entry { height, root: [height as u8; 32], certificate: Vec::new(), block };
        journal.append(&[entry]).expect("appended");
    }
    let snapshot = Snapshot { height: 5, root: [5; 32], bytes: b"state".to_vec() };
    journal.snapshots().write(&snapshot).expect("written");
    home
}

fn seawall(args: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
    command.arg("journal").arg(args[0]).arg(directory).args(&args[1..]);
    command.output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_whole_journal_is_whole() {
    let home = home();
    let output = seawall(&["verify", "--json"], home.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["height"], &report["bytes"]), (&5.into(), &5_000.into()));
    assert_eq!((&report["snapshots"], &report["cut"]), (&serde_json::json!([5]), &serde_json::json!([])));
    let output = seawall(&["verify"], home.path());
    assert!(said(&output).contains("everything is what was written"), "{}", said(&output));
}

#[test]
fn blocks_are_written_out_once() {
    let home = home();
    let file = home.path().join("blocks.bin");
    let path = file.to_str().expect("a plain name");
    let output = seawall(&["export", path, "--from", "2", "--to", "4", "--json"], home.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["blocks"], 3);
    let bytes = std::fs::read(&file).expect("the file");
    assert!(bytes.starts_with(b"SEAWBLKS") && bytes.len() > 3_000);
    let output = seawall(&["export", path], home.path());
    assert_eq!(output.status.code(), Some(CANNOT_BE_READ), "it does not write over a file: {}", said(&output));
    assert_eq!(std::fs::read(&file).expect("the file"), bytes);
    for wrong in [["--from", "0"], ["--to", "0"], ["--from", "x"], ["--from", "-1"]] {
        let output = seawall(&["export", "nowhere.bin", wrong[0], wrong[1]], home.path());
        assert_eq!(output.status.code(), Some(USAGE), "{wrong:?}: {}", said(&output));
    }
    let output = seawall(&["export", "nowhere.bin", "--from", "5", "--to", "4"], home.path());
    assert_eq!(output.status.code(), Some(USAGE), "{}", said(&output));
}

#[test]
fn what_is_not_whole_is_named() {
    let torn = home();
    std::fs::write(torn.path().join("snapshots/00000000000000000004.snapshot"), b"torn").expect("written");
    let output = seawall(&["verify"], torn.path());
    assert_eq!(output.status.code(), Some(NOT_WHOLE), "{}", said(&output));
    assert!(
        said(&output).contains("snapshot not whole: ") && said(&output).contains("0004.snapshot"),
        "{}",
        said(&output)
    );

    let damaged = home();
    let file = damaged.path().join("journal.redb");
    let mut bytes = std::fs::read(&file).expect("the file");
    let block = vec![2_u8; 1_000];
    let at = bytes.windows(block.len()).position(|window| window == block).expect("the second block");
    bytes[at] ^= 1;
    std::fs::write(&file, &bytes).expect("written");
    let output = seawall(&["verify"], damaged.path());
    assert_eq!(output.status.code(), Some(NO_JOURNAL), "{}", said(&output));
    assert!(said(&output).contains("damaged"), "{}", said(&output));
    let out = damaged.path().join("out.bin");
    let output = seawall(&["export", out.to_str().expect("a plain name")], damaged.path());
    assert_eq!(output.status.code(), Some(NO_JOURNAL), "{}", said(&output));
    assert!(!out.exists(), "half a file is no export");
}

#[test]
fn where_there_is_no_journal_nothing_is_made() {
    let empty = tempdir().expect("a directory");
    for args in [&["verify"][..], &["export", "nowhere.bin"]] {
        let output = seawall(args, empty.path());
        assert_eq!(output.status.code(), Some(NO_JOURNAL), "{}", said(&output));
        assert!(said(&output).starts_with("error: no journal found: "), "{}", said(&output));
    }
    assert_eq!(std::fs::read_dir(empty.path()).expect("a directory").count(), 0);
    std::fs::write(empty.path().join("journal.redb"), vec![7; 10_000]).expect("written");
    let output = seawall(&["verify"], empty.path());
    assert_eq!(output.status.code(), Some(NO_JOURNAL), "{}", said(&output));
}

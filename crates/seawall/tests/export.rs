//! `seawall export` and `[history]`: a node that is killed and one journal tell the same, and what cannot be written is said.

mod running;

use authority::Request;
use clearing::units::Time;
use client::Client;
use running::{Node, init, listing, offices, publishers, seawall};
use std::path::Path;
use std::process::Output;
use std::time::Duration;
use tempfile::tempdir;

fn export(folder: &Path, out: &Path, more: &[&str]) -> Output {
    let (data, config) = (folder.join("data"), folder.join("node.toml"));
    let text = |path: &Path| path.to_str().expect("a plain name").to_owned();
    let (data, config, out) = (text(&data), text(&config), text(out));
    let mut args = vec!["export", "--data", &data, "--config", &config, "--out", &out];
    args.extend(more);
    seawall(&args)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn write_history(folder: &Path, directory: &str) {
    let path = folder.join("node.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let with = text.replacen("[history]\n", &format!("[history]\ndirectory = \"{directory}\"\n"), 1);
    std::fs::write(&path, with).expect("written");
}

/// A market without members.
async fn list(node: &Node, folder: &Path) -> u64 {
    let client = Client::new(&node.url()).expect("an address");
    let domain = client.domain().await.expect("a domain");
    let mut offices = offices(folder);
    for command in listing() {
        let now = client.now().await.expect("a time");
        let signed = offices.governance.sign(&domain, now, Request::Act(command)).expect("signed");
        assert_eq!(client.submit(&[signed]).await.expect("answered")[0].status, "executed");
    }
    assert_eq!(publishers().len(), 3);
    // Prices are sampled with the first block of a second.
    let listed = client.now().await.expect("a time");
    while client.now().await.expect("a time") < listed + Time::new(1_000) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.status().await.expect("a status").height
}

/// The names and lengths of what is in a folder.
fn files(folder: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for table in std::fs::read_dir(folder).expect("read").flatten() {
        for file in std::fs::read_dir(table.path()).expect("read").flatten() {
            let name = file.path().strip_prefix(folder).expect("inside").display().to_string();
            found.push((name, file.metadata().expect("a file").len()));
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_keeps_its_history_and_a_journal_has_it_too() {
    let home = tempdir().expect("a directory");
    let folder = home.path().join("venue");
    init(&folder);
    write_history(&folder, "history");
    let mut node = Node::start(&folder);
    let height = list(&node, &folder).await;
    // Killed before a file was full: the next start makes it.
    node.kill();
    let mut node = Node::start(&folder);
    assert!(files(&folder.join("history")).iter().any(|(name, _)| name == "blocks/00000000000000000001.parquet"));
    let asked = std::process::Command::new("kill").args(["-TERM", &node.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
    assert_eq!(node.ended(), Some(0));

    let out = home.path().join("out");
    let made = export(&folder, &out, &["--json"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    let told: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    assert_eq!(told["from"], 1);
    assert!(told["to"].as_u64() >= Some(height), "{told}");
    assert_eq!(told["tables"].as_array().map(Vec::len), Some(8));
    assert!(files(&out).iter().any(|(name, _)| name.starts_with("prices/")));
    let part = home.path().join("part");
    let made = export(&folder, &part, &["--tables", "blocks,fills", "--from", "2", "--to", "3"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    assert!(String::from_utf8_lossy(&made.stdout).starts_with("blocks 2 to 3 in "), "{made:?}");
    let names: Vec<String> = files(&part).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["blocks/00000000000000000002.parquet"], "nobody traded");
}

#[test]
fn what_cannot_be_exported_is_said_with_its_code() {
    let home = tempdir().expect("a directory");
    let folder = home.path().join("venue");
    init(&folder);
    let out = home.path().join("out");
    let refused = |output: Output, code: i32, expected: &str| {
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert!(said(&output).contains(expected), "{expected}: {}", said(&output));
    };
    refused(export(&folder, &out, &["--tables", "orders"]), 2, "allowed: blocks, fills");
    refused(export(&folder, &out, &["--from", "0"]), 2, "--from");
    refused(export(&folder, &out, &["--from", "5", "--to", "4"]), 2, "--to: found 4, allowed 5 or more");
    std::fs::create_dir(&out).expect("made");
    std::fs::write(out.join("mine"), b"").expect("written");
    refused(export(&folder, &out, &[]), 74, "directory not empty");
    refused(export(&folder, &out.join("mine"), &[]), 74, "mine");
    refused(export(&home.path().join("elsewhere"), &out, &[]), 74, "elsewhere");
    let other = home.path().join("other");
    std::fs::create_dir_all(other.join("data")).expect("made");
    std::fs::copy(folder.join("node.toml"), other.join("node.toml")).expect("copied");
    refused(export(&other, &home.path().join("new"), &[]), 65, "no journal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_cannot_be_written_does_not_stop_the_node() {
    let home = tempdir().expect("a directory");
    let folder = home.path().join("venue");
    init(&folder);
    write_history(&folder, "taken");
    std::fs::write(folder.join("taken"), b"a file").expect("written");
    let node = Node::start(&folder);
    assert!(list(&node, &folder).await >= 3, "it clears");
    assert_eq!(std::fs::read(folder.join("taken")).expect("read"), b"a file");
}

//! Decides whether a drill can be played against a node of somebody's own, and ends clearly where it cannot.

mod running;

use running::{Node, init, seawall};
use serde_json::Value;
use std::process::Output;
use tempfile::tempdir;

const BAD_USAGE: i32 = 2;
const BAD_DATA: i32 = 65;
const NOT_REACHED: i32 = 74;

/// Three seconds of a small drill, at fifty times its speed.
fn play(node: &Node, more: &[&str]) -> Output {
    let url = node.url();
    let drill = ["drill", "run", "october-2025", "--node", &url, "--accounts", "100", "--seed", "3", "--json"];
    let pace = ["--speed", "50", "--stop-after", "3", "--senders", "3"];
    seawall(&[&drill[..], &pace, more].concat())
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_new_node_takes_a_drill_and_a_used_one_does_not() {
    let home = tempdir().expect("a directory");
    init(home.path());
    // At once: there is no block yet whose time could be signed at.
    let node = Node::start(home.path());
    let keys = home.path().join("keys");
    let keys = ["--keys", keys.to_str().expect("a plain name")];

    let played = play(&node, &keys);
    assert!(played.status.success(), "{}", error_of(&played));
    let told: Value = serde_json::from_slice(&played.stdout).expect("JSON");
    assert_eq!(told["sent"], told["answered"], "everything is answered");
    let outcomes = told["outcomes"].as_object().expect("outcomes");
    let counted: u64 = outcomes.values().filter_map(Value::as_u64).sum();
    assert_eq!(Some(counted), told["answered"].as_u64());
    let executed = outcomes["executed"].as_u64().expect("some are");
    assert!(executed * 10 > counted * 8, "found {outcomes:?}");
    let nonces = outcomes.keys().filter(|outcome| outcome.starts_with("refused"));
    assert_eq!(nonces.count(), 0, "found {outcomes:?}");
    let times = &told["acknowledged_ms"];
    assert!(times["p50"].as_f64() > Some(0.0) && times["p50"].as_f64() <= times["p99"].as_f64(), "found {times}");
    assert_eq!(told["cut_short"], true);

    let again = play(&node, &keys);
    assert_eq!(again.status.code(), Some(BAD_DATA));
    assert!(error_of(&again).contains("pools and feeds, allowed none"), "{}", error_of(&again));
}

#[test]
fn a_node_with_other_offices_refuses_and_no_rate_is_told() {
    let home = tempdir().expect("a directory");
    init(home.path());
    let node = Node::start(home.path());
    let played = play(&node, &[]);
    assert_eq!(played.status.code(), Some(BAD_DATA), "{}", error_of(&played));
    assert!(error_of(&played).contains("not taken while setting up"), "{}", error_of(&played));
    assert!(played.stdout.is_empty());
}

#[test]
fn a_node_that_is_not_there_is_an_error() {
    let played = seawall(&["drill", "run", "october-2025", "--node", "http://127.0.0.1:1", "--accounts", "10"]);
    assert_eq!(played.status.code(), Some(NOT_REACHED), "{}", error_of(&played));
    let hostile = seawall(&["drill", "run", "october-2025", "--node", "gopher://x", "--accounts", "10"]);
    assert_eq!(hostile.status.code(), Some(BAD_USAGE), "{}", error_of(&hostile));
}

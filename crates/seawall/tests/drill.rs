//! `seawall drill` as a stranger meets it: the list, the fields of its JSON, hostile arguments, exit codes.

use lab::catalogue::EXHIBITS;
use lab::museum::ALL;
use lab::outcome::Outcome;
use serde_json::Value;
use std::process::{Command, Output};

const USAGE: i32 = 2;

/// Runs the binary without the data folder that whoever runs the tests may have.
fn seawall(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seawall"))
        .args(arguments)
        .env_remove("SEAWALL_DATA")
        .output()
        .expect("the binary runs")
}

fn answer(arguments: &[&str]) -> String {
    let output = seawall(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("answers are text");
    assert!(!text.contains('\x1b'), "colours belong on a terminal: {text:?}");
    text
}

/// What standard error says of arguments that must be refused with one of these codes, without a panic.
fn refusal(arguments: &[&str], codes: &[i32]) -> String {
    let output = seawall(arguments);
    let message = String::from_utf8(output.stderr).expect("messages are text");
    let code = output.status.code().expect("no signal ended it");
    assert!(codes.contains(&code), "{arguments:?} ended with {code}: {message}");
    assert!(output.stdout.is_empty(), "nothing is answered");
    assert!(message.starts_with("error: ") && !message.contains("panicked"), "{message}");
    assert!(!message.contains('\x1b'), "colours belong on a terminal: {message:?}");
    message
}

fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_list_names_every_drill_in_words_and_in_json() {
    let table = answer(&["drill", "list"]);
    let drills: Vec<Value> = serde_json::from_str(&answer(&["drill", "list", "--json"])).expect("a list");
    let names: Vec<&str> =
        EXHIBITS.iter().map(|drill| drill.name).chain(ALL.iter().map(|exhibit| exhibit.name)).collect();
    assert_eq!(drills.len(), names.len());
    for (drill, name) in drills.iter().zip(names) {
        assert!(table.contains(name), "{table}");
        assert_eq!(fields(drill), ["accounts", "name", "title"]);
        assert_eq!(drill["name"], name);
        // Incidents of the museum have a stage of their own.
        let is_drill = EXHIBITS.iter().any(|drill| drill.name == name);
        assert_eq!(drill["accounts"].as_u64().is_some_and(|accounts| accounts > 0), is_drill);
    }
}

#[test]
fn an_incident_is_shown_in_words_in_json_and_as_a_page() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().to_str().expect("a plain name");
    let text = answer(&["drill", "run", "wti-2020", "--tries", "3", "--report", dir]);
    assert!(text.contains("under Seawall") && text.contains("every bound held"), "{text}");
    let page = std::fs::read_to_string(home.path().join("museum.html")).expect("a page");
    assert!(page.contains("id=\"wti-2020\""));
    let shown: Value =
        serde_json::from_str(&answer(&["drill", "run", "wti-2020", "--tries", "3", "--json"])).expect("JSON");
    let one = &shown[0];
    assert_eq!(
        (&one["name"], &one["reproduced"], &one["beyond"]),
        (&"wti-2020".into(), &true.into(), &Value::Array(vec![]))
    );
    assert_eq!(one["worst"]["tried"], 3);
    let again: Value =
        serde_json::from_str(&answer(&["drill", "run", "wti-2020", "--tries", "3", "--json"])).expect("JSON");
    assert_eq!(shown, again, "a seed decides everything");
    for (bad, flag) in [(&["--tries", "0"][..], "--tries"), (&["--all"], "--all")] {
        let message = refusal(&[&["drill", "run", "wti-2020"], bad].concat(), &[USAGE]);
        assert!(message.contains(flag), "{message}");
    }
    refusal(&["drill", "run"], &[USAGE]);
}

#[test]
fn an_unknown_drill_is_refused_with_what_is_known_and_where_to_look() {
    for name in ["october-2024", "", "../october-2025", "OCTOBER-2025"] {
        let message = refusal(&["drill", "run", name], &[USAGE]);
        assert!(message.contains(&format!("found {name:?}, allowed: october-2025")), "{message}");
        assert!(message.contains("\nhint: seawall drill list"), "{message}");
    }
}

#[test]
fn arguments_out_of_range_are_refused_by_their_flag() {
    let hostile: [(&str, &str); 11] = [
        ("--seeds", "0"),
        ("--seeds", "10001"),
        ("--seeds", "many"),
        ("--accounts", "1"),
        ("--accounts", "x"),
        ("--accounts", "9"),
        ("--accounts", "4000001"),
        ("--accounts", "99999999999999999999"),
        ("--seed", "1.5"),
        ("--seed", "18446744073709551616"),
        ("--rules", "generous"),
    ];
    for (flag, value) in hostile {
        let message = refusal(&["drill", "run", "october-2025", flag, value], &[USAGE]);
        assert!(message.contains(flag) && message.contains(value), "{message}");
    }
    let both = ["drill", "run", "october-2025", "--seeds", "2", "--record", "run.log"];
    assert!(refusal(&both, &[USAGE]).contains("--record"));
    assert!(refusal(&["drill", "run"], &[USAGE]).contains("<NAME>"));
}

#[test]
fn a_data_folder_that_is_missing_is_named() {
    let folder = std::env::temp_dir().join(format!("seawall-no-such-folder-{}", std::process::id()));
    let folder = folder.to_str().expect("temporary folders have plain names");
    let message = refusal(&["drill", "run", "october-2025", "--data", folder], &[65, 74]);
    assert!(message.contains(folder), "{message}");
}

#[test]
fn help_shows_an_example() {
    let subcommands: [&[&str]; 7] =
        [&[], &["drill"], &["drill", "list"], &["drill", "run"], &["margin"], &["replay"], &["bench"]];
    for subcommand in subcommands {
        let help = answer(&[subcommand, &["--help"][..]].concat());
        assert!(help.contains("Example"), "{help}");
    }
}

#[test]
fn json_of_a_run_has_exactly_the_promised_fields() {
    let text = answer(&["drill", "run", "october-2025", "--accounts", "20", "--rules", "static", "--json"]);
    let run: Value = serde_json::from_str(&text).expect("JSON and nothing else");
    // The list itself is held by the lab: what is read as an outcome and written again is the same, so nothing is left over.
    let outcome: Outcome = serde_json::from_str(&text).expect("an outcome");
    assert_eq!(serde_json::to_value(outcome).expect("an outcome is plain data"), run);
    assert_eq!((&run["name"], &run["rules"], &run["seed"]), (&"october-2025".into(), &"static".into(), &1.into()));
    assert_eq!(fields(&run["fund"]), ["end", "low", "start"]);
    assert_eq!(fields(&run["adl"]), ["accounts", "notional_usd", "overshoot_usd"]);
    assert_eq!(fields(&run["conservation"]), ["blocks_checked", "violations"]);
    let feeds = run["feeds"].as_object().expect("feeds by symbol");
    assert!(!feeds.is_empty());
    for (symbol, span) in feeds {
        assert_eq!(fields(span), ["end", "low", "start"], "{symbol}");
        assert!(span["low"].as_f64() <= span["start"].as_f64(), "{symbol}: {span}");
    }
}

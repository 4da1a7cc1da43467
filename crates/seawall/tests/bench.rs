//! `seawall bench` as a stranger meets it: every row has a figure, and what cannot be measured is refused.

use serde_json::Value;
use std::process::{Command, Output};

const USAGE: i32 = 2;
const NAMES: [&str; 9] = ["margin", "calm", "crash", "scan", "liquidation", "commands", "auction", "storage", "memory"];

fn seawall(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seawall")).args(arguments).output().expect("the binary runs")
}

fn answer(arguments: &[&str]) -> String {
    let output = seawall(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("answers are text")
}

/// What is said of arguments that must be refused.
fn refusal(arguments: &[&str]) -> String {
    let output = seawall(arguments);
    let message = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(USAGE), "{message}");
    assert!(output.stdout.is_empty() && !message.contains("panicked"), "{message}");
    message
}

#[test]
fn a_tiny_run_has_every_row_with_a_finite_figure() {
    let text = answer(&["bench", "--accounts", "200", "--quick", "--json"]);
    let found: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&found["accounts"], &found["quick"]), (&200.into(), &true.into()));
    let rows = found["rows"].as_array().expect("rows");
    for name in NAMES {
        let own = || rows.iter().filter(|row| row["workload"] == name);
        assert!(own().any(|row| row["ratio"].is_f64()), "no ratio of {name}");
    }
    for row in rows {
        let measured = row["value"].as_f64();
        let excused = row["workload"] == "memory" && !cfg!(target_os = "linux");
        assert!(excused || measured.is_some_and(|value| value.is_finite() && value >= 0.0), "{row}");
        assert!(
            row["ratio"].is_null() || row["ratio"].as_f64().is_some_and(|ratio| ratio.is_finite() && ratio >= 0.0),
            "{row}"
        );
        assert_eq!(row["ratio"].is_null(), row["ratio_to"].is_null(), "{row}");
        assert_eq!(row["target"].is_null(), row["met"].is_null() && measured.is_some(), "{row}");
        for key in ["what", "on", "unit"] {
            assert!(row[key].as_str().is_some_and(|text| !text.is_empty()), "{row}");
        }
    }
}

#[test]
fn a_missed_target_is_shown_and_is_no_failure() {
    let text = answer(&["bench", "--accounts", "20", "--quick", "--only", "liquidation"]);
    assert!(text.contains("20 accounts") && text.contains("missed"), "{text}");
    assert!(!text.contains('\x1b') && !text.contains("full scan"), "colours belong on a terminal: {text}");
}

#[test]
fn bad_input_is_refused_with_what_is_allowed() {
    let most = lab::bench::MAX_ACCOUNTS;
    for accounts in ["0", "4194304", "1e6", "many"] {
        let message = refusal(&["bench", "--accounts", accounts]);
        assert!(message.contains(accounts) && message.contains("--accounts"), "{message}");
    }
    assert!(refusal(&["bench", "--accounts", "0"]).contains(&format!("1..={most}")));
    assert!(refusal(&["bench", "--only", "everything"]).contains("possible values: margin, calm"));
    assert!(refusal(&["bench", "--plot", "growth.svg"]).contains("--growth"));
    assert!(refusal(&["bench", "--growth", "--accounts", "5"]).contains("cannot be used with"));
}

#[test]
fn help_has_an_example() {
    assert!(answer(&["bench", "--help"]).contains("seawall bench --accounts 100000 --quick"));
}

//! `seawall simulate`, `tune` and `backtest` as a stranger meets them: examples, hostile files, exit codes.
#![allow(clippy::unwrap_used, reason = "a test may fail as it likes")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MALFORMED: i32 = 65;
const UNREADABLE: i32 = 74;

/// Runs the binary in a folder, without the data folder that whoever runs the tests may have.
fn seawall(folder: &Path, arguments: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_seawall");
    Command::new(binary).args(arguments).current_dir(folder).env("SEAWALL_DATA", "nowhere").output().unwrap()
}

fn answer(folder: &Path, arguments: &[&str]) -> String {
    let output = seawall(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refusal(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = seawall(folder, arguments);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "nothing is answered");
    assert!(message.starts_with("error: ") && !message.contains("panicked"), "{message}");
    message
}

fn experiments() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments")
}

/// A shipped experiment made as short as an experiment may be.
fn short(folder: &Path, name: &str) -> PathBuf {
    let mut document: toml::Table = std::fs::read_to_string(experiments().join(name)).unwrap().parse().unwrap();
    document["time"]["hours"] = toml::Value::Float(2.0);
    document["time"]["block_s"] = 30.into();
    for members in ["noise", "trend"] {
        document["members"][members]["count"] = 30.into();
    }
    let path = folder.join(name);
    std::fs::write(&path, toml::to_string(&document).unwrap()).unwrap();
    path
}

#[test]
fn every_command_of_the_lab_has_help_with_an_example() {
    let here = tempfile::tempdir().unwrap();
    for command in ["simulate", "tune", "backtest"] {
        let help = answer(here.path(), &[command, "--help"]);
        assert!(help.contains(&format!("seawall {command} ")) && help.contains("Example"), "{help}");
        assert!(help.contains("Exit codes"), "{help}");
    }
}

#[test]
fn an_experiment_answers_in_words_in_json_and_in_files() {
    let here = tempfile::tempdir().unwrap();
    let file = short(here.path(), "crash.toml");
    let file = file.to_str().unwrap();
    let table = answer(here.path(), &["simulate", file, "--seeds", "2", "--report", "pages", "--out", "runs.parquet"]);
    assert!(table.contains("agent") && table.contains("pages/simulation.html"), "{table}");
    assert!(here.path().join("pages/simulation.html").is_file() && here.path().join("runs.parquet").is_file());
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&answer(here.path(), arguments)).unwrap() };
    let (one, again) =
        (json(&["simulate", file, "--seeds", "2", "--json"]), json(&["simulate", file, "--seeds", "2", "--json"]));
    assert!(one["cells"].as_array().is_some_and(|cells| !cells.is_empty()));
    assert_eq!(one["cells"], again["cells"], "a seed decides everything");
    assert!(one["speed"]["agent_steps_per_second"].as_f64().is_some_and(|speed| speed > 0.0));
}

#[test]
fn a_search_says_what_it_tried() {
    let here = tempfile::tempdir().unwrap();
    let file = short(here.path(), "tune.toml");
    let output = seawall(here.path(), &["tune", file.to_str().unwrap(), "--choices", "3", "--seeds", "1", "--json"]);
    assert!([Some(0), Some(1)].contains(&output.status.code()), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(found.as_object().is_some_and(|fields| !fields.is_empty()), "{found}");
}

#[test]
fn what_cannot_be_read_says_why_and_leaves_nothing() {
    let here = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(experiments().join("crash.toml")).unwrap();
    let cases: [(&str, Vec<u8>); 5] = [
        ("empty.toml", Vec::new()),
        ("cut.toml", good.as_bytes()[..good.len() / 2].to_vec()),
        ("nulls.toml", vec![0; 1_000]),
        ("huge.toml", good.replace("count = 700", "count = 1e300").into_bytes()),
        ("unknown.toml", format!("{good}\n[astrology]\nsign = 1\n").into_bytes()),
    ];
    for (name, text) in cases {
        std::fs::write(here.path().join(name), text).unwrap();
        for command in ["simulate", "tune"] {
            let message = refusal(here.path(), &[command, name], MALFORMED);
            assert!(message.contains(name), "{message}");
        }
    }
    refusal(here.path(), &["simulate", "none.toml"], UNREADABLE);
}

#[test]
fn a_backtest_without_data_says_what_else_there_is() {
    let here = tempfile::tempdir().unwrap();
    let message = refusal(here.path(), &["backtest"], MALFORMED);
    assert!(message.contains("SEAWALL_DATA") && message.contains("--made"), "{message}");
    std::fs::write(here.path().join("prices.csv"), "ts_utc,close\n1577836800000,x\n").unwrap();
    let message = refusal(here.path(), &["backtest", "--prices", "prices.csv"], MALFORMED);
    assert!(message.contains("prices.csv"), "{message}");
    for level in ["1", "0.5", "NaN", "x"] {
        let output = seawall(here.path(), &["backtest", "--made", "7", "--level", level]);
        assert_eq!(output.status.code(), Some(2), "{level}");
    }
}

#[test]
fn a_backtest_of_a_file_answers_in_json_and_on_a_page() {
    let here = tempfile::tempdir().unwrap();
    let row = |hour: i64| format!("{},{}\n", 1_577_836_800_000 + hour * 3_600_000, 100 + hour * hour % 13);
    let rows: String = (0..2_400).map(row).collect();
    std::fs::write(here.path().join("prices.csv"), format!("ts_utc,close\n{rows}")).unwrap();
    let arguments = ["backtest", "--prices", "prices.csv", "--level", "0.99", "--report", "pages", "--json"];
    let found: Value = serde_json::from_str(&answer(here.path(), &arguments)).unwrap();
    assert_eq!(found["series"].as_array().map(Vec::len), Some(1));
    assert!(found["judged"][0]["score"]["sides"][0]["kupiec"].is_f64());
    let page = std::fs::read_to_string(here.path().join("pages/backtest.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("filtered history"));
}

#[test]
fn a_book_is_replayed_along_a_drill_and_along_a_file() {
    let here = tempfile::tempdir().unwrap();
    let example = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drills/examples").join(name);
        path.to_str().unwrap().to_owned()
    };
    let [book, pool, prices] = ["accounts.csv", "pool.toml", "prices.csv"].map(example);
    let own = ["drill", "run", "--prices", &prices, "--book", &book, "--pool", &pool];
    let table = answer(here.path(), &[&own[..], &["--report", "pages"]].concat());
    assert!(table.contains("first liquidated") && table.contains("pages/book.html"), "{table}");
    assert!(here.path().join("pages/book.html").is_file());
    let found: Value = serde_json::from_str(&answer(here.path(), &[&own[..], &["--json"]].concat())).unwrap();
    assert_eq!(found["accounts"].as_array().map(Vec::len), Some(20));
    let history = ["drill", "run", "jelly-2025", "--book", &book, "--pool", &pool];
    let message = refusal(here.path(), &history, MALFORMED);
    assert!(message.contains("none in common") && message.contains("[follows]"), "{message}");
    refusal(here.path(), &["drill", "run", "october-2025", "--book", "none.csv", "--pool", &pool], UNREADABLE);
    for usage in [&["--book", &book][..], &["--pool", &pool], &["--prices", &prices]] {
        let output = seawall(here.path(), &[&["drill", "run", "october-2025"], usage].concat());
        assert_eq!(output.status.code(), Some(2), "{usage:?}");
    }
}

//! `seawall contagion`: a recorded state is looked at, and what is none is refused with its own exit code. R14.1

mod running;

use running::seawall;
use serde_json::Value;
use std::path::Path;
use tempfile::tempdir;

fn text(path: &Path) -> String {
    path.to_str().expect("a plain name").to_owned()
}

#[test]
fn a_recorded_run_is_looked_at_by_table_json_and_page() {
    let home = tempdir().expect("a directory");
    let (log, out) = (text(&home.path().join("run.log")), text(&home.path().join("out")));
    let run = seawall(&["drill", "run", "october-2025", "--accounts", "60", "--record", &log, "--json"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let look = seawall(&["contagion", &log, "--at", "2000", "--json", "--report", &out]);
    let found: Value = serde_json::from_slice(&look.stdout).expect("JSON");
    assert_eq!((&found["height"], found["pools"].as_array().map(Vec::len)), (&Value::from(2_000), Some(3)));
    assert_eq!(found["pools"][0]["markets"][0]["curve"]["impact"], "depth");
    assert!(home.path().join("out/contagion.html").is_file());
    let table = seawall(&["contagion", &log, "--at", "2000"]);
    let table = String::from_utf8_lossy(&table.stdout);
    assert!(table.contains("n at the mark") && table.contains("DebtRank") && table.contains("block 2,000"), "{table}");
    assert_eq!(seawall(&["contagion", &log, "--at", "99999999"]).status.code(), Some(2));

    let bytes = std::fs::read(&log).expect("read");
    std::fs::write(&log, &bytes[..bytes.len() / 2]).expect("written");
    assert_eq!(seawall(&["contagion", &log]).status.code(), Some(65), "cut short");
}

#[test]
fn what_is_no_state_is_refused() {
    let home = tempdir().expect("a directory");
    let file = text(&home.path().join("file"));
    assert_eq!(seawall(&["contagion", &file]).status.code(), Some(74), "not there");
    for bytes in [&b""[..], b"x", b"\x02\x00 not a snapshot", b"\x28\xb5\x2f\xfd not a log"] {
        std::fs::write(&file, bytes).expect("written");
        let refused = seawall(&["contagion", &file]);
        assert_eq!(refused.status.code(), Some(65), "{bytes:?}: {}", String::from_utf8_lossy(&refused.stderr));
        assert!(!refused.stderr.is_empty());
    }
    assert_eq!(seawall(&["contagion", &text(home.path())]).status.code(), Some(65), "a directory without a journal");
    for wrong in [["--step", "0"], ["--step", "nan"], ["--reach", "0.1"], ["--block-ms", "0"], ["--jump", "-100"]] {
        let refused = seawall(&["contagion", &file, wrong[0], wrong[1]]);
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
    }
}

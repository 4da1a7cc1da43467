//! Whether the JSON of a drill shows what a sound clearing house must show: no bad debt, no wrongful or late liquidation,
//! books that balance, and the same state root wherever it ran.

use serde_json::Value;
use std::collections::BTreeMap;

/// Fields that must be zero in every run under our rules. The overshoot of auto-deleveraging may reach one lot.
const MUST_BE_ZERO: [&str; 4] =
    ["/bad_debt_usd", "/wrongful_liquidations", "/conservation/violations", "/liquidation_latency_blocks_max"];
/// Fields that must be above zero, or the drill has tested nothing.
const MUST_BE_POSITIVE: [&str; 4] = ["/blocks", "/accounts", "/liquidated_accounts", "/conservation/blocks_checked"];
const OVERSHOOT: &str = "/adl/overshoot_usd";
/// Above the value of one lot of any instrument that a drill lists, in USD.
const ONE_LOT_USD: f64 = 1.0;

/// Reads drill reports (`seawall drill run … --json`, one run or `--seeds` many) and says what is wrong with them.
/// An empty answer means that every run passes and that runs of the same drill, rules, seed and accounts agree on the root.
#[must_use]
pub fn problems(reports: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut roots: BTreeMap<String, String> = BTreeMap::new();
    for report in reports {
        match serde_json::from_str::<Value>(report) {
            Ok(report) => {
                let runs =
                    report.get("runs").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![report.clone()]);
                if runs.is_empty() {
                    problems.push("the report has no runs".to_owned());
                }
                runs.iter().for_each(|run| problems.extend(check_run(run, &mut roots)));
            }
            Err(error) => problems.push(format!("not JSON: {error}")),
        }
    }
    problems
}

fn check_run(run: &Value, roots: &mut BTreeMap<String, String>) -> Vec<String> {
    let field = |name: &str| run.get(name).map(Value::to_string).unwrap_or_default();
    let label = ["name", "rules", "seed", "accounts"].map(field).join(" ");
    let number = |pointer: &str| run.pointer(pointer).and_then(Value::as_f64);
    let mut problems = Vec::new();
    let mut expect = |pointer: &str, wanted: &str, holds: fn(f64) -> bool| match number(pointer) {
        Some(value) if holds(value) => {}
        Some(value) => problems.push(format!("{label}: {pointer} is {value}, expected {wanted}")),
        None => problems.push(format!("{label}: {pointer} is missing or not a number")),
    };
    MUST_BE_ZERO.iter().for_each(|pointer| expect(pointer, "0", |value| value == 0.0));
    MUST_BE_POSITIVE.iter().for_each(|pointer| expect(pointer, "more than 0", |value| value > 0.0));
    expect(OVERSHOOT, "less than a lot", |value| (0.0..ONE_LOT_USD).contains(&value));
    match run.get("state_root").and_then(Value::as_str) {
        None | Some("") => problems.push(format!("{label}: /state_root is missing")),
        Some(root) => {
            let first = roots.entry(label.clone()).or_insert_with(|| root.to_owned());
            if first != root {
                problems.push(format!("{label}: two state roots for the same run: {first} and {root}"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run() -> Value {
        json!({
            "name": "october-2025", "rules": "seawall", "seed": 1, "accounts": 2000, "blocks": 5400,
            "liquidated_accounts": 90, "wrongful_liquidations": 0, "liquidation_latency_blocks_max": 0,
            "bad_debt_usd": 0.0, "adl": {"accounts": 2, "overshoot_usd": 0.02},
            "conservation": {"blocks_checked": 5400, "violations": 0}, "state_root": "ab"
        })
    }

    fn changed(pointer: &str, value: Value) -> Value {
        let mut run = run();
        *run.pointer_mut(pointer).expect("the sample has the field") = value;
        run
    }

    #[test]
    fn a_sound_report_passes_alone_and_among_seeds() {
        assert_eq!(problems(&[run().to_string()]), [""; 0]);
        assert_eq!(problems(&[json!({"runs": [run(), run()], "summary": {}}).to_string()]), [""; 0]);
    }

    #[test]
    fn each_broken_promise_is_named() {
        for pointer in MUST_BE_ZERO {
            let found = problems(&[changed(pointer, json!(1)).to_string()]);
            assert_eq!(found.len(), 1, "{pointer}");
            assert!(found[0].contains(&format!("{pointer} is 1, expected 0")), "{found:?}");
        }
        for pointer in MUST_BE_POSITIVE {
            assert_eq!(problems(&[changed(pointer, json!(0)).to_string()]).len(), 1, "{pointer}");
        }
        for value in [json!(1.0), json!(-0.5), json!("much"), json!(null)] {
            assert_eq!(problems(&[changed(OVERSHOOT, value).to_string()]).len(), 1);
        }
        assert_eq!(problems(&[changed("/state_root", json!("")).to_string()]).len(), 1);
    }

    #[test]
    fn two_roots_for_one_run_are_found() {
        let other = changed("/state_root", json!("cd"));
        assert_eq!(problems(&[run().to_string(), other.to_string()]).len(), 1);
        let mut other_seed = other;
        other_seed["seed"] = json!(2);
        assert_eq!(problems(&[run().to_string(), other_seed.to_string()]), [""; 0]);
    }

    #[test]
    fn what_is_no_report_never_passes() {
        for text in ["", "{", "{}", "[]", "{\"runs\": []}"] {
            assert!(!problems(&[text.to_owned()]).is_empty(), "{text}");
        }
    }
}

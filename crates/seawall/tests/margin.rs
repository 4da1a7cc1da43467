//! `seawall margin` as a stranger meets it: the worked examples, the two outputs, hostile input, exit codes.

use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const INPUT_MAKES_NO_SENSE: i32 = 65;
const CANNOT_BE_READ: i32 = 74;

fn seawall(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_seawall"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // A program that refuses its input early closes the pipe: that is its right.
    let _ = child.stdin.take().expect("standard input is a pipe").write_all(input);
    child.wait_with_output().expect("the binary ends")
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/margin").join(name)
}

fn answer(name: &str) -> Value {
    let output = seawall(&["margin", example(name).to_str().unwrap(), "--json"], b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the answer is JSON")
}

/// The message of an input that must be refused with this code: said on standard error, without a panic.
fn refusal(arguments: &[&str], input: &[u8], code: i32) -> String {
    let output = seawall(arguments, input);
    let message = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(output.stdout.is_empty(), "nothing is answered");
    assert!(message.starts_with("error: "), "{message}");
    assert!(!message.contains("panicked") && message.len() < 1_000, "{message}");
    message
}

fn refused(document: &str) -> String {
    refusal(&["margin"], document.as_bytes(), INPUT_MAKES_NO_SENSE)
}

const SMALL: &str = r#"
scenarios = "default"
[[feeds]]
name = "ETH"
price = 3000
initial_stress = 20
maintenance_stress = 10
[[instruments]]
name = "ETH-PERP"
feed = "ETH"
kind = "perpetual"
lot = 0.001
[account]
cash = -24000
positions = { ETH-PERP = 10 }
"#;

// R5.7: a flat rate a market. By hand, BTC +0.5 at 60,000 (2 % and 1.2 %), YFI −2 at 8,000 (55 % and 5 %), 6,000 in cash:
// initial 600 + 8,800, maintenance 360 + 800; BTC down 10,800 ⁄ 0.494 = 21,862.348…, YFI up 35,640 ⁄ 2.1 = 16,971.428….
#[test]
fn the_tiered_rate_example_is_the_hand_calculation() {
    let answer = answer("tiered-perpetuals.toml");
    assert_eq!(answer["equity_usd"], json!(20000.0));
    assert_eq!(answer["initial_margin_usd"], json!(9400.0));
    assert_eq!(answer["maintenance_margin_usd"], json!(1160.0));
    assert_eq!(answer["free_collateral_usd"], json!(10600.0));
    assert_eq!(answer["margin_ratio"], json!(0.058));
    let prices = &answer["liquidation_prices"];
    assert_eq!((&prices[0]["down"]["price"], &prices[0]["up"]), (&json!(21862.34), &Value::Null));
    assert_eq!((&prices[1]["up"]["price"], &prices[1]["down"]), (&json!(16971.43), &Value::Null));
}

// R5.7: weights as moves. By hand, 1 BTC at 60,000 (0.9, 0.8), −200 SOL at 150 (1.15, 1.25), 5,000 in cash: maintenance
// health 24,500, initial health 15,500; BTC down 29,500 ⁄ 0.9 = 32,777.777…, SOL up 59,000 ⁄ 230 = 256.521….
#[test]
fn the_weights_example_is_the_hand_calculation() {
    let answer = answer("asset-liability-weights.toml");
    assert_eq!(answer["equity_usd"], json!(35000.0));
    assert_eq!(answer["binding"]["maintenance"]["stressed_equity_usd"], json!(24500.0));
    assert_eq!(answer["binding"]["maintenance"]["row"], "maintenance: BTC asset, SOL liability");
    assert_eq!(answer["binding"]["initial"]["stressed_equity_usd"], json!(15500.0));
    assert_eq!(answer["binding"]["initial"]["row"], "initial: BTC asset, SOL liability");
    assert_eq!((&answer["initial_margin_usd"], &answer["maintenance_margin_usd"]), (&json!(19500.0), &json!(10500.0)));
    assert_eq!((&answer["free_collateral_usd"], &answer["margin_ratio"]), (&json!(15500.0), &json!(0.3)));
    let prices = &answer["liquidation_prices"];
    assert_eq!((&prices[0]["down"]["price"], &prices[0]["up"]), (&json!(32777.77), &Value::Null));
    assert_eq!((&prices[1]["up"]["price"], &prices[1]["down"]), (&json!(256.522), &Value::Null));
}

// R5.7: 24 weighted scenarios. By hand, BTC +2 at 60,000 and −1 at 60,600, equity 10,000: SCAN 16 % · 59,400 = 9,504, half
// of it for maintenance, fees 0.05 % · 180,600 = 90.30; BTC down 49,400 ⁄ 0.909295 = 54,327.8033….
#[test]
fn the_24_scenario_example_is_the_hand_calculation() {
    let answer = answer("portfolio-margin-grid.toml");
    assert_eq!(answer["equity_usd"], json!(10000.0));
    assert_eq!(answer["initial_margin_usd"], json!(9594.3));
    assert_eq!(answer["maintenance_margin_usd"], json!(4842.3));
    assert_eq!(answer["free_collateral_usd"], json!(405.7));
    assert_eq!(answer["margin_ratio"], json!(0.48423));
    assert_eq!(answer["rows"].as_array().unwrap().len(), 1 + 24 + 24, "unshocked, and the grid twice");
    let prices = &answer["liquidation_prices"];
    // Rows and the moved basis are rounded by less than a quantum a lot, which moves the price by two ticks at most.
    let down = prices[0]["down"]["price"].as_f64().unwrap();
    assert!((down - 49_400.0 / 0.909_295).abs() <= 0.002, "{down}");
    assert_eq!((&prices[0]["down"], &prices[0]["up"]), (&prices[1]["down"], &Value::Null));
}

#[test]
fn every_example_is_computed_and_shown_without_escape_codes() {
    let mut count = 0;
    for entry in std::fs::read_dir(example("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let output = seawall(&["margin", path.to_str().unwrap()], b"");
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{}", path.display());
            assert!(!text.contains('\u{1b}'), "no colours where no terminal is");
            for word in ["equity", "initial margin", "maintenance margin", "free collateral", "down to", "◄ binds"] {
                assert!(text.contains(word), "{word} in {text}");
            }
            count += 1;
        }
    }
    assert_eq!(count, 4);
}

#[test]
fn toml_and_json_say_the_same_on_standard_input_and_in_files() {
    let json = r#"{"scenarios": "default",
        "feeds": [{"name": "ETH", "price": "3000.00", "initial_stress": 2e1, "maintenance_stress": 10, "slow": null}],
        "instruments": [{"name": "ETH-PERP", "feed": "ETH", "kind": "perpetual", "lot": "0.001"}],
        "account": {"cash": -24000.0, "positions": {"ETH-PERP": 10}}}"#;
    let from_toml = seawall(&["margin", "-", "--json"], SMALL.as_bytes());
    let from_json = seawall(&["margin", "--json"], json.as_bytes());
    assert!(from_toml.status.success() && from_json.status.success());
    assert_eq!(from_toml.stdout, from_json.stdout);
    let answer: Value = serde_json::from_slice(&from_json.stdout).unwrap();
    // 10 ETH at 3,000 for 24,000 on credit: 6,000 of equity, 20 % and 10 % of 30,000; gone at 10 p · 0.9 = 24,000.
    assert_eq!((&answer["initial_margin_usd"], &answer["maintenance_margin_usd"]), (&json!(6000.0), &json!(3000.0)));
    assert_eq!(answer["liquidation_prices"][0]["down"]["price"], json!(2666.666));
    assert_eq!(answer["breaches"], json!(false));
}

#[test]
fn money_in_json_keeps_every_quantum() {
    let document = SMALL.replace("-24000", "12345678901.234567").replace("= 10 }", "= 0 }");
    let output = seawall(&["margin", "--json"], document.as_bytes());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\"equity_usd\": 12345678901.234567"), "{text}");
}

#[test]
fn hostile_text_is_refused_with_exit_code_65() {
    let junk = "junk ".repeat(2 << 20);
    let deep = format!("{{\"a\": {}", "[".repeat(100_000));
    let invisible = SMALL.replace("\"ETH-PERP\"\nfeed", "\"\\u001b[31m\"\nfeed");
    let cases: [(&[u8], &str); 9] = [
        (b"", "feeds: missing"),
        (b"   \n\n", "feeds: missing"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00\x01", "not UTF-8"),
        (b"\x00\x00\x00", "not TOML"),
        (junk.as_bytes(), "allowed at most"),
        (&junk.as_bytes()[..1 << 20], "not TOML"),
        (deep.as_bytes(), "not JSON"),
        (invisible.as_bytes(), "control character"),
    ];
    for (input, expected) in cases {
        let message = refusal(&["margin", "-"], input, INPUT_MAKES_NO_SENSE);
        assert!(message.contains(expected), "{message}");
    }
    for length in 1..SMALL.len() {
        let output = seawall_quick(&SMALL[..length]);
        assert!([Some(0), Some(INPUT_MAKES_NO_SENSE)].contains(&output), "cut after {length} bytes");
    }
}

/// The exit code for a document, at most once in a few bytes: a process a byte would take longer than it is worth.
fn seawall_quick(document: &str) -> Option<i32> {
    if !document.len().is_multiple_of(7) {
        return Some(0);
    }
    seawall(&["margin"], document.as_bytes()).status.code()
}

#[test]
fn hostile_numbers_are_refused_with_field_and_bounds() {
    let cases = [
        ("price = 3000", "price = nan", "feeds[0].price"),
        ("price = 3000", "price = -inf", "feeds[0].price"),
        ("price = 3000", "price = 1e400", "feeds[0].price"),
        ("price = 3000", "price = \"1e400\"", "feeds[0].price"),
        ("price = 3000", "price = 0", "feeds[0].price"),
        ("price = 3000", "price = 1e25", "feeds[0].price"),
        ("price = 3000", "price = 3000.0000000000000000000001", "feeds[0].price"),
        ("price = 3000", "price = [3000]", "feeds[0].price"),
        ("price = 3000", "price = 0xBB8", "feeds[0].price"),
        ("lot = 0.001", "lot = -0.001", "instruments[0].lot"),
        ("lot = 0.001", "lot = 0", "instruments[0].lot"),
        ("lot = 0.001", "lot = 1e-29", "price"),
        ("lot = 0.001", "lot = 1e29", "price"),
        ("= 10 }", "= 10.0005 }", "account.positions.ETH-PERP"),
        ("= 10 }", "= 99999999999999999999 }", "account.positions.ETH-PERP"),
        ("= 10 }", "= -1e29 }", "account.positions.ETH-PERP"),
        ("cash = -24000", "cash = 1e20", "account.cash"),
        ("cash = -24000", "cash = 0.0000001", "account.cash"),
        ("initial_stress = 20", "initial_stress = -1", "feeds[0].initial_stress"),
        ("initial_stress = 20", "initial_stress = 9", "feeds[0].maintenance_stress"),
        ("initial_stress = 20", "initial_stress = 6401", "feeds[0].initial_stress"),
    ];
    for (sound, hostile, field) in cases {
        assert!(SMALL.contains(sound));
        let message = refused(&SMALL.replace(sound, hostile));
        assert!(message.contains(field), "{hostile}: {message}");
        assert!(message.contains("allowed"), "{hostile}: {message}");
    }
    let spare = refused(&SMALL.replace("price = 3000", "price = 3000.0005"));
    assert!(spare.contains("standard input:5: feeds[0].price: found 3000.0005 USD, allowed"), "{spare}");
    assert!(spare.contains("\nhint: "), "{spare}");
}

#[test]
fn contradictions_are_refused_with_field_and_hint() {
    let feed = "[[feeds]]\nname = \"ETH\"\nprice = 1\n[[instruments]]";
    let tiers = "lot = 0.001\nexit_cost = [{ rate = 2 }, { from_usd = 10, rate = 1 }]";
    let cases = [
        ("[account]", "[account]\ncolour = 1", "unknown field: `colour`"),
        ("[[instruments]]", feed, "found `ETH` twice"),
        ("feed = \"ETH\"", "feed = \"BTC\"", "no such feed: `BTC`"),
        ("ETH-PERP = 10", "BTC-PERP = 10", "no such instrument: `BTC-PERP`"),
        ("positions", "collateral", "allowed spot assets only"),
        ("\"perpetual\"", "\"option\"", "found `option`, allowed `perpetual`, `dated`, `spot`"),
        ("\"perpetual\"", "\"spot\"", "crash: missing"),
        ("scenarios = \"default\"", "", "scenarios: missing"),
        ("scenarios = \"default\"", "scenarios = \"rows\"", "feeds[0].initial_stress"),
        ("initial_stress = 20", "", "initial_stress: missing"),
        ("lot = 0.001", "lot = 0.001\nnegative_prices = true", "stress_base: missing"),
        ("lot = 0.001", tiers, "exit_cost[1]"),
        ("name = \"ETH\"", "name = \"\"", "feeds[0].name"),
        ("[account]", "[[rows]]\nname = \"a\"\nmatrix = \"both\"\nmoves = { X = 1 }\n[account]", "no such feed: `X`"),
        ("[account]", "[account]\n[account]", "not TOML"),
    ];
    for (sound, wrong, expected) in cases {
        assert!(SMALL.contains(sound));
        let message = refused(&SMALL.replacen(sound, wrong, 1));
        assert!(message.contains(expected), "{wrong}: {message}");
        assert!(message.contains("standard input"), "{wrong}: {message}");
    }
}

#[test]
fn too_many_instruments_are_refused() {
    let one =
        |at: usize| format!("[[instruments]]\nname = \"I{at}\"\nfeed = \"ETH\"\nkind = \"perpetual\"\nlot = 0.001\n");
    let many: String = (0..10_000).map(one).collect();
    let message = refused(&SMALL.replace("[account]", &format!("{many}[account]")));
    assert!(message.contains("instruments: found 10001, allowed at most 256"), "{message}");
}

#[test]
fn exit_codes_tell_usage_from_input_from_the_system() {
    refusal(&["margin", "/nowhere/at/all.toml"], b"", CANNOT_BE_READ);
    refusal(&["margin", env!("CARGO_MANIFEST_DIR")], b"", CANNOT_BE_READ);
    assert_eq!(seawall(&["margin", "--colour"], b"").status.code(), Some(2));
    assert_eq!(seawall(&[], b"").status.code(), Some(2));
    let help = seawall(&["margin", "--help"], b"");
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().contains("seawall margin alice.toml"));
}

/// The document that the help shows must be one that works.
#[test]
fn the_example_of_the_help_is_computed() {
    let help = String::from_utf8(seawall(&["margin", "--help"], b"").stdout).unwrap();
    let document: String = help
        .lines()
        .skip_while(|line| !line.contains("scenarios ="))
        .take_while(|line| !line.starts_with("More documents"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let output = seawall(&["margin", "--json"], document.as_bytes());
    assert!(output.status.success(), "{document}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[cfg(unix)]
fn a_reader_that_closes_the_pipe_is_no_failure() {
    let path = example("portfolio-margin-grid.toml");
    let mut child = Command::new(env!("CARGO_BIN_EXE_seawall"))
        .args(["margin", path.to_str().unwrap(), "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

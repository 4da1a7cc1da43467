//! Experiments: what may be asked, what is refused, that a seed decides everything, and what the shipped ones say.
#![allow(clippy::unwrap_used, reason = "a test may fail as it likes")]

use lab::simulation::{Experiment, FIGURES, Results, simulate, tune, write_parquet};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

const CRASH: &str = include_str!("../../../experiments/crash.toml");
const ATTACKS: &str = include_str!("../../../experiments/attacks.toml");
const TUNE: &str = include_str!("../../../experiments/tune.toml");

/// A shipped experiment made small: an hour of minutes, fewer members, two seeds.
fn small(text: &str) -> String {
    let mut document: toml::Table = text.parse().unwrap();
    let mut set = |path: &[&str], value: toml::Value| {
        let (last, steps) = path.split_last().unwrap();
        let table = steps.iter().fold(&mut document, |table, step| table[*step].as_table_mut().unwrap());
        table.insert((*last).to_owned(), value);
    };
    set(&["time", "hours"], 2.0.into());
    set(&["time", "block_s"], 30.into());
    set(&["members", "noise", "count"], 40.into());
    set(&["members", "trend", "count"], 20.into());
    set(&["runs", "seeds"], 2.into());
    toml::to_string(&document).unwrap()
}

fn run(text: &str) -> Results {
    simulate(&Experiment::parse(text, "test").unwrap(), &|| ()).unwrap()
}

#[test]
fn a_seed_decides_everything() {
    let text = small(CRASH);
    let (one, again) = (run(&text), run(&text));
    assert_eq!(one, again);
    assert_eq!(one.runs.len(), 2 * one.cells.len());
    assert_ne!(one.runs[0].figures, one.runs[1].figures, "another seed is another run");
    for run in &one.runs {
        assert_eq!(run.figures.values.len(), FIGURES.len());
        assert!(run.figures.values.iter().all(|value| value.is_finite()), "{:?}", run.figures);
    }
    let all = |name: &str| one.runs.iter().map(|run| run.figures.get(name).unwrap()).sum::<f64>();
    assert!(all("liquidated") > 0.0 && all("volume_usd") > 0.0 && all("forced_usd") > 0.0, "the crash happens");
    assert_eq!(all("wrongful"), 0.0, "late publishers liquidate nobody who is sound");
}

/// An attacker may win a bet on the price like anybody, and the fund may lose one; no member pays, and nobody sound is liquidated.
#[test]
fn no_member_pays_for_attackers() {
    let results = run(&small(ATTACKS));
    for run in &results.runs {
        let figure = |name: &str| run.figures.get(name).unwrap();
        assert!(figure("attack_gain_usd") != 0.0, "seed {}: nobody attacked", run.seed);
        assert_eq!(["bad_debt_usd", "wrongful"].map(figure), [0.0; 2], "seed {}", run.seed);
    }
}

#[test]
fn a_sweep_has_a_cell_for_each_choice() {
    let experiment = Experiment::parse(CRASH, "crash.toml").unwrap();
    assert_eq!(experiment.cells.len(), 8);
    for cell in &experiment.cells {
        let [(fund, usd), (z, deviations)] = &cell.settings[..] else { panic!("{:?}", cell.settings) };
        assert_eq!((fund.as_str(), z.as_str()), ("capital.fund_usd", "rules.stress_z"));
        assert_eq!((cell.market.capital.fund_usd, cell.market.rules.stress_z), (*usd, *deviations));
    }
}

#[test]
fn what_is_no_experiment_says_why() {
    let refused = |text: &str| Experiment::parse(text, "file.toml").unwrap_err().to_string();
    assert!(refused("").contains("file.toml: [runs]: missing field `seeds`"), "{}", refused(""));
    assert!(refused("[runs").contains("line 1"), "{}", refused("[runs"));
    assert!(refused(&CRASH[..CRASH.len() / 2]).starts_with("file.toml: "));
    assert!(refused(&"[".repeat(100_000)).starts_with("file.toml: "));
    let changed = |from: &str, to: &str| {
        assert!(CRASH.contains(from), "{from}");
        refused(&CRASH.replacen(from, to, 1))
    };
    for (from, to, message) in [
        (
            "lot_size = 0.0001",
            "lot_size = 1e12",
            "the core refused to list the pool and its markets: ParametersNotValid",
        ),
        ("equity_usd = 40000.0", "equity_usd = 1e9", "money of all members, USD: found"),
        ("hours = 24.0", "hours = -1.0", "time.hours: found -1, allowed: above 0, at most 8,784"),
        ("hours = 24.0", "hours = nan", "time.hours: found NaN, allowed: above 0, at most 8,784"),
        ("block_s = 10", "block_s = 0", "time.block_s: found 0, allowed: 1 to 3,600"),
        ("count = 700", "count = 99999999", "members of a kind: found 99999999, allowed: 0 to 100,000"),
        ("price_usd = 110000.0", "price_usd = inf", "BTC: price_usd: found inf, allowed: above 0, at most 10^12"),
        ("leverage = 12.0", "leverage = 0.0", "members.noise.leverage: found 0, allowed: above 0, at most 10^12"),
        ("seeds = 20", "seeds = 0", "runs.seeds: found 0, allowed: 1 to 1,000,000"),
        ("fall = 0.35", "fall = 1.0", "prices.shock.fall: found 1, allowed: 0 to 0.95"),
        ("thins = 1.0", "thins = 1.0\nthicks = 1.0", "unknown field `thicks`"),
        ("\"rules.stress_z\"", "\"rules.courage\"", "rules.courage: found no such setting in this experiment"),
        ("\"rules.stress_z\" = [2.0", "\"asset.0.symbol\" = [2.0", "asset.0.symbol: found string, allowed: a number"),
        ("\"rules.stress_z\" = [2.0", "\"rules.stress_z\" = [0.0", "rules.stress_z: found 0, allowed: 1 to 64"),
    ] {
        let found = changed(from, to);
        assert!(found.contains(message), "{from} → {to}: found {found}");
    }
}

#[test]
fn every_run_is_a_row() {
    let results = run(&small(CRASH));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.parquet");
    write_parquet(&path, &results).unwrap();
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let names: Vec<String> = reader
        .metadata()
        .file_metadata()
        .schema_descr()
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect();
    assert_eq!(&names[..4], ["cell", "seed", "capital.fund_usd", "rules.stress_z"]);
    assert_eq!(names.len(), 4 + FIGURES.len());
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), results.runs.len());
    for (row, run) in rows.iter().zip(&results.runs) {
        assert_eq!((row.get_long(0).unwrap(), row.get_long(1).unwrap()), (run.cell as i64, run.seed as i64));
        let values: Vec<f64> = (4..names.len()).map(|at| row.get_double(at).unwrap()).collect();
        assert_eq!(values, run.figures.values);
    }
    let missing = folder.path().join("missing/runs.parquet");
    let error = write_parquet(&missing, &results).unwrap_err().to_string();
    assert!(error.starts_with(&missing.display().to_string()), "found {error}");
}

#[test]
fn a_search_keeps_its_limit_and_its_budget() {
    let text = small(TUNE);
    let experiment = Experiment::parse(&text, "tune.toml").unwrap();
    let tuned = tune(&experiment, 6, &|| ()).unwrap();
    assert!((2..=6).contains(&tuned.tried.len()), "found {} choices", tuned.tried.len());
    let plan = experiment.tune.as_ref().unwrap();
    for choice in &tuned.tried {
        assert_eq!(choice.within, choice.tail <= plan.at_most);
        for ((_, value), setting) in choice.settings.iter().zip(&plan.setting) {
            assert!((setting.low..=setting.high).contains(value));
        }
    }
    let cheapest = tuned.tried.iter().filter(|choice| choice.within).map(|choice| choice.cost).fold(f64::MAX, f64::min);
    assert!(tuned.best.is_none_or(|best| best.within && best.cost == cheapest));
    let fails = |from: &str, to: &str| {
        let experiment = Experiment::parse(&text.replacen(from, to, 1), "tune.toml").unwrap();
        tune(&experiment, 6, &|| ()).unwrap_err().to_string()
    };
    assert!(fails("\"fund_drawdown_usd\"", "\"luck\"").contains("found figure \"luck\""));
    assert!(fails("worst_share = 0.001", "worst_share = 0.0").contains("tune.worst_share: found 0"));
    assert!(fails("\"rules.stress_z\"", "\"rules.courage\"").contains("found no such setting"));
}

#[test]
fn the_guide_explains_every_figure() {
    let guide = include_str!("../../../docs/lab.md");
    for (name, says) in FIGURES {
        assert!(guide.contains(&format!("| `{name}` | {says} |")), "docs/lab.md lacks {name}: {says}");
    }
}

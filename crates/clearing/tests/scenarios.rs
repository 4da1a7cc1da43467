//! Scenarios in text: what the clearing core does to people, told line by line in `scenarios/**/*.scenario`.
//!
//! A file's name is the sentence that it proves. A line is a verb with its columns; `block` lets time pass; `expect` compares.
//! Numbers are USD and units; every instrument has lots of a hundredth of a unit. Before the first block, `set` shapes the
//! world; afterwards it is governance's command. `refused NAME` at the end of a line announces a rejection: one that no
//! line announces is a failure. After every block the runner checks conservation by its own sum. R2.4
//!
//! `SCENARIO=part_of_a_name cargo test --test scenarios` runs a few, `UPDATE_SCENARIOS=1` rewrites what they expect: read the
//! difference before you keep it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::integer_division,
    clippy::disallowed_types,
    missing_docs,
    unreachable_pub,
    reason = "a test may compute and fail as it likes"
)]

#[path = "scenarios/expect.rs"]
mod expect;
#[path = "scenarios/parameters.rs"]
mod parameters;
#[path = "scenarios/values.rs"]
mod values;
#[path = "scenarios/verbs.rs"]
mod verbs;
#[path = "scenarios/world.rs"]
mod world;

use clearing::command::Rejection;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use verbs::{Line, Words};
use world::World;

/// What no scenario can reach in seconds, with the reason.
const OUT_OF_REACH: &[(Rejection, &str)] = &[
    (Rejection::TooManyAccounts, "a pool takes four million accounts"),
    (Rejection::ChangeAlreadyPending, "a newer change takes the place of one that waits (R7.8); the code stays"),
];

/// What must have happened at least once over all scenarios: words that events print.
const MUST_HAPPEN: &[&str] = &[
    "layer OwnCapital",
    "layer Fund",
    "layer Tranche",
    "layer Line",
    "layer AutoDeleveraging",
    "layer GainsHaircut",
    "layer MembersEquity",
    "layer WindDown",
    "level Normal",
    "level Cautious",
    "level ReduceOnly",
    "level CallAuction",
    "level Halted",
    "level WindDown",
    "cause Calm",
    "cause LargeMove",
    "cause Cascade",
    "cause FundDrawdown",
    "cause FeedDegraded",
    "cause FeedDown",
    "cause OutsideBand",
    "cause Restart",
    "cause Reopening",
    "cause HaltTooLong",
    "condition Live",
    "condition Degraded",
    "condition Down",
    "reason Cancelled",
    "reason LifetimeOver",
    "reason InitialMarginNotMet",
    "reason Liquidation",
    "reason SelfMatch",
    "reason NothingToReduce",
    "reason InstrumentClosed",
    "reason LoanCalledIn",
    "AccountRestored",
    "AccountClosed",
    "AutoDeleveraged",
    "OwnTranchePaid",
    "ClaimRepaid",
    "SliceTaken",
    "PortfolioAbsorbed",
    "PortfolioAuctioned",
    "CollateralConverted",
    "FundingPaid",
    "InterestPaid",
    "Expired",
    "LiquidationsCarried",
    "PublisherFlagged",
    "ChangeScheduled",
    "ChangeApplied",
    "ChangeDeferred",
    "PoolChangeDeferred",
    "FeedChangeDeferred",
    "ChangeStepped",
    "ChangeDropped",
    "PoolWoundDown",
];

/// What a run over every scenario saw.
#[derive(Default)]
struct Outcome {
    files: usize,
    failures: Vec<String>,
    refused: BTreeSet<String>,
    happened: BTreeSet<String>,
    cited: BTreeSet<String>,
}

/// One scenario while it runs.
struct Run<'a> {
    path: &'a Path,
    world: World,
    lines: Vec<String>,
    failures: Vec<String>,
    refused: BTreeSet<String>,
    update: bool,
}

impl Run<'_> {
    fn fail(&mut self, at: usize, found: &str) {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = self.lines[at].trim().to_string();
        self.failures.push(format!("{name}:{}\n    line:  {text}\n    found: {found}", at + 1));
    }

    /// Runs a line; the pool and the signer may come first, an announced refusal last.
    fn line(&mut self, at: usize) -> Result<(), String> {
        let text = self.lines[at].clone();
        let text = text.split('#').next().unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut rest = words.as_slice();
        self.world.pool = 0;
        if let ["in", pool, after @ ..] = rest {
            self.world.pool = verbs::pool_at(&self.world, pool);
            rest = after;
        }
        let signer = if let ["as", signer, after @ ..] = rest {
            rest = after;
            Some(*signer)
        } else {
            None
        };
        let refused = if let [before @ .., "refused", name] = rest {
            rest = before;
            Some(*name)
        } else {
            None
        };
        let Some((verb, arguments)) = rest.split_first() else { return Ok(()) };
        if *verb == "expect" {
            return self.expect(at, arguments, words.len() - arguments.len());
        }
        let line = Line { number: at, signer, refused };
        let surprises = verbs::run(&mut self.world, &line, verb, &mut Words::new(arguments))?;
        self.refused.extend(refused.map(str::to_string));
        for (line, found) in surprises {
            self.surprise(if line == usize::MAX { at } else { line }, line == usize::MAX, &found);
        }
        Ok(())
    }

    fn expect(&mut self, at: usize, words: &[&str], offset: usize) -> Result<(), String> {
        if !self.world.queue.is_empty() {
            return Err("commands wait for a block: write `block` first".to_string());
        }
        let surprises = self.world.start();
        surprises.iter().for_each(|(_, found)| self.fail(at, found));
        for miss in expect::check(&self.world, words, offset)? {
            match miss.word {
                Some(word) if self.update => {
                    let found = miss.found.split(" in: ").next().unwrap_or_default();
                    let value = found.rsplit(' ').next().unwrap_or_default();
                    self.lines[at] = replaced(&self.lines[at], word, value);
                }
                _ => self.fail(at, &miss.found),
            }
        }
        Ok(())
    }

    /// A command came out otherwise than its line announces.
    fn surprise(&mut self, at: usize, broken: bool, found: &str) {
        if broken || !self.update {
            let reason = Rejection::ALL.iter().find(|rejection| rejection.name() == found);
            let found = reason.map_or(found.to_string(), |reason| format!("refused {found}: {}", reason.text()));
            return self.fail(at, &found);
        }
        let line = self.lines[at].clone();
        let (told, comment) = line.split_once('#').map_or((line.as_str(), None), |(told, rest)| (told, Some(rest)));
        let kept = told.split(" refused ").next().unwrap_or_default().trim_end();
        let told = if found == "accepted" { kept.to_string() } else { format!("{kept}   refused {found}") };
        self.lines[at] = comment.map_or(told.clone(), |comment| format!("{told}   #{comment}"));
    }
}

/// The line with its word at a place replaced, and its spaces kept.
fn replaced(line: &str, word: usize, value: &str) -> String {
    let mut seen = 0;
    let mut start = None;
    for (at, letter) in line.char_indices().chain([(line.len(), ' ')]) {
        match (start, letter.is_whitespace()) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                if seen == word {
                    return format!("{}{value}{}", &line[..from], &line[at..]);
                }
                seen += 1;
                start = None;
            }
            _ => {}
        }
    }
    line.to_string()
}

/// Every scenario below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of scenarios can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|kind| kind == "scenario") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn run_file(path: &Path, outcome: &mut Outcome) {
    let text = std::fs::read_to_string(path).expect("a scenario can be read");
    let update = std::env::var_os("UPDATE_SCENARIOS").is_some();
    let mut run = Run {
        path,
        world: World::standard(),
        lines: text.lines().map(str::to_string).collect(),
        failures: Vec::new(),
        refused: BTreeSet::new(),
        update,
    };
    for at in 0..run.lines.len() {
        if let Err(wrong) = run.line(at) {
            run.fail(at, &wrong);
            break;
        }
        if run.failures.iter().any(|failure| failure.contains("the core stopped")) {
            break;
        }
    }
    if !run.world.queue.is_empty() {
        run.fail(run.lines.len() - 1, "commands still wait for a block at the end");
    }
    let written = run.lines.join("\n") + "\n";
    if update && written != text {
        std::fs::write(path, written).expect("a scenario can be rewritten");
    }
    outcome.files += 1;
    outcome.failures.extend(run.failures);
    outcome.refused.extend(run.refused);
    for event in &run.world.history {
        let shown = expect::show(&run.world, event);
        outcome.happened.insert(shown.name.clone());
        outcome.happened.extend(shown.fields.iter().map(|(name, value)| format!("{name} {value}")));
    }
    let word_of_rule = |word: &str| word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()).to_string();
    outcome.cited.extend(text.split_whitespace().map(word_of_rule).filter(|word| word.starts_with('R')));
}

/// All scenarios, run once for all the tests below.
fn outcome() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
        let mut outcome = Outcome::default();
        let only = std::env::var("SCENARIO").unwrap_or_default();
        for path in files(&folder).iter().filter(|path| path.to_string_lossy().contains(&only)) {
            run_file(path, &mut outcome);
        }
        outcome
    })
}

fn everything_runs() -> bool {
    std::env::var_os("SCENARIO").is_none()
}

#[test]
fn every_scenario_is_true() {
    let outcome = outcome();
    let failures = outcome.failures.join("\n  ");
    assert!(
        outcome.failures.is_empty(),
        "{} failures in {} scenarios:\n  {failures}\n",
        outcome.failures.len(),
        outcome.files
    );
    assert!(outcome.files >= 60 || !everything_runs(), "there are too few scenarios: {}", outcome.files);
}

// R7.1
#[test]
fn every_rejection_is_refused_somewhere() {
    let reached = |rejection: &&Rejection| outcome().refused.contains(rejection.name());
    let exempt = |rejection: &&Rejection| OUT_OF_REACH.iter().any(|(known, _)| known == *rejection);
    let missing: Vec<&str> = Rejection::ALL
        .iter()
        .filter(|rejection| !reached(rejection) && !exempt(rejection))
        .map(|rejection| rejection.name())
        .collect();
    assert!(missing.is_empty() || !everything_runs(), "no scenario shows: {}", missing.join(", "));
}

// R12.1, R13.1
#[test]
fn every_layer_breaker_and_removal_happens_somewhere() {
    let missing: Vec<&str> = MUST_HAPPEN.iter().copied().filter(|word| !outcome().happened.contains(*word)).collect();
    assert!(missing.is_empty() || !everything_runs(), "in no scenario happens: {}", missing.join(", "));
}

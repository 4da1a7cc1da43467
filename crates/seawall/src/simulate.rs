//! `seawall simulate`: runs an experiment file, shows its cells, writes every run.

use crate::failure::Failure;
use crate::output;
use comfy_table::Table;
use indicatif::{ProgressBar, ProgressStyle};
use lab::report::simulation as report;
use lab::simulation::{CellSummary, Experiment, Results, TuneError, Tuned, simulate, tune, write_parquet};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Runs markets of agents around the clearing core, thousands of times
///
/// An experiment file says what the market is, who trades in it, what prices do, and which settings vary; docs/lab.md explains every table.
/// Each cell of the sweep is run with each seed; a seed decides everything that happens in a run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  seawall simulate experiments/crash.toml\n  \
    seawall simulate experiments/crash.toml --seeds 100 --report reports --out runs.parquet\n\n\
    Exit codes: 0 done; 65 the experiment is malformed; 74 a file cannot be read or written")]
pub(crate) struct SimulateArgs {
    /// The experiment file
    file: PathBuf,
    /// Runs of each cell, instead of what the file says
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: Option<u64>,
    /// Writes every run as a row of a Parquet file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Writes simulation.html, one page with tables and plots, into this folder
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Prints JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// Searches settings that cost least while losses stay within a limit
///
/// The [tune] table of an experiment names the settings that may be chosen, the figure to make small, and the figure whose tail has a limit.
/// Every choice is run with the same seeds.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  seawall tune experiments/tune.toml --choices 30\n\n\
    Exit codes: 0 found; 1 no choice that was tried is within the limit; 65 the experiment is malformed")]
pub(crate) struct TuneArgs {
    /// The experiment file, with a [tune] table
    file: PathBuf,
    /// The most choices to try
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    choices: u64,
    /// Runs of each choice, instead of what the file says
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: Option<u64>,
    /// Prints JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// How fast runs were, for `--json`.
#[derive(Serialize)]
struct Speed {
    seconds: f64,
    /// Agents × blocks a second.
    agent_steps_per_second: f64,
}

#[derive(Serialize)]
struct Document<'r> {
    title: &'r str,
    agents: usize,
    blocks: usize,
    calibration: &'r lab::simulation::Calibration,
    cells: &'r [CellSummary],
    speed: Speed,
}

/// Runs an experiment and shows it; answers the exit code.
pub(crate) fn run(args: &SimulateArgs) -> Result<u8, Failure> {
    let experiment = read(&args.file, args.seeds)?;
    let bar = progress((experiment.cells.len() as u64) * (experiment.seeds.end - experiment.seeds.start), "runs");
    let began = Instant::now();
    let results = simulate(&experiment, &|| bar.inc(1)).map_err(Failure::data)?;
    let seconds = began.elapsed().as_secs_f64();
    bar.finish_and_clear();
    if let Some(path) = &args.out {
        write_parquet(path, &results).map_err(|error| Failure::io(&error))?;
    }
    let page = args.report.as_deref().map(|folder| report::write(folder, &results)).transpose();
    let page = page.map_err(|error| Failure::io(&error))?;
    let cells = results.summary();
    let steps: f64 =
        experiment.cells.iter().map(|cell| (cell.market.agents() * cell.market.blocks()) as f64).sum::<f64>()
            * (experiment.seeds.end - experiment.seeds.start) as f64;
    let speed = Speed { seconds, agent_steps_per_second: steps / seconds.max(1e-9) };
    if args.json {
        let (title, calibration) = (results.title.as_str(), &results.calibration);
        let (agents, blocks) = (results.agents, results.blocks);
        output::print_json(&Document { title, agents, blocks, calibration, cells: &cells, speed })?;
    } else {
        output::print(&text(&results, &cells, &speed, [args.out.as_deref(), page.as_deref()]))?;
    }
    Ok(0)
}

fn read(file: &Path, seeds: Option<u64>) -> Result<Experiment, Failure> {
    let text = std::fs::read_to_string(file).map_err(Failure::file(file))?;
    let mut experiment = Experiment::parse(&text, &file.display().to_string()).map_err(Failure::data)?;
    if let Some(seeds) = seeds {
        experiment.seeds.end = experiment.seeds.start + seeds;
    }
    Ok(experiment)
}

fn progress(length: u64, of: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let template = format!("{{elapsed_precise}} {{bar:32}} {{pos}}/{{len}} {of}, {{eta}} left");
    bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn text(results: &Results, cells: &[CellSummary], speed: &Speed, written: [Option<&Path>; 2]) -> String {
    let mut text = format!("{}\n\n{}\n\n", results.title, table(cells));
    text.push_str("money: median of the runs, and the mean of the worst 5 % of them\n");
    text.push_str(&format!(
        "{} runs of {} blocks with {} agents in {:.1} s: {} million agent-steps a second\n",
        output::count(results.runs.len() as u64),
        output::count(results.blocks as u64),
        output::count(results.agents as u64),
        speed.seconds,
        output::plain((speed.agent_steps_per_second / 1e6).round()),
    ));
    for path in written.into_iter().flatten() {
        text.push_str(&format!("written: {}\n", path.display()));
    }
    text
}

/// One row a cell.
fn table(cells: &[CellSummary]) -> Table {
    let mut table = output::table(&[
        "settings",
        "borne by members",
        "loss beyond defaulters",
        "fund fell by",
        "liquidated",
        "wrongly",
        "cost of forced sales",
        "margin / notional",
        "attack gained",
    ]);
    for cell in cells {
        let money = |name: &str| format!("{} · {}", output::usd(cell.of(name).median), output::usd(cell.of(name).tail));
        let share = |name: &str| format!("{:.2} %", cell.of(name).median * 100.0);
        table.add_row([
            cell.label().replace(", ", "\n"),
            money("bad_debt_usd"),
            money("loss_usd"),
            money("fund_drawdown_usd"),
            output::plain(cell.of("liquidated").median),
            output::plain(cell.of("wrongful").most),
            share("liquidation_cost"),
            share("margin_per_notional"),
            money("attack_gain_usd"),
        ]);
    }
    output::align_right(&mut table, 1..=8);
    table
}

/// Searches and shows what was found; answers the exit code.
pub(crate) fn run_tune(args: &TuneArgs) -> Result<u8, Failure> {
    let experiment = read(&args.file, args.seeds)?;
    let bar = progress(args.choices * (experiment.seeds.end - experiment.seeds.start), "runs at most");
    let found = tune(&experiment, args.choices, &|| bar.inc(1));
    bar.finish_and_clear();
    let tuned = found.map_err(|error| match error {
        TuneError::Search(_) => Failure::broken(&error.to_string()),
        other => Failure::data(other),
    })?;
    if args.json {
        output::print_json(&tuned)?;
    } else {
        output::print(&tuned_text(&experiment, &tuned))?;
    }
    Ok(u8::from(tuned.best.is_none()))
}

fn tuned_text(experiment: &Experiment, tuned: &Tuned) -> String {
    let Some(plan) = &experiment.tune else { return String::new() };
    let mut header = vec!["choice".to_owned()];
    header.extend(plan.setting.iter().map(|setting| setting.name.clone()));
    header.extend([format!("mean {}", plan.minimise), format!("tail of {}", plan.limit), "within".to_owned()]);
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = output::table(&names);
    for (at, choice) in tuned.tried.iter().enumerate() {
        let mut row = vec![output::count(at as u64 + 1)];
        row.extend(choice.settings.iter().map(|(_, value)| significant(*value)));
        row.extend([significant(choice.cost), significant(choice.tail)]);
        row.push(if choice.within { "yes" } else { "no" }.to_owned());
        table.add_row(row);
    }
    output::align_right(&mut table, 0..=names.len() - 2);
    let (worst, runs) = tuned.tail_runs;
    let mut text = format!(
        "{}\n\n{table}\n\nthe tail is the mean of the worst {worst} of {runs} runs; allowed: at most {}\n",
        experiment.title,
        significant(plan.at_most)
    );
    match &tuned.best {
        Some(best) => {
            let settings: Vec<String> =
                best.settings.iter().map(|(name, value)| format!("{name} = {}", significant(*value))).collect();
            text.push_str(&format!("cheapest within it: {}\n", settings.join(", ")));
        }
        None => text.push_str("nothing that was tried is within it\n"),
    }
    text
}

/// Four significant digits.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let places = (3 - value.abs().log10().floor() as i32).clamp(0, 12);
    let rounded = format!("{value:.*}", places as usize);
    output::readable(&rounded)
}

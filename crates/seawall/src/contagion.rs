//! `seawall contagion`: decides which state is looked at for systemic risk, and how what was found is shown.

use crate::failure::Failure;
use crate::output;
use ::contagion::assess::{Assessment, Market, PoolAssessment};
use ::contagion::network::{Network, Node};
use ::contagion::{Settings, Source, assess};
use clap::Args;
use clearing::Engine;
use indicatif::ProgressBar;
use journal::Journal;
use lab::block_log::{BlockLogError, replay_to};
use node::system::System;
use replication::Replay;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Measures how far a market is from a cascade of forced sales, and who would fall with whom
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct ContagionArgs {
    /// A node's data directory, a block log of `seawall drill run --record`, or a snapshot of the core
    state: PathBuf,
    /// The height to look at; the last one, if it is not given
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    at: Option<u64>,
    /// The distance between two prices that are tried, in percent
    #[arg(long, default_value_t = 1.0)]
    step: f64,
    /// How far prices are tried either way, in percent of a logarithm: 40 is from −33 % to +49 %
    #[arg(long, default_value_t = 40.0)]
    reach: f64,
    /// The interval of blocks: how soon a sale answers a move, in milliseconds
    #[arg(long, default_value_t = 100.0)]
    block_ms: f64,
    /// How many members are nodes of their own in the network
    #[arg(long, default_value_t = 20)]
    members: usize,
    /// The jump of all markets at which pools are settled, in percent
    #[arg(long, default_value_t = -20.0, allow_negative_numbers = true)]
    jump: f64,
    /// Writes a page with plots into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Example:
  seawall drill run october-2025 --accounts 2000 --record run.log
  seawall contagion run.log --at 4900 --block-ms 1000 --report out
  seawall contagion venue/data

A node whose data are looked at must not be running; a running one answers GET /v1/systemic. docs/contagion.md says what the
figures mean and what they cannot say.

Exit codes:
  0   no market is in a cascade at its price
  1   a market is: n at the mark is 1 or more
  2   usage
  65  not a state of this version, or a damaged one
  74  a file could not be read or written, or is in use";

/// Runs the subcommand; answers the exit code.
pub(crate) fn run(args: &ContagionArgs) -> Result<u8, Failure> {
    let settings = Settings {
        step: args.step / 100.0,
        reach: args.reach / 100.0,
        reaction_s: args.block_ms / 1_000.0,
        large_members: args.members,
        jump: args.jump / 100.0,
    };
    // What is wrong with the settings is said before a long replay.
    settings.grid().map_err(|error| Failure::usage(error.to_string()))?;
    let look = |engine: &Engine| assess(&Source::of(engine.state()), &settings).map_err(Failure::data);
    let found = with_state(&args.state, args.at, look)?;
    let report = args.report.as_deref().map(|dir| lab::report::contagion::write(dir, &found)).transpose();
    let report = report.map_err(|error| Failure::io(&error))?;
    if args.json {
        output::print_json(&found)?;
    } else {
        output::print(&text(&found, report.as_deref()))?;
    }
    let critical = |market: &Market| market.at_mark.is_some_and(|n| n >= 1.0);
    Ok(u8::from(found.pools.iter().flat_map(|pool| &pool.markets).any(critical)))
}

/// Finds the state and looks at it.
fn with_state<T>(path: &Path, at: Option<u64>, look: impl FnOnce(&Engine) -> Result<T, Failure>) -> Result<T, Failure> {
    if path.is_dir() {
        return of_journal(path, at, look);
    }
    let mut file = File::open(path).map_err(Failure::file(path))?;
    let mut first = [0; 4];
    let read = file.read(&mut first).map_err(Failure::file(path))?;
    // A block log is one zstd stream; a snapshot begins with its version.
    const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    if first[..read] == ZSTD { of_log(path, at, look) } else { of_snapshot(path, at, look) }
}

fn of_journal<T>(path: &Path, at: Option<u64>, look: impl FnOnce(&Engine) -> Result<T, Failure>) -> Result<T, Failure> {
    let (journal, _) = Journal::open(path).map_err(crate::journal::failure)?;
    let last = journal.height();
    let height = at.unwrap_or(last);
    if height > last {
        return Err(Failure::usage(format!("--at: found {height}, allowed 1 to {last}")));
    }
    let broken = |error: replication::OrderError| match error {
        replication::OrderError::Journal(error) => crate::journal::failure(error),
        other => Failure::data(format!("{}: {other}", path.display())),
    };
    let mut replay: Replay<'_, System> = Replay::after(&journal, height).map_err(broken)?;
    let bar = ProgressBar::new_spinner();
    while replay.machine().engine().height() < height {
        let Some(applied) = replay.apply_next() else { break };
        applied.map_err(broken)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    look(replay.machine().engine())
}

fn of_log<T>(path: &Path, at: Option<u64>, look: impl FnOnce(&Engine) -> Result<T, Failure>) -> Result<T, Failure> {
    let file = File::open(path).map_err(Failure::file(path))?;
    let bar = ProgressBar::new_spinner();
    let found = replay_to(file, at.unwrap_or(u64::MAX), |_| bar.inc(1));
    bar.finish_and_clear();
    let wrong = |error: BlockLogError| Failure::data(format!("{}: {error}", path.display()));
    let (replay, engine) = found.map_err(wrong)?;
    if let Some(divergence) = replay.divergence {
        let message = format!("{}: block {} does not lead to its recorded root", path.display(), divergence.height);
        return Err(Failure::data(message));
    }
    if let Some(height) = at.filter(|height| *height > engine.height()) {
        return Err(Failure::usage(format!("--at: found {height}, allowed 1 to {}", engine.height())));
    }
    look(&engine)
}

fn of_snapshot<T>(
    path: &Path,
    at: Option<u64>,
    look: impl FnOnce(&Engine) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let bytes = std::fs::read(path).map_err(Failure::file(path))?;
    let refused = |what: String| {
        let hint = "hint: allowed are a node's data directory, a block log, or a snapshot of the core";
        Failure::data(format!("{}: {what}\n{hint}", path.display()))
    };
    let engine = Engine::restore(&bytes).map_err(|error| refused(error.to_string()))?;
    match at {
        Some(height) if height != engine.height() => {
            Err(Failure::usage(format!("--at: found {height}, allowed {}: a snapshot is one state", engine.height())))
        }
        _ => look(&engine),
    }
}

fn text(found: &Assessment, report: Option<&Path>) -> String {
    let time = output::clock(found.time_ms);
    let mut text = format!("block {} at {time} UTC\n\n", output::count(found.height));
    text.push_str(&markets(&found.pools));
    for pool in &found.pools {
        let [down, up] = pool.coupled;
        text.push_str(&format!(
            "{}: {} accounts with {}; across its markets a first step down causes {down:.3} of itself, up {up:.3}\n",
            pool.name,
            output::count(pool.accounts as u64),
            output::usd(pool.equity_usd),
        ));
    }
    if let Some(network) = &found.network {
        text.push_str(&format!("\n{}\n\n{}\n\n", settled(network), ranked(network)));
    }
    if let Some(path) = report {
        text.push_str(&format!("report: {}\n", path.display()));
    }
    text
}

fn markets(pools: &[PoolAssessment]) -> String {
    let header = [
        "pool",
        "market",
        "n at the mark",
        "cascade from",
        "sales double",
        "10 % of equity",
        "−5 % ends at",
        "depth from",
    ];
    let mut table = output::table(&header);
    for (pool, market) in pools.iter().flat_map(|pool| pool.markets.iter().map(move |market| (pool, market))) {
        let speed = market.velocity.as_ref();
        table.add_row([
            pool.name.clone(),
            market.curve.name.clone(),
            market.at_mark.map_or_else(nothing, |n| format!("{n:.3}")),
            market.distance.map_or_else(|| "none seen".to_owned(), percent),
            speed.and_then(|speed| speed.doubling_s).map_or_else(nothing, seconds),
            speed.and_then(|speed| speed.tenth_of_equity_s).map_or_else(nothing, seconds),
            market.five_percent_ends_at[0].map_or_else(|| "beyond".to_owned(), percent),
            format!("{:?}", market.curve.impact).to_lowercase().replace("exitcost", "exit cost"),
        ]);
    }
    output::align_right(&mut table, 2..=6);
    format!("{table}\n\n")
}

fn settled(network: &Network) -> comfy_table::Table {
    let jump = format!("a jump by {}", percent(network.jump));
    let mut table = output::table(&[
        &jump,
        "accounts owe",
        "fund then",
        "pool owes",
        "not paid",
        "not paid, with recourse",
        "left",
    ]);
    for settled in &network.settled {
        table.add_row([
            settled.pool.clone(),
            output::usd(settled.owed_by_members_usd),
            output::usd(settled.fund_usd),
            output::usd(settled.owes_usd),
            output::usd(settled.owes_usd - settled.pays_usd),
            output::usd(settled.owes_usd - settled.pays_with_recourse_usd),
            output::usd(settled.left_usd[0]),
        ]);
    }
    output::align_right(&mut table, 1..=6);
    table
}

/// Nodes that the table shows.
const NODES: usize = 10;

fn ranked(network: &Network) -> comfy_table::Table {
    let mut table = output::table(&["lost", "its equity", "takes with it (DebtRank)"]);
    for ranked in network.ranked.iter().take(NODES) {
        let (name, equity) = match &ranked.node {
            Node::Pool { name } => (format!("pool {name}"), output::usd(ranked.equity_usd)),
            Node::Member { owner } => {
                (format!("member {}", &owner[..16.min(owner.len())]), output::usd(ranked.equity_usd))
            }
            Node::Asset { name } => (format!("asset {name}"), nothing()),
        };
        table.add_row([name, equity, percent(ranked.rank)]);
    }
    output::align_right(&mut table, 1..=2);
    table
}

fn nothing() -> String {
    "–".to_owned()
}

fn percent(share: f64) -> String {
    format!("{}{:.2} %", if share < 0.0 { "−" } else { "" }, (share * 100.0).abs())
}

fn seconds(seconds: f64) -> String {
    match seconds {
        long if long >= 120.0 => format!("{:.0} min", long / 60.0),
        middle if middle >= 1.0 => format!("{middle:.1} s"),
        short => format!("{:.0} ms", short * 1e3),
    }
}

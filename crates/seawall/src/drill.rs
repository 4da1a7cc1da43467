//! `seawall drill`: a historic crash against today's rules.

mod book;
mod live;
mod museum;

use crate::failure::Failure;
use crate::output;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use lab::block_log::BlockLogWriter;
use lab::catalogue::{EXHIBITS, Exhibit};
use lab::compare::compared;
use lab::drill::{Drill, Progress, Setting};
use lab::outcome::{LAYERS, Outcome, Rules, Runs, Series};
use lab::plan::Plan;
use lab::report::{self, Compared};
use lab::static_venue::StaticVenue;
use lab::tape::Recording;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Historic crashes as executable drills.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  seawall drill run october-2025")]
pub(crate) struct DrillArgs {
    #[command(subcommand)]
    command: DrillCommand,
}

#[derive(Debug, Subcommand)]
enum DrillCommand {
    /// Lists the drills
    List(ListArgs),
    /// Runs a drill, or an incident of the museum, and shows what it came to
    #[command(
        after_help = "Examples:\n  seawall drill run october-2025\n  seawall drill run --all --report reports                  (the museum)\n  seawall drill run mango-2022 --tries 1000\n  seawall drill run october-2025 --report reports\n  \
        seawall drill run october-2025 --seeds 20 --json > runs.json\n  \
        seawall drill run october-2025 --book accounts.csv --pool pool.toml       (your own accounts; docs/book.md)\n  \
        seawall drill run --prices prices.csv --book accounts.csv --pool pool.toml\n  \
        seawall drill run october-2025 --node http://127.0.0.1:8700 --speed 60      (after: seawall node --dev --bare)\n\nExit codes:\n  0   ran, and every promise was kept\n  \
        1   ran, and a promise was missed: bad debt, a wrongful or late liquidation, overshoot, books that do not balance, \
        an old rule that does not lose what was recorded\n  \
        2   usage\n  65  a recording or description is malformed\n  74  a file could not be read or written"
    )]
    Run(Box<RunArgs>),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  seawall drill list --json")]
struct ListArgs {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Which venue clears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RulesArg {
    /// The clearing core
    Seawall,
    /// A small model of a venue of the day
    Static,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The drill's name, as `seawall drill list` shows it
    #[arg(required_unless_present_any = ["all", "prices"], default_value = "", hide_default_value = true)]
    name: String,
    /// Plays every incident of the museum
    #[arg(long, conflicts_with_all = ["name", "seeds", "accounts", "rules", "data", "record", "node"])]
    all: bool,
    /// How many choices of an attacker are tried in search of the worst, in an incident of the museum
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    tries: u32,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs this many seeds, from --seed on
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: Option<u64>,
    /// How many traders take part [default: the drill's own number]
    #[arg(long, value_parser = clap::value_parser!(u32).range(10..=4_000_000))]
    accounts: Option<u32>,
    /// Which venue clears
    #[arg(long, value_enum, default_value = "seawall")]
    rules: RulesArg,
    /// Folder of the full market data; without it the compact recording inside the program is used
    #[arg(long, env = "SEAWALL_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Writes an illustrated report into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Records every block into this file, for `seawall replay`
    #[arg(long, value_name = "LOG", conflicts_with = "seeds")]
    record: Option<PathBuf>,
    /// Sends the same members' commands, signed, to a node on which nothing is listed yet, and tells what its clients saw
    #[arg(long, value_name = "URL", conflicts_with_all = ["seeds", "report", "record", "rules"])]
    node: Option<String>,
    /// How many seconds of the drill pass in one, with --node; `max` sends as fast as the node answers
    #[arg(long, value_name = "N|max", default_value = "1", requires = "node")]
    speed: live::Speed,
    /// How many requests are on their way at once, with --node
    #[arg(long, default_value_t = 8, requires = "node", value_parser = clap::value_parser!(u16).range(1..=64))]
    senders: u16,
    /// How long to send, in seconds, with --node [default: to the end of the drill]
    #[arg(long, value_name = "SECONDS", requires = "node", value_parser = clap::value_parser!(u64).range(1..))]
    stop_after: Option<u64>,
    /// Folder of the node's governance.key and custodian.key, with --node [default: the keys of `seawall node --dev`]
    #[arg(long, value_name = "DIR", requires = "node")]
    keys: Option<PathBuf>,
    /// Replays these accounts along the drill's prices instead of its own: CSV, Parquet, or JSON of dYdX's indexer or of Hyperliquid (docs/book.md)
    #[arg(long, value_name = "FILE", requires = "pool", conflicts_with_all = ["all", "seeds", "accounts", "record", "node"])]
    book: Option<PathBuf>,
    /// The pool in which --book is cleared: assets, capital, rules (docs/book.md)
    #[arg(long, value_name = "TOML", requires = "book")]
    pool: Option<PathBuf>,
    /// Prices for --book instead of a drill's: CSV or Parquet with columns time (seconds), asset, price
    #[arg(long, value_name = "TABLE", requires = "book", conflicts_with = "name")]
    prices: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand; answers the exit code.
pub(crate) fn run(args: &DrillArgs) -> Result<u8, Failure> {
    match &args.command {
        DrillCommand::List(list) => list_drills(list).map(|()| 0),
        DrillCommand::Run(run) if run.book.is_some() => {
            let (book, pool) = (run.book.as_deref(), run.pool.as_deref());
            let (Some(book), Some(pool)) = (book, pool) else {
                return Err(Failure::broken("--book comes with --pool"));
            };
            book::run(run, book, pool)
        }
        DrillCommand::Run(run) => match (&run.node, museum::find(&run.name)) {
            (Some(url), _) => live::run(run, url),
            (None, _) if run.all => museum::run(run, lab::museum::ALL),
            (None, Some(exhibit)) => museum::run(run, &[*exhibit]),
            (None, None) => Runner::new(run)?.run(),
        },
    }
}

fn list_drills(args: &ListArgs) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for exhibit in EXHIBITS {
        let plan = exhibit.plan().map_err(Failure::data)?;
        rows.push((plan.name, plan.title, Some(plan.population.default_accounts as u64)));
    }
    for exhibit in lab::museum::ALL {
        rows.push((exhibit.name.to_owned(), exhibit.card().map_err(Failure::data)?.title, None));
    }
    if args.json {
        let drills: Vec<_> = rows
            .iter()
            .map(|(name, title, accounts)| serde_json::json!({ "name": name, "title": title, "accounts": accounts }))
            .collect();
        return output::print_json(&drills);
    }
    let mut table = output::table(&["drill", "what happened", "accounts"]);
    for (name, title, accounts) in rows {
        let accounts = accounts.map_or_else(|| "a stage".to_owned(), output::count);
        table.add_row([name, title, accounts]);
    }
    output::align_right(&mut table, 2..=2);
    output::print(&format!("{table}\n"))
}

/// A drill with its recording, ready to run.
struct Runner<'a> {
    args: &'a RunArgs,
    plan: Plan,
    recording: Recording,
    accounts: usize,
}

/// One seed's run: what the core did, and what the venue of the day did with the same members.
struct Run {
    outcome: Outcome,
    series: Series,
    compared: Option<Compared>,
}

impl<'a> Runner<'a> {
    fn new(args: &'a RunArgs) -> Result<Self, Failure> {
        let exhibit = Exhibit::find(&args.name).ok_or_else(|| unknown_drill(&args.name))?;
        let plan = exhibit.plan().map_err(Failure::data)?;
        let recording = exhibit.recording(&plan, args.data.as_deref()).map_err(Failure::data)?;
        let accounts = args.accounts.map_or(plan.population.default_accounts, |accounts| accounts as usize);
        Ok(Self { args, plan, recording, accounts })
    }

    fn run(&self) -> Result<u8, Failure> {
        let seeds: Vec<u64> =
            (0..self.args.seeds.unwrap_or(1)).map(|step| self.args.seed.saturating_add(step)).collect();
        let bar = self.bar(seeds.len() as u64);
        let runs = self.run_all(&seeds, &bar)?;
        bar.finish_and_clear();
        let outcomes: Vec<Outcome> = runs.iter().map(|run| run.outcome.clone()).collect();
        let all = Runs::new(outcomes);
        let report = self.args.report.as_deref().map(|dir| self.write_report(dir, &runs, &all)).transpose()?;
        self.print(&runs, &all, report.as_deref())?;
        let promised = self.args.rules == RulesArg::Seawall;
        Ok(u8::from(promised && !all.summary.missed.is_empty()))
    }

    fn bar(&self, seeds: u64) -> ProgressBar {
        let bar = ProgressBar::new(seeds * self.plan.window.seconds as u64);
        let style = ProgressStyle::with_template("{elapsed_precise} {bar:32} {percent:>3}% {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }

    /// Runs every seed, as many at a time as there are processors; results come in the order of seeds.
    fn run_all(&self, seeds: &[u64], bar: &ProgressBar) -> Result<Vec<Run>, Failure> {
        let next = AtomicU64::new(0);
        let results: Mutex<Vec<Option<Result<Run, Failure>>>> = Mutex::new(seeds.iter().map(|_| None).collect());
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(seeds.len());
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some((at, seed)) = take_next(&next, seeds) {
                        let result = self.run_one(seed, bar);
                        results.lock().expect("no worker panics while it holds the lock")[at] = Some(result);
                    }
                });
            }
        });
        let results = results.into_inner().expect("every worker has ended");
        results.into_iter().map(|result| result.expect("every seed was run")).collect()
    }

    fn run_one(&self, seed: u64, bar: &ProgressBar) -> Result<Run, Failure> {
        let systemic = self.args.report.is_some();
        let drill = Drill { plan: &self.plan, recording: &self.recording, systemic };
        let setting = drill.setting(self.accounts, seed).map_err(Failure::data)?;
        if self.args.rules == RulesArg::Static {
            let compared = self.run_static(&setting, seed, bar)?;
            return Ok(Run { outcome: compared.outcome.clone(), series: Series::default(), compared: Some(compared) });
        }
        // The comparison costs a second or two; several seeds do without, unless a report wants it.
        let wanted = self.args.report.is_some() || (self.args.seeds.is_none() && !self.args.json);
        let compared = if wanted { Some(self.run_static(&setting, seed, &ProgressBar::hidden())?) } else { None };
        let (outcome, series) = self.run_core(&drill, &setting, seed, bar)?;
        Ok(Run { outcome, series, compared })
    }

    fn run_core(
        &self,
        drill: &Drill,
        setting: &Setting,
        seed: u64,
        bar: &ProgressBar,
    ) -> Result<(Outcome, Series), Failure> {
        let mut show = |progress: &Progress| {
            bar.inc(1);
            if progress.second.is_multiple_of(20) {
                let clock = output::clock(progress.time_ms);
                let (symbol, price) = (progress.symbol, progress.price_usd);
                bar.set_message(format!("{clock} UTC  {symbol} {price:.0} USD  {} liquidated", progress.liquidated));
            }
            ControlFlow::Continue(())
        };
        let Some(path) = &self.args.record else {
            return drill.run(setting, seed, None, &mut show).map_err(Failure::data);
        };
        let file = File::create(path).map_err(Failure::file(path))?;
        let mut log = BlockLogWriter::new(file).map_err(Failure::file(path))?;
        let result = drill.run(setting, seed, Some(&mut log), &mut show);
        log.finish().map_err(Failure::file(path))?;
        result.map_err(Failure::data)
    }

    fn run_static(&self, setting: &Setting, seed: u64, bar: &ProgressBar) -> Result<Compared, Failure> {
        let begun = Instant::now();
        let run = StaticVenue::run(&self.plan, &setting.tape, &setting.population, seed, &mut |_| bar.inc(1))
            .map_err(Failure::data)?;
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(compared(&self.plan, &setting.tape, &setting.population, &run, elapsed_ms))
    }

    fn write_report(&self, dir: &Path, runs: &[Run], all: &Runs) -> Result<PathBuf, Failure> {
        let first = runs.first().expect("at least one seed was run");
        let drill = report::Drill {
            title: self.plan.title.clone(),
            outcome: first.outcome.clone(),
            series: first.series.clone(),
            runs: (runs.len() > 1).then(|| all.clone()),
        };
        let source = match &self.args.data {
            Some(folder) => format!("Prices: the full recording in {}.", folder.display()),
            None => format!(
                "Prices: the compact recording drills/{}/path.bin.zst; its sources are in PATH.md beside it.",
                self.plan.name
            ),
        };
        let notes = [
            source,
            format!(
                "Members, makers, bidders and faults are drawn by seed from drills/{}/drill.toml, where every figure names its source or says that it is an assumption.",
                self.plan.name
            ),
        ];
        report::write_report(dir, &drill, first.compared.as_ref(), &notes).map_err(|error| Failure::io(&error))
    }

    fn print(&self, runs: &[Run], all: &Runs, report: Option<&Path>) -> Result<(), Failure> {
        if self.args.json {
            return match (&self.args.seeds, runs) {
                (None, [run]) => output::print_json(&run.outcome),
                _ => output::print_json(all),
            };
        }
        let mut text = match runs {
            [run] => tables_of_one(run),
            _ => table_of_many(all),
        };
        text.push_str(&verdict(all, self.args.rules));
        if let Some(path) = report {
            text.push_str(&format!("report: {}\n", path.display()));
        }
        output::print(&text)
    }
}

fn unknown_drill(name: &str) -> Failure {
    let own = lab::museum::ALL.iter().map(|exhibit| exhibit.name);
    let known: Vec<&str> = EXHIBITS.iter().map(|exhibit| exhibit.name).chain(own).collect();
    Failure::usage(format!("drill not known: found {name:?}, allowed: {}\nhint: seawall drill list", known.join(", ")))
}

fn take_next(next: &AtomicU64, seeds: &[u64]) -> Option<(usize, u64)> {
    let at = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).ok()?;
    seeds.get(at).map(|seed| (at, *seed))
}

/// The figures of one seed, the venue of the day beside them, and how prices went.
fn tables_of_one(run: &Run) -> String {
    let mut columns = vec![&run.outcome];
    if run.outcome.rules == Rules::Seawall {
        columns.extend(run.compared.as_ref().map(|compared| &compared.outcome));
    }
    let mut header = vec!["what happened to the same members"];
    header.extend(columns.iter().map(|outcome| match outcome.rules {
        Rules::Seawall => "Seawall",
        Rules::Static => "venue of the day",
    }));
    let mut table = output::table(&header);
    for (name, cell) in figure_rows() {
        let mut row = vec![name.to_owned()];
        row.extend(columns.iter().map(|outcome| cell(outcome)));
        table.add_row(row);
    }
    output::align_right(&mut table, 1..=columns.len());
    let mut prices = output::table(&["index, USD", "start", "low", "end", "fall"]);
    for (symbol, span) in &run.outcome.feeds {
        let fall = 100.0 * (1.0 - span.low / span.start);
        prices.add_row([
            symbol.clone(),
            output::price(span.start),
            output::price(span.low),
            output::price(span.end),
            format!("{fall:.1} %"),
        ]);
    }
    output::align_right(&mut prices, 1..=4);
    format!("{table}\n\n{prices}\n\n")
}

type Cell = fn(&Outcome) -> String;

fn figure_rows() -> Vec<(&'static str, Cell)> {
    vec![
        ("accounts", |run| output::count(run.accounts)),
        ("blocks", |run| output::count(run.blocks)),
        ("accounts liquidated", |run| output::count(run.liquidated_accounts)),
        ("  though sound at honest prices", |run| output::count(run.wrongful_liquidations)),
        ("slowest liquidation after its breach", |run| format!("{} blocks", run.liquidation_latency_blocks_max)),
        ("sold or taken over by force", |run| output::usd(run.forced_notional_usd)),
        ("portfolio auctions", |run| output::count(run.portfolio_auctions)),
        ("fund at the start", |run| output::usd(run.fund.start)),
        ("fund at its lowest", |run| output::usd(run.fund.low)),
        ("fund at the end", |run| output::usd(run.fund.end)),
        ("losses beyond the defaulters' own", |run| output::usd(run.loss_by_layer.values().sum())),
        ("  borne by", layers_in_words),
        ("bad debt", |run| output::usd(run.bad_debt_usd)),
        ("winners auto-deleveraged", |run| output::count(run.adl.accounts)),
        ("  taken beyond the deficit", |run| output::usd(run.adl.overshoot_usd)),
        ("books that did not balance", |run| {
            format!("{} of {}", run.conservation.violations, output::count(run.conservation.blocks_checked))
        }),
        ("state root", |run| {
            if run.state_root.is_empty() { "–".to_owned() } else { format!("{}…", &run.state_root[..16]) }
        }),
        ("time", |run| format!("{:.1} s", run.elapsed_ms as f64 / 1e3)),
    ]
}

/// `fund 0.59 M, own capital 0.41 M`.
fn layers_in_words(run: &Outcome) -> String {
    let borne = LAYERS.iter().filter_map(|(key, name)| run.loss_by_layer.get(*key).map(|usd| (name, *usd)));
    let words: Vec<String> = borne
        .filter(|(_, usd)| *usd > 0.0)
        .map(|(name, usd)| format!("{}: {}", name.to_lowercase(), output::usd(usd)))
        .collect();
    if words.is_empty() { "–".to_owned() } else { words.join("\n") }
}

/// The spread of every figure over the seeds.
fn table_of_many(all: &Runs) -> String {
    let mut table = output::table(&["over all seeds", "smallest", "median", "largest"]);
    for (name, spread) in &all.summary.figures {
        let cell = |value: f64| {
            if name.ends_with("_usd") || name.starts_with("fund") { output::usd(value) } else { output::plain(value) }
        };
        table.add_row([name.clone(), cell(spread.min), cell(spread.median), cell(spread.max)]);
    }
    output::align_right(&mut table, 1..=3);
    format!("{} seeds\n{table}\n\n", all.summary.seeds)
}

/// What was promised and whether it was kept.
fn verdict(all: &Runs, rules: RulesArg) -> String {
    if rules == RulesArg::Static {
        return "a model of a venue of the day: it promises nothing\n".to_owned();
    }
    if all.summary.missed.is_empty() {
        return "every promise kept: no bad debt, nobody liquidated wrongly or late, no overshoot, books balanced after every block\n".to_owned();
    }
    let missed = |miss: &lab::outcome::Missed| {
        format!("missed with seed {}: {} {} (promised {})\n", miss.seed, miss.figure, miss.value, miss.bound)
    };
    all.summary.missed.iter().map(missed).collect()
}

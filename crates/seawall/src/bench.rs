//! `seawall bench`: how fast the engine is on this machine, against targets, naive twins and the speed of memory.

use crate::failure::Failure;
use crate::output;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use lab::bench::{self, Growth, MAX_ACCOUNTS, Progress, Row, Setting, Workload};
use serde::Serialize;
use std::path::PathBuf;

/// Sizes of `--growth`.
const SIZES: [u32; 3] = [10_000, 100_000, 1_000_000];

/// The width of the table where no terminal says one.
const PAGE_WIDTH: u16 = 180;

/// Measures the engine on a synthetic market
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  seawall bench --accounts 100000 --quick\n  seawall bench --only calm,scan --json\n  \
    seawall bench --growth --quick --plot growth.svg\n\nThe market is one pool of 64 instruments on four feeds with 32 rows; every account holds four \
    positions.\nTargets are for a million accounts on two cores; a missed one is shown in the table.\n\nExit codes:\n  \
    0   measured, whether or not targets were met\n  2   usage\n  65  the core refused the market, or a replay differed\n  \
    74  the plot could not be written"
)]
pub(crate) struct BenchArgs {
    /// How many accounts trade
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_ACCOUNTS)))]
    accounts: u32,
    /// Measures only these, with commas between them
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    only: Vec<Only>,
    /// Fewer blocks, commands and repetitions
    #[arg(long)]
    quick: bool,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Measures at 10,000, 100,000 and 1,000,000 accounts
    #[arg(long, conflicts_with = "accounts")]
    growth: bool,
    /// Writes a plot of the growth into this file, as SVG
    #[arg(long, value_name = "FILE.svg", requires = "growth")]
    plot: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// A workload by its name.
#[derive(Clone, Copy, Debug)]
struct Only(Workload);

impl ValueEnum for Only {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Only; Workload::ALL.len()] = {
            let mut all = [Only(Workload::Margin); Workload::ALL.len()];
            let mut at = 0;
            while at < all.len() {
                all[at] = Only(Workload::ALL[at]);
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

/// What `--json` prints for one size.
#[derive(Serialize)]
struct Measured<'a> {
    accounts: u32,
    seed: u64,
    quick: bool,
    processors: usize,
    rows: &'a [Row],
}

/// Runs the subcommand; answers the exit code.
pub(crate) fn run(args: &BenchArgs) -> Result<u8, Failure> {
    let sizes = if args.growth { SIZES.to_vec() } else { vec![args.accounts] };
    let workloads: Vec<Workload> = Workload::ALL
        .into_iter()
        .filter(|one| args.only.is_empty() || args.only.iter().any(|only| only.0 == *one))
        .collect();
    let mut measured = Vec::new();
    for accounts in sizes {
        let rows = measure(args, accounts, &workloads)?;
        measured.push(Growth { accounts, rows });
    }
    print(args, &measured)?;
    if let Some(path) = &args.plot {
        let svg = bench::plot(&measured).map_err(Failure::data)?;
        std::fs::write(path, svg).map_err(Failure::file(path))?;
    }
    Ok(0)
}

fn measure(args: &BenchArgs, accounts: u32, workloads: &[Workload]) -> Result<Vec<Row>, Failure> {
    let bar = ProgressBar::new(1);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:32} {percent:>3}% {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut last = "";
    let mut show = |progress: Progress| {
        bar.set_length(progress.of);
        bar.set_position(progress.done);
        if last != progress.doing {
            last = progress.doing;
            bar.set_message(format!("{} accounts: {}", output::count(accounts.into()), progress.doing));
        }
    };
    let setting = Setting { accounts, seed: args.seed, quick: args.quick };
    let rows = bench::run(setting, workloads, &mut show).map_err(Failure::data);
    bar.finish_and_clear();
    rows
}

fn print(args: &BenchArgs, measured: &[Growth]) -> Result<(), Failure> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if args.json {
        let sizes: Vec<Measured<'_>> = measured
            .iter()
            .map(|size| Measured {
                accounts: size.accounts,
                seed: args.seed,
                quick: args.quick,
                processors,
                rows: &size.rows,
            })
            .collect();
        return match sizes.as_slice() {
            [one] if !args.growth => output::print_json(one),
            _ => output::print_json(&sizes),
        };
    }
    let mut text = String::new();
    for size in measured {
        text.push_str(&format!("{}\n\n", table_of(size)));
    }
    let quick = if args.quick { ", quick" } else { "" };
    output::print(&format!("{text}seed {}{quick}, {processors} processors\n", args.seed))
}

fn table_of(size: &Growth) -> comfy_table::Table {
    let title = format!("{} accounts", output::count(size.accounts.into()));
    let mut table = output::table(&[&title, "on", "figure", "ratio", "target", ""]);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    if !table.is_tty() {
        table.set_width(PAGE_WIDTH);
    }
    let colours = output::colourful();
    for row in &size.rows {
        let value = row.value.map_or("not measured".to_owned(), |value| format!("{} {}", figure(value), row.unit));
        let ratio = row.ratio.zip(row.ratio_to).map_or(String::new(), |(ratio, to)| format!("{} {to}", figure(ratio)));
        let verdict = match row.met {
            Some(true) => output::paint("met", output::good(), colours),
            Some(false) => output::paint("missed", output::bad(), colours),
            None => String::new(),
        };
        let target = row.target.unwrap_or("").to_owned();
        table.add_row([row.what.clone(), row.on.clone(), value, ratio, target, verdict]);
    }
    output::align_right(&mut table, 2..=2);
    table
}

/// Three digits of a small figure, the whole part of a large one.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        large if large >= 1_000.0 => output::count(value.round() as u64),
        middle if middle >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        small if small >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figures_have_the_digits_that_matter() {
        let figures = [0.0, 0.012_34, 0.5, 12.34, 123.4, 1_234_567.8].map(figure);
        assert_eq!(figures, ["0", "0.0123", "0.50", "12.3", "123", "1,234,568"]);
    }
}

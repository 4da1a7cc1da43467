//! `seawall backtest`: margin judged on years of prices.

use crate::failure::Failure;
use crate::output;
use comfy_table::Table;
use indicatif::{ProgressBar, ProgressStyle};
use lab::backtest::{Backtest, BacktestError, Judged, RULES, Series, Settings, backtest};
use lab::report::backtest as report;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Judges margin on years of prices as supervisors judge a clearing house's
///
/// Eight rules, Seawall's among them, are calibrated on the first half of each series and judged on the second: whether losses exceed margin as
/// often as they should (Kupiec), whether exceedances come in clusters (Christoffersen), how far the worst went, and what the margin cost.
/// docs/backtest.md explains every column.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  SEAWALL_DATA=/path/to/data seawall backtest --report reports\n  \
    seawall backtest --made 7\n    \
    seawall backtest --prices my-hourly-closes.csv --level 0.995\n\n\
    Exit codes: 0 judged; 65 a file is malformed or too short; 74 a report cannot be written")]
pub(crate) struct BacktestArgs {
    /// Judges this file instead of the data folder: CSV with columns ts_utc (unix milliseconds, an hour apart) and close; .zst is read too
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Judges three years of prices made from this seed, whose volatility comes in clusters with fat tails: needs no data
    #[arg(long, value_name = "SEED", conflicts_with = "prices")]
    made: Option<u64>,
    /// Levels of coverage, as shares
    #[arg(long = "level", value_name = "SHARE", default_values_t = [0.99, 0.995, 0.997], value_parser = level)]
    levels: Vec<f64>,
    /// Writes backtest.html, one page with tables and plots, into this folder
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Prints JSON instead of tables
    #[arg(long)]
    json: bool,
}

fn level(text: &str) -> Result<f64, String> {
    let found: f64 = text.parse().map_err(|_| format!("found {text}, allowed: 0.9 to 0.9999"))?;
    if (0.9..=0.9999).contains(&found) { Ok(found) } else { Err(format!("found {text}, allowed: 0.9 to 0.9999")) }
}

/// Judges and shows; answers the exit code.
pub(crate) fn run(args: &BacktestArgs) -> Result<u8, Failure> {
    let series = match (&args.prices, args.made) {
        (Some(path), _) => Series::of_file(path),
        (None, Some(seed)) => Series::made(seed),
        (None, None) => Series::of_folder(),
    };
    let series = series.map_err(failure)?;
    let bar = ProgressBar::new((series.len() * RULES.len()) as u64);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:32} {pos}/{len} rules on series");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    let settings = Settings { levels: args.levels.clone(), ..Settings::default() };
    let found = backtest(&series, &settings, &|| bar.inc(1)).map_err(failure)?;
    bar.finish_and_clear();
    let page = args.report.as_deref().map(|folder| report::write(folder, &found)).transpose();
    let page = page.map_err(|error| Failure::io(&error))?;
    if args.json {
        output::print_json(&found)?;
    } else {
        output::print(&text(&found, &args.levels, page.as_deref()))?;
    }
    Ok(0)
}

fn failure(error: BacktestError) -> Failure {
    Failure::data(error)
}

fn text(found: &Backtest, levels: &[f64], page: Option<&Path>) -> String {
    let mut text = String::new();
    for (name, train, test) in &found.series {
        let (train, test) = (output::count(*train as u64), output::count(*test as u64));
        text.push_str(&format!("{name}: calibrated on {train} hours, judged on the {test} after them\n"));
    }
    for level in levels {
        text.push_str(&format!(
            "\nlevel {} %, all series, long and short\n{}\n",
            output::plain(level * 100.0),
            table(found, *level)
        ));
    }
    let middle = levels[levels.len() / 2];
    text.push_str(&format!(
        "\nhours covered by series, level {} %\n{}\n",
        output::plain(middle * 100.0),
        by_series(found, middle)
    ));
    text.push_str("\nfits, under, over: sides of series whose exceedances are as many as they should be, too many, too few (Kupiec, 5 %)\n");
    text.push_str("scattered: sides whose exceedances do not come in clusters (Christoffersen, 5 %)\n");
    if let Some(page) = page {
        text.push_str(&format!("report: {}\n", page.display()));
    }
    text
}

/// One row a rule, over all series.
fn table(found: &Backtest, level: f64) -> Table {
    let header = [
        "rule",
        "covered",
        "fits",
        "under",
        "over",
        "scattered",
        "mean margin",
        "worst loss / margin",
        "peak / trough",
        "most in a day",
        "in 5",
        "in 30",
    ];
    let mut table = output::table(&header);
    for rule in RULES {
        let own = found.summary(rule.name, level);
        let rise = |at: usize| format!("+{:.0} %", own.rises[at] * 100.0);
        table.add_row([
            rule.name.to_owned(),
            format!("{:.3} %", own.coverage * 100.0),
            own.fits.to_string(),
            own.under.to_string(),
            own.over.to_string(),
            own.scattered.to_string(),
            format!("{:.2} %", own.average * 100.0),
            format!("{:.1}", own.largest_over_margin),
            format!("{:.1}", own.peak_to_trough),
            rise(0),
            rise(1),
            rise(2),
        ]);
    }
    output::align_right(&mut table, 1..=11);
    table
}

/// One row a rule, one column a series.
fn by_series(found: &Backtest, level: f64) -> Table {
    let names = found.series.iter().map(|(name, _, _)| name.as_str());
    let header: Vec<&str> = std::iter::once("rule").chain(names).collect();
    let mut table = output::table(&header);
    for rule in RULES {
        let covered = |judged: &&Judged| format!("{:.2} %", judged.score.coverage * 100.0);
        let cells = found.of(rule.name, level).iter().map(covered).collect::<Vec<_>>();
        table.add_row(std::iter::once(rule.name.to_owned()).chain(cells));
    }
    output::align_right(&mut table, 1..=found.series.len());
    table
}

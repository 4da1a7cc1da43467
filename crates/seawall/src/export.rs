//! `seawall export`: what a journal tells, as Parquet files for data tools.

use crate::failure::Failure;
use crate::node::config::Config;
use crate::output;
use clap::Args;
use history::{Export, HistoryError, Rotation, Table};
use indicatif::ProgressBar;
use journal::Journal;
use protocol::decimal::Places;
use replication::OrderError;
use std::path::{Path, PathBuf};

/// Writes fills, liquidations, losses, funding, prices and blocks of a journal as Parquet files
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  seawall export --data venue/data --config venue/node.toml --out history\n  \
    seawall export --data data --out fills --tables fills --from 1 --to 1000\n\n\
    The node that writes the journal must not be running. docs/history.md says what the columns mean.\n\n\
    Exit codes:\n  0   everything that was asked is in the files\n  1   it is, but blocks at the end of the journal were damaged and cut off\n  \
    2   usage\n  65  no journal, or one that is damaged or not of this version\n  74  a file could not be read or written, or is in use")]
pub(crate) struct ExportArgs {
    /// The node's data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where the files go: a directory that is empty or not there yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The configuration of the node, whose `places` say how large lots are; without it a lot is a unit
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Which tables: blocks, fills, liquidations, `portfolio_auctions`, losses, deleveraging, funding, prices
    #[arg(long, value_delimiter = ',', value_parser = table)]
    tables: Vec<Table>,
    /// The first height
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
    /// The last height; all that there are, if it is not given
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn table(name: &str) -> Result<Table, String> {
    let names = || Table::ALL.map(Table::name).join(", ");
    Table::of_name(name).ok_or_else(|| format!("allowed: {}", names()))
}

/// Runs the subcommand; answers the exit code.
pub(crate) fn run(args: &ExportArgs) -> Result<u8, Failure> {
    let to = args.to.unwrap_or(u64::MAX);
    if to < args.from {
        return Err(Failure::usage(format!("--to: found {to}, allowed {} or more", args.from)));
    }
    let places = match &args.config {
        Some(path) => Config::read(path)?.about.places,
        None => Places::default(),
    };
    let tables: &[Table] = if args.tables.is_empty() { &Table::ALL } else { &args.tables };
    let asked = Export { tables, heights: args.from..=to, places, rotation: Rotation::default() };
    let (journal, opened) = Journal::open(&args.data).map_err(crate::journal::failure)?;
    let bar = ProgressBar::new(0);
    let made = history::export(&journal, &args.out, &asked, &mut |height, to| {
        bar.set_length(to);
        bar.set_position(height);
    });
    bar.finish_and_clear();
    let heights = made.map_err(failure)?;
    if args.json {
        output::print_json(&serde_json::json!({
            "from": heights.as_ref().map(|heights| *heights.start()), "to": heights.as_ref().map(|heights| *heights.end()),
            "tables": tables.iter().map(|table| table.name()).collect::<Vec<_>>(), "cut": opened.cut,
        }))?;
    } else {
        output::print(&told(heights.map(|heights| (*heights.start(), *heights.end())), &args.out, &opened.cut))?;
    }
    Ok(u8::from(!opened.cut.is_empty()))
}

fn told(heights: Option<(u64, u64)>, out: &Path, cut: &[u64]) -> String {
    let count = output::count;
    let mut text = match heights {
        Some((from, to)) => format!("blocks {} to {} in {}\n", count(from), count(to), out.display()),
        None => "no block at these heights\n".to_owned(),
    };
    if let (Some(first), Some(last)) = (cut.first(), cut.last()) {
        text +=
            &format!("damaged blocks at the end of the journal were cut off: {} to {}\n", count(*first), count(*last));
    }
    text
}

/// What the system refused is not what is wrong with the data.
pub(crate) fn failure(error: HistoryError) -> Failure {
    match error {
        HistoryError::Order(OrderError::Journal(error)) => crate::journal::failure(error),
        HistoryError::Io { .. } | HistoryError::Exists { .. } => Failure::io(&error),
        _ => Failure::data(error),
    }
}

//! `seawall drill run … --book`: somebody's own accounts along a path of prices.

use super::RunArgs;
use crate::failure::Failure;
use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use lab::book::{AccountFate, Book, BookError, Path as PricePath, PoolPlan, Replayed, replay};
use lab::report::book as report;
use std::path::Path;
use std::time::Duration;

/// Rows of the table: those whom most happened to.
const SHOWN: usize = 20;

/// Replays a book; answers the exit code: 1 if members had to bear a loss.
pub(super) fn run(args: &RunArgs, book: &Path, pool: &Path) -> Result<u8, Failure> {
    let book = Book::read(book).map_err(failure)?;
    let plan = PoolPlan::read(pool).map_err(failure)?;
    let path = match &args.prices {
        Some(file) => PricePath::of_file(file),
        None => PricePath::of_history(&args.name, args.data.as_deref(), args.seed),
    };
    let path = path.map_err(failure)?;
    let bar = ProgressBar::new(1_000);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:32} {percent:>3}% of the path, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    let found = replay(&book, &plan, &path, &|share| bar.set_position((share * 1e3) as u64)).map_err(failure)?;
    bar.finish_and_clear();
    let page = args.report.as_deref().map(|folder| report::write(folder, &found)).transpose();
    let page = page.map_err(|error| Failure::io(&error))?;
    if args.json {
        output::print_json(&found)?;
    } else {
        output::print(&text(&found, page.as_deref()))?;
    }
    Ok(u8::from(found.bad_debt_usd > 0.0))
}

fn failure(error: BookError) -> Failure {
    match error {
        BookError::Unreadable { .. } => Failure::io(&error),
        BookError::Rows { .. } | BookError::Misfit(_) => Failure::data(error),
    }
}

fn text(found: &Replayed, page: Option<&Path>) -> String {
    let mut table = output::table(&["what happened to the book", "the clearing core"]);
    let count = |which: &dyn Fn(&AccountFate) -> bool| {
        output::count(found.accounts.iter().filter(|fate| which(fate)).count() as u64)
    };
    let sum = |of: &dyn Fn(&AccountFate) -> f64| output::usd(found.accounts.iter().map(of).sum());
    let [start, low, end] = found.fund_usd.map(output::usd);
    let mut rows = vec![
        ("accounts", output::count(found.accounts.len() as u64)),
        ("blocks", output::count(found.blocks)),
        ("in breach at the first prices", count(&|fate| fate.in_breach_at_first)),
        ("below initial margin at the first prices", count(&|fate| fate.equity_usd < fate.initial_margin_usd)),
        ("liquidated", count(&|fate| fate.liquidations > 0)),
        ("equity at the first prices", sum(&|fate| fate.equity_usd)),
        ("equity at the end", sum(&|fate| fate.end_usd)),
        ("fund at the start", start),
        ("fund at its lowest", low),
        ("fund at the end", end),
    ];
    let lost: Vec<_> = found.losses_usd.iter().filter(|(_, lost)| *lost > 0.0).collect();
    let whole: f64 = lost.iter().map(|(_, lost)| lost).sum();
    rows.push(("losses beyond the defaulters' own", output::usd(whole)));
    for (layer, lost) in &lost {
        rows.push(("  borne by", format!("{layer}: {}", output::usd(*lost))));
    }
    rows.push(("bad debt", output::usd(found.bad_debt_usd)));
    rows.push(("auto-deleveraged, notional", output::usd(found.deleveraged_usd)));
    for (what, value) in rows {
        table.add_row([what.to_owned(), value]);
    }
    output::align_right(&mut table, 1..=1);
    let mut text = format!("{}, {:.0} seconds\n\n{table}\n\n{}\n", found.path, found.seconds, accounts(found));
    if !found.still.is_empty() {
        text.push_str(&format!("the path has no prices of {}: they stood still\n", found.still.join(", ")));
    }
    for (name, times) in &found.refused {
        text.push_str(&format!("refused by the core: {name}, {} times\n", output::count(*times)));
    }
    if let Some(page) = page {
        text.push_str(&format!("report: {}\n", page.display()));
    }
    text
}

/// The accounts to which most happened.
fn accounts(found: &Replayed) -> comfy_table::Table {
    let header = [
        "account",
        "equity",
        "maintenance",
        "lowest",
        "end",
        "first liquidated",
        "at the mark",
        "deleveraged",
        "shortfall",
    ];
    let mut table = output::table(&header);
    let weight = |fate: &AccountFate| {
        (fate.liquidations > 0, fate.shortfall_usd + fate.deleveraged_usd, fate.equity_usd - fate.end_usd)
    };
    let mut worst: Vec<&AccountFate> = found.accounts.iter().collect();
    worst.sort_by(|one, other| weight(other).partial_cmp(&weight(one)).unwrap_or(std::cmp::Ordering::Equal));
    for fate in worst.iter().take(SHOWN) {
        let none = || "–".to_owned();
        table.add_row([
            fate.name.clone(),
            output::usd(fate.equity_usd),
            output::usd(fate.maintenance_margin_usd),
            output::usd(fate.lowest_usd),
            output::usd(fate.end_usd),
            fate.first_liquidated_s.map_or_else(none, |second| format!("{:.1} min", second / 60.0)),
            fate.liquidated_at_usd
                .zip(fate.largest.as_ref())
                .map_or_else(none, |(mark, symbol)| format!("{symbol} {}", output::price(mark))),
            output::usd(fate.deleveraged_usd),
            output::usd(fate.shortfall_usd),
        ]);
    }
    if worst.len() > SHOWN {
        let more = output::count((worst.len() - SHOWN) as u64);
        table.add_row([format!("and {more} more: --json has all")]);
    }
    output::align_right(&mut table, 1..=8);
    table
}

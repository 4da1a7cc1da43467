//! Decides what the report of a replayed book says: the path, the fund, everybody's equity, and each account.

use super::wording::{self, escape};
use super::{POLICY, ReportError, STYLE, lines};
use crate::book::{AccountFate, Replayed};
use crate::museum::exhibit::{Line, Plot};
use std::path::{Path, PathBuf};

/// The file that [`write`] writes inside its folder.
pub const BOOK_FILE: &str = "book.html";
/// Accounts of the table; more would be a file and no page.
const SHOWN: usize = 500;

/// Writes the report into `dir`, which is made if it is missing, and answers the file's path.
///
/// # Errors
/// [`ReportError::Write`] when the folder or the file cannot be written.
pub fn write(dir: &Path, found: &Replayed) -> Result<PathBuf, ReportError> {
    let path = dir.join(BOOK_FILE);
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, page(found)));
    written.map_err(|source| ReportError::Write { path: path.clone(), source })?;
    Ok(path)
}

fn page(found: &Replayed) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>A book, replayed</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main id=\"museum\">\n\
         <header>\n<p class=\"over\">{path}, {minutes:.0} minutes, {blocks} blocks</p>\n<h1>A book, replayed</h1>\n</header>\n\
         <section>\n<h2>What it came to</h2>\n<div class=\"scroll\"><table>\n<tbody>\n{totals}</tbody>\n</table></div>\n</section>\n\
         <section>\n<h2>Its course</h2>\n<div class=\"grid\">{plots}</div>\n</section>\n\
         <section>\n<h2>Accounts</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>account</th><th>equity</th><th>initial margin</th>\
         <th>maintenance</th><th>lowest</th><th>end</th><th>first liquidated</th><th>times</th><th>deleveraged</th><th>bore of others</th>\
         <th>shortfall</th></tr></thead>\n<tbody>\n{accounts}</tbody>\n</table></div>\n</section>\n</main>\n</body>\n</html>\n",
        path = escape(&found.path),
        minutes = found.seconds / 60.0,
        blocks = wording::count(found.blocks),
        totals = totals(found),
        plots = plots(found),
        accounts = accounts(found),
    )
}

fn totals(found: &Replayed) -> String {
    let count = |which: &dyn Fn(&AccountFate) -> bool| {
        wording::count(found.accounts.iter().filter(|fate| which(fate)).count() as u64)
    };
    let sum = |of: &dyn Fn(&AccountFate) -> f64| wording::usd(found.accounts.iter().map(of).sum());
    let [start, low, end] = found.fund_usd.map(wording::usd);
    let mut rows = vec![
        ("accounts".to_owned(), wording::count(found.accounts.len() as u64)),
        ("in breach at the first prices".to_owned(), count(&|fate| fate.in_breach_at_first)),
        ("liquidated".to_owned(), count(&|fate| fate.liquidations > 0)),
        (
            "equity at the first prices, at the end".to_owned(),
            format!("{}, {}", sum(&|fate| fate.equity_usd), sum(&|fate| fate.end_usd)),
        ),
        ("fund at the start, lowest, at the end".to_owned(), format!("{start}, {low}, {end}")),
    ];
    for (layer, lost) in &found.losses_usd {
        rows.push((format!("loss borne by: {layer}"), wording::usd(*lost)));
    }
    rows.push(("bad debt".to_owned(), wording::usd(found.bad_debt_usd)));
    rows.push(("auto-deleveraged, notional".to_owned(), wording::usd(found.deleveraged_usd)));
    rows.iter()
        .map(|(what, value)| {
            format!("<tr><th scope=\"row\">{}</th><td class=\"figure\">{value}</td></tr>\n", escape(what))
        })
        .collect()
}

fn plots(found: &Replayed) -> String {
    let course = &found.course;
    let line = |name: &str, values: &[f64]| Line {
        points: course.minutes.iter().copied().zip(values.iter().copied()).collect(),
        ..Line::new(name)
    };
    let plot = |title: &str, up: &str, lines: Vec<Line>| {
        let plot = Plot { title: title.into(), across: "minutes".into(), up: up.into(), logarithmic: false, lines };
        lines::figure(&plot)
    };
    let prices = course.prices.iter().take(6).map(|(symbol, values)| line(symbol, values)).collect();
    [
        plot("Prices", "over their first", prices),
        plot("Everybody in the book", "equity, USD", vec![line("equity", &course.equity_usd)]),
        plot("The fund", "USD", vec![line("fund", &course.fund_usd)]),
        plot("Liquidated", "accounts until then", vec![line("accounts", &course.liquidated)]),
    ]
    .concat()
}

fn accounts(found: &Replayed) -> String {
    let row = |fate: &AccountFate| {
        let cells = [
            wording::usd(fate.equity_usd),
            wording::usd(fate.initial_margin_usd),
            wording::usd(fate.maintenance_margin_usd),
            wording::usd(fate.lowest_usd),
            wording::usd(fate.end_usd),
            fate.first_liquidated_s.map_or_else(|| "–".to_owned(), |second| format!("{:.1} min", second / 60.0)),
            wording::count(fate.liquidations),
            wording::usd(fate.deleveraged_usd),
            wording::usd(fate.borne_usd),
            wording::usd(fate.shortfall_usd),
        ];
        let cells: String = cells.iter().map(|cell| format!("<td class=\"figure\">{cell}</td>")).collect();
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(&fate.name))
    };
    let mut rows: String = found.accounts.iter().take(SHOWN).map(row).collect();
    if found.accounts.len() > SHOWN {
        let more = wording::count((found.accounts.len() - SHOWN) as u64);
        rows.push_str(&format!("<tr><th scope=\"row\">and {more} more: <code>--json</code> has all</th></tr>\n"));
    }
    rows
}

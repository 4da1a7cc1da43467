//! Decides what an experiment's report says: what was simulated, a table of its cells, how losses are spread, and what safety costs.

use super::wording::{self, escape};
use super::{POLICY, ReportError, STYLE, lines};
use crate::museum::exhibit::{Line, Plot};
use crate::simulation::{CellSummary, FIGURES, Results, label_of, place_of};
use std::path::{Path, PathBuf};

/// The file that [`write`] writes inside its folder.
pub const SIMULATION_FILE: &str = "simulation.html";
/// The figures whose distributions are drawn.
const SPREADS: [(&str, &str); 4] = [
    ("loss_usd", "Losses beyond the defaulters' own money"),
    ("fund_drawdown_usd", "How far the fund fell"),
    ("liquidation_cost", "What forced sales cost"),
    ("amplification", "Falls that members' own sales added"),
];
/// The columns of the table of cells: figure, its heading, and whether the tail is shown beside the median.
const COLUMNS: [(&str, &str, bool); 9] = [
    ("bad_debt_usd", "borne by members", true),
    ("loss_usd", "loss beyond defaulters", true),
    ("fund_drawdown_usd", "fund fell by", true),
    ("adl_usd", "auto-deleveraged", true),
    ("liquidated", "accounts liquidated", false),
    ("wrongful", "of them wrongly", true),
    ("liquidation_cost", "cost of forced sales", true),
    ("margin_per_notional", "margin over notional", false),
    ("branching", "branching", false),
];
/// The most cells that a plot of distributions has lines for.
const MOST_LINES: usize = 6;

/// Writes the report into `dir`, which is made if it is missing, and answers the file's path.
///
/// # Errors
/// [`ReportError::Write`] when the folder or the file cannot be written.
pub fn write(dir: &Path, results: &Results) -> Result<PathBuf, ReportError> {
    let path = dir.join(SIMULATION_FILE);
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, page(results)));
    written.map_err(|source| ReportError::Write { path: path.clone(), source })?;
    Ok(path)
}

fn page(results: &Results) -> String {
    let cells = results.summary();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main id=\"museum\">\n\
         <header>\n<p class=\"over\">A simulated market around the clearing core</p>\n<h1>{title}</h1>\n\
         <p class=\"lead\">{runs} runs of {blocks} blocks with {agents} agents each.</p>\n</header>\n\
         {table}{frontier}{spreads}{calibration}{glossary}</main>\n</body>\n</html>\n",
        title = escape(&results.title),
        runs = wording::count(results.runs.len() as u64),
        blocks = wording::count(results.blocks as u64),
        agents = wording::count(results.agents as u64),
        table = table(&cells),
        frontier = frontier(&cells),
        spreads = spreads(results, &cells),
        calibration = calibration(results),
        glossary = glossary(),
    )
}

/// A value as its figure's name says: money, a share, or a number.
fn shown(name: &str, value: f64) -> String {
    if name.ends_with("_usd") {
        wording::usd(value)
    } else if matches!(name, "liquidated" | "wrongful") {
        wording::count(value.round() as u64)
    } else if matches!(name, "branching") {
        format!("{value:.2}")
    } else {
        format!("{:.2} %", value * 100.0)
    }
}

fn table(cells: &[CellSummary]) -> String {
    let heading = |(_, heading, tail): &(&str, &str, bool)| {
        let small = if *tail { "median <small>worst 5 %</small>" } else { "median" };
        format!("<th scope=\"col\">{heading}<br><small>{small}</small></th>")
    };
    let row = |cell: &CellSummary| {
        let figures = COLUMNS.iter().map(|(name, _, tail)| {
            let spread = cell.of(name);
            let tail = if *tail { format!(" <small>{}</small>", shown(name, spread.tail)) } else { String::new() };
            format!("<td class=\"figure\">{}{tail}</td>", shown(name, spread.median))
        });
        format!("<tr><th scope=\"row\">{}</th>{}</tr>\n", escape(&cell.label()), figures.collect::<String>())
    };
    format!(
        "<section>\n<h2>Cells</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">settings</th>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n</section>\n",
        COLUMNS.iter().map(heading).collect::<String>(),
        cells.iter().map(row).collect::<String>(),
    )
}

/// What safety costs: one point a cell, joined by the setting that varies fastest.
fn frontier(cells: &[CellSummary]) -> String {
    if cells.len() < 2 {
        return String::new();
    }
    let mut groups: Vec<(String, Vec<&CellSummary>)> = Vec::new();
    for cell in cells {
        // The setting with a line of its own is the first: points of one line differ in the others.
        let name = match &cell.settings[..] {
            [first, _, ..] => label_of(first),
            _ => "cells".to_owned(),
        };
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, group)) => group.push(cell),
            None => groups.push((name, vec![cell])),
        }
    }
    let plot = |title: &str, up: &str, of: &dyn Fn(&CellSummary) -> f64| Plot {
        title: title.to_owned(),
        across: "initial margin over notional, percent".to_owned(),
        up: up.to_owned(),
        logarithmic: false,
        lines: groups
            .iter()
            .map(|(name, group)| {
                let mut points: Vec<(f64, f64)> =
                    group.iter().map(|cell| (cell.of("margin_per_notional").mean * 100.0, of(cell))).collect();
                points.sort_by(|one, other| one.0.total_cmp(&other.0));
                Line { points, ..Line::new(name) }
            })
            .collect(),
    };
    let plots = [
        plot("What safety costs", "loss beyond defaulters, mean of the worst 5 % of runs, USD", &|cell| {
            cell.of("loss_usd").tail
        }),
        plot("And the fund", "fund's fall, mean of the worst 5 % of runs, USD", &|cell| {
            cell.of("fund_drawdown_usd").tail
        }),
    ];
    format!(
        "<section>\n<h2>Efficiency against safety</h2>\n<p class=\"reading\">Each point is a cell. Left asks members for less margin; low loses less. A point with another \
         that is both lower and further left is never worth choosing.</p>\n<div class=\"grid\">{}</div>\n</section>\n",
        plots.iter().map(lines::figure).collect::<String>()
    )
}

/// The share of runs at or below a value, for each cell.
fn spreads(results: &Results, cells: &[CellSummary]) -> String {
    let plot = |(name, title): &(&str, &str)| {
        let place = place_of(name).expect("a figure of FIGURES");
        let money = name.ends_with("_usd");
        let line = |(at, cell): (usize, &CellSummary)| {
            let values = results.sorted(at, place);
            let count = values.len() as f64;
            let scale = if money { 1.0 } else { 100.0 };
            let steps = values.iter().enumerate().map(|(at, value)| ((at + 1) as f64 / count * 100.0, value * scale));
            Line { points: steps.collect(), ..Line::new(&cell.label()) }
        };
        let plot = Plot {
            title: (*title).to_owned(),
            across: "percent of runs at or below".to_owned(),
            up: if money { "USD" } else { "percent" }.to_owned(),
            logarithmic: false,
            lines: cells.iter().enumerate().take(MOST_LINES).map(line).collect(),
        };
        lines::figure(&plot)
    };
    let note = if cells.len() > MOST_LINES {
        format!("<p class=\"reading\">The first {MOST_LINES} cells.</p>\n")
    } else {
        String::new()
    };
    format!(
        "<section>\n<h2>How figures are spread over runs</h2>\n{note}<div class=\"grid\">{}</div>\n</section>\n",
        SPREADS.iter().map(plot).collect::<String>()
    )
}

fn calibration(results: &Results) -> String {
    let calibration = &results.calibration;
    let row = |name: &str, value: String| {
        format!("<tr><th scope=\"row\">{}</th><td class=\"figure\">{value}</td></tr>\n", escape(name))
    };
    let mut rows = row("source", escape(&calibration.source));
    rows.push_str(&row("joint returns", wording::count(calibration.returns as u64)));
    rows.push_str(&row("seconds between them", format!("{}", calibration.step_s)));
    rows.push_str(&row("largest fall within an hour", format!("{:.1} %", calibration.largest_hourly_fall * 100.0)));
    for (symbol, volatility) in &calibration.daily_volatility {
        rows.push_str(&row(&format!("{symbol}: deviation a day at that step"), format!("{:.1} %", volatility * 100.0)));
    }
    for (name, value) in &calibration.figures {
        rows.push_str(&row(name, format!("{value:.4}")));
    }
    format!(
        "<section>\n<h2>Where prices come from</h2>\n<div class=\"scroll\"><table><tbody>\n{rows}</tbody></table></div>\n</section>\n"
    )
}

fn glossary() -> String {
    let row = |(name, says): &(&str, &str)| {
        format!("<tr><th scope=\"row\"><code>{name}</code></th><td>{}</td></tr>\n", escape(says))
    };
    format!(
        "<section>\n<h2>What the figures say</h2>\n<div class=\"scroll\"><table><tbody>\n{}</tbody></table></div>\n</section>\n",
        FIGURES.iter().map(row).collect::<String>()
    )
}

//! Decides what a backtest's report says: every rule at every level, margin over time against what happened, and each series by itself.

use super::wording::{self, escape};
use super::{POLICY, ReportError, STYLE, lines};
use crate::backtest::{Backtest, Judged, RULES, Rule, Summary, Verdict};
use crate::museum::exhibit::{Line, Plot};
use std::path::{Path, PathBuf};

/// The file that [`write`] writes inside its folder.
pub const BACKTEST_FILE: &str = "backtest.html";
/// The rules whose margin is drawn over time.
const DRAWN: [&str; 3] = ["flat rate", "filtered history", "Seawall initial"];
/// The rules whose cost is drawn against what it buys: as many as there are colours.
const COMPARED: [&str; 6] =
    ["Seawall initial", "flat rate", "static range", "EWMA, normal", "GARCH(1,1), normal", "filtered history"];
/// Points of a line at most: what a screen can show.
const POINTS: usize = 700;

/// Writes the report into `dir`, which is made if it is missing, and answers the file's path.
///
/// # Errors
/// [`ReportError::Write`] when the folder or the file cannot be written.
pub fn write(dir: &Path, found: &Backtest) -> Result<PathBuf, ReportError> {
    let path = dir.join(BACKTEST_FILE);
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, page(found)));
    written.map_err(|source| ReportError::Write { path: path.clone(), source })?;
    Ok(path)
}

fn page(found: &Backtest) -> String {
    let mut levels: Vec<f64> = found.judged.iter().map(|judged| judged.level).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let span = |(name, train, test): &(String, usize, usize)| {
        line(name, &[wording::count(*train as u64), wording::count(*test as u64)])
    };
    let middle = levels[levels.len() / 2];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>Margin, judged</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main id=\"museum\">\n\
         <header>\n<p class=\"over\">Hour by hour, long and short, rules calibrated on the first half and judged on the second</p>\n\
         <h1>Margin, judged</h1>\n</header>\n{plots}{tables}\
         <p class=\"reading\">Fits, under, over: sides of series whose exceedances are as many as they should be, too many, too few (Kupiec at 5 %). Scattered: \
         sides whose exceedances do not come in clusters (Christoffersen at 5 %). Rises and the worst hour: the worst of all series.</p>\n{series}\
         <section>\n<h2>Series</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th></th><th>hours that calibrate</th><th>hours judged</th></tr></thead>\n\
         <tbody>\n{spans}</tbody>\n</table></div>\n</section>\n</main>\n</body>\n</html>\n",
        plots = plots(found, &levels),
        series = by_series(found, middle),
        spans = found.series.iter().map(span).collect::<String>(),
        tables = levels.iter().map(|level| level_section(found, *level)).collect::<String>(),
    )
}

fn plots(found: &Backtest, levels: &[f64]) -> String {
    let frontier = |title: &str, up: &str, of: &dyn Fn(&Summary) -> f64| {
        let line = |name: &&str| {
            let at = |level: &f64| found.summary(name, *level);
            let mut points: Vec<(f64, f64)> =
                levels.iter().map(at).map(|summary| (summary.average * 100.0, of(&summary))).collect();
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            Line { points, ..Line::new(name) }
        };
        lines::figure(&Plot {
            title: title.to_owned(),
            across: "mean margin, percent of notional; an end of a line is a level".to_owned(),
            up: up.to_owned(),
            logarithmic: true,
            lines: COMPARED.iter().map(line).collect(),
        })
    };
    let courses: String = found.losses.iter().map(|(series, losses)| course(found, series, losses)).collect();
    format!(
        "<section>\n<h2>Margin over time</h2>\n<div class=\"grid\">{courses}</div>\n</section>\n\
         <section>\n<h2>What margin costs, and what it buys</h2>\n<div class=\"grid\">{}{}</div>\n</section>\n",
        frontier("The worst hour", "largest loss over its margin, any series", &|own| own.largest_over_margin),
        frontier("The worst margin call", "largest margin over the smallest, any series", &|own| own.peak_to_trough),
    )
}

/// Margin of a long over time, and what a long lost.
fn course(found: &Backtest, series: &str, losses: &[(f64, f64)]) -> String {
    let of = |name: &&str| found.courses.iter().find(|course| course.rule == *name && course.series == series);
    let line = |name: &str, points: &[(f64, f64)]| Line { points: largest(points), ..Line::new(name) };
    let mut drawn = vec![line("loss of a long", losses)];
    drawn.extend(DRAWN.iter().filter_map(of).map(|course| line(course.rule, &course.points)));
    lines::figure(&Plot {
        title: format!("A long of {series}"),
        across: "days judged; the largest of each stretch".to_owned(),
        up: "percent of notional".to_owned(),
        logarithmic: false,
        lines: drawn,
    })
}

/// The largest value of each of a few hundred stretches, in percent, by day.
fn largest(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stretch = points.len().div_ceil(POINTS).max(1);
    let most = |some: &[(f64, f64)]| (some[0].0 / 24.0, some.iter().map(|point| point.1).fold(0.0, f64::max) * 100.0);
    points.chunks(stretch).map(most).collect()
}

fn level_section(found: &Backtest, level: f64) -> String {
    let row = |rule: &Rule| {
        let own = found.summary(rule.name, level);
        let rise = |at: usize| format!("+{:.0} %", own.rises[at] * 100.0);
        let cells = [
            format!("{:.3} %", own.coverage * 100.0),
            format!("{} / {} / {}", own.fits, own.under, own.over),
            own.scattered.to_string(),
            format!("{:.2} %", own.average * 100.0),
            format!("{:.1}", own.largest_over_margin),
            format!("{:.1}", own.peak_to_trough),
            rise(0),
            rise(1),
            rise(2),
        ];
        line(rule.name, &cells)
    };
    format!(
        "<section>\n<h2>Level {} %</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>rule</th><th>covered</th><th>fits / under / over</th>\
         <th>scattered</th><th>mean margin</th><th>worst loss / margin</th><th>peak / trough</th><th>most in a day</th><th>in 5 days</th>\
         <th>in 30 days</th></tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n</section>\n",
        wording::plain(level * 100.0),
        RULES.iter().map(row).collect::<String>()
    )
}

/// Hours covered, a row a rule and a column a series.
fn by_series(found: &Backtest, level: f64) -> String {
    let heads: String = found.series.iter().map(|(name, _, _)| format!("<th>{}</th>", escape(name))).collect();
    let row = |rule: &Rule| {
        let cell = |judged: &&Judged| {
            let said = |verdict: Verdict| judged.score.sides.iter().any(|side| side.verdict == verdict);
            let mark = if said(Verdict::Under) {
                " ↓"
            } else if said(Verdict::Over) {
                " ↑"
            } else {
                ""
            };
            format!("{:.2} %{mark}", judged.score.coverage * 100.0)
        };
        line(rule.name, &found.of(rule.name, level).iter().map(cell).collect::<Vec<_>>())
    };
    format!(
        "<section>\n<h2>Series by series, level {} %</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>hours covered</th>{heads}</tr></thead>\n\
         <tbody>\n{}</tbody>\n</table></div>\n<p class=\"reading\">↓ too many exceedances on a side, ↑ too few (Kupiec, 5 %).</p>\n</section>\n",
        wording::plain(level * 100.0),
        RULES.iter().map(row).collect::<String>()
    )
}

fn line(head: &str, cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td class=\"figure\">{cell}</td>")).collect();
    format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(head))
}

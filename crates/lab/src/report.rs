//! Decides what the report of a drill says, and writes it as one HTML file that needs nothing else.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use plotly::Plot;
use serde_json::json;

use crate::outcome::{Outcome, Runs, Series};

pub mod backtest;
pub mod book;
pub mod museum;
pub mod simulation;
pub mod contagion;
mod figures;
mod lines;
mod sampling;
mod strips;
mod tables;
mod systemic;
mod wording;

use figures::{Figure, Group, Plots};
use wording::{clock, date, escape};

/// The file that [`write_report`] writes inside its folder.
pub const REPORT_FILE: &str = "report.html";

/// A drill cleared under the rules under test.
#[derive(Debug, Clone, PartialEq)]
pub struct Drill {
    /// One line that a stranger understands.
    pub title: String,
    /// The figures of the run that the plots show.
    pub outcome: Outcome,
    /// Its course.
    pub series: Series,
    /// Other seeds of the same drill, for the table of their spread.
    pub runs: Option<Runs>,
}

/// The same drill on the model of a venue of the day.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Its figures, in the same terms. Latency is in seconds where the drill has a block a second.
    pub outcome: Outcome,
    /// Its course.
    pub series: ComparedSeries,
    /// Cases that show why it lost, the most telling first.
    pub cases: Vec<Case>,
}

/// How the venue of the day went over time. Every `Vec<f64>` is as long as `time_ms`, NaN where there is no value, or empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ComparedSeries {
    /// Times of the samples, unix milliseconds UTC, ascending.
    pub time_ms: Vec<i64>,
    /// One entry a symbol.
    pub marks: Vec<MarkSeries>,
    /// Accounts waiting for a keeper.
    pub queue_length: Vec<f64>,
    /// Accounts first acted on since the sample before.
    pub liquidations: Vec<f64>,
    /// Positions auto-deleveraged since the sample before.
    pub deleveraged: Vec<f64>,
    /// The fund at the venue's own marks, USD.
    pub fund_usd: Vec<f64>,
}

/// A venue's own price of one symbol beside what honest venues said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MarkSeries {
    /// The symbol.
    pub symbol: String,
    /// What the venue used, USD.
    pub own_mark: Vec<f64>,
    /// Median of the honest venues, USD.
    pub honest_median: Vec<f64>,
}

/// One readable case.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// `wrongful`, `late`, `bankrupt` or `deleveraged`; other words are shown as they are.
    pub kind: String,
    /// When, unix milliseconds UTC.
    pub time_ms: i64,
    /// The account, as a reader may know it.
    pub account: String,
    /// The symbol at issue.
    pub symbol: String,
    /// The venue's own mark, USD.
    pub own_price_usd: f64,
    /// Median of the honest venues, USD.
    pub honest_price_usd: f64,
    /// What was at issue, USD.
    pub amount_usd: f64,
    /// What happened, in a sentence.
    pub text: String,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder or the file could not be made.
    #[error("report not written: {path}: {source}")]
    Write {
        /// Folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Writes the report into `dir`, which is made if it is missing, and answers the file's path. `notes` are sentences about sources
/// and assumptions, shown at the end. An existing report is replaced.
///
/// # Errors
/// [`ReportError::Write`] when the folder or the file cannot be written.
pub fn write_report(
    dir: &Path,
    drill: &Drill,
    compared: Option<&Compared>,
    notes: &[String],
) -> Result<PathBuf, ReportError> {
    let path = dir.join(REPORT_FILE);
    let page = page(drill, compared, notes);
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, page));
    written.map_err(|source| ReportError::Write { path: path.clone(), source })?;
    Ok(path)
}

const STYLE: &str = include_str!("report/page.css");
const SCRIPT: &str = include_str!("report/page.js");
/// Fetches nothing, whatever a plot or a text contains.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; font-src data:";

/// The whole page.
fn page(drill: &Drill, compared: Option<&Compared>, notes: &[String]) -> String {
    let plots = figures::plots(&drill.series, compared);
    let sections = [
        header(drill),
        tables::cards(&drill.outcome, compared.map(|compared| &compared.outcome)),
        tables::summary(&drill.outcome, compared),
        compared.map(tables::cases).unwrap_or_default(),
        tables::feeds(&drill.outcome),
        contents(&plots.groups),
        plots.groups.iter().map(section).collect(),
        drill.series.systemic.as_ref().map(systemic::streams).unwrap_or_default(),
        drill.runs.as_ref().map(tables::seeds).unwrap_or_default(),
        tables::notes(&drill.outcome, notes),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <script type=\"application/json\" id=\"plots\">{data}</script>\n{library}\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        title = escape(&drill.title),
        body = sections.concat(),
        data = plot_data(&plots),
        library = library(),
    )
}

/// The plotting library's own script. The crate hands it out together with a typesetter of formulas, which no plot here needs.
fn library() -> String {
    const END: &str = "</script>";
    let mut scripts = Plot::offline_js_sources();
    if let Some(end) = scripts.find(END) {
        scripts.truncate(end + END.len());
    }
    scripts
}

/// Plots and shared times as JSON. `<` is written as an escape so that no text inside can end the script.
fn plot_data(plots: &Plots) -> String {
    let figures: Vec<_> = plots.groups.iter().flat_map(|group| &group.figures).collect();
    let drawn = |figure: &Figure| json!({ "timed": figure.timed, "plot": &figure.plot });
    let data = json!({
        "arrays": {
            "times": plots.times_ms,
            "compared_times": plots.compared_times_ms,
            "minutes": plots.minutes_ms,
        },
        "focus": [plots.focus_ms.0, plots.focus_ms.1],
        "figures": figures.into_iter().filter(|figure| !figure.is_empty()).map(drawn).collect::<Vec<_>>(),
    });
    data.to_string().replace('<', "\\u003c")
}

fn header(drill: &Drill) -> String {
    let outcome = &drill.outcome;
    let window = match &*drill.series.time_ms {
        [first, .., last] if date(*first) == date(*last) => {
            format!("{}, {} to {} UTC", date(*first), clock(*first), clock(*last))
        }
        [first, .., last] => format!("{} {} to {} {} UTC", date(*first), clock(*first), date(*last), clock(*last)),
        _ => "no samples recorded".to_owned(),
    };
    format!(
        "<header>\n<p class=\"over\">Drill {name} · seed {seed}</p>\n<h1>{title}</h1>\n\
         <p class=\"lead\">{window} · {accounts} accounts · {blocks} blocks</p>\n</header>\n",
        name = escape(&outcome.name),
        seed = outcome.seed,
        title = escape(&drill.title),
        accounts = wording::count(outcome.accounts),
        blocks = wording::count(outcome.blocks),
    )
}

fn contents(groups: &[Group]) -> String {
    let links = groups.iter().map(|group| format!("<a href=\"#{}\">{}</a>", group.id, group.title));
    format!(
        "<nav aria-label=\"Plots\"><span class=\"links\">{}</span><span class=\"zoom\" role=\"group\" \
         aria-label=\"Time shown in all plots\">\
         <button type=\"button\" data-zoom=\"focus\" aria-pressed=\"true\">The crash</button>\
         <button type=\"button\" data-zoom=\"all\" aria-pressed=\"false\">Whole window</button></span></nav>\n\
         <noscript><p>The plots need scripts, which are inside this file; the tables do not.</p></noscript>\n",
        links.collect::<String>()
    )
}

fn section(group: &Group) -> String {
    let mut html = format!(
        "<section id=\"{}\">\n<h2>{}</h2>\n<p class=\"reading\">{}</p>\n{}<div class=\"grid\">\n",
        group.id,
        group.title,
        group.reading,
        shared_key(group).map(|keys| key_list(&keys)).unwrap_or_default(),
    );
    let shared = shared_key(group).is_some();
    group.figures.iter().for_each(|figure| figure_html(&mut html, figure, shared));
    html.push_str("</div>\n</section>\n");
    html
}

/// The legend of a group whose figures all draw the same things, so that it stands once above them.
fn shared_key(group: &Group) -> Option<Vec<figures::Key>> {
    let mut drawn = group.figures.iter().filter(|figure| !figure.is_empty());
    let first = &drawn.next()?.key;
    (drawn.clone().count() > 0 && !first.is_empty() && drawn.all(|figure| figure.key == *first)).then(|| first.clone())
}

fn key_list(keys: &[figures::Key]) -> String {
    let items = keys.iter().map(|key| {
        format!(
            "<li><i class=\"{}\" style=\"--k:var(--{})\"></i>{}</li>",
            key.stroke,
            key.colour.trim_start_matches('@'),
            escape(&key.name)
        )
    });
    format!("<ul class=\"key\">{}</ul>\n", items.collect::<String>())
}

fn figure_html(html: &mut String, figure: &Figure, shared: bool) {
    let (title, caption) = (escape(&figure.title), escape(&figure.caption));
    let wide = if figure.wide { " class=\"wide\"" } else { "" };
    let plot = if figure.is_empty() {
        "<p class=\"nothing\">Nothing recorded.</p>\n".to_owned()
    } else {
        format!(
            "<div class=\"plot\" role=\"img\" aria-label=\"{title}. {caption}\" style=\"height:{}px\"></div>\n",
            figure.height
        )
    };
    let key = if shared || figure.is_empty() { String::new() } else { key_list(&figure.key) };
    // Writing into a String cannot fail.
    let _ = writeln!(
        html,
        "<figure{wide}>\n<h3>{title} <small>{}</small></h3>\n{key}{plot}<figcaption>{caption}</figcaption>\n</figure>",
        figure.unit
    );
}

#[cfg(test)]
mod tests;

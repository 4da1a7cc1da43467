//! `seawall drill run --all`, or one incident of the museum: the old rules on what happened, then the clearing core.

use super::RunArgs;
use crate::failure::Failure;
use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use lab::museum::{ALL, Exhibit, Figure, Held, Shown};
use lab::report::museum as report;
use std::path::Path;
use std::time::Duration;

/// The exhibit of this name.
pub(super) fn find(name: &str) -> Option<&'static Exhibit> {
    ALL.iter().find(|exhibit| exhibit.name == name)
}

/// Plays exhibits and shows them; answers the exit code.
pub(super) fn run(args: &RunArgs, exhibits: &[Exhibit]) -> Result<u8, Failure> {
    let shown = play(args, exhibits)?;
    let report = args.report.as_deref().map(|dir| report::write(dir, &shown)).transpose();
    let report = report.map_err(|error| Failure::io(&error))?;
    let all_prove = shown.iter().all(Shown::proves_its_point);
    if args.json {
        output::print_json(&shown)?;
    } else {
        output::print(&text(&shown, args.all, report.as_deref()))?;
    }
    Ok(u8::from(!all_prove))
}

fn play(args: &RunArgs, exhibits: &[Exhibit]) -> Result<Vec<Shown>, Failure> {
    let bar = ProgressBar::new(exhibits.len() as u64);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:32} {pos}/{len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut shown = Vec::new();
    for exhibit in exhibits {
        bar.set_message(format!("{}, {} choices", exhibit.name, args.tries));
        shown.push(exhibit.show(args.tries as usize, args.seed).map_err(Failure::data)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(shown)
}

fn text(shown: &[Shown], all: bool, report: Option<&Path>) -> String {
    let mut text = match shown {
        [one] if !all => format!("{}\n{}, {}\n\n{}\n", one.card.title, one.card.venue, one.card.when, details(one)),
        _ => format!("{}\n\n", overview(shown)),
    };
    for incident in shown.iter().filter(|incident| !incident.proves_its_point()) {
        text.push_str(&faults(incident));
    }
    if shown.iter().all(Shown::proves_its_point) {
        text.push_str("every old rule lost what was recorded, and every bound held\n");
    }
    if let Some(path) = report {
        text.push_str(&format!("report: {}\n", path.display()));
    }
    text
}

/// One row an incident.
fn overview(shown: &[Shown]) -> comfy_table::Table {
    let tries = shown.iter().filter_map(|incident| incident.worst.as_ref()).map(|worst| worst.tried).max().unwrap_or(0);
    let worst_of = format!("worst of {tries}");
    let header =
        ["incident", "recorded loss", "old rules lose", "Seawall: others lose", &worst_of, "attacker gains", "held by"];
    let mut table = output::table(&header);
    for incident in shown {
        let recorded = &incident.card.recorded;
        let worst = incident.worst.as_ref().map(|worst| &worst.held);
        table.add_row([
            incident.name.clone(),
            range(recorded.low, recorded.high, &recorded.unit),
            amount(incident.as_it_was.loss, &recorded.unit),
            output::usd(others_lose(&incident.historic)),
            worst.map_or_else(|| "–".to_owned(), |held| output::usd(others_lose(held))),
            worst.unwrap_or(&incident.historic).attacker_gain_usd.map_or_else(|| "–".to_owned(), output::usd),
            rules(incident),
        ]);
    }
    output::align_right(&mut table, 1..=5);
    table
}

/// Both ways of one incident, figure by figure.
fn details(shown: &Shown) -> String {
    let recorded = &shown.card.recorded;
    let mut old = output::table(&["as it was", "found", "recorded"]);
    let unit = &recorded.unit;
    let lost = format!("{}, {unit}", recorded.what);
    old.add_row([lost, plain(shown.as_it_was.loss), range(recorded.low, recorded.high, unit)]);
    for figure in &shown.as_it_was.figures {
        let recorded = figure.recorded.map_or_else(String::new, |[low, high]| range(low, high, ""));
        old.add_row([figure.name.clone(), plain(figure.found), recorded]);
    }
    output::align_right(&mut old, 1..=2);
    let mut runs = vec![("historic choice", &shown.historic)];
    runs.extend(shown.worst.as_ref().map(|worst| ("worst choice", &worst.held)));
    let mut header = vec!["under Seawall"];
    header.extend(runs.iter().map(|(name, _)| *name));
    let mut new = output::table(&header);
    for (name, cell) in figure_rows(&shown.historic.figures) {
        let mut row = vec![name];
        row.extend(runs.iter().map(|(_, held)| cell(held)));
        new.add_row(row);
    }
    output::align_right(&mut new, 1..=runs.len());
    let mut text = format!("{old}\n\n{new}\n");
    if let Some(worst) = &shown.worst {
        text.push_str(&format!("\nworst of {} choices:\n", worst.tried));
        for (name, value) in &worst.choice {
            text.push_str(&format!("  {name}: {}\n", plain(*value)));
        }
    }
    text.push_str(&format!("\nheld by:\n  {}\n", shown.card.rules.join("\n  ")));
    text
}

type Cell = Box<dyn Fn(&Held) -> String>;

fn figure_rows(figures: &[Figure]) -> Vec<(String, Cell)> {
    let mut rows: Vec<(String, Cell)> = vec![
        ("members who did nothing bore".to_owned(), Box::new(|held: &Held| output::usd(held.bad_debt_usd))),
        ("own capital and fund lost".to_owned(), Box::new(|held: &Held| output::usd(held.venue_loss_usd))),
        (
            "attacker gained".to_owned(),
            Box::new(|held: &Held| held.attacker_gain_usd.map_or_else(|| "–".to_owned(), output::usd)),
        ),
        ("liquidated although sound".to_owned(), Box::new(|held: &Held| output::count(held.wrongful_liquidations))),
    ];
    for (at, figure) in figures.iter().enumerate() {
        let cell = move |held: &Held| held.figures.get(at).map_or_else(String::new, |own| plain(own.found));
        rows.push((figure.name.clone(), Box::new(cell)));
    }
    rows
}

/// What is not as promised, a line each.
fn faults(shown: &Shown) -> String {
    let recorded = &shown.card.recorded;
    let mut text = String::new();
    if !shown.reproduced {
        let found = amount(shown.as_it_was.loss, &recorded.unit);
        let range = range(recorded.low, recorded.high, &recorded.unit);
        text.push_str(&format!("{}: the old rules lose {found}, recorded {range}\n", shown.name));
    }
    for beyond in &shown.beyond {
        text.push_str(&format!("{}: {beyond}\n", shown.name));
    }
    text
}

/// A figure without places that say nothing.
fn plain(value: f64) -> String {
    output::plain(if value.abs() >= 1_000.0 { value.round() } else { value })
}

fn others_lose(held: &Held) -> f64 {
    held.bad_debt_usd + held.venue_loss_usd.max(0.0)
}

/// `R4.3 R7.4` of sentences that begin with them.
fn rules(shown: &Shown) -> String {
    let numbers: Vec<&str> = shown.card.rules.iter().filter_map(|rule| rule.split_whitespace().next()).collect();
    numbers.join(" ")
}

fn amount(value: f64, unit: &str) -> String {
    if unit == "USD" { output::usd(value) } else { format!("{} {unit}", plain(value)) }
}

fn range(low: f64, high: f64, unit: &str) -> String {
    let shown = |value: f64| if unit == "USD" { output::usd(value) } else { plain(value) };
    let unit = if unit == "USD" || unit.is_empty() { String::new() } else { format!(" {unit}") };
    if low == high { format!("{}{unit}", shown(low)) } else { format!("{} to {}{unit}", shown(low), shown(high)) }
}

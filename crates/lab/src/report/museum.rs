//! Decides what the museum's report says: one table of all incidents, then each with its story, both ways, and the worst choice.

use super::wording::{self, escape};
use super::{POLICY, ReportError, STYLE, lines};
use crate::museum::exhibit::{Figure, Held, Shown, Worst};
use std::path::{Path, PathBuf};

/// The file that [`write`] writes inside its folder.
pub const MUSEUM_FILE: &str = "museum.html";

/// Writes the report into `dir`, which is made if it is missing, and answers the file's path.
///
/// # Errors
/// [`ReportError::Write`] when the folder or the file cannot be written.
pub fn write(dir: &Path, shown: &[Shown]) -> Result<PathBuf, ReportError> {
    let path = dir.join(MUSEUM_FILE);
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, page(shown)));
    written.map_err(|source| ReportError::Write { path: path.clone(), source })?;
    Ok(path)
}

fn page(shown: &[Shown]) -> String {
    let wrong = shown.iter().filter(|shown| !shown.proves_its_point()).count();
    let verdict = match wrong {
        0 => "Every old rule lost what was recorded, and every bound held.".to_owned(),
        _ => format!("{wrong} of them do not prove their point: they are marked."),
    };
    let sections: String = shown.iter().map(section).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>The museum</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main id=\"museum\">\n\
         <header>\n<p class=\"over\">Incidents that broke a protocol, each played twice</p>\n<h1>The museum</h1>\n\
         <p class=\"lead\">{count} incidents. {verdict}</p>\n</header>\n{table}{sections}</main>\n</body>\n</html>\n",
        count = shown.len(),
        table = overview(shown),
    )
}

fn overview(shown: &[Shown]) -> String {
    let row = |shown: &Shown| {
        let unit = &shown.card.recorded.unit;
        let worst = shown.worst.as_ref().map(|worst| &worst.held);
        format!(
            "<tr><th scope=\"row\"><a href=\"#{name}\">{title}</a></th><td>{recorded}</td><td class=\"figure\">{lost}</td>\
             <td class=\"figure\">{historic}</td><td class=\"figure\">{worst}</td><td class=\"figure\">{gain}</td><td>{mark}</td></tr>\n",
            name = escape(&shown.name),
            title = escape(short(&shown.card.title)),
            recorded = escape(&range(shown.card.recorded.low, shown.card.recorded.high, unit)),
            lost = amount(shown.as_it_was.loss, unit),
            historic = wording::usd(others_lost(&shown.historic)),
            worst = worst.map_or_else(|| wording::NOTHING.to_owned(), |held| wording::usd(others_lost(held))),
            gain = worst
                .unwrap_or(&shown.historic)
                .attacker_gain_usd
                .map_or_else(|| wording::NOTHING.to_owned(), wording::usd),
            mark = mark(shown.proves_its_point()),
        )
    };
    let rows: String = shown.iter().map(row).collect();
    format!(
        "<section>\n<h2>All of them</h2>\n<p class=\"reading\">Others lost: members who did nothing, the pool's own capital and its fund. \
         The worst choice is the one that a search over what the attacker or the market may choose found.</p>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th>Incident</th><th>Recorded</th><th>Old rules lose</th>\
         <th>Seawall: others lost</th><th>at the worst choice</th><th>the attacker gains</th><th></th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>\n</section>\n"
    )
}

/// What anybody but an attacker lost.
fn others_lost(held: &Held) -> f64 {
    held.bad_debt_usd + held.venue_loss_usd.max(0.0)
}

fn section(shown: &Shown) -> String {
    let card = &shown.card;
    let beyond: String = shown.beyond.iter().map(|found| format!("<li>{}</li>", escape(found))).collect();
    let plots = |plots: &[crate::museum::exhibit::Plot]| -> String { plots.iter().map(lines::figure).collect() };
    let list =
        |entries: &[String]| -> String { entries.iter().map(|entry| format!("<li>{}</li>", escape(entry))).collect() };
    format!(
        "<section id=\"{name}\">\n<h2>{title}</h2>\n<p class=\"over\">{venue}, {when}</p>\n{story}\
         <h3>As it was</h3>\n{old}<div class=\"grid\">{old_plots}</div>\n\
         <h3>Under Seawall, as it was chosen in history</h3>\n{new}<div class=\"grid\">{new_plots}</div>\n{worst}\
         {beyond}<details><summary>Rules, assumptions, sources</summary><ul>{rules}</ul><ul>{assumptions}</ul><ul>{sources}</ul></details>\n\
         </section>\n",
        name = escape(&shown.name),
        title = escape(&card.title),
        venue = escape(&card.venue),
        when = escape(&card.when),
        story = story(&shown.story),
        old = old_rules(shown),
        old_plots = plots(&shown.as_it_was.plots),
        new = held_table(&shown.historic),
        new_plots = plots(&shown.historic.plots),
        worst = shown.worst.as_ref().map(worst_choice).unwrap_or_default(),
        beyond = if beyond.is_empty() { String::new() } else { format!("<ul class=\"missed\">{beyond}</ul>\n") },
        rules = list(&card.rules),
        assumptions = list(&card.assumptions),
        sources = list(&card.sources),
    )
}

fn old_rules(shown: &Shown) -> String {
    let recorded = &shown.card.recorded;
    let lost = format!("Lost: {}, {}", recorded.what, recorded.unit);
    let first = Figure { name: lost, found: shown.as_it_was.loss, recorded: Some([recorded.low, recorded.high]) };
    let rows: String = [&first].into_iter().chain(&shown.as_it_was.figures).map(figure_row).collect();
    format!(
        "<div class=\"scroll\"><table>\n<thead><tr><th></th><th>Found</th><th>Recorded</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn figure_row(figure: &Figure) -> String {
    let recorded = figure.recorded.map_or_else(String::new, |[low, high]| range(low, high, ""));
    let inside = figure.recorded.is_none_or(|[low, high]| (low..=high).contains(&figure.found));
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"figure\">{}</td><td>{} {}</td></tr>\n",
        escape(&figure.name),
        plain(figure.found),
        escape(&recorded),
        if figure.recorded.is_some() { mark(inside) } else { String::new() },
    )
}

fn held_table(held: &Held) -> String {
    let money = |what: &str, usd: f64| (what.to_owned(), wording::usd(usd));
    let mut rows = vec![
        money("Members who did nothing bore", held.bad_debt_usd),
        money("The pool's own capital and fund lost", held.venue_loss_usd),
    ];
    rows.extend(held.attacker_gain_usd.map(|gain| money("The attacker gained", gain)));
    rows.push(("Liquidated although sound".to_owned(), wording::count(held.wrongful_liquidations)));
    rows.extend(held.figures.iter().map(|figure| (figure.name.clone(), plain(figure.found))));
    rows.extend(held.refused.iter().map(|(name, times)| (format!("Refused: {name}"), wording::count(*times))));
    let row = |(what, value): (String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td class=\"figure\">{}</td></tr>\n", escape(&what), escape(&value))
    };
    let rows: String = rows.into_iter().map(row).collect();
    format!("<div class=\"scroll\"><table>\n<tbody>\n{rows}</tbody>\n</table></div>\n")
}

fn worst_choice(worst: &Worst) -> String {
    let choice = worst.choice.iter().map(|(name, value)| format!("{}: {}", escape(name), plain(*value)));
    let choice: Vec<String> = choice.collect();
    let plots: String = worst.held.plots.iter().map(lines::figure).collect();
    format!(
        "<h3>Under Seawall, the worst of {} choices</h3>\n<p class=\"reading\">{}</p>\n{}<div class=\"grid\">{plots}</div>\n",
        wording::count(worst.tried as u64),
        choice.join(" · "),
        held_table(&worst.held),
    )
}

/// The story's paragraphs: bold words and the words of links are kept, their addresses are not, because the page stands alone.
fn story(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty() && !part.starts_with('#'));
    let shown = paragraphs.filter(|part| !part.contains("](exhibit.toml)"));
    shown
        .map(|part| format!("<p class=\"reading\">{}</p>\n", marked(&marked(&escape(part), "**", "b"), "*", "em")))
        .collect()
}

/// What stands between two marks, as this element; a mark without a second one stays.
fn marked(text: &str, mark: &str, element: &str) -> String {
    if text.matches(mark).count() % 2 == 1 {
        return text.to_owned();
    }
    let parts = text.split(mark).enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("<{element}>{part}</{element}>") } else { part.to_owned() })
        .collect()
}

/// A figure without places that say nothing.
fn plain(value: f64) -> String {
    wording::plain(if value.abs() >= 1_000.0 { value.round() } else { value })
}

fn short(title: &str) -> &str {
    title.split(':').next().unwrap_or(title)
}

fn amount(value: f64, unit: &str) -> String {
    if unit == "USD" { wording::usd(value) } else { format!("{} {}", plain(value), escape(unit)) }
}

fn range(low: f64, high: f64, unit: &str) -> String {
    let shown = |value: f64| if unit == "USD" { wording::usd(value) } else { plain(value) };
    let unit = if unit == "USD" || unit.is_empty() { String::new() } else { format!(" {unit}") };
    if low == high { format!("{}{unit}", shown(low)) } else { format!("{} to {}{unit}", shown(low), shown(high)) }
}

fn mark(good: bool) -> String {
    let (class, sign, words) = if good { ("kept", "✓", "as promised") } else { ("missed", "✗", "not as promised") };
    format!("<span class=\"{class}\"><span class=\"mark\" title=\"{words}\">{sign}</span></span>")
}

#[cfg(test)]
mod tests {
    use super::{page, story};
    use crate::museum::ALL;

    #[test]
    fn a_story_keeps_its_words_and_no_markup() {
        let html = story(
            "# Title\n\nOne **bold** <word>, *not* two; 3 * 4.\n\nOne *stress*.\n\nSources: [exhibit.toml](exhibit.toml).\n",
        );
        assert_eq!(
            html,
            "<p class=\"reading\">One <b>bold</b> &lt;word&gt;, *not* two; 3 * 4.</p>\n<p class=\"reading\">One <em>stress</em>.</p>\n"
        );
    }

    #[test]
    fn the_page_fetches_nothing_and_shows_every_incident() {
        let shown: Vec<_> = ALL.iter().take(1).map(|exhibit| exhibit.show(1, 1).expect("it is sound")).collect();
        let html = page(&shown);
        let section = format!("id=\"{}\"", shown[0].name);
        for expected in [&section, "As it was", "Under Seawall", "<svg", "Sources", "assumption"] {
            assert!(html.contains(expected) || html.contains(&expected.to_lowercase()), "{expected}");
        }
        assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("<script"), "{html}");
    }
}

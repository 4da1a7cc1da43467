//! Decides the tables and sentences of a report: key figures, Seawall beside the static venue, cases, feeds, seeds, notes.

use std::fmt::Write as _;

use crate::outcome::{LAYERS, Outcome, Runs, Spread};

use super::wording::{NOTHING, change, clock, count, escape, plain, price, usd};
use super::{Case, Compared};

/// Cases of one kind that are shown.
const CASES_PER_KIND: usize = 3;

/// Whether a figure is as promised, colours a card or a cell together with a word.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Kept,
    Missed,
    Neutral,
}

impl Verdict {
    fn of(kept: bool) -> Self {
        if kept { Self::Kept } else { Self::Missed }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Missed => "missed",
            Self::Neutral => "",
        }
    }

    /// Colour alone must not carry the meaning.
    fn mark(self) -> &'static str {
        match self {
            Self::Kept => "<span class=\"mark\" aria-label=\"promise kept\">✓</span>",
            Self::Missed => "<span class=\"mark\" aria-label=\"promise missed\">✗</span>",
            Self::Neutral => "",
        }
    }
}

/// The key figures.
pub(super) fn cards(outcome: &Outcome, compared: Option<&Outcome>) -> String {
    let against = |text: String| compared.map(|_| format!("static venue {text}"));
    let other = |figure: fn(&Outcome) -> String| against(compared.map(figure).unwrap_or_default());
    let cards = [
        (
            "Bad debt",
            usd(outcome.bad_debt_usd),
            other(|o| usd(o.bad_debt_usd)),
            Verdict::of(outcome.bad_debt_usd <= 0.0),
        ),
        (
            "Wrongful liquidations",
            count(outcome.wrongful_liquidations),
            other(|o| count(o.wrongful_liquidations)),
            Verdict::of(outcome.wrongful_liquidations == 0),
        ),
        (
            "Slowest liquidation",
            blocks(outcome.liquidation_latency_blocks_max),
            other(|o| blocks(o.liquidation_latency_blocks_max)),
            Verdict::of(outcome.liquidation_latency_blocks_max == 0),
        ),
        (
            "Accounts liquidated",
            count(outcome.liquidated_accounts),
            other(|o| count(o.liquidated_accounts)),
            Verdict::Neutral,
        ),
        ("Forced notional", usd(outcome.forced_notional_usd), other(|o| usd(o.forced_notional_usd)), Verdict::Neutral),
        ("Fund at its lowest", usd(outcome.fund.low), other(|o| usd(o.fund.low)), Verdict::Neutral),
    ];
    let html = cards.into_iter().map(|(name, figure, against, verdict)| {
        format!(
            "<div class=\"card {}\"><dt>{name}</dt><dd>{figure}{}<small>{}</small></dd></div>\n",
            verdict.class(),
            verdict.mark(),
            against.unwrap_or_default()
        )
    });
    format!("<dl class=\"cards\" aria-label=\"Key figures\">\n{}</dl>\n", html.collect::<String>())
}

fn blocks(blocks: u64) -> String {
    match blocks {
        0 => "same block".to_owned(),
        1 => "1 block later".to_owned(),
        more => format!("{} blocks later", count(more)),
    }
}

/// A row of the summary: what, Seawall's figure, the other's, how to read it.
struct Line {
    name: &'static str,
    figure: fn(&Outcome) -> String,
    /// `None` when no promise is made about it.
    kept: Option<fn(&Outcome) -> bool>,
    reading: &'static str,
}

const SUMMARY: [Line; 12] = [
    Line {
        name: "Bad debt",
        figure: |o| usd(o.bad_debt_usd),
        kept: Some(|o| o.bad_debt_usd <= 0.0),
        reading: "Loss that others bore, after the defaulters' collateral, the pool's own capital and the fund.",
    },
    Line {
        name: "Wrongful liquidations",
        figure: |o| count(o.wrongful_liquidations),
        kept: Some(|o| o.wrongful_liquidations == 0),
        reading: "Accounts that were sound at the honest venues' median from 10 s before to 10 s after, and were sold all the same.",
    },
    Line {
        name: "Slowest liquidation",
        figure: |o| blocks(o.liquidation_latency_blocks_max),
        kept: Some(|o| o.liquidation_latency_blocks_max == 0),
        reading: "From the breach until somebody acted on it.",
    },
    Line {
        name: "Breaches",
        figure: |o| count(o.breaches),
        kept: None,
        reading: "Times an account fell below maintenance.",
    },
    Line {
        name: "Accounts liquidated",
        figure: |o| count(o.liquidated_accounts),
        kept: None,
        reading: "Accounts sold into at least once.",
    },
    Line {
        name: "Forced notional",
        figure: |o| usd(o.forced_notional_usd),
        kept: None,
        reading: "What was sold or taken over by force: less of it means less of a cascade.",
    },
    Line {
        name: "Portfolio auctions",
        figure: |o| count(o.portfolio_auctions),
        kept: None,
        reading: "Whole portfolios handed to bidders who had stood ready beforehand.",
    },
    Line {
        name: "Fund: start, lowest, end",
        figure: |o| [o.fund.start, o.fund.low, o.fund.end].map(usd).join(" → "),
        kept: None,
        reading: "The venue's own money at risk.",
    },
    Line {
        name: "Auto-deleveraging",
        figure: |o| match o.adl.accounts {
            0 => "none".to_owned(),
            accounts => format!("{} accounts, {}", count(accounts), usd(o.adl.notional_usd)),
        },
        kept: None,
        reading: "Winners whose positions were closed to pay for losers.",
    },
    Line {
        name: "ADL overshoot",
        figure: |o| usd(o.adl.overshoot_usd),
        kept: Some(|o| o.adl.overshoot_usd < crate::outcome::ONE_LOT_USD),
        reading: "Taken from winners beyond the deficit that it was taken for.",
    },
    Line {
        name: "Pools touched",
        figure: pools,
        kept: None,
        reading: "Pools in which anybody but the defaulters lost money.",
    },
    Line {
        name: "Books balanced",
        figure: |o| match o.conservation.violations {
            0 => format!("in all of {} checks", count(o.conservation.blocks_checked)),
            bad => format!("not in {} of {}", count(bad), count(o.conservation.blocks_checked)),
        },
        kept: Some(|o| o.conservation.violations == 0),
        reading: "Cash, collateral and positions summed to what was paid in.",
    },
];

fn pools(outcome: &Outcome) -> String {
    if outcome.pools_touched.is_empty() { "none".to_owned() } else { outcome.pools_touched.join(", ") }
}

/// Seawall beside the static venue.
pub(super) fn summary(outcome: &Outcome, compared: Option<&Compared>) -> String {
    let heading = if compared.is_some() { "Seawall and the static venue" } else { "Summary" };
    let mut html = format!("<section id=\"summary\">\n<h2>{heading}</h2>\n");
    if let Some(compared) = compared {
        let _ = writeln!(html, "<p class=\"reading\">{}</p>", escape(&verdict(outcome, &compared.outcome)));
    }
    html.push_str("<div class=\"scroll\"><table class=\"summary\">\n<thead><tr><th scope=\"col\">Figure</th><th scope=\"col\">Seawall</th>");
    html.push_str(if compared.is_some() { "<th scope=\"col\">Static venue</th>" } else { "" });
    html.push_str("<th scope=\"col\">How to read it</th></tr></thead>\n<tbody>\n");
    for line in &SUMMARY {
        row(&mut html, line, outcome, compared);
    }
    layer_rows(&mut html, outcome, compared);
    html.push_str("</tbody>\n</table></div>\n</section>\n");
    html
}

fn row(html: &mut String, line: &Line, outcome: &Outcome, compared: Option<&Compared>) {
    let cell = |venue: &str, outcome: &Outcome| {
        let verdict = line.kept.map_or(Verdict::Neutral, |kept| Verdict::of(kept(outcome)));
        let text = escape(&(line.figure)(outcome));
        format!("<td class=\"figure {}\" data-venue=\"{venue}\">{text}{}</td>", verdict.class(), verdict.mark())
    };
    let other = compared.map(|compared| cell("Static venue", &compared.outcome)).unwrap_or_default();
    let ours = cell("Seawall", outcome);
    let _ = writeln!(
        html,
        "<tr><th scope=\"row\">{}</th>{ours}{other}<td class=\"how\">{}</td></tr>",
        line.name,
        escape(line.reading)
    );
}

/// A row for each layer that either venue used, in the order of the waterfall; names that it does not know come last.
fn layer_rows(html: &mut String, outcome: &Outcome, compared: Option<&Compared>) {
    let other = compared.map(|compared| &compared.outcome);
    let loss = |outcome: &Outcome, key: &str| outcome.loss_by_layer.get(key).copied().unwrap_or(0.0);
    let used = |key: &str| loss(outcome, key) != 0.0 || other.is_some_and(|other| loss(other, key) != 0.0);
    let known = LAYERS.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned()));
    let mut layers: Vec<(String, String)> = known.collect();
    for key in outcome.loss_by_layer.keys().chain(other.into_iter().flat_map(|other| other.loss_by_layer.keys())) {
        if !layers.iter().any(|(known, _)| known == key) {
            layers.push((key.clone(), key.replace('_', " ")));
        }
    }
    for (key, name) in layers.into_iter().filter(|(key, _)| used(key)) {
        let theirs = other
            .map(|other| format!("<td class=\"figure\" data-venue=\"Static venue\">{}</td>", usd(loss(other, &key))));
        let _ = writeln!(
            html,
            "<tr class=\"layer\"><th scope=\"row\">Loss borne: {}</th><td class=\"figure\" data-venue=\"Seawall\">{}</td>{}\
             <td class=\"how\"></td></tr>",
            escape(&name.to_lowercase()),
            usd(loss(outcome, &key)),
            theirs.unwrap_or_default()
        );
    }
}

/// What the comparison comes to, in two sentences at most.
fn verdict(ours: &Outcome, theirs: &Outcome) -> String {
    let kept = ours.bad_debt_usd <= 0.0 && ours.wrongful_liquidations == 0;
    let first = if kept {
        "Seawall closed the drill without bad debt and without selling a sound account.".to_owned()
    } else {
        format!(
            "Seawall left {} of bad debt and sold {} sound accounts.",
            usd(ours.bad_debt_usd),
            count(ours.wrongful_liquidations)
        )
    };
    format!(
        "{first} With the same accounts and prices the static venue left {} of bad debt, sold {} sound accounts, and let the slowest \
         breach wait {} blocks.",
        usd(theirs.bad_debt_usd),
        count(theirs.wrongful_liquidations),
        count(theirs.liquidation_latency_blocks_max)
    )
}

/// Kinds of cases in the order in which they are told: key, heading, reason.
const KINDS: [(&str, &str, &str); 4] = [
    (
        "wrongful",
        "Sound accounts sold",
        "The mark came from the venue's own prints, which fell far below what honest venues showed.",
    ),
    ("late", "Breaches left waiting", "Keepers lag under load, so prices ran on while accounts queued."),
    (
        "bankrupt",
        "Accounts taken over below zero",
        "No bidder stood ready, so the fund took over what was already under water.",
    ),
    (
        "deleveraged",
        "Winners closed",
        "The queue ranks by gain times leverage and closes whole positions, hedges included.",
    ),
];

/// Why the static venue lost, with cases.
pub(super) fn cases(compared: &Compared) -> String {
    let mut html = String::from("<section id=\"cases\">\n<h2>Why the static venue lost money</h2>\n");
    if compared.cases.is_empty() {
        html.push_str("<p class=\"nothing\">No cases recorded.</p>\n");
    }
    html.push_str("<div class=\"grid reasons\">\n");
    let mut unknown: Vec<&str> = compared.cases.iter().map(|case| &*case.kind).collect();
    unknown.retain(|kind| KINDS.iter().all(|(known, _, _)| known != kind));
    unknown.sort_unstable();
    unknown.dedup();
    let kinds = KINDS.into_iter().chain(unknown.into_iter().map(|kind| (kind, kind, "")));
    for (kind, heading, reason) in kinds {
        let cases: Vec<&Case> = compared.cases.iter().filter(|case| case.kind == kind).take(CASES_PER_KIND).collect();
        if cases.is_empty() {
            continue;
        }
        let items: String = cases.into_iter().map(case_html).collect();
        let _ = writeln!(
            html,
            "<div class=\"reason\"><h3>{}</h3>\n<p>{}</p>\n<ul>\n{items}</ul></div>",
            escape(heading),
            escape(reason)
        );
    }
    html.push_str("</div>\n</section>\n");
    html
}

fn case_html(case: &Case) -> String {
    format!(
        "<li><p><b>{} UTC · {} · {}</b> {}</p><p class=\"evidence\">own mark {} USD · honest median {} USD · at issue {}</p></li>\n",
        clock(case.time_ms),
        escape(&case.account),
        escape(&case.symbol),
        escape(&case.text),
        price(case.own_price_usd),
        price(case.honest_price_usd),
        usd(case.amount_usd)
    )
}

/// The index of each feed.
pub(super) fn feeds(outcome: &Outcome) -> String {
    let rows = outcome.feeds.iter().map(|(symbol, span)| {
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"figure\">{}</td><td class=\"figure\">{}</td><td class=\"figure\">{}</td>\
             <td class=\"figure\">{}</td></tr>\n",
            escape(symbol),
            price(span.start),
            price(span.low),
            price(span.end),
            change(span.start, span.low)
        )
    });
    format!(
        "<section id=\"feeds\">\n<h2>The market</h2>\n<div class=\"scroll\"><table>\n<caption>Index of each feed, USD</caption>\n\
         <thead><tr><th scope=\"col\">Feed</th><th scope=\"col\">Start</th><th scope=\"col\">Lowest</th><th scope=\"col\">End</th>\
         <th scope=\"col\">Start to lowest</th></tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n</section>\n",
        rows.collect::<String>()
    )
}

/// The spread over several seeds, and the seeds that missed a promise.
pub(super) fn seeds(runs: &Runs) -> String {
    let summary = &runs.summary;
    let cell = |name: &str, value: f64| {
        if name.ends_with("_usd") || name.starts_with("fund.") { usd(value) } else { plain(value) }
    };
    let row = |(name, spread): (&String, &Spread)| {
        let cells = [spread.min, spread.median, spread.max]
            .map(|value| format!("<td class=\"figure\">{}</td>", cell(name, value)));
        format!("<tr><th scope=\"row\">{}</th>{}</tr>\n", escape(&name.replace(['_', '.'], " ")), cells.concat())
    };
    let missed = summary.missed.iter().map(|miss| {
        format!(
            "<li>seed {}: {} is {}</li>\n",
            miss.seed,
            escape(&miss.figure.replace(['_', '.'], " ")),
            plain(miss.value)
        )
    });
    let missed = match summary.missed.len() {
        0 => format!("<p class=\"reading\">Every promise was kept in all of {} seeds.</p>\n", summary.seeds),
        _ => format!("<p class=\"reading\">Promises missed:</p>\n<ul>\n{}</ul>\n", missed.collect::<String>()),
    };
    format!(
        "<section id=\"seeds\">\n<h2>Other seeds</h2>\n{missed}<div class=\"scroll\"><table>\n\
         <caption>Spread over {} seeds</caption>\n<thead><tr><th scope=\"col\">Figure</th><th scope=\"col\">Least</th>\
         <th scope=\"col\">Median</th><th scope=\"col\">Most</th></tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n</section>\n",
        summary.seeds,
        summary.figures.iter().map(row).collect::<String>()
    )
}

/// Sources, assumptions, and what a reader needs to repeat the run.
pub(super) fn notes(outcome: &Outcome, notes: &[String]) -> String {
    let items: String = notes.iter().map(|note| format!("<li>{}</li>\n", escape(note))).collect();
    let root = if outcome.state_root.is_empty() { NOTHING } else { &outcome.state_root };
    format!(
        "<section id=\"notes\">\n<h2>Notes</h2>\n<ul>\n{items}\
         <li>All times are UTC. Lines with many samples show the lowest and the highest of each short stretch, so that no spike is \
         lost. Drag across a plot to zoom, double-click to return.</li>\n</ul>\n\
         <p class=\"root\">State root <code>{}</code> · run in {:.1} s</p>\n</section>\n",
        escape(root),
        outcome.elapsed_ms as f64 / 1000.0
    )
}

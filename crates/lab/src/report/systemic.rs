//! Decides how the branching of a drill's liquidations is told beside the branching number of its accounts.

use super::wording::{NOTHING, count, escape};
use crate::outcome::{LiquidationStream, SystemicSeries};

/// The table of streams, and what to make of it.
pub(super) fn streams(found: &SystemicSeries) -> String {
    let rows: String = found.streams.iter().map(row).collect();
    let span = |values: Vec<f64>| {
        let finite: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let most = finite.iter().copied().fold(0.0, f64::max);
        let mut sorted = finite;
        sorted.sort_by(f64::total_cmp);
        (sorted.get(sorted.len() / 2).copied().unwrap_or(0.0), most)
    };
    let (middle, most) = span(found.markets.iter().flat_map(|market| market.at_mark.iter().copied()).collect());
    let (_, coupled) = span(found.coupled.clone());
    let [branching, nearness] = found
        .agreement
        .map(|found| found.map_or_else(|| NOTHING.to_owned(), |found| format!("{found:.2}").replace('-', "−")));
    format!(
        "<section id=\"streams\">\n<h2>Do liquidations cause liquidations?</h2>\n<p class=\"reading\">Two answers. From the accounts: the \
         branching number at the mark, over all markets and minutes, is {middle:.3} in the middle and {most:.3} at most; across markets {coupled:.3} at \
         most. From the times of liquidations alone: the branching ratio of a Hawkes process. The second counts every common cause as \
         self-excitation, and in a drill prices come from a recording, so that no sale here moves them: what it finds is that \
         members are liquidated together, not that they liquidate each other. Over minutes, the number of liquidations has a rank \
         correlation of {branching} with the branching number when the minute began, and of {nearness} with the nearness of the nearest \
         cascade.</p>\n<div class=\"scroll\"><table>\n<thead><tr>\
         <th>Stream</th><th>Liquidations</th><th>Hawkes n̂, likelihood</th><th>1 ⁄ β</th><th>Gain over a constant rate</th>\
         <th>Distance of the fit</th><th>n̂ by counts</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n</section>\n"
    )
}

fn row(stream: &LiquidationStream) -> String {
    let nothing = || NOTHING.to_owned();
    let fit = stream.fit.as_ref();
    let cells = [
        count(stream.events as u64),
        fit.map_or_else(nothing, |fit| format!("{:.3}", fit.process.branching)),
        fit.map_or_else(nothing, |fit| format!("{:.1} s", 1.0 / fit.process.decay)),
        fit.map_or_else(nothing, |fit| format!("{:.0} nats", fit.log_likelihood - fit.poisson_log_likelihood)),
        fit.map_or_else(nothing, |fit| format!("{:.3} (p {:.2})", fit.distance, fit.p_value)),
        stream.by_counts.map_or_else(nothing, |n| format!("{n:.3}")),
    ];
    let cells: String = cells.iter().map(|cell| format!("<td class=\"figure\">{cell}</td>")).collect();
    format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(&stream.name))
}

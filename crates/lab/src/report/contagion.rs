//! Decides what the report on systemic risk says: each pool's markets with their curves, then who stands behind whom.

use super::wording::{self, escape};
use super::{POLICY, ReportError, STYLE, lines};
use crate::museum::exhibit::{Line, Plot};
use contagion::assess::{Assessment, Market, PoolAssessment};
use contagion::curve::{Level, MarketCurve, Side};
use contagion::impact::Origin;
use contagion::network::{Network, Node};
use std::path::{Path, PathBuf};

/// The file that [`write`] writes inside its folder.
pub const CONTAGION_FILE: &str = "contagion.html";
/// Nodes of the network that the table shows.
const NODES: usize = 15;

/// Writes the report into `dir`, which is made if it is missing, and answers the file's path.
///
/// # Errors
/// [`ReportError::Write`] when the folder or the file cannot be written.
pub fn write(dir: &Path, found: &Assessment) -> Result<PathBuf, ReportError> {
    let path = dir.join(CONTAGION_FILE);
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, page(found)));
    written.map_err(|source| ReportError::Write { path: path.clone(), source })?;
    Ok(path)
}

fn page(found: &Assessment) -> String {
    let pools: String = found.pools.iter().map(pool).collect();
    let accounts: usize = found.pools.iter().map(|pool| pool.accounts).sum();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>Systemic risk</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main id=\"museum\">\n\
         <header>\n<p class=\"over\">Block {height}, {date} {clock} UTC</p>\n<h1>Systemic risk</h1>\n\
         <p class=\"lead\">{accounts} accounts in {count} pools. {verdict}</p>\n</header>\n\
         <p class=\"reading\">A branching number n says by how much the sales that a move forces move the price again. Below 1 a shock \
         dies out at 1 ⁄ (1 − n) of itself; from 1 on it feeds itself. The distance is the smallest move at which n reaches 1. \
         Stress and depth are those of this block.</p>\n{pools}{network}</main>\n</body>\n</html>\n",
        height = wording::count(found.height),
        date = wording::date(found.time_ms),
        clock = wording::clock(found.time_ms),
        accounts = wording::count(accounts as u64),
        count = found.pools.len(),
        verdict = verdict(found),
        network = found.network.as_ref().map(network).unwrap_or_default(),
    )
}

fn verdict(found: &Assessment) -> String {
    let markets = found.pools.iter().flat_map(|pool| &pool.markets);
    let nearest = markets.filter_map(|market| Some((market.distance?, &market.curve.name)));
    let reach = percent(found.settings.reach.exp_m1());
    match nearest.min_by(|one, other| one.0.abs().total_cmp(&other.0.abs())) {
        Some((distance, name)) => format!("The nearest cascade: {} at a move by {}.", escape(name), percent(distance)),
        None => format!("No market has a cascade within a rise by {reach} or the fall that undoes it."),
    }
}

fn pool(pool: &PoolAssessment) -> String {
    let rows: String = pool.markets.iter().map(market_row).collect();
    let plots = [
        plot(pool, ("Branching number, each market alone", "n"), branching, |curve| &curve.alone),
        plot(pool, ("Branching number, all markets together", "n"), branching, |curve| &curve.together),
        plot(
            pool,
            ("Sold by force, all markets together", "USD"),
            |level| level.forced_usd.abs(),
            |curve| &curve.together,
        ),
        plot(
            pool,
            ("Breached in the pool, all markets together", "accounts"),
            |level| level.accounts as f64,
            |curve| &curve.together,
        ),
    ];
    let plots: String = plots.iter().map(lines::figure).collect();
    format!(
        "<section>\n<h2>{name}</h2>\n<p class=\"reading\">{accounts} accounts with {equity}. Across markets, a first step down causes \
         {down} of itself, a first step up {up}.</p>\n<div class=\"scroll\"><table>\n<thead><tr><th>Market</th><th>n at the mark</th>\
         <th>Cascade from a move by</th><th>Sales then double every</th><th>A tenth of equity sold after</th><th>−5 % ends at</th>\
         <th>Depth from</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n<div class=\"grid\">{plots}</div>\n</section>\n",
        name = escape(&pool.name),
        accounts = wording::count(pool.accounts as u64),
        equity = wording::usd(pool.equity_usd),
        down = number(pool.coupled[0]),
        up = number(pool.coupled[1]),
    )
}

fn market_row(market: &Market) -> String {
    let speed = market.velocity.as_ref();
    let nothing = || wording::NOTHING.to_owned();
    let cells = [
        market.at_mark.map_or_else(nothing, number),
        market.distance.map_or_else(|| "none seen".to_owned(), percent),
        speed.and_then(|speed| speed.doubling_s).map_or_else(nothing, seconds),
        speed.and_then(|speed| speed.tenth_of_equity_s).map_or_else(nothing, seconds),
        market.five_percent_ends_at[0].map_or_else(|| "beyond the curve".to_owned(), percent),
        origin(market.curve.impact).to_owned(),
    ];
    let cells: String = cells.iter().map(|cell| format!("<td class=\"figure\">{cell}</td>")).collect();
    format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(&market.curve.name))
}

fn branching(level: &Level) -> f64 {
    level.branching.unwrap_or(f64::NAN)
}

/// One line a market over moves in percent, falls on the left.
fn plot(
    pool: &PoolAssessment,
    (title, up): (&str, &str),
    value: impl Fn(&Level) -> f64,
    sides: impl Fn(&MarketCurve) -> &[Side; 2],
) -> Plot {
    let line = |market: &Market| {
        let [falls, rises] = sides(&market.curve);
        // The first level is today: no step leads to it.
        let point = |level: &Level| (level.moved * 100.0, value(level));
        let falls = falls.levels.iter().skip(1).rev().map(point);
        Line { name: market.curve.name.clone(), points: falls.chain(rises.levels.iter().skip(1).map(point)).collect() }
    };
    Plot {
        title: title.to_owned(),
        across: "move of the price, %".to_owned(),
        up: up.to_owned(),
        logarithmic: false,
        lines: pool.markets.iter().map(line).collect(),
    }
}

fn network(network: &Network) -> String {
    let settled = network.settled.iter().map(|settled| {
        let cells = [
            settled.owed_by_members_usd,
            settled.fund_usd,
            settled.owes_usd,
            settled.owes_usd - settled.pays_usd,
            settled.owes_usd - settled.pays_with_recourse_usd,
            settled.left_usd[0],
        ];
        let cells: String =
            cells.iter().map(|usd| format!("<td class=\"figure\">{}</td>", wording::usd(*usd))).collect();
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(&settled.pool))
    });
    let ranked = network.ranked.iter().take(NODES).map(|ranked| {
        let (kind, name) = named(&ranked.node);
        let equity = if kind == "asset" { wording::NOTHING.to_owned() } else { wording::usd(ranked.equity_usd) };
        format!(
            "<tr><th scope=\"row\">{kind} {}</th><td class=\"figure\">{equity}</td><td class=\"figure\">{}</td></tr>\n",
            escape(&name),
            percent(ranked.rank),
        )
    });
    format!(
        "<section>\n<h2>Who stands behind whom</h2>\n<p class=\"reading\">If every market jumped by {jump} at once, before anything could be \
         sold (clearing vector of Eisenberg and Noe): what accounts below zero owe, what each pool owes, and what of it is not paid, with \
         accounts that answer for themselves alone (the rule), and with owners that stand behind all of their accounts.</p>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th>Pool</th><th>Owed by accounts</th><th>Fund then</th><th>Owes</th><th>Not paid</th>\
         <th>Not paid, with recourse</th><th>Left for its own capital, fund, tranche and line</th></tr></thead>\n<tbody>\n{settled}</tbody>\n\
         </table></div>\n<p class=\"reading\">If a pool, a large member or a collateral asset were lost (DebtRank): the share of all \
         value in the network that goes with it, beyond its own. Exposures over equities have the spectral radius {radius}.</p>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th>Lost</th><th>Its equity</th><th>Takes with it</th></tr></thead>\n\
         <tbody>\n{ranked}</tbody>\n</table></div>\n</section>\n",
        jump = percent(network.jump),
        settled = settled.collect::<String>(),
        radius = number(network.radius),
        ranked = ranked.collect::<String>(),
    )
}

fn named(node: &Node) -> (&'static str, String) {
    match node {
        Node::Pool { name } => ("pool", name.clone()),
        Node::Member { owner } => ("member", owner.chars().take(16).collect()),
        Node::Asset { name } => ("asset", name.clone()),
    }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Depth => "depth",
        Origin::Volume => "volume",
        Origin::Unknown => "nothing",
    }
}

fn number(value: f64) -> String {
    format!("{value:.3}")
}

fn percent(share: f64) -> String {
    format!("{}{:.1} %", if share < -0.000_5 { "−" } else { "" }, (share * 100.0).abs())
}

fn seconds(seconds: f64) -> String {
    match seconds {
        long if long >= 120.0 => format!("{:.0} min", long / 60.0),
        middle if middle >= 1.0 => format!("{middle:.1} s"),
        short => format!("{:.0} ms", short * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::{page, percent, seconds};
    use crate::bench::Market;
    use contagion::{Settings, Source, assess};

    #[test]
    fn the_page_fetches_nothing_and_shows_every_market() {
        let market = Market::build(100, 3, &mut |_, _| (), &mut |_| ()).expect("the benchmark's market can be built");
        let found = assess(&Source::of(market.engine().state()), &Settings::default()).expect("the settings are sound");
        let html = page(&found);
        for market in found.pools.iter().flat_map(|pool| &pool.markets) {
            assert!(html.contains(&format!(">{}<", market.curve.name)), "{}", market.curve.name);
        }
        assert!(html.contains("<svg") && html.contains("Eisenberg") && html.contains("DebtRank"));
        assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("<script"));
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([percent(-0.0712), percent(0.0), percent(0.5)], ["−7.1 %", "0.0 %", "50.0 %"]);
        assert_eq!([seconds(0.1), seconds(3.21), seconds(600.0)], ["100 ms", "3.2 s", "10 min"]);
    }
}

//! The venue of the day in the terms of the report, so that both can stand side by side.

use crate::outcome::{Adl, Conservation, Outcome, Rules, Span};
use crate::plan::Plan;
use crate::population::Population;
use crate::report::{Case, Compared, ComparedSeries, MarkSeries};
use crate::static_venue::StaticOutcome;
use crate::tape::Tape;
use std::collections::BTreeMap;

/// The figures and the course of a static run. `tape` is the one it ran on.
#[must_use]
pub fn compared(plan: &Plan, tape: &Tape, population: &Population, run: &StaticOutcome, elapsed_ms: u64) -> Compared {
    Compared { outcome: outcome(plan, run, elapsed_ms), series: series(plan, run), cases: cases(tape, population, run) }
}

fn outcome(plan: &Plan, run: &StaticOutcome, elapsed_ms: u64) -> Outcome {
    let span = |symbol: &String| {
        let path: Vec<f64> = run.minutes.iter().filter_map(|minute| minute.own_mark.get(symbol)).copied().collect();
        Span::of(&path)
    };
    Outcome {
        name: plan.name.clone(),
        rules: Rules::Static,
        seed: run.seed,
        accounts: run.accounts as u64,
        blocks: run.seconds as u64,
        feeds: plan.instruments.iter().map(|listed| (listed.symbol.clone(), span(&listed.symbol))).collect(),
        breaches: run.breaches as u64,
        liquidated_accounts: run.liquidated_accounts as u64,
        wrongful_liquidations: run.wrongful_liquidations as u64,
        liquidation_latency_blocks_max: run.liquidation_latency.max_s as u64,
        forced_notional_usd: run.forced_notional_usd,
        portfolio_auctions: 0,
        fund: Span { start: run.fund.start, low: run.fund.low, end: run.fund.end },
        adl: Adl {
            accounts: run.adl.accounts as u64,
            notional_usd: run.adl.notional_usd,
            overshoot_usd: run.adl.overshoot_usd,
        },
        loss_by_layer: run.loss_by_layer.clone(),
        bad_debt_usd: run.bad_debt_usd,
        conservation: Conservation {
            blocks_checked: run.conservation.checked as u64,
            violations: run.conservation.violations as u64,
        },
        pools_touched: run.pools_touched.clone(),
        state_root: String::new(),
        elapsed_ms,
        block_ms: None,
    }
}

fn series(plan: &Plan, run: &StaticOutcome) -> ComparedSeries {
    let path = |of: fn(&crate::static_venue::Minute) -> &BTreeMap<String, f64>, symbol: &str| -> Vec<f64> {
        run.minutes.iter().map(|minute| of(minute).get(symbol).copied().unwrap_or(f64::NAN)).collect()
    };
    let marks = plan.instruments.iter().map(|listed| MarkSeries {
        symbol: listed.symbol.clone(),
        own_mark: path(|minute| &minute.own_mark, &listed.symbol),
        honest_median: path(|minute| &minute.honest_median, &listed.symbol),
    });
    ComparedSeries {
        time_ms: run.minutes.iter().map(|minute| minute.time_ms).collect(),
        marks: marks.collect(),
        queue_length: run.minutes.iter().map(|minute| minute.queue_length as f64).collect(),
        liquidations: run.minutes.iter().map(|minute| minute.liquidations as f64).collect(),
        deleveraged: run.minutes.iter().map(|minute| minute.deleveraged as f64).collect(),
        fund_usd: run.minutes.iter().map(|minute| minute.fund_usd).collect(),
    }
}

fn cases(tape: &Tape, population: &Population, run: &StaticOutcome) -> Vec<Case> {
    let traders = population.traders.len();
    let name = |account: usize| match account.checked_sub(traders) {
        None => format!("trader {account}"),
        Some(maker) => format!("maker {maker}"),
    };
    let case = |reason: &crate::static_venue::Reason| Case {
        kind: reason.kind.clone(),
        time_ms: time_of(tape.start_ms, &reason.time_utc),
        account: format!("{} ({})", name(reason.account), reason.pool),
        symbol: reason.symbol.clone(),
        own_price_usd: reason.own_price,
        honest_price_usd: reason.honest_price,
        amount_usd: reason.usd,
        text: told(&reason.text),
    };
    run.reasons.iter().map(case).collect()
}

/// What happened, without the time, the account and the prices, which the report shows beside it.
fn told(text: &str) -> String {
    let sentence = text.split_once(": ").map_or(text, |(_, rest)| rest);
    sentence.rsplit_once(" (").map_or(sentence, |(rest, _)| rest).to_owned()
}

/// A time of day as an instant of the day on which the tape begins.
fn time_of(start_ms: i64, time_utc: &str) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    let seconds = time_utc.split(':').filter_map(|part| part.parse::<i64>().ok()).fold(0, |sum, part| sum * 60 + part);
    start_ms - start_ms.rem_euclid(DAY_MS) + seconds * 1_000
}

//! Decides whether the model of a venue of the day keeps its books and loses money only for the reasons it names.

use std::collections::BTreeMap;

use crate::plan::Plan;
use crate::population::Population;
use crate::tape::{AssetTape, DepthPoint, MarketKind, Tape, VenueTape};

use super::account::tiered_maintenance;
use super::{StaticOutcome, StaticVenue};

const SECONDS: usize = 900;

fn plan() -> Plan {
    let text = include_str!("../../../../drills/october-2025/drill.toml");
    let mut plan = Plan::parse(text, "drill.toml").expect("the shipped plan");
    plan.depth.calm_seconds = 60;
    plan
}

/// Every asset starts at 100 USD; `own` and `others` move the perpetual venue and two spot venues.
fn tape(plan: &Plan, own: impl Fn(usize) -> f64, others: impl Fn(usize) -> f64) -> Tape {
    let venue = |name: &str, kind, path: &dyn Fn(usize) -> f64| VenueTape {
        venue: name.to_owned(),
        group: name.to_owned(),
        kind,
        prints: (0..SECONDS).map(|second| Some(100.0 * path(second))).collect(),
    };
    let asset = |symbol: &String| AssetTape {
        symbol: symbol.clone(),
        venues: vec![
            venue("binance_coinm_perp", MarketKind::Perpetual, &own),
            venue("coinbase", MarketKind::Spot, &others),
            venue("gemini", MarketKind::Spot, &others),
        ],
    };
    let depth = (0..SECONDS).map(|_| depth_point(1e6)).collect();
    let assets = plan.instruments.iter().map(|instrument| asset(&instrument.symbol)).collect();
    Tape { start_ms: 1_760_130_900_000, seconds: SECONDS, assets, depth }
}

fn depth_point(usd: f64) -> DepthPoint {
    DepthPoint { bid_usd: [usd; 3], ask_usd: [usd; 3] }
}

fn population(plan: &Plan, seed: u64) -> Population {
    let prices: BTreeMap<_, _> = plan.instruments.iter().map(|plan| (plan.symbol.clone(), 100.0)).collect();
    Population::generate(plan, &prices, &plan.published_initial_margin(), 2_000, seed).expect("every price is given")
}

fn run(plan: &Plan, tape: &Tape) -> StaticOutcome {
    StaticVenue::run(plan, tape, &population(plan, 1), 1, &mut |_| {}).expect("the tape has every symbol")
}

/// Falls by `share` between second 120 and 240.
fn crash(second: usize, share: f64) -> f64 {
    1.0 - share * (second.saturating_sub(120) as f64 / 120.0).min(1.0)
}

#[test]
fn calm_prices_liquidate_nobody() {
    let plan = plan();
    let outcome = run(&plan, &tape(&plan, |_| 1.0, |_| 1.0));
    assert_eq!((outcome.breaches, outcome.liquidated_accounts), (0, 0));
    assert_eq!(outcome.fund.low, plan.fund_usd());
    assert_eq!(outcome.conservation.violations, 0);
}

#[test]
fn a_crash_keeps_the_books_balanced_and_costs_the_fund_and_winners() {
    let plan = plan();
    let outcome = run(&plan, &tape(&plan, |second| crash(second, 0.5), |second| crash(second, 0.5)));
    assert_eq!(outcome.conservation.violations, 0, "{:?}", outcome.conservation);
    assert!(outcome.liquidated_accounts > 500, "{}", outcome.liquidated_accounts);
    assert!(outcome.adl.accounts > 0 && outcome.bad_debt_usd > 0.0, "{:?}", outcome.adl);
    let layers: f64 = outcome.loss_by_layer.values().sum();
    assert!(layers > 0.0 && outcome.bad_debt_usd <= layers + 1.0, "{:?}", outcome.loss_by_layer);
}

#[test]
fn a_crash_on_the_own_venue_alone_is_wrongful_and_the_same_crash_everywhere_is_not() {
    let plan = plan();
    let alone = run(&plan, &tape(&plan, |second| crash(second, 0.3), |_| 1.0));
    let everywhere = run(&plan, &tape(&plan, |second| crash(second, 0.3), |second| crash(second, 0.3)));
    assert!(alone.wrongful_liquidations > 100, "{}", alone.wrongful_liquidations);
    assert!(
        everywhere.wrongful_liquidations * 10 < alone.wrongful_liquidations,
        "{} {}",
        everywhere.wrongful_liquidations,
        alone.wrongful_liquidations
    );
}

#[test]
fn more_keepers_are_never_later() {
    let slow = plan();
    let mut fast = plan();
    fast.static_rules.attempts_per_second = 5_000;
    let prices = tape(&slow, |second| crash(second, 0.4), |second| crash(second, 0.4));
    let (slow, fast) = (run(&slow, &prices), run(&fast, &prices));
    assert!(fast.liquidation_latency.p99_s <= slow.liquidation_latency.p99_s, "{slow:?} {fast:?}");
}

#[test]
fn partial_deleveraging_takes_no_more_than_the_deficit() {
    let mut plan = plan();
    plan.static_rules.adl_whole_position_up_to_usd = 0.0;
    let outcome = run(&plan, &tape(&plan, |second| crash(second, 0.5), |second| crash(second, 0.5)));
    assert!(outcome.adl.accounts > 0 && outcome.adl.overshoot_usd < 1.0, "{:?}", outcome.adl);
}

#[test]
fn the_same_seed_gives_the_same_outcome() {
    let plan = plan();
    let prices = tape(&plan, |second| crash(second, 0.4), |second| crash(second, 0.3));
    assert_eq!(run(&plan, &prices), run(&plan, &prices));
}

#[test]
fn tiered_maintenance_is_continuous_and_follows_the_published_deduction() {
    // Published: margin = notional × rate − deduction; BTC above 150 M at 20x: 0.025 × N − 150 M × (0.025 − 0.0125).
    let plan = plan();
    let tiers = &plan.instrument("BTC").expect("BTC is listed").tiers;
    let expected = 0.025 * 200e6 - 150e6 * (0.025 - 0.0125);
    assert!((tiered_maintenance(tiers, 0.5, 200e6) - expected).abs() < 1e-6);
    assert!((tiered_maintenance(tiers, 0.5, 150e6) - tiered_maintenance(tiers, 0.5, 150e6 + 1.0)).abs() < 0.1);
}

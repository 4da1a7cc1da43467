//! What costs nothing makes no block long: work grows with bids and with portfolios, never with their product (R10.9, R9.3).
#![allow(dead_code, unreachable_pub, reason = "a test needs a part of the scenarios' world")]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]
#![allow(clippy::float_arithmetic, clippy::disallowed_types, reason = "times are compared")]

#[path = "scenarios/parameters.rs"]
mod parameters;
#[path = "places/rig.rs"]
mod rig;
#[path = "scenarios/values.rs"]
mod values;
#[path = "scenarios/world.rs"]
mod world;

use clearing::event::Event;
use clearing::units::Money;
use rig::{Rig, USD};

/// Seconds that this thread has been on a processor: what else the machine does hardly counts.
fn seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

/// A block in which portfolios of a hundred dollars each go whole, and what it took; each bid has so much behind it.
fn auction(portfolios: u32, bids: u32, behind: i128) -> (Rig, Vec<Event>, f64) {
    let mut rig = Rig::new(|_| ());
    rig.open("members", portfolios + 1);
    rig.open("crowd", bids);
    rig.block();
    let other = portfolios + 1;
    rig.deposit(other, Money::new(1_000_000 * USD));
    (1..=portfolios).for_each(|account| rig.deposit(account, Money::new(100 * USD)));
    rig.block();
    (1..=portfolios).for_each(|account| rig.trade(account, other, 1_000));
    for account in other + 1..=other + bids {
        if behind > 0 {
            rig.deposit(account, Money::new(behind));
        }
        rig.bid(account, Money::new(1 << 50));
    }
    let placed = rig.block();
    assert!(placed.rejections.is_empty(), "{:?}", placed.rejections.first());
    rig.price = 905_000;
    let block = rig.next();
    let began = seconds();
    let receipt = rig.apply(&block);
    let took = seconds() - began;
    (rig, receipt.events, took)
}

fn slices(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::SliceTaken { .. })).count()
}

/// R10.9: bids of empty accounts fill no more than the places there are, and none of them is asked for a portfolio.
#[test]
fn bids_with_nothing_behind_them_cost_nothing() {
    let (_, _, alone) = auction(200, 0, 0);
    let (rig, events, took) = auction(200, 20_000, 0);
    assert_eq!(slices(&events), 0);
    assert!(rig.pool().bids.len() <= 1_024, "{}", rig.pool().bids.len());
    assert!(took < 30.0 * alone + 0.5, "{took:.3} s beside {alone:.3} s without bids");
}

/// R10.9: four times as many portfolios are no more work for bids that are used up: a bid is tried a few times in a block.
#[test]
fn bids_that_are_used_up_are_not_asked_again() {
    let (_, events, few) = auction(50, 1_000, USD);
    assert!((900..=1_050).contains(&slices(&events)), "each takes once: {}", slices(&events));
    let (_, events, many) = auction(200, 1_000, USD);
    assert!((900..=1_200).contains(&slices(&events)), "each takes once: {}", slices(&events));
    assert!(many < 8.0 * few + 0.5, "{many:.3} s for four times the portfolios of {few:.3} s");
}

/// R10.9: bids too small for a lot are asked sixteen times and no more.
#[test]
fn bids_too_small_for_a_lot_take_nothing() {
    let (_, _, alone) = auction(200, 0, 0);
    let (_, events, took) = auction(200, 1_000, 1_000);
    assert_eq!(slices(&events), 0, "a lot has a margin of nine cents");
    assert!(took < 30.0 * alone + 0.5, "{took:.3} s beside {alone:.3} s without bids");
}

/// R9.3: an account that holds nothing cannot breach, and no block looks at it again.
#[test]
fn accounts_without_positions_are_not_looked_at() {
    let mut rig = Rig::new(|_| ());
    rig.open("crowd", 5_000);
    rig.block();
    (1..=1_000).for_each(|account| rig.deposit(account, Money::new(i128::from(account))));
    rig.block();
    for price in [1_000_000, 990_000, 1_000_000] {
        rig.price = price;
        rig.block();
        assert!(rig.pool().watch.looked_at() <= 1, "{} looked at", rig.pool().watch.looked_at());
    }
}

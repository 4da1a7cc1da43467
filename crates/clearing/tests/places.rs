//! Bounded places: who has little keeps nobody out who has much (R2.7, R4.6, R10.9).
#![allow(dead_code, unreachable_pub, reason = "a test needs a part of the scenarios' world")]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]

#[path = "places/rig.rs"]
mod rig;
#[path = "scenarios/parameters.rs"]
mod parameters;
#[path = "scenarios/values.rs"]
mod values;
#[path = "scenarios/world.rs"]
mod world;

use clearing::Engine;
use clearing::command::{Command, Key, Rejection};
use clearing::event::Event;
use clearing::table::{AccountId, FeedId};
use clearing::units::{Money, Ratio};
use parameters::key;
use rig::{POOL, Rig, USD};

/// A full pool, of which a key holds `many` accounts without anything.
fn full_pool(many: u32) -> Rig {
    let mut rig = Rig::new(|pool| pool.max_accounts = 1 + many + 2);
    rig.open("alice", 1);
    rig.open("bob", 1);
    rig.open("crowd", many);
    rig.block();
    rig
}

fn owner(rig: &Rig, account: u32) -> Key {
    rig.account(account).owner
}

/// R2.7: the last account of the key with most of them goes, with its dust and its bid, and the books still sum.
#[test]
fn a_full_pool_has_a_place_for_who_comes_in() {
    let mut rig = full_pool(6);
    rig.deposit(8, Money::new(999_999));
    rig.bid(8, Money::new(USD));
    rig.block();
    rig.open("carol", 1);
    let receipt = rig.block();
    let account = AccountId(8);
    let expected = [
        Event::BidRemoved { pool: POOL, account },
        Event::AccountReclaimed { pool: POOL, account, owner: key("crowd"), dust: Money::new(999_999) },
        Event::AccountOpened { pool: POOL, account },
    ];
    assert_eq!(receipt.events.get(..3).unwrap(), expected);
    assert_eq!(owner(&rig, 8), key("carol"));
    assert_eq!(rig.account(8).cash, Money::ZERO);
    assert_eq!(rig.pool().rounding, Money::new(999_999));
    assert!(rig.pool().bids.is_empty());
}

/// R2.7: a key keeps four accounts that have nothing, and whoever has something keeps all of them.
#[test]
fn four_are_kept_and_money_keeps_a_place() {
    let mut rig = full_pool(6);
    rig.deposit(8, Money::new(USD));
    rig.block();
    rig.open("carol", 2);
    assert_eq!(rig.block().rejections.len(), 1, "five had nothing, and four are kept");
    assert_eq!(owner(&rig, 7), key("carol"));
    assert_eq!(owner(&rig, 8), key("crowd"));
}

/// R2.7: neither a position, an order nor a share of the tranche is nothing.
#[test]
fn what_is_worth_something_keeps_its_place() {
    let mut rig = full_pool(7);
    for account in 7..=9 {
        rig.deposit(account, Money::new(2 * USD));
    }
    rig.deposit(1, Money::new(1_000 * USD));
    rig.block();
    rig.say("crowd", Command::JoinTranche { pool: POOL, account: AccountId(9), amount: Money::new(2 * USD) });
    rig.trade(8, 1, 1);
    rig.block();
    rig.withdraw("crowd", 8, Money::new(1_500_000));
    rig.order("crowd", 7, 1, 100);
    rig.block();
    rig.withdraw("crowd", 7, Money::new(1_500_000));
    rig.block();
    rig.open("carol", 1);
    assert_eq!(rig.block().rejections, [(0, Rejection::TooManyAccounts)], "four have nothing");
}

/// R2.7: what is kept beside the state for it is the same after a restart, in the middle of being used.
#[test]
fn whoever_computes_finds_the_same_place() {
    let mut rig = full_pool(8);
    rig.open("carol", 1);
    rig.block();
    rig.deposit(9, Money::new(5 * USD));
    rig.block();
    let mut other = rig.engine.clone();
    let snapshot = other.snapshot();
    let mut restored = Engine::restore(&snapshot).unwrap();
    rig.open("dave", 3);
    rig.deposit(7, Money::new(5 * USD));
    rig.open("erin", 1);
    let block = rig.next();
    let receipt = other.apply(&block);
    assert_eq!(restored.apply(&block), receipt);
    assert_eq!(receipt.root, rig.apply(&block).root);
    assert!(!receipt.rejections.is_empty() && receipt.rejections.len() < 4, "some found a place: {receipt:?}");
}

/// R4.6: each forecaster has a place; the highest counts; and who has just spoken is the only one who waits.
#[test]
fn each_forecaster_has_a_place() {
    let mut rig = Rig::new(|_| ());
    let said = |ppm: i64| Command::Forecast { feed: FeedId(0), volatility: Ratio::new(ppm) };
    for (who, ppm) in [("forecaster", 100_000), ("second", 50_000), ("forecaster", 60_000)] {
        rig.say(who, said(ppm));
    }
    assert_eq!(rig.block().rejections, [(2, Rejection::ForecastTooSoon)]);
    assert_eq!(rig.engine.state().feeds[FeedId(0)].forecasts.len(), 2);
    let raw = rig.pool().stresses[&FeedId(0)].raw;
    assert_eq!(raw, Ratio::new(400_000), "four times the higher of both");
}

/// R10.9: of more bids than there are places those stay that have most behind them, whoever came first.
#[test]
fn bids_with_most_behind_them_keep_their_places() {
    let mut rig = Rig::new(|_| ());
    rig.open("crowd", 1_030);
    rig.open("carol", 1);
    rig.block();
    for account in 1..=1_031_u32 {
        rig.deposit(account, Money::new((10 + i128::from(account % 3)) * USD));
        rig.bid(account, Money::new(1_000 * USD));
    }
    rig.deposit(1_031, Money::new(500 * USD));
    let receipt = rig.block();
    let removed: Vec<u32> = receipt
        .events
        .iter()
        .filter_map(|event| if let Event::BidRemoved { account, .. } = event { Some(account.0) } else { None })
        .collect();
    assert_eq!(rig.pool().bids.len(), 1_024);
    assert_eq!(removed.len(), 7);
    assert!(removed.iter().all(|account| account % 3 == 0 && *account > 1_000), "{removed:?}");
    assert!(rig.pool().bids.contains_key(&AccountId(1_031)));
}

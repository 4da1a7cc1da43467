//! What one source of three, or two accounts on both sides of a settlement, can do: whatever they try, nobody waits for the one and nobody
//! pays for the others.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::integer_division,
    missing_docs,
    unreachable_pub,
    reason = "a test may compute and fail as it likes"
)]

#[path = "properties/world.rs"]
mod world;

use clearing::command::{Capital, Command, Signed};
use clearing::event::Event;
use clearing::parameters::Kind;
use clearing::state::{Condition, Feed};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{MAX_PRICE, Money, Price, Quantity, Ratio, Time};
use proptest::prelude::*;
use world::{CUSTODIAN, Dice, PUBLISHERS, USD, VENUE, World, by, dated, perpetual, pool_parameters};

fn observe(publisher: usize, price: i64, confidence: i64, published_at: i64, suspended: bool) -> Signed {
    let (price, confidence) = (Price::new(price), Price::new(confidence));
    let (feed, published_at) = (FeedId(0), Time::new(published_at));
    let command = Command::Observe { feed, price, confidence, published_at, transfers_suspended: suspended };
    by(PUBLISHERS[publisher], command)
}

/// Anything that one publisher can say, or nothing.
fn lie(dice: &mut Dice, honest: i64, now: i64) -> Option<Signed> {
    let edges = [0, 1, honest / 20, honest * 20, MAX_PRICE, -MAX_PRICE];
    let near = honest * dice.between(930, 1_070) / 1_000;
    let price = if dice.one_in(2) { near } else { dice.pick(&edges) };
    let confidence = if dice.one_in(2) { 0 } else { dice.pick(&[honest / 100, honest / 20, honest * 5, MAX_PRICE]) };
    let published_at = now - if dice.one_in(4) { dice.between(0, 40_000) } else { 0 };
    (!dice.one_in(5)).then(|| observe(2, price, confidence, published_at, dice.one_in(8)))
}

/// What the first two say: these prices, each with its own doubt of up to a hundredth.
fn truths(dice: &mut Dice, prices: [i64; 2], now: i64) -> Vec<Signed> {
    let said = |(at, price): (usize, i64)| observe(at, price, price * dice.between(0, 10) / 1_000, now, false);
    prices.into_iter().enumerate().map(said).collect()
}

fn feed_of(world: &World) -> &Feed {
    &world.engine.state().feeds[FeedId(0)]
}

fn trade(world: &mut World, instrument: u16, buyer: u32, seller: u32, lots: i64) -> bool {
    let price = world.pool(0).matrices.mark(InstrumentId(instrument));
    let trade = Command::Trade {
        pool: PoolId(0),
        instrument: InstrumentId(instrument),
        buyer: AccountId(buyer),
        seller: AccountId(seller),
        quantity: Quantity::new(lots),
        price,
    };
    let quotes = world.quotes(1_000);
    world.apply(1_000, [vec![by(VENUE, trade)], quotes].concat()).rejections.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    // R3.2, R3.4: while two of three agree the feed is live, its index is one of theirs and its band within what the feed takes for one price.
    // When both have seen a crash, whoever it ruins is liquidated within ten seconds of their agreeing.
    #[test]
    fn one_liar_of_three_stops_nothing(seed: u64, apart in 0..4_usize) {
        let mut world = World::with(&[1_000_000], &[(pool_parameters(), vec![perpetual(0)])]);
        let (thin, rich) = (world.open(0, 20, 100 * USD), world.open(0, 21, 1_000_000 * USD));
        prop_assert!(trade(&mut world, 0, thin, rich, 1_000));
        let mut dice = Dice(seed);
        let mut honest = 1_000_000;
        let step = |world: &mut World, dice: &mut Dice, prices: [i64; 2]| {
            let elapsed = dice.between(100, 3_000);
            let now = world.time() + elapsed;
            let mut said = truths(dice, prices, now);
            said.extend(lie(dice, prices[0], now));
            world.apply(elapsed, said)
        };
        for _ in 0..60 {
            honest = (honest * dice.between(998, 1_002) / 1_000).max(980_000);
            let prices = [honest, honest * dice.between(995, 1_005) / 1_000];
            step(&mut world, &mut dice, prices);
            let feed = feed_of(&world);
            prop_assert_eq!(feed.condition, Condition::Live);
            let (low, high) = (prices[0].min(prices[1]), prices[0].max(prices[1]));
            prop_assert!(low * 99 / 100 <= feed.index.get() && feed.index.get() <= high * 101 / 100 + 1);
            prop_assert!(feed.confidence <= feed.index.times_ceil(Ratio::new(55_000)), "{:?}", feed.confidence);
        }
        // The first sees it for some blocks alone: no two agree, and nobody is liquidated on one's word.
        for _ in 0..apart {
            let receipt = step(&mut world, &mut dice, [honest * 6 / 10, honest]);
            let liquidated = receipt.events.iter().any(|event| matches!(event, Event::AccountLiquidated { .. }));
            let price = feed_of(&world).index.get();
            prop_assert!(!liquidated || price < honest * 7 / 10);
        }
        let agreed = world.time();
        loop {
            let receipt = step(&mut world, &mut dice, [honest * 6 / 10, honest * 6 / 10]);
            prop_assert_eq!(feed_of(&world).condition, Condition::Live);
            if receipt.events.iter().any(|event| matches!(event, Event::AccountLiquidated { .. })) {
                break;
            }
            if !world.account(0, thin).is_good() || world.account(0, thin).positions.is_empty() {
                break;
            }
            // The first block in which both say so begins the ten seconds.
            prop_assert!(apart > 0 && world.time() <= agreed + 3_000 + 10_000);
        }
    }

    // R16.2, R5.1, R6.3: short one leg and long the other over a settlement window, one account each way, as large as margin takes it: the two end with
    // no more than they paid in, and nobody else pays.
    #[test]
    fn a_straddle_over_a_settlement_costs_nobody_else(seed: u64, lots in 1_000_i64..40_000, spacing in 1_i64..6) {
        let mut dice = Dice(seed);
        let expiry = world::START + 130_000;
        let mut future = dated(0, expiry);
        let settlement_window = Time::new(dice.between(1, 60) * 1_000);
        future.kind = Kind::Dated { expiry: Time::new(expiry), settlement_window, basis_a_day: Ratio::ZERO };
        let mut world = World::with(&[1_000_000], &[(pool_parameters(), vec![perpetual(0), future])]);
        let own = Money::new(1_000 * USD);
        let capitalise = Command::Capitalise { pool: PoolId(0), capital: Capital::OwnCapital, amount: own };
        world.must(1, vec![by(CUSTODIAN, capitalise)]);
        let paid = 400 * USD;
        let (one, other) = (world.open(0, 20, paid), world.open(0, 21, paid));
        let bystander = world.open(0, 22, paid);
        for _ in 0..12 {
            let part = lots / 12;
            if trade(&mut world, 0, other, one, part) {
                trade(&mut world, 1, one, other, part);
            }
        }
        let fees = |world: &World| world.pool(0).own_capital + world.pool(0).fees + world.pool(0).rounding;
        let before = fees(&world);
        while world.time() < expiry + 10_000 {
            // Inside what maintenance margin covers from block to block.
            world.prices[0] = world.prices[0] * dice.between(9_950, 10_050) / 10_000;
            world.tick(spacing * 1_000);
        }
        let left = |account: u32| {
            let held = world.account(0, account);
            clearing::margin::equity(&world.pool(0).matrices, held.cash, &held.positions)
        };
        prop_assert!(left(one) + left(other) <= Money::new(2 * paid));
        prop_assert!(fees(&world) >= before, "the pool paid {:?}", before - fees(&world));
        prop_assert_eq!(left(bystander), Money::new(paid));
        prop_assert!(!world.pool(0).winding_down);
    }
}

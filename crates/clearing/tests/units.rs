//! The units: exact products, divisions in the direction of their names, exact shares; and published tables that the core
//! must reproduce.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::integer_division,
    clippy::disallowed_types,
    missing_docs,
    unreachable_pub,
    reason = "a test may compute and fail as it likes"
)]

#[path = "properties/world.rs"]
mod world;

use clearing::command::{Capital, Command, Rejection};
use clearing::parameters::{PoolParameters, PublisherParameters};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{
    MAX_PRICE, MAX_QUANTITY, Money, PPM, Price, Quantity, Ratio, Time, scaled_floor, share_exactly, share_up_to_caps,
    square_root_floor,
};
use proptest::prelude::*;
use std::panic::catch_unwind;
use world::{CUSTODIAN, GOVERNANCE, USD, VENUE, World, by, feed_parameters, key, perpetual, pool_parameters};

const HALF: Ratio = Ratio::new(500_000);

#[test]
fn a_price_times_a_quantity_is_exact() {
    // R1.3: crude oil settled at −37.63.
    assert_eq!(Price::new(-37_630_000) * Quantity::new(3), Money::new(-112_890_000));
    assert_eq!(Quantity::new(-3) * Price::new(-37_630_000), Money::new(112_890_000));
    let largest = Price::new(MAX_PRICE) * Quantity::new(-MAX_QUANTITY);
    assert_eq!(largest, Money::new(-(1 << 84)));
    assert_eq!(Price::new(i64::MIN) * Quantity::new(i64::MIN), Money::new(1 << 126));
}

#[test]
fn rounding_goes_where_the_name_says() {
    // R1.4
    assert_eq!(Money::new(-3).times_floor(HALF), Money::new(-2));
    assert_eq!(Money::new(-3).times_ceil(HALF), Money::new(-1));
    assert_eq!(Money::new(3).times_floor(HALF), Money::new(1));
    assert_eq!(Money::new(3).times_ceil(HALF), Money::new(2));
    assert_eq!(Quantity::new(-3).times_floor(HALF), Quantity::new(-2));
    assert_eq!(Quantity::new(-3).times_ceil(HALF), Quantity::new(-1));
    assert_eq!(Price::new(-3).times_floor(HALF), Price::new(-2));
    assert_eq!(Price::new(3).times_ceil(HALF), Price::new(2));
    assert_eq!(Ratio::new(-1).times_floor(HALF), Ratio::new(-1));
    assert_eq!(Ratio::new(1).times_ceil(HALF), Ratio::new(1));
    assert_eq!(Ratio::new(1).over_floor(Time::new(1), Time::new(2)), Ratio::ZERO);
    assert_eq!(Ratio::new(1).over_ceil(Time::new(1), Time::new(2)), Ratio::new(1));
    assert_eq!(Time::new(1).times_ceil(HALF), Time::new(1));
    assert_eq!(Price::new(-5).middle_floor(Price::new(-2)), Price::new(-4));
    assert_eq!(Price::new(10).towards_floor(Price::new(0), 1, 3), Price::new(6));
    assert_eq!(Price::new(10).towards_floor(Price::new(0), 5, 3), Price::ZERO);
    assert_eq!(Price::new(10).towards_floor(Price::new(0), 5, 0), Price::ZERO);
    assert_eq!(Price::mean_floor(-7, Time::new(2)), Price::new(-4));
    assert_eq!(scaled_floor(-7, 1, 2), -4);
}

#[test]
fn ratios_and_prices_are_clamped_to_their_limits() {
    let limit = Ratio::new(2 * PPM);
    assert_eq!(Money::new(1).ratio_to_floor(Money::new(3), limit), Ratio::new(333_333));
    assert_eq!(Money::new(-1).ratio_to_floor(Money::new(3), limit), Ratio::new(-333_334));
    assert_eq!(Money::new(9).ratio_to_floor(Money::new(3), limit), limit);
    assert_eq!(Money::new(-9).ratio_to_floor(Money::new(3), limit), -limit);
    assert_eq!(Money::new(-9).ratio_to_floor(Money::ZERO, limit), limit);
    assert_eq!(Money::new(7).per_lot_floor(Quantity::new(2)), Price::new(3));
    assert_eq!(Money::new(7).per_lot_ceil(Quantity::new(2)), Price::new(4));
    assert_eq!(Money::new(-(1 << 90)).per_lot_floor(Quantity::new(1)), Price::new(-MAX_PRICE));
    assert_eq!(Money::new(7).lots_ceil(Price::new(2)), Quantity::new(4));
    assert_eq!(Money::new(7).lots_floor(Price::new(2)), Quantity::new(3));
    assert_eq!(Money::new(-7).lots_ceil(Price::new(2)), Quantity::ZERO);
    assert_eq!(Money::new(1 << 90).lots_ceil(Price::new(1)), Quantity::new(MAX_QUANTITY));
    let limit = Time::new(1_000);
    assert_eq!(Time::to_trade_ceil(Money::new(1), Money::ZERO, limit), limit);
    assert_eq!(Time::to_trade_ceil(Money::new(1), Money::new(86_400_000), limit), Time::new(1));
    assert_eq!(Time::to_trade_ceil(Money::new(1), Money::new(86_400_001), limit), Time::new(1));
    assert_eq!(Time::to_trade_ceil(Money::new(1 << 56), Money::new(1), limit), limit);
}

#[test]
fn sides_and_signs() {
    assert!(Quantity::new(3).opposes(Quantity::new(-1)) && !Quantity::new(3).opposes(Quantity::new(1)));
    assert!(!Quantity::ZERO.opposes(Quantity::ZERO) && !Quantity::new(1).opposes(Quantity::ZERO));
    assert_eq!(Quantity::new(3).on_side(-1), Quantity::new(-3));
    assert_eq!(Quantity::new(-3).on_side(1), Quantity::new(3));
    assert_eq!(Money::new(-3).or_zero(), Money::ZERO);
}

#[test]
fn what_does_not_fit_stops_the_program() {
    // R1.7: no sum and no product ever wraps around, in any build profile.
    assert!(catch_unwind(|| Money::new(i128::MAX) + Money::new(1)).is_err());
    assert!(catch_unwind(|| Price::new(i64::MIN) - Price::new(1)).is_err());
    assert!(catch_unwind(|| -Quantity::new(i64::MIN)).is_err());
    assert!(catch_unwind(|| Quantity::new(i64::MIN).abs()).is_err());
    assert!(catch_unwind(|| Price::new(i64::MAX).times_ceil(Ratio::new(2 * PPM))).is_err());
    assert!(catch_unwind(|| Money::new(1).per_lot_floor(Quantity::ZERO)).is_err());
    assert!(catch_unwind(|| share_exactly(-1, &[1])).is_err());
    assert!(catch_unwind(|| square_root_floor(-1)).is_err());
}

#[test]
fn shares_go_to_the_largest_remainder_then_to_the_earlier() {
    assert_eq!(share_exactly(10, &[1, 1, 1]), [4, 3, 3]);
    assert_eq!(share_exactly(11, &[1, 1, 1]), [4, 4, 3]);
    assert_eq!(share_exactly(1, &[1, 2]), [0, 1]);
    assert_eq!(share_exactly(5, &[0, 7, 0]), [0, 5, 0]);
    assert_eq!(share_exactly(5, &[0, 0]), [0, 0]);
    assert_eq!(share_exactly(5, &[]), [0; 0]);
    assert_eq!(share_exactly(0, &[3, 4]), [0, 0]);
}

#[test]
fn shares_up_to_caps_say_what_was_shared_by_whom() {
    // R1.4, R12.5: the second is full with 13, the others share 37 by 75 and 25.
    let shares = share_up_to_caps(50, &[75, 75, 25], &[75, 13, 25]);
    assert_eq!(shares.parts, [28, 13, 9]);
    assert_eq!((shares.shared, shares.weights), (37, 100));
    // Who is exactly at the cap is full; who has no weight gets nothing, whatever the cap.
    assert_eq!(share_up_to_caps(10, &[1, 1, 0], &[5, 5, 5]).parts, [5, 5, 0]);
    let full = share_up_to_caps(100, &[3, 4], &[1, 2]);
    assert_eq!((full.parts, full.shared, full.weights), (vec![1, 2], 97, 0));
    assert_eq!(share_up_to_caps(0, &[3, 4], &[1, 2]).parts, [0, 0]);
    assert_eq!(share_up_to_caps(5, &[], &[]).parts, [0; 0]);
    // Products beyond 128 bits: a weight of 2^100 with a cap of one lot less than its share is full first.
    let huge = 1_i128 << 100;
    assert_eq!(share_up_to_caps(huge, &[huge, huge], &[huge / 2 - 1, huge]).parts, [huge / 2 - 1, huge / 2 + 1]);
    assert_eq!(share_up_to_caps(huge, &[huge, huge], &[huge, huge / 2 - 1]).parts, [huge / 2 + 1, huge / 2 - 1]);
}

#[test]
fn the_next_multiple_is_later() {
    for (time, step, next) in [(0, 10, 10), (1, 10, 10), (9, 10, 10), (10, 10, 20), (-1, 10, 0), (-10, 10, 0)] {
        assert_eq!(Time::new(time).next_multiple(Time::new(step)), Time::new(next));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shares_up_to_caps_give_all_that_fits(
        total in 0_i128..1 << 62,
        entries in prop::collection::vec((0_i128..1 << 60, 0_i128..1 << 60), 1..20),
    ) {
        let (weights, caps): (Vec<i128>, Vec<i128>) = entries.into_iter().unzip();
        let shares = share_up_to_caps(total, &weights, &caps);
        let fits: i128 = weights.iter().zip(&caps).filter(|(weight, _)| **weight > 0).map(|(_, cap)| cap).sum();
        prop_assert_eq!(shares.parts.iter().sum::<i128>(), total.min(fits));
        for ((part, cap), weight) in shares.parts.iter().zip(&caps).zip(&weights) {
            prop_assert!(part <= cap && (*weight > 0 || *part == 0));
        }
    }

    #[test]
    fn floor_and_ceil_enclose_the_truth(money in any::<i64>(), ratio in -64 * PPM..64 * PPM) {
        let (money, ratio) = (Money::new(money.into()), Ratio::new(ratio));
        let (low, high) = (money.times_floor(ratio).get(), money.times_ceil(ratio).get());
        let truth = money.get() * i128::from(ratio.get());
        let ppm = i128::from(PPM);
        prop_assert!(low * ppm <= truth && truth < (low + 1) * ppm);
        prop_assert!((high - 1) * ppm < truth && truth <= high * ppm);
        prop_assert_eq!((-money).times_floor(ratio), -money.times_ceil(ratio));
    }

    #[test]
    fn parts_sum_to_the_whole_and_none_is_off_by_one(
        total in 0_i128..1 << 60,
        weights in prop::collection::vec(0_i128..1 << 60, 1..20),
    ) {
        let parts = share_exactly(total, &weights);
        let whole: i128 = weights.iter().sum();
        prop_assume!(whole > 0);
        prop_assert_eq!(parts.iter().sum::<i128>(), total);
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert!((part * whole - total * weight).abs() < whole);
            prop_assert!(*weight > 0 || *part == 0);
        }
    }

    // Losses and gains after a jump of the price are larger than any deposit: sharing them must not stop the program.
    #[test]
    fn shares_of_any_size_sum_to_the_whole(total in 0_i128..1 << 90, weights in prop::collection::vec(0_i128..1 << 90, 1..20)) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        prop_assert_eq!(share_exactly(total, &weights).iter().sum::<i128>(), total);
    }

    #[test]
    fn a_root_is_the_largest_that_fits(value in 0_i128..i128::MAX) {
        let root = square_root_floor(value);
        prop_assert!(root * root <= value);
        prop_assert!((root + 1).checked_mul(root + 1).is_none_or(|square| square > value));
    }
}

/// The index and confidence of a feed on which each publisher is a source of its own.
fn index_of(votes: &[(i64, i64, u32)]) -> (i64, i64) {
    let mut parameters = feed_parameters();
    parameters.confidence_limit = Ratio::ONE;
    let publisher = |(at, vote): (usize, &(i64, i64, u32))| PublisherParameters {
        key: key(100 + at as u8),
        weight: vote.2,
        source: at as u16,
    };
    parameters.publishers = votes.iter().enumerate().map(publisher).collect();
    let mut world = World::empty(0);
    world.must(1_000, vec![by(GOVERNANCE, Command::ListFeed { name: "feed".into(), parameters })]);
    let published_at = Time::new(world.time() + 1);
    let observe = |(at, (price, confidence, _)): (usize, &(i64, i64, u32))| {
        let (price, confidence) = (Price::new(*price), Price::new(*confidence));
        by(
            100 + at as u8,
            Command::Observe { feed: FeedId(0), price, confidence, published_at, transfers_suspended: false },
        )
    };
    world.must(1, votes.iter().enumerate().map(observe).collect());
    let feed = &world.engine.state().feeds[FeedId(0)];
    (feed.index.get(), feed.confidence.get())
}

/// Slinky's weighted median takes the first price whose cumulated weight reaches half, as R3.2 does (methods.md §5.5). Its
/// README says 250 for the second case, where its code gives 200.
#[test]
fn slinkys_medians() {
    // R3.2
    assert_eq!(index_of(&[(100, 0, 10), (200, 0, 20), (300, 0, 20)]).0, 200);
    assert_eq!(index_of(&[(100, 0, 10), (200, 0, 20), (300, 0, 30)]).0, 200);
    assert_eq!(index_of(&[(100, 0, 10), (200, 0, 10), (300, 0, 100)]).0, 300);
}

/// Pyth's examples (methods.md §5.5). Pyth interpolates between the two middle votes where our rule takes the smaller one:
/// 52,495 becomes 52,010 and its confidence reaches from there to the upper quartile's vote. The two publishers of the
/// example are doubled here, because a feed of two is no feed (R3.2); the votes' distribution stays what it was.
#[test]
fn pyths_medians() {
    // R3.2
    let doubled = |one: (i64, i64, u32), other: (i64, i64, u32)| index_of(&[one, one, other, other]);
    assert_eq!(doubled((52_000, 10, 1), (53_000, 20, 1)), (52_010, 53_000 - 52_010));
    assert_eq!(doubled((101_000, 1_000, 1), (110_000, 10_000, 1)), (101_000, 9_000));
    let five = [(10_000, 10, 1), (10_010, 10, 1), (9_990, 10, 1), (10_005, 10, 1), (8_000, 10, 1)];
    assert_eq!(index_of(&five).0, 10_000);
}

/// dYdX scales initial margin with the market's open interest (v4-chain `liquidity_tier.go`; methods.md §14 and §5.5): for a
/// base of 10 % and caps of 20 and 50 million, 19 M gives 0.10, 35 M gives 0.55 and 50 M gives 1.
#[test]
fn dydx_open_interest_margin() {
    // R4.3
    for (millions, stress) in [(19, 100_000), (20, 100_000), (35, 550_000), (50, 1_000_000), (67, 1_000_000)] {
        assert_eq!(initial_stress_at(millions), stress, "open interest of {millions} million");
    }
}

/// Initial stress with a base of 10 % at an open interest of so many million USD.
fn initial_stress_at(millions: i64) -> i64 {
    let mut feed = feed_parameters();
    // z · σ · √T = 4 × 2.5 % × 1 = 10 %.
    feed.long_run_volatility = Ratio::new(25_000);
    let mut rules = pool_parameters();
    (rules.horizon, rules.max_horizon, rules.inclusion_delay) =
        (feed.sample_interval, feed.sample_interval, Time::ZERO);
    rules.buffer = Ratio::ZERO;
    let mut listed = perpetual(0);
    listed.open_interest_low = Money::new(20_000_000 * USD);
    listed.open_interest_high = Money::new(50_000_000 * USD);
    listed.max_position = Quantity::new(MAX_QUANTITY);
    let mut world = World::with_feeds(&[1_000_000], &[feed], &[(rules, vec![listed])]);
    let (buyer, seller) = (world.open(0, 20, 1 << 55), world.open(0, 21, 1 << 55));
    let trade = |lots: i64| Command::Trade {
        pool: PoolId(0),
        instrument: InstrumentId(0),
        buyer: AccountId(buyer),
        seller: AccountId(seller),
        quantity: Quantity::new(lots),
        price: Price::new(1_000_000),
    };
    // A lot is a dollar: to the low mark at once, then a sixteenth of the way in a block, and not beyond the high mark.
    let wanted = millions * 1_000_000;
    let mut open = 0;
    while open < wanted.min(50_000_000) {
        let step = (wanted - open).min(if open == 0 { 20_000_000 } else { 1_875_000 });
        world.must(1, vec![by(VENUE, trade(step))]);
        open += step;
    }
    if open < wanted {
        let refused = world.apply(1, vec![by(VENUE, trade(1))]);
        assert_eq!(refused.rejections, [(0, Rejection::OpenInterestFull)]);
    }
    world.tick(1);
    // R4.3 says that maintenance does not scale with it.
    let stress = &world.pool(0).stresses[&FeedId(0)];
    assert_eq!(stress.maintenance, Ratio::new(60_000));
    assert_eq!(stress.initial, Ratio::new(100_000));
    world.pool(0).initial_stress(&world.pool(0).instruments[InstrumentId(0)]).get()
}

/// R13.1: what the fund repays by rule lowers the mark that its losses are counted from, by as much.
#[test]
fn what_the_fund_repays_is_no_drawdown() {
    let rules = |floor: i128| PoolParameters { fund_floor: Money::new(floor * USD), ..pool_parameters() };
    for (floor, left) in [(0, 900), (400, 300), (2_000, 900)] {
        let mut world = World::with_feeds(&[1_000_000], &[feed_parameters()], &[(rules(floor), vec![perpetual(0)])]);
        let capital = |amount: i128| Command::Capitalise {
            pool: PoolId(0),
            capital: Capital::Fund,
            amount: Money::new(amount * USD),
        };
        world.must(1, vec![by(CUSTODIAN, capital(1_000))]);
        let mut pool = world.pool(0).clone();
        pool.fund_has_repaid(Money::new(100 * USD));
        assert_eq!(pool.fund.high, Money::new(left * USD));
    }
}

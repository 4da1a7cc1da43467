//! What must hold of doubt whatever an account holds: a hedge shields nobody, and on sure feeds nobody is spared below zero. R3.4, R6.3
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

use clearing::doubt::Doubt;
use clearing::margin;
use clearing::parameters::InstrumentParameters;
use clearing::state::{Pool, Position};
use clearing::table::{Id, InstrumentId};
use clearing::units::{Money, Price, Quantity, Ratio};
use proptest::prelude::*;
use world::{Dice, World, perpetual, pool_parameters};

/// Instruments of each feed: all of them have the same price and the same rows.
const TWINS: usize = 4;
const FEEDS: usize = 3;

/// What a market is like.
#[derive(Clone, Copy, Debug)]
struct Mood {
    /// Whether every feed is sure.
    sure: bool,
    /// Whether the books of a feed's instruments have the same premium.
    one_premium: bool,
}

/// A pool without exit costs, whose marks are in doubt.
fn market(dice: &mut Dice, mood: Mood) -> Pool {
    let free = |feed: usize| InstrumentParameters {
        exit_cost: Vec::new(),
        initial_exit_cost: Vec::new(),
        ..perpetual(feed as u16)
    };
    let prices: Vec<i64> = (0..FEEDS).map(|_| dice.between(200_000, 1 << 34)).collect();
    let listed = (0..FEEDS * TWINS).map(|at| free(at / TWINS)).collect();
    let mut pool = World::with(&prices, &[(pool_parameters(), listed)]).pool(0).clone();
    let doubts = (0..FEEDS).flat_map(|feed| {
        let part = |dice: &mut Dice| Price::new(prices[feed] / 1_000 * dice.between(0, 100));
        let (shared, own) = (part(dice), part(dice));
        let is_limited = mood.sure || dice.one_in(2);
        let twins = (0..TWINS).map(|_| Doubt {
            shared,
            least_shared: shared,
            own: if mood.one_premium { own } else { part(dice) },
            share: Ratio::ONE,
            is_limited,
        });
        twins.collect::<Vec<_>>()
    });
    pool.matrices.doubts = doubts.collect();
    pool
}

fn twin(feed: usize, at: usize) -> InstrumentId {
    InstrumentId((feed * TWINS + at) as u16)
}

/// Adds lots to a vector.
fn add(positions: &mut Vec<Position>, instrument: InstrumentId, lots: i64) {
    match positions.binary_search_by_key(&instrument, |held| held.instrument) {
        Ok(at) => positions[at].quantity += Quantity::new(lots),
        Err(at) => positions.insert(at, Position { instrument, quantity: Quantity::new(lots), entry: Money::ZERO }),
    }
    positions.retain(|held| !held.quantity.is_zero());
}

/// A vector with hedges among the first twins of every feed.
fn book(dice: &mut Dice, twins: usize) -> Vec<Position> {
    let mut positions = Vec::new();
    for feed in 0..FEEDS {
        let large = 1 << dice.clone().between(1, 24);
        let lots = dice.between(-large, large);
        let (one, other) = (dice.between(0, twins as i64 - 1), dice.between(0, twins as i64 - 1));
        add(&mut positions, twin(feed, one as usize), lots);
        if dice.one_in(2) {
            add(&mut positions, twin(feed, other as usize), -lots + dice.between(-3, 3));
        }
    }
    positions
}

/// Cash with which the account is at the edge of its breach, or of having nothing, or somewhere near.
fn cash(dice: &mut Dice, pool: &Pool, positions: &[Position]) -> Money {
    let stressed = margin::maintenance_worst(pool, Money::ZERO, positions).value;
    let edges = [
        -margin::equity(&pool.matrices, Money::ZERO, positions),
        -stressed - margin::doubt_in_favour(pool, Money::ZERO, positions),
        -stressed,
    ];
    let near = stressed.get().abs() / 50;
    dice.pick(&edges) + Money::new(dice.pick(&[-1, 0, 1, near, -near, 2 * near]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    // R3.4, R6.3: where every feed is sure, doubt is at most the maintenance margin, so that whoever is below zero breaches.
    #[test]
    fn below_zero_on_sure_feeds_is_a_breach(seed: u64) {
        let mut dice = Dice(seed);
        let pool = market(&mut dice, Mood { sure: true, one_premium: false });
        for _ in 0..50 {
            let positions = book(&mut dice, TWINS);
            let cash = cash(&mut dice, &pool, &positions);
            let below_zero = margin::equity(&pool.matrices, cash, &positions).is_negative();
            prop_assert!(!below_zero || margin::breaches(&pool, cash, &positions));
            let margin = margin::maintenance_margin(&pool, cash, &positions);
            prop_assert!(margin::doubt_in_favour(&pool, cash, &positions) <= margin);
        }
    }

    // R3.4, R6.3: a position and its exact hedge change nothing, whatever else is held, on whatever feed.
    #[test]
    fn an_exact_hedge_never_changes_whether_an_account_breaches(seed: u64) {
        let mut dice = Dice(seed);
        let mood = Mood { sure: dice.one_in(2), one_premium: true };
        let pool = market(&mut dice, mood);
        for _ in 0..50 {
            let positions = book(&mut dice, TWINS);
            let cash = cash(&mut dice, &pool, &positions);
            let mut hedged = positions.clone();
            for _ in 0..dice.between(1, 4) {
                let (feed, lots) = (dice.between(0, FEEDS as i64 - 1) as usize, dice.between(-(1 << 26), 1 << 26));
                let (one, other) = (dice.between(0, TWINS as i64 - 1), dice.between(0, TWINS as i64 - 1));
                add(&mut hedged, twin(feed, one as usize), lots);
                add(&mut hedged, twin(feed, other as usize), -lots);
            }
            prop_assume!(!positions.is_empty() && !hedged.is_empty());
            let favour = |positions: &[Position]| margin::doubt_in_favour(&pool, cash, positions);
            prop_assert_eq!(favour(&positions), favour(&hedged));
            prop_assert_eq!(margin::breaches(&pool, cash, &positions), margin::breaches(&pool, cash, &hedged));
        }
    }

    // R3.4, R6.3: books that stand as far from the index as they like add nothing to anybody's doubt through a hedge between two of them.
    #[test]
    fn a_hedge_between_pushed_books_spares_nobody(seed: u64) {
        let mut dice = Dice(seed);
        let mood = Mood { sure: dice.one_in(2), one_premium: false };
        let pool = market(&mut dice, mood);
        for _ in 0..50 {
            let positions = book(&mut dice, TWINS - 2);
            let cash = cash(&mut dice, &pool, &positions);
            let mut hedged = positions.clone();
            for feed in 0..FEEDS {
                let lots = dice.between(-(1 << 26), 1 << 26);
                add(&mut hedged, twin(feed, TWINS - 2), lots);
                add(&mut hedged, twin(feed, TWINS - 1), -lots);
            }
            prop_assume!(!positions.is_empty());
            prop_assert!(margin::doubt_in_favour(&pool, cash, &hedged) <= margin::doubt_in_favour(&pool, cash, &positions));
            prop_assert!(margin::breaches(&pool, cash, &hedged) || !margin::breaches(&pool, cash, &positions));
        }
    }

    // R3.4, R6.4: what may be wrong against an account is never less than what may be wrong in its favour, and never more than every lot in full.
    #[test]
    fn doubt_against_is_between_doubt_in_favour_and_every_lot(seed: u64) {
        let mut dice = Dice(seed);
        let mut pool = market(&mut dice, Mood { sure: false, one_premium: false });
        // Futures that settle, and markets in grace beside markets that are open.
        for feed in 0..FEEDS {
            let doubts = &mut pool.matrices.doubts[feed * TWINS..(feed + 1) * TWINS];
            let least = doubts[0].shared;
            for doubt in doubts {
                doubt.shared = if dice.one_in(2) { least } else { least + least + least };
                doubt.share = Ratio::new(dice.pick(&[0, 1, 400_000, 1_000_000, 1_000_000]));
            }
        }
        for _ in 0..50 {
            let positions = book(&mut dice, TWINS);
            let against = margin::doubt_against(&pool, &positions);
            let gross: Money =
                positions.iter().map(|held| pool.matrices.doubt(held.instrument) * held.quantity.abs()).sum();
            // However much the margin is: cash does not matter to it, but its limit does.
            let favour = margin::doubt_in_favour(&pool, Money::ZERO, &positions);
            prop_assert!(favour <= against && against <= gross, "{favour:?} {against:?} {gross:?} {positions:?}");
        }
    }
}

/// The markets above are doubtful, and their accounts hedged and at their edges.
#[test]
fn those_books_are_hedged_and_in_doubt() {
    let mut dice = Dice(1);
    let (mut hedged, mut spared, mut below_zero) = (0, 0, 0);
    for _ in 0..20 {
        let pool = market(&mut dice, Mood { sure: true, one_premium: false });
        assert_eq!(pool.instruments.len(), FEEDS * TWINS);
        assert_eq!(pool.matrices.doubts.len(), pool.instruments.ids().map(InstrumentId::position).count());
        for _ in 0..50 {
            let positions = book(&mut dice, TWINS);
            let cash = cash(&mut dice, &pool, &positions);
            let of_feed = |held: &Position| usize::from(held.instrument.0) / TWINS;
            hedged += usize::from(positions.windows(2).any(|pair| of_feed(&pair[0]) == of_feed(&pair[1])));
            let stressed = margin::maintenance_worst(&pool, cash, &positions).value;
            spared += usize::from(stressed.is_negative() && !margin::breaches(&pool, cash, &positions));
            below_zero += usize::from(margin::equity(&pool.matrices, cash, &positions).is_negative());
        }
    }
    assert!(hedged > 300 && spared > 100 && below_zero > 100, "{hedged} {spared} {below_zero}");
}

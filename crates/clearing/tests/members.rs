//! What members may rely on, in worlds of every kind: whoever is short of margin can close, and nobody ends in debt by it; a venue takes no
//! more than it was let; an order can always be numbered.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::integer_division,
    clippy::disallowed_types,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test may compute and fail as it likes"
)]

#[path = "properties/world.rs"]
mod world;

use clearing::command::{Command, Lifetime, NewOrder, Rejection, Signed};
use clearing::commands::{highest_number, judge, margin_room};
use clearing::engine::MAX_TIME;
use clearing::margin;
use clearing::state::{Account, FUND, Level, Order, Pool, Position};
use clearing::table::{AccountId, InstrumentId, PoolId};
use clearing::units::{Money, Price, Quantity, Time};
use proptest::prelude::*;
use world::{CUSTODIAN, Dice, USD, VENUE, World, by, key, perpetual, pool_parameters};

const BLOCKS: usize = 60;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// An order that may only reduce the position, for this block.
fn closing(account: &Account, leg: &Position, lots: i64, limit: Option<Price>) -> NewOrder {
    NewOrder {
        number: account.last_number + 1,
        instrument: leg.instrument,
        quantity: Quantity::new(-leg.quantity.signum() * lots),
        limit,
        lifetime: Lifetime::ThisBlock,
        reduce_only: true,
    }
}

/// A good account that does not meet initial margin, without its orders. Who has breached and waits for a place (R13.5) is none.
fn is_short(pool: &Pool, held: &Account) -> bool {
    let equity = margin::equity(&pool.matrices, held.cash, &held.positions);
    held.is_good()
        && !held.positions.is_empty()
        && equity.is_positive()
        && !margin::breaches(pool, held.cash, &held.positions)
        && margin::free_collateral(pool, held.cash, &held.positions).is_negative()
}

/// What closing would leave of the account, whole or in part: never a debt that it had not before.
fn stays_solvent(pool: &Pool, held: &Account, order: &Order) -> Result<(), TestCaseError> {
    let equity = |account: &Account| margin::equity(&pool.matrices, account.cash, &account.positions).get();
    let bar = equity(held).min(0);
    let whole = order.quantity.get();
    for lots in [whole, whole / 2, whole.signum()].into_iter().filter(|lots| *lots != 0) {
        let after = pool.after_trade(held, order.instrument, Quantity::new(lots), order.limit);
        // A part pays the quanta of rounding up that a whole fill pays once.
        prop_assert!(equity(&after) >= bar - 4, "{lots} of {order:?}: {} to {}", equity(held), equity(&after));
    }
    Ok(())
}

/// Looks at everybody who is short; answers how many there were, and how many had to get a limit of their own.
fn check_everybody(world: &World) -> Result<(u32, u32), TestCaseError> {
    let (state, mut found) = (world.engine.state(), (0, 0));
    for (_, pool) in state.pools.iter().filter(|(_, pool)| !pool.winding_down) {
        for (_, held) in pool.accounts.iter().filter(|(id, held)| *id != FUND && is_short(pool, held)) {
            let held = Account { orders: Vec::new(), ..held.clone() };
            let is_listed = |leg: &&Position| {
                let listed = &pool.instruments[leg.instrument];
                listed.priced && listed.settled.is_none() && listed.breaker.level < Level::WindDown
            };
            let legs: Vec<&Position> = held.positions.iter().filter(is_listed).collect();
            if legs.len() != held.positions.len() {
                continue;
            }
            found.0 += 1;
            let ask = |order: &NewOrder| judge(&state.feeds, state.time, pool, &held, order);
            let at_mark =
                |leg: &&Position| Some(pool.matrices.mark(leg.instrument)).filter(|_| !leg.quantity.is_zero());
            let lot = legs.iter().any(|leg| ask(&closing(&held, leg, 1, at_mark(leg))).is_ok());
            prop_assert!(lot, "nothing of it can be closed at the mark: {held:?}");
            for leg in &legs {
                let order = closing(&held, leg, leg.quantity.get().abs(), None);
                let Ok(accepted) = ask(&order) else { continue };
                stays_solvent(pool, &held, &accepted)?;
                let width = pool.instruments[leg.instrument].band_width();
                let edge =
                    pool.instruments[leg.instrument].mark + if order.quantity.is_negative() { -width } else { width };
                found.1 += u32::from(accepted.limit != edge);
            }
        }
    }
    Ok(found)
}

proptest! {
    #![proptest_config(config(24))]

    // R7.2, R6.5, R13.2
    #[test]
    fn who_is_short_of_margin_can_close_and_ends_in_no_debt(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            world.step();
            check_everybody(&world)?;
        }
    }

    // R7.10: whatever a venue reports, it costs and moves no more than it was let, and every trade uses up what it costs.
    #[test]
    fn a_venue_takes_no_more_than_it_was_let(seed: u64) {
        let mut rules = perpetual(0);
        rules.fee = clearing::units::Ratio::new(500);
        let mut world = World::with(&[1_000_000], &[(pool_parameters(), vec![rules])]);
        world.dice = Dice(seed);
        let (victim, friend) = (world.open(0, 20, 10_000 * USD), world.open(0, 21, 100_000 * USD));
        let (pool, account) = (PoolId(0), AccountId(victim));
        let (loss, margin) = (Money::new(50 * USD), Money::new(2_000 * USD));
        world.must(1, vec![by(20, Command::AllowVenue { pool, account, venue: key(VENUE), loss, margin })]);
        let mut cost = 0;
        for _ in 0..60 {
            let mark = world.pool(0).matrices.mark(InstrumentId(0));
            let (price, lots) = (mark + Price::new(world.dice.between(-40_000, 40_000)), world.dice.between(1, 2_000));
            let buys = world.dice.one_in(2);
            let (buyer, seller) = if buys { (victim, friend) } else { (friend, victim) };
            let trade = Command::Trade {
                pool,
                instrument: InstrumentId(0),
                buyer: AccountId(buyer),
                seller: AccountId(seller),
                quantity: Quantity::new(lots),
                price,
            };
            let was = world.account(0, victim).clone();
            let receipt = world.apply(1, vec![by(VENUE, trade)]);
            let is = world.account(0, victim);
            if receipt.rejections.is_empty() {
                // What it cost at the mark at which it was judged.
                let paid = (was.cash - is.cash - mark * (is.quantity(InstrumentId(0)) - was.quantity(InstrumentId(0)))).get();
                cost += paid.max(0);
                prop_assert_eq!(was.leaves[0].loss - is.leaves[0].loss, Money::new(paid.max(0)));
                prop_assert!(is.leaves[0].margin < was.leaves[0].margin);
            } else {
                prop_assert_eq!(&was.leaves, &is.leaves);
            }
        }
        prop_assert!(cost <= loss.get());
        prop_assert!(!world.account(0, victim).leaves[0].margin.is_negative());
    }

    // R7.9: beyond the cap comes in what an account may need, to the quantum, and nothing else.
    #[test]
    fn a_full_pool_takes_exactly_what_margin_may_need(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..12 {
            world.step();
        }
        let pool = PoolId(0);
        let mut full = world.pool(0).clone();
        full.parameters.cash_cap = full.custody;
        let members: Vec<AccountId> = full.accounts.ids().filter(|id| *id != FUND).collect();
        for account in members {
            let held = &full.accounts[account];
            let room = margin_room(&full, held);
            let equity = margin::equity(&full.matrices, held.cash, &held.positions);
            let needs = margin::notional(&full, &held.positions) + margin::initial_margin(&full, held.cash, &held.positions);
            prop_assert!(room.is_zero() || equity + room <= needs || room == margin::loan(&full, held));
            prop_assert!(!is_short(&full, held) || room.is_positive(), "who is short of margin may pay it in");
            let mut twin = world.clone();
            let rules = full.parameters.clone();
            twin.apply(1, vec![by(world::GOVERNANCE, Command::SetPool { pool, parameters: rules })]);
            if twin.pool(0).parameters.cash_cap != full.custody {
                continue;
            }
            let held = twin.account(0, account.0).clone();
            let room = margin_room(twin.pool(0), &held);
            let idle = (twin.pool(0).parameters.cash_cap - twin.pool(0).custody).or_zero();
            let deposit = |amount: i128| by(CUSTODIAN, Command::Deposit { pool, account, amount: Money::new(amount) });
            let refused = |commands: Vec<Signed>| twin.clone().apply(1, commands).rejections;
            let most = (room + idle).get();
            if held.is_being_closed() {
                // R10.8: what it still holds is the pool's, and nothing comes in beside it.
                prop_assert_eq!(refused(vec![deposit(1)]), vec![(0, Rejection::AccountBeingClosed)]);
                continue;
            }
            prop_assert_eq!(refused(vec![deposit(most + 1)]), vec![(0, Rejection::PoolCapExceeded)]);
            prop_assert!(most == 0 || refused(vec![deposit(most)]).is_empty());
        }
    }

    // R7.2: whatever numbers an account has used, the next millisecond has one that is free.
    #[test]
    fn an_order_can_always_be_numbered(time in 1..MAX_TIME.get(), used: u64) {
        let used = used.min(highest_number(Time::new(time)));
        prop_assert!(used < highest_number(Time::new(time + 1)));
        prop_assert!(highest_number(MAX_TIME) < u64::MAX);
        // Microseconds since 1970 fit, and some way beyond.
        prop_assert!(u64::try_from(time).unwrap() * 1_000 < highest_number(Time::new(time)));
    }
}

/// The worlds above are not vacuous.
#[test]
fn worlds_hold_members_who_are_short_of_margin() {
    let mut found = (0, 0);
    for seed in 0..12 {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            world.step();
            let (short, limited) = check_everybody(&world).unwrap();
            found = (found.0 + short, found.1 + limited);
        }
    }
    assert!(found.0 > 50 && found.1 > 5, "{found:?}");
}

//! The end of a pool in seeded worlds (R12.4, R12.8, R12.9): one block, and then everybody takes everything.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::integer_division,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test may compute and fail as it likes"
)]

#[path = "properties/world.rs"]
mod world;

use clearing::Engine;
use clearing::command::{Command, Signed};
use clearing::event::{Event, Layer, Receipt};
use clearing::margin;
use clearing::state::{FUND, Pool, Standing, State};
use clearing::table::{AccountId, PoolId};
use clearing::units::{Money, Quantity};
use proptest::prelude::*;
use std::collections::BTreeMap;
use world::{Dice, World};

const P: PoolId = PoolId(0);

fn config(cases: u32) -> ProptestConfig {
    let rounds = std::env::var("CLEARING_FUZZ_ROUNDS").ok().and_then(|text| text.parse::<u32>().ok());
    ProptestConfig { cases: cases * rounds.unwrap_or(1), failure_persistence: None, ..ProptestConfig::default() }
}

/// A lively world in which somebody has lost most of what the pool holds, so that its books are as if a price had run away overnight.
fn ruined(seed: u64) -> World {
    let mut world = World::populated(seed);
    let mut dice = Dice(seed);
    (0..dice.between(5, 60)).for_each(|_| drop(world.step()));
    let mut state: State = world.engine.state().clone();
    let pool = &mut state.pools[P];
    let loser = AccountId(dice.between(1, pool.accounts.len() as i64 - 1) as u32);
    // Down to nothing at times, so that collateral is all that there is.
    let left = if dice.one_in(2) { 0 } else { pool.custody.get() * i128::from(dice.between(0, 60)) / 1_000 };
    let lost = pool.custody - Money::new(left);
    pool.accounts.edit(loser).cash -= lost;
    pool.custody -= lost;
    shrink_balances(pool, dice.between(0, 40));
    world.engine = Engine::take_over(state).unwrap();
    world
}

/// As if most of the collateral had never come: what is left is so many thousandths of it.
fn shrink_balances(pool: &mut Pool, thousandths: i64) {
    let spots: Vec<_> = pool.instruments.iter().filter(|(_, listed)| listed.is_spot()).map(|(id, _)| id).collect();
    for account in pool.accounts.ids() {
        let held = pool.accounts.edit(account);
        for position in held.positions.iter_mut().filter(|position| spots.contains(&position.instrument)) {
            position.quantity = Quantity::new(position.quantity.get() * thousandths / 1_000);
        }
        held.positions.retain(|position| !position.quantity.is_zero());
        held.orders.retain(|order| !spots.contains(&order.instrument));
    }
    for spot in spots {
        let total = pool.accounts.iter().map(|(_, held)| held.quantity(spot)).sum();
        let listed = &mut pool.instruments[spot];
        (listed.total, listed.open_interest) = (total, total);
    }
}

/// Steps until the pool has ended; answers the state before that block, and its receipt.
fn end(world: &mut World) -> Option<(State, Receipt)> {
    for _ in 0..12 {
        let before = world.engine.state().clone();
        let receipt = world.step();
        if world.pool(0).winding_down {
            return Some((before, receipt));
        }
    }
    None
}

/// What everybody has, taken out by its owner.
fn take_all(pool: &Pool) -> Vec<Signed> {
    let mut commands = Vec::new();
    for (account, held) in pool.accounts.iter() {
        let mut say = |command| commands.push(Signed { signer: held.owner, command });
        for position in &held.positions {
            let (instrument, quantity) = (position.instrument, position.quantity);
            say(Command::WithdrawCollateral { pool: P, account, instrument, quantity });
        }
        if held.cash.is_positive() {
            say(Command::Withdraw { pool: P, account, amount: held.cash });
        }
    }
    commands
}

/// R12.8: what must hold in the block in which a pool ends.
fn check_end(pool: &Pool) -> Result<(), TestCaseError> {
    for (_, held) in pool.accounts.iter() {
        prop_assert!(matches!(held.standing, Standing::Good | Standing::Closed), "{:?}", held);
        prop_assert!(!held.cash.is_negative() && held.orders.is_empty() && held.seal.is_none());
        prop_assert!(held.standing == Standing::Good || held.cash.is_zero() && held.positions.is_empty());
        prop_assert!(held.positions.iter().all(|position| pool.instruments[position.instrument].is_spot()));
    }
    let cash: Money = pool.accounts.iter().map(|(_, held)| held.cash).sum();
    prop_assert_eq!(cash, pool.custody);
    prop_assert!(pool.own_capital.is_zero() && pool.fees.is_zero() && pool.rounding.is_zero());
    prop_assert!(pool.tranche.is_empty() && pool.bids.is_empty() && pool.claims.owed.is_empty());
    prop_assert!(pool.pending.is_none() && pool.instruments.iter().all(|(_, listed)| listed.pending.is_none()));
    prop_assert_eq!((pool.line.cap, pool.line.open), (pool.line.drawn, pool.line.drawn));
    prop_assert_eq!(pool.accounts[FUND].owner, pool.owner);
    Ok(())
}

fn is_money(event: &Event, wanted: Layer) -> bool {
    matches!(event, Event::LossAllocated { pool: P, layer, .. } if *layer == wanted)
}

proptest! {
    #![proptest_config(config(96))]

    // R12.4, R12.8: the end takes one block; afterwards all cash is custody's and all of it can be taken, with every lot of collateral.
    #[test]
    fn everybody_takes_everything(seed: u64) {
        let mut world = ruined(seed);
        let Some((_, receipt)) = end(&mut world) else { return Ok(()) };
        check_end(world.pool(0))?;
        // Members bear only what the pool's own money did not: then nothing of that is left. R12.4
        if receipt.events.iter().any(|event| is_money(event, Layer::WindDown)) {
            let fund = &world.pool(0).accounts[FUND];
            prop_assert!(margin::equity(&world.pool(0).matrices, fund.cash, &fund.positions).is_zero());
        }
        let mut commands = take_all(world.pool(0));
        // In any order.
        let mut dice = Dice(seed ^ 7);
        for at in (1..commands.len()).rev() {
            commands.swap(at, dice.between(0, at as i64) as usize);
        }
        // Whatever prices have done since.
        world.prices.iter_mut().for_each(|price| *price = *price / 2 + 1);
        let quotes = world.quotes(1_000);
        let quoted = quotes.len();
        let receipt = world.apply(1_000, [quotes, commands].concat());
        prop_assert!(receipt.rejections.iter().all(|(at, _)| (*at as usize) < quoted), "{:?}", receipt.rejections);
        let pool = world.pool(0);
        prop_assert!(pool.custody.is_zero());
        prop_assert!(pool.instruments.iter().all(|(_, listed)| listed.total.is_zero()));
    }

    // R12.8: what is handed over is worth what it pays for; and a debtor loses less than a lot of each asset.
    #[test]
    fn a_debtor_gives_what_is_owed_and_less_than_a_lot_more(seed: u64) {
        let mut world = ruined(seed);
        let Some((_, receipt)) = end(&mut world) else { return Ok(()) };
        let mut lots: BTreeMap<_, Quantity> = BTreeMap::new();
        let (mut rounded, mut given) = (BTreeMap::new(), BTreeMap::new());
        for event in &receipt.events {
            match event {
                Event::CollateralHandedOver { pool: P, account, instrument, quantity, price } => {
                    *lots.entry(*instrument).or_default() += *quantity;
                    if quantity.is_negative() {
                        *given.entry(*account).or_insert(Money::ZERO) += *price * Quantity::new(1);
                    }
                }
                Event::HandoverRounded { pool: P, account, amount } => {
                    *rounded.entry(*account).or_insert(Money::ZERO) += *amount;
                }
                _ => {}
            }
        }
        prop_assert!(lots.values().all(|sum| sum.is_zero()));
        prop_assert!(rounded.values().copied().sum::<Money>().is_zero());
        for (account, a_lot_of_each) in given {
            let held = &world.pool(0).accounts[account];
            let lost = -rounded.get(&account).copied().unwrap_or_default();
            prop_assert!(lost <= a_lot_of_each && !held.cash.is_negative());
            prop_assert!(held.cash <= a_lot_of_each || account == FUND, "{:?} {:?}", held.cash, a_lot_of_each);
        }
    }
}

/// The worlds above do end, with debts, with the rounding of whole lots and with losses for everybody.
#[test]
fn worlds_end_in_every_way() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..120 {
        let mut world = ruined(seed);
        let Some((_, receipt)) = end(&mut world) else { continue };
        *seen.entry("end").or_default() += 1;
        let mut count = |name, happened: bool| *seen.entry(name).or_default() += u32::from(happened);
        let any = |wanted: fn(&Event) -> bool| receipt.events.iter().any(wanted);
        count("handed over", any(|event| matches!(event, Event::CollateralHandedOver { .. })));
        count("rounded", any(|event| matches!(event, Event::HandoverRounded { .. })));
        count("wind-down", any(|event| is_money(event, Layer::WindDown)));
        count("restored", any(|event| matches!(event, Event::AccountRestored { .. })));
    }
    let needed = ["end", "handed over", "rounded", "wind-down"];
    assert!(needed.iter().all(|name| seen.get(name).is_some_and(|times| *times > 0)), "{seen:?}");
    println!("{seen:?}");
}

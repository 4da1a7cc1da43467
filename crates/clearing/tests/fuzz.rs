//! Fuzzing in the ordinary tests: mutated encodings and hostile command sequences, bounded by a count of rounds.
//!
//! An assertion that commands can reach is a remote kill switch, so the only claim here is that nothing panics and that
//! the books balance. `CLEARING_FUZZ_ROUNDS` multiplies the rounds for a long run; `CLEARING_FUZZ_SEED` moves the seeds.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::integer_division,
    clippy::disallowed_types,
    missing_docs,
    reason = "a test may compute and fail as it likes"
)]

#[path = "properties/world.rs"]
mod world;

use clearing::Engine;
use clearing::command::{Block, Capital, Command, Lifetime, NewOrder};
use clearing::table::{AccountId, InstrumentId, PoolId};
use clearing::units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, Money, Price, Quantity, Time};
use std::panic::{AssertUnwindSafe, catch_unwind};
use world::{CUSTODIAN, Dice, GOVERNANCE, VENUE, World, by, edge, hostile, wild_feed, wild_instrument, wild_pool};

/// The seeds of one test.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let read = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = read("CLEARING_FUZZ_SEED").unwrap_or(0);
    first..first + count * read("CLEARING_FUZZ_ROUNDS").unwrap_or(1)
}

/// Runs every seed; returns what the seeds that failed said.
fn hunt(seeds: impl Iterator<Item = u64>, run: impl Fn(u64)) -> Vec<String> {
    let said = |seed: u64| {
        let panic = catch_unwind(AssertUnwindSafe(|| run(seed))).err()?;
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_string()));
        Some(format!("seed {seed}: {}", text.unwrap_or_default()))
    };
    seeds.filter_map(said).collect()
}

fn assert_survives(seeds: impl Iterator<Item = u64>, run: impl Fn(u64)) {
    let failed = hunt(seeds, run);
    assert!(failed.is_empty(), "{} seeds failed:\n{}", failed.len(), failed.join("\n"));
}

/// Ordinary parameters, ordinary traders, and among them commands with anything in them from anybody.
#[test]
fn hostile_commands_stop_nothing() {
    // R7.1, R1.7
    assert_survives(seeds(25), |seed| {
        let mut world = World::populated(seed);
        for _ in 0..80 {
            let elapsed = world.next_elapsed();
            let mut commands = world.next_commands(elapsed);
            for _ in 0..world.dice.between(0, 20) {
                commands.push(hostile(&mut world.dice));
            }
            world.dice.shuffle(&mut commands);
            world.apply(elapsed, commands);
        }
    });
}

/// Parameters at the ends of their ranges, prices anywhere inside theirs, lots by the trillion, days between blocks.
#[test]
fn extreme_parameters_stop_nothing() {
    // R1.7
    assert_survives(seeds(150), |seed| {
        let mut world = extreme(seed);
        for _ in 0..60 {
            extreme_step(&mut world);
        }
    });
}

/// As above, with mild parameters but prices that jump by any power of two.
#[test]
fn extreme_prices_stop_nothing() {
    // R1.7
    assert_survives(seeds(60), |seed| {
        let mut world = World::populated(seed);
        for _ in 0..60 {
            let at = world.dice.between(0, 2) as usize;
            if world.dice.one_in(6) {
                world.prices[at] = 1 << world.dice.between(0, 43);
            }
            world.step();
        }
    });
}

fn extreme(seed: u64) -> World {
    let mut world = World::empty(seed);
    let mut commands = Vec::new();
    for at in 0..3 {
        let parameters = wild_feed(&mut world.dice);
        commands.push(by(GOVERNANCE, Command::ListFeed { name: format!("feed {at}"), parameters }));
    }
    world.prices = (0..3).map(|_| 1_i64 << world.dice.between(0, 43)).collect();
    for pool in 0..2 {
        let parameters = wild_pool(&mut world.dice);
        commands.push(by(GOVERNANCE, Command::OpenPool { name: format!("pool {pool}"), parameters }));
        for at in 0..4 {
            let (pool, parameters) = (PoolId(pool), wild_instrument(&mut world.dice));
            commands.push(by(GOVERNANCE, Command::ListInstrument { pool, name: format!("instrument {at}"), parameters }));
        }
        let pool = PoolId(pool);
        commands.push(by(CUSTODIAN, Command::Capitalise { pool, capital: Capital::Fund, amount: money(&mut world.dice) }));
        for account in 1..7 {
            commands.push(by(20 + account as u8, Command::OpenAccount { pool }));
            let (account, amount) = (AccountId(account), money(&mut world.dice));
            commands.push(by(CUSTODIAN, Command::Deposit { pool, account, amount }));
            for instrument in 0..4 {
                let (instrument, quantity) = (InstrumentId(instrument), lots(&mut world.dice));
                commands.push(by(CUSTODIAN, Command::DepositCollateral { pool, account, instrument, quantity }));
            }
        }
    }
    world.apply(1_000, commands);
    world
}

fn money(dice: &mut Dice) -> Money {
    Money::new(dice.pick(&[1, 1_000_000, 1_000_000_000_000, MAX_MONEY / 16, MAX_MONEY / 4]))
}

fn lots(dice: &mut Dice) -> Quantity {
    let power = dice.between(0, 40);
    Quantity::new(((1_i64 << power) + dice.between(-1, 1)).clamp(1, MAX_QUANTITY))
}

fn extreme_step(world: &mut World) {
    let elapsed = world.dice.pick(&[1, 1, 100, 1_000, 60_000, 3_600_000, 86_400_000, 31_536_000_000]);
    if world.dice.one_in(3) {
        let at = world.dice.between(0, 2) as usize;
        let price = (1_i64 << world.dice.between(0, 44)) - world.dice.between(0, 1);
        world.prices[at] = if world.dice.one_in(6) { -price } else { price.clamp(0, MAX_PRICE) };
    }
    let at = world.time() + elapsed;
    let mut commands = Vec::new();
    for feed in 0..world.prices.len() {
        let confidence = if world.dice.one_in(6) { edge(&mut world.dice) } else { 0 };
        let late = world.dice.between(0, 1);
        let quotes = world.quote(feed as u16, world.prices[feed], confidence, at - late);
        commands.extend(quotes);
    }
    if world.dice.one_in(12) {
        commands.clear();
    }
    for _ in 0..world.dice.between(0, 12) {
        let command = bold(world);
        commands.push(command);
    }
    let mut block = world.block_of(elapsed, commands);
    block.restart = world.dice.one_in(60);
    if world.engine.check(&block).is_ok() {
        world.apply_block(block);
    }
}

/// A valid looking command with a size of any magnitude.
fn bold(world: &mut World) -> clearing::command::Signed {
    let pool = PoolId(world.dice.between(0, 1) as u16);
    let (account, instrument) = (world.dice.between(1, 6) as u32, InstrumentId(world.dice.between(0, 3) as u16));
    let Some(found) = world.engine.state().pools.find(pool) else { return hostile(&mut world.dice) };
    let mark = found.matrices.mark(instrument).get();
    let number = found.accounts.find(AccountId(account)).map_or(0, |account| account.last_number) + 1;
    let (signer, account) = (20 + account as u8, AccountId(account));
    let quantity = lots(&mut world.dice);
    let side = world.dice.pick(&[-1, 1]);
    let order = NewOrder {
        number,
        instrument,
        quantity: Quantity::new(quantity.get() * side),
        limit: (!world.dice.one_in(2)).then(|| Price::new(mark.saturating_add(world.dice.between(-3, 3)))),
        lifetime: Lifetime::UntilCancelled,
        reduce_only: world.dice.one_in(6),
    };
    match world.dice.between(0, 12) {
        0 => hostile(&mut world.dice),
        1 => {
            let amount = money(&mut world.dice);
            by(signer, Command::Withdraw { pool, account, amount })
        }
        2 => by(signer, Command::WithdrawCollateral { pool, account, instrument, quantity }),
        3 => by(signer, Command::PlaceBid { pool, account, premium: clearing::units::Ratio::ZERO, capacity: Money::new(MAX_MONEY) }),
        4 => {
            let amount = money(&mut world.dice);
            by(signer, Command::JoinTranche { pool, account, amount })
        }
        5 | 6 => {
            let seller = AccountId(world.dice.between(1, 6) as u32);
            by(VENUE, Command::Trade { pool, instrument, buyer: account, seller, quantity, price: Price::new(mark) })
        }
        _ => by(signer, Command::PlaceOrder { pool, account, order }),
    }
}

/// Mutates bytes in one of the ways in which they arrive broken.
fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = dice.between(0, bytes.len() as i64 - 1) as usize;
    match dice.between(0, 5) {
        0 => bytes[at] ^= 1 << dice.between(0, 7),
        1 => bytes.truncate(at),
        2 => bytes.extend([0; 3]),
        3 => {
            let end = (at + 4).min(bytes.len());
            bytes[at..end].fill(0xff);
        }
        4 => {
            bytes.remove(at);
        }
        _ => bytes.insert(at, dice.next() as u8),
    }
}

#[test]
fn mutated_blocks_decode_or_are_refused() {
    let mut world = World::populated(1);
    for _ in 0..5 {
        world.step();
    }
    let originals: Vec<Vec<u8>> = world.log.iter().map(|block| borsh::to_vec(block).unwrap()).collect();
    assert_survives(seeds(2_000), |seed| {
        let mut dice = Dice(seed);
        let mut bytes = dice.pick(&originals);
        for _ in 0..dice.between(1, 3) {
            mutate(&mut dice, &mut bytes);
        }
        let Ok(block) = borsh::from_slice::<Block>(&bytes) else { return };
        // What decodes has one encoding only, and is applied or refused like any other block.
        assert_eq!(borsh::to_vec(&block).unwrap(), bytes, "an encoding is canonical");
        let mut engine = Engine::new(&world::genesis());
        if engine.check(&block).is_ok() {
            engine.apply(&block);
        }
    });
}

#[test]
fn mutated_snapshots_are_refused() {
    let mut world = World::populated(2);
    for _ in 0..30 {
        world.step();
    }
    let original = world.engine.snapshot();
    assert_survives(seeds(400), |seed| {
        let mut dice = Dice(seed);
        let mut bytes = original.clone();
        mutate(&mut dice, &mut bytes);
        // Every byte is under the root, so nothing that differs is accepted.
        assert!(bytes == original || Engine::restore(&bytes).is_err(), "a mutated snapshot was accepted");
    });
}

/// The canary: the same harness, against claims that are false, must fail. If it sings, the tests above are deaf.
#[test]
fn the_harness_finds_what_is_planted() {
    let no_account_ever_owes = |seed: u64| {
        let mut world = World::populated(seed);
        for _ in 0..40 {
            world.step();
            let owes = world.pool(0).accounts.iter().any(|(_, account)| account.cash.is_negative());
            assert!(!owes, "planted");
        }
    };
    let found = hunt(0..5, no_account_ever_owes);
    assert_eq!(found.iter().filter(|text| text.contains("planted")).count(), 5, "{found:?}");

    let block_out_of_order = |seed: u64| {
        let mut world = World::populated(seed);
        let mut block = world.block_of(1, Vec::new());
        block.height += 1;
        world.engine.apply(&block);
    };
    let found = hunt(0..1, block_out_of_order);
    assert!(found.iter().any(|text| text.contains("a block is checked before it is applied")), "{found:?}");

    let flipped = |seed: u64| {
        let world = World::populated(seed);
        let mut bytes = world.engine.snapshot();
        bytes[100] ^= 1;
        assert!(Engine::restore(&bytes).is_ok(), "planted");
    };
    assert_eq!(hunt(0..1, flipped).len(), 1);
}

/// Time never runs backwards, and never further than the year 9999.
#[test]
fn a_block_out_of_order_is_refused_without_a_panic() {
    let world = World::populated(3);
    for height in [0, 1, world.engine.height(), world.engine.height() + 2, u64::MAX] {
        let block = Block { height, ..world.block_of(1, Vec::new()) };
        assert!(world.engine.check(&block).is_err());
    }
    for time in [i64::MIN, -1, 0, world.time(), i64::MAX, clearing::engine::MAX_TIME.get() + 1] {
        let block = Block { time: Time::new(time), ..world.block_of(1, Vec::new()) };
        assert!(world.engine.check(&block).is_err());
    }
    let block = Block { version: 2, ..world.block_of(1, Vec::new()) };
    assert!(world.engine.check(&block).is_err());
}

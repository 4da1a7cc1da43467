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
        let (mut world, mut owing) = (extreme(seed), Owing::new());
        for _ in 0..60 {
            extreme_step(&mut world);
            assert_coherent(&world, &mut owing);
        }
    });
}

/// Accounts that have nothing left but a debt, by pool.
type Owing = std::collections::BTreeSet<(PoolId, AccountId)>;

/// R5.3: today's row is the unshocked row. R9.1, R12.1: nobody who has nothing but a debt counts as good for two blocks in a
/// row: it may arise at the end of a block, and the next one sees it.
fn assert_coherent(world: &World, before: &mut Owing) {
    let restart = world.log.last().is_some_and(|block| block.restart);
    let mut owing = Owing::new();
    for (id, pool) in world.engine.state().pools.iter().filter(|(_, pool)| !pool.winding_down) {
        for (instrument, price) in pool.matrices.today.iter().enumerate() {
            let unshocked = pool.matrices.maintenance.columns[instrument][0];
            assert_eq!(*price, unshocked, "pool {id}, instrument {instrument}: today differs from the unshocked row");
        }
        let owes = |account: &clearing::state::Account| account.positions.is_empty() && account.cash.is_negative();
        let good = pool.accounts.iter().filter(|(_, account)| account.is_good() && owes(account));
        owing.extend(good.map(|(account, _)| (id, account)));
        let still = owing.iter().filter(|key| key.0 == id && before.contains(key)).count();
        assert!(restart || still <= pool.carried as usize, "pool {id}: {still} accounts owe and count as good");
    }
    *before = owing;
}

/// Everybody borrows against collateral, takes the pool's money out and pays high fees; then collateral crashes.
#[test]
fn drained_pools_stop_nothing() {
    // R2.5, R12.1
    assert_survives(seeds(60), |seed| {
        let mut world = drained(seed);
        for _ in 0..60 {
            let elapsed = world.next_elapsed();
            let mut commands = world.next_commands(elapsed);
            for account in 1..7 {
                let amount = Money::new(i128::from(world.dice.between(1, 1 << world.dice.clone().between(10, 34))));
                let (pool, account) = (PoolId(0), AccountId(account));
                if world.dice.one_in(2) {
                    commands.push(by(19 + account.0 as u8, Command::Withdraw { pool, account, amount }));
                }
            }
            if world.dice.one_in(10) {
                let at = world.dice.between(0, 2) as usize;
                world.prices[at] = (world.prices[at] / world.dice.between(1, 20)).max(1);
            }
            world.apply(elapsed, commands);
        }
    });
}

fn drained(seed: u64) -> World {
    let mut rules = world::pool_parameters();
    (rules.account_loan_limit, rules.pool_loan_limit) = (Money::new(MAX_MONEY), Money::new(MAX_MONEY));
    (rules.fund_floor, rules.withdrawal_floor, rules.max_premium) =
        (Money::ZERO, clearing::units::Ratio::ZERO, clearing::units::Ratio::ZERO);
    (rules.loan_rate, rules.loan_slope) = (clearing::units::Ratio::new(100_000), clearing::units::Ratio::new(100_000));
    rules.funding_interval = Time::new(5_000);
    let mut listed = world::perpetual(0);
    listed.fee = clearing::units::Ratio::new(20_000);
    let spots = [world::spot(1), world::spot(2)];
    let pools = [(rules, [vec![listed], spots.to_vec()].concat())];
    let mut world = World::with(&[1_000_000, 1_000_000, 1_000_000], &pools);
    world.dice = Dice(seed);
    let pool = PoolId(0);
    let mut commands = vec![
        by(CUSTODIAN, Command::FundReserve { amount: Money::new(2_000_000_000) }),
        by(GOVERNANCE, Command::SetLine { pool, cap: Money::new(1_000_000_000) }),
    ];
    for account in 1..7 {
        let signer = 19 + account as u8;
        commands.push(by(signer, Command::OpenAccount { pool }));
        let account = AccountId(account);
        for instrument in [InstrumentId(1), InstrumentId(2)] {
            let quantity = Quantity::new(world.dice.between(1, 20_000));
            commands.push(by(CUSTODIAN, Command::DepositCollateral { pool, account, instrument, quantity }));
        }
        if world.dice.one_in(2) {
            let amount = Money::new(world.dice.between(1, 10_000_000_000).into());
            commands.push(by(CUSTODIAN, Command::Deposit { pool, account, amount }));
        }
        world.enter(signer, pool, account);
    }
    world.must(1_000, commands);
    world
}

/// Ordinary worlds to which everything happens that is nobody's fault: restarts, silence, halts, changes of parameters.
#[test]
fn chaos_stops_nothing() {
    // R13.2, R13.4, R7.6
    assert_survives(seeds(60), |seed| {
        let (mut world, mut owing) = (World::populated(seed), Owing::new());
        for _ in 0..80 {
            let elapsed = match world.dice.between(0, 9) {
                0 => world.dice.pick(&[60_000, 3_600_000, 86_400_000]),
                _ => world.next_elapsed(),
            };
            let mut commands = world.next_commands(elapsed);
            if world.dice.one_in(5) {
                // Publishers come first in a block of the world.
                let silent = world.dice.between(1, 9) as usize;
                commands.drain(..silent.min(commands.len()));
            }
            for _ in 0..world.dice.between(0, 4) {
                let command = governed(world.dice.0, &mut world);
                commands.push(command);
            }
            let mut block = world.block_of(elapsed, commands);
            block.restart = world.dice.one_in(40);
            world.apply_block(block);
            assert_coherent(&world, &mut owing);
        }
    });
}

/// Something that governance, a lister or a forecaster may do.
fn governed(seed: u64, world: &mut World) -> clearing::command::Signed {
    let mut dice = Dice(seed ^ 77);
    world.dice.next();
    let pools = world.engine.state().pools.len() as i64;
    let pool = PoolId(dice.between(0, pools - 1) as u16);
    let instruments = world.engine.state().pools[pool].instruments.len() as i64;
    let instrument = InstrumentId(dice.between(0, instruments.max(1) - 1) as u16);
    let feed = clearing::table::FeedId(dice.between(0, 2) as u16);
    let amount = money(&mut dice);
    match dice.between(0, 8) {
        0 => by(GOVERNANCE, Command::SetPool { pool, parameters: wild_pool(&mut dice) }),
        1 => by(GOVERNANCE, Command::SetFeed { feed, parameters: wild_feed(&mut dice) }),
        2 => {
            let listed =
                world.engine.state().pools[pool].instruments.find(instrument).map(|old| old.parameters.clone());
            let new = wild_instrument(&mut dice);
            let kind = listed.as_ref().map_or(new.kind.clone(), |old| old.kind.clone());
            let feed = listed.as_ref().map_or(new.feed, |old| old.feed);
            let negative_prices = listed.is_some_and(|old| old.negative_prices);
            let parameters = clearing::parameters::InstrumentParameters { kind, feed, negative_prices, ..new };
            by(GOVERNANCE, Command::SetInstrument { pool, instrument, parameters })
        }
        3 => by(
            GOVERNANCE,
            Command::ListInstrument { pool, name: "more".into(), parameters: wild_instrument(&mut dice) },
        ),
        4 => by(GOVERNANCE, Command::SetLine { pool, cap: amount }),
        5 => by(CUSTODIAN, Command::Capitalise { pool, capital: Capital::Fund, amount }),
        6 => {
            let at = dice.between(1, 8);
            let (from_pool, from_account) = (PoolId(dice.between(0, 1) as u16), AccountId(at as u32));
            let first_loss = Money::new(10_000_000_000);
            by(19 + at as u8, Command::OpenOwnPool { name: "own".into(), from_pool, from_account, first_loss, feed })
        }
        7 => {
            let volatility = clearing::units::Ratio::new(dice.between(1, 1_000_000));
            by(world::FORECASTER, Command::Forecast { feed, volatility })
        }
        _ => by(20 + dice.between(0, 8) as u8, Command::OpenAccount { pool }),
    }
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

/// The first parameters that are valid; every second time ordinary ones.
fn valid<T>(dice: &mut Dice, ordinary: T, wild: impl Fn(&mut Dice) -> T, is_valid: impl Fn(&T) -> bool) -> T {
    if dice.one_in(2) {
        return ordinary;
    }
    loop {
        let parameters = wild(dice);
        if is_valid(&parameters) {
            return parameters;
        }
    }
}

fn extreme(seed: u64) -> World {
    let mut world = World::empty(seed);
    let mut commands = Vec::new();
    for at in 0..3 {
        let parameters = valid(&mut world.dice, world::feed_parameters(), wild_feed, |wild| {
            wild.check().is_ok() && wild.has_enough_sources()
        });
        commands.push(by(GOVERNANCE, Command::ListFeed { name: format!("feed {at}"), parameters }));
    }
    world.prices = (0..3).map(|_| 1_i64 << world.dice.between(0, 43)).collect();
    for pool in 0..2 {
        let parameters = valid(&mut world.dice, world::pool_parameters(), wild_pool, |wild| {
            wild.check().is_ok() && wild.named_rows.len() < 9
        });
        commands.push(by(GOVERNANCE, Command::OpenPool { name: format!("pool {pool}"), parameters }));
        for at in 0..4 {
            let mut ordinary = world::perpetual(at as u16 % 3);
            ordinary.max_position = Quantity::new(MAX_QUANTITY);
            let parameters =
                valid(&mut world.dice, ordinary, wild_instrument, |wild| wild.check().is_ok() && wild.feed.0 < 3);
            let pool = PoolId(pool);
            commands
                .push(by(GOVERNANCE, Command::ListInstrument { pool, name: format!("instrument {at}"), parameters }));
        }
        let pool = PoolId(pool);
        commands
            .push(by(CUSTODIAN, Command::Capitalise { pool, capital: Capital::Fund, amount: money(&mut world.dice) }));
        for account in 1..7 {
            let signer = 20 + account as u8;
            let (account, amount) = (AccountId(account), money(&mut world.dice));
            commands.extend([by(signer, Command::OpenAccount { pool }), world::leave(signer, pool, account)]);
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

fn extreme_step(world: &mut World) -> Vec<clearing::event::Event> {
    let elapsed = world.dice.pick(&[1, 1, 100, 1_000, 60_000, 3_600_000, 86_400_000, 31_536_000_000]);
    if world.dice.one_in(4) {
        let at = world.dice.between(0, 2) as usize;
        let price = (1_i64 << world.dice.between(0, 44)) - world.dice.between(0, 1);
        world.prices[at] = if world.dice.one_in(6) { -price } else { price.clamp(0, MAX_PRICE) };
    }
    let at = world.time() + elapsed;
    let mut commands = Vec::new();
    for feed in 0..world.prices.len() {
        let confidence = if world.dice.one_in(25) { edge(&mut world.dice) } else { 0 };
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
    if world.engine.check(&block).is_err() {
        return Vec::new();
    }
    world.apply_block(block).events
}

/// A valid looking command with a size of any magnitude.
fn bold(world: &mut World) -> clearing::command::Signed {
    let pool = PoolId(world.dice.between(0, 1) as u16);
    let (account, instrument) = (world.dice.between(1, 6) as u32, InstrumentId(world.dice.between(0, 3) as u16));
    let Some(found) = world.engine.state().pools.find(pool) else { return hostile(&mut world.dice) };
    let mark = found.matrices.mark(instrument).get();
    let number = found.accounts.find(AccountId(account)).map_or(0, |account| account.last_number) + 1;
    let (signer, account) = (20 + account as u8, AccountId(account));
    // Mostly what the largest deposit could carry.
    let most = if world.dice.one_in(4) { 40 } else { (56 - mark.abs().max(1).ilog2() as i64).clamp(0, 40) };
    let quantity = Quantity::new(1 << world.dice.between(most / 2, most));
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
        3 => by(
            signer,
            Command::PlaceBid { pool, account, premium: clearing::units::Ratio::ZERO, capacity: Money::new(MAX_MONEY) },
        ),
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

/// Extreme worlds are not refused ones: they fill orders, liquidate and lose money.
#[test]
fn extreme_worlds_do_trade() {
    let mut seen: std::collections::BTreeMap<String, u32> = std::collections::BTreeMap::new();
    for seed in 0..60 {
        let mut world = extreme(seed);
        for _ in 0..60 {
            let height = world.engine.height();
            for event in extreme_step(&mut world) {
                let name = format!("{event:?}").split([' ', '{']).next().unwrap_or_default().to_string();
                *seen.entry(name).or_default() += 1;
            }
            assert!(world.engine.height() <= height + 1);
        }
    }
    let needed =
        ["Filled", "AuctionCleared", "AccountLiquidated", "AccountClosed", "FundingPaid", "LossAllocated", "Expired"];
    let missing: Vec<&str> = needed.into_iter().filter(|name| !seen.contains_key(*name)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}; happened: {seen:?}");
    if std::env::var_os("CLEARING_PRINT_EVENTS").is_some() {
        println!("{seen:?}");
    }
}

/// An observation from before the epoch is nothing to compute an age from.
#[test]
fn observations_from_any_time_stop_nothing() {
    // R3.1
    let mut world = World::populated(4);
    for published_at in [i64::MIN, i64::MIN + 1, -1, 0, 1] {
        let commands = world.quote(0, 2_000_000, 0, published_at);
        world.apply(1, commands);
    }
}

/// The volatility of a price that leaps between its bounds is bounded.
#[test]
fn leaping_prices_stop_nothing() {
    // R4.1, R1.7
    for (clip, decay) in [(64_000_000, 500_000), (64_000_000, 999_999), (64_000_000, 0), (1_000_000, 500_000)] {
        let mut feed = world::feed_parameters();
        (feed.clip, feed.decay) = (clearing::units::Ratio::new(clip), clearing::units::Ratio::new(decay));
        (feed.sample_interval, feed.minimum, feed.share_base) = (Time::new(1), Price::new(-MAX_PRICE), Price::new(1));
        let mut listed = world::perpetual(0);
        (listed.negative_prices, listed.stress_base) = (true, Price::new(1));
        let mut world = World::with_feeds(&[1], &[feed], &[(world::pool_parameters(), vec![listed])]);
        for round in 0..200 {
            world.prices[0] = [1, MAX_PRICE - 1, -1, 1 - MAX_PRICE][round % if round < 100 { 2 } else { 4 }];
            world.tick(1);
        }
    }
}

/// Rows that wait out a timelock count when something else is listed meanwhile: the set never outgrows its bound.
#[test]
fn pending_rows_and_listings_fit_together() {
    // R5.2, R7.6
    let prices = [1_000_000; 8];
    let listed = |count: u16| (0..count).map(world::perpetual).collect::<Vec<_>>();
    let mut world = World::with(&prices, &[(world::pool_parameters(), listed(7))]);
    world.open(0, 20, 1_000_000);
    let mut rules = world::pool_parameters();
    let row = clearing::parameters::NamedRow { name: "row".into(), moves: Vec::new() };
    rules.named_rows = vec![row; 16];
    let pool = PoolId(0);
    let list = |parameters| by(GOVERNANCE, Command::ListInstrument { pool, name: "more".into(), parameters });
    world.must(1, vec![by(GOVERNANCE, Command::SetPool { pool, parameters: rules })]);
    world.apply(1, vec![list(world::perpetual(7)), list(world::spot(0)), list(world::spot(1)), list(world::spot(2))]);
    for _ in 0..4 {
        world.tick(60_000);
    }
    assert!(world.pool(0).matrices.initial.len() <= clearing::units::MAX_ROWS);
}

/// A future settles at an average that the mark has left behind: what its holder cannot pay goes to the waterfall.
#[test]
fn a_settlement_loss_reaches_the_waterfall() {
    // R16.2, R12.1
    let expiry = world::START + 100_000;
    let mut world = World::with(&[1_000_000], &[(world::pool_parameters(), vec![world::dated(0, expiry)])]);
    let (rich, thin) = (world.open(0, 20, 1 << 50), world.open(0, 21, 60_000_000));
    let trade = Command::Trade {
        pool: PoolId(0),
        instrument: InstrumentId(0),
        buyer: AccountId(thin),
        seller: AccountId(rich),
        quantity: Quantity::new(400),
        price: Price::new(1_000_000),
    };
    world.must(1, vec![by(VENUE, trade)]);
    let mut owing = Owing::new();
    for _ in 0..200 {
        // It crashes in the very block of the expiry.
        if world.time() + 1_000 >= expiry {
            world.prices[0] = 100_000;
        }
        world.tick(1_000);
        assert_coherent(&world, &mut owing);
    }
    assert!(world.account(0, thin).positions.is_empty() && !world.account(0, thin).cash.is_negative());
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
    let block = Block { version: clearing::command::BLOCK_VERSION + 1, ..world.block_of(1, Vec::new()) };
    assert!(world.engine.check(&block).is_err());
}

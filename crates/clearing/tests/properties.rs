//! What must hold whatever happens: properties of seeded worlds in which markets crash, accounts default and waterfalls run.
//!
//! Every test runs the same kind of world (`properties/world.rs`); `every_kind_of_event_occurs` shows that these worlds do
//! reach liquidations, auctions, deleveraging and the rest, so that the properties are not vacuous.
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

use clearing::Engine;
use clearing::command::{Block, Capital, Command, Signed};
use clearing::event::{Event, Layer, Receipt};
use clearing::margin;
use clearing::state::{Account, FUND, Level, Order, Pool, Position, Standing, State};
use clearing::table::{AccountId, InstrumentId, PoolId};
use clearing::units::{Accrued, Money, PARTS, Price, Quantity, Ratio};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use world::{CUSTODIAN, Dice, GOVERNANCE, USD, VENUE, World, by, hostile, new_order, perpetual, pool_parameters, spot};

/// How many blocks a world lives in one case.
const BLOCKS: usize = 70;

/// `CLEARING_FUZZ_ROUNDS` multiplies the cases for a long run.
fn config(cases: u32) -> ProptestConfig {
    let rounds = std::env::var("CLEARING_FUZZ_ROUNDS").ok().and_then(|text| text.parse::<u32>().ok());
    let cases = cases * rounds.unwrap_or(1);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() }
}

/// A block of the world with some hostile commands among the ordinary ones.
fn mixed(world: &mut World, elapsed: i64) -> Vec<Signed> {
    let mut commands = world.next_commands(elapsed);
    for _ in 0..world.dice.between(0, 6) {
        let at = world.dice.between(0, commands.len() as i64) as usize;
        commands.insert(at, hostile(&mut world.dice));
    }
    commands
}

/// Money that crossed the border in a block, counted from the commands that were accepted.
fn crossed(commands: &[Signed], receipt: &Receipt) -> Money {
    let refused: BTreeSet<usize> = receipt.rejections.iter().map(|(at, _)| *at as usize).collect();
    let accepted = commands.iter().enumerate().filter(|(at, _)| !refused.contains(at));
    let flow = |signed: &Signed| match signed.command {
        Command::Deposit { amount, .. } | Command::Capitalise { amount, .. } | Command::FundReserve { amount } => {
            amount
        }
        Command::Withdraw { amount, .. } => -amount,
        _ => Money::ZERO,
    };
    accepted.map(|(_, signed)| flow(signed)).sum()
}

fn lots_crossed(commands: &[Signed], receipt: &Receipt) -> BTreeMap<(PoolId, InstrumentId), i64> {
    let refused: BTreeSet<usize> = receipt.rejections.iter().map(|(at, _)| *at as usize).collect();
    let mut flows = BTreeMap::new();
    for (_, signed) in commands.iter().enumerate().filter(|(at, _)| !refused.contains(at)) {
        match signed.command {
            Command::DepositCollateral { pool, instrument, quantity, .. } => {
                *flows.entry((pool, instrument)).or_default() += quantity.get();
            }
            Command::WithdrawCollateral { pool, instrument, quantity, .. } => {
                *flows.entry((pool, instrument)).or_default() -= quantity.get();
            }
            _ => {}
        }
    }
    flows
}

fn books_of(pool: &Pool) -> Money {
    let mut sum = pool.own_capital + pool.fees + pool.rounding + pool.prepaid;
    for (_, account) in pool.accounts.iter() {
        sum += account.cash;
    }
    for share in pool.tranche.values() {
        sum += share.amount;
    }
    sum
}

fn custody_of(state: &State) -> Money {
    state.pools.iter().map(|(_, pool)| pool.custody).sum::<Money>() + state.reserve
}

fn sum_of_lots(pool: &Pool, instrument: InstrumentId) -> i64 {
    pool.accounts.iter().map(|(_, account)| account.quantity(instrument).get()).sum()
}

/// What all accounts owe of funding, in parts of a quantum: less than nothing would be owed to somebody by nobody. R16.1
fn owed_by_all(pool: &Pool) -> i128 {
    let come = |position: &Position| pool.instruments[position.instrument].funding * position.quantity;
    let owed = |account: &Account| account.positions.iter().map(come).sum::<Accrued>() + account.accrued.funding;
    let interest: Money = pool.accounts.iter().map(|(_, account)| account.accrued.prepaid).sum();
    let paid_ahead = Accrued::of_money(pool.prepaid - interest, PARTS);
    (pool.accounts.iter().map(|(_, account)| owed(account)).sum::<Accrued>() + paid_ahead).get()
}

proptest! {
    #![proptest_config(config(24))]

    // R16.1, R2.4
    #[test]
    fn what_one_is_owed_another_owes(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            let elapsed = world.next_elapsed();
            let commands = mixed(&mut world, elapsed);
            world.apply(elapsed, commands);
            for (_, pool) in world.engine.state().pools.iter() {
                // Whoever was closed and is opened again by money gives up what was owed to it.
                prop_assert!(owed_by_all(pool) >= 0);
            }
        }
    }

    // R2.4, R2.3, R1.3
    #[test]
    fn nothing_is_made_or_lost(seed: u64) {
        let mut world = World::populated(seed);
        let (mut custody, mut held) = (custody_of(world.engine.state()), BTreeMap::<(PoolId, InstrumentId), i64>::new());
        for (id, pool) in world.engine.state().pools.iter() {
            held.extend(pool.instruments.ids().map(|instrument| ((id, instrument), sum_of_lots(pool, instrument))));
        }
        for _ in 0..BLOCKS {
            let elapsed = world.next_elapsed();
            let commands = mixed(&mut world, elapsed);
            let receipt = world.apply(elapsed, commands.clone());
            custody += crossed(&commands, &receipt);
            for (key, lots) in lots_crossed(&commands, &receipt) {
                *held.entry(key).or_default() += lots;
            }
            prop_assert_eq!(custody_of(world.engine.state()), custody);
            for (id, pool) in world.engine.state().pools.iter() {
                prop_assert_eq!(books_of(pool), pool.custody);
                for instrument in pool.instruments.ids() {
                    let expected = held.get(&(id, instrument)).copied().unwrap_or(0);
                    prop_assert_eq!(sum_of_lots(pool, instrument), expected);
                }
            }
        }
    }

    // R4.7, R7.6: whoever was there first sees nothing of a listing until it opens, whatever feed or asset it brings.
    #[test]
    fn a_listing_moves_nothing_before_it_opens(seed: u64) {
        let mut world = World::populated(seed);
        let mut listing = world.clone();
        let (pool, opens_at) = (PoolId(1), world.time() + 1_000 + pool_parameters().timelock.get());
        let list = |name: &str, parameters| {
            by(GOVERNANCE, Command::ListInstrument { pool, name: name.to_string(), parameters })
        };
        world.must(1_000, Vec::new());
        listing.must(1_000, vec![list("new", perpetual(2)), list("twin", perpetual(0)), list("asset", spot(1))]);
        let mut rows = 0;
        loop {
            let elapsed = world.next_elapsed();
            let commands = world.next_commands(elapsed);
            let (one, other) = (world.apply(elapsed, commands.clone()), listing.apply(elapsed, commands));
            if world.time() >= opens_at {
                break;
            }
            prop_assert_eq!(one.events, other.events);
            let (one, other) = (world.pool(1), listing.pool(1));
            prop_assert_eq!(&one.stresses, &other.stresses);
            for (one, other) in [
                (&one.matrices.maintenance, &other.matrices.maintenance),
                (&one.matrices.target, &other.matrices.target),
                (&one.matrices.initial, &other.matrices.initial),
            ] {
                prop_assert_eq!(&one.scenarios, &other.scenarios);
                prop_assert_eq!(&one.columns[..2], &other.columns[..2]);
                rows = one.len();
            }
        }
        prop_assert!(listing.pool(1).matrices.initial.len() > rows || listing.pool(1).winding_down);
    }

    // R7.1
    #[test]
    fn a_rejected_command_changes_nothing(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            let elapsed = world.next_elapsed();
            let commands = mixed(&mut world, elapsed);
            let mut without = world.clone();
            let receipt = world.apply(elapsed, commands.clone());
            let refused: BTreeSet<usize> = receipt.rejections.iter().map(|(at, _)| *at as usize).collect();
            let rest = commands.into_iter().enumerate().filter(|(at, _)| !refused.contains(at)).map(|(_, signed)| signed);
            let clean = without.must(elapsed, rest.collect());
            prop_assert_eq!(clean.root, receipt.root);
            prop_assert_eq!(clean.events, receipt.events);
        }
    }

    // R1.6, R13.4
    #[test]
    fn the_same_log_gives_the_same_state(seed: u64, cut in 0..BLOCKS) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            let elapsed = world.next_elapsed();
            let commands = mixed(&mut world, elapsed);
            world.apply(elapsed, commands);
        }
        let mut engine = Engine::new(&world::genesis());
        for (at, block) in world.log.iter().enumerate() {
            if at == cut {
                let restored = Engine::restore(&engine.snapshot()).unwrap();
                prop_assert_eq!(restored.root(), engine.root());
                engine = restored;
            }
            engine.apply(block);
        }
        prop_assert_eq!(engine.root(), world.engine.root());
        prop_assert_eq!(engine.snapshot(), world.engine.snapshot());
        prop_assert_eq!(engine.state(), world.engine.state());
    }

    // R8.1
    #[test]
    fn the_order_of_commands_in_a_block_decides_nothing(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            let elapsed = world.next_elapsed();
            let all = world.next_commands(elapsed);
            // What shares a limit (the custody's money, a cap, another account) is first come, first served by nature.
            let (own, shared): (Vec<Signed>, Vec<Signed>) = all.into_iter().partition(|signed| matches!(
                signed.command,
                Command::PlaceOrder { .. } | Command::CancelOrder { .. } | Command::CancelAll { .. } | Command::PlaceBid { .. }
                    | Command::CancelBid { .. } | Command::Observe { .. } | Command::SealOrder { .. } | Command::RevealOrder { .. }
            ));
            let mut permuted = world.clone();
            let order = shuffled_by_signer(&mut world.dice, own.clone());
            let one = world.apply(elapsed, own);
            let other = permuted.apply(elapsed, order);
            let filled = |receipt: &Receipt| receipt.events.iter().filter(|event| matches!(event, Event::Filled { .. })).cloned().collect::<Vec<_>>();
            prop_assert_eq!(filled(&one), filled(&other));
            prop_assert_eq!(one.root, other.root);
            world.apply(1, shared);
        }
    }

    // R6.4, R5.3: on the accounts of the world, and on vectors that nobody holds.
    #[test]
    fn maintenance_target_initial_in_this_order(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS / 2 {
            world.step();
            world.step();
            let mut dice = world.dice.clone();
            for (_, pool) in world.engine.state().pools.iter() {
                for (_, account) in pool.accounts.iter() {
                    check_bars(pool, account.cash, &account.positions)?;
                    check_bars(pool, account.cash, &random_positions(pool, &mut dice))?;
                }
            }
        }
    }

    // R6.2: free collateral moves with cash one to one, and a breach never comes from having more.
    #[test]
    fn more_collateral_never_hurts_a_vector(seed: u64, more in 1_i64..1 << 50) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS / 4 {
            world.step();
            let mut dice = world.dice.clone();
            for (_, pool) in world.engine.state().pools.iter() {
                let positions = random_positions(pool, &mut dice);
                let cash = Money::new(dice.between(-(1 << 45), 1 << 45).into());
                let richer = cash + Money::new(more.into());
                let free = |cash| margin::free_collateral(pool, cash, &positions);
                prop_assert_eq!(free(richer) - free(cash), richer - cash);
                prop_assert!(!margin::breaches(pool, richer, &positions) || margin::breaches(pool, cash, &positions));
                for spot in pool.instruments.iter().filter(|(_, listed)| listed.is_spot()).map(|(id, _)| id) {
                    // Without exit cost another lot of collateral is worth at least nothing in every row.
                    let rows = [&pool.matrices.maintenance, &pool.matrices.initial];
                    prop_assert!(rows.iter().all(|rows| rows.column(spot).iter().all(|price| !price.is_negative())));
                }
            }
        }
    }

    // R7.2, R6.5: after a block, whichever of its orders fill at their limits, the account is sound in initial rows.
    #[test]
    fn whichever_orders_fill_the_account_is_sound(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            let receipt = world.step();
            for (id, pool) in world.engine.state().pools.iter().filter(|(_, pool)| !pool.winding_down) {
                let disturbed = disturbed_in(&receipt, id);
                for (_, held) in pool.accounts.iter().filter(|(account, _)| !disturbed.contains(account)) {
                    // R3.10: what rests on collateral that backs nothing waits, and does not trade.
                    let backed = held.positions.iter().all(|position| pool.matrices.backs(position.instrument));
                    if held.is_good() && !only_reductions(held) && backed {
                        check_subsets(pool, held)?;
                    }
                }
            }
        }
    }

    // R9.1, R9.2, R13.5, R13.4: who breaches is liquidated in the same block.
    #[test]
    fn nobody_breaches_and_stays_good(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            let receipt = world.step();
            for (id, pool) in world.engine.state().pools.iter().filter(|(_, pool)| !pool.winding_down) {
                let disturbed = disturbed_in(&receipt, id);
                // R13.4: but for those who have no market at all while one of theirs is halted.
                let level = |position: &Position| pool.instruments[position.instrument].breaker.level;
                let waits = |held: &Account| held.positions.iter().any(|position| level(position) == Level::Halted)
                    && held.positions.iter().all(|position| level(position) >= Level::ReduceOnly);
                let breaching = pool.accounts.iter().filter(|(account, held)| {
                    held.is_good() && !waits(held) && !disturbed.contains(account) && breaches(pool, held)
                });
                let breaching: Vec<AccountId> = breaching.map(|(account, _)| account).collect();
                prop_assert!(breaching.len() <= pool.carried as usize, "{:?} at {} {:?}", breaching, receipt.height, receipt.events);
            }
        }
    }

    // R12.1, R12.2, R12.3, R12.5
    #[test]
    fn losses_are_allocated_exactly(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            let before = world.engine.state().clone();
            let receipt = world.step();
            check_certificates(&receipt)?;
            check_layers(&before, world.engine.state(), &receipt)?;
        }
    }

    // R2.1, R11.6: what one pool's members do is nothing to another pool, the shared reserve and its lines apart.
    #[test]
    fn pools_are_isolated(seed: u64) {
        let mut world = World::populated(seed);
        let mut alone = world.clone();
        for _ in 0..BLOCKS {
            let elapsed = world.next_elapsed();
            let commands = world.next_commands(elapsed);
            let quiet = commands.iter().filter(|signed| pool_named(&signed.command) != Some(PoolId(0))).cloned();
            alone.apply(elapsed, quiet.collect());
            world.apply(elapsed, commands);
            // Once a line is drawn, the reserve that is left depends on everybody.
            if world.engine.state().reserve != alone.engine.state().reserve {
                break;
            }
            prop_assert_eq!(borsh::to_vec(world.pool(1)).unwrap(), borsh::to_vec(alone.pool(1)).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(config(60))]

    // R6.3, R9.1: of two accounts with the same position, the richer is never the first to be liquidated.
    #[test]
    fn the_richer_twin_is_never_liquidated_first(seed: u64, poor in 100_i64..400, more in 1_i64..400, lots in 1_i64..1_000) {
        let mut world = World::with(&[1_000_000], &[(pool_parameters(), vec![perpetual(0)])]);
        world.dice = Dice(seed);
        let maker = world.open(0, 20, 1_000_000 * USD);
        let twins = [world.open(0, 21, i128::from(poor) * USD), world.open(0, 22, i128::from(poor + more) * USD)];
        let buys = world.dice.one_in(2);
        let trades = twins.map(|twin| {
            let (buyer, seller) = if buys { (twin, maker) } else { (maker, twin) };
            by(VENUE, Command::Trade {
                pool: PoolId(0),
                instrument: InstrumentId(0),
                buyer: AccountId(buyer),
                seller: AccountId(seller),
                quantity: Quantity::new(lots),
                price: Price::new(1_000_000),
            })
        });
        let receipt = world.apply(1, trades.to_vec());
        // What the poorer may do, the richer may do.
        prop_assert!(receipt.rejections.iter().all(|(at, _)| *at == 0) || receipt.rejections.len() == 2);
        prop_assume!(receipt.rejections.is_empty());
        for _ in 0..60 {
            let moved = world.dice.between(-50_000, 50_000);
            world.prices[0] += world.prices[0] * moved / 1_000_000;
            let receipt = world.tick(1_000);
            let liquidated = |twin: u32| receipt.events.iter().any(|event| {
                matches!(event, Event::AccountLiquidated { account, .. } if account.0 == twin)
            });
            let [poor, rich] = twins.map(liquidated);
            prop_assert!(poor || !rich);
            if poor {
                break;
            }
        }
    }

    // R10.2: while it is being reduced, an account's worst stressed equity does not fall.
    #[test]
    fn a_liquidation_step_never_lowers_the_worst_stressed_equity(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            let before = world.engine.state().clone();
            let elapsed = world.next_elapsed();
            let commands = world.next_commands(elapsed);
            let touched: BTreeSet<AccountId> = commands.iter().flat_map(|signed| accounts_named(&signed.command)).collect();
            let receipt = world.apply(elapsed, commands);
            check_steps(&before, world.engine.state(), &touched, &receipt)?;
        }
    }
}

/// R10.1, R13.5: when a block has no room for everybody, the worst go first.
#[test]
fn the_worst_are_liquidated_first() {
    let mut compared = 0;
    for seed in 0..40 {
        let mut world = World::populated(seed);
        for _ in 0..BLOCKS {
            let before = world.engine.state().clone();
            let elapsed = world.next_elapsed();
            let commands = world.next_commands(elapsed);
            let touched: BTreeSet<AccountId> =
                commands.iter().flat_map(|signed| accounts_named(&signed.command)).collect();
            let receipt = world.apply(elapsed, commands);
            let (was, pool) = (&before.pools[PoolId(0)], world.pool(0));
            let disturbed = disturbed_in(&receipt, PoolId(0));
            let left_alone =
                |account: &AccountId| !touched.contains(account) && !disturbed.contains(account) && *account != FUND;
            let begun = receipt.events.iter().filter_map(|event| match event {
                Event::AccountLiquidated { pool: PoolId(0), account, .. } if !touched.contains(account) => {
                    Some(*account)
                }
                _ => None,
            });
            let begun: Vec<AccountId> = begun.filter(|account| *account != FUND).collect();
            let waiting = pool.accounts.iter().filter(|(account, held)| {
                // Whoever traded in the auction afterwards stood elsewhere when the order was made.
                left_alone(account) && held.is_good() && **held == was.accounts[*account] && breaches(pool, held)
            });
            for (waiting, held) in waiting {
                for account in &begun {
                    assert!(
                        severity(pool, &was.accounts[*account]) <= severity(pool, held),
                        "{account} before {waiting}"
                    );
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 0, "nobody ever had to wait");
}

/// The worst stressed equity for a million of what everything is worth.
fn severity(pool: &Pool, account: &Account) -> i128 {
    let worth: Money =
        account.positions.iter().map(|held| pool.matrices.mark(held.instrument).abs() * held.quantity.abs()).sum();
    let worst = margin::maintenance_worst(pool, account.cash, &account.positions).value;
    (worst.get() * 1_000_000).div_euclid(worth.get().max(1))
}

/// Checks every account that sold under liquidation in this block and that nothing else touched; says how many.
fn check_steps(
    before: &State,
    after: &State,
    touched: &BTreeSet<AccountId>,
    receipt: &Receipt,
) -> Result<usize, TestCaseError> {
    let paid =
        |event: &Event| matches!(event, Event::FundingPaid { .. } | Event::InterestPaid { .. } | Event::Expired { .. });
    if receipt.events.iter().any(paid) {
        return Ok(0);
    }
    let mut checked = 0;
    for event in &receipt.events {
        let Event::Filled { pool: id, account, forced: true, .. } = event else { continue };
        if touched.contains(account) || disturbed_in(receipt, *id).contains(account) {
            continue;
        }
        let pool = &after.pools[*id];
        let (was, is) = (&before.pools[*id].accounts[*account], &pool.accounts[*account]);
        let worst = |account: &Account| margin::target_worst(pool, account.cash, &account.positions);
        // R16.1: a liquidation begins with what has accrued against the account: all the cash that its fills do not explain.
        let own = |event: &Event| match event {
            Event::Filled { pool, account: whose, price, quantity, fee, .. } if (pool, whose) == (id, account) => {
                *price * *quantity + *fee
            }
            _ => Money::ZERO,
        };
        let accrued = was.cash - is.cash - receipt.events.iter().map(own).sum::<Money>();
        // Who went on to a portfolio auction in the same block has nothing left to compare; of who is closed, everything goes. R10.8
        if !is.positions.is_empty() && was.standing != Standing::Closed {
            prop_assert!(
                worst(is) >= worst(was) - accrued.or_zero(),
                "{} {:?} to {:?}: {:?}",
                account,
                was,
                is,
                receipt.events
            );
            checked += 1;
        }
    }
    Ok(checked)
}

/// The tests of single steps do find steps to test.
#[test]
fn the_checks_of_single_steps_are_not_vacuous() {
    let (mut steps, mut subsets) = (0, 0);
    for seed in 0..24 {
        let mut world = World::populated(seed);
        for _ in 0..2 * BLOCKS {
            let before = world.engine.state().clone();
            let elapsed = world.next_elapsed();
            let commands = world.next_commands(elapsed);
            let touched = commands.iter().flat_map(|signed| accounts_named(&signed.command)).collect();
            let receipt = world.apply(elapsed, commands);
            steps += check_steps(&before, world.engine.state(), &touched, &receipt).unwrap();
            let accounts = world.engine.state().pools.iter().flat_map(|(_, pool)| pool.accounts.iter());
            subsets += accounts.filter(|(_, held)| held.is_good() && !only_reductions(held)).count();
        }
    }
    assert!(steps > 20 && subsets > 100, "steps checked: {steps}, accounts with orders checked: {subsets}");
}

fn pool_named(command: &Command) -> Option<PoolId> {
    match command {
        Command::OpenAccount { pool }
        | Command::Deposit { pool, .. }
        | Command::DepositCollateral { pool, .. }
        | Command::Withdraw { pool, .. }
        | Command::WithdrawCollateral { pool, .. }
        | Command::PlaceOrder { pool, .. }
        | Command::CancelOrder { pool, .. }
        | Command::CancelAll { pool, .. }
        | Command::SealOrder { pool, .. }
        | Command::RevealOrder { pool, .. }
        | Command::Trade { pool, .. }
        | Command::PlaceBid { pool, .. }
        | Command::CancelBid { pool, .. }
        | Command::JoinTranche { pool, .. }
        | Command::LeaveTranche { pool, .. }
        | Command::AllowVenue { pool, .. } => Some(*pool),
        _ => None,
    }
}

/// The accounts whose vectors a command may change before the cycle.
fn accounts_named(command: &Command) -> Vec<AccountId> {
    match command {
        Command::Deposit { account, .. }
        | Command::DepositCollateral { account, .. }
        | Command::Withdraw { account, .. }
        | Command::WithdrawCollateral { account, .. }
        | Command::JoinTranche { account, .. }
        | Command::LeaveTranche { account, .. } => vec![*account],
        Command::Trade { buyer, seller, .. } => vec![*buyer, *seller],
        _ => Vec::new(),
    }
}

/// Another order of the commands in which each signer's own commands keep theirs.
fn shuffled_by_signer(dice: &mut Dice, commands: Vec<Signed>) -> Vec<Signed> {
    let mut signers: Vec<_> = commands.iter().map(|signed| signed.signer).collect();
    dice.shuffle(&mut signers);
    let mut queues: BTreeMap<_, std::collections::VecDeque<Signed>> = BTreeMap::new();
    for signed in commands {
        queues.entry(signed.signer).or_default().push_back(signed);
    }
    signers.iter().map(|signer| queues.get_mut(signer).unwrap().pop_front().unwrap()).collect()
}

fn random_positions(pool: &Pool, dice: &mut Dice) -> Vec<Position> {
    let mut positions = Vec::new();
    for (instrument, listed) in pool.instruments.iter() {
        let low = if listed.is_spot() { 0 } else { -100_000 };
        let quantity = Quantity::new(dice.between(low, 100_000));
        if !quantity.is_zero() {
            positions.push(Position { instrument, quantity, entry: Money::ZERO });
        }
    }
    positions
}

fn check_bars(pool: &Pool, cash: Money, positions: &[Position]) -> Result<(), TestCaseError> {
    let equity = margin::equity(&pool.matrices, cash, positions);
    let maintenance = margin::maintenance_margin(pool, cash, positions);
    let target = equity - margin::target_worst(pool, cash, positions);
    let initial = margin::initial_margin(pool, cash, positions);
    prop_assert!(maintenance <= target && target <= initial, "{maintenance:?} {target:?} {initial:?}");
    Ok(())
}

/// Accounts that a layer of the waterfall, a slice or a conversion changed after the block's checks.
fn disturbed_in(receipt: &Receipt, id: PoolId) -> BTreeSet<AccountId> {
    let changed = |event: &Event| match event {
        Event::AutoDeleveraged { pool, account, .. } | Event::CollateralConverted { pool, account, .. } => {
            Some((*pool, *account))
        }
        Event::SliceTaken { pool, bidder, .. } => Some((*pool, *bidder)),
        // R11.1: the fund pays below its own bar; it is liquidated in the next block.
        Event::PortfolioAbsorbed { pool, .. } | Event::LossAllocated { pool, layer: Layer::Fund, .. } => {
            Some((*pool, FUND))
        }
        Event::LossAllocated { pool, bearer: Some(bearer), .. } => Some((*pool, *bearer)),
        _ => None,
    };
    receipt.events.iter().filter_map(changed).filter(|(pool, _)| *pool == id).map(|(_, account)| account).collect()
}

/// Whether every order can only bring a position nearer to zero: such orders stay when initial margin is not met. R6.5
fn only_reductions(account: &Account) -> bool {
    account.orders.iter().all(|order| account.quantity(order.instrument).opposes(order.quantity))
}

/// The breach of R6.3 by its definition, row by row.
fn breaches(pool: &Pool, account: &Account) -> bool {
    let cost = margin::maintenance_exit_cost(pool, &account.positions);
    let doubt = margin::doubt_in_favour(pool, account.cash, &account.positions);
    (0..pool.matrices.maintenance.len()).any(|row| {
        let value: Money = account
            .positions
            .iter()
            .map(|held| pool.matrices.maintenance.column(held.instrument)[row] * held.quantity)
            .sum();
        (account.cash + value - cost + doubt).is_negative()
    })
}

/// A fee rounds up twice, and the first rounding is multiplied by the surcharge.
const FEE_SLACK: i128 = 8;

fn check_subsets(pool: &Pool, held: &Account) -> Result<(), TestCaseError> {
    assert!(held.orders.len() <= 8, "the world allows eight orders");
    for subset in 0..1_u32 << held.orders.len() {
        let mut after = held.clone();
        for (at, order) in held.orders.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1) {
            assert!(at < 8);
            buy(pool, &mut after, order);
        }
        let slack = Money::new(FEE_SLACK * held.orders.len() as i128);
        let free = margin::free_collateral(pool, after.cash, &after.positions) + slack;
        prop_assert!(!free.is_negative(), "{:?} of {:?}: {:?}", subset, held, free);
    }
    Ok(())
}

fn buy(pool: &Pool, account: &mut Account, order: &Order) {
    let value = order.limit * order.quantity;
    account.cash -= value + pool.fee(order.instrument, value);
    match account.positions.iter_mut().find(|position| position.instrument == order.instrument) {
        Some(position) => position.quantity += order.quantity,
        None => account.positions.push(Position {
            instrument: order.instrument,
            quantity: order.quantity,
            entry: Money::ZERO,
        }),
    }
}

fn check_certificates(receipt: &Receipt) -> Result<(), TestCaseError> {
    let mut taken: BTreeMap<(PoolId, AccountId, InstrumentId), (Money, Money)> = BTreeMap::new();
    for event in &receipt.events {
        if let Event::AutoDeleveraged { pool, defaulter, instrument, deficit, gain, all_gains, haircut, .. } = event {
            prop_assert!(!haircut.is_negative() && haircut <= gain.max(&Money::ZERO), "{event:?}");
            prop_assert!(haircut.is_zero() || gain <= all_gains);
            let (sum, due) = taken.entry((*pool, *defaulter, *instrument)).or_default();
            *sum += *haircut;
            *due = *deficit;
        }
    }
    prop_assert!(taken.values().all(|(sum, due)| sum <= due), "{taken:?}");
    Ok(())
}

/// Who is closed ends with nothing, and the parts of its loss were borne in the order of the layers.
fn check_layers(before: &State, after: &State, receipt: &Receipt) -> Result<(), TestCaseError> {
    for event in &receipt.events {
        let Event::AccountClosed { pool: id, account, .. } = event else { continue };
        let (pool, was) = (&after.pools[*id], &before.pools[*id].accounts[*account]);
        let held = &pool.accounts[*account];
        // Money that was on its way out of the tranche still arrives.
        if *account != FUND && !pool.winding_down && !before.pools[*id].tranche.contains_key(account) {
            // R10.8: but for legs that wait for their market, and what it owes against them.
            let is_empty = held.positions.is_empty();
            prop_assert!(held.cash.is_zero() || !is_empty, "{:?} before, {:?}", was, receipt.events);
            prop_assert_eq!(held.standing, Standing::Closed);
        }
        let layers: Vec<Layer> = receipt
            .events
            .iter()
            .filter_map(|event| match event {
                Event::LossAllocated { pool, defaulter, layer, .. } if pool == id && defaulter == account => {
                    Some(*layer)
                }
                _ => None,
            })
            .filter(|layer| *layer < Layer::AutoDeleveraging)
            .collect();
        // A second visit (after deleveraging) may begin again where capital came in meanwhile, but never within a visit.
        let falls = layers.windows(2).filter(|pair| pair[0] > pair[1]).count();
        prop_assert!(falls <= 1, "{layers:?}");
    }
    Ok(())
}

/// R7.2: an account below initial margin keeps no more orders than reduce its position, however many there were.
#[test]
fn many_reducing_orders_do_not_add_up_to_a_new_position() {
    let mut world = World::with(&[1_000_000], &[(pool_parameters(), vec![perpetual(0)])]);
    let (maker, seller) = (world.open(0, 20, 1_000_000 * USD), world.open(0, 21, 200 * USD));
    let place = |signer: u8, account: u32, number: u64, lots: i64, limit: i64| {
        let order = new_order(number, 0, lots, Some(limit));
        by(signer, Command::PlaceOrder { pool: PoolId(0), account: AccountId(account), order })
    };
    world.must(1, vec![place(20, maker, 1, -100, 1_000_000), place(21, seller, 1, 100, 1_000_000)]);
    let held = world.account(0, seller).quantity(InstrumentId(0)).get();
    assert_eq!(held, 100);
    let asks = (2..9).map(|number| place(21, seller, number, -100, 1_001_000));
    world.must(1, asks.collect());
    // The price rises until initial margin does not carry all of them, and a buyer takes everything.
    for step in 0..30 {
        world.prices[0] = 1_000_000 + 1_000 * step;
        let mut commands = world.quotes(1_000);
        if step > 0 {
            let mark = world.prices[0] + 2_000;
            commands.push(place(20, maker, 1 + step as u64, 50, mark));
        }
        world.apply(1_000, commands);
        let pool = world.pool(0);
        let held = world.account(0, seller);
        let free = margin::free_collateral(pool, held.cash, &held.positions);
        assert!(!free.is_negative() || held.quantity(InstrumentId(0)).get() >= 0, "{held:?} {free:?}");
    }
}

/// R12.1, R2.4: collateral whose market never comes back is not turned into money that nobody has.
#[test]
fn a_dead_collateral_feed_mints_nothing() {
    let mut world = World::with(&[1_000_000, 1_000_000], &[(pool_parameters(), vec![perpetual(0), spot(1)])]);
    let holder = world.open(0, 20, 1_000 * USD);
    let command = Command::DepositCollateral {
        pool: PoolId(0),
        account: AccountId(holder),
        instrument: InstrumentId(1),
        quantity: Quantity::new(1_000),
    };
    world.must(1, vec![by(CUSTODIAN, command)]);
    for _ in 0..200 {
        let at = world.time() + 60_000;
        world.apply(60_000, world.quote(0, 1_000_000, 0, at));
    }
    assert_eq!(world.pool(0).custody, Money::new(1_000 * USD));
    assert_eq!(world.account(0, holder).quantity(InstrumentId(1)), Quantity::new(1_000));
}

/// R2.5: collateral that is offered in an order is not sold a second time to repay a loan.
#[test]
fn collateral_on_offer_is_not_sold_twice() {
    let mut rules = pool_parameters();
    rules.account_loan_limit = Money::new(300 * USD);
    let mut world = World::with(&[1_000_000, 1_000_000], &[(rules, vec![perpetual(0), spot(1)])]);
    let (maker, holder) = (world.open(0, 20, 100_000 * USD), world.open(0, 21, 0));
    let pool = PoolId(0);
    let collateral = Command::DepositCollateral {
        pool,
        account: AccountId(holder),
        instrument: InstrumentId(1),
        quantity: Quantity::new(2_000),
    };
    let capital = Command::Capitalise { pool, capital: Capital::Fund, amount: Money::new(10_000 * USD) };
    world.must(1, vec![by(CUSTODIAN, collateral), by(CUSTODIAN, capital)]);
    let place = |signer: u8, account: u32, number: u64, instrument: u16, lots: i64, limit: i64| {
        let order = new_order(number, instrument, lots, Some(limit));
        by(signer, Command::PlaceOrder { pool, account: AccountId(account), order })
    };
    world.must(
        1,
        vec![
            by(21, Command::Withdraw { pool, account: AccountId(holder), amount: Money::new(250 * USD) }),
            place(21, holder, 1, 1, -2_000, 1_050_000),
            place(21, holder, 2, 0, 1_000, 1_000_000),
            place(20, maker, 1, 0, -1_000, 1_000_000),
        ],
    );
    // The derivative falls: the loan is above its limit while everything is on offer, and a buyer wants it all.
    world.prices[0] = 900_000;
    for number in 0..20 {
        let quotes = world.quotes(1_000);
        let bid = place(20, maker, 2 + number, 1, 1_500, 1_060_000);
        world.apply(1_000, [quotes, vec![bid]].concat());
        assert!(!world.account(0, holder).quantity(InstrumentId(1)).is_negative());
    }
}

/// The worlds above are not quiet ones: whatever the properties speak of does happen in them.
#[test]
fn every_kind_of_event_occurs() {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..12 {
        let mut world = World::populated(seed);
        let mut receipts: Vec<Receipt> = (0..2 * BLOCKS).map(|_| world.step()).collect();
        // Orders call auctions in stranger markets than these; a restart does in every one.
        let restart = Block { restart: true, ..world.block_of(1_000, Vec::new()) };
        receipts.push(world.apply_block(restart));
        receipts.extend((0..10).map(|_| world.step()));
        for event in receipts.into_iter().flat_map(|receipt| receipt.events) {
            let name = match event {
                Event::LossAllocated { layer, .. } => format!("{layer:?}"),
                Event::BreakerStepped { level, .. } => format!("{level:?}"),
                event => format!("{event:?}").split([' ', '{']).next().unwrap_or_default().to_string(),
            };
            *seen.entry(name).or_default() += 1;
        }
    }
    let needed = [
        "OrderPlaced",
        "OrderRemoved",
        "AuctionCleared",
        "Filled",
        "AccountLiquidated",
        "AccountRestored",
        "AccountClosed",
        "LiquidationsCarried",
        "PortfolioAuctioned",
        "SliceTaken",
        "PortfolioAbsorbed",
        "AutoDeleveraged",
        "OwnCapital",
        "Fund",
        "Tranche",
        "Line",
        "AutoDeleveraging",
        "GainsHaircut",
        "OwnTranchePaid",
        "ClaimRepaid",
        "FundingPaid",
        "InterestPaid",
        "CollateralConverted",
        "CollateralWithdrawn",
        "Withdrawn",
        "Expired",
        "FeedConditionChanged",
        "PublisherFlagged",
        "Cautious",
        "ReduceOnly",
        "CallAuction",
        "Normal",
    ];
    let missing: Vec<&str> = needed.into_iter().filter(|name| !seen.contains_key(*name)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}; happened: {seen:?}");
}

/// R11.2: what nobody takes at any price is what the waterfall is for; a premium is never above its bound.
#[test]
fn premiums_stay_below_their_bound() {
    let mut world = World::populated(5);
    for _ in 0..2 * BLOCKS {
        for event in world.step().events {
            if let Event::PortfolioAuctioned { premium, taken, .. } = event {
                assert!(premium <= pool_parameters().max_premium && taken <= Ratio::ONE);
            }
        }
    }
}

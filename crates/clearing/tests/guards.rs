//! A guard spares a leg, not an account, and collateral without a price backs nothing: properties of seeded worlds in which feeds die and come
//! back, the node restarts, and accounts hold hedges and dead collateral beside what is being sold.
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

use clearing::command::{Capital, Command, Signed};
use clearing::event::{Cause, Event, Receipt};
use clearing::margin;
use clearing::parameters::InstrumentParameters;
use clearing::state::{Account, Condition, FUND, Level, Pool, Position, Standing, State};
use clearing::table::{AccountId, InstrumentId, PoolId};
use clearing::units::{Money, Quantity, Ratio};
use std::collections::BTreeMap;
use world::{CUSTODIAN, USD, VENUE, World, by, new_order, perpetual, pool_parameters, spot};

const POOL: PoolId = PoolId(0);
const MAKER: u8 = 20;
const MEMBERS: u8 = 10;
const CONCESSION: u64 = 5;

/// How many worlds; `CLEARING_FUZZ_ROUNDS` multiplies them for a long run.
fn seeds() -> std::ops::Range<u64> {
    let rounds = std::env::var("CLEARING_FUZZ_ROUNDS").ok().and_then(|text| text.parse::<u64>().ok());
    0..12 * rounds.unwrap_or(1)
}

/// Perpetuals on the first feed (two) and the second, collateral on the second and the third; a fund that can carry everything, and a maker.
struct Crowd {
    world: World,
    /// Until which block each feed is silent.
    silent: [u64; 3],
    block: u64,
    number: u64,
}

fn plain(parameters: InstrumentParameters) -> InstrumentParameters {
    let (exit_cost, initial_exit_cost) = (Vec::new(), Vec::new());
    InstrumentParameters { exit_cost, initial_exit_cost, mark_band: Ratio::ZERO, fee: Ratio::ZERO, ..parameters }
}

impl Crowd {
    fn new(seed: u64) -> Self {
        let mut rules = pool_parameters();
        rules.max_liquidations = 1_000;
        rules.concession_blocks = CONCESSION as u16;
        (rules.position_share, rules.depth_share) = (Ratio::ONE, Ratio::ONE);
        rules.max_halt = clearing::units::Time::new(120_000);
        rules.funding_interval = clearing::units::Time::new(3_600_000);
        rules.reduce_only_drawdown = Ratio::ONE;
        rules.cautious_drawdown = Ratio::ONE;
        let instruments = [perpetual(0), perpetual(0), perpetual(1), spot(1), spot(2)].map(plain);
        let mut world = World::with(&[1_000_000, 500_000, 1_000_000], &[(rules, instruments.to_vec())]);
        world.dice = world::Dice(seed);
        world.open(0, MAKER, 100_000_000 * USD);
        let capital = Command::Capitalise { pool: POOL, capital: Capital::Fund, amount: Money::new(100_000_000 * USD) };
        world.must(1, vec![by(CUSTODIAN, capital)]);
        let mut crowd = Self { world, silent: [0; 3], block: 0, number: 0 };
        for at in 0..MEMBERS {
            crowd.join(MAKER + 1 + at);
        }
        crowd
    }

    fn id(signer: u8) -> AccountId {
        AccountId(u32::from(signer - MAKER) + 1)
    }

    /// A member with some money, some collateral, and positions on the edge of what they carry.
    fn join(&mut self, signer: u8) {
        let amount = i128::from(self.world.dice.between(0, 400));
        self.world.open(0, signer, amount * USD);
        let account = Self::id(signer);
        let mut commands = Vec::new();
        for instrument in [3, 4].map(InstrumentId) {
            let lots = self.world.dice.pick(&[0, 1, self.world.dice.clone().between(1, 400)]);
            let quantity = Quantity::new(lots);
            if lots > 0 {
                commands.push(by(CUSTODIAN, Command::DepositCollateral { pool: POOL, account, instrument, quantity }));
            }
        }
        self.world.must(1, commands);
        for _ in 0..3 {
            self.trade(account);
        }
    }

    /// A venue's trade against the maker, halved until margin carries it.
    fn trade(&mut self, account: AccountId) {
        let instrument = InstrumentId(self.world.dice.between(0, 2) as u16);
        let price = self.world.pool(0).matrices.mark(instrument);
        let buys = self.world.dice.one_in(2);
        let (buyer, seller) = if buys { (account, AccountId(1)) } else { (AccountId(1), account) };
        let mut lots = self.world.dice.between(100, 8_000);
        while lots > 0 {
            let quantity = Quantity::new(lots);
            let trade = Command::Trade { pool: POOL, instrument, buyer, seller, quantity, price };
            if self.world.apply(1, vec![by(VENUE, trade)]).rejections.is_empty() {
                break;
            }
            lots /= 2;
        }
    }

    /// Feeds fall silent and speak again, prices move, the maker quotes, and now and then the node restarts.
    fn step(&mut self) -> (State, Receipt) {
        self.block += 1;
        let dice = &mut self.world.dice;
        for feed in 0..3 {
            if self.silent[feed] <= self.block && dice.one_in(60) {
                self.silent[feed] = self.block + dice.pick(&[3, 20, 100, 400]);
            }
            let ppm = if dice.one_in(15) { dice.between(-250_000, 250_000) } else { dice.between(-15_000, 15_000) };
            let price = &mut self.world.prices[feed];
            *price = (i128::from(*price) * i128::from(1_000_000 + ppm) / 1_000_000) as i64;
            *price = (*price).clamp(50_000, 20_000_000);
        }
        let restart = dice.one_in(120);
        let elapsed = 1_000;
        let at = self.world.time() + elapsed;
        let mut commands: Vec<Signed> = Vec::new();
        for feed in (0..3).filter(|feed| self.silent[*feed] <= self.block) {
            commands.extend(self.world.quote(feed as u16, self.world.prices[feed], 0, at));
        }
        commands.push(by(MAKER, Command::CancelAll { pool: POOL, account: AccountId(1) }));
        for (instrument, feed) in [(0, 0), (1, 0), (2, 1)] {
            for lots in [5_000_i64, -5_000] {
                self.number += 1;
                let limit = self.world.prices[feed] - lots.signum() * self.world.prices[feed] / 2_000;
                let order = new_order(self.number, instrument, lots, Some(limit));
                commands.push(by(MAKER, Command::PlaceOrder { pool: POOL, account: AccountId(1), order }));
            }
        }
        let before = self.world.engine.state().clone();
        let mut block = self.world.block_of(elapsed, commands);
        block.restart = restart;
        (before, self.world.apply_block(block))
    }
}

/// Whether a leg had an open market in a block, by the words of R10.8: its feed is live, and its market neither stopped, nor collecting orders,
/// nor in its grace.
fn was_open(before: &State, after: &State, instrument: InstrumentId) -> bool {
    let listed = &before.pools[POOL].instruments[instrument];
    let feed = &after.feeds[listed.parameters.feed];
    let breaker = &listed.breaker;
    feed.condition == Condition::Live
        && breaker.level < Level::Halted
        && breaker.cause != Cause::FeedDown
        && listed.settled.is_none()
        && breaker.grace_until <= after.time
        && breaker.call_until.is_none_or(|until| until <= after.time)
}

/// Whether it comes back after a time that is bounded.
fn is_returning(before: &State, after: &State, instrument: InstrumentId) -> bool {
    let feed = &after.feeds[before.pools[POOL].instruments[instrument].parameters.feed];
    !was_open(before, after, instrument)
        && match feed.condition {
            Condition::Down => feed.fresh > 0,
            Condition::Degraded => before.pools[POOL].instruments[instrument].breaker.cause != Cause::FeedDegraded,
            Condition::Live => true,
        }
}

fn legs<'a>(held: &'a Account, which: impl Fn(InstrumentId) -> bool + 'a) -> Vec<Position> {
    held.positions.iter().filter(|position| which(position.instrument)).cloned().collect()
}

fn derivatives(pool: &Pool, positions: &[Position]) -> usize {
    positions.iter().filter(|position| !pool.instruments[position.instrument].is_spot()).count()
}

/// R10.8, R3.8: in `concession_blocks` + 2 blocks in which it holds a derivative with an open market, an account under liquidation is sound again or
/// has none left, whatever else it holds; and what it sells leaves it better off.
#[test]
fn open_legs_of_a_breaching_account_go_whatever_else_it_holds() {
    let (mut handled, mut beside_others, mut better) = (0, 0, 0);
    for seed in seeds() {
        let mut crowd = Crowd::new(seed);
        let mut counted: BTreeMap<AccountId, u64> = BTreeMap::new();
        for _ in 0..500 {
            let (before, receipt) = crowd.step();
            let after = crowd.world.engine.state();
            let (was, pool) = (&before.pools[POOL], &after.pools[POOL]);
            for (id, held) in pool.accounts.iter().filter(|(id, _)| *id != FUND) {
                let then = &was.accounts[id];
                let open = legs(then, |instrument| was_open(&before, after, instrument));
                let begun = receipt
                    .events
                    .iter()
                    .any(|event| matches!(event, Event::AccountLiquidated { account, .. } if *account == id));
                if (then.is_good() && !begun) || derivatives(pool, &open) == 0 {
                    counted.remove(&id);
                    continue;
                }
                let count = counted.entry(id).or_default();
                *count += 1;
                assert!(*count <= CONCESSION + 2, "seed {seed}, block {}: {id} {then:?} is {held:?}", crowd.block);
                handled += 1;
                beside_others += u32::from(open.len() < then.positions.len());
                if held.is_good() {
                    counted.remove(&id);
                }
                better += u32::from(stands_better(pool, then, held, &receipt, id));
            }
        }
    }
    assert!(handled > 150 && beside_others > 30 && better > 30, "{handled}, {beside_others}, {better}");
}

/// R10.2: whoever sold in the book of what it held stands better in its worst maintenance row.
fn stands_better(pool: &Pool, then: &Account, held: &Account, receipt: &Receipt, id: AccountId) -> bool {
    let sold = receipt
        .events
        .iter()
        .any(|event| matches!(event, Event::Filled { account, forced: true, .. } if *account == id));
    let handed = receipt.events.iter().any(|event| {
        matches!(event, Event::PortfolioAbsorbed { account, .. } | Event::SliceTaken { account, .. } if *account == id)
    });
    if !sold || handed || held.positions.is_empty() {
        return sold;
    }
    let worst = |account: &Account| margin::target_worst(pool, account.cash, &account.positions);
    assert!(worst(held) > worst(then), "{then:?} to {held:?}");
    true
}

/// R10.8, R12.1: no account owes more than the good edges of its legs are worth, but while one of them is about to come back.
#[test]
fn no_loss_stands_beyond_the_good_edge_of_what_waits() {
    let (mut waiting, mut closed) = (0, 0);
    for seed in seeds() {
        let mut crowd = Crowd::new(seed);
        for _ in 0..500 {
            let (before, receipt) = crowd.step();
            let after = crowd.world.engine.state();
            let pool = &after.pools[POOL];
            // What ends at the end of a block is settled in the next.
            if receipt.events.iter().any(|event| matches!(event, Event::BreakerStepped { level: Level::WindDown, .. }))
            {
                continue;
            }
            closed += receipt.events.iter().filter(|event| matches!(event, Event::AccountClosed { .. })).count();
            for (id, held) in pool.accounts.iter().filter(|(_, held)| !held.positions.is_empty()) {
                let returns = |instrument| is_returning(&before, after, instrument);
                // What is closed has had its loss borne at the edge of the block in which it was. A breach has the doubt of every leg beside it.
                if !legs(held, returns).is_empty() || held.standing == Standing::Closed {
                    continue;
                }
                let kept = legs(held, |instrument| !was_open(&before, after, instrument)).len();
                let equity = margin::equity(&pool.matrices, held.cash, &held.positions);
                let best = equity + margin::doubt_in_favour(pool, held.cash, &held.positions);
                waiting += u32::from(kept > 0);
                assert!(!best.is_negative(), "seed {seed}, block {}: {id} {held:?} {best:?}", crowd.block);
            }
        }
    }
    assert!(waiting > 1_000 && closed > 20, "{waiting}, {closed}");
}

/// R10.8: a closed account ends with nothing, and what it still holds while it is being closed waits for its market.
#[test]
fn a_closed_account_ends_with_nothing() {
    let mut ended = 0;
    for seed in seeds() {
        let mut crowd = Crowd::new(seed);
        for _ in 0..700 {
            crowd.step();
        }
        // All feeds speak, and everything reopens.
        (crowd.silent, crowd.block) = ([0; 3], 1_000);
        for _ in 0..40 {
            let at = crowd.world.time() + 1_000;
            let quotes =
                (0..3).flat_map(|feed| crowd.world.quote(feed as u16, crowd.world.prices[feed], 0, at)).collect();
            crowd.world.apply(1_000, quotes);
        }
        for (id, held) in crowd.world.pool(0).accounts.iter().filter(|(_, held)| held.standing == Standing::Closed) {
            assert!(held.positions.is_empty() && held.cash.is_zero(), "seed {seed}: {id} {held:?}");
            ended += 1;
        }
    }
    assert!(ended > 20, "{ended}");
}

/// R3.10: more collateral whose feed is not live opens nothing, lets nothing be withdrawn, and takes nothing away.
#[test]
fn collateral_without_a_live_price_backs_nothing() {
    let (mut dormant, mut worthless) = (0, 0);
    for seed in seeds() {
        let mut crowd = Crowd::new(seed);
        for _ in 0..300 {
            crowd.step();
            let state = crowd.world.engine.state();
            let pool = &state.pools[POOL];
            for instrument in [3, 4].map(InstrumentId) {
                let live = state.feeds[pool.instruments[instrument].parameters.feed].condition == Condition::Live;
                assert_eq!(pool.matrices.backs(instrument), live);
                worthless += u32::from(pool.matrices.mark(instrument).is_zero());
                for (_, held) in pool.accounts.iter().filter(|_| !live) {
                    let mut richer = held.clone();
                    add(&mut richer, instrument, Quantity::new(1_000_000));
                    let free = |account: &Account| margin::free_collateral(pool, account.cash, &account.positions);
                    assert_eq!(free(&richer), free(held));
                    let rows = |account: &Account| margin::order_rows(pool, account, &account.orders);
                    assert_eq!(rows(&richer), rows(held));
                    dormant += 1;
                }
            }
        }
    }
    assert!(dormant > 1_000 && worthless > 100, "{dormant}, {worthless}");
}

fn add(account: &mut Account, instrument: InstrumentId, quantity: Quantity) {
    match account.positions.binary_search_by_key(&instrument, |position| position.instrument) {
        Ok(at) => account.positions[at].quantity += quantity,
        Err(at) => account.positions.insert(at, Position { instrument, quantity, entry: Money::ZERO }),
    }
}

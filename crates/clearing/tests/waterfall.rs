//! The waterfall over many members at once: who bears what does not depend on who has which number, claims only fall by repayments, and a
//! block's work grows with the number of accounts (R11.7, R12).
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

use clearing::command::{Capital, Command, Signed};
use clearing::event::{Event, Layer, Receipt};
use clearing::margin;
use clearing::parameters::{InstrumentParameters, PoolParameters};
use clearing::state::{Claims, Pool};
use clearing::table::{AccountId, InstrumentId, PoolId};
use clearing::units::{Money, Price, Quantity, Ratio, Time};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use world::{CUSTODIAN, Dice, GOVERNANCE, USD, VENUE, World, by, perpetual, pool_parameters, spot};

const P: PoolId = PoolId(0);
/// Members of a town.
const MEMBERS: usize = 14;
/// Quanta by which rounding may differ: a few for each layer.
const ROUNDING: i128 = 64;

fn config(cases: u32) -> ProptestConfig {
    let rounds = std::env::var("CLEARING_FUZZ_ROUNDS").ok().and_then(|text| text.parse::<u32>().ok());
    ProptestConfig { cases: cases * rounds.unwrap_or(1), failure_persistence: None, ..ProptestConfig::default() }
}

fn rules() -> PoolParameters {
    let mut rules = pool_parameters();
    rules.max_liquidations = 1_000_000;
    // A line counts from the block that opens it; R7.8 is judged elsewhere.
    rules.timelock = Time::ZERO;
    (rules.fund_floor, rules.max_premium) = (Money::new(50 * USD), Ratio::ZERO);
    (rules.withdrawal_floor, rules.liquidation_fee) = (Ratio::ZERO, Ratio::ZERO);
    rules
}

/// Without exit cost and fees, and with much open interest.
fn plain(instrument: InstrumentParameters) -> InstrumentParameters {
    InstrumentParameters {
        fee: Ratio::ZERO,
        exit_cost: Vec::new(),
        initial_exit_cost: Vec::new(),
        open_interest_low: Money::new(1 << 54),
        open_interest_high: Money::new(1 << 55),
        ..instrument
    }
}

fn trade(instrument: u16, buyer: u32, seller: u32, lots: i64, price: i64) -> Signed {
    let (buyer, seller) = (AccountId(buyer), AccountId(seller));
    let (quantity, price) = (Quantity::new(lots), Price::new(price));
    by(VENUE, Command::Trade { pool: P, instrument: InstrumentId(instrument), buyer, seller, quantity, price })
}

fn capital(capital: Capital, usd: i64) -> Signed {
    by(CUSTODIAN, Command::Capitalise { pool: P, capital, amount: Money::new(i128::from(usd) * USD) })
}

/// What a member has in the end.
#[derive(Debug)]
struct Fate {
    equity: Money,
    tranche: Money,
    claims: Money,
}

/// What the blocks of a town came to.
struct Town {
    world: World,
    /// The account of each member.
    ids: Vec<u32>,
    receipts: Vec<Receipt>,
    rejected: usize,
}

impl Town {
    /// The same members and the same dice, but accounts in this order.
    fn new(seed: u64, order: &[usize]) -> Self {
        let mut world = World::with(
            &[1_000_000, 1_000_000],
            &[(rules(), vec![plain(perpetual(0)), plain(perpetual(1)), plain(spot(1))])],
        );
        let mut dice = Dice(seed);
        let deposits: Vec<i128> = (0..MEMBERS).map(|_| i128::from(dice.between(200_000_000, 3_000_000_000))).collect();
        let mut ids = vec![0; MEMBERS];
        for member in order {
            ids[*member] = world.open(0, 20 + *member as u8, deposits[*member]);
        }
        let mut town = Self { world, ids, receipts: Vec::new(), rejected: 0 };
        let mut commands =
            vec![capital(Capital::OwnCapital, dice.between(1, 90)), capital(Capital::Fund, dice.between(1, 90))];
        let reserve = Money::new(i128::from(dice.between(1, 40)) * USD);
        commands.push(by(CUSTODIAN, Command::FundReserve { amount: reserve }));
        commands.push(by(GOVERNANCE, Command::SetLine { pool: P, cap: reserve }));
        for member in 0..5 {
            let account = AccountId(town.ids[member]);
            let amount = Money::new(i128::from(dice.between(1, 40)) * USD);
            commands.push(by(20 + member as u8, Command::JoinTranche { pool: P, account, amount }));
            let quantity = Quantity::new(dice.between(1, 300));
            let account = AccountId(town.ids[member + 5]);
            commands.push(by(
                CUSTODIAN,
                Command::DepositCollateral { pool: P, account, instrument: InstrumentId(2), quantity },
            ));
        }
        town.apply(commands);
        town
    }

    fn apply(&mut self, commands: Vec<Signed>) {
        let quotes = self.world.quotes(1_000);
        let receipt = self.world.apply(1_000, [quotes, commands].concat());
        self.rejected += receipt.rejections.len();
        self.receipts.push(receipt);
    }

    fn trades(&mut self, dice: &mut Dice, count: usize, most: i64) {
        let mut commands = Vec::new();
        for _ in 0..count {
            let (one, other) =
                (dice.between(0, MEMBERS as i64 - 1) as usize, dice.between(0, MEMBERS as i64 - 1) as usize);
            let (instrument, lots) = (dice.between(0, 1) as u16, dice.between(1, most));
            let price = self.world.prices[usize::from(instrument)];
            if one != other {
                commands.push(trade(instrument, self.ids[one], self.ids[other], lots, price));
            }
        }
        self.apply(commands);
    }

    /// Positions, a small move, more trades, some money out, a crash; and the fund earns again.
    fn live(&mut self, seed: u64) {
        let mut dice = Dice(seed ^ 0x5eed);
        self.trades(&mut dice, 60, 6_000);
        for price in &mut self.world.prices {
            *price += *price * dice.between(-40, 40) / 1_000;
        }
        self.apply(Vec::new());
        self.trades(&mut dice, 20, 3_000);
        let takers = (0..MEMBERS).filter(|_| dice.one_in(4)).collect::<Vec<_>>();
        let out = |member: &usize| {
            let amount = Money::new(i128::from(Dice(seed + *member as u64).between(1, 900)) * USD);
            by(20 + *member as u8, Command::Withdraw { pool: P, account: AccountId(self.ids[*member]), amount })
        };
        let commands = takers.iter().map(out).collect();
        self.apply(commands);
        for price in &mut self.world.prices {
            *price += *price * dice.between(-500, 500) / 1_000;
        }
        for _ in 0..3 {
            self.apply(Vec::new());
        }
        self.apply(vec![capital(Capital::Fund, dice.between(1, 100))]);
    }

    fn fates(&self) -> Vec<Fate> {
        let pool = self.world.pool(0);
        let fate = |id: &u32| {
            let account = AccountId(*id);
            let held = &pool.accounts[account];
            Fate {
                equity: margin::equity(&pool.matrices, held.cash, &held.positions),
                tranche: pool.tranche.get(&account).map_or(Money::ZERO, |share| share.amount),
                claims: claims_of(&pool.claims, account),
            }
        };
        self.ids.iter().map(fate).collect()
    }

    /// Whether somebody's own target, or the fund's inventory, held somewhere.
    fn is_capped(&self) -> bool {
        let inventory = !self.world.pool(0).accounts[clearing::state::FUND].positions.is_empty();
        inventory
            || self.receipts.iter().flat_map(|receipt| &receipt.events).any(|event| match event {
                Event::AutoDeleveraged { shared, deficit, .. } => shared < deficit,
                Event::LossAllocated { layer, .. } => *layer > Layer::AutoDeleveraging,
                _ => false,
            })
    }

    fn borne(&self, layer: Layer) -> Money {
        let events = self.receipts.iter().flat_map(|receipt| &receipt.events);
        let amount = |event: &Event| match event {
            Event::LossAllocated { layer: found, amount, .. } if *found == layer => Some(*amount),
            _ => None,
        };
        events.filter_map(amount).sum()
    }
}

fn claims_of(claims: &Claims, account: AccountId) -> Money {
    claims.owed.iter().filter(|((_, bearer), _)| *bearer == account).map(|(_, owed)| *owed).sum()
}

fn shuffled(seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..MEMBERS).collect();
    Dice(seed).shuffle(&mut order);
    order
}

proptest! {
    #![proptest_config(config(48))]

    // R12.1, R12.2, R12.3, R11.7
    #[test]
    fn nobodys_number_decides_what_they_bear(seed: u64, other: u64) {
        let straight: Vec<usize> = (0..MEMBERS).collect();
        let [mut one, mut permuted] = [Town::new(seed, &straight), Town::new(seed, &shuffled(other))];
        one.live(seed);
        permuted.live(seed);
        prop_assert_eq!(one.rejected, permuted.rejected);
        // A lot that rounding gives to somebody else leaves a lot's margin more or less above a target, where that is the cap, or above what
        // the fund's inventory needs.
        let lot = one.world.prices.iter().max().copied().unwrap_or_default();
        let slack = ROUNDING + if one.is_capped() { i128::from(lot) } else { 0 };
        for (here, there) in one.fates().iter().zip(permuted.fates()) {
            for (here, there) in [(here.equity, there.equity), (here.tranche, there.tranche), (here.claims, there.claims)] {
                prop_assert!((here - there).abs().get() <= slack, "{here:?} {there:?}: {:?} {:?}", one.fates(), permuted.fates());
            }
        }
        for layer in [Layer::OwnCapital, Layer::Fund, Layer::Tranche, Layer::Line] {
            prop_assert!((one.borne(layer) - permuted.borne(layer)).abs().get() <= ROUNDING);
        }
    }

    // R11.7: claims arise with what layers after the fund bear, and fall by repayments alone, or all at once at the end of a pool.
    #[test]
    fn claims_only_fall_by_repayments(seed: u64) {
        let mut world = World::populated(seed);
        for _ in 0..70 {
            let before: Vec<(Claims, Money)> = claims_in(&world);
            let receipt = world.step();
            for (at, (now, drawn)) in claims_in(&world).into_iter().enumerate() {
                let pool = PoolId(at as u16);
                let (was, was_drawn) = before.get(at).cloned().unwrap_or_default();
                if world.engine.state().pools[pool].winding_down {
                    prop_assert!(now.owed.is_empty());
                    continue;
                }
                let (arisen, repaid) = claims_by_events(&receipt, pool);
                let keys: BTreeSet<_> = was.owed.keys().chain(now.owed.keys()).chain(arisen.keys()).collect();
                for key in keys {
                    let of = |map: &BTreeMap<(Layer, AccountId), Money>| map.get(key).copied().unwrap_or_default();
                    prop_assert_eq!(of(&now.owed), of(&was.owed) + of(&arisen) - of(&repaid));
                    prop_assert!(of(&repaid) <= of(&was.owed) + of(&arisen));
                }
                prop_assert!(now.owed.values().all(|owed| owed.is_positive()));
                let line = |event: &Event| match event {
                    Event::LossAllocated { pool: found, layer: Layer::Line, amount, .. } if *found == pool => Some(*amount),
                    Event::ClaimRepaid { pool: found, layer: Layer::Line, amount, .. } if *found == pool => Some(-*amount),
                    _ => None,
                };
                prop_assert_eq!(drawn, was_drawn + receipt.events.iter().filter_map(line).sum());
            }
        }
    }
}

fn claims_in(world: &World) -> Vec<(Claims, Money)> {
    world.engine.state().pools.iter().map(|(_, pool)| (pool.claims.clone(), pool.line.drawn)).collect()
}

type Amounts = BTreeMap<(Layer, AccountId), Money>;

fn claims_by_events(receipt: &Receipt, id: PoolId) -> (Amounts, Amounts) {
    let (mut arisen, mut repaid) = (Amounts::new(), Amounts::new());
    for event in &receipt.events {
        match event {
            Event::LossAllocated { pool, layer, amount, bearer: Some(bearer), .. }
                if *pool == id && *layer > Layer::Fund =>
            {
                *arisen.entry((*layer, *bearer)).or_default() += *amount;
            }
            Event::ClaimRepaid { pool, layer, amount, bearer: Some(bearer) } if *pool == id => {
                *repaid.entry((*layer, *bearer)).or_default() += *amount;
            }
            _ => {}
        }
    }
    (arisen, repaid)
}

/// The towns are not quiet ones, and their winners are hedged, poor and rich.
#[test]
fn every_layer_bears_in_some_town() {
    let straight: Vec<usize> = (0..MEMBERS).collect();
    let mut borne: BTreeMap<Layer, i128> = BTreeMap::new();
    let (mut repaid, mut capped) = (0, 0);
    for seed in 0..40 {
        let mut town = Town::new(seed, &straight);
        town.live(seed);
        for event in town.receipts.iter().flat_map(|receipt| &receipt.events) {
            match event {
                Event::LossAllocated { layer, amount, .. } => *borne.entry(*layer).or_default() += amount.get(),
                Event::ClaimRepaid { .. } => repaid += 1,
                Event::AutoDeleveraged { shared, deficit, .. } if shared < deficit => capped += 1,
                _ => {}
            }
        }
    }
    let layers: Vec<Layer> = borne.keys().copied().collect();
    let expected =
        [Layer::OwnCapital, Layer::Fund, Layer::Tranche, Layer::Line, Layer::AutoDeleveraging, Layer::GainsHaircut];
    assert!(expected.iter().all(|layer| layers.contains(layer)), "{borne:?}");
    assert!(repaid > 20 && capped > 5, "repaid {repaid}, capped {capped}");
}

/// R12.3: as many events as accounts, not as pairs of them.
#[test]
fn events_grow_with_sums_and_not_with_products() {
    const DEFAULTERS: u32 = 40;
    const WINNERS: u32 = 400;
    let mut world = World::with(&[1_000_000], &[(rules(), vec![plain(perpetual(0))])]);
    for at in 0..DEFAULTERS + WINNERS {
        world.open(0, 20 + (at % 200) as u8, if at < DEFAULTERS { 160 * USD } else { 1_000 * USD });
    }
    let first = world.pool(0).accounts.len() as u32 - DEFAULTERS - WINNERS;
    let join = |at: u32| {
        let (account, amount) = (AccountId(first + DEFAULTERS + at), Money::new(1));
        by(20 + ((DEFAULTERS + at) % 200) as u8, Command::JoinTranche { pool: P, account, amount })
    };
    world.must(1_000, (0..WINNERS).map(join).collect());
    let deal = |at: u32| trade(0, first + at % DEFAULTERS, first + DEFAULTERS + at, 100, 1_000_000);
    world.must(1_000, (0..WINNERS).map(deal).collect());
    world.prices[0] = 700_000;
    let receipt = world.tick(1_000);
    let count = |wanted: fn(&Event) -> bool| receipt.events.iter().filter(|event| wanted(event)).count() as u32;
    assert_eq!(count(|event| matches!(event, Event::AccountClosed { .. })), DEFAULTERS);
    assert_eq!(count(|event| matches!(event, Event::AutoDeleveraged { .. })), WINNERS);
    let allocated = count(|event| matches!(event, Event::LossAllocated { layer: Layer::AutoDeleveraging, .. }));
    assert!((WINNERS..WINNERS + DEFAULTERS).contains(&allocated), "{allocated}");
    let dust = count(|event| matches!(event, Event::LossAllocated { layer: Layer::Tranche, .. }));
    assert!((WINNERS..WINNERS + DEFAULTERS).contains(&dust), "{dust}");
}

/// R12.5: whoever is charged can check it alone, and the charges of a market are its deficit or less.
#[test]
fn certificates_can_be_checked_alone() {
    let straight: Vec<usize> = (0..MEMBERS).collect();
    let mut checked = 0;
    for seed in 100..140 {
        let mut town = Town::new(seed, &straight);
        town.live(seed);
        for receipt in &town.receipts {
            let mut charged: BTreeMap<(AccountId, InstrumentId), (Money, Money)> = BTreeMap::new();
            for event in &receipt.events {
                let Event::AutoDeleveraged {
                    defaulter,
                    instrument,
                    deficit,
                    gain,
                    all_gains,
                    haircut,
                    shared,
                    shared_gains,
                    ..
                } = event
                else {
                    continue;
                };
                assert!(*haircut <= *gain && gain <= all_gains && shared <= deficit && shared_gains <= all_gains);
                let most = haircut.get() * shared_gains.get() <= shared.get() * gain.get() + shared_gains.get();
                assert!(haircut.is_zero() || shared_gains.is_zero() || most, "{event:?}");
                let sums = charged.entry((*defaulter, *instrument)).or_default();
                *sums = (sums.0 + *haircut, *deficit);
                checked += i32::from(haircut.is_positive());
            }
            assert!(charged.values().all(|(haircuts, deficit)| haircuts <= deficit), "{charged:?}");
        }
    }
    assert!(checked > 100, "charges checked: {checked}");
}

/// R12.6: what is open and what was realised change by the price alone, however a position is cut up; and it is all forgotten in time.
#[test]
fn many_small_fills_leak_nothing_of_a_gain() {
    let gained = |pool: &Pool, account: u32| {
        let held = &pool.accounts[AccountId(account)];
        let open = held.positions.iter().map(|held| pool.matrices.mark(held.instrument) * held.quantity - held.entry);
        open.sum::<Money>() + held.realised(pool.fund.measured_at)
    };
    let mut world = World::with(&[1_000_000], &[(rules(), vec![plain(perpetual(0))])]);
    let ids = [world.open(0, 20, 100_000 * USD), world.open(0, 21, 100_000 * USD)];
    let mut dice = Dice(7);
    let mut expected = Money::ZERO;
    let mut price = 1_000_000;
    for _ in 0..200 {
        let now = price + dice.between(-900, 900);
        let held = world.account(0, ids[0]).quantity(InstrumentId(0));
        expected += Price::new(now - price) * held;
        price = now;
        world.prices[0] = price;
        world.tick(1_000);
        let (buyer, seller) = if dice.one_in(2) { (ids[0], ids[1]) } else { (ids[1], ids[0]) };
        let mark = world.pool(0).matrices.mark(InstrumentId(0)).get();
        let quotes = world.quotes(1_000);
        world.apply(1_000, [quotes, vec![trade(0, buyer, seller, dice.between(1, 37), mark)]].concat());
        let paid =
            world.account(0, ids[0]).cash + Price::new(price) * world.account(0, ids[0]).quantity(InstrumentId(0));
        assert_eq!(gained(world.pool(0), ids[0]), expected);
        assert_eq!(gained(world.pool(0), ids[1]), -expected);
        assert_eq!(paid, Money::new(100_000 * USD) + expected);
    }
    assert!(world.account(0, ids[0]).recent.as_ref().is_some_and(|recent| (1..=16).contains(&recent.realised.len())));
}

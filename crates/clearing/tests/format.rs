//! The formats are frozen: hashes of canonical encodings, and what hostile bytes come to.
//!
//! A hash here changes only when a format changes on purpose. Then run with `CLEARING_PRINT_HASHES=1 … -- --nocapture`,
//! copy the printed hashes, raise the version constant of the format, and say so in the commit.
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
use clearing::accounts::Tree;
use clearing::command::{BLOCK_VERSION, Block, Capital, Command, Key, Lifetime, NewOrder, Rejection, Signed};
use clearing::engine::{SNAPSHOT_VERSION, Snapshot, SnapshotError};
use clearing::event::{Event, Layer, Receipt, Removal};
use clearing::state::{Account, Pool, State};
use clearing::table::{AccountId, FeedId, Id, InstrumentId, PoolId};
use clearing::units::{Money, Price, Quantity, Ratio, Time};
use sha3::{Digest, Keccak256};
use world::{World, by, dated, feed_parameters, key, new_order, perpetual, pool_parameters, spot};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn assert_hash(what: &str, bytes: &[u8], expected: &str) {
    let hash = hex(&Keccak256::digest(bytes));
    if std::env::var_os("CLEARING_PRINT_HASHES").is_some() {
        println!("{what}: {hash}");
        return;
    }
    assert_eq!(hash, expected, "the encoding of {what} has changed: see the head of this file");
}

/// Every command once, with fields that all differ.
fn every_command() -> Vec<Signed> {
    let (pool, account, instrument, feed) = (PoolId(1), AccountId(2), InstrumentId(3), FeedId(4));
    let (amount, quantity, price) = (Money::new(5), Quantity::new(6), Price::new(-7));
    let order =
        NewOrder { lifetime: Lifetime::Until(Time::new(8)), reduce_only: true, ..new_order(9, 10, -11, Some(12)) };
    let commands = [
        Command::ListFeed { name: "feed".into(), parameters: feed_parameters() },
        Command::SetFeed { feed, parameters: feed_parameters() },
        Command::OpenPool { name: "pool".into(), parameters: pool_parameters() },
        Command::OpenOwnPool { name: "own".into(), from_pool: pool, from_account: account, first_loss: amount, feed },
        Command::SetPool { pool, parameters: pool_parameters() },
        Command::ListInstrument { pool, name: "perpetual".into(), parameters: perpetual(1) },
        Command::SetInstrument { pool, instrument, parameters: spot(2) },
        Command::ListInstrument { pool, name: "dated".into(), parameters: dated(3, 4) },
        Command::SetLine { pool, cap: amount },
        Command::FundReserve { amount },
        Command::Capitalise { pool, capital: Capital::Fund, amount },
        Command::OpenAccount { pool },
        Command::Deposit { pool, account, amount },
        Command::DepositCollateral { pool, account, instrument, quantity },
        Command::Withdraw { pool, account, amount },
        Command::WithdrawCollateral { pool, account, instrument, quantity },
        Command::PlaceOrder { pool, account, order: order.clone() },
        Command::CancelOrder { pool, account, number: 13 },
        Command::CancelAll { pool, account },
        Command::SealOrder { pool, account, seal: [14; 32] },
        Command::RevealOrder { pool, account, order: NewOrder { limit: None, ..order }, salt: [15; 32] },
        Command::Trade { pool, instrument, buyer: account, seller: AccountId(16), quantity, price },
        Command::PlaceBid { pool, account, premium: Ratio::new(17), capacity: amount },
        Command::CancelBid { pool, account },
        Command::JoinTranche { pool, account, amount },
        Command::LeaveTranche { pool, account, amount },
        Command::Observe { feed, price, confidence: price, published_at: Time::new(18), transfers_suspended: true },
        Command::Forecast { feed, volatility: Ratio::new(19) },
        Command::AllowVenue { pool, account, venue: key(20), loss: Money::new(21), margin: Money::new(22) },
    ];
    commands.into_iter().map(|command| by(20, command)).collect()
}

fn fixed_block() -> Block {
    Block { version: BLOCK_VERSION, height: 3, time: Time::new(world::START), restart: true, commands: every_command() }
}

fn fixed_receipt() -> Receipt {
    let (pool, account, instrument) = (PoolId(1), AccountId(2), InstrumentId(3));
    Receipt {
        height: 4,
        events: vec![
            Event::OrderRemoved { pool, account, number: 5, reason: Removal::SelfMatch },
            Event::Filled {
                pool,
                account,
                instrument,
                quantity: Quantity::new(-6),
                price: Price::new(7),
                fee: Money::new(8),
                forced: true,
            },
            Event::LossAllocated {
                pool,
                defaulter: account,
                layer: Layer::Tranche,
                amount: Money::new(9),
                bearer: Some(AccountId(10)),
            },
            Event::PoolWoundDown { pool },
        ],
        rejections: vec![(11, Rejection::InitialMarginNotMet)],
        root: [12; 32],
    }
}

/// A state in which something has happened.
fn fixed_world() -> World {
    let mut world = World::with(&[1_000_000, 2_000_000], &[(pool_parameters(), vec![perpetual(0), spot(1)])]);
    let (buyer, seller) = (world.open(0, 20, 10_000_000_000), world.open(0, 21, 20_000_000_000));
    let pool = PoolId(0);
    let place = |signer: u8, account: u32, lots: i64| {
        let order = new_order(1, 0, lots, Some(1_000_000));
        by(signer, Command::PlaceOrder { pool, account: AccountId(account), order })
    };
    let collateral = Command::DepositCollateral {
        pool,
        account: AccountId(buyer),
        instrument: InstrumentId(1),
        quantity: Quantity::new(5),
    };
    world.must(1_000, vec![place(20, buyer, 300), place(21, seller, -200), by(world::CUSTODIAN, collateral)]);
    world.must(
        1_000,
        vec![by(
            20,
            Command::PlaceBid { pool, account: AccountId(buyer), premium: Ratio::new(7), capacity: Money::new(8) },
        )],
    );
    world
}

#[test]
fn a_block_is_encoded_as_it_always_was() {
    let bytes = borsh::to_vec(&fixed_block()).unwrap();
    assert_hash("a block", &bytes, "178ebf44006c04a1ec9c1e01a956030a717ec5552dda0dfbc1f05484ae0ba51f");
    // Drawn byte by byte: version, height, time, restart, count of commands; little-endian.
    assert_eq!(&bytes[..2], &BLOCK_VERSION.to_le_bytes());
    assert_eq!(&bytes[2..10], &3_u64.to_le_bytes());
    assert_eq!(&bytes[10..18], &world::START.to_le_bytes());
    assert_eq!(bytes[18], 1);
    assert_eq!(&bytes[19..23], &29_u32.to_le_bytes());
    assert_eq!(&bytes[23..55], &[20; 32]);
    assert_eq!(borsh::from_slice::<Block>(&bytes).unwrap(), fixed_block());
}

#[test]
fn a_receipt_is_encoded_as_it_always_was() {
    let bytes = borsh::to_vec(&fixed_receipt()).unwrap();
    assert_hash("a receipt", &bytes, "fd5fd812f9fb116cd9bcf8f5fc5493408b56d5c82b028301f480f14cd516f53d");
    assert_eq!(borsh::from_slice::<Receipt>(&bytes).unwrap(), fixed_receipt());
}

#[test]
fn every_rejection_keeps_its_code() {
    // R7.1: codes are stable and in the order of the checks.
    let codes: Vec<u16> = Rejection::ALL.iter().map(|rejection| rejection.code()).collect();
    assert!(codes.is_sorted_by(|low, high| low < high));
    let listed: String =
        Rejection::ALL.iter().map(|rejection| format!("{} {}\n", rejection.code(), rejection.name())).collect();
    assert_hash(
        "the rejections",
        listed.as_bytes(),
        "c030a9f38d12f9b83efcd84dfc895e902855cebc4223b8ecccb882d6c65688b7",
    );
}

#[test]
fn an_empty_system_has_the_root_it_always_had() {
    let engine = Engine::new(&world::genesis());
    assert_hash("an empty root", &engine.root(), "0b745eb912ebaf72fd4c8f1ecb87fbf8db58d8c74eefc183dc471d9236fe4392");
    assert_hash(
        "an empty snapshot",
        &engine.snapshot(),
        "93f7869e3e5d28b98aa475b697510061c38b22ce18e20cc7d0e3b404b3456672",
    );
}

/// Unlike the others this one also changes when a rule changes what happens: then a new hash is right without a new version.
#[test]
fn a_history_leads_to_the_root_and_snapshot_it_always_led_to() {
    let world = fixed_world();
    assert_hash("the root", &world.engine.root(), "0cb13e0fc780f54f58a35b4a91cc2d19a06f35e1c73042a7a09fecd973948ccd");
    assert_hash(
        "the snapshot",
        &world.engine.snapshot(),
        "cfa721576edfa11d3fd61abafaafaf4a110108932dd6a57da7a363055c834ed5",
    );
}

#[test]
fn truncated_bytes_are_refused() {
    let block = borsh::to_vec(&fixed_block()).unwrap();
    for length in 0..block.len() {
        assert!(borsh::from_slice::<Block>(&block[..length]).is_err(), "{length} bytes");
    }
    let snapshot = fixed_world().engine.snapshot();
    for length in (0..snapshot.len()).step_by(7).chain(0..40) {
        assert!(Engine::restore(&snapshot[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn trailing_bytes_are_refused() {
    let mut block = borsh::to_vec(&fixed_block()).unwrap();
    block.push(0);
    assert!(borsh::from_slice::<Block>(&block).is_err());
    let mut snapshot = fixed_world().engine.snapshot();
    snapshot.push(0);
    assert_eq!(Engine::restore(&snapshot).err(), Some(SnapshotError::Malformed));
}

#[test]
fn another_version_is_refused() {
    let world = fixed_world();
    let mut snapshot = world.engine.snapshot();
    for version in [0, SNAPSHOT_VERSION + 1, u16::MAX] {
        snapshot[..2].copy_from_slice(&version.to_le_bytes());
        assert_eq!(Engine::restore(&snapshot).err(), Some(SnapshotError::Version { found: version }));
    }
    let block = Block { version: BLOCK_VERSION + 1, ..world.block_of(1, Vec::new()) };
    assert!(world.engine.check(&block).is_err());
}

#[test]
fn every_flipped_bit_of_a_snapshot_is_noticed() {
    // R13.4: a loaded state is checked against its root.
    let snapshot = World::with(&[1_000_000], &[(pool_parameters(), vec![perpetual(0)])]).engine.snapshot();
    for bit in (0..snapshot.len() * 8).step_by(3) {
        let mut flipped = snapshot.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Engine::restore(&flipped).is_err(), "bit {bit}");
    }
}

/// A length prefix is a claim: four bytes must not make the decoder ask for gigabytes.
#[test]
fn a_lying_length_allocates_nothing() {
    let header = borsh::to_vec(&Block { commands: Vec::new(), ..fixed_block() }).unwrap();
    let mut lying = header[..19].to_vec();
    lying.extend([0xff; 4]);
    assert!(borsh::from_slice::<Block>(&lying).is_err());
    lying.extend([0; 64]);
    assert!(borsh::from_slice::<Block>(&lying).is_err());

    let original = fixed_world().engine.snapshot();
    for at in (34..original.len() - 4).step_by(61) {
        let mut lying = original.clone();
        lying[at..at + 4].fill(0xff);
        assert!(lying == original || Engine::restore(&lying).is_err());
    }
}

/// Options, booleans and enums have one encoding each: nothing that decodes has two.
#[test]
fn numbers_out_of_range_are_refused() {
    let bytes = borsh::to_vec(&by(1, Command::CancelAll { pool: PoolId(0), account: AccountId(0) })).unwrap();
    let mut unknown = bytes.clone();
    unknown[32] = 28;
    assert!(borsh::from_slice::<Signed>(&bytes).is_ok() && borsh::from_slice::<Signed>(&unknown).is_err());
    let mut block = borsh::to_vec(&Block { commands: Vec::new(), ..fixed_block() }).unwrap();
    block[18] = 2;
    assert!(borsh::from_slice::<Block>(&block).is_err(), "a boolean is 0 or 1");
}

/// A snapshot that names the right root for a wrong state: whoever makes it knows the format, not the invariants.
#[test]
fn a_forged_snapshot_is_an_error_and_never_a_panic() {
    let original = fixed_world().engine.snapshot();
    let decoded: Snapshot = borsh::from_slice(&original).unwrap();
    let forge = |change: &dyn Fn(&mut Snapshot)| {
        let mut forged = decoded.clone();
        change(&mut forged);
        Engine::restore(&borsh::to_vec(&forged).unwrap()).err()
    };
    assert_eq!(forge(&|snapshot| snapshot.root = [1; 32]), Some(SnapshotError::Root));
    assert_eq!(forge(&|snapshot| snapshot.state.reserve += Money::new(1)), Some(SnapshotError::Root));
    assert_eq!(forge(&|snapshot| snapshot.state.governance = Key([9; 32])), Some(SnapshotError::Root));
    let edit = |snapshot: &mut Snapshot, cash: i128| {
        snapshot.state.pools[PoolId(0)].accounts.edit(AccountId(1)).cash = Money::new(cash);
    };
    assert_eq!(forge(&|snapshot| edit(snapshot, 12_345)), Some(SnapshotError::Root));
}

fn keccak(tag: u8, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    hasher.update([tag]);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// The root of a pool's accounts, all leaves at once: 0 tags a leaf, 1 a node, and a node without a sibling moves up.
fn accounts_root(pool: &Pool) -> [u8; 32] {
    let leaf = |account: &Account| keccak(0, &[&borsh::to_vec(account).unwrap()]);
    let mut level: Vec<[u8; 32]> = pool.accounts.iter().map(|(_, account)| leaf(account)).collect();
    while level.len() > 1 {
        let parent = |pair: &[[u8; 32]]| if pair.len() == 2 { keccak(1, &[&pair[0], &pair[1]]) } else { pair[0] };
        level = level.chunks(2).map(parent).collect();
    }
    level.first().copied().unwrap_or_default()
}

/// The root by its definition: 2 tags the state, 3 a pool, 6 a part: the feeds, and the fields of a pool in order without its accounts.
fn root_by_definition(state: &State) -> [u8; 32] {
    let mut roots = Vec::new();
    for (_, pool) in state.pools.iter() {
        let p = pool.clone();
        let mut rest = borsh::to_vec(&(p.name, p.owner, p.parameters, p.pending, p.instruments)).unwrap();
        rest.extend(
            borsh::to_vec(&(p.own_capital, p.fees, p.rounding, p.prepaid, p.tranche, p.line, p.custody, p.bids))
                .unwrap(),
        );
        let last = (p.stresses, p.correlations, p.matrices, p.fund, p.claims, p.paid_at, p.interval_gone);
        rest.extend(borsh::to_vec(&last).unwrap());
        rest.extend(borsh::to_vec(&(p.converting, p.carried, p.winding_down)).unwrap());
        roots.extend(keccak(3, &[&keccak(6, &[&rest]), &accounts_root(pool)]));
    }
    let header = (state.height, state.time, state.governance, state.custodian, state.reserve);
    let feeds = keccak(6, &[&borsh::to_vec(&state.feeds).unwrap()]);
    keccak(2, &[&borsh::to_vec(&header).unwrap(), &feeds, &roots])
}

#[test]
fn the_root_is_what_its_definition_says() {
    let mut world = World::populated(3);
    for _ in 0..30 {
        let receipt = world.step();
        assert_eq!(receipt.root, root_by_definition(world.engine.state()));
    }
}

#[test]
fn a_branch_shows_that_an_account_is_in_the_root_and_that_another_is_not() {
    let mut world = World::populated(4);
    for _ in 0..30 {
        world.step();
    }
    let commitment = world.engine.commitment();
    assert_eq!(commitment.root(), world.engine.root());
    for (pool, committed) in world.engine.state().pools.iter().map(|(_, pool)| pool).zip(&commitment.pools) {
        let mut followed = Tree::default();
        let find = |position: usize| pool.accounts.iter().nth(position).map(|(_, account)| account);
        followed.follow(0..pool.accounts.len(), find);
        assert_eq!(followed.root(), committed.accounts, "a tree that somebody else has grown");
        for (id, account) in pool.accounts.iter() {
            let branch = pool.accounts.branch(id).expect("a branch");
            assert_eq!(branch.root(account), committed.accounts);
            assert_eq!(followed.branch(id.position(), find).as_ref(), Some(&branch));
            let richer = Account { cash: account.cash + Money::new(1), ..account.clone() };
            assert_ne!(branch.root(&richer), committed.accounts);
        }
        assert_eq!(pool.accounts.branch(AccountId(u32::MAX)), None);
    }
}

/// A snapshot with the right root for a state that cannot be: an error, before anything is computed from it.
#[test]
fn a_state_that_cannot_be_is_refused() {
    let decoded: Snapshot = borsh::from_slice(&fixed_world().engine.snapshot()).unwrap();
    let restore = |change: &dyn Fn(&mut State)| {
        let mut forged = decoded.clone();
        change(&mut forged.state);
        forged.root = root_by_definition(&forged.state);
        Engine::restore(&borsh::to_vec(&forged).unwrap()).err()
    };
    assert_eq!(restore(&|_| ()), None);
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Pool));
    let changes: [Change; 9] = [
        ("cash from nowhere", &|pool| pool.accounts.edit(AccountId(1)).cash += Money::new(1)),
        ("cash beyond every sum", &|pool| {
            [1, 2].into_iter().for_each(|id| pool.accounts.edit(AccountId(id)).cash = Money::new(i128::MAX));
        }),
        ("a negative amount", &|pool| {
            pool.fees -= Money::new(1 << 60);
            pool.own_capital += Money::new(1 << 60);
        }),
        ("a line beyond its cap", &|pool| pool.line.drawn = Money::new(1)),
        ("a position nobody is opposite to", &|pool| {
            pool.accounts.edit(AccountId(1)).positions[0].quantity += Quantity::new(1);
        }),
        ("a position beyond every sum", &|pool| {
            [1, 2]
                .into_iter()
                .for_each(|id| pool.accounts.edit(AccountId(id)).positions[0].quantity = Quantity::new(i64::MAX));
        }),
        ("a position of zero", &|pool| pool.accounts.edit(AccountId(1)).positions[0].quantity = Quantity::ZERO),
        ("an unknown instrument", &|pool| pool.accounts.edit(AccountId(1)).positions[0].instrument = InstrumentId(77)),
        ("an unknown feed", &|pool| pool.instruments[InstrumentId(0)].parameters.feed = FeedId(77)),
    ];
    for (what, change) in changes {
        let error = restore(&|state| change(&mut state.pools[PoolId(0)]));
        assert!(matches!(error, Some(SnapshotError::Inconsistent(_))), "{what}: {error:?}");
    }
    let error = restore(&|state| state.feeds[FeedId(0)].publishers.clear());
    assert!(matches!(error, Some(SnapshotError::Inconsistent(_))), "publishers without a last word: {error:?}");
}

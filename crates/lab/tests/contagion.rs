//! The branching curve and the network against the definition, asked of the core account by account and lot by lot. R14.1, R14.2

use clearing::margin;
use clearing::parameters::Tier;
use clearing::rows;
use clearing::state::{Account, Feed, Pool, Position};
use clearing::table::{FeedId, Table};
use clearing::units::{Money, Price, Quantity, Ratio, Time};
use contagion::curve::{Grid, Side, curves};
use contagion::{PoolSource, Settings, Source, assess};
use lab::bench::Market;

const FEED: FeedId = FeedId(0);
const GRID: Grid = Grid { step: 0.01, steps: 25 };

fn market(traders: u32) -> Market {
    Market::build(traders, 7, &mut |_, _| (), &mut |_| ()).expect("the benchmark's market can be built")
}

/// The pool with one feed moved, by the definition: index and marks move, the rows are the core's.
fn moved(pool: &Pool, feeds: &Table<FeedId, Feed>, time: Time, by: f64) -> Pool {
    let at = |price: Price| Price::new((price.get() as f64 * (1.0 + by)).round() as i64);
    let feeds: Table<FeedId, Feed> = feeds
        .iter()
        .map(|(id, feed)| Feed { index: if id == FEED { at(feed.index) } else { feed.index }, ..feed.clone() })
        .collect();
    let mut pool = pool.without_members();
    for (_, listed) in pool.instruments.iter_mut().filter(|(_, listed)| listed.parameters.feed == FEED) {
        listed.mark = at(listed.mark);
        listed.premium = at(listed.premium);
    }
    pool.matrices = rows::build(&pool, &feeds, time);
    pool
}

/// The market with exit costs and a depth that rise from nothing to one percent over a million USD, and accounts of one position each.
fn one_position(market: &Market, longs: &[i64]) -> (Pool, Vec<Account>) {
    let state = market.engine().state();
    let mut pool = market.pool().without_members();
    let (id, mark) = (clearing::table::InstrumentId(0), market.mark(clearing::table::InstrumentId(0)));
    let million = Money::new(1_000_000_000_000).lots_ceil(mark);
    let tiers =
        [Tier { from: Quantity::ZERO, rate: Ratio::ZERO }, Tier { from: million, rate: Ratio::new(10_000) }].to_vec();
    for (_, listed) in pool.instruments.iter_mut().filter(|(_, listed)| listed.parameters.feed == FEED) {
        listed.parameters.exit_cost.clone_from(&tiers);
        listed.parameters.depth.clone_from(&tiers);
    }
    pool.matrices = rows::build(&pool, &state.feeds, state.time);
    let account = |(at, deposit_ppm): (usize, &i64)| {
        let quantity = Quantity::new(if at % 2 == 0 { 10_000 } else { -10_000 });
        let value = mark * quantity;
        let position = Position { instrument: id, quantity, entry: value };
        let deposit = value.abs().times_floor(Ratio::new(*deposit_ppm));
        Account { cash: deposit - value, positions: vec![position], ..Account::new(Default::default()) }
    };
    let accounts = longs.iter().enumerate().map(account).collect();
    (pool, accounts)
}

fn side_of(pool: &Pool, accounts: &[Account], market: &Market, down: bool) -> Side {
    let state = market.engine().state();
    let source = PoolSource { pool, accounts: accounts.iter().collect() };
    let found = curves(&source, &state.feeds, state.time, &GRID);
    let own = found.markets.into_iter().find(|market| market.feed == FEED.0).expect("the feed has derivatives");
    let [falls, rises] = own.alone;
    if down { falls } else { rises }
}

/// R14.1: who breaches and what must be sold at every step, against a search lot by lot.
#[test]
fn every_step_is_what_the_core_says_account_by_account() {
    let market = market(200);
    let state = market.engine().state();
    let (pool, accounts) = one_position(&market, &(0..60).map(|at| 20_000 + at * 5_000).collect::<Vec<_>>());
    for down in [true, false] {
        let side = side_of(&pool, &accounts, &market, down);
        for (step, level) in side.levels.iter().enumerate().step_by(3) {
            let by = (GRID.step * step as f64 * if down { -1.0 } else { 1.0 }).exp_m1();
            let there = moved(&pool, &state.feeds, state.time, by);
            let breached: Vec<&Account> =
                accounts.iter().filter(|held| margin::breaches(&there, held.cash, &held.positions)).collect();
            assert_eq!(level.accounts, breached.len() as u64, "step {step}");
            let lots: i64 = breached.iter().map(|held| least_to_sell(&there, held)).sum();
            // Every step's lots are valued at that step's mark: the lots are compared, to one for each account.
            let found = lots_of(&side, &pool, state, step, down);
            assert!((found - lots as f64).abs() <= 1.0 + breached.len() as f64, "step {step}: {found} {lots}");
        }
    }
}

/// Lots sold up to a step, from the USD of each step at its mark.
fn lots_of(side: &Side, pool: &Pool, state: &clearing::state::State, step: usize, down: bool) -> f64 {
    let mut lots = 0.0;
    let mut before = 0.0;
    for (at, level) in side.levels.iter().enumerate().take(step + 1) {
        let by = (GRID.step * at as f64 * if down { -1.0 } else { 1.0 }).exp_m1();
        let mark = moved(pool, &state.feeds, state.time, by).matrices.mark(clearing::table::InstrumentId(0));
        lots += (level.forced_usd - before) / (mark.get() as f64 / 1e6);
        before = level.forced_usd;
    }
    lots
}

/// The fewest lots at the mark that bring an account to its target; all of them where it is beyond reduction (R10.5).
fn least_to_sell(pool: &Pool, held: &Account) -> i64 {
    let position = &held.positions[0];
    let whole = position.quantity.abs().get();
    let equity = margin::equity(&pool.matrices, held.cash, &held.positions);
    let least = margin::maintenance_margin(pool, held.cash, &held.positions).times_ceil(pool.parameters.auction_below);
    if equity <= least.or_zero() {
        return whole;
    }
    let meets = |lots: i64| {
        let sold = Quantity::new(lots).on_side(position.quantity.signum());
        let cash = held.cash + pool.matrices.mark(position.instrument) * sold;
        let quantity = position.quantity - sold;
        let left = Position { quantity, ..position.clone() };
        let left = if quantity.is_zero() { vec![] } else { vec![left] };
        !margin::target_worst(pool, cash, &left).is_negative()
    };
    let (mut short, mut enough) = (0, whole);
    if meets(0) {
        return 0;
    }
    while enough - short > 1 {
        let middle = i64::midpoint(short, enough);
        if meets(middle) { enough = middle } else { short = middle }
    }
    enough
}

/// R14.1: n = k·λ with λ = one percent a million USD in each of a feed's instruments, whose depths add, and the distance is the first step that reaches one.
#[test]
fn branching_is_density_times_impact() {
    let market = market(200);
    let deposits: Vec<i64> = (0..400).map(|at| 40_000 + at * 500).collect();
    let (pool, accounts) = one_position(&market, &deposits);
    let side = side_of(&pool, &accounts, &market, true);
    for (at, level) in side.levels.iter().enumerate().skip(1) {
        let sold = level.forced_usd - side.levels[at - 1].forced_usd;
        let sold = sold.max(1e-3);
        let own = pool.instruments.iter().filter(|(_, listed)| listed.parameters.feed == FEED);
        let depth = own.map(|(_, listed)| {
            let million = listed.mark * listed.parameters.depth[1].from;
            sold / -(1.0 - (0.01 * sold * 1e6 / million.get() as f64).min(0.999)).ln()
        });
        let move_of_it = sold / depth.sum::<f64>();
        let n = level.branching.expect("there is a depth");
        assert!((n - move_of_it / GRID.step).abs() <= 1e-6 * n.max(1.0), "{level:?}");
    }
    let first = side.levels.iter().skip(1).find(|level| level.branching.is_some_and(|n| n >= 1.0));
    assert_eq!(side.distance, first.map(|level| level.moved));
    let weak = side.levels.iter().skip(1).take_while(|level| level.branching.is_some_and(|n| n < 1.0)).count();
    if weak > 3 {
        let end = side.ends_at(-0.001, &GRID).expect("a small shock ends");
        assert!(end <= -0.001 && end > side.levels[weak].moved, "{end}");
    }
}

/// Twenty times the accounts: twenty times the sales, and a cascade no further away. R14.1
#[test]
fn more_forced_sales_bring_the_cascade_nearer() {
    let market = market(200);
    let deposits: Vec<i64> = (0..200).map(|at| 60_000 + at * 1_000).collect();
    let (pool, few) = one_position(&market, &deposits);
    let many: Vec<Account> = (0..20).flat_map(|_| few.clone()).collect();
    let [one, other] = [&few, &many].map(|accounts| side_of(&pool, accounts, &market, true));
    for (one, other) in one.levels.iter().zip(&other.levels) {
        assert!((other.forced_usd - 20.0 * one.forced_usd).abs() <= 1e-6 * other.forced_usd.abs().max(1.0));
        assert!(other.branching >= one.branching);
    }
    let near = |side: &Side| side.distance.map_or(f64::MAX, f64::abs);
    assert!(near(&other) <= near(&one));
}

/// R14.2: books balance in the network: what pools and creditors have left is what they came with.
#[test]
fn a_network_of_a_real_state_balances() {
    let market = market(2_000);
    let found = assess(&Source::of(market.engine().state()), &Settings::default()).expect("the settings are sound");
    let network = found.network.expect("it was asked for");
    let settled = &network.settled[0];
    assert!(settled.pays_usd <= settled.owes_usd + 1e-6 && settled.pays_with_recourse_usd >= settled.pays_usd - 1e-6);
    assert_eq!(network.nodes.len(), network.exposures_usd.len());
    assert_eq!(network.ranked.len(), network.nodes.len());
    assert!(network.ranked.windows(2).all(|pair| pair[0].rank >= pair[1].rank));
    let pool = &found.pools[0];
    assert_eq!(pool.markets.len(), lab::bench::FEEDS);
    assert!(pool.equity_usd > 0.0);
}

#[test]
fn settings_outside_their_ranges_are_refused() {
    let market = market(2);
    let source = Source::of(market.engine().state());
    let usual = Settings::default();
    for wrong in [
        Settings { step: 0.0, ..usual },
        Settings { step: f64::NAN, ..usual },
        Settings { reach: 0.001, ..usual },
        Settings { reach: f64::INFINITY, ..usual },
        Settings { reaction_s: 0.0, ..usual },
        Settings { large_members: 1_000_000, ..usual },
        Settings { jump: -1.0, ..usual },
    ] {
        assert!(assess(&source, &wrong).is_err(), "{wrong:?}");
    }
}

//! The core against a deliberately naive model in exact rationals, written from the rulebook alone.
//!
//! Where a rule is exact the comparison is exact; where the core rounds, it may be off by a quantum for each division, and
//! only against the account.
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

#[path = "reference/accrual.rs"]
mod accrual;
#[path = "reference/market.rs"]
mod market;
#[path = "reference/model.rs"]
mod model;
#[path = "properties/world.rs"]
mod world;

use clearing::command::{Capital, Command, Lifetime, NewOrder};
use clearing::event::{Event, Receipt};
use clearing::exit_cost::ExitCosts;
use clearing::margin;
use clearing::parameters::{FeedParameters, Kind, PublisherParameters, Tier};
use clearing::rows::{Matrices, Rows, Scenario};
use clearing::state::{Account, Order, Pool, Position};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{Money, PPM, Price, Quantity, Ratio, Time, share_exactly, share_up_to_caps};
use market::{Bid, Report};
use model::{Bar, Column, Doubt, Exact, Vector, Wish, ppm, whole};
use num_traits::Signed;
use proptest::prelude::*;
use world::{CUSTODIAN, USD, World, by, feed_parameters, key, new_order, perpetual, pool_parameters, spot};

const INSTRUMENTS: usize = 3;
const FEEDS: usize = 2;

/// Half of all instruments make the whole of their feed's move; one feed in three or so is not sure.
fn doubt() -> impl Strategy<Value = Doubt> {
    let share = prop_oneof![Just(PPM), 1..PPM];
    (0..FEEDS, 0_i64..1_000, 0_i64..1_000, share, 0_u8..3).prop_map(|(feed, shared, own, share, dice)| Doubt {
        feed,
        shared,
        own,
        share,
        is_limited: dice > 0,
    })
}

fn column() -> impl Strategy<Value = Column> {
    let price = prop_oneof![-2_000_i64..2_000, 0..1_i64 << 44, Just(0), Just(1 << 44)];
    let prices = |rows| prop::collection::vec(-5_000_i64..1 << 40, rows);
    let tiers = || {
        prop::collection::vec((0_i64..1_000, 0_i64..100_000), 0..4).prop_map(|steps| {
            let (mut from, mut rate) = (-1, 0);
            let rise = |(step, more): (i64, i64)| {
                (from, rate) = (from + 1 + step, rate + more);
                (from, rate)
            };
            steps.into_iter().map(rise).collect::<Vec<_>>()
        })
    };
    (price, doubt(), (prices(4), prices(3), prices(5)), tiers(), tiers(), 0_i64..100_000, 0..3).prop_map(
        |(today, doubt, (maintenance, target, initial), tiers, initial_tiers, fee, kind)| {
            // The highest fee: twice, once for the rate and once for the surcharge of the pool below.
            let fee = ppm(fee) * ppm(PPM + 500_000);
            let (is_spot, is_dormant) = (kind > 0, kind > 1);
            Column { today, doubt, maintenance, target, initial, tiers, initial_tiers, fee, is_spot, is_dormant }
        },
    )
}

fn vector() -> impl Strategy<Value = Vector> {
    let lots = prop::collection::vec(prop_oneof![-3_000_i64..3_000, Just(0), Just(1 << 40)], INSTRUMENTS);
    (-(1_i64 << 56)..1 << 56, lots).prop_map(|(cash, lots)| Vector { cash: whole(cash), lots })
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0..INSTRUMENTS, -3_000_i64..3_000, 1_i64..1 << 40);
    let wish = wish.prop_map(|(instrument, lots, limit)| Wish { instrument, lots, limit });
    prop::collection::vec(wish.prop_filter("an order is for something", |wish| wish.lots != 0), 0..=8)
}

/// A pool of the core with exactly these columns.
fn pool_of(market: &[Column]) -> Pool {
    let list = |column: &Column| {
        let feed = column.doubt.feed as u16;
        if column.is_spot { spot(feed) } else { perpetual(feed) }
    };
    let listed = market.iter().map(list).collect();
    let mut pool = World::with(&[1_000; FEEDS], &[(pool_parameters(), listed)]).pool(0).clone();
    let tiers = |tiers: &[(i64, i64)]| {
        tiers.iter().map(|(from, rate)| Tier { from: Quantity::new(*from), rate: Ratio::new(*rate) }).collect()
    };
    for (at, column) in market.iter().enumerate() {
        let parameters = &mut pool.instruments[InstrumentId(at as u16)].parameters;
        parameters.exit_cost = tiers(&column.tiers);
        parameters.initial_exit_cost = tiers(&column.initial_tiers);
        let fee = column.fee.clone() * whole(PPM) / ppm(PPM + 500_000);
        parameters.fee = Ratio::new(i64::try_from(fee.to_integer()).unwrap());
    }
    let rows = |choose: fn(&Column) -> &Vec<i64>| Rows {
        scenarios: choose(&market[0]).iter().map(|_| Scenario::Unshocked).collect(),
        columns: market.iter().map(|column| choose(column).iter().copied().map(Price::new).collect()).collect(),
    };
    let dormant = market.iter().enumerate().filter(|(_, column)| column.is_dormant);
    let today: Vec<Price> = market.iter().map(|column| Price::new(column.today)).collect();
    pool.matrices = Matrices {
        exit_costs: ExitCosts::of(&pool.instruments, &today),
        today,
        doubts: market.iter().map(|column| doubt_of(market, &column.doubt)).collect(),
        dormant: dormant.map(|(at, _)| InstrumentId(at as u16)).collect(),
        maintenance: rows(|column| &column.maintenance),
        target: rows(|column| &column.target),
        initial: rows(|column| &column.initial),
    };
    pool
}

fn doubt_of(market: &[Column], doubt: &Doubt) -> clearing::doubt::Doubt {
    let siblings = market.iter().filter(|column| column.doubt.feed == doubt.feed);
    clearing::doubt::Doubt {
        shared: Price::new(doubt.shared),
        least_shared: siblings.map(|column| Price::new(column.doubt.shared)).min().unwrap(),
        own: Price::new(doubt.own),
        share: Ratio::new(doubt.share),
        is_limited: doubt.is_limited,
    }
}

fn account_of(vector: &Vector, wishes: &[Wish]) -> Account {
    let mut account = Account::new(key(20));
    account.cash = Money::new(i128::try_from(vector.cash.to_integer()).unwrap());
    let position = |(at, lots): (usize, &i64)| Position {
        instrument: InstrumentId(at as u16),
        quantity: Quantity::new(*lots),
        entry: Money::ZERO,
    };
    account.positions = vector.lots.iter().enumerate().filter(|(_, lots)| **lots != 0).map(position).collect();
    let order = |(at, wish): (usize, &Wish)| Order {
        number: at as u64,
        instrument: InstrumentId(wish.instrument as u16),
        quantity: Quantity::new(wish.lots),
        limit: Price::new(wish.limit),
        lifetime: clearing::command::Lifetime::UntilCancelled,
        reduce_only: false,
    };
    account.orders = wishes.iter().enumerate().map(order).collect();
    account
}

/// The core may be lower than the truth by its rounding, never higher.
fn close_below(core: Money, truth: &Exact, quanta: i64) -> Result<(), TestCaseError> {
    let short = truth - whole(core.get());
    prop_assert!(!short.is_negative() && short <= whole(quanta), "core {} truth {truth}", core.get());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    // R6.1, R6.2, R6.3, R5.3, R5.6, R3.8, R3.10
    #[test]
    fn margin_is_what_the_rulebook_says(market in prop::collection::vec(column(), INSTRUMENTS), vector in vector()) {
        let (pool, account) = (pool_of(&market), account_of(&vector, &[]));
        let (cash, positions) = (account.cash, &account.positions[..]);
        let equity = margin::equity(&pool.matrices, cash, positions);
        prop_assert_eq!(whole(equity.get()), model::equity(&market, &vector));
        // A ceiling for every tier of every instrument.
        let slack = 5 * INSTRUMENTS as i64;
        let truth = |bar| model::lowest(&model::stressed(&market, &vector, bar));
        close_below(margin::maintenance_worst(&pool, cash, positions).value, &truth(Bar::Maintenance), slack)?;
        close_below(margin::target_worst(&pool, cash, positions), &truth(Bar::Target), slack)?;
        // R6.4 holds for a vector with collateral that backs nothing new as well.
        let free = truth(Bar::Initial).min(truth(Bar::Target));
        close_below(margin::free_collateral(&pool, cash, positions), &free, 2 * slack)?;
        // Doubt in favour is rounded down: once a leg, and for lots that make a part of the move once a lot.
        let partial = market.iter().zip(&vector.lots).filter(|(column, _)| column.doubt.share != PPM);
        let slack = slack + partial.map(|(_, lots)| lots.abs()).sum::<i64>();
        let favour = model::in_favour(&market, &vector);
        close_below(margin::doubt_in_favour(&pool, cash, positions), &favour, slack)?;
        let lifted = truth(Bar::Maintenance) + favour;
        let breaches = !positions.is_empty() && margin::breaches(&pool, cash, positions);
        prop_assert!(positions.is_empty() || breaches || !lifted.is_negative(), "a breach that is none: {lifted}");
        prop_assert!(!breaches || lifted < whole(2 * slack), "no breach: {lifted}");
        // R6.4
        let (maintenance, initial) = (margin::maintenance_margin(&pool, cash, positions), margin::initial_margin(&pool, cash, positions));
        let target = equity - margin::target_worst(&pool, cash, positions);
        prop_assert!(maintenance <= target && target <= initial);
    }

    // R7.2
    #[test]
    fn orders_are_margined_as_the_worst_of_all_subsets(
        market in prop::collection::vec(column(), INSTRUMENTS),
        vector in vector(),
        wishes in wishes(),
    ) {
        let (pool, account) = (pool_of(&market), account_of(&vector, &wishes));
        let rows = margin::order_rows(&pool, &account, &account.orders);
        let truth = model::with_orders(&market, &vector, &wishes);
        prop_assert_eq!(rows.len(), truth.len());
        // Two ceilings a fee, the first of which the surcharge multiplies; a ceiling a tier.
        let slack = 10 * INSTRUMENTS as i64 + 3 * wishes.len() as i64;
        for (core, truth) in rows.iter().zip(&truth) {
            close_below(*core, truth, slack)?;
        }
    }

    // R3.2, R3.1
    #[test]
    fn the_index_is_the_weighted_median(
        votes in prop::collection::vec((1_i64..60, 0_i64..20, 1_u32..6, 0_u16..5), 4..9),
        limit in prop_oneof![Just(PPM), 1_i64..PPM],
    ) {
        let mut parameters = feed_parameters();
        parameters.confidence_limit = Ratio::new(limit);
        parameters.publishers = votes.iter().enumerate().map(|(at, (_, _, weight, source))| PublisherParameters {
            key: key(100 + at as u8), weight: *weight, source: *source,
        }).collect();
        prop_assume!(parameters.has_enough_sources());
        let mut world = World::empty(0);
        world.must(1_000, vec![by(world::GOVERNANCE, Command::ListFeed { name: "feed".into(), parameters })]);
        let published_at = Time::new(world.time() + 1_000);
        let seen = votes.iter().enumerate().map(|(at, (price, confidence, _, _))| by(100 + at as u8, Command::Observe {
            feed: FeedId(0),
            price: Price::new(*price),
            confidence: Price::new(*confidence),
            published_at,
            transfers_suspended: false,
        }));
        world.must(1_000, seen.collect());
        // Publishers of one source share one weight.
        let sharing = |source: u16| votes.iter().filter(|(_, _, _, other)| *other == source).count();
        let reports: Vec<Report> = votes.iter().map(|(price, confidence, weight, source)| Report {
            price: *price,
            confidence: *confidence,
            // A share is counted in whole millionths of a weight.
            part: (whole(*weight) * whole(PPM) / whole(sharing(*source))).floor(),
            weight: *weight,
            source: *source,
        }).collect();
        let feed = &world.engine.state().feeds[FeedId(0)];
        let (index, confidence) = market::index_and_confidence(&market::with_a_vote(&reports, &ppm(limit)));
        prop_assert_eq!((feed.index.get(), feed.confidence.get()), (index, confidence));
    }

    // R8.1, R8.2, R2.3
    #[test]
    fn the_auction_is_the_best_of_all_prices(
        bids in prop::collection::vec((1_u32..7, 1_i64..12, 85_i64..116, any::<bool>()), 1..14),
        impact in 0_i64..9,
    ) {
        let mut parameters = perpetual(0);
        parameters.impact = Money::new(i128::from(100 * impact));
        (parameters.fee, parameters.exit_cost, parameters.initial_exit_cost) = (Ratio::ZERO, Vec::new(), Vec::new());
        let mut rules = pool_parameters();
        rules.max_orders = 100;
        let mut world = World::with(&[100], &[(rules, vec![parameters])]);
        for account in 1..7 {
            world.open(0, 20 + account, USD);
        }
        // Even accounts buy and odd ones sell, so that nobody meets himself.
        let bids: Vec<Bid> = bids.into_iter().enumerate().map(|(at, (account, lots, limit, passing))| {
            let lots = if account % 2 == 0 { lots } else { -lots };
            // Ten from the mark is as eager as an order may be.
            let limit = if lots > 0 { limit.min(110) } else { limit.max(90) };
            Bid { account, number: at as u64 + 1, lots, limit, passing }
        }).collect();
        let place = |bid: &Bid| by(20 + bid.account as u8, Command::PlaceOrder {
            pool: PoolId(0),
            account: AccountId(bid.account),
            order: NewOrder {
                lifetime: if bid.passing { Lifetime::ThisBlock } else { Lifetime::UntilCancelled },
                ..new_order(bid.number, 0, bid.lots, Some(bid.limit))
            },
        });
        let receipt = world.must(10, bids.iter().map(place).collect());
        let price = market::uniform_price(&bids, 100, 1..=200);
        let cleared = receipt.events.iter().find_map(|event| match event {
            Event::AuctionCleared { price, .. } => Some(price.get()),
            _ => None,
        });
        prop_assert_eq!(cleared, price);
        let fills = price.map_or(vec![0; bids.len()], |price| market::fills(&bids, price));
        for (bid, fill) in bids.iter().zip(&fills).filter(|(bid, _)| !bid.passing) {
            let orders = &world.account(0, bid.account).orders;
            let left = orders.iter().find(|order| order.number == bid.number).map_or(0, |order| order.quantity.get());
            prop_assert_eq!(bid.lots - left, *fill, "{:?} of {:?}", bid, bids);
        }
        // R3.6: what rests, inside the band of ten.
        let rests = |side: i64| -> Vec<(i64, i64)> {
            let near = |bid: &Bid| if side > 0 { bid.limit >= 90 } else { bid.limit <= 110 };
            let own = bids.iter().zip(&fills).filter(|(bid, _)| bid.lots.signum() == side && !bid.passing && near(bid));
            own.map(|(bid, fill)| (bid.limit, (bid.lots - fill).abs())).collect()
        };
        let lots = impact.max(1);
        let sides = [1, -1].map(|side| market::value_of_best(&rests(side), lots, side));
        let quotes = world.pool(0).instruments[InstrumentId(0)].quotes.map(|quotes| (quotes.pays.get(), quotes.asks.get()));
        let expected = sides[0].zip(sides[1]).map(|(pays, asks)| (pays / lots, -(-asks).div_euclid(lots)));
        prop_assert_eq!(quotes, expected, "{:?}", bids);
        for account in 1..7 {
            let held = world.account(0, account);
            let paid = i128::from(price.unwrap_or(0)) * i128::from(held.quantity(InstrumentId(0)).get());
            prop_assert_eq!(held.cash.get(), USD - paid);
        }
    }

    // R16.2, R3.6, R5.1, R5.5: the mark of a future is the mean by time of what was and what is, it settles where it was last, and between two
    // blocks it moves by exactly the share of the window that was left.
    #[test]
    fn a_settlement_is_the_mean_by_time(
        steps in prop::collection::vec((1_i64..40_000, 500_000_i64..1_500_000), 1..12),
        window in 1_000_i64..100_000,
        volatility in prop_oneof![Just(2_000), Just(300_000)],
    ) {
        let expiry = world::START + 100_000;
        let mut parameters = world::dated(0, expiry);
        let (settlement_window, basis_a_day) = (Time::new(window), Ratio::ZERO);
        parameters.kind = Kind::Dated { expiry: Time::new(expiry), settlement_window, basis_a_day };
        // At the higher one a move goes further than to zero.
        let feed = FeedParameters { long_run_volatility: Ratio::new(volatility), forecast_ceiling: Ratio::ONE, ..feed_parameters() };
        let mut world = World::with_feeds(&[1_000_000], &[feed], &[(pool_parameters(), vec![parameters, perpetual(0)])]);
        let future = InstrumentId(0);
        // Of a window in which it is listed only the rest counts.
        let begins = (expiry - window).max(world.time());
        let mut past = vec![(1_000_000, world::START, world.time())];
        for (elapsed, index) in steps {
            let before = world.pool(0).clone();
            let (from, was) = (world.time(), before.instruments[future].mark);
            let left = before.instruments[future].averaging(Time::new(from)).share_left();
            world.prices[0] = index;
            world.tick(elapsed);
            let last = past.last().map_or(0, |(index, _, _)| *index);
            past.push((index, from, world.time()));
            let listed = &world.pool(0).instruments[future];
            let worth = market::settlement_worth(&past, begins, expiry);
            let mark = listed.settled.unwrap_or(listed.mark);
            prop_assert_eq!(mark.get(), i64::try_from(worth.floor().to_integer()).unwrap());
            // A share is counted in whole millionths, and both marks are rounded down.
            let moved = whole(index - last) * ppm(left.get());
            let off = (whole((mark - was).get()) - moved).abs();
            prop_assert!(off <= whole(2) + whole((index - last).abs()) / whole(PPM), "{off} of {index} after {last}");
            if listed.settled.is_some() {
                break;
            }
            // The perpetual's rows are those of a whole move, and the future's the same share of each of them.
            let share = listed.averaging(Time::new(world.time())).share_left();
            let matrices = &world.pool(0).matrices;
            for rows in [&matrices.maintenance, &matrices.target, &matrices.initial] {
                for (whole_move, part) in rows.column(InstrumentId(1)).iter().zip(rows.column(future)) {
                    let full = whole((*whole_move - matrices.mark(InstrumentId(1))).get());
                    let off = (whole((*part - matrices.mark(future)).get()) - &full * ppm(share.get())).abs();
                    // A quantum a rounding, and a millionth of the move for the share.
                    prop_assert!(off <= whole(6) + full.abs() / whole(PPM), "{off} off in a row at {share:?}");
                }
            }
        }
    }

    // R1.4
    #[test]
    fn shares_are_exact(total in 0_i64..1_000, weights in prop::collection::vec(0_i64..50, 1..9)) {
        let wide: Vec<i128> = weights.iter().map(|weight| i128::from(*weight)).collect();
        let parts: Vec<i128> = market::shares(total, &weights).into_iter().map(i128::from).collect();
        prop_assert_eq!(share_exactly(total.into(), &wide), parts);
    }

    // R1.4, R12.2: sorted once, against the level found by filling one cap after the other.
    #[test]
    fn shares_up_to_caps_are_those_of_the_level(
        total in 0_i64..1_000,
        entries in prop::collection::vec((0_i64..50, 0_i64..200), 1..9),
    ) {
        let (weights, caps): (Vec<i64>, Vec<i64>) = entries.into_iter().unzip();
        let wide = |numbers: &[i64]| numbers.iter().map(|number| i128::from(*number)).collect::<Vec<i128>>();
        let parts = share_up_to_caps(total.into(), &wide(&weights), &wide(&caps)).parts;
        let caps: Vec<i64> = caps.iter().zip(&weights).map(|(cap, weight)| if *weight > 0 { *cap } else { 0 }).collect();
        for (part, level) in parts.iter().zip(market::fill_to_caps(total, &weights, &caps)) {
            prop_assert!((whole(*part) - level).abs() < whole(1));
        }
    }

    // R7.4
    #[test]
    fn what_may_be_withdrawn_can_be_and_no_more(cash in 1_i64..1_000_000, lots in -2_000_i64..2_000, drift in 900_i64..1_100) {
        prop_assume!(lots != 0);
        let mut world = World::with(&[1_000_000], &[(pool_parameters(), vec![perpetual(0)])]);
        let rich = world.open(0, 21, 1_000_000_000 * USD);
        let account = world.open(0, 20, i128::from(cash) * USD);
        let (buyer, seller) = if lots > 0 { (account, rich) } else { (rich, account) };
        let trade = Command::Trade {
            pool: PoolId(0),
            instrument: InstrumentId(0),
            buyer: AccountId(buyer),
            seller: AccountId(seller),
            quantity: Quantity::new(lots.abs()),
            price: Price::new(1_000_000),
        };
        world.apply(1, vec![by(world::VENUE, trade)]);
        world.prices[0] = 1_000 * drift;
        world.tick(1_000);
        let held = world.account(0, account).clone();
        prop_assume!(held.is_good());
        let market = [column_of(world.pool(0), 0)];
        let vector = Vector { cash: whole(held.cash.get()), lots: vec![held.quantity(InstrumentId(0)).get()] };
        let floor = ppm(pool_parameters().withdrawal_floor.get());
        let most = i128::try_from(model::withdrawable(&market, &vector, &floor).floor().to_integer()).unwrap();
        let take = |amount: i128| by(20, Command::Withdraw {
            pool: PoolId(0),
            account: AccountId(account),
            amount: Money::new(amount),
        });
        // Five ceilings: four tiers at most, and the floor.
        let most_with_slack = world.block_of(1, vec![take(most.max(0) + 1)]);
        prop_assert_eq!(world.engine.clone().apply(&most_with_slack).rejections.len(), 1);
        if most > 5 {
            let block = world.block_of(1, vec![take(most - 5)]);
            let refused = world.engine.clone().apply(&block).rejections;
            prop_assert!(refused.is_empty(), "{:?} of {}", refused, most);
        }
    }

    // R16.1, R1.4
    #[test]
    fn funding_is_what_was_held_times_the_premium_that_stood(seed: u64, side in prop::sample::select(vec![1, -1])) {
        accrual::funding(seed, side)?;
    }

    // R2.5, R1.4
    #[test]
    fn interest_is_the_loan_times_the_time_for_which_it_was_owed(seed: u64) {
        accrual::interest(seed)?;
    }

    // R12.2, R12.3, R12.5
    #[test]
    fn deleveraging_takes_by_gain_up_to_caps(
        winners in prop::collection::vec((1_i64..40, 0_i64..8), 2..6),
        crash in 40_i64..80,
    ) {
        let (receipt, gains) = default_of(&winners, crash);
        let certificates: Vec<(u32, i64, Money, Money, Money)> = receipt.events.iter().filter_map(|event| match event {
            Event::AutoDeleveraged { account, quantity, deficit, gain, haircut, .. } =>
                Some((account.0, quantity.get(), *deficit, *gain, *haircut)),
            _ => None,
        }).collect();
        prop_assume!(!certificates.is_empty() && certificates.iter().all(|(_, _, _, gain, _)| gain.is_positive()));
        let deficit = certificates[0].2;
        let taken: Money = certificates.iter().map(|(_, _, _, _, haircut)| *haircut).sum();
        prop_assert_eq!(taken, deficit.min(gains.iter().copied().map(i128::from).map(Money::new).sum()));
        let sizes: Vec<i64> = winners.iter().map(|(size, _)| *size).collect();
        let lots = market::fill_to_caps(sizes.iter().sum(), &gains, &sizes);
        for (account, quantity, _, gain, haircut) in &certificates {
            let at = *account as usize - FIRST_WINNER as usize;
            prop_assert_eq!(gain.get(), i128::from(gains[at]), "the certificate's gain");
            prop_assert!(haircut <= gain);
            let all: i64 = gains.iter().sum();
            let truth = whole(deficit.get()) * whole(gains[at]) / whole(all);
            prop_assert!((truth.min(whole(gains[at])) - whole(haircut.get())).abs() <= whole(1));
            prop_assert!((lots[at].clone() - whole(quantity.abs())).abs() <= whole(sizes.len() as i64));
        }
    }
}

const FIRST_WINNER: u32 = 2;

/// A buyer on thin collateral defaults against sellers with these sizes and (percent) entries above the old mark.
fn default_of(winners: &[(i64, i64)], crash: i64) -> (Receipt, Vec<i64>) {
    let mut parameters = perpetual(0);
    (parameters.fee, parameters.exit_cost, parameters.initial_exit_cost) = (Ratio::ZERO, Vec::new(), Vec::new());
    parameters.open_interest_low = Money::new(1 << 54);
    parameters.open_interest_high = Money::new(1 << 55);
    let mut rules = pool_parameters();
    (rules.fund_floor, rules.max_premium) = (Money::ZERO, Ratio::ZERO);
    let mut world = World::with(&[1_000_000], &[(rules, vec![parameters])]);
    let size: i64 = winners.iter().map(|(size, _)| size).sum();
    let loser = world.open(0, 20, i128::from(size) * 600_000);
    assert_eq!(loser + 1, FIRST_WINNER);
    let mut trades = Vec::new();
    for (at, (lots, entry)) in winners.iter().enumerate() {
        let seller = world.open(0, 21 + at as u8, 1_000 * USD);
        trades.push(by(
            world::VENUE,
            Command::Trade {
                pool: PoolId(0),
                instrument: InstrumentId(0),
                buyer: AccountId(loser),
                seller: AccountId(seller),
                quantity: Quantity::new(*lots),
                price: Price::new(1_000_000 + 10_000 * entry),
            },
        ));
    }
    world.must(1, trades);
    world.prices[0] = 10_000 * (100 - crash);
    let gains = winners.iter().map(|(lots, entry)| lots * 10_000 * (crash + entry)).collect();
    (world.tick(100), gains)
}

/// The reference's view of one instrument of a core's pool.
fn column_of(pool: &Pool, at: u16) -> Column {
    let id = InstrumentId(at);
    let (listed, about) = (&pool.instruments[id], pool.matrices.doubt_about(id));
    let prices = |rows: &Rows| rows.column(id).iter().map(|price| price.get()).collect();
    let tiers = |tiers: &[Tier]| tiers.iter().map(|tier| (tier.from.get(), tier.rate.get())).collect();
    Column {
        today: pool.matrices.mark(id).get(),
        doubt: Doubt {
            feed: listed.parameters.feed.0.into(),
            shared: about.shared.get(),
            own: about.own.get(),
            share: about.share.get(),
            is_limited: about.is_limited,
        },
        maintenance: prices(&pool.matrices.maintenance),
        target: prices(&pool.matrices.target),
        initial: prices(&pool.matrices.initial),
        tiers: tiers(&listed.parameters.exit_cost),
        initial_tiers: tiers(&listed.parameters.initial_exit_cost),
        fee: ppm(listed.parameters.fee.get()),
        is_spot: matches!(listed.parameters.kind, Kind::Spot { .. }),
        is_dormant: !pool.matrices.backs(id),
    }
}

/// R12.1, R12.3: capital is used up in its order, each layer to its cap, and the parts sum to the loss.
#[test]
fn layers_are_used_in_order_to_their_caps() {
    let mut rules = pool_parameters();
    (rules.fund_floor, rules.max_premium) = (Money::ZERO, Ratio::ZERO);
    let mut world = World::with(&[1_000_000], &[(rules, vec![perpetual(0)])]);
    let (loser, winner) = (world.open(0, 20, 300 * USD), world.open(0, 21, 10_000 * USD));
    let pool = PoolId(0);
    let own = Money::new(7 * USD + 1);
    let trade = Command::Trade {
        pool,
        instrument: InstrumentId(0),
        buyer: AccountId(loser),
        seller: AccountId(winner),
        quantity: Quantity::new(500),
        price: Price::new(1_000_000),
    };
    world.must(
        1,
        vec![
            by(CUSTODIAN, Command::Capitalise { pool, capital: Capital::OwnCapital, amount: own }),
            by(CUSTODIAN, Command::Capitalise { pool, capital: Capital::Fund, amount: Money::new(5 * USD) }),
            by(world::VENUE, trade),
        ],
    );
    let owner = world.account(0, loser).cash + Money::new(500 * 200_000);
    assert!(owner.is_negative());
    world.prices[0] = 200_000;
    let receipt = world.tick(100);
    let layers: Vec<(clearing::event::Layer, Money)> = receipt
        .events
        .iter()
        .filter_map(|event| match event {
            Event::LossAllocated { layer, amount, .. } => Some((*layer, *amount)),
            _ => None,
        })
        .collect();
    assert!(layers.is_sorted_by_key(|(layer, _)| *layer), "{layers:?}");
    assert_eq!(layers.first(), Some(&(clearing::event::Layer::OwnCapital, own)));
    assert_eq!(layers.iter().map(|(_, amount)| *amount).sum::<Money>(), -owner, "{layers:?}");
}

//! The suite at its smallest: figures are there and finite, markets are what they say.

use super::market::Market;
use super::rules::{FEEDS, INSTRUMENTS, POSITIONS};
use super::{Growth, Row, Setting, Workload, full_scan, naive, plot, run, walk};
use clearing::margin;
use clearing::rows::rows_needed;
use clearing::units::{Price, Quantity};

fn small() -> Market {
    Market::build(60, 1, &mut |_, _| (), &mut |_| ()).expect("the core takes the market")
}

#[test]
fn a_market_has_the_size_it_says_and_nobody_breaches() {
    let market = small();
    let pool = market.pool();
    assert_eq!(pool.instruments.len(), INSTRUMENTS);
    assert_eq!(rows_needed(FEEDS, 0, pool.parameters.named_rows.len()), 32);
    assert_eq!((pool.matrices.maintenance.len(), pool.matrices.initial.len()), (32, 32));
    let held: Vec<usize> = pool.accounts.iter().map(|(_, account)| account.positions.len()).collect();
    assert_eq!(held.iter().filter(|count| **count == POSITIONS).count(), 60, "four positions each");
    assert_eq!(held.iter().sum::<usize>(), 60 * POSITIONS, "and nobody else holds any");
    assert!(pool.instruments.iter().all(|(_, instrument)| instrument.total.is_zero()), "longs equal shorts");
    assert_eq!(full_scan(pool), 0);
}

#[test]
fn the_same_seed_gives_the_same_market() {
    let other = Market::build(60, 2, &mut |_, _| (), &mut |_| ()).expect("the core takes the market");
    assert_eq!(small().engine().root(), small().engine().root());
    assert_ne!(small().engine().root(), other.engine().root());
}

#[test]
fn the_naive_twin_agrees() {
    let market = small();
    let pool = market.pool();
    for (_, account) in pool.accounts.iter() {
        let ours = margin::maintenance_worst(pool, account.cash, &account.positions).value;
        assert_eq!(ours, naive::maintenance_worst(pool, account.cash, &account.positions));
    }
}

#[test]
fn the_naive_twin_of_order_acceptance_agrees() {
    let mut market = small();
    let orders = super::auction::orders(&mut market, 200, 2_000, 1);
    let block = market.block(orders);
    assert!(market.apply(&block).rejections.is_empty());
    let pool = market.pool();
    for (_, account) in pool.accounts.iter().filter(|(_, account)| !account.orders.is_empty()) {
        let ours = margin::order_rows(pool, account, &account.orders);
        assert_eq!(ours, naive::order_rows(pool, account, &account.orders));
    }
}

#[test]
fn the_naive_auction_finds_the_most_volume() {
    let wish = |lots: i64, limit: i64| (Quantity::new(lots), Price::new(limit));
    let wishes = [wish(3, 10), wish(4, 9), wish(-2, 8), wish(-4, 9), wish(-9, 11)];
    assert_eq!(naive::most_volume(&wishes), Quantity::new(6));
    assert_eq!(naive::most_volume(&[]), Quantity::ZERO);
}

#[test]
fn a_fall_ends_where_it_must() {
    let steps = walk::fall(100, 0.001, 0.5, 7);
    for feed in 0..FEEDS {
        let end: f64 = steps.iter().map(|step| step[feed]).product();
        assert!((end - 0.5).abs() < 1e-9, "{end}");
    }
}

fn rows_at(accounts: u32) -> Vec<Row> {
    run(Setting { accounts, seed: 1, quick: true }, &[Workload::Scan, Workload::Calm], &mut |_| ()).expect("it runs")
}

#[test]
fn a_plot_has_a_line_for_each_figure_that_grows() {
    let sizes = [20, 40].map(|accounts| Growth { accounts, rows: rows_at(accounts) });
    let svg = plot(&sizes).expect("two sizes");
    assert!(svg.starts_with("<svg") && svg.contains("price block, calm, median, ms") && !svg.contains("GB/s"));
    assert!(plot(&sizes[..1]).is_err(), "one size has no growth");
}

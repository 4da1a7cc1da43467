//! Mass liquidation: one block whose price fall breaches one account in fifty, 20,000 of a million, with makers' resting
//! orders for depth.

use super::{BenchError, Market, Row, Suite, Workload, count, ms, repeated, times_as_long};
use clearing::event::Event;
use clearing::margin;
use clearing::units::Money;

const ONE_IN: usize = 50;
const BREACHES: usize = 20_000;
const TARGET_MS: f64 = 100.0;

/// The fall of every feed that brings this many accounts into breach.
///
/// When all prices fall by the same share d, so do all rows and exit costs: an account's worst stressed equity is
/// cash + (1 − d) · W, where W is its worst stressed equity without the cash. It breaches below (1 − d) = −cash ⁄ W, where
/// W > 0: the account is long.
fn fall_that_breaches(market: &Market, accounts: usize) -> f64 {
    let pool = market.pool();
    let mut falls: Vec<f64> = pool
        .accounts
        .iter()
        .filter_map(|(_, account)| {
            let worst = margin::maintenance_worst(pool, Money::ZERO, &account.positions).value;
            let fall = 1.0 + account.cash.get() as f64 / worst.get() as f64;
            (worst.is_positive() && account.cash.is_negative()).then_some(fall)
        })
        .collect();
    falls.sort_unstable_by(f64::total_cmp);
    let at = accounts.min(falls.len()).saturating_sub(1);
    falls.get(at).copied().unwrap_or(0.1)
}

/// The block.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<Vec<Row>, BenchError> {
    let scan = suite.scan()?;
    let mut market = suite.base()?.clone();
    let wanted = (market.traders() as usize).div_ceil(ONE_IN).min(BREACHES);
    suite.tell("mass liquidation", 0, 1);
    let quotes = market.quotes();
    let block = market.block(quotes);
    market.apply(&block);
    let fall = fall_that_breaches(&market, wanted);
    market.move_prices([1.0 - fall; super::FEEDS]);
    let block = market.block(Vec::new());
    let (receipt, time) = repeated(&market, &block, suite.setting.quick);
    let counted = |is: fn(&Event) -> bool| receipt.events.iter().filter(|event| is(event)).count();
    let begun = counted(|event| matches!(event, Event::AccountLiquidated { .. }));
    let fills = counted(|event| matches!(event, Event::Filled { forced: true, .. }));
    let auctioned = counted(|event| matches!(event, Event::PortfolioAuctioned { .. }));
    let on = format!(
        "{} accounts, one block, −{:.2} %: {} liquidated, {} portfolios auctioned",
        count(market.traders().into()),
        fall * 100.0,
        count(begun as u64),
        count(auctioned as u64)
    );
    let enough = begun + begun / 10 >= BREACHES;
    Ok(vec![
        Row::new(Workload::Liquidation, "mass liquidation", on.clone(), ms(time), "ms")
            .against(times_as_long(scan.naive, time), "× the speed of only finding them, account by account")
            .aiming("20,000 liquidations ≤ 100 ms", enough && ms(time) <= TARGET_MS),
        Row::new(Workload::Liquidation, "mass liquidation, forced fills", on, fills as f64, "fills")
            .against(fills as f64 / begun.max(1) as f64, "fills an account"),
    ])
}

//! The core's hot functions at 10,000 accounts, each beside its naive twin: the ratio of two lines is the figure.

use clearing::command::{Block, Command, Signed};
use clearing::margin;
use clearing::state::{Account, Position};
use clearing::units::Money;
use divan::{Bencher, black_box, counter::ItemsCount};
use lab::bench::{Market, auction, naive};
use std::sync::OnceLock;

const ACCOUNTS: u32 = 10_000;

fn main() {
    market(); // built before anything is timed
    divan::main();
}

/// The market, built once.
fn market() -> &'static Market {
    static MARKET: OnceLock<Market> = OnceLock::new();
    MARKET.get_or_init(|| Market::build(ACCOUNTS, 1, &mut |_, _| (), &mut |_| ()).expect("the core takes the market"))
}

/// A block to be applied, and the market it comes next in.
fn apply((mut market, block): (Market, Block)) -> Market {
    black_box(market.apply(&block));
    market // dropped outside the measurement
}

/// The margin of one account of four positions: vector times 32 rows, exit cost subtracted.
mod margin_of_one_account {
    use super::*;

    fn one(bencher: Bencher<'_, '_>, evaluate: impl Fn(Money, &[Position]) -> Money + Sync) {
        let pool = market().pool();
        let mut accounts = pool.accounts.iter().filter(|(_, account)| account.positions.len() == 4);
        let (_, account) = accounts.next().expect("traders hold four positions");
        bencher.bench(|| evaluate(black_box(account.cash), black_box(&account.positions)));
    }

    #[divan::bench]
    fn core(bencher: Bencher<'_, '_>) {
        one(bencher, |cash, positions| margin::maintenance_worst(market().pool(), cash, positions).value);
    }

    #[divan::bench]
    fn naive(bencher: Bencher<'_, '_>) {
        one(bencher, |cash, positions| naive::maintenance_worst(market().pool(), cash, positions));
    }
}

/// A block in which every price moves by 0.05 %, against the core's scan of every account and against asking each exactly.
mod price_block {
    use super::*;

    #[divan::bench(sample_count = 50)]
    fn core(bencher: Bencher<'_, '_>) {
        let next = || {
            let mut market = market().clone();
            market.move_prices([1.0005, 0.9995, 1.0005, 0.9995]);
            let block = market.block(Vec::new());
            (market, block)
        };
        bencher.with_inputs(next).bench_local_values(apply);
    }

    #[divan::bench(sample_count = 50)]
    fn full_scan(bencher: Bencher<'_, '_>) {
        bencher.bench(|| lab::bench::full_scan(black_box(market().pool())));
    }

    #[divan::bench(sample_count = 50)]
    fn naive(bencher: Bencher<'_, '_>) {
        bencher.bench(|| naive::full_scan(black_box(market().pool())));
    }
}

/// Four thousand orders at rest in one instrument, half of them swept by one: a whole block, against looking for the price
/// with the most volume by asking everybody at every limit.
mod batch_auction {
    use super::*;

    const ORDERS: usize = 4_000;

    fn at_rest() -> (Market, Vec<Signed>) {
        let mut market = market().clone();
        let orders = auction::orders(&mut market, ORDERS, 2_000, 1);
        let block = market.block(orders.clone());
        market.apply(&block);
        let sweep = auction::sweep(&mut market, ORDERS);
        (market, orders.into_iter().chain([sweep]).collect())
    }

    fn wish(signed: &Signed) -> Option<naive::Wish> {
        let Command::PlaceOrder { order, .. } = &signed.command else { return None };
        order.limit.map(|limit| (order.quantity, limit))
    }

    #[divan::bench(sample_count = 50)]
    fn core(bencher: Bencher<'_, '_>) {
        let (market, orders) = at_rest();
        let block = market.block(orders.last().cloned().into_iter().collect());
        bencher.with_inputs(|| (market.clone(), block.clone())).bench_local_values(apply);
    }

    #[divan::bench(sample_count = 20)]
    fn naive(bencher: Bencher<'_, '_>) {
        let wishes: Vec<naive::Wish> = at_rest().1.iter().filter_map(wish).collect();
        bencher.bench(|| naive::most_volume(black_box(&wishes)));
    }
}

/// A thousand orders that rest, an account each: a whole block, and the same block without orders; against the naive rows of
/// R7.2 of the same accounts without and with their order.
mod order_acceptance {
    use super::*;

    const ORDERS: usize = 1_000;

    #[divan::bench(sample_count = 50)]
    fn core(bencher: Bencher<'_, '_>) {
        let mut market = market().clone();
        let orders = auction::orders(&mut market, ORDERS, 2_000, 1);
        let block = market.block(orders);
        bencher
            .counter(ItemsCount::new(ORDERS))
            .with_inputs(|| (market.clone(), block.clone()))
            .bench_local_values(apply);
    }

    #[divan::bench(sample_count = 50)]
    fn block_without_orders(bencher: Bencher<'_, '_>) {
        let block = market().block(Vec::new());
        bencher.with_inputs(|| (market().clone(), block.clone())).bench_local_values(apply);
    }

    #[divan::bench(sample_count = 50)]
    fn naive(bencher: Bencher<'_, '_>) {
        let mut market = market().clone();
        let orders = auction::orders(&mut market, ORDERS, 2_000, 1);
        let block = market.block(orders);
        market.apply(&block);
        let pool = market.pool();
        let ordering: Vec<&Account> =
            pool.accounts.iter().map(|(_, account)| account).filter(|account| !account.orders.is_empty()).collect();
        bencher.counter(ItemsCount::new(ordering.len())).bench(|| {
            let accepted = |account: &&&Account| {
                let before = naive::order_rows(pool, account, &[]);
                margin::may_go(&before, &naive::order_rows(pool, account, &account.orders))
            };
            ordering.iter().filter(accepted).count()
        });
    }
}

//! Step 6b: portfolios that cannot be saved go whole, in slices, to the standing bids that ask least (R10.5, R10.9). Whole is what has an
//! open market (R10.8).

mod bidders;
mod slice;

use crate::event::Event;
use crate::margin;
use crate::parallel;
use crate::state::{Account, Pool, Position};
use crate::table::{AccountId, PoolId};
use crate::units::{Money, PPM, Price, Ratio, scaled_floor, square_root_floor};
use alloc::vec::Vec;
use bidders::Taken;
pub(super) use bidders::{Bidders, keep_places};
pub(super) use slice::Offer;

/// Which bids count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Those that ask no more than the fund does.
    UpToReserve,
    /// All, once the fund has taken what it can.
    Any,
}

/// Auctions every portfolio; returns the accounts, with what nobody took still in them.
pub(super) fn auction(
    pool: &mut Pool,
    id: PoolId,
    accounts: Vec<AccountId>,
    bidders: &mut Bidders,
    ask: Ask,
    say: &mut dyn FnMut(Event),
) -> Vec<AccountId> {
    // Sellers are under liquidation and bidders are not, so that no sale changes what another account has to sell.
    let sales = parallel::map(&accounts, |account| Sale::of(pool, *account, ask));
    for (account, sale) in accounts.iter().zip(sales) {
        if !sale.positions.is_empty() {
            let taken = bidders.accept(pool, &sale);
            hand_over(pool, id, *account, &sale, &taken, say);
        }
    }
    accounts
}

/// A portfolio that is auctioned.
struct Sale {
    positions: Vec<Position>,
    /// Its initial margin.
    whole: Money,
    /// The highest premium that is accepted.
    limit: Ratio,
}

impl Sale {
    fn of(pool: &Pool, account: AccountId, ask: Ask) -> Self {
        let positions = pool.open_legs(&pool.accounts[account].positions);
        let whole = own_initial_margin(pool, &positions);
        let limit = match ask {
            Ask::UpToReserve => reserve_premium(pool, &positions, whole).min(pool.parameters.max_premium),
            Ask::Any => pool.parameters.max_premium,
        };
        let limit = limit.min(affordable_premium(pool, account, whole));
        Self { positions, whole, limit }
    }
}

/// R10.6 holds for premiums too: what the account does not have would only become a loss of the pool, and a way to take
/// it. So no bid above what its equity can pay is accepted.
fn affordable_premium(pool: &Pool, seller: AccountId, whole: Money) -> Ratio {
    let equity = pool.sure_equity(&pool.accounts[seller]).or_zero();
    equity.ratio_to_floor(whole, pool.parameters.max_premium)
}

/// The initial margin of a portfolio by itself: what premiums and capacities are measured in.
pub(super) fn own_initial_margin(pool: &Pool, positions: &[Position]) -> Money {
    margin::initial_margin(pool, Money::ZERO, positions).max(Money::new(1))
}

/// The fund's own ask: the premium, in ppm of the portfolio's initial margin `whole`, that covers a 99.5 % move over its unwind time and the exit
/// cost. The move is the portfolio's worst loss in maintenance rows, scaled from z standard deviations over the horizon to
/// 2.576 over the unwind time. R11.2
pub(super) fn reserve_premium(pool: &Pool, positions: &[Position], whole: Money) -> Ratio {
    const TWO_SIDED_99_5: i128 = 2_576_000;
    const DEVIATIONS_OF_STRESS: i128 = 4_000_000;
    const LARGEST_SCALE: i128 = 64_000_000;
    let parameters = &pool.parameters;
    let value = margin::equity(&pool.matrices, Money::ZERO, positions);
    let loss = (value - margin::worst(&pool.matrices.maintenance, Money::ZERO, positions).value).or_zero();
    let ppm = i128::from(PPM);
    let lengths = scaled_floor(i128::from(parameters.unwind_time.get()), ppm, i128::from(parameters.horizon.get()));
    let growth = square_root_floor(lengths.saturating_mul(ppm));
    // The default z of four deviations stands for every feed: a feed with a larger z makes the ask more careful.
    let deviations = scaled_floor(TWO_SIDED_99_5, growth, DEVIATIONS_OF_STRESS);
    let scale = scaled_floor(deviations, ppm, i128::from(parameters.maintenance_share.get()));
    let scale = Ratio::new(i64::try_from(scale.min(LARGEST_SCALE)).expect("the scale is bounded"));
    let covered = loss.times_ceil(scale) + margin::maintenance_exit_cost(pool, positions);
    covered.ratio_to_floor(whole, Ratio::new(64_000_000))
}

/// The largest of a share, and of its halves, that fits: the whole, then by bisection.
pub(super) fn largest_share(wanted: Ratio, fits: impl Fn(Ratio) -> bool) -> Ratio {
    if wanted.is_zero() || fits(wanted) {
        return wanted;
    }
    let (mut low, mut high) = (Ratio::ZERO, wanted);
    for _ in 0..12 {
        let middle = (low + high).times_floor(Ratio::new(500_000));
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The account with a slice bought at the marks.
pub(super) fn with_slice(pool: &Pool, account: &Account, slice: &[Position]) -> Account {
    let mut after = account.clone();
    for position in slice {
        after.fill(position.instrument, position.quantity, pool.matrices.mark(position.instrument));
    }
    after
}

/// Moves the slices at the marks and pays the uniform premium: the highest that was accepted.
fn hand_over(pool: &mut Pool, id: PoolId, seller: AccountId, sale: &Sale, taken: &[Taken], say: &mut dyn FnMut(Event)) {
    let Some(premium) = taken.iter().map(|taken| taken.premium).max() else { return };
    let held = &pool.accounts[seller];
    let equity = margin::equity(&pool.matrices, held.cash, &held.positions);
    let notional = margin::notional(pool, &sale.positions);
    let mut reached = Ratio::ZERO;
    for Taken { bidder, slice, .. } in taken {
        let paid = slice.margin.times_floor(premium);
        move_slice(pool, seller, *bidder, &slice.positions);
        reached += slice.share;
        pay(pool, seller, *bidder, paid);
        say(Event::SliceTaken { pool: id, account: seller, bidder: *bidder, share: slice.share, premium: paid });
    }
    say(Event::PortfolioAuctioned { pool: id, account: seller, notional, equity, premium, taken: reached });
}

/// Moves a slice at the marks.
pub(super) fn move_slice(pool: &mut Pool, seller: AccountId, taker: AccountId, slice: &[Position]) {
    for position in slice {
        let mark: Price = pool.matrices.mark(position.instrument);
        pool.trade(seller, position.instrument, -position.quantity, mark);
        pool.trade(taker, position.instrument, position.quantity, mark);
    }
}

/// Moves cash from one account to another. The payer may go below zero: the waterfall sees to that.
pub(super) fn pay(pool: &mut Pool, payer: AccountId, receiver: AccountId, amount: Money) {
    pool.accounts.edit(payer).cash -= amount;
    pool.accounts.edit(receiver).cash += amount;
}

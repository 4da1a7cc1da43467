//! Step 6b: portfolios that cannot be saved go whole, in slices, to the standing bids that ask least (R10.5). Whole is what has an open
//! market (R10.8).

use crate::event::Event;
use crate::margin;
use crate::parallel;
use crate::state::{Account, Bid, Pool, Position};
use crate::table::{AccountId, PoolId};
use crate::units::{Money, PPM, Price, Quantity, Ratio, scaled_floor, square_root_floor};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

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
    ask: Ask,
    say: &mut dyn FnMut(Event),
) -> Vec<AccountId> {
    let mut used: BTreeMap<AccountId, Money> = BTreeMap::new();
    let bids = if accounts.is_empty() { Vec::new() } else { lowest_asks_first(pool) };
    // Sellers are under liquidation and bidders are not, so that no sale changes what another account has to sell.
    let sales = parallel::map(&accounts, |account| Sale::of(pool, *account, ask));
    for (account, Sale { positions, whole, limit }) in accounts.iter().zip(sales) {
        if positions.is_empty() {
            continue;
        }
        let taken = accept(pool, *account, &positions, whole, &bids, limit, &mut used);
        hand_over(pool, id, *account, &positions, whole, &taken, say);
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

/// Every standing bid of an account that may bid. Auctions change neither.
fn lowest_asks_first(pool: &Pool) -> Vec<(Ratio, AccountId, Bid)> {
    let may_bid = pool.bids.iter().filter(|(bidder, _)| pool.accounts[**bidder].is_good());
    let mut bids: Vec<_> = may_bid.map(|(bidder, bid)| (bid.premium, *bidder, bid.clone())).collect();
    bids.sort_unstable_by_key(|(premium, bidder, _)| (*premium, *bidder));
    bids
}

/// R10.6 holds for premiums too: what the account does not have would only become a loss of the pool, and a way to take
/// it. So no bid above what its equity can pay is accepted.
fn affordable_premium(pool: &Pool, seller: AccountId, whole: Money) -> Ratio {
    let equity = pool.sure_equity(&pool.accounts[seller]).or_zero();
    equity.ratio_to_floor(whole, pool.parameters.max_premium)
}

/// The initial margin of a portfolio by itself: what premiums and capacities are measured in.
fn own_initial_margin(pool: &Pool, positions: &[Position]) -> Money {
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

/// A bidder and the share of the portfolio it takes.
struct Taken {
    bidder: AccountId,
    share: Ratio,
    premium: Ratio,
}

/// The lowest asks first, each up to its capacity and to what its own margin carries.
fn accept(
    pool: &Pool,
    seller: AccountId,
    positions: &[Position],
    whole: Money,
    bids: &[(Ratio, AccountId, Bid)],
    limit: Ratio,
    used: &mut BTreeMap<AccountId, Money>,
) -> Vec<Taken> {
    let mut left = Ratio::ONE;
    let mut taken = Vec::new();
    let may_take = bids.iter().filter(|(premium, bidder, _)| *bidder != seller && *premium <= limit);
    for (premium, bidder, bid) in may_take {
        let (premium, bidder) = (*premium, *bidder);
        let spent = used.entry(bidder).or_default();
        let wanted = (bid.capacity - *spent).or_zero().ratio_to_floor(whole, Ratio::ONE).min(left);
        let share = largest_share(wanted, |share| carries(pool, bidder, positions, share));
        if share.is_positive() {
            *spent += whole.times_ceil(share);
            left -= share;
            taken.push(Taken { bidder, share, premium });
        }
        if left.is_zero() {
            break;
        }
    }
    taken
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

/// R10.5: a bidder must hold initial margin for what it takes, with its own orders, even before any premium.
fn carries(pool: &Pool, bidder: AccountId, positions: &[Position], share: Ratio) -> bool {
    let before = pool.net(bidder);
    let after = with_slice(pool, &before, positions, share);
    // R2.5: what is paid for collateral may be owed, but no more than an account may owe.
    let loan = margin::promised_loan(pool, &after);
    let lends = loan <= pool.limits_for_borrowing().0 || loan <= margin::promised_loan(pool, &before);
    lends && pool.meets_initial_with(&after, after.orders.iter())
}

/// The account with a share of the positions bought at their marks.
pub(super) fn with_slice(pool: &Pool, account: &Account, positions: &[Position], share: Ratio) -> Account {
    let mut after = account.clone();
    for position in positions {
        let lots = position.quantity.abs().times_ceil(share).on_side(position.quantity.signum());
        if !lots.is_zero() {
            after.fill(position.instrument, lots, pool.matrices.mark(position.instrument));
        }
    }
    after
}

/// Moves the slices at the marks and pays the uniform premium: the highest that was accepted.
fn hand_over(
    pool: &mut Pool,
    id: PoolId,
    seller: AccountId,
    positions: &[Position],
    whole: Money,
    taken: &[Taken],
    say: &mut dyn FnMut(Event),
) {
    let Some(premium) = taken.iter().map(|taken| taken.premium).max() else { return };
    let held = &pool.accounts[seller];
    let equity = margin::equity(&pool.matrices, held.cash, &held.positions);
    let notional = margin::notional(pool, positions);
    let mut reached = Ratio::ZERO;
    for slice in taken {
        let paid = whole.times_floor(slice.share).times_floor(premium);
        move_slice(pool, seller, slice.bidder, positions, reached, reached + slice.share);
        reached += slice.share;
        pay(pool, seller, slice.bidder, paid);
        say(Event::SliceTaken { pool: id, account: seller, bidder: slice.bidder, share: slice.share, premium: paid });
    }
    say(Event::PortfolioAuctioned { pool: id, account: seller, notional, equity, premium, taken: reached });
}

/// Moves the lots between two points of the portfolio, so that consecutive slices sum to the whole exactly.
pub(super) fn move_slice(
    pool: &mut Pool,
    seller: AccountId,
    taker: AccountId,
    positions: &[Position],
    from: Ratio,
    to: Ratio,
) {
    for position in positions {
        let size = position.quantity.abs();
        let lots: Quantity = size.times_floor(to) - size.times_floor(from);
        let lots = lots.on_side(position.quantity.signum());
        let mark: Price = pool.matrices.mark(position.instrument);
        if !lots.is_zero() {
            pool.trade(seller, position.instrument, -lots, mark);
            pool.trade(taker, position.instrument, lots, mark);
        }
    }
}

/// Moves cash from one account to another. The payer may go below zero: the waterfall sees to that.
pub(super) fn pay(pool: &mut Pool, payer: AccountId, receiver: AccountId, amount: Money) {
    pool.accounts.edit(payer).cash -= amount;
    pool.accounts.edit(receiver).cash += amount;
}

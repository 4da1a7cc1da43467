//! Step 7: the fund takes what is left, for its own ask and only while it stays sound, and unwinds it on a schedule (R11).

use super::Moment;
use super::book::{Book, Interest, Origin, clears_now};
use super::portfolio::{largest_share, move_slice, pay, reserve_premium, with_slice};
use super::waterfall::fund_dues;
use crate::event::Event;
use crate::margin;
use crate::parallel;
use crate::state::{Account, FUND, Pool, Position};
use crate::table::{AccountId, PoolId};
use crate::units::{Money, Price, Quantity, Ratio, Time};
use alloc::vec::Vec;

/// Lets the fund take of each portfolio the largest share that leaves the fund sound in every maintenance row, after what it will have to
/// pay of the deficits in this block. R11.1, R11.2
pub(super) fn take(
    pool: &mut Pool,
    id: PoolId,
    accounts: Vec<AccountId>,
    say: &mut dyn FnMut(Event),
) -> Vec<AccountId> {
    let set_aside = fund_dues(pool, &accounts);
    let asks = parallel::map(&accounts, |account| Asked::of(pool, *account));
    for (account, asked) in accounts.iter().zip(asks) {
        if *account != FUND && pool.accounts[FUND].is_good() {
            take_one(pool, id, *account, &asked, set_aside, say);
        }
    }
    accounts
}

/// What the fund asks for taking a portfolio.
struct Asked {
    positions: Vec<Position>,
    /// The portfolio's initial margin.
    whole: Money,
    /// The premium for the whole, at most.
    premium: Ratio,
    /// R10.6 holds for the fund's ask too: what an account does not have cannot be charged, it would only become a loss.
    equity: Money,
}

impl Asked {
    fn of(pool: &Pool, seller: AccountId) -> Self {
        let held = &pool.accounts[seller];
        let positions = held.positions.clone();
        let whole = margin::initial_margin(pool, Money::ZERO, &positions).or_zero();
        Self {
            whole,
            premium: reserve_premium(pool, &positions, whole.max(Money::new(1))).min(pool.parameters.max_premium),
            equity: margin::equity(&pool.matrices, held.cash, &positions).or_zero(),
            positions,
        }
    }
}

fn take_one(
    pool: &mut Pool,
    id: PoolId,
    seller: AccountId,
    asked: &Asked,
    set_aside: Money,
    say: &mut dyn FnMut(Event),
) {
    let positions = &asked.positions;
    if positions.is_empty() {
        return;
    }
    let share = largest_share(Ratio::ONE, |share| stays_sound(pool, positions, share, set_aside));
    if share.is_zero() {
        return;
    }
    let premium = asked.whole.times_floor(share).times_floor(asked.premium).min(asked.equity);
    move_slice(pool, seller, FUND, positions, Ratio::ZERO, share);
    pay(pool, seller, FUND, premium);
    let notional = margin::notional(pool, positions).times_floor(share);
    say(Event::PortfolioAbsorbed { pool: id, account: seller, notional, share, premium });
}

fn stays_sound(pool: &Pool, positions: &[Position], share: Ratio, set_aside: Money) -> bool {
    let after = with_slice(pool, &pool.accounts[FUND], positions, share);
    let cash = after.cash - set_aside;
    !margin::maintenance_worst(pool, cash, &after.positions).value.is_negative()
}

/// Sells the fund's inventory in proportion to what is left, which is the Almgren–Chriss schedule without a deadline,
/// x(t) = X·e^(−κt), and never more than its share of the resting depth. R11.4
pub(super) fn unwind(pool: &Pool, book: &Book, now: Moment) -> Vec<Interest> {
    let fund = &pool.accounts[FUND];
    if !fund.is_good() || pool.winding_down {
        return Vec::new();
    }
    let share =
        pool.parameters.unwind_rate.over_ceil(now.elapsed.min(Time::new(3_600_000)), Time::new(1_000)).min(Ratio::ONE);
    let mut left = fund.clone();
    let mut orders = Vec::new();
    for position in &fund.positions {
        let Some(order) = unwind_leg(pool, position, share, book, now) else { continue };
        // R10.2 holds for the fund too: a leg that hedges the others stays until they are gone.
        let mut after = left.clone();
        after.fill(order.instrument, order.quantity, order.limit);
        let lowest = |account: &Account| margin::maintenance_worst(pool, account.cash, &account.positions).value;
        let (was, is) = (lowest(&left), lowest(&after));
        if is >= was || !is.is_negative() {
            left = after;
            orders.push(order);
        }
    }
    orders
}

/// What the schedule sells of one position.
fn unwind_leg(pool: &Pool, position: &Position, share: Ratio, book: &Book, now: Moment) -> Option<Interest> {
    let listed = &pool.instruments[position.instrument];
    let sign = position.quantity.signum();
    let against = sign.saturating_neg();
    let depth = book.depth_against(pool, position.instrument, against).times_floor(pool.parameters.depth_share);
    let lots: Quantity = position.quantity.abs().times_ceil(share).min(depth);
    // Half of the band is the most that the fund gives up: it is in no hurry.
    let give: Price = listed.band_width().times_floor(Ratio::new(500_000));
    let limit = if sign < 0 { listed.mark + give } else { listed.mark - give };
    let open = clears_now(listed, now) && lots.is_positive();
    let quantity = lots.on_side(against);
    open.then_some(Interest { account: FUND, instrument: position.instrument, quantity, limit, origin: Origin::Fund })
}

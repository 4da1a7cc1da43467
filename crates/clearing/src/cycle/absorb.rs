//! Step 7: the fund takes what is left, for its own ask and only while it stays sound (R11.1, R11.2).

use super::portfolio::{largest_share, move_slice, pay, reserve_premium, with_slice};
use super::waterfall::fund_dues;
use crate::event::Event;
use crate::margin;
use crate::parallel;
use crate::state::{FUND, Pool, Position};
use crate::table::{AccountId, PoolId};
use crate::units::{Money, Ratio};
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
        let positions = pool.open_legs(&held.positions);
        let whole = margin::initial_margin(pool, Money::ZERO, &positions).or_zero();
        Self {
            whole,
            premium: reserve_premium(pool, &positions, whole.max(Money::new(1))).min(pool.parameters.max_premium),
            equity: pool.sure_equity(held).or_zero(),
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
    if pool.accounts[FUND].positions.is_empty() {
        // R11.8: what was left from an inventory that is gone is earned.
        (pool.fund.concession, pool.fund.since) = (Money::ZERO, pool.now.0);
    }
    pool.fund.concession += premium;
    move_slice(pool, seller, FUND, positions, Ratio::ZERO, share);
    pay(pool, seller, FUND, premium);
    let notional = margin::notional(pool, positions).times_floor(share);
    say(Event::PortfolioAbsorbed { pool: id, account: seller, notional, share, premium });
}

fn stays_sound(pool: &Pool, positions: &[Position], share: Ratio, set_aside: Money) -> bool {
    let after = with_slice(pool, &pool.accounts[FUND], positions, share);
    // R3.10: the fund takes nothing new on collateral that has no live price.
    let backing = margin::without_dormant(&pool.matrices, &after.positions);
    let backing = backing.as_deref().unwrap_or(&after.positions);
    !margin::maintenance_worst(pool, after.cash - set_aside, backing).value.is_negative()
}

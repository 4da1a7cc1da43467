//! Step 9: money that has waited moves: fees to the fund, what the fund owes to whom it owes it, tranche money back to its providers
//! (R11.5, R11.7).

use super::{Moment, claims};
use crate::event::Event;
use crate::margin;
use crate::screen::LossBounds;
use crate::state::{FUND, Pool};
use crate::table::{AccountId, PoolId};
use crate::units::{Money, Time};
use alloc::vec::Vec;

/// How often what needs a look at everybody is measured: the fund's target, and how far a cascade is.
const MEASURE_EVERY: Time = Time::new(60_000);

/// Settles what is due in the block; answers whether it was the block of the minute that measures.
pub(super) fn finish(
    pool: &mut Pool,
    id: PoolId,
    reserve: &mut Money,
    now: Moment,
    say: &mut dyn FnMut(Event),
) -> bool {
    let measures = now.time - pool.fund.measured_at >= MEASURE_EVERY;
    if measures {
        pool.catch_up();
        pool.fund.target = target(pool);
        pool.fund.measured_at = now.time;
    }
    refill_fund(pool);
    claims::repay(pool, id, reserve, say);
    pay_leaving(pool, now.time);
    let fund = &pool.accounts[FUND];
    pool.fund.high = pool.fund.high.max(margin::equity(&pool.matrices, fund.cash, &fund.positions));
    measures
}

/// R11.5: Cover-2: what the two largest members would lose beyond what they have if every initial row came true twice over;
/// never less than the floor, which governance sets from simulation.
fn target(pool: &Pool) -> Money {
    let bounds = LossBounds::of(pool);
    let (mut largest, mut second) = (Money::ZERO, Money::ZERO);
    for id in pool.accounts.ids().filter(|id| *id != FUND) {
        if bounds.is_surely_within(pool.accounts.lanes(), id, second) {
            continue;
        }
        let beyond = margin::loss_beyond_equity(pool, &pool.accounts[id]);
        second = second.max(beyond.min(largest));
        largest = largest.max(beyond);
    }
    (largest + second).max(pool.parameters.fund_floor)
}

/// R11.5: fees go to the fund while it is below its target, and while it owes something (R11.7).
fn refill_fund(pool: &mut Pool) {
    let fund = &pool.accounts[FUND];
    let missing = (pool.fund.target - margin::equity(&pool.matrices, fund.cash, &fund.positions)).or_zero();
    let amount = if pool.claims_stand() { pool.fees } else { missing.min(pool.fees) };
    if amount.is_positive() {
        pool.fees -= amount;
        pool.accounts.edit(FUND).cash += amount;
    }
}

/// Tranche money whose notice is over goes back to its provider's account.
fn pay_leaving(pool: &mut Pool, time: Time) {
    let due = |share: &crate::state::TrancheShare| share.leaving.is_positive() && share.leaves_at <= time;
    let leaving: Vec<AccountId> =
        pool.tranche.iter().filter(|(_, share)| due(share)).map(|(provider, _)| *provider).collect();
    for provider in leaving {
        let share = pool.tranche.entry(provider).or_default();
        let amount = share.leaving.min(share.amount);
        share.amount -= amount;
        share.leaving = Money::ZERO;
        pool.accounts.edit(provider).credit(amount);
    }
    pool.tranche.retain(|_, share| share.amount.is_positive());
}

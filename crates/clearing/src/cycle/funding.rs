//! Step 3a: funding of perpetuals and interest on loans: they accrue in every block, and are paid by everybody at once (R16.1, R2.5).

use super::Moment;
use crate::accrual::Accruals;
use crate::event::Event;
use crate::state::{Condition, Feed, Pool, Standing, State};
use crate::table::{AccountId, FeedId, PoolId, Table};
use crate::units::{Accrued, Money, PARTS, Ratio, Time};
use alloc::vec::Vec;

/// Before a block's first command: the time since the last block passes, at the premium and the marks of then, by what accounts have
/// held since then. A block counts for an interval at most: where there was none, nobody could trade. R16.1
pub(crate) fn accrue(state: &mut State, elapsed: Time) {
    for (_, pool) in state.pools.iter_mut().filter(|(_, pool)| !pool.winding_down) {
        let parts = elapsed.parts_floor(pool.parameters.funding_interval);
        pool.interval_gone = pool.interval_gone.saturating_add(parts);
        for (_, listed) in pool.instruments.iter_mut() {
            let feed = &state.feeds[listed.parameters.feed];
            // R13.8: how the market stood since the block before, not how it stands from this block on.
            listed.accrue(feed.index, parts, !listed.breaker.is_closed() && feed.condition != Condition::Down);
        }
        pool.set_meter(true);
    }
}

/// Pays funding and interest at the end of an interval.
pub(super) fn pay_when_due(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    now: Moment,
    say: &mut dyn FnMut(Event),
) {
    if now.time - pool.paid_at >= pool.parameters.funding_interval && !pool.winding_down {
        pool.paid_at = now.time;
        pay(pool, id, feeds, say);
    }
}

/// Pays what has accrued, to the last quantum: nobody owes or is owed anything of it afterwards. R16.1, R2.5
pub(super) fn pay(pool: &mut Pool, id: PoolId, feeds: &Table<FeedId, Feed>, say: &mut dyn FnMut(Event)) {
    for (instrument, listed) in pool.instruments.iter() {
        let rate = listed.funding_rate(feeds[listed.parameters.feed].index, PARTS).unwrap_or_default();
        if !rate.is_zero() {
            say(Event::FundingPaid { pool: id, instrument, rate });
        }
    }
    let dues: Vec<(AccountId, Due)> = pool
        .accounts
        .ids()
        .map(|account| (account, Due::of(pool, account)))
        .filter(|(_, due)| !due.is_nothing())
        .collect();
    let lent: Accrued = dues.iter().map(|(_, due)| due.lent).sum();
    let used = lent.due_ceil().ratio_to_floor(pool.parameters.pool_loan_limit, Ratio::ONE);
    let rate = pool.parameters.loan_rate + pool.parameters.loan_slope.times_ceil(used);
    let interest: Money = dues.iter().map(|(account, due)| pay_one(pool, *account, due, rate)).sum();
    if !lent.is_zero() {
        say(Event::InterestPaid { pool: id, rate, amount: interest });
    }
    // R1.4: payers' parts were rounded up and receivers' down, and everybody's came from the same lots.
    assert!(!pool.prepaid.is_negative(), "what accounts pay covers what accounts receive");
    pool.rounding += core::mem::take(&mut pool.prepaid);
    pool.interval_gone = 0;
    for (_, listed) in pool.instruments.iter_mut() {
        (listed.funding, listed.mark_time) = (Accrued::ZERO, Accrued::ZERO);
    }
    pool.set_meter(true);
}

/// What an account pays.
struct Due {
    funding: Accrued,
    lent: Accrued,
    /// Whether anything is remembered of it.
    is_remembered: bool,
}

impl Due {
    fn of(pool: &Pool, account: AccountId) -> Self {
        Self {
            funding: pool.funding_due(account),
            lent: pool.accounts.lent(account),
            is_remembered: pool.accounts[account].accrued != Accruals::default(),
        }
    }

    fn is_nothing(&self) -> bool {
        self.funding.is_zero() && self.lent.is_zero() && !self.is_remembered
    }
}

/// One account pays or receives; answers its interest. Whoever made others bear a loss receives nothing.
fn pay_one(pool: &mut Pool, account: AccountId, due: &Due, rate: Ratio) -> Money {
    let held = pool.accounts.edit(account);
    let prepaid = held.accrued.prepaid;
    let (mut funding, mut interest) = (due.funding.due_ceil(), due.lent.due_ceil().times_ceil(rate));
    if held.standing == Standing::Closed {
        (funding, interest) = (funding.or_zero(), interest.max(prepaid));
    }
    held.cash -= funding + interest - prepaid;
    held.accrued = Accruals::default();
    pool.prepaid += funding - prepaid;
    pool.fees += interest;
    interest
}

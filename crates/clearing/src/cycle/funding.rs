//! Step 3a: funding of perpetuals and interest on loans, paid by everybody at once (R16.1, R2.5).

use super::Moment;
use crate::event::Event;
use crate::state::{Feed, Pool, Position};
use crate::table::{AccountId, FeedId, InstrumentId, PoolId, Table};
use crate::units::{Money, Price, Ratio};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Pays funding and interest at the end of an interval.
pub(super) fn pay_when_due(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    now: Moment,
    say: &mut dyn FnMut(Event),
) {
    let length = now.time - pool.paid_at;
    if length < pool.parameters.funding_interval || pool.winding_down {
        return;
    }
    pool.paid_at = now.time;
    let mut rates = Rates::new();
    for instrument in pool.instruments.ids() {
        let listed = &mut pool.instruments[instrument];
        let found = listed.funding_rate(feeds[listed.parameters.feed].index, length);
        listed.premium_time = 0;
        let Some((base, rate)) = found else { continue };
        if !rate.is_zero() {
            rates.insert(instrument, (base, rate));
            say(Event::FundingPaid { pool: id, instrument, rate });
        }
    }
    pay_funding(pool, &rates);
    pay_interest(pool, id, say);
}

/// The instruments that pay, each with the price and the rate.
type Rates = BTreeMap<InstrumentId, (Price, Ratio)>;

/// R16.1: the payer's part is rounded up and the receiver's down; what is left goes to rounding.
fn pay_funding(pool: &mut Pool, rates: &Rates) {
    if rates.is_empty() {
        return;
    }
    let due_of = |position: &Position| {
        let (base, rate) = rates.get(&position.instrument)?;
        Some((*base * position.quantity).times_ceil(*rate))
    };
    for account in pool.accounts.ids() {
        let due: Money = pool.accounts[account].positions.iter().filter_map(due_of).sum();
        if !due.is_zero() {
            pool.accounts.edit(account).cash -= due;
            pool.rounding += due;
        }
    }
}

/// R2.5: a base rate and a slope by the use of the pool's limit; the interest goes to the pool's fees.
fn pay_interest(pool: &mut Pool, id: PoolId, say: &mut dyn FnMut(Event)) {
    let owing = |(account, held): (AccountId, &crate::state::Account)| {
        let loan = pool.loan_of(held);
        (held.is_good() && loan.is_positive()).then_some((account, loan))
    };
    let loans: Vec<(AccountId, Money)> = pool.accounts.iter().filter_map(owing).collect();
    if loans.is_empty() {
        return;
    }
    let all: Money = loans.iter().map(|(_, loan)| *loan).sum();
    let used = all.ratio_to_floor(pool.parameters.pool_loan_limit, Ratio::ONE);
    let rate = pool.parameters.loan_rate + pool.parameters.loan_slope.times_ceil(used);
    let mut paid = Money::ZERO;
    for (account, loan) in loans {
        let interest = loan.times_ceil(rate);
        pool.accounts.edit(account).cash -= interest;
        paid += interest;
    }
    pool.fees += paid;
    say(Event::InterestPaid { pool: id, rate, amount: paid });
}

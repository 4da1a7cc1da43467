//! Step 3a: funding of perpetuals and interest on loans, paid by everybody at once (R16.1, R2.5).

use super::Moment;
use crate::event::Event;
use crate::margin;
use crate::parameters::Kind;
use crate::state::{Feed, Pool};
use crate::table::{AccountId, FeedId, InstrumentId, PoolId, Table};
use crate::units::{Money, Price, Ratio};
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
    for instrument in pool.instruments.ids() {
        let listed = &mut pool.instruments[instrument];
        let premium = Price::mean_floor(core::mem::take(&mut listed.premium_time), length);
        if listed.parameters.kind != Kind::Perpetual || !listed.priced {
            continue;
        }
        let index = feeds[listed.parameters.feed].index;
        let base = index.abs().max(listed.parameters.stress_base);
        let rate = premium.ratio_to_floor(base, listed.parameters.max_funding);
        if !rate.is_zero() {
            pay_funding(pool, instrument, base, rate);
            say(Event::FundingPaid { pool: id, instrument, rate });
        }
    }
    pay_interest(pool, id, say);
}

/// R16.1: the payer's part is rounded up and the receiver's down; what is left goes to rounding.
fn pay_funding(pool: &mut Pool, instrument: InstrumentId, base: Price, rate: Ratio) {
    for account in pool.accounts.ids() {
        let quantity = pool.accounts[account].quantity(instrument);
        if quantity.is_zero() {
            continue;
        }
        let due = (base * quantity).times_ceil(rate);
        pool.accounts.edit(account).cash -= due;
        pool.rounding += due;
    }
}

/// R2.5: a base rate and a slope by the use of the pool's limit; the interest goes to the pool's fees.
fn pay_interest(pool: &mut Pool, id: PoolId, say: &mut dyn FnMut(Event)) {
    let owing = |(account, held): (AccountId, &crate::state::Account)| {
        let loan = margin::loan(pool, held);
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

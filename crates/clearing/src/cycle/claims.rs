//! Step 9b: the fund gives back what others have borne after it (R11.7).

use crate::event::{Event, Layer};
use crate::margin;
use crate::state::{FUND, Pool};
use crate::table::{AccountId, PoolId};
use crate::units::{Money, Ratio, share_exactly};
use alloc::vec::Vec;

/// A claim: the layer that bore, the bearer, what is owed.
type Claim = ((Layer, AccountId), Money);

/// Half of what the fund has risen by below its target, and all that it has above, goes to those who bore losses after it: members first,
/// then the line, then backstop providers; and never what its own inventory needs.
pub(super) fn repay(pool: &mut Pool, id: PoolId, reserve: &mut Money, say: &mut dyn FnMut(Event)) {
    if pool.winding_down || !pool.claims_stand() {
        return;
    }
    let mut left = payable(pool);
    let (members, providers): (Vec<Claim>, Vec<Claim>) =
        pool.claims.owed.iter().map(|(key, owed)| (*key, *owed)).partition(|((layer, _), _)| *layer != Layer::Tranche);
    let before = left;
    left = repay_evenly(pool, id, &members, left, say);
    if left.is_positive() && members.iter().all(|(key, _)| !pool.claims.owed.contains_key(key)) {
        left = repay_line(pool, id, reserve, left, say);
        if pool.line.drawn.is_zero() {
            left = repay_evenly(pool, id, &providers, left, say);
        }
    }
    if left < before {
        let fund = &pool.accounts[FUND];
        pool.claims.mark = margin::equity(&pool.matrices, fund.cash, &fund.positions);
        // R13.1: what is given back is no drawdown.
        pool.fund_has_repaid(before - left);
    }
}

/// What the fund may give back now. R11.7
fn payable(pool: &Pool) -> Money {
    const HALF: Ratio = Ratio::new(500_000);
    let fund = &pool.accounts[FUND];
    let equity = margin::equity(&pool.matrices, fund.cash, &fund.positions);
    let risen = (equity.min(pool.fund.target) - pool.claims.mark).or_zero();
    let due = risen.times_floor(HALF) + (equity - pool.fund.target).or_zero();
    due.min(margin::maintenance_worst(pool, fund.cash, &fund.positions).value.or_zero())
}

/// Pays claims in proportion. It waits until there is a quantum for each, so that dust does not make every block walk over all of them.
fn repay_evenly(pool: &mut Pool, id: PoolId, claims: &[Claim], most: Money, say: &mut dyn FnMut(Event)) -> Money {
    let owed: Money = claims.iter().map(|(_, owed)| *owed).sum();
    let amount = most.min(owed);
    let worthwhile = amount == owed || usize::try_from(amount.get()).is_ok_and(|quanta| quanta >= claims.len());
    if !worthwhile {
        return most;
    }
    let weights: Vec<i128> = claims.iter().map(|(_, owed)| owed.get()).collect();
    for ((key, owed), part) in claims.iter().zip(share_exactly(amount.get(), &weights)) {
        let (layer, bearer) = *key;
        let part = Money::new(part);
        if part == *owed {
            pool.claims.owed.remove(key);
        } else {
            pool.claims.owed.insert(*key, *owed - part);
        }
        if part.is_positive() {
            pool.accounts.edit(FUND).cash -= part;
            pool.accounts.edit(bearer).credit(part);
            say(Event::ClaimRepaid { pool: id, layer, amount: part, bearer: Some(bearer) });
        }
    }
    most - amount
}

/// R11.6: what the line lent goes back to the reserve.
fn repay_line(pool: &mut Pool, id: PoolId, reserve: &mut Money, most: Money, say: &mut dyn FnMut(Event)) -> Money {
    let amount = pool.line.drawn.min(most).min(pool.custody);
    if amount.is_positive() {
        pool.line.drawn -= amount;
        pool.custody -= amount;
        *reserve += amount;
        pool.accounts.edit(FUND).cash -= amount;
        say(Event::ClaimRepaid { pool: id, layer: Layer::Line, amount, bearer: None });
    }
    most - amount
}

/// Claims have arisen: what the fund has now is what its rise is measured from, unless it is measured from less already.
pub(super) fn remember(pool: &mut Pool, stood_before: bool) {
    let fund = &pool.accounts[FUND];
    let equity = margin::equity(&pool.matrices, fund.cash, &fund.positions);
    pool.claims.mark = if stood_before { pool.claims.mark.min(equity) } else { equity };
}

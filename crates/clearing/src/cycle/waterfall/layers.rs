//! The layers that bear money: own capital, fund, tranche, line, gains, everybody (R12.1, R12.3).

use crate::cycle::{close, funding};
use crate::event::{Event, Layer};
use crate::margin;
use crate::parallel;
use crate::state::Feed;
use crate::state::{Account, FUND, Pool};
use crate::table::{AccountId, FeedId, PoolId, Table};
use crate::units::{Money, Ratio, share_exactly};
use alloc::vec::Vec;

/// Money of the pool itself.
enum Purse {
    OwnCapital,
    Fees,
    Rounding,
}

impl Purse {
    fn of<'a>(&self, pool: &'a mut Pool) -> &'a mut Money {
        match self {
            Self::OwnCapital => &mut pool.own_capital,
            Self::Fees => &mut pool.fees,
            Self::Rounding => &mut pool.rounding,
        }
    }
}

/// Pays a defaulter's loss out of own capital, fund, tranche and line, in that order; returns what they could not pay.
pub(super) fn cover(
    pool: &mut Pool,
    id: PoolId,
    reserve: &mut Money,
    defaulter: AccountId,
    loss: Money,
    say: &mut dyn FnMut(Event),
) -> Money {
    if loss.is_zero() {
        return loss;
    }
    let mut bear = |pool: &mut Pool, layer: Layer, left: Money, amount: Money, bearer: Option<AccountId>| {
        if amount.is_positive() {
            pool.accounts.edit(defaulter).cash += amount;
            say(Event::LossAllocated { pool: id, defaulter, layer, amount, bearer });
        }
        left - amount
    };
    let mut left = loss - own_share(pool, defaulter, loss);
    // Own capital first, and with it what the pool has earned and not yet paid out. R12.1
    for purse in [Purse::OwnCapital, Purse::Fees, Purse::Rounding] {
        let held = purse.of(pool);
        let amount = (*held).min(left);
        *held -= amount;
        left = bear(pool, Layer::OwnCapital, left, amount, None);
    }
    let amount = if left.is_zero() { left } else { left.min(fund_can_pay(pool, defaulter)) };
    pool.accounts.edit(FUND).cash -= amount;
    left = bear(pool, Layer::Fund, left, amount, None);

    for provider in juniors_first(pool) {
        let share = pool.tranche.entry(provider).or_default();
        let amount = share.amount.min(left);
        share.amount -= amount;
        left = bear(pool, Layer::Tranche, left, amount, Some(provider));
    }
    // R11.6: the line is the only door between pools, and it has a hard cap.
    let amount = (pool.line.cap - pool.line.drawn).min(*reserve).min(left);
    pool.line.drawn += amount;
    pool.custody += amount;
    *reserve -= amount;
    bear(pool, Layer::Line, left, amount, None)
}

/// What a defaulter has in the tranche is its own collateral: it goes before anybody else's money. R12.1
fn own_share(pool: &mut Pool, defaulter: AccountId, loss: Money) -> Money {
    let Some(share) = pool.tranche.get_mut(&defaulter) else { return Money::ZERO };
    let amount = share.amount.min(loss);
    share.amount -= amount;
    pool.accounts.edit(defaulter).cash += amount;
    amount
}

/// R11.1: the fund pays what leaves it sound in every maintenance row, so that its own inventory never becomes a loss.
fn fund_can_pay(pool: &Pool, defaulter: AccountId) -> Money {
    let fund = &pool.accounts[FUND];
    if defaulter == FUND || !fund.is_good() {
        return Money::ZERO;
    }
    margin::maintenance_worst(pool, fund.cash, &fund.positions).value.or_zero()
}

/// Backstop providers in the order in which they lose: those without a bid, then those who asked most; ties: the newer.
fn juniors_first(pool: &Pool) -> Vec<AccountId> {
    let ask = |provider: &AccountId| pool.bids.get(provider).map_or(Ratio::new(i64::MAX), |bid| bid.premium);
    let mut providers: Vec<AccountId> = pool.tranche.keys().copied().collect();
    providers.sort_unstable_by_key(|provider| core::cmp::Reverse((ask(provider), *provider)));
    providers
}

/// What an account has gained on the portfolio it holds: value − what was paid for it, netted over its positions.
pub(super) fn gain(pool: &Pool, account: &Account) -> Money {
    let value = account.positions.iter().filter(|position| !pool.instruments[position.instrument].is_spot());
    let gain: Money =
        value.map(|position| pool.matrices.mark(position.instrument) * position.quantity - position.entry).sum();
    gain.or_zero().min(Money::new(1 << 64))
}

/// Cuts the gains of every account in the pool pro-rata, none below its own liquidation target; returns what is left. R12.1
pub(super) fn cut_gains(
    pool: &mut Pool,
    id: PoolId,
    defaulter: AccountId,
    loss: Money,
    say: &mut dyn FnMut(Event),
) -> Money {
    if !loss.is_positive() {
        return loss;
    }
    let gains = |(account, held): (AccountId, &Account)| {
        let gain = gain(pool, held);
        (held.is_good() && account != FUND && account != defaulter && gain.is_positive()).then_some((account, gain))
    };
    let winners: Vec<(AccountId, Money)> = pool.accounts.iter().filter_map(gains).collect();
    let cap = |(account, gain): &(AccountId, Money)| {
        let held = &pool.accounts[*account];
        (*account, (*gain).min(margin::target_worst(pool, held.cash, &held.positions).or_zero()))
    };
    let caps: Vec<(AccountId, Money)> = parallel::map(&winners, cap);
    let all: Money = caps.iter().map(|(_, cut)| *cut).sum();
    let borne = loss.min(all);
    let weights: Vec<i128> = caps.iter().map(|(_, cut)| cut.get()).collect();
    for ((account, _), part) in caps.iter().zip(share_exactly(borne.get(), &weights)) {
        charge(pool, id, defaulter, *account, Layer::GainsHaircut, Money::new(part), say);
    }
    loss - borne
}

/// Moves a part of a loss from an account to the defaulter.
pub(super) fn charge(
    pool: &mut Pool,
    id: PoolId,
    defaulter: AccountId,
    bearer: AccountId,
    layer: Layer,
    amount: Money,
    say: &mut dyn FnMut(Event),
) {
    if amount.is_positive() {
        pool.accounts.edit(bearer).cash -= amount;
        pool.accounts.edit(defaulter).cash += amount;
        say(Event::LossAllocated { pool: id, defaulter, layer, amount, bearer: Some(bearer) });
    }
}

/// R12.4: the end of a pool: every derivative closes at the robust price, every account below zero is brought to zero, and
/// those above bear that in proportion to what they have.
pub(super) fn wind_down(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    defaulter: AccountId,
    say: &mut dyn FnMut(Event),
) {
    // R16.1: nothing accrues from here on, and what has accrued is settled before anybody's worth is asked.
    funding::pay(pool, id, feeds, say);
    pool.winding_down = true;
    for instrument in pool.instruments.ids() {
        let listed = &pool.instruments[instrument];
        if !listed.is_spot() && listed.settled.is_none() {
            let price = feeds[listed.parameters.feed].index;
            close::close_at(pool, id, instrument, price, say);
        }
    }
    let worth: Vec<(AccountId, Money)> = pool
        .accounts
        .iter()
        .map(|(account, held)| (account, margin::equity(&pool.matrices, held.cash, &held.positions)))
        .collect();
    let loss: Money = worth.iter().map(|(_, equity)| (-*equity).or_zero()).sum();
    let weights: Vec<i128> = worth.iter().map(|(_, equity)| equity.or_zero().get()).collect();
    for ((account, _), part) in worth.iter().zip(share_exactly(loss.get(), &weights)) {
        charge(pool, id, defaulter, *account, Layer::WindDown, Money::new(part), say);
    }
    for (account, equity) in worth.iter().filter(|(account, equity)| equity.is_negative() && *account != defaulter) {
        pool.accounts.edit(defaulter).cash += *equity;
        pool.accounts.edit(*account).cash -= *equity;
    }
    say(Event::PoolWoundDown { pool: id });
}

//! The layers that bear money: own capital, fund, tranche, line, gains, equity, everybody (R12.1, R12.3).

use super::loss::{Loss, deficits};
use crate::cycle::{close, funding};
use crate::event::{Event, Layer};
use crate::margin;
use crate::parallel;
use crate::state::Feed;
use crate::state::{Account, FUND, Pool};
use crate::table::{AccountId, FeedId, PoolId, Table};
use crate::units::{Money, Ratio, Time, share_exactly};
use alloc::vec::Vec;

/// Pays out of own capital, fund, tranche and line, in that order.
pub(super) fn cover(pool: &mut Pool, reserve: &mut Money, loss: &mut Loss, say: &mut dyn FnMut(Event)) {
    if loss.left().is_zero() {
        return;
    }
    // Own capital first, and with it what the pool has earned and not yet paid out. R12.1
    let mut due = loss.left();
    let purses = [&mut pool.own_capital, &mut pool.fees, &mut pool.rounding];
    let given = purses.map(|purse| {
        let amount = (*purse).min(due);
        *purse -= amount;
        due -= amount;
        (None, amount)
    });
    loss.bear(pool, Layer::OwnCapital, &given, say);

    let amount = loss.left().min(fund_can_pay(pool));
    pool.accounts.edit(FUND).cash -= amount;
    loss.bear(pool, Layer::Fund, &[(None, amount)], say);

    let given = take_of_tranche(pool, loss.left());
    loss.bear(pool, Layer::Tranche, &given, say);

    // R11.6: the line is the only door between pools, and it has a hard cap.
    let amount = (pool.line.open - pool.line.drawn).min(*reserve).min(loss.left());
    pool.line.drawn += amount;
    pool.custody += amount;
    *reserve -= amount;
    loss.bear(pool, Layer::Line, &[(None, amount)], say);
}

/// R11.1: the fund pays down to what keeps its own inventory liquidatable: half of its maintenance margin, or the share of it at which
/// R10.5 would hand the inventory over whole, where that is more.
fn fund_can_pay(pool: &Pool) -> Money {
    const HALF: Ratio = Ratio::new(500_000);
    let fund = &pool.accounts[FUND];
    let kept = margin::maintenance_margin(pool, fund.cash, &fund.positions)
        .times_ceil(HALF.max(pool.parameters.auction_below));
    (margin::equity(&pool.matrices, fund.cash, &fund.positions) - kept.or_zero()).or_zero()
}

/// What the fund will have to pay of these accounts' deficits, after own capital: it is set aside before the fund takes inventory. R11.1
pub(in crate::cycle) fn fund_dues(pool: &Pool, accounts: &[AccountId]) -> Money {
    let own = pool.own_capital + pool.fees + pool.rounding;
    let others: Vec<AccountId> = accounts.iter().copied().filter(|account| *account != FUND).collect();
    (deficits(pool, &others) - own).or_zero().min(fund_can_pay(pool))
}

/// Takes an amount from backstop providers: those without a bid first, then those who asked most; equals share in proportion. R12.1
fn take_of_tranche(pool: &mut Pool, amount: Money) -> Vec<(Option<AccountId>, Money)> {
    if amount.is_zero() {
        return Vec::new();
    }
    let ask = |provider: &AccountId| pool.bids.get(provider).map_or(Ratio::new(i64::MAX), |bid| bid.premium);
    let mut providers: Vec<(Ratio, AccountId, Money)> =
        pool.tranche.iter().map(|(provider, share)| (ask(provider), *provider, share.amount)).collect();
    providers.sort_unstable_by_key(|(ask, provider, _)| (core::cmp::Reverse(*ask), *provider));
    let mut left = amount;
    let mut given = Vec::new();
    for equals in providers.chunk_by(|one, other| one.0 == other.0) {
        let whole: Money = equals.iter().map(|(_, _, held)| *held).sum();
        let weights: Vec<i128> = equals.iter().map(|(_, _, held)| held.get()).collect();
        let part = left.min(whole);
        let parts = share_exactly(part.get(), &weights).into_iter().map(Money::new);
        given.extend(
            equals.iter().map(|(_, provider, _)| Some(*provider)).zip(parts).filter(|(_, part)| part.is_positive()),
        );
        left -= part;
        if left.is_zero() {
            break;
        }
    }
    for (provider, part) in &given {
        pool.tranche.entry(provider.expect("a provider gives")).or_default().amount -= *part;
    }
    given
}

/// What stands above an account's own target: as much as a layer may take of it. R12.1
pub(super) fn above_target(pool: &Pool, account: AccountId) -> Money {
    let held = &pool.accounts[account];
    margin::target_worst(pool, held.cash, &held.positions).or_zero()
}

/// Cuts the gains of every account in the pool pro-rata, none below its own liquidation target, whatever it stands in. R12.1, R12.6
pub(super) fn cut_gains(pool: &mut Pool, loss: &mut Loss, say: &mut dyn FnMut(Event)) {
    if loss.left().is_zero() {
        return;
    }
    let gains = |(account, held): (AccountId, &Account)| {
        let gain = pool.gain(held);
        (account != FUND && gain.is_positive()).then_some((account, gain))
    };
    let winners: Vec<(AccountId, Money)> = pool.accounts.iter().filter_map(gains).collect();
    let cap = |(account, gain): &(AccountId, Money)| (*account, (*gain).min(above_target(pool, *account)));
    let caps = parallel::map(&winners, cap);
    cut(pool, loss, Layer::GainsHaircut, &caps, say);
}

/// R12.7: before a pool ends, everybody gives in proportion to what they have above their own target.
pub(super) fn cut_equity(pool: &mut Pool, loss: &mut Loss, say: &mut dyn FnMut(Event)) {
    if loss.left().is_zero() {
        return;
    }
    let members: Vec<AccountId> = pool.accounts.ids().filter(|account| *account != FUND).collect();
    let caps = parallel::map(&members, |account| (*account, above_target(pool, *account)));
    cut(pool, loss, Layer::MembersEquity, &caps, say);
}

/// Takes what is left of a loss, in proportion to these caps and never more.
fn cut(pool: &mut Pool, loss: &mut Loss, layer: Layer, caps: &[(AccountId, Money)], say: &mut dyn FnMut(Event)) {
    let all: Money = caps.iter().map(|(_, cap)| *cap).sum();
    let weights: Vec<i128> = caps.iter().map(|(_, cap)| cap.get()).collect();
    let parts = share_exactly(loss.left().min(all).get(), &weights).into_iter().map(Money::new);
    let given = caps.iter().map(|(account, _)| Some(*account)).zip(parts).filter(|(_, part)| part.is_positive());
    let given: Vec<(Option<AccountId>, Money)> = given.collect();
    for (account, part) in &given {
        take_from(pool, account.expect("a member gives"), *part);
    }
    loss.bear(pool, layer, &given, say);
}

/// Takes a part of a loss from a member. It is a loss of the member's, and the gain is smaller by it (R12.6).
pub(super) fn take_from(pool: &mut Pool, account: AccountId, amount: Money) {
    let (now, until) = (pool.now.0, pool.remembered_until());
    let held = pool.accounts.edit(account);
    held.cash -= amount;
    held.remember(-amount, now, until);
}

/// Moves a part of a loss from an account to the defaulter.
fn charge(
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
    time: Time,
    defaulter: AccountId,
    say: &mut dyn FnMut(Event),
) {
    // R16.1: nothing accrues from here on, and what has accrued is settled before anybody's worth is asked.
    funding::pay(pool, id, feeds, say);
    pool.winding_down = true;
    for instrument in pool.instruments.ids() {
        let listed = &pool.instruments[instrument];
        if !listed.is_spot() && listed.settled.is_none() {
            let price = listed.averaging(time).worth(feeds[listed.parameters.feed].index);
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

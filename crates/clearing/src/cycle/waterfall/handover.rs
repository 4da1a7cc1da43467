//! What is owed against collateral at the end of a pool is paid with collateral, at the index (R12.8).
//!
//! Nobody sells any more, so a debtor's lots go to whoever has a claim to money, for that money: the pool's own first, members by what they
//! have. Nobody is better off by a quantum, as long as somebody can pay for a whole lot.

use super::wind_down::{Shortfalls, worth};
use crate::event::Event;
use crate::state::{FUND, Pool};
use crate::table::{AccountId, InstrumentId, PoolId};
use crate::units::{Money, Price, Quantity, share_exactly};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Who gives how many lots, by asset.
type Given = BTreeMap<InstrumentId, Vec<(AccountId, Quantity)>>;

/// Members with money, and how much they had before anything was handed over.
type Takers = Vec<(AccountId, Money)>;

/// Pays every debt with collateral. Work grows with givers and takers, never with their product.
pub(super) fn settle(pool: &mut Pool, id: PoolId, shortfalls: &Shortfalls, say: &mut dyn FnMut(Event)) {
    let given = all_given(pool, shortfalls);
    if given.is_empty() {
        return;
    }
    let has = |account: AccountId| (account, pool.accounts[account].cash);
    let takers: Takers =
        pool.accounts.ids().filter(|id| *id != FUND).map(has).filter(|(_, cash)| cash.is_positive()).collect();
    let mut givers: Vec<AccountId> = given.values().flatten().map(|(account, _)| *account).collect();
    givers.sort_unstable();
    givers.dedup();
    for (instrument, parts) in given {
        let price = pool.matrices.mark(instrument);
        for (account, lots) in &parts {
            hand(pool, id, *account, (instrument, -*lots, price), say);
        }
        let lots = parts.into_iter().map(|(_, lots)| lots).sum();
        hand_out(pool, id, (instrument, lots, price), &takers, say);
    }
    round(pool, id, &givers, &takers, say);
}

fn all_given(pool: &Pool, shortfalls: &Shortfalls) -> Given {
    let mut given = Given::new();
    for (account, held) in pool.accounts.iter() {
        // Whoever made others bear keeps nothing, not even what has no price.
        let lots: Vec<Quantity> = if shortfalls.contains_key(&account) {
            held.positions.iter().map(|position| position.quantity).collect()
        } else if held.cash.is_negative() {
            lots_for(pool, account)
        } else {
            continue;
        };
        for (position, lots) in held.positions.iter().zip(lots).filter(|(_, lots)| lots.is_positive()) {
            given.entry(position.instrument).or_default().push((account, lots));
        }
    }
    given
}

/// What a debtor gives of each asset, worth what it owes: in proportion to what the assets are worth, so that neither side chooses; in whole
/// lots, rounded up.
fn lots_for(pool: &Pool, account: AccountId) -> Vec<Quantity> {
    debug_assert!(!worth(pool, account).is_negative(), "what collateral does not cover was borne before");
    let held = &pool.accounts[account];
    let prices: Vec<Price> = held.positions.iter().map(|position| pool.matrices.mark(position.instrument)).collect();
    let values: Vec<i128> =
        held.positions.iter().zip(&prices).map(|(position, price)| (*price * position.quantity).get()).collect();
    let parts = share_exactly((-held.cash).get(), &values);
    let lots = |(part, price): (i128, &Price)| {
        if part > 0 { Money::new(part).lots_ceil(*price) } else { Quantity::ZERO }
    };
    parts.into_iter().zip(&prices).map(lots).collect()
}

/// Hands lots of one asset out for money.
fn hand_out(
    pool: &mut Pool,
    id: PoolId,
    (instrument, mut left, price): (InstrumentId, Quantity, Price),
    takers: &[(AccountId, Money)],
    say: &mut dyn FnMut(Event),
) {
    // R12.9: the pool's own money is the first that turns into collateral.
    let of_fund = left.min(affordable(pool, FUND, price));
    hand(pool, id, FUND, (instrument, of_fund, price), say);
    left -= of_fund;
    let can_pay: Vec<i128> =
        takers.iter().map(|(account, _)| i128::from(affordable(pool, *account, price).get())).collect();
    let paid = i128::from(left.get()).min(can_pay.iter().sum());
    left -= hand_to_all(pool, id, (instrument, price), takers, &share_exactly(paid, &can_pay), say);
    // What nobody can pay for whole is handed out all the same: what is missing is levelled at the end.
    let had: Vec<i128> = takers.iter().map(|(_, had)| had.get()).collect();
    let unpaid = share_exactly(i128::from(left.get()), &had);
    left -= hand_to_all(pool, id, (instrument, price), takers, &unpaid, say);
    hand(pool, id, FUND, (instrument, left, price), say);
}

/// How many whole lots an account has the money for. What costs nothing is nobody's to buy.
fn affordable(pool: &Pool, account: AccountId, price: Price) -> Quantity {
    if price.is_positive() { pool.accounts[account].cash.or_zero().lots_floor(price) } else { Quantity::ZERO }
}

/// Hands each taker its part; answers how many lots that was.
fn hand_to_all(
    pool: &mut Pool,
    id: PoolId,
    (instrument, price): (InstrumentId, Price),
    takers: &[(AccountId, Money)],
    parts: &[i128],
    say: &mut dyn FnMut(Event),
) -> Quantity {
    let mut handed = Quantity::ZERO;
    for ((account, _), part) in takers.iter().zip(parts) {
        let lots = Quantity::new(i64::try_from(*part).expect("a part is at most all lots"));
        hand(pool, id, *account, (instrument, lots, price), say);
        handed += lots;
    }
    handed
}

/// One account receives lots for money, or gives them where they are negative.
fn hand(
    pool: &mut Pool,
    id: PoolId,
    account: AccountId,
    (instrument, quantity, price): (InstrumentId, Quantity, Price),
    say: &mut dyn FnMut(Event),
) {
    if !quantity.is_zero() {
        pool.trade(account, instrument, quantity, price);
        say(Event::CollateralHandedOver { pool: id, account, instrument, quantity, price });
    }
}

/// Whoever took a lot that they could not pay for whole is brought to zero: first by what debtors have for the rest of their last lots, then
/// by the pool's own money, then by everybody with money, in proportion.
fn round(pool: &mut Pool, id: PoolId, givers: &[AccountId], takers: &[(AccountId, Money)], say: &mut dyn FnMut(Event)) {
    let mut missing = Money::ZERO;
    for (account, _) in takers {
        let lacks = (-pool.accounts[*account].cash).or_zero();
        level(pool, id, *account, lacks, say);
        missing += lacks;
    }
    let takers: Vec<AccountId> = takers.iter().map(|(account, _)| *account).collect();
    for payers in [givers, &[FUND], takers.as_slice()] {
        let has: Vec<i128> = payers.iter().map(|account| pool.accounts[*account].cash.or_zero().get()).collect();
        let due = missing.min(Money::new(has.iter().sum()));
        for (account, part) in payers.iter().zip(share_exactly(due.get(), &has)) {
            level(pool, id, *account, Money::new(-part), say);
        }
        missing -= due;
    }
    assert!(missing.is_zero(), "all cash together is what custody holds");
}

fn level(pool: &mut Pool, id: PoolId, account: AccountId, amount: Money, say: &mut dyn FnMut(Event)) {
    if !amount.is_zero() {
        pool.accounts.edit(account).cash += amount;
        say(Event::HandoverRounded { pool: id, account, amount });
    }
}

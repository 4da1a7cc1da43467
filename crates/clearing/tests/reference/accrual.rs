//! What accrues with time, by definition: block by block, everybody's holding times what stood when the time began, in exact rationals
//! (R2.5, R16.1).

use super::model::{Exact, ppm, whole};
use super::world::{CUSTODIAN, USD, VENUE, World, by, new_order, perpetual, pool_parameters, spot};
use clearing::command::{Command, Signed};
use clearing::event::{Event, Receipt};
use clearing::parameters::InstrumentParameters;
use clearing::table::{AccountId, InstrumentId, PoolId};
use clearing::units::{Money, Price, Quantity, Ratio};
use num_traits::Zero;
use proptest::prelude::*;

const POOL: PoolId = PoolId(0);
const FIRST: InstrumentId = InstrumentId(0);
const INTERVAL: i64 = 60_000;
const MARK: i64 = 1_000_000;
/// What a book holds that makes a premium: more than `impact` at any mark of these worlds. R3.6
const QUOTED: i64 = 110;
const RICH: i128 = 100_000 * USD;

/// The part of an interval that passes between two blocks: no more than a whole one.
fn part(elapsed: i64) -> Exact {
    whole(elapsed.min(INTERVAL)) / whole(INTERVAL)
}

fn plain() -> InstrumentParameters {
    let mut parameters = perpetual(0);
    (parameters.fee, parameters.exit_cost, parameters.initial_exit_cost) = (Ratio::ZERO, Vec::new(), Vec::new());
    parameters
}

fn ceil(value: &Exact) -> i128 {
    i128::try_from(value.ceil().to_integer()).unwrap()
}

/// Four accounts trade with each other at any time, while two others hold the middle of the book off the index.
pub fn funding(seed: u64, side: i64) -> Result<(), TestCaseError> {
    let mut world = World::with(&[MARK], &[(pool_parameters(), vec![plain()])]);
    world.dice.0 = seed;
    let accounts: Vec<u32> = (0..6).map(|at| world.open(0, 20 + at, RICH)).collect();
    let mut accrued = vec![Exact::zero(); accounts.len()];
    let mut cash = vec![RICH; accounts.len()];
    let (mut payments, mut number) = (0, 0);
    while payments < 3 {
        let elapsed = if world.dice.one_in(20) { world.dice.between(1, 200_000) } else { world.dice.between(1, 9_000) };
        let listed = &world.pool(0).instruments[FIRST];
        let most = MARK / 1_000;
        let premium = whole(listed.premium.get().clamp(-most, most));
        for (accrued, account) in accrued.iter_mut().zip(&accounts) {
            *accrued += whole(world.account(0, *account).quantity(FIRST).get()) * &premium * part(elapsed);
        }
        let mut commands = world.quotes(elapsed);
        number += 1;
        commands.extend(quotes(&accounts, number, MARK + side * world.dice.between(-200, 1_500)));
        if world.dice.one_in(2) {
            let (buyer, away) = (world.dice.between(0, 3) as usize, world.dice.between(1, 3) as usize);
            let (seller, lots) = ((buyer + away) % 4, world.dice.between(1, 900));
            cash[buyer] -= i128::from(lots * MARK);
            cash[seller] += i128::from(lots * MARK);
            commands.push(trade(accounts[buyer], accounts[seller], lots));
        }
        let paid_at = world.pool(0).paid_at;
        let receipt = world.must(elapsed, commands);
        // What is less than a millionth of the index is paid as well, and no event tells a rate of nothing.
        let is_due = world.pool(0).paid_at > paid_at;
        prop_assert!(is_due || !is_paid(&receipt));
        if is_due {
            payments += 1;
            for (at, account) in accounts.iter().enumerate() {
                cash[at] -= ceil(&accrued[at]);
                accrued[at] = Exact::zero();
                prop_assert_eq!(world.account(0, *account).cash.get(), cash[at], "account {}", at);
            }
            let left = cash.iter().sum::<i128>() + world.pool(0).rounding.get();
            prop_assert_eq!(left, RICH * 6, "the remainder goes to rounding");
        } else {
            // Until then nobody has more than what they will have, and nobody has paid who is owed.
            for (at, account) in accounts.iter().enumerate() {
                prop_assert!(world.account(0, *account).cash.get() <= cash[at]);
            }
        }
    }
    Ok(())
}

fn is_paid(receipt: &Receipt) -> bool {
    receipt.events.iter().any(|event| matches!(event, Event::FundingPaid { .. }))
}

/// The last two accounts quote around a middle, in place of what they quoted before.
fn quotes(accounts: &[u32], number: u64, middle: i64) -> Vec<Signed> {
    let quote = |(signer, at, lots, limit): (u8, usize, i64, i64)| {
        let (pool, account) = (POOL, AccountId(accounts[at]));
        let cancel = (number > 1).then(|| by(signer, Command::CancelAll { pool, account }));
        let order = new_order(number, 0, lots, Some(limit));
        cancel.into_iter().chain([by(signer, Command::PlaceOrder { pool, account, order })])
    };
    [(24, 4, QUOTED, middle - 50), (25, 5, -QUOTED, middle + 50)].into_iter().flat_map(quote).collect()
}

fn trade(buyer: u32, seller: u32, lots: i64) -> Signed {
    let (buyer, seller, quantity) = (AccountId(buyer), AccountId(seller), Quantity::new(lots));
    by(VENUE, Command::Trade { pool: POOL, instrument: FIRST, buyer, seller, quantity, price: Price::new(MARK) })
}

/// Three accounts borrow and repay against collateral at any time; one of them also holds a perpetual, whose mark does not move.
pub fn interest(seed: u64) -> Result<(), TestCaseError> {
    let mut rules = pool_parameters();
    (rules.loan_rate, rules.loan_slope) = (Ratio::new(1_000), Ratio::new(30_000));
    let mut world = World::with(&[MARK], &[(rules.clone(), vec![plain(), spot(0)])]);
    world.dice.0 = seed;
    let accounts: Vec<u32> = (0..3).map(|at| world.open(0, 20 + at, 100 * USD)).collect();
    let rich = world.open(0, 30, RICH);
    let collateral = |account: &u32| {
        let (account, instrument, quantity) = (AccountId(*account), InstrumentId(1), Quantity::new(20_000));
        by(CUSTODIAN, Command::DepositCollateral { pool: POOL, account, instrument, quantity })
    };
    let given = accounts.iter().map(collateral).chain([trade(accounts[0], rich, 100)]).collect();
    world.must(1, given);
    let mut lent = vec![Exact::zero(); accounts.len()];
    let mut has: Vec<i128> = vec![100 * USD; accounts.len()];
    let mut payments = 0;
    while payments < 3 {
        let elapsed = if world.dice.one_in(20) { world.dice.between(1, 100_000) } else { world.dice.between(1, 9_000) };
        for (lent, has) in lent.iter_mut().zip(&has) {
            *lent += whole((-has).max(0)) * part(elapsed);
        }
        let mut commands = world.quotes(elapsed);
        let at = world.dice.between(0, 2) as usize;
        let amount = Money::new(i128::from(world.dice.between(1, 900)) * USD);
        let (account, pool) = (AccountId(accounts[at]), POOL);
        let borrows = world.dice.one_in(2);
        commands.push(if borrows {
            by(20 + at as u8, Command::Withdraw { pool, account, amount })
        } else {
            by(CUSTODIAN, Command::Deposit { pool, account, amount })
        });
        let receipt = world.apply(elapsed, commands);
        if receipt.rejections.is_empty() {
            has[at] += if borrows { -amount.get() } else { amount.get() };
        }
        let Some((rate, amount)) = receipt.events.iter().find_map(|event| match event {
            Event::InterestPaid { rate, amount, .. } => Some((*rate, *amount)),
            _ => None,
        }) else {
            continue;
        };
        payments += 1;
        let all = lent.iter().fold(Exact::zero(), |sum, lent| sum + lent);
        let used = (Exact::from_integer(all.ceil().to_integer()) / whole(rules.pool_loan_limit.get())
            * whole(1_000_000))
        .floor();
        let truth = whole(1_000) + (used * ppm(30_000)).ceil();
        prop_assert_eq!(whole(rate.get()), truth, "the rate is by what was owed on average");
        let mut paid = 0;
        for (at, account) in accounts.iter().enumerate() {
            let due = ceil(&(lent[at].ceil() * ppm(rate.get())));
            has[at] -= due;
            paid += due;
            lent[at] = Exact::zero();
            let lots = i128::from(world.account(0, *account).quantity(FIRST).get());
            let held = world.account(0, *account).cash.get() + lots * i128::from(MARK);
            prop_assert_eq!(held, has[at], "account {}", at);
        }
        prop_assert_eq!(amount.get(), paid);
    }
    Ok(())
}

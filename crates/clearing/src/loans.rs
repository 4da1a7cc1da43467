//! Who owes settlement money, and how much in all (R2.5): every account with collateral has a *deadline*, and a block asks only
//! those whose deadline has come; nobody else owes anything.
//!
//! Time is measured by how far marks have gone, all in all: with every new market by the largest change of a mark, in ppm of that
//! instrument's unit, which is fixed when the instrument is first priced. An account with V ≥ 0 in cash and derivatives loses at
//! most Σ |lots| × unit for every million of those ppm, so that it owes nothing before they have grown by V over that sum.

use crate::margin;
use crate::parallel;
use crate::state::{Account, Pool, Position};
use crate::table::{AccountId, Id};
use crate::units::{Money, Price, Ratio};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The furthest deadline, and the end of the steps that are told apart, ppm.
const FURTHEST: Ratio = Ratio::new(1_000_000_000_000);

/// The deadlines and loans of a pool's accounts. Derived from the state, and no part of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loans {
    /// How far marks have gone, ppm of their units.
    gone: u64,
    /// By instrument.
    units: Vec<Price>,
    deadlines: BTreeSet<(u64, AccountId)>,
    of: BTreeMap<AccountId, u64>,
    /// What is not zero of the loans.
    owing: BTreeMap<AccountId, Money>,
    total: Money,
}

/// What is known of an account with collateral.
struct Standing {
    deadline: u64,
    loan: Money,
}

impl Loans {
    /// Marks move.
    pub(crate) fn advance(&mut self, before: &[Price], now: &[Price]) {
        let listed = now.iter().skip(self.units.len());
        let new: Vec<Price> = listed.map(|mark| mark.abs().max(Price::new(1))).collect();
        self.units.extend(new);
        let befores = before.iter().copied().chain(core::iter::repeat(Price::ZERO));
        let step = |((now, before), unit): ((&Price, Price), &Price)| step_of((*now - before).abs(), *unit);
        let longest = now.iter().zip(befores).zip(&self.units).map(step).max().unwrap_or(0);
        self.gone = self.gone.saturating_add(longest);
    }

    /// Measures accounts that have changed.
    pub(crate) fn follow(&mut self, pool: &Pool, changed: &[AccountId]) {
        let standings = parallel::map(changed, |id| self.standing(pool, &pool.accounts[*id]));
        for (id, standing) in changed.iter().zip(standings) {
            self.replace(*id, standing);
        }
    }

    /// Asks everybody whose deadline has come; afterwards every loan is known. They get a new deadline.
    pub(crate) fn ask(&mut self, pool: &Pool) {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= self.gone);
        let due: Vec<AccountId> = due.map(|(_, id)| *id).collect();
        self.follow(pool, &due);
    }

    /// Everybody who owes, in order, with what they owe.
    pub(crate) fn owing(&self) -> impl Iterator<Item = (AccountId, Money)> {
        self.owing.iter().map(|(id, loan)| (*id, *loan))
    }

    /// What all of them owe.
    pub(crate) fn total(&self) -> Money {
        self.total
    }

    fn replace(&mut self, id: AccountId, standing: Option<Standing>) {
        if let Some(old) = self.of.remove(&id) {
            self.deadlines.remove(&(old, id));
        }
        self.total -= self.owing.remove(&id).unwrap_or_default();
        let Some(Standing { deadline, loan }) = standing else { return };
        self.of.insert(id, deadline);
        self.deadlines.insert((deadline, id));
        if loan.is_positive() {
            self.owing.insert(id, loan);
            self.total += loan;
        }
    }

    /// None for an account without collateral.
    fn standing(&self, pool: &Pool, account: &Account) -> Option<Standing> {
        let is_spot = |position: &&Position| pool.instruments[position.instrument].is_spot();
        account.positions.iter().find(is_spot)?;
        let derivatives = account.positions.iter().filter(|position| !is_spot(position));
        let unit = |position: &Position| self.units.get(position.instrument.position()).copied();
        let size: Option<Money> = derivatives
            .map(|position| Some(unit(position)? * position.quantity.abs()))
            .try_fold(Money::ZERO, |sum, part| Some(sum + part?));
        let has = margin::settlement_value(pool, account);
        let deadline = match size.filter(|_| !has.is_negative()) {
            None => self.gone,
            Some(size) if size.is_zero() => u64::MAX,
            Some(size) => {
                self.gone.saturating_add(has.ratio_to_floor(size, FURTHEST).get().unsigned_abs()).saturating_add(1)
            }
        };
        Some(Standing { deadline, loan: (-has).or_zero() })
    }
}

/// How far a change goes, ppm of the unit, not less than it is; without end where it is too far to tell.
fn step_of(change: Price, unit: Price) -> u64 {
    if change.is_zero() {
        return 0;
    }
    let step = change.ratio_to_floor(unit, FURTHEST);
    if step < FURTHEST { step.get().unsigned_abs().saturating_add(1) } else { u64::MAX }
}

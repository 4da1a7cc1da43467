//! Who may owe too much settlement money (R2.5), without asking everybody in every block.
//!
//! Time is measured by how far marks have gone, all in all: with every new market by the largest change of a mark, in ppm of that
//! instrument's unit, its first mark that is not zero. An account with V in cash and derivatives loses at most
//! its *size*, Σ |lots| × unit, for every million of those ppm. So it owes no more than the limit of an account before they have grown
//! by (V + limit) over its size, its *deadline*; and the pool owes no more than what was last seen of everybody, and the growth since. Only
//! where that bound is beyond the limit of the pool are all of them asked.

use crate::margin;
use crate::parallel;
use crate::state::{Account, Pool, Position};
use crate::table::{AccountId, Id};
use crate::units::{Money, Price, Ratio};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The furthest deadline, and the end of the steps that are told apart, ppm.
const FURTHEST: Ratio = Ratio::new(1_000_000_000_000);

/// What is known of the loans of a pool's accounts. Derived from the state, and no part of it.
#[derive(Clone, Debug)]
pub(crate) struct Loans {
    /// How far marks have gone, ppm of their units.
    gone: u64,
    /// By instrument; none while its mark has always been zero.
    units: Vec<Option<Price>>,
    /// Every account with collateral, as it was last seen.
    seen: BTreeMap<AccountId, Standing>,
    deadlines: BTreeSet<(u64, AccountId)>,
    bound: Bound,
}

/// What an account with collateral owed when marks had gone so far, and how much more it may owe since.
#[derive(Clone, Debug)]
struct Standing {
    loan: Money,
    /// None where it holds what has no unit yet: it may owe anything.
    size: Option<Money>,
    at: u64,
    deadline: u64,
}

/// What all accounts owe, at most.
#[derive(Clone, Debug)]
struct Bound {
    /// None where it is too large to be told.
    most: Option<Money>,
    /// The sum of all sizes.
    sizes: Money,
    /// How many have a size that cannot be told.
    untold: usize,
    /// Whether all accounts were seen at these marks, so that it is what they owe.
    is_exact: bool,
}

impl Default for Loans {
    fn default() -> Self {
        let bound = Bound { most: Some(Money::ZERO), sizes: Money::ZERO, untold: 0, is_exact: true };
        Self { gone: 0, units: Vec::new(), seen: BTreeMap::new(), deadlines: BTreeSet::new(), bound }
    }
}

impl Loans {
    /// Marks move.
    pub(crate) fn advance(&mut self, before: &[Price], now: &[Price]) {
        self.learn_units(now);
        let befores = before.iter().copied().chain(core::iter::repeat(Price::ZERO));
        let step = |((now, before), unit): ((&Price, Price), &Option<Price>)| {
            unit.map_or(0, |unit| step_of((*now - before).abs(), unit))
        };
        let longest = now.iter().zip(befores).zip(&self.units).map(step).max().unwrap_or(0);
        self.gone = self.gone.saturating_add(longest);
        self.bound.grow(longest);
    }

    /// Measures accounts that have changed.
    pub(crate) fn follow(&mut self, pool: &Pool, changed: &[AccountId]) {
        self.learn_units(&pool.matrices.today);
        let standings = parallel::map(changed, |id| self.standing(pool, &pool.accounts[*id]));
        for (id, standing) in changed.iter().zip(standings) {
            self.replace(*id, standing);
        }
    }

    /// Everybody, in order, who owes more than an account may, with what they owe; or everybody who owes anything, if all of them
    /// together owe more than the pool may lend.
    pub(crate) fn ask(&mut self, pool: &Pool) -> Vec<(AccountId, Money)> {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= self.gone);
        let mut asked: Vec<AccountId> = due.map(|(_, id)| *id).collect();
        self.follow(pool, &asked);
        asked.sort_unstable();
        self.know(pool, pool.parameters.pool_loan_limit);
        let owes = |(id, seen): (AccountId, &Standing)| seen.loan.is_positive().then_some((id, seen.loan));
        if self.total() > pool.parameters.pool_loan_limit {
            self.seen.iter().filter_map(|(id, seen)| owes((*id, seen))).collect()
        } else {
            asked.iter().filter_map(|id| owes((*id, self.seen.get(id)?))).collect()
        }
    }

    /// Sees to it that [`Loans::total`] is exact, unless it is no more than `enough` anyway.
    pub(crate) fn know(&mut self, pool: &Pool, enough: Money) {
        if self.bound.most.is_some_and(|most| self.bound.is_exact || most <= enough) {
            return;
        }
        let everybody: Vec<AccountId> = self.seen.keys().copied().collect();
        let loans = parallel::map(&everybody, |id| margin::loan(pool, &pool.accounts[*id]));
        for (seen, loan) in self.seen.values_mut().zip(&loans) {
            // What it may lose has not changed, so that its deadline stays.
            (seen.loan, seen.at) = (*loan, self.gone);
        }
        self.bound = Bound { most: Some(loans.into_iter().sum()), is_exact: true, ..self.bound };
    }

    /// What all of them owe, at most.
    ///
    /// # Panics
    /// Where it cannot be told: [`Loans::know`] comes first.
    pub(crate) fn total(&self) -> Money {
        self.bound.most.expect("the bound is known")
    }

    /// Whether [`Loans::total`] is what they owe.
    pub(crate) fn is_exact(&self) -> bool {
        self.bound.is_exact
    }

    /// Sets every deadline anew, after a change of the limit of an account.
    pub(crate) fn reset(&mut self, pool: &Pool) {
        let everybody: Vec<AccountId> = self.seen.keys().copied().collect();
        self.follow(pool, &everybody);
    }

    fn learn_units(&mut self, marks: &[Price]) {
        self.units.resize(self.units.len().max(marks.len()), None);
        for (unit, mark) in self.units.iter_mut().zip(marks).filter(|(unit, mark)| unit.is_none() && !mark.is_zero()) {
            *unit = Some(mark.abs());
        }
    }

    fn replace(&mut self, id: AccountId, standing: Option<Standing>) {
        if let Some(old) = self.seen.remove(&id) {
            self.deadlines.remove(&(old.deadline, id));
            self.bound.leave(&old, self.gone);
        }
        let Some(standing) = standing else { return };
        self.deadlines.insert((standing.deadline, id));
        self.bound.join(&standing);
        self.seen.insert(id, standing);
    }

    /// None for an account without collateral.
    fn standing(&self, pool: &Pool, account: &Account) -> Option<Standing> {
        let is_spot = |position: &&Position| pool.instruments[position.instrument].is_spot();
        account.positions.iter().find(is_spot)?;
        let derivatives = account.positions.iter().filter(|position| !is_spot(position));
        let unit = |position: &Position| self.units.get(position.instrument.position()).copied().flatten();
        let size: Option<Money> = derivatives
            .map(|position| Some(unit(position)? * position.quantity.abs()))
            .try_fold(Money::ZERO, |sum, part| Some(sum + part?));
        let has = margin::settlement_value(pool, account);
        let room = has + pool.parameters.account_loan_limit;
        let deadline = match size.filter(|_| !room.is_negative()) {
            None => self.gone,
            Some(size) if size.is_zero() => u64::MAX,
            Some(size) => {
                self.gone.saturating_add(room.ratio_to_floor(size, FURTHEST).get().unsigned_abs()).saturating_add(1)
            }
        };
        Some(Standing { loan: (-has).or_zero(), size, at: self.gone, deadline })
    }
}

impl Bound {
    /// Marks go so far.
    fn grow(&mut self, step: u64) {
        self.is_exact &= step == 0;
        let told = (self.untold == 0).then_some(self.sizes);
        let grown = told.and_then(|sizes| lost(sizes, step)).and_then(|lost| lost.checked_add(Money::new(1)));
        self.most = self.most.and_then(|most| if step == 0 { Some(most) } else { most.checked_add(grown?) });
    }

    /// An account counts no more. What it may have lost since it was seen is rounded down, as it was added rounded up.
    fn leave(&mut self, old: &Standing, gone: u64) {
        let ppm = gone.saturating_sub(old.at);
        let lost = if ppm == 0 { Some(Money::ZERO) } else { old.size.and_then(|size| lost(size, ppm)) };
        self.most = self.most.and_then(|most| Some(most - old.loan - lost?));
        match old.size {
            Some(size) => self.sizes -= size,
            None => self.untold = self.untold.saturating_sub(1),
        }
    }

    /// An account counts from now on.
    fn join(&mut self, new: &Standing) {
        self.most = self.most.and_then(|most| most.checked_add(new.loan));
        match new.size {
            Some(size) => self.sizes += size,
            None => self.untold = self.untold.saturating_add(1),
        }
    }
}

/// What a size loses at most, rounded down, when marks go so far; none where it does not fit.
fn lost(size: Money, ppm: u64) -> Option<Money> {
    let ratio = Ratio::new(i64::try_from(ppm).ok()?);
    size.checked_times_floor(ratio)
}

/// How far a change goes, ppm of the unit, not less than it is; without end where it is too far to tell.
fn step_of(change: Price, unit: Price) -> u64 {
    if change.is_zero() {
        return 0;
    }
    let step = change.ratio_to_floor(unit, FURTHEST);
    if step < FURTHEST { step.get().unsigned_abs().saturating_add(1) } else { u64::MAX }
}

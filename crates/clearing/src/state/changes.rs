//! What governance has announced and what waits for its time (R7.6 to R7.8), and whom it concerns.

use super::{Account, FUND, Instrument, Pool};
use crate::table::{AccountId, InstrumentId};
use crate::units::{Money, Time};
use borsh::{BorshDeserialize, BorshSerialize};

/// A change of parameters that waits out its timelock. R7.6
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pending<T> {
    /// What will apply.
    pub parameters: T,
    /// From when.
    pub effective_at: Time,
    /// As a whole, or in steps.
    pub course: Course,
}

/// How a change applies once its notice is over. R7.6, R7.7
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Course {
    /// At once: it tightens nothing.
    Whole,
    /// One step a minute.
    Steps {
        /// How many are left.
        left: u8,
        /// From when nobody's breach defers them any more.
        firm_at: Time,
    },
}

/// A line on the reserve. R11.6
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Line {
    /// What the reserve keeps for it, drawn or not: the larger of what may be drawn now and after the change that waits.
    pub cap: Money,
    /// What has been drawn.
    pub drawn: Money,
    /// The most that may be drawn now.
    pub open: Money,
    /// A change that waits. R7.8
    pub pending: Option<LineChange>,
}

/// A change of a line that waits out the longest timelock. R7.8
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LineChange {
    /// The most that may then be drawn.
    pub cap: Money,
    /// From when.
    pub effective_at: Time,
}

impl Line {
    /// What was announced holds from now on, as far as it is not drawn already.
    pub(crate) fn apply(&mut self) {
        if let Some(change) = self.pending.take() {
            self.open = change.cap.max(self.drawn);
            self.cap = self.open;
        }
    }

    /// Nothing more is drawn, nor kept for it; what was lent and not repaid stays written. R12.9
    pub(crate) fn close(&mut self) {
        self.pending = None;
        (self.open, self.cap) = (self.drawn, self.drawn);
    }
}

impl Pool {
    /// Whether nobody has anything in it: no member, no capital and no line. Then there is nobody whom a change could weaken. R7.6
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.has_no_members() && self.custody.is_zero() && self.line.cap.is_zero()
    }

    /// Whether no member has anything in it: no money, no position, no order, nothing in the tranche. What is kept in sums is asked first, so
    /// that a pool with members is told at once. R12.9
    #[must_use]
    pub fn is_only_its_owners(&self) -> bool {
        let fund = &self.accounts[FUND];
        let own = self.own_capital + self.fees + self.rounding + self.prepaid + fund.cash;
        let holds_all = |(id, listed): (InstrumentId, &Instrument)| {
            listed.open_interest == fund.quantity(id).or_zero() && listed.total == fund.quantity(id)
        };
        let has_nothing = |(id, held): (AccountId, &Account)| {
            id == FUND || held.cash.is_zero() && held.positions.is_empty() && held.orders.is_empty()
        };
        own == self.custody
            && self.tranche.is_empty()
            && self.instruments.iter().all(holds_all)
            && self.accounts.iter().all(has_nothing)
    }

    /// How long a change of the pool waits; none where nobody has anything in it. R7.6
    #[must_use]
    pub fn notice(&self) -> Option<Time> {
        (!self.is_empty()).then_some(self.parameters.timelock)
    }

    /// The most that an account, and that all of them, may owe if somebody borrows more now: a lower limit that is announced already holds. R7.7
    #[must_use]
    pub fn limits_for_borrowing(&self) -> (Money, Money) {
        let announced = self.pending.as_ref().map_or(&self.parameters, |change| &change.parameters);
        let (now, then) = (&self.parameters, announced);
        (now.account_loan_limit.min(then.account_loan_limit), now.pool_loan_limit.min(then.pool_loan_limit))
    }
}

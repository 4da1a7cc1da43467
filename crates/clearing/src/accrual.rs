//! What accrues with time, by what an account really holds (R2.5, R16.1): measured in every block, remembered by account, paid by everybody
//! at once when the interval is over.
//!
//! Nobody is visited for it in between. An instrument sums up what a lot has come to since the last payment; an account remembers
//! only where it changed. So funding is lots × that sum, less what the sum was when the lots came, which is linear and needs one
//! number; and a loan's time is the sum of settlement value × time where that is negative, kept from change to change.

use crate::parameters::Kind;
use crate::state::{Account, Instrument, Position};
use crate::table::Id;
use crate::units::{Accrued, MAX_RATIO, Money, Price, Ratio};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What has accrued to an account since the last payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Accruals {
    /// What it owes of funding beside what its present lots have come to since the last payment: what it held before, less what was
    /// there before it came. R16.1
    pub funding: Accrued,
    /// Loan × time, up to its last change. R2.5
    pub lent: Accrued,
    /// What the meter showed at its last change; nothing without collateral.
    pub reading: Accrued,
    /// What it has paid of interest ahead of the interval's end, at the highest rate.
    pub prepaid: Money,
}

impl Accruals {
    /// Money opens a closed account again, but what others bore for it is not made good by what it would still have received.
    pub(crate) fn forfeit(&mut self) {
        *self = Self { funding: self.funding.or_zero(), ..Self::default() };
    }
}

/// How far time has gone since the last payment, by itself and times every mark: what accounts are metered with. R2.5
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    /// The parts of an interval.
    pub(crate) parts: i64,
    /// The sum of mark × parts, and the mark, by instrument; none for collateral.
    pub(crate) derivatives: Vec<Option<(Accrued, Price)>>,
    /// Whether all loans together are within the limit of the pool.
    pub(crate) within: bool,
}

impl Meter {
    /// Settlement value × time since the last payment, as if nothing had changed since; none for an account without collateral.
    fn shows(&self, account: &Account) -> Option<Accrued> {
        let metered = |position: &Position| Some(self.derivative(position)?.0 * position.quantity);
        self.has_collateral(account).then(|| {
            let worth: Accrued = account.positions.iter().filter_map(metered).sum();
            worth + Accrued::of_money(account.cash, self.parts)
        })
    }

    /// Loan × time since the account's last change; a deficit without collateral is no loan, and nobody lends to whom it liquidates.
    pub(crate) fn lent_since(&self, account: &Account) -> Accrued {
        let shown = self.shows(account).filter(|_| account.is_good());
        shown.map_or(Accrued::ZERO, |shown| (account.accrued.reading - shown).or_zero())
    }

    /// Before an account changes: what it owed so far is counted by what it held so far.
    pub(crate) fn read(&self, account: &mut Account) {
        account.accrued.lent += self.lent_since(account);
    }

    /// After the block's changes: it is metered from here. What it owes counts as lent to it while the pool is within its limit. R2.6
    pub(crate) fn restart(&self, account: &mut Account) {
        account.accrued.reading = self.shows(account).unwrap_or_default();
        let mark = |position: &Position| Some(self.derivative(position)?.1 * position.quantity);
        let has: Money = account.cash + account.positions.iter().filter_map(mark).sum();
        let loan = if self.has_collateral(account) { (-has).or_zero() } else { Money::ZERO };
        account.granted = if self.within { loan } else { account.granted.min(loan) };
    }

    fn derivative(&self, position: &Position) -> Option<(Accrued, Price)> {
        self.derivatives.get(position.instrument.position()).copied().flatten()
    }

    fn has_collateral(&self, account: &Account) -> bool {
        account.positions.iter().any(|position| self.derivative(position).is_none())
    }
}

impl Instrument {
    /// What a lot pays an interval by the premium of these parts of it, which are those since funding was last paid, as a share of the index; none
    /// where nobody pays any. `index` is that of its feed. R16.1
    #[must_use]
    pub fn funding_rate(&self, index: Price, parts: i64) -> Option<Ratio> {
        let pays = self.parameters.kind == Kind::Perpetual && self.priced;
        pays.then(|| {
            self.funding.mean_floor(parts.max(1)).ratio_to_floor(self.share_base(index), Ratio::new(MAX_RATIO))
        })
    }

    /// What funding is a share of: the index, or the stress base where prices may reach zero.
    fn share_base(&self, index: Price) -> Price {
        index.abs().max(self.parameters.stress_base)
    }

    /// These parts of an interval pass at the last premium and the last mark. A market that does not trade has no premium to pay. R16.1
    pub(crate) fn accrue(&mut self, index: Price, parts: i64, trades: bool) {
        if !self.priced || self.is_spot() || self.settled.is_some() {
            return;
        }
        self.mark_time += Accrued::of_price(self.mark, parts);
        if trades && self.parameters.kind == Kind::Perpetual {
            let most = self.share_base(index).times_floor(self.parameters.max_funding);
            self.funding += Accrued::of_price(self.premium.max(-most).min(most), parts);
        }
    }
}

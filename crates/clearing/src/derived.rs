//! What follows from the state and is kept beside it for speed (R9.3): brought up to date here, never encoded, no part of the root.

use crate::accounts::Accounts;
use crate::accrual::Meter;
use crate::invariants;
use crate::loans::Loans;
use crate::margin;
use crate::parameters::{InstrumentParameters, PoolParameters};
use crate::rows::Matrices;
use crate::screen::OrderScreen;
use crate::state::{Account, FUND, Instrument, Order, Pool, Position};
use crate::table::{AccountId, InstrumentId};
use crate::units::{Accrued, Money, PARTS};
use crate::watch::Watch;
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// Something that follows from the rest of the state, so that it makes no difference between two states.
#[derive(Clone, Debug, Default)]
pub(crate) struct Derived<T>(pub(crate) T);

impl<T> PartialEq for Derived<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Derived<T> {}

impl Pool {
    /// Takes over this block's matrices.
    pub(crate) fn set_matrices(&mut self, matrices: Matrices) {
        self.loans.0.advance(&self.matrices.today, &matrices.today);
        self.matrices = matrices;
        self.order_screen = Derived(OrderScreen::of(self));
    }

    /// Takes over new parameters. The filter knows the old ones: until the next cycle exact integers decide alone.
    pub(crate) fn set_parameters(&mut self, parameters: PoolParameters) {
        let old = core::mem::replace(&mut self.parameters, parameters);
        self.order_screen = Derived::default();
        if self.parameters.account_loan_limit != old.account_loan_limit {
            self.with_loans(Loans::reset);
        }
    }

    /// Takes over new parameters of an instrument, of which the filter knows the old exit cost.
    pub(crate) fn set_instrument_parameters(&mut self, instrument: InstrumentId, parameters: InstrumentParameters) {
        self.instruments[instrument].parameters = parameters;
        self.order_screen = Derived::default();
    }

    /// Whether an account stays sound whichever subset of these orders fills. R7.2
    pub(crate) fn meets_initial_with<'a>(
        &self,
        account: &Account,
        orders: impl Iterator<Item = &'a Order> + Clone,
    ) -> bool {
        let surely = self.order_screen.0.is_surely_sound(account, orders.clone());
        debug_assert!(!surely || margin::meets_initial_with(self, account, orders.clone()), "the filter errs");
        surely || margin::meets_initial_with(self, account, orders)
    }

    /// Brings loans up to date with what was edited.
    pub(crate) fn follow_loans(&mut self) {
        let edited = self.accounts.take_unlent();
        self.with_loans(|loans, pool| loans.follow(pool, &edited));
    }

    /// Sees to it that [`Pool::total_loans`] tells whether so much more is within the limit of the pool. R2.5
    pub(crate) fn know_loans(&mut self, more: Money) {
        self.follow_loans();
        let (_, all) = self.limits_for_borrowing();
        let enough = all - more;
        self.with_loans(|loans, pool| loans.know(pool, enough));
    }

    /// Everybody who may have to sell collateral for what they owe, in order, with what they owe. R2.5
    pub(crate) fn ask_for_loans(&mut self) -> Vec<(AccountId, Money)> {
        let asked = self.with_loans(Loans::ask);
        debug_assert!(self.is_overlooked(&asked).is_none(), "{:?} is overlooked", self.is_overlooked(&asked));
        asked
    }

    /// At the end of a block: whether loans are within the limit of the pool, by which accounts are metered from now on. R2.6
    pub(crate) fn judge_loans(&mut self) {
        self.follow_loans();
        let limit = self.parameters.pool_loan_limit;
        self.with_loans(|loans, pool| loans.know(pool, limit));
        let within = self.loans.0.total() <= limit;
        self.set_meter(within);
    }

    /// Shows accounts how far time has gone. R2.5
    pub(crate) fn set_meter(&mut self, within: bool) {
        let of = |instrument: &Instrument| (!instrument.is_spot()).then_some((instrument.mark_time, instrument.mark));
        let derivatives = self.instruments.iter().map(|(_, instrument)| of(instrument)).collect();
        self.accounts.set_meter(Meter { parts: self.interval_gone, derivatives, within });
    }

    /// What an account owes of funding, less than nothing if it is owed, up to now. R16.1
    pub(crate) fn funding_due(&self, id: AccountId) -> Accrued {
        let account = &self.accounts[id];
        let come = |position: &Position| self.instruments[position.instrument].funding * position.quantity;
        account.positions.iter().map(come).sum::<Accrued>() + account.accrued.funding
    }

    /// What has accrued against an account and is not yet paid: funding, and interest at the highest rate, which the use of the whole
    /// interval will settle. R16.1, R2.5
    pub(crate) fn owed(&self, id: AccountId) -> (Money, Money) {
        let highest = self.parameters.loan_rate + self.parameters.loan_slope;
        let interest = self.accounts.lent(id).due_ceil().times_ceil(highest) - self.accounts[id].accrued.prepaid;
        (self.funding_due(id).due_ceil().or_zero(), interest.or_zero())
    }

    /// The account as it would be had it paid what has accrued against it. R16.1
    pub(crate) fn net(&self, id: AccountId) -> Cow<'_, Account> {
        let account = &self.accounts[id];
        let (funding, interest) = self.owed(id);
        if funding.is_zero() && interest.is_zero() {
            return Cow::Borrowed(account);
        }
        let cash = account.cash - funding - interest;
        Cow::Owned(Account { cash, ..account.clone() })
    }

    /// Whoever trades, leaves or is liquidated pays at once what has accrued against them; it is kept until the interval's end. R16.1
    pub(crate) fn collect(&mut self, id: AccountId) {
        let (funding, interest) = self.owed(id);
        if funding.is_zero() && interest.is_zero() {
            return;
        }
        let account = self.accounts.edit(id);
        account.accrued.funding -= Accrued::of_money(funding, PARTS);
        account.accrued.prepaid += interest;
        account.cash -= funding + interest;
        self.prepaid += funding + interest;
    }

    fn with_loans<T>(&mut self, work: impl FnOnce(&mut Loans, &Self) -> T) -> T {
        let mut loans = core::mem::take(&mut self.loans);
        let result = work(&mut loans.0, self);
        self.loans = loans;
        result
    }

    /// What members with collateral owe in all, of this block's marks and of accounts as [`Pool::know_loans`] last saw them; or more
    /// than that, if what was asked for is within the limit of the pool all the same.
    pub(crate) fn total_loans(&self) -> Money {
        let total = self.loans.0.total();
        debug_assert!(total >= self.sum_of_loans(), "a loan is overlooked");
        debug_assert!(!self.loans.0.is_exact() || total == self.sum_of_loans(), "a loan counts too much");
        total
    }

    /// Somebody who owes too much and was not named, by the definition: an account above its limit, or any loan while all of them
    /// are above the limit of the pool.
    fn is_overlooked(&self, asked: &[(AccountId, Money)]) -> Option<AccountId> {
        let all = self.sum_of_loans() > self.parameters.pool_loan_limit;
        let least = if all { Money::ZERO } else { self.parameters.account_loan_limit };
        let owing = self.accounts.iter().map(|(id, held)| (id, self.loan_of(held))).filter(|(_, loan)| *loan > least);
        owing.into_iter().find(|owing| !asked.contains(owing)).map(|(id, _)| id)
    }

    /// The definition that the loans above must agree with.
    fn sum_of_loans(&self) -> Money {
        self.accounts.iter().map(|(_, held)| self.loan_of(held)).sum()
    }

    /// What an account owes against its collateral: nothing without any. R2.5
    pub(crate) fn loan_of(&self, account: &Account) -> Money {
        let has_collateral = account.positions.iter().any(|position| self.instruments[position.instrument].is_spot());
        if has_collateral { margin::loan(self, account) } else { Money::ZERO }
    }

    /// Brings the copies and the safe distances of accounts up to date with what was edited. The cycle does it; whoever keeps a
    /// pool by hand does it before [`Pool::watch`] is asked.
    ///
    /// # Panics
    /// If an edited account contradicts itself.
    pub fn catch_up(&mut self) {
        let edited = self.accounts.copy_edited();
        let mut watch = core::mem::take(&mut self.watch);
        watch.follow(self, &edited);
        self.watch = watch;
        self.follow_loans();
        invariants::check_accounts(self, &edited);
    }

    /// A copy without members: the fund's account is there, the others are not. Enough to value any account with.
    #[must_use]
    pub fn without_members(&self) -> Self {
        let mut accounts = Accounts::default();
        accounts.push(self.accounts[FUND].clone());
        Self {
            name: self.name.clone(),
            owner: self.owner,
            parameters: self.parameters.clone(),
            pending: self.pending.clone(),
            instruments: self.instruments.clone(),
            accounts,
            own_capital: self.own_capital,
            fees: self.fees,
            rounding: self.rounding,
            prepaid: self.prepaid,
            tranche: self.tranche.clone(),
            line: self.line.clone(),
            custody: self.custody,
            bids: self.bids.clone(),
            stresses: self.stresses.clone(),
            correlations: self.correlations.clone(),
            matrices: self.matrices.clone(),
            fund: self.fund.clone(),
            claims: self.claims.clone(),
            paid_at: self.paid_at,
            interval_gone: self.interval_gone,
            converting: self.converting.clone(),
            carried: self.carried,
            winding_down: self.winding_down,
            watch: Watch::default(),
            now: Derived(self.now.0),
            order_screen: Derived::default(),
            loans: Derived::default(),
            guards: self.guards.clone(),
        }
    }
}

//! What follows from the state and is kept beside it for speed (R9.3): brought up to date here, never encoded, no part of the root.

use crate::invariants;
use crate::margin;
use crate::parameters::PoolParameters;
use crate::rows::Matrices;
use crate::screen::OrderScreen;
use crate::state::{Account, Order, Pool};
use crate::units::Money;

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
        self.parameters = parameters;
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
        let mut loans = core::mem::take(&mut self.loans);
        loans.0.follow(self, &edited);
        self.loans = loans;
    }

    /// Brings loans up to date with this block's marks.
    pub(crate) fn ask_for_loans(&mut self) {
        let mut loans = core::mem::take(&mut self.loans);
        loans.0.ask(self);
        self.loans = loans;
        debug_assert_eq!(self.loans.0.total(), self.sum_of_loans(), "a loan is overlooked");
    }

    /// What members with collateral owe in all: of this block's marks and of accounts as [`Pool::follow_loans`] last saw them.
    pub(crate) fn total_loans(&self) -> Money {
        debug_assert_eq!(self.loans.0.total(), self.sum_of_loans(), "a loan is overlooked");
        self.loans.0.total()
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
}

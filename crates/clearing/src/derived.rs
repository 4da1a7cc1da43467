//! What follows from the state and is kept beside it for speed (R9.3): brought up to date here, never encoded, no part of the root.

use crate::invariants;
use crate::margin;
use crate::rows::Matrices;
use crate::screen::OrderScreen;
use crate::state::{Account, Instrument, Order, Pool};

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
        self.matrices = matrices;
        self.order_screen = Derived(OrderScreen::of(self));
    }

    /// Whether an account stays sound whichever subset of these orders fills. R7.2
    pub(crate) fn meets_initial_with<'a>(
        &self,
        account: &Account,
        orders: impl Iterator<Item = &'a Order> + Clone,
    ) -> bool {
        let surely = self.order_screen.0.is_surely_sound(self, account, orders.clone());
        debug_assert!(!surely || margin::meets_initial_with(self, account, orders.clone()), "the filter errs");
        surely || margin::meets_initial_with(self, account, orders)
    }

    /// Brings the copies and the safe distances of accounts up to date with what was edited. The cycle does it; whoever keeps a
    /// pool by hand does it before [`Pool::watch`] is asked.
    ///
    /// # Panics
    /// If an edited account contradicts itself.
    pub fn catch_up(&mut self) {
        let instruments = &self.instruments;
        let edited = self.accounts.copy_edited(|id| instruments.find(id).is_some_and(Instrument::is_spot));
        let mut watch = core::mem::take(&mut self.watch);
        watch.follow(self, &edited);
        self.watch = watch;
        invariants::check_accounts(self, &edited);
    }
}

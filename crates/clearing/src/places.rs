//! Whose place an account may take when no other is left (R2.7): the accounts that have nothing, by their owners.

use crate::command::Key;
use crate::derived::Derived;
use crate::event::Layer;
use crate::state::{FUND, Pool, Standing};
use crate::table::AccountId;
use crate::units::Money;
use alloc::collections::{BTreeMap, BTreeSet};

/// As many accounts that have nothing nobody takes from a key. R2.7
pub const KEPT: usize = 4;

/// Below this an account without anything else has nothing: a USD. R2.7
pub const LEAST_CASH: Money = Money::new(1_000_000);

/// The accounts that have nothing. Derived from the state, and no part of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    owners: BTreeMap<AccountId, Key>,
    empty: BTreeMap<Key, BTreeSet<AccountId>>,
    /// How many each key has.
    counts: BTreeSet<(usize, Key)>,
}

impl Places {
    /// An account has nothing, and this owner; or it has something.
    fn follow(&mut self, account: AccountId, owner: Option<Key>) {
        if self.owners.get(&account).copied() == owner {
            return;
        }
        if let Some(before) = self.owners.remove(&account) {
            self.change(before, |accounts| _ = accounts.remove(&account));
        }
        if let Some(owner) = owner {
            self.owners.insert(account, owner);
            self.change(owner, |accounts| _ = accounts.insert(account));
        }
    }

    fn change(&mut self, owner: Key, how: impl FnOnce(&mut BTreeSet<AccountId>)) {
        let accounts = self.empty.entry(owner).or_default();
        self.counts.remove(&(accounts.len(), owner));
        how(accounts);
        if accounts.is_empty() {
            self.empty.remove(&owner);
        } else {
            self.counts.insert((accounts.len(), owner));
        }
    }

    /// The last account of the key that has most of them.
    fn next(&self) -> Option<AccountId> {
        let (count, owner) = self.counts.last()?;
        self.empty.get(owner).filter(|_| *count > KEPT)?.last().copied()
    }
}

impl Pool {
    /// The account whose place a new one may take. R2.7
    pub(crate) fn place_to_take(&mut self) -> Option<AccountId> {
        let edited = self.accounts.take_unplaced();
        let mut places = core::mem::take(&mut self.places.0);
        let owner_of = |pool: &Self, id: AccountId| pool.has_nothing(id).then(|| pool.accounts[id].owner);
        edited.into_iter().for_each(|id| places.follow(id, owner_of(self, id)));
        let next = places.next();
        debug_assert!(next.is_none_or(|id| self.has_nothing(id)), "a place is taken from who has something");
        self.places = Derived(places);
        next
    }

    /// Whether an account has nothing that is worth its place: less than a USD, and nothing else. Whatever changes that edits the account.
    fn has_nothing(&self, id: AccountId) -> bool {
        const BORNE: [Layer; 5] =
            [Layer::Tranche, Layer::AutoDeleveraging, Layer::GainsHaircut, Layer::MembersEquity, Layer::WindDown];
        let account = &self.accounts[id];
        let accrued = &account.accrued;
        let owes = !accrued.funding.is_zero() || !accrued.lent.is_zero() || !accrued.prepaid.is_zero();
        let stands =
            account.standing == Standing::Good || account.standing == Standing::Closed && account.cash.is_zero();
        let provides = self.tranche.get(&id).is_some_and(|share| share.amount.is_positive());
        let is_owed = BORNE.iter().any(|layer| self.claims.owed.contains_key(&(*layer, id)));
        id != FUND
            && stands
            && (Money::ZERO..LEAST_CASH).contains(&account.cash)
            && account.positions.is_empty()
            && account.orders.is_empty()
            && !(owes || provides || is_owed)
    }
}

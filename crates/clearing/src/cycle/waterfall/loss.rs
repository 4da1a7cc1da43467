//! What the defaulters of a block lack, and who has borne how much of it (R12.3).

use crate::event::{Event, Layer};
use crate::state::Pool;
use crate::table::{AccountId, PoolId};
use crate::units::{Money, share_exactly};
use alloc::vec::Vec;

/// A defaulter.
pub(super) struct Owing {
    pub(super) account: AccountId,
    /// What it lacked beyond its own collateral, its own money in the tranche included.
    pub(super) owed: Money,
    /// What nobody has borne yet.
    pub(super) left: Money,
}

/// Everything that the accounts of a block lack.
pub(super) struct Loss {
    id: PoolId,
    pub(super) owing: Vec<Owing>,
    claims_arose: bool,
}

impl Loss {
    /// The deficits at today's marks, after what each of the accounts has in the tranche itself: that is its own collateral. R12.1
    pub(super) fn of(pool: &mut Pool, id: PoolId, accounts: &[AccountId], say: &mut dyn FnMut(Event)) -> Self {
        let mut owing = Vec::with_capacity(accounts.len());
        for account in accounts.iter().copied() {
            let deficit = deficit(pool, account);
            let amount = own_share(pool, account, deficit);
            if amount.is_positive() {
                let share = pool.tranche.get_mut(&account).expect("it has money there");
                share.amount -= amount;
                pool.accounts.edit(account).cash += amount;
                say(Event::OwnTranchePaid { pool: id, account, amount });
            }
            owing.push(Owing { account, owed: deficit - amount, left: deficit - amount });
        }
        Self { id, owing, claims_arose: false }
    }

    /// What nobody has borne yet.
    pub(super) fn left(&self) -> Money {
        self.owing.iter().map(|owing| owing.left).sum()
    }

    /// Whether somebody bore who can claim it back from the fund. R11.7
    pub(super) fn left_claims(&self) -> bool {
        self.claims_arose
    }

    /// Somebody whose loss went through every layer and who has nothing more to sell.
    pub(super) fn first_uncovered(&self, pool: &Pool) -> Option<AccountId> {
        let is_sold = |account: AccountId| pool.open_legs(&pool.accounts[account].positions).is_empty();
        let uncovered = |owing: &&Owing| owing.left.is_positive() && is_sold(owing.account);
        self.owing.iter().find(uncovered).map(|owing| owing.account)
    }

    /// The pool that it is a loss of.
    pub(super) fn pool(&self) -> PoolId {
        self.id
    }

    /// Passes on what a layer gave, to all who owe, in proportion to what each still owes.
    pub(super) fn bear(
        &mut self,
        pool: &mut Pool,
        layer: Layer,
        given: &[(Option<AccountId>, Money)],
        say: &mut dyn FnMut(Event),
    ) {
        let parts: Vec<(usize, Money)> = self.owing.iter().map(|owing| owing.left).enumerate().collect();
        self.bear_parts(pool, layer, given, &parts, say);
    }

    /// Passes on what a layer gave to some who owe, each named by its place and by the part that counts.
    pub(super) fn bear_parts(
        &mut self,
        pool: &mut Pool,
        layer: Layer,
        given: &[(Option<AccountId>, Money)],
        parts: &[(usize, Money)],
        say: &mut dyn FnMut(Event),
    ) {
        let total: Money = given.iter().map(|(_, amount)| *amount).sum();
        let weights: Vec<i128> = parts.iter().map(|(_, part)| part.get()).collect();
        let mut taken = Vec::with_capacity(parts.len());
        for ((at, _), part) in parts.iter().zip(share_exactly(total.get(), &weights)) {
            let owing = self.owing.get_mut(*at).expect("a part names who owes it");
            owing.left -= Money::new(part);
            pool.accounts.edit(owing.account).cash += Money::new(part);
            taken.push((owing.account, Money::new(part)));
        }
        self.remember_claims(pool, layer, given);
        let id = self.id;
        pair(given, &taken, |bearer, defaulter, amount| {
            say(Event::LossAllocated { pool: id, defaulter, layer, amount, bearer });
        });
    }

    /// R11.7: what layers after the fund bear is a claim on it.
    fn remember_claims(&mut self, pool: &mut Pool, layer: Layer, given: &[(Option<AccountId>, Money)]) {
        for (bearer, amount) in given.iter().filter(|(_, amount)| layer > Layer::Fund && amount.is_positive()) {
            self.claims_arose = true;
            if let Some(bearer) = bearer {
                *pool.claims.owed.entry((layer, *bearer)).or_default() += *amount;
            }
        }
    }
}

/// What an account lacks at today's marks, legs that wait at their good edge. R10.8
fn deficit(pool: &Pool, account: AccountId) -> Money {
    (-pool.best_equity(&pool.accounts[account])).or_zero()
}

/// What an account has in the tranche pays what it owes before anybody else does. R12.1
fn own_share(pool: &Pool, account: AccountId, deficit: Money) -> Money {
    pool.tranche.get(&account).map_or(Money::ZERO, |share| share.amount.min(deficit))
}

/// What accounts lack that others will have to pay.
pub(super) fn deficits(pool: &Pool, accounts: &[AccountId]) -> Money {
    let lacking = |account: &AccountId| {
        let deficit = deficit(pool, *account);
        deficit - own_share(pool, *account, deficit)
    };
    accounts.iter().map(lacking).sum()
}

/// Says who paid whom, both in order: as many statements as there are bearers and defaulters together, and not as their product. R12.3
fn pair(
    given: &[(Option<AccountId>, Money)],
    taken: &[(AccountId, Money)],
    mut tell: impl FnMut(Option<AccountId>, AccountId, Money),
) {
    let mut takers = taken.iter().copied();
    let mut taker = takers.next();
    for (bearer, amount) in given.iter().copied() {
        let mut amount = amount;
        while amount.is_positive() {
            let Some((defaulter, open)) = taker else { return };
            let part = amount.min(open);
            if part.is_positive() {
                tell(bearer, defaulter, part);
            }
            amount -= part;
            taker = if part == open { takers.next() } else { Some((defaulter, open - part)) };
        }
    }
}

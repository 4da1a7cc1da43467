//! Shows that an account is in the state root, for those who trust the root and not this node.
//!
//! The core keeps a tree over the accounts and no reader may wait for it. So proofs have a tree of their own, which follows the published
//! views when somebody asks: it looks for accounts that are not the same record as before, and hashes their branches again.

use crate::system::{Sealed, root_of};
use crate::view::View;
use clearing::accounts::Tree;
use clearing::commitment::{Branch, PoolCommitment};
use clearing::state::Account;
use clearing::table::{AccountId, Id, PoolId};
use clearing::units::Time;
use imbl::Vector;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How old the state of a proof may be: following asks every account whether it has changed.
const OLDEST: Duration = Duration::from_millis(500);

/// An account with everything that shows that it is in the state root after a block.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The height of the block.
    pub height: u64,
    /// Its time.
    pub time: Time,
    /// The pool.
    pub pool: PoolId,
    /// The account's id in it.
    pub id: AccountId,
    /// The account.
    pub account: Account,
    /// The way from it to the root of the pool's accounts.
    pub branch: Branch,
    /// What else the root commits to.
    pub sealed: Arc<Sealed>,
}

impl Proof {
    /// The root that this account and this branch lead to; none if the proof names no pool of the commitment.
    #[must_use]
    pub fn root(&self) -> Option<[u8; 32]> {
        let mut commitment = self.sealed.commitment.clone();
        let own: &mut PoolCommitment = commitment.pools.get_mut(self.pool.position())?;
        own.accounts = self.branch.root(&self.account);
        Some(root_of(&self.sealed, &commitment))
    }
}

/// The trees, and the view that they stand at.
#[derive(Debug, Default)]
pub(crate) struct Prover(Mutex<Option<Followed>>);

#[derive(Debug)]
struct Followed {
    view: Arc<View>,
    trees: Vec<Tree>,
    at: Instant,
}

impl Prover {
    /// A proof of an account after the newest block, or one half a second older; none if there is no such account. The first one
    /// hashes every account, later ones those that have changed.
    pub(crate) fn prove(&self, newest: &Arc<View>, pool: PoolId, id: AccountId) -> Option<Proof> {
        let mut held = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let followed = match held.take() {
            Some(followed) if followed.at.elapsed() < OLDEST && followed.covers(pool, id) => followed,
            before => Followed::from(before, newest),
        };
        let proof = followed.proof(pool, id);
        *held = Some(followed);
        proof
    }
}

impl Followed {
    fn from(before: Option<Self>, newest: &Arc<View>) -> Self {
        let (mut trees, old) = before.map_or((Vec::new(), None), |before| (before.trees, Some(before.view)));
        for (at, own) in newest.pools.iter().enumerate() {
            if trees.len() <= at {
                trees.push(Tree::default());
            }
            let old = old.as_ref().and_then(|view| view.pools.get(at)).map(|own| &own.accounts);
            let find = |position: usize| own.accounts.get(position).map(|account| &**account);
            if let Some(tree) = trees.get_mut(at) {
                tree.follow(changed(old, &own.accounts).into_iter(), find);
            }
        }
        Self { view: Arc::clone(newest), trees, at: Instant::now() }
    }

    fn covers(&self, pool: PoolId, id: AccountId) -> bool {
        self.view.pool(pool).is_some_and(|own| own.account(id).is_some())
    }

    fn proof(&self, pool: PoolId, id: AccountId) -> Option<Proof> {
        let own = self.view.pool(pool)?;
        let account = Account::clone(own.account(id)?);
        let find = |position: usize| own.accounts.get(position).map(|account| &**account);
        let branch = self.trees.get(pool.position())?.branch(id.position(), find)?;
        let sealed = Arc::clone(&self.view.sealed);
        Some(Proof { height: self.view.height, time: self.view.time, pool, id, account, branch, sealed })
    }
}

/// The positions of accounts that are not the same record as before, in order.
fn changed(old: Option<&Vector<Arc<Account>>>, new: &Vector<Arc<Account>>) -> Vec<usize> {
    let Some(old) = old else { return (0..new.len()).collect() };
    let both = old.iter().zip(new).enumerate().filter(|(_, (old, new))| !Arc::ptr_eq(old, new)).map(|(at, _)| at);
    both.chain(old.len()..new.len()).collect()
}

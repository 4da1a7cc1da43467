//! The tree of hashes that commits to a pool's accounts: only the branches of changed accounts are hashed again. The hash is
//! Keccak-256, so that one account's branch is cheap to check on an EVM chain.

use super::{Hash, hash_of, leaf_of};
use crate::commitment::Branch;
use crate::parallel;
use crate::state::Account;
use alloc::vec::Vec;

/// The tag of the hash of two nodes.
const NODE: u8 = 1;

/// The hash of two nodes.
pub(crate) fn node_of(left: &Hash, right: &Hash) -> Hash {
    hash_of(NODE, &[left, right])
}

/// Hashes by level, pairs of accounts first. A node without a sibling moves up unchanged.
///
/// Leaves are not kept: hashing a neighbour again costs less than the memory of a hash for every account.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Hashes the branches of changed accounts again, which come in ascending order. New accounts follow the last without a gap.
    pub fn follow<'a>(
        &mut self,
        changed: impl Iterator<Item = usize>,
        account: impl Fn(usize) -> Option<&'a Account> + Sync,
    ) {
        let mut pairs: Vec<usize> = changed.map(|position| position >> 1).collect();
        pairs.dedup();
        let hashes = parallel::map(&pairs, |pair| hash_of_pair(*pair, &account));
        for (pair, hash) in pairs.iter().zip(hashes) {
            self.put(0, *pair, hash);
        }
        let (mut changed, mut level) = (pairs, 0);
        while self.levels.get(level).is_some_and(|nodes| nodes.len() > 1) {
            changed = self.raise(level, &changed);
            level = level.saturating_add(1);
        }
    }

    /// The way from an account to the root; none if the account is not in the tree. The account's neighbour is asked for.
    #[must_use]
    pub fn branch<'a>(&self, position: usize, account: impl Fn(usize) -> Option<&'a Account>) -> Option<Branch> {
        self.levels.first()?.get(position >> 1)?;
        let mut siblings = Vec::new();
        if let Some(neighbour) = account(position ^ 1) {
            siblings.push((position & 1 == 1, leaf_of(neighbour)));
        }
        let mut at = position >> 1;
        for nodes in &self.levels {
            if let Some(other) = nodes.get(at ^ 1) {
                siblings.push((at & 1 == 1, *other));
            }
            at >>= 1;
        }
        Some(Branch { siblings })
    }

    /// The hash over all accounts; zeros without any.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.levels.iter().find_map(|nodes| nodes.first().filter(|_| nodes.len() == 1)).copied().unwrap_or_default()
    }

    /// Rehashes the parents of changed nodes; answers their positions, in order.
    fn raise(&mut self, level: usize, changed: &[usize]) -> Vec<usize> {
        let mut parents: Vec<usize> = changed.iter().map(|at| at >> 1).collect();
        parents.dedup();
        let nodes = self.levels.get(level).expect("the caller saw this level");
        let hashes = parallel::map(&parents, |parent| {
            let left = nodes.get(parent << 1).copied().expect("a parent has a left child");
            let right = nodes.get((parent << 1) | 1);
            right.map_or(left, |right| node_of(&left, right))
        });
        for (parent, hash) in parents.iter().zip(hashes) {
            self.put(level.saturating_add(1), *parent, hash);
        }
        parents
    }

    fn put(&mut self, level: usize, at: usize, hash: Hash) {
        if self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        let nodes = self.levels.get_mut(level).expect("the level was just made");
        match nodes.get_mut(at) {
            Some(node) => *node = hash,
            None => {
                assert!(nodes.len() == at, "nodes are added from left to right");
                nodes.push(hash);
            }
        }
    }
}

/// The hash over two neighbours, or the leaf of one that has none.
fn hash_of_pair<'a>(pair: usize, account: &impl Fn(usize) -> Option<&'a Account>) -> Hash {
    let left = leaf_of(account(pair << 1).expect("a pair has a left account"));
    account((pair << 1) | 1).map_or(left, |right| node_of(&left, &leaf_of(right)))
}

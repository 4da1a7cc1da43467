//! The tree of hashes that commits to a pool's accounts: only the branches of changed accounts are hashed again. The hash is
//! Keccak-256, so that one account's branch is cheap to check on an EVM chain.

use super::{Hash, hash_of};
use crate::parallel;
use alloc::vec::Vec;

/// The tag of the hash of two nodes.
const NODE: u8 = 1;

/// The hash of two nodes.
pub(super) fn hash_of_nodes(left: &Hash, right: &Hash) -> Hash {
    hash_of(NODE, &[left, right])
}

/// Hashes by level, pairs of accounts first. A node without a sibling moves up unchanged.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Sets pairs, in ascending order, and hashes their branches again. New pairs follow the last without a gap.
    pub(super) fn set(&mut self, pairs: impl Iterator<Item = (usize, Hash)>) {
        let mut changed = Vec::new();
        for (at, pair) in pairs {
            self.put(0, at, pair);
            changed.push(at);
        }
        let mut level = 0;
        while self.levels.get(level).is_some_and(|nodes| nodes.len() > 1) {
            changed = self.raise(level, &changed);
            level = level.saturating_add(1);
        }
    }

    /// The hash over all accounts; zeros without any.
    pub(super) fn root(&self) -> Hash {
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
            right.map_or(left, |right| hash_of_nodes(&left, right))
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

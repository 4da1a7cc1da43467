//! The accounts of a pool, and the tree of hashes that commits to them.
//!
//! Whoever edits an account marks it as touched; the root rehashes touched accounts and their branches only. The hash is
//! Keccak-256, so that one account's branch is cheap to check on an EVM chain.

use crate::state::Account;
use crate::table::{AccountId, Id, Table};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use borsh::io::{Read, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use core::ops::Index;
use sha3::{Digest, Keccak256};

/// A Keccak-256 hash.
pub type Hash = [u8; 32];

/// The hash of something's encoding, with a tag that keeps kinds of nodes apart.
pub(crate) fn hash_of(tag: u8, parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak256::new();
    hasher.update([tag]);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// Accounts by id, with the tree of their hashes.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    table: Table<AccountId, Account>,
    /// The accounts edited since the last root.
    touched: BTreeSet<AccountId>,
    /// Hashes by level, leaves first.
    levels: Vec<Vec<Hash>>,
}

impl Accounts {
    /// Adds an account. The caller has checked that an id is left.
    pub fn push(&mut self, account: Account) -> AccountId {
        let id = self.table.push(account);
        self.touched.insert(id);
        id
    }

    /// The account, if it exists.
    #[must_use]
    pub fn find(&self, id: AccountId) -> Option<&Account> {
        self.table.find(id)
    }

    /// The account, to change it.
    pub fn edit(&mut self, id: AccountId) -> &mut Account {
        self.touched.insert(id);
        &mut self.table[id]
    }

    /// The number of accounts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Ids and accounts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.table.iter()
    }

    /// The ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = AccountId> + use<> {
        self.table.ids()
    }

    /// The root of the tree over all accounts. A node without a sibling moves up unchanged.
    pub(crate) fn root(&mut self) -> Hash {
        let touched = core::mem::take(&mut self.touched);
        let mut changed: BTreeSet<usize> = BTreeSet::new();
        for id in touched {
            let encoded = borsh::to_vec(&self.table[id]).expect("writing to memory succeeds");
            set_node(&mut self.levels, 0, id.position(), hash_of(LEAF, &[&encoded]));
            changed.insert(id.position());
        }
        let mut level = 0;
        while self.levels.get(level).is_some_and(|nodes| nodes.len() > 1) {
            changed = raise(&mut self.levels, level, &changed);
            level = level.saturating_add(1);
        }
        self.levels.get(level).and_then(|nodes| nodes.first()).copied().unwrap_or_default()
    }
}

/// Rehashes the parents of the changed nodes of a level.
fn raise(levels: &mut Vec<Vec<Hash>>, level: usize, changed: &BTreeSet<usize>) -> BTreeSet<usize> {
    let parents: BTreeSet<usize> = changed.iter().map(|at| at >> 1).collect();
    for parent in &parents {
        let nodes = levels.get(level).expect("the caller saw this level");
        let left = nodes.get(parent << 1).copied().expect("a parent has a left child");
        let right = nodes.get((parent << 1) | 1).copied();
        let hash = right.map_or(left, |right| hash_of(NODE, &[&left, &right]));
        set_node(levels, level.saturating_add(1), *parent, hash);
    }
    parents
}

fn set_node(levels: &mut Vec<Vec<Hash>>, level: usize, at: usize, hash: Hash) {
    if levels.len() <= level {
        levels.push(Vec::new());
    }
    let nodes = levels.get_mut(level).expect("the level was just made");
    match nodes.get_mut(at) {
        Some(node) => *node = hash,
        None => {
            assert!(nodes.len() == at, "nodes are added from left to right");
            nodes.push(hash);
        }
    }
}

impl Index<AccountId> for Accounts {
    type Output = Account;
    fn index(&self, id: AccountId) -> &Account {
        &self.table[id]
    }
}

impl PartialEq for Accounts {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Eq for Accounts {}

impl BorshSerialize for Accounts {
    fn serialize<W: Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.table.serialize(writer)
    }
}

impl BorshDeserialize for Accounts {
    fn deserialize_reader<R: Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let table: Table<AccountId, Account> = Table::deserialize_reader(reader)?;
        let touched = table.ids().collect();
        Ok(Self { table, touched, levels: Vec::new() })
    }
}

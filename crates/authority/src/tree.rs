//! A map with a root that is cheap after few changes: 65,536 leaves by the last two bytes of a key, hashed again where something changed.
//!
//! ```text
//! leaf   = Keccak-256(0 ‖ slot ‖ entries in order, each key ‖ value in borsh)            slot: the two bytes, big-endian
//! branch = Keccak-256(1 ‖ first byte ‖ slot and leaf of each that has entries)                        256 leaves with the same first byte
//! root   = Keccak-256(2 ‖ number of entries ‖ first byte and branch of each that has leaves)
//! ```

use borsh::BorshSerialize;
use clearing::command::Key;
use sha3::{Digest, Keccak256};
use std::collections::{BTreeMap, BTreeSet};

type Hash = [u8; 32];

const LEAF: u8 = 0;
const BRANCH: u8 = 1;
const ROOT: u8 = 2;

/// What a leaf is found by.
pub(crate) trait Slotted: Ord + Copy + BorshSerialize {
    /// Two bytes that spread well: the last of the key, since an address has zeros in front.
    fn slot(&self) -> [u8; 2];
    /// The lowest and the highest key of a slot.
    fn ends(slot: [u8; 2]) -> (Self, Self);
}

impl Slotted for Key {
    fn slot(&self) -> [u8; 2] {
        self.0.last_chunk::<2>().copied().unwrap_or_default()
    }

    fn ends(slot: [u8; 2]) -> (Self, Self) {
        let ending = |fill: u8| {
            let mut key = [fill; 32];
            let (_, low) = key.split_at_mut(30);
            low.copy_from_slice(&slot);
            Self(key)
        };
        (ending(0), ending(u8::MAX))
    }
}

/// An owner and a session key: the owner's sessions stand in one leaf.
impl Slotted for (Key, Key) {
    fn slot(&self) -> [u8; 2] {
        self.0.slot()
    }

    fn ends(slot: [u8; 2]) -> (Self, Self) {
        let (low, high) = Key::ends(slot);
        ((low, Key([0; 32])), (high, Key([u8::MAX; 32])))
    }
}

/// A map whose leaves remember their hashes.
#[derive(Clone, Debug)]
pub(crate) struct Tree<K, V> {
    entries: BTreeMap<([u8; 2], K), V>,
    leaves: BTreeMap<[u8; 2], Hash>,
    branches: BTreeMap<u8, Hash>,
    /// Leaves that have changed since the last root.
    changed: BTreeSet<[u8; 2]>,
}

impl<K, V> Default for Tree<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), leaves: BTreeMap::new(), branches: BTreeMap::new(), changed: BTreeSet::new() }
    }
}

impl<K: Slotted, V: BorshSerialize> Tree<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(&(key.slot(), *key))
    }

    /// The entry, to be changed.
    pub(crate) fn edit(&mut self, key: &K) -> Option<&mut V> {
        let entry = self.entries.get_mut(&(key.slot(), *key))?;
        self.changed.insert(key.slot());
        Some(entry)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.changed.insert(key.slot());
        self.entries.insert((key.slot(), key), value)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let removed = self.entries.remove(&(key.slot(), *key))?;
        self.changed.insert(key.slot());
        Some(removed)
    }

    /// Entries of one leaf between two keys of it, both included.
    pub(crate) fn between(&self, low: &K, high: &K) -> impl Iterator<Item = (&K, &V)> {
        let range = (low.slot(), *low)..=(high.slot(), *high);
        self.entries.range(range).map(|((_, key), value)| (key, value))
    }

    /// Every entry, by slot and key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|((_, key), value)| (key, value))
    }

    /// The root of the entries as they are.
    pub(crate) fn root(&mut self) -> Hash {
        let changed = core::mem::take(&mut self.changed);
        for slot in &changed {
            let leaf = self.leaf(*slot);
            put(&mut self.leaves, *slot, leaf);
        }
        let branches: BTreeSet<u8> = changed.iter().map(|[first, _]| *first).collect();
        for first in branches {
            let branch = combine(BRANCH, &[first], self.leaves.range([first, 0]..=[first, u8::MAX]));
            put(&mut self.branches, first, branch);
        }
        let count = u64::try_from(self.entries.len()).expect("a length fits 64 bits").to_le_bytes();
        let branches: Vec<([u8; 1], Hash)> = self.branches.iter().map(|(first, hash)| ([*first], *hash)).collect();
        combine(ROOT, &count, branches.iter().map(|(first, hash)| (first, hash))).unwrap_or_default()
    }

    /// The hash of a leaf; none without entries.
    fn leaf(&self, slot: [u8; 2]) -> Option<Hash> {
        let mut bytes = vec![LEAF];
        bytes.extend(slot);
        let header = bytes.len();
        let (low, high) = K::ends(slot);
        for (key, value) in self.between(&low, &high) {
            borsh::to_writer(&mut bytes, &(key, value)).expect("writing to memory succeeds");
        }
        (bytes.len() > header).then(|| Keccak256::digest(&bytes).into())
    }
}

/// Sets the hash, or takes it away.
fn put<S: Ord>(hashes: &mut BTreeMap<S, Hash>, at: S, hash: Option<Hash>) {
    match hash {
        Some(hash) => _ = hashes.insert(at, hash),
        None => _ = hashes.remove(&at),
    }
}

/// The hash of what stands below; none if nothing does.
fn combine<'a, const N: usize>(
    tag: u8,
    header: &[u8],
    below: impl Iterator<Item = (&'a [u8; N], &'a Hash)>,
) -> Option<Hash> {
    let mut hasher = Keccak256::new();
    hasher.update([tag]);
    hasher.update(header);
    let mut empty = true;
    for (at, hash) in below {
        hasher.update(at);
        hasher.update(hash);
        empty = false;
    }
    (!empty).then(|| hasher.finalize().into())
}

//! Decides what a block is chained with, and how an entry stands in its row.
//!
//! The *chain* begins with the genesis and takes in every block with its height and the state root after it, so that two journals
//! with the same head have the same history. Certificates are outside of it: two validators may hold different ones for the same
//! block. Each row has a *sum* over all of itself, so that a damaged certificate is seen as well.
//!
//! ```text
//! chain₀ = Keccak-256(0 ‖ genesis)
//! chainₙ = Keccak-256(1 ‖ chainₙ₋₁ ‖ height ‖ root ‖ block)
//! sum    = Keccak-256(2 ‖ chain ‖ length of certificate ‖ certificate)
//!
//! a row, integers little-endian:
//!  32  chain │ 32  sum │ 32  root │ 4  length of certificate │ …  certificate │ …  block
//! ```

use sha3::{Digest, Keccak256};

/// A Keccak-256 hash.
pub type Hash = [u8; 32];

const GENESIS: u8 = 0;
const BLOCK: u8 = 1;
const SUM: u8 = 2;
/// Chain, sum, root and the length of the certificate.
const HEAD_BYTES: usize = 32 + 32 + 32 + 4;

/// A block as a journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The block's height: one more than that of the entry before.
    pub height: u64,
    /// The state root after the block.
    pub root: Hash,
    /// Why the block is final, where somebody has to be convinced of it; else empty.
    pub certificate: Vec<u8>,
    /// The block, encoded.
    pub block: Vec<u8>,
}

/// A hash over parts, with a tag that keeps kinds of hashes apart.
pub(crate) fn hash(tag: u8, parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak256::new();
    hasher.update([tag]);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// The chain before the first block.
#[must_use]
pub fn chain_of_genesis(genesis: &[u8]) -> Hash {
    hash(GENESIS, &[genesis])
}

impl Entry {
    /// The chain after this entry.
    #[must_use]
    pub fn chain(&self, before: &Hash) -> Hash {
        hash(BLOCK, &[before, &self.height.to_le_bytes(), &self.root, &self.block])
    }

    /// The row in which the entry is kept.
    pub(crate) fn to_row(&self, chain: &Hash) -> Vec<u8> {
        let length = u32::try_from(self.certificate.len()).expect("the length of a certificate is checked before");
        let mut row = Vec::with_capacity(HEAD_BYTES + self.certificate.len() + self.block.len());
        row.extend(chain);
        row.extend(sum_of(chain, &self.certificate));
        row.extend(self.root);
        row.extend(length.to_le_bytes());
        row.extend(&self.certificate);
        row.extend(&self.block);
        row
    }
}

fn sum_of(chain: &Hash, certificate: &[u8]) -> Hash {
    hash(SUM, &[chain, &(certificate.len() as u64).to_le_bytes(), certificate])
}

/// A row as it was read, whose parts may contradict each other.
pub(crate) struct Row {
    pub(crate) chain: Hash,
    sum: Hash,
    entry: Entry,
}

impl Row {
    /// None if the row is too short to be one.
    pub(crate) fn read(height: u64, bytes: &[u8]) -> Option<Self> {
        let (chain, rest) = bytes.split_first_chunk::<32>()?;
        let (sum, rest) = rest.split_first_chunk::<32>()?;
        let (root, rest) = rest.split_first_chunk::<32>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (certificate, block) = rest.split_at_checked(length)?;
        let entry = Entry { height, root: *root, certificate: certificate.to_vec(), block: block.to_vec() };
        Some(Self { chain: *chain, sum: *sum, entry })
    }

    /// The state root that the row names.
    pub(crate) fn root(&self) -> Hash {
        self.entry.root
    }

    /// The entry, if it is whole and comes after this chain.
    pub(crate) fn after(self, before: &Hash) -> Option<Entry> {
        let whole = self.entry.chain(before) == self.chain && sum_of(&self.chain, &self.entry.certificate) == self.sum;
        whole.then_some(self.entry)
    }
}

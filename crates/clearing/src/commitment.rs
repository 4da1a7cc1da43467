//! What the state root commits to, in parts, so that one account is shown to be in it by a few hundred bytes.
//!
//! ```text
//! root     = K( 02 | header | K( 06 | feeds ) | pool 0 | pool 1 | … )
//! pool     = K( 03 | K( 06 | every field but the accounts ) | accounts )
//! accounts = a tree over K( 00 | account ), nodes K( 01 | left | right ), a node without a sibling moves up unchanged
//! ```
//!
//! K is Keccak-256, so that a contract on an EVM chain checks a proof with a hash a level (`docs/decisions/0021-proofs.md`).

use crate::accounts::{Hash, hash_of, leaf_of, node_of};
use crate::state::{Account, Pool, State};
use alloc::vec::Vec;

const STATE: u8 = 2;
const POOL: u8 = 3;
const PART: u8 = 6;

/// The parts of a state root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commitment {
    /// Height, time, governance, custodian and reserve, encoded.
    pub header: Vec<u8>,
    /// The hash of the feeds.
    pub feeds: Hash,
    /// The pools, by id.
    pub pools: Vec<PoolCommitment>,
}

/// The parts of a pool's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolCommitment {
    /// The hash of every field but the accounts.
    pub rest: Hash,
    /// The root of the tree over its accounts.
    pub accounts: Hash,
}

impl Commitment {
    /// What a state commits to. Hashes the accounts that have changed since the last time, and no others.
    pub(crate) fn of(state: &mut State) -> Self {
        let encode = |part: borsh::io::Result<Vec<u8>>| part.expect("writing to memory succeeds");
        let mut pools = Vec::with_capacity(state.pools.len());
        for id in state.pools.ids() {
            let pool = &mut state.pools[id];
            let accounts = pool.accounts.root();
            pools.push(PoolCommitment { rest: hash_of(PART, &[&encode(encode_without_accounts(pool))]), accounts });
        }
        let header = (state.height, state.time, state.governance, state.custodian, state.reserve);
        let feeds = hash_of(PART, &[&encode(borsh::to_vec(&state.feeds))]);
        Self { header: encode(borsh::to_vec(&header)), feeds, pools }
    }

    /// The state root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let pools: Vec<u8> = self.pools.iter().flat_map(PoolCommitment::hash).collect();
        hash_of(STATE, &[&self.header, &self.feeds, &pools])
    }
}

impl PoolCommitment {
    /// The pool's hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_of(POOL, &[&self.rest, &self.accounts])
    }
}

/// The way from an account to the root over its pool's accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// From the leaf upwards: the other child, and whether it is the left one. Levels without another child are left out.
    pub siblings: Vec<(bool, Hash)>,
}

impl Branch {
    /// The root over the accounts of the pool in which this account stands at the end of this branch.
    #[must_use]
    pub fn root(&self, account: &Account) -> Hash {
        let up = |below: Hash, (is_left, other): &(bool, Hash)| {
            if *is_left { node_of(other, &below) } else { node_of(&below, other) }
        };
        self.siblings.iter().fold(leaf_of(account), up)
    }
}

/// Every field of a pool but the accounts, in order.
fn encode_without_accounts(pool: &Pool) -> borsh::io::Result<Vec<u8>> {
    let Pool {
        name,
        owner,
        parameters,
        pending,
        instruments,
        accounts: _,
        own_capital,
        fees,
        rounding,
        prepaid,
        tranche,
        line,
        custody,
        bids,
        stresses,
        correlations,
        matrices,
        fund,
        claims,
        paid_at,
        interval_gone,
        converting,
        carried,
        winding_down,
        watch: _,
        now: _,
        order_screen: _,
        loans: _,
        guards: _,
    } = pool;
    let mut bytes = borsh::to_vec(&(name, owner, parameters, pending, instruments))?;
    bytes.extend(borsh::to_vec(&(own_capital, fees, rounding, prepaid, tranche, line, custody, bids))?);
    bytes.extend(borsh::to_vec(&(stresses, correlations, matrices, fund, claims, paid_at, interval_gone))?);
    bytes.extend(borsh::to_vec(&(converting, carried, winding_down))?);
    Ok(bytes)
}

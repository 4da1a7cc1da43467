//! An account with what shows that it is in the state root.

use super::Shared;
use super::fault::Fault;
use super::read::Params;
use super::show::hex;
use super::types::Failure;
use crate::prover::Proof;
use axum::Json;
use axum::extract::{Path, State};
use clearing::table::{AccountId, PoolId};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// An account, and the hashes that lead from it to the state root. With K = Keccak-256 and `|` for bytes one after the other: begin with
/// K(00 | account); at each sibling take K(01 | sibling | hash) if it is the left one, else K(01 | hash | sibling); that is the
/// root of the pool's accounts. The pool is K(03 | poolRest | accounts) and stands in `pools` at its id. The core is
/// K(02 | header | feeds | pool 0 | pool 1 | …), and the state root K(05 | network | allowance | gate | core | events as 8 bytes,
/// little-endian).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProofView {
    /// The height of the block after which this holds.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The root after it.
    pub state_root: String,
    /// The pool.
    pub pool: u16,
    /// The account's id in it.
    pub id: u32,
    /// The account, borsh.
    pub account: String,
    /// From the leaf upwards.
    pub siblings: Vec<SiblingView>,
    /// The hash of everything in the pool but its accounts.
    pub pool_rest: String,
    /// The pools' hashes, by id.
    pub pools: Vec<String>,
    /// The hash of the feeds.
    pub feeds: String,
    /// Height, time, governance, custodian and reserve, borsh.
    pub header: String,
    /// The hash of the genesis.
    pub network: String,
    /// How many newcomers may come, borsh.
    pub allowance: String,
    /// The root of nonces and sessions.
    pub gate: String,
    /// How many events there have been.
    pub events: u64,
}

/// The other child of a node.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SiblingView {
    /// Whether it is the left one.
    pub left: bool,
    /// Its hash.
    pub hash: String,
}

/// An account with a proof that it is in the state root.
#[utoipa::path(get, path = "/v1/pools/{pool}/accounts/{account}/proof",
    params(("pool" = u16, Path), ("account" = u32, Path)),
    responses((status = 200, body = ProofView), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn proof(
    State(shared): State<Arc<Shared>>,
    ids: Params<(u16, u32)>,
) -> Result<Json<ProofView>, Fault> {
    let Path((pool, account)) = ids?;
    // Following the accounts may take a while, and one request waits for another: not on the threads that serve connections.
    let found = tokio::task::spawn_blocking(move || {
        let view = shared.view();
        view.pool(PoolId(pool)).ok_or_else(|| Fault::not_found("pool"))?;
        shared.prover.prove(&view, PoolId(pool), AccountId(account)).ok_or_else(|| Fault::not_found("account"))
    });
    let proof = found.await.map_err(|_| Fault::not_found("answer"))??;
    shown(&proof).map(Json).ok_or_else(|| Fault::not_found("pool"))
}

fn shown(proof: &Proof) -> Option<ProofView> {
    let sealed = &*proof.sealed;
    let own = sealed.commitment.pools.get(usize::from(proof.pool.0))?;
    Some(ProofView {
        height: proof.height,
        time: proof.time.get(),
        state_root: hex(&proof.root()?),
        pool: proof.pool.0,
        id: proof.id.0,
        account: hex(&borsh::to_vec(&proof.account).ok()?),
        siblings: proof
            .branch
            .siblings
            .iter()
            .map(|(left, hash)| SiblingView { left: *left, hash: hex(hash) })
            .collect(),
        pool_rest: hex(&own.rest),
        pools: sealed.commitment.pools.iter().map(|pool| hex(&pool.hash())).collect(),
        feeds: hex(&sealed.commitment.feeds),
        header: hex(&sealed.commitment.header),
        network: hex(&sealed.network),
        allowance: hex(&sealed.allowance),
        gate: hex(&sealed.gate),
        events: sealed.events,
    })
}

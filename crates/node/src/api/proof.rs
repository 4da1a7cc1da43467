//! An account with what shows that it is in the state root.

use super::Shared;
use super::fault::Fault;
use super::read::Params;
use crate::prover::Proof;
use axum::Json;
use axum::extract::{Path, State};
use clearing::table::{AccountId, PoolId};
use protocol::answers::{ProofView, SiblingView};
use protocol::hex::hex;
use protocol::shapes::Failure;
use std::sync::Arc;

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

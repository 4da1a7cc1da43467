//! What an account has traded, and what funding has been paid: from the events of the last hour.

use super::Shared;
use super::fault::Fault;
use super::read::{Asked, MOST, Params, USUAL, pool_of};
use super::show::Shown;
use crate::view::{BlockRecord, View};
use axum::Json;
use axum::extract::{Path, Query, State};
use clearing::event::Event;
use clearing::table::{AccountId, InstrumentId, PoolId};
use protocol::answers::{FillView, Fills, Funding, FundingView};
use protocol::decimal::{price, quantity, ratio, usd};
use protocol::shapes::Failure;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which page, newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Before {
    /// Only events with a lower sequence number.
    before: Option<u64>,
    /// Most entries, at most 1,000.
    limit: Option<usize>,
}

/// An event where it stands.
struct Stands<'a> {
    block: &'a BlockRecord,
    sequence: u64,
    event: &'a Event,
}

/// The newest events of a kind, and what to ask for next.
fn newest<'a>(view: &'a View, page: &Before, wanted: impl Fn(&Event) -> bool) -> (Vec<Stands<'a>>, Option<u64>) {
    let limit = page.limit.unwrap_or(USUAL).clamp(1, MOST);
    let before = page.before.unwrap_or(u64::MAX);
    let blocks = view.blocks.iter().rev().filter(|block| block.first_event < before);
    let all = blocks.flat_map(|block| {
        let events = block.events.iter().enumerate().rev();
        events.map(|(at, event)| Stands { block, sequence: block.first_event + at as u64, event })
    });
    let mut found: Vec<Stands<'a>> =
        all.filter(|own| own.sequence < before && wanted(own.event)).take(limit + 1).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|own| own.sequence);
    (found, next)
}

fn name_of(shown: Shown<'_>, pool: PoolId, instrument: InstrumentId) -> String {
    let listed = shown.view.pool(pool).and_then(|own| own.pool.instruments.find(instrument));
    listed.map(|listed| listed.name.clone()).unwrap_or_default()
}

/// The fills of an account in the last hour, newest first.
#[utoipa::path(get, path = "/v1/pools/{pool}/accounts/{account}/fills",
    params(("pool" = u16, Path), ("account" = u32, Path), Before),
    responses((status = 200, body = Fills), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn fills(
    State(shared): State<Arc<Shared>>,
    ids: Params<(u16, u32)>,
    page: Asked<Before>,
) -> Result<Json<Fills>, Fault> {
    let (Path((pool, account)), Query(page), view) = (ids?, page?, shared.view());
    let (pool, account) = (PoolId(pool), AccountId(account));
    pool_of(&view, pool.0)?.account(account).ok_or_else(|| Fault::not_found("account"))?;
    // An hour of a busy market is long: not on the threads that serve connections.
    let answer = tokio::task::spawn_blocking(move || {
        let shown = shared.shown(&view);
        let is_own = |event: &Event| matches!(event, Event::Filled { pool: in_pool, account: of, .. } if (*in_pool, *of) == (pool, account));
        let (found, next) = newest(&view, &page, is_own);
        Fills { fills: found.iter().filter_map(|own| fill(shown, own)).collect(), next }
    });
    answer.await.map(Json).map_err(|_| Fault::not_found("answer"))
}

fn fill(shown: Shown<'_>, own: &Stands<'_>) -> Option<FillView> {
    let Event::Filled { pool, instrument, quantity: lots, price: quanta, fee, forced, .. } = own.event else {
        return None;
    };
    let places = shown.places_in(*pool, *instrument);
    Some(FillView {
        sequence: own.sequence,
        height: own.block.height,
        time: own.block.time.get(),
        instrument: instrument.0,
        name: name_of(shown, *pool, *instrument),
        quantity: quantity(*lots, places),
        price: price(*quanta, places),
        fee: usd(*fee),
        forced: *forced,
    })
}

/// The payments of funding in a pool in the last hour, newest first.
#[utoipa::path(get, path = "/v1/pools/{pool}/funding", params(("pool" = u16, Path), Before),
    responses((status = 200, body = Funding), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn funding(
    State(shared): State<Arc<Shared>>,
    id: Params<u16>,
    page: Asked<Before>,
) -> Result<Json<Funding>, Fault> {
    let (Path(id), Query(page), view) = (id?, page?, shared.view());
    pool_of(&view, id)?;
    let answer = tokio::task::spawn_blocking(move || {
        let shown = shared.shown(&view);
        let is_own = |event: &Event| matches!(event, Event::FundingPaid { pool, .. } if pool.0 == id);
        let (found, next) = newest(&view, &page, is_own);
        Funding { funding: found.iter().filter_map(|own| payment(shown, own)).collect(), next }
    });
    answer.await.map(Json).map_err(|_| Fault::not_found("answer"))
}

fn payment(shown: Shown<'_>, own: &Stands<'_>) -> Option<FundingView> {
    let Event::FundingPaid { pool, instrument, rate } = own.event else { return None };
    Some(FundingView {
        sequence: own.sequence,
        height: own.block.height,
        time: own.block.time.get(),
        instrument: instrument.0,
        name: name_of(shown, *pool, *instrument),
        rate: ratio(*rate),
    })
}

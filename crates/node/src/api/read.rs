//! Handlers that read a view.

use super::Shared;
use super::amounts::key_of;
use super::event::kind;
use super::fault::Fault;
use crate::view::{PoolView, Sample, View};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use clearing::command::Key;
use clearing::margin;
use clearing::table::{AccountId, FeedId, Id, InstrumentId, PoolId};
use clearing::units::Ratio;
use protocol::answers::{
    AccountAnswer, Accounts, Blocks, Events, Feeds, Markets, PoolAnswer, PoolHistory, Pools, PriceHistory,
};
use protocol::decimal::{price, usd};
use protocol::hex::hex;
use protocol::shapes::{BlockTimes, BlockView, BookView, Failure, IntakeStatus, LastBlock, Status};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use utoipa::IntoParams;

/// Most entries of a page.
pub(super) const MOST: usize = 1_000;
/// Entries of a page where the request does not say.
pub(super) const USUAL: usize = 50;
/// Blocks that the block times are taken over.
const TIMED_BLOCKS: usize = 1_000;
/// The time over which commands are counted, ms.
const COUNTED_MS: i64 = 10_000;

pub(super) type Params<T> = Result<Path<T>, PathRejection>;
pub(super) type Asked<T> = Result<Query<T>, QueryRejection>;

/// The id of the pool at a place.
pub(super) fn pool_id(at: usize) -> PoolId {
    PoolId::at(at).expect("pools are bounded")
}

/// Microseconds as milliseconds.
pub(super) fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

pub(super) fn pool_of(view: &View, id: u16) -> Result<&PoolView, Fault> {
    view.pool(PoolId(id)).ok_or_else(|| Fault::not_found("pool"))
}

/// Where the node stands.
#[utoipa::path(get, path = "/v1/status", responses((status = 200, body = Status)))]
pub(super) async fn status(State(shared): State<Arc<Shared>>) -> Json<Status> {
    let view = shared.view();
    let (urgent_waiting, waiting) = shared.intake.lanes().lengths();
    let capacity = shared.intake.lanes().capacity();
    let counts = shared.intake.counts();
    let last = view.blocks.back();
    let domain = shared.intake.domain();
    Json(Status {
        height: view.height,
        time: view.time.get(),
        network: hex(&domain.network),
        chain_id: domain.chain_id,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: if shared.about.is_dev { "dev" } else { "live" }.to_owned(),
        block_interval_ms: u64::try_from(shared.pace.interval.as_millis()).unwrap_or(u64::MAX),
        uptime_ms: u64::try_from(shared.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        state_root: hex(&view.root),
        intake: IntakeStatus {
            waiting,
            capacity,
            urgent_waiting,
            urgent_capacity: capacity,
            accepted: counts.accepted.load(Ordering::Relaxed),
            refused: counts.refused.load(Ordering::Relaxed),
            busy: counts.busy.load(Ordering::Relaxed),
        },
        last_block: LastBlock {
            commands: last.map_or(0, |block| block.commands),
            rejections: last.map_or(0, |block| block.rejections),
            refusals: last.map_or(0, |block| block.refusals),
            apply_ms: last.map_or(0.0, |block| ms(block.took_us)),
        },
        block_ms: block_times(&view),
        commands_per_second: commands_per_second(&view),
    })
}

fn block_times(view: &View) -> BlockTimes {
    let mut times: Vec<u64> = view.blocks.iter().rev().take(TIMED_BLOCKS).map(|block| block.took_us).collect();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len().saturating_sub(1) * share / 100).map_or(0.0, |us| ms(*us));
    BlockTimes { p50: at(50), p99: at(99), max: at(100) }
}

fn commands_per_second(view: &View) -> f64 {
    let since = view.time.get() - COUNTED_MS;
    let recent = view.blocks.iter().rev().take_while(|block| block.time.get() > since);
    recent.map(|block| block.commands).sum::<usize>() as f64 / (COUNTED_MS as f64 / 1e3)
}

/// Every pool.
#[utoipa::path(get, path = "/v1/pools", responses((status = 200, body = Pools)))]
pub(super) async fn pools(State(shared): State<Arc<Shared>>) -> Json<Pools> {
    let view = shared.view();
    let shown = shared.shown(&view);
    let pools = view.pools.iter().enumerate().map(|(at, own)| shown.pool(pool_id(at), own)).collect();
    Json(Pools { height: view.height, time: view.time.get(), pools })
}

/// One pool.
#[utoipa::path(get, path = "/v1/pools/{pool}", params(("pool" = u16, Path)),
    responses((status = 200, body = PoolAnswer), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn pool(State(shared): State<Arc<Shared>>, id: Params<u16>) -> Result<Json<PoolAnswer>, Fault> {
    let (Path(id), view) = (id?, shared.view());
    let pool = shared.shown(&view).pool(PoolId(id), pool_of(&view, id)?);
    Ok(Json(PoolAnswer { height: view.height, time: view.time.get(), pool }))
}

/// The markets of a pool.
#[utoipa::path(get, path = "/v1/pools/{pool}/markets", params(("pool" = u16, Path)),
    responses((status = 200, body = Markets), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn markets(State(shared): State<Arc<Shared>>, id: Params<u16>) -> Result<Json<Markets>, Fault> {
    let (Path(id), view) = (id?, shared.view());
    let (own, shown) = (pool_of(&view, id)?, shared.shown(&view));
    let markets = own.pool.instruments.iter().map(|(id, listed)| shown.market(own, id, listed)).collect();
    Ok(Json(Markets { height: view.height, time: view.time.get(), markets }))
}

/// The resting orders of an instrument after its last auction.
#[utoipa::path(get, path = "/v1/pools/{pool}/markets/{instrument}/book",
    params(("pool" = u16, Path), ("instrument" = u16, Path)),
    responses((status = 200, body = BookView), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn book(State(shared): State<Arc<Shared>>, ids: Params<(u16, u16)>) -> Result<Json<BookView>, Fault> {
    let (Path((pool, instrument)), view) = (ids?, shared.view());
    let (own, id) = (pool_of(&view, pool)?, InstrumentId(instrument));
    own.pool.instruments.find(id).ok_or_else(|| Fault::not_found("instrument"))?;
    Ok(Json(shared.shown(&view).book(own, id)))
}

/// Which page of accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountPage {
    /// The account before the page: its id, or with `order=risk` how many come before it.
    after: Option<u32>,
    /// Most accounts, at most 1,000.
    limit: Option<usize>,
    /// `id`, or `risk` for the highest margin ratio first.
    #[param(pattern = "^(id|risk)$")]
    order: Option<String>,
    /// Only accounts of this owner: an address, or a key as accounts show it.
    #[param(pattern = "^(0x)?([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")]
    owner: Option<String>,
}

/// The accounts of a pool, page by page.
#[utoipa::path(get, path = "/v1/pools/{pool}/accounts", params(("pool" = u16, Path), AccountPage),
    responses((status = 200, body = Accounts), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn accounts(
    State(shared): State<Arc<Shared>>,
    id: Params<u16>,
    page: Asked<AccountPage>,
) -> Result<Json<Accounts>, Fault> {
    let (Path(id), Query(page), view) = (id?, page?, shared.view());
    pool_of(&view, id)?;
    let limit = page.limit.unwrap_or(USUAL).clamp(1, MOST);
    let by_risk = match page.order.as_deref() {
        None | Some("id") => false,
        Some("risk") => true,
        Some(other) => return Err(Fault::not_valid(format!("order: found {other:?}, allowed id or risk"))),
    };
    let owner = page.owner.as_deref().map(|text| key_of("owner", text)).transpose()?;
    // Ranking and looking for an owner ask everybody: not on the threads that serve connections.
    let found = tokio::task::spawn_blocking(move || {
        let own = pool_of(&view, id)?;
        let page_of = if by_risk { page_by_risk } else { page_by_id };
        let (ids, next) = page_of(own, page.after, limit, owner);
        let shown = shared.shown(&view);
        let accounts = ids.iter().filter_map(|id| Some(shown.account(own, *id, own.account(*id)?))).collect();
        Ok(Accounts { height: view.height, time: view.time.get(), accounts, next })
    });
    found.await.map_err(|_| Fault::not_found("answer"))?.map(Json)
}

fn page_by_id(own: &PoolView, after: Option<u32>, limit: usize, owner: Option<Key>) -> (Vec<AccountId>, Option<u32>) {
    let from = after.map_or(0, |after| after.saturating_add(1));
    let count = u32::try_from(own.accounts.len()).unwrap_or(u32::MAX);
    let is_wanted = |id: &AccountId| owner.is_none() || own.account(*id).is_some_and(|held| owner == Some(held.owner));
    let mut wanted = (from..count).map(AccountId).filter(is_wanted);
    let ids: Vec<AccountId> = wanted.by_ref().take(limit).collect();
    let next = wanted.next().and(ids.last()).map(|last| last.0);
    (ids, next)
}

/// The nearest to a breach first: under liquidation, then without equity, then by margin ratio.
fn page_by_risk(own: &PoolView, after: Option<u32>, limit: usize, owner: Option<Key>) -> (Vec<AccountId>, Option<u32>) {
    let pool = &*own.pool;
    let risk = |(at, account): (usize, &Arc<clearing::state::Account>)| {
        let id = AccountId::at(at)?;
        let positions = account.positions.as_slice();
        let equity = margin::equity(&pool.matrices, account.cash, positions);
        let maintenance = margin::maintenance_margin(pool, account.cash, positions);
        let ratio = super::show::margin_ratio(equity, maintenance);
        let bankrupt = ratio.is_none() && !positions.is_empty();
        let liquidating = super::show::standing(account) == "Liquidating";
        Some(((liquidating, bankrupt, ratio.unwrap_or(Ratio::ZERO)), id))
    };
    let mut ranked: Vec<_> = own
        .accounts
        .iter()
        .enumerate()
        .filter(|(_, held)| owner.is_none_or(|owner| held.owner == owner))
        .filter_map(risk)
        .collect();
    ranked.sort_by(|(left, one), (right, other)| right.cmp(left).then(one.cmp(other)));
    let skipped = after.map_or(0, |after| after as usize);
    let page: Vec<AccountId> = ranked.iter().skip(skipped).take(limit).map(|(_, id)| *id).collect();
    let seen = skipped.saturating_add(page.len());
    let next = (seen < ranked.len()).then(|| u32::try_from(seen).ok()).flatten();
    (page, next)
}

/// An account with positions, orders and stressed equity.
#[utoipa::path(get, path = "/v1/pools/{pool}/accounts/{account}", params(("pool" = u16, Path), ("account" = u32, Path)),
    responses((status = 200, body = AccountAnswer), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn account(
    State(shared): State<Arc<Shared>>,
    ids: Params<(u16, u32)>,
) -> Result<Json<AccountAnswer>, Fault> {
    let (Path((pool, account)), view) = (ids?, shared.view());
    // Liquidation prices are searched for: not on the threads that serve connections.
    let found = tokio::task::spawn_blocking(move || {
        let (own, id) = (pool_of(&view, pool)?, AccountId(account));
        let held = own.account(id).ok_or_else(|| Fault::not_found("account"))?;
        let account = shared.shown(&view).account_in_full(own, id, held);
        Ok(AccountAnswer { height: view.height, time: view.time.get(), account })
    });
    found.await.map_err(|_| Fault::not_found("answer"))?.map(Json)
}

/// Every feed with its publishers.
#[utoipa::path(get, path = "/v1/feeds", responses((status = 200, body = Feeds)))]
pub(super) async fn feeds(State(shared): State<Arc<Shared>>) -> Json<Feeds> {
    let view = shared.view();
    let shown = shared.shown(&view);
    let feeds = view.feeds.iter().map(|(id, feed)| shown.feed(id, feed)).collect();
    Json(Feeds { height: view.height, time: view.time.get(), feeds })
}

/// Which page of blocks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BlockPage {
    /// Only blocks below this height.
    before: Option<u64>,
    /// Most blocks, at most 1,000.
    limit: Option<usize>,
}

/// The last blocks, newest first.
#[utoipa::path(get, path = "/v1/blocks", params(BlockPage),
    responses((status = 200, body = Blocks), (status = 400, body = Failure)))]
pub(super) async fn blocks(State(shared): State<Arc<Shared>>, page: Asked<BlockPage>) -> Result<Json<Blocks>, Fault> {
    let (Query(page), view) = (page?, shared.view());
    let limit = page.limit.unwrap_or(USUAL).clamp(1, MOST);
    let before = page.before.unwrap_or(u64::MAX);
    let mut older = view.blocks.iter().rev().skip_while(|block| block.height >= before).peekable();
    let blocks: Vec<BlockView> = older
        .by_ref()
        .take(limit)
        .map(|block| BlockView {
            height: block.height,
            time: block.time.get(),
            state_root: hex(&block.root),
            commands: block.commands,
            rejections: block.rejections,
            refusals: block.refusals,
            events: block.events.len(),
            first_event: block.first_event,
            apply_ms: ms(block.took_us),
        })
        .collect();
    let next = older.peek().and(blocks.last()).map(|block| block.height);
    Ok(Json(Blocks { blocks, next }))
}

/// Kinds of events that somebody wants: all, or those named.
#[derive(Debug)]
pub(super) struct Kinds(Option<BTreeSet<String>>);

impl Kinds {
    /// Reads `A,B`.
    pub(super) fn parse(text: Option<&str>) -> Self {
        let names = |text: &str| text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Self(text.map(names))
    }

    /// Whether a kind is wanted.
    pub(super) fn include(&self, kind: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.contains(kind))
    }
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventPage {
    /// Only events with a higher sequence number; without it, the newest.
    after: Option<u64>,
    /// Most events, at most 1,000.
    limit: Option<usize>,
    /// Only these kinds, separated by commas.
    kinds: Option<String>,
}

/// What happened, oldest first.
#[utoipa::path(get, path = "/v1/events", params(EventPage),
    responses((status = 200, body = Events), (status = 400, body = Failure)))]
pub(super) async fn events(State(shared): State<Arc<Shared>>, page: Asked<EventPage>) -> Result<Json<Events>, Fault> {
    let (Query(page), view) = (page?, shared.view());
    let limit = page.limit.unwrap_or(USUAL).clamp(1, MOST);
    let kinds = Kinds::parse(page.kinds.as_deref());
    let shown = shared.shown(&view);
    let wanted = |(block, at): &(&Arc<crate::view::BlockRecord>, usize)| {
        block.events.get(*at).is_some_and(|event| kinds.include(&kind(event)))
    };
    let found: Vec<_> = if let Some(after) = page.after {
        let from = after.saturating_add(1);
        let places = view.blocks_from(from).flat_map(|block| {
            let skipped = usize::try_from(from.saturating_sub(block.first_event)).unwrap_or(usize::MAX);
            (skipped..block.events.len()).map(move |at| (block, at))
        });
        places.filter(wanted).take(limit).collect()
    } else {
        let places =
            view.blocks.iter().rev().flat_map(|block| (0..block.events.len()).rev().map(move |at| (block, at)));
        let mut newest: Vec<_> = places.filter(wanted).take(limit).collect();
        newest.reverse();
        newest
    };
    let events = found.into_iter().filter_map(|(block, at)| shown.event(block, at)).collect();
    Ok(Json(Events { events, first: view.oldest_event(), next: view.events }))
}

/// Whose history, and how fine.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PriceSpan {
    /// The feed.
    feed: u16,
    /// Most points, at most 1,000.
    points: Option<usize>,
}

/// The prices of a feed in the last hour, thinned.
#[utoipa::path(get, path = "/v1/history/prices", params(PriceSpan),
    responses((status = 200, body = PriceHistory), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn price_history(
    State(shared): State<Arc<Shared>>,
    span: Asked<PriceSpan>,
) -> Result<Json<PriceHistory>, Fault> {
    let (Query(span), view) = (span?, shared.view());
    let id = FeedId(span.feed);
    let feed = view.feeds.find(id).ok_or_else(|| Fault::not_found("feed"))?;
    let places = shared.about.places.of(&feed.name);
    let point = |sample: &Sample| {
        let (index, slow, confidence) = sample.feeds.get(id.position())?;
        Some((sample.time.get(), price(*index, places), price(*slow, places), price(*confidence, places)))
    };
    let points = thinned(&view, span.points).filter_map(|sample| point(sample)).collect();
    Ok(Json(PriceHistory { feed: span.feed, points }))
}

/// Whose history, and how fine.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PoolSpan {
    /// The pool.
    pool: u16,
    /// Most points, at most 1,000.
    points: Option<usize>,
}

/// The fund and the liquidations of a pool in the last hour, thinned.
#[utoipa::path(get, path = "/v1/history/pools", params(PoolSpan),
    responses((status = 200, body = PoolHistory), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn pool_history(
    State(shared): State<Arc<Shared>>,
    span: Asked<PoolSpan>,
) -> Result<Json<PoolHistory>, Fault> {
    let (Query(span), view) = (span?, shared.view());
    pool_of(&view, span.pool)?;
    let point = |sample: &Sample| {
        let (fund, liquidating, notional) = sample.pools.get(usize::from(span.pool))?;
        Some((sample.time.get(), usd(*fund), *liquidating, usd(*notional)))
    };
    let points = thinned(&view, span.points).filter_map(|sample| point(sample)).collect();
    Ok(Json(PoolHistory { pool: span.pool, points }))
}

/// Every so manieth sample, the newest among them.
fn thinned(view: &View, points: Option<usize>) -> impl Iterator<Item = &Arc<Sample>> {
    let points = points.unwrap_or(600).clamp(1, MOST);
    let step = view.samples.len().div_ceil(points).max(1);
    let offset = view.samples.len().saturating_sub(1) % step;
    view.samples.iter().skip(offset).step_by(step)
}

/// Whether the process answers.
#[utoipa::path(get, path = "/health", responses((status = 200, body = String)))]
pub(super) async fn health() -> &'static str {
    "ok"
}

/// Whether the node takes commands.
#[utoipa::path(get, path = "/ready", responses((status = 200, body = String), (status = 503, body = String)))]
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    if shared.intake.lanes().is_closed() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else {
        (StatusCode::OK, "ready")
    }
}

//! Live: blocks as they come, and every event once, in order, from where the reader was.

use super::Shared;
use super::event::kind;
use super::fault::Fault;
use super::read::Kinds;
use crate::view::View;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two block messages.
const BLOCK_EVERY: Duration = Duration::from_millis(250);
/// Events that are sent before the connection is looked at again.
const EVENTS_AT_ONCE: usize = 500;
/// The longest message that a reader may send: nothing but pings and goodbyes is expected.
const MAX_MESSAGE: usize = 1024;

#[derive(Debug, Deserialize)]
pub(super) struct From {
    after: Option<u64>,
    kinds: Option<String>,
}

/// `GET /v1/stream?after=SEQUENCE&kinds=A,B` as a WebSocket.
pub(super) async fn stream(
    State(shared): State<Arc<Shared>>,
    from: Result<Query<From>, QueryRejection>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Fault> {
    let Query(from) = from?;
    let kinds = Kinds::parse(from.kinds.as_deref());
    let place = shared.used.stream()?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    Ok(upgrade.on_upgrade(async move |socket| {
        serve(shared, socket, from.after, kinds).await;
        drop(place);
    }))
}

/// Sends until somebody hangs up.
async fn serve(shared: Arc<Shared>, mut socket: WebSocket, after: Option<u64>, kinds: Kinds) {
    let mut heights = shared.published.height.clone();
    let mut next = after.map_or_else(|| shared.view().events, |after| after.saturating_add(1));
    let mut last_block: Option<Instant> = None;
    loop {
        let view = shared.view();
        if next < view.oldest_event() {
            next = view.oldest_event();
            if send(&mut socket, &json!({ "type": "gap", "first": next })).await.is_none() {
                return;
            }
        }
        if send_events(&shared, &view, &mut socket, &mut next, &kinds).await.is_none() {
            return;
        }
        if last_block.is_none_or(|sent| sent.elapsed() >= BLOCK_EVERY) {
            last_block = Some(Instant::now());
            if send(&mut socket, &block_message(&shared, &view)).await.is_none() {
                return;
            }
        }
        if next < view.events {
            continue;
        }
        tokio::select! {
            changed = heights.changed() => if changed.is_err() { return },
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => (),
            },
        }
    }
}

/// Sends events from `next` on, at most so many at once.
async fn send_events(
    shared: &Shared,
    view: &View,
    socket: &mut WebSocket,
    next: &mut u64,
    kinds: &Kinds,
) -> Option<()> {
    let shown = shared.shown(view);
    let mut messages = Vec::new();
    'blocks: for block in view.blocks_from(*next) {
        let skipped = usize::try_from(next.saturating_sub(block.first_event)).unwrap_or(usize::MAX);
        for at in skipped..block.events.len() {
            if messages.len() == EVENTS_AT_ONCE {
                break 'blocks;
            }
            *next = block.first_event + at as u64 + 1;
            if block.events.get(at).is_some_and(|event| kinds.include(&kind(event))) {
                messages.push(json!({ "type": "event", "event": shown.event(block, at) }));
            }
        }
    }
    for message in &messages {
        send(socket, message).await?;
    }
    Some(())
}

fn block_message(shared: &Shared, view: &View) -> serde_json::Value {
    let shown = shared.shown(view);
    let pools: Vec<_> =
        view.pools.iter().enumerate().map(|(at, own)| shown.pool(super::read::pool_id(at), own)).collect();
    let feeds: Vec<_> = view.feeds.iter().map(|(id, feed)| shown.feed(id, feed)).collect();
    let mut markets = Vec::new();
    for (at, own) in view.pools.iter().enumerate() {
        for (id, listed) in own.pool.instruments.iter() {
            let mut market = serde_json::to_value(shown.market(own, id, listed)).unwrap_or_default();
            if let Some(fields) = market.as_object_mut() {
                fields.insert("pool".into(), json!(at));
            }
            markets.push(market);
        }
    }
    let last = view.blocks.back();
    json!({
        "type": "block", "height": view.height, "time": view.time.get(), "stateRoot": protocol::hex::hex(&view.root),
        "commands": last.map_or(0, |block| block.commands),
        "applyMs": last.map_or(0.0, |block| super::read::ms(block.took_us)),
        "events": view.events, "pools": pools, "markets": markets, "feeds": feeds,
    })
}

async fn send(socket: &mut WebSocket, message: &serde_json::Value) -> Option<()> {
    socket.send(Message::Text(message.to_string().into())).await.ok()
}

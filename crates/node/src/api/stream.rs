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
        let with_block = last_block.is_none_or(|sent| sent.elapsed() >= BLOCK_EVERY);
        let (messages, is_up_to_date) = messages(&shared, &mut next, &kinds, with_block);
        if with_block {
            last_block = Some(Instant::now());
        }
        for message in messages {
            // Whoever does not read is let go: what waits for them is memory, and they find everything again from where they were.
            match tokio::time::timeout(shared.reader_patience, socket.send(Message::Text(message.into()))).await {
                Ok(Ok(())) => (),
                Ok(Err(_)) | Err(_) => return,
            }
        }
        if !is_up_to_date {
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

/// What a reader hears next, at most so many events at once, and whether that is all there is. The view is not kept while it is sent:
/// a slow reader would hold an old state of every account.
fn messages(shared: &Shared, next: &mut u64, kinds: &Kinds, with_block: bool) -> (Vec<String>, bool) {
    let view = shared.view();
    let shown = shared.shown(&view);
    let mut messages = Vec::new();
    if *next < view.oldest_event() {
        *next = view.oldest_event();
        messages.push(json!({ "type": "gap", "first": *next }).to_string());
    }
    let first = *next;
    'blocks: for block in view.blocks_from(first) {
        let skipped = usize::try_from(next.saturating_sub(block.first_event)).unwrap_or(usize::MAX);
        for at in skipped..block.events.len() {
            if messages.len() >= EVENTS_AT_ONCE {
                break 'blocks;
            }
            *next = block.first_event + at as u64 + 1;
            if block.events.get(at).is_some_and(|event| kinds.include(&kind(event))) {
                messages.push(json!({ "type": "event", "event": shown.event(block, at) }).to_string());
            }
        }
    }
    if with_block {
        messages.push(block_message(shared, &view).to_string());
    }
    (messages, *next >= view.events)
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

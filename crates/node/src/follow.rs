//! What an operator is told while blocks are made: a line for whatever somebody on duty would want to know, and the counts of `/metrics`.

use crate::api::Shared;
use crate::systemic::SELDOM;
use crate::view::{BlockRecord, View};
use clearing::event::Event;
use clearing::state::{Condition, Level};
use clearing::table::{FeedId, InstrumentId, PoolId};
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, info, warn};

/// How often the blocks are looked at. Views remember an hour of them.
const EVERY: Duration = Duration::from_millis(500);

/// Follows the blocks until the node stops.
pub async fn follow(shared: Arc<Shared>) {
    tokio::select! {
        () = follow_blocks(&shared) => (),
        () = look_at_risk(&shared) => (),
    }
}

/// Keeps the figures of systemic risk fresh for `/metrics`.
async fn look_at_risk(shared: &Shared) {
    loop {
        shared.systemic().at(&shared.published().view.load_full()).await;
        tokio::time::sleep(SELDOM).await;
    }
}

async fn follow_blocks(shared: &Shared) {
    let mut heights = shared.published().height.clone();
    let mut seen = *heights.borrow_and_update();
    while heights.changed().await.is_ok() {
        shared.metrics().follow();
        let view = shared.published().view.load_full();
        let new: Vec<_> = view.blocks.iter().rev().take_while(|block| block.height > seen).collect();
        new.into_iter().rev().for_each(|block| tell(&view, block));
        seen = view.height;
        tokio::time::sleep(EVERY).await;
    }
}

fn tell(view: &View, block: &BlockRecord) {
    let height = block.height;
    let liquidated = block.events.iter().filter(|event| matches!(event, Event::AccountLiquidated { .. })).count();
    if liquidated > 0 {
        info!(height, accounts = liquidated, "accounts are liquidated");
    }
    for event in &block.events {
        match event {
            Event::FeedConditionChanged { feed, condition } if *condition != Condition::Live => {
                warn!(height, feed = feed_name(view, *feed), ?condition, "a feed cannot be relied on");
            }
            Event::FeedConditionChanged { feed, .. } => info!(height, feed = feed_name(view, *feed), "a feed is live"),
            Event::BreakerStepped { pool, instrument, level, cause, .. } => {
                let market = market_name(view, *pool, *instrument);
                if *level >= Level::ReduceOnly {
                    warn!(height, market, ?level, ?cause, "a breaker has stepped");
                } else {
                    info!(height, market, ?level, ?cause, "a breaker has stepped");
                }
            }
            Event::LossAllocated { pool, layer, amount, .. } => {
                let usd = protocol::decimal::usd(*amount);
                error!(height, pool = pool_name(view, *pool), ?layer, usd, "a loss beyond an account's own money");
            }
            Event::PoolWoundDown { pool } => error!(height, pool = pool_name(view, *pool), "a pool is wound down"),
            Event::LiquidationsCarried { pool, accounts } => {
                warn!(height, pool = pool_name(view, *pool), accounts, "liquidations wait for the next block");
            }
            _ => (),
        }
    }
}

fn feed_name(view: &View, feed: FeedId) -> &str {
    view.feeds.find(feed).map_or("?", |feed| &feed.name)
}

fn pool_name(view: &View, pool: PoolId) -> &str {
    view.pool(pool).map_or("?", |own| &own.pool.name)
}

fn market_name(view: &View, pool: PoolId, instrument: InstrumentId) -> &str {
    let own = view.pool(pool).and_then(|own| own.pool.instruments.find(instrument));
    own.map_or("?", |listed| &listed.name)
}

//! The shapes of requests and of whole answers.

use super::types::{AccountDetail, AccountSummary, BlockView, FeedView, Market, PoolSummary};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Envelopes to take in.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CommandsRequest {
    /// Signed envelopes, borsh in hexadecimal, at most 1,000.
    pub envelopes: Vec<String>,
}

/// What became of an envelope. It is durable.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerView {
    /// `executed`, `session`, `rejected` (by a rule, nothing changed) or `refused` (no authority, nothing changed).
    pub status: String,
    /// The block; none where it did not come into one.
    pub height: Option<u64>,
    /// The stable code of a rejection or refusal.
    pub code: Option<u16>,
    /// Its name.
    pub name: Option<String>,
    /// Its reason.
    pub reason: Option<String>,
}

/// What became of each envelope, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommandsAnswer {
    /// One for each.
    pub answers: Vec<AnswerView>,
}

/// A page of pools.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pools {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// Every pool.
    pub pools: Vec<PoolSummary>,
}

/// One pool.
#[derive(Debug, Serialize, ToSchema)]
pub struct PoolAnswer {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The pool.
    pub pool: PoolSummary,
}

/// The markets of a pool.
#[derive(Debug, Serialize, ToSchema)]
pub struct Markets {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// Every instrument.
    pub markets: Vec<Market>,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accounts {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The accounts of this page.
    pub accounts: Vec<AccountSummary>,
    /// What to ask for as `after` for the next page; none at the end.
    pub next: Option<u32>,
}

/// One account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountAnswer {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The account.
    pub account: AccountDetail,
}

/// The feeds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Feeds {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// Every feed.
    pub feeds: Vec<FeedView>,
}

/// A page of blocks, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Blocks {
    /// The blocks.
    pub blocks: Vec<BlockView>,
    /// What to ask for as `before` for the next page; none at the end.
    pub next: Option<u64>,
}

/// A page of events, oldest first. Fields beside these depend on the kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct Events {
    /// `sequence`, `height`, `time`, `kind` and the fields of the kind.
    #[schema(value_type = Vec<Object>)]
    pub events: Vec<serde_json::Value>,
    /// The oldest sequence number that is kept.
    pub first: u64,
    /// The sequence number of the next event to come.
    pub next: u64,
}

/// Points of a feed's prices: time in ms, index, slow price and confidence in USD a unit.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceHistory {
    /// The feed.
    pub feed: u16,
    /// Oldest first.
    pub points: Vec<(i64, String, String, String)>,
}

/// Points of a pool: time in ms, the fund's equity in USD, accounts under liquidation, open notional in USD.
#[derive(Debug, Serialize, ToSchema)]
pub struct PoolHistory {
    /// The pool.
    pub pool: u16,
    /// Oldest first.
    pub points: Vec<(i64, String, usize, String)>,
}

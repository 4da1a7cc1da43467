//! The shapes of requests and of whole answers.

use crate::prepare::SignedEnvelope;
use crate::shapes::{AccountDetail, AccountFigures, AccountSummary, BlockView, FeedView, Market, PoolSummary};
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

/// Envelopes to take in, at most 1,000 of both kinds together. Answers come in this order: `envelopes`, then `signed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CommandsRequest {
    /// Signed envelopes, borsh in hexadecimal.
    #[serde(default)]
    pub envelopes: Vec<String>,
    /// Envelopes that were prepared, with the signatures of wallets.
    #[serde(default)]
    pub signed: Vec<SignedEnvelope>,
}

/// What became of an envelope. It is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct CommandsAnswer {
    /// One for each.
    pub answers: Vec<AnswerView>,
}

/// A page of pools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct Pools {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// Every pool.
    pub pools: Vec<PoolSummary>,
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct PoolAnswer {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The pool.
    pub pool: PoolSummary,
}

/// The markets of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct Markets {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// Every instrument.
    pub markets: Vec<Market>,
}

/// A page of accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct AccountAnswer {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The account.
    pub account: AccountDetail,
}

/// The feeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct Feeds {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// Every feed.
    pub feeds: Vec<FeedView>,
}

/// A page of blocks, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct Blocks {
    /// The blocks.
    pub blocks: Vec<BlockView>,
    /// What to ask for as `before` for the next page; none at the end.
    pub next: Option<u64>,
}

/// A page of events, oldest first. Fields beside these depend on the kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct Events {
    /// `sequence`, `height`, `time`, `kind` and the fields of the kind.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Object>))]
    pub events: Vec<serde_json::Value>,
    /// The oldest sequence number that is kept.
    pub first: u64,
    /// The sequence number of the next event to come.
    pub next: u64,
}

/// Points of a feed's prices: time in ms, index, slow price and confidence in USD a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct PriceHistory {
    /// The feed.
    pub feed: u16,
    /// Oldest first.
    pub points: Vec<(i64, String, String, String)>,
}

/// Points of a pool: time in ms, the fund's equity in USD, accounts under liquidation, open notional in USD.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct PoolHistory {
    /// The pool.
    pub pool: u16,
    /// Oldest first.
    pub points: Vec<(i64, String, usize, String)>,
}

/// A fill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct FillView {
    /// The event's sequence number.
    pub sequence: u64,
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The instrument.
    pub instrument: u16,
    /// Its name.
    pub name: String,
    /// Units, negative for a sale.
    pub quantity: String,
    /// USD a unit.
    pub price: String,
    /// USD.
    pub fee: String,
    /// Whether it was sold by force.
    pub forced: bool,
}

/// A page of fills, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct Fills {
    /// The fills.
    pub fills: Vec<FillView>,
    /// What to ask for as `before` for the next page; none at the end of what is remembered.
    pub next: Option<u64>,
}

/// A payment of funding: longs pay this rate of their notional to shorts, or get it if it is negative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct FundingView {
    /// The event's sequence number.
    pub sequence: u64,
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The instrument.
    pub instrument: u16,
    /// Its name.
    pub name: String,
    /// A fraction for the interval.
    pub rate: String,
}

/// A page of payments, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct Funding {
    /// The payments.
    pub funding: Vec<FundingView>,
    /// What to ask for as `before` for the next page; none at the end of what is remembered.
    pub next: Option<u64>,
}

/// An order that somebody thinks about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WhatIfRequest {
    /// The instrument.
    pub instrument: u16,
    /// `buy` or `sell`.
    #[cfg_attr(feature = "schema", schema(pattern = "^(buy|sell)$"))]
    pub side: String,
    /// Units, above zero.
    pub quantity: String,
    /// The worst price, USD a unit; without it, the edge of the price band.
    pub limit: Option<String>,
    /// Whether it may only reduce the position.
    #[serde(default)]
    pub reduce_only: bool,
    /// The price at which the answer supposes it to fill, USD a unit; without it, the mark.
    pub price: Option<String>,
}

/// What the order would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WhatIfAnswer {
    /// The height of the block after which this holds.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// Whether the rules would take it now; none for collateral, which depends on what the whole pool owes.
    pub accepted: Option<bool>,
    /// The stable code of the rejection.
    pub code: Option<u16>,
    /// Its name.
    pub name: Option<String>,
    /// Its reason.
    pub reason: Option<String>,
    /// The price at which it is supposed to fill, USD a unit.
    pub price: String,
    /// The position after it, units.
    pub position: String,
    /// The account now.
    pub before: AccountFigures,
    /// The account if all of it were filled at that price, with the highest fee.
    pub after: AccountFigures,
}

/// An account, and the hashes that lead from it to the state root. With K = Keccak-256 and `|` for bytes one after the other: begin with
/// K(00 | account); at each sibling take K(01 | sibling | hash) if it is the left one, else K(01 | hash | sibling); that is the
/// root of the pool's accounts. The pool is K(03 | poolRest | accounts) and stands in `pools` at its id. The core is
/// K(02 | header | feeds | pool 0 | pool 1 | …), and the state root K(05 | network | allowance | gate | core | events as 8 bytes,
/// little-endian).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProofView {
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct SiblingView {
    /// Whether it is the left one.
    pub left: bool,
    /// Its hash.
    pub hash: String,
}

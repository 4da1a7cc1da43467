//! The shapes of systemic risk (R14). Their numbers are floats: reports that no rule reads.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

/// How far each market is from a cascade of forced sales, and who would fall with whom, after one block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SystemicAnswer {
    /// The height of the block that was looked at: some seconds before the last one.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// How long looking took, ms.
    pub took_ms: u64,
    /// Every pool.
    pub pools: Vec<SystemicPool>,
    /// Each pool if every market fell by 20 % at once, before anything could be sold.
    pub settled: Vec<SettledPool>,
    /// The pools, members and collateral assets whose loss would take most with it, at most 20.
    pub ranked: Vec<RankedNode>,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SystemicPool {
    /// Its id.
    pub pool: u16,
    /// Its name.
    pub name: String,
    /// What its accounts above zero have, USD.
    pub equity_usd: f64,
    /// How much of itself a first step down causes across all markets of the pool.
    pub coupled_down: f64,
    /// The same up.
    pub coupled_up: f64,
    /// Its markets.
    pub markets: Vec<SystemicMarket>,
}

/// A market: a feed with all its instruments in the pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SystemicMarket {
    /// The feed's id.
    pub feed: u16,
    /// Its name.
    pub name: String,
    /// What its depth was read from: `exit_cost`, `volume` or `unknown`.
    pub impact: String,
    /// How much of itself a move by 1 % from the mark causes; none where the depth is not known.
    pub branching: Option<f64>,
    /// The smallest move from which on forced sales feed themselves, a share of the price, signed; none as far as was looked.
    pub distance: Option<f64>,
    /// How soon forced sales double there, ms.
    pub doubling_ms: Option<f64>,
    /// How soon a tenth of the pool's equity has been sold by force there, ms.
    pub tenth_of_equity_ms: Option<f64>,
    /// Falls of all markets together, from today outwards.
    pub falls: Vec<SystemicStep>,
    /// Rises.
    pub rises: Vec<SystemicStep>,
}

/// A step of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SystemicStep {
    /// The move from today's price, a share of it.
    pub moved: f64,
    /// Sold by force up to here, USD.
    pub forced_usd: f64,
    /// How much of itself this step causes.
    pub branching: Option<f64>,
    /// Accounts that have breached up to here.
    pub accounts: u64,
}

/// What a jump of all markets comes to for a pool, USD.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SettledPool {
    /// Its name.
    pub pool: String,
    /// What accounts below zero owe it.
    pub owed_by_members_usd: f64,
    /// What its fund would be worth.
    pub fund_usd: f64,
    /// What it owes.
    pub owes_usd: f64,
    /// What it can pay.
    pub pays_usd: f64,
    /// What it could pay if owners stood behind all their accounts.
    pub pays_with_recourse_usd: f64,
}

/// A node of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RankedNode {
    /// `pool`, `member` or `asset`.
    pub kind: String,
    /// A pool's or asset's name, a member's key.
    pub name: String,
    /// What it can lose, USD; zero for an asset.
    pub equity_usd: f64,
    /// The share of all value that its loss would take with it (DebtRank).
    pub rank: f64,
}

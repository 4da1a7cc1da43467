//! The shapes of what answers are made of. Decimals are strings and exact; times are milliseconds since the Unix epoch; hashes and keys are hexadecimal.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

/// A failure, for people and programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct Failure {
    /// What went wrong.
    pub error: FailureText,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct FailureText {
    /// A word for programs: `NotFound`, `NotValid`, `Busy`, `TooLarge`, `Stopping`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// Where the node stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The height of the last block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The hash of the genesis: what signatures are for.
    pub network: String,
    /// The chain of members' wallets (EIP-155).
    pub chain_id: u64,
    /// The program's version.
    pub version: String,
    /// `dev` with simulated members, `live` without.
    pub mode: String,
    /// How long a block waits for commands, ms.
    pub block_interval_ms: u64,
    /// How long the node has been up, ms.
    pub uptime_ms: u64,
    /// The root of the state.
    pub state_root: String,
    /// What waits.
    pub intake: IntakeStatus,
    /// The last block.
    pub last_block: LastBlock,
    /// Time to apply and write a block, over the last 1,000.
    pub block_ms: BlockTimes,
    /// Commands a second, over the last ten seconds.
    pub commands_per_second: f64,
}

/// What waits for a block, and what went through since the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IntakeStatus {
    /// Commands that wait in the ordinary lane.
    pub waiting: usize,
    /// Most that may.
    pub capacity: usize,
    /// Commands that wait in the urgent lane: prices, top-ups, cancellations, reductions.
    pub urgent_waiting: usize,
    /// Most that may.
    pub urgent_capacity: usize,
    /// Taken in.
    pub accepted: u64,
    /// Refused for their signature.
    pub refused: u64,
    /// Turned away for want of room.
    pub busy: u64,
}

/// The last block in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LastBlock {
    /// Its commands.
    pub commands: usize,
    /// Those that the rules refused.
    pub rejections: usize,
    /// Those that had no authority.
    pub refusals: usize,
    /// Time to apply and write it, ms.
    pub apply_ms: f64,
}

/// Times of blocks, ms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct BlockTimes {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// A position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PositionView {
    /// The instrument.
    pub instrument: u16,
    /// Its name.
    pub name: String,
    /// Units, negative for a short.
    pub quantity: String,
    /// What was paid a unit, USD.
    pub entry_price: String,
    /// The mark, USD a unit.
    pub mark_price: String,
    /// |quantity| × mark, USD.
    pub notional: String,
    /// Gain or loss at the mark, USD.
    pub unrealised_pnl: String,
    /// The price of its feed at which the account would be liquidated, the other feeds unchanged (R6.3), USD a unit; none where there is no
    /// such price from 0 to five times the present one, and only with a single account.
    pub liquidation_price: Option<String>,
}

/// The fund of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FundView {
    /// What it is worth, USD.
    pub equity: String,
    /// What its positions need, USD.
    pub initial_margin: String,
    /// What it should hold (R11.5), USD.
    pub target: String,
    /// The highest equity since capital was last added, USD.
    pub high: String,
    /// What it has taken over.
    pub positions: Vec<PositionView>,
}

/// A layer of the waterfall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct LayerView {
    /// Its name.
    pub layer: String,
    /// What it can still bear, USD.
    pub available: String,
}

/// The backstop providers' money.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct TrancheView {
    /// What is there, USD.
    pub amount: String,
    /// What is asked back, USD.
    pub leaving: String,
    /// Whose.
    pub providers: usize,
}

/// The line on the reserve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct LineView {
    /// The most that may be drawn, USD.
    pub cap: String,
    /// What has been drawn, USD.
    pub drawn: String,
}

/// A standing bid for portfolios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct BidView {
    /// Whose.
    pub account: u32,
    /// The premium asked, a fraction of initial margin.
    pub premium: String,
    /// The most initial margin to take in a block, USD.
    pub capacity: String,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PoolSummary {
    /// Its id.
    pub pool: u16,
    /// Its name.
    pub name: String,
    /// Its accounts, the fund among them.
    pub accounts: usize,
    /// Σ of long positions at their marks, USD.
    pub open_notional: String,
    /// Accounts under liquidation.
    pub liquidating: usize,
    /// Accounts in breach that did not fit into the block's work.
    pub carried: u32,
    /// Whether it is being wound down.
    pub winding_down: bool,
    /// Settlement money in custody, USD.
    pub custody: String,
    /// Fees collected, USD.
    pub fees: String,
    /// The fund.
    pub fund: FundView,
    /// The operator's own money, USD.
    pub own_capital: String,
    /// The backstop tranche.
    pub tranche: TrancheView,
    /// The line on the reserve.
    pub line: LineView,
    /// What stands behind losses, in the order in which it pays.
    pub waterfall: Vec<LayerView>,
    /// Standing bids.
    pub bids: Vec<BidView>,
    /// The interval of funding and interest, ms.
    pub funding_interval_ms: i64,
    /// When they are next paid, ms.
    pub funding_next_at: i64,
}

/// The price band.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct Band {
    /// USD a unit.
    pub low: String,
    /// USD a unit.
    pub high: String,
}

/// Where an instrument stands on the ladder of breakers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BreakerView {
    /// `Normal`, `Cautious`, `ReduceOnly`, `CallAuction`, `Halted` or `WindDown`.
    pub level: String,
    /// Why.
    pub cause: String,
    /// Since when, ms.
    pub since: i64,
    /// When the call auction clears, ms.
    pub call_until: Option<i64>,
}

/// An instrument and its market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Market {
    /// Its id.
    pub instrument: u16,
    /// Its name.
    pub name: String,
    /// `perpetual`, `dated` or `spot`.
    pub kind: String,
    /// When it settles, ms.
    pub expiry: Option<i64>,
    /// The feed that prices it.
    pub feed: u16,
    /// The feed's name.
    pub feed_name: String,
    /// A lot in units: the smallest step of quantities.
    pub lot_size: String,
    /// The mark, USD a unit (R3.6).
    pub mark_price: String,
    /// The index, USD a unit (R3.2).
    pub index_price: String,
    /// The slow price, USD a unit (R3.5).
    pub slow_price: String,
    /// How far the mark may be from the truth, USD a unit (R3.4).
    pub doubt: String,
    /// The rate that funding would have if it were paid now; perpetuals only.
    pub funding_rate: Option<String>,
    /// Σ of long positions, units.
    pub open_interest: String,
    /// The same at the mark, USD.
    pub open_notional: String,
    /// Initial stress of its feed in this pool, a fraction.
    pub initial_stress: String,
    /// Maintenance stress.
    pub maintenance_stress: String,
    /// z·σ·√T before buffers and rate limits.
    pub raw_stress: String,
    /// Trades happen inside.
    pub band: Band,
    /// Its breaker.
    pub breaker: BreakerView,
    /// The best resting bid, USD a unit.
    pub best_bid: Option<String>,
    /// The best resting offer, USD a unit.
    pub best_ask: Option<String>,
    /// The price of the last auction, USD a unit.
    pub last_price: Option<String>,
    /// What it traded, units.
    pub last_quantity: Option<String>,
    /// The settlement price, once expired.
    pub settled: Option<String>,
}

/// An auction that cleared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct AuctionView {
    /// In which block.
    pub height: u64,
    /// USD a unit.
    pub price: String,
    /// Units.
    pub quantity: String,
}

/// Resting orders after the last auction, best first: price and quantity of each level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct BookView {
    /// The height of the block.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The instrument.
    pub instrument: u16,
    /// USD a unit and units, highest first.
    pub bids: Vec<(String, String)>,
    /// USD a unit and units, lowest first.
    pub asks: Vec<(String, String)>,
    /// The last auction.
    pub auction: Option<AuctionView>,
}

/// What an account is worth, and what it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountFigures {
    /// Its id in the pool.
    pub account: u32,
    /// Its owner's key.
    pub owner: String,
    /// `Good`, `Liquidating` or `Closed`.
    pub standing: String,
    /// Cash and positions at their marks, USD.
    pub equity: String,
    /// USD (R6.2).
    pub initial_margin: String,
    /// USD (R6.2).
    pub maintenance_margin: String,
    /// Equity − initial margin, USD.
    pub free_collateral: String,
    /// Maintenance margin ⁄ equity, a fraction; none where equity is not above zero.
    pub margin_ratio: Option<String>,
    /// Σ |quantity| × mark of derivatives, USD.
    pub notional: String,
}

/// An account in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct AccountSummary {
    /// What it is worth.
    #[serde(flatten)]
    pub figures: AccountFigures,
    /// How many positions and balances.
    pub positions: usize,
    /// How many open orders.
    pub orders: usize,
}

/// An open order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// Its number.
    pub number: u64,
    /// The instrument.
    pub instrument: u16,
    /// Its name.
    pub name: String,
    /// `buy` or `sell`.
    pub side: String,
    /// Units left.
    pub quantity: String,
    /// The worst price, USD a unit.
    pub limit: String,
    /// Whether it may only reduce the position.
    pub reduce_only: bool,
    /// `UntilCancelled`, `Until` or `ThisBlock`.
    pub lifetime: String,
    /// Until when, ms.
    pub until: Option<i64>,
}

/// What an account would be worth in a scenario, after exit cost and doubt, USD. Below zero under maintenance is a breach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct RowView {
    /// The scenario.
    pub name: String,
    /// With the initial matrix; none if it has no such row.
    pub initial: Option<String>,
    /// With the maintenance matrix; none if it has no such row.
    pub maintenance: Option<String>,
}

/// The worst rows of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct WorstRows {
    /// Of the initial matrix.
    pub initial: Option<String>,
    /// Of the maintenance matrix.
    pub maintenance: Option<String>,
}

/// An account with everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountDetail {
    /// What it is worth.
    #[serde(flatten)]
    pub figures: AccountFigures,
    /// Settlement money, USD.
    pub cash: String,
    /// Settlement money owed against collateral, USD (R2.5).
    pub loan: String,
    /// Positions and balances.
    pub positions: Vec<PositionView>,
    /// Open orders.
    pub orders: Vec<OrderView>,
    /// What it would be worth in each scenario.
    pub rows: Vec<RowView>,
    /// The scenarios that decide.
    pub worst: WorstRows,
    /// Its standing bid.
    pub bid: Option<BidView>,
}

/// A publisher of a feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PublisherView {
    /// Its key.
    pub key: String,
    /// Its name, where the operator gave one.
    pub name: Option<String>,
    /// The venue or upstream behind it: publishers of one source share one weight.
    pub source: u16,
    /// The weight of its vote before sharing.
    pub weight: u32,
    /// What it said last, USD a unit.
    pub price: Option<String>,
    /// How far the true price may be, USD a unit.
    pub confidence: Option<String>,
    /// When it saw that, ms.
    pub published_at: Option<i64>,
    /// Whether it counts now (R3.1).
    pub counts: bool,
    /// The share of its weight that it has lost as an outlier (R3.3).
    pub penalty: String,
    /// Whether transfers at its venue are suspended.
    pub transfers_suspended: bool,
}

/// A feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FeedView {
    /// Its id.
    pub feed: u16,
    /// Its name.
    pub name: String,
    /// `Live`, `Degraded` or `Down`.
    pub condition: String,
    /// USD a unit.
    pub index_price: String,
    /// How far the true price may be, USD a unit.
    pub confidence: String,
    /// USD a unit.
    pub slow_price: String,
    /// The estimated volatility of a day, a fraction.
    pub volatility_a_day: String,
    /// Who publishes it.
    pub publishers: Vec<PublisherView>,
}

/// A block in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BlockView {
    /// Its height.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// The root after it.
    pub state_root: String,
    /// Its commands.
    pub commands: usize,
    /// Those that the rules refused.
    pub rejections: usize,
    /// Those that had no authority.
    pub refusals: usize,
    /// How many events it has.
    pub events: usize,
    /// The sequence number of the first.
    pub first_event: u64,
    /// Time to apply and write it, ms.
    pub apply_ms: f64,
}

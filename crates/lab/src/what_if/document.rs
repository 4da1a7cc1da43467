//! Decides what a what-if document may say: the words of its fields, before any of them is compared with another.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::decimal::Decimal;

/// A market, its rules, and one account in it. Percentages are of the price; prices and money are USD.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) title: Option<String>,
    pub(super) scenarios: Option<Scenarios>,
    #[serde(default)]
    pub(super) pool: PoolSheet,
    pub(super) feeds: Vec<FeedSheet>,
    #[serde(default)]
    pub(super) correlations: Vec<CorrelationSheet>,
    pub(super) instruments: Vec<InstrumentSheet>,
    #[serde(default)]
    pub(super) rows: Vec<RowSheet>,
    pub(super) account: AccountSheet,
}

/// Which rows count besides the unshocked one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scenarios {
    /// The default set of R5.2, and the document's rows.
    Default,
    /// The document's rows alone.
    Rows,
}

/// What the default set takes from the pool.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolSheet {
    pub(super) target_buffer: Option<Decimal>,
    pub(super) maintenance_share: Option<Decimal>,
    pub(super) stressed_correlation: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedSheet {
    pub(super) name: String,
    pub(super) price: Decimal,
    pub(super) slow: Option<Decimal>,
    pub(super) initial_stress: Option<Decimal>,
    pub(super) maintenance_stress: Option<Decimal>,
    pub(super) confidence: Option<Decimal>,
    pub(super) condition: Option<ConditionSheet>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ConditionSheet {
    Live,
    Degraded,
    Down,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CorrelationSheet {
    pub(super) feeds: [String; 2],
    pub(super) percent: Decimal,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstrumentSheet {
    pub(super) name: String,
    pub(super) feed: String,
    pub(super) lot: Decimal,
    pub(super) kind: KindSheet,
    pub(super) mark: Option<Decimal>,
    pub(super) crash: Option<Decimal>,
    #[serde(default)]
    pub(super) exit_cost: Vec<TierSheet>,
    #[serde(default)]
    pub(super) initial_exit_cost: Vec<TierSheet>,
    #[serde(default)]
    pub(super) negative_prices: bool,
    pub(super) stress_base: Option<Decimal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindSheet {
    Perpetual,
    Dated,
    Spot,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TierSheet {
    pub(super) rate: Decimal,
    pub(super) from_lots: Option<Decimal>,
    pub(super) from_usd: Option<Decimal>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowSheet {
    pub(super) name: String,
    pub(super) matrix: MatrixSheet,
    #[serde(default)]
    pub(super) moves: BTreeMap<String, Decimal>,
    #[serde(default)]
    pub(super) prices: BTreeMap<String, Decimal>,
    pub(super) weight: Option<Decimal>,
}

/// Which matrix a row of the document belongs to. Initial margin looks at both matrices (R5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum MatrixSheet {
    Maintenance,
    Initial,
    Both,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountSheet {
    pub(super) cash: Option<Decimal>,
    #[serde(default)]
    pub(super) positions: BTreeMap<String, Decimal>,
    #[serde(default)]
    pub(super) collateral: BTreeMap<String, Decimal>,
}

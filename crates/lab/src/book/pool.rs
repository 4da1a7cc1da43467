//! By which rules a book is cleared, and what market its forced sales meet.

use super::BookError;
use super::HUGE;
use crate::museum::stage::{Asset, Capital};
use crate::plan::CorePlan;
use crate::simulation::{ExperimentError, asset_in_range, fill_rules, rules_in_range};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What `pool.toml` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolPlan {
    /// The fund and the pool's own capital.
    pub capital: Capital,
    /// Each asset as it is listed; its `price_usd` is where it stands if the path does not name it.
    pub asset: Vec<Asset>,
    /// Assets that go the way of another one of the path, by its name: `SOL = "MNGO"`.
    #[serde(default)]
    pub follows: BTreeMap<String, String>,
    /// Who is there to take what is sold.
    #[serde(default)]
    pub market: MarketPlan,
    /// Settings of the core; those that are not named are those of the drill `october-2025`.
    pub rules: CorePlan,
}

/// What forced sales meet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarketPlan {
    /// What makers show within one percent, a side, over the assets' `depth_usd_1pct`.
    pub depth_share: f64,
    /// Initial margin that a bidder takes over in portfolio auctions in a block, USD.
    pub bidder_usd: f64,
    /// What it asks, as a share of initial margin.
    pub bidder_premium: f64,
    /// The longest block, seconds; where the path has longer gaps, prices go a straight line.
    pub block_s: u32,
}

impl Default for MarketPlan {
    fn default() -> Self {
        Self { depth_share: 1.0, bidder_usd: 0.0, bidder_premium: 0.1, block_s: 10 }
    }
}

impl PoolPlan {
    /// Reads a pool.
    ///
    /// # Errors
    /// If the file cannot be read or says something that it may not.
    pub fn read(path: &Path) -> Result<Self, BookError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| BookError::Unreadable { path: path.to_owned(), source })?;
        let fault = |fault: String| BookError::Misfit(format!("{}: {fault}", path.display()));
        let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| fault(error.to_string()))?;
        fill_rules(&mut table).map_err(fault)?;
        let plan = Self::deserialize(table).map_err(|error| fault(error.to_string()))?;
        plan.check().map_err(|error| fault(error.to_string())).map(|()| plan)
    }

    fn check(&self) -> Result<(), ExperimentError> {
        let range = |what: &str, found: f64, low: f64, high: f64, allowed: &'static str| {
            let (what, shown) = (what.to_owned(), found.to_string());
            let is_inside = (low..=high).contains(&found);
            if is_inside { Ok(()) } else { Err(ExperimentError::Range { what, found: shown, allowed }) }
        };
        range("assets", self.asset.len() as f64, 1.0, 64.0, "1 to 64")?;
        for (at, asset) in self.asset.iter().enumerate() {
            asset_in_range(asset)?;
            if self.asset[..at].iter().any(|other| other.symbol == asset.symbol) {
                let (what, found) = ("asset.symbol".to_owned(), format!("{} twice", asset.symbol));
                return Err(ExperimentError::Range { what, found, allowed: "once" });
            }
        }
        if let Some(unknown) = self.follows.keys().find(|name| !self.asset.iter().any(|asset| asset.symbol == **name)) {
            let what = "follows".to_owned();
            return Err(ExperimentError::Range { what, found: unknown.clone(), allowed: "an asset of the pool" });
        }
        range("capital.fund_usd", self.capital.fund_usd, 0.0, HUGE, "0 to 10^12")?;
        range("capital.own_capital_usd", self.capital.own_capital_usd, 0.0, HUGE, "0 to 10^12")?;
        range("market.depth_share", self.market.depth_share, 0.0, 100.0, "0 to 100")?;
        range("market.bidder_usd", self.market.bidder_usd, 0.0, HUGE, "0 to 10^12")?;
        range("market.bidder_premium", self.market.bidder_premium, 0.0, 1.0, "0 to 1")?;
        range("market.block_s", f64::from(self.market.block_s), 1.0, 3_600.0, "1 to 3,600")?;
        rules_in_range(&self.rules)
    }
}

//! Everything of R14 that one state says.

use crate::curve::{Grid, MarketCurve, Way, curves};
use crate::error::MethodError;
use crate::network::{self, Network};
use crate::source::{PoolSource, Source, usd};
use crate::velocity::{Reaction, Velocity};
use clearing::margin;
use rayon::prelude::*;
use serde::Serialize;

/// How a state is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// The distance between two prices that are tried, a log-move: 0.0005 to 0.1.
    pub step: f64,
    /// How far prices are tried, a log-move: one step to 3.
    pub reach: f64,
    /// The time from a move to the sales that answer it, seconds: the interval of blocks.
    pub reaction_s: f64,
    /// How many members are nodes of the network: 0 to 1,000.
    pub large_members: usize,
    /// The jump of all markets at which pools are settled, a share of prices: above −1, to 10.
    pub jump: f64,
}

impl Default for Settings {
    /// Steps of 1 % to 40 %, blocks of 100 ms, 20 members, a fall by 20 %.
    fn default() -> Self {
        Self { step: 0.01, reach: 0.4, reaction_s: 0.1, large_members: 20, jump: -0.2 }
    }
}

impl Settings {
    /// The grid of moves.
    ///
    /// # Errors
    /// [`MethodError::Value`] where a setting is outside its range.
    pub fn grid(&self) -> Result<Grid, MethodError> {
        let inside = |what, found: f64, low: f64, high: f64, allowed| {
            if (low..=high).contains(&found) { Ok(()) } else { Err(MethodError::Value { what, at: 0, found, allowed }) }
        };
        inside("step", self.step, 0.0005, 0.1, "0.0005 to 0.1")?;
        inside("reach", self.reach, self.step, 3.0, "one step to 3")?;
        inside("reaction", self.reaction_s, 0.001, 86_400.0, "a millisecond to a day")?;
        inside("large members", self.large_members as f64, 0.0, 1_000.0, "0 to 1,000")?;
        inside("jump", self.jump, -0.999_999, 10.0, "above −1, to 10")?;
        // A reach of 0.4 in steps of 0.01 is 40, not 39.999….
        Ok(Grid { step: self.step, steps: (self.reach / self.step + 1e-9) as usize })
    }
}

/// A market with the speed of the cascade that is nearest to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Market {
    /// The largest branching number of a step from today's price.
    pub at_mark: Option<f64>,
    /// The smallest move with n ≥ 1, as a share of the price, signed.
    pub distance: Option<f64>,
    /// How fast a cascade there would go on; none if there is none as far as is looked.
    pub velocity: Option<Velocity>,
    /// Where a sudden fall or rise by 5 % ends once all it forces has been sold; none if beyond the grid.
    pub five_percent_ends_at: [Option<f64>; 2],
    /// The curves.
    pub curve: MarketCurve,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolAssessment {
    /// Its name.
    pub name: String,
    /// Its accounts, the fund among them.
    pub accounts: usize,
    /// What accounts above zero have, USD: the system's equity of [`Velocity`].
    pub equity_usd: f64,
    /// Its markets.
    pub markets: Vec<Market>,
    /// Spectral radius of first steps across its markets, down and up.
    pub coupled: [f64; 2],
}

/// A state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// The height of its block.
    pub height: u64,
    /// The block's time, milliseconds since 1970.
    pub time_ms: i64,
    /// How it was looked at.
    pub settings: Settings,
    /// Its pools.
    pub pools: Vec<PoolAssessment>,
    /// Who stands behind whom; none where it was not asked for.
    pub network: Option<Network>,
}

/// Reads the curves of all pools and the network between them.
///
/// # Errors
/// [`MethodError`] where a setting is outside its range, or the network is too large.
pub fn assess(source: &Source<'_>, settings: &Settings) -> Result<Assessment, MethodError> {
    let mut assessment = assess_markets(source, settings)?;
    assessment.network = Some(network::network(source, settings.jump, settings.large_members)?);
    Ok(assessment)
}

/// Reads the curves alone.
///
/// # Errors
/// [`MethodError::Value`] where a setting is outside its range.
pub fn assess_markets(source: &Source<'_>, settings: &Settings) -> Result<Assessment, MethodError> {
    let (grid, reaction) = (settings.grid()?, Reaction::after(settings.reaction_s)?);
    let pools = source.pools.iter().map(|own| assess_pool(source, own, &grid, &reaction));
    Ok(Assessment {
        height: source.height,
        time_ms: source.time.get(),
        settings: *settings,
        pools: pools.collect::<Result<_, _>>()?,
        network: None,
    })
}

fn assess_pool(
    source: &Source<'_>,
    own: &PoolSource<'_>,
    grid: &Grid,
    reaction: &Reaction,
) -> Result<PoolAssessment, MethodError> {
    let found = curves(own, source.feeds, source.time, grid);
    let matrices = &own.pool.matrices;
    let equity_usd: f64 = own
        .accounts
        .par_iter()
        .with_min_len(1_024)
        .map(|held| usd(margin::equity(matrices, held.cash, &held.positions).or_zero()))
        .sum();
    let market = |curve: MarketCurve| {
        let nearest = curve
            .sides()
            .filter_map(|side| side.first_critical())
            .min_by(|one, other| one.moved.abs().total_cmp(&other.moved.abs()));
        let speed = |level: &crate::curve::Level| {
            let branching = level.branching.unwrap_or(0.0);
            reaction.velocity(branching, level.density_usd * grid.step, equity_usd)
        };
        let ends = [Way::Down, Way::Up].map(|way| {
            let side = &curve.together[usize::from(way == Way::Up)];
            side.ends_at(if way == Way::Up { 0.05 } else { -0.05 }, grid)
        });
        Ok(Market {
            at_mark: curve.at_mark(),
            distance: curve.distance(),
            velocity: nearest.map(speed).transpose()?,
            five_percent_ends_at: ends,
            curve,
        })
    };
    Ok(PoolAssessment {
        name: own.pool.name.clone(),
        accounts: own.accounts.len(),
        equity_usd,
        markets: found.markets.into_iter().map(market).collect::<Result<_, MethodError>>()?,
        coupled: found.coupled,
    })
}

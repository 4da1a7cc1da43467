//! Settings that are each within their bounds and yet contradict one another: each pair has a rejection that names both (R1.7).

use super::{FeedParameters, InstrumentParameters, Kind, PoolParameters};
use crate::command::Rejection;
use crate::units::{PPM, Ratio, Time, scaled_floor, square_root_floor};

/// The rejection, unless the condition holds.
fn unless(holds: bool, rejection: Rejection) -> Result<(), Rejection> {
    if holds { Ok(()) } else { Err(rejection) }
}

impl FeedParameters {
    /// Whether every setting is inside its bounds and none contradicts another. R1.7
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<(), Rejection> {
        unless(self.out_of_bounds().is_none(), Rejection::ParametersNotValid)?;
        unless(self.minimum < self.maximum, Rejection::MinimumNotBelowMaximum)?;
        unless(!self.minimum.is_negative() || self.share_base.is_positive(), Rejection::ShareBaseMissing)?;
        unless(self.long_run_volatility <= self.forecast_ceiling, Rejection::ForecastCeilingTooLow)
    }

    /// The move that `stress_z` standard deviations make over a horizon, at most 100 %: z · σ · √(T ⁄ `sample_interval`). R4.1
    #[must_use]
    pub fn stress_over(&self, volatility: Ratio, horizon: Time) -> Ratio {
        let ppm = i128::from(PPM);
        let intervals = scaled_floor(i128::from(horizon.get()), ppm, i128::from(self.sample_interval.get()));
        let root = square_root_floor(intervals.saturating_mul(ppm));
        let scaled = scaled_floor(i128::from(volatility.times_ceil(self.stress_z).get()), root, ppm);
        Ratio::new(i64::try_from(scaled.min(ppm)).expect("a share fits 64 bits"))
    }
}

impl InstrumentParameters {
    /// Whether every setting is inside its bounds and none contradicts another. R1.7
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<(), Rejection> {
        unless(self.out_of_bounds().is_none(), Rejection::ParametersNotValid)?;
        unless(self.open_interest_low < self.open_interest_high, Rejection::OpenInterestLowNotBelowHigh)?;
        let is_spot = matches!(self.kind, Kind::Spot { .. });
        unless(!(is_spot && self.negative_prices), Rejection::SpotPricesNegative)?;
        unless(!self.negative_prices || self.stress_base.is_positive(), Rejection::StressBaseMissing)
    }

    /// The maintenance margin of one lot, as a share of its mark, in the calmest market: what leaving one lot costs and the larger of
    /// maintenance stress at `long_run_volatility` and, of collateral, its crash.
    fn least_maintenance_margin(&self, feed: &FeedParameters, pool: &PoolParameters) -> Ratio {
        let horizon = (pool.horizon + pool.inclusion_delay).min(pool.max_horizon);
        let stress = feed.stress_over(feed.long_run_volatility, horizon).times_ceil(pool.maintenance_share);
        let crash = match self.kind {
            Kind::Spot { crash, .. } => crash.times_floor(pool.maintenance_share),
            Kind::Perpetual | Kind::Dated { .. } => Ratio::ZERO,
        };
        let leaving = self.exit_cost.first().filter(|tier| tier.from.is_zero()).map_or(Ratio::ZERO, |tier| tier.rate);
        stress.max(crash) + leaving
    }
}

impl PoolParameters {
    /// Whether every setting is inside its bounds and none contradicts another. R1.7
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<(), Rejection> {
        unless(self.out_of_bounds().is_none(), Rejection::ParametersNotValid)?;
        unless(self.horizon <= self.max_horizon, Rejection::HorizonAboveMaxHorizon)?;
        unless(self.cautious_drawdown <= self.reduce_only_drawdown, Rejection::CautiousDrawdownAboveReduceOnly)
    }
}

/// Whether the liquidation fee leaves something of the maintenance margin that it is charged to. One that takes it all turns every liquidation
/// into the sale of everything (R10.2): no lot that is sold frees more than it costs.
///
/// # Errors
/// Names the two settings that contradict each other.
pub fn charges_fit(
    feed: &FeedParameters,
    instrument: &InstrumentParameters,
    pool: &PoolParameters,
) -> Result<(), Rejection> {
    let margin = instrument.least_maintenance_margin(feed, pool);
    unless(pool.liquidation_fee.is_zero() || pool.liquidation_fee < margin, Rejection::LiquidationFeeTakesMargin)
}

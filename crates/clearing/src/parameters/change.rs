//! Which way a change of parameters moves a pool's safety, setting by setting (R7.6).

use super::{FeedParameters, InstrumentParameters, Kind, PoolParameters, Tier};
use crate::units::Quantity;
use alloc::vec::Vec;

/// What a change of parameters does to a pool's safety, from harmless to refused. R7.6
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Nothing gets weaker: it may happen at once.
    Tightens,
    /// Something gets weaker: it waits out the timelock.
    Loosens,
    /// Something gets weaker by more than one step allows.
    TooLarge,
}

/// Which way of moving a setting weakens the pool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looser {
    Higher,
    Lower,
    Either,
}

/// The direction of a change, setting by setting: a step may at most double a setting, or halve it.
fn direction_of(changes: &[(i128, i128, Looser)]) -> Direction {
    let loosens = |(old, new, looser): &(i128, i128, Looser)| match looser {
        Looser::Higher => new > old,
        Looser::Lower => new < old,
        Looser::Either => new != old,
    };
    let too_large = |(old, new, _): &(i128, i128, Looser)| {
        let (small, large) = (old.abs().min(new.abs()), old.abs().max(new.abs()));
        large > small.saturating_mul(2).saturating_add(1)
    };
    let mut direction = Direction::Tightens;
    for change in changes.iter().filter(|change| loosens(change)) {
        if too_large(change) {
            return Direction::TooLarge;
        }
        direction = Direction::Loosens;
    }
    direction
}

fn int(value: i64) -> i128 {
    i128::from(value)
}

impl FeedParameters {
    /// What replacing these parameters by `new` does.
    #[must_use]
    pub fn direction(&self, new: &Self) -> Direction {
        let lists = self.publishers != new.publishers
            || self.forecasters != new.forecasters
            || self.sample_interval != new.sample_interval;
        use Looser::{Either, Higher, Lower};
        let settings = direction_of(&[
            (int(self.minimum.get()), int(new.minimum.get()), Lower),
            (int(self.maximum.get()), int(new.maximum.get()), Higher),
            (int(self.share_base.get()), int(new.share_base.get()), Either),
            (int(self.max_age.get()), int(new.max_age.get()), Higher),
            (int(self.confidence_limit.get()), int(new.confidence_limit.get()), Higher),
            (int(self.jump_limit.get()), int(new.jump_limit.get()), Higher),
            (self.jump_confirmations.into(), new.jump_confirmations.into(), Lower),
            (int(self.outlier_floor.get()), int(new.outlier_floor.get()), Higher),
            (int(self.down_after.get()), int(new.down_after.get()), Higher),
            (self.fresh_needed.into(), new.fresh_needed.into(), Lower),
            (int(self.slow_rate.get()), int(new.slow_rate.get()), Higher),
            (int(self.decay.get()), int(new.decay.get()), Either),
            (int(self.clip.get()), int(new.clip.get()), Lower),
            (int(self.long_run_volatility.get()), int(new.long_run_volatility.get()), Lower),
            (int(self.forecast_ceiling.get()), int(new.forecast_ceiling.get()), Either),
            (int(self.forecast_max_age.get()), int(new.forecast_max_age.get()), Higher),
            (int(self.stress_z.get()), int(new.stress_z.get()), Lower),
        ]);
        settings.max(if lists { Direction::Loosens } else { Direction::Tightens })
    }
}

/// What replacing one schedule of tiers by another does: compared at every corner of either.
fn tiers_direction(old: &[Tier], new: &[Tier]) -> Direction {
    let rate_at = |tiers: &[Tier], size: Quantity| {
        int(tiers.iter().rfind(|tier| tier.from <= size).map_or(0, |tier| tier.rate.get()))
    };
    let corners = old.iter().chain(new).map(|corner| corner.from);
    let changes: Vec<_> = corners.map(|size| (rate_at(old, size), rate_at(new, size), Looser::Lower)).collect();
    direction_of(&changes)
}

impl InstrumentParameters {
    /// What replacing these parameters by `new` does. Feed and kind cannot change: the caller refuses that.
    #[must_use]
    pub fn direction(&self, new: &Self) -> Direction {
        use Looser::{Either, Higher, Lower};
        let cap = |kind: &Kind| if let Kind::Spot { cap, .. } = kind { int(cap.get()) } else { 0 };
        let ramp = |kind: &Kind| if let Kind::Spot { ramp, .. } = kind { int(ramp.get()) } else { 0 };
        let crash = |kind: &Kind| if let Kind::Spot { crash, .. } = kind { int(crash.get()) } else { 0 };
        let direction = direction_of(&[
            (cap(&self.kind), cap(&new.kind), Higher),
            (crash(&self.kind), crash(&new.kind), Lower),
            (ramp(&self.kind), ramp(&new.kind), Lower),
            (int(self.band.get()), int(new.band.get()), Higher),
            (int(self.mark_band.get()), int(new.mark_band.get()), Higher),
            (int(self.mark_time.get()), int(new.mark_time.get()), Either),
            (int(self.fee.get()), int(new.fee.get()), Either),
            (int(self.stress_base.get()), int(new.stress_base.get()), Lower),
            (self.open_interest_low.get(), new.open_interest_low.get(), Higher),
            (self.open_interest_high.get(), new.open_interest_high.get(), Higher),
            (self.daily_volume.get(), new.daily_volume.get(), Higher),
            (int(self.max_position.get()), int(new.max_position.get()), Higher),
            (int(self.max_funding.get()), int(new.max_funding.get()), Either),
        ]);
        let tiers = tiers_direction(&self.exit_cost, &new.exit_cost);
        direction.max(tiers).max(tiers_direction(&self.initial_exit_cost, &new.initial_exit_cost))
    }

    /// Whether feed, kind and the sign of prices stay what they are.
    #[must_use]
    pub fn keeps_identity(&self, new: &Self) -> bool {
        let kind = match (&self.kind, &new.kind) {
            (Kind::Perpetual, Kind::Perpetual) | (Kind::Spot { .. }, Kind::Spot { .. }) => true,
            (Kind::Dated { .. }, Kind::Dated { .. }) => self.kind == new.kind,
            _ => false,
        };
        kind && self.feed == new.feed && self.negative_prices == new.negative_prices
    }
}

impl PoolParameters {
    /// What replacing these parameters by `new` does.
    #[must_use]
    pub fn direction(&self, new: &Self) -> Direction {
        let lists = self.venues != new.venues || self.named_rows != new.named_rows;
        let listed = if lists { Direction::Loosens } else { Direction::Tightens };
        [listed, self.margin_direction(new), self.money_direction(new), self.conduct_direction(new)]
            .into_iter()
            .max()
            .unwrap_or(listed)
    }

    fn margin_direction(&self, new: &Self) -> Direction {
        use Looser::{Higher, Lower};
        direction_of(&[
            (int(self.horizon.get()), int(new.horizon.get()), Lower),
            (int(self.inclusion_delay.get()), int(new.inclusion_delay.get()), Lower),
            (int(self.participation.get()), int(new.participation.get()), Higher),
            (int(self.max_horizon.get()), int(new.max_horizon.get()), Lower),
            (int(self.maintenance_share.get()), int(new.maintenance_share.get()), Lower),
            (int(self.buffer.get()), int(new.buffer.get()), Lower),
            (int(self.initial_move_an_hour.get()), int(new.initial_move_an_hour.get()), Higher),
            (int(self.maintenance_move_an_hour.get()), int(new.maintenance_move_an_hour.get()), Higher),
            (int(self.target_buffer.get()), int(new.target_buffer.get()), Lower),
            (int(self.stressed_correlation.get()), int(new.stressed_correlation.get()), Higher),
            (int(self.cautious_widening.get()), int(new.cautious_widening.get()), Lower),
            (int(self.withdrawal_floor.get()), int(new.withdrawal_floor.get()), Lower),
        ])
    }

    fn money_direction(&self, new: &Self) -> Direction {
        use Looser::{Either, Higher, Lower};
        direction_of(&[
            (self.cash_cap.get(), new.cash_cap.get(), Higher),
            (self.account_loan_limit.get(), new.account_loan_limit.get(), Higher),
            (self.pool_loan_limit.get(), new.pool_loan_limit.get(), Higher),
            (int(self.loan_rate.get()), int(new.loan_rate.get()), Either),
            (int(self.loan_slope.get()), int(new.loan_slope.get()), Either),
            (int(self.funding_interval.get()), int(new.funding_interval.get()), Either),
            (self.fund_floor.get(), new.fund_floor.get(), Lower),
            (int(self.fee_surcharge.get()), int(new.fee_surcharge.get()), Either),
            (int(self.fee_rebate.get()), int(new.fee_rebate.get()), Higher),
            (int(self.tranche_notice.get()), int(new.tranche_notice.get()), Lower),
            (int(self.timelock.get()), int(new.timelock.get()), Lower),
        ])
    }

    fn conduct_direction(&self, new: &Self) -> Direction {
        use Looser::{Either, Higher, Lower};
        direction_of(&[
            (self.max_orders.into(), new.max_orders.into(), Higher),
            (self.max_liquidations.into(), new.max_liquidations.into(), Lower),
            (int(self.position_share.get()), int(new.position_share.get()), Either),
            (int(self.depth_share.get()), int(new.depth_share.get()), Either),
            (int(self.throttle_off.get()), int(new.throttle_off.get()), Either),
            (int(self.auction_below.get()), int(new.auction_below.get()), Either),
            (self.concession_blocks.into(), new.concession_blocks.into(), Either),
            (int(self.liquidation_fee.get()), int(new.liquidation_fee.get()), Higher),
            (int(self.max_premium.get()), int(new.max_premium.get()), Higher),
            (int(self.unwind_rate.get()), int(new.unwind_rate.get()), Either),
            (int(self.unwind_time.get()), int(new.unwind_time.get()), Either),
            (int(self.cautious_move.get()), int(new.cautious_move.get()), Higher),
            (int(self.cautious_drawdown.get()), int(new.cautious_drawdown.get()), Higher),
            (int(self.reduce_only_drawdown.get()), int(new.reduce_only_drawdown.get()), Higher),
            (int(self.calm.get()), int(new.calm.get()), Lower),
            (int(self.call_auction.get()), int(new.call_auction.get()), Either),
            (int(self.call_band.get()), int(new.call_band.get()), Higher),
            (int(self.grace.get()), int(new.grace.get()), Either),
            (int(self.max_halt.get()), int(new.max_halt.get()), Higher),
        ])
    }
}

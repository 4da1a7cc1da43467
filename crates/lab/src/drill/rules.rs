//! The core's parameters in a drill, from the plan.

use super::convert::{lots, money, price, ratio, seconds};
use super::keys::key_of;
use crate::plan::{CollateralPlan, CorePlan, InstrumentPlan, Plan};
use clearing::parameters::{FeedParameters, InstrumentParameters, Kind, PoolParameters, PublisherParameters, Tier};
use clearing::table::FeedId;
use clearing::units::{MAX_MONEY, MAX_QUANTITY, Money, Price, Quantity, Ratio, Time};

/// The key of the venue that reports the positions of the start.
pub(crate) const VENUE: &str = "venue";

/// The parameters of a feed whose publishers are given; the daily volatility is a share of the price.
pub fn feed(core: &CorePlan, publishers: Vec<PublisherParameters>, volatility_a_day: f64) -> FeedParameters {
    const MINUTES_A_DAY: f64 = 1440.0;
    FeedParameters {
        minimum: Price::ZERO,
        maximum: Price::new(clearing::units::MAX_PRICE),
        share_base: Price::ZERO,
        publishers,
        forecasters: Vec::new(),
        max_age: Time::new(60_000),
        confidence_limit: ratio(core.confidence_limit),
        jump_limit: ratio(core.jump_limit),
        jump_confirmations: 3,
        outlier_floor: ratio(0.01),
        down_after: Time::new(300_000),
        fresh_needed: 5,
        slow_rate: ratio(0.0001),
        sample_interval: Time::new(60_000),
        decay: ratio(0.995),
        clip: ratio(5.0),
        long_run_volatility: ratio(volatility_a_day / MINUTES_A_DAY.sqrt()),
        forecast_ceiling: ratio(1.0),
        forecast_max_age: Time::new(3_600_000),
        stress_z: ratio(core.stress_z),
    }
}

/// The parameters of a pool whose fund is at least this large.
pub fn pool(core: &CorePlan, fund_usd: f64) -> PoolParameters {
    PoolParameters {
        venues: vec![key_of(VENUE)],
        named_rows: Vec::new(),
        cash_cap: Money::new(MAX_MONEY),
        max_orders: 64,
        horizon: seconds(core.horizon_s),
        inclusion_delay: Time::ZERO,
        participation: ratio(core.participation),
        max_horizon: seconds(core.max_horizon_s),
        maintenance_share: ratio(core.maintenance_share),
        buffer: ratio(0.25),
        initial_move_an_hour: ratio(0.1),
        maintenance_move_an_hour: ratio(0.5),
        target_buffer: ratio(0.2),
        stressed_correlation: ratio(0.5),
        cautious_widening: ratio(1.25),
        withdrawal_floor: ratio(0.1),
        account_loan_limit: money(5e6),
        pool_loan_limit: money(100e6),
        loan_rate: ratio(0.00001),
        loan_slope: ratio(0.0001),
        funding_interval: Time::new(3_600_000),
        max_liquidations: 100_000,
        position_share: ratio(core.position_share),
        depth_share: ratio(core.depth_share),
        throttle_off: ratio(0.6),
        auction_below: ratio(core.auction_below),
        concession_blocks: core.concession_blocks,
        liquidation_fee: ratio(core.liquidation_fee),
        max_premium: ratio(1.0),
        unwind_rate: ratio(0.02),
        unwind_time: Time::new(600_000),
        fund_floor: money(fund_usd),
        fee_surcharge: ratio(0.25),
        fee_rebate: ratio(0.1),
        gain_memory: Time::new(600_000),
        tranche_notice: Time::new(86_400_000),
        cautious_move: ratio(1.0),
        cautious_drawdown: ratio(0.2),
        reduce_only_drawdown: ratio(0.8),
        calm: Time::new(60_000),
        call_auction: Time::new(3_000),
        call_band: ratio(2.0),
        grace: Time::new(5_000),
        max_halt: Time::new(86_400_000),
        timelock: Time::new(86_400_000),
    }
}

/// The parameters of a perpetual; `notional_usd` is its open interest at the start, `price_usd` its price.
pub fn perpetual(
    plan: &Plan,
    listed: &InstrumentPlan,
    feed: FeedId,
    notional_usd: f64,
    price_usd: f64,
) -> InstrumentParameters {
    let core = &plan.core;
    InstrumentParameters {
        feed,
        kind: Kind::Perpetual,
        exit_cost: exit_cost(listed.half_spread_ppm / 1e6),
        initial_exit_cost: Vec::new(),
        depth: depth(listed.half_spread_ppm / 1e6, listed.calm_depth_usd_1pct / price_usd, listed.lot_size),
        band: ratio(core.band),
        mark_band: ratio(0.005),
        impact: impact(listed.calm_depth_usd_1pct),
        mark_time: Time::new(60_000),
        fee: ratio(core.fee),
        negative_prices: false,
        stress_base: price(0.0, 1.0),
        open_interest_low: money(notional_usd * core.open_interest_low),
        open_interest_high: money(notional_usd * core.open_interest_high),
        daily_volume: money(listed.daily_volume_usd),
        max_position: Quantity::new(MAX_QUANTITY),
        max_funding: ratio(0.0005),
    }
}

/// R5.6: half the spread and a little more for every lot, whoever holds it and however many: size is charged by the market's open
/// interest (R4.2, R4.3), so that ten accounts pay what one pays.
pub(crate) fn exit_cost(half_spread: f64) -> Vec<Tier> {
    vec![Tier { from: Quantity::ZERO, rate: ratio(half_spread + 0.0005) }]
}

/// R3.6: a hundredth of what the book shows within 1 % in calm times, so that no crumb of a book moves the mark.
pub(crate) fn impact(depth_usd_1pct: f64) -> Money {
    money((depth_usd_1pct / 100.0).max(1_000.0))
}

/// R13.6: by how much a sale moves the market, against the calm depth within 1 %.
pub(crate) fn depth(half_spread: f64, depth_units_1pct: f64, lot_size: f64) -> Vec<Tier> {
    let tier = |depths: f64, rate: f64| Tier {
        from: lots(depth_units_1pct * depths, lot_size),
        rate: ratio(half_spread + rate),
    };
    vec![tier(0.0, 0.0005), tier(0.25, 0.0025), tier(1.0, 0.01), tier(4.0, 0.03)]
}

/// The parameters of a collateral asset.
pub fn spot(plan: &Plan, asset: &CollateralPlan, feed: FeedId) -> InstrumentParameters {
    InstrumentParameters {
        feed,
        kind: Kind::Spot { cap: Quantity::new(MAX_QUANTITY), ramp: Time::ZERO, crash: ratio(asset.haircut) },
        exit_cost: vec![Tier { from: Quantity::ZERO, rate: ratio(0.001) }],
        initial_exit_cost: Vec::new(),
        depth: Vec::new(),
        band: ratio(plan.core.band),
        mark_band: Ratio::ZERO,
        impact: Money::ZERO,
        mark_time: Time::new(60_000),
        fee: ratio(plan.core.fee),
        negative_prices: false,
        stress_base: Price::ZERO,
        open_interest_low: money(1e9),
        open_interest_high: money(1e10),
        daily_volume: money(1e9),
        max_position: Quantity::new(MAX_QUANTITY),
        max_funding: Ratio::ZERO,
    }
}

//! Decides what the core's records hold where a margin calculation reads nothing: settings of a market at rest.

use clearing::command::Key;
use clearing::parameters::{FeedParameters, InstrumentParameters, Kind, PoolParameters, Tier};
use clearing::state::{Band, Condition, Feed, Instrument, Pool, Volatility};
use clearing::table::FeedId;
use clearing::units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, Money, PPM, Price, Quantity, Ratio, Time};

const DAY: Time = Time::new(86_400_000);
const MINUTE: Time = Time::new(60_000);

/// A feed with a quorum whose slow price is its index.
pub(super) fn feed(name: String, index: Price) -> Feed {
    Feed {
        name,
        parameters: feed_parameters(),
        pending: None,
        publishers: Vec::new(),
        condition: Condition::Live,
        priced: true,
        index,
        confidence: Price::ZERO,
        slow: index,
        confirmed: index,
        jump_seen: 0,
        fresh: 1,
        quorum_lost: None,
        volatility: Volatility::default(),
        forecast: None,
        band: Band::default(),
    }
}

fn feed_parameters() -> FeedParameters {
    FeedParameters {
        minimum: Price::new(-MAX_PRICE),
        maximum: Price::new(MAX_PRICE),
        share_base: Price::new(1),
        publishers: Vec::new(),
        forecasters: Vec::new(),
        max_age: MINUTE,
        confidence_limit: Ratio::ONE,
        jump_limit: Ratio::ONE,
        jump_confirmations: 1,
        outlier_floor: Ratio::ONE,
        down_after: MINUTE,
        fresh_needed: 1,
        slow_rate: Ratio::ONE,
        sample_interval: MINUTE,
        decay: Ratio::ZERO,
        clip: Ratio::ONE,
        long_run_volatility: Ratio::new(1),
        forecast_ceiling: Ratio::ONE,
        forecast_max_age: MINUTE,
        stress_z: Ratio::ONE,
    }
}

/// An instrument that trades freely at this mark.
pub(super) fn instrument(name: String, parameters: InstrumentParameters, mark: Price) -> Instrument {
    Instrument { priced: true, mark, ..Instrument::new(name, parameters, Time::ZERO) }
}

/// The parameters of an instrument without exit cost.
pub(super) fn instrument_parameters(feed: FeedId, kind: Kind) -> InstrumentParameters {
    InstrumentParameters {
        feed,
        kind,
        exit_cost: Vec::<Tier>::new(),
        initial_exit_cost: Vec::new(),
        depth: Vec::new(),
        band: Ratio::ONE,
        mark_band: Ratio::ONE,
        impact: Money::ZERO,
        mark_time: MINUTE,
        fee: Ratio::ZERO,
        negative_prices: false,
        stress_base: Price::ZERO,
        open_interest_low: Money::ZERO,
        open_interest_high: Money::new(MAX_MONEY),
        daily_volume: Money::ZERO,
        max_position: Quantity::new(MAX_QUANTITY),
        max_funding: Ratio::ZERO,
    }
}

/// A pool without instruments or accounts.
pub(super) fn pool() -> Pool {
    Pool::new("what if".to_owned(), Key::default(), pool_parameters(), Time::ZERO)
}

fn pool_parameters() -> PoolParameters {
    PoolParameters {
        venues: Vec::new(),
        named_rows: Vec::new(),
        cash_cap: Money::new(MAX_MONEY),
        max_orders: 1,
        horizon: MINUTE,
        inclusion_delay: Time::ZERO,
        participation: Ratio::ONE,
        max_horizon: DAY,
        maintenance_share: Ratio::ONE,
        buffer: Ratio::ZERO,
        initial_move_an_hour: Ratio::ONE,
        maintenance_move_an_hour: Ratio::ONE,
        target_buffer: Ratio::ZERO,
        stressed_correlation: Ratio::ONE,
        cautious_widening: Ratio::ONE,
        withdrawal_floor: Ratio::ZERO,
        account_loan_limit: Money::new(MAX_MONEY),
        pool_loan_limit: Money::new(MAX_MONEY),
        loan_rate: Ratio::ZERO,
        loan_slope: Ratio::ZERO,
        funding_interval: DAY,
        max_liquidations: 1,
        position_share: Ratio::ONE,
        depth_share: Ratio::ONE,
        throttle_off: Ratio::ZERO,
        auction_below: Ratio::ZERO,
        concession_blocks: 1,
        liquidation_fee: Ratio::ZERO,
        max_premium: Ratio::ZERO,
        unwind_rate: Ratio::ONE,
        unwind_time: DAY,
        fund_floor: Money::ZERO,
        fee_surcharge: Ratio::ZERO,
        fee_rebate: Ratio::ZERO,
        gain_memory: Time::new(600_000),
        tranche_notice: DAY,
        cautious_move: Ratio::ONE,
        cautious_drawdown: Ratio::ONE,
        reduce_only_drawdown: Ratio::ONE,
        calm: DAY,
        call_auction: DAY,
        call_band: Ratio::new(PPM),
        grace: Time::ZERO,
        max_halt: DAY,
        timelock: DAY,
    }
}

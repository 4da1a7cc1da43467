//! Decides the rules of the benchmark's market: four feeds, 64 instruments, one pool, and everybody's key.
//!
//! Where a figure is not said to come from somewhere it is the drill's (`drills/october-2025/drill.toml`) or an assumption
//! that keeps a workload pure: what would make two runs of different size behave differently is switched off.

use clearing::command::Key;
use clearing::engine::Genesis;
use clearing::parameters::{
    FeedParameters, InstrumentParameters, Kind, NamedRow, PoolParameters, PublisherParameters, Tier,
};
use clearing::table::FeedId;
use clearing::units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, Money, Price, Quantity, Ratio, Time};

/// Feeds of the market.
pub const FEEDS: usize = 4;
/// Instruments of the pool, 16 on each feed.
pub const INSTRUMENTS: usize = 64;
/// Positions of an account.
pub const POSITIONS: usize = 4;
/// Publishers of a feed.
pub(super) const PUBLISHERS: u64 = 3;
/// One market maker for each instrument.
pub(super) const MAKERS: u32 = INSTRUMENTS as u32;
/// Standing bidders for portfolios.
pub(super) const BIDDERS: u32 = 8;
/// The fund, makers and bidders: the accounts before the first trader's.
pub(super) const MEMBERS_BESIDE_TRADERS: u32 = 1 + MAKERS + BIDDERS;
/// The time of the genesis: 2026-01-01T00:00:00Z.
pub(super) const START: Time = Time::new(1_767_225_600_000);
/// The length of a block.
pub(super) const BLOCK: Time = Time::new(1_000);
/// The price of a lot on each feed at the start, USD: whole numbers of BTC, ETH, SOL … cut into lots worth a few dollars.
pub(super) const LOT_USD: [f64; FEEDS] = [10.0, 4.0, 2.0, 1.0];
/// The fee on a fill: 2 basis points.
pub(super) const FEE: f64 = 0.0002;
/// What the fund's state may add to a fee.
pub(super) const FEE_SURCHARGE: f64 = 0.25;

const DAY_MS: i64 = 86_400_000;

/// Who a key belongs to.
#[derive(Clone, Copy)]
pub(super) enum Who {
    Governance,
    Custodian,
    Venue,
    Publisher(u64),
    Account(u32),
}

/// A key that looks random, so that it compresses and hashes like one, and is the same on every machine.
pub(super) fn key_of(who: Who) -> Key {
    let mut state = match who {
        Who::Governance => 1,
        Who::Custodian => 2,
        Who::Venue => 3,
        Who::Publisher(number) => 1_000 + number,
        Who::Account(number) => (1 << 40) + u64::from(number),
    };
    let mut bytes = [0_u8; 32];
    for chunk in bytes.chunks_exact_mut(8) {
        state = mixed(state);
        chunk.copy_from_slice(&state.to_le_bytes());
    }
    Key(bytes)
}

/// One step of SplitMix64 (Steele, Lea and Flood 2014).
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let once = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    twice ^ (twice >> 31)
}

pub(super) fn genesis() -> Genesis {
    Genesis { time: START, governance: key_of(Who::Governance), custodian: key_of(Who::Custodian) }
}

/// The feed that prices an instrument: the first 16 instruments are on the first feed, and so on.
pub(super) fn feed_of(instrument: usize) -> usize {
    instrument * FEEDS / INSTRUMENTS
}

pub(super) fn ratio(share: f64) -> Ratio {
    Ratio::new((share * 1e6).round() as i64)
}

pub(super) fn money(usd: f64) -> Money {
    Money::new(((usd * 1e6).round() as i128).min(MAX_MONEY))
}

pub(super) fn price(usd: f64) -> Price {
    Price::new((usd * 1e6).round() as i64)
}

/// A feed on which three sources always agree, so that nothing is doubtful. A jump counts at once (its limit is the highest
/// there is): otherwise one block could not breach thousands of accounts.
pub(super) fn feed() -> FeedParameters {
    let publisher =
        |number: u64| PublisherParameters { key: key_of(Who::Publisher(number)), weight: 100, source: number as u16 };
    FeedParameters {
        minimum: Price::ZERO,
        maximum: Price::new(MAX_PRICE),
        share_base: Price::ZERO,
        publishers: (0..PUBLISHERS).map(publisher).collect(),
        forecasters: Vec::new(),
        max_age: Time::new(60_000),
        confidence_limit: ratio(0.03),
        jump_limit: ratio(64.0),
        jump_confirmations: 1,
        outlier_floor: ratio(0.01),
        down_after: Time::new(300_000),
        fresh_needed: 5,
        slow_rate: ratio(0.0001),
        sample_interval: Time::new(60_000),
        decay: ratio(0.995),
        clip: ratio(5.0),
        long_run_volatility: ratio(0.001), // a minute: 3.8 % a day
        forecast_ceiling: ratio(1.0),
        forecast_max_age: Time::new(3_600_000),
        stress_z: ratio(4.0),
    }
}

/// The pool. Its horizon is its longest horizon: stress then does not depend on how much is held, and a small market has
/// the margins of a large one.
pub(super) fn pool(fund_usd: f64) -> PoolParameters {
    PoolParameters {
        venues: vec![key_of(Who::Venue)],
        named_rows: named_rows(),
        cash_cap: Money::new(MAX_MONEY),
        max_accounts: 1 << 22,
        max_orders: 64,
        horizon: Time::new(3_600_000),
        inclusion_delay: Time::ZERO,
        participation: ratio(0.10),
        max_horizon: Time::new(3_600_000),
        maintenance_share: ratio(0.6),
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
        position_share: ratio(0.5),
        depth_share: ratio(0.5),
        throttle_off: ratio(0.6),
        auction_below: ratio(0.33),
        concession_blocks: 8,
        liquidation_fee: ratio(0.001),
        max_premium: ratio(1.0),
        unwind_rate: ratio(0.002),
        unwind_time: Time::new(600_000),
        fund_floor: money(fund_usd),
        fee_surcharge: ratio(FEE_SURCHARGE),
        fee_rebate: ratio(0.1),
        gain_memory: Time::new(600_000),
        tranche_notice: Time::new(DAY_MS),
        cautious_move: ratio(1.0),
        cautious_drawdown: ratio(0.2),
        reduce_only_drawdown: ratio(0.8),
        calm: Time::new(60_000),
        call_auction: Time::new(3_000),
        call_band: ratio(2.0),
        grace: Time::new(5_000),
        max_halt: Time::new(DAY_MS),
        timelock: Time::new(DAY_MS),
    }
}

/// Three rows of the pool's own bring the maintenance and the initial matrix to 32 rows each.
fn named_rows() -> Vec<NamedRow> {
    let row = |name: &str, moves: [f64; FEEDS]| NamedRow {
        name: name.to_owned(),
        moves: moves.iter().enumerate().map(|(feed, share)| (FeedId(feed as u16), ratio(*share))).collect(),
    };
    vec![
        row("all fall, the last most", [-0.01, -0.012, -0.015, -0.018]),
        row("all rise, the last most", [0.01, 0.012, 0.015, 0.018]),
        row("the first stands alone", [0.01, -0.01, -0.01, -0.01]),
    ]
}

/// An instrument. Every fourth is a perpetual, the others are dated futures of rising expiries.
///
/// Its open-interest marks are out of reach: R4.3 would make margins depend on the number of accounts.
pub(super) fn instrument(at: usize) -> InstrumentParameters {
    let lot_usd = LOT_USD[feed_of(at)];
    let months = (at % (INSTRUMENTS / FEEDS)) as i64 + 1;
    let expiry = START + Time::new(30 * DAY_MS * months);
    let kind = if at.is_multiple_of(4) {
        Kind::Perpetual
    } else {
        Kind::Dated { expiry, settlement_window: Time::new(600_000), basis_a_day: ratio(0.0001) }
    };
    InstrumentParameters {
        feed: FeedId(feed_of(at) as u16),
        kind,
        exit_cost: exit_cost(lot_usd),
        initial_exit_cost: Vec::new(),
        depth: exit_cost(lot_usd),
        band: ratio(0.05),
        mark_band: ratio(0.005),
        impact: Money::ZERO,
        mark_time: Time::new(60_000),
        fee: ratio(FEE),
        negative_prices: false,
        stress_base: Price::ZERO,
        open_interest_low: Money::new(MAX_MONEY - 1),
        open_interest_high: Money::new(MAX_MONEY),
        daily_volume: Money::new(MAX_MONEY),
        max_position: Quantity::new(MAX_QUANTITY),
        max_funding: ratio(0.0005),
    }
}

/// Half the spread and an impact in four steps; the second begins at 20,000 USD, so that some traders reach it.
fn exit_cost(lot_usd: f64) -> Vec<Tier> {
    let tier =
        |from_usd: f64, rate: f64| Tier { from: Quantity::new((from_usd / lot_usd).round() as i64), rate: ratio(rate) };
    vec![tier(0.0, 0.0005), tier(20_000.0, 0.001), tier(200_000.0, 0.003), tier(2_000_000.0, 0.01)]
}

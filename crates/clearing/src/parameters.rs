//! What governance may set, the bounds of each setting, and which way of moving it weakens a pool (R7.6).

mod change;

pub use change::Direction;

use crate::command::Key;
use crate::table::FeedId;
use crate::units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, MAX_RATIO, Money, PPM, Price, Quantity, Ratio, Time};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Most publishers of a feed.
pub const MAX_PUBLISHERS: usize = 64;
/// Fewest independent sources that a feed may have. R3.2
pub const MIN_SOURCES: usize = 3;
/// Most tiers of an exit cost.
pub const MAX_TIERS: usize = 16;
/// Most rows that a pool may name.
pub const MAX_NAMED_ROWS: usize = 16;
/// Longest length of time that a parameter may name: ten years.
pub const MAX_LENGTH: Time = Time::new(315_360_000_000);

/// A publisher of a feed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PublisherParameters {
    /// Its key.
    pub key: Key,
    /// The weight of its vote, 1 to 1,000,000, before it is shared with others of the same source.
    pub weight: u32,
    /// The venue or upstream behind it. Publishers of one source share one weight. R3.2
    pub source: u16,
}

/// How a feed is aggregated and how its volatility is estimated.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FeedParameters {
    /// Hard bound: an observation at or below it is broken. R3.1
    pub minimum: Price,
    /// Hard bound: an observation at or above it is broken. R3.1
    pub maximum: Price,
    /// What is a share of the price is a share of at least this much: near zero, a share of the price says nothing. Zero
    /// where prices stay away from zero.
    pub share_base: Price,
    /// Who publishes.
    pub publishers: Vec<PublisherParameters>,
    /// Who may forecast the volatility.
    pub forecasters: Vec<Key>,
    /// An older observation does not count.
    pub max_age: Time,
    /// The feed is degraded while its confidence is wider than this share of the index.
    pub confidence_limit: Ratio,
    /// A move of the index beyond this share from the last confirmed one must be confirmed.
    pub jump_limit: Ratio,
    /// In how many blocks in a row a jump must be seen to be confirmed.
    pub jump_confirmations: u16,
    /// An observation further than this share from the index may be flagged. R3.3
    pub outlier_floor: Ratio,
    /// Without a quorum for longer than this, the feed is down.
    pub down_after: Time,
    /// How many blocks with a quorum bring a feed back after it was down. R13.2
    pub fresh_needed: u16,
    /// The largest move of the slow price a second. R3.5
    pub slow_rate: Ratio,
    /// How often a return enters the volatility estimate.
    pub sample_interval: Time,
    /// The weight of the old variance in the estimate, below one.
    pub decay: Ratio,
    /// A return beyond this multiple of the present estimate is clipped to it.
    pub clip: Ratio,
    /// The lowest standard deviation over one sampling interval, and the first estimate. R4.1
    pub long_run_volatility: Ratio,
    /// The highest forecast that counts. R4.6
    pub forecast_ceiling: Ratio,
    /// An older forecast does not count. R4.6
    pub forecast_max_age: Time,
    /// The quantile: how many standard deviations the stress covers. R4.1
    pub stress_z: Ratio,
}

/// A tier of an exit cost: beyond `from` lots, each lot costs `rate` of its price. R5.6
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tier {
    /// Where the tier begins, in lots.
    pub from: Quantity,
    /// The cost of a lot inside the tier, as a share of the mark price.
    pub rate: Ratio,
}

/// What an instrument is.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Kind {
    /// A perpetual future.
    Perpetual,
    /// A future that settles in cash. R16.2
    Dated {
        /// When.
        expiry: Time,
        /// Over how long before expiry the index is averaged.
        settlement_window: Time,
        /// The fair basis a day, as a share of the index.
        basis_a_day: Ratio,
    },
    /// A collateral asset, held and sold for settlement money. R2.2
    Spot {
        /// The most the pool holds.
        cap: Quantity,
        /// Over how long the cap grows from zero to its full size. R7.6
        ramp: Time,
        /// The drop in the row in which this asset alone crashes. R5.2
        crash: Ratio,
    },
}

/// What governance sets for an instrument.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct InstrumentParameters {
    /// The feed that prices it: money quanta per lot of this instrument.
    pub feed: FeedId,
    /// What it is.
    pub kind: Kind,
    /// The exit cost in every maintenance row. R5.6
    pub exit_cost: Vec<Tier>,
    /// What the exit cost adds in initial rows.
    pub initial_exit_cost: Vec<Tier>,
    /// Trades happen within this share of the mark. R8.3
    pub band: Ratio,
    /// The mark stays within this share of the index. R3.6
    pub mark_band: Ratio,
    /// The time constant of the mark's premium. R3.6
    pub mark_time: Time,
    /// The fee on a fill, as a share of its value.
    pub fee: Ratio,
    /// Whether prices at or below zero are prices.
    pub negative_prices: bool,
    /// Stress is a share of |price| but never of less than this. Needed where prices may reach zero.
    pub stress_base: Price,
    /// Open interest from which initial stress rises. R4.3
    pub open_interest_low: Money,
    /// Open interest at which initial stress reaches 100 %. R4.3
    pub open_interest_high: Money,
    /// What the market trades in a day: the clock of unwinding. R4.2
    pub daily_volume: Money,
    /// The largest |position| of an account, in lots.
    pub max_position: Quantity,
    /// The largest funding rate of an interval, either way. R16.1
    pub max_funding: Ratio,
}

/// A row that a pool adds to its set, for example the moves of a historic day. R5.2
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NamedRow {
    /// Its name.
    pub name: String,
    /// The move of each feed, as a share of its price; feeds not named stand still.
    pub moves: Vec<(FeedId, Ratio)>,
}

impl NamedRow {
    fn is_valid(&self) -> bool {
        let moves = self.moves.iter().all(|(_, shock)| ratio_in(*shock, -PPM, MAX_RATIO));
        self.name.len() <= 32 && self.moves.len() <= crate::units::MAX_INSTRUMENTS && moves
    }
}

/// What governance sets for a pool.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PoolParameters {
    /// Registered venues. R7.3
    pub venues: Vec<Key>,
    /// Rows that the pool adds to the default set. R5.2
    pub named_rows: Vec<NamedRow>,
    /// The most settlement money the pool holds.
    pub cash_cap: Money,
    /// The most orders of an account.
    pub max_orders: u16,
    /// The base liquidation horizon. R4.2
    pub horizon: Time,
    /// The 99 % quantile of the time until a transaction is included. R4.2
    pub inclusion_delay: Time,
    /// The share of traded volume at which open interest can be unwound. R4.2
    pub participation: Ratio,
    /// The longest horizon.
    pub max_horizon: Time,
    /// Maintenance stress as a share of raw stress.
    pub maintenance_share: Ratio,
    /// The buffer on initial stress that is built in calm and used in stress. R4.4
    pub buffer: Ratio,
    /// How fast initial stress may fall and its buffer may grow, an hour. R4.4
    pub initial_move_an_hour: Ratio,
    /// How fast maintenance stress may move, an hour. R4.4
    pub maintenance_move_an_hour: Ratio,
    /// The widening of maintenance stress that a liquidation aims for. R6.3
    pub target_buffer: Ratio,
    /// The correlation seen in the stressed window: an upper limit to the correlation used. R4.5
    pub stressed_correlation: Ratio,
    /// The widening of initial stress in the cautious state. R13.1
    pub cautious_widening: Ratio,
    /// The least share of notional that stays after a withdrawal. R7.4
    pub withdrawal_floor: Ratio,
    /// The most an account may owe in settlement money. R2.5
    pub account_loan_limit: Money,
    /// The most all accounts together may owe. R2.5
    pub pool_loan_limit: Money,
    /// The interest on a loan an interval at no utilisation.
    pub loan_rate: Ratio,
    /// What full utilisation adds to it.
    pub loan_slope: Ratio,
    /// The interval of funding and interest. R16.1
    pub funding_interval: Time,
    /// The most accounts that begin a liquidation in one block. R13.5
    pub max_liquidations: u32,
    /// The most of a position that a liquidation sells in one block. R10.4
    pub position_share: Ratio,
    /// The most of the opposite resting depth that liquidations take in one block. R10.4
    pub depth_share: Ratio,
    /// The throttle is off when equity is below this share of maintenance margin. R10.4
    pub throttle_off: Ratio,
    /// A portfolio auction follows when equity is below this share of maintenance margin. R10.5
    pub auction_below: Ratio,
    /// In how many blocks the limit concedes from the mark to the bankruptcy price; afterwards the portfolio is auctioned. R10.3
    pub concession_blocks: u16,
    /// The fee on a liquidated value, to the fund. R10.6
    pub liquidation_fee: Ratio,
    /// The highest premium that a bid may ask, in ppm of initial margin. R10.5
    pub max_premium: Ratio,
    /// How fast the fund unwinds: the share of its inventory a second. R11.4
    pub unwind_rate: Ratio,
    /// Over how long the fund's own ask covers the market's move. R11.2
    pub unwind_time: Time,
    /// The least size target of the fund. R11.5
    pub fund_floor: Money,
    /// What is added to fees while the fund is below its target, as a share of the fee. R11.5
    pub fee_surcharge: Ratio,
    /// What is given back of fees while the fund is above its target, as a share of the fee. R11.5
    pub fee_rebate: Ratio,
    /// Notice for money to leave the backstop tranche.
    pub tranche_notice: Time,
    /// Cautious when the index is further from the slow price than this multiple of raw stress. R13.1
    pub cautious_move: Ratio,
    /// Cautious when the fund has lost this share of its high. R13.1
    pub cautious_drawdown: Ratio,
    /// Reduce-only when the fund has lost this share of its high. R13.1
    pub reduce_only_drawdown: Ratio,
    /// A breaker steps down after this long without a cause. R13.3
    pub calm: Time,
    /// How long orders are collected in a call auction. R8.3
    pub call_auction: Time,
    /// How much wider the band is at a call auction's end, as a multiple.
    pub call_band: Ratio,
    /// For this long after a halt a mark is doubtful by one initial stress more, and nobody is made to sell at it. R13.2
    pub grace: Time,
    /// A halt longer than this becomes a wind-down. R13.3
    pub max_halt: Time,
    /// How long a loosening waits. R7.6
    pub timelock: Time,
}

fn ratio_in(value: Ratio, low: i64, high: i64) -> bool {
    (low..=high).contains(&value.get())
}

fn lasts(length: Time) -> bool {
    length.is_positive() && length <= MAX_LENGTH
}

fn lasts_or_zero(length: Time) -> bool {
    !length.is_negative() && length <= MAX_LENGTH
}

fn amount(value: Money) -> bool {
    !value.is_negative() && value.get() <= MAX_MONEY
}

/// Whether tiers start at rising sizes with rising rates, so that the cost is convex. R5.6
fn convex(tiers: &[Tier]) -> bool {
    let sized = tiers
        .iter()
        .all(|tier| !tier.from.is_negative() && tier.from.get() <= MAX_QUANTITY && ratio_in(tier.rate, 0, 4_000_000));
    let rising =
        tiers.iter().zip(tiers.iter().skip(1)).all(|(low, high)| low.from < high.from && low.rate <= high.rate);
    tiers.len() <= MAX_TIERS && sized && rising
}

impl FeedParameters {
    /// Whether every setting is inside its bounds and none contradicts another. R1.7
    #[must_use]
    pub fn are_valid(&self) -> bool {
        let prices = self.minimum < self.maximum
            && [self.minimum, self.maximum].iter().all(|bound| bound.abs().get() <= MAX_PRICE)
            && (0..=MAX_PRICE).contains(&self.share_base.get())
            && (!self.minimum.is_negative() || self.share_base.is_positive());
        let times = lasts(self.max_age)
            && lasts(self.down_after)
            && lasts(self.sample_interval)
            && lasts(self.forecast_max_age);
        let ratios = ratio_in(self.confidence_limit, 1, PPM)
            && ratio_in(self.jump_limit, 1, MAX_RATIO)
            && ratio_in(self.outlier_floor, 1, PPM)
            && ratio_in(self.slow_rate, 1, PPM)
            && ratio_in(self.decay, 0, 999_999)
            && ratio_in(self.clip, PPM, MAX_RATIO)
            && ratio_in(self.long_run_volatility, 1, PPM)
            && ratio_in(self.forecast_ceiling, self.long_run_volatility.get(), PPM)
            && ratio_in(self.stress_z, PPM, MAX_RATIO);
        let publishers = self.publishers.iter().all(|publisher| (1..=1_000_000).contains(&publisher.weight));
        prices && times && ratios && publishers && self.jump_confirmations >= 1 && self.fresh_needed >= 1
    }

    /// Whether there are enough independent sources, not too many publishers, and no key twice. R3.2
    #[must_use]
    pub fn has_enough_sources(&self) -> bool {
        let sources: alloc::collections::BTreeSet<u16> =
            self.publishers.iter().map(|publisher| publisher.source).collect();
        let keys: alloc::collections::BTreeSet<Key> = self.publishers.iter().map(|publisher| publisher.key).collect();
        sources.len() >= MIN_SOURCES && self.publishers.len() <= MAX_PUBLISHERS && keys.len() == self.publishers.len()
    }
}

impl InstrumentParameters {
    /// Whether every setting is inside its bounds and none contradicts another. R1.7
    #[must_use]
    pub fn are_valid(&self) -> bool {
        let ratios = ratio_in(self.band, 1, PPM)
            && ratio_in(self.mark_band, 0, PPM)
            && ratio_in(self.fee, 0, 100_000)
            && ratio_in(self.max_funding, 0, 100_000);
        let base = (0..=MAX_PRICE).contains(&self.stress_base.get())
            && (!self.negative_prices || self.stress_base.is_positive());
        let interest = amount(self.open_interest_low)
            && amount(self.daily_volume)
            && self.open_interest_low < self.open_interest_high;
        let position = (1..=MAX_QUANTITY).contains(&self.max_position.get());
        let kind = match &self.kind {
            Kind::Perpetual => true,
            Kind::Dated { expiry, settlement_window, basis_a_day } => {
                expiry.is_positive() && lasts(*settlement_window) && ratio_in(*basis_a_day, -10_000, 10_000)
            }
            Kind::Spot { cap, ramp, crash } => {
                (0..=MAX_QUANTITY).contains(&cap.get())
                    && lasts_or_zero(*ramp)
                    && ratio_in(*crash, 0, PPM)
                    && !self.negative_prices
            }
        };
        let tiers = convex(&self.exit_cost) && convex(&self.initial_exit_cost);
        ratios
            && base
            && interest
            && position
            && kind
            && tiers
            && self.open_interest_high.get() <= MAX_MONEY
            && lasts(self.mark_time)
    }
}

impl PoolParameters {
    /// Whether every setting is inside its bounds and none contradicts another. R1.7
    #[must_use]
    pub fn are_valid(&self) -> bool {
        self.margin_is_valid() && self.money_is_valid() && self.liquidation_is_valid() && self.breakers_are_valid()
    }

    fn margin_is_valid(&self) -> bool {
        lasts(self.horizon)
            && lasts_or_zero(self.inclusion_delay)
            && ratio_in(self.participation, 1_000, PPM)
            && self.max_horizon >= self.horizon
            && lasts(self.max_horizon)
            && ratio_in(self.maintenance_share, 100_000, PPM)
            && ratio_in(self.buffer, 0, PPM)
            && ratio_in(self.initial_move_an_hour, 1, MAX_RATIO)
            && ratio_in(self.maintenance_move_an_hour, 1, MAX_RATIO)
            && ratio_in(self.target_buffer, 0, PPM)
            && ratio_in(self.stressed_correlation, 0, PPM)
            && ratio_in(self.cautious_widening, PPM, 4_000_000)
            && ratio_in(self.withdrawal_floor, 0, PPM)
            && self.named_rows.len() <= MAX_NAMED_ROWS
            && self.named_rows.iter().all(NamedRow::is_valid)
    }

    fn money_is_valid(&self) -> bool {
        let amounts = [self.cash_cap, self.account_loan_limit, self.pool_loan_limit, self.fund_floor];
        amounts.iter().all(|value| amount(*value))
            && ratio_in(self.loan_rate, 0, 100_000)
            && ratio_in(self.loan_slope, 0, 100_000)
            && lasts(self.funding_interval)
            && ratio_in(self.fee_surcharge, 0, 4_000_000)
            && ratio_in(self.fee_rebate, 0, PPM)
            && lasts_or_zero(self.tranche_notice)
            && lasts_or_zero(self.timelock)
    }

    fn liquidation_is_valid(&self) -> bool {
        self.max_liquidations >= 1
            && self.concession_blocks >= 1
            && (1..=1_000).contains(&self.max_orders)
            && ratio_in(self.position_share, 1_000, PPM)
            && ratio_in(self.depth_share, 1_000, PPM)
            && ratio_in(self.throttle_off, 0, PPM)
            && ratio_in(self.auction_below, 0, PPM)
            && ratio_in(self.liquidation_fee, 0, 50_000)
            && ratio_in(self.max_premium, 0, 4_000_000)
            && ratio_in(self.unwind_rate, 1, PPM)
            && lasts(self.unwind_time)
    }

    fn breakers_are_valid(&self) -> bool {
        ratio_in(self.cautious_move, 1, MAX_RATIO)
            && ratio_in(self.cautious_drawdown, 1, PPM)
            && ratio_in(self.reduce_only_drawdown, self.cautious_drawdown.get(), PPM)
            && lasts(self.calm)
            && lasts(self.call_auction)
            && ratio_in(self.call_band, PPM, 16_000_000)
            && lasts_or_zero(self.grace)
            && lasts(self.max_halt)
    }
}

//! What governance sets: one table, from which the structs, their bounds, the direction of a change and the rulebook's list come (R1.7, R7.6).
//!
//! A row says the name, what it is a count of, the lowest and the highest value, which way of moving it weakens a pool, the rule that
//! reads it, and what it is. Settings that contradict each other although each is within its bounds are refused as well, by `contradictions`.

mod table;
mod contradictions;

pub use contradictions::charges_fit;
pub use table::{Direction, Looser, Setting};

use crate::command::Key;
use crate::table::FeedId;
use crate::units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, MAX_RATIO, Money, Price, Quantity, Ratio, Time};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use table::{Value, at_once, parameters};

/// Most publishers of a feed.
pub const MAX_PUBLISHERS: usize = 64;
/// Fewest independent sources that a feed may have. R3.2
pub const MIN_SOURCES: usize = 3;
/// Most tiers of a schedule.
pub const MAX_TIERS: usize = 16;
/// Most rows that a pool may name.
pub const MAX_NAMED_ROWS: usize = 16;
/// Longest length of time that a parameter may name: ten years.
pub const MAX_LENGTH: Time = Time::new(315_360_000_000);

/// The bounds of a ratio in ppm, of a length of time in milliseconds, of a price in quanta a lot, and of lots: as in `units.rs`.
const ONE: i128 = 1_000_000;
const LARGEST_RATIO: i128 = 64 * ONE;
const LONGEST: i128 = 315_360_000_000;
/// Thirty days: nobody can lock settings in for longer, in this pool or in a feed that another pool uses as well. R7.6
const LONGEST_TIMELOCK: i128 = 2_592_000_000;
const LARGEST_PRICE: i128 = 1 << 44;
const LARGEST_QUANTITY: i128 = 1 << 40;
// The rows below count in one type; these are the same bounds as elsewhere.
const _: () = {
    assert!(
        MAX_RATIO == 64_000_000 && MAX_PRICE == 1 << 44 && MAX_QUANTITY == 1 << 40,
        "the bounds are those of the units"
    );
    assert!(MAX_LENGTH.get() == 315_360_000_000, "the longest length of time is one");
    assert!(MAX_PUBLISHERS == 64 && MAX_TIERS == 16 && MAX_NAMED_ROWS == 16, "lists have one bound");
};

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

impl PublisherParameters {
    fn is_valid(&self) -> bool {
        (1..=1_000_000).contains(&self.weight)
    }
}

/// A tier of a schedule: beyond `from` lots, each lot costs `rate` of its price. R5.6
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tier {
    /// Where the tier begins, in lots.
    pub from: Quantity,
    /// The cost of a lot inside the tier, as a share of the mark price.
    pub rate: Ratio,
}

/// Whether tiers start at rising sizes with rising rates, so that the cost is convex. R5.6
fn convex(tiers: &[Tier]) -> bool {
    let sized = tiers.iter().all(|tier| {
        (0..=LARGEST_QUANTITY).contains(&i128::from(tier.from.get()))
            && (0..=4 * ONE).contains(&i128::from(tier.rate.get()))
    });
    let rising =
        tiers.iter().zip(tiers.iter().skip(1)).all(|(low, high)| low.from < high.from && low.rate <= high.rate);
    sized && rising
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
        let moves = self.moves.iter().all(|(_, shock)| (-ONE..=LARGEST_RATIO).contains(&i128::from(shock.get())));
        self.name.len() <= 32 && self.moves.len() <= crate::units::MAX_INSTRUMENTS && moves
    }
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

/// A row of the table for what only some kinds have.
const fn of_kind(
    (name, unit): (&'static str, &'static str),
    (low, high): (i128, i128),
    (looser, at_once): (Looser, bool),
    (rule, text): (&'static str, &'static str),
) -> Setting {
    Setting { name, unit, low, high, looser, at_once, rule, text }
}

impl Kind {
    /// The settings of dated futures, in the order of the fields.
    pub const DATED: &'static [Setting] = &[
        of_kind(
            ("expiry", "ms"),
            (1, 253_402_300_799_999),
            (Looser::Fixed, false),
            ("R16.2", "When a dated future settles."),
        ),
        of_kind(
            ("settlement_window", "ms"),
            (1, LONGEST),
            (Looser::Fixed, false),
            ("R16.2", "Over how long before expiry the index is averaged."),
        ),
        of_kind(
            ("basis_a_day", "ppm"),
            (-10_000, 10_000),
            (Looser::Fixed, false),
            ("R3.6", "The fair basis a day, as a share of the index."),
        ),
    ];
    /// The settings of collateral assets, in the order of the fields.
    pub const SPOT: &'static [Setting] = &[
        of_kind(("cap", "lots"), (0, LARGEST_QUANTITY), (Looser::Higher, true), ("R7.6", "The most the pool holds.")),
        of_kind(
            ("ramp", "ms"),
            (0, LONGEST),
            (Looser::Lower, true),
            ("R7.6", "Over how long the cap grows from zero to its full size."),
        ),
        of_kind(
            ("crash", "ppm"),
            (0, ONE),
            (Looser::Lower, false),
            ("R5.2", "The drop in the row in which this asset alone crashes."),
        ),
    ];

    /// The settings of this kind, each with its value.
    fn settings(&self) -> Vec<(&'static Setting, i128)> {
        let (rows, values): (&[Setting], Vec<i64>) = match self {
            Self::Perpetual => (&[], Vec::new()),
            Self::Dated { expiry, settlement_window, basis_a_day } => {
                (Self::DATED, alloc::vec![expiry.get(), settlement_window.get(), basis_a_day.get()])
            }
            Self::Spot { cap, ramp, crash } => (Self::SPOT, alloc::vec![cap.get(), ramp.get(), crash.get()]),
        };
        rows.iter().zip(values.into_iter().map(i128::from)).collect()
    }

    fn is_valid(&self) -> bool {
        self.settings().iter().all(|(setting, value)| setting.allows(*value))
    }

    /// What replacing it by `new` does; [`InstrumentParameters::keeps_identity`] refuses another kind.
    fn direction(&self, new: &Self) -> Direction {
        let (before, after) = (self.settings(), new.settings());
        let changes = before.iter().zip(&after).map(|((setting, old), (_, new))| setting.direction(*old, *new));
        changes.max().unwrap_or(Direction::Restricts)
    }

    /// The next of so many steps to `new`. R7.7
    fn towards(&self, new: &Self, left: u8) -> Self {
        match (self, new) {
            (Self::Spot { cap, ramp, crash }, Self::Spot { cap: new_cap, ramp: new_ramp, crash: new_crash }) => {
                Self::Spot {
                    cap: cap.towards(new_cap, left),
                    ramp: ramp.towards(new_ramp, left),
                    crash: crash.towards(new_crash, left),
                }
            }
            _ => new.clone(),
        }
    }
}

parameters! {
    /// How a feed is aggregated and how its volatility is estimated.
    FeedParameters {
        /// Hard bound: an observation at or below it is broken.
        minimum: Price, "quanta a lot", -LARGEST_PRICE, LARGEST_PRICE, Lower, "R3.1";
        /// Hard bound: an observation at or above it is broken.
        maximum: Price, "quanta a lot", -LARGEST_PRICE, LARGEST_PRICE, Higher, "R3.1";
        /// What is a share of the price is a share of at least this much: near zero, a share of the price says nothing. Zero where prices stay away from zero.
        share_base: Price, "quanta a lot", 0, LARGEST_PRICE, Either, "R3.2";
        /// Who publishes, each with a weight of 1 to 1,000,000 and a source.
        publishers: Vec<PublisherParameters>, "publishers", 3, 64, Either, "R3.1";
        /// Who may forecast the volatility.
        forecasters: Vec<Key>, "keys", 0, 64, Either, "R4.6";
        /// An older observation does not count.
        max_age: Time, "ms", 1, LONGEST, Higher, "R3.1";
        /// What is one price: the feed is degraded while its confidence is wider than this share of the index, and a report further away agrees with nobody.
        confidence_limit: Ratio, "ppm", 1, ONE, Higher, "R3.4";
        /// A move of the index beyond this share from the last confirmed one must be confirmed.
        jump_limit: Ratio, "ppm", 1, LARGEST_RATIO, Higher, "R3.4";
        /// In how many blocks in a row a jump must be seen to be confirmed.
        jump_confirmations: u16, "blocks", 1, 65_535, Lower, "R3.4";
        /// An observation further than this share from the index may be flagged.
        outlier_floor: Ratio, "ppm", 1, ONE, Higher, "R3.3";
        /// Without a quorum for longer than this, the feed is down.
        down_after: Time, "ms", 1, LONGEST, Higher, "R3.4";
        /// How many blocks with a quorum bring a feed back after it was down.
        fresh_needed: u16, "blocks", 1, 65_535, Lower, "R13.2";
        /// The largest move of the slow price a second.
        slow_rate: Ratio, "ppm", 1, ONE, Higher, "R3.5";
        /// How often a return enters the volatility estimate.
        sample_interval: Time, "ms", 1, LONGEST, Either, "R4.1";
        /// The weight of the old variance in the estimate, below one.
        decay: Ratio, "ppm", 0, 999_999, Either, "R4.1";
        /// A return beyond this multiple of the present estimate is clipped to it.
        clip: Ratio, "ppm", ONE, LARGEST_RATIO, Lower, "R4.1";
        /// The lowest standard deviation over one sampling interval, and the first estimate.
        long_run_volatility: Ratio, "ppm", 1, ONE, Lower, "R4.1";
        /// The highest forecast that counts.
        forecast_ceiling: Ratio, "ppm", 1, ONE, Either, "R4.6";
        /// An older forecast does not count.
        forecast_max_age: Time, "ms", 1, LONGEST, Higher, "R4.6";
        /// The quantile: how many standard deviations the stress covers.
        stress_z: Ratio, "ppm", ONE, LARGEST_RATIO, Lower, "R4.1";
    }
}

parameters! {
    /// What governance sets for an instrument.
    InstrumentParameters {
        /// The feed that prices it: money quanta per lot of this instrument.
        feed: FeedId, "feed", 0, 1_023, Fixed, "R2.1";
        /// What it is: a perpetual, a dated future or a collateral asset, each with settings of its own.
        kind: Kind, "kind", 0, 0, Fixed, "R2.2";
        /// The exit cost in every maintenance row.
        exit_cost: Vec<Tier>, "tiers", 0, 16, Lower, "R5.6";
        /// What the exit cost adds in initial rows.
        initial_exit_cost: Vec<Tier>, "tiers", 0, 16, Lower, "R5.6";
        /// What a market takes at once: beyond `from` lots, each lot moves the price by `rate`. Margin does not read it.
        depth: Vec<Tier>, "tiers", 0, 16, Either, "R13.6";
        /// Trades happen within this share of the mark.
        band: Ratio, "ppm", 1, ONE, Higher, "R8.3";
        /// The mark stays within this share of the index.
        mark_band: Ratio, "ppm", 0, ONE, Higher, "R3.6";
        /// What must rest on either side of the book before it moves the mark, and at whose average price it does.
        impact: Money, "quanta", 0, MAX_MONEY, Lower, "R3.6";
        /// The time constant of the mark's premium.
        mark_time: Time, "ms", 1, LONGEST, Either, "R3.6";
        /// The fee on a fill, as a share of its value.
        fee: Ratio, "ppm", 0, 100_000, Either, "R2.3";
        /// Whether prices at or below zero are prices.
        negative_prices: bool, "yes or no", 0, 1, Fixed, "R3.6";
        /// Stress is a share of |price| but never of less than this. Needed where prices may reach zero.
        stress_base: Price, "quanta a lot", 0, LARGEST_PRICE, Lower, "R5.1";
        /// Open interest from which initial stress rises.
        open_interest_low: Money, "quanta", 0, MAX_MONEY, Higher, "R4.3";
        /// Open interest at which initial stress reaches 100 %.
        open_interest_high: Money, "quanta", 1, MAX_MONEY, Higher, "R4.3";
        /// What the market trades in a day: the clock of unwinding.
        daily_volume: Money, "quanta", 0, MAX_MONEY, Higher, "R4.2";
        /// The largest |position| of an account.
        max_position: Quantity, "lots", 1, LARGEST_QUANTITY, Higher at_once, "R7.2";
        /// The largest funding rate of an interval, either way.
        max_funding: Ratio, "ppm", 0, 100_000, Either, "R16.1";
    }
}

parameters! {
    /// What governance sets for a pool.
    PoolParameters {
        /// Registered venues.
        venues: Vec<Key>, "keys", 0, 256, Either, "R7.3";
        /// Rows that the pool adds to the default set.
        named_rows: Vec<NamedRow>, "rows", 0, 16, Either, "R5.2";
        /// The most settlement money the pool holds.
        cash_cap: Money, "quanta", 0, MAX_MONEY, Higher at_once, "R1.7";
        /// The most orders of an account.
        max_orders: u16, "orders", 1, 1_000, Higher at_once, "R13.5";
        /// The base liquidation horizon.
        horizon: Time, "ms", 1, LONGEST, Lower, "R4.2";
        /// The 99 % quantile of the time until a transaction is included.
        inclusion_delay: Time, "ms", 0, LONGEST, Lower, "R4.2";
        /// The share of traded volume at which open interest can be unwound.
        participation: Ratio, "ppm", 1_000, ONE, Higher, "R4.2";
        /// The longest horizon.
        max_horizon: Time, "ms", 1, LONGEST, Lower, "R4.2";
        /// Maintenance stress as a share of raw stress.
        maintenance_share: Ratio, "ppm", 100_000, ONE, Lower, "R4.4";
        /// The buffer on initial stress that is built in calm and used in stress.
        buffer: Ratio, "ppm", 0, ONE, Lower, "R4.4";
        /// How fast initial stress may fall and its buffer may grow, an hour.
        initial_move_an_hour: Ratio, "ppm", 1, LARGEST_RATIO, Higher, "R4.4";
        /// How fast maintenance stress may move, an hour.
        maintenance_move_an_hour: Ratio, "ppm", 1, LARGEST_RATIO, Higher, "R4.4";
        /// The widening of maintenance stress that a liquidation aims for.
        target_buffer: Ratio, "ppm", 0, ONE, Lower, "R6.3";
        /// The correlation seen in the stressed window: an upper limit to the correlation used.
        stressed_correlation: Ratio, "ppm", 0, ONE, Higher, "R4.5";
        /// The widening of initial stress in the cautious state.
        cautious_widening: Ratio, "ppm", ONE, 4 * ONE, Lower, "R13.1";
        /// The least share of notional that stays after a withdrawal.
        withdrawal_floor: Ratio, "ppm", 0, ONE, Lower, "R7.4";
        /// The most an account may owe in settlement money.
        account_loan_limit: Money, "quanta", 0, MAX_MONEY, Higher, "R2.5";
        /// The most all accounts together may owe.
        pool_loan_limit: Money, "quanta", 0, MAX_MONEY, Higher, "R2.5";
        /// The interest on a loan an interval at no utilisation.
        loan_rate: Ratio, "ppm", 0, 100_000, Either, "R2.5";
        /// What full utilisation adds to it.
        loan_slope: Ratio, "ppm", 0, 100_000, Either, "R2.5";
        /// The interval of funding and interest.
        funding_interval: Time, "ms", 1, LONGEST, Either, "R16.1";
        /// The most accounts that begin a liquidation in one block.
        max_liquidations: u32, "accounts", 1, 4_294_967_295, Lower, "R13.5";
        /// The most of a position that a liquidation sells in one block.
        position_share: Ratio, "ppm", 1_000, ONE, Either, "R10.4";
        /// The most of the opposite resting depth that liquidations take in one block.
        depth_share: Ratio, "ppm", 1_000, ONE, Either, "R10.4";
        /// The throttle is off when equity is below this share of maintenance margin.
        throttle_off: Ratio, "ppm", 0, ONE, Either, "R10.4";
        /// A portfolio auction follows when equity is below this share of maintenance margin.
        auction_below: Ratio, "ppm", 0, ONE, Either, "R10.5";
        /// In how many blocks the limit concedes from the mark to the bankruptcy price; afterwards the portfolio is auctioned.
        concession_blocks: u16, "blocks", 1, 65_535, Either, "R10.3";
        /// The fee on a liquidated value, to the fund.
        liquidation_fee: Ratio, "ppm", 0, 50_000, Higher, "R10.6";
        /// The highest premium that a bid may ask, as a share of initial margin.
        max_premium: Ratio, "ppm", 0, 4 * ONE, Higher, "R10.5";
        /// How fast the fund unwinds: the share of its inventory a second.
        unwind_rate: Ratio, "ppm", 1, ONE, Either, "R11.4";
        /// Over how long the fund's own ask covers the market's move.
        unwind_time: Time, "ms", 1, LONGEST, Either, "R11.2";
        /// The least size target of the fund.
        fund_floor: Money, "quanta", 0, MAX_MONEY, Lower, "R11.5";
        /// What is added to fees while the fund is below its target, as a share of the fee.
        fee_surcharge: Ratio, "ppm", 0, 4 * ONE, Either, "R11.5";
        /// What is given back of fees while the fund is above its target, as a share of the fee.
        fee_rebate: Ratio, "ppm", 0, ONE, Higher, "R11.5";
        /// For how long what was gained bears losses after it was realised.
        gain_memory: Time, "ms", 600_000, LONGEST, Lower, "R12.6";
        /// Notice for money to leave the backstop tranche.
        tranche_notice: Time, "ms", 0, LONGEST, Lower, "R12.1";
        /// Cautious when the index is further from the slow price than this multiple of raw stress.
        cautious_move: Ratio, "ppm", 1, LARGEST_RATIO, Higher, "R13.1";
        /// Cautious when the fund has lost this share of its high.
        cautious_drawdown: Ratio, "ppm", 1, ONE, Higher, "R13.1";
        /// Reduce-only when the fund has lost this share of its high.
        reduce_only_drawdown: Ratio, "ppm", 1, ONE, Higher, "R13.1";
        /// A breaker steps down after this long without a cause.
        calm: Time, "ms", 1, LONGEST, Lower, "R13.3";
        /// How long orders are collected in a call auction.
        call_auction: Time, "ms", 1, LONGEST, Either, "R8.3";
        /// How much wider the band is at a call auction's end, as a multiple.
        call_band: Ratio, "ppm", ONE, 16 * ONE, Higher, "R8.3";
        /// For this long after a halt a mark is doubtful by one initial stress more, and nobody is made to sell at it.
        grace: Time, "ms", 0, LONGEST, Either, "R13.2";
        /// A halt longer than this becomes a wind-down.
        max_halt: Time, "ms", 1, LONGEST, Higher, "R13.3";
        /// How long a change waits that reaches those who are in.
        timelock: Time, "ms", 0, LONGEST_TIMELOCK, Lower, "R7.6";
    }
}

impl FeedParameters {
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

//! Money, quantities, prices, ratios and time as private integers: only the products that mean something compile (R1).
//!
//! This is the one file of the core where raw integers are added, multiplied and divided. Every operation is checked
//! and stops the program on overflow, in every build profile; the bounds below keep bounded inputs away from it.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::integer_division,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "the arithmetic of the units themselves: every operation here is checked or cannot overflow by type"
)]

use borsh::{BorshDeserialize, BorshSerialize};
use core::iter::Sum;
use core::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

/// Parts per million in one: the denominator of every [`Ratio`].
pub const PPM: i64 = 1_000_000;

/// Largest |price| that may enter, in money quanta per lot (17.6 million USD a lot). R1.7
pub const MAX_PRICE: i64 = 1 << 44;
/// Largest |quantity| of one position, balance or order, in lots. R1.7
pub const MAX_QUANTITY: i64 = 1 << 40;
/// Largest amount of money one command may name and one pool may hold, in quanta (72 billion USD). R1.7
pub const MAX_MONEY: i128 = 1 << 56;
/// Largest ratio that may enter: 64 = 6,400 %. R1.7
pub const MAX_RATIO: i64 = 64 * PPM;
/// Most instruments of a pool. R1.7
pub const MAX_INSTRUMENTS: usize = 256;
/// Most rows of one matrix. R5.2
pub const MAX_ROWS: usize = 64;
/// Most accounts of a pool. R1.7
pub const MAX_ACCOUNTS: usize = 1 << 22;

// R1.7: a stressed row reaches at most (1 + 64) × the largest price, and twice that where marks have already moved by a stress (R13.6);
// an account sums that over every instrument, a pool over every account, and a ratio may multiply the sum once. All of it stays inside i128.
const _: () = {
    let row = (MAX_PRICE as i128) * 65 * 2;
    let account = row * (MAX_QUANTITY as i128) * (MAX_INSTRUMENTS as i128);
    assert!(account < i128::MAX / (MAX_RATIO as i128), "an account's value times a ratio must fit");
    assert!(account < i128::MAX / (MAX_ACCOUNTS as i128), "the sum over all accounts must fit");
};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name($inner);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);
            /// The value from its integer count.
            #[must_use]
            pub const fn new(count: $inner) -> Self { Self(count) }
            /// The integer count.
            #[must_use]
            pub const fn get(self) -> $inner { self.0 }
            /// The absolute value.
            #[must_use]
            pub fn abs(self) -> Self { Self(self.0.checked_abs().expect("the absolute value fits")) }
            /// −1, 0 or 1.
            #[must_use]
            pub const fn signum(self) -> $inner { self.0.signum() }
            /// Whether it is zero.
            #[must_use]
            pub const fn is_zero(self) -> bool { self.0 == 0 }
            /// Whether it is below zero.
            #[must_use]
            pub const fn is_negative(self) -> bool { self.0 < 0 }
            /// Whether it is above zero.
            #[must_use]
            pub const fn is_positive(self) -> bool { self.0 > 0 }
            /// The value, or zero when it is negative.
            #[must_use]
            pub fn or_zero(self) -> Self { self.max(Self::ZERO) }
        }
        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self { Self(self.0.checked_add(other.0).expect("the sum fits")) }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self { Self(self.0.checked_sub(other.0).expect("the difference fits")) }
        }
        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self { Self(self.0.checked_neg().expect("the negation fits")) }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) { *self = *self + other; }
        }
        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) { *self = *self - other; }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(values: I) -> Self { values.fold(Self::ZERO, |sum, value| sum + value) }
        }
    };
}

// R1.1
unit!(
    /// Money: a signed count of quanta, 10⁻⁶ of the unit of account (USD).
    Money(i128)
);
// R1.2
unit!(
    /// A signed count of an instrument's lots: positive long, negative short.
    Quantity(i64)
);
// R1.3
unit!(
    /// Money quanta per lot, signed.
    Price(i64)
);
// R1.5
unit!(
    /// A ratio in parts per million.
    Ratio(i64)
);
// R1.2, R3.4
unit!(
    /// Lots by the share of their feed's move that they make: a signed count of millionths of a lot.
    Exposure(i128)
);
// R1.5
unit!(
    /// Milliseconds: an instant since the Unix epoch, or a length of time.
    Time(i64)
);

// R2.5, R16.1
unit!(
    /// What accrues with time: money, or money a lot, for a part of an interval, in [`PARTS`] of a quantum.
    Accrued(i128)
);

/// Into how many parts an interval of funding and interest is divided: the milliseconds of a day, so that every interval that divides a
/// day has whole parts.
pub const PARTS: i64 = 86_400_000;

// R1.7: what a mark accrues in two intervals, which is the longest between two payments, times the lots of every instrument, fits.
const _: () = assert!(
    (MAX_PRICE as i128) * 2 * (PARTS as i128) < i128::MAX / (MAX_QUANTITY as i128) / (MAX_INSTRUMENTS as i128),
    "what accrues to an account must fit"
);

impl Mul<Quantity> for Accrued {
    type Output = Self;
    // R1.4: exact; the division comes once, when it is paid.
    fn mul(self, quantity: Quantity) -> Self {
        Self(times(self.0, i128::from(quantity.0)))
    }
}

impl Accrued {
    /// The sum of these many parts of an interval, of a price.
    #[must_use]
    pub fn of_price(price: Price, parts: i64) -> Self {
        Self(i128::from(price.0) * i128::from(parts))
    }

    /// The sum of these many parts of an interval, of money.
    #[must_use]
    pub fn of_money(money: Money, parts: i64) -> Self {
        Self(times(money.0, i128::from(parts)))
    }

    /// Whole quanta, rounded up.
    #[must_use]
    pub fn due_ceil(self) -> Money {
        Money(divide_ceil(self.0, i128::from(PARTS)))
    }

    /// What an interval comes to, a lot, rounded down.
    #[must_use]
    pub fn a_lot_floor(self) -> Price {
        Price(narrow(divide_floor(self.0, i128::from(PARTS))))
    }

    /// The mean over these many parts of an interval, a lot, rounded down; `parts` must be positive.
    #[must_use]
    pub fn mean_floor(self, parts: i64) -> Price {
        Price(narrow(divide_floor(self.0, i128::from(parts))))
    }
}

impl Mul<Quantity> for Price {
    type Output = Money;
    // R1.3: exact, no rounding. |i64 × i64| always fits i128.
    fn mul(self, quantity: Quantity) -> Money {
        Money(i128::from(self.0) * i128::from(quantity.0))
    }
}

impl Mul<Price> for Quantity {
    type Output = Money;
    fn mul(self, price: Price) -> Money {
        price * self
    }
}

fn divide_floor(numerator: i128, denominator: i128) -> i128 {
    assert!(denominator > 0, "a divisor is positive");
    // Most operands fit 64 bits, where division is many times faster; the result is the same.
    match (i64::try_from(numerator), i64::try_from(denominator)) {
        (Ok(numerator), Ok(denominator)) => i128::from(numerator.div_euclid(denominator)),
        _ => numerator.div_euclid(denominator),
    }
}

fn divide_ceil(numerator: i128, denominator: i128) -> i128 {
    -divide_floor(-numerator, denominator)
}

fn times(left: i128, right: i128) -> i128 {
    left.checked_mul(right).expect("the product fits")
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value).expect("the value fits 64 bits")
}

// R1.4: every division names its direction.
impl Money {
    /// `self × ratio`, rounded down.
    #[must_use]
    pub fn times_floor(self, ratio: Ratio) -> Self {
        Self(divide_floor(times(self.0, i128::from(ratio.0)), i128::from(PPM)))
    }

    /// `self × ratio`, rounded up.
    #[must_use]
    pub fn times_ceil(self, ratio: Ratio) -> Self {
        Self(divide_ceil(times(self.0, i128::from(ratio.0)), i128::from(PPM)))
    }

    /// `self × ratio`, rounded down; none where the product does not fit.
    pub(crate) fn checked_times_floor(self, ratio: Ratio) -> Option<Self> {
        Some(Self(divide_floor(self.0.checked_mul(i128::from(ratio.0))?, i128::from(PPM))))
    }

    /// The sum; none where it does not fit.
    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// `self × part ⁄ whole`, rounded down; `whole` must be positive. Where the product would not fit, part and whole are
    /// cut at the low end first, by the same number of bits.
    #[must_use]
    pub fn share_floor(self, part: Self, whole: Self) -> Self {
        let excess = bits(self.0.abs()).saturating_add(bits(part.0.abs())).saturating_sub(125);
        Self(divide_floor(times(self.0, part.0 >> excess), (whole.0 >> excess).max(1)))
    }

    /// `self ⁄ whole` in parts per million, rounded down and clamped to ±`limit`; a `whole` that is not positive gives the limit.
    #[must_use]
    pub fn ratio_to_floor(self, whole: Self, limit: Ratio) -> Ratio {
        if !whole.is_positive() {
            return limit;
        }
        let ppm = divide_floor(times(self.0, i128::from(PPM)), whole.0);
        Ratio(narrow(ppm.clamp(-i128::from(limit.0), i128::from(limit.0))))
    }

    /// Money per lot, rounded down; `quantity` must be positive. Clamped to ±[`MAX_PRICE`].
    #[must_use]
    pub fn per_lot_floor(self, quantity: Quantity) -> Price {
        let limit = i128::from(MAX_PRICE);
        Price(narrow(divide_floor(self.0, i128::from(quantity.0)).clamp(-limit, limit)))
    }

    /// Money per lot, rounded up; `quantity` must be positive. Clamped to ±[`MAX_PRICE`].
    #[must_use]
    pub fn per_lot_ceil(self, quantity: Quantity) -> Price {
        let limit = i128::from(MAX_PRICE);
        Price(narrow(divide_ceil(self.0, i128::from(quantity.0)).clamp(-limit, limit)))
    }

    /// How many whole lots at `price` (positive) this money buys, rounded up and clamped to [`MAX_QUANTITY`].
    #[must_use]
    pub fn lots_ceil(self, price: Price) -> Quantity {
        Quantity(narrow(divide_ceil(self.0, i128::from(price.0)).clamp(0, i128::from(MAX_QUANTITY))))
    }

    /// How many whole lots at `price` (positive) this money buys, rounded down and clamped to [`MAX_QUANTITY`].
    #[must_use]
    pub fn lots_floor(self, price: Price) -> Quantity {
        Quantity(narrow(divide_floor(self.0, i128::from(price.0)).clamp(0, i128::from(MAX_QUANTITY))))
    }
}

impl Quantity {
    /// What these lots are exposed to where each makes `share` of its feed's move; exact.
    #[must_use]
    pub fn exposed(self, share: Ratio) -> Exposure {
        Exposure(i128::from(self.0) * i128::from(share.0))
    }

    /// `self × ratio`, rounded down (towards −∞).
    #[must_use]
    pub fn times_floor(self, ratio: Ratio) -> Self {
        Self(narrow(divide_floor(times(i128::from(self.0), i128::from(ratio.0)), i128::from(PPM))))
    }

    /// `self × ratio`, rounded up (towards +∞).
    #[must_use]
    pub fn times_ceil(self, ratio: Ratio) -> Self {
        Self(narrow(divide_ceil(times(i128::from(self.0), i128::from(ratio.0)), i128::from(PPM))))
    }

    /// Whether one is long and the other short.
    #[must_use]
    pub fn opposes(self, other: Self) -> bool {
        !self.is_zero() && self.signum() == other.signum().saturating_neg()
    }

    /// The same size on the side of `sign` (+1 or −1).
    #[must_use]
    pub fn on_side(self, sign: i64) -> Self {
        if sign < 0 { -self.abs() } else { self.abs() }
    }
}

impl Price {
    /// `self × ratio`, rounded down.
    #[must_use]
    pub fn times_floor(self, ratio: Ratio) -> Self {
        Self(narrow(divide_floor(times(i128::from(self.0), i128::from(ratio.0)), i128::from(PPM))))
    }

    /// `self × ratio`, rounded up.
    #[must_use]
    pub fn times_ceil(self, ratio: Ratio) -> Self {
        Self(narrow(divide_ceil(times(i128::from(self.0), i128::from(ratio.0)), i128::from(PPM))))
    }

    /// `self ⁄ whole` in parts per million, rounded down and clamped to ±`limit`; a `whole` that is not positive gives the limit.
    #[must_use]
    pub fn ratio_to_floor(self, whole: Self, limit: Ratio) -> Ratio {
        Money(i128::from(self.0)).ratio_to_floor(Money(i128::from(whole.0)), limit)
    }

    /// Money for an exposure at this price for a lot that moves in full, rounded down.
    #[must_use]
    pub fn of_exposure_floor(self, exposure: Exposure) -> Money {
        Money(divide_floor(times(i128::from(self.0), exposure.0), i128::from(PPM)))
    }

    /// Money for an exposure at this price for a lot that moves in full, rounded up.
    #[must_use]
    pub fn of_exposure_ceil(self, exposure: Exposure) -> Money {
        Money(divide_ceil(times(i128::from(self.0), exposure.0), i128::from(PPM)))
    }

    /// What the price of a lot is for a lot that moves in full, where this one makes `share` of the move: `self ⁄ share`, rounded down and
    /// clamped to ±[`MAX_PRICE`]. Zero where nothing moves.
    #[must_use]
    pub fn in_full_floor(self, share: Ratio) -> Self {
        if share.0 <= 0 {
            return Self::ZERO;
        }
        let limit = i128::from(MAX_PRICE);
        Self(narrow(divide_floor(times(i128::from(self.0), i128::from(PPM)), i128::from(share.0)).clamp(-limit, limit)))
    }

    /// The price `part ⁄ whole` of the way from here to `other`, rounded down; `part` is clamped to `0..=whole`.
    #[must_use]
    pub fn towards_floor(self, other: Self, part: u64, whole: u64) -> Self {
        let whole = i128::from(whole.max(1));
        let part = i128::from(part).min(whole);
        let step = divide_floor(times(i128::from(other.0) - i128::from(self.0), part), whole);
        Self(narrow(i128::from(self.0) + step))
    }

    /// The middle of two prices, rounded down.
    #[must_use]
    pub fn middle_floor(self, other: Self) -> Self {
        Self(narrow(divide_floor(i128::from(self.0) + i128::from(other.0), 2)))
    }

    /// The time-weighted mean of a sum of price × milliseconds over `length`, rounded down; `length` must be positive.
    #[must_use]
    pub fn mean_floor(price_time: i128, length: Time) -> Self {
        Self(narrow(divide_floor(price_time, i128::from(length.0))))
    }

    /// Price × milliseconds, the term that [`Price::mean_floor`] averages.
    #[must_use]
    pub fn over(self, length: Time) -> i128 {
        i128::from(self.0) * i128::from(length.0)
    }
}

impl Ratio {
    /// One.
    pub const ONE: Self = Self(PPM);

    /// `self × other`, rounded down.
    #[must_use]
    pub fn times_floor(self, other: Self) -> Self {
        Self(narrow(divide_floor(times(i128::from(self.0), i128::from(other.0)), i128::from(PPM))))
    }

    /// `self × other`, rounded up.
    #[must_use]
    pub fn times_ceil(self, other: Self) -> Self {
        Self(narrow(divide_ceil(times(i128::from(self.0), i128::from(other.0)), i128::from(PPM))))
    }

    /// `self × length ⁄ unit`, rounded down: a rate per `unit` (positive) over `length`.
    #[must_use]
    pub fn over_floor(self, length: Time, unit: Time) -> Self {
        Self(narrow(divide_floor(times(i128::from(self.0), i128::from(length.0)), i128::from(unit.0))))
    }

    /// `self × length ⁄ unit`, rounded up: a rate per `unit` (positive) over `length`.
    #[must_use]
    pub fn over_ceil(self, length: Time, unit: Time) -> Self {
        Self(narrow(divide_ceil(times(i128::from(self.0), i128::from(length.0)), i128::from(unit.0))))
    }
}

impl Time {
    /// How many parts of an interval (positive) this length is, rounded down; one interval at most.
    #[must_use]
    pub fn parts_floor(self, interval: Self) -> i64 {
        narrow(divide_floor(times(i128::from(self.0.clamp(0, interval.0)), i128::from(PARTS)), i128::from(interval.0)))
    }

    /// `self × ratio`, rounded up.
    #[must_use]
    pub fn times_ceil(self, ratio: Ratio) -> Self {
        Self(narrow(divide_ceil(times(i128::from(self.0), i128::from(ratio.0)), i128::from(PPM))))
    }

    /// The first multiple of `step` (positive) that is later.
    #[must_use]
    pub fn next_multiple(self, step: Self) -> Self {
        let steps = divide_floor(i128::from(self.0), i128::from(step.0)) + 1;
        Self(narrow(times(steps, i128::from(step.0))))
    }

    /// `part ⁄ whole` of a day, rounded up: how long trading `part` takes in a market that trades `whole` a day.
    /// A market that trades nothing takes `limit`, and nothing takes longer than that.
    #[must_use]
    pub fn to_trade_ceil(part: Money, whole_a_day: Money, limit: Self) -> Self {
        if !whole_a_day.is_positive() {
            return limit;
        }
        let day_ms = 86_400_000;
        let part = part.0.min(1 << 96);
        Self(narrow(divide_ceil(times(part, day_ms), whole_a_day.0).clamp(0, i128::from(limit.0))))
    }
}

/// Shares `total` (≥ 0) by `weights` (each ≥ 0): floors first, then one quantum each to the largest remainders, ties to
/// the earlier entry. The parts sum to `total` exactly, unless every weight is zero: then every part is. R1.4
#[must_use]
pub fn share_exactly(total: i128, weights: &[i128]) -> alloc::vec::Vec<i128> {
    let whole = weights.iter().try_fold(0_i128, |sum, weight| sum.checked_add(*weight)).expect("the weights' sum fits");
    assert!(total >= 0 && weights.iter().all(|weight| *weight >= 0), "shares and weights are not negative");
    if whole == 0 {
        return alloc::vec![0; weights.len()];
    }
    // Weights beyond the precision that fits are cut at the low end; the parts still sum exactly.
    let excess = bits(total).saturating_add(bits(whole)).saturating_sub(125);
    let weights: alloc::vec::Vec<i128> = weights.iter().map(|weight| weight >> excess).collect();
    let whole: i128 = weights.iter().sum();
    let mut parts: alloc::vec::Vec<i128> = weights.iter().map(|weight| times(total, *weight) / whole).collect();
    let mut order: alloc::vec::Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|at| (-(times(total, weights[*at]) % whole), *at));
    let left = total - parts.iter().sum::<i128>();
    for at in order.iter().take(usize::try_from(left).expect("fewer quanta are left than there are parts")) {
        parts[*at] += 1;
    }
    parts
}

/// What came of sharing up to caps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capped {
    /// What each gets, in the order of the weights.
    pub parts: alloc::vec::Vec<i128>,
    /// What was shared by those who do not reach their caps.
    pub shared: i128,
    /// The sum of their weights.
    pub weights: i128,
}

/// Shares `total` (≥ 0) by `weights` (each ≥ 0), nobody above their cap (each ≥ 0): whoever would reach the cap gets the cap, the others
/// share what is left exactly. Nothing is left while somebody with a weight is below the cap. R1.4
#[must_use]
pub fn share_up_to_caps(total: i128, weights: &[i128], caps: &[i128]) -> Capped {
    // Who reaches the cap first has the lowest cap for each of its weight.
    let mut order: alloc::vec::Vec<usize> = (0..weights.len()).filter(|at| weights[*at] > 0).collect();
    order.sort_by(|one, other| {
        compare_products((caps[*one], weights[*other]), (caps[*other], weights[*one])).then(one.cmp(other))
    });
    let mut whole: i128 = order.iter().map(|at| weights[*at]).sum();
    let mut left = total;
    let mut parts = alloc::vec![0; weights.len()];
    let mut full = 0;
    for at in &order {
        if compare_products((caps[*at], whole), (left, weights[*at])).is_gt() {
            break;
        }
        parts[*at] = caps[*at];
        left -= caps[*at];
        whole -= weights[*at];
        full += 1;
    }
    let mut rest = order.split_off(full);
    rest.sort_unstable();
    let open: alloc::vec::Vec<i128> = rest.iter().map(|at| weights[*at]).collect();
    for (at, part) in rest.iter().zip(share_exactly(left, &open)) {
        parts[*at] = part.min(caps[*at]);
    }
    Capped { parts, shared: left, weights: whole }
}

/// Compares the products of two pairs, none of them negative, however large.
fn compare_products(one: (i128, i128), other: (i128, i128)) -> core::cmp::Ordering {
    match (one.0.checked_mul(one.1), other.0.checked_mul(other.1)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => wide_product(one).cmp(&wide_product(other)),
    }
}

/// The 256 bits of a product of what is not negative, the upper half first.
fn wide_product((left, right): (i128, i128)) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (left, right) = (left.unsigned_abs(), right.unsigned_abs());
    let (low, high) = ((left & LOW) * (right & LOW), (left >> 64) * (right >> 64));
    let (one, other) = ((left >> 64) * (right & LOW), (left & LOW) * (right >> 64));
    let carried = (low >> 64) + (one & LOW) + (other & LOW);
    (high + (one >> 64) + (other >> 64) + (carried >> 64), (carried << 64) | (low & LOW))
}

fn bits(value: i128) -> u32 {
    i128::BITS - value.leading_zeros()
}

/// The largest integer whose square is at most `value` (≥ 0).
#[must_use]
pub fn square_root_floor(value: i128) -> i128 {
    assert!(value >= 0, "a square root takes a value that is not negative");
    value.isqrt()
}

/// `left × right ⁄ whole`, rounded down, for the statistics of R4; `whole` must be positive.
#[must_use]
pub fn scaled_floor(left: i128, right: i128, whole: i128) -> i128 {
    divide_floor(times(left, right), whole)
}

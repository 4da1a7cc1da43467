//! Between the lab's floats and the core's integers.

use clearing::units::{Money, Price, Quantity, Ratio, Time};

/// Money from USD, to the nearest quantum.
#[must_use]
pub fn money(usd: f64) -> Money {
    Money::new((usd * 1e6).round() as i128)
}

/// USD from money.
#[must_use]
pub fn usd(money: Money) -> f64 {
    money.get() as f64 / 1e6
}

/// The price of a lot from USD a unit, to the nearest quantum.
#[must_use]
pub fn price(usd_a_unit: f64, lot_size: f64) -> Price {
    Price::new((usd_a_unit * lot_size * 1e6).round() as i64)
}

/// USD a unit from the price of a lot.
#[must_use]
pub fn usd_a_unit(price: Price, lot_size: f64) -> f64 {
    price.get() as f64 / 1e6 / lot_size
}

/// Whole lots from units.
#[must_use]
pub fn lots(units: f64, lot_size: f64) -> Quantity {
    Quantity::new(crate::population::lots(units, lot_size))
}

/// A ratio from a share of one, to the nearest part per million.
#[must_use]
pub fn ratio(share: f64) -> Ratio {
    Ratio::new((share * 1e6).round() as i64)
}

/// A length of time from seconds.
#[must_use]
pub fn seconds(length: f64) -> Time {
    Time::new((length * 1e3).round() as i64)
}

//! Decides how amounts are written for people and programs outside: decimal strings, exact, without needless zeros.
//!
//! The core counts lots and money quanta. A lot is 10⁻ᵖ of its asset, and p are its *places*; so a price a unit is the price a lot
//! times 10ᵖ, and both directions are exact.

use clearing::units::{MAX_PRICE, MAX_QUANTITY, Money, Price, Quantity, Ratio};
use std::collections::BTreeMap;

/// Places of money and ratios: quanta and parts are millionths.
const MILLIONTHS: u8 = 6;
/// Most places that a lot may have.
pub const MAX_PLACES: u8 = 12;

/// The places of each asset's lot, by the name of its feed. An asset that is not named has lots of one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<String, u8>);

impl Places {
    /// Takes the places of each asset; more than [`MAX_PLACES`] count as that many.
    #[must_use]
    pub fn new(places: impl IntoIterator<Item = (String, u8)>) -> Self {
        Self(places.into_iter().map(|(name, places)| (name, places.min(MAX_PLACES))).collect())
    }

    /// The places of the asset behind a feed.
    #[must_use]
    pub fn of(&self, feed: &str) -> u8 {
        self.0.get(feed).copied().unwrap_or(0)
    }
}

/// Money in USD.
#[must_use]
pub fn usd(money: Money) -> String {
    shifted(money.get(), MILLIONTHS)
}

/// A ratio as a fraction: 0.05 is 5 %.
#[must_use]
pub fn ratio(ratio: Ratio) -> String {
    shifted(i128::from(ratio.get()), MILLIONTHS)
}

/// A price in USD a unit.
#[must_use]
pub fn price(price: Price, places: u8) -> String {
    let quanta = i128::from(price.get()) * 10_i128.pow(u32::from(places));
    shifted(quanta, MILLIONTHS)
}

/// A quantity in units.
#[must_use]
pub fn quantity(quantity: Quantity, places: u8) -> String {
    shifted(i128::from(quantity.get()), places)
}

/// A lot in units.
#[must_use]
pub fn lot(places: u8) -> String {
    quantity(Quantity::new(1), places)
}

/// Reads a quantity in units; none unless it is a whole number of lots within the core's bounds.
#[must_use]
pub fn parse_quantity(text: &str, places: u8) -> Option<Quantity> {
    let lots = parsed(text, i32::from(places))?;
    (lots.unsigned_abs() <= MAX_QUANTITY.unsigned_abs().into()).then(|| i64::try_from(lots).ok().map(Quantity::new))?
}

/// Reads a price in USD a unit; none unless it is a whole number of quanta a lot within the core's bounds.
#[must_use]
pub fn parse_price(text: &str, places: u8) -> Option<Price> {
    let quanta = parsed(text, i32::from(MILLIONTHS) - i32::from(places))?;
    (quanta.unsigned_abs() <= MAX_PRICE.unsigned_abs().into()).then(|| i64::try_from(quanta).ok().map(Price::new))?
}

/// Reads an amount of USD; none unless it is a whole number of quanta.
#[must_use]
pub fn parse_usd(text: &str) -> Option<Money> {
    parsed(text, i32::from(MILLIONTHS)).map(Money::new)
}

/// Reads a fraction; none unless it is a whole number of millionths that fits.
#[must_use]
pub fn parse_ratio(text: &str) -> Option<Ratio> {
    i64::try_from(parsed(text, i32::from(MILLIONTHS))?).ok().map(Ratio::new)
}

/// `value × 10⁻ᵖ` without trailing zeros.
fn shifted(value: i128, places: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = usize::from(places) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(places));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A plain decimal number times 10ˢ, if that is whole. At most 30 digits a side.
fn parsed(text: &str, shift: i32) -> Option<i128> {
    const MOST_DIGITS: usize = 30;
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.len() <= MOST_DIGITS && part.bytes().all(|byte| byte.is_ascii_digit());
    let dotted = unsigned.contains('.') && fraction.is_empty();
    if whole.is_empty() || dotted || !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let exponent = shift - i32::try_from(fraction.len()).ok()?;
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let value = if exponent >= 0 {
        mantissa.checked_mul(10_i128.checked_pow(exponent.unsigned_abs())?)?
    } else {
        let divisor = 10_i128.checked_pow(exponent.unsigned_abs())?;
        (mantissa % divisor == 0).then_some(mantissa / divisor)?
    };
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::{parse_price, parse_quantity, parse_ratio, parse_usd, price, quantity, ratio, usd};
    use clearing::units::{MAX_PRICE, MAX_QUANTITY, Money, Price, Quantity, Ratio};

    #[test]
    fn amounts_are_exact_and_short() {
        assert_eq!(usd(Money::new(-1_234_500_001)), "-1234.500001");
        assert_eq!([usd(Money::ZERO), usd(Money::new(1)), usd(Money::new(5_000_000))], ["0", "0.000001", "5"]);
        assert_eq!(ratio(Ratio::new(-50_000)), "-0.05");
        // A lot of 0.00001 BTC at 1.166284 USD is 116,628.4 USD a BTC.
        assert_eq!(price(Price::new(1_166_284), 5), "116628.4");
        assert_eq!(quantity(Quantity::new(-150_000), 5), "-1.5");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for places in 0..=12 {
            for lots in [0, 1, -1, 99, 1_000_000, MAX_QUANTITY, -MAX_QUANTITY] {
                let lots = Quantity::new(lots);
                assert_eq!(parse_quantity(&quantity(lots, places), places), Some(lots));
            }
            for quanta in [0, 1, -7, 123_456, MAX_PRICE, -MAX_PRICE] {
                let quanta = Price::new(quanta);
                assert_eq!(parse_price(&price(quanta, places), places), Some(quanta));
            }
        }
        assert_eq!(parse_usd("-0.000001"), Some(Money::new(-1)));
        for millionths in [0, 1, -50_000, i64::MAX, -i64::MAX] {
            assert_eq!(parse_ratio(&ratio(Ratio::new(millionths))), Some(Ratio::new(millionths)));
        }
        assert_eq!((parse_ratio("0.0000001"), parse_ratio("9223372036854.775808")), (None, None));
    }

    #[test]
    fn what_is_no_whole_number_of_lots_is_refused() {
        let wrong = [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "1e3",
            "+1",
            " 1",
            "1 ",
            "0x1",
            "١",
            "1.2.3",
            "--1",
            "NaN",
            "0.000001",
            "99999999999999999999999999999999999999",
            "1099511627777",
        ];
        for text in wrong {
            assert_eq!(parse_quantity(text, 5), None, "{text:?}");
        }
        assert_eq!(parse_quantity("1099511627777", 0), None);
        assert_eq!(parse_quantity("1.50", 1), Some(Quantity::new(15)));
        assert_eq!(parse_price("0.05", 5), None, "a tenth of a quantum a lot does not exist: 0.05 / 10^5");
    }
}

//! Decides how a number of a document becomes an integer count: exactly, or not at all.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The name under which [`Decimal`] asks a deserializer for the text of a number.
pub(super) const NUMBER: &str = "Decimal";
/// Most significant digits of a number: what 10³⁰ smallest units need, and far from the end of `i128`.
const MAX_DIGITS: usize = 30;
/// Furthest place of a digit from the decimal point, either way.
const MAX_PLACE: i32 = 30;

/// A number as it was written: `digits` × 10^`exponent`, where `digits` does not end in zero unless it is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    pub(super) const ZERO: Self = Self { digits: 0, exponent: 0 };

    /// `digits` × 10^`exponent`.
    pub(super) fn new(digits: i128, exponent: i32) -> Self {
        let mut value = Self { digits, exponent };
        while value.digits != 0 && value.digits % 10 == 0 {
            value.digits /= 10;
            value.exponent += 1;
        }
        if value.digits == 0 { Self::ZERO } else { value }
    }

    pub(super) fn is_positive(self) -> bool {
        self.digits > 0
    }

    pub(super) fn is_negative(self) -> bool {
        self.digits < 0
    }

    /// The digits without trailing zeros, and the power of ten that they count.
    pub(super) fn parts(self) -> (i128, i32) {
        (self.digits, self.exponent)
    }

    /// How many units of 10^`place` the number is, if that is a whole number that fits.
    pub(super) fn count_of(self, place: i32) -> Option<i128> {
        let power = u32::try_from(self.exponent - place).ok().filter(|_| self.digits != 0);
        match power {
            Some(power) => 10_i128.checked_pow(power)?.checked_mul(self.digits),
            None => (self.digits == 0).then_some(0),
        }
    }

    /// Reads `-12.5`, `1_000` or `6e-3`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (sign, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (-1, &text[1..]),
            Some(b'+') => (1, &text[1..]),
            _ => (1, text),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        let digits: String = [whole, fraction].concat().chars().filter(char::is_ascii_digit).collect();
        if !is_number(whole) || !is_number(fraction) || digits.is_empty() {
            return Err("not a decimal number");
        }
        let exponent: i32 = exponent.replace('_', "").parse().map_err(|_| "not a decimal number")?;
        let places = i32::try_from(fraction.bytes().filter(u8::is_ascii_digit).count()).unwrap_or(i32::MAX);
        let significant = digits.trim_start_matches('0').trim_end_matches('0');
        let trailing = digits.len() - digits.trim_end_matches('0').len();
        if significant.is_empty() {
            return Ok(Self::ZERO);
        }
        let place = exponent.saturating_sub(places).saturating_add(i32::try_from(trailing).unwrap_or(i32::MAX));
        if significant.len() > MAX_DIGITS || !(-MAX_PLACE..=MAX_PLACE).contains(&place) {
            return Err("too large or too fine");
        }
        let digits: i128 = significant.parse().map_err(|_| "too large or too fine")?;
        Ok(Self::new(sign * digits, place))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs().to_string();
        match usize::try_from(-self.exponent) {
            Ok(places) if places > 0 => {
                let padded = format!("{digits:0>width$}", width = places + 1);
                let (whole, fraction) = padded.split_at(padded.len() - places);
                write!(out, "{sign}{whole}.{fraction}")
            }
            _ => write!(out, "{sign}{digits}{}", "0".repeat(self.exponent.unsigned_abs() as usize)),
        }
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Decimal;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a decimal number such as 12.5 or \"12.5\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
                Decimal::parse(text.trim()).map_err(|why| {
                    let shown: String = text.chars().take(40).collect();
                    let allowed = "a decimal number of at most 30 digits, none further than 30 places from the point";
                    E::custom(format!("{why}: {shown}; allowed: {allowed}"))
                })
            }
        }
        deserializer.deserialize_newtype_struct(NUMBER, Text)
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn numbers_are_read_as_written_and_written_as_read() {
        for (text, shown) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("12.50", "12.5"),
            ("+1_000", "1000"),
            ("6e-3", "0.006"),
            ("1.5E3", "1500"),
            (".5", "0.5"),
            ("-37.63", "-37.63"),
            ("0.1000000000000000000001", "0.1000000000000000000001"),
        ] {
            assert_eq!(Decimal::parse(text).map(|value| value.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_decimal_number_is_refused() {
        for text in ["", "-", ".", "nan", "inf", "0x10", "1e", "1e400", "1e-400", "1,5", "१", "--1", "1e99999999999"]
        {
            assert!(Decimal::parse(text).is_err(), "{text}");
        }
        assert!(Decimal::parse(&"9".repeat(10_000)).is_err());
    }

    #[test]
    fn counting_is_exact_or_refused() {
        let count = |text, place| Decimal::parse(text).unwrap().count_of(place);
        assert_eq!(count("60000.5", -6), Some(60_000_500_000));
        assert_eq!(count("0.0000005", -6), None);
        assert_eq!(count("0", 3), Some(0));
        assert_eq!(count("1e30", -30), None, "beyond i128");
    }
}

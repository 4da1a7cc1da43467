//! How numbers are written in a scenario: dollars, units, per cent and lengths of time, exact to the last quantum.

use clearing::units::{Money, Price, Quantity, Ratio, Time};

/// Every instrument of a scenario has lots of a hundredth of a unit: a price of 1 USD a unit is 10,000 quanta a lot.
const LOTS_A_UNIT: i128 = 100;
const MICRO: i128 = 1_000_000;

/// A decimal number, in millionths.
pub fn micros(text: &str) -> Result<i128, String> {
    let wrong = || format!("not a number: {text}");
    let plain = text.replace(['_', ','], "");
    let (negative, digits) = plain.strip_prefix('-').map_or((false, plain.as_str()), |rest| (true, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !all_digits(whole) || !all_digits(part) {
        return Err(wrong());
    }
    let value = format!("{whole}{part:0<6}").parse::<i128>().map_err(|_| wrong())?;
    Ok(if negative { -value } else { value })
}

fn exactly(value: i128, divisor: i128, text: &str) -> Result<i64, String> {
    if value % divisor != 0 {
        return Err(format!("finer than a lot or a quantum allows: {text}"));
    }
    i64::try_from(value / divisor).map_err(|_| format!("too large: {text}"))
}

pub fn money(text: &str) -> Result<Money, String> {
    micros(text).map(Money::new)
}

/// USD a unit.
pub fn price(text: &str) -> Result<Price, String> {
    exactly(micros(text)?, LOTS_A_UNIT, text).map(Price::new)
}

/// Units.
pub fn quantity(text: &str) -> Result<Quantity, String> {
    exactly(micros(text)?, MICRO / LOTS_A_UNIT, text).map(Quantity::new)
}

/// `10%`, or a plain multiple such as `0.1` or `3`.
pub fn ratio(text: &str) -> Result<Ratio, String> {
    match text.strip_suffix('%') {
        Some(percent) => exactly(micros(percent)?, 100, text).map(Ratio::new),
        None => exactly(micros(text)?, 1, text).map(Ratio::new),
    }
}

/// `250ms`, `10s`, `5m`, `2h`, `1d`.
pub fn time(text: &str) -> Result<Time, String> {
    let at = text
        .find(|letter: char| letter.is_ascii_alphabetic())
        .ok_or(format!("a length of time needs a unit: {text}"))?;
    let (number, unit) = text.split_at(at);
    let length = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("not a unit of time: {unit} (allowed: ms, s, m, h, d)")),
    };
    exactly(micros(number)? * length, MICRO, text).map(Time::new)
}

/// A number of millionths, without idle zeros.
pub fn show_micros(value: i128) -> String {
    let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let text = format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

pub fn show_money(value: Money) -> String {
    show_micros(value.get())
}

pub fn show_price(value: Price) -> String {
    show_micros(i128::from(value.get()) * LOTS_A_UNIT)
}

pub fn show_quantity(value: Quantity) -> String {
    show_micros(i128::from(value.get()) * (MICRO / LOTS_A_UNIT))
}

pub fn show_ratio(value: Ratio) -> String {
    format!("{}%", show_micros(i128::from(value.get()) * 100))
}

pub fn show_time(value: Time) -> String {
    match value.get() {
        length if length % 1_000 == 0 => format!("{}s", length / 1_000),
        length => format!("{length}ms"),
    }
}

/// Whether two words say the same: the same number, or the same word.
pub fn same(one: &str, other: &str) -> bool {
    let number = |text: &str| ratio(text).ok().map(|value| (text.ends_with('%'), value));
    one == other
        || number(one).is_some_and(|value| Some(value) == number(other))
        || micros(one).is_ok_and(|value| Ok(value) == micros(other))
}

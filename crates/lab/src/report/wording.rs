//! Decides how numbers and times read in a report, and makes any text safe to put into a page.

/// Stands for a value that there is not.
pub(super) const NOTHING: &str = "–";

/// Text for an element, an attribute or a plot's label, where it must stay text whatever it holds.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Three significant digits with a word for the magnitude: `1.23 M USD`, `−12.50 USD`.
pub(super) fn usd(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let size = value.abs();
    let (scaled, unit) = match size {
        _ if size >= 0.9995e9 => (size / 1e9, "B USD"),
        _ if size >= 0.9995e6 => (size / 1e6, "M USD"),
        _ if size >= 9.995e3 => (size / 1e3, "k USD"),
        _ => (size, "USD"),
    };
    let decimals = match scaled {
        _ if value == 0.0 => 0,
        _ if unit == "USD" => 2,
        _ if scaled >= 99.95 => 0,
        _ if scaled >= 9.995 => 1,
        _ => 2,
    };
    let digits = grouped(&format!("{scaled:.decimals$}"));
    // Half a cent rounds to nothing, and nothing has no sign.
    let sign = if value < 0.0 && digits.contains(|digit: char| ('1'..='9').contains(&digit)) { "−" } else { "" };
    format!("{sign}{digits} {unit}")
}

/// A price with about four significant digits, no decimals from 10,000 USD on: `121,540`, `1.080`, `0.1873`.
pub(super) fn price(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if !size.is_finite() => return NOTHING.to_owned(),
        _ if size >= 10_000.0 => 0,
        _ if size >= 1_000.0 => 1,
        _ if size >= 10.0 => 2,
        _ if size >= 1.0 => 3,
        _ => 4,
    };
    format!("{}{}", if value < 0.0 { "−" } else { "" }, grouped(&format!("{size:.decimals$}")))
}

/// A whole number with thousands set apart.
pub(super) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A figure of unknown kind: whole numbers without decimals, others with two.
pub(super) fn plain(value: f64) -> String {
    match value {
        _ if !value.is_finite() => NOTHING.to_owned(),
        _ if value.fract() == 0.0 => format!("{}{}", sign(value), grouped(&format!("{:.0}", value.abs()))),
        _ => format!("{}{}", sign(value), grouped(&format!("{:.2}", value.abs()))),
    }
}

/// A change against a start, in percent with one decimal: `−14.2 %`.
pub(super) fn change(start: f64, end: f64) -> String {
    let percent = (end / start - 1.0) * 100.0;
    if percent.is_finite() { format!("{}{:.1} %", sign(percent), percent.abs()) } else { NOTHING.to_owned() }
}

fn sign(value: f64) -> &'static str {
    if value < 0.0 { "−" } else { "" }
}

/// Commas between groups of three digits before the decimal point.
fn grouped(digits: &str) -> String {
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut grouped = String::with_capacity(digits.len() + whole / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `10 October 2025`, UTC.
pub(super) fn date(time_ms: i64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, month, day) = civil(time_ms.div_euclid(86_400_000));
    format!("{day} {} {year}", MONTHS[month])
}

/// `21:15:09`, UTC.
pub(super) fn clock(time_ms: i64) -> String {
    let seconds = time_ms.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Year, month from 0 and day of a day counted from 1 January 1970, by counting in the Gregorian calendar's cycle of 400 years.
fn civil(mut days: i64) -> (i64, usize, i64) {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let mut year = 1970 + 400 * days.div_euclid(146_097);
    days = days.rem_euclid(146_097);
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_like_money() {
        let expected = [
            (0.0, "0 USD"),
            (-0.001, "0.00 USD"),
            (-12.5, "−12.50 USD"),
            (9_994.0, "9,994.00 USD"),
            (54_321.0, "54.3 k USD"),
            (999_900.0, "1.00 M USD"),
            (1_234_000.0, "1.23 M USD"),
            (-18_420_000_000.0, "−18.4 B USD"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ];
        for (value, text) in expected {
            assert_eq!(usd(value), text);
        }
    }

    #[test]
    fn prices_counts_and_changes_read_well() {
        assert_eq!([price(121_540.4), price(0.18734), price(-37.63)], ["121,540", "0.1873", "−37.63"]);
        assert_eq!([count(0), count(999), count(1_234_567)], ["0", "999", "1,234,567"]);
        assert_eq!([plain(-1234.0), plain(0.5), plain(f64::NAN)], ["−1,234", "0.50", "–"]);
        assert_eq!([change(200.0, 171.6), change(0.0, 1.0)], ["−14.2 %", "–"]);
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(date(1_760_131_200_000), "10 October 2025");
        assert_eq!(clock(1_760_131_269_999), "21:21:09");
        assert_eq!(
            [date(0), date(951_782_400_000), date(-1)],
            ["1 January 1970", "29 February 2000", "31 December 1969"]
        );
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(escape("<script>'\"&</script>"), "&lt;script&gt;&#39;&quot;&amp;&lt;/script&gt;");
    }
}

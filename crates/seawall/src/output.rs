//! Decides how results look: tables, money, numbers, and colours on a terminal only.

use crate::failure::Failure;
use clap::builder::styling::{AnsiColor, Style};
use clearing::units::{Money, Ratio};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::ops::RangeInclusive;

/// Writes to standard output. A reader that has seen enough and closed the pipe is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::io(&format!("standard output: {error}"))),
        _ => Ok(()),
    }
}

/// Writes a value to standard output as JSON.
pub(crate) fn print_json<T: Serialize + ?Sized>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::data)?;
    print(&format!("{text}\n"))
}

/// A table with a rule between rows.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header.to_vec());
    table
}

/// Aligns columns of numbers to the right.
pub(crate) fn align_right(table: &mut Table, columns: RangeInclusive<usize>) {
    for column in table.column_iter_mut().filter(|column| columns.contains(&column.index)) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// The time of day of milliseconds since the Unix epoch: `21:21:05`.
pub(crate) fn clock(time_ms: i64) -> String {
    let second = time_ms.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A count with thousands apart.
pub(crate) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// A price with as many places as it needs.
pub(crate) fn price(price: f64) -> String {
    match price.abs() {
        large if large >= 1000.0 => format!("{price:.0}"),
        middle if middle >= 10.0 => format!("{price:.2}"),
        _ => format!("{price:.4}"),
    }
}

/// A sum of money at a glance: `1.42 M USD`.
pub(crate) fn usd(usd: f64) -> String {
    match usd.abs() {
        0.0 => "0 USD".to_owned(),
        large if large >= 1e9 => format!("{:.2} bn USD", usd / 1e9),
        middle if middle >= 1e6 => format!("{:.2} M USD", usd / 1e6),
        small if small >= 1e3 => format!("{:.2} k USD", usd / 1e3),
        _ => format!("{usd:.2} USD"),
    }
}

/// A figure that is a count or the mean of two counts.
pub(crate) fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value >= 0.0 { grouped(&format!("{value:.0}")) } else { format!("{value:.2}") }
}

/// Whether standard output takes colours.
pub(crate) fn colourful() -> bool {
    colours(&io::stdout())
}

/// Whether standard error takes colours.
pub(crate) fn colourful_errors() -> bool {
    colours(&io::stderr())
}

/// Colours belong on a terminal that has them, whose owner did not set `NO_COLOR` (no-color.org).
fn colours(stream: &impl IsTerminal) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|value| value == "dumb");
    stream.is_terminal() && !unwanted && !dumb
}

/// `text` in a style, or bare.
pub(crate) fn paint(text: &str, style: Style, colours: bool) -> String {
    if colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// The style of what is well.
pub(crate) fn good() -> Style {
    AnsiColor::Green.on_default().bold()
}

/// The style of what is not.
pub(crate) fn bad() -> Style {
    AnsiColor::Red.on_default().bold()
}

/// The style of a heading.
pub(crate) fn heading() -> Style {
    Style::new().bold()
}

/// A table without rules. `aligned` says how each column stands: `l` left, `r` right.
pub(crate) fn compact_table(header: &[&str], aligned: &str, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if !header.is_empty() {
        table.set_header(header.to_vec());
    }
    table.add_rows(rows);
    for (column, side) in table.column_iter_mut().zip(aligned.chars()) {
        column.set_cell_alignment(if side == 'r' { CellAlignment::Right } else { CellAlignment::Left });
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

const CENT: i128 = 10_000;

/// What there is, to the cent and rounded down: `−1,234,567.90`.
pub(crate) fn held(money: Money) -> String {
    cents(money.get().div_euclid(CENT))
}

/// What is needed, to the cent and rounded up, so that no need looks smaller than it is.
pub(crate) fn needed(money: Money) -> String {
    cents(-(-money.get()).div_euclid(CENT))
}

fn cents(cents: i128) -> String {
    let sign = if cents < 0 { "−" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", grouped(&(cents / 100).to_string()), cents % 100)
}

/// Money for a program: every quantum, as a decimal number such as `-1234567.890001`.
pub(crate) fn decimal(money: Money) -> String {
    let quanta = money.get().unsigned_abs();
    let sign = if money.is_negative() { "-" } else { "" };
    format!("{sign}{}.{:06}", quanta / 1_000_000, quanta % 1_000_000)
}

/// A ratio as `−12.3456 %`.
pub(crate) fn percent(ratio: Ratio) -> String {
    let ppm = ratio.get().unsigned_abs();
    let sign = if ratio.is_negative() { "−" } else { "" };
    format!("{sign}{}.{:04} %", grouped(&(ppm / 10_000).to_string()), ppm % 10_000)
}

/// A decimal number for a reader: thousands apart, a true minus.
pub(crate) fn readable(decimal: &str) -> String {
    let (sign, unsigned) = decimal.strip_prefix('-').map_or(("", decimal), |unsigned| ("−", unsigned));
    match unsigned.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", grouped(whole)),
        None => format!("{sign}{}", grouped(unsigned)),
    }
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{clock, decimal, held, needed, percent, plain, price, readable, usd};
    use clearing::units::{Money, Ratio};

    #[test]
    fn money_is_shown_to_the_cent_never_better_than_it_is_and_written_to_the_quantum() {
        let sums = [1_234_567_890_001, -1, 0].map(Money::new);
        assert_eq!(sums.map(held), ["1,234,567.89", "−0.01", "0.00"]);
        assert_eq!(sums.map(needed), ["1,234,567.90", "0.00", "0.00"]);
        assert_eq!(decimal(Money::new(-1_234_567_890_001)), "-1234567.890001");
    }

    #[test]
    fn numbers_have_thousands_apart_and_a_true_minus() {
        assert_eq!(readable("-1234567.125"), "−1,234,567.125");
        assert_eq!(readable("100"), "100");
        assert_eq!(percent(Ratio::new(-636_427)), "−63.6427 %");
    }

    #[test]
    fn figures_of_a_drill_are_short() {
        assert_eq!([usd(0.0), usd(1.42e6), usd(-40_760.0)], ["0 USD", "1.42 M USD", "-40.76 k USD"]);
        assert_eq!([price(116_628.4), price(8.431_3), price(15.0)], ["116628", "8.4313", "15.00"]);
        assert_eq!([plain(24_459.0), plain(0.5)], ["24,459", "0.50"]);
        assert_eq!(clock(1_760_131_265_000), "21:21:05");
    }
}

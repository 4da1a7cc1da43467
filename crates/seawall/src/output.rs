//! Decides how results and failures look: tables, money, colours on a terminal only, and exit codes.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Style};
use clearing::units::{Money, Ratio};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// Why a command did not do its work. Rules of `sysexits.h` for the code, so that scripts can tell the cases apart.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The input was read and makes no sense: exit code 65.
    Input {
        /// Where and what, lower case.
        message: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// A file or stream could not be read or written: exit code 74.
    Stream {
        /// Its name.
        name: String,
        /// What the system said.
        error: io::Error,
    },
}

impl Failure {
    /// Tells the reason on standard error; the exit code that goes with it.
    pub(crate) fn report(self) -> ExitCode {
        let (code, message, hint) = match self {
            // The reader of a pipe has seen enough: nothing is wrong, and nobody is left to tell.
            Self::Stream { error, .. } if error.kind() == ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Self::Stream { name, error } => (74, format!("{name}: {error}"), None),
            Self::Input { message, hint } => (65, message, hint),
        };
        let error = paint("error:", AnsiColor::Red.on_default().bold(), colours(&io::stderr()));
        let mut text = format!("{error} {message}\n");
        if let Some(hint) = hint {
            let _ = writeln!(text, "hint: {hint}");
        }
        // Where standard error is closed, the exit code has to do.
        let _ = io::stderr().write_all(text.as_bytes());
        ExitCode::from(code)
    }
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::Stream { name: "standard output".to_owned(), error })
}

/// Whether standard output takes colours.
pub(crate) fn colourful() -> bool {
    colours(&io::stdout())
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

/// A compact table: the first `texts` columns are text, the others numbers, aligned to the right.
pub(crate) fn table(header: &[&str], texts: usize, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        let numeric = column.index >= texts;
        column.set_padding((1, 1));
        column.set_cell_alignment(if numeric { CellAlignment::Right } else { CellAlignment::Left });
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Money for a reader: `−1,234,567.89`, to the cent and away from zero, so that no loss and no need looks smaller than it is.
pub(crate) fn dollars(money: Money) -> String {
    const CENT: u128 = 10_000;
    let cents = money.get().unsigned_abs().div_ceil(CENT);
    let sign = if money.is_negative() { "−" } else { "" };
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
    use super::{decimal, dollars, percent, readable};
    use clearing::units::{Money, Ratio};

    #[test]
    fn money_is_shown_to_the_cent_away_from_zero_and_written_to_the_quantum() {
        assert_eq!(dollars(Money::new(1_234_567_890_001)), "1,234,567.90");
        assert_eq!(dollars(Money::new(-1)), "−0.01");
        assert_eq!(dollars(Money::ZERO), "0.00");
        assert_eq!(decimal(Money::new(-1_234_567_890_001)), "-1234567.890001");
    }

    #[test]
    fn numbers_have_thousands_apart_and_a_true_minus() {
        assert_eq!(readable("-1234567.125"), "−1,234,567.125");
        assert_eq!(readable("100"), "100");
        assert_eq!(percent(Ratio::new(-636_427)), "−63.6427 %");
    }
}

//! Bring your own book: a venue's accounts, replayed through the clearing core along any path of prices.
//!
//! A [`Book`] is read from a table of our own (CSV or Parquet) or from what venues answer about accounts ([`venues`]); a [`PoolPlan`] says by which rules it is
//! cleared; a [`Path`] says what prices do. [`replay`](replay::replay) takes the book over as it stands and lets the core decide everything.

mod path;
mod pool;
pub mod replay;
mod rows;
mod table;
mod venues;

pub use path::Path;
pub use pool::{MarketPlan, PoolPlan};
pub use replay::{AccountFate, Course, Replayed, replay};

use std::path::PathBuf;

/// The most faults that are named; the rest are counted.
const NAMED_FAULTS: usize = 50;
/// The most accounts of a book.
pub const MOST_ACCOUNTS: usize = 1_000_000;
/// The largest number that a file may state, in units, USD or USD a unit.
pub(crate) const HUGE: f64 = 1e12;

/// Accounts, as somebody else kept them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book {
    /// In the order of the file.
    pub accounts: Vec<Holding>,
}

/// One account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Holding {
    /// Its name.
    pub name: String,
    /// Settlement money that was paid in, USD, without the profit and loss of open positions.
    pub cash_usd: f64,
    /// Perpetual positions.
    pub positions: Vec<OpenPosition>,
    /// Collateral: symbol and units.
    pub collateral: Vec<(String, f64)>,
}

/// A position in a perpetual.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenPosition {
    /// The asset.
    pub symbol: String,
    /// Units, above zero long.
    pub units: f64,
    /// What it was opened at, USD a unit.
    pub entry_usd: f64,
}

/// Why a book cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file has rows, or entries, that are wrong: each by itself.
    #[error("{}: {} wrong\n{}", path.display(), counted(faults.len()), named(faults))]
    Rows {
        /// Which.
        path: PathBuf,
        /// Every fault, with its row or entry, what was found and what is allowed.
        faults: Vec<String>,
    },
    /// The parts do not fit each other.
    #[error("{0}")]
    Misfit(String),
}

fn counted(faults: usize) -> String {
    if faults == 1 { "1 row is".to_owned() } else { format!("{faults} rows are") }
}

fn named(faults: &[String]) -> String {
    let shown = faults.iter().take(NAMED_FAULTS).map(|fault| format!("  {fault}"));
    let more = faults.len().saturating_sub(NAMED_FAULTS);
    let rest = (more > 0).then(|| format!("  and {more} more"));
    shown.chain(rest).collect::<Vec<_>>().join("\n")
}

impl Book {
    /// Reads a book: JSON as dYdX's indexer or Hyperliquid's `clearinghouseState` answers it if it begins with a brace or a bracket, Parquet if it begins with `PAR1`,
    /// otherwise CSV.
    ///
    /// # Errors
    /// If the file cannot be read, or with every row that is wrong.
    pub fn read(path: &std::path::Path) -> Result<Self, BookError> {
        let bytes = std::fs::read(path).map_err(|source| BookError::Unreadable { path: path.to_owned(), source })?;
        let rows = |faults: Vec<String>| BookError::Rows { path: path.to_owned(), faults };
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        let stem = path.file_stem().map_or_else(|| "account".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let read = if matches!(first, Some(b'{' | b'[')) { venues::read(&bytes, &stem) } else { rows::read(bytes) };
        let book = read.map_err(rows)?;
        if book.accounts.is_empty() {
            return Err(rows(vec!["found no account, allowed: at least one".to_owned()]));
        }
        if book.accounts.len() > MOST_ACCOUNTS {
            return Err(rows(vec![format!(
                "found {} accounts, allowed: at most {MOST_ACCOUNTS}",
                book.accounts.len()
            )]));
        }
        Ok(book)
    }
}

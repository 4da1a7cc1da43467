//! Decides what a recorded market is: bars by venue, market kind and asset, and the depth of one book.

use std::path::PathBuf;

/// 2025-10-10 20:00:00 UTC, unix milliseconds: the default window's start.
pub const WINDOW_FROM_MS: i64 = 1_760_126_400_000;
/// 2025-10-10 23:00:00 UTC, unix milliseconds: the default window's end.
pub const WINDOW_UNTIL_MS: i64 = 1_760_137_200_000;
/// The drill's assets, in the order of a tape.
pub const ASSETS: [&str; 11] = ["BTC", "ETH", "SOL", "AAVE", "ATOM", "AVAX", "DOGE", "LINK", "UNI", "WIF", "ADA"];
/// Most decimal places of a price that a recording keeps: a price is at most eight places long in every source.
pub const MOST_DECIMALS: u8 = 8;
/// Longest bar that a recording accepts, milliseconds.
pub const LONGEST_BAR_MS: i64 = 3_600_000;

/// Ten to the power of the index; exact in a float.
pub(super) const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A stretch of time, `from_ms` included, `until_ms` not; unix milliseconds UTC, both on a whole second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First millisecond.
    pub from_ms: i64,
    /// First millisecond after the window.
    pub until_ms: i64,
}

impl Default for Window {
    /// 10 October 2025, 20:00 to 23:00 UTC.
    fn default() -> Self {
        Window { from_ms: WINDOW_FROM_MS, until_ms: WINDOW_UNTIL_MS }
    }
}

impl Window {
    /// Length in seconds.
    pub fn seconds(&self) -> usize {
        usize::try_from((self.until_ms - self.from_ms) / 1000).unwrap_or(0)
    }

    /// Whether a bar that opens at `open_ms` and lasts `length_ms` lies wholly inside.
    pub fn holds(&self, open_ms: i64, length_ms: i64) -> bool {
        open_ms >= self.from_ms && open_ms.saturating_add(length_ms) <= self.until_ms
    }
}

/// What a venue's prices are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarketKind {
    /// Trades of the asset itself.
    Spot,
    /// Trades of a perpetual on it.
    Perpetual,
    /// A venue's own mark: computed, never traded, so it has no voice in an honest median.
    Mark,
}

/// What is known of the trades inside a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traded {
    /// The source gives no count; a bar whose volume is not zero is taken to have traded in each of its seconds.
    Unknown,
    /// How many trades, at times unknown.
    Trades(u32),
    /// Bit `i` is set when the bar's second `i` had a trade; for bars of at most 60 seconds.
    Seconds(u64),
}

/// Open, high, low and close of one stretch of time. Prices in USD; a USDT quote counts as USD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// First millisecond, unix time UTC, on a whole second.
    pub open_ms: i64,
    /// Length in milliseconds: whole seconds, 1,000 to 3,600,000.
    pub length_ms: i64,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Volume in the unit of the venue: units of the asset, or contracts on `binance_coinm_perp`; `None` when not given.
    pub volume: Option<f64>,
    /// What is known of the trades inside.
    pub traded: Traded,
}

/// One venue's bars of one asset, ascending and never overlapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Venue name, for example `binance_coinm_perp`.
    pub venue: String,
    /// What its prices are.
    pub kind: MarketKind,
    /// Asset symbol, for example `AAVE`.
    pub asset: String,
    /// Decimal places of its prices, 0 to 8: the tick is 10^−decimals USD.
    pub decimals: u8,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// Cumulative order-book depth around the mid at one time, USD, within 1 %, 2 % and 5 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DepthSnapshot {
    /// When, unix milliseconds UTC.
    pub at_ms: i64,
    /// Bids within 1 %, 2 % and 5 % below the mid.
    pub bid_usd: [f64; 3],
    /// Asks within 1 %, 2 % and 5 % above the mid.
    pub ask_usd: [f64; 3],
}

/// A recorded stretch of several venues' markets.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The stretch of time.
    pub window: Window,
    /// Every venue's bars, by asset in the order of [`ASSETS`], then by venue name.
    pub series: Vec<Series>,
    /// Depth of the BTC perpetual's book on Binance USD-M about every 30 seconds, starting at or just before the window.
    pub depth: Vec<DepthSnapshot>,
}

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// A file cannot be opened or decompressed.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A field of a table is not what its column allows.
    #[error("{} line {line}, {field}: found {found:?}, allowed is {allowed}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Line, the header being 1.
        line: u64,
        /// Column.
        field: &'static str,
        /// The field as found.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// No venue has bars of the asset.
    #[error("{}: no bars of {asset} in the window", data.display())]
    NoBars {
        /// The data folder.
        data: PathBuf,
        /// The asset.
        asset: String,
    },
    /// A compact recording contradicts its format.
    #[error("compact recording, byte {offset} of the decompressed content: {problem}")]
    Compact {
        /// Where reading stopped.
        offset: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// A recording holds something that the compact format cannot express.
    #[error("cannot write {what}: {problem}")]
    Unwritable {
        /// Which series, or the depth.
        what: String,
        /// What the format cannot express.
        problem: &'static str,
    },
}

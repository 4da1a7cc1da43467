//! Decides which files of the data folder make a recording, and refuses a line that contradicts itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::recording::{
    ASSETS, Bar, DepthSnapshot, LONGEST_BAR_MS, MOST_DECIMALS, MarketKind, POWERS, Recording, Series, TapeError,
    Traded, Window,
};

/// One-second bars exist from 2025-10-10 20:45 UTC …
const FINE_FROM_MS: i64 = 1_760_129_100_000;
/// … until 22:15 UTC.
const FINE_UNTIL_MS: i64 = 1_760_134_500_000;
/// The order book whose depth was recorded.
const DEPTH_FILE: &str = "oct2025/binance_usdm_perp__BTCUSDT_bookdepth__30s.csv.zst";
/// Depth snapshots come about every 30 seconds; one this much older than the window still says what its first second looked like.
const DEPTH_LEAD_MS: i64 = 60_000;

/// Where a venue's bars lie: folder, what follows the asset in the symbol, and the steps on offer from fine to coarse.
struct Shelf {
    venue: &'static str,
    kind: MarketKind,
    folder: &'static str,
    quote: &'static str,
    steps: &'static [&'static str],
}

const TICKS: &[&str] = &["1s", "1m"];
const BARS: &[&str] = &["3m", "5m"];

/// Sorted by venue name, so that a recording is too.
const SHELVES: [Shelf; 7] = [
    Shelf { venue: "binance", kind: MarketKind::Spot, folder: "oct2025", quote: "USDT", steps: BARS },
    Shelf { venue: "binance_coinm_mark", kind: MarketKind::Mark, folder: "oct2025", quote: "USD", steps: &["1m"] },
    Shelf {
        venue: "binance_coinm_perp",
        kind: MarketKind::Perpetual,
        folder: "oct2025_ticks",
        quote: "USD_PERP",
        steps: TICKS,
    },
    Shelf { venue: "binance_usdm_perp", kind: MarketKind::Perpetual, folder: "oct2025", quote: "USDT", steps: BARS },
    Shelf { venue: "bybit_perp", kind: MarketKind::Perpetual, folder: "oct2025", quote: "USDT", steps: BARS },
    Shelf { venue: "coinbase", kind: MarketKind::Spot, folder: "oct2025_ticks", quote: "USD", steps: TICKS },
    Shelf { venue: "gemini", kind: MarketKind::Spot, folder: "oct2025_ticks", quote: "USD", steps: TICKS },
];

impl Recording {
    /// Reads the drill's assets from the data folder: one-second bars from 20:45 to 22:15 UTC where a venue has them and its
    /// one-minute bars elsewhere, otherwise the venue's finest. Quotes in USDT are taken as USD.
    ///
    /// # Errors
    /// A file that cannot be read, a field that its column does not allow, an asset without any bar in the window.
    pub fn load(data: &Path, window: Window) -> Result<Recording, TapeError> {
        let mut series = Vec::new();
        for asset in ASSETS {
            let before = series.len();
            for shelf in &SHELVES {
                series.extend(load_series(data, shelf, asset, window)?);
            }
            if series.len() == before {
                return Err(TapeError::NoBars { data: data.to_path_buf(), asset: asset.to_owned() });
            }
        }
        let depth = load_depth(&data.join(DEPTH_FILE), window)?;
        Ok(Recording { window, series, depth })
    }
}

/// The bars of one venue and asset, or nothing where the venue has none.
fn load_series(data: &Path, shelf: &Shelf, asset: &str, window: Window) -> Result<Option<Series>, TapeError> {
    let mut bars: Vec<Bar> = Vec::new();
    let mut decimals = 0;
    let mut has_seconds = false;
    for step in shelf.steps {
        let path = data.join(shelf.folder).join(format!("{}__{asset}{}__{step}.csv.zst", shelf.venue, shelf.quote));
        if !path.exists() {
            continue;
        }
        let (found, places) = load_bars(&path, length_ms(step), window)?;
        decimals = decimals.max(places);
        if *step == "1s" {
            has_seconds = true;
            bars.extend(found.into_iter().filter(fine));
        } else if has_seconds {
            bars.extend(found.into_iter().filter(|bar| !fine(bar)));
        } else {
            bars = found;
            break;
        }
    }
    bars.sort_by_key(|bar| bar.open_ms);
    let named = |bars| Series { venue: shelf.venue.into(), kind: shelf.kind, asset: asset.into(), decimals, bars };
    Ok((!bars.is_empty()).then(|| named(bars)))
}

/// Whether a bar opens in the hour and a half that has one-second bars.
fn fine(bar: &Bar) -> bool {
    (FINE_FROM_MS..FINE_UNTIL_MS).contains(&bar.open_ms)
}

fn length_ms(step: &str) -> i64 {
    match step {
        "1s" => 1_000,
        "1m" => 60_000,
        "3m" => 180_000,
        "5m" => 300_000,
        _ => LONGEST_BAR_MS,
    }
}

/// A table with the place of the line being read, so that every refusal can name it.
struct Table {
    path: PathBuf,
    columns: BTreeMap<String, usize>,
    rows: csv::Reader<zstd::stream::Decoder<'static, std::io::BufReader<File>>>,
    row: csv::StringRecord,
}

impl Table {
    fn open(path: &Path) -> Result<Table, TapeError> {
        let read = |source| TapeError::Read { path: path.to_path_buf(), source };
        let mut rows =
            csv::Reader::from_reader(zstd::stream::Decoder::new(File::open(path).map_err(read)?).map_err(read)?);
        let header = rows.headers().map_err(|error| read(error.into()))?;
        let columns = header.iter().enumerate().map(|(place, name)| (name.to_owned(), place)).collect();
        Ok(Table { path: path.to_path_buf(), columns, rows, row: csv::StringRecord::new() })
    }

    fn next(&mut self) -> Result<bool, TapeError> {
        let path = &self.path;
        self.rows
            .read_record(&mut self.row)
            .map_err(|error| TapeError::Read { path: path.clone(), source: error.into() })
    }

    fn text(&self, field: &'static str) -> Option<&str> {
        self.columns.get(field).and_then(|place| self.row.get(*place))
    }

    fn refuse(&self, field: &'static str, allowed: &'static str) -> TapeError {
        let line = self.row.position().map_or(0, csv::Position::line);
        let found = self.text(field).unwrap_or("no such column").to_owned();
        TapeError::Field { path: self.path.clone(), line, field, found, allowed }
    }

    fn integer(&self, field: &'static str) -> Result<i64, TapeError> {
        let parsed = self.text(field).and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| self.refuse(field, "a whole number"))
    }

    /// An amount of at least zero; `None` when the field is empty or the table has no such column.
    fn amount(&self, field: &'static str) -> Result<Option<f64>, TapeError> {
        let Some(text) = self.text(field).filter(|text| !text.is_empty()) else { return Ok(None) };
        let parsed = text.parse().ok().filter(|amount: &f64| (0.0..1e18).contains(amount));
        parsed.map(Some).ok_or_else(|| self.refuse(field, "a number of at least 0, or nothing"))
    }

    /// A price above zero and its decimal places; a price with more than eight places is rounded to eight.
    fn price(&self, field: &'static str) -> Result<(f64, u8), TapeError> {
        let text = self.text(field).unwrap_or("");
        let parsed = text.parse().ok().filter(|price: &f64| *price > 0.0 && *price < 1e7);
        let price = parsed.ok_or_else(|| self.refuse(field, "a price above 0 and below 10,000,000"))?;
        let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len());
        let decimals = u8::try_from(places).unwrap_or(u8::MAX);
        if decimals <= MOST_DECIMALS {
            return Ok((price, decimals));
        }
        let scale = POWERS[usize::from(MOST_DECIMALS)];
        Ok(((price * scale).round() / scale, MOST_DECIMALS))
    }
}

/// Bars of one file that lie wholly in the window, and the most decimal places among their prices.
fn load_bars(path: &Path, length_ms: i64, window: Window) -> Result<(Vec<Bar>, u8), TapeError> {
    let mut table = Table::open(path)?;
    let mut bars: Vec<Bar> = Vec::new();
    let mut most = 0;
    while table.next()? {
        let open_ms = table.integer("ts_utc")?;
        if !window.holds(open_ms, length_ms) {
            continue;
        }
        if bars.last().is_some_and(|last| open_ms < last.open_ms + last.length_ms) || open_ms % 1000 != 0 {
            return Err(table.refuse("ts_utc", "a whole second after the bar before"));
        }
        let (bar, places) = parse_bar(&table, open_ms, length_ms)?;
        most = most.max(places);
        bars.push(bar);
    }
    Ok((bars, most))
}

fn parse_bar(table: &Table, open_ms: i64, length_ms: i64) -> Result<(Bar, u8), TapeError> {
    let (open, a) = table.price("open")?;
    let (high, b) = table.price("high")?;
    let (low, c) = table.price("low")?;
    let (close, d) = table.price("close")?;
    if low > open.min(close) {
        return Err(table.refuse("low", "at most the open and the close"));
    }
    if high < open.max(close) {
        return Err(table.refuse("high", "at least the open and the close"));
    }
    let traded = match table.amount("trades")? {
        None => Traded::Unknown,
        Some(_) if length_ms == 1000 => Traded::Seconds(1),
        Some(count) => Traded::Trades(count as u32),
    };
    let volume = table.amount("volume")?;
    Ok((Bar { open_ms, length_ms, open, high, low, close, volume, traded }, a.max(b).max(c).max(d)))
}

/// Depth within 1 %, 2 % and 5 % of the mid; the file has one line for each percentage.
fn load_depth(path: &Path, window: Window) -> Result<Vec<DepthSnapshot>, TapeError> {
    let mut table = Table::open(path)?;
    let mut depth: Vec<DepthSnapshot> = Vec::new();
    while table.next()? {
        let at_ms = table.integer("ts_utc")?;
        if at_ms < window.from_ms - DEPTH_LEAD_MS || at_ms >= window.until_ms {
            continue;
        }
        let percentage = table.integer("percentage")?;
        let notional = table.amount("notional_usdt")?;
        let usd = notional.ok_or_else(|| table.refuse("notional_usdt", "a number of at least 0"))?;
        if depth.last().is_none_or(|last| last.at_ms < at_ms) {
            depth.push(DepthSnapshot { at_ms, bid_usd: [0.0; 3], ask_usd: [0.0; 3] });
        }
        let Some(snapshot) = depth.last_mut().filter(|last| last.at_ms == at_ms) else {
            return Err(table.refuse("ts_utc", "a time not before the line above"));
        };
        let side = if percentage < 0 { &mut snapshot.bid_usd } else { &mut snapshot.ask_usd };
        match percentage.abs() {
            1 => side[0] = usd,
            2 => side[1] = usd,
            5 => side[2] = usd,
            3 | 4 => {}
            _ => return Err(table.refuse("percentage", "±1, ±2, ±3, ±4 or ±5")),
        }
    }
    Ok(depth)
}

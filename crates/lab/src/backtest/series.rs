//! Hourly prices: from the data folder, from a user's file, and as portfolios of them.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The assets of the data folder's longest hourly series, and where they are.
const LONGEST: (&str, &str, [&str; 7]) = ("long_1h", "binance", ["BTC", "ETH", "LTC", "XRP", "LINK", "DOGE", "SOL"]);
const HOUR_MS: i64 = 3_600_000;
/// Moments that a file may speak of, unix milliseconds: 1980 to the end of 2999.
const MOMENTS: std::ops::Range<i64> = 315_532_800_000..32_503_680_000_000;
/// The most rows of a user's file.
const MOST_ROWS: usize = 5_000_000;

/// What was traded hour by hour.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// When each return ends, unix milliseconds.
    pub times: Vec<i64>,
    /// Simple returns of the portfolio, an hour each; where the data has a hole, the hour after it is left out.
    pub returns: Vec<f64>,
    /// Prices at the beginning of each return, for each leg.
    pub(super) prices: Vec<Vec<f64>>,
    /// The share of notional in each leg; negative is short. Absolute values sum to one.
    pub(super) weights: Vec<f64>,
}

/// Why data cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// The data folder is not there.
    #[error("{}: the data folder is not there; SEAWALL_DATA says where it is, --prices names a file, --made 7 makes prices", folder.display())]
    NoData {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A file is malformed.
    #[error("{}: {fault}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its row.
        fault: String,
    },
    /// Too little of it.
    #[error("{name}: found {hours} hourly returns, allowed: at least {}", super::LEAST_HOURS)]
    Short {
        /// The series.
        name: String,
        /// How many.
        hours: usize,
    },
    /// The core refuses the series.
    #[error("{name}: the core refused to list it: {reason}")]
    Refused {
        /// The series.
        name: String,
        /// What it said.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Bar {
    ts_utc: i64,
    close: f64,
}

impl Series {
    /// Seven coins of the data folder, and two portfolios of them: all alike, and half of them against the other half.
    ///
    /// # Errors
    /// If the folder or a file is missing or malformed.
    pub fn of_folder() -> Result<Vec<Self>, BacktestError> {
        let folder = PathBuf::from(std::env::var("SEAWALL_DATA").unwrap_or_else(|_| "../shared/data".to_owned()));
        let (dataset, venue, assets) = LONGEST;
        let folder = folder.join(dataset);
        if !folder.is_dir() {
            return Err(BacktestError::NoData { folder });
        }
        let read = |asset: &&str| closes(&folder.join(format!("{venue}__{asset}USDT__1h.csv.zst")));
        let all: Vec<BTreeMap<i64, f64>> = assets.iter().map(read).collect::<Result<_, _>>()?;
        let mut series: Vec<Self> =
            assets.iter().zip(&all).map(|(asset, own)| Self::of(asset, &[own], &[1.0])).collect::<Result<_, _>>()?;
        let legs: Vec<&BTreeMap<i64, f64>> = all.iter().collect();
        let alike = vec![1.0 / legs.len() as f64; legs.len()];
        // The odd one out stays with the longs, so that the two sides weigh the same: three long, three short, SOL left out.
        let against: Vec<f64> = (0..6).map(|at| if at % 2 == 0 { 1.0 } else { -1.0 } / 6.0).collect();
        series.push(Self::of("all seven alike", &legs, &alike)?);
        series.push(Self::of("three against three", &legs[..6], &against)?);
        Ok(series)
    }

    /// A user's file: columns `ts_utc` (unix milliseconds, an hour apart) and `close`; others are ignored. `.zst` is decompressed.
    ///
    /// # Errors
    /// If the file is missing or malformed, with the row.
    pub fn of_file(path: &Path) -> Result<Vec<Self>, BacktestError> {
        let name = path.file_name().map_or_else(|| "prices".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(vec![Self::of(&name, &[&closes(path)?], &[1.0])?])
    }

    pub(super) fn of(name: &str, legs: &[&BTreeMap<i64, f64>], weights: &[f64]) -> Result<Self, BacktestError> {
        let shared: Vec<i64> =
            legs[0].keys().filter(|time| legs.iter().all(|own| own.contains_key(*time))).copied().collect();
        let (mut times, mut returns, mut prices) = (Vec::new(), Vec::new(), vec![Vec::new(); legs.len()]);
        for pair in shared.windows(2).filter(|pair| pair[1] - pair[0] == HOUR_MS) {
            times.push(pair[1]);
            let change = |own: &&BTreeMap<i64, f64>| own[&pair[1]] / own[&pair[0]] - 1.0;
            returns.push(legs.iter().zip(weights).map(|(own, weight)| weight * change(own)).sum());
            for (path, own) in prices.iter_mut().zip(legs) {
                path.push(own[&pair[0]]);
            }
        }
        if returns.len() < super::LEAST_HOURS {
            return Err(BacktestError::Short { name: name.to_owned(), hours: returns.len() });
        }
        Ok(Self { name: name.to_owned(), times, returns, prices, weights: weights.to_vec() })
    }

    /// How many returns calibrate.
    #[must_use]
    pub fn split(&self, train: f64) -> usize {
        (self.returns.len() as f64 * train) as usize
    }

    /// The same with everything after an hour replaced: what a test of no look-ahead needs.
    #[must_use]
    pub fn with_another_future(&self, from: usize, factor: f64) -> Self {
        let mut other = self.clone();
        for hour in from..other.returns.len() {
            other.returns[hour] = -other.returns[hour] * factor;
        }
        for path in &mut other.prices {
            for (hour, price) in path.iter_mut().enumerate().skip(from + 1) {
                *price *= 1.0 + 0.5 * factor * ((hour % 7) as f64 / 7.0);
            }
        }
        other
    }
}

fn closes(path: &Path) -> Result<BTreeMap<i64, f64>, BacktestError> {
    let malformed = |fault: String| BacktestError::Malformed { path: path.to_owned(), fault };
    let file = std::fs::File::open(path).map_err(|error| malformed(error.to_string()))?;
    let packed = path.extension().is_some_and(|extension| extension == "zst");
    let reader: Box<dyn std::io::Read> = if packed {
        Box::new(zstd::stream::Decoder::new(file).map_err(|error| malformed(error.to_string()))?)
    } else {
        Box::new(file)
    };
    let mut rows = csv::Reader::from_reader(reader);
    let heads = rows.headers().map_err(|error| malformed(error.to_string()))?;
    if let Some(missing) = ["ts_utc", "close"].iter().find(|column| !heads.iter().any(|head| head == **column)) {
        return Err(malformed(format!("there is no column {missing}; ts_utc and close are needed")));
    }
    let mut bars = BTreeMap::new();
    for (row, bar) in rows.deserialize().enumerate() {
        let bar: Bar = bar.map_err(|error| malformed(error.to_string()))?;
        let row = row + 2;
        if row > MOST_ROWS {
            return Err(malformed(format!("more than {MOST_ROWS} rows")));
        }
        if !(bar.close.is_finite() && bar.close > 0.0) {
            return Err(malformed(format!("row {row}: close: found {}, allowed: above 0", bar.close)));
        }
        if !MOMENTS.contains(&bar.ts_utc) {
            let allowed = "allowed: unix milliseconds of the years 1980 to 2999";
            return Err(malformed(format!("row {row}: ts_utc: found {}, {allowed}", bar.ts_utc)));
        }
        if bars.insert(bar.ts_utc, bar.close).is_some() {
            return Err(malformed(format!("row {row}: ts_utc: found {} twice", bar.ts_utc)));
        }
    }
    Ok(bars)
}

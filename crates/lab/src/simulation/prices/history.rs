//! Joint returns of several assets, from the recording inside the program or from a series of the data folder.

use crate::catalogue::Exhibit;
use crate::tape::Tape;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The recording that the program carries.
const CARRIED: &str = "october-2025";
/// Older prints of a venue than this do not count, seconds.
const MAX_AGE_S: usize = 30;
/// How fast the local volatility of a return forgets: the weight of the old variance.
const DECAY: f64 = 0.9;
/// Quotes in which a data folder may have an asset, in this order.
const QUOTES: [&str; 4] = ["USDT", "USD", "USDC", "USD_PERP"];
/// The most bars of a file that are read.
const MOST_BARS: usize = 5_000_000;

/// Joint log returns at one step.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulation) struct History {
    /// The assets.
    pub symbols: Vec<String>,
    /// Seconds between returns.
    pub step_s: f64,
    /// For each asset, a log return a step, in the same order for all.
    pub returns: Vec<Vec<f64>>,
    /// For each asset, how large a return was usual around each step.
    pub(super) local: Vec<Vec<f64>>,
}

/// Why a source cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing of that name.
    #[error(
        "prices.source: found \"{found}\", allowed: october-2025, or DATASET/VENUE/STEP of the data folder, luna2022/okx_perp/5m"
    )]
    Unknown {
        /// The name.
        found: String,
    },
    /// The data folder is needed and is not there.
    #[error("{}: the data folder is not there; SEAWALL_DATA says where it is. The source october-2025 needs none", folder.display())]
    NoData {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// An asset has no series in the source.
    #[error("{source_name} has no prices of {symbol}")]
    NoSeries {
        /// The source.
        source_name: String,
        /// The asset.
        symbol: String,
    },
    /// A file is malformed.
    #[error("{}: {fault}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// Too few returns, or steps that do not fit.
    #[error("{source_name}: {fault}")]
    Unfit {
        /// The source.
        source_name: String,
        /// What does not fit.
        fault: String,
    },
}

impl History {
    /// Reads a source at a step as near to `step_s` as it has.
    pub(super) fn read(source: &str, symbols: &[String], step_s: f64) -> Result<Self, SourceError> {
        let (own_step, prices) =
            if source == CARRIED { (1.0, carried(symbols)?) } else { from_folder(source, symbols)? };
        let unfit = |fault: String| SourceError::Unfit { source_name: source.to_owned(), fault };
        // Whole steps of the source to a block, or whole blocks to a step of the source.
        let every = if own_step < step_s { step_s / own_step } else { 1.0 };
        let fits = if own_step < step_s { step_s % own_step == 0.0 } else { own_step % step_s == 0.0 };
        if !fits {
            return Err(unfit(format!("its steps of {own_step} s do not fit blocks of {step_s} s")));
        }
        let changes = |path: &Vec<f64>| -> Vec<f64> {
            let points: Vec<f64> = path.iter().step_by(every as usize).copied().collect();
            points.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect()
        };
        let returns: Vec<Vec<f64>> = prices.iter().map(changes).collect();
        if returns.iter().any(|own| own.len() < 30) {
            return Err(unfit(format!("found {} joint returns, allowed: at least 30", returns[0].len())));
        }
        if returns.iter().flatten().any(|change| !change.is_finite()) {
            return Err(unfit("a price is not above zero".to_owned()));
        }
        let local = returns.iter().map(|own| local_deviation(own)).collect();
        Ok(Self { symbols: symbols.to_vec(), step_s: own_step * every, returns, local })
    }

    /// How many joint returns.
    pub(super) fn count(&self) -> usize {
        self.returns.first().map_or(0, Vec::len)
    }

    /// The mean of all assets' returns at each step, each in units of its own deviation.
    pub(super) fn factor(&self) -> Vec<f64> {
        let deviations: Vec<f64> = self.returns.iter().map(|own| deviation(own).max(1e-12)).collect();
        let mean = |step: usize| {
            let sum: f64 = self.returns.iter().zip(&deviations).map(|(own, deviation)| own[step] / deviation).sum();
            sum / self.returns.len() as f64
        };
        (0..self.count()).map(mean).collect()
    }

    /// The mean correlation between two assets; 1 if there is one asset.
    pub(super) fn correlation(&self) -> f64 {
        let count = self.returns.len() as f64;
        if count < 2.0 {
            return 1.0;
        }
        let factor = deviation(&self.factor());
        // The variance of a mean of n unit variables with mean correlation ρ is (1 + (n − 1)ρ) / n.
        ((factor * factor * count - 1.0) / (count - 1.0)).clamp(0.0, 1.0)
    }

    /// The largest fall of any asset within an hour, as a share.
    pub(super) fn largest_hourly_fall(&self) -> f64 {
        let steps = (3_600.0 / self.step_s).max(1.0) as usize;
        let fall = |own: &Vec<f64>| {
            let path: Vec<f64> = std::iter::once(1.0)
                .chain(own.iter().scan(0.0, |at, change| {
                    *at += change;
                    Some(f64::exp(*at))
                }))
                .collect();
            crate::tape::largest_fall(&path, steps)
        };
        self.returns.iter().map(fall).fold(0.0, f64::max)
    }
}

/// The standard deviation around zero.
pub(super) fn deviation(values: &[f64]) -> f64 {
    (values.iter().map(|value| value * value).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

fn local_deviation(returns: &[f64]) -> Vec<f64> {
    let mut variance = deviation(returns).powi(2);
    let next = |change: &f64| {
        variance = DECAY * variance + (1.0 - DECAY) * change * change;
        variance.sqrt()
    };
    returns.iter().map(next).collect()
}

/// The honest median of the carried recording, a price a second.
fn carried(symbols: &[String]) -> Result<Vec<Vec<f64>>, SourceError> {
    let drill = Exhibit::find(CARRIED).expect("the program carries it");
    let plan = drill.plan().expect("its description is sound");
    let recording = drill.recording(&plan, None).expect("the carried recording is sound");
    let tape = Tape::new(&recording, 1);
    let of = |symbol: &String| {
        let path = tape.honest_median(symbol, MAX_AGE_S);
        let missing = || SourceError::NoSeries { source_name: CARRIED.to_owned(), symbol: symbol.clone() };
        if path.is_empty() { Err(missing()) } else { Ok(path) }
    };
    symbols.iter().map(of).collect()
}

#[derive(Deserialize)]
struct Bar {
    ts_utc: i64,
    close: f64,
}

/// Closes that all assets have at the same times, with the step of the series.
fn from_folder(source: &str, symbols: &[String]) -> Result<(f64, Vec<Vec<f64>>), SourceError> {
    let unknown = || SourceError::Unknown { found: source.to_owned() };
    let [dataset, venue, step] = source.split('/').collect::<Vec<_>>()[..] else { return Err(unknown()) };
    if [dataset, venue, step].iter().any(|part| part.is_empty() || part.contains("..")) {
        return Err(unknown());
    }
    let step_s = seconds_of(step).ok_or_else(unknown)?;
    let folder = PathBuf::from(std::env::var("SEAWALL_DATA").unwrap_or_else(|_| "../shared/data".to_owned()));
    let folder = [folder.join("data"), folder].into_iter().find(|folder| folder.join(dataset).is_dir());
    let Some(folder) = folder else {
        let folder = PathBuf::from(std::env::var("SEAWALL_DATA").unwrap_or_else(|_| "../shared/data".to_owned()));
        return Err(SourceError::NoData { folder: folder.join(dataset) });
    };
    let file = |symbol: &String| {
        let names =
            QUOTES.iter().map(|quote| folder.join(dataset).join(format!("{venue}__{symbol}{quote}__{step}.csv.zst")));
        let missing = || SourceError::NoSeries { source_name: source.to_owned(), symbol: symbol.clone() };
        names.into_iter().find(|path| path.is_file()).ok_or_else(missing)
    };
    let series: Vec<BTreeMap<i64, f64>> =
        symbols.iter().map(|symbol| closes(&file(symbol)?)).collect::<Result<_, _>>()?;
    let shared = |time: &&i64| series.iter().all(|own| own.contains_key(*time));
    let times: Vec<i64> = series[0].keys().filter(shared).copied().collect();
    // A hole is not a return: only what follows within one step counts, and holes are closed up.
    let mut paths = vec![vec![1.0]; symbols.len()];
    for pair in times.windows(2).filter(|pair| (pair[1] - pair[0]) as f64 == step_s * 1_000.0) {
        for (path, own) in paths.iter_mut().zip(&series) {
            let last = path.last().copied().unwrap_or(1.0);
            path.push(last * own[&pair[1]] / own[&pair[0]]);
        }
    }
    Ok((step_s, paths))
}

fn seconds_of(step: &str) -> Option<f64> {
    let unit = match step.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = step.trim_end_matches(['s', 'm', 'h', 'd']);
    let count: u32 = digits.parse().ok().filter(|count| (1..=1_000).contains(count))?;
    Some(f64::from(count) * f64::from(unit))
}

fn closes(path: &Path) -> Result<BTreeMap<i64, f64>, SourceError> {
    let malformed = |fault: String| SourceError::Malformed { path: path.to_owned(), fault };
    let file = std::fs::File::open(path).map_err(|error| malformed(error.to_string()))?;
    let decoder = zstd::stream::Decoder::new(file).map_err(|error| malformed(error.to_string()))?;
    let mut bars = BTreeMap::new();
    for (row, bar) in csv::Reader::from_reader(decoder.take(1 << 30)).deserialize().enumerate() {
        let bar: Bar = bar.map_err(|error| malformed(error.to_string()))?;
        if !(bar.close.is_finite() && bar.close > 0.0) {
            return Err(malformed(format!("row {}: close: found {}, allowed: above 0", row + 2, bar.close)));
        }
        if row >= MOST_BARS {
            return Err(malformed(format!("more than {MOST_BARS} rows")));
        }
        bars.insert(bar.ts_utc, bar.close);
    }
    Ok(bars)
}

//! What prices do: a user's file, a drill's recording, or the course of an exhibit of the museum.

use super::{BookError, HUGE, PoolPlan, table};
use crate::catalogue::Exhibit as Drill;
use crate::museum::stage::Asset;
use crate::museum::{ALL, IndexCourse};
use crate::tape::Tape;
use std::collections::BTreeMap;
use std::path::Path as FilePath;

/// Venues' prints older than this have no vote in the price of a drill's second.
const MAX_AGE_S: usize = 60;
const MOST_POINTS: usize = 2_000_000;

/// Prices of some assets over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Where it is from, for people.
    pub source: String,
    /// The assets.
    pub symbols: Vec<String>,
    /// Seconds since it begins, rising, and a price of each asset, USD a unit.
    pub points: Vec<(f64, Vec<f64>)>,
    /// Whether only its moves count: then an asset begins where the pool says, whatever history's price was.
    pub is_relative: bool,
}

impl Path {
    /// A user's file: CSV or Parquet with columns `time` (seconds, any origin; fractions allowed), `asset` and `price`, sorted by time. An asset keeps its price
    /// until the next is stated; the path begins when all have one.
    ///
    /// # Errors
    /// With every row that is wrong.
    pub fn of_file(path: &FilePath) -> Result<Self, BookError> {
        let bytes = std::fs::read(path).map_err(|source| BookError::Unreadable { path: path.to_owned(), source })?;
        let rows = |faults: Vec<String>| BookError::Rows { path: path.to_owned(), faults };
        let prints = prints(bytes).map_err(rows)?;
        let mut symbols: Vec<String> = prints.iter().map(|(_, symbol, _)| symbol.clone()).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let mut last: BTreeMap<&str, f64> = BTreeMap::new();
        let mut points: Vec<(f64, Vec<f64>)> = Vec::new();
        for (time, symbol, price) in &prints {
            last.insert(symbol, *price);
            if last.len() < symbols.len() {
                continue;
            }
            let now: Vec<f64> = last.values().copied().collect();
            match points.last_mut().filter(|point| point.0 == *time) {
                Some(point) => point.1 = now,
                None => points.push((*time, now)),
            }
        }
        if points.len() < 2 {
            return Err(rows(vec![format!(
                "found {} moments with a price of every asset, allowed: at least 2",
                points.len()
            )]));
        }
        let begins = points[0].0;
        points.iter_mut().for_each(|point| point.0 -= begins);
        Ok(Self { source: path.display().to_string(), symbols, points, is_relative: false })
    }

    /// The path of a drill (its honest median, second by second) or of an exhibit of the museum (the indices that the core had at history's choice).
    ///
    /// # Errors
    /// If nothing has this name.
    pub fn of_history(name: &str, data: Option<&FilePath>, seed: u64) -> Result<Self, BookError> {
        let misfit = |error: &dyn std::fmt::Display| BookError::Misfit(format!("{name}: {error}"));
        if let Some(drill) = Drill::find(name) {
            let plan = drill.plan().map_err(|error| misfit(&error))?;
            let recording = drill.recording(&plan, data).map_err(|error| misfit(&error))?;
            return Ok(Self::of_tape(name, &Tape::new(&recording, seed)));
        }
        let exhibit = ALL.iter().find(|exhibit| exhibit.name == name);
        let exhibit =
            exhibit.ok_or_else(|| BookError::Misfit(format!("found no drill and no exhibit called {name}")))?;
        let course = exhibit.index_course().map_err(|error| misfit(&error))?;
        let IndexCourse { symbols, points } = course;
        if points.len() < 2 {
            return Err(BookError::Misfit(format!("{name}: it has no course of prices to replay")));
        }
        let begins = points[0].0;
        let points = points.into_iter().map(|(second, prices)| (second - begins, prices)).collect();
        Ok(Self { source: name.to_owned(), symbols, points, is_relative: true })
    }

    fn of_tape(name: &str, tape: &Tape) -> Self {
        let symbols: Vec<String> = tape.assets.iter().map(|asset| asset.symbol.clone()).collect();
        let paths: Vec<Vec<f64>> = symbols.iter().map(|symbol| tape.honest_median(symbol, MAX_AGE_S)).collect();
        let at = |second: usize| (second as f64, paths.iter().map(|path| path[second]).collect());
        Self { source: name.to_owned(), symbols, points: (0..tape.seconds).map(at).collect(), is_relative: true }
    }

    /// The path of the pool's own assets, each where the pool says that it begins if only moves count.
    ///
    /// # Errors
    /// If the pool and the path have no asset in common, an asset follows one that the path has not, or a price is not one for the asset.
    pub fn for_pool(&self, plan: &PoolPlan) -> Result<Self, BookError> {
        let mut columns: Vec<(&Asset, usize)> = Vec::new();
        for asset in &plan.asset {
            let followed = plan.follows.get(&asset.symbol);
            let wanted = followed.unwrap_or(&asset.symbol);
            match self.symbols.iter().position(|symbol| symbol == wanted) {
                Some(column) => columns.push((asset, column)),
                None if followed.is_some() => {
                    let fault =
                        format!("follows.{}: found {wanted}, allowed: {}", asset.symbol, self.symbols.join(", "));
                    return Err(BookError::Misfit(fault));
                }
                None => (),
            }
        }
        if columns.is_empty() {
            let listed = plan.asset.iter().map(|asset| asset.symbol.as_str()).collect::<Vec<_>>().join(", ");
            let fault =
                format!("the pool lists {listed} and {} has prices of {}", self.source, self.symbols.join(", "));
            return Err(BookError::Misfit(format!(
                "{fault}: none in common; [follows] in the pool's file can pair them"
            )));
        }
        let first = &self.points[0].1;
        let price = |prices: &[f64], (asset, column): &(&Asset, usize)| {
            let scale = if self.is_relative { asset.price_usd / first[*column] } else { 1.0 };
            prices[*column] * scale
        };
        let points: Vec<(f64, Vec<f64>)> = self
            .points
            .iter()
            .map(|(second, prices)| (*second, columns.iter().map(|own| price(prices, own)).collect()))
            .collect();
        for (place, (asset, _)) in
            columns.iter().enumerate().filter(|(_, (asset, _))| asset.negative_from_usd.is_none())
        {
            if let Some((second, prices)) =
                points.iter().find(|(_, prices)| prices[place].is_nan() || prices[place] <= 0.0)
            {
                let fault = format!("{}: found a price of {} at second {second}", asset.symbol, prices[place]);
                return Err(BookError::Misfit(format!("{fault}, allowed: above 0 unless negative_from_usd is set")));
            }
        }
        let symbols = columns.iter().map(|(asset, _)| asset.symbol.clone()).collect();
        Ok(Self { source: self.source.clone(), symbols, points, is_relative: false })
    }

    /// Seconds from its beginning to its end.
    #[must_use]
    pub fn length_s(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.0)
    }
}

fn prints(bytes: Vec<u8>) -> Result<Vec<(f64, String, f64)>, Vec<String>> {
    let mut prints: Vec<(f64, String, f64)> = Vec::new();
    table::visit(bytes, ["time", "asset", "price"], MOST_POINTS, |row| {
        let before = prints.last().map(|print| print.0);
        prints.push(print(row, before)?);
        Ok(())
    })?;
    Ok(prints)
}

fn print([time, asset, price]: [&str; 3], before: Option<f64>) -> Result<(f64, String, f64), String> {
    let time = super::rows::number("time", time)?;
    let price = super::rows::number("price", price)?;
    if price.abs() > HUGE / 1e3 || price == 0.0 {
        return Err(format!("price: found {price}, allowed: anything but 0 to 10^9"));
    }
    if asset.is_empty() {
        return Err("asset: found nothing, allowed: a name".to_owned());
    }
    match before {
        Some(before) if time < before => Err(format!("time: found {time} after {before}, allowed: sorted by time")),
        _ => Ok((time, asset.to_owned(), price)),
    }
}

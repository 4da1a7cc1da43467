//! What the runs of a cell come to together.

use super::{FIGURES, Results};
use serde::Serialize;

/// The share of the runs that is the tail: expected shortfall of the worst five percent.
const TAIL: f64 = 0.05;

/// A figure over the runs of a cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// Its name, of [`FIGURES`].
    pub name: &'static str,
    /// Mean.
    pub mean: f64,
    /// Smallest.
    pub least: f64,
    /// Median.
    pub median: f64,
    /// 95 of a hundred runs are at or below it.
    pub at_95: f64,
    /// Mean of the largest five percent of the runs, of one at least.
    pub tail: f64,
    /// Largest.
    pub most: f64,
}

/// A cell of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellSummary {
    /// Its swept settings.
    pub settings: Vec<(String, f64)>,
    /// How many runs.
    pub runs: usize,
    /// Every figure.
    pub figures: Vec<Spread>,
}

impl CellSummary {
    /// The figure of this name.
    ///
    /// # Panics
    /// If there is no such figure.
    #[must_use]
    pub fn of(&self, name: &str) -> &Spread {
        self.figures.iter().find(|spread| spread.name == name).expect("the caller names a figure of FIGURES")
    }

    /// `fund_usd 1000000, stress_z 4`, or what a single cell is called.
    #[must_use]
    pub fn label(&self) -> String {
        let named: Vec<String> = self.settings.iter().map(label_of).collect();
        if named.is_empty() { "as described".to_owned() } else { named.join(", ") }
    }
}

/// A setting by the end of its path, with its value.
#[must_use]
pub fn label_of((path, value): &(String, f64)) -> String {
    format!("{} {value}", path.rsplit('.').next().unwrap_or(path))
}

impl Results {
    /// The values of a figure over the runs of a cell, smallest first.
    #[must_use]
    pub fn sorted(&self, cell: usize, place: usize) -> Vec<f64> {
        let of_cell = self.runs.iter().filter(|run| run.cell == cell);
        let mut values: Vec<f64> = of_cell.map(|run| run.figures.values[place]).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    /// What the runs of each cell come to.
    #[must_use]
    pub fn summary(&self) -> Vec<CellSummary> {
        let cell = |(at, settings): (usize, &Vec<(String, f64)>)| {
            let spread = |(place, (name, _)): (usize, &(&'static str, &str))| spread(name, &self.sorted(at, place));
            CellSummary {
                settings: settings.clone(),
                runs: self.runs.iter().filter(|run| run.cell == at).count(),
                figures: FIGURES.iter().enumerate().map(spread).collect(),
            }
        };
        self.cells.iter().enumerate().map(cell).collect()
    }
}

fn spread(name: &'static str, sorted: &[f64]) -> Spread {
    let count = sorted.len().max(1);
    let at =
        |share: f64| sorted.get(((count as f64 * share).ceil() as usize).clamp(1, count) - 1).copied().unwrap_or(0.0);
    let tail = ((count as f64 * TAIL).ceil() as usize).clamp(1, count);
    let worst = &sorted[sorted.len().saturating_sub(tail)..];
    Spread {
        name,
        mean: sorted.iter().sum::<f64>() / count as f64,
        least: at(0.0),
        median: at(0.5),
        at_95: at(0.95),
        tail: worst.iter().sum::<f64>() / tail as f64,
        most: at(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn quantiles_are_of_the_runs_themselves() {
        let values: Vec<f64> = (1..=40).map(f64::from).collect();
        let spread = spread("loss_usd", &values);
        assert_eq!((spread.least, spread.median, spread.at_95, spread.most), (1.0, 20.0, 38.0, 40.0));
        assert_eq!((spread.mean, spread.tail), (20.5, 39.5));
    }
}

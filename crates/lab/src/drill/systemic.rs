//! Takes the figures of R14 during a run: each minute from the accounts, and at the end from the times of liquidations.

use crate::outcome::{LiquidationStream, SystemicMarket, SystemicSeries};
use clearing::Engine;
use clearing::event::{Event, Receipt};
use contagion::assess::assess_markets;
use contagion::hawkes::{branching_by_counts, fit, spread};
use contagion::{Settings, Source};

/// Seconds between samples of the accounts.
const EVERY_S: usize = 60;
/// The window by which counts are taken, seconds: much longer than a liquidation, which ends after eight blocks.
const WINDOW_S: f64 = 30.0;
/// The length of the busiest part, seconds.
const BUSY_S: usize = 900;
/// Blocks of a drill are a second apart: times inside one are not known.
const RESOLUTION_S: f64 = 1.0;

/// What has been seen so far.
#[derive(Default)]
pub(super) struct Systemic {
    series: SystemicSeries,
    /// The second of each liquidation, in order.
    times: Vec<f64>,
}

impl Systemic {
    /// Looks at a block.
    pub(super) fn follow(&mut self, engine: &Engine, second: usize, receipt: &Receipt) {
        let begun = receipt.events.iter().filter(|event| matches!(event, Event::AccountLiquidated { .. }));
        self.times.extend(begun.map(|_| second as f64));
        if second.is_multiple_of(EVERY_S) {
            self.sample(engine);
        }
    }

    fn sample(&mut self, engine: &Engine) {
        let settings = Settings { reach: 0.25, reaction_s: RESOLUTION_S, ..Settings::default() };
        let found = assess_markets(&Source::of(engine.state()), &settings).expect("the settings are sound");
        let before = self.series.time_ms.len();
        self.series.time_ms.push(found.time_ms);
        let coupled = found.pools.iter().flat_map(|pool| pool.coupled).fold(0.0, f64::max);
        self.series.coupled.push(coupled);
        for market in found.pools.iter().flat_map(|pool| &pool.markets) {
            let known = self.series.markets.iter().position(|own| own.symbol == market.curve.name);
            let at = known.unwrap_or_else(|| {
                let missing = vec![f64::NAN; before];
                let symbol = market.curve.name.clone();
                self.series.markets.push(SystemicMarket { symbol, at_mark: missing.clone(), distance: missing });
                self.series.markets.len() - 1
            });
            let own = &mut self.series.markets[at];
            own.at_mark.push(market.at_mark.unwrap_or(f64::NAN));
            own.distance.push(market.distance.map_or(f64::NAN, f64::abs));
        }
        // A market that is gone, or stands in two pools, keeps one value a sample.
        for own in &mut self.series.markets {
            own.at_mark.resize(before + 1, f64::NAN);
            own.distance.resize(before + 1, f64::NAN);
        }
    }

    /// The series of a run of so many seconds.
    pub(super) fn finish(mut self, seconds: usize, seed: u64) -> SystemicSeries {
        let busiest = busiest(&self.times, seconds);
        let parts =
            [("The whole run", 0, seconds), ("The busiest 15 minutes", busiest, (busiest + BUSY_S).min(seconds))];
        self.series.agreement = self.agreement();
        self.series.streams = parts.map(|(name, from, until)| self.stream(name, from, until, seed)).to_vec();
        self.series
    }

    /// Whether the accounts' figures at the start of a minute go with what is liquidated in it.
    fn agreement(&self) -> [Option<f64>; 2] {
        let minutes = self.series.time_ms.len();
        let mut liquidations = vec![0.0; minutes];
        for time in &self.times {
            if let Some(count) = liquidations.get_mut(*time as usize / EVERY_S) {
                *count += 1.0;
            }
        }
        // What was not seen within the grid is as far as the grid.
        let nearest = |at: usize| {
            let seen =
                self.series.markets.iter().map(|market| market.distance[at]).filter(|distance| distance.is_finite());
            -seen.fold(1.0, f64::min)
        };
        let largest = |at: usize| {
            let seen = self.series.markets.iter().map(|market| market.at_mark[at]).filter(|n| n.is_finite());
            seen.fold(0.0, f64::max)
        };
        let branching: Vec<f64> = (0..minutes).map(largest).collect();
        let nearness: Vec<f64> = (0..minutes).map(nearest).collect();
        [rank_correlation(&liquidations, &branching), rank_correlation(&liquidations, &nearness)]
    }

    fn stream(&self, name: &str, from: usize, until: usize, seed: u64) -> LiquidationStream {
        let inside = self.times.iter().filter(|time| (from as f64..until as f64).contains(time));
        let times: Vec<f64> = inside.map(|time| time - from as f64).collect();
        let length = (until - from) as f64;
        let apart = spread(&times, RESOLUTION_S, seed).ok();
        LiquidationStream {
            name: name.to_owned(),
            events: times.len(),
            fit: apart.and_then(|times| fit(&times, length.max(times.last().copied().unwrap_or(0.0))).ok()),
            by_counts: branching_by_counts(&times, length, WINDOW_S).ok(),
        }
    }
}

/// Spearman's rank correlation, ties at their mean rank; none where one side never changes.
fn rank_correlation(one: &[f64], other: &[f64]) -> Option<f64> {
    let (one, other) = (ranks(one), ranks(other));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (centre, other_centre) = (mean(&one), mean(&other));
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        one.iter().zip(&other).map(|(one, other)| of(one - centre, other - other_centre)).sum()
    };
    let spread = (sum(&|one, _| one * one) * sum(&|_, other| other * other)).sqrt();
    (spread > 0.0).then(|| sum(&|one, other| one * other) / spread)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let below = |value: f64| values.iter().filter(|other| **other < value).count() as f64;
    let equal = |value: f64| values.iter().filter(|other| **other == value).count() as f64;
    values.iter().map(|value| below(*value) + (equal(*value) + 1.0) / 2.0).collect()
}

/// Where the part with the most events begins.
fn busiest(times: &[f64], seconds: usize) -> usize {
    let starts = (0..=seconds.saturating_sub(BUSY_S)).step_by(EVERY_S);
    let count = |from: &usize| {
        let first = times.partition_point(|time| *time < *from as f64);
        times.partition_point(|time| *time < (*from + BUSY_S) as f64) - first
    };
    starts.max_by_key(|from| (count(from), std::cmp::Reverse(*from))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{BUSY_S, Systemic, busiest, rank_correlation};

    #[test]
    fn the_busiest_part_is_found_and_fitted() {
        let times: Vec<f64> =
            (0..200).map(|at| f64::from(at) * 40.0).chain((0..300).map(|at| 5_000.0 + f64::from(at))).collect();
        let mut times = times;
        times.sort_by(f64::total_cmp);
        let from = busiest(&times, 10_000);
        assert!((5_300 - BUSY_S..=5_000).contains(&from), "{from}");
        let found = Systemic { times, ..Systemic::default() }.finish(10_000, 1);
        assert_eq!(found.streams.len(), 2);
        assert!(found.streams[1].events > 300 && found.streams[1].fit.is_some());
        assert!(found.streams[0].by_counts.is_some_and(|n| n > 0.3));
    }

    /// R14.1
    #[test]
    fn a_run_without_liquidations_claims_nothing() {
        let found = Systemic::default().finish(10_800, 1);
        assert!(found.streams.iter().all(|stream| stream.fit.is_none() && stream.by_counts.is_none()));
        assert_eq!(busiest(&[], 60), 0);
    }

    #[test]
    fn ranks_agree_disagree_or_say_nothing() {
        assert_eq!(rank_correlation(&[1.0, 5.0, 9.0], &[0.0, 0.1, 7.0]), Some(1.0));
        assert_eq!(rank_correlation(&[1.0, 5.0, 9.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        assert_eq!(rank_correlation(&[1.0, 5.0, 9.0], &[3.0, 3.0, 3.0]), None);
        assert_eq!(rank_correlation(&[], &[]), None);
    }
}

//! Decides which samples a plot shows: few enough to open fast, with the extremes of every stretch kept.

use std::ops::Range;

/// Points that a line may have at most. The page holds about ten lines for each feed and has to stay below a few megabytes.
pub(super) const POINTS_MAX: usize = 1_200;
/// Points of those that the cascade gets.
const FOCUS_POINTS: usize = 800;

/// A choice of stretches of the samples, shared by all lines of a drill so that they share their times too.
pub(super) struct Sampling {
    stretches: Vec<Range<usize>>,
    times_ms: Vec<i64>,
}

impl Sampling {
    /// Every sample if there are few; otherwise two for each stretch, shorter stretches inside the focus.
    pub(super) fn new(time_ms: &[i64], focus_ms: (i64, i64)) -> Self {
        let from = time_ms.partition_point(|time| *time < focus_ms.0);
        let until = time_ms.partition_point(|time| *time <= focus_ms.1).max(from);
        let mut stretches = Vec::new();
        if time_ms.len() <= POINTS_MAX {
            stretches.extend((0..time_ms.len()).map(|at| at..at + 1));
        } else {
            let inside = until - from;
            let outside = time_ms.len() - inside;
            let focus_length = stretch_length(inside, FOCUS_POINTS);
            let length = stretch_length(outside, POINTS_MAX - FOCUS_POINTS - 8);
            cut(0..from, length, &mut stretches);
            cut(from..until, focus_length, &mut stretches);
            cut(until..time_ms.len(), length, &mut stretches);
        }
        let times_ms = stretches.iter().flat_map(|stretch| times(stretch, time_ms)).collect();
        Self { stretches, times_ms }
    }

    /// Times of the points of every line, unix milliseconds.
    pub(super) fn times_ms(&self) -> &[i64] {
        &self.times_ms
    }

    /// The chosen values of a line, five significant digits; what is missing or not finite becomes a gap. A line that was not
    /// recorded, or is shorter than the times, has gaps there.
    pub(super) fn pick(&self, values: &[f64]) -> Vec<Option<f64>> {
        let value = |at: usize| values.get(at).copied().filter(|value| value.is_finite());
        self.stretches.iter().flat_map(|stretch| extremes(stretch, value)).map(|value| value.map(rounded)).collect()
    }
}

/// Samples in a stretch so that two points for each stretch stay within `points`; 1 shows every sample.
fn stretch_length(samples: usize, points: usize) -> usize {
    if samples <= points { 1 } else { (2 * samples).div_ceil(points).max(2) }
}

fn cut(samples: Range<usize>, length: usize, stretches: &mut Vec<Range<usize>>) {
    let end = samples.end;
    stretches.extend(samples.step_by(length).map(|start| start..(start + length).min(end)));
}

fn times(stretch: &Range<usize>, time_ms: &[i64]) -> Vec<i64> {
    match stretch.len() {
        1 => vec![time_ms[stretch.start]],
        length => vec![time_ms[stretch.start], time_ms[stretch.start + length / 2]],
    }
}

/// The lowest and the highest value in the order in which they came, so that no spike is lost.
fn extremes(stretch: &Range<usize>, value: impl Fn(usize) -> Option<f64>) -> Vec<Option<f64>> {
    if stretch.len() == 1 {
        return vec![value(stretch.start)];
    }
    let present = || stretch.clone().filter_map(|at| value(at).map(|value| (at, value)));
    let low = present().min_by(|one, other| one.1.total_cmp(&other.1));
    let high = present().max_by(|one, other| one.1.total_cmp(&other.1));
    let mut pair = [low, high];
    pair.sort_by_key(|found| found.map(|(at, _)| at));
    pair.map(|found| found.map(|(_, value)| value)).to_vec()
}

/// Five significant digits: finer than a pixel, and half the bytes.
pub(super) fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

/// Where the first feed that has a price is lowest, 20 minutes before to 25 after, within the samples.
pub(super) fn find_focus(time_ms: &[i64], indices: &[&[f64]]) -> (i64, i64) {
    let (Some(first), Some(last)) = (time_ms.first(), time_ms.last()) else {
        return (0, 0);
    };
    let finite = indices.iter().find(|index| index.iter().any(|value| value.is_finite()));
    let priced = finite.into_iter().flat_map(|index| index.iter().zip(time_ms)).filter(|(price, _)| price.is_finite());
    let low = priced.min_by(|one, other| one.0.total_cmp(other.0)).map_or(*first, |(_, time)| *time);
    ((low - 20 * 60_000).max(*first), (low + 25 * 60_000).min(*last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_samples_are_all_shown() {
        let sampling = Sampling::new(&[10, 20, 30], (0, 100));
        assert_eq!(sampling.times_ms(), [10, 20, 30]);
        assert_eq!(sampling.pick(&[1.0, f64::NAN]), [Some(1.0), None, None]);
    }

    #[test]
    fn many_samples_stay_within_the_limit_and_keep_their_spikes() {
        let times: Vec<i64> = (0..40_000).map(|second| second * 1000).collect();
        let mut values = vec![100.0; times.len()];
        values[1_234] = 3.0;
        values[20_001] = 900.0;
        for focus in [(20_000_000, 21_000_000), (0, 40_000_000), (-5, -1), (50_000_000, 60_000_000), (10, 5)] {
            let sampling = Sampling::new(&times, focus);
            let picked = sampling.pick(&values);
            assert!(picked.len() <= POINTS_MAX + 8, "{}", picked.len());
            assert_eq!(picked.len(), sampling.times_ms().len());
            assert!(sampling.times_ms().is_sorted());
            assert!(picked.contains(&Some(3.0)) && picked.contains(&Some(900.0)));
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        let sampling = Sampling::new(&[], find_focus(&[], &[]));
        assert_eq!(sampling.pick(&[1.0]), []);
    }

    #[test]
    fn the_focus_is_around_the_low() {
        let times: Vec<i64> = (0..200).map(|minute| minute * 60_000).collect();
        let mut index = vec![10.0; 200];
        index[100] = 4.0;
        assert_eq!(find_focus(&times, &[&[], &index]), (80 * 60_000, 125 * 60_000));
        assert_eq!(find_focus(&times, &[]), (0, 25 * 60_000));
    }
}

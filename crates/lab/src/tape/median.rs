//! Decides what the honest venues' price of an asset was: the median of their operators, each with one vote.

use super::{AssetTape, MarketKind, Tape};

impl Tape {
    /// Per second, the median of the operators' prices from prints at most `max_age_s` seconds old. An operator's price is the
    /// median of its venues; of an even number the lower of the middle two counts, for operators and venues alike. Marks have no
    /// vote. A second without any such print keeps the price of the second before it; the seconds before the first have the first.
    /// Empty when the asset is unknown or never printed.
    pub fn honest_median(&self, asset: &str, max_age_s: usize) -> Vec<f64> {
        let Some(asset) = self.asset(asset) else { return Vec::new() };
        let medians = medians(asset, self.seconds, max_age_s);
        let Some(first) = medians.iter().flatten().next().copied() else { return Vec::new() };
        let held = medians.into_iter().scan(first, |last, median| {
            *last = median.unwrap_or(*last);
            Some(*last)
        });
        held.collect()
    }
}

fn medians(asset: &AssetTape, seconds: usize, max_age_s: usize) -> Vec<Option<f64>> {
    let voters: Vec<_> = asset.venues.iter().filter(|venue| venue.kind != MarketKind::Mark).collect();
    let mut groups: Vec<&str> = voters.iter().map(|venue| venue.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut last: Vec<Option<(usize, f64)>> = vec![None; voters.len()];
    let median_at = |second: usize| {
        for (venue, last) in voters.iter().zip(&mut last) {
            *last = venue.prints[second].map(|price| (second, price)).or(*last);
        }
        let price_of = |group: &&str| {
            let of_group = voters.iter().zip(&last).filter(|(venue, _)| venue.group == **group);
            let fresh = of_group.filter_map(|(_, last)| last.filter(|(at, _)| second - at <= max_age_s));
            lower_median(fresh.map(|(_, price)| price).collect())
        };
        lower_median(groups.iter().filter_map(price_of).collect())
    };
    (0..seconds).map(median_at).collect()
}

/// The middle value; of an even number, the lower of the middle two.
fn lower_median(mut prices: Vec<f64>) -> Option<f64> {
    prices.sort_by(f64::total_cmp);
    prices.get(prices.len().checked_sub(1)? / 2).copied()
}

/// The largest relative fall from one second of `path` to another at most `within_s` seconds later: 0.25 is a quarter lost; 0 when
/// it never falls.
pub fn largest_fall(path: &[f64], within_s: usize) -> f64 {
    let fall_from = |(at, price): (usize, &f64)| {
        let until = path.len().min(at.saturating_add(within_s).saturating_add(1));
        let low = path[at..until].iter().copied().fold(*price, f64::min);
        1.0 - low / price
    };
    path.iter().enumerate().map(fall_from).fold(0.0, f64::max)
}

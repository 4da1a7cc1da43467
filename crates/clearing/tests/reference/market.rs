//! Prices by definition: the weighted median over all candidates, the auction over every integer price, exact shares
//! (R1.4, R3.2, R8.1, R8.2, R12.2).

use super::model::{Exact, whole};
use num_traits::Zero;

/// R3.2: the smallest point at which the cumulated weight reaches the given share of the whole, found by trying them all.
pub fn quantile(points: &[(i64, Exact)], share: &Exact) -> i64 {
    let all = points.iter().fold(Exact::zero(), |sum, (_, weight)| sum + weight);
    let reaches = |price: i64| {
        let below = points.iter().filter(|(point, _)| *point <= price);
        below.fold(Exact::zero(), |sum, (_, weight)| sum + weight) >= &all * share
    };
    points.iter().map(|(point, _)| *point).filter(|point| reaches(*point)).min().unwrap()
}

/// R3.2: three points a vote; the median, and the larger distance to the quartiles; where fewer than three sources vote, to the furthest.
pub fn index_and_confidence(votes: &[Report]) -> (i64, i64) {
    let points: Vec<(i64, Exact)> = votes
        .iter()
        .flat_map(|vote| {
            [vote.price - vote.confidence, vote.price, vote.price + vote.confidence]
                .map(|point| (point, vote.part.clone()))
        })
        .collect();
    let quarter = |number: i64| Exact::new(number.into(), 4.into());
    let index = quantile(&points, &quarter(2));
    let (low, high) = (quantile(&points, &quarter(1)), quantile(&points, &quarter(3)));
    let quartiles = (index - low).max(high - index);
    let two_or_one = !votes.iter().any(|vote| {
        let others = votes.iter().filter(|other| other.source != vote.source);
        others.clone().any(|second| others.clone().any(|third| third.source != second.source))
    });
    let furthest = votes.iter().map(|vote| (vote.price - index).abs()).max().unwrap();
    (index, if two_or_one { quartiles.max(furthest) } else { quartiles })
}

/// A report of the reference aggregation.
#[derive(Clone, Debug)]
pub struct Report {
    pub price: i64,
    pub confidence: i64,
    /// Its own part of its source's weight, and the whole of it.
    pub part: Exact,
    pub weight: u32,
    pub source: u16,
}

/// R3.2: what has a vote: the reports near the median of prices where two thirds of the sources with more than half of the weight are, and
/// otherwise all of them.
pub fn with_a_vote(reports: &[Report], limit: &Exact) -> Vec<Report> {
    let prices: Vec<(i64, Exact)> = reports.iter().map(|report| (report.price, report.part.clone())).collect();
    let middle = quantile(&prices, &Exact::new(2.into(), 4.into()));
    let width = whole(middle.abs()) * limit;
    let is_near = |report: &&Report| whole((report.price - middle).abs()) <= width && whole(report.confidence) <= width;
    let near: Vec<Report> = reports.iter().filter(is_near).cloned().collect();
    let sources = |of: &[Report]| {
        let mut heaviest = std::collections::BTreeMap::new();
        for report in reports.iter().filter(|one| of.iter().any(|other| other.source == one.source)) {
            let weight = heaviest.entry(report.source).or_insert(0);
            *weight = report.weight.max(*weight);
        }
        (heaviest.len(), heaviest.values().sum::<u32>())
    };
    let ((near_count, near_weight), (count, weight)) = (sources(&near), sources(reports));
    let agreed = 3 * near_count >= 2 * count && 2 * near_weight > weight;
    if agreed { near } else { reports.to_vec() }
}

/// R16.2: what an average over a window is worth when it has seen `past` (index, from, to in ms) and the index is now the last of them.
pub fn settlement_worth(past: &[(i64, i64, i64)], begins: i64, expiry: i64) -> Exact {
    let (last, _, now) = *past.last().unwrap();
    let still = (last, now, expiry.max(now));
    let inside = |from: i64, to: i64| (to.min(expiry) - from.max(begins)).max(0);
    let parts = past.iter().chain([&still]).map(|(index, from, to)| whole(*index) * whole(inside(*from, *to)));
    parts.fold(Exact::zero(), |sum, part| sum + part) / whole(expiry - begins)
}

/// R3.6: what `lots` are worth at the best limits of one side, lot by lot; none where there are fewer.
pub fn value_of_best(left: &[(i64, i64)], lots: i64, side: i64) -> Option<i64> {
    let mut each: Vec<i64> =
        left.iter().flat_map(|(limit, size)| std::iter::repeat_n(*limit, usize::try_from(*size).unwrap())).collect();
    each.sort_unstable_by_key(|limit| -side * limit);
    let lots = usize::try_from(lots).unwrap();
    (each.len() >= lots).then(|| each.iter().take(lots).sum())
}

/// An order of the reference auction.
#[derive(Clone, Debug)]
pub struct Bid {
    pub account: u32,
    pub number: u64,
    pub lots: i64,
    pub limit: i64,
    /// For this block only.
    pub passing: bool,
}

fn accepts(bid: &Bid, price: i64) -> bool {
    if bid.lots > 0 { bid.limit >= price } else { bid.limit <= price }
}

fn wanted(bids: &[Bid], price: i64, side: i64) -> i64 {
    bids.iter().filter(|bid| bid.lots.signum() == side && accepts(bid, price)).map(|bid| bid.lots.abs()).sum()
}

/// R8.1 over every integer price of a range: maximum volume, minimum imbalance, nearest to the mark, lower.
pub fn uniform_price(bids: &[Bid], mark: i64, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let volume = |price: i64| wanted(bids, price, 1).min(wanted(bids, price, -1));
    let most = range.clone().map(volume).max().filter(|most| *most > 0)?;
    let mut best: Vec<i64> = range.filter(|price| volume(*price) == most).collect();
    let imbalance = |price: &i64| (wanted(bids, *price, 1) - wanted(bids, *price, -1)).abs();
    let least = best.iter().map(imbalance).min()?;
    best.retain(|price| imbalance(price) == least);
    let nearest = best.iter().map(|price| (price - mark).abs()).min()?;
    best.into_iter().find(|price| (price - mark).abs() == nearest)
}

/// R8.2: better limits first; those at the margin share what is left pro-rata, largest remainder, ties by account and number.
pub fn fills(bids: &[Bid], price: i64) -> Vec<i64> {
    let volume = wanted(bids, price, 1).min(wanted(bids, price, -1));
    let mut fills = vec![0; bids.len()];
    for side in [1, -1] {
        let mut left = volume;
        let mut limits: Vec<i64> =
            bids.iter().filter(|bid| bid.lots.signum() == side && accepts(bid, price)).map(|bid| bid.limit).collect();
        limits.sort_unstable_by_key(|limit| -side * limit);
        limits.dedup();
        for limit in limits {
            let mut group: Vec<usize> =
                (0..bids.len()).filter(|at| bids[*at].lots.signum() == side && bids[*at].limit == limit).collect();
            group.sort_by_key(|at| (bids[*at].account, bids[*at].number));
            let sizes: Vec<i64> = group.iter().map(|at| bids[*at].lots.abs()).collect();
            let total = left.min(sizes.iter().sum());
            for (at, part) in group.iter().zip(shares(total, &sizes)) {
                fills[*at] = side * part;
            }
            left -= total;
        }
    }
    fills
}

/// R1.4: floors of the exact shares, then one each in the order of the remainders, ties to the earlier.
pub fn shares(total: i64, weights: &[i64]) -> Vec<i64> {
    let all: i64 = weights.iter().sum();
    if all == 0 {
        return vec![0; weights.len()];
    }
    let exact: Vec<Exact> = weights.iter().map(|weight| whole(total) * whole(*weight) / whole(all)).collect();
    let mut parts: Vec<i64> = exact.iter().map(|share| i64::try_from(share.floor().to_integer()).unwrap()).collect();
    while parts.iter().sum::<i64>() < total {
        let owed = |at: &usize| exact[*at].clone() - whole(parts[*at]);
        let most = (0..parts.len()).map(|at| owed(&at)).max().unwrap();
        let at = (0..parts.len()).find(|at| owed(at) == most).unwrap();
        parts[at] += 1;
    }
    parts
}

/// Capped pro-rata: the level λ at which Σ min(cap, λ·weight) is the total, by filling one cap after the other. R12.2
pub fn fill_to_caps(total: i64, weights: &[i64], caps: &[i64]) -> Vec<Exact> {
    let mut full = vec![false; weights.len()];
    loop {
        let capped: i64 = caps.iter().zip(&full).filter(|(_, full)| **full).map(|(cap, _)| cap).sum();
        let open: i64 = weights.iter().zip(&full).filter(|(_, full)| !**full).map(|(weight, _)| weight).sum();
        let left = whole((total - capped).max(0));
        let level = if open == 0 { Exact::zero() } else { left / whole(open) };
        let reaches = |at: usize| !full[at] && whole(weights[at]) * &level >= whole(caps[at]);
        let Some(at) = (0..weights.len()).find(|at| reaches(*at)) else {
            let given = |at: usize| if full[at] { whole(caps[at]) } else { whole(weights[at]) * &level };
            return (0..weights.len()).map(given).collect();
        };
        full[at] = true;
    }
}

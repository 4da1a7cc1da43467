//! Whether exceedances are as many as they should be, and as scattered.
//!
//! Sources: Kupiec (1995), "Techniques for verifying the accuracy of risk measurement models", proportion of failures; Christoffersen (1998),
//! "Evaluating interval forecasts", independence and conditional coverage. Both are likelihood ratios, asymptotically χ².

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// A likelihood ratio with the chance of one at least as large if the margin were right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// The likelihood ratio, ≥ 0.
    pub ratio: f64,
    /// Its p-value, 0 to 1; below 0.05 the hypothesis is rejected.
    pub p: f64,
}

/// Christoffersen's two tests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Christoffersen {
    /// Whether an exceedance makes another in the next hour likelier (one degree of freedom).
    pub independence: Ratio,
    /// Together with the number of them (two degrees of freedom).
    pub conditional: Ratio,
}

/// k·ln p where 0·ln 0 is 0.
fn times_log(count: f64, share: f64) -> f64 {
    if count == 0.0 { 0.0 } else { count * share.ln() }
}

fn with_p(ratio: f64, degrees: f64) -> Ratio {
    let distribution = ChiSquared::new(degrees).expect("degrees of freedom are above zero");
    let ratio = ratio.max(0.0);
    Ratio { ratio, p: 1.0 - distribution.cdf(ratio) }
}

/// Kupiec's test: `exceeded` of `count` hours against the `share` that should have been.
///
/// # Panics
/// If more exceeded than there are.
#[must_use]
pub fn kupiec(count: usize, exceeded: usize, share: f64) -> Ratio {
    assert!(exceeded <= count, "no more hours can exceed than there are");
    let (all, bad) = (count as f64, exceeded as f64);
    let found = if all > 0.0 { bad / all } else { 0.0 };
    let likelihood = |share: f64| times_log(all - bad, 1.0 - share) + times_log(bad, share);
    with_p(-2.0 * (likelihood(share) - likelihood(found)), 1.0)
}

/// Christoffersen's tests of a sequence of hours, exceeded or not.
#[must_use]
pub fn christoffersen(exceeded: &[bool], share: f64) -> Christoffersen {
    let mut counts = [[0.0_f64; 2]; 2];
    for pair in exceeded.windows(2) {
        counts[usize::from(pair[0])][usize::from(pair[1])] += 1.0;
    }
    let [[calm, begins], [ends, stays]] = counts;
    let safe = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let (after_calm, after_bad) = (safe(begins, calm + begins), safe(stays, ends + stays));
    let any = safe(begins + stays, calm + begins + ends + stays);
    let apart = times_log(calm, 1.0 - after_calm)
        + times_log(begins, after_calm)
        + times_log(ends, 1.0 - after_bad)
        + times_log(stays, after_bad);
    let together = times_log(calm + ends, 1.0 - any) + times_log(begins + stays, any);
    let independence = -2.0 * (together - apart);
    let bad = exceeded.iter().filter(|bad| **bad).count();
    let conditional = independence + kupiec(exceeded.len(), bad, share).ratio;
    Christoffersen { independence: with_p(independence, 1.0), conditional: with_p(conditional, 2.0) }
}

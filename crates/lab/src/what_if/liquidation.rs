//! Decides at which price of a feed, the others unchanged, the account first breaches (R6.3).
//!
//! The core itself is the oracle: the pool is built anew at each price that is tried, and [`margin::breaches`] answers.
//!
//! **Why no crossing is missed.** A row's value is linear in the feed's price, because moves are relative to it and explicit
//! prices stay; the lowest of them less a convex exit cost is concave; so the prices at which an account is sound form one
//! interval, and from a sound price one bisection a direction finds its end. Only a stress base, under which a price may be
//! clamped at zero, breaks this: there the range is first walked on a grid of [`GRID`] steps a direction (1 % of the price
//! downwards, 4 % upwards), and the first step that ends in a breach is bisected. Either way the result is a price that
//! breaches, one tick beyond a price that does not. Rounding inside the core, and tiers whose bounds in USD become whole
//! lots, can make soundness flicker within a few ticks of it, never further.

use clearing::margin;
use clearing::state::Position;
use clearing::table::{FeedId, Id};

use super::market::Market;

/// Steps in which each direction is walked before the bisection, where soundness may not be one interval.
const GRID: i128 = 100;
/// How far upwards is looked, as a multiple of the present price: +400 %. Downwards it is −100 %.
const UPWARDS: i128 = 4;

/// Whether the account breaches with `feed` at a price.
fn breaches(market: &Market, feed: FeedId, ticks: i64) -> bool {
    margin::breaches(&market.pool_with(feed, ticks), market.cash, &market.positions)
}

/// The first prices of `feed`, in ticks, downwards and upwards, at which the account breaches. The present price when it
/// breaches already; none where it does not breach as far as is looked, or has nothing on the feed.
pub(super) fn first_breaches(market: &Market, feed: FeedId) -> (Option<i64>, Option<i64>) {
    let own = |position: &Position| market.instruments[position.instrument.position()].parameters.feed == feed;
    let present = market.feeds[feed.position()].ticks;
    if present == 0 || !market.positions.iter().any(own) {
        return (None, None);
    }
    if breaches(market, feed, present) {
        return (Some(present), Some(present));
    }
    let reach = i128::from(present.abs());
    (first_towards(market, feed, -reach), first_towards(market, feed, reach * UPWARDS))
}

/// Whether the lowest stressed equity may be other than concave in the feed's price.
fn may_bend(market: &Market, feed: FeedId) -> bool {
    let mut own = market.instruments.iter().filter(|line| line.parameters.feed == feed);
    own.any(|line| line.parameters.stress_base.is_positive())
}

fn first_towards(market: &Market, feed: FeedId, reach: i128) -> Option<i64> {
    let present = i128::from(market.feeds[feed.position()].ticks);
    let at = |step: i128| i64::try_from(present + reach * step / GRID).expect("a bounded price times five fits");
    let stride = if may_bend(market, feed) { 1 } else { GRID };
    let mut ends = (0..=GRID).step_by(usize::try_from(stride).expect("a small number fits")).skip(1);
    let end = ends.find(|step| breaches(market, feed, at(*step)))?;
    let (mut sound, mut breached) = (at(end - stride), at(end));
    while sound.abs_diff(breached) > 1 {
        let middle = sound.midpoint(breached);
        if breaches(market, feed, middle) { breached = middle } else { sound = middle }
    }
    Some(breached)
}

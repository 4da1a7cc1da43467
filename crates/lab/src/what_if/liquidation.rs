//! Decides at which price of a feed, the others unchanged, the account first breaches (R6.3).
//!
//! The core itself is the oracle: the pool is built anew at each price that is tried, and [`margin::breaches`] answers.
//!
//! **Why no crossing is missed.** Between the sign clamps, a row's value is linear in the feed's price, because moves are
//! relative to it; the lowest of them less a convex exit cost is concave; so the prices at which an account is sound form
//! one interval, and from a sound price one bisection a direction finds its end. Two things can break concavity: a price
//! clamped at zero under a stress base, and a premium that changes sign. Therefore the range is first walked on a grid
//! of [`GRID`] steps a direction (1 % of the price downwards, 4 % upwards), and the first step that ends in a breach is
//! bisected to one tick. Rounding inside the core can move the result by a few ticks, never further.

use clearing::margin;
use clearing::state::Position;
use clearing::table::{FeedId, Id};

use super::market::Market;

/// Steps in which each direction is walked before the bisection.
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

fn first_towards(market: &Market, feed: FeedId, reach: i128) -> Option<i64> {
    let present = i128::from(market.feeds[feed.position()].ticks);
    let at = |step: i128| i64::try_from(present + reach * step / GRID).expect("a bounded price times five fits");
    let end = (1..=GRID).find(|step| breaches(market, feed, at(*step)))?;
    let (mut sound, mut breached) = (at(end - 1), at(end));
    while sound.abs_diff(breached) > 1 {
        let middle = sound.midpoint(breached);
        if breaches(market, feed, middle) { breached = middle } else { sound = middle }
    }
    Some(breached)
}

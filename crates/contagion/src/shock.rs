//! A pool as it would be at other prices: marks move, and the core builds the rows that it would build there.

use clearing::rows;
use clearing::state::{Feed, Pool};
use clearing::table::{FeedId, Table};
use clearing::units::{MAX_PRICE, Price, Time};
use std::collections::BTreeSet;

/// A copy of the pool, without members, in which the index of some feeds, and the marks of their instruments, have moved by a share
/// of themselves (−0.1 is ten percent down). Stress, correlation and confidence stay as they are: the core moves maintenance stress
/// by no more than its rate an hour (R4.4), and a jump counts once it is confirmed (R3.4).
pub(crate) fn shocked(pool: &Pool, feeds: &Table<FeedId, Feed>, time: Time, moved: &BTreeSet<FeedId>, by: f64) -> Pool {
    let mut pool = pool.without_members();
    if by == 0.0 {
        return pool;
    }
    let index = |id: FeedId, feed: &Feed| if moved.contains(&id) { moved_by(feed.index, by) } else { feed.index };
    let feeds: Table<FeedId, Feed> =
        feeds.iter().map(|(id, feed)| Feed { index: index(id, feed), ..feed.clone() }).collect();
    for (_, listed) in pool.instruments.iter_mut().filter(|(_, listed)| moved.contains(&listed.parameters.feed)) {
        listed.mark = listed.within_sign(moved_by(listed.mark, by));
        listed.premium = moved_by(listed.premium, by);
    }
    pool.matrices = rows::build(&pool, &feeds, time);
    pool
}

/// A price moved by a share of its size: up is up for negative prices as well.
fn moved_by(price: Price, by: f64) -> Price {
    let moved = price.get() as f64 + price.get().unsigned_abs() as f64 * by;
    Price::new(moved.round().clamp(-(MAX_PRICE as f64), MAX_PRICE as f64) as i64)
}

//! At which price of its feed a position's account would be liquidated: the core is asked at prices that are tried.

use clearing::liquidation_price::first_breaches;
use clearing::margin;
use clearing::rows;
use clearing::state::{Account, Feed, Pool, Position};
use clearing::table::{FeedId, Table};
use clearing::units::{Price, Time};
use std::collections::BTreeMap;

/// The prices of a feed at which an account first breaches, downwards and upwards, the other feeds unchanged. R6.3
pub(super) type Prices = (Option<Price>, Option<Price>);

/// These prices for each feed on which the account has a derivative. Costs some dozens of times the building of the pool's rows.
pub(super) fn liquidation_prices(
    pool: &Pool,
    feeds: &Table<FeedId, Feed>,
    time: Time,
    account: &Account,
) -> BTreeMap<FeedId, Prices> {
    let mut prices = BTreeMap::new();
    for feed in account.positions.iter().filter_map(|position| feed_of(pool, position)) {
        prices.entry(feed).or_insert_with(|| search(pool, feeds, time, account, feed));
    }
    prices
}

/// The feed that prices a derivative.
pub(super) fn feed_of(pool: &Pool, position: &Position) -> Option<FeedId> {
    let listed = pool.instruments.find(position.instrument).filter(|listed| !listed.is_spot())?;
    Some(listed.parameters.feed)
}

fn search(pool: &Pool, feeds: &Table<FeedId, Feed>, time: Time, account: &Account, moved: FeedId) -> Prices {
    let present = feeds.find(moved).map_or(Price::ZERO, |feed| feed.index);
    let may_bend = pool
        .instruments
        .iter()
        .any(|(_, listed)| listed.parameters.feed == moved && listed.parameters.stress_base.is_positive());
    let breaches = |at: Price| {
        let pool = pool_at(pool, feeds, time, moved, present, at);
        margin::breaches(&pool, account.cash, &account.positions)
    };
    first_breaches(present, may_bend, &breaches)
}

/// The pool with one feed at another price; marks and premiums of its instruments move in proportion.
fn pool_at(pool: &Pool, feeds: &Table<FeedId, Feed>, time: Time, moved: FeedId, present: Price, at: Price) -> Pool {
    let feeds: Table<FeedId, Feed> = feeds
        .iter()
        .map(|(id, feed)| Feed { index: if id == moved { at } else { feed.index }, ..feed.clone() })
        .collect();
    let mut pool = pool.without_members();
    for (_, listed) in pool.instruments.iter_mut().filter(|(_, listed)| listed.parameters.feed == moved) {
        listed.mark = listed.within_sign(in_proportion(listed.mark, present, at));
        listed.premium = in_proportion(listed.premium, present, at);
    }
    pool.matrices = rows::build(&pool, &feeds, time);
    pool
}

fn in_proportion(price: Price, present: Price, at: Price) -> Price {
    let moved = i128::from(price.get()) * i128::from(at.get()) / i128::from(present.get());
    let most = i128::from(clearing::units::MAX_PRICE);
    Price::new(moved.clamp(-most, most) as i64)
}

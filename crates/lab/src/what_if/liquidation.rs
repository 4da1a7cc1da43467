//! Decides at which price of a feed, the others unchanged, the account first breaches (R6.3): the pool is built anew at each price that
//! the search of the core tries.

use clearing::liquidation_price;
use clearing::margin;
use clearing::state::Position;
use clearing::table::{FeedId, Id};
use clearing::units::Price;

use super::market::Market;

/// The first prices of `feed`, in ticks, downwards and upwards, at which the account breaches. The present price when it
/// breaches already; none where it does not breach as far as is looked, or has nothing on the feed.
pub(super) fn first_breaches(market: &Market, feed: FeedId) -> (Option<i64>, Option<i64>) {
    let own = |position: &Position| market.instruments[position.instrument.position()].parameters.feed == feed;
    if !market.positions.iter().any(own) {
        return (None, None);
    }
    let present = Price::new(market.feeds[feed.position()].ticks);
    let breaches = |at: Price| margin::breaches(&market.pool_with(feed, at.get()), market.cash, &market.positions);
    let (down, up) = liquidation_price::first_breaches(present, may_bend(market, feed), &breaches);
    (down.map(Price::get), up.map(Price::get))
}

/// Whether the lowest stressed equity may be other than concave in the feed's price.
fn may_bend(market: &Market, feed: FeedId) -> bool {
    let mut own = market.instruments.iter().filter(|line| line.parameters.feed == feed);
    own.any(|line| line.parameters.stress_base.is_positive())
}

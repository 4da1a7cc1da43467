//! Step 3b: dated futures settle in cash at the averaged index (R16.2).

use super::{Moment, close};
use crate::event::Event;
use crate::parameters::Kind;
use crate::state::{Feed, Pool};
use crate::table::{FeedId, PoolId, Table};
use crate::units::{Price, Time};

/// Adds to the settlement averages, and settles what has expired.
pub(super) fn settle_when_due(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    now: Moment,
    say: &mut dyn FnMut(Event),
) {
    for instrument in pool.instruments.ids() {
        let listed = &mut pool.instruments[instrument];
        let Kind::Dated { expiry, settlement_window, .. } = listed.parameters.kind else { continue };
        if listed.settled.is_some() || !listed.priced {
            continue;
        }
        let index = feeds[listed.parameters.feed].index;
        // What of the time since the last block lies inside the window.
        let from = (now.time - now.elapsed).max(expiry - settlement_window);
        let inside = (now.time.min(expiry) - from).or_zero();
        listed.settlement_sum = listed.settlement_sum.saturating_add(index.over(inside));
        listed.settlement_length += inside;
        if now.time >= expiry {
            let price = settlement_price(listed.settlement_sum, listed.settlement_length, index);
            close::close_at(pool, id, instrument, price, say);
            say(Event::Expired { pool: id, instrument, price });
        }
    }
}

/// The time-weighted mean; the index itself if no block fell into the window.
fn settlement_price(sum: i128, length: Time, index: Price) -> Price {
    if length.is_positive() { Price::mean_floor(sum, length) } else { index }
}

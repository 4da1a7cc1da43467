//! Step 3b: dated futures settle in cash at the averaged index (R16.2).

use super::{Moment, close};
use crate::event::Event;
use crate::parameters::Kind;
use crate::state::{Feed, Pool};
use crate::table::{FeedId, PoolId, Table};

/// Brings the settlement averages up to the block's time: marks and rows are made of them. The time since the last block counts at this
/// block's index, as far as it lies in the window: what was left then is what this index moves now.
pub(super) fn average(pool: &mut Pool, feeds: &Table<FeedId, Feed>, now: Moment) {
    for (_, listed) in pool.instruments.iter_mut() {
        let Kind::Dated { expiry, settlement_window, .. } = listed.parameters.kind else { continue };
        // Before its first mark nobody could hold it: what is left then is the whole of its window.
        if listed.settled.is_some() || !listed.priced {
            continue;
        }
        let from = (now.time - now.elapsed).max(expiry - settlement_window);
        let inside = (now.time.min(expiry) - from).or_zero();
        let index = feeds[listed.parameters.feed].index;
        listed.settlement_sum = listed.settlement_sum.saturating_add(index.over(inside));
        listed.settlement_length += inside;
    }
}

/// Settles what has expired, at what its mark is made of.
pub(super) fn settle_when_due(
    pool: &mut Pool,
    id: PoolId,
    feeds: &Table<FeedId, Feed>,
    now: Moment,
    say: &mut dyn FnMut(Event),
) {
    for instrument in pool.instruments.ids() {
        let listed = &pool.instruments[instrument];
        let Kind::Dated { expiry, .. } = listed.parameters.kind else { continue };
        if listed.settled.is_some() || !listed.priced || now.time < expiry {
            continue;
        }
        let price = listed.averaging(now.time).worth(feeds[listed.parameters.feed].index);
        close::close_at(pool, id, instrument, price, say);
        say(Event::Expired { pool: id, instrument, price });
    }
}

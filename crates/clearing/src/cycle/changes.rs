//! Changes of parameters whose time has come (R7.6), unless they would put an account into breach.

use super::Moment;
use crate::commands::apply_feed;
use crate::event::Event;
use crate::exit_cost::ExitCosts;
use crate::margin;
use crate::parameters::InstrumentParameters;
use crate::state::{Feed, Pool};
use crate::table::{FeedId, InstrumentId, PoolId, Table};
use alloc::vec::Vec;

/// Applies the changes of feeds that have waited long enough.
pub(super) fn apply_due_feeds(feeds: &mut Table<FeedId, Feed>, now: Moment, events: &mut Vec<Event>) {
    for (_, feed) in feeds.iter_mut() {
        if let Some(change) = feed.pending.take_if(|change| change.effective_at <= now.time) {
            apply_feed(feed, change.parameters, events);
        }
    }
}

/// Applies the changes of a pool and its instruments that have waited long enough.
pub(super) fn apply_due(pool: &mut Pool, id: PoolId, now: Moment, say: &mut dyn FnMut(Event)) {
    if let Some(change) = pool.pending.take_if(|change| change.effective_at <= now.time) {
        pool.set_parameters(change.parameters);
        say(Event::ChangeApplied);
    }
    for instrument in pool.instruments.ids() {
        let due = pool.instruments[instrument].pending.as_ref().is_some_and(|change| change.effective_at <= now.time);
        if due {
            apply_instrument(pool, id, instrument, say);
        }
    }
}

/// R7.6: a change that would put accounts into breach at unchanged prices waits on, visibly, and is tried in every block.
fn apply_instrument(pool: &mut Pool, id: PoolId, instrument: InstrumentId, say: &mut dyn FnMut(Event)) {
    let Some(change) = pool.instruments[instrument].pending.take() else { return };
    let sound: Vec<bool> = breaches(pool).map(|breach| !breach).collect();
    let old = exchange(pool, instrument, change.parameters.clone());
    let harmed = breaches(pool).zip(sound).filter(|(breach, sound)| *breach && *sound).count();
    if harmed == 0 {
        say(Event::ChangeApplied);
        return;
    }
    exchange(pool, instrument, old);
    pool.instruments[instrument].pending = Some(change);
    let accounts = u32::try_from(harmed).expect("the number of accounts is bounded");
    say(Event::ChangeDeferred { pool: id, instrument, accounts });
}

fn exchange(pool: &mut Pool, instrument: InstrumentId, parameters: InstrumentParameters) -> InstrumentParameters {
    let old = core::mem::replace(&mut pool.instruments[instrument].parameters, parameters);
    pool.matrices.exit_costs = ExitCosts::of(&pool.instruments, &pool.matrices.today);
    old
}

fn breaches(pool: &Pool) -> impl Iterator<Item = bool> {
    pool.accounts.iter().map(|(_, account)| margin::breaches(pool, account.cash, &account.positions))
}

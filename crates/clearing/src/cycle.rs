//! The clearing cycle: what happens after the commands of every block, one line a step. Start here.

mod prices;
mod stress;
mod funding;
mod expiry;
pub(crate) mod guards;
mod watch;
mod liquidate;
mod book;
mod borrow;
mod auction;
mod interest;
mod portfolio;
mod absorb;
mod unwind;
mod convert;
mod concession;
mod waterfall;
mod claims;
mod settle;
mod cascade;
mod breakers;
mod changes;
mod close;

pub(crate) use book::end_with_position;
pub(crate) use funding::accrue;

use crate::event::Event;
use crate::rows;
use crate::state::State;
use crate::units::Time;
use alloc::vec::Vec;
pub(crate) use auction::call::binds;

/// What every step needs to know about the block.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// The block's height.
    pub(crate) height: u64,
    /// The block's time.
    pub(crate) time: Time,
    /// The time since the block before.
    pub(crate) elapsed: Time,
    /// Whether the node has just been restarted. R13.4
    pub(crate) restart: bool,
}

/// Runs the cycle: prices first, then every pool by itself.
pub(crate) fn run(state: &mut State, elapsed: Time, restart: bool, events: &mut Vec<Event>) {
    let now = Moment { height: state.height, time: state.time, elapsed, restart };
    changes::apply_due_lines(&mut state.pools, now, events);
    changes::apply_due_feeds(&mut state.feeds, &mut state.pools, now, events);
    prices::aggregate(&mut state.feeds, now, events);

    for id in state.pools.ids() {
        let (feeds, pool, reserve) = (&state.feeds, &mut state.pools[id], &mut state.reserve);
        let mut say = |event| events.push(event);
        expiry::average(pool, feeds, now);
        prices::mark(pool, feeds, now);
        stress::calibrate(pool, feeds, now);
        changes::apply_due(pool, id, feeds, now, &mut say);
        pool.set_matrices(rows::build(pool, feeds, now.time));
        funding::pay_when_due(pool, id, feeds, now, &mut say);
        expiry::settle_when_due(pool, id, feeds, now, &mut say);

        guards::judge(pool, feeds, now);
        let breached = watch::find(pool, now);
        let liquidating = liquidate::begin(pool, id, &breached, now, &mut say);
        let mut book = book::gather(pool, id, feeds, now, &mut say);
        borrow::hold_back(pool, &mut book);
        let plan = liquidate::plan(pool, &liquidating, &book, now);
        let unwinding = unwind::orders(pool, &book, now);
        let converting = convert::orders(pool, id, &mut book, &plan.orders, &mut say);
        auction::clear(pool, id, book, [plan.orders, unwinding, converting].concat(), now, &mut say);

        guards::judge(pool, feeds, now);
        let due = liquidate::still_due(pool, plan.portfolios);
        let left = portfolio::auction(pool, id, due, portfolio::Ask::UpToReserve, &mut say);
        let left = absorb::take(pool, id, left, &mut say);
        let left = portfolio::auction(pool, id, left, portfolio::Ask::Any, &mut say);
        waterfall::allocate(pool, id, feeds, now.time, reserve, left, &mut say);
        book::end_with_positions(pool, id, &mut say);
        let is_minute = settle::finish(pool, id, reserve, now, &mut say);
        let cascading = is_minute.then(|| cascade::threatened(pool, feeds, now.time));
        breakers::step(pool, id, feeds, cascading.as_ref(), now, &mut say);
    }
}

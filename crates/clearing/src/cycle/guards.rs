//! Which legs have a live, open market, and what the others count for while they wait (R3.8, R10.8). A guard spares a leg, never an account.

use super::Moment;
use super::book::clears_now;
use crate::derived::Derived;
use crate::doubt;
use crate::margin;
use crate::state::{Account, Condition, Feed, Instrument, Pool, Position};
use crate::table::{FeedId, Id, InstrumentId, Table};
use crate::units::Money;
use alloc::vec::Vec;

/// What a liquidation may do with a leg in this block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Its feed is live and its market open: it is sold, handed over and closed.
    Open,
    /// Its feed is degraded: it is sold in the book, and not handed over at a mark that is in doubt.
    BookOnly,
    /// Its market will open again after a time that is bounded: a call auction, a reopening, its grace. It waits.
    Returning,
    /// Nobody can say when it will have a price again. It waits.
    Shut,
}

/// The guard of every instrument of a pool. It follows from the state and is judged in every cycle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards(Vec<Guard>);

/// Judges every instrument: before liquidations are planned, and again once the block's auctions have cleared or called others.
pub(super) fn judge(pool: &mut Pool, feeds: &Table<FeedId, Feed>, now: Moment) {
    let guards =
        pool.instruments.iter().map(|(_, listed)| guard_of(listed, &feeds[listed.parameters.feed], now)).collect();
    pool.guards = Derived(Guards(guards));
}

fn guard_of(instrument: &Instrument, feed: &Feed, now: Moment) -> Guard {
    let is_coming_back = instrument.is_in_grace(now.time) || !clears_now(instrument, now);
    match feed.condition {
        _ if !instrument.priced || instrument.settled.is_some() => Guard::Shut,
        Condition::Down if feed.fresh == 0 => Guard::Shut,
        Condition::Down => Guard::Returning,
        _ if is_coming_back => Guard::Returning,
        Condition::Degraded => Guard::BookOnly,
        Condition::Live => Guard::Open,
    }
}

impl Pool {
    /// What a liquidation may do with a leg in this block. What was not judged yet has no market.
    pub(crate) fn guard(&self, instrument: InstrumentId) -> Guard {
        self.guards.0.0.get(instrument.position()).copied().unwrap_or(Guard::Shut)
    }

    /// Whether a leg can be sold in this block's auction.
    pub(crate) fn can_trade(&self, instrument: InstrumentId) -> bool {
        matches!(self.guard(instrument), Guard::Open | Guard::BookOnly)
    }

    /// The legs that are sold, handed over and closed. R10.8
    pub(crate) fn open_legs(&self, positions: &[Position]) -> Vec<Position> {
        positions.iter().filter(|position| self.guard(position.instrument) == Guard::Open).cloned().collect()
    }

    /// The legs that are not handed over.
    fn kept_legs(&self, positions: &[Position]) -> Vec<Position> {
        positions.iter().filter(|position| self.guard(position.instrument) != Guard::Open).cloned().collect()
    }

    /// What may be wrong about legs that wait, in the account's favour. R3.4
    fn in_favour(&self, waiting: &[Position]) -> Money {
        let favour = doubt::in_favour(self, waiting);
        favour.limited + favour.unlimited
    }

    /// What the doubt about legs that cannot be sold may spare an account. R3.8
    pub(crate) fn spared(&self, positions: &[Position]) -> Money {
        let waiting: Vec<Position> =
            positions.iter().filter(|position| !self.can_trade(position.instrument)).cloned().collect();
        self.in_favour(&waiting)
    }

    /// Equity with every leg that is not handed over at the edge of its band that is good for the account: what it is short of then it is
    /// short of for certain. R10.8
    pub(crate) fn best_equity(&self, account: &Account) -> Money {
        margin::equity(&self.matrices, account.cash, &account.positions)
            + self.in_favour(&self.kept_legs(&account.positions))
    }

    /// Equity with every leg that is not handed over at its bad edge, and balances among them at nothing: what an account can pay without
    /// leaving others to bear it if the leg comes back worse. R10.8
    pub(crate) fn sure_equity(&self, account: &Account) -> Money {
        let is_spot = |position: &Position| self.instruments[position.instrument].is_spot();
        let (balances, derivatives): (Vec<Position>, Vec<Position>) =
            self.kept_legs(&account.positions).into_iter().partition(is_spot);
        margin::equity(&self.matrices, account.cash, &account.positions)
            - margin::equity(&self.matrices, Money::ZERO, &balances)
            - margin::doubt_against(self, &derivatives)
    }
}

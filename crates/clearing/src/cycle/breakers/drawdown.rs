//! How much the fund has lost of what it should have, and when that is forgotten (R13.1, R13.3).

use crate::event::Cause;
use crate::margin;
use crate::state::{FUND, Instrument, Level, Pool};
use crate::units::{Money, Ratio, Time};

/// The share that the fund has lost, of what the pool has to lose before its members do. R13.1
///
/// The fund is whole at its target where governance has said what it should hold (`fund_floor`), and otherwise with what it was given:
/// what it only earned and lost again has been nobody's protection. It cannot have lost what it never had. The measure is never smaller
/// than the floor, or than what was given, however small the fund has become: cents lost by a fund of cents are no drawdown.
pub(super) fn of(pool: &Pool) -> Ratio {
    let lost = (mark(pool) - equity(pool)).or_zero();
    let floor = pool.parameters.fund_floor;
    let least = if floor.is_zero() { pool.fund.given } else { floor };
    let whole = mark(pool).max(least) + pool.own_capital + pool.fees;
    if lost.is_zero() || whole.is_zero() { Ratio::ZERO } else { lost.ratio_to_floor(whole, Ratio::ONE) }
}

/// Where losses are counted from: what makes the fund whole, or the most that it has had, if that is less.
fn mark(pool: &Pool) -> Money {
    let floor = pool.parameters.fund_floor;
    let whole = if floor.is_zero() { pool.fund.given } else { pool.fund.target.max(floor) };
    pool.fund.high.min(whole)
}

fn equity(pool: &Pool) -> Money {
    let fund = &pool.accounts[FUND];
    margin::equity(&pool.matrices, fund.cash, &fund.positions)
}

/// R13.3: a drawdown counts for as long as a halt may last; from then on losses are counted from what the fund has. Once: what it loses
/// on the way down the ladder is a new loss.
pub(super) fn forgive(pool: &mut Pool, time: Time) {
    let limit = pool.parameters.max_halt;
    let old = |instrument: &Instrument| {
        let breaker = &instrument.breaker;
        let by_drawdown = breaker.level == Level::ReduceOnly && breaker.cause == Cause::FundDrawdown;
        by_drawdown && breaker.caused_at == time && time - breaker.since > limit
    };
    if pool.instruments.iter().any(|(_, instrument)| instrument.counts() && old(instrument)) {
        pool.fund.high = equity(pool);
    }
}

impl Pool {
    /// Capital has come into the fund: losses are counted from what it has now. R13.1
    pub(crate) fn fund_was_given(&mut self, amount: Money) {
        let held = equity(self);
        self.fund.high = held;
        self.fund.given = held.max(amount);
    }

    /// The fund has paid by rule what is no loss of its own, a claim for example: that is no drawdown. R13.1
    pub fn fund_has_repaid(&mut self, amount: Money) {
        self.fund.high = mark(self) - amount;
    }
}

//! What an account has gained lately and holds no more: what closing, or trading with oneself, does not take out of reach (R12.6).

use super::{Account, Pool};
use crate::table::InstrumentId;
use crate::units::{Money, Quantity, Ratio, Time};
use alloc::boxed::Box;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// How finely `gain_memory` is told: what was realised counts for the memory, and for at most an eighth of it longer.
const EIGHTH: Ratio = Ratio::new(125_000);

/// Most sums that an account keeps: those of one memory and its eighth more, and some of another where the setting has changed.
const MOST_SUMS: usize = 16;

/// What an account has realised, and which sides of which markets it has left.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Recent {
    /// Sums of what was realised, the earliest to be forgotten first.
    pub realised: Vec<Realised>,
    /// The sides that it has left, wholly or in part.
    pub left: Vec<Left>,
}

/// What was realised in an eighth of the memory: gains less losses.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Realised {
    /// Until when it counts.
    pub until: Time,
    /// How much.
    pub amount: Money,
}

/// A side of a market that the account has left.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Left {
    /// The market.
    pub instrument: InstrumentId,
    /// Whether it was long.
    pub long: bool,
    /// Until when it counts.
    pub until: Time,
}

impl Left {
    /// +1 for long, −1 for short.
    pub(crate) fn sign(&self) -> i64 {
        if self.long { 1 } else { -1 }
    }
}

impl Account {
    /// What it has realised within the memory, gains less losses. R12.6
    #[must_use]
    pub fn realised(&self, now: Time) -> Money {
        let sums = self.recent.iter().flat_map(|recent| &recent.realised);
        sums.filter(|sum| sum.until > now).map(|sum| sum.amount).sum()
    }

    /// The sides of markets that it has left within the memory. R12.2
    pub(crate) fn sides_left(&self, now: Time) -> impl Iterator<Item = &Left> {
        self.recent.iter().flat_map(|recent| &recent.left).filter(move |left| left.until > now)
    }

    /// Remembers a gain, or a loss, until then. What is over is forgotten here, so that nobody has to walk over accounts for it.
    pub(crate) fn remember(&mut self, amount: Money, now: Time, until: Time) {
        if amount.is_zero() {
            return;
        }
        let sums = &mut self.recent.get_or_insert_with(Box::default).realised;
        sums.retain(|sum| sum.until > now);
        if let Some(sum) = sums.iter_mut().find(|sum| sum.until == until) {
            sum.amount += amount;
            return;
        }
        sums.push(Realised { until, amount });
        sums.sort_unstable_by_key(|sum| sum.until);
        if sums.len() > MOST_SUMS {
            // The earliest is kept longer rather than forgotten.
            let earliest = sums.remove(0);
            sums.first_mut().expect("there are more").amount += earliest.amount;
        }
    }

    /// Remembers that a trade took lots off a position.
    pub(crate) fn remember_side(
        &mut self,
        instrument: InstrumentId,
        before: Quantity,
        traded: Quantity,
        now: Time,
        until: Time,
    ) {
        if !before.opposes(traded) {
            return;
        }
        let sides = &mut self.recent.get_or_insert_with(Box::default).left;
        sides.retain(|side| side.until > now);
        let long = before.is_positive();
        match sides.iter_mut().find(|side| side.instrument == instrument && side.long == long) {
            Some(side) => side.until = side.until.max(until),
            None => sides.push(Left { instrument, long, until }),
        }
    }
}

impl Pool {
    /// Until when what is realised now counts: `gain_memory` from the end of this eighth of it. R12.6
    pub(crate) fn remembered_until(&self) -> Time {
        let memory = self.parameters.gain_memory;
        self.now.0.next_multiple(memory.times_ceil(EIGHTH)) + memory
    }

    /// What an account has gained: on the derivatives that it holds, and what it has realised lately, less what it has lost. R12.6
    pub(crate) fn gain(&self, account: &Account) -> Money {
        let derivatives = account.positions.iter().filter(|held| !self.instruments[held.instrument].is_spot());
        let open: Money =
            derivatives.map(|held| self.matrices.mark(held.instrument) * held.quantity - held.entry).sum();
        (open + account.realised(self.now.0)).or_zero().min(Money::new(1 << 64))
    }
}

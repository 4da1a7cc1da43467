//! A compact copy of every account's cash and positions, in one array: what the watch reads (R9), and what the totals of a
//! pool are kept from, so that a block is checked against them without walking all accounts (R2.4).

use crate::state::{Account, Position};
use crate::table::{AccountId, Id, InstrumentId};
use crate::units::{Money, Quantity};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Positions that fit into a lane. Accounts with more are copied aside.
pub(crate) const SLOTS: usize = 4;

/// One account's vector, less than a cache line long. An empty slot holds zero lots.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lane {
    /// Money quanta.
    pub(crate) cash: i64,
    /// Lots.
    pub(crate) quantities: [i64; SLOTS],
    /// Ids of instruments.
    pub(crate) instruments: [u16; SLOTS],
    /// Whether the vector did not fit and stands aside.
    pub(crate) aside: bool,
}

/// A vector that does not fit into a lane.
#[derive(Clone, Debug)]
pub(crate) struct Wide {
    pub(crate) cash: Money,
    pub(crate) positions: Vec<(InstrumentId, Quantity)>,
}

/// The lanes of a pool's accounts, by account, and what they sum to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    aside: BTreeMap<AccountId, Wide>,
    totals: Totals,
}

/// Sums over accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    /// Σ cash.
    pub(crate) cash: Money,
    /// Σ of all and of long positions, in lots, by instrument.
    lots: Vec<(Quantity, Quantity)>,
}

impl Totals {
    /// Σ of all and of long positions in an instrument.
    pub(crate) fn lots(&self, instrument: InstrumentId) -> (Quantity, Quantity) {
        self.lots.get(instrument.position()).copied().unwrap_or_default()
    }

    fn change(&mut self, instrument: InstrumentId, quantity: Quantity, long: Quantity) {
        if self.lots.len() <= instrument.position() {
            self.lots.resize(instrument.position().saturating_add(1), (Quantity::ZERO, Quantity::ZERO));
        }
        let (total, longs) = self.lots.get_mut(instrument.position()).expect("there is a sum for every instrument");
        *total += quantity;
        *longs += long;
    }
}

impl Lane {
    /// The vector, where it fits.
    fn of(account: &Account) -> Option<Self> {
        let mut lane = Self { cash: i64::try_from(account.cash.get()).ok()?, ..Self::default() };
        if account.positions.len() > SLOTS {
            return None;
        }
        let slots = lane.quantities.iter_mut().zip(&mut lane.instruments);
        for ((quantity, instrument), position) in slots.zip(&account.positions) {
            *quantity = position.quantity.get();
            *instrument = position.instrument.0;
        }
        Some(lane)
    }

    fn positions(&self) -> impl Iterator<Item = (InstrumentId, Quantity)> {
        let slots = self.quantities.into_iter().zip(self.instruments);
        slots.map(|(quantity, instrument)| (InstrumentId(instrument), Quantity::new(quantity)))
    }
}

impl Lanes {
    /// The lane of an account; an empty one before it was first copied.
    pub(crate) fn lane(&self, id: AccountId) -> &Lane {
        const EMPTY: &Lane = &Lane { cash: 0, quantities: [0; SLOTS], instruments: [0; SLOTS], aside: false };
        self.lanes.get(id.position()).unwrap_or(EMPTY)
    }

    /// The vector that does not fit into its lane.
    pub(crate) fn wide(&self, id: AccountId) -> Option<&Wide> {
        self.aside.get(&id)
    }

    /// Shows the vector of an account, without what was paid for its positions, and without a look at the account itself.
    pub(crate) fn show<R>(&self, id: AccountId, to: impl FnOnce(Money, &[Position]) -> R) -> R {
        let position = |instrument, quantity| Position { instrument, quantity, entry: Money::ZERO };
        if let Some(wide) = self.wide(id) {
            let positions: Vec<Position> = wide.positions.iter().map(|(at, lots)| position(*at, *lots)).collect();
            return to(wide.cash, &positions);
        }
        let lane = self.lane(id);
        let mut slots = lane.positions();
        let slot = |_| slots.next().map(|(at, lots)| position(at, lots)).expect("a lane has as many");
        let positions: [Position; SLOTS] = core::array::from_fn(slot);
        let filled = lane.quantities.iter().take_while(|lots| **lots != 0).count();
        to(Money::new(i128::from(lane.cash)), positions.get(..filled).unwrap_or_default())
    }

    /// What the copies sum to.
    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Brings the copy of an account up to date.
    pub(crate) fn copy(&mut self, id: AccountId, account: &Account) {
        if self.lanes.len() <= id.position() {
            self.lanes.resize(id.position().saturating_add(1), Lane::default());
        }
        let old = *self.lane(id);
        self.totals.cash -= Money::new(i128::from(old.cash));
        old.positions().for_each(|(instrument, quantity)| self.subtract(instrument, quantity));
        if old.aside {
            let wide = self.aside.remove(&id).expect("a vector that does not fit stands aside");
            self.totals.cash -= wide.cash;
            wide.positions.into_iter().for_each(|(instrument, quantity)| self.subtract(instrument, quantity));
        }
        let lane = Lane::of(account).unwrap_or(Lane { aside: true, ..Lane::default() });
        if lane.aside {
            let pair = |position: &Position| (position.instrument, position.quantity);
            let positions = account.positions.iter().map(pair).collect();
            self.aside.insert(id, Wide { cash: account.cash, positions });
        }
        self.totals.cash += account.cash;
        for position in &account.positions {
            self.totals.change(position.instrument, position.quantity, position.quantity.or_zero());
        }
        *self.lanes.get_mut(id.position()).expect("the lane was just made") = lane;
    }

    fn subtract(&mut self, instrument: InstrumentId, quantity: Quantity) {
        if !quantity.is_zero() {
            self.totals.change(instrument, -quantity, -quantity.or_zero());
        }
    }
}

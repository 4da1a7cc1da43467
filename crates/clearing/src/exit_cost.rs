//! What leaving a position costs (R5.6): a price a lot, tier by tier, made once a block and rounded up there.
//!
//! A position's cost is lots × those prices: linear in every tier, never less than the exact share of its value, and without a division a position.

use crate::parameters::Tier;
use crate::state::Instrument;
use crate::table::{Id, InstrumentId, Table};
use crate::units::{Money, Price, Quantity};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The cost of leaving one instrument at one mark: from each corner on, what every further lot costs. Both rise.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ExitCost {
    corners: Vec<(Quantity, Price)>,
}

impl ExitCost {
    /// The schedule at a mark: a lot costs its tier's share of |mark|, rounded up to a quantum.
    #[must_use]
    pub fn of(tiers: &[Tier], mark: Price) -> Self {
        Self { corners: tiers.iter().map(|tier| (tier.from, mark.abs().times_ceil(tier.rate))).collect() }
    }

    /// What a position of this size costs to leave.
    #[must_use]
    pub fn of_position(&self, quantity: Quantity) -> Money {
        let size = quantity.abs();
        let ends = self.corners.iter().skip(1).map(|(from, _)| *from).chain(core::iter::once(size));
        self.corners.iter().zip(ends).map(|((from, cost), end)| *cost * (size.min(end) - *from).or_zero()).sum()
    }

    /// What the last lot of a position of this size costs: what selling one lot saves.
    #[must_use]
    pub fn of_last_lot(&self, quantity: Quantity) -> Price {
        let size = quantity.abs();
        self.corners.iter().rfind(|(from, _)| *from < size).map_or(Price::ZERO, |(_, cost)| *cost)
    }

    /// The corners: a number of lots, and the cost of every lot beyond it.
    pub(crate) fn corners(&self) -> &[(Quantity, Price)] {
        &self.corners
    }

    /// What a lot costs at most.
    pub(crate) fn dearest(&self) -> Price {
        self.corners.last().map_or(Price::ZERO, |(_, cost)| *cost)
    }
}

/// Which exit cost counts: initial adds to maintenance, so that R6.4 holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Maintenance and target rows.
    Maintenance,
    /// Initial rows.
    Initial,
}

/// The schedules of every instrument of a pool at this block's marks.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ExitCosts {
    maintenance: Vec<ExitCost>,
    /// What initial rows add.
    added: Vec<ExitCost>,
}

impl ExitCosts {
    /// The schedules at these marks, by instrument.
    #[must_use]
    pub fn of(instruments: &Table<InstrumentId, Instrument>, marks: &[Price]) -> Self {
        let listed = || instruments.iter().zip(marks).map(|((_, instrument), mark)| (&instrument.parameters, *mark));
        Self {
            maintenance: listed().map(|(parameters, mark)| ExitCost::of(&parameters.exit_cost, mark)).collect(),
            added: listed().map(|(parameters, mark)| ExitCost::of(&parameters.initial_exit_cost, mark)).collect(),
        }
    }

    /// The schedule that counts in maintenance and target rows; free before the instrument's first cycle.
    #[must_use]
    pub fn maintenance(&self, id: InstrumentId) -> &ExitCost {
        const FREE: &ExitCost = &ExitCost { corners: Vec::new() };
        self.maintenance.get(id.position()).unwrap_or(FREE)
    }

    /// The schedule that initial rows add to it.
    #[must_use]
    pub fn added(&self, id: InstrumentId) -> &ExitCost {
        const FREE: &ExitCost = &ExitCost { corners: Vec::new() };
        self.added.get(id.position()).unwrap_or(FREE)
    }

    /// What a position costs to leave.
    #[must_use]
    pub fn of_position(&self, id: InstrumentId, quantity: Quantity, bar: Bar) -> Money {
        let maintenance = self.maintenance(id).of_position(quantity);
        match bar {
            Bar::Maintenance => maintenance,
            Bar::Initial => maintenance + self.added(id).of_position(quantity),
        }
    }
}

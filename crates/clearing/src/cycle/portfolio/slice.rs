//! What a share of a portfolio is in whole lots, and what it counts for: whoever takes it is paid for what moves (R10.9).

use super::own_initial_margin;
use crate::margin;
use crate::state::{Pool, Position};
use crate::units::{Money, Ratio};
use alloc::vec::Vec;

/// A part of a portfolio that moves.
#[derive(Clone, Debug)]
pub(in crate::cycle) struct Slice {
    /// The lots, signed as in the portfolio.
    pub(in crate::cycle) positions: Vec<Position>,
    /// What premium and capacity are measured in.
    pub(in crate::cycle) margin: Money,
    /// By value, of the portfolio as it was offered.
    pub(in crate::cycle) share: Ratio,
}

/// A portfolio that is offered, and what of it is left.
pub(in crate::cycle) struct Offer<'a> {
    pool: &'a Pool,
    /// Its initial margin.
    whole: Money,
    /// The value of all its lots at their marks.
    value: Money,
    left: Vec<Position>,
    left_margin: Money,
    left_share: Ratio,
}

impl<'a> Offer<'a> {
    pub(in crate::cycle) fn new(pool: &'a Pool, positions: &[Position], whole: Money) -> Self {
        let value = margin::gross_value(pool, positions);
        Self { pool, whole, value, left: positions.to_vec(), left_margin: whole, left_share: Ratio::ONE }
    }

    /// Whether everything is gone.
    pub(in crate::cycle) fn is_gone(&self) -> bool {
        self.left.is_empty()
    }

    /// What of the margin is left.
    pub(in crate::cycle) fn left_margin(&self) -> Money {
        self.left_margin
    }

    /// A share of what is left, in whole lots: all that is left, or each position's lots rounded down, so that no slice is more than its
    /// taker has room for.
    pub(in crate::cycle) fn lots(&self, share: Ratio) -> Vec<Position> {
        let part = |position: &Position| {
            let lots = position.quantity.abs().times_floor(share).on_side(position.quantity.signum());
            Position { quantity: lots, entry: Money::ZERO, ..*position }
        };
        self.left.iter().map(part).filter(|position| !position.quantity.is_zero()).collect()
    }

    /// What these lots count for: their part of the portfolio's margin by their value, and never more than their own initial margin. So the
    /// parts never come to more than the whole, and a harmless leg is not paid for as a dangerous one.
    pub(in crate::cycle) fn slice(&self, positions: Vec<Position>) -> Slice {
        let (part, share) = self.part_of(&positions);
        let margin = part.min(own_initial_margin(self.pool, &positions));
        Slice { positions, margin, share }
    }

    /// The part of the margin, and of the portfolio, that these lots are by their value: together exactly the whole.
    fn part_of(&self, positions: &[Position]) -> (Money, Ratio) {
        let lots = |position: &Position| (position.instrument, position.quantity);
        if positions.iter().map(lots).eq(self.left.iter().map(lots)) {
            return (self.left_margin, self.left_share);
        }
        let value = margin::gross_value(self.pool, positions);
        let part = self.whole.share_floor(value, self.value).min(self.left_margin);
        (part, value.ratio_to_floor(self.value, Ratio::ONE).min(self.left_share))
    }

    /// The slice is taken.
    pub(in crate::cycle) fn take(&mut self, slice: &Slice) {
        let (part, share) = self.part_of(&slice.positions);
        self.left_margin -= part;
        self.left_share -= share;
        for taken in &slice.positions {
            let of = |position: &&mut Position| position.instrument == taken.instrument;
            self.left.iter_mut().find(of).expect("a slice is of what is left").quantity -= taken.quantity;
        }
        self.left.retain(|position| !position.quantity.is_zero());
    }
}

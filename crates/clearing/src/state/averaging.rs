//! What a price is worth that is being averaged: a part of it is fixed, and only the rest still moves (R16.2).

use super::Instrument;
use crate::parameters::Kind;
use crate::units::{Price, Ratio, Time};

/// An average of an index over a window, as far as it has come. It knows nothing of what settles at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Averaging {
    /// Σ index × milliseconds so far.
    sum: i128,
    /// The milliseconds in that sum.
    length: Time,
    /// The milliseconds of the window that are still to come.
    left: Time,
}

impl Averaging {
    /// Nothing is fixed: the window has not begun, or there is none.
    pub const OPEN: Self = Self { sum: 0, length: Time::ZERO, left: Time::new(1) };

    /// An average that holds `sum` of `length` and waits for `left`.
    #[must_use]
    pub fn new(sum: i128, length: Time, left: Time) -> Self {
        // Over before anything was seen of it: there is only the index.
        if (length + left).is_positive() { Self { sum, length, left } } else { Self::OPEN }
    }

    /// What it settles at if the index stays where it is, rounded down. R16.2
    #[must_use]
    pub fn worth(&self, index: Price) -> Price {
        Price::mean_floor(self.sum.saturating_add(index.over(self.left)), self.length + self.left)
    }

    /// The part of its worth that no index can move any more, rounded down.
    #[must_use]
    pub fn fixed(&self) -> Price {
        Price::mean_floor(self.sum, self.length + self.left)
    }

    /// The share of the window that is left, rounded up: by how much of the index's move it still moves. R16.2
    #[must_use]
    pub fn share_left(&self) -> Ratio {
        Ratio::ONE.over_ceil(self.left, self.length + self.left)
    }
}

impl Instrument {
    /// The average that it settles at, as far as it has come at this time. R16.2
    #[must_use]
    pub fn averaging(&self, time: Time) -> Averaging {
        let Kind::Dated { expiry, .. } = self.parameters.kind else { return Averaging::OPEN };
        // Before the window nothing is in the sum, and whatever is left is all of it.
        Averaging::new(self.settlement_sum, self.settlement_length, (expiry - time).or_zero())
    }

    /// The share of its price that its feed still moves: one, but for a dated future in its settlement window. R16.2
    #[must_use]
    pub fn share_left(&self, time: Time) -> Ratio {
        self.averaging(time).share_left()
    }

    /// The part of its mark that no index can move any more. A mark that waits for its feed (R3.10) may have less in it than has been fixed since,
    /// and then nothing of it is open. R16.2
    #[must_use]
    pub fn fixed_part(&self, time: Time) -> Price {
        let fixed = self.averaging(time).fixed();
        if self.parameters.negative_prices { fixed } else { fixed.min(self.mark) }
    }

    /// The part of its mark that its feed still moves: all of it, but for a dated future in its settlement window. R16.2
    #[must_use]
    pub fn open_part(&self, time: Time) -> Price {
        self.mark - self.fixed_part(time)
    }

    /// The price that consists of what is fixed and of this part that is not: neither is below zero where the instrument does not go there.
    #[must_use]
    pub(crate) fn with_open_part(&self, fixed: Price, open: Price) -> Price {
        self.within_sign(fixed + self.within_sign(open))
    }
}

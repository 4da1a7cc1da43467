//! What the fund will give back: what the layers after it have borne (R11.7).

use super::Pool;
use crate::event::Layer;
use crate::table::AccountId;
use crate::units::Money;
use alloc::collections::BTreeMap;
use borsh::{BorshDeserialize, BorshSerialize};

/// What members and backstop providers have borne after the fund, and what of it was not yet given back. They are no money (R2.4), and what
/// the line has lent is a claim as well: it stands in [`super::Line`].
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Claims {
    /// By layer and bearer, none of them zero.
    pub owed: BTreeMap<(Layer, AccountId), Money>,
    /// The fund's equity after the last repayment, or when the claims arose: half of what it rises above that is given back.
    pub mark: Money,
}

impl Pool {
    /// Whether the fund owes anybody anything. R11.7
    #[must_use]
    pub fn claims_stand(&self) -> bool {
        !self.claims.owed.is_empty() || self.line.drawn.is_positive()
    }
}

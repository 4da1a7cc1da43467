//! Where an instrument stands on the ladder of breakers, and what it remembers of it (R13).

use crate::event::Cause;
use crate::units::{Price, Time};
use borsh::{BorshDeserialize, BorshSerialize};

/// Where an instrument stands on the ladder of breakers. R13.1
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Breaker {
    /// The step.
    pub level: Level,
    /// Why.
    pub cause: Cause,
    /// Since when.
    pub since: Time,
    /// When a cause was last present.
    pub caused_at: Time,
    /// When the call auction clears, if one collects orders.
    pub call_until: Option<Time>,
    /// Until then the mark counts as doubtful, so that nobody is liquidated by the first prices after a halt. R13.2
    pub grace_until: Time,
    /// Where it stood before a call auction or a halt, and where it goes on from. R13.8
    pub resumes: (Level, Cause),
    /// Since when it has been open again after orders last called an auction; zero before the first. R8.3
    pub open_since: Time,
    /// At which price orders last wanted to trade outside the band, and called an auction. R8.3
    pub called_at: Price,
}

/// The steps of the ladder, from free to closed. R13.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Level {
    /// Free trade.
    Normal,
    /// Wider initial rows.
    Cautious,
    /// Only orders that reduce a position.
    ReduceOnly,
    /// Orders collect for one uniform price.
    CallAuction,
    /// No trade.
    Halted,
    /// Positions close at the robust price.
    WindDown,
}

impl Breaker {
    /// Its step and cause, beneath a call auction or a halt. R13.8
    #[must_use]
    pub fn stands(&self) -> (Level, Cause) {
        if self.is_closed() { self.resumes } else { (self.level, self.cause) }
    }

    /// Whether the market does not trade: orders collect, or it has halted. R13.8
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.level >= Level::CallAuction
    }

    /// Whether orders collect because some of them want to trade outside the band. R8.3
    #[must_use]
    pub fn is_called_by_orders(&self) -> bool {
        self.level == Level::CallAuction && self.cause == Cause::OutsideBand
    }
}

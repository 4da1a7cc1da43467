//! An account: what it has, what it wants, and what it may do (R2.2, R2.3).

use super::Recent;
use crate::accrual::Accruals;
use crate::command::{Key, Lifetime, OrderNumber};
use crate::table::InstrumentId;
use crate::units::{Money, Price, Quantity};
use alloc::boxed::Box;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// An account. R2.2
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// Who owns it.
    pub owner: Key,
    /// Settlement money, may be negative.
    pub cash: Money,
    /// Positions and collateral balances, by instrument, none of them zero.
    pub positions: Vec<Position>,
    /// Open orders, in the order in which they arrived.
    pub orders: Vec<Order>,
    /// The highest order number used.
    pub last_number: OrderNumber,
    /// Its standing.
    pub standing: Standing,
    /// A sealed order and the height of its block. R8.4
    pub seal: Option<Box<([u8; 32], u64)>>,
    /// What has accrued to it and is not yet paid. R2.5, R16.1
    pub accrued: Accruals,
    /// What it owed when it last changed while the pool's loans were within their limit. R2.6
    pub granted: Money,
    /// What it has gained lately without holding it any more. R12.6
    pub recent: Option<Box<Recent>>,
    /// Which venues may trade for the account, and how much: by key, at most [`MAX_LEAVES`]. R7.10
    pub leaves: Vec<VenueLeave>,
}

/// Most venues that an account lets trade for it. R7.10
pub const MAX_LEAVES: usize = 8;

/// What is left of an account's leave for a venue. R7.10
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VenueLeave {
    /// The venue's key.
    pub venue: Key,
    /// What its trades may still cost: what is worse than the mark, and fees.
    pub loss: Money,
    /// The initial margin of the lots that it may still trade, either way.
    pub margin: Money,
}

/// A position or a collateral balance.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Position {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Lots, never zero.
    pub quantity: Quantity,
    /// What was paid for it, net: for display and for R12 only.
    pub entry: Money,
}

/// An open order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Order {
    /// The number.
    pub number: OrderNumber,
    /// The instrument.
    pub instrument: InstrumentId,
    /// Lots left, positive to buy.
    pub quantity: Quantity,
    /// The worst price.
    pub limit: Price,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Whether it may only reduce the position.
    pub reduce_only: bool,
}

/// What an account may do. A portfolio auction begins and ends inside one block, so nobody stands in one. R2.2
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Standing {
    /// Everything its margin allows.
    Good,
    /// Its positions are being reduced since this height.
    Liquidating {
        /// The height of the block in which it breached, and one more for every block since in which nothing of it could trade. R10.8
        since: u64,
    },
    /// Its losses went beyond its collateral. What it still holds waits for its market, and is no longer its owner's. R10.8
    Closed,
}

impl Account {
    /// A new account of `owner`.
    #[must_use]
    pub fn new(owner: Key) -> Self {
        Self {
            owner,
            cash: Money::ZERO,
            positions: Vec::new(),
            orders: Vec::new(),
            last_number: 0,
            standing: Standing::Good,
            seal: None,
            accrued: Accruals::default(),
            granted: Money::ZERO,
            recent: None,
            leaves: Vec::new(),
        }
    }

    /// The position in an instrument, in lots.
    #[must_use]
    pub fn quantity(&self, instrument: InstrumentId) -> Quantity {
        self.positions
            .binary_search_by_key(&instrument, |position| position.instrument)
            .ok()
            .and_then(|at| self.positions.get(at))
            .map_or(Quantity::ZERO, |position| position.quantity)
    }

    /// Moves `quantity` lots at `price` per lot into the account: the position changes by +q, cash by −q·p. R2.3
    ///
    /// Callers go through [`super::Pool::trade`], which keeps the pool's totals. Answers what was realised: what was received beyond the entry
    /// value that left with the lots, to the quantum, so that what is open and what is realised change by the price alone. R12.6
    pub(crate) fn fill(&mut self, instrument: InstrumentId, quantity: Quantity, price: Price) -> Money {
        let paid = price * quantity;
        self.cash -= paid;
        match self.positions.binary_search_by_key(&instrument, |position| position.instrument) {
            Err(at) => {
                self.positions.insert(at, Position { instrument, quantity, entry: paid });
                Money::ZERO
            }
            Ok(at) => {
                let position = self.positions.get_mut(at).expect("the search found it");
                let before = position.entry;
                let after = entry_after(position, quantity, paid);
                position.entry = after;
                position.quantity += quantity;
                if position.quantity.is_zero() {
                    self.positions.remove(at);
                }
                after - before - paid
            }
        }
    }

    /// Adds money that is the owner's.
    pub(crate) fn credit(&mut self, amount: Money) {
        self.reopen();
        self.cash += amount;
    }

    /// Opens a closed account again for what is its owner's, once nothing of what it left behind is in it. R12.1, R10.8
    pub(crate) fn reopen(&mut self) {
        if self.standing == Standing::Closed && !self.is_being_closed() {
            self.standing = Standing::Good;
            self.accrued.forfeit();
        }
    }

    /// Whether an order that may only reduce has nothing to reduce. R8.4
    #[must_use]
    pub fn has_ended(&self, order: &Order) -> bool {
        order.reduce_only && !self.quantity(order.instrument).opposes(order.quantity)
    }

    /// Whether it is closed and what it held has not all gone yet. R10.8
    #[must_use]
    pub fn is_being_closed(&self) -> bool {
        self.standing == Standing::Closed && (!self.positions.is_empty() || !self.cash.is_zero())
    }

    /// Whether it may place orders, withdraw and bid.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.standing == Standing::Good
    }
}

/// The entry value after a fill: a reduction keeps the entry of what is left in proportion, an increase adds what was paid.
fn entry_after(position: &Position, quantity: Quantity, paid: Money) -> Money {
    let after = position.quantity + quantity;
    if after.is_zero() {
        return Money::ZERO;
    }
    if position.quantity.signum() == quantity.signum() {
        return position.entry + paid;
    }
    let lots = |lots: Quantity| Money::new(i128::from(lots.abs().get()));
    if after.signum() == position.quantity.signum() {
        position.entry.share_floor(lots(after), lots(position.quantity))
    } else {
        paid.share_floor(lots(after), lots(quantity))
    }
}

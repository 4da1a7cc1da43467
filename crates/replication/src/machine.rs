//! What ordering sees of the core.

use borsh::{BorshDeserialize, BorshSerialize};
use clearing::Engine;
use clearing::command::Block;
use clearing::engine::{BlockError, Genesis};
use clearing::event::Receipt;

/// A state machine that goes from block to block: the core by itself, or the core behind what decides who may say what.
///
/// The same genesis and the same blocks lead to the same roots, on every machine.
pub trait Machine: Sized {
    /// What it is given.
    type Block: BorshSerialize + BorshDeserialize;
    /// What it answers.
    type Receipt;

    /// The machine before the first block; none if these bytes are no genesis.
    fn begin(genesis: &[u8]) -> Option<Self>;

    /// The machine as it was when [`Machine::snapshot`] was asked.
    ///
    /// # Errors
    /// Says why these bytes are no snapshot.
    fn restore(snapshot: &[u8]) -> Result<Self, String>;

    /// The whole state as bytes.
    fn snapshot(&self) -> Vec<u8>;

    /// The height of the last block; 0 without any.
    fn height(&self) -> u64;

    /// The root of the state.
    fn root(&self) -> [u8; 32];

    /// Whether this block may come next.
    ///
    /// # Errors
    /// Says what is wrong with its header.
    fn check(&self, block: &Self::Block) -> Result<(), BlockError>;

    /// Applies the next block.
    ///
    /// # Panics
    /// If [`Machine::check`] refuses the block, or an invariant breaks.
    fn apply(&mut self, block: &Self::Block) -> Self::Receipt;
}

impl Machine for Engine {
    type Block = Block;
    type Receipt = Receipt;

    fn begin(genesis: &[u8]) -> Option<Self> {
        borsh::from_slice(genesis).ok().map(|genesis: Genesis| Self::new(&genesis))
    }

    fn restore(snapshot: &[u8]) -> Result<Self, String> {
        Self::restore(snapshot).map_err(|error| error.to_string())
    }

    fn snapshot(&self) -> Vec<u8> {
        self.snapshot()
    }

    fn height(&self) -> u64 {
        self.height()
    }

    fn root(&self) -> [u8; 32] {
        self.root()
    }

    fn check(&self, block: &Block) -> Result<(), BlockError> {
        self.check(block)
    }

    fn apply(&mut self, block: &Block) -> Receipt {
        self.apply(block)
    }
}

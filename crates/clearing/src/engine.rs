//! Applying a block: commands in order, then the cycle, then the invariants. The only door.

use crate::command::{BLOCK_VERSION, Block, Key};
use crate::commands;
use crate::commitment::Commitment;
use crate::cycle;
use crate::derived::Derived;
use crate::event::Receipt;
use crate::invariants;
use crate::state::State;
use crate::table::Table;
use crate::units::{Money, Time};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The format version of an encoded [`Snapshot`].
pub const SNAPSHOT_VERSION: u16 = 5;

/// Most commands of a block. R1.7
pub const MAX_COMMANDS: usize = 1 << 20;

/// The latest time a block may carry: the end of the year 9999, in milliseconds since the Unix epoch. R1.7
pub const MAX_TIME: Time = Time::new(253_402_300_799_999);

/// What a new system starts from.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Genesis {
    /// Blocks are later than this.
    pub time: Time,
    /// Who sets parameters.
    pub governance: Key,
    /// Who reports deposits.
    pub custodian: Key,
}

/// The whole state in its canonical encoding, with the root it had.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Snapshot {
    /// The format, [`SNAPSHOT_VERSION`].
    pub version: u16,
    /// The root of the state.
    pub root: [u8; 32],
    /// The state.
    pub state: State,
}

/// Why a block cannot come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// The format is not known.
    Version {
        /// What was found.
        found: u16,
    },
    /// The height is not one more than the state's.
    Height {
        /// What was found.
        found: u64,
        /// What is expected.
        expected: u64,
    },
    /// The time is not later than the state's, or absurdly late.
    Time {
        /// What was found.
        found: Time,
        /// The state's time.
        after: Time,
    },
    /// There are too many commands.
    TooManyCommands {
        /// How many.
        found: usize,
    },
}

impl core::fmt::Display for BlockError {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Version { found } => write!(out, "block version not known: found {found}, allowed {BLOCK_VERSION}"),
            Self::Height { found, expected } => {
                write!(out, "block height out of order: found {found}, allowed {expected}")
            }
            Self::Time { found, after } => {
                let (found, after) = (found.get(), after.get());
                write!(
                    out,
                    "block time out of order: found {found} ms, allowed above {after} ms and not after the year 9999"
                )
            }
            Self::TooManyCommands { found } => {
                write!(out, "block too large: found {found} commands, allowed {MAX_COMMANDS}")
            }
        }
    }
}

impl core::error::Error for BlockError {}

/// Why a snapshot cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The bytes are not a snapshot.
    Malformed,
    /// The format is not known.
    Version {
        /// What was found.
        found: u16,
    },
    /// The state does not have the root that the snapshot names.
    Root,
    /// The state contradicts itself.
    Inconsistent(&'static str),
}

impl core::fmt::Display for SnapshotError {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed => write!(out, "snapshot not readable: its bytes are truncated or corrupt"),
            Self::Version { found } => {
                write!(out, "snapshot version not known: found {found}, allowed {SNAPSHOT_VERSION}")
            }
            Self::Root => write!(out, "snapshot rejected: its state does not have the root it names"),
            Self::Inconsistent(what) => write!(out, "snapshot rejected: {what}"),
        }
    }
}

impl core::error::Error for SnapshotError {}

/// The clearing engine.
#[derive(Clone, Debug)]
pub struct Engine {
    state: State,
    root: [u8; 32],
    commitment: Commitment,
}

impl Engine {
    /// A system without feeds or pools. Time begins in 1970 at the earliest.
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        let state = State {
            height: 0,
            time: genesis.time.or_zero(),
            governance: genesis.governance,
            custodian: genesis.custodian,
            feeds: Table::default(),
            pools: Table::default(),
            reserve: Money::ZERO,
        };
        Self::with(state)
    }

    fn with(mut state: State) -> Self {
        let commitment = Commitment::of(&mut state);
        Self { state, root: commitment.root(), commitment }
    }

    /// The height of the last block.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.state.height
    }

    /// The root of the state.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        self.root
    }

    /// The parts of the root, for proofs.
    #[must_use]
    pub fn commitment(&self) -> &Commitment {
        &self.commitment
    }

    /// The state, to look at.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether this block may come next.
    ///
    /// # Errors
    /// Says what is wrong with the header.
    pub fn check(&self, block: &Block) -> Result<(), BlockError> {
        let expected = self.state.height.saturating_add(1);
        if block.version != BLOCK_VERSION {
            return Err(BlockError::Version { found: block.version });
        }
        if block.height != expected {
            return Err(BlockError::Height { found: block.height, expected });
        }
        if block.time <= self.state.time || block.time > MAX_TIME {
            return Err(BlockError::Time { found: block.time, after: self.state.time });
        }
        if block.commands.len() > MAX_COMMANDS {
            return Err(BlockError::TooManyCommands { found: block.commands.len() });
        }
        Ok(())
    }

    /// Applies the next block.
    ///
    /// # Panics
    /// If [`Engine::check`] refuses the block, or if an invariant breaks: the node stops rather than commit a wrong block.
    pub fn apply(&mut self, block: &Block) -> Receipt {
        if let Err(error) = self.check(block) {
            panic!("a block is checked before it is applied: {error}");
        }
        let elapsed = block.time - self.state.time;
        self.state.height = block.height;
        self.state.time = block.time;
        let mut events = Vec::new();
        let mut rejections = Vec::new();
        begin(&mut self.state);
        cycle::accrue(&mut self.state, elapsed);
        // R3.7: commands are checked against the matrices of the block before; what they order trades at this block's prices.
        for (at, signed) in block.commands.iter().enumerate() {
            // R7.1: a command either changes the state as a whole or is listed with its reason.
            if let Err(rejection) = commands::execute(&mut self.state, signed, &mut events) {
                rejections.push((u32::try_from(at).expect("the number of commands is bounded"), rejection));
            }
        }
        cycle::run(&mut self.state, elapsed, block.restart, &mut events);
        self.state.pools.iter_mut().for_each(|(_, pool)| pool.judge_loans());
        invariants::check(&mut self.state);
        self.commitment = Commitment::of(&mut self.state);
        self.root = self.commitment.root();
        Receipt { height: block.height, events, rejections, root: self.root }
    }

    /// The whole state as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let snapshot = Snapshot { version: SNAPSHOT_VERSION, root: self.root, state: self.state.clone() };
        borsh::to_vec(&snapshot).expect("writing to memory succeeds")
    }

    /// An engine from a snapshot. A node that restarts then proposes a block with `restart` set. R13.4
    ///
    /// # Errors
    /// If the bytes are not a snapshot of this version, or its state does not have the root it names.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let version = bytes.first_chunk::<2>().map(|low| u16::from_le_bytes(*low)).ok_or(SnapshotError::Malformed)?;
        if version != SNAPSHOT_VERSION {
            return Err(SnapshotError::Version { found: version });
        }
        let snapshot: Snapshot = borsh::from_slice(bytes).map_err(|_| SnapshotError::Malformed)?;
        let engine = Self::with(snapshot.state);
        if engine.root != snapshot.root {
            return Err(SnapshotError::Root);
        }
        engine.checked()
    }

    /// An engine from a state that somebody else put together, a venue's book for example: the checks of a snapshot without its root.
    ///
    /// # Errors
    /// If the state contradicts itself.
    pub fn take_over(state: State) -> Result<Self, SnapshotError> {
        let bounds = invariants::find_out_of_bounds(&state);
        bounds.map_or_else(|| Self::with(state).checked(), |what| Err(SnapshotError::Inconsistent(what)))
    }

    /// The engine, if its state does not contradict itself.
    fn checked(mut self) -> Result<Self, SnapshotError> {
        let found = invariants::find_out_of_bounds(&self.state).or_else(|| invariants::find_contradiction(&self.state));
        if let Some(what) = found {
            return Err(SnapshotError::Inconsistent(what));
        }
        self.state.pools.iter_mut().for_each(|(_, pool)| pool.catch_up());
        Ok(self)
    }
}

/// What a block knows before its first command: the time (R12.6), and what stress is made for before anybody opens more (R4.3).
fn begin(state: &mut State) {
    for (_, pool) in state.pools.iter_mut() {
        pool.now = Derived(state.time);
        for (_, instrument) in pool.instruments.iter_mut() {
            instrument.open_interest_before = instrument.open_interest;
        }
    }
}

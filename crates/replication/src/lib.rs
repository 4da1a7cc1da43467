//! The order of blocks. One node alone orders them now; validators will, behind the same functions.
//!
//! Ordering sees the core through [`Machine`] only: `height`, `root`, `check` and `apply`, and bytes to begin with and to come back
//! from. It never looks into a block. Start reading at [`Alone`].

mod machine;
mod replay;
mod alone;
mod error;

pub use alone::{Alone, Recovered};
pub use error::OrderError;
pub use machine::Machine;
pub use replay::Replay;

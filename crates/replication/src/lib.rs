//! The order of blocks. One node alone orders them now; validators will, behind the same functions.
//!
//! Ordering sees the core through four functions only: [`clearing::Engine::height`], `root`, `check` and `apply`. It never looks
//! into a block. Start reading at [`Alone`].

mod alone;
mod error;

pub use alone::{Alone, Recovered};
pub use error::OrderError;

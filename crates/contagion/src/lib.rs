//! Systemic risk of a clearing house (R14): how far a move feeds itself through forced sales, and who passes a loss to whom.
//!
//! Two halves. **Methods** know numbers only: [`clearing_vector`] (who pays whom when debts are mutual), [`debtrank`] (distress
//! that travels along exposures), [`hawkes`] (how many events one event causes, from their times). **Readings** look at a state of
//! the core: [`curve`] asks it who breaches at other prices and what must then be sold, [`impact`] what that does to the price, [`velocity`] how fast that goes,
//! [`network`] who stands behind whom, and [`assess`] all of it.
//!
//! This crate decides nothing. Its floats are reports; every question about margin is asked of [`clearing::margin`], at rows that
//! [`clearing::rows`] builds.

mod error;
mod matrix;
pub mod clearing_vector;
pub mod debtrank;
pub mod hawkes;
mod source;
mod shock;
mod sale;
pub mod impact;
pub mod curve;
pub mod velocity;
pub mod network;
pub mod assess;

pub use assess::{Assessment, Settings, assess};
pub use error::{MAX_EVENTS, MAX_NODES, MethodError};
pub use source::{PoolSource, Source};

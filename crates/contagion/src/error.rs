//! Why a method refuses its input.

/// Most nodes of a network: a dense matrix of 4,096 × 4,096 floats is 128 MiB.
pub const MAX_NODES: usize = 4_096;
/// Most events of a stream.
pub const MAX_EVENTS: usize = 5_000_000;

/// What is wrong with an input. Nothing is computed from a part of it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MethodError {
    /// A row or vector has another length than the network has nodes.
    #[error("{what}: found {found} entries, allowed {expected}")]
    Shape {
        /// Which input.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The number of nodes.
        expected: usize,
    },
    /// More than a dense method is meant for.
    #[error("{what}: found {found}, allowed at most {most}")]
    TooMany {
        /// Which input.
        what: &'static str,
        /// How many.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// Fewer than an estimate can be made from.
    #[error("{what}: found {found}, allowed at least {least}")]
    TooFew {
        /// Which input.
        what: &'static str,
        /// How many.
        found: usize,
        /// The limit.
        least: usize,
    },
    /// A value outside what it may be, NaN and infinities among them.
    #[error("{what}, entry {at}: found {found}, allowed {allowed}")]
    Value {
        /// Which input.
        what: &'static str,
        /// Where: row × nodes + column for a matrix.
        at: usize,
        /// The value.
        found: f64,
        /// In words.
        allowed: &'static str,
    },
    /// Two events at one time, where the likelihood has no maximum.
    #[error("events {at} and {} have the same time: spread them inside the clock's resolution first", at + 1)]
    Tied {
        /// The earlier of the two.
        at: usize,
    },
    /// No fixed point was reached.
    #[error("{what}: not settled after {rounds} rounds")]
    NotSettled {
        /// Which method.
        what: &'static str,
        /// Its bound.
        rounds: usize,
    },
}

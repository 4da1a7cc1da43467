//! Decides who may say what, before the core sees it: an envelope in, a command with the key that may send it out.
//!
//! The core compares keys and never checks signatures. This crate stands in front of it, in two steps of which the first can be
//! done by anybody at any time and the second by everybody alike:
//!
//! - [`verify`] and [`verify_all`] ask whether an envelope was signed by the key it names. They know nothing but the envelope and
//!   the [`Domain`], so that any thread may ask, in any order.
//! - [`Gate`] asks whether the envelope still counts: its time, its nonce, and for a session key its owner and its scopes. It is
//!   replicated state: the same envelopes in the same order give the same answers and the same root everywhere.
//!
//! What is signed is one EIP-712 digest for both kinds of key. `message.rs` has the fields of each message, `digest.rs` how they are
//! hashed. This crate never reads a clock, a file, a socket or a random number.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::integer_division,
    clippy::unwrap_used,
    reason = "every node comes to the same answer, or stops"
)]

mod refusal;
mod envelope;
mod message;
mod digest;
#[cfg(feature = "json")]
mod json;
mod verify;
mod window;
mod tree;
mod gate;
mod snapshot;

pub use digest::digest;
pub use envelope::{
    Domain, ENVELOPE_VERSION, Envelope, MAX_ENVELOPE_BYTES, Request, Scopes, Signature, Signer, decode, encode,
    scope_of,
};
pub use gate::{Admitted, Gate, MAX_SESSION, MAX_SESSIONS, MAX_SESSIONS_OF_OWNER, MAX_SIGNERS, MAX_VALIDITY};
#[cfg(feature = "json")]
pub use json::typed_data;
pub use refusal::Refusal;
pub use snapshot::{GATE_VERSION, SnapshotError};
pub use verify::{verify, verify_all};
pub use window::{NONCE_STEP, NONCE_WINDOW};

//! What a node and those who talk to it say to each other: the documents of the API, and the body that carries signed envelopes.
//!
//! Both ends use these records, so that neither can mean something else. Decimals are strings and exact, times are milliseconds since the
//! Unix epoch, hashes and keys are hexadecimal. The feature `schema` describes them for the node's OpenAPI document.

pub mod shapes;
pub mod answers;
pub mod systemic;
pub mod prepare;
pub mod body;
pub mod decimal;
pub mod hex;

/// Most envelopes of one request.
pub const MAX_ENVELOPES: usize = 1_000;

/// The longest body of a request, bytes: a thousand envelopes of ordinary size in hexadecimal.
pub const MAX_BODY: usize = 2 * 1024 * 1024;

/// Nonces follow the time, so that a signer that comes back after a crash does not use one twice: so many a millisecond. More in a hurry run
/// ahead of the clock; fewer than 2³² between two envelopes are what the gate allows, which is three days of silence.
pub const NONCES_A_MS: u64 = 16;

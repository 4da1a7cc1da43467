//! What goes wrong between a client and a node.

use authority::Refusal;
use std::time::Duration;

/// Why there is no answer, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("{found:?} is no address of a node: allowed http://HOST:PORT")]
    Address {
        /// What was found.
        found: String,
    },
    /// The node cannot be reached, or hung up. What became of a request is not known.
    #[error("node not reachable: {0}")]
    NotReachable(String),
    /// The node has no room, or this client has used up its share. Nothing was done.
    #[error("node is busy: {message}")]
    Busy {
        /// What it said.
        message: String,
        /// When to ask again.
        retry_after: Duration,
    },
    /// The node does not take the request. Nothing was done.
    #[error("node refuses the request ({status} {code}): {message}")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// A word for programs.
        code: String,
        /// What it said.
        message: String,
    },
    /// The answer is not what this version understands.
    #[error("answer not understood: {0}")]
    NotUnderstood(String),
    /// The answer is longer than any of a node.
    #[error("answer longer than {allowed} bytes")]
    TooLong {
        /// What is allowed.
        allowed: usize,
    },
    /// An amount is not a decimal number in whole lots or quanta.
    #[error("{field}: found {found:?}, allowed {allowed}")]
    Amount {
        /// Which.
        field: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The request cannot be signed.
    #[error(transparent)]
    NotSigned(#[from] Refusal),
}

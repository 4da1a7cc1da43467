//! Talks to a Seawall node: reads, signed commands, and events without gaps.
//!
//! ```no_run
//! # async fn example() -> Result<(), client::ClientError> {
//! use client::{Client, Signer, command, order};
//! use clearing::table::{AccountId, PoolId};
//!
//! let node = Client::new("http://127.0.0.1:8700")?;
//! let market = node.markets(0).await?.markets.remove(0);
//! let domain = node.domain().await?;
//! let mut me = Signer::ed25519([7; 32]);
//! let order = order(&market, "buy", "0.5", Some("62000"))?;
//! let place = me.sign(&domain, node.now().await?, command::place(PoolId(0), AccountId(3), order))?;
//! let answers = node.submit(&[place]).await?;
//! println!("{}", answers[0].status);
//! # Ok(())
//! # }
//! ```
//!
//! An answer means that what became of the envelope is durable. Whoever hears nothing sends **the same envelopes** again: a nonce counts
//! once, so nothing happens twice ([`Client::submit_until_answered`]).

mod error;
mod sign;
pub mod command;
mod http;
mod events;

pub use command::order;
pub use error::ClientError;
pub use events::{Event, Events, Message};
pub use http::{Client, is_known};
pub use protocol::{self, NONCES_A_MS};
pub use sign::Signer;

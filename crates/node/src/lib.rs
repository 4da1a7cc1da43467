//! The process around the core: what is signed comes in, blocks are made and written, and what they led to goes out.
//!
//! ```text
//! envelopes ──► intake (signatures) ──► lanes (bounded) ──► run (a thread of blocks) ──► view (published whole) ──► api
//!                                                              │
//!                                                              ▼
//!                                            replication::Alone ──► system (gate, core) and journal
//! ```
//!
//! Read in this order. Nothing here decides a rule: a handler shows what the core says.

mod clock;
mod members;
pub mod system;
mod lanes;
mod intake;
pub mod view;
pub mod prover;
mod run;
pub mod api;
mod systemic;
mod metrics;
mod serve;
mod follow;

pub use clock::{ClockBehind, MOST_BEHIND};
pub use follow::follow;
pub use intake::{Answered, Intake, NotTaken, Submission};
pub use lanes::{Lane, Lanes};
pub use run::{NodeError, Pace, Published, Runner};
pub use serve::serve;
pub use view::{BlockRecord, Counts, MarketSample, PoolView, Sample, View};

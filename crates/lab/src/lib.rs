//! Drills, populations, venue models and reports around the clearing core.
//!
//! Floats, seeded randomness and plots live here; no rule does: everything that decides about money calls
//! [`clearing::Engine::apply`]. The one exception is [`static_venue`], a small honest model of how a venue of the day
//! worked, kept for comparison.

pub mod plan;
pub mod tape;
pub mod population;
pub mod drill;
pub mod catalogue;
pub mod block_log;
pub mod book;
pub mod backtest;
pub mod museum;
pub mod simulation;
pub mod static_venue;
pub mod compare;
pub mod outcome;
pub mod report;
pub mod what_if;
pub mod bench;

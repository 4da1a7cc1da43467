//! The clearing core of Seawall: one deterministic state machine.
//!
//! **An account is a vector** (cash, collateral balances, position quantities). **A market state is a matrix** of prices:
//! today's row, and a row for each stressed future. **Clearing is one product**: an account is sound when its vector times
//! every row is at least zero. Margin, haircuts, depegs and manipulation guards are all rows of one matrix.
//!
//! There is one door: [`Engine::apply`] takes a [`command::Block`] and returns an [`event::Receipt`]. Start reading at
//! `cycle.rs`: its `run` is the table of contents of what happens in a block.
//!
//! This crate never reads a clock, a file, a socket or a random number; never uses floating point, hash maps or threads (R1.6)
//! where they could change a result: `screen.rs`, `watch.rs` and `parallel.rs` only choose what exact integers decide, and on which core;
//! never divides without saying in which direction; and never has two ways to compute one rule.
#![no_std]

extern crate alloc;

pub mod units;
pub mod table;
pub mod parameters;
pub mod command;
pub mod event;
pub mod state;
pub mod accrual;
pub mod accounts;
pub mod commitment;
mod lanes;
mod parallel;
pub mod exit_cost;
pub mod doubt;
pub mod rows;
pub mod margin;
pub mod liquidation_price;
mod screen;
pub mod watch;
mod loans;
mod derived;
pub mod commands;
mod cycle;
pub mod invariants;
pub mod engine;

pub use engine::Engine;

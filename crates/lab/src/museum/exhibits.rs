//! The exhibits, oldest incident first.

mod pump;
mod market;
mod borrowers;
mod wti;
mod steth;
mod solend;
mod mango;
mod aave_crv;
mod usdc;
mod jelly;

use super::exhibit::Exhibit;

/// Every exhibit that is played on a stage of its own.
pub const ALL: &[Exhibit] =
    &[wti::EXHIBIT, steth::EXHIBIT, solend::EXHIBIT, mango::EXHIBIT, aave_crv::EXHIBIT, usdc::EXHIBIT, jelly::EXHIBIT];

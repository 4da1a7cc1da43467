//! The exhibits, oldest incident first.

mod pump;
mod bitmex;
mod wti;
mod compound;
mod mango;
mod jelly;
mod usde;
mod popcat;

use super::exhibit::Exhibit;

/// Every exhibit that is played on a stage of its own.
pub const ALL: &[Exhibit] =
    &[bitmex::EXHIBIT, wti::EXHIBIT, compound::EXHIBIT, mango::EXHIBIT, jelly::EXHIBIT, usde::EXHIBIT, popcat::EXHIBIT];

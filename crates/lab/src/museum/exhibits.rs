//! The exhibits, oldest incident first.

mod pump;
mod market;
mod borrowers;
mod nasdaq;
mod skrw;
mod maker;
mod bitmex;
mod wti;
mod compound;
mod venus;
mod steth;
mod solend;
mod mango;
mod aave_crv;
mod usdc;
mod yfi;
mod eth_whale;
mod jelly;
mod usde;
mod adl;
mod popcat;

use super::exhibit::Exhibit;

/// Every exhibit that is played on a stage of its own.
pub const ALL: &[Exhibit] = &[
    nasdaq::EXHIBIT,
    skrw::EXHIBIT,
    maker::EXHIBIT,
    bitmex::EXHIBIT,
    wti::EXHIBIT,
    compound::EXHIBIT,
    venus::EXHIBIT,
    steth::EXHIBIT,
    solend::EXHIBIT,
    mango::EXHIBIT,
    aave_crv::EXHIBIT,
    usdc::EXHIBIT,
    yfi::EXHIBIT,
    eth_whale::EXHIBIT,
    jelly::EXHIBIT,
    usde::EXHIBIT,
    adl::EXHIBIT,
    popcat::EXHIBIT,
];

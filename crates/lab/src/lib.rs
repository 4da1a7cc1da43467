//! Drills, populations, venue models and reports around the clearing core.

pub mod plan;

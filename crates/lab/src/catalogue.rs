//! The drills that the program carries: description and compact recording, so that they run on a fresh machine.

use crate::plan::{Plan, PlanError};
use crate::tape::{Recording, TapeError};
use std::path::Path;

/// A drill that the program carries.
#[derive(Debug, Clone, Copy)]
pub struct Exhibit {
    /// Its name, which is the name of its folder.
    pub name: &'static str,
    description: &'static str,
    recording: &'static [u8],
}

/// Every drill.
pub const EXHIBITS: &[Exhibit] = &[Exhibit {
    name: "october-2025",
    description: include_str!("../../../drills/october-2025/drill.toml"),
    recording: include_bytes!("../../../drills/october-2025/path.bin.zst"),
}];

impl Exhibit {
    /// The drill of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        EXHIBITS.iter().find(|exhibit| exhibit.name == name)
    }

    /// Its description.
    ///
    /// # Errors
    /// If the carried description contradicts itself.
    pub fn plan(&self) -> Result<Plan, PlanError> {
        Plan::parse(self.description, &format!("drills/{}/drill.toml", self.name))
    }

    /// Its recording: the full set from a data folder, or the compact one that the program carries.
    ///
    /// # Errors
    /// If a file of the folder is missing or malformed.
    pub fn recording(&self, plan: &Plan, data: Option<&Path>) -> Result<Recording, TapeError> {
        let window = crate::tape::Window {
            from_ms: plan.window.start_ms,
            until_ms: plan.window.start_ms + plan.window.seconds as i64 * 1_000,
        };
        data.map_or_else(|| Recording::read_compact(self.recording), |folder| Recording::load(folder, window))
    }
}

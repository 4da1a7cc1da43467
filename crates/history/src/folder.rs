//! Decides which heights the files of a folder cover, and which file comes next.
//!
//! ```text
//! DIR/fills/00000000000000000001.parquet        named after the first height that they cover; a table without rows has no file
//! DIR/blocks/00000000000000000001.parquet       every block is a row, so there is one for all heights; written last
//! ```
//! The newest file of `blocks` says how far all tables are. What others have beyond it was left by a writer that was killed: the same
//! rows are made again.

use crate::error::HistoryError;
use crate::file::{self, Covers};
use crate::rows::Shown;
use crate::table::Table;
use clearing::units::Time;
use node::{BlockRecord, View};
use protocol::decimal::Places;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ENDING: &str = "parquet";
const UNFINISHED: &str = "new";
/// Digits of a height in a name, so that names sort as heights do.
const DIGITS: usize = 20;

/// How much goes into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Blocks that a file covers, at most.
    pub blocks: u64,
    /// Events after which a file ends with the block that had the last of them.
    pub events: u64,
    /// Time from the first to the last block of a file, after which it ends. Views remember samples of prices for an hour.
    pub length: Time,
}

impl Default for Rotation {
    /// Ten minutes, or less if much happens.
    fn default() -> Self {
        Self { blocks: 6_000, events: 250_000, length: Time::new(600_000) }
    }
}

/// A folder of history.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    network: String,
    tables: Vec<Table>,
    places: Places,
    rotation: Rotation,
    /// The last height that is covered.
    covered: u64,
}

impl Folder {
    /// The folder of a node, as it was left: begins after what its files cover.
    pub(crate) fn open(
        path: &Path,
        network: &[u8; 32],
        places: Places,
        rotation: Rotation,
    ) -> Result<Self, HistoryError> {
        let mut folder = Self::of(path, network, places, rotation, Table::ALL.to_vec(), 0)?;
        if let Some((height, newest)) = folder.files(Table::Blocks, ENDING)?.pop() {
            let covers = folder.own(&newest, Table::Blocks, height)?;
            folder.covered = *covers.heights.end();
        }
        for table in Table::ALL {
            folder.tidy(table)?;
        }
        Ok(folder)
    }

    /// A folder without anything in it, for some tables, from the height after `covered` on.
    pub(crate) fn create(
        path: &Path,
        network: &[u8; 32],
        places: Places,
        rotation: Rotation,
        tables: &[Table],
        covered: u64,
    ) -> Result<Self, HistoryError> {
        let is_used = |mut entries: std::fs::ReadDir| entries.next().is_some();
        if std::fs::read_dir(path).is_ok_and(is_used) {
            return Err(HistoryError::Exists { path: path.to_owned() });
        }
        let mut tables = tables.to_vec();
        tables.sort_unstable();
        tables.dedup();
        Self::of(path, network, places, rotation, tables, covered)
    }

    fn of(
        path: &Path,
        network: &[u8; 32],
        places: Places,
        rotation: Rotation,
        mut tables: Vec<Table>,
        covered: u64,
    ) -> Result<Self, HistoryError> {
        // A killed writer has no block beyond what every other table has.
        tables.sort_unstable_by_key(|table| *table == Table::Blocks);
        for table in &tables {
            let own = path.join(table.name());
            std::fs::create_dir_all(&own).map_err(HistoryError::io(&own))?;
        }
        let network = network.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { path: path.to_owned(), network, tables, places, rotation, covered })
    }

    /// The last height that is covered.
    pub(crate) fn covered(&self) -> u64 {
        self.covered
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes whatever of a view fills a file; with `rest`, what is left too.
    pub(crate) fn follow(&mut self, view: &View, rest: bool) -> Result<(), HistoryError> {
        while self.covered < view.height {
            let from = self.covered + 1;
            let oldest = view.blocks.front().map_or(u64::MAX, |block| block.height);
            // The oldest sample is that of the state which the view began with, unless it has been forgotten.
            let sampled = view.samples.front().map_or(u64::MAX, |sample| sample.height);
            if oldest > from || sampled > from {
                return Err(HistoryError::Forgotten { from });
            }
            let Some(to) = self.end_of_file(view, from, oldest).or(rest.then_some(view.height)) else { break };
            self.write(view, &(from..=to))?;
            self.covered = to;
        }
        Ok(())
    }

    /// The last height of the file that begins at a height; none while it is not full.
    fn end_of_file(&self, view: &View, from: u64, oldest: u64) -> Option<u64> {
        let block = |height: u64| view.blocks.get(usize::try_from(height - oldest).ok()?);
        let full = from + self.rotation.blocks.max(1) - 1;
        let first_event = block(from)?.first_event;
        let many = (first_event + self.rotation.events.max(1)).checked_sub(1);
        // The block that has the last event that fits, or goes beyond it.
        let by_events = many.filter(|event| *event < view.events).and_then(|event| view.blocks_from(event).next());
        let by_events = by_events.map(|block| block.height);
        let by_blocks = (full <= view.height).then_some(full);
        let last_time = block(from)?.time + self.rotation.length;
        let is_past = |block: Option<&Arc<BlockRecord>>| block.is_some_and(|block| block.time >= last_time);
        let by_time = (view.time >= last_time).then(|| (from..=view.height).find(|height| is_past(block(*height))));
        by_events.into_iter().chain(by_blocks).chain(by_time.flatten()).min()
    }

    fn write(&self, view: &View, heights: &RangeInclusive<u64>) -> Result<(), HistoryError> {
        let shown = Shown { view, places: &self.places };
        let covers = Covers { network: self.network.clone(), heights: heights.clone() };
        for table in &self.tables {
            let rows = shown.rows(*table, heights);
            if !rows.is_empty() {
                file::write(&self.file(*table, *heights.start()), *table, &covers, &rows)?;
            }
        }
        Ok(())
    }

    fn file(&self, table: Table, from: u64) -> PathBuf {
        self.path.join(table.name()).join(format!("{from:0width$}.{ENDING}", width = DIGITS))
    }

    /// Removes what a killed writer has left: unfinished files, and tables that are further than the blocks.
    fn tidy(&self, table: Table) -> Result<(), HistoryError> {
        for (_, path) in self.files(table, UNFINISHED)? {
            std::fs::remove_file(&path).map_err(HistoryError::io(&path))?;
        }
        for (height, path) in self.files(table, ENDING)?.into_iter().filter(|(height, _)| *height > self.covered) {
            // Only what is ours, and of this network.
            self.own(&path, table, height)?;
            std::fs::remove_file(&path).map_err(HistoryError::io(&path))?;
        }
        Ok(())
    }

    /// What a file of ours covers.
    fn own(&self, path: &Path, table: Table, named: u64) -> Result<Covers, HistoryError> {
        let covers = file::read(path, table)?;
        if covers.network != self.network {
            let (found, allowed) = (covers.network, self.network.clone());
            return Err(HistoryError::Network { path: path.to_owned(), found, allowed });
        }
        if *covers.heights.start() != named {
            let what = format!("its name is not its first height, {}", covers.heights.start());
            return Err(HistoryError::NotUsable { path: path.to_owned(), what });
        }
        Ok(covers)
    }

    /// Every file of a table with the name of one of ours, by height. Others are left alone.
    fn files(&self, table: Table, ending: &str) -> Result<Vec<(u64, PathBuf)>, HistoryError> {
        let folder = self.path.join(table.name());
        let mut files = Vec::new();
        for found in std::fs::read_dir(&folder).map_err(HistoryError::io(&folder))? {
            let path = found.map_err(HistoryError::io(&folder))?.path();
            let is_named = path.extension().is_some_and(|found| found == ending);
            let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| stem.len() == DIGITS);
            let height = stem.and_then(|stem| stem.parse().ok()).filter(|_| is_named);
            files.extend(height.map(|height| (height, path)));
        }
        files.sort_unstable();
        Ok(files)
    }
}

//! Decides how blocks of the past become history: the journal is applied again and looked at through the same views.

use crate::error::HistoryError;
use crate::folder::{Folder, Rotation};
use crate::table::Table;
use journal::Journal;
use node::system::{Answer, Applied, System};
use node::{Counts, View};
use protocol::decimal::Places;
use replication::Replay;
use std::ops::RangeInclusive;
use std::path::Path;

/// What is asked of an export.
#[derive(Clone, Debug)]
pub struct Export<'a> {
    /// The tables.
    pub tables: &'a [Table],
    /// The heights, as far as the journal has them.
    pub heights: RangeInclusive<u64>,
    /// The places of each asset's lot.
    pub places: Places,
    /// How much goes into a file.
    pub rotation: Rotation,
}

/// Makes the files of a journal in a directory that is empty or not there yet; answers the heights that they cover, none without a
/// block. `progress` hears the height that was applied last and the last one of all.
///
/// # Errors
/// If there is anything in the directory, the disk refuses, or the journal cannot be replayed.
pub fn export(
    journal: &Journal,
    directory: &Path,
    asked: &Export<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Option<RangeInclusive<u64>>, HistoryError> {
    let (from, to) = (*asked.heights.start().max(&1), *asked.heights.end().min(&journal.height()));
    let replay: Replay<'_, System> = Replay::after(journal, from - 1)?;
    let network = replay.machine().domain().network;
    let mut folder = Folder::create(directory, &network, asked.places.clone(), asked.rotation, asked.tables, from - 1)?;
    follow(replay, &mut folder, to, progress)?;
    Ok((from <= to).then_some(from..=to))
}

/// Applies blocks and writes what they led to, from the first one that the folder does not cover up to a height.
pub(crate) fn follow(
    mut replay: Replay<'_, System>,
    folder: &mut Folder,
    to: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), HistoryError> {
    let mut view = View::of(replay.machine());
    while view.height < to {
        let Some(applied) = replay.apply_next() else { break };
        let applied = applied?;
        let counts = counts(&applied);
        view.advance(replay.machine().engine().state(), applied, counts);
        progress(view.height, to);
        if view.height > folder.covered() {
            folder.follow(&view, view.height == to)?;
        }
    }
    Ok(())
}

fn counts(applied: &Applied) -> Counts {
    let count = |wanted: fn(&Answer) -> bool| applied.answers.iter().filter(|answer| wanted(answer)).count();
    Counts {
        all: applied.answers.len(),
        rejected: count(|answer| matches!(answer, Answer::Rejected(_))),
        refused: count(|answer| matches!(answer, Answer::Refused(_))),
        took_us: 0,
    }
}

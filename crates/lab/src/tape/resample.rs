//! Decides how a full recording becomes the small one that travels with the project.

use std::path::Path;

use super::compact::{round_usd, round_volume};
use super::recording::{Bar, Recording, TapeError, Traded, Window};

/// Length of the bars that one-second bars are gathered into, milliseconds.
const STEP_MS: i64 = 5_000;

/// Reads the default window from the data folder and gathers its one-second bars into five-second bars, which remember in which
/// of their seconds trades happened; coarser bars stay. Volumes are kept to three digits, depth to a dollar.
///
/// # Errors
/// Those of [`Recording::load`].
pub fn compact(data: &Path) -> Result<Recording, TapeError> {
    let mut recording = Recording::load(data, Window::default())?;
    for series in &mut recording.series {
        series.bars = gather(&series.bars);
        series.bars.iter_mut().for_each(|bar| bar.volume = bar.volume.map(round_volume));
    }
    for snapshot in &mut recording.depth {
        snapshot.bid_usd = snapshot.bid_usd.map(round_usd);
        snapshot.ask_usd = snapshot.ask_usd.map(round_usd);
    }
    Ok(recording)
}

fn gather(bars: &[Bar]) -> Vec<Bar> {
    let mut gathered: Vec<Bar> = Vec::new();
    for bar in bars {
        if bar.length_ms != 1_000 {
            gathered.push(*bar);
            continue;
        }
        let open_ms = bar.open_ms - bar.open_ms.rem_euclid(STEP_MS);
        match gathered.last_mut().filter(|slot| slot.open_ms == open_ms && slot.length_ms == STEP_MS) {
            Some(slot) => join(slot, bar),
            None => {
                let mut slot = Bar { open_ms, length_ms: STEP_MS, traded: Traded::Seconds(0), ..*bar };
                mark_second(&mut slot, bar);
                gathered.push(slot);
            }
        }
    }
    gathered
}

fn join(slot: &mut Bar, bar: &Bar) {
    slot.high = slot.high.max(bar.high);
    slot.low = slot.low.min(bar.low);
    slot.close = bar.close;
    slot.volume = slot.volume.zip(bar.volume).map(|(a, b)| a + b);
    mark_second(slot, bar);
}

fn mark_second(slot: &mut Bar, bar: &Bar) {
    if let Traded::Seconds(mask) = &mut slot.traded {
        *mask |= 1 << ((bar.open_ms - slot.open_ms) / 1_000);
    }
}

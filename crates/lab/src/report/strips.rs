//! Decides how states over time become coloured strips, a row for each feed or instrument.

use plotly::common::{Line, Mode};
use plotly::{Plot, Scatter};

use super::figures::Key;
use super::wording::escape;

/// A labelled row of pieces.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) pieces: Vec<Piece>,
}

/// A stretch of time in one state.
pub(super) struct Piece {
    pub(super) from_ms: i64,
    pub(super) until_ms: i64,
    /// Position in the list of states, mildest first.
    pub(super) state: usize,
    pub(super) cause: String,
}

/// Draws the rows, one line of thick segments for each state, the mildest first so that a short bad state stays visible.
/// Pieces are drawn at least `least_ms` long. Returns the legend of the states that occur.
pub(super) fn strips(
    plot: &mut Plot,
    rows: &[Row],
    states: &[(&'static str, &'static str)],
    least_ms: i64,
) -> Vec<Key> {
    let mut legend = Vec::new();
    for (state, (name, colour)) in states.iter().enumerate() {
        let (mut times, mut heights, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for (height, row) in rows.iter().enumerate() {
            for piece in row.pieces.iter().filter(|piece| piece.state == state) {
                times.extend([Some(piece.from_ms), Some(piece.until_ms.max(piece.from_ms + least_ms)), None]);
                heights.extend([Some(height), Some(height), None]);
                let text =
                    format!("{}: {name}{}{}", row.label, if piece.cause.is_empty() { "" } else { ", " }, piece.cause);
                texts.extend([escape(&text), escape(&text), String::new()]);
            }
        }
        if times.is_empty() {
            continue;
        }
        let line = Line::new().color(*colour).width(if state == 0 { 6.0 } else { 12.0 });
        let trace = Scatter::new(times, heights).name(*name).mode(Mode::Lines).line(line);
        plot.add_trace(trace.text_array(texts).hover_template("%{text}<br>%{x|%H:%M:%S} UTC<extra></extra>"));
        legend.push(Key { colour, stroke: "solid", name: (*name).to_owned() });
    }
    legend
}

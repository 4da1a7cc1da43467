//! Decides what each venue printed in each second of a recorded market: the tape that a drill plays.
//!
//! A [`Recording`] holds bars; a [`Tape`] holds, for every asset and venue, the last price printed in every second, or nothing for
//! a second without a trade. Bars longer than a second become prints by a seeded bridge that never leaves the bar's range, and that
//! follows the shape of a more finely recorded peer where there is one: a five-minute bar that lost forty percent loses it when the
//! others did.

mod bridge;
mod compact;
mod median;
mod recording;
mod resample;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use median::largest_fall;
pub use recording::{
    ASSETS, Bar, DepthSnapshot, LONGEST_BAR_MS, MOST_DECIMALS, MarketKind, Recording, Series, TapeError, Traded,
    WINDOW_FROM_MS, WINDOW_UNTIL_MS, Window,
};
pub use resample::compact;

use bridge::Draws;

/// A peer guides a bar only where it is never silent for longer than this share of the bar: a sixth, ten seconds of a minute.
const LONGEST_SILENCE: usize = 6;
/// Bars of the leading asset up to this length can guide other assets, milliseconds.
const LEADER_LENGTH_MS: i64 = 60_000;

/// What every venue printed, second by second.
#[derive(Debug, Clone, PartialEq)]
pub struct Tape {
    /// First second, unix milliseconds UTC.
    pub start_ms: i64,
    /// How many seconds.
    pub seconds: usize,
    /// The assets, in the order of the recording.
    pub assets: Vec<AssetTape>,
    /// The recorded book's depth, one point per second, each snapshot held until the next; empty when none was recorded.
    pub depth: Vec<DepthPoint>,
}

/// One asset's venues.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetTape {
    /// Asset symbol, for example `AAVE`.
    pub symbol: String,
    /// Its venues, sorted by name.
    pub venues: Vec<VenueTape>,
}

/// One venue's prints of one asset.
#[derive(Debug, Clone, PartialEq)]
pub struct VenueTape {
    /// Venue name, for example `coinbase`.
    pub venue: String,
    /// Who operates it: `binance_coinm_perp` and `binance_usdm_perp` are both `binance`.
    pub group: String,
    /// What its prices are.
    pub kind: MarketKind,
    /// Per second, the last price printed in it, USD; `None` when nothing traded.
    pub prints: Vec<Option<f64>>,
}

/// Cumulative depth of the recorded book, USD, within 1 %, 2 % and 5 % of the mid, as the source has it: on 10 October 2025 its bids
/// within 1 % stand still at 2.14 million in the whole window, within 2 % most of the time; the asks, and both sides at 5 %, move.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DepthPoint {
    /// Bids.
    pub bid_usd: [f64; 3],
    /// Asks.
    pub ask_usd: [f64; 3],
}

/// A venue's newest print at some second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LastPrint<'a> {
    /// The venue.
    pub venue: &'a VenueTape,
    /// The price, USD.
    pub price: f64,
    /// Seconds since it was printed; 0 in the second itself.
    pub age_s: usize,
}

impl Tape {
    /// Plays a recording. A bar longer than a second follows a peer of its asset that was recorded more finely, else the finely
    /// recorded venues of the recording's first asset (the market's leader, BTC), else nothing but chance. The same recording
    /// and seed give the same tape on every machine; another seed gives other prints inside the bars, never outside their range.
    pub fn new(recording: &Recording, seed: u64) -> Tape {
        let mut symbols: Vec<&str> = Vec::new();
        for series in &recording.series {
            if !symbols.contains(&series.asset.as_str()) {
                symbols.push(&series.asset);
            }
        }
        let mut assets: Vec<AssetTape> = Vec::new();
        let mut leader = Vec::new();
        for symbol in symbols {
            let tape = asset_tape(recording, symbol, seed, &leader);
            if assets.is_empty() {
                leader = finely_recorded(recording, &tape);
            }
            assets.push(tape);
        }
        let seconds = recording.window.seconds();
        Tape { start_ms: recording.window.from_ms, seconds, assets, depth: hold_depth(recording) }
    }

    /// The asset's tape, if it has one.
    pub fn asset(&self, symbol: &str) -> Option<&AssetTape> {
        self.assets.iter().find(|asset| asset.symbol == symbol)
    }
}

impl AssetTape {
    /// Each venue's newest print at `second` and its age; a venue that has not printed yet is absent.
    pub fn last_prints_at(&self, second: usize) -> Vec<LastPrint<'_>> {
        self.venues.iter().filter_map(|venue| venue.last_print_at(second)).collect()
    }
}

impl VenueTape {
    /// The newest print at `second` and its age; `None` before the first.
    pub fn last_print_at(&self, second: usize) -> Option<LastPrint<'_>> {
        let until = self.prints.len().min(second.saturating_add(1));
        let (at, price) = last_print(&self.prints, until)?;
        Some(LastPrint { venue: self, price, age_s: second - at })
    }
}

/// The newest print before `until`, and its second.
fn last_print(prints: &[Option<f64>], until: usize) -> Option<(usize, f64)> {
    prints[..until].iter().enumerate().rev().find_map(|(at, print)| print.map(|price| (at, price)))
}

/// Venues of the leading asset without a bar longer than a minute.
fn finely_recorded(recording: &Recording, leader: &AssetTape) -> Vec<VenueTape> {
    let fine = |venue: &&VenueTape| {
        let mut own =
            recording.series.iter().filter(|series| series.asset == leader.symbol && series.venue == venue.venue);
        own.all(|series| series.bars.iter().all(|bar| bar.length_ms <= LEADER_LENGTH_MS))
    };
    leader.venues.iter().filter(fine).cloned().collect()
}

/// All bars of a length are bridged before any longer one, so that a longer bar can follow their prints, and none of its equals.
fn asset_tape(recording: &Recording, symbol: &str, seed: u64, leader: &[VenueTape]) -> AssetTape {
    let series: Vec<&Series> = recording.series.iter().filter(|series| series.asset == symbol).collect();
    let lengths: BTreeSet<i64> = series.iter().flat_map(|series| &series.bars).map(|bar| bar.length_ms).collect();
    let mut venues: Vec<VenueTape> = series.iter().map(|series| blank(series, recording.window.seconds())).collect();
    let mut draws: Vec<Draws> = series.iter().map(|series| series_draws(series, seed)).collect();
    for length_ms in lengths {
        let finer = venues.clone();
        // A leader recorded to the minute says nothing about a shorter bar.
        let guides = Guides { finer: &finer, leader: if length_ms > LEADER_LENGTH_MS { leader } else { &[] } };
        for (at, series) in series.iter().enumerate() {
            for bar in series.bars.iter().filter(|bar| bar.length_ms == length_ms) {
                let from = (bar.open_ms - recording.window.from_ms) / 1000;
                print_bar(&mut venues[at], series, bar, from as usize, &guides, &mut draws[at]);
            }
        }
    }
    AssetTape { symbol: symbol.to_owned(), venues }
}

fn blank(series: &Series, seconds: usize) -> VenueTape {
    let group = series.venue.split('_').next().unwrap_or(&series.venue).to_owned();
    VenueTape { venue: series.venue.clone(), group, kind: series.kind, prints: vec![None; seconds] }
}

/// Every series draws from its own stream, so that one venue more or less changes no other's plain bars.
fn series_draws(series: &Series, seed: u64) -> Draws {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let names = series.venue.bytes().chain([0]).chain(series.asset.bytes());
    for (place, byte) in names.enumerate() {
        let slot = 8 + place % 24;
        key[slot] = key[slot].wrapping_mul(31).wrapping_add(byte);
    }
    Draws(ChaCha8Rng::from_seed(key))
}

fn print_bar(venue: &mut VenueTape, series: &Series, bar: &Bar, from: usize, guides: &Guides<'_>, draws: &mut Draws) {
    let until = (from + (bar.length_ms / 1000) as usize).min(venue.prints.len());
    let seconds = bridge::trading_seconds(bar, draws);
    let shape = guides
        .path(series.kind, from, until)
        .map(|path| seconds.iter().filter_map(|second| path.get(*second).copied()).collect::<Vec<f64>>());
    let prices = bridge::prices(bar, seconds.len(), series.decimals, shape.as_deref(), draws);
    for (second, price) in seconds.into_iter().zip(prices) {
        if let Some(print) = venue.prints.get_mut(from + second) {
            *print = Some(price);
        }
    }
}

/// Prints that a bar may follow.
struct Guides<'a> {
    /// Venues of the same asset, with the prints of their finer bars only.
    finer: &'a [VenueTape],
    /// Venues of the leading asset.
    leader: &'a [VenueTape],
}

impl Guides<'_> {
    /// A price in each second of `from..until` of the best guide that was awake throughout: the same asset before the leader, then
    /// the one that printed most, where two prints of the same kind weigh as much as three of another.
    fn path(&self, kind: MarketKind, from: usize, until: usize) -> Option<Vec<f64>> {
        let own = self.finer.iter().map(|venue| (true, venue));
        let all = own.chain(self.leader.iter().map(|venue| (false, venue)));
        let ranked = all.filter_map(|(own, venue)| {
            let path = held_path(&venue.prints, from, until)?;
            let prints = venue.prints[from..until].iter().flatten().count();
            Some(((own, if venue.kind == kind { 3 * prints } else { 2 * prints }), path))
        });
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, path)| path)
    }
}

/// Each print held until the next; nothing if some silence lasts too long or no print is near the start.
fn held_path(prints: &[Option<f64>], from: usize, until: usize) -> Option<Vec<f64>> {
    let longest = (until - from) / LONGEST_SILENCE;
    let before = prints[from.saturating_sub(longest)..from].iter().rev().flatten().next();
    let mut last = *before.or_else(|| prints[from..from + longest].iter().flatten().next())?;
    let mut silent = 0;
    let mut path = Vec::with_capacity(until - from);
    for print in &prints[from..until] {
        silent = if print.is_some() { 0 } else { silent + 1 };
        if silent > longest {
            return None;
        }
        last = print.unwrap_or(last);
        path.push(last);
    }
    Some(path)
}

/// Each snapshot held until the next; the first also stands for the seconds before it.
fn hold_depth(recording: &Recording) -> Vec<DepthPoint> {
    let mut snapshots = recording.depth.iter().peekable();
    let Some(mut current) = snapshots.peek().copied() else { return Vec::new() };
    let point_at = |second: usize| {
        let now_ms = recording.window.from_ms + second as i64 * 1000;
        while let Some(next) = snapshots.next_if(|next| next.at_ms <= now_ms) {
            current = next;
        }
        DepthPoint { bid_usd: current.bid_usd, ask_usd: current.ask_usd }
    };
    (0..recording.window.seconds()).map(point_at).collect()
}

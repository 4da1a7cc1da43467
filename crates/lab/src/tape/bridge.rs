//! Decides which prices a bar printed, second by second, when only its open, high, low and close are known.
//!
//! A print is a venue's last price in one second. Prints of a bar never leave its range; the last one is the close; high, low and
//! open are each printed once at least, as far as the bar has enough seconds with trades. Only additions, products, quotients and
//! square roots are used, so that a seed gives the same prints on every machine.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::recording::{Bar, POWERS, Traded};

/// Noise on top of a shape, as a share of the noise of a bar that has none: peers agree on the shape, not on every print.
const SHAPED_NOISE: f64 = 0.1;

/// A source of uniform numbers in [0, 1).
pub(super) struct Draws(pub(super) ChaCha8Rng);

impl Draws {
    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        ((self.unit() * bound as f64) as usize).min(bound.saturating_sub(1))
    }

    /// Mean 0, variance 1, bell-shaped: the sum of four uniforms, which needs no logarithm.
    fn step(&mut self) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        (sum - 2.0) * 3f64.sqrt()
    }
}

/// The bar's seconds (0 = its first) that print, ascending.
pub(super) fn trading_seconds(bar: &Bar, draws: &mut Draws) -> Vec<usize> {
    let length = usize::try_from(bar.length_ms / 1_000).unwrap_or(0);
    match bar.traded {
        Traded::Seconds(mask) => (0..length.min(64)).filter(|second| mask >> second & 1 == 1).collect(),
        Traded::Unknown if bar.volume == Some(0.0) => Vec::new(),
        Traded::Unknown => (0..length).collect(),
        Traded::Trades(count) => {
            // Trades cluster: n trades in s seconds are taken to fill s·n ÷ (s+n) of them, fewer than if they fell evenly.
            let (seconds, trades) = (length as f64, f64::from(count));
            let filled = (seconds * trades / (seconds + trades)).ceil() as usize;
            subset(length, filled.max(4.min(count as usize)).min(length), draws)
        }
    }
}

/// `count` of `0..length`, each subset as likely as another, ascending.
fn subset(length: usize, count: usize, draws: &mut Draws) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(count);
    for second in 0..length {
        let open = count - chosen.len();
        if open > draws.below(length - second) {
            chosen.push(second);
        }
    }
    chosen
}

/// Prices for the bar's `slots` seconds with trades. `shape` is a finer peer's price at each of them, if there is one to follow.
pub(super) fn prices(bar: &Bar, slots: usize, decimals: u8, shape: Option<&[f64]>, draws: &mut Draws) -> Vec<f64> {
    let shape = shape.filter(|shape| shape.len() == slots);
    let knots = knots(bar, slots, shape, draws);
    let mut path = wander(bar, slots, if shape.is_some() { SHAPED_NOISE } else { 1.0 }, draws);
    if let Some(shape) = shape {
        add_shape(&mut path, shape, bar);
    }
    pull_through(&mut path, &knots);
    let scale = POWERS[usize::from(decimals)];
    for price in &mut path {
        // A walk that overshoots comes back; a shape that overshoots stays at the edge, as its peer stayed low or high.
        let held = if shape.is_some() { *price } else { reflect(*price, bar.low, bar.high) };
        *price = ((held * scale).round() / scale).clamp(bar.low, bar.high);
    }
    for (slot, price) in knots {
        path[slot] = price;
    }
    path
}

/// Slots whose price is known, ascending: the close last, both extremes, the open first; in that order of need when slots are few.
fn knots(bar: &Bar, slots: usize, shape: Option<&[f64]>, draws: &mut Draws) -> Vec<(usize, f64)> {
    let Some(last) = slots.checked_sub(1) else { return Vec::new() };
    let mut inner: Vec<(f64, bool)> = vec![(bar.high, true), (bar.low, false)];
    inner.retain(|(price, _)| *price != bar.close && *price != bar.open);
    let open_is_extreme = (bar.open == bar.high || bar.open == bar.low) && bar.open != bar.close;
    if open_is_extreme || last > inner.len() {
        // An open that is itself an extreme must print; any other only where a slot is left for it.
        let mut knots = if last > 0 { vec![(0, bar.open)] } else { Vec::new() };
        keep_farthest(&mut inner, last.saturating_sub(1), bar.close);
        knots.extend(place(&inner, 1.min(last), last, shape, draws));
        knots.push((last, bar.close));
        return knots;
    }
    keep_farthest(&mut inner, last, bar.close);
    let mut knots = place(&inner, 0, last, shape, draws);
    knots.push((last, bar.close));
    knots
}

/// Drops extremes until `room` are left, the one nearer to the close first.
fn keep_farthest(extremes: &mut Vec<(f64, bool)>, room: usize, close: f64) {
    extremes.sort_by(|a, b| (b.0 - close).abs().total_cmp(&(a.0 - close).abs()));
    extremes.truncate(room);
}

/// Gives each extreme a slot of `from..until`: where the shape has its own, otherwise anywhere, in either order.
fn place(
    extremes: &[(f64, bool)],
    from: usize,
    until: usize,
    shape: Option<&[f64]>,
    draws: &mut Draws,
) -> Vec<(usize, f64)> {
    let mut placed: Vec<(usize, f64)> = Vec::new();
    for (price, is_high) in extremes {
        let taken: Vec<usize> = placed.iter().map(|(slot, _)| *slot).collect();
        let mut free = (from..until).filter(|slot| !taken.contains(slot));
        let slot = match shape {
            Some(shape) => {
                let height = |slot: &usize| if *is_high { shape[*slot] } else { -shape[*slot] };
                free.reduce(|best, slot| if height(&slot) > height(&best) { slot } else { best })
            }
            None => free.nth(draws.below(until.saturating_sub(from + taken.len()))),
        };
        placed.extend(slot.map(|slot| (slot, *price)));
    }
    placed.sort_by_key(|(slot, _)| *slot);
    placed
}

/// A random walk whose range over the bar is about half the bar's; the knots do the rest.
fn wander(bar: &Bar, slots: usize, share: f64, draws: &mut Draws) -> Vec<f64> {
    let step = share * (bar.high - bar.low) / (3.0 * (slots.max(1) as f64).sqrt());
    let mut at = bar.open;
    (0..slots)
        .map(|_| {
            at += step * draws.step();
            at
        })
        .collect()
}

/// Adds the shape, stretched so that its range is the bar's.
fn add_shape(path: &mut [f64], shape: &[f64], bar: &Bar) {
    let low = shape.iter().copied().fold(f64::INFINITY, f64::min);
    let high = shape.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if high <= low {
        return;
    }
    let stretch = (bar.high - bar.low) / (high - low);
    for (price, at) in path.iter_mut().zip(shape) {
        *price += (at - low) * stretch;
    }
}

/// Shifts every stretch between two knots, linearly in time, so that the path meets both.
fn pull_through(path: &mut [f64], knots: &[(usize, f64)]) {
    let Some(first) = knots.first() else { return };
    let mut from = (0, first.1 - path[first.0]);
    for (slot, price) in knots {
        let to = (*slot, price - path[*slot]);
        let width = (to.0 - from.0).max(1) as f64;
        for (offset, at) in path[from.0..to.0].iter_mut().enumerate() {
            *at += from.1 + (to.1 - from.1) * offset as f64 / width;
        }
        from = to;
    }
}

/// Folds a price that overshoots the range back into it.
fn reflect(price: f64, low: f64, high: f64) -> f64 {
    let folded = if price > high { 2.0 * high - price } else { price };
    if folded < low { 2.0 * low - folded } else { folded }
}

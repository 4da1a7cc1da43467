//! A filter in floating point over one matrix: it shows that an account is sound for certain, or leaves the decision to the
//! exact integers of [`crate::margin`] (R9.2, R9.3). Nothing here can change a decision, only who has to be decided.
//!
//! Why it may be trusted. Every operation below is one of IEEE 754's correctly rounded ones, in a fixed order, with an error
//! of at most u = 2⁻⁵³ of its result. Prices (at most 65 · 2⁴⁴, R1.7) are exact; cash and lots are rounded once. A sum over n
//! positions of products then differs from the true one by at most (n + 4) · u times the sum of the |terms|, to first order,
//! and n is at most 256: 2⁻⁴⁴ of that sum is more than enough. The exit cost of a lot is an exact price as well.
#![expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::disallowed_types,
    reason = "R9.3: floats, as a filter that leaves every decision to exact integers"
)]

mod orders;

use crate::doubt::Doubt;
use crate::exit_cost::{ExitCost, ExitCosts};
use crate::lanes::{Lane, Lanes, SLOTS};
use crate::parameters::Tier;
use crate::rows::Rows;
use crate::state::Pool;
use crate::table::{AccountId, FeedId, Id, InstrumentId};
use crate::units::{Money, PPM, Price, Quantity, Ratio};
use alloc::vec::Vec;
pub(crate) use orders::OrderScreen;

/// Rows that are added up at once.
const WIDTH: usize = 8;

/// How far a sum may be from the true one, as a share of the sum of its |terms|.
const ROUNDING: f64 = 1.0 / (1_u64 << 44) as f64;

/// A matrix and what belongs to it, as floats.
#[derive(Clone, Debug, Default)]
pub(crate) struct Screen {
    /// Groups of rows of one instrument.
    groups: usize,
    /// The prices, instrument by instrument; a row that is missing in the last group repeats the first.
    prices: Vec<[f64; WIDTH]>,
    listed: Vec<Listed>,
}

/// What the screen knows about an instrument beyond its rows.
#[derive(Clone, Debug, Default)]
struct Listed {
    /// The largest |price| of a row, the mark, the doubt and every step of the exit cost together: what rounding is a share of.
    largest: f64,
    /// The mark.
    mark: f64,
    /// The doubt of a lot where it is at most the maintenance margin, and where it is not: one of them is zero.
    doubt: (f64, f64),
    /// The same for a lot that makes the whole of its feed's move, and the share of that move which a lot makes.
    in_full: f64,
    share: f64,
    /// The feed.
    feed: FeedId,
    /// The largest distance of a row from the mark: the unit in which distances are measured. Never zero.
    reach: f64,
    /// Where the first tier of the exit cost begins, in lots, and what a lot costs there.
    first: (f64, f64),
    /// Where each further tier begins, and what it adds to the cost of a lot.
    more: Vec<(f64, f64)>,
}

/// Which sides an account is on: a fall of prices cannot hurt one that is short everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Long in everything that it holds, or holding nothing.
    Long,
    /// Short in everything that it holds.
    Short,
    /// Both.
    Both,
}

/// What the screen says about an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slack {
    /// The stressed equity in the worst row, with the doubt in the account's favour, is certainly not below this, quanta.
    pub(crate) least: f64,
    /// Σ |lots| × reach: the size of the account in the screen's units, quanta.
    pub(crate) size: f64,
    /// The account's sides.
    pub(crate) side: Side,
}

impl Slack {
    /// Whether the account is sound for certain.
    pub(crate) fn is_sound(&self) -> bool {
        self.least >= 0.0
    }
}

impl Screen {
    /// The screen of a pool's maintenance rows as they are.
    pub(crate) fn of(pool: &Pool) -> Self {
        let rows = &pool.matrices.maintenance;
        let groups = rows.len().div_ceil(WIDTH);
        let mut prices = Vec::with_capacity(groups.saturating_mul(pool.instruments.len()));
        let mut listed = Vec::with_capacity(pool.instruments.len());
        for id in pool.instruments.ids() {
            let column = rows.column(id);
            let group = |at: usize| core::array::from_fn(|row| price_at(column, at * WIDTH + row));
            prices.extend((0..groups).map(group));
            listed.push(Listed::of(pool, id, rows));
        }
        Self { groups, prices, listed }
    }

    /// What the screen says about an account of the lanes.
    pub(crate) fn slack(&self, lanes: &Lanes, id: AccountId) -> Slack {
        let lane = lanes.lane(id);
        if !lane.aside {
            return self.slack_of_lane(lane);
        }
        let wide = lanes.wide(id).expect("a vector that does not fit stands aside");
        let pair = |(instrument, quantity): &(InstrumentId, Quantity)| (instrument.position(), quantity.get() as f64);
        let held: Vec<(usize, f64)> = wide.positions.iter().map(pair).collect();
        let cash = wide.cash.get() as f64;
        self.finish(cash, &held, self.lowest(cash, &held))
    }

    fn slack_of_lane(&self, lane: &Lane) -> Slack {
        let cash = lane.cash as f64;
        let quantities = lane.quantities.map(|quantity| quantity as f64);
        let lowest = self.lowest_of_lane(cash, lane, &quantities);
        let [first, second, third, fourth] = lane.instruments.map(usize::from);
        let [one, two, three, four] = quantities;
        self.finish(cash, &[(first, one), (second, two), (third, three), (fourth, four)], lowest)
    }

    /// The lowest value over the rows, with every slot's column at hand: the hot loop of the watch.
    fn lowest_of_lane(&self, cash: f64, lane: &Lane, quantities: &[f64; SLOTS]) -> f64 {
        let [first, second, third, fourth] = lane.instruments.map(|id| self.column(usize::from(id)));
        let [one, two, three, four] = *quantities;
        let mut lowest = [f64::INFINITY; WIDTH];
        for (((first, second), third), fourth) in first.iter().zip(second).zip(third).zip(fourth) {
            let columns = first.iter().zip(second).zip(third).zip(fourth);
            for (low, (((first, second), third), fourth)) in lowest.iter_mut().zip(columns) {
                let value = cash + first * one + second * two + third * three + fourth * four;
                *low = if value < *low { value } else { *low };
            }
        }
        least_of(&lowest, cash)
    }

    /// The same for any number of positions.
    fn lowest(&self, cash: f64, held: &[(usize, f64)]) -> f64 {
        let mut lowest = [f64::INFINITY; WIDTH];
        for group in 0..self.groups {
            let mut values = [cash; WIDTH];
            for (instrument, quantity) in held {
                let prices = self.column(*instrument).get(group).copied().unwrap_or_default();
                values.iter_mut().zip(prices).for_each(|(value, price)| *value += price * quantity);
            }
            lowest.iter_mut().zip(values).for_each(|(low, value)| *low = low.min(value));
        }
        least_of(&lowest, cash)
    }

    fn column(&self, instrument: usize) -> &[[f64; WIDTH]] {
        let from = instrument * self.groups;
        self.prices.get(from..from + self.groups).unwrap_or_default()
    }

    /// Exit cost, doubt and the allowance for rounding.
    fn finish(&self, cash: f64, held: &[(usize, f64)], lowest: f64) -> Slack {
        let (mut terms, mut size, mut stressed, mut equity) = (cash.abs(), 0.0, lowest, cash);
        let (mut any_long, mut any_short, mut quanta) = (false, false, 1.0);
        let mut doubt = (0.0, 0.0);
        for (instrument, quantity) in held {
            let Some(listed) = self.listed.get(*instrument) else { continue };
            let lots = quantity.abs();
            any_long |= *quantity > 0.0;
            any_short |= *quantity < 0.0;
            quanta += 2.0;
            size += lots * listed.reach;
            terms += lots * listed.largest;
            equity += listed.mark * quantity;
            stressed -= beyond(lots, listed.first) + listed.more.iter().map(|tier| beyond(lots, *tier)).sum::<f64>();
            doubt.0 += lots * listed.doubt.0;
            doubt.1 += lots * listed.doubt.1;
        }
        let side = match (any_long, any_short) {
            (_, false) => Side::Long,
            (false, true) => Side::Short,
            (true, true) => Side::Both,
        };
        if side == Side::Both && self.any_hedge(held) {
            doubt = self.net_doubt(held, &mut terms);
        }
        if !any_long && !any_short {
            // Nothing is held, so that no sum was rounded: the sign of the cash decides.
            return Slack { least: cash, size, side };
        }
        let lifted = stressed + doubt.0;
        let net = (if equity < lifted { equity } else { lifted }) + doubt.1;
        Slack { least: net - terms * ROUNDING - quanta, size, side }
    }

    /// Whether two positions on one feed may be on opposite sides. If none are, all lots count, and doubt is a plain sum.
    fn any_hedge(&self, held: &[(usize, f64)]) -> bool {
        let [first, rest @ ..] = held else { return false };
        let feed = |instrument: usize| self.listed.get(instrument).map(|listed| listed.feed);
        let opposes = |(other, lots): &(usize, f64)| lots * first.1 < 0.0 && feed(*other) == feed(first.0);
        held.len() > SLOTS || rest.iter().any(opposes) || self.any_hedge(rest)
    }

    /// A lower bound of R3.4's doubt in favour: the net lots of a feed, all as little doubtful as the least of their side. What it is rounded from
    /// is added to `terms`.
    fn net_doubt(&self, held: &[(usize, f64)], terms: &mut f64) -> (f64, f64) {
        let leg = |(instrument, quantity): &(usize, f64)| {
            self.listed.get(*instrument).map(|listed| (listed, quantity * listed.share))
        };
        let mut legs: Vec<(&Listed, f64)> = held.iter().filter_map(leg).collect();
        legs.sort_unstable_by_key(|(listed, _)| listed.feed);
        let mut doubt = (0.0, 0.0);
        for legs in legs.chunk_by(|(one, _), (other, _)| one.feed == other.feed) {
            let (mut net, mut gross) = (0.0, 0.0);
            for (_, exposure) in legs {
                net += exposure;
                gross += exposure.abs();
            }
            let own_side = legs.iter().filter(|(_, exposure)| exposure * net > 0.0);
            let least = own_side.fold(f64::INFINITY, |least, (listed, _)| least.min(listed.in_full));
            if least < f64::INFINITY {
                *terms += gross * least;
                let is_limited = legs.iter().all(|(listed, _)| listed.doubt.1 == 0.0);
                *(if is_limited { &mut doubt.0 } else { &mut doubt.1 }) += net.abs() * least;
            }
        }
        doubt
    }
}

/// What a tier adds to the exit cost: its step for each lot beyond its start.
fn beyond(lots: f64, (from, step): (f64, f64)) -> f64 {
    let inside = lots - from;
    (if inside > 0.0 { inside } else { 0.0 }) * step
}

/// The lowest of the rows; without rows there is only the cash.
fn least_of(lowest: &[f64], cash: f64) -> f64 {
    let least = lowest.iter().fold(f64::INFINITY, |least, value| if *value < least { *value } else { least });
    if least < f64::INFINITY { least } else { cash }
}

fn price_at(column: &[Price], row: usize) -> f64 {
    column.get(row).or(column.first()).map_or(0.0, |price| price.get() as f64)
}

impl Listed {
    fn of(pool: &Pool, id: InstrumentId, rows: &Rows) -> Self {
        let mark = pool.matrices.mark(id);
        let column = rows.column(id);
        let largest = column.iter().map(|price| price.abs().get()).max().unwrap_or(0);
        let reach = column.iter().map(|price| (*price - mark).abs().get()).max().unwrap_or(0);
        let about = pool.matrices.doubt_about(id);
        let (in_full, share) = (about.in_full().get() as f64, about.share.get() as f64 / PPM as f64);
        let doubt = in_full * share;
        let mut steps = steps_of(pool.matrices.exit_costs.maintenance(id)).into_iter();
        let first = steps.next().unwrap_or_default();
        let more: Vec<(f64, f64)> = steps.collect();
        let steepness: f64 = more.iter().chain([&first]).map(|(_, step)| step.abs()).sum();
        Self {
            largest: largest.max(mark.abs().get()) as f64 + doubt + steepness,
            mark: mark.get() as f64,
            doubt: if about.is_limited { (doubt, 0.0) } else { (0.0, doubt) },
            in_full,
            share,
            feed: pool.instruments[id].parameters.feed,
            reach: reach as f64 + mark.abs().get() as f64 / 1_024.0 + 1.0,
            first,
            more,
        }
    }
}

/// An exit cost as steps: what a lot costs more from each corner on. Prices a lot are exact in floats.
fn steps_of(leaving: &ExitCost) -> Vec<(f64, f64)> {
    let mut before = 0.0;
    let step = |(from, cost): &(Quantity, Price)| {
        let cost = cost.get() as f64;
        let step = cost - before;
        before = cost;
        (from.get() as f64, step)
    };
    leaving.corners().iter().map(step).collect()
}

/// How much an account can lose in any row at most, so that the largest losers of a pool are found without walking every row of
/// every account. R11.5
#[derive(Debug)]
pub(crate) struct LossBounds {
    /// By instrument: the mark, and the most that a lot can lose or cost in a row of any matrix.
    listed: Vec<(f64, f64)>,
}

impl LossBounds {
    /// The bounds in a pool's matrices as they are.
    pub(crate) fn of(pool: &Pool) -> Self {
        let matrices = &pool.matrices;
        let of = |id: InstrumentId| {
            let mark = matrices.mark(id);
            let rows = [&matrices.maintenance, &matrices.target, &matrices.initial];
            let prices = rows.into_iter().flat_map(|rows| rows.column(id));
            let reach = prices.map(|price| (*price - mark).abs().get()).max().unwrap_or(0);
            let costs = &matrices.exit_costs;
            let dearest = (costs.maintenance(id).dearest() + costs.added(id).dearest()).get() as f64;
            let most = reach as f64 + dearest + matrices.doubt(id).get() as f64;
            (mark.get() as f64, most)
        };
        Self { listed: pool.instruments.ids().map(of).collect() }
    }

    /// Whether twice what the account can lose, less its equity, is certainly not above an amount.
    pub(crate) fn is_surely_within(&self, lanes: &Lanes, id: AccountId, amount: Money) -> bool {
        let lane = *lanes.lane(id);
        if lane.aside {
            return false;
        }
        let cash = lane.cash as f64;
        let (mut equity, mut loss, mut terms) = (cash, 0.0, cash.abs());
        for (instrument, quantity) in lane.instruments.into_iter().zip(lane.quantities) {
            let Some((mark, most)) = self.listed.get(usize::from(instrument)) else { continue };
            let quantity = quantity as f64;
            equity += mark * quantity;
            loss += most * quantity.abs();
            terms += (mark.abs() + 2.0 * most) * quantity.abs();
        }
        let quanta = (4 * SLOTS + 1) as f64;
        2.0 * loss - equity + terms * ROUNDING + quanta <= amount.get() as f64 * (1.0 - ROUNDING)
    }
}

/// Prices and tiers at one time, from which later moves are measured.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    rows: Rows,
    doubts: Vec<Doubt>,
    tiers: Vec<Vec<Tier>>,
    exit_costs: ExitCosts,
    reaches: Vec<f64>,
}

/// How far a market has moved, in units of each instrument's reach, at most: what an account may have lost for each quantum of
/// its size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    /// Against those who are long.
    pub(crate) down: f64,
    /// Against those who are short.
    pub(crate) up: f64,
}

impl Base {
    /// The market as it is, in the units of its screen.
    pub(crate) fn of(pool: &Pool, screen: &Screen) -> Self {
        Self {
            rows: pool.matrices.maintenance.clone(),
            doubts: pool.matrices.doubts.clone(),
            tiers: pool.instruments.iter().map(|(_, listed)| listed.parameters.exit_cost.clone()).collect(),
            exit_costs: pool.matrices.exit_costs.clone(),
            reaches: screen.listed.iter().map(|listed| listed.reach).collect(),
        }
    }

    /// Whether distances from here still mean something: the same rows, the same instruments, the same exit costs.
    pub(crate) fn compares_with(&self, pool: &Pool) -> bool {
        let tiers = pool.instruments.iter().map(|(_, listed)| &listed.parameters.exit_cost);
        self.rows.scenarios == pool.matrices.maintenance.scenarios
            && self.rows.columns.len() == pool.matrices.maintenance.columns.len()
            && self.tiers.len() == pool.instruments.len()
            && self.tiers.iter().eq(tiers)
    }

    /// How far the market has moved since, at most. Every row counts, and so do dearer exits and doubts that have gone.
    pub(crate) fn moved(&self, pool: &Pool) -> Moved {
        let mut moved = Moved::default();
        let matrices = &pool.matrices;
        for (at, id) in pool.instruments.ids().enumerate() {
            let (Some(before), Some(reach)) = (self.rows.columns.get(at), self.reaches.get(at)) else { continue };
            let (mut fall, mut rise) = (0, 0);
            for (before, now) in before.iter().zip(matrices.maintenance.column(id)) {
                let change = (*now - *before).get();
                fall = fall.max(-change);
                rise = rise.max(change);
            }
            let corners = matrices.exit_costs.maintenance(id).corners().iter();
            let costs = corners.zip(self.exit_costs.maintenance(id).corners());
            let dearer = costs.map(|((_, now), (_, before))| (*now - *before).get()).max().unwrap_or(0).max(0);
            let either = dearer as f64 + self.doubts.get(at).map_or(0.0, |before| doubt_gone(before, pool, id));
            moved.down = moved.down.max((fall as f64 + either) / reach);
            moved.up = moved.up.max((rise as f64 + either) / reach);
        }
        moved
    }
}

/// How much less a lot may add to an account's doubt than it did, at most. Doubt is that of the least doubtful lots, so it falls by no more than
/// each lot's own; a lot that makes another share of the move also lets others in or out, each at most as doubtful as its feed's most doubtful.
/// Where doubt is limited now and was not, all of it may be gone.
fn doubt_gone(before: &Doubt, pool: &Pool, id: InstrumentId) -> f64 {
    let now = pool.matrices.doubt_about(id);
    let share = |share: Ratio| share.get() as f64 / PPM as f64;
    let kept = if now.is_limited && !before.is_limited { Price::ZERO } else { now.in_full() };
    let less = (before.in_full() - kept).or_zero().get() as f64 * share(before.share);
    if now.share == before.share {
        return less;
    }
    let feed = |id: InstrumentId| pool.instruments[id].parameters.feed;
    let siblings = pool.instruments.ids().filter(|other| feed(*other) == feed(id));
    let most = siblings.map(|other| pool.matrices.doubt_about(other).in_full()).max().unwrap_or_default();
    less + share((now.share - before.share).abs()) * most.get() as f64
}

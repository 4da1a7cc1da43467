//! How much a move makes others sell, and whether their sales make the next move larger: the branching number n(p) of R14.1.
//!
//! k(p) = dL ⁄ d ln p is what must be sold, in USD for each unit of log-move; λ(p) is the log-move that a USD sold makes; n = k·λ is the
//! move that a move causes. Below one a shock grows to 1 ⁄ (1 − n) of itself; from one on it feeds itself. The *distance to cascade*
//! is the smallest move at which n reaches one. It is the loss spiral of Brunnermeier, M. and Pedersen, L. (2009), "Market Liquidity
//! and Funding Liquidity", Review of Financial Studies 22(6), in reduced form, measured on the accounts themselves.
//!
//! L is found by moving prices over a grid of log-moves and asking the core, account by account and step by step, who breaches
//! (R6.3) and what they must sell to be back at their target. An account is sound in one interval of prices (see
//! [`clearing::liquidation_price`]), so its first breach is found by bisection of the grid; only where a stress base may bend rows
//! is every step asked. Each step is a jump from today's prices: what would have been sold on the way at better prices counts
//! where it is sold here, so L is not too small.

use crate::impact::{MarketImpact, Origin, value};
use crate::sale::{self, Sale};
use crate::shock::shocked;
use crate::source::PoolSource;
use clearing::state::{Account, Feed, Pool};
use clearing::table::{FeedId, Id, InstrumentId, Table};
use clearing::units::{Price, Time};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeSet;

/// Which moves are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Grid {
    /// The distance between two steps, a log-move.
    pub step: f64,
    /// Steps in each direction.
    pub steps: usize,
}

impl Grid {
    /// The move of a step, as a share of the price: −0.1 is ten percent down.
    #[must_use]
    pub fn move_of(&self, way: Way, at: usize) -> f64 {
        // No step at all is no move, not a negative one.
        (way.sign() * self.step * at as f64).exp_m1() + 0.0
    }
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Prices fall.
    Down,
    /// Prices rise.
    Up,
}

impl Way {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Down, Self::Up];

    fn sign(self) -> f64 {
        match self {
            Self::Down => -1.0,
            Self::Up => 1.0,
        }
    }
}

/// One step of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Level {
    /// The move from today's price, as a share of it.
    pub moved: f64,
    /// Sold by force up to here in the direction of the move, less what is bought back, USD; what is under way today counts.
    pub forced_usd: f64,
    /// k: what this step adds, USD for each unit of log-move, not negative.
    pub density_usd: f64,
    /// λ of that sale: the log-move that one USD of it makes; none if nothing says how deep the market is.
    pub impact_per_usd: Option<f64>,
    /// n = k·λ.
    pub branching: Option<f64>,
    /// Accounts that have breached up to here.
    pub accounts: u64,
}

/// A market along moves in one direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// The direction.
    pub way: Way,
    /// The steps from today outwards; the first is today.
    pub levels: Vec<Level>,
    /// The smallest move with n ≥ 1, as a share of the price; none as far as is looked.
    pub distance: Option<f64>,
}

impl Side {
    /// The branching number of the step from today's price.
    #[must_use]
    pub fn at_mark(&self) -> Option<f64> {
        self.levels.get(1).and_then(|level| level.branching)
    }

    /// The step at which a cascade begins.
    #[must_use]
    pub fn first_critical(&self) -> Option<&Level> {
        self.levels.iter().skip(1).find(|level| level.branching.is_some_and(|n| n >= 1.0))
    }

    /// Where a sudden move ends once everybody it forces to sell has sold, move by move: x ← shock + Σ n·dx up to x. As a share of the
    /// price; none if it runs beyond the grid. `shock` is a share of the price in the direction of the side.
    #[must_use]
    pub fn ends_at(&self, shock: f64, grid: &Grid) -> Option<f64> {
        let shock = shock.ln_1p().abs();
        let branching: Vec<f64> = self.levels.iter().skip(1).map(|level| level.branching.unwrap_or(0.0)).collect();
        let caused = |x: f64| {
            let inside = |(at, n): (usize, &f64)| n * (x - at as f64 * grid.step).clamp(0.0, grid.step);
            branching.iter().enumerate().map(inside).sum::<f64>()
        };
        let reach = grid.step * grid.steps as f64;
        let mut x = shock;
        for _ in 0..10_000 {
            let next = shock + caused(x);
            if next > reach {
                return None;
            }
            if next - x < 1e-9 {
                return Some((self.way.sign() * next).exp_m1());
            }
            x = next;
        }
        None
    }
}

/// A market: a feed in a pool, with all its instruments there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarketCurve {
    /// The feed.
    pub feed: u16,
    /// Its name.
    pub name: String,
    /// What λ was read from.
    pub impact: Origin,
    /// This feed moves, the others stand still: down, up.
    pub alone: [Side; 2],
    /// Every feed with a derivative in the pool moves by as much: down, up.
    pub together: [Side; 2],
}

impl MarketCurve {
    /// The largest branching number of a step from today's price, over directions and companions.
    #[must_use]
    pub fn at_mark(&self) -> Option<f64> {
        self.sides().filter_map(Side::at_mark).max_by(f64::total_cmp)
    }

    /// The smallest move, either way and with whatever companions, with n ≥ 1; as a share of the price, signed.
    #[must_use]
    pub fn distance(&self) -> Option<f64> {
        self.sides().filter_map(|side| side.distance).min_by(|one, other| one.abs().total_cmp(&other.abs()))
    }

    /// All four sides.
    pub fn sides(&self) -> impl Iterator<Item = &Side> {
        self.alone.iter().chain(&self.together)
    }
}

/// The markets of a pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolCurves {
    /// One a feed with a derivative in the pool.
    pub markets: Vec<MarketCurve>,
    /// The spectral radius of the moves that a first step of each market causes in every market, down and up: one account may be
    /// forced to sell in several. A cascade across markets from one on.
    pub coupled: [f64; 2],
}

/// What is sold in each step of a grid, in lots by instrument, and by how many accounts.
#[derive(Clone, Debug)]
struct Tally {
    instruments: usize,
    /// By step, then by instrument; signed as the positions that are sold.
    lots: Vec<f64>,
    accounts: Vec<u64>,
}

impl Tally {
    fn new(steps: usize, instruments: usize) -> Self {
        Self { instruments, lots: vec![0.0; (steps + 1) * instruments], accounts: vec![0; steps + 1] }
    }

    fn add(&mut self, step: usize, instrument: InstrumentId, lots: f64) {
        self.lots[step * self.instruments + instrument.position()] += lots;
    }

    fn plus(mut self, other: Self) -> Self {
        self.lots.iter_mut().zip(other.lots).for_each(|(sum, more)| *sum += more);
        self.accounts.iter_mut().zip(other.accounts).for_each(|(sum, more)| *sum += more);
        self
    }

    /// USD sold in a step on a feed in the direction of a move, at the marks of that step.
    fn usd(&self, step: usize, pool: &Pool, marks: &[Price], feed: FeedId, way: Way) -> f64 {
        let own = pool.instruments.iter().filter(|(_, listed)| listed.parameters.feed == feed);
        let lots = |id: InstrumentId| self.lots[step * self.instruments + id.position()];
        let sold = own.map(|(id, _)| value(lots(id), marks[id.position()].abs()));
        // Longs that are sold push down, shorts that are bought back push up.
        -way.sign() * sold.sum::<f64>()
    }
}

/// The curves of a pool.
#[must_use]
pub fn curves(source: &PoolSource<'_>, feeds: &Table<FeedId, Feed>, time: Time, grid: &Grid) -> PoolCurves {
    let pool = source.pool;
    let markets: BTreeSet<FeedId> = pool
        .instruments
        .iter()
        .filter(|(_, listed)| !listed.is_spot() && listed.settled.is_none())
        .map(|(_, listed)| listed.parameters.feed)
        .collect();
    // Who sells at today's prices is asked once, not once a walk.
    let sells_today = |held: &&Account| sale::is_watched(held) && sale::sells(pool, held);
    let today: Vec<bool> = source.accounts.par_iter().with_min_len(1_024).map(sells_today).collect();
    let walk = |moved: &BTreeSet<FeedId>, way: Way| Walk::new(source, &today, (feeds, time), grid, moved, way);
    let together = Way::BOTH.map(|way| walk(&markets, way));
    let alone: Vec<(FeedId, [Walk<'_>; 2])> =
        markets.iter().map(|feed| (*feed, Way::BOTH.map(|way| walk(&BTreeSet::from([*feed]), way)))).collect();
    let curve = |(feed, alone): &(FeedId, [Walk<'_>; 2])| {
        let impact = MarketImpact::of(pool, feeds, *feed);
        let sides = |walks: &[Walk<'_>; 2]| [walks[0].side(*feed, &impact, grid), walks[1].side(*feed, &impact, grid)];
        MarketCurve {
            feed: feed.0,
            name: feeds[*feed].name.clone(),
            impact: impact.origin(),
            alone: sides(alone),
            together: sides(&together),
        }
    };
    let coupled = [0, 1].map(|way| coupling(pool, feeds, &alone, way, grid));
    PoolCurves { markets: alone.iter().map(curve).collect(), coupled }
}

/// The spectral radius of the responses of all markets to a first step of each.
fn coupling(
    pool: &Pool,
    feeds: &Table<FeedId, Feed>,
    alone: &[(FeedId, [Walk<'_>; 2])],
    way: usize,
    grid: &Grid,
) -> f64 {
    let response = |of: &FeedId, walks: &[Walk<'_>; 2]| {
        let impact = MarketImpact::of(pool, feeds, *of);
        walks[way].side(*of, &impact, grid).at_mark().unwrap_or(0.0)
    };
    let rows: Vec<Vec<f64>> =
        alone.iter().map(|(of, _)| alone.iter().map(|(_, walks)| response(of, walks)).collect()).collect();
    crate::debtrank::spectral_radius(&rows).unwrap_or(0.0)
}

/// A pool along the steps of a grid: what is sold in each.
struct Walk<'a> {
    way: Way,
    pool: &'a Pool,
    /// The marks of every instrument, by step.
    marks: Vec<Vec<Price>>,
    tally: Tally,
}

impl<'a> Walk<'a> {
    fn new(
        source: &PoolSource<'a>,
        today: &[bool],
        (feeds, time): (&Table<FeedId, Feed>, Time),
        grid: &Grid,
        moved: &BTreeSet<FeedId>,
        way: Way,
    ) -> Self {
        let at = |step: usize| shocked(source.pool, feeds, time, moved, grid.move_of(way, step));
        let pools: Vec<Pool> = (0..=grid.steps).into_par_iter().map(at).collect();
        let touched: Vec<bool> =
            source.pool.instruments.iter().map(|(_, listed)| moved.contains(&listed.parameters.feed)).collect();
        let bends =
            source.pool.instruments.iter().any(|(_, listed)| {
                moved.contains(&listed.parameters.feed) && listed.parameters.stress_base.is_positive()
            });
        let empty = || Tally::new(grid.steps, touched.len());
        let one = |mut tally: Tally, (account, today): (&&Account, &bool)| {
            if sale::is_watched(account) {
                let moves = account.positions.iter().any(|held| touched[held.instrument.position()]);
                let steps = if moves { pools.as_slice() } else { &pools[..1] };
                walk_account(&mut tally, steps, account, *today, bends);
            }
            tally
        };
        let accounts = source.accounts.par_iter().zip(today).with_min_len(1_024);
        let tally = accounts.fold(empty, one).reduce(empty, Tally::plus);
        let marks = pools.iter().map(|pool| pool.instruments.iter().map(|(_, listed)| listed.mark).collect()).collect();
        Self { way, pool: source.pool, marks, tally }
    }

    fn side(&self, feed: FeedId, impact: &MarketImpact, grid: &Grid) -> Side {
        let (mut forced, mut accounts) = (0.0, 0);
        let level = |step: usize| {
            let sold = self.tally.usd(step, self.pool, &self.marks[step], feed, self.way);
            forced += sold;
            accounts += self.tally.accounts[step];
            let pushes = sold.max(0.0);
            let impact_per_usd = impact.per_usd(pushes);
            let density_usd = if step == 0 { 0.0 } else { pushes / grid.step };
            Level {
                moved: grid.move_of(self.way, step),
                forced_usd: forced,
                density_usd,
                impact_per_usd,
                branching: impact_per_usd.map(|impact| impact * density_usd),
                accounts,
            }
        };
        let levels: Vec<Level> = (0..=grid.steps).map(level).collect();
        let mut side = Side { way: self.way, levels, distance: None };
        side.distance = side.first_critical().map(|level| level.moved);
        side
    }
}

/// What one account sells in each step, counted where it is sold.
fn walk_account(tally: &mut Tally, pools: &[Pool], account: &Account, today: bool, bends: bool) {
    let first = if today { Some(0) } else { first_breach(pools, account, bends) };
    let Some(first) = first else { return };
    tally.accounts[first] += 1;
    let mut before: Vec<f64> = vec![0.0; account.positions.len()];
    for (step, pool) in pools.iter().enumerate().skip(first) {
        let sale = sale::of(pool, account);
        for (held, before) in account.positions.iter().zip(&mut before) {
            let sold = match &sale {
                Sale::Nothing => 0.0,
                Sale::Part(parts) => {
                    parts.iter().find(|(instrument, _)| *instrument == held.instrument).map_or(0.0, |(_, lots)| *lots)
                }
                Sale::Whole => held.quantity.get() as f64,
            };
            tally.add(step, held.instrument, sold - *before);
            *before = sold;
        }
        if sale == Sale::Whole {
            return;
        }
    }
}

/// The first step at which an account breaches that does not at today's prices.
fn first_breach(pools: &[Pool], account: &Account, bends: bool) -> Option<usize> {
    let sells = |step: usize| sale::sells(&pools[step], account);
    if bends {
        return (1..pools.len()).find(|step| sells(*step));
    }
    let last = pools.len() - 1;
    if last == 0 || !sells(last) {
        return None;
    }
    let (mut sound, mut breached) = (0, last);
    while breached - sound > 1 {
        let middle = sound.midpoint(breached);
        if sells(middle) { breached = middle } else { sound = middle }
    }
    Some(breached)
}

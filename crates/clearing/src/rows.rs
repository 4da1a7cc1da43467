//! The market state as matrices: what a lot of every instrument is worth today and in every scenario (R5).

use crate::doubt::{self, Doubt};
use crate::exit_cost::ExitCosts;
use crate::parameters::Kind;
use crate::state::{Condition, Correlation, Feed, Instrument, Pool};
use crate::table::{FeedId, Id, InstrumentId, Table};
use crate::units::{MAX_ROWS, PPM, Price, Ratio, Time, square_root_floor};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Which way a shock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Way {
    /// Prices rise.
    Up,
    /// Prices fall.
    Down,
}

/// Which future a row is. R5.2
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Scenario {
    /// Today's marks.
    Unshocked,
    /// Every feed moves by its stress.
    Common(Way),
    /// Every feed moves by three times its stress, one third of the loss counts.
    Extreme(Way),
    /// One feed moves by its stress, the others follow by their correlation with it.
    Followed(FeedId, Way),
    /// One feed moves by its stress, the others stand still.
    Alone(FeedId, Way),
    /// One feed parts from all others, each by its share of the spread that their correlation allows.
    Against(FeedId, Way),
    /// One collateral asset crashes.
    Crash(InstrumentId),
    /// A row that the pool names, by its position in the parameters.
    Named(u16),
    /// Every feed is back at its slow price. R5.5
    Reversion,
}

impl Scenario {
    /// What people call it, given the names of feeds, of collateral assets and of the rows that the pool names.
    #[must_use]
    pub fn called<'a>(
        self,
        feed: impl Fn(FeedId) -> &'a str,
        asset: impl Fn(InstrumentId) -> &'a str,
        named: impl Fn(u16) -> &'a str,
    ) -> String {
        let word = |way: Way| if way == Way::Up { "up" } else { "down" };
        let opposite = |way: Way| if way == Way::Up { "down" } else { "up" };
        match self {
            Self::Unshocked => "unshocked".into(),
            Self::Common(way) => format!("all {}", word(way)),
            Self::Extreme(way) => format!("all {}, extreme at a third", word(way)),
            Self::Followed(id, way) => format!("{} {}, others follow", feed(id), word(way)),
            Self::Alone(id, way) => format!("{} {} alone", feed(id), word(way)),
            Self::Against(id, way) => format!("{} {}, others {}", feed(id), word(way), opposite(way)),
            Self::Crash(id) => format!("{} crashes", asset(id)),
            Self::Named(at) => named(at).into(),
            Self::Reversion => "back to slow prices".into(),
        }
    }
}

/// Rows of one matrix: a column an instrument, a price a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rows {
    /// What each row stands for; at most [`MAX_ROWS`].
    pub scenarios: Vec<Scenario>,
    /// The price of a lot of each instrument in each row, money quanta.
    pub columns: Vec<Vec<Price>>,
}

/// The market state: today's prices and the matrices of R5.3.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Matrices {
    /// The mark of each instrument, money quanta per lot.
    pub today: Vec<Price>,
    /// How far each mark may be from the truth. R3.4
    pub doubts: Vec<Doubt>,
    /// What leaving a lot of each instrument costs. R5.6
    pub exit_costs: ExitCosts,
    /// Collateral whose feed is not live: it backs nothing new. R3.10
    pub dormant: Vec<InstrumentId>,
    /// The unshocked row and the set at maintenance stress.
    pub maintenance: Rows,
    /// The set at maintenance stress widened by the target buffer, never beyond initial stress. R6.3
    pub target: Rows,
    /// The set at initial stress and the reversion row.
    pub initial: Rows,
}

impl Rows {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scenarios.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scenarios.is_empty()
    }

    /// The column of an instrument; empty before the instrument's first cycle.
    #[must_use]
    pub fn column(&self, instrument: InstrumentId) -> &[Price] {
        self.columns.get(instrument.position()).map_or(&[], Vec::as_slice)
    }
}

impl Matrices {
    /// The mark of an instrument; zero before its first cycle.
    #[must_use]
    pub fn mark(&self, instrument: InstrumentId) -> Price {
        self.today.get(instrument.position()).copied().unwrap_or_default()
    }

    /// How far a mark may be from the truth, either way. R3.4
    #[must_use]
    pub fn doubt(&self, instrument: InstrumentId) -> Price {
        self.doubt_about(instrument).of_lot()
    }

    /// What there is to say about that; nothing before the instrument's first cycle.
    #[must_use]
    pub fn doubt_about(&self, instrument: InstrumentId) -> &Doubt {
        const NONE: &Doubt = &Doubt {
            shared: Price::ZERO,
            least_shared: Price::ZERO,
            own: Price::ZERO,
            share: Ratio::ONE,
            is_limited: true,
        };
        self.doubts.get(instrument.position()).unwrap_or(NONE)
    }

    /// Whether what an account holds of an instrument backs new orders, withdrawals and loans. R3.10
    #[must_use]
    pub fn backs(&self, instrument: InstrumentId) -> bool {
        !self.dormant.contains(&instrument)
    }

    /// Whether the instrument was priced in the last cycle.
    #[must_use]
    pub fn covers(&self, instrument: InstrumentId) -> bool {
        self.today.len() > instrument.position()
    }
}

/// Builds every matrix of a pool from its marks, stresses and correlations.
#[must_use]
pub fn build(pool: &Pool, feeds: &Table<FeedId, Feed>, time: Time) -> Matrices {
    let scenarios = scenario_set(pool);
    let widened = Ratio::ONE + pool.parameters.target_buffer;
    let maintenance = |instrument: &Instrument| {
        pool.stresses.get(&instrument.parameters.feed).map_or(Ratio::ZERO, |stress| stress.maintenance)
    };
    let initial = |instrument: &Instrument| pool.initial_stress(instrument);
    let target = |instrument: &Instrument| maintenance(instrument).times_ceil(widened).min(initial(instrument));
    let with = |first: Option<Scenario>, last: Option<Scenario>| {
        first.into_iter().chain(scenarios.iter().copied()).chain(last).collect()
    };
    let share = pool.parameters.maintenance_share;
    let today: Vec<Price> = pool.instruments.iter().map(|(_, instrument)| mark_of(instrument)).collect();
    Matrices {
        exit_costs: ExitCosts::of(&pool.instruments, &today),
        today,
        doubts: doubt::of(pool, feeds, time),
        dormant: dormant(pool, feeds),
        maintenance: price_all(pool, feeds, with(Some(Scenario::Unshocked), None), maintenance, share, time),
        target: price_all(pool, feeds, with(None, None), target, share, time),
        initial: price_all(pool, feeds, with(None, Some(Scenario::Reversion)), initial, Ratio::ONE, time),
    }
}

/// What a lot is worth today: the mark, but of collateral that has had no price for too long. R3.10
fn mark_of(instrument: &Instrument) -> Price {
    if instrument.is_worthless() { Price::ZERO } else { instrument.mark }
}

/// R3.10: a price that cannot be relied on is lent against by nobody, whenever the balance came in.
fn dormant(pool: &Pool, feeds: &Table<FeedId, Feed>) -> Vec<InstrumentId> {
    let is_dormant =
        |listed: &Instrument| listed.is_spot() && feeds[listed.parameters.feed].condition != Condition::Live;
    pool.instruments.iter().filter(|(_, listed)| is_dormant(listed)).map(|(id, _)| id).collect()
}

/// The scenarios of a pool, without the unshocked and the reversion row: those of the feeds that have a stress, and of the
/// collateral assets that count. R5.2, R4.7
fn scenario_set(pool: &Pool) -> Vec<Scenario> {
    let both = [Way::Up, Way::Down];
    let mut set: Vec<Scenario> =
        both.iter().flat_map(|way| [Scenario::Common(*way), Scenario::Extreme(*way)]).collect();
    let feeds = moving_feeds(pool);
    if feeds.len() > 1 {
        for feed in &feeds {
            set.extend(both.iter().flat_map(|way| {
                [Scenario::Followed(*feed, *way), Scenario::Alone(*feed, *way), Scenario::Against(*feed, *way)]
            }));
        }
    }
    let crashes = pool.instruments.iter().filter(|(_, instrument)| instrument.is_spot() && instrument.counts());
    set.extend(crashes.map(|(id, _)| Scenario::Crash(id)));
    let named = u16::try_from(pool.parameters.named_rows.len()).expect("the number of named rows is bounded");
    set.extend((0..named).map(Scenario::Named));
    assert!(set.len().saturating_add(1) <= MAX_ROWS, "listing keeps the set within its bound");
    set
}

/// The feeds that have a stress because an instrument that counts depends on them. R4.7
fn moving_feeds(pool: &Pool) -> BTreeSet<FeedId> {
    let counting = pool.instruments.iter().filter(|(_, instrument)| instrument.counts());
    let feeds = counting.map(|(_, instrument)| instrument.parameters.feed);
    feeds.filter(|feed| pool.stresses.contains_key(feed)).collect()
}

/// How many rows the largest matrix has with this many feeds, spot assets and named rows.
#[must_use]
pub fn rows_needed(feeds: usize, spots: usize, named: usize) -> usize {
    let alone = if feeds > 1 { feeds.saturating_mul(6) } else { 0 };
    alone.saturating_add(spots).saturating_add(named).saturating_add(5)
}

fn price_all(
    pool: &Pool,
    feeds: &Table<FeedId, Feed>,
    scenarios: Vec<Scenario>,
    stress_of: impl Fn(&Instrument) -> Ratio,
    crash_share: Ratio,
    time: Time,
) -> Rows {
    // Instruments of one feed move alike, but for those whose open interest raises their own stress (R4.3).
    let moving = moving_feeds(pool);
    let move_of = |instrument: &Instrument| (instrument.parameters.feed, stress_of(instrument));
    let mut shocks: BTreeMap<(FeedId, Ratio), Vec<Ratio>> = BTreeMap::new();
    for (own, stress) in pool.instruments.iter().map(|(_, instrument)| move_of(instrument)) {
        shocks.entry((own, stress)).or_insert_with(|| {
            let widest = widest_divergence(pool, &moving, own);
            scenarios.iter().map(|scenario| shock_of(*scenario, own, stress, pool, widest)).collect()
        });
    }
    let column = |(id, instrument): (InstrumentId, &Instrument)| {
        let feed = &feeds[instrument.parameters.feed];
        let shocks = shocks.get(&move_of(instrument)).map_or(&[][..], Vec::as_slice);
        let moving = Moving::of(instrument, time);
        let rows = scenarios.iter().zip(shocks);
        rows.map(|(scenario, shock)| price_in(*scenario, *shock, id, &moving, feed, crash_share)).collect()
    };
    let columns = pool.instruments.iter().map(column).collect();
    Rows { scenarios, columns }
}

/// How far an instrument of this feed and this stress moves in a scenario. R5.1
fn shock_of(scenario: Scenario, own: FeedId, stress: Ratio, pool: &Pool, widest_divergence: Ratio) -> Ratio {
    let full = |way: Way| signed(stress, way);
    let opposite = |way: Way| if way == Way::Up { Way::Down } else { Way::Up };
    match scenario {
        Scenario::Common(way) | Scenario::Extreme(way) => full(way),
        Scenario::Alone(feed, way) | Scenario::Followed(feed, way) if feed == own => full(way),
        Scenario::Followed(feed, way) => full(way).times_floor(correlation(pool, feed, own)),
        Scenario::Against(feed, way) if feed == own => share_away(full(way), widest_divergence),
        Scenario::Against(feed, way) => share_away(full(opposite(way)), divergence(correlation(pool, feed, own))),
        Scenario::Named(at) => named_move(pool, at, own),
        Scenario::Unshocked | Scenario::Alone(..) | Scenario::Crash(_) | Scenario::Reversion => Ratio::ZERO,
    }
}

/// The price of a lot of one instrument in one scenario, in which its feed moves by `shock`. R5.1
fn price_in(
    scenario: Scenario,
    shock: Ratio,
    id: InstrumentId,
    moving: &Moving<'_>,
    feed: &Feed,
    crash_share: Ratio,
) -> Price {
    match scenario {
        _ if moving.instrument.is_worthless() => Price::ZERO,
        Scenario::Extreme(_) => extreme(moving, shock),
        Scenario::Crash(spot) => moved(moving, crash(spot == id, moving.instrument, crash_share)),
        Scenario::Reversion => reverted(moving, feed.slow - feed.index),
        _ => moved(moving, shock),
    }
}

/// What a shock of its feed can move of an instrument's mark. R16.2
struct Moving<'a> {
    instrument: &'a Instrument,
    /// What is fixed of the mark already: zero, but in a settlement window.
    fixed: Price,
    /// The rest of it.
    open: Price,
    /// The share of the feed's move that the mark still follows: one, but in a settlement window.
    share: Ratio,
}

impl<'a> Moving<'a> {
    fn of(instrument: &'a Instrument, time: Time) -> Self {
        let fixed = instrument.fixed_part(time);
        Self { instrument, fixed, open: instrument.mark - fixed, share: instrument.share_left(time) }
    }

    fn by(&self, step: Price) -> Price {
        self.instrument.with_open_part(self.fixed, self.open + step)
    }
}

/// A share of a shock, rounded away from the mark. R1.4
fn share_away(shock: Ratio, share: Ratio) -> Ratio {
    if shock.is_negative() { shock.times_floor(share) } else { shock.times_ceil(share) }
}

fn signed(stress: Ratio, way: Way) -> Ratio {
    if way == Way::Up { stress } else { -stress }
}

/// The mark with what is not fixed of it moved by a share of itself (or of the stress base, where prices may reach zero), rounded away
/// from the mark.
fn moved(moving: &Moving<'_>, shock: Ratio) -> Price {
    let base = moving.open.abs().max(moving.instrument.parameters.stress_base.times_ceil(moving.share));
    moving.by(if shock.is_negative() { base.times_floor(shock) } else { base.times_ceil(shock) })
}

/// Three times the stress, of which one third counts. R5.2
fn extreme(moving: &Moving<'_>, stress: Ratio) -> Price {
    let far = moved(moving, stress + stress + stress);
    moving.instrument.mark.towards_floor(far, 1, 3)
}

/// R5.5: the mark moved by as much as its feed would move to be back at its slow price, as far as it still follows.
fn reverted(moving: &Moving<'_>, distance: Price) -> Price {
    let share = moving.share;
    moving.by(if distance.is_negative() { distance.times_floor(share) } else { distance.times_ceil(share) })
}

/// R5.4: the drop in its own crash row is an asset's only haircut; maintenance and target rows count a share of it.
fn crash(own: bool, instrument: &Instrument, share: Ratio) -> Ratio {
    match instrument.parameters.kind {
        Kind::Spot { crash, .. } if own => -crash.times_floor(share),
        _ => Ratio::ZERO,
    }
}

/// R5.7: a peer's grid is a set of named rows.
fn named_move(pool: &Pool, at: u16, feed: FeedId) -> Ratio {
    let row = pool.parameters.named_rows.get(usize::from(at));
    row.and_then(|row| row.moves.iter().find(|(moved, _)| *moved == feed)).map_or(Ratio::ZERO, |(_, shock)| *shock)
}

/// The correlation used for two feeds: the smallest of what the short, long and stressed windows say, never negative. R4.5
fn correlation(pool: &Pool, one: FeedId, other: FeedId) -> Ratio {
    let pair = (one.min(other), one.max(other));
    let seen = pool.correlations.get(&pair).map_or(Ratio::ZERO, |Correlation { short, long }| *short.min(long));
    seen.min(pool.parameters.stressed_correlation).or_zero()
}

/// How far each of two feeds of correlation ρ goes when they part by as much as their stress allows: the spread of two
/// standardised moves has the standard deviation √(2 − 2ρ), of which each carries half, √((1 − ρ) ⁄ 2). R5.2
fn divergence(correlation: Ratio) -> Ratio {
    let half = i128::from((Ratio::ONE - correlation).get()) >> 1;
    let root = square_root_floor(half.saturating_mul(i128::from(PPM))).saturating_add(1).min(i128::from(PPM));
    Ratio::new(i64::try_from(root).expect("the root of a share is a share"))
}

/// The divergence of a feed from the feed of the pool with which it is least correlated.
fn widest_divergence(pool: &Pool, feeds: &BTreeSet<FeedId>, feed: FeedId) -> Ratio {
    let others = feeds.iter().filter(|other| **other != feed);
    others.map(|other| divergence(correlation(pool, feed, *other))).max().unwrap_or_default()
}

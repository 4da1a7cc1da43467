//! Decides whether the watch ever overlooks an account: on random and hostile books and markets, what it names always contains
//! every account that the definition finds in breach, and the full scan finds exactly those. R9.2, R9.3
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::integer_division,
    clippy::disallowed_types,
    missing_docs,
    unreachable_pub,
    reason = "a test may compute and fail as it likes"
)]

#[path = "properties/world.rs"]
mod world;

use clearing::command::Key;
use clearing::doubt::Doubt;
use clearing::exit_cost::ExitCosts;
use clearing::margin;
use clearing::parameters::Tier;
use clearing::rows::{Matrices, Rows, Scenario};
use clearing::state::{Account, Instrument, Pool, Position, Standing};
use clearing::table::{AccountId, InstrumentId};
use clearing::units::{MAX_PRICE, MAX_QUANTITY, Money, Price, Quantity, Ratio, Time};
use clearing::watch;
use std::collections::BTreeSet;
use world::{Dice, perpetual, pool_parameters};

/// A market of one pool, moved by hand.
struct Market {
    pool: Pool,
    dice: Dice,
    marks: Vec<i64>,
    /// Shocks of rows, parts per million, by instrument and row.
    shocks: Vec<Vec<i64>>,
    doubts: Vec<Doubt>,
    /// Instruments of the same feed as their predecessor, at the same prices: what hedges are made of.
    twins: Vec<bool>,
}

/// What a book is like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Plain,
    AtTheEdge,
    OneInstrument,
    Huge,
    Negative,
}

impl Market {
    fn new(seed: u64, kind: Kind, accounts: usize) -> Self {
        let mut dice = Dice(seed);
        let mut pool = Pool::new("pool".into(), Key::default(), pool_parameters(), Time::new(1_000));
        let instruments = if kind == Kind::OneInstrument { 1 } else { dice.between(1, 12) as usize };
        // With few rows margins are small, and doubt is larger than they are.
        let rows = if dice.one_in(3) { 1 } else { dice.between(1, 40) as usize };
        let mut market = Self {
            pool: pool.clone(),
            dice,
            marks: Vec::new(),
            shocks: Vec::new(),
            doubts: Vec::new(),
            twins: Vec::new(),
        };
        for at in 0..instruments {
            let is_twin = at > 0 && market.dice.one_in(2);
            market.twins.push(is_twin);
            let feed = market.twins.iter().filter(|is_twin| !**is_twin).count() as u16;
            let mut parameters = perpetual(feed);
            parameters.exit_cost = market.tiers();
            parameters.negative_prices = kind == Kind::Negative;
            pool.instruments.push(Instrument::new(format!("I{at}"), parameters, Time::new(0)));
            market.marks.push(match kind {
                Kind::Huge => MAX_PRICE,
                Kind::Negative => market.dice.between(-1_000_000, 1_000_000),
                _ => market.dice.between(1, 1 << 30),
            });
            let mut shocks: Vec<i64> = (0..rows).map(|_| market.dice.between(-200_000, 200_000)).collect();
            shocks[0] = 0;
            market.shocks.push(shocks);
            market.doubts.push(Doubt { share: Ratio::ONE, is_limited: true, ..Doubt::default() });
        }
        market.pool = pool;
        market.align_twins();
        market.price();
        for _ in 0..accounts {
            let id = market.pool.accounts.push(Account::new(Key::default()));
            market.deal(id, kind);
        }
        market
    }

    fn tiers(&mut self) -> Vec<Tier> {
        let mut rate = self.dice.between(0, 20_000);
        let mut from = 0;
        let mut tiers = Vec::new();
        for _ in 0..self.dice.between(1, 4) {
            tiers.push(Tier { from: Quantity::new(from), rate: Ratio::new(rate) });
            from += self.dice.between(1, 1 << self.dice.clone().between(1, 30));
            rate += self.dice.between(0, 50_000);
        }
        tiers
    }

    /// Twins have the price, the rows and the feed's part of the doubt of their predecessor; their premium and share are their own.
    fn align_twins(&mut self) {
        for at in (1..self.marks.len()).filter(|at| self.twins[*at]).collect::<Vec<_>>() {
            self.marks[at] = self.marks[at - 1];
            self.shocks[at] = self.shocks[at - 1].clone();
            let first = self.doubts[at - 1];
            self.doubts[at].shared = first.shared;
            self.doubts[at].is_limited = first.is_limited;
        }
        self.doubts.iter_mut().for_each(|doubt| doubt.least_shared = doubt.shared);
    }

    /// What is doubtful now: the feed's band, a book's premium, the share of a future that settles, and whether the feed is sure.
    fn doubt(&mut self, at: usize) {
        let part = self.marks[at].abs() / 1_000_000;
        let doubt = &mut self.doubts[at];
        match self.dice.between(0, 5) {
            0 => doubt.is_limited = !doubt.is_limited,
            1 => doubt.share = Ratio::new(self.dice.pick(&[0, 1, 300_000, 999_999, 1_000_000, 1_000_000])),
            2 => doubt.own = Price::new(part * self.dice.between(0, 10_000)),
            3 => (doubt.shared, doubt.own) = (Price::ZERO, Price::ZERO),
            _ => doubt.shared = Price::new(part * self.dice.pick(&[0, 1_000, 10_000, 100_000])),
        }
    }

    /// Builds the matrices from marks and shocks.
    fn price(&mut self) {
        let row = |mark: i64, shock: i64| mark + (i128::from(mark.abs()) * i128::from(shock) / 1_000_000) as i64;
        let column =
            |(mark, shocks): (&i64, &Vec<i64>)| shocks.iter().map(|shock| Price::new(row(*mark, *shock))).collect();
        let rows = self.shocks[0].len();
        let maintenance = Rows {
            scenarios: (0..rows).map(|at| Scenario::Named(at as u16)).collect(),
            columns: self.marks.iter().zip(&self.shocks).map(column).collect(),
        };
        let today: Vec<Price> = self.marks.iter().map(|mark| Price::new(*mark)).collect();
        self.pool.matrices = Matrices {
            exit_costs: ExitCosts::of(&self.pool.instruments, &today),
            today,
            doubts: self.doubts.clone(),
            maintenance,
            ..Matrices::default()
        };
    }

    /// Gives an account a new vector, often one that is about to breach.
    fn deal(&mut self, id: AccountId, kind: Kind) {
        let instruments = self.marks.len();
        let most = instruments.min(self.dice.pick(&[0, 1, 2, 4, 4, 8]));
        let mut held: BTreeSet<usize> = BTreeSet::new();
        while held.len() < most {
            held.insert(self.dice.between(0, instruments as i64 - 1) as usize);
        }
        let largest = if kind == Kind::Huge { MAX_QUANTITY } else { 1 << self.dice.clone().between(1, 24) };
        let mut positions: Vec<Position> = held
            .into_iter()
            .map(|at| {
                let lots = if kind == Kind::Huge { largest } else { self.dice.between(1, largest) };
                let signed = if self.dice.one_in(2) { lots } else { -lots };
                Position { instrument: InstrumentId(at as u16), quantity: Quantity::new(signed), entry: Money::ZERO }
            })
            .collect();
        if self.dice.one_in(2) {
            self.hedge(&mut positions);
        }
        let doubt = margin::doubt_in_favour(&self.pool, Money::ZERO, &positions);
        let edge = -(margin::maintenance_worst(&self.pool, Money::ZERO, &positions).value + doubt);
        let spare = match kind {
            Kind::AtTheEdge | Kind::Huge => self.dice.between(-1, 1).into(),
            _ => edge.get().abs() / 100 * i128::from(self.dice.between(-2, 60)),
        };
        let account = self.pool.accounts.edit(id);
        account.cash = edge + Money::new(spare);
        account.positions = positions;
    }

    /// Turns positions in twins into hedges of their predecessors, most of them perfect.
    fn hedge(&mut self, positions: &mut [Position]) {
        for at in 1..positions.len() {
            let before = positions[at - 1].clone();
            let follows = positions[at].instrument.0 == before.instrument.0 + 1;
            if follows && self.twins[usize::from(positions[at].instrument.0)] {
                let spare = if self.dice.one_in(3) { self.dice.between(-1, 3) } else { 0 };
                let lots = (before.quantity.get().abs() - spare).clamp(1, MAX_QUANTITY);
                positions[at].quantity = Quantity::new(-before.quantity.get().signum() * lots);
            }
        }
    }

    /// One block: the market moves a little, jumps, trembles or changes its shape, and some accounts trade.
    fn step(&mut self, kind: Kind) {
        let width = self.dice.pick(&[500, 500, 500, 5_000, 20_000, 300_000]);
        let everywhere = self.dice.one_in(3);
        for at in 0..self.marks.len() {
            if everywhere || self.dice.one_in(4) {
                let move_ppm = self.dice.between(-width, width);
                let moved = self.marks[at]
                    + (i128::from(self.marks[at].abs().max(100)) * i128::from(move_ppm) / 1_000_000) as i64;
                let lowest = if kind == Kind::Negative { -MAX_PRICE } else { 1 };
                self.marks[at] = moved.clamp(lowest, MAX_PRICE);
            }
            if self.dice.one_in(10) {
                self.doubt(at);
            }
            if self.dice.one_in(10) {
                let scale = self.dice.between(90, 115);
                self.shocks[at].iter_mut().for_each(|shock| *shock = (*shock * scale / 100).clamp(-900_000, 900_000));
            }
        }
        if self.dice.one_in(60) {
            self.shocks.iter_mut().for_each(|shocks| shocks.push(-150_000));
            self.shocks.iter_mut().for_each(|shocks| shocks.truncate(64));
        }
        if self.dice.one_in(60) {
            let tiers = self.tiers();
            self.pool.instruments[InstrumentId(0)].parameters.exit_cost = tiers;
        }
        self.align_twins();
        self.price();
        for _ in 0..self.dice.between(0, 6) {
            let id = AccountId(self.dice.between(1, self.pool.accounts.len() as i64 - 1) as u32);
            self.deal(id, kind);
            let standing =
                self.dice.pick(&[Standing::Good, Standing::Good, Standing::Closed, Standing::Liquidating { since: 1 }]);
            self.pool.accounts.edit(id).standing = standing;
        }
        if self.dice.one_in(20) {
            let id = self.pool.accounts.push(Account::new(Key::default()));
            self.deal(id, kind);
        }
    }

    /// The definition, account by account.
    fn in_breach(&self) -> Vec<AccountId> {
        let breaches = |account: &Account| margin::breaches(&self.pool, account.cash, &account.positions);
        self.pool.accounts.iter().filter(|(_, account)| breaches(account)).map(|(id, _)| id).collect()
    }

    /// Compares what the watch and the full scan say with the definition; answers how many accounts were in breach.
    fn compare(&mut self) -> usize {
        self.pool.catch_up();
        let mut watch = std::mem::take(&mut self.pool.watch);
        let near: BTreeSet<AccountId> = watch.near(&self.pool).into_iter().collect();
        self.pool.watch = watch;
        let in_breach = self.in_breach();
        assert_eq!(watch::full_scan(&self.pool), in_breach);
        for id in &in_breach {
            let closed = self.pool.accounts[*id].standing == Standing::Closed;
            assert!(closed || near.contains(id), "account {id} breaches and was overlooked");
        }
        let liquidating = |account: &Account| matches!(account.standing, Standing::Liquidating { .. });
        for (id, account) in self.pool.accounts.iter() {
            assert!(!liquidating(account) || near.contains(&id), "account {id} is being liquidated and was overlooked");
        }
        in_breach.len()
    }
}

/// Account-blocks and breaches of one walk.
fn walk(seed: u64, kind: Kind, accounts: usize, blocks: usize) -> (usize, usize, usize) {
    let mut market = Market::new(seed, kind, accounts);
    let (mut judged, mut found, mut looked_at) = (0, 0, 0);
    for _ in 0..blocks {
        found += market.compare();
        judged += market.pool.accounts.len();
        looked_at += market.pool.watch.looked_at();
        market.step(kind);
    }
    (judged, found, looked_at)
}

// R9.2, R9.3
#[test]
fn nobody_is_overlooked_in_a_million_account_blocks() {
    let (mut judged, mut found, mut looked_at) = (0, 0, 0);
    for seed in 0..20 {
        let walked = walk(seed, Kind::Plain, 500, 100);
        (judged, found, looked_at) = (judged + walked.0, found + walked.1, looked_at + walked.2);
    }
    assert!(judged >= 1_000_000, "{judged} account-blocks");
    assert!(found > 10_000 && found < judged / 2, "{found} breaches in {judged}: a walk without either proves nothing");
    assert!(looked_at < judged / 2, "{looked_at} of {judged} were looked at: the distances are of no use");
}

// R9.2, R9.3
#[test]
fn nobody_is_overlooked_in_hostile_books() {
    for kind in [Kind::AtTheEdge, Kind::OneInstrument, Kind::Huge, Kind::Negative] {
        for seed in 0..6 {
            let (_, found, _) = walk(seed, kind, 120, 60);
            assert!(found > 0, "{kind:?}, seed {seed}: nobody breached");
        }
    }
}

// R9.3: enough accounts for several cores, where the core was built for them.
#[test]
fn a_scan_on_several_cores_finds_the_same() {
    walk(7, Kind::Plain, 9_000, 4);
}

// R9.3: in a calm market a block looks at few accounts, however many there are.
#[test]
fn a_calm_block_looks_at_few() {
    let mut market = Market::new(3, Kind::Plain, 4_000);
    market.compare();
    let mut spare = 0;
    for _ in 0..20 {
        market.marks.iter_mut().for_each(|mark| *mark += (*mark).min(1 << 40) / 4_000);
        market.price();
        let in_breach = market.compare();
        spare += market.pool.watch.looked_at() - in_breach;
    }
    assert!(spare < 20 * 4_000 / 4, "{spare} times a sound account was looked at, of 80,000");
}

//! A historic crash, cleared: the recorded market, a drawn population, and the engine in between.

pub(crate) mod keys;
pub mod convert;
pub mod rules;
mod publishers;
mod world;
mod actors;
pub(crate) mod judge;
mod tally;
mod systemic;

use crate::block_log::BlockLogWriter;
use crate::outcome::{Outcome, Series};
use crate::plan::Plan;
use crate::population::{Liquidity, Population, PopulationError};
use crate::tape::{Recording, Tape};
use clearing::command::{Block, Rejection};
use clearing::engine::Genesis;
use clearing::event::Receipt;
use clearing::units::Time;
use judge::Judge;
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Instant;
use systemic::Systemic;
use tally::{RunFacts, Tally};
use world::World;

/// The oldest print that counts as what an honest venue trades at, seconds.
pub const HONEST_AGE_S: usize = 300;

/// Where the blocks of a run go.
pub trait Record {
    /// The run begins.
    fn genesis(&mut self, genesis: &Genesis, root: &[u8; 32]);
    /// A block was applied.
    fn block(&mut self, block: &Block, receipt: &Receipt);
}

impl<W: Write> Record for BlockLogWriter<W> {
    fn genesis(&mut self, genesis: &Genesis, root: &[u8; 32]) {
        BlockLogWriter::genesis(self, genesis, root);
    }

    fn block(&mut self, block: &Block, receipt: &Receipt) {
        BlockLogWriter::block(self, block, receipt);
    }
}

/// Where a run stands.
pub struct Progress<'a> {
    /// The second that was just cleared, from the start of the window.
    pub second: usize,
    /// The seconds of the window.
    pub seconds: usize,
    /// The simulated time, unix milliseconds UTC.
    pub time_ms: i64,
    /// The index of the first symbol of the plan, USD.
    pub price_usd: f64,
    /// Its symbol.
    pub symbol: &'a str,
    /// Accounts liquidated so far.
    pub liquidated: usize,
}

/// Why a drill cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The recording lacks a symbol of the plan.
    #[error(
        "{symbol}: found no prices in the recording before the first second, allowed: at least three independent venues"
    )]
    NoPrices {
        /// The symbol.
        symbol: String,
    },
    /// The population cannot be drawn.
    #[error(transparent)]
    Population(#[from] PopulationError),
    /// The core refuses the positions that the population starts with.
    #[error(
        "{trades} trades that strike the population's positions are refused before the first second; the first: {first:?}"
    )]
    NotStruck {
        /// How many.
        trades: usize,
        /// The first reason.
        first: Rejection,
    },
    /// Whoever followed the run had seen enough.
    #[error("stopped before the end")]
    Stopped,
}

/// A drill with its recorded market.
pub struct Drill<'a> {
    /// The description.
    pub plan: &'a Plan,
    /// The recorded market.
    pub recording: &'a Recording,
    /// Whether the figures of R14 are taken, once a minute: what a report shows. They change nothing and take time.
    pub systemic: bool,
}

/// What both rule sets of a run share: the market as it printed, and who trades.
pub struct Setting {
    /// The market, second by second.
    pub tape: Tape,
    /// The members.
    pub population: Population,
    /// What honest venues traded at, each second, by symbol.
    pub honest: BTreeMap<String, Vec<f64>>,
}

impl Drill<'_> {
    /// Draws the market's path between its observations and the population, for one seed.
    ///
    /// # Errors
    /// [`DrillError`] if a symbol has no prices or the plan is contradictory.
    pub fn setting(&self, accounts: usize, seed: u64) -> Result<Setting, DrillError> {
        let tape = Tape::new(self.recording, seed);
        let mut honest = BTreeMap::new();
        let mut prices = BTreeMap::new();
        for listed in &self.plan.instruments {
            let missing = || DrillError::NoPrices { symbol: listed.symbol.clone() };
            let path = tape.honest_median(&listed.symbol, HONEST_AGE_S);
            let first = path.iter().copied().find(|price| price.is_finite()).ok_or_else(missing)?;
            prices.insert(listed.symbol.clone(), first);
            honest.insert(listed.symbol.clone(), path);
        }
        let ratios = self.margin_ratios(&tape, &prices, seed)?;
        let population = Population::generate(self.plan, &prices, &ratios, accounts, seed)?;
        Ok(Setting { tape, population, honest })
    }

    /// The initial margin that the core asks of each symbol once the plan's open interest is there: read off an engine in
    /// which a small population with little leverage holds it.
    fn margin_ratios(
        &self,
        tape: &Tape,
        prices: &BTreeMap<String, f64>,
        seed: u64,
    ) -> Result<BTreeMap<String, f64>, DrillError> {
        const FEW: usize = 200;
        let cautious = self.plan.instruments.iter().map(|listed| (listed.symbol.clone(), 1.0)).collect();
        let population = Population::generate(self.plan, prices, &cautious, FEW, seed)?;
        let mut world = World::new(self.plan, tape, &population, prices, None);
        world.populate(&population)?;
        Ok(world.initial_margin_ratios())
    }

    /// Clears the drill with the core; whoever follows its progress may stop it.
    ///
    /// # Errors
    /// [`DrillError::NotStruck`] if the core refuses what the population starts with, [`DrillError::Stopped`].
    pub fn run<'a>(
        &'a self,
        setting: &'a Setting,
        seed: u64,
        recorder: Option<&'a mut dyn Record>,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<(Outcome, Series), DrillError> {
        let begun = Instant::now();
        let prices = setting.honest.iter().map(|(symbol, path)| (symbol.clone(), first(path))).collect();
        let mut world = World::new(self.plan, &setting.tape, &setting.population, &prices, recorder);
        world.populate(&setting.population)?;
        let liquidity = Liquidity::new(self.plan, &setting.tape);
        let mut judge = Judge::new(&world);
        let mut tally = Tally::new(&world);
        let mut systemic = self.systemic.then(Systemic::default);
        for second in 0..setting.tape.seconds {
            let time = Time::new(setting.tape.start_ms + second as i64 * 1_000);
            let mut commands = world.publish(second, time);
            commands.extend(actors::act(&world, &setting.population, &liquidity, &setting.honest, second));
            let started = Instant::now();
            let receipt = world.apply(time, commands);
            let apply_us = started.elapsed().as_secs_f64() * 1e6;
            judge.judge(&world, &setting.honest, second, &receipt.events);
            tally.count(&world, second, &receipt, apply_us);
            if let Some(systemic) = &mut systemic {
                systemic.follow(&world.engine, second, &receipt);
            }
            if second == self.plan.window.focus_from_s.midpoint(self.plan.window.focus_until_s) {
                tally.snapshot_equity(&world, "low");
            }
            if progress(&self.progress(&world, &tally, second, setting.tape.seconds)).is_break() {
                return Err(DrillError::Stopped);
            }
        }
        let facts = RunFacts { seed, elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX) };
        let (outcome, mut series) = tally.finish(&world, &judge, &facts);
        series.systemic = systemic.map(|systemic| systemic.finish(setting.tape.seconds, seed));
        Ok((outcome, series))
    }

    fn progress<'s>(&'s self, world: &World, tally: &Tally, second: usize, seconds: usize) -> Progress<'s> {
        let symbol = &self.plan.instruments[0].symbol;
        let index = world.engine.state().feeds[world.feeds[symbol]].index;
        Progress {
            second,
            seconds,
            time_ms: world.engine.state().time.get(),
            price_usd: convert::usd_a_unit(index, world.lot_size(symbol)),
            symbol,
            liquidated: tally.liquidated_so_far(),
        }
    }
}

fn first(path: &[f64]) -> f64 {
    path.iter().copied().find(|price| price.is_finite()).unwrap_or(1.0)
}

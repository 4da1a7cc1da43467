//! The simulated market: what is listed, at which prices of the recorded day, and who publishes them.

use super::keys::Actor;
use crate::failure::Failure;
use clearing::command::{Capital, Command};
use clearing::engine::Genesis;
use clearing::parameters::{InstrumentParameters, Kind, PublisherParameters};
use clearing::table::{FeedId, PoolId};
use clearing::units::{Price, Time};
use lab::catalogue::Exhibit;
use lab::drill::convert::{money, price};
use lab::drill::rules;
use lab::plan::Plan;
use lab::tape::Tape;
use node::api::About;
use node::system::{Network, SYSTEM_VERSION};
use protocol::decimal::Places;
use std::collections::BTreeMap;

const EXHIBIT: &str = "october-2025";
/// The chain of wallets on a development machine.
const CHAIN: u64 = 31_337;
/// The pool that is opened: the drill's large coins.
const POOL: usize = 0;
/// Where the replay begins, from the start of the recording: half an hour before the fall.
const FIRST_SECOND: usize = 2_700;
/// Notional that the market is sized for, USD.
const NOTIONAL: f64 = 20_000_000.0;
const FUND: f64 = 400_000.0;
/// The dated future settles a week after the network's beginning.
const WEEK: Time = Time::new(7 * 24 * 3_600_000);
const SETTLEMENT_WINDOW: Time = Time::new(30 * 60_000);
/// Confidence of a publisher, as a share of its price.
const CONFIDENCE: f64 = 0.0003;

/// A symbol, its lot, and the publishers of its feed.
pub(super) struct Listed {
    pub(super) symbol: String,
    pub(super) lot_size: f64,
    pub(super) publishers: Vec<Actor>,
}

/// The recorded day and everybody with an office.
pub(super) struct Market {
    plan: Plan,
    tape: Tape,
    pub(super) seed: u64,
    pub(super) governance: Actor,
    pub(super) custodian: Actor,
    pub(super) listed: Vec<Listed>,
}

impl Market {
    pub(super) fn new(seed: u64) -> Result<Self, Failure> {
        let exhibit = Exhibit::find(EXHIBIT).ok_or_else(|| Failure::data(format!("{EXHIBIT}: no such drill")))?;
        let plan = exhibit.plan().map_err(Failure::data)?;
        let recording = exhibit.recording(&plan, None).map_err(Failure::data)?;
        let tape = Tape::new(&recording, seed);
        let planned = plan.pools.get(POOL).ok_or_else(|| Failure::data("the drill has no pool"))?;
        let listed = planned.symbols.iter().filter_map(|symbol| {
            let venues = &tape.asset(symbol)?.venues;
            let publishers = venues.iter().map(|venue| Actor::named(&format!("{}/{symbol}", venue.venue))).collect();
            Some(Listed { symbol: symbol.clone(), lot_size: plan.instrument(symbol)?.lot_size, publishers })
        });
        let listed = listed.collect();
        let (governance, custodian) = (Actor::named("governance"), Actor::named("custodian"));
        Ok(Self { plan, tape, seed, governance, custodian, listed })
    }

    pub(super) fn network(&self) -> Network {
        let core = Genesis { time: Time::ZERO, governance: self.governance.key(), custodian: self.custodian.key() };
        Network { version: SYSTEM_VERSION, chain_id: CHAIN, core }
    }

    pub(super) fn about(&self) -> About {
        let places = self.listed.iter().map(|listed| (listed.symbol.clone(), places_of(listed.lot_size)));
        let mut names = BTreeMap::new();
        for listed in &self.listed {
            let venues = self.tape.asset(&listed.symbol).map(|asset| &asset.venues);
            for (publisher, venue) in listed.publishers.iter().zip(venues.into_iter().flatten()) {
                names.insert(publisher.key(), venue.venue.clone());
            }
        }
        About { is_dev: true, places: Places::new(places), names }
    }

    /// Everything that governance and the custodian do before anybody trades, each with whether governance does it.
    pub(super) fn setup(&self, now: Time) -> Vec<(bool, Command)> {
        let mut commands: Vec<(bool, Command)> = Vec::new();
        for listed in &self.listed {
            let venues = self.tape.asset(&listed.symbol).map(|asset| asset.venues.as_slice()).unwrap_or_default();
            let mut sources: BTreeMap<&str, u16> = BTreeMap::new();
            let publishers = listed.publishers.iter().zip(venues).map(|(publisher, venue)| {
                let next = u16::try_from(sources.len()).unwrap_or(u16::MAX);
                let source = *sources.entry(venue.group.as_str()).or_insert(next);
                PublisherParameters { key: publisher.key(), weight: 100, source }
            });
            let volatility = self.plan.instrument(&listed.symbol).map_or(0.04, |plan| plan.long_run_volatility_a_day);
            let parameters = rules::feed(&self.plan, publishers.collect(), volatility);
            commands.push((true, Command::ListFeed { name: listed.symbol.clone(), parameters }));
        }
        let mut planned = self.plan.pools[POOL].clone();
        planned.fund_usd = FUND;
        let mut parameters = rules::pool(&self.plan, &planned);
        parameters.venues = Vec::new();
        commands.push((true, Command::OpenPool { name: planned.name.clone(), parameters }));
        let pool = PoolId(0);
        for (name, parameters) in self.instruments(now) {
            commands.push((true, Command::ListInstrument { pool, name, parameters }));
        }
        for (capital, usd) in [(Capital::Fund, FUND), (Capital::OwnCapital, FUND / 10.0)] {
            commands.push((false, Command::Capitalise { pool, capital, amount: money(usd) }));
        }
        commands.push((false, Command::FundReserve { amount: money(FUND) }));
        commands.push((true, Command::SetLine { pool, cap: money(FUND / 2.0) }));
        commands
    }

    /// A perpetual for each symbol, and a dated future on the first.
    fn instruments(&self, now: Time) -> Vec<(String, InstrumentParameters)> {
        let share = NOTIONAL / self.listed.len() as f64;
        let perpetual = |(at, listed): (usize, &Listed)| {
            let planned = self.plan.instrument(&listed.symbol)?;
            let feed = FeedId(u16::try_from(at).ok()?);
            let price = self.price(&listed.symbol, 0)?;
            let parameters = rules::perpetual(&self.plan, planned, feed, share, price);
            Some((format!("{}-PERP", listed.symbol), parameters))
        };
        let mut all: Vec<_> = self.listed.iter().enumerate().filter_map(perpetual).collect();
        if let Some((name, parameters)) = all.first().cloned() {
            let kind = Kind::Dated {
                expiry: now + WEEK,
                settlement_window: SETTLEMENT_WINDOW,
                basis_a_day: clearing::units::Ratio::ZERO,
            };
            all.push((name.replace("PERP", "WEEK"), InstrumentParameters { kind, ..parameters }));
        }
        all
    }

    /// What publishers say so many seconds into the replay, which starts again at its end.
    pub(super) fn observations(&mut self, elapsed: usize, now: Time) -> Vec<(usize, usize, Command)> {
        let second = self.second(elapsed);
        let mut said = Vec::new();
        for (feed, listed) in self.listed.iter().enumerate() {
            let venues = self.tape.asset(&listed.symbol).map(|asset| asset.venues.as_slice()).unwrap_or_default();
            for (at, venue) in venues.iter().enumerate() {
                // The last print of the half hour before: a venue without trades still shows quotes.
                let window = venue.prints.get(second.saturating_sub(1_800)..=second).unwrap_or_default();
                let Some(usd) = window.iter().rev().copied().flatten().next() else { continue };
                let command = Command::Observe {
                    feed: FeedId(feed as u16),
                    price: price(usd, listed.lot_size).max(Price::new(1)),
                    confidence: price(usd * CONFIDENCE, listed.lot_size).max(Price::new(1)),
                    published_at: now,
                    transfers_suspended: false,
                };
                said.push((feed, at, command));
            }
        }
        said
    }

    /// The median of what venues printed last, USD a unit.
    pub(super) fn price(&self, symbol: &str, elapsed: usize) -> Option<f64> {
        let second = self.second(elapsed);
        let prints = self.tape.asset(symbol)?.last_prints_at(second);
        let mut prices: Vec<f64> = prints.iter().map(|print| print.price).collect();
        prices.sort_by(f64::total_cmp);
        prices.get(prices.len() / 2).copied()
    }

    fn second(&self, elapsed: usize) -> usize {
        FIRST_SECOND + elapsed % (self.tape.seconds - FIRST_SECOND).max(1)
    }
}

/// A lot of 0.001 has three places.
fn places_of(lot_size: f64) -> u8 {
    (0..=12).find(|places| (lot_size * 10_f64.powi(i32::from(*places)) - 1.0).abs() < 1e-9).unwrap_or(0)
}

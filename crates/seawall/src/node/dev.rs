//! The simulated market: what is listed, at which prices of the recorded day, and who publishes them.

use super::day::{Day, Depth};
use super::keys::Actor;
use crate::failure::Failure;
use clearing::command::{Capital, Command};
use clearing::engine::Genesis;
use clearing::parameters::{InstrumentParameters, Kind, PublisherParameters};
use clearing::table::{FeedId, PoolId};
use clearing::units::{Money, Price, Time};
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
/// The steepest minutes of the fall, from the start of the recording: 21:13 UTC.
const FALL_SECOND: usize = 4_380;
/// How long before them the replay begins: so many recorded seconds, and at a higher speed so many real ones.
const CALM_S: usize = 240;
const CALM_REAL_S: usize = 30;
/// Notional that the market is sized for, USD.
const NOTIONAL: f64 = 20_000_000.0;
const FUND: f64 = 400_000.0;
/// The dated future settles a week after the network's beginning.
const WEEK: Time = Time::new(7 * 24 * 3_600_000);
const SETTLEMENT_WINDOW: Time = Time::new(30 * 60_000);
/// Confidence of a fresh print, as a share of the price, and what the square root of its age in seconds adds; the drill's.
const FRESH_CONFIDENCE: f64 = 0.0002;
const AGING_CONFIDENCE: f64 = 0.0003;
/// A publisher repeats a price that has not changed after this many seconds, so that it stays fresh; the drill's.
const HEARTBEAT_S: usize = 5;

/// A symbol, its lot, and the publishers of its feed.
pub(super) struct Listed {
    pub(super) symbol: String,
    pub(super) lot_size: f64,
    pub(super) publishers: Vec<Actor>,
    /// When each of them spoke last, in seconds of the replay.
    spoke: Vec<Option<usize>>,
}

/// What trades now: at which price, and how deep.
pub(super) struct Scene {
    pub(super) usd: f64,
    pub(super) depth: Depth,
}

/// The recorded day and everybody with an office.
pub(super) struct Market {
    plan: Plan,
    pub(super) day: Day,
    pub(super) seed: u64,
    pub(super) governance: Actor,
    pub(super) custodian: Actor,
    pub(super) listed: Vec<Listed>,
}

impl Market {
    /// A market whose replay begins at a time of the recorded day (seconds since midnight UTC), or shortly before the fall.
    pub(super) fn new(seed: u64, speed: usize, from: Option<usize>) -> Result<Self, Failure> {
        let exhibit = Exhibit::find(EXHIBIT).ok_or_else(|| Failure::data(format!("{EXHIBIT}: no such drill")))?;
        let plan = exhibit.plan().map_err(Failure::data)?;
        let recording = exhibit.recording(&plan, None).map_err(Failure::data)?;
        let tape = Tape::new(&recording, seed);
        let planned = plan.pools.get(POOL).ok_or_else(|| Failure::data("the drill has no pool"))?;
        let listed = planned.symbols.iter().filter_map(|symbol| {
            let venues = &tape.asset(symbol)?.venues;
            let publishers = venues.iter().map(|venue| Actor::named(&format!("{}/{symbol}", venue.venue))).collect();
            let (lot_size, spoke) = (plan.instrument(symbol)?.lot_size, vec![None; venues.len()]);
            Some(Listed { symbol: symbol.clone(), lot_size, publishers, spoke })
        });
        let listed = listed.collect();
        let from = match from {
            None => FALL_SECOND.saturating_sub(CALM_S.max(CALM_REAL_S * speed)),
            Some(of_day) => second_of(&tape, of_day)?,
        };
        let day = Day::new(&plan, tape, from);
        let (governance, custodian) = (Actor::named("governance"), Actor::named("custodian"));
        Ok(Self { plan, day, seed, governance, custodian, listed })
    }

    pub(super) fn network(&self) -> Network {
        let core = Genesis { time: Time::ZERO, governance: self.governance.key(), custodian: self.custodian.key() };
        Network { version: SYSTEM_VERSION, chain_id: CHAIN, core }
    }

    pub(super) fn about(&self) -> About {
        let places = self.listed.iter().map(|listed| (listed.symbol.clone(), places_of(listed.lot_size)));
        let mut names = BTreeMap::new();
        for listed in &self.listed {
            let venues = self.day.tape.asset(&listed.symbol).map(|asset| &asset.venues);
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
            let venues = self.day.tape.asset(&listed.symbol).map(|asset| asset.venues.as_slice()).unwrap_or_default();
            let mut sources: BTreeMap<&str, u16> = BTreeMap::new();
            let publishers = listed.publishers.iter().zip(venues).map(|(publisher, venue)| {
                let next = u16::try_from(sources.len()).unwrap_or(u16::MAX);
                let source = *sources.entry(venue.group.as_str()).or_insert(next);
                PublisherParameters { key: publisher.key(), weight: weight_of(&venue.venue), source }
            });
            let volatility = self.plan.instrument(&listed.symbol).map_or(0.04, |plan| plan.long_run_volatility_a_day);
            let parameters = rules::feed(&self.plan.core, publishers.collect(), volatility);
            commands.push((true, Command::ListFeed { name: listed.symbol.clone(), parameters }));
        }
        let mut planned = self.plan.pools[POOL].clone();
        planned.fund_usd = FUND;
        let mut parameters = rules::pool(&self.plan.core, planned.fund_usd);
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
            let price = self.day.price(&listed.symbol, 0)?;
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

    /// What publishers say so many seconds into the replay: each feed's and publisher's place, and its word. Like in the drill, whoever
    /// has seen a new trade says so, and the others repeat themselves now and then, less and less sure.
    pub(super) fn observations(&mut self, elapsed_s: usize, now: Time) -> Vec<(usize, usize, Command)> {
        let mut said = Vec::new();
        for (feed, listed) in self.listed.iter_mut().enumerate() {
            let venues = self.day.tape.asset(&listed.symbol).map(|asset| asset.venues.as_slice()).unwrap_or_default();
            for (at, (venue, spoke)) in venues.iter().zip(&mut listed.spoke).enumerate() {
                let Some(print) = self.day.print(venue, elapsed_s) else { continue };
                let quiet_s = spoke.map_or(usize::MAX, |spoke| elapsed_s.saturating_sub(spoke));
                if print.age_s >= quiet_s && quiet_s < HEARTBEAT_S {
                    continue;
                }
                *spoke = Some(elapsed_s);
                let confidence = print.usd * (FRESH_CONFIDENCE + AGING_CONFIDENCE * (print.age_s as f64).sqrt());
                let command = Command::Observe {
                    feed: FeedId(feed as u16),
                    price: price(print.usd, listed.lot_size).max(Price::new(1)),
                    confidence: price(confidence, listed.lot_size).max(Price::new(1)),
                    published_at: now,
                    transfers_suspended: false,
                };
                said.push((feed, at, command));
            }
        }
        said
    }

    /// What trades so many seconds into the replay, symbol by symbol; none where no venue says anything.
    pub(super) fn scenes(&self, elapsed_s: usize) -> Vec<Option<Scene>> {
        let scene = |listed: &Listed| {
            let calm = self.plan.instrument(&listed.symbol)?.calm_depth_usd_1pct;
            let usd = self.day.price(&listed.symbol, elapsed_s)?;
            Some(Scene { usd, depth: self.day.depth(&listed.symbol, calm, elapsed_s)? })
        };
        self.listed.iter().map(scene).collect()
    }

    /// What is paid in again when a new day begins: the fund and the own capital, as far as losses took them.
    pub(super) fn refill(&self, fund: Money, own_capital: Money) -> Vec<Command> {
        let missing = [(Capital::Fund, FUND, fund), (Capital::OwnCapital, FUND / 10.0, own_capital)];
        let missing = missing.map(|(capital, usd, left)| (capital, money(usd) - left));
        let missing = missing.into_iter().filter(|(_, amount)| amount.is_positive());
        missing.map(|(capital, amount)| Command::Capitalise { pool: PoolId(0), capital, amount }).collect()
    }
}

/// The second of a recording in which a time of its day falls.
fn second_of(tape: &Tape, of_day: usize) -> Result<usize, Failure> {
    const DAY_S: i64 = 86_400;
    let start = usize::try_from((tape.start_ms / 1_000).rem_euclid(DAY_S)).unwrap_or(0);
    let recorded = start..start + tape.seconds;
    if !recorded.contains(&of_day) {
        let (found, first, last) = (of_time(of_day), of_time(recorded.start), of_time(recorded.end - 1));
        return Err(Failure::usage(format!(
            "--from: found {found}, allowed {first} to {last} (UTC) of the recorded day"
        )));
    }
    Ok(of_day - start)
}

fn of_time(of_day: usize) -> String {
    format!("{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// Reads a time of day, as seconds since midnight.
pub(super) fn time_of_day(text: &str) -> Result<usize, String> {
    let parts: Option<Vec<usize>> = text
        .split(':')
        .map(|part| part.parse().ok().filter(|_| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())))
        .collect();
    let (hour, minute, second) = match parts.as_deref() {
        Some([hour, minute]) => (*hour, *minute, 0),
        Some([hour, minute, second]) => (*hour, *minute, *second),
        _ => return Err(format!("found {text:?}, allowed HH:MM or HH:MM:SS")),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return Err(format!("found {text}, allowed 00:00:00 to 23:59:59"));
    }
    Ok(hour * 3_600 + minute * 60 + second)
}

/// Gemini trades a small part of what the others do; the drill's assumption.
fn weight_of(venue: &str) -> u32 {
    if venue == "gemini" { 100 } else { 300 }
}

/// A lot of 0.001 has three places.
fn places_of(lot_size: f64) -> u8 {
    (0..=12).find(|places| (lot_size * 10_f64.powi(i32::from(*places)) - 1.0).abs() < 1e-9).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{FALL_SECOND, Market, time_of_day};
    use clearing::units::Time;

    #[test]
    fn a_time_of_day_is_read_and_what_is_none_is_refused() {
        assert_eq!(time_of_day("21:10"), Ok(76_200));
        assert_eq!(time_of_day("23:59:59"), Ok(86_399));
        for bad in [
            "",
            "21",
            "24:00",
            "21:60",
            "21:10:60",
            "+1:00",
            "1:00",
            "21:10:00:00",
            "٢١:١٠",
            "21:1O",
            "999999999999999999999:00",
        ] {
            assert!(time_of_day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_replay_begins_inside_the_recording_or_not_at_all() {
        for good in ["20:00:00", "22:59:59"] {
            assert!(Market::new(1, 1, time_of_day(good).ok()).is_ok(), "{good}");
        }
        for bad in ["19:59:59", "23:00:00"] {
            let refused = Market::new(1, 1, time_of_day(bad).ok()).map(|_| ()).expect_err(bad);
            assert!(format!("{refused:?}").contains("allowed 20:00:00 to 22:59:59"), "{refused:?}");
        }
    }

    #[test]
    fn publishers_say_what_is_new_and_repeat_the_rest_rarely() {
        let mut market = Market::new(1, 1, None).expect("the recording is carried");
        let everybody = market.observations(0, Time::ZERO).len();
        assert!(everybody >= 9, "at least three venues for each of three symbols: found {everybody}");
        assert_eq!(market.observations(0, Time::ZERO).len(), 0, "nothing has happened since");
        assert!(market.observations(10, Time::ZERO).len() == everybody, "everybody's heart beats");
    }

    #[test]
    fn the_fall_is_where_it_is_said_to_be() {
        let market = Market::new(1, 1, None).expect("the recording is carried");
        let calm = market.day.price("BTC", 0).expect("a price");
        let fallen = (0..1_200).filter_map(|second| market.day.price("BTC", second)).fold(calm, f64::min);
        assert!(fallen < 0.93 * calm, "from {calm} to {fallen} within twenty minutes of {FALL_SECOND}");
    }
}

//! Seawall's margin as the core states it: an engine hears the prices, hour by hour, and is asked what the portfolio needs.

use super::series::{BacktestError, Series};
use crate::drill::convert::{money, price, ratio};
use crate::drill::keys::key_of;
use crate::drill::rules;
use crate::museum::stage::core;
use clearing::Engine;
use clearing::command::{BLOCK_VERSION, Block, Command, Signed};
use clearing::engine::Genesis;
use clearing::margin;
use clearing::parameters::{FeedParameters, InstrumentParameters, Kind, PoolParameters, PublisherParameters, Tier};
use clearing::state::Position;
use clearing::table::{FeedId, InstrumentId, PoolId};
use clearing::units::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY, MAX_RATIO, Money, Price, Quantity, Ratio, Time};

const POOL: PoolId = PoolId(0);
const GOVERNANCE: &str = "governance";
const PUBLISHERS: [&str; 3] = ["publisher 1", "publisher 2", "publisher 3"];
const HOUR: Time = Time::new(3_600_000);
/// Money in the portfolio whose margin is asked, USD, and what a lot costs at first.
const NOTIONAL_USD: f64 = 1e8;
const LOT_USD: f64 = 100.0;
/// The weight of the old variance: as [`super::rules`] has it, so that rules are compared and not settings.
const DECAY: f64 = 0.97;

/// Which of the core's margins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Initial,
    Maintenance,
}

/// Margin of the portfolio and of its opposite for each hour, as shares of notional. The long-run volatility of each feed, its floor, is that
/// of the first `split` hours.
pub(super) fn margins_of_core(series: &Series, which: Which, split: usize) -> Result<Vec<[f64; 2]>, BacktestError> {
    let begins = Time::new(series.times[0] - 2 * HOUR.get());
    let genesis = Genesis { time: begins, governance: key_of(GOVERNANCE), custodian: key_of("custodian") };
    let mut engine = Engine::new(&genesis);
    let lots: Vec<f64> = series.prices.iter().map(|path| LOT_USD / path[0]).collect();
    let refused = |reason: String| BacktestError::Refused { name: series.name.clone(), reason };
    let listed = apply(&mut engine, Time::new(begins.get() + 1), listing(series, split));
    listed.map_err(refused)?;
    let mut margins = Vec::with_capacity(series.returns.len());
    for hour in 0..series.returns.len() {
        // Prices at the beginning of the hour; its return is not known yet.
        let time = Time::new(series.times[hour] - HOUR.get());
        let mut commands = Vec::new();
        for (at, (path, lot)) in series.prices.iter().zip(&lots).enumerate() {
            let seen = price(path[hour], *lot).max(Price::new(1)).min(Price::new(MAX_PRICE - 1));
            let feed = FeedId(u16::try_from(at).expect("a portfolio has few legs"));
            for name in PUBLISHERS {
                let confidence = Price::new(1);
                let said =
                    Command::Observe { feed, price: seen, confidence, published_at: time, transfers_suspended: false };
                commands.push(Signed { signer: key_of(name), command: said });
            }
        }
        apply(&mut engine, time, commands).map_err(refused)?;
        margins.push(ask(&engine, series, &lots, hour, which));
    }
    Ok(margins)
}

/// Applies a block of which nothing may be refused.
fn apply(engine: &mut Engine, time: Time, commands: Vec<Signed>) -> Result<(), String> {
    let block = Block { version: BLOCK_VERSION, height: engine.height() + 1, time, restart: false, commands };
    let receipt = engine.apply(&block);
    receipt.rejections.first().map_or(Ok(()), |(at, rejection)| Err(format!("command {at}: {}", rejection.name())))
}

fn ask(engine: &Engine, series: &Series, lots: &[f64], hour: usize, which: Which) -> [f64; 2] {
    let pool = &engine.state().pools[POOL];
    [1.0, -1.0].map(|side| {
        let leg = |(at, weight): (usize, &f64)| {
            let units = side * weight * NOTIONAL_USD / series.prices[at][hour];
            let quantity = Quantity::new((units / lots[at]).round() as i64);
            let instrument = InstrumentId(u16::try_from(at).expect("a portfolio has few legs"));
            Position { instrument, quantity, entry: pool.matrices.mark(instrument) * quantity }
        };
        let positions: Vec<Position> = series.weights.iter().enumerate().map(leg).collect();
        let cash = -positions.iter().map(|position| position.entry).sum::<Money>();
        let needed = match which {
            Which::Initial => margin::initial_margin(pool, cash, &positions),
            Which::Maintenance => margin::maintenance_margin(pool, cash, &positions),
        };
        needed.get() as f64 / 1e6 / NOTIONAL_USD
    })
}

/// One feed and one perpetual a leg, in one pool, with the settings of the first drill but for an hour's step and horizon.
fn listing(series: &Series, split: usize) -> Vec<Signed> {
    let mut core = core();
    core.horizon_s = 3_600.0;
    core.max_horizon_s = core.max_horizon_s.max(7_200.0);
    let by_governance = |command: Command| Signed { signer: key_of(GOVERNANCE), command };
    let pool = PoolParameters { fund_floor: Money::ZERO, ..rules::pool(&core, 0.0) };
    let mut commands = vec![by_governance(Command::OpenPool { name: "backtest".into(), parameters: pool })];
    for (at, path) in series.prices.iter().enumerate() {
        let publisher = |(source, name): (usize, &&str)| PublisherParameters {
            key: key_of(name),
            weight: 100,
            source: u16::try_from(source).expect("there are three"),
        };
        let changes: Vec<f64> = path[..split].windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
        let deviation = (changes.iter().map(|change| change * change).sum::<f64>() / changes.len() as f64).sqrt();
        let feed = FeedParameters {
            jump_limit: Ratio::new(MAX_RATIO),
            jump_confirmations: 1,
            max_age: HOUR,
            sample_interval: HOUR,
            decay: ratio(DECAY),
            // As the drill and the museum list an asset: its long-run volatility is the floor.
            long_run_volatility: ratio(deviation).max(Ratio::new(1)),
            ..rules::feed(&core, PUBLISHERS.iter().enumerate().map(publisher).collect(), 0.01)
        };
        let name = format!("leg {at}");
        let id = FeedId(u16::try_from(at).expect("a portfolio has few legs"));
        commands.push(by_governance(Command::ListFeed { name: name.clone(), parameters: feed }));
        commands.push(by_governance(Command::ListInstrument { pool: POOL, name, parameters: perpetual(id, &core) }));
    }
    commands
}

/// A perpetual whose exit costs nothing: what is compared is stress.
fn perpetual(feed: FeedId, core: &crate::plan::CorePlan) -> InstrumentParameters {
    InstrumentParameters {
        feed,
        kind: Kind::Perpetual,
        exit_cost: vec![Tier { from: Quantity::ZERO, rate: Ratio::ZERO }],
        initial_exit_cost: Vec::new(),
        depth: Vec::new(),
        band: ratio(core.band),
        mark_band: ratio(0.005),
        impact: Money::ZERO,
        mark_time: Time::new(60_000),
        fee: ratio(core.fee),
        negative_prices: false,
        stress_base: Price::ZERO,
        open_interest_low: money(1e9),
        open_interest_high: Money::new(MAX_MONEY).min(money(1e10)),
        daily_volume: money(1e9),
        max_position: Quantity::new(MAX_QUANTITY),
        max_funding: Ratio::ZERO,
    }
}

//! The figures and series of a run, gathered from receipts and states.

use super::convert::{usd, usd_a_unit};
use super::judge::Judge;
use super::world::World;
use crate::outcome::{
    Adl, BreakerState, BreakerStep, Conservation, EquitySnapshot, FeedSeries, FeedState, InstrumentSeries, LAYERS,
    MinuteCounts, Outcome, Percentiles, PublisherSeries, Rules, Series, Span,
};
use clearing::event::{Event, Layer, Receipt};
use clearing::margin;
use clearing::state::{Condition, FUND, Level};
use clearing::table::{AccountId, InstrumentId, PoolId};
use clearing::units::Money;
use std::collections::{BTreeMap, BTreeSet};

/// A sample of the series is taken every so many seconds.
const SAMPLE_EVERY_S: usize = 5;

/// What has been counted so far.
pub(super) struct Tally {
    feeds: BTreeMap<String, Vec<f64>>,
    fund: Vec<f64>,
    /// How long each block took.
    apply_us: Vec<f64>,
    breaches: u64,
    liquidated: BTreeSet<(PoolId, AccountId)>,
    forced: f64,
    portfolio_auctions: u64,
    deleveraged: BTreeSet<(PoolId, AccountId)>,
    deleveraged_notional: f64,
    overshoot: Money,
    losses: BTreeMap<Layer, Money>,
    touched: BTreeSet<PoolId>,
    conservation: Conservation,
    series: Series,
}

impl Tally {
    pub(super) fn new(world: &World) -> Self {
        let mut tally = Self {
            feeds: BTreeMap::new(),
            fund: Vec::new(),
            apply_us: Vec::new(),
            breaches: 0,
            liquidated: BTreeSet::new(),
            forced: 0.0,
            portfolio_auctions: 0,
            deleveraged: BTreeSet::new(),
            deleveraged_notional: 0.0,
            overshoot: Money::ZERO,
            losses: BTreeMap::new(),
            touched: BTreeSet::new(),
            conservation: Conservation::default(),
            series: Series::default(),
        };
        tally.prepare_series(world);
        tally
    }

    fn prepare_series(&mut self, world: &World) {
        for feed in &world.publishers {
            let publishers = feed
                .publishers
                .iter()
                .map(|publisher| PublisherSeries { name: publisher.venue.clone(), price: Vec::new() });
            self.series.feeds.push(FeedSeries {
                symbol: feed.symbol.clone(),
                publishers: publishers.collect(),
                ..FeedSeries::default()
            });
        }
        for pool in &world.pools {
            let of = |symbol: &String| InstrumentSeries { symbol: symbol.clone(), ..InstrumentSeries::default() };
            self.series.instruments.extend(pool.instruments.keys().map(of));
        }
        self.series.layers_usd = LAYERS.iter().map(|(key, _)| ((*key).to_owned(), Vec::new())).collect();
        let window = &world.plan.window;
        let at = |second: usize| window.start_ms + second as i64 * 1_000;
        self.series.focus_ms = Some((at(window.focus_from_s), at(window.focus_until_s)));
        self.snapshot_equity(world, "start");
    }

    /// Counts one block.
    pub(super) fn count(&mut self, world: &World, second: usize, receipt: &Receipt, apply_us: f64) {
        self.check_books(world);
        self.count_minute(world, second, receipt);
        for event in &receipt.events {
            self.count_event(world, event);
        }
        self.count_overshoot(receipt);
        for feed in &world.publishers {
            let index = world.engine.state().feeds[world.feeds[&feed.symbol]].index;
            self.feeds.entry(feed.symbol.clone()).or_default().push(usd_a_unit(index, world.lot_size(&feed.symbol)));
        }
        self.fund.push(fund_equity(world));
        self.apply_us.push(apply_us);
        if second.is_multiple_of(SAMPLE_EVERY_S) {
            self.sample(world);
        }
    }

    /// R2.4 from outside: what everybody has sums to what custody holds, and derivatives sum to zero.
    fn check_books(&mut self, world: &World) {
        self.conservation.blocks_checked += 1;
        let balanced = world.engine.state().pools.iter().all(|(_, pool)| {
            let mut totals = vec![0_i128; pool.instruments.len()];
            let mut cash = pool.own_capital
                + pool.fees
                + pool.rounding
                + pool.prepaid
                + pool.tranche.values().map(|share| share.amount).sum();
            for (_, account) in pool.accounts.iter() {
                cash += account.cash;
                for position in &account.positions {
                    totals[usize::from(position.instrument.0)] += i128::from(position.quantity.get());
                }
            }
            let flat = |(id, instrument): (InstrumentId, &clearing::state::Instrument)| {
                instrument.is_spot() || totals[usize::from(id.0)] == 0
            };
            cash == pool.custody && pool.instruments.iter().all(flat)
        });
        self.conservation.violations += u64::from(!balanced);
    }

    fn count_minute(&mut self, world: &World, second: usize, receipt: &Receipt) {
        let time_ms = world.plan.window.start_ms + (second / 60 * 60) as i64 * 1_000;
        if self.series.minutes.last().is_none_or(|minute| minute.time_ms != time_ms) {
            self.series.minutes.push(MinuteCounts { time_ms, ..MinuteCounts::default() });
        }
        let forced: f64 = receipt.events.iter().map(forced_notional).sum();
        self.forced += forced;
        let minute = self.series.minutes.last_mut().expect("it was just pushed");
        minute.forced_notional_usd += forced;
        let count = |wanted: fn(&Event) -> bool| receipt.events.iter().filter(|event| wanted(event)).count() as u64;
        minute.liquidations += count(|event| matches!(event, Event::AccountLiquidated { .. }));
        minute.portfolio_auctions += count(|event| matches!(event, Event::PortfolioAuctioned { .. }));
    }

    fn count_event(&mut self, world: &World, event: &Event) {
        match event {
            Event::AccountLiquidated { pool, account, .. } => {
                self.breaches += 1;
                self.liquidated.insert((*pool, *account));
            }
            Event::PortfolioAuctioned { .. } => self.portfolio_auctions += 1,
            Event::AutoDeleveraged { pool, account, quantity, price, .. } => {
                self.deleveraged.insert((*pool, *account));
                self.deleveraged_notional += usd(*price * quantity.abs());
            }
            Event::LossAllocated { pool, layer, amount, .. } => {
                *self.losses.entry(*layer).or_default() += *amount;
                self.touched.insert(*pool);
            }
            Event::BreakerStepped { pool, instrument, level, cause } => {
                let name = &world.engine.state().pools[*pool].instruments[*instrument].name;
                let time_ms = world.engine.state().time.get();
                let step = BreakerStep { time_ms, state: breaker_state(*level), cause: words(&format!("{cause:?}")) };
                if let Some(series) = self.series.instruments.iter_mut().find(|series| series.symbol == *name) {
                    series.breakers.push(step);
                }
            }
            _ => {}
        }
    }

    /// What winners of one auto-deleveraging gave beyond its deficit: zero by rule R12.2, counted all the same.
    fn count_overshoot(&mut self, receipt: &Receipt) {
        let mut taken: BTreeMap<(PoolId, AccountId, InstrumentId), (Money, Money)> = BTreeMap::new();
        for event in &receipt.events {
            if let Event::AutoDeleveraged { pool, defaulter, instrument, deficit, haircut, .. } = event {
                let sums = taken.entry((*pool, *defaulter, *instrument)).or_default();
                sums.0 += *haircut;
                sums.1 = *deficit;
            }
        }
        self.overshoot += taken.values().map(|(haircuts, deficit)| (*haircuts - *deficit).or_zero()).sum();
    }

    fn sample(&mut self, world: &World) {
        let state = world.engine.state();
        self.series.time_ms.push(state.time.get());
        let minute = self.apply_us.len().saturating_sub(60)..;
        if let Some(block_us) = Percentiles::of(self.apply_us[minute].to_vec()) {
            self.series.block_us.p50.push(block_us.p50);
            self.series.block_us.p90.push(block_us.p90);
            self.series.block_us.max.push(block_us.max);
        }
        self.series.fund_usd.push(fund_equity(world));
        for (at, feed) in world.publishers.iter().enumerate() {
            sample_feed(&mut self.series.feeds[at], world, &feed.symbol);
        }
        let mut at = 0;
        for pool in &world.pools {
            for (symbol, instrument) in &pool.instruments {
                let listed = &state.pools[pool.id].instruments[*instrument];
                self.series.instruments[at].open_interest_usd.push(usd(listed.mark * listed.open_interest));
                debug_assert_eq!(&self.series.instruments[at].symbol, symbol);
                at += 1;
            }
        }
        for (key, path) in &mut self.series.layers_usd {
            let layer = self.losses.iter().find(|(layer, _)| layer_key(**layer) == key);
            path.push(layer.map_or(0.0, |(_, amount)| usd(*amount)));
        }
        self.series.average_initial_margin_ppm.push(average_initial_margin(world) * 1e6);
    }

    /// Notes how far accounts are from breach at a moment with a name.
    pub(super) fn snapshot_equity(&mut self, world: &World, label: &str) {
        let mut ratios = Vec::new();
        for (_, pool) in world.engine.state().pools.iter() {
            for (_, account) in
                pool.accounts.iter().filter(|(id, account)| *id != FUND && !account.positions.is_empty())
            {
                let equity = usd(margin::equity(&pool.matrices, account.cash, &account.positions));
                let needed = usd(margin::maintenance_margin(pool, account.cash, &account.positions));
                ratios.push(equity / needed.max(1e-6));
            }
        }
        self.series.equity.push(EquitySnapshot::count(label, world.engine.state().time.get(), ratios));
    }

    /// How many accounts have been liquidated.
    pub(super) fn liquidated_so_far(&self) -> usize {
        self.liquidated.len()
    }

    /// The result of the run.
    pub(super) fn finish(mut self, world: &World, judge: &Judge, run: &RunFacts) -> (Outcome, Series) {
        self.snapshot_equity(world, "end");
        let beyond = [
            Layer::Tranche,
            Layer::Line,
            Layer::AutoDeleveraging,
            Layer::GainsHaircut,
            Layer::MembersEquity,
            Layer::WindDown,
        ];
        let loss = |layer: &Layer| self.losses.get(layer).copied().unwrap_or_default();
        let root = world.engine.root();
        let outcome = Outcome {
            name: world.plan.name.clone(),
            rules: Rules::Seawall,
            seed: run.seed,
            accounts: world.engine.state().pools.iter().map(|(_, pool)| pool.accounts.len() as u64).sum(),
            blocks: world.engine.height(),
            feeds: self.feeds.iter().map(|(symbol, path)| (symbol.clone(), Span::of(path))).collect(),
            breaches: self.breaches,
            liquidated_accounts: self.liquidated.len() as u64,
            wrongful_liquidations: judge.wrongful,
            liquidation_latency_blocks_max: judge.latency,
            forced_notional_usd: self.forced,
            portfolio_auctions: self.portfolio_auctions,
            fund: Span::of(&self.fund),
            adl: Adl {
                accounts: self.deleveraged.len() as u64,
                notional_usd: self.deleveraged_notional,
                overshoot_usd: usd(self.overshoot),
            },
            loss_by_layer: self
                .losses
                .iter()
                .map(|(layer, amount)| (layer_key(*layer).to_owned(), usd(*amount)))
                .collect(),
            bad_debt_usd: usd(beyond.iter().map(loss).sum()),
            conservation: self.conservation,
            pools_touched: self.touched.iter().map(|pool| world.engine.state().pools[*pool].name.clone()).collect(),
            state_root: root.iter().map(|byte| format!("{byte:02x}")).collect(),
            elapsed_ms: run.elapsed_ms,
            block_ms: Percentiles::of(self.apply_us.iter().map(|us| us / 1_000.0).collect()),
        };
        (outcome, self.series)
    }
}

/// What the result needs to know about the run itself.
pub(super) struct RunFacts {
    pub(super) seed: u64,
    pub(super) elapsed_ms: u64,
}

fn fund_equity(world: &World) -> f64 {
    let of = |(_, pool): (PoolId, &clearing::state::Pool)| {
        let fund = &pool.accounts[FUND];
        usd(margin::equity(&pool.matrices, fund.cash, &fund.positions))
    };
    world.engine.state().pools.iter().map(of).sum()
}

fn forced_notional(event: &Event) -> f64 {
    match event {
        Event::Filled { quantity, price, forced: true, .. } => usd((*price * *quantity).abs()),
        Event::PortfolioAuctioned { notional, taken, .. } => usd(*notional) * taken.get() as f64 / 1e6,
        Event::PortfolioAbsorbed { notional, .. } => usd(*notional),
        Event::AutoDeleveraged { quantity, price, .. } => usd(*price * quantity.abs()),
        _ => 0.0,
    }
}

fn sample_feed(series: &mut FeedSeries, world: &World, symbol: &str) {
    let state = world.engine.state();
    let id = world.feeds[symbol];
    let feed = &state.feeds[id];
    let dollars = |price| usd_a_unit(price, world.lot_size(symbol));
    for (publisher, path) in feed.publishers.iter().zip(&mut series.publishers) {
        let fresh =
            publisher.observation.as_ref().filter(|seen| state.time - seen.published_at <= feed.parameters.max_age);
        path.price.push(fresh.map_or(f64::NAN, |seen| dollars(seen.price)));
    }
    series.index.push(dollars(feed.index));
    series.band_low.push(dollars(feed.index - feed.confidence));
    series.band_high.push(dollars(feed.index + feed.confidence));
    series.slow.push(dollars(feed.slow));
    series.state.push(match feed.condition {
        Condition::Live => FeedState::Live,
        Condition::Degraded => FeedState::Degraded,
        Condition::Down => FeedState::Down,
    });
    let listed = world.pools.iter().find_map(|pool| Some((&state.pools[pool.id], *pool.instruments.get(symbol)?)));
    let stress = listed.and_then(|(pool, _)| pool.stresses.get(&id));
    let initial = listed.map(|(pool, instrument)| pool.initial_stress(&pool.instruments[instrument]));
    series.maintenance_stress_ppm.push(stress.map_or(f64::NAN, |stress| stress.maintenance.get() as f64));
    series.initial_stress_ppm.push(initial.map_or(f64::NAN, |stress| stress.get() as f64));
}

/// Initial stress of every perpetual, averaged by open interest.
fn average_initial_margin(world: &World) -> f64 {
    let (mut margin, mut notional) = (0.0, 0.0);
    for pool in &world.pools {
        let state = &world.engine.state().pools[pool.id];
        for instrument in pool.instruments.values() {
            let listed = &state.instruments[*instrument];
            let value = usd(listed.mark * listed.open_interest);
            margin += value * state.initial_stress(listed).get() as f64 / 1e6;
            notional += value;
        }
    }
    if notional > 0.0 { margin / notional } else { f64::NAN }
}

fn breaker_state(level: Level) -> BreakerState {
    match level {
        Level::Normal => BreakerState::Normal,
        Level::Cautious => BreakerState::Cautious,
        Level::ReduceOnly => BreakerState::ReduceOnly,
        Level::CallAuction => BreakerState::CallAuction,
        Level::Halted => BreakerState::Halted,
        Level::WindDown => BreakerState::WindDown,
    }
}

fn layer_key(layer: Layer) -> &'static str {
    match layer {
        Layer::OwnCapital => "own_capital",
        Layer::Fund => "fund",
        Layer::Tranche => "tranche",
        Layer::Line => "line",
        Layer::AutoDeleveraging => "auto_deleveraging",
        Layer::GainsHaircut => "gains_haircut",
        Layer::MembersEquity => "members_equity",
        Layer::WindDown => "wind_down",
    }
}

/// `FeedDegraded` as `feed degraded`.
fn words(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

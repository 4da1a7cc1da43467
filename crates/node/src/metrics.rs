//! What `/metrics` tells a monitoring system, in the text format of Prometheus. Nothing here is asked by a decision: the figures follow
//! published views and finished requests.

use crate::api::kind;
use crate::intake::Intake;
use crate::systemic::Systemic;
use crate::view::{BlockRecord, PoolView, View};
use arc_swap::ArcSwap;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use clearing::state::{Condition, Feed, Instrument, Stress};
use clearing::units::{Money, Price, Ratio};
use contagion::Assessment;
use contagion::assess::Market;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use protocol::decimal::Places;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Instant;

type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;

/// From a tenth of a millisecond to about a minute and a half.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(1e-4, 2.0, 20))
}

/// The figures, and how far they have followed the blocks.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    view: Arc<ArcSwap<View>>,
    followed: Mutex<u64>,
    blocks: Histogram,
    commands: Counters,
    events: Counters,
    requests: Counters,
    answers: Family<Labels, Histogram, fn() -> Histogram>,
}

/// A request that is being answered.
pub(crate) struct Begun {
    path: String,
    method: Method,
    at: Instant,
}

impl Metrics {
    /// Figures of a node.
    pub(crate) fn new(view: Arc<ArcSwap<View>>, intake: Intake, places: Places, systemic: Arc<Systemic>) -> Self {
        let mut registry = Registry::with_prefix("seawall");
        let blocks = seconds();
        let (commands, events, requests) = (Counters::default(), Counters::default(), Counters::default());
        let answers = Family::new_with_constructor(seconds as fn() -> Histogram);
        let block = "Time to apply a block and to write it durably";
        registry.register_with_unit("block", block, Unit::Seconds, blocks.clone());
        registry.register("commands", "Commands of blocks by what became of them", commands.clone());
        registry.register("events", "Events by kind", events.clone());
        registry.register("requests", "Requests by path, method and status", requests.clone());
        registry.register_with_unit("answer", "Time to answer a request, by path", Unit::Seconds, answers.clone());
        registry.register_collector(Box::new(Standing { view: Arc::clone(&view), intake, places, systemic }));
        Self { registry, view, followed: Mutex::new(0), blocks, commands, events, requests, answers }
    }

    /// A request begins.
    pub(crate) fn begin(&self, request: &Request) -> Begun {
        let path = request.extensions().get::<MatchedPath>();
        // Paths that are none are one: nobody fills the table by inventing them.
        let path = path.map_or("none", MatchedPath::as_str).to_owned();
        Begun { path, method: request.method().clone(), at: Instant::now() }
    }

    /// It has been answered.
    pub(crate) fn end(&self, begun: Begun, status: StatusCode) {
        let method = match begun.method {
            Method::GET => "GET",
            Method::POST => "POST",
            _ => "other",
        };
        let path = vec![("path", begun.path)];
        self.answers.get_or_create(&path).observe(begun.at.elapsed().as_secs_f64());
        let more = [("method", method.to_owned()), ("status", status.as_u16().to_string())];
        self.requests.get_or_create(&path.into_iter().chain(more).collect()).inc();
    }

    /// Counts the blocks since it last did. Views remember an hour of them: to be called more often.
    pub(crate) fn follow(&self) {
        let view = self.view.load_full();
        let mut followed = self.followed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let new = view.blocks.iter().rev().take_while(|block| block.height > *followed);
        new.for_each(|block| self.count(block));
        *followed = view.height.max(*followed);
    }

    fn count(&self, block: &BlockRecord) {
        self.blocks.observe(block.took_us as f64 / 1e6);
        let executed = block.commands.saturating_sub(block.rejections + block.refusals);
        for (outcome, count) in [("executed", executed), ("rejected", block.rejections), ("refused", block.refusals)] {
            self.commands.get_or_create(&vec![("outcome", outcome.to_owned())]).inc_by(count as u64);
        }
        for event in &block.events {
            self.events.get_or_create(&vec![("kind", kind(event))]).inc();
        }
    }

    /// All figures as text.
    pub(crate) fn text(&self) -> String {
        self.follow();
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// The state as figures, taken when they are asked for.
#[derive(Debug)]
struct Standing {
    view: Arc<ArcSwap<View>>,
    intake: Intake,
    places: Places,
    systemic: Arc<Systemic>,
}

impl Collector for Standing {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let view = self.view.load_full();
        let mut told = Told(encoder);
        self.of_the_node(&view, &mut told)?;
        self.of_feeds(&view, &mut told)?;
        of_pools(&view, &mut told)?;
        of_markets(&view, &mut told)?;
        self.systemic.last().map_or(Ok(()), |look| of_cascades(&look.found, &mut told))
    }
}

/// Writes one figure with the value that it has for each label.
struct Told<'a>(DescriptorEncoder<'a>);

impl Told<'_> {
    fn gauge(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, f64)>) -> fmt::Result {
        let mut figure = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            ConstGauge::new(value).encode(figure.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let figure = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(figure)
    }
}

impl Standing {
    fn of_the_node(&self, view: &View, told: &mut Told<'_>) -> fmt::Result {
        told.gauge("height", "Height of the last block", [(Labels::new(), view.height as f64)])?;
        let time = view.time.get() as f64 / 1e3;
        told.gauge("block_time_seconds", "Time of the last block since 1970", [(Labels::new(), time)])?;
        let (urgent, ordinary) = self.intake.lanes().lengths();
        let lanes = [("urgent", urgent), ("ordinary", ordinary)];
        let waiting = lanes.map(|(lane, count)| (vec![("lane", lane.to_owned())], count as f64));
        told.gauge("waiting", "Commands that wait for a block", waiting)?;
        let capacity = self.intake.lanes().capacity() as f64;
        told.gauge("waiting_most", "Commands that may wait in each lane", [(Labels::new(), capacity)])?;
        let counts = self.intake.counts();
        let unsigned = "Commands turned away for their signature, before any block";
        told.counter("unsigned_commands", unsigned, counts.refused.load(Ordering::Relaxed))?;
        let busy = "Commands turned away for want of room, before any block";
        told.counter("busy_commands", busy, counts.busy.load(Ordering::Relaxed))
    }

    fn of_feeds(&self, view: &View, told: &mut Told<'_>) -> fmt::Result {
        let mut each = |name: &str, help: &str, value: &dyn Fn(&Feed) -> f64| {
            let values = view.feeds.iter().map(|(_, feed)| (vec![("feed", feed.name.clone())], value(feed)));
            told.gauge(name, help, values)
        };
        let usd =
            |price: Price, feed: &Feed| price.get() as f64 / 1e6 * 10_f64.powi(i32::from(self.places.of(&feed.name)));
        each("feed_index_usd", "Index (R3.2)", &|feed| usd(feed.index, feed))?;
        each("feed_slow_usd", "Slow price (R3.5)", &|feed| usd(feed.slow, feed))?;
        each("feed_confidence_usd", "How far the true price may be (R3.3)", &|feed| usd(feed.confidence, feed))?;
        let condition = "0 live, 1 degraded, 2 down (R3.4)";
        each("feed_condition", condition, &|feed| match feed.condition {
            Condition::Live => 0.0,
            Condition::Degraded => 1.0,
            Condition::Down => 2.0,
        })?;
        each("feed_publishers", "Publishers that count now (R3.1)", &|feed| {
            feed.publishers.iter().filter(|own| own.counts(&feed.parameters, view.time)).count() as f64
        })
    }
}

fn usd(money: Money) -> f64 {
    money.get() as f64 / 1e6
}

fn of_pools(view: &View, told: &mut Told<'_>) -> fmt::Result {
    let mut each = |name: &str, help: &str, value: &dyn Fn(&PoolView) -> f64| {
        let values = view.pools.iter().map(|own| (vec![("pool", own.pool.name.clone())], value(own)));
        told.gauge(name, help, values)
    };
    each("pool_accounts", "Accounts, the fund among them", &|own| own.accounts.len() as f64)?;
    each("pool_liquidating", "Accounts under liquidation", &|own| own.liquidating.len() as f64)?;
    each("pool_carried", "Accounts in breach that did not fit into the block", &|own| f64::from(own.pool.carried))?;
    each("pool_winding_down", "1 while it is wound down", &|own| f64::from(u8::from(own.pool.winding_down)))?;
    each("pool_custody_usd", "Settlement money in custody", &|own| usd(own.pool.custody))?;
    each("pool_open_notional_usd", "Long positions at their marks", &|own| usd(own.open_notional()))?;
    each("pool_fund_usd", "What the fund is worth", &|own| usd(own.fund_equity()))?;
    each("pool_fund_target_usd", "What it should hold (R11.5)", &|own| usd(own.pool.fund.target))?;
    each("pool_own_capital_usd", "The operator's own money", &|own| usd(own.pool.own_capital))?;
    each("pool_tranche_usd", "Backstop providers' money", &|own| {
        usd(own.pool.tranche.values().map(|share| share.amount).sum())
    })?;
    each("pool_line_left_usd", "What can still be drawn on the reserve", &|own| {
        usd((own.pool.line.open - own.pool.line.drawn).or_zero())
    })
}

fn of_markets(view: &View, told: &mut Told<'_>) -> fmt::Result {
    let mut each = |name: &str, help: &str, value: &dyn Fn(&PoolView, &Instrument) -> f64| {
        let values = view.pools.iter().flat_map(|own| {
            own.pool.instruments.iter().map(|(_, listed)| {
                (vec![("pool", own.pool.name.clone()), ("market", listed.name.clone())], value(own, listed))
            })
        });
        told.gauge(name, help, values)
    };
    let stress = |own: &PoolView, listed: &Instrument, part: fn(&Stress) -> Ratio| {
        own.pool.stresses.get(&listed.parameters.feed).map_or(0.0, |stress| part(stress).get() as f64 / 1e6)
    };
    let breaker = "0 normal, 1 cautious, 2 reduce-only, 3 call auction, 4 halted, 5 wind-down (R13)";
    each("market_breaker", breaker, &|_, listed| f64::from(listed.breaker.level as u8))?;
    each("market_open_notional_usd", "Long positions at the mark", &|_, listed| {
        usd(listed.mark.abs() * listed.open_interest)
    })?;
    each("market_initial_stress", "A fraction (R4)", &|own, listed| {
        own.pool.initial_stress(listed).get() as f64 / 1e6
    })?;
    each("market_maintenance_stress", "A fraction (R4)", &|own, listed| {
        stress(own, listed, |stress| stress.maintenance)
    })
}

/// R14.1, as of the last look.
fn of_cascades(found: &Assessment, told: &mut Told<'_>) -> fmt::Result {
    let mut each = |name: &str, help: &str, value: &dyn Fn(&Market) -> Option<f64>| {
        let markets = found.pools.iter().flat_map(|pool| pool.markets.iter().map(move |market| (pool, market)));
        let values = markets.filter_map(|(pool, market)| {
            Some((vec![("pool", pool.name.clone()), ("feed", market.curve.name.clone())], value(market)?))
        });
        told.gauge(name, help, values)
    };
    each("market_branching", "How much of itself a move by 1 % causes through forced sales (R14.1)", &|own| {
        own.at_mark
    })?;
    let distance = "Smallest move, either way, at which forced sales feed themselves, a fraction; absent where none was seen (R14.1)";
    each("market_cascade_distance", distance, &|own| own.distance.map(f64::abs))
}

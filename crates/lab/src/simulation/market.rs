//! The world of a run: the pool on its stage, and outside it a spot market for each asset, whose price follows the path and gives way to
//! whoever trades there. What members must sell in the pool reaches the outside through those who hedge, and comes back as a price.

use super::experiment::{MarketPlan, OutsidePlan, PublishersPlan};
use crate::museum::spot::Spot;
use crate::museum::stage::{Asset, Member, Said, Stage};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::collections::VecDeque;
use std::sync::Arc;

/// Half-life of the volatility that members see, seconds.
const VOLATILITY_HALF_LIFE_S: f64 = 600.0;
/// Half-lives of the two means whose difference is the trend, seconds.
const TREND_HALF_LIFE_S: (f64, f64) = (300.0, 1_800.0);
/// How far apart honest publishers are, as a share of the price.
const NOISE: f64 = 0.0001;
/// Confidence that they state, as a share.
const CONFIDENCE: f64 = 0.0002;

/// An asset's market outside.
pub(super) struct Outside {
    pub(super) symbol: Arc<str>,
    spot: Spot,
    start: f64,
    depth: f64,
    /// Its usual volatility, a second.
    usual: f64,
    variance: f64,
    fast: f64,
    slow: f64,
    last: f64,
    /// Prices of the last blocks, newest first, for publishers that are late.
    before: VecDeque<f64>,
    /// For each source, what it multiplies the price by: 1 unless somebody owns it.
    owned: Vec<f64>,
    /// The lowest that it traded at, and the lowest of the path alone.
    pub(super) low: (f64, f64),
}

impl Outside {
    fn new(asset: &Asset, plan: &OutsidePlan) -> Self {
        let (price, usual) = (asset.price_usd, asset.daily_volatility / 86_400_f64.sqrt());
        Self {
            symbol: asset.symbol.as_str().into(),
            spot: Spot::new(price, asset.depth_usd_1pct, plan.half_life_s),
            start: price,
            depth: asset.depth_usd_1pct,
            usual,
            variance: usual * usual,
            fast: price.ln(),
            slow: price.ln(),
            last: price.ln(),
            before: VecDeque::new(),
            owned: vec![1.0; asset.sources.len()],
            low: (price, price),
        }
    }

    /// What it traded at when the run began, USD a unit.
    pub(super) fn start_usd(&self) -> f64 {
        self.start
    }

    /// What it trades at, USD a unit.
    pub(super) fn price(&self) -> f64 {
        self.spot.price()
    }

    /// Volatility over its usual level.
    pub(super) fn volatility(&self) -> f64 {
        self.variance.sqrt() / self.usual
    }

    /// How far the fast mean is above the slow one, over the move that is usual in the time of the slow one.
    pub(super) fn trend(&self) -> f64 {
        (self.fast - self.slow) / (self.usual * TREND_HALF_LIFE_S.1.sqrt())
    }

    /// What it shows within one percent now, USD.
    pub(super) fn depth_usd(&self, plan: &OutsidePlan) -> f64 {
        self.depth * self.volatility().max(1.0).powf(-plan.thins).max(plan.least_depth)
    }

    /// Buys units for somebody, or sells; answers what is paid, USD.
    pub(super) fn trade(&mut self, units: f64) -> f64 {
        let before = self.spot.paid_usd;
        self.spot.buy(units * self.price());
        self.spot.paid_usd - before
    }

    /// Whoever owns so many sources lets them multiply the price.
    pub(super) fn own_sources(&mut self, count: usize, factor: f64) {
        self.owned.iter_mut().take(count).for_each(|own| *own = factor);
    }

    fn pass(&mut self, moved: f64, seconds: f64, plan: &OutsidePlan) {
        self.spot.set_depth(self.depth_usd(plan));
        self.spot.pass(seconds);
        self.spot.fair = self.start * moved.exp();
        let now = self.price().ln();
        let keeps = |half_life: f64| 0.5_f64.powf(seconds / half_life);
        let kept = keeps(VOLATILITY_HALF_LIFE_S);
        self.variance = kept * self.variance + (1.0 - kept) * (now - self.last).powi(2) / seconds;
        self.fast += (1.0 - keeps(TREND_HALF_LIFE_S.0)) * (now - self.fast);
        self.slow += (1.0 - keeps(TREND_HALF_LIFE_S.1)) * (now - self.slow);
        self.last = now;
        self.low = (self.low.0.min(now.exp()), self.low.1.min(self.spot.fair));
    }
}

/// The pool and everything outside it.
pub(super) struct Market {
    pub(super) stage: Stage,
    pub(super) outside: Vec<Outside>,
    pub(super) plan: OutsidePlan,
    /// How far from the mark trades may be, as a share (R8.3).
    pub(super) band: f64,
    publishers: PublishersPlan,
    block_s: f64,
    path: Vec<Vec<f64>>,
    block: usize,
    random: ChaCha8Rng,
    /// Commands that congestion lost.
    pub(super) lost: u64,
    /// Commands that were sent, with those that were lost.
    pub(super) sent: u64,
}

impl Market {
    pub(super) fn new(plan: &MarketPlan, path: Vec<Vec<f64>>, random: ChaCha8Rng) -> Self {
        Self {
            stage: Stage::with_rules(&plan.rules, &plan.asset, plan.capital),
            outside: plan.asset.iter().map(|asset| Outside::new(asset, &plan.outside)).collect(),
            plan: plan.outside,
            band: plan.rules.band,
            publishers: plan.publishers,
            block_s: f64::from(plan.time.block_s),
            path,
            block: 0,
            random,
            lost: 0,
            sent: 0,
        }
    }

    /// Seconds since the run began.
    pub(super) fn time_s(&self) -> f64 {
        self.block as f64 * self.block_s
    }

    /// How long the run is, seconds.
    pub(super) fn length_s(&self) -> f64 {
        self.path.first().map_or(0.0, |own| (own.len() - 1) as f64) * self.block_s
    }

    /// Moves the outside on by a block's time and lets publishers speak.
    pub(super) fn advance(&mut self) {
        self.block += 1;
        for (outside, path) in self.outside.iter_mut().zip(&self.path) {
            outside.pass(path[self.block], self.block_s, &self.plan);
            let price = outside.price();
            outside.before.push_front(price);
            let lag = (f64::from(self.publishers.lag_s) / self.block_s).ceil() as usize;
            outside.before.truncate(lag.max(1) + 1);
            let late = outside.before.get(lag).or(outside.before.back()).copied().unwrap_or(price);
            // Sources that an attacker owns come first, late ones last.
            let honest_until = outside.owned.len() - self.publishers.lagging.min(outside.owned.len());
            for (source, factor) in outside.owned.iter().enumerate() {
                let noise: f64 = StandardNormal.sample(&mut self.random);
                let seen = if source < honest_until { price } else { late };
                let said = Said { confidence: CONFIDENCE, ..Said::honest(seen * factor * (1.0 + NOISE * noise)) };
                self.stage.say_at(&outside.symbol, source, said);
            }
            // Whoever was not sound a block ago, or is not at any price that honest publishers may state, may be liquidated now.
            let last = outside.before.get(1).copied().unwrap_or(price);
            let (low, high) = (price.min(last) * (1.0 - CONFIDENCE), price.max(last) * (1.0 + CONFIDENCE));
            self.stage.honest_between(&outside.symbol, low, high);
        }
    }

    /// The most volatile asset's volatility over its usual level.
    pub(super) fn stress(&self) -> f64 {
        self.outside.iter().map(Outside::volatility).fold(0.0, f64::max)
    }

    /// Whether a command that is sent now gets into a block: in stress some do not.
    pub(super) fn gets_in(&mut self) -> bool {
        self.sent += 1;
        let lost = self.plan.congestion * (1.0 - self.plan.congested_from / self.stress().max(1e-9)).max(0.0);
        let gets_in = self.random.random::<f64>() >= lost;
        self.lost += u64::from(!gets_in);
        gets_in
    }

    /// Sends an order that takes what it finds in the next block, if congestion lets it.
    pub(super) fn order(&mut self, member: Member, asset: usize, units: f64, limit: Option<f64>) {
        if self.gets_in() {
            let symbol = Arc::clone(&self.outside[asset].symbol);
            self.stage.order(member, &symbol, units, limit);
        }
    }

    /// The same for an order that only reduces.
    pub(super) fn reduce(&mut self, member: Member, asset: usize, units: f64, limit: Option<f64>) {
        if self.gets_in() {
            let symbol = Arc::clone(&self.outside[asset].symbol);
            self.stage.reduce(member, &symbol, units, limit);
        }
    }

    pub(super) fn position(&self, member: Member, asset: usize) -> f64 {
        self.stage.position(member, &self.outside[asset].symbol)
    }

    pub(super) fn mark(&self, asset: usize) -> f64 {
        self.stage.mark(&self.outside[asset].symbol)
    }
}

//! What exhibits of loans and shorts share: a price that goes its way, makers who follow it, and what is traded with them by force,
//! which pushes it further.

use crate::museum::exhibit::{Line, Plot};
use crate::museum::spot::Spot;
use crate::museum::stage::{Asset, Member, Stage};

/// What forced trades pushed comes back with this half-life: assumption.
const HALF_LIFE_S: f64 = 600.0;
/// Blocks of an exhibit, about; longer ones take longer blocks.
const BLOCKS: i64 = 1_000;
/// A smaller order is not worth sending, USD.
const LEAST_ORDER_USD: f64 = 100.0;

/// The market of one asset, outside and on the stage.
pub(super) struct Market<'a> {
    asset: &'a Asset,
    spot: Spot,
    makers: [Member; 2],
    /// What the makers held after the last block, units.
    held: f64,
    /// What they took from others on the stage and passed on outside, USD.
    pub(super) passed_on_usd: f64,
}

impl<'a> Market<'a> {
    /// Two makers join, with so much each; each quotes half the asset's depth.
    pub(super) fn new(stage: &mut Stage, asset: &'a Asset, maker_usd: f64) -> Self {
        let name = |at: usize| format!("{} maker {at}", asset.symbol);
        let makers = [1, 2].map(|at| stage.join(&name(at), maker_usd));
        let spot = Spot::new(asset.price_usd, asset.depth_usd_1pct, HALF_LIFE_S);
        Self { asset, spot, makers, held: 0.0, passed_on_usd: 0.0 }
    }

    /// The next price: what it would be without forced trades, and what those do to it, which the makers pass on. The caller makes the block.
    pub(super) fn next(&mut self, stage: &mut Stage, fair: f64, seconds: i64) {
        self.go(stage, fair, seconds);
        stage.say(&self.asset.symbol, self.spot.price());
        self.quote(stage);
    }

    /// The same, of which nothing reaches the stage yet.
    pub(super) fn go(&mut self, stage: &Stage, fair: f64, seconds: i64) {
        let symbol = self.asset.symbol.as_str();
        let held: f64 = self.makers.iter().map(|maker| stage.position(*maker, symbol)).sum();
        let passed_on = (self.held - held) * self.spot.price();
        self.held = held;
        self.passed_on_usd += passed_on.abs();
        self.spot.fair = fair;
        self.spot.pass(seconds as f64);
        self.spot.buy(passed_on);
    }

    /// The makers' orders for the next block.
    pub(super) fn quote(&self, stage: &mut Stage) {
        let (symbol, price) = (self.asset.symbol.as_str(), self.spot.price());
        for maker in self.makers {
            let (half_spread, depth) = (self.asset.half_spread, self.asset.depth_usd_1pct / 2.0);
            if self.asset.perpetual {
                stage.quote(maker, symbol, price, half_spread, depth);
            } else {
                bid_for_collateral(stage, maker, symbol, price * (1.0 - half_spread), depth);
            }
        }
    }

    /// How often makers were liquidated.
    pub(super) fn liquidations(&self, stage: &Stage) -> u64 {
        self.makers.iter().map(|maker| stage.liquidations(*maker)).sum()
    }

    /// What it trades at outside.
    pub(super) fn price(&self) -> f64 {
        self.spot.price()
    }
}

/// Makers of collateral sell elsewhere what they buy here, so that they only bid: two levels, as quotes have.
fn bid_for_collateral(stage: &mut Stage, maker: Member, symbol: &str, price: f64, depth_usd: f64) {
    for (distance, part) in [(0.001, 0.4), (0.006, 0.6)] {
        stage.order(maker, symbol, depth_usd * part / price, Some(price * (1.0 - distance)));
    }
}

/// Who builds a position together, and against whom.
pub(super) struct Builders<'a> {
    pub(super) members: &'a [Member],
    /// Above zero long.
    pub(super) side: f64,
    /// Has much money, and takes the other side at the mark.
    pub(super) other_side: Member,
}

impl Builders<'_> {
    /// Everybody trades what `room` leaves them, units, block after block, a second each: open interest rises no faster than margin follows,
    /// so that it takes a while.
    pub(super) fn build(
        &self,
        stage: &mut Stage,
        symbol: &str,
        seconds: i64,
        room: impl Fn(&Stage, Member, f64) -> f64,
    ) {
        stage.play(seconds, |stage, _| {
            let mark = stage.mark(symbol);
            for member in self.members {
                let wanted = room(stage, *member, mark);
                if wanted * mark > LEAST_ORDER_USD {
                    stage.order(*member, symbol, self.side * wanted, Some(mark));
                    stage.order(self.other_side, symbol, -self.side * wanted, Some(mark));
                }
            }
        });
    }
}

/// Seconds from block to block, where so many pass in all.
pub(super) fn step_s(seconds: i64) -> i64 {
    (seconds / BLOCKS).max(1)
}

/// Lines over minutes, USD.
pub(super) fn over_minutes(title: &str, up: &str, lines: Vec<Line>) -> Plot {
    Plot { title: title.into(), across: "minutes".into(), up: up.into(), logarithmic: false, lines }
}

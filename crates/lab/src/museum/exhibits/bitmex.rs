//! BitMEX 2020: a cascade into an empty book, and an outage in the middle of it.

use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::stage::{Asset, Capital, Member, Stage};
use serde::Deserialize;
use std::collections::VecDeque;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "bitmex-2020",
    story: include_str!("../../../../../drills/bitmex-2020/README.md"),
    description: include_str!("../../../../../drills/bitmex-2020/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Bitmex>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bitmex {
    card: Card,
    fall: Fall,
    old_rules: OldRules,
    outage: Outage,
    longs: Longs,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fall {
    from_usd: f64,
    last_bankruptcy_usd: f64,
    to_usd: f64,
    minutes: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    longs_usd: f64,
    sold_a_minute_usd: f64,
    waiting_usd: [f64; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outage {
    dark_s: f64,
    gap: f64,
    begins_at: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Longs {
    notional_usd: f64,
    leverage: f64,
}

const LONGS: usize = 10;
const SHORT_USD: f64 = 50e6;
const MAKER_USD: f64 = 30e6;
const BIDDER_USD: f64 = 5e6;
/// A bidder's premium, as a share of a portfolio's initial margin.
const PREMIUM: f64 = 0.1;
const AFTERWARDS_S: i64 = 900;
/// What margin, the pool's own capital and its fund are there to bear, as a move against the longs in the dark.
const LARGEST_GAP: f64 = 0.13;
/// Steps of the old rules, in a minute.
const STEPS: u32 = 10;

impl Fall {
    fn price(&self, done: f64) -> f64 {
        self.from_usd + (self.to_usd - self.from_usd) * done.clamp(0.0, 1.0)
    }
}

impl Incident for Bitmex {
    fn card(&self) -> &Card {
        &self.card
    }

    /// Contracts are worth a dollar each and settle in XBT, so that a loss is the difference of two inverse prices.
    fn as_it_was(&self) -> Reenacted {
        let (fall, rules) = (&self.fall, &self.old_rules);
        let mut waiting: VecDeque<(f64, f64)> = VecDeque::new();
        let (mut inventory, mut loss) = (Line::new("waiting for bids"), Line::new("unrealised loss"));
        let (mut peak, mut left) = (0.0_f64, 0.0);
        let steps = fall.minutes as u32 * STEPS;
        for step in 1..=steps {
            let done = f64::from(step) / f64::from(steps);
            let bankrupt = fall.from_usd + (fall.last_bankruptcy_usd - fall.from_usd) * done;
            waiting.push_back((bankrupt, rules.longs_usd / f64::from(steps)));
            sell(&mut waiting, rules.sold_a_minute_usd / f64::from(STEPS));
            let mark = fall.price(done);
            let unrealised: f64 = waiting.iter().map(|(taken, usd)| usd * (1.0 / mark - 1.0 / taken)).sum();
            peak = peak.max(unrealised);
            left = waiting.iter().map(|(_, usd)| usd).sum();
            let minute = f64::from(step) / f64::from(STEPS);
            inventory.points.push((minute, left));
            loss.points.push((minute, unrealised));
        }
        let plot = |title: &str, up: &str, line| Plot {
            title: title.into(),
            across: "minutes".into(),
            up: up.into(),
            logarithmic: false,
            lines: vec![line],
        };
        Reenacted {
            loss: peak,
            figures: vec![Figure::beside("waiting when the lights went out, USD", left, rules.waiting_usd)],
            plots: vec![plot("Taken over and not sold", "USD", inventory), plot("On these", "XBT", loss)],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        vec![
            Knob::linear("when the lights go out, as a part of the fall", 0.05, 1.0, self.outage.begins_at),
            Knob::logarithmic("seconds of darkness", 30.0, 7_200.0, self.outage.dark_s),
            Knob::linear("move of the price meanwhile, as a share", -LARGEST_GAP, 0.35, self.outage.gap),
            Knob::linear("leverage of the longs, as far as margin allows", 2.0, 100.0, self.longs.leverage),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [begins_at, dark_s, gap, leverage] = *choice else { unreachable!("four knobs") };
        let symbol = self.asset.symbol.as_str();
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        let maker = stage.join("maker", MAKER_USD);
        let bidder = stage.join("bidder", BIDDER_USD);
        stage.bid(bidder, PREMIUM, BIDDER_USD / 2.0);
        let longs = self.join_longs(&mut stage, leverage);
        let (mut index, mut capital) = (Line::new("index"), Line::new("fund and own capital"));
        let minute_of = |stage: &Stage, from: i64| (stage.seconds() - from) as f64 / 60.0;
        let from = stage.seconds();
        let falling_s = (self.fall.minutes * 60.0 * begins_at) as i64;
        let has = self.capital.fund_usd + self.capital.own_capital_usd;
        let mut live = |stage: &mut Stage, price: f64| {
            stage.say(symbol, price);
            stage.quote(maker, symbol, price, self.asset.half_spread, self.asset.depth_usd_1pct);
            stage.pass(1);
            index.points.push((minute_of(stage, from), stage.index(symbol)));
            capital.points.push((minute_of(stage, from), has - stage.venue_loss_usd()));
        };
        for second in 0..falling_s {
            live(&mut stage, self.fall.price(second as f64 / (self.fall.minutes * 60.0)));
        }
        let before: u64 = longs.iter().map(|long| stage.liquidations(*long)).sum();
        stage.outage(dark_s as i64);
        let in_the_dark: u64 = longs.iter().map(|long| stage.liquidations(*long)).sum::<u64>() - before;
        for _ in 0..AFTERWARDS_S {
            live(&mut stage, self.fall.price(begins_at) * (1.0 + gap));
        }
        let mut held = stage.held(&[], 0.0);
        let liquidated = longs.iter().filter(|long| stage.liquidations(**long) > 0).count();
        held.wrongful_liquidations += in_the_dark;
        held.figures = vec![
            Figure::new("longs liquidated, of ten", liquidated as f64),
            Figure::new("of them in the block of the restart", in_the_dark as f64),
        ];
        let plot = |title: &str, line| Plot {
            title: title.into(),
            across: "minutes".into(),
            up: "USD".into(),
            logarithmic: false,
            lines: vec![line],
        };
        held.plots = vec![plot("Price", index), plot("What stands behind the pool", capital)];
        held
    }
}

/// Sells so many dollars' worth, the oldest first.
fn sell(waiting: &mut VecDeque<(f64, f64)>, usd: f64) {
    let mut left = usd;
    while let Some((_, size)) = waiting.front_mut() {
        let sold = size.min(left);
        *size -= sold;
        left -= sold;
        if *size > 0.0 {
            return;
        }
        waiting.pop_front();
    }
}

impl Bitmex {
    fn join_longs(&self, stage: &mut Stage, leverage: f64) -> Vec<Member> {
        let symbol = self.asset.symbol.as_str();
        let short = stage.join("short", SHORT_USD);
        let mut longs = Vec::new();
        for at in 0..LONGS {
            let long = stage.join(&format!("long {at}"), self.longs.notional_usd / leverage);
            let wanted = self.longs.notional_usd / self.asset.price_usd;
            stage.strike(long, short, symbol, stage.most_units(long, symbol, 1.0).min(wanted));
            stage.pass(1);
            longs.push(long);
        }
        longs
    }
}

//! sKRW 2019: one of two sources that are left reports a thousand times the price, the mean counts, and a program trades in and out.

use super::market::over_minutes;
use super::pump::trade_with_themselves;
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Reenacted};
use crate::museum::stage::{Asset, Capital, Member, Said, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "skrw-2019",
    story: include_str!("../../../../../drills/skrw-2019/README.md"),
    description: include_str!("../../../../../drills/skrw-2019/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Skrw>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Skrw {
    card: Card,
    old_rules: OldRules,
    error: Error,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    sources_alive: usize,
    sources_usual: usize,
    outlier: f64,
    fee: f64,
    starts_with_seth: f64,
    round_trips: u32,
    eth_usd: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Error {
    multiple: f64,
    alive: f64,
    on_seconds: f64,
    off_seconds: f64,
    margin_usd: f64,
}

const PULSES: i64 = 4;
const MAKER_USD: f64 = 5e6;
const HEDGER_USD: f64 = 20_000.0;
const HEDGED_USD: f64 = 50_000.0;
const AFTERWARDS_S: i64 = 600;
/// As many units as margin and open interest allow.
const ALL: f64 = 1e15;

impl OldRules {
    /// The rate of an aggregator that drops whoever is far from the median, if there are three to ask, and takes the mean of the others.
    fn rate(&self, sources: &[f64]) -> f64 {
        let mut sorted = sources.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[sorted.len() / 2];
        let near = |source: &f64| sources.len() < 3 || (source / median - 1.0).abs() <= self.outlier;
        let kept: Vec<f64> = sources.iter().copied().filter(near).collect();
        kept.iter().sum::<f64>() / kept.len() as f64
    }

    /// What a program has that buys at the right rate and sells at the wrong one, with so many sources alive; after every trip.
    fn trips(&self, alive: usize, multiple: f64) -> Vec<f64> {
        let right = self.rate(&vec![1.0; alive]);
        let mut with_error = vec![1.0; alive];
        with_error[0] = multiple;
        let wrong = self.rate(&with_error);
        let mut has = vec![self.starts_with_seth];
        for _ in 0..self.round_trips {
            let won = has[has.len() - 1] / right * (1.0 - self.fee) * wrong * (1.0 - self.fee);
            has.push(won);
        }
        has
    }
}

impl Skrw {
    fn feed_says(&self, stage: &mut Stage, alive: usize, multiple: f64) {
        let symbol = self.asset.symbol.as_str();
        for venue in 0..self.asset.sources.len() {
            let said = match venue {
                0 => Said::honest(self.asset.price_usd * multiple),
                _ if venue < alive => Said::honest(self.asset.price_usd),
                _ => Said::nothing(),
            };
            stage.say_at(symbol, venue, said);
        }
    }
}

/// Whoever holds anything takes out what it may.
fn take_all_out(stage: &mut Stage, members: [Member; 2]) {
    for member in members {
        let free = stage.withdrawable_usd(member);
        if free > 1.0 {
            stage.withdraw(member, free);
        }
    }
}

impl Incident for Skrw {
    fn card(&self) -> &Card {
        &self.card
    }

    fn as_it_was(&self) -> Reenacted {
        let (rules, multiple) = (&self.old_rules, self.error.multiple);
        let has = rules.trips(rules.sources_alive, multiple);
        let usual = rules.trips(rules.sources_usual, multiple);
        let gain = |has: &[f64]| has[has.len() - 1] - has[0];
        let mut line = Line::new("sETH of the program");
        line.points = has.iter().enumerate().map(|(trip, seth)| (trip as f64, *seth)).collect();
        let mut plot = over_minutes("The program's balance", "sETH", vec![line]);
        plot.across = "round trips".into();
        plot.logarithmic = true;
        let once = has[1] / has[0];
        Reenacted {
            loss: gain(&has),
            figures: vec![
                Figure::new("gain of one round trip, times", once),
                Figure::new("gain in USD", gain(&has) * rules.eth_usd),
                Figure::new("sETH gained by one round trip alone", has[1] - has[0]),
                Figure::new("sETH to start with if one round trip won it all", gain(&has) / once),
                Figure::new("sETH gained with three sources alive", gain(&usual)),
            ],
            plots: vec![plot],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let error = &self.error;
        vec![
            Knob::logarithmic("what the wrong source reports, times the price", 0.001, 1_000.0, error.multiple),
            Knob::linear("sources alive, of five, the wrong one included", 1.0, 5.0, error.alive),
            Knob::logarithmic("seconds of an error", 1.0, 300.0, error.on_seconds),
            Knob::logarithmic("seconds between errors", 1.0, 300.0, error.off_seconds),
            Knob::logarithmic("margin of each of two accounts, USD", 1e3, 1e7, error.margin_usd),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [multiple, alive, on, off, margin] = *choice else { unreachable!("five knobs") };
        let (asset, symbol) = (&self.asset, self.asset.symbol.as_str());
        let mut stage = Stage::new(std::slice::from_ref(asset), self.capital);
        let maker = stage.join("maker", MAKER_USD);
        let hedgers = ["buyer", "seller"].map(|name| stage.join(name, HEDGER_USD));
        stage.strike(hedgers[0], hedgers[1], symbol, HEDGED_USD / asset.price_usd);
        let both = ["program long", "program short"].map(|name| stage.join(name, margin));
        trade_with_themselves(&mut stage, symbol, both, ALL, 1.0);
        let opened = stage.position(both[0], symbol);
        stage.honest(symbol, asset.price_usd);

        let (alive, on, off) = (alive.round() as usize, on.round() as i64, off.round() as i64);
        let mut index = Line::new("index");
        for second in 0..PULSES * (on + off) + AFTERWARDS_S {
            let wrong = second < PULSES * (on + off) && second % (on + off) >= off;
            self.feed_says(&mut stage, alive, if wrong { multiple } else { 1.0 });
            stage.quote(maker, symbol, asset.price_usd, asset.half_spread, asset.depth_usd_1pct);
            take_all_out(&mut stage, both);
            stage.pass(1);
            index.points.push((second as f64 / 60.0, stage.index(symbol) / asset.price_usd));
        }
        let furthest = index.points.iter().map(|(_, at)| at.ln().abs()).fold(0.0, f64::max).exp();
        let mut held = stage.held(&both, 0.0);
        let hurt = hedgers.iter().filter(|member| stage.liquidations(**member) > 0).count();
        held.figures = vec![
            Figure::new("position opened, KRW", opened),
            Figure::new("index furthest from the price, times", furthest),
            Figure::new("hedgers liquidated, of two", hurt as f64),
            Figure::new("taken out, USD", both.map(|member| stage.account(member).taken_out_usd).iter().sum()),
        ];
        held.plots = vec![over_minutes("The index", "times the price", vec![index])];
        held
    }
}

//! Compound 2020: one exchange's price of DAI, bounded by a pool that followed it.

use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::stage::{Asset, Capital, Said, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "compound-2020",
    story: include_str!("../../../../../drills/compound-2020/README.md"),
    description: include_str!("../../../../../drills/compound-2020/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Compound>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compound {
    card: Card,
    old_rules: OldRules,
    market: Market,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    debt_dai: f64,
    close_factor: f64,
    anchor_bound: f64,
    reported_usd: f64,
    anchor_usd: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Market {
    sources_usd: [f64; 5],
    minutes: f64,
    leverage: f64,
}

const SHORTS: usize = 10;
const SHORT_NOTIONAL_USD: f64 = 400_000.0;
const LONG_USD: f64 = 20e6;
const MAKER_USD: f64 = 20e6;
const AFTERWARDS_S: i64 = 600;

impl OldRules {
    /// The price that counts: the exchange's within the bound around the anchor, otherwise the last one.
    fn price(&self, reported: f64, anchor: f64, last: f64) -> f64 {
        if (reported / anchor - 1.0).abs() <= self.anchor_bound { reported } else { last }
    }

    /// The debt that is repaid by force once a DAI counts as so many dollars; debts use 0 to 1 of their owners' power, evenly.
    fn repaid(&self, price: f64) -> f64 {
        let beyond = (1.0 - 1.0 / price).max(0.0);
        self.debt_dai * beyond * self.close_factor
    }
}

impl Incident for Compound {
    fn card(&self) -> &Card {
        &self.card
    }

    fn as_it_was(&self) -> Reenacted {
        let rules = &self.old_rules;
        let (mut price, mut highest) = (1.0, 1.0_f64);
        let (mut reported, mut counted) = (Line::new("exchange"), Line::new("what counted"));
        let mut repaid = Line::new("repaid by force");
        for minute in 0..=self.market.minutes as u32 {
            // Up for half an hour, then down; the pool follows at the same pace.
            let done = 1.0 - (f64::from(minute) / self.market.minutes * 2.0 - 1.0).abs();
            let exchange = 1.0 + (rules.reported_usd - 1.0) * done;
            price = rules.price(exchange, 1.0 + (rules.anchor_usd - 1.0) * done, price);
            highest = highest.max(price);
            let at = f64::from(minute);
            reported.points.push((at, exchange));
            counted.points.push((at, price));
            repaid.points.push((at, rules.repaid(highest)));
        }
        let alone = rules.price(rules.reported_usd, 1.0, 1.0);
        let plot = |title: &str, lines| Plot {
            title: title.into(),
            across: "minutes".into(),
            up: "USD".into(),
            logarithmic: false,
            lines,
        };
        Reenacted {
            loss: rules.repaid(highest),
            figures: vec![
                Figure::new("highest price that counted, USD", highest),
                Figure::new("price that would have counted with an anchor at one dollar, USD", alone),
            ],
            plots: vec![plot("DAI", vec![reported, counted]), plot("Liquidations", vec![repaid])],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let [exchange, pool, ..] = self.market.sources_usd;
        vec![
            Knob::linear("price on the exchange, USD", 0.5, 3.0, exchange),
            Knob::linear("price in the pool, USD", 0.5, 3.0, pool),
            Knob::logarithmic("minutes", 0.5, 120.0, self.market.minutes),
            Knob::linear("leverage of the shorts, as far as margin allows", 1.0, 100.0, self.market.leverage),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [exchange, pool, minutes, leverage] = *choice else { unreachable!("four knobs") };
        let symbol = self.asset.symbol.as_str();
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        let maker = stage.join("maker", MAKER_USD);
        let long = stage.join("long", LONG_USD);
        let mut shorts = Vec::new();
        for at in 0..SHORTS {
            let short = stage.join(&format!("short {at}"), SHORT_NOTIONAL_USD / leverage);
            stage.strike(long, short, symbol, stage.most_units(short, symbol, -1.0).min(SHORT_NOTIONAL_USD).floor());
            stage.pass(1);
            shorts.push(short);
        }
        stage.honest(symbol, 1.0);
        let high = [exchange, pool, self.market.sources_usd[2], self.market.sources_usd[3], self.market.sources_usd[4]];
        let pushed_s = ((minutes * 60.0) as i64).max(1);
        let (mut index, mut pushed) = (Line::new("index"), Line::new("exchange"));
        let mut furthest: f64 = 1.0;
        for second in 0..pushed_s + AFTERWARDS_S {
            let done = if second < pushed_s { 1.0 - (second as f64 / pushed_s as f64 * 2.0 - 1.0).abs() } else { 0.0 };
            for (venue, high) in high.iter().enumerate() {
                stage.say_at(symbol, venue, Said::honest(1.0 + (high - 1.0) * done));
            }
            stage.quote(maker, symbol, 1.0, self.asset.half_spread, self.asset.depth_usd_1pct);
            stage.pass(1);
            let at = stage.index(symbol);
            furthest = if (at - 1.0).abs() > (furthest - 1.0).abs() { at } else { furthest };
            if second % 10 == 0 {
                index.points.push((second as f64 / 60.0, at));
                pushed.points.push((second as f64 / 60.0, 1.0 + (exchange - 1.0) * done));
            }
        }
        let mut held = stage.held(&[], 0.0);
        let liquidated = shorts.iter().filter(|member| stage.liquidations(**member) > 0).count();
        held.figures = vec![
            Figure::new("index furthest from a dollar, USD", furthest),
            Figure::new("shorts liquidated, of ten", liquidated as f64),
        ];
        held.plots = vec![Plot {
            title: "The exchange, and the index".into(),
            across: "minutes".into(),
            up: "USD".into(),
            logarithmic: false,
            lines: vec![pushed, index],
        }];
        held
    }
}

//! WTI 2020: a future settles below zero, and a margin model that ends there calls it paid for.

use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::stage::{Asset, Capital, Member, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "wti-2020",
    story: include_str!("../../../../../drills/wti-2020/README.md"),
    description: include_str!("../../../../../drills/wti-2020/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Wti>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wti {
    card: Card,
    day: Day,
    fall: Fall,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    before_usd: f64,
    settlement_usd: f64,
    contracts: f64,
    barrels: f64,
    /// Pairs of a price and the part of the contracts that was bought there.
    bought: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fall {
    minutes: f64,
    leverage: f64,
}

const LONGS: usize = 10;
const LONG_NOTIONAL_USD: f64 = 100_000.0;
const HEDGER_USD: f64 = 5_000_000.0;
const MAKER_USD: f64 = 3_000_000.0;
/// A block every so many seconds, which keeps a day to two thousand blocks.
const STEP_S: i64 = 5;
const AFTERWARDS_S: i64 = 900;

impl Day {
    /// Equity of everybody at a price, and what is missing where it is below zero. A margin model with a floor sees prices from it up.
    fn equity(&self, price: f64, floor: f64) -> (f64, f64) {
        let seen = price.max(floor);
        let each = self.bought.iter().map(|(paid, part)| {
            // Paid for in full: cash is what it cost, the position is the difference.
            let equity = (paid + (seen - paid)) * self.barrels * self.contracts * part;
            (equity.max(0.0), (-equity).max(0.0))
        });
        each.fold((0.0, 0.0), |(has, lacks), (more, less)| (has + more, lacks + less))
    }
}

impl Incident for Wti {
    fn card(&self) -> &Card {
        &self.card
    }

    /// Clients are liquidated when the model's equity is below zero, which it never is.
    fn as_it_was(&self) -> Reenacted {
        let day = &self.day;
        let (mut seen, mut real) = (Line::new("equity as the model saw it"), Line::new("equity as it was"));
        let mut liquidated = 0;
        for minute in 0..=self.fall.minutes as u32 {
            let done = f64::from(minute) / self.fall.minutes;
            let price = 10.0 + (day.settlement_usd - 10.0) * done;
            let (model, lacks) = day.equity(price, 0.0);
            liquidated += u32::from(lacks > 0.0);
            let (has, lacks) = day.equity(price, f64::NEG_INFINITY);
            seen.points.push((f64::from(minute), model));
            real.points.push((f64::from(minute), has - lacks));
        }
        let (_, lost) = day.equity(day.settlement_usd, f64::NEG_INFINITY);
        Reenacted {
            loss: lost,
            figures: vec![
                Figure::new("contracts", day.contracts),
                Figure::beside(
                    "minutes in which the model saw anybody to liquidate",
                    f64::from(liquidated),
                    [0.0, 0.0],
                ),
            ],
            plots: vec![Plot {
                title: "Clients' equity on the way to the settlement".into(),
                across: "minutes".into(),
                up: "USD".into(),
                logarithmic: false,
                lines: vec![seen, real],
            }],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        vec![
            Knob::logarithmic("minutes of the fall", 20.0, 600.0, self.fall.minutes),
            Knob::linear("price at the end, USD a barrel", -80.0, 0.0, self.day.settlement_usd),
            Knob::linear("leverage of the longs, as far as margin allows", 1.0, 10.0, self.fall.leverage),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [minutes, end_usd, leverage] = choice else { unreachable!("three knobs") };
        let symbol = self.asset.symbol.as_str();
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        let maker = stage.join("maker", MAKER_USD);
        let hedgers = [stage.join("hedger 1", HEDGER_USD), stage.join("hedger 2", HEDGER_USD)];
        let longs = self.join_longs(&mut stage, hedgers, *leverage);
        let falling_s = (minutes * 60.0) as i64;
        let (mut index, mut fund) = (Line::new("index, USD a barrel"), Line::new("fund and own capital"));
        let mut below_zero = 0;
        for second in (0..falling_s + AFTERWARDS_S).step_by(STEP_S as usize) {
            let done = (second as f64 / falling_s as f64).min(1.0);
            let price = self.day.before_usd + (end_usd - self.day.before_usd) * done;
            stage.say(symbol, price);
            stage.quote(maker, symbol, price, self.asset.half_spread, self.asset.depth_usd_1pct);
            stage.pass(STEP_S);
            below_zero += u64::from(stage.index(symbol) < 0.0);
            if second % 60 == 0 {
                let minute = second as f64 / 60.0;
                index.points.push((minute, stage.index(symbol)));
                let capital = self.capital.fund_usd + self.capital.own_capital_usd;
                fund.points.push((minute, capital - stage.venue_loss_usd()));
            }
        }
        let mut held = stage.held(&[], 0.0);
        let liquidated = longs.iter().filter(|long| stage.liquidations(**long) > 0).count();
        let owed: f64 = longs.iter().map(|long| (-stage.account(*long).equity_usd).max(0.0)).sum();
        held.figures = vec![
            Figure::new("longs liquidated, of ten", liquidated as f64),
            Figure::new("owed by them at the end, USD", owed),
            Figure::new("blocks below zero", below_zero as f64),
        ];
        let plot = |title: &str, up: &str, line| Plot {
            title: title.into(),
            across: "minutes".into(),
            up: up.into(),
            logarithmic: false,
            lines: vec![line],
        };
        held.plots = vec![plot("Price", "USD a barrel", index), plot("What stands behind the pool", "USD", fund)];
        held
    }
}

impl Wti {
    /// Ten longs with the same notional against two hedgers; each posts what its leverage asks, or what margin asks if that is more.
    fn join_longs(&self, stage: &mut Stage, hedgers: [Member; 2], leverage: f64) -> Vec<Member> {
        let symbol = self.asset.symbol.as_str();
        let mut longs = Vec::new();
        for at in 0..LONGS {
            let long = stage.join(&format!("long {at}"), LONG_NOTIONAL_USD / leverage);
            let wanted = LONG_NOTIONAL_USD / self.asset.price_usd;
            let units = wanted.min(stage.most_units(long, symbol, 1.0)).floor();
            if let Some(hedger) = hedgers.get(at % hedgers.len()) {
                stage.strike(long, *hedger, symbol, units);
                stage.pass(1);
            }
            longs.push(long);
        }
        longs
    }
}

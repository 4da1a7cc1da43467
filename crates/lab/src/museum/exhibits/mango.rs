//! Mango Markets 2022: two accounts trade a thin coin's perpetual with each other, push its spot price, and borrow on the gain.

use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::spot::Spot;
use crate::museum::stage::{Asset, Capital, Member, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "mango-2022",
    story: include_str!("../../../../../drills/mango-2022/README.md"),
    description: include_str!("../../../../../drills/mango-2022/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Mango>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mango {
    card: Card,
    attack: Attack,
    old_rules: OldRules,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    margin_usd: f64,
    units: f64,
    push_usd: f64,
    minutes: f64,
    price_at_the_top: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    vault_usd: f64,
    gain_weight: f64,
    borrow_weight: f64,
}

/// Spot prices come back with this half-life once nobody buys: MNGO was at 0.02 half an hour later.
const HALF_LIFE_S: f64 = 300.0;
/// How long everything is watched after the push.
const AFTERWARDS_S: i64 = 1_800;
/// Honest members: two makers, and somebody long against somebody short.
const MAKER_USD: f64 = 200_000.0;
const HEDGER_USD: f64 = 20_000.0;
const HEDGER_UNITS: f64 = 200_000.0;

impl Incident for Mango {
    fn card(&self) -> &Card {
        &self.card
    }

    /// Equity is cash plus the perpetual's gain at the oracle; whoever has equity borrows what the vaults have.
    fn as_it_was(&self) -> Reenacted {
        let (attack, rules) = (&self.attack, &self.old_rules);
        let mut spot = Spot::new(self.asset.price_usd, self.asset.depth_usd_1pct, f64::INFINITY);
        let (mut price, mut borrowed) = (Line::new("oracle price, USD"), Line::new("borrowed"));
        let mut can_borrow = Line::new("could be borrowed");
        let mut taken: f64 = 0.0;
        for minute in 0..=attack.minutes as u32 {
            if minute > 0 {
                spot.buy(attack.push_usd / attack.minutes);
            }
            let gain = attack.units * (spot.price() - self.asset.price_usd) * rules.gain_weight;
            let limit = (attack.margin_usd + gain) / rules.borrow_weight;
            taken = taken.max(limit.min(rules.vault_usd));
            let at = f64::from(minute);
            price.points.push((at, spot.price()));
            can_borrow.points.push((at, limit));
            borrowed.points.push((at, taken));
        }
        let gain = attack.units * (spot.price() - self.asset.price_usd);
        let plot = |title: &str, up: &str, lines| Plot {
            title: title.into(),
            across: "minutes".into(),
            up: up.into(),
            logarithmic: false,
            lines,
        };
        Reenacted {
            loss: taken,
            figures: vec![
                Figure::beside(
                    "price at the top, USD",
                    spot.price(),
                    [attack.price_at_the_top * 0.9, attack.price_at_the_top * 1.1],
                ),
                Figure::beside("unrealised gain, USD", gain, [400e6, 440e6]),
            ],
            plots: vec![
                plot("What spot purchases did to the oracle", "USD", vec![price]),
                plot("What Mango lent against it", "USD", vec![can_borrow, borrowed]),
            ],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let attack = &self.attack;
        vec![
            Knob::logarithmic("margin of each of two accounts, USD", 1e4, 1e8, attack.margin_usd),
            Knob::logarithmic("spent on spot venues, USD", 1e4, 2e7, attack.push_usd),
            Knob::logarithmic("minutes of buying", 1.0, 600.0, attack.minutes),
            Knob::linear("part of what margin allows", 0.05, 1.0, 1.0),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [margin_usd, push_usd, minutes, part] = choice else { unreachable!("four knobs") };
        let symbol = self.asset.symbol.as_str();
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        let makers = [stage.join("maker 1", MAKER_USD), stage.join("maker 2", MAKER_USD)];
        let hedgers = [stage.join("buyer", HEDGER_USD), stage.join("seller", HEDGER_USD)];
        stage.strike(hedgers[0], hedgers[1], symbol, HEDGER_UNITS);
        let [long, short] = [stage.join("attacker long", *margin_usd), stage.join("attacker short", *margin_usd)];
        trade_with_themselves(&mut stage, symbol, [long, short], self.attack.units, *part);
        let opened = stage.position(long, symbol);

        let mut spot = Spot::new(self.asset.price_usd, self.asset.depth_usd_1pct, HALF_LIFE_S);
        let buying_s = (minutes * 60.0) as i64;
        let mut course = Course::new();
        for second in 0..buying_s + AFTERWARDS_S {
            if second < buying_s {
                spot.buy(push_usd / buying_s as f64);
            } else {
                spot.pass(1.0);
            }
            stage.say(symbol, spot.price());
            for maker in makers {
                stage.quote(maker, symbol, spot.price(), self.asset.half_spread, self.asset.depth_usd_1pct / 2.0);
            }
            let free = stage.withdrawable_usd(long);
            if free > 1.0 {
                stage.withdraw(long, free);
            }
            stage.pass(1);
            course.note(&stage, second, spot.price(), symbol, long);
        }
        spot.sell_all();
        let mut held = stage.held_after_a_push(&[long, short], -spot.paid_usd);
        held.figures = vec![
            Figure::new("position opened, MNGO", opened),
            Figure::new("taken out, USD", stage.account(long).taken_out_usd + stage.account(short).taken_out_usd),
            Figure::new("paid to push spot prices, USD", spot.paid_usd),
            Figure::new("liquidations of the short account", stage.liquidations(short) as f64),
        ];
        held.plots = course.plots();
        held
    }
}

/// Both accounts ask for as much as margin allows, up to what was opened in history, over a minute, at the mark.
fn trade_with_themselves(stage: &mut Stage, symbol: &str, [long, short]: [Member; 2], units: f64, part: f64) {
    stage.play(60, |stage, _| {
        let room = stage.most_units(long, symbol, 1.0).min(stage.most_units(short, symbol, -1.0));
        let wanted = (units - stage.position(long, symbol)).min(room * part);
        if wanted >= 1.0 {
            let mark = stage.mark(symbol);
            stage.order(long, symbol, wanted, Some(mark));
            stage.order(short, symbol, -wanted, Some(mark));
        }
    });
}

/// A note every ten seconds.
struct Course {
    spot: Line,
    index: Line,
    taken: Line,
}

impl Course {
    fn new() -> Self {
        Self { spot: Line::new("spot"), index: Line::new("index"), taken: Line::new("taken out by the attacker") }
    }

    fn note(&mut self, stage: &Stage, second: i64, spot: f64, symbol: &str, long: Member) {
        if second % 10 == 0 {
            let minutes = second as f64 / 60.0;
            self.spot.points.push((minutes, spot));
            self.index.points.push((minutes, stage.index(symbol)));
            self.taken.points.push((minutes, stage.account(long).taken_out_usd));
        }
    }

    fn plots(self) -> Vec<Plot> {
        let plot = |title: &str, lines| Plot {
            title: title.into(),
            across: "minutes".into(),
            up: "USD".into(),
            logarithmic: false,
            lines,
        };
        vec![plot("Price", vec![self.spot, self.index]), plot("Money that left", vec![self.taken])]
    }
}

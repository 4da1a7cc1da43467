//! Mango Markets 2022: two accounts trade a thin coin's perpetual with each other, push its spot price, and borrow on the gain.

use super::pump::Pump;
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::spot::Spot;
use crate::museum::stage::{Asset, Capital};
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
        let [margin_usd, push_usd, minutes, part] = *choice else { unreachable!("four knobs") };
        let pump = Pump {
            asset: &self.asset,
            capital: self.capital,
            margin_usd,
            units: self.attack.units,
            push_usd,
            minutes,
            part,
            half_life_s: HALF_LIFE_S,
        };
        pump.play()
    }
}

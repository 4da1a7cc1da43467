//! JELLY 2025: a short is opened against oneself, left to the vault, and its price is pushed.

use super::pump::Pump;
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::spot::Spot;
use crate::museum::stage::{Asset, Capital};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "jelly-2025",
    story: include_str!("../../../../../drills/jelly-2025/README.md"),
    description: include_str!("../../../../../drills/jelly-2025/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Jelly>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jelly {
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
    top_usd: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    taken_over_at: f64,
    vault_usd: f64,
}

/// Spot prices come back with this half-life once nobody buys: assumption.
const HALF_LIFE_S: f64 = 600.0;

impl Incident for Jelly {
    fn card(&self) -> &Card {
        &self.card
    }

    /// The vault inherits the short and holds it; everything that it has stands behind it, so that nothing else is asked.
    fn as_it_was(&self) -> Reenacted {
        let (attack, rules) = (&self.attack, &self.old_rules);
        let mut spot = Spot::new(self.asset.price_usd, self.asset.depth_usd_1pct, f64::INFINITY);
        let entry = self.asset.price_usd * rules.taken_over_at;
        let (mut price, mut loss) = (Line::new("mark, USD"), Line::new("unrealised loss of the vault"));
        let (mut lost, mut deleveraged): (f64, u32) = (0.0, 0);
        for minute in 1..=attack.minutes as u32 {
            spot.buy(attack.push_usd / attack.minutes);
            if spot.price() >= entry {
                lost = attack.units * (spot.price() - entry);
            }
            // The rule of the day: only when the vault as a whole is gone.
            deleveraged += u32::from(lost > rules.vault_usd);
            price.points.push((f64::from(minute), spot.price()));
            loss.points.push((f64::from(minute), lost));
        }
        let plot = |title: &str, line| Plot {
            title: title.into(),
            across: "minutes".into(),
            up: "USD".into(),
            logarithmic: false,
            lines: vec![line],
        };
        Reenacted {
            loss: lost,
            figures: vec![
                Figure::beside("price at the top, USD", spot.price(), [attack.top_usd * 0.94, attack.top_usd * 1.25]),
                Figure::beside("minutes in which anybody was deleveraged", f64::from(deleveraged), [0.0, 0.0]),
            ],
            plots: vec![plot("What spot purchases did to the mark", price), plot("The vault", loss)],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let attack = &self.attack;
        vec![
            Knob::logarithmic("margin of each of two accounts, USD", 1e4, 1e8, attack.margin_usd),
            Knob::logarithmic("spent on spot venues, USD", 1e4, 3e7, attack.push_usd),
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

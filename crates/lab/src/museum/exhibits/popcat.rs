//! POPCAT 2025: many accounts go long behind a wall of bids, the wall is pulled, and a vault inherits the fall.

use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::stage::{Asset, Capital, Member, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "popcat-2025",
    story: include_str!("../../../../../drills/popcat-2025/README.md"),
    description: include_str!("../../../../../drills/popcat-2025/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Popcat>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Popcat {
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
    accounts: f64,
    notional_usd: f64,
    top_usd: f64,
    low_usd: f64,
    minutes: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    maintenance: f64,
    closed_within_minutes: f64,
}

const MOST_ACCOUNTS: f64 = 19.0;
/// Rounds in which the position is built, a second each.
const BUILDING_S: i64 = 90;
const OTHER_SIDE_USD: f64 = 60e6;
const MAKER_USD: f64 = 5e6;
const BIDDER_USD: f64 = 1e6;
/// A bidder's premium, as a share of a portfolio's initial margin.
const PREMIUM: f64 = 0.1;
const AFTERWARDS_S: i64 = 1_200;
/// Steps of the old rules, in a minute.
const STEPS: u32 = 10;

impl Incident for Popcat {
    fn card(&self) -> &Card {
        &self.card
    }

    fn as_it_was(&self) -> Reenacted {
        let (attack, rules) = (&self.attack, &self.old_rules);
        let units = attack.notional_usd / attack.top_usd;
        let price =
            |minute: f64| attack.top_usd + (attack.low_usd - attack.top_usd) * (minute / attack.minutes).min(1.0);
        let closing = units / (rules.closed_within_minutes * f64::from(STEPS));
        let (mut mark, mut loss) = (Line::new("mark, USD"), Line::new("the vault's loss"));
        let (mut taken_at, mut held, mut lost) = (None, 0.0, 0.0);
        for step in 0..=((attack.minutes + rules.closed_within_minutes) as u32 * STEPS) {
            let minute = f64::from(step) / f64::from(STEPS);
            let now = price(minute);
            let equity = attack.margin_usd - units * (attack.top_usd - now);
            if taken_at.is_none() && equity < rules.maintenance * units * now {
                (taken_at, held, lost) = (Some(now), units, -equity);
            }
            if let Some(taken) = taken_at {
                let sold = closing.min(held);
                held -= sold;
                lost += sold * (taken - now);
            }
            mark.points.push((minute, now));
            let open = taken_at.map_or(0.0, |taken| held * (taken - now));
            loss.points.push((minute, lost + open));
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
                Figure::new("taken over at, USD", taken_at.unwrap_or(f64::NAN)),
                Figure::beside("lost by the vault for a dollar burnt", lost / attack.margin_usd, [1.5, 1.75]),
            ],
            plots: vec![plot("Price", mark), plot("The vault", loss)],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let attack = &self.attack;
        vec![
            Knob::logarithmic("money of all accounts together, USD", 1e5, 3e7, attack.margin_usd),
            Knob::linear("accounts", 1.0, MOST_ACCOUNTS, attack.accounts),
            Knob::linear("price at the low, USD", 0.04, 0.20, attack.low_usd),
            Knob::logarithmic("minutes of the fall", 1.0, 120.0, attack.minutes),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [margin_usd, accounts, low_usd, minutes] = *choice else { unreachable!("four knobs") };
        let symbol = self.asset.symbol.as_str();
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        let maker = stage.join("maker", MAKER_USD);
        let other_side = stage.join("other side", OTHER_SIDE_USD);
        let bidder = stage.join("bidder", BIDDER_USD);
        stage.bid(bidder, PREMIUM, BIDDER_USD / 2.0);
        let count = accounts.round().clamp(1.0, MOST_ACCOUNTS) as usize;
        let attackers: Vec<Member> =
            (0..count).map(|at| stage.join(&format!("wallet {at}"), margin_usd / count as f64)).collect();
        self.build(&mut stage, &attackers, other_side);
        let opened: f64 = attackers.iter().map(|member| stage.position(*member, symbol)).sum();
        let falling_s = ((minutes * 60.0) as i64).max(1);
        let (mut index, mut capital) = (Line::new("index"), Line::new("fund and own capital"));
        let has = self.capital.fund_usd + self.capital.own_capital_usd;
        for second in 0..falling_s + AFTERWARDS_S {
            let done = (second as f64 / falling_s as f64).min(1.0);
            let price = self.asset.price_usd + (low_usd - self.asset.price_usd) * done;
            stage.say(symbol, price);
            stage.quote(maker, symbol, price, self.asset.half_spread, self.asset.depth_usd_1pct);
            stage.pass(1);
            if second % 10 == 0 {
                index.points.push((second as f64 / 60.0, stage.index(symbol)));
                capital.points.push((second as f64 / 60.0, has - stage.venue_loss_usd()));
            }
        }
        let mut held = stage.held(&attackers, 0.0);
        let burnt = -held.attacker_gain_usd.unwrap_or(0.0);
        let others = held.bad_debt_usd + held.venue_loss_usd.max(0.0);
        held.figures = vec![
            Figure::new("position opened, USD", opened * self.asset.price_usd),
            Figure::new("burnt by the attacker, USD", burnt),
            Figure::new("lost by others for a dollar burnt", others / burnt.max(1.0)),
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

impl Popcat {
    /// Every account buys what its margin allows, up to its part of what was opened in history; somebody with much money sells.
    fn build(&self, stage: &mut Stage, attackers: &[Member], other_side: Member) {
        let symbol = self.asset.symbol.as_str();
        let each = self.attack.notional_usd / self.asset.price_usd / attackers.len() as f64;
        stage.play(BUILDING_S, |stage, _| {
            let mark = stage.mark(symbol);
            let mut wanted = 0.0;
            for member in attackers {
                let more = (each - stage.position(*member, symbol)).min(stage.most_units(*member, symbol, 1.0));
                if more >= 1.0 {
                    stage.order(*member, symbol, more, Some(mark));
                    wanted += more.floor();
                }
            }
            if wanted >= 1.0 {
                stage.order(other_side, symbol, -wanted, Some(mark));
            }
        });
    }
}

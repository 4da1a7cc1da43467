//! YFI on dYdX 2023: many accounts go long with their own gains, on a price that they push, and a fund pays for the fall.

use super::market::over_minutes;
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Reenacted};
use crate::museum::spot::Spot;
use crate::museum::stage::{Asset, Capital, Member, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "yfi-2023",
    story: include_str!("../../../../../drills/yfi-2023/README.md"),
    description: include_str!("../../../../../drills/yfi-2023/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Yfi>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Yfi {
    card: Card,
    attack: Attack,
    old_rules: OldRules,
    new_rules: NewRules,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    margin_usd: f64,
    accounts: f64,
    open_interest_usd: f64,
    top_usd: f64,
    minutes_up: f64,
    low_usd: f64,
    minutes_down: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    initial: f64,
    maintenance: f64,
    liquidated_usd: f64,
    closed_within_minutes: f64,
    fund_usd: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRules {
    low_usd: f64,
    high_usd: f64,
}

const MOST_ACCOUNTS: f64 = 20.0;
const OTHER_SIDE_USD: f64 = 100e6;
const MAKER_USD: f64 = 5e6;
const BIDDER_USD: f64 = 1e6;
/// A bidder's premium, as a share of a portfolio's initial margin.
const PREMIUM: f64 = 0.1;
/// Spot prices come back with this half-life once nobody buys: assumption.
const HALF_LIFE_S: f64 = 1_800.0;
const AFTERWARDS_S: i64 = 1_800;
/// Blocks of a run, about.
const BLOCKS: i64 = 1_000;
/// The attacker adds or takes out once in so many blocks.
const EVERY: usize = 4;
/// Steps of the old rules, in a minute.
const STEPS: u32 = 10;

impl NewRules {
    /// Initial margin, where so much is open.
    fn initial(&self, initial: f64, open_usd: f64) -> f64 {
        let scaled = ((open_usd - self.low_usd) / (self.high_usd - self.low_usd)).max(0.0);
        (initial + scaled * (1.0 - initial)).min(1.0)
    }
}

impl Incident for Yfi {
    fn card(&self) -> &Card {
        &self.card
    }

    /// All longs are alike: initial margin at the top. What closing them brings less than that is the fund's to pay.
    fn as_it_was(&self) -> Reenacted {
        let (attack, rules) = (&self.attack, &self.old_rules);
        let units = rules.liquidated_usd / attack.top_usd;
        let margin = rules.initial * rules.liquidated_usd;
        let price =
            |minute: f64| attack.top_usd + (attack.low_usd - attack.top_usd) * (minute / attack.minutes_down).min(1.0);
        let closing = units / (rules.closed_within_minutes * f64::from(STEPS));
        let (mut mark, mut paid) = (Line::new("index"), Line::new("paid by the fund"));
        let (mut held, mut cash, mut begun) = (units, margin - rules.liquidated_usd, false);
        for step in 0..=((attack.minutes_down + rules.closed_within_minutes) as u32 * STEPS) {
            let minute = f64::from(step) / f64::from(STEPS);
            let now = price(minute);
            begun |= cash + held * now < rules.maintenance * held * now;
            if begun {
                let sold = closing.min(held);
                (held, cash) = (held - sold, cash + sold * now);
            }
            mark.points.push((minute, now));
            paid.points.push((minute, (-cash - held * now).max(0.0)));
        }
        let lost = -cash;
        let open = attack.open_interest_usd;
        Reenacted {
            loss: lost,
            figures: vec![
                Figure::beside("of the fund, share", lost / rules.fund_usd, [0.38, 0.42]),
                Figure::new("margin behind 67 million, as it was, USD", rules.initial * open),
                Figure::beside(
                    "margin at 35 million by the later rule, share",
                    self.new_rules.initial(rules.initial, 35e6),
                    [0.549, 0.551],
                ),
                Figure::beside(
                    "margin at 67 million by the later rule, share",
                    self.new_rules.initial(rules.initial, open),
                    [1.0, 1.0],
                ),
            ],
            plots: vec![over_minutes("Price", "USD", vec![mark]), over_minutes("The fund", "USD", vec![paid])],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let attack = &self.attack;
        // At the end it is no dearer than at first: a gain of a price that really rose is nobody's loss.
        let push = (attack.top_usd / self.asset.price_usd).ln() * 100.0 * self.asset.depth_usd_1pct;
        vec![
            Knob::logarithmic("money of all accounts together, USD", 1e5, 3e7, attack.margin_usd),
            Knob::linear("accounts", 1.0, MOST_ACCOUNTS, attack.accounts),
            Knob::logarithmic("spent on spot venues, USD", 1e5, 3e7, push),
            Knob::logarithmic("minutes of buying", 5.0, 1_440.0, attack.minutes_up),
            Knob::linear("gains that are taken out rather than added, share", 0.0, 1.0, 0.5),
            Knob::linear("price at the low, USD", 4_000.0, self.asset.price_usd, attack.low_usd),
            Knob::logarithmic("minutes of the fall", attack.minutes_down / 5.0, 480.0, attack.minutes_down),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [margin_usd, accounts, push_usd, up, out, low_usd, down] = *choice else { unreachable!("seven knobs") };
        let (symbol, asset) = (self.asset.symbol.as_str(), &self.asset);
        let mut stage = Stage::new(std::slice::from_ref(asset), self.capital);
        let maker = stage.join("maker", MAKER_USD);
        let other_side = stage.join("other side", OTHER_SIDE_USD);
        let bidder = stage.join("bidder", BIDDER_USD);
        stage.bid(bidder, PREMIUM, BIDDER_USD / 2.0);
        let count = accounts.round().clamp(1.0, MOST_ACCOUNTS);
        let attackers: Vec<Member> =
            (0..count as usize).map(|at| stage.join(&format!("account {at}"), margin_usd / count)).collect();
        let [buying_s, falling_s] = [up, down].map(|minutes| (minutes * 60.0) as i64);
        let all_s = buying_s + falling_s + AFTERWARDS_S;
        let step = (all_s / BLOCKS).max(1);
        let mut spot = Spot::new(asset.price_usd, asset.depth_usd_1pct, HALF_LIFE_S);
        let (mut index, mut open) = (Line::new("index"), Line::new("open interest"));
        let (mut most_open, mut top) = (0.0_f64, 0.0_f64);
        for (block, second) in (0..all_s).step_by(step as usize).enumerate() {
            if second < buying_s {
                spot.buy(push_usd * step as f64 / buying_s as f64);
                if block % EVERY == 0 {
                    self.add_or_take_out(&mut stage, &attackers, other_side, out);
                }
            } else {
                let done = ((second - buying_s) as f64 / falling_s as f64).min(1.0);
                spot.fair = asset.price_usd + (low_usd - asset.price_usd) * done;
                spot.pass(step as f64);
            }
            stage.say(symbol, spot.price());
            stage.quote(maker, symbol, spot.price(), asset.half_spread, asset.depth_usd_1pct);
            stage.pass(step);
            let now = stage.open_interest(symbol) * stage.mark(symbol);
            (most_open, top) = (most_open.max(now), top.max(spot.price()));
            index.points.push((second as f64 / 60.0, stage.index(symbol)));
            open.points.push((second as f64 / 60.0, now));
        }
        spot.sell_all();
        let mut held = stage.held_after_a_push(&attackers, -spot.paid_usd);
        held.figures = vec![
            Figure::new("spot price at the top, USD", top),
            Figure::new("most that was open, USD", most_open),
            Figure::new("taken out, USD", attackers.iter().map(|one| stage.account(*one).taken_out_usd).sum()),
            Figure::new("paid to push spot prices, USD", spot.paid_usd),
        ];
        held.plots = vec![over_minutes("Price", "USD", vec![index]), over_minutes("Open interest", "USD", vec![open])];
        held
    }
}

impl Yfi {
    /// Every account takes out a part of what is free and buys with the rest, against honest members who sell at the mark.
    fn add_or_take_out(&self, stage: &mut Stage, attackers: &[Member], other_side: Member, out: f64) {
        let symbol = self.asset.symbol.as_str();
        let (mark, most) = (stage.mark(symbol), self.attack.open_interest_usd / stage.mark(symbol));
        let room = (most - stage.open_interest(symbol)).max(0.0) / attackers.len() as f64;
        let mut wanted = 0.0;
        for member in attackers {
            // Only a gain is taken out: what they came with is there to be put at risk.
            let gain = stage.account(*member).profit_usd - stage.account(*member).taken_out_usd;
            let free = stage.withdrawable_usd(*member).min(gain) * out;
            if free > 1.0 {
                stage.withdraw(*member, free);
            }
            let more = (stage.most_units(*member, symbol, 1.0) * (1.0 - out)).min(room);
            if more * mark > 100.0 {
                stage.order(*member, symbol, more, Some(mark));
                wanted += more;
            }
        }
        if wanted > 0.0 {
            stage.order(other_side, symbol, -wanted, Some(mark));
        }
    }
}

//! Solend 2022: one account is a whole market, and what the rules would sell of it in a step no market would take.

use super::borrowers::{borrow, liquidated, owed_usd};
use super::market::{Market, over_minutes, step_s};
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Reenacted};
use crate::museum::spot::Spot;
use crate::museum::stage::{Asset, Capital, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "solend-2022",
    story: include_str!("../../../../../drills/solend-2022/README.md"),
    description: include_str!("../../../../../drills/solend-2022/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Solend>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Solend {
    card: Card,
    whale: Whale,
    old_rules: OldRules,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whale {
    units: f64,
    debt_usd: f64,
    fall: f64,
    minutes: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    liquidation_ltv: f64,
    close_factor: f64,
    bonus: f64,
    depth_usd_1pct: f64,
    refill_half_life_s: f64,
    further_fall: f64,
}

const LENDER_USD: f64 = 150e6;
const MAKER_USD: f64 = 50e6;
const MOST_ACCOUNTS: f64 = 20.0;
const AFTERWARDS_S: i64 = 1_800;
const MINUTES: u32 = 120;

impl Incident for Solend {
    fn card(&self) -> &Card {
        &self.card
    }

    /// What a step is, what a market does with it at once, and what is left if liquidators only sell as much as their bonus pays for.
    fn as_it_was(&self) -> Reenacted {
        let (whale, rules) = (&self.whale, &self.old_rules);
        let due_usd = whale.debt_usd / (whale.units * rules.liquidation_ltv);
        let step = whale.debt_usd * rules.close_factor;
        let mut at_once = Spot::new(due_usd, rules.depth_usd_1pct, rules.refill_half_life_s);
        at_once.holds = step * (1.0 + rules.bonus) / due_usd;
        at_once.sell_all();
        let slippage = 1.0 + at_once.paid_usd * due_usd.recip() / (step * (1.0 + rules.bonus) / due_usd);
        let (left, lines) = self.slowly(due_usd);
        let [price, debt, collateral] = lines;
        Reenacted {
            loss: step,
            figures: vec![
                Figure::beside("price at which it began, USD", due_usd, [22.27, 22.30]),
                Figure::new("sold in the first step, SOL", step * (1.0 + rules.bonus) / due_usd),
                Figure::new("lost to slippage if sold at once, share", slippage),
                Figure::new("of it paid for by the bonus, share", rules.bonus / (1.0 + rules.bonus)),
                Figure::new("bad debt if SOL had gone on falling for an hour, USD", left),
            ],
            plots: vec![
                over_minutes("SOL where it was sold, had it gone on falling", "USD", vec![price]),
                over_minutes("The account", "USD", vec![debt, collateral]),
            ],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let whale = &self.whale;
        vec![
            Knob::linear("accounts that it is spread over", 1.0, MOST_ACCOUNTS, 1.0),
            Knob::logarithmic("SOL posted, millions", 0.01, 10.0, whale.units / 1e6),
            Knob::linear("part of what the rules lend that is borrowed", 0.0, 1.0, 1.0),
            Knob::linear("fall of SOL, share", 0.05, (2.0 * whale.fall).min(0.9), whale.fall),
            Knob::logarithmic("minutes of the fall", whale.minutes / 5.0, 600.0, whale.minutes),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [accounts, millions, part, fall, minutes] = *choice else { unreachable!("five knobs") };
        let (symbol, start) = (self.asset.symbol.as_str(), self.asset.price_usd);
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        stage.join("lender", LENDER_USD);
        let mut market = Market::new(&mut stage, &self.asset, MAKER_USD);
        let cap = self.asset.collateral.expect("SOL is collateral here").cap_usd / start;
        let accounts = accounts.round().clamp(1.0, MOST_ACCOUNTS);
        let posted = (millions * 1e6).min(cap);
        let borrowers = borrow(&mut stage, symbol, accounts as usize, (posted / accounts).floor(), part);
        let borrowed = owed_usd(&stage, &borrowers);

        let falling_s = ((minutes * 60.0) as i64).max(1);
        let step = step_s(falling_s + AFTERWARDS_S);
        let (mut price, mut owed) = (Line::new("spot"), Line::new("owed"));
        for second in (0..falling_s + AFTERWARDS_S).step_by(step as usize) {
            let done = (second as f64 / falling_s as f64).min(1.0);
            market.next(&mut stage, start * (1.0 - fall).powf(done), step);
            stage.pass(step);
            price.points.push((second as f64 / 60.0, market.price()));
            owed.points.push((second as f64 / 60.0, owed_usd(&stage, &borrowers)));
        }
        let mut held = stage.held(&[], 0.0);
        held.figures = vec![
            Figure::new("SOL taken as collateral", posted),
            Figure::new("borrowed, USD", borrowed),
            Figure::new("accounts liquidated", liquidated(&stage, &borrowers)),
            Figure::new("sold to makers, USD", market.passed_on_usd),
            Figure::new("price at the end over what it would have been", market.price() / (start * (1.0 - fall))),
        ];
        held.plots = vec![over_minutes("Price", "USD", vec![price]), over_minutes("Loans", "USD", vec![owed])];
        held
    }
}

impl Solend {
    /// SOL goes on falling for an hour; in each minute liquidators repay at most the close factor, and no more than they can sell within their
    /// bonus of what SOL costs elsewhere. Answers what is owed beyond the collateral after two hours.
    fn slowly(&self, due_usd: f64) -> (f64, [Line; 3]) {
        let rules = &self.old_rules;
        let mut spot = Spot::new(due_usd, rules.depth_usd_1pct, rules.refill_half_life_s);
        let (mut debt, mut units) = (self.whale.debt_usd, self.whale.units);
        let mut lines = ["SOL", "debt", "collateral"].map(Line::new);
        for minute in 0..=MINUTES {
            spot.fair = due_usd * (1.0 - rules.further_fall).powf((f64::from(minute) / 60.0).min(1.0));
            let room = (spot.price() / spot.fair * (1.0 + rules.bonus)).ln() * 100.0 * rules.depth_usd_1pct;
            if debt >= rules.liquidation_ltv * units * spot.fair {
                let repaid = (debt * rules.close_factor)
                    .min(room / (1.0 + rules.bonus))
                    .clamp(0.0, units * spot.fair / (1.0 + rules.bonus));
                let seized = repaid * (1.0 + rules.bonus);
                (debt, units) = (debt - repaid, units - seized / spot.fair);
                spot.buy(-seized);
            }
            let now = [spot.price(), debt, units * spot.fair];
            for (line, value) in lines.iter_mut().zip(now) {
                line.points.push((f64::from(minute), value));
            }
            spot.pass(60.0);
        }
        ((debt - units * spot.fair).max(0.0), lines)
    }
}

//! USDe 2025: collateral is priced on the venue's own book, into which it is sold when it falls.

use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::stage::{Asset, Capital, Member, Said, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "usde-2025",
    story: include_str!("../../../../../drills/usde-2025/README.md"),
    description: include_str!("../../../../../drills/usde-2025/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Usde>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Usde {
    card: Card,
    old_rules: OldRules,
    market: Market,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    collateral_units: f64,
    largest_debt_usd: f64,
    liquidation_ltv: f64,
    depth_usd_1pct: f64,
    first_price_usd: f64,
    price_elsewhere_usd: f64,
    bottom_usd: [f64; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Market {
    own_low_usd: f64,
    elsewhere_low_usd: [f64; 3],
    minutes: f64,
    suspended: f64,
    borrowed: f64,
    worth_usd: f64,
}

const BORROWERS: usize = 10;
const POSTED_UNITS: f64 = 1e6;
const LENDER_USD: f64 = 40e6;
/// A round of the old rules sells what has become due, a second each.
const ROUNDS: u32 = 3_600;
/// How long the book stays at its low, and how long it takes to come back.
const LOW_S: i64 = 1_200;

impl OldRules {
    /// The part of the collateral whose owners owe more than the price allows; debts are spread evenly.
    fn due(&self, price: f64) -> f64 {
        (1.0 - self.liquidation_ltv * price / self.largest_debt_usd).max(0.0)
    }
}

impl Incident for Usde {
    fn card(&self) -> &Card {
        &self.card
    }

    fn as_it_was(&self) -> Reenacted {
        let rules = &self.old_rules;
        let (mut price, mut sold, mut lost) = (rules.first_price_usd, 0.0, 0.0);
        let (mut own, mut losses) = (Line::new("own book"), Line::new("lost by those who were sold"));
        for second in 0..ROUNDS {
            // At most a thousandth of everything a second: what a liquidation engine gets through.
            let due = (rules.due(price) * rules.collateral_units - sold).clamp(0.0, rules.collateral_units / 1e3);
            let after = price * (-due * price / rules.depth_usd_1pct * 0.01).exp();
            let paid = f64::midpoint(price, after);
            lost += due * (rules.price_elsewhere_usd - paid);
            (sold, price) = (sold + due, after);
            if second % 10 == 0 {
                let minute = f64::from(second) / 60.0;
                own.points.push((minute, price));
                losses.points.push((minute, lost));
            }
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
                Figure::beside("price at the bottom, USD", price, rules.bottom_usd),
                Figure::new("collateral sold, units", sold),
            ],
            plots: vec![plot("The venue's own book", own), plot("Losses", losses)],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let market = &self.market;
        vec![
            Knob::linear("low of the venue's own book, USD", 0.02, 0.99, market.own_low_usd),
            Knob::logarithmic("minutes of the fall", 0.1, 60.0, market.minutes),
            Knob::linear(
                "whether the venue says that transfers are suspended: from 0.5 on",
                0.0,
                1.0,
                market.suspended,
            ),
            Knob::linear("part of what the rules lend that is borrowed", 0.0, 1.0, market.borrowed),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [own_low, minutes, suspended, borrowed] = *choice else { unreachable!("four knobs") };
        let symbol = self.asset.symbol.as_str();
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        stage.join("lender", LENDER_USD);
        let borrowers = borrow(&mut stage, symbol, borrowed);
        stage.honest(symbol, self.market.worth_usd);
        let falling_s = ((minutes * 60.0) as i64).max(1);
        let (mut own, mut index) = (Line::new("own book"), Line::new("index"));
        let mut lowest = f64::INFINITY;
        for second in 0..2 * falling_s + LOW_S {
            // Down, low, and back up.
            let done =
                (second as f64 / falling_s as f64).min((2 * falling_s + LOW_S - second) as f64 / falling_s as f64);
            let price = 1.0 + (own_low - 1.0) * done.min(1.0);
            let book = Said { transfers_suspended: suspended >= 0.5, ..Said::honest(price) };
            stage.say_at(symbol, 0, book);
            for (at, low) in self.market.elsewhere_low_usd.iter().enumerate() {
                stage.say_at(symbol, at + 1, Said::honest(1.0 + (low - 1.0) * done.min(1.0)));
            }
            stage.pass(1);
            lowest = lowest.min(stage.index(symbol));
            if second % 10 == 0 {
                own.points.push((second as f64 / 60.0, price));
                index.points.push((second as f64 / 60.0, stage.index(symbol)));
            }
        }
        let mut held = stage.held(&[], 0.0);
        let liquidated = borrowers.iter().filter(|member| stage.liquidations(**member) > 0).count();
        held.figures = vec![
            Figure::new("lowest index, USD", lowest),
            Figure::new("borrowed, USD", borrowers.iter().map(|member| stage.account(*member).taken_out_usd).sum()),
            Figure::new("borrowers liquidated, of ten", liquidated as f64),
        ];
        held.plots = vec![Plot {
            title: "The venue's own book, and the index".into(),
            across: "minutes".into(),
            up: "USD".into(),
            logarithmic: false,
            lines: vec![own, index],
        }];
        held
    }
}

/// Ten members post USDe and take out a part of what the rules lend against it.
fn borrow(stage: &mut Stage, symbol: &str, part: f64) -> Vec<Member> {
    let mut borrowers = Vec::new();
    for at in 0..BORROWERS {
        let member = stage.join(&format!("borrower {at}"), 0.0);
        stage.pay_in_collateral(member, symbol, POSTED_UNITS);
        stage.pass(1);
        let allowed = stage.withdrawable_usd(member) * part;
        if allowed > 1.0 {
            stage.withdraw(member, allowed);
            stage.pass(1);
        }
        borrowers.push(member);
    }
    borrowers
}

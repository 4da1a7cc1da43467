//! Nasdaq Clearing 2018: a position that is large against its market, a move beyond margin, and an auction among four.

use super::market::{Builders, Market, over_minutes, step_s};
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::stage::{Asset, Capital, Member, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "nasdaq-2018",
    story: include_str!("../../../../../drills/nasdaq-2018/README.md"),
    description: include_str!("../../../../../drills/nasdaq-2018/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Nasdaq>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nasdaq {
    card: Card,
    old_rules: OldRules,
    trader: Trader,
    course: Course,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    margin_eur: f64,
    beyond_margin: f64,
    bidders: u32,
    valuations_eur: f64,
    members_fund_eur: f64,
    before_the_fund_eur: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trader {
    money_usd: f64,
    accounts: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Course {
    daily_moves: f64,
    hours: f64,
    backstop_usd: f64,
}

const MOST_ACCOUNTS: f64 = 10.0;
const MOST_BIDDERS: u32 = 20;
const OTHER_SIDE_USD: f64 = 500e6;
const MAKER_USD: f64 = 20e6;
/// Blocks in which the position is built, a second each.
const BUILDING_S: i64 = 120;
const AFTERWARDS_S: i64 = 1_800;
/// A bidder's premium, as a share of a portfolio's initial margin.
const PREMIUM: f64 = 0.1;

impl OldRules {
    /// What the best of so many independent bids concedes on average, EUR: values uniform between nothing and the range.
    fn concession(&self, bidders: u32) -> f64 {
        self.valuations_eur * 2.0 / f64::from(bidders + 1)
    }

    fn loss(&self, bidders: u32) -> f64 {
        self.margin_eur * self.beyond_margin + self.concession(bidders)
    }
}

impl Incident for Nasdaq {
    fn card(&self) -> &Card {
        &self.card
    }

    fn as_it_was(&self) -> Reenacted {
        let rules = &self.old_rules;
        let loss = rules.loss(rules.bidders);
        let borne = loss - rules.before_the_fund_eur;
        let line = |name: &str, of: &dyn Fn(u32) -> f64| Line {
            points: (1..=MOST_BIDDERS).map(|bidders| (f64::from(bidders), of(bidders))).collect(),
            ..Line::new(name)
        };
        let lines = vec![
            line("loss beyond collateral", &|bidders| rules.loss(bidders)),
            line("the members' fund", &|_| rules.members_fund_eur),
            line("of it: the move beyond margin", &|_| rules.margin_eur * rules.beyond_margin),
        ];
        Reenacted {
            loss,
            figures: vec![
                Figure::new("the move beyond margin, EUR", rules.margin_eur * rules.beyond_margin),
                Figure::new("conceded to the best of four bidders, EUR", rules.concession(rules.bidders)),
                Figure::new("conceded to the best of ten, EUR", rules.concession(10)),
                Figure::beside("borne by the members' fund, EUR", borne, [103e6, 111e6]),
                Figure::new("of all it had, percent", borne / rules.members_fund_eur * 100.0),
            ],
            plots: vec![Plot {
                title: "What bidders are worth".into(),
                across: "bidders".into(),
                up: "EUR".into(),
                logarithmic: false,
                lines,
            }],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let (trader, course) = (&self.trader, &self.course);
        vec![
            Knob::logarithmic("money of the trader, USD", 1e5, 300e6, trader.money_usd),
            Knob::linear("accounts", 1.0, MOST_ACCOUNTS, trader.accounts),
            Knob::linear("part of what margin allows", 0.05, 1.0, 1.0),
            Knob::linear("move, normal daily moves", 1.0, 25.0, course.daily_moves),
            Knob::logarithmic("hours of the move", 0.05, 24.0, course.hours),
            Knob::linear("bidders who stand by", 0.0, 10.0, f64::from(self.old_rules.bidders)),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [money_usd, accounts, part, moves, hours, bidders] = *choice else { unreachable!("six knobs") };
        let (symbol, start) = (self.asset.symbol.as_str(), self.asset.price_usd);
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        let mut market = Market::new(&mut stage, &self.asset, MAKER_USD);
        let other_side = stage.join("other side", OTHER_SIDE_USD);
        for at in 0..bidders.round() as usize {
            let bidder = stage.join(&format!("bidder {at}"), self.course.backstop_usd * 3.0);
            stage.bid(bidder, PREMIUM, self.course.backstop_usd);
        }
        let traders = self.open(&mut stage, other_side, money_usd, accounts, part);
        let opened: f64 = traders.iter().map(|trader| stage.position(*trader, symbol)).sum();
        let length = ((hours * 3_600.0) as i64).max(1);
        let step = step_s(length + AFTERWARDS_S);
        let mut price = Line::new("spread");
        for second in (0..length + AFTERWARDS_S).step_by(step as usize) {
            let done = (second as f64 / length as f64).min(1.0);
            market.next(&mut stage, start * (1.0 + moves * self.asset.daily_volatility * done), step);
            stage.pass(step);
            price.points.push((second as f64 / 60.0, market.price()));
        }
        let mut held = stage.held(&[], 0.0);
        held.figures = vec![
            Figure::new("position opened, USD", opened.abs() * start),
            Figure::new("the trader's gain, USD", traders.iter().map(|trader| stage.account(*trader).profit_usd).sum()),
            Figure::new(
                "accounts liquidated",
                traders.iter().filter(|trader| stage.liquidations(**trader) > 0).count() as f64,
            ),
            Figure::new("bought from makers, USD", market.passed_on_usd),
            Figure::new("makers liquidated", market.liquidations(&stage) as f64),
        ];
        held.plots = vec![over_minutes("The spread", "USD a unit", vec![price])];
        held
    }
}

impl Nasdaq {
    /// Every account sells a part of what its margin allows, block after block, as open interest lets it; somebody with much money buys at the mark.
    fn open(&self, stage: &mut Stage, other_side: Member, money_usd: f64, accounts: f64, part: f64) -> Vec<Member> {
        let symbol = self.asset.symbol.as_str();
        let count = accounts.round().clamp(1.0, MOST_ACCOUNTS);
        let traders: Vec<Member> =
            (0..count as usize).map(|at| stage.join(&format!("trader {at}"), money_usd / count)).collect();
        Builders { members: &traders, side: -1.0, other_side }.build(
            stage,
            symbol,
            BUILDING_S,
            |stage, trader, mark| {
                // No more than the market could ever hold: the rest would be refused.
                let room = self.asset.daily_volume_usd / mark / count;
                (stage.most_units(trader, symbol, -1.0) * part).min(room + stage.position(trader, symbol))
            },
        );
        traders
    }
}

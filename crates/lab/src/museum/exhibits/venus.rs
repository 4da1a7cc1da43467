//! Venus 2022: a feed has a floor, the coin does not, and whoever buys it below the floor borrows at the floor.

use super::borrowers::{borrow, liquidated, owed_usd, take_out};
use super::market::{Market, over_minutes, step_s};
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Reenacted};
use crate::museum::stage::{Asset, Capital, Member, Said, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "venus-2022",
    story: include_str!("../../../../../drills/venus-2022/README.md"),
    description: include_str!("../../../../../drills/venus-2022/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Venus>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Venus {
    card: Card,
    old_rules: OldRules,
    market: Fall,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    feed_floor_usd: f64,
    collateral_factor: f64,
    supplied: f64,
    hours: f64,
    from_usd: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fall {
    low_usd: f64,
    hours: f64,
    stuck: f64,
    borrowed: f64,
}

const BORROWERS: usize = 5;
const POSTED_USD: f64 = 1e6;
const LENDER_USD: f64 = 40e6;
const MAKER_USD: f64 = 20e6;
const AFTERWARDS_S: i64 = 3_600;
const MINUTES: u32 = 60;

impl OldRules {
    /// What the feed says: never less than its floor.
    fn answer(&self, price: f64) -> f64 {
        price.max(self.feed_floor_usd)
    }
}

/// The attack under the clearing core: it waits until the coin costs less than stuck sources say.
struct Attack {
    member: Member,
    paid_outside: f64,
    units: f64,
}

impl Attack {
    /// What the coin is worth decides: the account is left behind if it owes more, and what it owes is missing in the pool. Answers what the
    /// attacker has, and what is missing.
    fn outcome(&self, stage: &Stage, symbol: &str, price: f64) -> [f64; 2] {
        let account = stage.account(self.member);
        let overstated = (stage.index(symbol) - price) * stage.position(self.member, symbol);
        let worth = account.equity_usd - overstated;
        [account.taken_out_usd + worth.max(0.0) - self.paid_outside, (-worth).max(0.0)]
    }

    /// Buys what the pool still takes, posts it, and takes out all that is lent against it.
    fn go_on(&mut self, stage: &mut Stage, symbol: &str, most: f64, price: f64) {
        if self.units == 0.0 {
            stage.pay_in_collateral(self.member, symbol, most);
            stage.pass(1);
            self.units = stage.position(self.member, symbol);
            self.paid_outside = self.units * price;
        }
        take_out(stage, self.member, 1.0);
    }
}

impl Venus {
    fn play(&self, choice: &[f64]) -> Held {
        let [low, hours, stuck, floor, part] = *choice else { unreachable!("five knobs") };
        let (symbol, start) = (self.asset.symbol.as_str(), self.asset.price_usd);
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        stage.join("lender", LENDER_USD);
        let mut market = Market::new(&mut stage, &self.asset, MAKER_USD);
        let posted = POSTED_USD / start;
        let borrowers = borrow(&mut stage, symbol, BORROWERS, posted, part);
        let borrowed = owed_usd(&stage, &borrowers);
        let cap = self.asset.collateral.expect("LUNA is collateral here").cap_usd / start;
        let member = stage.join("attacker", 0.0);
        let mut attack = Attack { member, paid_outside: 0.0, units: 0.0 };

        let falling_s = (hours * 3_600.0) as i64;
        let step = step_s(falling_s + AFTERWARDS_S);
        let mut lines = ["LUNA", "index"].map(Line::new);
        let stuck = stuck.round() as usize;
        for second in (0..falling_s + AFTERWARDS_S).step_by(step as usize) {
            let done = (second as f64 / falling_s as f64).min(1.0);
            market.next(&mut stage, start * (low / start).powf(done), step);
            let price = market.price();
            for venue in 0..stuck {
                stage.say_at(symbol, venue, Said::honest(price.max(floor)));
            }
            stage.honest(symbol, price);
            stage.pass(step);
            if done == 1.0 {
                attack.go_on(&mut stage, symbol, cap - posted * BORROWERS as f64, price);
            }
            for (line, value) in lines.iter_mut().zip([price, stage.index(symbol)]) {
                line.points.push((second as f64 / 60.0, value));
            }
        }
        let taken = stage.account(attack.member).taken_out_usd;
        let [gain, missing] = attack.outcome(&stage, symbol, market.price());
        let mut held = stage.held(&[attack.member], 0.0);
        held.attacker_gain_usd = Some(gain);
        held.bad_debt_usd += missing;
        held.figures = vec![
            Figure::new("borrowed by honest members, USD", borrowed),
            Figure::new("of five liquidated", liquidated(&stage, &borrowers)),
            Figure::new("LUNA that the pool still took", attack.units),
            Figure::new("lent to the attacker, USD", taken),
            Figure::new("index at the end over the price", stage.index(symbol) / market.price()),
        ];
        held.plots = vec![over_minutes("LUNA, and the index", "USD", lines.to_vec())];
        held.plots[0].logarithmic = true;
        held
    }
}

impl Incident for Venus {
    fn card(&self) -> &Card {
        &self.card
    }

    /// LUNA falls below the floor; what was supplied is lent against at the floor, evenly over the hours.
    fn as_it_was(&self) -> Reenacted {
        let (rules, low) = (&self.old_rules, self.market.low_usd);
        let mut lines = ["LUNA", "the feed", "lent", "worth"].map(Line::new);
        let (mut lent, mut units, mut paid, mut price) = (0.0, 0.0, 0.0, rules.from_usd);
        for minute in 0..=MINUTES {
            let done = f64::from(minute) / f64::from(MINUTES);
            price = rules.from_usd * (low / rules.from_usd).powf(done);
            let answer = rules.answer(price);
            // Worth doing once the loan is more than the collateral costs.
            if answer * rules.collateral_factor > price {
                let bought = (rules.supplied - units) / f64::from(MINUTES - minute + 1);
                units += bought;
                paid += bought * price;
                lent += bought * answer * rules.collateral_factor;
            }
            for (line, value) in lines.iter_mut().zip([price, answer, lent, units * price]) {
                line.points.push((done * rules.hours * 60.0, value));
            }
        }
        let [market, feed, borrowed, worth] = lines;
        let mut plots = vec![
            over_minutes("LUNA, and what the feed said", "USD", vec![market, feed]),
            over_minutes("What was lent, and what stood behind it", "USD", vec![borrowed, worth]),
        ];
        plots[0].logarithmic = true;
        Reenacted {
            loss: lent - units * price,
            figures: vec![
                Figure::beside("lent against LUNA, USD", lent, [13.4e6, 13.6e6]),
                Figure::new("what the LUNA cost whoever borrowed, USD", paid),
                Figure::new(
                    "lent against a dollar of LUNA at the low, USD",
                    rules.answer(price) / price * rules.collateral_factor,
                ),
                Figure::new("lent had the feed had no floor, USD", units * price * rules.collateral_factor),
            ],
            plots,
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let (rules, market) = (&self.old_rules, &self.market);
        vec![
            Knob::logarithmic("low of LUNA, USD", market.low_usd / 10.0, 10.0, market.low_usd),
            Knob::logarithmic("hours of the fall", market.hours / 5.0, 2.0 * market.hours, market.hours),
            Knob::linear("sources that are stuck at their floor, of five", 0.0, 2.0, market.stuck),
            Knob::logarithmic("floor of stuck sources, USD", rules.feed_floor_usd / 10.0, 20.0, rules.feed_floor_usd),
            Knob::linear("part of what the rules lend that is borrowed", 0.0, 1.0, market.borrowed),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let mut held = self.play(choice);
        let mut all = choice.to_vec();
        all[2] = self.asset.sources.len() as f64;
        let if_all = self.play(&all);
        let gain = if_all.attacker_gain_usd.unwrap_or(0.0);
        held.figures.extend([
            Figure::new(
                "lost by others if all sources were stuck, USD",
                if_all.bad_debt_usd + if_all.venue_loss_usd.max(0.0),
            ),
            Figure::new("gained by the attacker then, USD", gain),
        ]);
        held
    }
}

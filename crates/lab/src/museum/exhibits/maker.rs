//! Maker 2020: ether halves in a day, bidders' transactions do not get through, and lots are won for nothing.

use super::borrowers::{borrow, liquidated, owed_usd};
use super::market::{Market, over_minutes, step_s};
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::stage::{Asset, Capital, Stage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "maker-2020",
    story: include_str!("../../../../../drills/maker-2020/README.md"),
    description: include_str!("../../../../../drills/maker-2020/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Maker>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Maker {
    card: Card,
    old_rules: OldRules,
    congestion: Congestion,
    plausible: Plausible,
    market: Fall,
    capital: Capital,
    asset: Asset,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    lot_eth: f64,
    lots: u32,
    ratio: f64,
    penalty: f64,
    bid_life_s: f64,
    mended_bid_life_s: f64,
    oracle_delay_hours: f64,
}

/// Who bid, and whose bids got through.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Congestion {
    keepers: u32,
    included_in_600s: f64,
    seed: u64,
}

/// Between what each assumed parameter may have been.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plausible {
    keepers: [u32; 2],
    included_in_600s: [f64; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fall {
    first_usd: f64,
    low_usd: f64,
    first_hours: f64,
    hours: f64,
    borrowed: f64,
    quotes_missing: f64,
    silent_minutes: f64,
    premium: f64,
}

const BORROWERS: usize = 10;
const POSTED_USD: f64 = 4e6;
const LENDER_USD: f64 = 60e6;
const MAKER_USD: f64 = 50e6;
const BIDDER_USD: f64 = 10e6;
const AFTERWARDS_S: i64 = 3_600;
/// Blocks are shorter than elsewhere by this: what misses one should not miss minutes.
const FINER: i64 = 2;
/// How many minutes a block of old auctions lasts.
const STEP_MINUTES: u32 = 10;

/// What auctions of the old rules brought.
#[derive(Default)]
struct Sold {
    lots: u32,
    for_nothing: u32,
    worth_of_nothing_usd: f64,
    uncovered_usd: f64,
    penalties_usd: f64,
    price: Line,
    uncovered: Line,
}

impl Sold {
    fn share_for_nothing(&self) -> f64 {
        f64::from(self.for_nothing) / f64::from(self.lots.max(1))
    }
}

impl Maker {
    /// Ether outside, by hours since the fall began: two legs, each at an even pace.
    fn price_at(&self, hours: f64) -> f64 {
        let (fall, start) = (&self.market, self.asset.price_usd);
        if hours <= fall.first_hours {
            start * (fall.first_usd / start).powf(hours.max(0.0) / fall.first_hours)
        } else {
            let done = ((hours - fall.first_hours) / (fall.hours - fall.first_hours)).min(1.0);
            fall.first_usd * (fall.low_usd / fall.first_usd).powf(done)
        }
    }

    /// Lots are seized as the delayed price passes what their vault allows; the first bid is nothing, and it wins if no other bid gets
    /// through while it lives. Otherwise bids rise to the debt and its penalty.
    fn auctions(&self, congestion: &Congestion, bid_life_s: f64) -> Sold {
        let rules = &self.old_rules;
        let mut random = ChaCha8Rng::seed_from_u64(congestion.seed);
        let mut sold = Sold { price: Line::new("ether"), uncovered: Line::new("uncovered"), ..Sold::default() };
        // A keeper tries once in each bid life of old.
        let misses = (1.0 - congestion.included_in_600s).powf(bid_life_s / 600.0 * f64::from(congestion.keepers));
        let delay_minutes = rules.oracle_delay_hours * 60.0;
        let minutes = (self.market.hours * 60.0 + delay_minutes) as u32;
        for minute in (0..=minutes).step_by(STEP_MINUTES as usize) {
            let hours = f64::from(minute) / 60.0;
            let oracle = self.price_at((hours - rules.oracle_delay_hours).max(0.0));
            while sold.lots < rules.lots && self.seized_at(sold.lots) >= oracle {
                let debt = rules.lot_eth * self.seized_at(sold.lots) / rules.ratio;
                sold.lots += 1;
                if random.random_range(0.0..1.0) < misses {
                    sold.for_nothing += 1;
                    sold.worth_of_nothing_usd += rules.lot_eth * self.price_at(hours + bid_life_s / 3_600.0);
                    sold.uncovered_usd += debt;
                } else {
                    sold.penalties_usd += debt * rules.penalty;
                }
            }
            sold.price.points.push((f64::from(minute), self.price_at(hours)));
            sold.uncovered.points.push((f64::from(minute), sold.uncovered_usd));
        }
        sold
    }

    /// The price at which a lot's vault is unsafe: spread evenly over the second leg, in which transactions did not get through.
    fn seized_at(&self, lot: u32) -> f64 {
        let share = (f64::from(lot) + 0.5) / f64::from(self.old_rules.lots);
        self.market.first_usd + (self.market.low_usd - self.market.first_usd) * share
    }

    /// What is uncovered with each assumed parameter at either end of what is plausible.
    fn sensitivity(&self) -> Vec<Figure> {
        let (rules, ends, known) = (&self.old_rules, &self.plausible, &self.congestion);
        let loss = |congestion: Congestion| self.auctions(&congestion, rules.bid_life_s).uncovered_usd;
        let mut figures = Vec::new();
        for keepers in ends.keepers {
            let name = format!("uncovered with {keepers} keepers, USD");
            figures.push(Figure::new(&name, loss(Congestion { keepers, ..known.clone() })));
        }
        for included_in_600s in ends.included_in_600s {
            let name = format!("uncovered if {:.0} % get through in 600 s, USD", included_in_600s * 100.0);
            figures.push(Figure::new(&name, loss(Congestion { included_in_600s, ..known.clone() })));
        }
        figures
    }

    fn play(&self, choice: &[f64]) -> Held {
        let [fall, hours, part, missing, silent, premium] = *choice else { unreachable!("six knobs") };
        let (symbol, start) = (self.asset.symbol.as_str(), self.asset.price_usd);
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        stage.join("lender", LENDER_USD);
        let mut market = Market::new(&mut stage, &self.asset, MAKER_USD);
        let bidder = stage.join("lone bidder", BIDDER_USD);
        stage.bid(bidder, premium, BIDDER_USD);
        let borrowers = borrow(&mut stage, symbol, BORROWERS, POSTED_USD / start, part);
        let borrowed = owed_usd(&stage, &borrowers);

        let mut random = ChaCha8Rng::seed_from_u64(self.congestion.seed);
        let falling_s = (hours * 3_600.0) as i64;
        let step = step_s((falling_s + AFTERWARDS_S) / FINER);
        let mut lines = [Line::new("spot"), Line::new("index"), Line::new("owed")];
        for second in (0..falling_s + AFTERWARDS_S).step_by(step as usize) {
            let done = second as f64 / falling_s as f64;
            market.go(&stage, start * (1.0 - fall).powf(done.min(1.0)), step);
            // Afterwards everything gets through again. Prices are late by the hour, orders by chance.
            let priced = done > 1.0 || second % 3_600 >= (silent * 60.0) as i64;
            let quoted = random.random_range(0.0..1.0) >= missing || done > 1.0;
            stage.say(symbol, if priced { market.price() } else { f64::NAN });
            stage.honest(symbol, market.price());
            if quoted {
                market.quote(&mut stage);
            }
            stage.pass(step);
            let now = [market.price(), stage.index(symbol), owed_usd(&stage, &borrowers)];
            for (line, value) in lines.iter_mut().zip(now) {
                line.points.push((second as f64 / 60.0, value));
            }
        }
        let mut held = stage.held(&[], 0.0);
        let gain = stage.account(bidder).profit_usd;
        held.figures = vec![
            Figure::new("borrowed, USD", borrowed),
            Figure::new("borrowers liquidated, of ten", liquidated(&stage, &borrowers)),
            Figure::new("sold to makers, USD", market.passed_on_usd),
            Figure::new("ETH that the lone bidder holds", stage.position(bidder, symbol)),
            Figure::new("gain of the lone bidder, USD", gain),
        ];
        let [spot, index, owed] = lines;
        held.plots = vec![over_minutes("Price", "USD", vec![spot, index]), over_minutes("Loans", "USD", vec![owed])];
        held
    }
}

impl Incident for Maker {
    fn card(&self) -> &Card {
        &self.card
    }

    fn as_it_was(&self) -> Reenacted {
        let rules = &self.old_rules;
        let sold = self.auctions(&self.congestion, rules.bid_life_s);
        let mended = self.auctions(&self.congestion, rules.mended_bid_life_s);
        let mut figures = vec![
            Figure::beside("share of lots won for nothing", sold.share_for_nothing(), [0.33, 0.39]),
            Figure::beside("collateral won for nothing, USD", sold.worth_of_nothing_usd, [7.1e6, 8.32e6]),
            Figure::new("penalties paid for other lots, USD", sold.penalties_usd),
            Figure::new("lots won for nothing, had a bid lived for six hours", f64::from(mended.for_nothing)),
        ];
        figures.extend(self.sensitivity());
        let plots: Vec<Plot> = vec![
            over_minutes("Ether", "USD", vec![sold.price]),
            over_minutes("Debt that no bid covered", "USD", vec![sold.uncovered]),
        ];
        Reenacted { loss: sold.uncovered_usd, figures, plots }
    }

    fn knobs(&self) -> Vec<Knob> {
        let market = &self.market;
        let fall = 1.0 - market.low_usd / self.asset.price_usd;
        vec![
            Knob::linear("fall of ether, share", 0.05, 0.8, fall),
            Knob::logarithmic("hours of the fall", market.hours / 5.0, 72.0, market.hours),
            Knob::linear("part of what the rules lend that is borrowed", 0.0, 1.0, market.borrowed),
            Knob::linear("part of blocks that makers' orders miss", 0.0, 0.9, market.quotes_missing),
            Knob::linear("minutes of each hour without prices", 0.0, 30.0, market.silent_minutes),
            Knob::linear("premium that the lone bidder asks, of initial margin", 0.0, 1.0, market.premium),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        self.play(choice)
    }
}

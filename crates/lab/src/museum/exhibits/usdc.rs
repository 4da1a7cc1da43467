//! USDC 2023: a coin that rules took for a dollar is worth 88 cents for two days.

use super::borrowers::{borrow, liquidated, owed_usd};
use super::market::{Market, over_minutes, step_s};
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Reenacted};
use crate::museum::stage::{Asset, Capital, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "usdc-2023",
    story: include_str!("../../../../../drills/usdc-2023/README.md"),
    description: include_str!("../../../../../drills/usdc-2023/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Usdc>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Usdc {
    card: Card,
    old_rules: OldRules,
    plausible: Plausible,
    market: Fall,
    capital: Capital,
    asset: Asset,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    debt_usd: f64,
    lowest_ltv: f64,
    highest_ltv: f64,
    liquidation_ltv: f64,
    bonus: f64,
    depth_usd_1pct: [f64; 2],
    thin_from_usd: f64,
    pinned_ltv: f64,
}

/// Between what each assumed parameter may have been.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plausible {
    debt_usd: [f64; 2],
    lowest_ltv: [f64; 2],
    thin_from_usd: [f64; 2],
    hours: [f64; 2],
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fall {
    low_usd: f64,
    hours: f64,
    borrowed: f64,
}

const BORROWERS: usize = 10;
const POSTED_USD: f64 = 5e6;
const LENDER_USD: f64 = 80e6;
const MAKER_USD: f64 = 50e6;
/// How long the low lasts.
const LOW_S: i64 = 3_600;
/// Loops of the old rules, by their ratio of debt to collateral.
const LOOPS: usize = 200;
/// Points of a plot.
const PLOTTED: u32 = 60;

/// Loops of one ratio.
struct Looped {
    debt: f64,
    units: f64,
}

impl Looped {
    fn missing(&self, price: f64) -> f64 {
        (self.debt - self.units * price).max(0.0)
    }
}

impl OldRules {
    /// Debts spread evenly over ratios at a dollar.
    fn loops(&self) -> Vec<Looped> {
        let debt = self.debt_usd / LOOPS as f64;
        let ltv = |at: usize| self.lowest_ltv + (self.highest_ltv - self.lowest_ltv) * (at as f64 + 0.5) / LOOPS as f64;
        (0..LOOPS).map(|at| Looped { debt, units: debt / ltv(at) }).collect()
    }

    /// What can be sold in a minute before its price is lower by the bonus, if what was sold into comes back within an hour.
    fn room_a_minute(&self, price: f64) -> f64 {
        let [calm, thin] = self.depth_usd_1pct;
        self.bonus * 100.0 * if price < self.thin_from_usd { thin } else { calm } / 60.0
    }

    /// A minute of liquidations at a price: whoever is due is repaid out of collateral and a bonus, as far as it can be sold. Answers what was
    /// repaid.
    fn liquidate(&self, loops: &mut [Looped], price: f64) -> f64 {
        let mut room = self.room_a_minute(price);
        let mut repaid = 0.0;
        for held in loops.iter_mut().rev().filter(|held| held.debt > self.liquidation_ltv * held.units * price) {
            let pays = held.debt.min(held.units * price / (1.0 + self.bonus)).min(room);
            held.debt -= pays;
            held.units -= pays * (1.0 + self.bonus) / price;
            room -= pays;
            repaid += pays;
        }
        repaid
    }

    /// The fall, a minute at a time; `each` is told the minute, the price and what is owed beyond collateral. Answers what was repaid, and
    /// what is owed beyond collateral at the low.
    fn fall(&self, fall: &Fall, mut each: impl FnMut(u32, f64, f64)) -> [f64; 2] {
        let mut loops = self.loops();
        let (mut repaid, mut missing) = (0.0, 0.0);
        let minutes = (fall.hours * 60.0) as u32;
        for minute in 0..=minutes {
            let price = 1.0 + (fall.low_usd - 1.0) * f64::from(minute) / f64::from(minutes);
            repaid += self.liquidate(&mut loops, price);
            missing = loops.iter().map(|held| held.missing(price)).sum();
            each(minute, price, missing);
        }
        [repaid, missing]
    }
}

impl Usdc {
    /// What is owed beyond collateral with each assumed parameter at either end of what is plausible, the others as they are: how much the
    /// figure depends on what nobody recorded.
    fn sensitivity(&self) -> Vec<Figure> {
        let loss = |rules: &OldRules, fall: &Fall| rules.fall(fall, |_, _, _| ())[1];
        let (rules, fall, ends) = (&self.old_rules, &self.market, &self.plausible);
        let debt = ends.debt_usd.map(|debt_usd| loss(&OldRules { debt_usd, ..rules.clone() }, fall));
        let lowest = ends.lowest_ltv.map(|lowest_ltv| loss(&OldRules { lowest_ltv, ..rules.clone() }, fall));
        let thin = ends.thin_from_usd.map(|thin_from_usd| loss(&OldRules { thin_from_usd, ..rules.clone() }, fall));
        let hours = ends.hours.map(|hours| loss(rules, &Fall { hours, ..*fall }));
        let of = [
            ("if less was borrowed, or more", debt),
            ("if loops began lower, or higher", lowest),
            ("if depth went later, or sooner", thin),
            ("if the fall was faster, or slower", hours),
        ];
        let named = |(what, found): (&str, [f64; 2])| {
            let name = |end: &str| format!("loss {what}: {end} end, USD");
            [Figure::new(&name("first"), found[0]), Figure::new(&name("second"), found[1])]
        };
        of.into_iter().flat_map(named).collect()
    }
}

impl Incident for Usdc {
    fn card(&self) -> &Card {
        &self.card
    }

    /// The mode for like assets: who had borrowed another stablecoin against USDC, and what is missing at the low.
    fn as_it_was(&self) -> Reenacted {
        let (rules, fall) = (&self.old_rules, &self.market);
        let (mut usdc, mut owed) = (Line::new("USDC"), Line::new("owed beyond collateral"));
        let every = ((fall.hours * 60.0) as u32 / PLOTTED).max(1);
        let [repaid, missing] = rules.fall(fall, |minute, price, missing| {
            if minute % every == 0 {
                usdc.points.push((f64::from(minute), price));
                owed.points.push((f64::from(minute), missing));
            }
        });
        let mut figures = vec![
            Figure::beside("price at the low, USD", fall.low_usd, [0.87, 0.88]),
            Figure::new("repaid by liquidators on the way, USD", repaid),
            Figure::new("owed by loops in all, USD", rules.debt_usd),
            Figure::new("lent against a dollar of USDC by a feed that says one, USD", rules.pinned_ltv / fall.low_usd),
        ];
        figures.extend(self.sensitivity());
        Reenacted {
            loss: missing,
            figures,
            plots: vec![
                over_minutes("USDC", "USD", vec![usdc]),
                over_minutes("What was owed beyond all collateral", "USD", vec![owed]),
            ],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let fall = &self.market;
        vec![
            Knob::linear("low of USDC, USD", 1.0 - 2.0 * (1.0 - fall.low_usd), 1.0, fall.low_usd),
            Knob::logarithmic("hours of the fall", fall.hours / 5.0, 48.0, fall.hours),
            Knob::linear("part of what the rules lend that is borrowed", 0.0, 1.0, fall.borrowed),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [low, hours, part] = *choice else { unreachable!("three knobs") };
        let symbol = self.asset.symbol.as_str();
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        stage.join("lender", LENDER_USD);
        let mut market = Market::new(&mut stage, &self.asset, MAKER_USD);
        let borrowers = borrow(&mut stage, symbol, BORROWERS, POSTED_USD / self.asset.price_usd, part);
        let borrowed = owed_usd(&stage, &borrowers);

        let falling_s = (hours * 3_600.0) as i64;
        let whole = 2 * falling_s + LOW_S;
        let step = step_s(whole);
        let (mut price, mut owed) = (Line::new("USDC"), Line::new("owed"));
        let mut lowest = f64::INFINITY;
        for second in (0..whole).step_by(step as usize) {
            // Down, low, and back up.
            let done = (second as f64 / falling_s as f64).min((whole - second) as f64 / falling_s as f64).min(1.0);
            market.next(&mut stage, 1.0 + (low - 1.0) * done, step);
            stage.pass(step);
            lowest = lowest.min(market.price());
            price.points.push((second as f64 / 60.0, market.price()));
            owed.points.push((second as f64 / 60.0, owed_usd(&stage, &borrowers)));
        }
        let mut held = stage.held(&[], 0.0);
        held.figures = vec![
            Figure::new("borrowed, USD", borrowed),
            Figure::new("borrowers liquidated, of ten", liquidated(&stage, &borrowers)),
            Figure::new("sold to makers, USD", market.passed_on_usd),
            Figure::new("lowest price, USD", lowest),
        ];
        held.plots = vec![over_minutes("USDC", "USD", vec![price]), over_minutes("Loans", "USD", vec![owed])];
        held
    }
}

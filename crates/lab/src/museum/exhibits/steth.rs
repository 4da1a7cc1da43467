//! stETH 2022: a pool runs out of one side, and whoever was looped through it pays the discount several times over.

use super::borrowers::{liquidated, owed_usd, take_out};
use super::market::{Market, over_minutes, step_s};
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Reenacted};
use crate::museum::stage::{Asset, Capital, Member, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "steth-2022",
    story: include_str!("../../../../../drills/steth-2022/README.md"),
    description: include_str!("../../../../../drills/steth-2022/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Steth>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Steth {
    card: Card,
    curve: Curve,
    loop_of: Loop,
    market: Moves,
    capital: Capital,
    steth: Asset,
    ether: Asset,
}

/// The pool in which stETH was sold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Curve {
    amplification: f64,
    may_ether: f64,
    may_steth: f64,
    june_ether: f64,
    june_steth: f64,
    fee: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Loop {
    leverage: f64,
    most_ltv: f64,
    liquidation_ltv: f64,
    own_steth: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moves {
    discount: f64,
    ether_fall: f64,
    hours: f64,
    borrowed: f64,
    hedged: f64,
}

const LOOPERS: usize = 10;
const POSTED_USD: f64 = 4e6;
const LENDER_USD: f64 = 60e6;
const MAKER_USD: f64 = 50e6;
const HEDGE_TAKER_USD: f64 = 60e6;
const AFTERWARDS_S: i64 = 3_600;
/// Points of the plot of the pool.
const POINTS: u32 = 60;

/// A pool of two assets that trades near one to one while it has both (Egorov 2019, "StableSwap").
#[derive(Clone, Copy)]
struct Pool {
    ether: f64,
    steth: f64,
    amplification: f64,
    fee: f64,
}

impl Pool {
    /// What the pool is worth in either asset where it is balanced: the invariant, by Newton's method.
    fn invariant(&self) -> f64 {
        let (sum, a) = (self.ether + self.steth, self.amplification * 2.0);
        let mut d = sum;
        for _ in 0..64 {
            let product = d * d * d / (4.0 * self.ether * self.steth);
            d = (a * sum + 2.0 * product) * d / ((a - 1.0) * d + 3.0 * product);
        }
        d
    }

    /// The ether that belongs to so much stETH at an invariant.
    fn ether_at(&self, steth: f64, d: f64) -> f64 {
        let a = self.amplification * 2.0;
        let (b, c) = (steth + d / a, d * d * d / (4.0 * steth * a));
        let mut ether = d;
        for _ in 0..64 {
            ether = (ether * ether + c) / (2.0 * ether + b - d);
        }
        ether
    }

    /// Sells stETH; answers the ether that it brings.
    fn sell(&mut self, steth: f64) -> f64 {
        let d = self.invariant();
        let ether = self.ether_at(self.steth + steth, d);
        let bought = (self.ether - ether) * (1.0 - self.fee);
        (self.ether, self.steth) = (self.ether - bought, self.steth + steth);
        bought
    }

    /// What a small sale brings, ether a stETH.
    fn price(mut self) -> f64 {
        let small = self.steth * 1e-6;
        self.sell(small) / small
    }
}

impl Steth {
    fn pool(&self, ether: f64, steth: f64) -> Pool {
        Pool { ether, steth, amplification: self.curve.amplification, fee: self.curve.fee }
    }

    /// What a looped position loses of its own money if it leaves through the pool as it stands.
    fn loss_on_leaving(&self, mut pool: Pool) -> f64 {
        let own = &self.loop_of;
        let got = pool.sell(own.own_steth * own.leverage);
        let left = got - own.own_steth * (own.leverage - 1.0);
        1.0 - left / own.own_steth
    }
}

impl Incident for Steth {
    fn card(&self) -> &Card {
        &self.card
    }

    /// The pool at what it held in May and in June; between them liquidity leaves and stETH comes in, evenly.
    fn as_it_was(&self) -> Reenacted {
        let (curve, own) = (&self.curve, &self.loop_of);
        let (may, june) = (self.pool(curve.may_ether, curve.may_steth), self.pool(curve.june_ether, curve.june_steth));
        let (mut price, mut lost) = (Line::new("stETH"), Line::new("lost by a loop that leaves"));
        for point in 0..=POINTS {
            let done = f64::from(point) / f64::from(POINTS);
            let between = |from: f64, to: f64| from + (to - from) * done;
            let pool =
                self.pool(between(curve.may_ether, curve.june_ether), between(curve.may_steth, curve.june_steth));
            let share = pool.steth / (pool.steth + pool.ether);
            price.points.push((share * 100.0, pool.price()));
            lost.points.push((share * 100.0, self.loss_on_leaving(pool)));
        }
        let ltv = (1.0 - 1.0 / own.leverage) / june.price();
        let mut plots = vec![
            over_minutes("The pool's price as ether leaves it", "ether", vec![price]),
            over_minutes("What a loop loses of its own money", "share", vec![lost]),
        ];
        plots.iter_mut().for_each(|plot| plot.across = "stETH in the pool, percent".into());
        Reenacted {
            loss: self.loss_on_leaving(june) * 100.0,
            figures: vec![
                Figure::beside("price on 13 May, ether", may.price(), [0.95, 0.96]),
                Figure::beside("price in mid-June, ether", june.price(), [0.935, 0.94]),
                Figure::beside(
                    "loops liquidated at that price, of one",
                    f64::from(ltv > own.liquidation_ltv),
                    [0.0, 0.0],
                ),
                Figure::new("price at which the largest loop is liquidated, ether", own.most_ltv / own.liquidation_ltv),
            ],
            plots,
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let moves = &self.market;
        let low = 1.0 - 2.0 * (1.0 - moves.discount);
        vec![
            Knob::linear("stETH at the low, ether", low, 1.0, moves.discount),
            Knob::linear("fall of ether, share", 0.0, (2.0 * moves.ether_fall).min(0.8), moves.ether_fall),
            Knob::logarithmic("hours of the fall", moves.hours / 5.0, 72.0, moves.hours),
            Knob::linear("part of what the rules lend that is borrowed", 0.0, 1.0, moves.borrowed),
            Knob::linear("part of the loan against which ether is sold", 0.0, 1.0, moves.hedged),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [discount, ether_fall, hours, part, hedged] = *choice else { unreachable!("five knobs") };
        let mut stage = Stage::new(&[self.ether.clone(), self.steth.clone()], self.capital);
        stage.join("lender", LENDER_USD);
        let buyer = stage.join("buyer of ether", HEDGE_TAKER_USD);
        let mut ether = Market::new(&mut stage, &self.ether, MAKER_USD);
        let mut steth = Market::new(&mut stage, &self.steth, MAKER_USD);
        let loopers = self.join_loopers(&mut stage, buyer, part, hedged);
        let borrowed = owed_usd(&stage, &loopers);

        let began = self.steth.price_usd / self.ether.price_usd;
        let falling_s = (hours * 3_600.0) as i64;
        let step = step_s(falling_s + AFTERWARDS_S);
        let (mut price, mut owed) = (Line::new("stETH"), Line::new("owed"));
        let mut lowest = f64::INFINITY;
        for second in (0..falling_s + AFTERWARDS_S).step_by(step as usize) {
            let done = (second as f64 / falling_s as f64).min(1.0);
            ether.next(&mut stage, self.ether.price_usd * (1.0 - ether_fall).powf(done), step);
            steth.next(&mut stage, ether.price() * began * (discount / began).powf(done), step);
            stage.pass(step);
            let ratio = steth.price() / ether.price();
            lowest = lowest.min(ratio);
            price.points.push((second as f64 / 60.0, ratio));
            owed.points.push((second as f64 / 60.0, owed_usd(&stage, &loopers)));
        }
        let mut held = stage.held(&[], 0.0);
        held.figures = vec![
            Figure::new("borrowed by ten loops, USD", borrowed),
            Figure::new("loops liquidated, of ten", liquidated(&stage, &loopers)),
            Figure::new("lowest price, ether", lowest),
            Figure::new("below what it would have been, share", 1.0 - lowest / discount),
        ];
        held.plots = vec![over_minutes("Price", "ether", vec![price]), over_minutes("Loans", "USD", vec![owed])];
        held
    }
}

impl Steth {
    /// Ten loops: each posts stETH, sells ether against a part of what it is about to borrow, and takes out a part of what the rules lend: what is looped
    /// again elsewhere.
    fn join_loopers(&self, stage: &mut Stage, buyer: Member, part: f64, hedged: f64) -> Vec<Member> {
        let units = POSTED_USD / self.steth.price_usd;
        let (symbol, ether) = (self.steth.symbol.as_str(), self.ether.symbol.as_str());
        let mut loopers = Vec::new();
        for at in 0..LOOPERS {
            let looper = stage.join(&format!("loop {at}"), 0.0);
            stage.pay_in_collateral(looper, symbol, units);
            stage.pass(1);
            let hedge =
                (units * hedged * (1.0 - 1.0 / self.loop_of.leverage)).min(stage.most_units(looper, ether, -1.0));
            stage.strike(buyer, looper, ether, hedge.floor());
            stage.pass(1);
            take_out(stage, looper, part);
            loopers.push(looper);
        }
        loopers
    }
}

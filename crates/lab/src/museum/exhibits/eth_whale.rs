//! The ETH whale 2025: margin is taken out until a small fall hands a position to the vault that no book takes.

use super::market::{Builders, Market, over_minutes, step_s};
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Reenacted};
use crate::museum::stage::{Asset, Capital, Member, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "eth-whale-2025",
    story: include_str!("../../../../../drills/eth-whale-2025/README.md"),
    description: include_str!("../../../../../drills/eth-whale-2025/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<EthWhale>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EthWhale {
    card: Card,
    whale: Whale,
    old_rules: OldRules,
    course: Course,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whale {
    margin_usd: f64,
    units: f64,
    sold_units: f64,
    entry_usd: f64,
    taken_out_usd: f64,
    liquidated_usd: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    initial: f64,
    maintenance: f64,
    vault_at: f64,
    daily_volatility: f64,
    daily_volume_usd: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Course {
    rise: f64,
    fall: f64,
    minutes_up: f64,
    minutes_down: f64,
}

const MOST_ACCOUNTS: f64 = 10.0;
const OTHER_SIDE_USD: f64 = 500e6;
const MAKER_USD: f64 = 100e6;
const BIDDER_USD: f64 = 5e6;
/// A bidder's premium, as a share of a portfolio's initial margin.
const PREMIUM: f64 = 0.1;
const AFTERWARDS_S: i64 = 1_800;
/// Rounds in which the position is built, a second each.
const BUILDING_S: i64 = 90;
/// Points of the plot of what getting out costs.
const SIZES: u32 = 40;

impl OldRules {
    /// What it costs to sell so much, USD: volatility times the square root of size over a day's trade (Almgren et al. 2005; Y = 1).
    fn cost_of_exit(&self, notional_usd: f64) -> f64 {
        self.daily_volatility * (notional_usd / self.daily_volume_usd).sqrt() * notional_usd
    }
}

impl Incident for EthWhale {
    fn card(&self) -> &Card {
        &self.card
    }

    fn as_it_was(&self) -> Reenacted {
        let (whale, rules) = (&self.whale, &self.old_rules);
        let left = whale.units - whale.sold_units;
        // Equity once money is out: margin + units · (p − entry) − taken = initial · left · p, solved for p.
        let fixed = whale.margin_usd - whale.units * whale.entry_usd - whale.taken_out_usd;
        let out_at = -fixed / (whale.units - rules.initial * left);
        let equity = rules.initial * left * out_at;
        // From there equity falls with what is left: equity − left · (out − p) = share · left · p, solved for p.
        let taken_over = |share: f64| (left * out_at - equity) / (left * (1.0 - share));
        let share = rules.maintenance * rules.vault_at;
        let at = taken_over(share);
        let notional = left * at;
        let loss_on = |usd: f64| rules.cost_of_exit(usd) - share * usd;
        let (mut cost, mut margin) = (Line::new("cost of getting out"), Line::new("margin that is left"));
        for size in 1..=SIZES {
            let usd = notional * f64::from(size) / f64::from(SIZES);
            cost.points.push((usd / 1e6, rules.cost_of_exit(usd)));
            margin.points.push((usd / 1e6, share * usd));
        }
        let mut plot = over_minutes("What a vault inherits", "USD", vec![cost, margin]);
        plot.across = "position, millions of USD".into();
        Reenacted {
            loss: loss_on(notional),
            figures: vec![
                Figure::new("price at which the money left, USD", out_at),
                Figure::beside(
                    "price at which the vault took over, USD",
                    at,
                    [whale.liquidated_usd * 0.99, whale.liquidated_usd * 1.01],
                ),
                Figure::beside("taken over, USD", notional, [300e6, 310e6]),
                Figure::beside("the trader's gain, USD", whale.taken_out_usd - whale.margin_usd, [1.8e6, 1.9e6]),
                Figure::new("the vault's loss on a tenth of the position, USD", loss_on(notional / 10.0)),
            ],
            plots: vec![plot],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let (whale, course) = (&self.whale, &self.course);
        vec![
            Knob::logarithmic("money of all accounts together, USD", 1e6, 150e6, whale.margin_usd),
            Knob::linear("accounts", 1.0, MOST_ACCOUNTS, 1.0),
            Knob::linear("part of what margin allows", 0.05, 1.0, 1.0),
            Knob::linear("part of what may be taken out", 0.0, 1.0, 1.0),
            Knob::linear("rise of ETH, share", 0.0, 0.2, course.rise),
            Knob::linear("fall of ETH below entry at the end, share", 0.0, 0.3, course.fall),
            Knob::logarithmic("minutes of the fall", course.minutes_down / 10.0, 600.0, course.minutes_down),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [margin_usd, accounts, part, out, rise, fall, down] = *choice else { unreachable!("seven knobs") };
        let (symbol, start) = (self.asset.symbol.as_str(), self.asset.price_usd);
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        let mut market = Market::new(&mut stage, &self.asset, MAKER_USD);
        let other_side = stage.join("other side", OTHER_SIDE_USD);
        let bidder = stage.join("bidder", BIDDER_USD);
        stage.bid(bidder, PREMIUM, BIDDER_USD / 2.0);
        let whales = self.open(&mut stage, other_side, margin_usd, accounts, part);
        let opened: f64 = whales.iter().map(|whale| stage.position(*whale, symbol)).sum();

        let [rising_s, falling_s] = [self.course.minutes_up, down].map(|minutes| ((minutes * 60.0) as i64).max(1));
        let step = step_s(rising_s + falling_s + AFTERWARDS_S);
        let (mut price, mut taken) = (Line::new("spot"), Line::new("taken out"));
        let taken_out = |stage: &Stage| whales.iter().map(|whale| stage.account(*whale).taken_out_usd).sum::<f64>();
        for second in (0..rising_s + falling_s + AFTERWARDS_S).step_by(step as usize) {
            let top = start * (1.0 + rise);
            let fair = if second < rising_s {
                start + (top - start) * second as f64 / rising_s as f64
            } else {
                let done = ((second - rising_s) as f64 / falling_s as f64).min(1.0);
                top + (start * (1.0 - fall) - top) * done
            };
            market.next(&mut stage, fair, step);
            if (rising_s - step..rising_s + step).contains(&second) {
                for whale in &whales {
                    let free = stage.withdrawable_usd(*whale) * out;
                    if free > 1.0 {
                        stage.withdraw(*whale, free);
                    }
                }
            }
            stage.pass(step);
            price.points.push((second as f64 / 60.0, market.price()));
            taken.points.push((second as f64 / 60.0, taken_out(&stage)));
        }
        let mut held = stage.held(&[], 0.0);
        held.figures = vec![
            Figure::new("position opened, USD", opened * start),
            Figure::new("taken out, USD", taken_out(&stage)),
            Figure::new(
                "accounts liquidated",
                whales.iter().filter(|whale| stage.liquidations(**whale) > 0).count() as f64,
            ),
            Figure::new("the whale's gain, USD", whales.iter().map(|whale| stage.account(*whale).profit_usd).sum()),
            Figure::new("sold to makers, USD", market.passed_on_usd),
            Figure::new("makers liquidated", market.liquidations(&stage) as f64),
        ];
        held.plots =
            vec![over_minutes("Price", "USD", vec![price]), over_minutes("Money that left", "USD", vec![taken])];
        held
    }
}

impl EthWhale {
    /// Every account buys a part of what its margin allows, up to its share of history's position; somebody with much money sells at the
    /// mark. Open interest rises no faster than margin follows, so that it takes a while.
    fn open(&self, stage: &mut Stage, other_side: Member, margin_usd: f64, accounts: f64, part: f64) -> Vec<Member> {
        let symbol = self.asset.symbol.as_str();
        let count = accounts.round().clamp(1.0, MOST_ACCOUNTS);
        let whales: Vec<Member> =
            (0..count as usize).map(|at| stage.join(&format!("whale {at}"), margin_usd / count)).collect();
        Builders { members: &whales, side: 1.0, other_side }.build(stage, symbol, BUILDING_S, |stage, whale, _| {
            let room = stage.most_units(whale, symbol, 1.0) * part;
            room.min(self.whale.units / count - stage.position(whale, symbol))
        });
        whales
    }
}

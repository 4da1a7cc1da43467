//! Aave 2022: a large short of a thin coin is bought back at a bonus that deepens what is missing, and the purchases lift the price.

use super::market::{Market, over_minutes, step_s};
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Reenacted};
use crate::museum::spot::Spot;
use crate::museum::stage::{Asset, Capital, Member, Stage};
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "aave-crv-2022",
    story: include_str!("../../../../../drills/aave-crv-2022/README.md"),
    description: include_str!("../../../../../drills/aave-crv-2022/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<AaveCrv>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AaveCrv {
    card: Card,
    short: Short,
    old_rules: OldRules,
    capital: Capital,
    asset: Asset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Short {
    collateral_usd: f64,
    units: f64,
    rise: f64,
    minutes: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRules {
    liquidation_ltv: f64,
    bonus: f64,
    bought_usd_a_minute: f64,
    depth_usd_1pct: f64,
    others_push_a_minute: f64,
}

/// Makers and the buyer who is long against the short.
const MAKER_DEPTHS: f64 = 16.0;
const BUYER_USD: f64 = 40e6;
const AFTERWARDS_S: i64 = 1_800;
/// Minutes after which the old rules are done, whatever is left.
const AT_MOST: u32 = 600;

/// A loan as the old rules left it.
struct Bought {
    debt: f64,
    collateral_usd: f64,
    /// Where liquidation began and where it ended, USD.
    from_usd: f64,
    to_usd: f64,
    minutes: u32,
    /// Minutes in which a bonus was paid although more was owed than was there.
    beyond_value: u32,
    price: Line,
    ltv: Line,
}

impl Incident for AaveCrv {
    fn card(&self) -> &Card {
        &self.card
    }

    fn as_it_was(&self) -> Reenacted {
        let was = self.liquidate(f64::INFINITY);
        // Past this ratio of debt to collateral, a liquidation leaves less for what is still owed.
        let stopped = self.liquidate(1.0 / (1.0 + self.old_rules.bonus));
        let missing = |left: &Bought| (left.debt * left.from_usd - left.collateral_usd).max(0.0);
        let rise = was.to_usd / self.asset.price_usd - 1.0;
        Reenacted {
            loss: missing(&was),
            figures: vec![
                Figure::beside("CRV that nobody repaid", was.debt, [2.64e6, 2.66e6]),
                Figure::beside("minutes of liquidation", f64::from(was.minutes), [50.0, 60.0]),
                Figure::beside("rise of the price, share", rise, [0.45, 0.55]),
                Figure::new("minutes of bonus although more was owed than there", f64::from(was.beyond_value)),
                Figure::new("missing if the bonus had ended at the frontier, USD", missing(&stopped)),
            ],
            plots: vec![
                over_minutes("What buying back did to the price", "USD", vec![was.price]),
                over_minutes("Debt over collateral", "share", vec![was.ltv]),
            ],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        let short = &self.short;
        vec![
            Knob::logarithmic("margin of the short, USD", 1e5, 1e8, short.collateral_usd),
            Knob::linear("part of what margin allows", 0.05, 1.0, 1.0),
            Knob::logarithmic("rise of the price, share", 0.1, 2.0 * short.rise, short.rise),
            Knob::logarithmic("minutes of the rise", short.minutes / 5.0, 600.0, short.minutes),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [margin_usd, part, rise, minutes] = *choice else { unreachable!("four knobs") };
        let symbol = self.asset.symbol.as_str();
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), self.capital);
        let (short, buyer) = (stage.join("short", margin_usd), stage.join("buyer", BUYER_USD));
        let mut market = Market::new(&mut stage, &self.asset, MAKER_DEPTHS * self.asset.depth_usd_1pct);
        open_short(&mut stage, symbol, [short, buyer], self.short.units, part);
        let opened = -stage.position(short, symbol);

        let rising_s = ((minutes * 60.0) as i64).max(1);
        let step = step_s(rising_s + AFTERWARDS_S);
        let (mut price, mut left) = (Line::new("spot"), Line::new("short, units"));
        for second in (0..rising_s + AFTERWARDS_S).step_by(step as usize) {
            let done = (second as f64 / rising_s as f64).min(1.0);
            market.next(&mut stage, self.asset.price_usd * (1.0 + rise).powf(done), step);
            stage.pass(step);
            price.points.push((second as f64 / 60.0, market.price()));
            left.points.push((second as f64 / 60.0, -stage.position(short, symbol)));
        }
        let makers = market.liquidations(&stage);
        let mut held = stage.held(&[], 0.0);
        held.figures = vec![
            Figure::new("CRV sold short", opened),
            Figure::new("liquidations of makers", makers as f64),
            Figure::new("liquidations of the short", stage.liquidations(short) as f64),
            Figure::new("bought back from makers, USD", market.passed_on_usd),
            Figure::new("equity of the short at the end, USD", stage.account(short).equity_usd),
        ];
        held.plots = vec![over_minutes("Price", "USD", vec![price]), over_minutes("The short", "CRV", vec![left])];
        held
    }
}

impl AaveCrv {
    /// Others buy until the loan is due; then liquidators buy and repay, as long as a minute's purchases cost less than the bonus. They are
    /// paid no bonus, and stop, at `no_bonus_from` of debt over collateral.
    fn liquidate(&self, no_bonus_from: f64) -> Bought {
        let (rules, start) = (&self.old_rules, self.asset.price_usd);
        let mut spot = Spot::new(start, rules.depth_usd_1pct, f64::INFINITY);
        let (debt, collateral_usd) = (self.short.units, self.short.collateral_usd);
        let (price, ltv) = (Line::new("CRV"), Line::new("debt over collateral"));
        let mut loan =
            Bought { debt, collateral_usd, from_usd: 0.0, to_usd: 0.0, minutes: 0, beyond_value: 0, price, ltv };
        for minute in 0..AT_MOST {
            let ltv = loan.debt * spot.price() / loan.collateral_usd;
            loan.price.points.push((f64::from(minute), spot.price()));
            loan.ltv.points.push((f64::from(minute), ltv.min(1.2)));
            if loan.minutes == 0 && ltv < rules.liquidation_ltv {
                spot.push_to(spot.price() * (1.0 + rules.others_push_a_minute));
                continue;
            }
            if loan.minutes == 0 {
                loan.from_usd = spot.price();
            }
            if ltv >= no_bonus_from || loan.collateral_usd < 1.0 {
                break;
            }
            loan.minutes += 1;
            loan.beyond_value += u32::from(ltv > 1.0);
            let worthwhile = (1.0 + rules.bonus).ln() * 100.0 * rules.depth_usd_1pct;
            let usd = rules.bought_usd_a_minute.min(worthwhile).min(loan.collateral_usd / (1.0 + rules.bonus));
            let (units, paid) = (spot.holds, spot.paid_usd);
            spot.buy(usd);
            loan.debt -= spot.holds - units;
            loan.collateral_usd -= (spot.paid_usd - paid) * (1.0 + rules.bonus);
        }
        loan.to_usd = spot.price();
        loan
    }
}

/// The short asks for as much as margin allows, up to what was borrowed in history, and the buyer takes it, over a minute, at the mark.
fn open_short(stage: &mut Stage, symbol: &str, [short, buyer]: [Member; 2], units: f64, part: f64) {
    let allowed = stage.most_units(short, symbol, -1.0);
    let wanted = units.min(allowed * part);
    stage.play(60, |stage, _| {
        let more = (wanted + stage.position(short, symbol)).min(stage.most_units(short, symbol, -1.0));
        if more >= 1.0 {
            let mark = stage.mark(symbol);
            stage.order(buyer, symbol, more, Some(mark));
            stage.order(short, symbol, -more, Some(mark));
        }
    });
}

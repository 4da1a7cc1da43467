//! The attack that several exhibits share: two accounts of one owner trade with each other, spot purchases push the price, and whatever either
//! account may take out is taken out.

use crate::museum::exhibit::{Figure, Held, Line, Plot};
use crate::museum::spot::Spot;
use crate::museum::stage::{Asset, Capital, Member, Stage};

/// How long everything is watched after the push.
const AFTERWARDS_S: i64 = 1_800;
/// Honest members: two makers with so many times the depth, and somebody long against somebody short.
const MAKER_DEPTHS: f64 = 16.0;
const HEDGER_USD: f64 = 20_000.0;
const HEDGER_NOTIONAL_USD: f64 = 7_640.0;

/// One choice of it.
pub(super) struct Pump<'a> {
    pub(super) asset: &'a Asset,
    pub(super) capital: Capital,
    /// Of each of the two accounts.
    pub(super) margin_usd: f64,
    /// As many as the attacker wants.
    pub(super) units: f64,
    pub(super) push_usd: f64,
    pub(super) minutes: f64,
    /// Of what margin allows.
    pub(super) part: f64,
    /// Of the spot price's way back.
    pub(super) half_life_s: f64,
}

impl Pump<'_> {
    /// Plays it, and sells on spot what was bought there.
    pub(super) fn play(&self) -> Held {
        let asset = self.asset;
        let symbol = asset.symbol.as_str();
        let mut stage = Stage::new(std::slice::from_ref(asset), self.capital);
        let makers = ["maker 1", "maker 2"].map(|name| stage.join(name, asset.depth_usd_1pct * MAKER_DEPTHS));
        let hedgers = ["buyer", "seller"].map(|name| stage.join(name, HEDGER_USD));
        stage.strike(hedgers[0], hedgers[1], symbol, HEDGER_NOTIONAL_USD / asset.price_usd);
        let both = ["attacker long", "attacker short"].map(|name| stage.join(name, self.margin_usd));
        trade_with_themselves(&mut stage, symbol, both, self.units, self.part);
        let opened = stage.position(both[0], symbol);

        let mut spot = Spot::new(asset.price_usd, asset.depth_usd_1pct, self.half_life_s);
        let buying_s = (self.minutes * 60.0) as i64;
        let mut course = Course::new();
        for second in 0..buying_s + AFTERWARDS_S {
            if second < buying_s {
                spot.buy(self.push_usd / buying_s as f64);
            } else {
                spot.pass(1.0);
            }
            stage.say(symbol, spot.price());
            for maker in makers {
                stage.quote(maker, symbol, spot.price(), asset.half_spread, asset.depth_usd_1pct / 2.0);
            }
            for attacker in both {
                let free = stage.withdrawable_usd(attacker);
                if free > 1.0 {
                    stage.withdraw(attacker, free);
                }
            }
            stage.pass(1);
            course.note(&stage, second, spot.price(), symbol, both);
        }
        spot.sell_all();
        let mut held = stage.held_after_a_push(&both, -spot.paid_usd);
        held.figures = vec![
            Figure::new(&format!("position opened, {symbol}"), opened),
            Figure::new("taken out, USD", both.map(|attacker| stage.account(attacker).taken_out_usd).iter().sum()),
            Figure::new("paid to push spot prices, USD", spot.paid_usd),
            Figure::new("liquidations of the short account", stage.liquidations(both[1]) as f64),
        ];
        held.plots = course.plots();
        held
    }
}

/// Both accounts ask for as much as margin allows, up to what was opened in history, over a minute, at the mark.
pub(super) fn trade_with_themselves(
    stage: &mut Stage,
    symbol: &str,
    [long, short]: [Member; 2],
    units: f64,
    part: f64,
) {
    stage.play(60, |stage, _| {
        let room = stage.most_units(long, symbol, 1.0).min(stage.most_units(short, symbol, -1.0));
        let wanted = (units - stage.position(long, symbol)).min(room * part);
        if wanted >= 1.0 {
            let mark = stage.mark(symbol);
            stage.order(long, symbol, wanted, Some(mark));
            stage.order(short, symbol, -wanted, Some(mark));
        }
    });
}

/// A note every ten seconds.
struct Course {
    spot: Line,
    index: Line,
    taken: Line,
}

impl Course {
    fn new() -> Self {
        Self { spot: Line::new("spot"), index: Line::new("index"), taken: Line::new("taken out by the attacker") }
    }

    fn note(&mut self, stage: &Stage, second: i64, spot: f64, symbol: &str, both: [Member; 2]) {
        if second % 10 == 0 {
            let minutes = second as f64 / 60.0;
            self.spot.points.push((minutes, spot));
            self.index.points.push((minutes, stage.index(symbol)));
            let taken = both.map(|attacker| stage.account(attacker).taken_out_usd).iter().sum();
            self.taken.points.push((minutes, taken));
        }
    }

    fn plots(self) -> Vec<Plot> {
        let plot = |title: &str, lines| Plot {
            title: title.into(),
            across: "minutes".into(),
            up: "USD".into(),
            logarithmic: false,
            lines,
        };
        vec![plot("Price", vec![self.spot, self.index]), plot("Money that left", vec![self.taken])]
    }
}

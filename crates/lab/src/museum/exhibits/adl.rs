//! Auto-deleveraging on 10 October 2025: the same deficits and the same winners' profits, wave by wave.

use super::market::over_minutes;
use crate::museum::exhibit::{Card, Exhibit, Figure, Held, Incident, Knob, Line, Plot, Reenacted};
use crate::museum::stage::{Asset, Capital, Stage, TakenOver};
use clearing::event::Layer;
use serde::Deserialize;

pub(super) const EXHIBIT: Exhibit = Exhibit {
    name: "adl-2025",
    story: include_str!("../../../../../drills/adl-2025/README.md"),
    description: include_str!("../../../../../drills/adl-2025/exhibit.toml"),
    open: |text| Ok(Box::new(toml::from_str::<Adl>(text)?)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Adl {
    card: Card,
    winners: Winners,
    defaulters: Defaulters,
    asset: Asset,
    wave: Vec<Wave>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Winners {
    accounts: f64,
    zipf: f64,
    above_mark: f64,
    forgone_move: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaulters {
    notional_over_deficit: f64,
}

/// A cluster of fills, as it was measured.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wave {
    number: u32,
    needed_usd: f64,
    production_usd: f64,
    integer_program_usd: f64,
    contracts_pro_rata_usd: f64,
    winners_profit_usd: f64,
    winners_equity_usd: f64,
    losers: u32,
}

/// What the core did in a wave, USD.
#[derive(Default)]
struct Allocated {
    deficit: f64,
    taken: f64,
    closed_units: f64,
    worst_share: f64,
    wrongful: u64,
}

const COUNTERPARTY_USD: f64 = 20e9;

impl Adl {
    fn sum(&self, of: impl Fn(&Wave) -> f64) -> f64 {
        self.wave.iter().map(of).sum()
    }

    /// Gains of so many winners by Zipf's law, largest first, with the wave's sum.
    fn gains(wave: &Wave, accounts: usize, zipf: f64) -> Vec<f64> {
        let weights: Vec<f64> = (1..=accounts).map(|rank| (rank as f64).powf(-zipf)).collect();
        let whole: f64 = weights.iter().sum();
        weights.iter().map(|weight| wave.winners_profit_usd * weight / whole).collect()
    }

    /// One wave through the engine: its losers below zero, its winners, nothing behind the pool.
    fn play(&self, wave: &Wave, gains: &[f64], losers: usize, above: f64) -> Allocated {
        let nothing = Capital { fund_usd: 0.0, own_capital_usd: 0.0 };
        let mut stage = Stage::new(std::slice::from_ref(&self.asset), nothing);
        let other = stage.join("everybody else", COUNTERPARTY_USD);
        let (symbol, mark) = (self.asset.symbol.clone(), self.asset.price_usd);
        let short_at = mark * (1.0 + above);
        let overcollateral = wave.winners_equity_usd / wave.winners_profit_usd;
        let winner = |(at, gain): (usize, &f64)| TakenOver {
            name: format!("winner {at}"),
            cash_usd: gain * (overcollateral - 1.0).max(0.1),
            positions: vec![(symbol.clone(), -gain / (short_at - mark), short_at)],
            collateral: Vec::new(),
        };
        let each = wave.needed_usd / losers as f64;
        // Whoever is short on the other side is who wins: defaulters hold no more than nine tenths of that.
        let shorts = wave.winners_profit_usd / (short_at - mark) * 0.9;
        let units = (each * self.defaulters.notional_over_deficit / mark).min(shorts / losers as f64);
        let loser = |at: usize| TakenOver {
            name: format!("loser {at}"),
            cash_usd: units * mark * above - each,
            positions: vec![(symbol.clone(), units, short_at)],
            collateral: Vec::new(),
        };
        // A gain of less than a lot is no position.
        let lot_gain = self.asset.lot_size * (short_at - mark);
        let book: Vec<TakenOver> = (0..losers)
            .map(loser)
            .chain(gains.iter().filter(|gain| **gain > lot_gain).enumerate().map(winner))
            .collect();
        let members = stage.take_over(&book, other).expect("the wave sums");
        let equity =
            |stage: &Stage| -> Vec<f64> { members.iter().map(|member| stage.account(*member).equity_usd).collect() };
        let before = equity(&stage);
        let held: Vec<f64> = members.iter().map(|member| stage.position(*member, &symbol)).collect();
        stage.pass(1);
        let after = equity(&stage);
        let deficit = before.iter().take(losers).map(|equity| (-equity).max(0.0)).sum();
        let lost: Vec<f64> = before.iter().zip(&after).skip(losers).map(|(before, after)| before - after).collect();
        let closed =
            members.iter().zip(&held).skip(losers).map(|(member, held)| stage.position(*member, &symbol) - held);
        let shares = lost.iter().zip(gains).map(|(lost, gain)| lost / gain);
        let seawall = stage.held(&[], 0.0);
        debug_assert!(stage.loss_of(Layer::WindDown) == 0.0, "nothing is wound down");
        Allocated {
            deficit,
            taken: lost.iter().sum(),
            closed_units: closed.sum(),
            worst_share: shares.fold(0.0, f64::max),
            wrongful: seawall.wrongful_liquidations,
        }
    }

    /// What a queue of whole positions, most profitable first, would take beyond the deficit from the same winners.
    fn queue(wave: &Wave, gains: &[f64]) -> f64 {
        let mut taken = 0.0;
        for gain in gains {
            if taken >= wave.needed_usd {
                break;
            }
            taken += gain;
        }
        taken - wave.needed_usd
    }
}

impl Incident for Adl {
    fn card(&self) -> &Card {
        &self.card
    }

    fn as_it_was(&self) -> Reenacted {
        let beyond = |of: fn(&Wave) -> f64| self.sum(|wave| of(wave) - wave.needed_usd);
        let production = |wave: &Wave| wave.production_usd - wave.needed_usd;
        let line = |name: &str, of: fn(&Wave) -> f64| Line {
            points: self.wave.iter().map(|wave| (f64::from(wave.number), of(wave).max(1.0))).collect(),
            ..Line::new(name)
        };
        let lines = vec![
            line("needed", |wave| wave.needed_usd),
            line("production took", |wave| wave.production_usd),
            line("integer program", |wave| wave.integer_program_usd),
        ];
        Reenacted {
            loss: self.sum(production),
            figures: vec![
                Figure::beside("needed, USD", self.sum(|wave| wave.needed_usd), [15.0e6, 15.2e6]),
                Figure::beside("taken, USD", self.sum(|wave| wave.production_usd), [60.0e6, 60.2e6]),
                Figure::beside(
                    "taken too much where it was too much, USD",
                    self.sum(|wave| production(wave).max(0.0)),
                    [45.0e6, 51.7e6],
                ),
                Figure::new("missing where it was too little, USD", self.sum(|wave| (-production(wave)).max(0.0))),
                Figure::new(
                    "contracts in proportion, beyond what was needed, USD",
                    beyond(|wave| wave.contracts_pro_rata_usd),
                ),
                Figure::new("integer program, beyond what was needed, USD", beyond(|wave| wave.integer_program_usd)),
                Figure::new("best rule of the paper, beyond what was needed, USD", 3e6),
            ],
            plots: vec![Plot {
                title: "What winners lost, wave by wave".into(),
                across: "wave".into(),
                up: "USD".into(),
                logarithmic: true,
                lines,
            }],
        }
    }

    fn knobs(&self) -> Vec<Knob> {
        vec![
            Knob::logarithmic("winners in a wave", 5.0, 2_000.0, self.winners.accounts),
            Knob::linear("inequality of winners, exponent of Zipf's law", 0.0, 2.0, self.winners.zipf),
            Knob::logarithmic("defaulters for each that there was", 0.05, 2.0, 1.0),
            Knob::linear("how far in profit, share of the price", 0.05, 0.8, self.winners.above_mark),
        ]
    }

    fn under_seawall(&self, choice: &[f64]) -> Held {
        let [accounts, zipf, defaulters, above] = *choice else { unreachable!("four knobs") };
        let (mut whole, mut queue) = (Allocated::default(), 0.0);
        let (mut needed, mut beyond) = (Line::new("deficit"), Line::new("taken"));
        for wave in &self.wave {
            let gains = Self::gains(wave, accounts.round() as usize, zipf);
            // Nobody defaults on less than a dollar.
            let losers = (f64::from(wave.losers) * defaulters).round().clamp(1.0, wave.needed_usd.max(1.0)) as usize;
            let found = self.play(wave, &gains, losers, above);
            queue += Self::queue(wave, &gains);
            needed.points.push((f64::from(wave.number), found.deficit));
            beyond.points.push((f64::from(wave.number), found.taken));
            whole.deficit += found.deficit;
            whole.taken += found.taken;
            whole.closed_units += found.closed_units;
            whole.worst_share = whole.worst_share.max(found.worst_share);
            whole.wrongful += found.wrongful;
        }
        // In quanta: what is less is the lab's floats.
        let taken_beyond = ((whole.taken - whole.deficit) * 1e6).round() / 1e6 + 0.0;
        let forgone = whole.closed_units * self.asset.price_usd * self.winners.forgone_move;
        let mut plot = over_minutes("What winners lost, wave by wave", "USD", vec![needed, beyond]);
        (plot.across, plot.logarithmic) = ("wave".into(), true);
        Held {
            bad_debt_usd: taken_beyond.abs(),
            wrongful_liquidations: whole.wrongful,
            figures: vec![
                Figure::new("deficits, USD", whole.deficit),
                Figure::new("taken from winners, USD", whole.taken),
                Figure::new("beyond the deficits, USD", taken_beyond),
                Figure::new("largest part of a gain that was taken, percent", whole.worst_share * 100.0),
                Figure::new("closed, notional, USD", whole.closed_units * self.asset.price_usd),
                Figure::new("forgone later if prices go on by two percent, USD", forgone),
                Figure::new("a queue of whole positions: beyond the deficits, USD", queue),
            ],
            plots: vec![plot],
            ..Held::default()
        }
    }
}

//! What a run comes to: one number for each name, the same names in every run, so that runs are rows of a table.

use super::agents::Agent;
use super::market::Market;
use crate::drill::convert::{usd, usd_a_unit};
use crate::museum::stage::Member;
use clearing::event::{Event, Layer};
use serde::Serialize;
use std::collections::BTreeSet;

/// Every figure with what it says. USD unless it says otherwise.
pub const FIGURES: &[(&str, &str)] = &[
    ("bad_debt_usd", "losses borne by members: beyond the defaulter, the pool's own capital and its fund"),
    ("loss_usd", "losses beyond the defaulters' own money, whoever bore them"),
    ("venue_loss_usd", "what own capital and fund have less at the end; negative if they gained"),
    ("fund_low_usd", "the fund's lowest equity"),
    ("fund_drawdown_usd", "from the fund's start to its lowest"),
    ("adl_usd", "taken from winners by auto-deleveraging"),
    ("liquidated", "accounts liquidated at least once"),
    ("wrongful", "accounts liquidated although sound at the price outside"),
    ("forced_usd", "notional sold by force in the book"),
    ("auctioned_usd", "notional offered in portfolio auctions"),
    (
        "liquidation_cost",
        "what forced sales cost those who were sold, as a share of their notional: distance to the mark, and fee",
    ),
    ("margin_per_notional", "initial margin over notional, mean over the run"),
    ("equity_per_notional", "members' equity over notional, mean over the run"),
    ("open_notional_usd", "members' notional at the start, both sides"),
    ("fall", "the deepest fall of any asset outside, as a share"),
    ("amplification", "the deepest fall beyond what the path alone would have fallen, any asset, as a share"),
    (
        "branching",
        "share of liquidations that follow from others: 1 − √(mean/variance) of counts a minute (Hardiman and Bouchaud 2014); 0 without clustering",
    ),
    (
        "cascading",
        "blocks in which what a move forces members to sell would have carried it on in some market (R13.6), as a share",
    ),
    ("attack_gain_usd", "what attackers have more, in the pool and outside; 0 without attackers"),
    ("volume_usd", "notional traded in the book, one side"),
    ("refused", "commands that the core refused, as a share of those sent"),
    ("lost", "commands that congestion lost, as a share of those sent"),
];

/// How often margin is looked at, blocks.
const LOOKS_EVERY: u64 = 360;

/// The figures of a run, in the order of [`FIGURES`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// A value a name.
    pub values: Vec<f64>,
}

impl Figures {
    /// The figure of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        let at = place_of(name)?;
        self.values.get(at).copied()
    }
}

/// Where a figure stands among [`FIGURES`].
#[must_use]
pub fn place_of(name: &str) -> Option<usize> {
    FIGURES.iter().position(|(known, _)| *known == name)
}

/// Notes of a run in progress.
pub(super) struct Tally {
    fund_start: f64,
    fund_low: f64,
    open_notional: f64,
    liquidated: BTreeSet<u32>,
    /// Liquidations in each minute.
    minutes: Vec<f64>,
    forced: f64,
    auctioned: f64,
    cost: f64,
    volume: f64,
    looks: Vec<(f64, f64)>,
    cascading: u64,
    blocks: u64,
}

impl Tally {
    pub(super) fn begin(market: &Market) -> Self {
        let fund = market.stage.fund_usd();
        Self {
            fund_start: fund,
            fund_low: fund,
            open_notional: market.stage.totals().notional_usd,
            liquidated: BTreeSet::new(),
            minutes: Vec::new(),
            forced: 0.0,
            auctioned: 0.0,
            cost: 0.0,
            volume: 0.0,
            looks: Vec::new(),
            cascading: 0,
            blocks: 0,
        }
    }

    pub(super) fn block(&mut self, market: &Market) {
        let minute = (market.time_s() / 60.0) as usize;
        self.minutes.resize(minute + 1, 0.0);
        for event in market.stage.events() {
            match event {
                Event::AccountLiquidated { account, .. } => {
                    self.liquidated.insert(account.0);
                    self.minutes[minute] += 1.0;
                }
                Event::Filled { instrument, quantity, price, fee, forced, .. } => {
                    let (mark, lot) = market.stage.mark_of(*instrument);
                    let (price, units) = (usd_a_unit(*price, lot), quantity.get() as f64 * lot);
                    self.volume += units.abs() * price / 2.0;
                    if *forced {
                        self.forced += units.abs() * price.abs();
                        self.cost += (price - mark) * units + usd(*fee);
                    }
                }
                Event::PortfolioAuctioned { notional, .. } => self.auctioned += usd(*notional),
                _ => (),
            }
        }
        self.fund_low = self.fund_low.min(market.stage.fund_usd());
        if self.blocks.is_multiple_of(LOOKS_EVERY) {
            let totals = market.stage.totals();
            if totals.notional_usd > 0.0 {
                let share = |usd: f64| usd / totals.notional_usd;
                self.looks.push((share(totals.initial_margin_usd), share(totals.equity_usd)));
            }
        }
        self.cascading += u64::from(market.stage.is_cascading());
        self.blocks += 1;
    }

    pub(super) fn end<'a>(self, market: &Market, agents: impl Iterator<Item = &'a dyn Agent>) -> Figures {
        let attackers: Vec<&dyn Agent> = agents.filter(|agent| !agent.accounts().is_empty()).collect();
        let accounts: Vec<Member> = attackers.iter().flat_map(|agent| agent.accounts()).copied().collect();
        let made: f64 = attackers.iter().map(|agent| agent.made_outside_usd(market)).sum();
        let held = market.stage.held(&accounts, made);
        let looks = self.looks.len().max(1) as f64;
        let falls = market.outside.iter().map(|outside| {
            let start = outside.start_usd();
            (1.0 - outside.low.0 / start, 1.0 - outside.low.0 / outside.low.1)
        });
        let (fall, amplification) =
            falls.fold((0.0, 0.0), |most: (f64, f64), one| (most.0.max(one.0), most.1.max(one.1)));
        let layers = [
            Layer::OwnCapital,
            Layer::Fund,
            Layer::Tranche,
            Layer::Line,
            Layer::AutoDeleveraging,
            Layer::GainsHaircut,
            Layer::MembersEquity,
            Layer::WindDown,
        ];
        let sent = market.sent.max(1) as f64;
        let values = vec![
            held.bad_debt_usd,
            layers.iter().map(|layer| market.stage.loss_of(*layer)).sum(),
            held.venue_loss_usd,
            self.fund_low,
            self.fund_start - self.fund_low,
            market.stage.loss_of(Layer::AutoDeleveraging),
            self.liquidated.len() as f64,
            held.wrongful_liquidations as f64,
            self.forced,
            self.auctioned,
            if self.forced > 0.0 { self.cost / self.forced } else { 0.0 },
            self.looks.iter().map(|look| look.0).sum::<f64>() / looks,
            self.looks.iter().map(|look| look.1).sum::<f64>() / looks,
            self.open_notional,
            fall,
            amplification,
            branching(&self.minutes),
            self.cascading as f64 / self.blocks.max(1) as f64,
            held.attacker_gain_usd.unwrap_or(0.0),
            self.volume,
            held.refused.values().sum::<u64>() as f64 / sent,
            market.lost as f64 / sent,
        ];
        debug_assert_eq!(values.len(), FIGURES.len(), "a value a name");
        Figures { values }
    }
}

/// 1 − √(mean/variance) of counts in windows; 0 where they vary no more than by chance.
fn branching(counts: &[f64]) -> f64 {
    let count = counts.len().max(1) as f64;
    let mean = counts.iter().sum::<f64>() / count;
    let variance = counts.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    if variance <= mean || mean == 0.0 { 0.0 } else { 1.0 - (mean / variance).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::branching;

    #[test]
    fn clusters_branch_and_chance_does_not() {
        assert_eq!(branching(&[]), 0.0);
        assert_eq!(branching(&[1.0, 1.0, 1.0]), 0.0, "regular counts do not cluster");
        // Mean 1, variance 9: 1 − 1/3.
        let counts: Vec<f64> = (0..10).map(|at| if at == 0 { 10.0 } else { 0.0 }).collect();
        assert!((branching(&counts) - (1.0 - 1.0 / 3.0)).abs() < 1e-12, "found {}", branching(&counts));
    }
}

//! Decides whose winning positions are closed when the fund is used up: the queue of gain × leverage, one account at
//! a time.

use super::account::{Leg, Standing};
use super::{StaticVenue, outcome::Deleveraging};

/// A winner that can be deleveraged: index of the account, its position, its place in the ranking.
struct Winner {
    account: usize,
    leg: Leg,
    score: f64,
}

impl StaticVenue<'_> {
    /// When the house owes more than the fund holds, winners pay; what they cannot pay stays uncovered.
    pub(super) fn settle_house(&mut self, second: usize) {
        let owed = -self.fund_usd();
        if owed <= 0.0 {
            return;
        }
        let total = self.house.notional(&self.marks);
        for leg in self.house.legs.clone() {
            let share = leg.units.abs() * self.marks[leg.market] / total;
            self.deleverage(leg, owed * share, second);
        }
        let left = -self.fund_usd();
        self.records.beyond_fund_usd += owed;
        if left > 0.0 {
            self.house.cash += left;
            self.uncovered.cash -= left;
        }
    }

    /// Closes winners against a position of the house at its bankruptcy price, until the deficit is paid or the
    /// position is gone.
    fn deleverage(&mut self, house_leg: Leg, deficit: f64, second: usize) {
        let bankruptcy_gap = deficit / house_leg.units.abs();
        let mut deficit_left = deficit;
        let mut units_left = house_leg.units.abs();
        for winner in self.ranking(house_leg) {
            if deficit_left <= 0.0 || units_left <= 0.0 {
                return;
            }
            let units = self.units_to_close(&winner, units_left);
            // Nobody is closed at a loss: the price stops at the winner's entry.
            let gap = bankruptcy_gap.min((self.marks[house_leg.market] - winner.leg.entry).abs());
            let paid = gap * units;
            self.close_winner(&winner, units, gap, deficit_left, second);
            deficit_left -= paid;
            units_left -= units;
        }
    }

    /// The venue's engine closes small positions whole, and cuts large ones to what it needs.
    fn units_to_close(&self, winner: &Winner, units_needed: f64) -> f64 {
        let whole = winner.leg.units.abs();
        let notional = whole * self.marks[winner.leg.market];
        let whole_up_to = self.plan.static_rules.adl_whole_position_up_to_usd;
        if notional <= whole_up_to { whole } else { whole.min(units_needed) }
    }

    /// Accounts in profit on the other side, by gain (share of entry notional) × leverage; ties by index.
    fn ranking(&self, house_leg: Leg) -> Vec<Winner> {
        let mark = self.marks[house_leg.market];
        let winner = |(account, state): (usize, &super::Account)| {
            let leg = *state.legs.iter().find(|leg| leg.market == house_leg.market)?;
            let gain = leg.units * (mark - leg.entry);
            let equity = state.equity(&self.marks, &self.assets);
            let eligible = leg.units * house_leg.units < 0.0 && gain > 0.0 && equity > 0.0;
            let score = gain / (leg.units.abs() * leg.entry) * state.notional(&self.marks) / equity;
            (eligible && state.standing == Standing::Good).then_some(Winner { account, leg, score })
        };
        let mut winners: Vec<Winner> = self.accounts.iter().enumerate().filter_map(winner).collect();
        winners.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.account.cmp(&b.account)));
        winners
    }

    fn close_winner(&mut self, winner: &Winner, units: f64, gap: f64, deficit_left: f64, second: usize) {
        let market = winner.leg.market;
        let mark = self.marks[market];
        let side = winner.leg.units.signum();
        let price = mark - side * gap;
        let account = &mut self.accounts[winner.account];
        account.trade(market, -side * units, price);
        self.house.trade(market, side * units, price);
        let taken = gap * units;
        let hedged = !account.legs.is_empty();
        let event = Deleveraging {
            account: winner.account,
            pool: account.pool,
            second,
            notional_usd: units * mark,
            taken_usd: taken,
            overshoot_usd: (taken - deficit_left.max(0.0)).max(0.0),
            leaves_other_legs: hedged,
            symbol: self.markets[market].symbol.clone(),
            own_mark: mark,
            honest_median: self.markets[market].honest[second],
        };
        self.records.note_deleveraging(event);
        if account.legs.is_empty() {
            account.standing = Standing::Closed;
        }
    }
}

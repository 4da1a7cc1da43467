//! What can be asked of a stage.

use super::{Member, POOL, Stage};
use crate::drill::convert::{usd, usd_a_unit};
use crate::museum::exhibit::IndexCourse;
use clearing::event::{Cause, Event, Layer};
use clearing::margin;
use clearing::state::{Condition, FUND, Level, Pool};
use clearing::table::InstrumentId;

/// An account as it stands, USD.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Account {
    /// Everything it has at the marks.
    pub equity_usd: f64,
    /// What more it may put at risk (R6.2).
    pub free_collateral_usd: f64,
    /// Settlement money; negative if it owes.
    pub cash_usd: f64,
    /// What it has more than it was paid in, what was taken out included.
    pub profit_usd: f64,
    /// What was taken out.
    pub taken_out_usd: f64,
}

impl Stage {
    fn pool(&self) -> &Pool {
        &self.engine.state().pools[POOL]
    }

    /// An account as it stands.
    #[must_use]
    pub fn account(&self, member: Member) -> Account {
        let known = &self.members[member.0];
        let (pool, held) = (self.pool(), &self.pool().accounts[known.account]);
        let equity_usd = usd(margin::equity(&pool.matrices, held.cash, &held.positions));
        Account {
            equity_usd,
            free_collateral_usd: usd(margin::free_collateral(pool, held.cash, &held.positions)),
            cash_usd: usd(held.cash),
            profit_usd: equity_usd + known.taken_out - known.paid_in,
            taken_out_usd: known.taken_out,
        }
    }

    /// The most that an account may take out now (R7.4), USD; found by asking.
    #[must_use]
    pub fn withdrawable_usd(&self, member: Member) -> f64 {
        let known = &self.members[member.0];
        let (pool, held) = (self.pool(), &self.pool().accounts[known.account]);
        if held.positions.is_empty() {
            return usd(held.cash).max(0.0);
        }
        let floor = pool.parameters.withdrawal_floor.get() as f64 / 1e6 * usd(margin::notional(pool, &held.positions));
        let account = self.account(member);
        let most = account.free_collateral_usd.min(account.equity_usd - floor).min(usd(pool.custody));
        // A quantum less, for what rounding takes.
        (most - 0.01).max(0.0)
    }

    /// What an account holds of an asset's perpetual, or of the asset if there is none, units.
    #[must_use]
    pub fn position(&self, member: Member, symbol: &str) -> f64 {
        let listed = self.of(symbol);
        let held = &self.pool().accounts[self.members[member.0].account];
        let instrument = self.instrument(symbol);
        held.quantity(instrument).get() as f64 * listed.asset.lot_size
    }

    /// The units that an account may buy or sell at the mark with what it has free: found by asking the margin of one position after the other.
    #[must_use]
    pub fn most_units(&self, member: Member, symbol: &str, side: f64) -> f64 {
        let (pool, listed) = (self.pool(), self.of(symbol));
        let instrument = self.instrument(symbol);
        let held = &pool.accounts[self.members[member.0].account];
        let mark = pool.matrices.mark(instrument);
        let allowed = |lots: i64| {
            let quantity = clearing::units::Quantity::new(lots * side.signum() as i64);
            let fee = pool.parameters.fee_surcharge;
            let cost = pool.instruments[instrument].parameters.fee.get() as f64 * (1.0 + fee.get() as f64 / 1e6) / 1e6;
            let paid = clearing::units::Money::new((usd((mark * quantity).abs()) * cost * 1e6) as i128 + 1);
            let cash = held.cash - mark * quantity - paid;
            let mut positions = held.positions.clone();
            match positions.iter_mut().find(|position| position.instrument == instrument) {
                Some(position) => position.quantity += quantity,
                None => {
                    positions.push(clearing::state::Position { instrument, quantity, entry: mark * quantity });
                    positions.sort_by_key(|position| position.instrument);
                }
            }
            positions.retain(|position| !position.quantity.is_zero());
            !margin::free_collateral(pool, cash, &positions).is_negative()
        };
        let (mut low, mut high) = (0_i64, 1_i64 << 40);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if allowed(middle) { low = middle } else { high = middle }
        }
        low as f64 * listed.asset.lot_size
    }

    pub(super) fn instrument(&self, symbol: &str) -> InstrumentId {
        let listed = self.of(symbol);
        listed.perpetual.or(listed.spot).expect("every asset has an instrument")
    }

    /// The mark of an asset's perpetual, USD a unit.
    #[must_use]
    pub fn mark(&self, symbol: &str) -> f64 {
        usd_a_unit(self.pool().matrices.mark(self.instrument(symbol)), self.of(symbol).asset.lot_size)
    }

    /// An instrument's mark, USD a unit, and the units of its lot.
    #[must_use]
    pub fn mark_of(&self, instrument: InstrumentId) -> (f64, f64) {
        let traded = |listed: &&super::Listed| listed.perpetual == Some(instrument) || listed.spot == Some(instrument);
        let lot = self.listed.iter().find(traded).map_or(1.0, |listed| listed.asset.lot_size);
        (usd_a_unit(self.pool().matrices.mark(instrument), lot), lot)
    }

    /// The index of an asset, USD a unit.
    #[must_use]
    pub fn index(&self, symbol: &str) -> f64 {
        let listed = self.of(symbol);
        usd_a_unit(self.engine.state().feeds[listed.feed].index, listed.asset.lot_size)
    }

    /// Every asset's index, USD a unit, in the order of listing.
    pub(super) fn indices(&self) -> Vec<f64> {
        let index = |listed: &super::Listed| {
            let feed = &self.engine.state().feeds[listed.feed];
            usd_a_unit(feed.index, listed.asset.lot_size)
        };
        self.listed.iter().map(index).collect()
    }

    /// What every index did since the stage was set.
    pub(super) fn index_course(&self) -> IndexCourse {
        let symbols = self.listed.iter().map(|listed| listed.asset.symbol.clone()).collect();
        IndexCourse { symbols, points: self.course.clone() }
    }

    /// The condition of an asset's feed (R3.4).
    #[must_use]
    pub fn condition(&self, symbol: &str) -> Condition {
        self.engine.state().feeds[self.of(symbol).feed].condition
    }

    /// The breaker of an asset's perpetual (R13).
    #[must_use]
    pub fn breaker(&self, symbol: &str) -> Level {
        self.pool().instruments[self.instrument(symbol)].breaker.level
    }

    /// Whether forced sales would carry a move on in some market, as the breakers have it (R13.6).
    #[must_use]
    pub fn is_cascading(&self) -> bool {
        self.pool().instruments.iter().any(|(_, listed)| listed.breaker.cause == Cause::Cascade)
    }

    /// The sum of long positions, units.
    #[must_use]
    pub fn open_interest(&self, symbol: &str) -> f64 {
        let instrument = self.instrument(symbol);
        let lots: i64 = self.pool().accounts.iter().map(|(_, held)| held.quantity(instrument).get().max(0)).sum();
        lots as f64 * self.of(symbol).asset.lot_size
    }

    /// What the pool's own capital and its fund have less than at the beginning, USD, with what the fund holds at the marks.
    #[must_use]
    pub fn venue_loss_usd(&self) -> f64 {
        let pool = self.pool();
        let fund = &pool.accounts[FUND];
        let has = usd(margin::equity(&pool.matrices, fund.cash, &fund.positions)) + usd(pool.own_capital);
        self.capital.fund_usd + self.capital.own_capital_usd - has
    }

    /// What the fund holds of an asset's perpetual, units.
    #[must_use]
    pub fn fund_position(&self, symbol: &str) -> f64 {
        self.pool().accounts[FUND].quantity(self.instrument(symbol)).get() as f64 * self.of(symbol).asset.lot_size
    }

    /// What a layer of the waterfall has borne, USD.
    #[must_use]
    pub fn loss_of(&self, layer: Layer) -> f64 {
        self.losses.get(&layer).copied().unwrap_or(0.0)
    }

    /// How often an account began to be liquidated.
    #[must_use]
    pub fn liquidations(&self, member: Member) -> u64 {
        self.liquidated.get(&member).copied().unwrap_or(0)
    }

    /// What happened in the last block.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.last
    }

    /// How many commands were refused for this reason.
    #[must_use]
    pub fn refusals(&self, name: &str) -> u64 {
        self.refused.get(name).copied().unwrap_or(0)
    }

    /// Seconds since the stage was set, the day of calm included.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        (self.time - super::BEGINS).get() / 1_000
    }
}

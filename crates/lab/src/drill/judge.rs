//! Whether a liquidation was right, and whether one is missing: decided from outside the engine.
//!
//! A liquidation is wrongful if the account, as it stood before the block, was sound at what the honest venues traded at
//! in every second from 10 before to 10 after. The lab keeps its own copy of every account as it stood.

use super::world::World;
use clearing::event::Event;
use clearing::state::{Account, Instrument, Level, Pool};
use clearing::table::{AccountId, PoolId};
use clearing::units::Price;
use clearing::watch;
use std::collections::{BTreeMap, BTreeSet};

/// How far before and after a liquidation the judge looks, seconds.
const AROUND_S: usize = 10;

/// The judge's notes.
pub(super) struct Judge {
    /// Every account as it stood after the last block.
    mirror: Vec<Vec<Account>>,
    /// Good accounts that were in breach after a block, with the first such second.
    overdue: BTreeMap<(PoolId, AccountId), usize>,
    /// The most blocks that a breach waited.
    pub(super) latency: u64,
    /// Liquidations of accounts that were sound at honest prices.
    pub(super) wrongful: u64,
}

impl Judge {
    pub(super) fn new(world: &World) -> Self {
        let mut judge = Self { mirror: Vec::new(), overdue: BTreeMap::new(), latency: 0, wrongful: 0 };
        judge.copy_all(world);
        judge
    }

    fn copy_all(&mut self, world: &World) {
        let all = |(_, pool): (PoolId, &clearing::state::Pool)| {
            pool.accounts.iter().map(|(_, account)| account.clone()).collect()
        };
        self.mirror = world.engine.state().pools.iter().map(all).collect();
    }

    /// Judges the liquidations of a block, before the copies follow it.
    pub(super) fn judge(
        &mut self,
        world: &World,
        prices: &BTreeMap<String, Vec<f64>>,
        second: usize,
        events: &[Event],
    ) {
        for event in events {
            if let Event::AccountLiquidated { pool, account, .. } = event {
                let before = &self.mirror[usize::from(pool.0)][account.0 as usize];
                if sound_around(world, *pool, before, prices, second) {
                    self.wrongful += 1;
                }
                self.overdue.remove(&(*pool, *account));
            }
        }
        self.follow(world, events);
        self.look_for_missed(world);
    }

    /// Copies the accounts that the block changed.
    fn follow(&mut self, world: &World, events: &[Event]) {
        if changes_everybody(events) {
            self.copy_all(world);
            return;
        }
        let touched: BTreeSet<(PoolId, AccountId)> = events.iter().flat_map(accounts_in).collect();
        for (pool, account) in touched {
            let now = &world.engine.state().pools[pool].accounts[account];
            self.mirror[usize::from(pool.0)][account.0 as usize].clone_from(now);
        }
    }

    /// Any account that breaches after a block although nobody liquidates it is late.
    fn look_for_missed(&mut self, world: &World) {
        let mut late: BTreeMap<(PoolId, AccountId), usize> = BTreeMap::new();
        for (id, pool) in world.engine.state().pools.iter() {
            let halted = |held: &Account| {
                held.positions
                    .iter()
                    .any(|position| pool.instruments[position.instrument].breaker.level == Level::Halted)
            };
            for account in watch::full_scan(pool) {
                let held = &pool.accounts[account];
                if held.is_good() && !halted(held) {
                    let waited = self.overdue.get(&(id, account)).map_or(1, |blocks| blocks + 1);
                    self.latency = self.latency.max(waited as u64);
                    late.insert((id, account), waited);
                }
            }
        }
        self.overdue = late;
    }
}

/// Whether something happened that changes accounts which no event names.
pub(crate) fn changes_everybody(events: &[Event]) -> bool {
    let everybody = |event: &Event| {
        matches!(
            event,
            Event::FundingPaid { .. }
                | Event::InterestPaid { .. }
                | Event::PoolWoundDown { .. }
                | Event::Expired { .. }
        )
    };
    events.iter().any(everybody)
}

/// The accounts that an event changed.
pub(crate) fn accounts_in(event: &Event) -> Vec<(PoolId, AccountId)> {
    match event {
        Event::Filled { pool, account, .. }
        | Event::AccountLiquidated { pool, account, .. }
        | Event::AccountRestored { pool, account, .. }
        | Event::AccountClosed { pool, account, .. }
        | Event::Deposited { pool, account, .. }
        | Event::Withdrawn { pool, account, .. }
        | Event::CollateralDeposited { pool, account, .. }
        | Event::CollateralWithdrawn { pool, account, .. }
        | Event::CollateralConverted { pool, account, .. }
        | Event::OwnTranchePaid { pool, account, .. }
        | Event::CollateralForfeited { pool, account, .. }
        | Event::RemainderForfeited { pool, account, .. } => vec![(*pool, *account)],
        Event::ClaimRepaid { pool, bearer, .. } => {
            bearer.iter().map(|bearer| (*pool, *bearer)).chain([(*pool, clearing::state::FUND)]).collect()
        }
        Event::PortfolioAbsorbed { pool, account, .. } => vec![(*pool, *account), (*pool, clearing::state::FUND)],
        Event::SliceTaken { pool, account, bidder, .. } => vec![(*pool, *account), (*pool, *bidder)],
        Event::AutoDeleveraged { pool, defaulter, account, .. } => vec![(*pool, *defaulter), (*pool, *account)],
        Event::LossAllocated { pool, defaulter, bearer, .. } => {
            let bearers = bearer.iter().map(|bearer| (*pool, *bearer));
            bearers.chain([(*pool, *defaulter), (*pool, clearing::state::FUND)]).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether the account meets every maintenance row, moved to the honest prices of each second around.
fn sound_around(
    world: &World,
    pool: PoolId,
    account: &Account,
    prices: &BTreeMap<String, Vec<f64>>,
    second: usize,
) -> bool {
    let from = second.saturating_sub(AROUND_S);
    (from..=second + AROUND_S).all(|at| sound_at(world, pool, account, prices, at))
}

fn sound_at(world: &World, id: PoolId, account: &Account, prices: &BTreeMap<String, Vec<f64>>, second: usize) -> bool {
    is_sound(&world.engine.state().pools[id], account, |listed, mark| {
        let symbol = world.symbol_of(listed.parameters.feed);
        let honest = prices.get(symbol)?.get(second).copied().filter(|price| price.is_finite())?;
        Some(honest / super::convert::usd_a_unit(mark, world.lot_size(symbol)))
    })
}

/// Whether an account meets every maintenance row with each mark moved to an honest price; `honest_over_mark` answers none where
/// nothing honest is known, and the mark stays.
pub(crate) fn is_sound(
    pool: &Pool,
    account: &Account,
    honest_over_mark: impl Fn(&Instrument, Price) -> Option<f64>,
) -> bool {
    let rows = pool.matrices.maintenance.len();
    let mut values = vec![account.cash.get() as f64; rows];
    let mut costs = 0.0;
    for position in &account.positions {
        let listed = &pool.instruments[position.instrument];
        let mark = pool.matrices.mark(position.instrument);
        let ratio = honest_over_mark(listed, mark).unwrap_or(1.0);
        let leaving = pool.matrices.exit_costs.maintenance(position.instrument).of_position(position.quantity);
        costs += leaving.get() as f64 * ratio;
        for (value, price) in values.iter_mut().zip(pool.matrices.maintenance.column(position.instrument)) {
            *value += (*price * position.quantity).get() as f64 * ratio;
        }
    }
    values.iter().all(|value| value - costs >= 0.0)
}

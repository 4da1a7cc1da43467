//! Step 4: every account that breaches, in the block in which it breaches (R9).

use super::Moment;
use crate::margin;
use crate::parallel;
use crate::state::{Account, FUND, Level, Pool, Position, Standing};
use crate::table::AccountId;
use crate::units::{Money, Ratio};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The accounts that need the cycle's attention.
pub(super) struct Breached {
    /// Accounts that breach or are already being liquidated, worst first.
    pub(super) accounts: Vec<AccountId>,
    /// How many more breach but do not fit into this block's work. R13.5
    pub(super) carried: u32,
}

/// Finds every account in breach: the watch names those that may be, exact integers decide. R9.1, R9.2
pub(super) fn find(pool: &mut Pool, now: Moment) -> Breached {
    pool.catch_up();
    if pool.winding_down {
        return Breached { accounts: Vec::new(), carried: 0 };
    }
    let mut watch = core::mem::take(&mut pool.watch);
    let near = watch.near(pool);
    pool.watch = watch;
    debug_assert!(overlooks_nobody(pool, &near), "the watch overlooks an account");
    let rank = |id: &AccountId| {
        let account = &pool.accounts[*id];
        let stressed = margin::maintenance_worst(pool, account.cash, &account.positions).value;
        let breaches = || margin::breaches_at(pool, account.cash, &account.positions, stressed);
        let found = match account.standing {
            // R13.4: what a restart finds under way waits, and nothing begins.
            Standing::Good => !now.restart && breaches() && !waits_for_reopening(pool, account),
            Standing::Liquidating { .. } => true,
            Standing::Closed => account.is_being_closed(),
        };
        found.then(|| (severity(pool, account, stressed), *id))
    };
    let mut found: Vec<(Ratio, AccountId)> = parallel::map(&near, rank).into_iter().flatten().collect();
    found.sort_unstable();
    bound(pool, found)
}

/// The definition that the watch must agree with. R9.2
fn overlooks_nobody(pool: &Pool, near: &[AccountId]) -> bool {
    let near: BTreeSet<AccountId> = near.iter().copied().collect();
    let breaches = |account: &Account| account.is_good() && margin::breaches(pool, account.cash, &account.positions);
    pool.accounts.iter().all(|(id, account)| near.contains(&id) || !breaches(account))
}

/// R13.4: nobody is liquidated after a restart before a market of theirs is back.
fn waits_for_reopening(pool: &Pool, account: &Account) -> bool {
    let is_halted = |position: &Position| pool.instruments[position.instrument].breaker.level == Level::Halted;
    let can_trade = |position: &Position| pool.can_trade(position.instrument);
    account.positions.iter().any(is_halted) && !account.positions.iter().any(can_trade)
}

/// R10.1: the worst stressed equity relative to notional, most negative first; an account with balances only counts
/// relative to what those are worth.
fn severity(pool: &Pool, account: &Account, stressed: Money) -> Ratio {
    let worth = account
        .positions
        .iter()
        .map(|position| pool.matrices.mark(position.instrument).abs() * position.quantity.abs());
    let whole: Money = worth.sum();
    stressed.ratio_to_floor(whole, Ratio::new(1_000_000_000_000))
}

/// R13.5: new liquidations are bounded by the block's work; those under way go on. The fund is never put off.
fn bound(pool: &Pool, found: Vec<(Ratio, AccountId)>) -> Breached {
    let room = usize::try_from(pool.parameters.max_liquidations).unwrap_or(usize::MAX);
    let mut begun = 0_usize;
    let mut breached = Breached { accounts: Vec::new(), carried: 0 };
    for (_, id) in found {
        let new = pool.accounts[id].is_good() && id != FUND;
        if new && begun >= room {
            breached.carried = breached.carried.saturating_add(1);
            continue;
        }
        begun = begun.saturating_add(usize::from(new));
        breached.accounts.push(id);
    }
    breached
}

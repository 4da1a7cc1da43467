//! What is always true (R2.4): checked after every block, and of every snapshot before it is used.

use crate::parallel;
use crate::state::{Account, FUND, Feed, MAX_LEAVES, Pool, State, VenueLeave};
use crate::table::{AccountId, InstrumentId, Table};
use crate::units::{MAX_ACCOUNTS, MAX_INSTRUMENTS, Money, Quantity};

/// Stops the program if the state contradicts itself. Sums are kept from account to account, and an account is looked at when it
/// was edited; builds with debug assertions look at everything, every time.
pub(crate) fn check(state: &mut State) {
    let mut found = contradiction_in_reserve(state);
    for id in state.pools.ids() {
        let pool = &mut state.pools[id];
        pool.catch_up();
        found = found.or_else(|| contradiction_in_sums(pool));
    }
    if cfg!(debug_assertions) {
        found = found.or_else(|| find_contradiction(state));
    }
    if let Some(what) = found {
        panic!("invariant broken at height {}: {what}", state.height);
    }
}

/// Stops the program if an account contradicts itself.
pub(crate) fn check_accounts(pool: &Pool, edited: &[AccountId]) {
    let found = parallel::map(edited, |id| contradiction_of(pool, &pool.accounts[*id]));
    if let Some((id, what)) = edited.iter().zip(found).find_map(|(id, what)| Some((id, what?))) {
        panic!("invariant broken in account {id}: {what}");
    }
}

/// The first contradiction of a pool, judged by the sums that are kept from account to account.
fn contradiction_in_sums(pool: &Pool) -> Option<&'static str> {
    let sums = pool.accounts.lanes().totals();
    contradiction_of_pool(pool, sums.cash).or_else(|| lots_contradict(pool, |id| sums.lots(id)))
}

fn contradiction_in_reserve(state: &State) -> Option<&'static str> {
    state.reserve.is_negative().then_some("the reserve is negative")
}

/// The first contradiction in the state, if there is one.
#[must_use]
pub fn find_contradiction(state: &State) -> Option<&'static str> {
    contradiction_in_reserve(state).or_else(|| state.pools.iter().find_map(|(_, pool)| contradiction_in(pool)))
}

/// What a state that never went through the commands may have wrong, so that the checks themselves could overflow: the
/// first thing asked of a snapshot. R1.7
#[must_use]
pub fn find_out_of_bounds(state: &State) -> Option<&'static str> {
    let lists_differ = |feed: &Feed| feed.publishers.len() != feed.parameters.publishers.len();
    if state.feeds.iter().any(|(_, feed)| lists_differ(feed)) {
        return Some("a feed's publishers and their last words do not match");
    }
    state.pools.iter().find_map(|(_, pool)| pool_out_of_bounds(state, pool))
}

fn pool_out_of_bounds(state: &State, pool: &Pool) -> Option<&'static str> {
    if pool.instruments.len() > MAX_INSTRUMENTS || pool.accounts.len() > MAX_ACCOUNTS {
        return Some("a pool has more instruments or accounts than fit");
    }
    if pool.instruments.iter().any(|(_, instrument)| state.feeds.find(instrument.parameters.feed).is_none()) {
        return Some("an instrument is on a feed that does not exist");
    }
    let amounts = [
        pool.own_capital,
        pool.fees,
        pool.rounding,
        pool.prepaid,
        pool.custody,
        pool.line.cap,
        pool.line.open,
        pool.line.drawn,
    ];
    let tranche = pool.tranche.values().map(|share| share.amount);
    let cash = pool.accounts.iter().map(|(_, account)| account.cash);
    if amounts.into_iter().chain(tranche).chain(cash).any(|amount| amount.get().unsigned_abs() > 1 << 100) {
        return Some("an amount is larger than any that can arise");
    }
    let mut lots = pool.accounts.iter().flat_map(|(_, account)| &account.positions).map(|position| position.quantity);
    lots.any(|quantity| quantity.get().unsigned_abs() > 1 << 58)
        .then_some("a position is larger than any that can arise")
}

fn contradiction_in(pool: &Pool) -> Option<&'static str> {
    if pool.accounts.find(FUND).is_none() {
        return Some("a pool has no fund");
    }
    contradiction_of_pool(pool, cash_of_accounts(pool))
        .or_else(|| totals_contradict(pool))
        .or_else(|| pool.accounts.iter().find_map(|(_, account)| contradiction_of(pool, account)))
}

fn contradiction_of_pool(pool: &Pool, cash: Money) -> Option<&'static str> {
    if cash + books_beside_accounts(pool) != pool.custody {
        return Some("a pool's books do not sum to what custody holds");
    }
    let amounts = [pool.own_capital, pool.fees, pool.rounding, pool.prepaid, pool.line.drawn, pool.custody];
    if amounts.iter().any(|amount| amount.is_negative())
        || pool.tranche.values().any(|share| share.amount.is_negative())
    {
        return Some("an amount that cannot be negative is");
    }
    let beyond = pool.line.drawn > pool.line.open || pool.line.open > pool.line.cap;
    beyond.then_some("a line is drawn beyond its cap")
}

/// Everything that a pool owes to anyone. R2.4
#[must_use]
pub fn books(pool: &Pool) -> Money {
    cash_of_accounts(pool) + books_beside_accounts(pool)
}

fn cash_of_accounts(pool: &Pool) -> Money {
    pool.accounts.iter().map(|(_, account)| account.cash).sum()
}

fn books_beside_accounts(pool: &Pool) -> Money {
    let tranche: Money = pool.tranche.values().map(|share| share.amount).sum();
    tranche + pool.own_capital + pool.fees + pool.rounding + pool.prepaid
}

fn totals_contradict(pool: &Pool) -> Option<&'static str> {
    let zero = || (Quantity::ZERO, Quantity::ZERO);
    let mut sums: Table<InstrumentId, (Quantity, Quantity)> = pool.instruments.ids().map(|_| zero()).collect();
    for (_, account) in pool.accounts.iter() {
        for position in &account.positions {
            if sums.find(position.instrument).is_none() {
                return Some("a position is in an instrument that does not exist");
            }
            let (total, long) = &mut sums[position.instrument];
            *total += position.quantity;
            *long += position.quantity.or_zero();
        }
    }
    lots_contradict(pool, |id| sums[id])
}

/// Compares what instruments say with the sums of all and of long positions.
fn lots_contradict(pool: &Pool, sums: impl Fn(InstrumentId) -> (Quantity, Quantity)) -> Option<&'static str> {
    for (id, instrument) in pool.instruments.iter() {
        let (total, long) = sums(id);
        if total != instrument.total || long != instrument.open_interest {
            return Some("an instrument's totals differ from the sum of positions");
        }
        if !instrument.is_spot() && !total.is_zero() {
            return Some("the positions in a derivative do not sum to zero");
        }
    }
    None
}

fn contradiction_of(pool: &Pool, account: &Account) -> Option<&'static str> {
    if !account.positions.is_sorted_by(|left, right| left.instrument < right.instrument) {
        return Some("an account's positions are not in order");
    }
    if account.positions.iter().any(|position| position.quantity.is_zero()) {
        return Some("a position of zero is stored");
    }
    let negative = |quantity: Quantity, id: InstrumentId| quantity.is_negative() && pool.instruments[id].is_spot();
    if account.positions.iter().any(|position| negative(position.quantity, position.instrument)) {
        return Some("a collateral balance is negative");
    }
    if account.orders.iter().any(|order| pool.instruments.find(order.instrument).is_none()) {
        return Some("an order is in an instrument that does not exist");
    }
    let leaves = &account.leaves;
    let is_overdrawn = |leave: &VenueLeave| leave.loss.is_negative() || leave.margin.is_negative();
    if leaves.len() > MAX_LEAVES
        || !leaves.is_sorted_by(|one, other| one.venue < other.venue)
        || leaves.iter().any(is_overdrawn)
    {
        return Some("an account's leaves for venues are too many, out of order or below zero");
    }
    if !account.is_good() && !account.orders.is_empty() {
        return Some("an account that is not good has open orders");
    }
    None
}

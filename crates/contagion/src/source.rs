//! What is looked at: pools with their accounts, wherever they are kept.

use clearing::state::{Account, Feed, Pool, State};
use clearing::table::{FeedId, Table};
use clearing::units::{Money, Time};

/// A pool and its accounts, by id; the first is the fund. The pool's own table of accounts is not read, so that a copy without members
/// ([`Pool::without_members`]) serves as well.
#[derive(Clone, Debug)]
pub struct PoolSource<'a> {
    /// Everything but the accounts.
    pub pool: &'a Pool,
    /// Every account.
    pub accounts: Vec<&'a Account>,
}

/// A state after a block.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The height of the block.
    pub height: u64,
    /// Its time.
    pub time: Time,
    /// The feeds.
    pub feeds: &'a Table<FeedId, Feed>,
    /// The pools, by id.
    pub pools: Vec<PoolSource<'a>>,
    /// The money behind every pool's line. R11.6
    pub reserve: Money,
}

impl<'a> Source<'a> {
    /// The state of an engine.
    #[must_use]
    pub fn of(state: &'a State) -> Self {
        let pool = |pool: &'a Pool| PoolSource { pool, accounts: pool.accounts.iter().map(|(_, held)| held).collect() };
        Self {
            height: state.height,
            time: state.time,
            feeds: &state.feeds,
            pools: state.pools.iter().map(|(_, own)| pool(own)).collect(),
            reserve: state.reserve,
        }
    }
}

/// Money in USD.
pub(crate) fn usd(money: Money) -> f64 {
    money.get() as f64 / 1e6
}

//! Loans against collateral on a stage.

use super::{Member, POOL, Stage};
use crate::drill::convert::usd;
use clearing::margin;

impl Stage {
    /// The most that an account may borrow now by taking it out, USD: margin (R7.4), and the limits of an account and of the pool (R2.5).
    #[must_use]
    pub fn lendable_usd(&self, member: Member) -> f64 {
        let pool = &self.engine.state().pools[POOL];
        let owes = |account| usd(margin::loan(pool, account));
        let account = &pool.accounts[self.members[member.0].account];
        let all: f64 = pool.accounts.iter().map(|(_, account)| owes(account)).sum();
        let (of_account, of_pool) = (usd(pool.parameters.account_loan_limit), usd(pool.parameters.pool_loan_limit));
        // A cent less, for what rounding takes.
        self.withdrawable_usd(member).min(of_account - owes(account) - 0.01).min(of_pool - all - 0.01).max(0.0)
    }

    /// What an account owes in settlement money against collateral, USD.
    #[must_use]
    pub fn loan_usd(&self, member: Member) -> f64 {
        let pool = &self.engine.state().pools[POOL];
        usd(margin::loan(pool, &pool.accounts[self.members[member.0].account]))
    }
}

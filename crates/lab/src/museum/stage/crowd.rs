//! Many members at once, and what whoever builds a block can see of it.

use super::{Known, Member, POOL, Stage};
use crate::drill::convert::usd;
use crate::drill::keys::key_of;
use clearing::command::{Command, Lifetime, Signed};
use clearing::engine::MAX_COMMANDS;
use clearing::margin;
use clearing::state::FUND;
use clearing::table::AccountId;

/// What a pool's members and its fund have together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Totals {
    /// Members' equity at the marks, USD.
    pub equity_usd: f64,
    /// Members' initial margin requirement, USD.
    pub initial_margin_usd: f64,
    /// Members' notional, both sides, USD.
    pub notional_usd: f64,
}

impl Stage {
    /// Somebody joins for each name, with so much money, in as few blocks as hold them.
    ///
    /// # Panics
    /// If the core refuses an account or money.
    pub fn join_all(&mut self, newcomers: &[(String, f64)]) -> Vec<Member> {
        let mut joined = Vec::new();
        for some in newcomers.chunks(MAX_COMMANDS / 4) {
            for (name, usd) in some {
                let account = AccountId(u32::try_from(self.members.len() + 1).expect("a stage holds fewer"));
                let (member, key) = (Member(self.members.len()), key_of(name));
                self.members.push(Known { key, account, next_order: 1, paid_in: 0.0, taken_out: 0.0 });
                self.queued.push(Signed { signer: key, command: Command::OpenAccount { pool: POOL } });
                self.pay_in(member, *usd);
                joined.push(member);
            }
            self.must("open accounts").unwrap_or_else(|refused| panic!("{refused}"));
        }
        joined
    }

    /// The units of an asset that orders for this block alone wait to buy, net, in the block that is being built.
    #[must_use]
    pub fn waiting_units(&self, symbol: &str) -> f64 {
        let instrument = self.instrument(symbol);
        let taken = |signed: &Signed| match &signed.command {
            Command::PlaceOrder { order, .. }
                if order.instrument == instrument && order.lifetime == Lifetime::ThisBlock =>
            {
                order.quantity.get()
            }
            _ => 0,
        };
        self.queued.iter().map(taken).sum::<i64>() as f64 * self.of(symbol).asset.lot_size
    }

    /// Stands by no longer.
    pub fn cancel_bid(&mut self, member: Member) {
        self.act(member, |account| Command::CancelBid { pool: POOL, account });
    }

    /// Whether a member has anything open.
    #[must_use]
    pub fn has_positions(&self, member: Member) -> bool {
        !self.engine.state().pools[POOL].accounts[self.members[member.0].account].positions.is_empty()
    }

    /// What all members have and need.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let pool = &self.engine.state().pools[POOL];
        let mut totals = Totals::default();
        for (_, held) in pool.accounts.iter().filter(|(id, _)| *id != FUND) {
            totals.equity_usd += usd(margin::equity(&pool.matrices, held.cash, &held.positions));
            totals.initial_margin_usd += usd(margin::initial_margin(pool, held.cash, &held.positions));
            totals.notional_usd += usd(margin::notional(pool, &held.positions));
        }
        totals
    }

    /// What the fund has at the marks, USD.
    #[must_use]
    pub fn fund_usd(&self) -> f64 {
        let pool = &self.engine.state().pools[POOL];
        usd(margin::equity(&pool.matrices, pool.accounts[FUND].cash, &pool.accounts[FUND].positions))
    }
}

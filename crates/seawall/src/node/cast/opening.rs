//! How the simulated market begins, or comes back: the network is set up by its governance, members open accounts and pay in.

use super::moves::{BIDDER_USD, BIDDERS, MAKERS, Member, Role};
use super::{Cast, POOL, Sent};
use crate::node::keys::Actor;
use clearing::command::Command;
use clearing::state::Standing;
use clearing::table::AccountId;
use clearing::units::Ratio;
use lab::drill::convert::money;
use std::time::Duration;

/// Accounts of newcomers that are opened together, and how long their allowance then needs.
const TOGETHER: usize = 20;
const ALLOWANCE: Duration = Duration::from_millis(600);
/// What bidders ask: the first so much, and each so much more than the one before it, ppm of notional.
const PREMIUM: i64 = 8_000;
const PREMIUM_STEP: i64 = 9_000;

impl Cast {
    /// None if the node stops meanwhile.
    pub(super) async fn set_up(&mut self) -> Option<()> {
        // Nothing is signed before the first block has told the time.
        self.published.height.clone().changed().await.ok()?;
        self.open_market().await?;
        let prices = self.observations();
        self.send_all(prices).await?;
        let mut coming = self.coming();
        let domain = self.intake.domain();
        let newcomers: Vec<usize> = (0..coming.len()).filter(|at| coming[*at].2.is_none()).collect();
        // A few at a time: newcomers share an allowance.
        for share in newcomers.chunks(TOGETHER) {
            let now = self.now();
            let open = share.iter().map(|at| coming[*at].0.sign(&domain, now, Command::OpenAccount { pool: POOL }));
            let open = open.collect();
            self.send_all(open).await?;
            tokio::time::sleep(ALLOWANCE).await;
        }
        for at in newcomers {
            coming[at].2 = self.account_of(&coming[at].0);
            let Some(account) = coming[at].2 else { continue };
            let deposit = Command::Deposit { pool: POOL, account, amount: money(coming[at].1.usd()) };
            let now = self.now();
            let paid = self.market.custodian.sign(&domain, now, deposit);
            self.send_all(vec![paid]).await?;
        }
        let member = |(actor, role, account): (Actor, Role, Option<AccountId>)| Some(Member::new(actor, account?, role));
        self.members = coming.into_iter().filter_map(member).collect();
        let bids = self.bids();
        self.send_all(bids).await
    }

    async fn open_market(&mut self) -> Option<()> {
        if !self.published.view.load().pools.is_empty() {
            return Some(());
        }
        let (domain, now) = (self.intake.domain(), self.now());
        let commands = self.market.setup(now);
        let sign = |(by_governance, command): (bool, Command)| {
            let actor = if by_governance { &mut self.market.governance } else { &mut self.market.custodian };
            actor.sign(&domain, now, command)
        };
        let envelopes = commands.into_iter().map(sign).collect();
        self.send_all(envelopes).await
    }

    /// Who takes part, with the account of those who have one. Whose account was closed comes under another name.
    fn coming(&mut self) -> Vec<(Actor, Role, Option<AccountId>)> {
        let mut names: Vec<(String, Role)> = (0..MAKERS).map(|at| (format!("maker {at}"), Role::Maker)).collect();
        names.extend((0..BIDDERS).map(|at| (format!("bidder {at}"), Role::Bidder)));
        for at in 0..self.traders {
            let role = self.draw();
            names.push((format!("trader {at}"), role));
        }
        names.into_iter().map(|(name, role)| self.under_a_name(&name, role)).collect()
    }

    fn under_a_name(&self, name: &str, role: Role) -> (Actor, Role, Option<AccountId>) {
        let (mut actor, mut again) = (Actor::named(name), 0);
        loop {
            let account = self.account_of(&actor);
            let view = self.published.view.load();
            let held = account.and_then(|id| view.pool(POOL)?.account(id));
            if held.is_none_or(|held| held.standing != Standing::Closed) {
                return (actor, role, account);
            }
            again += 1;
            actor = Actor::named(&format!("{name}, {again} times again"));
        }
    }

    fn bids(&mut self) -> Vec<authority::Envelope> {
        let (domain, now) = (self.intake.domain(), self.now());
        let bidders = self.members.iter_mut().filter(|member| matches!(member.role, Role::Bidder));
        let bid = |(at, member): (i64, &mut Member)| {
            let premium = Ratio::new(PREMIUM + PREMIUM_STEP * at);
            let bid = Command::PlaceBid { pool: POOL, account: member.account, premium, capacity: money(BIDDER_USD * 2.0) };
            member.actor.sign(&domain, now, bid)
        };
        (0..).zip(bidders).map(bid).collect()
    }

    async fn send_all(&mut self, envelopes: Vec<authority::Envelope>) -> Option<()> {
        let mut sent = Sent::default();
        envelopes.into_iter().for_each(|envelope| sent.push(None, envelope));
        self.send(sent).await
    }
}

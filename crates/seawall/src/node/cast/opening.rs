//! How the simulated market begins, or comes back: the network is set up by its governance, members open accounts and pay in.

use super::moves::{BIDDER_USD, BIDDERS, MAKERS, Member, Role};
use super::{Cast, POOL, Sent};
use crate::node::keys::Actor;
use authority::Envelope;
use clearing::command::Command;
use clearing::state::Standing;
use clearing::table::AccountId;
use clearing::units::{Ratio, Time};
use lab::drill::convert::money;
use std::time::Duration;

/// Accounts of newcomers that are opened together, and how long their allowance then needs.
const TOGETHER: usize = 20;
const ALLOWANCE: Duration = Duration::from_millis(600);
/// What bidders ask: the first so much, and each so much more than the one before it, ppm of a portfolio's own initial margin.
const PREMIUM: i64 = 8_000;
const PREMIUM_STEP: i64 = 9_000;

/// Somebody who takes part, and the account if there is one.
struct Coming {
    name: String,
    actor: Actor,
    role: Role,
    account: Option<AccountId>,
}

impl Cast {
    /// None if the node stops meanwhile.
    pub(super) async fn set_up(&mut self) -> Option<()> {
        // Nothing is signed before the first block has told the time.
        self.published.height.clone().changed().await.ok()?;
        self.open_market().await?;
        let prices = self.observations();
        self.send_all(prices).await?;
        let mut coming: Vec<Coming> = self.coming();
        let domain = self.intake.domain();
        let newcomers: Vec<usize> = (0..coming.len()).filter(|at| coming[*at].account.is_none()).collect();
        // A few at a time: newcomers share an allowance.
        for share in newcomers.chunks(TOGETHER) {
            let now = self.now();
            let open = share.iter().map(|at| coming[*at].actor.sign(&domain, now, Command::OpenAccount { pool: POOL }));
            let open = open.collect();
            self.send_all(open).await?;
            self.publish_for(ALLOWANCE).await?;
        }
        let mut paid = Vec::new();
        for at in newcomers {
            coming[at].account = self.account_of(&coming[at].actor);
            let Some(account) = coming[at].account else { continue };
            let deposit = Command::Deposit { pool: POOL, account, amount: money(coming[at].role.usd()) };
            let now = self.now();
            paid.push(self.market.custodian.sign(&domain, now, deposit));
        }
        self.send_all(paid).await?;
        let member = |coming: Coming| Some(Member::new(coming.name, coming.actor, coming.account?, coming.role));
        self.members = coming.into_iter().filter_map(member).collect();
        let bids = self.bids();
        self.send_all(bids).await
    }

    /// Waits, while publishers go on: without them every feed would be down before anybody trades.
    async fn publish_for(&mut self, wait: Duration) -> Option<()> {
        let until = tokio::time::Instant::now() + wait;
        while tokio::time::Instant::now() < until {
            let prices = self.observations();
            self.send_all(prices).await?;
            tokio::time::sleep(self.tick_length()).await;
        }
        Some(())
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

    /// Who takes part.
    fn coming(&mut self) -> Vec<Coming> {
        let mut names: Vec<(String, Role)> = (0..MAKERS).map(|at| (format!("maker {at}"), Role::Maker)).collect();
        names.extend((0..BIDDERS).map(|at| (format!("bidder {at}"), Role::Bidder)));
        for at in 0..self.traders {
            let role = self.draw();
            names.push((format!("trader {at}"), role));
        }
        names.into_iter().map(|(name, role)| self.under_a_name(name, role)).collect()
    }

    /// Whose account was closed comes under a name of its own again.
    fn under_a_name(&self, name: String, role: Role) -> Coming {
        let view = self.published.view.load_full();
        let closed = |id: AccountId| {
            let held = view.pool(POOL).and_then(|own| own.account(id));
            held.is_some_and(|held| held.standing == Standing::Closed)
        };
        let (mut actor, mut times) = (Actor::named(&name), 0);
        loop {
            let account = self.account_of(&actor);
            if !account.is_some_and(closed) {
                return Coming { name, actor, role, account };
            }
            times += 1;
            actor = Actor::named(&format!("{name}, {times} times again"));
        }
    }

    /// Lets a member whose account was closed open another one, and take its place once it is open.
    pub(super) fn come_again(&self, member: &mut Member, now: Time) -> Option<Envelope> {
        let mut coming = self.under_a_name(member.name.clone(), member.role);
        match coming.account {
            Some(account) => {
                *member = Member::new(coming.name, coming.actor, account, coming.role);
                None
            }
            None => Some(coming.actor.sign(&self.intake.domain(), now, Command::OpenAccount { pool: POOL })),
        }
    }

    fn bids(&mut self) -> Vec<Envelope> {
        let (domain, now) = (self.intake.domain(), self.now());
        let bidders = self.members.iter_mut().filter(|member| matches!(member.role, Role::Bidder));
        let bid = |(at, member): (i64, &mut Member)| {
            let premium = Ratio::new(PREMIUM + PREMIUM_STEP * at);
            let bid =
                Command::PlaceBid { pool: POOL, account: member.account, premium, capacity: money(BIDDER_USD * 2.0) };
            member.actor.sign(&domain, now, bid)
        };
        (0..).zip(bidders).map(bid).collect()
    }

    async fn send_all(&mut self, envelopes: Vec<Envelope>) -> Option<()> {
        let mut sent = Sent::default();
        envelopes.into_iter().for_each(|envelope| sent.push(None, envelope));
        self.send(sent).await
    }
}

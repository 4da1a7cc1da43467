//! Decides whose envelopes are heard at all: keys that the core knows, and newcomers at a rate that can fill no table.
//!
//! A key costs nothing, and the gate remembers each that has signed. So whoever has no account and no office may only open an
//! account, and all newcomers together share an allowance: 40 a second are fewer in a day than the gate has room for.

use authority::{Envelope, MAX_SIGNERS, MAX_VALIDITY, Refusal, Request};
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::command::{Command, Key};
use clearing::event::Event;
use clearing::state::{FUND, State};
use clearing::units::Time;
use std::collections::BTreeSet;

/// Newcomers a second, in the long run.
const A_SECOND: i64 = 40;
/// Newcomers at once, after a quiet time.
const AT_ONCE: i64 = 400;

const _: () =
    assert!(A_SECOND * MAX_VALIDITY.get() / 1_000 + AT_ONCE < MAX_SIGNERS as i64, "newcomers of a day must fit");

/// The keys that the core knows, and how many more may come. The first follow from the core's state, the allowance is state itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    owners: BTreeSet<Key>,
    offices: BTreeSet<Key>,
    /// Newcomers of the block that is being applied: each counts once.
    arriving: BTreeSet<Key>,
    allowance: Allowance,
}

/// How many newcomers may come, in thousandths of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Allowance {
    thousandths: i64,
    at: Time,
}

impl Allowance {
    fn advance(&mut self, now: Time) {
        let passed = (now.get() - self.at.get()).clamp(0, AT_ONCE * 1_000 / A_SECOND);
        self.thousandths = (self.thousandths + passed * A_SECOND).min(AT_ONCE * 1_000);
        self.at = self.at.max(now);
    }
}

impl Members {
    /// The members of a state.
    pub(crate) fn of(state: &State, allowance: Allowance) -> Self {
        let mut members = Self { allowance, ..Self::default() };
        for (_, pool) in state.pools.iter() {
            let owners = pool.accounts.iter().filter(|(id, _)| *id != FUND);
            members.owners.extend(owners.map(|(_, account)| account.owner));
        }
        members.set_offices(state);
        members
    }

    /// What is state of it.
    pub(crate) fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// Time goes on.
    pub(crate) fn advance(&mut self, now: Time) {
        self.allowance.advance(now);
    }

    /// Whether an envelope is heard, if nothing came before it in its block.
    pub(crate) fn check(&self, envelope: &Envelope, signer: Key) -> Result<(), Refusal> {
        // A session key acts for an owner: the gate knows whether that owner has granted it anything.
        if envelope.owner.is_some() || self.knows(&signer) {
            return Ok(());
        }
        if !matches!(envelope.request, Request::Act(Command::OpenAccount { .. })) {
            return Err(Refusal::SignerNotKnown);
        }
        let has_place = self.arriving.contains(&signer) || self.allowance.thousandths >= 1_000;
        if has_place { Ok(()) } else { Err(Refusal::TooManyNewcomers) }
    }

    /// An envelope was let in.
    pub(crate) fn admitted(&mut self, envelope: &Envelope, signer: Key) {
        if envelope.owner.is_none() && !self.knows(&signer) && self.arriving.insert(signer) {
            self.allowance.thousandths -= 1_000;
        }
    }

    /// Follows what a block has changed.
    pub(crate) fn follow(&mut self, state: &State, events: &[Event]) {
        self.arriving.clear();
        let mut offices = false;
        for event in events {
            match event {
                Event::AccountOpened { pool, account } => {
                    self.owners.insert(state.pools[*pool].accounts[*account].owner);
                }
                Event::FeedListed { .. } | Event::PoolOpened { .. } | Event::ChangeApplied => offices = true,
                _ => (),
            }
        }
        if offices {
            self.set_offices(state);
        }
    }

    fn knows(&self, key: &Key) -> bool {
        self.owners.contains(key) || self.offices.contains(key)
    }

    fn set_offices(&mut self, state: &State) {
        self.offices = BTreeSet::from([state.governance, state.custodian]);
        for (_, feed) in state.feeds.iter() {
            self.offices.extend(feed.parameters.publishers.iter().map(|publisher| publisher.key));
            self.offices.extend(&feed.parameters.forecasters);
        }
        for (_, pool) in state.pools.iter() {
            self.offices.extend(&pool.parameters.venues);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, Allowance, Members};
    use authority::{ENVELOPE_VERSION, Envelope, Refusal, Request, Signature, Signer};
    use clearing::Engine;
    use clearing::command::{Command, Key};
    use clearing::engine::Genesis;
    use clearing::table::{AccountId, PoolId};
    use clearing::units::Time;

    const GOVERNANCE: Key = Key([1; 32]);

    fn envelope(signer: u8, command: Command) -> (Envelope, Key) {
        let envelope = Envelope {
            version: ENVELOPE_VERSION,
            signer: Signer::Ed25519([signer; 32]),
            owner: None,
            nonce: 1,
            valid_until: Time::new(1_000),
            request: Request::Act(command),
            signature: Signature::Ed25519([0; 64]),
        };
        (envelope, Key([signer; 32]))
    }

    #[test]
    fn strangers_may_only_open_accounts_and_not_too_many_at_once() {
        let genesis = Genesis { time: Time::ZERO, governance: GOVERNANCE, custodian: Key([2; 32]) };
        let engine = Engine::new(&genesis);
        let mut members = Members::of(engine.state(), Allowance::default());
        let check = |members: &Members, (envelope, key): &(Envelope, Key)| members.check(envelope, *key);
        let cancel = |signer| envelope(signer, Command::CancelAll { pool: PoolId(0), account: AccountId(1) });
        let open = |signer| envelope(signer, Command::OpenAccount { pool: PoolId(0) });
        assert_eq!(check(&members, &cancel(1)), Ok(()), "governance has an office");
        assert_eq!(check(&members, &cancel(9)), Err(Refusal::SignerNotKnown));
        assert_eq!(check(&members, &open(9)), Err(Refusal::TooManyNewcomers), "nobody may come before time has passed");
        members.advance(Time::new(24));
        assert_eq!(check(&members, &open(9)), Err(Refusal::TooManyNewcomers));
        members.advance(Time::new(25));
        assert_eq!(check(&members, &open(9)), Ok(()), "one each 25 ms");
        members.admitted(&open(9).0, open(9).1);
        assert_eq!(check(&members, &open(8)), Err(Refusal::TooManyNewcomers));
        assert_eq!(check(&members, &open(9)), Ok(()), "who has come may open more in the same block");
        members.admitted(&open(9).0, open(9).1);
        members.follow(engine.state(), &[]);
        assert_eq!(
            check(&members, &open(9)),
            Err(Refusal::TooManyNewcomers),
            "but is nobody if the core has opened none"
        );
        assert_eq!(members.allowance().thousandths, 0, "and counted once");
        members.advance(Time::new(i64::MAX));
        assert_eq!(members.allowance().thousandths, AT_ONCE * 1_000, "a quiet time adds up to so many");
    }
}

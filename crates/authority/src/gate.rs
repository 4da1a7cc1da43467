//! Decides whether an envelope still counts: its time, its nonce, and for a session key its owner and its scopes.
//!
//! Rules, in the order in which they are checked:
//!
//! 1. **Validity.** `now < valid_until ≤ now + 24 h`.
//! 2. **Standing.** Without an owner, the signer acts for itself and may ask for anything: whether the core lets it is the core's
//!    affair. With an owner, the signer is a session key: the session must have been granted by this owner and not have ended, and its
//!    scopes must include the command. Sessions are granted and revoked by the owner's own key only.
//! 3. **Nonce.** Each signing key has a window of 256 below the highest nonce that it has used; each counts once. The first nonce of
//!    a key may be any.
//! 4. **Limits.** So many signers, so many sessions.
//!
//! Time only moves by [`Gate::advance`]; whoever applies blocks calls it with each block's time before the block's envelopes. A
//! window is forgotten there once everything that was accepted under it has expired, so that the gate holds a day of signers.

use crate::envelope::{Envelope, Request, Scopes, scope_of};
use crate::refusal::Refusal;
use crate::tree::Tree;
use crate::window::Window;
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::command::{Key, Signed};
use clearing::units::Time;
use sha3::{Digest, Keccak256};
use std::collections::BTreeSet;

/// The longest that an envelope may be valid: 24 hours, in milliseconds.
pub const MAX_VALIDITY: Time = Time::new(24 * 60 * 60 * 1_000);
/// The longest that a session may last: 90 days, in milliseconds.
pub const MAX_SESSION: Time = Time::new(90 * 24 * 60 * 60 * 1_000);
/// Most keys whose nonces the gate remembers.
pub const MAX_SIGNERS: usize = 1 << 22;
/// Most sessions of one owner that had not ended at the gate's time.
pub const MAX_SESSIONS_OF_OWNER: usize = 64;
/// Most sessions of all owners together.
pub const MAX_SESSIONS: usize = 1 << 20;

/// What an owner lets a session key do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Session {
    pub(crate) scopes: Scopes,
    pub(crate) expires: Time,
}

/// What became of an envelope that counts.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every one is a command, and a box would be an allocation for each"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// A command for the core, under the key of its owner.
    Command(Signed),
    /// A session was granted or revoked: nothing for the core.
    Session,
}

/// Nonces and sessions: replicated state, the same on every node that has seen the same envelopes and times.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    pub(crate) time: Time,
    pub(crate) signers: Tree<Key, Window>,
    pub(crate) sessions: Tree<(Key, Key), Session>,
    /// When to look whether a signer can be forgotten: one entry each, at its window's end or before. An entry moves only when its time
    /// comes, not with every envelope.
    forget: BTreeSet<(Time, Key)>,
    /// When each session ends, with its owner and its key.
    ends: BTreeSet<(Time, (Key, Key))>,
}

impl Gate {
    /// A gate that nobody has passed, in 1970.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The latest time that [`Gate::advance`] was told.
    #[must_use]
    pub const fn time(&self) -> Time {
        self.time
    }

    /// How many keys it remembers nonces of, at most [`MAX_SIGNERS`].
    #[must_use]
    pub fn signers(&self) -> usize {
        self.signers.len()
    }

    /// How many sessions it knows, at most [`MAX_SESSIONS`].
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// What a session key may do for an owner at a time; nothing without a session.
    #[must_use]
    pub fn scopes(&self, owner: Key, session: Key, now: Time) -> Scopes {
        let now = now.max(self.time);
        let found = self.sessions.get(&(owner, session)).filter(|session| session.expires > now);
        found.map_or(Scopes::NONE, |session| session.scopes)
    }

    /// Moves time forward and forgets what has ended: sessions, and the nonces of signers whose envelopes have all expired. A time that
    /// is not later changes nothing.
    pub fn advance(&mut self, now: Time) {
        self.time = self.time.max(now);
        let now = self.time;
        while let Some((_, session)) = pop_until(&mut self.ends, now) {
            self.sessions.remove(&session);
        }
        while let Some((_, signer)) = pop_until(&mut self.forget, now) {
            match self.signers.get(&signer).map(Window::until) {
                Some(until) if until > now => _ = self.forget.insert((until, signer)),
                _ => _ = self.signers.remove(&signer),
            }
        }
    }

    /// Whether [`Gate::admit`] would take an envelope. Changes nothing.
    ///
    /// # Errors
    /// As [`Gate::admit`].
    pub fn check(&self, envelope: &Envelope, signer: Key, now: Time) -> Result<(), Refusal> {
        // A clock that went back must not bring anything back that was forgotten.
        let now = now.max(self.time);
        if envelope.signer.key() != Ok(signer) {
            return Err(Refusal::SignatureNotValid);
        }
        require(envelope.valid_until > now, Refusal::Expired)?;
        require(is_within(envelope.valid_until, now, MAX_VALIDITY), Refusal::ValidityTooLong)?;
        self.check_standing(envelope, signer, now)?;
        match self.signers.get(&signer) {
            Some(window) => window.check(envelope.nonce)?,
            None => require(self.signers.len() < MAX_SIGNERS, Refusal::TooManySigners)?,
        }
        self.check_limits(&envelope.request, signer)
    }

    /// Takes an envelope whose signer [`crate::verify`] has found, at the time of the block (milliseconds since 1970): uses its nonce,
    /// and gives the command with the key under which the core shall see it.
    ///
    /// # Errors
    /// The first rule that the envelope breaks; then nothing at all has changed.
    pub fn admit(&mut self, envelope: Envelope, signer: Key, now: Time) -> Result<Admitted, Refusal> {
        self.check(&envelope, signer, now)?;
        // From here on it succeeds.
        self.use_nonce(signer, envelope.nonce, envelope.valid_until);
        Ok(match envelope.request {
            Request::Act(command) => Admitted::Command(Signed { signer: envelope.owner.unwrap_or(signer), command }),
            Request::GrantSession { session, scopes, expires } => {
                self.grant((signer, Key(session)), Session { scopes, expires });
                Admitted::Session
            }
            Request::RevokeSession { session } => {
                self.revoke((signer, Key(session)));
                Admitted::Session
            }
        })
    }

    /// The root of everything that the gate decides by. What has changed since the last call is hashed again.
    pub fn root(&mut self) -> [u8; 32] {
        let mut hasher = Keccak256::new();
        hasher.update(crate::snapshot::GATE_VERSION.to_le_bytes());
        hasher.update(self.time.get().to_le_bytes());
        hasher.update(self.signers.root());
        hasher.update(self.sessions.root());
        hasher.finalize().into()
    }

    fn check_standing(&self, envelope: &Envelope, signer: Key, now: Time) -> Result<(), Refusal> {
        let Some(owner) = envelope.owner else {
            return check_grant(&envelope.request, signer, now);
        };
        let session = self.sessions.get(&(owner, signer)).filter(|session| session.expires > now);
        let session = session.ok_or(Refusal::SessionNotFound)?;
        let needed = match &envelope.request {
            Request::Act(command) => scope_of(command).ok_or(Refusal::NotForSessions)?,
            Request::GrantSession { .. } | Request::RevokeSession { .. } => return Err(Refusal::NotForSessions),
        };
        require(session.scopes.includes(needed), Refusal::ScopeMissing)
    }

    fn check_limits(&self, request: &Request, owner: Key) -> Result<(), Refusal> {
        match request {
            Request::Act(_) => Ok(()),
            Request::RevokeSession { session } => {
                require(self.sessions.get(&(owner, Key(*session))).is_some(), Refusal::SessionNotFound)
            }
            Request::GrantSession { session, .. } => {
                let (low, high) = ((owner, Key([0; 32])), (owner, Key([u8::MAX; 32])));
                let others = self.sessions.between(&low, &high).filter(|((_, key), _)| key.0 != *session).count();
                require(others < MAX_SESSIONS_OF_OWNER, Refusal::TooManySessions)?;
                let is_new = self.sessions.get(&(owner, Key(*session))).is_none();
                require(!is_new || self.sessions.len() < MAX_SESSIONS, Refusal::TooManySessionsInAll)
            }
        }
    }

    fn use_nonce(&mut self, signer: Key, nonce: u64, until: Time) {
        match self.signers.edit(&signer) {
            Some(window) => window.accept(nonce, until),
            None => self.remember(signer, Window::new(nonce, until)),
        }
    }

    /// Adds a signer that is not there yet.
    pub(crate) fn remember(&mut self, signer: Key, window: Window) {
        self.forget.insert((window.until(), signer));
        self.signers.insert(signer, window);
    }

    /// Adds a session, or replaces it.
    pub(crate) fn grant(&mut self, of: (Key, Key), session: Session) {
        self.revoke(of);
        self.ends.insert((session.expires, of));
        self.sessions.insert(of, session);
    }

    fn revoke(&mut self, of: (Key, Key)) {
        if let Some(session) = self.sessions.remove(&of) {
            self.ends.remove(&(session.expires, of));
        }
    }
}

/// What can be said about a grant without looking at other sessions.
fn check_grant(request: &Request, owner: Key, now: Time) -> Result<(), Refusal> {
    let Request::GrantSession { session, scopes, expires } = request else { return Ok(()) };
    require(*session != [0; 32] && *session != owner.0, Refusal::SessionNotValid)?;
    require(!scopes.is_empty(), Refusal::ScopesEmpty)?;
    require(*expires > now && is_within(*expires, now, MAX_SESSION), Refusal::SessionTimeNotValid)
}

fn require(holds: bool, otherwise: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// Whether a time is at most so much later than now.
fn is_within(time: Time, now: Time, most: Time) -> bool {
    time.get() <= now.get().saturating_add(most.get())
}

/// Takes the first entry out whose time has come.
fn pop_until<T: Ord + Copy>(times: &mut BTreeSet<(Time, T)>, now: Time) -> Option<(Time, T)> {
    let first = *times.first().filter(|(time, _)| *time <= now)?;
    times.remove(&first);
    Some(first)
}

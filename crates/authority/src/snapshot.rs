//! A gate as bytes, and what bytes must be to become a gate again.
//!
//! ```text
//! 2 version │ 8 time │ 4 count │ count × (32 key, 8 highest, 32 seen, 8 until) │ 4 count │ count × (32 owner, 32 key, 1 scopes, 8 expires)
//! ```
//! Integers little-endian; entries by the last two bytes of the (owner's) key, then by the key: one gate has one snapshot.

use crate::gate::{Gate, MAX_SESSIONS, MAX_SESSIONS_OF_OWNER, MAX_SIGNERS, Session};
use crate::tree::Slotted;
use crate::window::Window;
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::command::Key;
use clearing::units::Time;

/// The format version of a gate's snapshot and root.
pub const GATE_VERSION: u16 = 1;

const SIGNER_BYTES: usize = 32 + 8 + 32 + 8;
const SESSION_BYTES: usize = 32 + 32 + 1 + 8;

/// Why bytes do not become a gate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are not a snapshot.
    #[error("gate snapshot not readable: its bytes are truncated or corrupt")]
    Malformed,
    /// The format is not known.
    #[error("gate snapshot version not known: found {found}, allowed {GATE_VERSION}")]
    Version {
        /// What was found.
        found: u16,
    },
    /// It names more than a gate holds.
    #[error("gate snapshot too large: found {found} {what}, allowed {allowed}")]
    TooLarge {
        /// What there are too many of.
        what: &'static str,
        /// How many.
        found: usize,
        /// The most.
        allowed: usize,
    },
    /// It is one that no gate writes.
    #[error("gate snapshot rejected: {0}")]
    Inconsistent(&'static str),
}

impl Gate {
    /// The whole gate as bytes.
    ///
    /// # Panics
    /// Never: counts are bounded by [`MAX_SIGNERS`] and [`MAX_SESSIONS`].
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let entries = self.signers.len().saturating_mul(SIGNER_BYTES);
        let entries = entries.saturating_add(self.sessions.len().saturating_mul(SESSION_BYTES));
        let mut bytes = Vec::with_capacity(entries.saturating_add(18));
        write(&mut bytes, &(GATE_VERSION, self.time, count(self.signers.len())));
        self.signers.iter().for_each(|entry| write(&mut bytes, &entry));
        write(&mut bytes, &count(self.sessions.len()));
        self.sessions.iter().for_each(|entry| write(&mut bytes, &entry));
        bytes
    }

    /// The gate whose snapshot this is, with the same root.
    ///
    /// # Errors
    /// If the bytes are anything but what [`Gate::snapshot`] writes.
    pub fn restore(mut bytes: &[u8]) -> Result<Self, SnapshotError> {
        let from = &mut bytes;
        let version: u16 = read(from)?;
        if version != GATE_VERSION {
            return Err(SnapshotError::Version { found: version });
        }
        let mut gate = Self::new();
        gate.time = read(from)?;
        if gate.time.is_negative() {
            return Err(SnapshotError::Inconsistent("its time is before 1970"));
        }
        let signers = read_entries::<Key, Window>(from, "signers", SIGNER_BYTES, MAX_SIGNERS)?;
        let sessions = read_entries::<(Key, Key), Session>(from, "sessions", SESSION_BYTES, MAX_SESSIONS)?;
        if !from.is_empty() {
            return Err(SnapshotError::Malformed);
        }
        check_signers(&signers, gate.time)?;
        check_sessions(&sessions, gate.time)?;
        signers.into_iter().for_each(|(signer, window)| gate.remember(signer, window));
        sessions.into_iter().for_each(|(of, session)| gate.grant(of, session));
        Ok(gate)
    }
}

fn write(bytes: &mut Vec<u8>, value: &impl BorshSerialize) {
    borsh::to_writer(bytes, value).expect("writing to memory succeeds");
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a gate's entries are bounded")
}

fn read<T: BorshDeserialize>(from: &mut &[u8]) -> Result<T, SnapshotError> {
    T::deserialize(from).map_err(|_| SnapshotError::Malformed)
}

/// So many entries in rising order. What a count claims is never more than the bytes have, so that it cannot ask for memory.
fn read_entries<K: Slotted + BorshDeserialize, V: BorshDeserialize>(
    from: &mut &[u8],
    what: &'static str,
    entry_bytes: usize,
    allowed: usize,
) -> Result<Vec<(K, V)>, SnapshotError> {
    let found = usize::try_from(read::<u32>(from)?).unwrap_or(usize::MAX);
    if found > allowed {
        return Err(SnapshotError::TooLarge { what, found, allowed });
    }
    if found.saturating_mul(entry_bytes) > from.len() {
        return Err(SnapshotError::Malformed);
    }
    let entries = (0..found).map(|_| read(from)).collect::<Result<Vec<(K, V)>, _>>()?;
    let rising = entries.is_sorted_by(|(low, _), (high, _)| (low.slot(), low) < (high.slot(), high));
    if rising { Ok(entries) } else { Err(SnapshotError::Inconsistent("its entries are not in order")) }
}

fn check_signers(signers: &[(Key, Window)], time: Time) -> Result<(), SnapshotError> {
    let sound = |(key, window): &(Key, Window)| *key != Key::default() && window.is_sound() && window.until() > time;
    if signers.iter().all(sound) { Ok(()) } else { Err(SnapshotError::Inconsistent("a signer's nonces cannot be so")) }
}

fn check_sessions(sessions: &[((Key, Key), Session)], time: Time) -> Result<(), SnapshotError> {
    let zero = Key::default();
    let sound = |((owner, key), session): &((Key, Key), Session)| {
        *owner != zero && *key != zero && owner != key && !session.scopes.is_empty() && session.expires > time
    };
    if !sessions.iter().all(sound) {
        return Err(SnapshotError::Inconsistent("a session cannot be so"));
    }
    let too_many =
        sessions.chunk_by(|(left, _), (right, _)| left.0 == right.0).any(|of| of.len() > MAX_SESSIONS_OF_OWNER);
    if too_many { Err(SnapshotError::Inconsistent("an owner has too many sessions")) } else { Ok(()) }
}

//! What comes from outside: who signs, for whom, until when, and what is asked. And what a session key may never ask.

use crate::refusal::Refusal;
use borsh::io::{Error, ErrorKind, Read, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::command::{Command, Key};
use clearing::units::Time;

/// The format version of an encoded [`Envelope`].
pub const ENVELOPE_VERSION: u16 = 1;

/// The longest encoding of an envelope, in bytes.
pub const MAX_ENVELOPE_BYTES: usize = 16 * 1024;

/// Where a signature counts: in one system, and for the wallets of one chain. A signature for one domain is none for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Domain {
    /// The hash of the genesis.
    pub network: [u8; 32],
    /// The chain that wallets are connected to (EIP-155).
    pub chain_id: u64,
}

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Signer {
    /// An Ethereum address: the holder of a secp256k1 key.
    Ethereum([u8; 20]),
    /// An ed25519 public key.
    Ed25519([u8; 32]),
}

/// How many zero bytes stand before an Ethereum address in a core key.
const PADDING: usize = 12;

impl Signer {
    /// The key by which the core knows the signer: an address after twelve zero bytes, an ed25519 key as it is.
    ///
    /// # Errors
    /// [`Refusal::KeyNotValid`] for an ed25519 key that begins with twelve zero bytes, so that no two signers share a key, and for the
    /// address zero, which nobody holds and which stands for "no owner" in a message.
    pub fn key(&self) -> Result<Key, Refusal> {
        let zeros = [0_u8; PADDING];
        let bytes = match self {
            Self::Ethereum(address) => {
                let mut bytes = [0; 32];
                let (_, low) = bytes.split_at_mut(PADDING);
                low.copy_from_slice(address);
                bytes
            }
            Self::Ed25519(public) if public.starts_with(&zeros) => return Err(Refusal::KeyNotValid),
            Self::Ed25519(public) => *public,
        };
        if bytes == [0; 32] { Err(Refusal::KeyNotValid) } else { Ok(Key(bytes)) }
    }
}

/// A signature, of the signer's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Signature {
    /// secp256k1: r, s, v; s in the lower half (EIP-2), v 0 or 1, or 27 or 28 as wallets give it.
    Ethereum([u8; 65]),
    /// ed25519: R, s, by the rules of ZIP 215.
    Ed25519([u8; 64]),
}

/// What a session key may do for its owner. Whatever no scope names, no session key may ever do.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Place, seal, reveal and cancel orders.
    pub const TRADE: Self = Self(1);
    /// Place and cancel bids for portfolios in auction.
    pub const BIDS: Self = Self(2);
    /// Everything that a session key can be allowed.
    pub const ALL: Self = Self(3);

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in this.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl core::fmt::Debug for Scopes {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let names = [(Self::TRADE, "trade"), (Self::BIDS, "bids")];
        out.debug_set().entries(names.iter().filter(|(scope, _)| self.includes(*scope)).map(|(_, name)| name)).finish()
    }
}

impl BorshSerialize for Scopes {
    fn serialize<W: Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.0.serialize(writer)
    }
}

impl BorshDeserialize for Scopes {
    fn deserialize_reader<R: Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let bits = u8::deserialize_reader(reader)?;
        // A bit that means nothing yet must not be granted today and mean something tomorrow.
        let known = Self::ALL.0 & bits == bits;
        if known { Ok(Self(bits)) } else { Err(Error::new(ErrorKind::InvalidData, "scopes not known")) }
    }
}

/// The scope that a session key needs for a command. None: no session key may ever send it.
///
/// There is no catch-all, so that whoever adds a command decides this too.
#[must_use]
pub const fn scope_of(command: &Command) -> Option<Scopes> {
    match command {
        Command::PlaceOrder { .. }
        | Command::CancelOrder { .. }
        | Command::CancelAll { .. }
        | Command::SealOrder { .. }
        | Command::RevealOrder { .. } => Some(Scopes::TRADE),
        Command::PlaceBid { .. } | Command::CancelBid { .. } => Some(Scopes::BIDS),
        Command::ListFeed { .. }
        | Command::SetFeed { .. }
        | Command::OpenPool { .. }
        | Command::OpenOwnPool { .. }
        | Command::SetPool { .. }
        | Command::ListInstrument { .. }
        | Command::SetInstrument { .. }
        | Command::SetLine { .. }
        | Command::FundReserve { .. }
        | Command::Capitalise { .. }
        | Command::OpenAccount { .. }
        | Command::Deposit { .. }
        | Command::DepositCollateral { .. }
        | Command::Withdraw { .. }
        | Command::WithdrawCollateral { .. }
        | Command::Trade { .. }
        | Command::JoinTranche { .. }
        | Command::LeaveTranche { .. }
        | Command::AllowVenue { .. }
        | Command::Observe { .. }
        | Command::Forecast { .. } => None,
    }
}

/// What an envelope asks for.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every one is a command, and a box would be an allocation for each"
)]
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Request {
    /// A command for the core.
    Act(Command),
    /// Lets a session key act for the signer. Replaces what the key was granted before.
    GrantSession {
        /// The session's core key: see [`Signer::key`].
        session: [u8; 32],
        /// What it may do.
        scopes: Scopes,
        /// The first millisecond at which it may do nothing any more: at most [`crate::MAX_SESSION`] ahead.
        expires: Time,
    },
    /// Ends a session at once.
    RevokeSession {
        /// The session's core key.
        session: [u8; 32],
    },
}

/// A request, signed. The signature covers the owner, the nonce, the time and the request, in one [`Domain`].
///
/// The signer is bound by the signature itself: an address is recovered from it, and an ed25519 key is hashed into it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Envelope {
    /// The format, [`ENVELOPE_VERSION`].
    pub version: u16,
    /// Who signs.
    pub signer: Signer,
    /// The owner for whom a session key acts. None: the signer acts for itself.
    pub owner: Option<Key>,
    /// A number that the signer uses once. Counting upwards is best; the last 256 may come in any order.
    pub nonce: u64,
    /// The first millisecond at which the envelope counts no more: at most [`crate::MAX_VALIDITY`] ahead.
    pub valid_until: Time,
    /// What is asked.
    pub request: Request,
    /// The signer's signature over [`crate::digest`].
    pub signature: Signature,
}

/// The envelope as bytes: borsh, which begins with the version.
#[must_use]
pub fn encode(envelope: &Envelope) -> Vec<u8> {
    borsh::to_vec(envelope).expect("writing to memory succeeds")
}

/// The envelope in some bytes. Whether it is signed is for [`crate::verify`] to say.
///
/// # Errors
/// [`Refusal::TooLarge`] above [`MAX_ENVELOPE_BYTES`], [`Refusal::VersionNotKnown`], or [`Refusal::Malformed`] for anything but exactly
/// one envelope in the one way in which it is written.
pub fn decode(bytes: &[u8]) -> Result<Envelope, Refusal> {
    if bytes.len() > MAX_ENVELOPE_BYTES {
        return Err(Refusal::TooLarge);
    }
    let version = bytes.first_chunk::<2>().map(|low| u16::from_le_bytes(*low)).ok_or(Refusal::Malformed)?;
    if version != ENVELOPE_VERSION {
        return Err(Refusal::VersionNotKnown);
    }
    borsh::from_slice(bytes).map_err(|_| Refusal::Malformed)
}

//! Keys of simulated members: derived from their names, so that anybody can act for any of them. Never for money.

use authority::{Domain, ENVELOPE_VERSION, Envelope, Request, Signature, Signer, digest};
use clearing::command::{Command, Key};
use clearing::units::Time;
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use sha3::{Digest, Keccak256};

/// How long a simulated member's envelope counts.
const VALID_MS: i64 = 60_000;

/// A simulated member with the nonce used last.
#[derive(Clone)]
pub(super) struct Actor {
    signing: SigningKey,
    public: [u8; 32],
    nonce: u64,
}

impl Actor {
    /// The actor of a name.
    pub(super) fn named(name: &str) -> Self {
        let secret: [u8; 32] = Keccak256::digest(format!("seawall dev {name}")).into();
        let signing = SigningKey::from(secret);
        let public = VerificationKeyBytes::from(&signing).into();
        Self { signing, public, nonce: 0 }
    }

    /// The key by which the core knows it.
    pub(super) fn key(&self) -> Key {
        Key(self.public)
    }

    /// A command, signed at a time. Nonces follow the time, so that an actor who comes back does not use one twice.
    pub(super) fn sign(&mut self, domain: &Domain, now: Time, command: Command) -> Envelope {
        let from_time = u64::try_from(now.get()).unwrap_or(0).saturating_mul(1_000);
        self.nonce = from_time.max(self.nonce.saturating_add(1));
        let mut envelope = Envelope {
            version: ENVELOPE_VERSION,
            signer: Signer::Ed25519(self.public),
            owner: None,
            nonce: self.nonce,
            valid_until: now + Time::new(VALID_MS),
            request: Request::Act(command),
            signature: Signature::Ed25519([0; 64]),
        };
        if let Ok(message) = digest(domain, &envelope) {
            envelope.signature = Signature::Ed25519(self.signing.sign(&message).into());
        }
        envelope
    }
}

//! Signs commands: nonces that never repeat, an expiry in each envelope.

use authority::{Domain, ENVELOPE_VERSION, Envelope, Refusal, Request, Signature, Signer as Identity, digest};
use clearing::command::Key;
use clearing::units::Time;
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use protocol::NONCES_A_MS;
use secp256k1::{Message, SecretKey};
use sha3::{Digest, Keccak256};

/// How long an envelope counts, where nobody says otherwise.
const VALID: Time = Time::new(60_000);

enum Secret {
    Ed25519(Box<SigningKey>),
    Ethereum(SecretKey),
}

/// A key with the nonce used last.
pub struct Signer {
    secret: Secret,
    identity: Identity,
    owner: Option<Key>,
    nonce: u64,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Signer").field("identity", &self.identity).field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Signer {
    /// An ed25519 key: an owner, a publisher, an office.
    #[must_use]
    pub fn ed25519(secret: [u8; 32]) -> Self {
        let secret = SigningKey::from(secret);
        let identity = Identity::Ed25519(VerificationKeyBytes::from(&secret).into());
        Self { secret: Secret::Ed25519(Box::new(secret)), identity, owner: None, nonce: 0 }
    }

    /// A session key that acts for an owner, who has granted it.
    #[must_use]
    pub fn session(secret: [u8; 32], owner: Key) -> Self {
        Self { owner: Some(owner), ..Self::ed25519(secret) }
    }

    /// A key of an Ethereum wallet: an owner.
    ///
    /// # Errors
    /// [`Refusal::KeyNotValid`] if the number is no secret key of secp256k1.
    pub fn ethereum(secret: [u8; 32]) -> Result<Self, Refusal> {
        let secret = SecretKey::from_secret_bytes(secret).map_err(|_| Refusal::KeyNotValid)?;
        let public = secp256k1::PublicKey::from_secret_key(&secret).serialize_uncompressed();
        let hash = Keccak256::digest(&public[1..]);
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        Ok(Self { secret: Secret::Ethereum(secret), identity: Identity::Ethereum(address), owner: None, nonce: 0 })
    }

    /// Who signs.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The key by which the core knows the signer.
    ///
    /// # Errors
    /// [`Refusal::KeyNotValid`] for an ed25519 key that begins with twelve zero bytes.
    pub fn key(&self) -> Result<Key, Refusal> {
        self.identity.key()
    }

    /// Signs a request at a time (that of the node's last block), to count for a minute.
    ///
    /// # Errors
    /// As [`authority::digest`].
    pub fn sign(&mut self, domain: &Domain, now: Time, request: Request) -> Result<Envelope, Refusal> {
        self.sign_until(domain, now, now + VALID, request)
    }

    /// Signs a request to count until a time, at most a day from now.
    ///
    /// # Errors
    /// As [`authority::digest`].
    pub fn sign_until(
        &mut self,
        domain: &Domain,
        now: Time,
        valid_until: Time,
        request: Request,
    ) -> Result<Envelope, Refusal> {
        let from_time = u64::try_from(now.get()).unwrap_or(0).saturating_mul(NONCES_A_MS);
        self.nonce = from_time.max(self.nonce.saturating_add(1));
        let unsigned = match self.secret {
            Secret::Ed25519(_) => Signature::Ed25519([0; 64]),
            Secret::Ethereum(_) => Signature::Ethereum([0; 65]),
        };
        let mut envelope = Envelope {
            version: ENVELOPE_VERSION,
            signer: self.identity,
            owner: self.owner,
            nonce: self.nonce,
            valid_until,
            request,
            signature: unsigned,
        };
        let message = digest(domain, &envelope)?;
        envelope.signature = match &self.secret {
            Secret::Ed25519(secret) => Signature::Ed25519(secret.sign(&message).into()),
            Secret::Ethereum(secret) => Signature::Ethereum(recoverable(secret, message)),
        };
        Ok(envelope)
    }
}

/// r, s, v as wallets give it.
fn recoverable(secret: &SecretKey, message: [u8; 32]) -> [u8; 65] {
    let signature =
        secp256k1::ecdsa::RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(message), secret);
    let (id, compact) = signature.serialize_compact();
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&compact);
    bytes[64] = u8::from(id);
    bytes
}

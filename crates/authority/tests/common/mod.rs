//! Signers, envelopes and every command, for the tests.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test uses a part")]

use authority::{Domain, ENVELOPE_VERSION, Envelope, Request, Scopes, Signature, Signer, digest};
use borsh::BorshDeserialize;
use clearing::command::{Command, Key};
use clearing::table::PoolId;
use clearing::units::Time;
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Message, PublicKey, SecretKey};
use sha3::{Digest, Keccak256};

pub const NOW: Time = Time::new(1_800_000_000_000);
pub const MINUTE: Time = Time::new(60_000);

pub fn domain() -> Domain {
    Domain { network: [0x5e; 32], chain_id: 42_161 }
}

/// The holder of a private key.
#[derive(Clone, Debug)]
pub enum Holder {
    Ethereum(SecretKey),
    Ed25519(Box<ed25519_zebra::SigningKey>),
}

impl Holder {
    pub fn ethereum(number: u32) -> Self {
        Self::Ethereum(SecretKey::from_secret_bytes(secret(number)).expect("a secret key"))
    }

    pub fn ed25519(number: u32) -> Self {
        Self::Ed25519(Box::new(ed25519_zebra::SigningKey::from(secret(number))))
    }

    pub fn signer(&self) -> Signer {
        match self {
            Self::Ethereum(secret) => {
                let hash = Keccak256::digest(&PublicKey::from_secret_key(secret).serialize_uncompressed()[1..]);
                Signer::Ethereum(*hash.last_chunk().expect("32 bytes"))
            }
            Self::Ed25519(secret) => Signer::Ed25519(ed25519_zebra::VerificationKeyBytes::from(&**secret).into()),
        }
    }

    pub fn key(&self) -> Key {
        self.signer().key().expect("a key")
    }

    pub fn sign_digest(&self, digest: [u8; 32]) -> Signature {
        match self {
            Self::Ethereum(secret) => {
                let signature = RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(digest), secret);
                let (parity, compact) = signature.serialize_compact();
                let mut bytes = [27 + parity.to_u8(); 65];
                bytes[..64].copy_from_slice(&compact);
                Signature::Ethereum(bytes)
            }
            Self::Ed25519(secret) => Signature::Ed25519(secret.sign(&digest).to_bytes()),
        }
    }

    /// The envelope with this holder as its signer, signed.
    pub fn sign_in(&self, domain: &Domain, mut envelope: Envelope) -> Envelope {
        envelope.signer = self.signer();
        envelope.signature = self.sign_digest(digest(domain, &envelope).expect("a message"));
        envelope
    }

    pub fn sign(&self, envelope: Envelope) -> Envelope {
        self.sign_in(&domain(), envelope)
    }
}

fn secret(number: u32) -> [u8; 32] {
    Keccak256::digest(number.to_le_bytes()).into()
}

/// An envelope that nobody has signed, valid for a minute.
pub fn unsigned(nonce: u64, request: Request) -> Envelope {
    Envelope {
        version: ENVELOPE_VERSION,
        signer: Signer::Ethereum([1; 20]),
        owner: None,
        nonce,
        valid_until: NOW + MINUTE,
        request,
        signature: Signature::Ed25519([0; 64]),
    }
}

pub fn act(command: Command) -> Request {
    Request::Act(command)
}

pub fn open() -> Request {
    act(Command::OpenAccount { pool: PoolId(1) })
}

pub fn grant(session: Key, scopes: Scopes, expires: Time) -> Request {
    Request::GrantSession { session: session.0, scopes, expires }
}

pub fn revoke(session: Key) -> Request {
    Request::RevokeSession { session: session.0 }
}

/// Every command once, read from its number and zeros: a new variant joins by itself.
pub fn every_command() -> Vec<Command> {
    let command = |number: u8| {
        let first = [number];
        let mut bytes = std::io::Read::chain(&first[..], std::io::repeat(0));
        Command::deserialize_reader(&mut bytes).ok()
    };
    (0..=u8::MAX).map_while(command).collect()
}

/// The name of a command's variant.
pub fn name_of(command: &Command) -> String {
    format!("{command:?}").split([' ', '{']).next().expect("a name").to_owned()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits = text.trim_start_matches("0x");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex")).collect()
}

pub fn word(text: &str) -> [u8; 32] {
    unhex(text).try_into().expect("32 bytes")
}

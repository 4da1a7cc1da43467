//! How a message becomes the 32 bytes that are signed: EIP-712, the same for both kinds of key.
//!
//! ```text
//! digest    = Keccak-256(0x1901 ‖ separator ‖ Keccak-256(type hash ‖ field ‖ field …))             each field 32 bytes
//! separator = the same struct hash of EIP712Domain(string name,string version,uint256 chainId,bytes32 salt)
//!             with "Seawall", "1", the chain's id and the network
//! ```
//! Two messages never have one digest unless Keccak-256 collides: the type names the fields, a field takes 32 bytes whatever its
//! value, and integers, flags and words are written as they are.

use crate::envelope::{Domain, Envelope};
use crate::message::{self, Field, Message, Value};
use crate::refusal::Refusal;
use sha3::{Digest, Keccak256};

/// The name in every domain.
pub(crate) const DOMAIN_NAME: &str = "Seawall";
/// The version in every domain: of the messages, not of the program.
pub(crate) const DOMAIN_VERSION: &str = "1";
const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId,bytes32 salt)";

/// What the signer of an envelope signs: a wallet by `eth_signTypedData_v4`, an ed25519 key by signing these 32 bytes.
///
/// It covers the domain, the owner, the nonce, the time and the request; not the signer and not the signature.
///
/// # Errors
/// [`Refusal::TimeOutOfRange`] or [`Refusal::OwnerNotValid`] where there is no message to sign.
pub fn digest(domain: &Domain, envelope: &Envelope) -> Result<[u8; 32], Refusal> {
    digest_in(&separator(domain), envelope)
}

/// The digest, for a separator that is known already.
pub(crate) fn digest_in(separator: &[u8; 32], envelope: &Envelope) -> Result<[u8; 32], Refusal> {
    let message = message::of(envelope)?;
    let mut hasher = Keccak256::new();
    hasher.update([0x19, 0x01]);
    hasher.update(separator);
    hasher.update(hash_struct(&message));
    Ok(hasher.finalize().into())
}

/// The domain separator.
pub(crate) fn separator(domain: &Domain) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    hasher.update(Keccak256::digest(DOMAIN_TYPE));
    hasher.update(Keccak256::digest(DOMAIN_NAME));
    hasher.update(Keccak256::digest(DOMAIN_VERSION));
    hasher.update(word_of(&Value::Unsigned(domain.chain_id)));
    hasher.update(domain.network);
    hasher.finalize().into()
}

fn hash_struct(message: &Message<'_>) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    hasher.update(type_hash(message));
    for field in &message.fields {
        hasher.update(word_of(&field.value));
    }
    hasher.finalize().into()
}

/// The hash of `Name(type name,type name…)`.
fn type_hash(message: &Message<'_>) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    hasher.update(message.name);
    let mut before = "(";
    for Field { name, kind, .. } in &message.fields {
        for part in [before, kind, " ", name] {
            hasher.update(part);
        }
        before = ",";
    }
    hasher.update(")");
    hasher.finalize().into()
}

/// The 32 bytes of a value: integers big-endian and sign-extended, text and bytes by their hash.
fn word_of(value: &Value<'_>) -> [u8; 32] {
    match value {
        Value::Unsigned(number) => integer(i128::from(*number)),
        Value::Signed(number) => integer(*number),
        Value::Flag(flag) => integer(i128::from(*flag)),
        Value::Text(text) => Keccak256::digest(text).into(),
        Value::Bytes(bytes) => Keccak256::digest(bytes).into(),
        Value::Word(word) => *word,
    }
}

fn integer(number: i128) -> [u8; 32] {
    let mut word = if number < 0 { [0xff; 32] } else { [0; 32] };
    let (_, low) = word.split_at_mut(16);
    low.copy_from_slice(&number.to_be_bytes());
    word
}

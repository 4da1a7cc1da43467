//! Whether an envelope was signed by the key it names. Knows no state: any thread may ask, in any order.
//!
//! ed25519 follows ZIP 215, the one rule under which a batch accepts exactly what single signatures would. An envelope's answer
//! never depends on its neighbours: a batch that fails is asked again one by one.

use crate::digest::{digest_in, separator};
use crate::envelope::{Domain, ENVELOPE_VERSION, Envelope, Signature, Signer};
use crate::refusal::Refusal;
use clearing::command::Key;
use ed25519_zebra::{VerificationKeyBytes, batch};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rayon::prelude::*;
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use sha3::{Digest, Keccak256};

/// Fewest envelopes that one core takes at once: a smaller batch gains too little.
const FEWEST: usize = 32;
/// Most envelopes that one core takes at once: a bad signature costs a second look at all of them.
const MOST: usize = 128;
/// Half of the order of secp256k1, big-endian: the largest s (EIP-2).
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
    0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// The core key of an envelope's signer, if the signer has signed it in this domain.
///
/// # Errors
/// Of shape ([`Refusal::VersionNotKnown`], [`Refusal::TimeOutOfRange`], [`Refusal::OwnerNotValid`], [`Refusal::KeyNotValid`]), or
/// [`Refusal::SignatureNotValid`].
pub fn verify(domain: &Domain, envelope: &Envelope) -> Result<Key, Refusal> {
    let Claim { key, digest } = claim(&separator(domain), envelope)?;
    match (&envelope.signer, &envelope.signature) {
        (Signer::Ethereum(address), Signature::Ethereum(signature)) => is_recovered(address, signature, &digest),
        (Signer::Ed25519(public), Signature::Ed25519(signature)) => {
            item(public, signature, &digest).verify_single().is_ok()
        }
        _ => false,
    }
    .then_some(key)
    .ok_or(Refusal::SignatureNotValid)
}

/// The answer of [`verify`] for each envelope, in order; batches of ed25519, shared between the cores of rayon's current pool.
#[must_use]
pub fn verify_all(domain: &Domain, envelopes: &[Envelope]) -> Vec<Result<Key, Refusal>> {
    let separator = separator(domain);
    let share = envelopes.len().div_ceil(rayon::current_num_threads().max(1)).clamp(FEWEST, MOST);
    let shares = envelopes.par_chunks(share);
    shares.flat_map_iter(|share| verify_share(&separator, share)).collect()
}

/// What an envelope claims: that the holder of the key has signed the digest.
struct Claim {
    key: Key,
    digest: [u8; 32],
}

fn claim(separator: &[u8; 32], envelope: &Envelope) -> Result<Claim, Refusal> {
    if envelope.version != ENVELOPE_VERSION {
        return Err(Refusal::VersionNotKnown);
    }
    let key = envelope.signer.key()?;
    Ok(Claim { key, digest: digest_in(separator, envelope)? })
}

/// The answers for the share of one core. ed25519 signatures wait for the batch, and count as bad until it is done.
fn verify_share(separator: &[u8; 32], envelopes: &[Envelope]) -> Vec<Result<Key, Refusal>> {
    let mut answers = Vec::with_capacity(envelopes.len());
    let mut batch = Batch::default();
    for envelope in envelopes {
        answers.push(claim(separator, envelope).and_then(|Claim { key, digest }| {
            match (&envelope.signer, &envelope.signature) {
                (Signer::Ethereum(address), Signature::Ethereum(bytes)) if is_recovered(address, bytes, &digest) => {
                    return Ok(key);
                }
                (Signer::Ed25519(public), Signature::Ed25519(bytes)) => {
                    batch.add(answers.len(), key, item(public, bytes, &digest));
                    batch.seed.update(public);
                    batch.seed.update(bytes);
                    batch.seed.update(digest);
                }
                _ => {}
            }
            Err(Refusal::SignatureNotValid)
        }));
    }
    for (at, key) in batch.good() {
        if let Some(answer) = answers.get_mut(at) {
            *answer = Ok(key);
        }
    }
    answers
}

fn item(public: &[u8; 32], signature: &[u8; 64], digest: &[u8; 32]) -> batch::Item {
    let signature = ed25519_zebra::Signature::from_bytes(signature);
    batch::Item::from((VerificationKeyBytes::from(*public), signature, digest))
}

/// ed25519 signatures of one share, each with its place among the answers.
#[derive(Default)]
struct Batch {
    items: Vec<(usize, Key, batch::Item)>,
    /// Everything that is signed, and the signatures: nobody can choose a signature knowing the factor that it will get.
    seed: Keccak256,
}

impl Batch {
    fn add(&mut self, at: usize, key: Key, item: batch::Item) {
        self.items.push((at, key, item));
    }

    /// The places and keys of the good signatures.
    ///
    /// A batch that fails goes to singles at once, not to halves: one bad signature in 128 would cost three batches' work in halves
    /// and the same in singles, and many bad ones cost less this way.
    fn good(self) -> impl Iterator<Item = (usize, Key)> {
        let mut verifier = batch::Verifier::new();
        self.items.iter().for_each(|(_, _, item)| verifier.queue(item.clone()));
        let all_good = verifier.verify(ChaCha20Rng::from_seed(self.seed.finalize().into())).is_ok();
        let good = self.items.into_iter().filter(move |(_, _, item)| all_good || item.clone().verify_single().is_ok());
        good.map(|(at, key, _)| (at, key))
    }
}

/// Whether the address is that of the key which the signature leads to.
fn is_recovered(address: &[u8; 20], signature: &[u8; 65], digest: &[u8; 32]) -> bool {
    recover(signature, digest).is_some_and(|found| found == *address)
}

/// The address of the key that made a signature. None: nobody did, s is in the upper half, or v is none of 0, 1, 27, 28.
fn recover(signature: &[u8; 65], digest: &[u8; 32]) -> Option<[u8; 20]> {
    let (compact, [v]) = signature.split_first_chunk::<64>()? else { return None };
    let parity = match v {
        0 | 27 => RecoveryId::Zero,
        1 | 28 => RecoveryId::One,
        _ => return None,
    };
    let (_, s) = compact.split_last_chunk::<32>()?;
    if *s > HALF_ORDER {
        return None;
    }
    let signature = RecoverableSignature::from_compact(compact, parity).ok()?;
    let public = signature.recover(Message::from_digest(*digest)).ok()?.serialize_uncompressed();
    let (_, point) = public.split_first()?;
    let hash: [u8; 32] = Keccak256::digest(point).into();
    hash.last_chunk::<20>().copied()
}

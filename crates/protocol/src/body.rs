//! The body of `POST /v1/commands` as bytes (`application/octet-stream`): each envelope after its length in four bytes, little-endian.

use crate::MAX_ENVELOPES;
use authority::{Envelope, MAX_ENVELOPE_BYTES, Refusal, decode, encode};

/// Why a body carries no envelopes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// There are too many envelopes.
    #[error("too many envelopes in a request: at most {MAX_ENVELOPES}")]
    TooMany,
    /// The body ends inside an envelope.
    #[error("envelope {0} is cut off")]
    CutOff(usize),
    /// An envelope is longer than one may be.
    #[error("envelope {0} is longer than {MAX_ENVELOPE_BYTES} bytes")]
    TooLong(usize),
    /// An envelope is malformed.
    #[error("envelope {at}: {refusal}")]
    Malformed {
        /// Which.
        at: usize,
        /// Why.
        refusal: Refusal,
    },
}

/// Envelopes as a body.
#[must_use]
pub fn write<'a>(envelopes: impl IntoIterator<Item = &'a Envelope>) -> Vec<u8> {
    let mut body = Vec::new();
    for envelope in envelopes {
        let bytes = encode(envelope);
        body.extend((bytes.len() as u32).to_le_bytes());
        body.extend(bytes);
    }
    body
}

/// The envelopes of a body.
///
/// # Errors
/// [`BodyError`]; nothing of the body is used then.
pub fn read(mut bytes: &[u8]) -> Result<Vec<Envelope>, BodyError> {
    let mut envelopes = Vec::new();
    while !bytes.is_empty() {
        let at = envelopes.len();
        if at == MAX_ENVELOPES {
            return Err(BodyError::TooMany);
        }
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(BodyError::CutOff(at))?;
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_ENVELOPE_BYTES {
            return Err(BodyError::TooLong(at));
        }
        let (own, rest) = rest.split_at_checked(length).ok_or(BodyError::CutOff(at))?;
        envelopes.push(decode(own).map_err(|refusal| BodyError::Malformed { at, refusal })?);
        bytes = rest;
    }
    Ok(envelopes)
}

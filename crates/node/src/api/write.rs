//! Envelopes come in.

use super::Shared;
use super::answers::{AnswerView, CommandsAnswer, CommandsRequest};
use super::fault::Fault;
use super::types::Failure;
use crate::intake::{Answered, MAX_ENVELOPES, NotTaken};
use crate::system::Answer;
use authority::{Envelope, MAX_ENVELOPE_BYTES, decode};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, Request, State};
use axum::http::header;
use std::sync::Arc;

/// Envelopes in one of the two forms of a body.
pub(super) struct Envelopes(Vec<Envelope>);

impl FromRequest<Arc<Shared>> for Envelopes {
    type Rejection = Fault;

    /// JSON with hexadecimal, or bytes: each envelope after its length in four bytes, little-endian.
    async fn from_request(request: Request, state: &Arc<Shared>) -> Result<Self, Fault> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        if kind.starts_with("application/octet-stream") {
            let body = Bytes::from_request(request, state).await.map_err(|why: BytesRejection| Fault::from(why))?;
            return envelopes_of_bytes(&body).map(Self);
        }
        let Json(body): Json<CommandsRequest> =
            Json::from_request(request, state).await.map_err(|why: JsonRejection| Fault::from(why))?;
        if body.envelopes.len() > MAX_ENVELOPES {
            return Err(NotTaken::TooMany.into());
        }
        let read = |(at, text): (usize, &String)| {
            let bytes = unhex(text).ok_or_else(|| Fault::not_valid(format!("envelope {at} is not hexadecimal")))?;
            decode(&bytes).map_err(|refusal| Fault::not_valid(format!("envelope {at}: {refusal}")))
        };
        body.envelopes.iter().enumerate().map(read).collect::<Result<_, _>>().map(Self)
    }
}

fn envelopes_of_bytes(mut bytes: &[u8]) -> Result<Vec<Envelope>, Fault> {
    let mut envelopes = Vec::new();
    while !bytes.is_empty() {
        let at = envelopes.len();
        if at == MAX_ENVELOPES {
            return Err(NotTaken::TooMany.into());
        }
        let cut = || Fault::not_valid(format!("envelope {at} is cut off"));
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_ENVELOPE_BYTES {
            return Err(Fault::not_valid(format!("envelope {at} is longer than {MAX_ENVELOPE_BYTES} bytes")));
        }
        let (own, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        envelopes.push(decode(own).map_err(|refusal| Fault::not_valid(format!("envelope {at}: {refusal}")))?);
        bytes = rest;
    }
    Ok(envelopes)
}

/// Bytes of hexadecimal, with or without `0x`.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() > 2 * MAX_ENVELOPE_BYTES {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.as_chunks::<2>().0.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Takes signed envelopes in, and answers once what became of each is durable.
#[utoipa::path(post, path = "/v1/commands", request_body = CommandsRequest,
    responses(
        (status = 200, body = CommandsAnswer), (status = 400, body = Failure, description = "a malformed envelope: nothing was taken"),
        (status = 413, body = Failure, description = "too much"), (status = 415, body = Failure, description = "not JSON"),
        (status = 422, body = Failure, description = "not of this shape"),
        (status = 503, body = Failure, description = "busy or stopping: nothing was taken, or what became of it is not known"),
    ))]
pub(super) async fn commands(
    State(shared): State<Arc<Shared>>,
    Envelopes(envelopes): Envelopes,
) -> Result<Json<CommandsAnswer>, Fault> {
    let place = shared.used.verification()?;
    let verified = shared.intake.verify(envelopes).await?;
    drop(place);
    shared.used.commands(verified.signed())?;
    let answers = shared.intake.queue(verified).await?;
    Ok(Json(CommandsAnswer { answers: answers.iter().map(answer).collect() }))
}

fn answer(answered: &Answered) -> AnswerView {
    let plain = |status: &str| AnswerView {
        status: status.to_owned(),
        height: answered.height,
        code: None,
        name: None,
        reason: None,
    };
    let because = |status: &str, code: u16, name: &str, reason: &str| AnswerView {
        code: Some(code),
        name: Some(name.to_owned()),
        reason: Some(reason.to_owned()),
        ..plain(status)
    };
    match answered.answer {
        Answer::Executed => plain("executed"),
        Answer::Session => plain("session"),
        Answer::Rejected(why) => because("rejected", why.code(), why.name(), why.text()),
        Answer::Refused(why) => because("refused", why.code(), why.name(), why.text()),
    }
}

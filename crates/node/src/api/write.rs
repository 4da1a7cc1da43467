//! Envelopes come in.

use super::Shared;
use super::fault::Fault;
use crate::intake::{Answered, NotTaken};
use crate::system::Answer;
use authority::{Envelope, MAX_ENVELOPE_BYTES, Signature, Signer, decode};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, Request, State};
use axum::http::header;
use protocol::answers::{AnswerView, CommandsAnswer, CommandsRequest};
use protocol::hex::unhex;
use protocol::prepare::SignedEnvelope;
use protocol::shapes::Failure;
use protocol::{MAX_ENVELOPES, body};
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
            return body::read(&body).map(Self).map_err(Fault::from);
        }
        let Json(asked): Json<CommandsRequest> =
            Json::from_request(request, state).await.map_err(|why: JsonRejection| Fault::from(why))?;
        if asked.envelopes.len().saturating_add(asked.signed.len()) > MAX_ENVELOPES {
            return Err(NotTaken::TooMany.into());
        }
        let whole = asked.envelopes.iter().enumerate().map(|(at, text)| envelope_of(&format!("envelope {at}"), text));
        let joined = asked.signed.iter().enumerate().map(|(at, signed)| join(at, signed));
        whole.chain(joined).collect::<Result<_, _>>().map(Self)
    }
}

fn envelope_of(called: &str, text: &str) -> Result<Envelope, Fault> {
    let bytes = unhex(text)
        .filter(|bytes| bytes.len() <= MAX_ENVELOPE_BYTES)
        .ok_or_else(|| Fault::not_valid(format!("{called} is not hexadecimal")))?;
    decode(&bytes).map_err(|refusal| Fault::not_valid(format!("{called}: {refusal}")))
}

/// An envelope with the signature that came beside it. Whether it is the signer's is found out like any other's.
fn join(at: usize, signed: &SignedEnvelope) -> Result<Envelope, Fault> {
    let envelope = envelope_of(&format!("envelope of signed {at}"), &signed.envelope)?;
    let bytes = unhex(&signed.signature).unwrap_or_default();
    let (signature, form) = match envelope.signer {
        Signer::Ethereum(_) => (bytes.try_into().ok().map(Signature::Ethereum), "65 bytes of an address"),
        Signer::Ed25519(_) => (bytes.try_into().ok().map(Signature::Ed25519), "64 bytes of an ed25519 key"),
    };
    let allowed = || Fault::not_valid(format!("signature of signed {at}: allowed {form} in hexadecimal"));
    Ok(Envelope { signature: signature.ok_or_else(allowed)?, ..envelope })
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

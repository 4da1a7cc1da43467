//! What a request is told that cannot be answered: always the same shape.

use crate::intake::NotTaken;
use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::body::BodyError;
use protocol::shapes::{Failure, FailureText};

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// After how many seconds the same request may be answered.
    retry_after: Option<u64>,
}

impl Fault {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        Self { status, code, message: message.into(), retry_after }
    }

    /// There is no room at the moment.
    pub(super) fn busy(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", format!("{message}: nothing was done, ask again later"))
    }

    /// Whoever asks has used up their share for so many seconds.
    pub(super) fn too_fast(message: &str, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "TooFast", message) }
    }

    /// There was no answer in time. What became of the request is not known.
    pub(super) fn too_slow() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", "no answer in time: what became of the request is not known")
    }

    /// There is nothing of this name.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", format!("{what} not found"))
    }

    /// The request is malformed.
    pub(super) fn not_valid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "NotValid", message)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let error = FailureText { code: self.code.to_owned(), message: self.message };
        let mut response = (self.status, Json(Failure { error })).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<NotTaken> for Fault {
    fn from(reason: NotTaken) -> Self {
        let (status, code) = match reason {
            NotTaken::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Busy"),
            NotTaken::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "Stopping"),
            NotTaken::TooMany => (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge"),
        };
        Self::new(status, code, reason.to_string())
    }
}

impl From<BodyError> for Fault {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooMany => NotTaken::TooMany.into(),
            other => Self::not_valid(other.to_string()),
        }
    }
}

macro_rules! from_rejections {
    ($($rejection:ty),*) => {$(
        impl From<$rejection> for Fault {
            fn from(rejection: $rejection) -> Self {
                let status = rejection.status();
                let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "TooLarge" } else { "NotValid" };
                Self::new(status, code, rejection.body_text())
            }
        }
    )*};
}

from_rejections!(BytesRejection, JsonRejection, PathRejection, QueryRejection);

pub(super) async fn no_such_path() -> Fault {
    Fault::not_found("path")
}

pub(super) async fn no_such_method() -> Fault {
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, "NotValid", "this path does not take this method")
}

//! What a request is told that cannot be answered: always the same shape.

use super::types::{Failure, FailureText};
use crate::intake::NotTaken;
use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Fault {
    /// There is nothing of this name.
    pub(super) fn not_found(what: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "NotFound", message: format!("{what} not found") }
    }

    /// The request is malformed.
    pub(super) fn not_valid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "NotValid", message: message.into() }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let error = FailureText { code: self.code.to_owned(), message: self.message };
        let mut response = (self.status, Json(Failure { error })).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
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
        Self { status, code, message: reason.to_string() }
    }
}

macro_rules! from_rejections {
    ($($rejection:ty),*) => {$(
        impl From<$rejection> for Fault {
            fn from(rejection: $rejection) -> Self {
                let status = rejection.status();
                let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "TooLarge" } else { "NotValid" };
                Self { status, code, message: rejection.body_text() }
            }
        }
    )*};
}

from_rejections!(BytesRejection, JsonRejection, PathRejection, QueryRejection);

pub(super) async fn no_such_path() -> Fault {
    Fault::not_found("path")
}

pub(super) async fn no_such_method() -> Fault {
    Fault {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "NotValid",
        message: "this path does not take this method".to_owned(),
    }
}

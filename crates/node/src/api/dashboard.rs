//! The dashboard's files, as they are in the binary.

use super::Shared;
use axum::Router;
use axum::http::{HeaderName, header};
use axum::routing::get;
use std::sync::Arc;

/// Nothing from anywhere else, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

macro_rules! files {
    ($($path:literal, $kind:literal, $file:literal;)*) => {
        /// The page and what it loads.
        pub(super) fn routes() -> Router<Arc<Shared>> {
            Router::new()$(.route($path, get(|| served($kind, include_str!(concat!("../../../../dashboard/dist/", $file))))))*
        }
    };
}

files! {
    "/", "text/html; charset=utf-8", "index.html";
    "/assets/app.js", "text/javascript; charset=utf-8", "assets/app.js";
    "/assets/app.css", "text/css; charset=utf-8", "assets/app.css";
    "/favicon.svg", "image/svg+xml", "favicon.svg";
    "/licenses.txt", "text/plain; charset=utf-8", "licenses.txt";
}

async fn served(kind: &'static str, text: &'static str) -> ([(HeaderName, &'static str); 4], &'static str) {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text)
}

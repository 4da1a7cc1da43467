//! The API: HTTP and WebSocket, JSON. Handlers read published views and hand envelopes to the intake; none decides anything.

pub mod types;
pub mod answers;
mod show;
mod event;
mod fault;
mod read;
mod write;
mod stream;
mod dashboard;

use crate::decimal::Places;
use crate::intake::Intake;
use crate::run::{Pace, Published};
use crate::view::View;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::routing::get;
use clearing::command::Key;
use show::Shown;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest body of a request, bytes: a thousand envelopes of ordinary size in hexadecimal.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// What the API tells besides the state.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Whether members are simulated.
    pub is_dev: bool,
    /// The places of each asset's lot.
    pub places: Places,
    /// What keys are called, where the operator gave them names.
    pub names: BTreeMap<Key, String>,
}

/// What every handler has.
#[derive(Debug)]
pub struct Shared {
    intake: Intake,
    published: Published,
    about: About,
    pace: Pace,
    started: Instant,
}

impl Shared {
    /// What handlers of this node have.
    #[must_use]
    pub fn new(intake: Intake, published: Published, about: About, pace: Pace) -> Self {
        Self { intake, published, about, pace, started: Instant::now() }
    }

    fn view(&self) -> Arc<View> {
        self.published.view.load_full()
    }

    fn shown<'a>(&'a self, view: &'a View) -> Shown<'a> {
        Shown { view, places: &self.about.places, names: &self.about.names }
    }
}

/// Every handler, with the document that describes them: one list for both, so that neither can lack what the other has.
fn handlers() -> (Router<Arc<Shared>>, OpenApi) {
    let about = InfoBuilder::new()
        .title("Seawall node")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Decimals are strings and exact. Times are milliseconds since the Unix epoch. Every answer is of the state after one block.",
        ))
        .build();
    let document = OpenApiBuilder::new().info(about).build();
    OpenApiRouter::with_openapi(document)
        .routes(routes!(read::status))
        .routes(routes!(read::pools))
        .routes(routes!(read::pool))
        .routes(routes!(read::markets))
        .routes(routes!(read::book))
        .routes(routes!(read::accounts))
        .routes(routes!(read::account))
        .routes(routes!(read::feeds))
        .routes(routes!(read::blocks))
        .routes(routes!(read::events))
        .routes(routes!(read::price_history))
        .routes(routes!(read::pool_history))
        .routes(routes!(write::commands))
        .routes(routes!(read::health))
        .routes(routes!(read::ready))
        .split_for_parts()
}

/// The document that describes the API.
#[must_use]
pub fn document() -> OpenApi {
    handlers().1
}

/// The API of a node.
pub fn router(shared: Arc<Shared>) -> Router {
    let (router, document) = handlers();
    let document = Arc::new(serde_json::to_string(&document).unwrap_or_default());
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    router
        .route("/openapi.json", get(move || async move { (json, (*document).clone()) }))
        .route("/v1/stream", get(stream::stream))
        .merge(dashboard::routes())
        .fallback(fault::no_such_path)
        .method_not_allowed_fallback(fault::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

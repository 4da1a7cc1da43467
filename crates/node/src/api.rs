//! The API: HTTP and WebSocket, JSON. Handlers read published views and hand envelopes to the intake; none decides anything.

mod show;
mod liquidation;
mod event;
mod fault;
mod amounts;
mod limits;
mod read;
mod fills;
mod what_if;
mod proof;
mod systemic;
mod prepare;
mod write;
mod stream;
mod dashboard;
mod describe;

use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::prover::Prover;
use crate::run::{Pace, Published};
use crate::systemic::Systemic;
use crate::view::View;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use clearing::command::Key;
use limits::Used;
use prepare::Numbers;
use protocol::MAX_BODY;
use protocol::decimal::Places;
use show::Shown;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower_http::cors::CorsLayer;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use event::kind;
pub use limits::Limits;

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
    used: Used,
    metrics: Metrics,
    systemic: Arc<Systemic>,
    prover: Prover,
    numbers: Numbers,
    reader_patience: Duration,
    started: Instant,
}

impl Shared {
    /// What handlers of this node have.
    #[must_use]
    pub fn new(intake: Intake, published: Published, about: About, pace: Pace, limits: &Limits) -> Self {
        let systemic = Arc::new(Systemic::new(pace.interval));
        let view = Arc::clone(&published.view);
        let metrics = Metrics::new(view, intake.clone(), about.places.clone(), Arc::clone(&systemic));
        Self {
            intake,
            published,
            about,
            pace,
            used: Used::new(limits),
            metrics,
            systemic,
            prover: Prover::default(),
            numbers: Numbers::default(),
            reader_patience: limits.reader_patience,
            started: Instant::now(),
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn systemic(&self) -> &Systemic {
        &self.systemic
    }

    pub(crate) fn published(&self) -> &Published {
        &self.published
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
        .routes(routes!(fills::fills))
        .routes(routes!(fills::funding))
        .routes(routes!(what_if::what_if))
        .routes(routes!(proof::proof))
        .routes(routes!(systemic::systemic))
        .routes(routes!(read::feeds))
        .routes(routes!(read::blocks))
        .routes(routes!(read::events))
        .routes(routes!(read::price_history))
        .routes(routes!(read::pool_history))
        .routes(routes!(prepare::prepare))
        .routes(routes!(write::commands))
        .routes(routes!(read::health))
        .routes(routes!(read::ready))
        .split_for_parts()
}

/// The document that describes the API: OpenAPI 3.1, as JSON.
#[must_use]
pub fn document() -> serde_json::Value {
    describe::finished(serde_json::to_value(handlers().1).unwrap_or_default())
}

/// The API of a node. An origin of `limits` that is none is left out.
pub fn router(shared: Arc<Shared>, limits: &Limits) -> Router {
    let (router, _) = handlers();
    let document = Arc::new(document().to_string());
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let mut router = router
        .route("/openapi.json", get(move || async move { (json, (*document).clone()) }))
        .route("/metrics", get(metrics))
        .route("/v1/stream", get(stream::stream))
        .merge(dashboard::routes())
        .fallback(fault::no_such_path)
        .method_not_allowed_fallback(fault::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&shared), limits::guard));
    let origins: Vec<HeaderValue> = limits.cors.iter().filter_map(|origin| origin.parse().ok()).collect();
    if !origins.is_empty() {
        let methods = [Method::GET, Method::POST];
        router = router
            .layer(CorsLayer::new().allow_origin(origins).allow_methods(methods).allow_headers([header::CONTENT_TYPE]));
    }
    router.with_state(shared)
}

/// Figures for a monitoring system.
async fn metrics(State(shared): State<Arc<Shared>>) -> ([(HeaderName, HeaderValue); 1], String) {
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], shared.metrics.text())
}

//! Health and metrics, on a listener of their own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::state::Shared;

/// OpenMetrics 1.0.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .route("/livez", get(alive))
        .route("/health/liveliness", get(alive))
        .route("/healthz", get(ready))
        .route("/readyz", get(ready))
        .route("/health/readiness", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shared);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the operations listener ended");
    }
}

async fn alive() -> &'static str {
    "alive\n"
}

/// 503 from the moment a drain begins, so that balancers send nobody any more.
async fn ready(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    if shared.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], shared.metrics.text())
}

//! Health and metrics, on a listener of their own.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::config::{HEAD_BYTES_MAX, HEADER_FIELDS_MAX, Timeouts};
use crate::state::Shared;

/// OpenMetrics 1.0.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// A few probes and scrapers come at once. Who finds no place waits in the system's queue until a connection ends.
const CONNECTIONS_MAX: usize = 64;
/// After an error of the listener itself (out of file descriptors), so that it does not spin.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is dropped, and its connections with it.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .route("/livez", get(alive))
        .route("/health/liveliness", get(alive))
        .route("/healthz", get(ready))
        .route("/readyz", get(ready))
        .route("/health/readiness", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shared.clone());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return }; // it is never closed
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((socket, _)) => {
                let (router, timeouts) = (router.clone(), shared.live.load().timeouts);
                connections.spawn(async move {
                    converse(socket, router, timeouts).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no operations connection could be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One connection. A head that does not come in time ends it, the first as well as one after an answer; after `idle` it takes
/// no more of them; and who then does not take its answer is cut. So nobody holds a place for good.
async fn converse(socket: TcpStream, router: Router, timeouts: Timeouts) {
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(timeouts.head)
            .max_headers(HEADER_FIELDS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router))
    );
    if tokio::time::timeout(timeouts.idle, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(timeouts.write_stall, connection).await;
    }
}

async fn alive() -> &'static str {
    "alive\n"
}

/// 503 from the moment a drain begins, or the audit log is gone, so that balancers send nobody any more.
async fn ready(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    readiness(shared.is_draining(), shared.ledger.is_broken())
}

fn readiness(is_draining: bool, is_broken: bool) -> (StatusCode, &'static str) {
    match (is_draining, is_broken) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        (false, true) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the audit log cannot be written until a restart\n")
        }
        (false, false) => (StatusCode::OK, "ready\n"),
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], shared.metrics.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_would_refuse_everything_is_not_ready() {
        for (is_draining, is_broken, status, words) in [
            (false, false, 200, "ready"),
            (true, false, 503, "draining"),
            (false, true, 503, "until a restart"),
            (true, true, 503, "draining"),
        ] {
            let (got, said) = readiness(is_draining, is_broken);
            assert!(
                got.as_u16() == status && said.contains(words),
                "{is_draining} {is_broken}: {got} {said}"
            );
        }
    }
}

//! Connections: how many, how long they may say nothing, and how they end when the node does.

use crate::api::Limits;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;
use tracing::debug;

/// How long the head of a request may take, and how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);
/// How long answers that are on their way may take once the node is asked to stop.
const GOODBYE: Duration = Duration::from_secs(10);
/// How long to wait when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Serves an API until `until` is done and what was being answered is answered.
pub async fn serve(listener: TcpListener, router: Router, limits: &Limits, until: impl Future<Output = ()>) {
    let most = u32::try_from(limits.connections.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
    let room = Arc::new(Semaphore::new(most as usize));
    let (stop, stopping) = watch::channel(());
    let mut until = std::pin::pin!(until);
    loop {
        let next = async {
            // Whoever finds no room waits in the system's queue, which is bounded too.
            let place = Arc::clone(&room).acquire_owned().await.ok()?;
            match listener.accept().await {
                Ok((stream, peer)) => Some((place, stream, peer)),
                Err(error) => {
                    debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(NO_ROOM).await;
                    None
                }
            }
        };
        tokio::select! {
            () = &mut until => break,
            accepted = next => if let Some((place, stream, peer)) = accepted {
                let (router, stopping) = (router.clone(), stopping.clone());
                tokio::spawn(async move {
                    if let Err(error) = connection(router, stream, peer, stopping).await {
                        debug!(%error, %peer, "a connection ended");
                    }
                    drop(place);
                });
            },
        }
    }
    drop(listener);
    drop(stop);
    // Every place is free once every connection has ended.
    let _ = tokio::time::timeout(GOODBYE, room.acquire_many(most)).await;
}

async fn connection(
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    mut stopping: watch::Receiver<()>,
) -> Result<(), hyper::Error> {
    // Answers are small and awaited: they do not wait for more to send.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    tokio::select! {
        ended = connection.as_mut() => return ended,
        // The sender goes when the node stops.
        _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

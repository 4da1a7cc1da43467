//! Decides how much of a node anybody may use: requests of one address, commands of one signer, streams in all.

use super::Shared;
use super::fault::Fault;
use authority::{Envelope, Signer};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much anybody may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests a second of one address, as many of them at once.
    pub requests_per_second: u32,
    /// Commands a second of one signer, as many of them at once.
    pub commands_per_second: u32,
    /// Connections at once; whoever comes later waits for one to end.
    pub connections: usize,
    /// WebSockets at once.
    pub streams: usize,
    /// How long the reader of a WebSocket may take for a message before it is let go.
    pub reader_patience: Duration,
    /// Origins of pages that may read the API from a browser (CORS); none by default.
    pub cors: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 200,
            commands_per_second: 5_000,
            connections: 4_000,
            streams: 1_000,
            reader_patience: Duration::from_secs(10),
            cors: Vec::new(),
        }
    }
}

/// The longest that an answer may take. A command waits for its block, nothing else waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests whose signatures are checked at the same time. Each may hold a body of the largest size.
const VERIFYING: usize = 64;
/// Addresses and signers that are remembered before those who have been quiet are forgotten.
const REMEMBERED: usize = 100_000;

type Rates<K> = RateLimiter<K, DashMapStateStore<K>, MonotonicClock, NoOpMiddleware<Instant>>;

/// What has been used of the limits.
pub(super) struct Used {
    requests: Rates<IpAddr>,
    commands: Rates<Signer>,
    most_commands: u32,
    streams: Arc<Semaphore>,
    verifying: Arc<Semaphore>,
}

impl std::fmt::Debug for Used {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Used").field("addresses", &self.requests.len()).finish_non_exhaustive()
    }
}

impl Used {
    /// Nothing yet.
    pub(super) fn new(limits: &Limits) -> Self {
        let a_second = |most: u32| Quota::per_second(NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN));
        Self {
            requests: RateLimiter::new(
                a_second(limits.requests_per_second),
                DashMapStateStore::default(),
                MonotonicClock,
            ),
            commands: RateLimiter::new(
                a_second(limits.commands_per_second),
                DashMapStateStore::default(),
                MonotonicClock,
            ),
            most_commands: limits.commands_per_second,
            streams: Arc::new(Semaphore::new(limits.streams)),
            verifying: Arc::new(Semaphore::new(VERIFYING)),
        }
    }

    /// Takes part in a limit on streams; none if there are too many.
    pub(super) fn stream(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| Fault::busy("too many streams"))
    }

    /// Takes part in a limit on requests whose signatures are being checked.
    pub(super) fn verification(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.verifying).try_acquire_owned().map_err(|_| Fault::busy("too many signatures to check"))
    }

    /// Counts a request of an address.
    fn request(&self, address: IpAddr) -> Result<(), Fault> {
        forget_the_quiet(&self.requests);
        self.requests.check_key(&address).map_err(|until| too_fast("requests from this address", &until))
    }

    /// Counts the commands of each signer, once their signatures have been checked: nobody uses up another's share.
    pub(super) fn commands(&self, envelopes: &[Envelope]) -> Result<(), Fault> {
        forget_the_quiet(&self.commands);
        let mut counts: BTreeMap<Signer, u32> = BTreeMap::new();
        for envelope in envelopes {
            let count = counts.entry(envelope.signer).or_default();
            *count = count.saturating_add(1);
        }
        for (signer, count) in counts {
            let Some(count) = NonZeroU32::new(count) else { continue };
            let most = self.most_commands;
            let fits = self.commands.check_key_n(&signer, count);
            let fits =
                fits.map_err(|_| Fault::too_fast(&format!("at most {most} commands at once of one signer"), 1))?;
            fits.map_err(|until| too_fast("commands of this signer", &until))?;
        }
        Ok(())
    }
}

fn forget_the_quiet<K: std::hash::Hash + Eq + Clone>(rates: &Rates<K>) {
    if rates.len() > REMEMBERED {
        rates.retain_recent();
    }
}

fn too_fast(what: &str, until: &NotUntil<Instant>) -> Fault {
    let wait = until.wait_time_from(MonotonicClock.now());
    Fault::too_fast(&format!("too many {what}: nothing was done"), wait.as_secs() + 1)
}

/// What every request goes through: its address's share, the time that its answer may take, and the figures of `/metrics`.
pub(super) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let address = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    let seen = shared.metrics.begin(&request);
    let response = match shared.used.request(address) {
        Err(fault) => fault.into_response(),
        Ok(()) => match tokio::time::timeout(PATIENCE, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Fault::too_slow().into_response(),
        },
    };
    shared.metrics.end(seen, response.status());
    response
}

//! A node in one process, for the tests: its members, its market, and what is asked of it.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test uses a part")]

#[path = "../../../clearing/tests/properties/world.rs"]
mod world;

pub mod wallet;

use authority::{Domain, ENVELOPE_VERSION, Envelope, Request, Signature, Signer, digest};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request as HttpRequest, StatusCode, header};
use clearing::command::{Command, Key};
use clearing::engine::Genesis;
use clearing::parameters::PublisherParameters;
use clearing::table::{AccountId, FeedId, PoolId};
use clearing::units::{Money, Price, Time};
use ed25519_zebra::SigningKey;
use node::api::{About, Limits, Shared, router};
use node::system::{Answer, Network, SYSTEM_VERSION, System};
use node::{Intake, Lanes, Pace, Published, Runner};
use protocol::decimal::Places;
use replication::Alone;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tower::ServiceExt;
pub use world::new_order;
use world::{feed_parameters, perpetual, pool_parameters};

pub const GOVERNANCE: u8 = 1;
pub const CUSTODIAN: u8 = 2;
pub const PUBLISHERS: [u8; 3] = [5, 6, 7];
pub const ALICE: u8 = 20;
pub const BOB: u8 = 21;
pub const STRANGER: u8 = 99;
pub const HOUR: i64 = 3_600_000;

pub fn signing_key(who: u8) -> SigningKey {
    SigningKey::from([who; 32])
}

pub fn key(who: u8) -> Key {
    Key(public(who))
}

pub fn public(who: u8) -> [u8; 32] {
    ed25519_zebra::VerificationKeyBytes::from(&signing_key(who)).into()
}

#[expect(clippy::disallowed_methods, reason = "the node lives in the present")]
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis()).expect("a time")
}

pub fn network() -> Network {
    let core = Genesis { time: Time::ZERO, governance: key(GOVERNANCE), custodian: key(CUSTODIAN) };
    Network { version: SYSTEM_VERSION, chain_id: 31_337, core }
}

pub fn signed(domain: &Domain, who: u8, nonce: u64, request: Request) -> Envelope {
    let mut envelope = Envelope {
        version: ENVELOPE_VERSION,
        signer: Signer::Ed25519(public(who)),
        owner: None,
        nonce,
        valid_until: Time::new(now() + HOUR),
        request,
        signature: Signature::Ed25519([0; 64]),
    };
    let message = digest(domain, &envelope).expect("a message");
    envelope.signature = Signature::Ed25519(signing_key(who).sign(&message).into());
    envelope
}

/// A node that runs.
pub struct Running {
    pub router: Router,
    pub intake: Intake,
    pub lanes: Arc<Lanes<node::Submission>>,
    pub published: Published,
    pub thread: JoinHandle<()>,
    pub nonce: u64,
}

impl Running {
    pub fn start(directory: &Path, capacity: usize, first_nonce: u64) -> Self {
        let limits = Limits { requests_per_second: 1_000_000, ..Limits::default() };
        Self::start_with(directory, capacity, first_nonce, &limits)
    }

    pub fn start_with(directory: &Path, capacity: usize, first_nonce: u64, limits: &Limits) -> Self {
        let alone = match Alone::<System>::open(directory) {
            Ok((alone, _)) => alone,
            Err(_) => Alone::create(directory, &network().encoded()).expect("a new node"),
        };
        let domain = alone.machine().domain();
        assert_eq!(domain, network().domain());
        let lanes = Arc::new(Lanes::new(capacity));
        let pace = Pace { interval: Duration::from_millis(5), idle: Duration::from_millis(20), ..Pace::default() };
        let (runner, published) = Runner::new(alone, Arc::clone(&lanes), pace).expect("a clock");
        let intake = Intake::new(domain, Arc::clone(&lanes));
        let about = About { is_dev: true, places: Places::new([("BTC".to_owned(), 3)]), ..About::default() };
        let shared = Shared::new(intake.clone(), published.clone(), about, pace, limits);
        let thread = std::thread::spawn(move || runner.run().expect("it runs until it is stopped"));
        Self { router: router(Arc::new(shared), limits), intake, lanes, published, thread, nonce: first_nonce }
    }

    pub fn stop(self) -> [u8; 32] {
        self.lanes.close();
        self.thread.join().expect("it ends");
        self.published.view.load().root
    }

    pub fn envelope(&mut self, who: u8, command: Command) -> Envelope {
        self.nonce += 1;
        signed(&self.intake.domain(), who, self.nonce, Request::Act(command))
    }

    pub async fn act(&mut self, who: u8, command: Command) -> Answer {
        let envelope = self.envelope(who, command);
        self.intake.submit(vec![envelope]).await.expect("taken")[0].answer
    }

    pub async fn ask(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> (StatusCode, Value) {
        let request = HttpRequest::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
        let request = request.body(Body::from(body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 50_000_000).await.expect("a body");
        let value = serde_json::from_slice(&bytes);
        (status, value.unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())))
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask(Method::GET, path, "", Vec::new()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        value
    }

    pub async fn post(&self, envelopes: &Value) -> (StatusCode, Value) {
        let body = json!({ "envelopes": envelopes }).to_string().into_bytes();
        self.ask(Method::POST, "/v1/commands", "application/json", body).await
    }

    /// A feed, a pool with a perpetual, two members with money, and a position between them.
    pub async fn set_up(&mut self) {
        let publisher = |(source, who): (usize, &u8)| PublisherParameters {
            key: key(*who),
            weight: 100,
            source: u16::try_from(source).expect("few"),
        };
        let mut feed = feed_parameters();
        feed.publishers = PUBLISHERS.iter().enumerate().map(publisher).collect();
        let mut parameters = pool_parameters();
        parameters.venues = vec![key(CUSTODIAN)];
        for (who, command) in [
            (GOVERNANCE, Command::ListFeed { name: "BTC".into(), parameters: feed }),
            (GOVERNANCE, Command::OpenPool { name: "majors".into(), parameters }),
            (
                GOVERNANCE,
                Command::ListInstrument { pool: PoolId(0), name: "BTC-PERP".into(), parameters: perpetual(0) },
            ),
        ] {
            assert_eq!(self.act(who, command).await, Answer::Executed);
        }
        self.publish(100_000_000).await;
        // Newcomers come one each 25 ms.
        for who in [ALICE, BOB] {
            tokio::time::sleep(Duration::from_millis(60)).await;
            assert_eq!(self.act(who, Command::OpenAccount { pool: PoolId(0) }).await, Answer::Executed);
        }
        for account in [1, 2] {
            let amount = Money::new(1_000_000_000_000);
            let command = Command::Deposit { pool: PoolId(0), account: AccountId(account), amount };
            assert_eq!(self.act(CUSTODIAN, command).await, Answer::Executed);
        }
    }

    pub async fn publish(&mut self, quanta: i64) {
        for who in PUBLISHERS {
            let command = Command::Observe {
                feed: FeedId(0),
                price: Price::new(quanta),
                confidence: Price::new(1),
                published_at: Time::new(now() - 50),
                transfers_suspended: false,
            };
            assert_eq!(self.act(who, command).await, Answer::Executed);
        }
    }

    pub async fn order(&mut self, who: u8, account: u32, number: u64, quantity: i64, limit: i64) -> Answer {
        let order = new_order(number, 0, quantity, Some(limit));
        self.act(who, Command::PlaceOrder { pool: PoolId(0), account: AccountId(account), order }).await
    }
}

//! The stream against hostile readers, over real connections on loopback: strange queries and frames, readers that do not read, too many.

use authority::{ENVELOPE_VERSION, Envelope, Request, Signature, Signer, digest};
use clearing::command::{Command, Key};
use clearing::engine::Genesis;
use clearing::parameters::PublisherParameters;
use clearing::units::Time;
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use node::api::{About, Limits, Shared, router};
use node::system::{Answer, Network, SYSTEM_VERSION, System};
use node::{Intake, Lanes, Pace, Runner};
use replication::Alone;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use world::feed_parameters;

#[path = "../../clearing/tests/properties/world.rs"]
mod world;

/// Buffers of the system so small that a reader who does not read is noticed soon.
const SMALL: u32 = 4_096;
/// No wait of a test is longer.
const BOUND: Duration = Duration::from_secs(20);

/// A node that serves on loopback.
struct Served {
    address: SocketAddr,
    intake: Intake,
    lanes: Arc<Lanes<node::Submission>>,
    blocks: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
    nonce: u64,
}

fn governance() -> (SigningKey, [u8; 32]) {
    let signing = SigningKey::from([1; 32]);
    let public = VerificationKeyBytes::from(&signing).into();
    (signing, public)
}

impl Served {
    fn start(home: &Path, limits: Limits) -> Self {
        let key = Key(governance().1);
        let core = Genesis { time: Time::ZERO, governance: key, custodian: key };
        let network = Network { version: SYSTEM_VERSION, chain_id: 7, core };
        let alone: Alone<System> = Alone::create(home, &network.encoded()).expect("a new node");
        let lanes = Arc::new(Lanes::new(10_000));
        let pace = Pace { interval: Duration::from_millis(5), idle: Duration::from_millis(20), ..Pace::default() };
        let (runner, published) = Runner::new(alone, Arc::clone(&lanes), pace).expect("a clock");
        let intake = Intake::new(network.domain(), Arc::clone(&lanes));
        let shared = Arc::new(Shared::new(intake.clone(), published, About::default(), pace, &limits));
        let blocks = std::thread::spawn(move || runner.run().expect("it runs until it is stopped"));
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_send_buffer_size(SMALL).expect("a small buffer");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let listener = socket.listen(1_024).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let until = async { stopped.await.unwrap_or_default() };
            node::serve(listener, router(shared, &limits), &limits, until).await;
        });
        Self { address, intake, lanes, blocks, stop, serving, nonce: 0 }
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        self.serving.await.expect("it ends");
        self.lanes.close();
        self.blocks.join().expect("no block broke");
    }

    /// Makes so many events.
    async fn list_feeds(&mut self, count: usize) {
        let (signing, public) = governance();
        let domain = self.intake.domain();
        let mut parameters = feed_parameters();
        let publisher = |source| PublisherParameters { key: Key([9 + source as u8; 32]), weight: 100, source };
        parameters.publishers = (0..3).map(publisher).collect();
        let sign = |nonce| {
            let command = Command::ListFeed { name: format!("F{nonce}"), parameters: parameters.clone() };
            let mut envelope = Envelope {
                version: ENVELOPE_VERSION,
                signer: Signer::Ed25519(public),
                owner: None,
                nonce,
                valid_until: in_an_hour(),
                request: Request::Act(command),
                signature: Signature::Ed25519([0; 64]),
            };
            let message = digest(&domain, &envelope).expect("a message");
            envelope.signature = Signature::Ed25519(signing.sign(&message).into());
            envelope
        };
        let envelopes = (1..=count as u64).map(|at| sign(self.nonce + at)).collect();
        self.nonce += count as u64;
        let answers = self.intake.submit(envelopes).await.expect("taken");
        assert!(answers.iter().all(|answered| answered.answer == Answer::Executed), "{:?}", answers.first());
    }

    /// A connection that has asked for a stream, and the status it got.
    async fn ask(&self, query: &[u8]) -> (TcpStream, u16) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(SMALL).expect("a small buffer");
        let mut stream = socket.connect(self.address).await.expect("a connection");
        let head = [
            b"GET /v1/stream".as_slice(),
            query,
            b" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        ];
        stream.write_all(&head.concat()).await.expect("sent");
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
            answer.extend_from_slice(&byte);
        }
        let status = String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|code| code.parse().ok());
        (stream, status.unwrap_or(0))
    }

    /// Asks until there is a place.
    async fn ask_until_there_is_room(&self) -> TcpStream {
        within(async {
            loop {
                let (stream, status) = self.ask(b"").await;
                if status == 101 {
                    return stream;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
    }
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, what).await.expect("within the bound")
}

#[expect(clippy::disallowed_methods, reason = "the node lives in the present")]
fn in_an_hour() -> Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    Time::new(i64::try_from(now).expect("a time") + 3_600_000)
}

/// The text of the next message from the node.
async fn message(stream: &mut TcpStream) -> String {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.expect("a frame");
    assert_eq!(head[0], 0x81, "one text");
    let length = match head[1] {
        126 => usize::from(stream.read_u16().await.expect("a length")),
        127 => usize::try_from(stream.read_u64().await.expect("a length")).expect("a length"),
        short => usize::from(short),
    };
    let mut text = vec![0; length];
    stream.read_exact(&mut text).await.expect("a message");
    String::from_utf8(text).expect("text")
}

async fn read_to_the_end(stream: &mut TcpStream) {
    let mut all = Vec::new();
    // Reset or closed: either way it is over.
    let _ = within(stream.read_to_end(&mut all)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strange_queries_and_frames_end_their_own_connection_and_nothing_else() {
    let home = tempdir().expect("a directory");
    let node = Served::start(home.path(), Limits { streams: 1, ..Limits::default() });
    let long = [b"?kinds=".as_slice(), &[b'A'; 6_000]].concat();
    for (query, expected) in [
        (b"?after=-1".as_slice(), 400),
        (b"?after=x", 400),
        (b"?after=18446744073709551616", 400),
        (b"?after=1&after=2", 400),
        (b"?after=", 400),
        (b"?kinds=%ff%fe", 400),
        (b"/../stream?after=1", 404),
        (b"?after=18446744073709551615", 101),
        (b"?after=9223372036854775808&kinds=,,,&unknown=1", 101),
        (&long, 101),
    ] {
        let name = String::from_utf8_lossy(&query[..query.len().min(60)]).into_owned();
        let (_, status) = within(async {
            loop {
                // The place of the one before may not have been given back yet.
                let (stream, status) = node.ask(query).await;
                if status != 503 {
                    return (stream, status);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        // A key that is not text may be taken for one that nothing has.
        assert!(status == expected || (name.contains("%ff") && status == 101), "{name}: found {status}");
    }
    let huge = [[0x82, 0xff].as_slice(), &[0x7f; 8], &[0; 4]].concat();
    let longer_than_allowed = [[0x82, 0xfe, 0x08, 0x00].as_slice(), &[0; 4 + 2_048]].concat();
    for bytes in [
        huge.as_slice(),
        &longer_than_allowed,
        &[0x81, 0x05, b'h', b'e', b'l', b'l', b'o'], // without a mask
        &[0x83, 0x80, 0, 0, 0, 0],                   // an opcode that is reserved
        &[0x09, 0x80, 0, 0, 0, 0],                   // a ping in pieces
        &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],       // text that is none
        &[0xf1, 0x80, 0, 0, 0, 0],                   // reserved bits
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x88, 0x80, 0, 0, 0, 0], // goodbye
    ] {
        let mut stream = node.ask_until_there_is_room().await;
        within(message(&mut stream)).await;
        stream.write_all(bytes).await.expect("sent");
        read_to_the_end(&mut stream).await;
    }
    // Half a frame, and gone.
    let mut stream = node.ask_until_there_is_room().await;
    stream.write_all(&[0x81]).await.expect("sent");
    drop(stream);
    // Harmless ones do no harm.
    let mut stream = node.ask_until_there_is_room().await;
    for _ in 0..200 {
        stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.expect("sent");
    }
    assert!(within(message(&mut stream)).await.contains("\"type\":\"block\""));
    drop(stream);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_read_is_let_go_and_holds_up_nobody() {
    let home = tempdir().expect("a directory");
    let limits = Limits { streams: 2, reader_patience: Duration::from_millis(500), ..Limits::default() };
    let mut node = Served::start(home.path(), limits);
    node.list_feeds(900).await;
    let (asleep, status) = node.ask(b"?after=0").await;
    assert_eq!(status, 101);
    let (mut awake, status) = node.ask(b"?after=0&kinds=FeedListed").await;
    assert_eq!(status, 101);
    let mut heard = 0;
    while heard < 899 {
        heard += usize::from(within(message(&mut awake)).await.contains("\"type\":\"event\""));
    }
    // The third has a place as soon as the first is given up. If it were not, this would never come true.
    let third = node.ask_until_there_is_room().await;
    within(message(&mut awake)).await;
    drop((asleep, awake, third));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_too_late_is_told_so_and_places_are_given_back() {
    let home = tempdir().expect("a directory");
    let limits = Limits { streams: 50, connections: 150, requests_per_second: 1_000_000, ..Limits::default() };
    let node = Served::start(home.path(), limits);
    for _ in 0..10 {
        let mut taken = Vec::new();
        within(async {
            while taken.len() < 50 {
                let (stream, status) = node.ask(b"").await;
                match status {
                    101 => taken.push(stream),
                    // A place of the round before.
                    503 => tokio::time::sleep(Duration::from_millis(5)).await,
                    other => panic!("found {other}"),
                }
            }
        })
        .await;
        for _ in 0..50 {
            assert_eq!(node.ask(b"").await.1, 503);
        }
        for stream in &mut taken {
            within(message(stream)).await;
        }
    }
    node.stop().await;
}

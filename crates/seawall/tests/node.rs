//! `seawall node --dev` as a visitor meets it: it shows a market within seconds, loses nothing when it is killed, and stops when asked.

use protocol::prepare::{OwnerRequest, PrepareRequest, SignedEnvelope};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::tempdir;

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running node, killed when the test ends, however it ends.
struct Node {
    child: Child,
    address: String,
}

impl Node {
    fn start(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(["node", "--dev", "--listen", "127.0.0.1:0", "--traders", "8", "--data"]).arg(data);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the node starts");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
        Self { child, address }
    }

    /// Asks by plain HTTP; none while the node does not answer.
    fn get(&self, path: &str) -> Option<(String, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some((head.to_owned(), body.to_owned()))
    }

    fn json(&self, path: &str) -> Value {
        let (head, body) = self.get(path).expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}\n{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    fn wait_for(&self, what: &str, found: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !found(self) {
            assert!(begun.elapsed() < PATIENCE, "{what}: not within a minute");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn height(&self) -> u64 {
        self.json("/v1/status")["height"].as_u64().expect("a height")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn traded(node: &Node) -> bool {
    let pools = node.json("/v1/pools");
    pools["pools"][0]["openNotional"].as_str().is_some_and(|notional| notional != "0")
}

#[test]
fn it_shows_a_market_and_what_it_said_survives_a_kill() {
    let home = tempdir().expect("a directory");
    let data = home.path().join("data");
    let mut node = Node::start(&data);
    node.wait_for("members trade", traded);
    let names: Vec<Value> = node.json("/v1/pools/0/markets")["markets"].as_array().expect("markets").clone();
    let names: Vec<&str> = names.iter().filter_map(|market| market["name"].as_str()).collect();
    assert_eq!(names, ["BTC-PERP", "ETH-PERP", "SOL-PERP", "BTC-WEEK"]);
    let (head, page) = node.get("/").expect("the dashboard");
    assert!(head.contains("default-src 'self'") && page.contains("/assets/app.js"), "{head}\n{page}");
    for at in 0..3 {
        // Whatever a reader was told of a block is in the journal of the killed node.
        let told = node.json("/v1/blocks?limit=5")["blocks"].as_array().expect("blocks").clone();
        node.child.kill().expect("killed");
        node.child.wait().expect("it has ended");
        let (journal, opened) = journal::Journal::open(&data).expect("a journal");
        assert!(opened.cut.is_empty(), "kill {at}: {opened:?}");
        for block in &told {
            let height = block["height"].as_u64().expect("a height");
            let entry = journal.get(height).expect("read").expect("it is there");
            let root: String = entry.root.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(block["stateRoot"].as_str(), Some(format!("0x{root}").as_str()), "kill {at}, block {height}");
        }
        let before = opened.height;
        drop(journal);
        node = Node::start(&data);
        node.wait_for("blocks go on", |node| node.height() > before + 3);
    }
    node.wait_for("members trade again", |node| {
        let status = node.json("/v1/status");
        status["lastBlock"]["commands"].as_u64() > Some(0) && status["intake"]["refused"] == 0
    });
    // Asked to stop, it ends well and leaves a snapshot of its last block.
    let asked = Command::new("kill").args(["-TERM", &node.child.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
    assert_eq!(node.child.wait().expect("it has ended").code(), Some(0));
    let (journal, _) = journal::Journal::open(&data).expect("a journal");
    let (snapshot, damaged) = journal.snapshots().newest(u64::MAX).expect("read");
    assert_eq!((snapshot.map(|snapshot| snapshot.height), damaged.len()), (Some(journal.height()), 0));
}

#[tokio::test]
async fn a_client_asks_for_what_a_key_then_signs() {
    let home = tempdir().expect("a directory");
    let node = Node::start(&home.path().join("data"));
    node.wait_for("members trade", traded);
    let client = client::Client::new(&format!("http://{}", node.address)).expect("an address");
    let secret = ed25519_zebra::SigningKey::from([77; 32]);
    let public: [u8; 32] = ed25519_zebra::VerificationKeyBytes::from(&secret).into();
    let signer = protocol::hex::hex(&public);
    let open = PrepareRequest {
        signer: signer.clone(),
        owner: None,
        nonce: None,
        valid_until: None,
        request: OwnerRequest::OpenAccount { pool: 0 },
    };
    let prepared = client.prepare(&open).await.expect("prepared");
    assert_eq!(prepared.typed_data["primaryType"], "OpenAccount");
    let digest = protocol::hex::unhex(&prepared.digest).expect("a hash");
    let signature = protocol::hex::hex(&secret.sign(&digest).to_bytes());
    let signed = vec![SignedEnvelope { envelope: prepared.envelope, signature }];
    let answers = client.submit_signed(signed.clone()).await.expect("taken");
    assert_eq!(answers[0].status, "executed", "{answers:?}");
    let again = client.submit_signed(signed).await.expect("taken");
    assert!(client::is_known(&again[0]), "{again:?}");
    let own = client.accounts_of(0, &signer, None).await.expect("a page");
    assert_eq!((own.accounts.len(), own.next), (1, None));
    let nobody = PrepareRequest { signer: String::new(), ..open };
    let error = client.prepare(&nobody).await.expect_err("nobody signs");
    assert!(matches!(error, client::ClientError::Refused { status: 400, .. }), "{error}");
}

#[test]
fn it_refuses_what_it_cannot_use() {
    let home = tempdir().expect("a directory");
    std::fs::write(home.path().join("journal.redb"), b"something else").expect("written");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let data = home.path().to_str().expect("a plain name");
    for (args, code) in [
        (&["node"][..], 2),
        (&["node", "--dev", "--speed", "0"], 2),
        (&["node", "--dev", "--traders", "1001"], 2),
        (&["node", "--dev", "--listen", "nowhere"], 2),
        (&["node", "--dev", "--listen", "127.0.0.1:0", "--data", data], 65),
        (&["node", "--dev", "--listen", &address], 74),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_seawall")).args(args).output().expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.starts_with("error: "), "{args:?}: {said}");
    }
}

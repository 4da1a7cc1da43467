//! The program as a process: a real node of `seawall init`, its offices, and a market on it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

#[path = "../../../clearing/tests/properties/world.rs"]
mod world;

use clearing::command::Command;
use clearing::parameters::PublisherParameters;
use clearing::table::PoolId;
use client::Signer;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command as Process, Output, Stdio};
use world::{feed_parameters, perpetual, pool_parameters};

/// A running node, killed when the test ends, however it ends.
pub struct Node {
    child: Child,
    pub address: String,
}

impl Node {
    /// The process, as soon as it exists.
    pub fn spawn(folder: &Path) -> Child {
        let mut command = Process::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(["node", "--listen", "127.0.0.1:0", "--config"]).arg(folder.join("node.toml"));
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the node starts")
    }

    /// The node, as soon as it listens.
    pub fn start(folder: &Path) -> Self {
        let mut child = Self::spawn(folder);
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
        Self { child, address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// As a power cut would end it.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("it has ended");
    }

    /// Waits until it ends by itself; its exit code.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.wait().expect("it has ended").code()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end.
pub fn seawall(args: &[&str]) -> Output {
    Process::new(env!("CARGO_BIN_EXE_seawall")).args(args).output().expect("the program runs")
}

/// A new network, without limits that would slow a test down.
pub fn init(folder: &Path) {
    let made = seawall(&["init", folder.to_str().expect("a plain name")]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let path = folder.join("node.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let free = "[api]\nrequests_per_second = 1000000\ncommands_per_second = 1000000\n";
    std::fs::write(&path, text.replacen("[api]\n", free, 1)).expect("written");
}

/// Who decides and who keeps the money.
pub struct Offices {
    pub governance: Signer,
    pub custodian: Signer,
}

pub fn offices(folder: &Path) -> Offices {
    let signer = |name: &str| {
        let text = std::fs::read_to_string(folder.join(format!("keys/{name}.key"))).expect("a key");
        let secret = protocol::hex::unhex(text.trim()).and_then(|bytes| bytes.try_into().ok()).expect("32 bytes");
        Signer::ed25519(secret)
    };
    Offices { governance: signer("governance"), custodian: signer("custodian") }
}

pub fn publishers() -> Vec<Signer> {
    (0..3).map(|at| Signer::ed25519([50 + at; 32])).collect()
}

/// A feed, a pool and a perpetual on it.
pub fn listing() -> Vec<Command> {
    let publisher = |(source, signer): (usize, Signer)| PublisherParameters {
        key: signer.key().expect("a key"),
        weight: 100,
        source: u16::try_from(source).expect("few"),
    };
    let mut feed = feed_parameters();
    feed.publishers = publishers().into_iter().enumerate().map(publisher).collect();
    vec![
        Command::ListFeed { name: "BTC".into(), parameters: feed },
        Command::OpenPool { name: "majors".into(), parameters: pool_parameters() },
        Command::ListInstrument { pool: PoolId(0), name: "BTC-PERP".into(), parameters: perpetual(0) },
    ]
}

//! The program, killed at random while members trade on it: whatever it acknowledged is in its journal, once, in the block and with the
//! outcome that it told; and the blocks alone lead to the root that it had.
//!
//! `NODE_KILLS=200` kills more often than CI does.

mod running;

use authority::{Envelope, Request, encode};
use clearing::command::{Command, Lifetime, NewOrder};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{Money, Price, Quantity};
use client::{Client, ClientError, Signer, is_known};
use node::system::{Answer, Batch, System};
use protocol::answers::AnswerView;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use replication::Machine;
use running::{Node, init};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::tempdir;

const POOL: PoolId = PoolId(0);
const MEMBERS: u8 = 4;

/// What a client was told of an envelope, by its bytes.
type Told = Arc<Mutex<BTreeMap<Vec<u8>, Vec<AnswerView>>>>;

fn secret(who: u8) -> [u8; 32] {
    [who + 100; 32]
}

/// A member's next envelopes: mostly orders and cancellations, alone or several in a request.
fn next_commands(random: &mut ChaCha8Rng, who: u8, number: &mut u64) -> Vec<Command> {
    let account = AccountId(u32::from(who) + 1);
    let count = if random.random_range(0..3) == 0 { random.random_range(2..40) } else { 1 };
    let mut one = || {
        if random.random_range(0..4) == 0 {
            return Command::CancelAll { pool: POOL, account };
        }
        *number += 1;
        let lots = random.random_range(1..5_i64) * if random.random_range(0..2) == 0 { 1 } else { -1 };
        let order = NewOrder {
            number: *number,
            instrument: InstrumentId(0),
            quantity: Quantity::new(lots),
            limit: Some(Price::new(100_000_000 + random.random_range(-500_000..500_000))),
            lifetime: Lifetime::UntilCancelled,
            reduce_only: false,
        };
        Command::PlaceOrder { pool: POOL, account, order }
    };
    (0..count).map(|_| one()).collect()
}

/// Sends until told to stop; notes what was sent before it is sent, and every answer.
async fn member(address: String, who: u8, seed: u64, told: Told, first_number: u64) -> u64 {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut number, mut signer) = (first_number, Signer::ed25519(secret(who)));
    let Ok(node) = Client::new(&format!("http://{address}")) else { return number };
    let Ok(domain) = node.domain().await else { return number };
    loop {
        let Ok(now) = node.now().await else { return number };
        let commands = next_commands(&mut random, who, &mut number);
        let sign = |command| signer.sign(&domain, now, Request::Act(command)).expect("signed");
        let envelopes: Vec<Envelope> = commands.into_iter().map(sign).collect();
        note(&told, &envelopes, &[]);
        match node.submit(&envelopes).await {
            Ok(answers) => note(&told, &envelopes, &answers),
            Err(ClientError::NotReachable(_) | ClientError::NotUnderstood(_)) => {
                // The same envelopes once more, after the node has come back, would count once at most: some are sent again at once.
                if let Ok(answers) = node.submit(&envelopes).await {
                    note(&told, &envelopes, &answers);
                }
                return number;
            }
            Err(other) => panic!("nothing else goes wrong: {other}"),
        }
    }
}

fn note(told: &Told, envelopes: &[Envelope], answers: &[AnswerView]) {
    let mut told = told.lock().expect("nobody panics with it");
    for (at, envelope) in envelopes.iter().enumerate() {
        let own = told.entry(encode(envelope)).or_default();
        own.extend(answers.get(at).cloned());
    }
}

async fn set_up(node: &Client, folder: &Path) {
    let domain = node.domain().await.expect("a domain");
    let mut offices = running::offices(folder);
    for command in running::listing() {
        let now = node.now().await.expect("a time");
        let signed = offices.governance.sign(&domain, now, Request::Act(command)).expect("signed");
        assert_eq!(node.submit(&[signed]).await.expect("answered")[0].status, "executed");
    }
    publish(node).await;
    for who in 0..MEMBERS {
        let open = Command::OpenAccount { pool: POOL };
        let mut answers = Vec::new();
        // Newcomers come one each 25 ms.
        while answers.first().is_none_or(|answer: &AnswerView| answer.status != "executed") {
            let now = node.now().await.expect("a time");
            let signed = Signer::ed25519(secret(who)).sign(&domain, now, Request::Act(open.clone())).expect("signed");
            answers = node.submit(&[signed]).await.expect("answered");
        }
        let account = AccountId(u32::from(who) + 1);
        let deposit = Command::Deposit { pool: POOL, account, amount: Money::new(1_000_000_000_000) };
        let now = node.now().await.expect("a time");
        let signed = offices.custodian.sign(&domain, now, Request::Act(deposit)).expect("signed");
        assert_eq!(node.submit(&[signed]).await.expect("answered")[0].status, "executed");
    }
}

/// Prices, so that members may trade.
async fn publish(node: &Client) {
    let Ok(domain) = node.domain().await else { return };
    for mut publisher in running::publishers() {
        let Ok(now) = node.now().await else { return };
        let command = Command::Observe {
            feed: FeedId(0),
            price: Price::new(100_000_000),
            confidence: Price::new(1),
            published_at: now,
            transfers_suspended: false,
        };
        let signed = publisher.sign(&domain, now, Request::Act(command)).expect("signed");
        let _ = node.submit(&[signed]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_acknowledged_survives_every_kill() {
    let kills: u64 = std::env::var("NODE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let home = tempdir().expect("a directory");
    let folder = home.path().join("venue");
    init(&folder);
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let told: Told = Arc::default();
    let mut numbers = vec![0; usize::from(MEMBERS)];
    let mut node = Node::start(&folder);
    set_up(&Client::new(&node.url()).expect("an address"), &folder).await;
    for kill in 0..kills {
        let client = Client::new(&node.url()).expect("an address");
        publish(&client).await;
        let members = (0..MEMBERS).map(|who| {
            let seed = kill * 100 + u64::from(who);
            tokio::spawn(member(node.address.clone(), who, seed, Arc::clone(&told), numbers[usize::from(who)]))
        });
        let members: Vec<_> = members.collect();
        tokio::time::sleep(Duration::from_millis(random.random_range(1..700))).await;
        node.kill();
        for (who, member) in members.into_iter().enumerate() {
            numbers[who] = member.await.expect("a member does not panic");
        }
        // Now and then it is killed while it comes back.
        if random.random_range(0..4) == 0 {
            let mut starting = Node::spawn(&folder);
            std::thread::sleep(Duration::from_millis(random.random_range(1..60)));
            let _ = starting.kill();
            let _ = starting.wait();
        }
        node = Node::start(&folder);
    }
    let client = Client::new(&node.url()).expect("an address");
    let last = client.status().await.expect("a status");
    node.kill();
    let found = assert_journal_is_what_was_told(&folder, &told, last.height, &last.state_root);
    println!("{kills} kills: {found}");
}

/// Applies every block from the genesis on and compares what it leads to with what clients were told.
fn assert_journal_is_what_was_told(folder: &Path, told: &Told, height: u64, root: &str) -> String {
    let (journal, opened) = journal::Journal::open(&folder.join("data")).expect("a journal");
    assert!(opened.cut.is_empty(), "{opened:?}");
    let mut system = System::begin(journal.genesis()).expect("a network");
    let mut outcomes: BTreeMap<Vec<u8>, (u64, Answer)> = BTreeMap::new();
    let mut root_then = String::new();
    for entry in journal.blocks(1) {
        let entry = entry.expect("a block");
        let batch: Batch = borsh::from_slice(&entry.block).expect("a batch");
        let applied = system.apply(&batch);
        assert_eq!(applied.root, entry.root, "block {}", entry.height);
        for (envelope, answer) in batch.envelopes.iter().zip(&applied.answers) {
            if !matches!(answer, Answer::Refused(_)) {
                let before = outcomes.insert(encode(envelope), (entry.height, *answer));
                assert!(before.is_none(), "block {}: an envelope counted twice", entry.height);
            }
        }
        if entry.height == height {
            root_then = protocol::hex::hex(&entry.root);
        }
    }
    assert_eq!(root_then, root, "the root that the node told at height {height}");
    let told = told.lock().expect("nobody panics with it");
    let (mut acknowledged, mut unanswered) = (0_u64, 0_u64);
    for (envelope, answers) in told.iter() {
        let first = answers.iter().find(|answer| !is_known(answer));
        unanswered += u64::from(answers.is_empty());
        let Some(answer) = first else { continue };
        acknowledged += 1;
        let Some((height, outcome)) = outcomes.get(envelope) else {
            assert_eq!(answer.status, "refused", "acknowledged, and not in the journal: {answer:?}");
            continue;
        };
        assert_eq!(answer.height, Some(*height), "{answer:?}");
        let expected = match outcome {
            Answer::Executed => ("executed", None),
            Answer::Session => ("session", None),
            Answer::Rejected(why) => ("rejected", Some(why.name())),
            Answer::Refused(why) => ("refused", Some(why.name())),
        };
        assert_eq!((answer.status.as_str(), answer.name.as_deref()), expected);
    }
    assert!(acknowledged > 0, "members heard something");
    let blocks = journal.height();
    format!("{blocks} blocks, {acknowledged} acknowledged envelopes, {unanswered} whose answer never came")
}

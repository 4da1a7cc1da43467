//! A whole node in one process: envelopes through the API, blocks in the journal, views for readers; and the node that comes back.

mod running;

use authority::{Domain, Envelope, Refusal, Request, Signature, Signer, digest, encode};
use axum::http::{Method, StatusCode};
use clearing::command::Command;
use clearing::table::{AccountId, Id, PoolId};
use clearing::units::{Money, Time};
use node::Published;
use node::api::Limits;
use node::system::{Answer, System};
use replication::{Alone, Machine};
use running::{
    ALICE, BOB, CUSTODIAN, GOVERNANCE, HOUR, Running, STRANGER, key, new_order, now, public, signed, signing_key,
};
use serde_json::{Value, json};
use sha3::{Digest, Keccak256};
use std::time::Duration;
use tempfile::tempdir;

fn hex(envelope: &Envelope) -> String {
    encode(envelope).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is published is what the core has.
fn assert_view_is_the_state(published: &Published, system: &System) {
    let (view, state) = (published.view.load(), system.engine().state());
    assert_eq!((view.height, view.time, view.root), (state.height, state.time, system.root()));
    assert_eq!(*view.feeds, state.feeds);
    for ((id, pool), own) in state.pools.iter().zip(&view.pools) {
        assert_eq!(own.accounts.len(), pool.accounts.len(), "pool {id}");
        assert!(pool.accounts.iter().all(|(id, account)| *own.accounts[id.position()] == *account));
        assert_eq!((&own.pool.matrices, own.pool.custody), (&pool.matrices, pool.custody));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_in_a_nodes_life() {
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    assert_eq!(node.order(ALICE, 1, 1, 5, 101_000_000).await, Answer::Executed);
    assert_eq!(node.order(BOB, 2, 1, -3, 99_000_000).await, Answer::Executed);
    let markets = node.get("/v1/pools/0/markets").await;
    let market = &markets["markets"][0];
    assert_eq!(market["name"], "BTC-PERP");
    // A lot of three places: 100 USD a lot are 100,000 USD a unit.
    assert_eq!((&market["indexPrice"], &market["lotSize"]), (&json!("100000"), &json!("0.001")));
    let account = node.get("/v1/pools/0/accounts/1").await;
    let (shown, view) = (&account["account"], node.published.view.load());
    let held = view.pools[0].account(AccountId(1)).expect("Alice");
    assert_eq!(shown["cash"], protocol::decimal::usd(held.cash));
    assert_eq!(shown["standing"], "Good");
    assert!(shown["rows"].as_array().is_some_and(|rows| !rows.is_empty()));
    let events = node.get("/v1/events?after=0&limit=1000").await;
    let sequences: Vec<u64> =
        events["events"].as_array().expect("events").iter().filter_map(|event| event["sequence"].as_u64()).collect();
    assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>(), "none missing, none twice");
    assert!(events["events"].as_array().expect("events").iter().any(|event| event["kind"] == "AccountOpened"));
    for path in ["/v1/status", "/v1/pools", "/v1/pools/0", "/v1/feeds", "/v1/blocks?limit=3", "/openapi.json", "/"] {
        node.get(path).await;
    }
    for path in ["/v1/history/prices?feed=0", "/v1/history/pools?pool=0", "/v1/pools/0/accounts?order=risk&limit=2"] {
        node.get(path).await;
    }
    let book = node.get("/v1/pools/0/markets/0/book").await;
    let shown: i64 = book["bids"].as_array().map_or(0, |levels| levels.len() as i64);
    assert_eq!(shown, i64::from(!held.orders.is_empty()), "{book}");
    drop(view);

    // It stops, and comes back as it was.
    let (published, nonce) = (node.published.clone(), node.nonce);
    let root = node.stop();
    let (alone, recovered) = Alone::<System>::open(home.path()).expect("it comes back");
    assert_eq!((alone.machine().root(), recovered.replayed), (root, 0), "from the snapshot that it left");
    assert_view_is_the_state(&published, alone.machine());
    drop(alone);
    std::fs::remove_dir_all(home.path().join("snapshots")).expect("removed");
    let (alone, recovered) = Alone::<System>::open(home.path()).expect("it comes back");
    assert_eq!(alone.machine().root(), root, "from its blocks alone");
    assert!(recovered.replayed > 0);
    drop(alone);
    let mut node = Running::start(home.path(), 10_000, nonce);
    let cancel = Command::CancelAll { pool: PoolId(0), account: AccountId(1) };
    assert_eq!(node.act(ALICE, cancel).await, Answer::Executed);
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_says_what_they_may_not_and_nothing_twice() {
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    let refused = |refusal: Refusal| Answer::Refused(refusal);
    let cancel = |account| Command::CancelAll { pool: PoolId(0), account: AccountId(account) };
    // Once, and not again: in the same request, or later.
    let order = |number| {
        let order = new_order(number, 0, 1, Some(100_000_000));
        Command::PlaceOrder { pool: PoolId(0), account: AccountId(1), order }
    };
    let once = node.envelope(ALICE, order(1));
    let answers = node.intake.submit(vec![once.clone(), once.clone()]).await.expect("taken");
    assert_eq!(
        answers.iter().map(|answered| answered.answer).collect::<Vec<_>>(),
        [Answer::Executed, refused(Refusal::NonceUsed)]
    );
    let again = node.intake.submit(vec![once.clone()]).await.expect("taken");
    assert_eq!((again[0].answer, again[0].height), (refused(Refusal::NonceUsed), None), "it takes no room in a block");
    // Not for another network, not with another's name, not without an account.
    let elsewhere = Domain { chain_id: 1, ..node.intake.domain() };
    let other = signed(&elsewhere, ALICE, 1_000, Request::Act(cancel(1)));
    let forged = Envelope { signer: Signer::Ed25519(public(BOB)), ..node.envelope(ALICE, cancel(2)) };
    let stranger = node.envelope(STRANGER, cancel(1));
    let answers = node.intake.submit(vec![other, forged, stranger]).await.expect("taken");
    assert_eq!(
        answers.iter().map(|answered| answered.answer).collect::<Vec<_>>(),
        [refused(Refusal::SignatureNotValid), refused(Refusal::SignatureNotValid), refused(Refusal::SignerNotKnown)]
    );
    // A signature is no authority over somebody else's account: the core says so.
    assert!(matches!(node.act(BOB, cancel(1)).await, Answer::Rejected(_)));
    // A session trades and does not withdraw.
    let session = 50;
    let grant = Request::GrantSession {
        session: public(session),
        scopes: authority::Scopes::TRADE,
        expires: Time::new(now() + HOUR),
    };
    let grant = signed(&node.intake.domain(), ALICE, 2_000, grant);
    assert_eq!(node.intake.submit(vec![grant]).await.expect("taken")[0].answer, Answer::Session);
    for (command, expected) in [
        (order(2), Answer::Executed),
        (
            Command::Withdraw { pool: PoolId(0), account: AccountId(1), amount: Money::new(1) },
            refused(Refusal::NotForSessions),
        ),
    ] {
        node.nonce += 1;
        let mut envelope = signed(&node.intake.domain(), session, node.nonce, Request::Act(command));
        envelope.owner = Some(key(ALICE));
        let message = digest(&node.intake.domain(), &envelope).expect("a message");
        envelope.signature = Signature::Ed25519(signing_key(session).sign(&message).into());
        assert_eq!(node.intake.submit(vec![envelope]).await.expect("taken")[0].answer, expected);
    }
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_requests_get_a_clear_answer_and_change_nothing() {
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 2, 0);
    let good = hex(&node.envelope(GOVERNANCE, Command::OpenAccount { pool: PoolId(7) }));
    let cut = &good[..good.len() - 2];
    let (status, answer) = node.post(&json!([good])).await;
    assert_eq!((status, &answer["answers"][0]["status"]), (StatusCode::OK, &json!("rejected")), "{answer}");
    assert_eq!(answer["answers"][0]["name"], "PoolNotFound", "{answer}");
    for (envelopes, expected) in [
        (json!([cut]), StatusCode::BAD_REQUEST),
        (json!(["zz"]), StatusCode::BAD_REQUEST),
        (json!(["é"]), StatusCode::BAD_REQUEST),
        (json!([format!("{good}00")]), StatusCode::BAD_REQUEST),
        (json!([7]), StatusCode::UNPROCESSABLE_ENTITY),
        (json!("no list"), StatusCode::UNPROCESSABLE_ENTITY),
        (json!(vec![good.clone(); 1_001]), StatusCode::PAYLOAD_TOO_LARGE),
        (json!([]), StatusCode::OK),
    ] {
        let (status, answer) = node.post(&envelopes).await;
        assert_eq!(status, expected, "{answer}");
        assert!(status == StatusCode::OK || answer["error"]["message"].is_string(), "{answer}");
    }
    let binary = "application/octet-stream";
    for body in [vec![1], vec![0xff; 64], vec![3, 0, 0, 0, 1], vec![b'{'; 3 * 1024 * 1024]] {
        let (status, answer) = node.ask(Method::POST, "/v1/commands", binary, body).await;
        assert!(matches!(status, StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE), "{status} {answer}");
        assert!(answer["error"]["code"].is_string(), "{answer}");
    }
    for path in [
        "/v1/pools/0",
        "/v1/pools/65536",
        "/v1/pools/x",
        "/v1/pools/0/accounts/1",
        "/v1/pools/-1/markets",
        "/v1/nothing",
        "/v1/events?after=-1",
        "/v1/events?limit=x",
        "/v1/history/prices?feed=9",
        "/v1/history/prices",
        "/v1/pools/0/accounts?order=age",
        "/v1/pools/0/markets/0/book",
        "/%00",
        "/../etc/passwd",
    ] {
        let (status, answer) = node.ask(Method::GET, path, "", Vec::new()).await;
        assert!(matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND), "{path}: {status} {answer}");
        assert!(answer["error"]["message"].is_string(), "{path}: {answer}");
    }
    let (status, _) = node.ask(Method::DELETE, "/v1/status", "", Vec::new()).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    // Three commands never fit into lanes for two: busy, and nothing of it is done.
    let three: Vec<String> =
        (0..3).map(|_| hex(&node.envelope(GOVERNANCE, Command::OpenAccount { pool: PoolId(7) }))).collect();
    let before = node.get("/v1/status").await["intake"]["accepted"].clone();
    let (status, answer) = node.post(&json!(three)).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("Busy")));
    assert_eq!(node.get("/v1/status").await["intake"]["accepted"], before);
    node.stop();
}

fn bytes_of(value: &Value) -> Vec<u8> {
    let text = value.as_str().and_then(|text| text.strip_prefix("0x")).expect("hexadecimal");
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("digits")).collect()
}

fn keccak(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut hasher = Keccak256::new();
    hasher.update([tag]);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().to_vec()
}

/// The root that a proof leads to, computed as its description says and in no other way.
fn root_of(proof: &Value, account: &[u8]) -> Vec<u8> {
    let mut hash = keccak(0, &[account]);
    for sibling in proof["siblings"].as_array().expect("siblings") {
        let other = bytes_of(&sibling["hash"]);
        let (left, right) = if sibling["left"] == true { (&other, &hash) } else { (&hash, &other) };
        hash = keccak(1, &[left, right]);
    }
    let at = proof["pool"].as_u64().expect("an id") as usize;
    let mut pools: Vec<Vec<u8>> = proof["pools"].as_array().expect("pools").iter().map(bytes_of).collect();
    pools[at] = keccak(3, &[&bytes_of(&proof["poolRest"]), &hash]);
    let core = keccak(2, &[&bytes_of(&proof["header"]), &bytes_of(&proof["feeds"]), &pools.concat()]);
    let parts = ["network", "allowance", "gate"].map(|part| bytes_of(&proof[part]));
    let events = proof["events"].as_u64().expect("a number").to_le_bytes();
    keccak(5, &[&parts[0], &parts[1], &parts[2], &core, &events])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_shown_to_be_in_the_state_root() {
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    for round in 0..3 {
        for account in 0..3 {
            let proof = node.get(&format!("/v1/pools/0/accounts/{account}/proof")).await;
            let held = bytes_of(&proof["account"]);
            let root = bytes_of(&proof["stateRoot"]);
            assert_eq!(root_of(&proof, &held), root, "round {round}, account {account}");
            let above = proof["height"].as_u64().expect("a height") + 1;
            let blocks = node.get(&format!("/v1/blocks?limit=1&before={above}")).await;
            assert_eq!(blocks["blocks"][0]["stateRoot"], proof["stateRoot"], "the root that everybody was told");
            let mut richer = held.clone();
            richer[32] ^= 1;
            assert_ne!(root_of(&proof, &richer), root);
            assert_eq!(richer.len(), held.len());
        }
        // Accounts change, and a new one comes: the tree follows.
        node.order(ALICE, 1, round + 1, 2, 100_000_000).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        let open = Command::OpenAccount { pool: PoolId(0) };
        assert_eq!(node.act(STRANGER, open).await, Answer::Executed);
    }
    for (path, expected) in [("/v1/pools/0/accounts/99/proof", 404), ("/v1/pools/9/accounts/0/proof", 404)] {
        let (status, answer) = node.ask(Method::GET, path, "", Vec::new()).await;
        assert_eq!(status.as_u16(), expected, "{answer}");
    }
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_if_tells_before_what_the_rules_say_after() {
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    let path = "/v1/pools/0/accounts/1/what-if";
    let ask = async |node: &Running, body: Value| {
        node.ask(Method::POST, path, "application/json", body.to_string().into_bytes()).await
    };
    // What it says is what then happens: the same order, signed, trades at the price of the auction.
    let order = json!({ "instrument": 0, "side": "buy", "quantity": "0.005", "limit": "101000", "price": "100000" });
    let (status, told) = ask(&node, order).await;
    assert_eq!((status, &told["accepted"]), (StatusCode::OK, &json!(true)), "{told}");
    assert_eq!(told["position"], "0.005");
    assert_eq!(node.order(ALICE, 1, 1, 5, 101_000_000).await, Answer::Executed);
    assert_eq!(node.order(BOB, 2, 1, -5, 99_000_000).await, Answer::Executed);
    let account = node.get("/v1/pools/0/accounts/1").await["account"].clone();
    assert_eq!(account["positions"][0]["quantity"], told["position"]);
    assert_eq!(account["positions"][0]["liquidationPrice"], Value::Null, "no price of the feed takes her money");
    // Four times her money in a position: a fall of a good fifth would liquidate her, and a rise him.
    for number in [2, 3] {
        assert_eq!(node.order(ALICE, 1, number, 20_000, 101_000_000).await, Answer::Executed);
        assert_eq!(node.order(BOB, 2, number, -20_000, 99_000_000).await, Answer::Executed);
    }
    let mut prices = Vec::new();
    for id in [1, 2] {
        let account = node.get(&format!("/v1/pools/0/accounts/{id}")).await["account"].clone();
        let text = account["positions"][0]["liquidationPrice"].as_str().expect("a price").to_owned();
        prices.push(text.parse::<f64>().expect("a number"));
    }
    assert!((75_000.0..90_000.0).contains(&prices[0]), "{prices:?}");
    assert!((110_000.0..125_000.0).contains(&prices[1]), "{prices:?}");
    // Too much of it is refused, by both, with the same code.
    let (_, told) = ask(&node, json!({ "instrument": 0, "side": "buy", "quantity": "900", "limit": "101000" })).await;
    assert_eq!(told["accepted"], false, "{told}");
    let Answer::Rejected(rejection) = node.order(ALICE, 1, 4, 900_000, 101_000_000).await else {
        panic!("the rules refuse it")
    };
    assert_eq!((&told["code"], &told["name"]), (&json!(rejection.code()), &json!(rejection.name())));
    for (body, expected) in [
        (json!({ "instrument": 9, "side": "buy", "quantity": "1" }), StatusCode::NOT_FOUND),
        (json!({ "instrument": 0, "side": "hold", "quantity": "1" }), StatusCode::BAD_REQUEST),
        (json!({ "instrument": 0, "side": "buy", "quantity": "0" }), StatusCode::BAD_REQUEST),
        (json!({ "instrument": 0, "side": "buy", "quantity": "-1" }), StatusCode::BAD_REQUEST),
        (json!({ "instrument": 0, "side": "buy", "quantity": "0.0001" }), StatusCode::BAD_REQUEST),
        (json!({ "instrument": 0, "side": "buy", "quantity": "9".repeat(100) }), StatusCode::BAD_REQUEST),
        (json!({ "instrument": 0, "side": "buy", "quantity": "1000000000" }), StatusCode::BAD_REQUEST),
        (json!({ "instrument": 0, "side": "buy", "quantity": "1", "price": "1e9" }), StatusCode::BAD_REQUEST),
        (json!({ "instrument": 0, "side": "buy", "quantity": "1", "prise": "1" }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "instrument": -1, "side": "buy", "quantity": "1" }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!([]), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let (status, answer) = ask(&node, body.clone()).await;
        assert_eq!(status, expected, "{body}: {answer}");
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    // What was traded is told to whoever asks for it, newest first.
    let fills = node.get("/v1/pools/0/accounts/1/fills").await;
    let quantities: Vec<&Value> =
        fills["fills"].as_array().expect("fills").iter().map(|fill| &fill["quantity"]).collect();
    assert_eq!(
        (quantities, &fills["next"]),
        (vec![&json!("20"), &json!("20"), &json!("0.005")], &Value::Null),
        "{fills}"
    );
    let sequence = fills["fills"][0]["sequence"].as_u64().expect("a number");
    let before = node.get(&format!("/v1/pools/0/accounts/1/fills?before={sequence}")).await;
    assert_eq!(before["fills"].as_array().map(Vec::len), Some(2), "{before}");
    assert_eq!(node.get("/v1/pools/0/funding").await["funding"], json!([]));
    node.stop();
}

/// R14.1, R14.2: looked at aside, once for all who ask, and told by /metrics as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemic_risk_is_told_of_a_view_and_not_computed_twice() {
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    assert_eq!(node.order(ALICE, 1, 1, 5, 101_000_000).await, Answer::Executed);
    assert_eq!(node.order(BOB, 2, 1, -3, 99_000_000).await, Answer::Executed);
    let found = node.get("/v1/systemic").await;
    let pool = &found["pools"][0];
    let market = &pool["markets"][0];
    assert!(pool["equityUsd"].as_f64().is_some_and(|usd| usd > 0.0), "{found}");
    let falls = market["falls"].as_array().expect("steps");
    assert_eq!((falls.len(), &falls[0]["moved"]), (41, &json!(0.0)), "{market}");
    let breached: Vec<u64> = falls.iter().filter_map(|step| step["accounts"].as_u64()).collect();
    assert!(breached.is_sorted(), "{breached:?}");
    assert_eq!(found["settled"].as_array().map(Vec::len), found["pools"].as_array().map(Vec::len));
    assert!(found["ranked"].as_array().is_some_and(|nodes| nodes.len() >= 2), "{found}");
    assert_eq!(node.order(BOB, 2, 2, -1, 99_000_000).await, Answer::Executed);
    assert_eq!(node.get("/v1/systemic").await, found, "the same look serves who asks within some seconds");
    let (_, text) = node.ask(Method::GET, "/metrics", "", Vec::new()).await;
    let text = text.as_str().expect("text");
    assert!(text.contains("seawall_market_branching{") || market["branching"].is_null(), "{text}");
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_uses_more_than_their_share_and_the_figures_say_so() {
    let home = tempdir().expect("a directory");
    let limits = Limits { requests_per_second: 20, commands_per_second: 3, streams: 0, ..Limits::default() };
    let mut node = Running::start_with(home.path(), 10_000, 0, &limits);
    let nobody = Command::OpenAccount { pool: PoolId(7) };
    let four: Vec<String> = (0..4).map(|_| hex(&node.envelope(GOVERNANCE, nobody.clone()))).collect();
    let three: Vec<String> = (0..3).map(|_| hex(&node.envelope(GOVERNANCE, nobody.clone()))).collect();
    let other = hex(&node.envelope(CUSTODIAN, nobody.clone()));
    let (status, answer) = node.post(&json!(four)).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("TooFast")), "{answer}");
    let (status, answer) = node.post(&json!(three)).await;
    assert_eq!((status, &answer["answers"][0]["name"]), (StatusCode::OK, &json!("PoolNotFound")), "{answer}");
    let one = [hex(&node.envelope(GOVERNANCE, nobody))];
    let (status, _) = node.post(&json!(one)).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "the signer's share is used up");
    let (status, _) = node.post(&json!([other])).await;
    assert_eq!(status, StatusCode::OK, "another signer's is not");
    let mut turned_away = 0;
    for _ in 0..40 {
        let (status, _) = node.ask(Method::GET, "/v1/status", "", Vec::new()).await;
        turned_away += u32::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!((1..40).contains(&turned_away), "{turned_away} of 40 requests of one address were turned away");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let (status, text) = node.ask(Method::GET, "/metrics", "", Vec::new()).await;
    assert_eq!(status, StatusCode::OK);
    let text = text.as_str().expect("text");
    for line in [
        "seawall_commands_total{outcome=\"rejected\"} 4".to_owned(),
        format!("seawall_requests_total{{path=\"/v1/status\",method=\"GET\",status=\"429\"}} {turned_away}"),
        "seawall_requests_total{path=\"/v1/commands\",method=\"POST\",status=\"429\"} 2".to_owned(),
        "seawall_waiting{lane=\"urgent\"} 0.0".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    node.stop();
}

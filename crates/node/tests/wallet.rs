//! Members with nothing but a wallet: a request in JSON, typed data to sign, and the signature back. And those who mean no good by it.

mod running;

use authority::{Request, Scopes, decode, digest, typed_data};
use axum::http::{Method, StatusCode};
use clearing::command::{Command, Key, Lifetime, NewOrder};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{Money, Price, Quantity, Ratio, Time};
use node::api::Limits;
use node::system::Answer;
use running::wallet::{Wallet, hash, hex, unhex};
use running::{ALICE, BOB, CUSTODIAN, HOUR, Running, now, public, signing_key};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::tempdir;

impl Running {
    async fn json(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, "application/json", body.to_string().into_bytes()).await
    }

    async fn prepare(&self, signer: &str, request: Value) -> Value {
        let (status, prepared) = self.json("/v1/prepare", &json!({ "signer": signer, "request": request })).await;
        assert_eq!(status, StatusCode::OK, "{request}: {prepared}");
        prepared
    }

    async fn submit(&self, prepared: &Value, signature: &str) -> Value {
        let signed = json!([{ "envelope": prepared["envelope"], "signature": signature }]);
        let (status, answer) = self.json("/v1/commands", &json!({ "signed": signed })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["answers"][0].clone()
    }

    /// Prepared, shown, signed, sent.
    async fn wallet(&self, wallet: &Wallet, request: Value) -> Value {
        let prepared = self.prepare(&wallet.address(), request).await;
        self.submit(&prepared, &wallet.sign(&prepared["typedData"])).await
    }

    /// The account of a wallet that is new, with a million USD.
    async fn join(&mut self, wallet: &Wallet) -> u32 {
        let opened = self.wallet(wallet, json!({ "kind": "OpenAccount", "pool": 0 })).await;
        assert_eq!(opened["status"], "executed", "{opened}");
        let accounts = self.get(&format!("/v1/pools/0/accounts?owner={}", wallet.address())).await;
        let own = accounts["accounts"].as_array().expect("accounts").last();
        let account = own.and_then(|account| account["account"].as_u64()).expect("it is there") as u32;
        let amount = Money::new(1_000_000_000_000);
        let deposit = Command::Deposit { pool: PoolId(0), account: AccountId(account), amount };
        assert_eq!(self.act(CUSTODIAN, deposit).await, Answer::Executed);
        account
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_is_all_that_a_member_needs() {
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    for wallet in [Wallet::new(0x46, 27), Wallet::new(0x47, 0)] {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let account = node.join(&wallet).await;
        let path = format!("/v1/pools/0/accounts/{account}");

        // An order rests as it was asked for, under the number that the wallet was shown.
        let order = json!({ "instrument": 0, "side": "buy", "quantity": "0.015", "limit": "99000" });
        let request = json!({ "kind": "PlaceOrder", "pool": 0, "account": account, "order": order });
        let prepared = node.prepare(&wallet.address(), request).await;
        let message = &prepared["typedData"]["message"];
        assert_eq!((&message["quantity"], &message["limit"]), (&json!("15"), &json!("99000000")), "lots and quanta");
        assert_eq!(message["nonce"], prepared["nonce"].to_string());
        let placed = node.submit(&prepared, &wallet.sign(&prepared["typedData"])).await;
        assert_eq!(placed["status"], "executed", "{placed}");
        let held = node.get(&path).await["account"].clone();
        let number: u64 = message["number"].as_str().and_then(|text| text.parse().ok()).expect("a number");
        let expected = json!({ "number": number, "instrument": 0, "name": "BTC-PERP", "side": "buy", "quantity": "0.015",
            "limit": "99000", "reduceOnly": false, "lifetime": "UntilCancelled", "until": null });
        assert_eq!(held["orders"], json!([expected]));
        let cancel = json!({ "kind": "CancelOrder", "pool": 0, "account": account, "number": number });
        let cancelled = node.wallet(&wallet, cancel.clone()).await;
        assert_eq!(cancelled["status"], "executed", "{cancelled}");
        let again = node.wallet(&wallet, cancel).await;
        assert_eq!((&again["status"], &again["name"]), (&json!("rejected"), &json!("OrderNotFound")));

        // A market order trades with whoever is there.
        assert_eq!(node.order(BOB, 2, u64::from(account), -5, 99_000_000).await, Answer::Executed);
        let order = json!({ "instrument": 0, "side": "buy", "quantity": "0.005" });
        let bought =
            node.wallet(&wallet, json!({ "kind": "PlaceOrder", "pool": 0, "account": account, "order": order })).await;
        assert_eq!(bought["status"], "executed", "{bought}");
        let held = node.get(&path).await["account"].clone();
        assert_eq!(held["positions"][0]["quantity"], "0.005", "{held}");
        assert_eq!(held["orders"], json!([]), "what is left of it does not wait");
        let withdrawn =
            node.wallet(&wallet, json!({ "kind": "Withdraw", "pool": 0, "account": account, "amount": "1.5" })).await;
        assert_eq!(withdrawn["status"], "executed", "{withdrawn}");
    }
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_trades_with_a_session_key_that_its_wallet_granted() {
    const SESSION: u8 = 50;
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    let wallet = Wallet::new(0x46, 27);
    let account = node.join(&wallet).await;
    let session = hex(&public(SESSION));
    let grant = json!({ "kind": "GrantSession", "session": session, "mayTrade": true, "expires": now() + HOUR });
    assert_eq!(node.wallet(&wallet, grant).await["status"], "session");
    let place = json!({ "kind": "PlaceOrder", "pool": 0, "account": account,
        "order": { "instrument": 0, "side": "sell", "quantity": "0.001", "limit": "101000" } });
    let withdraw = json!({ "kind": "Withdraw", "pool": 0, "account": account, "amount": "1" });
    let revoke = json!({ "kind": "RevokeSession", "session": session });
    for (request, expected) in [(&place, Value::Null), (&withdraw, json!("NotForSessions"))] {
        let asked = json!({ "signer": session, "owner": wallet.address(), "request": request });
        let (status, prepared) = node.json("/v1/prepare", &asked).await;
        assert_eq!(status, StatusCode::OK, "{prepared}");
        let signature = signing_key(SESSION).sign(&unhex(prepared["digest"].as_str().expect("a hash")));
        let answer = node.submit(&prepared, &hex(&signature.to_bytes())).await;
        assert_eq!(answer["name"], expected, "{answer}");
    }
    assert_eq!(node.wallet(&wallet, revoke.clone()).await["status"], "session");
    assert_eq!(node.wallet(&wallet, revoke).await["name"], "SessionNotFound");
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_finds_its_accounts() {
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    let wallet = Wallet::new(0x46, 27);
    let mut own = Vec::new();
    for other in [BOB, ALICE] {
        own.push(json!(node.join(&wallet).await));
        assert_eq!(node.act(other, Command::OpenAccount { pool: PoolId(0) }).await, Answer::Executed);
    }
    let key = format!("0x{}{}", "00".repeat(12), &wallet.address()[2..]);
    let ids = |page: &Value| -> Vec<Value> {
        page["accounts"].as_array().expect("accounts").iter().map(|account| account["account"].clone()).collect()
    };
    for owner in [&key, &wallet.address()] {
        for order in ["id", "risk"] {
            let page = node.get(&format!("/v1/pools/0/accounts?owner={owner}&order={order}")).await;
            assert_eq!((ids(&page), &page["next"]), (own.clone(), &Value::Null), "{page}");
            let first = node.get(&format!("/v1/pools/0/accounts?owner={owner}&order={order}&limit=1")).await;
            let next = first["next"].as_u64().expect("there is more");
            let path = format!("/v1/pools/0/accounts?owner={owner}&order={order}&limit=1&after={next}");
            let second = node.get(&path).await;
            assert_eq!((ids(&first), ids(&second)), (vec![own[0].clone()], vec![own[1].clone()]));
            assert_eq!(second["next"], Value::Null);
        }
    }
    assert_eq!(ids(&node.get(&format!("/v1/pools/0/accounts?owner={}", hex(&[9; 20]))).await), Vec::<Value>::new());
    let (status, answer) = node.ask(Method::GET, "/v1/pools/0/accounts?owner=0x12", "", Vec::new()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    node.stop();
}

/// Every request, and what a node is to understand by it.
fn every_request() -> Vec<(Value, Request)> {
    let (pool, account) = (PoolId(0), AccountId(1));
    let order = |limit: Option<i64>, lifetime| NewOrder {
        number: 7,
        instrument: InstrumentId(0),
        quantity: Quantity::new(-1_500),
        limit: limit.map(Price::new),
        lifetime,
        reduce_only: true,
    };
    let resting = order(Some(100_000_500), Lifetime::Until(Time::new(1_900_000_000_000)));
    let shown = json!({ "number": 7, "instrument": 0, "side": "sell", "quantity": "1.5", "limit": "100000.50", "reduceOnly": true,
        "lifetime": "Until", "until": 1_900_000_000_000_i64 });
    let market = json!({ "number": 7, "instrument": 0, "side": "sell", "quantity": "1.5", "reduceOnly": true });
    let word = hex(&[0x5a; 32]);
    let session = hex(&[0x5a; 20]);
    let mut padded = [0; 32];
    padded[12..].copy_from_slice(&[0x5a; 20]);
    let expires = Time::new(1_900_000_000_000);
    let amount = Money::new(2_500_000);
    let own_pool = Command::OpenOwnPool {
        name: "Überkreuz".into(),
        from_pool: pool,
        from_account: account,
        first_loss: amount,
        feed: FeedId(0),
    };
    let commands = [
        (json!({ "kind": "OpenAccount" }), Command::OpenAccount { pool }),
        (
            json!({ "kind": "PlaceOrder", "order": shown }),
            Command::PlaceOrder { pool, account, order: resting.clone() },
        ),
        (
            json!({ "kind": "PlaceOrder", "order": market }),
            Command::PlaceOrder { pool, account, order: order(None, Lifetime::ThisBlock) },
        ),
        (
            json!({ "kind": "CancelOrder", "number": u64::MAX }),
            Command::CancelOrder { pool, account, number: u64::MAX },
        ),
        (json!({ "kind": "CancelAll" }), Command::CancelAll { pool, account }),
        (json!({ "kind": "SealOrder", "seal": word }), Command::SealOrder { pool, account, seal: [0x5a; 32] }),
        (
            json!({ "kind": "RevealOrder", "order": shown, "salt": word }),
            Command::RevealOrder { pool, account, order: resting, salt: [0x5a; 32] },
        ),
        (json!({ "kind": "Withdraw", "amount": "2.5" }), Command::Withdraw { pool, account, amount }),
        (
            json!({ "kind": "WithdrawCollateral", "instrument": 0, "quantity": "0.001" }),
            Command::WithdrawCollateral { pool, account, instrument: InstrumentId(0), quantity: Quantity::new(1) },
        ),
        (
            json!({ "kind": "PlaceBid", "premium": "0.05", "capacity": "2.5" }),
            Command::PlaceBid { pool, account, premium: Ratio::new(50_000), capacity: amount },
        ),
        (json!({ "kind": "CancelBid" }), Command::CancelBid { pool, account }),
        (
            json!({ "kind": "AllowVenue", "venue": word, "loss": "2.5", "margin": "0" }),
            Command::AllowVenue { pool, account, venue: Key([0x5a; 32]), loss: amount, margin: Money::ZERO },
        ),
        (json!({ "kind": "JoinTranche", "amount": "2.5" }), Command::JoinTranche { pool, account, amount }),
        (json!({ "kind": "LeaveTranche", "amount": "2.5" }), Command::LeaveTranche { pool, account, amount }),
    ];
    let of_account = |(mut asked, command): (Value, Command)| {
        asked["pool"] = json!(0);
        if !matches!(command, Command::OpenAccount { .. }) {
            asked["account"] = json!(1);
        }
        (asked, Request::Act(command))
    };
    let mut requests: Vec<(Value, Request)> = commands.into_iter().map(of_account).collect();
    requests.extend([
        (
            json!({ "kind": "OpenOwnPool", "name": "Überkreuz", "fromPool": 0, "fromAccount": 1, "firstLoss": "2.5", "feed": 0 }),
            Request::Act(own_pool),
        ),
        (
            json!({ "kind": "GrantSession", "session": word, "mayBid": true, "expires": expires.get() }),
            Request::GrantSession { session: [0x5a; 32], scopes: Scopes::BIDS, expires },
        ),
        (json!({ "kind": "RevokeSession", "session": session }), Request::RevokeSession { session: padded }),
    ]);
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_wallet_is_shown_is_what_was_asked_and_what_is_hashed() {
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    let (domain, wallet) = (node.intake.domain(), Wallet::new(0x46, 27));
    let mut last = 0;
    for (asked, expected) in every_request() {
        let prepared = node.prepare(&wallet.address(), asked.clone()).await;
        let envelope = decode(&unhex(prepared["envelope"].as_str().expect("digits"))).expect("an envelope");
        assert_eq!(envelope.request, expected, "{asked}");
        assert_eq!(typed_data(&domain, &envelope), Ok(prepared["typedData"].clone()));
        let hashed = digest(&domain, &envelope).expect("a message");
        assert_eq!(hash(&prepared["typedData"]), hashed, "{asked}");
        assert_eq!(prepared["digest"], hex(&hashed));
        assert_eq!(envelope.valid_until.get(), prepared["time"].as_i64().expect("a time") + 60_000);
        assert!(envelope.nonce > last, "nonces rise");
        last = envelope.nonce;
    }
    // What a request names itself stays as it is.
    let until = now() + HOUR;
    let asked = json!({ "signer": wallet.address(), "nonce": 3, "validUntil": until, "owner": hex(&[9; 32]),
        "request": { "kind": "CancelAll", "pool": 0, "account": 1 } });
    let (status, prepared) = node.json("/v1/prepare", &asked).await;
    assert_eq!((status, &prepared["nonce"], &prepared["validUntil"]), (StatusCode::OK, &json!(3), &json!(until)));
    let envelope = decode(&unhex(prepared["envelope"].as_str().expect("digits"))).expect("an envelope");
    assert_eq!((envelope.owner, envelope.valid_until.get()), (Some(Key([9; 32])), until));
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_is_only_for_what_was_shown_and_counts_once() {
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    let (wallet, other) = (Wallet::new(0x46, 27), Wallet::new(0x47, 27));
    let account = node.join(&wallet).await;
    let withdraw = |amount: &str| json!({ "kind": "Withdraw", "pool": 0, "account": account, "amount": amount });
    let small = node.prepare(&wallet.address(), withdraw("1")).await;
    let large = node.prepare(&wallet.address(), withdraw("900000")).await;
    let shown = &small["typedData"];
    for (what, envelope, signature) in [
        ("another envelope", &large, wallet.sign(shown)),
        ("another wallet", &small, other.sign(shown)),
        ("the upper half", &small, wallet.sign_high(shown)),
        ("another v", &small, Wallet::new(0x46, 29).sign(shown)),
        ("nothing", &small, hex(&[0; 65])),
    ] {
        let answer = node.submit(envelope, &signature).await;
        assert_eq!(answer["name"], "SignatureNotValid", "{what}: {answer}");
    }
    let signature = wallet.sign(shown);
    assert_eq!(node.submit(&small, &signature).await["status"], "executed");
    assert_eq!(node.submit(&small, &signature).await["name"], "NonceUsed");
    let stranger = node.wallet(&other, withdraw("1")).await;
    assert_eq!(stranger["name"], "SignerNotKnown", "{stranger}");
    // Beside envelopes that carry their signatures, in the order of the answers.
    let whole = node.envelope(BOB, Command::OpenAccount { pool: PoolId(0) });
    let both = json!({ "envelopes": [hex(&authority::encode(&whole))], "signed": [
        { "envelope": small["envelope"], "signature": signature },
        { "envelope": large["envelope"], "signature": wallet.sign(&large["typedData"]) },
    ] });
    let (status, answer) = node.json("/v1/commands", &both).await;
    let statuses: Vec<&Value> =
        answer["answers"].as_array().expect("answers").iter().map(|answer| &answer["status"]).collect();
    assert_eq!((status, statuses), (StatusCode::OK, vec![&json!("executed"), &json!("refused"), &json!("executed")]));
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_asked_is_told_before_anybody_signs_it() {
    use StatusCode as S;
    let home = tempdir().expect("a directory");
    let mut node = Running::start(home.path(), 10_000, 0);
    node.set_up().await;
    let signer = hex(&[7; 20]);
    let good = json!({ "instrument": 0, "side": "buy", "quantity": "1", "limit": "99000" });
    let order = |field: &str, value: Value| {
        let mut order = good.clone();
        order[field] = value;
        json!({ "kind": "PlaceOrder", "pool": 0, "account": 1, "order": order })
    };
    let of = |kind: &str, field: &str, value: &str| json!({ "kind": kind, "pool": 0, "account": 1, field: value });
    for (request, expected, said) in [
        (order("quantity", json!("0.0005")), S::BAD_REQUEST, "whole lots of 0.001"),
        (order("quantity", json!("0")), S::BAD_REQUEST, "above zero"),
        (order("quantity", json!("9".repeat(100_000))), S::BAD_REQUEST, "quantity"),
        (order("quantity", json!(1)), S::UNPROCESSABLE_ENTITY, "string"),
        (order("limit", json!("99000.0001")), S::BAD_REQUEST, "steps of 0.001"),
        (order("limit", json!("1e5")), S::BAD_REQUEST, "limit"),
        (order("limit", json!("٣")), S::BAD_REQUEST, "limit"),
        (order("side", json!("hold")), S::BAD_REQUEST, "buy or sell"),
        (order("instrument", json!(9)), S::NOT_FOUND, "instrument"),
        (order("instrument", json!(65_536)), S::UNPROCESSABLE_ENTITY, "65536"),
        (order("number", json!(-1)), S::UNPROCESSABLE_ENTITY, "-1"),
        (order("lifetime", json!("Forever")), S::UNPROCESSABLE_ENTITY, "Forever"),
        (order("lifetime", json!("Until")), S::BAD_REQUEST, "until"),
        (order("until", json!(5)), S::BAD_REQUEST, "until"),
        (order("reduceonly", json!(true)), S::UNPROCESSABLE_ENTITY, "reduceonly"),
        (of("Withdraw", "amount", "0.0000001"), S::BAD_REQUEST, "six places"),
        (of("Withdraw", "amount", "-1"), S::BAD_REQUEST, "above zero"),
        (of("Withdraw", "amount", "99999999999999999999"), S::BAD_REQUEST, "amount"),
        (of("SealOrder", "seal", "0x00"), S::BAD_REQUEST, "32 bytes"),
        (of("Transfer", "amount", "1"), S::UNPROCESSABLE_ENTITY, "Transfer"),
        (of("Observe", "price", "1"), S::UNPROCESSABLE_ENTITY, "Observe"),
        (json!({ "kind": "CancelAll", "pool": 9, "account": 1 }), S::NOT_FOUND, "pool"),
        (json!({ "kind": "CancelAll", "pool": 0, "account": 99 }), S::NOT_FOUND, "account"),
        (json!({ "kind": "OpenAccount", "pool": 9 }), S::NOT_FOUND, "pool"),
        (json!({ "kind": "OpenAccount", "pool": 0, "pools": 0 }), S::UNPROCESSABLE_ENTITY, "pools"),
        (json!({ "kind": "RevokeSession", "session": hex(&[1; 31]) }), S::BAD_REQUEST, "session"),
        (json!({ "kind": "GrantSession", "session": signer, "expires": -1 }), S::BAD_REQUEST, "1970"),
        (
            json!({ "kind": "RevealOrder", "pool": 0, "account": 1, "order": good, "salt": hex(&[0; 32]) }),
            S::BAD_REQUEST,
            "number",
        ),
        (
            json!({ "kind": "OpenOwnPool", "name": "x".repeat(20_000), "fromPool": 0, "fromAccount": 1, "firstLoss": "1", "feed": 0 }),
            S::BAD_REQUEST,
            "16,384",
        ),
        (json!({}), S::UNPROCESSABLE_ENTITY, "kind"),
        (json!("OpenAccount"), S::UNPROCESSABLE_ENTITY, "request"),
    ] {
        let asked = json!({ "signer": signer, "request": request });
        refused(&node, &asked, expected, said).await;
    }
    let whole = json!({ "signer": signer, "request": { "kind": "OpenAccount", "pool": 0 } });
    for (field, value, expected, said) in [
        ("signer", json!("0x"), S::BAD_REQUEST, "address"),
        ("signer", json!(hex(&[0; 20])), S::BAD_REQUEST, "zero"),
        ("signer", json!("é".repeat(50_000)), S::BAD_REQUEST, "address"),
        ("signer", Value::Null, S::UNPROCESSABLE_ENTITY, "string"),
        ("owner", json!("0x00"), S::BAD_REQUEST, "owner"),
        ("owner", json!(hex(&[0; 32])), S::BAD_REQUEST, "owner"),
        ("nonce", json!(1.5), S::UNPROCESSABLE_ENTITY, "1.5"),
        ("nonce", json!("1"), S::UNPROCESSABLE_ENTITY, "1"),
        ("validUntil", json!(1), S::BAD_REQUEST, "allowed above"),
        ("validUntil", json!(i64::MIN), S::BAD_REQUEST, "allowed above"),
        ("validUntil", json!(i64::MAX), S::BAD_REQUEST, "at most"),
        ("valid_until", json!(1), S::UNPROCESSABLE_ENTITY, "valid_until"),
    ] {
        let mut asked = whole.clone();
        asked[field] = value;
        refused(&node, &asked, expected, said).await;
    }
    // Nothing moved the node's own numbers ahead.
    let mut asked = whole.clone();
    asked["nonce"] = json!(u64::MAX);
    assert_eq!(node.json("/v1/prepare", &asked).await.0, S::OK);
    let fresh = node.json("/v1/prepare", &whole).await.1["nonce"].as_u64().expect("a nonce");
    assert!(fresh < (now() as u64 + 60_000) * 16, "{fresh}");
    node.stop();
}

async fn refused(node: &Running, asked: &Value, expected: StatusCode, said: &str) {
    let (status, answer) = node.json("/v1/prepare", asked).await;
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    let shown: String = asked.to_string().chars().take(300).collect();
    assert_eq!(status, expected, "{shown}: {answer}");
    assert!(message.contains(said) && message.len() < 1_000, "{said} in {shown}: {message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_none_are_answered_and_shares_hold() {
    use StatusCode as S;
    let home = tempdir().expect("a directory");
    let limits = Limits { requests_per_second: 60, ..Limits::default() };
    let mut node = Running::start_with(home.path(), 10_000, 0, &limits);
    node.set_up().await;
    let wallet = Wallet::new(0x46, 27);
    let open = json!({ "kind": "OpenAccount", "pool": 0 });
    let prepared = node.prepare(&wallet.address(), open).await;
    let (envelope, signature) = (&prepared["envelope"], wallet.sign(&prepared["typedData"]));
    for (signed, expected) in [
        (json!([{ "envelope": envelope, "signature": "0x" }]), S::BAD_REQUEST),
        (json!([{ "envelope": envelope, "signature": hex(&[0; 64]) }]), S::BAD_REQUEST),
        (json!([{ "envelope": envelope, "signature": format!("{signature}00") }]), S::BAD_REQUEST),
        (json!([{ "envelope": envelope, "signature": "0xzz" }]), S::BAD_REQUEST),
        (json!([{ "envelope": "0x01", "signature": signature }]), S::BAD_REQUEST),
        (json!([{ "envelope": envelope, "signature": 5 }]), S::UNPROCESSABLE_ENTITY),
        (json!([{ "envelope": envelope }]), S::UNPROCESSABLE_ENTITY),
        (json!([{ "envelope": envelope, "signature": signature, "v": 27 }]), S::UNPROCESSABLE_ENTITY),
        (json!([envelope]), S::UNPROCESSABLE_ENTITY),
        (json!(vec![json!({ "envelope": "", "signature": "" }); 1_001]), S::PAYLOAD_TOO_LARGE),
    ] {
        let (status, answer) = node.json("/v1/commands", &json!({ "signed": signed })).await;
        assert_eq!(status, expected, "{answer}");
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    let many = json!({ "envelopes": vec![""; 600], "signed": vec![json!({ "envelope": "", "signature": "" }); 401] });
    assert_eq!(node.json("/v1/commands", &many).await.0, S::PAYLOAD_TOO_LARGE, "both kinds count together");
    let json = "application/json";
    for (kind, body, expected) in [
        (json, b"{".to_vec(), S::BAD_REQUEST),
        (json, Vec::new(), S::BAD_REQUEST),
        (json, vec![0xff; 100], S::BAD_REQUEST),
        (json, vec![b'['; 100_000], S::BAD_REQUEST),
        (json, b"{\"signer\":\"\xff\"}".to_vec(), S::BAD_REQUEST),
        (json, vec![b' '; 3 * 1024 * 1024], S::PAYLOAD_TOO_LARGE),
        ("text/plain", b"{}".to_vec(), S::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let (status, answer) = node.ask(Method::POST, "/v1/prepare", kind, body.clone()).await;
        assert!(answer["error"]["code"].is_string(), "{answer}");
        // Whether brackets without end are no JSON or no request depends on how deep the reader looks.
        let deep = body.first() == Some(&b'[') && status == S::UNPROCESSABLE_ENTITY;
        assert!(status == expected || deep, "{expected}: {status} {answer}");
    }
    let mut turned_away = 0;
    for _ in 0..100 {
        let (status, _) = node.json("/v1/prepare", &json!({})).await;
        turned_away += u32::from(status == S::TOO_MANY_REQUESTS);
    }
    assert!((1..100).contains(&turned_away), "{turned_away} of 100 requests of one address were turned away");
    node.stop();
}

#[test]
fn the_document_says_how_to_ask() {
    let document = node::api::document();
    let operation = &document["paths"]["/v1/prepare"]["post"];
    for status in ["200", "400", "404", "413", "415", "422", "429", "503"] {
        assert!(operation["responses"][status].is_object(), "{status}");
    }
    let schemas = &document["components"]["schemas"];
    let kinds = schemas["OwnerRequest"]["oneOf"].as_array().expect("kinds");
    let kind = |schema: &Value| schema["properties"]["kind"]["enum"][0].as_str().map(str::to_owned);
    let described: std::collections::BTreeSet<String> = kinds.iter().filter_map(kind).collect();
    let asked = every_request().into_iter().filter_map(|(asked, _)| asked["kind"].as_str().map(str::to_owned));
    assert_eq!(described, asked.collect(), "every kind is described, and every kind is tested");
    assert!(kinds.iter().all(|kind| kind["additionalProperties"] == false), "a field too many is refused");
    assert_eq!(schemas["PrepareRequest"]["required"], json!(["signer", "request"]));
    assert!(schemas["CommandsRequest"]["properties"]["signed"].is_object());
    assert!(schemas["SignedEnvelope"]["properties"]["signature"].is_object());
}

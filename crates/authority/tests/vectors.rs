//! EIP-712 vectors that another program made: `vectors/make.py` writes each message by hand and lets eth-account 0.14.0 (PyPI) hash and
//! sign it with the private key 0x46…46. It shares no code with this crate.

mod common;

use authority::{Envelope, Request, Scopes, Signature, Signer, digest, verify};
use clearing::command::{Command, Key, Lifetime, NewOrder};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{Money, Price, Quantity, Ratio, Time};
use common::{domain, unhex, unsigned, word};
use serde_json::Value;
use std::collections::BTreeSet;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/eip712.json")).expect("JSON")
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path} in {value}"))
}

fn order(number: u64, instrument: u16, quantity: i64, limit: Option<i64>, lifetime: Lifetime) -> NewOrder {
    NewOrder {
        number,
        instrument: InstrumentId(instrument),
        quantity: Quantity::new(quantity),
        limit: limit.map(Price::new),
        lifetime,
        reduce_only: lifetime == Lifetime::Until(Time::new(1_900_000_000_123)),
    }
}

fn buy() -> NewOrder {
    order((1 << 63) + 9, 7, 1_000, Some(-25), Lifetime::Until(Time::new(1_900_000_000_123)))
}

/// The request of each case, as `make.py` describes it.
fn request(case: &str) -> Request {
    let session = core::array::from_fn(|at| at as u8 + 1);
    match case {
        "grant_session" => {
            return Request::GrantSession { session, scopes: Scopes::TRADE, expires: Time::new(1_800_000_600_000) };
        }
        "revoke_session" => return Request::RevokeSession { session },
        _ => {}
    }
    let (pool, account, amount) = (PoolId(2), AccountId(3), Money::new(1_000_000_000_000));
    let place = |order| Command::PlaceOrder { pool: PoolId(1), account: AccountId(70_000), order };
    Request::Act(match case {
        "open_account" => Command::OpenAccount { pool: PoolId(65_535) },
        "place_order_until" => place(buy()),
        "place_order_this_block" => place(order(10, 8, -(1 << 40), None, Lifetime::ThisBlock)),
        "place_order_rests" => place(order(11, 9, 3, Some(0), Lifetime::UntilCancelled)),
        "cancel_order" => Command::CancelOrder { pool, account, number: u64::MAX },
        "cancel_all" => Command::CancelAll { pool, account: AccountId(u32::MAX) },
        "seal_order" => Command::SealOrder { pool, account, seal: [0x5a; 32] },
        "reveal_order" => Command::RevealOrder { pool, account, order: buy(), salt: [0xa5; 32] },
        "withdraw" => Command::Withdraw { pool, account, amount: Money::new(1 << 56) },
        "withdraw_negative" => Command::Withdraw { pool, account, amount: Money::new(i128::MIN) },
        "withdraw_collateral" => {
            Command::WithdrawCollateral { pool, account, instrument: InstrumentId(4), quantity: Quantity::new(1 << 40) }
        }
        "place_bid" => {
            let capacity = Money::new(1_000_000_000_000_000);
            Command::PlaceBid { pool, account, premium: Ratio::new(15_000), capacity }
        }
        "cancel_bid" => Command::CancelBid { pool, account },
        "join_tranche" => Command::JoinTranche { pool, account, amount },
        "leave_tranche" => Command::LeaveTranche { pool, account, amount },
        "open_own_pool" => Command::OpenOwnPool {
            name: "Überkreuz".into(),
            from_pool: pool,
            from_account: account,
            first_loss: Money::new(500_000_000_000),
            feed: FeedId(6),
        },
        "observe" => Command::Observe {
            feed: FeedId(4),
            price: Price::new(7),
            confidence: Price::new(2),
            published_at: Time::new(1_800_000_000_000),
            transfers_suspended: true,
        },
        other => panic!("no such case: {other}"),
    })
}

fn envelope(vector: &Value, address: &str) -> Envelope {
    let number = |path| text(vector, path).parse::<u64>().expect("a number");
    let owner = word(text(vector, "/typed_data/message/owner"));
    Envelope {
        signer: Signer::Ethereum(unhex(address).try_into().expect("20 bytes")),
        owner: (owner != [0; 32]).then_some(Key(owner)),
        valid_until: Time::new(number("/typed_data/message/validUntil").try_into().expect("a time")),
        signature: Signature::Ethereum(unhex(text(vector, "/signature")).try_into().expect("65 bytes")),
        ..unsigned(number("/typed_data/message/nonce"), request(text(vector, "/case")))
    }
}

fn envelopes() -> Vec<(Value, Envelope)> {
    let file = vectors();
    let all = file["vectors"].as_array().expect("a list").clone();
    all.into_iter().map(|vector| (vector.clone(), envelope(&vector, text(&file, "/address")))).collect()
}

#[test]
fn digests_and_signatures_are_those_of_another_program() {
    for (vector, envelope) in envelopes() {
        let case = text(&vector, "/case");
        assert_eq!(digest(&domain(), &envelope), Ok(word(text(&vector, "/digest"))), "{case}");
        let mut address = [0; 32];
        address[12..].copy_from_slice(&unhex(text(&vectors(), "/address")));
        assert_eq!(verify(&domain(), &envelope), Ok(Key(address)), "{case}");
    }
}

#[test]
fn every_struct_has_a_vector() {
    let structs: BTreeSet<String> =
        envelopes().iter().map(|(vector, _)| text(vector, "/typed_data/primaryType").to_owned()).collect();
    assert_eq!(structs.len(), 16, "{structs:?}");
}

#[cfg(feature = "json")]
#[test]
fn wallets_are_shown_what_is_signed() {
    for (vector, envelope) in envelopes() {
        assert_eq!(authority::typed_data(&domain(), &envelope), Ok(vector["typed_data"].clone()));
    }
}

//! Who has signed what: nothing that was changed is taken, and a batch says of each signature what a single look says.

mod common;

use authority::{
    Admitted, Domain, Envelope, Gate, Refusal, Request, Scopes, Signature, Signer, decode, digest, encode, verify,
    verify_all,
};
use clearing::command::{Command, Key};
use clearing::table::{AccountId, FeedId, PoolId};
use clearing::units::{Money, Time};
use common::{Holder, NOW, act, domain, every_command, grant, open, revoke, unhex, unsigned};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// The order of secp256k1.
const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// An envelope of every request, signed by both kinds of key.
fn every_envelope() -> Vec<Envelope> {
    let session = Holder::ed25519(9).key();
    let requests = every_command().into_iter().map(act);
    let requests: Vec<Request> =
        requests.chain([grant(session, Scopes::ALL, NOW + Time::new(1)), revoke(session)]).collect();
    let holders = [Holder::ethereum(1), Holder::ed25519(1)];
    let all = holders.iter().flat_map(|holder| {
        requests.iter().cloned().zip(1..).map(|(request, nonce)| holder.sign(unsigned(nonce, request)))
    });
    all.collect()
}

#[test]
fn every_request_is_signed_encoded_and_read_back() {
    let all = every_envelope();
    assert_eq!(all.len(), 60, "28 commands and two requests about sessions, by two signers");
    for envelope in all {
        assert_eq!(verify(&domain(), &envelope), envelope.signer.key());
        assert_eq!(decode(&encode(&envelope)), Ok(envelope));
    }
}

#[test]
fn one_byte_changed_anywhere_is_refused() {
    let mut twins = 0;
    let short = [open(), act(Command::ListFeed { name: "gold".into(), parameters: zero() })];
    let holders = [Holder::ethereum(2), Holder::ed25519(2)];
    for (holder, request) in holders.iter().flat_map(|holder| short.iter().map(move |request| (holder, request))) {
        let envelope = Envelope { owner: Some(Key([7; 32])), ..unsigned(3, request.clone()) };
        let bytes = encode(&holder.sign(envelope));
        for at in 0..bytes.len() {
            let flips = if at + 1 == bytes.len() { (1..=u8::MAX).collect() } else { vec![1, 0x80, 0xff, 27] };
            for flip in flips {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let taken = decode(&changed).and_then(|envelope| verify(&domain(), &envelope));
                if let Ok(key) = taken {
                    // The one twin there is: v as 0 or 27, 1 or 28. Both are the same signature of the same message.
                    let is_twin = at + 1 == bytes.len() && bytes[at].abs_diff(changed[at]) == 27;
                    assert!(is_twin && key == holder.key(), "byte {at} of {} changed by {flip}", bytes.len());
                    twins += 1;
                }
            }
        }
    }
    assert_eq!(twins, 2, "one for each envelope of the Ethereum key");
}

fn zero<T: borsh::BorshDeserialize>() -> T {
    T::deserialize_reader(&mut std::io::repeat(0)).expect("zeros are such a value")
}

#[test]
fn a_twin_of_v_passes_the_gate_once() {
    let holder = Holder::ethereum(3);
    let envelope = holder.sign(unsigned(1, open()));
    let Signature::Ethereum(mut bytes) = envelope.signature else { panic!("an Ethereum signature") };
    bytes[64] -= 27;
    let twin = Envelope { signature: Signature::Ethereum(bytes), ..envelope.clone() };
    assert_eq!(verify(&domain(), &twin), Ok(holder.key()), "it is as good as the other");
    let mut gate = Gate::new();
    assert!(matches!(gate.admit(twin, holder.key(), NOW), Ok(Admitted::Command(_))));
    assert_eq!(gate.admit(envelope, holder.key(), NOW), Err(Refusal::NonceUsed), "but nobody acts twice");
}

/// The other s of the same signature, which EIP-2 forbids: n − s, with the other parity.
fn high_s(mut signature: [u8; 65]) -> [u8; 65] {
    let order = unhex(ORDER);
    let mut borrow = 0;
    for at in (0..32).rev() {
        let digit = i32::from(order[at]) - i32::from(signature[32 + at]) - borrow;
        borrow = i32::from(digit < 0);
        signature[32 + at] = u8::try_from(digit.rem_euclid(256)).expect("a byte");
    }
    signature[64] = 55 - signature[64];
    signature
}

#[test]
fn only_the_lower_s_is_taken() {
    let holder = Holder::ethereum(4);
    for nonce in 0..20 {
        let envelope = holder.sign(unsigned(nonce, open()));
        let Signature::Ethereum(bytes) = envelope.signature else { panic!("an Ethereum signature") };
        let high = high_s(bytes);
        let digest = digest(&domain(), &envelope).expect("a message");
        let id = secp256k1::ecdsa::RecoveryId::try_from(i32::from(high[64] - 27)).expect("0 or 1");
        let public = secp256k1::ecdsa::RecoverableSignature::from_compact(high[..64].try_into().expect("64"), id)
            .and_then(|signature| signature.recover(secp256k1::Message::from_digest(digest)))
            .expect("a signature by itself");
        let Holder::Ethereum(secret) = &holder else { panic!("an Ethereum key") };
        assert_eq!(public, secp256k1::PublicKey::from_secret_key(secret), "the library alone would take it");
        let envelope = Envelope { signature: Signature::Ethereum(high), ..envelope };
        assert_eq!(verify(&domain(), &envelope), Err(Refusal::SignatureNotValid));
    }
}

#[test]
fn signatures_that_cannot_be_are_refused() {
    let envelope = Holder::ethereum(5).sign(unsigned(1, open()));
    let Signature::Ethereum(good) = envelope.signature else { panic!("an Ethereum signature") };
    let with = |r: Option<&[u8]>, s: Option<&[u8]>, v: u8| {
        let mut bytes = good;
        bytes[..32].copy_from_slice(r.unwrap_or(&good[..32]));
        bytes[32..64].copy_from_slice(s.unwrap_or(&good[32..64]));
        bytes[64] = v;
        verify(&domain(), &Envelope { signature: Signature::Ethereum(bytes), ..envelope.clone() })
    };
    assert!(with(None, None, good[64]).is_ok());
    let order = unhex(ORDER);
    for bad in [&[0; 32][..], &[0xff; 32][..], &order] {
        assert_eq!(with(Some(bad), None, good[64]), Err(Refusal::SignatureNotValid), "r");
        assert_eq!(with(None, Some(bad), good[64]), Err(Refusal::SignatureNotValid), "s");
    }
    let right = [good[64], good[64] - 27];
    for v in (0..=u8::MAX).filter(|v| !right.contains(v)) {
        assert_eq!(with(None, None, v), Err(Refusal::SignatureNotValid), "v {v}");
    }
}

#[test]
fn a_signature_of_the_other_kind_is_none() {
    let (ethereum, ed25519) = (Holder::ethereum(6), Holder::ed25519(6));
    let (one, other) = (ethereum.sign(unsigned(1, open())), ed25519.sign(unsigned(1, open())));
    let crossed = [
        Envelope { signature: other.signature, ..one.clone() },
        Envelope { signature: one.signature, ..other.clone() },
        Envelope { signer: other.signer, ..one },
    ];
    for envelope in &crossed {
        assert_eq!(verify(&domain(), envelope), Err(Refusal::SignatureNotValid));
    }
    assert_eq!(verify_all(&domain(), &crossed), [Err(Refusal::SignatureNotValid); 3]);
}

#[test]
fn a_signature_counts_in_one_domain() {
    let others = [Domain { network: [0x5f; 32], ..domain() }, Domain { chain_id: 1, ..domain() }];
    for envelope in every_envelope() {
        for other in &others {
            assert_ne!(digest(other, &envelope), digest(&domain(), &envelope));
            assert_eq!(verify(other, &envelope), Err(Refusal::SignatureNotValid));
        }
    }
}

#[test]
fn the_two_kinds_of_key_never_meet() {
    let mut public = [0; 32];
    public[12..].copy_from_slice(&[9; 20]);
    assert_eq!(Signer::Ethereum([9; 20]).key(), Ok(Key(public)));
    assert_eq!(Signer::Ed25519(public).key(), Err(Refusal::KeyNotValid));
    assert_eq!(Signer::Ethereum([0; 20]).key(), Err(Refusal::KeyNotValid), "the address zero stands for nobody");
    public[11] = 1;
    assert_eq!(Signer::Ed25519(public).key(), Ok(Key(public)));
    let envelope = Envelope { signer: Signer::Ed25519([0; 32]), ..unsigned(1, open()) };
    assert_eq!(verify(&domain(), &envelope), Err(Refusal::KeyNotValid));
}

#[test]
fn what_has_no_message_is_refused() {
    let holder = Holder::ed25519(7);
    let good = holder.sign(unsigned(1, open()));
    let refused = |envelope: Envelope, why| {
        assert_eq!(digest(&domain(), &envelope), Err(why));
        assert_eq!(verify(&domain(), &envelope), Err(why));
        assert_eq!(verify_all(&domain(), &[good.clone(), envelope]), [Ok(holder.key()), Err(why)]);
    };
    refused(Envelope { owner: Some(Key([0; 32])), ..good.clone() }, Refusal::OwnerNotValid);
    refused(Envelope { valid_until: Time::new(-1), ..good.clone() }, Refusal::TimeOutOfRange);
    let request = grant(Key([1; 32]), Scopes::ALL, Time::new(-1));
    refused(Envelope { request, ..good.clone() }, Refusal::TimeOutOfRange);
    let other = Envelope { version: 2, ..good.clone() };
    assert_eq!(verify(&domain(), &other), Err(Refusal::VersionNotKnown));
}

#[test]
fn no_two_messages_have_one_digest() {
    let mut seen: BTreeMap<[u8; 32], Envelope> = BTreeMap::new();
    let order = |limit, lifetime| {
        let order = clearing::command::NewOrder { limit, lifetime, ..zero() };
        act(Command::PlaceOrder { pool: PoolId(0), account: AccountId(0), order })
    };
    use clearing::command::Lifetime::{ThisBlock, Until, UntilCancelled};
    use clearing::units::Price;
    let lifetimes = [ThisBlock, Until(Time::ZERO), Until(Time::new(1)), UntilCancelled];
    let limits = [None, Some(Price::ZERO), Some(Price::new(-1))];
    let orders = lifetimes.iter().flat_map(|lifetime| limits.iter().map(|limit| order(*limit, *lifetime)));
    let sessions =
        [Scopes::NONE, Scopes::TRADE, Scopes::BIDS, Scopes::ALL].map(|scopes| grant(Key([0; 32]), scopes, NOW));
    let amounts = [i128::MIN, -1, 0, 1, 1 << 64, i128::MAX]
        .map(|amount| act(Command::JoinTranche { pool: PoolId(0), account: AccountId(0), amount: Money::new(amount) }));
    let names = ["", "a", "a\0"].map(|name| {
        act(Command::OpenOwnPool {
            name: name.into(),
            from_pool: PoolId(0),
            from_account: AccountId(0),
            first_loss: Money::ZERO,
            feed: FeedId(0),
        })
    });
    let requests = every_command().into_iter().skip(1).map(act).filter(|request| {
        !matches!(
            request,
            Request::Act(Command::PlaceOrder { .. } | Command::JoinTranche { .. } | Command::OpenOwnPool { .. })
        )
    });
    let requests: Vec<Request> =
        requests.chain(orders).chain(sessions).chain(amounts).chain(names).chain([revoke(Key([0; 32]))]).collect();
    for request in requests {
        for (owner, nonce, valid) in [(None, 0, 0), (Some(Key([1; 32])), 0, 0), (None, 1, 0), (None, 0, 1)] {
            let envelope = Envelope { owner, valid_until: Time::new(valid), ..unsigned(nonce, request.clone()) };
            let digest = digest(&domain(), &envelope).expect("a message");
            if let Some(other) = seen.insert(digest, envelope.clone()) {
                panic!("one digest for {other:?} and {envelope:?}");
            }
        }
    }
    assert!(seen.len() > 180, "{}", seen.len());
}

/// The eight points of small order, and encodings of points that are not canonical: y of p and more, x of zero with a sign.
fn odd_points() -> Vec<[u8; 32]> {
    let mut points: Vec<[u8; 32]> = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ]
    .iter()
    .map(|text| common::word(text))
    .collect();
    // Not on the curve at all.
    points.push(core::array::from_fn(|at| u8::from(at == 0) * 2));
    points
}

#[test]
fn odd_ed25519_signatures_count_alike_alone_and_in_a_batch() {
    let ell = common::word("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let neighbours: Vec<Envelope> = (0..3).map(|at| Holder::ed25519(50 + at).sign(unsigned(1, open()))).collect();
    let (mut taken, mut refused) = (0, 0);
    for public in odd_points() {
        for r in odd_points() {
            for s in [[0; 32], ell] {
                let mut signature = [0; 64];
                signature[..32].copy_from_slice(&r);
                signature[32..].copy_from_slice(&s);
                let odd = Envelope {
                    signer: Signer::Ed25519(public),
                    signature: Signature::Ed25519(signature),
                    ..unsigned(1, open())
                };
                let alone = verify(&domain(), &odd);
                let mut batch = neighbours.clone();
                batch.insert(1, odd);
                let together = verify_all(&domain(), &batch);
                assert_eq!(together[1], alone, "{public:02x?} {r:02x?} {s:02x?}");
                assert!(together.iter().enumerate().all(|(at, answer)| at == 1 || answer.is_ok()));
                // ZIP 215: points of small order pass with s = 0, however they are written; s = l never does.
                let on_curve = public[0] != 2 && r[0] != 2;
                let expected = on_curve && s == [0; 32] && Signer::Ed25519(public).key().is_ok();
                assert_eq!(alone.is_ok(), expected, "{public:02x?} {r:02x?}");
                taken += u32::from(expected);
                refused += u32::from(!expected);
            }
        }
    }
    assert!(taken > 100 && refused > 100, "{taken} and {refused}");
}

/// s + l is the same scalar as s, which must not make a second signature.
#[test]
fn a_larger_s_of_the_same_scalar_is_refused() {
    let ell = common::word("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let envelope = Holder::ed25519(8).sign(unsigned(1, open()));
    let Signature::Ed25519(mut bytes) = envelope.signature else { panic!("an ed25519 signature") };
    let mut carry = 0;
    for at in 0..32 {
        let sum = u32::from(bytes[32 + at]) + u32::from(ell[at]) + carry;
        bytes[32 + at] = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    let other = Envelope { signature: Signature::Ed25519(bytes), ..envelope.clone() };
    assert_eq!(verify(&domain(), &other), Err(Refusal::SignatureNotValid));
    let both = verify_all(&domain(), &[envelope.clone(), other]);
    assert_eq!(both, [envelope.signer.key(), Err(Refusal::SignatureNotValid)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The batch's naive twin: the same question, one by one.
    #[test]
    fn a_batch_says_what_singles_say(seed: u64, length in 0_usize..300, bad in 0_u32..4) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let envelopes: Vec<Envelope> = (0..length).map(|_| any_envelope(&mut random, bad)).collect();
        let singles: Vec<_> = envelopes.iter().map(|envelope| verify(&domain(), envelope)).collect();
        prop_assert_eq!(verify_all(&domain(), &envelopes), singles);
    }

    /// Whatever comes from outside is an envelope that is written as these bytes, or refused.
    #[test]
    fn any_bytes_are_refused_or_read(mut bytes: Vec<u8>, version: bool) {
        if version && bytes.len() > 2 {
            bytes[..2].copy_from_slice(&authority::ENVELOPE_VERSION.to_le_bytes());
        }
        if let Ok(envelope) = decode(&bytes) {
            prop_assert_eq!(encode(&envelope), bytes);
        }
    }
}

fn any_envelope(random: &mut ChaCha8Rng, bad: u32) -> Envelope {
    let number = random.random_range(0..5);
    let holder = if random.random() { Holder::ethereum(number) } else { Holder::ed25519(number) };
    let envelope = holder.sign(unsigned(random.random(), open()));
    if bad == 0 || random.random_range(0..40) >= bad * bad {
        return envelope;
    }
    match random.random_range(0..4) {
        0 => Envelope { nonce: envelope.nonce ^ 1, ..envelope },
        1 => Envelope { signer: Holder::ed25519(99).signer(), ..envelope },
        2 => Envelope { valid_until: Time::new(-1), ..envelope },
        _ => Envelope { signature: Signature::Ed25519([random.random(); 64]), ..envelope },
    }
}

#[test]
fn bytes_are_one_envelope_and_nothing_more() {
    let envelope = Holder::ed25519(10).sign(unsigned(1, open()));
    let bytes = encode(&envelope);
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length]), Err(Refusal::Malformed), "{length} bytes of {}", bytes.len());
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(decode(&longer), Err(Refusal::Malformed));
    let mut other = bytes.clone();
    other[0] = 2;
    assert_eq!(decode(&other), Err(Refusal::VersionNotKnown));
    let name = |length: usize| {
        let command = Command::OpenOwnPool {
            name: "x".repeat(length),
            from_pool: PoolId(0),
            from_account: AccountId(0),
            first_loss: Money::ZERO,
            feed: FeedId(0),
        };
        encode(&Envelope { request: act(command), ..envelope.clone() })
    };
    let rest = name(0).len();
    let most = name(authority::MAX_ENVELOPE_BYTES - rest);
    assert!(decode(&most).is_ok() && most.len() == authority::MAX_ENVELOPE_BYTES);
    assert_eq!(decode(&name(authority::MAX_ENVELOPE_BYTES - rest + 1)), Err(Refusal::TooLarge));
}

#[test]
fn scopes_that_mean_nothing_yet_are_refused() {
    let request = grant(Key([1; 32]), Scopes::ALL, NOW);
    let bytes = encode(&Envelope { request, ..unsigned(1, open()) });
    let bare = encode(&Envelope { request: grant(Key([1; 32]), Scopes::NONE, NOW), ..unsigned(1, open()) });
    let at = (0..bytes.len()).find(|at| bytes[*at] != bare[*at]).expect("the scopes");
    for bits in 0..=u8::MAX {
        let mut changed = bytes.clone();
        changed[at] = bits;
        assert_eq!(decode(&changed).is_ok(), bits < 4, "{bits:#b}");
    }
}

#[test]
fn refusals_have_their_own_codes_and_words() {
    let codes: BTreeMap<u16, &str> = Refusal::ALL.iter().map(|refusal| (refusal.code(), refusal.text())).collect();
    assert_eq!(codes.len(), Refusal::ALL.len());
    for refusal in Refusal::ALL {
        assert_eq!(refusal.to_string(), refusal.text());
        assert!(!refusal.text().ends_with('.') && refusal.text().starts_with(char::is_lowercase), "{}", refusal.name());
    }
    assert_eq!((Refusal::TooLarge.code(), Refusal::TooManySessionsInAll.code()), (101, 603));
}

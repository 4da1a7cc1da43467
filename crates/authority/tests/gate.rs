//! What still counts: nonces against a naive twin, sessions against a table, times to the millisecond, and a gate that comes back.

mod common;

use authority::{
    Admitted, Envelope, Gate, MAX_SESSION, MAX_SESSIONS_OF_OWNER, MAX_VALIDITY, NONCE_STEP, NONCE_WINDOW, Refusal,
    Request, Scopes, Signature, Signer, SnapshotError,
};
use clearing::command::{Command, Key, Signed};
use clearing::units::Time;
use common::{MINUTE, NOW, act, every_command, grant, name_of, open, revoke, unsigned};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};

const MS: Time = Time::new(1);

/// An envelope as if it were signed: the gate never looks at signatures.
fn by(key: Key, nonce: u64, request: Request) -> Envelope {
    Envelope { signer: Signer::Ed25519(key.0), signature: Signature::Ed25519([0; 64]), ..unsigned(nonce, request) }
}

fn key(number: u8) -> Key {
    Key([number; 32])
}

/// Admits, and sees that check said the same before, and that a refusal changed nothing.
fn admit(gate: &mut Gate, envelope: Envelope, now: Time) -> Result<Admitted, Refusal> {
    let signer = envelope.signer.key()?;
    let before = (gate.root(), gate.snapshot());
    let checked = gate.check(&envelope, signer, now);
    assert_eq!((gate.root(), gate.snapshot()), before, "a check changes nothing");
    let admitted = gate.admit(envelope, signer, now);
    assert_eq!(admitted.as_ref().err(), checked.as_ref().err());
    if admitted.is_err() {
        assert_eq!((gate.root(), gate.snapshot()), before, "a refusal changes nothing");
    } else {
        assert_ne!(gate.root(), before.0, "what is admitted is in the root");
    }
    admitted
}

/// A gate at [`NOW`] in which key 1 has granted key 2 a session of an hour.
fn with_session(scopes: Scopes) -> Gate {
    let mut gate = Gate::new();
    gate.advance(NOW);
    let hour = Time::new(3_600_000);
    assert_eq!(admit(&mut gate, by(key(1), 1, grant(key(2), scopes, NOW + hour)), NOW), Ok(Admitted::Session));
    gate
}

fn for_owner(owner: u8, envelope: Envelope) -> Envelope {
    Envelope { owner: Some(key(owner)), ..envelope }
}

#[test]
fn the_core_sees_the_signer_or_the_owner() {
    let mut gate = with_session(Scopes::ALL);
    let command = every_command().into_iter().find(|command| name_of(command) == "CancelAll").expect("a command");
    let own = admit(&mut gate, by(key(3), 1, act(command.clone())), NOW);
    assert_eq!(own, Ok(Admitted::Command(Signed { signer: key(3), command: command.clone() })));
    let theirs = admit(&mut gate, for_owner(1, by(key(2), 1, act(command.clone()))), NOW);
    assert_eq!(theirs, Ok(Admitted::Command(Signed { signer: key(1), command })));
}

#[test]
fn only_the_key_that_was_verified_is_admitted() {
    let mut gate = Gate::new();
    assert_eq!(gate.admit(by(key(3), 1, open()), key(4), NOW), Err(Refusal::SignatureNotValid));
}

/// What each scope allows, by name: everything else is for the owner's own key.
#[test]
fn the_table_of_scopes() {
    let trade = ["PlaceOrder", "CancelOrder", "CancelAll", "SealOrder", "RevealOrder"];
    let bids = ["PlaceBid", "CancelBid"];
    let mut counted = BTreeMap::new();
    for scopes in [Scopes::TRADE, Scopes::BIDS, Scopes::ALL] {
        for command in every_command() {
            let name = name_of(&command);
            let (is_trade, is_bid) = (trade.contains(&&*name), bids.contains(&&*name));
            let allowed = is_trade && scopes.includes(Scopes::TRADE) || is_bid && scopes.includes(Scopes::BIDS);
            let expected = match (allowed, is_trade || is_bid) {
                (true, _) => None,
                (false, true) => Some(Refusal::ScopeMissing),
                (false, false) => Some(Refusal::NotForSessions),
            };
            let mut gate = with_session(scopes);
            let found = admit(&mut gate, for_owner(1, by(key(2), 1, act(command.clone()))), NOW);
            assert_eq!(found.err(), expected, "{name} with {scopes:?}");
            *counted.entry(expected).or_insert(0) += 1;
            let own = admit(&mut gate, by(key(1), 2, act(command)), NOW);
            assert!(own.is_ok(), "{name} by the owner: whether it may is for the core to say");
        }
    }
    let expected = [(None, 14), (Some(Refusal::NotForSessions), 63), (Some(Refusal::ScopeMissing), 7)];
    assert_eq!(counted, BTreeMap::from(expected));
    for request in [grant(key(3), Scopes::TRADE, NOW + MINUTE), revoke(key(2)), revoke(key(1))] {
        let found = admit(&mut with_session(Scopes::ALL), for_owner(1, by(key(2), 1, request)), NOW);
        assert_eq!(found, Err(Refusal::NotForSessions));
    }
}

#[test]
fn a_session_acts_for_its_owner_only() {
    let mut gate = with_session(Scopes::ALL);
    let order = || act(every_command().into_iter().find(|command| name_of(command) == "CancelAll").expect("one"));
    assert_eq!(admit(&mut gate, for_owner(3, by(key(2), 1, order())), NOW), Err(Refusal::SessionNotFound));
    assert_eq!(admit(&mut gate, for_owner(2, by(key(1), 9, order())), NOW), Err(Refusal::SessionNotFound), "not back");
    assert_eq!(
        admit(&mut gate, for_owner(1, by(key(1), 9, order())), NOW),
        Err(Refusal::SessionNotFound),
        "nor oneself"
    );
    assert!(admit(&mut gate, for_owner(1, by(key(2), 1, order())), NOW).is_ok());
    assert_eq!(admit(&mut gate, by(key(1), 2, revoke(key(2))), NOW), Ok(Admitted::Session));
    assert_eq!(admit(&mut gate, for_owner(1, by(key(2), 2, order())), NOW), Err(Refusal::SessionNotFound), "at once");
    assert_eq!(admit(&mut gate, by(key(1), 3, revoke(key(2))), NOW), Err(Refusal::SessionNotFound), "only once");
    // A grant that was used cannot be used again to undo the revocation.
    let again = by(key(1), 1, grant(key(2), Scopes::ALL, NOW + Time::new(3_600_000)));
    assert_eq!(admit(&mut gate, again, NOW), Err(Refusal::NonceUsed));
}

#[test]
fn granting_replaces() {
    let mut gate = with_session(Scopes::ALL);
    assert!(admit(&mut gate, by(key(1), 2, grant(key(2), Scopes::BIDS, NOW + MINUTE)), NOW).is_ok());
    assert_eq!((gate.sessions(), gate.scopes(key(1), key(2), NOW)), (1, Scopes::BIDS));
    gate.advance(NOW + MINUTE);
    assert_eq!(
        (gate.sessions(), gate.scopes(key(1), key(2), NOW)),
        (0, Scopes::NONE),
        "its own end, not the first one's"
    );
}

#[test]
fn validity_to_the_millisecond() {
    let until = |valid_until| Envelope { valid_until, ..by(key(3), 1, open()) };
    let found = |valid_until| admit(&mut Gate::new(), until(valid_until), NOW).err();
    assert_eq!(found(NOW - MS), Some(Refusal::Expired));
    assert_eq!(found(NOW), Some(Refusal::Expired));
    assert_eq!(found(NOW + MS), None);
    assert_eq!(found(NOW + MAX_VALIDITY), None);
    assert_eq!(found(NOW + MAX_VALIDITY + MS), Some(Refusal::ValidityTooLong));
    assert_eq!(found(Time::new(i64::MAX)), Some(Refusal::ValidityTooLong));
    let latest = Time::new(i64::MAX - 1);
    assert_eq!(admit(&mut Gate::new(), until(Time::new(i64::MAX)), latest).err(), None, "even at the end of time");
}

#[test]
fn sessions_to_the_millisecond() {
    let found = |expires| admit(&mut Gate::new(), by(key(1), 1, grant(key(2), Scopes::TRADE, expires)), NOW).err();
    assert_eq!(found(NOW), Some(Refusal::SessionTimeNotValid));
    assert_eq!(found(NOW + MS), None);
    assert_eq!(found(NOW + MAX_SESSION), None);
    assert_eq!(found(NOW + MAX_SESSION + MS), Some(Refusal::SessionTimeNotValid));
    let cancel = || act(every_command().into_iter().find(|command| name_of(command) == "CancelAll").expect("one"));
    let used = |at, advanced: bool| {
        let mut gate = with_session(Scopes::TRADE);
        if advanced {
            gate.advance(at);
        }
        admit(&mut gate, Envelope { valid_until: at + MS, ..for_owner(1, by(key(2), 1, cancel())) }, at).err()
    };
    let end = NOW + Time::new(3_600_000);
    for advanced in [false, true] {
        assert_eq!(used(end - MS, advanced), None);
        assert_eq!(used(end, advanced), Some(Refusal::SessionNotFound), "whether it was pruned or not");
    }
}

#[test]
fn grants_that_mean_nothing_are_refused() {
    let found = |request| admit(&mut Gate::new(), by(key(1), 1, request), NOW).err();
    assert_eq!(found(grant(key(2), Scopes::NONE, NOW + MS)), Some(Refusal::ScopesEmpty));
    assert_eq!(found(grant(key(1), Scopes::ALL, NOW + MS)), Some(Refusal::SessionNotValid));
    assert_eq!(found(grant(key(0), Scopes::ALL, NOW + MS)), Some(Refusal::SessionNotValid));
}

#[test]
fn an_owner_has_so_many_sessions() {
    let mut gate = Gate::new();
    let most = u8::try_from(MAX_SESSIONS_OF_OWNER).expect("few");
    let give = |gate: &mut Gate, nonce: u8, session: u8, at: Time, lasts: Time| {
        let envelope = by(key(1), nonce.into(), grant(key(session), Scopes::ALL, at + lasts));
        admit(gate, Envelope { valid_until: at + MINUTE, ..envelope }, at).err()
    };
    for session in 0..most {
        assert_eq!(give(&mut gate, session, session + 10, NOW, MINUTE), None);
    }
    assert_eq!(give(&mut gate, 100, 200, NOW, MINUTE), Some(Refusal::TooManySessions));
    assert_eq!(give(&mut gate, 100, 10, NOW, MINUTE + MS), None, "a session in place of itself");
    let other = by(key(9), 1, grant(key(10), Scopes::ALL, NOW + MINUTE));
    assert_eq!(admit(&mut gate, other, NOW).err(), None, "another owner has their own");
    gate.advance(NOW + MINUTE);
    assert_eq!(gate.sessions(), 1, "all but the one that was granted again");
    assert_eq!(give(&mut gate, 101, 200, NOW + MINUTE, MINUTE), None);
}

/// The rule as its text has it: every nonce that was ever used, and the highest; forgotten once everything accepted has expired.
#[derive(Default)]
struct Twin {
    seen: BTreeMap<Key, (BTreeSet<u64>, Time)>,
}

impl Twin {
    fn advance(&mut self, now: Time) {
        self.seen.retain(|_, (_, until)| *until > now);
    }

    fn admit(&mut self, key: Key, nonce: u64, until: Time, now: Time) -> Result<(), Refusal> {
        if until <= now {
            return Err(Refusal::Expired);
        }
        let (seen, latest) = self.seen.entry(key).or_default();
        if let Some(highest) = seen.last() {
            if i128::from(nonce) <= i128::from(*highest) - 256 {
                return Err(Refusal::NonceTooOld);
            }
            if seen.contains(&nonce) {
                return Err(Refusal::NonceUsed);
            }
            if i128::from(nonce) > i128::from(*highest) + (1 << 32) {
                return Err(Refusal::NonceTooFar);
            }
        }
        seen.insert(nonce);
        *latest = (*latest).max(until);
        Ok(())
    }
}

#[test]
fn nonces_against_a_naive_twin() {
    const STEPS: usize = 100_000;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut gate, mut twin, mut now) = (Gate::new(), Twin::default(), NOW);
    let mut counted: BTreeMap<Option<Refusal>, usize> = BTreeMap::new();
    let mut last = [0_u64; 8];
    let mut forgotten = 0;
    for step in 0..STEPS {
        let who = random.random_range(0..8_usize);
        let nonce = match random.random_range(0..1_000) {
            0 => random.random(),
            1..=5 => last[who].saturating_add(NONCE_STEP).saturating_add(random.random_range(0..3)).saturating_sub(1),
            6..=400 => last[who].saturating_sub(random.random_range(0..NONCE_WINDOW + 10)),
            401..=420 => last[who].saturating_add(random.random_range(0..600)),
            _ => last[who].saturating_add(random.random_range(0..4)),
        };
        let until = now + Time::new(random.random_range(0..2_000));
        let signer = key(u8::try_from(who + 1).expect("few"));
        let envelope = Envelope { valid_until: until, ..by(signer, nonce, open()) };
        let expected = twin.admit(signer, nonce, until, now).err();
        assert_eq!(gate.check(&envelope, signer, now).err(), expected, "step {step}");
        assert_eq!(gate.admit(envelope, signer, now).err(), expected, "step {step}");
        *counted.entry(expected).or_default() += 1;
        if expected.is_none() {
            last[who] = last[who].max(nonce);
        }
        if random.random_range(0..20) == 0 {
            let pause = if random.random_range(0..50) == 0 { 3_000 } else { 20 };
            now += Time::new(random.random_range(0..pause));
            twin.advance(now);
            gate.advance(now);
            let kept = gate.signers();
            assert_eq!(kept, twin.seen.len(), "step {step}");
            forgotten += usize::from(kept < 8);
            if kept == 0 {
                last = [0; 8];
            }
        }
    }
    for refusal in [Refusal::NonceUsed, Refusal::NonceTooOld, Refusal::NonceTooFar, Refusal::Expired] {
        assert!(counted[&Some(refusal)] > 10, "{refusal:?}: {counted:?}");
    }
    assert!(counted[&None] > 10_000 && forgotten > 10, "{counted:?}, forgotten {forgotten}");
}

#[test]
fn the_edges_of_a_window() {
    let top = 1_000;
    let found = |nonce| {
        let mut gate = Gate::new();
        assert!(admit(&mut gate, by(key(1), top, open()), NOW).is_ok(), "the first may be any");
        admit(&mut gate, by(key(1), nonce, open()), NOW).err()
    };
    assert_eq!(found(top), Some(Refusal::NonceUsed));
    assert_eq!(found(top - 255), None);
    assert_eq!(found(top - 256), Some(Refusal::NonceTooOld));
    assert_eq!(found(top + NONCE_STEP), None);
    assert_eq!(found(top + NONCE_STEP + 1), Some(Refusal::NonceTooFar));
    let mut gate = Gate::new();
    for nonce in [u64::MAX - 1, u64::MAX, u64::MAX - 255] {
        assert!(admit(&mut gate, by(key(1), nonce, open()), NOW).is_ok());
    }
    assert_eq!(admit(&mut gate, by(key(1), u64::MAX, open()), NOW), Err(Refusal::NonceUsed));
}

#[test]
fn a_clock_that_goes_back_brings_nothing_back() {
    let mut gate = Gate::new();
    assert!(admit(&mut gate, by(key(1), 5, open()), NOW).is_ok());
    gate.advance(NOW + MINUTE);
    assert_eq!(gate.signers(), 0, "forgotten to the millisecond");
    gate.advance(NOW);
    assert_eq!(gate.time(), NOW + MINUTE);
    assert_eq!(admit(&mut gate, by(key(1), 5, open()), NOW), Err(Refusal::Expired));
}

#[test]
fn a_signer_is_remembered_until_its_last_envelope_has_expired() {
    let mut gate = Gate::new();
    assert!(admit(&mut gate, Envelope { valid_until: NOW + MINUTE + MINUTE, ..by(key(1), 1, open()) }, NOW).is_ok());
    assert!(admit(&mut gate, by(key(1), 2, open()), NOW).is_ok());
    gate.advance(NOW + MINUTE + MINUTE - MS);
    assert_eq!(gate.signers(), 1);
    gate.advance(NOW + MINUTE + MINUTE);
    assert_eq!(gate.signers(), 0);
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Envelope(Box<Envelope>),
    Pause(i64),
    Restart,
}

fn any_step() -> impl Strategy<Value = Step> {
    let cancel = every_command().into_iter().find(|command| name_of(command) == "CancelAll").expect("one");
    let request = prop_oneof![
        3 => Just(open()),
        3 => Just(act(cancel)),
        2 => (1_u8..5, 0_i64..50_000).prop_map(|(session, lasts)| grant(key(session), Scopes::TRADE, NOW + Time::new(lasts))),
        1 => (1_u8..5).prop_map(|session| revoke(key(session))),
    ];
    let owner = prop_oneof![2 => Just(None), 1 => (1_u8..5).prop_map(|owner| Some(key(owner)))];
    let envelope = (1_u8..5, owner, 0_u64..300, 0_i64..60_000, request);
    prop_oneof![
        20 => envelope.prop_map(|(signer, owner, nonce, until, request)| {
            Step::Envelope(Box::new(Envelope { owner, valid_until: NOW + Time::new(until), ..by(key(signer), nonce, request) }))
        }),
        3 => (0_i64..8_000).prop_map(Step::Pause),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing is ever admitted twice, whatever happens in between: pauses, restarts, forgotten signers. And a gate that never
    /// restarted says the same, with the same root.
    #[test]
    fn nothing_is_admitted_twice(steps in proptest::collection::vec(any_step(), 1..120), repeat in 1_usize..4) {
        let (mut gate, mut steady, mut now) = (Gate::new(), Gate::new(), NOW);
        let mut admitted = BTreeSet::new();
        for _ in 0..repeat {
            for step in &steps {
                match step {
                    Step::Pause(ms) => {
                        now += Time::new(*ms);
                        gate.advance(now);
                        steady.advance(now);
                    }
                    Step::Restart => gate = Gate::restore(&gate.snapshot()).expect("its own snapshot"),
                    Step::Envelope(envelope) => {
                        let found = admit(&mut gate, (**envelope).clone(), now);
                        prop_assert_eq!(&found, &steady.admit((**envelope).clone(), envelope.signer.key().expect("a key"), now));
                        if found.is_ok() {
                            prop_assert!(admitted.insert(authority::encode(envelope)), "twice: {:?}", envelope);
                        }
                    }
                }
            }
        }
        prop_assert_eq!(gate.root(), steady.root());
        prop_assert_eq!(gate.snapshot(), steady.snapshot());
    }

    #[test]
    fn any_bytes_are_refused_or_a_gate(mut bytes: Vec<u8>) {
        for known in [false, true] {
            if known && bytes.len() > 2 {
                bytes[..2].copy_from_slice(&authority::GATE_VERSION.to_le_bytes());
            }
            if let Ok(gate) = Gate::restore(&bytes) {
                prop_assert_eq!(gate.snapshot(), bytes.clone());
            }
        }
    }
}

/// A gate with some signers and sessions.
fn busy() -> Gate {
    let mut gate = Gate::new();
    gate.advance(NOW);
    for number in 1..20_u8 {
        for nonce in [3, 5, u64::from(number)] {
            _ = gate.admit(by(key(number), nonce, open()), key(number), NOW);
        }
        let request = grant(key(number + 100), Scopes::TRADE, NOW + MINUTE);
        gate.admit(by(key(number), 300, request), key(number), NOW).expect("granted");
    }
    gate
}

#[test]
fn a_gate_comes_back() {
    let mut gate = busy();
    let bytes = gate.snapshot();
    let mut back = Gate::restore(&bytes).expect("its own snapshot");
    assert_eq!((back.root(), back.snapshot()), (gate.root(), bytes));
    assert_eq!((back.signers(), back.sessions(), back.time()), (19, 19, NOW));
    for gate in [&mut gate, &mut back] {
        assert_eq!(admit(gate, by(key(4), 300, open()), NOW), Err(Refusal::NonceUsed));
        gate.advance(NOW + MINUTE);
        assert_eq!((gate.signers(), gate.sessions()), (0, 0), "what ends is known after a restart too");
    }
    assert_eq!(gate.root(), back.root());
}

/// The cached root is that of the same entries put in afresh, after any number of changes.
#[test]
fn a_cached_root_is_a_fresh_root() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let (mut gate, mut now) = (Gate::new(), NOW);
    let mut roots = BTreeSet::new();
    for step in 0..2_000_u64 {
        let signer = Key(core::array::from_fn(|at| if at < 29 { 7 } else { random.random_range(0..9) }));
        let until = now + Time::new(random.random_range(1..400));
        let envelope = Envelope { valid_until: until, ..by(signer, step, open()) };
        gate.admit(envelope, signer, now).expect("a new nonce");
        now += Time::new(random.random_range(0..3));
        gate.advance(now);
        if step % 10 == 0 {
            let root = gate.root();
            assert_eq!(Gate::restore(&gate.snapshot()).expect("its own").root(), root);
            assert!(roots.insert(root));
        }
    }
    assert!(gate.signers() > 50);
}

#[test]
fn damaged_snapshots_are_refused() {
    let mut gate = busy();
    let (bytes, root) = (gate.snapshot(), gate.root());
    for length in 0..bytes.len() {
        assert_eq!(Gate::restore(&bytes[..length]).err(), Some(SnapshotError::Malformed), "{length}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Gate::restore(&longer).err(), Some(SnapshotError::Malformed));
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            // What is taken after all is another gate, with a root of its own.
            if let Ok(mut other) = Gate::restore(&changed) {
                assert_eq!(other.snapshot(), changed, "byte {at}");
                assert_ne!(other.root(), root, "byte {at}");
            }
        }
    }
    let mut other = bytes;
    other[0] = 9;
    let error = Gate::restore(&other).err();
    assert_eq!(error, Some(SnapshotError::Version { found: 9 }));
    assert_eq!(
        error.map(|error| error.to_string()).as_deref(),
        Some("gate snapshot version not known: found 9, allowed 1")
    );
}

/// A snapshot by hand: a time, then signers and sessions.
fn by_hand(time: i64, signers: &[(Key, u64, [u64; 4], i64)], sessions: &[(Key, Key, u8, i64)]) -> Vec<u8> {
    borsh::to_vec(&(1_u16, time, signers, sessions)).expect("in memory")
}

#[test]
fn snapshots_that_no_gate_writes_are_refused() {
    let (low, high) = (key(1), key(2));
    let window = |key| (key, 7_u64, [0b1000_0001, 0, 0, 0], 100_i64);
    assert!(Gate::restore(&by_hand(50, &[window(low), window(high)], &[(low, high, 1, 60)])).is_ok());
    let refused = |bytes: Vec<u8>| assert!(matches!(Gate::restore(&bytes), Err(SnapshotError::Inconsistent(_))));
    refused(by_hand(-1, &[], &[]));
    refused(by_hand(50, &[window(high), window(low)], &[]));
    refused(by_hand(50, &[window(low), window(low)], &[]));
    refused(by_hand(50, &[window(key(0))], &[]));
    refused(by_hand(100, &[window(low)], &[]));
    refused(by_hand(50, &[(low, 7, [0b1000_0000, 0, 0, 0], 100)], &[]));
    refused(by_hand(50, &[(low, 7, [0b1_0000_0001, 0, 0, 0], 100)], &[]));
    refused(by_hand(50, &[(low, 200, [1, 0, 0, 1 << 60], 100)], &[]));
    for session in
        [(low, low, 1, 60), (low, key(0), 1, 60), (key(0), low, 1, 60), (low, high, 0, 60), (low, high, 1, 50)]
    {
        refused(by_hand(50, &[], &[session]));
    }
    assert_eq!(Gate::restore(&by_hand(50, &[], &[(low, high, 4, 60)])).err(), Some(SnapshotError::Malformed));
    let many: Vec<(Key, Key, u8, i64)> = (10..75).map(|session| (low, key(session), 1, 60)).collect();
    assert!(Gate::restore(&by_hand(50, &[], &many[1..])).is_ok());
    refused(by_hand(50, &[], &many));
}

#[test]
fn a_count_cannot_ask_for_memory() {
    let claim = |count: u32| [&1_u16.to_le_bytes()[..], &[0; 8], &count.to_le_bytes()].concat();
    let error = Gate::restore(&claim(u32::MAX)).expect_err("refused");
    let allowed = authority::MAX_SIGNERS;
    assert_eq!(error, SnapshotError::TooLarge { what: "signers", found: 4_294_967_295, allowed });
    assert_eq!(error.to_string(), "gate snapshot too large: found 4294967295 signers, allowed 4194304");
    assert_eq!(Gate::restore(&claim(1 << 22)).err(), Some(SnapshotError::Malformed));
}

/// A gate that holds all it can, made by hand: 400 MB, so only when `AUTHORITY_FULL_GATE` is set.
#[test]
fn a_full_gate_refuses_who_is_new() {
    if std::env::var_os("AUTHORITY_FULL_GATE").is_none() {
        return;
    }
    let (now, until) = (NOW.get(), (NOW + MINUTE).get());
    // Rising in the order of a snapshot: by the last two bytes first.
    let numbered = |number: usize| {
        let mut key = [1; 32];
        let number = u64::try_from(number).expect("few");
        key[30..].copy_from_slice(&u16::try_from(number >> 6).expect("2^22 numbers").to_be_bytes());
        key[0] = u8::try_from(number & 63).expect("below 64");
        Key(key)
    };
    let signers: Vec<_> =
        (0..authority::MAX_SIGNERS).map(|at| (numbered(at), 5_u64, [1_u64, 0, 0, 0], until)).collect();
    let session =
        |at: usize| (numbered(at / 64 * 64), Key([u8::try_from(at % 64 + 100).expect("few"); 32]), 1_u8, until);
    let sessions: Vec<_> = (0..authority::MAX_SESSIONS).map(session).collect();
    let begin = std::time::Instant::now();
    let mut gate = Gate::restore(&by_hand(now, &signers, &sessions)).expect("a full gate");
    let restored = begin.elapsed();
    let root = gate.root();
    println!("restored after {restored:?}, root after {:?}", begin.elapsed());
    assert_eq!((gate.signers(), gate.sessions()), (authority::MAX_SIGNERS, authority::MAX_SESSIONS));
    let check =
        |gate: &mut Gate, envelope: Envelope| gate.admit(envelope.clone(), envelope.signer.key()?, NOW).map(|_| ());
    assert_eq!(check(&mut gate, by(key(200), 1, open())), Err(Refusal::TooManySigners));
    let grant = |nonce| by(numbered(1), nonce, grant(key(200), Scopes::ALL, NOW + MINUTE));
    assert_eq!(check(&mut gate, grant(6)), Err(Refusal::TooManySessionsInAll));
    assert_eq!(gate.root(), root);
    assert_eq!(check(&mut gate, by(numbered(1), 6, open())), Ok(()));
    assert_ne!(gate.root(), root);
    gate.advance(NOW + MINUTE);
    assert_eq!((gate.signers(), gate.sessions()), (0, 0));
}

#[test]
fn commands_of_governance_pass_under_the_own_key() {
    let mut gate = Gate::new();
    let command: Command = every_command().into_iter().next().expect("a feed is listed");
    let found = admit(&mut gate, by(key(9), 1, act(command.clone())), NOW);
    assert_eq!(found, Ok(Admitted::Command(Signed { signer: key(9), command })));
}

//! Envelopes a second: signatures beside the bare library's rate, on one core and on two, and the gate. The ratios stand at the end.

#[path = "../tests/common/mod.rs"]
mod common;

use authority::{Envelope, Gate, Signature, Signer, digest, verify, verify_all};
use clearing::command::{Command, Key};
use clearing::table::{AccountId, PoolId};
use clearing::units::Time;
use common::{Holder, NOW, act, domain, every_command, name_of, unsigned};
use divan::{Bencher, black_box, counter::ItemsCount};
use ed25519_zebra::{VerificationKey, VerificationKeyBytes, batch};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const ENVELOPES: usize = 1_024;
const HOLDERS: u32 = 256;
const BATCH: usize = 128;
const CORES: [usize; 2] = [1, 2];

fn main() {
    divan::main();
    ratios();
}

/// Orders, signed by 256 keys of one kind.
fn signed(holder: impl Fn(u32) -> Holder) -> Vec<Envelope> {
    let holders: Vec<Holder> = (0..HOLDERS).map(holder).collect();
    let order = every_command().into_iter().find(|command| name_of(command) == "PlaceOrder").expect("an order");
    (1_u64..)
        .zip(holders.iter().cycle())
        .take(ENVELOPES)
        .map(|(n, by)| by.sign(unsigned(n, act(order.clone()))))
        .collect()
}

fn ethereum() -> &'static [Envelope] {
    static ENVELOPES: OnceLock<Vec<Envelope>> = OnceLock::new();
    ENVELOPES.get_or_init(|| signed(Holder::ethereum))
}

fn ed25519() -> &'static [Envelope] {
    static ENVELOPES: OnceLock<Vec<Envelope>> = OnceLock::new();
    ENVELOPES.get_or_init(|| signed(Holder::ed25519))
}

/// What the library is given: it does no more than find out whether the signature is good.
struct Bare {
    public: [u8; 32],
    digest: [u8; 32],
    signature: Signature,
}

fn bare(envelopes: &[Envelope]) -> Vec<Bare> {
    let bare = |envelope: &Envelope| {
        let public = if let Signer::Ed25519(public) = envelope.signer { public } else { [0; 32] };
        let digest = digest(&domain(), envelope).expect("a message");
        Bare { public, digest, signature: envelope.signature }
    };
    envelopes.iter().map(bare).collect()
}

fn ours_single(envelopes: &[Envelope]) -> usize {
    envelopes.iter().filter(|envelope| verify(&domain(), envelope).is_ok()).count()
}

fn ours_all(envelopes: &[Envelope]) -> usize {
    verify_all(&domain(), envelopes).into_iter().filter(Result::is_ok).count()
}

fn bare_secp256k1(envelopes: &[Bare]) -> usize {
    let recover = |bare: &&Bare| {
        let Signature::Ethereum(bytes) = &bare.signature else { return false };
        let id = RecoveryId::try_from(i32::from(bytes[64] - 27)).expect("0 or 1");
        let signature = RecoverableSignature::from_compact(&bytes[..64], id).expect("well formed");
        signature.recover(secp256k1::Message::from_digest(bare.digest)).is_ok()
    };
    envelopes.iter().filter(recover).count()
}

fn ed25519_signature(bare: &Bare) -> ed25519_zebra::Signature {
    let Signature::Ed25519(bytes) = &bare.signature else { panic!("an ed25519 signature") };
    ed25519_zebra::Signature::from_bytes(bytes)
}

fn bare_ed25519(envelopes: &[Bare]) -> usize {
    let good = |bare: &&Bare| {
        let public = VerificationKey::try_from(bare.public).expect("a key");
        public.verify(&ed25519_signature(bare), &bare.digest).is_ok()
    };
    envelopes.iter().filter(good).count()
}

fn bare_batches(envelopes: &[Bare]) -> usize {
    let good = |share: &[Bare]| {
        let mut verifier = batch::Verifier::new();
        for bare in share {
            verifier.queue((VerificationKeyBytes::from(bare.public), ed25519_signature(bare), &bare.digest));
        }
        verifier.verify(ChaCha20Rng::from_seed([1; 32])).map_or(0, |()| share.len())
    };
    envelopes.chunks(BATCH).map(good).sum()
}

fn pool(cores: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(cores).build().expect("threads")
}

fn all_good(bencher: Bencher<'_, '_>, work: impl Fn() -> usize + Sync) {
    bencher.counter(ItemsCount::new(ENVELOPES)).bench(|| assert_eq!(work(), ENVELOPES));
}

mod secp256k1_signatures {
    use super::*;

    #[divan::bench(sample_count = 20)]
    fn one_by_one(bencher: Bencher<'_, '_>) {
        all_good(bencher, || ours_single(black_box(ethereum())));
    }

    #[divan::bench(sample_count = 20)]
    fn bare_library(bencher: Bencher<'_, '_>) {
        let bare = bare(ethereum());
        all_good(bencher, || bare_secp256k1(black_box(&bare)));
    }

    #[divan::bench(args = CORES, sample_count = 20)]
    fn all_on_cores(bencher: Bencher<'_, '_>, cores: usize) {
        let pool = pool(cores);
        all_good(bencher, || pool.install(|| ours_all(black_box(ethereum()))));
    }
}

mod ed25519_signatures {
    use super::*;

    #[divan::bench(sample_count = 20)]
    fn one_by_one(bencher: Bencher<'_, '_>) {
        all_good(bencher, || ours_single(black_box(ed25519())));
    }

    #[divan::bench(sample_count = 20)]
    fn bare_library(bencher: Bencher<'_, '_>) {
        let bare = bare(ed25519());
        all_good(bencher, || bare_ed25519(black_box(&bare)));
    }

    #[divan::bench(sample_count = 20)]
    fn bare_library_in_batches(bencher: Bencher<'_, '_>) {
        let bare = bare(ed25519());
        all_good(bencher, || bare_batches(black_box(&bare)));
    }

    #[divan::bench(args = CORES, sample_count = 20)]
    fn all_on_cores(bencher: Bencher<'_, '_>, cores: usize) {
        let pool = pool(cores);
        all_good(bencher, || pool.install(|| ours_all(black_box(ed25519()))));
    }

    /// The worst that a sender can do: one bad signature in every batch.
    #[divan::bench(args = CORES, sample_count = 20)]
    fn one_bad_in_each_batch(bencher: Bencher<'_, '_>, cores: usize) {
        let pool = pool(cores);
        let mut envelopes = ed25519().to_vec();
        envelopes.iter_mut().step_by(BATCH).for_each(|envelope| envelope.nonce += 1);
        let counter = ItemsCount::new(ENVELOPES);
        bencher.counter(counter).bench(|| pool.install(|| ours_all(black_box(&envelopes))));
    }
}

/// A key that nobody holds: the gate does not ask.
fn key(number: u64) -> Key {
    let mut key = [1; 32];
    key[24..].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Key(key)
}

fn unsigned_by(signer: u64, nonce: u64) -> Envelope {
    let command = Command::CancelAll { pool: PoolId(1), account: AccountId(2) };
    let valid_until = NOW + Time::new(86_000_000);
    Envelope { signer: Signer::Ed25519(key(signer).0), valid_until, ..unsigned(nonce, act(command)) }
}

fn gate_of(signers: u64) -> Gate {
    let mut gate = Gate::new();
    for signer in 0..signers {
        gate.admit(unsigned_by(signer, 1), key(signer), NOW).expect("new");
    }
    gate.root();
    gate
}

mod gate {
    use super::*;

    const SIGNERS: [u64; 3] = [1_000, 100_000, 1_000_000];

    /// A thousand envelopes of signers that the gate knows.
    #[divan::bench(args = SIGNERS, sample_count = 50)]
    fn admit(bencher: Bencher<'_, '_>, signers: u64) {
        let (mut gate, mut nonce) = (gate_of(signers), 1);
        bencher
            .counter(ItemsCount::new(1_000_u64))
            .with_inputs(|| {
                nonce += 1;
                let step = signers / 1_000;
                (0..1_000).map(|at| (unsigned_by(at * step, nonce), key(at * step))).collect::<Vec<_>>()
            })
            .bench_local_values(|envelopes| {
                for (envelope, signer) in envelopes {
                    gate.admit(envelope, signer, NOW).expect("the next nonce");
                }
            });
    }

    /// The root after a thousand envelopes of as many signers.
    #[divan::bench(args = SIGNERS, sample_count = 20)]
    fn root(bencher: Bencher<'_, '_>, signers: u64) {
        let (mut gate, mut nonce) = (gate_of(signers), 1);
        bencher.bench_local(|| {
            nonce += 1;
            let begin = signers / 1_000;
            for at in 0..1_000 {
                gate.admit(unsigned_by(at * begin, nonce), key(at * begin), NOW).expect("the next nonce");
            }
            gate.root()
        });
    }
}

/// The best of some rounds in which both take turns, so that a busy machine slows both.
fn compare(name: &str, ours: impl Fn() -> usize, bare: impl Fn() -> usize) {
    let time = |work: &dyn Fn() -> usize| {
        let begin = Instant::now();
        assert_eq!(black_box(work()), ENVELOPES);
        begin.elapsed()
    };
    let (mut best_ours, mut best_bare) = (Duration::MAX, Duration::MAX);
    for _ in 0..20 {
        best_ours = best_ours.min(time(&ours));
        best_bare = best_bare.min(time(&bare));
    }
    let rate = |time: Duration| ENVELOPES as f64 / time.as_secs_f64();
    let ratio = rate(best_ours) / rate(best_bare);
    println!("{name:<34} {:>8.0}/s   bare library {:>8.0}/s   ratio {ratio:.2}", rate(best_ours), rate(best_bare));
}

fn ratios() {
    println!("\nenvelopes a second beside the bare library on one core");
    let (secp, ed) = (bare(ethereum()), bare(ed25519()));
    compare("secp256k1, one by one", || ours_single(ethereum()), || bare_secp256k1(&secp));
    compare("ed25519, one by one", || ours_single(ed25519()), || bare_ed25519(&ed));
    for cores in CORES {
        let pool = pool(cores);
        let all = |envelopes| pool.install(|| ours_all(envelopes));
        compare(&format!("secp256k1, verify_all, {cores} core(s)"), || all(ethereum()), || bare_secp256k1(&secp));
        compare(&format!("ed25519, verify_all, {cores} core(s)"), || all(ed25519()), || bare_batches(&ed));
    }
}

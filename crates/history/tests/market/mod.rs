//! A seeded market that crashes, as a node's blocks, and a node that makes no block of its own but publishes as one does.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses its own part")]

#[path = "../../../clearing/tests/properties/world.rs"]
pub mod world;

use arc_swap::ArcSwap;
use authority::{ENVELOPE_VERSION, Envelope, Request, Signature, Signer};
use clearing::command::Block;
use clearing::units::Time;
use node::system::{Answer, Applied, Batch, Network, SYSTEM_VERSION, System};
use node::{Counts, Published, View};
use protocol::decimal::Places;
use replication::Alone;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use world::World;

pub fn network() -> Network {
    Network { version: SYSTEM_VERSION, chain_id: 7, core: world::genesis() }
}

/// Lots of the first feed have three places, those of the others none.
pub fn places() -> Places {
    Places::new([("feed 0".to_owned(), 3)])
}

/// The blocks of a market of this seed, as many as are asked.
pub fn batches(seed: u64, count: usize) -> Vec<Batch> {
    let mut world = World::populated(seed);
    while world.log.len() < count {
        world.step();
    }
    let mut nonce = 0;
    world.log.iter().map(|block| batch(block, &mut nonce)).collect()
}

fn batch(block: &Block, nonce: &mut u64) -> Batch {
    let envelopes = block.commands.iter().map(|signed| {
        *nonce += 1;
        Envelope {
            version: ENVELOPE_VERSION,
            signer: Signer::Ed25519(signed.signer.0),
            owner: None,
            nonce: *nonce,
            valid_until: Time::new(block.time.get() + 1_000),
            request: Request::Act(signed.command.clone()),
            // Signatures are checked at the door, not here.
            signature: Signature::Ed25519([0; 64]),
        }
    });
    let envelopes = envelopes.collect();
    Batch { version: SYSTEM_VERSION, height: block.height, time: block.time, restart: block.restart, envelopes }
}

/// What a node does with its blocks.
pub struct Node {
    pub alone: Alone<System>,
    view: View,
    published: Arc<ArcSwap<View>>,
    height: watch::Sender<u64>,
}

impl Node {
    /// A new one, or the one that was there.
    pub fn start(directory: &Path) -> Self {
        let alone = match Alone::open(directory) {
            Ok((alone, _)) => alone,
            Err(_) => Alone::create(directory, &network().encoded()).expect("a new node"),
        };
        Self::of(alone)
    }

    fn of(alone: Alone<System>) -> Self {
        let view = View::of(alone.machine());
        let (height, _) = watch::channel(view.height);
        Self { published: Arc::new(ArcSwap::from_pointee(view.clone())), alone, view, height }
    }

    pub fn published(&self) -> Published {
        Published { view: Arc::clone(&self.published), height: self.height.subscribe() }
    }

    pub fn height(&self) -> u64 {
        self.view.height
    }

    /// Commits a block and publishes what it led to.
    pub fn make(&mut self, batch: &Batch) -> Applied {
        let applied = self.alone.commit(batch).expect("a block");
        let count = |wanted: fn(&Answer) -> bool| applied.answers.iter().filter(|answer| wanted(answer)).count();
        let counts = Counts {
            all: applied.answers.len(),
            rejected: count(|answer| matches!(answer, Answer::Rejected(_))),
            refused: count(|answer| matches!(answer, Answer::Refused(_))),
            took_us: 1,
        };
        self.view.advance(self.alone.machine().engine().state(), applied.clone(), counts);
        self.published.store(Arc::new(self.view.clone()));
        self.height.send_replace(applied.height);
        applied
    }
}

//! What a node's blocks are applied to: who is heard at all, the gate that decides who may say what, and the core behind both.
//!
//! ```text
//! batch (height, time, envelopes)  ──►  Members, Gate  ──►  block (height, time, commands)  ──►  Engine::apply
//!                                           │ refusals                                            │ rejections, events
//!                                           └──────────────►  receipt: an answer an envelope  ◄────┘
//! ```

use crate::members::{Allowance, Members};
use authority::{Admitted, Domain, Envelope, Gate, Refusal};
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::Engine;
use clearing::command::{BLOCK_VERSION, Block, Rejection, Signed};
use clearing::commitment::Commitment;
use clearing::engine::{BlockError, Genesis, MAX_COMMANDS};
use clearing::event::{Event, Receipt};
use clearing::units::Time;
use replication::Machine;
use sha3::{Digest, Keccak256};
use std::sync::Arc;

/// The format version of a batch, of a network's genesis and of a system's snapshot.
pub const SYSTEM_VERSION: u16 = 2;

const ROOT: u8 = 5;

/// What a network starts from. Its hash names the network in every signature.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Network {
    /// The format, [`SYSTEM_VERSION`].
    pub version: u16,
    /// The chain that members' wallets are connected to (EIP-155).
    pub chain_id: u64,
    /// What the core starts from.
    pub core: Genesis,
}

impl Network {
    /// The network as bytes: what [`Machine::begin`] takes.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        borsh::to_vec(self).expect("writing to memory succeeds")
    }

    /// Where signatures for this network count.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain { network: Keccak256::digest(self.encoded()).into(), chain_id: self.chain_id }
    }
}

/// The envelopes of one moment, in the order in which they are applied. What the journal keeps.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Batch {
    /// The format, [`SYSTEM_VERSION`].
    pub version: u16,
    /// One more than the height before.
    pub height: u64,
    /// Later than the block before.
    pub time: Time,
    /// Whether the node has just come back. R13.4
    pub restart: bool,
    /// What members, publishers and governance ask.
    pub envelopes: Vec<Envelope>,
}

/// What became of one envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its command changed the state.
    Executed,
    /// Its session was granted or revoked.
    Session,
    /// The core refused its command.
    Rejected(Rejection),
    /// The gate refused the envelope.
    Refused(Refusal),
}

/// What a root commits to, beside the accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// The network.
    pub network: [u8; 32],
    /// How many newcomers may come, encoded.
    pub allowance: Vec<u8>,
    /// The root of what the gate remembers.
    pub gate: [u8; 32],
    /// The core.
    pub commitment: Commitment,
    /// How many events there have been.
    pub events: u64,
}

/// K( 05 | network 32 | allowance 16 | gate 32 | core 32 | events 8 ), with K = Keccak-256.
#[must_use]
pub fn root_of(sealed: &Sealed, commitment: &Commitment) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    hasher.update([ROOT]);
    hasher.update(sealed.network);
    hasher.update(&sealed.allowance);
    hasher.update(sealed.gate);
    hasher.update(commitment.root());
    hasher.update(sealed.events.to_le_bytes());
    hasher.finalize().into()
}

/// What a batch led to.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The height of the batch.
    pub height: u64,
    /// Its time.
    pub time: Time,
    /// The root after it.
    pub root: [u8; 32],
    /// What the root commits to.
    pub sealed: Arc<Sealed>,
    /// One for every envelope.
    pub answers: Vec<Answer>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The number of the first of these events, counted from the genesis.
    pub first_event: u64,
}

/// The gate, the core, and the number of events that there have been.
#[derive(Clone, Debug)]
pub struct System {
    domain: Domain,
    members: Members,
    gate: Gate,
    engine: Engine,
    events: u64,
    root: [u8; 32],
    sealed: Arc<Sealed>,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct Snapshot {
    version: u16,
    domain: Domain,
    allowance: Allowance,
    gate: Vec<u8>,
    engine: Vec<u8>,
    events: u64,
}

impl System {
    /// The core, to look at.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where signatures count.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// How many events there have been.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What the root commits to.
    #[must_use]
    pub fn sealed(&self) -> &Arc<Sealed> {
        &self.sealed
    }

    /// Whether the gate would let an envelope in at this time, if nothing came before it.
    ///
    /// # Errors
    /// Says why it would not.
    pub fn admits(&self, envelope: &Envelope, time: Time) -> Result<(), Refusal> {
        let key = envelope.signer.key()?;
        self.members.check(envelope, key)?;
        self.gate.check(envelope, key, time)
    }
}

impl Machine for System {
    type Block = Batch;
    type Receipt = Applied;

    fn begin(genesis: &[u8]) -> Option<Self> {
        let network: Network = borsh::from_slice(genesis).ok()?;
        let known = network.version == SYSTEM_VERSION;
        known.then(|| Self::with(network.domain(), Allowance::default(), Gate::new(), Engine::new(&network.core), 0))
    }

    fn restore(snapshot: &[u8]) -> Result<Self, String> {
        let snapshot: Snapshot = borsh::from_slice(snapshot).map_err(|_| "its bytes are no snapshot".to_owned())?;
        if snapshot.version != SYSTEM_VERSION {
            return Err(format!("version not known: found {}, allowed {SYSTEM_VERSION}", snapshot.version));
        }
        let gate = Gate::restore(&snapshot.gate).map_err(|error| error.to_string())?;
        let engine = Engine::restore(&snapshot.engine).map_err(|error| error.to_string())?;
        Ok(Self::with(snapshot.domain, snapshot.allowance, gate, engine, snapshot.events))
    }

    fn snapshot(&self) -> Vec<u8> {
        let (gate, engine) = (self.gate.snapshot(), self.engine.snapshot());
        let snapshot = Snapshot {
            version: SYSTEM_VERSION,
            domain: self.domain,
            allowance: self.members.allowance(),
            gate,
            engine,
            events: self.events,
        };
        borsh::to_vec(&snapshot).expect("writing to memory succeeds")
    }

    fn height(&self) -> u64 {
        self.engine.height()
    }

    fn root(&self) -> [u8; 32] {
        self.root
    }

    fn check(&self, batch: &Batch) -> Result<(), BlockError> {
        if batch.version != SYSTEM_VERSION {
            return Err(BlockError::Version { found: batch.version });
        }
        if batch.envelopes.len() > MAX_COMMANDS {
            return Err(BlockError::TooManyCommands { found: batch.envelopes.len() });
        }
        self.engine.check(&header(batch, Vec::new()))
    }

    fn apply(&mut self, batch: &Batch) -> Applied {
        let mut answers = Vec::with_capacity(batch.envelopes.len());
        let mut commands = Vec::with_capacity(batch.envelopes.len());
        // Which envelope each command came in.
        let mut senders = Vec::with_capacity(batch.envelopes.len());
        self.members.advance(batch.time);
        self.gate.advance(batch.time);
        for envelope in &batch.envelopes {
            answers.push(match self.admit(envelope, batch.time) {
                Err(refusal) => Answer::Refused(refusal),
                Ok(Admitted::Session) => Answer::Session,
                Ok(Admitted::Command(signed)) => {
                    senders.push(answers.len());
                    commands.push(signed);
                    Answer::Executed
                }
            });
        }
        let Receipt { events, rejections, .. } = self.engine.apply(&header(batch, commands));
        for (at, rejection) in rejections {
            let sender = senders.get(at as usize).and_then(|sender| answers.get_mut(*sender));
            *sender.expect("every command came in an envelope") = Answer::Rejected(rejection);
        }
        let first_event = self.events;
        self.members.follow(self.engine.state(), &events);
        self.events += events.len() as u64;
        self.root = self.root_now();
        let sealed = Arc::clone(&self.sealed);
        Applied { height: batch.height, time: batch.time, root: self.root, sealed, answers, events, first_event }
    }
}

impl System {
    fn with(domain: Domain, allowance: Allowance, gate: Gate, engine: Engine, events: u64) -> Self {
        let members = Members::of(engine.state(), allowance);
        let mut system = Self { domain, members, gate, engine, events, root: [0; 32], sealed: Arc::default() };
        system.root = system.root_now();
        system
    }

    fn root_now(&mut self) -> [u8; 32] {
        self.sealed = Arc::new(Sealed {
            network: self.domain.network,
            allowance: borsh::to_vec(&self.members.allowance()).expect("writing to memory succeeds"),
            gate: self.gate.root(),
            commitment: self.engine.commitment().clone(),
            events: self.events,
        });
        root_of(&self.sealed, &self.sealed.commitment)
    }

    fn admit(&mut self, envelope: &Envelope, time: Time) -> Result<Admitted, Refusal> {
        let key = envelope.signer.key()?;
        self.members.check(envelope, key)?;
        let admitted = self.gate.admit(envelope.clone(), key, time)?;
        self.members.admitted(envelope, key);
        Ok(admitted)
    }
}

fn header(batch: &Batch, commands: Vec<Signed>) -> Block {
    Block { version: BLOCK_VERSION, height: batch.height, time: batch.time, restart: batch.restart, commands }
}

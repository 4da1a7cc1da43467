//! Keys of simulated members: derived from their names, so that anybody can act for any of them. Never for money.

use authority::{Domain, Envelope, Request};
use clearing::command::{Command, Key};
use clearing::units::Time;
use client::Signer;
use sha3::{Digest, Keccak256};

/// The secret of a simulated office or member.
pub(crate) fn secret_of(name: &str) -> [u8; 32] {
    Keccak256::digest(format!("seawall dev {name}")).into()
}

/// A simulated member.
#[derive(Debug)]
pub(super) struct Actor(Signer);

impl Actor {
    /// The actor of a name.
    pub(super) fn named(name: &str) -> Self {
        Self(Signer::ed25519(secret_of(name)))
    }

    /// The key by which the core knows it.
    pub(super) fn key(&self) -> Key {
        self.0.key().expect("no name leads to a key of zeros")
    }

    /// A command, signed at a time.
    pub(super) fn sign(&mut self, domain: &Domain, now: Time, command: Command) -> Envelope {
        self.0.sign(domain, now, Request::Act(command)).expect("what is made here is within bounds")
    }
}

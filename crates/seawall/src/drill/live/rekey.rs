//! Real keys for a drill's members. In a drill a key is a name and nothing is signed; here every name becomes a secret that is derived from
//! it. Offices keep a key each; the many owners of accounts share a few hundred, because a node lets only so many strangers in at once.

use clearing::command::{Command, Key};
use client::Signer;
use sha3::{Digest, Keccak256};
use std::collections::BTreeMap;

/// Keys that owners share. An owner may have any number of accounts.
const OWNERS: u64 = 384;
/// What owners are called in a drill; publishers and venues have other names.
const OWNER_NAMES: [&str; 3] = ["trader", "maker", "bidder"];

/// The signers of a drill.
#[derive(Debug)]
pub(super) struct Keys {
    /// Secrets that are not derived.
    offices: BTreeMap<Key, [u8; 32]>,
    signers: BTreeMap<[u8; 32], Signer>,
}

impl Keys {
    /// Keys for a node whose governance and custodian have these secrets.
    pub(super) fn new(governance: [u8; 32], custodian: [u8; 32]) -> Self {
        let offices = BTreeMap::from([(named("governance"), governance), (named("custodian"), custodian)]);
        Self { offices, signers: BTreeMap::new() }
    }

    /// Keys for senders that each have signers of their own.
    pub(super) fn shared_among(&self, senders: usize) -> Vec<Self> {
        (0..senders).map(|_| Self { offices: self.offices.clone(), signers: BTreeMap::new() }).collect()
    }

    /// Who signs for a key of the drill, and the command with real keys in it.
    pub(super) fn rekeyed(&mut self, key: Key, mut command: Command) -> (&mut Signer, Command) {
        self.rekey(&mut command);
        let secret = self.secret(key);
        let signer = self.signers.entry(secret).or_insert_with(|| Signer::ed25519(secret));
        (signer, command)
    }

    fn rekey(&self, command: &mut Command) {
        let office = |key: &mut Key| *key = public(self.secret(*key));
        match command {
            Command::ListFeed { parameters, .. } | Command::SetFeed { parameters, .. } => {
                parameters.publishers.iter_mut().for_each(|publisher| office(&mut publisher.key));
                parameters.forecasters.iter_mut().for_each(office);
            }
            Command::OpenPool { parameters, .. } | Command::SetPool { parameters, .. } => {
                parameters.venues.iter_mut().for_each(office);
            }
            Command::AllowVenue { venue, .. } => office(venue),
            _ => (),
        }
    }

    fn secret(&self, key: Key) -> [u8; 32] {
        match self.offices.get(&key) {
            Some(secret) => *secret,
            None if is_owner(key) => derived(named(&format!("owner {}", number(key) % OWNERS))),
            None => derived(key),
        }
    }
}

/// The sender of a key: always the same one, and one for all owners that share a key.
pub(super) fn lane_of(key: Key, senders: usize) -> usize {
    let number = if is_owner(key) { number(key) % OWNERS } else { number(key) };
    usize::try_from(number % senders as u64).unwrap_or(0)
}

fn is_owner(key: Key) -> bool {
    OWNER_NAMES.iter().any(|name| key.0.starts_with(name.as_bytes()))
}

fn number(key: Key) -> u64 {
    Keccak256::digest(key.0).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn named(name: &str) -> Key {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    Key(bytes)
}

fn derived(key: Key) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    hasher.update(b"seawall drill ");
    hasher.update(key.0);
    hasher.finalize().into()
}

fn public(secret: [u8; 32]) -> Key {
    Signer::ed25519(secret).key().expect("no name leads to a key of zeros")
}

#[cfg(test)]
mod tests {
    use super::{Keys, OWNERS, lane_of, named, public};
    use clearing::command::Command;
    use clearing::table::PoolId;
    use std::collections::BTreeSet;

    #[test]
    fn owners_share_keys_and_senders_and_offices_do_not() {
        let mut keys = Keys::new([1; 32], [2; 32]);
        let mut signed_by = |name: &str| {
            let (signer, _) = keys.rekeyed(named(name), Command::OpenAccount { pool: PoolId(0) });
            signer.key().expect("a key")
        };
        assert_eq!((signed_by("governance"), signed_by("custodian")), (public([1; 32]), public([2; 32])));
        let mut senders = std::collections::BTreeMap::new();
        let owners: BTreeSet<_> = (0..5_000)
            .map(|at| {
                let (name, key) = (format!("trader {at}"), signed_by(&format!("trader {at}")));
                let sender = lane_of(named(&name), 8);
                assert_eq!(*senders.entry(key).or_insert(sender), sender, "one sender for each key: order is kept");
                key
            })
            .collect();
        assert_eq!(owners.len() as u64, OWNERS);
        let venues: BTreeSet<_> = (0..50).map(|at| signed_by(&format!("venue {at}"))).collect();
        assert_eq!(venues.len(), 50);
    }
}

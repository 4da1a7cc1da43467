//! Keys that can be read: a name, padded to the length of a key. Nothing is signed in a drill.

use clearing::command::Key;

/// The key of a name of at most 32 bytes.
///
/// # Panics
/// If the name is longer: the drill's own code chose it.
#[must_use]
pub(crate) fn key_of(name: &str) -> Key {
    let mut bytes = [0_u8; 32];
    assert!(name.len() <= bytes.len(), "a name in a drill fits a key: {name}");
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Key(bytes)
}

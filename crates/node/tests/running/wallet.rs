//! A wallet that knows nothing of Seawall: it hashes the JSON that it is shown (EIP-712) and signs with another library than the node's.

use k256::ecdsa::{RecoveryId, Signature, SigningKey};
use serde_json::Value;
use sha3::{Digest, Keccak256};

/// A private key, and how its wallet writes v.
pub struct Wallet {
    secret: SigningKey,
    /// What is added to the parity: 27 in most wallets, 0 in some.
    pub v: u8,
}

impl Wallet {
    pub fn new(secret: u8, v: u8) -> Self {
        Self { secret: SigningKey::from_slice(&[secret; 32]).expect("a secret key"), v }
    }

    pub fn address(&self) -> String {
        let point = self.secret.verifying_key().to_sec1_point(false);
        hex(&keccak(&point.as_bytes()[1..])[12..])
    }

    /// `eth_signTypedData_v4`.
    pub fn sign(&self, typed_data: &Value) -> String {
        self.written(self.secret.sign_prehash_recoverable(&hash(typed_data)))
    }

    /// The same with s in the upper half, which nobody but a forger makes.
    pub fn sign_high(&self, typed_data: &Value) -> String {
        let (signature, id) = self.secret.sign_prehash_recoverable(&hash(typed_data));
        let other = Signature::from_scalars(signature.r(), -*signature.s()).expect("a signature");
        self.written((other, RecoveryId::new(!id.is_y_odd(), id.is_x_reduced())))
    }

    fn written(&self, (signature, id): (Signature, RecoveryId)) -> String {
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(self.v + u8::from(id.is_y_odd()));
        hex(&bytes)
    }
}

/// What is signed of typed data: Keccak-256(0x1901 ‖ domain ‖ message).
pub fn hash(typed_data: &Value) -> [u8; 32] {
    let primary = typed_data["primaryType"].as_str().expect("a name");
    let domain = hash_struct(typed_data, "EIP712Domain", &typed_data["domain"]);
    let message = hash_struct(typed_data, primary, &typed_data["message"]);
    keccak(&[&[0x19, 0x01], &domain[..], &message[..]].concat())
}

fn hash_struct(typed_data: &Value, name: &str, values: &Value) -> [u8; 32] {
    let fields = typed_data["types"][name].as_array().expect("fields");
    let part = |field: &Value, part: &str| field[part].as_str().expect("text").to_owned();
    let shown: Vec<String> =
        fields.iter().map(|field| format!("{} {}", part(field, "type"), part(field, "name"))).collect();
    assert_eq!(values.as_object().map(serde_json::Map::len), Some(fields.len()), "a value of each field, and no other");
    let mut bytes = keccak(format!("{name}({})", shown.join(",")).as_bytes()).to_vec();
    fields.iter().for_each(|field| bytes.extend(word(&part(field, "type"), &values[&part(field, "name")])));
    keccak(&bytes)
}

fn word(kind: &str, value: &Value) -> [u8; 32] {
    let text = || value.as_str().unwrap_or_else(|| panic!("no text for {kind}: {value}"));
    match kind {
        "bool" => integer(i128::from(value.as_bool().expect("true or false"))),
        "string" => keccak(text().as_bytes()),
        "bytes" => keccak(&unhex(text())),
        "bytes32" => unhex(text()).try_into().expect("32 bytes"),
        _ if kind.starts_with("int") => integer(text().parse().expect("a whole number")),
        _ if kind.starts_with("uint") => integer(text().parse::<u64>().expect("a whole number").into()),
        other => panic!("a type that no message has: {other}"),
    }
}

fn integer(number: i128) -> [u8; 32] {
    let mut word = if number < 0 { [0xff; 32] } else { [0; 32] };
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}

pub fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("0x").expect("0x");
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("digits")).collect()
}

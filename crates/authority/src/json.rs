//! The JSON that a wallet takes to show and sign a message: the same fields as the digest's.

use crate::digest::{DOMAIN_NAME, DOMAIN_VERSION};
use crate::envelope::{Domain, Envelope};
use crate::message::{self, Value};
use crate::refusal::Refusal;
use serde_json::{Map, Value as Json, json};

/// The argument of `eth_signTypedData_v4` for an envelope; its signature is not looked at. Integers are decimal strings, because a
/// wallet's numbers end at 2⁵³.
///
/// # Errors
/// As [`crate::digest`].
pub fn typed_data(domain: &Domain, envelope: &Envelope) -> Result<Json, Refusal> {
    let message = message::of(envelope)?;
    let types: Vec<Json> =
        message.fields.iter().map(|field| json!({ "name": field.name, "type": field.kind })).collect();
    let values: Map<String, Json> =
        message.fields.iter().map(|field| (field.name.to_owned(), value(&field.value))).collect();
    let domain_types = [("name", "string"), ("version", "string"), ("chainId", "uint256"), ("salt", "bytes32")];
    let domain_types: Vec<Json> =
        domain_types.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
    Ok(json!({
        "types": { "EIP712Domain": domain_types, message.name: types },
        "primaryType": message.name,
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": domain.chain_id.to_string(),
            "salt": hex(&domain.network),
        },
        "message": values,
    }))
}

fn value(value: &Value<'_>) -> Json {
    match value {
        Value::Unsigned(number) => Json::String(number.to_string()),
        Value::Signed(number) => Json::String(number.to_string()),
        Value::Flag(flag) => Json::Bool(*flag),
        Value::Text(text) => Json::String((*text).to_owned()),
        Value::Bytes(bytes) => Json::String(hex(bytes)),
        Value::Word(word) => Json::String(hex(word)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

//! How amounts and keys of a request become what the core counts in: exactly, or with a word on what is allowed.

use super::fault::Fault;
use authority::Signer;
use clearing::command::Key;
use clearing::units::{MAX_MONEY, Money, Price, Quantity, Ratio};
use protocol::decimal::{lot, parse_price, parse_quantity, parse_ratio, parse_usd, price};
use protocol::hex::unhex;

/// How many zero bytes stand before an address in a core key.
const PADDING: usize = 12;

/// The lots of an order: negative for a sale.
pub(super) fn lots_of(side: &str, text: &str, places: u8) -> Result<Quantity, Fault> {
    let size = lots("quantity", text, places)?;
    match side {
        "buy" => Ok(size),
        "sell" => Ok(-size),
        other => Err(not_allowed("side", other, "buy or sell")),
    }
}

/// Lots above zero.
pub(super) fn lots(field: &str, text: &str, places: u8) -> Result<Quantity, Fault> {
    let found = parse_quantity(text, places).filter(|size| size.is_positive());
    found.ok_or_else(|| {
        not_allowed(field, text, &format!("a decimal number of whole lots of {} above zero", lot(places)))
    })
}

/// A price of any sign.
pub(super) fn price_of(field: &str, text: &str, places: u8) -> Result<Price, Fault> {
    parse_price(text, places).ok_or_else(|| {
        let step = price(Price::new(1), places);
        not_allowed(field, text, &format!("a decimal number of USD a unit in steps of {step}"))
    })
}

/// Money above zero.
pub(super) fn usd_of(field: &str, text: &str) -> Result<Money, Fault> {
    let found = parse_usd(text).filter(|money| money.is_positive() && money.get() <= MAX_MONEY);
    found.ok_or_else(|| not_allowed(field, text, "a decimal number of USD above zero with at most six places"))
}

/// An amount of USD from zero on.
pub(super) fn usd_or_none(field: &str, text: &str) -> Result<Money, Fault> {
    let found = parse_usd(text).filter(|money| !money.is_negative() && money.get() <= MAX_MONEY);
    found.ok_or_else(|| not_allowed(field, text, "a decimal number of USD from 0 on with at most six places"))
}

/// A fraction from zero on.
pub(super) fn ratio_of(field: &str, text: &str) -> Result<Ratio, Fault> {
    let found = parse_ratio(text).filter(|ratio| !ratio.is_negative());
    found.ok_or_else(|| not_allowed(field, text, "a decimal fraction from 0 on with at most six places"))
}

/// 32 bytes.
pub(super) fn word_of(field: &str, text: &str) -> Result<[u8; 32], Fault> {
    let found = unhex(text).and_then(|bytes| bytes.try_into().ok());
    found.ok_or_else(|| not_allowed(field, text, "32 bytes in hexadecimal"))
}

/// A core key: an address after twelve zero bytes, or 32 bytes as accounts show them. Whether anybody holds it is not asked.
pub(super) fn key_of(field: &str, text: &str) -> Result<Key, Fault> {
    let bytes = unhex(text).filter(|bytes| matches!(bytes.len(), 20 | 32));
    let bytes = bytes.ok_or_else(|| not_allowed(field, text, "an address or an ed25519 key in hexadecimal"))?;
    let mut key = [0; 32];
    key[32 - bytes.len()..].copy_from_slice(&bytes);
    Ok(Key(key))
}

/// Who signs, by its core key: what begins with twelve zero bytes is an address, because no ed25519 key may.
pub(super) fn signer_of(field: &str, text: &str) -> Result<Signer, Fault> {
    let Key(key) = key_of(field, text)?;
    let (zeros, address) = key.split_at(PADDING);
    let signer = match address.try_into() {
        Ok(address) if zeros == [0; PADDING] => Signer::Ethereum(address),
        _ => Signer::Ed25519(key),
    };
    signer.key().map_err(|refusal| Fault::not_valid(format!("{field}: {refusal}")))?;
    Ok(signer)
}

fn not_allowed(field: &str, found: &str, allowed: &str) -> Fault {
    let shown: String = found.chars().take(40).collect();
    Fault::not_valid(format!("{field}: found {shown:?}, allowed {allowed}"))
}

#[cfg(test)]
mod tests {
    use super::{lots_of, price_of, ratio_of, signer_of, usd_of, word_of};
    use authority::Signer;
    use clearing::units::{Money, Price, Quantity, Ratio};

    #[test]
    fn amounts_are_exact_or_refused() {
        assert_eq!(lots_of("sell", "0.015", 3).ok(), Some(Quantity::new(-15)));
        assert_eq!(price_of("limit", "100000.5", 3).ok(), Some(Price::new(100_000_500)));
        assert_eq!(usd_of("amount", "0.000001").ok(), Some(Money::new(1)));
        assert_eq!(ratio_of("premium", "0").ok(), Some(Ratio::ZERO));
        for wrong in ["0", "-1", "0.0001", "1e3", "", "99999999999999999999"] {
            assert!(lots_of("buy", wrong, 3).is_err(), "{wrong}");
        }
        for wrong in ["0", "-1", "0.0000001", "72057594037.927937"] {
            assert!(usd_of("amount", wrong).is_err(), "{wrong}");
        }
        assert!(ratio_of("premium", "-0.1").is_err() && word_of("seal", "0x00").is_err());
    }

    #[test]
    fn a_signer_has_one_key_however_it_is_written() {
        let address = "Ab".repeat(20);
        let signer = Some(Signer::Ethereum([0xab; 20]));
        for text in [format!("0x{address}"), address.clone(), format!("0x{}{address}", "00".repeat(12))] {
            assert_eq!(signer_of("signer", &text).ok(), signer, "{text}");
        }
        let key = "07".repeat(32);
        assert_eq!(signer_of("signer", &key).ok(), Some(Signer::Ed25519([7; 32])));
        let zeros = ["00".repeat(20), "00".repeat(32)];
        for wrong in [&zeros[0], &zeros[1], "", "0x", "0xzz", "0x07", &"07".repeat(21), &"07".repeat(33)] {
            assert!(signer_of("signer", wrong).is_err(), "{wrong}");
        }
    }
}

//! Books as venues answer them: dYdX v4's indexer (`/v4/addresses/{address}` or `…/subaccountNumber/{n}`) and Hyperliquid's `clearinghouseState`.
//!
//! Both state an account's money with the cost of its positions already taken out of it (equity = money + Σ size × price), so what was paid in
//! is money + Σ size × entry. Fields that decide nothing here are ignored: venues add some.

use super::rows::{add_position, number, positive};
use super::{Book, Holding};
use serde_json::Value;
use std::collections::BTreeSet;

/// Reads what a venue answered: one account, or a list or lines of them. `stem` names an account that does not say who it is.
pub(super) fn read(bytes: &[u8], stem: &str) -> Result<Book, Vec<String>> {
    let mut documents = Vec::new();
    for (at, document) in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().enumerate() {
        match document {
            Ok(Value::Array(items)) => documents.extend(items),
            Ok(document) => documents.push(document),
            Err(error) => return Err(vec![format!("document {}: {error}", at + 1)]),
        }
    }
    let mut book = Book::default();
    let (mut names, mut faults) = (BTreeSet::new(), Vec::new());
    for (at, document) in documents.iter().enumerate() {
        let entry = format!("entry {}", at + 1);
        let found = accounts_of(document);
        if found.is_empty() {
            let keys: Vec<&str> =
                document.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default();
            faults.push(format!(
                "{entry}: found {keys:?}, allowed: a dYdX subaccount or a Hyperliquid clearinghouseState"
            ));
        }
        for account in found {
            let fallback = if documents.len() == 1 { stem.to_owned() } else { format!("{stem} {}", at + 1) };
            match account.read(fallback) {
                Ok(holding) if !names.insert(holding.name.clone()) => {
                    faults.push(format!("{entry}: found account {} twice, allowed: once", holding.name));
                }
                Ok(holding) => book.accounts.push(holding),
                Err(more) => faults.extend(more.into_iter().map(|fault| format!("{entry}: {fault}"))),
            }
        }
    }
    if faults.is_empty() { Ok(book) } else { Err(faults) }
}

enum Found<'v> {
    Dydx(&'v Value),
    Hyperliquid { state: &'v Value, who: Option<&'v str> },
}

/// The accounts inside a document, however it wraps them.
fn accounts_of(document: &Value) -> Vec<Found<'_>> {
    if document.get("marginSummary").is_some() {
        return vec![Found::Hyperliquid { state: document, who: text(document, "user") }];
    }
    if let Some(state) = document.get("clearinghouseState") {
        let who = text(document, "user").or_else(|| text(document, "subAccountUser"));
        return vec![Found::Hyperliquid { state, who }];
    }
    if document.get("openPerpetualPositions").is_some() {
        return vec![Found::Dydx(document)];
    }
    let inner = ["subaccount", "contents"].iter().find_map(|key| document.get(key)).map(accounts_of);
    let many = ["subaccounts", "childSubaccounts"].iter().find_map(|key| document.get(key)?.as_array());
    inner.or_else(|| many.map(|items| items.iter().flat_map(accounts_of).collect())).unwrap_or_default()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

impl Found<'_> {
    fn read(&self, fallback: String) -> Result<Holding, Vec<String>> {
        match self {
            Self::Dydx(account) => dydx(account, fallback),
            Self::Hyperliquid { state, who } => hyperliquid(state, who.map_or(fallback, str::to_owned)),
        }
    }
}

/// A decimal, which both venues write as text.
fn decimal(value: &Value, key: &str) -> Result<f64, String> {
    match value.get(key) {
        Some(Value::String(text)) => number(key, text),
        Some(Value::Number(found)) => number(key, &found.to_string()),
        Some(other) => Err(format!("{key}: found {other}, allowed: a decimal")),
        None => Err(format!("{key}: found nothing, allowed: a decimal")),
    }
}

fn dydx(account: &Value, fallback: String) -> Result<Holding, Vec<String>> {
    let name = match (text(account, "address"), account.get("subaccountNumber").and_then(Value::as_u64)) {
        (Some(address), Some(number)) => format!("{address}/{number}"),
        (Some(address), None) => address.to_owned(),
        (None, _) => fallback,
    };
    let mut holding = Holding { name, ..Holding::default() };
    let mut faults = Vec::new();
    for (market, position) in entries(account, "openPerpetualPositions") {
        let read = || -> Result<(f64, f64), String> {
            let units = decimal(position, "size")?.abs() * side(position)?;
            Ok((units, positive("entryPrice", decimal(position, "entryPrice")?)?))
        };
        let symbol = market.strip_suffix("-USD").unwrap_or(market);
        let added = read().and_then(|(units, entry)| add_position(&mut holding, symbol, units, entry));
        faults.extend(added.err().map(|fault| format!("openPerpetualPositions.{market}: {fault}")));
    }
    for (asset, balance) in entries(account, "assetPositions") {
        let money = decimal(balance, "size").and_then(|size| Ok(size.abs() * side(balance)?));
        match (asset, money) {
            ("USDC", Ok(money)) => holding.cash_usd += money,
            (_, Err(fault)) => faults.push(format!("assetPositions.{asset}: {fault}")),
            (_, Ok(_)) => faults.push(format!("assetPositions: found {asset}, allowed: USDC")),
        }
    }
    paid_in(holding, faults)
}

fn entries<'v>(account: &'v Value, key: &str) -> impl Iterator<Item = (&'v str, &'v Value)> + use<'v> {
    let map = account.get(key).and_then(Value::as_object);
    map.into_iter().flat_map(|map| map.iter().map(|(name, value)| (name.as_str(), value)))
}

fn side(position: &Value) -> Result<f64, String> {
    match text(position, "side") {
        Some("LONG") => Ok(1.0),
        Some("SHORT") => Ok(-1.0),
        other => Err(format!("side: found {other:?}, allowed: LONG, SHORT")),
    }
}

fn hyperliquid(state: &Value, name: String) -> Result<Holding, Vec<String>> {
    let mut holding = Holding { name, ..Holding::default() };
    let mut faults = Vec::new();
    match state.get("marginSummary").map(|summary| decimal(summary, "totalRawUsd")) {
        Some(Ok(money)) => holding.cash_usd = money,
        Some(Err(fault)) => faults.push(format!("marginSummary.{fault}")),
        None => faults.push("marginSummary: found nothing, allowed: an object".to_owned()),
    }
    let positions = state.get("assetPositions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (at, position) in positions.iter().map(|item| item.get("position").unwrap_or(item)).enumerate() {
        let coin = text(position, "coin").unwrap_or_default();
        let read = || -> Result<(f64, f64), String> {
            Ok((decimal(position, "szi")?, positive("entryPx", decimal(position, "entryPx")?)?))
        };
        let added = read().and_then(|(units, entry)| add_position(&mut holding, coin, units, entry));
        faults.extend(added.err().map(|fault| format!("assetPositions[{at}] {coin}: {fault}")));
    }
    paid_in(holding, faults)
}

/// Takes the cost of positions back out of the money.
fn paid_in(mut holding: Holding, faults: Vec<String>) -> Result<Holding, Vec<String>> {
    holding.cash_usd += holding.positions.iter().map(|position| position.units * position.entry_usd).sum::<f64>();
    if faults.is_empty() { Ok(holding) } else { Err(faults) }
}

//! Parameters by name: what `set pool concession_blocks 3` sets.

use crate::values::{money, price, quantity, ratio, time};
use clearing::command::Key;
use clearing::parameters::{FeedParameters, InstrumentParameters, Kind, NamedRow, PoolParameters, Setting, Tier};
use clearing::table::FeedId;
use clearing::units::Money;

fn count<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("not a whole number in range: {word}"))
}

fn yes_or_no(word: &str) -> Result<bool, String> {
    match word {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("neither yes nor no: {word}")),
    }
}

/// What a word says as a count, read in the unit of its row in the table of parameters.
fn counted(settings: &[Setting], name: &str, word: &str) -> Result<i128, String> {
    let setting = settings.iter().find(|setting| setting.name == name).ok_or(format!("no such parameter: {name}"))?;
    match setting.unit {
        "quanta" => money(word).map(Money::get),
        "quanta a lot" => price(word).map(|price| price.get().into()),
        "lots" => quantity(word).map(|lots| lots.get().into()),
        "ppm" => ratio(word).map(|ratio| ratio.get().into()),
        "ms" => time(word).map(|time| time.get().into()),
        _ => count(word),
    }
}

/// Sets a parameter of the table by its name.
macro_rules! by_name {
    ($kind:ty, $parameters:expr, $name:expr, $word:expr) => {{
        let value = counted(<$kind>::SETTINGS, $name, $word)?;
        if $parameters.set($name, value) { Ok(()) } else { Err(format!("{} is not one number", $name)) }
    }};
}

/// `0:0.5%/10:1%`: from 0 units half a per cent, from 10 units one.
fn tiers(word: &str) -> Result<Vec<Tier>, String> {
    let tier = |text: &str| {
        let (from, rate) = text.split_once(':').ok_or(format!("a tier is from:rate, not {text}"))?;
        Ok(Tier { from: quantity(from)?, rate: ratio(rate)? })
    };
    if word == "none" { Ok(Vec::new()) } else { word.split('/').map(tier).collect() }
}

/// A key made of a name.
pub fn key(name: &str) -> Key {
    let mut bytes = [0; 32];
    for (byte, letter) in bytes.iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    Key(bytes)
}

pub fn set_feed(parameters: &mut FeedParameters, name: &str, word: &str) -> Result<(), String> {
    match name {
        "sources" => {
            for (publisher, source) in parameters.publishers.iter_mut().zip(word.split('/')) {
                publisher.source = count(source)?;
            }
            Ok(())
        }
        "weights" => {
            for (publisher, weight) in parameters.publishers.iter_mut().zip(word.split('/')) {
                publisher.weight = count(weight)?;
            }
            Ok(())
        }
        "publishers" => {
            parameters.publishers.truncate(count(word)?);
            Ok(())
        }
        _ => by_name!(FeedParameters, parameters, name, word),
    }
}

pub fn set_instrument(parameters: &mut InstrumentParameters, name: &str, word: &str) -> Result<(), String> {
    match (&mut parameters.kind, name) {
        (Kind::Spot { cap, .. }, "cap") => *cap = quantity(word)?,
        (Kind::Spot { ramp, .. }, "ramp") => *ramp = time(word)?,
        (Kind::Spot { crash, .. }, "crash") => *crash = ratio(word)?,
        (Kind::Dated { settlement_window, .. }, "settlement_window") => *settlement_window = time(word)?,
        (Kind::Dated { basis_a_day, .. }, "basis_a_day") => *basis_a_day = ratio(word)?,
        (_, "exit_cost") => parameters.exit_cost = tiers(word)?,
        (_, "initial_exit_cost") => parameters.initial_exit_cost = tiers(word)?,
        (_, "depth") => parameters.depth = tiers(word)?,
        (_, "negative_prices") => parameters.negative_prices = yes_or_no(word)?,
        _ => return by_name!(InstrumentParameters, parameters, name, word),
    }
    Ok(())
}

/// `2020-03-12:BTC-40%/ETH-45%`: a named row, feeds by the given names.
fn named_row(word: &str, feeds: &[String]) -> Result<NamedRow, String> {
    let (name, moves) = word.split_once(':').ok_or(format!("a named row is name:FEED-10%/…, not {word}"))?;
    let shock = |text: &str| {
        let at = text.find(['+', '-']).ok_or(format!("a move is FEED-10%, not {text}"))?;
        let (feed, size) = text.split_at(at);
        let feed = feeds.iter().position(|known| known == feed).ok_or(format!("no such feed: {feed}"))?;
        Ok((FeedId(count(&feed.to_string())?), ratio(size.trim_start_matches('+'))?))
    };
    let moves = moves.split('/').map(shock).collect::<Result<_, String>>()?;
    Ok(NamedRow { name: name.to_string(), moves })
}

pub fn set_pool(parameters: &mut PoolParameters, name: &str, word: &str, feeds: &[String]) -> Result<(), String> {
    match name {
        "venue" => {
            parameters.venues.push(key(word));
            Ok(())
        }
        "named_row" => {
            parameters.named_rows.push(named_row(word, feeds)?);
            Ok(())
        }
        _ => by_name!(PoolParameters, parameters, name, word),
    }
}

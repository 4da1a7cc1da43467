//! What a line of expectations compares: each `name value` pair of a subject against the state or the events.

use crate::values::{same, show_micros, show_money, show_price, show_quantity, show_ratio, show_time};
use crate::world::World;
use clearing::event::{Event, Layer};
use clearing::margin;
use clearing::state::{Account, Instrument};
use clearing::units::{Money, Price, Quantity, Ratio, Time};

/// What an expectation found: a message, and the word of the line that would have been right.
pub struct Miss {
    pub found: String,
    pub word: Option<usize>,
}

/// Checks `expect …`; `words` are the line's words after `expect`, `offset` is the place of the first in the line.
pub fn check(world: &World, words: &[&str], offset: usize) -> Result<Vec<Miss>, String> {
    let (subject, rest) = words.split_first().ok_or("what is expected?")?;
    let offset = offset + 1;
    match (*subject, rest) {
        ("conservation", []) => Ok(world.find_leak().map(|found| Miss { found, word: None }).into_iter().collect()),
        ("no", ["event", wanted @ ..]) => Ok(unexpected(world, wanted)),
        ("event", wanted) => Ok(event(world, wanted, offset)),
        ("events", [name, count]) => Ok(counted(world, name, count, offset + 1)),
        ("breaker", [name, level, cause]) => {
            let found = instrument(world, name)?;
            let found = [format!("{:?}", found.breaker.level), format!("{:?}", found.breaker.cause)];
            let pairs = [level, cause].into_iter().zip(found).enumerate();
            let wrong = pairs.filter(|(_, (wanted, found))| **wanted != found.as_str());
            Ok(wrong.map(|(at, (_, found))| Miss { found, word: Some(offset + 1 + at) }).collect())
        }
        ("layers" | "layer", pairs) => compare(pairs, offset, |name| layer(world, name)),
        ("pool", pairs) => compare(pairs, offset, |name| pool_value(world, name)),
        ("feed", [name, pairs @ ..]) => compare(pairs, offset + 1, |key| feed_value(world, name, key)),
        ("stress", [name, pairs @ ..]) => compare(pairs, offset + 1, |key| stress_value(world, name, key)),
        ("instrument", [name, pairs @ ..]) => compare(pairs, offset + 1, |key| instrument_value(world, name, key)),
        (who, pairs) => {
            let account = world.state_of(who).ok_or(format!("no such account: {who}"))?;
            compare(pairs, offset, |name| account_value(world, who, account, name))
        }
    }
}

/// Compares `name value name value …`.
fn compare(pairs: &[&str], offset: usize, value: impl Fn(&str) -> Result<String, String>) -> Result<Vec<Miss>, String> {
    if pairs.is_empty() || pairs.len() % 2 == 1 {
        return Err("expectations come in pairs: name value".to_string());
    }
    let mut misses = Vec::new();
    for (at, pair) in pairs.chunks(2).enumerate() {
        let found = value(pair[0])?;
        if !same(&found, pair[1]) {
            misses.push(Miss { found: format!("{} {found}", pair[0]), word: Some(offset + at * 2 + 1) });
        }
    }
    Ok(misses)
}

fn account_value(world: &World, who: &str, account: &Account, name: &str) -> Result<String, String> {
    let pool = world.state_of_pool();
    let (cash, positions) = (account.cash, &account.positions);
    Ok(match name {
        "cash" => show_money(cash),
        "equity" => show_money(margin::equity(&pool.matrices, cash, positions)),
        "free" => show_money(margin::free_collateral(pool, cash, positions)),
        "initial" => show_money(margin::initial_margin(pool, cash, positions)),
        "maintenance" => show_money(margin::maintenance_margin(pool, cash, positions)),
        "to_breach" => show_money(margin::maintenance_worst(pool, cash, positions).value),
        "to_target" => show_money(margin::target_worst(pool, cash, positions)),
        "loan" => show_money(margin::loan(pool, account)),
        "orders" => account.orders.len().to_string(),
        "standing" => format!("{:?}", account.standing).split(' ').next().unwrap_or_default().to_string(),
        "tranche" => show_money(pool.tranche.get(&world.account_id(who)).map_or(Money::ZERO, |share| share.amount)),
        instrument => {
            let id = world.instrument_id(instrument);
            pool.instruments.find(id).ok_or(format!("nothing of an account has this name: {instrument}"))?;
            show_quantity(account.quantity(id))
        }
    })
}

fn pool_value(world: &World, name: &str) -> Result<String, String> {
    let pool = world.state_of_pool();
    Ok(match name {
        "own_capital" => show_money(pool.own_capital),
        "fees" => show_money(pool.fees),
        "rounding" => show_money(pool.rounding),
        "custody" => show_money(pool.custody),
        "line" => show_money(pool.line.cap),
        "line_open" => show_money(pool.line.open),
        "pending" => if pool.pending.is_some() { "yes" } else { "no" }.to_string(),
        "drawn" => show_money(pool.line.drawn),
        "target" => show_money(pool.fund.target),
        "carried" => pool.carried.to_string(),
        "reserve" => show_money(world.engine.state().reserve),
        "winding_down" => if pool.winding_down { "yes" } else { "no" }.to_string(),
        "concession_blocks" => pool.parameters.concession_blocks.to_string(),
        "cash_cap" => show_money(pool.parameters.cash_cap),
        "accounts" => pool.accounts.len().to_string(),
        "rows" => pool.matrices.initial.len().to_string(),
        other => return Err(format!("nothing of a pool has this name: {other}")),
    })
}

fn feed_value(world: &World, feed: &str, name: &str) -> Result<String, String> {
    let found = world.engine.state().feeds.find(world.feed_id(feed)).ok_or(format!("no such feed: {feed}"))?;
    Ok(match name {
        "condition" => format!("{:?}", found.condition),
        "index" => show_price(found.index),
        "confidence" => show_price(found.confidence),
        "slow" => show_price(found.slow),
        "max_age" => show_time(found.parameters.max_age),
        other => {
            let publisher = other.strip_prefix("penalty/").and_then(|number| number.parse::<usize>().ok());
            let publisher = publisher.and_then(|number| found.publishers.get(number - 1));
            show_ratio(publisher.ok_or(format!("nothing of a feed has this name: {other}"))?.penalty)
        }
    })
}

fn stress_value(world: &World, feed: &str, name: &str) -> Result<String, String> {
    let pool = world.state_of_pool();
    let own = pool.instruments.find(world.instrument_id(feed));
    let named = |own: &Instrument| own.parameters.feed;
    let known = world.engine.state().feeds.find(world.feed_id(feed)).map(|_| world.feed_id(feed));
    let known = known.or(own.map(named)).ok_or(format!("no such feed: {feed}"))?;
    let stress = pool.stresses.get(&known).ok_or(format!("no such stress: {feed}"))?;
    Ok(show_ratio(match name {
        "raw" => stress.raw,
        "buffered" => stress.buffered,
        // R4.3: what an instrument of this name has, where there is one.
        "initial" => own.map_or(stress.initial, |own| pool.initial_stress(own)),
        "maintenance" => stress.maintenance,
        other => return Err(format!("nothing of a stress has this name: {other}")),
    }))
}

fn instrument<'a>(world: &'a World, name: &str) -> Result<&'a Instrument, String> {
    world.state_of_pool().instruments.find(world.instrument_id(name)).ok_or(format!("no such instrument: {name}"))
}

fn instrument_value(world: &World, instrument_name: &str, name: &str) -> Result<String, String> {
    let found = instrument(world, instrument_name)?;
    Ok(match name {
        "mark" => show_price(found.mark),
        "premium" => show_price(found.premium),
        "open_interest" => show_quantity(found.open_interest),
        "settled" => found.settled.map_or("none".to_string(), show_price),
        "band" => show_ratio(found.parameters.band),
        "pending" => if found.pending.is_some() { "yes" } else { "no" }.to_string(),
        "doubt" => show_price(world.state_of_pool().matrices.doubt(world.instrument_id(instrument_name))),
        other => return Err(format!("nothing of an instrument has this name: {other}")),
    })
}

/// What a layer bore in the last block line; `sum` is all of them.
fn layer(world: &World, name: &str) -> Result<String, String> {
    let wanted = match name {
        "own_capital" => Some(Layer::OwnCapital),
        "fund" => Some(Layer::Fund),
        "tranche" => Some(Layer::Tranche),
        "line" => Some(Layer::Line),
        "adl" => Some(Layer::AutoDeleveraging),
        "gains" => Some(Layer::GainsHaircut),
        "equity" => Some(Layer::MembersEquity),
        "wind_down" => Some(Layer::WindDown),
        "sum" => None,
        other => return Err(format!("no such layer: {other}")),
    };
    let borne = world.events.iter().filter_map(|event| match event {
        Event::LossAllocated { layer, amount, .. } if wanted.is_none_or(|wanted| wanted == *layer) => Some(*amount),
        _ => None,
    });
    Ok(show_money(borne.sum()))
}

/// An event as words: its name, and its fields by name.
pub struct Shown {
    pub name: String,
    pub fields: Vec<(String, String)>,
}

impl std::fmt::Display for Shown {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}", self.name)?;
        self.fields.iter().try_for_each(|(name, value)| write!(out, " {name} {value}"))
    }
}

/// Every event prints its fields as `name: Unit(number)`; this reads them back with the scenario's names and decimals.
pub fn show(world: &World, event: &Event) -> Shown {
    let text = format!("{event:?}").replace("Some(", "").replace("))", ")");
    let (name, inside) = text.split_once(" { ").unwrap_or((&text, ""));
    let pool = pool_in(inside);
    let fields = inside.trim_end_matches(" }").split(", ").filter_map(|field| field.split_once(": "));
    let fields = fields.filter(|(key, _)| *key != "pool" || world.pools.len() > 1);
    Shown {
        name: name.to_string(),
        fields: fields.map(|(key, value)| (key.to_string(), value_in_words(world, pool, value))).collect(),
    }
}

fn pool_in(text: &str) -> usize {
    let number = text.split_once("PoolId(").and_then(|(_, rest)| rest.split_once(')'));
    number.and_then(|(number, _)| number.parse().ok()).unwrap_or(0)
}

fn value_in_words(world: &World, pool: usize, value: &str) -> String {
    let Some((unit, number)) = value.trim_end_matches(')').split_once('(') else { return value.to_lowercase_if_none() };
    let Ok(number) = number.parse::<i128>() else { return value.to_string() };
    let at = usize::try_from(number).unwrap_or(usize::MAX);
    let small = i64::try_from(number).unwrap_or(i64::MAX);
    let names = world.pools.get(pool);
    let named =
        |names: Option<&Vec<String>>| names.and_then(|names| names.get(at)).cloned().unwrap_or(format!("#{number}"));
    match unit {
        "Money" => show_money(Money::new(number)),
        "Price" => show_price(Price::new(small)),
        "Quantity" => show_quantity(Quantity::new(small)),
        "Ratio" => show_ratio(Ratio::new(small)),
        "Time" => show_time(Time::new(small) - world.engine.state().time),
        "AccountId" => named(names.map(|pool| &pool.accounts)),
        "InstrumentId" => named(names.map(|pool| &pool.instruments)),
        "FeedId" => world.feeds.get(at).map_or(format!("#{number}"), |feed| feed.name.clone()),
        "PoolId" => world.pools.get(at).map_or(format!("#{number}"), |pool| pool.name.clone()),
        _ => show_micros(number * 1_000_000),
    }
}

trait NoneInWords {
    fn to_lowercase_if_none(&self) -> String;
}

impl NoneInWords for str {
    fn to_lowercase_if_none(&self) -> String {
        if self == "None" { "nobody".to_string() } else { self.to_string() }
    }
}

/// The words of an expected event that an event does not satisfy: the word's place and what the event has instead.
fn differences(shown: &Shown, wanted: &[&str]) -> Vec<(usize, String)> {
    let mut wrong = Vec::new();
    let mut at = 1;
    while let Some(word) = wanted.get(at) {
        match shown.fields.iter().find(|(name, _)| name == word) {
            Some((_, value)) => {
                at += 1;
                if !wanted.get(at).is_some_and(|word| same(word, value)) {
                    wrong.push((at, value.clone()));
                }
            }
            // A word that names no field is a value that some field has: `AccountLiquidated alice`.
            None if shown.fields.iter().any(|(_, value)| value == word) => {}
            None => wrong.push((at, "no such field or value".to_string())),
        }
        at += 1;
    }
    wrong
}

fn event(world: &World, wanted: &[&str], offset: usize) -> Vec<Miss> {
    let Some(name) = wanted.first() else { return vec![Miss { found: "no name of an event".to_string(), word: None }] };
    let shown: Vec<Shown> =
        world.events.iter().map(|event| show(world, event)).filter(|shown| shown.name == *name).collect();
    let nearest = shown.iter().min_by_key(|shown| differences(shown, wanted).len());
    let Some(nearest) = nearest else {
        let all: Vec<String> = world.events.iter().map(|event| show(world, event).to_string()).collect();
        return vec![Miss { found: format!("no such event; there were:\n      {}", all.join("\n      ")), word: None }];
    };
    let wrong = differences(nearest, wanted);
    wrong
        .into_iter()
        .map(|(at, value)| Miss { found: format!("{value} in: {nearest}"), word: Some(offset + at) })
        .collect()
}

fn unexpected(world: &World, wanted: &[&str]) -> Vec<Miss> {
    let shown = world.events.iter().map(|event| show(world, event));
    let found =
        shown.filter(|shown| wanted.first() == Some(&shown.name.as_str()) && differences(shown, wanted).is_empty());
    found.map(|shown| Miss { found: shown.to_string(), word: None }).collect()
}

fn counted(world: &World, name: &str, count: &str, word: usize) -> Vec<Miss> {
    let found = world.events.iter().filter(|event| show(world, event).name == name).count().to_string();
    if found == count { Vec::new() } else { vec![Miss { found, word: Some(word) }] }
}

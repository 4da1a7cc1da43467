//! What publishers say each second: what their venue last printed, unless they fail, lag, freeze or lie.

use super::convert::price;
use super::keys::key_of;
use crate::plan::FaultKind;
use crate::population::Fault;
use crate::tape::Tape;
use clearing::command::{Command, Key, Signed};
use clearing::parameters::PublisherParameters;
use clearing::table::FeedId;
use clearing::units::{Price, Time};
use std::collections::BTreeMap;

/// A publisher repeats a price that has not changed after this many seconds, so that it stays fresh.
const HEARTBEAT_S: usize = 5;
/// A publisher whose venue has not traded for this long stops. A venue that is open shows quotes even without trades, so
/// the limit is generous and the confidence says how old the trade is.
const SILENT_AFTER_S: usize = 1_800;
/// Confidence of a fresh print, as a share of the price, and what the square root of its age in seconds adds: assumptions.
const FRESH_CONFIDENCE: f64 = 0.0002;
const AGING_CONFIDENCE: f64 = 0.0003;

/// A publisher of one feed.
#[derive(Debug, Clone)]
pub(super) struct Publisher {
    /// Its name: the venue's.
    pub(super) venue: String,
    /// Its key.
    pub(super) key: Key,
    /// The operator of the venue: publishers of one operator share a weight (R3.2).
    source: u16,
    faults: Vec<Fault>,
    /// The last print and its second, for every second; none before the first.
    last: Vec<Option<(f64, usize)>>,
    sent_at: Option<usize>,
}

/// The publishers of a symbol.
#[derive(Debug, Clone)]
pub(super) struct FeedPublishers {
    /// The symbol.
    pub(super) symbol: String,
    lot_size: f64,
    /// One a venue, in the order of the feed's parameters.
    pub(super) publishers: Vec<Publisher>,
}

impl FeedPublishers {
    /// The publishers of a symbol of the tape; none if the tape lacks it.
    #[must_use]
    pub(super) fn of(tape: &Tape, symbol: &str, lot_size: f64, faults: &[Fault]) -> Option<Self> {
        let asset = tape.assets.iter().find(|asset| asset.symbol == symbol)?;
        let mut sources: BTreeMap<&str, u16> = BTreeMap::new();
        let mut publishers = Vec::new();
        for venue in &asset.venues {
            let next = u16::try_from(sources.len()).unwrap_or(u16::MAX);
            let source = *sources.entry(venue.group.as_str()).or_insert(next);
            let concerns = |fault: &&Fault| {
                fault.publisher == venue.venue
                    && (fault.symbols.is_empty() || fault.symbols.iter().any(|own| own == symbol))
            };
            publishers.push(Publisher {
                venue: venue.venue.clone(),
                key: key_of(&format!("{}/{symbol}", short(&venue.venue))),
                source,
                faults: faults.iter().filter(concerns).cloned().collect(),
                last: last_prints(&venue.prints),
                sent_at: None,
            });
        }
        Some(Self { symbol: symbol.to_owned(), lot_size, publishers })
    }

    /// The parameters of the feed's publishers, in order.
    #[must_use]
    pub(super) fn parameters(&self) -> Vec<PublisherParameters> {
        let of = |publisher: &Publisher| PublisherParameters {
            key: publisher.key,
            weight: weight_of(&publisher.venue),
            source: publisher.source,
        };
        self.publishers.iter().map(of).collect()
    }

    /// The first price of every publisher: what the world is set up at.
    #[must_use]
    pub(super) fn first(&self, feed: FeedId, time: Time) -> Vec<Signed> {
        let first =
            |publisher: &Publisher| publisher.last.iter().flatten().next().map(|(print, _)| (publisher.key, *print));
        let observe = |(key, print): (Key, f64)| self.observation(feed, key, print, FRESH_CONFIDENCE, time);
        self.publishers.iter().filter_map(first).map(observe).collect()
    }

    /// What the publishers report in a second whose block has this time.
    pub(super) fn say(&mut self, feed: FeedId, second: usize, time: Time) -> Vec<Signed> {
        let mut said = Vec::new();
        for at in 0..self.publishers.len() {
            let publisher = &mut self.publishers[at];
            if let Some(word) = publisher.word(second) {
                publisher.sent_at = Some(second);
                let published_at = time - Time::new(word.late_s as i64 * 1_000);
                let confidence = FRESH_CONFIDENCE + AGING_CONFIDENCE * (word.age_s as f64).sqrt();
                let key = publisher.key;
                said.push(self.observation(feed, key, word.price, confidence, published_at));
            }
        }
        said
    }

    fn observation(&self, feed: FeedId, signer: Key, usd: f64, confidence: f64, published_at: Time) -> Signed {
        let seen = price(usd, self.lot_size).max(Price::new(1));
        let confidence = price(usd * confidence, self.lot_size).max(Price::new(1));
        Signed {
            signer,
            command: Command::Observe { feed, price: seen, confidence, published_at, transfers_suspended: false },
        }
    }
}

/// A venue's weight. Gemini trades a small part of what the others do: assumption.
fn weight_of(venue: &str) -> u32 {
    if venue == "gemini" { 100 } else { 300 }
}

/// The venue's name, short enough for a key with a symbol.
fn short(venue: &str) -> &str {
    &venue[..venue.len().min(24)]
}

fn last_prints(prints: &[Option<f64>]) -> Vec<Option<(f64, usize)>> {
    let mut last = None;
    let mut all = Vec::with_capacity(prints.len());
    for (second, print) in prints.iter().enumerate() {
        last = print.map(|price| (price, second)).or(last);
        all.push(last);
    }
    all
}

/// What a publisher reports: a price, the age of the trade behind it, and how old its own report is.
struct Word {
    price: f64,
    age_s: usize,
    late_s: usize,
}

impl Publisher {
    fn word(&self, second: usize) -> Option<Word> {
        let fault = self.faults.iter().find(|fault| (fault.from_s..fault.until_s).contains(&second));
        let (seen_at, late_s, factor) = match fault.map(|fault| (fault.kind, fault)) {
            Some((FaultKind::Fail, _)) => return None,
            Some((FaultKind::Lag, fault)) => {
                (second.saturating_sub(fault.magnitude as usize), fault.magnitude as usize, 1.0)
            }
            Some((FaultKind::Freeze, fault)) => (fault.from_s, 0, 1.0),
            Some((FaultKind::Lie, fault)) => (second, 0, fault.magnitude),
            None => (second, 0, 1.0),
        };
        let (print, at) = (*self.last.get(seen_at)?)?;
        let age_s = seen_at - at;
        // Whoever freezes or lies does not say so.
        let fresh = age_s == 0 || fault.is_some_and(|fault| matches!(fault.kind, FaultKind::Freeze | FaultKind::Lie));
        let due = self.sent_at.is_none_or(|sent| second - sent >= HEARTBEAT_S);
        (age_s <= SILENT_AFTER_S && (fresh || due)).then_some(Word { price: print * factor, age_s, late_s })
    }
}

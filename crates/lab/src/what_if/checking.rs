//! Decides whether a document makes sense: every name known, every number exact and inside the core's bounds.

use std::collections::{BTreeMap, BTreeSet};

use clearing::command::Rejection;
use clearing::parameters::{Kind, MAX_TIERS};
use clearing::rows::rows_needed;
use clearing::state::{Condition, Position};
use clearing::table::{FeedId, Id, InstrumentId};
use clearing::units::{
    MAX_INSTRUMENTS, MAX_MONEY, MAX_PRICE, MAX_QUANTITY, MAX_RATIO, MAX_ROWS, Money, PPM, Price, Quantity, Ratio, Time,
};

use super::decimal::Decimal;
use super::document::{
    AccountSheet, ConditionSheet, CorrelationSheet, Document, FeedSheet, InstrumentSheet, KindSheet, PoolSheet,
    RowSheet, Scenarios, TierSheet,
};
use super::fault::Fault;
use super::market::{Bound, FeedLine, InstrumentLine, Market, RowLine, TierLine};
use super::reading::shortened;
use super::resting;

/// Money quanta are 10⁻⁶ USD.
const QUANTUM: i32 = -6;
/// A part per million is 10⁻⁴ percent.
const PPM_IN_PERCENT: i32 = -4;
/// Percent in the largest ratio that the core takes.
const MOST_PERCENT: i64 = MAX_RATIO / 10_000;
/// Longest name, in characters.
const MAX_NAME: usize = 64;
/// What the default set uses where the document is silent: R6.3's buffer.
const TARGET_BUFFER: Ratio = Ratio::new(200_000);
/// A crash counts in full in the initial matrix, and by this share in the maintenance matrix.
const MAINTENANCE_SHARE: Ratio = Ratio::new(600_000);

/// The document as integer counts of the core's units, or the first thing wrong with it.
pub(super) fn check(document: &Document) -> Result<Market, Fault> {
    let default_set = default_set(document)?;
    check_counts(document)?;
    let mut market = Market {
        title: document.title.clone(),
        default_set,
        target_buffer: TARGET_BUFFER,
        maintenance_share: MAINTENANCE_SHARE,
        stressed_correlation: Ratio::ONE,
        feeds: feeds(document)?,
        correlations: Vec::new(),
        instruments: Vec::new(),
        rows: Vec::new(),
        cash: Money::ZERO,
        positions: Vec::new(),
    };
    let feeds = names(document.feeds.iter().map(|feed| feed.name.as_str()), "feeds")?;
    let instruments = names(document.instruments.iter().map(|sheet| sheet.name.as_str()), "instruments")?;
    names(document.rows.iter().map(|row| row.name.as_str()), "rows")?;
    check_stresses(document, default_set, &feeds)?;
    set_pool(&mut market, &document.pool)?;
    market.correlations = correlations(&document.correlations, &feeds)?;
    for (at, sheet) in document.instruments.iter().enumerate() {
        let line = instrument(sheet, default_set, &feeds, &market.feeds);
        market.instruments.push(line.map_err(|fault| fault.inside(&format!("instruments[{at}]")))?);
    }
    for (at, sheet) in document.rows.iter().enumerate() {
        let line = row(sheet, &feeds, &instruments, &market.instruments);
        market.rows.push(line.map_err(|fault| fault.inside(&format!("rows[{at}]")))?);
    }
    set_account(&mut market, &document.account, &instruments).map_err(|fault| fault.inside("account"))?;
    Ok(market)
}

fn default_set(document: &Document) -> Result<bool, Fault> {
    match document.scenarios {
        Some(scenarios) => Ok(scenarios == Scenarios::Default),
        None if !document.rows.is_empty() => Ok(false),
        None => Err(Fault::at("scenarios", "missing, allowed `default`, `rows`")
            .hint("scenarios = \"default\" builds rows from stresses; \"rows\" takes the document's [[rows]] alone")),
    }
}

fn check_counts(document: &Document) -> Result<(), Fault> {
    let bound = |field: &str, found: usize, most: usize| match found {
        found if found > most => Err(Fault::at(field, format!("found {found}, allowed at most {most}"))),
        _ => Ok(()),
    };
    check_text("title", document.title.as_deref().unwrap_or("untitled"), 200)?;
    bound("feeds", document.feeds.len(), MAX_INSTRUMENTS)?;
    bound("instruments", document.instruments.len(), MAX_INSTRUMENTS)?;
    bound("correlations", document.correlations.len(), MAX_INSTRUMENTS * MAX_INSTRUMENTS)?;
    let used: BTreeSet<&str> = document.instruments.iter().map(|sheet| sheet.feed.as_str()).collect();
    let spots = document.instruments.iter().filter(|sheet| sheet.kind == KindSheet::Spot).count();
    let feeds = if document.scenarios == Some(Scenarios::Default) { used.len() } else { 0 };
    let needed = rows_needed(feeds, spots, 0);
    bound("rows", document.rows.len(), MAX_ROWS.saturating_sub(needed))?;
    if needed > MAX_ROWS {
        let message = format!("found {feeds} feeds in use and {spots} spot assets: {needed} rows, allowed {MAX_ROWS}");
        return Err(Fault::at("instruments", message).hint("leave out what the account does not hold"));
    }
    Ok(())
}

/// A text that may be shown on a terminal.
fn check_text(field: &str, text: &str, most: usize) -> Result<(), Fault> {
    let length = text.chars().count();
    if length == 0 || length > most {
        return Err(Fault::at(field, format!("found {length} characters, allowed 1 to {most}")));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::at(field, "found a control character, allowed printable text"));
    }
    Ok(())
}

/// Names and their places; each must be there once.
fn names<'a>(all: impl Iterator<Item = &'a str>, list: &str) -> Result<BTreeMap<&'a str, usize>, Fault> {
    let mut places = BTreeMap::new();
    for (at, name) in all.enumerate() {
        let field = format!("{list}[{at}].name");
        check_text(&field, name, MAX_NAME)?;
        if let Some(first) = places.insert(name, at) {
            return Err(Fault::at(field, format!("found `{name}` twice, allowed once: it is {list}[{first}] already")));
        }
    }
    Ok(places)
}

fn place(of: &str, among: &BTreeMap<&str, usize>, field: &str, what: &str) -> Result<usize, Fault> {
    among.get(of).copied().ok_or_else(|| {
        let known: Vec<&str> = among.keys().take(8).copied().collect();
        let more = if among.len() > known.len() { ", …" } else { "" };
        let hint = format!("known: {}{more}", if known.is_empty() { "none".to_owned() } else { known.join(", ") });
        Fault::at(field, format!("no such {what}: `{}`", shortened(of))).hint(hint)
    })
}

/// A count of units of 10^`place` inside bounds; `unit` names what was written.
fn count(field: &str, value: Decimal, place: i32, bounds: (i128, i128), unit: &str) -> Result<i128, Fault> {
    let shown = |count: i128| Decimal::new(count, place);
    let inside = value.count_of(place).filter(|found| (bounds.0..=bounds.1).contains(found));
    inside.ok_or_else(|| {
        let (low, high, grain) = (shown(bounds.0), shown(bounds.1), shown(1));
        Fault::at(field, format!("found {value} {unit}, allowed {low} to {high} {unit} in steps of {grain}"))
    })
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value).expect("the bounds were checked")
}

/// A percentage as parts per million.
fn percent(field: &str, value: Decimal, low: i64, high: i64) -> Result<Ratio, Fault> {
    let ppm = |percent: i64| i128::from(percent) * i128::from(PPM / 100);
    Ok(Ratio::new(narrow(count(field, value, PPM_IN_PERCENT, (ppm(low), ppm(high)), "%")?)))
}

fn money(field: &str, value: Decimal, lowest: i128) -> Result<Money, Fault> {
    Ok(Money::new(count(field, value, QUANTUM, (lowest, MAX_MONEY), "USD")?))
}

fn feeds(document: &Document) -> Result<Vec<FeedLine>, Fault> {
    let mut lots: BTreeMap<&str, (usize, Decimal)> = BTreeMap::new();
    let mut negative: BTreeSet<&str> = BTreeSet::new();
    for (at, sheet) in document.instruments.iter().enumerate() {
        let field = format!("instruments[{at}].lot");
        if !sheet.lot.is_positive() {
            return Err(Fault::at(field, format!("found {}, allowed more than 0", sheet.lot)));
        }
        let (first, lot) = *lots.entry(&sheet.feed).or_insert((at, sheet.lot));
        if lot != sheet.lot {
            let message =
                format!("found {}, allowed {lot}: the lot of instruments[{first}] on the same feed", sheet.lot);
            return Err(Fault::at(field, message).hint("a feed prices one lot: state every position in the smallest"));
        }
        negative.extend(sheet.negative_prices.then_some(sheet.feed.as_str()));
    }
    let line = |(at, sheet): (usize, &FeedSheet)| {
        let lot = lots.get(sheet.name.as_str()).map_or(Decimal::new(1, 0), |(_, lot)| *lot);
        let line = feed(sheet, lot, negative.contains(sheet.name.as_str()));
        line.map_err(|fault| fault.inside(&format!("feeds[{at}]")))
    };
    document.feeds.iter().enumerate().map(line).collect()
}

fn feed(sheet: &FeedSheet, lot: Decimal, negative: bool) -> Result<FeedLine, Fault> {
    // A lot of n × 10^e units at a price of j ticks of 10^(−6−e) USD is worth exactly n × j quanta.
    let (step, exponent) = lot.parts();
    let (tick_place, most) = (QUANTUM - exponent, i128::from(MAX_PRICE) / step);
    let ticks = |field: &str, value: Decimal, lowest: i128| {
        let whole = count(field, value, tick_place, (lowest, most), "USD");
        whole.map(narrow).map_err(|fault| fault.hint(format!("a lot is {lot}: a finer price needs a larger lot")))
    };
    let lowest = if negative { -most } else { 1 };
    let price = ticks("price", sheet.price, lowest)?;
    let stress =
        |field: &str, value: Option<Decimal>| value.map(|value| percent(field, value, 0, MOST_PERCENT)).transpose();
    let initial = stress("initial_stress", sheet.initial_stress)?;
    let maintenance = stress("maintenance_stress", sheet.maintenance_stress)?;
    if let (Some(found), Some(most)) = (sheet.maintenance_stress, sheet.initial_stress)
        && maintenance > initial
    {
        let message = format!("found {found} %, allowed at most the initial stress: {most} %");
        return Err(Fault::at("maintenance_stress", message));
    }
    Ok(FeedLine {
        name: sheet.name.clone(),
        ticks: price,
        tick_place,
        step: narrow(step),
        slow_ticks: sheet.slow.map_or(Ok(price), |slow| ticks("slow", slow, lowest))?,
        confidence_ticks: ticks("confidence", sheet.confidence.unwrap_or(Decimal::ZERO), 0)?,
        condition: match sheet.condition {
            None | Some(ConditionSheet::Live) => Condition::Live,
            Some(ConditionSheet::Degraded) => Condition::Degraded,
            Some(ConditionSheet::Down) => Condition::Down,
        },
        stress: maintenance.zip(initial),
    })
}

/// What belongs to the default set must be there with it, and would be silently ignored without it.
fn check_stresses(document: &Document, default_set: bool, feeds: &BTreeMap<&str, usize>) -> Result<(), Fault> {
    let only = |field: String| Fault::at(field, "found with scenarios = \"rows\", allowed with \"default\" only");
    if !default_set {
        for (at, feed) in document.feeds.iter().enumerate() {
            let down = matches!(feed.condition, Some(ConditionSheet::Down));
            let fields = [
                ("initial_stress", feed.initial_stress.is_some()),
                ("maintenance_stress", feed.maintenance_stress.is_some()),
                ("slow", feed.slow.is_some()),
                ("condition", down),
            ];
            if let Some((field, _)) = fields.iter().find(|(_, found)| *found) {
                return Err(only(format!("feeds[{at}].{field}")));
            }
        }
        let crash = document.instruments.iter().position(|sheet| sheet.crash.is_some());
        return match crash {
            Some(at) => Err(only(format!("instruments[{at}].crash"))),
            None if !document.correlations.is_empty() => Err(only("correlations".to_owned())),
            None => Ok(()),
        };
    }
    for sheet in &document.instruments {
        let Some(at) = feeds.get(sheet.feed.as_str()) else { continue };
        let feed = &document.feeds[*at];
        for (field, found) in [("initial_stress", feed.initial_stress), ("maintenance_stress", feed.maintenance_stress)]
        {
            if found.is_none() {
                return Err(Fault::at(format!("feeds[{at}].{field}"), "missing, needed with scenarios = \"default\""));
            }
        }
    }
    Ok(())
}

fn set_pool(market: &mut Market, sheet: &PoolSheet) -> Result<(), Fault> {
    let set = |field: &str, value: Option<Decimal>, into: &mut Ratio| {
        if let Some(value) = value {
            if !market.default_set {
                let message = "found with scenarios = \"rows\", allowed with \"default\" only";
                return Err(Fault::at(format!("pool.{field}"), message));
            }
            *into = percent(field, value, 0, 100).map_err(|fault| fault.inside("pool"))?;
        }
        Ok(())
    };
    set("target_buffer", sheet.target_buffer, &mut market.target_buffer)?;
    set("maintenance_share", sheet.maintenance_share, &mut market.maintenance_share)?;
    set("stressed_correlation", sheet.stressed_correlation, &mut market.stressed_correlation)
}

fn feed_id(at: usize) -> FeedId {
    FeedId::at(at).expect("the number of feeds was checked")
}

fn instrument_id(at: usize) -> InstrumentId {
    InstrumentId::at(at).expect("the number of instruments was checked")
}

fn correlations(
    sheets: &[CorrelationSheet],
    feeds: &BTreeMap<&str, usize>,
) -> Result<Vec<(FeedId, FeedId, Ratio)>, Fault> {
    let mut seen = BTreeSet::new();
    let one = |(at, sheet): (usize, &CorrelationSheet)| {
        let field = format!("correlations[{at}].feeds");
        let one = place(&sheet.feeds[0], feeds, &field, "feed")?;
        let other = place(&sheet.feeds[1], feeds, &field, "feed")?;
        if one == other || !seen.insert((one.min(other), one.max(other))) {
            return Err(Fault::at(field, "allowed two different feeds, each pair once"));
        }
        let ratio = percent(&format!("correlations[{at}].percent"), sheet.percent, -100, 100)?;
        Ok((feed_id(one), feed_id(other), ratio))
    };
    sheets.iter().enumerate().map(one).collect()
}

fn instrument(
    sheet: &InstrumentSheet,
    default_set: bool,
    feeds: &BTreeMap<&str, usize>,
    lines: &[FeedLine],
) -> Result<InstrumentLine, Fault> {
    let at = place(&sheet.feed, feeds, "feed", "feed")?;
    let feed = &lines[at];
    let kind = kind(sheet, default_set)?;
    let mut parameters = resting::instrument_parameters(feed_id(at), kind);
    parameters.negative_prices = sheet.negative_prices;
    if let Some(base) = sheet.stress_base {
        parameters.stress_base = price("stress_base", base, sheet.lot, 1)?;
    } else if sheet.negative_prices {
        return Err(Fault::at("stress_base", "missing, needed with negative_prices"));
    }
    let lowest = if sheet.negative_prices { -MAX_PRICE } else { 1 };
    let index = Price::new(feed.ticks * feed.step);
    let mark = sheet.mark.map_or(Ok(index), |mark| price("mark", mark, sheet.lot, lowest))?;
    if sheet.kind == KindSheet::Spot && mark != index {
        return Err(Fault::at("mark", "found on a spot asset, whose mark is the feed's price"));
    }
    let line = InstrumentLine {
        name: sheet.name.clone(),
        parameters,
        lot: sheet.lot,
        mark,
        exit_cost: tiers("exit_cost", &sheet.exit_cost, mark)?,
        initial_exit_cost: tiers("initial_exit_cost", &sheet.initial_exit_cost, mark)?,
    };
    let refused = |why: Rejection| Fault::new(format!("the core refuses the instrument: {}", why.text()));
    line.parameters_at(mark).check().map_err(refused)?;
    Ok(line)
}

fn kind(sheet: &InstrumentSheet, default_set: bool) -> Result<Kind, Fault> {
    let spot = sheet.kind == KindSheet::Spot;
    if sheet.crash.is_some() && !spot {
        return Err(Fault::at("crash", "found on a derivative, allowed on kind = \"spot\" only"));
    }
    if spot && sheet.negative_prices {
        return Err(Fault::at("negative_prices", "found true on a spot asset, allowed false"));
    }
    if spot && default_set && sheet.crash.is_none() {
        return Err(Fault::at("crash", "missing, needed on a spot asset with scenarios = \"default\""));
    }
    Ok(match sheet.kind {
        KindSheet::Perpetual => Kind::Perpetual,
        KindSheet::Dated => {
            // No margin rule reads when it expires; the mark already holds the basis.
            Kind::Dated { expiry: Time::new(1), settlement_window: Time::new(1), basis_a_day: Ratio::ZERO }
        }
        KindSheet::Spot => Kind::Spot {
            cap: Quantity::new(MAX_QUANTITY),
            ramp: Time::ZERO,
            crash: percent("crash", sheet.crash.unwrap_or(Decimal::ZERO), 0, 100)?,
        },
    })
}

/// A price in USD a unit as quanta a lot, exactly.
fn price(field: &str, value: Decimal, lot: Decimal, lowest: i64) -> Result<Price, Fault> {
    let (step, exponent) = lot.parts();
    let bound = |quanta: i64| (i128::from(quanta) / step).max(i128::from(quanta.signum()));
    let ticks = count(field, value, QUANTUM - exponent, (bound(lowest), bound(MAX_PRICE)), "USD")?;
    Ok(Price::new(narrow(ticks * step)))
}

fn tiers(field: &str, sheets: &[TierSheet], mark: Price) -> Result<Vec<TierLine>, Fault> {
    if sheets.len() > MAX_TIERS {
        return Err(Fault::at(field, format!("found {} tiers, allowed at most {MAX_TIERS}", sheets.len())));
    }
    let mut lines: Vec<TierLine> = Vec::new();
    for (at, sheet) in sheets.iter().enumerate() {
        let line = tier(sheet).map_err(|fault| fault.inside(&format!("{field}[{at}]")))?;
        if let Some(before) = lines.last().map(|before| before.at(mark)) {
            let after = line.at(mark);
            if after.from <= before.from || after.rate < before.rate {
                let message = "found a tier that does not begin later at a rate as high, allowed tiers that rise";
                let hint = format!(
                    "in lots, the tier before begins at {} and this one at {}",
                    before.from.get(),
                    after.from.get()
                );
                return Err(Fault::at(format!("{field}[{at}]"), message).hint(hint));
            }
        }
        lines.push(line);
    }
    Ok(lines)
}

fn tier(sheet: &TierSheet) -> Result<TierLine, Fault> {
    let from = match (sheet.from_lots, sheet.from_usd) {
        (Some(_), Some(_)) => return Err(Fault::at("from_usd", "found besides from_lots, allowed one of them")),
        (Some(lots), None) => {
            let lots = count("from_lots", lots, 0, (0, i128::from(MAX_QUANTITY)), "lots")?;
            Bound::Lots(Quantity::new(narrow(lots)))
        }
        (None, usd) => Bound::Notional(money("from_usd", usd.unwrap_or(Decimal::ZERO), 0)?),
    };
    Ok(TierLine { from, rate: percent("rate", sheet.rate, 0, 400)? })
}

fn row(
    sheet: &RowSheet,
    feeds: &BTreeMap<&str, usize>,
    instruments: &BTreeMap<&str, usize>,
    lines: &[InstrumentLine],
) -> Result<RowLine, Fault> {
    if let Some(weight) = sheet.weight.filter(|_| !sheet.prices.is_empty()) {
        return Err(Fault::at("weight", format!("found {weight} % besides prices, allowed with moves only")));
    }
    let mut moves = Vec::new();
    for (name, shock) in &sheet.moves {
        let field = format!("moves.{name}");
        moves.push((feed_id(place(name, feeds, &field, "feed")?), percent(&field, *shock, -100, MOST_PERCENT)?));
    }
    let mut prices = Vec::new();
    for (name, value) in &sheet.prices {
        let field = format!("prices.{name}");
        let at = place(name, instruments, &field, "instrument")?;
        let lowest = if lines[at].parameters.negative_prices { -MAX_PRICE } else { 0 };
        prices.push((instrument_id(at), price(&field, *value, lines[at].lot, lowest)?));
    }
    let weight = sheet.weight.map_or(Ok(Ratio::ONE), |weight| percent("weight", weight, 0, 100))?;
    Ok(RowLine { name: sheet.name.clone(), matrix: sheet.matrix, moves, prices, weight })
}

fn set_account(market: &mut Market, sheet: &AccountSheet, instruments: &BTreeMap<&str, usize>) -> Result<(), Fault> {
    market.cash = money("cash", sheet.cash.unwrap_or(Decimal::ZERO), -MAX_MONEY)?;
    let mut held = BTreeMap::new();
    for (list, holdings, spot) in [("positions", &sheet.positions, false), ("collateral", &sheet.collateral, true)] {
        for (name, units) in holdings {
            let field = format!("{list}.{name}");
            let at = place(name, instruments, &field, "instrument")?;
            let line = &market.instruments[at];
            if matches!(line.parameters.kind, Kind::Spot { .. }) != spot {
                let (allowed, other) = if spot { ("spot assets", "positions") } else { ("derivatives", "collateral") };
                return Err(Fault::at(field, format!("allowed {allowed} only")).hint(format!("put it under {other}")));
            }
            if spot && units.is_negative() {
                let hint = "what is owed in an asset is a negative position in a perpetual on its feed";
                return Err(Fault::at(field, format!("found {units}, allowed 0 or more")).hint(hint));
            }
            held.insert(instrument_id(at), lots(&field, *units, line.lot)?);
        }
    }
    let position = |(instrument, quantity)| Position { instrument, quantity, entry: Money::ZERO };
    market.positions = held.into_iter().filter(|(_, lots)| !lots.is_zero()).map(position).collect();
    Ok(())
}

/// A quantity in units as whole lots.
fn lots(field: &str, units: Decimal, lot: Decimal) -> Result<Quantity, Fault> {
    let (step, exponent) = lot.parts();
    let most = i128::from(MAX_QUANTITY);
    let lots = units.count_of(exponent).filter(|count| count % step == 0).map(|count| count / step);
    let inside = lots.filter(|lots| (-most..=most).contains(lots));
    inside.map(|lots| Quantity::new(narrow(lots))).ok_or_else(|| {
        Fault::at(field, format!("found {units}, allowed whole lots of {lot}, at most {most} of them either way"))
    })
}

//! Decides what an account would need: one document holds a market, its rules and an account; the core answers.
//!
//! Nothing here knows a rule of margin. A document becomes the core's own records (`market`), the core builds the rows
//! and values the account, and the liquidation prices are found by asking the core again at other prices (`liquidation`).
//! Numbers are taken exactly as written (`decimal`) or refused with the field and what is allowed (`fault`).

mod fault;
mod decimal;
mod tree;
mod reading;
mod document;
mod checking;
mod resting;
mod market;
mod liquidation;

pub use fault::Fault;

use clearing::margin::{self, Worst};
use clearing::rows::{Rows, Scenario};
use clearing::state::{Pool, Position};
use clearing::table::{FeedId, Id};
use clearing::units::{Money, PPM, Ratio};
use serde::Deserialize;

use decimal::Decimal;
use document::Document;
use market::{InstrumentLine, Market};

/// Longest document, in bytes.
pub const MAX_DOCUMENT: usize = 8 << 20;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// TOML 1.1.
    Toml,
    /// JSON.
    Json,
}

impl Format {
    /// The format of a document whose name says nothing: JSON begins with a brace, which no TOML document does.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text.trim_start().starts_with('{') { Self::Json } else { Self::Toml }
    }
}

/// What the core says about the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The document's title.
    pub title: Option<String>,
    /// Cash and everything held at today's marks. R6.1
    pub equity: Money,
    /// Σ |quantity| × |mark| of derivatives.
    pub notional: Money,
    /// Equity less free collateral. R6.2
    pub initial_margin: Money,
    /// Equity less the lowest stressed equity over maintenance rows. R6.2
    pub maintenance_margin: Money,
    /// The lowest stressed equity over all rows, less the doubt about prices. R6.2
    pub free_collateral: Money,
    /// Maintenance margin over equity; none when equity is not positive. R6.2
    pub margin_ratio: Option<Ratio>,
    /// Whether the account would be liquidated now. R6.3
    pub breaches: bool,
    /// What leaving every position costs, subtracted in each maintenance row. R5.6
    pub maintenance_exit_cost: Money,
    /// The same for each initial row, which contains the maintenance part. R5.6
    pub initial_exit_cost: Money,
    /// What the uncertainty of prices may cost: taken from free collateral, and granted before a breach. R3.4
    pub doubt: Money,
    /// The maintenance row in which stressed equity is lowest.
    pub binding_maintenance: Binding,
    /// The row of any matrix in which stressed equity at initial exit cost is lowest.
    pub binding_initial: Binding,
    /// Every row, in the core's order.
    pub rows: Vec<RowValue>,
    /// Every instrument, in the document's order.
    pub instruments: Vec<InstrumentAnswer>,
}

/// The row that decides a margin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its name.
    pub row: String,
    /// Stressed equity in it, exit cost subtracted.
    pub value: Money,
}

/// A matrix of the core. R5.3
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrix {
    /// Decides liquidation.
    Maintenance,
    /// Decides where a liquidation ends.
    Target,
    /// Decides, with the other two, what may be opened or withdrawn.
    Initial,
}

/// The account's value in one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowValue {
    /// The row's name.
    pub name: String,
    /// The matrix it belongs to.
    pub matrix: Matrix,
    /// The account's vector times the row.
    pub before_exit_cost: Money,
    /// Stressed equity: less the exit cost of the matrix. R6.1
    pub after_exit_cost: Money,
}

/// An instrument, the account's position in it, and how far its feed may move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentAnswer {
    /// Its name.
    pub name: String,
    /// The name of the feed that prices it.
    pub feed: String,
    /// The position or collateral in units, as a decimal number.
    pub quantity: String,
    /// The price of the feed, USD a unit, as a decimal number.
    pub price: String,
    /// The first price of the feed, at or below the present one, at which the account breaches; none within −100 %.
    pub liquidation_down: Option<LiquidationPrice>,
    /// The first price of the feed, at or above the present one, at which the account breaches; none within +400 %.
    pub liquidation_up: Option<LiquidationPrice>,
}

/// Where a feed makes the account breach, every other feed unchanged. R6.3
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiquidationPrice {
    /// The price of the feed, USD a unit, as a decimal number.
    pub price: String,
    /// The move from the present price, ppm of |price|, rounded down.
    pub step: Ratio,
}

/// Reads a document and lets the core answer.
///
/// # Errors
/// The first thing wrong with the document, with its field and, where it is known, its line.
pub fn answer(text: &str, format: Format) -> Result<Answer, Fault> {
    if text.len() > MAX_DOCUMENT {
        return Err(Fault::new(format!("found {} bytes, allowed at most {MAX_DOCUMENT}", text.len())));
    }
    let tree = match format {
        Format::Toml => tree::from_toml(text)?,
        Format::Json => tree::from_json(text)?,
    };
    let document = Document::deserialize(&tree)?;
    let market = checking::check(&document).map_err(|fault| {
        let line = tree.line_of(&fault.field);
        fault.on_line(line)
    })?;
    Ok(ask(&market))
}

fn ask(market: &Market) -> Answer {
    let pool = &market.pool();
    let (cash, positions) = (market.cash, market.positions.as_slice());
    let equity = margin::equity(&pool.matrices, cash, positions);
    let maintenance_margin = margin::maintenance_margin(pool, cash, positions);
    let free_collateral = margin::free_collateral(pool, cash, positions);
    let maintenance = margin::maintenance_worst(pool, cash, positions);
    let binding_initial = binding_initial(market, pool);
    Answer {
        title: market.title.clone(),
        equity,
        notional: margin::notional(pool, positions),
        initial_margin: margin::initial_margin(pool, cash, positions),
        maintenance_margin,
        free_collateral,
        margin_ratio: equity.is_positive().then(|| maintenance_margin.ratio_to_floor(equity, Ratio::new(i64::MAX))),
        breaches: margin::breaches(pool, cash, positions),
        maintenance_exit_cost: margin::maintenance_exit_cost(pool, positions),
        initial_exit_cost: margin::initial_exit_cost(pool, positions),
        doubt: binding_initial.value - free_collateral,
        binding_maintenance: Binding {
            row: market.name_of(pool.matrices.maintenance.scenarios[maintenance.row]),
            value: maintenance.value,
        },
        binding_initial,
        rows: row_values(market, pool),
        instruments: instruments(market),
    }
}

fn binding_initial(market: &Market, pool: &Pool) -> Binding {
    let matrices = &pool.matrices;
    let lowest = |rows: &Rows| {
        let Worst { value, row } = margin::worst(rows, market.cash, &market.positions);
        (value, market.name_of(rows.scenarios[row]))
    };
    let candidates = [&matrices.initial, &matrices.maintenance, &matrices.target].map(lowest);
    let (value, row) = candidates.into_iter().min_by_key(|(value, _)| *value).expect("there are three matrices");
    Binding { row, value: value - margin::initial_exit_cost(pool, &market.positions) }
}

fn row_values(market: &Market, pool: &Pool) -> Vec<RowValue> {
    let positions: &[Position] = &market.positions;
    let maintenance_cost = margin::maintenance_exit_cost(pool, positions);
    let initial_cost = margin::initial_exit_cost(pool, positions);
    let matrices = [
        (Matrix::Maintenance, &pool.matrices.maintenance, maintenance_cost),
        (Matrix::Target, &pool.matrices.target, maintenance_cost),
        (Matrix::Initial, &pool.matrices.initial, initial_cost),
    ];
    let mut values = Vec::new();
    for (matrix, rows, cost) in matrices {
        let of_row = |(scenario, value): (&Scenario, Money)| RowValue {
            name: market.name_of(*scenario),
            matrix,
            before_exit_cost: value,
            after_exit_cost: value - cost,
        };
        let named = rows.scenarios.iter().zip(margin::row_values(rows, market.cash, positions));
        // Today's row stands in the maintenance matrix; elsewhere it only fills a matrix without rows.
        values.extend(named.filter(|(s, _)| matrix == Matrix::Maintenance || **s != Scenario::Unshocked).map(of_row));
    }
    values
}

fn instruments(market: &Market) -> Vec<InstrumentAnswer> {
    let feeds = (0..market.feeds.len()).map(|at| FeedId::at(at).expect("the number of feeds was checked"));
    let breaches: Vec<_> = feeds.map(|feed| liquidation::first_breaches(market, feed)).collect();
    let one = |(at, line): (usize, &InstrumentLine)| {
        let own = line.parameters.feed.position();
        let feed = &market.feeds[own];
        let price = |ticks: i64| Decimal::new(ticks.into(), feed.tick_place).to_string();
        let (down, up) = breaches[own];
        let found = |ticks: i64| LiquidationPrice { price: price(ticks), step: step(feed.ticks, ticks) };
        let held = market.positions.iter().find(|position| position.instrument.position() == at);
        let (digits, exponent) = line.lot.parts();
        let lots = held.map_or(0, |position| i128::from(position.quantity.get()));
        InstrumentAnswer {
            name: line.name.clone(),
            feed: feed.name.clone(),
            quantity: Decimal::new(lots * digits, exponent).to_string(),
            price: price(feed.ticks),
            liquidation_down: down.map(found),
            liquidation_up: up.map(found),
        }
    };
    market.instruments.iter().enumerate().map(one).collect()
}

/// The move between two prices in ppm of the first.
fn step(from: i64, to: i64) -> Ratio {
    let moved = i128::from(to) - i128::from(from);
    Money::new(moved).ratio_to_floor(Money::new(i128::from(from).abs()), Ratio::new(5 * PPM))
}

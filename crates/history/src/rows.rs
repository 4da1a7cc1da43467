//! Decides which rows the blocks of a view lead to.

use crate::table::Table;
use clearing::event::Event;
use clearing::table::{InstrumentId, PoolId};
use clearing::units::{Money, Price, Quantity, Ratio};
use node::{BlockRecord, Sample, View};
use protocol::decimal::Places;
use std::ops::RangeInclusive;

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Nothing.
    Empty,
    /// A whole number, or a decimal of 18 places.
    Whole(i64),
    /// A decimal of 38 places, without its point.
    Exact(i128),
    Flag(bool),
    Text(String),
    Hash([u8; 32]),
}

/// Places of a quantity after its point.
const QUANTITY_SCALE: u8 = 12;

/// A view, and how large a lot of each asset is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) view: &'a View,
    pub(crate) places: &'a Places,
}

/// An instrument as rows name it.
struct Market {
    name: String,
    feed: u16,
    places: u8,
}

impl Shown<'_> {
    /// The rows of a table, oldest first, that the blocks at these heights led to.
    pub(crate) fn rows(&self, table: Table, heights: &RangeInclusive<u64>) -> Vec<Vec<Cell>> {
        if table == Table::Prices {
            let samples = self.view.samples.iter().filter(|sample| heights.contains(&sample.height));
            return samples.flat_map(|sample| self.prices(sample)).collect();
        }
        // Blocks stand without a gap, so the first one's place follows from its height.
        let oldest = self.view.blocks.front().map_or(0, |block| block.height);
        let skipped = usize::try_from(heights.start().saturating_sub(oldest)).unwrap_or(usize::MAX);
        let blocks = self.view.blocks.iter().skip(skipped).take_while(|block| block.height <= *heights.end());
        blocks.flat_map(|block| self.rows_of_block(table, block)).collect()
    }

    fn rows_of_block(&self, table: Table, block: &BlockRecord) -> Vec<Vec<Cell>> {
        let head = [count(block.height), Cell::Whole(block.time.get())];
        if table == Table::Blocks {
            let counts = [block.commands, block.rejections, block.refusals].map(|found| count(found as u64));
            let root = Cell::Hash(block.root);
            let events = [count(block.first_event), count(block.events.len() as u64)];
            return vec![head.into_iter().chain([root]).chain(counts).chain(events).collect()];
        }
        let events = (block.first_event..).zip(&block.events);
        let rows = events.filter_map(|(sequence, event)| Some((sequence, self.row(table, block.height, event)?)));
        rows.map(|(sequence, own)| head.iter().cloned().chain([count(sequence)]).chain(own).collect()).collect()
    }

    /// What an event adds to a table, after height, time and sequence; none if it belongs to another.
    fn row(&self, table: Table, height: u64, event: &Event) -> Option<Vec<Cell>> {
        match table {
            Table::Fills => self.fill(event),
            Table::Liquidations => liquidation(event),
            Table::PortfolioAuctions => portfolio_auction(event),
            Table::Losses => loss(event),
            Table::Deleveraging => self.deleveraging(event),
            Table::Funding => self.funding(height, event),
            Table::Blocks | Table::Prices => None,
        }
    }

    fn fill(&self, event: &Event) -> Option<Vec<Cell>> {
        let Event::Filled { pool, account, instrument, quantity, price, fee, forced } = event else { return None };
        let market = self.market(*pool, *instrument);
        let row = vec![
            Cell::Whole(pool.0.into()),
            Cell::Whole(account.0.into()),
            Cell::Whole(instrument.0.into()),
            market.quantity(*quantity),
            market.price(*price),
            usd(*fee),
            Cell::Flag(*forced),
            Cell::Whole(market.places.into()),
        ];
        Some(named(row, 3, market.name))
    }

    fn deleveraging(&self, event: &Event) -> Option<Vec<Cell>> {
        let Event::AutoDeleveraged {
            pool,
            defaulter,
            account,
            instrument,
            quantity,
            price,
            deficit,
            gain,
            all_gains,
            haircut,
            shared,
            shared_gains,
        } = event
        else {
            return None;
        };
        let market = self.market(*pool, *instrument);
        let row = vec![
            Cell::Whole(pool.0.into()),
            Cell::Whole(defaulter.0.into()),
            Cell::Whole(account.0.into()),
            Cell::Whole(instrument.0.into()),
            market.quantity(*quantity),
            market.price(*price),
            usd(*deficit),
            usd(*gain),
            usd(*all_gains),
            usd(*haircut),
            usd(*shared),
            usd(*shared_gains),
            Cell::Whole(market.places.into()),
        ];
        Some(named(row, 4, market.name))
    }

    fn funding(&self, height: u64, event: &Event) -> Option<Vec<Cell>> {
        let Event::FundingPaid { pool, instrument, rate } = event else { return None };
        let market = self.market(*pool, *instrument);
        // A sample is taken of every block that pays funding.
        let sample = self.view.samples.iter().rev().find(|sample| sample.height == height)?;
        let of_market = sample.markets.iter().find(|found| (found.pool, found.instrument) == (*pool, *instrument))?;
        let base = market.price_quanta(of_market.funding_base);
        let row = vec![
            Cell::Whole(pool.0.into()),
            Cell::Whole(instrument.0.into()),
            ratio(*rate),
            Cell::Exact(base),
            Cell::Exact(base * i128::from(rate.get())),
            Cell::Whole(market.places.into()),
        ];
        Some(named(row, 2, market.name))
    }

    fn prices(&self, sample: &Sample) -> Vec<Vec<Cell>> {
        let row = |own: &node::MarketSample| {
            let market = self.market(own.pool, own.instrument);
            let (index, slow, confidence) = *sample.feeds.get(usize::from(market.feed))?;
            let row = vec![
                count(sample.height),
                Cell::Whole(sample.time.get()),
                Cell::Whole(own.pool.0.into()),
                Cell::Whole(own.instrument.0.into()),
                Cell::Whole(market.feed.into()),
                market.price(index),
                market.price(slow),
                market.price(confidence),
                own.mark.map_or(Cell::Empty, |mark| market.price(mark)),
                market.quantity(own.open_interest),
                Cell::Whole(market.places.into()),
            ];
            Some(named(row, 4, market.name))
        };
        sample.markets.iter().filter_map(row).collect()
    }

    fn market(&self, pool: PoolId, instrument: InstrumentId) -> Market {
        let own = self.view.pool(pool).and_then(|own| own.pool.instruments.find(instrument));
        let listed = own.expect("events name instruments that are listed");
        let feed = self.view.feeds.find(listed.parameters.feed).expect("instruments name feeds that are listed");
        Market { name: listed.name.clone(), feed: listed.parameters.feed.0, places: self.places.of(&feed.name) }
    }
}

impl Market {
    /// Millionths of USD a unit.
    fn price_quanta(&self, price: Price) -> i128 {
        i128::from(price.get()) * 10_i128.pow(self.places.into())
    }

    fn price(&self, price: Price) -> Cell {
        Cell::Exact(self.price_quanta(price))
    }

    fn quantity(&self, quantity: Quantity) -> Cell {
        Cell::Exact(i128::from(quantity.get()) * 10_i128.pow((QUANTITY_SCALE - self.places).into()))
    }
}

/// Puts the name of an instrument behind its id.
fn named(mut row: Vec<Cell>, at: usize, name: String) -> Vec<Cell> {
    row.insert(at, Cell::Text(name));
    row
}

fn liquidation(event: &Event) -> Option<Vec<Cell>> {
    let (pool, account, kind, figures) = match event {
        Event::AccountLiquidated { pool, account, equity, maintenance_margin } => {
            (pool, account, "AccountLiquidated", [usd(*equity), usd(*maintenance_margin), Cell::Empty])
        }
        Event::AccountRestored { pool, account, equity } => {
            (pool, account, "AccountRestored", [usd(*equity), Cell::Empty, Cell::Empty])
        }
        Event::AccountClosed { pool, account, shortfall } => {
            (pool, account, "AccountClosed", [Cell::Empty, Cell::Empty, usd(*shortfall)])
        }
        _ => return None,
    };
    let ids = [Cell::Whole(pool.0.into()), Cell::Whole(account.0.into()), Cell::Text(kind.to_owned())];
    Some(ids.into_iter().chain(figures).collect())
}

fn portfolio_auction(event: &Event) -> Option<Vec<Cell>> {
    let (pool, account, kind, figures) = match event {
        Event::PortfolioAuctioned { pool, account, notional, equity, premium, taken } => {
            let figures = [Cell::Empty, usd(*notional), usd(*equity), ratio(*premium), Cell::Empty, ratio(*taken)];
            (pool, account, "PortfolioAuctioned", figures)
        }
        Event::SliceTaken { pool, account, bidder, share, premium } => {
            let bidder = Cell::Whole(bidder.0.into());
            let figures = [bidder, Cell::Empty, Cell::Empty, Cell::Empty, usd(*premium), ratio(*share)];
            (pool, account, "SliceTaken", figures)
        }
        Event::PortfolioAbsorbed { pool, account, notional, share, premium } => {
            let figures = [Cell::Empty, usd(*notional), Cell::Empty, Cell::Empty, usd(*premium), ratio(*share)];
            (pool, account, "PortfolioAbsorbed", figures)
        }
        _ => return None,
    };
    let ids = [Cell::Whole(pool.0.into()), Cell::Whole(account.0.into()), Cell::Text(kind.to_owned())];
    Some(ids.into_iter().chain(figures).collect())
}

fn loss(event: &Event) -> Option<Vec<Cell>> {
    let Event::LossAllocated { pool, defaulter, layer, amount, bearer } = event else { return None };
    Some(vec![
        Cell::Whole(pool.0.into()),
        Cell::Whole(defaulter.0.into()),
        Cell::Text(format!("{layer:?}")),
        usd(*amount),
        bearer.map_or(Cell::Empty, |bearer| Cell::Whole(bearer.0.into())),
    ])
}

fn count(count: u64) -> Cell {
    Cell::Whole(i64::try_from(count).expect("a node counts no further than 2⁶³"))
}

fn usd(money: Money) -> Cell {
    Cell::Exact(money.get())
}

fn ratio(ratio: Ratio) -> Cell {
    Cell::Whole(ratio.get())
}

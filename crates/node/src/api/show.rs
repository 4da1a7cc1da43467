//! How the state looks outside: core values in, answers out. Nothing is decided here; every figure is the core's.

use super::liquidation::{feed_of, liquidation_prices};
use crate::view::{PoolView, View};
use clearing::command::{Key, Lifetime};
use clearing::margin;
use clearing::parameters::Kind;
use clearing::rows::{Rows, Scenario};
use clearing::state::{Account, FUND, Feed, Instrument, Order, Pool, Position, Standing};
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::{Money, Price, Quantity, Ratio, Time, square_root_floor};
use protocol::decimal::{Places, lot, price, quantity, ratio, usd};
use protocol::hex::hex;
use protocol::shapes::{
    AccountDetail, AccountFigures, AccountSummary, AuctionView, Band, BidView, BookView, BreakerView, FeedView,
    FundView, LayerView, LineView, Market, OrderView, PoolSummary, PositionView, PublisherView, RowView, TrancheView,
    WorstRows,
};
use std::collections::BTreeMap;

/// Most price levels of a book, a side.
const MOST_LEVELS: usize = 100;

/// A view, with what only people need to know of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    pub(super) view: &'a View,
    pub(super) places: &'a Places,
    /// What publishers are called.
    pub(super) names: &'a BTreeMap<Key, String>,
}

impl Shown<'_> {
    /// The places of an instrument's lot.
    pub(super) fn places_of(&self, pool: &Pool, instrument: InstrumentId) -> u8 {
        let listed = pool.instruments.find(instrument);
        let feed = listed.and_then(|listed| self.view.feeds.find(listed.parameters.feed));
        feed.map_or(0, |feed| self.places.of(&feed.name))
    }

    pub(super) fn pool(&self, id: PoolId, own: &PoolView) -> PoolSummary {
        let pool = &*own.pool;
        let (amount, leaving) = pool.tranche.values().fold((Money::ZERO, Money::ZERO), |(amount, leaving), share| {
            (amount + share.amount, leaving + share.leaving)
        });
        let layer = |layer: &str, available: Money| LayerView { layer: layer.to_owned(), available: usd(available) };
        PoolSummary {
            pool: id.0,
            name: pool.name.clone(),
            accounts: own.accounts.len(),
            open_notional: usd(own.open_notional()),
            liquidating: own.liquidating.len(),
            carried: pool.carried,
            winding_down: pool.winding_down,
            custody: usd(pool.custody),
            fees: usd(pool.fees),
            fund: self.fund(own),
            own_capital: usd(pool.own_capital),
            tranche: TrancheView { amount: usd(amount), leaving: usd(leaving), providers: pool.tranche.len() },
            line: LineView { cap: usd(pool.line.open), drawn: usd(pool.line.drawn) },
            waterfall: vec![
                layer("OwnCapital", pool.own_capital),
                layer("Fund", own.fund_equity().or_zero()),
                layer("Tranche", amount),
                layer("Line", (pool.line.open - pool.line.drawn).or_zero()),
            ],
            bids: pool.bids.keys().filter_map(|account| self.bid(pool, *account)).collect(),
            funding_interval_ms: pool.parameters.funding_interval.get(),
            funding_next_at: (pool.paid_at + pool.parameters.funding_interval).get(),
        }
    }

    fn fund(&self, own: &PoolView) -> FundView {
        let pool = &*own.pool;
        let fund = own.account(FUND);
        let (cash, positions) = fund.map_or((Money::ZERO, &[][..]), |fund| (fund.cash, fund.positions.as_slice()));
        FundView {
            equity: usd(own.fund_equity()),
            initial_margin: usd(margin::initial_margin(pool, cash, positions)),
            target: usd(pool.fund.target),
            high: usd(pool.fund.high),
            positions: positions.iter().map(|position| self.position(pool, position)).collect(),
        }
    }

    fn bid(&self, pool: &Pool, account: AccountId) -> Option<BidView> {
        let bid = pool.bids.get(&account)?;
        Some(BidView { account: account.0, premium: ratio(bid.premium), capacity: usd(bid.capacity) })
    }

    fn position(&self, pool: &Pool, position: &Position) -> PositionView {
        let places = self.places_of(pool, position.instrument);
        let mark = pool.matrices.mark(position.instrument);
        let value = mark * position.quantity;
        let paid_a_lot = if position.quantity.is_negative() {
            (-position.entry).per_lot_floor(-position.quantity)
        } else {
            position.entry.per_lot_floor(position.quantity)
        };
        PositionView {
            instrument: position.instrument.0,
            name: name_of(pool, position.instrument),
            quantity: quantity(position.quantity, places),
            entry_price: price(paid_a_lot, places),
            mark_price: price(mark, places),
            notional: usd(value.abs()),
            unrealised_pnl: usd(value - position.entry),
            liquidation_price: None,
        }
    }

    pub(super) fn market(&self, own: &PoolView, id: InstrumentId, listed: &Instrument) -> Market {
        let pool = &*own.pool;
        let places = self.places_of(pool, id);
        let at = |quanta: Price| price(quanta, places);
        let feed = self.view.feeds.find(listed.parameters.feed);
        let stress = pool.stresses.get(&listed.parameters.feed);
        let stress_of = |part: fn(&clearing::state::Stress) -> Ratio| stress.map_or(Ratio::ZERO, part);
        let rate = feed.and_then(|feed| listed.funding_rate(feed.index, pool.interval_gone));
        let (bids, asks) = levels(own, id);
        let auction = own.auctions.get(&id);
        let (kind, expiry) = match listed.parameters.kind {
            Kind::Perpetual => ("perpetual", None),
            Kind::Dated { expiry, .. } => ("dated", Some(expiry.get())),
            Kind::Spot { .. } => ("spot", None),
        };
        let width = listed.band_width();
        Market {
            instrument: id.0,
            name: listed.name.clone(),
            kind: kind.to_owned(),
            expiry,
            feed: listed.parameters.feed.0,
            feed_name: feed.map(|feed| feed.name.clone()).unwrap_or_default(),
            lot_size: lot(places),
            mark_price: at(listed.mark),
            index_price: at(feed.map_or(Price::ZERO, |feed| feed.index)),
            slow_price: at(feed.map_or(Price::ZERO, |feed| feed.slow)),
            doubt: at(pool.matrices.doubt(id)),
            funding_rate: rate.map(ratio),
            open_interest: quantity(listed.open_interest, places),
            open_notional: usd(listed.mark.abs() * listed.open_interest),
            initial_stress: ratio(stress_of(|stress| stress.initial)),
            maintenance_stress: ratio(stress_of(|stress| stress.maintenance)),
            raw_stress: ratio(stress_of(|stress| stress.raw)),
            band: Band { low: at(listed.within_sign(listed.mark - width)), high: at(listed.mark + width) },
            breaker: BreakerView {
                level: format!("{:?}", listed.breaker.level),
                cause: format!("{:?}", listed.breaker.cause),
                since: listed.breaker.since.get(),
                call_until: listed.breaker.call_until.map(Time::get),
            },
            best_bid: bids.keys().next_back().map(|quanta| at(*quanta)),
            best_ask: asks.keys().next().map(|quanta| at(*quanta)),
            last_price: auction.map(|(_, quanta, _)| at(*quanta)),
            last_quantity: auction.map(|(_, _, lots)| quantity(*lots, places)),
            settled: listed.settled.map(at),
        }
    }

    pub(super) fn book(&self, own: &PoolView, id: InstrumentId) -> BookView {
        let places = self.places_of(&own.pool, id);
        let (bids, asks) = levels(own, id);
        let shown = |(quanta, lots): (&Price, &Quantity)| (price(*quanta, places), quantity(*lots, places));
        let auction = own.auctions.get(&id).map(|(height, quanta, lots)| AuctionView {
            height: *height,
            price: price(*quanta, places),
            quantity: quantity(*lots, places),
        });
        BookView {
            height: self.view.height,
            time: self.view.time.get(),
            instrument: id.0,
            bids: bids.iter().rev().take(MOST_LEVELS).map(shown).collect(),
            asks: asks.iter().take(MOST_LEVELS).map(shown).collect(),
            auction,
        }
    }

    pub(super) fn account(&self, own: &PoolView, id: AccountId, account: &Account) -> AccountSummary {
        let figures = figures(&own.pool, id, account);
        AccountSummary { figures, positions: account.positions.len(), orders: account.orders.len() }
    }

    pub(super) fn account_in_full(&self, own: &PoolView, id: AccountId, account: &Account) -> AccountDetail {
        let pool = &*own.pool;
        let (rows, worst) = self.rows(pool, account);
        AccountDetail {
            figures: figures(pool, id, account),
            cash: usd(account.cash),
            loan: usd(if has_collateral(pool, account) { margin::loan(pool, account) } else { Money::ZERO }),
            positions: self.positions_in_full(pool, account),
            orders: account.orders.iter().map(|order| self.order(pool, order)).collect(),
            rows,
            worst,
            bid: self.bid(pool, id),
        }
    }

    /// Positions with the price of the feed that would liquidate the account: for a long below, for a short above, and where that is not
    /// so (a hedge) on the other side.
    fn positions_in_full(&self, pool: &Pool, account: &Account) -> Vec<PositionView> {
        let prices = liquidation_prices(pool, &self.view.feeds, self.view.time, account);
        let full = |position: &Position| {
            let (below, above) =
                feed_of(pool, position).and_then(|feed| prices.get(&feed)).copied().unwrap_or_default();
            let first = if position.quantity.is_negative() { above.or(below) } else { below.or(above) };
            let places = self.places_of(pool, position.instrument);
            PositionView { liquidation_price: first.map(|at| price(at, places)), ..self.position(pool, position) }
        };
        account.positions.iter().map(full).collect()
    }

    fn order(&self, pool: &Pool, order: &Order) -> OrderView {
        let places = self.places_of(pool, order.instrument);
        let (lifetime, until) = match order.lifetime {
            Lifetime::UntilCancelled => ("UntilCancelled", None),
            Lifetime::Until(time) => ("Until", Some(time.get())),
            Lifetime::ThisBlock => ("ThisBlock", None),
        };
        OrderView {
            number: order.number,
            instrument: order.instrument.0,
            name: name_of(pool, order.instrument),
            side: if order.quantity.is_negative() { "sell" } else { "buy" }.to_owned(),
            quantity: quantity(order.quantity.abs(), places),
            limit: price(order.limit, places),
            reduce_only: order.reduce_only,
            lifetime: lifetime.to_owned(),
            until,
        }
    }

    /// What the account would be worth in each scenario: with doubt in its favour under maintenance and against it under initial
    /// margin, as the rules decide (R3.4, R6.2, R6.3).
    fn rows(&self, pool: &Pool, account: &Account) -> (Vec<RowView>, WorstRows) {
        let (cash, positions) = (account.cash, account.positions.as_slice());
        let spared = margin::doubt_in_favour(pool, cash, positions);
        let charged = margin::doubt_against(pool, positions);
        let valued = |rows: &Rows, deducted: Money| -> Vec<(Scenario, Money)> {
            let values = margin::row_values(rows, cash, positions);
            rows.scenarios.iter().copied().zip(values.into_iter().map(|value| value - deducted)).collect()
        };
        let maintenance = valued(&pool.matrices.maintenance, margin::maintenance_exit_cost(pool, positions) - spared);
        let initial = valued(&pool.matrices.initial, margin::initial_exit_cost(pool, positions) + charged);
        let lowest = |rows: &[(Scenario, Money)]| rows.iter().min_by_key(|(_, value)| *value).map(|(at, _)| *at);
        let worst = WorstRows {
            initial: lowest(&initial).map(|scenario| self.called(pool, scenario)),
            maintenance: lowest(&maintenance).map(|scenario| self.called(pool, scenario)),
        };
        let mut rows: BTreeMap<Scenario, (Option<Money>, Option<Money>)> = BTreeMap::new();
        initial.into_iter().for_each(|(scenario, value)| rows.entry(scenario).or_default().0 = Some(value));
        maintenance.into_iter().for_each(|(scenario, value)| rows.entry(scenario).or_default().1 = Some(value));
        let shown = rows.into_iter().map(|(scenario, (initial, maintenance))| RowView {
            name: self.called(pool, scenario),
            initial: initial.map(usd),
            maintenance: maintenance.map(usd),
        });
        (shown.collect(), worst)
    }

    fn called(&self, pool: &Pool, scenario: Scenario) -> String {
        scenario.called(
            |feed| self.view.feeds.find(feed).map_or("?", |feed| &feed.name),
            |asset| pool.instruments.find(asset).map_or("?", |listed| &listed.name),
            |row| pool.parameters.named_rows.get(usize::from(row)).map_or("?", |row| &row.name),
        )
    }

    pub(super) fn feed(&self, id: FeedId, feed: &Feed) -> FeedView {
        let places = self.places.of(&feed.name);
        let at = |quanta: Price| price(quanta, places);
        let publishers = feed.parameters.publishers.iter().zip(&feed.publishers).map(|(parameters, publisher)| {
            let seen = publisher.observation.as_ref();
            PublisherView {
                key: hex(&parameters.key.0),
                name: self.names.get(&parameters.key).cloned(),
                source: parameters.source,
                weight: parameters.weight,
                price: seen.map(|seen| at(seen.price)),
                confidence: seen.map(|seen| at(seen.confidence)),
                published_at: seen.map(|seen| seen.published_at.get()),
                counts: publisher.counts(&feed.parameters, self.view.time),
                penalty: ratio(publisher.penalty),
                transfers_suspended: seen.is_some_and(|seen| seen.transfers_suspended),
            }
        });
        FeedView {
            feed: id.0,
            name: feed.name.clone(),
            condition: format!("{:?}", feed.condition),
            index_price: at(feed.index),
            confidence: at(feed.confidence),
            slow_price: at(feed.slow),
            volatility_a_day: ratio(volatility_a_day(feed)),
            publishers: publishers.collect(),
        }
    }
}

pub(super) fn figures(pool: &Pool, id: AccountId, account: &Account) -> AccountFigures {
    let (cash, positions) = (account.cash, account.positions.as_slice());
    let equity = margin::equity(&pool.matrices, cash, positions);
    let maintenance = margin::maintenance_margin(pool, cash, positions);
    let free = margin::free_collateral(pool, cash, positions);
    AccountFigures {
        account: id.0,
        owner: hex(&account.owner.0),
        standing: standing(account).to_owned(),
        equity: usd(equity),
        initial_margin: usd(equity - free),
        maintenance_margin: usd(maintenance),
        free_collateral: usd(free),
        margin_ratio: margin_ratio(equity, maintenance).map(ratio),
        notional: usd(margin::notional(pool, positions)),
    }
}

fn name_of(pool: &Pool, instrument: InstrumentId) -> String {
    pool.instruments.find(instrument).map(|listed| listed.name.clone()).unwrap_or_default()
}

fn has_collateral(pool: &Pool, account: &Account) -> bool {
    account.positions.iter().any(|position| pool.instruments.find(position.instrument).is_some_and(Instrument::is_spot))
}

pub(super) fn standing(account: &Account) -> &'static str {
    match account.standing {
        Standing::Good => "Good",
        Standing::Liquidating { .. } => "Liquidating",
        Standing::Closed => "Closed",
    }
}

/// Maintenance margin over equity; none where equity is not above zero.
pub(super) fn margin_ratio(equity: Money, maintenance: Money) -> Option<Ratio> {
    const MOST: Ratio = Ratio::new(1_000_000_000_000);
    equity.is_positive().then(|| maintenance.ratio_to_floor(equity, MOST))
}

/// √(variance × samples a day). R4.1
fn volatility_a_day(feed: &Feed) -> Ratio {
    const DAY: i128 = 86_400_000;
    let interval = i128::from(feed.parameters.sample_interval.get()).max(1);
    let variance = feed.volatility.variance.checked_mul(DAY).map_or(i128::MAX, |scaled| scaled / interval);
    Ratio::new(i64::try_from(square_root_floor(variance)).unwrap_or(i64::MAX))
}

/// Resting quantity by price: bids and asks.
fn levels(own: &PoolView, id: InstrumentId) -> (BTreeMap<Price, Quantity>, BTreeMap<Price, Quantity>) {
    let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
    for (_, account) in own.resting() {
        for order in account.orders.iter().filter(|order| order.instrument == id) {
            let side = if order.quantity.is_negative() { &mut asks } else { &mut bids };
            *side.entry(order.limit).or_insert(Quantity::ZERO) += order.quantity.abs();
        }
    }
    (bids, asks)
}

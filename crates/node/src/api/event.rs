//! How events look outside: `kind` and its fields, with amounts in the units of people.

use super::show::Shown;
use crate::view::BlockRecord;
use clearing::event::Event;
use clearing::table::{InstrumentId, PoolId};
use clearing::units::{Price, Quantity};
use protocol::decimal::{price, quantity, ratio, usd};
use protocol::hex::hex;
use serde_json::{Map, Value, json};

impl Shown<'_> {
    /// The event at a place in a block.
    pub(super) fn event(&self, block: &BlockRecord, at: usize) -> Option<Value> {
        let event = block.events.get(at)?;
        let mut fields = Map::new();
        fields.insert("sequence".into(), json!(block.first_event + at as u64));
        fields.insert("height".into(), json!(block.height));
        fields.insert("time".into(), json!(block.time.get()));
        fields.insert("kind".into(), json!(kind(event)));
        if let Value::Object(own) = self.fields(event) {
            fields.extend(own);
        }
        Some(Value::Object(fields))
    }

    fn price_of(&self, pool: PoolId, instrument: InstrumentId, quanta: Price) -> String {
        price(quanta, self.places_in(pool, instrument))
    }

    fn quantity_of(&self, pool: PoolId, instrument: InstrumentId, lots: Quantity) -> String {
        quantity(lots, self.places_in(pool, instrument))
    }

    pub(super) fn places_in(&self, pool: PoolId, instrument: InstrumentId) -> u8 {
        self.view.pool(pool).map_or(0, |own| self.places_of(&own.pool, instrument))
    }

    fn fields(&self, event: &Event) -> Value {
        match event {
            Event::FeedListed { feed } => json!({ "feed": feed.0 }),
            Event::PoolOpened { pool } | Event::PoolWoundDown { pool } => json!({ "pool": pool.0 }),
            Event::InstrumentListed { pool, instrument } => json!({ "pool": pool.0, "instrument": instrument.0 }),
            Event::AccountOpened { pool, account } => json!({ "pool": pool.0, "account": account.0 }),
            Event::ChangeScheduled { effective_at } => json!({ "effectiveAt": effective_at.get() }),
            Event::ChangeApplied => json!({}),
            Event::ChangeStepped { left } => json!({ "left": left }),
            Event::ChangeDropped { reason } => json!({ "reason": reason.name() }),
            Event::PoolChangeDeferred { pool, accounts } => json!({ "pool": pool.0, "accounts": accounts }),
            Event::FeedChangeDeferred { feed, accounts } => json!({ "feed": feed.0, "accounts": accounts }),
            Event::ChangeDeferred { pool, instrument, accounts } => {
                json!({ "pool": pool.0, "instrument": instrument.0, "accounts": accounts })
            }
            Event::Deposited { pool, account, amount } | Event::Withdrawn { pool, account, amount } => {
                json!({ "pool": pool.0, "account": account.0, "amount": usd(*amount) })
            }
            Event::CollateralDeposited { pool, account, instrument, quantity }
            | Event::CollateralWithdrawn { pool, account, instrument, quantity }
            | Event::CollateralConverted { pool, account, instrument, quantity } => json!({
                "pool": pool.0, "account": account.0, "instrument": instrument.0,
                "quantity": self.quantity_of(*pool, *instrument, *quantity),
            }),
            Event::OrderPlaced { pool, account, number } => {
                json!({ "pool": pool.0, "account": account.0, "number": number })
            }
            Event::OrderRemoved { pool, account, number, reason } => {
                json!({ "pool": pool.0, "account": account.0, "number": number, "reason": format!("{reason:?}") })
            }
            Event::FeedConditionChanged { feed, condition } => {
                json!({ "feed": feed.0, "condition": format!("{condition:?}") })
            }
            Event::PublisherFlagged { feed, publisher, price: seen, index } => {
                let places = self.view.feeds.find(*feed).map_or(0, |feed| self.places.of(&feed.name));
                let key = self.view.feeds.find(*feed).and_then(|feed| {
                    feed.parameters.publishers.get(usize::from(*publisher)).map(|publisher| hex(&publisher.key.0))
                });
                json!({
                    "feed": feed.0, "publisher": publisher, "key": key,
                    "price": price(*seen, places), "index": price(*index, places),
                })
            }
            _ => self.fields_of_trouble(event),
        }
    }

    /// Trades and liquidations.
    fn fields_of_trouble(&self, event: &Event) -> Value {
        match event {
            Event::AccountLiquidated { pool, account, equity, maintenance_margin } => json!({
                "pool": pool.0, "account": account.0,
                "equity": usd(*equity), "maintenanceMargin": usd(*maintenance_margin),
            }),
            Event::AccountRestored { pool, account, equity } => {
                json!({ "pool": pool.0, "account": account.0, "equity": usd(*equity) })
            }
            Event::LiquidationsCarried { pool, accounts } => json!({ "pool": pool.0, "accounts": accounts }),
            Event::AuctionCleared { pool, instrument, price, quantity } => json!({
                "pool": pool.0, "instrument": instrument.0,
                "price": self.price_of(*pool, *instrument, *price),
                "quantity": self.quantity_of(*pool, *instrument, *quantity),
            }),
            Event::Filled { pool, account, instrument, quantity, price, fee, forced } => json!({
                "pool": pool.0, "account": account.0, "instrument": instrument.0,
                "quantity": self.quantity_of(*pool, *instrument, *quantity),
                "price": self.price_of(*pool, *instrument, *price), "fee": usd(*fee), "forced": forced,
            }),
            _ => self.fields_of_losses(event),
        }
    }

    /// Auctions of portfolios, and losses.
    fn fields_of_losses(&self, event: &Event) -> Value {
        match event {
            Event::PortfolioAuctioned { pool, account, notional, equity, premium, taken } => json!({
                "pool": pool.0, "account": account.0, "notional": usd(*notional), "equity": usd(*equity),
                "premium": ratio(*premium), "taken": ratio(*taken),
            }),
            Event::SliceTaken { pool, account, bidder, share, premium } => json!({
                "pool": pool.0, "account": account.0, "bidder": bidder.0,
                "share": ratio(*share), "premium": usd(*premium),
            }),
            Event::PortfolioAbsorbed { pool, account, notional, share, premium } => json!({
                "pool": pool.0, "account": account.0, "notional": usd(*notional),
                "share": ratio(*share), "premium": usd(*premium),
            }),
            Event::AccountClosed { pool, account, shortfall } => {
                json!({ "pool": pool.0, "account": account.0, "shortfall": usd(*shortfall) })
            }
            Event::LossAllocated { pool, defaulter, layer, amount, bearer } => json!({
                "pool": pool.0, "defaulter": defaulter.0, "layer": format!("{layer:?}"),
                "amount": usd(*amount), "bearer": bearer.map(|bearer| bearer.0),
            }),
            Event::AutoDeleveraged {
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
            } => json!({
                "pool": pool.0, "defaulter": defaulter.0, "account": account.0, "instrument": instrument.0,
                "quantity": self.quantity_of(*pool, *instrument, *quantity),
                "price": self.price_of(*pool, *instrument, *price), "deficit": usd(*deficit),
                "gain": usd(*gain), "allGains": usd(*all_gains), "haircut": usd(*haircut),
                "shared": usd(*shared), "sharedGains": usd(*shared_gains),
            }),
            Event::CollateralForfeited { pool, account, instrument, quantity } => json!({
                "pool": pool.0, "account": account.0, "instrument": instrument.0,
                "quantity": self.quantity_of(*pool, *instrument, *quantity),
            }),
            Event::OwnTranchePaid { pool, account, amount } | Event::RemainderForfeited { pool, account, amount } => {
                json!({ "pool": pool.0, "account": account.0, "amount": usd(*amount) })
            }
            Event::ClaimRepaid { pool, layer, amount, bearer } => json!({
                "pool": pool.0, "layer": format!("{layer:?}"),
                "amount": usd(*amount), "bearer": bearer.map(|bearer| bearer.0),
            }),
            _ => self.fields_of_payments(event),
        }
    }

    /// Payments, expiries and breakers.
    fn fields_of_payments(&self, event: &Event) -> Value {
        match event {
            Event::FundingPaid { pool, instrument, rate } => {
                json!({ "pool": pool.0, "instrument": instrument.0, "rate": ratio(*rate) })
            }
            Event::InterestPaid { pool, rate, amount } => {
                json!({ "pool": pool.0, "rate": ratio(*rate), "amount": usd(*amount) })
            }
            Event::Expired { pool, instrument, price } => json!({
                "pool": pool.0, "instrument": instrument.0, "price": self.price_of(*pool, *instrument, *price),
            }),
            Event::BreakerStepped { pool, instrument, level, cause } => json!({
                "pool": pool.0, "instrument": instrument.0,
                "level": format!("{level:?}"), "cause": format!("{cause:?}"),
            }),
            // Written above; named here so that a new event finds no open door.
            Event::FeedListed { .. }
            | Event::PoolOpened { .. }
            | Event::PoolWoundDown { .. }
            | Event::InstrumentListed { .. }
            | Event::AccountOpened { .. }
            | Event::ChangeScheduled { .. }
            | Event::ChangeApplied
            | Event::ChangeDeferred { .. }
            | Event::Deposited { .. }
            | Event::Withdrawn { .. }
            | Event::CollateralDeposited { .. }
            | Event::CollateralWithdrawn { .. }
            | Event::CollateralConverted { .. }
            | Event::OrderPlaced { .. }
            | Event::OrderRemoved { .. }
            | Event::FeedConditionChanged { .. }
            | Event::PublisherFlagged { .. }
            | Event::AccountLiquidated { .. }
            | Event::AccountRestored { .. }
            | Event::LiquidationsCarried { .. }
            | Event::AuctionCleared { .. }
            | Event::Filled { .. }
            | Event::PortfolioAuctioned { .. }
            | Event::SliceTaken { .. }
            | Event::PortfolioAbsorbed { .. }
            | Event::AccountClosed { .. }
            | Event::LossAllocated { .. }
            | Event::ChangeStepped { .. }
            | Event::ChangeDropped { .. }
            | Event::PoolChangeDeferred { .. }
            | Event::FeedChangeDeferred { .. }
            | Event::OwnTranchePaid { .. }
            | Event::ClaimRepaid { .. }
            | Event::CollateralForfeited { .. }
            | Event::RemainderForfeited { .. }
            | Event::AutoDeleveraged { .. } => json!({}),
        }
    }
}

/// The name of an event: that of its variant.
pub(crate) fn kind(event: &Event) -> String {
    let text = format!("{event:?}");
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}

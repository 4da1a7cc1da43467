//! What an order would do, before it is signed: the core is asked about a copy of the account.

use super::Shared;
use super::amounts::{lots_of, price_of};
use super::fault::Fault;
use super::read::{Params, pool_of};
use super::show::figures;
use crate::view::PoolView;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use clearing::command::{Lifetime, NewOrder};
use clearing::commands::judge;
use clearing::state::{Account, Instrument};
use clearing::table::{AccountId, InstrumentId};
use clearing::units::Price;
use protocol::answers::{WhatIfAnswer, WhatIfRequest};
use protocol::decimal::{price, quantity};
use protocol::shapes::Failure;
use std::sync::Arc;

/// What an order would do to an account, and whether the rules would take it. Nothing is placed.
#[utoipa::path(post, path = "/v1/pools/{pool}/accounts/{account}/what-if", request_body = WhatIfRequest,
    params(("pool" = u16, Path), ("account" = u32, Path)),
    responses((status = 200, body = WhatIfAnswer), (status = 400, body = Failure), (status = 404, body = Failure),
        (status = 413, body = Failure), (status = 415, body = Failure), (status = 422, body = Failure)))]
pub(super) async fn what_if(
    State(shared): State<Arc<Shared>>,
    ids: Params<(u16, u32)>,
    asked: Result<Json<WhatIfRequest>, JsonRejection>,
) -> Result<Json<WhatIfAnswer>, Fault> {
    let (Path((pool, account)), Json(asked), view) = (ids?, asked?, shared.view());
    let own = pool_of(&view, pool)?;
    let id = AccountId(account);
    let held = own.account(id).ok_or_else(|| Fault::not_found("account"))?;
    let instrument = InstrumentId(asked.instrument);
    let listed = own.pool.instruments.find(instrument).ok_or_else(|| Fault::not_found("instrument"))?;
    let places = shared.shown(&view).places_of(&own.pool, instrument);
    let order = order_of(&asked, held, places)?;
    let at = match &asked.price {
        Some(text) => price_of("price", text, places)?,
        None => listed.mark,
    };
    let verdict = (!listed.is_spot()).then(|| judge(&view.feeds, view.time, &own.pool, held, &order));
    let after = after(own, listed, held, &order, at)?;
    let rejection = verdict.as_ref().and_then(|verdict| verdict.as_ref().err());
    Ok(Json(WhatIfAnswer {
        height: view.height,
        time: view.time.get(),
        accepted: verdict.as_ref().map(Result::is_ok),
        code: rejection.map(|why| why.code()),
        name: rejection.map(|why| why.name().to_owned()),
        reason: rejection.map(|why| why.text().to_owned()),
        price: price(at, places),
        position: quantity(after.quantity(instrument), places),
        before: figures(&own.pool, id, held),
        after: figures(&own.pool, id, &after),
    }))
}

fn order_of(asked: &WhatIfRequest, held: &Account, places: u8) -> Result<NewOrder, Fault> {
    let limit = asked.limit.as_deref().map(|text| price_of("limit", text, places));
    Ok(NewOrder {
        number: held.last_number.saturating_add(1),
        instrument: InstrumentId(asked.instrument),
        quantity: lots_of(&asked.side, &asked.quantity, places)?,
        limit: limit.transpose()?,
        lifetime: Lifetime::ThisBlock,
        reduce_only: asked.reduce_only,
    })
}

/// The account after a fill, as far as amounts go that the core would carry.
fn after(own: &PoolView, listed: &Instrument, held: &Account, order: &NewOrder, at: Price) -> Result<Account, Fault> {
    let reach = i128::from(held.quantity(order.instrument).get()) + i128::from(order.quantity.get());
    let most = i128::from(listed.parameters.max_position.get());
    if reach.abs() > most.max(i128::from(held.quantity(order.instrument).get().unsigned_abs())) {
        return Err(Fault::not_valid("quantity: the position would be larger than the instrument allows"));
    }
    Ok(own.pool.after_trade(held, order.instrument, order.quantity, at))
}

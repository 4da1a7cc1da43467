//! Observations of publishers and forecasts of forecasters (R3.1, R4.6).

use super::{Outcome, require, require_price};
use crate::command::{Key, Rejection};
use crate::state::{Forecast, Observation, State};
use crate::table::FeedId;
use crate::units::{PPM, Ratio};

pub(super) fn observe(state: &mut State, signer: Key, feed: FeedId, seen: Observation) -> Outcome {
    require_price(seen.price)?;
    require_price(seen.confidence)?;
    require(!seen.confidence.is_negative(), Rejection::PriceOutOfRange)?;
    require(!seen.published_at.is_negative() && seen.published_at <= state.time, Rejection::ObservationInFuture)?;
    let found = state.feeds.find(feed).ok_or(Rejection::FeedNotFound)?;
    let at = found
        .parameters
        .publishers
        .iter()
        .position(|publisher| publisher.key == signer)
        .ok_or(Rejection::NotAuthorised)?;
    let publisher = found.publishers.get(at).expect("every publisher of the parameters has its last word");
    let newer = publisher.observation.as_ref().is_none_or(|last| last.published_at < seen.published_at);
    require(newer, Rejection::ObservationNotNewer)?;

    let publisher = state.feeds[feed].publishers.get_mut(at).expect("it was just found");
    publisher.observation = Some(seen);
    Ok(())
}

pub(super) fn forecast(state: &mut State, signer: Key, feed: FeedId, volatility: Ratio) -> Outcome {
    require((1..=PPM).contains(&volatility.get()), Rejection::RatioOutOfRange)?;
    let found = state.feeds.find(feed).ok_or(Rejection::FeedNotFound)?;
    require(found.parameters.forecasters.contains(&signer), Rejection::NotAuthorised)?;
    // R10.9: a place for each: who reports first keeps nobody else out.
    let last = found.forecasts.get(&signer);
    let soon = last.is_some_and(|last| state.time - last.at < found.parameters.sample_interval);
    require(!soon, Rejection::ForecastTooSoon)?;

    let at = state.time;
    state.feeds[feed].forecasts.insert(signer, Forecast { volatility, at });
    Ok(())
}

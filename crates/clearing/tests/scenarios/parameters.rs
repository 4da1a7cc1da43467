//! Parameters by name: what `set pool concession_blocks 3` sets.

use crate::values::{money, price, quantity, ratio, time};
use clearing::command::Key;
use clearing::parameters::{FeedParameters, InstrumentParameters, Kind, NamedRow, PoolParameters, Tier};
use clearing::table::FeedId;
use clearing::units::{Money, Price, Quantity, Ratio, Time};

/// A setting that can be read from a word.
trait Setting {
    fn read(&mut self, word: &str) -> Result<(), String>;
}

macro_rules! settings {
    ($($kind:ty, $read:expr;)*) => {
        $(impl Setting for $kind {
            fn read(&mut self, word: &str) -> Result<(), String> {
                *self = $read(word)?;
                Ok(())
            }
        })*
    };
}

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

/// `0:0.5%/10:1%`: from 0 units half a per cent, from 10 units one.
fn tiers(word: &str) -> Result<Vec<Tier>, String> {
    let tier = |text: &str| {
        let (from, rate) = text.split_once(':').ok_or(format!("a tier is from:rate, not {text}"))?;
        Ok(Tier { from: quantity(from)?, rate: ratio(rate)? })
    };
    if word == "none" { Ok(Vec::new()) } else { word.split('/').map(tier).collect() }
}

settings! {
    Money, money;
    Price, price;
    Quantity, quantity;
    Ratio, ratio;
    Time, time;
    u16, count;
    u32, count;
    bool, yes_or_no;
    Vec<Tier>, tiers;
}

macro_rules! by_name {
    ($parameters:expr, $name:expr, $word:expr; $($field:ident)*) => {
        match $name {
            $(stringify!($field) => $parameters.$field.read($word),)*
            other => Err(format!("no such parameter: {other}")),
        }
    };
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
        _ => by_name!(parameters, name, word; minimum maximum share_base max_age confidence_limit jump_limit
            jump_confirmations outlier_floor down_after fresh_needed slow_rate sample_interval decay clip long_run_volatility
            forecast_ceiling forecast_max_age stress_z),
    }
}

pub fn set_instrument(parameters: &mut InstrumentParameters, name: &str, word: &str) -> Result<(), String> {
    match (&mut parameters.kind, name) {
        (Kind::Spot { cap, .. }, "cap") => cap.read(word),
        (Kind::Spot { ramp, .. }, "ramp") => ramp.read(word),
        (Kind::Spot { crash, .. }, "crash") => crash.read(word),
        (Kind::Dated { settlement_window, .. }, "settlement_window") => settlement_window.read(word),
        (Kind::Dated { basis_a_day, .. }, "basis_a_day") => basis_a_day.read(word),
        _ => by_name!(parameters, name, word; exit_cost initial_exit_cost band mark_band mark_time fee negative_prices
            stress_base open_interest_low open_interest_high daily_volume max_position max_funding),
    }
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
        _ => by_name!(parameters, name, word; cash_cap max_orders horizon inclusion_delay participation max_horizon
            maintenance_share buffer initial_move_an_hour maintenance_move_an_hour target_buffer stressed_correlation
            cautious_widening withdrawal_floor account_loan_limit pool_loan_limit loan_rate loan_slope
            funding_interval max_liquidations position_share depth_share throttle_off auction_below concession_blocks
            liquidation_fee max_premium unwind_rate unwind_time fund_floor fee_surcharge fee_rebate tranche_notice
            cautious_move cautious_drawdown reduce_only_drawdown calm call_auction call_band grace max_halt timelock),
    }
}

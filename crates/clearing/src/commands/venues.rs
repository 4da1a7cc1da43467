//! What an account lets venues do for it, and what a venue's trade uses up of that (R7.10).
//!
//! A leave has two limits, because a venue can take money in two ways: by a price that is worse than the mark, at once; and by lots at a
//! mark that is about to move. Neither limit grows again when the trade is turned back.

use super::{Outcome, own_account, require};
use crate::command::{Key, Rejection};
use crate::margin;
use crate::state::{Account, MAX_LEAVES, Pool, Position, State, VenueLeave};
use crate::table::{AccountId, InstrumentId, PoolId};
use crate::units::{MAX_MONEY, Money, Price, Quantity};

/// Replaces what the account lets a venue do. It works in every standing, and what a venue that has lost its registration was let can
/// still be taken back.
pub(super) fn allow(state: &mut State, signer: Key, pool: PoolId, account: AccountId, leave: VenueLeave) -> Outcome {
    for limit in [leave.loss, leave.margin] {
        require(!limit.is_negative() && limit.get() <= MAX_MONEY, Rejection::AmountOutOfRange)?;
    }
    let (found, owner) = own_account(state, signer, pool, account)?;
    let is_known = owner.leaves.iter().any(|known| known.venue == leave.venue);
    require(is_known || found.parameters.venues.contains(&leave.venue), Rejection::VenueNotFound)?;
    let ends = leave.loss.is_zero() && leave.margin.is_zero();
    require(ends || is_known || owner.leaves.len() < MAX_LEAVES, Rejection::TooManyVenues)?;

    let leaves = &mut state.pools[pool].accounts.edit(account).leaves;
    leaves.retain(|known| known.venue != leave.venue);
    if !ends {
        leaves.push(leave);
        leaves.sort_unstable_by_key(|known| known.venue);
    }
    Ok(())
}

/// What is left of the account's leave after the venue's trade of these lots, seen from the account's side; nobody else may trade for it.
pub(super) fn after_trade(
    pool: &Pool,
    owner: &Account,
    venue: Key,
    (instrument, quantity, price): (InstrumentId, Quantity, Price),
) -> Result<VenueLeave, Rejection> {
    let leave = owner.leaves.iter().find(|leave| leave.venue == venue).ok_or(Rejection::VenueNotAllowed)?;
    let worse = (price - pool.matrices.mark(instrument)) * quantity;
    let loss = (worse + pool.fee(instrument, price * quantity)).or_zero();
    // Lots that close count as well: at a mark that is behind the market they cost as much as lots that open.
    let lots = [Position { instrument, quantity, entry: Money::ZERO }];
    let margin = margin::initial_margin(pool, Money::ZERO, &lots).or_zero();
    require(loss <= leave.loss && margin <= leave.margin, Rejection::VenueLimitExceeded)?;
    Ok(VenueLeave { venue, loss: leave.loss - loss, margin: leave.margin - margin })
}

/// Keeps what is left of a leave.
pub(super) fn keep(account: &mut Account, left: VenueLeave) {
    if let Some(leave) = account.leaves.iter_mut().find(|leave| leave.venue == left.venue) {
        *leave = left;
    }
}

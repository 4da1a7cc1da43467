//! At which price somebody who must sell sells: never at once at the worst, and never at a price that is in doubt (R10.3, R2.6, R11.8).

use crate::exit_cost::ExitCost;
use crate::state::{Pool, Position};
use crate::table::InstrumentId;
use crate::units::{Money, Price, Ratio};

/// From the edge of the mark's band that is good for a position of this sign, so much of the way to `furthest`.
pub(super) fn concede(
    pool: &Pool,
    instrument: InstrumentId,
    sign: i64,
    furthest: Price,
    (part, whole): (u64, u64),
) -> Price {
    let mark = pool.matrices.mark(instrument);
    let doubt = pool.matrices.doubt(instrument).min(pool.instruments[instrument].band_width());
    let best = if sign < 0 { mark - doubt } else { mark + doubt };
    best.towards_floor(furthest, part, whole)
}

/// What leaving costs the last lot of a position: what margin was charged for it (R5.6), or what the market's depth says of its size
/// (R13.6), where that is more.
pub(super) fn leaving(pool: &Pool, leg: &Position) -> Price {
    let mark = pool.matrices.mark(leg.instrument);
    let charged = pool.matrices.exit_costs.maintenance(leg.instrument).of_last_lot(leg.quantity);
    charged.max(ExitCost::of(&pool.instruments[leg.instrument].parameters.depth, mark).of_last_lot(leg.quantity))
}

/// R10.3: towards the price at which the equity, spread over the positions by notional, is used up, or towards what leaving costs
/// where that is further. Never beyond the band. `blocks` is how many it has been offered in.
pub(super) fn forced_limit(pool: &Pool, positions: &[Position], equity: Money, leg: &Position, blocks: u64) -> Price {
    let (instrument, sign) = (leg.instrument, leg.quantity.signum());
    let listed = &pool.instruments[instrument];
    let mark = pool.matrices.mark(instrument);
    let worth = |position: &Position| pool.matrices.mark(position.instrument).abs() * position.quantity.abs();
    let whole: Money = positions.iter().map(worth).sum();
    let leaving = leaving(pool, leg);
    let equity = mark.abs().times_floor(equity.or_zero().ratio_to_floor(whole, Ratio::ONE));
    let cushion = equity.max(leaving).min(listed.band_width());
    let bankruptcy = if sign < 0 { mark + cushion } else { mark - cushion };
    let steps = u64::from(pool.parameters.concession_blocks);
    concede(pool, instrument, sign, bankruptcy, (blocks.saturating_add(1), steps))
}

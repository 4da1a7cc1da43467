//! The price of a feed at which an account first breaches (R6.3), the others unchanged: a search that asks the core again and again.
//!
//! **Why no crossing is missed.** A row's value is linear in the feed's price, because moves are relative to it and explicit prices stay;
//! the lowest of them less a convex exit cost is concave; so the prices at which an account is sound form one interval, and from a
//! sound price one bisection a direction finds its end. Only a stress base, under which a price may be clamped at zero, breaks this:
//! there the range is first walked on a grid of 100 steps a direction (1 % of the price downwards, 4 % upwards), and the first step
//! that ends in a breach is bisected. Either way the result is a price that breaches, one quantum beyond a price that does not. Rounding
//! inside the core, and tiers whose bounds in USD become whole lots, can make soundness flicker within a few quanta of it, never further.

use crate::units::Price;

/// Steps in which each direction is walked before the bisection, where soundness may not be one interval.
const GRID: i128 = 100;
/// How far upwards is looked, as a multiple of the present price: +400 %. Downwards it is −100 %.
const UPWARDS: i128 = 4;

/// The first prices, downwards and upwards, at which `breaches` says yes: the present price if it does already, none where it does
/// not as far as is looked. `may_bend` says that soundness may not be one interval.
#[must_use]
pub fn first_breaches(
    present: Price,
    may_bend: bool,
    breaches: &dyn Fn(Price) -> bool,
) -> (Option<Price>, Option<Price>) {
    if present == Price::ZERO {
        return (None, None);
    }
    if breaches(present) {
        return (Some(present), Some(present));
    }
    let stride = if may_bend { 1 } else { GRID };
    let (present, reach) = (i128::from(present.get()), i128::from(present.get().unsigned_abs()));
    let towards = |reach: i128| first_towards(present, reach, stride, breaches);
    (towards(reach.saturating_neg()), towards(reach.saturating_mul(UPWARDS)))
}

fn first_towards(present: i128, reach: i128, stride: i128, breaches: &dyn Fn(Price) -> bool) -> Option<Price> {
    let at = |step: i128| {
        let moved = reach.saturating_mul(step).checked_div(GRID).expect("the grid has steps");
        i64::try_from(present.saturating_add(moved)).expect("a bounded price times five fits")
    };
    let mut end = stride;
    while !breaches(Price::new(at(end))) {
        end = end.saturating_add(stride);
        if end > GRID {
            return None;
        }
    }
    let (mut sound, mut breached) = (at(end.saturating_sub(stride)), at(end));
    while sound.abs_diff(breached) > 1 {
        let middle = sound.midpoint(breached);
        if breaches(Price::new(middle)) { breached = middle } else { sound = middle }
    }
    Some(Price::new(breached))
}

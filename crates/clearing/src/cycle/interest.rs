//! Part of step 6a: what opens positions waits while margin has not caught up with the open interest (R4.3).
//!
//! Margin is checked at the stress of what is open already. Somebody who trades with himself could otherwise open in one block, at the margin
//! of an empty market, what the market could never unwind.

use super::book::Interest;
use crate::state::Pool;
use crate::table::{AccountId, InstrumentId};
use crate::units::{Quantity, share_exactly};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Takes back from fills what would raise open interest above what the block allows: from all who open, in proportion to what they open,
/// and as much from buyers as from sellers. Who closes is not touched.
pub(super) fn hold_back(pool: &Pool, instrument: InstrumentId, wishes: &[Interest], fills: &mut [Quantity]) {
    let listed = &pool.instruments[instrument];
    let bought: Quantity = fills.iter().map(|fill| fill.or_zero()).sum();
    if listed.excess_interest(listed.open_interest + bought).is_zero() {
        return;
    }
    let mut net: BTreeMap<AccountId, Quantity> = BTreeMap::new();
    for (wish, fill) in wishes.iter().zip(fills.iter()) {
        *net.entry(wish.account).or_default() += *fill;
    }
    let opened = |sign: i64| -> Vec<(AccountId, Quantity)> {
        let held = |lots: Quantity| if sign < 0 { (-lots).or_zero() } else { lots.or_zero() };
        let by = |(account, net): (&AccountId, &Quantity)| {
            let before = pool.accounts[*account].quantity(instrument);
            (*account, held(before + *net) - held(before))
        };
        net.iter().map(by).collect()
    };
    let growth: Quantity = opened(1).iter().map(|(_, lots)| *lots).sum();
    let excess = listed.excess_interest(listed.open_interest + growth).min(growth.or_zero());
    for sign in [1, -1] {
        take_back(&opened(sign), sign, excess, wishes, fills);
    }
}

fn take_back(
    opened: &[(AccountId, Quantity)],
    sign: i64,
    excess: Quantity,
    wishes: &[Interest],
    fills: &mut [Quantity],
) {
    let openers: Vec<_> = opened.iter().filter(|(_, lots)| lots.is_positive()).collect();
    let weights: Vec<i128> = openers.iter().map(|(_, lots)| i128::from(lots.get())).collect();
    for ((account, _), part) in openers.iter().zip(share_exactly(i128::from(excess.get()), &weights)) {
        let mut left = Quantity::new(i64::try_from(part).expect("a part is at most what was opened"));
        // The latest orders first.
        for (wish, fill) in wishes.iter().zip(fills.iter_mut()).rev() {
            if wish.account == *account && fill.signum() == sign {
                let cut = fill.abs().min(left);
                *fill -= cut.on_side(sign);
                left -= cut;
            }
        }
        assert!(left.is_zero(), "whoever opens has filled at least that much");
    }
}

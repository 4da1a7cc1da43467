//! Auto-deleveraging: opposing positions close against a defaulter's, capped pro-rata on portfolio gains (R12.2, R12.5).
//!
//! Winners are paid the mark for their lots and bear a part of the deficit in proportion to what their whole portfolio has
//! gained, never more than that. The parts sum to the deficit to the quantum, so nothing is taken in excess.

use super::layers::gain;
use crate::event::{Event, Layer};
use crate::margin;
use crate::state::{Account, FUND, Pool, Position};
use crate::table::{AccountId, InstrumentId, PoolId};
use crate::units::{Money, Price, Quantity, share_exactly};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Who holds what, found when first asked and then kept for the block: a waterfall only makes positions smaller, so that nobody
/// is missing later.
#[derive(Default)]
pub(super) struct Holders(Option<BTreeMap<(InstrumentId, i64), Vec<AccountId>>>);

impl Holders {
    /// Everybody who may hold the other side of a position, in order.
    fn against(&mut self, pool: &Pool, leg: &Position) -> &[AccountId] {
        let holders = self.0.get_or_insert_with(|| {
            let mut holders: BTreeMap<(InstrumentId, i64), Vec<AccountId>> = BTreeMap::new();
            for (account, held) in pool.accounts.iter() {
                for position in &held.positions {
                    holders.entry((position.instrument, position.quantity.signum())).or_default().push(account);
                }
            }
            holders
        });
        holders.get(&(leg.instrument, leg.quantity.signum().saturating_neg())).map_or(&[], Vec::as_slice)
    }
}

/// Closes every derivative of the defaulter; what gains cannot bear of the deficit stays with the defaulter.
pub(super) fn close(
    pool: &mut Pool,
    id: PoolId,
    defaulter: AccountId,
    deficit: Money,
    holders: &mut Holders,
    say: &mut dyn FnMut(Event),
) {
    let legs: Vec<Position> = pool.accounts[defaulter]
        .positions
        .iter()
        .filter(|position| !pool.instruments[position.instrument].is_spot())
        .cloned()
        .collect();
    let worth =
        |leg: &Position| (pool.matrices.mark(leg.instrument).abs() * leg.quantity.abs()).max(Money::new(1)).get();
    let weights: Vec<i128> = legs.iter().map(worth).collect();
    for (leg, part) in legs.iter().zip(share_exactly(deficit.get(), &weights)) {
        let others = holders.against(pool, leg);
        close_leg(pool, id, defaulter, leg, Money::new(part), others, say);
    }
}

/// An account on the other side.
struct Opposite {
    account: AccountId,
    /// What it could close.
    size: Quantity,
    /// What its portfolio has gained.
    gain: Money,
    lots: Quantity,
    haircut: Money,
}

fn close_leg(
    pool: &mut Pool,
    id: PoolId,
    defaulter: AccountId,
    leg: &Position,
    deficit: Money,
    holders: &[AccountId],
    say: &mut dyn FnMut(Event),
) {
    let mut winners = opposites(pool, defaulter, leg, holders, |pool, account, held| {
        account != FUND && held.is_good() && gain(pool, held).is_positive()
    });
    share_by_gain(&mut winners, leg.quantity.abs(), deficit);
    // R12.2: nobody is pushed below their own target: who would be leaves, once, and the others share again.
    winners.retain(|winner| keeps_target(pool, winner, leg.instrument));
    let (lots, left) = share_by_gain(&mut winners, leg.quantity.abs(), deficit);
    winners.retain(|winner| keeps_target(pool, winner, leg.instrument));
    let closed: Quantity = winners.iter().map(|winner| winner.lots).sum();
    assert!(closed <= lots && left <= deficit, "a share is part of its whole");

    let all_gains = winners.iter().map(|winner| winner.gain).sum();
    for winner in winners.iter().filter(|winner| winner.lots.is_positive() || winner.haircut.is_positive()) {
        let facts = Facts { defaulter, deficit, all_gains };
        reduce(pool, id, leg, winner, &facts, say);
    }
    let facts = Facts { defaulter, deficit, all_gains: Money::ZERO };
    close_remainder(pool, id, leg, leg.quantity.abs() - closed, holders, &facts, say);
}

fn opposites(
    pool: &Pool,
    defaulter: AccountId,
    leg: &Position,
    holders: &[AccountId],
    counts: impl Fn(&Pool, AccountId, &Account) -> bool,
) -> Vec<Opposite> {
    let opposite = |account: AccountId| {
        let held = &pool.accounts[account];
        let size = held.quantity(leg.instrument);
        let counted = size.opposes(leg.quantity) && account != defaulter && counts(pool, account, held);
        counted.then(|| Opposite {
            account,
            size: size.abs(),
            gain: gain(pool, held),
            lots: Quantity::ZERO,
            haircut: Money::ZERO,
        })
    };
    holders.iter().copied().filter_map(opposite).collect()
}

/// Gives every winner lots and a haircut in proportion to its gain, capped by its position and its gain: water-filling by
/// exact shares. Returns the lots and the deficit that were given out.
fn share_by_gain(winners: &mut [Opposite], lots: Quantity, deficit: Money) -> (Quantity, Money) {
    let gains: Vec<i128> = winners.iter().map(|winner| winner.gain.get()).collect();
    let sizes: Vec<i128> = winners.iter().map(|winner| i128::from(winner.size.get())).collect();
    let given_lots = fill_to_caps(i128::from(lots.get()), &gains, &sizes);
    let given_cuts = fill_to_caps(deficit.get(), &gains, &gains);
    for ((winner, part), cut) in winners.iter_mut().zip(&given_lots).zip(&given_cuts) {
        winner.lots = Quantity::new(i64::try_from(*part).expect("a part is at most the position"));
        winner.haircut = Money::new(*cut);
    }
    (winners.iter().map(|winner| winner.lots).sum(), winners.iter().map(|winner| winner.haircut).sum())
}

/// Shares `total` by `weights`, none above its cap: whoever reaches the cap keeps it, and the others share what is left.
fn fill_to_caps(total: i128, weights: &[i128], caps: &[i128]) -> Vec<i128> {
    let mut given: Vec<i128> = weights.iter().map(|_| 0).collect();
    let mut left = total;
    // Every round but the last fills at least one cap, so the rounds are bounded by the entries.
    for _ in 0..=weights.len() {
        let open: Vec<i128> = weights
            .iter()
            .zip(caps)
            .zip(&given)
            .map(|((weight, cap), given)| if given < cap { *weight } else { 0 })
            .collect();
        let mut moved = 0_i128;
        for ((part, cap), given) in share_exactly(left, &open).into_iter().zip(caps).zip(given.iter_mut()) {
            let take = part.min(cap.saturating_sub(*given));
            *given = given.saturating_add(take);
            moved = moved.saturating_add(take);
        }
        left = left.saturating_sub(moved);
        if moved == 0 || left == 0 {
            break;
        }
    }
    given
}

/// Whether the account stays above its own liquidation target, or is no worse off, after closing its lots.
fn keeps_target(pool: &Pool, winner: &Opposite, instrument: InstrumentId) -> bool {
    let before = &pool.accounts[winner.account];
    let mut after = before.clone();
    let sign = before.quantity(instrument).signum();
    if winner.lots.is_positive() {
        after.fill(instrument, winner.lots.on_side(sign.saturating_neg()), pool.matrices.mark(instrument));
    }
    after.cash -= winner.haircut;
    let was = margin::target_worst(pool, before.cash, &before.positions);
    let is = margin::target_worst(pool, after.cash, &after.positions);
    !is.is_negative() || is >= was
}

/// What every certificate of one defaulter's leg has in common.
struct Facts {
    defaulter: AccountId,
    deficit: Money,
    all_gains: Money,
}

fn reduce(pool: &mut Pool, id: PoolId, leg: &Position, winner: &Opposite, facts: &Facts, say: &mut dyn FnMut(Event)) {
    let price: Price = pool.matrices.mark(leg.instrument);
    let (defaulter, account, instrument) = (facts.defaulter, winner.account, leg.instrument);
    let quantity = winner.lots.on_side(leg.quantity.signum());
    if !quantity.is_zero() {
        pool.trade(account, instrument, quantity, price);
        pool.trade(defaulter, instrument, -quantity, price);
    }
    super::layers::charge(pool, id, defaulter, account, Layer::AutoDeleveraging, winner.haircut, say);
    // R12.5: enough for the account that was reduced to check the arithmetic alone.
    say(Event::AutoDeleveraged {
        pool: id,
        defaulter,
        account,
        instrument,
        quantity,
        price,
        deficit: facts.deficit,
        gain: winner.gain,
        all_gains: facts.all_gains,
        haircut: winner.haircut,
    });
}

/// Lots that no winner could close are closed with everybody else on the other side, by size, at the mark and at no cost.
fn close_remainder(
    pool: &mut Pool,
    id: PoolId,
    leg: &Position,
    lots: Quantity,
    holders: &[AccountId],
    facts: &Facts,
    say: &mut dyn FnMut(Event),
) {
    if lots.is_zero() {
        return;
    }
    let mut others = opposites(pool, facts.defaulter, leg, holders, |_, _, _| true);
    let sizes: Vec<i128> = others.iter().map(|other| i128::from(other.size.get())).collect();
    for (other, part) in others.iter_mut().zip(share_exactly(i128::from(lots.get()), &sizes)) {
        other.lots = Quantity::new(i64::try_from(part).expect("a part is at most the position"));
    }
    for other in others.iter().filter(|other| other.lots.is_positive()) {
        reduce(pool, id, leg, other, facts, say);
    }
}

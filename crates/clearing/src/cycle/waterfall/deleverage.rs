//! Auto-deleveraging: opposing positions close against the defaulters', and whoever gained on that side bears what is lacking, capped and
//! in proportion to portfolio gains (R12.2, R12.5).
//!
//! All defaulters of a block are closed together, at the mark, so that neither their order nor that of their legs decides anything; then the
//! part of the deficit that belongs to a market is shared once. Work and events grow with the number of accounts, not with the product of
//! defaulters and winners.

mod plan;

use super::layers::{above_target, take_from};
use super::loss::Loss;
use crate::event::{Event, Layer};
use crate::parallel;
use crate::state::{Pool, Position};
use crate::table::{AccountId, InstrumentId};
use crate::units::{Capped, Money, Quantity, share_exactly, share_up_to_caps};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The side of a market on which others stand against defaulters: the instrument, and +1 for long, −1 for short.
type Side = (InstrumentId, i64);

/// A position that a defaulter had.
struct Leg {
    account: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
}

impl Leg {
    /// Where the others stand.
    fn other_side(&self) -> Side {
        (self.instrument, self.quantity.signum().saturating_neg())
    }
}

/// Who stood against the defaulters, and what was closed.
#[derive(Default)]
pub(super) struct Closed {
    legs: Vec<Leg>,
    /// Everybody who holds that side, or has left it within the memory of gains, in order. R12.6
    against: BTreeMap<Side, Vec<AccountId>>,
    /// The gains of all of them, before anything was closed.
    gains: BTreeMap<AccountId, Money>,
    /// The lots that others bought, or sold, to close.
    lots: BTreeMap<(InstrumentId, AccountId), Quantity>,
}

/// Closes every derivative of the defaulters whose market is open (R10.8), at the marks, against each other and against everybody else on the other side.
pub(super) fn close(pool: &mut Pool, defaulters: &[AccountId]) -> Closed {
    let mut closed = Closed { legs: legs_of(pool, defaulters), ..Closed::default() };
    if closed.legs.is_empty() {
        return closed;
    }
    let sides: BTreeSet<Side> = closed.legs.iter().map(Leg::other_side).collect();
    let defaulters: BTreeSet<AccountId> = defaulters.iter().copied().collect();
    closed.against = find_against(pool, &sides, &defaulters);
    closed.gains = gains_of(pool, &closed.against);
    closed.lots = plan::lots(pool, &closed);
    let mark = |pool: &Pool, instrument: InstrumentId| pool.matrices.mark(instrument);
    for leg in &closed.legs {
        pool.trade(leg.account, leg.instrument, -leg.quantity, mark(pool, leg.instrument));
    }
    for ((instrument, account), lots) in &closed.lots {
        pool.trade(*account, *instrument, *lots, mark(pool, *instrument));
    }
    closed
}

fn legs_of(pool: &Pool, defaulters: &[AccountId]) -> Vec<Leg> {
    let derivative = |held: &&Position| !pool.instruments[held.instrument].is_spot();
    let of = |account: AccountId| {
        let legs = pool.open_legs(&pool.accounts[account].positions).into_iter().filter(|held| derivative(&held));
        legs.map(move |held| Leg { account, instrument: held.instrument, quantity: held.quantity })
    };
    defaulters.iter().copied().flat_map(of).collect()
}

/// One walk over everybody: who holds one of the sides, and who held it lately.
fn find_against(
    pool: &Pool,
    sides: &BTreeSet<Side>,
    defaulters: &BTreeSet<AccountId>,
) -> BTreeMap<Side, Vec<AccountId>> {
    let mut against: BTreeMap<Side, Vec<AccountId>> = BTreeMap::new();
    for (account, held) in pool.accounts.iter() {
        let holds = held.positions.iter().map(|position| (position.instrument, position.quantity.signum()));
        let left = held.sides_left(pool.now.0).map(|left| (left.instrument, left.sign()));
        for side in holds.chain(left).filter(|side| sides.contains(side)) {
            let there = against.entry(side).or_default();
            if !defaulters.contains(&account) && there.last() != Some(&account) {
                there.push(account);
            }
        }
    }
    against
}

fn gains_of(pool: &Pool, against: &BTreeMap<Side, Vec<AccountId>>) -> BTreeMap<AccountId, Money> {
    let everybody: BTreeSet<AccountId> = against.values().flatten().copied().collect();
    let everybody: Vec<AccountId> = everybody.into_iter().collect();
    let gains = parallel::map(&everybody, |account| {
        if *account == crate::state::FUND { Money::ZERO } else { pool.gain(&pool.accounts[*account]) }
    });
    everybody.into_iter().zip(gains).collect()
}

/// What of the deficits belongs to each market: those who owe it, by their place, each with its part.
type Dues = BTreeMap<Side, Vec<(usize, Money)>>;

/// Charges what the layers above have left of the deficits of those who were closed, and certifies to everybody what was closed and charged.
pub(super) fn charge(pool: &mut Pool, closed: &Closed, loss: &mut Loss, say: &mut dyn FnMut(Event)) {
    let dues = dues_of(pool, closed, loss);
    let caps = caps_of(pool, closed, &dues);
    for (side, against) in &closed.against {
        let due = dues.get(side).map_or(&[][..], Vec::as_slice);
        let deficit: Money = due.iter().map(|(_, part)| *part).sum();
        let gains: Vec<i128> = against.iter().map(|account| closed.gain(*account).get()).collect();
        let cap = |account: &AccountId| caps.get(&(*side, *account)).map_or(0, |cap| cap.get());
        let shares = share_up_to_caps(deficit.get(), &gains, &against.iter().map(cap).collect::<Vec<i128>>());
        let given = against.iter().zip(&shares.parts).map(|(account, part)| (Some(*account), Money::new(*part)));
        let given: Vec<(Option<AccountId>, Money)> = given.filter(|(_, part)| part.is_positive()).collect();
        for (account, part) in &given {
            take_from(pool, account.expect("a member gives"), *part);
        }
        loss.bear_parts(pool, Layer::AutoDeleveraging, &given, due, say);
        certify(pool, closed, *side, loss, deficit, &shares, say);
    }
}

/// The deficit of each defaulter falls to its legs by their value at the mark.
fn dues_of(pool: &Pool, closed: &Closed, loss: &Loss) -> Dues {
    let mut dues = Dues::new();
    let places: BTreeMap<AccountId, usize> =
        loss.owing.iter().enumerate().map(|(at, owing)| (owing.account, at)).collect();
    for legs in closed.legs.chunk_by(|one, other| one.account == other.account) {
        let Some(owing) = legs.first().and_then(|leg| places.get(&leg.account)) else { continue };
        let left = loss.owing.get(*owing).map_or(Money::ZERO, |owing| owing.left);
        let worth =
            |leg: &Leg| (pool.matrices.mark(leg.instrument).abs() * leg.quantity.abs()).max(Money::new(1)).get();
        let weights: Vec<i128> = legs.iter().map(worth).collect();
        for (leg, part) in legs.iter().zip(share_exactly(left.get(), &weights)).filter(|(_, part)| *part > 0) {
            dues.entry(leg.other_side()).or_default().push((*owing, Money::new(part)));
        }
    }
    dues
}

/// The most that each may bear in each market: its gain, and what it has above its own target. Who stands in several has one limit in all
/// of them, and it is spread over them by what is due there.
fn caps_of(pool: &Pool, closed: &Closed, dues: &Dues) -> BTreeMap<(Side, AccountId), Money> {
    let mut markets: BTreeMap<AccountId, Vec<(Side, Money)>> = BTreeMap::new();
    for (side, due) in dues {
        let deficit: Money = due.iter().map(|(_, part)| *part).sum();
        let winners = closed.against.get(side).into_iter().flatten();
        for account in winners.filter(|account| closed.gain(**account).is_positive()) {
            markets.entry(*account).or_default().push((*side, deficit));
        }
    }
    let winners: Vec<AccountId> = markets.keys().copied().collect();
    let most = parallel::map(&winners, |account| closed.gain(*account).min(above_target(pool, *account)));
    let mut caps = BTreeMap::new();
    for ((account, markets), most) in markets.into_iter().zip(most) {
        let weights: Vec<i128> = markets.iter().map(|(_, deficit)| deficit.get()).collect();
        for ((side, _), part) in markets.into_iter().zip(share_exactly(most.get(), &weights)) {
            caps.insert((side, account), Money::new(part));
        }
    }
    caps
}

/// R12.5: enough for each account that was reduced or charged to check the arithmetic alone.
fn certify(
    pool: &Pool,
    closed: &Closed,
    side: Side,
    loss: &Loss,
    deficit: Money,
    shares: &Capped,
    say: &mut dyn FnMut(Event),
) {
    let (instrument, sign) = side;
    let Some(defaulter) = closed.largest(side) else { return };
    let against = closed.against.get(&side).map_or(&[][..], Vec::as_slice);
    let all_gains = against.iter().map(|account| closed.gain(*account)).sum();
    for (account, part) in against.iter().zip(&shares.parts) {
        let lots = closed.lots.get(&(instrument, *account)).copied().unwrap_or_default();
        // Lots on the other side of the same market are certified there.
        let quantity = if lots.signum() == sign { Quantity::ZERO } else { lots };
        if quantity.is_zero() && *part == 0 {
            continue;
        }
        say(Event::AutoDeleveraged {
            pool: loss.pool(),
            defaulter,
            account: *account,
            instrument,
            quantity,
            price: pool.matrices.mark(instrument),
            deficit,
            gain: closed.gain(*account),
            all_gains,
            haircut: Money::new(*part),
            shared: Money::new(shares.shared),
            shared_gains: Money::new(shares.weights),
        });
    }
}

impl Closed {
    fn gain(&self, account: AccountId) -> Money {
        self.gains.get(&account).copied().unwrap_or_default()
    }

    /// The defaulter with most lots against this side, ties to the lower id.
    fn largest(&self, side: Side) -> Option<AccountId> {
        let there = self.legs.iter().filter(|leg| leg.other_side() == side);
        there.max_by_key(|leg| (leg.quantity.abs(), core::cmp::Reverse(leg.account))).map(|leg| leg.account)
    }
}

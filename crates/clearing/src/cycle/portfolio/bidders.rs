//! Who may take a slice in this block, and for how much: every bid is judged once a block (R10.5, R10.9).

use super::slice::{Offer, Slice};
use super::{Sale, largest_share, with_slice};
use crate::event::Event;
use crate::margin;
use crate::parallel;
use crate::state::{Bid, Pool};
use crate::table::{AccountId, PoolId};
use crate::units::{Money, Ratio};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Most bids that stand in a pool. R10.9
pub(super) const MAX_BIDS: usize = 1_024;

/// How often in a block a bid may be too small for a lot of what is offered. R10.9
const MAX_MISSES: u8 = 16;

/// The bids that still have room in this block, lowest asks first.
#[derive(Default)]
pub(in crate::cycle) struct Bidders(VecDeque<Bidder>);

struct Bidder {
    account: AccountId,
    premium: Ratio,
    /// The initial margin that it may still take over: what stands behind it at the block's marks, less what it has taken.
    room: Money,
    misses: u8,
}

/// A bidder and the slice that it takes.
pub(super) struct Taken {
    pub(super) bidder: AccountId,
    pub(super) slice: Slice,
    pub(super) premium: Ratio,
}

/// What stands behind a bid: its capacity, as far as the account's free collateral carries it.
fn room_of(pool: &Pool, account: AccountId, bid: &Bid) -> Money {
    if !pool.accounts[account].is_good() {
        return Money::ZERO;
    }
    let held = pool.net(account);
    bid.capacity.min(margin::free_collateral(pool, held.cash, &held.positions)).or_zero()
}

impl Bidders {
    /// The bids of a block in which portfolios are due. They are asked once what stands behind them: both auctions of the block
    /// draw on the same room.
    pub(in crate::cycle) fn of(pool: &Pool, due: &[AccountId]) -> Self {
        if due.is_empty() {
            return Self::default();
        }
        let bids: Vec<(AccountId, &Bid)> = pool.bids.iter().map(|(account, bid)| (*account, bid)).collect();
        let rooms = parallel::map(&bids, |(account, bid)| room_of(pool, *account, bid));
        let bidder = |((account, bid), room): ((AccountId, &Bid), Money)| {
            let bidder = Bidder { account, premium: bid.premium, room, misses: 0 };
            room.is_positive().then_some(bidder)
        };
        let mut standing: Vec<Bidder> = bids.into_iter().zip(rooms).filter_map(bidder).collect();
        standing.sort_unstable_by_key(|bidder| (bidder.premium, bidder.account));
        Self(standing.into())
    }

    /// The lowest asks first, each up to its room. Who is done in this block is not asked again, so that the work of a block grows with bids and
    /// slices, and not with bids times portfolios.
    pub(super) fn accept(&mut self, pool: &Pool, sale: &Sale) -> Vec<Taken> {
        let mut offer = Offer::new(pool, &sale.positions, sale.whole);
        let mut taken = Vec::new();
        let mut asked = Vec::new();
        while !offer.is_gone() && self.0.front().is_some_and(|bidder| bidder.premium <= sale.limit) {
            let mut bidder = self.0.pop_front().expect("it was just seen");
            if let Some(slice) = bidder.take(pool, &offer) {
                offer.take(&slice);
                taken.push(Taken { bidder: bidder.account, slice, premium: bidder.premium });
            }
            asked.push(bidder);
        }
        asked.into_iter().rev().filter(|bidder| !bidder.is_done()).for_each(|bidder| self.0.push_front(bidder));
        taken
    }
}

impl Bidder {
    fn is_done(&self) -> bool {
        !self.room.is_positive() || self.misses >= MAX_MISSES
    }

    /// What it takes of an offer: up to its room, and to what its own margin carries.
    fn take(&mut self, pool: &Pool, offer: &Offer<'_>) -> Option<Slice> {
        let wanted = self.room.ratio_to_floor(offer.left_margin(), Ratio::ONE);
        if offer.lots(wanted).is_empty() {
            self.misses = self.misses.saturating_add(1);
            return None;
        }
        let share = largest_share(wanted, |share| self.carries(pool, offer, share));
        let slice = offer.slice(offer.lots(share));
        // A bid that its orders or the size of the slice stop has taken what it can.
        self.room = if share < wanted { Money::ZERO } else { self.room - slice.margin };
        (!slice.positions.is_empty()).then_some(slice)
    }

    /// R10.5: a bidder must hold initial margin for what it takes, with its own orders, even before any premium.
    fn carries(&self, pool: &Pool, offer: &Offer<'_>, share: Ratio) -> bool {
        let before = pool.net(self.account);
        let after = with_slice(pool, &before, &offer.lots(share));
        // R2.5: what is paid for collateral may be owed, but no more than an account may owe.
        let loan = margin::promised_loan(pool, &after);
        let lends = loan <= pool.limits_for_borrowing().0 || loan <= margin::promised_loan(pool, &before);
        lends && pool.meets_initial_with(&after, after.orders.iter())
    }
}

/// R10.9: when more bids stand than there are places, those keep theirs that have most behind them.
pub(in crate::cycle) fn keep_places(pool: &mut Pool, id: PoolId, say: &mut dyn FnMut(Event)) {
    if pool.bids.len() <= MAX_BIDS {
        return;
    }
    let bids: Vec<(AccountId, &Bid)> = pool.bids.iter().map(|(account, bid)| (*account, bid)).collect();
    let rooms = parallel::map(&bids, |(account, bid)| room_of(pool, *account, bid));
    let mut order: Vec<(Reverse<Money>, AccountId)> =
        bids.iter().zip(rooms).map(|((account, _), room)| (Reverse(room), *account)).collect();
    order.sort_unstable();
    for (_, account) in order.into_iter().skip(MAX_BIDS) {
        pool.bids.remove(&account);
        say(Event::BidRemoved { pool: id, account });
    }
}

//! Which accounts a block has to look at (R9.3): every account keeps a safe distance, and only those whose distance is used up
//! are evaluated. What it answers is always at least every account that breaches.
//!
//! An account's distance is what it can lose before it may breach, divided by its size: how far the market may move, in units of
//! each instrument's reach, from the *base* at which it was measured. Accounts of one base stand in buckets by distance, so a
//! block reads how far the market is from the base and opens the buckets up to there, and no other. When too many accounts
//! stand in opened buckets although they are sound, today's market becomes a new base, and they are measured against that one. A
//! few bases live side by side; the oldest is emptied little by little.
//!
//! Distances are measured on whole matrices, so price, volatility, correlation, open interest and doubt all use them up
//! alike. What changes an account (a trade, funding, a deposit) has it measured again; what changes the rows themselves (a
//! listing, a named row, an exit cost) has everybody measured again.
#![expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::disallowed_types,
    clippy::integer_division,
    reason = "R9.3: floats, as a filter that leaves every decision to exact integers"
)]

use crate::parallel;
use crate::screen::{Base, Moved, Screen, Slack};
use crate::state::{Pool, Standing};
use crate::table::{AccountId, Id};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Buckets a doubling of distance: accounts in the bucket at the edge are looked at although up to 6 % may be left.
const STEPS_BITS: u32 = 4;
/// The shortest distance that is told apart from none, 2⁻¹², and the longest that is told apart from more, 2⁴.
const SHORTEST: u64 = 1_023 - 12;
const DOUBLINGS: u64 = 16;
const BUCKETS: usize = ((DOUBLINGS << STEPS_BITS) + 2) as usize;
/// Most bases that live side by side, and how many live before the oldest is emptied.
const MAX_BASES: usize = 8;
const FEW_BASES: usize = 4;
/// A new base is made when this many sound accounts were looked at, or this share of all.
const LOOKED_AT: usize = 64;
const LOOKED_AT_SHARE: usize = 128;
/// What may be lost to rounding when distances and moves are computed: a relative and an absolute allowance.
const ALLOWANCE: f64 = 1e-9;

/// The bucket of a distance: zero for none, then by doublings.
fn bucket_of(distance: f64) -> usize {
    if distance <= 0.0 || distance.is_nan() {
        return 0;
    }
    // The bits of positive floats are ordered as they are: exponent first, then the leading bits of the fraction.
    let step = distance.to_bits() >> (52 - STEPS_BITS);
    let first = SHORTEST << STEPS_BITS;
    usize::try_from(step.saturating_sub(first)).map_or(BUCKETS - 1, |bucket| bucket.min(BUCKETS - 1))
}

/// The distance of an account in the base at which it was measured.
fn distance(slack: &Slack) -> usize {
    if !slack.is_sound() {
        return 0;
    }
    // Without positions nothing can be lost: the distance is endless.
    bucket_of(slack.least / slack.size * (1.0 - ALLOWANCE))
}

/// A market at which accounts were measured, and those accounts in buckets by side and distance.
#[derive(Clone, Debug)]
struct Generation {
    base: Base,
    screen: Screen,
    buckets: [Vec<Vec<AccountId>>; 3],
    len: usize,
}

impl Generation {
    fn new(base: Base, screen: Screen) -> Self {
        let side = || (0..BUCKETS).map(|_| Vec::new()).collect();
        Self { base, screen, buckets: [side(), side(), side()], len: 0 }
    }

    /// The accounts whose distance is used up.
    fn used_up(&self, moved: Moved, into: &mut Vec<AccountId>) {
        let open = |moved: f64| bucket_of(moved * (1.0 + ALLOWANCE) + ALLOWANCE);
        let [long, short, both] = &self.buckets;
        for (side, moved) in [(long, moved.down), (short, moved.up), (both, moved.down.max(moved.up))] {
            side.iter().take(open(moved) + 1).for_each(|bucket| into.extend(bucket));
        }
    }
}

/// Where an account stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The number of its generation, or [`NOWHERE`].
    generation: u8,
    side: u8,
    bucket: u16,
    /// Its position in the bucket.
    at: u32,
}

const NOWHERE: u8 = u8::MAX;

/// The safe distances of a pool's accounts. Derived from the state, and no part of it.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Generations by number; numbers are used again.
    generations: [Option<Generation>; MAX_BASES],
    /// The numbers in use, oldest first.
    order: Vec<u8>,
    places: Vec<Place>,
    liquidating: BTreeSet<AccountId>,
    looked_at: usize,
}

impl PartialEq for Watch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Watch {}

impl Watch {
    /// How many accounts the last block evaluated, beside those that had changed: in opened buckets, and on their way to
    /// another base.
    #[must_use]
    pub fn looked_at(&self) -> usize {
        self.looked_at
    }

    /// Measures accounts that have changed, in the newest base.
    pub(crate) fn follow(&mut self, pool: &Pool, changed: &[AccountId]) {
        let newest = self.newest().map(|(_, newest)| newest);
        let measure = |id: &AccountId| {
            let is_watched = pool.accounts[*id].is_good();
            newest.filter(|_| is_watched).map(|newest| newest.screen.slack(pool.accounts.lanes(), *id))
        };
        let slacks = parallel::map(changed, measure);
        let number = self.order.last().copied().unwrap_or(NOWHERE);
        for (id, slack) in changed.iter().zip(slacks) {
            self.take_out(*id);
            let account = &pool.accounts[*id];
            match account.standing {
                Standing::Liquidating { .. } => _ = self.liquidating.insert(*id),
                Standing::Closed if account.is_being_closed() => _ = self.liquidating.insert(*id),
                Standing::Good | Standing::Closed => _ = self.liquidating.remove(id),
            }
            if let Some(slack) = slack {
                self.put(*id, number, &slack);
            }
        }
    }

    /// Every account that is being liquidated or closed, and every other that may breach in the market as it is, in no particular
    /// order. [`Pool::catch_up`] comes first.
    pub fn near(&mut self, pool: &Pool) -> Vec<AccountId> {
        let screen = Screen::of(pool);
        let bases_hold = self.newest().is_some_and(|(_, newest)| newest.base.compares_with(pool));
        self.looked_at = 0;
        if !bases_hold {
            self.measure_everybody(pool, screen.clone());
        }
        let opened = self.opened(pool);
        self.looked_at += opened.len();
        let slacks = parallel::map(&opened, |id| screen.slack(pool.accounts.lanes(), *id));
        let seen: Vec<(AccountId, Slack)> = opened.into_iter().zip(slacks).collect();
        let unsure = seen.iter().filter(|(_, slack)| !slack.is_sound()).map(|(id, _)| *id);
        let near = unsure.chain(self.liquidating.iter().copied()).collect();
        self.rebase(pool, screen, &seen);
        self.empty_the_oldest(pool, seen.len());
        near
    }

    /// The accounts in buckets that the market has reached.
    fn opened(&self, pool: &Pool) -> Vec<AccountId> {
        let mut opened = Vec::new();
        for generation in self.generations.iter().flatten() {
            generation.used_up(generation.base.moved(pool), &mut opened);
        }
        opened
    }

    /// Everybody who might breach if the market were where `there` is, and everybody who is being liquidated; none if no base compares
    /// with it. Nothing is measured again: this market is only asked about.
    pub(crate) fn near_at(&self, there: &Pool) -> Option<Vec<AccountId>> {
        let bases_hold = self.generations.iter().flatten().all(|generation| generation.base.compares_with(there));
        (bases_hold && !self.order.is_empty()).then(|| {
            let mut near = self.opened(there);
            near.extend(&self.liquidating);
            near
        })
    }

    /// Begins again with the market as it is.
    fn measure_everybody(&mut self, pool: &Pool, screen: Screen) {
        self.generations = Default::default();
        self.order.clear();
        self.places.clear();
        self.begin_generation(pool, screen);
        let good: Vec<AccountId> =
            pool.accounts.iter().filter(|(_, account)| account.is_good()).map(|(id, _)| id).collect();
        self.move_to_newest(pool, &good);
    }

    /// Makes the market as it is a new base if that frees many of those who were looked at.
    fn rebase(&mut self, pool: &Pool, screen: Screen, seen: &[(AccountId, Slack)]) {
        let many = LOOKED_AT.max(pool.accounts.len() / LOOKED_AT_SHARE);
        if seen.len() < many || self.order.len() == MAX_BASES {
            return;
        }
        if seen.iter().filter(|(_, slack)| distance(slack) > 0).count() < many {
            return;
        }
        let number = self.begin_generation(pool, screen);
        for (id, slack) in seen {
            self.take_out(*id);
            self.put(*id, number, slack);
        }
    }

    /// Moves a part of the oldest generation to the newest, so that bases do not pile up.
    fn empty_the_oldest(&mut self, pool: &Pool, looked_at: usize) {
        let part = LOOKED_AT.max(pool.accounts.len() / (2 * LOOKED_AT_SHARE)).max(looked_at / 2);
        if let Some(oldest) = self.order.first().copied().filter(|_| self.order.len() > FEW_BASES) {
            let members =
                self.generation(oldest).into_iter().flat_map(|oldest| oldest.buckets.iter().flatten().flatten());
            let some: Vec<AccountId> = members.take(part).copied().collect();
            self.move_to_newest(pool, &some);
        }
        let emptied = |number: &u8| self.generation(*number).is_none_or(|generation| generation.len == 0);
        let newest = self.order.last().copied();
        let gone: Vec<u8> =
            self.order.iter().copied().filter(|number| Some(*number) != newest && emptied(number)).collect();
        for number in gone {
            self.order.retain(|other| *other != number);
            *self.generations.get_mut(usize::from(number)).expect("the number is in use") = None;
        }
    }

    fn move_to_newest(&mut self, pool: &Pool, ids: &[AccountId]) {
        let Some((number, newest)) = self.newest() else { return };
        let slacks = parallel::map(ids, |id| newest.screen.slack(pool.accounts.lanes(), *id));
        self.looked_at += ids.len();
        for (id, slack) in ids.iter().zip(slacks) {
            self.take_out(*id);
            self.put(*id, number, &slack);
        }
    }

    fn begin_generation(&mut self, pool: &Pool, screen: Screen) -> u8 {
        let free = self.generations.iter().position(Option::is_none).expect("the caller saw that one is free");
        let number = u8::try_from(free).expect("there are few bases");
        let base = Base::of(pool, &screen);
        *self.generations.get_mut(free).expect("it was found") = Some(Generation::new(base, screen));
        self.order.push(number);
        number
    }

    fn newest(&self) -> Option<(u8, &Generation)> {
        let number = *self.order.last()?;
        Some((number, self.generation(number)?))
    }

    fn generation(&self, number: u8) -> Option<&Generation> {
        self.generations.get(usize::from(number))?.as_ref()
    }

    fn put(&mut self, id: AccountId, number: u8, slack: &Slack) {
        let (side, bucket) = (slack.side as u8, distance(slack));
        let generation = self.generations.get_mut(usize::from(number)).and_then(Option::as_mut);
        let generation = generation.expect("accounts are put into a generation that lives");
        generation.len += 1;
        let members = members(generation, side, bucket);
        let at = u32::try_from(members.len()).expect("the number of accounts is bounded");
        members.push(id);
        if self.places.len() <= id.position() {
            self.places.resize(id.position() + 1, Place { generation: NOWHERE, side: 0, bucket: 0, at: 0 });
        }
        let bucket = u16::try_from(bucket).expect("there are few buckets");
        *self.places.get_mut(id.position()).expect("it was just made") = Place { generation: number, side, bucket, at };
    }

    /// Takes an account out of its bucket; the last of the bucket takes its position.
    fn take_out(&mut self, id: AccountId) {
        let Some(place) = self.places.get_mut(id.position()).filter(|place| place.generation != NOWHERE) else {
            return;
        };
        let old = *place;
        place.generation = NOWHERE;
        let generation = self.generations.get_mut(usize::from(old.generation)).and_then(Option::as_mut);
        let generation = generation.expect("an account stands in a generation that lives");
        generation.len -= 1;
        let members = members(generation, old.side, usize::from(old.bucket));
        let at = usize::try_from(old.at).expect("a position fits");
        members.swap_remove(at);
        if let Some(moved) = members.get(at) {
            self.places.get_mut(moved.position()).expect("it has a place").at = old.at;
        }
    }
}

fn members(generation: &mut Generation, side: u8, bucket: usize) -> &mut Vec<AccountId> {
    let side = generation.buckets.get_mut(usize::from(side)).expect("there are three sides");
    side.get_mut(bucket).expect("distances are clamped to the buckets")
}

/// Every account in breach, found by looking at all of them: what the watch must agree with, for callers outside the cycle. R9.2
#[must_use]
pub fn full_scan(pool: &Pool) -> Vec<AccountId> {
    let screen = Screen::of(pool);
    let ids: Vec<AccountId> = pool.accounts.ids().collect();
    let sound = parallel::map(&ids, |id| screen.slack(pool.accounts.lanes(), *id).is_sound());
    let unsure = ids.into_iter().zip(sound).filter(|(_, sound)| !sound).map(|(id, _)| id);
    unsure.filter(|id| crate::margin::breaches(pool, pool.accounts[*id].cash, &pool.accounts[*id].positions)).collect()
}

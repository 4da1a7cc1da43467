//! What each kind of member does when it looks at the market. Amounts are assumptions of the simulation; parameters are the drill's.

use super::POOL;
use crate::node::dev::Scene;
use crate::node::keys::Actor;
use clearing::command::{Command, Lifetime, NewOrder};
use clearing::margin;
use clearing::state::{Account, Condition, Level, Standing};
use clearing::table::{AccountId, InstrumentId};
use clearing::units::{Money, Price, Quantity, Time};
use lab::drill::convert::{lots, money, price, usd, usd_a_unit};
use node::view::{PoolView, View};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

pub(super) const MAKERS: usize = 4;
pub(super) const BIDDERS: usize = 3;
/// USD that each begins with.
const MAKER_USD: f64 = 2_000_000.0;
pub(super) const BIDDER_USD: f64 = 500_000.0;
pub(super) const TRADER_USD: (f64, f64) = (2_000.0, 60_000.0);
/// The leverage that traders like: from the least to the most, by this power of a uniform draw, so that the mean is two fifths of the
/// way, as in the drill. Some like more than the margin allows, and take what they get.
const LEVERAGE: (f64, f64) = (1.0, 22.0);
const LEVERAGE_POWER: f64 = 1.6;
const LONG_SHARE: f64 = 0.8;
/// A maker's quotes a side: how far beyond the half spread, as a share of the price, and how much of its size.
const LEVELS: [(f64, f64); 3] = [(0.0003, 0.2), (0.0015, 0.3), (0.006, 0.5)];
/// What a maker shows a side in each instrument in calm, USD; and how much it holds of it before it moves its quotes by `LEANS`.
const SHOWN_USD: f64 = 150_000.0;
const LEANS: f64 = 0.002;
const LEANS_AT_USD: f64 = 1_000_000.0;
/// Quotes live until a little after the maker's next turn, in ticks.
const QUOTE_TICKS: i64 = 6;
/// A trader who has not got its position yet looks once in so many ticks.
const BUILDS_ONE_IN: u32 = 12;
/// All others together trade about once in so many ticks.
const TRADES_EVERY: u32 = 4;
/// Who has lost its money pays in again after so many ticks on average.
const RETURNS_ONE_IN: u32 = 100;
/// Lost is less than this share of what it began with.
const LOST: f64 = 0.25;
/// What a bidder works off of each position at a time, and how far from the mark it goes; the drill's.
const WORK_OFF: f64 = 0.02;
const WORK_OFF_LIMIT: f64 = 0.004;

/// Who a member is.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Maker,
    Bidder,
    Trader { usd: f64, leverage: f64, is_long: bool },
}

impl Role {
    /// USD that it begins with.
    pub(super) fn usd(self) -> f64 {
        match self {
            Self::Maker => MAKER_USD,
            Self::Bidder => BIDDER_USD,
            Self::Trader { usd, .. } => usd,
        }
    }

    /// The same with other plans.
    pub(super) fn anew(self, random: &mut ChaCha8Rng) -> Self {
        let Self::Trader { usd, .. } = self else { return self };
        let leverage = LEVERAGE.0 + (LEVERAGE.1 - LEVERAGE.0) * random.random::<f64>().powf(LEVERAGE_POWER);
        Self::Trader { usd, leverage, is_long: random.random::<f64>() < LONG_SHARE }
    }
}

/// A member.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) actor: Actor,
    pub(super) account: AccountId,
    pub(super) role: Role,
    number: u64,
}

impl Member {
    pub(super) fn new(name: String, actor: Actor, account: AccountId, role: Role) -> Self {
        Self { name, actor, account, role, number: 0 }
    }

    /// Numbers follow the time, so that a member who comes back does not use one twice.
    fn next_number(&mut self, now: Time) -> u64 {
        let from_time = u64::try_from(now.get()).unwrap_or(0).saturating_mul(1_000);
        self.number = from_time.max(self.number.saturating_add(1));
        self.number
    }
}

/// An instrument as a member sees it.
struct Listing {
    id: InstrumentId,
    lot_size: f64,
    /// What the asset trades at, USD a unit.
    usd: f64,
    half_spread: f64,
    depth_share: f64,
    mark: Price,
    band: Price,
    /// Whether orders that add risk are taken.
    is_open: bool,
}

/// What everybody sees in a tick.
pub(super) struct Stage {
    pub(super) now: Time,
    view: Arc<View>,
    listings: Vec<Listing>,
    /// The network's time between two ticks.
    tick: Time,
}

impl Stage {
    pub(super) fn new(view: Arc<View>, scenes: &[Option<Scene>], lot_sizes: &[f64], tick: Time) -> Self {
        let instruments = view.pool(POOL).into_iter().flat_map(|own| own.pool.instruments.iter());
        let listing = |(id, listed): (InstrumentId, &clearing::state::Instrument)| {
            let feed = listed.parameters.feed;
            let at = usize::from(feed.0);
            let (scene, lot_size) = (scenes.get(at)?.as_ref()?, *lot_sizes.get(at)?);
            let is_live = view.feeds[feed].condition == Condition::Live;
            let level = listed.breaker.level;
            Some(Listing {
                id,
                lot_size,
                usd: scene.usd,
                half_spread: scene.depth.half_spread,
                depth_share: scene.depth.share,
                mark: listed.mark,
                band: listed.band_width(),
                is_open: is_live && listed.is_open() && level != Level::ReduceOnly && level < Level::Halted,
            })
        };
        let listings = instruments.filter_map(listing).collect();
        Self { now: view.time, listings, view, tick }
    }

    /// Bids and offers around what the asset trades at, further down the more of it the maker holds; while nobody may add risk, only
    /// the side that reduces.
    pub(super) fn quotes(&self, member: &mut Member) -> Vec<Command> {
        let Some((_, account)) = self.own(member) else { return Vec::new() };
        let until = self.now + Time::new(self.tick.get().saturating_mul(QUOTE_TICKS));
        let mut commands = vec![Command::CancelAll { pool: POOL, account: member.account }];
        for listing in &self.listings {
            let held = account.quantity(listing.id).get() as f64 * listing.lot_size * listing.usd;
            let lean = LEANS * (held / LEANS_AT_USD).clamp(-3.0, 3.0);
            for side in [1.0_f64, -1.0] {
                if !listing.is_open && held * side >= 0.0 {
                    continue;
                }
                for (distance, share) in LEVELS {
                    let away = side * (listing.half_spread + distance) + lean;
                    let limit = price(listing.usd * (1.0 - away), listing.lot_size);
                    let size = lots(SHOWN_USD * share * listing.depth_share / listing.usd, listing.lot_size);
                    if size.is_zero() || (limit - listing.mark).abs() > listing.band {
                        continue;
                    }
                    let quantity = if side > 0.0 { size } else { -size };
                    let lifetime = Lifetime::Until(until);
                    let number = member.next_number(self.now);
                    let reduce_only = !listing.is_open;
                    let order = NewOrder {
                        number,
                        instrument: listing.id,
                        quantity,
                        limit: Some(limit),
                        lifetime,
                        reduce_only,
                    };
                    commands.push(Command::PlaceOrder { pool: POOL, account: member.account, order });
                }
            }
        }
        commands
    }

    /// Goes half of the way to the leverage that the trader likes, in an instrument at random; or takes half of it back.
    pub(super) fn trade(&self, member: &mut Member, traders: usize, random: &mut ChaCha8Rng) -> Option<Command> {
        let Role::Trader { usd: began, leverage, is_long } = member.role else { return None };
        let (own, account) = self.own(member)?;
        let equity = usd(margin::equity(&own.pool.matrices, account.cash, &account.positions));
        let wanted = equity.clamp(0.0, 2.0 * began) * leverage;
        let notional = usd(margin::notional(&own.pool, &account.positions));
        let builds = notional < 0.8 * wanted;
        let one_in =
            if builds { BUILDS_ONE_IN } else { u32::try_from(traders).unwrap_or(u32::MAX).max(1) * TRADES_EVERY };
        if account.standing != Standing::Good || equity < LOST * began || random.random_range(0..one_in) != 0 {
            return None;
        }
        let chosen = random.random_range(0..u32::try_from(self.listings.len()).ok().filter(|count| *count > 0)?);
        let listing = self.listings.get(chosen as usize)?;
        let held = account.quantity(listing.id);
        let share = lots(wanted / self.listings.len() as f64 / listing.usd, listing.lot_size);
        let goal = if is_long { share } else { -share };
        let leaves = !builds && !held.is_zero() && random.random::<bool>();
        let quantity = if leaves { Quantity::new(-held.get() / 2) } else { Quantity::new((goal - held).get() / 2) };
        if quantity.is_zero() || !(listing.is_open || leaves) {
            return None;
        }
        Some(Command::PlaceOrder {
            pool: POOL,
            account: member.account,
            order: NewOrder {
                number: member.next_number(self.now),
                instrument: listing.id,
                quantity,
                limit: None,
                lifetime: Lifetime::ThisBlock,
                reduce_only: leaves,
            },
        })
    }

    /// A bidder sells what it took over, little by little.
    pub(super) fn work_off(&self, member: &mut Member) -> Vec<Command> {
        let Some((_, account)) = self.own(member) else { return Vec::new() };
        let mut commands = Vec::new();
        for position in &account.positions {
            let Some(listing) = self.listings.iter().find(|listing| listing.id == position.instrument) else {
                continue;
            };
            let sign = position.quantity.signum();
            let size = (position.quantity.abs().get() as f64 * WORK_OFF).ceil() as i64;
            let mark = usd_a_unit(listing.mark, 1.0);
            let order = NewOrder {
                number: member.next_number(self.now),
                instrument: listing.id,
                quantity: Quantity::new(-sign * size),
                limit: Some(price(mark * (1.0 - sign as f64 * WORK_OFF_LIMIT), 1.0)),
                lifetime: Lifetime::ThisBlock,
                reduce_only: true,
            };
            commands.push(Command::PlaceOrder { pool: POOL, account: member.account, order });
        }
        commands
    }

    /// What a member who has lost its money pays in again, once it has thought about it; with other plans then.
    pub(super) fn wants(&self, member: &mut Member, random: &mut ChaCha8Rng) -> Option<Money> {
        let (own, account) = self.own(member)?;
        let equity = margin::equity(&own.pool.matrices, account.cash, &account.positions);
        let began = money(member.role.usd());
        let lost = account.standing == Standing::Good && usd(equity) < LOST * member.role.usd();
        if !lost || random.random_range(0..RETURNS_ONE_IN) != 0 {
            return None;
        }
        member.role = member.role.anew(random);
        Some(began - equity)
    }

    /// Whether a member's account was closed, and it has thought about that.
    pub(super) fn starts_over(&self, member: &Member, random: &mut ChaCha8Rng) -> bool {
        let closed = self.own(member).is_some_and(|(_, account)| account.standing == Standing::Closed);
        closed && random.random_range(0..RETURNS_ONE_IN / 2) == 0
    }

    fn own(&self, member: &Member) -> Option<(&PoolView, &Arc<Account>)> {
        let own = self.view.pool(POOL)?;
        Some((own, own.account(member.account)?))
    }
}

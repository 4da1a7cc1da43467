//! Everything the core remembers, every field with its unit.

mod account;
mod averaging;
mod breaker;
mod changes;
mod claims;
mod feed;
mod recent;

use crate::accounts::Accounts;
use crate::command::Key;
use crate::cycle::guards::Guards;
use crate::derived::Derived;
use crate::event::Cause;
use crate::loans::Loans;
use crate::parameters::{InstrumentParameters, Kind, PoolParameters};
use crate::rows::Matrices;
use crate::screen::OrderScreen;
use crate::table::{AccountId, FeedId, InstrumentId, PoolId, Table};
use crate::units::{Accrued, Money, Price, Quantity, Ratio, Time};
use crate::watch::Watch;
use alloc::collections::BTreeMap;
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};

pub use account::{Account, MAX_LEAVES, Order, Position, Standing, VenueLeave};
pub use averaging::Averaging;
pub use breaker::{Breaker, Level};
pub use changes::{Course, Line, LineChange, Pending};
pub use claims::Claims;
pub use feed::{Band, Condition, Feed, Forecast, Observation, Publisher, Volatility};
pub use recent::{Left, Realised, Recent};

/// The account that is the fund in every pool. R11.1
pub const FUND: AccountId = AccountId(0);

/// The whole state.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct State {
    /// The height of the last block.
    pub height: u64,
    /// The time of the last block.
    pub time: Time,
    /// Who sets parameters.
    pub governance: Key,
    /// Who reports deposits.
    pub custodian: Key,
    /// The feeds.
    pub feeds: Table<FeedId, Feed>,
    /// The pools.
    pub pools: Table<PoolId, Pool>,
    /// Money that stands behind every pool's line, in custody outside the pools. R11.6
    pub reserve: Money,
}

/// A risk domain. R2.1
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Who opened it: governance, or the lister of an own pool. Governance sets the parameters of both.
    pub owner: Key,
    /// Its parameters.
    pub parameters: PoolParameters,
    /// A change that waits.
    pub pending: Option<Pending<PoolParameters>>,
    /// Its instruments.
    pub instruments: Table<InstrumentId, Instrument>,
    /// Its accounts; the first is the fund.
    pub accounts: Accounts,
    /// The first layer of the waterfall: the operator's or lister's own money.
    pub own_capital: Money,
    /// Fees collected.
    pub fees: Money,
    /// Remainders of division. R1.4
    pub rounding: Money,
    /// Funding and interest that accounts have paid ahead of the interval's end. R16.1
    pub prepaid: Money,
    /// The backstop providers' money.
    pub tranche: BTreeMap<AccountId, TrancheShare>,
    /// The line on the reserve.
    pub line: Line,
    /// Settlement money in custody for this pool.
    pub custody: Money,
    /// Standing bids for portfolios, one an account. R10.5
    pub bids: BTreeMap<AccountId, Bid>,
    /// Stress of each feed that an instrument depends on. R4
    pub stresses: BTreeMap<FeedId, Stress>,
    /// Correlation of each pair of those feeds, the lower id first. R4.5
    pub correlations: BTreeMap<(FeedId, FeedId), Correlation>,
    /// The market state of the last block as matrices. R5.3
    pub matrices: Matrices,
    /// The fund's size target and its high. R11.5
    pub fund: Fund,
    /// What the fund will give back. R11.7
    pub claims: Claims,
    /// When funding and interest were last paid.
    pub paid_at: Time,
    /// How much of an interval has passed since, in parts of it. R16.1
    pub interval_gone: i64,
    /// Who sells collateral for a loan that is too large, and in how many blocks it has been offered. R2.6
    pub converting: BTreeMap<AccountId, u32>,
    /// Accounts that breached in the block but did not fit into its work, carried in R10.1's order. R13.5
    pub carried: u32,
    /// Whether the pool is being, or has been, wound down.
    pub winding_down: bool,
    /// The safe distances of accounts: derived, and no part of the encoding or the root. R9.3
    #[borsh(skip)]
    pub watch: Watch,
    /// The time of the block that is being applied: known again in every block. R12.6
    #[borsh(skip)]
    pub(crate) now: Derived<Time>,
    /// The matrices as floats: derived as well. R9.3
    #[borsh(skip)]
    pub(crate) order_screen: Derived<OrderScreen>,
    /// When each account may owe: derived as well. R2.5
    #[borsh(skip)]
    pub(crate) loans: Derived<Loans>,
    /// What may be done with each instrument's legs in this block: derived as well. R3.10
    #[borsh(skip)]
    pub(crate) guards: Derived<Guards>,
}

/// A backstop provider's money in the tranche.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TrancheShare {
    /// How much is there.
    pub amount: Money,
    /// How much is asked back.
    pub leaving: Money,
    /// From when it may go.
    pub leaves_at: Time,
}

/// A standing bid. R10.5
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bid {
    /// The premium asked, in ppm of the portfolio's initial margin.
    pub premium: Ratio,
    /// The most initial margin to take over in one block.
    pub capacity: Money,
}

/// What the pool knows about its fund beyond the account. R11.5
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Fund {
    /// What it should hold: Cover-2, and not less than the floor.
    pub target: Money,
    /// The highest equity since capital was last added or a drawdown forgiven. R13.1, R13.3
    pub high: Money,
    /// What it had when capital was last added, and not less than what was added. R13.1
    pub given: Money,
    /// When the target was last measured.
    pub measured_at: Time,
    /// What it was paid for the portfolios that it took, less what it has given up in selling them. R11.8
    pub concession: Money,
    /// Since when it has an inventory. R11.8
    pub since: Time,
}

/// The stress of a feed in a pool. R4
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Stress {
    /// z · σ · √T, before buffers and rate limits. R4.1
    pub raw: Ratio,
    /// Initial stress with its buffer, before caution. R4.4
    pub buffered: Ratio,
    /// Initial stress as applied to an instrument with little open interest. R4.3, R13.1
    pub initial: Ratio,
    /// Maintenance stress as applied.
    pub maintenance: Ratio,
    /// When the rate limits were last worked off; zero before the first calibration.
    pub moved_at: Time,
}

/// The correlation of two feeds. R4.5
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Correlation {
    /// Over a short window.
    pub short: Ratio,
    /// Over a long window.
    pub long: Ratio,
}

/// Something that can be traded, or an asset that can be held as collateral.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Instrument {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub parameters: InstrumentParameters,
    /// A change that waits.
    pub pending: Option<Pending<InstrumentParameters>>,
    /// When it was listed, or from when it has a price where members of its pool have notice first. R7.6
    pub listed_at: Time,
    /// Whether it has ever had a mark.
    pub priced: bool,
    /// The mark price. R3.6
    pub mark: Price,
    /// The running mean of what the book offers above the fair price, or below it.
    pub premium: Price,
    /// What the book that rests after the last auction pays and asks for `impact`; none where a side holds less. R3.6
    pub quotes: Option<Quotes>,
    /// What a lot that was held since funding was last paid has come to: the premium within its bounds, over time. R16.1
    pub funding: Accrued,
    /// The mark over the same time. R2.5
    pub mark_time: Accrued,
    /// Σ index × milliseconds in the settlement window. R16.2
    pub settlement_sum: i128,
    /// The milliseconds in that sum.
    pub settlement_length: Time,
    /// The settlement price, once expired.
    pub settled: Option<Price>,
    /// Σ of long positions, in lots.
    pub open_interest: Quantity,
    /// Σ of all positions, in lots: zero for a derivative, what custody holds for spot. R2.4
    pub total: Quantity,
    /// How far open interest was on the way from its low to its high mark, 0 to 1, when stress was last calibrated. R4.3
    pub interest_share: Ratio,
    /// Where the instrument stands on the breaker ladder. R13.1
    pub breaker: Breaker,
    /// Σ of long positions before the block's first command, in lots: known again in every block, and no part of the encoding. R4.3
    #[borsh(skip)]
    pub open_interest_before: Quantity,
}

/// What an instrument's `impact` can be sold and bought for at once, on average: money quanta per lot. R3.6
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Quotes {
    /// What buyers pay, rounded down.
    pub pays: Price,
    /// What sellers ask, rounded up.
    pub asks: Price,
}

impl Instrument {
    /// An instrument that nobody holds and that has no price yet.
    #[must_use]
    pub fn new(name: String, parameters: InstrumentParameters, listed_at: Time) -> Self {
        Self {
            name,
            parameters,
            pending: None,
            listed_at,
            priced: false,
            mark: Price::ZERO,
            premium: Price::ZERO,
            quotes: None,
            funding: Accrued::ZERO,
            mark_time: Accrued::ZERO,
            settlement_sum: 0,
            settlement_length: Time::ZERO,
            settled: None,
            open_interest: Quantity::ZERO,
            total: Quantity::ZERO,
            interest_share: Ratio::ZERO,
            breaker: Breaker {
                level: Level::Normal,
                cause: Cause::Calm,
                since: listed_at,
                caused_at: listed_at,
                call_until: None,
                grace_until: Time::ZERO,
                resumes: (Level::Normal, Cause::Calm),
                open_since: Time::ZERO,
                called_at: Price::ZERO,
            },
            open_interest_before: Quantity::ZERO,
        }
    }

    /// Whether its market is still shut after its feed was down or everything halted, or has reopened so lately that nobody is made to sell at
    /// its mark. The block in which a feed comes back has its price already, and the market's reopening only at its end. R13.2
    #[must_use]
    pub fn is_in_grace(&self, time: Time) -> bool {
        time < self.breaker.grace_until || self.breaker.cause == Cause::FeedDown || self.breaker.level == Level::Halted
    }

    /// By how many lots an open interest would be above what this block allows: `open_interest_low`, or a sixteenth of the way from there
    /// to `open_interest_high` more than before the block, and never more than `open_interest_high`. R4.3
    #[must_use]
    pub fn excess_interest(&self, open_interest: Quantity) -> Quantity {
        const SIXTEENTH: Ratio = Ratio::new(62_500);
        let mark = self.mark.abs();
        if self.is_spot() || mark.is_zero() {
            return Quantity::ZERO;
        }
        let before = mark * self.open_interest_before;
        let allowed_by = |rules: &InstrumentParameters| {
            let (low, high) = (rules.open_interest_low, rules.open_interest_high);
            (before + (high - low).times_floor(SIXTEENTH)).max(low).min(high)
        };
        // R7.7: marks that are announced hold for whoever opens.
        let announced = self.pending.as_ref().map(|change| allowed_by(&change.parameters));
        let allowed = announced.into_iter().fold(allowed_by(&self.parameters), Money::min);
        (mark * open_interest - allowed).or_zero().lots_ceil(mark)
    }

    /// Whether it counts: from its first price until it settles. What does not count brings no stress, no row and no caution. R4.7
    #[must_use]
    pub fn counts(&self) -> bool {
        self.priced && self.settled.is_none()
    }

    /// The value of what is open.
    #[must_use]
    pub fn open_value(&self) -> Money {
        self.mark.abs() * self.open_interest
    }

    /// How far its open interest is on the way from its low to its high mark now, 0 to 1; nowhere for a balance. R4.3
    pub(crate) fn share_of_interest(&self) -> Ratio {
        if self.is_spot() {
            return Ratio::ZERO;
        }
        let (low, high) = (self.parameters.open_interest_low, self.parameters.open_interest_high);
        (self.open_value() - low).or_zero().ratio_to_floor(high - low, Ratio::ONE)
    }

    /// R13.8: time that passes while the market does not trade moves none of its clocks.
    pub(crate) fn stand_still(&mut self, elapsed: Time, now: Time) {
        let breaker = &mut self.breaker;
        breaker.caused_at += elapsed;
        if breaker.is_called_by_orders() && breaker.grace_until > now - elapsed {
            breaker.grace_until += elapsed;
        }
        if self.is_spot() {
            // The cap of a collateral asset grows with its age. R7.6
            self.listed_at += elapsed;
        }
    }

    /// Whether it is a collateral asset.
    #[must_use]
    pub fn is_spot(&self) -> bool {
        matches!(self.parameters.kind, Kind::Spot { .. })
    }

    /// Whether it is collateral that has had no price for so long that it is worth nothing until its feed is back. R3.10
    #[must_use]
    pub fn is_worthless(&self) -> bool {
        self.is_spot() && self.breaker.level == Level::WindDown
    }

    /// Whether orders in it can still be filled one day.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.settled.is_none() && self.breaker.level < Level::Halted
    }

    /// The price, or zero where the instrument does not go below it.
    #[must_use]
    pub fn within_sign(&self, price: Price) -> Price {
        if self.parameters.negative_prices { price } else { price.or_zero() }
    }

    /// The half width of the price band around the mark. R8.3
    #[must_use]
    pub fn band_width(&self) -> Price {
        self.mark.abs().max(self.parameters.stress_base).times_ceil(self.parameters.band).max(Price::new(1))
    }
}

impl Pool {
    /// An empty pool whose fund belongs to nobody.
    #[must_use]
    pub fn new(name: String, owner: Key, parameters: PoolParameters, time: Time) -> Self {
        let mut accounts = Accounts::default();
        accounts.push(Account::new(Key::default()));
        Self {
            name,
            owner,
            parameters,
            pending: None,
            instruments: Table::default(),
            accounts,
            own_capital: Money::ZERO,
            fees: Money::ZERO,
            rounding: Money::ZERO,
            prepaid: Money::ZERO,
            tranche: BTreeMap::new(),
            line: Line::default(),
            custody: Money::ZERO,
            bids: BTreeMap::new(),
            stresses: BTreeMap::new(),
            correlations: BTreeMap::new(),
            matrices: Matrices::default(),
            fund: Fund::default(),
            claims: Claims::default(),
            paid_at: time,
            interval_gone: 0,
            converting: BTreeMap::new(),
            carried: 0,
            winding_down: false,
            watch: Watch::default(),
            now: Derived(time),
            order_screen: Derived::default(),
            loans: Derived::default(),
            guards: Derived::default(),
        }
    }

    /// Moves lots into (or out of) an account at a price: the only way a position or balance changes. R2.3
    pub(crate) fn trade(&mut self, account: AccountId, instrument: InstrumentId, quantity: Quantity, price: Price) {
        // R16.1: whoever changes what they hold has paid for what they held.
        self.collect(account);
        let listed = &self.instruments[instrument];
        let (spot, mark, come) = (listed.is_spot(), listed.mark, listed.funding * quantity);
        let until = self.remembered_until();
        let account = self.accounts.edit(account);
        account.accrued.funding -= come;
        let before = account.quantity(instrument);
        let long_before = before.or_zero();
        let realised = account.fill(instrument, quantity, price);
        if !spot {
            // R12.6: what a price beyond the mark hands to the other side is not lost here, so that a gain cannot be moved out of sight.
            let given_away = ((price - mark) * quantity).or_zero();
            account.remember(realised + given_away, self.now.0, until);
            account.remember_side(instrument, before, quantity, self.now.0, until);
        }
        let long_after = account.quantity(instrument).or_zero();
        assert!(!spot || !account.quantity(instrument).is_negative(), "a balance is never negative");
        let instrument = &mut self.instruments[instrument];
        instrument.open_interest += long_after - long_before;
        instrument.total += quantity;
    }

    /// An account as a trade of its own at this price and the highest fee would leave it. The pool stays as it is.
    #[must_use]
    pub fn after_trade(
        &self,
        account: &Account,
        instrument: InstrumentId,
        quantity: Quantity,
        price: Price,
    ) -> Account {
        let mut after = account.clone();
        after.fill(instrument, quantity, price);
        after.cash -= self.fee_bound(instrument, price * quantity);
        after
    }

    /// The fee on a fill of this value, rounded up: with a surcharge while the fund is below its target, less a rebate
    /// while it is above and owes nothing. R11.5, R11.7
    #[must_use]
    pub fn fee(&self, instrument: InstrumentId, value: Money) -> Money {
        let fund = &self.accounts[FUND];
        let held = crate::margin::equity(&self.matrices, fund.cash, &fund.positions);
        let factor = if held < self.fund.target {
            Ratio::ONE + self.parameters.fee_surcharge
        } else if self.claims_stand() {
            Ratio::ONE
        } else {
            Ratio::ONE - self.parameters.fee_rebate
        };
        value.abs().times_ceil(self.instruments[instrument].parameters.fee).times_ceil(factor)
    }

    /// The highest that [`Pool::fee`] can be.
    #[must_use]
    pub fn fee_bound(&self, instrument: InstrumentId, value: Money) -> Money {
        // Two quanta more than the fee at the limit: a better price makes the fee higher, and both roundings go up.
        let factor = Ratio::ONE + self.parameters.fee_surcharge;
        value.abs().times_ceil(self.instruments[instrument].parameters.fee).times_ceil(factor) + Money::new(2)
    }

    /// The initial stress of an instrument: that of its feed, raised towards 100 % by the instrument's own open interest. R4.3
    #[must_use]
    pub fn initial_stress(&self, instrument: &Instrument) -> Ratio {
        let of_feed = self.stresses.get(&instrument.parameters.feed).map_or(Ratio::ZERO, |stress| stress.initial);
        of_feed + (Ratio::ONE - of_feed).times_ceil(instrument.interest_share)
    }

    /// Whether nobody but the fund has an account.
    #[must_use]
    pub fn has_no_members(&self) -> bool {
        self.accounts.len() <= 1
    }
}

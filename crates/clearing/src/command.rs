//! Everything that may change the state from outside: commands in blocks, and the reasons to refuse one (R7.1).

use crate::parameters::{FeedParameters, InstrumentParameters, PoolParameters};
use crate::table::{AccountId, FeedId, InstrumentId, PoolId};
use crate::units::{Money, Price, Quantity, Ratio, Time};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The format version of an encoded [`Block`].
pub const BLOCK_VERSION: u16 = 4;

/// A public key: who signed a command. The core compares keys and never checks signatures.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Key(pub [u8; 32]);

impl core::fmt::Debug for Key {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// A block: the commands of one moment, in the order in which they are applied.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// The format, [`BLOCK_VERSION`].
    pub version: u16,
    /// The height: one more than that of the block before.
    pub height: u64,
    /// Milliseconds since the Unix epoch, later than the block before. The only clock there is. R1.5
    pub time: Time,
    /// Whether the node that proposed this block has just been restarted: every pool halts. R13.4
    pub restart: bool,
    /// The commands with their signers.
    pub commands: Vec<Signed>,
}

/// A command and the key that signed it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signed {
    /// Who signed.
    pub signer: Key,
    /// What they want.
    pub command: Command,
}

/// The number of an order, chosen by its sender: above every number that the account has used before, and no higher than time allows.
pub type OrderNumber = u64;

/// How long an order lives. R8.4
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Lifetime {
    /// Until it is cancelled.
    UntilCancelled,
    /// Through the last block whose time is not later than this.
    Until(Time),
    /// This block's auction only.
    ThisBlock,
}

/// What somebody wants to trade in one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct NewOrder {
    /// The order's number.
    pub number: OrderNumber,
    /// The instrument.
    pub instrument: InstrumentId,
    /// Lots, positive to buy, negative to sell.
    pub quantity: Quantity,
    /// The worst price. None: whatever the band allows (a market order with a band).
    pub limit: Option<Price>,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Whether it may only bring the position nearer to zero.
    pub reduce_only: bool,
}

/// What a pool's capital command pays into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Capital {
    /// The pool's own capital: the first layer of the waterfall.
    OwnCapital,
    /// The fund.
    Fund,
}

/// A request to change the state.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Command {
    /// Governance lists a feed.
    ListFeed {
        /// Its name.
        name: String,
        /// Its parameters.
        parameters: FeedParameters,
    },
    /// Governance replaces a feed's parameters.
    SetFeed {
        /// The feed.
        feed: FeedId,
        /// The new parameters.
        parameters: FeedParameters,
    },
    /// Governance opens a pool.
    OpenPool {
        /// Its name.
        name: String,
        /// Its parameters.
        parameters: PoolParameters,
    },
    /// Anyone opens a pool of their own with one perpetual on a feed, posting the fund's first loss. R7.5
    OpenOwnPool {
        /// The pool's name.
        name: String,
        /// The pool in which the lister has the money.
        from_pool: PoolId,
        /// The lister's account there.
        from_account: AccountId,
        /// What the lister posts as the new pool's own capital.
        first_loss: Money,
        /// The feed to list.
        feed: FeedId,
    },
    /// Governance replaces a pool's parameters.
    SetPool {
        /// The pool.
        pool: PoolId,
        /// The new parameters.
        parameters: PoolParameters,
    },
    /// Governance lists an instrument in a pool.
    ListInstrument {
        /// The pool.
        pool: PoolId,
        /// The instrument's name.
        name: String,
        /// Its parameters.
        parameters: InstrumentParameters,
    },
    /// Governance replaces an instrument's parameters.
    SetInstrument {
        /// The pool.
        pool: PoolId,
        /// The instrument.
        instrument: InstrumentId,
        /// The new parameters.
        parameters: InstrumentParameters,
    },
    /// Governance sets the cap of a pool's line on the reserve. R11.6
    SetLine {
        /// The pool.
        pool: PoolId,
        /// The cap.
        cap: Money,
    },
    /// The custodian reports money received for the shared reserve.
    FundReserve {
        /// How much.
        amount: Money,
    },
    /// The custodian reports money received for a pool's capital.
    Capitalise {
        /// The pool.
        pool: PoolId,
        /// Which capital.
        capital: Capital,
        /// How much.
        amount: Money,
    },
    /// An owner opens an account in a pool.
    OpenAccount {
        /// The pool.
        pool: PoolId,
    },
    /// The custodian reports money received for an account.
    Deposit {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// How much.
        amount: Money,
    },
    /// The custodian reports collateral received for an account.
    DepositCollateral {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// The spot instrument of the asset.
        instrument: InstrumentId,
        /// How many lots.
        quantity: Quantity,
    },
    /// An owner takes money out.
    Withdraw {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// How much.
        amount: Money,
    },
    /// An owner takes collateral out.
    WithdrawCollateral {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// The spot instrument of the asset.
        instrument: InstrumentId,
        /// How many lots.
        quantity: Quantity,
    },
    /// An owner places an order for this block's auction.
    PlaceOrder {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// The order.
        order: NewOrder,
    },
    /// An owner cancels an order.
    CancelOrder {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// The order's number.
        number: OrderNumber,
    },
    /// An owner cancels every order of an account.
    CancelAll {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
    },
    /// An owner commits to an order without showing it. R8.4
    SealOrder {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// The Keccak-256 hash of the order's encoding and a salt.
        seal: [u8; 32],
    },
    /// An owner shows an order sealed in the block before.
    RevealOrder {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// The order.
        order: NewOrder,
        /// The salt.
        salt: [u8; 32],
    },
    /// A registered venue reports a trade between two accounts.
    Trade {
        /// The pool.
        pool: PoolId,
        /// The instrument.
        instrument: InstrumentId,
        /// Who buys.
        buyer: AccountId,
        /// Who sells.
        seller: AccountId,
        /// Lots, positive.
        quantity: Quantity,
        /// The price.
        price: Price,
    },
    /// An owner stands ready to take portfolios in auction. Replaces the account's bid. R10.5
    PlaceBid {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// The premium asked, in ppm of the portfolio's initial margin.
        premium: Ratio,
        /// The most initial margin to take over in one block.
        capacity: Money,
    },
    /// An owner takes the bid back.
    CancelBid {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
    },
    /// A backstop provider moves money from the account into the pool's tranche.
    JoinTranche {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// How much.
        amount: Money,
    },
    /// A backstop provider asks for money back from the tranche; it is paid after the pool's notice.
    LeaveTranche {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// How much.
        amount: Money,
    },
    /// A publisher reports a price. R3.1
    Observe {
        /// The feed.
        feed: FeedId,
        /// The price.
        price: Price,
        /// How far the true price may be, either way.
        confidence: Price,
        /// When the publisher saw it.
        published_at: Time,
        /// Whether the venue behind it has deposits or withdrawals suspended.
        transfers_suspended: bool,
    },
    /// A forecaster reports the volatility it expects. R4.6
    Forecast {
        /// The feed.
        feed: FeedId,
        /// The standard deviation over one sampling interval.
        volatility: Ratio,
    },
    /// An owner lets a registered venue trade for the account, within two limits. Replaces what the venue was let before; without either
    /// limit it is let nothing. R7.10
    AllowVenue {
        /// The pool.
        pool: PoolId,
        /// The account.
        account: AccountId,
        /// The venue's key.
        venue: Key,
        /// What its trades may cost the account from now on, in all: what is worse than the mark, and fees.
        loss: Money,
        /// The initial margin of all the lots that it may trade from now on, either way.
        margin: Money,
    },
}

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why a command changed nothing: each completes "rejected because …". The codes are stable; where several apply,
        /// the earliest in this list's order of checks (shape, authority, existence, standing, limits, margin) is given.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub enum Rejection { $($(#[$doc])* $name,)* }

        impl Rejection {
            /// Every rejection, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// The stable code.
            #[must_use]
            pub const fn code(self) -> u16 { match self { $(Self::$name => $code),* } }
            /// The name, as in the code.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$name => stringify!($name)),* } }
            /// The reason in words.
            #[must_use]
            pub const fn text(self) -> &'static str { match self { $(Self::$name => $text),* } }
        }
    };
}

rejections! {
    /// Shape.
    NameNotValid = 101, "the name is empty or longer than 32 bytes";
    /// Shape.
    AmountOutOfRange = 102, "the amount is not positive or is above the largest amount";
    /// Shape.
    QuantityOutOfRange = 103, "the quantity is zero or outside the allowed range";
    /// Shape.
    PriceOutOfRange = 104, "the price is outside the allowed range";
    /// Shape.
    RatioOutOfRange = 105, "the ratio is outside the allowed range";
    /// Shape.
    ParametersNotValid = 106, "a parameter is outside its bounds";
    /// Shape.
    ObservationInFuture = 107, "the observation's time is not between 1970 and the block's";
    /// Shape.
    SameAccount = 108, "buyer and seller are the same account";
    /// Shape.
    LifetimeOver = 109, "the order's lifetime is over already";
    /// Shape.
    MinimumNotBelowMaximum = 110, "minimum is not below maximum";
    /// Shape.
    ShareBaseMissing = 111, "a minimum below zero needs a share_base above zero";
    /// Shape.
    ForecastCeilingTooLow = 112, "forecast_ceiling is below long_run_volatility";
    /// Shape.
    OpenInterestLowNotBelowHigh = 113, "open_interest_low is not below open_interest_high";
    /// Shape.
    SpotPricesNegative = 114, "kind is a collateral asset, for which negative_prices cannot be allowed";
    /// Shape.
    StressBaseMissing = 115, "negative_prices needs a stress_base above zero";
    /// Shape.
    HorizonAboveMaxHorizon = 116, "horizon is above max_horizon";
    /// Shape.
    CautiousDrawdownAboveReduceOnly = 117, "cautious_drawdown is above reduce_only_drawdown";
    /// Shape.
    LiquidationFeeTakesMargin = 118, "liquidation_fee is not below the maintenance margin that it is charged to: maintenance_share of the stress at long_run_volatility over horizon, and exit_cost";
    /// Authority.
    NotAuthorised = 201, "the signer may not do this";
    /// Existence.
    PoolNotFound = 301, "there is no such pool";
    /// Existence.
    FeedNotFound = 302, "there is no such feed";
    /// Existence.
    InstrumentNotFound = 303, "there is no such instrument in the pool";
    /// Existence.
    AccountNotFound = 304, "there is no such account in the pool";
    /// Existence.
    OrderNotFound = 305, "the account has no such order";
    /// Existence.
    BidNotFound = 306, "the account has no bid";
    /// Existence.
    SealNotFound = 307, "no order was sealed with this content in the block before";
    /// Standing.
    PoolWindingDown = 401, "the pool is being wound down";
    /// Standing.
    AccountNotGood = 402, "the account is being liquidated or is closed";
    /// Standing.
    InstrumentNotPriced = 403, "the instrument has no price yet";
    /// Standing.
    InstrumentHalted = 404, "the instrument is halted or has expired";
    /// Standing.
    ReduceOnlyInForce = 405, "only orders that reduce a position are accepted in the instrument's present state";
    /// Standing.
    FeedNotLive = 406, "a feed that the account depends on is not live";
    /// Standing.
    WrongKind = 407, "the instrument is not of the kind that this command needs";
    /// Limits.
    TooManyFeeds = 501, "no more feeds fit";
    /// Limits.
    TooManyPools = 502, "no more pools fit";
    /// Limits.
    TooManyInstruments = 503, "no more instruments fit into the pool";
    /// Limits.
    TooManyAccounts = 504, "no more accounts fit into the pool";
    /// Limits.
    TooManyOrders = 505, "the account has as many orders as it may have";
    /// Limits.
    TooManyPublishers = 506, "the feed would have too many publishers or too few sources";
    /// Limits.
    OrderNumberUsed = 507, "the order's number is not above every number that the account used before";
    /// Limits.
    LimitOutsideBand = 508, "the limit is outside the price band on the aggressive side";
    /// Limits.
    NothingToReduce = 509, "a reduce-only order needs a position on the other side";
    /// Limits.
    PositionLimitExceeded = 510, "the position could exceed the instrument's limit";
    /// Limits.
    CollateralCapExceeded = 511, "the pool would hold more of this asset than its cap";
    /// Limits.
    BalanceTooSmall = 512, "the balance is smaller than the amount";
    /// Limits.
    LoanLimitExceeded = 513, "the account or the pool would owe more settlement money than its limit";
    /// Limits.
    PoolCapExceeded = 514, "the pool would hold more money than it may";
    /// Limits.
    ObservationNotNewer = 515, "the publisher has already reported at this time or later";
    /// Limits.
    ForecastTooSoon = 516, "the forecaster has already reported in this sampling interval";
    /// Limits.
    StepTooLarge = 517, "the change loosens a parameter by more than one step allows";
    /// Limits.
    ReserveTooSmall = 518, "the lines would promise more than the reserve holds";
    /// Limits.
    ChangeAlreadyPending = 519, "a change of these parameters already waits out its timelock";
    /// Limits.
    OpenInterestFull = 520, "the trade would raise open interest above what the block allows";
    /// Limits.
    OrderNumberTooHigh = 525, "the order's number is above 65,536 for each millisecond of the block's time";
    /// Authority.
    VenueNotAllowed = 526, "the account has not let this venue trade for it";
    /// Limits.
    VenueLimitExceeded = 527, "the venue would cost the account more, or trade more for it, than it was let";
    /// Limits.
    TooManyVenues = 528, "the account lets as many venues trade for it as it may";
    /// Existence.
    VenueNotFound = 529, "there is no such venue in the pool";
    /// Standing.
    AccountBeingClosed = 530, "the account is closed and what it held has not all gone yet";
    /// Limits.
    LotTooSmall = 550, "a lot is worth less than 0.1 USD at the feed's index, so that rounding to a quantum a lot would matter";
    /// Margin.
    InitialMarginNotMet = 601, "initial margin would not be met";
    /// Margin.
    WithdrawalMarginNotMet = 602, "less than the withdrawal margin would stay";
}

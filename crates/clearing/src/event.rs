//! What happened, in the past tense: the only thing the core tells the outside besides its state.

use crate::command::{OrderNumber, Rejection};
use crate::state::{Condition, Level};
use crate::table::{AccountId, FeedId, InstrumentId, PoolId};
use crate::units::{Money, Price, Quantity, Ratio, Time};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The outcome of one block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// The block's height.
    pub height: u64,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The commands that changed nothing: position in the block, and why.
    pub rejections: Vec<(u32, Rejection)>,
    /// The root of the state after the block.
    pub root: [u8; 32],
}

/// Why an order was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Removal {
    /// Its owner cancelled it.
    Cancelled,
    /// Its lifetime ended.
    LifetimeOver,
    /// Its account no longer met initial margin with it.
    InitialMarginNotMet,
    /// Its account is being liquidated.
    Liquidation,
    /// It crossed an order of the same account.
    SelfMatch,
    /// It had nothing left to reduce.
    NothingToReduce,
    /// Its instrument only accepts reductions now, has expired, or is winding down.
    InstrumentClosed,
    /// It offered collateral that its account must sell for a loan. R2.6
    LoanCalledIn,
}

/// A layer of the waterfall, in the order in which they bear losses. R12.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Layer {
    /// The pool's own capital.
    OwnCapital,
    /// The fund.
    Fund,
    /// The backstop providers' tranche.
    Tranche,
    /// The line on the reserve.
    Line,
    /// Auto-deleveraging.
    AutoDeleveraging,
    /// The haircut of gains.
    GainsHaircut,
    /// What members have above their own targets. R12.7
    MembersEquity,
    /// The wind-down.
    WindDown,
}

/// Why a breaker stands where it stands. R13.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Cause {
    /// Nothing is wrong.
    Calm,
    /// The index is far from the slow price.
    LargeMove,
    /// The fund has lost much.
    FundDrawdown,
    /// The feed is degraded.
    FeedDegraded,
    /// The feed is down.
    FeedDown,
    /// Orders wanted to trade outside the band.
    OutsideBand,
    /// The node was restarted.
    Restart,
    /// A halted market reopens.
    Reopening,
    /// A halt lasted too long.
    HaltTooLong,
    /// Losses went through every other layer.
    LossesNotCovered,
    /// What a move forces members to sell would move the market by as much again. R13.6
    Cascade,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[expect(missing_docs, reason = "the fields are named after what they are; the variants say when")]
pub enum Event {
    /// A feed was listed.
    FeedListed { feed: FeedId },
    /// A pool was opened.
    PoolOpened { pool: PoolId },
    /// An instrument was listed.
    InstrumentListed { pool: PoolId, instrument: InstrumentId },
    /// An account was opened.
    AccountOpened { pool: PoolId, account: AccountId },
    /// A change of parameters waits until this time. R7.6
    ChangeScheduled { effective_at: Time },
    /// A change of parameters took effect.
    ChangeApplied,
    /// A change would have put accounts into breach at unchanged prices and waits on. R7.6
    ChangeDeferred { pool: PoolId, instrument: InstrumentId, accounts: u32 },
    /// Money came in.
    Deposited { pool: PoolId, account: AccountId, amount: Money },
    /// Collateral came in.
    CollateralDeposited { pool: PoolId, account: AccountId, instrument: InstrumentId, quantity: Quantity },
    /// Money may go out.
    Withdrawn { pool: PoolId, account: AccountId, amount: Money },
    /// Collateral may go out.
    CollateralWithdrawn { pool: PoolId, account: AccountId, instrument: InstrumentId, quantity: Quantity },
    /// An order is open.
    OrderPlaced { pool: PoolId, account: AccountId, number: OrderNumber },
    /// An order is gone.
    OrderRemoved { pool: PoolId, account: AccountId, number: OrderNumber, reason: Removal },
    /// A feed changed its condition. R3.4
    FeedConditionChanged { feed: FeedId, condition: Condition },
    /// A publisher was far from the others. R3.3
    PublisherFlagged { feed: FeedId, publisher: u16, price: Price, index: Price },
    /// An account breached and is liquidated in this same block. R9.1
    AccountLiquidated { pool: PoolId, account: AccountId, equity: Money, maintenance_margin: Money },
    /// A liquidated account is sound again.
    AccountRestored { pool: PoolId, account: AccountId, equity: Money },
    /// Accounts breached but wait for the next block. R13.5
    LiquidationsCarried { pool: PoolId, accounts: u32 },
    /// An auction cleared. R8.1
    AuctionCleared { pool: PoolId, instrument: InstrumentId, price: Price, quantity: Quantity },
    /// Lots changed hands: positive bought.
    Filled {
        pool: PoolId,
        account: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
        price: Price,
        fee: Money,
        forced: bool,
    },
    /// Collateral is sold because a loan is above its limit. R2.5
    CollateralConverted { pool: PoolId, account: AccountId, instrument: InstrumentId, quantity: Quantity },
    /// A portfolio was auctioned. R10.5
    PortfolioAuctioned {
        pool: PoolId,
        account: AccountId,
        notional: Money,
        equity: Money,
        premium: Ratio,
        taken: Ratio,
    },
    /// A bidder took a slice of a portfolio.
    SliceTaken { pool: PoolId, account: AccountId, bidder: AccountId, share: Ratio, premium: Money },
    /// The fund took a share of a portfolio for its own ask. R11.2
    PortfolioAbsorbed { pool: PoolId, account: AccountId, notional: Money, share: Ratio, premium: Money },
    /// An account lost everything; others bore this shortfall.
    AccountClosed { pool: PoolId, account: AccountId, shortfall: Money },
    /// A layer of the waterfall bore a loss. R12.3
    LossAllocated { pool: PoolId, defaulter: AccountId, layer: Layer, amount: Money, bearer: Option<AccountId> },
    /// A position was closed against defaulters', the largest of whom is named, or bears a part of their deficit: the event is the account's
    /// certificate. Of the deficit of this market `shared` was shared over `shared_gains`, by those whose own limit is not reached. R12.5
    AutoDeleveraged {
        pool: PoolId,
        defaulter: AccountId,
        account: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
        price: Price,
        deficit: Money,
        gain: Money,
        all_gains: Money,
        haircut: Money,
        shared: Money,
        shared_gains: Money,
    },
    /// Funding was paid in an instrument; the rate is what longs pay. R16.1
    FundingPaid { pool: PoolId, instrument: InstrumentId, rate: Ratio },
    /// Interest was paid on loans. R2.5
    InterestPaid { pool: PoolId, rate: Ratio, amount: Money },
    /// A dated future settled. R16.2
    Expired { pool: PoolId, instrument: InstrumentId, price: Price },
    /// A breaker stepped. R13.3
    BreakerStepped { pool: PoolId, instrument: InstrumentId, level: Level, cause: Cause },
    /// A pool was wound down at robust prices. R12.4
    PoolWoundDown { pool: PoolId },
    /// An account's own money in the tranche paid what the account owed: nobody else's loss. R12.1
    OwnTranchePaid { pool: PoolId, account: AccountId, amount: Money },
    /// The fund gave back what a layer had borne: to the bearer, or to the reserve behind the line. R11.7
    ClaimRepaid { pool: PoolId, layer: Layer, amount: Money, bearer: Option<AccountId> },
    /// A change of parameters went a step; so many are left. R7.7
    ChangeStepped { left: u8 },
    /// A step of a pool's change would have put accounts into breach, or made them sell for a loan, and waits on. R7.7
    PoolChangeDeferred { pool: PoolId, accounts: u32 },
    /// The same of a feed's change, with the accounts of all pools that use it. R7.7
    FeedChangeDeferred { feed: FeedId, accounts: u32 },
    /// What waited contradicts what has changed meanwhile, and is dropped. R7.8
    ChangeDropped { reason: Rejection },
    /// Lots of a closed account that nobody is owed went to the fund. R10.8
    CollateralForfeited { pool: PoolId, account: AccountId, instrument: InstrumentId, quantity: Quantity },
    /// What was left of a closed account when its last leg had gone went to the fund. R10.8
    RemainderForfeited { pool: PoolId, account: AccountId, amount: Money },
}

//! What a program that has only a wallet says: a request in JSON, and later the signature of what the wallet showed.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

/// A request of an owner, or of an owner's session key, to be made ready for a signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrepareRequest {
    /// Who will sign: an Ethereum address (20 bytes) or an ed25519 public key (32 bytes), hexadecimal.
    #[cfg_attr(feature = "schema", schema(pattern = "^(0x)?([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$"))]
    pub signer: String,
    /// The owner for whom a session key acts: an address, or a key as accounts show it. Without it, the signer acts for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(pattern = "^(0x)?([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$"))]
    pub owner: Option<String>,
    /// A number that the signer uses once. Without it the node names a fresh one, above every one that it has named before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<u64>,
    /// The first millisecond at which the signature counts no more, at most a day after the node's time; without it, a minute from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<i64>,
    /// What is asked.
    pub request: OwnerRequest,
}

/// What owners ask for. Decimals are strings: units of an instrument, USD, USD a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(tag = "kind", deny_unknown_fields)]
pub enum OwnerRequest {
    /// Opens an account.
    OpenAccount {
        /// The pool.
        pool: u16,
    },
    /// Places an order.
    PlaceOrder {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
        /// The order.
        order: OrderRequest,
    },
    /// Cancels an order.
    CancelOrder {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
        /// The order's number.
        number: u64,
    },
    /// Cancels every order of an account.
    CancelAll {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
    },
    /// Commits to an order without showing it.
    SealOrder {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
        /// The seal, 32 bytes in hexadecimal: K( 04 | order, borsh | salt ).
        seal: String,
    },
    /// Shows an order that was sealed in the block before.
    RevealOrder {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
        /// The order, with its number and its lifetime.
        order: OrderRequest,
        /// The salt, 32 bytes in hexadecimal.
        salt: String,
    },
    /// Takes money out.
    Withdraw {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
        /// USD, above zero.
        amount: String,
    },
    /// Takes collateral out.
    WithdrawCollateral {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
        /// The spot instrument of the asset.
        instrument: u16,
        /// Units, above zero.
        quantity: String,
    },
    /// Stands ready to take portfolios in auction.
    PlaceBid {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
        /// The premium asked, a fraction of initial margin.
        premium: String,
        /// The most initial margin to take in a block, USD, above zero.
        capacity: String,
    },
    /// Takes the bid back.
    CancelBid {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
    },
    /// Lets a registered venue trade for the account, within two limits; two zeros take the leave back.
    AllowVenue {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
        /// The venue's key, 64 hexadecimal digits.
        venue: String,
        /// What its trades may cost the account in all, USD: what is worse than the mark, and fees.
        loss: String,
        /// The initial margin of all the lots that it may trade, USD.
        margin: String,
    },
    /// Moves money into the pool's tranche.
    JoinTranche {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
        /// USD, above zero.
        amount: String,
    },
    /// Asks for money back from the tranche.
    LeaveTranche {
        /// The pool.
        pool: u16,
        /// The account.
        account: u32,
        /// USD, above zero.
        amount: String,
    },
    /// Opens a pool of the owner's own.
    #[serde(rename_all = "camelCase")]
    OpenOwnPool {
        /// Its name.
        name: String,
        /// The pool in which the owner has the money.
        from_pool: u16,
        /// The owner's account there.
        from_account: u32,
        /// What becomes the new pool's own capital, USD, above zero.
        first_loss: String,
        /// The feed to list.
        feed: u16,
    },
    /// Lets a session key act for the signer.
    #[serde(rename_all = "camelCase")]
    GrantSession {
        /// The session's key: an ed25519 public key or an address, hexadecimal.
        #[cfg_attr(feature = "schema", schema(pattern = "^(0x)?([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$"))]
        session: String,
        /// Whether it may place, seal, reveal and cancel orders.
        #[serde(default)]
        may_trade: bool,
        /// Whether it may place and cancel bids.
        #[serde(default)]
        may_bid: bool,
        /// The first millisecond at which it may do nothing any more, at most 90 days after the node's time.
        expires: i64,
    },
    /// Ends a session.
    RevokeSession {
        /// The session's key.
        #[cfg_attr(feature = "schema", schema(pattern = "^(0x)?([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$"))]
        session: String,
    },
}

/// An order to be signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderRequest {
    /// Its number, above every one that the account has used; without it the node names one. A revealed order has that of its seal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The instrument.
    pub instrument: u16,
    /// `buy` or `sell`.
    #[cfg_attr(feature = "schema", schema(pattern = "^(buy|sell)$"))]
    pub side: String,
    /// Units, above zero.
    pub quantity: String,
    /// The worst price, USD a unit; without it, the edge of the price band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Whether it may only reduce the position.
    #[serde(default)]
    pub reduce_only: bool,
    /// How long it lives; without it `UntilCancelled` with a limit, and `ThisBlock` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<OrderLifetime>,
    /// Until when, ms: with `Until` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub enum OrderLifetime {
    /// Until it is cancelled.
    UntilCancelled,
    /// Through the last block that is not later than `until`.
    Until,
    /// One auction.
    ThisBlock,
}

/// What is to be signed. Nothing of it counts until it is, and nothing is remembered of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PrepareAnswer {
    /// The height of the block whose state was asked.
    pub height: u64,
    /// Its time, ms.
    pub time: i64,
    /// What a wallet takes as the second parameter of `eth_signTypedData_v4`. Integers are decimal strings of lots, quanta and
    /// milliseconds: what the core counts in.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub typed_data: serde_json::Value,
    /// The hash of the typed data (EIP-712): what a session key of ed25519 signs as it is.
    pub digest: String,
    /// The envelope, borsh in hexadecimal, with zeros for a signature.
    pub envelope: String,
    /// Its nonce.
    pub nonce: u64,
    /// The first millisecond at which it counts no more.
    pub valid_until: i64,
}

/// An envelope and its signature, apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedEnvelope {
    /// The envelope as it was prepared, borsh in hexadecimal; the signature that it carries is not looked at.
    pub envelope: String,
    /// The signature, hexadecimal: 65 bytes r, s, v as wallets return them (v 27 or 28, or 0 or 1), or 64 of an ed25519 key.
    pub signature: String,
}

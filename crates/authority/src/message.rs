//! What is signed: the name and the flat fields of each message, as a wallet shows them.
//!
//! Digest and JSON are both made from this list, so that what a wallet shows is what is hashed. Every message ends with the owner
//! (zero if the signer acts for itself), the nonce and the time; each command that owners send has a struct of its own, and every
//! other one is its name and its borsh bytes. An optional field is a flag and a value that is zero when the flag is not set.

use crate::envelope::{Envelope, Request, Scopes};
use crate::refusal::Refusal;
use clearing::command::{Command, Key, Lifetime, NewOrder};
use clearing::table::{AccountId, PoolId};
use clearing::units::{Money, Time};

/// A message with its fields in the order in which they are hashed.
pub(crate) struct Message<'a> {
    /// The struct's name.
    pub(crate) name: &'static str,
    /// Its fields.
    pub(crate) fields: Vec<Field<'a>>,
}

/// A field with its Solidity type.
pub(crate) struct Field<'a> {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) value: Value<'a>,
}

/// A field's value.
pub(crate) enum Value<'a> {
    /// `uint16` to `uint64`.
    Unsigned(u64),
    /// `int64` and `int128`.
    Signed(i128),
    /// `bool`.
    Flag(bool),
    /// `string`.
    Text(&'a str),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// `bytes32`.
    Word([u8; 32]),
}

/// Most fields of one message: a revealed order.
const MOST_FIELDS: usize = 16;

struct Builder<'a>(Vec<Field<'a>>);

impl<'a> Builder<'a> {
    fn add(mut self, kind: &'static str, name: &'static str, value: Value<'a>) -> Self {
        self.0.push(Field { name, kind, value });
        self
    }

    fn pool(self, pool: PoolId) -> Self {
        self.u16("pool", pool.0)
    }

    fn account(self, pool: PoolId, account: AccountId) -> Self {
        self.pool(pool).u32("account", account.0)
    }

    fn u16(self, name: &'static str, value: u16) -> Self {
        self.add("uint16", name, Value::Unsigned(value.into()))
    }

    fn u32(self, name: &'static str, value: u32) -> Self {
        self.add("uint32", name, Value::Unsigned(value.into()))
    }

    fn u64(self, name: &'static str, value: u64) -> Self {
        self.add("uint64", name, Value::Unsigned(value))
    }

    fn i64(self, name: &'static str, value: i64) -> Self {
        self.add("int64", name, Value::Signed(value.into()))
    }

    fn money(self, name: &'static str, value: Money) -> Self {
        self.add("int128", name, Value::Signed(value.get()))
    }

    fn flag(self, name: &'static str, value: bool) -> Self {
        self.add("bool", name, Value::Flag(value))
    }

    fn text(self, name: &'static str, value: &'a str) -> Self {
        self.add("string", name, Value::Text(value))
    }

    fn word(self, name: &'static str, value: [u8; 32]) -> Self {
        self.add("bytes32", name, Value::Word(value))
    }

    /// Milliseconds since 1970, never before.
    fn time(self, name: &'static str, value: Time) -> Result<Self, Refusal> {
        let ms = u64::try_from(value.get()).map_err(|_| Refusal::TimeOutOfRange)?;
        Ok(self.u64(name, ms))
    }

    fn order(self, order: &NewOrder) -> Result<Self, Refusal> {
        let (lifetime, until) = match order.lifetime {
            Lifetime::UntilCancelled => ("UntilCancelled", Time::ZERO),
            Lifetime::Until(time) => ("Until", time),
            Lifetime::ThisBlock => ("ThisBlock", Time::ZERO),
        };
        self.u64("number", order.number)
            .u16("instrument", order.instrument.0)
            .i64("quantity", order.quantity.get())
            .flag("hasLimit", order.limit.is_some())
            .i64("limit", order.limit.map_or(0, |limit| limit.get()))
            .text("lifetime", lifetime)
            .time("until", until)
            .map(|fields| fields.flag("reduceOnly", order.reduce_only))
    }
}

/// The message of an envelope.
///
/// # Errors
/// [`Refusal::TimeOutOfRange`] for a time before 1970, [`Refusal::OwnerNotValid`] for an owner that is named and zero: these would
/// have no message of their own.
pub(crate) fn of(envelope: &Envelope) -> Result<Message<'_>, Refusal> {
    let owner = match envelope.owner {
        Some(Key(bytes)) if bytes == [0; 32] => return Err(Refusal::OwnerNotValid),
        Some(Key(bytes)) => bytes,
        None => [0; 32],
    };
    let start = Builder(Vec::with_capacity(MOST_FIELDS));
    let (name, fields) = match &envelope.request {
        Request::Act(command) => act(start, command)?,
        Request::GrantSession { session, scopes, expires } => {
            let fields = start.word("session", *session);
            let fields = fields.flag("mayTrade", scopes.includes(Scopes::TRADE));
            ("GrantSession", fields.flag("mayBid", scopes.includes(Scopes::BIDS)).time("expires", *expires)?)
        }
        Request::RevokeSession { session } => ("RevokeSession", start.word("session", *session)),
    };
    let fields = fields.word("owner", owner).u64("nonce", envelope.nonce).time("validUntil", envelope.valid_until)?;
    Ok(Message { name, fields: fields.0 })
}

type Named<'a> = Result<(&'static str, Builder<'a>), Refusal>;

/// The fields of a command.
fn act<'a>(start: Builder<'a>, command: &'a Command) -> Named<'a> {
    Ok(match command {
        Command::OpenAccount { pool } => ("OpenAccount", start.pool(*pool)),
        Command::PlaceOrder { pool, account, order } => ("PlaceOrder", start.account(*pool, *account).order(order)?),
        Command::CancelOrder { pool, account, number } => {
            ("CancelOrder", start.account(*pool, *account).u64("number", *number))
        }
        Command::CancelAll { pool, account } => ("CancelAll", start.account(*pool, *account)),
        Command::SealOrder { pool, account, seal } => ("SealOrder", start.account(*pool, *account).word("seal", *seal)),
        Command::RevealOrder { pool, account, order, salt } => {
            ("RevealOrder", start.account(*pool, *account).order(order)?.word("salt", *salt))
        }
        other => return capital(start, other),
    })
}

/// The fields of a command about money, bids or the backstop.
fn capital<'a>(start: Builder<'a>, command: &'a Command) -> Named<'a> {
    Ok(match command {
        Command::Withdraw { pool, account, amount } => {
            ("Withdraw", start.account(*pool, *account).money("amount", *amount))
        }
        Command::WithdrawCollateral { pool, account, instrument, quantity } => {
            let fields = start.account(*pool, *account).u16("instrument", instrument.0);
            ("WithdrawCollateral", fields.i64("quantity", quantity.get()))
        }
        Command::PlaceBid { pool, account, premium, capacity } => {
            let fields = start.account(*pool, *account).i64("premium", premium.get());
            ("PlaceBid", fields.money("capacity", *capacity))
        }
        Command::CancelBid { pool, account } => ("CancelBid", start.account(*pool, *account)),
        Command::JoinTranche { pool, account, amount } => {
            ("JoinTranche", start.account(*pool, *account).money("amount", *amount))
        }
        Command::LeaveTranche { pool, account, amount } => {
            ("LeaveTranche", start.account(*pool, *account).money("amount", *amount))
        }
        Command::AllowVenue { pool, account, venue, loss, margin } => {
            let fields = start.account(*pool, *account).word("venue", venue.0);
            ("AllowVenue", fields.money("loss", *loss).money("margin", *margin))
        }
        Command::OpenOwnPool { name, from_pool, from_account, first_loss, feed } => {
            let fields = start.text("name", name).u16("fromPool", from_pool.0).u32("fromAccount", from_account.0);
            ("OpenOwnPool", fields.money("firstLoss", *first_loss).u16("feed", feed.0))
        }
        other => {
            let bytes = borsh::to_vec(other).expect("writing to memory succeeds");
            ("Command", start.text("kind", kind_of(other)).add("bytes", "command", Value::Bytes(bytes)))
        }
    })
}

/// The name of a command that is signed as its bytes. The bytes decide; the name is for whoever reads it in a wallet.
const fn kind_of(command: &Command) -> &'static str {
    match command {
        Command::ListFeed { .. } => "ListFeed",
        Command::SetFeed { .. } => "SetFeed",
        Command::OpenPool { .. } => "OpenPool",
        Command::SetPool { .. } => "SetPool",
        Command::ListInstrument { .. } => "ListInstrument",
        Command::SetInstrument { .. } => "SetInstrument",
        Command::SetLine { .. } => "SetLine",
        Command::FundReserve { .. } => "FundReserve",
        Command::Capitalise { .. } => "Capitalise",
        Command::Deposit { .. } => "Deposit",
        Command::DepositCollateral { .. } => "DepositCollateral",
        Command::Trade { .. } => "Trade",
        Command::Observe { .. } => "Observe",
        Command::Forecast { .. } => "Forecast",
        // Those above with a struct of their own; a command that is new is signed as its bytes under this name.
        _ => "Other",
    }
}

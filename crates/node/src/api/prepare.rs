//! What a wallet is shown before it signs: a request in JSON becomes an envelope without a signature, and its typed data.
//!
//! Nothing is decided or remembered here: whether the request counts is for the gate and the core to say, once it is signed. Names that
//! do not exist and amounts that are no whole lots are refused at once, before anybody is asked to sign them.

use super::Shared;
use super::amounts::{key_of, lots, lots_of, price_of, ratio_of, signer_of, usd_of, usd_or_none, word_of};
use super::fault::Fault;
use super::read::pool_of;
use super::show::Shown;
use crate::view::{PoolView, View};
use authority::{
    ENVELOPE_VERSION, Envelope, MAX_ENVELOPE_BYTES, MAX_VALIDITY, Refusal, Request, Scopes, Signature, Signer, digest,
    encode, typed_data,
};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use clearing::command::{Command, Lifetime, NewOrder};
use clearing::state::Account;
use clearing::table::{AccountId, FeedId, InstrumentId, PoolId};
use clearing::units::Time;
use protocol::NONCES_A_MS;
use protocol::hex::hex;
use protocol::prepare::{OrderLifetime, OrderRequest, OwnerRequest, PrepareAnswer, PrepareRequest};
use protocol::shapes::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How long a signature counts, where nobody says otherwise, in milliseconds of this machine: time for a person to read and to sign.
const VALID_MS: i64 = 60_000;

/// Numbers that this node has named: for nonces, and for orders without one. One row for all signers, so that nothing is remembered of any.
#[derive(Debug, Default)]
pub(super) struct Numbers(AtomicU64);

impl Numbers {
    /// A number above every one before, and above those of signers who follow their clocks. What a request names itself never moves it.
    fn next(&self, now: Time) -> u64 {
        let from_time = u64::try_from(now.get()).unwrap_or(0).saturating_mul(NONCES_A_MS);
        let after = |last: u64| from_time.max(last.saturating_add(1));
        let last = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        after(last.unwrap_or_else(|last| last))
    }
}

/// What a wallet has to show and sign for a request, and the envelope that its signature belongs to. Nothing is done.
#[utoipa::path(post, path = "/v1/prepare", request_body = PrepareRequest,
    responses((status = 200, body = PrepareAnswer), (status = 400, body = Failure), (status = 404, body = Failure),
        (status = 413, body = Failure), (status = 415, body = Failure), (status = 422, body = Failure)))]
pub(super) async fn prepare(
    State(shared): State<Arc<Shared>>,
    asked: Result<Json<PrepareRequest>, JsonRejection>,
) -> Result<Json<PrepareAnswer>, Fault> {
    let (Json(asked), view) = (asked?, shared.view());
    let speed = shared.pace.simulated.map_or(1, |speed| i64::from(speed.get()));
    let fresh = shared.numbers.next(view.time);
    let signer = signer_of("signer", &asked.signer)?;
    let envelope = Envelope {
        version: ENVELOPE_VERSION,
        signer,
        owner: asked.owner.as_deref().map(|text| key_of("owner", text)).transpose()?,
        nonce: asked.nonce.unwrap_or(fresh),
        valid_until: valid_until(asked.valid_until, view.time, speed)?,
        request: Reader { shown: shared.shown(&view), fresh }.request(asked.request)?,
        signature: match signer {
            Signer::Ethereum(_) => Signature::Ethereum([0; 65]),
            Signer::Ed25519(_) => Signature::Ed25519([0; 64]),
        },
    };
    let bytes = encode(&envelope);
    if bytes.len() > MAX_ENVELOPE_BYTES {
        return Err(cannot_be_signed(Refusal::TooLarge));
    }
    let domain = shared.intake.domain();
    Ok(Json(PrepareAnswer {
        height: view.height,
        time: view.time.get(),
        typed_data: typed_data(&domain, &envelope).map_err(cannot_be_signed)?,
        digest: hex(&digest(&domain, &envelope).map_err(cannot_be_signed)?),
        envelope: hex(&bytes),
        nonce: envelope.nonce,
        valid_until: envelope.valid_until.get(),
    }))
}

fn cannot_be_signed(refusal: Refusal) -> Fault {
    Fault::not_valid(format!("the request cannot be signed: {refusal}"))
}

/// Within what the gate allows. Time of a simulation passes faster than that of whoever reads and signs.
fn valid_until(asked: Option<i64>, now: Time, speed: i64) -> Result<Time, Fault> {
    let most = now + MAX_VALIDITY;
    match asked {
        None => Ok(most.min(now + Time::new(VALID_MS * speed))),
        Some(ms) if (now.get() + 1..=most.get()).contains(&ms) => Ok(Time::new(ms)),
        Some(ms) => {
            let (now, most) = (now.get(), most.get());
            Err(Fault::not_valid(format!("validUntil: found {ms} ms, allowed above {now} and at most {most}")))
        }
    }
}

/// What a request means in a view.
struct Reader<'a> {
    shown: Shown<'a>,
    /// The number of an order that has none.
    fresh: u64,
}

impl<'a> Reader<'a> {
    fn request(&self, asked: OwnerRequest) -> Result<Request, Fault> {
        let command = match asked {
            OwnerRequest::GrantSession { session, may_trade, may_bid, expires } => {
                let scope = |may: bool, scope: Scopes| if may { scope } else { Scopes::NONE };
                let scopes = scope(may_trade, Scopes::TRADE).and(scope(may_bid, Scopes::BIDS));
                let session = key_of("session", &session)?.0;
                return Ok(Request::GrantSession { session, scopes, expires: Time::new(expires) });
            }
            OwnerRequest::RevokeSession { session } => {
                return Ok(Request::RevokeSession { session: key_of("session", &session)?.0 });
            }
            OwnerRequest::OpenAccount { pool } => {
                self.pool(pool)?;
                Command::OpenAccount { pool: PoolId(pool) }
            }
            OwnerRequest::OpenOwnPool { name, from_pool, from_account, first_loss, feed } => {
                let (from_pool, from_account) = self.account(from_pool, from_account)?;
                self.view().feeds.find(FeedId(feed)).ok_or_else(|| Fault::not_found("feed"))?;
                let first_loss = usd_of("firstLoss", &first_loss)?;
                Command::OpenOwnPool { name, from_pool, from_account, first_loss, feed: FeedId(feed) }
            }
            of_an_account => return self.of_account(of_an_account).map(Request::Act),
        };
        Ok(Request::Act(command))
    }

    /// Orders; every request here is of an account.
    fn of_account(&self, asked: OwnerRequest) -> Result<Command, Fault> {
        Ok(match asked {
            OwnerRequest::PlaceOrder { pool, account, order } => {
                let order = self.order(pool, account, &order)?;
                Command::PlaceOrder { pool: PoolId(pool), account: AccountId(account), order }
            }
            OwnerRequest::RevealOrder { pool, account, order, salt } => {
                if order.number.is_none() || order.lifetime.is_none() {
                    return Err(Fault::not_valid(
                        "order: a revealed order names the number and the lifetime of its seal",
                    ));
                }
                let (order, salt) = (self.order(pool, account, &order)?, word_of("salt", &salt)?);
                Command::RevealOrder { pool: PoolId(pool), account: AccountId(account), order, salt }
            }
            OwnerRequest::SealOrder { pool, account, seal } => {
                let ((pool, account), seal) = (self.account(pool, account)?, word_of("seal", &seal)?);
                Command::SealOrder { pool, account, seal }
            }
            OwnerRequest::CancelOrder { pool, account, number } => {
                let (pool, account) = self.account(pool, account)?;
                Command::CancelOrder { pool, account, number }
            }
            OwnerRequest::CancelAll { pool, account } => {
                let (pool, account) = self.account(pool, account)?;
                Command::CancelAll { pool, account }
            }
            about_money => return self.capital(about_money),
        })
    }

    /// Money, bids and the backstop.
    fn capital(&self, asked: OwnerRequest) -> Result<Command, Fault> {
        Ok(match asked {
            OwnerRequest::Withdraw { pool, account, amount } => {
                let ((pool, account), amount) = (self.account(pool, account)?, usd_of("amount", &amount)?);
                Command::Withdraw { pool, account, amount }
            }
            OwnerRequest::WithdrawCollateral { pool: at, account, instrument, quantity } => {
                let (pool, account) = self.account(at, account)?;
                let quantity = lots("quantity", &quantity, self.places(at, instrument)?)?;
                Command::WithdrawCollateral { pool, account, instrument: InstrumentId(instrument), quantity }
            }
            OwnerRequest::PlaceBid { pool, account, premium, capacity } => {
                let (pool, account) = self.account(pool, account)?;
                let (premium, capacity) = (ratio_of("premium", &premium)?, usd_of("capacity", &capacity)?);
                Command::PlaceBid { pool, account, premium, capacity }
            }
            OwnerRequest::CancelBid { pool, account } => {
                let (pool, account) = self.account(pool, account)?;
                Command::CancelBid { pool, account }
            }
            OwnerRequest::AllowVenue { pool, account, venue, loss, margin } => {
                let ((pool, account), venue) = (self.account(pool, account)?, key_of("venue", &venue)?);
                let (loss, margin) = (usd_or_none("loss", &loss)?, usd_or_none("margin", &margin)?);
                Command::AllowVenue { pool, account, venue, loss, margin }
            }
            OwnerRequest::JoinTranche { pool, account, amount } => {
                let ((pool, account), amount) = (self.account(pool, account)?, usd_of("amount", &amount)?);
                Command::JoinTranche { pool, account, amount }
            }
            OwnerRequest::LeaveTranche { pool, account, amount } => {
                let ((pool, account), amount) = (self.account(pool, account)?, usd_of("amount", &amount)?);
                Command::LeaveTranche { pool, account, amount }
            }
            // Those above this function; a request that is new says so until it has an arm.
            _ => return Err(Fault::not_valid("request: of a kind that cannot be prepared yet")),
        })
    }

    fn order(&self, pool: u16, account: u32, asked: &OrderRequest) -> Result<NewOrder, Fault> {
        let (held, places) = (self.held(pool, account)?, self.places(pool, asked.instrument)?);
        Ok(NewOrder {
            number: asked.number.unwrap_or_else(|| self.fresh.max(held.last_number.saturating_add(1))),
            instrument: InstrumentId(asked.instrument),
            quantity: lots_of(&asked.side, &asked.quantity, places)?,
            limit: asked.limit.as_deref().map(|text| price_of("limit", text, places)).transpose()?,
            lifetime: lifetime(asked)?,
            reduce_only: asked.reduce_only,
        })
    }

    fn view(&self) -> &'a View {
        self.shown.view
    }

    fn pool(&self, pool: u16) -> Result<&'a PoolView, Fault> {
        pool_of(self.view(), pool)
    }

    fn held(&self, pool: u16, account: u32) -> Result<&'a Arc<Account>, Fault> {
        self.pool(pool)?.account(AccountId(account)).ok_or_else(|| Fault::not_found("account"))
    }

    /// The ids of an account that is there.
    fn account(&self, pool: u16, account: u32) -> Result<(PoolId, AccountId), Fault> {
        self.held(pool, account)?;
        Ok((PoolId(pool), AccountId(account)))
    }

    /// The places of an instrument that is there.
    fn places(&self, pool: u16, instrument: u16) -> Result<u8, Fault> {
        let (own, id) = (self.pool(pool)?, InstrumentId(instrument));
        own.pool.instruments.find(id).ok_or_else(|| Fault::not_found("instrument"))?;
        Ok(self.shown.places_of(&own.pool, id))
    }
}

/// An order at any price lives for one auction, unless it says otherwise: what is left of it must not wait at the worst price.
fn lifetime(asked: &OrderRequest) -> Result<Lifetime, Fault> {
    let usual = if asked.limit.is_some() { OrderLifetime::UntilCancelled } else { OrderLifetime::ThisBlock };
    match (asked.lifetime.unwrap_or(usual), asked.until) {
        (OrderLifetime::UntilCancelled, None) => Ok(Lifetime::UntilCancelled),
        (OrderLifetime::ThisBlock, None) => Ok(Lifetime::ThisBlock),
        (OrderLifetime::Until, Some(ms)) => Ok(Lifetime::Until(Time::new(ms))),
        (OrderLifetime::Until, None) => {
            Err(Fault::not_valid("until: missing, an order that lives Until names the time"))
        }
        (_, Some(_)) => Err(Fault::not_valid("until: allowed with the lifetime Until only")),
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_VALIDITY, Numbers, valid_until};
    use clearing::units::Time;

    #[test]
    fn numbers_follow_the_time_and_never_repeat() {
        let numbers = Numbers::default();
        let named: Vec<u64> = [1_000, 1_000, 999, 1_001].iter().map(|ms| numbers.next(Time::new(*ms))).collect();
        assert_eq!(named, [16_000, 16_001, 16_002, 16_016]);
        assert_eq!(Numbers::default().next(Time::new(-1)), 1);
    }

    #[test]
    fn a_signature_counts_for_a_minute_of_who_signs_and_at_most_a_day() {
        let now = Time::new(1_000);
        let at = |asked, speed| valid_until(asked, now, speed).ok().map(Time::get);
        assert_eq!((at(None, 1), at(None, 30)), (Some(61_000), Some(1_801_000)));
        assert_eq!(at(None, u32::MAX.into()), Some(1_000 + MAX_VALIDITY.get()));
        for (asked, allowed) in
            [(1_000, false), (1_001, true), (86_401_000, true), (86_401_001, false), (i64::MIN, false)]
        {
            assert_eq!(at(Some(asked), 1), allowed.then_some(asked));
        }
    }
}

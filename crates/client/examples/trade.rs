//! Opens an account, lets a session key trade for it, places an order and cancels it:
//! `cargo run -p client --example trade -- http://127.0.0.1:8700`

use authority::Scopes;
use clearing::table::{AccountId, PoolId};
use clearing::units::Time;
use client::{Client, Signer, command, order};
use std::error::Error;

const POOL: PoolId = PoolId(0);
const HOUR: Time = Time::new(3_600_000);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8700".to_owned());
    let node = Client::new(&address)?;
    let (domain, now) = (node.domain().await?, node.now().await?);
    // An owner signs with a wallet's key. This one is nobody's: never put money behind it.
    let mut owner = Signer::ethereum([42; 32])?;
    let opened = owner.sign(&domain, now, command::open_account(POOL))?;
    println!("open account: {}", node.submit_until_answered(&[opened]).await?[0].status);
    let key = protocol::hex::hex(&owner.key()?.0);
    let accounts = node.accounts_of(POOL.0, &key, None).await?.accounts;
    let account = accounts.last().ok_or("the account is not there")?.figures.account;

    // From here on a key that can trade and not withdraw.
    let mut session = Signer::session([43; 32], owner.key()?);
    let public = match session.identity() {
        authority::Signer::Ed25519(public) => public,
        authority::Signer::Ethereum(_) => return Err("a session key is an ed25519 key".into()),
    };
    let grant = owner.sign(&domain, now, command::grant_session(public, Scopes::TRADE, now + HOUR))?;
    println!("grant session: {}", node.submit_until_answered(&[grant]).await?[0].status);

    let market = node.markets(POOL.0).await?.markets.into_iter().next().ok_or("no market")?;
    let mut bid = order(&market, "buy", &market.lot_size, market.best_bid.as_deref())?;
    bid.number = u64::try_from(now.get())?;
    let number = bid.number;
    let place = session.sign(&domain, now, command::place(POOL, AccountId(account), bid))?;
    let cancel = session.sign(&domain, now, command::cancel(POOL, AccountId(account), number))?;
    for answer in node.submit_until_answered(&[place, cancel]).await? {
        // Without money the order is refused: the custodian reports deposits, members cannot.
        println!("{}: {}", answer.status, answer.reason.unwrap_or_default());
    }
    Ok(())
}

//! Reads the markets of every pool: `cargo run -p client --example markets -- http://127.0.0.1:8700`

use client::Client;
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8700".to_owned());
    let node = Client::new(&address)?;
    for pool in node.pools().await?.pools {
        println!("{}: {} accounts, fund {} USD of {}", pool.name, pool.accounts, pool.fund.equity, pool.fund.target);
        for market in node.markets(pool.pool).await?.markets {
            let (bid, ask) = (market.best_bid.unwrap_or_default(), market.best_ask.unwrap_or_default());
            println!(
                "  {:<10} mark {:>12}  bid {bid:>12}  ask {ask:>12}  {}",
                market.name, market.mark_price, market.breaker.level
            );
        }
    }
    Ok(())
}

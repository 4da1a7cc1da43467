//! Tells every liquidation as it happens, over connections that may break: `cargo run -p client --example liquidations -- http://127.0.0.1:8700`

use client::{Client, Message};
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8700".to_owned());
    let kinds = ["AccountLiquidated", "PortfolioAuctioned", "LossAllocated", "AccountRestored"];
    let mut events = Client::new(&address)?.events(Some(0), &kinds);
    loop {
        match events.next().await? {
            Message::Event { event } => {
                println!("{} block {}: {} {:?}", event.sequence, event.height, event.kind, event.fields)
            }
            Message::Gap { first } => println!("the node remembers events from {first} on"),
            Message::Block(_) => (),
        }
    }
}

//! How long the systemic figures of a large state take: `cargo run --release -p lab --example contagion_scale -- 1000000`.

use contagion::assess::assess_markets;
use contagion::{Settings, Source, assess};
use lab::bench::Market;
use std::time::Instant;

fn main() {
    let traders = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let market = Market::build(traders, 1, &mut |_, _| (), &mut |_| ()).expect("the benchmark's market can be built");
    let begun = Instant::now();
    assess_markets(&Source::of(market.engine().state()), &Settings::default()).expect("the settings are sound");
    println!("curves alone: {:.2} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let found = assess(&Source::of(market.engine().state()), &Settings::default()).expect("the settings are sound");
    println!("{traders} traders: {:.2} s", begun.elapsed().as_secs_f64());
    for pool in &found.pools {
        println!("{}: coupled {:?}", pool.name, pool.coupled);
        for market in &pool.markets {
            println!("  {}: n {:?}, distance {:?}", market.curve.name, market.at_mark, market.distance);
        }
    }
}

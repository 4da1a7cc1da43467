//! Runs the drill on the data folder and prints its outcome.
use std::path::Path;
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let accounts: usize = arguments.get(1).map_or(2_000, |text| text.parse().unwrap());
    let seed: u64 = arguments.get(2).map_or(1, |text| text.parse().unwrap());
    let text = std::fs::read_to_string("drills/october-2025/drill.toml").unwrap();
    let plan = lab::plan::Plan::parse(&text, "drill.toml").unwrap();
    let recording = lab::tape::compact(Path::new("../shared/data")).unwrap();
    let drill = lab::drill::Drill { plan: &plan, recording: &recording };
    let setting = drill.setting(accounts, seed).unwrap();
    let started = std::time::Instant::now();
    let (outcome, series) = drill.run(&setting, seed, None, &mut |progress| {
        if progress.second % 300 == 0 {
            eprintln!("{} {:.0} {} {:?}", progress.second, progress.price_usd, progress.liquidated, started.elapsed());
        }
    });
    println!("{}", serde_json::to_string_pretty(&outcome).unwrap());
    for feed in &series.feeds {
        let count = |state| feed.state.iter().filter(|found| **found == state).count();
        use lab::outcome::FeedState::{Degraded, Down, Live};
        println!(
            "{} live {} degraded {} down {} initial {:?}..{:?} maintenance {:?}",
            feed.symbol,
            count(Live),
            count(Degraded),
            count(Down),
            feed.initial_stress_ppm.first(),
            feed.initial_stress_ppm.iter().cloned().fold(0.0, f64::max),
            feed.maintenance_stress_ppm.first()
        );
    }
    let mean: f64 = series.apply_us.iter().sum::<f64>() / series.apply_us.len() as f64;
    println!("apply mean {mean:.0} us max {:.0}", series.apply_us.iter().cloned().fold(0.0, f64::max));
}

//! Renders the report of an invented drill, to look at its layout without running one: `cargo run -p lab --example sample_report -- DIR`.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::path::PathBuf;

use lab::outcome::{
    Adl, BlockTimes, BreakerState, BreakerStep, Conservation, EquitySnapshot, FeedSeries, FeedState, InstrumentSeries,
    MinuteCounts, Outcome, PublisherSeries, Rules, Runs, Series, Span,
};
use lab::report::{Case, Compared, ComparedSeries, Drill, MarkSeries, write_report};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const START_MS: i64 = 1_760_129_100_000;
const SECONDS: usize = 5_400;
const CRASH: usize = 2_100;
const SYMBOLS: [(&str, f64, f64); 8] = [
    ("BTC", 116_800.0, 0.12),
    ("ETH", 4_120.0, 0.17),
    ("SOL", 205.0, 0.25),
    ("AAVE", 252.0, 0.55),
    ("ATOM", 3.91, 0.62),
    ("AVAX", 26.4, 0.58),
    ("DOGE", 0.2251, 0.50),
    ("LINK", 20.9, 0.48),
];
const VENUES: [(&str, f64); 5] =
    [("Aster", 1.0), ("Borealis", 0.9), ("Cygnus", 1.45), ("Draco", 0.95), ("Eridanus", 1.05)];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir =
        std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("seawall-sample-report"), PathBuf::from);
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let series = series(&mut random);
    let compared = compared(&mut random, &series);
    let outcome = outcome(&series, 1);
    let runs = Some(Runs::new(
        (1..=5).map(|seed| Outcome { breaches: 780 + 17 * seed, ..self::outcome(&series, seed) }).collect(),
    ));
    let title = "Synthetic sample: an invented crash, not a result".to_owned();
    let notes = ["Every number in this report is invented, to show the layout.".to_owned()];
    let path = write_report(&dir, &Drill { title, outcome, series, runs }, Some(&compared), &notes)?;
    println!("{}", path.display());
    Ok(())
}

/// How deep into the crash a second is, 0 to 1: a slide, a plunge, a slow way back.
fn depth(second: usize) -> f64 {
    let minutes = (second as f64 - CRASH as f64) / 60.0;
    match minutes {
        _ if minutes < -14.0 => 0.0,
        _ if minutes < 0.0 => 0.35 * (1.0 + minutes / 14.0).powi(2),
        _ if minutes < 6.0 => 0.35 + 0.65 * (minutes / 6.0).powf(1.6),
        _ => 0.42 + 0.58 * (-(minutes - 6.0) / 5.0).exp(),
    }
}

fn series(random: &mut ChaCha8Rng) -> Series {
    let feeds: Vec<FeedSeries> = SYMBOLS.iter().map(|symbol| feed(random, *symbol)).collect();
    let share = |second: usize| depth(second).powi(2);
    let steps = |from: usize, state, cause: &str| BreakerStep { time_ms: time(from), state, cause: cause.to_owned() };
    let instruments = feeds.iter().enumerate().map(|(at, feed)| InstrumentSeries {
        symbol: format!("{}-PERP", feed.symbol),
        open_interest_usd: (0..SECONDS)
            .map(|second| 1.9e8 / (at + 1) as f64 * (1.0 - 0.5 * depth(second.min(CRASH + 360))))
            .collect(),
        breakers: match at {
            0 => vec![],
            1..3 => vec![
                steps(CRASH + 100, BreakerState::Cautious, "large move"),
                steps(CRASH + 900, BreakerState::Normal, "calm"),
            ],
            _ => vec![
                steps(CRASH - 60, BreakerState::Cautious, "large move"),
                steps(CRASH + 180 + 7 * at, BreakerState::ReduceOnly, "feed degraded"),
                steps(CRASH + 330, BreakerState::Halted, "feed down"),
                steps(CRASH + 360 + 9 * at, BreakerState::CallAuction, "fresh prices"),
                steps(CRASH + 420 + 9 * at, BreakerState::Cautious, "resumed"),
                steps(CRASH + 1500, BreakerState::Normal, "calm"),
            ],
        },
    });
    let minutes = (0..SECONDS / 60).map(|minute| {
        let fall = (depth(minute * 60 + 59) - depth(minute * 60)).max(0.0);
        let liquidations = (fall * 900.0 * random.random_range(0.6..1.4)) as u64;
        MinuteCounts {
            time_ms: time(minute * 60),
            liquidations,
            forced_notional_usd: liquidations as f64 * random.random_range(2e4..6e4),
            portfolio_auctions: liquidations / 14,
        }
    });
    let (minutes, instruments) = (minutes.collect(), instruments.collect());
    let lost = |second: usize, share_of: f64| share_of * share(second.min(CRASH + 360));
    Series {
        time_ms: (0..SECONDS).map(time).collect(),
        focus_ms: Some((time(CRASH - 900), time(CRASH + 1_500))),
        instruments,
        minutes,
        fund_usd: (0..SECONDS)
            .map(|second| 2.5e7 - lost(second, 6.2e6) + 1.1e6 * second as f64 / SECONDS as f64)
            .collect(),
        layers_usd: vec![
            ("own_capital".into(), (0..SECONDS).map(|second| lost(second, 3e6).min(2e6)).collect()),
            ("fund".into(), (0..SECONDS).map(|second| (lost(second, 8.2e6) - 2e6).max(0.0)).collect()),
        ],
        average_initial_margin_ppm: (0..SECONDS).map(|second| 82_000.0 + 120_000.0 * depth(second).sqrt()).collect(),
        equity: [("start", 0, 1.0), ("low", CRASH + 360, 0.45), ("end", SECONDS - 1, 0.75)]
            .map(|(label, second, scale)| {
                let ratios = (0..8_000).map(|_| 1.02 + scale * 4.0 * -random.random_range(1e-4..1.0f64).ln());
                EquitySnapshot::count(label, time(second), ratios)
            })
            .to_vec(),
        block_us: {
            let p50: Vec<f64> =
                (0..SECONDS).map(|second| 900.0 + 7_000.0 * depth(second) * random.random_range(0.7..1.3)).collect();
            let times = |factor: f64| p50.iter().map(|us| us * factor).collect();
            BlockTimes { p90: times(1.6), max: times(2.1), p50 }
        },
        feeds,
        systemic: None,
    }
}

fn time(second: usize) -> i64 {
    START_MS + 1000 * second as i64
}

fn feed(random: &mut ChaCha8Rng, (symbol, start, fall): (&str, f64, f64)) -> FeedSeries {
    let mut walk = 0.0;
    let fair: Vec<f64> = (0..SECONDS)
        .map(|second| {
            walk += random.random_range(-1.0..1.0) * 0.0003;
            start * (1.0 - 0.7 * fall * depth(second) + walk + 0.002 * (second as f64 / 400.0 * PI).sin())
        })
        .collect();
    let publishers = VENUES.map(|(name, weight)| PublisherSeries {
        name: name.to_owned(),
        price: (0..SECONDS)
            .map(|second| {
                let apart = ((depth(second) - 0.45).max(0.0) / 0.55).powi(2);
                let silent = name == "Draco" && (CRASH + 240..CRASH + 420).contains(&second);
                let noise = random.random_range(-1.0..1.0) * (0.0006 + 0.02 * apart * fall);
                let own = fair[second] * (1.0 + noise) - start * fall * 0.45 * apart * (weight - 1.0) / 0.45;
                if silent { f64::NAN } else { own.max(0.02 * start) }
            })
            .collect(),
    });
    let index: Vec<f64> = (0..SECONDS)
        .map(|second| {
            let mut prices: Vec<f64> =
                publishers.iter().map(|venue| venue.price[second]).filter(|price| price.is_finite()).collect();
            prices.sort_by(f64::total_cmp);
            prices[prices.len() / 2]
        })
        .collect();
    let band: Vec<f64> =
        (0..SECONDS).map(|second| start * (0.001 + 0.12 * fall * (depth(second) - 0.4).max(0.0))).collect();
    let mut slow = index[0];
    let state = |second: usize| match depth(second) {
        deep if fall > 0.4 && deep > 0.97 => FeedState::Down,
        deep if fall > 0.2 && deep > 0.72 => FeedState::Degraded,
        _ => FeedState::Live,
    };
    let mut maintenance: f64 = 90_000.0 + 1e5 * fall;
    FeedSeries {
        symbol: symbol.to_owned(),
        band_low: index.iter().zip(&band).map(|(index, band)| index - band).collect(),
        band_high: index.iter().zip(&band).map(|(index, band)| index + band).collect(),
        slow: index
            .iter()
            .map(|index| {
                slow *= (index / slow).clamp(1.0 - 1.5e-4, 1.0 + 1.5e-4);
                slow
            })
            .collect(),
        state: (0..SECONDS).map(state).collect(),
        maintenance_stress_ppm: (0..SECONDS)
            .map(|second| {
                maintenance += 12.0 * depth(second);
                maintenance
            })
            .collect(),
        initial_stress_ppm: (0..SECONDS)
            .map(|second| 1.3e5 + 1.2e5 * fall + 5e5 * fall * depth(second).sqrt())
            .collect(),
        publishers: publishers.to_vec(),
        index,
    }
}

fn outcome(series: &Series, seed: u64) -> Outcome {
    let feeds = series.feeds.iter().map(|feed| (feed.symbol.clone(), Span::of(&feed.index)));
    let liquidated = series.minutes.iter().map(|minute| minute.liquidations).sum();
    Outcome {
        name: "synthetic-sample".into(),
        rules: Rules::Seawall,
        seed,
        accounts: 10_000,
        blocks: SECONDS as u64,
        feeds: feeds.collect(),
        breaches: liquidated + 31,
        liquidated_accounts: liquidated,
        wrongful_liquidations: 0,
        liquidation_latency_blocks_max: 0,
        forced_notional_usd: series.minutes.iter().map(|minute| minute.forced_notional_usd).sum(),
        portfolio_auctions: series.minutes.iter().map(|minute| minute.portfolio_auctions).sum(),
        fund: Span::of(&series.fund_usd),
        adl: Adl::default(),
        loss_by_layer: BTreeMap::from([("own_capital".into(), 2e6), ("fund".into(), 6.2e6)]),
        bad_debt_usd: 0.0,
        conservation: Conservation { blocks_checked: SECONDS as u64, violations: 0 },
        pools_touched: vec!["alts".into()],
        state_root: "5f0c2ad1".repeat(8),
        elapsed_ms: 48_200,
        block_ms: None,
    }
}

fn compared(random: &mut ChaCha8Rng, series: &Series) -> Compared {
    let ends: Vec<usize> = (0..SECONDS / 60).map(|minute| minute * 60 + 59).collect();
    let marks = series.feeds.iter().map(|feed| MarkSeries {
        symbol: feed.symbol.clone(),
        own_mark: ends
            .iter()
            .map(|second| feed.publishers[2].price[*second] * 0.96f64.powf(depth(*second).powi(4)))
            .collect(),
        honest_median: ends.iter().map(|second| feed.index[*second]).collect(),
    });
    let pressure = |second: usize| depth(second).powi(3);
    let fund = |second: usize| 2.7e7 - 6.4e7 * pressure(second.min(CRASH + 360));
    let series = ComparedSeries {
        time_ms: ends.iter().map(|second| time(*second)).collect(),
        marks: marks.collect(),
        queue_length: ends.iter().map(|second| (1_400.0 * pressure(*second)).round()).collect(),
        liquidations: ends
            .iter()
            .map(|second| (130.0 * pressure(*second) * random.random_range(0.7..1.2)).round())
            .collect(),
        deleveraged: ends.iter().map(|second| (60.0 * (pressure(*second) - 0.4).max(0.0)).round()).collect(),
        fund_usd: ends.iter().map(|second| fund(*second).max(0.0)).collect(),
    };
    Compared { outcome: static_outcome(&series), series, cases: cases() }
}

fn static_outcome(series: &ComparedSeries) -> Outcome {
    Outcome {
        name: "synthetic-sample".into(),
        rules: Rules::Static,
        seed: 1,
        accounts: 10_000,
        blocks: SECONDS as u64,
        feeds: BTreeMap::new(),
        breaches: 2_216,
        liquidated_accounts: 1_874,
        wrongful_liquidations: 312,
        liquidation_latency_blocks_max: 187,
        forced_notional_usd: 4.18e8,
        portfolio_auctions: 0,
        fund: Span::of(&series.fund_usd),
        adl: Adl { accounts: 241, notional_usd: 6.3e7, overshoot_usd: 5.8e6 },
        loss_by_layer: BTreeMap::from([
            ("fund".into(), 2.7e7),
            ("auto_deleveraging".into(), 3.1e7),
            ("uncovered".into(), 1.4e6),
        ]),
        bad_debt_usd: 3.24e7,
        conservation: Conservation { blocks_checked: SECONDS as u64, violations: 0 },
        pools_touched: vec!["majors".into(), "alts".into(), "thin".into()],
        state_root: String::new(),
        elapsed_ms: 2_100,
        block_ms: None,
    }
}

fn cases() -> Vec<Case> {
    let case =
        |kind: &str, second: usize, account: &str, symbol: &str, own: f64, honest: f64, amount: f64, text: &str| Case {
            kind: kind.into(),
            time_ms: time(second),
            account: account.into(),
            symbol: symbol.into(),
            own_price_usd: own,
            honest_price_usd: honest,
            amount_usd: amount,
            text: text.into(),
        };
    vec![
        case(
            "wrongful",
            CRASH + 352,
            "account 4117",
            "AAVE",
            80.8,
            150.0,
            1.31e5,
            "A hedged long was closed at a mark 46 % under the honest median; 40 s later the mark was back.",
        ),
        case(
            "wrongful",
            CRASH + 358,
            "account 902",
            "ATOM",
            1.08,
            3.56,
            4.2e4,
            "Twice the maintenance margin at honest prices, sold whole.",
        ),
        case(
            "late",
            CRASH + 371,
            "account 77",
            "DOGE",
            0.121,
            0.139,
            9.4e5,
            "Waited 187 s in the queue while 1,390 accounts stood before it.",
        ),
        case(
            "bankrupt",
            CRASH + 402,
            "account 2310",
            "AVAX",
            7.2,
            12.9,
            3.3e5,
            "Taken over 312 k USD below zero after its queue time.",
        ),
        case(
            "deleveraged",
            CRASH + 430,
            "account 15",
            "LINK",
            9.8,
            12.4,
            2.2e6,
            "A basis trader's short leg was closed whole for a deficit a tenth its size; the long leg stayed open and fell.",
        ),
    ]
}

//! What a report must hold whatever it is given: all sections, no foreign text that acts, nothing fetched.

use std::collections::BTreeMap;

use super::*;
use crate::outcome::{
    Adl, BlockTimes, BreakerState, BreakerStep, Conservation, EquitySnapshot, FeedSeries, FeedState, InstrumentSeries,
    LiquidationStream, MinuteCounts, PublisherSeries, Rules, Span, SystemicMarket, SystemicSeries,
};

const HOSTILE: &str = "</script><script>alert('x')</script><img src=http://evil.test/a.png onerror=\"alert(1)\">";

fn outcome(text: &str) -> Outcome {
    Outcome {
        name: text.into(),
        rules: Rules::Seawall,
        seed: 1,
        accounts: 10_000,
        blocks: 4,
        feeds: BTreeMap::from([(text.into(), Span { start: 4.0, low: 1.0, end: f64::NAN })]),
        breaches: 3,
        liquidated_accounts: 2,
        wrongful_liquidations: 0,
        liquidation_latency_blocks_max: 0,
        forced_notional_usd: 1_234_000.0,
        portfolio_auctions: 1,
        fund: Span { start: 5e6, low: 4e6, end: f64::NAN },
        adl: Adl::default(),
        loss_by_layer: BTreeMap::from([("fund".into(), 1e6), (text.into(), 1.0)]),
        bad_debt_usd: 0.0,
        conservation: Conservation { blocks_checked: 4, violations: 0 },
        pools_touched: vec![text.into()],
        state_root: text.into(),
        elapsed_ms: 1_500,
        block_ms: None,
    }
}

fn full(text: &str) -> (Drill, Compared) {
    let values = vec![3.0, f64::NAN, 1.0, f64::INFINITY];
    let feed = FeedSeries {
        symbol: text.into(),
        publishers: vec![PublisherSeries { name: text.into(), price: values.clone() }],
        index: values.clone(),
        band_low: values.clone(),
        band_high: values.clone(),
        slow: values.clone(),
        state: vec![FeedState::Live, FeedState::Down, FeedState::Degraded, FeedState::Live],
        maintenance_stress_ppm: values.clone(),
        initial_stress_ppm: values.clone(),
    };
    let step = BreakerStep { time_ms: 2_000, state: BreakerState::Halted, cause: text.into() };
    let instrument = InstrumentSeries { symbol: text.into(), open_interest_usd: values.clone(), breakers: vec![step] };
    let series = Series {
        time_ms: vec![0, 1_000, 2_000, 3_000],
        focus_ms: None,
        feeds: vec![feed],
        instruments: vec![instrument],
        minutes: [f64::NAN, 5e6]
            .map(|forced_notional_usd| MinuteCounts { liquidations: 2, forced_notional_usd, ..MinuteCounts::default() })
            .to_vec(),
        fund_usd: values.clone(),
        layers_usd: vec![("fund".into(), values.clone()), (text.into(), values.clone())],
        average_initial_margin_ppm: values.clone(),
        equity: vec![EquitySnapshot::count(text, 0, [0.5, 2.0])],
        block_us: BlockTimes { p50: values.clone(), p90: values.clone(), max: values.clone() },
        systemic: Some(SystemicSeries {
            time_ms: vec![0],
            markets: vec![SystemicMarket { symbol: text.into(), at_mark: vec![0.5], distance: vec![0.1] }],
            coupled: vec![f64::NAN],
            agreement: [Some(0.5), None],
            streams: vec![LiquidationStream { name: text.into(), ..LiquidationStream::default() }],
        }),
    };
    let case = Case {
        kind: text.into(),
        time_ms: 1_000,
        account: text.into(),
        symbol: text.into(),
        own_price_usd: f64::NAN,
        honest_price_usd: 1.0,
        amount_usd: -3.0,
        text: text.into(),
    };
    let marks = MarkSeries { symbol: text.into(), own_mark: values.clone(), honest_median: vec![] };
    let other = ComparedSeries {
        time_ms: series.time_ms.clone(),
        marks: vec![marks],
        queue_length: values.clone(),
        liquidations: values.clone(),
        deleveraged: values.clone(),
        fund_usd: values,
    };
    let mut theirs = outcome(text);
    theirs.rules = Rules::Static;
    theirs.bad_debt_usd = f64::NAN;
    let compared = Compared { outcome: theirs, series: other, cases: vec![case] };
    let runs = Some(Runs::new(vec![outcome(text), compared.outcome.clone()]));
    (Drill { title: text.into(), outcome: outcome(text), series, runs }, compared)
}

/// The page without the plotting library, which is full of strings of its own.
fn own_part(page: &str) -> String {
    page.replace(&library(), "")
}

#[test]
fn every_section_is_there() {
    let (drill, compared) = full("BTC");
    let page = own_part(&page(&drill, Some(&compared), &["a note".to_owned()]));
    for id in ["summary", "cases", "feeds", "prices", "stress", "sales", "losses", "market", "seeds", "notes"] {
        assert!(page.contains(&format!("<section id=\"{id}\"")), "{id}");
    }
    for text in [
        "Initial stress",
        "Equity distribution",
        "Portfolio auctions",
        "Fund equity",
        "Waterfall layers",
        "Open interest",
        "Feed states",
        "Breakers",
        "1 January 1970",
        "1.23 M USD",
        "a note",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("Nothing recorded"));
}

#[test]
fn the_file_fetches_nothing() {
    let (drill, compared) = full("BTC");
    let whole = page(&drill, Some(&compared), &[]);
    let page = own_part(&whole);
    for fetching in ["http:", "https:", " src=", "@import", "url(", "<link", "<iframe", "fetch(", "import("] {
        assert!(!page.contains(fetching), "{fetching}");
    }
    assert!(page.contains("default-src 'none'"), "the browser refuses what a library might still try");
    assert!(whole.contains("plotly.js v"), "the library is inside");
    assert!(!whole.contains("MathJax.loader"), "the typesetter of formulas is not");
    assert!(whole.len() < 6_000_000, "{} bytes", whole.len());
}

#[test]
fn text_from_outside_stays_text() {
    let (drill, compared) = full(HOSTILE);
    let page = own_part(&page(&drill, Some(&compared), &[HOSTILE.to_owned()]));
    assert!(!page.contains("<img") && !page.contains("<script>alert"), "hostile text reached the page as markup");
    assert_eq!(page.matches("<script").count(), 2, "data and drawing");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("onerror=\"alert"));
}

#[test]
fn plots_are_valid_json_with_gaps_for_what_is_not_a_number() {
    let (drill, compared) = full(HOSTILE);
    let plots = figures::plots(&drill.series, Some(&compared));
    let data: serde_json::Value = serde_json::from_str(&plot_data(&plots)).expect("the page parses it too");
    let index = data["figures"][0]["plot"]["data"].as_array().and_then(|lines| lines.last()).expect("a line");
    assert_eq!(index["y"], json!([3.0, null, 1.0, null]));
    assert_eq!(index["x"], json!(["@times"]));
}

#[test]
fn nothing_recorded_is_said_and_not_drawn() {
    let drill = Drill { title: "empty".into(), outcome: outcome("none"), series: Series::default(), runs: None };
    let bare = own_part(&page(&drill, None, &[]));
    assert!(bare.contains("Nothing recorded") && bare.contains("no samples recorded"));
    assert!(!bare.contains("class=\"plot\""));
    let (_, mut compared) = full("BTC");
    compared.series = ComparedSeries::default();
    compared.cases.clear();
    assert!(own_part(&page(&drill, Some(&compared), &[])).contains("No cases recorded"));
    let runs = Some(Runs::new(vec![]));
    assert!(page(&Drill { runs, ..drill }, None, &[]).contains("Spread over 0 seeds"));
}

#[test]
fn a_report_is_written_into_a_new_folder_and_a_bad_folder_is_named() {
    let dir = std::env::temp_dir().join(format!("seawall-report-{}", std::process::id()));
    let (drill, compared) = full("BTC");
    let path = write_report(&dir.join("new"), &drill, Some(&compared), &[]).expect("a writable folder");
    assert!(std::fs::read_to_string(&path).expect("the file").ends_with("</html>\n"));
    let error = write_report(&path, &drill, None, &[]).expect_err("a file is no folder");
    assert!(error.to_string().contains("report not written: "), "{error}");
    std::fs::remove_dir_all(&dir).expect("cleaned up");
}

//! Decides whether recordings, their compact form and tapes keep what they promise.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

const SOURCE_SECOND: usize = 81 * 60; // 21:21 UTC

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The full data folder, or `None` with a line that says so.
fn data(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("SEAWALL_DATA").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| root().join("../shared/data"));
    let found = folder.join("oct2025_ticks").is_dir();
    if !found {
        eprintln!("skipped: {test} needs the data folder, and {} has no oct2025_ticks", folder.display());
    }
    found.then_some(folder)
}

fn committed() -> Vec<u8> {
    std::fs::read(root().join("drills/october-2025/path.bin.zst")).expect("the drill's compact recording")
}

fn recording() -> Recording {
    Recording::read_compact(&committed()).expect("the committed recording is sound")
}

fn bar(length_s: i64, traded: Traded, [open, high, low, close]: [f64; 4]) -> Bar {
    Bar { open_ms: 0, length_ms: length_s * 1000, open, high, low, close, volume: Some(1.0), traded }
}

fn one_series(bars: Vec<Bar>) -> Recording {
    let series = Series { venue: "x_perp".into(), kind: MarketKind::Perpetual, asset: "A".into(), decimals: 2, bars };
    Recording { window: Window { from_ms: 0, until_ms: 3_600_000 }, series: vec![series], depth: Vec::new() }
}

/// Every print lies in its bar, the last one is the close.
fn check_bars(recording: &Recording, tape: &Tape) {
    for series in &recording.series {
        let asset = tape.asset(&series.asset).expect("an asset of the recording");
        let venue = asset.venues.iter().find(|venue| venue.venue == series.venue).expect("a venue of the recording");
        let mut covered = vec![false; tape.seconds];
        for bar in &series.bars {
            let from = ((bar.open_ms - tape.start_ms) / 1000) as usize;
            let until = from + (bar.length_ms / 1000) as usize;
            covered[from..until].fill(true);
            let prints: Vec<f64> = venue.prints[from..until].iter().flatten().copied().collect();
            let name = format!("{} {} at {}", series.venue, series.asset, bar.open_ms);
            assert!(prints.iter().all(|price| (bar.low..=bar.high).contains(price)), "{name} leaves its range");
            assert!(prints.last().is_none_or(|last| *last == bar.close), "{name} does not end at its close");
            if prints.len() >= 4 {
                assert!(prints.contains(&bar.high) && prints.contains(&bar.low), "{name} misses an extreme");
                assert_eq!(prints[0], bar.open, "{name} does not start at its open");
            }
            if let Traded::Seconds(mask) = bar.traded {
                assert_eq!(prints.len(), mask.count_ones() as usize, "{name}: seconds with trades");
            }
        }
        let stray = venue.prints.iter().zip(&covered).any(|(print, covered)| print.is_some() && !covered);
        assert!(!stray, "{} {} prints outside its bars", series.venue, series.asset);
    }
}

/// Lowest and highest print of a venue in the minute from `second`.
fn minute(tape: &Tape, asset: &str, venue: &str, second: usize) -> (f64, f64) {
    let asset = tape.asset(asset).expect("asset");
    let venue = asset.venues.iter().find(|tape| tape.venue == venue).expect("venue");
    let prints = venue.prints[second..second + 60].iter().flatten();
    prints.fold((f64::INFINITY, 0.0), |(low, high), price| (price.min(low), price.max(high)))
}

fn check_divergence(tape: &Tape) {
    for (asset, floor, ceiling) in [("AAVE", 128.0, 85.0), ("ATOM", 2.8, 1.2), ("AVAX", 15.0, 8.5)] {
        let (coinbase, _) = minute(tape, asset, "coinbase", SOURCE_SECOND);
        let (coinm, _) = minute(tape, asset, "binance_coinm_perp", SOURCE_SECOND);
        assert!(coinbase >= floor, "{asset} on coinbase fell to {coinbase}");
        assert!(coinm <= ceiling, "{asset} on binance_coinm_perp fell only to {coinm}");
    }
}

#[test]
fn prints_stay_in_their_bars_and_venues_diverge_as_recorded() {
    let recording = recording();
    let tape = Tape::new(&recording, 7);
    check_bars(&recording, &tape);
    check_divergence(&tape);
    assert_eq!(tape.depth.len(), tape.seconds);
    assert_eq!(tape.assets.iter().map(|asset| asset.symbol.as_str()).collect::<Vec<_>>(), ASSETS);
}

#[test]
fn a_seed_gives_one_tape_and_another_seed_another() {
    let recording = recording();
    let (first, other) = (Tape::new(&recording, 1), Tape::new(&recording, 2));
    assert_eq!(first, Tape::new(&recording, 1));
    for (a, b) in first.assets.iter().zip(&other.assets) {
        assert_ne!(a, b, "{} is the same under two seeds", a.symbol);
    }
}

#[test]
fn the_full_recording_keeps_every_second_of_the_ticks() {
    let Some(data) = data("the full recording") else { return };
    let recording = Recording::load(&data, Window::default()).expect("the data folder is sound");
    let tape = Tape::new(&recording, 7);
    check_bars(&recording, &tape);
    check_divergence(&tape);
    for series in &recording.series {
        assert!(series.bars.windows(2).all(|pair| pair[0].open_ms + pair[0].length_ms <= pair[1].open_ms));
    }
}

#[test]
fn the_committed_recording_is_what_the_data_folder_gives() {
    let Some(data) = data("regenerating the compact recording") else { return };
    let recording = compact(&data).expect("the data folder is sound");
    let bytes = recording.write_compact().expect("the recording can be written");
    assert_eq!(Recording::read_compact(&bytes).expect("own bytes"), recording);
    assert!(bytes.len() <= 300_000, "{} bytes", bytes.len());
    assert!(
        bytes == committed(),
        "regenerate with: cargo run --release -p lab --example compact -- --data DATA --out FILE"
    );
}

#[test]
fn a_refused_line_names_file_line_and_field() {
    let folder = std::env::temp_dir().join(format!("seawall-tape-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("oct2025_ticks")).expect("a temporary folder");
    let table = "ts_utc,open,high,low,close,volume,trades\n1760126400000,2,3,1,2,5,1\n1760126460000,2,1.5,1,2,5,1\n";
    let packed = zstd::stream::encode_all(table.as_bytes(), 1).expect("compression");
    std::fs::write(folder.join("oct2025_ticks/coinbase__BTCUSD__1m.csv.zst"), packed).expect("a file");
    let error = Recording::load(&folder, Window::default()).expect_err("a high below the open");
    std::fs::remove_dir_all(&folder).expect("removal");
    let message = error.to_string();
    assert!(message.contains("coinbase__BTCUSD__1m.csv.zst line 3, high: found \"1.5\""), "{message}");
}

#[test]
fn damaged_bytes_are_refused() {
    let sound = committed();
    for length in (0..sound.len()).step_by(sound.len() / 50) {
        assert!(Recording::read_compact(&sound[..length]).is_err(), "cut at {length}");
    }
    for place in (0..sound.len()).step_by(sound.len() / 50) {
        let mut flipped = sound.clone();
        flipped[place] ^= 1 << (place % 8);
        let read = Recording::read_compact(&flipped);
        assert!(
            read.is_err() || read.is_ok_and(|read| read == recording()),
            "bit flip at {place} changed the recording"
        );
    }
}

/// Content with a right checksum, so that the fields behind it are what is tested.
fn sealed(body: &[u8]) -> Vec<u8> {
    let sum =
        body.iter().fold(0xcbf2_9ce4_8422_2325u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    zstd::stream::encode_all([body, &sum.to_le_bytes()].concat().as_slice(), 1).expect("compression")
}

fn problem(body: &[u8]) -> String {
    Recording::read_compact(&sealed(body)).expect_err("hostile content").to_string()
}

#[test]
fn hostile_content_is_refused_by_name() {
    let head =
        |from: i64, until: i64| [b"SEAWTAPE\x01\x00".as_slice(), &from.to_le_bytes(), &until.to_le_bytes()].concat();
    let with = |tail: &[u8]| [head(0, 60_000).as_slice(), tail].concat();
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert!(problem(b"SEAWTAPF\x01\x00").contains("does not start with SEAWTAPE"));
    assert!(problem(b"SEAWTAPE\x02\x00").contains("version other than 1"));
    assert!(problem(&head(60_000, 0)).contains("a window"));
    assert!(problem(&head(i64::MIN, i64::MAX)).contains("a window"));
    assert!(problem(&head(i64::MAX - 807, i64::MAX - 807)).contains("a window"));
    assert!(problem(&with(&huge)).contains("more than 4,096 series"));
    let series = |tail: &[u8]| with(&[b"\x01\x01x\x01\x01A\x02".as_slice(), tail].concat());
    assert!(problem(&series(&huge)).contains("count beyond the bytes left"));
    assert!(problem(&series(&[0xff; 11])).contains("beyond 64 bits"));
    assert!(problem(&with(b"\x01\x01x\x03\x01A\x02\x00\x00")).contains("market kind"));
    assert!(problem(&with(b"\x01\x01x\x01\x01A\x09\x00\x00")).contains("8 decimals"));
    assert!(problem(&with(b"\x01\x01\x00\x01\x01A\x02\x00\x00")).contains("printable ASCII"));
    assert!(problem(&series(&[1, 0, 61, 2, 0, 0, 0, 0, 0, 0])).contains("outside the window"));
    assert!(problem(&series(&[1, 0, 60, 1, 0, 0, 0, 0, 0, 0])).contains("less than one tick"));
    assert!(problem(&series(&[1, 0, 60, 2, 0, 0, 0, 3, 0, 0])).contains("trade count"));
    assert!(problem(&series(&[1, 0, 60, 2, 0, 0, 0, 0, 28, 0, 0])).contains("volume's power"));
    assert!(problem(&with(&[0, 0, 0])).contains("bytes after the depth"));
    assert!(problem(&with(&[0, 1, 0, 1, 0, 0, 0, 0, 0])).contains("depth below zero"));
    assert!(Recording::read_compact(&sealed(&with(&[0, 0]))).is_ok());
    let bomb = zstd::stream::encode_all(vec![0u8; 64 << 20].as_slice(), 1).expect("compression");
    assert!(Recording::read_compact(&bomb).expect_err("a bomb").to_string().contains("16 MiB"));
}

#[test]
fn a_long_bar_follows_the_shape_of_a_finer_perpetual() {
    // The peer falls in the last minute of five; the five-minute bar of the other venue must not fall earlier.
    let minutes = [[100.0, 101.0, 99.0, 100.0]; 4].into_iter().chain([[100.0, 100.0, 60.0, 62.0]]);
    let bars = minutes
        .enumerate()
        .map(|(at, prices)| Bar { open_ms: at as i64 * 60_000, ..bar(60, Traded::Trades(1000), prices) });
    let mut recording = one_series(bars.collect());
    let coarse = Series {
        venue: "y_perp".into(),
        bars: vec![bar(300, Traded::Unknown, [100.0, 102.0, 50.0, 53.0])],
        ..recording.series[0].clone()
    };
    recording.series.push(coarse);
    let tape = Tape::new(&recording, 3);
    let prints = &tape.assets[0].venues[1].prints;
    assert!(prints[..240].iter().flatten().all(|price| *price > 90.0));
    assert!(prints[240..300].contains(&Some(50.0)));
    check_bars(&recording, &tape);
}

#[test]
fn a_bar_without_a_peer_follows_the_leading_asset() {
    let prices = |at: i64| if at < 4 { [100.0, 101.0, 99.0, 100.0] } else { [100.0, 100.0, 60.0, 62.0] };
    let bars = (0..5).map(|at| Bar { open_ms: at * 60_000, ..bar(60, Traded::Unknown, prices(at)) });
    let mut recording = one_series(bars.collect());
    let lone = bar(300, Traded::Unknown, [20.0, 20.1, 10.0, 11.0]);
    recording.series.push(Series { asset: "B".into(), bars: vec![lone], ..recording.series[0].clone() });
    let tape = Tape::new(&recording, 3);
    assert!(tape.assets[1].venues[0].prints[..240].iter().flatten().all(|price| *price > 18.0));
    check_bars(&recording, &tape);
}

#[test]
fn a_silent_peer_is_no_guide() {
    let print = |at: usize| (!(100..160).contains(&at)).then_some(at as f64);
    let prints: Vec<Option<f64>> = (0..600).map(print).collect();
    assert!(held_path(&prints, 0, 300).is_none());
    assert_eq!(
        held_path(&prints, 120, 480).expect("silent for 40 of 360 seconds")[..41],
        [[99.0; 40].as_slice(), &[160.0]].concat()
    );
    assert_eq!(held_path(&prints, 300, 600).expect("awake").len(), 300);
}

#[test]
fn operators_share_one_vote_and_old_prints_have_none() {
    let venue = |name: &str, kind, prints: &[Option<f64>]| VenueTape {
        venue: name.to_owned(),
        group: name.split('_').next().expect("a name").to_owned(),
        kind,
        prints: prints.to_vec(),
    };
    let venues = vec![
        venue("binance_coinm_perp", MarketKind::Perpetual, &[Some(80.0), None, Some(70.0), None]),
        venue("binance_usdm_perp", MarketKind::Perpetual, &[Some(90.0), None, None, None]),
        venue("binance_coinm_mark", MarketKind::Mark, &[Some(10.0); 4]),
        venue("coinbase", MarketKind::Spot, &[Some(100.0), None, None, None]),
        venue("gemini", MarketKind::Spot, &[Some(101.0), None, None, Some(99.0)]),
    ];
    let assets = vec![AssetTape { symbol: "A".to_owned(), venues }];
    let tape = Tape { start_ms: 0, seconds: 4, assets, depth: Vec::new() };
    assert_eq!(tape.honest_median("A", 10), [100.0, 100.0, 100.0, 99.0]);
    assert_eq!(tape.honest_median("A", 0), [100.0, 100.0, 70.0, 99.0]);
    assert!(tape.honest_median("B", 0).is_empty());
    let last = tape.assets[0].last_prints_at(3);
    assert_eq!((last[1].price, last[1].age_s), (90.0, 3));
    assert_eq!((last[4].price, last[4].age_s), (99.0, 0));
}

#[test]
fn the_largest_fall_is_within_the_given_time() {
    let path = [100.0, 98.0, 90.0, 95.0, 60.0];
    assert!((largest_fall(&path, 1) - 35.0 / 95.0).abs() < 1e-12);
    assert!((largest_fall(&path, 4) - 0.4).abs() < 1e-12);
    assert_eq!(largest_fall(&[1.0, 2.0], 5), 0.0);
}

fn any_bar() -> impl Strategy<Value = Bar> {
    let traded =
        prop_oneof![Just(Traded::Unknown), (1u32..400).prop_map(Traded::Trades), (1u64..32).prop_map(Traded::Seconds)];
    (1i64..40, prop::array::uniform4(1u32..50_000), traded, prop::option::of(1u32..999)).prop_map(
        |(length, mut cents, traded, volume)| {
            cents.sort_unstable();
            let [low, open, close, high] = cents.map(|cents| f64::from(cents) / 100.0);
            let length = if matches!(traded, Traded::Seconds(_)) { 5 } else { length * 9 };
            Bar { volume: volume.map(f64::from), ..bar(length, traded, [open, high, low, close]) }
        },
    )
}

proptest! {
    #[test]
    fn bars_of_any_form_are_kept_and_survive_the_file(bars in prop::collection::vec(any_bar(), 1..8), seed in any::<u64>()) {
        let mut next_ms = 0;
        let bars = bars.into_iter().map(|bar| {
            let open_ms = next_ms;
            next_ms += bar.length_ms + 2000;
            Bar { open_ms, ..bar }
        });
        let recording = one_series(bars.collect());
        check_bars(&recording, &Tape::new(&recording, seed));
        let bytes = recording.write_compact().expect("can be written");
        prop_assert_eq!(Recording::read_compact(&bytes).expect("own bytes"), recording);
    }

    #[test]
    fn random_content_never_panics(body in prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..120)) {
        let content = [b"SEAWTAPE\x01\x00\0\0\0\0\0\0\0\0\x80\xee\x36\0\0\0\0\0".as_slice(), &body].concat();
        let _ = Recording::read_compact(&sealed(&content));
        let _ = Recording::read_compact(&body);
    }
}

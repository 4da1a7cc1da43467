//! Backtests of margin: the statistics against published values, no look-ahead, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test may fail as it likes")]

use lab::backtest::{RULES, Series, Settings, backtest, christoffersen, fit_garch, kupiec};
use std::io::Read;
use std::path::PathBuf;

fn close(found: f64, known: f64, tolerance: f64) {
    assert!((found - known).abs() <= tolerance, "found {found}, known {known}");
}

/// Likelihood ratios computed with forty digits; they agree with the rejection counts of Kupiec (1995).
#[test]
fn exceedances_are_counted_as_kupiec_does() {
    for (count, exceeded, share, known) in [
        (255, 6, 0.01, 3.415_357_526_3),
        (250, 0, 0.01, 5.025_167_926_8),
        (1_000, 17, 0.01, 4.090_972_554_5),
        (8_760, 60, 0.005, 5.395_417_503_4),
    ] {
        close(kupiec(count, exceeded, share).ratio, known, 1e-9);
    }
    // Numbers of exceedances that are not rejected at 5 %, of 1,000 and of 8,760.
    for (count, share, low, high) in [(1_000, 0.01, 5, 16), (1_000, 0.05, 38, 64), (8_760, 0.005, 32, 57)] {
        for exceeded in [low, high] {
            assert!(kupiec(count, exceeded, share).p >= 0.05, "{exceeded} of {count}");
        }
        for exceeded in [low - 1, high + 1] {
            assert!(kupiec(count, exceeded, share).p < 0.05, "{exceeded} of {count}");
        }
    }
}

#[test]
fn clusters_are_found_as_christoffersen_does() {
    let mut exceeded = vec![false; 500];
    for at in [50, 51, 52, 200, 201, 350, 480] {
        exceeded[at] = true;
    }
    let found = christoffersen(&exceeded, 0.01);
    close(found.independence.ratio, 17.609_504_952_203_025, 1e-9);
    close(found.conditional.ratio, 18.328_207_978_263_79, 1e-9);
    assert!(found.independence.p < 0.001);
    let never = christoffersen(&[false; 500], 0.01);
    assert!((never.independence.p - 1.0).abs() < 1e-12, "nothing that happened came in clusters");
}

fn data_folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var("SEAWALL_DATA").unwrap_or_else(|_| "../../../shared/data".to_owned()));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("{}: the data folder is not there, nothing is compared; SEAWALL_DATA says where it is", folder.display());
    None
}

/// The benchmark of Bollerslev and Ghysels (1996) for GARCH(1,1) on the returns of DEM/GBP, as software is judged by.
#[test]
fn garch_fits_as_published() {
    let Some(folder) = data_folder() else { return };
    let file = std::fs::File::open(folder.join("garch_benchmark/rmetrics__DEM2GBP__1d.csv.zst")).unwrap();
    let mut text = String::new();
    zstd::stream::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap();
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let column = rows.headers().unwrap().iter().position(|head| head == "ret_pct").unwrap();
    let returns: Vec<f64> = rows.records().map(|row| row.unwrap()[column].parse().unwrap()).collect();
    assert_eq!(returns.len(), 1_974);
    let found = fit_garch(&returns);
    println!("{found:?}");
    close(found.mu, -0.006_190_41, 2e-5);
    close(found.omega, 0.010_761_3, 2e-5);
    close(found.alpha, 0.153_134, 1e-4);
    close(found.beta, 0.805_974, 1e-4);
}

fn settings() -> Settings {
    Settings { levels: vec![0.995], ..Settings::default() }
}

/// Margins of hours up to the change are the same whatever comes after it, for every rule; so nothing looks ahead.
#[test]
fn no_rule_looks_ahead() {
    let series = Series::made(7).unwrap();
    let portfolio = series.last().unwrap();
    let split = portfolio.split(0.5);
    let change = split + 5_000;
    let other = portfolio.with_another_future(change, 3.0);
    let one = backtest(std::slice::from_ref(portfolio), &settings(), &|| ()).unwrap();
    let another = backtest(&[other], &settings(), &|| ()).unwrap();
    for (one, another) in one.courses.iter().zip(&another.courses) {
        // The hour of the change itself is margined before it.
        assert_eq!(one.points[..=change - split], another.points[..=change - split], "{}", one.rule);
        if !["flat rate", "static range"].contains(&one.rule) {
            assert_ne!(
                one.points[change - split + 1..],
                another.points[change - split + 1..],
                "{}: it learns",
                one.rule
            );
        }
    }
}

/// Where volatility is known to come in clusters with fat tails, what is known of the rules comes out: normal quantiles cover too little,
/// history filtered by volatility covers what it says, and the core never covers less.
#[test]
fn on_made_prices_the_rules_are_what_they_are_known_for() {
    let series = Series::made(7).unwrap();
    let found = backtest(&series, &settings(), &|| ()).unwrap();
    assert_eq!(found.judged.len(), series.len() * RULES.len());
    let of = |rule: &str| found.summary(rule, 0.995);
    assert_eq!(of("EWMA, normal").under, 8);
    assert!(of("filtered history").fits >= 7);
    assert!(of("filtered history").peak_to_trough > of("Seawall initial").peak_to_trough);
    for rule in ["Seawall initial", "Seawall maintenance", "Seawall initial, as in the drill"] {
        assert_eq!(of(rule).under, 0, "{rule}");
    }
    for judged in &found.judged {
        let score = &judged.score;
        assert_eq!(score.hours, 13_140, "the second half is judged");
        assert!(score.average > 0.0 && score.peak_to_trough >= 1.0);
        assert!(score.rises[0] <= score.rises[1] && score.rises[1] <= score.rises[2], "a day is within a month");
        let exceeded: usize = score.sides.iter().map(|side| side.exceeded).sum();
        close(score.coverage, 1.0 - exceeded as f64 / (2.0 * score.hours as f64), 1e-12);
    }
}

const BEGINS: i64 = 1_577_836_800_000;

#[test]
fn what_is_no_history_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let hours = |count: i64| -> String {
        let row = |hour: i64| format!("{},{}\n", BEGINS + hour * 3_600_000, 100 + hour % 7);
        format!("ts_utc,close\n{}", (0..count).map(row).collect::<String>())
    };
    let good = hours(3_000);
    let cases: [(&str, Vec<u8>, &str); 11] = [
        ("empty", Vec::new(), "there is no column ts_utc"),
        ("heads", b"ts_utc,close\n".to_vec(), "found 0 hourly returns"),
        ("short", hours(100).into(), "found 99 hourly returns, allowed: at least 2000"),
        ("column", good.replace("close", "last").into(), "there is no column close"),
        ("word", format!("{good}x,1\n").into(), "invalid digit"),
        ("negative", format!("{good}1,-1\n").into(), "row 3002: close: found -1, allowed: above 0"),
        ("infinite", format!("{good}1,1e400\n").into(), "row 3002: close: found inf"),
        ("twice", format!("{good}{BEGINS},1\n").into(), "row 3002: ts_utc: found 1577836800000 twice"),
        (
            "seconds",
            format!("{good}1577836800,1\n").into(),
            "row 3002: ts_utc: found 1577836800, allowed: unix milliseconds",
        ),
        ("row", format!("{good}1\n").into(), "fields"),
        ("nulls", vec![0; 4_096], "there is no column ts_utc"),
    ];
    for (name, text, says) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let error = Series::of_file(&path).unwrap_err().to_string();
        assert!(error.contains(says), "{name}: {error}");
    }
    let packed = folder.path().join("cut.csv.zst");
    let whole = zstd::encode_all(good.as_bytes(), 3).unwrap();
    std::fs::write(&packed, &whole[..whole.len() / 2]).unwrap();
    assert!(Series::of_file(&packed).is_err(), "half a file is none");
    std::fs::write(&packed, whole).unwrap();
    assert_eq!(Series::of_file(&packed).unwrap()[0].returns.len(), 2_999);
    assert!(Series::of_file(&folder.path().join("none")).unwrap_err().to_string().contains("No such file"));
    // Prices that the core cannot hold are the file's fault, not a crash.
    let path = folder.path().join("steep");
    let steep: String = (0..3_000)
        .map(|hour: i64| format!("{},{:e}\n", BEGINS + hour * 3_600_000, 10.0_f64.powi((hour / 10 % 300) as i32)))
        .collect();
    std::fs::write(&path, format!("ts_utc,close\n{steep}")).unwrap();
    let series = Series::of_file(&path).unwrap();
    let found = backtest(&series, &settings(), &|| ());
    assert!(found.is_ok() || found.unwrap_err().to_string().contains("refused"));
}

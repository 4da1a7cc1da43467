//! Generators are like their source, make it worse where they are asked to, and say what is no source.

use super::{Generator, Kind, PricePlan, Shock};

fn plan(kind: Kind) -> PricePlan {
    PricePlan { kind, source: "october-2025".into(), mean_block_s: 600.0, worse: 1.0, shock: None }
}

fn assets() -> Vec<(String, f64)> {
    [("BTC", 0.03), ("DOGE", 0.06)].map(|(symbol, volatility)| (symbol.to_owned(), volatility)).to_vec()
}

fn deviation(path: &[f64]) -> f64 {
    let changes: Vec<f64> = path.windows(2).map(|pair| pair[1] - pair[0]).collect();
    (changes.iter().map(|change| change * change).sum::<f64>() / changes.len() as f64).sqrt()
}

/// Every generator has the source's volatility and keeps assets together; the seed decides all of it.
#[test]
fn generators_are_like_their_source() {
    for kind in [Kind::Bootstrap, Kind::Jumps, Kind::Regimes] {
        let generator = Generator::new(&plan(kind), &assets(), 10.0).unwrap();
        let path = generator.path(40_000, 7);
        assert_eq!(path, generator.path(40_000, 7));
        assert_ne!(path, generator.path(40_000, 8));
        assert!(path.iter().all(|own| own.len() == 40_001 && own[0] == 0.0));
        for (own, history) in path.iter().zip(&generator.history.returns) {
            let ratio = deviation(own) / super::history::deviation(history);
            assert!((0.75..1.33).contains(&ratio), "{kind:?}: volatility over the source's: found {ratio}");
        }
        let [one, other] =
            [0, 1].map(|at: usize| -> Vec<f64> { path[at].windows(2).map(|pair| pair[1] - pair[0]).collect() });
        let product: f64 = one.iter().zip(&other).map(|(a, b)| a * b).sum::<f64>() / one.len() as f64;
        let correlation = product / deviation(&path[0]) / deviation(&path[1]);
        let history = generator.history.correlation();
        assert!((correlation - history).abs() < 0.2, "{kind:?}: correlation: found {correlation}, source {history}");
    }
}

#[test]
fn worse_multiplies_and_a_shock_adds() {
    let usual = Generator::new(&plan(Kind::Bootstrap), &assets(), 10.0).unwrap().path(1_000, 1);
    let worse = PricePlan { worse: 2.0, ..plan(Kind::Bootstrap) };
    let doubled = Generator::new(&worse, &assets(), 10.0).unwrap().path(1_000, 1);
    assert!((doubled[0][1_000] - 2.0 * usual[0][1_000]).abs() < 1e-9);
    let shock = Shock { at: 0.5, fall: 0.3, over_s: 600.0, back: 0.0 };
    let shocked = PricePlan { shock: Some(shock), ..plan(Kind::Bootstrap) };
    let fallen = Generator::new(&shocked, &assets(), 10.0).unwrap().path(1_000, 1);
    assert!((fallen[0][400] - usual[0][400]).abs() < 1e-12, "nothing before it begins");
    assert!((fallen[0][1_000] - usual[0][1_000] - 0.7_f64.ln()).abs() < 1e-9);
    // The other asset is twice as volatile.
    assert!((fallen[1][1_000] - usual[1][1_000] - 2.0 * 0.7_f64.ln()).abs() < 1e-9);
}

#[test]
fn finer_blocks_than_the_source_sum_to_it() {
    let generator = Generator::new(&plan(Kind::Bootstrap), &assets(), 1.0).unwrap();
    assert_eq!(generator.history.step_s, 1.0);
    assert!(Generator::new(&plan(Kind::Bootstrap), &assets(), 10.0).unwrap().history.step_s == 10.0);
}

#[test]
fn what_is_no_source_says_so() {
    let of = |source: &str| {
        let plan = PricePlan { source: source.into(), ..plan(Kind::Bootstrap) };
        Generator::new(&plan, &assets(), 10.0).unwrap_err().to_string()
    };
    for source in ["", "june", "a/b", "../../etc/passwd/1m", "a/b/1", "a/b/0m", "a/b/9999999m", "a/b/ß"] {
        assert!(of(source).contains("allowed: october-2025"), "{source}: {}", of(source));
    }
    let unknown = [("NOTHING".to_owned(), 0.1)];
    let missing = Generator::new(&plan(Kind::Bootstrap), &unknown, 10.0).unwrap_err().to_string();
    assert_eq!(missing, "october-2025 has no prices of NOTHING");
}

//! Branching ratios recovered from events of known processes, and streams that are refused. R14.1

use contagion::MethodError;
use contagion::hawkes::{Hawkes, branching_by_counts, fit, simulate, spread};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn process(branching: f64) -> Hawkes {
    Hawkes { background: 0.5, branching, decay: 2.0 }
}

/// R14.1
#[test]
fn a_known_branching_ratio_is_recovered() {
    for (seed, branching) in [(2, 0.3), (3, 0.7), (4, 0.9)] {
        let until = 8_000.0;
        let times = simulate(&process(branching), until, seed).expect("it is stationary");
        let found = fit(&times, until).expect("it can be fitted");
        assert!((found.process.branching - branching).abs() < 0.04, "{branching}: {found:?}");
        assert!((found.process.background - 0.5).abs() < 0.08, "{branching}: {found:?}");
        assert!(found.log_likelihood >= found.poisson_log_likelihood - 1e-3, "{found:?}");
        assert!(found.p_value > 0.01, "the right model is not rejected: {found:?}");
        assert!((found.process.decay / 2.0).ln().abs() < 0.35, "{branching}: {found:?}");
    }
}

/// Without self-excitation the kernel's length means nothing, so that n itself is free; what the likelihood gains says so: twice the
/// gain is beyond 9.21 once in a hundred times (χ², two parameters).
#[test]
fn nothing_is_found_where_nothing_is() {
    for seed in 0..5 {
        let times = simulate(&process(0.0), 8_000.0, seed).expect("it is stationary");
        let found = fit(&times, 8_000.0).expect("it can be fitted");
        assert!(2.0 * (found.log_likelihood - found.poisson_log_likelihood) < 9.21, "{found:?}");
    }
}

#[test]
fn the_maximum_is_one() {
    let (until, truth) = (4_000.0, process(0.6));
    let times = simulate(&truth, until, 9).expect("it is stationary");
    let found = fit(&times, until).expect("it can be fitted");
    // The likelihood by its definition, every pair of events, at the estimate and around it.
    let naive = |own: &Hawkes| {
        let intensity = |at: usize| {
            let felt = |before: &f64| own.branching * own.decay * (-own.decay * (times[at] - before)).exp();
            own.background + times[at.saturating_sub(200)..at].iter().map(felt).sum::<f64>()
        };
        let caused: f64 = times.iter().map(|time| own.branching * (1.0 - (-own.decay * (until - time)).exp())).sum();
        (0..times.len()).map(|at| intensity(at).ln()).sum::<f64>() - own.background * until - caused
    };
    let best = naive(&found.process);
    assert!((best - found.log_likelihood).abs() < 1e-6 * best.abs(), "{best} {found:?}");
    for (background, branching, decay) in
        [(1.02, 1.0, 1.0), (0.98, 1.0, 1.0), (1.0, 1.02, 1.0), (1.0, 0.98, 1.0), (1.0, 1.0, 1.05), (1.0, 1.0, 0.95)]
    {
        let other = Hawkes {
            background: found.process.background * background,
            branching: found.process.branching * branching,
            decay: found.process.decay * decay,
        };
        assert!(naive(&other) < best, "{other:?}");
    }
}

/// Counts of a process with n = 0.7 vary 1 ⁄ (1 − n)² = 11.11 times as much as they are many; of a Poisson process, once. R14.1
#[test]
fn counts_say_the_same() {
    let until = 400_000.0;
    let clustered = simulate(&process(0.7), until, 5).expect("it is stationary");
    let found = branching_by_counts(&clustered, until, 100.0).expect("long enough");
    assert!((found - 0.7).abs() < 0.03, "{found}");
    let poisson = simulate(&process(0.0), until, 6).expect("it is stationary");
    let found = branching_by_counts(&poisson, until, 100.0).expect("long enough");
    assert!(found.abs() < 0.03, "{found}");
}

#[test]
fn a_wrong_model_is_noticed() {
    // A rate that rises tenfold in the middle, with no self-excitation at all, reads as branching; the fit's distance tells.
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut times: Vec<f64> = (0..300).map(|_| random.random::<f64>() * 10_000.0).collect();
    times.extend((0..3_000).map(|_| 5_000.0 + random.random::<f64>() * 1_000.0));
    times.sort_by(f64::total_cmp);
    let found = fit(&times, 10_000.0).expect("it can be fitted");
    assert!(found.process.branching > 0.5, "{found:?}");
}

#[test]
fn the_seed_decides_everything() {
    assert_eq!(simulate(&process(0.5), 100.0, 1), simulate(&process(0.5), 100.0, 1));
    assert_ne!(simulate(&process(0.5), 100.0, 1), simulate(&process(0.5), 100.0, 2));
    let tied = [1.0, 1.0, 1.0, 2.0];
    let apart = spread(&tied, 1.0, 7).expect("sound");
    assert_eq!(spread(&tied, 1.0, 7).expect("sound"), apart);
    assert!(apart.windows(2).all(|pair| pair[0] < pair[1]) && apart[2] < 2.0 && apart[3] < 3.0, "{apart:?}");
}

#[test]
fn malformed_streams_are_refused() {
    let rising: Vec<f64> = (0..30).map(f64::from).collect();
    assert!(fit(&rising, 30.0).is_ok());
    assert!(matches!(fit(&rising[..5], 30.0), Err(MethodError::TooFew { .. })));
    assert!(matches!(fit(&rising, 10.0), Err(MethodError::Value { .. })), "ends before its events");
    assert!(matches!(fit(&rising, f64::NAN), Err(MethodError::Value { .. })));
    for (at, wrong) in [(3, f64::NAN), (3, f64::INFINITY), (3, -1.0), (29, 2.0)] {
        let mut times = rising.clone();
        times[at] = wrong;
        assert!(matches!(fit(&times, 30.0), Err(MethodError::Value { .. })), "{wrong}");
    }
    let mut tied = rising.clone();
    tied[4] = 3.0;
    assert_eq!(fit(&tied, 30.0), Err(MethodError::Tied { at: 3 }));
    assert!(branching_by_counts(&tied, 30.0, 1.0).is_ok(), "counts do not mind");
    assert!(branching_by_counts(&rising, 30.0, 10.0).is_err(), "three windows");
    assert!(branching_by_counts(&rising, 30.0, 0.0).is_err() && branching_by_counts(&rising, 30.0, f64::NAN).is_err());
    assert!(branching_by_counts(&rising, 1e300, 1.0).is_err(), "too many windows");
    assert!(spread(&rising, 0.0, 1).is_err() && spread(&rising, f64::NAN, 1).is_err());
    assert!(simulate(&process(1.0), 10.0, 1).is_err() && simulate(&process(f64::NAN), 10.0, 1).is_err());
    assert!(simulate(&process(0.5), f64::INFINITY, 1).is_err());
}

//! The clearing vector against exact fractions, DebtRank against hand-checked figures, and inputs that are refused. R14.2

use contagion::MethodError;
use contagion::clearing_vector::{ClearingVector, clearing_vector};
use contagion::debtrank::{debtrank, differential, spectral_radius};

fn near(found: &[f64], expected: &[f64], within: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= within, "found {found}, expected {expected}");
    }
}

fn four() -> Vec<Vec<f64>> {
    [[0.0, 10.0, 5.0, 5.0], [4.0, 0.0, 8.0, 0.0], [6.0, 4.0, 0.0, 2.0], [3.0, 3.0, 3.0, 0.0]].map(Vec::from).to_vec()
}

fn settled(external: [f64; 4]) -> ClearingVector {
    let found = clearing_vector(&four(), &external).expect("the network is sound");
    near(&[found.equities.iter().sum()], &[external.iter().sum()], 1e-12);
    found
}

/// Four networks worked out in exact fractions. R14.2
#[test]
fn payments_are_the_exact_fractions() {
    let found = settled([2.0, 1.0, 5.0, 6.0]);
    near(&found.payments, &[15.0, 12.0, 12.0, 9.0], 1e-12);
    near(&found.equities, &[0.0, 3.5, 7.75, 2.75], 1e-12);
    assert_eq!(found.rounds, [vec![0]]);

    let found = settled([0.0, 0.0, 1.0, 1.0]);
    near(&found.payments, &[12.0, 12.0, 12.0, 6.0], 1e-12);
    near(&found.equities, &[0.0, 0.0, 2.0, 0.0], 1e-12);
    assert_eq!(found.rounds, [vec![0, 3]]);

    let found = settled([1.0, 0.0, 0.0, 2.0]);
    near(&found.payments, &[148.0 / 11.0, 12.0, 12.0, 81.0 / 11.0], 1e-12);
    near(&found.equities, &[0.0, 13.0 / 11.0, 20.0 / 11.0, 0.0], 1e-12);
    assert_eq!(found.rounds, [vec![0], vec![0, 3]]);

    let found = settled([5.0, 5.0, 5.0, 5.0]);
    near(&found.payments, &[18.0, 12.0, 12.0, 9.0], 1e-12);
    near(&found.equities, &[0.0, 9.0, 8.5, 2.5], 1e-12);
}

#[test]
fn a_chain_defaults_link_by_link() {
    let mut debts = vec![vec![0.0; 4]; 4];
    for link in 0..3 {
        debts[link][link + 1] = 10.0;
    }
    let found = clearing_vector(&debts, &[4.0, 3.0, 2.0, 0.0]).expect("the network is sound");
    near(&found.payments, &[4.0, 7.0, 9.0, 0.0], 1e-12);
    assert_eq!(found.rounds, [vec![0], vec![0, 1], vec![0, 1, 2]]);
    assert_eq!(found.defaulted(), [0, 1, 2]);
}

#[test]
fn who_owes_only_each_other_and_has_nothing_pays_nothing() {
    let found = clearing_vector(&[vec![0.0, 5.0], vec![3.0, 0.0]], &[0.0, 0.0]).expect("the network is sound");
    // The greatest clearing vector lets the common part go round.
    near(&found.payments, &[3.0, 3.0], 1e-12);
    near(&found.equities, &[0.0, 0.0], 1e-12);
}

/// Random networks: nobody pays more than they owe or have, defaulters have nothing left, and the sum of equities is what came in.
#[test]
fn a_clearing_vector_is_one() {
    for seed in 0..200_u64 {
        let draw = |at: usize| ((seed * 7919 + at as u64 * 104_729) % 1_009) as f64;
        let size = 2 + (seed % 9) as usize;
        let debts: Vec<Vec<f64>> =
            (0..size).map(|i| (0..size).map(|j| if i == j { 0.0 } else { draw(i * size + j) }).collect()).collect();
        let external: Vec<f64> = (0..size).map(|i| draw(1_000 + i) * 0.7).collect();
        let found = clearing_vector(&debts, &external).expect("the network is sound");
        for node in 0..size {
            let owed: f64 = debts[node].iter().sum();
            let received: f64 =
                (0..size).map(|from| found.payments[from] * debts[from][node] / debts[from].iter().sum::<f64>()).sum();
            let has = external[node] + received;
            near(&[found.payments[node]], &[owed.min(has)], 1e-9 * (1.0 + has));
        }
        near(&[found.equities.iter().sum()], &[external.iter().sum()], 1e-8);
    }
}

fn exposures() -> Vec<Vec<f64>> {
    [[0.0, 4.0, 2.0, 0.0], [3.0, 0.0, 0.0, 2.0], [0.0, 3.0, 0.0, 3.0], [5.0, 0.0, 1.0, 0.0]].map(Vec::from).to_vec()
}

const EQUITIES: [f64; 4] = [10.0, 8.0, 6.0, 12.0];
const VALUES: [f64; 4] = [6.0, 5.0, 6.0, 6.0];

/// R14.2
#[test]
fn distress_is_the_published_methods() {
    let cases = [
        ([1.0, 0.0, 0.0, 0.0], [1.0, 0.479_166_67, 0.395_833_33, 0.449_652_78], 0.324_728_26),
        ([0.0, 1.0, 0.0, 0.0], [0.5, 1.0, 0.604_166_67, 0.208_333_33], 0.342_391_30),
        ([0.0, 0.0, 1.0, 0.0], [0.238_333_33, 0.095_833_33, 1.0, 0.166_666_67], 0.126_485_51),
        ([0.0, 0.0, 0.0, 1.0], [0.2, 0.325, 0.625, 1.0], 0.285_869_57),
        ([0.1; 4], [0.16, 0.1625, 0.2, 0.15], 0.068_369_57),
    ];
    for (shock, distress, rank) in cases {
        let found = debtrank(&exposures(), &EQUITIES, &VALUES, &shock).expect("the network is sound");
        near(&found.distress, &distress, 1e-8);
        near(&[found.rank], &[rank], 1e-8);
    }
}

/// R14.2
#[test]
fn differential_distress_ends_where_the_inverse_says() {
    let found = differential(&exposures(), &EQUITIES, &[0.05; 4]).expect("it settles");
    near(&[found.radius], &[0.638_355_723_766_009_2], 1e-12);
    near(&found.distress, &[0.138_544_89, 0.132_585_14, 0.177_554_18, 0.122_523_22], 1e-8);
    let doubled: Vec<f64> = EQUITIES.iter().map(|equity| equity / 2.0).collect();
    let lost = differential(&exposures(), &doubled, &[0.05; 4]).expect("everybody is lost");
    assert!(lost.radius > 1.0 && lost.distress.iter().all(|share| *share > 0.99), "{lost:?}");
}

#[test]
fn the_spectral_radius_does_not_swing() {
    let swap = [vec![0.0, 4.0], vec![1.0, 0.0]];
    near(&[spectral_radius(&swap).expect("sound")], &[2.0], 1e-9);
    near(&[spectral_radius(&[vec![0.0, 0.0], vec![0.0, 0.0]]).expect("sound")], &[0.0], 0.0);
    near(&[spectral_radius(&[vec![0.0, 1.0], vec![0.0, 0.0]]).expect("sound")], &[0.0], 1e-3);
}

#[test]
fn malformed_networks_are_refused() {
    let square = |entry: f64| vec![vec![0.0, entry], vec![1.0, 0.0]];
    for entry in [f64::NAN, f64::INFINITY, -1.0] {
        let refused = clearing_vector(&square(entry), &[1.0, 1.0]).expect_err("not a debt");
        assert!(matches!(refused, MethodError::Value { what: "debts", at: 1, .. }), "{refused}");
        assert!(debtrank(&square(entry), &[1.0; 2], &[1.0; 2], &[0.0; 2]).is_err());
        assert!(clearing_vector(&square(1.0), &[entry, 1.0]).is_err());
    }
    assert!(matches!(clearing_vector(&[], &[]), Err(MethodError::TooFew { .. })));
    assert!(matches!(clearing_vector(&[vec![0.0]], &[1.0, 2.0]), Err(MethodError::Shape { .. })));
    assert!(matches!(clearing_vector(&[vec![0.0, 1.0], vec![0.0]], &[1.0, 2.0]), Err(MethodError::Shape { .. })));
    assert!(matches!(clearing_vector(&[vec![3.0]], &[1.0]), Err(MethodError::Value { .. })), "owes itself");
    assert!(matches!(clearing_vector(&vec![Vec::new(); 4_097], &[]), Err(MethodError::TooMany { .. })));
    assert!(clearing_vector(&[vec![0.0, f64::MAX, f64::MAX], vec![0.0; 3], vec![0.0; 3]], &[1.0; 3]).is_err());
    assert!(debtrank(&square(1.0), &[0.0, 1.0], &[1.0; 2], &[0.0; 2]).is_err(), "nothing to lose");
    assert!(debtrank(&square(1.0), &[1.0; 2], &[1.0; 2], &[1.1, 0.0]).is_err(), "more than all lost");
    assert!(debtrank(&square(f64::MAX), &[1e-300, 1.0], &[1.0; 2], &[0.0; 2]).is_err(), "not a share");
}

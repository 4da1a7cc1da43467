//! Decides whether every exhibit proves its point: the old rules lose what was recorded, and the clearing core keeps its bound on what was
//! chosen in history and on the worst choice of a short search.
//!
//! `MUSEUM=part_of_a_name` plays a few, `MUSEUM_TRIES=1000` searches longer.

use lab::museum::{ALL, Shown};

const TRIES: usize = 24;

/// What is wrong with an exhibit, a sentence each.
fn faults(shown: &Shown) -> Vec<String> {
    let (recorded, mut faults) = (&shown.card.recorded, shown.beyond.clone());
    if !shown.reproduced {
        let (found, unit) = (shown.as_it_was.loss, &recorded.unit);
        faults.push(format!("the old rules lose {found} {unit}, recorded {} to {}", recorded.low, recorded.high));
    }
    for figure in &shown.as_it_was.figures {
        if let Some([low, high]) = figure.recorded
            && !(low..=high).contains(&figure.found)
        {
            faults.push(format!("{}: found {}, recorded {low} to {high}", figure.name, figure.found));
        }
    }
    faults
}

/// What helps to find out why.
fn told(shown: &Shown) -> String {
    let worst = shown.worst.as_ref().map(|worst| (&worst.choice, worst.held.harm_usd(), &worst.held.figures));
    format!("historic: {:?} refused {:?}\n  worst: {worst:?}", shown.historic.figures, shown.historic.refused)
}

#[test]
fn every_exhibit_proves_its_point() {
    let tries = std::env::var("MUSEUM_TRIES").ok().and_then(|tries| tries.parse().ok()).unwrap_or(TRIES);
    let part = std::env::var("MUSEUM").unwrap_or_default();
    let wanted: Vec<_> = ALL.iter().filter(|exhibit| exhibit.name.contains(&part)).collect();
    assert!(!wanted.is_empty(), "no exhibit is called {part}");
    let mut wrong = Vec::new();
    for exhibit in wanted {
        let shown = exhibit.show(tries, 1).expect("its description is sound");
        let faults = faults(&shown);
        if !faults.is_empty() {
            wrong.push(format!("{}: {faults:#?}\n  {}", exhibit.name, told(&shown)));
        }
    }
    assert!(wrong.is_empty(), "{} exhibits do not prove their point:\n{}", wrong.len(), wrong.join("\n"));
}

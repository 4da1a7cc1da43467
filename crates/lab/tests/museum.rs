//! Decides whether every exhibit proves its point: the old rules lose what was recorded, and the clearing core keeps its bound on what was
//! chosen in history and on the worst choice of a short search.

use lab::museum::{ALL, Shown};

const TRIES: usize = 24;

fn shown(name: &str) -> Shown {
    let exhibit = ALL.iter().find(|exhibit| exhibit.name == name).expect("it is in the museum");
    exhibit.show(TRIES, 1).expect("its description is sound")
}

fn proves_its_point(name: &str) {
    let shown = shown(name);
    let recorded = &shown.card.recorded;
    assert!(
        shown.reproduced,
        "{name}: the old rules lose {} {}, recorded {} to {}",
        shown.as_it_was.loss, recorded.unit, recorded.low, recorded.high
    );
    for figure in &shown.as_it_was.figures {
        if let Some([low, high]) = figure.recorded {
            assert!(
                (low..=high).contains(&figure.found),
                "{name}: {}: found {}, recorded {low} to {high}",
                figure.name,
                figure.found
            );
        }
    }
    let choice = shown.worst.as_ref().map(|worst| (&worst.choice, &worst.held.figures));
    assert!(shown.beyond.is_empty(), "{name}: {:#?}\n{:?}\n{choice:?}", shown.beyond, shown.historic.figures);
}

#[test]
fn mango_2022() {
    proves_its_point("mango-2022");
}

//! Looks for the choice that hurts most: broadly first, then around the best that was found.

use super::exhibit::{Held, Incident, Knob, Worst};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The part of the tries that looks everywhere; the rest looks around the worst so far.
const BROAD: f64 = 0.6;
/// How far around it, as a share of the range, at first and at the end.
const NEAR: (f64, f64) = (0.2, 0.02);
/// Choices that are tried at once, before the next ones are drawn.
const ROUND: usize = 16;

/// The worst of `tries` choices, and of history's own.
pub(super) fn worst(incident: &dyn Incident, knobs: &[Knob], tries: usize, seed: u64) -> Worst {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let historic: Vec<f64> = knobs.iter().map(|knob| knob.share_of(knob.historic)).collect();
    let mut worst: Option<(Vec<f64>, Held)> = None;
    let mut tried = 0;
    while tried < tries.max(1) {
        let round = ROUND.min(tries.max(1) - tried);
        let done = tried as f64 / tries.max(1) as f64;
        let choices: Vec<Vec<f64>> = (0..round)
            .map(|at| match &worst {
                None if tried + at == 0 => historic.clone(),
                Some((best, _)) if done >= BROAD => nearby(best, done, &mut random),
                _ => knobs.iter().map(|_| random.random_range(0.0..=1.0)).collect(),
            })
            .collect();
        for (choice, held) in choices.iter().zip(try_all(incident, knobs, &choices)) {
            if worst.as_ref().is_none_or(|(_, found)| held.is_worse_than(found)) {
                worst = Some((choice.clone(), held));
            }
        }
        tried += round;
    }
    let (choice, held) = worst.expect("at least one choice was tried");
    let named = |(knob, share): (&Knob, &f64)| (knob.name.to_owned(), knob.value_at(*share));
    Worst { tried, choice: knobs.iter().zip(&choice).map(named).collect(), held }
}

fn nearby(best: &[f64], done: f64, random: &mut ChaCha8Rng) -> Vec<f64> {
    let narrowed = (done - BROAD) / (1.0 - BROAD);
    let width = NEAR.0 * (1.0 - narrowed) + NEAR.1 * narrowed;
    best.iter().map(|share| (share + random.random_range(-width..=width)).clamp(0.0, 1.0)).collect()
}

/// Tries choices on every processor; answers in their order, so that a seed decides everything.
fn try_all(incident: &dyn Incident, knobs: &[Knob], choices: &[Vec<f64>]) -> Vec<Held> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Held>>> = Mutex::new(vec![None; choices.len()]);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(choices.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, choice)) = take(&next, choices) {
                    let values: Vec<f64> =
                        knobs.iter().zip(choice).map(|(knob, share)| knob.value_at(*share)).collect();
                    let held = incident.under_seawall(&values);
                    results.lock().expect("nobody panics while holding the lock")[at] = Some(held);
                }
            });
        }
    });
    let results = results.into_inner().expect("nobody panics while holding the lock");
    results.into_iter().map(|held| held.expect("every choice was tried")).collect()
}

fn take<'c>(next: &AtomicUsize, choices: &'c [Vec<f64>]) -> Option<(usize, &'c Vec<f64>)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    choices.get(at).map(|choice| (at, choice))
}

impl Knob {
    /// A knob that is searched by differences.
    #[must_use]
    pub fn linear(name: &'static str, low: f64, high: f64, historic: f64) -> Self {
        Self { name, low, high, historic, logarithmic: false }
    }

    /// A knob that is searched by orders of magnitude.
    #[must_use]
    pub fn logarithmic(name: &'static str, low: f64, high: f64, historic: f64) -> Self {
        Self { name, low, high, historic, logarithmic: true }
    }

    fn value_at(&self, share: f64) -> f64 {
        if self.logarithmic {
            self.low * (self.high / self.low).powf(share)
        } else {
            self.low + (self.high - self.low) * share
        }
    }

    fn share_of(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::exhibit::{Bound, Card, Held, Incident, Knob, Recorded, Reenacted};
    use super::worst;

    /// Hurts most at 300 and 0.7.
    struct Hill(Card);

    impl Incident for Hill {
        fn card(&self) -> &Card {
            &self.0
        }

        fn as_it_was(&self) -> Reenacted {
            Reenacted::default()
        }

        fn under_seawall(&self, choice: &[f64]) -> Held {
            let off = (choice[0] / 300.0).ln().powi(2) + (choice[1] - 0.7).powi(2);
            Held { bad_debt_usd: 100.0 * (-off).exp(), ..Held::default() }
        }
    }

    #[test]
    fn the_worst_choice_is_found_and_a_seed_decides_it() {
        let recorded = Recorded { what: String::new(), low: 0.0, high: 0.0, unit: String::new() };
        let bound = Bound { bad_debt_usd: 0.0, venue_loss_usd: 0.0, attacker_gain_usd: None, wrongful_liquidations: 0 };
        let text = String::new;
        let (rules, assumptions, sources) = (vec![], vec![], vec![]);
        let card = Card { title: text(), when: text(), venue: text(), recorded, bound, rules, assumptions, sources };
        let hill = Hill(card);
        let knobs = [Knob::logarithmic("size", 1.0, 1e6, 10.0), Knob::linear("share", 0.0, 1.0, 0.1)];
        let found = worst(&hill, &knobs, 200, 7);
        assert_eq!(found.tried, 200);
        assert!(found.held.bad_debt_usd > 99.0, "found {found:?}");
        assert_eq!(worst(&hill, &knobs, 200, 7).choice, found.choice);
        let only = worst(&hill, &knobs, 1, 7);
        assert!((only.choice[0].1 - 10.0).abs() < 1e-9, "history is tried first");
    }
}

//! What an exhibit is, and what it answers.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An incident that the program carries: its folder in `drills/`, and the code that plays it.
#[derive(Clone, Copy)]
pub struct Exhibit {
    /// The name of its folder.
    pub name: &'static str,
    /// `drills/NAME/README.md`.
    pub story: &'static str,
    /// `drills/NAME/exhibit.toml`.
    pub description: &'static str,
    /// Reads the description and answers the incident.
    pub open: fn(&str) -> Result<Box<dyn Incident>, toml::de::Error>,
}

/// What every description begins with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// One line that a stranger understands.
    pub title: String,
    /// The day it happened, for example `2022-10-11`.
    pub when: String,
    /// Whose rules broke.
    pub venue: String,
    /// What was lost.
    pub recorded: Recorded,
    /// What the clearing core promises here.
    pub bound: Bound,
    /// The rules of the clearing core that bound it, for example `R4.3 open interest`.
    pub rules: Vec<String>,
    /// What the model of the old rules assumes, a sentence each.
    pub assumptions: Vec<String>,
    /// Where the figures come from.
    pub sources: Vec<String>,
}

/// What was lost, as recorded. Sources differ, so it is a range.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What is counted, in a few words.
    pub what: String,
    /// The lowest figure.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// `USD`, or what else is counted.
    pub unit: String,
}

/// What the clearing core promises; a figure beyond it is a finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The most that members who did nothing bear, USD: bad debt beyond the defaulter's own money, the pool's own capital and its fund.
    pub bad_debt_usd: f64,
    /// The most that the pool's own capital and its fund lose, USD.
    pub venue_loss_usd: f64,
    /// The most that an attacker gains, USD; where nobody attacks there is none.
    pub attacker_gain_usd: Option<f64>,
    /// The most members that are liquidated although sound at honest prices.
    pub wrongful_liquidations: u64,
}

/// An incident, both ways.
pub trait Incident: Send + Sync {
    /// Its card.
    fn card(&self) -> &Card;

    /// The old rules, on what happened.
    fn as_it_was(&self) -> Reenacted;

    /// What an attacker, or the market, may choose under the clearing core; each with what it was in history. Empty: nothing is chosen.
    fn knobs(&self) -> Vec<Knob> {
        Vec::new()
    }

    /// The clearing core, on one choice of the knobs, in their order.
    fn under_seawall(&self, choice: &[f64]) -> Held;
}

/// Something that is chosen from a range.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Knob {
    /// What, in a few words with its unit: `accounts`, `margin, USD`, `minutes until the push`.
    pub name: &'static str,
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
    /// What it was.
    pub historic: f64,
    /// Whether orders of magnitude are searched rather than differences.
    pub logarithmic: bool,
}

/// What the old rules did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Reenacted {
    /// What was lost, in the unit of [`Recorded`].
    pub loss: f64,
    /// Other figures, with what was recorded.
    pub figures: Vec<Figure>,
    /// Its course, for the report.
    pub plots: Vec<Plot>,
}

/// A figure, beside what was recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What, with its unit.
    pub name: String,
    /// What was found.
    pub found: f64,
    /// The range that was recorded, if any.
    pub recorded: Option<[f64; 2]>,
}

impl Figure {
    /// A figure that nothing was recorded of.
    #[must_use]
    pub fn new(name: &str, found: f64) -> Self {
        Self { name: name.to_owned(), found, recorded: None }
    }

    /// A figure beside a record.
    #[must_use]
    pub fn beside(name: &str, found: f64, recorded: [f64; 2]) -> Self {
        Self { name: name.to_owned(), found, recorded: Some(recorded) }
    }
}

/// What the clearing core did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Held {
    /// What members who did nothing bore, USD.
    pub bad_debt_usd: f64,
    /// What the pool's own capital and its fund lost, USD; negative if they earned.
    pub venue_loss_usd: f64,
    /// What attackers have more than they came with, USD, costs of pushing prices elsewhere included; none where nobody attacks.
    pub attacker_gain_usd: Option<f64>,
    /// Members that were liquidated although sound at honest prices.
    pub wrongful_liquidations: u64,
    /// Other figures.
    pub figures: Vec<Figure>,
    /// Commands that the rules refused, by the name of the rejection.
    pub refused: BTreeMap<String, u64>,
    /// Its course, for the report.
    pub plots: Vec<Plot>,
    /// What the core's indices did, for whoever replays it on another book.
    #[serde(skip)]
    pub course: IndexCourse,
}

/// The indices of a stage over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IndexCourse {
    /// The assets.
    pub symbols: Vec<String>,
    /// Seconds, rising, and the index of each asset, USD a unit.
    pub points: Vec<(f64, Vec<f64>)>,
}

impl Held {
    /// How bad it is, USD: what anybody but the attacker lost. The search makes it as large as it can.
    #[must_use]
    pub fn harm_usd(&self) -> f64 {
        self.bad_debt_usd + self.venue_loss_usd.max(0.0) + self.attacker_gain_usd.unwrap_or(0.0).max(0.0)
    }

    /// Whether it is worse than another: by the harm, and where nobody is harmed by how little was gained.
    #[must_use]
    pub fn is_worse_than(&self, other: &Self) -> bool {
        let net = |held: &Self| held.venue_loss_usd + held.attacker_gain_usd.unwrap_or(0.0);
        self.harm_usd().total_cmp(&other.harm_usd()).then(net(self).total_cmp(&net(other))).is_gt()
    }

    /// What is beyond a bound, a sentence each.
    #[must_use]
    pub fn beyond(&self, bound: &Bound) -> Vec<String> {
        let mut found = Vec::new();
        let mut money = |what: &str, is: f64, allowed: f64| {
            // A quantum a hundred times over is rounding of the lab's floats, not money.
            if is > allowed + 1e-4 {
                found.push(format!("{what}: found {is:.0} USD, allowed {allowed:.0}"));
            }
        };
        money("bad debt", self.bad_debt_usd, bound.bad_debt_usd);
        money("loss of the pool's capital and fund", self.venue_loss_usd, bound.venue_loss_usd);
        if let (Some(gain), Some(allowed)) = (self.attacker_gain_usd, bound.attacker_gain_usd) {
            money("gain of the attacker", gain, allowed);
        }
        if self.wrongful_liquidations > bound.wrongful_liquidations {
            found.push(format!(
                "wrongful liquidations: found {}, allowed {}",
                self.wrongful_liquidations, bound.wrongful_liquidations
            ));
        }
        found
    }
}

/// Lines over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// What the horizontal axis counts, for example `minutes`.
    pub across: String,
    /// What the vertical axis counts, for example `USD`.
    pub up: String,
    /// Whether the vertical axis is logarithmic.
    pub logarithmic: bool,
    /// The lines, all on the same horizontal values.
    pub lines: Vec<Line>,
}

/// A line of a plot.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// Its points, left to right; NaN where there is none.
    pub points: Vec<(f64, f64)>,
}

impl Line {
    /// A line without points.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), points: Vec::new() }
    }
}

/// An incident as the museum shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// The name of its folder.
    pub name: String,
    /// What happened, in Markdown.
    pub story: String,
    /// Its card.
    pub card: Card,
    /// The old rules.
    pub as_it_was: Reenacted,
    /// Whether they lost what was recorded.
    pub reproduced: bool,
    /// The clearing core, on what was chosen in history.
    pub historic: Held,
    /// The clearing core, on the worst choice that was found; none if nothing is chosen.
    pub worst: Option<Worst>,
    /// What is beyond the bound, of either.
    pub beyond: Vec<String>,
}

/// The worst choice that a search found.
#[derive(Debug, Clone, Serialize)]
pub struct Worst {
    /// How many choices were tried.
    pub tried: usize,
    /// The choice, by the name of the knob.
    pub choice: Vec<(String, f64)>,
    /// What came of it.
    pub held: Held,
}

impl Shown {
    /// Whether the old rules lost what was recorded, and every bound held.
    #[must_use]
    pub fn proves_its_point(&self) -> bool {
        self.reproduced && self.beyond.is_empty()
    }
}

impl Recorded {
    /// Whether a figure lies within the range.
    #[must_use]
    pub fn covers(&self, found: f64) -> bool {
        (self.low..=self.high).contains(&found)
    }
}

impl Exhibit {
    /// Its card.
    ///
    /// # Errors
    /// If the carried description is malformed.
    pub fn card(&self) -> Result<Card, toml::de::Error> {
        Ok((self.open)(self.description)?.card().clone())
    }

    /// What the core's indices do when history's choice meets it.
    ///
    /// # Errors
    /// If the carried description is malformed.
    pub fn index_course(&self) -> Result<IndexCourse, toml::de::Error> {
        let incident = (self.open)(self.description)?;
        let historic: Vec<f64> = incident.knobs().iter().map(|knob| knob.historic).collect();
        Ok(incident.under_seawall(&historic).course)
    }

    /// Plays it both ways; `tries` choices are searched for the worst.
    ///
    /// # Errors
    /// If the carried description is malformed.
    pub fn show(&self, tries: usize, seed: u64) -> Result<Shown, toml::de::Error> {
        let incident = (self.open)(self.description)?;
        let card = incident.card().clone();
        let as_it_was = incident.as_it_was();
        let knobs = incident.knobs();
        let historic: Vec<f64> = knobs.iter().map(|knob| knob.historic).collect();
        let historic = incident.under_seawall(&historic);
        let worst = (!knobs.is_empty()).then(|| super::search::worst(&*incident, &knobs, tries, seed));
        let mut beyond = historic.beyond(&card.bound);
        for found in worst.iter().flat_map(|worst| worst.held.beyond(&card.bound)) {
            beyond.push(format!("worst choice: {found}"));
        }
        let reproduced = card.recorded.covers(as_it_was.loss);
        let (name, story) = (self.name.to_owned(), self.story.to_owned());
        Ok(Shown { name, story, card, as_it_was, reproduced, historic, worst, beyond })
    }
}

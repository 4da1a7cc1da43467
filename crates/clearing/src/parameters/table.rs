//! What a row of the table of parameters says, and what follows from it: bounds, and which way a change weakens a pool (R1.7, R7.6).

use super::{Kind, MAX_TIERS, NamedRow, PublisherParameters, Tier, convex};
use crate::command::Key;
use crate::table::FeedId;
use crate::units::{Money, Price, Quantity, Ratio, Time, scaled_floor};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Which way of moving a setting weakens a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looser {
    /// A higher value is weaker.
    Higher,
    /// A lower value is weaker.
    Lower,
    /// Any change may weaken somebody.
    Either,
    /// It never changes.
    Fixed,
}

/// A row of the table: everything that is known of a setting before it has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as in the code, in files and in the rulebook.
    pub name: &'static str,
    /// Of what it is a count.
    pub unit: &'static str,
    /// The lowest value; of a list, the fewest entries.
    pub low: i128,
    /// The highest value; of a list, the most entries.
    pub high: i128,
    /// Which way weakens.
    pub looser: Looser,
    /// Whether moving it the other way takes nothing from those who are in: it only refuses what is new. R7.7
    pub at_once: bool,
    /// The rule that reads it.
    pub rule: &'static str,
    /// What it is.
    pub text: &'static str,
}

impl Setting {
    /// Whether a value lies within the bounds.
    #[must_use]
    pub const fn allows(&self, value: i128) -> bool {
        self.low <= value && value <= self.high
    }

    /// What moving the setting from one value to another does: a step that weakens may at most double it, or halve it. R7.6, R7.7
    #[must_use]
    pub fn direction(&self, old: i128, new: i128) -> Direction {
        let (loosens, tightens) = match self.looser {
            Looser::Higher => (new > old, new < old),
            Looser::Lower => (new < old, new > old),
            // It weakens somebody, and may put somebody else into breach.
            Looser::Either | Looser::Fixed => (new != old, new != old),
        };
        let (small, large) = (old.abs().min(new.abs()), old.abs().max(new.abs()));
        if loosens && large > small.saturating_mul(2).saturating_add(1) {
            Direction::TooLarge
        } else if tightens && !self.at_once {
            Direction::Tightens
        } else if loosens {
            Direction::Loosens
        } else {
            Direction::Restricts
        }
    }
}

/// What a change of parameters does to those who are in, from harmless to refused: of several settings the last of their directions counts.
/// R7.6, R7.7
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Nothing is taken from anybody, at most something new is refused: it happens at once.
    Restricts,
    /// Something gets weaker: it waits out the timelock and happens as a whole.
    Loosens,
    /// Something gets tighter for those who are in: it waits out the timelock and moves in steps.
    Tightens,
    /// Something changes by more than one step allows.
    TooLarge,
}

/// Something that a setting can hold.
pub(super) trait Value {
    /// The count, where it is one number.
    fn count(&self) -> Option<i128>;
    /// Takes a count; whether it fits.
    fn take(&mut self, value: i128) -> bool;
    /// Whether it is inside its bounds.
    fn is_valid(&self, setting: &Setting) -> bool;
    /// What changing it does.
    fn direction(&self, new: &Self, setting: &Setting) -> Direction;
    /// The next of so many steps, this one included, to a new value; the last step is the new value itself. R7.7
    fn towards(&self, new: &Self, left: u8) -> Self;
}

macro_rules! numbers {
    ($($number:ty, $get:expr, $new:expr;)*) => {
        $(impl Value for $number {
            fn count(&self) -> Option<i128> {
                Some($get(*self))
            }
            fn take(&mut self, value: i128) -> bool {
                value.try_into().map(|value| *self = $new(value)).is_ok()
            }
            fn is_valid(&self, setting: &Setting) -> bool {
                setting.allows($get(*self))
            }
            fn direction(&self, new: &Self, setting: &Setting) -> Direction {
                setting.direction($get(*self), $get(*new))
            }
            fn towards(&self, new: &Self, left: u8) -> Self {
                let (old, aim) = ($get(*self), $get(*new));
                let step = scaled_floor(aim.saturating_sub(old), 1, i128::from(left.max(1)));
                let mut value = *self;
                assert!(Value::take(&mut value, old.saturating_add(step)), "between two values there are only values");
                value
            }
        })*
    };
}

numbers! {
    Money, Money::get, Money::new;
    Price, |price: Price| i128::from(price.get()), Price::new;
    Quantity, |quantity: Quantity| i128::from(quantity.get()), Quantity::new;
    Ratio, |ratio: Ratio| i128::from(ratio.get()), Ratio::new;
    Time, |time: Time| i128::from(time.get()), Time::new;
    u16, i128::from, |count: u16| count;
    u32, i128::from, |count: u32| count;
}

macro_rules! lists {
    ($($list:ty, $is_valid:expr, $direction:expr, $towards:expr;)*) => {
        $(impl Value for $list {
            fn count(&self) -> Option<i128> {
                None
            }
            fn take(&mut self, _: i128) -> bool {
                false
            }
            fn is_valid(&self, setting: &Setting) -> bool {
                $is_valid(self, setting)
            }
            fn direction(&self, new: &Self, setting: &Setting) -> Direction {
                $direction(self, new, setting)
            }
            fn towards(&self, new: &Self, left: u8) -> Self {
                $towards(self, new, left)
            }
        })*
    };
}

lists! {
    FeedId, |_: &FeedId, _: &Setting| true, unless_same, at_first;
    bool, |_: &bool, _: &Setting| true, unless_same, at_first;
    Kind, |kind: &Kind, _: &Setting| kind.is_valid(), |old: &Kind, new: &Kind, _: &Setting| old.direction(new), Kind::towards;
    Vec<Key>, |list: &Vec<Key>, setting: &Setting| fits(list, setting), unless_same, at_first;
    Vec<PublisherParameters>, |list: &Vec<PublisherParameters>, _: &Setting| list.iter().all(PublisherParameters::is_valid), unless_same, at_first;
    Vec<NamedRow>, |list: &Vec<NamedRow>, setting: &Setting| fits(list, setting) && list.iter().all(NamedRow::is_valid), |old: &Vec<NamedRow>, new: &Vec<NamedRow>, _: &Setting| rows_direction(old, new), |old: &Vec<NamedRow>, new: &Vec<NamedRow>, left: u8| rows_towards(old, new, left);
    Vec<Tier>, |list: &Vec<Tier>, setting: &Setting| fits(list, setting) && convex(list), |old: &Vec<Tier>, new: &Vec<Tier>, setting: &Setting| tiers_direction(old, new, setting), |old: &Vec<Tier>, new: &Vec<Tier>, left: u8| tiers_towards(old, new, left);
}

fn fits<T>(list: &[T], setting: &Setting) -> bool {
    i128::try_from(list.len()).is_ok_and(|length| setting.allows(length))
}

/// Nobody can say which way a list weakens, so every change of one does.
fn unless_same<T: PartialEq>(old: &T, new: &T, _: &Setting) -> Direction {
    if old == new { Direction::Restricts } else { Direction::Loosens }
}

/// What has nothing between old and new is new from the first step on: everybody has had notice of it.
fn at_first<T: Clone>(_: &T, new: &T, _: u8) -> T {
    new.clone()
}

/// Every other row may put somebody into breach.
fn rows_direction(old: &[NamedRow], new: &[NamedRow]) -> Direction {
    if old == new { Direction::Restricts } else { Direction::Tightens }
}

/// Rows move like numbers, each from the row of its name, or from a row in which nothing moves; a row that ends is gone at the first step.
fn rows_towards(old: &[NamedRow], new: &[NamedRow], left: u8) -> Vec<NamedRow> {
    let row_towards = |aim: &NamedRow| {
        let before = old.iter().find(|row| row.name == aim.name);
        let move_in = |row: Option<&NamedRow>, feed: FeedId| {
            row.and_then(|row| row.moves.iter().find(|(moved, _)| *moved == feed)).map_or(Ratio::ZERO, |(_, by)| *by)
        };
        let feeds = before.into_iter().chain([aim]).flat_map(|row| row.moves.iter().map(|(feed, _)| *feed));
        let feeds: BTreeSet<FeedId> = feeds.collect();
        let moved = |feed: FeedId| (feed, move_in(before, feed).towards(&move_in(Some(aim), feed), left));
        let between = NamedRow { name: aim.name.clone(), moves: feeds.into_iter().map(moved).collect() };
        if left > 1 && between.is_valid() { between } else { aim.clone() }
    };
    new.iter().map(row_towards).collect()
}

/// The rate that a schedule has at a size, ppm.
fn rate_at(tiers: &[Tier], size: Quantity) -> Ratio {
    tiers.iter().rfind(|tier| tier.from <= size).map_or(Ratio::ZERO, |tier| tier.rate)
}

/// Where either of two schedules has a corner.
fn corners(one: &[Tier], other: &[Tier]) -> BTreeSet<Quantity> {
    one.iter().chain(other).map(|corner| corner.from).collect()
}

/// What replacing one schedule of tiers by another does: compared at every corner of either. Between two schedules lies one with the corners
/// of both, which must fit.
fn tiers_direction(old: &[Tier], new: &[Tier], setting: &Setting) -> Direction {
    let count = |size: Quantity, tiers: &[Tier]| i128::from(rate_at(tiers, size).get());
    let corners = corners(old, new);
    let changes = corners.iter().map(|size| setting.direction(count(*size, old), count(*size, new)));
    match changes.max().unwrap_or(Direction::Restricts) {
        Direction::Tightens if corners.len() > MAX_TIERS => Direction::TooLarge,
        direction => direction,
    }
}

/// Rates move like numbers, at every corner of either schedule: between two convex schedules there are only convex ones.
fn tiers_towards(old: &[Tier], new: &[Tier], left: u8) -> Vec<Tier> {
    let corners = corners(old, new);
    if left <= 1 || corners.len() > MAX_TIERS {
        return new.to_vec();
    }
    let tier = |from: Quantity| Tier { from, rate: rate_at(old, from).towards(&rate_at(new, from), left) };
    corners.into_iter().map(tier).collect()
}

/// Whether a row says that tightening takes nothing from those who are in.
macro_rules! at_once {
    () => {
        false
    };
    (at_once) => {
        true
    };
}

/// Makes a struct of parameters from its rows: the fields, their bounds, what a change does, and the table itself.
macro_rules! parameters {
    (
        $(#[doc = $about:literal])*
        $name:ident {
            $($(#[doc = $text:literal])+ $field:ident: $type:ty, $unit:literal, $low:expr, $high:expr, $looser:ident $($at_once:ident)?, $rule:literal;)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
        pub struct $name {
            $($(#[doc = $text])+ pub $field: $type,)*
        }

        impl $name {
            /// The table: a row a setting, in the order of the fields.
            pub const SETTINGS: &'static [Setting] = &[$(Setting {
                name: stringify!($field),
                unit: $unit,
                low: $low,
                high: $high,
                looser: Looser::$looser,
                at_once: at_once!($($at_once)?),
                rule: $rule,
                text: concat!($($text),+),
            }),*];

            /// The count that a setting holds; none for a list or a name that is not in the table.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<i128> {
                match name {
                    $(stringify!($field) => Value::count(&self.$field),)*
                    _ => None,
                }
            }

            /// Sets a setting to a count; whether there is such a setting and the count fits its type. Bounds are another question.
            #[must_use]
            pub fn set(&mut self, name: &str, value: i128) -> bool {
                match name {
                    $(stringify!($field) => Value::take(&mut self.$field, value),)*
                    _ => false,
                }
            }

            /// The first setting that is outside its bounds. R1.7
            #[must_use]
            pub fn out_of_bounds(&self) -> Option<&'static Setting> {
                let mut settings = Self::SETTINGS.iter();
                $(
                    let setting = settings.next().expect("there is a row for every field");
                    if !Value::is_valid(&self.$field, setting) {
                        return Some(setting);
                    }
                )*
                None
            }

            /// The next of so many steps, this one included, from these parameters to `new`. R7.7
            #[must_use]
            pub fn towards(&self, new: &Self, left: u8) -> Self {
                Self { $($field: Value::towards(&self.$field, &new.$field, left)),* }
            }

            /// What replacing these parameters by `new` does, setting by setting. R7.6
            #[must_use]
            pub fn direction(&self, new: &Self) -> Direction {
                let mut settings = Self::SETTINGS.iter();
                let mut direction = Direction::Restricts;
                $(
                    let setting = settings.next().expect("there is a row for every field");
                    direction = direction.max(Value::direction(&self.$field, &new.$field, setting));
                )*
                direction
            }
        }
    };
}

pub(super) use {at_once, parameters};

//! What a row of the table of parameters says, and what follows from it: bounds, and which way a change weakens a pool (R1.7, R7.6).

use super::{Kind, NamedRow, PublisherParameters, Tier, convex};
use crate::command::Key;
use crate::table::FeedId;
use crate::units::{Money, Price, Quantity, Ratio, Time};
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

    /// What moving the setting from one value to another does: a step that weakens may at most double it, or halve it. R7.6
    #[must_use]
    pub fn direction(&self, old: i128, new: i128) -> Direction {
        let loosens = match self.looser {
            Looser::Higher => new > old,
            Looser::Lower => new < old,
            Looser::Either | Looser::Fixed => new != old,
        };
        let (small, large) = (old.abs().min(new.abs()), old.abs().max(new.abs()));
        match loosens {
            false => Direction::Tightens,
            true if large > small.saturating_mul(2).saturating_add(1) => Direction::TooLarge,
            true => Direction::Loosens,
        }
    }
}

/// What a change of parameters does to a pool's safety, from harmless to refused. R7.6
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Nothing gets weaker: it may happen at once.
    Tightens,
    /// Something gets weaker: it waits out the timelock.
    Loosens,
    /// Something gets weaker by more than one step allows.
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
    ($($list:ty, $is_valid:expr, $direction:expr;)*) => {
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
        })*
    };
}

lists! {
    FeedId, |_: &FeedId, _: &Setting| true, unless_same;
    bool, |_: &bool, _: &Setting| true, unless_same;
    Kind, |kind: &Kind, _: &Setting| kind.is_valid(), |old: &Kind, new: &Kind, _: &Setting| old.direction(new);
    Vec<Key>, |list: &Vec<Key>, setting: &Setting| fits(list, setting), unless_same;
    Vec<PublisherParameters>, |list: &Vec<PublisherParameters>, _: &Setting| list.iter().all(PublisherParameters::is_valid), unless_same;
    Vec<NamedRow>, |list: &Vec<NamedRow>, setting: &Setting| fits(list, setting) && list.iter().all(NamedRow::is_valid), unless_same;
    Vec<Tier>, |list: &Vec<Tier>, setting: &Setting| fits(list, setting) && convex(list), |old: &Vec<Tier>, new: &Vec<Tier>, setting: &Setting| tiers_direction(old, new, setting);
}

fn fits<T>(list: &[T], setting: &Setting) -> bool {
    i128::try_from(list.len()).is_ok_and(|length| setting.allows(length))
}

/// Nobody can say which way a list weakens, so every change of one does.
fn unless_same<T: PartialEq>(old: &T, new: &T, _: &Setting) -> Direction {
    if old == new { Direction::Tightens } else { Direction::Loosens }
}

/// What replacing one schedule of tiers by another does: compared at every corner of either.
fn tiers_direction(old: &[Tier], new: &[Tier], setting: &Setting) -> Direction {
    let rate_at = |tiers: &[Tier], size: Quantity| {
        i128::from(tiers.iter().rfind(|tier| tier.from <= size).map_or(0, |tier| tier.rate.get()))
    };
    let corners = old.iter().chain(new).map(|corner| corner.from);
    let changes = corners.map(|size| setting.direction(rate_at(old, size), rate_at(new, size)));
    changes.max().unwrap_or(Direction::Tightens)
}

/// Makes a struct of parameters from its rows: the fields, their bounds, what a change does, and the table itself.
macro_rules! parameters {
    (
        $(#[doc = $about:literal])*
        $name:ident {
            $($(#[doc = $text:literal])+ $field:ident: $type:ty, $unit:literal, $low:expr, $high:expr, $looser:ident, $rule:literal;)*
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

            /// What replacing these parameters by `new` does, setting by setting. R7.6
            #[must_use]
            pub fn direction(&self, new: &Self) -> Direction {
                let mut settings = Self::SETTINGS.iter();
                let mut direction = Direction::Tightens;
                $(
                    let setting = settings.next().expect("there is a row for every field");
                    direction = direction.max(Value::direction(&self.$field, &new.$field, setting));
                )*
                direction
            }
        }
    };
}

pub(super) use parameters;

//! The table of parameters: every row is in the rulebook as it stands, refuses what lies outside its bounds, and says which way weakens.
//!
//! `UPDATE_RULEBOOK=1 cargo test -p clearing --test parameters` writes the rulebook's table anew: read the difference before you keep it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::disallowed_types,
    clippy::integer_division,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test may compute and fail as it likes, and shares the world of the scenarios"
)]

#[path = "scenarios/parameters.rs"]
mod parameters;
#[path = "scenarios/values.rs"]
mod values;
#[path = "scenarios/world.rs"]
mod world;

use clearing::command::Rejection;
use clearing::parameters::{
    Direction, FeedParameters, InstrumentParameters, Kind, Looser, NamedRow, PoolParameters, Setting, Tier, charges_fit,
};
use clearing::table::FeedId;
use clearing::units::{Quantity, Ratio, Time};
use std::fmt::Write as _;
use std::path::Path;
use world::{Preset, feed, perpetual, publishers, spot};

const BEGIN: &str = "<!-- parameters: made from crates/clearing/src/parameters.rs -->\n";
const END: &str = "<!-- parameters: end -->\n";

fn tables() -> [(&'static str, &'static [Setting]); 5] {
    [
        ("Feed", FeedParameters::SETTINGS),
        ("Instrument", InstrumentParameters::SETTINGS),
        ("Dated future", Kind::DATED),
        ("Collateral asset", Kind::SPOT),
        ("Pool", PoolParameters::SETTINGS),
    ]
}

fn number(value: i128) -> String {
    let powers = [(1_i128 << 40, "2⁴⁰"), (1 << 44, "2⁴⁴"), (1 << 56, "2⁵⁶")];
    let name = powers.iter().find(|(power, _)| *power == value.abs()).map(|(_, name)| (*name).to_string());
    let digits = value.abs().to_string();
    let grouped = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap());
    let size = name.unwrap_or_else(|| grouped.collect::<Vec<_>>().join(","));
    if value < 0 { format!("−{size}") } else { size }
}

fn table() -> String {
    let mut text = String::new();
    for (title, settings) in tables() {
        let _ = writeln!(text, "\n### {title}\n| Setting | Count of | Lowest | Highest | Weaker | Rule | What it is |");
        text.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
        for Setting { name, unit, low, high, looser, at_once, rule, text: what } in settings {
            let weaker = match (looser, at_once) {
                (Looser::Higher, false) => "higher",
                (Looser::Higher, true) => "higher; lower at once",
                (Looser::Lower, false) => "lower",
                (Looser::Lower, true) => "lower; higher at once",
                (Looser::Either, _) => "either way",
                (Looser::Fixed, _) => "never changes",
            };
            let (low, high, what) = (number(*low), number(*high), what.trim());
            let _ = writeln!(text, "| `{name}` | {unit} | {low} | {high} | {weaker} | {rule} | {what} |");
        }
    }
    text.push('\n');
    text
}

/// R7.6 The rulebook has the table of the code: a row that changes, changes there too.
#[test]
fn the_rulebook_has_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rulebook.md");
    let rulebook = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = rulebook.split_once(BEGIN).expect("the rulebook says where the table begins");
    let (found, after) = rest.split_once(END).expect("the rulebook says where the table ends");
    let made = table();
    if std::env::var_os("UPDATE_RULEBOOK").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, made, "UPDATE_RULEBOOK=1 writes the table anew");
    }
}

fn feed_parameters() -> FeedParameters {
    FeedParameters { publishers: publishers("BTC", 3), ..feed(25_000) }
}

fn pool_parameters() -> PoolParameters {
    Preset::standard().0.pool
}

/// R1.7 One count below the lowest and one above the highest is refused, setting by setting, and both bounds themselves are allowed.
#[test]
fn bounds_are_checked_setting_by_setting() {
    macro_rules! check {
        ($kind:ty, $sound:expr) => {
            for setting in <$kind>::SETTINGS.iter().filter(|setting| $sound.get(setting.name).is_some()) {
                for (value, allowed) in
                    [(setting.low, true), (setting.high, true), (setting.low - 1, false), (setting.high + 1, false)]
                {
                    let mut parameters = $sound;
                    // A count that its type cannot hold cannot be written at all.
                    if !parameters.set(setting.name, value) {
                        assert!(!allowed, "{} does not take {value}", setting.name);
                        continue;
                    }
                    assert_eq!(parameters.get(setting.name), Some(value), "{}", setting.name);
                    let found = parameters.out_of_bounds().map(|setting| setting.name);
                    assert_eq!(found, (!allowed).then_some(setting.name), "{} at {value}", setting.name);
                }
            }
        };
    }
    check!(FeedParameters, feed_parameters());
    check!(InstrumentParameters, perpetual(FeedId(0)));
    check!(PoolParameters, pool_parameters());
}

/// R7.6 R7.7 A change that weakens waits, one that strengthens or may do either moves in steps unless it only refuses what is new, and one that
/// weakens by more than double is refused.
#[test]
fn every_setting_says_which_way_weakens() {
    macro_rules! check {
        ($kind:ty, $sound:expr) => {
            for setting in <$kind>::SETTINGS {
                let Some(_) = $sound.get(setting.name) else { continue };
                // A setting between its bounds, so that there is room either way, and steps that are small against it.
                let middle = (setting.low.max(1) * 3).max(setting.high.min(1 << 40) / 16).min(setting.high - 1);
                let (mut old, mut higher, mut lower) = ($sound, $sound, $sound);
                assert!(old.set(setting.name, middle), "{}", setting.name);
                assert!(higher.set(setting.name, middle + 1) && lower.set(setting.name, middle - 1));
                let either = matches!(setting.looser, Looser::Either | Looser::Fixed);
                let expected = |weaker: bool| match (weaker, setting.at_once) {
                    (true, _) if !either => Direction::Loosens,
                    (false, true) => Direction::Restricts,
                    _ => Direction::Tightens,
                };
                assert_eq!(old.direction(&old), Direction::Restricts, "{} stays", setting.name);
                let (up, down) = match setting.looser {
                    Looser::Higher => (true, false),
                    Looser::Lower => (false, true),
                    Looser::Either | Looser::Fixed => (true, true),
                };
                assert_eq!(old.direction(&higher), expected(up), "{} rises", setting.name);
                assert_eq!(old.direction(&lower), expected(down), "{} falls", setting.name);
                let far = if up { middle * 4 + 2 } else { middle / 4 };
                let mut changed = $sound;
                if changed.set(setting.name, far) && far.abs() * 2 + 1 != middle {
                    assert_eq!(old.direction(&changed), Direction::TooLarge, "{} from {middle} to {far}", setting.name);
                }
            }
        };
    }
    check!(FeedParameters, feed_parameters());
    check!(InstrumentParameters, perpetual(FeedId(0)));
    check!(PoolParameters, pool_parameters());
}

/// R7.6 Lists have no direction: whatever changes one waits. What only a kind has follows its own rows.
#[test]
fn lists_and_kinds_have_directions_too() {
    let (old, pool) = (spot(FeedId(0), 200_000), pool_parameters());
    let kind = |cap: i64, ramp: i64, crash: i64| InstrumentParameters {
        kind: Kind::Spot { cap: Quantity::new(cap), ramp: Time::new(ramp), crash: Ratio::new(crash) },
        ..old.clone()
    };
    let middle = kind(1_000, 1_000, 200_000);
    assert_eq!(middle.direction(&kind(1_001, 1_000, 200_000)), Direction::Loosens);
    assert_eq!(middle.direction(&kind(999, 1_000, 200_000)), Direction::Restricts);
    assert_eq!(middle.direction(&kind(1_000, 999, 200_000)), Direction::Loosens);
    assert_eq!(middle.direction(&kind(1_000, 1_001, 200_000)), Direction::Restricts);
    assert_eq!(middle.direction(&kind(1_000, 1_000, 199_999)), Direction::Loosens);
    assert_eq!(middle.direction(&kind(1_000, 1_000, 200_001)), Direction::Tightens);
    assert_eq!(middle.direction(&kind(2_100, 1_000, 200_000)), Direction::TooLarge);
    assert!(kind(-1, 1_000, 200_000).out_of_bounds().is_some_and(|setting| setting.name == "kind"));

    let with_venue = PoolParameters { venues: Vec::new(), ..pool.clone() };
    assert_eq!(pool.direction(&with_venue), Direction::Loosens);
    let with_cost = |ppm: i64| InstrumentParameters {
        exit_cost: vec![Tier { from: Quantity::ZERO, rate: Ratio::new(ppm) }],
        ..old.clone()
    };
    assert_eq!(with_cost(1_000).direction(&with_cost(999)), Direction::Loosens);
    assert_eq!(with_cost(1_000).direction(&with_cost(1_001)), Direction::Tightens);

    // A list and a tightening in one change: the tightening decides.
    let both = PoolParameters { venues: Vec::new(), maintenance_share: Ratio::ONE, ..pool.clone() };
    assert_eq!(pool.direction(&both), Direction::Tightens);
    let named = PoolParameters { named_rows: vec![row("one", &[(0, 1)])], ..pool.clone() };
    assert_eq!((pool.direction(&named), named.direction(&pool)), (Direction::Tightens, Direction::Tightens));
    // Schedules whose corners do not fit together have no schedule between them.
    let many = |from: i64, ppm: i64| InstrumentParameters {
        exit_cost: (0..9).map(|at| Tier { from: Quantity::new(from + 2 * at), rate: Ratio::new(ppm + at) }).collect(),
        ..old.clone()
    };
    assert_eq!(many(0, 1_000).direction(&many(0, 1_100)), Direction::Tightens);
    assert_eq!(many(1, 1_000).direction(&many(0, 1_100)), Direction::TooLarge);
}

fn row(name: &str, moves: &[(u16, i64)]) -> NamedRow {
    NamedRow { name: name.into(), moves: moves.iter().map(|(feed, ppm)| (FeedId(*feed), Ratio::new(*ppm))).collect() }
}

/// R7.7 What lies between two settings is never beyond either, comes nearer with every step, and the last step is the end.
#[test]
fn steps_lead_from_the_old_to_the_new() {
    macro_rules! check {
        ($kind:ty, $sound:expr) => {
            for setting in <$kind>::SETTINGS.iter().filter(|setting| $sound.get(setting.name).is_some()) {
                for (from, to) in
                    [(setting.low, setting.high), (setting.high, setting.low), (setting.low, setting.low + 1)]
                {
                    let (mut at, mut end) = ($sound, $sound);
                    assert!(at.set(setting.name, from) && end.set(setting.name, to));
                    let mut last = from;
                    for left in (1..=16).rev() {
                        at = at.towards(&end, left);
                        let now = at.get(setting.name).unwrap();
                        assert!((now - last).signum() * (to - from).signum() >= 0, "{} turns back", setting.name);
                        assert!((now - last).abs() <= (to - from).abs() / 16 + 1, "{} leaps", setting.name);
                        assert!(setting.allows(now));
                        last = now;
                    }
                    assert_eq!(at, end, "{} arrives", setting.name);
                }
            }
        };
    }
    check!(FeedParameters, feed_parameters());
    check!(InstrumentParameters, perpetual(FeedId(0)));
    check!(PoolParameters, pool_parameters());
}

/// R7.7 R5.6 R5.2 Schedules, rows and what only collateral has move as well.
#[test]
fn lists_have_steps_too() {
    let tiers = |tiers: &[(i64, i64)]| -> Vec<Tier> {
        tiers.iter().map(|(from, ppm)| Tier { from: Quantity::new(*from), rate: Ratio::new(*ppm) }).collect()
    };
    let with = |exit_cost| InstrumentParameters { exit_cost, ..spot(FeedId(0), 200_000) };
    let (old, new) = (with(tiers(&[(0, 100), (10, 500)])), with(tiers(&[(5, 1_700)])));
    let one = old.towards(&new, 16);
    assert_eq!(one.exit_cost, tiers(&[(0, 93), (5, 200), (10, 575)]));
    assert!(one.check().is_ok());
    assert_eq!(one.towards(&new, 1), new);

    let kind = |cap: i64, ramp: i64, crash: i64| InstrumentParameters {
        kind: Kind::Spot { cap: Quantity::new(cap), ramp: Time::new(ramp), crash: Ratio::new(crash) },
        ..spot(FeedId(0), 0)
    };
    assert_eq!(kind(16, 160, 1_600).towards(&kind(0, 320, 0), 16), kind(15, 170, 1_500));

    let pool = |named_rows| PoolParameters { named_rows, ..pool_parameters() };
    let old = pool(vec![row("gone", &[(0, -500_000)]), row("kept", &[(0, -160), (1, -320)])]);
    let new = pool(vec![row("kept", &[(0, -320)]), row("new", &[(2, 1_600)])]);
    let one = old.towards(&new, 16);
    assert_eq!(one.named_rows, vec![row("kept", &[(0, -170), (1, -300)]), row("new", &[(2, 100)])]);
    assert_eq!(one.towards(&new, 1), new);
    let feed = feed_parameters();
    let others = FeedParameters { publishers: publishers("BTC", 4), ..feed.clone() };
    assert_eq!(feed.towards(&others, 16).publishers, others.publishers);
}

/// R10.6 R1.7 Settings that contradict each other are refused, and the reason names both.
#[test]
fn contradictions_name_both_settings() {
    let (feed, listed, pool) = (feed_parameters(), perpetual(FeedId(0)), pool_parameters());
    let refused = |result: Result<(), Rejection>, names: [&str; 2]| {
        let why = result.expect_err("it contradicts itself");
        assert!(names.iter().all(|name| why.text().contains(name)), "{why:?} does not name {names:?}");
    };
    let minimum = feed.maximum;
    refused(FeedParameters { minimum, ..feed.clone() }.check(), ["minimum", "maximum"]);
    let minimum = -feed.maximum;
    refused(FeedParameters { minimum, ..feed.clone() }.check(), ["minimum", "share_base"]);
    let forecast_ceiling = Ratio::new(24_999);
    refused(FeedParameters { forecast_ceiling, ..feed.clone() }.check(), ["forecast_ceiling", "long_run_volatility"]);
    let open_interest_low = listed.open_interest_high;
    refused(
        InstrumentParameters { open_interest_low, ..listed.clone() }.check(),
        ["open_interest_low", "open_interest_high"],
    );
    refused(
        InstrumentParameters { negative_prices: true, ..listed.clone() }.check(),
        ["negative_prices", "stress_base"],
    );
    refused(
        InstrumentParameters { negative_prices: true, ..spot(FeedId(0), 200_000) }.check(),
        ["negative_prices", "kind"],
    );
    let horizon = pool.max_horizon + Time::new(1);
    refused(PoolParameters { horizon, ..pool.clone() }.check(), ["horizon", "max_horizon"]);
    let reduce_only_drawdown = Ratio::new(999_999);
    refused(
        PoolParameters { reduce_only_drawdown, ..pool.clone() }.check(),
        ["cautious_drawdown", "reduce_only_drawdown"],
    );

    // Half of z 4 × σ 2.5 % over one interval: maintenance margin is 5 % of a position.
    let fee = |ppm: i64| PoolParameters { liquidation_fee: Ratio::new(ppm), ..pool.clone() };
    assert_eq!(charges_fit(&feed, &listed, &fee(49_999)), Ok(()));
    refused(charges_fit(&feed, &listed, &fee(50_000)), ["liquidation_fee", "maintenance margin"]);
    // Of collateral the crash counts where it is more than stress.
    assert_eq!(charges_fit(&feed, &spot(FeedId(0), 200_000), &fee(50_000)), Ok(()));
    assert_eq!(charges_fit(&feed, &spot(FeedId(0), 90_000), &fee(50_000)), Err(Rejection::LiquidationFeeTakesMargin));
    // What leaving costs from the first lot on is margin as well.
    let dear = InstrumentParameters { exit_cost: vec![Tier { from: Quantity::ZERO, rate: Ratio::new(1) }], ..listed };
    assert_eq!(charges_fit(&feed, &dear, &fee(50_000)), Ok(()));
}

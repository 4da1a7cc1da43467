//! What a document's answer must satisfy whatever the market: R6's identities, and liquidation prices that a naive walk finds.

use clearing::units::{Money, Ratio};
use lab::what_if::{Answer, Format, Matrix, answer};

fn ask(document: &str) -> Answer {
    answer(document, Format::Toml).unwrap_or_else(|fault| panic!("line {:?}: {fault}\n{document}", fault.line))
}

fn usd(usd: i128) -> Money {
    Money::new(usd * 1_000_000)
}

/// A market with a tick of 1 USD, so that every price can be tried. `{price}` is the price of A.
const COARSE: [&str; 6] = [
    // A long perpetual under the default set, with exit-cost tiers in USD that move with the price.
    r#"
scenarios = "default"
feeds = [{ name = "A", price = {price}, initial_stress = 20, maintenance_stress = 10 }]
instruments = [{ name = "A-PERP", feed = "A", kind = "perpetual", lot = 0.000001,
    exit_cost = [{ rate = 0.5 }, { from_usd = 100, rate = 2 }, { from_usd = 300, rate = 9 }] }]
account = { cash = -150, positions = { A-PERP = 5 } }
"#,
    // Short of one feed, long of another that stands still, with uncertain prices.
    r#"
scenarios = "default"
feeds = [{ name = "A", price = {price}, initial_stress = 20, maintenance_stress = 10, confidence = 1 },
         { name = "B", price = 500, initial_stress = 10, maintenance_stress = 5 }]
correlations = [{ feeds = ["A", "B"], percent = 60 }]
instruments = [{ name = "A-PERP", feed = "A", kind = "perpetual", lot = 0.000001 },
               { name = "B", feed = "B", kind = "spot", lot = 0.000001, crash = 30 }]
account = { cash = 100, positions = { A-PERP = -4 }, collateral = { B = 1 } }
"#,
    // A row whose price stays where it is, and a weighted one.
    r#"
scenarios = "rows"
feeds = [{ name = "A", price = {price} }]
instruments = [{ name = "A-PERP", feed = "A", kind = "perpetual", lot = 0.000001 }]
rows = [{ name = "fixed", matrix = "both", prices = { A-PERP = 40 } },
        { name = "far", matrix = "maintenance", moves = { A = 300 }, weight = 20 }]
account = { cash = 260, positions = { A-PERP = -3 } }
"#,
    // Sound in a window only: short calls for a fall, the fixed row for a limit below.
    r#"
scenarios = "rows"
feeds = [{ name = "A", price = {price} }]
instruments = [{ name = "A-SPOT", feed = "A", kind = "spot", lot = 0.000001 },
               { name = "A-PERP", feed = "A", kind = "perpetual", lot = 0.000001, exit_cost = [{ rate = 40 }] }]
rows = [{ name = "down", matrix = "maintenance", moves = { A = -50 } }, { name = "up", matrix = "both", moves = { A = 50 } }]
account = { cash = -20, positions = { A-PERP = -1 }, collateral = { A-SPOT = 2 } }
"#,
    // A stress that never gets smaller than a base, and prices below zero.
    r#"
scenarios = "default"
feeds = [{ name = "A", price = {price}, initial_stress = 20, maintenance_stress = 10 }]
instruments = [{ name = "A-PERP", feed = "A", kind = "perpetual", lot = 0.000001, negative_prices = true, stress_base = 50 }]
account = { cash = -20, positions = { A-PERP = 2 } }
"#,
    // The same base against a short: far below, the clamp at zero bends the lowest row.
    r#"
scenarios = "default"
feeds = [{ name = "A", price = {price}, initial_stress = 90, maintenance_stress = 80 }]
instruments = [{ name = "A-PERP", feed = "A", kind = "perpetual", lot = 0.000001, stress_base = 70 },
               { name = "A-DATED", feed = "A", kind = "dated", lot = 0.000001 }]
account = { cash = 130, positions = { A-PERP = 2, A-DATED = -3 } }
"#,
];

fn at(document: &str, price: i64) -> Answer {
    ask(&document.replace("{price}", &price.to_string()))
}

/// R6.3, R9.2: the prices that are found are those that a walk over every single price finds first.
#[test]
fn liquidation_prices_are_those_of_a_naive_walk() {
    for document in COARSE {
        let present = 60_i64;
        let answer = at(document, present);
        let breaches = |price: i64| at(document, price).breaches;
        let down = (1..=present).rev().find(|price| breaches(*price)).map(|price| price.to_string());
        let up = (present..=present * 5).find(|price| breaches(*price)).map(|price| price.to_string());
        // A document cannot say a price of zero, so the walk ends above it.
        let line = answer.instruments.iter().find(|line| line.name == "A-PERP").unwrap();
        let found_down = line.liquidation_down.as_ref().map(|found| found.price.clone()).filter(|price| price != "0");
        assert_eq!(
            (found_down, line.liquidation_up.as_ref().map(|found| found.price.clone())),
            (down, up),
            "{document}"
        );
    }
}

/// R6.2, R6.4: what the parts of an answer must add up to.
#[test]
fn the_parts_of_an_answer_add_up() {
    for document in COARSE {
        for price in [1, 30, 60, 61, 200] {
            let answer = at(document, price);
            assert_eq!(answer.equity - answer.initial_margin, answer.free_collateral);
            assert_eq!(answer.equity - answer.maintenance_margin, answer.binding_maintenance.value);
            assert_eq!(answer.binding_initial.value - answer.doubt, answer.free_collateral);
            assert!(answer.maintenance_margin <= answer.initial_margin);
            assert!(!answer.doubt.is_negative());
            let lowest = |matrix| {
                let rows = answer.rows.iter().filter(move |row| row.matrix == matrix);
                rows.map(|row| row.after_exit_cost).min()
            };
            assert_eq!(lowest(Matrix::Maintenance), Some(answer.binding_maintenance.value));
            assert!(lowest(Matrix::Initial).is_none_or(|lowest| lowest >= answer.binding_initial.value));
        }
    }
}

/// An account in breach is in breach at the present price, in both directions.
#[test]
fn an_account_in_breach_has_the_present_price_as_liquidation_price() {
    let answer = at(COARSE[0], 20);
    assert!(answer.breaches);
    let line = &answer.instruments[0];
    assert_eq!(line.liquidation_down, line.liquidation_up);
    let found = line.liquidation_down.as_ref().unwrap();
    assert_eq!((found.price.as_str(), found.step), ("20", Ratio::ZERO));
}

/// The two ends of what is looked at: nothing breaches an account without positions on the feed, or one that holds enough.
#[test]
fn no_liquidation_price_where_no_move_breaches() {
    for account in ["{ cash = 100 }", "{ cash = 10000, positions = { A-PERP = 5 } }"] {
        let document = COARSE[0].replace("{ cash = -150, positions = { A-PERP = 5 } }", account);
        let line = at(&document, 60).instruments.remove(0);
        assert_eq!((line.liquidation_down, line.liquidation_up), (None, None), "{account}");
    }
}

/// R3.4: a perpetual's premium over its feed and the feed's confidence are doubt; a dated future's basis is not.
#[test]
fn a_premium_is_doubted_and_a_basis_is_not() {
    let document = |kind: &str| {
        format!(
            r#"
scenarios = "default"
feeds = [{{ name = "A", price = 100, initial_stress = 20, maintenance_stress = 10, confidence = 2 }}]
instruments = [{{ name = "A", feed = "A", kind = "{kind}", lot = 0.01, mark = 103 }}]
account = {{ cash = 0, positions = {{ A = 10 }} }}
"#
        )
    };
    assert_eq!(ask(&document("perpetual")).doubt, usd(10 * (2 + 3)));
    assert_eq!(ask(&document("dated")).doubt, usd(10 * 2));
    assert_eq!(ask(&document("dated")).equity, usd(1030));
}

/// R5.6: tiers by hand. 150,000 USD: 100,000 at 0.1 % and 50,000 at 1 % make 600.
#[test]
fn exit_cost_tiers_count_what_lies_inside_them() {
    let answer = ask(r#"
scenarios = "rows"
feeds = [{ name = "A", price = 100 }]
instruments = [{ name = "A", feed = "A", kind = "perpetual", lot = 1,
    exit_cost = [{ rate = 0.1 }, { from_usd = 100000, rate = 1 }], initial_exit_cost = [{ from_lots = 1000, rate = 2 }] }]
account = { cash = 0, positions = { A = -1500 } }
"#);
    assert_eq!(answer.maintenance_exit_cost, usd(600));
    assert_eq!(answer.initial_exit_cost, usd(600 + 500 * 2));
    assert_eq!(answer.maintenance_margin, usd(600));
    assert_eq!(answer.initial_margin, usd(1600));
}

/// Numbers are exact or refused; the fault names the field and its line.
#[test]
fn a_fault_names_field_line_and_bounds() {
    let fault = answer(&COARSE[0].replace("{price}", "60.5"), Format::Toml).unwrap_err();
    assert_eq!((fault.field.as_str(), fault.line), ("feeds[0].price", Some(3)));
    assert!(fault.message.contains("in steps of 1"), "{fault}");
    let fault = answer("{\"feeds\": [],\n \"instruments\": [{\"name\": 1}]}", Format::Json).unwrap_err();
    assert_eq!((fault.field.as_str(), fault.line), ("instruments[0].name", Some(2)));
}

//! Books of other venues: read from every format, replayed through the core, refused with every row that is wrong.
#![allow(clippy::unwrap_used, reason = "a test may fail as it likes")]

use lab::book::{Book, Path as PricePath, PoolPlan, Replayed, replay};
use std::path::{Path, PathBuf};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drills/examples")
}

fn close(found: f64, known: f64, tolerance: f64) {
    assert!((found - known).abs() <= tolerance, "found {found}, known {known}");
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn book(&self, text: impl AsRef<[u8]>) -> Result<Book, String> {
        Book::read(&self.file("book", text)).map_err(|error| error.to_string())
    }
}

const POOL: &str = r#"
[capital]
fund_usd = 0.0
own_capital_usd = 0.0
[[asset]]
symbol = "BTC"
lot_size = 0.001
price_usd = 100.0
daily_volatility = 0.03
daily_volume_usd = 1e9
depth_usd_1pct = 1e6
half_spread = 0.0001
"#;
const HEADS: &str = "account,kind,asset,size,entry_price\n";

fn run(folder: &Folder, book: &str, prices: &str, pool: &str) -> Result<Replayed, String> {
    let pool = PoolPlan::read(&folder.file("pool.toml", pool)).map_err(|error| error.to_string())?;
    let path = PricePath::of_file(&folder.file("prices.csv", prices)).map_err(|error| error.to_string())?;
    replay(&folder.book(format!("{HEADS}{book}"))?, &pool, &path, &|_| ()).map_err(|error| error.to_string())
}

/// Ann is long ten at 90, Ben short four at 110; at 100 both have gained, and at 101 ann has ten more and ben four less.
#[test]
fn profit_and_loss_are_those_of_the_entry_prices() {
    let folder = Folder::new();
    let book = "ann,cash,,1000,\nann,position,BTC,10,90\nben,cash,,500,\nben,position,BTC,-4,110\n";
    let found =
        run(&folder, book, "time,asset,price\n0,BTC,100\n60,BTC,100\n120,BTC,101\n1800,BTC,101\n", POOL).unwrap();
    let [ann, ben] = &found.accounts[..] else { panic!("two accounts") };
    close(ann.equity_usd, 1_100.0, 1e-6);
    close(ben.equity_usd, 540.0, 1e-6);
    // The mark's premium over the index dies out to a few quanta a lot.
    close(ann.end_usd, 1_110.0, 0.1);
    close(ben.end_usd, 536.0, 0.1);
    assert_eq!((ann.liquidations, ben.liquidations, ann.in_breach_at_first), (0, 0, false));
    assert_eq!(found.bad_debt_usd, 0.0);
}

/// Cat could never have opened here what she holds: she is taken over as she stands, named, and liquidated in the first block.
#[test]
fn whoever_is_in_breach_at_the_first_prices_is_taken_over_and_named() {
    let folder = Folder::new();
    let book = "cat,cash,,1,\ncat,position,BTC,50,100\ndan,cash,,9000,\ndan,position,BTC,-1,100\n";
    let found = run(&folder, book, "time,asset,price\n0,BTC,100\n60,BTC,100\n", POOL).unwrap();
    let [cat, dan] = &found.accounts[..] else { panic!("two accounts") };
    assert!(cat.in_breach_at_first && !dan.in_breach_at_first);
    assert!(cat.equity_usd < cat.maintenance_margin_usd);
    assert!(cat.liquidations > 0 && cat.first_liquidated_s.is_some_and(|second| second <= 10.0));
    assert_eq!(dan.liquidations, 0);
}

/// Nothing stands behind the pool: what eve owes more than she has is taken from who won, to the cent.
#[test]
fn a_loss_that_nobody_bears_first_is_taken_from_the_winners() {
    let folder = Folder::new();
    let book = "eve,cash,,600,\neve,position,BTC,100,100\nfay,cash,,100000,\nfay,position,BTC,-100,100\n";
    let pool = format!("{POOL}[market]\ndepth_share = 0.0\n");
    let found = run(&folder, book, "time,asset,price\n0,BTC,100\n10,BTC,100\n20,BTC,60\n120,BTC,60\n", &pool).unwrap();
    let [eve, fay] = &found.accounts[..] else { panic!("two accounts") };
    close(eve.end_usd, 0.0, 1e-6);
    assert!(found.bad_debt_usd > 3_000.0, "{found:?}");
    close(eve.shortfall_usd, found.bad_debt_usd, 1e-3);
    assert!(fay.borne_usd > 0.0 && fay.deleveraged_usd > 0.0);
    let layers: f64 = found.losses_usd.iter().map(|(_, lost)| lost).sum();
    close(layers, found.bad_debt_usd, 1e-3);
}

#[test]
fn the_shipped_example_runs_along_its_own_prices_and_along_history() {
    let book = Book::read(&examples().join("accounts.csv")).unwrap();
    let pool = PoolPlan::read(&examples().join("pool.toml")).unwrap();
    let path = PricePath::of_file(&examples().join("prices.csv")).unwrap();
    let found = replay(&book, &pool, &path, &|_| ()).unwrap();
    assert_eq!((found.accounts.len(), found.bad_debt_usd), (20, 0.0));
    let liquidated: Vec<&str> =
        found.accounts.iter().filter(|fate| fate.liquidations > 0).map(|fate| fate.name.as_str()).collect();
    assert_eq!(liquidated, ["bob", "dave", "frank", "ivan", "leo", "mallory", "olivia", "rupert", "sybil"]);
    assert_eq!(found, replay(&book, &pool, &path, &|_| ()).unwrap(), "the same again");
    // An incident's moves begin where the pool's prices are.
    let moves = PricePath::of_history("eth-whale-2025", None, 1).unwrap().for_pool(&pool).unwrap();
    assert_eq!(moves.symbols, ["ETH"]);
    close(moves.points[0].1[0], 3_995.0, 1e-6);
    let found = replay(&book, &pool, &PricePath::of_history("eth-whale-2025", None, 1).unwrap(), &|_| ()).unwrap();
    assert_eq!(found.still, ["BTC", "SOL"]);
    let follows = PoolPlan { follows: [("SOL".to_owned(), "MNGO".to_owned())].into(), ..pool };
    let mango = PricePath::of_history("mango-2022", None, 1).unwrap().for_pool(&follows).unwrap();
    assert_eq!(mango.symbols, ["SOL"]);
}

#[test]
fn every_exhibit_has_a_course_to_replay() {
    // The one whose prices stand still says so.
    let still = PricePath::of_history("adl-2025", None, 1).unwrap_err().to_string();
    assert!(still.contains("no course of prices"), "{still}");
    for exhibit in lab::museum::ALL.iter().filter(|exhibit| exhibit.name != "adl-2025") {
        let path = PricePath::of_history(exhibit.name, None, 1).unwrap();
        assert!(path.points.len() >= 2 && !path.symbols.is_empty(), "{}", exhibit.name);
    }
}

const DYDX: &str = r#"{"subaccount": {"address": "dydx1example", "subaccountNumber": 0, "equity": "1100", "freeCollateral": "1000",
  "openPerpetualPositions": {"BTC-USD": {"market": "BTC-USD", "status": "OPEN", "side": "LONG", "size": "10", "entryPrice": "90",
    "unrealizedPnl": "100"}},
  "assetPositions": {"USDC": {"symbol": "USDC", "side": "LONG", "size": "100", "assetId": "0"}}, "marginEnabled": true}}"#;
const HYPERLIQUID: &str = r#"{"marginSummary": {"accountValue": "540.0", "totalNtlPos": "400.0", "totalRawUsd": "940.0",
  "totalMarginUsed": "20.0"}, "crossMarginSummary": {"accountValue": "540.0"}, "withdrawable": "500.0", "time": 1733968369395,
  "assetPositions": [{"type": "oneWay", "position": {"coin": "BTC", "szi": "-4.0", "entryPx": "110.0",
    "leverage": {"type": "cross", "value": 20}, "positionValue": "400.0", "unrealizedPnl": "40.0"}}]}"#;

/// The accounts of the first test, as two venues would answer them: money less what positions cost.
#[test]
fn venues_answers_are_the_same_book() {
    let folder = Folder::new();
    let dydx = folder.book(DYDX).unwrap();
    assert_eq!(dydx.accounts[0].name, "dydx1example/0");
    close(dydx.accounts[0].cash_usd, 1_000.0, 1e-9);
    let short = DYDX.replace(r#""side": "LONG", "size": "10""#, r#""side": "SHORT", "size": "10""#);
    close(folder.book(&short).unwrap().accounts[0].positions[0].units, -10.0, 1e-12);
    let hyperliquid = folder.book(HYPERLIQUID).unwrap();
    close(hyperliquid.accounts[0].cash_usd, 500.0, 1e-9);
    close(hyperliquid.accounts[0].positions[0].units, -4.0, 1e-12);
    let named = |user: &str| format!(r#"{{"user": "{user}", "clearinghouseState": {HYPERLIQUID}}}"#);
    for many in [format!("[{},{}]", named("0xa"), named("0xb")), format!("{}\n{}\n", named("0xa"), named("0xb"))] {
        let book = folder.book(&many).unwrap();
        let names: Vec<&str> = book.accounts.iter().map(|account| account.name.as_str()).collect();
        assert_eq!(names, ["0xa", "0xb"]);
    }
    let of_address = format!(r#"{{"subaccounts": [{}]}}"#, &DYDX[DYDX.find(r#"{"address"#).unwrap()..DYDX.len() - 1]);
    assert_eq!(folder.book(&of_address).unwrap(), dydx);
}

#[test]
fn a_wrong_book_names_every_row() {
    let folder = Folder::new();
    let cases: [(&str, &[&str]); 12] = [
        ("", &["found columns"]),
        ("who,what\n", &["found columns [\"who\", \"what\"]"]),
        (HEADS, &["found no account"]),
        (
            "account,kind,asset,size,entry_price\na,cash,,x,\na,gift,,1,\n",
            &["row 2: size: found \"x\"", "row 3: kind: found \"gift\""],
        ),
        ("account,kind,asset,size,entry_price\n,cash,,1,\n", &["row 2: account: found 0 bytes"]),
        ("account,kind,asset,size,entry_price\na,cash,BTC,1,\n", &["row 2: asset: found BTC, allowed: nothing"]),
        ("account,kind,asset,size,entry_price\na,position,BTC,0,1\n", &["row 2: size: found 0"]),
        (
            "account,kind,asset,size,entry_price\na,position,BTC,1,-5\n",
            &["row 2: entry_price: found -5, allowed: above 0"],
        ),
        ("account,kind,asset,size,entry_price\na,position,BTC,NaN,1\n", &["row 2: size: found \"NaN\""]),
        ("account,kind,asset,size,entry_price\na,position,BTC,1e400,1\n", &["row 2: size: found \"1e400\""]),
        (
            "account,kind,asset,size,entry_price\na,position,BTC,1,1\na,position,BTC,2,1\n",
            &["row 3: asset: found a second position"],
        ),
        ("account,kind,asset,size,entry_price\na,cash\n", &["row 2"]),
    ];
    for (text, says) in cases {
        let error = folder.book(text).unwrap_err();
        for part in says {
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
    let many: String = (0..80).map(|_| "a,cash,,x,\n").collect();
    let error = folder.book(format!("{HEADS}{many}")).unwrap_err();
    assert!(error.contains("80 rows are wrong") && error.contains("and 30 more"), "{error}");
    assert!(folder.book([0_u8; 2_000]).unwrap_err().contains("row 1"));
}

#[test]
fn a_wrong_answer_of_a_venue_names_the_field() {
    let folder = Folder::new();
    for (text, says) in [
        ("{", "document 1"),
        ("[]", "found no account"),
        ("[1, 2]", "entry 2: found []"),
        (r#"{"error": "rate limited"}"#, "found [\"error\"], allowed: a dYdX subaccount or a Hyperliquid"),
        (
            &DYDX.replace("\"LONG\", \"size\": \"10\"", "\"UP\", \"size\": \"10\""),
            "openPerpetualPositions.BTC-USD: side: found Some(\"UP\")",
        ),
        (&DYDX.replace("\"90\"", "\"-90\""), "entryPrice: found -90"),
        (&DYDX.replace("\"USDC\": {", "\"DOGE\": {"), "assetPositions: found DOGE, allowed: USDC"),
        (&HYPERLIQUID.replace("-4.0", "many"), "assetPositions[0] BTC: szi: found \"many\""),
        (&HYPERLIQUID.replace("totalRawUsd", "rawTotal"), "marginSummary.totalRawUsd: found nothing"),
        (&HYPERLIQUID[..HYPERLIQUID.len() / 2], "document 1"),
        (
            &format!("{HYPERLIQUID}{HYPERLIQUID}").replace("\"marginSummary\"", "\"user\": \"0xa\", \"marginSummary\""),
            "found account 0xa twice",
        ),
    ] {
        let error = folder.book(text).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn parts_that_do_not_fit_say_which() {
    let folder = Folder::new();
    let (book, prices) = ("a,cash,,1000,\na,position,BTC,1,100\n", "time,asset,price\n0,BTC,100\n60,BTC,101\n");
    assert!(run(&folder, book, prices, POOL).is_ok());
    let refused = |book: &str, prices: &str, pool: &str, says: &str| {
        let error = run(&folder, book, prices, pool).unwrap_err();
        assert!(error.contains(says), "{error}");
    };
    refused(
        "a,position,ETH,1,100\n",
        prices,
        POOL,
        "ETH: found in the book, allowed: what the pool lists as a perpetual",
    );
    refused("a,collateral,BTC,1,\n", prices, POOL, "what the pool lists as collateral");
    refused("a,position,BTC,0.0000001,100\n", prices, POOL, "allowed: 1 to 2^40 lots");
    refused(book, "time,asset,price\n0,ETH,1\n1,ETH,2\n", POOL, "none in common");
    refused(book, "time,asset,price\n0,BTC,1\n", POOL, "found 1 moments");
    refused(book, "time,asset,price\n5,BTC,1\n1,BTC,2\n", POOL, "row 3: time: found 1 after 5");
    refused(book, "time,asset,price\n0,BTC,100\n1,BTC,-1\n", POOL, "BTC: found a price of -1 at second 1");
    refused(book, "time,asset,price\n0,BTC,nan\n", POOL, "row 2: price");
    refused(book, "time,asset\n", POOL, "row 1: found columns");
    refused(book, "time,asset,price\n0,BTC,1\n1000000000,BTC,2\n", POOL, "blocks, allowed: at most");
    refused(book, prices, "", "capital");
    refused(book, prices, &POOL.replace("0.001", "-1"), "BTC: lot_size: found -1");
    refused(book, prices, &POOL.replace("fund_usd = 0.0", "fund_usd = nan"), "capital.fund_usd");
    // What the formula makes of absurd figures is the core's to refuse, and no crash.
    for (from, to) in [
        ("lot_size = 0.001", "lot_size = 1e12"),
        ("lot_size = 0.001", "lot_size = 1e-12"),
        ("daily_volume_usd = 1e9", "daily_volume_usd = 1e12"),
        ("daily_volatility = 0.03", "daily_volatility = 1e9"),
        ("depth_usd_1pct = 1e6", "depth_usd_1pct = 1e12"),
        ("depth_usd_1pct = 1e6", "depth_usd_1pct = 1e-9"),
        ("fund_usd = 0.0", "fund_usd = 1e12"),
        ("half_spread = 0.0001", "half_spread = 0.0001\nsources = [\"a\", \"a\", \"a\"]"),
        ("half_spread = 0.0001", "half_spread = 0.0001\ncollateral = { crash = 5.0, cap_usd = 1e6 }"),
    ] {
        refused(book, prices, &POOL.replace(from, to), "the core refused to");
    }
    refused(book, prices, &format!("{POOL}[market]\nbidder_usd = 1e12\n"), "bidder with");
    refused("a,cash,,-1e12,\n", prices, POOL, "snapshot rejected");
    refused("a,cash,,1,\na,position,BTC,1,1e12\n", prices, POOL, "");
    refused(book, "time,asset,price\n0,BTC,1e-9\n1,BTC,1e-9\n", POOL, "the core refused to");
    refused(book, prices, &format!("{POOL}[astrology]\nsign = 1\n"), "astrology");
    refused(book, prices, &format!("{POOL}[follows]\nBTC = \"MOON\"\n"), "follows.BTC: found MOON, allowed: BTC");
    refused(book, prices, &format!("{POOL}[follows]\nMOON = \"BTC\"\n"), "follows: found MOON");
}

//! Books as tables: a row a balance.
//!
//! Columns: `account`, `kind` (`cash`, `position` or `collateral`), `asset` (empty for cash), `size` (USD of cash, units otherwise; positions
//! below zero are short) and `entry_price` (of positions, USD a unit). Rows of an account need not stand together.

use super::{Book, HUGE, Holding, OpenPosition, table};
use std::collections::BTreeMap;

const COLUMNS: [&str; 5] = ["account", "kind", "asset", "size", "entry_price"];
const MOST_ROWS: usize = 10_000_000;
const LONGEST_NAME: usize = 128;

/// Reads a book, or every row that is wrong.
pub(super) fn read(bytes: Vec<u8>) -> Result<Book, Vec<String>> {
    let mut book = Book::default();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    table::visit(bytes, COLUMNS, MOST_ROWS, |row| take(row, &mut book, &mut places))?;
    Ok(book)
}

fn take(
    [account, kind, asset, size, entry]: [&str; 5],
    book: &mut Book,
    places: &mut BTreeMap<String, usize>,
) -> Result<(), String> {
    if account.is_empty() || account.len() > LONGEST_NAME {
        return Err(format!("account: found {} bytes, allowed: 1 to {LONGEST_NAME}", account.len()));
    }
    let size = number("size", size)?;
    let place = *places.entry(account.to_owned()).or_insert_with(|| {
        book.accounts.push(Holding { name: account.to_owned(), ..Holding::default() });
        book.accounts.len() - 1
    });
    let holding = &mut book.accounts[place];
    let must_be_empty = |column: &str, found: &str| {
        if found.is_empty() { Ok(()) } else { Err(format!("{column}: found {found}, allowed: nothing for {kind}")) }
    };
    match kind {
        "cash" => {
            must_be_empty("asset", asset)?;
            must_be_empty("entry_price", entry)?;
            holding.cash_usd += size;
        }
        "position" => {
            let entry_usd = positive("entry_price", number("entry_price", entry)?)?;
            if holding.positions.iter().any(|position| position.symbol == asset) {
                return Err(format!("asset: found a second position of {account} in {asset}, allowed: one"));
            }
            add_position(holding, asset, size, entry_usd)?;
        }
        "collateral" => {
            must_be_empty("entry_price", entry)?;
            if holding.collateral.iter().any(|(symbol, _)| symbol == asset) {
                return Err(format!("asset: found {asset} as collateral of {account} twice, allowed: once"));
            }
            holding.collateral.push((symbol(asset)?, positive("size", size)?));
        }
        other => return Err(format!("kind: found {other:?}, allowed: cash, position, collateral")),
    }
    Ok(())
}

/// Adds a position that is one.
pub(super) fn add_position(holding: &mut Holding, asset: &str, units: f64, entry_usd: f64) -> Result<(), String> {
    if units == 0.0 {
        return Err("size: found 0, allowed: anything else".to_owned());
    }
    holding.positions.push(OpenPosition { symbol: symbol(asset)?, units, entry_usd });
    Ok(())
}

fn symbol(asset: &str) -> Result<String, String> {
    if asset.is_empty() || asset.len() > 24 || asset.chars().any(char::is_control) {
        return Err(format!("asset: found {asset:?}, allowed: a name of 1 to 24 bytes"));
    }
    Ok(asset.to_owned())
}

/// A number that is one and not absurd.
pub(super) fn number(column: &str, text: &str) -> Result<f64, String> {
    let found = text.parse::<f64>().ok().filter(|number| number.abs() <= HUGE);
    found.ok_or_else(|| format!("{column}: found {text:?}, allowed: a number from -10^12 to 10^12"))
}

/// A number above zero.
pub(super) fn positive(column: &str, number: f64) -> Result<f64, String> {
    if number > 0.0 { Ok(number) } else { Err(format!("{column}: found {number}, allowed: above 0")) }
}

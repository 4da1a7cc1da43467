//! Reads the files back, with the reader of the library.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses its own part")]

use history::Table;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The files of a table, oldest first.
pub fn files(directory: &Path, table: Table) -> Vec<PathBuf> {
    let Ok(found) = std::fs::read_dir(directory.join(table.name())) else { return Vec::new() };
    let mut files: Vec<PathBuf> = found.map(|file| file.expect("read").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    files.sort();
    files
}

/// Every row of a table, oldest first.
pub fn rows(directory: &Path, table: Table) -> Vec<Row> {
    files(directory, table).iter().flat_map(|path| rows_of(path)).collect()
}

pub fn rows_of(path: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(path).expect("opened")).expect("Parquet");
    let rows = reader.get_row_iter(None).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// Every row of every table as text, for comparisons.
pub fn everything(directory: &Path) -> BTreeMap<&'static str, Vec<String>> {
    let text = |table: Table| rows(directory, table).iter().map(|row| format!("{row:?}")).collect();
    Table::ALL.into_iter().map(|table| (table.name(), text(table))).collect()
}

/// What a file says about itself.
pub fn about(path: &Path) -> BTreeMap<String, String> {
    let reader = SerializedFileReader::new(File::open(path).expect("opened")).expect("Parquet");
    let pairs = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    pairs.into_iter().map(|pair| (pair.key, pair.value.unwrap_or_default())).collect()
}

pub fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
    let mut columns = row.get_column_iter();
    columns.find(|(found, _)| *found == name).map_or_else(|| panic!("no column {name}"), |(_, field)| field)
}

/// A number without its point, and how many places are behind it.
pub fn number(row: &Row, name: &str) -> (i128, i32) {
    match field(row, name) {
        Field::Int(number) => (i128::from(*number), 0),
        Field::Long(number) | Field::TimestampMillis(number) => (i128::from(*number), 0),
        Field::Decimal(decimal) => {
            let bytes = decimal.data();
            let sign = if bytes.first().is_some_and(|first| first & 0x80 != 0) { 0xff } else { 0 };
            let mut wide = [sign; 16];
            wide[16 - bytes.len()..].copy_from_slice(bytes);
            (i128::from_be_bytes(wide), decimal.scale())
        }
        other => panic!("{name} is no number: {other:?}"),
    }
}

pub fn whole(row: &Row, name: &str) -> i64 {
    let (number, places) = number(row, name);
    assert_eq!(places, 0, "{name}");
    i64::try_from(number).expect("64 bits")
}

pub fn text(row: &Row, name: &str) -> String {
    let Field::Str(text) = field(row, name) else { panic!("{name} is no text") };
    text.clone()
}

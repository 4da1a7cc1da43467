//! Books and prices as Parquet: the same as the CSV, whatever types a data frame chose; refused, and never a panic, when they are broken.
#![allow(clippy::unwrap_used, reason = "a test may fail as it likes")]

use lab::book::{Book, Path as PricePath};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::path::Path;
use std::sync::Arc;

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

/// A table with one row group.
fn parquet(schema: &str, fill: impl FnOnce(&mut Group)) -> Vec<u8> {
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    fill(&mut group);
    group.close().unwrap();
    writer.into_inner().unwrap()
}

/// A column of values, or of nothing where the column allows it.
fn column<T: DataType>(group: &mut Group, values: &[Option<T::T>]) {
    let mut column = group.next_column().unwrap().unwrap();
    let there: Vec<T::T> = values.iter().flatten().cloned().collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    column.typed::<T>().write_batch(&there, Some(&levels), None).unwrap();
    column.close().unwrap();
}

fn words(words: &[&str]) -> Vec<Option<ByteArray>> {
    words.iter().map(|word| (!word.is_empty()).then(|| ByteArray::from(*word))).collect()
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn book(bytes: &[u8]) -> Result<Book, String> {
    let (_folder, path) = file(bytes);
    Book::read(&path).map_err(|error| error.to_string())
}

fn prices(bytes: &[u8]) -> Result<PricePath, String> {
    let (_folder, path) = file(bytes);
    PricePath::of_file(&path).map_err(|error| error.to_string())
}

const SCHEMA: &str = "message book { required int64 index; required double size; required binary account (utf8);
    required binary kind (utf8); optional binary asset (utf8); optional double entry_price; }";

/// A book as a data frame writes it: an index that nobody asked for, columns in an order of its own, nulls where a CSV has nothing.
fn as_parquet(csv: &str) -> Vec<u8> {
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let texts = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<_>>();
    let numbers = |at: usize| texts(at).iter().map(|text| text.parse::<f64>().ok()).collect::<Vec<_>>();
    parquet(SCHEMA, |group| {
        column::<Int64Type>(group, &(0..rows.len()).map(|row| Some(row as i64)).collect::<Vec<_>>());
        column::<DoubleType>(group, &numbers(3));
        column::<ByteArrayType>(group, &words(&texts(0)));
        column::<ByteArrayType>(group, &words(&texts(1)));
        column::<ByteArrayType>(group, &words(&texts(2)));
        column::<DoubleType>(group, &numbers(4));
    })
}

#[test]
fn the_shipped_book_is_the_same_as_parquet() {
    let csv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drills/examples/accounts.csv");
    let text = std::fs::read_to_string(&csv).unwrap();
    let found = book(&as_parquet(&text)).unwrap();
    assert_eq!(found.accounts.len(), 20);
    assert_eq!(found, Book::read(&csv).unwrap());
}

/// Seconds, milliseconds, microseconds and nanoseconds; prices as doubles and as decimals: the same path.
#[test]
fn prices_may_have_any_type_of_number_and_of_time() {
    let (_folder, csv) = file(b"time,asset,price\n1700000000,BTC,100.5\n1700000001.5,BTC,99.25\n");
    let known = PricePath::of_file(&csv).unwrap();
    assert_eq!(known.points, [(0.0, vec![100.5]), (1.5, vec![99.25])]);
    for (kind, scale) in
        [("timestamp(millis,true)", 1e3), ("timestamp(micros,true)", 1e6), ("timestamp(nanos,true)", 1e9)]
    {
        let schema = format!(
            "message prices {{ required int64 time ({kind}); required binary asset (utf8); required int64 price (decimal(18,2)); }}"
        );
        let bytes = parquet(&schema, |group| {
            column::<Int64Type>(group, &[1_700_000_000.0, 1_700_000_001.5].map(|time| Some((time * scale) as i64)));
            column::<ByteArrayType>(group, &words(&["BTC", "BTC"]));
            column::<Int64Type>(group, &[Some(10_050), Some(9_925)]);
        });
        let found = prices(&bytes).unwrap();
        assert_eq!((&found.points, &found.symbols), (&known.points, &known.symbols), "{kind}");
    }
    let schema = "message prices { required double time; required binary asset; required fixed_len_byte_array(4) price (decimal(9,2)); }";
    let bytes = parquet(schema, |group| {
        column::<DoubleType>(group, &[Some(7.0), Some(8.5)]);
        column::<ByteArrayType>(group, &words(&["BTC", "BTC"]));
        let price = |cents: i32| Some(FixedLenByteArray::from(cents.to_be_bytes().to_vec()));
        column::<FixedLenByteArrayType>(group, &[price(10_050), price(9_925)]);
    });
    assert_eq!(prices(&bytes).unwrap().points, known.points);
}

#[test]
fn a_wrong_table_says_what_is_wrong() {
    let heads = "account,kind,asset,size,entry_price\n";
    for (text, says) in [
        ("a,cash,,1,\na,gift,,1,\n", "row 2: kind: found \"gift\""),
        ("a,position,BTC,0,5\na,position,BTC,1,-5\n", "row 1: size: found 0"),
        ("a,position,BTC,0,5\na,position,BTC,1,-5\n", "row 2: entry_price: found -5"),
        ("a,position,BTC,1,\n", "row 1: entry_price: found \"\""),
        ("", "found no account"),
    ] {
        let error = book(&as_parquet(&format!("{heads}{text}"))).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
    let column_of = |schema: &str| {
        prices(&parquet(schema, |group| {
            column::<DoubleType>(group, &[Some(1.0)]);
            column::<Int32Type>(group, &[Some(1)]);
        }))
        .unwrap_err()
    };
    let error = column_of("message prices { required double time; required int32 price; }");
    assert!(error.contains("found columns [\"time\", \"price\"], allowed: each of"), "{error}");
    // A type that is neither text nor number nor time, though the columns are there.
    let schema =
        "message prices { required double time; required int32 price (time(millis,true)); required binary asset; }";
    let error = prices(&parquet(schema, |group| {
        column::<DoubleType>(group, &[Some(1.0)]);
        column::<Int32Type>(group, &[Some(1)]);
        column::<ByteArrayType>(group, &words(&["BTC"]));
    }))
    .unwrap_err();
    assert!(error.contains("column price: found INT32 as TIME_MILLIS, allowed: text, number or timestamp"), "{error}");
}

/// A file that is cut off anywhere, or has any bit wrong, is refused or read; nothing else happens.
#[test]
fn a_broken_file_is_an_error() {
    let whole =
        as_parquet("account,kind,asset,size,entry_price\nann,cash,,1000,\nann,position,BTC,10,90\nben,cash,,500,\n");
    assert_eq!(book(&whole).unwrap().accounts.len(), 2);
    for end in 0..whole.len() {
        assert!(book(&whole[..end]).is_err(), "cut off after {end} bytes");
    }
    let mut read = 0;
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut broken = whole.clone();
            broken[at] ^= 1 << bit;
            read += usize::from(book(&broken).is_ok());
        }
    }
    assert!(read < 8 * whole.len(), "some must be refused");
    // Three rows, as the footer writes it, are two: never the first two alone.
    let says_two = |at: usize| [&whole[..at], &[4], &whole[at + 1..]].concat();
    let counts: Vec<_> = (0..whole.len()).filter(|at| whole[*at] == 6).map(|at| book(&says_two(at))).collect();
    assert!(counts.iter().filter_map(|read| read.as_ref().err()).any(|error| error.contains("contradict each other")));
    assert!(counts.iter().flatten().all(|read| read.accounts.len() == 2), "{counts:?}");
}

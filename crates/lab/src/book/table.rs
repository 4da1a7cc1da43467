//! Tables as people keep them: CSV, or Parquet, which begins with four letters of its own. Columns are found by name; others are not read.

use bytes::Bytes;
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};
use std::panic::{AssertUnwindSafe, catch_unwind};

const PARQUET: &[u8] = b"PAR1";

/// Visits the rows of a table, each as the texts of `columns` in their order; what a data frame calls no value is an empty text, and a timestamp is
/// its seconds since 1970.
///
/// # Errors
/// With every row that cannot be read or that the visitor refuses, or with what is wrong with the whole.
pub(super) fn visit<const N: usize>(
    bytes: Vec<u8>,
    columns: [&str; N],
    most: usize,
    visitor: impl FnMut([&str; N]) -> Result<(), String>,
) -> Result<(), Vec<String>> {
    let is_parquet = bytes.starts_with(PARQUET);
    let mut visited = Visited { rows: 0, first: if is_parquet { 1 } else { 2 }, most, faults: Vec::new(), visitor };
    let read = if is_parquet {
        parquet_rows(bytes.into(), columns, &mut visited)
    } else {
        csv_rows(&bytes, columns, &mut visited)
    };
    visited.faults.extend(read.err());
    if visited.faults.is_empty() { Ok(()) } else { Err(visited.faults) }
}

/// A visit, as far as it has come.
struct Visited<V> {
    rows: usize,
    /// The number of the first row: a CSV's heads stand before it.
    first: usize,
    most: usize,
    faults: Vec<String>,
    visitor: V,
}

impl<V> Visited<V> {
    fn take<const N: usize>(&mut self, row: Result<[&str; N], String>) -> Result<(), String>
    where
        V: FnMut([&str; N]) -> Result<(), String>,
    {
        if self.rows == self.most {
            return Err(format!("found more than {} rows", self.most));
        }
        if let Err(fault) = row.and_then(&mut self.visitor) {
            self.faults.push(format!("row {}: {fault}", self.next()));
        }
        self.rows += 1;
        Ok(())
    }

    /// The number of the row that is next.
    fn next(&self) -> usize {
        self.first + self.rows
    }
}

/// The place of each column that is wanted.
fn places<const N: usize>(found: &[&str], wanted: [&str; N]) -> Result<[usize; N], String> {
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(wanted) {
        let mut at = (0..found.len()).filter(|at| found[*at] == name);
        match (at.next(), at.next()) {
            (Some(at), None) => *place = at,
            _ => return Err(format!("found columns {found:?}, allowed: each of {wanted:?} once")),
        }
    }
    Ok(places)
}

fn csv_rows<V, const N: usize>(bytes: &[u8], columns: [&str; N], visited: &mut Visited<V>) -> Result<(), String>
where
    V: FnMut([&str; N]) -> Result<(), String>,
{
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let heads = reader.headers().map_err(|error| error.to_string())?;
    let places = places(&heads.iter().collect::<Vec<_>>(), columns).map_err(|fault| format!("row 1: {fault}"))?;
    for record in reader.records() {
        let row = match &record {
            Ok(record) => Ok(places.map(|place| record.get(place).unwrap_or_default())),
            Err(error) => Err(error.to_string()),
        };
        visited.take(row)?;
    }
    Ok(())
}

fn parquet_rows<V, const N: usize>(bytes: Bytes, columns: [&str; N], visited: &mut Visited<V>) -> Result<(), String>
where
    V: FnMut([&str; N]) -> Result<(), String>,
{
    let reader = guarded(|| SerializedFileReader::new(bytes))?;
    let schema = reader.metadata().file_metadata().schema_descr();
    // A column within another has a path, which is no name that anybody wants.
    let paths: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
    let places = places(&paths.iter().map(String::as_str).collect::<Vec<_>>(), columns)?;
    let wanted = places.map(|place| schema.column(place));
    check_counts(reader.metadata(), &places)?;
    for column in &wanted {
        check_readable(column)?;
    }
    for place in 0..reader.num_row_groups() {
        let group = guarded(|| reader.get_row_group(place))?;
        let rows = usize::try_from(group.metadata().num_rows()).expect("counts are checked");
        if rows > visited.most - visited.rows {
            return Err(format!("found more than {} rows", visited.most));
        }
        let mut texts = [const { Vec::new() }; N];
        for (texts, (place, column)) in texts.iter_mut().zip(places.iter().zip(&wanted)) {
            *texts = guarded(|| column_texts(group.get_column_reader(*place)?, column, rows))
                .map_err(|fault| format!("column {}: {fault}", column.name()))?;
        }
        for row in 0..rows {
            visited.take(Ok(texts.each_ref().map(|texts| texts[row].as_str())))?;
        }
    }
    Ok(())
}

/// What the library answers about a file; it panics at some that are damaged.
fn guarded<T>(call: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("the file is damaged".to_owned()),
    }
}

/// Refuses a file whose counts contradict each other: it would be read in part.
fn check_counts(file: &ParquetMetaData, places: &[usize]) -> Result<(), String> {
    let rows = || file.row_groups().iter().map(RowGroupMetaData::num_rows);
    let is_whole = |group: &RowGroupMetaData| {
        group.num_rows() >= 0 && places.iter().all(|place| group.column(*place).num_values() == group.num_rows())
    };
    if rows().try_fold(0, i64::checked_add) == Some(file.file_metadata().num_rows())
        && file.row_groups().iter().all(is_whole)
    {
        return Ok(());
    }
    Err("found counts of rows that contradict each other: the file is damaged".to_owned())
}

/// Refuses what is no text, number or timestamp.
fn check_readable(column: &ColumnDescriptor) -> Result<(), String> {
    use ConvertedType as As;
    let kinds: &[ConvertedType] = match column.physical_type() {
        Physical::BYTE_ARRAY => &[As::NONE, As::UTF8, As::ENUM],
        Physical::DOUBLE | Physical::FLOAT => &[As::NONE],
        Physical::INT32 => {
            &[As::NONE, As::INT_8, As::INT_16, As::INT_32, As::UINT_8, As::UINT_16, As::UINT_32, As::DECIMAL]
        }
        Physical::INT64 => {
            &[As::NONE, As::INT_64, As::UINT_64, As::TIMESTAMP_MILLIS, As::TIMESTAMP_MICROS, As::DECIMAL]
        }
        Physical::FIXED_LEN_BYTE_ARRAY => &[As::DECIMAL],
        Physical::BOOLEAN | Physical::INT96 => &[],
    };
    let is_repeated = column.self_type().get_basic_info().repetition() == Repetition::REPEATED;
    if kinds.contains(&column.converted_type()) && !is_repeated {
        return Ok(());
    }
    let found = format!("{} as {}", column.physical_type(), column.converted_type());
    Err(format!("column {}: found {found}, allowed: text, number or timestamp", column.name()))
}

/// The texts of so many rows of a column.
fn column_texts(reader: ColumnReader, column: &ColumnDescPtr, rows: usize) -> Result<Vec<String>, ParquetError> {
    match reader {
        ColumnReader::Int32ColumnReader(reader) => {
            texts(reader, column, rows, |value| text(&Field::convert_int32(column, value), column))
        }
        ColumnReader::Int64ColumnReader(reader) => {
            texts(reader, column, rows, |value| text(&Field::convert_int64(column, value), column))
        }
        ColumnReader::FloatColumnReader(reader) => {
            texts(reader, column, rows, |value| text(&Field::Float(value), column))
        }
        ColumnReader::DoubleColumnReader(reader) => {
            texts(reader, column, rows, |value| text(&Field::Double(value), column))
        }
        ColumnReader::ByteArrayColumnReader(reader) => {
            texts(reader, column, rows, |value| text(&Field::convert_byte_array(column, value)?, column))
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            texts(reader, column, rows, |value| text(&Field::convert_byte_array(column, value.into())?, column))
        }
        _ => Err(ParquetError::NYI(column.physical_type().to_string())),
    }
}

fn texts<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    column: &ColumnDescPtr,
    rows: usize,
    text: impl Fn(T::T) -> Result<String, ParquetError>,
) -> Result<Vec<String>, ParquetError> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (records, _, _) = reader.read_records(rows - read, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(ParquetError::EOF(format!("found {read} of {rows} rows")));
        }
        read += records;
    }
    let is_there = |row: usize| column.max_def_level() == 0 || levels.get(row) == Some(&column.max_def_level());
    let mut values = values.into_iter();
    (0..rows)
        .map(|row| match is_there(row).then(|| values.next()) {
            None => Ok(String::new()),
            Some(Some(value)) => text(value),
            Some(None) => Err(ParquetError::EOF(format!("found no value in row {row}"))),
        })
        .collect()
}

fn text(field: &Field, column: &ColumnDescPtr) -> Result<String, ParquetError> {
    let is_nanos =
        || matches!(column.logical_type_ref(), Some(LogicalType::Timestamp(stamp)) if stamp.unit == TimeUnit::NANOS);
    let not_utf8 = |error: std::str::Utf8Error| ParquetError::General(error.to_string());
    Ok(match field {
        Field::Str(text) => text.trim().to_owned(),
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).map_err(not_utf8)?.trim().to_owned(),
        Field::Double(number) if number.is_nan() => String::new(),
        Field::Float(number) if number.is_nan() => String::new(),
        Field::TimestampMillis(time) => (*time as f64 / 1e3).to_string(),
        Field::TimestampMicros(time) => (*time as f64 / 1e6).to_string(),
        Field::Long(time) if is_nanos() => (*time as f64 / 1e9).to_string(),
        number => number.to_string(),
    })
}

//! Decides how a table stands on the disk: as a whole under its name, or not at all.

use crate::error::HistoryError;
use crate::rows::Cell;
use crate::table::Table;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use std::fs::File;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

/// The version of the tables: of their columns, and of what the metadata says.
const FORMAT: &str = "1";
/// Most rows of a row group.
const GROUP_ROWS: usize = 100_000;

/// What a file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Covers {
    pub(crate) network: String,
    pub(crate) heights: RangeInclusive<u64>,
}

/// Writes a file under another name, makes it durable and only then gives it its own.
pub(crate) fn write(path: &Path, table: Table, covers: &Covers, rows: &[Vec<Cell>]) -> Result<(), HistoryError> {
    let unfinished = path.with_extension("new");
    let written = write_unfinished(&unfinished, table, covers, rows).and_then(|()| std::fs::rename(&unfinished, path));
    written.map_err(|source| {
        // What could not be written is of no use to anybody; if it cannot be removed either, the next write replaces it.
        let _ = std::fs::remove_file(&unfinished);
        HistoryError::Io { path: path.to_owned(), source }
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    // The name is durable when the directory is.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(HistoryError::io(folder))
}

fn write_unfinished(path: &Path, table: Table, covers: &Covers, rows: &[Vec<Cell>]) -> std::io::Result<()> {
    let about = [
        ("seawall.format", FORMAT.to_owned()),
        ("seawall.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("seawall.network", covers.network.clone()),
        ("seawall.table", table.name().to_owned()),
        ("seawall.from_height", covers.heights.start().to_string()),
        ("seawall.to_height", covers.heights.end().to_string()),
    ];
    let about = about.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("seawall {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(about));
    let (file, schema) = (File::create(path)?, table.schema());
    let mut writer = SerializedFileWriter::new(&file, Arc::clone(&schema), Arc::new(properties.build()))?;
    for rows in rows.chunks(GROUP_ROWS) {
        let mut group = writer.next_row_group()?;
        write_group(&mut group, schema.get_fields(), rows)?;
        group.close()?;
    }
    writer.close()?;
    file.sync_all()
}

fn write_group(
    group: &mut SerializedRowGroupWriter<'_, &File>,
    fields: &[Arc<Type>],
    rows: &[Vec<Cell>],
) -> Result<(), ParquetError> {
    for (at, field) in fields.iter().enumerate() {
        let cells = || rows.iter().filter_map(|row| row.get(at));
        let levels: Option<Vec<i16>> =
            field.is_optional().then(|| cells().map(|cell| i16::from(*cell != Cell::Empty)).collect());
        let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column is missing".to_owned()))?;
        write_column(column.untyped(), field, cells(), levels.as_deref())?;
        column.close()?;
    }
    Ok(())
}

fn write_column<'a>(
    column: &mut ColumnWriter<'_>,
    field: &Type,
    cells: impl Iterator<Item = &'a Cell>,
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    match column {
        ColumnWriter::BoolColumnWriter(column) => {
            let values: Vec<bool> = cells.filter_map(Cell::flag).collect();
            column.write_batch(&values, levels, None)?;
        }
        ColumnWriter::Int32ColumnWriter(column) => {
            let values: Vec<i32> = cells.filter_map(|cell| i32::try_from(cell.whole()?).ok()).collect();
            column.write_batch(&values, levels, None)?;
        }
        ColumnWriter::Int64ColumnWriter(column) => {
            let values: Vec<i64> = cells.filter_map(Cell::whole).collect();
            column.write_batch(&values, levels, None)?;
        }
        ColumnWriter::ByteArrayColumnWriter(column) => {
            let values: Vec<ByteArray> = cells.filter_map(|cell| cell.bytes().map(ByteArray::from)).collect();
            column.write_batch(&values, levels, None)?;
        }
        ColumnWriter::FixedLenByteArrayColumnWriter(column) => {
            let values: Vec<FixedLenByteArray> =
                cells.filter_map(|cell| cell.bytes().map(|bytes| ByteArray::from(bytes).into())).collect();
            column.write_batch(&values, levels, None)?;
        }
        _ => return Err(ParquetError::General(format!("no column of ours is like {}", field.name()))),
    }
    Ok(())
}

impl Cell {
    fn flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }

    fn whole(&self) -> Option<i64> {
        if let Self::Whole(whole) = self { Some(*whole) } else { None }
    }

    /// Decimals are written with their highest byte first.
    fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Exact(quanta) => Some(quanta.to_be_bytes().to_vec()),
            Self::Text(text) => Some(text.as_bytes().to_vec()),
            Self::Hash(hash) => Some(hash.to_vec()),
            Self::Empty | Self::Whole(_) | Self::Flag(_) => None,
        }
    }
}

/// What a file that is there says about itself.
pub(crate) fn read(path: &Path, table: Table) -> Result<Covers, HistoryError> {
    let not_usable = |what: String| HistoryError::NotUsable { path: path.to_owned(), what };
    let file = File::open(path).map_err(HistoryError::io(path))?;
    if !file.metadata().map_err(HistoryError::io(path))?.is_file() {
        return Err(not_usable("it is not a file".to_owned()));
    }
    let reader = SerializedFileReader::new(file).map_err(|error| not_usable(error.to_string()))?;
    let about = reader.metadata().file_metadata();
    if about.schema() != &*table.schema() {
        return Err(not_usable(format!("its columns are not those of {}", table.name())));
    }
    let said = |key: &str| {
        let pairs = about.key_value_metadata().into_iter().flatten();
        let value = pairs.into_iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
        value.ok_or_else(|| not_usable(format!("its metadata has no {key}")))
    };
    let height = |key: &str| said(key)?.parse::<u64>().map_err(|_| not_usable(format!("{key} is no height")));
    let format = said("seawall.format")?;
    if format != FORMAT {
        return Err(not_usable(format!("format not known: found {format:?}, allowed {FORMAT:?}")));
    }
    let heights = height("seawall.from_height")?..=height("seawall.to_height")?;
    if heights.is_empty() || *heights.start() == 0 {
        return Err(not_usable(format!("its heights are none: {heights:?}")));
    }
    Ok(Covers { network: said("seawall.network")?, heights })
}

#[cfg(test)]
mod tests {
    use crate::table::Table;
    use parquet::basic::Type as Physical;

    #[test]
    fn every_column_is_of_a_type_that_is_written() {
        for table in Table::ALL {
            for field in table.schema().get_fields() {
                let known = matches!(
                    field.get_physical_type(),
                    Physical::BOOLEAN
                        | Physical::INT32
                        | Physical::INT64
                        | Physical::BYTE_ARRAY
                        | Physical::FIXED_LEN_BYTE_ARRAY
                );
                assert!(known, "{}: {}", table.name(), field.name());
            }
            assert_eq!(Table::of_name(table.name()), Some(table));
        }
    }
}

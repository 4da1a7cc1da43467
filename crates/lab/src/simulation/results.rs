//! Runs as a Parquet file: a row a run, a column a swept setting and a figure.

use super::{FIGURES, Results};
use parquet::basic::{Compression, Repetition, Type as Physical};
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why results cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct ResultsError {
    path: PathBuf,
    source: ParquetError,
}

/// Writes all runs: `cell` and `seed` as integers, everything else as doubles. A swept setting's column has its path as its name.
///
/// # Errors
/// If the file cannot be written; what was begun is removed.
pub fn write_parquet(path: &Path, results: &Results) -> Result<(), ResultsError> {
    let unfinished = path.with_extension("new");
    let written = write(&unfinished, results).and_then(|()| Ok(std::fs::rename(&unfinished, path)?));
    written.map_err(|source| {
        // What could not be written is of no use to anybody.
        let _ = std::fs::remove_file(&unfinished);
        ResultsError { path: path.to_owned(), source }
    })
}

fn write(path: &Path, results: &Results) -> Result<(), ParquetError> {
    let swept: Vec<&String> = results.cells.first().into_iter().flatten().map(|(name, _)| name).collect();
    let column = |name: &str, physical: Physical| -> Result<Arc<Type>, ParquetError> {
        Ok(Arc::new(Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED).build()?))
    };
    let mut fields = vec![column("cell", Physical::INT64)?, column("seed", Physical::INT64)?];
    for name in swept.iter().map(|name| name.as_str()).chain(FIGURES.iter().map(|(name, _)| *name)) {
        fields.push(column(name, Physical::DOUBLE)?);
    }
    let schema = Arc::new(Type::group_type_builder("run").with_fields(fields).build()?);
    let about = [("seawall.version", env!("CARGO_PKG_VERSION")), ("seawall.experiment", &results.title)];
    let about = about.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned())).to_vec();
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_key_value_metadata(Some(about)).build();
    let mut writer = SerializedFileWriter::new(File::create(path)?, schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    let integers = [
        results.runs.iter().map(|run| run.cell as i64).collect::<Vec<i64>>(),
        results.runs.iter().map(|run| run.seed as i64).collect(),
    ];
    for values in integers {
        let mut column = group.next_column()?.expect("the schema has it");
        column.typed::<Int64Type>().write_batch(&values, None, None)?;
        column.close()?;
    }
    let setting = |at: usize| results.runs.iter().map(move |run| results.cells[run.cell][at].1).collect::<Vec<f64>>();
    let figure = |at: usize| results.runs.iter().map(move |run| run.figures.values[at]).collect::<Vec<f64>>();
    for values in (0..swept.len()).map(setting).chain((0..FIGURES.len()).map(figure)) {
        let mut column = group.next_column()?.expect("the schema has it");
        column.typed::<DoubleType>().write_batch(&values, None, None)?;
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(())
}

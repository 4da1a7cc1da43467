//! A square matrix, checked where it enters.

use crate::error::{MAX_NODES, MethodError};

/// A square matrix by rows, every entry finite and inside its range.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    nodes: usize,
    entries: Vec<f64>,
}

impl Matrix {
    /// Checks shape, size and that every entry is finite and ≥ 0.
    pub(crate) fn not_negative(what: &'static str, rows: &[Vec<f64>]) -> Result<Self, MethodError> {
        let nodes = rows.len();
        if nodes == 0 {
            return Err(MethodError::TooFew { what, found: 0, least: 1 });
        }
        if nodes > MAX_NODES {
            return Err(MethodError::TooMany { what, found: nodes, most: MAX_NODES });
        }
        let mut entries = Vec::with_capacity(nodes * nodes);
        for row in rows {
            if row.len() != nodes {
                return Err(MethodError::Shape { what, found: row.len(), expected: nodes });
            }
            entries.extend_from_slice(row);
        }
        check(what, &entries, 0.0, f64::MAX, "a finite number that is not negative")?;
        Ok(Self { nodes, entries })
    }

    pub(crate) fn nodes(&self) -> usize {
        self.nodes
    }

    pub(crate) fn row(&self, at: usize) -> &[f64] {
        &self.entries[at * self.nodes..(at + 1) * self.nodes]
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.entries.chunks_exact(self.nodes)
    }

    /// The same shape with every entry replaced by what `of(row, column, entry)` says.
    pub(crate) fn map(mut self, of: impl Fn(usize, usize, f64) -> f64) -> Self {
        for (at, entry) in self.entries.iter_mut().enumerate() {
            *entry = of(at / self.nodes, at % self.nodes, *entry);
        }
        self
    }

    /// This matrix times a vector.
    pub(crate) fn times(&self, vector: &[f64]) -> Vec<f64> {
        self.rows().map(|row| row.iter().zip(vector).map(|(entry, value)| entry * value).sum()).collect()
    }
}

/// Checks that a vector has an entry a node, each inside its range.
pub(crate) fn vector(
    what: &'static str,
    values: &[f64],
    nodes: usize,
    range: (f64, f64),
    allowed: &'static str,
) -> Result<(), MethodError> {
    if values.len() != nodes {
        return Err(MethodError::Shape { what, found: values.len(), expected: nodes });
    }
    check(what, values, range.0, range.1, allowed)
}

fn check(what: &'static str, values: &[f64], low: f64, high: f64, allowed: &'static str) -> Result<(), MethodError> {
    let wrong = values.iter().position(|value| !(value.is_finite() && (low..=high).contains(value)));
    wrong.map_or(Ok(()), |at| Err(MethodError::Value { what, at, found: values[at], allowed }))
}

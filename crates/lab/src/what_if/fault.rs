//! Decides how a refused document is explained: where, what was found, what is allowed.

use std::fmt;

/// Why a document was refused. Shown as `instruments[2].lot: …` with a hint; the line is known for every field that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, for example `instruments[2].lot`; empty when the document as a whole is meant.
    pub field: String,
    /// The line, from 1, when it is known.
    pub line: Option<usize>,
    /// What was found and what is allowed: lower case, no final period.
    pub message: String,
    /// What can be done, if there is something.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault of the whole document.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { field: String::new(), line: None, message: message.into(), hint: None }
    }

    /// A fault of one field.
    pub(super) fn at(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), ..Self::new(message) }
    }

    pub(super) fn on_line(mut self, line: usize) -> Self {
        self.line.get_or_insert(line);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same fault, one level further out: `lot` inside `instruments[2]`.
    pub(super) fn inside(mut self, outer: &str) -> Self {
        self.field = match self.field.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(out, "{}: ", self.field)?;
        }
        out.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

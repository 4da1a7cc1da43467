//! What goes wrong at the edge, with the exit code that says which kind it was.

use std::fmt::Display;
use std::path::Path;

/// An error message for a person and an exit code for a script.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The command line asks for something that does not exist.
    pub(crate) fn usage(message: String) -> Self {
        Self { message, code: 2 }
    }

    /// A document, recording or log is malformed.
    pub(crate) fn data(message: impl Display) -> Self {
        Self { message: message.to_string(), code: 65 }
    }

    /// A file could not be read or written; the message names it already.
    pub(crate) fn io(message: &dyn Display) -> Self {
        Self { message: message.to_string(), code: 74 }
    }

    /// The program itself is wrong.
    pub(crate) fn broken(message: &str) -> Self {
        Self { message: message.to_owned(), code: 70 }
    }

    /// A file could not be read or written.
    pub(crate) fn file(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self { message: format!("{path}: {source}"), code: 74 }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "error: {}", self.message)
    }
}

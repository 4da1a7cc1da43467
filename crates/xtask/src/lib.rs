//! The house rules as a program: what `cargo xtask tidy` checks, one module a rule.
//!
//! The checks read text, not types. A small reader of Rust source ([`source`]) knows comments, strings, test modules and
//! functions, which is all that the rules need, and reads the whole workspace in well under a second.

pub mod tree;
pub mod source;
pub mod arrows;
pub mod core_bans;
pub mod citations;
pub mod lengths;
pub mod habits;
pub mod documents;
pub mod acceptance;

use std::fmt;
use tree::Tree;

/// One place where the house rules do not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the root of the repository, with forward slashes.
    pub path: String,
    /// The line, from 1. A finding about a whole file names its first line.
    pub line: usize,
    /// What is wrong: lower case, no final period.
    pub message: String,
    /// What can be done.
    pub hint: String,
}

impl Finding {
    /// A finding at a line, counted from 1.
    pub fn new(path: &str, line: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}\n  hint: {}", self.path, self.line, self.message, self.hint)
    }
}

/// Every finding of every check, in order of path and line.
#[must_use]
pub fn tidy(tree: &Tree) -> Vec<Finding> {
    let checks = [arrows::check, core_bans::check, citations::check, lengths::check, habits::check, documents::check];
    let mut findings: Vec<Finding> = checks.iter().flat_map(|check| check(tree)).collect();
    findings.sort();
    findings.dedup();
    findings
}

/// The findings as one JSON array of `{path, line, message, hint}`.
#[must_use]
pub fn as_json(findings: &[Finding]) -> String {
    let rows: Vec<serde_json::Value> = findings
        .iter()
        .map(|f| serde_json::json!({"path": f.path, "line": f.line, "message": f.message, "hint": f.hint}))
        .collect();
    serde_json::Value::Array(rows).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_come_sorted_and_print_as_path_line_message_hint() {
        let tree = Tree::of(&[("crates/lab/src/lib.rs", "fn a() {}\n")]);
        let findings = tidy(&tree);
        assert!(findings.is_sorted());
        let shown = Finding::new("a.rs", 3, "too long: 70 lines", "split it").to_string();
        assert_eq!(shown, "a.rs:3: too long: 70 lines\n  hint: split it");
        let json = as_json(&[Finding::new("a.rs", 3, "m", "h")]);
        assert_eq!(json, r#"[{"hint":"h","line":3,"message":"m","path":"a.rs"}]"#);
    }
}

//! Which documents exist, and that they name every crate and every dependency.

use crate::{Finding, tree::Tree};
use toml::{Table, Value};

const REQUIRED: [(&str, &str); 4] = [
    ("README.md", "say what the project does and how to run it"),
    ("ARCHITECTURE.md", "draw the map of the code"),
    ("CHANGELOG.md", "say what changed for users, newest first"),
    ("docs/rulebook.md", "write the rules that the core follows"),
];
const MAP: &str = "ARCHITECTURE.md";
const MANIFEST: &str = "Cargo.toml";

/// Findings about missing documents, crates off the map and dependencies without a decision.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let missing = REQUIRED.iter().filter(|(path, _)| tree.text(path).is_none_or(|text| text.trim().is_empty()));
    let mut findings: Vec<Finding> =
        missing.map(|(path, hint)| Finding::new(path, 1, "missing or empty", *hint)).collect();
    findings.extend(crates_off_the_map(tree));
    findings.extend(undecided_dependencies(tree));
    findings
}

fn crates_off_the_map(tree: &Tree) -> Vec<Finding> {
    let Some(map) = tree.text(MAP) else { return Vec::new() };
    let named = |name: &str| {
        let folder = format!("crates/{name}");
        map.match_indices(&folder)
            .any(|(at, _)| !map[at + folder.len()..].starts_with(|c: char| c.is_alphanumeric() || "_-".contains(c)))
    };
    let unnamed = tree.crate_folders().into_iter().filter(|name| !named(name));
    unnamed
        .map(|name| {
            Finding::new(MAP, 1, format!("does not name crates/{name}"), "add a line on what it is and must not know")
        })
        .collect()
}

/// Dependencies from outside that no file in `docs/decisions` names between backticks.
fn undecided_dependencies(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(MANIFEST) else { return Vec::new() };
    let manifest = text.parse::<Table>().unwrap_or_default();
    let entries =
        manifest.get("workspace").and_then(|workspace| workspace.get("dependencies")).and_then(Value::as_table);
    let is_decision = |path: &str| path.starts_with("docs/decisions/") && path.ends_with(".md");
    let decisions: Vec<&str> = tree.texts().filter(|(path, _)| is_decision(path)).map(|(_, text)| text).collect();
    let outside = entries.into_iter().flatten().filter(|(_, spec)| spec.get("path").is_none());
    let undecided = outside.filter(|(name, _)| !decisions.iter().any(|text| text.contains(&format!("`{name}`"))));
    undecided
        .map(|(name, _)| {
            let line = text.lines().position(|line| line.starts_with(name.as_str())).map_or(1, |at| at + 1);
            let hint = "say in docs/decisions/ what else was looked at, why this one, and who keeps it";
            Finding::new(MANIFEST, line, format!("no decision names the dependency `{name}`"), hint)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 7] = [
        ("README.md", "# Seawall\n"),
        ("ARCHITECTURE.md", "- `crates/lab`: drills\n"),
        ("CHANGELOG.md", "# Changelog\n"),
        ("docs/rulebook.md", "# Rulebook\n"),
        ("docs/decisions/0002-x.md", "`csv` reads the bars\n"),
        ("Cargo.toml", "[workspace.dependencies]\nlab = { path = \"crates/lab\" }\ncsv = \"1\"\n"),
        ("crates/lab/src/lib.rs", "//! Lab.\n"),
    ];

    fn messages(change: (&str, &str)) -> Vec<String> {
        let files = GOOD.map(|(path, text)| if path == change.0 { change } else { (path, text) });
        check(&Tree::of(&files)).into_iter().map(|f| format!("{}:{} {}", f.path, f.line, f.message)).collect()
    }

    #[test]
    fn a_complete_house_passes() {
        assert_eq!(messages(("", "")), [""; 0]);
    }

    #[test]
    fn each_document_must_be_there() {
        for (path, _) in REQUIRED {
            assert_eq!(messages((path, "\n"))[0], format!("{path}:1 missing or empty"));
        }
    }

    #[test]
    fn a_crate_off_the_map_is_found() {
        let found = messages(("ARCHITECTURE.md", "- `crates/laboratory`: not this one\n"));
        assert_eq!(found, ["ARCHITECTURE.md:1 does not name crates/lab"]);
    }

    #[test]
    fn a_dependency_without_a_decision_is_found() {
        let found = messages(("docs/decisions/0002-x.md", "csv was looked at\n"));
        assert_eq!(found, ["Cargo.toml:3 no decision names the dependency `csv`"]);
    }
}

//! Which crate of ours may depend on which: arrows point at `clearing`, and nothing points at `seawall`.

use crate::{Finding, tree::Tree};
use toml::{Table, Value};

/// What each crate may depend on, among the crates of this workspace.
///
/// A crate joins this table in the change that creates its folder.
const ALLOWED: [(&str, &[&str]); 15] = [
    ("clearing", &[]),
    ("authority", &["clearing"]),
    ("journal", &[]),
    ("protocol", &["authority", "clearing"]),
    ("client", &["authority", "clearing", "protocol"]),
    ("replication", &["clearing", "journal"]),
    ("settlement", &["clearing"]),
    ("proofs", &["clearing"]),
    ("contagion", &["clearing"]),
    ("lab", &["clearing", "contagion"]),
    ("node", &["authority", "clearing", "contagion", "journal", "protocol", "replication", "settlement", "proofs"]),
    ("history", &["authority", "clearing", "journal", "node", "protocol", "replication"]),
    (
        "simulator",
        &["authority", "clearing", "contagion", "journal", "replication", "settlement", "proofs", "node", "lab"],
    ),
    (
        "seawall",
        &[
            "authority",
            "clearing",
            "client",
            "contagion",
            "history",
            "journal",
            "protocol",
            "replication",
            "settlement",
            "proofs",
            "node",
            "lab",
            "simulator",
        ],
    ),
    ("xtask", &[]),
];

/// What a crate may depend on in its tests only.
const ALLOWED_IN_TESTS: [(&str, &str); 1] = [("seawall", "xtask")];

/// Findings about dependencies between the crates of the workspace.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let root = tree.text("Cargo.toml").and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
    let manifests = tree.texts().filter(|(path, _)| {
        path.starts_with("crates/") && path.ends_with("/Cargo.toml") && path.matches('/').count() == 2
    });
    manifests.flat_map(|(path, text)| check_manifest(path, text, &root)).collect()
}

fn check_manifest(path: &str, text: &str, root: &Table) -> Vec<Finding> {
    let manifest = match text.parse::<Table>() {
        Ok(manifest) => manifest,
        Err(error) => {
            return vec![Finding::new(path, 1, format!("not TOML: {}", error.message()), "correct the manifest")];
        }
    };
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str).unwrap_or("");
    let Some((_, allowed)) = ALLOWED.iter().find(|(crate_name, _)| *crate_name == name) else {
        let hint = "add it to ALLOWED in crates/xtask/src/arrows.rs with the arrows DESIGN gives it";
        return vec![Finding::new(path, 1, format!("crate is not in the table of arrows: {name:?}"), hint)];
    };
    let mut findings = Vec::new();
    for (section, key, spec) in dependencies(&manifest) {
        let target = package_of(key, spec, root);
        let ours = ALLOWED.iter().any(|(crate_name, _)| *crate_name == target);
        let in_tests = section == "dev-dependencies" && ALLOWED_IN_TESTS.contains(&(name, target));
        if ours && !in_tests && !allowed.contains(&target) {
            let line = line_of_key(text, key);
            let message = format!("arrow not allowed: {name} -> {target} ({section})");
            findings.push(Finding::new(path, line, message, hint(name, allowed)));
        }
    }
    findings
}

fn hint(name: &str, allowed: &[&str]) -> String {
    if allowed.is_empty() {
        format!("{name} depends on no crate of ours: move what it needs into it, or the caller's part out of it")
    } else {
        format!("{name} may depend on {} only", allowed.join(", "))
    }
}

/// Every dependency of the manifest with its section, those for one target included.
fn dependencies(manifest: &Table) -> Vec<(&'static str, &str, &Value)> {
    let mut tables = vec![manifest];
    if let Some(targets) = manifest.get("target").and_then(Value::as_table) {
        tables.extend(targets.values().filter_map(Value::as_table));
    }
    let mut found = Vec::new();
    for table in tables {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let entries = table.get(section).and_then(Value::as_table);
            found.extend(entries.into_iter().flatten().map(|(key, spec)| (section, key.as_str(), spec)));
        }
    }
    found
}

/// The package behind a dependency: a key may rename it, here or in the workspace's list.
fn package_of<'a>(key: &'a str, spec: &'a Value, root: &'a Table) -> &'a str {
    let renamed = |spec: &'a Value| spec.get("package").and_then(Value::as_str);
    let inherited = || root.get("workspace")?.get("dependencies")?.get(key).and_then(renamed);
    renamed(spec).or_else(inherited).unwrap_or(key)
}

fn line_of_key(text: &str, key: &str) -> usize {
    let is_key = |line: &str| {
        let line = line.trim_start();
        line.strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
            || line.ends_with(&format!(".{key}]"))
    };
    text.lines().position(is_key).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, rest: &str) -> Vec<Finding> {
        let root = "[workspace.dependencies]\nclearing = { path = \"crates/clearing\" }\ncore = { path = \"crates/lab\", package = \"lab\" }\n";
        let manifest = format!("[package]\nname = \"{name}\"\n{rest}");
        check(&Tree::of(&[("Cargo.toml", root), (&format!("crates/{name}/Cargo.toml"), &manifest)]))
    }

    #[test]
    fn allowed_arrows_pass() {
        assert_eq!(findings("clearing", "[dependencies]\nborsh.workspace = true\n"), []);
        assert_eq!(findings("lab", "[dependencies]\nclearing.workspace = true\n"), []);
        assert_eq!(findings("seawall", "[dependencies]\nlab = \"1\"\n[dev-dependencies]\nxtask = \"1\"\n"), []);
    }

    #[test]
    fn an_arrow_out_of_the_core_is_found_at_its_line() {
        let found = findings("clearing", "[dependencies]\nborsh = \"1\"\nlab.workspace = true\n");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].line), ("crates/clearing/Cargo.toml", 5));
        assert_eq!(found[0].message, "arrow not allowed: clearing -> lab (dependencies)");
    }

    #[test]
    fn tests_targets_build_scripts_and_renames_are_no_way_round() {
        for rest in [
            "[dev-dependencies]\nlab = \"1\"\n",
            "[build-dependencies]\nlab = \"1\"\n",
            "[target.'cfg(unix)'.dependencies]\nlab = \"1\"\n",
            "[dependencies]\nsafe = { package = \"lab\", path = \"../lab\" }\n",
            "[dependencies]\ncore.workspace = true\n",
            "[dependencies.lab]\nversion = \"1\"\n",
        ] {
            assert_eq!(findings("clearing", rest).len(), 1, "{rest}");
        }
        assert_eq!(findings("seawall", "[dependencies]\nxtask = \"1\"\n").len(), 1, "xtask in tests only");
        assert_eq!(findings("lab", "[dependencies]\nseawall = \"1\"\n").len(), 1, "nobody points at seawall");
    }

    #[test]
    fn an_unknown_crate_and_a_broken_manifest_are_found() {
        assert_eq!(findings("helpers", "").len(), 1);
        assert_eq!(findings("lab", "[dependencies\n").len(), 1);
    }
}

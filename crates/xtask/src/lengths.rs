//! How long a file and a function may be: a norm, and a list of today's exceptions that may only shrink.

use crate::{Finding, tree::Tree};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// The file that lists the exceptions.
pub const BASELINE: &str = "crates/xtask/lengths.toml";

/// Most lines of a function's shipped code, from `fn` to its closing brace.
const FUNCTION_NORM: usize = 60;
/// Most lines of a file, its test modules left out.
const FILE_NORM: usize = 600;

const HEADER: &str = "# Functions and files above the norm (60 and 600 lines). A number here may only shrink; new code has no line here.\n\
                      # `cargo xtask tidy --update` lowers the numbers. Functions of one name in one file share a line: the longest counts.\n";

/// Lengths above the norm, or the exceptions allowed, by `path` or `path::function`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lengths {
    functions: BTreeMap<String, Length>,
    files: BTreeMap<String, Length>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Length {
    lines: usize,
    path: String,
    at: usize,
}

/// Findings about lengths above the norm and about exceptions that are no longer needed.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let baseline = match parse(tree.text(BASELINE).unwrap_or_default()) {
        Ok(baseline) => baseline,
        Err(message) => return vec![Finding::new(BASELINE, 1, message, "correct it by hand, or delete it and update")],
    };
    let measured = measure(tree);
    let mut findings = compare("function", FUNCTION_NORM, &measured.functions, &baseline.functions);
    findings.extend(compare("file", FILE_NORM, &measured.files, &baseline.files));
    findings
}

/// The list of exceptions as the code is now. Without `allow_growth` no number grows and no line is added.
///
/// # Errors
/// When the present list cannot be read: a sentence for the reader.
pub fn updated(tree: &Tree, allow_growth: bool) -> Result<String, String> {
    let baseline = parse(tree.text(BASELINE).unwrap_or_default())?;
    let measured = measure(tree);
    let functions = ratchet(&measured.functions, &baseline.functions, allow_growth);
    let files = ratchet(&measured.files, &baseline.files, allow_growth);
    Ok(format!("{HEADER}\n[functions]\n{functions}\n[files]\n{files}"))
}

fn ratchet(measured: &BTreeMap<String, Length>, baseline: &BTreeMap<String, Length>, allow_growth: bool) -> String {
    let mut lines = String::new();
    for (key, now) in measured {
        let lowered = baseline.get(key).map(|old| old.lines.min(now.lines));
        let number = if allow_growth { Some(now.lines) } else { lowered };
        lines.extend(number.map(|number| format!("{} = {number}\n", Value::String(key.clone()))));
    }
    lines
}

/// Everything above the norm in the shipped code of all crates.
fn measure(tree: &Tree) -> Lengths {
    let mut lengths = Lengths::default();
    for (path, source) in tree.crate_sources() {
        for function in source.functions().iter().filter(|function| !tree.is_test_line(path, function.line)) {
            if function.lines > FUNCTION_NORM {
                let length = Length { lines: function.lines, path: path.to_owned(), at: function.line };
                let longest = lengths.functions.entry(format!("{path}::{}", function.name)).or_insert(length.clone());
                if longest.lines < length.lines {
                    *longest = length;
                }
            }
        }
        let lines = source.raw().filter(|(line, _)| !tree.is_test_line(path, *line)).count();
        if lines > FILE_NORM {
            lengths.files.insert(path.to_owned(), Length { lines, path: path.to_owned(), at: 1 });
        }
    }
    lengths
}

fn compare(
    what: &str,
    norm: usize,
    measured: &BTreeMap<String, Length>,
    baseline: &BTreeMap<String, Length>,
) -> Vec<Finding> {
    let keys: BTreeSet<&String> = measured.keys().chain(baseline.keys()).collect();
    keys.into_iter().filter_map(|key| compare_one(what, norm, key, measured.get(key), baseline.get(key))).collect()
}

fn compare_one(what: &str, norm: usize, key: &str, now: Option<&Length>, allowed: Option<&Length>) -> Option<Finding> {
    let lower = "run `cargo xtask tidy --update` and commit the smaller list";
    match (now, allowed) {
        (Some(now), None) => {
            let message = format!("{what} too long: {key} has {} lines, the norm is {norm}", now.lines);
            Some(Finding::new(&now.path, now.at, message, "take a step out of it that has a name of its own"))
        }
        (Some(now), Some(allowed)) if now.lines > allowed.lines => {
            let message = format!("{what} has grown: {key} has {} lines, {} are allowed", now.lines, allowed.lines);
            Some(Finding::new(&now.path, now.at, message, "the number may only shrink: take a step out of it"))
        }
        (Some(now), Some(allowed)) if now.lines < allowed.lines => {
            let message = format!("{what} has shrunk: {key} has {} lines, {} are allowed", now.lines, allowed.lines);
            Some(Finding::new(BASELINE, allowed.at, message, lower))
        }
        (None, Some(allowed)) => {
            let message = format!("exception no longer needed: {key} is within the norm of {norm} lines, or gone");
            Some(Finding::new(BASELINE, allowed.at, message, lower))
        }
        _ => None,
    }
}

fn parse(text: &str) -> Result<Lengths, String> {
    let table = text.parse::<Table>().map_err(|error| format!("not TOML: {}", error.message()))?;
    if let Some(unknown) = table.keys().find(|key| !["functions", "files"].contains(&key.as_str())) {
        return Err(format!("unknown section: {unknown}, allowed are functions and files"));
    }
    let section = |name: &str| -> Result<BTreeMap<String, Length>, String> {
        let Some(entries) = table.get(name) else { return Ok(BTreeMap::new()) };
        let entries = entries.as_table().ok_or_else(|| format!("not a section: {name}"))?;
        entries.iter().map(|(key, number)| Ok((key.clone(), allowed_length(text, key, number)?))).collect()
    };
    Ok(Lengths { functions: section("functions")?, files: section("files")? })
}

fn allowed_length(text: &str, key: &str, number: &Value) -> Result<Length, String> {
    let lines = number.as_integer().and_then(|number| usize::try_from(number).ok());
    let lines = lines.ok_or_else(|| format!("not a number of lines: {number} for {key}"))?;
    let quoted = format!("\"{key}\"");
    let at = text.lines().position(|line| line.starts_with(&quoted)).map_or(1, |at| at + 1);
    Ok(Length { lines, path: BASELINE.to_owned(), at })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/lab/src/a.rs";

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    fn tree(code: &str, baseline: &str) -> Tree {
        Tree::of(&[(PATH, code), (BASELINE, baseline)])
    }

    fn messages(code: &str, baseline: &str) -> Vec<String> {
        check(&tree(code, baseline)).into_iter().map(|f| format!("{}:{} {}", f.path, f.line, f.message)).collect()
    }

    #[test]
    fn the_norm_itself_passes_and_one_line_more_does_not() {
        assert_eq!(messages(&function("a", 60), ""), [""; 0]);
        let expected = format!("{PATH}:2 function too long: {PATH}::a has 61 lines, the norm is 60");
        assert_eq!(messages(&format!("\n{}", function("a", 61)), ""), [expected]);
        assert_eq!(messages(&"\n".repeat(600), ""), [""; 0]);
        let expected = format!("{PATH}:1 file too long: {PATH} has 601 lines, the norm is 600");
        assert_eq!(messages(&"\n".repeat(601), ""), [expected]);
    }

    #[test]
    fn tests_may_be_long() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function("a", 700));
        assert_eq!(messages(&tests, ""), [""; 0]);
    }

    #[test]
    fn an_exception_holds_at_its_number_only() {
        let baseline = |lines: usize| format!("[functions]\n\"{PATH}::a\" = {lines}\n");
        assert_eq!(messages(&function("a", 70), &baseline(70)), [""; 0]);
        let grown = format!("{PATH}:1 function has grown: {PATH}::a has 71 lines, 70 are allowed");
        assert_eq!(messages(&function("a", 71), &baseline(70)), [grown]);
        let shrunk = format!("{BASELINE}:2 function has shrunk: {PATH}::a has 69 lines, 70 are allowed");
        assert_eq!(messages(&function("a", 69), &baseline(70)), [shrunk]);
        let needless =
            format!("{BASELINE}:2 exception no longer needed: {PATH}::a is within the norm of 60 lines, or gone");
        assert_eq!(messages(&function("a", 60), &baseline(70)), [needless]);
    }

    #[test]
    fn an_update_only_lowers_unless_growth_is_allowed() {
        let code = format!("{}{}{}", function("shrunk", 65), function("grown", 75), function("new", 90));
        let baseline = format!("[functions]\n\"{PATH}::gone\" = 80\n\"{PATH}::grown\" = 70\n\"{PATH}::shrunk\" = 70\n");
        let lowered = updated(&tree(&code, &baseline), false).expect("the list is sound");
        assert_eq!(
            lowered,
            format!("{HEADER}\n[functions]\n\"{PATH}::grown\" = 70\n\"{PATH}::shrunk\" = 65\n\n[files]\n")
        );
        let all = updated(&tree(&code, &baseline), true).expect("the list is sound");
        assert!(all.contains("::grown\" = 75\n") && all.contains("::new\" = 90\n") && !all.contains("gone"));
        assert_eq!(messages(&code, &all), [""; 0]);
    }

    #[test]
    fn functions_of_one_name_share_a_line_and_the_longest_counts() {
        let code = format!("{}{}", function("new", 62), function("new", 64));
        assert_eq!(messages(&code, &format!("[functions]\n\"{PATH}::new\" = 64\n")), [""; 0]);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_a_finding() {
        for broken in
            ["[functions", "[function]\n", "functions = 3\n", "[files]\n\"a\" = \"long\"\n", "[files]\n\"a\" = -1\n"]
        {
            assert_eq!(messages("", broken).len(), 1, "{broken}");
        }
    }
}

//! Small habits: a file says first what it decides, nothing is left half done, and no text names one machine's folders.

use crate::source::{Source, words};
use crate::{Finding, tree::Tree};

/// Macros that stand for code that is missing or was for looking only.
const UNFINISHED_MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
/// Notes that belong in the list of issues.
const NOTES: [&str; 3] = ["TODO", "FIXME", "XXX"];
/// First folders of absolute paths that exist on one machine only.
const MACHINE_FOLDERS: [&str; 5] = ["work", "farm", "home", "root", "tmp/bash_jobs"];

/// Findings about habits.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let unopened = tree.crate_sources().filter(|(_, source)| !opens_with_a_sentence(source)).map(|(path, _)| {
        Finding::new(path, 1, "the file does not open with a `//!` line", "say in one sentence what the file decides")
    });
    let unfinished = tree.rust().flat_map(|(path, source)| unfinished(path, source));
    let machines = tree.texts().flat_map(|(path, text)| machine_paths(path, text));
    unopened.chain(unfinished).chain(machines).collect()
}

fn opens_with_a_sentence(source: &Source) -> bool {
    source.raw().next().is_some_and(|(_, line)| line.strip_prefix("//!").is_some_and(|text| !text.trim().is_empty()))
}

fn unfinished(path: &str, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |line: usize, what: &str| {
        findings.push(Finding::new(
            path,
            line,
            format!("left unfinished: {what}"),
            "finish it, or open an issue and remove it",
        ));
    };
    for (line, code) in source.code() {
        for name in UNFINISHED_MACROS.iter().filter(|name| code.contains(&format!("{name}!"))) {
            if words(code).any(|word| word == *name) {
                add(line, &format!("{name}!"));
            }
        }
        if code.contains("#[ignore") {
            add(line, "an ignored test");
        }
    }
    for (line, comment) in source.comments() {
        words(comment).filter(|word| NOTES.contains(word)).for_each(|word| add(line, word));
    }
    findings
}

/// Absolute paths of one machine: a first folder of the list after a character that cannot belong to a longer path.
fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for folder in MACHINE_FOLDERS {
            let absolute = format!("/{folder}/");
            let stands_alone = |(start, _): (usize, &str)| {
                line[..start].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !"._-~/}*>)".contains(c))
            };
            if line.match_indices(&absolute).any(stands_alone) {
                let message = format!("names a folder of one machine: {absolute}");
                findings.push(Finding::new(
                    path,
                    at + 1,
                    message,
                    "use a path relative to the repository, or an argument",
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|f| format!("{} {}", f.line, f.message)).collect()
    }

    #[test]
    fn a_good_file_passes() {
        let text = "//! Decides a thing.\n#![no_std]\nfn todo_list() { let s = \"todo!() FIXME\"; }\n";
        assert_eq!(messages("crates/lab/src/a.rs", text), [""; 0]);
    }

    #[test]
    fn a_file_opens_with_a_sentence() {
        let expected = ["1 the file does not open with a `//!` line"];
        for text in ["", "fn a() {}\n", "\n//! Late.\n", "//!\n", "// Not a doc line.\n"] {
            assert_eq!(messages("crates/lab/src/a.rs", text), expected, "{text:?}");
            assert_eq!(messages("crates/lab/tests/a.rs", text), [""; 0], "only shipped code must");
        }
    }

    #[test]
    fn nothing_is_left_unfinished() {
        for (line, what) in [
            ("fn a() { todo!() }", "todo!"),
            ("fn a() { unimplemented!(\"later\") }", "unimplemented!"),
            ("fn a() { dbg!(1); }", "dbg!"),
            ("#[ignore = \"slow\"]", "an ignored test"),
            ("// FIXME: round down", "FIXME"),
            ("/* XXX */", "XXX"),
            ("/// TODO", "TODO"),
        ] {
            assert_eq!(
                messages("crates/lab/tests/a.rs", &format!("\n{line}\n")),
                [format!("2 left unfinished: {what}")]
            );
        }
    }

    #[test]
    fn folders_of_one_machine_are_found_in_any_text() {
        for folder in MACHINE_FOLDERS {
            let text = format!("see `/{folder}/x.csv`\n");
            assert_eq!(messages("docs/a.md", &text), [format!("1 names a folder of one machine: /{folder}/")]);
        }
        let relative = "../work/x, crates/home/x, https://example.org/home/x, state/root/x, ${HERE}/work/x\n";
        assert_eq!(messages("docs/a.md", relative), [""; 0]);
    }
}

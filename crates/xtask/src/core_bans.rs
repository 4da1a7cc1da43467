//! What the clearing core may not name: hash maps, clocks, floats, files, sockets, threads, randomness (R1.6).

use crate::source::words;
use crate::{Finding, tree::Tree};

const CORE: &str = "crates/clearing/src/";

/// Words of code that the core does not use, and why.
const BANNED: [(&str, &str); 20] = [
    ("HashMap", "its order is not the same everywhere: use BTreeMap or Table"),
    ("HashSet", "its order is not the same everywhere: use BTreeSet"),
    ("hash_map", "its order is not the same everywhere: use BTreeMap or Table"),
    ("hash_set", "its order is not the same everywhere: use BTreeSet"),
    ("hashbrown", "its order is not the same everywhere: use BTreeMap or Table"),
    ("Instant", "time enters only in a block's header"),
    ("SystemTime", "time enters only in a block's header"),
    ("f32", "floats differ between machines: use the integer units"),
    ("f64", "floats differ between machines: use the integer units"),
    ("println", "the core has no console: emit an event"),
    ("eprintln", "the core has no console: emit an event"),
    ("print", "the core has no console: emit an event"),
    ("eprint", "the core has no console: emit an event"),
    ("std", "the core is no_std: use core or alloc"),
    ("thread", "thread timing may not affect a result"),
    ("thread_local", "thread timing may not affect a result"),
    ("atomic", "thread timing may not affect a result"),
    ("rand", "the core has no randomness: let the caller put it into a command"),
    ("asm", "results may not depend on the machine"),
    ("target_arch", "results may not depend on the machine"),
];

/// The places where a banned word stands with good reason: file, word, reason. Only R9's filter may ever use floats.
const EXCEPTIONS: [(&str, &str, &str); 3] = [
    ("crates/clearing/src/screen.rs", "f64", "the filter itself: it leaves every decision to exact integers"),
    ("crates/clearing/src/screen/orders.rs", "f64", "the filter for accounts with orders"),
    ("crates/clearing/src/watch.rs", "f64", "distances only choose which accounts exact integers decide"),
];

/// Findings about banned words in the core's own code, tests left out.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = missing_no_std(tree).into_iter().collect();
    for (path, source) in tree.rust().filter(|(path, _)| path.starts_with(CORE)) {
        for (line, code) in source.code().filter(|(line, _)| !tree.is_test_line(path, *line)) {
            for (word, reason) in words(code).filter_map(banned) {
                if !EXCEPTIONS.iter().any(|(file, allowed, _)| *file == path && *allowed == word) {
                    findings.push(Finding::new(path, line, format!("banned in the core: {word}"), reason));
                }
            }
        }
    }
    findings
}

/// The banned word that this word is; a number such as `1_f64` counts as its suffix.
fn banned(word: &str) -> Option<(&'static str, &'static str)> {
    let is_number = word.starts_with(|c: char| c.is_ascii_digit()) && !word.starts_with("0x");
    BANNED.into_iter().find(|(name, _)| word == *name || is_number && name.starts_with('f') && word.ends_with(name))
}

fn missing_no_std(tree: &Tree) -> Option<Finding> {
    let path = format!("{CORE}lib.rs");
    let (_, source) = tree.rust().find(|(file, _)| *file == path)?;
    let present = source.code().any(|(_, code)| code.split_whitespace().collect::<String>().starts_with("#![no_std]"));
    (!present)
        .then(|| Finding::new(&path, 1, "the core is not no_std", "add `#![no_std]` below the file's first sentence"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<(usize, String)> {
        let tree = Tree::of(&[("crates/clearing/src/lib.rs", "#![no_std]\n"), ("crates/clearing/src/x.rs", text)]);
        check(&tree).into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    #[test]
    fn good_code_passes() {
        let good = "//! Not a HashMap.\nuse alloc::collections::BTreeMap;\n// f64 would differ\nfn a() { let operand = \"Instant\"; }\n\
                    #[cfg(test)]\nmod tests {\n    use std::collections::HashMap;\n    fn b() { println!(\"{}\", 1.0_f64); }\n}\n";
        assert_eq!(findings(good), []);
    }

    #[test]
    fn each_banned_word_is_found_at_its_line() {
        for (word, _) in BANNED {
            assert_eq!(findings(&format!("\nuse x::{word};\n")), [(2, format!("banned in the core: {word}"))]);
        }
        assert_eq!(findings("const X: u8 = 1_f64 as u8;\n").len(), 1);
        assert_eq!(findings("const X: u64 = 0x1_f64;\n"), []);
        assert_eq!(findings("use std::time::Instant;\n").len(), 2);
    }

    #[test]
    fn a_core_with_the_standard_library_is_found() {
        let tree = Tree::of(&[("crates/clearing/src/lib.rs", "//! Core.\n// #![no_std]\n")]);
        assert_eq!(check(&tree).len(), 1);
        let tree = Tree::of(&[("crates/clearing/src/lib.rs", "//! Core.\n#![no_std]\n")]);
        assert_eq!(check(&tree), []);
    }
}

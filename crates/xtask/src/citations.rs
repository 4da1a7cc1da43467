//! Every rule of the rulebook is cited by code and by a test once it is built, and nothing cites a rule that does not exist.
//!
//! A citation is a rule's number, `R4.2`, in a comment of shipped code, or anywhere in a test or a scenario. Rules that
//! are not built yet stand in the rulebook's own section "Not yet implemented"; a citation in code takes them off it.

use crate::tree::inside_crate;
use crate::{Finding, tree::Tree};
use std::collections::{BTreeMap, BTreeSet};

const RULEBOOK: &str = "docs/rulebook.md";
const NOT_YET: &str = "Not yet implemented";

/// The number of a rule: chapter and place.
type Rule = (u32, u32);

/// Where a rule was seen first.
type Places = BTreeMap<Rule, (String, usize)>;

/// Findings about citations. Without a rulebook there is nothing to compare: [`crate::documents`] reports that.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(RULEBOOK) else { return Vec::new() };
    let (rulebook, mut findings) = Rulebook::parse(text);
    let (mut in_code, mut in_tests) = (Places::new(), Places::new());
    for (path, line, rule, is_test) in citations(tree) {
        if !rulebook.rules.contains_key(&rule) {
            let hint = format!("cite a rule of {RULEBOOK}, or write the rule there first");
            findings.push(Finding::new(path, line, format!("cites a rule that does not exist: {}", name(rule)), hint));
        }
        let places = if is_test { &mut in_tests } else { &mut in_code };
        places.entry(rule).or_insert_with(|| (path.to_owned(), line));
    }
    findings.extend(rulebook.compare(&in_code, &in_tests));
    findings
}

fn name((chapter, place): Rule) -> String {
    format!("R{chapter}.{place}")
}

struct Rulebook {
    /// Each rule and the line of its bullet.
    rules: BTreeMap<Rule, usize>,
    /// Rules listed as not built yet, and the line that says so.
    not_yet: BTreeMap<Rule, usize>,
}

impl Rulebook {
    fn parse(text: &str) -> (Self, Vec<Finding>) {
        let mut rulebook = Self { rules: BTreeMap::new(), not_yet: BTreeMap::new() };
        let (mut findings, mut waiting) = (Vec::new(), false);
        for (at, line) in text.lines().enumerate() {
            if let Some(heading) = line.strip_prefix('#') {
                waiting = heading.trim_matches(['#', ' ']) == NOT_YET;
            }
            for rule in bullet_rules(line, waiting) {
                let list = if waiting { &mut rulebook.not_yet } else { &mut rulebook.rules };
                if let Some(first) = list.insert(rule, at + 1) {
                    let message = format!("rule stands twice: {}, first at line {first}", name(rule));
                    findings.push(Finding::new(RULEBOOK, at + 1, message, "give one of them another number"));
                }
            }
        }
        (rulebook, findings)
    }

    fn compare(&self, in_code: &Places, in_tests: &Places) -> Vec<Finding> {
        let mut findings = Vec::new();
        let built: Vec<(Rule, usize)> = self
            .rules
            .iter()
            .map(|(rule, line)| (*rule, *line))
            .filter(|(rule, _)| !self.not_yet.contains_key(rule))
            .collect();
        for (rule, line) in built {
            if !in_code.contains_key(&rule) {
                let hint = format!("write `// {0}` where it is decided, or list {0} under \"{NOT_YET}\"", name(rule));
                findings.push(Finding::new(RULEBOOK, line, format!("no code cites {}", name(rule)), hint));
            }
            if !in_tests.contains_key(&rule) {
                let hint = format!("cite {} in the scenario or test that would fail without it", name(rule));
                findings.push(Finding::new(RULEBOOK, line, format!("no test cites {}", name(rule)), hint));
            }
        }
        for (rule, line) in &self.not_yet {
            if !self.rules.contains_key(rule) {
                let message = format!("listed as not yet implemented, but no such rule: {}", name(*rule));
                findings.push(Finding::new(RULEBOOK, *line, message, "remove it from the list"));
            } else if let Some((path, cited_at)) = in_code.get(rule) {
                let message =
                    format!("code cites {0} as built, {RULEBOOK}:{line} lists it as not yet implemented", name(*rule));
                let hint = format!("take {0} off the list once it is built, or remove the citation", name(*rule));
                findings.push(Finding::new(path, *cited_at, message, hint));
            }
        }
        findings
    }
}

/// The rules that a bullet defines: the number it starts with; in the waiting list several, parted by commas.
fn bullet_rules(line: &str, waiting: bool) -> BTreeSet<Rule> {
    let Some(bullet) = line.trim_start().strip_prefix("- ") else { return BTreeSet::new() };
    let leading = bullet.split_whitespace().map(|word| (word, word.trim_matches(['*', ',', ':', '`'])));
    let mut rules = BTreeSet::new();
    for (word, trimmed) in leading {
        let found: Vec<Rule> = rules_in(trimmed).collect();
        let [rule] = found[..] else { break };
        if name(rule) != trimmed {
            break;
        }
        rules.insert(rule);
        if !waiting || !word.ends_with(',') {
            break;
        }
    }
    rules
}

/// Every rule number in a text, such as R4.2.
fn rules_in(text: &str) -> impl Iterator<Item = Rule> {
    text.match_indices('R').filter_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let (chapter, rest) = digits(&text[at + 1..])?;
        let (place, rest) = digits(rest.strip_prefix('.')?)?;
        let goes_on = rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        (!goes_on).then_some((chapter, place))
    })
}

fn digits(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

/// Every citation: file, line, rule, and whether a test makes it. The checker's own crate quotes rules as samples only.
fn citations(tree: &Tree) -> Vec<(&str, usize, Rule, bool)> {
    let mut found = Vec::new();
    for (path, source) in tree.rust().filter(|(path, _)| path.starts_with("crates/") && !is_checker(path)) {
        for ((line, comment), (_, raw)) in source.comments().zip(source.raw()) {
            let is_test = tree.is_test_line(path, line);
            let text = if is_test { raw } else { comment };
            found.extend(rules_in(text).map(|rule| (path, line, rule, is_test)));
        }
    }
    for (path, text) in tree.texts().filter(|(path, _)| is_test_text(path) && !is_checker(path)) {
        for (at, line) in text.lines().enumerate() {
            found.extend(rules_in(line).map(|rule| (path, at + 1, rule, true)));
        }
    }
    found
}

fn is_checker(path: &str) -> bool {
    path.starts_with("crates/xtask/")
}

/// Whether a file that is not Rust is a test: a scenario, or a text in a crate's `tests` folder.
fn is_test_text(path: &str) -> bool {
    let in_tests = inside_crate(path).is_some_and(|rest| rest.starts_with("tests/"));
    path.ends_with(".scenario") || in_tests && !path.ends_with(".rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = "# Rulebook\n\n## R1 Units\n- R1.1 Money.\n- **R1.2** Quantity, see R1.1.\n\n## R14 Risk\n- R14.1 Density.\n- R14.2 Matrix.\n\n\
                        ## Not yet implemented\n- R14.1, R14.2 come with the risk reports, after R1.1.\n";
    const CODE: &str = "//! Units (R1.1).\n// R1.2\nfn a() { let s = \"R9.9\"; }\n";
    const TESTS: &str = "//! Tests.\nfn b() { expect(\"R1.1\"); }\n";

    fn messages(book: &str, code: &str, tests: &str, scenario: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("docs/rulebook.md", book),
            ("crates/clearing/src/a.rs", code),
            ("crates/clearing/tests/b.rs", tests),
            ("crates/clearing/tests/scenarios/c.scenario", scenario),
            ("crates/xtask/src/d.rs", "// R77.7\n"),
        ]);
        check(&tree)
            .into_iter()
            .map(|finding| format!("{}:{} {}", finding.path, finding.line, finding.message))
            .collect()
    }

    #[test]
    fn a_rulebook_cited_all_through_passes() {
        assert_eq!(messages(BOOK, CODE, TESTS, "# R1.2\n"), [""; 0]);
        let inline = format!("{CODE}#[cfg(test)]\nmod tests {{\n    // R1.2\n}}\n");
        assert_eq!(messages(BOOK, &inline, TESTS, ""), [""; 0]);
    }

    #[test]
    fn a_rule_without_code_or_without_a_test_is_found_at_its_bullet() {
        assert_eq!(messages(BOOK, "// R1.1\n", TESTS, "R1.2"), ["docs/rulebook.md:5 no code cites R1.2"]);
        assert_eq!(messages(BOOK, CODE, TESTS, ""), ["docs/rulebook.md:5 no test cites R1.2"]);
        let in_a_string = "// R1.1\nfn a() { let s = \"R1.2\"; }\n";
        assert_eq!(messages(BOOK, in_a_string, TESTS, "R1.2"), ["docs/rulebook.md:5 no code cites R1.2"]);
    }

    #[test]
    fn a_citation_of_no_rule_is_found_where_it_stands() {
        let code = format!("{CODE}// R1.3\n");
        let found = messages(BOOK, &code, TESTS, "R1.2\nR5.1");
        let expected = [
            "crates/clearing/src/a.rs:4 cites a rule that does not exist: R1.3",
            "crates/clearing/tests/scenarios/c.scenario:2 cites a rule that does not exist: R5.1",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn code_may_not_cite_what_the_list_says_is_missing() {
        let code = format!("{CODE}// R14.2\n");
        let found = messages(BOOK, &code, TESTS, "R1.2 R14.1");
        let message =
            "crates/clearing/src/a.rs:4 code cites R14.2 as built, docs/rulebook.md:12 lists it as not yet implemented";
        assert_eq!(found, [message]);
    }

    #[test]
    fn the_rulebook_itself_is_held_to_account() {
        let twice = BOOK.replace("- **R1.2**", "- R1.1 again.\n- R1.2");
        assert_eq!(
            messages(&twice, CODE, TESTS, "R1.2"),
            ["docs/rulebook.md:5 rule stands twice: R1.1, first at line 4"]
        );
        let stale = format!("{BOOK}- R15.9 soon.\n");
        let found = messages(&stale, CODE, TESTS, "R1.2");
        assert_eq!(found, ["docs/rulebook.md:13 listed as not yet implemented, but no such rule: R15.9"]);
    }

    #[test]
    fn rule_numbers_are_told_from_other_words() {
        let found: Vec<Rule> = rules_in("R4.2, (R10.5) R6.1–R6.3; not R4, FR1.2, R1.2x, R1.x").collect();
        assert_eq!(found, [(4, 2), (10, 5), (6, 1), (6, 3)]);
        assert_eq!(rules_in("ends with R3.4.").collect::<Vec<_>>(), [(3, 4)]);
    }
}

//! What in a Rust file is code, what is comment, what is compiled for tests only, and where each function ends.
//!
//! This reads characters, not grammar. It knows nested comments, raw strings, character literals against lifetimes, and
//! matching brackets. It does not expand macros: a function written by a macro is measured where the macro is written.

use std::ops::RangeInclusive;

/// A Rust file, line by line.
#[derive(Debug)]
pub struct Source {
    code: Vec<String>,
    comments: Vec<String>,
    raw: Vec<String>,
    tests: Vec<RangeInclusive<usize>>,
    test_modules: Vec<String>,
    functions: Vec<Function>,
}

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, without the type it belongs to.
    pub name: String,
    /// The line of `fn`, from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace, both included.
    pub lines: usize,
}

impl Source {
    /// Reads a file. Text that is not Rust gives a useless answer but never a panic.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (code, comments) = Mask::new(text).run();
        let scan = Scan::new(&code);
        let (tests, test_modules) = scan.tests();
        let lines = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
        Self {
            functions: scan.functions(),
            tests,
            test_modules,
            raw: text.lines().map(str::to_owned).collect(),
            code: lines(&code),
            comments: lines(&comments),
        }
    }

    /// Lines with comments and the insides of strings blanked, numbered from 1.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.code)
    }

    /// Lines with everything but comments blanked, numbered from 1.
    pub fn comments(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.comments)
    }

    /// Lines as written, numbered from 1.
    pub fn raw(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.raw)
    }

    /// Functions with a body, in order.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Names of the modules in other files that are declared under `#[cfg(test)]`.
    pub fn test_modules(&self) -> impl Iterator<Item = &str> {
        self.test_modules.iter().map(String::as_str)
    }

    /// Whether the line, from 1, belongs to an item under `#[cfg(test)]`.
    #[must_use]
    pub fn is_test_line(&self, line: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&line))
    }
}

fn numbered(lines: &[String]) -> impl Iterator<Item = (usize, &str)> {
    lines.iter().enumerate().map(|(at, line)| (at + 1, line.as_str()))
}

/// The identifiers, keywords and numbers of a line of code.
pub fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !is_word(c)).filter(|word| !word.is_empty())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Splits a text into two of the same shape: one keeps the code, the other the comments.
struct Mask {
    text: Vec<char>,
    at: usize,
    code: String,
    comments: String,
}

impl Mask {
    fn new(text: &str) -> Self {
        Self { text: text.chars().collect(), at: 0, code: String::new(), comments: String::new() }
    }

    fn run(mut self) -> (String, String) {
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('/')) => self.line_comment(),
                ('/', Some('*')) => self.block_comment(),
                ('"', _) => self.string(),
                ('\'', _) => self.quote(),
                ('r', _) => match self.raw_hashes() {
                    Some(hashes) => self.raw_string(hashes),
                    None => self.put(Kind::Code),
                },
                _ => self.put(Kind::Code),
            }
        }
        (self.code, self.comments)
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    /// Moves one character to its stream; the other stream gets a blank, both get a line break.
    fn put(&mut self, kind: Kind) {
        let Some(c) = self.peek(0) else { return };
        let keep = |wanted| if c == '\n' || kind == wanted { c } else { ' ' };
        self.code.push(keep(Kind::Code));
        self.comments.push(keep(Kind::Comment));
        self.at += 1;
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.put(Kind::Comment);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while let Some(c) = self.peek(0) {
            let step = match (c, self.peek(1)) {
                ('/', Some('*')) => 1,
                ('*', Some('/')) => -1,
                _ => 0,
            };
            depth = depth.saturating_add_signed(step);
            self.put(Kind::Comment);
            if step != 0 {
                self.put(Kind::Comment);
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.put(Kind::Code);
        while let Some(c) = self.peek(0) {
            if c == '"' {
                self.put(Kind::Code);
                return;
            }
            self.put(Kind::Literal);
            if c == '\\' {
                self.put(Kind::Literal);
            }
        }
    }

    /// The number of hashes if a raw string starts here; an identifier that ends in `r`, or `r#name`, is none.
    fn raw_hashes(&self) -> Option<usize> {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.text.get(at)).copied();
        let prefix = if matches!(before(1), Some('b' | 'c')) { 2 } else { 1 };
        if before(prefix).is_some_and(is_word) {
            return None;
        }
        let hashes = self.text.iter().skip(self.at + 1).take_while(|c| **c == '#').count();
        (self.peek(1 + hashes) == Some('"')).then_some(hashes)
    }

    fn raw_string(&mut self, hashes: usize) {
        for _ in 0..hashes + 2 {
            self.put(Kind::Literal);
        }
        while let Some(c) = self.peek(0) {
            let closes = c == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            self.put(Kind::Literal);
            if closes {
                (0..hashes).for_each(|_| self.put(Kind::Literal));
                return;
            }
        }
    }

    /// A character literal is blanked; a lifetime stays code.
    fn quote(&mut self) {
        let escaped = self.peek(1) == Some('\\');
        if !escaped && self.peek(2) != Some('\'') {
            return self.put(Kind::Code);
        }
        self.put(Kind::Literal);
        self.put(Kind::Literal);
        if escaped {
            self.put(Kind::Literal);
        }
        while let Some(c) = self.peek(0) {
            self.put(Kind::Literal);
            if c == '\'' {
                return;
            }
        }
    }
}

/// Where an item ends.
enum End {
    /// At a semicolon, before any body.
    Semicolon(usize),
    /// At the brace that closes its body.
    Brace(usize),
    /// At the end of the file.
    Missing,
}

/// Finds items in code that has no comments and no strings left.
struct Scan {
    text: Vec<char>,
    line_of: Vec<usize>,
}

impl Scan {
    fn new(code: &str) -> Self {
        let text: Vec<char> = code.chars().collect();
        let mut line = 1;
        let line_of = text
            .iter()
            .map(|c| {
                let here = line;
                line += usize::from(*c == '\n');
                here
            })
            .collect();
        Self { text, line_of }
    }

    fn line(&self, at: usize) -> usize {
        self.line_of.get(at).or(self.line_of.last()).copied().unwrap_or(1)
    }

    fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for at in self.words_at("fn") {
            let name = self.word_from(at + 2);
            if let (false, End::Brace(end)) = (name.is_empty(), self.item_end(at)) {
                let line = self.line(at);
                functions.push(Function { name, line, lines: self.line(end) - line + 1 });
            }
        }
        functions
    }

    /// Line ranges of the items under `#[cfg(test)]`, and the names of those that are modules in other files.
    fn tests(&self) -> (Vec<RangeInclusive<usize>>, Vec<String>) {
        let (mut ranges, mut modules) = (Vec::new(), Vec::new());
        for at in self.words_at("cfg").filter(|at| self.opens_test(*at)) {
            let start = self.line(at);
            // An inner attribute, `#![cfg(test)]`, speaks about the whole file.
            if at >= 2 && self.text[at - 2] == '!' {
                ranges.push(1..=self.line(self.text.len()));
                continue;
            }
            let item = self.text[at..].iter().position(|c| *c == ']').map_or(at, |bracket| at + bracket + 1);
            let end = match self.item_end(item) {
                End::Brace(end) => end,
                End::Missing => self.text.len(),
                End::Semicolon(end) => {
                    let declared: String = self.text[item..end].iter().collect();
                    let names: Vec<&str> = words(&declared).collect();
                    modules.extend(names.windows(2).filter(|pair| pair[0] == "mod").map(|pair| pair[1].to_owned()));
                    end
                }
            };
            ranges.push(start..=self.line(end));
        }
        (ranges, modules)
    }

    /// Whether the `cfg` at `at` is an attribute that asks for `test`.
    fn opens_test(&self, at: usize) -> bool {
        let attribute = at >= 1 && self.text[at - 1] == '[';
        let condition: String = self.text[at + 3..].iter().take_while(|c| **c != ']').collect();
        attribute && words(&condition).any(|word| word == "test") && !words(&condition).any(|word| word == "not")
    }

    fn words_at(&self, word: &str) -> impl Iterator<Item = usize> {
        let word: Vec<char> = word.chars().collect();
        (0..self.text.len()).filter(move |at| {
            self.text[*at..].starts_with(&word)
                && at.checked_sub(1).is_none_or(|before| !is_word(self.text[before]))
                && self.text.get(at + word.len()).is_none_or(|after| !is_word(*after))
        })
    }

    /// The word after blanks; empty when something else follows, as in the type `fn(u8)`.
    fn word_from(&self, at: usize) -> String {
        let rest = self.text.iter().skip(at).skip_while(|c| c.is_whitespace());
        rest.take_while(|c| is_word(**c)).collect()
    }

    /// The end of the item that starts at `from`: brackets and parentheses are skipped, the first brace is its body.
    fn item_end(&self, from: usize) -> End {
        let (mut inside, mut braces) = (0_usize, 0_usize);
        for (at, c) in self.text.iter().enumerate().skip(from) {
            match c {
                '(' | '[' if braces == 0 => inside += 1,
                ')' | ']' if braces == 0 => inside = inside.saturating_sub(1),
                ';' if inside == 0 && braces == 0 => return End::Semicolon(at),
                '{' if inside == 0 => braces += 1,
                '}' if inside == 0 && braces <= 1 => return End::Brace(at),
                '}' if inside == 0 => braces -= 1,
                _ => {}
            }
        }
        End::Missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r##"//! Top "quoted" line.
use core::fmt; // R1.2 said here
fn one<'a>(x: &'a str) -> char { '{' }
/* outer /* inner */ still */ fn two(list: [u8; 3]) -> u8 {
    let raw = r#"fn not_this() { "#;
    let text = "a \" } // no comment";
    let apply: fn(u8) -> u8 = identity;
    list[0]
}
trait T { fn without_body(&self); }
#[cfg(test)]
mod tests {
    fn inside() {
    }
}
#[cfg(not(test))]
fn shipped() {}
#[cfg(test)]
mod other_file;
fn last() {}
"##;

    fn code_of(line: usize) -> String {
        Source::read(SAMPLE).code().find(|(at, _)| *at == line).expect("the line exists").1.to_owned()
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        assert_eq!(code_of(1).trim(), "");
        assert_eq!(code_of(2).trim(), "use core::fmt;");
        assert!(code_of(4).trim().starts_with("fn two"));
        assert!(!code_of(5).contains("not_this"));
        assert!(!code_of(6).contains("comment"));
        let comments: Vec<String> = Source::read(SAMPLE).comments().map(|(_, line)| line.to_owned()).collect();
        assert!(comments[1].contains("R1.2"));
        assert!(!comments[5].contains("comment"));
    }

    #[test]
    fn functions_are_measured_from_fn_to_their_closing_brace() {
        let functions = Source::read(SAMPLE).functions().to_vec();
        let measured: Vec<(&str, usize, usize)> =
            functions.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        let expected = [("one", 3, 1), ("two", 4, 6), ("inside", 13, 2), ("shipped", 17, 1), ("last", 20, 1)];
        assert_eq!(measured, expected);
    }

    #[test]
    fn test_items_are_found_and_shipped_ones_are_not() {
        let source = Source::read(SAMPLE);
        let tests: Vec<usize> = (1..=20).filter(|line| source.is_test_line(*line)).collect();
        assert_eq!(tests, [11, 12, 13, 14, 15, 18, 19]);
        assert_eq!(source.test_modules().collect::<Vec<_>>(), ["other_file"]);
        assert!(Source::read("#![cfg(test)]\nfn a() {}\n").is_test_line(2));
    }

    #[test]
    fn lifetimes_labels_and_odd_text_do_not_derail() {
        let source = Source::read(
            "fn a<'x>(y: &'x u8) { 'out: loop { break 'out; } }\nfn b() { let q = '\\''; let r = b'\"'; }\n",
        );
        assert_eq!(source.functions().len(), 2);
        for odd in ["", "fn", "\"", "r#\"", "'", "/*", "#[cfg(test)]", "cfg", "fn a() {", "'\\"] {
            let _ = Source::read(odd);
        }
    }
}

//! Decides what a TOML or JSON text says: a tree of values that keeps each number as it was written, and each line.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Fault;

/// A value and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What a value is. Numbers stay text: a float in between would round them.
#[derive(Debug)]
pub(super) enum Value {
    Nothing,
    Truth(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

impl Node {
    /// The line of a field such as `instruments[2].lot`, or of the nearest thing around it that exists.
    pub(super) fn line_of(&self, field: &str) -> usize {
        let (step, rest) = match field.find(['.', '[']) {
            Some(0) if field.starts_with('[') => field.split_at(field.find(']').map_or(field.len(), |end| end + 1)),
            Some(at) if at > 0 => field.split_at(at),
            _ => (field, ""),
        };
        let inner = match &self.value {
            Value::Table(entries) => entries.iter().find(|(key, _)| key == step).map(|(_, node)| node),
            Value::List(items) => step.trim_matches(['[', ']']).parse().ok().and_then(|at: usize| items.get(at)),
            _ => None,
        };
        inner.map_or(self.line, |node| node.line_of(rest.strip_prefix('.').unwrap_or(rest)))
    }
}

/// Counts the lines of a text up to a byte, from the last byte asked for: asked in order, the whole costs one pass.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0, line: 1 }
    }

    fn at(&mut self, byte: usize) -> usize {
        let byte = byte.min(self.text.len());
        let breaks = |part: &[u8]| part.iter().filter(|byte| **byte == b'\n').count();
        if byte >= self.at {
            self.line += breaks(&self.text[self.at..byte]);
        } else {
            self.line -= breaks(&self.text[byte..self.at]);
        }
        self.at = byte;
        self.line
    }
}

/// Reads TOML.
pub(super) fn from_toml(text: &str) -> Result<Node, Fault> {
    let mut lines = Lines::new(text);
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| lines.at(span.start));
        Fault::new(format!("not TOML: {}", error.message())).on_line(line)
    })?;
    let start = table.span().start;
    from_toml_table(table.into_inner(), start, &mut lines)
}

fn from_toml_table(table: DeTable<'_>, start: usize, lines: &mut Lines<'_>) -> Result<Node, Fault> {
    let line = lines.at(start);
    let entries = table.into_iter().map(|(key, value)| {
        let key = key.into_inner().into_owned();
        let node = from_toml_value(value, lines).map_err(|fault| fault.inside(&key))?;
        Ok((key, node))
    });
    Ok(Node { line, value: Value::Table(entries.collect::<Result<_, Fault>>()?) })
}

fn from_toml_value(value: Spanned<DeValue<'_>>, lines: &mut Lines<'_>) -> Result<Node, Fault> {
    let start = value.span().start;
    let value = match value.into_inner() {
        DeValue::Table(table) => return from_toml_table(table, start, lines),
        DeValue::Array(items) => {
            let items = items.into_iter().enumerate();
            let nodes = items.map(|(at, item)| from_toml_value(item, lines).map_err(|f| f.inside(&format!("[{at}]"))));
            Value::List(nodes.collect::<Result<_, Fault>>()?)
        }
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(truth) => Value::Truth(truth),
        DeValue::Float(number) => Value::Number(number.as_str().to_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Value::Number(number.as_str().to_owned()),
        DeValue::Integer(number) => {
            return Err(Fault::new(format!("found a number to the base {}, allowed decimal numbers", number.radix()))
                .on_line(lines.at(start)));
        }
        DeValue::Datetime(date) => {
            return Err(Fault::new(format!("found a date: {date}, allowed text, numbers, lists and tables"))
                .on_line(lines.at(start)));
        }
    };
    Ok(Node { line: lines.at(start), value })
}

/// Reads JSON.
pub(super) fn from_json(text: &str) -> Result<Node, Fault> {
    // The syntax, the depth of nesting included, is checked once by a parser made for it; the walk below relies on it.
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map_err(|error| Fault::new(format!("not JSON: {error}")).on_line(error.line().max(1)))?;
    Walk { text, at: 0, lines: Lines::new(text) }.node()
}

/// A walk over JSON that is known to be well formed.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    lines: Lines<'a>,
}

impl Walk<'_> {
    fn node(&mut self) -> Result<Node, Fault> {
        let line = match self.peek() {
            Some(_) => self.lines.at(self.at),
            None => return Err(Fault::new("not JSON: the text ends early")),
        };
        let value = match self.peek() {
            Some(b'{') => self.table()?,
            Some(b'[') => self.list()?,
            Some(b'"') => Value::Text(self.string()?),
            _ => match self.word() {
                "null" => Value::Nothing,
                "true" => Value::Truth(true),
                "false" => Value::Truth(false),
                number => Value::Number(number.to_owned()),
            },
        };
        Ok(Node { line, value })
    }

    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Whether the next sign is this one, which is then passed.
    fn passes(&mut self, sign: u8) -> bool {
        let found = self.peek() == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> &str {
        let rest = &self.text[self.at..];
        let word = &rest[..rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn string(&mut self) -> Result<String, Fault> {
        let mut parts = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<String>();
        let text = parts.next().and_then(Result::ok).ok_or_else(|| Fault::new("not JSON: a text is expected"))?;
        self.at += parts.byte_offset();
        Ok(text)
    }

    fn list(&mut self) -> Result<Value, Fault> {
        let mut items = Vec::new();
        self.at += 1;
        while !self.passes(b']') {
            items.push(self.node().map_err(|fault| fault.inside(&format!("[{}]", items.len())))?);
            self.passes(b',');
        }
        Ok(Value::List(items))
    }

    fn table(&mut self) -> Result<Value, Fault> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        self.at += 1;
        while !self.passes(b'}') {
            let line = self.lines.at(self.at);
            let key = self.string()?;
            self.passes(b':');
            let node = self.node().map_err(|fault| fault.inside(&key))?;
            if !seen.insert(key.clone()) {
                return Err(Fault::at(key, "found twice, allowed once").on_line(line));
            }
            entries.push((key, node));
            self.passes(b',');
        }
        Ok(Value::Table(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, Value, from_json, from_toml};

    fn shape(node: &Node) -> String {
        match &node.value {
            Value::Nothing => "null".to_owned(),
            Value::Truth(truth) => truth.to_string(),
            Value::Number(text) => text.clone(),
            Value::Text(text) => format!("{text:?}"),
            Value::List(items) => format!("{:?}", items.iter().map(shape).collect::<Vec<_>>()),
            Value::Table(entries) => entries.iter().map(|(key, node)| format!("{key}={};", shape(node))).collect(),
        }
    }

    #[test]
    fn both_formats_keep_numbers_as_written_and_know_lines() {
        let json = from_json("{\"a\": [1.10, true],\n \"b\": {\"c\":\"x\\u00e9,}\"}}").unwrap();
        let toml = from_toml("a = [1.10, true]\nb.c = \"xé,}\"").unwrap();
        assert_eq!(shape(&json), shape(&toml));
        assert_eq!((json.line_of("a[0]"), json.line_of("b.c"), json.line_of("b.nothing")), (1, 2, 2));
        assert_eq!((toml.line_of("a[1]"), toml.line_of("b.c"), toml.line_of("nowhere")), (1, 2, 1));
    }

    #[test]
    fn what_is_not_well_formed_is_refused_with_its_line() {
        assert_eq!(from_toml("a = 1\nb = = 2").unwrap_err().line, Some(2));
        assert_eq!(from_toml("a = 1\na = 2").unwrap_err().line, Some(2));
        assert_eq!(from_json("{\"a\": 1,\n\"a\": 2}").unwrap_err().line, Some(2));
        assert_eq!(from_json("{\"a\": 1,\n2}").unwrap_err().line, Some(2));
        assert!(from_json(&"[".repeat(100_000)).is_err());
        assert!(from_toml(&format!("a = {}", "[".repeat(100_000))).is_err());
    }
}

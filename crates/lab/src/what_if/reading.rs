//! Decides how a tree of values becomes the document's own types, and where in the tree a mistake is.

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::decimal::NUMBER;
use super::fault::Fault;
use super::tree::{Node, Value};

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, allowed: &dyn Expected) -> Self {
        Self::new(format!("found {}, allowed {allowed}", shortened(&found.to_string())))
    }

    fn invalid_value(found: Unexpected<'_>, allowed: &dyn Expected) -> Self {
        Self::invalid_type(found, allowed)
    }

    fn unknown_variant(found: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(format!("found `{}`, allowed {}", shortened(found), list(allowed)))
    }

    fn unknown_field(found: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(format!("unknown field: `{}`", shortened(found))).hint(format!("fields here are {}", list(allowed)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::at(field, "missing")
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A name as it may be repeated in a message: a hostile one is cut.
pub(super) fn shortened(name: &str) -> String {
    let start: String = name.chars().take(40).collect();
    if start.len() < name.len() { format!("{start}…") } else { start }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = match &self.value {
            Value::Nothing => visitor.visit_unit(),
            Value::Truth(truth) => visitor.visit_bool(*truth),
            Value::Number(text) => match text.parse() {
                Ok(whole) => visitor.visit_i64(whole),
                Err(_) => Err(de::Error::invalid_type(Unexpected::Other(&format!("number {text}")), &visitor)),
            },
            Value::Text(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(Items { items, at: 0 }),
            Value::Table(entries) => visitor.visit_map(Entries { entries, at: 0 }),
        };
        value.map_err(|fault| fault.on_line(self.line))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Number(text) | Value::Text(text) if name == NUMBER => {
                visitor.visit_str(text).map_err(|fault: Fault| fault.on_line(self.line))
            }
            _ if name == NUMBER => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        allowed: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Value::Text(text) = &self.value else {
            return Err(Fault::new(format!("allowed {}", list(allowed))).on_line(self.line));
        };
        let text: StrDeserializer<'_, Fault> = text.as_str().into_deserializer();
        visitor.visit_enum(text).map_err(|fault| fault.on_line(self.line))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de> {
    items: &'de [Node],
    at: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(item) = self.items.get(self.at) else { return Ok(None) };
        let outer = format!("[{}]", self.at);
        self.at += 1;
        seed.deserialize(item).map(Some).map_err(|fault| fault.on_line(item.line).inside(&outer))
    }
}

struct Entries<'de> {
    entries: &'de [(String, Node)],
    at: usize,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, node)) = self.entries.get(self.at) else { return Ok(None) };
        let key: StrDeserializer<'_, Fault> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|fault| fault.on_line(node.line))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, node) = self.entries.get(self.at).expect("a key was read before its value");
        self.at += 1;
        seed.deserialize(node).map_err(|fault| fault.on_line(node.line).inside(key))
    }
}

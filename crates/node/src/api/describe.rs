//! What the OpenAPI document says beyond the handlers' own words: limits that are everybody's, the bounds of whole numbers.

use serde_json::{Map, Value, json};

/// The document as it is served.
pub(super) fn finished(mut document: Value) -> Value {
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut).for_each(add_limits);
    }
    refine(&mut document);
    document.pointer_mut(KINDS).and_then(Value::as_array_mut).into_iter().flatten().for_each(close);
    document
}

/// A request's kinds. Each refuses fields that it does not know, which the derived schema of an enum leaves out.
const KINDS: &str = "/components/schemas/OwnerRequest/oneOf";

fn close(kind: &mut Value) {
    if let Some(fields) = kind.as_object_mut() {
        fields.insert("additionalProperties".into(), json!(false));
    }
}

/// Every operation may be turned away for the share of its address.
fn add_limits(operation: &mut Value) {
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, description) in [("429", "too many requests of this address"), ("503", "busy: nothing was done")] {
        let failure = json!({ "schema": { "$ref": "#/components/schemas/Failure" } });
        let told = json!({ "description": description, "content": { "application/json": failure } });
        responses.entry(status).or_insert(told);
    }
}

/// Names the bounds that a width means.
fn refine(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        if let Some((format, most)) = width_of(fields) {
            if let Some(format) = format {
                fields.insert("format".into(), json!(format));
            }
            fields.entry("maximum").or_insert(json!(most));
        }
        fields.values_mut().for_each(refine);
    } else if let Some(entries) = value.as_array_mut() {
        entries.iter_mut().for_each(refine);
    }
}

/// The name of an unsigned width in the registry of formats, and its largest value. Counts have no name.
fn width_of(schema: &Map<String, Value>) -> Option<(Option<&'static str>, u64)> {
    match schema.get("format").and_then(Value::as_str) {
        Some("uint8" | "u-int8") => Some((Some("uint8"), u8::MAX.into())),
        Some("uint16" | "u-int16") => Some((Some("uint16"), u16::MAX.into())),
        Some("uint32" | "u-int32") => Some((Some("uint32"), u32::MAX.into())),
        Some("uint64" | "u-int64") => Some((Some("uint64"), u64::MAX)),
        None if schema.get("type")? == "integer" && schema.get("minimum")? == 0 => Some((None, u64::MAX)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::finished;
    use serde_json::json;

    #[test]
    fn widths_become_bounds() {
        let given = json!({ "components": [
            { "type": "integer", "format": "u-int16", "minimum": 0 },
            { "type": "integer", "format": "uint32", "maximum": 7 },
            { "type": "integer", "minimum": 0 },
        ], "paths": { "/a": { "get": { "responses": { "503": {} } } } } });
        let finished = finished(given);
        let parts = &finished["components"];
        assert_eq!((&parts[0]["maximum"], &parts[1]["maximum"]), (&json!(65_535), &json!(7)));
        assert_eq!((&parts[0]["format"], &parts[2]["maximum"]), (&json!("uint16"), &json!(u64::MAX)));
        let responses = &finished["paths"]["/a"]["get"]["responses"];
        assert_eq!(responses["503"], json!({}), "a handler's own word counts");
        assert!(responses["429"]["content"]["application/json"].is_object());
    }
}

//! Holds a value against a JSON schema, as far as the document uses schemas. A keyword it doesn't know is a failure:
//! nothing passes because nobody looked.

use std::collections::BTreeSet;

use serde_json::Value;

/// Says nothing of a value, or nothing that a test could hold it to.
const WORDS: [&str; 8] =
    ["description", "title", "example", "examples", "default", "deprecated", "readOnly", "writeOnly"];

/// The document that references point into.
pub struct Schemas<'document>(pub &'document Value);

impl Schemas<'_> {
    /// What a schema that may be a reference says.
    fn resolve<'schema>(&'schema self, schema: &'schema Value) -> &'schema Value {
        match schema["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').expect("references stay in the document");
                self.resolve(self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} points nowhere")))
            }
            None => schema,
        }
    }

    /// All that is wrong with `value` under `schema`, each with its place.
    pub fn check(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        self.walk(schema, value, "body", &mut wrong);
        self.closed(schema, value, "body", &mut wrong);
        wrong
    }

    fn walk(&self, schema: &Value, value: &Value, place: &str, wrong: &mut Vec<String>) {
        if let Some(allowed) = schema.as_bool() {
            if !allowed {
                wrong.push(format!("{place} may not be there"));
            }
            return;
        }
        let members = schema.as_object().unwrap_or_else(|| panic!("{place}: no schema: {schema}"));
        for (keyword, says) in members {
            if let Some(problem) = self.keyword(schema, keyword, says, value, place, wrong) {
                wrong.push(format!("{place} {problem}: {value}"));
            }
        }
    }

    /// What is wrong by one keyword; what lies deeper is added to `wrong`.
    fn keyword(
        &self,
        schema: &Value,
        keyword: &str,
        says: &Value,
        value: &Value,
        place: &str,
        wrong: &mut Vec<String>,
    ) -> Option<String> {
        let length = || value.as_str().map(|text| text.chars().count() as u64);
        let most = |at: Option<u64>| at.is_some_and(|at| at > says.as_u64().expect("a number"));
        let least = |at: Option<u64>| at.is_some_and(|at| at < says.as_u64().expect("a number"));
        let items = || value.as_array().map(|items| items.len() as u64);
        match keyword {
            "$ref" => self.walk(self.resolve(schema), value, place, wrong),
            "type" => return (!is_of(says, value)).then(|| format!("isn't of the type {says}")),
            "enum" => return (!list(says).contains(value)).then(|| format!("isn't one of {says}")),
            "const" => return (says != value).then(|| format!("isn't {says}")),
            "format" => return wrong_format(says.as_str().expect("a name"), value),
            "pattern" => return wrong_pattern(says.as_str().expect("a pattern"), value),
            "minLength" => return least(length()).then(|| format!("is shorter than {says}")),
            "maxLength" => return most(length()).then(|| format!("is longer than {says}")),
            "minItems" => return least(items()).then(|| format!("has fewer than {says}")),
            "maxItems" => return most(items()).then(|| format!("has more than {says}")),
            "minimum" => {
                let low = value.as_f64().is_some_and(|number| number < says.as_f64().expect("a number"));
                return low.then(|| format!("is below {says}"));
            }
            "maximum" => {
                let high = value.as_f64().is_some_and(|number| number > says.as_f64().expect("a number"));
                return high.then(|| format!("is above {says}"));
            }
            "required" if value.is_object() => {
                let missing =
                    list(says).iter().find(|name| value.get(name.as_str().expect("a name")).is_none());
                return missing.map(|name| format!("lacks {name}"));
            }
            "properties" => {
                for (name, schema) in says.as_object().expect("schemas by name") {
                    if let Some(value) = value.get(name) {
                        self.walk(schema, value, &format!("{place}.{name}"), wrong);
                    }
                }
            }
            "items" => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.walk(says, item, &format!("{place}[{at}]"), wrong);
                }
            }
            "allOf" => list(says).iter().for_each(|schema| self.walk(schema, value, place, wrong)),
            "oneOf" | "anyOf" => {
                let fits = |schema: &&Value| {
                    let mut wrong = Vec::new();
                    self.walk(schema, value, place, &mut wrong);
                    wrong.is_empty()
                };
                let count = list(says).iter().filter(fits).count();
                let good = count == 1 || (keyword == "anyOf" && count > 1);
                return (!good).then(|| format!("fits {count} of {keyword}"));
            }
            // Members that no schema names are looked for once all schemas of a value are known.
            "required" | "additionalProperties" | "propertyNames" => {}
            known if WORDS.contains(&known) => {}
            unknown => panic!("{place}: the validator doesn't know the keyword {unknown}"),
        }
        None
    }

    /// Finds members that no schema of the value names: a reply shows nothing that isn't documented.
    fn closed(&self, schema: &Value, value: &Value, place: &str, wrong: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                let mut known = Vec::new();
                if self.is_open(schema, &mut known) {
                    return;
                }
                let names: BTreeSet<_> = known.iter().map(|(name, _)| name.as_str()).collect();
                for (name, value) in members {
                    if !names.contains(name.as_str()) {
                        wrong.push(format!("{place}.{name} isn't documented"));
                    }
                    for (_, schema) in known.iter().filter(|(known, _)| known == name) {
                        self.closed(schema, value, &format!("{place}.{name}"), wrong);
                    }
                }
            }
            Value::Array(items) => {
                let schema = self.resolve(schema);
                for (at, item) in items.iter().enumerate() {
                    self.closed(&schema["items"], item, &format!("{place}[{at}]"), wrong);
                }
            }
            _ => {}
        }
    }

    /// Gathers the members that a schema and its parts name; whether it leaves room for any other, by name.
    fn is_open(&self, schema: &Value, known: &mut Vec<(String, Value)>) -> bool {
        let schema = self.resolve(schema);
        let properties = schema["properties"].as_object().into_iter().flatten();
        known.extend(properties.map(|(name, schema)| (name.clone(), schema.clone())));
        let parts = ["allOf", "oneOf", "anyOf"];
        let inside = parts
            .iter()
            .flat_map(|part| schema[*part].as_array().into_iter().flatten())
            .any(|part| self.is_open(part, known));
        let map = schema["additionalProperties"].is_object() || schema["additionalProperties"] == true;
        // A schema that says nothing at all (of OpenAPI's own document) is for anything.
        let silent =
            schema.as_object().is_none_or(|says| says.keys().all(|key| WORDS.contains(&key.as_str())));
        inside || map || silent || (schema["type"] == "object" && schema.get("properties").is_none())
    }
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn is_of(says: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no such type: {other}"),
    };
    match says {
        Value::String(name) => is(name),
        says => list(says).iter().any(|name| is(name.as_str().expect("a type's name"))),
    }
}

fn wrong_format(name: &str, value: &Value) -> Option<String> {
    let good = match (name, value.as_str()) {
        ("int32", _) => value.as_i64().is_none_or(|number| i32::try_from(number).is_ok()),
        ("int64" | "double" | "float" | "password", _) | (_, None) => true,
        ("date-time", Some(text)) => text.parse::<jiff::Timestamp>().is_ok(),
        ("uuid", Some(text)) => {
            let part = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let parts: Vec<_> = text.split('-').collect();
            parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.into_iter().all(part)
        }
        ("uri" | "uri-reference", Some(text)) => !text.contains(' '),
        ("email", Some(text)) => text.is_empty() || text.contains('@'),
        (other, Some(_)) => panic!("the validator doesn't know the format {other}"),
    };
    (!good).then(|| format!("isn't of the format {name}"))
}

fn wrong_pattern(pattern: &str, value: &Value) -> Option<String> {
    let regex = regex_lite::Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let text = value.as_str()?;
    (!regex.is_match(text)).then(|| format!("doesn't match {pattern}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Schemas;

    #[test]
    fn every_kind_of_wrong_is_seen() {
        let document = json!({ "components": { "schemas": { "One": {
            "type": "object", "required": ["id"],
            "properties": { "id": { "type": "string", "pattern": "^[a-z]+$", "maxLength": 3 },
                            "at": { "type": ["string", "null"], "format": "date-time" } },
        } } } });
        let schemas = Schemas(&document);
        let schema = json!({ "allOf": [
            { "$ref": "#/components/schemas/One" },
            { "type": "object", "properties": { "count": { "type": "integer", "minimum": 1 } } },
        ] });
        let wrong = |value: serde_json::Value| schemas.check(&schema, &value).len();
        assert_eq!(wrong(json!({ "id": "abc", "at": "2027-01-01T00:00:00Z", "count": 1 })), 0);
        assert_eq!(wrong(json!({ "id": "abc", "at": null })), 0);
        for bad in [
            json!({}),
            json!({ "id": 1 }),
            json!({ "id": "ABC" }),
            json!({ "id": "abcd" }),
            json!({ "id": "abc", "at": "yesterday" }),
            json!({ "id": "abc", "count": 0 }),
            json!({ "id": "abc", "count": 1.5 }),
            json!({ "id": "abc", "other": 1 }),
        ] {
            assert_eq!(wrong(bad.clone()), 1, "{bad}");
        }
    }
}

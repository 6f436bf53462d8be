//! Fields of an object, in words.

use serde_json::Value;

use super::{Text, at, text};

/// How many objects within objects are shown.
const DEEPEST: usize = 3;

/// A field, or a parameter.
pub(super) struct Field<'a> {
    /// With the names of what it is in: `member.id`, `keys[].kid`.
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) optional: bool,
    pub(super) about: Text<'a>,
}

/// What a reference stands for, or the schema itself.
pub(super) fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target = text(at(schema, "/$ref")).strip_prefix('#');
    target
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(schema)
}

/// The fields of a body, those of objects in it too.
pub(super) fn fields<'a>(document: &'a Value, schema: &'a Value) -> Vec<Field<'a>> {
    let mut all = Vec::new();
    collect(document, schema, "", &mut all);
    all
}

fn collect<'a>(document: &'a Value, schema: &'a Value, within: &str, all: &mut Vec<Field<'a>>) {
    // What is in itself has no end.
    if within.matches('.').count() > DEEPEST {
        return;
    }
    let schema = resolved(document, schema);
    let required = at(schema, "/required")
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    for (name, property) in at(schema, "/properties").as_object().into_iter().flatten() {
        let path = format!("{within}{name}");
        let item = at(property, "/items");
        let object = [property, item]
            .map(|inner| resolved(document, inner))
            .into_iter()
            .find(|inner| at(inner, "/properties").is_object());
        let Some(object) = object else {
            let property = resolved(document, property);
            all.push(Field {
                kind: kind(property),
                optional: !required.iter().any(|needed| needed == name),
                about: Text::of(text(at(property, "/description"))),
                name: path,
            });
            continue;
        };
        let brackets = if item.is_object() { "[]" } else { "" };
        collect(document, object, &format!("{path}{brackets}."), all);
    }
}

/// The parameters of an operation.
pub(super) fn parameters(operation: &Value) -> Vec<Field<'_>> {
    let parameters = at(operation, "/parameters")
        .as_array()
        .into_iter()
        .flatten();
    parameters
        .map(|parameter| Field {
            name: text(at(parameter, "/name")).to_owned(),
            kind: text(at(parameter, "/in")).to_owned(),
            optional: at(parameter, "/required") != true,
            about: Text::of(text(at(parameter, "/description"))),
        })
        .collect()
}

/// `string or null, uuid`
fn kind(schema: &Value) -> String {
    let mut kind = match at(schema, "/type") {
        Value::Array(kinds) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.join(" or ")
        }
        one => text(one).to_owned(),
    };
    if kind == "array" {
        kind = format!("array of {}", text(at(schema, "/items/type")));
    }
    match text(at(schema, "/format")) {
        "" | "int64" | "int32" => kind,
        format => format!("{kind}, {format}"),
    }
}

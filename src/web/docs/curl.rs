//! An operation as a command that can be tried.

use serde_json::{Map, Value};

use super::schema::resolved;
use super::{at, text};

/// One command for each way to show who asks.
pub(super) fn commands(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let server = text(at(document, "/servers/0/url"));
    let address = format!("{server}{}{}", filled(path, operation), query(operation));
    let none = [Value::Object(Map::new())];
    let ways = at(operation, "/security")
        .as_array()
        .map_or(&none[..], Vec::as_slice);
    let commands = ways.iter().map(|way| {
        let mut parts = vec![match method {
            "GET" => format!("curl {}", quoted(&address)),
            _ => format!("curl -X {method} {}", quoted(&address)),
        }];
        let shown = way.as_object().into_iter().flat_map(Map::keys);
        let shown: Vec<&String> = shown.collect();
        parts.extend(shown.iter().map(|scheme| shows(document, scheme)));
        // Where one may also ask without showing anything, the body says who it is.
        let nothing = |way: &Value| way.as_object().is_some_and(Map::is_empty);
        let instead = ways.iter().any(nothing) && !shown.is_empty();
        if !instead {
            parts.extend(sends(document, operation));
        }
        parts.join(" \\\n  ")
    });
    commands.collect::<Vec<_>>().join("\n\n")
}

/// The examples of an operation's parameters, by name.
fn parameters<'a>(
    operation: &'a Value,
    place: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let all = at(operation, "/parameters").as_array();
    let here = all.into_iter().flatten();
    let here = here.filter(move |parameter| at(parameter, "/in") == place);
    here.filter_map(|parameter| {
        let example = at(parameter, "/example").as_str()?;
        Some((text(at(parameter, "/name")), example))
    })
}

fn filled(path: &str, operation: &Value) -> String {
    parameters(operation, "path").fold(path.to_owned(), |path, (name, example)| {
        path.replace(&format!("{{{name}}}"), example)
    })
}

fn query(operation: &Value) -> String {
    let pairs = parameters(operation, "query").map(|(name, example)| format!("{name}={example}"));
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() {
        return String::new();
    }
    format!("?{}", pairs.join("&"))
}

/// The header that shows who asks; its value is the reader's.
fn shows(document: &Value, scheme: &str) -> String {
    let described = at(document, &format!("/components/securitySchemes/{scheme}"));
    let upper = |name: &str| {
        let mut variable = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() {
                variable.push('_');
            }
            variable.push(letter.to_ascii_uppercase());
        }
        variable
    };
    let value = format!("${}", upper(scheme));
    match text(at(described, "/in")) {
        "cookie" => format!("-H \"Cookie: {}={value}\"", text(at(described, "/name"))),
        _ => format!("-H \"Authorization: Bearer {value}\""),
    }
}

/// The type of the body, and the body.
fn sends(document: &Value, operation: &Value) -> Vec<String> {
    let content = at(operation, "/requestBody/content").as_object();
    let Some((kind, content)) = content.and_then(|content| content.iter().next()) else {
        return Vec::new();
    };
    let whole = at(content, "/example");
    let example = if whole.is_null() {
        example(document, at(content, "/schema"))
    } else {
        whole.clone()
    };
    if kind != "application/x-www-form-urlencoded" {
        let header = quoted(&format!("Content-Type: {kind}"));
        return vec![
            format!("-H {header}"),
            format!("-d {}", quoted(&example.to_string())),
        ];
    }
    let fields = example.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| {
            let field = format!("{name}={}", text(value));
            format!("--data-urlencode {}", quoted(&field))
        })
        .collect()
}

/// A body with the fields that it must have, as their examples make it.
fn example(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    let required = at(schema, "/required").as_array();
    let is_required = |name: &str| required.is_some_and(|list| list.iter().any(|one| one == name));
    let properties = at(schema, "/properties").as_object().into_iter().flatten();
    let properties = properties.filter(|(name, _)| is_required(name));
    let fields = properties.map(|(name, property)| {
        let example = property.get("example").cloned();
        (name.clone(), example.unwrap_or_else(|| "…".into()))
    });
    Value::Object(fields.collect())
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

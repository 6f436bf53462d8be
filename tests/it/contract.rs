//! What Kakao answers, written down once in `tests/fixtures/kakao`, held against both who give
//! such answers (the emulator) and who read them (the client), so that no misreading hides in
//! the two of them agreeing.

mod client;
mod emulator;
mod foreign;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kakao")
}

/// The text of `name.json`.
fn fixture(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.json"))).expect(name)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

/// Every fixture whose name starts so.
fn fixtures(start: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let names = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned));
    let mut names: Vec<_> = names.filter(|name| name.starts_with(start)).collect();
    names.sort_unstable();
    assert!(!names.is_empty(), "{start}");
    names
}

/// The path of every value in an answer, and what kind of JSON it is.
fn shape(value: &Value) -> BTreeMap<String, &'static str> {
    let mut shape = BTreeMap::new();
    describe(value, "", &mut shape);
    shape
}

fn describe(value: &Value, path: &str, shape: &mut BTreeMap<String, &'static str>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "fraction",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(fields) => {
            for (name, value) in fields {
                describe(value, &format!("{path}.{name}"), shape);
            }
            "object"
        }
    };
    shape.insert(path.to_owned(), kind);
}

//! The API's document as a contract: whatever a story is answered must be in it.

use std::collections::HashMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use kakao_gate::config::PublicUrl;
use kakao_gate::web::Document;
use reqwest::Method;
use serde_json::{Value, json};

use super::page::Page;

/// A response header that is there only sometimes, as its description says.
const SOMETIMES: &str = "X-Auth-Redirect";

/// Holds an answer to the document, if it is from an address for programs. The path may have a
/// query, or be a whole address.
pub fn hold(method: &Method, path: &str, page: &Page) {
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => path,
    };
    let path = path.split(['?', '#']).next().unwrap();
    // What a browser asks before it asks is no operation.
    let is_preflight = method == Method::OPTIONS && [204, 403].contains(&page.status);
    // A path is what it means, however it is spelled.
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    if covers(&path) && !is_preflight {
        contract().hold(method, &path, page);
    }
}

/// Whether the document is about this path.
pub fn covers(path: &str) -> bool {
    let is_of_it = |prefix: &&str| path.starts_with(*prefix);
    ["/api/", "/.well-known/"].iter().any(is_of_it)
        || ["/openapi.json", "/forward-auth"].contains(&path)
}

/// The contract of the program that is tested.
pub fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let url = PublicUrl::parse("https://login.example.com").unwrap();
        Contract::new(Document::new(&url, "__Host-kg-session").text())
    })
}

/// The document, ready to compare with.
pub struct Contract {
    pub document: Value,
    /// By operation, status and type.
    bodies: HashMap<(String, u16, String), Validator>,
}

/// One method at one path.
pub struct Operation<'a> {
    pub path: &'a str,
    pub method: Method,
    pub value: &'a Value,
}

impl<'a> Operation<'a> {
    pub fn id(&self) -> &str {
        self.value["operationId"].as_str().expect("an operationId")
    }

    /// The codes of problems that it names.
    pub fn codes(&self) -> Vec<&'a str> {
        let answers = self.value["responses"].as_object().unwrap().values();
        let schemas = answers.flat_map(|answer| {
            let schema = &answer["content"]["application/problem+json"]["schema"]["allOf"][1];
            schema["properties"]["code"]["enum"].as_array()
        });
        schemas
            .flatten()
            .map(|code| code.as_str().unwrap())
            .collect()
    }
}

impl Contract {
    pub fn new(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).unwrap();
        let mut components = document["components"].clone();
        // What is not written there must not be told.
        for (_, schema) in components["schemas"].as_object_mut().unwrap() {
            if schema["properties"].is_object() && schema["additionalProperties"].is_null() {
                schema["additionalProperties"] = json!(false);
            }
        }
        let mut contract = Self {
            document,
            bodies: HashMap::new(),
        };
        let mut bodies = HashMap::new();
        for operation in contract.operations() {
            for (status, answer) in operation.value["responses"].as_object().unwrap() {
                let status = status.parse().expect("each status by itself");
                let contents = answer["content"].as_object();
                for (kind, content) in contents.into_iter().flatten() {
                    let root = json!({ "allOf": [content["schema"]], "components": components });
                    let options = jsonschema::options().should_validate_formats(true);
                    let validator = options.build(&root).unwrap();
                    bodies.insert((operation.id().to_owned(), status, kind.clone()), validator);
                }
            }
        }
        contract.bodies = bodies;
        contract
    }

    pub fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, item) in self.document["paths"].as_object().unwrap() {
            for (method, value) in item.as_object().unwrap() {
                let method = method.to_uppercase().parse().unwrap();
                operations.push(Operation {
                    path,
                    method,
                    value,
                });
            }
        }
        operations
    }

    fn hold(&self, method: &Method, path: &str, page: &Page) {
        let what = format!("{method} {path}: {} {}", page.status, page.body);
        let mut here = self.operations();
        here.retain(|operation| fits(operation.path, path));
        // The very path comes before a pattern that it fits, too.
        if here.iter().any(|operation| operation.path == path) {
            here.retain(|operation| operation.path == path);
        }
        // A method that nobody knows may be refused at the door.
        if here.is_empty() {
            assert_eq!(page.status, 404, "{what}");
            return self.is_problem(page, "not_found", &what);
        }
        let asked = if method == Method::HEAD {
            Method::GET
        } else {
            method.clone()
        };
        let Some(operation) = here.iter().find(|operation| operation.method == asked) else {
            assert_eq!(page.status, 405, "{what}");
            assert!(!page.header("allow").is_empty(), "{what}");
            if !path.starts_with("/forward-auth") {
                self.is_problem(page, "method_not_allowed", &what);
            }
            return;
        };
        let answer = &operation.value["responses"][page.status.to_string()];
        assert!(answer.is_object(), "an undocumented status: {what}");
        for name in answer["headers"].as_object().into_iter().flatten() {
            let is_there = page.headers.contains_key(name.0);
            assert!(is_there || name.0 == SOMETIMES, "no {}: {what}", name.0);
        }
        let kind = page.header("content-type").split(';').next().unwrap();
        if method == Method::HEAD || answer["content"].is_null() {
            assert_eq!(page.body, "", "{what}");
            return;
        }
        let key = (operation.id().to_owned(), page.status, kind.to_owned());
        let schema = self.bodies.get(&key);
        let schema = schema.unwrap_or_else(|| panic!("an undocumented {kind:?}: {what}"));
        if !kind.ends_with("json") {
            return;
        }
        let body: Value = serde_json::from_str(&page.body).expect(&what);
        let wrong: Vec<String> = schema
            .iter_errors(&body)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}: {what}");
        if kind == "application/problem+json" {
            assert_eq!(body["status"], page.status, "{what}");
        }
    }

    fn is_problem(&self, page: &Page, code: &str, what: &str) {
        if page.body.is_empty() {
            return;
        }
        assert_eq!(
            page.header("content-type"),
            "application/problem+json",
            "{what}"
        );
        let body: Value = serde_json::from_str(&page.body).expect(what);
        assert_eq!(body["code"], code, "{what}");
    }
}

/// Whether a path fits a pattern such as `/members/{id}`.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(found)) if part == found || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

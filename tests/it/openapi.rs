//! The API's document: it is valid, whole and true.

mod fuzz;
mod pages;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};

use kakao_gate::web::{bare_table, table};
use roas::v3_1::spec::Spec;
use roas::validation::{Options, Validate as _};
use serde_json::Value;

use crate::stage::Stage;
use crate::stage::contract::{contract, covers};

// AP-3
#[test]
fn anybody_reads_the_document_and_may_keep_it_for_a_while() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let page = visitor.get("/openapi.json").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "application/json");
        assert!(page.header("cache-control").contains("max-age="));
        assert!(page.headers.get("set-cookie").is_none());
        let document: Value = serde_json::from_str(&page.body).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["servers"][0]["url"], app.url);
        assert_eq!(
            document["components"]["securitySchemes"]["session"]["name"],
            "kg-session"
        );
        let head = visitor.head("/openapi.json").await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        for (path, status, code) in [
            ("/.well-known/nothing", 404, "not_found"),
            ("/api/v1", 404, "not_found"),
        ] {
            if covers(path) {
                let page = visitor.get(path).await;
                let body: Value = serde_json::from_str(&page.body).unwrap();
                assert_eq!((page.status, &body["code"]), (status, &Value::from(code)));
            }
        }
        let page = visitor.post("/openapi.json", &[]).await;
        assert_eq!((page.status, page.header("allow")), (405, "GET, HEAD"));
        assert_eq!(page.header("content-type"), "application/problem+json");
    });
}

#[test]
fn the_document_is_valid_as_openapi_has_it() {
    let text = contract().document.to_string();
    let spec: Spec = serde_json::from_str(&text).unwrap();
    spec.validate(Options::new(), None).unwrap();
    // Whoever takes it for a schema of JSON finds one for every name.
    for (name, _) in contract().document["components"]["schemas"]
        .as_object()
        .unwrap()
    {
        assert!(
            text.contains(&format!("#/components/schemas/{name}\"")),
            "{name} is unused"
        );
    }
}

// AP-3
#[test]
fn every_address_for_programs_is_in_the_document_with_its_methods_and_no_other_is() {
    let mut documented: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for operation in contract().operations() {
        let methods = documented.entry(operation.path).or_default();
        // HEAD goes with GET, and the document says so.
        if operation.method == "GET" {
            methods.insert("HEAD".to_owned());
        }
        methods.insert(operation.method.to_string());
    }
    let tables = [table(), bare_table()].into_iter().flatten();
    let answered: BTreeMap<&str, BTreeSet<String>> = tables
        .filter(|address| covers(address.path))
        .map(|address| {
            let methods = address.allow();
            let methods = methods.split(", ").map(str::to_owned).collect();
            (address.path, methods)
        })
        .collect();
    assert!(answered.len() >= 9);
    assert_eq!(documented, answered);
}

// AP-3
#[test]
fn every_code_is_named_by_an_operation_or_told_of_addresses_that_are_not_there() {
    let contract = contract();
    let all = &contract.document["components"]["schemas"]["ProblemCode"]["enum"];
    let all: BTreeSet<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap())
        .collect();
    let mut named = BTreeSet::from(["not_found", "method_not_allowed"]);
    for code in named.clone() {
        let about = contract.document["info"]["description"].as_str().unwrap();
        assert!(about.contains(&format!("`{code}`")), "{code}");
    }
    for operation in contract.operations() {
        named.extend(operation.codes());
        let problems = operation.path != "/forward-auth";
        assert_eq!(
            operation.codes().contains(&"server"),
            problems,
            "{}",
            operation.path
        );
    }
    assert!(all.len() >= 20);
    assert_eq!(named, all);
}

#[test]
fn every_operation_is_described_for_people() {
    let mut ids = BTreeSet::new();
    for operation in contract().operations() {
        assert!(
            ids.insert(operation.id().to_owned()),
            "{} twice",
            operation.id()
        );
        for part in ["summary", "description"] {
            let text = operation.value[part].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{} has no {part}", operation.id());
        }
        assert_eq!(operation.value["tags"].as_array().unwrap().len(), 1);
        // A body, too, has an example: the page shows it.
        let contents = operation.value["requestBody"]["content"].as_object();
        for (kind, content) in contents.into_iter().flatten() {
            assert!(content["schema"].is_object(), "{} {kind}", operation.id());
        }
    }
}

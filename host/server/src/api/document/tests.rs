//! The document is that of this server: its routes, its refusals, its records.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use http::Method;
use serde_json::Value;

use super::{document, routes};

fn whole() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// Every operation of the document, with its path and method.
fn operations() -> Vec<(String, Method, Value)> {
    let mut all = Vec::new();
    for (path, item) in whole()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            all.push((path.clone(), method, operation.clone()));
        }
    }
    all
}

/// Every value under this name, wherever it stands.
fn under<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                if member == name {
                    found.push(value);
                }
                under(value, name, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| under(item, name, found)),
        _ => {}
    }
}

#[test]
fn every_route_is_in_the_document_and_nothing_else_is() {
    let sorted = |routes: Vec<(String, Method)>| -> BTreeSet<String> {
        routes.into_iter().map(|(path, method)| format!("{path} {method}")).collect()
    };
    let documented = sorted(operations().into_iter().map(|(path, method, _)| (path, method)).collect());
    let routes = sorted(routes().collect());
    assert_eq!(documented, routes);
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_is_and_gives() {
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations() {
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        for (status, answer) in answers {
            assert!(!answer["description"].as_str().unwrap().is_empty(), "{method} {path} {status}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(!parameter["description"].as_str().unwrap().is_empty(), "{method} {path} {parameter}");
        }
        let parts = path.matches('{').count();
        let named = operation["parameters"].as_array().into_iter().flatten();
        assert_eq!(named.filter(|parameter| parameter["in"] == "path").count(), parts, "{method} {path}");
    }
}

#[test]
fn a_parameter_of_a_query_may_be_empty_and_a_head_too_large() {
    for (path, method, operation) in operations() {
        for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query") {
            assert_eq!(parameter["allowEmptyValue"], true, "{method} {path} {parameter}");
        }
        assert!(operation["responses"].get("431").is_some(), "{method} {path}");
    }
}

#[test]
fn a_guarded_operation_says_what_it_needs_and_how_it_is_refused() {
    for (path, method, operation) in operations().into_iter().filter(|(path, ..)| path.starts_with("/v1/")) {
        if path == "/v1/live" {
            continue;
        }
        assert_eq!(operation["security"], serde_json::json!([{ "bearer": [] }, { "session": [] }]), "{method} {path}");
        assert!(operation["responses"].get("401").is_some(), "{method} {path}");
        assert_eq!(operation["responses"].get("403").is_none(), path == "/v1/self", "{method} {path}");
    }
}

#[test]
fn every_name_that_is_referred_to_is_there_and_none_is_there_for_nothing() {
    let document = whole();
    let mut references = Vec::new();
    under(&document, "$ref", &mut references);
    let referred: BTreeSet<&str> =
        references.iter().filter_map(|name| name.as_str()?.strip_prefix("#/components/schemas/")).collect();
    let known = document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    // An import refuses by itself an item that breaks a rule, so its schema is named in words.
    assert_eq!(referred, known);
}

/// The codes of problems in the document.
fn documented_codes() -> BTreeSet<String> {
    let document = whole();
    let mut codes = Vec::new();
    under(&document["paths"], "code", &mut codes);
    codes
        .iter()
        .filter_map(|code| code["enum"].as_array())
        .flatten()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect()
}

/// The Rust files below a folder that are no tests.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "tests" && name != "document" {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(path).unwrap();
            found.push(text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned());
        }
    }
}

#[test]
fn every_code_of_a_problem_is_in_the_code_and_every_one_in_the_code_is_documented() {
    let mut texts = Vec::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources(&source.join("api"), &mut texts);
    // An order to load policies is told of by its code after its request is over, too.
    texts.push(std::fs::read_to_string(source.join("policy_files.rs")).unwrap());
    let documented = documented_codes();
    for code in &documented {
        assert!(texts.iter().any(|text| text.contains(&format!("\"{code}\""))), "{code} is in no source");
    }
    // How problems are made: with their code in the first place, or behind their kind.
    let mut made = BTreeSet::new();
    for text in &texts {
        for (at, maker) in ["Problem::field(", "Problem::new("].iter().flat_map(|maker| text.match_indices(*maker)) {
            let arguments = &text[at + maker.len()..];
            let place = arguments.find('"').filter(|place| *place < 60);
            let Some(code) = place.and_then(|place| arguments[place + 1..].split('"').next()) else { continue };
            if code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
                made.insert(code.to_owned());
            }
        }
    }
    assert!(made.len() > 20, "{made:?}");
    // No operation has a path that is not there, or another method than its own.
    let elsewhere = ["method-not-allowed"];
    let missing: Vec<&String> =
        made.iter().filter(|code| !documented.contains(*code) && !elsewhere.contains(&code.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_code_stands_in_the_page_of_the_api() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/http-api.md")).unwrap();
    let missing: Vec<String> =
        documented_codes().into_iter().filter(|code| !page.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_example_of_a_record_has_the_members_of_a_living_one() {
    let document = whole();
    let schema = &document["components"]["schemas"]["RefreshToken"];
    let required: BTreeSet<&str> =
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let example = super::components::example_record();
    let shown: BTreeSet<&str> = example.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(shown, required);
}

#[test]
fn it_says_its_version_and_that_of_the_standard() {
    let document = whole();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

//! The document as people read it: the operations under their tags, each with what it takes and gives, and the named schemas.

use serde::Serialize;
use serde_json::{Map, Value};

/// The whole of it.
#[derive(Serialize)]
pub(crate) struct Outline {
    about: Vec<String>,
    groups: Vec<Group>,
    schemas: Vec<Named>,
}

#[derive(Serialize)]
struct Group {
    name: String,
    says: String,
    operations: Vec<Operation>,
}

#[derive(Serialize)]
struct Operation {
    /// Its name, and the anchor that leads to it.
    id: String,
    /// More than one where a path takes any method.
    methods: Vec<String>,
    path: String,
    summary: String,
    says: String,
    needs: String,
    parameters: Vec<Row>,
    /// Media type and bound of the body.
    body: String,
    members: Vec<Row>,
    example: String,
    answers: Vec<Answer>,
}

/// A parameter, or a member.
#[derive(Serialize)]
struct Row {
    name: String,
    place: String,
    kind: String,
    is_required: bool,
    says: String,
}

#[derive(Serialize)]
struct Answer {
    status: String,
    says: String,
    kind: String,
    codes: String,
    headers: String,
}

#[derive(Serialize)]
struct Named {
    name: String,
    says: String,
    members: Vec<Row>,
}

/// Methods in the order in which a path is read.
const METHODS: [&str; 8] = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];

/// The outline of the document.
pub(crate) fn outline() -> Outline {
    let document = serde_json::to_value(super::document()).unwrap_or_default();
    let paths = document.get("paths").and_then(Value::as_object).cloned().unwrap_or_default();
    let groups = super::TAGS.iter().map(|(name, says)| Group {
        name: (*name).to_owned(),
        says: (*says).to_owned(),
        operations: operations(&paths, name),
    });
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    Outline {
        about: super::ABOUT.split("\n\n").map(str::to_owned).collect(),
        groups: groups.collect(),
        schemas: schemas.iter().map(|(name, schema)| named(name, schema)).collect(),
    }
}

fn operations(paths: &Map<String, Value>, tag: &str) -> Vec<Operation> {
    let mut found: Vec<Operation> = Vec::new();
    for (path, item) in paths {
        for method in METHODS {
            let Some(one) = item.get(method).filter(|one| one.pointer("/tags/0").and_then(Value::as_str) == Some(tag))
            else {
                continue;
            };
            let method = method.to_uppercase();
            let same = |last: &&mut Operation| last.path == *path && last.summary == text(one, "summary");
            match found.last_mut().filter(same) {
                Some(last) => last.methods.push(method),
                None => found.push(operation(path, method, one)),
            }
        }
    }
    found
}

fn operation(path: &str, method: String, one: &Value) -> Operation {
    let body = one.get("requestBody");
    let content =
        body.and_then(|body| body.get("content")).and_then(Value::as_object).and_then(|all| all.iter().next());
    let optional = body.is_some_and(|body| body.get("required") != Some(&Value::Bool(true)));
    Operation {
        id: text(one, "operationId"),
        methods: vec![method],
        path: path.to_owned(),
        summary: text(one, "summary"),
        says: text(one, "description"),
        needs: needs(one),
        parameters: items(one, "parameters").iter().map(parameter).collect(),
        body: content
            .map(|(kind, _)| format!("{kind}{}", if optional { ", may be left out" } else { "" }))
            .unwrap_or_default(),
        members: content.and_then(|(_, content)| content.get("schema")).map(members).unwrap_or_default(),
        example: content.and_then(|(_, content)| content.get("example")).map(pretty).unwrap_or_default(),
        answers: one.get("responses").and_then(Value::as_object).into_iter().flatten().map(answer).collect(),
    }
}

/// What a caller shows.
fn needs(one: &Value) -> String {
    let schemes: Vec<&str> = items(one, "security")
        .iter()
        .map(|scheme| match scheme.as_object().and_then(|scheme| scheme.keys().next()).map(String::as_str) {
            Some(super::BEARER) => "an access token",
            Some(super::BASIC) => "a refresh token as the password of HTTP Basic",
            Some(_) => "a session of the console",
            None => "nothing",
        })
        .collect();
    if schemes.is_empty() { "nothing".to_owned() } else { schemes.join(", or ") }
}

fn parameter(one: &Value) -> Row {
    Row {
        name: text(one, "name"),
        place: text(one, "in"),
        kind: one.get("schema").map(kind).unwrap_or_default(),
        is_required: one.get("required") == Some(&Value::Bool(true)),
        says: text(one, "description"),
    }
}

fn answer((status, one): (&String, &Value)) -> Answer {
    let content = one.get("content").and_then(Value::as_object).and_then(|all| all.iter().next());
    let schema = content.and_then(|(_, content)| content.get("schema"));
    let codes = schema.and_then(|schema| schema.pointer("/allOf/1/properties")).and_then(|properties| {
        properties.get("code").or_else(|| properties.get("error")).map(|codes| words(codes).join(", "))
    });
    let headers = one.get("headers").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str());
    Answer {
        status: status.clone(),
        says: text(one, "description"),
        kind: match (content, codes.is_some()) {
            (None, _) => "no body".to_owned(),
            (Some((media, _)), true) => media.clone(),
            (Some((media, _)), false) => format!("{media}: {}", schema.map(kind).unwrap_or_default()),
        },
        codes: codes.unwrap_or_default(),
        headers: headers.collect::<Vec<_>>().join(", "),
    }
}

fn named(name: &str, schema: &Value) -> Named {
    Named { name: name.to_owned(), says: text(schema, "description"), members: members(schema) }
}

/// The members of an object; of one of several, the members of each.
fn members(schema: &Value) -> Vec<Row> {
    let variants = items(schema, "oneOf");
    if !variants.is_empty() {
        let several = variants.iter().enumerate().flat_map(|(index, variant)| {
            let place = format!("form {}", index.saturating_add(1));
            members(variant).into_iter().map(move |row| Row { place: place.clone(), ..row })
        });
        return several.collect();
    }
    let required: Vec<&str> = items(schema, "required").iter().filter_map(Value::as_str).collect();
    let rows = schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, member)| Row {
        name: name.clone(),
        place: String::new(),
        kind: kind(member),
        is_required: required.contains(&name.as_str()),
        says: text(member, "description"),
    });
    let mut rows: Vec<Row> = rows.collect();
    // What must be there comes first; the order of the alphabet stays otherwise.
    rows.sort_by_key(|row| !row.is_required);
    rows
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    let variants = items(schema, "oneOf");
    if !variants.is_empty() {
        return variants.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let words = words(schema);
    if !words.is_empty() {
        return words.join(" | ");
    }
    let types = match schema.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec!["anything".to_owned()],
    };
    let number = |name: &str| schema.get(name).and_then(Value::as_u64);
    let span = |least: &str, most: &str| match (number(least), number(most)) {
        (None | Some(0), None) => String::new(),
        (Some(least), None) => format!(" from {least}"),
        (least, Some(most)) => format!(" {} to {most}", least.unwrap_or(0)),
    };
    let of = |one: String| match one.as_str() {
        "array" => {
            let most = number("maxItems").map(|most| format!(", at most {most}")).unwrap_or_default();
            format!("list of {}{most}", schema.get("items").map(kind).unwrap_or_default())
        }
        "integer" => format!("integer{}", span("minimum", "maximum")),
        "string" if text(schema, "format") == "date-time" => "time (RFC 3339)".to_owned(),
        "string" => {
            let length = span("minLength", "maxLength");
            if length.is_empty() { one } else { format!("text of{length} characters") }
        }
        _ => one,
    };
    types.into_iter().map(of).collect::<Vec<_>>().join(" or ")
}

/// The words that a schema lists.
fn words(schema: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    items(schema, "enum").iter().map(word).collect()
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

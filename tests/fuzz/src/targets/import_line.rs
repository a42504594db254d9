//! Lines of an import.

use jeton::api::reading::{export_line, import_line, written_moment};
use serde_json::{Value, json};

use crate::{Target, choices::Choices, json::members_of, mutation, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "import-line",
    about: "lines of an import: bytes, and whole ones of any members after damage; what is read is written and read as the same",
    words: &[
        "\"id\":",
        "\"name\":",
        "\"secret_sha256\":",
        "\"ended\":{",
        "\"disabled\":",
        "\"last_use\":",
        "\"expires_at\":null",
        "\"parent\":null",
        "2027-01-31T12:00:00Z",
        "null",
        "true",
        "18446744073709551616",
        "-1",
        "\\ud800",
        "policy",
        "compromised",
    ],
    run,
    short_pass: 20_000,
};

fn run(data: &[u8], reached: &mut Reached) {
    read(data, reached);
    let mut choices = Choices::new(data);
    let mut line = line(&mut choices).into_bytes();
    for _ in 0..choices.below(3) {
        mutation::mutate(&mut choices, &mut line, TARGET.words);
    }
    read(&line, reached);
}

fn read(line: &[u8], reached: &mut Reached) {
    let Some(token) = import_line(line) else { return reached.note("no line") };
    let sent = members_of(line).expect("what is accepted is an object");
    let value = |name: &str| sent.iter().find(|(sent, _)| sent == name).map(|(_, value)| value);
    assert!(sent.iter().enumerate().all(|(place, (name, _))| sent[..place].iter().all(|(before, _)| before != name)));
    for (name, read) in [("id", &token.id), ("name", &token.name), ("created_by", &token.created_by)] {
        assert_eq!(value(name).and_then(Value::as_str), Some(read.as_str()));
    }
    assert!(value("expires_at").is_some(), "never must be said");
    assert_eq!(value("expires_at").is_some_and(Value::is_null), token.expires_at.is_none());
    let digest =
        token.secret_sha256.as_ref().map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    assert_eq!(value("secret_sha256").and_then(Value::as_str).map(str::to_owned), digest);
    // The bindings' types know no equality: their own words are compared.
    let told = format!("{token:?}");
    let written = export_line(token);
    let again = import_line(written.as_bytes()).expect("what was written is read");
    assert_eq!(format!("{again:?}"), told);
    assert_eq!(export_line(again), written);
    reached.note("a line");
}

fn line(choices: &mut Choices<'_>) -> String {
    let ending = |choices: &mut Choices<'_>| {
        let reason = choices.one_of(&["deleted", "compromised", "disabled", "reuse-detected", "x"]);
        json!({ "at": moment(choices), "by": choices.text(12), "reason": reason, "note": Value::Null })
    };
    let mut line = json!({
        "id": "0000000000000000000001",
        "name": choices.text(20),
        "created_at": moment(choices),
        "created_by": choices.text(12),
        "expires_at": if choices.flag() { Value::Null } else { json!(moment(choices)) },
    });
    for _ in 0..choices.below(8) {
        let (name, value) = match choices.below(13) {
            0 => ("owner", json!(choices.text(12))),
            1 => ("parent", json!(choices.text(22))),
            2 => ("scopes", json!([choices.text(8), "orders"])),
            3 => ("access_ttl", json!(choices.number())),
            4 => ("not_before", json!(moment(choices))),
            5 => ("networks", json!(["10.0.0.0/8", choices.text(8)])),
            6 => ("audiences", json!([choices.text(8)])),
            7 => ("max_exchanges", json!(choices.number())),
            8 => ("secret_sha256", json!(choices.array::<32>().map(|byte| format!("{byte:02x}")).concat())),
            9 => ("last_use", json!({ "at": moment(choices), "from": choices.text(8), "count": choices.number() })),
            10 => ("disabled", ending(choices)),
            11 => ("ended", ending(choices)),
            _ => ("may_delegate", json!(choices.flag())),
        };
        line[name] = value;
    }
    line.to_string()
}

fn moment(choices: &mut Choices<'_>) -> String {
    written_moment(choices.number_near(1_900_000_000))
}

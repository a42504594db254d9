//! The audit log of a running authority: told in the commit of each act, checked on the machine, handed on, out of everybody's reach.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::administrator::Administrator;
use crate::support::http::Request;
use crate::support::place::{Place, run_with_input};
use crate::support::wait_for;

/// `jeton audit verify` on the store of a place, or on a file.
fn verify(place: &Place, file: Option<&Path>) -> Output {
    let mut command = place.jeton(&["audit", "verify", "--data"]);
    command.arg(place.data()).args(file).output().unwrap()
}

/// What it says of a log that is whole: its head.
pub(crate) fn head_of(place: &Place, file: Option<&Path>) -> String {
    let output = verify(place, file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The entries of a file of them.
pub(crate) fn entries(file: &Path) -> Vec<Value> {
    std::fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn remote(command: &mut Command, port: u16, token: &str) -> Vec<u8> {
    let output =
        command.env("JETON_URL", format!("http://127.0.0.1:{port}")).env("JETON_TOKEN", token).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn the_log_is_checked_shown_and_handed_on_beside_a_running_server_and_without_one() {
    let place = Place::new();
    let admin = place.bootstrap();
    let file = place.path("audit.jsonl");
    let serve = || place.serve().argument("--audit-file").argument(&file);
    let server = serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create(&server, &json!({ "name": "job \u{202e}\u{1f600}", "owner": "alice" }));
    let auditor = administrator.create(&server, &json!({ "name": "auditor", "scopes": ["jeton:read"] }));
    administrator.delete(&server, &made.id);
    let reader = Administrator::enter(&server, &auditor.token);
    reader.send(&server, Request::new("POST", "/v1/epoch/advance")).expect(403);

    let exported = remote(&mut place.jeton(&["audit", "export"]), server.port, &auditor.token);
    let text = String::from_utf8(exported).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let acts: Vec<&str> = lines.iter().map(|line| line["act"].as_str().unwrap()).collect();
    let expected = [
        // On the stopped store, before the issuer was known.
        "refresh-token.create",
        "issuer.set",
        "authority.start",
        "epoch.begin",
        "refresh-token.create",
        "refresh-token.create",
        "refresh-token.delete",
        "access.refuse",
    ];
    assert_eq!(acts, expected);
    assert_eq!((&lines[0]["actor"], &lines[6]["targets"]), (&json!("machine"), &json!([made.id])));
    assert!(lines[6]["request"].is_string() && lines[6]["from"] == "127.0.0.1");

    let head = head_of(&place, None);
    assert!(head.starts_with("8:"));
    let checked = run_with_input(&mut place.jeton(&["audit", "verify", "-", "--head", &head]), &text);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let cut: String = text.lines().take(7).map(|line| format!("{line}\n")).collect();
    let checked = run_with_input(&mut place.jeton(&["audit", "verify", "-", "--head", &head]), &cut);
    assert!(refusal(&checked).contains("entry 8 is not there"));
    let swapped = text.replace("\"outcome\":\"refused\"", "\"outcome\":\"done\"");
    let checked = run_with_input(&mut place.jeton(&["audit", "verify", "-"]), &swapped);
    assert!(refusal(&checked).contains("entry 8 (line 8) was changed"));
    let list = remote(&mut place.jeton(&["audit", "list", "--act", "refresh-token"]), server.port, &auditor.token);
    let list = String::from_utf8(list).unwrap();
    assert!(list.contains(&made.id) && !list.contains('\u{202e}'), "{list}");

    // What was counted in the last minute is written at the stop.
    server.exchange(&made.token).expect(400);
    server.stop();
    let head = head_of(&place, None);
    assert_eq!(head_of(&place, Some(&file)), head);
    let counted = entries(&file).into_iter().find(|line| line["act"] == "exchange.refuse").unwrap();
    assert_eq!(
        (&counted["actor"], &counted["code"], &counted["count"]),
        (&json!(made.id), &json!("invalid_grant"), &json!(1))
    );

    let server = serve().start();
    wait_for("the file to go on", || (entries(&file).last()?["act"] == "epoch.begin").then_some(()));
    drop(server);
    assert_eq!(head_of(&place, Some(&file)), head_of(&place, None));
    let raw = std::fs::read_to_string(&file).unwrap();
    for secret in [&admin, &made.token, &auditor.token, &administrator.access_token] {
        assert!(!raw.contains(secret.as_str()) && !raw.contains(&secret[30..60]), "the log tells a secret");
    }
    std::fs::write(&file, raw.replace("alice", "alicf")).unwrap();
    assert!(refusal(&verify(&place, Some(&file))).contains("was changed"));
}

#[test]
fn a_store_whose_log_was_edited_is_found_out() {
    let place = Place::new();
    place.bootstrap();
    place.bootstrap();
    assert!(head_of(&place, None).starts_with("2:"));
    let mut bytes = std::fs::read(place.database()).unwrap();
    let told = b"\"name\":\"the administrator\"";
    let at = bytes.windows(told.len()).rposition(|window| window == told).unwrap();
    bytes[at + 10] = b'T';
    std::fs::write(place.database(), bytes).unwrap();
    assert!(refusal(&verify(&place, None)).contains("was changed"));
}

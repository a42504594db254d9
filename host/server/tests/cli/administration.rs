//! What administrators do: refresh tokens, settings, the epoch.

use std::{fs::OpenOptions, process::Stdio};

use serde_json::{Value, json};

use crate::runner::{DONE, Desk, Ended, FAILED, USAGE, run};

#[test]
fn a_new_tokens_string_alone_stands_on_standard_output() {
    let desk = Desk::new();
    let ended =
        desk.run(&["token", "create", "--name", "nightly job", "--expires", "2999-01-31", "--access-ttl", "5m"]);
    assert_eq!(ended.code, DONE, "{ended:?}");
    let token = ended.stdout.strip_suffix('\n').unwrap();
    assert_eq!(token.len(), 79, "{ended:?}");
    for word in ["nightly job", &token[7..29], "2999-01-31T00:00:00Z"] {
        assert!(ended.stderr.contains(word), "no {word} in {ended:?}");
    }
    assert!(!ended.stderr.contains(token), "{ended:?}");
    let answer = desk.server.exchange(token).expect(200).json();
    assert!(answer["expires_in"].as_u64().unwrap() <= 300);
}

#[test]
fn machines_get_the_whole_answer() {
    let desk = Desk::new();
    let parent = desk.create(&["--name", "parent", "--expires", "never", "--scope", "a", "--scope", "b"]);
    assert_eq!(parent["expires_at"], Value::Null);
    let id = parent["id"].as_str().unwrap();
    let child =
        desk.create(&["--name", "child", "--parent", id, "--owner", "build", "--scope", "a", "--expires", "12h"]);
    assert_eq!((&child["parent"], &child["owner"], &child["scopes"]), (&json!(id), &json!("build"), &json!(["a"])));
    let shown: Value = serde_json::from_str(&desk.run(&["token", "show", id, "--json"]).done()).unwrap();
    assert_eq!(shown["name"], "parent");
    let table = desk.run(&["token", "show", id]).done();
    assert!(table.lines().any(|line| line.split_whitespace().eq(["expires_at", "never"])), "{table}");
}

#[test]
fn a_token_that_could_not_be_handed_over_is_named_so_that_it_can_be_deleted() {
    let desk = Desk::new();
    for json in [&[][..], &["--json"]] {
        let arguments = [&["token", "create", "--name", "lost"], json].concat();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = Ended::of(&desk.command(&arguments).stdout(full).stderr(Stdio::piped()).output().unwrap());
        ended.refused(FAILED, &["`lost` was made", "jeton token delete "]);
    }
    assert_eq!(desk.run(&["token", "list", "--name", "lost", "--json"]).done().lines().count(), 2);
}

#[test]
fn what_a_rule_forbids_is_said_with_the_name_of_the_field() {
    let desk = Desk::new();
    let create = |arguments: &[&str]| desk.run(&[&["token", "create"], arguments].concat());
    create(&["--name", ""]).refused(FAILED, &["(`name`)"]);
    create(&["--name", "n", "--expires", "2020-01-31"]).refused(FAILED, &["expires_at"]);
    create(&["--name", "n", "--scope", "jeton:everything"]).refused(FAILED, &["(`scopes`)"]);
    create(&["--name", "n", "--parent", &"0".repeat(22)]).refused(FAILED, &["(`parent`)"]);
    create(&["--name", "n", "--parent", "p"]).refused(USAGE, &["`p` is not an id"]);
    create(&["--name", "n", "--expires", "tomorrow"]).refused(USAGE, &["--expires", "90d"]);
    create(&["--name", "n", "--access-ttl", "1y"]).refused(USAGE, &["--access-ttl", "15m"]);
    create(&[]).refused(USAGE, &["--name"]);
    assert_eq!(desk.run(&["token", "list", "--json"]).done().lines().count(), 1);
}

#[test]
fn lists_are_filtered_limited_and_readable_by_people_and_machines() {
    let desk = Desk::new();
    for name in ["job 1", "job 2", "job 3"] {
        desk.create(&["--name", name, "--owner", "build"]);
    }
    let table = desk.run(&["token", "list"]).done();
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.lines().next().unwrap().contains("ID") && table.contains("job 2"), "{table}");
    let names = |arguments: &[&str]| {
        let listed = desk.run(&[&["token", "list", "--json"], arguments].concat()).done();
        let name = |line: &str| serde_json::from_str::<Value>(line).unwrap()["name"].as_str().unwrap().to_owned();
        listed.lines().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&["--owner", "build"]).len(), 3);
    assert_eq!(names(&["--name", "job"]), ["job 1", "job 2", "job 3"]);
    assert_eq!(names(&["--limit", "2"]).len(), 2);
    assert_eq!(names(&["--state", "deleted"]).len(), 0);
    let none = desk.run(&["token", "list", "--state", "deleted"]).done();
    assert_eq!(none.lines().count(), 1, "{none}");
    desk.run(&["token", "list", "--state", "gone"]).refused(USAGE, &["active, disabled, expired, deleted"]);
    desk.run(&["token", "list", "--limit", "0"]).refused(USAGE, &["--limit"]);
}

#[test]
fn ids_to_delete_come_from_arguments_and_from_standard_input() {
    let desk = Desk::new();
    let [first, second, third] =
        ["1", "2", "3"].map(|name| desk.create(&["--name", name])["id"].as_str().unwrap().to_owned());
    let mut command =
        desk.command(&["token", "delete", &first, "-", "--reason", "compromised", "--note", "found in a log"]);
    let deleted = run(&mut command, &format!("{second}\n\n{first}\n")).done();
    let results: Vec<_> = deleted.lines().skip(1).map(|line| line.split_whitespace().last().unwrap()).collect();
    assert_eq!(results.len(), 3, "{deleted}");
    let shown = desk.run(&["token", "show", &second]).done();
    assert!(shown.contains("compromised") && shown.contains("found in a log"), "{shown}");
    let again = run(desk.command(&["token", "delete", "-", "--json"]).env("JETON_TOKEN", &desk.admin), &third).done();
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), json!({"id": third, "result": "deleted"}));
    run(&mut desk.command(&["token", "delete", "-"]), &format!("{third}\nhunter2\n")).refused(USAGE, &["line 2"]);
    desk.run(&["token", "delete", &third, "--reason", "boredom"]).refused(USAGE, &["owner-left"]);
    desk.run(&["token", "delete"]).refused(USAGE, &["<ID>"]);
}

#[test]
fn thousands_of_ids_go_in_batches_and_unknown_ones_make_the_command_fail() {
    let desk = Desk::new();
    let known = desk.create(&["--name", "known"])["id"].as_str().unwrap().to_owned();
    let mut ids: Vec<String> = (0..2_500).map(|number| format!("{number:022}")).collect();
    ids.push(known.clone());
    let ended = run(&mut desk.command(&["token", "delete", "-", "--json"]), &ids.join("\n"));
    assert_eq!(ended.code, FAILED, "{}", ended.stderr);
    assert!(ended.stderr.contains("2500 of 2501 ids are unknown"), "{}", ended.stderr);
    let results: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let given: Vec<&str> = results.iter().map(|result| result["id"].as_str().unwrap()).collect();
    assert_eq!(given, ids);
    assert_eq!(results[2_500]["result"], "deleted");
}

#[test]
fn settings_are_shown_with_dpas_names_and_changed_in_any_unit() {
    let desk = Desk::new();
    let shown = desk.run(&["settings", "get"]).done();
    assert!(shown.contains("API_REFRESH_TOKEN_EXPIRATION") && shown.contains("7776000"), "{shown}");
    let set =
        desk.run(&["settings", "set", "access_token_expiration=10m", "refresh_token_expiration=30d", "--json"]).done();
    let settings: Value = serde_json::from_str(&set).unwrap();
    assert_eq!(
        (&settings["access_token_expiration"], &settings["refresh_token_expiration"]),
        (&json!(600), &json!(2_592_000))
    );
    desk.run(&["settings", "set", "access_token_expiration=25h"]).refused(FAILED, &["(`access_token_expiration`)"]);
    desk.run(&["settings", "set", "colour=5"]).refused(FAILED, &["colour"]);
    desk.run(&["settings", "set", "access_token_expiration=soon"]).refused(USAGE, &["15m"]);
    desk.run(&["settings", "set", "access_token_expiration=1", "access_token_expiration=2"]).refused(USAGE, &["twice"]);
}

#[test]
fn a_change_of_settings_is_tried_out_before_it_is_made_and_made_at_once() {
    let desk = Desk::new();
    let eternal = desk.create(&["--name", "eternal", "--expires", "never"]);
    let change = ["never_allowed=false", "refresh_token_maximum=90d", "access_token_maximum=15m"];
    let set = |options: &[&str]| desk.run(&[&["settings", "set"], &change[..], options].concat());
    let tried = set(&["--dry-run"]);
    assert!(tried.stderr.contains("1 refresh token would live shorter") && tried.stderr.contains("all 2"), "{tried:?}");
    assert!(tried.done().contains(eternal["id"].as_str().unwrap()));
    let said: Value = serde_json::from_str(&set(&["--dry-run", "--json"]).done()).unwrap();
    assert_eq!((&said["affected"], &said["settings"]["never_allowed"]), (&json!(1), &json!(false)));
    assert!(desk.run(&["settings", "get"]).done().contains("refresh_token_maximum"));
    let token = desk.run(&["exchange"]).done();
    let shown = set(&["--at-once"]).done();
    assert!(shown.lines().any(|line| line.contains("refresh_token_maximum") && line.contains("7776000")), "{shown}");
    assert!(!desk.server.lets_in(token.trim_end()));
    desk.run(&["token", "create", "--name", "n", "--expires", "never"]).refused(FAILED, &["never"]);
    let any = desk.run(&["settings", "set", "refresh_token_maximum=none", "scopes=a,b", "--json"]).done();
    let any: Value = serde_json::from_str(&any).unwrap();
    assert_eq!((&any["refresh_token_maximum"], &any["scopes"]), (&Value::Null, &json!(["a", "b"])));
}

#[test]
fn a_list_shows_the_tree_and_what_is_below_one() {
    let desk = Desk::new();
    let id = |token: &Value| token["id"].as_str().unwrap().to_owned();
    let parent = id(&desk.create(&["--name", "lead"]));
    let child = id(&desk.create(&["--name", "build", "--parent", &parent]));
    desk.create(&["--name", "deploy", "--parent", &child]);
    let names = |arguments: &[&str]| {
        let listed = desk.run(&[&["token", "list", "--json"], arguments].concat()).done();
        let name = |line: &str| serde_json::from_str::<Value>(line).unwrap()["name"].as_str().unwrap().to_owned();
        listed.lines().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&["--children-of", &parent]), ["build"]);
    assert_eq!(names(&["--children-of", &parent, "--tree"]), ["build", "deploy"]);
    assert_eq!(names(&["--children-of", &parent, "--tree", "--limit", "1"]), ["build"]);
    assert_eq!(names(&["--tree", "--name-contains", "LEA"]), ["lead"]);
    let tree = desk.run(&["token", "list", "--tree", "--sort", "name"]).done();
    let place = |name: &str| tree.lines().position(|line| line.contains(name)).unwrap();
    assert!(place(" lead") < place("└ build") && place("└ build") < place("  └ deploy"), "{tree}");
    assert_eq!(names(&["--expires-until", "+1d"]).len(), 0);
    assert_eq!(names(&["--created-from", "-1d", "--never-used", "--all"]).len(), 4);
    assert_eq!(names(&["--created-until", "-1d"]).len(), 0);
    desk.run(&["token", "list", "--children-of", "p"]).refused(USAGE, &["`p` is not an id"]);
    desk.run(&["token", "list", "--sort", "age"]).refused(USAGE, &["last_used"]);
    desk.run(&["token", "list", "--created-from", "yesterday"]).refused(USAGE, &["+30d"]);
}

#[test]
fn advancing_the_epoch_ends_access_tokens_and_no_command_after_it() {
    let desk = Desk::new();
    let token = desk.run(&["exchange"]).done();
    let before: Value = serde_json::from_str(&desk.run(&["epoch", "show", "--json"]).done()).unwrap();
    let after: Value = serde_json::from_str(&desk.run(&["epoch", "advance", "--json"]).done()).unwrap();
    assert!(after["number"].as_u64() > before["number"].as_u64());
    assert_eq!(after["reason"], "order");
    assert_eq!((&before["alg"], &after["alg"]), (&json!("EdDSA"), &json!("EdDSA")));
    assert!(!desk.server.lets_in(token.trim_end()));
    let other: Value =
        serde_json::from_str(&desk.run(&["epoch", "advance", "--alg", "ES256", "--json"]).done()).unwrap();
    assert_eq!(other["alg"], "ES256");
    desk.run(&["epoch", "advance", "--alg", "HS256"]).refused(USAGE, &["EdDSA", "ES256", "RS256"]);
    assert!(desk.run(&["epoch", "show"]).done().contains(" number"));
}

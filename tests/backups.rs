//! Backups: of one moment, under load, whole or not at all; and what a store that is made of one knows and does not know.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::support::administrator::{Administrator, Made};
use crate::support::http::{Request, send};
use crate::support::place::Place;
use crate::support::server::Server;
use crate::support::wait_for;

/// Runs a command of the machine on the data of a place.
fn machine(place: &Place, verb: &str, file: Option<&Path>, more: &[&str]) -> Output {
    let mut command = place.jeton(&[verb]);
    command.args(file).args(more).arg("--data").arg(place.data()).output().unwrap()
}

fn done(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
    said
}

fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    said
}

fn back_up(place: &Place, name: &str) -> PathBuf {
    let file = place.path(name);
    done(&machine(place, "backup", Some(&file), &[]));
    file
}

/// Checks a backup, or the store of a place.
fn check(place: &Place, file: Option<&Path>) -> String {
    match file {
        Some(file) => done(&place.jeton(&["check"]).arg(file).output().unwrap()),
        None => done(&machine(place, "check", None, &[])),
    }
}

/// A token, and an access token of it.
fn job(server: &Server, administrator: &Administrator, name: &str) -> Made {
    administrator.create(server, &json!({ "name": name, "owner": name.split(' ').next() }))
}

fn state(server: &Server, administrator: &Administrator, made: &Made) -> String {
    let shown = administrator.send(server, Request::get(&format!("/v1/refresh-tokens/{}", made.id)));
    if shown.status == 404 { "unknown".to_owned() } else { shown.member("state") }
}

#[test]
fn a_backup_under_load_is_of_one_moment_and_what_was_deleted_since_is_deleted_again() {
    let (place, other) = (Place::new(), Place::new());
    let admin = place.bootstrap();
    let log = place.path("audit.jsonl");
    let server = place.serve().argument("--audit-file").argument(&log).start();
    let administrator = Administrator::enter(&server, &admin);
    let before: Vec<Made> = (0..20).map(|number| job(&server, &administrator, &format!("before {number}"))).collect();
    administrator.delete(&server, &before[0].id);
    administrator.send(&server, Request::new("DELETE", &format!("/v1/refresh-tokens/{}", before[1].id))).expect(204);
    let disable = |made: &Made, enabled: bool| {
        let target = format!("/v1/refresh-tokens/{}", made.id);
        administrator.send(&server, Request::json("PATCH", &target, &json!({ "enabled": enabled }))).expect(200);
    };
    disable(&before[2], false);

    let stop = AtomicBool::new(false);
    let file = std::thread::scope(|scope| {
        for writer in 0..4 {
            let (stop, administrator, port) = (&stop, &administrator, server.port);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let create = Request::json(
                        "POST",
                        "/v1/refresh-tokens",
                        &json!({ "name": format!("load {writer} {number}") }),
                    );
                    let created = send(port, &create.bearer(&administrator.access_token)).unwrap().expect(201);
                    let delete = Request::new("DELETE", &format!("/v1/refresh-tokens/{}", created.member("id")));
                    send(port, &delete.bearer(&administrator.access_token)).unwrap().expect(204);
                }
            });
        }
        let file = back_up(&place, "one.backup");
        check(&place, None);
        let again = back_up(&place, "two.backup");
        check(&place, Some(&again));
        stop.store(true, Ordering::SeqCst);
        file
    });
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions()) & 0o777,
        0o600
    );
    assert!(refused(&machine(&place, "backup", Some(&file), &[])).contains("is there already"));

    // After the backup.
    let later = job(&server, &administrator, "later");
    administrator.delete(&server, &before[3].id);
    disable(&before[4], false);
    let rotate = Request::json("POST", &format!("/v1/refresh-tokens/{}/rotate", before[5].id), &json!({}));
    administrator.send(&server, rotate).expect(200);
    let of_owner = job(&server, &administrator, "leaver since");
    administrator
        .send(&server, Request::json("POST", "/v1/refresh-tokens/delete", &json!({ "owner": "before" })))
        .expect(200);
    drop(of_owner);
    wait_for("the log to be handed on", || {
        crate::audit::entries(&log).last().filter(|entry| entry["act"] == "owner.delete").map(drop)
    });
    // The machine dies, and its disk with it.
    server.kill();
    check(&place, None);
    check(&place, Some(&file));

    // Without the log: what was deleted since is back, and disabled like all the others.
    let said = done(&machine(&other, "restore", Some(&file), &[]));
    assert!(said.contains("The backup was made at ") && said.contains(" is back, disabled"), "{said}");
    assert!(refused(&machine(&other, "restore", Some(&file), &[])).contains("there is a store"));
    check(&other, None);
    let fresh = other.bootstrap();
    let server = other.serve().start();
    let inside = Administrator::enter(&server, &fresh);
    server.refuses(&admin);
    let states: Vec<String> = before.iter().take(7).map(|made| state(&server, &inside, made)).collect();
    assert_eq!(states, ["deleted", "deleted", "disabled", "disabled", "disabled", "disabled", "disabled"]);
    assert_eq!(state(&server, &inside, &later), "unknown");
    for made in &before {
        server.refuses(&made.token);
    }
    let enable = Request::json("PATCH", &format!("/v1/refresh-tokens/{}", before[6].id), &json!({ "enabled": true }));
    inside.send(&server, enable).expect(200);
    server.exchange(&before[6].token).expect(200);
    server.stop();

    // With it, and enabled: everything that ended since ends again.
    let third = Place::new();
    let said = done(&machine(&third, "restore", Some(&file), &["--enable", "--audit", log.to_str().unwrap()]));
    assert!(!said.contains("is back"), "{said}");
    check(&third, None);
    let server = third.serve().start();
    let inside = Administrator::enter(&server, &admin);
    for made in &before {
        server.refuses(&made.token);
    }
    assert_eq!(state(&server, &inside, &before[3]), "deleted");
    crate::audit::head_of(&third, None);
    let told = inside.send(&server, Request::get("/v1/audit?act=store&newest_first=true")).expect(200).json();
    let acts: Vec<&str> = told["items"].as_array().unwrap().iter().map(|item| item["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["store.restore"], "the copy was made before it was told of");
}

#[test]
fn a_rotated_or_disabled_token_is_not_good_again_however_it_is_restored() {
    let (place, other) = (Place::new(), Place::new());
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let [kept, disabled, rotated] = ["kept", "disabled", "rotated"].map(|name| job(&server, &administrator, name));
    let file = back_up(&place, "one.backup");
    let target = format!("/v1/refresh-tokens/{}", disabled.id);
    administrator.send(&server, Request::json("PATCH", &target, &json!({ "enabled": false }))).expect(200);
    administrator.send(&server, Request::new("POST", &format!("/v1/refresh-tokens/{}/rotate", rotated.id))).expect(200);
    server.stop();
    let log = other.path("audit.jsonl");
    let exported = place.jeton(&["audit", "export", "--data"]).arg(place.data()).output().unwrap();
    let lines = String::from_utf8(exported.stdout).unwrap();

    // Of another store, with a hole, or changed: nothing is restored.
    let beginning = lines.lines().take(2).collect::<Vec<_>>().join("\n");
    let behind: String = lines.lines().rev().take(1).map(|line| format!("{line}\n")).collect();
    let wrong = [
        (lines.replace("rotated", "rotatex"), "is not whole"),
        (beginning, "does not go on"),
        (behind, "what is between them is missing"),
    ];
    for (text, why) in wrong {
        std::fs::write(&log, text).unwrap();
        let said = refused(&machine(&other, "restore", Some(&file), &["--enable", "--audit", log.to_str().unwrap()]));
        assert!(said.contains(why) && !other.database().exists(), "{said}");
    }
    std::fs::write(&log, &lines).unwrap();
    done(&machine(&other, "restore", Some(&file), &["--enable", "--audit", log.to_str().unwrap()]));
    let server = other.serve().start();
    server.exchange(&kept.token).expect(200);
    server.refuses(&disabled.token);
    server.refuses(&rotated.token);
    drop(server);

    // What is no backup, or a damaged one, makes no store.
    let third = Place::new();
    assert!(refused(&machine(&third, "restore", Some(&place.database()), &[])).contains("is no backup"));
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(9).position(|window| window == b"\"act\":\"re").unwrap();
    bytes[at + 8] = b'x';
    std::fs::write(&file, bytes).unwrap();
    assert!(refused(&machine(&third, "restore", Some(&file), &[])).contains("is not whole"));
    assert!(!third.database().exists());
    let checked = place.jeton(&["check"]).arg(&file).output().unwrap();
    assert_eq!(checked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&checked.stdout).contains("audit log: entry"), "{checked:?}");
}

#[test]
fn a_backup_or_a_restore_that_is_killed_leaves_nothing_that_could_be_taken_for_one() {
    let (place, other) = (Place::new(), Place::new());
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    for number in 0..50 {
        job(&server, &administrator, &format!("job {number}"));
    }
    let file = place.path("one.backup");
    let part = place.path("one.backup.part");
    for _ in 0..5 {
        let mut command = place.jeton(&["backup"]);
        command.arg(&file).arg("--force").arg("--data").arg(place.data()).stderr(Stdio::null());
        let mut backup = command.spawn().unwrap();
        wait_for("the backup to begin", || (part.exists() || backup.try_wait().unwrap().is_some()).then_some(()));
        backup.kill().unwrap();
        backup.wait().unwrap();
        if file.exists() {
            check(&place, Some(&file));
        }
        check(&place, None);
    }
    let file = back_up(&place, "whole.backup");
    let part = other.data().join("jeton.db.part");
    for _ in 0..5 {
        let mut command = other.jeton(&["restore"]);
        command.arg(&file).arg("--data").arg(other.data()).stderr(Stdio::null());
        let mut restore = command.spawn().unwrap();
        wait_for("the restore to begin", || (part.exists() || restore.try_wait().unwrap().is_some()).then_some(()));
        restore.kill().unwrap();
        restore.wait().unwrap();
        if other.database().exists() {
            check(&other, None);
            std::fs::remove_file(other.database()).unwrap();
        }
    }
    done(&machine(&other, "restore", Some(&file), &[]));
    check(&other, None);
    assert!(!part.exists());
}

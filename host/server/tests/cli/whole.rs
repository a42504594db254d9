//! What completes the command line: holders' commands, what a server tells anybody, manuals and completions.

use serde_json::Value;

use crate::runner::{DONE, Desk, FAILED, USAGE, run};
use crate::support::place::Place;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_holder_ends_a_token_and_an_api_is_told_so() {
    let desk = Desk::new();
    let job = desk.create(&["--name", "job"]);
    let refresh = job["token"].as_str().unwrap();
    let access = run(desk.command(&["exchange"]).env("JETON_TOKEN", refresh), "").done();
    let told = json(&run(&mut desk.command(&["introspect", "--json"]), &access).done());
    assert_eq!((&told["active"], &told["client_id"]), (&Value::Bool(true), &job["id"]));
    assert_eq!(json(&run(&mut desk.command(&["revoke", "--json"]), refresh).done())["result"], "revoked");
    let told = run(&mut desk.command(&["introspect", "--json"]), &access);
    assert_eq!((told.code, json(&told.stdout)["active"].clone()), (FAILED, Value::Bool(false)));
    // It is no error to end what has ended.
    run(&mut desk.command(&["revoke"]), refresh).done();
    run(&mut desk.command(&["revoke"]), "").refused(USAGE, &["standard input"]);
}

#[test]
fn a_server_tells_anybody_about_itself() {
    let desk = Desk::new();
    let ask = |verb: &str| {
        let mut command = desk.place.jeton(&["server", verb, "--json"]);
        json(&run(command.env("JETON_URL", desk.url()), "").done())
    };
    assert_eq!(ask("health")["status"], "ok");
    assert_eq!(ask("ready")["checks"]["store"], "ok");
    assert_eq!(ask("metadata")["token_endpoint_auth_methods_supported"][0], "none");
    assert_eq!(ask("keys")["keys"][0]["kty"], "OKP");
    assert!(ask("live")["cuts"].is_array());
    assert_eq!(ask("document")["openapi"], "3.1.0");
}

#[test]
fn every_command_has_a_manual_page_that_man_can_read() {
    let place = Place::new();
    let folder = place.path("man");
    let ended = run(place.jeton(&["man"]).arg(&folder), "");
    assert_eq!(ended.code, DONE, "{ended:?}");
    let pages: Vec<&str> = ended.stdout.lines().collect();
    for name in ["jeton.1", "jeton-serve.1", "jeton-token-create.1", "jeton-login.1", "jeton-man.1"] {
        assert!(pages.iter().any(|page| page.ends_with(&format!("/{name}"))), "{name} in {pages:?}");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), pages.len());
    for page in pages {
        let text = std::fs::read_to_string(page).unwrap();
        assert!(text.contains(".TH ") && text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
    let create = std::fs::read_to_string(folder.join("jeton-token-create.1")).unwrap();
    assert!(create.contains("JETON_URL") && create.contains("Examples"), "{create}");
}

#[test]
fn completions_of_every_shell_name_the_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&mut place.jeton(&["completions", shell]), "").done();
        for word in ["login", "introspect", "revoke-access", "allow-plain-http"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // What a shell makes of its own.
    let script = run(&mut place.jeton(&["completions", "bash"]), "").done();
    let path = place.path("jeton.bash");
    std::fs::write(&path, script).unwrap();
    let asked =
        "source jeton.bash; COMP_WORDS=(jeton tok); COMP_CWORD=1; _jeton jeton tok jeton; echo \"${COMPREPLY[@]}\"";
    let mut bash = std::process::Command::new("bash");
    let said = run(bash.args(["-c", asked]).current_dir(place.path("")), "").done();
    assert_eq!(said.trim(), "token");
}

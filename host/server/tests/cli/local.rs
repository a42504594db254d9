//! What needs no server: bootstrap, components, keys, completions, and standard output that nobody reads.

use std::{fs, process::Stdio};

use serde_json::Value;

use crate::{
    runner::{DONE, Desk, Ended, FAILED, USAGE, run},
    support::place::Place,
};

#[test]
fn bootstrap_says_when_it_makes_a_new_authority_so_that_a_wrong_folder_is_noticed() {
    let place = Place::new();
    let bootstrap =
        |arguments: &[&str]| run(&mut place.jeton(&[&["bootstrap", "--name", "admin"], arguments].concat()), "");
    let first = bootstrap(&[]);
    assert_eq!((first.code, first.stdout.len()), (DONE, 80), "{first:?}");
    assert!(first.stderr.contains("./jeton-data") && first.stderr.contains("new one"), "{first:?}");
    let second = bootstrap(&["--scope", "jeton:read jeton:live"]);
    assert_eq!(second.code, DONE, "{second:?}");
    assert!(!second.stderr.contains("new one") && second.stderr.contains("shown once"), "{second:?}");
    assert_ne!(first.stdout, second.stdout);
    bootstrap(&["--scope", "jeton:everything"]).refused(FAILED, &["scope"]);
}

#[test]
fn bootstrap_finds_the_data_where_the_servers_file_says() {
    let place = Place::new();
    fs::write(place.path("jeton.toml"), "data = \"of-the-file\"\nlisten = \"127.0.0.1:1\"").unwrap();
    let bootstrap = || place.jeton(&["bootstrap", "--name", "admin"]);
    run(bootstrap().args(["--config", "jeton.toml"]), "").done();
    run(bootstrap().env("JETON_CONFIG", "jeton.toml"), "").done();
    assert!(place.path("of-the-file/jeton.db").exists());
    run(bootstrap().env("JETON_CONFIG", "jeton.toml").env("JETON_DATA", "of-the-environment"), "").done();
    assert!(place.path("of-the-environment/jeton.db").exists());
    run(bootstrap().env("JETON_DATA", "of-the-environment").args(["--data", "of-the-flag"]), "").done();
    assert!(place.path("of-the-flag/jeton.db").exists());
    assert!(!place.path("jeton-data").exists());
    run(bootstrap().args(["--config", "none.toml"]), "").refused(USAGE, &["none.toml"]);
}

#[test]
fn bootstrap_beside_a_running_server_is_told_the_same_rules() {
    let desk = Desk::new();
    let bootstrap =
        |name: &str| run(desk.place.jeton(&["bootstrap", "--name", name, "--data"]).arg(desk.place.data()), "");
    let made = bootstrap("second").done();
    desk.server.hide(made.trim_end());
    desk.server.exchange(made.trim_end()).expect(200);
    bootstrap("").refused(FAILED, &["name"]);
}

#[test]
fn components_are_exported_whole_and_never_over_something_else() {
    let place = Place::new();
    let export = |arguments: &[&str]| run(&mut place.jeton(&[&["policy", "export", "out"], arguments].concat()), "");
    let (authority, verifier) = (place.path("out/jeton-authority.wasm"), place.path("out/jeton-verifier.wasm"));
    fs::create_dir(place.path("out")).unwrap();
    fs::write(&verifier, "mine").unwrap();
    export(&[]).refused(FAILED, &["jeton-verifier.wasm", "--force"]);
    assert!(!authority.exists(), "all or nothing");
    let written = "out/jeton-authority.wasm\nout/jeton-verifier.wasm\nout/jeton-envoy.wasm\n";
    assert_eq!(export(&["--force"]).done(), written);
    let inspect =
        |file: &str, arguments: &[&str]| run(&mut place.jeton(&[&["policy", "inspect", file], arguments].concat()), "");
    let shown = inspect("out/jeton-verifier.wasm", &[]).done();
    assert!(!shown.contains("import ") && shown.contains("export jeton:policy/verification"), "{shown}");
    let world: Value = serde_json::from_str(&inspect("out/jeton-authority.wasm", &["--json"]).done()).unwrap();
    assert!(world["imports"].to_string().contains("jeton:policy/store"), "{world}");
    assert_eq!(world["size"], fs::metadata(&authority).unwrap().len());
    fs::write(place.path("core.wasm"), b"\0asm\x01\0\0\0").unwrap();
    inspect("core.wasm", &[]).refused(FAILED, &["core.wasm"]);
    inspect("none.wasm", &[]).refused(FAILED, &["none.wasm"]);
}

#[test]
fn a_root_key_is_32_bytes_and_another_each_time() {
    let place = Place::new();
    let draw = || place.jeton(&["root-key"]).output().unwrap().stdout;
    let (one, other) = (draw(), draw());
    assert_eq!((one.len(), other.len()), (32, 32));
    assert_ne!(one, other);
}

#[test]
fn completions_are_printed_for_shells_that_are_known() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&mut place.jeton(&["completions", shell]), "").done().contains("bootstrap"), "{shell}");
    }
    run(&mut place.jeton(&["completions", "cmd"]), "").refused(USAGE, &["bash"]);
}

#[test]
fn a_reader_that_is_gone_ends_the_command_quietly() {
    let place = Place::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended =
        Ended::of(&place.jeton(&["completions", "bash"]).stdout(writer).stderr(Stdio::piped()).output().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (DONE, ""));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let nobody_listens = place.jeton(&["token", "list"]).stderr(writer).stdout(Stdio::piped()).output().unwrap();
    assert_eq!(nobody_listens.status.code(), Some(USAGE));
}

#[test]
fn a_token_among_the_arguments_is_refused_and_not_repeated() {
    let place = Place::new();
    let token = format!("jtn_rt_{}", "s".repeat(72));
    for arguments in [&["exchange", &token][..], &["token", "show", &token], &["token", "create", "--name", &token]] {
        let ended = run(&mut place.jeton(arguments), "");
        assert!(!ended.stderr.contains("ssss"), "{ended:?}");
        ended.refused(USAGE, &["JETON_TOKEN", "standard input"]);
    }
}

#[test]
fn bad_usage_is_2_and_help_is_none() {
    let place = Place::new();
    run(&mut place.jeton(&[]), "").refused(USAGE, &["Usage: jeton"]);
    run(&mut place.jeton(&["token", "frobnicate"]), "").refused(USAGE, &["frobnicate"]);
    run(&mut place.jeton(&["serve", "--no-such-option"]), "").refused(USAGE, &["--no-such-option"]);
    assert!(run(&mut place.jeton(&["--help"]), "").done().contains("Exit status"));
    assert!(run(&mut place.jeton(&["--version"]), "").done().starts_with("jeton "));
}

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use super::*;

/// Every command with its path, such as `token create`.
pub(super) fn every_command() -> Vec<(String, clap::Command)> {
    fn walk(path: &str, command: &clap::Command, all: &mut Vec<(String, clap::Command)>) {
        all.push((path.trim().to_owned(), command.clone()));
        for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
            walk(&format!("{path} {}", verb.get_name()), verb, all);
        }
    }
    let mut all = Vec::new();
    let mut command = Command::command();
    command.build();
    walk("", &command, &mut all);
    all
}

fn help(path: &str) -> String {
    let (_, mut command) = every_command().into_iter().find(|(of, _)| of == path).unwrap();
    command.render_long_help().to_string()
}

#[test]
fn the_command_line_is_sound() {
    Command::command().debug_assert();
}

#[test]
fn every_command_and_every_option_says_what_it_is_for() {
    for (path, command) in every_command() {
        assert!(command.get_about().is_some(), "{path}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path} {}", argument.get_id());
        }
    }
}

#[test]
fn the_commands_are_those_of_this_version_and_no_others() {
    let paths: Vec<String> =
        every_command().into_iter().map(|(path, _)| path).filter(|path| !path.is_empty()).collect();
    let expected = [
        "serve",
        "bootstrap",
        "login",
        "logout",
        "token",
        "token create",
        "token list",
        "token show",
        "token edit",
        "token disable",
        "token enable",
        "token rotate",
        "token export",
        "token import",
        "token delete",
        "token revoke-access",
        "exchange",
        "delegate",
        "verify",
        "introspect",
        "revoke",
        "server",
        "server health",
        "server ready",
        "server metadata",
        "server keys",
        "server live",
        "server document",
        "explain",
        "clock",
        "clock accept",
        "epoch",
        "epoch show",
        "epoch advance",
        "settings",
        "settings get",
        "settings set",
        "audit",
        "audit list",
        "audit export",
        "audit verify",
        "notices",
        "notices list",
        "backup",
        "restore",
        "check",
        "policy",
        "policy inspect",
        "policy check",
        "policy status",
        "policy load",
        "policy compose",
        "policy export",
        "user",
        "user add",
        "user list",
        "user role",
        "user disable",
        "user enable",
        "user reset",
        "user remove",
        "root-key",
        "man",
        "completions",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn no_argument_takes_a_secret() {
    for (path, command) in every_command() {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            assert!(!["token", "secret", "password", "refresh_token"].contains(&name), "{path} {name}");
        }
    }
}

#[test]
fn the_help_shows_examples_variables_and_defaults() {
    for (path, needed) in [
        ("", &["jeton bootstrap --name admin", "JETON_URL", "JETON_TOKEN", "Exit status"][..]),
        (
            "serve",
            &[
                "--tls-self-signed",
                "JETON_TLS_LISTEN",
                "127.0.0.1:8123",
                "./jeton-data",
                "before the file",
                "Examples:",
            ],
        ),
        ("bootstrap", &["export JETON_TOKEN=$(jeton bootstrap", "JETON_DATA", "JETON_CONFIG", "jeton:admin"]),
        ("token create", &["--expires 90d", "never", "JETON_TOKEN", "JETON_CA_FILE", "http://127.0.0.1:8123"]),
        ("token delete", &["compromised", "jeton token delete -", "--dry-run", "--yes"]),
        ("explain", &["jeton explain -", "standard input"]),
        ("clock accept", &["Nothing is revived", "--keep"]),
        ("exchange", &["JETON_TOKEN", "standard input"]),
        ("verify", &["jeton exchange | jeton verify", "exit 1"]),
        ("settings set", &["access_token_expiration=600"]),
        ("root-key", &["umask 077"]),
    ] {
        let help = help(path);
        for needed in needed {
            assert!(help.contains(needed), "{path}: no {needed} in\n{help}");
        }
    }
}

#[test]
fn examples_in_the_help_are_commands_that_are_understood() {
    let mut seen = 0;
    for (path, command) in every_command() {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for example in text.lines().filter_map(|line| line.strip_prefix("  ")).flat_map(|line| line.split(" | ")) {
            let Some(at) = example.rfind("jeton ").filter(|at| example[..*at].ends_with(['(', ' ']) || *at == 0) else {
                continue;
            };
            let words = shell_words(&example[at..]);
            let parsed = Command::try_parse_from(&words);
            assert!(parsed.is_ok(), "{path}: {words:?}: {}", parsed.unwrap_err());
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}

/// The words of an example up to a redirection, a closing bracket, or the next command.
fn shell_words(example: &str) -> Vec<String> {
    let (mut words, mut quoted, mut word) = (Vec::new(), false, String::new());
    for character in example.chars() {
        match character {
            '"' => quoted = !quoted,
            '>' | '<' | ')' | '&' | '#' if !quoted => break,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

//! Options of `jeton serve` from flags, environment and file.

use std::fs;

use crate::{
    runner::{Ended, FAILED, USAGE, run},
    support::place::Place,
};

/// Where an option stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    Flag,
    Environment,
    File,
}

/// A value of each option that is good, and one that the options as a whole are refused for.
const OPTIONS: [(&str, &str, &str); 4] = [
    ("listen", "\"127.0.0.1:1\"", "\"192.0.2.1:1\""),
    ("io-threads", "1", "0"),
    ("max-connections", "1", "0"),
    ("log-filter", "\"warn\"", "\"=[\""),
];

/// Ends before it serves: with 2 for options that are refused, with 1 for the root key that is not there.
fn serve(place: &Place, name: &str, values: &[(Source, &str)]) -> Ended {
    let mut command = place.jeton(&["serve", "--root-key-file", "no-such-key", "--config", "jeton.toml"]);
    let mut file = String::new();
    for (source, value) in values {
        let plain = value.trim_matches('"');
        match source {
            Source::Flag => {
                command.args([&format!("--{name}"), plain]);
            }
            Source::Environment => {
                command.env(variable(name), plain);
            }
            Source::File => file = format!("{name} = {value}"),
        }
    }
    fs::write(place.path("jeton.toml"), file).unwrap();
    run(&mut command, "")
}

fn variable(name: &str) -> String {
    format!("JETON_{}", name.to_uppercase().replace('-', "_"))
}

#[test]
fn a_flag_goes_before_the_environment_the_environment_before_the_file() {
    let place = Place::new();
    for (name, good, bad) in OPTIONS {
        for (stronger, weaker) in
            [(Source::Flag, Source::Environment), (Source::Flag, Source::File), (Source::Environment, Source::File)]
        {
            let used = serve(&place, name, &[(stronger, good), (weaker, bad)]);
            assert_eq!(used.code, FAILED, "{name}: {stronger:?} good, {weaker:?} bad: {used:?}");
            assert!(used.stderr.contains("no-such-key"), "{used:?}");
            let refused = serve(&place, name, &[(stronger, bad), (weaker, good)]);
            assert_eq!(refused.code, USAGE, "{name}: {stronger:?} bad, {weaker:?} good: {refused:?}");
        }
    }
}

#[test]
fn a_switch_that_is_on_in_one_source_can_be_turned_off_in_a_stronger_one() {
    const SWITCH: &str = "JETON_ALLOW_PLAIN_HTTP";
    let place = Place::new();
    let serve = |file: &str, environment: &str, flag: &[&str]| {
        let needed = "listen = \"192.0.2.1:1\"\nroot-key-file = \"none\"";
        fs::write(place.path("jeton.toml"), format!("{file}\n{needed}")).unwrap();
        let mut command = place.jeton(&["serve", "--config", "jeton.toml"]);
        if !environment.is_empty() {
            command.env(SWITCH, environment);
        }
        run(command.args(flag), "").code
    };
    assert_eq!(serve("", "", &[]), USAGE);
    assert_eq!(serve("allow-plain-http = true", "", &[]), FAILED);
    for word in ["1", "true", "yes", "on"] {
        assert_eq!(serve("", word, &[]), FAILED, "{word}");
    }
    for word in ["0", "false", "no", "off"] {
        assert_eq!(serve("allow-plain-http = true", word, &[]), USAGE, "{word}");
    }
    assert_eq!(serve("", "1", &["--allow-plain-http=false"]), USAGE);
    assert_eq!(serve("", "", &["--allow-plain-http"]), FAILED);
}

#[test]
fn a_file_with_an_unknown_key_or_a_wrong_type_is_refused_with_its_line() {
    let place = Place::new();
    for (text, words) in [
        ("data = \"d\"\nlisten-tls = 1\n", &["line 2", "listen-tls", "tls-listen"][..]),
        ("io-threads = \"many\"", &["line 1", "io-threads"]),
        ("listen = 8123", &["line 1", "listen"]),
        ("boot = \"reboot\"", &["line 1", "advance", "resume"]),
        ("tls-self-signed = \"yes\"", &["line 1", "boolean"]),
        ("data = ", &["line 1"]),
        ("[serve]\ndata = \"d\"", &["line 1", "serve"]),
    ] {
        fs::write(place.path("my.toml"), text).unwrap();
        let ended = run(&mut place.jeton(&["serve", "--config", "my.toml"]), "");
        ended.refused(USAGE, &[&["my.toml"], words].concat());
    }
    run(&mut place.jeton(&["serve", "--config", "none.toml"]), "").refused(USAGE, &["none.toml"]);
    // A file that lies about is not taken for one that was meant.
    fs::write(place.path("jeton.toml"), "io-threads = 0").unwrap();
    run(&mut place.jeton(&["serve", "--root-key-file", "none"]), "").refused(FAILED, &["none"]);
}

#[test]
fn a_value_of_the_environment_that_is_refused_is_named_by_its_variable() {
    let place = Place::new();
    for (name, value) in
        [("JETON_LISTEN", "everywhere"), ("JETON_BOOT", "reboot"), ("JETON_DPA_QUERY_TOKENS", "perhaps")]
    {
        run(place.jeton(&["serve"]).env(name, value), "").refused(USAGE, &[value, &format!("variable {name}.")]);
    }
    let flag = run(place.jeton(&["serve", "--listen", "everywhere"]).env("JETON_LISTEN", "127.0.0.1:1"), "");
    assert!(!flag.stderr.contains("environment variable"), "{flag:?}");
}

#[test]
fn options_that_contradict_each_other_are_refused_wherever_they_come_from() {
    let place = Place::new();
    fs::write(place.path("jeton.toml"), "tls-self-signed = true").unwrap();
    let command = |arguments: &[&str]| {
        let mut command = place.jeton(&["serve"]);
        command.args(arguments);
        command
    };
    let from_file = ["--config", "jeton.toml", "--tls-cert", "c", "--tls-key", "k"];
    run(&mut command(&from_file), "").refused(USAGE, &["tls-self-signed", "tls-cert"]);
    run(command(&["--tls-cert", "c"]).env_remove("JETON_TLS_KEY"), "").refused(USAGE, &["go together"]);
    run(&mut command(&["--boot", "resume"]), "").refused(USAGE, &["root-key-file", "jeton root-key"]);
    run(command(&[]).env("JETON_BOOT", "resume"), "").refused(USAGE, &["root-key-file"]);
    run(&mut command(&["--tls-listen", "127.0.0.1:1"]), "").refused(USAGE, &["tls-self-signed"]);
    assert!(!place.path("jeton-data").exists(), "nothing is made before the options are understood");
}

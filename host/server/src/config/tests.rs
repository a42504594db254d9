#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use clap::{CommandFactory as _, Parser};

use super::*;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    options: ServeOptions,
}

fn flags(arguments: &[&str]) -> ServeOptions {
    Command::try_parse_from(["serve"].iter().chain(arguments)).unwrap().options
}

fn resolved(arguments: &[&str], file: &str) -> Result<ServeConfig, ConfigError> {
    flags(arguments).or(FileOptions::parse(file).unwrap()).resolve()
}

#[test]
fn defaults_are_the_published_ones() {
    let config = resolved(&[], "").unwrap();
    assert_eq!(config.data, PathBuf::from("./jeton-data"));
    assert_eq!(config.listen.to_string(), "127.0.0.1:8123");
    assert_eq!((config.tls, config.boot, config.root_key_file), (None, Boot::Advance, None));
    let tls = resolved(&["--tls-self-signed"], "").unwrap().tls.unwrap();
    assert_eq!((tls.listen.to_string().as_str(), tls.source), ("127.0.0.1:8124", TlsSource::SelfSigned));
}

#[test]
fn a_flag_comes_before_the_file_and_the_file_before_the_default() {
    let file = "listen = \"127.0.0.1:1\"\nboot = \"advance\"\nio-threads = 3\ndpa-query-tokens = true";
    let config = resolved(&["--listen", "127.0.0.1:2"], file).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!((config.io_threads, config.dpa_query_tokens), (Some(3), true));
    assert_eq!(config.max_connections, 10_000);
    assert!(!resolved(&["--dpa-query-tokens=false"], file).unwrap().dpa_query_tokens);
}

#[test]
fn every_option_is_a_flag_a_variable_and_a_key_of_one_name() {
    let command = Command::command();
    let names: Vec<&str> =
        command.get_arguments().filter_map(clap::Arg::get_long).filter(|name| *name != "help").collect();
    assert_eq!(names.len(), 45);
    for argument in command.get_arguments().filter(|argument| argument.get_long() != Some("help")) {
        let name = argument.get_long().unwrap();
        let variable = format!("JETON_{}", name.to_uppercase().replace('-', "_"));
        assert_eq!(argument.get_env().unwrap(), variable.as_str());
        // A key that is known is refused for its value alone.
        let refusal = FileOptions::parse(&format!("{name} = {{}}")).unwrap_err();
        assert!(!refusal.contains("unknown field"), "{name}: {refusal}");
    }
}

#[test]
fn an_algorithm_has_the_name_that_tokens_give_it() {
    assert_eq!(resolved(&[], "").unwrap().alg, None);
    for (name, algorithm) in [("EdDSA", Algorithm::EdDsa), ("ES256", Algorithm::Es256), ("RS256", Algorithm::Rs256)] {
        assert_eq!(resolved(&["--alg", name], "").unwrap().alg, Some(algorithm));
        assert_eq!(resolved(&[], &format!("alg = \"{name}\"")).unwrap().alg, Some(algorithm));
    }
    for bad in ["eddsa", "es256", "HS256", "none", ""] {
        assert!(Command::try_parse_from(["serve", "--alg", bad]).is_err(), "{bad}");
        assert!(FileOptions::parse(&format!("alg = \"{bad}\"")).is_err(), "{bad}");
    }
}

#[test]
fn unknown_keys_and_wrong_kinds_are_refused_with_their_line() {
    let refusal = FileOptions::parse("listen = \"127.0.0.1:1\"\nlisten-tls = 1").unwrap_err();
    assert!(refusal.contains("line 2") && refusal.contains("listen-tls"), "{refusal}");
    for bad in ["listen = 8123", "boot = \"reboot\"", "io-threads = -1", "data = ", "data = \"a\"\ndata = \"b\""] {
        assert!(FileOptions::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn trusted_proxies_are_networks_and_there_are_none_unless_said() {
    let proxies = |arguments: &[&str], file: &str| resolved(arguments, file).unwrap().trusted_proxies;
    let of = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<TrustedProxy>>();
    assert_eq!(proxies(&[], ""), of(&[]));
    let flags = ["--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "::1,192.0.2.1"];
    assert_eq!(proxies(&flags, "trusted-proxy = [\"127.0.0.1\"]"), of(&["10.0.0.0/8", "::1/128", "192.0.2.1/32"]));
    assert_eq!(proxies(&[], "trusted-proxy = [\"127.0.0.1\", \"fd00::/8\"]"), of(&["127.0.0.1", "fd00::/8"]));
    for bad in ["10.0.0.1/8", "::ffff:10.0.0.0/104", "proxy.example", "*"] {
        assert!(Command::try_parse_from(["serve", "--trusted-proxy", bad]).is_err(), "{bad}");
        let refusal = FileOptions::parse(&format!("trusted-proxy = [\"{bad}\"]")).unwrap_err();
        assert!(refusal.contains("line 1"), "{refusal}");
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for (arguments, refusal) in [
        (&["--tls-cert", "c"][..], ConfigError::HalfATlsPair),
        (&["--tls-key", "k"], ConfigError::HalfATlsPair),
        (&["--tls-cert", "c", "--tls-key", "k", "--tls-self-signed"], ConfigError::TwoCertificates),
        (&["--tls-listen", "127.0.0.1:1"], ConfigError::NoCertificate("tls-listen")),
        (&["--ext-authz-tls-listen", "127.0.0.1:1"], ConfigError::NoCertificate("ext-authz-tls-listen")),
        (&["--boot", "resume"], ConfigError::ResumeWithoutRootKey),
        (&["--io-threads", "0"], ConfigError::OutOfRange("io-threads", 256)),
        (&["--max-connections", "0"], ConfigError::OutOfRange("max-connections", 1_000_000)),
    ] {
        assert_eq!(resolved(arguments, ""), Err(refusal), "{arguments:?}");
    }
    assert!(resolved(&["--boot", "resume", "--root-key-file", "k"], "").is_ok());
}

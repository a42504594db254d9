//! Getting to the authority, or not.

use crate::{
    runner::{Desk, FAILED, USAGE, run},
    scripted::Scripted,
    support::place::{Place, free_port},
};

/// Of the right form; no authority knows it.
fn some_token() -> String {
    format!("jtn_rt_{}", "0".repeat(72))
}

#[test]
fn where_nobody_listens_the_sentence_says_where_it_looked() {
    let place = Place::new();
    let url = format!("http://127.0.0.1:{}", free_port());
    let mut command = place.jeton(&["epoch", "show", "--url", &url]);
    run(command.env("JETON_TOKEN", some_token()), "").refused(FAILED, &[&url, "jeton serve", "JETON_URL"]);
}

#[test]
fn a_url_that_cannot_be_one_or_that_others_can_listen_on_is_bad_usage() {
    let place = Place::new();
    for (url, word) in [
        ("tokens.example", "http://"),
        ("ftp://tokens.example", "http://"),
        ("http://tokens.example:8123", "--allow-plain-http"),
        ("https://admin:hunter2@tokens.example", "no password"),
    ] {
        let ended = run(place.jeton(&["token", "list"]).env("JETON_URL", url).env("JETON_TOKEN", some_token()), "");
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
        ended.refused(USAGE, &[word]);
    }
}

#[test]
fn without_a_token_or_with_another_thing_in_its_place_nothing_is_sent() {
    let place = Place::new();
    for (token, word) in [
        ("", "JETON_TOKEN is not set"),
        (" \n", "JETON_TOKEN is not set"),
        ("hunter2", "79 characters"),
        ("eyJhunter2.hunter2.hunter2", "looks like an access token"),
    ] {
        for command in [&["token", "list"][..], &["epoch", "advance"], &["settings", "get"]] {
            let ended = run(place.jeton(command).env("JETON_TOKEN", token), "");
            assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
            ended.refused(USAGE, &[word]);
        }
    }
    run(&mut place.jeton(&["token", "list"]), "").refused(USAGE, &["JETON_TOKEN is not set", "jeton bootstrap"]);
}

#[test]
fn a_token_that_is_not_good_is_refused_and_not_repeated() {
    let desk = Desk::new();
    let token = some_token();
    let ended = run(desk.command(&["token", "list"]).env("JETON_TOKEN", &token), "");
    assert!(!ended.stderr.contains(&token), "{ended:?}");
    ended.refused(FAILED, &["JETON_TOKEN was deleted, disabled or used up, has expired, is good elsewhere only, or was never issued here"]);
}

#[test]
fn a_token_that_may_not_is_told_which_may() {
    let desk = Desk::new();
    let made = desk.create(&["--name", "reader", "--scope", "jeton:read"]);
    let as_reader =
        |arguments: &[&str]| run(desk.command(arguments).env("JETON_TOKEN", made["token"].as_str().unwrap()), "");
    assert!(as_reader(&["token", "list"]).done().contains("reader"));
    as_reader(&["token", "create", "--name", "another"]).refused(FAILED, &["jeton:admin"]);
}

#[test]
fn over_tls_a_certificate_of_ones_own_must_be_given() {
    let place = Place::new();
    let admin = place.bootstrap();
    let port = free_port();
    let server = place.serve().arguments(&["--tls-self-signed", "--tls-listen", &format!("127.0.0.1:{port}")]).start();
    let show = |url: &str| {
        let mut command = place.jeton(&["epoch", "show", "--url", url]);
        command.env("JETON_TOKEN", &admin);
        command
    };
    let (https, http) = (format!("https://127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
    let certificate = place.data().join("tls-cert.pem");
    run(&mut show(&https), "").refused(FAILED, &["not trusted", "--ca-file"]);
    assert!(run(show(&https).arg("--ca-file").arg(&certificate), "").done().contains("number"));
    let localhost = format!("https://localhost:{port}");
    assert!(run(show(&localhost).env("JETON_CA_FILE", &certificate), "").done().contains("number"));
    run(show(&https).arg("--ca-file").arg(place.database()), "").refused(USAGE, &["jeton.db"]);
    run(&mut show(&http), "").refused(FAILED, &["http or https"]);
    run(&mut show(&format!("https://127.0.0.1:{}", server.port)), "").refused(FAILED, &["http or https"]);
}

#[test]
fn a_proxy_never_stands_between_a_machine_and_itself() {
    let desk = Desk::new();
    let mut command = desk.command(&["epoch", "show"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    assert!(run(&mut command, "").done().contains("number"));
}

#[test]
fn an_access_token_that_dies_in_the_middle_of_a_long_job_is_replaced() {
    let server = Scripted::answering(&[
        (200, r#"{"access_token":"first"}"#),
        (200, r#"{"items":[{"id":"a"}],"next":"cursor&1"}"#),
        (401, r#"{"detail":"dead"}"#),
        (200, r#"{"access_token":"second"}"#),
        (200, r#"{"items":[],"next":"2"}"#),
        (200, r#"{"items":[{"id":"b"}],"next":null}"#),
    ]);
    let place = Place::new();
    let mut command = place.jeton(&["token", "list", "--json", "--url", &server.url]);
    let listed = run(command.env("JETON_TOKEN", some_token()), "").done();
    assert_eq!(listed, "{\"id\":\"a\"}\n{\"id\":\"b\"}\n");
    let asked = server.asked();
    let get = |cursor: &str| format!("GET /v1/refresh-tokens?limit=1000{cursor} HTTP/1.1");
    let expected = [
        ("POST /oauth2/token HTTP/1.1".to_owned(), ""),
        (get(""), "Bearer first"),
        (get("&cursor=cursor%261"), "Bearer first"),
        ("POST /oauth2/token HTTP/1.1".to_owned(), ""),
        (get("&cursor=cursor%261"), "Bearer second"),
        (get("&cursor=2"), "Bearer second"),
    ];
    assert_eq!(asked, expected.map(|(line, authorization)| (line, authorization.to_owned())));
}

#[test]
fn whatever_else_answers_is_not_taken_for_jeton() {
    let place = Place::new();
    // A redirect is not followed: the token would go along.
    for answers in [
        &[(200, "<html>")][..],
        &[(302, "")],
        &[(500, "oh")],
        &[(200, "{}")],
        &[(200, r#"{"access_token":"a"}"#), (200, "[[[")],
    ] {
        let server = Scripted::answering(answers);
        let mut command = place.jeton(&["epoch", "show", "--url", &server.url]);
        run(command.env("JETON_TOKEN", some_token()), "").refused(FAILED, &[&server.url, "not as Jeton does"]);
        assert_eq!(server.asked().len(), answers.len());
    }
}

#[test]
fn an_authority_that_cannot_answer_now_says_so() {
    let server = Scripted::answering(&[(503, r#"{"error":"temporarily_unavailable"}"#)]);
    let place = Place::new();
    let mut command = place.jeton(&["epoch", "show", "--url", &server.url]);
    run(command.env("JETON_TOKEN", some_token()), "").refused(FAILED, &["temporarily_unavailable", "Try again"]);
    assert_eq!(server.asked().len(), 1);
}

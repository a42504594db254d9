//! The console against whoever means ill: other sites, other people, and what they type.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::people::{Browser, PASSWORD, first_code, form_token, somebody, with_root};
use crate::support::http::Request;
use crate::support::place::{Place, free_port};
use crate::support::server::Server;

/// Pages that a walk through the console looks at, at most.
const MAX_PAGES: usize = 80;

/// Every page that links of the console lead to, and every form on them that changes something.
fn walk(browser: &mut Browser<'_>) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut pages, mut forms, mut ahead) = (BTreeSet::new(), BTreeSet::new(), vec!["/console/tokens".to_owned()]);
    while let Some(target) = ahead.pop() {
        if pages.len() >= MAX_PAGES || !pages.insert(target.clone()) {
            continue;
        }
        let page = browser.get(&target);
        assert!([200, 303].contains(&page.status), "{target}: {}", page.text());
        let text = page.text();
        let linked = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        ahead.extend(linked.map(unescaped).filter(|path| path.starts_with("/console") && !path.contains("/assets/")));
        for form in text.split("<form").skip(1).filter_map(|rest| rest.split('>').next()) {
            let attribute =
                |name: &str| form.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            if attribute("method") == Some("post") {
                forms.insert(unescaped(attribute("action").expect("a form says where it goes")));
            }
        }
    }
    (pages, forms)
}

fn unescaped(text: &str) -> String {
    text.replace("&amp;", "&").replace("&#x2f;", "/").replace("&#x3d;", "=")
}

/// A server with something of everything, and its administrator.
fn furnished(server: &Server) -> Browser<'_> {
    let mut root = with_root(server);
    for name in ["nightly+report", "warehouse"] {
        root.post("/console/tokens/new", "/console/tokens/new", &format!("name={name}&expires=default&scopes=orders"))
            .expect(200);
    }
    root
}

#[test]
fn no_page_stands_in_a_frame_is_kept_or_runs_what_is_not_ours() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = furnished(&server);
    let (pages, _) = walk(&mut root);
    assert!(pages.len() >= 6, "{pages:?}");
    let redirections = ["/", "/console/first", "/console/sign-in"].map(str::to_owned);
    for target in pages.iter().chain(&redirections) {
        let page = root.get(target);
        let policy = page.header("content-security-policy").unwrap_or_default();
        for rule in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(rule), "{target}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{target}: {policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(page.header(name), Some(value), "{target}");
        }
    }
}

#[test]
fn no_form_of_the_console_is_taken_from_another_site_or_without_its_token() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = furnished(&server);
    let (_, forms) = walk(&mut root);
    assert!(forms.len() >= 6, "{forms:?}");
    let token = form_token(&mut root);
    let before = root.get("/v1/refresh-tokens?limit=1000").expect(200).text();
    for action in &forms {
        let form = |token: &str| Request::form(action, &format!("form_token={token}"));
        let own = ("Origin", "http://localhost");
        for (request, what) in [
            (form("").header(own.0, own.1), "no token"),
            (form("another").header(own.0, own.1), "another token"),
            (form(&token).header("Origin", "http://evil.example"), "another site"),
            (form(&token).header("Origin", "null"), "a frame of nowhere"),
            (
                form(&token).header("Sec-Fetch-Site", "cross-site").header(own.0, own.1),
                "another site, by the browser's word",
            ),
            (form(&token).header("Sec-Fetch-Site", "same-site").header(own.0, own.1), "a neighbour"),
            (form(&token), "no origin"),
        ] {
            assert_eq!(root.send(request).status, 403, "{action}: {what}");
        }
    }
    assert_eq!(root.get("/v1/refresh-tokens?limit=1000").expect(200).text(), before);
}

#[test]
fn a_sign_in_is_a_session_of_its_own_whatever_came_along() {
    let place = Place::new();
    let server = place.serve().start();
    drop(with_root(&server));
    let mut victim = Browser::new(&server);
    victim.set_cookie("jeton", "a-session-that-somebody-else-knows");
    victim.set_cookie("jeton-visitor", "a-visitor-that-somebody-else-knows");
    victim.sign_in("root").expect(303);
    let session = victim.cookie("jeton").expect("a session");
    assert_ne!(session, "a-session-that-somebody-else-knows");
    let mut attacker = Browser::new(&server);
    attacker.set_cookie("jeton", "a-session-that-somebody-else-knows");
    assert_eq!(attacker.get("/console/tokens").header("location"), Some("/console/sign-in"));
    // Signed in over a session that goes on, she has another, too.
    victim.post("/console/account", "/console/sign-out", "").expect(303);
    victim.sign_in("root").expect(303);
    assert_ne!(victim.cookie("jeton"), Some(session));
}

#[test]
fn nothing_that_a_link_or_a_header_says_leads_elsewhere() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = furnished(&server);
    let elsewhere = "evil.example";
    let mut stranger = Browser::new(&server);
    let mut seen = 0;
    for target in [
        "/?next=//evil.example",
        "/console?return_to=https://evil.example",
        "/console/sign-in?next=https%3A%2F%2Fevil.example&done=//evil.example",
        "/console/tokens?next=//evil.example",
        "/console//evil.example",
        "//evil.example/console",
        "/console/sso/back?code=a&state=b&iss=https://evil.example",
        "http://evil.example/console/sign-in",
        "http://evil.example/console/tokens",
        "http://evil.example/",
    ] {
        for browser in [&mut stranger, &mut root] {
            let asked = Request::get(target).header("Accept", "text/html");
            let answer = browser.send(
                asked
                    .header("X-Forwarded-Host", elsewhere)
                    .header("Forwarded", "host=evil.example")
                    .header("X-Forwarded-Prefix", "//evil.example"),
            );
            let location = answer.header("location").unwrap_or("/console");
            assert!(location.starts_with("/console"), "{target}: {location}");
            assert!(!location.contains(elsewhere) && !answer.text().contains(elsewhere), "{target}: {}", answer.text());
            seen += usize::from(answer.status == 200);
        }
    }
    assert!(seen >= 3, "some of these are pages");
    let mut victim = Browser::new(&server);
    let fields = format!("name=root&password={}&next=https://evil.example", PASSWORD.replace(' ', "+"));
    let answer =
        victim.post("/console/sign-in?next=https://evil.example", "/console/sign-in?next=//evil.example", &fields);
    assert!(answer.expect(303).header("location").is_some_and(|location| location.starts_with("/console/")));
}

#[test]
fn fields_that_a_form_does_not_have_change_nothing() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = furnished(&server);
    let mut mia = somebody(&place, &server, "mia", &["--role", "member", "--may-grant", "orders:read"]);
    let more = "owner=root&created_by=root&state=active&id=0000000000000000000000&role=admin&access_ttl=86400&may_delegate=true&form=admin";
    let fields = format!("name=hers&expires=default&scopes=orders:read&{more}");
    let made = mia.post("/console/tokens/new", "/console/tokens/new", &fields);
    let items = root.get("/v1/refresh-tokens?name=hers").expect(200).json()["items"].clone();
    if made.status == 200 {
        let made = &items[0];
        assert_eq!((made["owner"].as_str(), made["created_by"].as_str()), (Some("mia"), Some("mia")), "{made}");
        assert_ne!(made["id"], "0000000000000000000000");
    } else {
        assert_eq!(items, json!([]), "refused: nothing is half made");
    }
    let password = PASSWORD.replace(' ', "+");
    let change =
        format!("present={password}&password={password}+two&again={password}+two&role=admin&name=root&grants=stock");
    mia.post("/console/account", "/console/account/password", &change).expect(303);
    mia.get("/console/users").expect(403);
    Browser::new(&server).sign_in("root").expect(303);
    let token = form_token(&mut root);
    let asked = Request::json(
        "POST",
        "/v1/refresh-tokens",
        &json!({"name": "job", "created_by": "machine", "created_at": "2020-01-01T00:00:00Z"}),
    );
    root.send(asked.header("Origin", "http://localhost").header("X-Jeton-Form-Token", &token)).expect(400);
}

#[test]
fn cookies_over_tls_are_of_this_host_alone_and_never_sent_in_the_open() {
    let place = Place::new();
    let tls = free_port();
    let server = place.serve().arguments(&["--tls-self-signed", "--tls-listen", &format!("127.0.0.1:{tls}")]).start();
    let jar = place.path("cookies");
    let curl = |arguments: &[&str]| {
        let url = format!("https://127.0.0.1:{tls}");
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--insecure", "--include", "--cookie"])
            .arg(&jar)
            .arg("--cookie-jar")
            .arg(&jar);
        let arguments = arguments.iter().map(|argument| argument.replace("https:/console", &format!("{url}/console")));
        let output = command.args(arguments).output().expect("curl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let page = curl(&["https:/console/first"]);
    let token =
        page.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
    let fields =
        format!("form_token={token}&code={}&name=root&password={PASSWORD}&again={PASSWORD}", first_code(&server));
    let origin = format!("Origin: https://127.0.0.1:{tls}");
    let made = curl(&["--header", &origin, "--data", &fields, "https:/console/first"]);
    assert!(made.starts_with("HTTP/1.1 303") || made.starts_with("HTTP/2 303"), "{made}");
    let given =
        made.lines().filter(|line| line.to_lowercase().starts_with("set-cookie: ")).map(|line| line.get(12..).unwrap());
    let session =
        given.clone().find(|cookie| cookie.starts_with("__Host-jeton=")).expect("a session").trim().to_owned();
    server.hide(session.split(['=', ';']).nth(1).unwrap());
    for attribute in ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"] {
        assert!(session.split("; ").any(|part| part == attribute), "{attribute}");
    }
    assert!(!session.contains("Domain") && !session.contains("Max-Age"));
    assert!(curl(&["https:/console/account"]).contains("Signed in as"));
    // The same session under the name for plain HTTP is nobody's over TLS.
    let value = session.split(['=', ';']).nth(1).unwrap();
    let cookie = format!("jeton={value}");
    let output = Command::new("curl")
        .args([
            "--silent",
            "--insecure",
            "--include",
            "--cookie",
            &cookie,
            &format!("https://127.0.0.1:{tls}/console/account"),
        ])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("/console/sign-in"));
}

#[test]
fn what_people_type_leaves_exports_and_the_log_whole() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let token = form_token(&mut root);
    let odd = [
        "=cmd|' /C calc'!A0",
        "a\",\"owner\":\"root",
        "{\"name\":1}",
        "</script><b>",
        "a\u{2028}b\u{202e}c",
        "%0d%0aERROR forged",
    ];
    for name in odd {
        let make = Request::json("POST", "/v1/refresh-tokens", &json!({"name": name}));
        let made = root.send(make.header("Origin", "http://localhost").header("X-Jeton-Form-Token", &token));
        assert!([201, 400].contains(&made.status), "{name}: {}", made.text());
        if made.status == 201 {
            server.hide(made.json()["token"].as_str().unwrap());
        }
    }
    let exported = root.get("/v1/export").expect(200).text();
    let page: Value = serde_json::from_str(&exported).expect("it is JSON");
    let names: Vec<&Value> = page["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    for name in &odd[..4] {
        assert!(names.contains(&&json!(name)), "{name}: {exported}");
    }
    let mut stranger = Browser::new(&server);
    for target in [
        "/console/%0d%0a%7B%22level%22:%22ERROR%22%7D",
        "/v1/refresh-tokens/%0aERROR",
        "/console/tokens?q=%0aERROR%1b[31m",
    ] {
        stranger.send(
            Request::get(target).header("User-Agent", "x\t{\"level\":\"ERROR\"}").header("Referer", "\u{1b}[31m"),
        );
    }
    let form = "name=root%0a%7B%22level%22:%22ERROR%22%7D&password=wrong+horse+battery";
    stranger.post("/console/sign-in", "/console/sign-in", form).expect(403);
    // Beside the log stands what is for people: lines that begin otherwise.
    for line in server.log().lines().filter(|line| line.contains("ERROR") || line.starts_with('{')) {
        let told: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_ne!(told["level"], "ERROR", "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
    }
}

//! The console's pages about the whole authority: the overview, the settings, the audit log.

use serde_json::{Value, json};

use crate::{
    audit::head_of,
    people::{Browser, somebody, with_root},
    support::{http::Request, place::Place},
};

/// The form of the settings with everything as it is unless changed, but for what `changed` says.
fn settings_form(changed: &[(&str, &str)]) -> String {
    let unchanged = [
        ("access_token_expiration", "15"),
        ("access_token_expiration_unit", "minutes"),
        ("access_token_minimum", "1"),
        ("access_token_minimum_unit", "seconds"),
        ("access_token_maximum", "1"),
        ("access_token_maximum_unit", "days"),
        ("refresh_token_expiration", "90"),
        ("refresh_token_expiration_unit", "days"),
        ("refresh_token_maximum", ""),
        ("refresh_token_maximum_unit", "days"),
        ("never_allowed", "yes"),
        ("unique_names", "no"),
        ("scopes", "any"),
        ("scopes_listed", ""),
        ("delegation_levels", "8"),
        ("holder_delegation", "yes"),
        ("tombstone_retention", "400"),
        ("tombstone_retention_unit", "days"),
    ];
    let value = |name: &str, value: &str| {
        let changed = changed.iter().find(|(known, _)| *known == name);
        format!("{name}={}", changed.map_or(value, |(_, value)| value))
    };
    unchanged.iter().map(|(name, unchanged)| value(name, unchanged)).collect::<Vec<_>>().join("&")
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let field = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
    field.and_then(|rest| rest.split('"').next()).expect("a hidden field").to_owned()
}

/// A page as it is read.
fn read(page: &str) -> String {
    [("&#x2f;", "/"), ("&quot;", "\""), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
        .iter()
        .fold(page.to_owned(), |page, (written, read)| page.replace(written, read))
}

/// How many access tokens a page says are alive.
fn at_most(page: &str) -> u64 {
    let digits = page.split("at most ").nth(1).expect("a bound");
    digits.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The entries of an act, oldest first.
fn told(root: &mut Browser<'_>, act: &str) -> Vec<Value> {
    root.get(&format!("/v1/audit?act={act}&limit=1000")).expect(200).json()["items"].as_array().unwrap().clone()
}

#[test]
fn the_settings_page_shows_whom_a_change_would_hit_before_it_is_made_and_who_made_it() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let page = root.get("/console/settings").expect(200).text();
    for word in ["API_ACCESS_TOKEN_EXPIRATION", "API_REFRESH_TOKEN_EXPIRATION", "End the epoch", "Policy in force"] {
        assert!(page.contains(word), "{word}");
    }
    let digest = root.get("/v1/policy").expect(200).json()["authority"]["sha256"].as_str().unwrap().to_owned();
    assert!(page.contains(&digest));
    root.post("/console/tokens/new", "/console/tokens/new", "name=%3Cb%3Eeternal&expires=never&scopes=a").expect(200);

    let before = root.get("/v1/settings").expect(200).json();
    let form = settings_form(&[("refresh_token_maximum", "120"), ("never_allowed", "no")]);
    let tried = root.post("/console/settings", "/console/settings", &form).expect(200).text();
    assert!(tried.contains("&lt;b&gt;eternal") && tried.contains("<strong>1</strong> would live shorter"), "{tried}");
    assert!(tried.contains("120 days") && tried.contains("no maximum"));
    assert_eq!(root.get("/v1/settings").expect(200).json(), before, "nothing has been changed yet");

    let apply = |generation: &str| format!("{form}&generation={generation}&apply=next_exchange");
    let generation = hidden(&tried, "generation");
    // Somebody else was first.
    let token = hidden(&page, "form_token");
    let patch = Request::json("PATCH", "/v1/settings", &json!({ "delegation_levels": 4 }))
        .header("Origin", "http://localhost")
        .header("X-Jeton-Form-Token", &token);
    root.send(patch).expect(200);
    root.post("/console/settings", "/console/settings/apply", &apply(&generation)).expect(409);
    let form = settings_form(&[("refresh_token_maximum", "120"), ("never_allowed", "no"), ("delegation_levels", "4")]);
    let tried = root.post("/console/settings", "/console/settings", &form).expect(200).text();
    let fields = format!("{form}&generation={}&apply=next_exchange", hidden(&tried, "generation"));
    root.post("/console/settings", "/console/settings/apply", &fields).expect(303);
    let now = root.get("/v1/settings").expect(200).json();
    assert_eq!((&now["refresh_token_maximum"], &now["never_allowed"]), (&json!(10_368_000), &json!(false)));
    assert_eq!(now["tombstone_retention"], before["tombstone_retention"]);
    let page = root.get("/console/settings").expect(200).text();
    assert!(page.contains("refresh_token_maximum: 120 days") && page.contains("never_allowed: no"), "{page}");
    // Only what was changed is told.
    let last = told(&mut root, "settings").pop().unwrap();
    assert_eq!(last["changed"], json!({ "refresh_token_maximum": 10_368_000, "never_allowed": false }));

    // What cannot be set is told beside the form, which keeps what was typed; the policy says what may be set.
    for (name, value, said) in [
        ("access_token_expiration", "soon", "give a whole number"),
        ("access_token_expiration", "99999", "access tokens live 1 to 86400 seconds"),
        ("delegation_levels", "9", "0 to 8 levels"),
    ] {
        let refused = root.post("/console/settings", "/console/settings", &settings_form(&[(name, value)]));
        let page = refused.expect(400).text();
        assert!(page.contains(said) && page.contains(&format!("value=\"{value}\"")), "{said}: {page}");
    }
}

#[test]
fn an_epoch_is_ended_by_who_types_its_number() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let access = server.access_token(&admin);
    let page = root.get("/console/settings").expect(200).text();
    // Hers, and the one of her session.
    assert_eq!(at_most(&page), 2, "{page}");
    let number = root.get("/v1/epoch").expect(200).json()["number"].to_string();
    for typed in ["", "1", "yes"] {
        root.post("/console/settings", "/console/settings/epoch", &format!("confirm={typed}")).expect(400);
    }
    assert!(server.lets_in(&access));
    root.post("/console/settings", "/console/settings/epoch", &format!("confirm={number}")).expect(303);
    assert!(!server.lets_in(&access));
    let page = root.get("/console/settings").expect(200).text();
    // What was given out in the seconds before may be of either epoch, and is counted still.
    assert!(page.contains("by root") && at_most(&page) <= 3, "{page}");
    root.post("/console/settings", "/console/settings/epoch", &format!("confirm={number}")).expect(400);
}

#[test]
fn the_pages_about_the_whole_open_to_who_sees_the_whole() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let mut olga = somebody(&place, &server, "olga", &["--role", "operator"]);
    let mut vera = somebody(&place, &server, "vera", &["--role", "viewer"]);
    let mut mia = somebody(&place, &server, "mia", &["--role", "member"]);
    for target in ["/console/settings", "/console/audit", "/console/audit/export", "/console"] {
        for browser in [&mut root, &mut olga, &mut vera] {
            browser.get(target).expect(200);
        }
        let answer = mia.get(target);
        match target {
            "/console" => assert_eq!(answer.expect(303).header("location"), Some("/console/tokens")),
            _ => assert_eq!(answer.status, 403, "{target}"),
        }
        assert_eq!(Browser::new(&server).get(target).header("location"), Some("/console/sign-in"));
    }
    assert!(!vera.get("/console/settings").expect(200).text().contains("See what it would do"));
    let form = settings_form(&[("delegation_levels", "3")]);
    for browser in [&mut olga, &mut vera, &mut mia] {
        for target in ["/console/settings", "/console/settings/apply", "/console/settings/epoch"] {
            browser.post("/console/account", target, &form).expect(403);
        }
    }
    assert_eq!(root.get("/v1/settings").expect(200).json()["delegation_levels"], 8);
    let links = |browser: &mut Browser<'_>| {
        let page = browser.get("/console/tokens").expect(200).text();
        ["Overview", "Audit log", "Settings", "Users"].map(|word| page.contains(&format!(">{word}</a>")))
    };
    assert_eq!(links(&mut root), [true; 4]);
    assert_eq!((links(&mut vera), links(&mut mia)), ([true, true, true, false], [false; 4]));
}

#[test]
fn what_people_do_to_sign_in_and_to_accounts_is_told_and_no_secret_with_it() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let mut alice = somebody(&place, &server, "alice", &["--role", "viewer"]);
    let mut guess = Browser::new(&server);
    let password = "my+other+secret+password";
    for name in ["alice", "alice", password] {
        guess.post("/console/sign-in", "/console/sign-in", &format!("name={name}&password={password}")).expect(403);
    }
    alice.post("/console/account", "/console/account/sessions/end", "id=all").expect(303);
    root.post("/console/users/alice", "/console/users/alice/role", "role=operator&grants=").expect(303);
    root.post("/console/users/alice", "/console/users/alice/switch", "to=disabled").expect(303);
    root.post("/console/users/alice", "/console/users/alice/switch", "to=enabled").expect(303);
    root.post("/console/users/alice", "/console/users/alice/remove", "confirm=alice").expect(303);

    let about = root.get("/v1/audit?target=alice&limit=1000").expect(200).json();
    let about = about["items"].as_array().unwrap();
    let acts: Vec<String> = about
        .iter()
        .map(|entry| {
            let part = entry["part"].as_u64().map(|part| format!(" ({part})")).unwrap_or_default();
            format!("{} {}{part}", entry["actor"].as_str().unwrap(), entry["act"].as_str().unwrap())
        })
        .collect();
    let expected = [
        "machine account.create",
        "machine account.create (2)",
        "alice account.password",
        "alice session.begin",
        "alice session.end",
        "root account.role",
        "root account.disable",
        "root account.enable",
        "root account.remove",
        "root account.remove (2)",
    ];
    assert_eq!(acts, expected);
    let role = &about[5];
    assert_eq!(
        (&role["role"], &role["from"], &role["outcome"]),
        (&json!("operator"), &json!("127.0.0.1"), &json!("done"))
    );
    assert_eq!(told(&mut root, "session.begin").iter().filter(|entry| entry["actor"] == "root").count(), 1);
    // Refusals are counted together, and written at the stop at the latest.
    server.stop();
    let exported = place.jeton(&["audit", "export", "--data"]).arg(place.data()).output().unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let text = String::from_utf8(exported.stdout).unwrap();
    let refused: Vec<Value> = lines(&text).into_iter().filter(|entry| entry["act"] == "session.refuse").collect();
    let count = |actor: &str| {
        let of = refused.iter().filter(|entry| entry["actor"] == actor && entry["code"] == "wrong-password");
        of.filter_map(|entry| entry["count"].as_u64()).sum::<u64>()
    };
    assert_eq!((count("alice"), count("nobody")), (2, 1));
    assert!(!text.contains("my+other") && !text.contains("my other"), "somebody typed a password as a name");
    assert!(!text.contains("jtn_rt_") && !text.contains("argon2"));
    assert!(head_of(&place, None).starts_with(&format!("{}:", lines(&text).len())));
}

#[test]
fn the_audit_page_finds_who_did_what_and_hands_out_what_can_be_checked() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let mut vera = somebody(&place, &server, "vera", &["--role", "viewer"]);
    let odd = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    root.post("/console/tokens/new", "/console/tokens/new", &format!("name={odd}&expires=default&scopes=a"))
        .expect(200);
    for number in 0..60 {
        let fields = format!("name=job{number}&expires=default&scopes=a");
        root.post("/console/tokens/new", "/console/tokens/new", &fields).expect(200);
    }
    let id = root.get("/v1/refresh-tokens?name=job7").expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    root.post("/console/tokens", "/console/tokens/delete", &format!("id={id}&confirmed=yes")).expect(303);

    let page = vera.get("/console/audit").expect(200).text();
    assert!(!page.contains("<script>alert") && page.contains("jeton audit verify"));
    let page = read(&page);
    assert!(
        page.contains("<td data-label=\"What\">deleted refresh tokens")
            && page.contains(&format!("\"/console/tokens/{id}\""))
    );
    let older = page.split("<a class=\"button plain\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let second = vera.get(older).expect(200).text();
    assert!(second.contains("<td data-label=\"What\">started the authority"), "{second}");
    assert!(second.contains("&lt;script&gt;alert") && !second.contains("<script>alert"), "{second}");
    let about = vera.get(&format!("/console/audit?target={id}")).expect(200).text();
    assert_eq!(about.matches("<td class=\"when\"").count(), 2, "made and deleted");
    let none = vera.get("/console/audit?actor=nobody-at-all").expect(200).text();
    assert!(none.contains("There are no such entries."));
    let of_today = vera.get("/console/audit?act=refresh-token.delete&to=1970-01-02").expect(200).text();
    assert!(of_today.contains("There are no such entries."));
    vera.get("/console/audit?from=yesterday").expect(400);
    for target in [format!("/console/audit?actor={odd}&act={odd}&target={odd}"), format!("/console/audit?from={odd}")] {
        assert!(!vera.get(&target).text().contains("<script>alert"), "{target}");
    }

    let exported = vera.get("/console/audit/export").expect(200);
    assert!(exported.header("content-disposition").is_some_and(|value| value.starts_with("attachment; filename=")));
    let text = exported.text();
    let all = vera.get("/v1/audit?limit=1000").expect(200).json();
    assert_eq!(lines(&text), *all["items"].as_array().unwrap());
    let file = place.path("exported.jsonl");
    std::fs::write(&file, &text).unwrap();
    assert_eq!(head_of(&place, Some(&file)), head_of(&place, None));
    let filtered = vera.get(&format!("/console/audit/export?target={id}")).expect(200).text();
    assert_eq!(lines(&filtered).len(), 2);
}

#[test]
fn the_overview_tells_what_expires_what_is_exchanged_and_what_can_be_alive() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let mut make = |name: &str, expires: &str| {
        let fields = format!("name={name}&expires={expires}&scopes=a");
        root.post("/console/tokens/new", "/console/tokens/new", &fields).expect(200);
    };
    make("eternal", "never");
    make("ninety", "default");
    let token = hidden(&root.get("/console/account").expect(200).text(), "form_token");
    let soon = Request::json("POST", "/v1/refresh-tokens", &json!({ "name": "soon", "expires_in": 86_400 }))
        .header("Origin", "http://localhost")
        .header("X-Jeton-Form-Token", &token);
    let soon = root.send(soon).expect(201).member("token");
    for _ in 0..3 {
        server.access_token(&soon);
    }
    server.exchange(&format!("{soon}x")).expect(400);
    let page = root.get("/console").expect(200).text();
    for said in [
        "<strong>1</strong> expire within 14 days",
        "<strong>0</strong> not used for 90 days",
        "Active refresh tokens that expire: 2.",
        "In the last hour 3, and 1 refused",
        // And that of her session.
        "<strong>at most 4</strong> access tokens alive",
        "aria-current=\"page\">Overview",
    ] {
        assert!(page.contains(said), "{said} in {page}");
    }
    assert!(page.contains("<rect class=\"bar\"") && !page.contains(" style="));
    // What is deleted expires no more, and its access tokens are still counted: that many are alive at most.
    let id = root.get("/v1/refresh-tokens?name=soon").expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    root.post("/console/tokens", "/console/tokens/delete", &format!("id={id}&confirmed=yes")).expect(303);
    let page = root.get("/console").expect(200).text();
    assert!(page.contains("Active refresh tokens that expire: 1.") && page.contains("at most 4"), "{page}");
}

//! People: the first administrator, sessions, roles, and what a session opens and does not.

use serde_json::json;

use crate::support::{
    http::{Answer, Request},
    place::Place,
    server::Server,
    wait_for,
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A browser without a script, that keeps its cookies.
pub(crate) struct Browser<'s> {
    server: &'s Server,
    cookies: Vec<(String, String)>,
}

impl<'s> Browser<'s> {
    pub(crate) fn new(server: &'s Server) -> Self {
        Self { server, cookies: Vec::new() }
    }

    pub(crate) fn send(&mut self, request: Request) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header("Cookie", &cookies.join("; ")) };
        let answer = self.server.send(request);
        for header in answer.every_header("set-cookie") {
            let (name, value) = header.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.server.hide(value);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send(Request::get(target).header("Accept", "text/html"))
    }

    /// Loads a page and sends a form as it stands there, with these fields.
    pub(crate) fn post(&mut self, page: &str, target: &str, fields: &str) -> Answer {
        let shown = self.get(page).expect(200).text();
        let token = shown.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let body = format!("form_token={}&{fields}", token.expect("a form"));
        self.send(Request::form(target, &body).header("Origin", "http://localhost"))
    }

    pub(crate) fn sign_in(&mut self, name: &str) -> Answer {
        self.post(
            "/console/sign-in",
            "/console/sign-in",
            &format!("name={name}&password={}", PASSWORD.replace(' ', "+")),
        )
    }

    fn session(&self) -> String {
        self.cookies.iter().find(|(name, _)| name == "jeton").map(|(_, value)| value.clone()).expect("signed in")
    }

    /// The value of a cookie that it has.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// Puts a cookie into it, as whoever sits at it before her could.
    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.retain(|(known, _)| known != name);
        self.cookies.push((name.to_owned(), value.to_owned()));
    }
}

/// The code for the first account, from the server's log.
pub(crate) fn first_code(server: &Server) -> String {
    let is_code = |word: &&str| word.len() == 19 && word.matches('-').count() == 3;
    wait_for("the log to tell the code", || {
        let log = server.log();
        let line = log.lines().find(|line| line.contains("/console/first with"))?;
        line.split([' ', '"']).find(is_code).map(str::to_owned)
    })
}

/// A server with an administrator `root`, who is signed in.
pub(crate) fn with_root(server: &Server) -> Browser<'_> {
    let mut root = Browser::new(server);
    let password = PASSWORD.replace(' ', "+");
    let fields = format!("code={}&name=root&password={password}&again={password}", first_code(server));
    let made = root.post("/console/first", "/console/first", &fields);
    assert_eq!((made.status, made.header("location")), (303, Some("/console/tokens")), "{}", made.text());
    root
}

/// Somebody of this role, who is signed in: made on the machine, with a password of her own.
pub(crate) fn somebody<'s>(place: &Place, server: &'s Server, name: &str, rights: &[&str]) -> Browser<'s> {
    let output = place.jeton(&["user", "add", name, "--data"]).arg(place.data()).args(rights).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let code = String::from_utf8(output.stdout).unwrap();
    let mut browser = Browser::new(server);
    let password = PASSWORD.replace(' ', "+");
    let fields = format!("code={}&name={name}&password={password}&again={password}", code.trim());
    browser.post("/console/code", "/console/code", &fields).expect(303);
    browser.sign_in(name).expect(303);
    browser
}

#[test]
fn the_first_administrator_needs_the_machines_code_and_everybody_after_her_an_account() {
    let place = Place::new();
    let server = place.serve().start();
    let mut stranger = Browser::new(&server);
    assert_eq!(stranger.get("/").header("location"), Some("/console"));
    assert_eq!(stranger.get("/console/tokens").header("location"), Some("/console/sign-in"));
    assert_eq!(stranger.get("/console/sign-in").header("location"), Some("/console/first"));
    let fields = "code=AAAA-AAAA-AAAA-AAAA&name=eve&password=correct+horse+battery&again=correct+horse+battery";
    stranger.post("/console/first", "/console/first", fields).expect(403);
    let mut root = with_root(&server);
    assert_eq!(stranger.get("/console/first").header("location"), Some("/console/sign-in"));
    let page = root.get("/console/tokens").expect(200);
    assert!(page.text().contains("API Refresh Token Management"));
    for (header, value) in
        [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff")]
    {
        assert_eq!(page.header(header), Some(value));
    }
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for (place, _) in page.text().match_indices("/console/assets/") {
        let path: String = page.text()[place..].chars().take_while(|one| *one != '"').collect();
        assert!(root.get(&path).expect(200).header("cache-control").is_some_and(|kept| kept.contains("immutable")));
    }
    root.get("/console/assets/..%2f..%2fjeton.db").expect(404);
}

#[test]
fn a_session_is_a_refresh_token_and_dies_like_one() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let mut alice = somebody(&place, &server, "alice", &["--role", "viewer"]);
    let secret = alice.session();
    // Who holds the cookie holds a refresh token: what it gives out is judged by the one rule and by nothing else.
    let given = server.access_token(&secret);
    assert!(server.lets_in(&given));
    alice.get("/v1/settings").expect(200);
    // An epoch's end kills what is out, and not the session.
    let advance = || Request::json("POST", "/v1/epoch/advance", &json!({})).bearer(&server.access_token(&admin));
    server.send(advance()).expect(200);
    assert!(!server.lets_in(&given));
    alice.get("/console/tokens").expect(200);
    let given = server.access_token(&secret);
    root.post("/console/users/alice", "/console/users/alice/switch", "to=disabled").expect(303);
    assert!(!server.lets_in(&given));
    assert_eq!(alice.get("/console/tokens").header("location"), Some("/console/sign-in"));
    alice.get("/v1/settings").expect(401);
    server.refuses(&secret);
    // Enabled again, she signs in anew, out, and is out everywhere.
    root.post("/console/users/alice", "/console/users/alice/switch", "to=enabled").expect(303);
    let (mut here, mut there) = (Browser::new(&server), Browser::new(&server));
    here.sign_in("alice").expect(303);
    there.sign_in("alice").expect(303);
    assert_ne!(here.session(), there.session());
    let (one, other) = (here.session(), there.session());
    here.post("/console/account", "/console/sign-out", "").expect(303);
    server.refuses(&one);
    there.post("/console/account", "/console/account/sessions/end", "id=all").expect(303);
    server.refuses(&other);
    // A script's refresh token in the cookie is nobody's session.
    let mut forged = Browser::new(&server);
    forged.cookies.push(("jeton".to_owned(), admin.clone()));
    forged.get("/v1/settings").expect(401);
    // Lists do not show what people sign in with, and no administrator may touch it.
    let access = server.access_token(&admin);
    let listed = server.send(Request::get("/v1/refresh-tokens").bearer(&access)).expect(200).text();
    assert!(
        listed.contains("the administrator") && !listed.contains("console session") && !listed.contains("account ")
    );
}

#[test]
fn every_route_opens_to_the_roles_that_the_table_says_and_to_no_others() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let mut others = [
        somebody(&place, &server, "olga", &["--role", "operator"]),
        somebody(&place, &server, "vera", &["--role", "viewer"]),
        somebody(&place, &server, "mia", &["--role", "member"]),
    ];
    let mut nobody = Browser::new(&server);
    // Each with what the four roles are answered, in this order: admin, operator, viewer, member. What is asked for is harmless or malformed:
    // 400 and 404 are said by the handler, to who was let in.
    let (open, closed) = (true, false);
    let rows: &[(&str, &str, [bool; 4])] = &[
        ("GET", "/v1/self", [open; 4]),
        ("GET", "/v1/refresh-tokens", [open; 4]),
        ("GET", "/v1/notices", [open; 4]),
        ("GET", "/console/notices", [open; 4]),
        ("POST", "/v1/refresh-tokens", [open, open, closed, open]),
        ("POST", "/v1/refresh-tokens/delete", [open, open, closed, open]),
        ("GET", "/v1/refresh-tokens/x", [open; 4]),
        ("PATCH", "/v1/refresh-tokens/x", [open, open, closed, open]),
        ("DELETE", "/v1/refresh-tokens/x", [open, open, closed, open]),
        ("POST", "/v1/refresh-tokens/x/rotate", [open, open, closed, open]),
        ("DELETE", "/v1/access-tokens/x", [open, open, closed, open]),
        ("GET", "/v1/explain?token_id=x", [open, open, open, closed]),
        ("POST", "/v1/explain", [open, open, open, closed]),
        ("GET", "/v1/settings", [open, open, open, closed]),
        ("PATCH", "/v1/settings", [open, closed, closed, closed]),
        ("GET", "/v1/export", [open, closed, closed, closed]),
        ("POST", "/v1/import", [open, closed, closed, closed]),
        ("GET", "/v1/policy", [open, open, open, closed]),
        ("POST", "/v1/policy", [open, closed, closed, closed]),
        ("GET", "/v1/epoch", [open, open, open, closed]),
        ("POST", "/v1/epoch/advance", [open, closed, closed, closed]),
        ("GET", "/console/tokens", [open; 4]),
        ("GET", "/console/tokens/new", [open, open, closed, open]),
        ("POST", "/console/tokens/new", [open, open, closed, open]),
        ("POST", "/console/tokens/delete", [open, open, closed, open]),
        ("GET", "/console/tokens/x", [open; 4]),
        ("GET", "/console/tokens/x/edit", [open, open, closed, open]),
        ("POST", "/console/tokens/x/edit", [open, open, closed, open]),
        ("GET", "/console/tokens/x/rotate", [open, open, closed, open]),
        ("POST", "/console/tokens/x/rotate", [open, open, closed, open]),
        ("POST", "/console/tokens/x/switch", [open, open, closed, open]),
        ("GET", "/console/account", [open; 4]),
        ("GET", "/console/account/second-factor", [open; 4]),
        ("POST", "/console/account/password", [open; 4]),
        ("POST", "/console/account/second-factor", [open; 4]),
        ("POST", "/console/account/second-factor/off", [open; 4]),
        ("POST", "/console/account/sessions/end", [open; 4]),
        ("GET", "/console/users", [open, closed, closed, closed]),
        ("POST", "/console/users", [open, closed, closed, closed]),
        ("GET", "/console/users/nobody", [open, closed, closed, closed]),
        ("POST", "/console/users/nobody/role", [open, closed, closed, closed]),
        ("POST", "/console/users/nobody/switch", [open, closed, closed, closed]),
        ("POST", "/console/users/nobody/reset", [open, closed, closed, closed]),
        ("POST", "/console/users/nobody/remove", [open, closed, closed, closed]),
    ];
    let [olga, vera, mia] = &mut others;
    for (method, target, expected) in rows {
        for (browser, is_open) in [&mut root, &mut *olga, &mut *vera, &mut *mia].into_iter().zip(expected) {
            let token = form_token(browser);
            // Nothing that a handler would take: what is walked here is who gets that far.
            let request = match *method {
                "GET" => Request::get(target),
                _ if target.starts_with("/console") => Request::form(target, "form_token=wrong"),
                method => Request::json(method, target, &json!("nothing")).header("X-Jeton-Form-Token", &token),
            };
            let answer = browser.send(request.header("Origin", "http://localhost"));
            let said = answer.text();
            let was_refused = answer.status == 401
                || (answer.status == 403 && (said.contains("insufficient-scope") || said.contains("Your role")));
            assert_eq!(!was_refused, *is_open, "{method} {target} -> {} {said}", answer.status);
        }
        let answer = nobody.send(Request::new(method, target).header("Origin", "http://localhost"));
        assert!([303, 401].contains(&answer.status), "{method} {target} -> {}", answer.status);
    }
}

/// What forms of a browser's session show.
pub(crate) fn form_token(browser: &mut Browser<'_>) -> String {
    let page = browser.get("/console/account").expect(200).text();
    page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn a_member_makes_what_is_hers_within_her_bounds_and_sees_nothing_else() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let mut mia = somebody(&place, &server, "mia", &["--role", "member", "--may-grant", "orders:read"]);
    let made = mia.post("/console/tokens/new", "/console/tokens/new", "name=mine&expires=default&scopes=orders:read");
    let page = made.expect(200).text();
    let secret = page.split("readonly>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    server.hide(&secret);
    assert!(server.lets_in(&server.access_token(&secret)));
    for scopes in ["stock", "jeton:read", "jeton:own", "jeton:console"] {
        let fields = format!("name=more&expires=default&scopes={scopes}");
        let refused = mia.post("/console/tokens/new", "/console/tokens/new", &fields);
        assert_eq!(refused.status, if scopes == "jeton:own" { 200 } else { 400 }, "{scopes}");
    }
    root.post("/console/tokens/new", "/console/tokens/new", "name=of+the+house&expires=default&scopes=stock")
        .expect(200);
    let all = root.get("/v1/refresh-tokens").expect(200).json();
    let house = all["items"].as_array().unwrap().iter().find(|one| one["name"] == "of the house").unwrap().clone();
    assert_eq!(house["created_by"], "root");
    let id = house["id"].as_str().unwrap();
    let hers = mia.get("/v1/refresh-tokens").expect(200).json();
    assert!(hers["items"].as_array().unwrap().iter().all(|one| one["owner"] == "mia"), "{hers}");
    mia.get(&format!("/v1/refresh-tokens/{id}")).expect(404);
    assert!(!mia.get("/console/tokens?q=house").expect(200).text().contains(id));
    let token = form_token(&mut mia);
    let mut change =
        |request: Request| mia.send(request.header("Origin", "http://localhost").header("X-Jeton-Form-Token", &token));
    change(Request::json("PATCH", &format!("/v1/refresh-tokens/{id}"), &json!({"name": "stolen"}))).expect(404);
    change(Request::json("POST", &format!("/v1/refresh-tokens/{id}/rotate"), &json!({}))).expect(404);
    let deleted = change(Request::json("POST", "/v1/refresh-tokens/delete", &json!({"ids": [id]}))).expect(200).json();
    assert_eq!(deleted["results"][0]["result"], "not-found");
    let seen =
        change(Request::json("POST", "/v1/refresh-tokens/delete", &json!({"filter": "name=of", "dry_run": true})));
    assert_eq!(seen.expect(200).json()["matched"], 0);
    let preview = json!({"owner": "root", "dry_run": true});
    assert_eq!(change(Request::json("POST", "/v1/refresh-tokens/delete", &preview)).expect(200).json()["matched"], 0);
    // Her account goes, and what she made with it.
    root.post("/console/users/mia", "/console/users/mia/remove", "confirm=mia").expect(303);
    server.refuses(&secret);
}

#[test]
fn nothing_is_changed_for_another_site_or_without_the_form_that_was_shown() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let token = form_token(&mut root);
    let make = || Request::form("/console/users", &format!("form_token={token}&name=mallory&role=admin"));
    let forge = |name: &str, value: &str, root: &mut Browser<'_>| root.send(make().header(name, value)).expect(403);
    forge("Origin", "http://evil.example", &mut root);
    forge("Origin", "null", &mut root);
    forge("Sec-Fetch-Site", "cross-site", &mut root);
    forge("Sec-Fetch-Site", "none", &mut root);
    root.send(make()).expect(403);
    let stale = Request::form("/console/users", "form_token=another&name=mallory&role=admin");
    root.send(stale.header("Origin", "http://localhost")).expect(403);
    let call = || Request::json("POST", "/v1/refresh-tokens", &json!({"name": "job"}));
    root.send(call()).expect(403);
    root.send(call().header("Origin", "http://localhost")).expect(403);
    root.send(call().header("X-Jeton-Form-Token", &token)).expect(403);
    let own = call().header("Origin", "http://localhost").header("X-Jeton-Form-Token", &token);
    root.send(own).expect(201);
    assert!(!root.get("/console/users").expect(200).text().contains("mallory"));
    // A header in the place of the cookie is judged as ever, and not helped by it.
    root.send(Request::get("/v1/settings").bearer("nonsense")).expect(401);
}

#[test]
fn what_people_type_is_shown_as_text() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let odd = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27%26";
    root.post("/console/tokens/new", "/console/tokens/new", &format!("name={odd}&expires=default&scopes=a"))
        .expect(200);
    for target in [
        "/console/tokens".to_owned(),
        format!("/console/tokens?q={odd}"),
        format!("/console/tokens?state={odd}&done={odd}"),
    ] {
        // A state that there is not is refused, and not passed over.
        let page = root.get(&target).expect(if target.contains("state=") { 400 } else { 200 }).text();
        assert!(!page.contains("<script>alert"), "{target}");
    }
    let trouble = root.post("/console/users", "/console/users", &format!("name={odd}&role=admin&grants={odd}"));
    assert!(!trouble.expect(400).text().contains("<script>alert"));
}

#[test]
fn guessing_is_slowed_down_and_says_nothing() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    root.post("/console/account", "/console/sign-out", "").expect(303);
    let mut guess = |name: &str| {
        let fields = format!("name={name}&password=wrong+horse+battery");
        root.post("/console/sign-in", "/console/sign-in", &fields)
    };
    let (known, unknown) = (guess("root").expect(403), guess("nobody").expect(403));
    let without_form = |answer: &Answer| {
        let text = answer.text();
        text.split("name=\"form_token\"").next().unwrap_or_default().to_owned()
    };
    assert_eq!(without_form(&known), without_form(&unknown));
    // However slow the machine: waits double until one is met.
    let held = (0..30).map(|_| guess("root")).find(|answer| answer.status == 429).expect("who guesses waits");
    assert!(held.header("retry-after").is_some());
}

#[test]
fn a_second_factor_is_asked_for_once_it_is_set_up_and_recovery_codes_stand_in_for_it() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let password = PASSWORD.replace(' ', "+");
    let between = |text: &str, before: &str, after: char| {
        text.split(before).nth(1).and_then(|rest| rest.split(after).next()).unwrap().to_owned()
    };
    let offered = root.get("/console/account/second-factor").expect(200).text();
    let secret = between(&offered, "name=\"secret\" value=\"", '"');
    server.hide(&secret);
    let code = |later: u64| {
        let secret = totp_rs::Secret::try_from_base32(&secret).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        totp_rs::Builder::new().with_secret(secret).build().unwrap().generate(now + later).to_string()
    };
    let token = form_token(&mut root);
    let mut accept = |code: &str, present: &str| {
        let body = format!("form_token={token}&secret={secret}&code={code}&present={present}");
        let form = Request::form("/console/account/second-factor", &body);
        root.send(form.header("Origin", "http://localhost"))
    };
    accept("000", &password).expect(400);
    accept(&code(0), "wrong+horse+battery").expect(403);
    let shown = accept(&code(0), &password).expect(200).text();
    let recovery: Vec<String> =
        between(&shown, "aria-label=\"Recovery codes\">", '<').lines().map(str::to_owned).collect();
    assert_eq!(recovery.len(), 10);
    let mut browser = Browser::new(&server);
    let first = browser.sign_in("root").expect(200);
    assert!(first.text().contains("Code of your device"), "{}", first.text());
    assert_eq!(browser.get("/console/tokens").header("location"), Some("/console/sign-in"), "half is nothing");
    let mut second = |code: &str| {
        let token = between(&first.text(), "name=\"form_token\" value=\"", '"');
        let form = Request::form("/console/sign-in/second", &format!("form_token={token}&code={code}"));
        browser.send(form.header("Origin", "http://localhost"))
    };
    second("123").expect(403);
    // The code of the next half minute: that of this one was taken when the device was set up.
    second(&code(30)).expect(303);
    browser.get("/console/account").expect(200);
    let mut lost = Browser::new(&server);
    let page = lost.sign_in("root").expect(200).text();
    let token = between(&page, "name=\"form_token\" value=\"", '"');
    let body = format!("form_token={token}&code={}", recovery[0]);
    lost.send(Request::form("/console/sign-in/second", &body).header("Origin", "http://localhost")).expect(303);
    let account = lost.get("/console/account").expect(200).text();
    assert!(account.contains("9 recovery codes are left"));
    lost.post("/console/account", "/console/account/second-factor/off", &format!("present={password}")).expect(303);
    Browser::new(&server).sign_in("root").expect(303);
    // The machine always gets an account back.
    let output = place.jeton(&["user", "reset", "root", "--data"]).arg(place.data()).output().unwrap();
    assert!(output.status.success());
    assert_eq!(lost.get("/console/account").header("location"), Some("/console/sign-in"));
    Browser::new(&server).sign_in("root").expect(403);
}

//! The token page of the console, button by button, in a browser without a script.

use std::process::Command;

use serde_json::{Value, json};

use crate::people::{Browser, form_token, somebody, with_root};
use crate::support::{
    http::{Answer, Request},
    place::Place,
    server::Server,
};

const LIST: &str = "/console/tokens";
const NEW: &str = "/console/tokens/new";
const DELETE: &str = "/console/tokens/delete";

/// What a page says, without what keeps it from being markup.
fn said(answer: &Answer) -> String {
    let text = answer.text().replace("&#x2f;", "/").replace("&#x27;", "'").replace("&quot;", "\"");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// What stands in a page between two texts, each time.
fn every(page: &str, before: &str, after: &str) -> Vec<String> {
    page.split(before).skip(1).filter_map(|rest| Some(rest.split_once(after)?.0.to_owned())).collect()
}

/// What stands in a page between two texts, the first time.
fn one(page: &str, before: &str, after: &str) -> String {
    every(page, before, after).into_iter().next().unwrap_or_else(|| panic!("no {before} in {page}"))
}

/// The names of the tokens that a page of the list has, in their order.
fn names(answer: &Answer) -> Vec<String> {
    every(&said(answer), "<th scope=\"row\">", "</th>").iter().map(|cell| one(cell, "\">", "</a>")).collect()
}

/// Makes a token by the API under the browser's session, and gives its id.
fn made(browser: &mut Browser<'_>, asked: &Value) -> String {
    let token = form_token(browser);
    let request = Request::json("POST", "/v1/refresh-tokens", asked).header("X-Jeton-Form-Token", &token);
    browser.send(request.header("Origin", "http://localhost")).expect(201).member("id")
}

fn record(browser: &mut Browser<'_>, id: &str) -> Value {
    browser.get(&format!("/v1/refresh-tokens/{id}")).expect(200).json()
}

/// Presses a button of a page: what the form has hidden is sent along.
fn press(browser: &mut Browser<'_>, page: &str, action: &str, fields: &str) -> Answer {
    let shown = said(&browser.get(page).expect(200));
    let form = one(&shown, &format!("action=\"{action}\">"), "</form>");
    let hidden: Vec<String> = every(&form, "<input type=\"hidden\" name=\"", "\">")
        .iter()
        .filter_map(|field| field.split_once("\" value=\""))
        .map(|(name, value)| format!("{name}={}", value.replace('&', "%26").replace(' ', "+")))
        .collect();
    let body = format!("{}&{fields}", hidden.join("&"));
    browser.send(Request::form(action, &body).header("Origin", "http://localhost"))
}

/// The string that a page shows once.
fn shown_once(server: &Server, answer: &Answer) -> String {
    let secret = one(&answer.text(), "readonly>", "<");
    server.hide(&secret);
    secret
}

#[test]
fn a_list_is_filtered_searched_sorted_and_turned_over_by_its_address_alone() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    for number in 0..52 {
        made(&mut root, &json!({ "name": format!("job {number:02}"), "owner": "fleet", "never": true }));
    }
    let soon = made(&mut root, &json!({ "name": "Soon", "owner": "mia", "expires_in": 5 * 86_400 + 3_600 }));
    made(&mut root, &json!({ "name": "Soon, a child", "parent": soon, "expires_in": 3_600 }));
    let first = root.get("/console/tokens?owner=fleet&sort=name").expect(200);
    assert_eq!(names(&first).len(), 50);
    let next = one(&said(&first), "class=\"button plain\" href=\"", "\"");
    assert!(next.contains("owner=fleet") && next.contains("sort=name") && next.contains("cursor="), "{next}");
    let second = root.get(&next).expect(200);
    assert_eq!(names(&second), ["job 50", "job 51"]);
    assert!(said(&second).contains("rel=\"first\">First page</a>") && !said(&second).contains("rel=\"next\""));
    for (query, found) in [
        ("q=OON&sort=expires", vec!["Soon, a child", "Soon"]),
        ("q=soon&sort=name", vec!["Soon", "Soon, a child"]),
        ("q=soon&sort=-name", vec!["Soon, a child", "Soon"]),
        ("name=Soon", vec!["Soon", "Soon, a child"]),
        ("expires=30", vec!["Soon, a child", "Soon"]),
        ("expires=1", vec!["Soon, a child"]),
        ("expires_from=2001-01-01&expires_until=2002-01-01", vec![]),
        ("owner=mia", vec!["Soon"]),
        ("owner=mia&state=disabled", vec![]),
        ("used=30", vec![]),
    ] {
        assert_eq!(names(&root.get(&format!("{LIST}?{query}")).expect(200)), found, "{query}");
    }
    assert_eq!(names(&root.get(&format!("{LIST}?used=never&q=soon")).expect(200)).len(), 2);
    let list = said(&root.get(&format!("{LIST}?name=Soon")).expect(200));
    assert!(list.contains("in 5 days") && list.contains("never"), "{list}");
    let children = one(&list, "data-label=\"Children\"><a href=\"", "\"");
    let below = root.get(&children).expect(200);
    assert_eq!(names(&below), ["Soon, a child"]);
    assert!(said(&below).contains(&format!("right below <a href=\"/console/tokens/{soon}\">Soon</a>")));
    // What says nothing lists nothing, is told beside its field, and stays as it was typed.
    for (query, field) in [
        ("expires=soon", "expires"),
        ("used=0", "used"),
        ("owner=%20a%20b", "owner"),
        ("expires_from=x", "expires_from"),
    ] {
        let page = root.get(&format!("{LIST}?{query}&q=kept")).expect(400);
        assert!(names(&page).is_empty());
        let page = said(&page);
        assert!(page.contains(&format!("<a href=\"#{field}\">")), "{query}");
        assert!(one(&page, &format!("id=\"{field}\" name=\"{field}\""), ">").contains("aria-invalid"), "{query}");
        assert!(page.contains("value=\"kept\""));
    }
    root.get(&format!("{LIST}?cursor=nonsense")).expect(400);
}

#[test]
fn a_refused_form_comes_back_as_it_was_sent_and_names_the_field() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let rest = "owner=alice&parent=&access_ttl=60&not_before=2027-01-31T12:00&networks=192.0.2.0/24&audiences=urn:a\
                &max_exchanges=5&networks_in_access_tokens=yes&rotates_on_use=yes&may_delegate=yes&expires=days&days=3000";
    for (wrong, field, rule) in [
        ("name=", "name", "A name has at least 1 character."),
        ("name=n&days=-1", "expires", "A whole number of days."),
        ("name=n&scopes=a%22", "scopes", "A scope has"),
        ("name=n&owner=a+b", "owner", "An owner has"),
        ("name=n&parent=x", "parent", "22 characters"),
        ("name=n&access_ttl=86401", "access_ttl", "1 to 86400 seconds"),
        ("name=n&networks=192.0.2.1/24", "networks", "A network is"),
        ("name=n&audiences=nowhere", "audiences", "absolute URI"),
        ("name=n&max_exchanges=0", "max_exchanges", "1 to 1000000000"),
        ("name=n&not_before=Monday", "not_before", "A date and a time in UTC"),
    ] {
        let kept: Vec<&str> =
            rest.split('&').filter(|one| !wrong.contains(&format!("{}=", one.split('=').next().unwrap()))).collect();
        let page = said(&press(&mut root, NEW, NEW, &format!("{wrong}&{}", kept.join("&"))).expect(400));
        assert!(page.contains(&format!("<a href=\"#{field}\">")) && page.contains(rule), "{wrong}: {page}");
        assert!(page.contains(&format!("id=\"{field}-error\"")), "{wrong}");
        if field != "expires" {
            let input = one(&page, &format!("id=\"{field}\" name=\"{field}\""), ">");
            assert!(input.contains("aria-invalid=\"true\"") && input.contains(&format!("{field}-error")), "{input}");
        }
        for (name, value) in [("access_ttl", "60"), ("max_exchanges", "5"), ("owner", "alice")] {
            if name != field {
                let input = one(&page, &format!("id=\"{name}\""), ">");
                assert!(input.contains(&format!("value=\"{value}\"")), "{wrong}: {input}");
            }
        }
        assert!(page.contains("<details open>"), "what was typed is to be seen");
        assert_eq!(page.matches("value=\"yes\" checked").count(), 3);
    }
    let made =
        press(&mut root, NEW, NEW, &format!("name=job&scopes=a+b&{}", rest.replace("rotates_on_use=yes", "x=y")));
    shown_once(&server, &made.expect(200));
    let listed = root.get("/v1/refresh-tokens?name=job").expect(200).json();
    let record = &listed["items"][0];
    assert_eq!(
        json!([record["owner"], record["scopes"], record["access_ttl"], record["not_before"], record["networks"]]),
        json!(["alice", ["a", "b"], 60, "2027-01-31T12:00:00Z", ["192.0.2.0/24"]])
    );
    assert_eq!(
        json!([record["audiences"], record["max_exchanges"], record["may_delegate"], record["rotates_on_use"]]),
        json!([["urn:a"], 5, true, false])
    );
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_form_that_is_sent_twice_makes_one_token_and_shows_its_string_once() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let page = root.get(NEW).expect(200).text();
    let (token, key) = (form_token(&mut root), one(&page, "name=\"key\" value=\"", "\""));
    let mut send = |fields: &str| {
        let body = format!("form_token={token}&key={key}&expires=default&{fields}");
        root.send(Request::form(NEW, &body).header("Origin", "http://localhost"))
    };
    let secret = shown_once(&server, &send("name=once").expect(200));
    let again = said(&send("name=once").expect(200));
    assert!(!again.contains(&secret) && again.contains("was sent before"), "{again}");
    // Another content under the same form is a mistake of nobody: it is asked once more.
    let other = said(&send("name=another").expect(409));
    assert!(other.contains("Press Create to make another one") && other.contains("value=\"another\""));
    assert_ne!(one(&other, "name=\"key\" value=\"", "\""), key);
    assert_eq!(root.get("/v1/refresh-tokens").expect(200).json()["items"].as_array().unwrap().len(), 1);
}

#[test]
fn the_python_script_beside_a_new_token_runs_as_it_stands() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let page = press(&mut root, NEW, NEW, "name=script&expires=default&scopes=orders").expect(200);
    let secret = shown_once(&server, &page);
    let script = one(&said(&page), "aria-label=\"Python script\"><code>", "</code>");
    assert!(script.contains(&format!("BASE_URL = 'http://127.0.0.1:{}'", server.port)), "{script}");
    assert!(!script.contains(&secret));
    let output = Command::new("python3").args(["-c", &script]).env("JETON_TOKEN", &secret).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(told["scope"], "orders");
    let powershell = one(&said(&page), "aria-label=\"PowerShell script\"><code>", "</code>");
    assert!(powershell.contains(&format!("$BaseUrl = 'http://127.0.0.1:{}'", server.port)));
}

#[test]
fn one_token_is_told_with_its_tree_its_timeline_and_why_it_is_dead() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let parent = made(&mut root, &json!({ "name": "team", "scopes": ["a"], "owner": "alice" }));
    let made = press(&mut root, NEW, NEW, &format!("name=job&expires=default&scopes=a&parent={parent}")).expect(200);
    let secret = shown_once(&server, &made);
    let id = root.get("/v1/refresh-tokens?name=job").expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{LIST}/{id}");
    let access = server.access_token(&secret);
    assert!(server.lets_in(&access));
    let page = said(&root.get(&path).expect(200));
    for text in [
        "It is alive: it can be exchanged.",
        &format!("<a href=\"/console/tokens/{parent}\">team</a>"),
        "Nothing lies below it.",
        "<dd>at most 1</dd>",
        "from 127.0.0.1",
        "<td data-label=\"What\">created</td>",
        "<td data-label=\"By\">root</td>",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    // Disabled, with a note; what it gave out is dead, and enabling it brings the token back alone.
    let switch = format!("{path}/switch");
    let mut disable = |fields: &str| press(&mut root, &path, &switch, fields);
    let done = disable("note=seen+in+a+log").expect(303);
    assert_eq!(done.header("location"), Some(format!("{path}?done=token-disabled").as_str()));
    assert!(!server.lets_in(&access));
    server.refuses(&secret);
    let page = said(&root.get(&path).expect(200));
    assert!(
        page.contains("It is not taken: it was disabled by root.") && page.contains("Note: seen in a log"),
        "{page}"
    );
    press(&mut root, &path, &switch, "").expect(303);
    assert!(server.lets_in(&server.access_token(&secret)) && !server.lets_in(&access));
    // The parent goes, and the child is told why.
    let form = root.get(&format!("{LIST}/{parent}")).expect(200);
    assert!(said(&form).contains(&format!("<li><a href=\"{path}\">job</a>")));
    let token = form_token(&mut root);
    let body = format!("form_token={token}&id={parent}&confirmed=yes&reason=compromised&note=it+leaked");
    root.send(Request::form(DELETE, &body).header("Origin", "http://localhost")).expect(303);
    server.refuses(&secret);
    let page = said(&root.get(&path).expect(200));
    let why = "It is dead: team, which it descends from, was deleted, since it may have leaked, by root.";
    assert!(page.contains(why) && page.contains("Note: it leaked"), "{page}");
    for button in [">Edit<", ">Rotate<", ">Disable<", ">Enable<", ">Delete<"] {
        assert!(!page.contains(button), "{button}: a tombstone is not touched");
    }
    let told: Vec<String> = every(&page, "<td data-label=\"What\">", "</td>");
    assert_eq!(told, ["enabled", "disabled", "created"]);
    let parent = said(&root.get(&format!("{LIST}/{parent}")).expect(200));
    assert_eq!(every(&parent, "<td data-label=\"What\">", "</td>"), ["deleted (compromised)", "created"]);
    root.get(&format!("{LIST}/0000000000000000000000")).expect(404);
    root.get(&format!("{LIST}/nonsense")).expect(404);
}

#[test]
fn an_edit_says_what_it_takes_away_first_and_is_refused_whole_where_somebody_was_faster() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let page = press(&mut root, NEW, NEW, "name=job&expires=never&scopes=a+b").expect(200);
    let secret = shown_once(&server, &page);
    let id = root.get("/v1/refresh-tokens?name=job").expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let (path, edit) = (format!("{LIST}/{id}"), format!("{LIST}/{id}/edit"));
    let access = server.access_token(&secret);
    // A name alone is changed at once, and what is out lives on.
    let done = press(&mut root, &edit, &edit, "name=night+job&expires=keep&scopes=a+b").expect(303);
    assert_eq!(done.header("location"), Some(format!("{path}?done=changed").as_str()));
    assert!(server.lets_in(&access));
    let same = press(&mut root, &edit, &edit, "name=night+job&expires=keep&scopes=a+b").expect(303);
    assert_eq!(same.header("location"), Some(format!("{path}?done=unchanged").as_str()));
    // Narrowing is asked about, and nothing is done before it is confirmed.
    let before = root.get(&edit).expect(200);
    let review = press(&mut root, &edit, &edit, "name=night+job&expires=days&days=1&scopes=a&note=less").expect(200);
    let review_said = said(&review);
    assert!(review_said.contains("It expires sooner.") && review_said.contains("It loses b."), "{review_said}");
    assert!(server.lets_in(&access));
    assert_eq!(record(&mut root, &id)["scopes"], json!(["a", "b"]));
    let form = one(&review_said, &format!("action=\"{edit}\">"), "</form>");
    let fields: Vec<String> = every(&form, "type=\"hidden\" name=\"", "\">")
        .iter()
        .filter_map(|field| field.split_once("\" value=\""))
        .map(|(name, value)| format!("{name}={}", value.replace(' ', "+")))
        .collect();
    let confirm = Request::form(&edit, &fields.join("&")).header("Origin", "http://localhost");
    root.send(confirm.clone()).expect(303);
    assert!(!server.lets_in(&access), "what it gave out is dead");
    let narrowed = record(&mut root, &id);
    assert_eq!((&narrowed["scopes"], narrowed["expires_at"].is_string()), (&json!(["a"]), true));
    // Sent once more, and from a page that was loaded before: nothing is done.
    let conflict = said(&root.send(confirm).expect(409));
    assert!(conflict.contains("Nothing of what you sent was done"));
    let generation = one(&before.text(), "name=\"generation\" value=\"", "\"");
    let token = form_token(&mut root);
    let late = |action: &str, fields: &str| {
        let body = format!("form_token={token}&generation={generation}&{fields}");
        Request::form(action, &body).header("Origin", "http://localhost")
    };
    root.send(late(&edit, "name=late&expires=keep&scopes=a")).expect(409);
    root.send(late(&format!("{path}/switch"), "to=disabled")).expect(409);
    root.send(late(&format!("{path}/rotate"), "overlap=0")).expect(409);
    assert_eq!(record(&mut root, &id), narrowed);
    // A field that is refused is named, and what was typed is kept.
    let refused =
        said(&press(&mut root, &edit, &edit, "name=kept&expires=keep&scopes=a&access_ttl=99999999").expect(400));
    assert!(refused.contains("<a href=\"#access_ttl\">") && refused.contains("value=\"kept\""));
    assert_eq!(record(&mut root, &id), narrowed);
    let timeline = said(&root.get(&path).expect(200));
    assert!(timeline.contains("changed: expires, scopes") && timeline.contains(">less<"), "{timeline}");
}

#[test]
fn another_string_is_shown_once_and_the_old_one_is_taken_as_long_as_was_chosen() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let first = shown_once(&server, &press(&mut root, NEW, NEW, "name=job&expires=default&scopes=a").expect(200));
    let id = root.get("/v1/refresh-tokens").expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let rotate = format!("{LIST}/{id}/rotate");
    press(&mut root, &rotate, &rotate, "overlap=5").expect(400);
    let second = shown_once(&server, &press(&mut root, &rotate, &rotate, "overlap=3600").expect(200));
    let access = server.access_token(&first);
    assert!(server.lets_in(&access) && server.lets_in(&server.access_token(&second)));
    assert!(said(&root.get(&format!("{LIST}/{id}")).expect(200)).contains("<dt>Old string</dt><dd>is taken until"));
    let refused = said(&press(&mut root, &rotate, &rotate, "overlap=86400").expect(409));
    assert!(refused.contains("<a href=\"#overlap\">") && refused.contains("is not over"), "{refused}");
    let third = shown_once(&server, &press(&mut root, &rotate, &rotate, "overlap=0").expect(200));
    assert!(!server.lets_in(&access));
    server.refuses(&first);
    server.refuses(&second);
    assert!(server.lets_in(&server.access_token(&third)));
}

#[test]
fn a_deletion_says_what_dies_with_it_and_why_is_kept() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let parent = shown_once(&server, &press(&mut root, NEW, NEW, "name=team&expires=default&scopes=a").expect(200));
    let id = root.get("/v1/refresh-tokens").expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let child = press(&mut root, NEW, NEW, &format!("name=child&expires=default&scopes=a&parent={id}")).expect(200);
    let child = shown_once(&server, &child);
    let access = [server.access_token(&parent), server.access_token(&child), server.access_token(&child)];
    let token = form_token(&mut root);
    let mut delete = |fields: &str| {
        let body = format!("form_token={token}&{fields}");
        root.send(Request::form(DELETE, &body).header("Origin", "http://localhost"))
    };
    delete("").expect(400);
    delete("id=nonsense").expect(404);
    let confirm = said(&delete(&format!("id={id}")).expect(200));
    for text in ["<strong>1 token, and 1 below</strong>", "at most 3", "from 127.0.0.1", "it may have leaked"] {
        assert!(confirm.contains(text), "{text} in {confirm}");
    }
    assert!(access.iter().all(|access| server.lets_in(access)), "nothing is done before it is confirmed");
    let led_back = said(&delete(&format!("id={id}&back=q%3Dte%26evil%3D1")).expect(200));
    assert!(led_back.contains("href=\"/console/tokens?q=te\">Cancel</a>"));
    let note = "n".repeat(501);
    let refused = said(&delete(&format!("id={id}&confirmed=yes&reason=compromised&note={note}")).expect(400));
    assert!(refused.contains("<a href=\"#note\">") && refused.contains("value=\"compromised\" selected"), "{refused}");
    delete(&format!("id={id}&confirmed=yes&reason=expired")).expect(400);
    assert!(access.iter().all(|access| server.lets_in(access)));
    let back = "back=owner%3Dalice%26evil%3Dhttps://evil.example";
    let done = delete(&format!("id={id}&confirmed=yes&reason=compromised&note=it+leaked&{back}")).expect(303);
    assert_eq!(done.header("location"), Some("/console/tokens?done=deleted&owner=alice"));
    assert!(!access.iter().any(|access| server.lets_in(access)));
    let ended = record(&mut root, &id);
    assert_eq!(
        (&ended["reason"], &ended["note"], &ended["ended_by"]),
        (&json!("compromised"), &json!("it leaked"), &json!("root"))
    );
}

#[test]
fn all_that_match_the_filter_are_deleted_and_nothing_that_came_after_the_preview() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    for number in 0..60 {
        made(&mut root, &json!({ "name": format!("old {number}"), "owner": "fleet" }));
    }
    let kept = made(&mut root, &json!({ "name": "kept", "owner": "fleet" }));
    let list = said(&root.get(&format!("{LIST}?q=old&owner=fleet")).expect(200));
    assert!(list.contains("Delete all that match the filter"));
    let filter = one(&list, "name=\"filter\" value=\"", "\"");
    assert!(!said(&root.get(LIST).expect(200)).contains("Delete all that match"), "nothing is filtered");
    let token = form_token(&mut root);
    let escaped = filter.replace('&', "%26").replace('=', "%3D");
    let send = |root: &mut Browser<'_>, fields: &str| {
        let body = format!("form_token={token}&{fields}");
        root.send(Request::form(DELETE, &body).header("Origin", "http://localhost"))
    };
    let preview = said(&send(&mut root, &format!("filter={escaped}")).expect(200));
    assert!(preview.contains("<strong>60 tokens</strong>") && preview.contains("and 40 more"), "{preview}");
    let active = |root: &mut Browser<'_>| {
        let page = root.get("/v1/refresh-tokens?state=active&limit=100").expect(200).json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(active(&mut root), 61);
    // Whoever saw the list before they were made did not mean them.
    let seen: u64 = one(&filter, "at=", "&").parse().unwrap();
    let before = escaped.replace(&seen.to_string(), &(seen - 3_600).to_string());
    send(&mut root, &format!("filter={before}")).expect(404);
    let nothing = send(&mut root, &format!("filter={before}&confirmed=yes")).expect(303);
    assert_eq!(nothing.header("location"), Some("/console/tokens?done=none"));
    assert_eq!(record(&mut root, &kept)["state"], "active");
    assert_eq!(active(&mut root), 61);
    let done = send(&mut root, &format!("filter={escaped}&confirmed=yes&reason=unused")).expect(303);
    assert_eq!(done.header("location"), Some("/console/tokens?done=deleted"));
    assert_eq!(record(&mut root, &kept)["state"], "active");
    let ended = root.get("/v1/refresh-tokens?state=deleted&limit=100").expect(200).json();
    let ended = ended["items"].as_array().unwrap();
    assert!(ended.len() == 60 && ended.iter().all(|one| one["reason"] == "unused"));
    send(&mut root, "filter=sort%3Dname").expect(400);
    send(&mut root, "filter=state%3Dnonsense").expect(400);
    send(&mut root, &format!("filter={escaped}")).expect(404);
}

#[test]
fn a_viewer_sees_without_buttons_and_a_member_only_what_is_hers() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let mut vera = somebody(&place, &server, "vera", &["--role", "viewer"]);
    let mut mia = somebody(&place, &server, "mia", &["--role", "member", "--may-grant", "a"]);
    let house = made(&mut root, &json!({ "name": "of the house", "scopes": ["a"] }));
    let path = format!("{LIST}/{house}");
    for page in [LIST, &path] {
        let page = said(&vera.get(page).expect(200));
        assert!(page.contains("of the house"));
        for button in
            ["Create token", "<button class=\"danger\"", ">Edit<", ">Rotate<", ">Disable<", "type=\"checkbox\""]
        {
            assert!(!page.contains(button), "{button}");
        }
    }
    assert!(said(&vera.get(&path).expect(200)).contains("<td data-label=\"By\">root</td>"), "she reads the audit log");
    let page = press(&mut mia, NEW, NEW, "name=mine&expires=default&scopes=a").expect(200);
    let secret = shown_once(&server, &page);
    assert!(!said(&mia.get(NEW).expect(200)).contains("name=\"owner\""), "whose it is, is no question");
    let id = mia.get("/v1/refresh-tokens").expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let mine = format!("{LIST}/{id}");
    assert_eq!(names(&mia.get(LIST).expect(200)), ["mine"]);
    let account = record(&mut root, &id)["parent"].as_str().unwrap().to_owned();
    let hers = mia.get(&format!("{LIST}?parent={account}")).expect(200);
    assert_eq!(names(&hers), ["mine"], "what she signs in with is none of them");
    let page = said(&mia.get(&mine).expect(200));
    assert!(page.contains("It is alive") && page.contains("created") && page.contains(">Edit<"), "{page}");
    for suffix in ["", "/edit", "/rotate"] {
        mia.get(&format!("{path}{suffix}")).expect(404);
    }
    let token = form_token(&mut mia);
    let mut send = |action: &str, fields: &str| {
        let body = format!("form_token={token}&generation=1&{fields}");
        mia.send(Request::form(action, &body).header("Origin", "http://localhost"))
    };
    send(&format!("{path}/switch"), "to=disabled").expect(404);
    send(&format!("{path}/rotate"), "overlap=0").expect(404);
    send(&format!("{path}/edit"), "name=stolen&expires=keep").expect(404);
    send(DELETE, &format!("id={house}")).expect(404);
    let nothing = send(DELETE, &format!("id={house}&confirmed=yes")).expect(303);
    assert_eq!(nothing.header("location"), Some("/console/tokens?done=none"));
    send(DELETE, "filter=q%3Dhouse").expect(404);
    // Her account is no token of the page, whoever asks.
    let body = format!("form_token={}&id={account}&confirmed=yes", form_token(&mut root));
    root.send(Request::form(DELETE, &body).header("Origin", "http://localhost")).expect(403);
    assert!(!said(&root.get(&format!("{LIST}/{account}")).expect(200)).contains(">Delete<"));
    let house = record(&mut root, &house);
    assert_eq!(
        (&house["state"], &house["generation"], &house["name"]),
        (&json!("active"), &json!(1), &json!("of the house"))
    );
    let edit = format!("{mine}/edit");
    press(&mut mia, &edit, &edit, "name=still+mine&expires=keep&scopes=a").expect(303);
    let rotate = format!("{mine}/rotate");
    shown_once(&server, &press(&mut mia, &rotate, &rotate, "overlap=0").expect(200));
    server.refuses(&secret);
}

#[test]
fn whatever_is_typed_into_a_token_is_shown_as_text_on_every_page_about_it() {
    let place = Place::new();
    let server = place.serve().start();
    let mut root = with_root(&server);
    let odd = "<script>alert(1)</script>'\"&{{7*7}}";
    // What an owner and a scope may be made of.
    let (owner, scope) = ("<script>alert(2)</script>'\"&", "<script>alert(3)</script>'&");
    let asked = json!({ "name": odd, "owner": owner, "scopes": [scope] });
    let id = made(&mut root, &asked);
    let path = format!("{LIST}/{id}");
    let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    press(&mut root, &path, &format!("{path}/switch"), &format!("note={}", escape(odd))).expect(303);
    let child = made(&mut root, &json!({ "name": "plain" }));
    let delete = |root: &mut Browser<'_>, fields: &str| {
        let body = format!("form_token={}&{fields}", form_token(root));
        root.send(Request::form(DELETE, &body).header("Origin", "http://localhost"))
    };
    let narrowing = format!("name={}&expires=days&days=1&scopes=&note={}", escape(odd), escape(odd));
    let edit = format!("{path}/edit");
    let mut pages = vec![
        root.get(LIST),
        root.get(&format!("{LIST}?q={0}&owner={0}&name={0}&expires={0}&used={0}&sort={0}&parent={0}", escape(odd))),
        root.get(&format!("{LIST}?owner={}", escape(owner))),
        root.get(&path),
        root.get(&edit),
        root.get(&format!("{path}/rotate")),
        root.get(&format!("{NEW}?parent={}", escape(odd))),
        press(&mut root, &edit, &edit, &narrowing),
        press(
            &mut root,
            NEW,
            NEW,
            &format!("name={0}&scopes={0}&owner={0}&networks={0}&days={0}&expires=days", escape(odd)),
        ),
        delete(&mut root, &format!("id={id}")),
        delete(&mut root, &format!("filter=owner%3D{}", escape(&escape(owner)))),
        delete(&mut root, &format!("id={child}&confirmed=yes&reason=deleted&note={}", escape(&"<script>".repeat(70)))),
    ];
    delete(&mut root, &format!("id={id}&confirmed=yes&note={}", escape(odd))).expect(303);
    pages.push(root.get(&path));
    for (number, page) in pages.iter().enumerate() {
        let text = page.text();
        assert!(page.status < 500 && page.status != 303, "{number}: {}", page.status);
        assert!(text.contains("<html") && !text.contains("<script>"), "{number}: {text}");
    }
    assert!(said(&pages[3]).contains(odd) && said(&pages[3]).contains(scope), "{}", said(&pages[3]));
}

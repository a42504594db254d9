//! The API document, for programs and for people.

use http::{Request, header::ACCEPT};

use super::*;

#[tokio::test]
async fn anybody_may_have_the_document() {
    let jeton = Jeton::start();
    let answer = jeton.get("/openapi.json").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.header("cache-control"), "public, max-age=60");
    assert_eq!(answer.json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn anybody_may_read_it_as_a_page_that_needs_no_script_and_nothing_from_elsewhere() {
    let jeton = Jeton::start();
    let document = jeton.get("/openapi.json").await.json();
    let request = Request::get("/console/api").header(ACCEPT, "text/html").body(Body::empty()).unwrap();
    let page = jeton.send(request).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let text = page.text.replace("&#x2f;", "/");
    for place in text.split(['"', '\'']).zip(text.split(['"', '\'']).skip(1)) {
        let (before, value) = place;
        let leads = before.ends_with("href=") || before.ends_with("src=");
        assert!(!leads || value.starts_with('/') || value.starts_with('#'), "{value}");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            let is_of_a_group = name.starts_with("forwardAuth") && !name.ends_with("Get");
            assert!(is_of_a_group || text.contains(&format!("id=\"{name}\"")), "{name}");
        }
        assert!(text.contains(path.as_str()), "{path}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    // What is put into it is escaped once: neither twice nor not at all.
    assert!(page.text.contains("<table") && !page.text.contains("&lt;table") && !page.text.contains("&amp;lt;"));
}

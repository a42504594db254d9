//! Token exchange at the token endpoint (RFC 8693).

use super::*;

const GRANT: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
const REFRESH: &str = "urn:ietf:params:oauth:token-type:refresh_token";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

async fn ask(jeton: &Jeton, subject: &str, from: &str, more: &str) -> Answer {
    let form = format!("{GRANT}&subject_token={subject}&subject_token_type={from}{more}");
    jeton.post_form("/oauth2/token", form).await
}

/// A refresh token that may delegate.
async fn lead(jeton: &Jeton) -> Answer {
    let body = r#"{"name":"lead","scopes":["orders","reports"],"may_delegate":true}"#;
    let created = jeton.call(Method::POST, "/v1/refresh-tokens", &jeton.admin(), body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    created
}

#[tokio::test]
async fn a_holder_issues_a_narrower_refresh_token_that_dies_with_its_own() {
    let jeton = Jeton::start();
    let (admin, lead) = (jeton.admin(), lead(&jeton).await);
    let more = format!("&requested_token_type={REFRESH}&scope=reports&name=reporter");
    let given = ask(&jeton, &lead.code("token"), REFRESH, &more).await;
    assert_eq!(given.status, 200, "{}", given.text);
    assert_eq!(given.header("cache-control"), "no-store");
    assert_eq!(
        given.members(),
        ["access_token", "client_id", "expires_in", "issued_token_type", "scope", "token_type"]
    );
    assert_eq!((given.code("issued_token_type").as_str(), given.code("token_type").as_str()), (REFRESH, "N_A"));
    assert_eq!(given.code("scope"), "reports");
    let shown = jeton.call(Method::GET, &format!("/v1/refresh-tokens/{}", given.code("client_id")), &admin, "").await;
    assert_eq!((shown.code("parent"), shown.json()["depth"].as_u64()), (lead.code("id"), Some(1)));

    let access = jeton.exchange(&given.code("access_token")).await.unwrap();
    assert!(jeton.is_alive(&access).await);
    jeton.call(Method::DELETE, &format!("/v1/refresh-tokens/{}", lead.code("id")), &admin, "").await;
    assert!(!jeton.is_alive(&access).await);
    assert_eq!(jeton.exchange(&given.code("access_token")).await, Err("invalid_grant".to_owned()));
}

#[tokio::test]
async fn an_access_token_gives_a_narrower_one() {
    let jeton = Jeton::start();
    let subject = jeton.exchange(&lead(&jeton).await.code("token")).await.unwrap();
    let given = ask(&jeton, &subject, ACCESS, "&scope=orders&resource=https://api.example").await;
    assert_eq!(given.status, 200, "{}", given.text);
    assert_eq!(
        given.members(),
        ["access_token", "client_id", "expires_in", "issued_token_type", "jti", "scope", "token_type"]
    );
    assert_eq!((given.code("issued_token_type").as_str(), given.code("token_type").as_str()), (ACCESS, "Bearer"));
    let caller = jeton.tokens(&["jeton:introspect"]).access;
    let verified = verifier::introspect(&caller, &given.code("access_token"), None).unwrap();
    let said: Value = serde_json::from_slice(&verified).unwrap();
    assert_eq!((said["scope"].as_str(), said["aud"].as_str()), (Some("orders"), Some("https://api.example")));

    jeton.post_form("/oauth2/revoke", format!("token={subject}")).await;
    let verified = verifier::introspect(&caller, &given.code("access_token"), None).unwrap();
    assert_eq!(&verified[..], br#"{"active":false}"#);
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_as_rfc_8693_says() {
    let jeton = Jeton::start();
    let (lead, plain) = (lead(&jeton).await.code("token"), jeton.tokens(&["orders"]));
    let to_refresh = format!("&requested_token_type={REFRESH}");
    for (subject, from, more, error) in [
        (&plain.refresh, REFRESH, to_refresh.as_str(), "invalid_request"),
        (&plain.access, ACCESS, &to_refresh, "invalid_request"),
        (&plain.access, REFRESH, "", "invalid_request"),
        (&"junk".to_owned(), REFRESH, "", "invalid_request"),
        (&lead, REFRESH, "&actor_token=x&actor_token_type=y", "invalid_request"),
        (&lead, "urn:ietf:params:oauth:token-type:id_token", "", "invalid_request"),
        (&lead, REFRESH, "&scope=payments", "invalid_scope"),
        (&lead, REFRESH, "&resource=no-uri", "invalid_target"),
        (&lead, REFRESH, "&resource=a:b&audience=a:b", "invalid_target"),
    ] {
        let answer = ask(&jeton, subject, from, more).await;
        assert_eq!((answer.status.as_u16(), answer.code("error").as_str()), (400, error), "{from} {more}");
    }
}

#[tokio::test]
async fn the_metadata_names_the_grant_and_dpas_path_lacks_it() {
    let jeton = Jeton::start();
    let metadata = jeton.get("/.well-known/oauth-authorization-server").await.json();
    let grants: Vec<_> = metadata["grant_types_supported"].as_array().unwrap().iter().map(|one| one.as_str()).collect();
    assert_eq!(grants, [Some("refresh_token"), Some("urn:ietf:params:oauth:grant-type:token-exchange")]);
    let form = format!("{GRANT}&subject_token={}&subject_token_type={REFRESH}", lead(&jeton).await.code("token"));
    let answer = jeton.post_form("/iwc/api/security/oauth/token", form).await;
    assert_eq!(answer.code("error"), "unsupported_grant_type");
}

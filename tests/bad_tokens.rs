//! Tokens that are none: wherever they are shown, nothing accepts them and nothing says why.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use jeton_policy::access_token::EpochSigner;
use jeton_policy::record::Epoch;
use jeton_policy::refresh_token::RefreshToken;
use jeton_policy::store::{Freshness, Store};
use jeton_policy::token_id::TokenId;
use jeton_store::SqliteStore;
use serde_json::{Value, json};

use crate::story::open;
use crate::support::administrator::Administrator;
use crate::support::http::Request;
use crate::support::place::{Place, random_bytes};
use crate::support::server::Server;

#[test]
fn a_refresh_token_with_anything_wrong_in_it_is_an_invalid_grant() {
    let (_place, server, administrator) = open();
    let (one, other) = (administrator.create_named(&server, "one"), administrator.create_named(&server, "other"));
    let id = TokenId::parse(&one.id).unwrap();
    let before = administrator.everything(&server);
    let good = one.token.as_str();
    let replaced = |at: usize, with: &str| format!("{}{with}{}", &good[..at], &good[at + with.len()..]);
    let different = |at: usize| replaced(at, if &good[at..=at] == "A" { "B" } else { "A" });
    let mut cases = vec![
        ("no prefix", good[7..].to_owned()),
        ("another prefix", good.replace("jtn_rt_", "jtn_at_")),
        ("a prefix in capitals", good.replace("jtn_rt_", "JTN_RT_")),
        ("too short", good[..78].to_owned()),
        ("too long", format!("{good}0")),
        ("white space before it", format!("%20{good}")),
        ("a line end behind it", format!("{good}%0A")),
        ("another alphabet", replaced(40, "-")),
        ("a letter beyond ASCII", replaced(40, "%C3%A9")),
        ("a wrong secret with the right checksum", RefreshToken::new(id, random_bytes::<32>()).reveal().to_string()),
        ("an unknown id", RefreshToken::new(TokenId(random_bytes::<16>()), random_bytes::<32>()).reveal().to_string()),
        ("another one's secret", format!("{}{}", &good[..29], &other.token[29..])),
        ("digits beyond 16 bytes", format!("{}{}{}", &good[..7], "z".repeat(22), &good[29..])),
        ("an access token", server.access_token(good)),
        ("its id", one.id.clone()),
    ];
    cases.extend((7..79).map(|at| ("one character is another", different(at))));
    let refusal = server.exchange("jtn_rt_x").expect(400).text();
    for (case, token) in cases {
        for path in ["/oauth2/token", "/iwc/api/security/oauth/token"] {
            let answer = server.send(Request::form(path, &format!("grant_type=refresh_token&refresh_token={token}")));
            assert_eq!((answer.status, answer.text()), (400, refusal.clone()), "{case}: {path}");
        }
        server.send(Request::form("/oauth2/revoke", &format!("token={token}"))).expect(200);
    }
    assert!(refusal.contains("invalid_grant"), "{refusal}");
    server.exchange(good).expect(200);
    let after = administrator.everything(&server);
    // The access token among the cases was given back by the revocation: that cut is the one change.
    assert_eq!((&after[0], &after[1], &after[2]), (&before[0], &before[1], &before[2]));
}

/// No door opens for this token, whoever asks.
fn assert_dead_everywhere(server: &Server, administrator: &Administrator, token: &str, case: &str) {
    assert!(!server.lets_in(token), "{case}: forward-auth");
    assert_eq!(server.introspect_itself(token).status, 401, "{case}: about itself");
    assert!(!administrator.says_alive(server, token), "{case}: introspection");
    for (method, target) in [("GET", "/v1/self"), ("GET", "/v1/refresh-tokens"), ("POST", "/v1/epoch/advance")] {
        let refused = server.send(Request::new(method, target).bearer(token)).expect(401);
        assert_eq!(refused.json()["code"], "invalid-token", "{case}: {target}");
    }
    server.send(Request::form("/oauth2/revoke", &format!("token={token}"))).expect(200);
}

#[test]
fn a_jwt_with_anything_wrong_in_it_is_dead_everywhere() {
    let (_place, server, administrator) = open();
    let made = administrator.create(&server, &json!({ "name": "job", "scopes": ["reports"] }));
    let good = server.access_token(&made.token);
    let before = administrator.everything(&server);
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("a token has three parts") };
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let kid = read(header)["kid"].as_str().unwrap().to_owned();
    let stranger = SigningKey::from_bytes(&random_bytes::<32>());
    let public = URL_SAFE_NO_PAD.encode(stranger.verifying_key().to_bytes());
    let signed = |header: &str, payload: &str| {
        let input = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header));
        let signature = URL_SAFE_NO_PAD.encode(stranger.sign(input.as_bytes()).to_bytes());
        format!("{input}.{signature}")
    };
    let promoted = {
        let mut claims = read(payload);
        claims["scope"] = json!("jeton:admin");
        URL_SAFE_NO_PAD.encode(claims.to_string())
    };
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"none"}"#);
    let own_header = format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#);
    let cases = [
        ("alg none", format!("{none}.{promoted}.")),
        ("alg none, two parts", format!("{none}.{promoted}")),
        (
            "alg HS256 over the public key",
            signed(&format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{kid}"}}"#), &promoted),
        ),
        ("another key", signed(&own_header, &promoted)),
        (
            "another key that it brings along",
            signed(
                &format!(r#"{{"typ":"at+jwt","alg":"EdDSA","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{public}"}}}}"#),
                &promoted,
            ),
        ),
        (
            "a header with crit",
            signed(&format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","crit":["exp"]}}"#), payload),
        ),
        (
            "a reordered header",
            format!(
                "{}.{payload}.{signature}",
                URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#))
            ),
        ),
        ("an extra part", format!("{good}.{signature}")),
        ("a leading part", format!("x.{good}")),
        ("a missing part", format!("{header}.{payload}")),
        ("a missing signature", format!("{header}.{payload}.")),
        ("a padded signature", format!("{good}==")),
        ("a padded payload", format!("{header}.{payload}=.{signature}")),
        ("trailing bits in the signature", format!("{}{}", &good[..good.len() - 1], raised(&good[good.len() - 1..]))),
        ("a promoted payload", format!("{header}.{promoted}.{signature}")),
        ("a truncated signature", good[..good.len() - 2].to_owned()),
        ("9 KiB", format!("{header}.{payload}.{}", "A".repeat(9 * 1024 - good.len()))),
        ("its refresh token", made.token.clone()),
    ];
    for (case, token) in &cases {
        if token.len() <= 8 * 1024 {
            assert_dead_everywhere(&server, &administrator, token, case);
        } else {
            server.send(Request::get("/forward-auth").bearer(token)).expect(401);
            server.send(Request::get("/v1/self").bearer(token)).expect(401);
            administrator.send(&server, Request::form("/oauth2/introspect", &format!("token={token}"))).expect(400);
        }
    }
    // The last one was given back, which is as it should be.
    let after = administrator.everything(&server);
    assert_eq!((&after[1], &after[2]), (&before[1], &before[2]));
    assert_eq!(administrator.show(&server, &made.id)["reason"], "revoked-by-holder");
}

/// The next character of the alphabet: with 64 bytes of signature the last one has four bits that mean nothing.
fn raised(character: &str) -> &'static str {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = ALPHABET.find(character).unwrap();
    &ALPHABET[at + 1..at + 2]
}

/// What signs for the epoch of a place whose server stands still.
fn signer_of(place: &Place) -> EpochSigner {
    let store = SqliteStore::open(&place.database()).unwrap();
    let entry = store.read(&[b"live/epoch".to_vec()], Freshness::Latest).unwrap().entries.remove(0).unwrap();
    let epoch: Epoch = minicbor::decode(&entry.value).unwrap();
    let root_key: [u8; 32] = std::fs::read(place.root_key()).unwrap().try_into().unwrap();
    store.close();
    EpochSigner::derive(&root_key, &epoch.key_source()).unwrap()
}

#[test]
fn even_what_the_epochs_key_has_signed_must_have_the_one_form() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve_resuming().start();
    let good = server.access_token(&admin);
    server.stop();
    let signer = signer_of(&place);
    let server = place.serve_resuming().start();
    server.hide(&admin);
    let administrator = Administrator::enter(&server, &admin);
    let json = String::from_utf8(URL_SAFE_NO_PAD.decode(good.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let claims: Value = serde_json::from_str(&json).unwrap();
    assert!(server.lets_in(&good));
    assert_eq!(signer.sign_payload(json.as_bytes()), good, "the test signs as the authority does");

    let lineage = claims["lin"].to_string();
    let expires_at = claims["exp"].to_string();
    for (case, payload) in [
        ("nothing", String::new()),
        ("no JSON", "junk".to_owned()),
        ("a duplicate claim", json.replacen('{', r#"{"scope":"jeton:admin","#, 1)),
        ("an unknown claim", json.replacen('{', r#"{"admin":true,"#, 1)),
        ("a lineage of numbers", json.replace(&lineage, "[1]")),
        ("a lineage in one text", json.replace(&lineage, "\"0000000000000000000000\"")),
        ("no lineage", json.replace(&lineage, "[]")),
        ("a short lineage id", json.replace(&lineage, "[\"0\"]")),
        ("a time in quotes", json.replace(&expires_at, &format!("\"{expires_at}\""))),
        ("a time with a fraction", json.replace(&expires_at, &format!("{expires_at}.5"))),
        ("a time in milliseconds that ran over", json.replace(&expires_at, "18446744073709551616")),
        ("an expiry that is over", json.replace(&expires_at, "1700000000")),
        ("something behind the claims", format!("{json}{{}}")),
    ] {
        assert_dead_everywhere(&server, &administrator, &signer.sign_payload(payload.as_bytes()), case);
    }
    assert!(server.lets_in(&good));
}

#[test]
fn a_signature_of_another_epoch_is_dead_even_under_the_same_root_key() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve_resuming().start();
    server.hide(&admin);
    let administrator = Administrator::enter(&server, &admin);
    let made = administrator.create_named(&server, "job");
    let old = server.access_token(&made.token);
    administrator.send(&server, Request::new("POST", "/v1/epoch/advance")).expect(200);
    let administrator = Administrator::enter(&server, &admin);
    assert_dead_everywhere(&server, &administrator, &old, "of the epoch before");
}

//! An administrator who works with `/v1`.

use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::server::Server;

/// A refresh token as its creator knows it.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) token: String,
}

/// Holds an access token with `jeton:admin`.
#[derive(Clone)]
pub(crate) struct Administrator {
    pub(crate) access_token: String,
}

impl Administrator {
    /// Exchanges an administrator's refresh token.
    pub(crate) fn enter(server: &Server, refresh_token: &str) -> Administrator {
        Administrator { access_token: server.access_token(refresh_token) }
    }

    /// Makes a refresh token.
    pub(crate) fn create(&self, server: &Server, request: &Value) -> Made {
        let answer = self.send(server, Request::json("POST", "/v1/refresh-tokens", request)).expect(201);
        Made { id: answer.member("id"), token: answer.member("token") }
    }

    /// Makes one with a name and nothing else.
    pub(crate) fn create_named(&self, server: &Server, name: &str) -> Made {
        self.create(server, &json!({ "name": name }))
    }

    /// Deletes one.
    pub(crate) fn delete(&self, server: &Server, id: &str) {
        self.send(server, Request::new("DELETE", &format!("/v1/refresh-tokens/{id}"))).expect(204);
    }

    /// Its record.
    pub(crate) fn show(&self, server: &Server, id: &str) -> Value {
        self.send(server, Request::get(&format!("/v1/refresh-tokens/{id}"))).expect(200).json()
    }

    /// Whether an access token is alive, as a resource server with this administrator's rights learns it.
    pub(crate) fn says_alive(&self, server: &Server, access_token: &str) -> bool {
        let answer =
            self.send(server, Request::form("/oauth2/introspect", &format!("token={access_token}"))).expect(200).json();
        match &answer["active"] {
            Value::Bool(true) => true,
            Value::Bool(false) => {
                assert_eq!(answer, json!({ "active": false }), "a dead token must say nothing else");
                false
            }
            other => panic!("introspection says `active` is {other}"),
        }
    }

    /// All that an administrator can see of the authority and that bad input must not change. When a refresh token was used last is
    /// noted in its own time.
    pub(crate) fn everything(&self, server: &Server) -> Value {
        let seen = |target| self.send(server, Request::get(target)).expect(200).json();
        let mut tokens = seen("/v1/refresh-tokens?limit=1000");
        for record in tokens["items"].as_array_mut().expect("a page has items") {
            for noted in ["last_used_at", "last_used_from", "exchange_count"] {
                record.as_object_mut().expect("a record is an object").remove(noted);
            }
        }
        json!([tokens, seen("/v1/settings"), seen("/v1/epoch"), seen("/v1/live")])
    }

    /// Sends a request with the access token.
    pub(crate) fn send(&self, server: &Server, request: Request) -> Answer {
        server.send(request.bearer(&self.access_token))
    }
}

//! Routes: which requests need no token, and which need more than a living one.

use jeton_policy::scope::{ScopeError, Scopes};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::paths::{self, Pattern};

/// A request that routes are compared with.
#[derive(Debug, Clone, Copy)]
pub struct Requested<'r> {
    /// The method.
    pub method: &'r [u8],
    /// The target: path and query.
    pub target: &'r [u8],
}

/// Methods, in capitals; none means all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Methods(Vec<String>);

impl Methods {
    fn have(&self, method: &[u8]) -> bool {
        self.0.is_empty() || self.0.iter().any(|known| known.as_bytes() == method)
    }

    /// Whether a server may take a method for one of these: in another case, or as `GET` without its body.
    fn may_have(&self, method: &[u8]) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(method))
            || (method.eq_ignore_ascii_case(b"HEAD") && self.have(b"GET"))
    }
}

impl<'de> Deserialize<'de> for Methods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let methods = Vec::<String>::deserialize(deserializer)?;
        if methods.is_empty() {
            return Err(D::Error::custom("`methods` is empty: leave it out where all of them are meant"));
        }
        match methods.iter().find(|method| method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase())) {
            Some(method) => Err(D::Error::custom(format!("`{method}` is no method: methods are written in capitals"))),
            None => Ok(Self(methods)),
        }
    }
}

/// Scopes, as they stand in the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand(pub Scopes);

impl<'de> Deserialize<'de> for Demand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scopes = Vec::<String>::deserialize(deserializer)?;
        Scopes::new(scopes).map(Self).map_err(|error: ScopeError| D::Error::custom(error))
    }
}

/// Requests that need no token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenOpening")]
pub struct Opening {
    pattern: Pattern,
    methods: Methods,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOpening {
    path: Option<String>,
    prefix: Option<String>,
    #[serde(default)]
    methods: Methods,
}

impl TryFrom<WrittenOpening> for Opening {
    type Error = String;

    fn try_from(written: WrittenOpening) -> Result<Self, String> {
        let pattern = Pattern::new(written.path, written.prefix).map_err(|error| error.to_string())?;
        if pattern.is_everything() && written.methods == Methods::default() {
            return Err(
                "the prefix `/` without `methods` would let everything in: take the filter out instead".to_owned()
            );
        }
        Ok(Self { pattern, methods: written.methods })
    }
}

impl Opening {
    /// Whether a request needs no token. One whose path is undecided does.
    #[must_use]
    pub fn lets_in(&self, requested: Requested<'_>, path: &str) -> bool {
        self.methods.have(requested.method) && self.pattern.means(path)
    }
}

/// Requests that need scopes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenRoute")]
pub struct Route {
    pattern: Pattern,
    methods: Methods,
    required: Scopes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoute {
    path: Option<String>,
    prefix: Option<String>,
    #[serde(default)]
    methods: Methods,
    required_scopes: Demand,
}

impl TryFrom<WrittenRoute> for Route {
    type Error = String;

    fn try_from(written: WrittenRoute) -> Result<Self, String> {
        let pattern = Pattern::new(written.path, written.prefix).map_err(|error| error.to_string())?;
        if written.required_scopes.0.as_slice().is_empty() {
            return Err("a route without `required_scopes` says nothing: every request needs a living token".to_owned());
        }
        Ok(Self { pattern, methods: written.methods, required: written.required_scopes.0 })
    }
}

/// The paths that are open, and the scopes that routes demand.
#[derive(Debug, Default)]
pub struct Routes {
    /// What needs no token.
    pub openings: Vec<Opening>,
    /// What every request needs.
    pub everywhere: Scopes,
    /// What some requests need beside that.
    pub routes: Vec<Route>,
}

/// What a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it is on the allow-list.
    Nothing,
    /// A living token with all these scopes, each of them once.
    Scopes(Vec<String>),
}

impl Routes {
    /// What a request needs. Every route that it may be meant by counts; one whose path is undecided may be meant by each.
    #[must_use]
    pub fn needs(&self, requested: Requested<'_>) -> Needs {
        let path = paths::decided(requested.target);
        if let Some(path) = &path
            && self.openings.iter().any(|opening| opening.lets_in(requested, path))
        {
            return Needs::Nothing;
        }
        let is_meant = |route: &&Route| {
            route.methods.may_have(requested.method) && path.as_ref().is_none_or(|path| route.pattern.may_mean(path))
        };
        let demanded = self.routes.iter().filter(is_meant).map(|route| &route.required);
        let mut needed: Vec<String> = Vec::new();
        for scope in core::iter::once(&self.everywhere).chain(demanded).flat_map(Scopes::as_slice) {
            if !needed.contains(scope) {
                needed.push(scope.clone());
            }
        }
        Needs::Scopes(needed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn routes() -> Routes {
        Routes {
            openings: serde_json::from_str(r#"[{"path": "/healthz"}, {"prefix": "/", "methods": ["OPTIONS"]}]"#)
                .unwrap(),
            everywhere: Scopes::new(["api"]).unwrap(),
            routes: serde_json::from_str(
                r#"[{"prefix": "/admin", "required_scopes": ["admin"]},
                    {"prefix": "/orders", "methods": ["GET"], "required_scopes": ["orders:read"]},
                    {"prefix": "/orders", "methods": ["POST", "DELETE"], "required_scopes": ["orders:write", "api"]}]"#,
            )
            .unwrap(),
        }
    }

    fn needs(method: &str, target: &str) -> String {
        match routes().needs(Requested { method: method.as_bytes(), target: target.as_bytes() }) {
            Needs::Nothing => "nothing".to_owned(),
            Needs::Scopes(scopes) => scopes.join(" "),
        }
    }

    #[test]
    fn every_route_that_a_request_may_be_meant_by_counts() {
        for (method, target, needed) in [
            ("GET", "/healthz", "nothing"),
            ("OPTIONS", "/admin/users", "nothing"),
            ("GET", "/", "api"),
            ("GET", "/administrator", "api"),
            ("GET", "/admin", "api admin"),
            ("GET", "/admin/", "api admin"),
            ("GET", "/orders/7?x=/admin", "api orders:read"),
            ("HEAD", "/orders/7", "api orders:read"),
            ("POST", "/orders", "api orders:write"),
            ("post", "/orders", "api orders:write"),
            ("PUT", "/orders", "api"),
        ] {
            assert_eq!(needs(method, target), needed, "{method} {target}");
        }
    }

    #[test]
    fn an_undecided_path_is_never_open_and_needs_what_any_route_needs() {
        for target in ["/healthz/../admin", "/%68ealthz", "//healthz", "/healthz;/../admin", "/%2e/healthz", "*", ""] {
            assert_eq!(needs("GET", target), "api admin orders:read", "{target}");
            assert_eq!(needs("OPTIONS", target), "api admin", "{target}");
        }
        assert_eq!(needs("GET", "/healthz/"), "api", "it is another path");
        assert_eq!(needs("options", "/orders"), "api");
    }

    #[test]
    fn entries_that_say_nothing_or_too_much_are_refused() {
        for opening in [
            r#"{"prefix": "/"}"#,
            r#"{}"#,
            r#"{"path": "/a", "prefix": "/b"}"#,
            r#"{"path": "/a", "methods": []}"#,
            r#"{"path": "/a", "methods": ["get"]}"#,
            r#"{"path": "/a", "method": "GET"}"#,
            r#"{"path": "/a/../b"}"#,
        ] {
            assert!(serde_json::from_str::<Opening>(opening).is_err(), "{opening}");
        }
        for route in [
            r#"{"prefix": "/a"}"#,
            r#"{"prefix": "/a", "required_scopes": []}"#,
            r#"{"prefix": "/a", "required_scopes": ["a b"]}"#,
            r#"{"prefix": "/a", "required_scopes": "a"}"#,
            r#"{"required_scopes": ["a"]}"#,
        ] {
            assert!(serde_json::from_str::<Route>(route).is_err(), "{route}");
        }
    }
}

//! A question of Envoy as `/forward-auth` knows it, and its answer as Envoy knows it.

use std::net::IpAddr;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH},
};
use tonic::Code;

use super::messages::{
    self, AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValueOption, HttpResponse,
    HttpStatus, OVERWRITE_IF_EXISTS_OR_ADD, OkHttpResponse,
};
use crate::{app::App, hot, listen::Peer};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What of a request is read: what its client shows, who it was sent for, and what the gateway demands in the ways of `/forward-auth`.
const READ: [HeaderName; 4] = [
    AUTHORIZATION,
    FORWARDED_FOR,
    HeaderName::from_static("x-jeton-require-scope"),
    HeaderName::from_static("x-jeton-require-audience"),
];
/// What a route may demand of a token in its `context_extensions`: the query parameters of `/forward-auth`.
const DEMANDS: [&str; 2] = ["scope", "audience"];
/// An address that is none, in the place of one that a gateway does not tell.
const UNKNOWN: HeaderValue = HeaderValue::from_static("unknown");

/// Answers what `gateway` asks; gives the HTTP status that its client gets, too, 200 where the request goes on.
pub(super) fn answer(app: &App, gateway: IpAddr, asked: CheckRequest) -> (StatusCode, CheckResponse) {
    let response = match question(&asked.attributes.unwrap_or_default()) {
        Ok(request) => {
            let peer = Peer::of(gateway, request.headers(), &app.options.trusted_proxies);
            hot::check(app, peer, &request)
        }
        Err(status) => hot::unanswerable(status),
    };
    (response.status(), told(&response))
}

/// The question that `/forward-auth` answers; or the status by which one is refused that cannot be read.
fn question(asked: &AttributeContext) -> Result<Request<()>, StatusCode> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &asked.context_extensions {
        // Nothing that is meant as a demand is passed over: a name that is spelled wrong would leave a route open.
        let name = DEMANDS.iter().find(|demand| *demand == name).ok_or(StatusCode::FORBIDDEN)?;
        query.append_pair(name, value);
    }
    let query = query.finish();
    let target = if query.is_empty() { "/forward-auth".to_owned() } else { format!("/forward-auth?{query}") };
    let mut request = Request::builder().uri(target).body(()).map_err(|_| StatusCode::FORBIDDEN)?;
    let headers = request.headers_mut();
    if let Some(http) = asked.request.as_ref().and_then(|request| request.http.as_ref()) {
        let joined = http.headers.iter().map(|(name, value)| (name, value.as_bytes()));
        let apart = http.header_map.iter().flat_map(|map| &map.headers).map(|header| {
            (&header.key, if header.raw_value.is_empty() { header.value.as_bytes() } else { &header.raw_value })
        });
        for (name, value) in joined.chain(apart) {
            if let Some(name) = READ.iter().find(|read| read.as_str().eq_ignore_ascii_case(name)) {
                headers.append(name, HeaderValue::from_bytes(value).map_err(|_| StatusCode::UNAUTHORIZED)?);
            }
        }
    }
    // The gateway is one hop more, which knows who is at the other end of its own connection.
    headers.append(FORWARDED_FOR, source(asked).unwrap_or(UNKNOWN));
    Ok(request)
}

/// The other end of the gateway's connection.
fn source(asked: &AttributeContext) -> Option<HeaderValue> {
    let address = asked.source.as_ref()?.address.as_ref()?.socket_address.as_ref()?;
    HeaderValue::from_str(&address.address).ok()
}

/// An answer of `/forward-auth`, as Envoy knows it. It is a denial also where nothing could be known: Envoy's
/// `failure_mode_allow` is for servers that do not answer.
fn told(response: &Response<Bytes>) -> CheckResponse {
    let status = response.status();
    let code = match status {
        StatusCode::OK => Code::Ok,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        _ => Code::Unavailable,
    };
    let http_response = if status == StatusCode::OK {
        // What is known of the token, in place of whatever the client claims under those names.
        HttpResponse::Ok(OkHttpResponse { headers: headers(response.headers(), &[CACHE_CONTROL, CONTENT_LENGTH]) })
    } else {
        HttpResponse::Denied(DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::from(status.as_u16()) }),
            headers: headers(response.headers(), &[CONTENT_LENGTH]),
            body: String::from_utf8_lossy(response.body()).into_owned(),
        })
    };
    CheckResponse { status: Some(messages::Status { code: code.into() }), http_response: Some(http_response) }
}

/// Headers, each instead of what there is under its name; empty ones, too.
fn headers(from: &HeaderMap, but: &[HeaderName]) -> Vec<HeaderValueOption> {
    let told = from.iter().filter(|(name, _)| !but.contains(name));
    told.map(|(name, value)| HeaderValueOption {
        header: Some(messages::HeaderValue {
            key: name.as_str().to_owned(),
            // Envoy reads no `raw_value` here. What Jeton says is ASCII.
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            raw_value: Vec::new(),
        }),
        append_action: OVERWRITE_IF_EXISTS_OR_ADD,
        keep_empty_value: true,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::{
        messages::{Address, HttpRequest, SocketAddress},
        *,
    };

    fn asked(extensions: &[(&str, &str)], headers: &[(&str, &str)], source: Option<&str>) -> AttributeContext {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let http = HttpRequest { headers: pairs(headers), header_map: None };
        let address = source.map(|address| SocketAddress { address: address.to_owned() });
        AttributeContext {
            source: Some(messages::Peer { address: Some(Address { socket_address: address }) }),
            request: Some(messages::Request { http: Some(http) }),
            context_extensions: pairs(extensions),
        }
    }

    #[test]
    fn a_route_demands_scopes_and_audiences_and_nothing_that_is_not_understood() {
        let demanded = |extensions: &[(&str, &str)]| {
            question(&asked(extensions, &[], None)).map(|request| request.uri().to_string())
        };
        assert_eq!(demanded(&[]).unwrap(), "/forward-auth");
        assert_eq!(demanded(&[("scope", "a b&audience=c")]).unwrap(), "/forward-auth?scope=a+b%26audience%3Dc");
        assert_eq!(
            demanded(&[("audience", "https://x.example")]).unwrap(),
            "/forward-auth?audience=https%3A%2F%2Fx.example"
        );
        for unknown in ["scopes", "Scope", "", "virtual_host"] {
            assert_eq!(demanded(&[(unknown, "a")]), Err(StatusCode::FORBIDDEN), "{unknown}");
        }
    }

    #[test]
    fn the_gateways_own_connection_is_the_last_hop_and_only_a_trusted_gateway_is_believed_it() {
        let client = |gateway: [u8; 4], forwarded: &str, source: Option<&str>| {
            let request = question(&asked(&[], &[("x-forwarded-for", forwarded)], source)).unwrap();
            let proxies = ["192.0.2.1".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
            Peer::of(IpAddr::from(gateway), request.headers(), &proxies).client_of_gateway()
        };
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert_eq!(client([192, 0, 2, 1], "198.51.100.9", Some("203.0.113.5")), address("203.0.113.5"));
        assert_eq!(client([192, 0, 2, 1], "198.51.100.9", Some("10.0.0.7")), address("198.51.100.9"));
        assert_eq!(client([192, 0, 2, 1], "198.51.100.9", Some("2001:db8::1")), address("2001:db8::1"));
        for (gateway, source) in
            [([192, 0, 2, 1], None), ([192, 0, 2, 1], Some("@pipe")), ([192, 0, 2, 2], Some("203.0.113.5"))]
        {
            assert_eq!(client(gateway, "198.51.100.9", source), None, "{gateway:?} {source:?}");
        }
    }

    #[test]
    fn headers_are_read_wherever_they_stand_and_two_of_them_stay_two() {
        let shown = |asked: &AttributeContext| {
            let request = question(asked)?;
            let values = request.headers().get_all(AUTHORIZATION).iter();
            Ok::<_, StatusCode>(values.map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>())
        };
        let joined = asked(&[], &[("Authorization", "Bearer a"), ("cookie", "x")], None);
        assert_eq!(shown(&joined).unwrap(), [b"Bearer a"]);
        let raw = |key: &str, value: &str, raw: &[u8]| messages::HeaderValue {
            key: key.to_owned(),
            value: value.to_owned(),
            raw_value: raw.to_vec(),
        };
        let mut apart = asked(&[], &[], None);
        let http = apart.request.as_mut().unwrap().http.as_mut().unwrap();
        http.header_map = Some(messages::HeaderMap {
            headers: vec![raw("authorization", "", b"Bearer a"), raw("authorization", "Bearer b", b"")],
        });
        assert_eq!(shown(&apart).unwrap(), [b"Bearer a", b"Bearer b"]);
        let broken = asked(&[], &[("authorization", "Bearer a\nx: y")], None);
        assert_eq!(shown(&broken), Err(StatusCode::UNAUTHORIZED));
        assert!(shown(&AttributeContext::default()).unwrap().is_empty());
    }
}

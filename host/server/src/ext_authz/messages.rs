//! What of Envoy's messages is read and written here, by the numbers of their fields.
//!
//! `envoy.service.auth.v3` is frozen: fields are added to it, and none is changed. The whole of it is ninety thousand lines
//! with what it names, all of which would be compiled for these few. A field that is not known here is passed over.
//! None of these has a `Debug`: they hold tokens.

use std::collections::HashMap;

use prost::{Message, Oneof};

/// `envoy.service.auth.v3.CheckRequest`.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) attributes: Option<AttributeContext>,
}

/// `envoy.service.auth.v3.AttributeContext`.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct AttributeContext {
    #[prost(message, optional, tag = "1")]
    pub(super) source: Option<Peer>,
    #[prost(message, optional, tag = "4")]
    pub(super) request: Option<Request>,
    #[prost(map = "string, string", tag = "10")]
    pub(super) context_extensions: HashMap<String, String>,
}

/// `envoy.service.auth.v3.AttributeContext.Peer`.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct Peer {
    #[prost(message, optional, tag = "1")]
    pub(super) address: Option<Address>,
}

/// `envoy.config.core.v3.Address`, where it is one of the network.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct Address {
    #[prost(message, optional, tag = "1")]
    pub(super) socket_address: Option<SocketAddress>,
}

/// `envoy.config.core.v3.SocketAddress`.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct SocketAddress {
    #[prost(string, tag = "2")]
    pub(super) address: String,
}

/// `envoy.service.auth.v3.AttributeContext.Request`.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct Request {
    #[prost(message, optional, tag = "2")]
    pub(super) http: Option<HttpRequest>,
}

/// `envoy.service.auth.v3.AttributeContext.HttpRequest`. Its headers stand in one of two places, as Envoy is told.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct HttpRequest {
    /// Those of one name are joined by commas.
    #[prost(map = "string, string", tag = "3")]
    pub(super) headers: HashMap<String, String>,
    /// Each for itself (`encode_raw_headers`).
    #[prost(message, optional, tag = "13")]
    pub(super) header_map: Option<HeaderMap>,
}

/// `envoy.config.core.v3.HeaderMap`.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    pub(super) headers: Vec<HeaderValue>,
}

/// `envoy.config.core.v3.HeaderValue`. Its value stands in one of two fields.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct HeaderValue {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) raw_value: Vec<u8>,
}

/// `envoy.service.auth.v3.CheckResponse`.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
    #[prost(oneof = "HttpResponse", tags = "2, 3")]
    pub(super) http_response: Option<HttpResponse>,
}

/// `google.rpc.Status`: whether the request goes on.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
}

/// What becomes of the request.
#[derive(Oneof)]
#[prost(skip_debug)]
pub(super) enum HttpResponse {
    /// Its client gets this answer.
    #[prost(message, tag = "2")]
    Denied(DeniedHttpResponse),
    /// It goes on, with this in it.
    #[prost(message, tag = "3")]
    Ok(OkHttpResponse),
}

/// `envoy.service.auth.v3.DeniedHttpResponse`.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct DeniedHttpResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<HttpStatus>,
    #[prost(message, repeated, tag = "2")]
    pub(super) headers: Vec<HeaderValueOption>,
    #[prost(string, tag = "3")]
    pub(super) body: String,
}

/// `envoy.type.v3.HttpStatus`, whose codes have the numbers of HTTP.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct HttpStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
}

/// `envoy.service.auth.v3.OkHttpResponse`.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct OkHttpResponse {
    #[prost(message, repeated, tag = "2")]
    pub(super) headers: Vec<HeaderValueOption>,
}

/// `HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD`.
pub(super) const OVERWRITE_IF_EXISTS_OR_ADD: i32 = 2;

/// `envoy.config.core.v3.HeaderValueOption`.
#[derive(Message)]
#[prost(skip_debug)]
pub(super) struct HeaderValueOption {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<HeaderValue>,
    #[prost(int32, tag = "3")]
    pub(super) append_action: i32,
    #[prost(bool, tag = "4")]
    pub(super) keep_empty_value: bool,
}

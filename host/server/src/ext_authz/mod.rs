//! Envoy's external authorization over gRPC (`envoy.service.auth.v3`): [`crate::hot::check`] for gateways that speak it.
//!
//! Whoever asks is a gateway, so it listens apart from what clients reach. What a call asks is translated to the question that
//! `/forward-auth` answers, and its answer back: there is one check, and two ways to ask for it.

mod check;
mod messages;

use std::{
    future::{Ready, ready},
    net::IpAddr,
    time::Instant,
};

use http::{Method, Request, Response};
use hyper::body::Incoming;
use tonic::{
    Code, Status,
    body::Body,
    server::{Grpc, UnaryService},
};
use tonic_prost::ProstCodec;

use self::messages::{CheckRequest, CheckResponse};
use crate::{app::App, observe::metrics::Class};

/// The one method of the service.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// The largest question: the head of a request, which Envoy bounds at 60 KiB unless told otherwise, twice over, and what it adds.
/// Envoy sends bodies only where it is told to, and they say nothing here.
const MAX_MESSAGE: usize = 256 * 1024;

/// Answers what `gateway` asks, on a thread that has a verifier.
pub(crate) async fn answer(app: &App, gateway: IpAddr, question: Request<Incoming>) -> Response<Body> {
    if question.uri().path() != CHECK || question.method() != Method::POST {
        return Status::new(Code::Unimplemented, "envoy.service.auth.v3 is what is served here").into_http();
    }
    let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
    let mut grpc = Grpc::new(codec).max_decoding_message_size(MAX_MESSAGE);
    grpc.unary(Check { app, gateway }, question).await
}

/// One question.
struct Check<'a> {
    app: &'a App,
    gateway: IpAddr,
}

impl UnaryService<CheckRequest> for Check<'_> {
    type Response = CheckResponse;
    type Future = Ready<Result<tonic::Response<CheckResponse>, Status>>;

    fn call(&mut self, asked: tonic::Request<CheckRequest>) -> Self::Future {
        let begun = Instant::now();
        let (status, answer) = check::answer(self.app, self.gateway, asked.into_inner());
        let took = begun.elapsed();
        self.app.metrics.answered(Class::ExtAuthz, status.as_u16(), took);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(status = status.as_u16(), gateway = %self.gateway, microseconds, "answered a gateway");
        ready(Ok(tonic::Response::new(answer)))
    }
}

//! The filter's part: the request path.

use std::{cell::RefCell, net::SocketAddr, rc::Rc};

use jeton_policy::{network::Address, verifier::Answer};
use log::{debug, error, warn};
use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext},
    types::Action,
};

use super::envoy::{Counter, SharedData, now};
use crate::{
    config::Filter,
    denial::{Denial, Told, WORDS},
    edge::Edge,
    gate::{IDENTITY, Pass, is_claim},
    routes::Requested,
};

thread_local! {
    /// A worker has one verifier, whatever the number of listeners that judge by it.
    static EDGE: RefCell<Edge> = RefCell::new(Edge::default());
}

/// How requests are judged, and counted.
pub(super) struct Judging {
    filter: Filter,
    alive: Counter,
    open: Counter,
    shadowed: Counter,
    denied: [(&'static str, Counter); WORDS.len()],
}

impl Judging {
    pub(super) fn new(filter: Filter) -> Self {
        Self {
            filter,
            alive: Counter::new("jeton.requests.alive"),
            open: Counter::new("jeton.requests.allow_listed"),
            shadowed: Counter::new("jeton.requests.shadowed"),
            denied: WORDS.map(|word| (word, Counter::new(&format!("jeton.requests.{word}")))),
        }
    }

    fn count(&self, denial: &Denial) {
        if let Some((_, counter)) = self.denied.iter().find(|(word, _)| *word == denial.word()) {
            counter.count();
        }
    }
}

/// One request.
pub(super) struct Request {
    judging: Rc<Judging>,
}

impl Request {
    pub(super) fn new(judging: Rc<Judging>) -> Self {
        Self { judging }
    }

    fn judge(&self, edge: &mut Edge, headers: &[(String, Vec<u8>)]) -> Result<(), Denial> {
        let first = |name: &str| {
            headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice()).unwrap_or_default()
        };
        let requested = Requested { method: first(":method"), target: first(":path") };
        let authorization =
            headers.iter().filter(|(name, _)| name == "authorization").map(|(_, value)| value.as_slice());
        let filter = &self.judging.filter;
        let peer = filter.trust_source_address.then(source_address).flatten();
        match filter.gate.judge(edge, &now(), requested, authorization, peer)? {
            Pass::Open => self.judging.open.count(),
            Pass::Alive(answer) => {
                self.tell_identity(answer)?;
                self.judging.alive.count();
            }
        }
        Ok(())
    }

    /// Tells what stands behind Envoy who calls. All of it or nothing.
    fn tell_identity(&self, answer: &Answer) -> Result<(), Denial> {
        let expires = answer.expires_at().to_string();
        let values = [answer.subject(), answer.client(), answer.scope(), expires.as_bytes()];
        if values.iter().any(|value| !value.iter().all(|byte| matches!(byte, 0x20..=0x7E))) {
            return Err(Denial::Fault);
        }
        for (name, value) in IDENTITY.into_iter().zip(values) {
            self.add_http_request_header_bytes(name, value);
        }
        Ok(())
    }
}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let headers = self.get_http_request_headers_bytes();
        for (name, _) in headers.iter().filter(|(name, _)| is_claim(name)) {
            self.remove_http_request_header(name);
        }
        let verdict = EDGE.with_borrow_mut(|edge| {
            if let Err(refused) = edge.follow(&SharedData) {
                error!("jeton: what the feed published is refused here: {refused}");
            }
            self.judge(edge, &headers)
        });
        let Err(denial) = verdict else { return Action::Continue };
        self.judging.count(&denial);
        let told = denial.told();
        if self.judging.filter.shadow {
            self.judging.shadowed.count();
            warn!("jeton: in the shadow: {denial} (it would have been answered {})", told.status);
            return Action::Continue;
        }
        debug!("jeton: {}: {denial}", told.status);
        refuse(&told);
        Action::Pause
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        for (name, _) in self.get_http_request_trailers_bytes().iter().filter(|(name, _)| is_claim(name)) {
            self.remove_http_request_trailer(name);
        }
        Action::Continue
    }
}

impl Context for Request {}

/// A request to a plugin that is no filter.
pub(super) struct Misled;

impl HttpContext for Misled {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        error!("jeton: a feed stands among the filters of a listener: it belongs under `bootstrap_extensions`");
        refuse(&Denial::Fault.told());
        Action::Pause
    }
}

impl Context for Misled {}

fn refuse(told: &Told) {
    let headers = told.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let _sent = hostcalls::send_http_response(told.status, headers, None);
}

/// Envoy's notion of who calls.
fn source_address() -> Option<Address> {
    let address = hostcalls::get_property(vec!["source", "address"]).ok().flatten()?;
    let address: SocketAddr = str::from_utf8(&address).ok()?.parse().ok()?;
    Some(Address::from(address.ip()))
}

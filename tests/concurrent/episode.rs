//! One server and its clients, from the first call to the verdict.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use jeton_model::history::{Act, Answer, Book, Call, Contradiction, Judged, Name, judge};
use jeton_model::{Ask, Bindings, Expiry, Network};

use super::dice::Dice;
use super::draw::{draw, enter};
use super::pool::Pool;
use super::wire;
use crate::support::administrator::Administrator;
use crate::support::http::{Request, send_from};
use crate::support::place::Place;
use crate::support::server::Server;

const CLIENTS: usize = 8;
/// Between two moments of quiet.
const ROUNDS: usize = 5;
/// Calls of each client in a round.
const CALLS: usize = 9;
/// The client that looks at everything while the others are quiet.
const OBSERVER: usize = CLIENTS;
/// An episode that took longer is not judged: within it a spent secret may be presented once more, whenever that is (30 s).
const LONGEST: Duration = Duration::from_secs(25);
/// How many access tokens the observer looks at: the youngest, and among them all that a round can have given.
const LOOKED_AT: usize = CLIENTS * CALLS;

/// How an episode ended.
pub(super) enum Outcome {
    Right(Vec<Call>, Judged),
    /// From what there was at first on.
    Wrong(Box<Book>, Box<Contradiction>),
    TooSlow,
}

/// A server that many call at the same time.
pub(super) struct Episode {
    server: Server,
    pool: Mutex<Pool>,
    /// A common clock: who reads a lower number was earlier.
    ticks: AtomicU64,
}

impl Episode {
    /// Runs one and judges it.
    pub(super) fn live(mut dice: Dice) -> Outcome {
        let place = Place::new();
        let first = place.bootstrap();
        let server = place.serve().start();
        server.hide(&first);
        let begun = Instant::now();
        let episode = Episode { server, pool: Mutex::default(), ticks: AtomicU64::new(1) };
        let book = episode.open(&first);
        let mut calls = episode.prepare();
        for round in 0..ROUNDS {
            calls.extend(episode.round(&mut dice, round));
            calls.extend(episode.look(round));
        }
        if begun.elapsed() > LONGEST {
            return Outcome::TooSlow;
        }
        match judge(&book, &calls) {
            Ok(judged) => Outcome::Right(calls, judged),
            Err(found) => Outcome::Wrong(Box::new(book), found),
        }
    }

    /// What there is at first: an administrator's refresh token.
    fn open(&self, first: &str) -> Book {
        let administrator = Administrator::enter(&self.server, first);
        let epoch = administrator.send(&self.server, Request::get("/v1/epoch")).expect(200).json();
        let all = administrator.send(&self.server, Request::get("/v1/refresh-tokens")).expect(200).json();
        let id = all["items"][0]["id"].as_str().unwrap();
        let mut pool = self.pool.lock().unwrap();
        let secret = pool.secret(id, first);
        Book::begun(now(), epoch["number"].as_u64().unwrap(), "the administrator", ("t0", &secret)).unwrap()
    }

    /// A second administrator, who may be ended, and a token to begin with.
    fn prepare(&self) -> Vec<Call> {
        let (at, peer) = (now(), address(OBSERVER, 0, 0));
        let act = enter(&self.pool.lock().unwrap(), 0, peer);
        let mut calls = vec![self.call(OBSERVER, at, peer, act, None)];
        let Answer::Minted { access, .. } = &calls[0].answer else { panic!("no access token: {}", calls[0]) };
        let access = access.clone();
        for (name, owner, scope) in [("second", "ann", "jeton:admin"), ("job", "bob", "orders")] {
            let ask = Ask {
                name: name.to_owned(),
                expiry: Expiry::BySetting,
                scopes: vec![scope.to_owned()],
                parent: None,
                owner: Some(owner.to_owned()),
                access_ttl: None,
                bindings: Bindings::default(),
                may_delegate: true,
                rotates_on_use: false,
                key: None,
            };
            let act = Act::Create { ask: Box::new(ask), parent: None };
            calls.push(self.call(OBSERVER, at, peer, act, Some(access.clone())));
        }
        calls
    }

    /// All clients at once.
    fn round(&self, dice: &mut Dice, round: usize) -> Vec<Call> {
        let (at, line) = (now(), Barrier::new(CLIENTS));
        std::thread::scope(|scope| {
            let line = &line;
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let mut dice = dice.split();
                    scope.spawn(move || {
                        line.wait();
                        let call = |number| {
                            let peer = address(client, round, number);
                            let (act, by) = draw(&mut dice, &self.pool.lock().unwrap(), at, peer);
                            self.call(client, at, peer, act, by)
                        };
                        (0..CALLS).map(call).collect::<Vec<_>>()
                    })
                })
                .collect();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        })
    }

    /// Everything that the clients have made, one thing after the other.
    fn look(&self, round: usize) -> Vec<Call> {
        let (at, peer) = (now(), address(OBSERVER, round, 1));
        let act = enter(&self.pool.lock().unwrap(), 0, peer);
        let mut calls = vec![self.call(OBSERVER, at, peer, act, None)];
        let Answer::Minted { access, .. } = &calls[0].answer else { panic!("no access token: {}", calls[0]) };
        let by = Some(access.clone());
        let acts: Vec<Act> = {
            let pool = self.pool.lock().unwrap();
            let tokens = pool.tokens.iter().filter(|token| !token.is_over).map(|token| token.name.clone());
            let tokens = tokens.map(|token| Act::Show { token });
            let young = pool.access.iter().rev().take(LOOKED_AT).map(|access| access.name.clone());
            let young = young.map(|access| Act::Introspect { access });
            tokens.chain(young).chain([Act::ShowSettings, Act::ShowEpoch]).collect()
        };
        calls.extend(acts.into_iter().map(|act| self.call(OBSERVER, at, peer, act, by.clone())));
        calls
    }

    /// Makes a call and notes when it began, what was answered and when.
    fn call(&self, client: usize, at: u64, peer: Network, act: Act, by: Option<Name>) -> Call {
        let request = wire::request(&act, by.as_ref(), &self.pool.lock().unwrap());
        let source = std::net::Ipv4Addr::from(u32::try_from(peer.first).unwrap()).to_string();
        request.secrets().iter().for_each(|secret| self.server.hide(secret));
        let begun = self.ticks.fetch_add(1, Ordering::SeqCst);
        let received = send_from(&source, self.server.port, &request);
        let ended = self.ticks.fetch_add(1, Ordering::SeqCst);
        let received = received.unwrap_or_else(|error| panic!("{act}: {error}\n{}", self.server.log()));
        let mut pool = self.pool.lock().unwrap();
        let answer = wire::answer(&act, &received, &mut pool);
        let about = match &act {
            Act::Show { token } | Act::Edit { token, .. } | Act::Rotate { token, .. } => Some(token),
            _ => None,
        };
        pool.learn(by.as_ref(), about, &answer);
        Call { client, begun, ended, at, by, act, answer }
    }
}

/// Where a client sits. Each call has an address of its own: bad credentials, of which there are many here, are counted by address.
fn address(client: usize, round: usize, call: usize) -> Network {
    let octets = [127, client + 1, round + 1, call + 1].map(|octet| u8::try_from(octet).unwrap());
    Network::host(32, u32::from_be_bytes(octets).into())
}

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

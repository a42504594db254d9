//! Every verdict of `tests/vectors`, given by the filter in real Envoy.
//!
//! Envoy's clock cannot be set, so each case is made anew around it: the same case, minted so that its own time is now. Envoy has one
//! live set at a time for each `vm_id`: there are several, each fed by a thread of this test, which hands it the documents of one
//! case after the other. In between each hears of an epoch of another key, which leaves nothing behind. Its worker hears of each document
//! in its turn: Envoy's workers look for what is new when they are asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use jeton_policy::access_token::Algorithm;
use jeton_vectors::generate::{MINTED, SEQUENCE, Stage, TOPICS};
use jeton_vectors::native::{At, judge, loaded};
use jeton_vectors::{COMMITTED, Case, Load, Vectors, Verdict, given::Given};
use serde_json::{Value, json};

use crate::support::envoy::{Answering, Envoy, Setup, feed_of, filter_of, told};
use crate::support::http::{Answer, Kept, Request};
use crate::support::place::{Place, free_port};
use crate::support::{CEILING, wait_for};

/// Live sets that Envoy holds at once, beside the one of a feed that never said anything good.
const LANES: usize = 6;
/// How long what is judged alike for so long need not be made anew.
const STEADY: u64 = 600;
/// Whole seconds that Envoy may count since it asked for what it holds, rounded up as it does.
const HELD: u64 = 2;
/// What was held for longer is judged anew.
const MOST_HELD: Duration = Duration::from_millis(1_900);
/// A question that waited for so long is answered with nothing: whoever asked it asks again.
const OLD: Duration = Duration::from_millis(300);
/// From one group's epoch to the next one's; more than twice what any case goes ahead.
const EPOCHS: u64 = 10_000;
/// Cases of a group: they are asked within the lease of what Envoy holds, also on a machine that has much else to do.
const MOST_CASES: usize = 20;
/// How often a group is judged anew whose second was over before all was asked.
const ATTEMPTS: usize = 40;

/// Cases that share their live documents and their time.
struct Group {
    topic: usize,
    /// From the minting of the good token to the time of the case.
    offset: i128,
    is_steady: bool,
    loads: Vec<Load>,
    names: Vec<String>,
}

/// The seconds since 1970.
fn clock() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// Why Envoy cannot be asked a case at all.
fn beyond_envoy(case: &Case) -> Option<&'static str> {
    let token = &case.token;
    if token.bytes().any(|byte| byte == 0x7f || (byte < 0x20 && byte != b'\t')) {
        return Some("a header field has no control characters: HTTP refuses the request");
    }
    if token.trim_matches([' ', '\t']) != token {
        return Some("white space at the ends of a header field is not part of it");
    }
    if case.now.checked_sub(MINTED).is_some_and(|offset| offset > clock()) {
        return Some("Envoy's clock is the machine's, and this time never comes");
    }
    // What holds for every span in which Envoy asks, holds in Envoy.
    let (mut verifier, _) = loaded(case);
    let at = At::of(case);
    let is_as_told = (0..=HELD).all(|held_for| {
        let at = At { held_for, enforce_lease: true, ..at };
        judge(&mut verifier, token, at) == case.verdict
    });
    (!is_as_told).then_some("how long a live set is held, Envoy counts itself, and its lease always binds")
}

/// Whether its verdict is the same for as long as the test may take. A token is not yet valid, then alive, then expired: what is the
/// same at both ends is the same in between.
fn is_steady(case: &Case) -> bool {
    let (mut verifier, _) = loaded(case);
    [0, STEADY].into_iter().all(|later| {
        let at = At { now: case.now.saturating_add(later), held_for: 0, enforce_lease: true, ..At::of(case) };
        judge(&mut verifier, &case.token, at) == case.verdict
    })
}

/// The groups, and the cases that are in none with the reason.
fn groups() -> (Vec<Group>, BTreeMap<String, String>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut beyond = BTreeMap::new();
    for (topic, topic_of) in TOPICS.iter().enumerate() {
        for case in topic_of.cases(Stage::FIXED).unwrap() {
            if let Some(why) = beyond_envoy(&case) {
                beyond.insert(case.name, why.to_owned());
                continue;
            }
            let (offset, is_steady) = (i128::from(case.now) - i128::from(MINTED), is_steady(&case));
            let same = |group: &&mut Group| {
                (group.topic, group.offset, group.is_steady) == (topic, offset, is_steady)
                    && group.loads == case.loads
                    && group.names.len() < MOST_CASES
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.names.push(case.name),
                None => groups.push(Group { topic, offset, is_steady, loads: case.loads, names: vec![case.name] }),
            }
        }
    }
    (groups, beyond)
}

/// A live set in Envoy: its feed, which asks this thread, and the doors that go by it.
struct Lane {
    listener: TcpListener,
    asking: Option<BufReader<TcpStream>>,
    /// What was asked last, and when, where that is known.
    target: String,
    asked: Option<Instant>,
    /// When it asked for what it took last.
    held_since: Instant,
    /// A door that knows who calls, and one that does not.
    seeing: u16,
    blind: u16,
}

impl Lane {
    fn new() -> Lane {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Lane {
            listener,
            asking: None,
            target: String::new(),
            asked: None,
            held_since: Instant::now(),
            seeing: free_port(),
            blind: free_port(),
        }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Waits for the feed's next question.
    fn hear(&mut self) {
        loop {
            let is_known = self.asking.is_some();
            let reader = self.asking.get_or_insert_with(|| {
                let (stream, _) = self.listener.accept().unwrap();
                stream.set_nodelay(true).unwrap();
                stream.set_read_timeout(Some(CEILING)).unwrap();
                BufReader::new(stream)
            });
            let (mut head, mut line) = (String::new(), String::new());
            while line != "\r\n" {
                line.clear();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                head.push_str(&line);
            }
            if let Some(target) = head.split(' ').nth(1) {
                // On a new connection it may have waited for a while already.
                self.asked = is_known.then(Instant::now);
                target.clone_into(&mut self.target);
                return;
            }
            self.asking = None;
        }
    }

    /// Answers with a document, and waits for the next question: whoever took the document asks what comes after it.
    fn say(&mut self, document: &str) -> bool {
        let asked = loop {
            match self.asked {
                Some(asked) if asked.elapsed() <= OLD => break asked,
                _ => self.answer("503 Later", ""),
            }
        };
        self.answer("200 OK", document);
        // What it holds now it has asked for then.
        let is_taken = self.target.contains("after=");
        self.held_since = if is_taken { asked } else { self.held_since };
        is_taken
    }

    fn answer(&mut self, status: &str, body: &str) {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        // It may have given up: then it asks again on another connection.
        let _sent = self.asking.as_mut().map(|stream| stream.get_mut().write_all(answer.as_bytes()));
        self.hear();
    }
}

/// Envoy with these lanes.
fn start(place: &Place, lanes: &[Lane]) -> Envoy {
    let api = Answering::api().port;
    let mut setup = Setup::with_filter(place, lanes[0].port(), api, "unused").workers(1);
    let list = |value: &mut Value| std::mem::take(value.as_array_mut().unwrap());
    let [extension] = <[Value; 1]>::try_from(list(&mut setup.config["bootstrap_extensions"])).unwrap();
    let resources = &mut setup.config["static_resources"];
    let [listener] = <[Value; 1]>::try_from(list(&mut resources["listeners"])).unwrap();
    let mut clusters = list(&mut resources["clusters"]);
    let authority = clusters.iter().position(|cluster| cluster["name"] == "jeton").unwrap();
    let authority = clusters.remove(authority);
    let (mut extensions, mut listeners) = (Vec::new(), Vec::new());
    for (number, lane) in lanes.iter().enumerate() {
        let name = format!("jeton-{number}");
        let mut own = authority.clone();
        own["name"] = json!(name);
        own["load_assignment"]["cluster_name"] = json!(name);
        own["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["port_value"] =
            json!(lane.port());
        clusters.push(own);
        let mut own = extension.clone();
        own["typed_config"]["config"]["vm_config"]["vm_id"] = json!(name);
        feed_of(&mut own, "cluster", json!(name));
        extensions.push(own);
        for (door, port, sees) in [("seeing", lane.seeing, true), ("blind", lane.blind, false)] {
            let mut own = listener.clone();
            own["name"] = json!(format!("{name}-{door}"));
            own["address"]["socket_address"]["port_value"] = json!(port);
            filter_of(&mut own, "trust_source_address", json!(sees));
            let manager = &mut own["filter_chains"][0]["filters"][0]["typed_config"];
            // Whom Envoy takes for the peer, a proxy before it says.
            manager["use_remote_address"] = json!(false);
            manager["stat_prefix"] = json!(format!("{name}-{door}"));
            manager["http_filters"][0]["typed_config"]["config"]["vm_config"]["vm_id"] = json!(name);
            listeners.push(own);
        }
    }
    setup.config["bootstrap_extensions"] = json!(extensions);
    setup.config["static_resources"]["listeners"] = json!(listeners);
    setup.config["static_resources"]["clusters"] = json!(clusters);
    setup.start()
}

/// What Envoy must do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    /// Let it in, and tell whose it is: subject, client, scope, expiry.
    In([String; 4]),
    /// Refuse it: the status, the error of the challenge, and the word by which it is counted.
    Refused(u16, Option<&'static str>, &'static str),
}

impl Told {
    /// The word by which it is counted.
    fn word(&self) -> &'static str {
        match self {
            Told::In(_) => "alive",
            Told::Refused(_, _, word) => word,
        }
    }
}

fn expected(case: &Case) -> Told {
    let invalid = |word| Told::Refused(401, Some("invalid_token"), word);
    // What is not one token behind the scheme, nobody judges (RFC 6750 section 3.1). It would have been refused as well.
    if case.token.is_empty() || !case.token.is_ascii() || case.token.contains([' ', '\t', ',']) {
        assert!(matches!(case.verdict, Verdict::Refused(_)), "{}", case.name);
        return Told::Refused(401, Some("invalid_request"), "invalid_request");
    }
    match &case.verdict {
        Verdict::Refused(why) => match why.as_str() {
            "stale" => Told::Refused(503, None, "stale"),
            "malformed" => invalid("malformed"),
            "wrong-epoch" => invalid("wrong_epoch"),
            "bad-signature" => invalid("bad_signature"),
            "not-yet-valid" => invalid("not_yet_valid"),
            "expired" => invalid("expired"),
            "cut" => invalid("cut"),
            other => panic!("{}: {other}", case.name),
        },
        Verdict::Accepted { network, .. } if ["outside", "unknown-peer"].contains(&network.as_str()) => {
            invalid("elsewhere")
        }
        Verdict::Accepted { subject, client, scope, expires_at, .. } => {
            let fields = [subject.clone(), client.clone(), scope.clone(), expires_at.to_string()];
            // What cannot stand in a header field is told to nobody.
            if fields.iter().all(|field| field.bytes().all(|byte| matches!(byte, 0x20..=0x7e))) {
                Told::In(fields)
            } else {
                Told::Refused(503, None, "fault")
            }
        }
    }
}

fn said(answer: &Answer, word: &'static str) -> Told {
    if answer.status == 200 {
        let head = answer.text();
        return Told::In(["subject", "client", "scope", "expires"].map(|name| {
            let values = told(&head, &format!("x-jeton-{name}"));
            assert_eq!(values.len(), 1, "{name} in {head}");
            values[0].clone()
        }));
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("retry-after"), (answer.status == 503).then_some("1"));
    let error = answer.header("www-authenticate").map(|challenge| {
        let error = challenge.strip_prefix("Bearer realm=\"jeton\", error=\"").unwrap_or(challenge);
        ["invalid_token", "invalid_request"].into_iter().find(|known| error == format!("{known}\"")).expect(challenge)
    });
    // The word stands in no answer: it is counted, and the counters are compared in the end.
    Told::Refused(answer.status, error, word)
}

/// How often Envoy must have counted each word.
#[derive(Default)]
struct Tally {
    /// As often as this, and at most so many times more, for what was asked too late and is asked again.
    counted: BTreeMap<&'static str, u64>,
    unsure: u64,
}

/// The cases of a topic at each of its times, as they are judged from when this began: their tokens name no epoch's number, and their
/// documents are moved to that of a group.
struct Prepared {
    begun: u64,
    cases: BTreeMap<(usize, i128), Vec<Case>>,
}

/// The epoch of what was prepared.
const UNMOVED: u64 = 7_000_000_000_000;

impl Prepared {
    fn new(groups: &[Group]) -> Prepared {
        let begun = clock();
        let mut cases = BTreeMap::new();
        for Group { topic, offset, .. } in groups.iter().filter(|group| group.is_steady) {
            cases.entry((*topic, *offset)).or_insert_with(|| of_topic(*topic, *offset, begun));
        }
        Prepared { begun, cases }
    }
}

/// The cases of a topic, minted so that those at this offset are at their time now.
fn of_topic(topic: usize, offset: i128, now: u64) -> Vec<Case> {
    let minted = u64::try_from(i128::from(now) - offset).unwrap();
    TOPICS[topic].cases(Stage { minted, epoch: UNMOVED }).unwrap()
}

/// A document with the number of its epoch moved, where it has one that was not.
fn moved(document: &str, epoch: u64) -> String {
    let mut moved = String::with_capacity(document.len());
    let mut rest = document;
    while let Some((before, after)) = rest.split_once(NUMBER) {
        let length = |of: &str, is_of: fn(&u8) -> bool| of.bytes().take_while(is_of).count();
        let (between, after) = after.split_at(length(after, |byte| matches!(byte, b':' | b' ')));
        let (number, after) = after.split_at(length(after, u8::is_ascii_digit));
        moved.extend([before, NUMBER, between]);
        match number.parse::<u64>() {
            Ok(number) if number.abs_diff(UNMOVED) < EPOCHS / 2 => {
                moved.push_str(&(epoch + number - UNMOVED).to_string());
            }
            _ => moved.push_str(number),
        }
        rest = after;
    }
    moved + rest
}

const NUMBER: &str = "\"number\"";

/// A lane at work: the doors through which everything goes, on one connection each, and the epoch that was heard last.
struct Worker<'a> {
    lane: Lane,
    seeing: Kept,
    blind: Kept,
    epoch: u64,
    prepared: &'a Prepared,
    tally: &'a Mutex<Tally>,
}

impl Worker<'_> {
    fn ask(&mut self, case: &Case) -> Result<Answer, String> {
        let request = Request::get("/").header("Authorization", &format!("Bearer {}", case.token));
        let answer = match case.peer {
            Some(peer) => self.seeing.send(&request.header("X-Forwarded-For", &peer.to_string())),
            None => self.blind.send(&request),
        };
        answer.map_err(|error| format!("{}: no answer: {error}", case.name))
    }

    /// Hands Envoy the documents of a group, and asks each of its cases.
    fn judge(&mut self, group: &Group) -> Result<(), String> {
        for _ in 0..ATTEMPTS {
            let mut now = self.prepared.begun;
            let mut cases = match self.prepared.cases.get(&(group.topic, group.offset)).filter(|_| group.is_steady) {
                Some(cases) => cases.clone(),
                None => {
                    // A second of which enough is left.
                    now = wait_for("a new second", || {
                        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
                        (now.subsec_millis() < 400).then_some(now.as_secs())
                    });
                    of_topic(group.topic, group.offset, now)
                }
            };
            cases.retain(|case| group.names.contains(&case.name));
            if !self.begin_anew(group)? {
                continue;
            }
            self.hand_over(group, &cases[0].loads)?;
            let is_held = cases[0].loads.iter().any(|load| load.gives == "loaded");
            let answers: Vec<Answer> = cases.iter().map(|case| self.ask(case)).collect::<Result<_, _>>()?;
            if (is_held && self.lane.held_since.elapsed() > MOST_HELD) || !(group.is_steady || clock() == now) {
                self.tally.lock().unwrap().unsure += u64::try_from(cases.len()).unwrap();
                continue;
            }
            let mut tally = self.tally.lock().unwrap();
            let mut wrong = String::new();
            for (case, answer) in cases.iter().zip(&answers) {
                let expected = expected(case);
                let said = said(answer, expected.word());
                if said != expected {
                    writeln!(wrong, "{}: {said:?}, not {expected:?}", case.name).unwrap();
                }
                *tally.counted.entry(expected.word()).or_default() += 1;
            }
            return if wrong.is_empty() { Ok(()) } else { Err(wrong) };
        }
        Err(format!("no second was long enough for {:?}", group.names))
    }

    /// An epoch of another key, of which the worker has heard: what was is forgotten. It is begun once more where the machine was so
    /// slow that it is over already.
    fn begin_anew(&mut self, group: &Group) -> Result<bool, String> {
        self.epoch += EPOCHS;
        if group.loads.iter().all(|load| load.gives != "loaded") {
            return Ok(true);
        }
        let clean = Stage { minted: clock(), epoch: self.epoch - EPOCHS / 2 }.signer(7, Algorithm::EdDsa).unwrap();
        let whole = String::from_utf8(clean.whole(SEQUENCE, &[]).render()).unwrap();
        let has_begun = self.lane.say(&whole) && self.show(&Request::get("/").bearer(&clean.good()))? == 200;
        self.tally.lock().unwrap().unsure += u64::from(!has_begun);
        Ok(has_begun)
    }

    /// Hands the documents of a group to the feed. The worker hears of each, since it is asked in between.
    fn hand_over(&mut self, group: &Group, loads: &[Load]) -> Result<(), String> {
        for (place, load) in loads.iter().enumerate() {
            if self.lane.say(&moved(&load.document, self.epoch)) != (load.gives == "loaded") {
                return Err(format!("document {place} of {:?} should have been {}", group.names, load.gives));
            }
            self.show(&Request::get("/"))?;
        }
        Ok(())
    }

    /// Asks through the door that sees nobody; gives the status.
    fn show(&mut self, request: &Request) -> Result<u16, String> {
        let answer = self.blind.send(request);
        answer.map(|answer| answer.status).map_err(|error| format!("no answer: {error}"))
    }
}

/// Enough of a log to see what went wrong last.
fn last_of(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

#[test]
fn envoy_gives_every_verdict_that_it_can_be_asked_for() {
    let (groups, beyond) = groups();
    let prepared = Prepared::new(&groups);
    let place = Place::new();
    let lanes: Vec<Lane> = (0..=LANES).map(|_| Lane::new()).collect();
    let envoy = start(&place, &lanes);
    let began = Instant::now();
    // What loads nothing goes to a feed that never loaded anything.
    let (fresh, used): (Vec<&Group>, Vec<&Group>) =
        groups.iter().partition(|group| group.loads.iter().all(|load| load.gives != "loaded"));
    let (fresh, used) = (Mutex::new(fresh.into_iter()), Mutex::new(used.into_iter()));
    let (tally, wrong) = (Mutex::<Tally>::default(), Mutex::new(String::new()));
    std::thread::scope(|scope| {
        for (number, lane) in lanes.into_iter().enumerate() {
            let (prepared, tally, wrong) = (&prepared, &tally, &wrong);
            let queue = if number == LANES { &fresh } else { &used };
            scope.spawn(move || {
                let (seeing, blind) = (Kept::open(lane.seeing), Kept::open(lane.blind));
                let mut worker = Worker { lane, seeing, blind, epoch: EPOCHS, prepared, tally };
                worker.lane.hear();
                loop {
                    let Some(group) = queue.lock().unwrap().next() else { return };
                    if let Err(what) = worker.judge(group) {
                        wrong.lock().unwrap().push_str(&format!("lane {number}: {what}\n"));
                    }
                }
            });
        }
    });
    let took = began.elapsed();
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "after {took:?}:\n{wrong}\n{}", last_of(&envoy.log()));
    assert!(clock() < prepared.begun + STEADY, "what was signed at first may be dead by now");

    let names: BTreeSet<String> = groups.iter().flat_map(|group| group.names.clone()).collect();
    let all = Vectors::parse(COMMITTED).unwrap().cases;
    assert_eq!(names.len() + beyond.len(), all.len(), "each case was asked, or it is said why not");
    let tally = tally.into_inner().unwrap();
    for (word, counted) in &tally.counted {
        let figure = envoy.figure(&format!("wasmcustom.jeton.requests.{word}"));
        // Those that passed while a lane was cleaned are alive as well.
        let more = if *word == "alive" { u64::MAX } else { counted + tally.unsure };
        assert!((*counted..=more).contains(&figure), "{word}: {figure}, not {counted}");
    }
    eprintln!("Envoy: {} verdicts in {took:.1?}, {} beyond it", names.len(), beyond.len());
    Given { given: names, beyond }.write("Envoy").unwrap();
}

//! HTTP/1.1 over a socket, as a rule one request a connection: it sends whatever it is told to, however wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::CEILING;

/// A request as it will stand on the wire; nothing is added but `Host`, `Connection` and the length of the body.
#[derive(Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Request {
        Request { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(target: &str) -> Request {
        Request::new("GET", target)
    }

    /// `fields` are written as they are: what must be escaped comes escaped.
    pub(crate) fn form(target: &str, fields: &str) -> Request {
        Request::new("POST", target).header("Content-Type", "application/x-www-form-urlencoded").body(fields.as_bytes())
    }

    pub(crate) fn json(method: &str, target: &str, body: &Value) -> Request {
        Request::new(method, target).header("Content-Type", "application/json").body(body.to_string().as_bytes())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Request {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Request {
        self.body = body.to_vec();
        self
    }

    /// What is sent in it that no log may repeat: each `Authorization`, and the body where it is a form.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let shown = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let shown = shown.map(|(_, value)| value.split(' ').next_back().unwrap_or(value).to_owned());
        let body = String::from_utf8_lossy(&self.body);
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let fields = [body.as_ref(), query].into_iter().flat_map(|text| text.split('&'));
        let tokens = fields.filter_map(|field| field.split_once('=')).filter(|(name, _)| name.ends_with("token"));
        shown.chain(tokens.map(|(_, value)| value.to_owned())).collect()
    }

    fn bytes(&self, connection: &str) -> Vec<u8> {
        let mut text =
            format!("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || self.method == "POST" {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value of a header that may stand there more than once.
    pub(crate) fn every_header(&self, name: &str) -> Vec<String> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.clone()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}) in {self:?}: {}", self.text()))
    }

    /// A member of the JSON body that must be a text.
    pub(crate) fn member(&self, name: &str) -> String {
        let json = self.json();
        json[name].as_str().unwrap_or_else(|| panic!("no text `{name}` in {json}")).to_owned()
    }

    /// Itself, if it has the status that a test goes on from.
    pub(crate) fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    fn parse(bytes: &[u8], has_body: bool) -> std::io::Result<Answer> {
        let broken = |what: &str| std::io::Error::other(format!("{what} in {:?}", String::from_utf8_lossy(bytes)));
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(|| broken("no head"))?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let answer =
            Answer { status: status.ok_or_else(|| broken("no status"))?, headers, body: bytes[end + 4..].to_vec() };
        let declared = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
        if has_body && declared.is_some_and(|length| length > answer.body.len()) {
            return Err(broken("a body cut short"));
        }
        Ok(answer)
    }
}

/// Sends a request and reads the answer to its end. An error: there was none, or not all of it.
pub(crate) fn send(port: u16, request: &Request) -> std::io::Result<Answer> {
    Answer::parse(&send_bytes(port, &request.bytes("close"))?, request.method != "HEAD")
}

/// The same, from an address of this machine.
pub(crate) fn send_from(source: &str, port: u16, request: &Request) -> std::io::Result<Answer> {
    let source = source.parse::<IpAddr>().map_err(std::io::Error::other)?;
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    let answer = exchange(prepared(socket.into())?, &request.bytes("close"))?;
    Answer::parse(&answer, request.method != "HEAD")
}

/// Sends bytes and gives all that comes back before the server closes the connection.
pub(crate) fn send_bytes(port: u16, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    exchange(connect(port)?, bytes)
}

fn exchange(mut connection: TcpStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    // A server that refuses early may close before all was sent; what it said is still to be read.
    let sent = connection.write_all(bytes);
    let mut answer = Vec::new();
    match connection.read_to_end(&mut answer) {
        Err(error) if answer.is_empty() => Err(error),
        _ if answer.is_empty() => sent.map(|()| answer),
        _ => Ok(answer),
    }
}

/// The same, where nothing more will be sent and the server is told so.
pub(crate) fn send_bytes_and_end(port: u16, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut connection = connect(port)?;
    connection.write_all(bytes)?;
    connection.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    Ok(answer)
}

/// A connection that is kept from one request to the next.
pub(crate) struct Kept(BufReader<TcpStream>);

impl Kept {
    pub(crate) fn open(port: u16) -> Kept {
        Kept(BufReader::new(connect(port).expect("somebody listens")))
    }

    /// Sends a request; the answer must say how long it is.
    pub(crate) fn send(&mut self, request: &Request) -> std::io::Result<Answer> {
        self.0.get_mut().write_all(&request.bytes("keep-alive"))?;
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            if self.0.read_until(b'\n', &mut bytes)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let head = Answer::parse(&bytes, false)?;
        let length = head.header("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.ok_or_else(|| std::io::Error::other(format!("no length in {head:?}")))?];
        self.0.read_exact(&mut body)?;
        Ok(Answer { body, ..head })
    }
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    prepared(TcpStream::connect(("127.0.0.1", port))?)
}

fn prepared(connection: TcpStream) -> std::io::Result<TcpStream> {
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(CEILING))?;
    connection.set_write_timeout(Some(Duration::from_secs(10)))?;
    Ok(connection)
}

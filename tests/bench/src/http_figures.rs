//! The server over HTTP, against its own fixed reply.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use http::Method;
use jeton::client::{Administrator, Connection};
use serde_json::{Value, json};

use crate::{
    load::{self, Seen},
    measure::median,
    process::{Server, free_address, jeton},
    report::Report,
};

const ROUNDS: usize = 7;
const SPAN: Duration = Duration::from_millis(1500);
const CONNECTIONS: usize = 32;

/// One kind of request.
struct Kind {
    name: &'static str,
    request: Vec<u8>,
    status: &'static str,
    per_second: Vec<f64>,
    cpu: Vec<f64>,
}

impl Kind {
    fn new(name: &'static str, request: String, status: &'static str) -> Self {
        Self { name, request: request.into_bytes(), status, per_second: Vec::new(), cpu: Vec::new() }
    }

    fn round(&mut self, server: &Server, connections: usize, span: Duration) -> anyhow::Result<()> {
        let before = server.cpu_seconds()?;
        let Seen { requests, seconds } = load::run(server.address, &self.request, self.status, connections, span)?;
        let used = server.cpu_seconds()? - before;
        self.per_second.push(requests as f64 / seconds);
        self.cpu.push(used * 1e6 / requests as f64);
        Ok(())
    }
}

/// Introspection, forward-auth, exchange, creation and deletion.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    // The load keeps to the other core.
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-a", "-p", "-c", "1", &own]).output().context("taskset")?;
    anyhow::ensure!(pinned.status.success(), "this needs two cores");

    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let server = Server::jeton(&data)?;
    let bootstrap = Command::new(jeton()?).args(["bootstrap", "--name", "figures", "--data"]).arg(&data).output()?;
    let token = String::from_utf8(bootstrap.stdout)?.trim().to_owned();
    let url = format!("http://{}", server.address);
    let connect = || Connection::new(&url, None, false);
    let administrator = Administrator::new(connect()?, &token)?;
    let make = |body: Value| -> anyhow::Result<Value> {
        Ok(administrator.call(Method::POST, "/v1/refresh-tokens", Some(&body))?)
    };
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned).context("a member");
    let job = make(json!({"name": "job", "owner": "alice@example.com", "scopes": ["orders:read", "orders:write"]}))?;
    let checker = make(json!({"name": "resource server", "scopes": ["jeton:introspect"]}))?;
    let exchange = |made: &Value| -> anyhow::Result<String> {
        text(&connect()?.exchange(&text(made, "token")?, None, None)?, "access_token")
    };
    let (subject, caller) = (exchange(&job)?, exchange(&checker)?);
    let refresh_token = text(&job, "token")?;

    let post = |path: &str, head: &str, body: String| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\n{head}content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    let introspect = post("/oauth2/introspect", &bearer(&caller), format!("token={subject}"));
    let answer_size = introspection_size(&administrator, &subject, &url, &caller)?;
    let mut fixed = Kind::new("fixed reply of the same size", introspect.clone(), "HTTP/1.1 200");
    let mut introspect = Kind::new("introspection", introspect, "HTTP/1.1 200");
    let forward = format!("GET /forward-auth HTTP/1.1\r\nhost: x\r\n{}\r\n", bearer(&subject));
    let mut fixed_empty = Kind::new("fixed empty reply", forward.clone(), "HTTP/1.1 200");
    let mut forward = Kind::new("forward-auth", forward, "HTTP/1.1 200");
    let exchange = post("/oauth2/token", "", format!("grant_type=refresh_token&refresh_token={refresh_token}"));
    let mut exchange = Kind::new("exchange", exchange, "HTTP/1.1 200");

    let program = std::env::current_exe()?;
    let fixed_server = |bytes: usize| -> anyhow::Result<Server> {
        let address = free_address()?;
        let arguments = ["fixed-reply".to_owned(), address.port().to_string(), bytes.to_string()];
        Server::start(&program, &arguments, address)
    };
    let (full, empty) = (fixed_server(answer_size)?, fixed_server(0)?);
    for _ in 0..ROUNDS {
        fixed.round(&full, CONNECTIONS, SPAN)?;
        introspect.round(&server, CONNECTIONS, SPAN)?;
        fixed_empty.round(&empty, CONNECTIONS, SPAN)?;
        forward.round(&server, CONNECTIONS, SPAN)?;
        exchange.round(&server, CONNECTIONS, SPAN)?;
    }
    report.section("HTTP, one I/O thread on a core of its own, 32 keep-alive connections from the other");
    report.text("The fixed reply is given by the same listener and connection code to the same request, whose body it reads whole.");
    let mut row = |kind: &Kind, limit: Option<&Kind>| {
        let (rate, cpu) = (median(kind.per_second.clone()), median(kind.cpu.clone()));
        let ratio = limit.map_or_else(String::new, |limit| {
            let (limit_rate, limit_cpu) = (median(limit.per_second.clone()), median(limit.cpu.clone()));
            format!("{:.2} of its requests/s, {:.2} x its CPU", rate / limit_rate, cpu / limit_cpu)
        });
        report.row(kind.name, &format!("{rate:.0}/s, {cpu:.1} us CPU"), &ratio);
    };
    row(&fixed, None);
    row(&introspect, Some(&fixed));
    row(&fixed_empty, None);
    row(&forward, Some(&fixed_empty));
    row(&exchange, Some(&fixed));

    writes(report, &server, &administrator, &connect()?)
}

/// The size of the answer to the introspection that is measured.
fn introspection_size(_: &Administrator, subject: &str, url: &str, caller: &str) -> anyhow::Result<usize> {
    let output = Command::new("curl")
        .args(["-s", "-H", &format!("Authorization: Bearer {caller}"), "-d", &format!("token={subject}")])
        .arg(format!("{url}/oauth2/introspect"))
        .output()
        .context("curl")?;
    anyhow::ensure!(output.stdout.starts_with(br#"{"active":true"#), "the token is alive");
    Ok(output.stdout.len())
}

/// Creations by one and by many, and a deletion after one exchange and after many.
fn writes(
    report: &mut Report,
    server: &Server,
    administrator: &Administrator,
    connection: &Connection,
) -> anyhow::Result<()> {
    let made = administrator.call(
        Method::POST,
        "/v1/refresh-tokens",
        Some(&json!({"name": "admin", "scopes": ["jeton:admin"]})),
    )?;
    let secret = made.get("token").and_then(Value::as_str).context("a token")?;
    let answer = connection.exchange(secret, None, None)?;
    let access = answer.get("access_token").and_then(Value::as_str).context("an access token")?;
    let body = json!({"name": "made for figures"}).to_string();
    let create = format!(
        "POST /v1/refresh-tokens HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {access}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut one = Kind::new("creation, one client", create.clone(), "HTTP/1.1 201");
    let mut many = Kind::new("creation, 64 clients", create, "HTTP/1.1 201");
    for _ in 0..5 {
        one.round(server, 1, Duration::from_secs(1))?;
        many.round(server, 64, Duration::from_secs(1))?;
    }
    report.section("Writes: acknowledged once they are on the disk");
    let (alone, together) = (median(one.per_second), median(many.per_second));
    report.row(one.name, &format!("{alone:.0}/s"), "");
    report.row(
        many.name,
        &format!("{together:.0}/s"),
        &format!("{:.1} x one client: commits share an fsync", together / alone),
    );

    // Both kinds are made first and deleted in turns, so that the disk is the same for both.
    let mut made = Vec::new();
    for exchanges in [1, 3_000].repeat(9) {
        let token = administrator.call(Method::POST, "/v1/refresh-tokens", Some(&json!({"name": "to be deleted"})))?;
        let secret = token.get("token").and_then(Value::as_str).context("a token")?;
        for _ in 0..exchanges {
            connection.exchange(secret, None, None)?;
        }
        made.push(token.get("id").and_then(Value::as_str).context("an id")?.to_owned());
    }
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    for pair in made.chunks(2) {
        for (id, times) in pair.iter().zip([&mut of_few, &mut of_many]) {
            let begun = Instant::now();
            administrator.call(Method::DELETE, &format!("/v1/refresh-tokens/{id}"), None)?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    let (few, lots) = (median(of_few), median(of_many));
    report.row("deletion, 1 living access token", &format!("{few:.2} ms"), "");
    report.row(
        "deletion, 3,000 living access tokens",
        &format!("{lots:.2} ms"),
        &format!("{:.2} x: one commit either way", lots / few),
    );
    report.row(
        "resident memory of the server after all this",
        &format!("{:.0} MB", server.resident()? as f64 / 1e6),
        "",
    );
    Ok(())
}

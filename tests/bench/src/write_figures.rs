//! Writes over HTTP: acknowledged once they are on the disk.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;

use crate::{
    http_figures::Kind,
    measure::median,
    process::{self, LOAD_CORE},
    report::Report,
    served::Served,
};

/// Creations by one and by many, and a deletion after one exchange and after many.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    process::keep_to(LOAD_CORE)?;
    let served = Served::start(&[])?;
    let access = served.exchange(&served.make(&json!({"name": "admin", "scopes": ["jeton:admin"]}))?.secret)?;
    let body = json!({"name": "made for figures"}).to_string();
    let create = format!(
        "POST /v1/refresh-tokens HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {access}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut one = Kind::new("creation, one client", create.clone(), "HTTP/1.1 201");
    let mut many = Kind::new("creation, 64 clients", create, "HTTP/1.1 201");
    for _ in 0..5 {
        one.round(&served.server, 1, Duration::from_secs(1))?;
        many.round(&served.server, 64, Duration::from_secs(1))?;
    }
    report.section("Writes: acknowledged once they are on the disk");
    let (alone, together) = (one.rate(), many.rate());
    report.row(one.name, &format!("{alone:.0}/s"), "");
    report.row(
        many.name,
        &format!("{together:.0}/s"),
        &format!("{:.1} x one client: commits share an fsync", together / alone),
    );

    // Both kinds are made first and deleted in turns, so that the disk is the same for both.
    let connection = served.connection()?;
    let mut made = Vec::new();
    for exchanges in [1, 3_000].repeat(9) {
        let token = served.make(&json!({"name": "to be deleted"}))?;
        for _ in 0..exchanges {
            connection.exchange(&token.secret, None, None)?;
        }
        made.push(token.id);
    }
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    for pair in made.chunks(2) {
        for (id, times) in pair.iter().zip([&mut of_few, &mut of_many]) {
            let begun = Instant::now();
            served.administrator.call(Method::DELETE, &format!("/v1/refresh-tokens/{id}"), None)?;
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
    let resident = served.server.resident()? as f64 / 1e6;
    report.row("resident memory of the server after all this", &format!("{resident:.0} MB"), "");
    Ok(())
}

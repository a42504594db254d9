//! A server that answers what it is told to, whatever it is asked: for answers that a sound authority does not give at will.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    thread::JoinHandle,
};

/// A request as it came: its first line and its `Authorization`.
pub(crate) type Asked = (String, String);

/// A server with one answer for each request to come.
pub(crate) struct Scripted {
    pub(crate) url: String,
    answers: JoinHandle<Vec<Asked>>,
}

impl Scripted {
    /// Each answer is a status line's code, and a body.
    pub(crate) fn answering(answers: &'static [(u16, &'static str)]) -> Scripted {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let answers = std::thread::spawn(move || answers.iter().map(|answer| serve(&listener, *answer)).collect());
        Scripted { url, answers }
    }

    /// What it was asked. Every answer must have been fetched.
    pub(crate) fn asked(self) -> Vec<Asked> {
        self.answers.join().expect("it was asked well")
    }
}

fn serve(listener: &TcpListener, (status, body): (u16, &str)) -> Asked {
    let (mut stream, _) = listener.accept().expect("a request");
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let (mut asked, mut length) = ((String::new(), String::new()), 0);
    for line in reader.by_ref().lines().map(|line| line.expect("text")).take_while(|line| !line.is_empty()) {
        match line.split_once(": ") {
            _ if asked.0.is_empty() => asked.0 = line,
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => asked.1 = value.to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().expect("a number")
            }
            _ => {}
        }
    }
    reader.read_exact(&mut vec![0; length]).expect("a body");
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nlocation: http://127.0.0.1:9/\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("a reader");
    asked
}

//! Where entries go beside the store: a file, or the system's log.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    net::{SocketAddr, UdpSocket},
    os::unix::{
        fs::{MetadataExt as _, OpenOptionsExt as _},
        net::UnixDatagram,
    },
    path::{Path, PathBuf},
    str::FromStr,
};

use jeton_store::audit::Line;
use serde_json::{Value, json};

/// Somewhere that entries go.
pub trait Sink: Send {
    /// Takes entries, in their order: all of them, or it is asked again.
    ///
    /// # Errors
    /// What the system says.
    fn take(&mut self, lines: &[Line]) -> io::Result<()>;

    /// What it is called in logs.
    fn name(&self) -> String;
}

/// The longest line that a file of entries can end with: an entry with a batch of targets has some 30 KB.
const MAX_LINE: u64 = 256 * 1024;

/// A file of JSON lines that is appended to. One that is moved away is begun anew.
pub struct FileSink {
    path: PathBuf,
    file: File,
}

impl FileSink {
    /// Opens a file, or makes it (mode 0600); gives its last line as well. A line that a crash left unfinished is cut off.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<(Self, Option<String>)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let length = file.metadata()?.len();
        let begin = length.saturating_sub(MAX_LINE);
        file.seek(SeekFrom::Start(begin))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end.saturating_add(1));
        let whole_length = u64::try_from(whole).unwrap_or(u64::MAX);
        if begin > 0 && whole == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not hold lines of an audit log"));
        }
        if whole < tail.len() {
            file.set_len(begin.saturating_add(whole_length))?;
            tail.truncate(whole);
        }
        let last = tail.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        let last = last.map(|line| String::from_utf8_lossy(line).into_owned());
        Ok((Self { path: path.to_owned(), file }, last))
    }

    /// The file under its name, which a rotation of logs may have moved away.
    fn current(&mut self) -> io::Result<&mut File> {
        let is_same = match fs::metadata(&self.path) {
            Ok(found) => found.ino() == self.file.metadata()?.ino(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !is_same {
            self.file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        }
        Ok(&mut self.file)
    }
}

impl Sink for FileSink {
    fn take(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.text.as_bytes());
            bytes.push(b'\n');
        }
        let file = self.current()?;
        let before = file.metadata()?.len();
        file.write_all(&bytes).inspect_err(|_| {
            // A full disk may have taken a part; what is written again must not stand behind it.
            let _left_for_the_next_start = file.set_len(before);
        })
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// Where the system's log is asked to be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub enum SyslogTarget {
    /// A Unix datagram socket, such as `/dev/log`.
    Unix(PathBuf),
    /// UDP (RFC 5426).
    Udp(SocketAddr),
}

impl FromStr for SyslogTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        text.parse()
            .map(Self::Udp)
            .map_err(|_| "neither the path of a socket, such as /dev/log, nor ADDR:PORT".to_owned())
    }
}

impl TryFrom<String> for SyslogTarget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Sends each entry as a message of RFC 5424.
pub struct SyslogSink {
    target: SyslogTarget,
    host: String,
}

/// Facility 10 (security and authorization), severity 5 (notice) or, of a refusal, 4 (warning): RFC 5424 section 6.2.1.
const NOTICE: u8 = 10 * 8 + 5;
const WARNING: u8 = 10 * 8 + 4;
/// What a datagram can hold over UDP (RFC 5426 section 3.2 and RFC 768).
const MAX_MESSAGE: usize = 65_000;

impl SyslogSink {
    /// To a target.
    #[must_use]
    pub fn new(target: SyslogTarget) -> Self {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host: String = host.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
        Self { target, host: if host.is_empty() { "-".to_owned() } else { host } }
    }

    fn message(&self, line: &Line) -> Vec<u8> {
        let members: Value = serde_json::from_str(&line.text).unwrap_or_default();
        let text = |name| members.get(name).and_then(Value::as_str).unwrap_or_default();
        let priority = if text("outcome") == "refused" { WARNING } else { NOTICE };
        let head = format!("<{priority}>1 {} {} jeton {} audit - ", text("at"), self.host, std::process::id());
        let mut message = head.clone().into_bytes();
        message.extend_from_slice(line.text.as_bytes());
        if message.len() <= MAX_MESSAGE {
            return message;
        }
        let short = json!({
            "seq": line.seq, "at": text("at"), "act": text("act"), "actor": text("actor"), "outcome": text("outcome"),
            "hash": text("hash"), "too_long": true,
        });
        format!("{head}{short}").into_bytes()
    }
}

/// What sends one message.
type Sending = Box<dyn Fn(&[u8]) -> io::Result<usize>>;

impl Sink for SyslogSink {
    fn take(&mut self, lines: &[Line]) -> io::Result<()> {
        // A socket for each batch: whoever listens may have been started anew.
        let send: Sending = match &self.target {
            SyslogTarget::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Box::new(move |message| socket.send(message))
            }
            SyslogTarget::Udp(address) => {
                let any: SocketAddr = if address.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                Box::new(move |message| socket.send(message))
            }
        };
        lines.iter().try_for_each(|line| send(&self.message(line)).map(drop))
    }

    fn name(&self) -> String {
        match &self.target {
            SyslogTarget::Unix(path) => path.display().to_string(),
            SyslogTarget::Udp(address) => format!("udp {address}"),
        }
    }
}

//! Bounds of connections.

use std::time::Duration;

/// Connections at most, unless the operator says otherwise: each costs about 20 KB, and the system's own limit is often 1,024
/// descriptors per process, which `serve` raises to what it may.
pub const MAX_CONNECTIONS: usize = 10_000;
/// Bytes of a request's head: a token of 8 KiB twice over, and what gateways add.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Header fields of a request. It is what hyper takes unless it is told a number, and a number costs an allocation for every request:
/// so it is told none, and a test holds it to this one.
pub(crate) const MAX_HEADERS: usize = 100;
/// From the first byte of a head, or the end of the answer before, to the end of the head: a slow sender's time, and an idle one's.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(75);
/// From the end of a head to the answer: the body, and what it takes to answer.
pub(super) const REQUEST_TIME: Duration = Duration::from_secs(30);
/// A TLS handshake.
pub(super) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// From the moment that a client's socket is full to the moment that it has taken all that was written.
pub(super) const TAKE_TIME: Duration = Duration::from_secs(60);
/// Bytes that are written on a connection before others have their turn: some 20 us of work. A socket takes megabytes at once.
pub(super) const WRITE_AT_A_TIME: usize = 64 * 1024;
/// How long a connection that this side closed waits for its client to see it.
pub(super) const LINGER_TIME: Duration = Duration::from_secs(2);
/// Bytes that such a client may still send in that time: sixteen bodies of the size that is allowed.
pub(super) const LINGER_BYTES: usize = 1024 * 1024;
/// At a stop, how long a connection without a request is given: for a head that is on its way, or an answer to be taken.
pub(super) const REQUESTLESS_TIME: Duration = Duration::from_secs(5);
/// How long a stop waits for requests that were accepted.
pub const DRAIN_TIME: Duration = Duration::from_secs(20);

//! Listening sockets.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// A socket cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}{hint}", hint = hint(.error))]
pub struct BindError {
    address: SocketAddr,
    error: std::io::Error,
}

/// One listening socket for each I/O thread, all on one address.
pub struct Sockets {
    address: SocketAddr,
    sockets: Vec<TcpListener>,
}

impl Sockets {
    /// The address, with the port that the system chose where none was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes the socket of one more thread.
    pub fn take(&mut self) -> Option<TcpListener> {
        self.sockets.pop()
    }
}

/// Binds `threads` sockets to one address.
///
/// `SO_REUSEPORT` would let another process of the same user share the port without a word, so a first socket is bound without
/// it: where that fails, the port is taken.
///
/// # Errors
/// [`BindError`].
pub fn bind(address: SocketAddr, threads: usize) -> Result<Sockets, BindError> {
    let failed = |error| BindError { address, error };
    let probe = socket(address, false).map_err(failed)?;
    let address = probe.local_addr().map_err(failed)?.as_socket().unwrap_or(address);
    drop(probe);
    let sockets = (0..threads.max(1)).map(|_| {
        let socket = socket(address, true)?;
        socket.listen(BACKLOG)?;
        Ok(TcpListener::from(socket))
    });
    Ok(Sockets { address, sockets: sockets.collect::<std::io::Result<_>>().map_err(failed)? })
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    if !shared {
        // Only a listening socket collides with another that listens.
        socket.listen(BACKLOG)?;
    }
    Ok(socket)
}

fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => ". Another program has that port: stop it, or choose another with --listen",
        std::io::ErrorKind::PermissionDenied => ". Ports below 1024 need a privilege: choose a higher one",
        std::io::ErrorKind::AddrNotAvailable => ". This machine does not have that address",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn a_port_in_use_is_refused_even_by_the_same_user() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let first = bind(any, 2).unwrap();
        assert_ne!(first.address().port(), 0);
        let refusal = bind(first.address(), 2).err().unwrap().to_string();
        assert!(refusal.contains("--listen"), "{refusal}");
        drop(first);
    }
}

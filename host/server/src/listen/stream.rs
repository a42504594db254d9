//! The two ends of an exchange that HTTP itself leaves without a bound: an answer that its client does not take, and a
//! connection that is closed while its client still sends.

use std::{
    cell::Cell,
    collections::VecDeque,
    io::{self, ErrorKind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::{Sleep, sleep},
};

use super::limits::{LINGER_BYTES, LINGER_TIME, TAKE_TIME, WRITE_AT_A_TIME};

/// A stream whose answers are taken within [`TAKE_TIME`], and which is closed so that the client sees the last of them.
/// Others have their turn whenever it has written [`WRITE_AT_A_TIME`].
///
/// Closing a socket with unread bytes in it resets the connection, and a client that was still sending its body then
/// loses the answer that says why. So the writing half is closed first, and what comes is thrown away for a while.
pub(super) struct Stream<S> {
    inner: S,
    stop: watch::Receiver<bool>,
    /// What was read already and is to be read once more.
    ahead: VecDeque<u8>,
    /// Whether bytes wait that the client does not take.
    stuck: Rc<Cell<bool>>,
    /// Bytes written since others had their turn.
    written: usize,
    /// Runs while bytes wait that the client does not take.
    taking: Option<Pin<Box<Sleep>>>,
    /// The client has said that it sends no more.
    ended: bool,
    lingering: Option<Lingering>,
}

/// The writing half is closed, and the client has not seen it yet.
struct Lingering {
    until: Pin<Box<Sleep>>,
    bytes: usize,
}

impl<S> Stream<S> {
    /// Once `stop` is true the end of a connection waits for nobody.
    pub(super) fn new(inner: S, stop: watch::Receiver<bool>) -> Self {
        Self {
            inner,
            stop,
            ahead: VecDeque::new(),
            stuck: Rc::default(),
            written: 0,
            taking: None,
            ended: false,
            lingering: None,
        }
    }

    /// Lets bytes be read behind those that were put back before, and before what comes.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        self.ahead.extend(bytes);
    }

    /// Whether bytes wait that the client does not take, for whoever answers.
    pub(super) fn stuck(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.stuck)
    }

    /// The client has taken all that was written.
    fn taken(&mut self) {
        self.taking = None;
        self.stuck.set(false);
    }

    /// The client takes nothing now: it may for a while.
    fn waiting<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.stuck.set(true);
        let taking = self.taking.get_or_insert_with(|| Box::pin(sleep(TAKE_TIME)));
        ready!(taking.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> Stream<S> {
    /// Throws away what the client still sends, until it has seen the end or had its time.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let lingering = self
            .lingering
            .get_or_insert_with(|| Lingering { until: Box::pin(sleep(LINGER_TIME)), bytes: LINGER_BYTES });
        while lingering.until.as_mut().poll(context).is_pending() && lingering.bytes > 0 {
            let mut space = [0; 4096];
            let mut thrown_away = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.inner).poll_read(context, &mut thrown_away)) {
                Ok(()) if !thrown_away.filled().is_empty() => {
                    lingering.bytes = lingering.bytes.saturating_sub(thrown_away.filled().len());
                }
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let (first, _) = self.ahead.as_slices();
            let length = first.len().min(into.remaining());
            into.put_slice(first.get(..length).unwrap_or_default());
            self.ahead.drain(..length);
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        let outcome = ready!(Pin::new(&mut self.inner).poll_read(context, into));
        self.ended = outcome.is_err() || into.filled().len() == before;
        Poll::Ready(outcome)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.written >= WRITE_AT_A_TIME {
            self.written = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match Pin::new(&mut self.inner).poll_write(context, bytes) {
            Poll::Ready(Ok(taken)) => {
                self.written = self.written.saturating_add(taken);
                // Only when all is taken the client's time begins anew: else one byte a minute would do.
                if taken == bytes.len() {
                    self.taken();
                }
                Poll::Ready(Ok(taken))
            }
            Poll::Pending => self.waiting(context),
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_flush(context) {
            Poll::Pending => self.waiting(context),
            Poll::Ready(Ok(())) => {
                // What is encrypted waits here, not where it was written.
                self.taken();
                Poll::Ready(Ok(()))
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            match Pin::new(&mut self.inner).poll_shutdown(context) {
                Poll::Pending => return self.waiting(context),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) if self.ended || *self.stop.borrow() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {}
            }
        }
        self.linger(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn a_client_that_takes_everything_lets_others_have_their_turn_in_between() {
        const SLICE: usize = 16 * 1024;
        let mut stream = Stream::new(tokio::io::join(tokio::io::empty(), tokio::io::sink()), watch::channel(false).1);
        let woken = Arc::new(Woken::default());
        let waker = Arc::clone(&woken).into();
        let mut context = Context::from_waker(&waker);
        for turn in 1..=3 {
            let mut written = 0;
            while let Poll::Ready(taken) = Pin::new(&mut stream).poll_write(&mut context, &[0; SLICE]) {
                written += taken.unwrap();
            }
            assert_eq!(written, WRITE_AT_A_TIME);
            assert_eq!(woken.0.load(Relaxed), turn, "it goes on when it is its turn again");
            assert!(!stream.stuck.get(), "its client is not slow");
        }
    }

    /// Takes what is written at once, and has it on its way after a while: a stream that encrypts.
    struct FlushesLate {
        waits: bool,
    }

    impl AsyncWrite for FlushesLate {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if std::mem::replace(&mut self.waits, false) { Poll::Pending } else { Poll::Ready(Ok(())) }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_client_that_took_what_was_encrypted_is_slow_no_more() {
        let inner = tokio::io::join(tokio::io::empty(), FlushesLate { waits: true });
        let mut stream = Stream::new(inner, watch::channel(false).1);
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut stream).poll_write(&mut context, b"answer").is_ready());
        assert!(Pin::new(&mut stream).poll_flush(&mut context).is_pending());
        assert!(stream.stuck.get() && stream.taking.is_some());
        assert!(Pin::new(&mut stream).poll_flush(&mut context).is_ready());
        assert!(!stream.stuck.get() && stream.taking.is_none(), "its connection would never be idle");
    }
}

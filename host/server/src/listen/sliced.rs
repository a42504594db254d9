//! The body of an answer, handed to the connection slice by slice.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Bytes of a slice. The connection copies what it is about to write, and asks for more when that is on its way: a client that
/// takes megabytes slowly costs this much and what may wait on a connection, not a copy of them all.
const SLICE: usize = 16 * 1024;

/// A body that is all there, and whose parts are not copied.
pub(super) struct Sliced<T> {
    rest: Bytes,
    /// Dropped when the last slice was handed over, or nobody wants more.
    _kept: T,
}

impl<T> Sliced<T> {
    pub(super) fn new(body: Bytes, kept: T) -> Self {
        Self { rest: body, _kept: kept }
    }
}

impl<T: Unpin> Body for Sliced<T> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(SLICE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn slices_make_the_body_again_and_none_is_larger_than_one() {
        for length in [0, 1, SLICE, SLICE + 1, 5 * SLICE + 7] {
            let bytes: Vec<u8> = (0_u8..=250).cycle().take(length).collect();
            let mut body = Sliced::new(Bytes::from(bytes.clone()), ());
            assert_eq!(body.size_hint().exact(), u64::try_from(length).ok());
            let mut whole = Vec::new();
            while let Some(frame) = body.frame().await {
                let slice = frame.unwrap().into_data().ok().unwrap();
                assert!(!slice.is_empty() && slice.len() <= SLICE);
                whole.extend_from_slice(&slice);
            }
            assert!(body.is_end_stream() && whole == bytes, "{length} bytes");
        }
    }
}

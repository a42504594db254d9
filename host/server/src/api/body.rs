//! Reading request bodies, bounded.

use std::pin::pin;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use thiserror::Error;

use super::limits::BODY_BYTES;

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    /// More than the bound: `BODY_BYTES`, unless the route has another.
    #[error("the request body is too large")]
    TooLarge,
    /// The connection ended, or its framing was wrong.
    #[error("the request body ended early")]
    Broken,
}

/// The whole body, of at most `BODY_BYTES`. Never holds more than that.
pub async fn read<B>(body: B) -> Result<Bytes, BodyError>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    read_up_to(BODY_BYTES, body).await
}

/// The whole body, of at most `bound` bytes.
pub async fn read_up_to<B>(bound: usize, body: B) -> Result<Bytes, BodyError>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // A declared length beyond the bound is refused before a byte is read.
    if usize::try_from(body.size_hint().lower()).is_ok_and(|length| length > bound) {
        return Err(BodyError::TooLarge);
    }
    let mut body = pin!(Limited::new(body, bound));
    // A small body comes in one piece as a rule, and is not copied.
    let first = next(&mut body).await?.unwrap_or_default();
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while let Some(more) = next(&mut body).await? {
        whole.extend_from_slice(&more);
    }
    Ok(whole.freeze())
}

/// The next bytes; `None` at the end.
async fn next<D: Buf>(
    body: &mut (impl Body<Data = D, Error = Box<dyn std::error::Error + Send + Sync>> + Unpin),
) -> Result<Option<Bytes>, BodyError> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            // What follows a body is nothing of it.
            Some(Ok(frame)) => match frame.into_data() {
                Ok(mut data) => return Ok(Some(data.copy_to_bytes(data.remaining()))),
                Err(_trailers) => {}
            },
            Some(Err(error)) if error.is::<LengthLimitError>() => return Err(BodyError::TooLarge),
            Some(Err(_)) => return Err(BodyError::Broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use http_body_util::Full;
    use hyper::body::Frame;
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    #[tokio::test]
    async fn the_bound_is_exact() {
        let largest = Bytes::from(vec![b'a'; BODY_BYTES]);
        assert_eq!(read(Full::new(largest.clone())).await, Ok(largest));
        assert_eq!(read(Full::new(Bytes::from(vec![b'a'; BODY_BYTES + 1]))).await, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn a_body_that_does_not_say_its_length_is_bounded_too() {
        assert_eq!(read(Endless).await, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn what_comes_in_pieces_is_read_to_its_end_and_its_trailers_are_passed_over() {
        let pieces = [Frame::data("one "), Frame::data(""), Frame::data("two"), Frame::trailers(HeaderMap::new())];
        assert_eq!(read(Pieces(pieces.map(|frame| frame.map_data(Bytes::from)).into())).await, Ok("one two".into()));
        assert_eq!(read(Pieces(VecDeque::new())).await, Ok(Bytes::new()));
    }

    struct Pieces(VecDeque<Frame<Bytes>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(Ok))
        }
    }

    struct Endless;

    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'a'; 1000])))))
        }
    }
}

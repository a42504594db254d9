//! Reading request bodies, bounded.

use bytes::Bytes;
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
    match Limited::new(body, bound).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;
    use hyper::body::Frame;
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

    struct Endless;

    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'a'; 1000])))))
        }
    }
}

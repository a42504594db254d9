//! Answers that take their time, and that a connection is not kept for.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use http::Response;
use parking_lot::Mutex;

/// An answer that is on its way.
pub(super) type Answering = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

/// Put into the extensions of an answer, it takes that one's place: the request is answered by what it gives, when it does.
///
/// What it holds is all that the request costs until then, beside its socket: the buffers of the connection are given back.
#[derive(Clone)]
pub struct Later(Arc<Mutex<Option<Answering>>>);

impl Later {
    /// An answer that this gives.
    pub fn new(answer: impl Future<Output = Response<Bytes>> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::pin(answer)))))
    }

    /// The answer. Somebody may have taken it before.
    pub(super) fn take(&self) -> Option<Answering> {
        self.0.lock().take()
    }

    /// The same, with something done to the answer.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Response<Bytes>) -> Response<Bytes> + Send + 'static) -> Self {
        match self.take() {
            Some(answer) => Self::new(async move { change(answer.await) }),
            None => self,
        }
    }

    /// The answer that stands in the extensions of `response`, or that itself.
    pub async fn settle(mut response: Response<Bytes>) -> Response<Bytes> {
        match response.extensions_mut().remove::<Self>().and_then(|later| later.take()) {
            Some(later) => later.await,
            None => response,
        }
    }
}

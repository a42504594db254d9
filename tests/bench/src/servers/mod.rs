//! What is measured: servers, on a core of their own.

pub(crate) mod process;
pub(crate) mod served;

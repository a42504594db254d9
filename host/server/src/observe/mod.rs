//! What operators see: logs and metrics. Never a secret, an id as a label, or a query string.

pub mod logs;
pub mod metrics;
pub mod notices;
pub mod recent;
mod tally;

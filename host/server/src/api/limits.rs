//! Bounds of the HTTP surface that the policy does not know of.

/// Bytes that a request body may have. The largest sensible one, a batch of 1000 ids, has 25 KB.
pub const BODY_BYTES: usize = 64 * 1024;

/// Bytes that the body of an import may have: a thousand tokens with the longest names, scopes and notes have about 4 KiB each.
pub const IMPORT_BODY_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that a presented token may have. An access token never exceeds 4 KiB, so nothing longer can be one.
pub const PRESENTED_TOKEN_BYTES: usize = 8 * 1024;

/// Seconds after which a caller who was told that nothing can be known should ask again.
pub const RETRY_AFTER_SECONDS: u64 = 1;

/// Items of a page where the caller names no `limit`.
pub const PAGE_ITEMS: u32 = 50;

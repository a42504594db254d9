//! The interfaces of administrators: `refresh-tokens`, `epochs`, `configuration` and `upkeep`.

mod configuration;
mod epochs;
mod refresh_tokens;
mod upkeep;

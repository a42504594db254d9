//! The interfaces of administrators: `refresh-tokens`, `explanations`, `transfer`, `epochs`, `configuration` and `upkeep`.

mod configuration;
mod epochs;
mod explanations;
mod refresh_tokens;
mod transfer;
mod upkeep;

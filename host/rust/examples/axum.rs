//! An API whose every route needs a living access token with the scope `orders:read`.
//!
//! `JETON_AUTHORITY=http://127.0.0.1:8123 JETON_CREDENTIAL=jtn_rt_... cargo run --example axum`

use axum::{Extension, Router, routing::get};
use jeton_verifier::{Claims, JetonLayer, Verifier};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier =
        Verifier::builder(std::env::var("JETON_AUTHORITY")?).credential(std::env::var("JETON_CREDENTIAL")?).start()?;
    let guard = JetonLayer::new(verifier).required_scopes(["orders:read"])?;
    let orders = async |Extension(claims): Extension<Claims>| format!("orders of {}", claims.subject());
    let api = Router::new().route("/orders", get(orders)).layer(guard);
    let listener =
        tokio::net::TcpListener::bind(std::env::var("LISTEN").unwrap_or("127.0.0.1:8080".to_owned())).await?;
    Ok(axum::serve(listener, api).await?)
}

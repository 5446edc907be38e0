//! The one test binary of the server.

// The allowance for tests in clippy.toml sees `#[test]` functions only; here the bodies are plain async
// functions.
#![allow(clippy::unwrap_used)]

mod actors;
mod bound;
mod clients;
mod contract;
mod issuer;
mod jobs;
mod matrix;
mod openapi;
mod process;
mod real_issuers;
mod receiver;
mod routes;
mod sweep;
mod tidy;

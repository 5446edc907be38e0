//! Tests by topic of the API, each on both engines.

mod authentication;
mod trust;

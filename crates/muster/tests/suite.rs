//! The one test binary of the server.

mod actors;
mod issuer;
mod routes;
mod tidy;

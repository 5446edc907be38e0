//! The one test binary of the server.

mod actors;
mod issuer;
mod process;
mod routes;
mod tidy;

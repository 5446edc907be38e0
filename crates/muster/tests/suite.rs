//! The one test binary of the server.

mod actors;
mod routes;
mod tidy;

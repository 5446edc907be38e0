//! Words every room of the server uses: ids, time, randomness, scopes, the one error of actions. Knows no SQL
//! and no HTTP.

pub mod caller;
pub mod ids;
pub mod listing;
pub mod number;
pub mod page;
pub mod problem;
pub mod rng;
pub mod scope;
pub mod secret;
pub mod shape;
pub mod sparing;
pub mod surface;
pub mod text;
pub mod time;
pub mod version;

//! The bottom of HTTP: reading requests strictly, writing the two envelopes and the two error forms. Knows no
//! slice.

pub mod by_name;
pub mod envelope;
pub mod error;
pub mod etag;
pub mod extract;
pub mod late;
pub mod limits;
pub mod listen;
mod misfits;
pub mod observed;
pub mod openapi;
pub mod proxies;
pub mod refusal;
mod rest;
pub mod scope;
pub mod surface;
pub mod traffic;
pub mod unique;
pub mod v1;
pub mod words;
mod yaml;

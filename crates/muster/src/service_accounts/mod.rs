//! Service accounts: machine identities that hold API keys, act by tokens or by a trusted JWT, and are bound
//! to roles like people. One lives in one scope; its identifier is unique there. Never holds a secret itself.

pub mod actions;
pub mod api;
pub mod model;
pub mod store;

pub use model::ServiceAccount;

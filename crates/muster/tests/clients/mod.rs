//! What real provisioning clients send, replayed in their order (SCIM contract §8).

mod entra;
mod okta;
mod others;

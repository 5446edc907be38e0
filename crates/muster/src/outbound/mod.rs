//! The way out of the server: where it may connect (`place`, `guard`, `address`), the client that does
//! (`way`), and what goes over it: key sets come in (`fetch`), events go out (`post`). Never follows a
//! redirect, never reaches an address that the operator did not open.

pub mod address;
pub mod fetch;
pub mod guard;
pub mod names;
pub mod place;
pub mod post;
pub mod way;

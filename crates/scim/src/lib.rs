//! The SCIM 2.0 core: schemas as data, filters, PATCH, projection, lists and discovery documents
//! (RFC 7643, RFC 7644 with errata, RFC 9865).
//!
//! Pure: values in, values out. It never reads a clock, a socket, a file or a random number, and it
//! knows nothing of accounts, storage or HTTP. One request makes one [`Mender`], which carries the
//! dialect and collects the name of every client quirk that was mended.
#![warn(missing_docs)]

mod apply;
mod base64;
pub mod bulk;
pub mod cursor;
pub mod define;
mod detached;
pub mod dialect;
pub mod digits;
pub mod discovery;
mod element;
mod entry;
pub mod error;
pub mod eval;
pub mod filter;
mod fixed;
pub mod index;
mod instant;
mod keys;
mod lexer;
pub mod list;
mod mention;
pub mod name;
mod number;
mod once;
pub mod patch;
pub mod path;
mod plan;
mod pointer;
pub mod project;
mod reference;
mod remove;
mod required;
pub mod resolve;
pub mod resource;
mod resource_type;
mod same;
mod scalar;
pub mod schema;
mod sieve;
pub mod sort;
pub mod standard;
mod step;
mod unseen;
pub mod uri;
pub mod value;
mod written;

pub use cursor::{Place as CursorPlace, Walk as CursorWalk};
pub use dialect::{Dialect, Mended, Mender, Quirk};
pub use error::{ScimError, ScimType};
pub use filter::{CompareOp, Filter};
pub use index::{IndexKey, KeyMoves, index_keys};
pub use name::fold;
pub use patch::{DetachedChange, DetachedOp, PasswordChange, PatchOutcome, PatchRequest};
pub use project::Projection;
pub use resolve::{Expr, Literal};
pub use resource::{Accepted, Detached};
pub use schema::{AttrRef, Attribute, Attributes, Catalogue, ResourceType, Schema, Type};
pub use sieve::Sieve;
pub use sort::{SortBy, SortValue};

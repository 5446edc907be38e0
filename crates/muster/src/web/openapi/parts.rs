//! What a handler's signature says: each part that it takes, and what it answers.

use axum::Extension;
use axum::extract::{OriginalUri, Request, State};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, Uri};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{Operation, Schemas};
use crate::app::App;
use crate::kernel::problem::Result;
use crate::kernel::version::IfMatch;
use crate::web::envelope::{Bare, Reply};
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query};
use crate::web::v1::{Items, PLACE_HEADERS, Place, Versioned};

/// A part of a request that handlers take.
pub trait Takes {
    /// What it says of the operation.
    fn describe(operation: &mut Operation, schemas: &mut Schemas);
}

/// What handlers answer.
pub trait Answers {
    /// What it says of the operation.
    fn describe(operation: &mut Operation, schemas: &mut Schemas);
}

/// A handler with the parts `A`.
pub trait Handler<A> {
    /// What its signature says of the operation.
    fn describe(operation: &mut Operation, schemas: &mut Schemas);
}

macro_rules! handlers {
    ($($part:ident)*) => {
        impl<F, Fut, R, $($part),*> Handler<($($part,)*)> for F
        where
            F: Fn($($part),*) -> Fut,
            Fut: Future<Output = R>,
            R: Answers,
            $($part: Takes),*
        {
            fn describe(operation: &mut Operation, schemas: &mut Schemas) {
                $($part::describe(operation, schemas);)*
                R::describe(operation, schemas);
            }
        }
    };
}

handlers!();
handlers!(A);
handlers!(A B);
handlers!(A B C);
handlers!(A B C D);
handlers!(A B C D E);
handlers!(A B C D E G);
handlers!(A B C D E G H);

macro_rules! silent {
    ($($part:ty),*) => {$(
        /// Says nothing.
        impl Takes for $part {
            fn describe(_: &mut Operation, _: &mut Schemas) {}
        }
    )*};
}

silent!(State<App>, Uri, OriginalUri, Request, Parts, HeaderMap);

/// Says nothing.
impl<T> Takes for Extension<T> {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

impl Takes for IfMatch {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.shared("If-Match");
        operation.fails(&[412]);
    }
}

impl<T> Takes for Path<T> {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.fails(&[404]);
    }
}

impl Takes for Place {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.fails(&[400]);
    }
}

impl<T: JsonSchema> Takes for Query<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.query(&schemas.query::<T>());
    }
}

impl<T: JsonSchema> Takes for Json<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.body("application/json", schemas.received::<T>(), true);
    }
}

impl<T: JsonSchema> Takes for Option<Json<T>> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.body("application/json", schemas.received::<T>(), false);
    }
}

impl<T: Answers> Answers for Result<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.fails(&[500, 503]);
        T::describe(operation, schemas);
    }
}

impl<T: JsonSchema> Answers for Reply<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.envelope(&schemas.sent::<T>());
    }
}

impl<T: JsonSchema> Answers for Tagged<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.envelope(&schemas.sent::<T>());
        operation.header("ETag");
    }
}

impl<T: JsonSchema> Answers for Bare<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.content("application/json", schemas.sent::<T>());
    }
}

impl<T: JsonSchema> Answers for Versioned<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.content("application/json", schemas.sent::<T>());
        operation.header("ETag");
    }
}

impl<T: JsonSchema> Answers for Items<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let items = schemas.sent::<T>();
        operation.content("application/json", json!({"type": "array", "items": items}));
        for name in PLACE_HEADERS {
            operation.header(name);
        }
    }
}

impl<T: JsonSchema> Answers for axum::Json<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        operation.content("application/json", schemas.sent::<T>());
    }
}

/// The slice says what is in it.
impl Answers for Response {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

impl Answers for &'static str {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.content("text/plain", json!({"type": "string"}));
    }
}

pub(super) fn parameters() -> Value {
    json!({
        "Harness-Account": {
            "name": "Harness-Account", "in": "header", "schema": {"type": "string"},
            "description": "The account; without it that of the query, or of the token. A JWT names none"
        },
        "If-Match": {
            "name": "If-Match", "in": "header", "schema": {"type": "string"},
            "description": "An entity tag, a list of them, or *: 412 where another version is stored"
        }
    })
}

pub(super) fn headers() -> Value {
    json!({
        "X-Total-Elements": {"description": "How many there are on all pages", "schema": {"type": "integer"}},
        "X-Page-Number": {"description": "The page, from 0", "schema": {"type": "integer"}},
        "X-Page-Size": {"description": "Items of a page at most", "schema": {"type": "integer"}},
        "ETag": {"description": "The stored version", "schema": {"type": "string"}},
        "X-Request-Id": {
            "description": "The id of the request", "schema": {"type": "string", "format": "uuid"}
        }
    })
}

pub(super) fn security_schemes() -> Value {
    json!({
        "apiKey": {
            "type": "apiKey", "in": "header", "name": "x-api-key",
            "description": "A personal access token, a service account token, an access token of /oauth2/token, or a JWT of a trust with the surface platform"
        },
        "bearer": {
            "type": "http", "scheme": "bearer",
            "description": "An access token of /oauth2/token, or a JWT of a trust with the surface platform"
        },
        "operator": {
            "type": "http", "scheme": "bearer",
            "description": "A token of the operator, of the file that operator-token-file names; also as x-api-key"
        },
        "anyBearer": {
            "type": "http", "scheme": "bearer", "description": "Any token or JWT, also one for SCIM only"
        }
    })
}

//! The OpenAPI document as it grows. A slice tells of each of its routes how it is called, what it asks for
//! and what it does; what it takes and answers is read off the handler's own signature, whose types are those
//! that serde reads and writes.

mod by_hand;
mod errors;
mod operation;
mod parts;
mod schemas;

use http::Method;
use serde_json::{Map, Value, json};

pub use by_hand::{flag, list, object, or_null, text, whole, word};
pub use operation::Operation;
pub use parts::{Answers, Handler, Takes};
pub use schemas::Schemas;

/// The document.
#[derive(Default)]
pub struct OpenApi {
    schemas: Schemas,
    tags: Vec<Value>,
    operations: Vec<Operation>,
}

impl OpenApi {
    /// A section of docs/api.md, whose routes have its heading as their tag.
    pub fn section(&mut self, tag: &'static str) -> Section<'_> {
        if !self.tags.iter().any(|known| known["name"] == tag) {
            self.tags.push(json!({"name": tag}));
        }
        Section { document: self, tag, hides_404: false }
    }

    /// A tag without routes, for what is described elsewhere.
    pub fn elsewhere(&mut self, tag: &str, description: &str) {
        self.tags.push(json!({"name": tag, "description": description}));
    }

    /// The whole document (OpenAPI 3.1); `version` is that of the release.
    pub fn finish(self, version: &str, description: &str) -> Value {
        let mut paths = Map::new();
        for operation in self.operations {
            let path = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
            let method = operation.method.as_str().to_ascii_lowercase();
            path[method] = operation.finish();
        }
        let mut schemas = self.schemas.finish();
        schemas.extend(errors::schemas());
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Muster platform API", "version": version, "description": description,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
            },
            "servers": [{"url": "/"}, {"url": "/gateway"}],
            "tags": self.tags,
            "paths": paths,
            "components": {
                "schemas": schemas, "responses": errors::responses(), "parameters": parts::parameters(),
                "headers": parts::headers(), "securitySchemes": parts::security_schemes()
            }
        })
    }
}

/// A section of the document. What is said of an operation is said of the last one.
pub struct Section<'d> {
    document: &'d mut OpenApi,
    tag: &'static str,
    hides_404: bool,
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {$(
        /// An operation by this method.
        pub fn $name<A, H: Handler<A>>(&mut self, path: &'static str, handler: H) -> &mut Self {
            self.operation(Method::$method, path, handler)
        }
    )*};
}

impl Section<'_> {
    methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

    fn operation<A, H: Handler<A>>(&mut self, method: Method, path: &'static str, _: H) -> &mut Self {
        let mut operation = Operation::new(method, path, self.tag);
        H::describe(&mut operation, &mut self.document.schemas);
        if self.hides_404 {
            operation.errors.remove(&404);
        }
        self.document.operations.push(operation);
        self
    }

    /// Its id, the permission it asks for as docs/api.md says it, and what it does.
    pub fn told(&mut self, id: &'static str, permission: &'static str, summary: &'static str) -> &mut Self {
        self.last().told = [id, permission, summary];
        self
    }

    /// What is told so far of paths below this base is also below the other one, by ids with a mark.
    pub fn also_below(&mut self, base: &str, other: &str) -> &mut Self {
        let operations = &mut self.document.operations;
        let twins: Vec<_> = operations.iter().filter_map(|operation| operation.below(base, other)).collect();
        operations.extend(twins);
        self
    }

    /// What is told so far of paths of the account below this base is also there in an organization and in a
    /// project, by ids with a mark.
    pub fn in_every_place(&mut self, base: &str) -> &mut Self {
        let places = [("/orgs/{org}", "InOrganization"), ("/orgs/{org}/projects/{project}", "InProject")];
        let operations = &mut self.document.operations;
        let within =
            |(place, mark)| operations.iter().filter_map(move |known| known.within(base, place, mark));
        let twins: Vec<_> = places.into_iter().flat_map(within).collect();
        operations.extend(twins);
        self
    }

    fn last(&mut self) -> &mut Operation {
        self.document.operations.last_mut().expect("a section begins with an operation")
    }

    /// Where the following operations find nothing they answer 400, as the reference does.
    pub fn nothing_is_400(&mut self) -> &mut Self {
        self.hides_404 = true;
        self
    }

    /// It takes this parameter, which its handler reads itself.
    pub fn takes(&mut self, name: &str) -> &mut Self {
        self.last().take(name);
        self
    }

    /// It takes `identifiers`, repeatable or with commas.
    pub fn identified(&mut self) -> &mut Self {
        self.named_by("identifiers")
    }

    /// It takes this parameter, repeatable or with commas.
    pub fn named_by(&mut self, name: &str) -> &mut Self {
        self.last().repeatable(name, json!({"type": "string"}));
        self
    }

    /// It takes `sort` over these fields, and `order`.
    pub fn ordered(&mut self, fields: &[&str]) -> &mut Self {
        self.last().choice("sort", fields);
        self.last().choice("order", &["ASC", "DESC"]);
        self
    }

    /// It takes `sortOrders` over these fields.
    pub fn sorted(&mut self, fields: &[&str]) -> &mut Self {
        let pattern = format!("^({})(,(ASC|DESC))?$", fields.join("|"));
        self.last().repeatable("sortOrders", json!({"type": "string", "pattern": pattern}));
        self
    }

    /// It takes this parameter, which may be repeated or have commas, with these words.
    pub fn several(&mut self, name: &str, words: &[&str]) -> &mut Self {
        self.last().repeatable(name, json!({"type": "string", "enum": words}));
        self
    }

    /// It refuses a parameter that others with the same query take.
    pub fn without(&mut self, name: &str) -> &mut Self {
        self.last().forget(name);
        self
    }

    /// It refuses a request without this parameter, which others with the same query do without.
    pub fn demands(&mut self, name: &str) -> &mut Self {
        self.last().demand(name);
        self
    }

    /// It refuses a body without this text, which others with the same body do without; `a.b` is `b` in `a`.
    pub fn needs(&mut self, member: &str) -> &mut Self {
        self.last().need(member);
        self
    }

    /// Also these statuses can be its answer, besides those that its parts bring with them.
    pub fn fails(&mut self, statuses: &[u16]) -> &mut Self {
        self.last().errors.extend(statuses);
        self
    }

    /// What it makes is answered with 201.
    pub fn created(&mut self) -> &mut Self {
        self.last().status = 201;
        self
    }

    /// `data` of its answer, where the handler answers JSON that it puts together itself.
    pub fn data(&mut self, name: &'static str, schema: Value) -> &mut Self {
        let data = self.document.schemas.named(name, schema);
        self.last().envelope(&data);
        self
    }

    /// As `data`, of a list.
    pub fn data_list(&mut self, name: &'static str, schema: Value) -> &mut Self {
        let items = self.document.schemas.named(name, schema);
        self.last().envelope(&json!({"type": "array", "items": items}));
        self
    }

    /// Its answer, where that has no envelope and the handler's type does not tell.
    pub fn answers(&mut self, media: &str, schema: Value) -> &mut Self {
        self.last().content(media, schema);
        self
    }

    /// What it answers with this status, where that is no error as others are.
    pub fn otherwise(&mut self, status: u16, schema: Value) -> &mut Self {
        self.last().otherwise(status, schema);
        self
    }

    /// Its answer may be kept, and asked for anew by its entity tag.
    pub fn cached(&mut self) -> &mut Self {
        self.last().cached();
        self
    }

    /// One more schema by hand, that others point to.
    pub fn schema(&mut self, name: &'static str, schema: Value) -> &mut Self {
        self.document.schemas.named(name, schema);
        self
    }

    /// Its body, where the handler reads it itself.
    pub fn reads(&mut self, media: &str, schema: Value) -> &mut Self {
        self.last().body(media, schema, true);
        self
    }

    /// Its body, where the handler reads it member by member.
    pub fn document(&mut self, name: &'static str, schema: Value) -> &mut Self {
        let body = self.document.schemas.named(name, schema);
        self.last().body("application/json", body, true);
        self
    }

    /// It has no twin under `/gateway`.
    pub fn alone(&mut self) -> &mut Self {
        self.last().servers = Some(json!([{"url": "/"}]));
        self
    }

    /// Its errors are those of RFC 6749.
    pub fn oauth(&mut self) -> &mut Self {
        self.last().oauth = true;
        self.last().errors.extend([400, 401, 403, 408, 413, 429]);
        self
    }
}

//! Answers. A resource that is shown whole is never parsed: what the server derives is spliced into the
//! stored text.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderValue, StatusCode};
use scim::list::LIST_URN;
use scim::{Projection, ResourceType};
use serde::Serialize;
use serde_json::Value;

use crate::directory::groups::model::GroupResource;
use crate::directory::model::{Stored, Subject};
use crate::directory::users::model::UserResource;
use crate::kernel::problem::{Problem, Result};

const MEDIA: HeaderValue = HeaderValue::from_static("application/scim+json");

/// A resource that can be answered.
pub trait Resource {
    /// Which.
    const SUBJECT: Subject;
    /// The stored part.
    fn stored(&self) -> &Stored;
    /// The derived attribute as (name, elements), unless it was not asked for or is empty.
    fn derived(&self, base: &str) -> Option<(&'static str, Vec<Value>)>;
}

impl Resource for UserResource {
    const SUBJECT: Subject = Subject::User;
    fn stored(&self) -> &Stored {
        &self.stored
    }
    fn derived(&self, base: &str) -> Option<(&'static str, Vec<Value>)> {
        let groups = self.groups.as_ref().filter(|list| !list.is_empty())?;
        Some(("groups", groups.iter().map(|group| group.element(base)).collect()))
    }
}

impl Resource for GroupResource {
    const SUBJECT: Subject = Subject::Group;
    fn stored(&self) -> &Stored {
        &self.stored
    }
    fn derived(&self, base: &str) -> Option<(&'static str, Vec<Value>)> {
        let members = self.members.as_ref().filter(|list| !list.is_empty())?;
        Some(("members", members.iter().map(|member| member.element(base)).collect()))
    }
}

/// How answers of one request are written.
#[derive(Debug)]
pub struct Writer<'a> {
    /// The resource type.
    pub kind: &'a ResourceType,
    /// What is shown.
    pub projection: &'a Projection,
    /// SCIM base URL.
    pub base: &'a str,
}

impl Writer<'_> {
    /// Appends one resource.
    ///
    /// # Errors
    /// `Internal` when a stored document is damaged.
    pub fn write<R: Resource>(&self, out: &mut Vec<u8>, resource: &R) -> Result<()> {
        if self.projection.is_default() {
            return splice(out, resource, self.base);
        }
        let mut map = resource.stored().resource(R::SUBJECT, self.base)?;
        if let Some((name, elements)) = resource.derived(self.base) {
            map.insert(name.into(), Value::from(elements));
        }
        let mut value = Value::Object(map);
        self.projection.apply(self.kind, &mut value);
        json(out, &value)
    }

    /// Answers one resource with its entity tag; a new one with its location.
    ///
    /// # Errors
    /// As `write`.
    pub fn answer<R: Resource>(&self, status: StatusCode, resource: &R) -> Result<Response> {
        let mut body = Vec::with_capacity(resource.stored().doc.len() + 512);
        self.write(&mut body, resource)?;
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, MEDIA);
        tag(headers, resource.stored());
        let location = location(R::SUBJECT, self.base, &resource.stored().id);
        if status == StatusCode::CREATED
            && let Ok(value) = HeaderValue::try_from(location)
        {
            headers.insert(LOCATION, value);
        }
        Ok(response)
    }

    /// Answers a page (RFC 7644 §3.4.2).
    ///
    /// # Errors
    /// As `write`.
    pub fn list<R: Resource>(&self, start: usize, (total, page): (u64, &[R])) -> Result<Response> {
        let mut rows = Vec::with_capacity(page.len() * 1024);
        for (at, resource) in page.iter().enumerate() {
            if at > 0 {
                rows.push(b',');
            }
            self.write(&mut rows, resource)?;
        }
        Ok(list(start, total, page.len(), &rows))
    }
}

/// A list response around resources that are written already, separated by commas.
pub fn list(start: usize, total: u64, count: usize, rows: &[u8]) -> Response {
    let head = format!(
        r#"{{"schemas":["{LIST_URN}"],"totalResults":{total},"itemsPerPage":{count},"startIndex":{start},"Resources":["#
    );
    let mut body = Vec::with_capacity(head.len() + rows.len() + 2);
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(rows);
    body.extend_from_slice(b"]}");
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, MEDIA);
    response
}

/// Answers a JSON value.
pub fn value(value: &Value) -> Response {
    let mut response = value.to_string().into_response();
    response.headers_mut().insert(CONTENT_TYPE, MEDIA);
    response
}

/// Answers that the client has the stored version already (RFC 7644 §3.14).
pub fn not_modified(stored: &Stored) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    tag(response.headers_mut(), stored);
    response
}

/// Answers a change without a body.
pub fn minimal(stored: &Stored) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    tag(response.headers_mut(), stored);
    response
}

fn tag(headers: &mut http::HeaderMap, stored: &Stored) {
    if let Ok(value) = HeaderValue::try_from(stored.etag()) {
        headers.insert(ETAG, value);
    }
}

/// URL of a resource.
pub fn location(subject: Subject, base: &str, id: &str) -> String {
    format!("{base}/{}/{id}", subject.endpoint())
}

fn json(out: &mut Vec<u8>, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(out, value)
        .map_err(|error| Problem::internal(format!("cannot write an answer: {error}")))
}

/// `{"id":…,<the stored text>,"groups":[…],"meta":{…}}`. Ids, times and the base need no escapes: the first
/// two are the server's own, the base is made of checked characters.
fn splice<R: Resource>(out: &mut Vec<u8>, resource: &R, base: &str) -> Result<()> {
    let stored = resource.stored();
    let inner =
        stored.doc.strip_prefix('{').and_then(|doc| doc.strip_suffix('}')).filter(|inner| !inner.is_empty());
    let Some(inner) = inner else {
        return Err(Problem::internal(format!("the document of {} is no object", stored.id)));
    };
    let mut text = |part: &str| out.extend_from_slice(part.as_bytes());
    text("{\"id\":\"");
    text(&stored.id);
    text("\",");
    text(inner);
    if let Some((name, elements)) = resource.derived(base) {
        text(",\"");
        text(name);
        text("\":");
        json(out, &elements)?;
    }
    let mut text = |part: &str| out.extend_from_slice(part.as_bytes());
    text(",\"meta\":{\"resourceType\":\"");
    text(R::SUBJECT.name());
    text("\",\"created\":\"");
    text(&stored.created.rfc3339());
    text("\",\"lastModified\":\"");
    text(&stored.updated.rfc3339());
    text("\",\"location\":\"");
    text(&location(R::SUBJECT, base, &stored.id));
    text("\",\"version\":\"W/\\\"");
    text(&stored.version.to_string());
    text("\\\"\"}}");
    Ok(())
}

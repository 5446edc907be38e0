//! Answers. A resource that is shown whole is never parsed: what the server derives is spliced into the
//! stored text.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LOCATION, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use scim::list::LIST_URN;
use scim::{Projection, ResourceType};
use serde::Serialize;
use serde_json::Value;

use super::trail::Trail;
use crate::directory::groups::model::GroupResource;
use crate::directory::model::{GroupRef, Stored, Subject};
use crate::directory::search::Found;
use crate::directory::users::model::UserResource;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::text::json_text;

const MEDIA: HeaderValue = HeaderValue::from_static("application/scim+json");

/// A resource that can be answered.
pub trait Resource {
    /// The stored part.
    fn stored(&self) -> &Stored;
    /// The derived attribute as (name, elements), unless it was not asked for or is empty.
    fn derived(&self, base: &str) -> Option<(&'static str, Vec<Value>)>;
    /// The same as text, `,"name":[…]`, without making a value of each element: there can be many.
    fn write_derived(&self, out: &mut Vec<u8>, base: &str) -> Result<()>;
}

impl Resource for UserResource {
    fn stored(&self) -> &Stored {
        &self.stored
    }
    fn derived(&self, base: &str) -> Option<(&'static str, Vec<Value>)> {
        let groups = self.groups.as_ref().filter(|list| !list.is_empty())?;
        Some(("groups", groups.iter().map(|group| group.element(base)).collect()))
    }
    fn write_derived(&self, out: &mut Vec<u8>, base: &str) -> Result<()> {
        let kind = |group: &GroupRef| if group.direct { "direct" } else { "indirect" };
        let groups = self.groups.iter().flatten();
        let rows =
            groups.map(|group| (group.id.as_str(), Subject::Group, Some(group.name.as_str()), kind(group)));
        elements(out, base, "groups", rows)
    }
}

impl Resource for GroupResource {
    fn stored(&self) -> &Stored {
        &self.stored
    }
    fn derived(&self, base: &str) -> Option<(&'static str, Vec<Value>)> {
        let members = self.members.as_ref().filter(|list| !list.is_empty())?;
        Some(("members", members.iter().map(|member| member.element(base)).collect()))
    }
    fn write_derived(&self, out: &mut Vec<u8>, base: &str) -> Result<()> {
        let members = self.members.iter().flatten();
        // `display` of a member is returned on request only.
        let rows = members.map(|member| (member.id.as_str(), member.kind, None, member.kind.name()));
        elements(out, base, "members", rows)
    }
}

impl Resource for Stored {
    fn stored(&self) -> &Stored {
        self
    }
    fn derived(&self, _: &str) -> Option<(&'static str, Vec<Value>)> {
        None
    }
    fn write_derived(&self, _: &mut Vec<u8>, _: &str) -> Result<()> {
        Ok(())
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
        if self.projection.is_default() && !self.kind.hides_stored() {
            return splice(out, resource, self.kind, self.base);
        }
        let mut map = resource.stored().resource(self.kind, self.base)?;
        if let Some((name, elements)) = resource.derived(self.base) {
            map.insert(name.into(), Value::from(elements));
        }
        let mut value = Value::Object(map);
        self.projection.apply(self.kind, &mut value);
        json(out, &value)
    }

    /// Answers one resource with its place and entity tag.
    ///
    /// # Errors
    /// As `write`.
    pub fn answer<R: Resource>(&self, status: StatusCode, resource: &R) -> Result<Response> {
        let mut body = Vec::with_capacity(resource.stored().doc.len() + 512);
        self.write(&mut body, resource)?;
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, MEDIA);
        self.place(headers, resource.stored());
        Ok(response)
    }

    /// Answers that the client has the stored version already (RFC 7644 §3.14), with the fields that the
    /// resource would have come with (RFC 9110 §15.4.5).
    pub fn not_modified(&self, stored: &Stored) -> Response {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        self.place(response.headers_mut(), stored);
        response
    }

    fn place(&self, headers: &mut HeaderMap, stored: &Stored) {
        located(headers, &location(&self.kind.endpoint, self.base, &stored.id));
        tag(headers, stored);
    }

    /// Answers a page (RFC 7644 §3.4.2).
    ///
    /// # Errors
    /// As `write`.
    pub fn list<R: Resource>(&self, paging: &Paging, found: &Found<R>) -> Result<Response> {
        let mut rows = Vec::with_capacity(found.rows.len() * 1024);
        for (at, resource) in found.rows.iter().enumerate() {
            if at > 0 {
                rows.push(b',');
            }
            self.write(&mut rows, resource)?;
        }
        Ok(list(paging, found.total, found.rows.len(), &rows))
    }
}

/// What a list says of its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paging {
    /// By index: the first result, from 1.
    Index(usize),
    /// By cursor: the one of the next page, if there is one.
    Cursor(Option<String>),
}

/// The paging of a list that was found by index, or on a trail.
pub fn paging<R>(trail: Option<&Trail>, start: usize, found: &mut Found<R>) -> Paging {
    match trail {
        None => Paging::Index(start),
        Some(trail) => trail.paging(found.next.take().map(|place| (0, place)), found.total),
    }
}

/// A list response around resources that are written already, separated by commas.
pub fn list(paging: &Paging, total: u64, count: usize, rows: &[u8]) -> Response {
    // A cursor has no character that JSON would escape.
    let page = match paging {
        Paging::Index(start) => format!(r#""startIndex":{start},"#),
        Paging::Cursor(Some(next)) => format!(r#""nextCursor":"{next}","#),
        Paging::Cursor(None) => String::new(),
    };
    let head = format!(
        r#"{{"schemas":["{LIST_URN}"],"totalResults":{total},"itemsPerPage":{count},{page}"Resources":["#
    );
    let mut body = Vec::with_capacity(head.len() + rows.len() + 2);
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(rows);
    body.extend_from_slice(b"]}");
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, MEDIA);
    response
}

/// Answers a JSON value; one that has a `meta.location` with it.
pub fn value(value: &Value) -> Response {
    let mut response = json_text(value).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, MEDIA);
    if let Some(location) = value["meta"]["location"].as_str() {
        located(headers, location);
    }
    response
}

/// Answers a change without a body.
pub fn minimal(stored: &Stored) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    tag(response.headers_mut(), stored);
    response
}

/// RFC 7643 §3.1 has `meta.location` be the `Content-Location`; RFC 7644 shows it as `Location`, of what is
/// read and replaced, too (§3.3, §3.4.1, §3.5.1).
fn located(headers: &mut HeaderMap, location: &str) {
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location.clone());
        headers.insert(CONTENT_LOCATION, location);
    }
}

fn tag(headers: &mut HeaderMap, stored: &Stored) {
    if let Ok(value) = HeaderValue::try_from(stored.etag()) {
        headers.insert(ETAG, value);
    }
}

/// URL of a resource.
pub fn location(endpoint: &str, base: &str, id: &str) -> String {
    format!("{base}/{endpoint}/{id}")
}

fn json(out: &mut Vec<u8>, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(out, value)
        .map_err(|error| Problem::internal(format!("cannot write an answer: {error}")))
}

/// Appends `,"name":[…]` with an element for each (id, what it is, display, type); nothing when there are none.
fn elements<'a>(
    out: &mut Vec<u8>,
    base: &str,
    name: &str,
    rows: impl Iterator<Item = (&'a str, Subject, Option<&'a str>, &'a str)>,
) -> Result<()> {
    let mut first = true;
    for (id, subject, display, kind) in rows {
        if first {
            text(out, &[",\"", name, "\":["]);
        } else {
            out.push(b',');
        }
        first = false;
        text(out, &["{\"value\":\"", id, "\",\"$ref\":\"", base, "/", subject.endpoint(), "/", id]);
        out.push(b'"');
        if let Some(display) = display {
            text(out, &[",\"display\":"]);
            json(out, &display)?;
        }
        text(out, &[",\"type\":\"", kind, "\"}"]);
    }
    if !first {
        out.push(b']');
    }
    Ok(())
}

fn text(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// `{"id":…,<the stored text>,"groups":[…],"meta":{…}}`. Ids, times and the base need no escapes: the first two
/// are the server's own, the base is made of checked characters.
fn splice<R: Resource>(out: &mut Vec<u8>, resource: &R, kind: &ResourceType, base: &str) -> Result<()> {
    let stored = resource.stored();
    let inner =
        stored.doc.strip_prefix('{').and_then(|doc| doc.strip_suffix('}')).filter(|inner| !inner.is_empty());
    let Some(inner) = inner else {
        return Err(Problem::internal(format!("the document of {} is no object", stored.id)));
    };
    text(out, &["{\"id\":\"", &stored.id, "\",", inner]);
    resource.write_derived(out, base)?;
    let (created, updated) = (stored.created.rfc3339(), stored.updated.rfc3339());
    text(out, &[",\"meta\":{\"resourceType\":\"", &kind.name, "\",\"created\":\"", &created]);
    text(out, &["\",\"lastModified\":\"", &updated, "\",\"location\":\""]);
    text(out, &[base, "/", &kind.endpoint, "/", &stored.id, "\",\"version\":\"W/\\\""]);
    text(out, &[&stored.version.to_string(), "\\\"\"}}"]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::model::{MemberRef, resource_type};
    use crate::kernel::time::Timestamp;

    #[test]
    fn the_spliced_text_is_the_resource() {
        let at = Timestamp::from_millis(1_767_225_600_000);
        let doc = r#"{"schemas":["s"],"displayName":"a \"b\""}"#.to_owned();
        let stored = Stored { id: "g1".into(), doc, version: 3, created: at, updated: at };
        let member = |id: &str, kind| MemberRef { id: id.into(), kind, name: "x\"y".into() };
        let members = vec![member("u1", Subject::User), member("g2", Subject::Group)];
        let kind = resource_type(Subject::Group);
        for members in [None, Some(Vec::new()), Some(members)] {
            let group = GroupResource { stored: stored.clone(), members };
            let mut whole = group.stored.resource(&kind, "http://h/b").unwrap();
            if let Some((name, elements)) = group.derived("http://h/b") {
                whole.insert(name.into(), Value::from(elements));
            }
            let mut whole = Value::Object(whole);
            Projection::default().apply(&kind, &mut whole);
            let mut out = Vec::new();
            splice(&mut out, &group, &kind, "http://h/b").unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), whole);
        }
    }
}

//! Bulk requests (RFC 7644 §3.7): of operations that `entry` has read one by one, finds who refers to whom
//! by `bulkId`, and puts them into an order in which every reference can be resolved. It carries nothing out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use serde_json::{Map, Value, json};

use crate::dialect::Mender;
use crate::entry::{entry, envelope};
use crate::error::ScimError;
use crate::name::excerpt;
use crate::reference::{Each, Spot, paths, referred, visit_path, visit_value};
use crate::schema::Catalogue;

/// URN of the bulk request.
pub const BULK_REQUEST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// URN of the bulk response.
pub const BULK_RESPONSE_URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Creates.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    pub(crate) const ALL: [Self; 4] = [Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The method's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One operation that can be carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub method: Method,
    /// The resource type's endpoint, such as `Users`.
    pub endpoint: String,
    /// The resource; none for `Post`.
    pub id: Option<String>,
    /// The entity tag it waits for (as If-Match).
    pub version: Option<String>,
    /// The body; `Null` for `Delete`.
    pub data: Value,
}

/// One entry of the request: what its result repeats, and the operation or what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The method as sent, if it is a known one.
    pub method: Option<Method>,
    /// Its `bulkId`.
    pub bulk_id: Option<String>,
    /// The path as sent, without the slash it begins with; none for `Post`.
    pub path: Option<String>,
    /// The operation. References in it are not resolved yet: see [`Plan::resolve`].
    pub operation: Result<Operation, ScimError>,
    /// The entries whose resources it refers to.
    pub needs: Vec<usize>,
}

/// A bulk request that can be carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// After how many errors to stop; none: never.
    pub fail_on_errors: Option<u64>,
    /// The entries in the order sent.
    pub entries: Vec<Entry>,
    /// In which order to carry them out: each after those it needs, else as sent.
    pub order: Vec<usize>,
}

impl Plan {
    /// Reads a request. Errors, for the request as a whole: 400 `invalidSyntax` or `invalidValue`, 413 for
    /// more than `max_operations`, 409 when operations refer to each other in a circle.
    pub fn parse(
        body: Value,
        catalogue: &Catalogue,
        max_operations: usize,
        mender: &mut Mender,
    ) -> Result<Self, ScimError> {
        let (fail_on_errors, list) = envelope(body, mender)?;
        if list.len() > max_operations {
            return Err(ScimError::plain(
                413,
                format!(
                    "The request has {} operations; send {max_operations} in one request at most.",
                    list.len()
                ),
            ));
        }
        let mut entries: Vec<Entry> =
            list.into_iter().map(|operation| entry(operation, catalogue, mender)).collect();
        connect(&mut entries)?;
        let order = order(&entries)?;
        Ok(Self { fail_on_errors, entries, order })
    }

    /// The operation with the ids of created resources in the place of references; `made` has the id for each
    /// entry that created one. Errors: what is wrong with the operation; 409 when one it refers to failed.
    pub fn resolve(&self, at: usize, made: &[Option<String>]) -> Result<Operation, ScimError> {
        let entry = &self.entries[at];
        let mut operation = entry.operation.clone()?;
        if entry.needs.is_empty() {
            return Ok(operation);
        }
        let mut ids = HashMap::new();
        for &needed in &entry.needs {
            let bulk_id = self.entries[needed].bulk_id.as_deref().unwrap_or_default();
            let Some(id) = &made[needed] else {
                return Err(ScimError::plain(
                    409,
                    format!("The operation with bulkId {:?} made nothing to refer to.", excerpt(bulk_id)),
                ));
            };
            ids.insert(bulk_id, id.as_str());
        }
        visit(&mut operation, &mut |text, spot| {
            if let Some((before, name)) = referred(text, spot)
                && let Some(id) = ids.get(name)
            {
                *text = format!("{before}{id}");
            }
        });
        Ok(operation)
    }
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// HTTP status.
    pub status: u16,
    /// URL of the resource; none where creating it failed.
    pub location: Option<String>,
    /// Its entity tag after the operation.
    pub version: Option<String>,
    /// The error message, unless it succeeded.
    pub response: Option<Value>,
}

/// The response (RFC 7644 §3.7.3) over the entries that were carried out, in the order sent.
pub fn response(plan: &Plan, outcomes: &[Option<Outcome>]) -> Value {
    let row = |(entry, outcome): (&Entry, &Option<Outcome>)| {
        let outcome = outcome.as_ref()?;
        let mut row = Map::new();
        let mut put = |name: &str, value: Option<Value>| value.map(|value| row.insert(name.into(), value));
        put("location", outcome.location.as_deref().map(Value::from));
        put("method", entry.method.map(|method| method.as_str().into()));
        put("bulkId", entry.bulk_id.as_deref().map(Value::from));
        put("version", outcome.version.as_deref().map(Value::from));
        put("status", Some(outcome.status.to_string().into()));
        put("response", outcome.response.clone());
        Some(Value::Object(row))
    };
    let rows: Vec<Value> = plan.entries.iter().zip(outcomes).filter_map(row).collect();
    json!({"schemas": [BULK_RESPONSE_URN], "Operations": rows})
}

/// Finds for each entry the entries it refers to.
fn connect(entries: &mut [Entry]) -> Result<(), ScimError> {
    let mut posts = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let Some(bulk_id) = &entry.bulk_id else { continue };
        if posts.insert(bulk_id.clone(), (at, entry.method == Some(Method::Post))).is_some() {
            return Err(ScimError::invalid_value(format!(
                "Two operations have the bulkId {:?}: give each its own.",
                excerpt(bulk_id)
            )));
        }
    }
    for entry in entries.iter_mut() {
        let Ok(operation) = &mut entry.operation else { continue };
        let (mut needs, mut unknown) = (Vec::new(), None);
        visit(operation, &mut |text, spot| {
            let Some((_, name)) = referred(text, spot) else { return };
            match posts.get(name) {
                Some((at, true)) => needs.push(*at),
                _ if spot == Spot::Text => {}
                _ => unknown = Some(name.to_owned()),
            }
        });
        needs.sort_unstable();
        needs.dedup();
        if let Some(name) = unknown {
            entry.operation = Err(ScimError::invalid_value(format!(
                "bulkId:{} refers to no POST of this request.",
                excerpt(&name)
            )));
        } else {
            entry.needs = needs;
        }
    }
    Ok(())
}

/// The strings that may be references: the id, all of the data, and the literals of a filter in the path of
/// an operation of a PATCH, such as `members[value eq "bulkId:a"]`.
fn visit(operation: &mut Operation, each: &mut Each<'_>) {
    operation.id.iter_mut().for_each(|id| each(id, Spot::Id));
    if operation.method == Method::Patch {
        paths(&mut operation.data).for_each(|path| visit_path(path, each));
    }
    visit_value(&mut operation.data, Spot::Text, each);
}

/// Of those that wait for nobody always the first one.
fn order(entries: &[Entry]) -> Result<Vec<usize>, ScimError> {
    let mut waiting: Vec<usize> = entries.iter().map(|entry| entry.needs.len()).collect();
    let mut wanted: Vec<Vec<usize>> = vec![Vec::new(); entries.len()];
    for (at, entry) in entries.iter().enumerate() {
        for &needed in &entry.needs {
            wanted[needed].push(at);
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..entries.len()).filter(|&at| waiting[at] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(entries.len());
    while let Some(Reverse(at)) = ready.pop() {
        order.push(at);
        for &next in &wanted[at] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    if order.len() == entries.len() {
        return Ok(order);
    }
    let stuck = (0..entries.len()).filter(|&at| waiting[at] > 0);
    let names: Vec<&str> = stuck.filter_map(|at| entries[at].bulk_id.as_deref()).take(5).collect();
    Err(ScimError::plain(
        409,
        format!(
            "Operations refer to each other in a circle ({}): make the resources first, then connect them.",
            names.iter().map(|name| excerpt(name)).collect::<Vec<_>>().join(", ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::PATCH_URN;
    use crate::{Dialect, ScimType};

    fn plan(operations: Value) -> Result<Plan, ScimError> {
        let body = json!({"schemas": [BULK_REQUEST_URN], "Operations": operations});
        Plan::parse(body, &Catalogue::standard(), 10, &mut Mender::new(Dialect::Strict))
    }

    fn post(bulk_id: &str, value: Value) -> Value {
        json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": {"members": [{"value": value}]}})
    }

    fn of(name: &str) -> Value {
        format!("bulkId:{name}").into()
    }

    #[test]
    fn b_2_references_go_forward_and_backward() {
        let plan = plan(json!([post("a", of("c")), post("b", of("a")), post("c", json!("x"))])).unwrap();
        assert_eq!(plan.order, [2, 0, 1]);
        assert_eq!(plan.entries[0].needs, [2]);
        let made = [Some("1".to_owned()), None, Some("3".to_owned())];
        assert_eq!(plan.resolve(0, &made).unwrap().data["members"][0]["value"], "3");
        assert_eq!(plan.resolve(1, &made).unwrap().data["members"][0]["value"], "1");
        assert_eq!(plan.resolve(0, &[None, None, None]).unwrap_err().status, 409);
    }

    #[test]
    fn an_empty_text_is_as_no_member() {
        let delete = |id: &str| json!({"method": "DELETE", "path": format!("/Users/{id}"), "bulkId": "", "version": "", "data": ""});
        let body = json!({
            "schemas": [BULK_REQUEST_URN], "failOnErrors": "", "Operations": [delete("1"), delete("2")]
        });
        let plan = Plan::parse(body, &Catalogue::standard(), 10, &mut Mender::new(Dialect::Strict)).unwrap();
        for (entry, id) in plan.entries.iter().zip(["1", "2"]) {
            let operation = entry.operation.as_ref().unwrap();
            assert_eq!((operation.id.as_deref(), operation.version.as_deref()), (Some(id), None));
            assert_eq!(entry.bulk_id, None);
        }
        assert_eq!(plan.fail_on_errors, None);
        let post = super::tests::plan(json!([post("", json!("x"))])).unwrap();
        assert!(post.entries[0].operation.as_ref().unwrap_err().detail.contains("needs a bulkId"));
    }

    #[test]
    fn b_2_slashes_too_many_in_a_path_change_nothing() {
        let put = |path: &str| json!({"method": "PUT", "path": path, "data": {"displayName": "x"}});
        let planned = plan(json!([put("Groups/1"), put("/Groups/1/"), put("//Groups//1//")])).unwrap();
        for (at, entry) in planned.entries.iter().enumerate() {
            let operation = planned.resolve(at, &[None, None, None]).unwrap();
            assert_eq!((operation.endpoint.as_str(), operation.id.as_deref()), ("Groups", Some("1")), "{at}");
            assert_eq!(
                entry.path.as_deref().map(|path| path.trim_start_matches("Groups")),
                Some("/1"),
                "{at}"
            );
        }
        let planned = plan(json!([put("/Groups/1/2"), put("/Groups//"), put("/")])).unwrap();
        assert!((0..3).all(|at| planned.resolve(at, &[None, None, None]).is_err()));
    }

    #[test]
    fn b_2_a_path_may_refer_too() {
        let put = json!({"method": "PUT", "path": "/Groups/bulkId:", "data": {"displayName": "x"}});
        let plan = plan(json!([put, post("a", json!("x"))])).unwrap();
        // An empty name is a reference to nothing.
        assert!(plan.entries[0].operation.is_err());
        let delete = json!({"method": "DELETE", "path": "/Groups/bulkId:a"});
        let plan = super::tests::plan(json!([delete, post("a", json!("x"))])).unwrap();
        assert_eq!(plan.order, [1, 0]);
        assert_eq!(plan.resolve(0, &[None, Some("7".into())]).unwrap().id.as_deref(), Some("7"));
    }

    #[test]
    fn b_2_a_uri_refers_at_its_end_and_a_text_only_to_what_there_is() {
        let data = json!({
            "displayName": "bulkId:2 things", "externalId": "bulkId:a",
            "members": [{"value": "bulkId:a", "$ref": "https://x/Users/bulkId:a"}, {"$ref": "bulkId:a"}],
        });
        let put = json!({"method": "PUT", "path": "/Groups/1", "data": data});
        let plan = plan(json!([put, post("a", json!("x"))])).unwrap();
        let mut expected = data.clone();
        expected["externalId"] = json!("7");
        expected["members"] = json!([{"value": "7", "$ref": "https://x/Users/7"}, {"$ref": "7"}]);
        assert_eq!(plan.resolve(0, &[None, Some("7".into())]).unwrap().data, expected);
        let dead =
            json!({"method": "PUT", "path": "/Groups/1", "data": {"members": [{"$ref": "/Users/bulkId:z"}]}});
        assert!(super::tests::plan(json!([dead])).unwrap().entries[0].operation.is_err());
    }

    #[test]
    fn b_2_the_filter_of_a_path_may_refer_too() {
        let remove = |path: &str| {
            json!({"method": "PATCH", "path": "/Groups/7", "data": {"schemas": [PATCH_URN],
            "operations": [{"op": "remove", "path": path}]}})
        };
        let path = "members[value eq \"bulkId:a\" or not (value eq \"x\")].display";
        let plan =
            plan(json!([remove(path), post("a", json!("x")), remove("members[value eq \"bulkId:z\"]")]))
                .unwrap();
        assert_eq!(plan.order, [1, 0, 2]);
        let made = [None, Some("9".to_owned()), None];
        let patch = plan.resolve(0, &made).unwrap().data;
        assert_eq!(patch["operations"][0]["path"], path.replace("bulkId:a", "9"));
        assert_eq!(plan.resolve(2, &made).unwrap_err().scim_type, Some(ScimType::InvalidValue));
    }

    #[test]
    fn b_2_a_reference_to_nothing_is_that_operations_error() {
        let plan = plan(json!([post("a", of("none")), post("b", json!("x"))])).unwrap();
        let error = plan.resolve(0, &[None, None]).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
        assert!(plan.resolve(1, &[None, None]).is_ok());
    }

    #[test]
    fn b_3_circles_are_refused() {
        for operations in [
            json!([post("a", of("a"))]),
            json!([post("a", of("b")), post("b", of("a"))]),
            json!([post("x", json!("1")), post("a", of("b")), post("b", of("c")), post("c", of("a"))]),
        ] {
            assert_eq!(plan(operations).unwrap_err().status, 409);
        }
        let chain: Vec<Value> = (0..9).map(|n| post(&n.to_string(), of(&(n + 1).to_string()))).collect();
        let chain = [chain, vec![post("9", json!("end"))]].concat();
        assert_eq!(plan(Value::from(chain)).unwrap().order, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn b_7_too_many_operations() {
        let list: Vec<Value> = (0..11).map(|n| post(&n.to_string(), json!("x"))).collect();
        assert_eq!(plan(Value::from(list)).unwrap_err().status, 413);
    }

    #[test]
    fn b_4_fail_on_errors_is_a_number() {
        for (value, expected) in
            [(json!(3), Ok(Some(3))), (Value::Null, Ok(None)), (json!(0), Err(())), (json!("1"), Err(()))]
        {
            let body = json!({"schemas": [BULK_REQUEST_URN], "failOnErrors": value, "Operations": [{}]});
            let plan = Plan::parse(body, &Catalogue::standard(), 10, &mut Mender::new(Dialect::Strict));
            assert_eq!(plan.map(|plan| plan.fail_on_errors).map_err(|_| ()), expected);
        }
    }

    #[test]
    fn b_4_zero_errors_are_no_limit_where_that_is_mended() {
        let body =
            |value: Value| json!({"schemas": [BULK_REQUEST_URN], "failOnErrors": value, "Operations": [{}]});
        let mut mender = Mender::new(Dialect::Okta);
        let mut read = |value| Plan::parse(body(value), &Catalogue::standard(), 10, &mut mender);
        assert_eq!(read(json!(0)).unwrap().fail_on_errors, None);
        assert_eq!(read(json!(1)).unwrap().fail_on_errors, Some(1));
        assert!([json!(-1), json!(0.5), json!("0")].into_iter().all(|value| read(value).is_err()));
        let notes: Vec<_> = mender.notes().iter().map(|note| (note.quirk.name(), note.at.as_str())).collect();
        assert_eq!(notes, [("zero-for-no-limit", "failOnErrors")]);
    }

    #[test]
    fn b_2_a_bulk_id_is_given_once_and_needed_to_create() {
        assert!(plan(json!([post("a", json!("x")), post("a", json!("x"))])).is_err());
        let nameless = json!({"method": "POST", "path": "/Users", "data": {}});
        assert!(plan(json!([nameless])).unwrap().entries[0].operation.is_err());
    }

    #[test]
    fn sch_2_a_member_that_stands_twice_is_refused() {
        let operations = json!([
            {"method": "PUT", "METHOD": "DELETE", "path": "/Users/1", "data": {}},
            {"method": "DELETE", "path": "/Users/1", "Path": "/Users/2"},
            {"method": "DELETE", "path": "/Users/3"},
        ]);
        let made = plan(operations).unwrap();
        let refused: Vec<bool> = made.entries.iter().map(|entry| entry.operation.is_err()).collect();
        assert_eq!(refused, [true, true, false]);
        let mut body = json!({"schemas": [BULK_REQUEST_URN], "Operations": [{}]});
        body["OPERATIONS"] = json!([{}]);
        let error =
            Plan::parse(body, &Catalogue::standard(), 10, &mut Mender::new(Dialect::Auto)).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax), "{error}");
    }

    #[test]
    fn malformed_operations_fail_alone() {
        let operations = json!([
            7, {}, {"method": "GET", "path": "/Users/1"}, {"method": "PATCH", "path": "/Users", "data": {}},
            {"method": "POST", "path": "/Users/1", "bulkId": "a", "data": {}}, {"method": "DELETE", "path": "/Users/1/2"},
            {"method": "DELETE", "path": "/Nothing/1"}, {"method": "PUT", "path": "/Users/1"},
            {"method": "PUT", "path": "/Users/1?attributes=id", "data": {}}, {"method": "delete", "path": "/Users/1"}
        ]);
        let plan = plan(operations).unwrap();
        assert!(plan.entries.iter().all(|entry| entry.operation.is_err()));
        assert_eq!(plan.order.len(), 10);
        let told = |at: usize| (plan.entries[at].method, plan.entries[at].path.as_deref());
        assert_eq!((told(0), told(1)), ((None, None), (None, None)));
        assert_eq!((told(2), told(4)), ((None, Some("Users/1")), (Some(Method::Post), None)));
        assert_eq!(told(6), (Some(Method::Delete), Some("Nothing/1")));
        assert_eq!(told(9), (Some(Method::Delete), Some("Users/1")));
        let body = json!({"Operations": [
            {"method": "delete", "path": "/Users/1"}, {"method": "PATCH", "path": "Users/1", "data": [{"op": "remove", "path": "title"}]}
        ]});
        let mut auto = Mender::new(Dialect::Auto);
        let plan = Plan::parse(body, &Catalogue::standard(), 10, &mut auto).unwrap();
        assert!(plan.entries.iter().all(|entry| entry.operation.is_ok()));
        assert_eq!(auto.notes().len(), 3);
    }
}

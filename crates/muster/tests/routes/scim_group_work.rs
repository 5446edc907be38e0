//! What the operations of one PATCH of a group's members may cost.

use std::iter::repeat_n;

use serde_json::{Value, json};

use super::scim_groups::{GROUPS, made_group, members};
use super::scim_users::{made, patch, scim};
use crate::actors::{Client, World};
use crate::both_engines;

/// A group, with the ids of its members.
async fn large(client: &Client, members: usize) -> (String, Vec<String>) {
    let mut ids = Vec::new();
    for n in 0..members {
        ids.push(made(client, &format!("u{n}")).await);
    }
    ids.sort();
    let named: Vec<&str> = ids.iter().map(String::as_str).collect();
    (made_group(client, "Large", &named).await, ids)
}

fn remove(filter: &str) -> Value {
    json!({"op": "remove", "path": format!("members[{filter}]")})
}

fn many(first: Value, operation: &Value, times: usize) -> Value {
    patch(std::iter::once(first).chain(repeat_n(operation.clone(), times)).collect())
}

both_engines! {
    async fn what_goes_through_the_members_again_and_again_is_refused(world: World) {
        let scim = scim(&world);
        let (id, ids) = large(&scim, 40).await;
        let path = format!("{GROUPS}/{id}");
        let terms: Vec<String> = (0..100).map(|n| format!("$ref co \"no such {n}\"")).collect();
        let first = remove(&format!("value eq \"{}\"", ids[0]));
        let wide = remove(&format!("{} or type eq \"Group\"", terms.join(" or ")));
        let among = json!({"op": "remove", "path": wide["path"], "value": ids.iter().map(|id| json!({"value": id})).collect::<Vec<_>>()});
        let replace = json!({"op": "replace", "path": "members", "value": []});
        for (many_times, times) in [(&remove("type eq \"Group\""), 8_000), (&wide, 200), (&among, 200)] {
            let answer = scim.patch(&path, many(first.clone(), many_times, times)).await.expect(400);
            assert_eq!(answer.json["scimType"], "invalidValue", "{}", answer.text);
            let detail = answer.json["detail"].as_str().unwrap();
            assert!(detail.starts_with("Operation ") && detail.contains("several requests"), "{detail}");
            assert_eq!(members(&scim, &id).await, ids, "nothing has changed");
        }
        // A single one goes through whatever is there, and a few of them do.
        scim.patch(&path, many(first, &wide, 5)).await.expect(200);
        assert_eq!(members(&scim, &id).await, ids[1..]);
        scim.patch(&path, many(replace.clone(), &replace, 3_000)).await.expect(200);
        assert!(members(&scim, &id).await.is_empty());
    }

    async fn who_is_named_is_looked_up_whatever_else_is_asked_of_him(world: World) {
        let scim = scim(&world);
        let (id, ids) = large(&scim, 40).await;
        let path = format!("{GROUPS}/{id}");
        let terms: Vec<String> = (0..100).map(|n| format!("$ref co \"no such {n}\"")).collect();
        let named = |at: usize, rest: &str| remove(&format!("value eq \"{}\" and ({rest})", ids[at]));
        let stays = named(0, &terms.join(" or "));
        scim.patch(&path, many(remove("type eq \"Group\""), &stays, 200)).await.expect(200);
        assert_eq!(members(&scim, &id).await, ids);
        let either = format!("(value eq \"{}\" or value eq \"{}\" or value eq \"no-such\") and type eq \"user\"", ids[1], ids[2]);
        let body = patch(json!([named(0, "type eq \"Group\""), named(3, "type eq \"User\""), remove(&either)]));
        scim.patch(&path, body).await.expect(200);
        assert_eq!(members(&scim, &id).await, [&ids[..1], &ids[4..]].concat());
        let add = |filter: &str| {
            let path = format!("members[value eq \"{}\" and type eq \"{filter}\"]", ids[0]);
            patch(json!([{"op": "add", "path": path, "value": {"value": ids[0]}}]))
        };
        scim.patch(&path, add("User")).await.expect(200);
        let answer = scim.patch(&path, add("Group")).await.expect(400);
        assert_eq!(answer.json["scimType"], "noTarget", "{}", answer.text);
    }

    async fn so_are_more_operations_than_anybody_has_members_for(world: World) {
        let scim = scim(&world);
        let (id, ids) = large(&scim, 2).await;
        let (path, gone) = (format!("{GROUPS}/{id}"), remove("value eq \"no-such\""));
        let answer = scim.patch(&path, many(remove("type eq \"User\""), &gone, 10_001)).await.expect(400);
        assert_eq!(answer.json["scimType"], "invalidValue", "{}", answer.text);
        assert!(answer.json["detail"].as_str().unwrap().contains("several requests"), "{}", answer.text);
        assert_eq!(members(&scim, &id).await, ids);
        scim.patch(&path, many(remove(&format!("value eq \"{}\"", ids[0])), &gone, 2_000)).await.expect(200);
        assert_eq!(members(&scim, &id).await, ids[1..]);
    }

    async fn each_operation_finds_the_members_that_the_ones_before_have_left(world: World) {
        let scim = scim(&world);
        let (id, ids) = large(&scim, 4).await;
        let inner = made_group(&scim, "Inner", &[]).await;
        let is = |at: usize| format!("type eq \"User\" and value eq \"{}\"", ids[at]);
        let add = |id: &str| json!({"op": "add", "path": "members", "value": [{"value": id}]});
        let body = patch(json!([
            remove(&is(0)), remove(&is(1)), add(&ids[0]), remove(&format!("value eq \"{}\"", ids[2])), add(&inner),
            {"op": "replace", "path": format!("members[{}]", is(0)), "value": {"value": ids[2]}},
            remove("type eq \"Group\""), remove(&is(3)), add(&ids[3]),
        ]));
        let path = format!("{GROUPS}/{id}");
        scim.patch(&path, body).await.expect(200);
        assert_eq!(members(&scim, &id).await, ids[2..]);
        let body = patch(json!([remove(&is(2)), {"op": "remove", "path": "members"}, add(&ids[1]), remove("type eq \"Group\""),
            {"op": "replace", "path": format!("members[{}]", is(2)), "value": {"value": ids[0]}}]));
        let answer = scim.patch(&path, body).await.expect(400);
        assert!(answer.json["detail"].as_str().unwrap().starts_with("Operation 5: No member"), "{}", answer.text);
        assert_eq!(members(&scim, &id).await, ids[2..]);
    }
}

//! Pages that end early, because memory should not bear what they would hold.

use serde_json::{Value, json};

use super::scim_cursor::{ids, walk};
use super::scim_groups::{GROUPS, made_group};
use super::scim_users::{USERS, made, patch, scim, user};
use crate::actors::{Client, World};
use crate::both_engines;

async fn write(world: &World, statements: Vec<String>) {
    let run = move |tx: &mut db::Tx<'_>| statements.iter().try_for_each(|sql| tx.exec(sql, &[]).map(drop));
    world.app.db.write::<_, db::Error>("test.fill", "acme", run).await.expect("the rows are written");
}

fn encoded(filter: &str) -> String {
    url::form_urlencoded::byte_serialize(filter.as_bytes()).collect()
}

/// Walks by index, each page where the one before says that it ends; answers the pages.
async fn by_index(client: &Client, list: &str) -> Vec<Value> {
    let (mut pages, mut start) = (Vec::new(), 1);
    loop {
        let page = client.get(&format!("{list}&startIndex={start}")).await.expect(200).json;
        let (here, total) = (page["itemsPerPage"].as_u64(), page["totalResults"].as_u64());
        assert_eq!(here, Some(ids(&page).len() as u64));
        assert_ne!(here, Some(0), "{list} at {start}");
        start += here.expect("a number");
        pages.push(page);
        if start > total.expect("a number") {
            return pages;
        }
    }
}

/// Everyone is on some page, in the same order by index as by cursor, and on more than one page.
async fn shows_everyone_on_some_page(client: &Client, list: &str, everyone: &[String]) {
    let (indexed, walked) = (by_index(client, list).await, walk(client, list).await);
    assert!(indexed.len() > 1 && walked.len() > 1, "{list}: {} and {} pages", indexed.len(), walked.len());
    let indexed: Vec<String> = indexed.iter().flat_map(ids).collect();
    assert_eq!(indexed, walked.iter().flat_map(ids).collect::<Vec<_>>(), "{list}");
    let mut sorted = indexed;
    sorted.sort();
    assert_eq!(sorted, everyone, "{list}");
}

both_engines! {
    async fn a_page_of_groups_ends_where_it_has_too_many_members(world: World) {
        let scim = scim(&world);
        let mut groups = Vec::new();
        for name in ["a", "b", "c"] {
            // So that their ids are in this order.
            world.app.clock.advance_secs(1);
            groups.push(made_group(&scim, name, &[]).await);
        }
        for id in &groups[..2] {
            let sql = format!(
                "INSERT INTO group_members (account_id, group_id, member_id, member_kind, added_at) \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50001) \
                 SELECT 'acme', '{id}', CAST(i AS TEXT), 'User', 0 FROM n"
            );
            let fill = move |tx: &mut db::Tx<'_>| tx.exec(&sql, &[]);
            world.app.db.write::<_, db::Error>("test.fill", "acme", fill).await.expect("the members are written");
        }
        let list = format!("{GROUPS}?attributes=members.value&count=200");
        let page = scim.get(&list).await.expect(200).json;
        assert_eq!((&page["itemsPerPage"], &page["totalResults"], ids(&page).len()), (&json!(2), &json!(3), 2));
        assert_eq!(page["Resources"][1]["members"].as_array().map(Vec::len), Some(50_001));
        let rest = scim.get(&format!("{list}&startIndex=3")).await.expect(200).json;
        assert_eq!(ids(&rest), groups[2..]);
        for list in [list.clone(), format!("{list}&sortBy=displayName"), format!("{list}&filter=displayName%20ne%20%22x%22")] {
            let pages = walk(&scim, &list).await;
            assert_eq!(pages.iter().map(ids).collect::<Vec<_>>(), [&groups[..2], &groups[2..]], "{list}");
        }
        let everything = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "attributes": ["members.value"], "count": 200});
        let page = scim.post("/scim/v2/acme/.search", everything).await.expect(200).json;
        assert_eq!((&page["itemsPerPage"], &page["totalResults"]), (&json!(3), &json!(4)), "the administrator and two groups");
        let bare = scim.get(&format!("{GROUPS}?excludedAttributes=members")).await.expect(200).json;
        assert_eq!(ids(&bare), groups);
    }

    async fn a_page_ends_where_its_documents_are_too_large(world: World) {
        let scim = scim(&world);
        let mut crowd = world.crowd("u", 10).await;
        let heavy = |(at, id): (usize, &String)| {
            let document = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{at}"),
                "nickName": format!("{}{}", "n".repeat(3 << 20), at % 3), "active": true});
            format!("UPDATE users SET doc = '{document}' WHERE account_id = 'acme' AND user_id = '{id}'")
        };
        write(&world, crowd.iter().enumerate().map(heavy).collect()).await;
        crowd.sort();
        let list = format!("{USERS}?attributes=userName&count=200&filter=");
        let recent = "meta.created gt \"2000-01-01T00:00:00Z\" and userName sw \"u\"";
        for (filter, order) in [
            ("userName sw \"u\"", ""),
            ("userName sw \"u\"", "&sortBy=userName"),
            ("userName sw \"u\"", "&sortBy=externalId"),
            (recent, "&sortBy=meta.created&sortOrder=descending"),
            (recent, ""),
            ("nickName sw \"n\"", ""),
            ("nickName sw \"n\"", "&sortBy=nickName&sortOrder=descending"),
        ] {
            shows_everyone_on_some_page(&scim, &format!("{list}{}{order}", encoded(filter)), &crowd).await;
        }
        // Read from the end, because that is nearer.
        let page = scim.get(&format!("{USERS}?attributes=userName&startIndex=3")).await.expect(200).json;
        let mut everyone = ids(&scim.get(&format!("{USERS}?count=2&attributes=userName")).await.expect(200).json);
        everyone.extend(ids(&page));
        assert!(everyone.is_sorted() && (8..10).contains(&everyone.len()), "{everyone:?}");
        assert_eq!(page["totalResults"], 11);
    }

    async fn a_page_of_users_ends_where_they_are_in_too_many_groups(world: World) {
        let scim = scim(&world);
        let mut crowd = world.crowd("u", 4).await;
        crowd.sort();
        let groups = "INSERT INTO user_groups (account_id, group_id, org_id, project_id, identifier, name, name_key, \
            externally_managed, tags, member_count, doc, version, created_at, updated_at) \
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 34000) \
            SELECT 'acme', CAST(i AS TEXT), '', '', CAST(i AS TEXT), 'g', 'g', false, '{}', 0, '{}', 1, 1, 1 FROM n";
        let member = |(from, to): (u32, u32), id: &str, kind: &str| format!(
            "INSERT INTO group_members (account_id, group_id, member_id, member_kind, added_at) \
             WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to}) \
             SELECT 'acme', CAST(i AS TEXT), '{id}', '{kind}', 0 FROM n"
        );
        // Two of them by the first group, which is in all others.
        let members = [(1, 34_000), (0, 0), (1, 34_000), (0, 0)].into_iter().zip(&crowd);
        let members = members.map(|(groups, user)| member(groups, user, "User"));
        let nested = member((1, 34_000), "0", "Group");
        // What PostgreSQL does by itself within a minute.
        let counted = ["ANALYZE user_groups", "ANALYZE group_members"].map(str::to_owned);
        let filled = [groups.to_owned(), nested].into_iter().chain(members).chain(counted);
        write(&world, filled.collect()).await;
        let list = format!("{USERS}?attributes=groups.value&count=200&filter=");
        for (filter, order) in [
            ("userName sw \"u\"", ""),
            ("userName sw \"u\"", "&sortBy=groups.value"),
            ("groups.display ne \"x\" and userName sw \"u\"", ""),
        ] {
            shows_everyone_on_some_page(&scim, &format!("{list}{}{order}", encoded(filter)), &crowd).await;
        }
        let page = scim.get(&format!("{list}{}", encoded("userName sw \"u\""))).await.expect(200).json;
        let held = page["Resources"].as_array().unwrap().iter().map(|user| user["groups"].as_array().unwrap().len());
        assert_eq!(held.collect::<Vec<_>>(), [34_000, 34_001, 34_000]);
    }

    async fn a_resource_grows_no_larger_than_a_request(world: World) {
        let scim = scim(&world);
        let path = format!("{USERS}/{}", made(&scim, "ada").await);
        let add = |name: &str, letters: usize| {
            let value = json!([{"value": name, "display": "x".repeat(letters)}]);
            patch(json!([{"op": "add", "path": "entitlements", "value": value}]))
        };
        let rename = |name: &str| patch(json!([{"op": "replace", "path": "nickName", "value": name}]));
        scim.patch(&path, add("first", 3 << 20)).await.expect(200);
        let refusal = scim.patch(&path, add("second", 2 << 20)).await.expect(413);
        assert!(refusal.json["detail"].as_str().unwrap().contains("remove some of its values first"), "{}", refusal.text);
        scim.patch(&path, rename("Ada")).await.expect(200);
        // One that is over the limit grows by what is short only, and not without end.
        scim.patch(&path, add("third", (1 << 20) + (64 << 10) - 2_000)).await.expect(200);
        let mut grown = 0;
        while scim.patch(&path, rename(&"a".repeat(900 * (grown + 1)))).await.status == 200 {
            grown += 1;
            assert!(grown < 40, "it grows on");
        }
        assert!((15..40).contains(&grown), "{grown}");
        // Far above it nothing grows; whoever leaves is deactivated all the same.
        let larger = "UPDATE users SET doc = REPLACE(doc, '\"display\":\"', '\"display\":\"' || '{}') WHERE user_name = 'ada'";
        write(&world, vec![larger.replace("{}", &"y".repeat(2 << 20))]).await;
        scim.patch(&path, rename(&"a".repeat(40_000))).await.expect(413);
        scim.patch(&path, rename("Augusta Ada")).await.expect(200);
        scim.patch(&path, rename("Augusta Ada!")).await.expect(413);
        for value in [json!({"path": "active", "value": "False"}), json!({"value": {"active": false}})] {
            let mut operation = value;
            operation["op"] = json!("Replace");
            assert_eq!(scim.patch(&path, patch(json!([operation]))).await.expect(200).json["active"], false);
            let on = patch(json!([{"op": "replace", "path": "active", "value": true}]));
            assert_eq!(scim.patch(&path, on).await.expect(200).json["active"], true);
        }
        let all = patch(json!([{"op": "remove", "path": "entitlements"}]));
        scim.patch(&path, all).await.expect(200);
        scim.patch(&path, rename(&"a".repeat(2_000))).await.expect(200);
        // As large as a body may be: what the server adds to it does not count.
        let mut whole = user("whole");
        whole.as_object_mut().expect("an object").remove("active");
        whole["entitlements"] = json!([{"value": "x", "display": ""}]);
        let room = (4 << 20) - whole.to_string().len();
        whole["entitlements"][0]["display"] = json!("x".repeat(room));
        let id = scim.post(USERS, whole).await.expect(201).json["id"].as_str().expect("an id").to_owned();
        let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
        scim.patch(&format!("{USERS}/{id}"), off).await.expect(200);
    }
}

//! Pages by cursor (RFC 9865), by the ids of the SCIM contract.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::scim_groups::{GROUPS, made_group};
use super::scim_users::{USERS, made, patch, refused, scim, user};
use crate::actors::{Answer, Client, World};
use crate::both_engines;

/// The ids on a page.
pub fn ids(page: &Value) -> Vec<String> {
    let list = page["Resources"].as_array().expect("a list");
    list.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
}

/// Walks to the end; answers the pages.
pub async fn walk(client: &Client, list: &str) -> Vec<Value> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{list}&cursor={cursor}")).await.expect(200).json;
        assert_eq!(page.get("startIndex"), None);
        let next = page["nextCursor"].as_str().map(str::to_owned);
        pages.push(page);
        match next {
            Some(next) => cursor = next,
            None => return pages,
        }
        assert!(pages.len() < 1_000, "the walk ends");
    }
}

async fn first(client: &Client, list: &str) -> String {
    let page = client.get(&format!("{list}&cursor=")).await.expect(200).json;
    page["nextCursor"].as_str().expect("there is more").to_owned()
}

fn with(list: &str, cursor: &str) -> String {
    format!("{list}&cursor={cursor}")
}

async fn search(client: &Client, path: &str, query: &Value, cursor: &str) -> Answer {
    let mut query = query.clone();
    query["cursor"] = json!(cursor);
    client.post(path, query).await
}

both_engines! {
    async fn cu_1_cu_2_a_walk_shows_everyone_once(world: World) {
        let scim = scim(&world);
        world.crowd("user", 7).await;
        let by_index = scim.get(&format!("{USERS}?count=3")).await.expect(200).json;
        assert_eq!((by_index["startIndex"].as_u64(), by_index.get("nextCursor")), (Some(1), None));
        let bare = scim.get(&format!("{USERS}?cursor&count=3")).await.expect(200).json;
        assert!(bare["nextCursor"].is_string() && bare.get("startIndex").is_none(), "a name without value is empty");
        for count in [1, 3, 4, 8, 200] {
            let pages = walk(&scim, &format!("{USERS}?count={count}")).await;
            assert_eq!(pages.len(), 8_usize.div_ceil(count), "count {count}");
            let mut seen: Vec<String> = pages.iter().flat_map(ids).collect();
            assert!(pages.iter().all(|page| page["totalResults"] == 8));
            let whole = ids(&scim.get(USERS).await.expect(200).json);
            assert_eq!(seen, whole, "in the same order as by index");
            seen.dedup();
            assert_eq!(seen.len(), 8);
        }
        assert_eq!(walk(&scim, &format!("{USERS}?filter=title+pr")).await.len(), 1, "an empty list is one page");
    }

    async fn cu_4_cu_5_a_cursor_is_for_its_query_only(world: World) {
        let scim = scim(&world);
        world.crowd("user", 5).await;
        let list = format!("{USERS}?count=2");
        let cursor = first(&scim, &list).await;
        scim.get(&with(&list, &cursor)).await.expect(200);
        world.replica().bearer(world.admin_token()).get(&with(&list, &cursor)).await.expect(200);
        for other in [
            format!("{USERS}?count=2&filter=userName+pr"), format!("{USERS}?count=2&sortBy=userName"),
            format!("{GROUPS}?count=2"), format!("{USERS}?count=2&sortBy=userName&sortOrder=descending"),
        ] {
            refused(scim.get(&with(&other, &cursor)).await, 400, "invalidCursor");
        }
        let mut tampered = cursor.clone().into_bytes();
        tampered[20] = if tampered[20] == b'A' { b'B' } else { b'A' };
        for bad in [String::from_utf8(tampered).unwrap(), cursor[..20].to_owned(), "x".into(), "%00".into(), "A".repeat(60_000)] {
            refused(scim.get(&with(&list, &bad)).await, 400, "invalidCursor");
        }
        let rival = world.bearer(&world.other_account("rival").await);
        refused(rival.get(&with("/scim/v2/rival/Users?count=2", &cursor)).await, 400, "invalidCursor");
        refused(scim.get(&format!("{list}&cursor=&startIndex=1")).await, 400, "invalidValue");
    }

    async fn cu_6_cu_7_cu_8_limits_are_published_and_held(world: World) {
        let scim = scim(&world);
        world.crowd("user", 3).await;
        let config = scim.get("/scim/v2/acme/ServiceProviderConfig").await.expect(200).json;
        assert_eq!(config["pagination"], json!({
            "cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 100,
            "maxPageSize": 200, "cursorTimeout": 3600
        }));
        let cursor = first(&scim, &format!("{USERS}?count=2")).await;
        refused(scim.get(&with(&format!("{USERS}?count=3"), &cursor)).await, 400, "invalidCount");
        for count in ["201", "-1", "ten", "1.5", "-99999999999999999999"] {
            refused(scim.get(&format!("{USERS}?cursor=&count={count}")).await, 400, "invalidCount");
            refused(scim.get(&format!("{USERS}?count={count}&cursor={cursor}")).await, 400, "invalidCount");
        }
        for (count, code) in [(json!(-1), "invalidCount"), (json!("2"), "invalidCount"), (json!(2), "")] {
            let answer = search(&scim, &format!("{USERS}/.search"), &json!({"count": count}), "").await;
            if code.is_empty() { drop(answer.expect(200)) } else { drop(refused(answer, 400, code)) }
        }
        let none = scim.get(&format!("{USERS}?cursor=&count=0")).await.expect(200).json;
        assert_eq!((&none["totalResults"], &none["Resources"], none.get("nextCursor")), (&json!(4), &json!([]), None));
        world.app.clock.advance_secs(3_600);
        scim.get(&with(&format!("{USERS}?count=2"), &cursor)).await.expect(200);
        world.app.clock.advance_secs(1);
        refused(scim.get(&with(&format!("{USERS}?count=2"), &cursor)).await, 400, "expiredCursor");
    }

    async fn cu_9_every_order_and_every_filter(world: World) {
        let scim = scim(&world);
        for (n, name) in ["dora", "Carl", "bea", "Anna", "eve", "Finn"].into_iter().enumerate() {
            let mut body = user(name);
            if n % 2 == 0 {
                body["title"] = json!(["x", "Y"][n / 2 % 2]);
                body["nickName"] = json!(format!("nick{}", n / 3));
            } else {
                body.as_object_mut().unwrap().remove("externalId");
            }
            scim.post(USERS, body).await.expect(201);
            world.app.clock.advance_secs(1);
        }
        let orders = [
            "", "&sortBy=id", "&sortBy=userName", "&sortBy=active", "&sortBy=externalId", "&sortBy=title", "&sortBy=nickName",
            "&sortBy=meta.created", "&sortBy=emails", "&sortBy=name.familyName", "&sortBy=groups", "&sortBy=meta.lastModified",
        ];
        let filters = ["", "&filter=userName+pr", "&filter=nickName+ne+%22nick0%22", "&filter=groups.display+ne+%22x%22"];
        for order in orders {
            for way in ["ascending", "descending"] {
                for filter in filters {
                    let list = format!("{USERS}?count=2{order}&sortOrder={way}{filter}");
                    let whole = ids(&scim.get(&format!("{USERS}?count=200{order}&sortOrder={way}{filter}")).await.expect(200).json);
                    let pages = walk(&scim, &list).await;
                    assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), whole, "{list}");
                    assert!(pages.iter().all(|page| page["totalResults"] == whole.len()), "{list}");
                }
            }
        }
    }

    async fn cu_9_a_cursor_holds_long_keys(world: World) {
        let scim = scim(&world);
        for (name, end) in [("ada", "b"), ("bea", "a"), ("eve", "c")] {
            let mut body = user(name);
            body["nickName"] = json!("\u{fffd}".repeat(30_000) + end);
            scim.post(USERS, body).await.expect(201);
        }
        for way in ["ascending", "descending"] {
            let list = format!("{USERS}?count=1&sortBy=nickName&sortOrder={way}&filter=nickName+pr");
            let whole = ids(&scim.get(&list.replace("count=1", "count=9")).await.expect(200).json);
            let pages = walk(&scim, &list).await;
            assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), whole);
            assert_eq!(whole.len(), 3);
        }
    }

    async fn cu_9_cursors_in_searches(world: World) {
        let scim = scim(&world);
        for name in ["ada", "bob", "eve"] {
            made(&scim, name).await;
        }
        for name in ["Crew", "Team", "Band"] {
            made_group(&scim, name, &[]).await;
        }
        for count in 1..=8 {
            for (path, total) in [("/scim/v2/acme/.search", 7_u64), ("/scim/v2/acme/Users/.search", 4), ("/scim/v2/acme/Groups/.search", 3)] {
                let query = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": count});
                let (mut seen, mut cursor) = (Vec::new(), String::new());
                loop {
                    let page = search(&scim, path, &query, &cursor).await.expect(200).json;
                    assert_eq!(page["totalResults"], total, "{path} {count}");
                    let shown = ids(&page);
                    assert!(shown.len() <= count && (!shown.is_empty() || page.get("nextCursor").is_none()));
                    seen.extend(shown);
                    match page["nextCursor"].as_str() {
                        Some(next) => next.clone_into(&mut cursor),
                        None => break,
                    }
                }
                let mut once = seen.clone();
                once.sort();
                once.dedup();
                assert_eq!((seen.len() as u64, once.len() as u64), (total, total), "{path} {count}");
            }
        }
        let users = first(&scim, &format!("{USERS}?count=2")).await;
        let query = json!({"count": 2});
        refused(search(&scim, "/scim/v2/acme/.search", &query, &users).await, 400, "invalidCursor");
        search(&scim, "/scim/v2/acme/Users/.search", &query, &users).await.expect(200);
    }

    async fn cu_2_the_last_one_deleted_does_not_end_the_walk(world: World) {
        let scim = scim(&world);
        let made = world.crowd("user", 6).await;
        let list = format!("{USERS}?count=3&sortBy=userName");
        let page = scim.get(&format!("{list}&cursor=")).await.expect(200).json;
        for id in ids(&page).iter().filter(|id| made.contains(id)) {
            scim.delete(&format!("{USERS}/{id}")).await.expect(204);
        }
        let rest = scim.get(&with(&list, page["nextCursor"].as_str().unwrap())).await.expect(200).json;
        assert_eq!(rest["Resources"].as_array().map(Vec::len), Some(3));
        assert_eq!(rest["totalResults"], 7, "what matched when the walk began");
    }

    async fn cu_10_twenty_thousand_while_others_come_and_go(world: World) {
        let scim = scim(&world);
        let ids_there = world.crowd("old", 20_000).await;
        let mut leaving: Vec<&String> = ids_there.iter().collect();
        // In an order that has nothing to do with the walk's.
        leaving.sort_by_key(|id| id.chars().rev().collect::<String>());
        leaving.truncate(5_000);
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        let (mut cursor, mut leave, mut round) = (Some(String::new()), leaving.chunks(60), 0);
        while let Some(at) = cursor.take() {
            let page = format!("{USERS}?count=200&attributes=id&cursor={at}");
            let gone: Vec<Value> = leave.next().unwrap_or_default().iter()
                .map(|id| json!({"method": "DELETE", "path": format!("/Users/{id}")})).collect();
            let churn = async {
                if gone.is_empty() {
                    return;
                }
                world.crowd(&format!("new{round}-"), 60).await;
                let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": gone});
                let done = scim.post("/scim/v2/acme/Bulk", bulk).await.expect(200).json;
                assert!(done["Operations"].as_array().unwrap().iter().all(|row| row["status"] == "204"));
            };
            let (page, ()) = tokio::join!(scim.get(&page), churn);
            let page = page.expect(200).json;
            for id in ids(&page) {
                *seen.entry(id).or_default() += 1;
            }
            cursor = page["nextCursor"].as_str().map(str::to_owned);
            round += 1;
        }
        assert_eq!(leave.next(), None, "5,000 left and 5,000 came during the walk");
        assert!(seen.values().all(|times| *times == 1), "nobody twice");
        let gone: std::collections::BTreeSet<&String> = leaving.iter().copied().collect();
        let missed = ids_there.iter().filter(|id| !gone.contains(id) && !seen.contains_key(*id)).count();
        assert_eq!(missed, 0, "everyone who was there throughout");
    }

    async fn cu_2_a_walk_over_groups_by_name(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        for name in ["Crew", "band", "Team"] {
            made_group(&scim, name, &[&ada]).await;
        }
        let pages = walk(&scim, &format!("{GROUPS}?count=1&sortBy=displayName&sortOrder=descending&filter=members+pr")).await;
        let names: Vec<&Value> = pages.iter().map(|page| &page["Resources"][0]["displayName"]).collect();
        assert_eq!(names, ["Team", "Crew", "band"]);
        let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "Zebra"}]));
        let last = ids(&pages[2])[0].clone();
        scim.patch(&format!("{GROUPS}/{last}"), rename).await.expect(200);
    }

    async fn pages_by_index_are_parts_of_one_list_from_either_end(world: World) {
        let scim = scim(&world);
        world.crowd("user", 40).await;
        let ada = made(&scim, "ada").await;
        let gone = made(&scim, "gone").await;
        scim.post(USERS, user("ADA")).await.expect(409);
        scim.with("Muster-Dry-Run", "true").post(USERS, user("dry")).await.expect(201);
        let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
        for name in ["bob", "eve", "mallory"] {
            let id = made(&scim, name).await;
            scim.patch(&format!("{USERS}/{id}"), off.clone()).await.expect(200);
        }
        scim.patch(&format!("{USERS}/{ada}"), off).await.expect(200);
        scim.post(USERS, user("ada")).await.expect(201);
        let there = world.count("users").await;
        scim.delete(&format!("{USERS}/{gone}")).await.expect(204);
        assert_eq!(world.count("users").await, there - 1);
        for (filter, expected) in [
            ("", there - 1), ("&filter=active+eq+false", 3), ("&filter=active+ne+false", there - 4),
            ("&filter=meta.created+ge+%222020-01-01T00:00:00Z%22", there - 1),
            ("&filter=meta.lastModified+lt+%222020-01-01T00:00:00Z%22", 0),
        ] {
            let list = format!("{USERS}?attributes=id{filter}");
            let page = async |start: i64, count: i64| {
                scim.get(&format!("{list}&startIndex={start}&count={count}")).await.expect(200).json
            };
            let whole = page(1, 200).await;
            assert_eq!((whole["totalResults"].as_i64(), ids(&whole).len()), (Some(expected), usize::try_from(expected).unwrap()), "{filter}");
            assert!(ids(&whole).is_sorted(), "by id");
            for count in [1, 3, 7, 30] {
                let mut seen = Vec::new();
                for start in (1..=expected).step_by(usize::try_from(count).unwrap()) {
                    let page = page(start, count).await;
                    assert_eq!(page["totalResults"], expected, "{filter}");
                    seen.extend(ids(&page));
                }
                assert_eq!(seen, ids(&whole), "{filter} by {count}");
            }
            let beyond = page(expected + 1, 5).await;
            assert_eq!((beyond["totalResults"].as_i64(), beyond["itemsPerPage"].as_i64()), (Some(expected), Some(0)));
        }
    }
}

//! Events: what is told of each change, in which order, to whom, and how one waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::scim_groups::{GROUPS, group, made_group};
use super::scim_users::{USERS, made, patch, scim, user};
use crate::actors::{Client, World};
use crate::both_engines;
use crate::bound::{ACCOUNT_ONLY, EVERYWHERE, bound};

const AT: &str = "/ng/api/events?accountIdentifier=acme";
const URI: &str = "urn:ietf:params:scim:event:prov:";

async fn page(client: &Client, query: &str) -> Value {
    client.get(&format!("{AT}{query}")).await.data()
}

async fn latest(world: &World) -> i64 {
    page(&world.admin(), "").await["latest"].as_i64().expect("a number")
}

fn list(page: &Value) -> &Vec<Value> {
    page["events"].as_array().expect("a list")
}

/// `type resource` of each event after a number; a member is named, too.
async fn told(world: &World, after: i64) -> Vec<String> {
    let page = page(&world.admin(), &format!("&after={after}&limit=1000")).await;
    let brief = |event: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", text(&event["type"]), text(&event["resourceId"]), text(&event["member"]["value"]))
    };
    list(&page).iter().map(|event| brief(event).trim_end().to_owned()).collect()
}

async fn days(world: &World, days: &str) {
    let body = json!([{"identifier": "events_retention_days", "value": days, "updateType": "UPDATE"}]);
    let reply = world.admin().put("/ng/api/settings?accountIdentifier=acme", body).await.data();
    assert_eq!(reply[0]["updateStatus"], true, "{reply}");
}

/// What an application knows of the directory: documents by resource id, members by group.
#[derive(Debug, Default, PartialEq)]
struct Copy {
    resources: BTreeMap<String, Value>,
    members: BTreeMap<String, BTreeSet<String>>,
}

impl Copy {
    /// Does what docs/events.md says: read what is told of, drop what is gone.
    async fn follow(&mut self, scim: &Client, event: &Value) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let (kind, id) = (text(&event["type"]), text(&event["resourceId"]));
        match kind.as_str() {
            "group.member_added" => {
                let fresh = self.members.entry(id).or_default().insert(text(&event["member"]["value"]));
                assert!(fresh, "{event}");
            }
            "group.member_removed" => {
                assert!(
                    self.members.entry(id).or_default().remove(&text(&event["member"]["value"])),
                    "{event}"
                );
            }
            "user.deleted" | "group.deleted" => {
                self.resources.remove(&id);
                self.members.remove(&id);
            }
            _ => {
                let base = if event["resourceType"] == "User" { USERS } else { GROUPS };
                let answer = scim.get(&format!("{base}/{id}?excludedAttributes=members,groups,meta")).await;
                // Gone already: its deletion is told of later.
                if answer.status == 200 {
                    self.resources.insert(id, answer.json);
                }
            }
        }
    }

    /// What the directory is.
    async fn of(scim: &Client) -> Self {
        let mut whole = Self::default();
        for base in [USERS, GROUPS] {
            let page =
                scim.get(&format!("{base}?count=200&excludedAttributes=groups,meta")).await.expect(200).json;
            assert_eq!(page["totalResults"], page["itemsPerPage"], "one page is enough");
            for mut resource in page["Resources"].as_array().cloned().unwrap_or_default() {
                let id = resource["id"].as_str().expect("an id").to_owned();
                let members = resource.as_object_mut().and_then(|map| map.remove("members"));
                let ids = members.iter().flat_map(|list| list.as_array().into_iter().flatten());
                let ids: BTreeSet<_> = ids.filter_map(|m| m["value"].as_str().map(str::to_owned)).collect();
                if !ids.is_empty() {
                    whole.members.insert(id.clone(), ids);
                }
                whole.resources.insert(id, resource);
            }
        }
        whole
    }
}

both_engines! {
    async fn every_kind_is_told_with_what_changed(world: World) {
        let scim = scim(&world);
        let start = latest(&world).await;
        let ada = made(&scim, "ada").await;
        let path = format!("{USERS}/{ada}");
        scim.patch(&path, patch(json!([{"op": "replace", "path": "name.givenName", "value": "Augusta"}, {"op": "add", "path": "title", "value": "x"}]))).await.expect(200);
        scim.patch(&path, patch(json!([{"op": "replace", "path": "active", "value": false}]))).await.expect(200);
        let mut whole = user("ada");
        whole["nickName"] = json!("A");
        scim.put(&path, whole).await.expect(200);
        let crew = made_group(&scim, "Crew", &[&ada]).await;
        scim.patch(&format!("{GROUPS}/{crew}"), patch(json!([{"op": "replace", "value": {"displayName": "Band"}}, {"op": "remove", "path": "members"}]))).await.expect(200);
        scim.delete(&format!("{GROUPS}/{crew}")).await.expect(204);
        scim.delete(&path).await.expect(204);
        let seen = page(&world.admin(), &format!("&after={start}")).await;
        let events = list(&seen);
        let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, [
            "user.created", "user.updated", "user.deactivated", "user.activated", "user.updated",
            "group.created", "group.member_added", "group.updated", "group.member_removed", "group.deleted",
            "user.deleted",
        ]);
        let numbers: Vec<_> = events.iter().map(|event| event["number"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (start + 1..=start + 11).collect::<Vec<_>>());
        assert_eq!((&seen["next"], &seen["latest"], &seen["oldest"]), (&json!(start + 11), &json!(start + 11), &json!(1)));
        let actor = json!({"type": "USER", "id": world.admin_id, "name": "admin"});
        assert_eq!(events[0], json!({
            "number": start + 1, "time": "2026-01-01T00:00:00.000Z", "type": "user.created",
            "event": format!("{URI}create:notice"), "resourceType": "User", "resourceId": ada,
            "externalId": "ext-ada", "userName": "ada", "active": true, "actor": actor,
        }));
        assert_eq!(events[1]["changedAttributes"], json!(["name.givenName", "title"]));
        assert_eq!((&events[2]["active"], &events[2]["event"]), (&json!(false), &json!(format!("{URI}deactivate"))));
        let put: BTreeSet<_> = events[4]["changedAttributes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(put, BTreeSet::from(["active", "name", "nickName", "title"]));
        assert_eq!(events[6]["member"], json!({"value": ada, "type": "User", "display": "Ada Lovelace"}));
        assert_eq!((&events[7]["displayName"], &events[7]["changedAttributes"]), (&json!("Band"), &json!(["displayName"])));
        assert_eq!((&events[8]["resourceId"], &events[8]["event"]), (&json!(crew), &json!(format!("{URI}patch:notice"))));
        assert_eq!(events[10]["event"], format!("{URI}delete"));
        let first = page(&world.admin(), "&after=0&limit=1").await;
        assert_eq!(list(&first)[0]["actor"]["type"], "SYSTEM", "the first administrator is told of, too: {first}");
    }

    async fn memberships_that_end_with_a_member_are_told(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let inner = made_group(&scim, "Inner", &[&ada, &bob]).await;
        let outer = made_group(&scim, "Outer", &[&ada, &inner]).await;
        let platform = json!({"identifier": "team", "name": "Team", "users": [ada, bob]});
        world.admin().post("/ng/api/user-groups?accountIdentifier=acme", platform).await.data();
        let listed = scim.get(&format!("{GROUPS}?filter=displayName%20eq%20%22Team%22")).await.expect(200).json;
        let team = listed["Resources"][0]["id"].as_str().unwrap().to_owned();
        let start = latest(&world).await;
        let mut holders = [inner.clone(), outer.clone(), team.clone()];
        holders.sort();
        scim.delete(&format!("{USERS}/{ada}")).await.expect(204);
        let mut wanted: Vec<_> = holders.iter().map(|id| format!("group.member_removed {id} {ada}")).collect();
        wanted.push(format!("user.deleted {ada}"));
        assert_eq!(told(&world, start).await, wanted);
        let start = latest(&world).await;
        scim.delete(&format!("{GROUPS}/{inner}")).await.expect(204);
        assert_eq!(told(&world, start).await, [format!("group.member_removed {outer} {inner}"), format!("group.deleted {inner}")]);
        let start = latest(&world).await;
        world.admin().delete(&format!("/ng/api/user/{bob}?accountIdentifier=acme")).await.data();
        assert_eq!(told(&world, start).await, [format!("group.member_removed {team} {bob}"), format!("user.deleted {bob}")]);
    }

    async fn members_are_told_whichever_way_they_move(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let crew = made_group(&scim, "Crew", &[]).await;
        let path = format!("{GROUPS}/{crew}");
        let add = |id: &str| format!("group.member_added {crew} {id}");
        let remove = |id: &str| format!("group.member_removed {crew} {id}");
        let start = latest(&world).await;
        scim.patch(&path, patch(json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]))).await.expect(200);
        scim.put(&path, group("Crew", &[&bob])).await.expect(200);
        let operation = json!({"method": "PATCH", "path": format!("/Groups/{crew}"), "data": patch(json!([{"op": "remove", "path": format!("members[value eq \"{bob}\"]")}]))});
        let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation]});
        scim.post("/scim/v2/acme/Bulk", bulk).await.expect(200);
        assert_eq!(told(&world, start).await, [add(&ada), remove(&ada), add(&bob), remove(&bob)]);
        let body = json!({"identifier": "team", "name": "Team", "users": [ada]});
        let start = latest(&world).await;
        admin.post("/ng/api/user-groups?accountIdentifier=acme", body).await.data();
        let member = |user: &str| format!("/ng/api/user-groups/team/member/{user}?accountIdentifier=acme");
        admin.put(&member(&bob), json!(null)).await.data();
        admin.delete(&member(&ada)).await.data();
        let change = json!({"identifier": "team", "name": "Team", "users": [ada], "description": "d"});
        admin.put("/ng/api/user-groups?accountIdentifier=acme", change).await.data();
        let told = told(&world, start).await;
        let moves: Vec<_> = told.iter().map(|line| (line.split(' ').next().unwrap(), line.split(' ').nth(2).unwrap_or(""))).collect();
        let (a, b) = (ada.as_str(), bob.as_str());
        assert_eq!(moves, [
            ("group.created", ""), ("group.member_added", a), ("group.member_added", b), ("group.member_removed", a),
            ("group.member_removed", b), ("group.member_added", a), ("group.updated", ""),
        ]);
    }

    async fn groups_of_an_organization_say_where_they_live(world: World) {
        let admin = world.admin();
        admin.post("/ng/api/organizations?accountIdentifier=acme", json!({"organization": {"identifier": "north", "name": "North"}})).await.data();
        let start = latest(&world).await;
        admin.post("/ng/api/user-groups?accountIdentifier=acme&orgIdentifier=north", json!({"identifier": "team", "name": "Team"})).await.data();
        admin.delete("/ng/api/organizations/north?accountIdentifier=acme").await.data();
        let seen = page(&admin, &format!("&after={start}")).await;
        for (event, kind) in list(&seen).iter().zip(["group.created", "group.deleted"]) {
            assert_eq!((&event["type"], &event["orgIdentifier"], &event["displayName"]), (&json!(kind), &json!("north"), &json!("Team")));
            assert_eq!(event["actor"]["id"], world.admin_id.as_str());
        }
        assert_eq!(list(&seen).len(), 2);
    }

    async fn pages_types_and_what_does_not_fit(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let start = latest(&world).await;
        for name in ["a", "b", "c"] {
            made(&scim, name).await;
        }
        let crew = made_group(&scim, "Crew", &[]).await;
        let first = page(&admin, &format!("&after={start}&limit=2")).await;
        assert_eq!((list(&first).len(), &first["next"], &first["latest"]), (2, &json!(start + 2), &json!(start + 4)));
        let groups = page(&admin, &format!("&after={start}&types=group.created,group.deleted&limit=2")).await;
        assert_eq!((list(&groups).len(), &groups["next"]), (1, &json!(start + 4)));
        assert_eq!(list(&groups)[0]["resourceId"], crew.as_str());
        let none = page(&admin, &format!("&after={start}&types=user.deleted")).await;
        assert_eq!((list(&none).len(), &none["next"]), (0, &json!(start + 4)), "what was looked through is behind");
        let now = page(&admin, "").await;
        assert_eq!((list(&now).len(), &now["next"]), (0, &json!(start + 4)));
        assert_eq!(admin.get(&format!("/gateway{AT}&after={start}&limit=2")).await.data(), first);
        let empty = admin.get(&format!("{AT}&after=&limit=&waitSeconds=")).await.data();
        assert_eq!((list(&empty).len(), &empty["next"]), (0, &json!(start + 4)), "left empty counts as absent");
        for (bad, says) in [
            ("&after=-1", "after"), ("&after=x", "after"), ("&limit=0", "limit"), ("&limit=1001", "limit"),
            ("&waitSeconds=31", "waitSeconds"), ("&types=user.born", "user.created"),
        ] {
            let text = admin.get(&format!("{AT}{bad}")).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(says), "{bad}: {text}");
        }
        admin.get("/ng/api/events?accountIdentifier=rival").await.refused(401, "INVALID_TOKEN");
        let ahead = admin.get(&format!("{AT}&after={}", start + 5)).await.refused(410, "GONE");
        assert!(ahead.contains("read the whole directory"), "{ahead}");
    }

    async fn each_kind_asks_for_its_right(world: World) {
        let nobody = world.machine("nobody", None).await;
        nobody.get(AT).await.refused(403, "NG_ACCESS_DENIED");
        let admin = world.admin();
        let role = |id: &str, permission: &str| json!({"identifier": id, "name": id, "permissions": [permission], "allowedScopeLevels": ["account"]});
        admin.post("/authz/api/roles?accountIdentifier=acme", role("sees_users", "core_user_view")).await.data();
        admin.post("/authz/api/roles?accountIdentifier=acme", role("sees_groups", "core_usergroup_view")).await.data();
        let (users, groups) = (world.machine("of_users", Some("sees_users")).await, world.machine("of_groups", Some("sees_groups")).await);
        users.get(AT).await.refused(403, "NG_ACCESS_DENIED");
        groups.get(AT).await.refused(403, "NG_ACCESS_DENIED");
        users.get(&format!("{AT}&types=user.created,user.deleted")).await.data();
        users.get(&format!("{AT}&types=user.created,group.created")).await.refused(403, "NG_ACCESS_DENIED");
        groups.get(&format!("{AT}&types=group.member_added")).await.data();
        let stranger = world.other_account("rival").await;
        made(&scim(&world), "ada").await;
        let theirs = world.holder(&stranger).get("/ng/api/events?after=0").await.data();
        assert_eq!(list(&theirs).len(), 1, "numbers and events are each account's own: {theirs}");
    }

    async fn groups_below_the_account_are_shown_to_who_may_see_them_there(world: World) {
        let admin = world.admin();
        let organization = json!({"organization": {"identifier": "north", "name": "North"}});
        admin.post("/ng/api/organizations?accountIdentifier=acme", organization).await.data();
        let groups = "/ng/api/user-groups?accountIdentifier=acme";
        admin.post(&format!("{groups}&orgIdentifier=north"), json!({"identifier": "team", "name": "Secret", "users": [world.admin_id]})).await.data();
        admin.post(groups, json!({"identifier": "all", "name": "All"})).await.data();
        let here = bound(&world, "here", &[("_account_viewer", ACCOUNT_ONLY)]).await;
        let below = bound(&world, "below", &[("_account_viewer", EVERYWHERE)]).await;
        let names = |page: &Value| -> Vec<String> {
            let groups = list(page).iter().filter(|event| event["resourceType"] == "Group").map(|event| event["displayName"].to_string());
            groups.collect()
        };
        let path = "/ng/api/events?accountIdentifier=acme&after=0";
        let (few, all) = (here.get(path).await.data(), below.get(path).await.data());
        assert_eq!(names(&few), ["\"All\""]);
        assert_eq!(names(&all), ["\"Secret\"", "\"Secret\"", "\"All\""]);
        assert!(!few.to_string().contains("Secret"));
        assert_eq!(few["next"], all["next"]);
        let page = here.get(&format!("{path}&limit=2")).await.data();
        assert!(page["next"].as_i64() < all["next"].as_i64() && page["next"].as_i64() > Some(0), "{page}");
    }

    async fn old_events_go_and_who_missed_them_is_told(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        for name in ["a", "b"] {
            made(&scim, name).await;
        }
        let old = latest(&world).await;
        days(&world, "2").await;
        let purge = || async {
            for job in muster::jobs::JOBS.iter().filter(|job| job.name == "events.purge") {
                (job.work)(world.app.clone()).await.expect("the job runs");
            }
        };
        world.app.clock.advance_secs(2 * 86_400 - 1);
        purge().await;
        assert_eq!(page(&admin, "").await["oldest"], 1, "not before their time");
        made(&scim, "c").await;
        world.app.clock.advance_secs(2);
        purge().await;
        let left = page(&admin, &format!("&after={old}")).await;
        assert_eq!((list(&left).len(), &left["oldest"]), (1, &json!(old + 1)));
        let text = admin.get(&format!("{AT}&after={}", old - 1)).await.refused(410, "GONE");
        assert!(text.contains("read the whole directory"), "{text}");
        admin.get(&format!("{AT}&after=0")).await.refused(410, "GONE");
        world.app.clock.advance_secs(3 * 86_400);
        purge().await;
        let none = page(&admin, &format!("&after={}", old + 1)).await;
        assert_eq!((list(&none).len(), &none["oldest"], &none["latest"]), (0, &json!(old + 2), &json!(old + 1)));
        made(&scim, "d").await;
        assert_eq!(list(&page(&admin, &format!("&after={}", old + 1)).await).len(), 1, "the numbers go on");
    }

    async fn who_waits_is_woken(world: World) {
        let start = latest(&world).await;
        let (admin, begun) = (world.admin(), Instant::now());
        let empty = page(&admin, &format!("&after={start}&waitSeconds=1")).await;
        assert_eq!((list(&empty).len(), &empty["next"]), (0, &json!(start)));
        assert!(begun.elapsed() >= Duration::from_secs(1), "it waits");
        // Twenty who wait here, one on another replica, and one for what does not happen.
        let wait = |world: &World, more: &str| {
            let (client, query) = (world.admin(), format!("&after={start}&waitSeconds=25{more}"));
            tokio::spawn(async move { (page(&client, &query).await, Instant::now()) })
        };
        let replica = world.replica();
        let mut waiting: Vec<_> = (0..20).map(|_| wait(&world, "")).collect();
        waiting.push(wait(&replica, ""));
        waiting.push(wait(&world, "&types=user.created"));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(waiting.iter().all(|one| !one.is_finished()));
        made_group(&scim(&world), "Crew", &[]).await;
        let filtered = waiting.pop().unwrap();
        let written = Instant::now();
        for one in waiting {
            let (seen, at) = one.await.unwrap();
            assert_eq!(list(&seen).len(), 1, "{seen}");
            assert!(at.duration_since(written) < Duration::from_secs(15), "long before the wait is over");
        }
        assert!(!filtered.is_finished(), "a group is no user");
        made(&scim(&world), "ada").await;
        let (seen, _) = filtered.await.unwrap();
        assert_eq!((list(&seen).len(), &seen["next"]), (1, &json!(start + 2)));
    }

    async fn nobody_waits_longer_than_the_server_or_his_rights(world: World) {
        let start = latest(&world).await;
        let reader = world.machine("reader", Some("_account_viewer")).await;
        let wait = |client: &Client| {
            let (client, query) = (client.clone(), format!("{AT}&after={start}&waitSeconds=30"));
            tokio::spawn(async move { client.get(&query).await })
        };
        let one = wait(&reader);
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.admin().delete("/ng/api/token/token?accountIdentifier=acme&apiKeyType=SERVICE_ACCOUNT&parentIdentifier=reader&apiKeyIdentifier=key").await.data();
        made(&scim(&world), "ada").await;
        let answer = tokio::time::timeout(Duration::from_secs(20), one).await.expect("it is answered").unwrap().data();
        assert_eq!((list(&answer).len(), &answer["next"]), (0, &json!(start)), "nothing for a token that was taken away");
        reader.get(&format!("{AT}&after={start}")).await.refused(401, "INVALID_TOKEN");
        let start = latest(&world).await;
        let client = world.admin();
        let two = tokio::spawn(async move { client.get(&format!("{AT}&after={start}&waitSeconds=30")).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.app.feed.end();
        let answer = tokio::time::timeout(Duration::from_secs(20), two).await.expect("it is answered").unwrap().data();
        assert_eq!(list(&answer).len(), 0);
    }

    async fn who_waits_is_answered_when_settings_or_rights_change(world: World) {
        let start = latest(&world).await;
        let replica = world.replica();
        let wait = |world: &World| {
            let client = world.admin();
            tokio::spawn(async move { page(&client, &format!("&after={start}&waitSeconds=30")).await })
        };
        for change in ["settings", "rights"] {
            let waiting = [wait(&world), wait(&replica)];
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(waiting.iter().all(|one| !one.is_finished()), "{change}");
            match change {
                "settings" => days(&world, "9").await,
                _ => drop(world.machine_token("other", None).await),
            }
            for one in waiting {
                let answer = tokio::time::timeout(Duration::from_secs(15), one).await.expect(change).unwrap();
                assert_eq!((list(&answer).len(), &answer["next"]), (0, &json!(start)), "{change}");
            }
        }
    }

    async fn nobody_waits_longer_than_his_credential(world: World) {
        let start = latest(&world).await;
        world.machine("reader", Some("_account_viewer")).await;
        let make = async |id: &str, secs: i64| {
            let body = json!({
                "identifier": id, "name": id, "apiKeyIdentifier": "key", "apiKeyType": "SERVICE_ACCOUNT",
                "parentIdentifier": "reader", "validTo": world.app.clock.now().millis() + secs * 1_000
            });
            world.holder(world.admin().post("/ng/api/token", body).await.data().as_str().unwrap())
        };
        let (short, long) = (make("short", 2).await, make("long", 60).await);
        let wait = |client: &Client| {
            let (client, query) = (client.clone(), format!("{AT}&after={start}&waitSeconds=30"));
            tokio::spawn(async move { (client.get(&query).await, Instant::now()) })
        };
        let (begun, waiting) = (Instant::now(), wait(&long));
        let (_, at) = wait(&short).await.unwrap();
        assert!(at.duration_since(begun) < Duration::from_secs(20), "it ends with the token");
        world.app.clock.advance_secs(60);
        made(&scim(&world), "ada").await;
        let (answer, _) = waiting.await.unwrap();
        let text = answer.refused(401, "INVALID_TOKEN");
        assert!(text.contains("while it waited"), "{text}");
    }

    async fn thirty_two_writers_leave_no_holes_and_a_consumer_rebuilds_everything(world: World) {
        const WRITERS: usize = 32;
        let scim = scim(&world);
        let crew = made_group(&scim, "Crew", &[]).await;
        let (mut copy, mut at) = (Copy::default(), 0);
        let start = |n| tokio::spawn(writer(scim.clone(), crew.clone(), n));
        let writers: Vec<_> = (0..WRITERS).map(start).collect();
        let all = tokio::spawn(async move {
            for writer in writers {
                writer.await.expect("no writer fails");
            }
        });
        loop {
            let done = all.is_finished();
            let seen = page(&world.admin(), &format!("&after={at}&limit=50&waitSeconds=1")).await;
            for event in list(&seen) {
                assert_eq!(event["number"].as_i64(), Some(at + 1), "no hole, no number twice");
                at += 1;
                copy.follow(&scim, event).await;
            }
            assert_eq!(seen["next"].as_i64(), Some(at));
            if done && list(&seen).is_empty() {
                break;
            }
        }
        all.await.expect("no writer fails");
        copy.members.retain(|_, ids| !ids.is_empty());
        assert_eq!(copy, Copy::of(&scim).await, "what the consumer knows is the directory");
        assert_eq!(world.count("events").await, at);
        assert!(at > 32 * 6, "much has happened: {at}");
    }
}

/// A few changes, with refused ones between them.
async fn writer(scim: Client, crew: String, n: usize) {
    let (mine, path) = (made(&scim, &format!("user{n}")).await, format!("{GROUPS}/{crew}"));
    let at = format!("{USERS}/{mine}");
    for round in 0..3 {
        let add = json!([{"op": "add", "path": "members", "value": [{"value": mine}]}]);
        scim.patch(&path, patch(add)).await.expect(200);
        scim.post(USERS, user(&format!("USER{n}"))).await.expect(409);
        let title = json!([{"op": "replace", "path": "title", "value": format!("{round}")}]);
        scim.patch(&at, patch(title)).await.expect(200);
        let bad =
            json!([{"op": "replace", "path": "title", "value": "y"}, {"op": "remove", "path": "userName"}]);
        scim.patch(&at, patch(bad)).await.expect(400);
        if round < 2 {
            let remove = json!([{"op": "remove", "path": format!("members[value eq \"{mine}\"]")}]);
            scim.patch(&path, patch(remove)).await.expect(200);
        }
    }
    if n.is_multiple_of(2) {
        scim.delete(&at).await.expect(204);
    }
}

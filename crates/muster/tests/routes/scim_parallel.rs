//! Many clients at one resource: nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::scim_groups::{GROUPS, made_group, members};
use super::scim_users::{USERS, made, patch, scim, total};
use crate::actors::World;
use crate::both_engines;

const CLIENTS: usize = 64;
const MEMBERS: usize = 2_000;

/// Sends one PATCH for each of these operations, from 64 clients at once.
async fn from_many(world: &World, path: &str, operations: Vec<Value>) {
    let (next, operations) = (Arc::new(AtomicUsize::new(0)), Arc::new(operations));
    let clients = (0..CLIENTS).map(|_| {
        let (next, operations) = (next.clone(), operations.clone());
        let (scim, path) = (scim(world), path.to_owned());
        tokio::spawn(async move {
            while let Some(operation) = operations.get(next.fetch_add(1, Ordering::Relaxed)) {
                scim.patch(&path, patch(json!([operation]))).await.expect(200);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("no client fails");
    }
}

fn add(id: &String) -> Value {
    json!({"op": "add", "path": "members", "value": [{"value": id}]})
}

fn remove(id: &String) -> Value {
    json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")})
}

fn sorted<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().cloned().collect();
    ids.sort();
    ids
}

both_engines! {
    async fn sixty_four_clients_add_two_thousand_members(world: World) {
        let ids = world.crowd("user", MEMBERS).await;
        let group = made_group(&scim(&world), "Crew", &[]).await;
        from_many(&world, &format!("{GROUPS}/{group}"), ids.iter().map(add).collect()).await;
        assert_eq!(members(&scim(&world), &group).await, sorted(&ids));
        let read = world.app.db.house().read("test", |tx| {
            tx.query_one("SELECT member_count, version FROM user_groups WHERE name = 'Crew'", &[], |row| {
                Ok((row.get::<i64>(0)?, row.get::<i64>(1)?))
            })
        });
        assert_eq!(read.await.unwrap(), (2_000, 2_001));
    }

    async fn sixty_four_clients_add_and_remove_at_once(world: World) {
        let ids = world.crowd("user", MEMBERS).await;
        let (stay, rest) = ids.split_at(500);
        let (leave, come) = rest.split_at(750);
        let there: Vec<&str> = stay.iter().chain(leave).map(String::as_str).collect();
        let group = made_group(&scim(&world), "Crew", &there).await;
        let operations = leave.iter().zip(come).flat_map(|(gone, new)| [remove(gone), add(new)]).collect();
        from_many(&world, &format!("{GROUPS}/{group}"), operations).await;
        assert_eq!(members(&scim(&world), &group).await, sorted(stay.iter().chain(come)));
    }

    // Each change is worked out before its turn, and nearly always another one comes first.
    async fn sixty_four_clients_change_one_user(world: World) {
        let client = scim(&world);
        let path = format!("{USERS}/{}", made(&client, "crowded").await);
        let address = |number: usize| format!("a{number:03}@crowd.example");
        let come = |number| json!({"op": "add", "path": "emails", "value": [{"value": address(number)}]});
        let gone = |number| json!({"op": "remove", "path": format!("emails[value eq \"{}\"]", address(number))});
        from_many(&world, &path, (0..400).map(come).collect()).await;
        from_many(&world, &path, (0..200).map(gone).collect()).await;
        let user = client.get(&path).await.expect(200).json;
        let emails = user["emails"].as_array().expect("a list").iter();
        let mut found: Vec<_> = emails.filter_map(|email| email["value"].as_str()).collect();
        found.sort_unstable();
        let expected: Vec<_> = (200..400).map(address).chain(["crowded@Example.com".to_owned()]).collect();
        assert_eq!(found, expected);
        assert_eq!(user["meta"]["version"], "W/\"601\"");
        for (number, count) in [(0, 0), (199, 0), (200, 1), (399, 1)] {
            let filter = format!("emails.value eq \"{}\"", address(number));
            assert_eq!(total(&client, USERS, &filter).await, count, "{filter}");
        }
    }
}

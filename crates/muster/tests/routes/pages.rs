//! How large a page may be, and what a large one costs.

use http::Method;
use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;
use crate::bound::machine;

/// Every list that is a page, with a body where it takes one.
const PAGED: &[(&str, Option<&str>)] = &[
    ("/ng/api/organizations?", None),
    ("/ng/api/projects?", None),
    ("/ng/api/serviceaccount?", None),
    ("/ng/api/serviceaccount/aggregate?", None),
    ("/ng/api/serviceaccount/manageable?", None),
    ("/ng/api/apikey/aggregate?apiKeyType=SERVICE_ACCOUNT&parentIdentifier=okta", None),
    ("/ng/api/token/aggregate?apiKeyType=SERVICE_ACCOUNT", None),
    ("/ng/api/user/aggregate?", Some("")),
    ("/ng/api/user/batch?", Some("")),
    ("/ng/api/user-groups?", None),
    ("/ng/api/jwt-trusts?", None),
    ("/authz/api/roles?", None),
    ("/authz/api/v2/resourcegroup?", None),
    ("/authz/api/v2/resourcegroup/filter?", Some("{}")),
    ("/authz/api/roleassignments?", None),
    ("/authz/api/roleassignments/filter?", Some("{}")),
    ("/authz/api/roleassignments/v2/filter?", Some("{}")),
    ("/audit/api/audits/list?", Some("{}")),
    ("/audit/api/audits/listV2?", Some("{}")),
];

const ASSIGN: &str = "INSERT INTO role_assignments (account_id, org_id, project_id, identifier, role_id, \
    resource_group_id, principal_kind, principal_id, principal_level, disabled, managed, created_at, \
    updated_at) \
    VALUES ($1, '', '', $2, '_account_viewer', '_all_account_level_resources', 'USER', $3, '', $4, $4, 1, 1)";
const GROUP: &str = "INSERT INTO user_groups (account_id, group_id, org_id, project_id, identifier, name, name_key, \
    externally_managed, tags, member_count, doc, version, created_at, updated_at) \
    VALUES ($1, $2, '', '', $2, $2, $2, $3, '{}', 2, '{}', 1, 1, 1)";
const TAGS: &str = "UPDATE user_groups SET tags = $3 WHERE account_id = $1 AND group_id = $2";
const MEMBER: &str = "INSERT INTO group_members (account_id, group_id, member_id, member_kind, added_at, place) \
    VALUES ($1, $2, $3, 'User', 1, $4)";
const ROW: &str = "INSERT INTO audit_rows (account_id, at, audit_id, org_id, project_id, action, resource_type, \
    resource_id, resource_name, principal_kind, principal_id, principal_label, principal_name, credential, \
    method, request_id, detail) \
    VALUES ($1, $2, $3, '', '', 'CREATE', 'ROLE', 'r', 'r', 'SYSTEM', 's', 's', 's', '{}', 'POST', '', $4)";

async fn write<F>(world: &World, change: F)
where
    F: Fn(&mut db::Tx<'_>, &str) -> Result<(), db::Error> + Send + Sync + 'static,
{
    let account = world.account.clone();
    let run = move |tx: &mut db::Tx<'_>| change(tx, account.as_str());
    world
        .app
        .db
        .write::<_, db::Error>("test.write", world.account.as_str(), run)
        .await
        .expect("it is written");
}

async fn rows(world: &World, path: &str, body: Option<&str>) -> Vec<Value> {
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let page = world.admin().send(method, path, body.map(str::to_owned)).await.data();
    page["content"].as_array().expect("a page").clone()
}

both_engines! {
    async fn a_page_has_two_thousand_items_at_most(world: World) {
        machine(&world, "okta").await;
        let admin = world.admin();
        for (list, body) in PAGED {
            let method = if body.is_some() { Method::POST } else { Method::GET };
            let ask = async |size: &str| {
                let path = format!("{list}&pageSize={size}");
                admin.send(method.clone(), &path, body.map(str::to_owned)).await
            };
            for size in [200, 1_000, 2_000] {
                let data = ask(&size.to_string()).await.data();
                assert!(data.is_array() || data["pageSize"] == size, "{list}: {data}");
            }
            let text = ask("2001").await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("1 to 2000"), "{list}: {text}");
            ask("0").await.refused(400, "INVALID_REQUEST");
        }
    }

    async fn what_a_large_page_names_is_looked_up_together(world: World) {
        let users = world.crowd("u", 600).await;
        write(&world, move |tx, account| {
            for (n, user) in users.iter().enumerate() {
                tx.exec(ASSIGN, db::params![account, format!("a{n}").as_str(), user.as_str(), false])?;
                let (group, other) = (format!("g{n}"), &users[(n + 1) % users.len()]);
                tx.exec(GROUP, db::params![account, group.as_str(), false])?;
                // The order in which they were sent is not that of their ids.
                for (place, member) in (0_i64..).zip([user.max(other), user.min(other)]) {
                    tx.exec(MEMBER, db::params![account, group.as_str(), member.as_str(), place])?;
                }
            }
            Ok(())
        }).await;
        let described = rows(&world, "/authz/api/roleassignments/v2/filter?pageSize=2000", Some("{}")).await;
        let named = described.iter().filter(|row| row["principal"]["name"].as_str().is_some_and(|n| n.starts_with('u')));
        assert_eq!(named.count(), 600);
        let people = rows(&world, "/ng/api/user/aggregate?pageSize=2000", Some("")).await;
        let bound = people.iter().filter(|row| row["roleAssignmentMetadata"].as_array().is_some_and(|r| r.len() == 1));
        assert_eq!(bound.count(), 601, "the administrator, too");
        let groups = rows(&world, "/ng/api/user-groups?pageSize=2000", None).await;
        assert_eq!(groups.len(), 600);
        for group in groups.iter().step_by(150) {
            let path = format!("/ng/api/user-groups/{}", group["identifier"].as_str().unwrap());
            assert_eq!(world.admin().get(&path).await.data()["users"], group["users"]);
            let users: Vec<_> = group["users"].as_array().unwrap().iter().map(|u| u.as_str().unwrap()).collect();
            assert!(users.len() == 2 && users[0] > users[1], "{users:?}");
        }
    }

    async fn a_large_page_of_what_is_heavy_is_refused(world: World) {
        let text = format!("\"{}\"", "x".repeat(1 << 20));
        let heavy = async |from: i64, to: i64| {
            let text = text.clone();
            write(&world, move |tx, account| {
                let tags = format!("{{\"a\": {text}}}");
                for n in from..to {
                    let group = format!("g{n}");
                    tx.exec(GROUP, db::params![account, group.as_str(), false])?;
                    let detail = if (71..80).contains(&n) { text.as_str() } else { "1" };
                    tx.exec(ROW, db::params![account, n, format!("heavy{n}").as_str(), detail])?;
                    if (71..80).contains(&n) {
                        tx.exec(TAGS, db::params![account, group.as_str(), tags.as_str()])?;
                    }
                }
                Ok(())
            }).await;
        };
        let lists = [("/ng/api/user-groups", None), ("/audit/api/audits/list", Some(json!({}).to_string()))];
        let ask = async |list: &str, body: &Option<String>, size: u32| {
            let method = if body.is_some() { Method::POST } else { Method::GET };
            world.admin().send(method, &format!("{list}?pageSize={size}"), body.clone()).await
        };
        heavy(0, 80).await;
        for (list, body) in &lists {
            // A hundred at most are there, of less than 32 MiB: whoever asks for more gets them.
            ask(list, body, 2_000).await.data();
        }
        heavy(80, 101).await;
        for (list, body) in &lists {
            ask(list, body, 100).await.data();
            let text = ask(list, body, 101).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("Ask for a smaller one"), "{list}: {text}");
        }
        let yaml = world.admin().with("accept", "application/yaml");
        let answer = yaml.send(Method::POST, "/audit/api/audits/list", Some("{}".into())).await.expect(200);
        assert!(answer.text.contains("auditId: heavy75\n"), "it is YAML, large as it is");
    }

    async fn a_page_of_few_items_may_be_heavier_and_one_item_is_always_answered(world: World) {
        write(&world, |tx, account| {
            for n in 0..30 {
                tx.exec(GROUP, db::params![account, format!("g{n:02}").as_str(), false])?;
            }
            // Roughly 1.1 MiB of ids each, and one alone of 38 MiB.
            let count = "UPDATE user_groups SET member_count = CASE WHEN group_id = 'g00' THEN 1000000 ELSE 30000 END \
                WHERE account_id = $1";
            tx.exec(count, db::params![account]).map(drop)
        }).await;
        let groups = "/ng/api/user-groups?sortOrders=identifier,";
        for refused in ["DESC&pageSize=30", "DESC", "ASC&pageSize=2"] {
            let text = world.admin().get(&format!("{groups}{refused}")).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("more than 32 MiB"), "{refused}: {text}");
        }
        for (answered, count) in [("DESC&pageSize=27", 27), ("ASC&pageSize=1", 1)] {
            assert_eq!(rows(&world, &format!("{groups}{answered}"), None).await.len(), count, "{answered}");
        }
    }

    async fn tags_of_groups_are_read_for_their_page_and_a_search_alone(world: World) {
        write(&world, |tx, account| {
            for group in ["g1", "g2", "g3"] {
                tx.exec(GROUP, db::params![account, group, false])?;
            }
            tx.exec(TAGS, db::params![account, "g2", r#"{"team": "\u00c4RGER", "x": ""}"#])?;
            tx.exec(TAGS, db::params![account, "g3", "damaged"]).map(drop)
        }).await;
        let list = |query: &str| format!("/ng/api/user-groups?sortOrders=identifier,ASC&{query}");
        let found = rows(&world, &list("pageSize=2"), None).await;
        assert_eq!(found[1]["tags"], json!({"team": "ÄRGER", "x": ""}));
        world.admin().get(&list("pageSize=3")).await.expect(500);
        world.admin().get(&list("searchTerm=team")).await.expect(500);
        write(&world, |tx, account| tx.exec(TAGS, db::params![account, "g3", "{}"]).map(drop)).await;
        for (term, hits) in [("team", 1), ("%C3%A4rg", 1), ("u00c4", 0), ("G", 3), ("g3", 1)] {
            assert_eq!(rows(&world, &list(&format!("searchTerm={term}")), None).await.len(), hits, "{term}");
        }
    }
}

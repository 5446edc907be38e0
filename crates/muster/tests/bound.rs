//! Principals bound to roles, made by the administrator through the API as an operator would; and looks at
//! what was written.

use serde_json::{Value, json};

use crate::actors::{Client, World};

pub const ACCOUNT_ONLY: &str = "_all_account_level_resources";
pub const EVERYWHERE: &str = "_all_resources_including_child_scopes";

/// The query string of a scope of `acme`: `""`, `"o1"` or `"o1/p1"`.
pub fn at(scope: &str) -> String {
    let mut parts = scope.split('/').filter(|part| !part.is_empty());
    let org = parts.next().map(|org| format!("&orgIdentifier={org}")).unwrap_or_default();
    let project = parts.next().map(|project| format!("&projectIdentifier={project}")).unwrap_or_default();
    format!("accountIdentifier=acme{org}{project}")
}

/// A service account of the account.
pub async fn machine(world: &World, id: &str) {
    let body = json!({
        "identifier": id, "name": id, "email": format!("{id}@machines.example"), "accountIdentifier": "acme"
    });
    world.admin().post("/ng/api/serviceaccount?accountIdentifier=acme", body).await.expect(200);
}

/// The body of an assignment to a service account.
pub fn to_machine(id: &str, role: &str, resource_group: &str) -> Value {
    json!({
        "roleIdentifier": role, "resourceGroupIdentifier": resource_group,
        "principal": {"identifier": id, "type": "SERVICE_ACCOUNT"}
    })
}

/// Binds in a scope of `acme`, as administrator.
pub async fn bind(world: &World, scope: &str, body: Value) -> Value {
    world.admin().post(&format!("/authz/api/roleassignments?{}", at(scope)), body).await.data()
}

/// A client with a token of a new service account that has these roles (role, resource group) in the account.
pub async fn bound(world: &World, id: &str, roles: &[(&str, &str)]) -> Client {
    machine(world, id).await;
    for (role, resource_group) in roles {
        bind(world, "", to_machine(id, role, resource_group)).await;
    }
    let body = json!({
        "identifier": "token", "name": "token", "apiKeyIdentifier": "key", "apiKeyType": "SERVICE_ACCOUNT",
        "parentIdentifier": id, "accountIdentifier": "acme"
    });
    let token = world.admin().post("/ng/api/token?accountIdentifier=acme", body).await.data();
    world.holder(token.as_str().expect("the reply is the token"))
}

/// Organization `o1` with project `p1`.
pub async fn hierarchy(world: &World) {
    let admin = world.admin();
    let body = json!({"organization": {"identifier": "o1", "name": "O1"}});
    admin.post("/ng/api/organizations?accountIdentifier=acme", body).await.expect(200);
    let body = json!({"project": {"orgIdentifier": "o1", "identifier": "p1", "name": "P1"}});
    admin.post("/ng/api/projects?accountIdentifier=acme&orgIdentifier=o1", body).await.expect(200);
}

/// The audit rows of one resource type, oldest first: `ACTION id detail`. Not those of the account's making.
pub async fn trail(world: &World, resource_type: &'static str) -> Vec<String> {
    let sql = "SELECT action, resource_id, detail FROM audit_rows WHERE account_id = $1 AND resource_type = $2 \
        AND principal_id <> 'console' ORDER BY at, action, resource_id";
    let account = world.account.clone();
    let read = move |tx: &mut db::Tx<'_>| -> Result<Vec<String>, db::Error> {
        tx.query(sql, db::params![account.as_str(), resource_type], |row| {
            let (action, id): (String, String) = (row.get(0)?, row.get(1)?);
            let detail: Option<String> = row.get(2)?;
            Ok(format!("{action} {id} {}", detail.unwrap_or_default()).trim_end().to_owned())
        })
    };
    world.app.db.house().read("test.trail", read).await.expect("the trail can be read")
}

/// How many rows the account has in a table.
pub async fn rows(world: &World, table: &str) -> i64 {
    let (sql, account) =
        (format!("SELECT COUNT(*) FROM {table} WHERE account_id = $1"), world.account.clone());
    let read = move |tx: &mut db::Tx<'_>| tx.query_one(&sql, db::params![account.as_str()], |row| row.get(0));
    world.app.db.house().read::<i64, db::Error>("test.rows", read).await.expect("the table can be counted")
}

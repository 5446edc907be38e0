//! What all lists have in common: where they are asked, and that nothing that would narrow them is passed
//! over in silence.

use http::Method;

use crate::actors::World;
use crate::both_engines;
use crate::bound::{at, hierarchy};

/// Every list that is asked in a scope, with a body where it takes one.
const SCOPED: &[(&str, Option<&str>)] = &[
    ("/ng/api/settings?category=PMS", None),
    ("/ng/api/serviceaccount?", None),
    ("/ng/api/serviceaccount/aggregate?", None),
    ("/ng/api/serviceaccount/manageable?", None),
    ("/ng/api/token/aggregate?apiKeyType=SERVICE_ACCOUNT", None),
    ("/ng/api/user/aggregate?", Some("")),
    ("/ng/api/user/batch?", Some("")),
    ("/ng/api/user/batch?", Some(r#"{"parentFilter": "INCLUDE_PARENT_SCOPES"}"#)),
    ("/ng/api/user-groups?", None),
    ("/authz/api/permissions?", None),
    ("/authz/api/permissions/resourcetypes?", None),
    ("/authz/api/resourcetype?", None),
    ("/authz/api/roles?", None),
    ("/authz/api/v2/resourcegroup?", None),
    ("/authz/api/v2/resourcegroup/filter?", Some("{}")),
    ("/authz/api/roleassignments?", None),
    ("/authz/api/roleassignments/filter?", Some("{}")),
    ("/authz/api/roleassignments/v2/filter?", Some("{}")),
    ("/authz/api/roleassignments/aggregate?", Some("{}")),
];

both_engines! {
    async fn a_scope_that_does_not_exist_is_no_empty_list(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        for (list, body) in SCOPED {
            let method = if body.is_some() { Method::POST } else { Method::GET };
            let ask = async |scope| {
                let path = format!("{list}&{}", at(scope));
                admin.send(method.clone(), &path, body.map(str::to_owned)).await
            };
            for scope in ["", "o1", "o1/p1"] {
                ask(scope).await.data();
            }
            for (scope, word) in [("o9", "orgIdentifier"), ("o1/p9", "projectIdentifier"), ("o9/p1", "projectIdentifier")] {
                let text = ask(scope).await.refused(400, "INVALID_ARGUMENT");
                assert!(text.contains("does not exist") && text.contains(word), "{list} in {scope}: {text}");
            }
        }
        let projects = format!("/ng/api/projects?{}", at("o9"));
        admin.get(&projects).await.refused(400, "INVALID_ARGUMENT");
        let owner = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=okta";
        for path in ["apikey", "apikey/aggregate"] {
            let path = format!("/ng/api/{path}?{owner}");
            admin.get(&format!("{path}&{}", at("o9"))).await.refused(400, "INVALID_ARGUMENT");
            admin.get(&format!("{path}&{}", at("o1"))).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        }
    }
}

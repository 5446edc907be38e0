//! What the routes under `/v1` have in common (platform API §1.7): paths that name the scope, lists that are
//! cut by page and limit and whose place is told by headers, bare answers.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::envelope::Bare;
use super::etag;
use super::extract::{Path, Query, ScopeQuery, not_taken, same, same_scope};
use super::scope::of_both;
use crate::kernel::ids::AccountId;
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::number::number;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::version::Tag;

/// Items of a page where the client does not say how many.
pub const LIMIT: u32 = 30;
const LIMIT_MOST: u32 = 100;

/// What `sort` may say, and which field that is.
const SORTS: [(&str, &str); 4] =
    [("identifier", "identifier"), ("name", "name"), ("created", "createdAt"), ("updated", "lastModifiedAt")];
/// What lists of things with a name are sorted by.
pub const FIELDS: &[&str] = &["identifier", "name", "created", "updated"];

/// By these the other lists are cut, narrowed and sorted.
const ELSEWHERE: [&str; 14] = [
    "identifiers",
    "searchTerm",
    "sortOrders",
    "filterType",
    "harnessManaged",
    "pageIndex",
    "pageSize",
    "pageToken",
    "sort_orders",
    "filter_type",
    "harness_managed",
    "page_index",
    "page_size",
    "page_token",
];

/// What the parts of a scope are called in bodies of the other form, and here.
const PARTS: [(&str, &str); 3] =
    [("accountIdentifier", "account"), ("orgIdentifier", "org"), ("projectIdentifier", "project")];

/// The place that a path names: the account, an organization of it, or a project in that.
#[derive(Debug)]
pub struct Place {
    names: Names,
    query: ScopeQuery,
}

#[derive(Debug, Deserialize)]
struct Names {
    org: Option<String>,
    project: Option<String>,
}

impl Place {
    /// Its scope. A query that names another one is refused: what is meant for an organization would be done
    /// in the account.
    ///
    /// # Errors
    /// `Invalid`, naming both.
    pub fn scope(&self, account: &AccountId) -> Result<Scope> {
        let scope = Scope::of(account.clone(), self.names.org.as_deref(), self.names.project.as_deref())?;
        let ScopeQuery { account_identifier, org_identifier, project_identifier } = &self.query;
        let [account, org, project] =
            [account_identifier, org_identifier, project_identifier].map(Option::as_deref);
        same_scope(&scope, account, org, project)?;
        Ok(scope)
    }

    /// The scope that a body names, where the path names none; the query may do so as well.
    ///
    /// # Errors
    /// As `scope`.
    pub fn scope_of_body(&self, account: &AccountId, body: [Option<&str>; 3]) -> Result<Scope> {
        of_both(&self.query, body, account).map_err(|problem| problem.renamed(&PARTS))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Path(names) = Path::from_request_parts(parts, state).await?;
        let Query(query) = Query::from_request_parts(parts, state).await?;
        Ok(Self { names, query })
    }
}

/// Parts of a scope in a body must be those of its place, where they are given.
///
/// # Errors
/// `Invalid`, naming both values.
pub fn in_place(scope: &Scope, [account, org, project]: [Option<&str>; 3]) -> Result<()> {
    same("account", Some(scope.account.as_str()), account)?;
    same("org", scope.org(), org)?;
    same("project", scope.project_id(), project)
}

/// What a path names in its place, however the variable is called.
#[derive(Debug, Deserialize)]
pub struct Named {
    /// The identifier.
    #[serde(alias = "role", alias = "resource-group", alias = "role-assignment")]
    pub id: String,
}

impl Named {
    /// The identifier, which a body may repeat.
    ///
    /// # Errors
    /// `Invalid` for another one.
    pub fn with(self, sent: Option<&str>) -> Result<String> {
        match sent.filter(|sent| !sent.is_empty() && *sent != self.id) {
            None => Ok(self.id),
            Some(sent) => Err(Problem::invalid(format!(
                "Value mismatch, previous: {} current: {sent} (identifier): an identifier cannot be changed",
                self.id
            ))),
        }
    }
}

/// `{"account": …, "org": …, "project": …}`; absent parts are null.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1Scope")]
pub struct PlaceView {
    account: String,
    org: Option<String>,
    project: Option<String>,
}

impl From<&Scope> for PlaceView {
    fn from(scope: &Scope) -> Self {
        Self {
            account: scope.account.to_string(),
            org: scope.org().map(str::to_owned),
            project: scope.project_id().map(str::to_owned),
        }
    }
}

/// The query of a list. All optional.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct ListQuery {
    /// From 0.
    #[schemars(with = "Option<u32>", extend("default" = 0))]
    page: Option<String>,
    /// 1–100; 30 without it, of organizations 20.
    #[schemars(with = "Option<u32>", range(min = 1, max = LIMIT_MOST))]
    limit: Option<String>,
    #[schemars(skip)]
    sort: Option<String>,
    #[schemars(skip)]
    order: Option<String>,
    /// Literal, case-insensitive substring.
    search_term: Option<String>,
}

/// What a list is asked for.
#[derive(Debug)]
pub struct Asked {
    /// Which page.
    pub page: PageRequest,
    /// In which order.
    pub orders: Orders,
    /// Literal part of its texts.
    pub search: SearchTerm,
}

impl ListQuery {
    /// Checks the demand of a list that has so many items on a page and is sorted by these fields: by the
    /// last of them where none is named.
    ///
    /// # Errors
    /// `Invalid` for a number out of its bounds, a word that is none of `sort` or `order`, and for parameters
    /// of the lists that are not under `/v1`: passed over, they would seem to have narrowed it.
    pub fn read(&self, uri: &Uri, limit: u32, fields: &[&str]) -> Result<Asked> {
        not_taken(uri, &ELSEWHERE, "it goes by page, limit, sort, order and search_term")?;
        let page = PageRequest {
            index: number("page", self.page.as_deref(), 0..=u32::MAX)?.unwrap_or(0),
            size: number("limit", self.limit.as_deref(), 1..=LIMIT_MOST)?.unwrap_or(limit),
        };
        Ok(Asked { page, orders: self.orders(fields)?, search: SearchTerm::new(self.search_term.as_deref()) })
    }

    /// As `read`, of a list that has no texts to search in.
    ///
    /// # Errors
    /// Those of `read`, and `Invalid` for `search_term`.
    pub fn unsearched(&self, uri: &Uri, fields: &[&str]) -> Result<(Orders, PageRequest)> {
        not_taken(uri, &["search_term"], "it goes by page, limit, sort and order")?;
        let asked = self.read(uri, LIMIT, fields)?;
        Ok((asked.orders, asked.page))
    }

    fn orders(&self, fields: &[&str]) -> Result<Orders> {
        let given = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
        let direction = given(&self.order).unwrap_or_else(|| "DESC".to_owned());
        if !["ASC", "DESC"].iter().any(|known| direction.eq_ignore_ascii_case(known)) {
            let text = format!("order {direction:.40} is unknown: send ASC or DESC");
            return Err(Problem::invalid(text));
        }
        let last = fields.last().copied().unwrap_or_default();
        let sort = given(&self.sort).unwrap_or_else(|| last.to_owned());
        let known = SORTS.iter().find(|(name, _)| *name == sort && fields.contains(name));
        let Some((_, field)) = known else {
            return Err(Problem::invalid(format!(
                "sort {sort:.40} names no field of this list: use {}",
                fields.join(", ")
            )));
        };
        Orders::read(&[format!("{field},{direction}")], &[field])
    }
}

/// The whole of a list in one number, by nothing that would narrow it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1Count")]
pub struct Count {
    count: u64,
}

impl Count {
    /// A demand for what is counted: of its items one is enough.
    ///
    /// # Errors
    /// `Invalid` for parameters that lists are narrowed by.
    pub fn asked(uri: &Uri) -> Result<PageRequest> {
        not_taken(uri, &["search_term"], "all are counted")?;
        not_taken(uri, &ELSEWHERE, "all are counted")?;
        Ok(PageRequest { index: 0, size: 1 })
    }

    /// How many there are on all pages.
    pub fn of<T>(page: Page<T>) -> Bare<Self> {
        let (_, [count, ..]) = page.apart();
        Bare(StatusCode::OK, Self { count })
    }
}

/// The answer of a list: the items alone. Headers tell how many there are, and which page of what size it is.
#[derive(Debug)]
pub struct Items<T>(pub Page<T>);

/// How many there are, the page's number, its size.
pub(super) const PLACE_HEADERS: [&str; 3] = ["X-Total-Elements", "X-Page-Number", "X-Page-Size"];

impl<T: Serialize> IntoResponse for Items<T> {
    fn into_response(self) -> Response {
        let (items, place) = self.0.apart();
        let mut response = axum::Json(items).into_response();
        for (name, number) in PLACE_HEADERS.iter().zip(place) {
            if let Ok(name) = HeaderName::try_from(*name) {
                response.headers_mut().insert(name, HeaderValue::from(number));
            }
        }
        response
    }
}

/// A bare answer with the version of what it shows as its `ETag`.
#[derive(Debug)]
pub struct Versioned<T> {
    /// 201 for a creation.
    pub status: StatusCode,
    /// Of the stored version.
    pub tag: Tag,
    /// The whole body.
    pub shown: T,
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = Bare(self.status, self.shown).into_response();
        etag::mark(&mut response, self.tag);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &'static str) -> Result<Asked> {
        let uri = Uri::from_static(query);
        let axum::extract::Query(asked) = axum::extract::Query::<ListQuery>::try_from_uri(&uri).unwrap();
        asked.read(&uri, LIMIT, FIELDS)
    }

    #[test]
    fn a_list_is_cut_and_sorted_as_asked() {
        let first = read("/").unwrap();
        assert_eq!((first.page.index, first.page.size), (0, 30));
        assert_eq!(first.orders, Orders::default());
        let other = read("/?page=2&limit=100&sort=name&order=asc&search_term=a").unwrap();
        assert_eq!((other.page.index, other.page.size), (2, 100));
        assert_eq!(other.orders, Orders::read(&["name,ASC".to_owned()], &["name"]).unwrap());
        assert!(!other.search.is_empty());
        assert_eq!(read("/?page=&limit=&sort=&order=").unwrap().orders, Orders::default());
    }

    #[test]
    fn a_demand_that_cannot_be_met_is_refused() {
        for (query, named) in [
            ("/?page=-1", "page is -1"),
            ("/?limit=0", "limit is 0"),
            ("/?limit=101", "from 1 to 100"),
            ("/?sort=lastModifiedAt", "identifier, name, created, updated"),
            ("/?order=UP", "send ASC or DESC"),
            ("/?searchTerm=a", "searchTerm is not taken"),
            ("/?pageSize=5", "page, limit"),
        ] {
            let refused = read(query).unwrap_err();
            assert!(refused.message().contains(named), "{query}: {refused}");
        }
    }
}

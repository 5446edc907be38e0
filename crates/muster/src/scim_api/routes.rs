//! The table of the surface's routes: which method on which path below an account asks for what. Pure.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

/// Methods as the `Allow` header has them.
const READ: &str = "GET,HEAD";
const COLLECTION: &str = "GET,HEAD,POST";
const SINGLE: &str = "GET,HEAD,PUT,PATCH,DELETE";
const POST: &str = "POST";
/// Whatever there is.
const ANY: &str = "";

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Path below the account; a name in braces stands for any segment.
    pub path: &'static str,
    /// The methods it takes, as the `Allow` header has them; empty: every one.
    pub methods: &'static str,
    place: Place,
}

/// What a line leads to.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// To what nobody needs a credential for.
    Open(Document),
    /// To what needs one.
    Closed(Thing),
}

#[derive(Clone, Copy, Debug)]
enum Document {
    Config,
    Schemas,
    Schema,
    Types,
    Type,
}

#[derive(Clone, Copy, Debug)]
enum Thing {
    Root,
    Everywhere,
    Me,
    Bulk,
    Collection(Whose),
    Searched(Whose),
    Single(Whose),
}

#[derive(Clone, Copy, Debug)]
enum Whose {
    Users,
    Groups,
    /// Of the endpoint that the path names.
    Named,
}

/// Every route. The first that fits is the one.
pub const ROUTES: [Route; 18] = [
    at("", READ, Place::Closed(Thing::Root)),
    at("/Users", COLLECTION, Place::Closed(Thing::Collection(Whose::Users))),
    at("/Users/.search", POST, Place::Closed(Thing::Searched(Whose::Users))),
    at("/Users/{id}", SINGLE, Place::Closed(Thing::Single(Whose::Users))),
    at("/Groups", COLLECTION, Place::Closed(Thing::Collection(Whose::Groups))),
    at("/Groups/.search", POST, Place::Closed(Thing::Searched(Whose::Groups))),
    at("/Groups/{id}", SINGLE, Place::Closed(Thing::Single(Whose::Groups))),
    at("/.search", POST, Place::Closed(Thing::Everywhere)),
    at("/Me", ANY, Place::Closed(Thing::Me)),
    at("/Bulk", POST, Place::Closed(Thing::Bulk)),
    at("/ServiceProviderConfig", READ, Place::Open(Document::Config)),
    at("/Schemas", READ, Place::Open(Document::Schemas)),
    at("/Schemas/{urn}", READ, Place::Open(Document::Schema)),
    at("/ResourceTypes", READ, Place::Open(Document::Types)),
    at("/ResourceTypes/{name}", READ, Place::Open(Document::Type)),
    at("/{endpoint}", COLLECTION, Place::Closed(Thing::Collection(Whose::Named))),
    at("/{endpoint}/.search", POST, Place::Closed(Thing::Searched(Whose::Named))),
    at("/{endpoint}/{id}", SINGLE, Place::Closed(Thing::Single(Whose::Named))),
];

const fn at(path: &'static str, methods: &'static str, place: Place) -> Route {
    Route { path, methods, place }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked<'p> {
    /// A discovery document, readable without a credential (RFC 7644 §4).
    Open(Open<'p>),
    /// Something of an account, which needs a credential.
    Closed { account: Cow<'p, str>, closed: Closed<'p> },
}

impl Asked<'_> {
    /// Whether it can change nothing.
    pub fn reads(&self) -> bool {
        let Self::Closed { closed, .. } = self else { return true };
        match closed {
            Closed::Root | Closed::Everywhere | Closed::Me | Closed::Untaken(..) => true,
            Closed::Bulk => false,
            Closed::Users(verb) | Closed::Groups(verb) | Closed::Objects(_, verb) => {
                matches!(verb, Verb::List | Verb::Search | Verb::Load(_))
            }
        }
    }
}

/// Discovery documents; those that differ between accounts with the account, which need not exist.
#[derive(Debug, PartialEq, Eq)]
pub enum Open<'p> {
    Config,
    Schemas(Cow<'p, str>),
    /// The account and a URN.
    Schema(Cow<'p, str>, Cow<'p, str>),
    Types(Cow<'p, str>),
    /// The account and a name.
    Type(Cow<'p, str>, Cow<'p, str>),
}

/// What needs a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed<'p> {
    /// A search over users and groups by query, and one by body.
    Root,
    Everywhere,
    Me,
    Bulk,
    Users(Verb<'p>),
    Groups(Verb<'p>),
    /// Of an endpoint that is neither of both.
    Objects(Cow<'p, str>, Verb<'p>),
    /// What no such endpoint takes, whether the account has it or not; with the methods that it would take.
    Untaken(Cow<'p, str>, &'static str),
}

/// What is to be done at an endpoint; with the id, where it is done to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb<'p> {
    List,
    Search,
    Create,
    Load(Cow<'p, str>),
    Replace(Cow<'p, str>),
    Patch(Cow<'p, str>),
    Delete(Cow<'p, str>),
}

/// Why a request asks for nothing there is.
#[derive(Debug, PartialEq, Eq)]
pub enum Miss {
    /// No route has the path.
    Path,
    /// The path's route does not take the method, but these.
    Method(&'static str),
    /// A part of the path is not UTF-8 once decoded: this one of an open route, or some of a closed one.
    Encoding(Option<&'static str>),
}

/// What a method on a path asks for. `account` and the path `below` it are as they were sent: what is
/// percent-encoded names no route, and is decoded where a route takes it as a value.
///
/// # Errors
/// See `Miss`.
pub fn find<'p>(method: &Method, account: &'p str, below: &'p str) -> Result<Asked<'p>, Miss> {
    let found = ROUTES.iter().find_map(|route| Some((route, route.values(below)?)));
    let (route, values) = found.ok_or(Miss::Path)?;
    let takes = route.takes(method);
    if !takes && !route.is_named() {
        return Err(Miss::Method(route.methods));
    }
    match route.place {
        Place::Open(document) => {
            open(document, account, values[0]).map_err(|name| Miss::Encoding(Some(name))).map(Asked::Open)
        }
        Place::Closed(thing) => {
            let broken = |_| Miss::Encoding(None);
            let account = decoded("accountIdentifier", account).map_err(broken)?;
            let closed = if takes {
                closed(thing, method, values)
            } else {
                decoded("endpoint", values[0]).map(|endpoint| Closed::Untaken(endpoint, route.methods))
            };
            Ok(Asked::Closed { account, closed: closed.map_err(broken)? })
        }
    }
}

impl Route {
    /// What stands for the names in the braces, if the path is of this route. No value is empty.
    fn values<'p>(&self, path: &'p str) -> Option<[&'p str; 2]> {
        let (mut own, mut asked) = (self.path.split('/'), path.split('/'));
        let (mut values, mut count) = ([""; 2], 0);
        loop {
            match (own.next(), asked.next()) {
                (None, None) => return Some(values),
                (Some(name), Some(value)) if name.starts_with('{') && !value.is_empty() => {
                    values[count] = value;
                    count += 1;
                }
                (Some(name), Some(segment)) if is_word(name, segment) => {}
                _ => return None,
            }
        }
    }

    /// Does the account say whether there is such an endpoint?
    fn is_named(&self) -> bool {
        use Thing::{Collection, Searched, Single};
        let Place::Closed(Collection(whose) | Searched(whose) | Single(whose)) = self.place else {
            return false;
        };
        matches!(whose, Whose::Named)
    }

    fn takes(&self, method: &Method) -> bool {
        self.methods == ANY || self.methods.split(',').any(|name| name == method.as_str())
    }
}

/// A character is the same with and without its encoding (RFC 3986 §6.2.2.2).
fn is_word(name: &str, segment: &str) -> bool {
    name == segment || segment.contains('%') && percent_decode_str(segment).eq(name.bytes())
}

type Decoded<T> = Result<T, &'static str>;

/// A part of a path; the error is its name.
fn decoded<'p>(name: &'static str, part: &'p str) -> Decoded<Cow<'p, str>> {
    percent_decode_str(part).decode_utf8().map_err(|_| name)
}

fn open<'p>(document: Document, account: &'p str, value: &'p str) -> Decoded<Open<'p>> {
    let account = || decoded("accountIdentifier", account);
    Ok(match document {
        Document::Config => Open::Config,
        Document::Schemas => Open::Schemas(account()?),
        Document::Schema => Open::Schema(account()?, decoded("urn", value)?),
        Document::Types => Open::Types(account()?),
        Document::Type => Open::Type(account()?, decoded("name", value)?),
    })
}

fn closed<'p>(thing: Thing, method: &Method, values: [&'p str; 2]) -> Decoded<Closed<'p>> {
    let (whose, verb) = match thing {
        Thing::Root => return Ok(Closed::Root),
        Thing::Everywhere => return Ok(Closed::Everywhere),
        Thing::Me => return Ok(Closed::Me),
        Thing::Bulk => return Ok(Closed::Bulk),
        Thing::Collection(whose) if *method == Method::POST => (whose, Verb::Create),
        Thing::Collection(whose) => (whose, Verb::List),
        Thing::Searched(whose) => (whose, Verb::Search),
        Thing::Single(whose) => {
            let id = values[usize::from(matches!(whose, Whose::Named))];
            (whose, single(method, decoded("id", id)?))
        }
    };
    Ok(match whose {
        Whose::Users => Closed::Users(verb),
        Whose::Groups => Closed::Groups(verb),
        Whose::Named => Closed::Objects(decoded("endpoint", values[0])?, verb),
    })
}

fn single<'p>(method: &Method, id: Cow<'p, str>) -> Verb<'p> {
    match *method {
        Method::PUT => Verb::Replace(id),
        Method::PATCH => Verb::Patch(id),
        Method::DELETE => Verb::Delete(id),
        _ => Verb::Load(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<'p>(method: &str, below: &'p str) -> Result<Asked<'p>, Miss> {
        find(&method.parse().unwrap(), "acme", below)
    }

    fn closed<'p>(method: &str, below: &'p str) -> Closed<'p> {
        match asked(method, below) {
            Ok(Asked::Closed { account, closed }) if account == "acme" => closed,
            other => panic!("{method} {below}: {other:?}"),
        }
    }

    #[test]
    fn each_route_takes_its_methods_and_names_them_to_others() {
        for route in ROUTES {
            let path = route.path.replace("{endpoint}", "Devices").replace("{id}", "x");
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"] {
                let taken = route.methods.is_empty() || route.methods.split(',').any(|m| m == method);
                if !taken && path.starts_with("/Devices") {
                    let untaken = Closed::Untaken("Devices".into(), route.methods);
                    assert_eq!(closed(method, &path), untaken, "{method} {path}");
                    continue;
                }
                let expected = if taken { None } else { Some(Miss::Method(route.methods)) };
                assert_eq!(asked(method, &path).err(), expected, "{method} {path}");
            }
        }
    }

    #[test]
    fn what_reads_is_told_from_what_writes() {
        for below in ["/Users", "/Groups/x", "/Devices", "/Devices/x", "/Schemas"] {
            assert!(asked("GET", below).unwrap().reads(), "{below}");
        }
        for below in ["/.search", "/Users/.search", "/Devices/.search"] {
            assert!(asked("POST", below).unwrap().reads(), "{below}");
        }
        for (method, below) in
            [("POST", "/Users"), ("PUT", "/Groups/x"), ("PATCH", "/Devices/x"), ("DELETE", "/Users/x")]
        {
            assert!(!asked(method, below).unwrap().reads(), "{method} {below}");
        }
        assert!(!asked("POST", "/Bulk").unwrap().reads());
    }

    #[test]
    fn verbs_are_told_from_methods() {
        assert_eq!(closed("GET", "/Users"), Closed::Users(Verb::List));
        assert_eq!(closed("HEAD", "/Users"), Closed::Users(Verb::List));
        assert_eq!(closed("POST", "/Groups"), Closed::Groups(Verb::Create));
        assert_eq!(closed("POST", "/Groups/.search"), Closed::Groups(Verb::Search));
        assert_eq!(closed("HEAD", "/Users/u1"), Closed::Users(Verb::Load("u1".into())));
        assert_eq!(closed("PUT", "/Groups/g1"), Closed::Groups(Verb::Replace("g1".into())));
        assert_eq!(
            closed("PATCH", "/Devices/d1"),
            Closed::Objects("Devices".into(), Verb::Patch("d1".into()))
        );
        assert_eq!(closed("DELETE", "/Users/u1"), Closed::Users(Verb::Delete("u1".into())));
        assert_eq!(closed("FOO", "/Me"), Closed::Me);
        assert_eq!(closed("POST", "/Bulk"), Closed::Bulk);
        assert_eq!(closed("POST", "/.search"), Closed::Everywhere);
        assert_eq!(closed("HEAD", ""), Closed::Root);
        let open = |asked| Ok(Asked::Open(asked));
        assert_eq!(asked("GET", "/Schemas"), open(Open::Schemas("acme".into())));
        assert_eq!(asked("HEAD", "/ResourceTypes/User"), open(Open::Type("acme".into(), "User".into())));
    }

    #[test]
    fn words_of_the_table_come_before_names() {
        let object = |endpoint: &'static str, verb| Closed::Objects(endpoint.into(), verb);
        assert_eq!(closed("GET", "/users"), object("users", Verb::List));
        assert_eq!(closed("GET", "/Me/x"), object("Me", Verb::Load("x".into())));
        assert_eq!(closed("POST", "/.search/.search"), object(".search", Verb::Search));
        assert_eq!(
            closed("GET", "/ServiceProviderConfig/x"),
            object("ServiceProviderConfig", Verb::Load("x".into()))
        );
        assert_eq!(asked("GET", "/Users/.search"), Err(Miss::Method(POST)));
        assert_eq!(
            asked("GET", "/Schemas/.search"),
            Ok(Asked::Open(Open::Schema("acme".into(), ".search".into())))
        );
        assert_eq!(closed("GET", "/users/%"), object("users", Verb::Load("%".into())));
        // A word may come encoded, like a value.
        assert_eq!(closed("GET", "/%55sers"), Closed::Users(Verb::List));
    }

    #[test]
    fn empty_segments_are_no_values() {
        for none in
            ["/", "//", "//x", "/Users/", "/Users//", "/Users/u1/", "/Users/u1/x", "/x//.search", "//x/y"]
        {
            assert_eq!(asked("GET", none), Err(Miss::Path), "{none}");
        }
        assert!(
            matches!(find(&Method::GET, "", "/Users"), Ok(Asked::Closed { account, .. }) if account.is_empty())
        );
    }

    #[test]
    fn values_are_decoded_and_must_be_utf_8() {
        assert_eq!(closed("GET", "/Users/a%2Fb%20c+d%"), Closed::Users(Verb::Load("a/b c+d%".into())));
        for broken in ["/Users/%ff", "/%ff", "/%ff/x", "/%ff/%fe"] {
            assert_eq!(asked("GET", broken), Err(Miss::Encoding(None)), "{broken}");
        }
        assert_eq!(asked("FOO", "/Users/%ff"), Err(Miss::Method(SINGLE)));
        assert_eq!(asked("GET", "/Schemas/%ff"), Err(Miss::Encoding(Some("urn"))));
        assert_eq!(asked("GET", "/ResourceTypes/%ff"), Err(Miss::Encoding(Some("name"))));
        let of = |below| find(&Method::GET, "%ff", below);
        assert_eq!(of("/Schemas/%ff"), Err(Miss::Encoding(Some("accountIdentifier"))));
        assert_eq!(of("/Users"), Err(Miss::Encoding(None)));
        assert_eq!(of("/ServiceProviderConfig"), Ok(Asked::Open(Open::Config)));
    }
}

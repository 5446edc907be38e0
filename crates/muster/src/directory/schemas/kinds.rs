//! The schemas and resource types of an account, the standard's and its own. Accounts without definitions
//! share one set.

use std::sync::{Arc, LazyLock};

use db::Tx;
use scim::schema::Extension;
use scim::{Attribute, Attributes, Catalogue, ResourceType, Schema, Type};

use super::model::{Definition, Part, Shape};
use super::store;
use crate::directory::model::Subject;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;

/// What an account's resources are made of.
#[derive(Debug)]
pub struct Kinds {
    /// As filters, answers and discovery see them: attributes whose index is not complete count as not
    /// indexed.
    pub shown: Catalogue,
    /// As changes see them: every indexed attribute gets its rows.
    pub written: Catalogue,
    /// Of the definitions these were made from; 0: the account has never had any.
    pub generation: i64,
    /// Is there a decimal anywhere?
    pub has_decimals: bool,
    /// Sum of the definitions' versions, which tells what `generation` does not.
    versions: i64,
}

/// One resource type for a change.
#[derive(Clone, Debug)]
pub struct Written {
    /// The type.
    pub kind: Arc<ResourceType>,
    /// As in `Kinds`: a change made by older definitions is refused.
    pub generation: i64,
}

impl Kinds {
    /// Those of an account without definitions.
    pub fn standard() -> Arc<Self> {
        static STANDARD: LazyLock<Arc<Kinds>> = LazyLock::new(|| {
            let (shown, written) = (Catalogue::standard(), Catalogue::standard());
            Arc::new(Kinds { shown, written, generation: 0, has_decimals: false, versions: 0 })
        });
        STANDARD.clone()
    }

    /// Reads those of an account.
    ///
    /// # Errors
    /// Of the database.
    pub fn load(tx: &mut Tx<'_>, account: &AccountId) -> Result<Arc<Self>> {
        Self::load_unless(tx, account, None)
    }

    /// Reads those of an account, unless the known ones are still its.
    ///
    /// # Errors
    /// Of the database.
    pub fn load_unless(tx: &mut Tx<'_>, account: &AccountId, known: Option<&Arc<Self>>) -> Result<Arc<Self>> {
        let Some((generation, versions)) = store::stamp(tx, account)? else { return Ok(Self::standard()) };
        if let Some(known) =
            known.filter(|known| (known.generation, known.versions) == (generation, versions))
        {
            return Ok(known.clone());
        }
        let definitions = store::all(tx, account)?;
        let (shown, written) = (catalogue(&definitions, false), catalogue(&definitions, true));
        let has_decimals = has_decimals(&written);
        Ok(Arc::new(Self { shown, written, generation, has_decimals, versions }))
    }

    /// Users or groups, as filters and answers see them.
    ///
    /// # Panics
    /// Never: every catalogue begins with User and Group.
    pub fn of(&self, subject: Subject) -> &Arc<ResourceType> {
        &self.shown.types[usize::from(subject == Subject::Group)]
    }

    /// Users or groups, for a change.
    pub fn written(&self, subject: Subject) -> Written {
        let kind = self.written.types[usize::from(subject == Subject::Group)].clone();
        Written { kind, generation: self.generation }
    }
}

fn has_decimals(catalogue: &Catalogue) -> bool {
    fn any(attributes: &Attributes) -> bool {
        attributes.iter().any(|attr| attr.kind == Type::Decimal || any(&attr.sub))
    }
    catalogue.types.iter().any(|kind| {
        any(&kind.base.attributes) || kind.extensions.iter().any(|one| any(&one.schema.attributes))
    })
}

/// The standard types first, in their order, then the account's.
fn catalogue(definitions: &[Definition], with_pending: bool) -> Catalogue {
    let schema = |schema: &Schema, of: &Definition| {
        let alias = of.aliases.get(&schema.urn).cloned();
        let pending: &[String] = if with_pending { &[] } else { &of.pending };
        Arc::new(indexed_as_ready(Schema { alias, ..schema.clone() }, pending))
    };
    let extension = |part: &Part, of: &Definition| Extension {
        schema: schema(&part.schema, of),
        required: part.required,
    };
    let mut types = Vec::new();
    for (standard, subject) in Catalogue::standard().types.iter().zip([Subject::User, Subject::Group]) {
        let mut extensions = standard.extensions.clone();
        for definition in definitions {
            match &definition.shape {
                Shape::Extension { of, part } if *of == subject => {
                    extensions.push(extension(part, definition));
                }
                _ => {}
            }
        }
        let kind = ResourceType::new(&standard.name, &standard.endpoint, standard.base.clone(), extensions);
        types.push(Arc::new(kind));
    }
    for definition in definitions {
        if let Shape::Type { name, endpoint, description, base, extensions } = &definition.shape {
            let extensions = extensions.iter().map(|part| extension(part, definition)).collect();
            let mut kind = ResourceType::new(name, endpoint, schema(base, definition), extensions);
            kind.description.clone_from(description);
            types.push(Arc::new(kind));
        }
    }
    Catalogue { types }
}

/// Storage path of an attribute in a schema of the account.
pub fn path(base: bool, alias: &str, attr: &str, sub: Option<&str>) -> String {
    let mut path = if base { attr.to_owned() } else { format!("{alias}:{attr}") };
    if let Some(sub) = sub {
        path.push('.');
        path.push_str(sub);
    }
    path
}

/// Takes the mark from attributes whose index is not complete.
fn indexed_as_ready(schema: Schema, pending: &[String]) -> Schema {
    if pending.is_empty() {
        return schema;
    }
    let (urn, alias) = (schema.urn.clone(), schema.alias.clone().unwrap_or_default());
    let waits = |attr: &str, sub: Option<&str>| {
        [true, false]
            .iter()
            .any(|base| pending.contains(&format!("{urn} {}", path(*base, &alias, attr, sub))))
    };
    let ready = |attr: &Attribute, parent: Option<&str>| {
        let mut attr = attr.clone();
        attr.indexed &= match parent {
            None => !waits(&attr.name, None),
            Some(parent) => !waits(parent, Some(&attr.name)),
        };
        attr
    };
    let top = schema.attributes.iter().map(|attr| {
        let sub = attr.sub.iter().map(|sub| Arc::new(ready(sub, Some(&attr.name)))).collect();
        Arc::new(Attribute { sub: Attributes::new(sub), ..ready(attr, None) })
    });
    Schema { attributes: Attributes::new(top.collect()), ..schema }
}

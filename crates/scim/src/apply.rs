//! Steps of a PATCH on a document. The document is taken by value, so a failed PATCH leaves nothing half
//! done (contract PA-1). Values were typed when the request was read; here only what depends on the
//! document is decided: what matches, what is immutable, what changed.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dialect::{Mender, Quirk};
use crate::element::{
    absorb, clear_other_primaries, described_by, gone, is_primary, keep_distinct, list_at, matching,
    merge_into, object_at, set, take_away, write, write_all, write_sub,
};
use crate::error::ScimError;
use crate::fixed::{change_element, check_kept, has_fixed, keep_spelling, with_read_only};
use crate::patch::{PatchOutcome, PatchRequest};
use crate::pointer::{Before, REFERENCE};
use crate::required::{Lacking, check_elements, check_removed, removes_required};
use crate::resolve::Expr;
use crate::same::{Places, Wanted, weight};
use crate::schema::{AttrRef, Attribute, ResourceType, Schema};
use crate::step::{ElementChange, How, Step, Target};
use crate::value::{MAX_VALUES, Place, check_lengths, elements, is_unassigned, too_many_values};

/// Most work one PATCH may cause, as [`Expr::weight_in`] counts it: what real clients send needs a few dozen.
pub const MAX_WORK: usize = 1_000_000;

impl PatchRequest {
    /// Applies the operations in order. Errors: 400 `noTarget`, `mutability` or `invalidValue`; the
    /// document is then gone, as nothing of it may be stored. Operations that cancel each other out count
    /// as a change.
    pub fn apply(
        &self,
        kind: &ResourceType,
        document: Value,
        mender: &mut Mender,
    ) -> Result<PatchOutcome, ScimError> {
        let Value::Object(map) = document else {
            return Err(ScimError::plain(500, "The stored resource is not an object."));
        };
        let lacking = Lacking::of(&self.steps, kind, &map);
        let mut applier = Applier { document: map, changed_paths: Vec::new(), budget: MAX_WORK, mender };
        for (at, step) in self.steps.iter().enumerate() {
            applier.step(step, at == 0).map_err(|error| self.in_step(at, error))?;
        }
        let Applier { mut document, changed_paths, .. } = applier;
        lacking.check_subs(&self.steps, &document).map_err(|(at, error)| self.in_step(at, error))?;
        lacking.settle_extensions(kind, &mut document)?;
        Ok(PatchOutcome {
            document: Value::Object(document),
            changed: !changed_paths.is_empty(),
            changed_paths,
        })
    }
}

struct Applier<'a> {
    document: Map<String, Value>,
    changed_paths: Vec<String>,
    budget: usize,
    mender: &'a mut Mender,
}

fn no_target(attr: &AttrRef) -> ScimError {
    ScimError::no_target(format!("No value of {attr} matches the path; add the value first."))
}

/// `add` means one value (RFC 7644 §3.5.2.1): written to all, it would make one of several.
fn unnamed(attr: &AttrRef, sub: &Attribute) -> ScimError {
    ScimError::no_target(format!(
        "{attr} has several values, and add does not say to which one; name it by a filter, as in \
         {attr}[…].{}, or change all with replace.",
        sub.name
    ))
}

impl Applier<'_> {
    /// Carries out one step. The first one may go once through whatever is there, however much that is: else
    /// there would be values that nothing changes any more.
    fn step(&mut self, step: &Step, is_first: bool) -> Result<(), ScimError> {
        let attr = match step.target() {
            Target::Extension(schema) => return self.remove_extension(schema),
            Target::Attribute(attr) => attr,
        };
        let name = &attr.attr.name;
        let there = self.holder(attr).get(name);
        let was_there = there.is_some();
        if let Some(there) = there {
            // Whatever it does, it goes through what is there, and each term of its filter through what it
            // names.
            let (once, terms) = (weight(there), step.filter().map_or(0, |filter| filter.weight_in(there)));
            self.spend(if is_first { terms.saturating_sub(once) } else { once + terms }, 1)?;
        }
        let fixed = if has_fixed(&attr.attr) { self.holder(attr).get(name).cloned() } else { None };
        let changed = self.change(step, attr)?;
        let holder = self.holder(attr);
        let changed = match fixed {
            Some(before) => {
                let now = holder.get_mut(name);
                check_kept(attr, &before, now.as_deref())?;
                if let Some(now) = now {
                    keep_spelling(&attr.attr, &before, now);
                }
                changed && holder.get(name) != Some(&before)
            }
            None => changed,
        };
        if attr.attr.required && was_there && !holder.contains_key(name) {
            return Err(ScimError::mutability(format!("{attr} is required and cannot be removed.")));
        }
        if changed {
            if let Some(value) = holder.get(name) {
                check_lengths(&attr.attr, elements(value), Place::from(attr))?;
            }
            self.note(match step {
                Step::Sub { sub, .. } => attr.with_sub(Some(sub)).to_string(),
                _ => attr.to_string(),
            });
        }
        Ok(())
    }

    fn change(&mut self, step: &Step, attr: &AttrRef) -> Result<bool, ScimError> {
        match step {
            Step::RemoveExtension { .. } => Ok(false),
            Step::Put { value, .. } => Ok(self.put(attr, value.as_ref())),
            Step::Merge { subs, how, .. } => Ok(self.merge(attr, subs, *how)),
            Step::Append { values, .. } => self.append(attr, values),
            Step::RemoveValues { values, .. } => self.remove_values(attr, values),
            Step::Sub { filter, sub, value, create, how, .. } => {
                self.sub(attr, filter.as_ref(), (sub, value.as_ref(), *how), *create)
            }
            Step::Elements { filter, change, create, .. } => self.elements(attr, filter, change, *create),
        }
    }

    fn remove_extension(&mut self, schema: &Arc<Schema>) -> Result<(), ScimError> {
        let Some(Value::Object(gone)) = self.document.shift_remove(&schema.urn) else { return Ok(()) };
        for attr in schema.attributes.iter() {
            let Some(before) = gone.get(&attr.name) else { continue };
            check_kept(&AttrRef::new(Some(schema), attr, None), before, None)?;
        }
        self.note(schema.urn.clone());
        Ok(())
    }

    /// Counts work: the weight of values, and how often they are gone through. A PATCH that wants too much is
    /// refused before it is done.
    fn spend(&mut self, weight: usize, times: usize) -> Result<(), ScimError> {
        match self.budget.checked_sub(weight.saturating_mul(times)) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(ScimError::invalid_value(format!(
                "The operations compare or write more than {MAX_WORK} values, of which a long text counts as \
                 several; send them in several requests."
            ))),
        }
    }

    fn note(&mut self, path: String) {
        if !self.changed_paths.contains(&path) {
            self.changed_paths.push(path);
        }
    }

    /// The object that holds the attribute; made if the extension is not there yet.
    fn holder(&mut self, attr: &AttrRef) -> &mut Map<String, Value> {
        match &attr.extension {
            None => &mut self.document,
            Some(schema) => object_at(&mut self.document, &schema.urn),
        }
    }

    fn put(&mut self, attr: &AttrRef, value: Option<&Value>) -> bool {
        let Some(sub) = &attr.sub else {
            return set(self.holder(attr), &attr.attr.name, value);
        };
        self.merge(&attr.with_sub(None), std::slice::from_ref(&(sub.clone(), value.cloned())), How::Set)
    }

    fn merge(&mut self, attr: &AttrRef, subs: &[(Arc<Attribute>, Option<Value>)], how: How) -> bool {
        let holder = self.holder(attr);
        let map = object_at(holder, &attr.attr.name);
        let before = Before::of(&attr.attr, map);
        let mut changed = false;
        for (sub, value) in subs {
            changed |= write(map, sub, value.as_ref(), how);
        }
        before.settle(&attr.attr, map, subs.iter().any(|(sub, _)| sub.name == REFERENCE));
        if map.is_empty() {
            holder.shift_remove(&attr.attr.name);
        }
        changed
    }

    /// The list an `AttrRef` means: an attribute, or a multi-valued sub-attribute.
    fn list(&mut self, attr: &AttrRef) -> &mut Vec<Value> {
        let holder = self.holder(attr);
        match &attr.sub {
            None => list_at(holder, &attr.attr.name),
            Some(sub) => list_at(object_at(holder, &attr.attr.name), &sub.name),
        }
    }

    fn drop_if_empty(&mut self, attr: &AttrRef) {
        let holder = self.holder(attr);
        if let Some(sub) = &attr.sub
            && let Some(Value::Object(map)) = holder.get_mut(&attr.attr.name)
            && map.get(&sub.name).is_some_and(is_unassigned)
        {
            map.shift_remove(&sub.name);
        }
        if holder.get(&attr.attr.name).is_some_and(is_unassigned) {
            holder.shift_remove(&attr.attr.name);
        }
    }

    fn append(&mut self, attr: &AttrRef, values: &[Value]) -> Result<bool, ScimError> {
        let list = self.list(attr);
        let mut places = Places::of(attr.leaf(), list);
        let mut changed = false;
        for value in values {
            let at = if let Some(at) = places.find_or_note(attr.leaf(), value, list.len()) {
                changed |= change_element(attr, &mut list[at], |old| merge_into(attr.leaf(), old, value))?;
                at
            } else {
                check_elements(&attr.attr, std::slice::from_ref(value), Place::from(attr))?;
                list.push(value.clone());
                changed = true;
                list.len() - 1
            };
            if is_primary(value) && clear_other_primaries(list, at) {
                changed = true;
                // What has no value is told by all of it, its mark included. One of the values is primary at
                // most, so that this happens once.
                places = Places::of(attr.leaf(), list);
            }
        }
        if list.len() > MAX_VALUES {
            return Err(too_many_values(Place::from(attr)));
        }
        self.drop_if_empty(attr);
        Ok(changed)
    }

    /// Which of the elements the values describe.
    fn described(&mut self, attr: &AttrRef, values: &[Value]) -> Result<Vec<bool>, ScimError> {
        let wanted = Wanted::of(attr.leaf(), values);
        let list = self.list(attr).iter().map(weight).sum();
        self.spend(list, wanted.shapes())?;
        Ok(self.list(attr).iter().map(|element| wanted.has(element)).collect())
    }

    fn remove_values(&mut self, attr: &AttrRef, values: &[Value]) -> Result<bool, ScimError> {
        let mut goes = self.described(attr, values)?.into_iter();
        let list = self.list(attr);
        let before = list.len();
        list.retain(|_| goes.next() != Some(true));
        let changed = list.len() < before;
        if changed && list.is_empty() && attr.leaf().required {
            return Err(removes_required(attr));
        }
        self.drop_if_empty(attr);
        Ok(changed)
    }

    fn sub(
        &mut self,
        attr: &AttrRef,
        filter: Option<&Expr>,
        (sub, value, how): (&Arc<Attribute>, Option<&Value>, How),
        create: bool,
    ) -> Result<bool, ScimError> {
        if !attr.attr.multi_valued {
            // A filter on a single complex value: it matches or not.
            let current = self.holder(attr).get(&attr.attr.name);
            if !current.is_some_and(|element| filter.is_none_or(|filter| filter.matches_element(element))) {
                return if value.is_none() { Ok(false) } else { Err(no_target(attr)) };
            }
            let changed = self.merge(attr, std::slice::from_ref(&(sub.clone(), value.cloned())), how);
            let left = self.holder(attr).get(&attr.attr.name).and_then(|element| element.get(&sub.name));
            if changed && left.is_none() {
                check_removed(attr, sub)?;
            }
            return Ok(changed);
        }
        let mut matches = matching(self.list(attr), filter);
        if filter.is_none() && how == How::Add && !sub.multi_valued && matches.len() > 1 {
            return Err(unnamed(attr, sub));
        }
        self.spend(matches.len(), value.filter(|_| how != How::Remove).map_or(0, weight))?;
        let list = self.list(attr);
        let makes_primary = sub.name == "primary" && value == Some(&Value::Bool(true));
        if makes_primary && !matches.is_empty() {
            // One of several matches can be primary: the one that is already, else the first.
            let keep = matches.iter().copied().find(|&at| is_primary(&list[at])).unwrap_or(matches[0]);
            matches = vec![keep];
        }
        let mut changed = false;
        let gone = gone(sub, value, how);
        for &at in &matches {
            let was_there = list[at].get(&sub.name).is_some();
            let write = |map: &mut Map<String, Value>| match &gone {
                Some(gone) => take_away(&attr.attr, map, (sub, gone)),
                None => write_sub(&attr.attr, map, (sub, value), how),
            };
            changed |=
                change_element(attr, &mut list[at], |element| element.as_object_mut().is_some_and(write))?;
            if was_there && list[at].get(&sub.name).is_none() {
                check_removed(attr, sub)?;
            }
        }
        if makes_primary && !matches.is_empty() {
            changed |= clear_other_primaries(list, matches[0]);
        }
        list.retain(|element| !is_unassigned(element));
        distinct(attr, list)?;
        if let (true, Some(value)) = (matches.is_empty() && how != How::Remove, value) {
            let new = Value::Object(Map::from_iter([(sub.name.clone(), value.clone())]));
            return self.create(attr, filter, &new, create, how);
        }
        self.drop_if_empty(attr);
        Ok(changed)
    }

    /// Nothing matched: creates the element the filter describes, if the dialect wants that.
    fn create(
        &mut self,
        attr: &AttrRef,
        filter: Option<&Expr>,
        new: &Value,
        create: bool,
        how: How,
    ) -> Result<bool, ScimError> {
        if !create {
            return Err(no_target(attr));
        }
        let mut base = match filter {
            Some(filter) => described_by(filter, &attr.attr).ok_or_else(|| no_target(attr))?,
            None => Map::new(),
        };
        if let Some(new) = new.as_object() {
            write_all(&attr.attr, &mut base, new, how);
        }
        let base = Value::Object(base);
        // What the filter does not find would be made again by the same request.
        let is_found = filter.is_none_or(|filter| filter.matches_element(&base));
        if !is_found || !self.mender.mend(Quirk::CreatedElement, attr) {
            return Err(no_target(attr));
        }
        self.append(attr, &[base])
    }

    fn elements(
        &mut self,
        attr: &AttrRef,
        filter: &Expr,
        change: &ElementChange,
        create: bool,
    ) -> Result<bool, ScimError> {
        if !attr.attr.multi_valued {
            return self.single_element(attr, filter, change);
        }
        let matches = matching(self.list(attr), Some(filter));
        let new = match change {
            ElementChange::Merge(new) | ElementChange::Replace(new) => new,
            ElementChange::Remove => return Ok(self.remove_at(attr, &matches)),
            ElementChange::RemoveValues(values) => {
                let goes = self.described(attr, values)?;
                let named: Vec<usize> = matches.into_iter().filter(|at| goes[*at]).collect();
                return Ok(self.remove_at(attr, &named));
            }
        };
        let Some(&first) = matches.first() else {
            // Only `add` may mean an element that is not there yet (contract PA-5, RFC 7644 §3.5.2.3).
            return if new.is_object() && matches!(change, ElementChange::Merge(_)) {
                self.create(attr, Some(filter), new, create, How::Add)
            } else {
                Err(no_target(attr))
            };
        };
        self.spend(matches.len(), weight(new))?;
        let list = self.list(attr);
        let whole = matches!(change, ElementChange::Replace(_));
        let mut changed = false;
        if whole {
            // All matches become the same element, and that stands once.
            let new = with_read_only(&attr.attr, &list[first], new);
            for &at in &matches {
                changed |=
                    change_element(attr, &mut list[at], |old| std::mem::replace(old, new.clone()) != new)?;
            }
            matches[1..].iter().rev().for_each(|&at| drop(list.remove(at)));
            changed |= matches.len() > 1;
        } else {
            let mut rest = new.clone();
            rest.as_object_mut().map(|map| map.shift_remove("primary"));
            for &at in &matches {
                let new = if at == first { new } else { &rest };
                changed |= change_element(attr, &mut list[at], |old| merge_into(&attr.attr, old, new))?;
            }
        }
        if is_primary(new) {
            changed |= clear_other_primaries(list, first);
        }
        distinct(attr, list)?;
        Ok(changed)
    }

    /// Removes the elements at these places, which are in order.
    fn remove_at(&mut self, attr: &AttrRef, places: &[usize]) -> bool {
        let list = self.list(attr);
        places.iter().rev().for_each(|&at| drop(list.remove(at)));
        self.drop_if_empty(attr);
        !places.is_empty()
    }

    /// A filter on a single value: the value is the one element.
    fn single_element(
        &mut self,
        attr: &AttrRef,
        filter: &Expr,
        change: &ElementChange,
    ) -> Result<bool, ScimError> {
        let current = self.holder(attr).get(&attr.attr.name);
        match (current.filter(|element| filter.matches_element(element)), change) {
            (None, ElementChange::Remove | ElementChange::RemoveValues(_)) => Ok(false),
            (None, _) => Err(no_target(attr)),
            (Some(_), ElementChange::Remove) => Ok(self.put(attr, None)),
            (Some(old), ElementChange::RemoveValues(values)) => {
                Ok(Wanted::of(&attr.attr, values).has(old) && self.put(attr, None))
            }
            (Some(old), ElementChange::Replace(new)) => {
                let new = with_read_only(&attr.attr, old, new);
                Ok(self.put(attr, Some(&new)))
            }
            (Some(old), ElementChange::Merge(new)) => {
                let mut merged = old.clone();
                merge_into(&attr.attr, &mut merged, new);
                Ok(self.put(attr, Some(&merged)))
            }
        }
    }
}

/// Lets each value stand once. What is fixed in the first stays.
fn distinct(attr: &AttrRef, list: &mut Vec<Value>) -> Result<(), ScimError> {
    keep_distinct(&attr.attr, list, |kept, again| {
        change_element(attr, kept, |kept| absorb(&attr.attr, kept, again)).map(drop)
    })
}

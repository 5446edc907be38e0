//! Bodies whose members are read by their names alone. What serde derives for a struct also takes a list, and
//! fills the members by their order in the source, which no client can know: such a list would be acted upon.
//! Where the other form of the API spells a member otherwise, that spelling would be passed over in silence.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer as _, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde_json::Value;

use super::extract::is_empty;

/// A value in which every struct, at whatever depth, is read from an object.
#[derive(Debug)]
pub struct ByName<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByName<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        by_name(from).map(Self)
    }
}

fn by_name<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    T::deserialize(Named(from, false))
}

/// A body under `/v1`: a member by the name that the other form has for it is refused, with the name that it
/// has here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename = "SpelledHere")]
pub struct Spelled<T>(pub T);

/// How serde calls the type.
const SPELLED: &str = "SpelledHere";

impl<T: JsonSchema> JsonSchema for Spelled<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// What the other form's names may have at their end: `orgIdentifier` is `org` here.
const ENDS: [&str; 3] = ["identifier", "list", "s"];

/// The member that this name, which is none of them, means.
fn meant(name: &str, members: &[&'static str]) -> Option<&'static str> {
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let (is_there, name) = (members.contains(&name), plain(name));
    let is_it =
        |member: &str| name == member || ENDS.iter().any(|end| name.strip_suffix(end) == Some(member));
    if is_there { None } else { members.iter().find(|member| is_it(&plain(member))).copied() }
}

/// The value of a member that is spelled otherwise: nothing, or the body would seem to say it.
struct Misspelled(&'static str);

impl<'de> DeserializeSeed<'de> for Misspelled {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        if is_empty(&Value::deserialize(from)?) {
            return Ok(());
        }
        Err(D::Error::custom(format_args!("is called {} under /v1; send it by that name", self.0)))
    }
}

/// Whatever hands out values, so that each of them is read by names; are those to be spelled as here?
struct Named<T>(T, bool);

/// Whatever takes a value.
struct Taker<V> {
    visitor: V,
    /// Of the struct that it is.
    members: Option<&'static [&'static str]>,
    spelled: bool,
}

impl<V> Taker<V> {
    fn of(visitor: V, spelled: bool) -> Self {
        Self { visitor, members: None, spelled }
    }

    fn of_struct(visitor: V, members: &'static [&'static str], spelled: bool) -> Self {
        Self { visitor, members: Some(members), spelled }
    }
}

/// The members of a struct.
struct Members<A> {
    object: A,
    known: &'static [&'static str],
    spelled: bool,
}

macro_rules! forward {
    ($($method:ident($($argument:ident: $kind:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($argument,)* Taker::of(visitor, self.1))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Named<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Taker::of_struct(visitor, fields, self.1))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Taker::of(visitor, self.1 || name == SPELLED))
    }

    forward! {
        deserialize_any() deserialize_bool() deserialize_char() deserialize_str() deserialize_string()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_bytes() deserialize_byte_buf() deserialize_option()
        deserialize_unit() deserialize_seq() deserialize_map() deserialize_identifier()
        deserialize_ignored_any() deserialize_unit_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! hand_on {
    ($($method:ident($kind:ty))*) => {$(
        fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Taker<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    hand_on! {
        visit_bool(bool) visit_char(char) visit_f32(f32) visit_f64(f64)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Named(from, self.spelled))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Named(from, self.spelled))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        if self.members.is_some() {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        self.visitor.visit_seq(Named(list, self.spelled))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<V::Value, A::Error> {
        match self.members {
            Some(known) => self.visitor.visit_map(Members { object, known, spelled: self.spelled }),
            None => self.visitor.visit_map(Named(object, self.spelled)),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, word: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(Named(word, self.spelled))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Named<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Named(from, self.1))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Named<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Named(seed, self.1))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Named<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Named(seed, self.1))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Named(seed, self.1))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        if !self.spelled {
            return self.object.next_key_seed(Named(seed, false));
        }
        while let Some(name) = self.object.next_key::<String>()? {
            match meant(&name, self.known) {
                Some(member) => self.object.next_value_seed(Misspelled(member))?,
                None => return seed.deserialize(name.into_deserializer()).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.object.next_value_seed(Named(seed, self.spelled))
    }

    fn size_hint(&self) -> Option<usize> {
        self.object.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Named<A> {
    type Error = A::Error;
    type Variant = Named<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.0.variant_seed(Named(seed, self.1)).map(|(word, rest)| (word, Named(rest, self.1)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Named<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Named(seed, self.1))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Taker::of(visitor, self.1))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Taker::of_struct(visitor, fields, self.1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Outer {
        inner: Option<Inner>,
        list: Vec<Inner>,
        map: BTreeMap<String, Inner>,
        pair: Option<(i64, Inner)>,
        word: Option<Word>,
        wrapped: Option<Wrapped>,
        any: Value,
        #[serde(flatten, deserialize_with = "by_name")]
        flat: Flat,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Wrapped(Inner);

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Flat {
        deep: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        name: String,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    enum Word {
        Plain,
        Held(Inner),
        Members { name: String },
    }

    fn json_of<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        serde_json::from_str::<ByName<T>>(text).map(|ByName(read)| read).map_err(|error| error.to_string())
    }

    fn yaml_of<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        serde_saphyr::from_str::<ByName<T>>(text).map(|ByName(read)| read).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_by_name_is_read_as_ever() {
        for body in [
            json!({}),
            json!({"inner": {"name": "a"}, "list": [{"name": "b"}], "map": {"c": {"name": "d"}}}),
            json!({"pair": [1, {"name": "e"}], "any": [[1, null], {"f": 1.5}], "deep": {"name": "g"}}),
            json!({"word": "Plain", "wrapped": {"name": "h"}}),
            json!({"word": {"Held": {"name": "i"}}, "inner": null}),
            json!({"word": {"Members": {"name": "j"}}, "other": [1]}),
        ] {
            let text = body.to_string();
            let plain: Outer = serde_json::from_str(&text).unwrap();
            assert_eq!(json_of::<Outer>(&text).unwrap(), plain, "{text}");
            assert_eq!(yaml_of::<Outer>(&text).unwrap(), plain, "{text}");
        }
        assert_eq!(json_of::<Vec<Option<Inner>>>("[null]").unwrap(), [None]);
    }

    #[test]
    fn a_list_is_no_struct_at_any_depth() {
        for text in [
            "[]",
            r#"{"inner": ["a"]}"#,
            r#"{"list": [{"name": "a"}, ["b"]]}"#,
            r#"{"map": {"c": ["d"]}}"#,
            r#"{"pair": [1, ["e"]]}"#,
            r#"{"wrapped": ["h"]}"#,
            r#"{"word": {"Held": ["i"]}}"#,
            r#"{"word": {"Members": ["j"]}}"#,
            r#"{"deep": ["g"]}"#,
        ] {
            let error = json_of::<Outer>(text).unwrap_err();
            assert!(error.starts_with("invalid type: sequence, expected struct "), "{text}: {error}");
            yaml_of::<Outer>(text).unwrap_err();
        }
        assert_eq!(
            json_of::<Inner>(r#" ["a"]"#).unwrap_err(),
            "invalid type: sequence, expected struct Inner at line 1 column 2"
        );
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Place {
        start_time: Option<i64>,
        org: Option<String>,
        included_scope: Vec<Place>,
        identifiers: Vec<String>,
        names: BTreeMap<String, String>,
    }

    #[test]
    fn the_spelling_of_the_other_form_is_refused_at_any_depth() {
        for (body, wrong) in [
            (json!({"startTime": 1}), "start_time"),
            (json!({"Start_Time": 1}), "start_time"),
            (json!({"orgIdentifier": "o"}), "org"),
            (json!({"includedScopes": [{}]}), "included_scope"),
            (json!({"included_scope": [{"org_identifier": "o"}]}), "org"),
        ] {
            let error = json_of::<Spelled<Place>>(&body.to_string()).unwrap_err();
            assert!(error.contains(&format!("is called {wrong} under /v1")), "{body}: {error}");
            assert!(yaml_of::<Spelled<Place>>(&body.to_string()).is_err(), "{body}");
            assert!(json_of::<Place>(&body.to_string()).is_ok(), "{body}");
        }
        let body = json!({"start_time": 1, "startTime": null, "other": 2, "names": {"startTime": "a"}, "identifiers": ["i"]});
        let Spelled(read) = json_of::<Spelled<Place>>(&body.to_string()).unwrap();
        assert_eq!(
            (read.start_time, read.names["startTime"].as_str(), read.identifiers.len()),
            (Some(1), "a", 1)
        );
    }
}
